"""Decisions that are kept: asked once, kept on disk, left alone when the prompt has changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from course_lib import data
from course_lib.agents import (
    Decision,
    PromptedPolicy,
    Recorded,
    RoutedPolicy,
    ScriptedPolicy,
    Situation,
    from_adapters,
    from_prompt,
    run_agents,
    succeeded,
)
from course_lib.agents.record import SearchFirst
from course_lib.agents.runs import ADAPTERS, LOG, MAX_STEPS
from course_lib.lora.grounded_data import GROUNDED_PROMPT
from course_lib.retrieval import BM25
from course_lib.tools import SCHEMAS, Tool, larkspur_tools, shop_api

NUMBER = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
TOOLS = {"double": Tool("double", "Twice a number.", NUMBER, lambda x: str(2 * x))}
LINES = [
    json.dumps({"tool": "double", "arguments": {"x": 21}}),
    json.dumps({"tool": "answer", "arguments": {"text": "42"}}),
]


class Counting(ScriptedPolicy):
    asked = 0

    def decide(self, situations: Any) -> list[Decision]:
        self.asked += len(situations)
        return super().decide(situations)


class Stops(ScriptedPolicy):
    """Somebody presses Ctrl+C in the second batch."""

    batches = 0

    def decide(self, situations: Any) -> list[Decision]:
        self.batches += 1
        if self.batches == 2:
            raise KeyboardInterrupt
        return super().decide(situations)


def test_a_run_is_repeated_without_the_policy() -> None:
    first = Counting(LINES, (100, 7))
    kept = Recorded(first)
    runs = run_agents(["a", "b"], kept, TOOLS)
    assert first.asked == 4
    assert run_agents(["a", "b"], kept, TOOLS) == runs
    assert first.asked == 4
    assert runs[0].tokens == 214


def test_the_calls_before_it_make_another_situation() -> None:
    kept = Recorded(Counting(LINES))
    (turn,) = run_agents(["a"], kept, TOOLS)[0].turns
    asked = kept.policy.asked  # type: ignore[attr-defined]
    other = turn.__class__(turn.text, "double", {"x": 22}, True, "44")
    kept.decide([Situation("a", (turn,)), Situation("a", (other,))])
    assert kept.policy.asked == asked + 1  # type: ignore[attr-defined]


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    tasks = [f"é {n}" for n in range(40)]
    situations = [Situation(text, ()) for text in tasks]
    stopped = Recorded(Stops(LINES), sha="1", log=log, add=True)
    try:
        stopped.decide(situations)
    except KeyboardInterrupt:
        assert len(log.read_text("utf-8").splitlines()) == 16
    policy = Counting(LINES)
    again = Recorded(policy, sha="1", log=log, add=True)
    assert [one.text for one in again.decide(situations)] == [LINES[0]] * 40
    assert policy.asked == 24
    assert len(set(log.read_text("utf-8").splitlines())) == 40


def test_decisions_of_another_prompt_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    Recorded(ScriptedPolicy(["old"]), sha="1", log=log, add=True).decide([Situation("a", ())])
    new = Recorded(ScriptedPolicy(["new"]), sha="2", log=log, add=True)
    assert new.decide([Situation("a", ())])[0].text == "new"
    assert len(log.read_text("utf-8").splitlines()) == 2


def test_nothing_is_added_unless_asked(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    Recorded(ScriptedPolicy(["old"]), sha="1", log=log).decide([Situation("a", ())])
    assert not log.exists()


class Nobody:
    name, context_length = "nobody", None

    def chat_batch(self, conversations: Any, **_: Any) -> Any:
        raise AssertionError(f"not in the log: {conversations[0][-1]}")


@pytest.mark.parametrize("who", ["prompt", "adapters", "search first"])
def test_the_committed_log_holds_every_step_of_every_test_task(who: str) -> None:
    """It fails where a prompt, an adapter or a task has changed: run course_lib.agents.record."""
    tasks = [task for task in data.load_agent_tasks() if task.split == "test"]
    hidden = ("customers.name", "customers.email")
    nobody: Any = Nobody()
    with shop_api() as shop:
        tools = larkspur_tools(BM25([]), shop, hidden=hidden)
        found = Tool("search", "", SCHEMAS["search"], lambda query: "a passage")  # any will do
        tools["search"] = found
        prompted = from_prompt(PromptedPolicy(nobody, larkspur_tools(BM25([]), shop)))
        adapters = from_adapters(RoutedPolicy(nobody, nobody, GROUNDED_PROMPT), ADAPTERS)
        policy: Any = {
            "prompt": prompted,
            "adapters": adapters,
            "search first": SearchFirst(adapters),
        }[who]
        steps = MAX_STEPS if who == "prompt" else 6
        runs = run_agents([task.text for task in tasks], policy, tools, max_steps=steps)
    assert all(run.steps >= 1 and run.status != "failed" for run in runs)
    assert any(succeeded(*pair) for pair in zip(tasks, runs, strict=True))
    lines = LOG.read_text("utf-8").splitlines()
    assert {json.loads(line)["sha"] for line in lines} == {prompted.sha, adapters.sha}
