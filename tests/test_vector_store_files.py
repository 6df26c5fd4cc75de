"""What happens to a store's files and servers when things go wrong: kills, damage, lost servers."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from course_lib import ROOT
from course_lib.vector_stores import ExactStore, StoreError, open_store, pinecone_local

FILE_STORES = ["exact", "ivf", "faiss"]
EMBEDDED = [*FILE_STORES, "qdrant", "qdrant-edge", "chroma"]
DIM = 8


def unit(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def filled(url: str, n: int = 30) -> None:
    with open_store(url, dim=DIM) as store:
        ids = [f"doc-{row}" for row in range(n)]
        store.upsert(ids, unit(n), [{"n": row} for row in range(n)], [f"ü {row}" for row in ids])


def content(url: str) -> list[tuple]:
    with open_store(url, dim=DIM) as store:
        records = store.fetch([f"doc-{row}" for row in range(30)])
        hits = store.search(unit(1, seed=5)[0], k=5)
        return [
            *((one.id, one.metadata["n"], one.text, *one.vector) for one in records if one),
            *((hit.id, hit.score) for hit in hits),
        ]


# A process that is killed while it writes leaves the old file, and nothing that is in the way

KILLED = """
import os, signal, sys
from course_lib.vector_stores import files, open_store
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store = open_store(sys.argv[1], dim=8)
store.upsert(["late"], [[1.0] + [0.0] * 7], [{"n": -1}])
place = sys.argv[2]
if place == "half-way":
    write = files.np.savez
    def savez(stream, **arrays):
        write(stream, **arrays)
        stream.truncate(stream.tell() // 2)
        stream.flush()
        kill()
    files.np.savez = savez
else:
    setattr(files.os, place, kill)
store.persist()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("place", ["half-way", "fsync", "replace"])
@pytest.mark.parametrize("kind", FILE_STORES)
def test_a_kill_during_persist_leaves_the_old_file(kind, place, tmp_path):
    url = f"{kind}:{tmp_path / 'store'}"
    filled(url)
    before = content(url)
    process = subprocess.run([sys.executable, "-c", KILLED, url, place])
    assert process.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "store").iterdir())) == 2  # the old file and the half one
    assert content(url) == before
    assert [file.name for file in (tmp_path / "store").iterdir()] == ["documents.npz"]


WRITER = """
import sys, numpy as np
from course_lib.vector_stores import ExactStore
store = ExactStore(8, path=sys.argv[1])
rows = np.eye(8, dtype="f4")[np.arange(20_000) % 8]
for version in range(10**6):
    store.upsert([f"doc-{n}" for n in range(20_000)], rows, [{"v": version}] * 20_000)
    store.persist()
    print(version, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_kill_at_any_time_leaves_one_whole_version(tmp_path):
    rng = random.Random(0)
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            done = [int(writer.stdout.readline())]
            time.sleep(rng.uniform(0, 0.5))
            writer.kill()
            done += [int(line) for line in writer.stdout if line.endswith("\n")]
        with ExactStore(8, path=tmp_path / "store") as store:
            assert store.count() == 20_000
            records = store.fetch([f"doc-{n}" for n in range(0, 20_000, 97)])
            (version,) = {record.metadata["v"] for record in records}
            assert version in (done[-1], done[-1] + 1)


# Damage is noticed


@pytest.mark.parametrize("kind", FILE_STORES)
def test_damage_anywhere_in_the_file_is_noticed(kind, tmp_path):
    url = f"{kind}:{tmp_path / 'store'}"
    filled(url)
    before = content(url)
    file = tmp_path / "store" / "documents.npz"
    whole = file.read_bytes()
    noticed = 0
    for place in range(0, len(whole), max(1, len(whole) // 300)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            after, said = content(url), ""
        except StoreError as error:
            after, said = [], str(error)
        if after != before:  # which is right for a byte that nothing reads, such as a date
            assert "documents.npz is damaged" in said
            assert "Next step" in said
            noticed += 1
    assert noticed > 200
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=r"documents\.npz is damaged"):
            content(url)
    file.write_bytes(whole)  # and no failed attempt has kept the lock
    assert content(url) == before


def test_another_kinds_file_is_refused(tmp_path):
    filled(f"exact:{tmp_path / 'a'}")
    with pytest.raises(StoreError, match="damaged"):
        open_store(f"faiss:{tmp_path / 'a'}", dim=DIM)
    (tmp_path / "a" / "documents.npz").write_text("not ours")
    with pytest.raises(StoreError, match="damaged"):
        open_store(f"exact:{tmp_path / 'a'}", dim=DIM)
    np.savez(tmp_path / "a" / "documents.npz", other=np.ones(3))
    with pytest.raises(StoreError, match=r"holds \['other'\]"):
        open_store(f"exact:{tmp_path / 'a'}", dim=DIM)


def test_a_file_is_never_unpickled(tmp_path):
    (tmp_path / "a").mkdir()
    bomb = np.array([object()], dtype=object)
    np.savez(tmp_path / "a" / "documents.npz", dim=bomb, records=bomb, vectors=bomb)
    with pytest.raises(StoreError, match="damaged"):
        open_store(f"exact:{tmp_path / 'a'}", dim=DIM)


@pytest.mark.parametrize(
    ("kind", "name", "damage"),
    [
        ("qdrant", "meta.json", b""),
        ("qdrant", "meta.json", b"garbage"),
        ("qdrant", "collection/documents/storage.sqlite", b"garbage " * 1000),
        ("qdrant-edge", "documents/edge_config.json", b""),
        ("qdrant-edge", "documents/edge_config.json", b"{}"),
        ("chroma", "chroma.sqlite3", b"garbage " * 1000),
    ],
)
def test_a_damaged_database_is_said(kind, name, damage, tmp_path):
    url = f"{kind}:{tmp_path / 'store'}"
    filled(url)
    before = content(url)
    file = tmp_path / "store" / name
    whole = file.read_bytes()
    file.write_bytes(damage)
    with pytest.raises(StoreError, match=r"Next step"):
        content(url)
    if kind != "chroma":  # which keeps parts of a damaged database in memory
        file.write_bytes(whole)
        assert content(url) == before


def test_a_lost_server_is_said():
    with pinecone_local.serve() as url:
        store = open_store(f"pinecone+{url}", dim=DIM)
        store.upsert(["a"], unit(1))
    for use in (store.count, lambda: store.upsert(["a"], unit(1)), lambda: store.fetch(["a"])):
        with pytest.raises(StoreError, match=r"PineconeStore could not .* its server runs"):
            use()
    store.close()


@pytest.mark.parametrize("kind", ["qdrant", "chroma"])
def test_a_server_that_does_not_answer_is_said(kind):
    with pinecone_local.serve() as url:
        pass
    with pytest.raises(StoreError, match=rf"cannot open {url} .*start the server"):
        open_store(f"{kind}+{url}", dim=DIM)


# The folder is free again after a kill


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kind", EMBEDDED)
def test_a_killed_programs_folder_can_be_opened(kind, tmp_path):
    url = f"{kind}:{tmp_path / 'store'}"
    filled(url)
    program = (
        "import os, signal, sys; from course_lib.vector_stores import open_store\n"
        "store = open_store(sys.argv[1], dim=8)\n"
        "store.upsert(['late'], [[1.0] + [0.0] * 7], texts=['late'])\n"
        "store.persist()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program, url]).returncode == -signal.SIGKILL
    with open_store(url, dim=DIM) as store:
        assert store.count() == 31
        assert store.fetch(["late"])[0].text == "late"


# URLs, missing packages, imports, the network


@pytest.mark.parametrize(
    "url",
    [
        *("", "qdrant", "qdrant:", "exact:", "memory:x", "pinecone:x", "qdrant-edge:", "redis:x"),
        *("http://localhost:6333", "chroma+ftp://x", 7, None),
    ],
)
def test_a_wrong_url_is_said(url):
    with pytest.raises(ValueError, match=r"url must start with one of memory:, exact:, .* got"):
        open_store(url, dim=DIM)


@pytest.mark.parametrize("name", ["ab", "Docs", "a_b", "-ab", "ab-", "x" * 46, "ü-b", "", None])
def test_a_wrong_collection_is_said(name):
    with pytest.raises(ValueError, match=r"collection must be 3 to 45 lower-case"):
        open_store("memory:", dim=DIM, collection=name)


@pytest.mark.parametrize("dim", [0, -1, 2.0, "8", True, None])
@pytest.mark.parametrize("url", ["memory:", "faiss::memory:", "qdrant::memory:"])
def test_a_wrong_dim_is_said(url, dim):
    with pytest.raises(ValueError, match=r"dim must be a whole number of 1 or more, got"):
        open_store(url, dim=dim)


PACKAGES = {
    "faiss::memory:": ("faiss", "faiss-cpu"),
    "qdrant::memory:": ("qdrant_client", "qdrant-client"),
    "qdrant-edge:unused": ("qdrant_edge", "qdrant-edge-py"),
    "chroma::memory:": ("chromadb", "chromadb"),
    "pinecone+http://127.0.0.1:9": ("pinecone", "pinecone"),
}


@pytest.mark.parametrize("url", PACKAGES)
def test_a_missing_package_is_one_line(url, monkeypatch):
    module, package = PACKAGES[url]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StoreError) as caught:
        open_store(url, dim=DIM)
    assert f"needs {package}, which cannot be imported" in str(caught.value)
    assert str(caught.value).endswith(f"Next step: python -m pip install {package}")
    assert "\n" not in str(caught.value)


def test_the_package_loads_no_database_until_one_is_opened():
    program = (
        "import sys, course_lib.vector_stores as v; v.open_store('memory:', dim=2);"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    heavy = {"faiss", "qdrant_client", "qdrant_edge", "chromadb", "pinecone", "torch", "httpx"}
    assert not loaded & heavy


RECORDED = """
import sys, json, importlib.util
spec = importlib.util.spec_from_file_location("offline", sys.argv[1])
offline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(offline)
seen = []

def record(event, arguments):
    if event in offline.WATCHED:
        if getattr(arguments[0], "family", None) not in offline.LOCAL_FAMILIES:
            address = arguments[offline.WATCHED[event]]
            seen.append(str(address[0] if isinstance(address, tuple) else address))
    offline.refuse_beyond_loopback(event, arguments)

sys.addaudithook(record)
import numpy as np
from course_lib.vector_stores import open_store
for url in sys.argv[2:]:
    rows = np.eye(8, dtype="f4")
    with open_store(url, dim=8) as store:
        store.upsert(list("abcdefgh"), rows, [{"n": n} for n in range(8)], ["text"] * 8)
        store.search(rows[0], k=3, where={"n": {"$gt": 2}})
        store.fetch(["a"]); store.delete(["a"]); store.persist(); store.count()
print(json.dumps(seen))
"""


@pytest.mark.parametrize("kind", [*EMBEDDED, "qdrant-memory", "chroma-memory", "pinecone"])
def test_nothing_beyond_this_computer_is_asked_for(kind, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP") if name in os.environ}
    with pinecone_local.serve() as served:
        url = {
            "qdrant-memory": "qdrant::memory:",
            "chroma-memory": "chroma::memory:",
            "pinecone": f"pinecone+{served}",
        }.get(kind, f"{kind}:{tmp_path / 'store'}")
        done = subprocess.run(
            [sys.executable, "-c", RECORDED, str(ROOT / "tests/offline/sitecustomize.py"), url],
            env={**kept, "HOME": str(home), "USERPROFILE": str(home), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == ({"127.0.0.1"} if kind == "pinecone" else set())
    assert list(home.rglob("*")) == []  # no model, no settings, no number that names this computer


def test_the_record_would_show_a_connection(tmp_path):
    program = RECORDED.replace(
        "import numpy as np",
        "import socket\ntry: socket.create_connection(('192.0.2.1', 80))\nexcept OSError: pass\n"
        "import numpy as np",
    )
    offline = str(ROOT / "tests/offline/sitecustomize.py")
    # without the suite's own refusal, which would come first
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, offline], env=kept, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == ["192.0.2.1"]


def test_no_module_is_too_long():
    spec = importlib.util.find_spec("course_lib.vector_stores")
    for file in Path(spec.origin).parent.glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 300, file.name
