"""The minutes that a plan needs: of notebooks, of parts of them, and of exercises.

`python -m course_lib.plans` prints the table of minutes in docs/teach.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib import ROOT
from course_lib.teaching import Stated, stated_in, times_in_map

LESSONS = ROOT / "lessons"
README = ROOT / "README.md"
# For a class: who is lost gets help at once. The others take longer, or are about one's own work.
IN_CLASS = ("easy", "medium")


def reading_minutes(notebooks: Sequence[str], readme: Path = README) -> int:
    """Minutes of reading whole notebooks, as README's map estimates them.

    Args:
        notebooks: their numbers, "02".
        readme: the file with the map.

    Raises:
        ValueError: if there is no such notebook.

    >>> reading_minutes(["00", "01"])
    39
    """
    known = {stem[:2]: int(times[0].split()[0]) for stem, times in times_in_map(readme).items()}
    return sum(_known(one, known) for one in notebooks)


def exercise_minutes(exercises: Sequence[str], lessons: Path = LESSONS) -> int:
    """Minutes of doing exercises, as the lessons state them.

    Args:
        exercises: their ids, "2.1".
        lessons: the folder of the lessons.

    Raises:
        ValueError: if there is no such exercise.

    >>> exercise_minutes(["0.1", "0.2"])
    7
    """
    stated = {name: one.minutes for name, one in all_stated(lessons).items()}
    return sum(_known(one, stated) for one in exercises)


def section_minutes(
    notebook: str, sections: Sequence[int], lessons: Path = LESSONS, readme: Path = README
) -> int:
    """Minutes of reading some sections: their share of the lesson's words, cells included.

    Args:
        notebook: its number, "14".
        sections: their numbers, as in "## 6. When the text gives orders".
        lessons: the folder of the lessons.
        readme: the file with the map.

    Raises:
        ValueError: if the notebook or a section is not there.

    >>> section_minutes("00", [])
    0
    """
    whole = reading_minutes([notebook], readme)
    path = next(iter(lessons.glob(f"{notebook}_*.py")))
    parts = re.split(r"(?m)^# ## ", path.read_text(encoding="utf-8"))[1:]
    words = [len(part.split()) for part in parts]
    numbers = [part.split(".")[0] for part in parts]
    missing = {str(one) for one in sections} - set(numbers)
    if missing:
        raise ValueError(f"{path.name} has no section {', '.join(sorted(missing))}")
    read = sum(n for n, number in zip(words, numbers, strict=True) if number in map(str, sections))
    return round(whole * read / sum(words))


def all_stated(lessons: Path = LESSONS) -> dict[str, Stated]:
    """Every exercise that the lessons announce, by id, in the order of the notebooks.

    >>> all_stated()["2.1"].minutes
    5
    """
    texts = [path.read_text(encoding="utf-8") for path in sorted(lessons.glob("[0-9]*.py"))]
    return {name: one for text in texts for name, one in stated_in(text).items()}


def minutes_table(lessons: Path = LESSONS, readme: Path = README) -> str:
    """The table of docs/teach.md: what each notebook takes, and which exercises are for home.

    Args:
        lessons: the folder of the lessons.
        readme: the file with the map.

    >>> print(minutes_table().splitlines()[2])
    | 00 Start here | 9 | 12 | 0 | 25 s |
    """
    rows = [
        "| Notebook | Reading, estimated | Exercises, estimated | of these for home "
        "| Running, measured |",
        "|---|--:|--:|---|--:|",
    ]
    for stem, (reading, exercises, running) in times_in_map(readme).items():
        text = (lessons / f"{stem}.py").read_text(encoding="utf-8")
        title = text.split("# # ")[1].splitlines()[0].replace(" · ", " ")
        home = {n: one.minutes for n, one in stated_in(text).items() if one.level not in IN_CLASS}
        named = f"{sum(home.values())} ({', '.join(home)})" if home else "0"
        times = [time.removesuffix(" min") for time in (reading, exercises)]
        rows.append(f"| {title} | {times[0]} | {times[1]} | {named} | {running} |")
    return "\n".join(rows) + "\n"


def _known(name: str, minutes: dict[str, int]) -> int:
    if name not in minutes:
        raise ValueError(f"there is no {name}; there are {', '.join(minutes)}")
    return minutes[name]


if __name__ == "__main__":
    sys.stdout.write(minutes_table())
