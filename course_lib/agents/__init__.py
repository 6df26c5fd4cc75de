"""Agents: a loop of deciding, calling a tool and reading its result, with budgets and a trace.

>>> from course_lib.tools import Tool
>>> double = Tool("double", "Twice a number.", {
...     "type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
...     lambda x: str(2 * x))
>>> policy = ScriptedPolicy(['{"tool": "double", "arguments": {"x": 21}}',
...                          '{"tool": "answer", "arguments": {"text": "It is 42."}}'])
>>> print(run_agent("What is twice 21?", policy, {"double": double}))
It is 42. [answered: 2 steps, 0 tokens]
"""

from course_lib.agents.loop import AgentRun, run_agent, run_agents
from course_lib.agents.policies import PromptedPolicy, RoutedPolicy, call_schema
from course_lib.agents.runs import Recorded, from_adapters, from_prompt
from course_lib.agents.scoring import declines, forbidden, score_by_kind, succeeded
from course_lib.agents.steps import Decision, Policy, ScriptedPolicy, Situation, Turn, parse_call

__all__ = [
    "AgentRun",
    "Decision",
    "Policy",
    "PromptedPolicy",
    "Recorded",
    "RoutedPolicy",
    "ScriptedPolicy",
    "Situation",
    "Turn",
    "call_schema",
    "declines",
    "forbidden",
    "from_adapters",
    "from_prompt",
    "parse_call",
    "run_agent",
    "run_agents",
    "score_by_kind",
    "succeeded",
]
