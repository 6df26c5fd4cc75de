"""The assistant as a graph: guards, a route, a search or a tool, a model, and three ways to end.

LangGraph runs it: it is well kept, needs no server and no account, takes plain functions as nodes
and any model, and brings retries, a cache, streaming, checkpoints and the drawing's data.
pydantic-graph, which is here as well with Pydantic AI, has no retries, cache or checkpoints.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.guardrails import AllowList, Guard, larkspur_rules
from course_lib.language_model import LanguageModel, Message
from course_lib.orchestration.calls import may_pass
from course_lib.orchestration.nodes import Nodes, State, Turn
from course_lib.orchestration.routing import Router, by_rules
from course_lib.orchestration.tracing import live_trace
from course_lib.rag import PROMPT, AnswerError, Trace
from course_lib.retrieval import Retriever
from course_lib.service.answering import Emit, Passage, Reply
from course_lib.tools import Tool

if TYPE_CHECKING:
    from langgraph.cache.base import BaseCache
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Checkpointer, RetryPolicy
    from opentelemetry.trace import Tracer

# Where `plotting.flow_chart` draws the nodes.
PLACES = {
    "guard question": (0.0, 0.0), "route": (1.0, 0.0), "tool": (2.0, 0.85), "retrieve": (2.0, 0.0),
    "guard passages": (3.0, 0.0), "generate": (4.0, -0.75), "check answer": (5.0, 0.0),
    "reply": (6.0, 0.0), "abstain": (3.2, -1.3), "decline": (2.6, 2.0),
}  # fmt: skip


def assistant_graph(
    retriever: Retriever,
    model: LanguageModel,
    *,
    prompt: Sequence[Message] = PROMPT,
    k: int = 3,
    max_prompt_tokens: int = 1500,
    max_tokens: int = 100,
    count_tokens: Callable[[Sequence[Message]], int] | None = None,
    router: Router = by_rules,
    tools: Mapping[str, Tool] | None = None,
    tool_guard: Guard | None = None,
    before: Sequence[Guard] = (),
    passage_guards: Sequence[Guard] = (),
    after: Sequence[Guard] = (),
    retry: RetryPolicy | None = None,
    cache: BaseCache[Any] | None = None,
    cache_seconds: int | None = None,
    checkpointer: Checkpointer = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The assistant as a compiled LangGraph graph; `graph.invoke({"question": ...})` runs it.

    Args:
        retriever, model: what finds and what answers; any of the course's, or stand-ins.
        prompt, k, max_prompt_tokens, max_tokens, count_tokens: as for `rag.answer`.
        router: decides where a question goes: `by_rules`, `by_adapter(...)` or your own.
        tools: by name, for questions that go to one. Without them all go to the documents.
        tool_guard: looks at each call; by default `AllowList(larkspur_rules())`.
        before, after: guards of the question and of the answer. All must allow it.
        passage_guards: guards of what was found; a passage to which one objects is left out.
        retry: of the search, the tool and the model, such as
            `RetryPolicy(max_attempts=3, retry_on=worth_retrying)`. A tool that fails politely is
            not tried again.
        cache: keeps what the model answered to a question with the same passages, such as
            `langgraph.cache.memory.InMemoryCache()`.
        cache_seconds: how long; by default for good.
        checkpointer: keeps the state after each node; then a `thread_id` must be given.

    Returns:
        The graph. Its state (see `State`) holds "status", "text", "reason" and the rest. Give
        `context=Turn(Trace(question))` to get a trace, or use `GraphAnswerer`.

    Raises:
        RuntimeError: if the package langgraph is missing, with the command that installs it.

    >>> from course_lib.chunking import Chunk
    >>> from course_lib.ingestion import Document
    >>> from course_lib.language_model import Completion
    >>> from course_lib.retrieval import BM25
    >>> class Parrot:  # stands in for language_model.load()
    ...     name, context_length = "parrot", None
    ...     def chat(self, messages, **options):
    ...         return Completion("Within 30 days [1].", "stop", 90, 9)
    ...     def count_tokens(self, messages):
    ...         return 90
    >>> page = Document("Return it within 30 days.", "returns.md", "returns", "Returns")
    >>> graph = assistant_graph(BM25([Chunk(page, 0, 25)]), Parrot())
    >>> end = graph.invoke({"question": "When can I return it?"})
    >>> end["status"], end["text"], end["citations"]
    ('answered', 'Within 30 days [1].', [1])

    Built in notebooks/14_orchestration.ipynb.
    """
    try:
        from langgraph.graph import END, START, StateGraph
        from langgraph.types import CachePolicy
    except ImportError:
        raise RuntimeError(
            "the graph needs the package langgraph: python -m pip install langgraph"
        ) from None
    nodes = Nodes(
        retriever, model, tuple(prompt), k, max_prompt_tokens, max_tokens, count_tokens, router,
        tools or {}, tool_guard or AllowList(larkspur_rules()), before, passage_guards, after,
    )  # fmt: skip
    kept = CachePolicy(key_func=nodes.answer_key, ttl=cache_seconds) if cache else None
    graph: Any = StateGraph(State, context_schema=Turn)
    graph.add_node("guard question", nodes.guard_question)
    graph.add_node("route", nodes.route)
    graph.add_node("retrieve", nodes.retrieve, retry_policy=retry)
    graph.add_node("tool", nodes.tool, retry_policy=retry)
    graph.add_node("guard passages", nodes.guard_passages)
    graph.add_node("generate", nodes.generate, retry_policy=retry, cache_policy=kept)
    graph.add_node("check answer", nodes.check_answer)
    graph.add_node("reply", nodes.reply)
    graph.add_node("abstain", nodes.abstain)
    graph.add_node("decline", nodes.decline)
    # each node says in state["next"] where it goes; the lists are what it may say
    ways = {
        "guard question": ["route", "abstain", "decline"],
        "route": ["retrieve", "tool", "decline"],
        "retrieve": ["guard passages", "abstain"],
        "tool": ["guard passages", "retrieve", "abstain", "decline"],
        "guard passages": ["generate", "check answer", "abstain"],
        "generate": ["check answer", "abstain"],
        "check answer": ["reply", "decline"],
    }
    graph.add_edge(START, "guard question")
    for node, ends in ways.items():
        graph.add_conditional_edges(node, _next, ends)
    for node in ("reply", "abstain", "decline"):
        graph.add_edge(node, END)
    return graph.compile(checkpointer=checkpointer, cache=cache, name=model.name)  # type: ignore[no-any-return]


def _next(state: State) -> str:
    return state["next"]


def worth_retrying(error: BaseException) -> bool:
    """`may_pass` for a node's error: of an AnswerError, it looks at what caused it.

    LangGraph's own rule does not retry a RuntimeError, and an AnswerError is one.

    >>> worth_retrying(ConnectionError()), worth_retrying(ValueError("no such option"))
    (True, False)

    Built in notebooks/14_orchestration.ipynb.
    """
    cause = error.__cause__ if isinstance(error, AnswerError) else error
    return isinstance(cause, Exception) and may_pass(cause)


@dataclass(frozen=True)
class GraphAnswerer:
    """A graph as the service's Answerer.

    Attributes:
        graph: from `assistant_graph`.
        tracer: opens a span for the question and for each step, while they run.
        texts: whether questions and answers go into the spans.
        config: of LangGraph, for each run, such as `{"max_concurrency": 1}`.

    Built in notebooks/14_orchestration.ipynb.
    """

    graph: CompiledStateGraph[Any, Any, Any, Any]
    tracer: Tracer | None = None
    texts: bool = False
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.graph.get_name())

    def answer(self, question: str, emit: Emit | None = None) -> Reply:
        """See Answerer.answer. Nothing goes to LangSmith, whatever the environment says.

        Raises:
            AnswerError: if a step fails.
        """
        from langsmith import tracing_context

        opened = (
            nullcontext(Trace(question))
            if self.tracer is None
            else live_trace(self.tracer, question, texts=self.texts)
        )
        config: dict[str, Any] = dict(self.config)
        if self.graph.checkpointer and "configurable" not in config:
            config["configurable"] = {"thread_id": uuid.uuid4().hex}
        with opened as trace, tracing_context(enabled=False):
            given: dict[str, Any] = {"context": Turn(trace, emit is not None), "config": config}
            if emit is None:
                end = self.graph.invoke({"question": question}, **given)
            else:
                end = {}
                parts: Any = self.graph.stream(
                    {"question": question}, stream_mode=["custom", "values"], **given
                )
                for mode, said in parts:
                    if mode == "values":
                        end = said
                    else:
                        emit(said["event"], said["said"])
        return _reply(end, trace)


def _reply(end: Mapping[str, Any], trace: Trace) -> Reply:
    """The last state as the service's reply."""
    shown = [end["found"][place] for place in end.get("shown", [])]
    passages = tuple(Passage.of(number, one) for number, one in enumerate(shown, start=1))
    citations = tuple(end.get("citations", ()))
    return Reply(end["status"], end["text"], end.get("reason", ""), passages, citations, trace)
