"""For teachers: what lessons and README's map state, and what is made of it.

``python -m course_lib.teaching docs/exercises.md`` writes that page; with ``--minutes`` it prints
the table of minutes in docs/teach.md.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib import ROOT

_HEAD = """# Exercises: minutes, levels, and what learners get wrong

For teachers. Under each exercise stand its level and minutes, what it builds on, if on something,
and what to watch for: the misunderstanding behind wrong answers, and a question or a picture that
turns it round. These notes are the authors', from readers who tried the exercises and from the
wrong answers that the checks know; nobody has counted how often each mistake is made. Below, folded
away, is what the check says to wrong answers; messages with the same first sentence stand once.

Minutes of reading and of exercises are estimates, for a first time; running time is measured, on
two idle cores. This page is generated: the notes are in `course_lib/exercises/watch_for_00_07.py`
and `watch_for_08_15.py`, all else comes from the lessons, the exercises and README's map, and
`python -m course_lib.teaching docs/exercises.md` writes it anew. A class's copy
(`course export --student`) has neither this page nor the notes.
"""
_NUMBER = re.compile(r"\b(?:\d[\d.e-]*|two|three|four|five|six|seven|eight|nine|ten)\b")
_ROW = re.compile(r"^\| (\d\d) \| \[(.+?)\]\((notebooks/(\d\d_\w+)\.ipynb)\) \| (.+?) \| (.+?) \|$")
_EXERCISE = re.compile(
    r"\*\*Exercise (?P<id>\d+\.\d+)\*\* · (?P<title>[^·]+) · "
    r"(?P<level>[a-z ]+), (?P<minutes>\d+) minutes"
)
# For a class: who is lost gets help at once. The others take longer, or are about one's own work.
IN_CLASS = ("easy", "medium")


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


@dataclass(frozen=True)
class Entry:
    """One line of the map: a notebook, what one can do after it, and the time it takes."""

    number: int
    title: str
    stem: str
    ability: str
    reading: str
    exercises: str
    running: str


def read_map(readme: str) -> list[Entry]:
    """The notebooks in the README's table, in its order.

    Raises:
        ValueError: if a line names a notebook and does not have the table's four columns.
    """
    entries = []
    for line in readme.splitlines():
        match = _ROW.match(line)
        if match:
            number, title, _, stem, ability, minutes = match.groups()
            times = minutes.split(" + ")
            if len(times) != 3:
                raise ValueError(f"README.md: notebook {number} has no three times: {minutes!r}")
            entries.append(Entry(int(number), title, stem, ability, *times))
        elif line.startswith("|") and "(notebooks/" in line:
            raise ValueError(f"README.md: a line of the map cannot be read: {line[:80]!r}")
    return entries


def times_in_map(readme: Path = ROOT / "README.md") -> dict[str, tuple[str, str, str]]:
    """Reading, exercises and running of every notebook, as the map of the course states them.

    Args:
        readme: the file with the map.

    >>> times_in_map()["00_start_here"]
    ('9 min', '12 min', '25 s')
    """
    entries = read_map(readme.read_text(encoding="utf-8"))
    return {one.stem: (one.reading, one.exercises, one.running) for one in entries}


def title_of(lesson: str) -> str:
    """The title of a lesson's text, with its number.

    >>> title_of("# %% [markdown]\\n# # 00 · Start here")
    '00 · Start here'
    """
    return next(line[4:] for line in lesson.splitlines() if line.startswith("# # "))


def exercises_page(lessons: Path = ROOT / "lessons", readme: Path = ROOT / "README.md") -> str:
    """The page as Markdown.

    Args:
        lessons: the folder of the lessons.
        readme: the file whose map says how long each notebook takes.

    Raises:
        ValueError: if a lesson announces no level and minutes for one of its exercises, or the map
            has no row for it, or an exercise has no note.
    """
    from course_lib.exercises.registry import all_exercises
    from course_lib.exercises.watch_for import BUILDS_ON, WATCH_FOR

    parts = [_HEAD]
    known = all_exercises()
    times = times_in_map(readme)
    for path in sorted(lessons.glob("[0-9][0-9]_*.py")):
        text = path.read_text(encoding="utf-8")
        stated = stated_in(text)
        if path.stem not in times:
            raise ValueError(f"{readme.name} must have a row for {path.stem} in its map")
        reading, exercising, running = times[path.stem]
        parts.append(
            f"## {title_of(text)}\n\nReading {reading}, exercises {exercising}, running {running}."
        )
        for one in known:
            if one.notebook != int(path.stem[:2]):
                continue
            if one.id not in stated:
                raise ValueError(f"{path.name} must state the level and minutes of {one.id}")
            if one.id not in WATCH_FOR:
                raise ValueError(f"exercises/watch_for.py must have a note for {one.id}")
            here = stated[one.id]
            takes = f"{here.level.capitalize()}, {here.minutes} minutes."
            if one.id in BUILDS_ON:
                takes += f" Builds on: {BUILDS_ON[one.id]}."
            title = re.sub(
                r"^(?!k\b)[a-z](?=[a-z]*\b(?!@))", lambda first: first[0].upper(), here.title
            )
            parts += [f"### {one.id} {title}", takes, _filled(as_markdown(WATCH_FOR[one.id]))]
            parts.append(_folded([wrong.message for wrong in one.wrong]))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def said_once(messages: Iterable[str]) -> list[str]:
    """The messages without those that begin with the same sentence as one before.

    Numbers make no difference, so that of four mistakes with four constants one is shown.

    >>> said_once(["Cut at 3.", "Cut at 12. See above.", "Sort first."])
    ['Cut at 3.', 'Sort first.']
    """
    kept: dict[str, str] = {}
    for message in messages:
        line = " ".join(message.split())
        kept.setdefault(_NUMBER.sub("0", re.split(r"(?<=[.!?]) ", line)[0]), line)
    return list(kept.values())


def as_markdown(text: str) -> str:
    """Plain text, as Markdown that shows it: no tag or formula in it, but `code` is code.

    >>> as_markdown("Use <, not `<`; $ is the end.")
    'Use \\\\<, not `<`; \\\\$ is the end.'
    """
    parts = re.split("(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([<$])", r"\\\1", p) for p in parts)


def _folded(messages: Iterable[str]) -> str:
    """A list of messages, folded on GitHub as on the site: blank lines make it Markdown there."""
    shown = said_once(messages)
    return "\n".join(
        [
            f"<details>\n<summary>What the check says to {len(shown)} mistakes</summary>\n",
            *("- " + _filled(as_markdown(message)).replace("\n", "\n  ") for message in shown),
            "\n</details>",
        ]
    )


def _filled(text: str) -> str:
    """The text in lines, none of which begins with a sign that Markdown reads as a list's."""
    glued = re.sub(r" (?=(?:[-+*#>|]|\d+[.)])(?: |$))", "\0", text)
    lines = textwrap.wrap(glued, 118, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def minutes_table(lessons: Path = ROOT / "lessons", readme: Path = ROOT / "README.md") -> str:
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
        title = title_of(text).replace(" · ", " ")
        home = {n: one.minutes for n, one in stated_in(text).items() if one.level not in IN_CLASS}
        named = f"{sum(home.values())} ({', '.join(home)})" if home else "0"
        times = [time.removesuffix(" min") for time in (reading, exercises)]
        rows.append(f"| {title} | {times[0]} | {times[1]} | {named} | {running} |")
    return "\n".join(rows) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page to the file that is named, or print it or the table of minutes."""
    from course_lib.generated import write_page

    parser = argparse.ArgumentParser(prog="python -m course_lib.teaching")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("file", nargs="?", type=Path, help="docs/exercises.md; without it, print")
    what.add_argument("--minutes", action="store_true", help="print the table of docs/teach.md")
    options = parser.parse_args(arguments)
    try:
        page = minutes_table() if options.minutes else exercises_page()
        if options.file:
            write_page(page, options.file)
    except (ValueError, OSError) as error:
        print(f"course_lib.teaching: {error}", file=sys.stderr)
        return 1
    if not options.file:
        if isinstance(sys.stdout, io.TextIOWrapper):  # not so where a test reads
            sys.stdout.reconfigure(encoding="utf-8")
        print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
