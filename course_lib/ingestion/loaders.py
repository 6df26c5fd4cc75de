"""One file to its documents: PDF, Markdown, plain text, or the rows of a SQLite database."""

from __future__ import annotations

import datetime
import itertools
import re
import sqlite3
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path

import yaml

from course_lib.ingestion.documents import (
    Document,
    IngestionError,
    Place,
    Value,
    headings_and_tables,
    markdown_places,
)
from course_lib.ingestion.pdf_pages import read_pdf

MAX_BYTES = 50_000_000
_NO_TITLE = re.compile(r"(?i)\s*$|untitled|microsoft word - ")  # what programs write for a title
_MARKS = (  # byte-order marks, the longer ones first
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def load_pdf(path: str | Path, *, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Read a PDF: one document a page, with the locator `FILE#page-6`; ruled tables as `|` tables.

    Args:
        path: the file.
        max_bytes: the size above which it is not read.

    Returns:
        The pages that have text. A warning names the pages that have none, or are broken.

    Raises:
        IngestionError: if it is encrypted, truncated, broken, too large, or has no text at all.

    >>> from course_lib.data import LARKSPUR
    >>> page = load_pdf(LARKSPUR / "manuals" / "manual-ridge.pdf")[5]
    >>> page.locator, page.text[slice(*page.span("manual-ridge#page-6/E07"))][:40]
    ('manual-ridge#page-6', '| E07 | motor over-temperature | stop fo')

    Built in notebooks/08_rag.ipynb.
    """
    path = Path(path)
    notes: list[str] = []
    try:
        documents = pdf_documents(_read(path, max_bytes), path.name, page_id(path), notes)
    except IngestionError as error:
        raise IngestionError(f"{path.name}: {error}") from error
    for note in notes:
        warnings.warn(f"{path.name}: {note}", stacklevel=2)
    return documents


def load_markdown(
    path: str | Path, *, encoding: str | None = None, max_bytes: int = MAX_BYTES
) -> list[Document]:
    """Read a Markdown page: one document, with an anchor for each section and each table row.

    Front matter (`name: value` lines between `---`) becomes metadata. The title is the one named
    there, else the first `#` heading, else the file's name.

    Args:
        path: the file.
        encoding: what the file is written in, if it is not UTF-8, such as "cp1252".
        max_bytes: the size above which it is not read.

    Returns:
        A list of one document, whose locator is the file's name without suffix.

    Raises:
        IngestionError: if it is no text, in another encoding, empty, too large, or its front matter
            is not YAML.

    >>> from course_lib.data import LARKSPUR
    >>> page = load_markdown(LARKSPUR / "handbook" / "returns-policy.md")[0]
    >>> page.title, page.metadata["supersedes"], page.places[1].anchor
    ('Returning a bike or accessory', 'returns-policy-2023', 'returns-policy#how-long-you-have')

    Built in notebooks/08_rag.ipynb.
    """
    return _load_text(Path(path), encoding, max_bytes, markdown=True)


def load_text(
    path: str | Path, *, encoding: str | None = None, max_bytes: int = MAX_BYTES
) -> list[Document]:
    """Read a plain text file: one document, whose locator is the file's name without suffix.

    Args, Returns and Raises as for `load_markdown`.
    """
    return _load_text(Path(path), encoding, max_bytes, markdown=False)


def load_sql(path: str | Path, query: str, *, name: str) -> list[Document]:
    """Read rows of a SQLite database: one document a row, as `column: value` lines.

    Args:
        path: the database, which is opened for reading only.
        query: a SELECT. Its first column names the row, so each of its values may occur once.
        name: what the rows are, for the locator `FILE#name/first value`.

    Returns:
        The documents in the order of the rows. NULLs are left out.

    Raises:
        IngestionError: if the query is not a SELECT or fails, or its first column does not name
            the rows.

    >>> from course_lib.data import LARKSPUR
    >>> query = "SELECT code, name, price_eur FROM products WHERE code = 'LR-2'"
    >>> row = load_sql(LARKSPUR / "shop.sqlite", query, name="products")[0]
    >>> row.locator, row.text.split("\\n")
    ('shop#products/LR-2', ['code: LR-2', 'name: Ridge', 'price_eur: 3799'])

    Built in notebooks/08_rag.ipynb.
    """
    path = Path(path)
    if not re.match(r"\s*(select|with)\b", query, re.IGNORECASE):
        raise IngestionError(f"query must be a SELECT, got {query.strip()[:40]!r}")
    try:
        address = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            cursor = connection.execute(query)
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise IngestionError(f"{path.name}: the query fails ({error})") from error
    for key, count in Counter(row[0] for row in rows).items():
        if key is None or count > 1:
            got = "NULL" if key is None else f"{key!r} {count} times"
            raise IngestionError(f"{path.name}: the first column must name each row, got {got}")
    documents = []
    for row in rows:
        lines = [f"{c}: {v}" for c, v in zip(columns, row, strict=True) if v is not None]
        locator, title = f"{page_id(path)}#{name}/{row[0]}", f"{name} {row[0]}"
        metadata = {"kind": "row", "table": name}
        documents.append(Document("\n".join(lines), path.name, locator, title, metadata))
    return documents


def page_id(path: Path) -> str:
    """The name that a file's anchors begin with: the file's own, without suffix."""
    return path.stem.replace("#", "-")


def load_as(
    path: Path, source: str, page: str, encoding: str | None, max_bytes: int, notes: list[str]
) -> list[Document]:
    """Load a file of any kind under a page id; `notes` collects what is missing from it."""
    raw = _read(path, max_bytes)
    if path.suffix.lower() == ".pdf":
        return pdf_documents(raw, source, page, notes)
    markdown = path.suffix.lower() != ".txt"
    return [_text_document(raw, source, page, encoding, markdown=markdown)]


def pdf_documents(raw: bytes, source: str, page: str, notes: list[str]) -> list[Document]:
    """Make a document of each page of a PDF that has text."""
    title, pages, missing = read_pdf(raw)
    notes += missing
    title = page if _NO_TITLE.match(title) else title
    documents = []
    for pdf_page in pages:
        locator = f"{page}#page-{pdf_page.number}"
        places: dict[str, Place] = {}
        for table in headings_and_tables(pdf_page.text)[1]:
            for cell, start, end in table.rows:
                anchor = f"{locator}/{cell}"
                if cell and anchor not in places:  # of rows with one name, the first
                    places[anchor] = Place(anchor, start, end)
        metadata: dict[str, Value] = {"kind": "pdf", "page": pdf_page.number}
        places_found = tuple(places.values())
        documents.append(
            Document(
                pdf_page.text, source, locator, title, metadata, pdf_page.headings, places_found
            )
        )
    return documents


def _load_text(
    path: Path, encoding: str | None, max_bytes: int, *, markdown: bool
) -> list[Document]:
    try:
        raw = _read(path, max_bytes)
        return [_text_document(raw, path.name, page_id(path), encoding, markdown=markdown)]
    except IngestionError as error:
        raise IngestionError(f"{path.name}: {error}") from error


def _text_document(
    raw: bytes, source: str, page: str, encoding: str | None, *, markdown: bool
) -> Document:
    text = _decode(raw, encoding)
    metadata, text = _front_matter(text) if markdown else ({}, text)
    text = text.strip("\n").rstrip()
    if not text.strip():
        raise IngestionError("empty: there is no text in it")
    if not markdown:
        return Document(text, source, page, page, {"kind": "text"})
    headings, places = markdown_places(page, text)
    first = next((heading.text for heading in headings if heading.level == 1), page)
    title = str(metadata.get("title", first))
    return Document(text, source, page, title, {**metadata, "kind": "markdown"}, headings, places)


def _read(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that is not too large."""
    try:
        size = path.stat().st_size
        if size <= max_bytes:
            return path.read_bytes()
    except OSError as error:
        raise IngestionError(f"cannot be opened ({error.strerror})") from error
    limit = f"{size:,} bytes are more than max_bytes = {max_bytes:,}"
    raise IngestionError(f"{limit}: raise the limit, or split the file")


def _decode(raw: bytes, encoding: str | None) -> str:
    """The text of a file: as UTF-8, else in the encoding given; line ends become line feeds."""
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    for name in ("utf-8-sig", encoding):
        if name is None or (marked and name == "utf-8-sig"):
            continue
        try:
            text = raw.decode(name)
        except UnicodeError:
            continue
        except LookupError as error:
            raise IngestionError(f"encoding must be one that Python knows, got {name!r}") from error
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    if marked:
        what, other = marked.upper(), marked
    elif b"\0" in raw:
        what, other = "not text, or UTF-16 without its mark: it holds NUL bytes", "utf-16-le"
    else:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            what = f"not UTF-8: byte 0x{raw[error.start]:02x} in line {line}"
        other = "cp1252"
    advice = f"save it as UTF-8, or pass the encoding it has, such as encoding={other!r}"
    tried = f" (nor {encoding})" if encoding else ""
    raise IngestionError(f"{what}{tried}; {advice}")


def _front_matter(text: str) -> tuple[dict[str, Value], str]:
    """Split a page into its front matter, if it has one, and the rest."""
    fences = list(itertools.islice(re.finditer(r"(?m)^---[ \t]*$", text), 2))
    if len(fences) < 2 or fences[0].start() > 0:
        return {}, text
    body = text[fences[1].end() :]
    try:
        values = yaml.safe_load(text[fences[0].end() : fences[1].start()])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise IngestionError(f"its front matter is not YAML{where}: {reason}") from error
    if not isinstance(values, dict):  # only a rule across the page
        return {}, (text if values is not None else body)
    simple = {_field(str(name)): _simple(value) for name, value in values.items()}
    return {name: v for name, v in simple.items() if name and v is not None}, body


def _field(name: str) -> str:
    """A field's name as vector stores take it: "last changed" becomes last_changed."""
    words = re.sub(r"\W+", "_", name).strip("_")
    return words if words.isidentifier() else ""


def _simple(value: object) -> Value | None:
    """A value that vector stores take, or None; a list of such values becomes one text."""
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        parts = [_simple(item) for item in value if not isinstance(item, list)]
        return ", ".join(str(part) for part in parts if part is not None)
    if isinstance(value, int | float) and not abs(value) < 2**53:  # too large, or not a number
        return str(value)
    return value if isinstance(value, str | int | float | bool) else None
