"""For teachers: docs/exercises.md, from the lessons, the exercises and README's map."""

from __future__ import annotations

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
            has no row for it, or an exercise has no note.
    """
    from course_lib.exercises.registry import all_exercises
    from course_lib.exercises.watch_for import BUILDS_ON, WATCH_FOR

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
