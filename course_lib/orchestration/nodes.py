"""The nodes of the assistant's graph: each takes the state, and gives what it adds to it.

`State` is what LangGraph keeps, may cache and may write to a checkpoint; the trace is no part of
it, and is handed along as the run's context.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from course_lib.agents.policies import record_in_words
from course_lib.chunking import Chunk
from course_lib.guardrails import Context, Guard, ToolCall, apply_guards, sift_passages
from course_lib.guardrails.verdicts import NO_CONTEXT
from course_lib.ingestion import Document
from course_lib.language_model import LanguageModel, Message
from course_lib.orchestration.routing import Router
from course_lib.rag import ABSTENTION, Trace, answer_from, retrieve
from course_lib.retrieval import Retrieved, Retriever
from course_lib.service.answering import DECLINED, _withhold
from course_lib.service.rag_answerer import _Streamed
from course_lib.tools import Tool, call

Update = dict[str, Any]


class State(TypedDict, total=False):
    """What the graph knows so far.

    Attributes:
        question: what was asked.
        next: the node that follows.
        call: the tool's name and arguments, where a tool is asked.
        found: passages that passed their guards; a tool's record is one too.
        shown: places in `found` of what the answer may cite, number 1 first.
        text: the answer.
        citations: numbers of the passages that it cites.
        reason: why there is no answer.
        status: how it ended.
    """

    question: str
    next: str
    call: Mapping[str, Any]
    found: list[Retrieved]
    shown: list[int]
    text: str
    citations: list[int]
    reason: str
    status: Literal["answered", "abstained", "declined"]


@dataclass
class Turn:
    """What belongs to one run and is no part of its state: LangGraph's context.

    Attributes:
        trace: gets the steps.
        stream: whether the model's words are told as they come (stream_mode "custom").
    """

    trace: Trace = field(default_factory=lambda: Trace(""))
    stream: bool = False


@dataclass(frozen=True)
class Nodes:
    """The nodes, and what they work with; see `assistant_graph` for the attributes."""

    retriever: Retriever
    model: LanguageModel
    prompt: Sequence[Message]
    k: int
    max_prompt_tokens: int
    max_tokens: int
    count_tokens: Callable[[Sequence[Message]], int] | None
    router: Router
    tools: Mapping[str, Tool]
    tool_guard: Guard
    before: Sequence[Guard]
    passage_guards: Sequence[Guard]
    after: Sequence[Guard]

    def guard_question(self, state: State, runtime: Any) -> Update:
        """Ask the guards whether the question may be answered."""
        question = state["question"]
        if not question.strip():
            return {"next": "abstain", "reason": "the question is blank"}
        reason = _ask(self.before, question, NO_CONTEXT, _trace(runtime))
        return {"next": "decline" if reason else "route", "reason": reason}

    def route(self, state: State, runtime: Any) -> Update:
        """To the documents, to a tool, or nowhere."""
        with _trace(runtime).step("route") as made:
            route = self.router(state["question"])
            made |= {"to": route.to, "tool_named": route.tool, "reason": route.reason}
        if route.to == "out of scope":
            return {"next": "decline", "reason": route.reason or "out of scope"}
        if route.to == "tool" and route.tool in self.tools:
            asked = {"tool": route.tool, "arguments": dict(route.arguments)}
            return {"next": "tool", "call": asked}
        return {"next": "retrieve"}

    def retrieve(self, state: State, runtime: Any) -> Update:
        """Search the documents."""
        found = retrieve(state["question"], self.retriever, self.k, _trace(runtime))
        if not found:
            return {"next": "abstain", "reason": "nothing was retrieved"}
        return {"next": "guard passages", "found": found, "call": {}}

    def tool(self, state: State, runtime: Any) -> Update:
        """Ask a tool, if its guard allows the call; what it finds becomes passage 1."""
        name, arguments = state["call"]["tool"], state["call"]["arguments"]
        trace = _trace(runtime)
        context = Context(state["question"])
        asked = ToolCall(name, arguments, origin="user")
        if reason := _ask([self.tool_guard], asked, context, trace):
            return {"next": "decline", "reason": reason}
        with trace.step("tool", tool=name, arguments=arguments) as made:
            result = call(self.tools[name], arguments)
            made |= {"ok": result.ok, "result": result.content}
        if result.content.startswith("Error: 404"):
            return {"next": "abstain", "reason": "the shop has no such record"}
        words = _in_words(name, result.content) if result.ok else ""
        if not words:  # as in notebook 13: where a call fails, the documents are searched once
            return {"next": "retrieve"}
        anchor = f"shop#{str(arguments.get('path', name)).strip('/')}"
        record = Document(words, f"tool {name}", anchor, "The shop's records")
        found = [Retrieved(Chunk(record, 0, len(words)), 1.0)]
        return {"next": "guard passages", "found": found, "text": f"{words} [1]"}

    def guard_passages(self, state: State, runtime: Any) -> Update:
        """Leave out what a guard objects to; if that is all, there is no answer."""
        found = state["found"]
        if self.passage_guards:
            with _trace(runtime).step("guard passages") as made:
                sifted = sift_passages(found, self.passage_guards)
                made["dropped"] = [one._asdict() for one in sifted.dropped]
            found = sifted.kept
        runtime.stream_writer(
            {"event": "passages", "said": {"found": [one.chunk.locator for one in found]}}
        )
        if not found:
            reason = "every passage that was found reads like an instruction"
            return {"next": "abstain", "reason": reason, "found": []}
        if state.get("call"):
            answered = {"next": "check answer", "shown": [0], "citations": [1]}
            return {"found": found, **answered}
        return {"next": "generate", "found": found}

    def generate(self, state: State, runtime: Any) -> Update:
        """Prompt the model with the passages, and look up what it cites: the rest of rag.answer."""

        def emit(event: str, said: Mapping[str, Any]) -> None:
            runtime.stream_writer({"event": event, "said": said})

        turn = runtime.context or Turn()
        info = runtime.execution_info
        # nobody reads what a guard has not seen, or twice what broke off the first time
        told = turn.stream and not self.after and (info is None or info.node_attempt == 1)
        given = answer_from(
            state["question"],
            state["found"],
            _Streamed(self.model, emit) if told else self.model,
            max_prompt_tokens=self.max_prompt_tokens,
            max_tokens=self.max_tokens,
            prompt=self.prompt,
            count_tokens=self.count_tokens,
            trace=_trace(runtime),
        )
        ids = [one.chunk.id for one in state["found"]]
        return {  # plain values: this may be cached
            "next": "abstain" if given.abstained else "check answer",
            "text": given.text,
            "reason": given.reason,
            "citations": [citation.number for citation in given.citations],
            "shown": [ids.index(one.chunk.id) for one in given.passages],
        }

    def check_answer(self, state: State, runtime: Any) -> Update:
        """Ask the guards whether the answer may be shown."""
        trace = _trace(runtime)
        _note_cache(state, trace)
        shown = [state["found"][place].chunk for place in state["shown"]]
        results = [chunk.text for chunk in shown] if state.get("call") else []
        context = Context(state["question"], shown, results)
        reason = _ask(self.after, state["text"], context, trace)
        if reason:
            _withhold(trace)
        return {"next": "decline" if reason else "reply", "reason": reason}

    def reply(self, state: State) -> Update:
        """There is an answer."""
        return {"status": "answered"}

    def abstain(self, state: State, runtime: Any) -> Update:
        """There is none."""
        _note_cache(state, _trace(runtime))
        return {"status": "abstained", "text": ABSTENTION, "citations": []}

    def decline(self, state: State) -> Update:
        """There may be none."""
        return {"status": "declined", "text": DECLINED, "shown": [], "citations": []}

    def answer_key(self, state: State) -> str:
        """What the model's answer depends on, as one text: the key of the cache."""
        passages = [(one.chunk.id, one.chunk.text_with_heading) for one in state["found"]]
        asked = [self.model.name, self.max_prompt_tokens, self.max_tokens, *self.prompt]
        whole = json.dumps([state["question"].strip(), passages, asked], default=dict)
        return hashlib.sha256(whole.encode()).hexdigest()


def _trace(runtime: Any) -> Trace:
    """The run's trace; one that nobody sees where none was given."""
    return runtime.context.trace if runtime.context else Trace("")


def _note_cache(state: State, trace: Trace) -> None:
    """Say that the model's answer came from the cache: then its node has not run."""
    generated = "shown" in state and not state.get("call")
    if generated and not any(step.name == "check" for step in trace.steps):
        with trace.step("cache") as made:
            made["hit"] = True


def _ask(guards: Sequence[Guard], subject: str | ToolCall, context: Context, trace: Trace) -> str:
    """Ask guards, each as a step; why the first that objects does so, or empty."""
    for guard in guards:
        with trace.step(guard.name) as made:
            outcome = apply_guards([guard], subject, context)
            reason = "" if outcome.allowed else outcome.verdicts[guard.name].reason
            made |= {"allowed": outcome.allowed, "reason": reason}
        if not outcome.allowed:
            return reason or "a guard objects"
    return ""


def _in_words(tool: str, result: str) -> str:
    """A tool's result for a customer; as it is where it has another form than the shop's."""
    try:
        return record_in_words(tool, result)
    except (ValueError, AttributeError, TypeError, KeyError):
        return result
