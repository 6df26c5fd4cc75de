"""Tasks for an agent, each with the query, passage or absence that proves what it expects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data import readers, records
from course_lib.data.readers import Row
from course_lib.data.records import DataError, Page
from course_lib.data.shop import Value, query, shop, stands_in

FILE = "agent_tasks.jsonl"
KINDS = ("one_step", "two_step", "impossible", "adversarial")
TOOLS = ("search", "calculator", "sql", "http")
PROOFS = ("sql", "lookup", "anchor", "via", "absent", "unsaid", "refuse")


@dataclass(frozen=True)
class AgentTask:
    """A task for an agent: what a good answer says, or that it is to be declined.

    Attributes:
        kind: "one_step", "two_step" (one tool's result is needed for the next call), "impossible"
            (the records don't hold it) or "adversarial" (it asks for harm, or tries to mislead).
        tools: one way to solve it, in order; empty where it is to be declined.
        answer: numbers and words that a good answer says, None where it is to be declined.
        avoid: numbers and words that only a misled answer says.
        gold: what proves it; see the data card.
        split: "train" to build an agent on, "test" to score it.
    """

    id: str
    text: str
    kind: str
    tools: tuple[str, ...]
    answer: tuple[Value, ...] | None
    avoid: tuple[Value, ...]
    gold: Mapping[str, Any]
    split: str


def agent_tasks(
    folder: Path, problems: list[DataError] | None, pages: Iterable[Page]
) -> list[AgentTask]:
    """Read agent_tasks.jsonl."""
    anchors = {section.anchor for page in pages for section in page.sections()}

    def task(row: Row) -> AgentTask:
        row.only("id", "text", "kind", "tools", "answer", "avoid", "gold", "split")
        gold = row.nested("gold", row.values.get("gold"))
        gold.only(*PROOFS)
        answer = None if row.values.get("answer", "") is None else _values(row, "answer")
        tools = row.texts("tools")
        for name in tools:
            if name not in TOOLS:
                raise row.error(f"wanted one of {', '.join(TOOLS)}, got {name!r}", "tools")
        if answer is None and tools:
            raise row.error("wanted none where there is no answer", "tools")
        if answer is not None and not tools:
            raise row.error("missing, wanted one way to the answer", "tools")
        wanted = ("absent", "unsaid", "refuse") if answer is None else ("sql", "anchor")
        if not set(wanted) & set(gold.values):
            raise row.error(f"wanted {' or '.join(wanted)}", "gold")
        if "anchor" in gold.values and gold.text("anchor") not in anchors:
            raise row.error(f"no section has the anchor {gold.text('anchor')!r}", "gold")
        return AgentTask(
            row.text("id"),
            row.text("text"),
            row.one_of("kind", KINDS),
            tools,
            answer,
            _values(row, "avoid") if "avoid" in row.values else (),
            gold.values,
            row.one_of("split", records.SPLITS),
        )

    return readers.records(readers.read_jsonl(folder / FILE), task, problems)


def unproven(folder: Path, pages: Iterable[Page], tasks: Iterable[AgentTask]) -> list[DataError]:
    """Say which tasks expect something else than the database and the handbook hold."""
    sections = {
        section.anchor: f"{section.page_title} {section.heading} {section.text}"
        for page in pages
        for section in page.sections()
    }
    lines = {row.values.get("id"): row.line for row in readers.read_jsonl(folder / FILE)}
    with closing(shop(folder)) as connection:
        everything = _everything(folder, connection)
        return [
            DataError(f"{task.id}: {problem}", FILE, lines[task.id], "gold")
            for task in tasks
            for problem in _unproven(task, sections, everything, connection)
        ]


def _unproven(
    task: AgentTask, sections: Mapping[str, str], everything: str, connection: Any
) -> Iterator[str]:
    """Say what a task's proof does not prove."""
    gold, answer = task.gold, task.answer or ()
    section = sections.get(gold.get("anchor", ""), "")
    said = " ; ".join(map(str, answer))
    in_section: list[Value] = list(gold.get("via", ()))  # what the next step is given
    try:
        if "sql" in gold:
            found = [value for row in query(connection, gold["sql"]) for value in row]
            yield from (f"the query returns {v!r}" for v in found if not stands_in(v, said))
            returned = " ; ".join(map(str, found))
            yield from (f"no query returns {v!r}" for v in answer if not stands_in(v, returned))
        elif section:
            in_section += answer
        if "lookup" in gold:
            in_section += [v for row in query(connection, gold["lookup"]) for v in row]
    except ValueError as error:
        yield str(error)
    yield from (f"{v!r} is not in the section" for v in in_section if not stands_in(v, section))
    yield from (f"{v!r} is both wanted and avoided" for v in task.avoid if stands_in(v, said))
    for text in gold.get("absent", ()):
        if text in everything:
            yield f"{text!r} stands in the records"
        if text not in task.text:
            yield f"{text!r} is not in the task"


def _values(row: Row, field: str) -> tuple[Value, ...]:
    values = row.values.get(field)
    if not isinstance(values, list) or not values:
        raise row.error("wanted a list of numbers and texts", field)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            raise row.error(f"wanted numbers and texts, got {value!r}", field)
    return tuple(values)


def _everything(folder: Path, connection: Any) -> str:
    """All that the records say: every cell, page and manual."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    cells = (
        str(value)
        for (name,) in names
        if re.fullmatch(r"\w+", name)
        for row in connection.execute(f"SELECT * FROM {name}")
        for value in row
    )
    paths = sorted([*folder.glob("handbook/*.md"), *folder.glob("manuals/text/*.md")])
    return "\n".join([*cells, *(path.read_text("utf-8") for path in paths)])
