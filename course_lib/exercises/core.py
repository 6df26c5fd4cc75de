"""The exercise machine: what an exercise is, and how an attempt at it is checked.

An exercise module is named like its notebook, ``ex02_similarity_metrics.py``, and ends with a list
``EXERCISES``. Exercise "2.1" is the first of notebook 02. This is a whole one::

    import numpy as np

    from course_lib.exercises.core import Exercise, KnownWrong, Wrong, function_check
    from course_lib.similarity import cosine_similarity

    def _not_normalised(queries, documents):
        return queries @ documents.T

    EXERCISES = [
        Exercise(
            id="2.1",
            title="Cosine similarity",
            reference=cosine_similarity,          # the course_lib function where one exists
            check=function_check(
                cases=[                           # one tuple of arguments for each call
                    (np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])),
                    (np.zeros((1, 2)), np.ones((2, 2))),
                ],
            ),
            hints=(
                "Divide each row by its length first.",
                "np.linalg.norm(queries, axis=1, keepdims=True) gives the lengths.",
            ),
            explanation="The lengths cancel, so that only the direction counts.",
            wrong=(                               # at least four, each with its own diagnosis
                KnownWrong(_not_normalised, "Your result grows with the vectors' length."),
                ...
            ),
        ),
    ]

* **A function**: `reference` is a function; ``function_check(cases, compare=close(1e-6))`` calls
  the learner's function on deep copies of every case and compares with the reference. A case on
  which the reference raises wants the same exception of the learner. `compare` is ``close(...)``
  (default), ``exact``, ``same_items`` or any function of (got, expected). ``Case(args, note)``
  names a case in words ("a zero vector").
* **A value**: `reference` is a number, string, list ...; ``check=value_check(compare=...)``.
  A `KnownWrong` holds the wrong value. Give `solution_source`, the lines that compute it.
* **A property**, for instance on the reader's own text: `check` is any function of one argument. It
  gets the value, or, when `reference` is a function, a guarded one: call it with what you like; the
  time limit, exceptions and printing are handled. It raises ``Wrong(message)`` or
  ``Wrong(message, given=..., got=..., expected=...)``; a `KnownWrong` there is recognised by the
  outputs of its calls, by its value, or because the check itself raises its message.

A stub in the notebook is ``answer = ...``, a function with an empty body, ``name = ...`` or
``return ...`` inside it, or ``raise NotImplementedError``: all count as "not attempted".
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from course_lib.exercises.checks import Case, FunctionCheck, ValueCheck, function_check, value_check
from course_lib.exercises.compare import Compare, close, exact, safely, same_items, show
from course_lib.exercises.display import Result
from course_lib.exercises.guard import Guarded, NotAttempted, Wrong, error_text
from course_lib.exercises.runner import Clock, Outcome, Printed, run_guarded
from course_lib.exercises.stubs import is_stub
from course_lib.exercises.withheld import Refusal

__all__ = [
    "Case",
    "Exercise",
    "KnownWrong",
    "Result",
    "Wrong",
    "check_exercise",
    "close",
    "exact",
    "function_check",
    "same_items",
    "value_check",
]


@dataclass(frozen=True)
class KnownWrong:
    """A mistake that people make, and what to tell them.

    Args:
        answer: the wrong function, or the wrong value.
        message: the likely cause, shown when a learner's answer behaves like this one.
    """

    answer: Any
    message: str


@dataclass(frozen=True)
class Exercise:
    """One exercise; the module's docstring shows a whole one.

    Args:
        id: the notebook's number and the exercise's, "2.1".
        title: a few words.
        reference: the right function or value.
        check: made by `function_check` or `value_check`, or any function that raises `Wrong`.
        hints: two, the second more concrete than the first.
        explanation: shown with the solution: why it is right.
        wrong: at least four mistakes that people make.
        time_limit: seconds for all calls of the learner's function together.
        solution_source: what `solution` shows, where the reference's source is not it.
        refuse: functions that an attempt may not call, as "course_lib.similarity:top_k". Set while
            attempts are graded and in a class's copy; who learns alone may look.
    """

    id: str
    title: str
    reference: Any
    check: Callable[[Any], None]
    hints: tuple[str, str] | tuple[()]
    explanation: str
    wrong: tuple[KnownWrong, ...] = ()
    time_limit: float = 5.0
    solution_source: str | None = None
    refuse: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.check, FunctionCheck | ValueCheck):  # frozen: hence object's __setattr__
            object.__setattr__(self, "check", replace(self.check, reference=self.reference))

    @property
    def wants_function(self) -> bool:
        """Whether the learner hands in a function rather than a value."""
        return callable(self.reference)

    @property
    def notebook(self) -> int:
        """The number of the notebook that the exercise stands in."""
        return int(self.id.split(".")[0])

    @property
    def solution(self) -> str:
        """The solution's source code."""
        if self.solution_source is not None:
            return textwrap.dedent(self.solution_source).strip()
        if not self.wants_function:
            return f"answer = {show(self.reference)}"
        return textwrap.dedent(inspect.getsource(self.reference)).strip()


def check_exercise(exercise: Exercise, attempt: Any) -> Result:
    """Check an attempt. Whatever the learner's code does, the answer is a `Result`.

    Args:
        exercise: the exercise.
        attempt: the learner's function or value.
    """
    return replace(_checked(exercise, attempt), helped=bool(exercise.hints))


def _checked(exercise: Exercise, attempt: Any) -> Result:
    if is_stub(attempt):
        return Result(exercise.id, exercise.title, "not attempted")
    unfit = _unfit(exercise, attempt)
    if unfit:
        return Result(exercise.id, exercise.title, "wrong", unfit)
    clock, printed = Clock(exercise.time_limit), Printed()
    guarded, refusal = attempt, Refusal(exercise.refuse)
    if exercise.wants_function:
        guarded = Guarded(attempt, clock, _parameters(exercise.reference), refusal)

    def work() -> Result:
        return _judge(exercise, guarded, clock, printed)

    try:
        outcome = run_guarded(work, clock, printed)
    finally:
        refusal.close()  # also when the attempt is left behind, still running
    if refusal.message:
        return Result(exercise.id, exercise.title, "wrong", refusal.message, printed=printed.text())
    if outcome.error is not None:  # left behind, or a learner's object that raised while shown
        message = error_text(outcome.error, exercise.time_limit)
        return Result(exercise.id, exercise.title, "wrong", message, printed=printed.text())
    result: Result = outcome.value
    return replace(result, printed=printed.text())


def _judge(exercise: Exercise, attempt: Any, clock: Clock, printed: Printed) -> Result:
    try:
        exercise.check(attempt)
    except NotAttempted:
        return Result(exercise.id, exercise.title, "not attempted")
    except Wrong as verdict:
        wrong = verdict
    except Exception as error:  # the check stumbled over what the learner's function returned
        called = isinstance(attempt, Guarded) and attempt.calls
        got = attempt.calls[-1][2].value if called else attempt
        wrong = Wrong(
            f"The answer cannot be checked: {type(error).__name__}: {str(error)[:200]}. "
            "Is it of the right type?",
            got=got,
        )
    else:
        changed = isinstance(attempt, Guarded) and any(c.changed for _, _, c in attempt.calls)
        note = "It changes its input, which the caller may still need." if changed else ""
        return Result(exercise.id, exercise.title, "right", note)
    printed.muted = True  # what a known mistake prints is not the learner's
    cause = _likely_cause(exercise, attempt, clock)
    if isinstance(attempt, Guarded) and attempt.prints_only and printed.kept:
        wrong.message = "Your function prints but returns None: `return` hands a value back."
    rows = list(wrong.rows)
    if cause and cause != wrong.message and isinstance(attempt, Guarded):
        rows.insert(0, ("Seen", wrong.message))
    return Result(exercise.id, exercise.title, "wrong", cause or wrong.message, tuple(rows))


def _likely_cause(exercise: Exercise, attempt: Any, clock: Clock) -> str:
    """Find the known mistake that behaves like the attempt on every call that was made."""
    compare = getattr(exercise.check, "compare", close())
    pure = getattr(exercise.check, "pure", False)
    for known in exercise.wrong:
        if not isinstance(attempt, Guarded):
            if safely(compare, attempt, known.answer):
                return known.message
            continue
        clock.reset()
        suspect = Guarded(known.answer, clock)
        if attempt.calls and all(
            _alike(suspect.outcome(*args, **kwargs), outcome, compare, pure)
            for args, kwargs, outcome in attempt.calls
        ):
            return known.message
    return ""


def _alike(one: Outcome, other: Outcome, compare: Compare, pure: bool) -> bool:
    if one.unfit or other.unfit:
        return False
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    if pure and one.changed != other.changed:
        return False
    return safely(compare, one.value, other.value)


def _parameters(function: Callable[..., Any]) -> str:
    return ", ".join(inspect.signature(function).parameters)


def _unfit(exercise: Exercise, attempt: Any) -> str:
    """Say why an attempt is not the kind of thing that the exercise asks for."""
    name = getattr(attempt, "__name__", "my_function")
    if not exercise.wants_function:
        if isinstance(attempt, type) or inspect.isroutine(attempt):
            return (
                f"Exercise {exercise.id} wants a value, and {show(attempt)} was handed in: "
                "call it, and check what it returns."
            )
        return ""
    call = f'check("{exercise.id}", {name})'
    if isinstance(attempt, type):
        return (
            f"Exercise {exercise.id} wants a function, and {show(attempt)} was handed in: "
            f"write `def {name}(...)`, not `class`."
        )
    if not callable(attempt):
        return (
            f"Exercise {exercise.id} wants a function, and {show(attempt)} was handed in: "
            f"pass the function's name without brackets, as in {call}."
        )
    if inspect.iscoroutinefunction(attempt):
        return "The function is a coroutine: write `def`, not `async def`."
    return ""
