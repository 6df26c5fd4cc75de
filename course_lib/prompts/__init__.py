"""Prompts: versions as files, examples, structured output, packing, and memory within a budget.

To compare two versions, score both on the same items: `statistics.paired_bootstrap_interval` and
`significance.paired_permutation_test`.

>>> from course_lib.prompts import load_prompt
>>> load_prompt("grounded-answer").fill(passages="[1] a\\n> b", question="Why?")[-1]["role"]
'user'
"""

from course_lib.prompts.examples import select_examples
from course_lib.prompts.memory import ConversationMemory
from course_lib.prompts.packing import compress, pack_context
from course_lib.prompts.structured import generate_json, parse_json
from course_lib.prompts.templates import Prompt, load_prompt, versions

__all__ = [
    "ConversationMemory",
    "Prompt",
    "compress",
    "generate_json",
    "load_prompt",
    "pack_context",
    "parse_json",
    "select_examples",
    "versions",
]
