"""Answers of several versions of the grounded assistant to the same questions, for a gate.

`python -m course_lib.lora.gate_runs` records what is missing in gate_runs.jsonl beside this file,
some three minutes a version on an idle core; stopped, it goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from course_lib.chunking import Chunk
from course_lib.data.records import Question, Relevant
from course_lib.language_model import LanguageModel, Message
from course_lib.lora.grounded_data import GROUNDED_PROMPT, grounded_messages, grounded_questions
from course_lib.lora.grounded_scores import ADAPTER, GroundedAnswer, passages_of_question

LOG = Path(__file__).with_name("gate_runs.jsonl")
QUESTIONS = 96
MAX_TOKENS = 40  # of an answer
_SYSTEM, _USER = GROUNDED_PROMPT
_REWORDED = (
    "Quote the sentence of the passages that answers the question, then put its passage's number "
    "in brackets, such as [1]. If none of them answers, write: The documents do not say."
)
_NO_NUMBERS = (
    "Answer in a short, friendly sentence. Leave out numbers in brackets: customers find them "
    "confusing."
)


def _with_system(text: str) -> Callable[[str, Sequence[Chunk]], tuple[Message, ...]]:
    prompt = ({"role": "system", "content": text}, _USER)
    return lambda question, chunks: grounded_messages(question, chunks, prompt)


def _bullets(question: str, chunks: Sequence[Chunk]) -> tuple[Message, ...]:
    """Passages with a bullet in place of the number and the locator."""
    *before, last = grounded_messages(question, chunks)
    text = re.sub(r"^\[\d+\] .*$", "-", last["content"], flags=re.MULTILINE)
    return *before, {"role": last["role"], "content": text}


def _lost(question: str, chunks: Sequence[Chunk]) -> tuple[Message, ...]:
    """A template that was shortened by one field too many."""
    return _SYSTEM, {"role": "user", "content": f"Question: {question.strip()}"}


# How each version makes a prompt of a question and its passages.
VERSIONS: Mapping[str, Callable[[str, Sequence[Chunk]], tuple[Message, ...]]] = {
    "today": grounded_messages,
    "reworded": _with_system(_REWORDED),
    "forbids citations": _with_system(_NO_NUMBERS),
    "bullets": _bullets,
    "passages lost": _lost,
}


@cache
def gate_questions(answerable: bool = True) -> tuple[Question, ...]:
    """96 validation questions that a passage answers, each with a wording of its own.

    By their loss the adapter's step was chosen, so its scores here flatter it; a change is compared
    on them with what it changes.

    Args:
        answerable: False gives the 15 validation questions that none answers.
    """
    if not answerable:
        none = [one.text for one in grounded_questions("validation") if not one.anchor]
        return tuple(
            Question(f"N{number:03}", text, "unanswerable", None, (), "train")
            for number, text in enumerate(none, start=1)
        )
    own = [one for one in grounded_questions("validation") if one.anchor and not one.template]
    asked = [
        Question(f"V{number:03}", one.text, "fact", one.answer, (Relevant(one.anchor, 2),), "train")
        for number, one in enumerate(own, start=1)
    ]
    chosen = {one.id for one in random.Random(15).sample(asked, QUESTIONS)}
    return tuple(one for one in asked if one.id in chosen)


def answer_version(
    model: LanguageModel,
    version: str,
    questions: Sequence[Question],
    *,
    batch_size: int = 16,
) -> list[GroundedAnswer]:
    """Let a model answer with one version's prompt; the passage that answers is always shown.

    So it is the reading that is measured here, and not the search.

    Args:
        model: with the grounded adapter.
        version: of VERSIONS.
        questions: some of gate_questions().
        batch_size: how many are answered at a time.

    Built in notebooks/15_capstone.ipynb.
    """
    shown = [passages_of_question(question, with_gold=True) for question in questions]
    prompts = [
        VERSIONS[version](question.text, chunks)
        for question, (chunks, _) in zip(questions, shown, strict=True)
    ]
    written = model.chat_batch(
        prompts, max_tokens=MAX_TOKENS, batch_size=batch_size, progress=False
    )
    return [
        GroundedAnswer(question, chunks, answering, completion.text.strip())
        for question, (chunks, answering), completion in zip(questions, shown, written, strict=True)
    ]


def gate_scores(answers: Sequence[GroundedAnswer]) -> dict[str, NDArray[np.float64]]:
    """What the gate looks at, for each answer from 0 to 1.

    "cited": share of its citations that name a passage which answers. "answer F1": its words and
    the reference's. "answered": whether it is an answer.
    """
    return {
        "cited": np.array([one.citation_precision for one in answers]),
        "answer F1": np.array([one.f1 for one in answers]),
        "answered": np.array([float(not one.abstained) for one in answers]),
    }


def load_gate_answers(
    *, answerable: bool = True, file: str | Path = LOG
) -> dict[str, list[GroundedAnswer]]:
    """The recorded answers of SmolLM2-135M-Instruct with the grounded adapter, greedy, by version.

    Args:
        answerable: which of gate_questions(); for False there are two versions.
        file: JSON lines.

    Raises:
        ValueError: if a prompt is another one now than when the answers were written.

    Built in notebooks/15_capstone.ipynb.
    """
    known = _records(Path(file))
    answers: dict[str, list[GroundedAnswer]] = {}
    for question in gate_questions(answerable):
        chunks, answering = passages_of_question(question, with_gold=True)
        for version in VERSIONS:
            if (record := known.get((version, question.id))) is None:
                continue
            if record["sha"] != _sha(version, question, chunks):
                raise ValueError(
                    f"{str(file)!r} is out of date: {version!r} asks {question.id} otherwise now. "
                    "Delete the file and run python -m course_lib.lora.gate_runs"
                )
            one = GroundedAnswer(question, chunks, answering, record["text"])
            answers.setdefault(version, []).append(one)
    return answers


def _sha(version: str, question: Question, chunks: Sequence[Chunk]) -> str:
    messages = VERSIONS[version](question.text, chunks)
    return hashlib.sha256(json.dumps([dict(one) for one in messages]).encode()).hexdigest()[:12]


def _records(file: Path) -> dict[tuple[str, str], dict[str, str]]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    records = [json.loads(line) for line in lines]
    return {(one["version"], one["question"]): one for one in records}


def main() -> None:
    """Add to the log what is missing in it."""
    from course_lib.language_model import LocalModel

    model, known = LocalModel(adapter=ADAPTER), _records(LOG)
    for version in VERSIONS:
        wanted = gate_questions()
        if version in ("today", "forbids citations"):
            wanted += gate_questions(answerable=False)
        left = [one for one in wanted if (version, one.id) not in known]
        for start in range(0, len(left), 16):
            part = left[start : start + 16]
            with LOG.open("a", encoding="utf-8", newline="\n") as file:
                for one in answer_version(model, version, part):
                    sha = _sha(version, one.question, one.passages)
                    record = {"version": version, "question": one.question.id, "sha": sha}
                    line = json.dumps({**record, "text": one.text}, ensure_ascii=False)
                    file.write(line + "\n")
            print(f"{version}: {start + len(part)} of {len(left)}", flush=True)


if __name__ == "__main__":
    main()
