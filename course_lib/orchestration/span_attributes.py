"""The names and attributes of spans, as OpenTelemetry's GenAI semantic conventions have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.rag.trace import Step, Trace

if TYPE_CHECKING:
    from opentelemetry.trace import Span

PROVIDER = "course_lib"  # gen_ai.provider.name: what calls the model, as a trace knows no more


def describe_whole(span: Span, name: str, trace: Trace, texts: bool, failed: str = "") -> None:
    """Give the span of a whole question its name, its attributes and its status."""
    span.update_name(f"invoke_workflow {name}")
    span.set_attribute("gen_ai.operation.name", "invoke_workflow")
    span.set_attribute("gen_ai.workflow.name", name)
    if texts:
        span.set_attribute("course.question", trace.question)
    steps = trace.steps
    _fail(span, failed or (steps[-1].error if steps else ""), texts)


def describe(span: Span, step: Step, texts: bool) -> None:
    """Give a span its name, its attributes and its status."""
    said = {**step.given, **step.made}
    attributes: dict[str, Any] = {}
    left = dict(said)

    def move(key: str, attribute: str) -> None:
        if left.get(key) is not None:
            attributes[attribute] = left.pop(key)

    if step.name == "generate" and "model" in said:
        attributes |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": PROVIDER}
        move("model", "gen_ai.request.model")
        move("max_tokens", "gen_ai.request.max_tokens")
        move("prompt_tokens", "gen_ai.usage.input_tokens")
        move("completion_tokens", "gen_ai.usage.output_tokens")
        if reason := left.pop("finish_reason", None):
            attributes["gen_ai.response.finish_reasons"] = [reason]
        span.update_name(f"chat {said['model']}")
        if texts and "text" in left:
            part = {"type": "text", "content": left.pop("text")}
            message = {"role": "assistant", "parts": [part]}
            attributes["gen_ai.output.messages"] = _json([message])
    elif step.name == "retrieve":
        attributes["gen_ai.operation.name"] = "retrieval"
        move("k", "gen_ai.request.top_k")
        span.update_name("retrieval")
        if texts:
            move("query", "gen_ai.retrieval.query.text")
    elif step.name in ("call", "tool") and "tool" in said:
        attributes["gen_ai.operation.name"] = "execute_tool"
        move("tool", "gen_ai.tool.name")
        span.update_name(f"execute_tool {said['tool']}")
        if texts:
            for key in ("arguments", "result"):
                if key in left:
                    attributes[f"gen_ai.tool.call.{key}"] = _json(left.pop(key))
    if "allowed" in said or "dropped" in said:  # a guard of a text, and of passages
        attributes["course.kind"] = "guard"
    for key, value in left.items():
        if isinstance(value, bool | int | float):
            attributes[f"course.{key}"] = value
        elif isinstance(value, list):
            attributes[f"course.{key}.count"] = len(value)
        if texts and isinstance(value, str | list | Mapping):
            attributes[f"course.{key}"] = value if isinstance(value, str) else _json(value)
    span.set_attributes(attributes)
    _fail(span, step.error, texts)


def _fail(span: Span, error: str, texts: bool) -> None:
    """Mark a span as failed. The kind of exception is no secret, its message may hold a text."""
    if error:
        from opentelemetry.trace import Status, StatusCode

        span.set_attribute("error.type", error.partition(":")[0])
        span.set_status(Status(StatusCode.ERROR, error if texts else None))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
