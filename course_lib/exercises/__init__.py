"""Checks, hints and solutions for the notebooks' exercises.

In a notebook: ``check("2.1", my_function)``, ``hint("2.1")``, ``solution("2.1")``. How to define an
exercise is in `course_lib.exercises.core`.
"""

from typing import Any

from course_lib.exercises.display import Result

__all__ = ["Result", "check", "hint", "solution"]


def check(exercise_id: str, attempt: Any) -> Result:
    """Check an answer: not attempted, wrong and why, or right.

    Args:
        exercise_id: the notebook's number and the exercise's, "2.1".
        attempt: your function (its name, without brackets) or your value.

    Returns:
        A `Result`; as the last line of a cell it is shown below the cell. It never raises because
        of what your code does.

    Raises:
        ValueError: if there is no such exercise.
    """
    from dataclasses import replace

    from course_lib.exercises import core, progress, registry

    result = core.check_exercise(registry.find_exercise(exercise_id), attempt)
    if result.status == "not attempted":
        return result
    return replace(result, note=progress.record(result.exercise_id, result.passed))


def hint(exercise_id: str) -> None:
    """Show an exercise's two hints, folded, the second more concrete than the first.

    Args:
        exercise_id: the notebook's number and the exercise's, "2.1".
    """
    from course_lib.exercises import registry, withheld
    from course_lib.exercises.display import Folded

    exercise = registry.find_exercise(exercise_id)
    hints = enumerate(exercise.hints, start=1)
    sections = [(f"Hint {number} of 2", text, "") for number, text in hints]
    _show(Folded(sections or [(f"Hints for {exercise.id}", withheld.NOTHING_HERE, "")]))


def solution(exercise_id: str) -> None:
    """Show an exercise's solution and why it works, folded.

    Args:
        exercise_id: the notebook's number and the exercise's, "2.1".
    """
    from course_lib.exercises import registry, withheld
    from course_lib.exercises.display import Folded

    exercise = registry.find_exercise(exercise_id)
    text = exercise.explanation if exercise.hints else withheld.NOTHING_HERE
    _show(Folded([(f"Solution of {exercise.id}", text, exercise.solution)]))


def _show(folded: Any) -> None:
    try:
        from IPython.display import display
    except ImportError:  # in a plain Python, as text
        print(folded)
    else:
        display(folded)  # type: ignore[no-untyped-call]
