"""Two ways to decide: a plain model with a prompt, and adapters trained for one step each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.agents.steps import ANSWER, DECLINE, Decision, Situation, Turn
from course_lib.language_model import LanguageModel, Message
from course_lib.rag import break_markers, is_abstention
from course_lib.rag.passages import markers_of
from course_lib.tools import Tool

_SHOWN = 1200  # characters of a result that go into the prompt
_THOUGHT = {"type": "string", "maxLength": 40}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 300}
_ENDS = {
    ANSWER: ("The answer for the customer, once a result holds it.", "text"),
    DECLINE: ("Where no tool can know it, or it must not be done.", "reason"),
}


class PromptedPolicy:
    """A language model that reads what the tools are, thinks in a line, and calls one.

    What it writes is held to a JSON schema, so that it is a call unless it was cut. The thought
    before the call is the "reason" of reason and act (Yao et al., 2022). SmolLM2-135M chooses no
    better without it, nor with five worked examples: that was tried on training tasks.

    Args:
        model: any `course_lib.language_model`.
        tools: what it may call.
        max_tokens: of one decision.

    Built in notebooks/13_agents.ipynb.
    """

    def __init__(
        self, model: LanguageModel, tools: Mapping[str, Tool], *, max_tokens: int = 80
    ) -> None:
        self.model, self.max_tokens = model, max_tokens
        self.schema = call_schema(tools)
        lines = [
            *(f"{one.name}: {one.description} {_example(one.schema)}" for one in tools.values()),
            *(f'{name}: {what} {{"{field}": ...}}' for name, (what, field) in _ENDS.items()),
        ]
        self.system = (
            "You work for a maker of e-bikes. Answer the task with these tools, one call at a "
            "time, as one line of JSON with thought, tool and arguments.\n" + "\n".join(lines)
        )

    def messages(self, situation: Situation) -> list[Message]:
        """The prompt: the tools, the task, and each step with its result."""
        clean = markers_of(self.model)
        messages: list[Message] = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": f"Task: {break_markers(situation.task, clean)}"},
        ]
        for turn in situation.turns:
            result = break_markers(turn.observation[:_SHOWN], clean)
            messages += [
                {"role": "assistant", "content": break_markers(turn.text, clean)},
                {"role": "user", "content": f"Result: {result}"},
            ]
        return messages

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        """One line of JSON for each situation, all in one batch."""
        prompts = [self.messages(situation) for situation in situations]
        options: dict[str, Any] = {"schema": self.schema, "max_tokens": self.max_tokens}
        return _decisions(self.model, prompts, **options)


def call_schema(tools: Mapping[str, Tool]) -> dict[str, Any]:
    """JSON schema of a thought and a call: of one of the tools, or of what ends a run.

    >>> call_schema({})["anyOf"][0]["properties"]["tool"]
    {'const': 'answer'}

    Built in notebooks/13_agents.ipynb.
    """
    ends = {
        name: {
            "type": "object",
            "properties": {field: _TEXT},
            "required": [field],
            "additionalProperties": False,
        }
        for name, (_, field) in _ENDS.items()
    }
    kinds = {**{one.name: dict(one.schema) for one in tools.values()}, **ends}
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {"thought": _THOUGHT, "tool": {"const": name}, "arguments": schema},
                "required": ["thought", "tool", "arguments"],
                "additionalProperties": False,
            }
            for name, schema in kinds.items()
        ]
    }


class RoutedPolicy:
    """Two adapters with one task each: the first picks the call, the second answers from passages.

    What a query, a calculation or the shop returns is put into words by `record_in_words`, without
    a model. Where a call fails, the documents are searched once; where the shop knows of nothing,
    or that has failed too, it declines.

    Args:
        router: a model with the router's adapter: a question to one call.
        reader: a model with the adapter for grounded answers.
        prompt: the reader's, of which the last message holds {passages} and {question}.

    Built in notebooks/13_agents.ipynb.
    """

    def __init__(
        self, router: LanguageModel, reader: LanguageModel, prompt: Sequence[Message]
    ) -> None:
        self.router, self.reader, self.prompt = router, reader, prompt

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        """Route the new ones in one batch, read passages in a second one, and fill in the rest."""
        made: dict[int, Decision] = {}
        fresh = [i for i, one in enumerate(situations) if not one.turns]
        found = [i for i, one in enumerate(situations) if one.turns and _passages(one.turns[-1])]
        if fresh:
            made |= zip(fresh, self._route([situations[i] for i in fresh]), strict=True)
        if found:
            made |= zip(found, self._read([situations[i] for i in found]), strict=True)
        return [made.get(i) or _without_model(one) for i, one in enumerate(situations)]

    def _route(self, situations: Sequence[Situation]) -> list[Decision]:
        from course_lib.lora.router_data import router_messages

        clean = markers_of(self.router)
        prompts = [router_messages(break_markers(one.task, clean)) for one in situations]
        return _decisions(self.router, prompts, max_tokens=80)

    def _read(self, situations: Sequence[Situation]) -> list[Decision]:
        clean = markers_of(self.reader)
        prompts = [_filled(self.prompt, one, clean) for one in situations]
        return [
            one._replace(text=_ended(one.text.strip()))
            for one in _decisions(self.reader, prompts, max_tokens=50)
        ]


def _filled(
    prompt: Sequence[Message], situation: Situation, markers: Sequence[str]
) -> list[Message]:
    """The reader's prompt for what a search has just found."""
    given = {"passages": situation.turns[-1].observation, "question": situation.task}
    fields = {name: break_markers(text, markers) for name, text in given.items()}
    *before, last = prompt
    # both at once: a passage may hold the text {question}
    content = re.sub(r"\{(passages|question)\}", lambda field: fields[field[1]], last["content"])
    return [*before, {"role": last["role"], "content": content}]


def _passages(turn: Turn) -> bool:
    return turn.ok and turn.tool == "search"


def _without_model(situation: Situation) -> Decision:
    """What follows from the last result by rule."""
    last = situation.turns[-1]
    if last.ok:
        said = record_in_words(last.tool, last.observation)
        return Decision(_call(ANSWER, text=said) if said else _call(DECLINE, reason="no record"))
    searched = any(turn.tool == "search" for turn in situation.turns)
    if searched or last.observation.startswith("Error: 404"):
        return Decision(_call(DECLINE, reason=last.observation))
    return Decision(_call("search", query=situation.task))


def record_in_words(tool: str, result: str) -> str:
    """A tool's result for a customer: a query's rows, or the fields of a record; "" if it is empty.

    >>> record_in_words("sql", "count(*)\\n979\\n(1 row)")
    '979'
    >>> record_in_words("http", '{"code": "LK-1", "sites": [{"city": "Ghent", "quantity": 7}]}')
    'code LK-1; Ghent 7'

    Built in notebooks/13_agents.ipynb.
    """
    if tool == "sql":  # a header, the rows, and how many they are
        return "; ".join(line.replace(" | ", ", ") for line in result.split("\n")[1:-1])
    if tool != "http":
        return result
    record = json.loads(result)
    fields = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in record.items()
        if isinstance(value, str | int | float)
    ]
    return "; ".join([*fields, *(f"{s['city']} {s['quantity']}" for s in record.get("sites", []))])


def _ended(text: str) -> str:
    """The reader's text as the end of a run."""
    if not text or is_abstention(text):
        return _call(DECLINE, reason=text or "the model wrote nothing")
    return _call(ANSWER, text=text)


def _call(tool: str, **arguments: str) -> str:
    return json.dumps({"tool": tool, "arguments": arguments}, ensure_ascii=False)


def _decisions(
    model: LanguageModel, prompts: Sequence[Sequence[Message]], **options: Any
) -> list[Decision]:
    answers = model.chat_batch(prompts, batch_size=64, progress=False, **options)
    return [Decision(one.text, one.prompt_tokens, one.completion_tokens) for one in answers]


def _example(schema: Mapping[str, Any]) -> str:
    """The arguments as a model has to write them."""
    properties = schema.get("properties", {})
    return json.dumps({name: one.get("description", "...") for name, one in properties.items()})
