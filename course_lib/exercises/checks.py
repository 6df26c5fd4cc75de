"""The checks that an exercise is made with: a function on chosen cases, or one value."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from course_lib.exercises.compare import Compare, close, difference, safely, show
from course_lib.exercises.guard import Guarded, Wrong, error_text
from course_lib.exercises.runner import Clock, Outcome


@dataclass(frozen=True)
class Case:
    """The arguments of one call, with a name for it such as "a zero vector"."""

    args: tuple[Any, ...]
    note: str = ""


@dataclass(frozen=True)
class FunctionCheck:
    """Call the attempt and the reference on the same cases; made by `function_check`."""

    cases: tuple[Case, ...]
    compare: Compare
    pure: bool = False
    reference: Callable[..., Any] | None = None
    expected: tuple[Outcome, ...] = ()  # in a copy without references, what it returned

    def __call__(self, attempt: Guarded) -> None:
        """Raise `Wrong` at the first case where the two differ."""
        assert self.reference is not None  # bound by Exercise
        # Every case is run before the first verdict, so that known mistakes can be told apart.
        mine = [attempt.outcome(*case.args) for case in self.cases]
        wanted = self.expected or self.outcomes()
        for case, got, expected in zip(self.cases, mine, wanted, strict=True):
            given = _given(self.reference, case)
            if expected.error is not None:
                _compare_errors(attempt, got, expected, given)
                continue
            attempt.raise_failure(got, given)
            if not safely(self.compare, got.value, expected.value):
                raise Wrong(
                    difference(got.value, expected.value),
                    given=given,
                    got=got.value,
                    expected=expected.value,
                )
            if self.pure and got.changed:
                raise Wrong(
                    "The result is right, but your function changes its input, which the caller "
                    "may still need. Work on a copy.",
                    given=given,
                )

    def outcomes(self) -> tuple[Outcome, ...]:
        """Call the reference on every case."""
        assert self.reference is not None
        trusted = Guarded(self.reference, Clock(math.inf))
        return tuple(trusted.outcome(*case.args) for case in self.cases)


@dataclass(frozen=True)
class ValueCheck:
    """Compare a value with the reference; made by `value_check`."""

    compare: Compare
    reference: Any = None

    def __call__(self, attempt: Any) -> None:
        """Raise `Wrong` when the value differs. The right value is not shown: it is the answer."""
        if not safely(self.compare, attempt, self.reference):
            raise Wrong(difference(attempt, self.reference, reveal=False), got=attempt)


def function_check(
    cases: Iterable[tuple[Any, ...] | Case], compare: Compare | None = None, *, pure: bool = False
) -> FunctionCheck:
    """Check a function against the exercise's reference on chosen cases.

    Args:
        cases: the arguments of each call, as a tuple or a `Case`.
        compare: how to compare (got, expected); by default ``close(1e-6)``.
        pure: count it as wrong, not only as worth a note, when the function changes its input.

    Raises:
        ValueError: if a case is not a tuple, or there is none.
    """
    named = [case if isinstance(case, Case) else Case(case) for case in cases]
    if not named:
        raise ValueError("cases must hold at least one tuple of arguments, got none")
    for case in named:
        if not isinstance(case.args, tuple):
            raise ValueError(
                f"cases must be tuples of arguments, got {show(case.args)}; one argument is (x,)"
            )
    return FunctionCheck(tuple(named), compare or close(), pure)


def value_check(compare: Compare | None = None) -> ValueCheck:
    """Check a value against the exercise's reference, by default with ``close(1e-6)``."""
    return ValueCheck(compare or close())


def _given(reference: Callable[..., Any], case: Case) -> str:
    """Write a case as "a zero vector: query = [0., 0.], k = 3"."""
    names = list(inspect.signature(reference).parameters)
    names += [f"argument {i + 1}" for i in range(len(names), len(case.args))]
    text = ", ".join(f"{name} = {show(arg)}" for name, arg in zip(names, case.args, strict=False))
    return f"{case.note}: {text}" if case.note else text


def _compare_errors(attempt: Guarded, got: Outcome, expected: Outcome, given: str) -> None:
    """Where the reference refuses an input, want the same refusal."""
    wanted = type(expected.error)
    if got.unfit or isinstance(got.error, NotImplementedError) or got.value is ...:
        attempt.raise_failure(got, given)
    if got.error is None:
        raise Wrong(f"This input should raise {wanted.__name__}.", given=given, got=got.value)
    if not isinstance(got.error, wanted):
        error = error_text(got.error, attempt.clock.limit)
        raise Wrong(f"This input should raise {wanted.__name__}. {error}", given=given)
