"""Make the records of each file; given a list for problems, collect them and go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from pathlib import Path

from course_lib.data import readers, records
from course_lib.data.readers import Row
from course_lib.data.records import (
    Answer,
    Attack,
    DataError,
    Judgement,
    Manual,
    Page,
    Question,
    QuestionPair,
    Relevant,
    Ticket,
)

Problems = list[DataError] | None  # None: raise the first problem instead of collecting it


class Anchors:
    """What exists to be pointed at: sections, pages of manuals, and the table rows in both.

    The manuals are read when an anchor is not in the handbook, so that judgements on the handbook
    can be checked without them.
    """

    def __init__(self, folder: Path, pages: Iterable[Page]) -> None:
        self._known = {anchor for page in pages for anchor in page.anchors()}
        self._manuals: Path | None = folder

    def check(self, row: Row, field: str, anchor: str) -> str:
        """Return the anchor, or raise the error that it leads nowhere."""
        if anchor not in self._known and self._manuals is not None:
            folder, self._manuals = self._manuals, None
            if folder.joinpath("manuals", "index.json").exists():
                for manual in manuals(folder, []):  # whoever loads the manuals sees their problems
                    self._known.update(manual.anchors())
        if anchor not in self._known:
            message = f"no section, page of a manual or table row has the anchor {anchor!r}"
            raise row.error(message, field)
        return anchor


def tickets(folder: Path, problems: Problems) -> list[Ticket]:
    """Read tickets.csv."""

    def ticket(row: Row) -> Ticket:
        return Ticket(
            row.text("id"),
            row.date("received"),
            row.one_of("channel", records.CHANNELS),
            row.text("text"),
            row.one_of("intent", (*records.INTENTS, records.OUT_OF_SCOPE)),
            row.one_of("split", records.SPLITS),
        )

    names = ("id", "received", "channel", "text", "intent", "split")
    return readers.records(readers.read_csv(folder / "tickets.csv", names), ticket, problems)


def question_pairs(folder: Path, problems: Problems) -> list[QuestionPair]:
    """Read question_pairs.csv."""

    def pair(row: Row) -> QuestionPair:
        return QuestionPair(
            row.text("id"),
            row.text("a"),
            row.text("b"),
            row.one_of("same", ("yes", "no")) == "yes",
            row.one_of("split", records.SPLITS),
        )

    names = ("id", "a", "b", "same", "split")
    return readers.records(readers.read_csv(folder / "question_pairs.csv", names), pair, problems)


def handbook(folder: Path, problems: Problems) -> list[Page]:
    """Read handbook/*.md, and see that a page supersedes an older one."""
    paths = sorted(folder.joinpath("handbook").glob("*.md"), key=lambda path: path.stem)
    if not paths:
        raise DataError("no pages found, wanted *.md files", file="handbook")
    pages: dict[str, Page] = {}
    for path in paths:
        try:
            pages[path.stem] = readers.read_page(path)
        except DataError as problem:
            if problems is None:
                raise
            problems.append(problem)
    names = {path.stem for path in paths}

    def checked(row: Row) -> Page:
        page = pages[row.text("id")]
        older = page.supersedes
        if older is not None and (older not in names or older == page.id):
            raise row.error(f"wanted the id of another page, got {older!r}", "supersedes")
        if older in pages and page.updated <= pages[older].updated:
            message = f"{page.updated} is not after {older}'s date, which it supersedes"
            raise row.error(message, "updated")
        return page

    rows = (Row(f"handbook/{name}.md", None, {"id": name}) for name in pages)
    return readers.records(rows, checked, problems)


def manuals(folder: Path, problems: Problems) -> list[Manual]:
    """Read manuals/index.json, and see that the PDFs are those that it lists."""
    file = "manuals/index.json"
    index = readers.read_json(readers.read_text(folder / file, file), file)
    paths = {path.stem: path for path in folder.joinpath("manuals").glob("*.pdf")}

    def manual(row: Row) -> Manual:
        name = row.text("id")
        if name not in index:
            raise row.error(f"{name}.pdf is not in the index", name)
        if name not in paths:
            raise row.error(f"there is no manuals/{name}.pdf", name)
        entry = row.nested(name, index[name])
        entry.only("title", "pages", "rows")
        printed = count_pdf_pages(paths[name])
        if entry.values.get("pages") != printed:
            message = f"{name}.pdf has {printed} pages, got {entry.values.get('pages')!r}"
            raise row.error(message, "pages")
        tables = entry.nested("rows", entry.values.get("rows"))
        for page in tables.values:
            if page not in map(str, range(1, printed + 1)):
                message = f"{name}: wanted a page from 1 to {printed}, got {page!r}"
                raise row.error(message, "rows")
        cells = {int(page): tables.texts(page) for page in tables.values}
        return Manual(name, entry.text("title"), paths[name], printed, cells)

    names = [*index, *sorted(paths.keys() - index.keys())]
    rows = (Row(file, None, {"id": name}) for name in names)
    return readers.records(rows, manual, problems)


def count_pdf_pages(path: Path) -> int:
    """Count the page objects of a PDF whose objects are not compressed."""
    file = f"manuals/{path.name}"
    raw = readers.read_bytes(path, file)
    if not raw.startswith(b"%PDF-"):
        raise DataError("not a PDF: it does not start with %PDF-", file)
    if b"%%EOF" not in raw[-64:]:
        raise DataError("no %%EOF at the end, so it looks truncated", file)
    return len(re.findall(rb"/Type\s*/Page\b", raw))


def questions(folder: Path, problems: Problems, anchors: Anchors) -> list[Question]:
    """Read questions.jsonl."""

    def question(row: Row) -> Question:
        row.only("id", "text", "kind", "answer", "relevant", "split", "sql")
        kind = row.one_of("kind", records.QUESTION_KINDS)
        relevant = _relevant(row, anchors)
        sql = row.values.get("sql", [])
        queries = (row.text("sql"),) if isinstance(sql, str) else row.texts("sql") if sql else ()
        best = max((judgement.grade for judgement in relevant), default=0)
        if kind == "unanswerable":
            if relevant:
                raise row.error("wanted none for an unanswerable question", "relevant")
            if queries:
                raise row.error("wanted none for an unanswerable question", "sql")
            if row.values.get("answer", "") is not None:
                raise row.error("wanted null for an unanswerable question", "answer")
        elif kind == "database" and not queries:
            raise row.error("missing, wanted the query that answers the question", "sql")
        elif kind == "multi_step" and len(queries) + len(relevant) < 2:
            raise row.error("wanted two passages or queries at least", "relevant")
        elif kind in ("fact", "table", "code", "out_of_date") and not relevant:
            raise row.error("wanted at least one passage", "relevant")
        if best == 1 and not queries:
            raise row.error("no passage of grade 2 answers the question", "relevant")
        answer = None if kind == "unanswerable" else row.text("answer")
        split = row.one_of("split", records.SPLITS)
        return Question(row.text("id"), row.text("text"), kind, answer, relevant, split, queries)

    rows = readers.read_jsonl(folder / "questions.jsonl")
    return readers.records(rows, question, problems)


def _relevant(row: Row, anchors: Anchors) -> tuple[Relevant, ...]:
    """Check a question's judgements against what exists."""
    entries = row.values.get("relevant")
    if not isinstance(entries, list):
        raise row.error("missing, wanted a list", "relevant")
    judgements: dict[str, Relevant] = {}
    for value in entries:
        if not isinstance(value, dict):
            raise row.error(f"wanted objects with anchor and grade, got {value!r}", "relevant")
        entry = row.nested("relevant", value)
        anchor, grade = entry.text("anchor"), value.get("grade")
        anchors.check(row, "relevant", anchor)
        if type(grade) is not int or grade not in (1, 2):
            raise row.error(f"wanted 1 or 2, got {grade!r}", "grade")
        if anchor in judgements:
            raise row.error(f"{anchor!r} is judged twice", "relevant")
        judgements[anchor] = Relevant(anchor, grade)
    return tuple(judgements.values())


def answers(
    folder: Path, problems: Problems, anchors: Anchors, question_ids: Set[str]
) -> list[Answer]:
    """Read answers.jsonl."""

    def answer(row: Row) -> Answer:
        row.only("id", "question", "text", "citations", "made_as", "labels")
        question = row.text("question")
        if question not in question_ids:
            raise row.error(f"no question has the id {question!r}", "question")
        labels = row.nested("labels", row.values.get("labels"))
        labels.only("first", "second")
        judged = []
        for name in ("first", "second"):
            label = labels.nested(f"labels.{name}", labels.values.get(name))
            label.only("correctness", "grounded")
            judged.append(
                Judgement(
                    label.one_of("correctness", records.CORRECTNESS),
                    label.one_of("grounded", records.GROUNDED),
                )
            )
        return Answer(
            row.text("id"),
            question,
            row.text("text"),
            tuple(anchors.check(row, "citations", anchor) for anchor in row.texts("citations")),
            row.one_of("made_as", records.MADE_AS),
            *judged,
        )

    return readers.records(readers.read_jsonl(folder / "answers.jsonl"), answer, problems)


def attacks(folder: Path, problems: Problems, anchors: Anchors) -> list[Attack]:
    """Read attacks.jsonl."""

    def attack(row: Row) -> Attack:
        row.only("id", "text", "label", "kind", "place", "source", "split")
        source = row.text("source") if "source" in row.values else None
        return Attack(
            row.text("id"),
            row.text("text"),
            row.one_of("label", records.ATTACK_LABELS),
            row.one_of("kind", records.ATTACK_KINDS),
            row.one_of("place", records.PLACES),
            anchors.check(row, "source", source) if source else None,
            row.one_of("split", records.SPLITS),
        )

    return readers.records(readers.read_jsonl(folder / "attacks.jsonl"), attack, problems)
