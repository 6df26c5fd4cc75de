"""The exercises of notebooks/07_vector_search.ipynb."""

import itertools
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 7.1 Recall against exact search


def recall_at_k(found: Any, exact: Any) -> float:
    """Share of the ids that exact search gives which another search found, mean over queries.

    Args:
        found: for each query the ids that a search gave; perhaps fewer than k.
        exact: for each query the k ids that exact search gave.

    >>> recall_at_k([[4, 7], [1, 2]], [[7, 9], [2, 1]])
    0.75
    """
    shares = []
    for some, wanted in zip(found, exact, strict=True):
        shares.append(len(set(some) & set(wanted)) / len(wanted))
    return float(np.mean(shares))


def _recall_positions(found: Any, exact: Any) -> Any:
    rows = zip(found, exact, strict=True)
    return float(
        np.mean([sum(a == b for a, b in zip(f, e, strict=False)) / len(e) for f, e in rows])
    )


def _recall_precision(found: Any, exact: Any) -> Any:
    rows = zip(found, exact, strict=True)
    return float(np.mean([len(set(f) & set(e)) / max(len(f), 1) for f, e in rows]))


def _recall_any(found: Any, exact: Any) -> Any:
    return float(np.mean([bool(set(f) & set(e)) for f, e in zip(found, exact, strict=True)]))


def _recall_all(found: Any, exact: Any) -> Any:
    return float(np.mean([set(f) == set(e) for f, e in zip(found, exact, strict=True)]))


def _recall_pooled(found: Any, exact: Any) -> Any:
    found, exact = {i for f in found for i in f}, {i for e in exact for i in e}
    return len(found & exact) / len(exact)


def _recall_count(found: Any, exact: Any) -> Any:
    return float(np.mean([len(set(f) & set(e)) for f, e in zip(found, exact, strict=True)]))


def _recall_per_query(found: Any, exact: Any) -> Any:
    return [len(set(f) & set(e)) / len(e) for f, e in zip(found, exact, strict=True)]


def _recall_median(found: Any, exact: Any) -> Any:
    return float(np.median(_recall_per_query(found, exact)))


def _recall_repeats(found: Any, exact: Any) -> Any:
    rows = zip(found, exact, strict=True)
    return float(np.mean([sum(i in e for i in f) / len(e) for f, e in rows]))


_RECALL_SOLUTION = """
def my_recall(found, exact):
    shares = []
    for some, wanted in zip(found, exact):
        shares.append(len(set(some) & set(wanted)) / len(wanted))
    return np.mean(shares)
"""

# ------------------------------------------------------------------------------------------------
# 7.2 Search some of the lists


def search_lists(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> np.ndarray:
    """Rows of the k nearest vectors among the lists of the n_probe nearest centres, best first.

    Args:
        vectors: shape (n, dim).
        centres: shape (n_lists, dim).
        lists: for each centre the rows of the vectors that belong to it.
        query: shape (dim,).
        n_probe: lists to read.
        k: rows wanted.

    >>> line = np.array([[1.0], [2.0], [3.0]])
    >>> search_lists(line, np.array([[1.5], [3.0]]), [[0, 1], [2]], np.array([1.0]), 1, 2)
    array([2])
    """
    nearest = np.argsort(-(centres @ query), kind="stable")[:n_probe]
    rows = np.concatenate([lists[one] for one in nearest])
    best = np.argsort(-(vectors[rows] @ query), kind="stable")[:k]
    return rows[best]


def _lists_rows(centres: Any, lists: Any, query: Any, n_probe: int) -> Any:
    nearest = np.argsort(-(centres @ query), kind="stable")[:n_probe]
    return np.concatenate([lists[one] for one in nearest])


def _lists_positions(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    rows = _lists_rows(centres, lists, query, n_probe)
    return np.argsort(-(vectors[rows] @ query), kind="stable")[:k]


def _lists_one(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    return search_lists(vectors, centres, lists, query, 1, k)


def _lists_all(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    return np.argsort(-(vectors @ query), kind="stable")[:k]


def _lists_farthest(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    return search_lists(vectors, -centres, lists, query, n_probe, k)


def _lists_smallest(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    return search_lists(-vectors, centres, lists, query, n_probe, k)


def _lists_unsorted(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    return np.sort(search_lists(vectors, centres, lists, query, n_probe, k))


def _lists_as_read(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    return _lists_rows(centres, lists, query, n_probe)[:k]


def _lists_first(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    rows = np.concatenate(lists[:n_probe])
    return rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:k]]


def _lists_euclidean(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    nearest = np.argsort(np.linalg.norm(centres - query, axis=1), kind="stable")[:n_probe]
    rows = np.concatenate([lists[one] for one in nearest])
    return rows[np.argsort(np.linalg.norm(vectors[rows] - query, axis=1), kind="stable")[:k]]


def _lists_cosine(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    rows = _lists_rows(centres, lists, query, n_probe)
    cosines = vectors[rows] @ query / np.linalg.norm(vectors[rows], axis=1)
    return rows[np.argsort(-cosines, kind="stable")[:k]]


def _lists_one_more(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    return search_lists(vectors, centres, lists, query, n_probe + 1, k)


def _lists_until_k(vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int) -> Any:
    while len(_lists_rows(centres, lists, query, n_probe)) < k:
        n_probe += 1
    return search_lists(vectors, centres, lists, query, n_probe, k)


def _lists_unmerged(
    vectors: Any, centres: Any, lists: Any, query: Any, n_probe: int, k: int
) -> Any:
    nearest = np.argsort(-(centres @ query), kind="stable")[:n_probe]
    best = [lists[one][np.argsort(-(vectors[lists[one]] @ query))] for one in nearest]
    return np.concatenate(best)[:k]


def _lists_case(seed: int, n_probe: int, k: int, *, long: bool = False) -> Case:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(24, 3))
    if not long:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centres = vectors[rng.choice(24, 6, replace=False)]
    nearest = (vectors @ centres.T).argmax(axis=1)
    lists = [np.flatnonzero(nearest == one) for one in range(6)]
    query = rng.normal(size=3)
    return Case(
        (vectors, centres, lists, query / np.linalg.norm(query), n_probe, k),
        f"6 lists, n_probe = {n_probe}, k = {k}" + ", vectors of any length" * long,
    )


_LISTS_SOLUTION = """
def my_search(vectors, centres, lists, query, n_probe, k):
    nearest = np.argsort(-(centres @ query))[:n_probe]      # which lists
    rows = np.concatenate([lists[one] for one in nearest])  # what stands in them
    best = np.argsort(-(vectors[rows] @ query))[:k]         # positions among these rows
    return rows[best]
"""

# ------------------------------------------------------------------------------------------------
# 7.3 A greedy walk


def greedy_walk(vectors: Any, neighbours: Any, query: Any, start: int) -> list[int]:
    """The nodes that a walk visits, which goes to the best neighbour as long as that is nearer.

    Args:
        vectors: shape (n, dim); the larger the dot product with the query, the nearer.
        neighbours: for each node the nodes that it is linked to.
        query: shape (dim,).
        start: the node to start from.

    >>> line = np.array([[1.0], [2.0], [3.0]])
    >>> greedy_walk(line, [[1], [0, 2], [1]], np.array([1.0]), 0)
    [0, 1, 2]
    """
    path = [start]
    while True:
        here = path[-1]
        around = np.asarray(neighbours[here])
        scores = vectors[around] @ query
        if scores.max() <= vectors[here] @ query:
            return path
        path.append(int(around[scores.argmax()]))


def _walk_first_nearer(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = [start]
    while True:
        here = vectors[path[-1]] @ query
        nearer = [int(one) for one in neighbours[path[-1]] if vectors[one] @ query > here]
        if not nearer:
            return path
        path.append(nearer[0])


def _walk_end(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, query, start)[-1]


def _walk_end_in_list(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, query, start)[-1:]


def _walk_without_start(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, query, start)[1:]


def _walk_away(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, -query, start)


def _walk_one_step(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, query, start)[:2]


def _walk_nearest_to_here(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = [start]
    while True:
        here = path[-1]
        around = np.asarray(neighbours[here])
        best = int(around[(vectors[around] @ vectors[here]).argmax()])
        if vectors[best] @ query <= vectors[here] @ query:
            return path
        path.append(best)


def _walk_one_too_far(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = greedy_walk(vectors, neighbours, query, start)
    around = np.asarray(neighbours[path[-1]])
    return [*path, int(around[(vectors[around] @ query).argmax()])]


def _walk_indices(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = greedy_walk(vectors, neighbours, query, start)
    steps = [list(neighbours[here]).index(there) for here, there in itertools.pairwise(path)]
    return [start, *steps]


def _walk_two_steps(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    return greedy_walk(vectors, neighbours, query, start)[:3]


def _walk_over_ties(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = [start]
    while True:
        around = np.asarray(neighbours[path[-1]])
        scores = vectors[around] @ query
        if scores.max() < vectors[path[-1]] @ query or len(path) > len(vectors):
            return path
        path.append(int(around[scores.argmax()]))


def _walk_euclidean(vectors: Any, neighbours: Any, query: Any, start: int) -> Any:
    path = [start]
    while True:
        around = np.asarray(neighbours[path[-1]])
        distances = np.linalg.norm(vectors[around] - query, axis=1)
        if distances.min() >= np.linalg.norm(vectors[path[-1]] - query):
            return path
        path.append(int(around[distances.argmin()]))


def _chain_case() -> Case:
    """Seven steps along a chain of vectors of many lengths, and a tie at the end."""
    vectors = np.array([[1, 9], [2, -12], [3, 1], [4, 8], [5, 0], [6, -7], [7, 2], [7, 5]]) / 4
    neighbours = [[one for one in (node - 1, node + 1) if 0 <= one < 8] for node in range(8)]
    return Case((vectors, neighbours, np.array([1.0, 0.0]), 0), "a chain of 8 nodes")


def _walk_case(seed: int, start: int) -> Case:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = vectors @ vectors.T
    neighbours = [sorted(np.argsort(-row)[1:5].tolist()) for row in scores]
    query = rng.normal(size=3)
    return Case(
        (vectors, neighbours, query / np.linalg.norm(query), start), f"30 nodes, from node {start}"
    )


_WALK_SOLUTION = """
def my_walk(vectors, neighbours, query, start):
    path = [start]
    while True:
        here = path[-1]
        around = np.asarray(neighbours[here])
        scores = vectors[around] @ query
        if scores.max() <= vectors[here] @ query:  # nobody is nearer
            return path
        path.append(int(around[scores.argmax()]))
"""

# ------------------------------------------------------------------------------------------------
# 7.4 A filter inside the search


def search_fitting(scores: Any, fits: Any, k: int) -> np.ndarray:
    """Rows of the k largest scores among the rows that fit a filter, best first.

    Args:
        scores: of every row, shape (n,).
        fits: whether a row fits, shape (n,).
        k: rows wanted; fewer come where fewer fit.

    >>> search_fitting(np.array([0.9, 0.1, 0.5]), np.array([False, True, True]), 2)
    array([2, 1])
    """
    rows = np.flatnonzero(fits)
    best = np.argsort(-scores[rows], kind="stable")[:k]
    return rows[best]


def _fitting_after(scores: Any, fits: Any, k: int) -> Any:
    rows = np.argsort(-scores, kind="stable")[:k]
    return rows[fits[rows]]


def _fitting_zeroed(scores: Any, fits: Any, k: int) -> Any:
    return np.argsort(-(scores * fits), kind="stable")[:k]


def _fitting_minus_inf(scores: Any, fits: Any, k: int) -> Any:
    return np.argsort(-np.where(fits, scores, -np.inf), kind="stable")[:k]


def _fitting_positions(scores: Any, fits: Any, k: int) -> Any:
    return np.argsort(-scores[fits], kind="stable")[:k]


def _fitting_smallest(scores: Any, fits: Any, k: int) -> Any:
    rows = np.flatnonzero(fits)
    return rows[np.argsort(scores[rows], kind="stable")[:k]]


def _fitting_unsorted(scores: Any, fits: Any, k: int) -> Any:
    return np.flatnonzero(fits)[:k]


def _fitting_ten_times(scores: Any, fits: Any, k: int) -> Any:
    rows = np.argsort(-scores, kind="stable")[: 3 * k]
    return rows[fits[rows]][:k]


def _fitting_misfits(scores: Any, fits: Any, k: int) -> Any:
    return search_fitting(scores, ~fits, k)


def _fitting_case(seed: int, n: int, n_fit: int, k: int, *, misfits: int = 4) -> Case:
    """n scores, of which n_fit fit; the best `misfits` do not."""
    scores = np.random.default_rng(seed).permutation(np.linspace(-0.3, 0.6, n)).round(4)
    fits = np.zeros(n, dtype=bool)
    worse = np.argsort(scores)[: n - misfits]
    fits[worse[:: max(1, len(worse) // max(n_fit, 1))][:n_fit]] = True
    return Case((scores, fits, k), f"{n_fit} of {n} fit, k = {k}")


_FITTING_SOLUTION = """
def my_filtered(scores, fits, k):
    rows = np.flatnonzero(fits)            # first the filter
    best = np.argsort(-scores[rows])[:k]   # then the search, among these alone
    return rows[best]
"""

# ------------------------------------------------------------------------------------------------
# 7.5 Your own records


@cache
def _embedder() -> Any:
    from course_lib.embeddings import Embedder

    return Embedder()


def _ask(records: Any, question: str, wanted: Any, update: Any) -> tuple[Any, Any, Any]:
    """Hits without the filter, with it, and with it after the update."""
    from course_lib.vector_stores import open_store

    embedder = _embedder()
    texts = [text for text, _ in records]
    query = embedder.encode([question])[0]
    with open_store("memory:", dim=embedder.dim) as store:
        ids = [str(row) for row in range(len(records))]
        store.upsert(ids, embedder.encode(texts), [fields for _, fields in records], texts)
        everywhere, before = store.search(query, 3), store.search(query, 3, where=wanted)
        row, text = update
        store.upsert([str(row)], embedder.encode([text]), [records[row][1]], [text])
        return everywhere, before, store.search(query, 3, where=wanted)


def show_records(records: Any, question: Any, wanted: Any, update: Any) -> None:
    """Print the best hits for the question: of all, of those that fit, and after the update."""
    try:
        _check_records(records, question, wanted, update)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    try:
        answers = _ask(records, question, wanted, update)
    except ValueError:
        return  # a filter that the store refuses: the check says so
    for name, hits in zip(("all", "filtered", "after the update"), answers, strict=True):
        for place, hit in enumerate(hits):
            print(f"{name if place == 0 else '':18}{hit.score:.2f} {hit.id:>3} {hit.text[:60]}")


_SHAPE = (
    'my_records should hold pairs of a text and a dict: [("a text", {"team": "parts"}), ...], '
    "my_question a text, my_filter a dict, and my_update a pair (row, new text)."
)
_FEW = "At least six records with different texts are wanted."
_IS_QUESTION = "The update repeats the question. Write the note that answers it."
_NO_FIELD = "my_filter asks for a field that a record lacks: give each record the same fields."
_BAD_FILTER = "The store does not take these fields or this filter"
_BAD_ROW = "my_update should name a row of my_records, counted from 0, and a text that is new."
_NONE_FIT = "No record fits my_filter, so there is nothing to search."
_ALL_FIT = "The filter changes nothing: the best of all records fits it. Choose another question."
_STILL_OTHER = (
    "After the update another record comes first. The new text should answer the question, and "
    "the record's fields should fit the filter."
)
_WAS_FIRST = (
    "The updated record came first before the update too, so the update shows nothing: change a "
    "record that did not answer the question."
)


def _check_records(records: Any, question: Any, wanted: Any, update: Any) -> None:
    if (
        not isinstance(records, list | tuple)
        or not all(
            isinstance(record, list | tuple)
            and len(record) == 2
            and isinstance(record[0], str)
            and record[0].strip()
            and isinstance(record[1], Mapping)
            for record in records
        )
        or not isinstance(question, str)
        or not isinstance(wanted, Mapping)
        or not (isinstance(update, list | tuple) and len(update) == 2)
    ):
        raise Wrong(_SHAPE)
    if not records:
        raise NotAttempted
    texts = {text.strip().lower() for text, _ in records}
    if len(texts) < 6 or len(texts) < len(records):
        raise Wrong(_FEW, got=f"{len(texts)} different texts")
    if not question.strip():
        raise Wrong(_SHAPE)
    if not wanted or not all(fields.keys() >= wanted.keys() for _, fields in records):
        raise Wrong(_NO_FIELD, got=dict(wanted))
    row, text = update
    if (
        not isinstance(row, int)
        or isinstance(row, bool)
        or not 0 <= row < len(records)
        or not isinstance(text, str)
        or not text.strip()
        or text.strip().lower() in texts
    ):
        raise Wrong(_BAD_ROW, got=update)
    if re.findall(r"\w+", text.lower()) == re.findall(r"\w+", question.lower()):
        raise Wrong(_IS_QUESTION, got=text)


def check_records(answer: Any) -> None:
    """Want a filter that changes the best hit, and an update that changes it again."""
    if not isinstance(answer, list | tuple) or len(answer) != 4:
        raise Wrong("The answer should be (my_records, my_question, my_filter, my_update).")
    _check_records(*answer)
    try:
        everywhere, before, after = _ask(*answer)
    except ValueError as error:
        raise Wrong(f"{_BAD_FILTER}: {error}") from error
    updated = str(answer[3][0])
    if not before:
        raise Wrong(_NONE_FIT, got=dict(answer[2]))
    if everywhere[0].id == before[0].id:
        raise Wrong(_ALL_FIT, got=before[0].text)
    if before[0].id == updated:
        raise Wrong(_WAS_FIRST, got=before[0].text)
    if after[0].id != updated:
        raise Wrong(_STILL_OTHER, got=after[0].text)


_RECORDS = [
    ("Passwords expire after 90 days", {"team": "it", "year": 2023}),
    ("Ask the front desk for a visitor badge", {"team": "office", "year": 2025}),
    ("New staff get their accounts on the first day", {"team": "it", "year": 2025}),
    ("Holidays are booked in the calendar", {"team": "people", "year": 2025}),
    ("Laptops are replaced every four years", {"team": "it", "year": 2025}),
    ("Lunch is served from noon", {"team": "office", "year": 2025}),
]
_QUESTION = "How often must I change my password?"
_FILTER = {"year": {"$gte": 2025}}
_UPDATE = (
    2,
    "New staff get their accounts on the first day; all change their password every 180 days",
)
_OWN = (_RECORDS, _QUESTION, _FILTER, _UPDATE)

EXERCISES = [
    Exercise(
        id="7.1",
        title="Recall against exact search",
        reference=recall_at_k,
        solution_source=_RECALL_SOLUTION,
        check=function_check(
            cases=[
                Case(([[4, 7, 9], [1, 2, 3]], [[7, 9, 8], [3, 2, 1]]), "two queries, k = 3"),
                Case(([[5], [8, 2, 6]], [[5, 6, 7], [1, 5, 9]]), "a search that found only one"),
                Case(([[], [3, 3, 1]], [[1, 2], [3, 4]]), "nothing found; an id found twice"),
                Case(([[1], [2], [5, 6]], [[1, 4], [2, 3], [6, 5]]), "three queries"),
            ]
        ),
        hints=(
            "For one query: how many ids do the two lists share, and how many should there be?",
            "len(set(some) & set(wanted)) / len(wanted) for each pair of zip(found, exact), then "
            "np.mean.",
        ),
        explanation="Order does not count, since a reader or a reranker sees all ten. It measures "
        "the store against exact search, not the answer against the truth (notebook 09).",
        wrong=(
            KnownWrong(
                _recall_positions,
                "You compare place by place: an id that was found at another place counts too.",
            ),
            KnownWrong(
                _recall_precision,
                "You divide by how many were found: a search that finds one right id of three "
                "would look perfect. Divide by how many are wanted.",
            ),
            KnownWrong(_recall_any, "One right id makes a query count as 1: take its share."),
            KnownWrong(_recall_all, "Only a perfect query counts: take the share of each."),
            KnownWrong(
                _recall_pooled,
                "All queries are thrown together, so an id found for one counts for another.",
            ),
            KnownWrong(_recall_count, "These are ids found, not shares: divide by len(wanted)."),
            KnownWrong(_recall_per_query, "One number is wanted: the mean over the queries."),
            KnownWrong(_recall_median, "This is the median over the queries: take the mean."),
            KnownWrong(_recall_repeats, "An id that was found twice counts once: use a set."),
        ),
    ),
    Exercise(
        id="7.2",
        title="Search some of the lists",
        reference=search_lists,
        solution_source=_LISTS_SOLUTION,
        check=function_check(
            cases=[
                _lists_case(3, 2, 4),
                _lists_case(5, 1, 3),
                _lists_case(8, 3, 5),
                _lists_case(5, 1, 12),
                _lists_case(9, 2, 5, long=True),
            ],
            compare=exact,
        ),
        hints=(
            "Three steps: which lists, which rows stand in them, which of these rows are best.",
            "np.concatenate([lists[one] for one in nearest]) gives the rows. Score "
            "vectors[rows], and remember that the positions you get are positions in `rows`.",
        ),
        explanation="With n_probe = number of lists it is exact search, with a detour. A row that "
        "stands just over the border, in a list that is not read, is lost.",
        wrong=(
            KnownWrong(
                _lists_positions,
                "These are positions among the rows that were read, not rows of `vectors`: return "
                "rows[best].",
            ),
            KnownWrong(_lists_one, "Only one list is read: read n_probe of them."),
            KnownWrong(_lists_all, "Every vector is compared: that is exact search."),
            KnownWrong(_lists_farthest, "These lists are the farthest from the query."),
            KnownWrong(_lists_smallest, "The rows with the smallest scores come back."),
            KnownWrong(_lists_unsorted, "The right rows, but not best first."),
            KnownWrong(_lists_as_read, "The first rows of the lists come back: score them first."),
            KnownWrong(_lists_one_more, "One list too many is read."),
            KnownWrong(_lists_until_k, "Read n_probe lists, also where they hold fewer than k."),
            KnownWrong(_lists_unmerged, "Sort the rows of all lists together, not list by list."),
            KnownWrong(_lists_euclidean, "This is by distance: take the largest dot products."),
            KnownWrong(_lists_cosine, "This is by cosine: take the largest dot products."),
            KnownWrong(_lists_first, "These are the first lists, not those nearest to the query."),
        ),
    ),
    Exercise(
        id="7.3",
        title="A greedy walk",
        reference=greedy_walk,
        solution_source=_WALK_SOLUTION,
        check=function_check(
            cases=[_walk_case(1, 0), _walk_case(2, 7), _walk_case(4, 3), _chain_case()],
            compare=exact,
        ),
        hints=(
            "Stand on a node, score all of its neighbours, go to the best one. When do you stop?",
            "around = np.asarray(neighbours[here]); scores = vectors[around] @ query. Stop when "
            "scores.max() is not above vectors[here] @ query; else go to around[scores.argmax()].",
        ),
        explanation="Each step gets nearer, so it ends. It ends at a node that is nearer than its "
        "neighbours, which need not be the nearest of all.",
        wrong=(
            KnownWrong(
                _walk_first_nearer,
                "It goes to the first neighbour that is nearer: look at all, and take the best.",
            ),
            KnownWrong(_walk_end, "This is the last node alone: return the whole path as a list."),
            KnownWrong(_walk_end_in_list, "Your list holds the last node alone: keep the path."),
            KnownWrong(_walk_without_start, "The path begins with `start`."),
            KnownWrong(_walk_away, "It walks away from the query: a larger dot product is nearer."),
            KnownWrong(_walk_one_step, "It stops after one step: go on until nobody is nearer."),
            KnownWrong(
                _walk_nearest_to_here,
                "It goes to the neighbour nearest to the current node, which leads nowhere: "
                "compare the neighbours with the query.",
            ),
            KnownWrong(
                _walk_one_too_far,
                "The last step goes farther away again: compare before you append.",
            ),
            KnownWrong(
                _walk_indices,
                "These are positions in the lists of neighbours, not nodes: take "
                "around[scores.argmax()].",
            ),
            KnownWrong(_walk_two_steps, "It stops after two steps: go on until nobody is nearer."),
            KnownWrong(
                _walk_over_ties,
                "It goes on to a neighbour that is just as near, and may never end: go on "
                "only to one that is nearer.",
            ),
            KnownWrong(_walk_euclidean, "This is by distance: take the largest dot product."),
        ),
    ),
    Exercise(
        id="7.4",
        title="A filter inside the search",
        reference=search_fitting,
        solution_source=_FITTING_SOLUTION,
        check=function_check(
            cases=[
                _fitting_case(1, 20, 8, 3),
                _fitting_case(2, 20, 2, 4),
                _fitting_case(3, 20, 5, 2),
                _fitting_case(4, 20, 0, 3),
                _fitting_case(5, 200, 30, 3, misfits=60),
            ],
            compare=exact,
        ),
        hints=(
            "First the filter, then the search: which rows may be returned at all?",
            "rows = np.flatnonzero(fits). Sort scores[rows], and turn the positions that you get "
            "back into rows.",
        ),
        explanation="For exact search that is all. An index has to walk past what may not be "
        "returned, which is where stores differ: some compare all that fit where these are few.",
        wrong=(
            KnownWrong(
                _fitting_after,
                "It searches first and filters then: of the k best, few or none may be left.",
            ),
            KnownWrong(
                _fitting_zeroed,
                "A score of 0 for what does not fit beats a negative score of what fits.",
            ),
            KnownWrong(
                _fitting_minus_inf,
                "Where fewer than k fit, rows that do not fit fill the rest: return fewer.",
            ),
            KnownWrong(
                _fitting_positions,
                "These are positions among the rows that fit, not rows: return rows[best].",
            ),
            KnownWrong(
                _fitting_smallest, "These are the smallest scores: sort by minus the score."
            ),
            KnownWrong(_fitting_unsorted, "These are the first rows that fit: sort by score."),
            KnownWrong(
                _fitting_ten_times,
                "Asking for more and filtering then works until the filter is rare: filter first.",
            ),
            KnownWrong(_fitting_misfits, "These are the rows that do not fit."),
        ),
    ),
    Exercise(
        id="7.5",
        title="Your own records",
        reference=_OWN,
        solution_source=f"""
        my_records = [
            {_RECORDS[0]},
            {_RECORDS[1]},
            {_RECORDS[2]},
            {_RECORDS[3]},
            {_RECORDS[4]},
            {_RECORDS[5]},
        ]
        my_question = {_QUESTION!r}
        my_filter = {_FILTER}
        my_update = {_UPDATE}
        """,
        check=check_records,
        time_limit=60.0,
        hints=(
            "Take notes of your own with a year or a team. Ask what an old note answers, and let "
            "the filter exclude it.",
            'A filter such as {"year": {"$gte": 2025}} or {"team": "it"}. Then let my_update give '
            "a record that fits a text that answers the question.",
        ),
        explanation="The filter made a worse hit come first, and the update mended it: what a "
        "search finds is decided by the filter and by who keeps the records fresh, not by the "
        "index.",
        wrong=(
            KnownWrong((["a text"], _QUESTION, _FILTER, _UPDATE), _SHAPE),
            KnownWrong((_RECORDS[:4], _QUESTION, _FILTER, _UPDATE), _FEW),
            KnownWrong((_RECORDS, _QUESTION, {"month": 3}, _UPDATE), _NO_FIELD),
            KnownWrong((_RECORDS, _QUESTION, {"year": {"$above": 2025}}, _UPDATE), _BAD_FILTER),
            KnownWrong((_RECORDS, _QUESTION, _FILTER, (6, "A new text")), _BAD_ROW),
            KnownWrong((_RECORDS, _QUESTION, _FILTER, (2, _QUESTION.rstrip("?"))), _IS_QUESTION),
            KnownWrong((_RECORDS, _QUESTION, {"team": "sales"}, _UPDATE), _NONE_FIT),
            KnownWrong((_RECORDS, _QUESTION, {"team": "it"}, _UPDATE), _ALL_FIT),
            KnownWrong(
                (_RECORDS, _QUESTION, _FILTER, (2, "New staff get their accounts by post")),
                _STILL_OTHER,
            ),
            KnownWrong(
                (
                    [
                        *_RECORDS,
                        ("Change your password twice a year", {"team": "it", "year": 2025}),
                    ],
                    _QUESTION,
                    _FILTER,
                    (6, "Change your password each month"),
                ),
                _WAS_FIRST,
            ),
        ),
    ),
]
