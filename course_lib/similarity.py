"""Similarity and distance between vectors, and the best few of many. Needs NumPy alone.

All functions take vectors as rows: queries of shape (n_queries, dim), documents of shape
(n_documents, dim). One query of shape (dim,) is accepted too, and gives scores of shape
(n_documents,). float32 stays float32; every other number type is computed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.intp]

# Numbers in a temporary array of `_distance`: it stays in the cache, and memory use stays small.
_BLOCK_NUMBERS = 65_536
_LEAST_GROUP = 8  # scores in a group of `top_k`; smaller ones save no work


def _as_rows(values: ArrayLike, name: str, shape: str, ndims: tuple[int, ...] = (2,)) -> Floats:
    """Float array whose ndim is one of `ndims`; `shape` is what the error asks for."""
    try:
        array = np.asarray(values)
        if array.dtype != np.float32:
            array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers of shape {shape}: {error}") from error
    if array.ndim not in ndims:
        raise ValueError(f"{name} must have the shape {shape}, got {array.shape}")
    if array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one number a row, got the shape {array.shape}")
    return array


def _as_pair(queries: ArrayLike, documents: ArrayLike) -> tuple[Floats, Floats]:
    """Both arrays, checked against each other."""
    query_array = _as_rows(queries, "queries", "(n_queries, dim) or (dim,)", (1, 2))
    document_array = _as_rows(documents, "documents", "(n_documents, dim)")
    if query_array.shape[-1] != document_array.shape[1]:
        got = f"{query_array.shape[-1]} and {document_array.shape[1]}"
        raise ValueError(f"queries and documents must have the same dim, got {got}")
    return query_array, document_array


def _refuse_not_finite(scores: Floats, queries: Floats, documents: Floats) -> Floats:
    """Return `scores`, or raise where an input held NaN or infinity.

    Reading every input would cost as much as the scores did. One bad number makes a whole row (bad
    query) or column (bad document) of `scores` not finite, so one row and one column tell.
    """
    grid = np.atleast_2d(scores)
    if grid.size and not (np.isfinite(grid[0]).all() and np.isfinite(grid[:, 0]).all()):
        for name, vectors in (("queries", np.atleast_2d(queries)), ("documents", documents)):
            bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if bad.size:
                raise ValueError(
                    f"{name} must hold finite numbers, got NaN or infinity in {bad.size} "
                    f"of {len(vectors)} rows, first in row {bad[0]}"
                )
    return scores


def dot_product(queries: ArrayLike, documents: ArrayLike) -> Floats:
    """Dot product of every query with every document: the sum of q_i * d_i.

    On vectors of unit length this is the cosine similarity, at the least cost.

    Args:
        queries: shape (n_queries, dim) or (dim,).
        documents: shape (n_documents, dim).

    Returns:
        Shape (n_queries, n_documents), or (n_documents,) for one query of shape (dim,).

    Raises:
        ValueError: if the dimensions differ, or on NaN or infinity.

    >>> dot_product(np.array([[1.0, 2.0]]), np.array([[3.0, 0.0], [0.0, 4.0]]))
    array([[3., 8.]])

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    query_array, document_array = _as_pair(queries, documents)
    with np.errstate(invalid="ignore"):  # a bad number is reported below, by name and row
        scores = query_array @ document_array.T
    return _refuse_not_finite(scores, query_array, document_array)


def cosine_similarity(queries: ArrayLike, documents: ArrayLike) -> Floats:
    """Cosine of the angle between every query and every document.

    Args:
        queries: shape (n_queries, dim) or (dim,).
        documents: shape (n_documents, dim).

    Returns:
        Shape (n_queries, n_documents), or (n_documents,) for one query, in [-1, 1]. A zero vector
        has similarity 0 with everything.

    Raises:
        ValueError: if the dimensions differ, or on NaN or infinity.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]]))
    array([[1., 0.]])

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    query_array, document_array = _as_pair(queries, documents)
    with np.errstate(invalid="ignore"):
        scores = _unit_length(query_array) @ _unit_length(document_array).T
    _refuse_not_finite(scores, query_array, document_array)
    # Rounding can give 1.0000001, which arccos would turn into NaN.
    return np.clip(scores, -1.0, 1.0, out=scores)


def _unit_length(vectors: Floats) -> Floats:
    """Rows divided by their length; a zero row stays zero."""
    # Dividing by the largest entry first keeps the squares of 1e30 and of 1e-30 in range.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("...i,...i->...", scaled, scaled))[..., np.newaxis]
    scaled /= np.where(length > 0, length, 1)
    return scaled


def euclidean_distance(queries: ArrayLike, documents: ArrayLike) -> Floats:
    """Straight-line distance between every query and every document: sqrt(sum (q_i - d_i)^2).

    Args:
        queries: shape (n_queries, dim) or (dim,).
        documents: shape (n_documents, dim).

    Returns:
        Shape (n_queries, n_documents), or (n_documents,) for one query; 0 or more.

    Raises:
        ValueError: if the dimensions differ, or on NaN or infinity.

    >>> euclidean_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 2.0]]))
    array([[5., 2.]])

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    # The shortcut |q|^2 + |d|^2 - 2qd is faster but loses half of the digits where q and d are
    # close, which is where the nearest neighbours are.
    return _distance(queries, documents, squared=True)


def manhattan_distance(queries: ArrayLike, documents: ArrayLike) -> Floats:
    """Distance along the axes between every query and every document: sum |q_i - d_i|.

    Args:
        queries: shape (n_queries, dim) or (dim,).
        documents: shape (n_documents, dim).

    Returns:
        Shape (n_queries, n_documents), or (n_documents,) for one query; 0 or more.

    Raises:
        ValueError: if the dimensions differ, or on NaN or infinity.

    >>> manhattan_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 2.0]]))
    array([[7., 2.]])

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    return _distance(queries, documents, squared=False)


def _distance(queries: ArrayLike, documents: ArrayLike, *, squared: bool) -> Floats:
    """Euclidean distances if `squared`, else Manhattan distances."""
    query_array, document_array = _as_pair(queries, documents)
    rows = np.atleast_2d(query_array)
    n_documents, dim = document_array.shape
    distances = np.empty((len(rows), n_documents), np.result_type(rows, document_array))
    step = max(1, _BLOCK_NUMBERS // dim)
    with np.errstate(invalid="ignore"):
        for start in range(0, n_documents, step):
            block = document_array[start : start + step]
            for row, query in enumerate(rows):
                difference = block - query  # (step, dim)
                distances[row, start : start + step] = (
                    np.sqrt(np.einsum("ij,ij->i", difference, difference))
                    if squared
                    else np.abs(difference, out=difference).sum(axis=1)
                )
    _refuse_not_finite(distances, query_array, document_array)
    return distances[0] if query_array.ndim == 1 else distances


def top_k(scores: ArrayLike, k: int, *, largest: bool = True) -> tuple[Integers, Floats]:
    """The k best scores of each row and where they stand, best first, without sorting all of them.

    Equal scores are ordered by index, lowest first.

    Args:
        scores: shape (n_queries, n_documents), or (n_documents,) for one query.
        k: how many, from 1 to n_documents.
        largest: True for similarities, False for distances.

    Returns:
        (indices, values), each of shape (n_queries, k), or (k,) for one query.

    Raises:
        ValueError: if k is out of range, or on NaN.

    >>> indices, values = top_k(np.array([0.2, 0.9, 0.5, 0.9]), 3)
    >>> indices, values
    (array([1, 3, 2]), array([0.9, 0.9, 0.5]))

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    array = _as_rows(scores, "scores", "(n_queries, n_documents) or (n_documents,)", (1, 2))
    _check_k(k, array.shape[-1])
    grid = np.atleast_2d(array) if largest else -np.atleast_2d(array)
    indices, values = _largest(grid, int(k))
    values = values if largest else -values
    return (indices[0], values[0]) if array.ndim == 1 else (indices, values)


def _check_k(k: int, n_documents: int) -> None:
    """Raise unless k is a whole number from 1 to n_documents."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise ValueError(f"k must be a whole number, got {k!r}")
    if not 1 <= k <= n_documents:
        raise ValueError(
            f"k must be between 1 and {n_documents} (the number of documents), got {k}"
        )


def _largest(scores: Floats, k: int) -> tuple[Integers, Floats]:
    """top_k of each row of `scores`, shape (n_rows, n_columns), sorting few columns of long rows.

    Deal a row's columns out to groups and take the largest score of each group. The k best scores
    lie in the k best groups: each of these holds a score that beats all scores outside of them.
    """
    n_rows, n_columns = scores.shape
    size = int(np.sqrt(n_columns / k))  # as many groups as columns that are left to look at
    n_groups = n_columns // size
    if size < _LEAST_GROUP:  # the row is short, or k is not small beside it
        return _largest_of_few(scores, k)
    dealt = n_groups * size  # column c is in group c % n_groups: numpy then compares long runs
    group_best = scores[:, :dealt].reshape(n_rows, size, n_groups).max(axis=1)
    groups = np.argpartition(group_best, n_groups - k, axis=1)[:, n_groups - k :]
    inside = np.sort(groups)[:, np.newaxis, :] + n_groups * np.arange(size)[:, np.newaxis]
    rest = np.broadcast_to(np.arange(dealt, n_columns), (n_rows, n_columns - dealt))
    columns = np.concatenate([inside.reshape(n_rows, -1), rest], axis=1)  # rising in each row
    chosen, values = _largest_of_few(np.take_along_axis(scores, columns, axis=1), k)
    indices = np.take_along_axis(columns, chosen, axis=1)
    # Where a group left out is as good as one taken, it may hold a tie with a lower index.
    least = np.take_along_axis(group_best, groups, axis=1).min(axis=1, keepdims=True)
    unsure = np.count_nonzero(group_best >= least, axis=1) > k
    if unsure.any():
        indices[unsure], values[unsure] = _largest_of_few(scores[unsure], k)
    return indices, values


def _largest_of_few(scores: Floats, k: int) -> tuple[Integers, Floats]:
    """top_k of each row by a partial sort of the whole row."""
    best = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k:]
    rows = np.flatnonzero(np.isnan(best).any(axis=1))  # NaN sorts, and compares, as the largest
    if rows.size:
        raise ValueError(f"scores must hold no NaN, got NaN in row {rows[0]}")
    kth = best[:, :1]
    better, tied = scores > kth, scores == kth
    places = k - np.count_nonzero(better, axis=1, keepdims=True)  # for tied scores
    if (np.count_nonzero(tied, axis=1, keepdims=True) > places).any():
        tied &= np.cumsum(tied, axis=1) <= places
    columns = np.nonzero(better | tied)[1].reshape(-1, k)
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def mmr(query: ArrayLike, documents: ArrayLike, k: int, *, trade_off: float = 0.5) -> Integers:
    """Maximal marginal relevance: k documents that fit the query and do not repeat each other.

    Each step takes the document with the largest
    trade_off * cosine(query, document) - (1 - trade_off) * max cosine(document, one taken before)
    (Carbonell and Goldstein, 1998). Equal scores go to the lower index.

    Args:
        query: shape (dim,).
        documents: shape (n_documents, dim). Pass the best 20 to 100 of a search, not all.
        k: how many to take, from 1 to n_documents.
        trade_off: 1.0 is relevance alone, 0.0 is variety alone (after the first document).

    Returns:
        Indices in the order taken, shape (k,).

    Raises:
        ValueError: if the dimensions differ, k or trade_off is out of range, or on NaN or infinity.

    >>> documents = np.array([[1.0, 0.0], [1.0, 0.01], [0.6, 0.8]])
    >>> mmr(np.array([1.0, 0.1]), documents, 2)
    array([1, 2])

    Built in notebooks/02_similarity_metrics.ipynb.
    """
    relevance = cosine_similarity(_as_rows(query, "query", "(dim,)", (1,)), documents)
    _check_k(k, len(relevance))
    if not 0.0 <= trade_off <= 1.0:
        raise ValueError(f"trade_off must be between 0 and 1, got {trade_off}")
    units = _unit_length(_as_rows(documents, "documents", "(n_documents, dim)"))
    taken = [int(np.argmax(relevance))]
    redundancy = np.full(len(units), -np.inf, relevance.dtype)
    while len(taken) < k:
        redundancy = np.maximum(redundancy, units @ units[taken[-1]])
        scores = trade_off * relevance - (1 - trade_off) * redundancy
        scores[taken] = -np.inf
        taken.append(int(np.argmax(scores)))
    return np.array(taken, dtype=np.intp)
