"""Build the six manuals of Larkspur Cycles as PDFs from the text in larkspur/manuals/text.

    python datasets/build_manuals.py            # writes larkspur/manuals/*.pdf and index.json
    python datasets/build_manuals.py FOLDER     # the same, elsewhere

The same text gives the same bytes, wherever it runs: the PDFs hold no date, no random id and no
compressed stream. Needs reportlab; the characters that Helvetica lacks come from the DejaVu Sans
that Matplotlib brings along. index.json says how many pages each has and which table rows, named by
their first cell, stand on which page.

The text is a small part of Markdown, with a front matter of `name: value` lines:

    # Chapter                 ## Section                 paragraphs with **bold** and *italic*
    - a list                  1. a numbered list         > WARNING: a box
    | a | b |                 a table; with |---|---| under the first row, that row is its head
    @table plain 2 3          the next table has no rules, and columns as wide as 2 to 3
    @page                     a new page                 @columns: a new page of two columns
    @contents                 the chapters with their pages
"""

from __future__ import annotations

import html
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

MANUALS = Path(__file__).parent / "larkspur" / "manuals"
INK, GREEN, PALE, GREY = map(colors.HexColor, ("#1b1b1b", "#2f5d50", "#eef2ef", "#8a9a93"))
WIDTH, HEIGHT = A5
LEFT, TOP, BOTTOM, GUTTER = 15 * mm, 20 * mm, 18 * mm, 7 * mm
TEXT_WIDTH, TEXT_HEIGHT = WIDTH - 2 * LEFT, HEIGHT - TOP - BOTTOM

Places = dict[int, list[tuple[str, str]]]  # by page: ("heading" or "row", its text)
BOLD = "Helvetica-Bold"
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12, spaceAfter=5)
LOOKS: dict[str, dict[str, Any]] = {
    "body": {},
    "cell": {"fontSize": 8, "leading": 9.8, "spaceAfter": 0},
    "number": {"spaceAfter": 2, "alignment": TA_RIGHT},
    "list": {"leftIndent": 13, "bulletIndent": 1, "bulletFontSize": 9, "spaceAfter": 2.5},
    "title": {"fontName": BOLD, "fontSize": 25, "leading": 29, "textColor": GREEN},
    "subtitle": {"fontSize": 11, "leading": 15, "spaceAfter": 12},
    "h1": {"fontName": BOLD, "fontSize": 14, "leading": 18, "spaceBefore": 8, "textColor": GREEN},
    "h2": {"fontName": BOLD, "fontSize": 10, "spaceBefore": 6, "spaceAfter": 3, "keepWithNext": 1},
}
STYLES = {name: ParagraphStyle(name, BODY, **look) for name, look in LOOKS.items()}


class Heading(Paragraph):  # type: ignore[misc]
    """A heading that notes the page on which it lands."""

    def draw(self) -> None:
        """Draw it, and note its page."""
        self.canv.places.setdefault(self.canv.getPageNumber(), []).append(("heading", self.source))
        super().draw()


class NotedTable(Table):  # type: ignore[misc]
    """A table whose rows note the page on which they land, also after a page break inside it."""

    def draw(self) -> None:
        """Draw it, and note the first cell of each row except the head's."""
        firsts = [row[0] for row in self._cellvalues[self.repeatRows :]]
        cells = [cell[0] if isinstance(cell, tuple) else cell for cell in firsts]
        notes = [("row", cell.source) for cell in cells if cell.source]
        self.canv.places.setdefault(self.canv.getPageNumber(), []).extend(notes)
        super().draw()


def markup(text: str) -> str:
    """Turn the text's `**bold**` and `*italic*` into ReportLab's tags, and pick a font that can."""
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)

    def other_font(match: re.Match[str]) -> str:
        return f'<font name="DejaVuSans">{match[0]}</font>'

    foreign = "".join({char for char in text if not char.encode("cp1252", "ignore")})
    return re.sub(f"[{re.escape(foreign)}]+", other_font, text) if foreign else text


def paragraph(text: str, style: str, kind: type[Any] = Paragraph, **options: Any) -> Any:
    """Make a paragraph that remembers its text without markup."""
    made = kind(markup(text), STYLES[style], **options)
    made.source = text.replace("*", "")
    return made


def table(lines: list[str], look: str, widths: list[float], available: float) -> NotedTable:
    """Make a table from its `| a | b |` lines; `look` is ruled or plain."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    has_head = len(rows) > 1 and all(re.fullmatch(r"-+", cell) for cell in rows[1])
    if has_head:
        del rows[1]
        rows[0] = [f"**{cell}**" if cell else "" for cell in rows[0]]
    if len({len(row) for row in rows}) > 1 or len(widths) not in (0, len(rows[0])):
        raise ValueError(f"the table that starts with {lines[0]!r} has rows of different lengths")
    widths = widths or [1.0] * len(rows[0])
    made = NotedTable(
        [[paragraph(cell, "cell") for cell in row] for row in rows],
        colWidths=[available * width / sum(widths) for width in widths],
        repeatRows=int(has_head),
        hAlign="LEFT",
        spaceAfter=7,
        spaceBefore=2,
    )
    padding = 2.6 if look == "ruled" else 1.4
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        ("LEFTPADDING", (0, 0), (-1, -1), 4 if look == "ruled" else 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if look == "ruled":
        style.append(("GRID", (0, 0), (-1, -1), 0.5, GREY))
        style.append(("BACKGROUND", (0, 0), (-1, 0), PALE if has_head else colors.white))
    made.setStyle(style)
    return made


def warning(text: str, available: float) -> Table:
    """Make the box around a warning or a note."""
    box = Table([[paragraph(text, "cell")]], colWidths=[available], spaceAfter=7, spaceBefore=3)
    heavy = text.startswith(("**WARNING", "**DANGER"))
    box.setStyle(
        [
            ("BOX", (0, 0), (-1, -1), 1.2 if heavy else 0.5, INK if heavy else GREEN),
            ("BACKGROUND", (0, 0), (-1, -1), PALE),
        ]
    )
    return box


def parse(text: str, contents: list[tuple[str, int]]) -> tuple[dict[str, str], list[Flowable]]:
    """Read a manual's text into its front matter and what is to be drawn."""
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    info = dict(line.split(": ", 1) for line in head.split("\n"))
    story: list[Flowable] = [
        Spacer(1, 10),
        paragraph(info["title"], "title"),
        paragraph(f"{info['kind']} · {info['number']} · {info['edition']}", "subtitle"),
    ]
    available, look, widths = TEXT_WIDTH, "ruled", list[float]()
    body = re.sub(r"^(#+ .+)\n(?=.)", r"\1\n\n", body, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", body.strip()):
        lines = block.split("\n")
        word, *rest = lines[0].split()
        if word in ("@page", "@columns"):
            story += [NextPageTemplate(word), PageBreak()]
            available = TEXT_WIDTH if word == "@page" else (TEXT_WIDTH - GUTTER) / 2
        elif word == "@contents":
            rows = [
                [paragraph(name, "body"), paragraph(str(page), "number")] for name, page in contents
            ]
            if rows:
                story.append(Table(rows, colWidths=[TEXT_WIDTH - 40, 40], hAlign="LEFT"))
                story[-1].setStyle([("TOPPADDING", (0, 0), (-1, -1), 0)])
        elif word in ("#", "##"):
            story.append(paragraph(" ".join(rest), f"h{len(word)}", Heading))
        elif word == ">":
            joined = " ".join(line.removeprefix(">").strip() for line in lines)
            story.append(warning(re.sub(r"^([A-Z ]+:)", r"**\1**", joined), available))
        elif word == "@table" or word.startswith("|"):
            if word == "@table":
                look, widths, lines = rest[0], [float(width) for width in rest[1:]], lines[1:]
            story.append(table(lines, look, widths, available))
            look, widths = "ruled", []
        elif re.fullmatch(r"-|\d+\.", word):
            for item in re.split(r"\n(?=(?:-|\d+\.) )", block):
                mark, words = " ".join(item.split("\n")).split(" ", 1)
                bullet = "•" if mark == "-" else mark
                story.append(paragraph(words, "list", bulletText=bullet))
            story.append(Spacer(1, 3))
        elif word.startswith("@"):
            raise ValueError(f"no such directive: {lines[0]}")
        else:
            story.append(paragraph(" ".join(lines), "body"))
    return info, story


def build_once(text: str, contents: list[tuple[str, int]], pages: int) -> tuple[bytes, int, Places]:
    """Set a manual once, given what the pass before has found out about its pages."""
    info, story = parse(text, contents)
    places: Places = {}

    def decorate(canvas: Any, _document: Any) -> None:
        number = canvas.getPageNumber()
        canvas.places = places
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(INK)
        canvas.setStrokeColor(GREEN)
        if number > 1:
            canvas.drawString(LEFT, HEIGHT - 12 * mm, f"{info['title']} · {info['kind']}")
            canvas.drawRightString(WIDTH - LEFT, HEIGHT - 12 * mm, info["number"])
            canvas.line(LEFT, HEIGHT - 14 * mm, WIDTH - LEFT, HEIGHT - 14 * mm)
        canvas.drawString(LEFT, 10 * mm, f"Larkspur Cycles, Dok-Noord, Ghent · {info['edition']}")
        canvas.drawRightString(WIDTH - LEFT, 10 * mm, f"Page {number} of {pages}")

    column = (TEXT_WIDTH - GUTTER) / 2
    frames = {
        "@page": [(LEFT, TEXT_WIDTH)],
        "@columns": [(LEFT, column), (LEFT + column + GUTTER, column)],
    }
    stream = io.BytesIO()
    document = BaseDocTemplate(
        stream,
        pagesize=A5,
        pageCompression=0,  # zlib's versions pack differently, so nothing is packed
        invariant=1,
        lang="en-GB",
        title=f"{info['title']}: {info['kind'].lower()}",
        author="Larkspur Cycles",
        pageTemplates=[
            PageTemplate(
                name,
                [Frame(x, BOTTOM, width, TEXT_HEIGHT, 0, 0, 0, 0) for x, width in where],
                onPage=decorate,
            )
            for name, where in frames.items()
        ],
    )
    document.build(story)
    for page, notes in places.items():
        rows = [text for kind, text in notes if kind == "row"]
        if doubled := {row for row in rows if rows.count(row) > 1}:
            raise ValueError(f"{info['number']}, page {page}: rows with one name: {doubled}")
    return stream.getvalue(), document.page, places


def build(text: str) -> tuple[bytes, dict[str, Any]]:
    """Build one manual: a first pass counts the pages, a second prints them.

    Args:
        text: the manual's source.

    Returns:
        The PDF's bytes, and its entry in the index.

    Raises:
        ValueError: for an unknown directive, a ragged table, or two rows of one name on a page.
    """
    ttf = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    pdfmetrics.registerFont(TTFont("DejaVuSans", str(ttf)))
    chapters = [line[2:] for line in text.split("\n") if line.startswith("# ")]
    _, pages, places = build_once(text, [(name, 0) for name in chapters], 0)
    contents = [(name, page) for page in places for kind, name in places[page] if name in chapters]
    pdf, pages, places = build_once(text, contents, pages)
    rows = {
        str(page): [name for kind, name in places[page] if kind == "row"] for page in sorted(places)
    }
    title, kind = (
        re.findall(rf"^{name}: (.+)$", text, re.MULTILINE)[0] for name in ("title", "kind")
    )
    entry = {
        "title": f"{title}: {kind.lower()}",
        "pages": pages,
        "rows": {page: names for page, names in rows.items() if names},
    }
    return pdf, entry


def main(folder: Path = MANUALS) -> None:
    """Build every manual, and the index of their table rows."""
    os.environ.pop("SOURCE_DATE_EPOCH", None)  # reportlab would print it in place of its fixed date
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    for path in sorted((MANUALS / "text").glob("manual-*.md")):
        pdf, index[path.stem] = build(path.read_text("utf-8"))
        (folder / f"{path.stem}.pdf").write_bytes(pdf)
        print(f"{path.stem}: {index[path.stem]['pages']} pages, {len(pdf):,} bytes")
    listing = json.dumps(index, ensure_ascii=False, indent=1) + "\n"
    (folder / "index.json").write_text(listing, "utf-8", newline="\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
