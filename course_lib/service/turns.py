"""Parts that several threads may hold and one at a time may use."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Unpack

from course_lib.language_model import LanguageModel, Message
from course_lib.language_model.interface import Options
from course_lib.retrieval import Retrieved, Retriever


class OneSearch:
    """A search that one thread at a time may use: a tokenizer cannot be shared."""

    def __init__(self, retriever: Retriever) -> None:
        self.retriever, self.lock = retriever, threading.Lock()

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """See Retriever.search."""
        with self.lock:
            return self.retriever.search(query, k)


class OneStream:
    """A local model that writes one stream at a time: two at once would each be half as fast.

    Everything else is the model's own.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.lock = model, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name == "model":  # not there yet
            raise AttributeError(name)
        return getattr(self.model, name)

    def stream(self, messages: Sequence[Message], **options: Unpack[Options]) -> Iterator[str]:
        """See LanguageModel.stream; it begins once the one before has ended."""
        with self.lock:
            yield from self.model.stream(messages, **options)
