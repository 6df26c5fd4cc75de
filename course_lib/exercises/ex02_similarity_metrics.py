"""The exercises of notebooks/02_similarity_metrics.ipynb."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from course_lib import similarity
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 2.1 Cosine similarity


def _cosine_dot(queries: Any, documents: Any) -> Any:
    return queries @ documents.T


def _cosine_nan(queries: Any, documents: Any) -> Any:
    lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(documents, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return queries @ documents.T / lengths


def _cosine_zero_is_one(queries: Any, documents: Any) -> Any:
    return np.nan_to_num(_cosine_nan(queries, documents), nan=1.0)


def _cosine_epsilon(queries: Any, documents: Any) -> Any:
    lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(documents, axis=1))
    return queries @ documents.T / (lengths + 1e-6)


def _cosine_plus(epsilon: float) -> Callable[[Any, Any], Any]:
    def cosine(queries: Any, documents: Any) -> Any:
        lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(documents, axis=1))
        return queries @ documents.T / (lengths + epsilon)

    return cosine


def _cosine_flat_lengths(queries: Any, documents: Any) -> Any:
    lengths = np.linalg.norm(queries, axis=1) * np.linalg.norm(documents, axis=1)
    return queries @ documents.T / np.where(lengths > 0, lengths, 1)


def _cosine_queries_only(queries: Any, documents: Any) -> Any:
    lengths = np.linalg.norm(queries, axis=1)[:, None]
    return queries @ documents.T / np.where(lengths > 0, lengths, 1)


def _cosine_documents_only(queries: Any, documents: Any) -> Any:
    lengths = np.linalg.norm(documents, axis=1)
    return queries @ documents.T / np.where(lengths > 0, lengths, 1)


def _cosine_squared_lengths(queries: Any, documents: Any) -> Any:
    lengths = np.outer((queries**2).sum(axis=1), (documents**2).sum(axis=1))
    return queries @ documents.T / np.where(lengths > 0, lengths, 1)


def _cosine_one_length(queries: Any, documents: Any) -> Any:
    return queries @ documents.T / (np.linalg.norm(queries) * np.linalg.norm(documents) or 1)


def _cosine_distance(queries: Any, documents: Any) -> Any:
    return 1 - similarity.cosine_similarity(queries, documents)


def _without_care_for_zeros(lengths_of: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def cosine(queries: Any, documents: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return queries @ documents.T / lengths_of(queries, documents)

    return cosine


_ZEROS_TOO = "A zero vector will need care after that."

_COSINE_SOLUTION = """
def cosine_table(queries, documents):
    lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(documents, axis=1))
    scale = np.where(lengths > 0, lengths, 1)  # (n_queries, n_documents)
    return queries @ documents.T / scale
"""

# ------------------------------------------------------------------------------------------------
# 2.2 The best k without sorting everything


def _top_k_unordered(scores: Any, k: Any) -> Any:
    indices = np.sort(similarity.top_k(scores, k)[0])
    return indices, scores[indices]


def _top_k_ascending(scores: Any, k: Any) -> Any:
    indices, values = similarity.top_k(scores, k)
    return indices[::-1], values[::-1]


def _top_k_reversed_argsort(scores: Any, k: Any) -> Any:
    indices = np.argsort(scores, kind="stable")[::-1][:k]
    return indices, scores[indices]


def _top_k_reversed_plain(scores: Any, k: Any) -> Any:
    indices = np.argsort(scores)[::-1][:k]
    return indices, scores[indices]


def _top_k_swapped(scores: Any, k: Any) -> Any:
    indices, values = similarity.top_k(scores, k)
    return values, indices


def _top_k_pairs(scores: Any, k: Any) -> Any:
    return list(zip(*similarity.top_k(scores, k), strict=True))


def _top_k_strict(scores: Any, k: Any) -> Any:
    candidates = np.flatnonzero(scores > np.partition(scores, -k)[-k])
    indices = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    return indices, scores[indices]


def _top_k_cut_first(scores: Any, k: Any) -> Any:
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])[:k]
    indices = candidates[np.argsort(-scores[candidates], kind="stable")]
    return indices, scores[indices]


def _top_k_any_tie(scores: Any, k: Any) -> Any:
    part = np.argpartition(-scores, k - 1)[:k]
    indices = part[np.argsort(-scores[part], kind="stable")]
    return indices, scores[indices]


def _top_k_last_part(scores: Any, k: Any) -> Any:
    part = np.argpartition(scores, -k)[-k:]
    indices = part[np.argsort(-scores[part], kind="stable")]
    return indices, scores[indices]


def _top_k_indices_alone(scores: Any, k: Any) -> Any:
    return similarity.top_k(scores, k)[0]


def _top_k_smallest(scores: Any, k: Any) -> Any:
    return similarity.top_k(scores, k, largest=False)


def _top_k_all_tied(scores: Any, k: Any) -> Any:
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    indices = candidates[np.argsort(-scores[candidates], kind="stable")]
    return indices, scores[indices]


def _top_k_positions_in_part(scores: Any, k: Any) -> Any:
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return order, scores[candidates][order]


_TOP_K_SOLUTION = """
def best_k(scores, k):
    kth_best = np.partition(scores, -k)[-k]                 # a partial sort: the k best stand last
    candidates = np.flatnonzero(scores >= kth_best)         # k of them, or more in case of a tie
    order = np.argsort(-scores[candidates], kind="stable")  # stable: ties stay in index order
    indices = candidates[order[:k]]
    return indices, scores[indices]
"""

# ------------------------------------------------------------------------------------------------
# 2.3 The cheapest threshold


def cheapest_threshold(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: float, missed_cost: float
) -> Any:
    """Threshold with the lowest cost on labelled pairs; of equally cheap ones the highest.

    Args:
        similarities: one for each pair, shape (n,). A pair matches from the threshold upwards.
        same: whether the two ask the same thing, booleans of shape (n,).
        thresholds: those to choose from, rising.
        wrong_cost: price of a match that is not the same.
        missed_cost: price of a pair that is the same and does not match.

    >>> similarities, same = np.array([0.2, 0.6, 0.8]), np.array([False, False, True])
    >>> float(cheapest_threshold(similarities, same, np.array([0.1, 0.5, 0.7]), 1, 1))
    0.7
    """
    costs = []
    for threshold in thresholds:
        matched = similarities >= threshold
        wrong = np.sum(matched & ~same)  # answered with the reply to another question
        missed = np.sum(~matched & same)  # had a reply, and was not given it
        costs.append(wrong * wrong_cost + missed * missed_cost)
    cheapest = np.flatnonzero(np.array(costs) == min(costs))
    return thresholds[cheapest[-1]]  # thresholds rise: the last is the most careful


_THRESHOLD_SOLUTION = """
def my_cheapest(similarities, same, thresholds, wrong_cost, missed_cost):
    costs = []
    for threshold in thresholds:
        matched = similarities >= threshold
        wrong = np.sum(matched & ~same)    # answered with the reply to another question
        missed = np.sum(~matched & same)   # had a reply, and was not given it
        costs.append(wrong * wrong_cost + missed * missed_cost)
    cheapest = np.flatnonzero(np.array(costs) == min(costs))
    return thresholds[cheapest[-1]]        # thresholds rise: the last is the most careful
"""


def _threshold_swapped(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    return cheapest_threshold(similarities, same, thresholds, missed_cost, wrong_cost)


def _threshold_free(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    return cheapest_threshold(similarities, same, thresholds, 1, 1)


def _threshold_lowest(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    costs = [
        np.sum((similarities >= t) & ~same) * wrong_cost
        + np.sum((similarities < t) & same) * missed_cost
        for t in thresholds
    ]
    return thresholds[int(np.argmin(costs))]


def _threshold_strict(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    costs = np.array(
        [
            np.sum((similarities > t) & ~same) * wrong_cost
            + np.sum((similarities <= t) & same) * missed_cost
            for t in thresholds
        ]
    )
    return thresholds[np.flatnonzero(costs == costs.min())[-1]]


def _threshold_cost(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    t = cheapest_threshold(similarities, same, thresholds, wrong_cost, missed_cost)
    wrong, missed = np.sum((similarities >= t) & ~same), np.sum((similarities < t) & same)
    return wrong * wrong_cost + missed * missed_cost


def _threshold_index(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    t = cheapest_threshold(similarities, same, thresholds, wrong_cost, missed_cost)
    return int(np.flatnonzero(thresholds == t)[0])


def _threshold_rates(
    similarities: Any, same: Any, thresholds: Any, wrong_cost: Any, missed_cost: Any
) -> Any:
    costs = np.array(
        [
            np.mean((similarities >= t)[~same]) * wrong_cost
            + np.mean((similarities < t)[same]) * missed_cost
            for t in thresholds
        ]
    )
    return thresholds[np.flatnonzero(costs == costs.min())[-1]]


_SIMILARITIES = np.array([0.2, 0.35, 0.5, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9])
_SAME = np.array([False, False, True, False, True, False, True, True, True])
_THRESHOLDS = np.array([0.1, 0.3, 0.5, 0.6, 0.65, 0.7, 0.75, 0.85, 0.95])

# ------------------------------------------------------------------------------------------------
# 2.4 Maximal marginal relevance


def _mmr(query: Any, documents: Any, k: Any, trade_off: Any) -> Any:
    return similarity.mmr(query, documents, k, trade_off=trade_off)


def _mmr_variant(query: Any, documents: Any, k: Any, trade_off: Any, how: str) -> Any:
    """MMR with one thing changed."""
    relevance = documents @ query
    if how == "swapped":
        trade_off = 1 - trade_off
    taken = [int(np.argmax(relevance))]
    while len(taken) < k:
        to_taken = documents @ documents[taken].T  # (n_documents, taken so far)
        redundancy = {
            "mean": to_taken.mean(axis=1),
            "sum": to_taken.sum(axis=1),
            "first": to_taken[:, 0],
            "last": to_taken[:, -1],
            "all": (documents @ documents.T).max(axis=1),
        }.get(how, to_taken.max(axis=1))
        sign = -1 if how == "plus" else 1
        scores = trade_off * relevance - sign * (1 - trade_off) * redundancy
        if how == "zero":
            scores[taken] = 0
        elif how not in ("repeats", "all"):
            scores[taken] = -np.inf
        taken.append(int(np.argmax(scores)))
    return np.array(taken)


def _mmr_relevance(query: Any, documents: Any, k: Any, trade_off: Any) -> Any:
    return similarity.top_k(documents @ query, k)[0]


def _mmr_sorted(query: Any, documents: Any, k: Any, trade_off: Any) -> Any:
    return np.sort(_mmr(query, documents, k, trade_off))


_MMR_SOLUTION = """
def my_mmr(query, documents, k, trade_off):
    relevance = documents @ query
    taken = [int(np.argmax(relevance))]
    while len(taken) < k:
        redundancy = (documents @ documents[taken].T).max(axis=1)  # to the nearest one taken
        scores = trade_off * relevance - (1 - trade_off) * redundancy
        scores[taken] = -np.inf                                    # not a second time
        taken.append(int(np.argmax(scores)))
    return taken
"""


def _units(seed: int, n: int, dim: int) -> Any:
    rows = np.random.default_rng(seed).normal(size=(n, dim)) + 0.7  # + 0.7: cosines above 0
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _mmr_case(seed: int, k: int, trade_off: float, note: str) -> Case:
    rows = _units(seed, 9, 4)
    return Case((rows[0], rows[1:], k, trade_off), note)


# ------------------------------------------------------------------------------------------------
# 2.5 Your own pairs

SUGGEST, SEND = 0.41, 0.83  # the two thresholds that the notebook chooses


@cache
def _embedder() -> Any:
    from course_lib.embeddings import Embedder

    return Embedder()


def check_pairs(pairs: Any) -> None:
    """Want six labelled pairs or more: one sent wrongly, one missed even as a suggestion."""
    if not isinstance(pairs, list | tuple) or any(
        not isinstance(p, list | tuple) or len(p) != 3 for p in pairs
    ):
        raise Wrong(
            'The answer should be a list of triples: [("one question", "another", True), ...].'
        )
    if not pairs:
        raise NotAttempted
    seen: set[frozenset[str]] = set()
    for a, b, same in pairs:
        if not isinstance(a, str) or not isinstance(b, str) or not _is_label(same):
            raise Wrong("Each pair is (text, text, True or False).", got=(a, b, same))
        texts = frozenset([a.strip().lower(), b.strip().lower()])
        if "" in texts:
            raise Wrong("A text is empty.", got=(a, b, same))
        if len(texts) == 1:
            raise Wrong("The two texts of a pair are the same text.", got=(a, b, same))
        if texts in seen:
            raise Wrong("A pair stands there twice.", got=(a, b, same))
        seen.add(texts)
    if len(pairs) < 6:
        raise Wrong(f"There are {len(pairs)} pairs, and 6 are wanted.")
    left, right, labels = zip(*pairs, strict=True)
    vectors = _embedder().encode([*left, *right])
    scores = (vectors[: len(pairs)] * vectors[len(pairs) :]).sum(axis=1)
    same = np.array(labels, dtype=bool)
    gaps = []
    if same.all():
        gaps.append("There is no False pair yet.")
    else:
        closest = int(np.argmax(np.where(same, -np.inf, scores)))
        if scores[closest] < SEND:
            gaps.append(
                f"No False pair would be sent: the closest has {scores[closest]:.2f}, under "
                f"{SEND}: {left[closest]} | {right[closest]}."
            )
    if not same.any():
        gaps.append("There is no True pair yet.")
    else:
        farthest = int(np.argmin(np.where(same, scores, np.inf)))
        if scores[farthest] >= SUGGEST:
            gaps.append(
                f"Every True pair is suggested: the farthest has {scores[farthest]:.2f}, not under "
                f"{SUGGEST}: {left[farthest]} | {right[farthest]}."
            )
    if gaps:
        raise Wrong(" ".join(gaps))


def _is_label(same: Any) -> bool:
    """True, False, 1, 0 and NumPy's booleans."""
    return isinstance(same, bool | np.bool_ | int) and same in (0, 1)


_OWN = [
    ("Where do I collect my badge?", "I am new, who lets me into the building?", True),
    ("My badge stopped working", "The door does not open for me any more", True),
    ("When is the pool open?", "What are the opening hours of the pool?", True),
    ("Can I bring my dog?", "Can I not bring my dog?", False),
    ("Book room 12 for Monday", "Book room 21 for Monday", False),
    ("What is on the menu today?", "How do I reset my password?", False),
]
_EASY = [
    ("When is the pool open?", "What are the opening hours of the pool?", True),
    ("How do I reset my password?", "I want to reset my password", True),
    ("Where is room 12?", "Where can I find room 12?", True),
    ("What is on the menu?", "How do I reset my password?", False),
    ("When is the pool open?", "Where do I collect my badge?", False),
    ("Can I bring my dog?", "Who repairs the printer?", False),
]

EXERCISES = [
    Exercise(
        id="2.1",
        title="Cosine similarity, zero vectors included",
        reference=similarity.cosine_similarity,
        solution_source=_COSINE_SOLUTION,
        check=function_check(
            cases=[
                Case(
                    (np.array([[3.0, 4.0]]), np.array([[4.0, 3.0], [-3.0, -4.0]])), "lengths of 5"
                ),
                Case(
                    (np.array([[1.0, 2.0], [0.5, 0.0]]), np.array([[10.0, 0.0], [2.0, 2.0]])),
                    "vectors of different lengths",
                ),
                Case((np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 2.0]])), "a zero query"),
                Case(
                    (np.array([[1.0, 2.0]]), np.array([[0.0, 0.0], [2.0, 1.0]])), "a zero document"
                ),
                Case((np.array([[2e-4, 0.0]]), np.array([[1e-4, 1e-4]])), "short vectors"),
            ]
        ),
        hints=(
            "The dot product holds both lengths as factors. Divide by both, and mind the pairs "
            "whose product of lengths is 0.",
            "np.linalg.norm(queries, axis=1) gives the lengths; np.outer of both gives one "
            "product for "
            "each pair. np.where(lengths > 0, lengths, 1) replaces zeros, and 0 / 1 is 0.",
        ),
        explanation="A zero vector has no direction, so it is similar to nothing. Its dot products "
        "are 0 already; dividing them by 1 keeps them 0. An empty field gives such a vector with "
        "TF-IDF, and one NaN in a score list is enough to spoil a sort.",
        wrong=(
            KnownWrong(
                _cosine_dot,
                "This is the dot product: it still grows with the vectors' lengths. Divide by "
                "both.",
            ),
            KnownWrong(
                _cosine_nan,
                "A zero vector gives 0 / 0, which is nan. Replace the zero lengths before "
                "dividing.",
            ),
            KnownWrong(
                _cosine_zero_is_one,
                "A zero vector comes out as similar to everything (1), and 0 is wanted.",
            ),
            *(
                KnownWrong(
                    _cosine_plus(epsilon),
                    f"An added constant, even {epsilon}, changes the cosine of short vectors. "
                    "Replace only the zeros.",
                )
                for epsilon in (1e-8, 1e-9, 1e-10, 1e-12)
            ),
            KnownWrong(
                _without_care_for_zeros(
                    lambda q, d: np.linalg.norm(q, axis=1) * np.linalg.norm(d, axis=1)
                ),
                "The two rows of lengths are multiplied one by one. Every query's length is wanted "
                f"with every document's: np.outer, or [:, None] on the queries'. {_ZEROS_TOO}",
            ),
            KnownWrong(
                _without_care_for_zeros(lambda q, d: np.linalg.norm(q, axis=1)[:, None]),
                f"You divide by the queries' lengths alone. Divide by both. {_ZEROS_TOO}",
            ),
            KnownWrong(
                _without_care_for_zeros(lambda q, d: np.linalg.norm(d, axis=1)),
                f"You divide by the documents' lengths alone. Divide by both. {_ZEROS_TOO}",
            ),
            KnownWrong(
                _without_care_for_zeros(
                    lambda q, d: np.outer((q**2).sum(axis=1), (d**2).sum(axis=1))
                ),
                f"The lengths are squared: take the square root of each sum. {_ZEROS_TOO}",
            ),
            KnownWrong(
                _cosine_flat_lengths,
                "The two rows of lengths are multiplied one by one. Every query's length is wanted "
                "with every document's: np.outer, or [:, None] on the queries' lengths.",
            ),
            KnownWrong(
                _cosine_queries_only,
                "Only the queries' lengths are divided out: long documents still score higher.",
            ),
            KnownWrong(
                _cosine_epsilon,
                "Adding a small number to the lengths avoids 0 / 0, but it changes the cosine of "
                "short vectors. Replace the zeros alone.",
            ),
            KnownWrong(
                _cosine_documents_only,
                "Only the documents' lengths are divided out: long queries still score higher.",
            ),
            KnownWrong(
                _cosine_squared_lengths,
                "You divide by the squared lengths: a square root is missing.",
            ),
            KnownWrong(
                _cosine_one_length,
                "np.linalg.norm of a table is one number for all rows together. Pass axis=1 for "
                "the length of each row.",
            ),
            KnownWrong(
                _cosine_distance,
                "This is 1 - cosine, a distance: 0 for the same direction. Return the cosine.",
            ),
        ),
    ),
    Exercise(
        id="2.2",
        title="The best k without sorting everything",
        reference=similarity.top_k,
        solution_source=_TOP_K_SOLUTION,
        check=function_check(
            cases=[
                Case((np.array([0.1, 0.9, 0.4, 0.7, 0.3]), 3), "no ties"),
                Case((np.array([0.2, 0.9, 0.5, 0.9]), 2), "two equal scores"),
                Case((np.array([0.5, 0.3, 0.5, 0.9, 0.5, 0.5]), 2), "a tie for the last place"),
                Case((np.array([0.4, -0.6, 0.1]), 3), "k = all of them"),
                Case((np.tile([0.2, 0.8, 0.5, 0.8], 40), 5), "many equal scores"),
            ],
            compare=exact,
        ),
        hints=(
            "np.partition(scores, -k)[-k] is the k-th best score, at the price of a partial sort. "
            "Everything at or above it is a candidate. Sort those few.",
            "candidates = np.flatnonzero(scores >= kth_best) is in index order, and "
            'np.argsort(-scores[candidates], kind="stable") keeps ties in that order. '
            "Cut to k at the end.",
        ),
        explanation="np.argpartition alone finds k right scores, but which of the tied ones it "
        "takes "
        "is up to its algorithm: two machines may list different documents. Going through the k-th "
        "score makes the choice yours. A stable sort of everything gives the same answer and "
        "passes "
        "the check; the lesson's next cell shows what it costs.",
        wrong=(
            KnownWrong(
                _top_k_ascending, "The order is worst first: the best score belongs in front."
            ),
            KnownWrong(
                _top_k_unordered,
                "These are the right k, in index order: order them by score, best first.",
            ),
            KnownWrong(
                _top_k_reversed_argsort,
                "Reversing an ascending sort turns ties around: the higher index comes first. Sort "
                "the negated scores, with kind='stable'.",
            ),
            KnownWrong(
                _top_k_reversed_plain,
                "Ties are reversed, and plain np.argsort promises no order for them. Sort the "
                "negated scores, with kind='stable'.",
            ),
            KnownWrong(
                _top_k_swapped, "The order is indices first, then values: return indices, values."
            ),
            KnownWrong(
                _top_k_pairs,
                "These are pairs of index and value. Return two arrays: indices, scores[indices].",
            ),
            KnownWrong(
                _top_k_strict,
                "The k-th best score itself is missing: it is a candidate too, so use >=, not >.",
            ),
            KnownWrong(
                _top_k_cut_first,
                "You cut the candidates to k before you sort them, which drops a good one where "
                "scores tie: sort first, cut at the end.",
            ),
            KnownWrong(
                _top_k_any_tie,
                "Neither np.argpartition nor plain np.argsort promises an order for equal scores. "
                "Take those from the k-th best score upwards, and sort with kind='stable'.",
            ),
            KnownWrong(
                _top_k_last_part,
                "Where scores tie for the last place, np.argpartition takes whichever of them its "
                "algorithm left in the last k places. Take the lowest indices that reach the k-th "
                "best score.",
            ),
            KnownWrong(
                _top_k_indices_alone,
                "These are the indices. Return the values too: indices, scores[indices].",
            ),
            KnownWrong(
                _top_k_smallest, "These are the k smallest scores, and the largest are wanted."
            ),
            KnownWrong(
                _top_k_all_tied,
                "When scores tie for the last place you return all of them: cut to k.",
            ),
            KnownWrong(
                _top_k_positions_in_part,
                "The indices count within your candidates: map them back, candidates[order].",
            ),
        ),
    ),
    Exercise(
        id="2.3",
        title="The cheapest threshold",
        reference=cheapest_threshold,
        solution_source=_THRESHOLD_SOLUTION,
        check=function_check(
            cases=[
                Case((_SIMILARITIES, _SAME, _THRESHOLDS, 5, 1), "wrong answers cost more"),
                Case((_SIMILARITIES, _SAME, _THRESHOLDS, 1, 4), "missed matches cost more"),
                Case((_SIMILARITIES, _SAME, _THRESHOLDS, 2, 1), "costs that differ little"),
                Case(
                    (
                        np.array([0.3, 0.6]),
                        np.array([False, True]),
                        np.array([0.4, 0.5, 0.6]),
                        1,
                        1,
                    ),
                    "several thresholds as cheap, and a similarity that equals one",
                ),
                Case(
                    (
                        np.array([0.4, 0.5, 0.6, 0.7, 0.8]),
                        np.array([False, True, False, False, True]),
                        np.array([0.45, 0.65, 0.75]),
                        1,
                        2,
                    ),
                    "more pairs that differ than pairs that are the same",
                ),
            ],
            compare=exact,
        ),
        hints=(
            "For each threshold count two things: pairs that match and are not the same, pairs "
            "that "
            "are the same and do not match. Price both and add.",
            "matched = similarities >= threshold; wrong = np.sum(matched & ~same); "
            "missed = np.sum(~matched & same). Of the thresholds with the lowest cost take the "
            "last: np.flatnonzero(costs == costs.min())[-1].",
        ),
        explanation="The threshold is a business decision written as two prices. Change the prices "
        "and the threshold moves; the vectors stay as they are. Of equally cheap thresholds the "
        "highest is the careful choice here: it sends the fewest automatic answers.",
        wrong=(
            KnownWrong(
                _threshold_swapped,
                "The two prices are exchanged: wrong_cost belongs to pairs that match and are not "
                "the same.",
            ),
            KnownWrong(
                _threshold_free,
                "Every mistake counts 1: multiply each kind by its price before adding.",
            ),
            KnownWrong(
                _threshold_lowest,
                "np.argmin takes the first of several equally cheap thresholds, and the highest is "
                "wanted.",
            ),
            KnownWrong(
                _threshold_strict,
                "A similarity that equals the threshold is a match: use >=, not >.",
            ),
            KnownWrong(
                _threshold_cost, "This is the lowest cost: return the threshold that has it."
            ),
            KnownWrong(
                _threshold_index,
                "This is the threshold's position: return thresholds[position].",
            ),
            KnownWrong(
                _threshold_rates,
                "You price the shares of the two kinds, which makes the rarer kind count more. "
                "Price the number of mistakes.",
            ),
        ),
    ),
    Exercise(
        id="2.4",
        title="Maximal marginal relevance",
        reference=_mmr,
        solution_source=_MMR_SOLUTION,
        check=function_check(
            cases=[
                _mmr_case(0, 3, 0.5, "3 of 8"),
                _mmr_case(1, 4, 0.7, "4 of 8"),
                _mmr_case(2, 5, 0.3, "5 of 8, variety first"),
                _mmr_case(3, 3, 1.0, "relevance alone"),
                _mmr_case(4, 8, 0.5, "all 8"),
            ],
            compare=exact,
        ),
        hints=(
            "Keep a list of what is taken. In each round every other document has a score: its "
            "relevance, less its largest similarity to anything in the list.",
            "redundancy = (documents @ documents[taken].T).max(axis=1). Set scores[taken] = "
            "-np.inf "
            "before np.argmax, so that nothing is taken twice.",
        ),
        explanation="The largest similarity counts, not the mean: a passage that repeats one of "
        "the "
        "passages taken is a repeat, however little it has to do with the others.",
        wrong=(
            KnownWrong(
                _mmr_relevance,
                "These are the most relevant ones: what is taken already has no effect yet.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="mean"),
                "You take the mean similarity to what is taken. The largest is wanted: one twin is "
                "enough to make a passage redundant.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="last"),
                "You compare with the last one taken alone: a twin of an earlier one comes "
                "through.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="sum"),
                "You add up the similarities to all that is taken, so redundancy grows with every "
                "round. The largest one is wanted.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="first"),
                "You compare with the first one taken alone: later ones may have twins too.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="all"),
                "A document is taken twice, and you compare with all documents, itself among them: "
                "compare with those taken, documents[taken].",
            ),
            KnownWrong(
                partial(_mmr_variant, how="zero"),
                "A document is taken twice: a score of 0 is not the lowest, scores go below it. "
                "Use -np.inf.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="plus"),
                "Redundancy is added, so repeats are rewarded: subtract it.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="repeats"),
                "A document is taken twice: set the scores of those taken to -inf.",
            ),
            KnownWrong(
                partial(_mmr_variant, how="swapped"),
                "trade_off weighs the redundancy: it belongs to the relevance, and 1 - trade_off "
                "to "
                "the redundancy.",
            ),
            KnownWrong(
                _mmr_sorted,
                "These are the right ones, sorted by index: return them in the order taken.",
            ),
        ),
    ),
    Exercise(
        id="2.5",
        title="Fool the thresholds with your own text",
        reference=_OWN,
        solution_source="my_pairs = [\n"
        + "".join(f'    ("{a}", "{b}", {same}),\n' for a, b, same in _OWN)
        + "]",
        check=check_pairs,
        hints=(
            "For a wrong match, change as little as possible and ask something else: a number, a "
            "model, a 'not'. For a missed match, ask the same thing without sharing a word.",
            '("Book room 12 for Monday", "Book room 21 for Monday", False) is a wrong match; '
            '("Where do I collect my badge?", "I am new, who lets me into the building?", True) '
            "is a missed one.",
        ),
        explanation="Your own pairs are the only ones that say whether a threshold fits your "
        "product. Fifty labelled pairs take an hour to write and serve for years.",
        wrong=(
            KnownWrong(
                _OWN[:4],
                "There are 4 pairs, and 6 are wanted.",
            ),
            KnownWrong(
                _EASY,
                "No pair fools a threshold: for a wrong match change one number or add a 'not'.",
            ),
            KnownWrong(
                [pair[:2] for pair in _OWN],
                "The labels are missing: the third item says whether the two ask the same thing.",
            ),
            KnownWrong(
                [(a, b, not same) for a, b, same in _OWN[:2] + _OWN[5:] * 4],
                "The labels look turned around: True means that one answer serves both.",
            ),
        ),
    ),
]
