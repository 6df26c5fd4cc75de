"""The exercises of notebooks/10_evaluating_answers.ipynb."""

from collections import Counter
from functools import cache, partial
from math import comb
from typing import Any

import numpy as np

from course_lib import data
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, function_check
from course_lib.exercises.guard import NotAttempted
from course_lib.generation_metrics import exact_match, normalize_answer, pass_at_k, token_f1
from course_lib.statistics import bootstrap_interval, paired_bootstrap_interval

# ------------------------------------------------------------------------------------------------
# 10.1 pass@k


def _pass(n: Any, c: Any, k: Any, how: str) -> Any:
    """pass@k with one thing changed."""
    if how == "power":
        return 1 - (1 - c / n) ** k
    if how == "pass@1":
        return c / n
    if how == "times k":
        return min(1.0, k * c / n)
    if how == "all right":
        return comb(c, k) / comb(n, k)
    if how == "no right one":
        return comb(n - c, k) / comb(n, k)
    if how == "first k":
        return float(c >= k)
    return 1 - comb(c, k) / comb(n, k)  # "not all right"


_PASS_SOLUTION = """
def my_pass_at_k(n, c, k):
    return 1 - comb(n - c, k) / comb(n, k)   # choices without a right one, of all choices
"""

# ------------------------------------------------------------------------------------------------
# 10.2 Cohen's kappa


def _kappa(first: Any, second: Any, how: str = "") -> Any:
    """Kappa, or with one thing changed."""
    first, second = list(first), list(second)
    n, labels = len(first), sorted(set(first) | set(second))
    same = sum(a == b for a, b in zip(first, second, strict=True)) / n
    shares = [(first.count(label) / n, second.count(label) / n) for label in labels]
    chance = float(sum(a * b for a, b in shares))
    if how == "agreement":
        return same
    if how == "even chance":
        chance = 1 / len(labels)
    elif how == "first alone":
        chance = sum(a * a for a, _ in shares)
    elif how == "both as one":
        chance = sum(((a + b) / 2) ** 2 for a, b in shares)
    elif how == "most common":
        chance = max(a for a, _ in shares)
    if how == "not divided":
        return same - chance
    if how == "divided by agreement":
        return (same - chance) / same
    return (same - chance) / (1 - chance)


def _kappa_of_lists(first: Any, second: Any) -> Any:
    """What comes out where two lists, or a list and a label, are compared as wholes."""
    agreement = np.mean(first == second)
    labels = sorted(set(first) | set(second))
    chance = sum(np.mean(first == label) * np.mean(second == label) for label in labels)
    return (agreement - chance) / (1 - chance)


_KAPPA_SOLUTION = """
def my_kappa(first, second):
    first, second = np.array(first), np.array(second)
    agreement = np.mean(first == second)
    labels = np.unique(np.concatenate([first, second]))
    chance = sum(np.mean(first == label) * np.mean(second == label) for label in labels)
    return (agreement - chance) / (1 - chance)
"""

_LABELS = ["a", "a", "b", "c", "b", "a", "c", "a", "a", "b"]

# ------------------------------------------------------------------------------------------------
# 10.3 A better metric


def said_share(answer: Any, reference: Any) -> Any:
    """Share of the reference's words that the answer has, less 0.3 where it lacks a number."""
    wanted = set(normalize_answer(reference).split())
    said = set(normalize_answer(answer).split())
    share = len(wanted & said) / max(1, len(wanted))
    missing = [word for word in wanted - said if any(sign.isdigit() for sign in word)]
    return share - 0.3 * bool(missing)


def _length(answer: Any, reference: Any) -> Any:
    return len(answer)


def _brevity(answer: Any, reference: Any) -> Any:
    return -len(answer)


def _distance(answer: Any, reference: Any) -> Any:
    return 1 - token_f1(answer, reference)


def _precision(answer: Any, reference: Any) -> Any:
    said = Counter(normalize_answer(answer).split())
    wanted = Counter(normalize_answer(reference).split())
    return (said & wanted).total() / max(1, said.total())


def _raw_words(answer: Any, reference: Any) -> Any:
    said, wanted = set(answer.split()), set(reference.split())
    return 2 * len(said & wanted) / max(1, len(said) + len(wanted))


def _yes_or_no(answer: Any, reference: Any) -> Any:
    return said_share(answer, reference) >= 0.4


@cache
def _graded(split: str) -> list[tuple[str, str, bool]]:
    """Answer, reference and whether it is correct, for questions of a split that have one."""
    asked = {q.id: q for q in data.load_questions() if q.kind != "attack" and q.split == split}
    return [
        (one.text, asked[one.question].answer or "", one.first.correctness == "correct")
        for one in data.load_answers()
        if one.question in asked and asked[one.question].answer
    ]


def _ranked_right(metric: Any, split: str) -> float:
    """Of all pairs of a right answer and another, the share that the metric ranks right.

    A tie counts half.
    """
    graded = _graded(split)
    values = [metric(answer, reference) for answer, reference, _ in graded]
    for value in values:
        if np.ndim(value) or not isinstance(value, int | float | np.number | np.bool_):
            raise Wrong("One number is wanted for each answer.", got=value)
    scores, right = np.array(values, float), np.array([right for *_, right in graded])
    if not np.isfinite(scores).all():
        raise Wrong("A score is not a finite number: does it divide by 0?", got=scores.min())
    gaps = scores[right][:, np.newaxis] - scores[~right]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


_WANTED = 0.85


def check_metric(metric: Any) -> None:
    """Want a metric that ranks train answers better than token F1."""
    share = _ranked_right(metric, "train")
    if share < _WANTED:
        raise Wrong(
            "It ranks too few pairs of train answers right.",
            got=f"{share:.3f}",
            expected=f"{_WANTED} or more; token F1 has {_ranked_right(token_f1, 'train'):.3f}",
        )


def show_metric(metric: Any, split: str = "train") -> None:
    """Print how a metric ranks the answers of a split; nothing where it is a stub."""
    from course_lib.exercises.stubs import is_stub

    if is_stub(metric):
        return
    try:
        share = _ranked_right(metric, split)
    except Exception:  # the check says what is wrong
        return
    print(f"yours ranks right, of pairs of {split} answers: {share:.3f}")


_METRIC_SOLUTION = """
def my_metric(answer, reference):   # share of the reference's words that were said
    wanted = set(normalize_answer(reference).split())
    said = set(normalize_answer(answer).split())
    missing = [word for word in wanted - said if any(sign.isdigit() for sign in word)]
    return len(wanted & said) / len(wanted) - 0.3 * bool(missing)
"""

# ------------------------------------------------------------------------------------------------
# 10.4 Your gate


def _gate(old: Any, new: Any) -> Any:
    return bootstrap_interval(np.asarray(new) - np.asarray(old), n_resamples=1000).high < 0


def _mean_fell(old: Any, new: Any) -> Any:
    return np.mean(new) < np.mean(old)


def _apart(old: Any, new: Any) -> Any:
    return (
        bootstrap_interval(new, n_resamples=1000).high
        < bootstrap_interval(old, n_resamples=1000).low
    )


def _two_sided(old: Any, new: Any) -> Any:
    change = paired_bootstrap_interval(new, old, n_resamples=1000)
    return change.high < 0 or change.low > 0


def _any_fell(old: Any, new: Any) -> Any:
    return bool(np.any(np.asarray(new) < np.asarray(old) - 0.1))


def _turned(old: Any, new: Any) -> Any:
    return paired_bootstrap_interval(new, old, n_resamples=1000).low > 0


def _fixed(old: Any, new: Any) -> Any:
    return np.mean(old) - np.mean(new) > 0.1


def _fixed_small(old: Any, new: Any) -> Any:
    return np.mean(old) - np.mean(new) > 0.02


def _median_fell(old: Any, new: Any) -> Any:
    return np.median(np.asarray(new) - np.asarray(old)) < -0.02


def _most_fell(old: Any, new: Any) -> Any:
    return np.mean(np.asarray(new) < np.asarray(old)) > 0.6


def _below_mean(old: Any, new: Any) -> Any:
    return bootstrap_interval(new, n_resamples=1000).high < np.mean(old)


def _not_cleared(old: Any, new: Any) -> Any:
    return paired_bootstrap_interval(new, old, n_resamples=1000).low < -0.02


def _not_proven(old: Any, new: Any) -> Any:
    return paired_bootstrap_interval(new, old, n_resamples=1000).low < 0


_KINDS_OF_WORLD = [(40, 0.2), (120, 0.1), (800, 0.05)]  # questions, noise of a score
_N_WORLDS = 50  # of each kind
Pairs = list[tuple[Any, Any]]


@cache
def _worlds() -> dict[str, list[Pairs]]:
    """Scores of today and of a change, where it does nothing, helps, or harms; kind by kind.

    With many questions and little noise a fall of 0.01 is harm, and with few and much a fall of
    0.05 is luck: no fixed limit fits all.
    """
    rng = np.random.default_rng(10)
    worlds: dict[str, list[Pairs]] = {}
    for name, direction in (("harmless", 0), ("better", 1), ("harmful", -1)):
        worlds[name] = []
        for n, noise in _KINDS_OF_WORLD:
            shift = direction * 4 * noise * np.sqrt(2 / n)  # in standard errors of the change
            pairs = []
            for _ in range(_N_WORLDS):
                hard = rng.beta(2, 3, n)  # what is hard is hard for both
                old = np.clip(hard + rng.normal(0, noise, n), 0, 1)
                pairs.append((old, np.clip(hard + shift + rng.normal(0, noise, n), 0, 1)))
            worlds[name].append(pairs)
    return worlds


def check_gate(gate: Any) -> None:
    """Want few false alarms, next to none on improvements, and most harm stopped."""
    stopped = {}
    for name, kinds in _worlds().items():
        verdicts = [[gate(old.copy(), new.copy()) for old, new in pairs] for pairs in kinds]
        for verdict in (one for of_kind in verdicts for one in of_kind):
            if not isinstance(verdict, bool | np.bool_):
                raise Wrong("True or False is wanted: is the change to be stopped?", got=verdict)
        stopped[name] = [float(np.mean(of_kind)) for of_kind in verdicts]
    if max(stopped["better"]) > 0.05:
        raise Wrong(_STOPS_BETTER, got=_shares(stopped))
    if max(stopped["harmless"]) > 0.10:
        raise Wrong(_CRIES_WOLF, got=_shares(stopped))
    if min(stopped["harmful"]) < 0.70:
        raise Wrong(_LETS_THROUGH, got=_shares(stopped))


def _shares(stopped: dict[str, list[float]]) -> str:
    """What was stopped, by kind: "harmless 3 %, 5 %, 2 %; ..."."""
    sizes = ", ".join(str(n) for n, _ in _KINDS_OF_WORLD)
    shares = [f"{name} " + ", ".join(f"{one:.0%}" for one in of) for name, of in stopped.items()]
    return "; ".join(shares) + f" stopped (of {sizes} questions)"


_STOPS_BETTER = "It stops changes that make answers better."
_CRIES_WOLF = (
    "It stops more than 10 % of the harmless changes. Ask whether a fall is more than luck."
)
_LETS_THROUGH = (
    "It lets more than 30 % of the harmful changes through. Compare question by question."
)

_GATE_SOLUTION = """
def my_gate(old, new):
    return paired_bootstrap_interval(new, old, n_resamples=1000).high < 0
"""

# ------------------------------------------------------------------------------------------------
# 10.5 Your own answers

_REFERENCE = "The canteen serves lunch from 12:00 to 13:30."
_OWN = [
    ("The canteen serves lunch from 12:00 to 14:30.", False),
    ("You can eat from noon until half past one.", True),
    ("Lunch is from 12:00 to 13:30.", True),
    ("Lunch is not served.", False),
    ("From twelve on; they close at 13:30.", True),
    ("I don't know.", False),
]
_OWN_SHAPE = (
    'A text and a list of pairs are wanted: a reference, and answers such as ("At noon.", True).'
)
_OWN_FEW = "Six answers or more are wanted."
_OWN_ONE_SIDED = "At least two right answers and two wrong ones are wanted."
_OWN_TWICE = "An answer stands there twice (case, signs and articles do not count)."
_OWN_IS_REFERENCE = "The reference itself is labelled wrong: change something in it."
_OWN_STAND_IN = "An answer of one letter, or of signs alone, is a stand-in. Write one out."
_OWN_NO_SURPRISE = (
    "Token F1 puts every right answer above every wrong one. Copy the reference and change one "
    "word that matters; then say the right thing in other words."
)


def _check_own(reference: Any, answers: Any) -> None:
    if reference is ... or not answers:
        raise NotAttempted
    if not isinstance(reference, str) or not reference.strip():
        raise Wrong(_OWN_SHAPE, got=reference)
    if not isinstance(answers, list | tuple):
        raise Wrong(_OWN_SHAPE, got=answers)
    for pair in answers:
        fits = isinstance(pair, list | tuple) and len(pair) == 2
        if not fits or not isinstance(pair[0], str) or not isinstance(pair[1], bool | np.bool_):
            raise Wrong(_OWN_SHAPE, got=pair)
    if len(answers) < 6:
        raise Wrong(_OWN_FEW)
    plain = [normalize_answer(text) for text, _ in answers]
    for text in plain:
        if len(text) < 2 and not text.isdigit():
            raise Wrong(_OWN_STAND_IN, got=text)
    if len(set(plain)) < len(plain):
        raise Wrong(_OWN_TWICE)
    if any(exact_match(text, reference) and not right for text, right in answers):
        raise Wrong(_OWN_IS_REFERENCE)
    if min(sum(bool(right) is wanted for _, right in answers) for wanted in (True, False)) < 2:
        raise Wrong(_OWN_ONE_SIDED)


def check_answers(answer: Any) -> None:
    """Want labelled answers of the reader's own, one of which fools token F1."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong(_OWN_SHAPE)
    reference, answers = answer
    _check_own(reference, answers)
    best_wrong = max(token_f1(text, reference) for text, right in answers if not right)
    worst_right = min(token_f1(text, reference) for text, right in answers if right)
    if best_wrong <= worst_right:
        raise Wrong(_OWN_NO_SURPRISE)


def show_answers(reference: Any, answers: Any) -> None:
    """Print what two metrics make of each answer, best token F1 first."""
    try:
        _check_own(reference, answers)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    print("token F1, words said")
    scored = [(token_f1(text, reference), text, right) for text, right in answers]
    for f1, text, right in sorted(scored, key=lambda row: -row[0]):
        said = said_share(text, reference)
        print(f"{f1:8.2f} {said:10.2f}  {'right' if right else 'wrong'}  {text[:70]}")


EXERCISES = [
    Exercise(
        id="10.1",
        title="pass@k",
        reference=pass_at_k,
        solution_source=_PASS_SOLUTION,
        check=function_check(
            cases=[
                Case((10, 3, 5), "3 of 10 right, 5 drawn"),
                Case((8, 2, 1), "one drawn"),
                Case((8, 0, 4), "none right"),
                Case((8, 8, 2), "all right"),
                Case((8, 6, 4), "fewer wrong ones than drawn"),
                Case((20, 1, 19), "nearly all drawn"),
            ]
        ),
        hints=(
            "Count the choices of k that hold no right one: they come from the n - c wrong ones.",
            "comb(n - c, k) of comb(n, k) choices hold no right one; comb is 0 where there are "
            "too few.",
        ),
        explanation="It averages over every choice of k samples, so it needs no luck in choosing. "
        "1 - (1 - c / n)^k draws with replacement, and comes out too low.",
        wrong=(
            KnownWrong(
                partial(_pass, how="power"),
                "(1 - c / n) ** k draws the same sample twice. Count choices without "
                "replacement: comb.",
            ),
            KnownWrong(partial(_pass, how="pass@1"), "This is pass@1: k is not used."),
            KnownWrong(
                partial(_pass, how="times k"),
                "Chances of events that can happen together do not add up. Count the choices "
                "without a right one, and take them from 1.",
            ),
            KnownWrong(
                partial(_pass, how="all right"),
                "This is the chance that all k are right; at least one is wanted.",
            ),
            KnownWrong(
                partial(_pass, how="no right one"),
                "This is the chance that none is right: take it from 1.",
            ),
            KnownWrong(
                partial(_pass, how="not all right"),
                "This is the chance that not all k are right. Choose among the n - c wrong ones.",
            ),
            KnownWrong(
                partial(_pass, how="first k"),
                "c >= k asks for k right ones. One among the k is enough.",
            ),
        ),
    ),
    Exercise(
        id="10.2",
        title="Cohen's kappa",
        reference=_kappa,
        solution_source=_KAPPA_SOLUTION,
        check=function_check(
            cases=[
                Case((_LABELS, ["a", "b", "b", "c", "b", "a", "a", "a", "a", "a"]), "three labels"),
                Case((["y"] * 40 + ["n"] * 40, ["y"] * 36 + ["n"] * 44), "two labels"),
                Case((["y"] * 9 + ["n"], ["y"] * 8 + ["n", "y"]), "less than chance"),
                Case((["a", "b", "a", "b"], ["a", "b", "a", "b"]), "full agreement"),
                Case((["a", "b", "a"], ["a", "c", "a"]), "a label that one never uses"),
            ]
        ),
        hints=(
            "chance: for each label, the share of the first labeller's times the share of the "
            "second's; added up.",
            "(agreement - chance) / (1 - chance); once first is np.array(first), "
            "np.mean(first == label) is a share.",
        ),
        explanation="Chance is taken from how often each labeller uses each label, so a labeller "
        "who says the same to everything has kappa 0, however often that happens to be right.",
        wrong=(
            KnownWrong(
                partial(_kappa, how="agreement"), "This is the agreement; take chance off it."
            ),
            KnownWrong(
                partial(_kappa, how="even chance"),
                "Your chance is 1 / number of labels, as if each label were equally common.",
            ),
            KnownWrong(
                partial(_kappa, how="first alone"),
                "Your chance squares the first labeller's shares. Multiply his by the other's.",
            ),
            KnownWrong(
                partial(_kappa, how="both as one"),
                "Your chance puts both labellers' labels together, which is Scott's pi. For "
                "kappa multiply their two shares.",
            ),
            KnownWrong(
                partial(_kappa, how="most common"),
                "Your chance is the share of the most common label. Add up over all labels.",
            ),
            KnownWrong(
                partial(_kappa, how="not divided"),
                "Divide by 1 - chance, so that full agreement has 1.",
            ),
            KnownWrong(
                partial(_kappa, how="divided by agreement"),
                "You divide by the agreement: 1 - chance is wanted.",
            ),
            KnownWrong(
                _kappa_of_lists,
                "== compares two lists as wholes, not item by item: begin with "
                "first, second = np.array(first), np.array(second).",
            ),
        ),
    ),
    Exercise(
        id="10.3",
        title="A better metric",
        reference=said_share,
        solution_source=_METRIC_SOLUTION,
        check=check_metric,
        time_limit=20.0,
        hints=(
            "Print answers that are labelled correct and token F1 puts low. Which of their words "
            "are punished? What do the wrong ones at the top lack?",
            "Take the share of the reference's words that the answer has, whatever else it says. "
            "Better still: take something off where a number of the reference is missing.",
        ),
        explanation="Extra words seldom make an answer wrong, and a missing number mostly does. "
        "It was chosen on train: run the notebook's next cell, which asks test.",
        wrong=(
            KnownWrong(token_f1, "This ranks as token F1 does, and more is wanted."),
            KnownWrong(
                exact_match, "Nothing equals its reference, so all answers tie: count shared words."
            ),
            KnownWrong(_length, "This ranks by length, and knows nothing of the reference."),
            KnownWrong(_brevity, "This ranks short answers first, right or wrong."),
            KnownWrong(_distance, "This is a distance: it puts wrong answers on top."),
            KnownWrong(
                _precision,
                "You divide by the answer's words, which punishes every explanation. Divide by "
                "the reference's.",
            ),
            KnownWrong(
                _raw_words,
                'Split without care, "€25." and "25 euro" share nothing: normalize_answer first.',
            ),
            KnownWrong(
                _yes_or_no,
                "Yes or no leaves many ties, which count half. Return the score, and leave the "
                "threshold for later.",
            ),
        ),
    ),
    Exercise(
        id="10.4",
        title="Your gate",
        reference=_gate,
        solution_source=_GATE_SOLUTION,
        check=check_gate,
        time_limit=60.0,
        hints=(
            "Each question meets itself: look at new - old, one number for each question.",
            "paired_bootstrap_interval(new, old, n_resamples=1000) has .low and .high. Where is 0?",
        ),
        explanation="An interval of 95 % lies wholly below 0 for 2.5 % of the harmless changes. "
        "Pairing takes out what makes a question hard for both, so a small fall is seen. "
        "The notebook's 'not pass' is stricter: it stops what it cannot clear, and where questions "
        "are few or scores noisy, that is most harmless changes.",
        wrong=(
            KnownWrong(
                _mean_fell,
                "It stops whatever has the lower mean, and luck alone lowers every other mean.",
            ),
            KnownWrong(
                _apart,
                "It waits until two intervals are apart. They are wide because questions differ; "
                "compare each question with itself: paired_bootstrap_interval.",
            ),
            KnownWrong(
                _two_sided, "It stops whatever differs, improvements too: a fall is what you fear."
            ),
            KnownWrong(
                _any_fell, "Among many questions some always fall. Look at all of them together."
            ),
            KnownWrong(_turned, "It stops improvements and lets falls through: turn it round."),
            KnownWrong(
                _fixed,
                "A fixed fall of the mean knows nothing of luck: with many questions a smaller one "
                "is sure. Ask an interval.",
            ),
            KnownWrong(
                _fixed_small,
                "A fall of 0.02 can be luck on 40 questions and more than any harm on 800: no "
                "fixed limit fits. Ask an interval.",
            ),
            KnownWrong(
                _median_fell,
                "A fixed limit for the median knows as little of luck as one for the mean. "
                "Ask an interval.",
            ),
            KnownWrong(
                _most_fell,
                "A fixed share of fallen questions can be luck on 40 questions and is seldom "
                "reached on 800. Ask an interval of the mean change.",
            ),
            KnownWrong(
                _below_mean,
                "Today's mean is no fixed point, and the interval of the new scores is wide "
                "because questions differ. Pair them: paired_bootstrap_interval.",
            ),
            KnownWrong(
                _not_cleared,
                "It stops whatever might be a fall of 0.02, as 'not pass' does. On few questions "
                "that is nearly every harmless change: stop what is sure to have fallen.",
            ),
            KnownWrong(
                _not_proven,
                "It stops whatever is not proven better, and a harmless change never is.",
            ),
        ),
    ),
    Exercise(
        id="10.5",
        title="Your own answers",
        reference=(_REFERENCE, _OWN),
        solution_source=f"my_reference = {_REFERENCE!r}\nmy_answers = [\n"
        + "".join(f"    {pair!r},\n" for pair in _OWN)
        + "]",
        check=check_answers,
        hints=(
            "Copy the reference and change a number, or leave out a 'not': that is a wrong answer.",
            "Then say the right thing in words that the reference does not have.",
        ),
        explanation="Words are counted, not understood. Which of your own answers fool a metric "
        "tells you what it must be checked for.",
        wrong=(
            KnownWrong((_REFERENCE, _OWN[:3]), _OWN_FEW),
            KnownWrong((_REFERENCE, [text for text, _ in _OWN]), _OWN_SHAPE),
            KnownWrong((_REFERENCE, [(text, True) for text, _ in _OWN]), _OWN_ONE_SIDED),
            KnownWrong((_REFERENCE, [*_OWN, (_OWN[0][0].lower(), True)]), _OWN_TWICE),
            KnownWrong((_REFERENCE, [*_OWN, (_REFERENCE.upper(), False)]), _OWN_IS_REFERENCE),
            KnownWrong((_REFERENCE, [*_OWN, ("y", True)]), _OWN_STAND_IN),
            KnownWrong(
                (
                    _REFERENCE,
                    [
                        ("The canteen serves lunch from 12:00 to 13:30.", True),
                        ("Lunch: from 12:00 to 13:30.", True),
                        ("The canteen serves from 12:00 to 13:30.", True),
                        ("Never.", False),
                        ("At nine.", False),
                        ("I don't know.", False),
                    ],
                ),
                _OWN_NO_SURPRISE,
            ),
        ),
    ),
]
