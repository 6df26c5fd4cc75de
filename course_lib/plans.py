"""The minutes of a plan that names notebooks and exercises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from course_lib import ROOT
from course_lib.teaching import stated_in, times_in_map


def plan_minutes(
    notebooks: Sequence[str],
    exercises: Sequence[str],
    lessons: Path = ROOT / "lessons",
    readme: Path = ROOT / "README.md",
) -> int:
    """Minutes of reading these notebooks and doing these exercises.

    Args:
        notebooks: their numbers, "02".
        exercises: their ids, "2.1".
        lessons: the folder of the lessons.
        readme: the file whose map says how long each notebook takes.

    Raises:
        ValueError: if there is no such notebook or exercise.

    >>> plan_minutes(["00"], ["0.1"])
    11
    """
    reading = {stem[:2]: int(times[0].split()[0]) for stem, times in times_in_map(readme).items()}
    texts = [path.read_text(encoding="utf-8") for path in sorted(lessons.glob("[0-9]*.py"))]
    stated = {name: one.minutes for text in texts for name, one in stated_in(text).items()}
    for name, known in [*((n, reading) for n in notebooks), *((e, stated) for e in exercises)]:
        if name not in known:
            raise ValueError(f"there is no {name}; there are {', '.join(known)}")
    return sum(reading[one] for one in notebooks) + sum(stated[one] for one in exercises)
