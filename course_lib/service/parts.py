"""What `course serve` serves: Larkspur's documents, a search, a language model, a feedback file.

Everything is opened before the first request, so that what is missing or broken is said at the
start, in one line, and not to the first person who asks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib import ROOT, assets, language_model, vector_stores
from course_lib.chunking import Chunk
from course_lib.language_model import LanguageModel, LanguageModelError, Message
from course_lib.lora.grounded_data import GROUNDED_PROMPT, grounded_chunks
from course_lib.orchestration.batching import BatchingModel
from course_lib.orchestration.tracing import tracer_from_environment
from course_lib.rag import PROMPT, InForce
from course_lib.retrieval import DenseSearch, HybridSearch, Retriever, WordSearch
from course_lib.service.answering import Assistant
from course_lib.service.feedback import FeedbackError, FeedbackStore
from course_lib.service.guarding import open_guards
from course_lib.service.rag_answerer import RagAnswerer
from course_lib.service.settings import Settings
from course_lib.service.turns import OneSearch, OneStream
from course_lib.vector_stores import StoreError, VectorStore

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ADAPTER = ROOT / "course_lib" / "lora" / "adapters" / "grounded"
ROOM = 50_000_000  # bytes of disk for the index and some thousands of records of feedback


class StartError(RuntimeError):
    """The service cannot start: what is missing or broken, and what to do next."""


@dataclass(frozen=True)
class Parts:
    """What was opened; `close` gives it back."""

    assistant: Assistant
    feedback: FeedbackStore
    store: VectorStore | None = None
    tracer: Tracer | None = None

    def close(self) -> None:
        """Close the files. Closing again does nothing."""
        self.feedback.close()
        if self.store is not None:
            self.store.close()


def open_parts(settings: Settings, *, say: Callable[[str], None] = print) -> Parts:
    """Open everything that the settings name.

    Args:
        settings: of the service.
        say: is told what takes a while.

    Raises:
        StartError: if a part is missing or broken.

    Built in notebooks/15_capstone.ipynb.
    """
    with _starting("the traces"):
        tracer = tracer_from_environment()
    feedback = _open_data(settings.data)
    store: VectorStore | None = None
    try:
        with _starting("the documents"):
            chunks = grounded_chunks()
        retriever: Retriever = WordSearch(chunks)
        if settings.search == "hybrid":
            store, dense = _open_index(settings, chunks, say)
            retriever = HybridSearch([retriever, dense])
        retriever = InForce(retriever)
        with _starting("the guards (COURSE_SERVICE_GUARDS)"):
            names = [name.strip() for name in settings.guards.split(",") if name.strip()]
            guards = open_guards([] if names == ["none"] else names, chunks)
        say("Loading the language model ...")
        model, prompt = _open_model(settings.batch)
        answerer = RagAnswerer(
            retriever,
            model,
            guards.passages,
            stream=not guards.after,  # else nobody sees a word before the last
            prompt=prompt,
            k=settings.passages,
            max_tokens=settings.max_tokens,
            # an endpoint's own count costs a request each time
            count_tokens=None if hasattr(model, "tokenizer") else _at_most,
        )
        assistant = Assistant(answerer, retriever, guards.before, guards.after)
        return Parts(assistant, feedback, store, tracer)
    except BaseException:
        feedback.close()
        if store is not None:
            store.close()
        raise


def _open_data(folder: Path) -> FeedbackStore:
    """The feedback file, in a folder with room."""
    with _starting("the data folder (COURSE_SERVICE_DATA)"):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < ROOM:
            raise StartError(
                f"{folder} has {free / 1e6:.0f} MB free, and the service needs {ROOM / 1e6:.0f} "
                "MB. Next step: make room, or set COURSE_SERVICE_DATA to a folder elsewhere"
            )
        return FeedbackStore(folder / "feedback.sqlite")


def _open_model(batch: int) -> tuple[LanguageModel, Sequence[Message]]:
    """The model that the environment names, else the local one with the adapter for this."""
    with _starting("the language model"):
        if any(os.environ.get(name, "").strip() for name in ("COURSE_LLM_BASE_URL", "COURSE_LLM")):
            model, prompt = language_model.load(), PROMPT
        else:
            _need("smollm2")
            model = language_model.LocalModel(adapter=ADAPTER).with_prompt_lookup()
            prompt = GROUNDED_PROMPT
        if not hasattr(model, "tokenizer"):  # an endpoint batches by itself
            return model, prompt
        model = OneStream(model)
        return (BatchingModel(model, most=batch) if batch > 1 else model), prompt


def _open_index(
    settings: Settings, chunks: Sequence[Chunk], say: Callable[[str], None]
) -> tuple[VectorStore, Retriever]:
    """The store with a vector for each chunk, and the search in it."""
    from course_lib.embeddings import Embedder
    from course_lib.local_models import fingerprint

    with _starting("the embedding model"):
        if not os.environ.get("COURSE_EMBEDDING_MODEL", "").strip():
            _need("minilm")
        embedder = Embedder()
        # Other documents, or another model, get a collection of their own.
        digest = hashlib.sha256(fingerprint(embedder.model, embedder.tokenizer).encode())
        for chunk in chunks:
            digest.update(f"{chunk.id}\0{chunk.text_with_heading}\0".encode())
    url = settings.store or f"exact:{settings.data / 'index'}"
    with _starting(f"the search index ({url})"):
        name = f"larkspur-{digest.hexdigest()[:12]}"
        store = vector_stores.open_store(url, dim=embedder.dim, collection=name)
    try:
        with _starting(f"the search index ({url})"):
            whole = store.count() == len(chunks)
            if not whole:
                say(f"Embedding {len(chunks)} passages, once ...")
            dense = DenseSearch(embedder, store, chunks, index=not whole)
            store.persist()
            dense.search("a first question", 1)  # a damaged index is noticed now
    except BaseException:
        store.close()
        raise
    return store, OneSearch(dense)


def _need(asset: str) -> None:
    if assets.locate(asset) is None:
        raise StartError(
            f"{asset} is not in the cache, or not complete. Next step: course fetch {asset}"
        )


def _at_most(messages: Sequence[Message]) -> int:
    """A count that is rather too high: text has some four characters to a token."""
    return sum(len(message["content"]) // 3 + 8 for message in messages)


@contextmanager
def _starting(what: str) -> Iterator[None]:
    """Make a StartError of whatever keeps a part from being opened."""
    known = (
        assets.AssetError, FeedbackError, LanguageModelError, StoreError,
        ValueError, OSError, ImportError, RuntimeError,
    )  # fmt: skip
    try:
        yield
    except StartError as error:
        raise StartError(f"{what}: {error}") from error
    except known as error:
        raise StartError(f"{what}: {error}") from error
