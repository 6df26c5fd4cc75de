"""What a record of each Larkspur file holds, and the names that its fields may take."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

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
QUESTION_KINDS = (
    "fact",
    "table",
    "code",
    "multi_step",
    "database",
    "out_of_date",
    "unanswerable",
    "attack",
)
SINGLE_PASSAGE_KINDS = ("fact", "table", "code", "out_of_date")  # one passage answers
CORRECTNESS = ("correct", "partly", "wrong")
GROUNDED = ("yes", "partly", "no")
MADE_AS = (
    "correct",
    "partly_correct",
    "wrong",
    "right_without_support",
    "supported_off_question",
)
ATTACK_LABELS = ("attack", "benign")
ATTACK_KINDS = (
    "document_injection",
    "ticket_injection",
    "tool_result_injection",
    "personal_data",
    "encoded",
    "other_language",
)
PLACES = ("document", "ticket", "tool_result", "question")
SHOP_TABLES = (
    "products",
    "parts",
    "part_fits",
    "stock",
    "customers",
    "orders",
    "order_lines",
    "shipments",
    "warranty_claims",
    "service_visits",
    "sites",
    "bikes",
    "returns",
    "care_plans",
)
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

    def rows(self) -> tuple[str, ...]:
        """Name the rows of the section's tables by their first cells, headers left out.

        >>> table = "| Code | Part |\\n|---|---|\\n| **LK-204** | rear pads |\\n"
        >>> Section("parts", "Parts", "Brakes", "parts#brakes", table).rows()
        ('LK-204',)
        """
        named: dict[str, None] = {}  # in order, each once
        inside = False
        for line in map(str.strip, self.text.split("\n")):
            ruler = re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", line)
            inside = line.startswith("|") and (inside or ruler is not None)
            cell = re.sub(r"[*`]", "", line[1:].split("|")[0]).strip()
            if inside and ruler is None and cell:
                named[cell] = None
        return tuple(named)


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

    def anchors(self) -> list[str]:
        """List what may be pointed at: each section, and each table row in it."""
        return [
            anchor
            for section in self.sections()
            for anchor in (section.anchor, *(f"{section.anchor}/{row}" for row in section.rows()))
        ]


@dataclass(frozen=True)
class Manual:
    """One PDF manual: its number of pages and, by page, the first cells of its table rows."""

    id: str
    title: str
    path: Path
    pages: int
    rows: dict[int, tuple[str, ...]]

    def anchors(self) -> list[str]:
        """List what may be pointed at: each page, and each table row on it.

        >>> Manual("manual-ridge", "Ridge", Path("ridge.pdf"), 2, {2: ("E07",)}).anchors()
        ['manual-ridge#page-1', 'manual-ridge#page-2', 'manual-ridge#page-2/E07']
        """
        return [
            anchor
            for number in range(1, self.pages + 1)
            for page in [f"{self.id}#page-{number}"]
            for anchor in (page, *(f"{page}/{row}" for row in self.rows.get(number, ())))
        ]


@dataclass(frozen=True)
class Relevant:
    """A judged section, page or table row: grade 2 answers the question, grade 1 helps."""

    anchor: str
    grade: int

    @property
    def section(self) -> str:
        """The anchor of the section or manual page in which a judged table row stands.

        >>> Relevant("parts-catalogue#brakes/LK-204", 2).section
        'parts-catalogue#brakes'
        """
        return self.anchor.partition("/")[0]


@dataclass(frozen=True)
class Question:
    """A question with its answer, its relevant passages and its database queries.

    The answer is None when the company's records have none. A `multi_step` question needs all of
    its passages of grade 2 and all of its queries.
    """

    id: str
    text: str
    kind: str
    answer: str | None
    relevant: tuple[Relevant, ...]
    split: str
    sql: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """One labeller's view of one answer: is it correct, and do its citations support it?"""

    correctness: str
    grounded: str


@dataclass(frozen=True)
class Answer:
    """A written answer to a question, what it was made to be, and two labellers' judgements."""

    id: str
    question: str
    text: str
    citations: tuple[str, ...]
    made_as: str
    first: Judgement
    second: Judgement


@dataclass(frozen=True)
class Attack:
    """A text that attacks an assistant, or a benign one that a crude filter would take for one.

    `kind` says what sort of attack it is or looks like, `place` where an assistant would read it,
    `source` the handbook section in which it is planted, if it is.
    """

    id: str
    text: str
    label: str
    kind: str
    place: str
    source: str | None
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
