"""The metrics of one query, in plain Python. Needs Python alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2

Gains = Mapping[str, float]  # judged document -> gain: 0 not relevant, 1 and more relevant


def rank_by_score(scores: Mapping[str, float]) -> list[str]:
    """Document ids from the highest score to the lowest; equal scores by id, largest first.

    >>> rank_by_score({"a": 0.5, "b": 0.9, "c": 0.5})
    ['b', 'c', 'a']

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    return sorted(scores, key=lambda document: (scores[document], document), reverse=True)


def precision_at_k(
    ranking: Sequence[str], gains: Gains, k: int, *, relevant_from: float = 1
) -> float:
    """Share of the first k places that hold a relevant document.

    Args:
        ranking: document ids, best first, each once.
        gains: gain of each judged document.
        k: how many places to look at, 1 or more.
        relevant_from: least gain of a relevant document.

    Raises:
        ValueError: if k is below 1.

    >>> precision_at_k(["d3", "d7", "d1"], {"d1": 1, "d3": 2, "d9": 1}, 2)
    0.5

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    return _n_relevant(_first(ranking, k), gains, relevant_from) / k


def recall_at_k(ranking: Sequence[str], gains: Gains, k: int, *, relevant_from: float = 1) -> float:
    """Share of the relevant documents that stand in the first k places.

    Arguments as in `precision_at_k`.

    >>> round(recall_at_k(["d3", "d7", "d1"], {"d1": 1, "d3": 2, "d9": 1}, 3), 3)
    0.667

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    n_relevant = _n_relevant(gains, gains, relevant_from)
    return _n_relevant(_first(ranking, k), gains, relevant_from) / n_relevant if n_relevant else 0.0


def success_at_k(
    ranking: Sequence[str], gains: Gains, k: int, *, relevant_from: float = 1
) -> float:
    """1 when one of the first k places holds a relevant document, else 0.

    Arguments as in `precision_at_k`.

    >>> success_at_k(["d7", "d1"], {"d1": 1}, 1), success_at_k(["d7", "d1"], {"d1": 1}, 2)
    (0.0, 1.0)

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    return float(_n_relevant(_first(ranking, k), gains, relevant_from) > 0)


def reciprocal_rank(ranking: Sequence[str], gains: Gains, *, relevant_from: float = 1) -> float:
    """1 / the place of the first relevant document, or 0; its mean over queries is the MRR.

    Arguments as in `precision_at_k`.

    >>> reciprocal_rank(["d7", "d3", "d1"], {"d1": 1, "d3": 2})
    0.5

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    for rank, document in enumerate(ranking, start=1):
        if gains.get(document, 0) >= relevant_from:
            return 1 / rank
    return 0.0


def average_precision(ranking: Sequence[str], gains: Gains, *, relevant_from: float = 1) -> float:
    """Precision at the place of each relevant document, 0 for one not found; the mean of these.

    Its mean over queries is the MAP. Arguments as in `precision_at_k`.

    >>> average_precision(["d3", "d7", "d1"], {"d1": 1, "d3": 2, "d9": 1})  # (1/1 + 2/3 + 0) / 3
    0.5555555555555555

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    total, found = 0.0, 0
    for rank, document in enumerate(ranking, start=1):
        if gains.get(document, 0) >= relevant_from:
            found += 1
            total += found / rank
    return total / _n_relevant(gains, gains, relevant_from) if found else 0.0


def ndcg_at_k(ranking: Sequence[str], gains: Gains, k: int) -> float:
    """Discounted gain of the first k places, as a share of the most that a ranking could have.

    A document at place r adds gain / log2(r + 1): all of its gain at the top, a third of it at
    place 7 (Järvelin and Kekäläinen, 2002). Arguments as in `precision_at_k`.

    >>> round(ndcg_at_k(["d3", "d7", "d1"], {"d1": 1, "d3": 2, "d9": 1}, 3), 3)
    0.798

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    found = [gains.get(document, 0) for document in _first(ranking, k)]
    best = sorted(gains.values(), reverse=True)[:k]
    return _discounted(found) / _discounted(best) if max(best, default=0) > 0 else 0.0


def _first(ranking: Sequence[str], k: int) -> Sequence[str]:
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    return ranking[:k]


def _discounted(gains: Sequence[float]) -> float:
    return sum(max(gain, 0) / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _n_relevant(documents: Sequence[str] | Gains, gains: Gains, relevant_from: float) -> int:
    return sum(gains.get(document, 0) >= relevant_from for document in documents)
