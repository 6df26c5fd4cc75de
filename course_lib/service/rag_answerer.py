"""Answers by `rag.answer`: guarded passages before the model, events while it writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from course_lib import rag
from course_lib.guardrails import Dropped, Guard, sift_passages
from course_lib.language_model import Completion, LanguageModel, Message
from course_lib.rag import PROMPT, AnswerError, Step, Trace
from course_lib.retrieval import Retrieved, Retriever
from course_lib.service.answering import Emit, Passage, Reply

_DEEPER = 4  # times k: so deep a search goes for passages in the place of those left out


@dataclass(frozen=True)
class RagAnswerer:
    """Answers by `rag.answer`, and tells meanwhile which passages it reads and what it writes.

    Attributes:
        retriever: finds the passages.
        model: any `course_lib.language_model`.
        guards: look at each passage; one that any of them objects to is left out, and the next
            best takes its place. The trace then has a step "passages" that says which and why.
        stream: whether the answer is told as it is written. False where nobody would see it, or
            where the model answers in batches.
        prompt, k, max_prompt_tokens, max_tokens, count_tokens: as for `rag.answer`.

    Built in notebooks/15_capstone.ipynb.
    """

    retriever: Retriever
    model: LanguageModel
    guards: Sequence[Guard] = ()
    stream: bool = True
    prompt: Sequence[Message] = PROMPT
    k: int = 3
    max_prompt_tokens: int = 1500
    max_tokens: int = 100
    count_tokens: Callable[[Sequence[Message]], int] | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def answer(self, question: str, emit: Emit | None) -> Reply:
        """See Answerer.answer.

        Raises:
            AnswerError: if a step fails.
        """
        retriever: Retriever = self.retriever
        sifting = _Sifting(retriever, self.guards)
        retriever = sifting if self.guards else retriever
        try:
            given = rag.answer(
                question,
                retriever if emit is None else _Told(retriever, emit),
                self.model if emit is None or not self.stream else _Streamed(self.model, emit),
                k=self.k,
                max_prompt_tokens=self.max_prompt_tokens,
                max_tokens=self.max_tokens,
                prompt=self.prompt,
                count_tokens=self.count_tokens,
            )
        except AnswerError as error:
            sifting.enter_in(error.trace)
            raise
        sifting.enter_in(given.trace)
        passages = tuple(Passage.of(n, found) for n, found in enumerate(given.passages, start=1))
        return Reply(
            "abstained" if given.abstained else "answered",
            given.text,
            given.reason,
            passages,
            tuple(citation.number for citation in given.citations),
            given.trace,
        )


class _Sifting:
    """A search for one question that leaves out what a guard objects to, and remembers it."""

    def __init__(self, retriever: Retriever, guards: Sequence[Guard]) -> None:
        self.retriever, self.guards = retriever, guards
        self.looked_at = 0
        self.milliseconds = 0.0
        self.dropped: list[Dropped] = []

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k best passages that may be read."""
        depth = k
        while True:
            found = self.retriever.search(query, depth)
            began = time.perf_counter()
            kept, self.dropped = sift_passages(found, self.guards)
            self.milliseconds += 1000 * (time.perf_counter() - began)
            self.looked_at = len(found)
            if len(kept) >= k or len(found) < depth or depth >= _DEEPER * k:
                return kept[:k]
            depth *= 2

    def enter_in(self, trace: Trace) -> None:
        """Tell it apart from the search, as a step of its own."""
        if not self.looked_at or not trace.steps or trace.steps[0].name != "retrieve":
            return
        search = trace.steps[0]
        took = min(round(self.milliseconds, 3), search.milliseconds)
        left = round(search.milliseconds - took, 3)
        made = {"looked_at": self.looked_at, "dropped": [one._asdict() for one in self.dropped]}
        step = Step("passages", round(search.started + left, 3), took, {}, made)
        trace.steps[:1] = [replace(search, milliseconds=left), step]


class _Told:
    """A retriever that tells how many passages it found."""

    def __init__(self, retriever: Retriever, emit: Emit) -> None:
        self.retriever, self.emit = retriever, emit

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        found = self.retriever.search(query, k)
        self.emit("passages", {"found": [one.chunk.locator for one in found]})
        return found


class _Streamed:
    """A model whose `chat` tells each piece as it is written."""

    def __init__(self, model: LanguageModel, emit: Emit) -> None:
        self._model, self._emit = model, emit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def chat(self, messages: Sequence[Message], **options: Any) -> Completion:
        pieces = []
        for piece in self._model.stream(messages, **options):
            pieces.append(piece)
            self._emit("token", {"text": piece})
        text = "".join(pieces)
        if not hasattr(self._model, "tokenizer"):  # an endpoint's count would cost a request
            return Completion(text, "stop", 0, 0)
        written = len(self._model.tokenizer(text)["input_ids"])
        ended: Literal["stop", "length"] = "length" if written >= options["max_tokens"] else "stop"
        return Completion(text, ended, self._model.count_tokens(messages), written)
