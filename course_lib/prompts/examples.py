"""Which worked examples a prompt should show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from course_lib.similarity import mmr, top_k

Method = Literal["random", "similar", "diverse"]


def select_examples(
    query: str,
    pool: Sequence[str],
    k: int,
    *,
    method: Method = "random",
    embedder: Any = None,
    seed: int = 0,
) -> list[int]:
    """Positions of k examples of a pool, to be shown before a query.

    Args:
        query: what is to be answered. "random" does not look at it.
        pool: the examples' texts; none of them may be the query itself.
        k: how many, from 1 to all.
        method: "random" draws k, the same ones for every query; "similar" takes the nearest by
            meaning, the nearest first; "diverse" takes near ones that do not repeat each other, by
            maximal marginal relevance.
        embedder: an `Embedder`, for "similar" and "diverse". The pool is embedded at each call: one
            with a cache does so once.
        seed: of the draw.

    Raises:
        ValueError: if k is out of range, the method unknown, or the embedder missing.

    >>> select_examples("Where is it?", ["Lost?", "Flat tyre", "Where?", "Refund"], 2, seed=1)
    [0, 1]

    Built in notebooks/11_prompts.ipynb.
    """
    if isinstance(pool, str):
        raise ValueError("pool must be a list of texts, got a single one")
    if isinstance(k, bool) or not 1 <= k <= len(pool):
        raise ValueError(f"k must be between 1 and {len(pool)} (the examples in the pool), got {k}")
    if method not in ("random", "similar", "diverse"):
        raise ValueError(f"method must be 'random', 'similar' or 'diverse', got {method!r}")
    if method == "random":
        rng = np.random.default_rng(seed)
        return [int(place) for place in rng.permutation(len(pool))[:k]]
    if embedder is None:
        raise ValueError(f"embedder must be given for the method {method!r}, got None")
    vectors = embedder.encode([query, *pool])
    if method == "diverse":
        return [int(place) for place in mmr(vectors[0], vectors[1:], k)]
    return [int(place) for place in top_k(vectors[1:] @ vectors[0], k)[0]]
