"""The metrics of many queries at once. Needs NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Gains = Mapping[str, float]  # judged document -> gain: 0 not relevant, 1 and more relevant
Ranked = Mapping[str, float] | Sequence[str]  # found document -> score, or ids best first

KINDS = ("precision", "recall", "success", "mrr", "map", "ndcg")
_BLOCK_QUERIES = 64  # of `evaluate`: their scores make a table as wide as the longest
_BLOCK_NUMBERS = 65_536  # compared at a time: they stay in the processor's cache


def evaluate(
    qrels: Mapping[str, Gains],
    run: Mapping[str, Ranked],
    metrics: Sequence[str] = ("ndcg@10", "mrr", "recall@10"),
    *,
    relevant_from: float = 1,
) -> dict[str, Floats]:
    """Score every query of `qrels` by each metric.

    Args:
        qrels: for each query its judged documents with their gains.
        run: for each query what was found: document -> score, or a list of ids, best first.
        metrics: any of KINDS, with a cut-off as in "recall@5"; without one, all that was found
            is looked at.
        relevant_from: least gain of a relevant document, in every metric but ndcg.

    Returns:
        For each metric its value for each query, shape (n_queries,), in the order of `qrels`: what
        a paired test needs. The mean of it is the number to report.

    Raises:
        ValueError: on an unknown metric, no query in common, a document ranked twice, or a score
            that is no finite number.

    >>> qrels = {"q1": {"d1": 1, "d3": 2}, "q2": {"d2": 1}}
    >>> values = evaluate(qrels, {"q1": {"d3": 0.2, "d7": 0.9}}, ["mrr", "recall@10"])
    >>> values  # the run lacks q2
    {'mrr': array([0.5, 0. ]), 'recall@10': array([0.5, 0. ])}
    >>> float(values["mrr"].mean())
    0.25

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    wanted = _parse(metrics, relevant_from)
    names = list(qrels)
    if run and not any(name in run for name in names):
        raise ValueError(
            "run and qrels must have queries in common, got none: run holds "
            f"{next(iter(run))!r}, qrels {next(iter(qrels), 'nothing')!r}"
        )
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for start in range(0, len(names), _BLOCK_QUERIES):
        query, rank, gain = _find(names[start : start + _BLOCK_QUERIES], qrels, run)
        parts.append((query + start, rank, gain))
    query, rank, gain = (np.concatenate(part) for part in zip(*parts, strict=True))
    positive = [[value for value in gains.values() if value > 0] for gains in qrels.values()]
    judged_query = np.repeat(np.arange(len(names)), [len(values) for values in positive])
    judged_gain = np.array([value for values in positive for value in values], dtype=np.float64)
    return _score(wanted, len(names), judged_query, judged_gain, query, rank, gain, relevant_from)


def _find(
    names: Sequence[str], qrels: Mapping[str, Gains], run: Mapping[str, Ranked]
) -> tuple[Integers, Integers, Floats]:
    """(query, rank, gain) of each document found that has a gain; each of shape (n_hits,)."""
    found = [_as_scores(run.get(name, {}), name) for name in names]
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    flat = np.fromiter(chain.from_iterable(scores.values() for scores in found), np.float64)
    for bad in np.flatnonzero(~np.isfinite(flat))[:1]:
        name = names[int(np.searchsorted(np.cumsum(lengths), bad, side="right"))]
        raise ValueError(f"run[{name!r}] must hold finite scores, got {flat[bad]}")
    table = np.full((len(found), lengths.max()), -np.inf)  # a short row ends with -inf
    table[np.arange(lengths.max()) < lengths[:, np.newaxis]] = flat
    hits = [
        (number, document)
        for number, name in enumerate(names)
        for document in qrels[name].keys() & found[number].keys()
        if qrels[name][document] > 0
    ]
    query = np.array([number for number, _ in hits], dtype=np.int64)
    score = np.array([found[number][document] for number, document in hits], dtype=np.float64)
    rank = np.ones(len(hits), dtype=np.int64)  # one more than the number of documents ahead
    step = max(1, _BLOCK_NUMBERS // max(1, table.shape[1]))
    for start in range(0, len(hits), step):
        block = slice(start, start + step)
        rows, own = table[query[block]], score[block, np.newaxis]
        rank[block] += np.count_nonzero(rows > own, axis=1)
        for hit in start + np.flatnonzero(np.count_nonzero(rows == own, axis=1) > 1):
            number, document = hits[hit]
            others = found[number].items()
            rank[hit] += sum(value == score[hit] and name > document for name, value in others)
    gain = np.array([qrels[names[number]][document] for number, document in hits], np.float64)
    return query, rank, gain


def _as_scores(ranked: Ranked, query: str) -> Mapping[str, float]:
    """Document -> score; a list of ids gets falling scores."""
    if isinstance(ranked, Mapping):
        return ranked
    scores = {document: -float(place) for place, document in enumerate(ranked)}
    if isinstance(ranked, str) or len(scores) < len(ranked):
        raise ValueError(
            f"run[{query!r}] must be a dict of scores, or a list that holds each document once, "
            f"got {ranked!s:.60}; list(dict.fromkeys(ids)) keeps the first of each"
        )
    return scores


def evaluate_arrays(
    qrels: ArrayLike,
    documents: ArrayLike,
    metrics: Sequence[str] = ("ndcg@10", "mrr", "recall@10"),
    *,
    relevant_from: float = 1,
) -> dict[str, Floats]:
    """`evaluate` for numbered queries and documents, as `top_k` returns them: many times faster.

    Args:
        qrels: whole numbers of shape (n_judged, 3): query, document, gain; each pair once.
        documents: whole numbers of shape (n_queries, depth): what was found for query 0, 1, ...,
            best first. A short row ends with -1.
        metrics: as in `evaluate`, and so is `relevant_from`.

    Returns:
        For each metric its value for each query, shape (n_queries,).

    Raises:
        ValueError: as `evaluate`, and on arrays that do not fit together.

    >>> evaluate_arrays([[0, 7, 1], [1, 3, 2]], [[4, 7, 2], [3, 5, -1]], ["mrr"])
    {'mrr': array([0.5, 1. ])}

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    wanted = _parse(metrics, relevant_from)
    judged, found = np.asarray(qrels), np.asarray(documents)
    for name, array, columns in (("qrels", judged, 3), ("documents", found, None)):
        whole = array.ndim == 2 and np.issubdtype(array.dtype, np.integer)
        if not whole or array.shape[1] != (columns or array.shape[1]):
            wish = f"whole numbers of shape (n, {columns or 'depth'})"
            raise ValueError(f"{name} must be {wish}, got {array.dtype} of shape {array.shape}")
    query, document, gain = np.ascontiguousarray(judged[judged[:, 2] > 0].T, np.int64)
    for bad in query[(query < 0) | (query >= len(found))][:1]:
        raise ValueError(f"qrels must hold queries from 0 to {len(found) - 1}, got {bad}")
    hits, rank = _ranks(query, document, found)
    return _score(wanted, len(found), query, gain, query[hits], rank, gain[hits], relevant_from)


def _ranks(query: Integers, document: Integers, found: Integers) -> tuple[Integers, Integers]:
    """Which judged documents stand in their query's row of `found`, and their ranks there."""
    n_queries, depth = found.shape
    span = max(int(part.max(initial=0)) for part in (found, document)) + 2
    most = np.iinfo(np.int64).max
    if found.min(initial=0) < -1 or document.min(initial=0) < 0 or n_queries * span * depth > most:
        raise ValueError(
            "documents must be numbered from 0 (-1 ends a short row) to at most "
            f"{most // (n_queries * depth) - 2}"
        )
    # A rising list of numbers, each made of query, document and place, in which to look them up.
    keys = np.full(n_queries * depth + 2, most)
    table = keys[:-2].reshape(n_queries, depth)
    table[:] = found
    table += 1
    table *= depth
    table += np.arange(depth)
    table.sort(axis=1)
    table += np.arange(n_queries)[:, np.newaxis] * (span * depth)
    first = (query * span + document + 1) * depth  # what it would be at the first place
    at = np.searchsorted(keys, first)
    hits = np.flatnonzero(keys[at] < first + depth)
    at, first = at[hits], first[hits]
    for bad in hits[keys[at + 1] < first + depth][:1]:
        raise ValueError(f"documents must hold each one once a row, got {document[bad]} twice")
    return hits, keys[at] - first + 1


def _parse(metrics: Sequence[str], relevant_from: float) -> list[tuple[str, str, float]]:
    """Each metric's name, its kind and its cut-off."""
    if not relevant_from > 0:
        raise ValueError(f"relevant_from must be above 0, got {relevant_from}")
    wanted = []
    for name in metrics:
        kind, at, k = name.partition("@")
        fits = k.isdecimal() and int(k) > 0 if at else kind != "precision"
        if kind not in KINDS or not fits:
            raise ValueError(
                f"metrics must be a list of {', '.join(KINDS)}, each with a cut-off like ndcg@10 "
                f"or, but for precision, without one, got {name!r}"
            )
        wanted.append((name, kind, int(k) if at else inf))
    return wanted


def _score(
    wanted: Sequence[tuple[str, str, float]],
    n_queries: int,
    judged_query: Integers,
    judged_gain: Floats,
    query: Integers,
    rank: Integers,
    gain: Floats,
    relevant_from: float,
) -> dict[str, Floats]:
    """Every metric of every query, from the gains above 0: all judged, and those found."""

    def total(queries: Integers, numbers: Floats | None = None) -> Floats:
        return np.bincount(queries, numbers, minlength=n_queries).astype(np.float64)

    def share(part: Floats, whole: Floats) -> Floats:
        return np.divide(part, whole, out=np.zeros(n_queries), where=whole > 0)

    def place(queries: Integers) -> Integers:  # 1, 2, 3 within each query of a sorted array
        count = np.bincount(queries, minlength=n_queries)
        return np.arange(1, len(queries) + 1) - (np.cumsum(count) - count)[queries]

    n_relevant = total(judged_query[judged_gain >= relevant_from])
    order = np.argsort(query * (rank.max(initial=0) + 1) + rank)
    order = order[gain[order] >= relevant_from]
    relevant, at = query[order], rank[order]  # the relevant documents found, and their ranks
    nth = place(relevant)
    best = np.lexsort((-judged_gain, judged_query))
    best_query, best_gain = judged_query[best], judged_gain[best]
    best_rank = place(best_query)
    scores = {}
    for name, kind, k in wanted:
        top, first = at <= k, (at <= k) & (nth == 1)
        if kind == "precision":
            scores[name] = total(relevant[top]) / k
        elif kind == "recall":
            scores[name] = share(total(relevant[top]), n_relevant)
        elif kind == "success":
            scores[name] = total(relevant[first])
        elif kind == "mrr":
            scores[name] = total(relevant[first], 1 / at[first])
        elif kind == "map":
            scores[name] = share(total(relevant[top], nth[top] / at[top]), n_relevant)
        else:
            near, best_near = rank <= k, best_rank <= k
            found = total(query[near], gain[near] / np.log2(rank[near] + 1))
            most = best_gain[best_near] / np.log2(best_rank[best_near] + 1)
            scores[name] = share(found, total(best_query[best_near], most))
    return scores
