"""The same agent on Pydantic AI, to set beside the loop of this package."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_lib.agents.loop import AgentRun, Status
from course_lib.agents.steps import ANSWER, DECLINE, Situation, Turn, parse_call
from course_lib.language_model import LanguageModelError
from course_lib.rag.trace import Trace
from course_lib.tools import Tool, call


def framework_agent(policy: Any, tools: Mapping[str, Tool]) -> Any:
    """A `pydantic_ai.Agent` with these tools, whose model is a policy.

    SmolLM2 cannot call tools by itself: a policy writes its line of JSON, and a `FunctionModel`
    passes it on as a call. A model that can takes the policy's place as a model of the framework,
    such as `OpenAIChatModel` with a base URL.

    Args:
        policy: of `course_lib.agents`, or a model of the framework.
        tools: what it may call.

    Raises:
        RuntimeError: if the package pydantic-ai-slim is missing, with the command that installs it.

    Built in notebooks/13_agents.ipynb.
    """
    try:
        from pydantic_ai import Agent, ToolFailed, ToolOutput
        from pydantic_ai import Tool as FrameworkTool
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models import Model
        from pydantic_ai.models.function import FunctionModel
        from pydantic_ai.usage import RequestUsage
    except ImportError:
        raise RuntimeError(
            "the framework's agent needs the package pydantic-ai-slim: "
            "python -m pip install pydantic-ai-slim"
        ) from None

    def decide(messages: Sequence[Any], info: Any) -> ModelResponse:
        decision = policy.decide([_situation(messages)])[0]
        try:
            name, arguments = parse_call(decision.text)
        except ValueError:  # the framework knows no "that was no call": it says "unknown tool"
            name, arguments = "unreadable", {"text": decision.text}
        said = name == ANSWER
        part = TextPart(arguments["text"]) if said else ToolCallPart(name, arguments)
        read, written = decision.prompt_tokens, decision.completion_tokens
        usage = RequestUsage(input_tokens=read, output_tokens=written)
        return ModelResponse([part], usage=usage)

    def runs(tool: Tool) -> Callable[..., str]:
        def run(**arguments: Any) -> str:
            result = call(tool, arguments)
            if not result.ok:
                raise ToolFailed(result.content)
            return result.content

        return run

    def decline(reason: str = "") -> str:
        return f"{DECLINE}: {reason}"

    return Agent(
        policy if isinstance(policy, Model) else FunctionModel(decide, model_name="policy"),
        output_type=[str, ToolOutput(decline, name=DECLINE)],
        tools=[
            FrameworkTool.from_schema(runs(one), one.name, one.description, dict(one.schema))
            for one in tools.values()
        ],
        retries=10,
    )


async def run_framework(
    task: str,
    agent: Any,
    *,
    max_steps: int = 6,
    max_tokens: int = 6000,
    max_seconds: float = 60.0,
) -> AgentRun:
    """`run_agent`, as the framework does it: budgets and retries are its own.

    It does not notice a repeated call, and so spends all its steps on one.

    Args:
        task: what to do.
        agent: from `framework_agent`.
        max_steps: requests to the model.
        max_tokens: read and written.
        max_seconds: of the whole run.

    Built in notebooks/13_agents.ipynb.
    """
    from pydantic_ai import UsageLimits, capture_run_messages
    from pydantic_ai.exceptions import AgentRunError, UsageLimitExceeded

    limits = UsageLimits(request_limit=max_steps, total_tokens_limit=max_tokens)
    trace, start = Trace(task), time.perf_counter()
    status: Status = "answered"
    answer = reason = ""
    with capture_run_messages() as messages:
        try:
            async with asyncio.timeout(max_seconds):
                answer = (await agent.run(task, usage_limits=limits)).output
        except UsageLimitExceeded as error:
            status = "steps" if "request_limit" in str(error) else "tokens"
            reason = str(error)
        except TimeoutError:
            status, reason = "time", f"out of time: {max_seconds:g} seconds"
        except (AgentRunError, LanguageModelError) as error:
            status, reason = "failed", f"{type(error).__name__}: {error}"
    if answer.startswith(f"{DECLINE}: "):
        status, reason, answer = "declined", answer.partition(": ")[2], ""
    used = [message.usage for message in messages if message.kind == "response"]
    turns = _situation(messages).turns if messages else ()
    for turn in turns:
        with trace.step("call", tool=turn.tool, arguments=turn.arguments) as made:
            made["result"] = turn.observation
    tokens = sum(usage.total_tokens for usage in used)
    seconds = time.perf_counter() - start
    return AgentRun(task, answer, status, reason, turns, len(used), tokens, seconds, trace)


def _situation(messages: Sequence[Any]) -> Situation:
    """What the policy decides on, from the framework's messages."""
    task = ""
    turns: list[Turn] = []
    calls: dict[str, Any] = {}
    for part in (part for message in messages for part in message.parts):
        if part.part_kind == "user-prompt":
            task = str(part.content)
        elif part.part_kind == "tool-call":
            calls[part.tool_call_id] = part
        elif part.part_kind == "tool-return" and part.tool_name != DECLINE:
            made = calls[part.tool_call_id]
            arguments = made.args_as_dict()
            text = json.dumps({"tool": made.tool_name, "arguments": arguments})
            ok = part.outcome == "success"
            said = part.model_response_str(wrap_if_error=False)
            turns.append(Turn(text, made.tool_name, arguments, ok, said))
    return Situation(task, tuple(turns))
