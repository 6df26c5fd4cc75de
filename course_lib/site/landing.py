"""The site's first page: the README, with its map of the course as cards."""

from __future__ import annotations

import re
from pathlib import Path

from course_lib.teaching import Entry, read_map

PARTS = {
    "Part I · Foundations": range(7),
    "Part II · Retrieval": range(7, 11),
    "Part III · Shaping and acting": range(11, 14),
    "Part IV · Shipping": range(14, 100),
}
_LINK = re.compile(r"\[(.+?)\]\([^)]*\)")
_NEEDS = re.compile(r"^(?:# )?Needs:? (notebooks? [^.]+)\.", re.MULTILINE)
# The sections of the README that a reader of the site wants, in this order; the others are about
# the repository's folders.
SECTIONS = (
    *("The map", "Start", "Run the assistant", "Copy a function", "Teach with it"),
    "A larger model",
)
_PICTURE_WITH = "Run the assistant"  # the introduction's picture, after the map
# The guides in the order that one needs them; a new one comes after these.
GUIDES = (
    *("project", "snippets", "service", "teach", "exercises", "classroom"),
    *("agent_frameworks", "architecture"),
)


def landing_page(readme: str, lessons: Path) -> str:
    """The site's index: the README's introduction, the map as cards, and how to start.

    Args:
        readme: the README's text.
        lessons: the folder with the lessons, whose first lines say what each needs.

    Raises:
        ValueError: if the README lacks a section that the page shows.
    """
    introduction, *rest = re.split(r"^## ", readme, flags=re.MULTILINE)
    sections = {text.partition("\n")[0].strip(): text.partition("\n")[2] for text in rest}
    lacking = [title for title in SECTIONS if title not in sections]
    if lacking:
        raise ValueError(f"README.md has no section {', '.join(lacking)}, which the site shows")
    entries = read_map(readme)
    text = sections["The map"]
    table = re.search(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    if table is None or not entries:
        raise ValueError("README.md: the section The map has no table of notebooks")
    cards = _cards(entries, lessons)
    sections["The map"] = text[: table.start()] + cards + text[table.end() :]
    words, mark, picture = introduction.partition("![")
    sections[_PICTURE_WITH] = f"\n{mark}{picture.rstrip()}\n\n{sections[_PICTURE_WITH].lstrip()}"
    body = "".join(f"## {title}\n{sections[title]}" for title in SECTIONS)
    first = entries[0]
    buttons = (
        ":::{div} course-buttons\n"
        f"{{doc}}`Read notebook {first.number:02} <notebooks/{first.stem}>`\n"
        "{ref}`Run it on your computer <start>`\n"
        "{doc}`Look a function up <api/index>`\n:::\n\n"
    )
    body = body.replace("## Start\n", "(start)=\n## Start\n")
    return f"{words}{buttons}{body}\n{_contents(entries, lessons.parent / 'docs')}"


def _cards(entries: list[Entry], lessons: Path) -> str:
    """A grid of cards for each part, one card a notebook."""
    lines = []
    for part, numbers in PARTS.items():
        there = [entry for entry in entries if entry.number in numbers]
        if not there:
            continue
        lines += [f"### {part}\n", "::::{grid} 1 1 2 2\n:gutter: 3\n"]
        for entry in there:
            lesson = (lessons / f"{entry.stem}.py").read_text(encoding="utf-8")
            needs = _NEEDS.search(_LINK.sub(r"\1", lesson))
            after = f" Needs {needs.group(1)}." if needs else ""
            lines.append(
                f":::{{grid-item-card}} {entry.number:02} · {entry.title}\n"
                f":link: notebooks/{entry.stem}\n:link-type: doc\n"
                f"You will be able to {entry.ability}.\n\n```{{card-footer}}\n"
                f"Reading {entry.reading}, exercises {entry.exercises}, running {entry.running}."
                f"{after}\n```\n:::\n"
            )
        lines.append("::::\n")
    return "\n".join(lines) + "\n"


def _contents(entries: list[Entry], docs: Path) -> str:
    """What the sidebar lists, by part; the guides in their order."""
    lists = {
        part: [f"notebooks/{entry.stem}" for entry in entries if entry.number in numbers]
        for part, numbers in PARTS.items()
    }
    place = {name: number for number, name in enumerate(GUIDES)}
    guides = sorted((path.stem for path in docs.glob("*.md")), key=lambda x: (place.get(x, 99), x))
    lists["Guides"] = [f"docs/{name}" for name in guides]
    lists["Guides"] += ["datasets/README", "benchmarks/RESULTS"]
    lists["Reference"] = ["api/index", "CONTRIBUTING", "CHANGELOG"]
    return "\n".join(
        f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"
        for caption, names in lists.items()
        if names
    )
