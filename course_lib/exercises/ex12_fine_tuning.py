"""The exercises of notebooks/12_fine_tuning.ipynb."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, function_check
from course_lib.exercises.guard import NotAttempted

# Written for this notebook, to measure what a training forgets: none is about bicycles or shops.
UNRELATED = (
    "A volcano grows where melted rock finds a way up. Below the ground it is called magma, "
    "above it lava. Thin lava flows far and builds wide, gentle slopes. Thick lava holds on "
    "to its gas until the pressure is too great, and then the mountain blows a part of itself "
    "into the sky. The ash can travel around the world, and a large eruption cools the next "
    "summer.",
    "When she was seven, her grandmother taught her to play chess. They sat at the kitchen "
    "table on Sunday afternoons, with tea and biscuits, and the old woman never let her win. "
    "It took four years until the girl saw a mistake in time and took the queen. Her "
    "grandmother looked at the board for a long while, smiled, and put the kettle on again.",
    "In a market, a price tells people what they need to know without telling them why. If a "
    "frost destroys half of the coffee harvest, the price of coffee rises. Some people drink "
    "tea instead, and farmers in other countries plant more. Nobody has to give an order, and "
    "most of those who change what they do have never heard of the frost.",
    "To make a simple soup, cut two onions and fry them in butter until they are golden. Add "
    "four potatoes, peeled and cut into small pieces, and a litre of water with salt. Let it "
    "cook for twenty minutes. Then crush everything with a fork, stir in a little cream, and "
    "taste it. Serve it hot, with bread and fresh parsley.",
    "The sorting of a list is one of the oldest problems in computer science. A program that "
    "compares every item with every other is easy to write, and slow when the list is long. "
    "It is better to split the list into halves, to sort each of them in the same way, and to "
    "merge the two results. The work then grows only a little faster than the list.",
    "The senate met in the morning to discuss the new treaty. Several members said that it "
    "came too late, and that the neighbouring states would never accept its terms. Others "
    "answered that any treaty was better than another winter of war. After nine hours of "
    "debate they voted, and the motion was carried by three votes. Crowds waited in the "
    "square to hear the news.",
)

# ------------------------------------------------------------------------------------------------
# 12.1 The low-rank forward


def _forward(x: Any, W: Any, A: Any, B: Any, alpha: Any, how: str = "") -> Any:
    """The layer's output, or with one thing changed."""
    rank = len(A)
    scale = {
        "no scale": 1.0,
        "alpha": alpha,
        "upside down": rank / alpha,
        "inputs": alpha / A.shape[1],
        "outputs": alpha / len(B),
        "root": alpha / rank**0.5,
    }.get(how, alpha / rank)
    if how == "not transposed":
        return W @ x + scale * (B @ A @ x)
    if how == "transposed":
        return W @ x.T + scale * (B @ A @ x.T)
    if how == "swapped":
        return x @ W.T + scale * (x @ B.T @ A.T)
    if how == "W alone":
        return x @ W.T
    update = x @ A.T @ B.T
    if how == "update alone":
        return scale * update
    if how == "all scaled":
        return scale * (x @ W.T + update)
    if how == "minus":
        return x @ W.T - scale * update
    if how == "A alone":
        return x @ W.T + scale * (x @ A.T).sum(axis=-1, keepdims=True)
    return x @ W.T + scale * update


_FORWARD_SOLUTION = """
def my_forward(x, W, A, B, alpha):
    rank = len(A)
    return x @ W.T + (x @ A.T) @ B.T * alpha / rank
"""


def _forward_cases() -> list[Case]:
    rng = np.random.default_rng(12)

    def case(n: int, into: int, out: int, rank: int, alpha: float, note: str) -> Case:
        shapes = (n, into), (out, into), (rank, into), (out, rank)
        return Case((*(rng.normal(size=shape) for shape in shapes), alpha), note)

    return [
        case(2, 6, 4, 2, 8.0, "a wide layer"),
        case(3, 3, 5, 1, 1.0, "rank 1, alpha 1"),
        case(1, 4, 4, 4, 2.0, "a square layer"),
        Case(
            (np.ones((1, 3)), np.eye(3), np.ones((2, 3)), np.zeros((3, 2)), 4.0), "B is still zero"
        ),
    ]


# ------------------------------------------------------------------------------------------------
# 12.2 Counting


def _count(shapes: Any, rank: Any, layers: Any, how: str = "") -> Any:
    """Numbers that learn, or with one thing changed."""
    total = 0
    for out, into in shapes:
        if how == "product":
            total += rank * out * into
        elif how == "A alone":
            total += rank * into
        elif how == "B alone":
            total += rank * out
        elif how == "no rank":
            total += out + into
        elif how == "square":
            total += 2 * rank * into
        elif how == "whole":
            total += out * into
        elif how == "with W":
            total += out * into + rank * (out + into)
        else:
            total += rank * (out + into)
    return total if how == "one layer" else layers * total


_COUNT_SOLUTION = """
def my_count(shapes, rank, layers):
    return layers * sum(rank * (out + into) for out, into in shapes)
"""

# ------------------------------------------------------------------------------------------------
# 12.3 Labels


def _labels(prompt: Any, answer: Any, end: Any, length: Any, how: str = "") -> Any:
    """The labels of one padded row, or with one thing changed."""
    padding = [-100] * (length - len(prompt) - len(answer) - 1)
    if how == "prompt too":
        return [*prompt, *answer, end, *padding]
    if how == "no end":
        return [-100] * len(prompt) + [*answer, -100, *padding]
    if how == "padding too":
        return [-100] * len(prompt) + [*answer, end, *[end] * len(padding)]
    if how == "shifted":
        return [-100] * (len(prompt) - 1) + [*answer, end, -100, *padding]
    if how == "turned round":
        return [*prompt, *[-100] * (len(answer) + 1), *padding]
    if how == "zeros":
        return [0] * len(prompt) + [*answer, end] + [0] * len(padding)
    if how == "left":
        return [*padding, *[-100] * len(prompt), *answer, end]
    if how == "mask":
        return [0] * len(prompt) + [1] * (len(answer) + 1) + [0] * len(padding)
    if how == "by value":
        row = [*prompt, *answer, end, *padding]
        return [token if token in answer or token == end else -100 for token in row]
    if how == "no padding":
        return [-100] * len(prompt) + [*answer, end]
    return [-100] * len(prompt) + [*answer, end, *padding]


_LABELS_SOLUTION = """
def my_labels(prompt, answer, end, length):
    learned = [-100] * len(prompt) + [*answer, end]
    return learned + [-100] * (length - len(learned))
"""

# ------------------------------------------------------------------------------------------------
# 12.4 The split


def _split(wordings: Any, values: Any, how: str = "") -> Any:
    """Rows to learn from and to test on, or with one thing changed."""
    rows = range(len(wordings))
    known = sorted(set(wordings)), sorted(set(values))
    held = [set(names[::3]) for names in known]
    new_wording = {row for row in rows if wordings[row] in held[0]}
    new_value = {row for row in rows if values[row] in held[1]}
    if how == "rows":
        return [row for row in rows if row % 5], [row for row in rows if row % 5 == 0]
    if how == "wordings":
        return [row for row in rows if row not in new_wording], sorted(new_wording)
    if how == "values":
        return [row for row in rows if row not in new_value], sorted(new_value)
    if how == "either":
        test = new_wording | new_value
        return [row for row in rows if row not in test], sorted(test)
    test = new_wording & new_value
    if how == "rest":
        return [row for row in rows if row not in test], sorted(test)
    learn = [row for row in rows if row not in new_wording | new_value]
    if how == "tiny":
        return learn, sorted(test)[:1]
    if how == "twice":
        return [*learn, *sorted(test)], sorted(test)
    if how == "turned round":
        return sorted(test), learn
    if how == "masks":
        return [row in learn for row in rows], [row in test for row in rows]
    return learn, sorted(test)


_SPLIT_SOLUTION = """
def my_split(wordings, values):
    new_wordings = set(sorted(set(wordings))[::3])
    new_values = set(sorted(set(values))[::3])
    learn, test = [], []
    for row, (wording, value) in enumerate(zip(wordings, values)):
        new = (wording in new_wordings) + (value in new_values)
        if new == 2:
            test.append(row)
        if new == 0:
            learn.append(row)    # what has one new and one old is left out
    return learn, test
"""

_SPLIT_SHAPE = "Two lists of row numbers are wanted: rows to learn from, rows to test on."
_SPLIT_ROWS = "A row stands in both lists, or twice in one."
_SPLIT_WORDINGS = (
    "A wording of the test rows is in the training rows: the score would count sentences that "
    "were learned by heart."
)
_SPLIT_VALUES = (
    "A value of the test rows is in the training rows. Rows with an old wording or an old value "
    "belong into neither test nor, if the other half is new, training: leave them out."
)
_SPLIT_BOTH = "Wordings and values of the test rows are in the training rows: this splits rows."
_SPLIT_SMALL = "A test of so few rows says little: at least ten are wanted."
_SPLIT_LEARN = "Too little is left to learn from: at least a fifth of the rows is wanted."
_SPLIT_TURNED = "Turned round? The rows to learn from come first, and they are the more."
_SPLIT_MASK = "These are True and False for each row. Row numbers are wanted: 0, 3, 7."


def _worlds() -> list[tuple[list[str], list[str]]]:
    rng = np.random.default_rng(5)
    return [
        (
            [f"wording {n}" for n in rng.integers(0, n_wordings, rows)],
            [f"LK-{100 + n}" for n in rng.integers(0, n_values, rows)],
        )
        for n_wordings, n_values, rows in ((12, 12, 200), (20, 9, 400))
    ]


def check_split(split: Any) -> None:
    """Want rows to learn from and rows to test on that share neither a wording nor a value."""
    for wordings, values in _worlds():
        parts = split(list(wordings), list(values))
        if not isinstance(parts, list | tuple) or len(parts) != 2:
            raise Wrong(_SPLIT_SHAPE, got=parts)
        learn, test = (_rows(part, len(wordings)) for part in parts)
        if len(set(learn) | set(test)) < len(learn) + len(test):
            raise Wrong(_SPLIT_ROWS)
        shared = [bool({of[r] for r in learn} & {of[r] for r in test}) for of in (wordings, values)]
        for found, message in (
            (all(shared), _SPLIT_BOTH),
            (shared[0], _SPLIT_WORDINGS),
            (shared[1], _SPLIT_VALUES),
            (len(test) < 10, _SPLIT_SMALL),
            (10 <= len(learn) < 0.2 * len(wordings) < len(test), _SPLIT_TURNED),
            (len(learn) < 0.2 * len(wordings), _SPLIT_LEARN),
        ):
            if found:
                raise Wrong(message, given=f"{len(wordings)} rows", got=(len(learn), len(test)))


def _rows(part: Any, n: int) -> list[int]:
    try:
        if any(isinstance(row, bool | np.bool_) for row in part):
            raise Wrong(_SPLIT_MASK)
        rows = [int(row) for row in part]
    except (TypeError, ValueError):
        raise Wrong(_SPLIT_SHAPE, got=part) from None
    if any(not 0 <= row < n for row in rows):
        raise Wrong(_SPLIT_SHAPE, got=part)
    return rows


# ------------------------------------------------------------------------------------------------
# 12.5 Examples for a tool of your own

_Call = dict[str, Any] | None
_TOOL = "book"
_TOOL_EXAMPLES: list[tuple[str, _Call]] = [
    ("Can I bring my Ridge to Leeds on Friday?", {"city": "Leeds", "day": "Friday"}),
    ("book me in at Ghent, Monday", {"city": "Ghent", "day": "Monday"}),
    ("I need a service in Bath. Is Tuesday free?", {"city": "Bath", "day": "Tuesday"}),
    ("Workshop slot on Friday in Delft please", {"city": "Delft", "day": "Friday"}),
    ("Reserve Monday for my brakes, Cologne.", {"city": "Cologne", "day": "Monday"}),
    (
        "My bike squeaks. Could Exeter look at it on Saturday?",
        {"city": "Exeter", "day": "Saturday"},
    ),
    ("When is the Leeds workshop open?", None),
    ("Cancel my appointment in Ghent on Monday.", None),
]
_OWN_SHAPE = (
    "A name and a list of pairs are wanted: the question, and the call's arguments as a dict of "
    "texts or numbers, or None where the tool must not be called."
)
_OWN_TOOL = "A tool's name is one word, of letters, numbers, _, - and dots."
_OWN_FEW = "At least eight examples are wanted."
_OWN_NO_NONE = (
    "At least two questions that look alike and are none of the tool's are wanted (None): without "
    "them a model learns to call it always."
)
_OWN_FAR = (
    "Fewer than two of the None questions share a word with a question that calls the tool (words "
    "like 'please' and 'could' aside): such are easy to tell apart, and teach little."
)
_OWN_TORN = (
    "But for values and small words, two questions say the same, and one of them calls the tool, "
    "the other does not. From that nothing can be learned."
)
_OWN_NAMES = (
    "A tool has one set of argument names. A call may leave some out, but one call has them all."
)
_OWN_UNSAID = (
    "An argument's value does not stand in its question, word for word. A value that has to be "
    "made (SQL, an expression, a date's number) needs more examples than these: leave it as it was "
    "said, or choose another tool."
)
_OWN_WORDINGS = (
    "With the values taken out, these are too few different wordings: five at least. Values "
    "alone teach a form letter."
)
_OWN_VALUES = (
    "An argument has fewer than three different values: the model would learn it by heart."
)
_OWN_TWICE = "A question stands there twice."
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the this that these those my your our their his her its i you we they me us it and "
        "or of to in on at for from by with is are was were be been am do does did have has had "
        "will would can could shall should may might please thanks thank what when where which "
        "who how why there here want need like some any hello hi",
    )
)  # not "not": it changes what is wanted


def _check_own(tool: Any, examples: Any) -> list[tuple[str, _Call]]:
    if tool is ... or examples is ... or (isinstance(examples, list) and not examples):
        raise NotAttempted
    if not isinstance(tool, str) or not tool.strip() or not isinstance(examples, list | tuple):
        raise Wrong(_OWN_SHAPE, got=examples)
    if not re.fullmatch(r"[\w.-]+", tool):
        raise Wrong(_OWN_TOOL, got=tool)
    for pair in examples:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not _is_pair(*pair):
            raise Wrong(_OWN_SHAPE, got=pair)
    return [(question, call) for question, call in examples]


def _is_pair(question: Any, call: Any) -> bool:
    if not isinstance(question, str) or not question.strip():
        return False
    return call is None or (
        isinstance(call, dict)
        and bool(call)
        and all(isinstance(name, str) and name for name in call)
        and all(_is_value(value) for value in call.values())
    )


def _is_value(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_examples(answer: Any) -> None:
    """Want examples for a tool, from which calling and not calling can be learned."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong(_OWN_SHAPE)
    examples = _check_own(*answer)
    calls = [(question, call) for question, call in examples if call is not None]
    others = [question for question, call in examples if call is None]
    if len(examples) < 8:
        raise Wrong(_OWN_FEW, got=len(examples))
    if len({_plain(question) for question, _ in examples}) < len(examples):
        raise Wrong(_OWN_TWICE)
    if len(others) < 2:
        raise Wrong(_OWN_NO_NONE)
    called = {word for question, _ in calls for word in _content(question)}
    if sum(bool(_content(question) & called) for question in others) < 2:
        raise Wrong(_OWN_FAR)
    names = [set(call) for _, call in calls]
    if set().union(*names) not in names:
        raise Wrong(_OWN_NAMES, got=sorted({tuple(sorted(one)) for one in names}))
    for question, call in calls:
        for value in call.values():
            if not _said(value).search(question):
                raise Wrong(_OWN_UNSAID, given=question, got=value)
    wordings = {_wording(question, call.values()) for question, call in calls}
    if len(wordings) < 5:
        raise Wrong(_OWN_WORDINGS, got=sorted(wordings))
    for name in sorted(set().union(*names)):
        values = {str(call[name]).lower() for _, call in calls if name in call}
        if len(values) < 3:
            raise Wrong(_OWN_VALUES, got=sorted(values))
    known = [value for _, call in calls for value in call.values()]
    for question, call in calls:
        for other in others:
            if _gist(question, call.values()) == _gist(other, known):
                raise Wrong(_OWN_TORN, got=[question, other])


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _content(text: str) -> set[str]:
    return set(_plain(text).split()) - _SMALL_WORDS


def _said(value: Any) -> re.Pattern[str]:
    """Find the value as whole words: "a" does not stand in "Leeds and Bath"."""
    return re.compile(rf"(?<!\w){re.escape(str(value).strip())}(?!\w)", re.IGNORECASE)


def _wording(question: str, values: Iterable[Any]) -> str:
    """The question with _ for its values; a question that is one value stays as it is."""
    text = question
    for value in sorted(values, key=lambda value: len(str(value)), reverse=True):
        text = _said(value).sub(" _ ", text)
    return _plain(question if _plain(text) == "_" else text)


def _gist(question: str, values: Iterable[Any]) -> set[str]:
    """The content words without the values; all of them where nothing else is left."""
    return (_content(_wording(question, values)) - {"_"}) or _content(question)


def show_examples(tool: Any, examples: Any) -> None:
    """Print the line that the model would learn for each example."""
    import json

    try:
        pairs = _check_own(tool, examples)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    for question, call in pairs:
        line = json.dumps({"tool": tool, "arguments": call}) if call else "(another tool's)"
        print(f"{question[:60]:60} {line}")


_FEW_WORDINGS: list[tuple[str, _Call]] = [
    *(
        (f"Book {city} on {day}.", {"city": city, "day": day})
        for city, day in zip(
            ("Leeds", "Ghent", "Bath", "Delft", "Exeter", "Bonn"),
            ("Monday", "Tuesday", "Friday", "Sunday", "Monday", "Friday"),
            strict=True,
        )
    ),
    *_TOOL_EXAMPLES[-2:],
]


def _changed(row: int, question: str, call: _Call) -> list[Any]:
    return [*_TOOL_EXAMPLES[:row], (question, call), *_TOOL_EXAMPLES[row + 1 :]]


EXERCISES = [
    Exercise(
        id="12.1",
        title="The low-rank forward",
        reference=_forward,
        solution_source=_FORWARD_SOLUTION,
        check=function_check(cases=_forward_cases()),
        hints=(
            "Three terms: what the layer gave before, what comes of A and then B, and the factor "
            "before the second.",
            "x @ W.T applies a weight of shape (out, in) to rows of x. The rank is the number of "
            "rows of A.",
        ),
        explanation="x @ A.T has only rank columns, so two thin products replace one of W's size. "
        "While B is zero, the layer is the old one.",
        wrong=(
            KnownWrong(
                partial(_forward, how="no scale"), "The update is not scaled by alpha / rank."
            ),
            KnownWrong(
                partial(_forward, how="alpha"),
                "The update is scaled by alpha, not divided by the rank: twice the rank would then "
                "mean twice the change.",
            ),
            KnownWrong(
                partial(_forward, how="upside down"),
                "The factor is upside down: alpha / rank is wanted.",
            ),
            KnownWrong(
                partial(_forward, how="update alone"),
                "This is the update alone: what the frozen layer gives is added to it.",
            ),
            KnownWrong(
                partial(_forward, how="all scaled"),
                "The frozen layer's output is scaled too: alpha / rank belongs to the update.",
            ),
            KnownWrong(partial(_forward, how="minus"), "The update is added, not taken away."),
            KnownWrong(
                partial(_forward, how="inputs"),
                "This divides by A's second number, the inputs. The rank is A's first: its rows.",
            ),
            KnownWrong(
                partial(_forward, how="outputs"),
                "This divides by the rows of B, the outputs. The rank is the number of rows of A.",
            ),
            KnownWrong(
                partial(_forward, how="root"), "This divides by the root of the rank, not by it."
            ),
            KnownWrong(
                partial(_forward, how="W alone"),
                "This is the frozen layer alone: the update, of A and then B, is missing.",
            ),
            KnownWrong(
                partial(_forward, how="transposed"),
                "This has a column for each row of x: transpose it, or write x @ W.T.",
            ),
            KnownWrong(
                partial(_forward, how="swapped"),
                "A and B are swapped: x meets A first, which makes rank numbers of it.",
            ),
            KnownWrong(
                partial(_forward, how="not transposed"),
                "The shapes do not fit. The formula's x is a column; here inputs are rows, so "
                "x @ W.T, and for the update first A.T, then B.T.",
            ),
            KnownWrong(
                partial(_forward, how="A alone"),
                "B is not used: A makes rank numbers of x, B makes outputs of those.",
            ),
        ),
    ),
    Exercise(
        id="12.2",
        title="Counting what learns",
        reference=_count,
        solution_source=_COUNT_SOLUTION,
        check=function_check(
            cases=[
                Case(([(576, 576), (192, 576)], 8, 30), "q_proj and v_proj of SmolLM2"),
                Case(([(1536, 576)], 4, 1), "one wide matrix"),
                Case(([(576, 1536), (576, 576)], 1, 15), "rank 1"),
                Case(([(4096, 4096)] * 4, 16, 32), "four of a larger model's"),
            ]
        ),
        hints=(
            "One matrix of shape (out, in) gets an A of shape (rank, in) and a B of shape "
            "(out, rank).",
            "rank * (out + in) for each shape; add up, and times the layers.",
        ),
        explanation="It grows with out + in, while W grows with out times in: the larger the "
        "model, the smaller the share that learns.",
        wrong=(
            KnownWrong(
                partial(_count, how="product"),
                "A and B stand beside each other: their sizes add up, they do not multiply.",
            ),
            KnownWrong(partial(_count, how="A alone"), "This counts A; B learns as well."),
            KnownWrong(partial(_count, how="B alone"), "This counts B; A learns as well."),
            KnownWrong(
                partial(_count, how="no rank"),
                "The rank is missing: A has `rank` rows, B `rank` columns.",
            ),
            KnownWrong(
                partial(_count, how="square"),
                "This takes every matrix for a square: B has a row for each output.",
            ),
            KnownWrong(
                partial(_count, how="whole"), "This counts W, which is frozen. A and B learn."
            ),
            KnownWrong(partial(_count, how="with W"), "W is frozen: it does not count."),
            KnownWrong(
                partial(_count, how="one layer"),
                "This is one layer's; every layer has an A and a B of its own.",
            ),
        ),
    ),
    Exercise(
        id="12.3",
        title="Labels",
        reference=_labels,
        solution_source=_LABELS_SOLUTION,
        check=function_check(
            cases=[
                Case(([1, 5, 9], [7, 8], 2, 8), "two tokens of padding"),
                Case(([1, 5], [7], 2, 4), "no padding"),
                Case(([4] * 6, [3, 3, 3], 0, 12), "an end token of number 0"),
                Case(([1], [6, 7, 8, 9], 2, 9), "a short prompt"),
                Case(([1, 2, 7, 5, 2, 8], [7, 8], 2, 11), "end and answer tokens in the prompt"),
            ]
        ),
        hints=(
            "The row is prompt, answer, end, padding. Which of the four shall be learned?",
            "-100 for each token of the prompt, then the answer's numbers, then end, then -100 up "
            "to `length`.",
        ),
        explanation="The end token is part of the answer: a model that never learned it never "
        "stops. The padding is part of nothing.",
        wrong=(
            KnownWrong(
                partial(_labels, how="prompt too"),
                "The prompt is learned too: the model would spend its few numbers on writing "
                "questions.",
            ),
            KnownWrong(
                partial(_labels, how="no end"),
                "The end token is not learned: the model would write on and on.",
            ),
            KnownWrong(
                partial(_labels, how="padding too"),
                "The padding is learned: most of the loss would be about nothing.",
            ),
            KnownWrong(
                partial(_labels, how="shifted"),
                "Your labels are shifted by one. transformers shifts them itself: label i is the "
                "token at place i.",
            ),
            KnownWrong(
                partial(_labels, how="turned round"),
                "This learns the prompt and leaves out the answer: turn it round.",
            ),
            KnownWrong(
                partial(_labels, how="zeros"),
                "0 is a token like any other. What is not to be learned has the label -100.",
            ),
            KnownWrong(
                partial(_labels, how="left"),
                "The padding stands before the answer: it comes last, after the end token.",
            ),
            KnownWrong(
                partial(_labels, how="mask"),
                "This is a mask of 1 and 0. Labels are the tokens' numbers, and -100 elsewhere.",
            ),
            KnownWrong(
                partial(_labels, how="by value"),
                "This chooses tokens by their number, but a prompt holds the same ones: words of "
                "the answer, and an end token after each turn. Choose by place.",
            ),
            KnownWrong(
                partial(_labels, how="no padding"),
                "The row is too short: up to `length`, it is filled with -100.",
            ),
        ),
    ),
    Exercise(
        id="12.4",
        title="A split that hides both",
        reference=_split,
        solution_source=_SPLIT_SOLUTION,
        check=check_split,
        hints=(
            "Choose some wordings and some values for the test. Which rows have both, which have "
            "neither?",
            "Test: both chosen. Training: neither chosen. The other rows are left out.",
        ),
        explanation="A row with a chosen wording and another value can go nowhere: in training it "
        "gives the wording away, in the test its value is known. Left-out rows are the price.",
        wrong=(
            KnownWrong(partial(_split, how="rows"), _SPLIT_BOTH),
            KnownWrong(
                partial(_split, how="wordings"),
                "The wordings are apart, the values are not: the model may know each of them.",
            ),
            KnownWrong(
                partial(_split, how="values"),
                "The values are apart, the wordings are not: each sentence was seen with others.",
            ),
            KnownWrong(
                partial(_split, how="either"),
                "The test has every row with a new wording or a new value, so most have something "
                "old. Keep those where both are new.",
            ),
            KnownWrong(
                partial(_split, how="rest"),
                "Test rows are new in both, and then the training has all others, which give the "
                "wordings and the values away. Leave out what has one of either.",
            ),
            KnownWrong(partial(_split, how="tiny"), _SPLIT_SMALL),
            KnownWrong(partial(_split, how="twice"), _SPLIT_ROWS),
            KnownWrong(partial(_split, how="turned round"), _SPLIT_TURNED),
            KnownWrong(partial(_split, how="masks"), _SPLIT_MASK),
        ),
    ),
    Exercise(
        id="12.5",
        title="Examples for your own tool",
        reference=(_TOOL, _TOOL_EXAMPLES),
        solution_source=f"my_tool = {_TOOL!r}\nmy_examples = [\n"
        + "".join(f"    {pair!r},\n" for pair in _TOOL_EXAMPLES)
        + "]",
        check=check_examples,
        hints=(
            "Write as people type: short, long, without a question mark, with the reason first.",
            "Take a call's arguments from the question's own words, and add two questions that "
            "share its words but want something else.",
        ),
        explanation="Wordings teach what to recognise, values teach what to copy, and the "
        "look-alikes teach when to stay away.",
        wrong=(
            KnownWrong((_TOOL, _TOOL_EXAMPLES[:5]), _OWN_FEW),
            KnownWrong((_TOOL, [question for question, _ in _TOOL_EXAMPLES]), _OWN_SHAPE),
            KnownWrong(
                (
                    _TOOL,
                    [
                        *_TOOL_EXAMPLES[:6],
                        ("Book Bonn for Sunday.", {"city": "Bonn", "day": "Sunday"}),
                        ("Is Kiel free on Friday?", {"city": "Kiel", "day": "Friday"}),
                    ],
                ),
                _OWN_NO_NONE,
            ),
            KnownWrong((_TOOL, _changed(6, "What is 2 plus 2?", None)), _OWN_FAR),
            KnownWrong(
                (_TOOL, _changed(0, "Leeds on Friday?", {"place": "Leeds", "day": "Friday"})),
                _OWN_NAMES,
            ),
            KnownWrong(
                (_TOOL, _changed(0, "Leeds, soon?", {"city": "Leeds", "day": "Friday"})),
                _OWN_UNSAID,
            ),
            KnownWrong(("book a workshop!!", _TOOL_EXAMPLES), _OWN_TOOL),
            KnownWrong(
                (_TOOL, _changed(7, "Workshop slot on Friday in Delft, thanks", None)), _OWN_TORN
            ),
            KnownWrong((_TOOL, _FEW_WORDINGS), _OWN_WORDINGS),
            KnownWrong((_TOOL, _changed(0, *_TOOL_EXAMPLES[1])), _OWN_TWICE),
            KnownWrong(
                (
                    _TOOL,
                    [
                        (q.replace(c["day"], "Friday"), {**c, "day": "Friday"}) if c else (q, c)
                        for q, c in _TOOL_EXAMPLES
                    ],
                ),
                _OWN_VALUES,
            ),
        ),
    ),
]
