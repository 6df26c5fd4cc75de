"""Embed a large corpus: in this process, or by the same call on the workers of a Dask cluster."""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from course_lib.embeddings import Embedder, _as_texts

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """What turns texts into vectors: an Embedder, or an object of your own with an `identity`."""

    dim: int

    def encode(self, texts: Iterable[str], *, progress: bool | None = None) -> Vectors:
        """One vector for each text, float32, shape (n, dim)."""


def embed_corpus(
    texts: Sequence[str],
    *,
    folder: str | Path,
    embedder: Callable[[], Encoder] = Embedder,
    scheduler: str | None = None,
    workers: int = 2,
    shard_size: int = 512,
    progress: bool | None = None,
) -> Vectors:
    """Vectors of many texts, kept in a folder shard by shard, so that a second call goes on.

    A shard is a file named after the model and the texts in it. Whoever is killed, you or a worker,
    loses the shards in work, and no others: call again with the same arguments. Texts that are
    added at the end leave the shards before them as they are.

    Args:
        texts: the corpus; short texts of equal length make the best use of a shard.
        folder: where shards are kept, on this computer; workers need not see it.
        embedder: makes the embedder. Each worker calls it once, so pass a function, or
            `functools.partial(Embedder, max_length=128)`. Another object than an Embedder needs
            `dim`, `encode` and a string `identity` that changes when its vectors do.
        scheduler: None works in this process; "local" starts `workers` processes on this computer;
            an address such as "tcp://10.0.0.5:8786" uses the cluster there. A cluster's workers
            need this package and the model.
        workers: processes that "local" starts. In a script, not a notebook, "local" needs the
            call to stand below ``if __name__ == "__main__":``.
        shard_size: texts in a shard.
        progress: True shows a progress bar, False does not, None shows it after 2 seconds.

    Returns:
        float32, shape (n, dim), in the order of texts.

    Raises:
        ValueError: if texts are no strings, a number is below 1, or a worker has another model.
        RuntimeError: if Dask is not installed, or no cluster answers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     embed_corpus(["flat tyre", "puncture"], folder=folder).shape
    (2, 384)

    Used in notebooks/07_vector_search.ipynb.
    """
    from tqdm import tqdm

    given = _as_texts(texts)
    for name, number in (("shard_size", shard_size), ("workers", workers)):
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number}")
    here = embedder()
    identity = _identity(here)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for half in place.glob("*.half"):  # of a process that was killed while it wrote
        if time.time() - half.stat().st_mtime > 3600:
            half.unlink(missing_ok=True)
    shards = [given[start : start + shard_size] for start in range(0, len(given), shard_size)]
    files = [place / _name(identity, shard) for shard in shards]
    shape = [(len(shard), here.dim) for shard in shards]
    missing = [i for i in range(len(shards)) if _read(files[i], shape[i]) is None]
    # tqdm heeds TQDM_DISABLE only where `disable` is not passed
    options: dict[str, Any] = {"disable": True} if progress is False else {}
    options |= {"leave": bool(progress), "delay": 0 if progress else 2}
    done = len(given) - sum(len(shards[i]) for i in missing)
    todo = [shards[i] for i in missing]
    with tqdm(total=len(given), initial=done, desc="Embedding", unit=" texts", **options) as bar:
        for number, part in _embed(todo, here, embedder, identity, scheduler, workers):
            _write(files[missing[number]], part)
            bar.update(len(part))
    vectors = np.empty((len(given), here.dim), np.float32)
    for number, (file, size) in enumerate(zip(files, shape, strict=True)):
        kept = _read(file, size)
        if kept is None:
            raise RuntimeError(f"{file} was changed during the work. Next step: call again")
        vectors[number * shard_size : number * shard_size + len(kept)] = kept
    return vectors


def _embed(
    shards: list[list[str]],
    here: Encoder,
    make: Callable[[], Encoder],
    identity: str,
    scheduler: str | None,
    workers: int,
) -> Iterator[tuple[int, Vectors]]:
    """Each shard's number and vectors, as they get ready."""
    if scheduler is None or not shards:
        for number, shard in enumerate(shards):
            yield number, here.encode(shard, progress=False)
        return
    with _client(scheduler, workers) as client:
        recipe = importlib.import_module("cloudpickle").dumps(make)
        # `pure=False`: a key of its own, so that no result of an earlier call is taken for this.
        futures = client.map(
            _embed_shard, shards, recipe=recipe, identity=identity, pure=False, retries=2
        )
        number_of = {future.key: number for number, future in enumerate(futures)}
        for future in importlib.import_module("distributed").as_completed(futures):
            yield number_of[future.key], future.result()
            future.release()  # or the worker keeps the vectors until the end


@contextmanager
def _client(scheduler: str, workers: int) -> Iterator[Any]:
    """A client of the cluster at an address, or of one that is started for this block."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise RuntimeError(
            f"embed_corpus needs Dask for scheduler={scheduler!r}, which cannot be imported "
            f"({error}). Next step: python -m pip install distributed"
        ) from error
    if scheduler == "local":
        options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with (
            distributed.LocalCluster(n_workers=workers, **options) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"no Dask scheduler answers at {scheduler} ({error}). "
            "Next step: start one with `dask scheduler`, or check the address"
        ) from error
    with client:
        yield client


@lru_cache(maxsize=1)
def _made(recipe: bytes) -> tuple[Encoder, str]:
    """A worker's embedder, made once, and its identity."""
    encoder: Encoder = pickle.loads(recipe)()
    return encoder, _identity(encoder)


def _embed_shard(texts: list[str], *, recipe: bytes, identity: str) -> Vectors:
    """What a worker does."""
    encoder, own = _made(recipe)
    if own != identity:
        raise ValueError(
            "embedder must give the same model everywhere, but a worker has another one than this "
            "process; check the model's version on the workers"
        )
    return encoder.encode(texts, progress=False)


def _identity(encoder: Encoder) -> str:
    """What the vectors depend on beside the text."""
    if isinstance(encoder, Embedder):
        from course_lib.local_models import fingerprint

        return f"{fingerprint(encoder.model, encoder.tokenizer)}-{encoder.max_length}"
    identity = getattr(encoder, "identity", None)
    if not isinstance(identity, str) or not identity:
        raise ValueError(
            "embedder must make an Embedder, or an object with a string `identity`, "
            f"got {type(encoder).__name__}"
        )
    return identity


def _name(identity: str, texts: list[str]) -> str:
    """A shard's file name: the same for the same model and texts, and for no others."""
    digest = hashlib.sha256(identity.encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return f"{digest.hexdigest()[:32]}.npz"


def _read(file: Path, shape: tuple[int, int]) -> Vectors | None:
    """A shard's vectors; None where they are missing or damaged."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            vectors: Vectors = archive["vectors"]  # reading it checks the CRC
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    return vectors if vectors.shape == shape and vectors.dtype == np.float32 else None


def _write(file: Path, vectors: Vectors) -> None:
    """All of the file or nothing of it; two calls at once do not disturb each other."""
    half = file.with_name(f"{file.stem}-{uuid.uuid4().hex}.half")
    try:
        with half.open("wb") as stream:
            np.savez(stream, vectors=vectors)
        os.replace(half, file)
    finally:
        half.unlink(missing_ok=True)
