"""Inside the stores of this process: k-means and lists, graphs and hidden records, filters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.vector_stores import ExactStore, FaissStore, IVFStore
from course_lib.vector_stores.checks import check_where
from course_lib.vector_stores.ivf import kmeans

DIM = 16


def unit(n: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def names(n: int) -> list[str]:
    return [f"doc-{number}" for number in range(n)]


def recall(store, vectors, ids, k=10, where=None) -> float:
    """Against plain NumPy over the vectors and ids that should be found."""
    found = []
    for query in unit(20, seed=99):
        best = {ids[row] for row in np.argsort(-(vectors @ query))[:k]}
        found.append(len(best & {hit.id for hit in store.search(query, k, where=where)}) / k)
    return float(np.mean(found))


# k-means and the lists of IVFStore


def test_kmeans_finds_clusters_that_are_apart():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 300)
    rows = np.eye(DIM, dtype=np.float32)[truth] + rng.normal(0, 0.05, (300, DIM))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    # from any start, some of ten seeds has one centre in each
    best = max((kmeans(rows, 5, seed=seed) for seed in range(10)), key=lambda r: fit(rows, *r))
    pairs = {(int(a), int(b)) for a, b in zip(truth, best[1], strict=True)}
    assert len(pairs) == 5


def fit(rows, centres, nearest) -> float:
    return float((rows * centres[nearest]).sum())


def test_kmeans_gets_better_with_each_round_and_assigns_to_the_nearest():
    rows = unit(500)
    results = [kmeans(rows, 20, n_rounds=rounds) for rounds in (0, 1, 2, 5, 10)]
    fits = [fit(rows, *result) for result in results]
    assert fits == sorted(fits)
    assert fits[-1] > 1.1 * fits[0]
    for centres, nearest in results:
        np.testing.assert_array_equal(nearest, (rows @ centres.T).argmax(axis=1))
        np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("n_clusters", [1, 3, 10])
def test_kmeans_copes_with_equal_and_with_opposite_vectors(n_clusters):
    same = np.repeat(unit(1), 10, axis=0)
    assert np.isfinite(kmeans(same, n_clusters)[0]).all()
    opposite = np.concatenate([same[:5], -same[:5]])
    assert np.isfinite(kmeans(opposite, n_clusters)[0]).all()


@pytest.mark.parametrize("n_clusters", [0, 11, -1])
def test_kmeans_says_what_is_wrong(n_clusters):
    with pytest.raises(ValueError, match=rf"between 1 and 10 .* got {n_clusters}"):
        kmeans(unit(10), n_clusters)


def test_ivf_is_exact_when_it_reads_every_list_and_better_the_more_it_reads():
    vectors = unit(3000)
    recalls = []
    for n_probe in (1, 8, 55):
        store = IVFStore(DIM, n_lists=55, n_probe=n_probe)
        store.upsert(names(3000), vectors)
        recalls.append(recall(store, vectors, names(3000)))
    assert recalls[0] < recalls[1] < recalls[2] == 1


def test_ivf_takes_up_new_records_before_and_after_its_centres_are_made_again():
    store = IVFStore(DIM, n_probe=4)
    vectors = unit(4000)
    for end in (100, 150, 1000, 1001, 4000):
        done = store.count()
        store.upsert(names(end)[done:], vectors[done:end])
        for row in (0, done, end - 1):
            assert store.search(vectors[row], k=1)[0].id == f"doc-{row}"
    assert len(store._lists) == 63  # the square root of 4,000; ten lists would be long ones
    store.delete(names(4000)[:3990])
    assert {hit.id for hit in store.search(vectors[0])} == set(names(4000)[3990:])


@pytest.mark.parametrize("options", [{"n_lists": 0}, {"n_probe": 0}, {"n_probe": 1.5}])
def test_ivf_says_what_is_wrong(options):
    with pytest.raises(ValueError, match=rf"{next(iter(options))} must be a whole number"):
        IVFStore(DIM, **options)


# Rows of deleted and replaced records


@pytest.mark.parametrize("kind", [ExactStore, IVFStore, FaissStore])
def test_a_record_that_is_often_replaced_takes_no_more_room(kind):
    store = kind(DIM)
    store.upsert(names(50), unit(50))
    for version in range(100):
        store.upsert(names(50), unit(50, seed=version), [{"v": version}] * 50)
    assert store.count() == 50
    assert len(store._table.ids) < 1200
    vectors = unit(50, seed=99)
    assert [one.metadata for one in store.fetch(names(50))] == [{"v": 99}] * 50
    assert recall(store, vectors, names(50)) == 1
    assert store.search(vectors[7], k=1)[0].score == pytest.approx(1)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_faiss_does_not_find_what_is_deleted_and_finds_the_rest(share):
    n, vectors = 5000, unit(5000)
    store = FaissStore(DIM)
    store.upsert(names(n), vectors)
    gone = int(share * n)
    store.delete(names(n)[:gone])
    assert recall(store, vectors[gone:], names(n)[gone:]) > 0.95


@pytest.mark.parametrize("every", [2, 3, 50])
def test_faiss_filters_in_the_graph_and_beside_it(every):
    n, vectors = 8000, unit(8000)
    store = FaissStore(DIM)
    store.upsert(names(n), vectors, [{"part": row % every} for row in range(n)])
    rows = np.arange(1, n, every)
    ids = [f"doc-{row}" for row in rows]
    assert recall(store, vectors[rows], ids, where={"part": 1}) > 0.95
    hits = store.search(vectors[0], k=len(rows), where={"part": 1})
    assert {hit.id for hit in hits} == set(ids)


@pytest.mark.parametrize("options", [{"m": 0}, {"ef_construction": -1}, {"ef_search": None}])
def test_faiss_says_what_is_wrong(options):
    with pytest.raises(ValueError, match=rf"{next(iter(options))} must be a whole number"):
        FaissStore(DIM, **options)


def test_exact_orders_equal_scores_by_when_they_were_written():
    store = ExactStore(2)
    same = np.array([[1.0, 0.0]] * 4, dtype=np.float32)
    store.upsert(["d", "b", "a", "c"], same)
    assert [hit.id for hit in store.search([1.0, 0.0], k=3)] == ["d", "b", "a"]
    store.upsert(["b"], same[:1])
    assert [hit.id for hit in store.search([1.0, 0.0])] == ["d", "a", "c", "b"]


def test_vectors_within_rounding_of_unit_length_are_made_exact():
    store = ExactStore(DIM)
    store.upsert(["a"], unit(1).astype(np.float16))
    np.testing.assert_allclose(np.linalg.norm(store.fetch(["a"])[0].vector), 1, atol=1e-7)
    with pytest.raises(ValueError, match="unit length"):
        store.upsert(["a"], unit(1) * 1.01)


# The meaning of a filter

values = st.one_of(
    st.booleans(),
    st.sampled_from(["", "a", "A", "1", "true"]),
    st.integers(-2, 2),
    st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0]),
)
bounds = st.one_of(st.integers(-2, 2), st.sampled_from([-1.5, 0.5, 1.0]))
operators = st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), bounds, min_size=1)
wheres = st.dictionaries(
    st.sampled_from(["x", "y"]),
    st.one_of(values, st.fixed_dictionaries({"$in": st.lists(values, max_size=3)}), operators),
)


def python_says(value: object, symbol: str, bound: object) -> bool:
    if symbol == "$in":
        # JSON writes values of different types differently, but for 1 and 1.0
        def plain(one):
            return ("number", float(one)) if type(one) in (int, float) else (type(one), one)

        return plain(value) in [plain(one) for one in bound]
    if type(value) not in (int, float):
        return False
    sign = (value > bound) - (value < bound)
    return sign in {"$gt": (1,), "$gte": (0, 1), "$lt": (-1,), "$lte": (-1, 0)}[symbol]


@given(metadata=st.dictionaries(st.sampled_from(["x", "y", "z"]), values), where=wheres)
def test_a_condition_holds_as_python_says(metadata, where):
    expected = True
    for name, wanted in where.items():
        for symbol, bound in (wanted if isinstance(wanted, dict) else {"$in": [wanted]}).items():
            expected &= name in metadata and python_says(metadata[name], symbol, bound)
    assert all(one.holds(metadata) for one in check_where(where)) == expected
