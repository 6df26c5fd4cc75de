"""The exercises of notebooks/09_evaluating_retrieval.ipynb."""

from functools import cache, partial
from math import log2
from typing import Any

import numpy as np

from course_lib import retrieval_metrics
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, function_check
from course_lib.exercises.guard import NotAttempted
from course_lib.significance import benjamini_hochberg, holm, paired_permutation_test
from course_lib.statistics import paired_bootstrap_interval

# ------------------------------------------------------------------------------------------------
# 9.1 nDCG


def _dcg(grades: Any) -> float:
    return float(sum(grade / log2(rank + 1) for rank, grade in enumerate(grades, start=1)))


def _ndcg(ranking: Any, gains: Any, k: Any, how: str) -> Any:
    """NDCG with one thing changed."""
    found = [gains.get(name, 0) for name in ranking[:k]]
    if how == "all places":
        found = [gains.get(name, 0) for name in ranking]
    elif how == "condensed":
        found = [gains[name] for name in ranking if name in gains][:k]
    best = sorted(gains.values(), reverse=True)[:k]
    if how == "best of the found":
        best = sorted(found, reverse=True)
    elif how == "best not cut":
        best = sorted(gains.values(), reverse=True)
    elif how == "best as short as the found":
        best = best[: len(found)]
    elif how == "best not sorted":
        best = list(gains.values())[:k]
    elif how == "best rising":
        best = sorted(gains.values())[:k]
    if how == "exponential":
        found, best = [2**grade - 1 for grade in found], [2**grade - 1 for grade in best]
    elif how == "yes or no":
        found, best = [grade > 0 for grade in found], [grade > 0 for grade in best]
    if how == "no discount":
        return sum(found) / sum(best) if sum(best) else 0.0
    if how == "by place":
        total = sum(grade / rank for rank, grade in enumerate(found, start=1))
        most = sum(grade / rank for rank, grade in enumerate(best, start=1))
        return total / most if most else 0.0
    if how == "not divided":
        return _dcg(found)
    if how == "no zero":
        return _dcg(found) / _dcg(best)
    if how == "one of nothing":
        return _dcg(found) / _dcg(best) if _dcg(best) else 1.0
    return _dcg(found) / _dcg(best) if _dcg(best) else 0.0


def _ndcg_from_one(ranking: Any, gains: Any, k: Any) -> Any:
    found = [gains.get(name, 0) for name in ranking[:k]]
    best = sorted(gains.values(), reverse=True)[:k]
    total = sum(grade / log2(rank) for rank, grade in enumerate(found, start=1))
    return total / sum(grade / log2(rank) for rank, grade in enumerate(best, start=1))


_NDCG_SOLUTION = """
def my_ndcg(ranking, gains, k):
    discount = [1 / np.log2(rank + 1) for rank in range(1, k + 1)]
    found = [gains.get(name, 0) for name in ranking[:k]]        # not judged: 0
    best = sorted(gains.values(), reverse=True)[:k]             # all that are judged, found or not
    discounted = sum(g * d for g, d in zip(found, discount))
    most = sum(g * d for g, d in zip(best, discount))
    return discounted / most if most else 0.0
"""

_GAINS = {"b": 1, "a": 2, "d": 2, "e": 1, "f": 0}

# ------------------------------------------------------------------------------------------------
# 9.2 A paired permutation test


def _permutation(differences: Any, n: Any, seed: Any) -> Any:
    differences = np.asarray(differences, dtype=float)
    return paired_permutation_test(differences, 0 * differences, n_resamples=n, seed=seed)


def _patterns(differences: Any, n: int, seed: int) -> tuple[Any, float]:
    signs = np.random.default_rng(seed).choice([-1, 1], (n, len(differences)))
    return (signs * differences).mean(axis=1), float(np.mean(differences))


def _permutation_variant(differences: Any, n: Any, seed: Any, how: str) -> Any:
    """The test with one thing changed."""
    if how == "seed ignored":
        return _permutation(differences, n, 0)
    if how == "no seed":
        return _permutation(differences, n, np.random.default_rng().integers(2**32))
    means, real = _patterns(differences, n, seed)
    rng = np.random.default_rng(seed)
    count = np.sum(np.abs(means) >= abs(real) - 1e-12)
    if how == "of n":
        return (1 + count) / n
    if how == "doubled":
        return min(1, 2 * (1 + np.sum(means * np.sign(real) >= abs(real) - 1e-12)) / (n + 1))
    if how == "not counted":
        return np.mean(np.abs(means) >= abs(real) - 1e-12)
    if how == "one-sided":
        return (1 + np.sum(means >= real - 1e-12)) / (n + 1)
    if how == "strict":
        return (1 + np.sum(np.abs(means) > abs(real) + 1e-12)) / (n + 1)
    if how == "complement":
        return 1 - np.mean(np.abs(means) >= abs(real) - 1e-12)
    if how == "one sign":  # the same for all questions
        means = rng.choice([-1, 1], (n, 1))[:, 0] * real
    elif how == "resampled":
        drawn = rng.integers(0, len(differences), (n, len(differences)))
        means = np.asarray(differences)[drawn].mean(axis=1)
    return (1 + np.sum(np.abs(means) >= abs(real) - 1e-12)) / (n + 1)


_SIGNED = np.array([1.0, 1, 1, 0, 0, -1, 1, 1])
_TEST_CASES: tuple[tuple[Any, int, int], ...] = (
    (_SIGNED, 20_000, 0),
    (-_SIGNED, 20_000, 1),
    (np.random.default_rng(5).normal(0.25, 1.0, 30), 20_000, 2),
    (np.ones(24), 9, 3),
)
_TEST_WRONG = (
    (
        "not counted",
        "The real pattern is not counted: of 9 random ones and the real one, at least the real "
        "one is that far out. Return (1 + count) / (n + 1), which is never 0.",
    ),
    (
        "of n",
        "With the real one there are n + 1 patterns: (1 + count) / (n + 1).",
    ),
    (
        "doubled",
        "You double one side, and the real pattern with it. Count both sides, by the distance "
        "from 0, and the real one once.",
    ),
    ("one-sided", "You count one side. Either search may be ahead: compare distances from 0."),
    ("strict", "As far out counts too: >=, not >. With scores of 0 and 1 many patterns tie."),
    ("complement", "This is the share that is less far out: 1 - p."),
    (
        "one sign",
        "Every pattern is as far out as the real one. Either all questions get the same sign, or "
        "you shuffle, which leaves the mean as it is. Each question tosses its own coin: signs of "
        "shape (n, n_questions).",
    ),
    (
        "resampled",
        "You draw questions again, which is the bootstrap. Here the questions stay, and their "
        "signs change.",
    ),
)


_SEED_IGNORED = "Every seed gives the same p: hand it on, np.random.default_rng(seed)."
_NO_SEED = "The same seed gives another p each time: np.random.default_rng(seed)."


def _check_seed(test: Any) -> None:
    """Want the same p for the same seed, and another for most others."""
    differences = _TEST_CASES[2][0]
    once, again = ([float(test(differences, 999, seed)) for seed in range(4)] for _ in range(2))
    if once != again:
        raise Wrong(_NO_SEED, got=again, expected=once)
    if len(set(once)) == 1:
        raise Wrong(_SEED_IGNORED, got=once)


def check_permutation(test: Any) -> None:
    """Want p-values near the exact ones, and name the mistake that gives others."""
    got: list[float] = []
    for case in _TEST_CASES:
        value = np.asarray(test(*case))
        if value.shape != () or value.dtype.kind not in "fiu":
            raise Wrong("One number is wanted: the share of patterns.", got=value)
        got.append(float(value))
    wanted = [_permutation(*case) for case in _TEST_CASES]
    if _near(got, wanted):
        _check_seed(test)
        return
    for how, message in _TEST_WRONG:
        if _near(got, [_permutation_variant(*case, how) for case in _TEST_CASES]):
            raise Wrong(message, got=got, expected=wanted)
    off = [abs(g - w) / limit for g, w, limit in zip(got, wanted, _LIMITS, strict=True)]
    worst = int(np.argmax(off))
    raise Wrong(
        "The share is another one.",
        given=f"differences = {np.round(_TEST_CASES[worst][0], 2).tolist()}, "
        f"n = {_TEST_CASES[worst][1]}",
        got=got[worst],
        expected=f"about {wanted[worst]:.3f}",
    )


# 20,000 patterns leave p a standard error of 0.0035 at most; the last case has hardly any luck.
_LIMITS = (0.02, 0.02, 0.02, 0.003)


def _near(got: list[float], wanted: list[float]) -> bool:
    return all(abs(g - w) <= limit for g, w, limit in zip(got, wanted, _LIMITS, strict=True))


_PERMUTATION_SOLUTION = """
def my_test(differences, n, seed):
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], (n, len(differences)))
    means = (signs * differences).mean(axis=1)             # (n,)
    as_far = np.abs(means) >= abs(np.mean(differences)) - 1e-12   # rounding must not break a tie
    return (1 + as_far.sum()) / (n + 1)
"""

# ------------------------------------------------------------------------------------------------
# 9.3 Holm


def _holm_variant(p_values: Any, how: str) -> Any:
    """Holm with one thing changed."""
    p = np.asarray(p_values, dtype=float)
    n, order = len(p), np.argsort(p, kind="stable")
    factors = np.arange(n, 0, -1)
    if how == "bonferroni":
        return np.minimum(p * n, 1)
    if how == "not sorted":
        return np.minimum(np.maximum.accumulate(p * factors), 1)
    if how == "order as rank":
        return np.minimum(p * (n - order), 1)
    factors = factors[::-1] if how == "rising factors" else factors - (how == "one less")
    adjusted = p[order] * factors
    if how == "step up":
        adjusted = np.minimum.accumulate(adjusted[::-1])[::-1]
    elif how != "falls":
        adjusted = np.maximum.accumulate(adjusted)
    if how != "above 1":
        adjusted = np.minimum(adjusted, 1)
    if how == "sorted":
        return adjusted
    result = np.empty(n)
    result[order] = adjusted
    return result if how != "order twice" else adjusted[order]


_HOLM_SOLUTION = """
def my_holm(p_values):
    p = np.array(p_values)
    order = np.argsort(p)                            # smallest first
    factors = np.arange(len(p), 0, -1)               # n, n - 1, ..., 1
    rising = np.maximum.accumulate(p[order] * factors)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(rising, 1)          # back to the order given
    return adjusted
"""

# ------------------------------------------------------------------------------------------------
# 9.4 Worst and best case


def bounds(grades: Any, k: Any) -> Any:
    """Success@k if no unjudged piece answers, and if every one does.

    Args:
        grades: for each question the grades of the pieces found, best first; None: not judged.
        k: how many places count.

    >>> bounds([[0, 2], [None, 0]], 1)
    (0.0, 0.5)
    """
    first = [row[:k] for row in grades]
    worst = sum(2 in row for row in first) / len(grades)
    best = sum(2 in row or None in row for row in first) / len(grades)
    return worst, best


_BOUNDS_SOLUTION = """
def my_bounds(grades, k):
    first = [row[:k] for row in grades]
    worst = np.mean([2 in row for row in first])
    best = np.mean([2 in row or None in row for row in first])
    return worst, best
"""


def _bounds_variant(grades: Any, k: Any, how: str) -> Any:
    """The bounds with one thing changed."""
    if how == "all places":
        return bounds(grades, max(map(len, grades)))
    if how == "swapped":
        return bounds(grades, k)[::-1]
    if how == "counts":
        return tuple(share * len(grades) for share in bounds(grades, k))
    first = [row[:k] for row in grades]
    if how == "condensed":
        first = [[g for g in row if g is not None][:k] for row in grades]
        return sum(2 in row for row in first) / len(grades), bounds(grades, k)[1]
    if how == "grade 1":
        helped = [any(g for g in row) for row in first]
        best = [h or None in row for h, row in zip(helped, first, strict=True)]
        return sum(helped) / len(grades), sum(best) / len(grades)
    if how == "pieces":
        flat = [g for row in first for g in row]
        return flat.count(2) / len(flat), (flat.count(2) + flat.count(None)) / len(flat)
    if how == "unjudged alone":
        return bounds(grades, k)[0], sum(None in row for row in first) / len(grades)
    judged = [row for row in first if None not in row]
    return sum(2 in row for row in judged) / max(1, len(judged)), bounds(grades, k)[1]


_GRADES = [
    [None, 2, 0, None],
    [2, None, None, None],
    [0, 1, 0, 2],
    [None, None, None, 2],
    [1, 0, 1, None],
    [0, 0, 0, 0],
    [1, 2, 0, None],
]

# ------------------------------------------------------------------------------------------------
# 9.5 Your own questions

_PASSAGES = [
    "The canteen serves lunch from 12:00 to 13:30. On Fridays it closes at 13:00.",
    "Book room 12 in the calendar. A room that stays empty for ten minutes is free again.",
    "Expenses are paid with the next salary if the receipt is in by the 15th.",
    "Lost badges: tell the front desk at once, a new one costs 10 euros.",
    "The printer on floor 2 takes A3. Its code for an empty tray is P41.",
    "Who leaves last closes the windows and switches the alarm on.",
    "Bicycles stand in the cellar, the door opens with the badge.",
    "New laptops come every four years. Broken ones go to the help desk, room 3.",
]
_QUESTIONS: list[tuple[str, list[int]]] = [
    ("When can I eat on a Friday?", [0]),
    ("What does P41 mean?", [4]),
    ("My computer does not start any more", [7]),
    ("I cannot find my access card", [3]),
    ("When do I get my money back for the train?", [2]),
    ("We booked but came late, and other people were inside. Are they allowed?", [1]),
]
_COPIED = [(_PASSAGES[row], [row]) for row in (0, 3, 4, 5, 6, 7)]
_COPIED = [(text + " Is that so?", rows) for text, rows in _COPIED]
_ASKED = [("When is lunch?", [0]), *_QUESTIONS]
_FROM_ONE = [(text, [row[0] + 1]) for text, row in _ASKED if row[0] < 7]


@cache
def _embedder() -> Any:
    from course_lib.embeddings import Embedder

    return Embedder()


def _places(passages: Any, questions: Any) -> dict[str, list[float]]:
    """For words and for vectors: the place of the first relevant passage for each question."""
    from course_lib.chunking import Chunk
    from course_lib.ingestion import Document
    from course_lib.retrieval import WordSearch

    chunks = [
        Chunk(Document(text, "mine", f"mine-{row}"), 0, len(text))
        for row, text in enumerate(passages)
    ]
    number = {chunk.id: row for row, chunk in enumerate(chunks)}
    words, embedder = WordSearch(chunks), _embedder()
    similarity = embedder.encode([q for q, _ in questions]) @ embedder.encode(list(passages)).T
    found: dict[str, list[float]] = {"words": [], "vectors": []}
    for (question, relevant), row in zip(questions, similarity, strict=True):
        by_words = [number[one.chunk.id] for one in words.search(question, len(chunks))]
        by_vectors = np.argsort(-row, kind="stable").tolist()
        for name, order in (("words", by_words), ("vectors", by_vectors)):
            at = [place for place, one in enumerate(order, start=1) if one in relevant]
            found[name].append(at[0] if at else np.inf)
    return found


def show_questions(passages: Any, questions: Any) -> None:
    """Print where two searches find the answer to each question, and what the lot of them says."""
    try:
        _check_questions(passages, questions)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    found = _places(passages, questions)
    print("words vectors  (place of the first passage that answers; - not found)")
    for row, (question, _) in enumerate(questions):
        shown = [f"{p:.0f}" if np.isfinite(p) else "-" for p in (f[row] for f in found.values())]
        print(f"{shown[0]:>5} {shown[1]:>7}  {question[:75]}")
    first = {name: np.array(at) == 1 for name, at in found.items()}
    gain = paired_bootstrap_interval(first["vectors"], first["words"])
    p = paired_permutation_test(first["vectors"], first["words"])
    print(f"right at the first place, vectors minus words: {gain:+.2f}, p = {p:.2f}")


_WRONG_SHAPE = (
    "Two lists are wanted: texts, and pairs of a question and a list of passage numbers: "
    '("When is lunch?", [0]).'
)
_FEW_PASSAGES = "Eight passages or more are wanted."
_FEW_QUESTIONS = "Six questions or more are wanted."
_NO_SUCH = "A question names a passage that is not there: the first passage has the number 0."
_NONE = "A question has no passage that answers it: it would always score 0. Leave it out."
_TWICE = "A passage or a question stands there twice."
_NO_SURPRISE = (
    "Both searches are right, or wrong, on every question: these questions cannot tell them apart. "
    "Ask as somebody would who has not read the passage, and ask for a code or a name once."
)
_OFF_BY_ONE = (
    "Neither search is right on any question. Are the numbers off by one? The first passage has "
    "the number 0."
)
_SHORT = "A passage should say something to ask about: four words or more."
_MOST = "More than half of the passages answer a question: then any search finds one. Ask closer."


def _check_questions(passages: Any, questions: Any) -> None:
    if not isinstance(passages, list | tuple) or not isinstance(questions, list | tuple):
        raise Wrong(_WRONG_SHAPE)
    if not passages and not questions:
        raise NotAttempted
    for text in passages:
        if not isinstance(text, str) or not text.strip():
            raise Wrong(_WRONG_SHAPE, got=text)
        if len(text.split()) < 4:
            raise Wrong(_SHORT, got=text)
    for pair in questions:
        fits = isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        if not fits or not isinstance(pair[1], list | tuple | set) or not pair[0].strip():
            raise Wrong(_WRONG_SHAPE, got=pair)
        if not pair[1]:
            raise Wrong(_NONE, got=pair)
        if any(isinstance(n, bool) or n not in range(len(passages)) for n in pair[1]):
            raise Wrong(_NO_SUCH, got=pair)
    if len(passages) < 8:
        raise Wrong(_FEW_PASSAGES)
    for pair in questions:
        if 2 * len(set(pair[1])) > len(passages):
            raise Wrong(_MOST, got=pair)
    if len(questions) < 6:
        raise Wrong(_FEW_QUESTIONS)
    asked = [pair[0] for pair in questions]
    if len(set(passages)) < len(passages) or len(set(asked)) < len(asked):
        raise Wrong(_TWICE)


def check_questions(answer: Any) -> None:
    """Want judged questions of the reader's own, one of which tells the two searches apart."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong(_WRONG_SHAPE)
    _check_questions(*answer)
    found = _places(*answer)
    if all(place > 1 for at in found.values() for place in at):
        raise Wrong(_OFF_BY_ONE)
    if all((w == 1) == (v == 1) for w, v in zip(*found.values(), strict=True)):
        raise Wrong(_NO_SURPRISE)


def _indented(items: Any) -> str:
    return "".join(f"    {item!r},\n" for item in items)


EXERCISES = [
    Exercise(
        id="9.1",
        title="nDCG",
        reference=retrieval_metrics.ndcg_at_k,
        solution_source=_NDCG_SOLUTION,
        check=function_check(
            cases=[
                Case((["d", "x", "b"], _GAINS, 3), "three places, two judged"),
                Case((["x", "e", "a", "y", "d", "b"], _GAINS, 4), "found below k too"),
                Case((["b", "f"], _GAINS, 10), "fewer found than k"),
                Case((["e", "b", "a", "d"], _GAINS, 2), "the best come last"),
                Case((["x", "y"], _GAINS, 2), "nothing relevant found"),
                Case((["x", "y"], {"f": 0}, 2), "nothing is relevant"),
            ]
        ),
        hints=(
            "Write the grades of the first k pieces in a list, 0 for one that is not judged. Write "
            "a second list: the grades of all judged pieces, largest first, cut at k. Discount "
            "and add up both.",
            "The piece at index i stands at place i + 1, so it counts 1 / np.log2(i + 2). Divide "
            "the first sum by the second, unless that is 0.",
        ),
        explanation="The best order is that of all judged pieces, found or not. Taken from what "
        "was found, a search that finds one of ten relevant pieces and puts it first looks "
        "perfect.",
        wrong=(
            KnownWrong(
                partial(_ndcg, how="best of the found"),
                "Your best order sorts what was found. It should have all judged pieces: "
                "sorted(gains.values(), reverse=True)[:k].",
            ),
            KnownWrong(
                partial(_ndcg, how="best not cut"),
                "Your best order has more than k places: cut it at k, or no ranking can reach 1.",
            ),
            KnownWrong(
                partial(_ndcg, how="best not sorted"),
                "The best order is sorted by grade, largest first; yours is as the judgements "
                "stand.",
            ),
            KnownWrong(
                partial(_ndcg, how="best rising"),
                "Your best order has the smallest grades first: reverse=True.",
            ),
            KnownWrong(
                partial(_ndcg, how="all places"),
                "You add up all places: stop after k.",
            ),
            KnownWrong(
                partial(_ndcg, how="condensed"),
                "You leave out the unjudged pieces and move the others up. They count 0 and hold "
                "their places: the reader would have read them.",
            ),
            KnownWrong(
                partial(_ndcg, how="best as short as the found"),
                "Your best order is as short as what was found. A search that finds fewer than k "
                "pieces has missed the rest: cut at k.",
            ),
            KnownWrong(
                partial(_ndcg, how="exponential"),
                "You count 2 ** grade - 1, which is another custom. Here a grade counts as it is.",
            ),
            KnownWrong(
                partial(_ndcg, how="yes or no"),
                "You count relevant or not; the grade itself is wanted, 2 or 1.",
            ),
            KnownWrong(
                partial(_ndcg, how="no discount"),
                "Nothing is discounted: divide each grade by log2(place + 1).",
            ),
            KnownWrong(
                partial(_ndcg, how="by place"),
                "You divide by the place; the discount is log2(place + 1), which falls slower.",
            ),
            KnownWrong(
                partial(_ndcg, how="not divided"),
                "This is DCG: divide by what the best order would have.",
            ),
            KnownWrong(
                partial(_ndcg, how="no zero"),
                "Where no piece is relevant it divides by 0: return 0 there.",
            ),
            KnownWrong(
                partial(_ndcg, how="one of nothing"),
                "Where no piece is relevant you return 1, and 0 is wanted.",
            ),
            KnownWrong(
                _ndcg_from_one,
                "log2 of place 1 is 0, and dividing by it fails: it is log2(place + 1).",
            ),
        ),
    ),
    Exercise(
        id="9.2",
        title="A paired permutation test",
        reference=_permutation,
        solution_source=_PERMUTATION_SOLUTION,
        check=check_permutation,
        time_limit=20.0,
        hints=(
            "rng.choice([-1, 1], (n, len(differences))) tosses a coin for each question in each "
            "pattern. Multiply by the differences and take the mean of each row.",
            "Count the rows with np.abs(means) >= abs(np.mean(differences)), less a hair for "
            "rounding. Then (1 + count) / (n + 1).",
        ),
        explanation="Only signs are tossed, so what makes a question hard for both searches stays. "
        "Counting the real pattern keeps p above 0: n patterns cannot show less than 1 / (n + 1).",
        wrong=tuple(
            KnownWrong(partial(_permutation_variant, how=how), message)
            for how, message in (
                *_TEST_WRONG,
                ("seed ignored", _SEED_IGNORED),
                ("no seed", _NO_SEED),
            )
        ),
    ),
    Exercise(
        id="9.3",
        title="Holm's correction",
        reference=holm,
        solution_source=_HOLM_SOLUTION,
        check=function_check(
            cases=[
                Case((np.array([0.01, 0.04, 0.03]),), "three"),
                Case((np.array([0.04, 0.001, 0.6, 0.012, 0.02]),), "five, in no order"),
                Case((np.array([0.03]),), "one comparison: nothing to correct"),
                Case((np.array([0.02, 0.02, 0.02]),), "equal ones"),
                Case((np.array([0.9, 0.4, 0.5]),), "large ones"),
            ]
        ),
        hints=(
            "order = np.argsort(p) sorts them. The smallest counts n times, the next n - 1 times, "
            "the last once.",
            "np.maximum.accumulate keeps a later one from falling below an earlier one, np.minimum "
            "keeps it to 1, and adjusted[order] = ... puts each back where it came from.",
        ),
        explanation="Once the smallest is believed, only n - 1 claims could still be false alarms, "
        "so the next counts n - 1 times. Multiplying all by n (Bonferroni) guards as well and "
        "finds less.",
        wrong=(
            KnownWrong(
                partial(_holm_variant, how="bonferroni"),
                "You multiply all by n, which is Bonferroni. Holm's second smallest counts n - 1 "
                "times, and so on.",
            ),
            KnownWrong(
                partial(_holm_variant, how="falls"),
                "A larger p-value became smaller than one before it: keep the running maximum.",
            ),
            KnownWrong(
                partial(_holm_variant, how="sorted"),
                "These are sorted: put each back in its place, adjusted[order] = ...",
            ),
            KnownWrong(
                partial(_holm_variant, how="order twice"),
                "values[order] sorts once more. To put them back, write to the left side: "
                "adjusted[order] = values.",
            ),
            KnownWrong(
                partial(_holm_variant, how="above 1"), "A p-value is at most 1: np.minimum(..., 1)."
            ),
            KnownWrong(
                partial(_holm_variant, how="not sorted"),
                "You multiply in the order given: the smallest gets the largest factor.",
            ),
            KnownWrong(
                partial(_holm_variant, how="rising factors"),
                "The factors are the wrong way round: the smallest p-value counts n times.",
            ),
            KnownWrong(
                partial(_holm_variant, how="one less"),
                "The smallest p-value counts n times, and the last once: n, n - 1, ..., 1.",
            ),
            KnownWrong(
                partial(_holm_variant, how="step up"),
                "You go from the largest down and keep the running minimum, which is Hochberg's "
                "correction. Holm goes from the smallest up and keeps the running maximum.",
            ),
            KnownWrong(
                partial(_holm_variant, how="order as rank"),
                "np.argsort says where the smallest stands, not which rank a value has. Work on "
                "p[order] and put each back, or take np.argsort of it once more.",
            ),
            KnownWrong(
                benjamini_hochberg,
                "This is Benjamini and Hochberg's: it guards the list as a whole, not each claim.",
            ),
        ),
    ),
    Exercise(
        id="9.4",
        title="Worst and best case",
        reference=bounds,
        solution_source=_BOUNDS_SOLUTION,
        check=function_check(
            cases=[
                Case((_GRADES, 1), "the first place"),
                Case((_GRADES, 2), "two places"),
                Case((_GRADES, 4), "all places"),
                Case(([[2, 0], [0, 1]], 2), "all judged: both are the same"),
            ]
        ),
        hints=(
            "Cut each question's row at k. For the worst case ask whether a 2 is in it.",
            "For the best case a 2 or a None: 2 in row or None in row. Take the means over the "
            "questions.",
        ),
        explanation="The truth lies between the two. Judging the unjudged pieces at the first "
        "places narrows the gap fastest, since one found there settles a question.",
        wrong=(
            KnownWrong(
                partial(_bounds_variant, how="all places"), "Only the first k pieces count."
            ),
            KnownWrong(partial(_bounds_variant, how="swapped"), "The worst case comes first."),
            KnownWrong(
                partial(_bounds_variant, how="condensed"),
                "You leave out the unjudged pieces and move the others up. They hold their places: "
                "the reader would have read them.",
            ),
            KnownWrong(
                partial(_bounds_variant, how="grade 1"), "Grade 1 helps and does not answer."
            ),
            KnownWrong(
                partial(_bounds_variant, how="pieces"),
                "You count pieces. A question succeeds once, however many of its pieces answer.",
            ),
            KnownWrong(
                partial(_bounds_variant, how="counts"),
                "You count the questions. Divide by how many there are.",
            ),
            KnownWrong(
                partial(_bounds_variant, how="unjudged alone"),
                "Your best case forgets the questions that have a grade 2 and nothing unjudged.",
            ),
            KnownWrong(
                partial(_bounds_variant, how="judged questions"),
                "You leave out questions with an unjudged piece: they count, as failures in the "
                "worst case.",
            ),
        ),
    ),
    Exercise(
        id="9.5",
        title="Your own questions",
        reference=(_PASSAGES, _QUESTIONS),
        solution_source=f"my_passages = [\n{_indented(_PASSAGES)}]\n"
        f"my_questions = [\n{_indented(_QUESTIONS)}]\n",
        check=check_questions,
        time_limit=60.0,
        hints=(
            "Take eight paragraphs of a page that you know, and questions that somebody really "
            "asked, in their words. If you must invent them, do it before you read the page again.",
            "A question in other words than the passage's favours vectors; a code, a name or a "
            "number favours words.",
        ),
        explanation="Six questions tell the searches apart and cannot say which is better: look "
        "at the interval. Judged questions stay useful for years, so write five a week.",
        wrong=(
            KnownWrong((_PASSAGES[:4], [("When is lunch?", [0])] * 6), _FEW_PASSAGES),
            KnownWrong((_PASSAGES, _QUESTIONS[:4]), _FEW_QUESTIONS),
            KnownWrong((_PASSAGES, [*_QUESTIONS[:5], ("Where is lunch?", [8])]), _NO_SUCH),
            KnownWrong((_PASSAGES, [*_QUESTIONS[:5], ("Who is the boss?", [])]), _NONE),
            KnownWrong((_PASSAGES, [*_QUESTIONS[:5], _QUESTIONS[0]]), _TWICE),
            KnownWrong((_PASSAGES, _COPIED), _NO_SURPRISE),
            KnownWrong((_PASSAGES, _FROM_ONE), _OFF_BY_ONE),
            KnownWrong((_PASSAGES, [*_QUESTIONS[:5], ("What is it?", [*range(8)])]), _MOST),
            KnownWrong(([*_PASSAGES[:7], "qwe rty"], _QUESTIONS), _SHORT),
            KnownWrong((_PASSAGES, [question for question, _ in _QUESTIONS]), _WRONG_SHAPE),
        ),
    ),
]
