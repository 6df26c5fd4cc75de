"""Embedder beside sentence-transformers: mixed documents, and one query at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from benchmarks.documents import QUERIES, mixed_documents
from benchmarks.measure import Row, Settings, compare
from course_lib.embeddings import Embedder
from course_lib.local_models import quiet_transformers, torch_threads


def run(settings: Settings) -> Iterator[Row]:
    from sentence_transformers import SentenceTransformer

    embedder = Embedder()
    with quiet_transformers():
        theirs = SentenceTransformer(embedder.model.name_or_path, device="cpu")
    theirs.max_seq_length = embedder.max_length

    def encode(texts: list[str], batch_size: int = 32) -> np.ndarray:
        return theirs.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, batch_size=batch_size
        )

    documents = mixed_documents(40 if settings.quick else 200)
    lengths = np.minimum(embedder.count_tokens(documents), embedder.max_length)
    mixed = (
        f"embed {len(documents)} documents of {lengths.min()}–{lengths.max()} tokens "
        f"(median {np.median(lengths):.0f})"
    )
    checked = same_vectors(embedder, encode, [*documents, *QUERIES])
    for threads in settings.threads:
        embedder.threads = threads
        with torch_threads(threads):
            for batch_size in (32, 8):
                yield compare(
                    mixed,
                    lambda: embedder.encode(documents, progress=False),
                    f"sentence-transformers, batch_size={batch_size}"
                    + (" (default)" if batch_size == 32 else ""),
                    lambda size=batch_size: encode(documents, size),
                    settings,
                    threads=threads,
                    checked=checked,
                    least_ratio=1.2 if batch_size == 32 else None,
                )
            ours_queries, their_queries = itertools.cycle(QUERIES), itertools.cycle(QUERIES)
            yield compare(
                "embed one query",
                lambda it=ours_queries: embedder.encode([next(it)], progress=False),
                "sentence-transformers",
                lambda it=their_queries: encode([next(it)]),
                settings,
                threads=threads,
                checked=checked,
                least_ratio=1.0,
            )


def same_vectors(embedder: Embedder, encode, texts: list[str]) -> str:
    """Largest difference between the two libraries' vectors; an error above 1e-6."""
    difference = float(np.abs(embedder.encode(texts, progress=False) - encode(texts)).max())
    if difference > 1e-6:
        raise AssertionError(f"the vectors differ by {difference:.1e}, more than 1e-6")
    return f"vectors differ by at most {difference:.0e}"
