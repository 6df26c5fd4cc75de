"""Short texts with and without personal data, and where in them the personal data stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from course_lib.data import readers, records
from course_lib.data.readers import Row
from course_lib.data.records import DataError

FILE = "personal_data.jsonl"
KINDS = ("email", "phone", "iban", "card", "name", "address")
LANGUAGES = ("en", "de", "nl")


@dataclass(frozen=True)
class PersonalSpan:
    """Personal data in a text: `text[start:end]`, counted in characters.

    `kind` is "email", "phone", "iban", "card", "name" or "address".
    """

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class PersonalText:
    """A text and the personal data in it, in order; `spans` is empty where it only looks so."""

    id: str
    text: str
    language: str
    spans: tuple[PersonalSpan, ...]
    split: str


def personal_texts(folder: Path, problems: list[DataError] | None) -> list[PersonalText]:
    """Read personal_data.jsonl."""

    def personal_text(row: Row) -> PersonalText:
        row.only("id", "text", "language", "spans", "split")
        text = row.text("text")
        return PersonalText(
            row.text("id"),
            text,
            row.one_of("language", LANGUAGES),
            _spans(row, text),
            row.one_of("split", records.SPLITS),
        )

    return readers.records(readers.read_jsonl(folder / FILE), personal_text, problems)


def _spans(row: Row, text: str) -> tuple[PersonalSpan, ...]:
    """Check that each span says what stands at its place, and that none overlaps another."""
    values = row.values.get("spans")
    if not isinstance(values, list):
        raise row.error("missing, wanted a list", "spans")
    spans: list[PersonalSpan] = []
    for value in values:
        entry = row.nested("spans", value)
        entry.only("kind", "start", "end", "text")
        start, end, said = value.get("start"), value.get("end"), entry.text("text")
        if type(start) is not int or type(end) is not int:
            raise row.error(f"wanted whole numbers for start and end of {said!r}", "spans")
        if not 0 <= start < end <= len(text) or text[start:end] != said:
            raise row.error(f"{said!r} is not at {start} to {end} of the text", "spans")
        if spans and start < spans[-1].end:
            raise row.error(f"{said!r} starts before {spans[-1].text!r} ends", "spans")
        spans.append(PersonalSpan(entry.one_of("kind", KINDS), start, end, said))
    return tuple(spans)
