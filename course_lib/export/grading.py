"""What an nbgrader assignment's hidden tests call on the teacher's computer."""

from dataclasses import replace
from typing import Any

from course_lib.exercises import registry
from course_lib.exercises.core import Result, check_exercise
from course_lib.export.solved_by import solving


class NoPointsError(AssertionError):
    """An attempt that is not right, or calls the solution; the message is the check's own."""


def grade(exercise_id: str, attempt: Any) -> Result:
    """Check an attempt more strictly than `check` does, and raise where it earns no points.

    An attempt may not call the function of `course_lib` that solves the exercise. Nothing is
    written to anybody's progress.

    Args:
        exercise_id: as in "2.1".
        attempt: the student's function or value.

    Raises:
        NoPointsError: if the attempt is missing, wrong or refused; nbgrader then gives 0 points,
            and its feedback shows the message.
    """
    exercise = registry.find_exercise(exercise_id)
    # Without hints, for the message must not point a student to what they do not have.
    strict = replace(exercise, refuse=solving(exercise), hints=())
    result = check_exercise(strict, attempt)
    if not result.passed:
        raise NoPointsError(repr(result))
    return result
