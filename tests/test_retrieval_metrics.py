"""course_lib.retrieval_metrics beside pytrec_eval, which computes what trec_eval does."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_lib.retrieval_metrics import (
    average_precision,
    evaluate,
    evaluate_arrays,
    ndcg_at_k,
    precision_at_k,
    rank_by_score,
    recall_at_k,
    reciprocal_rank,
    success_at_k,
)

EXACT = 1e-12
CUTS = (1, 3, 10)
THEIRS = {"precision": "P", "recall": "recall", "success": "success", "ndcg": "ndcg_cut"}
NAMES = {f"{ours}@{k}": f"{theirs}_{k}" for ours, theirs in THEIRS.items() for k in CUTS}
NAMES |= {f"map@{k}": f"map_cut_{k}" for k in CUTS}
NAMES |= {"map": "map", "mrr": "recip_rank", "ndcg": "ndcg"}

# Few documents and few scores, so that ties, gaps and overlaps are the rule. pytrec_eval keeps
# scores as 32-bit numbers: with others it would see ties where there are none.
documents = st.sampled_from(["a", "b", "c", "d10", "d9", "Ä", "ä", "𝔞", "z", "日"])
queries = st.sampled_from(["q1", "q2", "q3", "q4"])
scores = st.sampled_from([-1.5, 0.0, 0.25, 1.0]) | st.floats(-1e6, 1e6, width=32)
# On a query whose gains are all below 0, pytrec_eval 0.5.11 reads memory that it has not set.
gains_of = st.dictionaries(documents, st.integers(-1, 3), min_size=1).filter(
    lambda gains: max(gains.values()) >= 0
)
qrels_of = st.dictionaries(queries, gains_of, min_size=1)
runs = st.dictionaries(queries, st.dictionaries(documents, scores, max_size=8))


def pytrec(qrels, run, relevant_from=1):
    """pytrec_eval's values by our names, with 0 for the queries that it leaves out."""
    measures = {
        ".".join(theirs.rsplit("_", 1)) if "@" in ours else theirs for ours, theirs in NAMES.items()
    }
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, measures, relevance_level=relevant_from)
    values = evaluator.evaluate(run)
    return {
        ours: np.array([values[query][theirs] if query in values else 0.0 for query in qrels])
        for ours, theirs in NAMES.items()
    }


def shared(qrels, run):
    return not run or bool(set(qrels) & set(run))


@settings(max_examples=300, deadline=None)
@given(qrels=qrels_of, run=runs, relevant_from=st.integers(1, 3))
@example(qrels={"q1": {"a": 1}, "q2": {"b": 2}}, run={"q1": {"a": 1.0, "b": 1.0}}, relevant_from=1)
@example(qrels={"q1": {"a": 0}}, run={"q1": {"a": 1.0}}, relevant_from=1)
@example(qrels={"q1": {"a": 1}}, run={"q1": {}}, relevant_from=1)
def test_equals_pytrec_eval(qrels, run, relevant_from):
    if not shared(qrels, run):
        return
    ours = evaluate(qrels, run, list(NAMES), relevant_from=relevant_from)
    theirs = pytrec(qrels, run, relevant_from)
    for name in NAMES:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=EXACT, err_msg=name)


def random_run(seed, n_queries=300, n_documents=400, depth=100):
    """Integer arrays with ties, empty rows and short rows, and the same as dictionaries."""
    rng = np.random.default_rng(seed)
    found = rng.permuted(np.tile(np.arange(n_documents), (n_queries, 1)), axis=1)[:, :depth]
    scores = rng.integers(0, 60, found.shape) / 8  # about one document in two is in a tie
    lengths = rng.integers(0, depth + 1, n_queries)
    qrels, run = {}, {}
    rows = []
    for query in range(n_queries):
        judged = rng.choice(n_documents, rng.integers(1, 60), replace=False)
        gains = rng.integers(-1, 4, len(judged))
        qrels[f"q{query}"] = dict(zip(map("{:04}".format, judged), gains.tolist(), strict=True))
        rows += [(query, *row) for row in zip(judged, gains, strict=True)]
        kept = slice(0, lengths[query])
        order = np.lexsort((-found[query, kept], -scores[query, kept]))
        if query % 7:
            ids = map("{:04}".format, found[query, kept].tolist())
            run[f"q{query}"] = dict(zip(ids, scores[query, kept].tolist(), strict=True))
            found[query, kept] = found[query, kept][order]  # best first
        found[query, lengths[query] if query % 7 else 0 :] = -1
    return qrels, run, rng.permutation(np.array(rows)), found


@pytest.mark.parametrize("relevant_from", [1, 2])
def test_many_queries_equal_pytrec_eval_in_both_forms(relevant_from):
    qrels, run, judged, found = random_run(relevant_from)
    theirs = pytrec(qrels, run, relevant_from)
    by_name = evaluate(qrels, run, list(NAMES), relevant_from=relevant_from)
    by_number = evaluate_arrays(judged, found, list(NAMES), relevant_from=relevant_from)
    small = evaluate_arrays(
        judged.astype(np.int16), found.astype(np.int16), list(NAMES), relevant_from=relevant_from
    )
    for name in NAMES:
        assert theirs[name].any(), f"{name} is 0 everywhere: the test shows nothing"
        np.testing.assert_allclose(by_name[name], theirs[name], rtol=0, atol=EXACT, err_msg=name)
        np.testing.assert_allclose(by_number[name], theirs[name], rtol=0, atol=EXACT, err_msg=name)
        np.testing.assert_array_equal(small[name], by_number[name])


@settings(max_examples=200, deadline=None)
@given(
    gains=st.dictionaries(documents, st.integers(-1, 3), min_size=1),
    found=st.dictionaries(documents, scores),
    k=st.sampled_from(CUTS),
    relevant_from=st.integers(1, 3),
)
def test_one_query_equals_many(gains, found, k, relevant_from):
    ranking = rank_by_score(found)
    one = {
        f"precision@{k}": precision_at_k(ranking, gains, k, relevant_from=relevant_from),
        f"recall@{k}": recall_at_k(ranking, gains, k, relevant_from=relevant_from),
        f"success@{k}": success_at_k(ranking, gains, k, relevant_from=relevant_from),
        f"ndcg@{k}": ndcg_at_k(ranking, gains, k),
        "mrr": reciprocal_rank(ranking, gains, relevant_from=relevant_from),
        "map": average_precision(ranking, gains, relevant_from=relevant_from),
    }
    for form in (found, ranking):  # scores, or the ids in order
        many = evaluate({"q": gains}, {"q": form}, list(one), relevant_from=relevant_from)
        for name, value in one.items():
            assert many[name].tolist() == pytest.approx([value], abs=EXACT)


def test_a_query_that_the_run_misses_counts_as_zero_where_pytrec_eval_drops_it():
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}}
    run = {"q1": {"a": 0.5}, "unjudged": {"a": 0.5}}
    dropped = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)
    assert dropped == {"q1": {"recip_rank": 1.0}}
    assert evaluate(qrels, run, ["mrr"])["mrr"].tolist() == [1.0, 0.0]
    assert evaluate(qrels, {}, ["mrr"])["mrr"].tolist() == [0.0, 0.0]


def test_equal_scores_are_ordered_by_id_from_the_largest():
    gains, tied = {"b": 1}, {"a": 0.5, "b": 0.5, "c": 0.5}
    assert rank_by_score(tied) == ["c", "b", "a"]
    assert evaluate({"q": gains}, {"q": tied}, ["mrr"])["mrr"].tolist() == [0.5]


def test_scores_are_compared_at_their_full_precision():
    qrels, close = {"q": {"a": 1}}, {"q": {"a": 1.0 + 1e-12, "b": 1.0}}
    assert evaluate(qrels, close, ["mrr"])["mrr"].tolist() == [1.0]
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(close)
    assert theirs["q"]["recip_rank"] == 0.5  # a tie in 32 bits


def test_values_are_in_the_order_of_the_qrels():
    qrels = {"z": {"a": 1}, "m": {"a": 1}, "b": {"a": 1}}
    run = {"b": ["x", "a"], "z": ["a"], "m": ["x", "y", "z", "a"]}
    assert evaluate(qrels, run, ["mrr"])["mrr"].tolist() == [1.0, 0.25, 0.5]


def test_gains_may_be_fractions():
    gains = {"a": 0.5, "b": 1.5}
    assert ndcg_at_k(["b", "a"], gains, 2) == pytest.approx(1.0)
    assert precision_at_k(["a", "b"], gains, 2) == 0.5
    assert precision_at_k(["a", "b"], gains, 2, relevant_from=0.5) == 1.0


def test_no_queries_give_no_values():
    assert evaluate({}, {}, ["map"])["map"].shape == (0,)
    assert evaluate_arrays(np.empty((0, 3), int), np.empty((0, 5), int))["mrr"].shape == (0,)
    nothing_found = evaluate_arrays([[0, 1, 1]], np.empty((1, 0), int))
    assert {name: values.tolist() for name, values in nothing_found.items()} == {
        "ndcg@10": [0.0], "mrr": [0.0], "recall@10": [0.0],
    }  # fmt: skip


def test_document_numbers_may_be_large():
    far = 2**40
    values = evaluate_arrays([[0, far, 1], [1, far + 1, 1]], [[far + 1, far], [far, far + 1]])
    assert values["mrr"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("metrics", "got"),
    [(["ndgc@10"], "'ndgc@10'"), (["ndcg@0"], "'ndcg@0'"), (["ndcg@"], "'ndcg@'"),
     (["precision"], "'precision'"), (["mrr@x"], "'mrr@x'"), ("mrr", "'m'")],
)  # fmt: skip
def test_refuses_metrics_that_are_none(metrics, got):
    with pytest.raises(ValueError, match=rf"metrics must be a list of precision, .* got {got}"):
        evaluate({"q": {"a": 1}}, {"q": ["a"]}, metrics)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({1: {"a": 1.0}}, "must have queries in common, got none: run holds 1, qrels 'q'"),
        (
            {"q": ["a", "b", "a"]},
            r"run\['q'\] must be .* each document once, got \['a', 'b', 'a'\]",
        ),
        ({"q": "ab"}, "must be a dict of scores, or a list"),
        ({"q": {"a": 1.0, "b": float("nan")}}, r"run\['q'\] must hold finite scores, got nan"),
        ({"q": {"a": 1.0, "b": float("-inf")}}, r"run\['q'\] must hold finite scores, got -inf"),
    ],
)
def test_refuses_runs_that_make_no_ranking(run, message):
    with pytest.raises(ValueError, match=message):
        evaluate({"q": {"a": 1}}, run)


def test_scores_as_large_as_floats_get_are_finite():
    huge = {"a": 1.7e308, "b": 1.7e308, "c": -1.0}
    assert evaluate({"q": {"a": 1}}, {"q": huge}, ["mrr"])["mrr"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("qrels", "found", "message"),
    [
        ([[0, 1]], [[1]], r"qrels must be .* of shape \(n, 3\), got int64 of shape \(1, 2\)"),
        ([[0, 1, 0.5]], [[1]], "qrels must be whole numbers .* got float64"),
        ([[0, 1, 1]], [1, 2], r"documents must be whole numbers of shape \(n, depth\)"),
        ([[2, 1, 1]], [[1], [2]], "qrels must hold queries from 0 to 1, got 2"),
        ([[-1, 1, 1]], [[1], [2]], "qrels must hold queries from 0 to 1, got -1"),
        ([[0, 1, 1]], [[3, 1, 1]], "documents must hold each one once a row, got 1 twice"),
        ([[0, 1, 1]], [[3, -2, 1]], "documents must be numbered from 0"),
        ([[0, 2**62, 1]], [[3, 2, 1]], "documents must be numbered from 0 .* to at most"),
    ],
)  # fmt: skip
def test_refuses_arrays_that_do_not_fit(qrels, found, message):
    with pytest.raises(ValueError, match=message):
        evaluate_arrays(qrels, found)


@pytest.mark.parametrize("metric", [precision_at_k, recall_at_k, success_at_k, ndcg_at_k])
@pytest.mark.parametrize("k", [0, -1])
def test_refuses_a_cut_off_below_one(metric, k):
    with pytest.raises(ValueError, match=f"k must be 1 or more, got {k}"):
        metric(["a"], {"a": 1}, k)


def test_refuses_to_call_everything_relevant():
    with pytest.raises(ValueError, match="relevant_from must be above 0, got 0"):
        evaluate({"q": {"a": 1}}, {"q": ["a"]}, relevant_from=0)


def test_long_and_short_runs_of_many_queries_go_together():
    long_run = {f"d{n:05}": n / 4096 for n in range(20_000)}  # 32 bits hold these exactly
    qrels = {f"q{n}": {"d00003": 1, f"d{n:05}": 2} for n in range(70)}
    run = {name: {"d00003": 0.5, "x": 0.75} for name in qrels} | {"q66": long_run}
    ours, theirs = evaluate(qrels, run, list(NAMES)), pytrec(qrels, run)
    for name in NAMES:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=EXACT, err_msg=name)
    assert ours["mrr"][66] == 1 / (20_000 - 66)


def test_gains_below_zero_count_as_zero():
    assert evaluate({"q": {"a": -1}}, {"q": ["a"]})["ndcg@10"].tolist() == [0.0]
    assert ndcg_at_k(["a", "b"], {"a": -1, "b": 1}, 2) == pytest.approx(1 / np.log2(3))
