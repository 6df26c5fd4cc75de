"""The exercises of notebooks/04_probability.ipynb."""

from functools import cache
from typing import Any

import numpy as np

from course_lib import calibration, sampling
from course_lib.exercises.core import (
    Case,
    Exercise,
    KnownWrong,
    Wrong,
    close,
    exact,
    function_check,
)
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 4.1 Softmax that does not overflow


def _softmax_of(shifted: Any, total_axis: int | None = -1) -> Any:
    with np.errstate(all="ignore"):
        powers = np.exp(shifted)
        return powers / powers.sum(axis=total_axis, keepdims=total_axis is not None)


def _softmax_naive(logits: Any) -> Any:
    return _softmax_of(logits)


def _softmax_one_total(logits: Any) -> Any:
    return _softmax_of(logits - logits.max(axis=1, keepdims=True), None)


def _softmax_naive_one_total(logits: Any) -> Any:
    return _softmax_of(logits, None)


def _softmax_one_largest(logits: Any) -> Any:
    return _softmax_of(logits - logits.max())


def _softmax_less_mean(logits: Any) -> Any:
    return _softmax_of(logits - logits.mean(axis=1, keepdims=True))


def _softmax_scaled(logits: Any) -> Any:
    return _softmax_of(logits / np.abs(logits).max(axis=1, keepdims=True))


def _softmax_clipped(logits: Any) -> Any:
    return _softmax_of(np.clip(logits, -700, 700))


def _softmax_not_divided(logits: Any) -> Any:
    return np.exp(logits - logits.max(axis=1, keepdims=True))


def _softmax_logarithm(logits: Any) -> Any:
    return sampling.log_softmax(logits)


def _softmax_columns(logits: Any) -> Any:
    shifted = logits - logits.max(axis=0, keepdims=True)
    return _softmax_of(shifted, 0)


_SOFTMAX_SOLUTION = """
def softmax_rows(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # the largest becomes exp(0) = 1
    return powers / powers.sum(axis=1, keepdims=True)
"""

# ------------------------------------------------------------------------------------------------
# 4.2 Top-p


def nucleus(probabilities: Any, p: float) -> Any:
    """Probabilities of the fewest most probable tokens that reach p, made to add up to 1.

    >>> nucleus(np.array([0.25, 0.5, 0.25]), 0.5)
    array([0., 1., 0.])
    """
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]  # what the better ones share
    kept = order[before < p]
    result = np.zeros(len(probabilities))
    result[kept] = probabilities[kept]
    return result / result.sum()


_NUCLEUS_SOLUTION = """
def nucleus(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]  # what the better ones share
    kept = order[before < p]                                         # p is not reached before them
    result = np.zeros(len(probabilities))
    result[kept] = probabilities[kept]
    return result / result.sum()
"""


def _nucleus_keeping(probabilities: Any, kept: Any, divide: bool = True) -> Any:
    result = np.where(kept, probabilities, 0.0)
    with np.errstate(invalid="ignore"):
        return result / result.sum() if divide else result


def _nucleus_short(probabilities: Any, p: float) -> Any:
    order = np.argsort(-probabilities, kind="stable")
    kept = np.zeros(len(probabilities), dtype=bool)
    kept[order[np.cumsum(probabilities[order]) <= p]] = True
    return _nucleus_keeping(probabilities, kept)


def _nucleus_below(probabilities: Any, p: float) -> Any:
    order = np.argsort(-probabilities, kind="stable")
    kept = np.zeros(len(probabilities), dtype=bool)
    kept[order[np.cumsum(probabilities[order]) < p]] = True
    return _nucleus_keeping(probabilities, kept)


def _nucleus_with_equals(probabilities: Any, p: float) -> Any:
    cutoff = probabilities[nucleus(probabilities, p) > 0].min()
    return _nucleus_keeping(probabilities, probabilities >= cutoff)


def _same_nucleus(got: Any, expected: Any) -> bool:
    """As `close`, but which of several equals stay is free."""
    kept = np.asarray(expected)[np.asarray(expected) > 0]
    if len(kept) > 1 and np.allclose(kept, kept[0]):
        return close()(np.sort(got), np.sort(expected))
    return close()(got, expected)


def _nucleus_not_divided(probabilities: Any, p: float) -> Any:
    return _nucleus_keeping(probabilities, nucleus(probabilities, p) > 0, divide=False)


def _nucleus_sorted(probabilities: Any, p: float) -> Any:
    return np.sort(nucleus(probabilities, p))[::-1]


def _nucleus_unsorted(probabilities: Any, p: float) -> Any:
    return _nucleus_keeping(probabilities, np.cumsum(probabilities) - probabilities < p)


def _nucleus_least(probabilities: Any, p: float) -> Any:
    order = np.argsort(probabilities, kind="stable")
    kept = np.zeros(len(probabilities), dtype=bool)
    kept[order[np.cumsum(probabilities[order]) - probabilities[order] < p]] = True
    return _nucleus_keeping(probabilities, kept)


def _nucleus_each(probabilities: Any, p: float) -> Any:
    return _nucleus_keeping(probabilities, probabilities >= p)


def _nucleus_min_p(probabilities: Any, p: float) -> Any:
    return _nucleus_keeping(probabilities, probabilities >= p * probabilities.max())


def _nucleus_one_more(probabilities: Any, p: float) -> Any:
    order = np.argsort(-probabilities, kind="stable")
    kept = np.zeros(len(probabilities), dtype=bool)
    kept[order[np.cumsum(probabilities[order]) - probabilities[order] <= p]] = True
    return _nucleus_keeping(probabilities, kept)


# ------------------------------------------------------------------------------------------------
# 4.3 Expected calibration error


def _ece(confidences: Any, correct: Any) -> float:
    return calibration.expected_calibration_error(confidences, correct)


_ECE_SOLUTION = """
def my_ece(confidences, correct):
    bins = np.minimum((confidences * 10).astype(int), 9)  # 1.0 belongs to the last bin
    total = 0.0
    for b in np.unique(bins):                             # bins that hold an answer
        inside = bins == b
        gap = abs(confidences[inside].mean() - correct[inside].mean())
        total += gap * inside.mean()                      # weighted by the share of answers
    return total
"""


def _ece_variant(confidences: Any, correct: Any, how: str) -> float:
    """The error with one thing changed."""
    bins = (confidences * 10).astype(int)
    if how == "last bin lost":
        inside = bins < 10
        wanted = _ece(confidences[inside], correct[inside]) if inside.any() else 0.0
        return float(wanted * inside.mean())
    confidence, accuracy, count = calibration.reliability_bins(confidences, correct)
    gaps = confidence - accuracy
    share = count / count.sum()
    return float(
        {
            "bins alike": np.abs(gaps).mean(),
            "all ten bins": np.abs(gaps).sum() / 10,
            "signed": (gaps * share).sum(),
            "signed, then abs": abs((gaps * share).sum()),
            "largest": np.abs(gaps).max(),
            "squared": (gaps**2 * share).sum(),
            "each answer": np.abs(confidences - correct).mean(),
            "counts": (np.abs(gaps) * count).sum(),
            "percent": 100 * (np.abs(gaps) * share).sum(),
        }[how]
    )


def _ece_mistake(how: str) -> Any:
    def ece(confidences: Any, correct: Any) -> float:
        return _ece_variant(confidences, correct, how)

    return ece


def _ece_of_bins(confidences: Any, correct: Any, bins: Any, confidence: Any = None) -> float:
    """The error for given bins; `confidence` stands for each bin's mean where it is given."""
    total = 0.0
    for b in np.unique(bins):
        inside = bins == b
        mean = confidences[inside].mean() if confidence is None else confidence[b]
        total += abs(mean - correct[inside].mean()) * inside.mean()
    return float(total)


def _ece_with_width(n_bins: int) -> Any:
    def ece(confidences: Any, correct: Any) -> float:
        return calibration.expected_calibration_error(confidences, correct, n_bins=n_bins)

    return ece


def _ece_centres(confidences: Any, correct: Any) -> float:
    bins = np.minimum((confidences * 10).astype(int), 9)
    return _ece_of_bins(confidences, correct, bins, np.arange(10) / 10 + 0.05)


def _ece_edges(confidences: Any, correct: Any) -> float:
    bins = np.minimum((confidences * 10).astype(int), 9)
    return _ece_of_bins(confidences, correct, bins, np.arange(10) / 10)


def _ece_equal_counts(confidences: Any, correct: Any) -> float:
    bins = np.empty(len(confidences), dtype=int)
    for number, inside in enumerate(np.array_split(np.argsort(confidences, kind="stable"), 10)):
        bins[inside] = number
    return _ece_of_bins(confidences, correct, bins)


def _ece_empty_bins(confidences: Any, correct: Any) -> float:
    bins = np.minimum((confidences * 10).astype(int), 9)
    return _ece(confidences, correct) if len(np.unique(bins)) == 10 else float("nan")


def _answers(seed: int, n: int) -> tuple[Any, Any]:
    """Confidences off the edges of bins; too sure in one bin, not sure enough in the next."""
    rng = np.random.default_rng(seed)
    confidences = np.round(rng.uniform(0.32, 0.98, n), 2)
    confidences = np.where(np.isclose(confidences * 10 % 1, 0), confidences + 0.005, confidences)
    right = np.where((confidences * 10).astype(int) % 2 == 0, 0.9, 0.2)
    return confidences, rng.uniform(size=n) < right


# ------------------------------------------------------------------------------------------------
# 4.4 Send it, or have it checked?


def worth_sending(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    """Whether sending costs less than a check, by calibrated probabilities of being right.

    >>> worth_sending(np.array([0.7, 0.9]), 4, 1)
    array([False,  True])
    """
    of_sending = (1 - probabilities) * wrong_cost
    of_a_check = probabilities * needless_cost
    return of_sending <= of_a_check


_SENDING_SOLUTION = """
def worth_sending(probabilities, wrong_cost, needless_cost):
    of_sending = (1 - probabilities) * wrong_cost  # wrong with probability 1 - p
    of_a_check = probabilities * needless_cost     # needless with probability p
    return of_sending <= of_a_check                # that is: p >= wrong / (wrong + needless)
"""


def _sending_swapped(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return worth_sending(probabilities, needless_cost, wrong_cost)


def _sending_half(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return probabilities > 0.5


def _sending_ties(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return (1 - probabilities) * wrong_cost < probabilities * needless_cost


def _sending_reversed(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return (1 - probabilities) * wrong_cost > probabilities * needless_cost


def _sending_inverted(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return (1 - probabilities) * wrong_cost >= probabilities * needless_cost


def _sending_constant(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return probabilities > 0.8


def _sending_always_paid(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return (1 - probabilities) * wrong_cost < needless_cost


def _sending_right_is_wrong(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return probabilities * wrong_cost < (1 - probabilities) * needless_cost


def _sending_ratio(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return probabilities > needless_cost / wrong_cost


def _sending_threshold(probabilities: Any, wrong_cost: float, needless_cost: float) -> Any:
    return wrong_cost / (wrong_cost + needless_cost)


# ------------------------------------------------------------------------------------------------
# 4.5 Your own openings

SURE, OPEN, MISLED = 0.5, 0.1, 0.3


@cache
def _model() -> Any:
    from course_lib import language_model

    return language_model.load()


def check_openings(openings: Any) -> None:
    """Want four openings or more: one the model is sure of, one open, one where it is misled."""
    if not isinstance(openings, list | tuple) or any(
        not isinstance(pair, list | tuple)
        or len(pair) != 2
        or not all(isinstance(text, str) for text in pair)
        for pair in openings
    ):
        raise Wrong('The answer should be a list of pairs: [("an opening", "the true word"), ...].')
    if not openings:
        raise NotAttempted
    for opening, truth in openings:
        if not opening.strip() or not truth.strip():
            raise Wrong("A text is empty.", got=(opening, truth))
        if len(truth.split()) > 1:
            raise Wrong("The true word is more than one: give the next word alone.", got=truth)
        if opening != opening.rstrip():
            raise Wrong(
                "An opening ends in a space. Leave it out: tokens begin with one.",
                got=opening,
            )
    if len({opening for opening, _ in openings}) < len(openings):
        raise Wrong("An opening stands there twice.")
    if len(openings) < 4:
        raise Wrong(f"There are {len(openings)} openings, and 4 are wanted.")
    rows = []
    for opening, truth in openings:
        first = _model().next_tokens(opening, top=1)
        token, probability = first.tokens[0].strip(), float(np.exp(first.log_probabilities[0]))
        right = bool(token) and truth.strip().lower().startswith(token.lower())
        rows.append((probability, right, f"{opening} ... {token} ({probability:.2f})"))
    gaps = []
    surest, openest = max(rows), min(rows)
    if surest[0] < SURE:
        gaps.append(f"The model is sure of none: {SURE} is wanted, the surest is {surest[2]}.")
    if openest[0] >= OPEN:
        gaps.append(f"None is open: a first token under {OPEN} is wanted, got {openest[2]}.")
    wrong = [row for row in rows if not row[1]]
    if not wrong:
        gaps.append("The model's first token is the true one every time.")
    elif max(wrong)[0] < MISLED:
        gaps.append(f"Where it is wrong it is not sure, {MISLED} is wanted: {max(wrong)[2]}.")
    if gaps:
        raise Wrong(" ".join(gaps))


_OWN = [
    ("The capital of France is", "Paris"),
    ("Our office is open from Monday to", "Friday"),
    ("Our shop sells bread and", "tea"),
    ("Please find attached the", "plan"),
]
_ALL_SURE = [
    ("The capital of France is", "Paris"),
    ("The capital of Germany is", "Berlin"),
    ("The capital of Italy is", "Rome"),
    ("The capital of Spain is", "Madrid"),
]

EXERCISES = [
    Exercise(
        id="4.1",
        title="Softmax that does not overflow",
        reference=sampling.softmax,
        solution_source=_SOFTMAX_SOLUTION,
        check=function_check(
            cases=[
                Case((np.array([[0.0, 1.0, 2.0]]),), "one row"),
                Case((np.array([[1.0, 3.0], [2.0, -1.0]]),), "two rows"),
                Case((np.array([[1000.0, 999.0, 0.0]]),), "large logits"),
                Case((np.array([[-1000.0, -1001.0]]),), "very negative logits"),
                Case((np.array([[1500.0, 1499.0], [0.0, 1.0]]),), "rows of different size"),
                Case((np.array([[2.0, -np.inf, 1.0]]),), "a token at -inf, which may not come"),
            ]
        ),
        hints=(
            "Probabilities do not change when the same number is taken off every logit of a row. "
            "Which number makes the largest power exp(0) = 1?",
            "logits.max(axis=1, keepdims=True) has the shape (n, 1) and can be taken off each row; "
            "sum the powers with the same axis and keepdims.",
        ),
        explanation="exp(a - m) / sum of exp(b - m) has exp(-m) above and below, and it cancels. "
        "With m the row's largest logit no power exceeds 1, and at least one is 1, so the sum is "
        "never 0 either.",
        wrong=(
            KnownWrong(
                _softmax_naive,
                "Right for small logits, but exp(1000) overflows to inf, and inf / inf is nan. "
                "Take each row's largest logit off first.",
            ),
            KnownWrong(
                _softmax_one_total,
                "You divide by the sum over all rows. Each row is a distribution of its own: sum "
                "with axis=1, keepdims=True.",
            ),
            KnownWrong(
                _softmax_naive_one_total,
                "Two things: you divide by the sum over all rows (pass axis=1, keepdims=True), and "
                "exp(1000) overflows (take each row's largest logit off first).",
            ),
            KnownWrong(
                _softmax_one_largest,
                "You take off the largest logit of the whole table. A row far below it becomes "
                "0 / 0. Take off each row's own: axis=1, keepdims=True.",
            ),
            KnownWrong(
                _softmax_less_mean,
                "Taking off the mean leaves large logits large where a row is spread wide, and "
                "-inf where one token is at -inf. Take off the largest.",
            ),
            KnownWrong(
                _softmax_scaled,
                "Dividing the logits by their largest changes the probabilities: it is a "
                "temperature. Subtract it.",
            ),
            KnownWrong(
                _softmax_clipped,
                "Clipping stops the overflow, but all logits above the limit become equal. "
                "Subtract each row's largest instead.",
            ),
            KnownWrong(
                _softmax_not_divided,
                "These do not add up to 1 yet: divide each row by its sum.",
            ),
            KnownWrong(
                _softmax_logarithm,
                "These are the logarithms of the probabilities: all are 0 or less. Take exp.",
            ),
            KnownWrong(
                _softmax_columns,
                "You work down the columns. One row is one distribution: axis=1.",
            ),
        ),
    ),
    Exercise(
        id="4.2",
        title="Top-p from scratch",
        reference=nucleus,
        solution_source=_NUCLEUS_SOLUTION,
        check=function_check(
            cases=[
                Case((np.array([0.2, 0.5, 0.3]), 0.6), "two tokens reach 0.6"),
                Case((np.array([0.25, 0.5, 0.25]), 0.5), "the first token reaches p exactly"),
                Case((np.array([0.1, 0.05, 0.6, 0.25]), 0.3), "one token is enough"),
                Case((np.array([0.05, 0.4, 0.15, 0.3, 0.1]), 0.9), "p is high"),
                Case((np.array([0.2, 0.5, 0.3]), 1.0), "everything"),
                Case((np.full(4, 0.25), 0.5), "four equals, of which two reach p"),
            ],
            compare=_same_nucleus,
        ),
        hints=(
            "Go through the tokens from the most probable one down and add up. A token stays as "
            "long as those before it have not reached p.",
            "order = np.argsort(-probabilities); before = np.cumsum(probabilities[order]) - "
            "probabilities[order]; order[before < p] stays. Divide by the sum of what stays.",
        ),
        explanation="The token with which the sum reaches p is kept, so the first one always is. "
        "Where the model is sure, few tokens stay; where it is open, many do.",
        wrong=(
            KnownWrong(
                _nucleus_short,
                "You leave out the token with which the sum reaches p. Where the first alone "
                "exceeds p, nothing stays.",
            ),
            KnownWrong(
                _nucleus_below,
                "The token with which the sum reaches p stays too: np.cumsum(...) < p drops it. "
                "Compare the sum before each token with p.",
            ),
            KnownWrong(
                _nucleus_with_equals,
                "You cut at the probability of the last token needed, and keep all that equal it: "
                "more than the fewest. Keep by place in the order, not by size.",
            ),
            KnownWrong(
                _nucleus_not_divided,
                "The right tokens, but what stays must add up to 1 again: divide by the sum.",
            ),
            KnownWrong(
                _nucleus_sorted,
                "The values are right and in order of size: put each back in its token's place.",
            ),
            KnownWrong(
                _nucleus_unsorted,
                "You add up in the order of the vocabulary. Start with the most probable token.",
            ),
            KnownWrong(
                _nucleus_least,
                "You add up from the least probable token: np.argsort rises, so sort the negated "
                "probabilities.",
            ),
            KnownWrong(
                _nucleus_each,
                "You compare each probability with p. It is their sum that has to reach p.",
            ),
            KnownWrong(
                _nucleus_min_p,
                "This is min-p: each probability against a share of the largest. Top-p adds up.",
            ),
            KnownWrong(
                _nucleus_one_more,
                "Where the sum reaches p exactly you take one token too many: use < p, not <=.",
            ),
        ),
    ),
    Exercise(
        id="4.3",
        title="Expected calibration error",
        reference=_ece,
        solution_source=_ECE_SOLUTION,
        check=function_check(
            cases=[
                Case(
                    (
                        np.array([0.95, 0.97, 0.93, 0.45, 0.42]),
                        np.array([True, False, True, True, True]),
                    ),
                    "two bins of different size",
                ),
                Case(
                    (np.array([0.85, 0.86, 0.35, 0.36]), np.array([False, False, True, True])),
                    "too sure in one bin, not sure enough in the other",
                ),
                Case(
                    (np.array([1.0, 1.0, 0.65]), np.array([True, False, True])),
                    "a confidence of 1.0, which belongs to the last bin",
                ),
                Case(_answers(0, 60), "60 answers"),
            ]
        ),
        hints=(
            "For each bin that holds answers: how far is their mean confidence from the share that "
            "is right? A bin counts as much as it holds answers.",
            "bins = np.minimum((confidences * 10).astype(int), 9) gives each answer's bin. Add up "
            "abs(confidences[inside].mean() - correct[inside].mean()) * inside.mean().",
        ),
        explanation="The absolute value stands inside the sum, so that being too sure here and not "
        "sure enough there cannot cancel; the weights keep a bin with two answers from counting "
        "like one with two hundred.",
        wrong=(
            KnownWrong(
                _ece_mistake("bins alike"),
                "Every bin counts the same. Weight each gap by the share of answers in its bin.",
            ),
            KnownWrong(
                _ece_mistake("all ten bins"),
                "You divide by 10 bins, the empty ones included. Weight each gap by the share of "
                "answers in its bin.",
            ),
            KnownWrong(
                _ece_mistake("signed"),
                "Gaps of different sign cancel: take the absolute value in each bin.",
            ),
            KnownWrong(
                _ece_mistake("signed, then abs"),
                "The absolute value comes too late, gaps have cancelled by then. (This is the "
                "distance of the overall mean confidence from the accuracy.) Take it in each bin.",
            ),
            KnownWrong(
                _ece_mistake("largest"),
                "This is the largest gap, the maximum calibration error. The mean one is wanted.",
            ),
            KnownWrong(
                _ece_mistake("squared"), "The gaps are squared: take their absolute values."
            ),
            KnownWrong(
                _ece_mistake("each answer"),
                "You compare each confidence with 0 or 1. First take the means of each bin.",
            ),
            KnownWrong(
                _ece_mistake("last bin lost"),
                "1.0 * 10 is 10, a bin of its own that you leave out. It belongs to the last one.",
            ),
            KnownWrong(
                _ece_centres,
                "You compare with the middle of each bin. Take the mean confidence of its answers.",
            ),
            KnownWrong(
                _ece_edges,
                "You compare with the lower edge of each bin. Take the mean confidence of its "
                "answers.",
            ),
            KnownWrong(
                _ece_equal_counts,
                "Your bins hold equally many answers. Bins of equal width are wanted: 0 to 0.1, "
                "0.1 to 0.2, and so on.",
            ),
            KnownWrong(
                _ece_with_width(9),
                "These are nine bins: np.linspace(0, 1, 10) gives ten edges. Ten bins have eleven.",
            ),
            KnownWrong(_ece_with_width(15), "These are 15 bins. Ten are wanted."),
            KnownWrong(_ece_with_width(5), "These are five bins. Ten are wanted."),
            KnownWrong(
                _ece_empty_bins,
                "A bin without answers has no mean, and nan spreads to the sum. Leave it out.",
            ),
            KnownWrong(
                _ece_mistake("counts"),
                "You weight by the number of answers: divide by the number of all answers.",
            ),
            KnownWrong(
                _ece_mistake("percent"),
                "This is in percent: leave it as a share between 0 and 1.",
            ),
        ),
    ),
    Exercise(
        id="4.4",
        title="Send it, or have it checked?",
        reference=worth_sending,
        solution_source=_SENDING_SOLUTION,
        check=function_check(
            cases=[
                Case((np.array([0.15, 0.45, 0.6, 0.79, 0.81, 0.95]), 8, 2), "8 and 2 minutes"),
                Case((np.array([0.05, 0.2, 0.3, 0.45, 0.6, 0.9]), 1, 3), "a check costs more"),
                Case((np.array([0.3, 0.49, 0.51, 0.7]), 5, 5), "equal prices"),
                Case((np.array([0.55, 0.75, 0.875]), 3, 1), "0.75 costs the same both ways"),
            ],
            compare=exact,
        ),
        hints=(
            "With probability p the route is right. What does sending cost on average, and what "
            "does a check cost on average? Send where sending costs no more.",
            "Sending: (1 - probabilities) * wrong_cost. A check is needless only where the route "
            "was right: probabilities * needless_cost.",
        ),
        explanation="Solved for p, the rule is p >= wrong / (wrong + needless): 8 and 2 minutes "
        "give 0.8. No labelled ticket is needed for that threshold, but the probabilities must "
        "mean what they say.",
        wrong=(
            KnownWrong(
                _sending_swapped,
                "The prices are exchanged: wrong_cost is paid where the route is wrong, with "
                "probability 1 - p.",
            ),
            KnownWrong(
                _sending_half,
                "0.5 is right only where both mistakes cost the same. Compare expected costs.",
            ),
            KnownWrong(
                _sending_ties,
                "Where both cost the same, send it: use <=, not <.",
            ),
            KnownWrong(
                _sending_reversed,
                "The comparison is the wrong way round: True means send, which is right where "
                "sending costs no more.",
            ),
            KnownWrong(
                _sending_inverted,
                "True and False are exchanged: True means send, which is right where sending "
                "costs no more than a check.",
            ),
            KnownWrong(
                _sending_constant,
                "0.8 belongs to 8 and 2 minutes alone: compute the limit from the two prices.",
            ),
            KnownWrong(
                _sending_always_paid,
                "You price every check. Here a check costs only where it was needless, with "
                "probability p.",
            ),
            KnownWrong(
                _sending_right_is_wrong,
                "p is the probability of being right: a wrong route has the probability 1 - p.",
            ),
            KnownWrong(
                _sending_ratio,
                "The threshold is no ratio of the two prices alone: wrong / (wrong + needless).",
            ),
            KnownWrong(
                _sending_threshold,
                "This is the threshold: compare the probabilities with it, one answer for each.",
            ),
        ),
    ),
    Exercise(
        id="4.5",
        title="Mislead the model with your own text",
        reference=_OWN,
        solution_source="my_openings = [\n"
        + "".join(f'    ("{opening}", "{truth}"),\n' for opening, truth in _OWN)
        + "]",
        check=check_openings,
        time_limit=60,
        hints=(
            "Sure: a fact that everybody writes down. Open: stop where anything may follow. "
            "Misled: something that is usually otherwise than in your company.",
            'Stop before the word in question. "Our office is open from Monday to" is usually '
            "followed by something else than your opening days.",
        ),
        explanation="The model is sure of what is usual in the text that it learned from. Where "
        "your company is unusual, it is sure and wrong, and nothing in its number says so.",
        wrong=(
            KnownWrong(
                _OWN[:3],
                "There are 3 openings, and 4 are wanted.",
            ),
            KnownWrong(
                [(opening + " ", truth) for opening, truth in _OWN],
                "An opening ends in a space. Leave it out: tokens begin with one.",
            ),
            KnownWrong([*_OWN, _OWN[0]], "An opening stands there twice."),
            KnownWrong([*_OWN[:3], ("We meet in", " ")], "A text is empty."),
            KnownWrong(
                [("The capital of France is", "the city of Paris"), *_OWN[1:]],
                "The true word is more than one: give the next word alone.",
            ),
            KnownWrong(
                dict(_OWN),
                'The answer should be a list of pairs: [("an opening", "the true word"), ...].',
            ),
            KnownWrong(
                _ALL_SURE,
                "None is open, and the model is right every time: add an opening after which "
                "anything may follow, and one where your company is unusual.",
            ),
        ),
    ),
]
