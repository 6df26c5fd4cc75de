"""The exercises of notebooks/15_capstone.ipynb."""

import re
from functools import cache, partial
from typing import Any

import numpy as np

from course_lib.data import LARKSPUR, load_handbook, load_questions
from course_lib.data.files import manuals
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 15.1 Paired by name


def differences(today: dict[str, float], change: dict[str, float]) -> Any:
    """Change minus today, question by question in today's order; ValueError if they differ.

    >>> differences({"Q1": 1.0, "Q2": 0.5}, {"Q2": 0.5, "Q1": 0.0})
    [-1.0, 0.0]
    """
    return _differences(today, change)


def _differences(today: Any, change: Any, how: str = "") -> Any:
    names = list(today)
    if how == "by place":
        if len(today) != len(change):
            raise ValueError("not the same questions")
        return [new - old for old, new in zip(today.values(), change.values(), strict=True)]
    if how == "common":
        return [change[name] - today[name] for name in names if name in change]
    if how == "as 0":
        return [change.get(name, 0.0) - today[name] for name in names]
    if how == "new ignored":
        if set(today) - set(change):
            raise ValueError("not the same questions")
        return [change[name] - today[name] for name in names]
    if how == "length":
        if len(today) != len(change):
            raise ValueError("not the same questions")
        return [change.get(name, 0.0) - today[name] for name in names]
    if how == "by key":
        return [change[name] - today[name] for name in names]
    if set(today) != set(change):
        raise ValueError("not the same questions")
    if how == "sorted":
        names = sorted(names)
    if how == "change's order":
        names = list(change)
    found = [change[name] - today[name] for name in names]
    if how == "turned":
        return [-one for one in found]
    if how == "size":
        return [abs(one) for one in found]
    if how == "mean":
        return sum(found) / len(found) if found else 0.0
    return found


_DIFFERENCES_SOLUTION = """
def my_differences(today, change):
    if set(today) != set(change):
        raise ValueError("today and change must hold the same questions")
    return [change[name] - today[name] for name in today]
"""

_OLD = {"Q7": 1.0, "Q2": 0.5, "Q10": 0.0}

# ------------------------------------------------------------------------------------------------
# 15.2 From the planned moment


def latencies(planned: list[float], seconds: list[float]) -> Any:
    """Seconds from each request's planned moment to its answer, where one is served at a time.

    >>> latencies([0.0, 1.0, 9.0], [4.0, 2.0, 1.0])
    [4.0, 5.0, 1.0]
    """
    return _latencies(planned, seconds)


def _latencies(planned: Any, seconds: Any, how: str = "") -> Any:
    free, found, finished = 0.0, [], []
    for come, takes in zip(planned, seconds, strict=True):
        start = free if how == "no idle" else max(come, free)
        if how == "gap added":
            start = come + free
        free = start + takes
        finished.append(free)
        found.append(start - come if how == "waiting" else free - come)
    if how == "served":
        return list(seconds)
    if how == "finished":
        return finished
    if how == "one ahead":  # only the request before is waited for, not those before that one
        ends = [come + takes for come, takes in zip(planned, seconds, strict=True)]
        starts = [max(come, end) for come, end in zip(planned, [0.0, *ends], strict=False)]
        triples = zip(starts, planned, seconds, strict=True)
        return [start + takes - come for start, come, takes in triples]
    if how == "from the last answer":
        return list(np.diff([0.0, *finished]))
    if how == "mean":
        return sum(found) / len(found) if found else 0.0
    return found


_LATENCIES_SOLUTION = """
def my_latencies(planned, seconds):
    found, free = [], 0.0                  # free: when the one before is answered
    for come, takes in zip(planned, seconds):
        free = max(come, free) + takes     # it starts when it has come and the model is free
        found.append(free - come)
    return found
"""

# ------------------------------------------------------------------------------------------------
# 15.3 What to mend


def bottleneck(requests: list[dict[str, float]], share: float) -> Any:
    """The step to mend for the slowest `share` of the requests: most milliseconds, no queue.

    >>> bottleneck([{"queue": 90.0, "model": 50.0}, {"search": 60.0}], 0.5)
    'model'
    """
    return _bottleneck(requests, share)


def _bottleneck(requests: Any, share: Any, how: str = "") -> Any:
    def total(one: Any) -> float:
        return float(sum(v for name, v in one.items() if how != "order" or name != "queue"))

    ranked = sorted(requests, key=total, reverse=how != "fastest")
    slowest = ranked[: max(1, round(share * len(ranked)))]
    if how == "all":
        slowest = ranked
    if how == "one":
        slowest = ranked[:1]
    if how == "unsorted":
        slowest = requests[: max(1, round(share * len(requests)))]
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for one in slowest:
        for name, value in one.items():
            if name == "queue" and how != "queue":
                continue
            sums[name] = max(sums.get(name, 0), value) if how == "largest" else (
                sums.get(name, 0) + value)  # fmt: skip
            counts[name] = counts.get(name, 0) + 1
    if how == "mean where there":
        sums = {name: value / counts[name] for name, value in sums.items()}
    if how == "milliseconds":
        return max(sums.values())
    return max(sums, key=lambda name: sums[name])


_BOTTLENECK_SOLUTION = """
def my_bottleneck(requests, share):
    slowest_first = sorted(requests, key=lambda one: sum(one.values()), reverse=True)
    sums = {}
    for one in slowest_first[: max(1, round(share * len(requests)))]:
        for step, milliseconds in one.items():
            if step != "queue":
                sums[step] = sums.get(step, 0) + milliseconds
    return max(sums, key=sums.get)
"""

_QUICK = {"queue": 0.0, "search": 9.0, "guards": 2.0, "model": 3.0}

# ------------------------------------------------------------------------------------------------
# 15.4 A gate of your own questions

_NO_PAIRS = "Give a list of pairs: your question, and the locator of the passage that answers it."
_FEW = "Five questions or more are wanted."
_SHORT = "A question needs at least three words of yours."
_TWICE = "The same question stands there twice: it would count twice, and measure nothing new."
_KNOWN = "This question is one of questions.jsonl. Ask one of your own: those have been looked at."
_NOWHERE = "No passage has this locator. Search for one: search.search(question, 5) shows some."
_NO_NUMBER = "The second value is a number: the smallest margin, rounded to two decimals."
_ROUGH = (
    "With so few questions none may get worse, and a loss of this size may yet be there. Take a "
    "larger margin."
)
_TOO_WIDE = "A smaller margin can be ruled out already by so many questions."
_SOLUTION_OWN = """
my_questions = [
    ("Which day is the shop in Bristol shut?", "workshop-booking#opening-hours"),
    # four more; search.search(question, 5) shows passages with their locators
]
# none of n got worse: (1 - margin) ** n must be 0.025 or less
my_margin = ...  # for 5 questions 0.53: 0.47 ** 5 is 0.023, and 0.48 ** 5 is 0.025 and a bit
"""


@cache
def _places() -> tuple[frozenset[str], frozenset[str]]:
    """What locators there are, and the data set's questions."""
    places = [page.anchors() for page in load_handbook()]
    places += [manual.anchors() for manual in manuals(LARKSPUR, [])]
    known = frozenset(_words(one.text) for one in load_questions())
    return frozenset(anchor for anchors in places for anchor in anchors), known


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def check_questions(attempt: Any) -> None:
    """Raise Wrong unless these are questions of the reader's, and the margin fits their number."""
    questions, margin = attempt
    if questions is ... or margin is ... or questions == []:
        raise NotAttempted
    if not isinstance(questions, list | tuple) or not all(
        isinstance(one, list | tuple) and len(one) == 2 and all(isinstance(t, str) for t in one)
        for one in questions
    ):
        raise Wrong(_NO_PAIRS)
    texts = [_words(question) for question, _ in questions]
    locators, known = _places()
    if len(questions) < 5:
        raise Wrong(_FEW)
    for (question, locator), words in zip(questions, texts, strict=True):
        if len(words.split()) < 3:
            raise Wrong(_SHORT, given=question)
        if texts.count(words) > 1:
            raise Wrong(_TWICE, given=question)
        if words in known:
            raise Wrong(_KNOWN, given=question)
        if locator not in locators:
            raise Wrong(_NOWHERE, given=locator)
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number):
        raise Wrong(_NO_NUMBER)
    smallest = _smallest_margin(len(questions))
    if margin < smallest - 1e-9:
        raise Wrong(_ROUGH, given=margin)
    if margin > smallest + 0.015:
        raise Wrong(_TOO_WIDE, given=margin)


def _smallest_margin(n: int) -> float:
    """The smallest margin of two decimals that n questions can rule out."""
    return float(np.ceil(100 * (1 - 0.025 ** (1 / n))) / 100)


_MINE = [
    ("On what days can I collect a bike in Ghent myself?", "delivery#changing-the-address"),
    ("Will you take back the big carton?", "assembly-at-home#keep-the-cardboard"),
    ("How do I quit the Care plan?", "larkspur-care#stopping"),
    (
        "Which page tells me about a stolen bike?",
        "insurance-and-theft#when-the-bike-has-been-stolen",
    ),
    ("Where is the passport of my bike?", "numbers-and-labels#the-bike-passport"),
]


def _with(first: tuple[str, str]) -> list[tuple[str, str]]:
    return [first, *_MINE[1:]]


EXERCISES = [
    Exercise(
        id="15.1",
        title="Paired by name",
        reference=differences,
        solution_source=_DIFFERENCES_SOLUTION,
        check=function_check(
            cases=[
                Case((_OLD, dict(_OLD)), "nothing changed"),
                Case((_OLD, {"Q10": 1.0, "Q7": 0.5, "Q2": 0.5}), "another order"),
                Case((_OLD, {"Q7": 1.0, "Q2": 0.0}), "a question is missing: a ValueError"),
                Case(({"Q7": 1.0}, {"Q7": 1.0, "Q2": 0.0}), "a new question: a ValueError"),
                Case((_OLD, {"Q7": 1.0, "Q2": 0.5, "Q3": 0.0}), "another one: a ValueError"),
                Case(({}, {}), "no questions"),
            ]
        ),
        hints=(
            "A dictionary has an order, and the other one may have another: look scores up by "
            "their names. Compare the two sets of names first.",
            "set(today) != set(change) is a reason to raise ValueError; else change[name] - "
            "today[name] for each name in today.",
        ),
        explanation="Two files that were written in another order, paired by place, give a noise "
        "that hides a loss. And a question on which the new version crashed is missing, not fine.",
        wrong=(
            KnownWrong(
                partial(_differences, how="by place"),
                "You pair by place: the files may be in another order. Look up by name.",
            ),
            KnownWrong(
                partial(_differences, how="common"),
                "You leave out what is missing. Perhaps it is missing because it crashed: raise "
                "ValueError.",
            ),
            KnownWrong(
                partial(_differences, how="as 0"),
                "A missing score is not 0, it is not known: raise ValueError.",
            ),
            KnownWrong(
                partial(_differences, how="new ignored"),
                "A question that is in change alone was not compared: raise ValueError.",
            ),
            KnownWrong(
                partial(_differences, how="length"),
                "As many questions are not the same questions: compare the names.",
            ),
            KnownWrong(
                partial(_differences, how="by key"),
                "A missing question must be a ValueError that says so, no KeyError; a new one too.",
            ),
            KnownWrong(
                partial(_differences, how="sorted"),
                "The order of today is wanted, not a sorted one.",
            ),
            KnownWrong(
                partial(_differences, how="change's order"), "The order of today is wanted."
            ),
            KnownWrong(
                partial(_differences, how="turned"), "change minus today: a loss is below 0."
            ),
            KnownWrong(
                partial(_differences, how="size"), "Keep the sign: a loss is below 0, a gain above."
            ),
            KnownWrong(
                partial(_differences, how="mean"),
                "One difference for each question is wanted: the bootstrap draws among them.",
            ),
        ),
    ),
    Exercise(
        id="15.2",
        title="From the planned moment",
        reference=latencies,
        solution_source=_LATENCIES_SOLUTION,
        check=function_check(
            cases=[
                Case(([0.0, 1.0, 2.0], [4.0, 4.0, 4.0]), "each waits for those before it"),
                Case(([0.0, 10.0, 20.0], [4.0, 4.0, 4.0]), "nobody waits"),
                Case(([5.0, 5.0, 30.0, 30.5], [10.0, 1.0, 1.0, 2.0]), "two queues, idle between"),
                Case(([0.0, 1.0, 2.0, 3.0], [1.0, 9.0, 1.0, 1.0]), "one stall"),
                Case(([], []), "no request"),
            ]
        ),
        hints=(
            "Keep one number while you go: when the model is free again.",
            "A request starts at max(planned, free), and is answered that many seconds later. Its "
            "latency counts from the moment for which it was planned.",
        ),
        explanation="A load test whose clients wait for an answer before they ask again asks "
        "nobody while the service stalls, and so hardly measures the stall: coordinated omission.",
        wrong=(
            KnownWrong(
                partial(_latencies, how="served"),
                "This is what serving takes. Who waits for the one before waits too: count from "
                "the planned moment. (That is coordinated omission.)",
            ),
            KnownWrong(
                partial(_latencies, how="no idle"),
                "The model cannot start before a request has come: max(planned, free).",
            ),
            KnownWrong(
                partial(_latencies, how="gap added"),
                "Two moments are not added: it starts at the later one of planned and free.",
            ),
            KnownWrong(
                partial(_latencies, how="waiting"),
                "This is the waiting alone: until the answer is there is wanted.",
            ),
            KnownWrong(
                partial(_latencies, how="finished"),
                "These are the moments of the answers: take off the planned ones.",
            ),
            KnownWrong(
                partial(_latencies, how="one ahead"),
                "The request before may have had to wait itself: keep when the model is free.",
            ),
            KnownWrong(
                partial(_latencies, how="from the last answer"),
                "These are the times between answers, not from a request to its own answer.",
            ),
            KnownWrong(partial(_latencies, how="mean"), "One latency for each request is wanted."),
        ),
    ),
    Exercise(
        id="15.3",
        title="What to mend",
        reference=bottleneck,
        solution_source=_BOTTLENECK_SOLUTION,
        check=function_check(
            cases=[
                Case(
                    (
                        [
                            {"queue": 900.0, "search": 9.0, "model": 80.0},
                            {"queue": 500.0, "search": 9.0, "model": 90.0},
                            *[_QUICK] * 20,
                        ],
                        0.1,
                    ),
                    "the tail is another matter than the mean",
                ),
                Case(
                    (
                        [
                            *[_QUICK] * 6,
                            {"queue": 0.0, "guards": 40.0, "model": 30.0},
                            {"queue": 9.0, "search": 45.0, "model": 30.0},
                        ],
                        0.25,
                    ),
                    "no single largest step",
                ),
                Case(
                    (
                        [
                            {"queue": 90.0, "search": 1.0, "model": 5.0},
                            {"queue": 0.0, "search": 50.0, "model": 2.0},
                            {"queue": 80.0, "search": 1.0, "model": 6.0},
                            {"queue": 70.0, "search": 2.0, "model": 6.0},
                        ],
                        0.5,
                    ),
                    "slowest with their queue",
                ),
                Case(
                    (
                        [
                            {"queue": 60.0, "model": 40.0},
                            {"queue": 40.0, "guards": 50.0},
                            {"queue": 55.0, "model": 30.0},
                        ],
                        1.0,
                    ),
                    "one large value",
                ),
                Case(
                    (
                        [
                            {"queue": 60.0, "model": 40.0},
                            {"queue": 50.0, "guards": 39.0},
                            {"queue": 70.0, "model": 30.0},
                        ],
                        1.0,
                    ),
                    "a step that not all have",
                ),
                Case(
                    (
                        [
                            {"guards": 12.0, "search": 9.0},
                            {"search": 2.0, "guards": 1.0},
                            {"model": 90.0, "search": 1.0},
                        ],
                        0.34,
                    ),
                    "the slowest came last",
                ),
                Case(([{"queue": 5.0, "model": 1.0}], 0.1), "one request"),
            ],
            compare=exact,
        ),
        hints=(
            "Sort by the sum of all steps, the slowest first, and keep the share. Then add up each "
            "step's milliseconds over what is kept.",
            'max(1, round(share * len(requests))) are kept. Leave "queue" out of the sums, not out '
            "of the order; max(sums, key=sums.get) is the name.",
        ),
        explanation="Nobody mends a queue: it is the others' time in the step that is short of "
        "room. Mend that one, and the queue goes with it.",
        wrong=(
            KnownWrong(
                partial(_bottleneck, how="queue"),
                "The queue is what people wait in while others are served: find the step that "
                "serves too slowly.",
            ),
            KnownWrong(
                partial(_bottleneck, how="all"),
                "You add up all requests. What hurts is the slowest share of them.",
            ),
            KnownWrong(
                partial(_bottleneck, how="one"),
                "You look at the slowest request alone; a share of them is wanted.",
            ),
            KnownWrong(
                partial(_bottleneck, how="fastest"), "You keep the fastest: turn the order round."
            ),
            KnownWrong(
                partial(_bottleneck, how="unsorted"),
                "You keep the first ones as they came: sort by their time.",
            ),
            KnownWrong(
                partial(_bottleneck, how="order"),
                "The queue belongs to a request's time: leave it out of the sums alone.",
            ),
            KnownWrong(
                partial(_bottleneck, how="largest"),
                "You compare single largest values: add up over the slowest requests.",
            ),
            KnownWrong(
                partial(_bottleneck, how="mean where there"),
                "A step that few requests have takes few milliseconds in all: add up, and do not "
                "divide.",
            ),
            KnownWrong(partial(_bottleneck, how="milliseconds"), "The name of the step is wanted."),
        ),
    ),
    Exercise(
        id="15.4",
        title="A gate of your own questions",
        reference=(_MINE, 0.53),
        solution_source=_SOLUTION_OWN,
        check=check_questions,
        hints=(
            "Ask something about Larkspur that you would want to know; search.search(question, 5) "
            "shows passages, and one.chunk.locator is a passage's locator.",
            "If none of n questions got worse, a share m of all may yet: with chance (1 - m)^n "
            "none of them is among yours. least_questions(m) is the n at which that is 0.025.",
        ),
        explanation="Five questions rule out that half of all answers got worse, and no less. They "
        "are worth having for another reason: you know what a good answer to them is.",
        wrong=(
            KnownWrong(("How?", 0.53), _NO_PAIRS),
            KnownWrong((_MINE[:4], 0.61), _FEW),
            KnownWrong((_with(("Price?", _MINE[0][1])), 0.53), _SHORT),
            KnownWrong((_with(_MINE[1]), 0.53), _TWICE),
            KnownWrong(
                (
                    _with(
                        ("Can the walk mode of a Ridge be used going downhill?", "nowhere#at-all")
                    ),
                    0.53,
                ),
                _NOWHERE,
            ),
            KnownWrong((_MINE, "small"), _NO_NUMBER),
            KnownWrong((_MINE, 0.1), _ROUGH),
            KnownWrong((_MINE, 0.9), _TOO_WIDE),
        ),
    ),
]
