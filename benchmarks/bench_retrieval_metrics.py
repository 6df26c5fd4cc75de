"""course_lib.retrieval_metrics beside pytrec_eval: nDCG@10, MRR and recall@10 of many queries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Row, Settings, compare, same_threads
from course_lib.retrieval_metrics import evaluate, evaluate_arrays

METRICS = {"ndcg@10": "ndcg_cut_10", "mrr": "recip_rank", "recall@10": "recall_10"}
DEPTH, N_DOCUMENTS, N_JUDGED = 100, 1_000, 10


def run(settings: Settings) -> Iterator[Row]:
    import pytrec_eval

    n_queries = 1_000 if settings.quick else 10_000
    judged, found, scores = made_up(n_queries)
    ranked = rank(found, scores)
    qrels, run_of = as_dictionaries(judged, found, scores)
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recip_rank", "recall.10"})

    def theirs():  # its qrels are read once, before; ours are read each time
        return evaluator.evaluate(run_of)

    def from_arrays():
        return evaluate_arrays(judged, ranked, list(METRICS))

    def from_scores():
        return evaluate_arrays(judged, rank(found, scores), list(METRICS))

    def from_dictionaries():
        return evaluate(qrels, run_of, list(METRICS))

    for form, ours, least_ratio in (
        ("integer arrays already ranked", from_arrays, 8.0),
        ("integer arrays, ranking them by score included", from_scores, 8.0),
        ("dictionaries", from_dictionaries, 2.0),
    ):
        with same_threads(1):
            yield compare(
                f"evaluate {n_queries:,} queries x {DEPTH} documents, from {form}",
                ours,
                "pytrec_eval",
                theirs,
                settings,
                threads=1,
                checked=same_values(qrels, ours(), theirs()),
                least_ratio=least_ratio,
            )


def made_up(n_queries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Judgements (n, 3), found documents and scores: half of the judged documents are found."""
    rng = np.random.default_rng(0)
    documents = np.tile(np.arange(N_DOCUMENTS), (n_queries, 1))
    documents = rng.permuted(documents, axis=1)
    found = documents[:, :DEPTH].copy()
    half = N_JUDGED // 2
    judged = documents[:, DEPTH - half : DEPTH + N_JUDGED - half]
    gains = rng.integers(0, 4, judged.shape)
    query = np.repeat(np.arange(n_queries), N_JUDGED)
    # pytrec_eval keeps 32 bits of a score: with no more than these, and no ties, both agree.
    scores = rng.permuted(np.tile(np.arange(DEPTH) / DEPTH, (n_queries, 1)), axis=1)
    return np.stack([query, judged.ravel(), gains.ravel()], axis=1), found, scores


def rank(found: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The documents of each row, from the highest score to the lowest."""
    return np.take_along_axis(found, np.argsort(-scores, axis=1), axis=1)


def as_dictionaries(judged: np.ndarray, found: np.ndarray, scores: np.ndarray):
    """The same as pytrec_eval wants it: strings, int gains, float scores."""
    qrels: dict[str, dict[str, int]] = {}
    for query, document, gain in judged.tolist():
        qrels.setdefault(f"q{query}", {})[f"d{document}"] = gain
    run_of = {
        f"q{query}": {f"d{document}": score for document, score in zip(*row, strict=True)}
        for query, row in enumerate(zip(found.tolist(), scores.tolist(), strict=True))
    }
    return qrels, run_of


def same_values(qrels, ours, theirs) -> str:
    """An error where any query's value differs by more than rounding."""
    gap = max(
        np.abs(ours[name] - [theirs[query][name_there] for query in qrels]).max()
        for name, name_there in METRICS.items()
    )
    if gap > 1e-12:
        raise AssertionError(f"the values of a query differ by {gap:.1e}")
    return f"every query's values differ by at most {gap:.0e}"
