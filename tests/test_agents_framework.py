"""The agent on Pydantic AI does what the loop does, where it can."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
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


def test_without_the_package_one_line_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(RuntimeError, match="python -m pip install pydantic-ai-slim"):
        framework_agent(ScriptedPolicy([""]), TOOLS)
