"""Decisions that are kept, so that a run is repeated without the model that made them.

`python -m course_lib.agents.record` makes the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from course_lib.agents.policies import PromptedPolicy, RoutedPolicy
from course_lib.agents.steps import Decision, Policy, Situation
from course_lib.lora.router_data import ROUTER_PROMPT

LOG = Path(__file__).with_name("decisions.jsonl")
ADAPTERS = [
    Path(__file__).parents[1] / "lora" / "adapters" / name for name in ("router", "grounded")
]
MAX_STEPS = 3  # of a run in the log: two calls and an answer
_BATCH = 16


class Recorded:
    """A policy that decides once: what is kept is said again, what is not is asked and kept.

    A decision is kept by its task and the calls before it, so the tools must give the same each
    time.

    Args:
        policy: is asked for what is not kept.
        sha: of all that decides what the policy says; decisions of another one are left alone.
        log: a file of JSON lines with earlier decisions.
        add: whether new ones are added to the log, or kept in memory alone.

    >>> from course_lib.agents import ScriptedPolicy
    >>> policy = Recorded(ScriptedPolicy(["first"]))
    >>> policy.decide([Situation("Twice 21?", ())])
    [Decision(text='first', prompt_tokens=0, completion_tokens=0)]
    >>> policy.policy = ScriptedPolicy(["second"])
    >>> policy.decide([Situation("Twice 21?", ())])[0].text
    'first'

    Built in notebooks/13_agents.ipynb.
    """

    def __init__(
        self, policy: Policy, *, sha: str = "", log: Path | None = None, add: bool = False
    ) -> None:
        self.policy, self.sha, self.log, self.add = policy, sha, log, add
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
            if self.log and self.add:
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


def from_prompt(policy: PromptedPolicy, *, add: bool = False) -> Recorded:
    """The log's decisions for a policy's prompt and schema: those of SmolLM2-135M-Instruct, greedy.

    Built in notebooks/13_agents.ipynb.
    """
    said = json.dumps([policy.system, policy.schema, policy.max_tokens], sort_keys=True)
    return Recorded(policy, sha=_sha(said.encode()), log=LOG, add=add)


def from_adapters(policy: RoutedPolicy, folders: Sequence[Path], *, add: bool = False) -> Recorded:
    """The log's decisions for two adapters: SmolLM2-135M-Instruct with each of them, greedy.

    Args:
        policy: with these adapters.
        folders: of the router's and the reader's adapter.
        add: as for `Recorded`.

    Built in notebooks/13_agents.ipynb.
    """
    weights = [(folder / "adapter_model.safetensors").read_bytes() for folder in folders]
    prompts = json.dumps([ROUTER_PROMPT, [dict(message) for message in policy.prompt]])
    return Recorded(policy, sha=_sha(prompts.encode(), *weights), log=LOG, add=add)


def _sha(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]
