"""The agent on Pydantic AI does what the loop does, where it can."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from course_lib.agents import Decision, ScriptedPolicy, Situation, run_agent
from course_lib.agents.framework import framework_agent, run_framework
from course_lib.language_model import ContextOverflow
from course_lib.tools import Tool

pytest.importorskip("pydantic_ai")
NUMBER = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}


def double(x: float) -> str:
    if x > 1000:
        raise ValueError("x must be at most 1000")
    return str(2 * x)


TOOLS = {"double": Tool("double", "Twice a number.", NUMBER, double)}


def line(tool: str, **arguments: Any) -> str:
    return json.dumps({"tool": tool, "arguments": arguments})


def both(policy: Any, **limits: Any) -> tuple[Any, Any]:
    agent = framework_agent(policy, TOOLS)
    ours = run_agent("Twice 21?", policy, TOOLS, **limits)
    return ours, asyncio.run(run_framework("Twice 21?", agent, **limits))


@pytest.mark.parametrize(
    "lines",
    [
        [line("double", x=21), line("answer", text="42")],
        [line("double", x=2000), line("double", x=3), line("answer", text="6")],
        [line("double", x="many"), line("answer", text="?")],
        [line("decline", reason="no")],
        [line("double", x=1), line("decline", reason="no")],
    ],
)
def test_the_same_policy_ends_the_same_way(lines: list[str]) -> None:
    ours, theirs = both(ScriptedPolicy(lines, (10, 5)))
    for field in ("answer", "status", "reason", "steps", "tokens"):
        assert getattr(theirs, field) == getattr(ours, field), field
    assert [(t.tool, t.arguments, t.ok, t.observation) for t in theirs.turns] == [
        (t.tool, t.arguments, t.ok, t.observation) for t in ours.turns
    ]
    assert all(turn.tool in str(theirs.trace) for turn in theirs.turns)


def test_what_is_no_call_is_fed_back_as_an_unknown_tool() -> None:
    _, theirs = both(ScriptedPolicy(["Hm.", line("shell"), line("answer", text="42")]))
    assert theirs.answer == "42"
    assert all("Unknown tool" in turn.observation for turn in theirs.turns)


def test_budgets_are_the_frameworks() -> None:
    endless = ScriptedPolicy([line("double", x=n) for n in range(50)], (400, 100))
    assert [run.status for run in both(endless, max_steps=3)] == ["steps"] * 2
    assert [run.status for run in both(endless, max_tokens=900)] == ["tokens"] * 2

    class Slow(ScriptedPolicy):
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            time.sleep(0.1)
            return super().decide(situations)

    slow = Slow([line("double", x=n) for n in range(50)])
    assert [run.status for run in both(slow, max_seconds=0.25, max_steps=40)] == ["time"] * 2


def test_it_does_not_notice_a_repetition() -> None:
    ours, theirs = both(ScriptedPolicy([line("double", x=1)]), max_steps=6)
    assert (ours.status, ours.steps) == ("repeated", 3)
    assert (theirs.status, theirs.steps) == ("steps", 6)


def test_a_model_that_fails_ends_the_run() -> None:
    class Short(ScriptedPolicy):
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            raise ContextOverflow("too long")

    assert [run.status for run in both(Short([""]))] == ["failed"] * 2


def test_an_openai_compatible_server_on_this_machine_takes_the_policys_place() -> None:
    """Two requests: the model calls a tool, reads what it gave, and answers."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    asked: list[Any] = []
    made = {"name": "double", "arguments": '{"x": 21}'}
    replies = [
        {"tool_calls": [{"id": "1", "type": "function", "function": made}], "content": None},
        {"content": "It is 42."},
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"role": "assistant", **replies[len(asked) - 1]}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            body = {"id": "1", "object": "chat.completion", "created": 1, "model": "small",
                    "choices": [choice], "usage": usage}  # fmt: skip
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        model = OpenAIChatModel("small", provider=OpenAIProvider(base_url=url, api_key="none"))
        done = asyncio.run(run_framework("Twice 21?", framework_agent(model, TOOLS)))
        server.shutdown()
    assert (done.answer, done.status, done.steps, done.tokens) == ("It is 42.", "answered", 2, 30)
    assert [(turn.tool, turn.observation) for turn in done.turns] == [("double", "42")]
    sent = {tool["function"]["name"]: tool["function"]["parameters"] for tool in asked[0]["tools"]}
    assert sent["double"]["properties"] == NUMBER["properties"]
    assert asked[1]["messages"][-1]["content"] == "42"


def test_without_the_package_one_line_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(RuntimeError, match="python -m pip install pydantic-ai-slim"):
        framework_agent(ScriptedPolicy([""]), TOOLS)
