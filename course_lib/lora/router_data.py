"""Questions for the tool router: which call answers each of them, in splits that share nothing.

The wordings and the values that fill them stand in router_templates.toml beside this file.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.data import SINGLE_PASSAGE_KINDS, load_questions
from course_lib.language_model import LanguageModel, Message
from course_lib.statistics import Interval, wilson_interval

SPLITS = ("train", "validation", "test_templates", "test_entities", "test_both")
ARGUMENTS = {  # the tools' names, and the one argument of each
    "search": "query",
    "calculator": "expression",
    "sql": "query",
    "http": "path",
    "decline": "reason",
}
ROUTER_PROMPT = (
    "Answer with one line of JSON: a call of search, calculator, sql or http, or decline."
)

_SLOT = re.compile(r"\{\w+\}")
_FILLS = {"train": 3, "validation": 2, "test_templates": 3, "test_entities": 1, "test_both": 2}
# of the wordings, and of the values: both are in one of the file's three splits
_SOURCES = {
    "train": ("train", "train"),
    "validation": ("validation", "validation"),
    "test_templates": ("test", "train"),
    "test_entities": ("train", "test"),
    "test_both": ("test", "test"),
}


@dataclass(frozen=True)
class RouterExample:
    """A question, and the call that answers it.

    Attributes:
        question: as somebody would type it.
        call: {"tool": name, "arguments": {...}}; see `answer` for its line of JSON.
        template: the wording before its slots were filled.
        entity: what filled them, joined by "; "; empty where the wording has none.
        split: one of SPLITS.
    """

    question: str
    call: dict[str, Any]
    template: str
    entity: str
    split: str

    @property
    def answer(self) -> str:
        """The call as the model has to write it."""
        return json.dumps(self.call, ensure_ascii=False)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt: see `router_messages`."""
        return router_messages(self.question)


def router_messages(question: str) -> tuple[Message, ...]:
    """The router's prompt for a question: a line that names the tools, and the question.

    >>> router_messages("Is LK-204 in stock?")[-1]["content"]
    'Is LK-204 in stock?'

    Built in notebooks/12_fine_tuning.ipynb.
    """
    system = {"role": "system", "content": ROUTER_PROMPT}
    return (system, {"role": "user", "content": question})


def parse_call(text: str) -> dict[str, Any] | None:
    """Read the call that a model wrote: None where it is not one of a known tool.

    Args:
        text: one JSON object, with blanks around it or not.

    >>> parse_call('{"tool": "http", "arguments": {"path": "/stock/LK-204"}}')["tool"]
    'http'
    >>> parse_call("Sure! Let me look."), parse_call('{"tool": "shell", "arguments": {}}')
    (None, None)

    Built in notebooks/12_fine_tuning.ipynb.
    """
    try:
        call = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(call, dict) or set(call) != {"tool", "arguments"}:
        return None
    tool, arguments = call["tool"], call["arguments"]
    if not isinstance(tool, str) or tool not in ARGUMENTS or not isinstance(arguments, dict):
        return None
    if set(arguments) != {ARGUMENTS[tool]} or not isinstance(arguments[ARGUMENTS[tool]], str):
        return None
    return call


def router_examples(split: str | None = None, *, seed: int = 0) -> list[RouterExample]:
    """Make the router's questions.

    `test_templates` has wordings that no other split has, filled with values of the training
    split; `test_entities` the training split's wordings with values that no other split has;
    `test_both` neither seen. `validation` shares nothing with any of them.

    Args:
        split: one of SPLITS; by default all.
        seed: which values fill which wording.

    Raises:
        ValueError: if the split is unknown.

    >>> example = router_examples("train")[0]
    >>> example.question, example.call["tool"]
    ('Where is my order LC-25-13723?', 'http')

    Built in notebooks/12_fine_tuning.ipynb.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    path = Path(__file__).with_name("router_templates.toml")
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    found: list[RouterExample] = []
    for name in SPLITS if split is None else (split,):
        found += _examples(file, name, seed)
        if name == "train":
            found += _customers_questions(file["values"])
    return found


def score_router(
    model: LanguageModel,
    examples: Sequence[RouterExample],
    *,
    batch_size: int = 32,
    progress: bool | None = None,
) -> tuple[list[bool], dict[str, Interval]]:
    """Let a model route questions, and count the calls that are exactly right.

    Args:
        model: plain, or with the router's adapter.
        examples: of any splits.
        batch_size: how many questions are answered at a time.
        progress: show a bar; by default only where it takes long.

    Returns:
        Whether each call equals the wanted one as parsed JSON, in the order of the examples;
        and for each split the share of those, with Wilson's 95 % interval.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    prompts = [example.messages for example in examples]
    answers = model.chat_batch(prompts, max_tokens=80, batch_size=batch_size, progress=progress)
    pairs = zip(answers, examples, strict=True)
    right = [parse_call(answer.text) == example.call for answer, example in pairs]
    scores = {}
    for split in dict.fromkeys(example.split for example in examples):
        own = [ok for ok, example in zip(right, examples, strict=True) if example.split == split]
        scores[split] = wilson_interval(sum(own), len(own))
    return right, scores


def _examples(file: dict[str, Any], split: str, seed: int) -> Iterator[RouterExample]:
    wordings, values = _SOURCES[split]
    for group in file["group"]:
        for template in group.get(wordings, []):
            slots = dict.fromkeys(match[0][1:-1] for match in _SLOT.finditer(template))
            if not slots and split in ("test_entities", "test_both"):
                continue  # nothing in it is unseen, or it is in test_templates already
            fills = _FILLS[split]
            if split == "train":
                fills = group.get("fills", fills)
            made: set[str] = set()
            for number in range(fills if slots else 1):
                draw = random.Random(f"{seed} {split} {template} {number}")
                filled = _fill(file["values"], values, slots, draw)
                question = _format(template, filled, 0)
                if question in made:
                    continue  # few values: the same were drawn again
                made.add(question)
                argument = group["argument"].replace("{question}", question)
                if argument != question:
                    argument = _format(argument, filled, 1)
                call = {"tool": group["tool"], "arguments": {ARGUMENTS[group["tool"]]: argument}}
                entity = "; ".join(said for said, _ in filled.values())
                yield RouterExample(question, call, template, entity, split)


def _customers_questions(pools: dict[str, Any]) -> Iterator[RouterExample]:
    """The training split's questions that a document answers, or that none does: a search.

    Those that name a value which is to be unseen are left out.
    """
    unseen = {
        one if isinstance(one, str) else one[0]
        for pool in pools.values()
        for split in ("validation", "test")
        for one in pool[split]
    }
    names = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, sorted(unseen)))})(?!\w)")
    for question in load_questions():
        searched = question.kind in (*SINGLE_PASSAGE_KINDS, "unanswerable")
        if question.split == "train" and searched and not names.search(question.text):
            call = {"tool": "search", "arguments": {"query": question.text}}
            yield RouterExample(question.text, call, question.text, "", "train")


def _fill(
    pools: dict[str, Any], split: str, slots: Iterable[str], draw: random.Random
) -> dict[str, tuple[str, str]]:
    """What is said and what is stored, for each slot; no value twice."""
    filled: dict[str, tuple[str, str]] = {}
    for slot in slots:
        pool = pools[re.sub(r"_\d+$", "", slot)][split]
        pairs = [(one, one) if isinstance(one, str) else (one[0], one[1]) for one in pool]
        filled[slot] = draw.choice([pair for pair in pairs if pair not in filled.values()])
    return filled


def _format(text: str, filled: dict[str, tuple[str, str]], form: int) -> str:
    return _SLOT.sub(lambda match: filled[match[0][1:-1]][form], text)
