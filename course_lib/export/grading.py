"""What an nbgrader assignment's hidden tests call on the teacher's computer."""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from course_lib.exercises import registry
from course_lib.exercises.core import Result, check_exercise
from course_lib.export.solved_by import solving

# Solutions are there, and what gives points.
_NAMED = re.compile(
    r"course_lib\s*\.\s*(exercises|export)\b"
    r"|course_lib\s+import\s+(?:\([^)]*|[^\n]*)\b(exercises|export)\b"
)
# What an assignment itself says of them, beside the lines that it allows.
_CHECK = re.compile(
    r"^(from course_lib\.(exercises import check|export\.grading import (allow, )?grade as check)"
    r"|allow\((['\"])[^'\"]*\4\))$",
    re.MULTILINE,
)
_allowed: set[str] = set()


class NoPointsError(AssertionError):
    """An attempt that is not right, or calls the solution; the message is the check's own."""


def allow(*lines: str) -> None:
    """Note lines of the assignment's own that name `course_lib.exercises`."""
    _allowed.update(lines)


def grade(exercise_id: str, attempt: Any) -> Result:
    """Check an attempt more strictly than `check` does, and raise where it earns no points.

    An attempt may not call the function of `course_lib` that solves the exercise, and no cell run
    so far may name where the solutions are. Nothing is written to anybody's progress.

    Args:
        exercise_id: as in "2.1".
        attempt: the student's function or value.

    Raises:
        NoPointsError: if the attempt is missing, wrong or refused; nbgrader then gives 0 points,
            and its feedback shows the message.
    """
    for cell in _cells_run():
        named = names_solutions("\n".join(x for x in cell.splitlines() if x not in _allowed))
        if named:
            raise NoPointsError(f"a cell names {named}, where the solutions are: leave it out")
    exercise = registry.find_exercise(exercise_id)
    # Without hints, for the message must not point a student to what they do not have.
    strict = replace(exercise, refuse=solving(exercise), hints=())
    result = check_exercise(strict, attempt)
    if not result.passed:
        raise NoPointsError(repr(result))
    return result


def names_solutions(source: str) -> str:
    """Which package of solutions a cell or line names, beyond what every notebook has; or "".

    It finds the plain name alone: who writes it in pieces, or replaces the check, is not found.

    >>> names_solutions("from course_lib.exercises import check")
    ''
    >>> names_solutions("from course_lib.exercises.registry import find_exercise")
    'course_lib.exercises'
    """
    found = _NAMED.search(_CHECK.sub("", source))
    return f"course_lib.{found[1] or found[2]}" if found else ""


def _cells_run() -> Sequence[str]:
    """The source of every cell that this kernel ran; none outside of one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return [] if shell is None else shell.user_ns.get("In", [])
