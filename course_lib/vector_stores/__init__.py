"""Vector stores behind one interface: NumPy, IVF, faiss, Qdrant, Chroma and Pinecone.

>>> with open_store("memory:", dim=2) as store:
...     store.upsert(["a", "b"], [[1.0, 0.0], [0.0, 1.0]])
...     [hit.id for hit in store.search([0.8, 0.6], k=2)]
['a', 'b']

A program that works on one of them works on the others by changing the URL. Each library is
imported when a store of its kind is opened, not before.

Built in notebooks/07_vector_search.ipynb.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from course_lib.vector_stores.checks import Value
from course_lib.vector_stores.protocol import Hit, Record, StoreError, VectorStore

if TYPE_CHECKING:
    from course_lib.vector_stores.chroma import ChromaStore
    from course_lib.vector_stores.exact import ExactStore
    from course_lib.vector_stores.hnsw import FaissStore
    from course_lib.vector_stores.ivf import IVFStore
    from course_lib.vector_stores.pinecone import PineconeStore
    from course_lib.vector_stores.qdrant import QdrantStore
    from course_lib.vector_stores.qdrant_edge import QdrantEdgeStore

_MODULE_OF = {
    "ChromaStore": "chroma",
    "ExactStore": "exact",
    "FaissStore": "hnsw",
    "IVFStore": "ivf",
    "PineconeStore": "pinecone",
    "QdrantEdgeStore": "qdrant_edge",
    "QdrantStore": "qdrant",
}

__all__ = [
    "ChromaStore",
    "ExactStore",
    "FaissStore",
    "Hit",
    "IVFStore",
    "PineconeStore",
    "QdrantEdgeStore",
    "QdrantStore",
    "Record",
    "StoreError",
    "Value",
    "VectorStore",
    "open_store",
]

# kind in the URL -> the class, and the argument that takes the rest of the URL
_KINDS = {
    "memory": ("ExactStore", ""),
    "exact": ("ExactStore", "path"),
    "ivf": ("IVFStore", "path"),
    "faiss": ("FaissStore", "path"),
    "qdrant": ("QdrantStore", "path"),
    "qdrant-edge": ("QdrantEdgeStore", "path"),
    "qdrant+http": ("QdrantStore", "url"),
    "qdrant+https": ("QdrantStore", "url"),
    "chroma": ("ChromaStore", "path"),
    "chroma+http": ("ChromaStore", "url"),
    "chroma+https": ("ChromaStore", "url"),
    "pinecone": ("PineconeStore", ""),
    "pinecone+http": ("PineconeStore", "host"),
    "pinecone+https": ("PineconeStore", "host"),
}


def open_store(url: str, *, dim: int, collection: str = "documents") -> VectorStore:
    """Open a store by its URL, and make it where it does not exist yet.

    Args:
        url: what kind of store, and where it is. A PATH is a folder.
            - ``memory:`` or ``exact:PATH``, ``ivf:PATH``, ``faiss:PATH``, ``qdrant:PATH``,
              ``qdrant-edge:PATH``, ``chroma:PATH``: in this process;
            - the same with ``:memory:`` for PATH (not qdrant-edge): nothing is kept;
            - ``qdrant+http://HOST:6333``, ``chroma+http://HOST:8000``: a server;
            - ``pinecone+http://HOST:5081`` (an emulator) or ``pinecone:`` (the cloud, with the key
              in PINECONE_API_KEY).
        dim: numbers in a vector.
        collection: name of the set of records, 3 to 45 lower-case letters, digits and hyphens.

    Raises:
        ValueError: if there is no such kind of store, or it holds vectors of another dim.
        StoreError: if it cannot be opened: in use, damaged, out of reach, its library missing.

    >>> open_store("memory:", dim=384).count()
    0
    """
    kind, _, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if kind not in _KINDS or (_KINDS[kind][1] == "") != (place == ""):
        known = ", ".join(f"{name}:" for name in _KINDS)
        raise ValueError(
            f"url must start with one of {known} and say where the store is, such as "
            f"qdrant:my-folder or qdrant::memory: (memory: and pinecone: stand alone), got {url!r}"
        )
    name, argument = _KINDS[kind]
    options: dict[str, Any] = {"dim": dim, "collection": collection}
    if argument in ("url", "host"):
        options[argument] = url.partition("+")[2]
    elif argument == "path" and place != ":memory:":
        options["path"] = place
    store: VectorStore = __getattr__(name)(**options)
    return store


def __getattr__(name: str) -> Any:
    # The modules of the stores are imported when one is asked for, not before.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
