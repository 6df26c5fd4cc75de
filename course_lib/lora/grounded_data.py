"""Examples of grounded answers: a question and passages -> an answer with citations, or none.

The questions stand in grounded_questions.toml beside this file. Those of questions.jsonl's training
split, which are asked as the test questions are, validate only: fifteen of them have no answer, and
a model that learns from them takes a roundabout question for one without an answer. No passage that
a test question needs is shown in any of them, nor the page that it replaced or was replaced by; the
passages that validation needs are shown in validation alone.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.chunking import Chunk, chunk_tables, covers
from course_lib.data import LARKSPUR, load_handbook, load_questions
from course_lib.ingestion import Document, load_folder
from course_lib.language_model import Message
from course_lib.lora.examples import Example
from course_lib.lora.quotes import cells, likeness, quote
from course_lib.rag import ABSTENTION, InForce, break_markers, format_passage
from course_lib.retrieval import Retriever, WordSearch

K = 3  # passages in a prompt
CHUNK_WORDS = 80
# Without a worked example: what it would show, the adapter has learned.
GROUNDED_PROMPT: tuple[Message, ...] = (
    {
        "role": "system",
        "content": "Answer with the sentence of the passages that answers, and end with the number "
        f"of its passage in brackets, such as [1]. If no passage answers, reply: {ABSTENTION}",
    },
    {"role": "user", "content": "{passages}\n\nQuestion: {question}"},
)
TOGETHER = 4  # examples about the same passages
_KINDS = ("fact", "table", "code", "out_of_date", "multi_step")  # of questions.jsonl


@dataclass(frozen=True)
class GroundedQuestion:
    """A question, its answer, and the passage that it stands on.

    Attributes:
        text: as somebody would ask it.
        answer: in few words, or words of the sentence that answers; empty where none does.
        anchor: the section, page or table row that answers; empty where none does.
        template: the wording before it was filled with a table's row; empty where it has none.
    """

    text: str
    answer: str
    anchor: str
    template: str = ""


@cache
def grounded_chunks() -> tuple[Chunk, ...]:
    """The handbook and the manuals in chunks of some 80 words, so that a prompt stays short."""
    documents = load_folder(LARKSPUR, ignore=["manuals/text"]).documents
    return tuple(chunk_tables(documents, CHUNK_WORDS))


@cache
def grounded_search() -> Retriever:
    """The search whose passages the adapter is trained and used with: stems, pages in force."""
    return InForce(WordSearch(grounded_chunks()))


def grounded_questions(split: str) -> list[GroundedQuestion]:
    """The questions of a split, "train" or "validation", before passages are searched for them.

    Raises:
        ValueError: if the split is another one.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split must be 'train' or 'validation', got {split!r}")
    known = _known()
    found = [
        GroundedQuestion(text, answer, anchor)
        for part in ("questions", "quoted")
        for anchor, pairs in known[part].items()
        for text, answer in pairs
    ]
    for table in known["table"]:
        found += _from_table(**table)
    if split == "train":
        return [one for one in found if not _answering(one) & _validating()]
    pages = set(known["validation_pages"])
    return [*(one for one in found if _page(one.anchor) in pages), *_from_questions()]


def grounded_examples(split: str, *, seed: int = 0) -> list[Example]:
    """Prompts with passages, and the answers that a model shall learn from them.

    Each TOGETHER neighbours are about the same passages. The answer is the sentence, or the cell of
    the table, that answers; where none of the passages does, it is ABSTENTION.

    Args:
        split: "train" or "validation".
        seed: decides which questions meet, and in what order the passages are shown.

    >>> len(grounded_examples("validation")) % TOGETHER
    0

    Built in notebooks/12_fine_tuning.ipynb.
    """
    rng = random.Random(f"{split} {seed}")
    hidden = _needed_by_test() if split == "validation" else _needed_by_test() | _validating()
    questions = [one for one in grounded_questions(split) if not _answering(one) & hidden]
    rng.shuffle(questions)
    used = dict.fromkeys(range(len(questions)), 0)
    examples: list[Example] = []
    for number in range(len(questions)):
        if used[number] < (2 if split == "train" else 1):
            examples += _about_same_passages(number, questions, used, hidden, rng)
    return examples


def grounded_messages(
    question: str, passages: Sequence[Chunk], prompt: Sequence[Message] | None = None
) -> tuple[Message, ...]:
    """The prompt of a question and its passages, as `rag.answer` fills GROUNDED_PROMPT."""
    shown = "\n\n".join(format_passage(n, chunk) for n, chunk in enumerate(passages, start=1))
    *before, last = prompt or GROUNDED_PROMPT
    fields = {"{passages}": break_markers(shown), "{question}": question.strip()}
    parts = re.split(r"(\{passages\}|\{question\})", last["content"])
    text = "".join(fields.get(part, part) for part in parts)  # at once: a passage may hold a field
    return *before, {"role": last["role"], "content": text}


def _about_same_passages(
    first: int,
    questions: Sequence[GroundedQuestion],
    used: dict[int, int],
    hidden: set[str],
    rng: random.Random,
) -> Iterator[Example]:
    """A question with what the search finds for it, and others about the same passages.

    Those answered by them come first, the seldom used before others; the rest are questions that
    the search brings near to them but that none of them answers.
    """
    shown = _shown(questions[first], hidden)
    if rng.random() < 0.5:  # else in the order of the search, as it will be in use
        rng.shuffle(shown)
    ids = {chunk.id for chunk in shown}
    order = sorted(range(len(questions)), key=lambda n: (n != first, used[n], rng.random()))
    answered = [n for n in order if _gold(questions[n]) in shown]
    near = [
        n
        for n in order
        if not _answering(questions[n]) & ids
        and ids & set(_ranked(questions[n].text)[: 2 * K])
        and not any(_says(chunk, questions[n].answer) for chunk in shown)
    ]
    most = TOGETHER - (rng.random() < 0.5)  # in half of the prompts one at least has no answer
    taken = [*answered[:most], *near][:TOGETHER]
    if len(taken) < TOGETHER:
        return  # fewer would put the next ones out of step
    for number in taken:
        one = questions[number]
        answer = ABSTENTION
        gold = _gold(one)
        used[number] += gold is None or gold in shown
        if gold in shown:
            assert gold is not None
            answer = (
                f"{quote(gold, one.text, one.answer, _row(one.anchor))} [{shown.index(gold) + 1}]."
            )
        yield Example(grounded_messages(one.text, shown), answer)


def _shown(one: GroundedQuestion, hidden: set[str]) -> list[Chunk]:
    """The passages that the search finds, with the one that answers where it would be found."""
    ranked = [chunk for each in _ranked(one.text) if (chunk := _by_id()[each]).id not in hidden]
    others = [chunk for chunk in ranked if chunk.id not in _answering(one)]
    gold = _gold(one)
    if gold is None:
        return others[:K]
    place = min(next((n for n, c in enumerate(ranked) if c.id in _answering(one)), K - 1), K - 1)
    return [*others[:place], gold, *others[place : K - 1]]


@cache
def _ranked(question: str) -> tuple[str, ...]:
    return tuple(each.chunk.id for each in grounded_search().search(question, 12))


@cache
def _by_id() -> dict[str, Chunk]:
    return {chunk.id: chunk for chunk in grounded_chunks()}


@cache
def _answering(one: GroundedQuestion) -> frozenset[str]:
    """Ids of the chunks that hold its answer."""
    return frozenset(
        chunk.id for chunk in grounded_chunks() if one.anchor and covers(chunk, one.anchor)
    )


@cache
def _gold(one: GroundedQuestion) -> Chunk | None:
    """The chunk that shares most of the answer's words, of a place that is cut into several."""
    chunks = [chunk for chunk in grounded_chunks() if chunk.id in _answering(one)]
    shared = [likeness(chunk, one.text, one.answer, _row(one.anchor)) for chunk in chunks]
    return chunks[shared.index(max(shared))] if chunks else None


def _says(chunk: Chunk, answer: str) -> bool:
    """Whether a passage may answer too: it has the answer's numbers, or most of its words."""
    text = chunk.text_with_heading.lower()
    numbers = re.findall(r"\d+(?:[.,]\d+)*", answer)
    if numbers:
        return all(re.search(rf"(?<![\d.,]){re.escape(one)}(?![\d])", text) for one in numbers)
    words = [word for word in re.findall(r"\w+", answer.lower()) if len(word) > 3]
    return sum(word in text for word in words) >= max(1, len(words) // 2)


def _from_table(
    anchor: str, column: str | int, wordings: Sequence[str], unit: str = ""
) -> Iterator[GroundedQuestion]:
    """A question for each row of a table; the wordings take turns."""
    document = next(one for one in _documents() if one.span(anchor))
    span = document.span(anchor)
    assert span is not None
    lines = [line for line in document.text[slice(*span)].splitlines() if line.startswith("|")]
    header, _, *rows = [cells(line) for line in lines]
    index = column if isinstance(column, int) else header.index(column)
    for number, row in enumerate(rows):
        if row[index].strip("–- "):
            wording = wordings[number % len(wordings)]
            text = wording.replace("{row}", row[0])
            yield GroundedQuestion(text, row[index] + unit, f"{anchor}/{row[0]}", wording)


def _from_questions() -> Iterator[GroundedQuestion]:
    """Those of questions.jsonl's training split whose answer stands in one passage, or in none."""
    for question in load_questions():
        answering = [one.anchor for one in question.relevant if one.grade == 2]
        if question.split != "train" or question.sql:
            continue
        if question.kind == "unanswerable":
            yield GroundedQuestion(question.text, "", "")
        elif question.kind in _KINDS and len(answering) == 1 and question.answer:
            yield GroundedQuestion(question.text, question.answer, answering[0])


@cache
def _needed_by_test() -> set[str]:
    """Ids of the chunks that a test question needs, and of their pages' older or newer twins."""
    needed = {r.anchor for q in load_questions() if q.split == "test" for r in q.relevant}
    twins = {page.id: page.supersedes for page in load_handbook() if page.supersedes}
    twins |= {old: new for new, old in twins.items()}
    for anchor in sorted(needed):
        page, _, rest = anchor.partition("#")
        if page in twins:
            needed |= {f"{twins[page]}#{rest}"}
    sections = {anchor.split("/")[0] for anchor in needed}
    return {c.id for c in grounded_chunks() if any(covers(c, one) for one in needed | sections)}


@cache
def _validating() -> set[str]:
    pages = set(_known()["validation_pages"])
    asked = [_answering(one) for one in _from_questions()]
    on_pages = {chunk.id for chunk in grounded_chunks() if _page(chunk.locator) in pages}
    return on_pages.union(*asked)


@cache
def _known() -> dict[str, Any]:
    file = Path(__file__).with_name("grounded_questions.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _documents() -> tuple[Document, ...]:
    return tuple(dict.fromkeys(chunk.document for chunk in grounded_chunks()))


def _row(anchor: str) -> str:
    return anchor.partition("/")[2]


def _page(anchor: str) -> str:
    return anchor.partition("#")[0]
