"""Read a file strictly: decode it, cut it into rows, and check single fields.

Each function raises a `DataError` that names the file, the line and the field.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from course_lib.data.records import AUDIENCES, DataError, Page

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """The fields of one record, and where they stand."""

    file: str
    line: int | None
    values: Mapping[str, Any]

    def error(self, message: str, field: str | None = None) -> DataError:
        """Make the error that names this row; the caller raises it."""
        return DataError(message, self.file, self.line, field)

    def text(self, field: str) -> str:
        """Return a field that must be a string with something in it."""
        value = self.values.get(field)
        if value is None or value == "":
            raise self.error("missing", field)
        if not isinstance(value, str):
            raise self.error(f"wanted text, got {value!r}", field)
        if not value.strip():
            raise self.error("missing, only blanks", field)
        return value

    def one_of(self, field: str, allowed: tuple[str, ...]) -> str:
        """Return a field that must be one of the allowed names."""
        value = self.text(field)
        if value not in allowed:
            raise self.error(f"wanted one of {', '.join(allowed)}, got {value!r}", field)
        return value

    def date(self, field: str) -> datetime.date:
        """Return a field that must be a date like 2025-03-01."""
        value = self.text(field)
        try:
            # the pattern keeps out the other spellings that fromisoformat takes, such as 20250301
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
                raise ValueError
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise self.error(f"wanted a date like 2025-03-01, got {value!r}", field) from None

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a field that must be a list of strings, each with something in it."""
        values = self.values.get(field)
        if not isinstance(values, list):
            raise self.error("missing, wanted a list", field)
        return tuple(Row(self.file, self.line, {field: value}).text(field) for value in values)

    def nested(self, field: str, value: object) -> Row:
        """Take an object inside a field for a row of its own, at the same place."""
        if not isinstance(value, dict):
            raise self.error(f"wanted an object, got {value!r}", field)
        return Row(self.file, self.line, value)

    def only(self, *fields: str) -> None:
        """Refuse a field that the schema does not have: it is a typing error."""
        for field in self.values:
            if field not in fields:
                raise self.error(f"no such field, wanted one of {', '.join(fields)}", field)


def records(
    rows: Iterable[Row], make: Callable[[Row], T], problems: list[DataError] | None
) -> list[T]:
    """Make a record of each row, refusing an id that has been seen.

    Args:
        rows: the rows of one file.
        make: turns one row into a record.
        problems: collects what is wrong, and broken rows are left out; None raises the first.
    """
    made: list[T] = []
    first_line: dict[str, int | None] = {}
    stream = iter(rows)
    while True:
        try:
            row = next(stream, None)
            if row is None:
                return made
            name = row.text("id")
            if name in first_line:
                raise row.error(f"{name!r} is already the id of line {first_line[name]}", "id")
            first_line[name] = row.line
            made.append(make(row))
        except DataError as problem:
            if problems is None:
                raise
            problems.append(problem)  # when reading failed, the stream has ended


def read_text(path: Path, file: str) -> str:
    """Decode a whole file, refusing what an editor or a broken copy leaves behind."""
    raw = read_bytes(path, file)
    if raw.startswith(b"\xef\xbb\xbf"):
        message = "starts with a byte-order mark (BOM), wanted UTF-8 without one"
        raise DataError(message, file, 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"not UTF-8: byte 0x{raw[error.start]:02x}", file, line) from None
    text = text.replace("\r\n", "\n")  # git on Windows may have checked the file out with CRLF
    if not text.endswith("\n"):
        message = "the file ends inside a line, so it looks truncated"
        raise DataError(message, file, text.count("\n") + 1)
    return text


def read_bytes(path: Path, file: str) -> bytes:
    """Read a whole file, or say that it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"no such file in {path.parent}", file) from None


def read_csv(path: Path, names: tuple[str, ...]) -> Iterator[Row]:
    """Yield each record of a CSV file that has the named columns."""
    reader = csv.reader(io.StringIO(read_text(path, path.name)), strict=True)
    line = 1
    try:
        header = next(reader)
        for name in names:
            if name not in header:
                raise DataError(f"no such column, got {', '.join(header)}", path.name, 1, name)
        line = reader.line_num + 1  # a quoted text may span lines: report where its row starts
        for values in reader:
            if len(values) > len(header):
                message = f"{len(values)} values for {len(header)} columns"
                raise DataError(message, path.name, line)
            yield Row(path.name, line, dict(zip(header, values, strict=False)))
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"{error}; a quote is not closed, or the file is truncated"
        raise DataError(message, path.name, line) from None


def read_jsonl(path: Path) -> Iterator[Row]:
    """Yield the object on each line of a JSON Lines file."""
    for line, text in enumerate(read_text(path, path.name).split("\n")[:-1], start=1):
        yield Row(path.name, line, read_json(text, path.name, line))


def read_json(text: str, file: str, line: int | None = None) -> dict[str, Any]:
    """Parse a text that must be one JSON object."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON ({error.msg} at character {error.colno})"
        raise DataError(message, file, line or error.lineno) from None
    if not isinstance(value, dict):
        raise DataError(f"wanted an object, got {text.strip()[:40]}", file, line or 1)
    return value


def read_page(path: Path) -> Page:
    """Read one handbook page: YAML front matter between `---` lines, then Markdown."""
    file = f"handbook/{path.name}"
    head, fence, body = read_text(path, file).partition("\n---\n")
    if not head.startswith("---\n"):
        raise DataError("wanted front matter that starts with ---", file, 1)
    if not fence:
        raise DataError("front matter has no closing ---; the file may be truncated", file)
    values, lines = _front_matter(head, file)

    def field(name: str) -> Row:
        return Row(file, lines.get(name), values)

    page = Page(
        path.stem,
        field("title").text("title"),
        field("owner").text("owner"),
        field("updated").date("updated"),
        field("audience").one_of("audience", AUDIENCES),
        values.get("supersedes") or None,
        body.strip() + "\n",
    )
    if not body.strip():
        raise DataError("the page has no text; the file may be truncated", file)
    seen = set()
    for section in page.sections():
        if section.anchor in seen:
            raise DataError(f"two headings share the anchor {section.anchor}", file)
        seen.add(section.anchor)
    return page


def _front_matter(head: str, file: str) -> tuple[dict[str, str], dict[str, int]]:
    """Parse front matter into its values and the lines on which they stand."""
    try:
        root = yaml.compose(head, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)  # a forbidden character has no mark
        problem = getattr(error, "problem", None) or "a character that YAML forbids"
        message = f"front matter is not YAML ({problem})"
        raise DataError(message, file, mark.line + 1 if mark else None) from None
    if not isinstance(root, yaml.MappingNode):
        raise DataError("wanted front matter of `name: value` lines", file, 1)
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for key, value in root.value:
        values[str(key.value)] = str(value.value)
        lines[str(key.value)] = key.start_mark.line + 1
    return values, lines
