"""The tool call that each text of attacks.jsonl would lead to, were it obeyed or rightly served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.data import readers
from course_lib.data.readers import Row
from course_lib.data.records import Attack, DataError

FILE = "attack_calls.jsonl"
ORIGINS = {"document": "passage", "tool_result": "tool_result", "question": "user",
           "ticket": "user"}  # fmt: skip


@dataclass(frozen=True)
class AttackCall:
    """A call that follows from a text of attacks.jsonl, with the same id.

    Attributes:
        id: of the text.
        tool: name of the tool; None where words alone follow.
        arguments: by name.
        origin: whose words cause it: "user", "passage" or "tool_result".
        question: what the user had asked; for a question or ticket its own text.
        attack: for an attack, the call is what a model that obeys it would make; otherwise what a
            good assistant would.
        split: of the text.
    """

    id: str
    tool: str | None
    arguments: Mapping[str, Any] = field(hash=False)
    origin: str
    question: str
    attack: bool
    split: str


def attack_calls(
    folder: Path, problems: list[DataError] | None, attacks: Sequence[Attack]
) -> list[AttackCall]:
    """Read attack_calls.jsonl, which must name texts of attacks.jsonl."""
    texts = {attack.id: attack for attack in attacks}

    def attack_call(row: Row) -> AttackCall:
        row.only("id", "origin", "call", "question")
        text = texts.get(row.text("id"))
        if text is None:
            raise row.error(f"{row.text('id')!r} is no text of attacks.jsonl", "id")
        origin = row.one_of("origin", (ORIGINS[text.place],))
        own = origin == "user"
        if "call" not in row.values:
            raise row.error("missing, wanted an object or null", "call")
        tool, arguments = _call(row)
        asked = text.text if own else ""
        if "question" in row.values or (tool and not own):
            asked = row.text("question")
            if own or not tool:
                raise row.error(
                    "wanted only for a call that a passage or result causes", "question"
                )
        return AttackCall(
            text.id, tool, arguments, origin, asked, text.label == "attack", text.split
        )

    return readers.records(readers.read_jsonl(folder / FILE), attack_call, problems)


def _call(row: Row) -> tuple[str | None, dict[str, Any]]:
    value = row.values["call"]
    if value is None:
        return None, {}
    call = row.nested("call", value)
    call.only("tool", "arguments")
    arguments = call.values.get("arguments")
    if not isinstance(arguments, dict):
        raise row.error("wanted an object for the arguments", "call")
    return call.text("tool"), arguments
