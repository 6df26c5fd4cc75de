"""Scores of the tool router, and the recorded calls for its test questions.

`python -m course_lib.lora.router_scores` records what is missing in calls.jsonl beside the shipped
adapter and prints the model card's table; stopped, it goes on where it was.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.language_model import LanguageModel, LocalModel, Message
from course_lib.lora.router_data import (
    ARGUMENTS,
    SPLITS,
    RouterExample,
    parse_call,
    router_examples,
)
from course_lib.statistics import Interval, wilson_interval

ADAPTER = Path(__file__).parent / "adapters" / "router"
CALLS = ADAPTER / "calls.jsonl"
TESTS = tuple(split for split in SPLITS if split.startswith("test"))
MODELS = ("base", "adapter")
SHOTS = 5  # worked examples before a question for the model without adapter
EVERY = 3  # the model without adapter reads long prompts: it is asked every third question
INSTRUCTION = (
    "You choose the tool for a question to a maker of e-bikes. Answer with one line of JSON, as in "
    "the examples, and nothing else.\n"
    "http: one record of the shop by its code: /orders/..., /stock/... (a part), /products/... (a "
    "model).\n"
    "calculator: arithmetic with the numbers in the question.\n"
    "sql: counts, sums and averages over many records.\n"
    "search: rules, explanations and facts about the bikes; the query is the question, copied.\n"
    'decline: "off topic", or "not allowed".'
)
# what `nearest_calls` exchanges: codes and numbers, and words with a capital inside a sentence
_VALUES = (
    re.compile(r"\b[A-Z]{2}-[\d-]+\b|\b\d+\b"),
    re.compile(r"(?<!^)(?<![.?!] )\b[^\W\d_a-z]\w+"),
)


@dataclass(frozen=True)
class RoutedQuestion:
    """A question, and what a model wrote for it.

    Attributes:
        example: the question and the call that is wanted.
        text: the model's answer.
    """

    example: RouterExample
    text: str

    @property
    def exact(self) -> bool:
        """Whether it is the wanted call: the same tool and, letter for letter, the same argument.

        Blanks between the parts of the JSON do not count; a missing full stop in a search's query
        does, and so does other SQL with the same result.
        """
        return parse_call(self.text) == self.example.call

    @property
    def right_tool(self) -> bool:
        """Whether it is a call of the wanted tool, whatever the argument."""
        call = parse_call(self.text)
        return call is not None and call["tool"] == self.example.call["tool"]


def few_shot_messages(question: str, shots: int = SHOTS) -> list[Message]:
    """The prompt for the model without adapter: the tools, then the nearest training examples.

    Args:
        question: as somebody would type it.
        shots: how many examples of the training split; the nearest stands last.

    Raises:
        ValueError: if shots is negative.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    if shots < 0:
        raise ValueError(f"shots must be 0 or more, got {shots}")
    pool, vectors, embedder = _pool()
    order = (vectors @ embedder.encode([question])[0]).argsort()  # the nearest is last
    nearest = order[max(len(pool) - shots, 0) :]
    messages: list[Message] = [{"role": "system", "content": INSTRUCTION}]
    for row in nearest:
        messages.append({"role": "user", "content": pool[row].question})
        messages.append({"role": "assistant", "content": pool[row].answer})
    return [*messages, {"role": "user", "content": question}]


def nearest_calls(questions: Sequence[str]) -> list[dict[str, Any]]:
    """The call of the nearest training question with each question's values: a rival to a model.

    Codes, numbers and names of the training question are exchanged for those of the new one, in
    their order, where both have the same number of them. A query that repeats the question does so
    again.

    Args:
        questions: as somebody would type them.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    pool, vectors, embedder = _pool()
    rows = (embedder.encode(list(questions)) @ vectors.T).argmax(axis=1)
    return [_copy(pool[row], question) for row, question in zip(rows, questions, strict=True)]


def _copy(nearest: RouterExample, question: str) -> dict[str, Any]:
    tool = nearest.call["tool"]
    argument = nearest.call["arguments"][ARGUMENTS[tool]]
    if argument == nearest.question:
        return {"tool": tool, "arguments": {ARGUMENTS[tool]: question}}
    exchanged: dict[str, str] = {}
    for kind in _VALUES:
        old, new = kind.findall(nearest.question), kind.findall(question)
        if len(old) == len(new):
            exchanged.update(zip(old, new, strict=True))
    if exchanged and tool != "decline":
        known = re.compile("|".join(rf"\b{re.escape(value)}\b" for value in exchanged))
        argument = known.sub(lambda match: exchanged[match[0]], argument)
    return {"tool": tool, "arguments": {ARGUMENTS[tool]: argument}}


def load_calls(file: str | Path = CALLS) -> dict[tuple[str, str], list[RoutedQuestion]]:
    """The recorded answers to the test questions.

    Returns:
        For ("base" or "adapter", split) the answers, in the order of `router_examples`. "base" is
        the model without adapter, asked by `few_shot_messages`: every third question.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    known = _records(Path(file))
    answers: dict[tuple[str, str], list[RoutedQuestion]] = {}
    for model in MODELS:
        for split in TESTS:
            for one in router_examples(split):
                if (text := known.get((model, one.question))) is not None:
                    answers.setdefault((model, split), []).append(RoutedQuestion(one, text))
    return answers


def score_calls(answers: Sequence[RoutedQuestion]) -> dict[str, Interval]:
    """Shares with Wilson's 95 % intervals: "exact", "right tool", then exact by the wanted tool."""
    rows = {
        "exact": [one.exact for one in answers],
        "right tool": [one.right_tool for one in answers],
    }
    for tool in ARGUMENTS:
        rows[tool] = [one.exact for one in answers if one.example.call["tool"] == tool]
    return {name: wilson_interval(sum(row), len(row)) for name, row in rows.items() if row}


def record_calls(
    base: LanguageModel,
    adapter: LanguageModel,
    file: str | Path = CALLS,
    *,
    examples: Sequence[RouterExample] | None = None,
    batch_size: int = 32,
) -> None:
    """Ask both models the test questions that the file lacks, and add their answers to it.

    Args:
        base: without adapter; it gets worked examples, and every third question of a split.
        adapter: with the router's adapter.
        file: JSON lines, written anew after each batch; is made if it is not there.
        examples: ask these, all of them, instead of the test splits.
        batch_size: how many are answered at a time.
    """
    file = Path(file)
    known = _records(file)
    for name, model, every in (("adapter", adapter, 1), ("base", base, EVERY)):
        rows = [one for split in TESTS for one in router_examples(split)[::every]]
        rows = rows if examples is None else list(examples)
        left = [one for one in rows if (name, one.question) not in known]
        for start in range(0, len(left), batch_size):
            batch = left[start : start + batch_size]
            prompts = [
                list(one.messages) if name == "adapter" else few_shot_messages(one.question)
                for one in batch
            ]
            written = model.chat_batch(prompts, max_tokens=80, batch_size=batch_size)
            for one, answer in zip(batch, written, strict=True):
                known[name, one.question] = answer.text.strip()
            _write(file, known)
            print(f"{name}: {start + len(batch)} of {len(left)}", flush=True)


@lru_cache(maxsize=1)
def _pool() -> tuple[list[RouterExample], Any, Any]:
    from course_lib.embeddings import Embedder

    examples, embedder = router_examples("train"), Embedder()
    return examples, embedder.encode([one.question for one in examples]), embedder


def _records(file: Path) -> dict[tuple[str, str], str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    records: Iterator[dict[str, str]] = map(json.loads, lines)
    return {(one["model"], one["question"]): one["text"] for one in records}


def _write(file: Path, known: dict[tuple[str, str], str]) -> None:
    half = file.with_name(file.name + ".half")
    lines = [
        json.dumps({"model": model, "question": question, "text": text}, ensure_ascii=False) + "\n"
        for (model, question), text in known.items()
    ]
    half.write_text("".join(lines), encoding="utf-8", newline="\n")
    os.replace(half, file)


def main() -> int:
    """Record what is missing, and print the table."""
    base = LocalModel()
    record_calls(base, base.with_adapter(ADAPTER))
    for (model, split), answers in load_calls().items():
        print(f"{model}, {split}: {len(answers)} questions")
        for name, interval in score_calls(answers).items():
            print(f"  {name:12} {interval}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
