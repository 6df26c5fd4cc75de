"""Decisions that are kept, so that a run is repeated without the model that made them.

`python -m course_lib.agents.runs` lets the local model work on every test task from its prompt and
adds each decision to the log, which takes some 15 minutes on an idle core; stopped, it goes on
where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from course_lib.agents.policies import PromptedPolicy
from course_lib.agents.steps import Decision, Policy, Situation

LOG = Path(__file__).with_name("decisions.jsonl")
MAX_STEPS = 3  # of a run in the log: two calls and an answer
_BATCH = 16


class Recorded:
    """A policy that decides once: what is kept is said again, what is not is asked and kept.

    A decision is kept by its task and the calls before it, so the tools must give the same each
    time.

    Args:
        policy: is asked for what is not kept.
        sha: of all that decides what the policy says; decisions of another one are left alone.
        log: a file of JSON lines to read, and to add to; None keeps them in memory.

    >>> from course_lib.agents import ScriptedPolicy
    >>> policy = Recorded(ScriptedPolicy(["first"]))
    >>> policy.decide([Situation("Twice 21?", ())])
    [Decision(text='first', prompt_tokens=0, completion_tokens=0)]
    >>> policy.policy = ScriptedPolicy(["second"])
    >>> policy.decide([Situation("Twice 21?", ())])[0].text
    'first'

    Built in notebooks/13_agents.ipynb.
    """

    def __init__(self, policy: Policy, *, sha: str = "", log: Path | None = None) -> None:
        self.policy, self.sha, self.log = policy, sha, log
        self.made: dict[tuple[str, str], Decision] = {}
        lines = log.read_text(encoding="utf-8").splitlines() if log and log.exists() else []
        for record in map(json.loads, lines):
            if record["sha"] == sha:
                self.made[record["task"], record["after"]] = Decision(**record["decision"])

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        """The kept decisions, and new ones in batches of 16, kept as they are made."""
        new = [one for one in situations if _key(one) not in self.made]
        for start in range(0, len(new), _BATCH):
            part = new[start : start + _BATCH]
            decisions = self.policy.decide(part)
            self.made |= zip(map(_key, part), decisions, strict=True)
            if self.log:
                with self.log.open("a", encoding="utf-8", newline="\n") as file:
                    file.writelines(self._line(one) for one in part)
        return [self.made[_key(one)] for one in situations]

    def _line(self, situation: Situation) -> str:
        task, after = _key(situation)
        decision = self.made[task, after]._asdict()
        record = {"sha": self.sha, "task": task, "after": after, "decision": decision}
        return json.dumps(record, ensure_ascii=False) + "\n"


def _key(situation: Situation) -> tuple[str, str]:
    calls = [[turn.tool, turn.arguments] for turn in situation.turns]
    return situation.task, json.dumps(calls, sort_keys=True, ensure_ascii=False)


def from_prompt(policy: PromptedPolicy) -> Recorded:
    """The log's decisions for a policy's prompt and schema: those of SmolLM2-135M-Instruct, greedy.

    Built in notebooks/13_agents.ipynb.
    """
    said = json.dumps([policy.system, policy.schema, policy.max_tokens], sort_keys=True)
    return Recorded(policy, sha=hashlib.sha256(said.encode()).hexdigest()[:12], log=LOG)


def main() -> None:
    """Add to the log what is missing in it."""
    from course_lib.agents.loop import run_agents
    from course_lib.agents.scoring import score_by_kind
    from course_lib.data import load_agent_tasks
    from course_lib.language_model import LocalModel
    from course_lib.lora.grounded_data import grounded_search
    from course_lib.tools import larkspur_tools, shop_api

    tasks = [task for task in load_agent_tasks() if task.split == "test"]
    with shop_api() as shop:
        hidden = ("customers.name", "customers.email")
        tools = larkspur_tools(grounded_search(), shop, hidden=hidden)
        policy = from_prompt(PromptedPolicy(LocalModel(), tools))
        texts = [task.text for task in tasks]
        runs = run_agents(texts, policy, tools, max_steps=MAX_STEPS, max_seconds=1e6)
    print({kind: str(share) for kind, share in score_by_kind(tasks, runs).items()})


if __name__ == "__main__":
    main()
