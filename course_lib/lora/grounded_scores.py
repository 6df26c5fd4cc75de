"""Scores of grounded answers, and the test questions' recorded ones.

`python -m course_lib.lora.grounded_scores` records what is missing in answers.jsonl beside the
shipped adapter and prints the scores; stopped, it goes on where it was.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.chunking import Chunk, covers
from course_lib.data import load_questions
from course_lib.data.records import Question
from course_lib.generation_metrics import token_f1
from course_lib.language_model import LanguageModel, LocalModel, Message
from course_lib.lora.grounded_data import (
    K,
    grounded_chunks,
    grounded_messages,
    grounded_search,
)
from course_lib.rag import PROMPT, check_citations, is_abstention
from course_lib.statistics import Interval, bootstrap_interval

KINDS = ("fact", "table", "code", "out_of_date", "unanswerable")
ADAPTER = Path(__file__).parent / "adapters" / "grounded"
SHOWN = ("gold", "found")  # with the passage that answers put in; as the search finds it
MODELS = ("base", "adapter")  # with rag's prompt and its worked example; with the adapter's own
MAX_TOKENS = 60  # of an answer
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class GroundedAnswer:
    """An answer, and what is right about it.

    Attributes:
        question: which question, with its reference answer.
        passages: what the model was shown.
        answering: numbers of the passages that answer, from 1; empty where none does.
        text: what the model wrote.
    """

    question: Question
    passages: tuple[Chunk, ...]
    answering: tuple[int, ...]
    text: str

    @property
    def abstained(self) -> bool:
        """Whether the model wrote that the documents do not say."""
        return is_abstention(self.text)

    @property
    def f1(self) -> float:
        """Token F1 with the reference answer, citations aside; 0 for an abstention."""
        answer = re.sub(r"\[[^\]]*\]", "", self.text)
        return 0.0 if self.abstained else token_f1(answer, self.question.answer or "")

    @property
    def numbers_right(self) -> bool | None:
        """Whether each number of the reference is in the answer; None if it has no number."""
        wanted = set(_NUMBER.findall(self.question.answer or ""))
        written = set(_NUMBER.findall(re.sub(r"\[[^\]]*\]", "", self.text)))
        return wanted <= written if wanted else None

    @property
    def citation_precision(self) -> float:
        """Share of the citations that name a passage which answers; 0 without citations."""
        checked = check_citations(self.text, self.passages)
        cited = [citation.number for citation in checked.citations]
        right = [number in self.answering for number in cited]
        n = len(right) + len(checked.not_retrieved)
        return sum(right) / n if n else 0.0

    @property
    def right_and_cited(self) -> bool:
        """The numbers of the reference (or half of its words), and a citation of what answers."""
        says = self.numbers_right if self.numbers_right is not None else self.f1 >= 0.5
        return bool(says) and self.citation_precision == 1.0


def answer_grounded(
    model: LanguageModel,
    questions: Sequence[Question],
    *,
    with_gold: bool = False,
    prompt: Sequence[Message] | None = None,
    batch_size: int = 16,
    max_tokens: int = MAX_TOKENS,
) -> list[GroundedAnswer]:
    """Let a model answer questions from what the search finds.

    Args:
        model: plain, or with the grounded adapter.
        questions: of the handbook and the manuals.
        with_gold: put the passage that answers among the three where the search missed it.
        prompt: by default GROUNDED_PROMPT; else messages with {passages} and {question}.
        batch_size: how many are answered at a time.
        max_tokens: of each answer.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    shown = [passages_of_question(question, with_gold) for question in questions]
    prompts = [
        grounded_messages(question.text, chunks, prompt)
        for question, (chunks, _) in zip(questions, shown, strict=True)
    ]
    written = model.chat_batch(prompts, max_tokens=max_tokens, batch_size=batch_size)
    return [
        GroundedAnswer(question, chunks, answering, completion.text.strip())
        for question, (chunks, answering), completion in zip(questions, shown, written, strict=True)
    ]


def score_grounded(answers: Sequence[GroundedAnswer]) -> dict[str, Interval]:
    """Means with their 95 % bootstrap intervals, of what there are two values of or more.

    Over the questions that a shown passage answers: "answer F1", "numbers right" (where the
    reference has one), "citation precision", "right and cited", "wrongly abstained". Over those
    that none answers: "rightly abstained".
    """
    answerable = [one for one in answers if one.answering]
    others = [one for one in answers if not one.answering]
    numbers = [one.numbers_right for one in answerable if one.numbers_right is not None]
    values: dict[str, list[float]] = {
        "answer F1": [one.f1 for one in answerable],
        "numbers right": [float(right) for right in numbers],
        "citation precision": [one.citation_precision for one in answerable],
        "right and cited": [float(one.right_and_cited) for one in answerable],
        "wrongly abstained": [float(one.abstained) for one in answerable],
        "rightly abstained": [float(one.abstained) for one in others],
    }
    return {
        name: bootstrap_interval(np.array(each)) for name, each in values.items() if len(each) > 1
    }


def held_out_questions() -> list[Question]:
    """The questions of the test split that one passage answers, or none."""
    return [one for one in load_questions() if one.split == "test" and one.kind in KINDS]


def passages_of_question(
    question: Question, with_gold: bool
) -> tuple[tuple[Chunk, ...], tuple[int, ...]]:
    """The three best passages, and the numbers of those that answer.

    Args:
        question: with its judged passages.
        with_gold: put the best passage that answers last where the search missed all of them.
    """
    anchors = [one.anchor for one in question.relevant if one.grade == 2]
    chunks = [one.chunk for one in grounded_search().search(question.text, K)]
    if with_gold and anchors and not any(covers(c, a) for c in chunks for a in anchors):
        gold = [c for c in grounded_chunks() if any(covers(c, a) for a in anchors)]
        chunks[-1] = max(gold, key=lambda chunk: _shared(chunk, question.answer or ""))
    numbers = [n for n, c in enumerate(chunks, start=1) if any(covers(c, a) for a in anchors)]
    return tuple(chunks), tuple(numbers)


def _shared(chunk: Chunk, answer: str) -> int:
    words = re.findall(r"\w+", chunk.text.lower())
    return len(set(words) & set(re.findall(r"\w+", answer.lower())))


def load_grounded_answers(
    file: str | Path = ADAPTER / "answers.jsonl",
) -> dict[tuple[str, str], list[GroundedAnswer]]:
    """The recorded answers to the test questions, by what was shown and by model.

    Returns:
        For ("gold" or "found", "base" or "adapter") the answers in the order of
        held_out_questions(). "base" is the model alone, asked with rag's prompt and its worked
        example; "adapter" the model with the shipped adapter.

    Raises:
        ValueError: if the search finds other passages now than when the answers were written.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    known = _records(Path(file))
    answers: dict[tuple[str, str], list[GroundedAnswer]] = {}
    for shown in SHOWN:
        for question in held_out_questions():
            chunks, answering = passages_of_question(question, shown == "gold")
            locators = [chunk.locator for chunk in chunks]
            for model in MODELS:
                if (record := known.get((question.id, shown, model))) is None:
                    continue
                if record["passages"] != locators:
                    raise ValueError(
                        f"{str(file)!r} is out of date: {question.id} was answered from "
                        f"{record['passages']}, and now the search finds {locators}. Delete the "
                        "file and run python -m course_lib.lora.grounded_scores"
                    )
                one = GroundedAnswer(question, chunks, answering, record["text"])
                answers.setdefault((shown, model), []).append(one)
    return answers


def record_answers(
    base: LanguageModel,
    adapter: LanguageModel,
    file: str | Path = ADAPTER / "answers.jsonl",
    *,
    questions: Sequence[Question] | None = None,
    batch_size: int = 16,
) -> None:
    """Answer the test questions with both models, and add what the file lacks to it.

    A line is {"question", "shown", "model", "passages", "text"}. The file is written anew after
    each batch, so an interruption costs one batch. Where the search finds the answering passage by
    itself, both cases have one prompt, which is answered once.

    Args:
        base: without adapter.
        adapter: with it.
        file: JSON lines; is made if it is not there.
        questions: by default held_out_questions().
        batch_size: how many are answered at a time.
    """
    file = Path(file)
    known = _records(file)
    rows = list(held_out_questions() if questions is None else questions)
    for name, model, prompt in zip(MODELS, (base, adapter), (PROMPT, None), strict=True):
        for shown in SHOWN:
            left = [one for one in rows if (one.id, shown, name) not in known]
            for start in range(0, len(left), batch_size):
                texts: dict[str, str] = {}
                ask = []
                for one in left[start : start + batch_size]:
                    twin = known.get((one.id, "gold", name))
                    if shown == "found" and twin and twin["passages"] == _locators(one, False):
                        texts[one.id] = twin["text"]
                    else:
                        ask.append(one)
                if ask:
                    gold = shown == "gold"
                    answers = answer_grounded(
                        model, ask, with_gold=gold, prompt=prompt, batch_size=batch_size
                    )
                    texts |= {each.question.id: each.text for each in answers}
                for one in left[start : start + batch_size]:
                    known[one.id, shown, name] = {
                        "question": one.id, "shown": shown, "model": name,
                        "passages": _locators(one, shown == "gold"), "text": texts[one.id],
                    }  # fmt: skip
                _write(file, known)
                print(f"{name}, {shown}: {start + len(texts)} of {len(left)}", flush=True)


def _locators(question: Question, with_gold: bool) -> list[str]:
    return [chunk.locator for chunk in passages_of_question(question, with_gold)[0]]


def _records(file: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The file's lines, by question, what was shown and model."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    records = [json.loads(line) for line in lines]
    return {(one["question"], one["shown"], one["model"]): one for one in records}


def _write(file: Path, records: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    half = file.with_name(file.name + ".half")
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records.values())
    half.write_text(text, encoding="utf-8", newline="\n")
    os.replace(half, file)


def main() -> int:
    """Record what is missing, and print the scores."""
    base = LocalModel()
    record_answers(base, base.with_adapter(ADAPTER))
    for (shown, model), answers in load_grounded_answers().items():
        found = sum(bool(one.answering) for one in answers)
        print(f"{shown}, {model}: {len(answers)} questions, {found} with an answering passage")
        for name, interval in score_grounded(answers).items():
            print(f"  {name:20} {interval}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
