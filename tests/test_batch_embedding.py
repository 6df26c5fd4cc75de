"""A corpus embedded in shards: in this process, on a Dask cluster, after kills, and again."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from course_lib.batch_embedding import embed_corpus
from course_lib.embeddings import Embedder

TEXTS = [f"text number {number} " + "x" * (number % 7) for number in range(60)]


class Counting:
    """Vectors that depend on the text alone, made slowly; each call leaves a line in a file."""

    dim = 4

    def __init__(self, log: Path, identity: str = "one", seconds: float = 0.0) -> None:
        self.log, self.identity, self.seconds = log, identity, seconds

    def encode(self, texts, *, progress=None):
        time.sleep(self.seconds)
        with self.log.open("a") as log:
            log.write(f"{len(texts)}\n")
        rows = [[len(text), sum(map(ord, text)), ord(text[-1]), 1.0] for text in texts]
        return np.array(rows, dtype=np.float32)


class Deadly(Counting):
    """Kills its own process at one text, the first time."""

    def encode(self, texts, *, progress=None):
        mark = self.log.with_suffix(".killed")
        if TEXTS[25] in texts and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts)


@pytest.fixture(scope="module")
def cluster():
    cloudpickle = pytest.importorskip("cloudpickle")
    # the workers cannot import this file, so its classes are sent to them
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    from distributed import LocalCluster

    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, **options) as cluster:
        yield cluster


def expected(texts):
    return np.array(
        [[len(text), sum(map(ord, text)), ord(text[-1]), 1.0] for text in texts], dtype=np.float32
    )


def calls(log: Path) -> int:
    return len(log.read_text().split()) if log.exists() else 0


def embed(tmp_path, texts=TEXTS, make=None, folder="shards", **options):
    recipe = make or partial(Counting, tmp_path / "log")
    options = {"shard_size": 10, "progress": False, **options}
    return embed_corpus(texts, folder=tmp_path / folder, embedder=recipe, **options)


def test_gives_the_texts_vectors_in_order(tmp_path):
    np.testing.assert_array_equal(embed(tmp_path), expected(TEXTS))
    assert calls(tmp_path / "log") == 6
    assert len(list((tmp_path / "shards").iterdir())) == 6


def test_a_second_call_computes_nothing_and_new_texts_alone(tmp_path):
    first = embed(tmp_path)
    np.testing.assert_array_equal(embed(tmp_path), first)
    assert calls(tmp_path / "log") == 6
    np.testing.assert_array_equal(embed(tmp_path, [*TEXTS, "new"]), expected([*TEXTS, "new"]))
    assert calls(tmp_path / "log") == 7
    embed(tmp_path, ["changed", *TEXTS[1:]])
    assert calls(tmp_path / "log") == 8
    embed(tmp_path, make=partial(Counting, tmp_path / "log", "another model"))
    assert calls(tmp_path / "log") == 14


def test_texts_cut_at_another_place_are_another_shard(tmp_path):
    embed(tmp_path, ["ab", "c"])
    np.testing.assert_array_equal(embed(tmp_path, ["a", "bc"]), expected(["a", "bc"]))


def test_a_damaged_shard_is_computed_again(tmp_path):
    embed(tmp_path)
    files = sorted((tmp_path / "shards").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-30])
    flipped = bytearray(files[1].read_bytes())
    flipped[len(flipped) // 2] ^= 0xFF
    files[1].write_bytes(flipped)
    files[2].write_bytes(b"")
    np.savez(files[3], vectors=np.zeros((3, 4), np.float32))
    np.savez(files[4], other=np.zeros(1))
    np.testing.assert_array_equal(embed(tmp_path), expected(TEXTS))
    assert calls(tmp_path / "log") == 11


def test_half_files_of_a_killed_process_are_cleared_away(tmp_path):
    embed(tmp_path, TEXTS[:10])
    old, new = (tmp_path / "shards" / name for name in ("a.half", "b.half"))
    old.touch()
    new.touch()  # another call may be writing it
    os.utime(old, (0, 0))
    embed(tmp_path, TEXTS[:10])
    assert (old.exists(), new.exists()) == (False, True)


def test_no_texts_and_one(tmp_path):
    assert embed(tmp_path, []).shape == (0, 4)
    assert embed(tmp_path, ["a"]).shape == (1, 4)


def test_wrong_arguments_are_said(tmp_path):
    with pytest.raises(ValueError, match="texts must be a list of strings"):
        embed(tmp_path, "one text")
    with pytest.raises(ValueError, match=r"texts\[1\] must be a string"):
        embed(tmp_path, ["a", 7])
    with pytest.raises(ValueError, match="shard_size must be 1 or more, got 0"):
        embed(tmp_path, shard_size=0)
    with pytest.raises(ValueError, match="workers must be 1 or more, got 0"):
        embed(tmp_path, workers=0)
    with pytest.raises(ValueError, match="a string `identity`, got object"):
        embed(tmp_path, make=object)
    with pytest.raises(RuntimeError, match=r"no Dask scheduler answers at nothing.*Next step"):
        embed(tmp_path, scheduler="nothing://127.0.0.1:1")


def test_a_missing_dask_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RuntimeError, match=r"needs Dask .*: python -m pip install distributed$"):
        embed(tmp_path, scheduler="local")


def test_the_bar_starts_where_the_last_call_stopped(tmp_path, monkeypatch):
    import tqdm

    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            super().__init__(**{**options, "disable": False, "file": io.StringIO()})
            bars.append((options, self))

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    embed(tmp_path, TEXTS[:30])
    embed(tmp_path, progress=True)
    first, second = bars
    assert (first[0]["initial"], first[0]["total"], first[0]["disable"]) == (0, 30, True)
    assert (second[0]["initial"], second[0]["total"], "disable" in second[0]) == (30, 60, False)
    assert second[1].n == 60


def test_a_cluster_gives_the_same(tmp_path, cluster):
    address = cluster.scheduler_address
    vectors = embed(tmp_path, scheduler=address)
    np.testing.assert_array_equal(vectors, expected(TEXTS))
    assert calls(tmp_path / "log") == 6
    np.testing.assert_array_equal(embed(tmp_path), vectors)  # here, from the cluster's shards
    np.testing.assert_array_equal(embed(tmp_path, scheduler=address), vectors)
    assert calls(tmp_path / "log") == 6


def test_an_error_on_a_worker_is_raised_here(tmp_path, cluster):
    class Failing(Counting):
        def encode(self, texts, *, progress=None):
            raise KeyError("no such vector")

    with pytest.raises(KeyError, match="no such vector"):
        embed(
            tmp_path, make=partial(Failing, tmp_path / "log"), scheduler=cluster.scheduler_address
        )


def test_a_worker_with_another_model_is_refused(tmp_path, cluster):
    here = os.getpid()

    def make():
        return Counting(tmp_path / "log", "mine" if os.getpid() == here else "theirs")

    with pytest.raises(ValueError, match="a worker has another one than this process"):
        embed(tmp_path, make=make, scheduler=cluster.scheduler_address)


posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


@posix
def test_a_worker_that_dies_at_a_text_is_replaced(tmp_path, cluster):
    recipe = partial(Deadly, tmp_path / "log")
    vectors = embed(tmp_path, make=recipe, scheduler=cluster.scheduler_address)
    assert (tmp_path / "log.killed").exists()
    np.testing.assert_array_equal(vectors, expected(TEXTS))


@posix
@pytest.mark.slow
def test_a_worker_killed_at_work_changes_nothing(tmp_path):
    """MiniLM on a cluster of this call's own; one of its workers is killed from outside."""
    psutil = pytest.importorskip("psutil")
    texts = [f"{text} about an e-bike's battery and its charger" for text in TEXTS] * 2
    recipe = partial(Embedder, max_length=32, threads=1)
    here = embed_corpus(texts, folder=tmp_path / "here", embedder=recipe, shard_size=8)
    killed = []

    def kill_a_worker():
        while len(list((tmp_path / "there").glob("*.npz"))) < 2:
            time.sleep(0.01)
        # a worker's process is started by its nanny, and computes; trackers of resources do not
        busy = max(
            psutil.Process().children(recursive=True),
            key=lambda process: process.cpu_times().user,
        )
        busy.send_signal(signal.SIGKILL)
        killed.append(len(list((tmp_path / "there").glob("*.npz"))))

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    options = {"folder": tmp_path / "there", "embedder": recipe, "shard_size": 8}
    there = embed_corpus(texts, scheduler="local", workers=2, **options)
    killer.join()
    assert killed[0] < 15  # of as many shards: there was work left
    np.testing.assert_allclose(there, here, atol=1e-6)


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from course_lib.batch_embedding import embed_corpus

class Encoder:
    dim, identity, calls = 4, "one", 0
    def encode(self, texts, *, progress=None):
        Encoder.calls += 1
        if Encoder.calls == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        rows = [[len(text), sum(map(ord, text)), ord(text[-1]), 1.0] for text in texts]
        return np.array(rows, dtype=np.float32)

texts = Path(sys.argv[2]).read_text().split("\\n")
embed_corpus(texts, folder=sys.argv[1], embedder=Encoder, shard_size=10)
"""


@posix
def test_a_killed_call_is_gone_on_with(tmp_path):
    (tmp_path / "texts").write_text("\n".join(TEXTS))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "shards"), str(tmp_path / "texts")]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    np.testing.assert_array_equal(embed(tmp_path), expected(TEXTS))
    assert calls(tmp_path / "log") == 3
