"""Every vector store, in every mode, does the same: one suite, run against all of them.

Two modes need what is not on every computer, and are skipped without it:
COURSE_TEST_QDRANT_URL=http://HOST:6333 (any Qdrant server; the tests make collections named
course-test-... and delete them), and PINECONE_API_KEY (Pinecone's cloud; makes and deletes an index
per test, so it takes long and may cost money).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from course_lib.vector_stores import ExactStore, StoreError, VectorStore, open_store

DIM = 16
IN_FOLDERS = {
    "exact": "exact:{path}",
    "ivf": "ivf:{path}",
    "faiss": "faiss:{path}",
    "qdrant": "qdrant:{path}",
    "qdrant-edge": "qdrant-edge:{path}",
    "chroma": "chroma:{path}",
}
IN_MEMORY = {
    "exact-memory": "memory:",
    "ivf-memory": "ivf::memory:",
    "faiss-memory": "faiss::memory:",
    "qdrant-memory": "qdrant::memory:",
    "chroma-memory": "chroma::memory:",
}
SERVERS = {
    "qdrant-server": "qdrant+{url}",
    "chroma-server": "chroma+{url}",
    "pinecone-local": "pinecone+{url}",
    "pinecone-cloud": "pinecone:",
}
PERSISTENT = [*IN_FOLDERS, *SERVERS]
ALL = [*IN_MEMORY, *PERSISTENT]


@dataclass
class Place:
    """Where a test's records are; opening it again finds them again."""

    mode: str
    url: str
    collection: str
    opened: list[VectorStore] = field(default_factory=list)

    def open(self, *, dim: int = DIM, collection: str | None = None) -> VectorStore:
        store = open_store(self.url, dim=dim, collection=collection or self.collection)
        self.opened.append(store)
        if self.mode == "pinecone-cloud":
            wait_after_writing(store)
        return store


def wait_after_writing(store: VectorStore) -> None:
    """Pinecone's cloud shows what was written after some seconds, by its documentation."""

    def then_wait(write):
        def write_and_wait(what):
            write(what)
            time.sleep(float(os.environ.get("COURSE_TEST_PINECONE_WAIT", "15")))

        return write_and_wait

    store._upsert, store._delete = then_wait(store._upsert), then_wait(store._delete)


def url_of(mode: str, path: Path, request: pytest.FixtureRequest) -> str:
    if mode in IN_MEMORY:
        return IN_MEMORY[mode]
    if mode in IN_FOLDERS:
        return IN_FOLDERS[mode].format(path=path / "Lager ü 1")
    needed = {"qdrant-server": "COURSE_TEST_QDRANT_URL", "pinecone-cloud": "PINECONE_API_KEY"}
    if mode in needed and not os.environ.get(needed[mode]):
        pytest.skip(f"set {needed[mode]} to run this")
    if mode == "qdrant-server":
        return SERVERS[mode].format(url=os.environ["COURSE_TEST_QDRANT_URL"])
    if mode == "pinecone-cloud":
        return SERVERS[mode]
    fixture = {"chroma-server": "chroma_url", "pinecone-local": "pinecone_url"}[mode]
    return SERVERS[mode].format(url=request.getfixturevalue(fixture))


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Chroma's own server, as `chroma run` starts it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma-server")
    command = [sys.executable, "-c", "from chromadb.cli.cli import app; app()", "run"]
    options = ["--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=folder)
    try:
        while server.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert server.poll() is None, (folder / "log.txt").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def pinecone_url() -> Iterator[str]:
    from course_lib.vector_stores import pinecone_local

    with pinecone_local.serve() as url:
        yield url


def drop(place: Place) -> None:
    """Leave a server as it was found."""
    names = [place.collection, place.collection + "-b"]
    if place.mode == "qdrant-server":
        from qdrant_client import QdrantClient

        client = QdrantClient(url=place.url.partition("+")[2])
        for name in names:
            client.delete_collection(name)
    if place.mode == "pinecone-cloud":
        from pinecone import Pinecone

        cloud = Pinecone()
        for name in names:
            if cloud.has_index(name):
                cloud.delete_index(name)


def at(mode: str, path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    place = Place(mode, url_of(mode, path, request), f"course-test-{uuid.uuid4().hex[:8]}")
    yield place
    for store in place.opened:
        store.close()
    drop(place)


@pytest.fixture(params=ALL)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from at(request.param, tmp_path, request)


@pytest.fixture(params=PERSISTENT)
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from at(request.param, tmp_path, request)


@pytest.fixture(params=list(IN_FOLDERS))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from at(request.param, tmp_path, request)


@pytest.fixture
def store(place: Place) -> VectorStore:
    return place.open()


def unit(n: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def names(n: int) -> list[str]:
    return [f"doc-{number}" for number in range(n)]


def same_hits(found, expected) -> None:
    """The same ids and scores, where scores that differ by rounding may change places."""
    assert len(found) == len(expected)
    np.testing.assert_allclose(
        [hit.score for hit in found], [hit.score for hit in expected], atol=2e-6
    )
    gap = 4e-6
    last = expected[-1].score if expected else 0
    assert {hit.id for hit in expected if hit.score > last + gap} <= {hit.id for hit in found}
    by_id = {hit.id: hit for hit in expected}
    for hit in found:
        if hit.id in by_id:
            assert (hit.metadata, hit.text) == (by_id[hit.id].metadata, by_id[hit.id].text)
            assert abs(hit.score - by_id[hit.id].score) < 2e-6


# What a store gives back


def test_follows_the_protocol(store):
    assert isinstance(store, VectorStore)
    assert store.dim == DIM


def test_an_empty_store_finds_nothing(store):
    assert store.count() == 0
    assert store.search(unit(1)[0]) == []
    assert store.search(unit(1)[0], where={"team": "parts"}) == []
    assert store.fetch(["a", "b"]) == [None, None]
    store.delete(["a"])
    store.upsert([], np.empty((0, DIM)))
    store.upsert([], [])
    store.delete([])
    assert store.fetch([]) == []
    assert store.count() == 0


def test_scores_are_cosines_best_first(store):
    vectors = unit(60)
    store.upsert(names(60), vectors)
    for query in unit(5, seed=1):
        hits = store.search(query, k=7)
        expected = np.sort(vectors @ query)[::-1][:7]
        np.testing.assert_allclose([hit.score for hit in hits], expected, atol=2e-6)
        assert [hit.id for hit in hits] == [
            f"doc-{row}" for row in np.argsort(-(vectors @ query))[:7]
        ]


def test_scores_reach_from_minus_one_to_one(store):
    vector = unit(1)[0]
    store.upsert(["same", "opposite"], [vector, -vector])
    hits = store.search(vector, k=2)
    assert [hit.id for hit in hits] == ["same", "opposite"]
    assert [hit.score for hit in hits] == pytest.approx([1, -1], abs=1e-6)
    assert all(-1 <= hit.score <= 1 for hit in hits)


def test_k_above_the_count_gives_every_record(store):
    store.upsert(names(3), unit(3))
    assert {hit.id for hit in store.search(unit(1)[0], k=50)} == set(names(3))


def test_k_above_what_fits_the_filter_gives_every_one_that_fits(store):
    metadata = [{"odd": bool(row % 2)} for row in range(40)]
    store.upsert(names(40), unit(40), metadata)
    hits = store.search(unit(1)[0], k=30, where={"odd": True})
    assert {hit.id for hit in hits} == {f"doc-{row}" for row in range(1, 40, 2)}


def test_fetch_keeps_order_and_marks_unknown_ids(store):
    vectors = unit(3)
    store.upsert(names(3), vectors, [{"n": n} for n in range(3)], ["a", "b", "c"])
    found = store.fetch(["doc-2", "nobody", "doc-0", "doc-2"])
    assert [record and record.id for record in found] == ["doc-2", None, "doc-0", "doc-2"]
    np.testing.assert_allclose(found[0].vector, vectors[2], atol=1e-6)
    assert found[0].vector.dtype == np.float32
    assert (found[0].metadata, found[0].text) == ({"n": 2}, "c")


def test_upsert_replaces_a_record_as_a_whole(store):
    store.upsert(["a", "b"], unit(2), [{"team": "parts", "old": 1}, {}], ["first", "other"])
    new = unit(1, seed=9)
    store.upsert(["a"], new, [{"team": "sales"}], None)
    assert store.count() == 2
    (record,) = store.fetch(["a"])
    assert (record.metadata, record.text) == ({"team": "sales"}, "")
    best = store.search(new[0], k=2)[0]
    assert (best.id, best.metadata, best.text) == ("a", {"team": "sales"}, "")
    assert best.score == pytest.approx(1, abs=1e-6)
    assert store.search(new[0], where={"old": 1}) == []
    store.upsert(["a"], new, [{"team": 5}])  # another type in the same field
    assert store.fetch(["a"])[0].metadata == {"team": 5}
    assert store.search(new[0], where={"team": "sales"}) == []
    store.upsert(["a"], new)
    assert store.fetch(["a"])[0].metadata == {}


def test_deleted_records_are_gone(store):
    vectors = unit(20)
    store.upsert(names(20), vectors)
    store.delete(["doc-3", "doc-4", "nobody", "doc-3"])
    assert store.count() == 18
    assert store.fetch(["doc-3", "doc-5"])[0] is None
    assert "doc-3" not in {hit.id for hit in store.search(vectors[3], k=20)}
    store.delete(names(20))
    assert store.count() == 0
    assert store.search(vectors[3]) == []
    store.upsert(["doc-3"], vectors[3:4])
    assert [hit.id for hit in store.search(vectors[3])] == ["doc-3"]


ODD_IDS = [
    "größe/Ölstand#1?x=1&y=2",
    "日本語",
    "🚲",
    " ",
    "100%",
    "100%25",
    'it\'s "quoted"; -- $eq',
    "line\nbreak\ttab",
    "x" * 512,
    "00000000-0000-0000-0000-000000000001",
    "7",
    "A",
    "a",
    "e\u0301",  # the same letter twice, but not the same string
    "é",
    "../up",
]
ODD_TEXTS = ["", "Wie lädt man? 🚲 E07", "a\r\nb\tc", "'; DROP TABLE--", "\u2028", "x" * 30_000]


def test_ids_texts_and_values_come_back_as_they_were(store):
    texts = [ODD_TEXTS[row % len(ODD_TEXTS)] for row in range(len(ODD_IDS))]
    apart = "gro\u0308\u00dfe"  # ö as two characters, the second of which is no letter
    metadata = [
        {"größe": name, apart: "ö", "text": "t", "id": 1, "document": True} for name in ODD_IDS
    ]
    vectors = unit(len(ODD_IDS))
    store.upsert(ODD_IDS, vectors, metadata, texts)
    assert store.count() == len(ODD_IDS)
    for record, name, text in zip(store.fetch(ODD_IDS), ODD_IDS, texts, strict=True):
        assert (record.id, record.text, record.metadata["größe"]) == (name, text, name)
    for vector, name in zip(vectors, ODD_IDS, strict=True):
        (hit,) = store.search(vector, k=1)
        assert (hit.id, hit.metadata["größe"]) == (name, name)
        (hit,) = store.search(vector, where={"größe": name, apart: "ö"})
        assert hit.id == name
    store.delete(ODD_IDS[::2])
    assert store.count() == len(ODD_IDS) // 2


def test_metadata_keeps_its_types(store):
    wanted = {"s": "1", "i": 1, "f": 0.1, "t": True, "n": False, "neg": -7, "big": 2**53}
    store.upsert(["a"], unit(1), [wanted])
    for found in (store.fetch(["a"])[0].metadata, store.search(unit(1)[0])[0].metadata):
        assert found == wanted
        assert {name: type(value) for name, value in found.items()} == {
            name: type(value) for name, value in wanted.items()
        }


def test_numpy_values_are_accepted(store):
    metadata = [{"i": np.int64(3), "f": np.float64(0.5), "t": np.bool_(True), "s": np.str_("x")}]
    store.upsert(np.array(["a"]), unit(1).astype(np.float64).tolist(), metadata)
    assert store.fetch(["a"])[0].metadata == {"i": 3, "f": 0.5, "t": True, "s": "x"}


def test_what_is_passed_in_or_given_out_is_not_shared(store):
    vectors, metadata = unit(2), [{"n": 1}, {"n": 2}]
    store.upsert(["a", "b"], vectors, metadata)
    before = vectors[0].copy()
    vectors[0] = vectors[1]
    metadata[0]["n"] = 9
    record = store.fetch(["a"])[0]
    np.testing.assert_allclose(record.vector, before, atol=1e-6)
    record.metadata["n"] = 9
    store.search(before)[0].metadata["n"] = 9
    assert store.fetch(["a"])[0].metadata == {"n": 1}


# Filters

FILTERED = [
    {"team": "parts", "year": 2024, "price": 9.5, "open": True},
    {"team": "sales", "year": 2025, "price": 20, "open": False},
    {"team": "parts", "year": 2026, "price": 30.0, "open": False},
    {"team": "Straße", "year": 2024, "price": 20.0},
    {"team": "1", "year": 1, "price": 1.0, "open": True},
    {"team": "true", "year": True, "price": "20"},
    {"team": "", "year": "2024", "price": -1.5, "open": 1},
    {},
]
WHERES = [
    {},
    {"team": "parts"},
    {"team": "Parts"},
    {"team": ""},
    {"team": 1},
    {"team": "nobody"},
    {"missing": "x"},
    {"year": 2024},
    {"year": 2024.0},
    {"year": "2024"},
    {"year": 1},
    {"year": True},
    {"open": True},
    {"open": False},
    {"open": 1},
    {"open": "true"},
    {"price": 20},
    {"price": 20.0},
    {"price": "20"},
    {"price": -1.5},
    {"team": {"$in": ["parts", "Straße"]}},
    {"team": {"$in": ["nobody"]}},
    {"team": {"$in": []}},
    {"year": {"$in": [2024, 2026.0]}},
    {"year": {"$in": [True, "2024", 2025]}},
    {"open": {"$in": [True, False]}},
    {"price": {"$gte": 20}},
    {"price": {"$gt": 20}},
    {"price": {"$lte": 9.5}},
    {"price": {"$lt": 9.5}},
    {"price": {"$gte": 9.5, "$lt": 20.5}},
    {"year": {"$gt": 2023, "$lte": 2025}},
    {"year": {"$gte": 0}},
    {"open": {"$gte": 0}},
    {"year": {"$gte": 2024, "$in": [2024, 2025]}},
    {"team": "parts", "year": {"$gte": 2025}},
    {"team": {"$in": ["parts", "sales"]}, "price": {"$lt": 25.0}, "open": False},
    {"team": "parts", "open": True, "price": {"$gt": 100}},
]


def fits(metadata: dict, where: dict) -> bool:
    """The filter's meaning, written once more and another way."""

    def same(a, b):
        return a == b and isinstance(a, str | bool) == isinstance(b, str | bool)

    for name, wanted in where.items():
        value = metadata.get(name)
        if value is None:
            return False
        tests = wanted if isinstance(wanted, dict) else {"$in": [wanted]}
        for symbol, bound in tests.items():
            if symbol == "$in":
                if not any(same(value, one) for one in bound):
                    return False
                continue
            if isinstance(value, str | bool):
                return False
            sign = (value > bound) - (value < bound)
            if sign not in {"$gt": (1,), "$gte": (0, 1), "$lt": (-1,), "$lte": (-1, 0)}[symbol]:
                return False
    return True


def test_filters_mean_the_same_everywhere(store):
    store.upsert(names(len(FILTERED)), unit(len(FILTERED)), FILTERED)
    for where in WHERES:
        found = {hit.id for hit in store.search(unit(1)[0], k=20, where=where)}
        expected = {f"doc-{row}" for row, one in enumerate(FILTERED) if fits(one, where)}
        assert found == expected, where


def test_ranges_between_whole_numbers(store):
    numbers = [half / 2 for half in range(-5, 6)]
    values = [*numbers, *(int(number) for number in numbers if number == int(number))]
    metadata = [{"v": value} for value in values]
    store.upsert(names(len(values)), unit(len(values)), metadata)
    for bound in numbers:
        for symbol in ("$gt", "$gte", "$lt", "$lte"):
            where = {"v": {symbol: bound}}
            found = {hit.id for hit in store.search(unit(1)[0], k=50, where=where)}
            assert found == {f"doc-{row}" for row, one in enumerate(metadata) if fits(one, where)}


def test_a_filter_takes_the_nearest_of_those_that_fit(store):
    vectors = unit(300)
    metadata = [{"rare": row % 50 == 0, "third": row % 3} for row in range(300)]
    with ExactStore(DIM) as exact:
        for one in (store, exact):
            one.upsert(names(300), vectors, metadata)
        for query in unit(4, seed=3):
            for where in ({"rare": True}, {"third": 1}, {"rare": True, "third": 0}):
                same_hits(store.search(query, 5, where=where), exact.search(query, 5, where=where))


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The handbook's sections and the tickets, their vectors, and those of the questions."""
    from course_lib.data import load_handbook, load_questions, load_tickets
    from course_lib.embeddings import Embedder

    # kept between runs: the first takes a minute
    kept = getattr(request.config, "cache", None)
    embedder = Embedder(cache=kept and kept.mkdir("minilm"), threads=1)
    texts = [section.text for page in load_handbook() for section in page.sections()]
    texts += [ticket.text for ticket in load_tickets()]
    return texts, embedder.encode(texts), embedder.encode([one.text for one in load_questions()])


@pytest.mark.slow
def test_recall_on_real_text_is_what_the_store_states(place, real):
    texts, vectors, queries = real
    store = place.open(dim=vectors.shape[1])
    ids = names(len(texts))
    store.upsert(ids, vectors, [{"ten": row % 10} for row in range(len(texts))], texts)
    store.persist()
    exact = vectors @ queries.T
    found = [store.search(query, k=10) for query in queries]
    best = [{ids[row] for row in np.argsort(-column)[:10]} for column in exact.T]
    hits = [len(one & {hit.id for hit in some}) for one, some in zip(best, found, strict=True)]
    assert np.mean(hits) / 10 >= store.recall
    for number, some in enumerate(found):
        rows = [int(hit.id.removeprefix("doc-")) for hit in some]
        np.testing.assert_allclose([hit.score for hit in some], exact[rows, number], atol=2e-6)
        assert [hit.text for hit in some] == [texts[row] for row in rows]
    for number in range(20):
        some = store.search(queries[number], k=10, where={"ten": 3})
        expected = 3 + 10 * np.argsort(-exact[3::10, number])[:10]
        same = {hit.id for hit in some} & {ids[row] for row in expected}
        assert len(same) >= 9  # few fit, so that a store that walks a graph compares them all


# Wrong arguments: named, and nothing is written

GOOD = unit(2)
NAN, LONG = GOOD.copy(), GOOD.copy()
NAN[1, 3] = np.nan
LONG[1] *= 2
WRONG_UPSERTS: list[tuple[tuple, str]] = [
    (("ab", GOOD), r"ids must be a list, got a single str"),
    ((5, GOOD), r"ids must be a list, got int"),
    ((["a", "a"], GOOD), r"ids must hold each id once, got 'a' at 0 and at 1"),
    ((["a", ""], GOOD), r"ids\[1\] must have 1 to 512 characters, got 0"),
    ((["a", "x" * 513], GOOD), r"ids\[1\] must have 1 to 512 characters, got 513"),
    ((["a", 7], GOOD), r"ids\[1\] must be a string, got int"),
    ((["a", None], GOOD), r"ids\[1\] must be a string, got NoneType"),
    ((["a", "\ud800"], GOOD), r"ids\[1\] must be valid Unicode"),
    ((["a", "b\0"], GOOD), r"ids\[1\] must hold no NUL"),
    ((["a"], GOOD), r"vectors must be as many as ids \(1\), got 2"),
    ((["a", "b"], unit(2, DIM + 1)), rf"vectors must have {DIM} numbers each \(dim\), got 17"),
    ((["a"], GOOD[0]), r"vectors must have the shape \(n, 16\), got \(16,\)"),
    ((["a", "b"], NAN), r"vectors must hold finite numbers, got NaN or infinity in row 1"),
    ((["a", "b"], GOOD * np.inf), r"vectors must hold finite numbers"),
    ((["a", "b"], LONG), r"vectors must have unit length, got 2 in row 1; .*normalize"),
    ((["a", "b"], GOOD * 0), r"vectors must have unit length, got 0 in row 0"),
    ((["a", "b"], [[1.0] * DIM, [1.0]]), r"vectors must be numbers of shape"),
    ((["a", "b"], GOOD.astype(str)), r"vectors must be numbers of shape \(n, 16\), got <U"),
    ((["a", "b"], GOOD.astype(complex)), r"vectors must be numbers of shape"),
    ((["a", "b"], None), r"vectors must be numbers of shape"),
    ((["a", "b"], GOOD, [{}]), r"metadata must be as many as ids \(2\), got 1"),
    ((["a", "b"], GOOD, {"n": 1}), r"metadata must be a list, got a single dict"),
    ((["a", "b"], GOOD, [{}, None]), r"metadata\[1\] must be a mapping, got NoneType"),
    ((["a", "b"], GOOD, [{}, {"n": None}]), r"metadata\[1\]\['n'\] must be a str, bool"),
    ((["a", "b"], GOOD, [{}, {"n": [1]}]), r"metadata\[1\]\['n'\] must be a str, bool"),
    ((["a", "b"], GOOD, [{}, {"n": np.nan}]), r"metadata\[1\]\['n'\] must be .* finite"),
    ((["a", "b"], GOOD, [{}, {"n": 2**53 + 1}]), r"metadata\[1\]\['n'\] must be .* 2\*\*53"),
    ((["a", "b"], GOOD, [{}, {"n": b"x"}]), r"metadata\[1\]\['n'\] must be"),
    ((["a", "b"], GOOD, [{}, {"n": "\ud800"}]), r"metadata\[1\]\['n'\] must be valid Unicode"),
    ((["a", "b"], GOOD, [{}, {"a.b": 1}]), r"metadata\[1\] must name its fields .*'a\.b'"),
    ((["a", "b"], GOOD, [{}, {"_id": 1}]), r"metadata\[1\] must name its fields"),
    ((["a", "b"], GOOD, [{}, {"$in": 1}]), r"metadata\[1\] must name its fields"),
    ((["a", "b"], GOOD, [{}, {3: 1}]), r"metadata\[1\] must name its fields .*got 3"),
    ((["a", "b"], GOOD, None, ["x"]), r"texts must be as many as ids \(2\), got 1"),
    ((["a", "b"], GOOD, None, "xy"), r"texts must be a list, got a single str"),
    ((["a", "b"], GOOD, None, ["x", None]), r"texts\[1\] must be a string, got NoneType"),
    ((["a", "b"], GOOD, None, ["x", "\ud800"]), r"texts\[1\] must be valid Unicode"),
    ((["a", "b"], GOOD, None, ["x", "a\0b"]), r"texts\[1\] must hold no NUL .* at 1"),
]
WRONG_SEARCHES: list[tuple[dict, str]] = [
    ({"query": GOOD}, r"query must have the shape \(16,\), got \(2, 16\)"),
    ({"query": GOOD[0, :5]}, r"query must have 16 numbers each \(dim\), got 5"),
    ({"query": NAN[1]}, r"query must hold finite numbers"),
    ({"query": LONG[1]}, r"query must have unit length, got 2"),
    ({"query": "text"}, r"query must have the shape \(16,\), got \(\)"),
    ({"k": 0}, r"k must be a whole number of 1 or more, got 0"),
    ({"k": -3}, r"k must be a whole number of 1 or more, got -3"),
    ({"k": 2.0}, r"k must be a whole number of 1 or more, got 2\.0"),
    ({"k": True}, r"k must be a whole number of 1 or more, got True"),
    ({"where": "team"}, r"where must be a mapping of fields, got str"),
    ({"where": {"a.b": 1}}, r"where must name its fields"),
    ({"where": {"a": None}}, r"where\['a'\] must be a str, bool"),
    ({"where": {"a": ["x"]}}, r"where\['a'\] must be a str, bool"),
    ({"where": {"a": {}}}, r"where\['a'\] must hold a value or an operator"),
    ({"where": {"a": {"$ne": 1}}}, r"where\['a'\] knows the operators .*got '\$ne'"),
    ({"where": {"a": {"$in": "x"}}}, r"where\['a'\]\['\$in'\] must be a list"),
    ({"where": {"a": {"$in": [None]}}}, r"where\['a'\]\['\$in'\] must be a str, bool"),
    ({"where": {"a": {"$gt": "x"}}}, r"where\['a'\]\['\$gt'\] must be a number, got 'x'"),
    ({"where": {"a": {"$lt": True}}}, r"where\['a'\]\['\$lt'\] must be a number, got True"),
    ({"where": {"a": {"$lt": np.nan}}}, r"where\['a'\]\['\$lt'\] must be"),
]


def test_a_wrong_argument_is_named_and_nothing_is_written(store):
    store.upsert(["old"], GOOD[:1])
    for arguments, message in WRONG_UPSERTS:
        with pytest.raises(ValueError, match=message):
            store.upsert(*arguments)
    for options, message in WRONG_SEARCHES:
        with pytest.raises(ValueError, match=message):
            store.search(**{"query": GOOD[0], **options})
    for wrong in ("a", [""], [7], None):
        with pytest.raises(ValueError, match=r"ids"):
            store.fetch(wrong)
        with pytest.raises(ValueError, match=r"ids"):
            store.delete(wrong)
    assert store.count() == 1
    assert [hit.id for hit in store.search(GOOD[0])] == ["old"]


# More than fits into one call, and any order of calls


def test_batches_beyond_a_databases_limit(store):
    n = 6000  # Chroma takes 5,461 at once, Pinecone 1,000
    vectors = unit(n)
    store.upsert(names(n), vectors, [{"n": row} for row in range(n)])
    assert store.count() == n
    assert store.search(vectors[5999], k=1)[0].id == "doc-5999"
    found = store.fetch(names(n))
    assert [record.metadata["n"] for record in found] == list(range(n))
    store.delete(names(n)[:5990])
    assert store.count() == 10
    assert {hit.id for hit in store.search(vectors[0], k=20)} == set(names(n)[5990:])


def test_a_very_large_k(store):
    n = 1500
    vectors = unit(n)
    store.upsert(names(n), vectors)
    hits = store.search(vectors[0], k=1200)
    assert len({hit.id for hit in hits}) == 1200
    assert hits[0].id == "doc-0"
    assert len(store.search(vectors[0], k=n)) == n


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_calls_equals_a_dictionary(store, seed):
    rng = np.random.default_rng(seed)
    model: dict[str, tuple[np.ndarray, dict, str]] = {}
    for step in range(25):
        some = [f"id-{number}" for number in rng.choice(40, rng.integers(1, 15), replace=False)]
        if rng.random() < 0.3:
            store.delete(some)
            for name in some:
                model.pop(name, None)
        else:
            vectors = unit(len(some), seed=1000 * seed + step)
            metadata = [{"step": step} if rng.random() < 0.7 else {"half": 0.5} for _ in some]
            texts = [f"{name} at {step}" for name in some]
            store.upsert(some, vectors, metadata, texts)
            model |= dict(zip(some, zip(vectors, metadata, texts, strict=True), strict=True))
        assert store.count() == len(model)
    names_left = sorted(model)
    found = store.fetch(names_left)
    assert [(one.metadata, one.text) for one in found] == [model[name][1:] for name in names_left]
    with ExactStore(DIM) as exact:
        vectors, metadata, texts = ([model[name][part] for name in names_left] for part in range(3))
        exact.upsert(names_left, vectors, metadata, texts)
        for query in unit(3, seed=seed + 50):
            same_hits(store.search(query, k=8), exact.search(query, k=8))
            where = {"step": {"$gte": 12}}
            same_hits(store.search(query, 8, where=where), exact.search(query, 8, where=where))


# Opening and closing


def test_records_outlive_the_store(lasting):
    vectors = unit(50)
    metadata = [{"n": row, "größe": "groß"} for row in range(50)]
    with lasting.open() as store:
        store.upsert(names(50), vectors, metadata, [f"Text {row} ü" for row in range(50)])
        store.delete(["doc-7"])
        store.upsert(["doc-8"], vectors[8:9], [{"n": 800}], ["new"])
        before = [store.search(query, where={"n": {"$lt": 40}}) for query in unit(3, seed=1)]
    with lasting.open() as store:
        assert store.count() == 49
        after = [store.search(query, where={"n": {"$lt": 40}}) for query in unit(3, seed=1)]
        for one, two in zip(before, after, strict=True):
            same_hits(two, one)
        assert (store.fetch(["doc-8"])[0].text, store.fetch(["doc-7"])) == ("new", [None])
        store.upsert(["late"], vectors[:1])
    with lasting.open() as store:
        assert store.count() == 50


def test_persist_writes_before_the_end(lasting):
    store = lasting.open()
    store.upsert(["a"], unit(1))
    store.persist()
    store.persist()
    assert store.count() == 1


def test_another_dim_is_refused(lasting):
    with lasting.open() as store:
        store.upsert(["a"], unit(1))
    with pytest.raises(ValueError, match=rf"dim must be {DIM}.* got {DIM + 1}"):
        lasting.open(dim=DIM + 1)
    with lasting.open() as store:  # and the attempt has left no lock behind
        assert store.count() == 1


def test_collections_are_apart(lasting):
    with lasting.open() as store:
        store.upsert(["a"], unit(1))
    with lasting.open(collection=lasting.collection + "-b") as store:
        assert store.count() == 0
        store.upsert(["b", "c"], unit(2))
    with lasting.open() as store:
        assert [record and record.id for record in store.fetch(["a", "b"])] == ["a", None]


def test_stores_in_memory_are_apart():
    for url in IN_MEMORY.values():
        with open_store(url, dim=DIM) as one, open_store(url, dim=DIM) as two:
            one.upsert(["a"], unit(1))
            assert (one.count(), two.count()) == (1, 0)
        with open_store(url, dim=DIM) as again:
            assert again.count() == 0


def test_a_folder_is_open_once(folder):
    with folder.open() as store:
        store.upsert(["a"], unit(1))
        with pytest.raises(StoreError, match=r"Lager ü 1 is open in another store or program.*URL"):
            folder.open()
        code = (
            f"from course_lib.vector_stores import open_store; open_store({folder.url!r}, dim=16)"
        )
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
        assert "is open in another store or program" in other.stderr
        assert store.count() == 1
    with folder.open() as store:
        assert store.count() == 1


def test_a_file_in_the_place_of_the_folder_is_said(folder):
    Path(folder.url.partition(":")[2]).write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot be used as a store's folder"):
        folder.open()


def test_closing_twice_and_using_a_closed_store(store):
    store.upsert(["a"], unit(1))
    store.close()
    store.close()
    uses: list[Callable[[], object]] = [
        lambda: store.upsert(["a"], unit(1)),
        lambda: store.search(unit(1)[0]),
        lambda: store.fetch(["a"]),
        lambda: store.delete(["a"]),
        store.count,
        store.persist,
    ]
    for use in uses:
        with pytest.raises(StoreError, match=rf"{type(store).__name__} is closed\. Next step"):
            use()
