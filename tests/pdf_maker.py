"""Small PDFs for tests, good and bad."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = 400, 300  # points

Draw = Callable[[Canvas], None]


def pdf(*pages: Draw, **options: Any) -> bytes:
    """A PDF of one page for each function, which draws on it; no text is compressed."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH, HEIGHT), pageCompression=0, **options)
    for draw in pages:
        canvas.setFont("Helvetica", 10)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def lines(*texts: str, top: int = 250, size: float = 10) -> Draw:
    """Draw lines of text, one under the other."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", size)
        for number, text in enumerate(texts):
            canvas.drawString(50, top - 1.4 * size * number, text)
        canvas.setFont("Helvetica", 10)

    return draw


def table(rows: list[list[str]], *, top: int = 200, one_path: bool = False, wide: int = 80) -> Draw:
    """Draw a ruled table; a cell's lines are separated by line feeds."""

    def draw(canvas: Canvas) -> None:
        heights = [6 + 12 * max(cell.count("\n") + 1 for cell in row) for row in rows]
        ys = [top - sum(heights[:n]) for n in range(len(rows) + 1)]
        xs = [50 + wide * n for n in range(len(rows[0]) + 1)]
        if one_path:
            path = canvas.beginPath()
            for y in ys:
                path.moveTo(xs[0], y)
                path.lineTo(xs[-1], y)
            for x in xs:
                path.moveTo(x, ys[0])
                path.lineTo(x, ys[-1])
            canvas.drawPath(path)
        else:
            canvas.grid(xs, ys)
        for row, y in zip(rows, ys, strict=False):
            for cell, x in zip(row, xs, strict=False):
                for number, line in enumerate(cell.split("\n")):
                    canvas.drawString(x + 3, y - 12 * (number + 1), line)

    return draw


def both(*draws: Draw) -> Draw:
    """Draw several things on one page, in this order."""

    def draw(canvas: Canvas) -> None:
        for one in draws:
            one(canvas)

    return draw


def picture(canvas: Canvas) -> None:
    """Draw a picture of a text, as a scanner would."""
    canvas.drawInlineImage(Image.new("RGB", (40, 30), "white"), 0, 0, WIDTH, HEIGHT)


def blank(_canvas: Canvas) -> None:
    """Draw nothing."""


def scanned() -> bytes:
    """A PDF that Pillow made of two pictures."""
    stream = io.BytesIO()
    pictures = [Image.new("L", (60, 40), "white") for _ in range(2)]
    pictures[0].save(stream, "PDF", save_all=True, append_images=pictures[1:])
    return stream.getvalue()


def encrypted(user: str) -> bytes:
    """A PDF that asks for a password, unless that of the user is empty."""
    locked = pdfencrypt.StandardEncryption(user, ownerPassword="owner", strength=128)
    return pdf(lines("Locked away."), encrypt=locked)


def no_pages() -> bytes:
    """A whole PDF without a page."""
    stream = io.BytesIO()
    pypdfium2.PdfDocument.new().save(stream)
    return stream.getvalue()


GOOD = pdf(lines("The first page."), lines("The second page."))
BAD = {
    "encrypted.pdf": (encrypted("secret"), "encrypted"),
    "empty.pdf": (b"", "empty"),
    "half.pdf": (GOOD[: len(GOOD) // 2], "truncated"),
    "nearly-whole.pdf": (GOOD[:-8], "truncated"),
    "scan.pdf": (scanned(), "recognise their text"),
    "blank.pdf": (pdf(blank, blank), "blank"),
    "web-page.pdf": (b"<html><body>404 Not Found</body></html>", "not a PDF"),
    "no-structure.pdf": (b"%PDF-1.4\n" + b"nothing " * 400 + b"\n%%EOF\n", "broken"),
    "no-pages.pdf": (no_pages(), "no pages"),
}


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    """Write files into a folder, with the folders above them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
