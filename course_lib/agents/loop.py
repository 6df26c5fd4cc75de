"""The loop of an agent: decide, call a tool, read what came back, until an answer or a limit."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

from course_lib.agents.steps import ANSWER, DECLINE, Decision, Policy, Situation, Turn, parse_call
from course_lib.language_model import LanguageModelError
from course_lib.language_model.interface import check_text
from course_lib.rag.trace import Trace
from course_lib.tools import Tool, call

Status = Literal["answered", "declined", "repeated", "steps", "tokens", "time", "failed"]


@dataclass(frozen=True)
class AgentRun:
    """How a run ended; `print(run.trace)` shows how it came to that.

    Attributes:
        task: what was asked.
        answer: empty unless the status is "answered".
        status: "answered", "declined", "repeated" (the same step a third time), "steps",
            "tokens" or "time" (that budget was used up), "failed" (the model could not answer).
        reason: the same in words; empty where there is an answer.
        turns: the steps before the last one.
        steps: how often the policy decided.
        tokens: read and written by the model.
        seconds: of the run's own steps; a batch's decision counts in full for each run in it.
        trace: every step, as `rag.Trace`.
    """

    task: str
    answer: str
    status: Status
    reason: str
    turns: tuple[Turn, ...] = field(repr=False)
    steps: int
    tokens: int
    seconds: float = field(compare=False)
    trace: Trace = field(repr=False, compare=False)

    def __str__(self) -> str:
        used = f"{self.steps} steps, {self.tokens:,} tokens"
        return f"{self.answer or f'No answer ({self.reason})'} [{self.status}: {used}]"


def run_agent(
    task: str,
    policy: Policy,
    tools: Mapping[str, Tool],
    *,
    max_steps: int = 6,
    max_tokens: int = 6000,
    max_seconds: float = 60.0,
) -> AgentRun:
    """Let a policy work on a task with tools, until it answers, declines or uses up a budget.

    Whatever goes wrong in a step is said to the policy in its next one: a text that is no call, an
    unknown tool, a tool's error. The same step again is not carried out again: the second time the
    policy is told so, the third time ends the run.

    Args:
        task: a question or an order.
        policy: decides each step.
        tools: by name, such as `tools.larkspur_tools` gives.
        max_steps: decisions.
        max_tokens: read and written by the model, over all steps.
        max_seconds: of all steps together.

    The budgets are looked at before each step, so the last step may go over: a model has its own
    limit for one answer, and a tool its own for one call.

    Raises:
        ValueError: if the task is blank, a budget is not above 0, or a tool is called "answer" or
            "decline".

    >>> from course_lib.agents import ScriptedPolicy
    >>> policy = ScriptedPolicy(['{"tool": "answer", "arguments": {"text": "Four."}}'])
    >>> print(run_agent("What is 2 + 2?", policy, {}))
    Four. [answered: 1 steps, 0 tokens]

    Built in notebooks/13_agents.ipynb.
    """
    limits = {"max_steps": max_steps, "max_tokens": max_tokens, "max_seconds": max_seconds}
    return run_agents([task], policy, tools, **limits)[0]  # type: ignore[arg-type]


def run_agents(
    tasks: Sequence[str],
    policy: Policy,
    tools: Mapping[str, Tool],
    *,
    max_steps: int = 6,
    max_tokens: int = 6000,
    max_seconds: float = 60.0,
) -> list[AgentRun]:
    """Like `run_agent` for many tasks in lockstep: each step of all of them is one batch.

    The budgets are each run's own.

    Built in notebooks/13_agents.ipynb.
    """
    for name, value in (("max_steps", max_steps), ("max_tokens", max_tokens),
                        ("max_seconds", max_seconds)):  # fmt: skip
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value!r}")
    if taken := {ANSWER, DECLINE} & set(tools):
        raise ValueError(f"tools must not be named {ANSWER} or {DECLINE}, got {sorted(taken)}")
    if isinstance(tasks, str):
        raise ValueError("tasks must be a list of texts, got a single text")
    for index, task in enumerate(tasks):
        check_text(task, f"tasks[{index}]")
        if not task.strip():
            raise ValueError(f"tasks[{index}] must be a text that is not blank, got {task!r}")
    runs = [_Run(task) for task in tasks]
    while going := [run for run in runs if run.may_go_on(max_steps, max_tokens, max_seconds)]:
        for run, decision in _decide(policy, going):
            run.act(decision, tools)
    return [run.finished() for run in runs]


class _Run:
    """A run under way."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.turns: list[Turn] = []
        self.seen: dict[str, int] = {}
        self.answer = self.reason = ""
        self.status: Status | None = None
        self.steps = self.tokens = 0
        self.seconds = 0.0
        self.trace = Trace(task)

    def may_go_on(self, max_steps: int, max_tokens: int, max_seconds: float) -> bool:
        """Whether the run has not ended; ends it where a budget is used up."""
        if self.status:
            return False
        if self.steps >= max_steps:
            self.end("steps", f"out of steps: {self.steps} of {max_steps}")
        elif self.tokens >= max_tokens:
            self.end("tokens", f"out of tokens: {self.tokens:,} of {max_tokens:,}")
        elif self.seconds >= max_seconds:
            self.end("time", f"out of time: {self.seconds:.1f} of {max_seconds:g} seconds")
        return self.status is None

    def end(self, status: Status, reason: str, answer: str = "") -> None:
        self.status, self.reason, self.answer = status, reason, answer
        with self.trace.step("end", status=status) as made:
            made |= {"answer": answer} if answer else {"reason": reason}

    def act(self, decision: Decision, tools: Mapping[str, Tool]) -> None:
        """Carry out a decision."""
        self.steps += 1
        self.tokens += decision.prompt_tokens + decision.completion_tokens
        try:
            name, arguments = parse_call(decision.text)
        except ValueError as error:
            self.observe(decision.text, "", {}, False, f"Error: {error}", decision.text)
            return
        if name == ANSWER:
            self.end("answered", "", arguments["text"].strip())
        elif name == DECLINE:
            self.end("declined", str(arguments.get("reason") or "no reason given"))
        elif name not in tools:
            known = ", ".join([*tools, ANSWER, DECLINE])
            error_text = f"Error: there is no tool {name!r}, only {known}"
            self.observe(decision.text, "", arguments, False, error_text, decision.text)
        else:
            key = json.dumps([name, arguments], sort_keys=True)
            if key in self.seen:
                observation = "Error: this call was made before, with the result above"
                self.observe(decision.text, name, arguments, False, observation, key)
                return
            start = time.perf_counter()
            with self.trace.step("call", tool=name, arguments=arguments) as made:
                result = call(tools[name], arguments)
                made["result"] = result.content
                made |= {"error": result.error} if result.error else {}
            self.seconds += time.perf_counter() - start
            self.observe(decision.text, name, arguments, result.ok, result.content, key)

    def observe(
        self, text: str, tool: str, arguments: Mapping[str, Any], ok: bool, said: str, key: str
    ) -> None:
        """Keep a turn; end the run where the same step comes for the third time."""
        self.seen[key] = times = self.seen.get(key, 0) + 1
        self.turns.append(Turn(text, tool, arguments, ok, said))
        if not tool or times > 1:
            with self.trace.step("refuse", text=text) as made:
                made["error"] = said
        if times == 3:
            self.end("repeated", f"the same step for the third time: {' '.join(text.split())}")

    def finished(self) -> AgentRun:
        assert self.status is not None
        return AgentRun(
            self.task, self.answer, self.status, self.reason, tuple(self.turns), self.steps,
            self.tokens, self.seconds, self.trace,
        )  # fmt: skip


def _decide(policy: Policy, going: Sequence[_Run]) -> list[tuple[_Run, Decision]]:
    """One batch of decisions, recorded in each run's trace."""
    start = time.perf_counter()
    failure = ""
    decided: list[tuple[_Run, Decision]] = []
    try:
        with ExitStack() as stack:
            made = [stack.enter_context(run.trace.step("decide")) for run in going]
            situations = [Situation(run.task, tuple(run.turns)) for run in going]
            decided = list(zip(going, policy.decide(situations), strict=True))
            for notes, (_, decision) in zip(made, decided, strict=True):
                notes |= decision._asdict()
    except LanguageModelError as error:
        failure = f"{type(error).__name__}: {error}"
    for run in going:
        run.seconds += time.perf_counter() - start
    if not failure:
        return decided
    if len(going) > 1:  # one that is too long must not end the others
        return [pair for run in going for pair in _decide(policy, [run])]
    going[0].end("failed", failure)
    return []
