"""The emulator of Pinecone: what it does and refuses, seen through the official client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from pinecone import NotFoundError, Pinecone, PineconeError

from course_lib.vector_stores import PineconeStore, StoreError, pinecone_local

DIM = 4
SCHEMA = {"fields": {"_values": {"type": "dense_vector", "dimension": DIM, "metric": "cosine"}}}


@pytest.fixture
def url():
    with pinecone_local.serve() as url:
        yield url


@pytest.fixture
def client(url):
    with Pinecone(api_key="local", host=url) as client:
        yield client


@pytest.fixture
def index(client):
    client.indexes.create(name="docs", schema=SCHEMA)
    return client.index(name="docs")


def rows(n, metadata=None):
    vectors = np.random.default_rng(0).standard_normal((n, DIM)).tolist()
    fields = metadata or [{} for _ in range(n)]
    return [{"id": f"v{row}", "values": vectors[row], "metadata": fields[row]} for row in range(n)]


def test_indexes_are_made_listed_described_and_deleted(client):
    assert not client.has_index("docs")
    made = client.create_index("docs", dimension=DIM, metric="cosine")
    assert (made.name, made.dimension, made.metric) == ("docs", DIM, "cosine")
    assert client.has_index("docs")
    assert [one.name for one in client.list_indexes()] == ["docs"]
    assert client.describe_index("docs").status.ready
    with pytest.raises(PineconeError, match="already exists"):
        client.create_index("docs", dimension=DIM)
    client.delete_index("docs")
    assert not client.has_index("docs")
    with pytest.raises(NotFoundError, match="docs not found"):
        client.describe_index("docs")


def test_other_kinds_of_index_are_said_to_be_missing(client):
    with pytest.raises(PineconeError, match="cosine alone"):
        client.create_index("docs", dimension=DIM, metric="euclidean")
    with pytest.raises(PineconeError, match="one dense vector"):
        client.create_index("docs", vector_type="sparse")
    assert list(client.list_indexes()) == []


def test_scores_are_cosines_of_vectors_of_any_length(index):
    index.upsert(vectors=[("a", [2.0, 0, 0, 0]), ("b", [3.0, 4.0, 0, 0])])
    matches = index.query(vector=[5.0, 0, 0, 0], top_k=5, include_values=True).matches
    assert [(one.id, round(one.score, 6)) for one in matches] == [("a", 1.0), ("b", 0.6)]
    assert matches[1].values == [3.0, 4.0, 0, 0]
    assert matches[0].metadata is None


def test_numbers_come_back_as_floats_like_the_clouds(index):
    index.upsert(vectors=rows(1, [{"year": 2024, "open": True, "tags": ["a", "b"], "s": "x"}]))
    metadata = index.fetch(ids=["v0", "unknown"]).vectors["v0"].metadata
    assert metadata == {"year": 2024.0, "open": True, "tags": ["a", "b"], "s": "x"}
    assert type(metadata["year"]) is float
    assert metadata["open"] is True


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"year": 2024}, {"v0"}),
        ({"year": {"$ne": 2024}}, {"v1", "v2", "v3"}),
        ({"year": {"$nin": [2024, 2025]}}, {"v2", "v3"}),
        ({"$or": [{"year": 2024}, {"team": "b"}]}, {"v0", "v1"}),
        ({"$and": [{"year": {"$gt": 2023}}, {"team": {"$in": ["a"]}}]}, {"v0"}),
        ({"tags": "x"}, {"v3"}),
        ({"open": 1}, set()),
        ({"open": True}, {"v2"}),
        ({"year": {"$gte": 2024, "$lt": 2025.5}}, {"v0", "v1"}),
    ],
)
def test_filters(index, wanted, expected):
    fields = [
        {"year": 2024, "team": "a"},
        {"year": 2025, "team": "b"},
        {"open": True},
        {"tags": ["x", "y"]},
    ]
    index.upsert(vectors=rows(4, fields))
    found = index.query(vector=[1.0] * DIM, top_k=10, filter=wanted).matches
    assert {one.id for one in found} == expected
    index.delete(filter=wanted)
    assert index.describe_index_stats().total_vector_count == 4 - len(expected)


def test_namespaces_are_apart_and_counted(index):
    index.upsert(vectors=rows(3))
    index.upsert(vectors=rows(2), namespace="b")
    stats = index.describe_index_stats()
    assert stats.total_vector_count == 5
    assert {name: one.vector_count for name, one in stats.namespaces.items()} == {"": 3, "b": 2}
    assert len(index.query(vector=[1.0] * DIM, top_k=9, namespace="b").matches) == 2
    index.delete(delete_all=True, namespace="b")
    assert index.describe_index_stats().total_vector_count == 3
    assert index.query(vector=[1.0] * DIM, top_k=9, namespace="none").matches == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"values": [1.0] * 3}, "dimension 3 does not match .* 4"),
        ({"values": [0.0] * DIM}, "non-zero"),
        ({"metadata": {"a": "x" * 41_000}}, "Metadata size exceeds"),
        ({"metadata": {"a": {"b": 1}}}, "Metadata must be"),
        ({"id": "ä"}, "ASCII"),
        ({"id": "x" * 513}, "512"),
    ],
)
def test_a_wrong_record_is_refused_and_nothing_is_written(url, index, wrong, message):
    body = {"vectors": [*rows(1), {**rows(1)[0], "id": "other", **wrong}]}
    status, answer = post(f"{url}/at/docs/vectors/upsert", body)
    assert status == 400
    assert re.search(message, answer["message"])
    assert index.describe_index_stats().total_vector_count == 0


def test_limits_of_a_request(url, index):
    many = [{**rows(1)[0], "id": f"v{row}"} for row in range(1001)]
    assert post(f"{url}/at/docs/vectors/upsert", {"vectors": many})[0] == 400
    assert post(f"{url}/at/docs/vectors/upsert", {"vectors": []})[0] == 400
    big = [{**rows(1)[0], "id": f"v{n}", "metadata": {"a": "x" * 40_000}} for n in range(60)]
    status, answer = post(f"{url}/at/docs/vectors/upsert", {"vectors": big})
    assert (status, "at most 2097152 bytes" in answer["message"]) == (400, True)
    assert post(f"{url}/at/docs/query", {"topK": 10_001, "vector": [1.0] * DIM})[0] == 400
    assert post(f"{url}/at/docs/query", {"topK": 1, "vector": [1.0] * 3})[0] == 400
    assert index.describe_index_stats().total_vector_count == 0


def test_what_it_lacks_it_says(url, client, index):
    assert post(f"{url}/at/docs/vectors/update", {})[0] == 501
    assert post(f"{url}/at/other/query", {})[0] == 404
    assert post(f"{url}/at/docs/query", {}, key="")[0] == 401
    with pytest.raises(PineconeError, match="has no"):
        index.update(id="v0", set_metadata={"a": 1})


def post(url, body, key="local"):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Api-Key": key, "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_store_refuses_what_the_cloud_would(url):
    vector = np.eye(1, DIM, dtype=np.float32)
    with PineconeStore(DIM, host=url) as store:
        with pytest.raises(ValueError, match=r"ids\[0\] must fit into 512 ASCII .* got 600"):
            store.upsert(["ü" * 100], vector)
        with pytest.raises(ValueError, match=r"texts\[0\] and its metadata .* 40960 bytes"):
            store.upsert(["a"], vector, texts=["ü" * 25_000])
        with pytest.raises(ValueError, match="k must be at most 10000 for Pinecone, got 10001"):
            store.search(vector[0], k=10_001)
        assert store.count() == 0
        texts = [f"{n}" + "x" * 39_000 for n in range(60)]  # more than 2 MB
        vectors = np.repeat(vector, 60, axis=0)
        store.upsert([f"v{n}" for n in range(60)], vectors, texts=texts)
        assert store.fetch(["v59"])[0].text == texts[59]


def test_the_store_says_that_nobody_answers():
    with pinecone_local.serve() as url:
        pass
    with pytest.raises(StoreError, match=r"cannot open 'documents' at http.* start the emulator"):
        PineconeStore(DIM, host=url)


def test_the_command_line():
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "course_lib.vector_stores.pinecone_local", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().split('"')[1].removeprefix("pinecone+")
        with PineconeStore(DIM, host=url) as store:
            assert store.count() == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
