"""The text of a PDF's pages: pypdfium2 reads the characters, pdfplumber finds the ruled tables.

Every character that pypdfium2 reads goes either into the running text or into one cell of one
table. So a table's text is neither lost nor there twice, whatever pdfplumber makes of the lines.
pypdfium2 is not safe for threads: read one PDF at a time in a process.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from course_lib.ingestion.documents import Heading, IngestionError
from course_lib.ingestion.pdf_tables import Place, RuledTable, TableFinder

_MARGIN = 0.1  # share of a page's height, at its top and at its bottom
_LONGEST_HEADING = 120  # characters
_BROKEN_WORD = 2  # what pdfium gives for a hyphen at a line's end; it joins the two lines


@dataclass(frozen=True)
class PdfPage:
    """One page: its number from 1, its text, and its headings, told by the size of the letters."""

    number: int
    text: str
    headings: tuple[Heading, ...]


@dataclass
class _Line:
    """A line of running text with the size of its letters in points, or a whole table (size 0)."""

    text: str
    size: float
    in_margin: bool = False


def read_pdf(raw: bytes) -> tuple[str, list[PdfPage], list[str]]:
    """Read a PDF's text page by page.

    Ruled tables become Markdown tables; a table without lines stays the text that it is. A line in
    larger letters than the body's is a heading, and it goes on to the next page until one of its
    size or larger follows. Lines that stand in the margin of most pages, such as the manual's
    name and the page's number, are left out.

    Args:
        raw: the file's bytes.

    Returns:
        (title from the PDF's properties or "", the pages that have text, notes on what is missing).

    Raises:
        IngestionError: if the file is encrypted, truncated, broken, or has no text at all.
    """
    import pypdfium2

    document = _open(raw)
    finder = TableFinder(raw)
    notes: list[str] = []
    images: list[int] = []
    pages: dict[int, list[_Line]] = {}
    try:
        count = len(document)
        title = document.get_metadata_value("Title").strip()
        for number in range(1, count + 1):
            try:
                page = document[number - 1]
                lines = _lines(page, finder.on_page(page, number))
                if lines:
                    pages[number] = lines
                elif next(page.get_objects(), None) is not None:
                    images.append(number)
            except pypdfium2.PdfiumError as error:
                notes.append(f"page {number} is broken and left out ({error})")
    finally:
        document.close()
    if not pages:
        ocr = "they are images: recognise their text first, for example with ocrmypdf"
        raise IngestionError(
            f"no text on its {count} pages; {ocr if images else 'blank or broken'}"
        )
    if images:
        numbers = ", ".join(map(str, images))
        notes.append(f"no text on {len(images)} of its {count} pages (images?): {numbers}")
    _drop_running_heads(pages)
    return title, _with_headings(pages), notes + finder.notes


def _open(raw: bytes) -> Any:
    """The opened PDF, or why it cannot be opened."""
    import pypdfium2

    if not raw:
        raise IngestionError("the file is empty (0 bytes)")
    if b"%PDF-" not in raw[:1024]:
        raise IngestionError("not a PDF: it does not begin with %PDF-")
    if b"%%EOF" not in raw[-2048:]:  # pdfium would repair it, and lose pages without a word
        raise IngestionError("truncated: it does not end with %%EOF; get a whole copy")
    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        raise IngestionError(_why(raw)) from error


def _why(raw: bytes) -> str:
    """Why a PDF cannot be opened; for one without pages pdfium repeats its last error instead."""
    from pypdfium2 import raw as pdfium_c

    handle = pdfium_c.FPDF_LoadMemDocument64(raw, len(raw), None)
    code = pdfium_c.FPDF_GetLastError()
    if handle:
        pdfium_c.FPDF_CloseDocument(handle)
        return "it has no pages"
    return {
        pdfium_c.FPDF_ERR_PASSWORD: "encrypted: save a copy that needs no password",
        pdfium_c.FPDF_ERR_SECURITY: "encrypted in a way that pdfium does not know",
    }.get(code, "broken: its structure cannot be read; get a whole copy")


def _lines(page: Any, tables: list[RuledTable]) -> list[_Line]:
    """The lines of a page in pdfium's order; a table stands where its first character does."""
    textpage = page.get_textpage()
    characters = _characters(textpage)
    cells = _cells(textpage, characters, tables)
    for number, (owner, place) in cells.items():
        owner.add(place, number, characters[number])
    layout = [table for table in tables if table.is_layout()]
    bottom, top = page.get_bbox()[1::2]
    lines: list[_Line] = []
    placed: list[RuledTable] = []
    words, first = "", -1  # of the current line, and the number of its first visible character

    def end_line() -> None:
        nonlocal words, first
        if first >= 0:
            height = (textpage.get_charbox(first)[1] - bottom) / max(top - bottom, 1)
            margin = not _MARGIN <= height <= 1 - _MARGIN
            lines.append(_Line(" ".join(words.split()), _letter_size(textpage, first), margin))
        words, first = "", -1

    for number, character in enumerate(characters):
        table = cells[number][0] if number in cells else None
        if table is not None and table not in layout:
            if table not in placed:
                end_line()
                placed.append(table)
                lines.append(_Line(table.markdown(), 0))
        elif character == "\n":
            end_line()
        else:
            first = number if first < 0 and character.strip() else first
            words += character
    end_line()
    return lines


def _characters(textpage: Any) -> list[str]:
    """What each of pdfium's characters adds to the text: itself, a part of its neighbour, or ""."""
    from pypdfium2.raw import FPDFText_GetUnicode

    codes = [FPDFText_GetUnicode(textpage, n) for n in range(textpage.count_chars())]
    text = ["" if code in (0, 0xFFFE) else " " if code == 13 else chr(code) for code in codes]
    for n, code in enumerate(codes):
        before, after = text[n - 1 : n], text[n + 1 : n + 2]
        if code == _BROKEN_WORD:  # exam-|ple is one word, LK-|204 has a hyphen
            inside = before and after and before[0].isalpha() and after[0].islower()
            text[n] = "" if inside else "-"
        elif 0xD800 <= code < 0xE000 and text[n]:  # half of a character that UTF-16 splits in two
            pair = (text[n] + "".join(after)).encode("utf-16-le", "surrogatepass")
            text[n] = pair.decode("utf-16-le", "replace")[0]
            if text[n] > "\uffff":
                text[n + 1] = ""
    return text


def _cells(
    textpage: Any, characters: list[str], tables: list[RuledTable]
) -> dict[int, tuple[RuledTable, Place]]:
    """By number of character, the table and the cell in which its middle lies."""
    found: dict[int, tuple[RuledTable, Place]] = {}
    for number, character in enumerate(characters if tables else []):
        if not character.isspace():
            left, bottom, right, top = textpage.get_charbox(number)
            for table in tables:
                place = table.find((left + right) / 2, (bottom + top) / 2)
                if place and number not in found:
                    found[number] = (table, place)
    return found


def _letter_size(textpage: Any, number: int) -> float:
    """Size of a character in points: its font's size times the scale at which it is drawn."""
    from pypdfium2.raw import FS_MATRIX, FPDFText_GetFontSize, FPDFText_GetMatrix

    matrix = FS_MATRIX()
    FPDFText_GetMatrix(textpage, number, matrix)
    size: float = FPDFText_GetFontSize(textpage, number)
    return round(size * math.hypot(matrix.c, matrix.d), 1)


def _drop_running_heads(pages: dict[int, list[_Line]]) -> None:
    """Remove lines that stand, apart from their numbers, in the margin of most pages."""

    def pattern(line: _Line) -> str:
        return re.sub(r"\d+", "0", line.text)

    seen = Counter(
        text
        for lines in pages.values()
        for text in {pattern(line) for line in lines if line.in_margin}
    )
    least = max(3, math.ceil(0.6 * len(pages)))
    for number, lines in pages.items():
        kept = [line for line in lines if not (line.in_margin and seen[pattern(line)] >= least)]
        pages[number] = kept or lines


def _with_headings(pages: dict[int, list[_Line]]) -> list[PdfPage]:
    """Join the lines of each page, and find the headings by the size of their letters."""
    letters: Counter[float] = Counter()
    for line in itertools.chain.from_iterable(pages.values()):
        letters[line.size] += len(line.text) if line.size else 0
    # Small print and cells may be half of a manual: the body is the largest size that is common.
    body = max(size for size, count in letters.items() if count >= letters.total() / 5)
    larger = sorted((size for size in letters if size > 1.05 * body), reverse=True)
    levels = {size: level for level, size in enumerate(larger, start=1)}

    made: list[PdfPage] = []
    current: list[Heading] = []  # the headings under which the text stands
    for number, lines in pages.items():
        text = ""
        headings = [Heading(-1, heading.level, heading.text) for heading in current]
        apart = True  # a heading and a table have an empty line before and after them
        for size, group in itertools.groupby(lines, key=lambda line: line.size):
            block = [line.text for line in group]
            words = " ".join(block)
            is_heading = (
                size in levels
                and len(words) <= _LONGEST_HEADING
                and bool(re.search(r"[^\W\d_]", words))
            )
            apart = apart or is_heading or not size
            text += ("\n\n" if apart else "\n") if text else ""
            if is_heading:
                heading = Heading(len(text), levels[size], words)
                current = [other for other in current if other.level < heading.level] + [heading]
                headings.append(heading)
            text += ("\n" if size else "\n\n").join(block)
            apart = is_heading or not size
        made.append(PdfPage(number, text, tuple(headings)))
    return made
