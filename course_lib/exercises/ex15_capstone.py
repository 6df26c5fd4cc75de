"""The exercises of notebooks/15_capstone.ipynb."""

import re
from functools import cache, partial
from math import ceil, floor
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
    if how == "union":
        names += [name for name in change if name not in today]
        return [change.get(name, 0.0) - today.get(name, 0.0) for name in names]
    if how in ("superset", "superset, common"):
        if set(change) - set(today):
            raise ValueError("not the same questions")
        names = [name for name in names if how == "superset" or name in change]
        return [change[name] - today[name] for name in names]
    if set(today) != set(change):
        errors = {"KeyError": KeyError, "assert": AssertionError, "empty": None}
        error = errors.get(how, ValueError)
        if error is None:
            return []
        raise error("not the same questions")
    if how == "sorted":
        names = sorted(names)
    if how == "change's order":
        names = list(change)
    found = [change[name] - today[name] for name in names]
    if how == "turned":
        return [-one for one in found]
    if how == "size":
        return [abs(one) for one in found]
    if how == "by name":
        return dict(zip(names, found, strict=True))
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

    ranked = list(requests)
    if how != "unsorted":
        ranked.sort(key=total, reverse=how != "fastest")
    kept = max(1, round(share * len(ranked)))
    kept = {
        "all": len(ranked),
        "one": 1,
        "floor": max(1, floor(share * len(ranked))),
        "ceil": ceil(share * len(ranked)),
        "perhaps none": round(share * len(ranked)),
    }.get(how, kept)
    values: dict[str, list[float]] = {}
    for one in ranked[:kept]:
        steps = {name: v for name, v in one.items() if name != "queue" or "queue" in how}
        if how.startswith("vote"):  # each request names its longest step
            longest = max(steps, key=lambda name: steps[name])
            steps = {longest: 1.0}
        for name, value in steps.items():
            values.setdefault(name, []).append(value)
    combine: Any = {"largest": max, "mean where there": np.mean}.get(how, sum)
    sums = {name: float(combine(those)) for name, those in values.items()}
    if how == "milliseconds":
        return max(sums.values())
    return max(sums, key=lambda name: sums[name])


def _always_model(requests: Any, share: Any) -> Any:
    return "model"


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
# 15.4 Questions of your own

TAIL = 0.025  # of a 95 % interval, as in course_lib.gate.least_questions

_BOTH = 'Hand in two things in brackets: check("15.4", (my_questions, my_margin)).'
_NO_PAIRS = "Give a list of pairs: your question, and the locator of the passage that answers it."
_FEW = "Five questions or more are wanted."
_SHORT = "A question needs at least three words of yours."
_TWICE = "The same question stands there twice: it would count twice, and measure nothing new."
_KNOWN = "This question is one of questions.jsonl. Ask one of your own: those have been looked at."
_NOWHERE = (
    "No passage has this locator. search.search(question, 5) shows some; copy one whole, with what "
    "stands behind #."
)
_ONE_PASSAGE = (
    "All your questions point at one passage: such a gate watches that passage alone. Point each "
    "at the passage that answers it. (Whether it does, only you can judge, not this check.)"
)
_NO_NUMBER = "The second value is a number: the smallest margin, rounded up to two decimals."
_NO_SHARE = "A margin is a share of the questions, between 0 and 1: write 0.25 for 25 in a hundred."
_ROUGH = (
    "With so few questions none may get worse, and a loss of this size may yet be there. Take a "
    "larger margin."
)
_DOWN = "This is rounded down: (1 - margin) ** n is still above 0.025. Round the margin up."
_TOO_WIDE = (
    "A smaller margin can be ruled out already by so many questions: the smallest is wanted."
)


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
    if isinstance(attempt, list | tuple) and not attempt:  # the stub's questions alone
        raise NotAttempted
    if not isinstance(attempt, list | tuple) or len(attempt) != 2 or all(map(_is_pair, attempt)):
        raise Wrong(_BOTH)
    questions, margin = attempt
    if not isinstance(questions, list | tuple):
        raise Wrong(_NO_PAIRS)
    if not questions:
        raise NotAttempted
    if not all(map(_is_pair, questions)):
        raise Wrong(_NO_PAIRS)
    texts = [_words(question) for question, _ in questions]
    locators, known = _places()
    if len(questions) < 5:
        raise Wrong(_FEW, given=f"{len(questions)} pairs")
    for (question, locator), words in zip(questions, texts, strict=True):
        if len(words.split()) < 3:
            raise Wrong(_SHORT, given=question)
        if texts.count(words) > 1:
            raise Wrong(_TWICE, given=question)
        if words in known:
            raise Wrong(_KNOWN, given=question)
        if locator not in locators:
            raise Wrong(_NOWHERE, given=locator)
    if len({locator for _, locator in questions}) == 1:
        raise Wrong(_ONE_PASSAGE, given=questions[0][1])
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number):
        raise Wrong(_NO_NUMBER, got=margin)
    if not 0 < margin < 1:  # nan too
        raise Wrong(_NO_SHARE, got=margin)
    bare = 1 - TAIL ** (1 / len(questions))
    if margin < bare - 1e-9:
        raise Wrong(_DOWN if margin > bare - 0.01 else _ROUGH, got=margin)
    if margin > _smallest_margin(len(questions)) + 1e-9:
        raise Wrong(_TOO_WIDE, got=margin)


def _is_pair(one: Any) -> bool:
    return isinstance(one, list | tuple) and len(one) == 2 and all(isinstance(t, str) for t in one)


def _smallest_margin(n: int) -> float:
    """The smallest margin of two decimals that n questions can rule out.

    >>> _smallest_margin(5), _smallest_margin(36)
    (0.53, 0.1)
    """
    return ceil(100 * float(1 - TAIL ** (1 / n))) / 100


_MINE = [
    (
        "Is the Bristol workshop open on Mondays?",
        "opening-hours#workshops",
    ),
    ("Should I keep the cardboard box of the new bike?", "assembly-at-home#keep-the-cardboard"),
    ("How much notice must I give to leave the Care plan?", "larkspur-care#stopping"),
    (
        "My bike was stolen: police or insurer first?",
        "insurance-and-theft#when-the-bike-has-been-stolen",
    ),
    ("Where in the app is the passport of my bike?", "numbers-and-labels#the-bike-passport"),
]
_LOOKED_AT = (
    "Grandma's battery is worn out and I don't need another one. Is there any money in handing it "
    "in?",
    "battery-recycling#what-you-get-for-it",
)
_SOLUTION_OWN = "\n".join(
    [
        "my_questions = [",
        *[f'    ("{question}", "{locator}"),' for question, locator in _MINE],
        "]",
        "# none of n got worse by luck: (1 - margin) ** n must be 0.025 or less",
        "my_margin = 0.53  # 0.47 ** 5 is 0.023; 0.48 ** 5 is 0.0255, too much",
    ]
)


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
                partial(_differences, how="KeyError"),
                "You notice that the questions differ, and raise KeyError: a ValueError is wanted, "
                "as the value of an argument is at fault.",
            ),
            KnownWrong(
                partial(_differences, how="assert"),
                "assert is for what cannot happen, and python -O leaves it out. This happens: "
                "raise ValueError.",
            ),
            KnownWrong(
                partial(_differences, how="empty"),
                "An empty list reads like no question at all: raise ValueError where they differ.",
            ),
            KnownWrong(
                partial(_differences, how="superset"),
                "You refuse questions that are new in change; those missing from it end in a "
                "KeyError. Compare both ways: set(today) != set(change).",
            ),
            KnownWrong(
                partial(_differences, how="superset, common"),
                "You refuse questions that are new in change, and skip those missing from it. "
                "Refuse both.",
            ),
            KnownWrong(
                partial(_differences, how="union"),
                "You take the questions of both, and 0 where a score is missing. It is not known: "
                "raise ValueError.",
            ),
            KnownWrong(
                partial(_differences, how="by name"),
                "A list is wanted, in today's order, and no dictionary.",
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
                            {"queue": 900.0, "search": 9.0, "model": 50.0},
                            {"queue": 500.0, "search": 9.0, "model": 60.0},
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
                            {"queue": 0.0, "search": 40.0, "guards": 30.0},
                            {"queue": 9.0, "model": 45.0, "guards": 30.0},
                        ],
                        0.25,
                    ),
                    "no single largest step",
                ),
                Case(
                    (
                        [
                            {"queue": 90.0, "search": 1.0, "tools": 5.0},
                            {"queue": 0.0, "model": 50.0, "tools": 2.0},
                            {"queue": 80.0, "search": 1.0, "tools": 6.0},
                            {"queue": 70.0, "search": 2.0, "tools": 6.0},
                        ],
                        0.5,
                    ),
                    "slowest with their queue",
                ),
                Case(
                    (
                        [
                            {"queue": 60.0, "search": 40.0},
                            {"queue": 40.0, "guards": 50.0},
                            {"queue": 55.0, "search": 30.0},
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
                            {"queue": 5.0, "search": 20.0, "model": 19.0},
                            {"queue": 3.0, "search": 22.0, "model": 20.0},
                            {"queue": 1.0, "search": 10.0, "model": 60.0},
                        ],
                        1.0,
                    ),
                    "the longest step of two of three, and not of all together",
                ),
                Case(
                    (
                        [
                            {"model": 12.0, "search": 9.0},
                            {"search": 2.0, "model": 1.0},
                            {"guards": 90.0, "search": 1.0},
                        ],
                        0.34,
                    ),
                    "the slowest came last",
                ),
                Case(
                    (
                        [
                            {"search": 60.0, "model": 70.0},
                            _QUICK,
                            {"search": 50.0, "guards": 20.0},
                            _QUICK,
                        ],
                        0.4,
                    ),
                    "0.4 of 4 requests are 1.6: two",
                ),
                Case(
                    (
                        [
                            *[_QUICK] * 5,
                            {"search": 60.0, "guards": 5.0},
                            {"search": 70.0, "guards": 80.0},
                        ],
                        0.2,
                    ),
                    "0.2 of 7 requests are 1.4: one",
                ),
                Case(([{"queue": 5.0, "search": 1.0}], 0.1), "one request"),
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
            KnownWrong(
                partial(_bottleneck, how="vote"),
                "You let each request name its longest step and count the votes. A step that comes "
                "second everywhere may take most in all: add up milliseconds.",
            ),
            KnownWrong(
                partial(_bottleneck, how="vote with queue"),
                "You count the longest steps, the queue among them: leave it out, and add up "
                "milliseconds rather than votes.",
            ),
            KnownWrong(
                partial(_bottleneck, how="floor"),
                "int() and // round down: 1.6 requests are 2. Use round().",
            ),
            KnownWrong(
                partial(_bottleneck, how="ceil"),
                "ceil() rounds up: 1.4 requests are 1. Use round().",
            ),
            KnownWrong(
                partial(_bottleneck, how="perhaps none"),
                "A small share of few requests rounds to none: keep one at least, max(1, ...).",
            ),
            KnownWrong(
                _always_model,
                "You answer model whatever the requests say: other requests are slow for another "
                "step.",
            ),
            KnownWrong(partial(_bottleneck, how="milliseconds"), "The name of the step is wanted."),
        ),
    ),
    Exercise(
        id="15.4",
        title="Questions of your own",
        reference=(_MINE, 0.53),
        solution_source=_SOLUTION_OWN,
        check=check_questions,
        hints=(
            "Ask something about Larkspur that you would want to know; search.search(question, 5) "
            "shows passages, and one.chunk.locator is a passage's locator.",
            "If none of n questions got worse, a share m of all may yet: with chance (1 - m)^n "
            "none of them is among yours. That must be 0.025 or less: try margins from 0.01 up "
            "until least_questions(m) is no more than n.",
        ),
        explanation="With five questions of which none got worse, up to half of all answers may "
        "yet have. They are worth having for another reason: you know what a good answer is. "
        "The check knows that your passages exist; whether they answer, read yourself.",
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
            KnownWrong(([(question, _MINE[0][1]) for question, _ in _MINE], 0.53), _ONE_PASSAGE),
            KnownWrong((_with(_LOOKED_AT), 0.53), _KNOWN),
            KnownWrong(_MINE, _BOTH),
            KnownWrong((_MINE, "small"), _NO_NUMBER),
            KnownWrong((_MINE, 53), _NO_SHARE),
            KnownWrong((_MINE, 0.1), _ROUGH),
            KnownWrong((_MINE, 0.52), _DOWN),
            KnownWrong((_MINE, 0.54), _TOO_WIDE),
        ),
    ),
]
