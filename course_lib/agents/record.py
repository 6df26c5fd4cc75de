"""Let the local model work on every test task, from its prompt and with the shipped adapters.

`python -m course_lib.agents.record` adds each decision to the log, which takes some 10 minutes on
an idle core; stopped, it goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from course_lib.agents.loop import run_agents
from course_lib.agents.policies import PromptedPolicy, RoutedPolicy
from course_lib.agents.runs import ADAPTERS, LOG, MAX_STEPS, from_adapters, from_prompt
from course_lib.agents.scoring import score_by_kind
from course_lib.agents.steps import Decision, Policy, Situation


class SearchFirst:
    """Searches for the task's own words, whatever it is, and leaves the rest to a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def decide(self, situations: Sequence[Situation]) -> list[Decision]:
        """A search, and then what the policy decides."""
        later = iter(self.policy.decide([one for one in situations if one.turns]))
        calls = [{"tool": "search", "arguments": {"query": one.task}} for one in situations]
        return [
            next(later) if one.turns else Decision(json.dumps(made))
            for one, made in zip(situations, calls, strict=True)
        ]


def main() -> None:
    """Add to the log what is missing in it, and take out what no longer belongs to it."""
    from course_lib.data import load_agent_tasks
    from course_lib.language_model import LocalModel
    from course_lib.lora.grounded_data import GROUNDED_PROMPT, grounded_search
    from course_lib.tools import larkspur_tools, shop_api

    tasks = [task for task in load_agent_tasks() if task.split == "test"]
    texts = [task.text for task in tasks]
    model = LocalModel()
    router, reader = (model.with_adapter(folder) for folder in ADAPTERS)
    routed = RoutedPolicy(router, reader, GROUNDED_PROMPT)
    with shop_api() as shop:
        hidden = ("customers.name", "customers.email")
        tools = larkspur_tools(grounded_search(), shop, hidden=hidden)
        adapters = from_adapters(routed, ADAPTERS, add=True)
        prompted = from_prompt(PromptedPolicy(model, tools), add=True)
        _keep_only({adapters.sha, prompted.sha})
        policies: dict[str, Policy] = {
            "adapters": adapters,
            "search first": SearchFirst(adapters),
            "prompt": prompted,
        }
        for name, policy in policies.items():
            limits = {"max_steps": MAX_STEPS} if name == "prompt" else {}
            runs = run_agents(texts, policy, tools, max_seconds=1e6, **limits)
            shares = score_by_kind(tasks, runs)
            print(name, {kind: str(share) for kind, share in shares.items()}, flush=True)


def _keep_only(shas: set[str]) -> None:
    """Take the decisions of earlier prompts and adapters out of the log."""
    lines = LOG.read_text(encoding="utf-8").splitlines(True) if LOG.exists() else []
    kept = "".join(line for line in lines if json.loads(line)["sha"] in shas)
    LOG.write_text(kept, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
