"""The agent's loop with a scripted policy: every way to end, and what is fed back."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.agents import (
    Decision,
    ScriptedPolicy,
    Situation,
    parse_call,
    run_agent,
    run_agents,
)
from course_lib.language_model import ContextOverflow
from course_lib.rag import Trace
from course_lib.tools import Tool

NUMBER = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
called: list[float] = []


def double(x: float) -> str:
    called.append(x)
    if x > 1000:
        raise ValueError("x must be at most 1000")
    return str(2 * x)


TOOLS = {"double": Tool("double", "Twice a number.", NUMBER, double)}


def line(tool: str, **arguments: Any) -> str:
    return json.dumps({"tool": tool, "arguments": arguments})


def run(*lines: str, tokens: tuple[int, int] = (0, 0), **limits: Any) -> Any:
    called.clear()
    return run_agent("Twice 21?", ScriptedPolicy(lines, tokens), TOOLS, **limits)


def test_a_call_and_an_answer() -> None:
    done = run(line("double", x=21), line("answer", text=" 42. "), tokens=(100, 10))
    assert (done.status, done.answer, done.reason) == ("answered", "42.", "")
    assert (done.steps, done.tokens) == (2, 220)
    (turn,) = done.turns
    assert (turn.tool, turn.arguments, turn.ok, turn.observation) == (
        "double",
        {"x": 21},
        True,
        "42",
    )
    assert str(done) == "42. [answered: 2 steps, 220 tokens]"


def test_a_decline_says_why() -> None:
    done = run(line("decline", reason="not allowed"))
    assert (done.status, done.answer, done.reason) == ("declined", "", "not allowed")
    assert run(line("decline")).status == "declined"
    assert str(done).startswith("No answer (not allowed)")


def test_out_of_steps() -> None:
    done = run(*[line("double", x=n) for n in range(20)], max_steps=3)
    assert (done.status, done.reason, done.steps) == ("steps", "out of steps: 3 of 3", 3)
    assert called == [0, 1, 2]


def test_out_of_tokens() -> None:
    calls = [line("double", x=n) for n in range(20)]
    done = run(*calls, tokens=(450, 50), max_tokens=1500, max_steps=20)
    assert (done.status, done.tokens) == ("tokens", 1500)
    assert done.reason == "out of tokens: 1,500 of 1,500"


def test_an_answer_that_reaches_the_budget_counts() -> None:
    assert run(line("answer", text="42"), tokens=(450, 50), max_tokens=500).status == "answered"


def test_out_of_time() -> None:
    slow = {"wait": Tool("wait", "", NUMBER, lambda x: time.sleep(0.02) or str(x))}
    policy = ScriptedPolicy([line("wait", x=n) for n in range(100)])
    done = run_agent("Wait.", policy, slow, max_steps=100, max_seconds=0.05)
    assert done.status == "time"
    assert done.reason.startswith("out of time: 0.")
    assert done.reason.endswith("of 0.05 seconds")
    assert 1 <= done.steps <= 3


def test_a_slow_policy_is_out_of_time_too() -> None:
    class Slow(ScriptedPolicy):
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            time.sleep(0.06)
            return super().decide(situations)

    done = run_agent("Hm.", Slow([line("double", x=1)]), TOOLS, max_seconds=0.05)
    assert (done.status, done.steps) == ("time", 1)


def test_a_tool_error_is_fed_back() -> None:
    class Smaller:
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            (one,) = situations
            if not one.turns:
                return [Decision(line("double", x=2000))]
            if "at most 1000" in one.turns[-1].observation:
                return [Decision(line("double", x=1000))]
            return [Decision(line("answer", text=one.turns[-1].observation))]

    done = run_agent("Twice a lot?", Smaller(), TOOLS)
    assert done.answer == "2000"
    assert [turn.ok for turn in done.turns] == [False, True]


@pytest.mark.parametrize(
    ("text", "fed_back"),
    [
        ("I think it is 42.", "not JSON"),
        ("[1]", "wanted"),
        ('{"tool": "double"}', "wanted"),
        ('{"tool": 3, "arguments": {}}', "wanted"),
        ('{"tool": "double", "arguments": [21]}', "wanted"),
        ('{"tool": "double", "arguments": {"x": 21}} and done', "not JSON"),
        (line("answer", text=" "), "needs its text"),
        (line("answer"), "needs its text"),
        ("[" * 100_000, "not JSON"),
        (line("shell", cmd="ls"), "no tool 'shell', only double, answer, decline"),
        (line("double", x="many"), "wrong arguments"),
        (line("double"), "'x' is a required property"),
    ],
)
def test_what_is_no_call_is_fed_back(text: str, fed_back: str) -> None:
    done = run(text, line("answer", text="42"))
    assert done.answer == "42"
    assert done.turns[0].observation.startswith("Error: ")
    assert fed_back in done.turns[0].observation
    assert called == []


def test_a_repeated_call_is_not_made_again_and_then_ends_the_run() -> None:
    same = ['{"tool": "double", "arguments": {"x": 1}}', '{"arguments":{"x":1},"tool":"double"}']
    done = run(same[0], same[1], same[0], max_steps=50)
    assert (done.status, done.steps, called) == ("repeated", 3, [1])
    assert "made before" in done.turns[1].observation
    assert done.reason.startswith("the same step for the third time: ")


def test_two_calls_in_turn_are_repetitions_too() -> None:
    done = run(*[line("double", x=n % 2) for n in range(50)], max_steps=50)
    assert (done.status, done.steps, called) == ("repeated", 5, [0, 1])


def test_the_order_of_arguments_makes_no_other_call() -> None:
    two = {"type": "object", "properties": {"a": {}, "b": {}}}
    policy = ScriptedPolicy([line("f", a=1, b=2), line("f", b=2, a=1), line("f", a=1, b=2)])
    done = run_agent("Hm.", policy, {"f": Tool("f", "", two, lambda **_: "x")})
    assert done.status == "repeated"


def test_the_same_nonsense_ends_the_run() -> None:
    assert run("Hm.", max_steps=50).status == "repeated"


def test_after_one_repetition_it_may_go_on() -> None:
    done = run(line("double", x=1), line("double", x=1), line("answer", text="2"))
    assert (done.status, done.answer) == ("answered", "2")


def test_a_thought_is_left_alone() -> None:
    text = '{"thought": "twice", "tool": "double", "arguments": {"x": 1}}'
    assert parse_call(text) == ("double", {"x": 1})


def test_the_trace_tells_all_steps_and_comes_back_from_json() -> None:
    done = run(line("double", x=21), "Hm.", line("answer", text="42"), tokens=(7, 3))
    names = [step.name for step in done.trace.steps]
    assert names == ["decide", "call", "decide", "refuse", "decide", "end"]
    shown = str(done.trace)
    for wanted in ("tool: double", "result: 42", "not JSON", "answer: 42", "prompt_tokens: 7"):
        assert wanted in shown
    assert Trace.from_json(done.trace.to_json()) == done.trace


def test_a_stopped_run_says_so_in_its_trace() -> None:
    assert "out of steps: 1 of 1" in str(run(line("double", x=1), max_steps=1).trace)


class Echo:
    """Doubles the number in its task; what it was asked at once is kept."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        self.batches.append(len(situations))
        return [
            Decision(
                line("answer", text=one.turns[-1].observation)
                if one.turns
                else line("double", x=int(one.task)),
                10,
                1,
            )
            for one in situations
        ]


@given(st.lists(st.integers(0, 400), max_size=8))
def test_many_runs_in_lockstep_are_those_of_one_at_a_time(numbers: list[int]) -> None:
    tasks = [str(number) for number in numbers]
    echo = Echo()
    together = run_agents(tasks, echo, TOOLS)
    assert [done.answer for done in together] == [str(2 * number) for number in numbers]
    assert together == [run_agent(task, Echo(), TOOLS) for task in tasks]
    assert echo.batches == ([len(numbers)] * 2 if numbers else [])


def test_a_run_that_has_ended_is_not_decided_again() -> None:
    echo = Echo()
    done = run_agents(["1", "2000", "3"], echo, TOOLS)
    assert [one.status for one in done] == ["answered"] * 3
    assert done[1].answer == "Error: x must be at most 1000"


def test_one_that_the_model_cannot_read_does_not_end_the_others() -> None:
    class Short(Echo):
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            if any(len(one.task) > 3 for one in situations):
                raise ContextOverflow("too long")
            return super().decide(situations)

    done = run_agents(["1", "99999", "3"], Short(), TOOLS)
    assert [one.status for one in done] == ["answered", "failed", "answered"]
    assert done[1].reason == "ContextOverflow: too long"


def test_a_fault_in_the_policy_is_not_hidden() -> None:
    class Broken:
        def decide(self, situations: Sequence[Situation]) -> list[Decision]:
            return []

    with pytest.raises(ValueError, match="shorter"):
        run_agent("Hm.", Broken(), TOOLS)


@pytest.mark.parametrize("name", ["max_steps", "max_tokens", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_budget_must_be_above_0(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be above 0"):
        run(line("double", x=1), **{name: value})


def test_bad_tasks_and_tools_are_refused() -> None:
    policy = ScriptedPolicy([line("answer", text="42")])
    with pytest.raises(ValueError, match=r"tasks\[1\] must be a text that is not blank"):
        run_agents(["Twice 21?", " "], policy, TOOLS)
    with pytest.raises(ValueError, match=r"tasks\[0\] must be a string"):
        run_agent(21, policy, TOOLS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="single text"):
        run_agents("Twice 21?", policy, TOOLS)
    with pytest.raises(ValueError, match="must not be named answer or decline"):
        run_agent("Hm.", policy, {"answer": TOOLS["double"]})


@given(st.lists(st.text(max_size=40) | st.sampled_from([line("double", x=3)]), min_size=1))
def test_whatever_is_written_the_run_ends(lines: list[str]) -> None:
    done = run_agent("Hm.", ScriptedPolicy(lines), TOOLS, max_steps=8)
    assert done.status in ("answered", "declined", "repeated", "steps")
    assert done.steps <= 8
    assert Trace.from_json(done.trace.to_json()) == done.trace
