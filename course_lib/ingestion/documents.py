"""What ingestion makes of a file: a text, its source, and where its headings and tables stand.

An anchor names a place that a citation can point to: `returns-policy#how-long-you-have` (a page's
section), `manual-ridge#page-6` (a PDF's page), `manual-ridge#page-6/E07` (a table row, by its first
cell), `shop#products/LR-2` (a database row). Anchors outlive a change of chunking; chunks do not.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from course_lib.data import heading_slug

Value = str | int | float | bool

_RULER = re.compile(r"\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?")  # the |---|---| under a table's header
_CELL_END = re.compile(r"(?<!\\)\|")


class IngestionError(ValueError):
    """A file that cannot be read; the message says why, and what to do."""


@dataclass(frozen=True)
class Heading:
    """A heading of a document; `level` 1 is the highest.

    `start` is where it stands in the text, or -1 for a heading of an earlier page of the same PDF
    under which this page's text goes on.
    """

    start: int
    level: int
    text: str


@dataclass(frozen=True)
class Place:
    """An anchor, and the characters `start:end` of the document's text that it points to."""

    anchor: str
    start: int
    end: int


@dataclass(frozen=True)
class Table:
    """A Markdown table at `start:end` of a text; `header_end` is the end of the line of dashes.

    `rows` holds each row below the header: (its first cell, start, end).
    """

    start: int
    end: int
    header_end: int
    rows: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Document:
    """One page, PDF page or database row: its text, and what a citation needs to know of it.

    Args:
        text: the text, lines ended by a line feed. All offsets count its characters.
        source: the file it is from, such as "handbook/returns-policy.md".
        locator: the anchor of the whole document, such as "manual-ridge#page-6".
        title: the title of the page or of the PDF.
        metadata: simple values that a vector store can filter by.
        headings: in the order of the text.
        places: the anchors inside the text: sections and table rows.

    Built in notebooks/08_rag.ipynb.
    """

    text: str = field(repr=False)
    source: str
    locator: str
    title: str = ""
    metadata: Mapping[str, Value] = field(default_factory=dict, hash=False)
    headings: tuple[Heading, ...] = field(default=(), repr=False)
    places: tuple[Place, ...] = field(default=(), repr=False)

    def span(self, anchor: str) -> tuple[int, int] | None:
        """Where an anchor points to in the text: (start, end), or None if it is not in here.

        A PDF's table without ruled lines has no places. A row of it is found as the first line that
        begins with the row's first cell, up to the end of that line.

        >>> page = Document("Stem 5 both bolts\\nPedals 35", "x.pdf", "manual-ridge#page-8")
        >>> page.span("manual-ridge#page-8/Pedals"), page.span("manual-ridge#page-9")
        ((18, 27), None)
        """
        if anchor == self.locator:
            return 0, len(self.text)
        for place in self.places:
            if place.anchor == anchor:
                return place.start, place.end
        name = anchor.removeprefix(f"{self.locator}/")
        if name == anchor or not name.strip():
            return None
        words = r"\s+".join(map(re.escape, name.split()))
        line = re.search(rf"(?m)^{words}(?!\S).*$", self.text)
        return line.span() if line else None


def headings_and_tables(text: str) -> tuple[list[Heading], list[Table]]:
    """Find the `#` headings and the `|` tables of a Markdown text, but not those in code blocks.

    >>> headings, tables = headings_and_tables("## Pads\\n| Code | Fits |\\n|---|---|\\n| E07 | all |")
    >>> headings[0].text, tables[0].rows
    ('Pads', (('E07', 34, 47),))
    """  # noqa: E501
    headings: list[Heading] = []
    tables: list[Table] = []
    rows: list[tuple[str, int, int]] = []
    above = (0, "")  # the line above: a table's header, if a ruler follows
    header: tuple[int, int] | None = None  # of the table that is being read: its start, its end
    for start, line in [*_lines_outside_code(text), (len(text), "")]:
        words = line.strip()
        first = start + len(line) - len(line.lstrip())
        end = first + len(words)
        if header and "|" in words:
            rows.append((first_cell(words), first, end))
            continue
        if header:
            last = rows[-1][2] if rows else header[1]
            tables.append(Table(header[0], last, header[1], tuple(rows)))
            header, rows = None, []
        if "|" in above[1] and _RULER.fullmatch(words):
            header = (above[0], end)
        level = len(words) - len(words.lstrip("#"))
        if 1 <= level <= 6 and line.startswith("#") and words[level : level + 1] in ("", " ", "\t"):
            headings.append(Heading(start, level, words[level:].strip()))
        above = (first, words)
    return headings, tables


def markdown_places(page: str, text: str) -> tuple[tuple[Heading, ...], tuple[Place, ...]]:
    """Find the headings of a Markdown page, and the anchors of its sections and table rows.

    A section reaches to the next heading of its level or above. What stands above the first heading
    has the anchor `PAGE#intro`. A second heading of one name gets `-1`, a third `-2`, as on GitHub.

    >>> [place.anchor for place in markdown_places("brakes", "Read.\\n## Pad wear\\n1 mm.")[1]]
    ['brakes#intro', 'brakes#pad-wear']
    """
    headings, tables = headings_and_tables(text)
    places: dict[str, Place] = {}

    def add(anchor: str, start: int, end: int) -> None:
        blanks = end - start - len(text[start:end].lstrip())
        places[anchor] = Place(anchor, start + blanks, start + len(text[start:end].rstrip()))

    first = headings[0].start if headings else len(text)
    if text[:first].strip():
        add(f"{page}#intro", 0, first)
    starts, anchors = [0], [f"{page}#intro"]
    repeats: Counter[str] = Counter()
    for heading, end in zip(headings, _section_ends(headings, len(text)), strict=True):
        slug = heading_slug(heading.text) or "section"
        anchor = f"{page}#{slug}"
        while anchor in places:
            repeats[slug] += 1
            anchor = f"{page}#{slug}-{repeats[slug]}"
        add(anchor, heading.start, end)
        starts.append(heading.start)
        anchors.append(anchor)
    for table in tables:
        section = anchors[bisect_right(starts, table.start) - 1]
        for name, start, end in table.rows:
            if name and f"{section}/{name}" not in places:  # of rows with one name, the first
                add(f"{section}/{name}", start, end)
    return tuple(headings), tuple(places.values())


def _section_ends(headings: Sequence[Heading], length: int) -> list[int]:
    """For each heading the start of the next one of its level or above."""
    ends = [length] * len(headings)
    still_open: list[int] = []
    for number, heading in enumerate(headings):
        while still_open and headings[still_open[-1]].level >= heading.level:
            ends[still_open.pop()] = heading.start
        still_open.append(number)
    return ends


def first_cell(row: str) -> str:
    r"""The first cell of a table row, without the marks of bold, italics and code.

    >>> first_cell(r"| **E07** | too hot |"), first_cell(r"| a \| b | c |")
    ('E07', 'a | b')
    """
    cell = _CELL_END.split(row.strip().removeprefix("|"), maxsplit=1)[0]
    return re.sub(r"[*`]", "", cell).replace("\\|", "|").strip()


def _lines_outside_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield (start, line); a fenced code block yields one empty line."""
    fence = ""
    start = 0
    for line in text.split("\n"):
        mark = line.lstrip()[:3]
        if fence:
            fence = "" if mark == fence else fence
        elif mark in ("```", "~~~"):
            fence = mark
            yield start, ""
        else:
            yield start, line
        start += len(line) + 1
