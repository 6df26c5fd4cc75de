"""What goes into a prompt with room for less: whole passages in an order, or sentences of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from course_lib.chunking import split_sentences

Order = Literal["best_first", "best_last", "edges"]


def pack_context(
    passages: Sequence[str],
    max_tokens: int,
    *,
    count_tokens: Callable[[str], int],
    order: Order = "best_first",
) -> list[int]:
    """Positions of the passages that fit a budget, in the order in which to show them.

    From the best down, a passage is taken if it fits beside those taken before it; each whole or
    not at all.

    Args:
        passages: the best first.
        max_tokens: of all passages together.
        count_tokens: of a text, such as `functools.partial(tokenization.count_tokens, tokenizer)`.
        order: "best_first", "best_last" (next to the question), or "edges": the best first, the
            second best last, and so on, with the worst in the middle, where models overlook most.

    Raises:
        ValueError: if max_tokens is negative or the order unknown.

    >>> pack_context(["aaaa", "bbbbbb", "cc", "d"], 7, count_tokens=len, order="edges")
    [0, 3, 2]
    """
    if max_tokens < 0:
        raise ValueError(f"max_tokens must be 0 or more, got {max_tokens}")
    if order not in ("best_first", "best_last", "edges"):
        raise ValueError(f"order must be 'best_first', 'best_last' or 'edges', got {order!r}")
    kept: list[int] = []
    left = max_tokens
    for place, passage in enumerate(passages):
        cost = count_tokens(passage)
        if cost <= left:
            kept.append(place)
            left -= cost
    if order == "best_last":
        return kept[::-1]
    return kept if order == "best_first" else kept[::2] + kept[1::2][::-1]


def compress(
    query: str,
    passages: Sequence[str],
    max_tokens: int,
    *,
    embedder: Any,
    count_tokens: Callable[[str], int],
) -> list[str]:
    """The sentences nearest to a query that fit a budget, each at its place in its passage.

    Sentences, table rows and list items are taken as they stand, the nearest first; one that does
    not fit makes room for the ones after it. " ..." stands for what was left out between two. A
    sentence out of its place can mean something else ("not so for batteries"): look at the loss.

    Args:
        query: what the passages are to answer.
        passages: texts.
        max_tokens: of all that is kept together.
        embedder: an `Embedder`.
        count_tokens: of a text.

    Returns:
        What is kept of each passage, "" where nothing is; as many as passages.

    Raises:
        ValueError: if max_tokens is negative.

    Built in notebooks/11_prompts.ipynb.
    """
    if max_tokens < 0:
        raise ValueError(f"max_tokens must be 0 or more, got {max_tokens}")
    parts = [
        (row, place, text)
        for row, passage in enumerate(passages)
        for place, text in enumerate(split_sentences(passage))
        if any(sign.isalnum() for sign in text)  # not the ruler of a table
    ]
    if not parts:
        return ["" for _ in passages]
    vectors = embedder.encode([query, *(text for *_, text in parts)])
    kept: list[tuple[int, int, str]] = []
    texts = ["" for _ in passages]
    spent = 0
    for best in np.argsort(-(vectors[1:] @ vectors[0]), kind="stable"):
        row = parts[best][0]
        tried = _join([one for one in [*kept, parts[best]] if one[0] == row])
        cost = count_tokens(tried) - (count_tokens(texts[row]) if texts[row] else 0)
        if spent + cost <= max_tokens:
            kept.append(parts[best])
            texts[row], spent = tried, spent + cost
    return texts


def _join(parts: Sequence[tuple[int, int, str]]) -> str:
    """Sentences of one passage in their order, with a mark where something is missing."""
    joined = ""
    before = -1
    for _, place, text in sorted(parts):
        if joined and place > before + 1:
            joined = f"{joined.rstrip()} ...\n"
        joined += text
        before = place
    return joined.strip()
