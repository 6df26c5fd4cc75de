"""For teachers: docs/exercises.md, from the lessons, the exercises and README's map."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib import ROOT

_HEAD = """# Exercises: minutes, levels, and what learners get wrong

Minutes of reading and exercises are estimates, of people who took each notebook for the first time;
the running time is measured, on two idle cores. Under each exercise stand the mistakes that its
check knows, in the words that the learner reads. This page is generated from the lessons and the
exercises: `python -m course_lib.teaching docs/exercises.md` writes it anew.
"""
_ROW = re.compile(r"\(notebooks/(\w+)\.ipynb\).*\| ([^|]+) \+ ([^|]+) \+ ([^|]+) \|")
_EXERCISE = re.compile(
    r"\*\*Exercise (?P<id>\d+\.\d+)\*\* · (?P<title>[^·]+) · "
    r"(?P<level>[a-z ]+), (?P<minutes>\d+) minutes"
)


@dataclass(frozen=True)
class Stated:
    """What a lesson says of one of its exercises.

    Attributes:
        title: a few words.
        level: "easy", "medium", "hard" or "any level".
        minutes: for who does it the first time.
    """

    title: str
    level: str
    minutes: int


def stated_in(lesson: str) -> dict[str, Stated]:
    """The exercises that a lesson's text announces, by id.

    >>> stated_in("# **Exercise 2.1** · Cosine for whole tables · easy, 5 minutes.")
    {'2.1': Stated(title='Cosine for whole tables', level='easy', minutes=5)}
    """
    return {
        found["id"]: Stated(found["title"].strip(), found["level"], int(found["minutes"]))
        for found in _EXERCISE.finditer(lesson)
    }


def times_in_map(readme: Path = ROOT / "README.md") -> dict[str, tuple[str, str, str]]:
    """Reading, exercises and running of every notebook, as the map of the course states them.

    Args:
        readme: the file with the map.

    >>> times_in_map()["00_start_here"]
    ('9 min', '12 min', '25 s')
    """
    rows = _ROW.findall(readme.read_text(encoding="utf-8"))
    return {stem: (reading, exercises, running) for stem, reading, exercises, running in rows}


def exercises_page(lessons: Path = ROOT / "lessons", readme: Path = ROOT / "README.md") -> str:
    """The page as Markdown.

    Args:
        lessons: the folder of the lessons.
        readme: the file whose map says how long each notebook takes.

    Raises:
        ValueError: if a lesson announces no level and minutes for one of its exercises, or the map
            has no row for it.
    """
    from course_lib.exercises.registry import all_exercises

    parts = [_HEAD]
    known = all_exercises()
    times = times_in_map(readme)
    for path in sorted(lessons.glob("[0-9][0-9]_*.py")):
        text = path.read_text(encoding="utf-8")
        title = next(line[4:] for line in text.splitlines() if line.startswith("# # "))
        stated = stated_in(text)
        if path.stem not in times:
            raise ValueError(f"{readme.name} must have a row for {path.stem} in its map")
        reading, exercising, running = times[path.stem]
        parts.append(f"## {title}\n\nReading {reading}, exercises {exercising}, running {running}.")
        for one in known:
            if one.notebook != int(path.stem[:2]):
                continue
            if one.id not in stated:
                raise ValueError(f"{path.name} must state the level and minutes of {one.id}")
            here = stated[one.id]
            mistakes = "\n".join(f"- {_one_line(wrong.message)}" for wrong in one.wrong)
            takes = f"{here.level.capitalize()}, {here.minutes} minutes."
            parts.append(f"### {one.id} {here.title}\n\n{takes}\n\n{mistakes}")
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    """Write the page to the file that is named, or print it."""
    page = exercises_page()
    if arguments:
        Path(arguments[0]).write_text(page, encoding="utf-8", newline="\n")
    else:
        print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
