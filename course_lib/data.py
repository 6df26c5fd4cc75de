"""Typed loaders for Larkspur Cycles, the fictional company in datasets/larkspur.

Every loader checks what it reads. A broken row stops it with a `DataError` that names the file, the
line and the field, because a record that is dropped in silence changes every score computed later.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from course_lib import ROOT

LARKSPUR = ROOT / "datasets" / "larkspur"

INTENTS = (
    "order_delivery",
    "return_refund",
    "warranty_claim",
    "service_booking",
    "battery_charging",
    "fault_report",
    "parts_accessories",
    "billing_payment",
    "app_account",
    "product_advice",
)
OUT_OF_SCOPE = "out_of_scope"  # a ticket's intent when none of the ten fits
CHANNELS = ("email", "chat", "form", "phone")
QUESTION_KINDS = ("fact", "table", "code", "out_of_date", "unanswerable")
AUDIENCES = ("customers", "staff")
SPLITS = ("train", "test")


class DataError(ValueError):
    """A dataset file breaks its schema; the message says where and what is wanted."""

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        place = [file] if file else []
        place += [f"line {line}"] if line else []
        place += [f"field {field}"] if field else []
        super().__init__(f"{', '.join(place)}: {message}" if place else message)
        self.file, self.line, self.field = file, line, field


@dataclass(frozen=True)
class Ticket:
    """One customer message, labelled with what the customer wants."""

    id: str
    received: datetime.date
    channel: str
    text: str
    intent: str
    split: str


@dataclass(frozen=True)
class Section:
    """The part of a page under one `##` heading; retrieval is judged on sections."""

    page_id: str
    page_title: str
    heading: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Page:
    """One handbook page; `supersedes` names the older page that this one replaces, if any."""

    id: str
    title: str
    owner: str
    updated: datetime.date
    audience: str
    supersedes: str | None
    text: str

    def sections(self) -> list[Section]:
        """Split the page at its `##` headings.

        Text above the first heading becomes a section with the page's title as its heading
        and the anchor `PAGE#intro`. A `##` inside a fenced code block is not a heading.

        >>> page = Page("brakes", "Brakes", "Ann", datetime.date(2025, 1, 1), "staff", None,
        ...             "Read first.\\n\\n## Pad wear\\nReplace below 1.0 mm.\\n")
        >>> [(section.anchor, section.text) for section in page.sections()]
        [('brakes#intro', 'Read first.'), ('brakes#pad-wear', 'Replace below 1.0 mm.')]
        """
        parts: list[tuple[str, str, list[str]]] = [(self.title, "intro", [])]
        fenced = False
        for line in self.text.split("\n"):
            fenced ^= line.lstrip().startswith("```")
            if line.startswith("## ") and not fenced:
                heading = line[3:].strip()
                parts.append((heading, heading_slug(heading), []))
            else:
                parts[-1][2].append(line)
        return [
            Section(self.id, self.title, heading, f"{self.id}#{slug}", text)
            for heading, slug, lines in parts
            if (text := "\n".join(lines).strip()) or slug != "intro"
        ]


@dataclass(frozen=True)
class Relevant:
    """A judged section: grade 2 answers the question, grade 1 helps to answer it."""

    anchor: str
    grade: int


@dataclass(frozen=True)
class Question:
    """A question with its answer (None when the handbook has none) and its relevant sections."""

    id: str
    text: str
    kind: str
    answer: str | None
    relevant: tuple[Relevant, ...]
    split: str


@dataclass(frozen=True)
class QuestionPair:
    """Two short questions, and whether one answer would serve both."""

    id: str
    a: str
    b: str
    same: bool
    split: str


def heading_slug(heading: str) -> str:
    """Turn a heading into the anchor that GitHub gives it.

    >>> heading_slug("How long you have (Germany)")
    'how-long-you-have-germany'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def load_tickets(folder: Path | None = None) -> list[Ticket]:
    """Load tickets.csv: customer messages with their intents.

    Args:
        folder: the folder that holds tickets.csv; default datasets/larkspur.

    Returns:
        The tickets in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_tickets()[0].id
    'T0001'

    Used in notebooks/01_embeddings.ipynb.
    """
    file = "tickets.csv"
    names = ("id", "received", "channel", "text", "intent", "split")
    tickets = []
    for line, row in _unique_ids(file, _read_csv((folder or LARKSPUR) / file, names)):
        tickets.append(
            Ticket(
                row["id"],
                _date(row["received"], file, line, "received"),
                _one_of(row["channel"], CHANNELS, file, line, "channel"),
                row["text"],
                _one_of(row["intent"], (*INTENTS, OUT_OF_SCOPE), file, line, "intent"),
                _one_of(row["split"], SPLITS, file, line, "split"),
            )
        )
    return tickets


def load_handbook(folder: Path | None = None) -> list[Page]:
    """Load handbook/*.md: the company's pages, superseded ones included.

    Args:
        folder: the folder that holds handbook/; default datasets/larkspur.

    Returns:
        The pages, sorted by id (the file's name without `.md`).

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> pages = {page.id: page for page in load_handbook()}
    >>> pages["returns-policy"].supersedes
    'returns-policy-2023'

    Used in notebooks/00_start_here.ipynb.
    """
    paths = sorted((folder or LARKSPUR).joinpath("handbook").glob("*.md"), key=lambda p: p.stem)
    if not paths:
        raise DataError("no pages found, wanted *.md files", file="handbook")
    pages = {path.stem: _read_page(path) for path in paths}
    for page in pages.values():
        if page.supersedes is None:
            continue
        file = f"handbook/{page.id}.md"
        if page.supersedes not in pages or page.supersedes == page.id:
            message = f"wanted the id of another page, got {page.supersedes!r}"
            raise DataError(message, file, field="supersedes")
        if page.updated <= pages[page.supersedes].updated:
            message = f"{page.updated} is not after {page.supersedes}'s date, which it supersedes"
            raise DataError(message, file, field="updated")
    return list(pages.values())


def load_questions(folder: Path | None = None) -> list[Question]:
    """Load questions.jsonl: questions with their answers and relevant handbook sections.

    Args:
        folder: the folder that holds questions.jsonl and handbook/; default datasets/larkspur.

    Returns:
        The questions in file order. Only unanswerable ones have the answer None and
        no relevant sections; each other one has at least one section of grade 2.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_questions()[0].id
    'Q001'

    Used in notebooks/00_start_here.ipynb.
    """
    file = "questions.jsonl"
    anchors = {section.anchor for page in load_handbook(folder) for section in page.sections()}
    questions = []
    for line, row in _unique_ids(file, _read_jsonl((folder or LARKSPUR) / file)):
        kind = _one_of(_string(row, "kind", file, line), QUESTION_KINDS, file, line, "kind")
        relevant = _relevant(row, anchors, file, line)
        if (kind == "unanswerable") != (not relevant):
            message = "wanted none for an unanswerable question and at least one for any other"
            raise DataError(message, file, line, "relevant")
        if relevant and all(judgement.grade < 2 for judgement in relevant):
            raise DataError("no section of grade 2 answers the question", file, line, "relevant")
        if kind == "unanswerable" and row.get("answer", "") is not None:
            raise DataError("wanted null for an unanswerable question", file, line, "answer")
        questions.append(
            Question(
                row["id"],
                _string(row, "text", file, line),
                kind,
                None if kind == "unanswerable" else _string(row, "answer", file, line),
                relevant,
                _one_of(_string(row, "split", file, line), SPLITS, file, line, "split"),
            )
        )
    return questions


def load_question_pairs(folder: Path | None = None) -> list[QuestionPair]:
    """Load question_pairs.csv: pairs of questions that ask the same thing, or do not.

    Args:
        folder: the folder that holds question_pairs.csv; default datasets/larkspur.

    Returns:
        The pairs in file order.

    Raises:
        DataError: naming file, line and field of the first problem.

    >>> load_question_pairs()[0].id
    'P001'

    Used in notebooks/02_similarity_metrics.ipynb.
    """
    file = "question_pairs.csv"
    rows = _read_csv((folder or LARKSPUR) / file, ("id", "a", "b", "same", "split"))
    pairs = []
    for line, row in _unique_ids(file, rows):
        same = _one_of(row["same"], ("yes", "no"), file, line, "same") == "yes"
        split = _one_of(row["split"], SPLITS, file, line, "split")
        pairs.append(QuestionPair(row["id"], row["a"], row["b"], same, split))
    return pairs


def _read_text(path: Path, file: str) -> str:
    """Decode a whole file, refusing what an editor or a broken copy leaves behind."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"no such file in {path.parent}", file) from None
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


def _read_csv(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) for each record; every named column is present and not blank."""
    reader = csv.reader(io.StringIO(_read_text(path, path.name)), strict=True)
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
            row = dict(zip(header, values, strict=False))
            for name in names:
                if not row.get(name, "").strip():
                    raise DataError("missing", path.name, line, name)
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"{error}; a quote is not closed, or the file is truncated"
        raise DataError(message, path.name, line) from None


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) for each line of a JSON Lines file."""
    for line, text in enumerate(_read_text(path, path.name).split("\n")[:-1], start=1):
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            message = f"not JSON ({error.msg} at character {error.pos + 1})"
            raise DataError(message, path.name, line) from None
        if not isinstance(row, dict):
            raise DataError(f"wanted an object, got {text[:40]}", path.name, line)
        _string(row, "id", path.name, line)
        yield line, row


def _read_page(path: Path) -> Page:
    """Read one handbook page: YAML front matter between `---` lines, then Markdown."""
    file = f"handbook/{path.name}"
    head, fence, body = _read_text(path, file).partition("\n---\n")
    if not head.startswith("---\n"):
        raise DataError("wanted front matter that starts with ---", file, 1)
    if not fence:
        raise DataError("front matter has no closing ---; the file may be truncated", file)
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
    for name in ("title", "owner", "updated", "audience"):
        if not values.get(name, "").strip():
            raise DataError("missing", file, lines.get(name), name)
    page = Page(
        path.stem,
        values["title"],
        values["owner"],
        _date(values["updated"], file, lines["updated"], "updated"),
        _one_of(values["audience"], AUDIENCES, file, lines["audience"], "audience"),
        values.get("supersedes") or None,
        body.strip() + "\n",
    )
    if not body.strip():
        raise DataError("the page has no text; the file may be truncated", file)
    seen = set()
    for section in page.sections():
        if section.anchor in seen:
            message = f"two headings share the anchor {section.anchor}"
            raise DataError(message, file)
        seen.add(section.anchor)
    return page


def _relevant(
    row: Mapping[str, Any], anchors: set[str], file: str, line: int
) -> tuple[Relevant, ...]:
    """Check a question's judgements against the sections that exist."""
    entries = row.get("relevant")
    if not isinstance(entries, list):
        raise DataError("missing, wanted a list", file, line, "relevant")
    judgements: list[Relevant] = []
    for entry in entries:
        if not isinstance(entry, dict):
            message = f"wanted objects with anchor and grade, got {entry!r}"
            raise DataError(message, file, line, "relevant")
        anchor, grade = _string(entry, "anchor", file, line), entry.get("grade")
        if anchor not in anchors:
            message = f"no handbook section has the anchor {anchor!r}"
            raise DataError(message, file, line, "relevant")
        if type(grade) is not int or grade not in (1, 2):
            raise DataError(f"wanted 1 or 2, got {grade!r}", file, line, "grade")
        if anchor in {judgement.anchor for judgement in judgements}:
            raise DataError(f"{anchor!r} is judged twice", file, line, "relevant")
        judgements.append(Relevant(anchor, grade))
    return tuple(judgements)


def _unique_ids(
    file: str, rows: Iterable[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Pass rows through, refusing an id that has been seen."""
    first_line: dict[str, int] = {}
    for line, row in rows:
        if row["id"] in first_line:
            message = f"{row['id']!r} is already the id of line {first_line[row['id']]}"
            raise DataError(message, file, line, "id")
        first_line[row["id"]] = line
        yield line, row


def _string(row: Mapping[str, Any], field: str, file: str, line: int) -> str:
    """Return a field of a JSON object that must be a string with something in it."""
    value = row.get(field)
    if value is None or value == "":
        raise DataError("missing", file, line, field)
    if not isinstance(value, str):
        raise DataError(f"wanted text, got {value!r}", file, line, field)
    return value


def _one_of(value: str, allowed: tuple[str, ...], file: str, line: int, field: str) -> str:
    if value not in allowed:
        raise DataError(f"wanted one of {', '.join(allowed)}, got {value!r}", file, line, field)
    return value


def _date(value: str, file: str, line: int, field: str) -> datetime.date:
    try:
        # the pattern keeps out the other spellings that fromisoformat takes, such as 20250301
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError
        return datetime.date.fromisoformat(value)
    except ValueError:
        message = f"wanted a date like 2025-03-01, got {value!r}"
        raise DataError(message, file, line, field) from None
