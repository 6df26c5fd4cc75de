"""Where the ruled tables of a PDF page are, cell by cell; pdfplumber finds their lines."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# Pieces of drawn lines: fewer make no table of 2 x 2 cells, more are a drawing and take minutes.
_FEWEST, _MOST = 12, 20_000
_LONGEST_CELL = 1_000  # characters; a box with more text is the page's layout, not a table

Box = tuple[float, float, float, float]  # left, bottom, right, top; y grows upwards, in points
Place = tuple[int, int]  # row, column


@dataclass
class RuledTable:
    """The boxes of a table's cells; text is added to them character by character."""

    cells: dict[Place, Box]
    text: dict[Place, str] = field(default_factory=dict)
    _last: dict[Place, int] = field(default_factory=dict)  # number of each cell's last character

    def find(self, x: float, y: float) -> Place | None:
        """The cell around a point."""
        for place, (left, bottom, right, top) in self.cells.items():
            if left <= x <= right and bottom <= y <= top:
                return place
        return None

    def add(self, place: Place, number: int, character: str) -> None:
        """Add a character to a cell; a space stands for blanks and line ends that were left out."""
        before = self.text.get(place, "")
        gap = " " if before and number != self._last[place] + 1 else ""
        self.text[place] = before + gap + character
        self._last[place] = number

    def is_layout(self) -> bool:
        """Whether the boxes only hold a page's layout: a lone filled cell, or long passages."""
        return len(self.text) < 2 or max(map(len, self.text.values())) > _LONGEST_CELL

    def markdown(self) -> str:
        """The table as `| a | b |` lines. Its first row is taken for its header.

        >>> table = RuledTable({(r, c): (0, 0, 0, 0) for r in (0, 1) for c in (0, 1)})
        >>> for number, (place, text) in enumerate({(0, 0): "code", (1, 0): "E07", (1, 1): "hot"}.items()):
        ...     table.add(place, number, text)
        >>> print(table.markdown())
        | code |  |
        |---|---|
        | E07 | hot |
        """  # noqa: E501
        columns = range(1 + max(column for _, column in self.cells))
        rows = sorted({row for row, _ in self.text})  # without those that are all empty
        cells = [[self.text.get((r, c), "").replace("|", "\\|") for c in columns] for r in rows]
        lines = [f"| {' | '.join(row)} |" for row in cells]
        return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]])


class TableFinder:
    """Finds a PDF's ruled tables; opens pdfplumber when a page first has enough lines on it."""

    def __init__(self, raw: bytes) -> None:
        self.notes: list[str] = []  # pages whose tables could not be looked for
        self._raw = raw
        self._pages: Sequence[Any] | None = None

    def on_page(self, page: Any, number: int) -> list[RuledTable]:
        """The tables of a pypdfium2 page that have two rows and two columns or more."""
        if not _FEWEST <= _pieces_of_lines(page) <= _MOST:
            return []
        import pdfplumber

        try:
            with _quiet("pdfminer"):
                if self._pages is None:
                    self._pages = pdfplumber.open(io.BytesIO(self._raw)).pages
                return list(_tables(self._pages[number - 1]))
        except Exception as error:  # pdfminer fails in many ways on what pdfium can still read
            why = f"{type(error).__name__}: {error}".rstrip(": ")
            self.notes.append(
                f"page {number}: its tables stay plain text, pdfplumber fails ({why})"
            )
            return []


def _pieces_of_lines(page: Any) -> int:
    """How many pieces the drawn lines of a page have, counted until there are too many."""
    import pypdfium2.raw as pdfium_c

    pieces = 0
    for drawn in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_PATH]):
        pieces += pdfium_c.FPDFPath_CountSegments(drawn)
        if pieces > _MOST:
            break
    return pieces


def _tables(page: Any) -> Iterator[RuledTable]:
    for found in page.find_tables():
        cells = {
            (r, c): _box(page, cell)
            for r, row in enumerate(found.rows)
            for c, cell in enumerate(row.cells)
            if cell  # None where a cell of another row or column reaches in
        }
        if all(max(place[axis] for place in cells) >= 1 for axis in (0, 1)):
            yield RuledTable(cells)
    page.close()  # frees what it has cached


def _box(page: Any, cell: Box) -> Box:
    """Turn pdfplumber's (left, top, right, bottom) on the page as shown into the PDF's own box."""
    left, top, right, bottom = cell
    width, height = page.width, page.height  # as shown
    boxes: dict[int, Box] = {
        0: (left, height - bottom, right, height - top),
        90: (top, left, bottom, right),
        180: (width - right, top, width - left, bottom),
        270: (height - bottom, width - right, height - top, width - left),
    }
    return boxes[page.rotation]


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a library's warnings out of a notebook."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
