"""Finding exercises: every module ``exNN_topic.py`` beside this one holds a list EXERCISES."""

import importlib
import pkgutil

from course_lib.exercises.compare import show
from course_lib.exercises.core import Exercise


def all_exercises() -> list[Exercise]:
    """Load every exercise of the course, in the notebooks' order."""
    return [exercise for name in module_names() for exercise in exercises_of(name)]


def module_names() -> list[str]:
    """Names of the exercise modules, "ex01_embeddings" and so on, in order."""
    import course_lib.exercises as package

    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if name[:2] == "ex" and name[2:4].isdigit())


def exercises_of(name: str) -> list[Exercise]:
    """Load the exercises of one module, given its name such as "ex01_embeddings"."""
    exercises: list[Exercise] = importlib.import_module(f"course_lib.exercises.{name}").EXERCISES
    return exercises


def find_exercise(exercise_id: str) -> Exercise:
    """Find an exercise by its id.

    Raises:
        ValueError: if there is none; the message lists the ids that there are.
    """
    if not isinstance(exercise_id, str):
        raise ValueError(f'exercise_id must be a string like "2.1", got {show(exercise_id)}')
    number = exercise_id.strip().split(".")[0]
    modules = module_names()
    # Only the module of that notebook is imported: others may need packages of their own.
    of_notebook = [n for n in modules if number.isdecimal() and int(n[2:4]) == int(number)]
    candidates = [exercise for name in of_notebook for exercise in exercises_of(name)]
    for exercise in candidates:
        if exercise.id == exercise_id.strip():
            return exercise
    ids = ", ".join(exercise.id for exercise in candidates or all_exercises())
    where = f"notebook {int(number):02d}" if candidates else "the course"
    raise ValueError(
        f"exercise_id must be one of {ids} (the exercises of {where}), got {exercise_id!r}"
    )
