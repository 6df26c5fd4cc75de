"""What every search returns."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from course_lib.chunking import Chunk


class Retrieved(NamedTuple):
    """A chunk that a search found; what its score means depends on the searcher."""

    chunk: Chunk
    score: float


class Retriever(Protocol):
    """Anything that finds chunks for a query."""

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k chunks that fit the query best, best first."""


def check_k(k: int, name: str = "k") -> None:
    """Raise unless this is a whole number of 1 or more."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"{name} must be a whole number of 1 or more, got {k!r}")
