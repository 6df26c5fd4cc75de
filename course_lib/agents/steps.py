"""A step of an agent: what was decided, what came back, and who decides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

ANSWER = "answer"  # {"tool": "answer", "arguments": {"text": "..."}} ends a run
DECLINE = "decline"  # {"tool": "decline", "arguments": {"reason": "..."}} ends it without an answer


@dataclass(frozen=True)
class Turn:
    """A step that did not end the run: what was decided, and what came back.

    Attributes:
        text: what the policy wrote.
        tool: the tool that was called; empty where the text was no call of a known tool.
        arguments: of the call.
        ok: whether the tool gave a result.
        observation: the result, or "Error: " and what was wrong.
    """

    text: str
    tool: str
    arguments: Mapping[str, Any]
    ok: bool
    observation: str


class Situation(NamedTuple):
    """All that a policy decides on."""

    task: str
    turns: tuple[Turn, ...]


class Decision(NamedTuple):
    """One line of JSON, `{"tool": ..., "arguments": {...}}`, and the tokens it took."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Policy(Protocol):
    """Decides the next step; a model with a prompt, a trained one, or a script."""

    def decide(self, situations: Sequence[Situation]) -> Sequence[Decision]:
        """A decision for each situation, in their order: a model takes them as one batch."""
        ...


def parse_call(text: str) -> tuple[str, dict[str, Any]]:
    """The tool and the arguments of one line of JSON; a "thought" in it is left alone.

    Raises:
        ValueError: saying what is wanted, in words for the model that wrote it.

    >>> parse_call('{"tool": "calculator", "arguments": {"expression": "3 * 14"}}')
    ('calculator', {'expression': '3 * 14'})

    Built in notebooks/13_agents.ipynb.
    """
    wanted = 'wanted {"tool": NAME, "arguments": {...}} and nothing else'
    try:
        given = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON ({error}), {wanted}") from None
    if not isinstance(given, dict) or set(given) - {"thought"} != {"tool", "arguments"}:
        raise ValueError(wanted)
    name, arguments = given["tool"], given["arguments"]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError(wanted)
    if name == ANSWER and not (
        isinstance(arguments.get("text"), str) and arguments["text"].strip()
    ):
        raise ValueError('an answer needs its text: {"tool": "answer", "arguments": {"text": ...}}')
    return name, arguments


class ScriptedPolicy:
    """Writes given lines one after the other, the last one again and again: for tests and shows.

    Args:
        lines: what it decides in the first step, in the second, and so on.
        tokens: what each decision is said to have read and written.
    """

    def __init__(self, lines: Sequence[str], tokens: tuple[int, int] = (0, 0)) -> None:
        self.lines, self.tokens = list(lines), tokens

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        """The line whose turn it is, in each situation."""
        last = len(self.lines) - 1
        return [Decision(self.lines[min(len(s.turns), last)], *self.tokens) for s in situations]
