"""What the local model answered with each version of a prompt, kept with the version's sha.

`python -m course_lib.prompts.runs` asks for what is missing and adds it to the log, which takes
some 15 minutes on an idle core; stopped, it goes on where it was.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from course_lib.chunking import Chunk
from course_lib.data import SINGLE_PASSAGE_KINDS, load_questions
from course_lib.data.records import Question
from course_lib.language_model import LanguageModel
from course_lib.prompts.packing import compress
from course_lib.prompts.templates import Prompt, load_prompt, versions
from course_lib.rag import break_markers

LOG = Path(__file__).parent / "runs.jsonl"
PASSAGE_TOKENS = 120  # what all passages of a compressed prompt may take
MAX_TOKENS = 40  # of an answer
WHOLE = 16  # test questions that version 1 is also asked with whole passages: long prompts


@dataclass(frozen=True)
class Run:
    """One answer, and what led to it.

    Attributes:
        version, sha: of the prompt "grounded-answer".
        compressed: whether the passages were compressed to PASSAGE_TOKENS.
        question: its id.
        shown: locators of the passages, number 1 first.
        prompt_tokens: of the prompt.
        text: what the model wrote.
    """

    version: int
    sha: str
    compressed: bool
    question: str
    shown: tuple[str, ...]
    prompt_tokens: int
    text: str


@dataclass(frozen=True)
class Shown:
    """What is put into a prompt for one question: the passages' chunks and their texts."""

    chunks: tuple[Chunk, ...]
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return "\n\n".join(
            "\n".join([f"[{number}] {chunk.locator}", *(f"> {line}" for line in text.splitlines())])
            for number, (chunk, text) in enumerate(zip(self.chunks, self.texts, strict=True), 1)
        )


def load_runs() -> list[Run]:
    """The log: answers of SmolLM2-135M-Instruct, greedy, of every version to the same questions.

    >>> runs = load_runs()
    >>> sorted({run.version for run in runs}) == versions("grounded-answer")
    True
    """
    lines = LOG.read_text(encoding="utf-8").splitlines() if LOG.exists() else []
    records = [json.loads(line) for line in lines]
    return [Run(**{**record, "shown": tuple(record["shown"])}) for record in records]


def questions_of_runs() -> list[Question]:
    """48 train and 60 test questions that one passage answers, and 15 of test that none does."""
    every = load_questions()
    rng = random.Random(11)
    chosen: set[str] = set()
    for split, kinds, size in (
        ("train", SINGLE_PASSAGE_KINDS, 48),
        ("test", SINGLE_PASSAGE_KINDS, 60),
        ("test", ("unanswerable",), 15),
    ):
        fits = [one.id for one in every if one.split == split and one.kind in kinds]
        chosen |= set(rng.sample(fits, size))
    return [one for one in every if one.id in chosen]


@cache
def passages_for(question: str, max_tokens: int | None = None) -> Shown:
    """The passages that the search finds for a question, as a prompt shows them.

    Args:
        question: its text.
        max_tokens: compress them to as many tokens of the local model; None leaves them whole.
    """
    from course_lib.lora.grounded_data import K, grounded_search

    chunks = [found.chunk for found in grounded_search().search(question, K)]
    texts = [chunk.text_with_heading for chunk in chunks]
    if max_tokens is not None:
        embedder, count = _readers()
        texts = compress(question, texts, max_tokens, embedder=embedder, count_tokens=count)
    pairs = [(chunk, text) for chunk, text in zip(chunks, texts, strict=True) if text.strip()]
    return Shown(tuple(chunk for chunk, _ in pairs), tuple(text for _, text in pairs))


@cache
def _readers() -> tuple[Any, Any]:
    """The embedder, and what counts the local model's tokens."""
    from transformers import AutoTokenizer

    from course_lib import assets, tokenization
    from course_lib.embeddings import Embedder

    tokenizer = AutoTokenizer.from_pretrained(assets.path("smollm2"))
    embedder = Embedder(cache=assets.cache_folder() / "vectors")
    return embedder, partial(tokenization.count_tokens, tokenizer)


def record_runs(
    model: LanguageModel,
    prompt: Prompt,
    questions: Sequence[Question],
    *,
    compressed: bool = True,
    batch_size: int = 16,
    progress: bool | None = None,
) -> list[Run]:
    """Ask a model every question with one version of the prompt "grounded-answer".

    Built in notebooks/11_prompts.ipynb.
    """
    shown = [passages_for(one.text, PASSAGE_TOKENS if compressed else None) for one in questions]
    asked = [
        prompt.fill(passages=break_markers(str(passages)), question=one.text)
        for one, passages in zip(questions, shown, strict=True)
    ]
    answers = model.chat_batch(
        asked, max_tokens=MAX_TOKENS, batch_size=batch_size, progress=progress
    )
    return [
        Run(
            prompt.version,
            prompt.sha,
            compressed,
            one.id,
            tuple(chunk.locator for chunk in passages.chunks),
            answer.prompt_tokens,
            answer.text.strip(),
        )
        for one, passages, answer in zip(questions, shown, answers, strict=True)
    ]


def main() -> None:
    """Add to the log what is missing in it."""
    from course_lib.language_model import LocalModel

    model = LocalModel()
    done = {(run.sha, run.compressed, run.question) for run in load_runs()}
    questions = questions_of_runs()
    tasks = [(version, True, questions) for version in versions("grounded-answer")]
    tasks.append((1, False, [one for one in questions if one.split == "test"][:WHOLE]))
    for version, compressed, asked in tasks:
        prompt = load_prompt("grounded-answer", version)
        left = [one for one in asked if (prompt.sha, compressed, one.id) not in done]
        for start in range(0, len(left), 16):
            part = left[start : start + 16]
            made = record_runs(model, prompt, part, compressed=compressed, progress=False)
            with LOG.open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(asdict(run), ensure_ascii=False) + "\n" for run in made)
            print(f"v{version} compressed={compressed}: {start + len(part)} of {len(left)}")


if __name__ == "__main__":
    main()
