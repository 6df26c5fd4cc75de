"""Text to vectors: all-MiniLM-L6-v2, or another mean-pooling model, through plain transformers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.embedding_cache import VectorCache
from course_lib.local_models import fingerprint, load_encoder, torch_threads
from course_lib.threads import choose_threads

Floats = NDArray[np.floating[Any]]

# Texts that are sorted by length and cached together: enough to find texts of equal length, few
# enough that an interrupted run loses less than a minute of work.
_WINDOW = 1024


def mean_pool(hidden: ArrayLike, mask: ArrayLike) -> Floats:
    """Mean of each text's token vectors, padding left out.

    Args:
        hidden: token vectors of the last layer, shape (n, tokens, dim).
        mask: 1 for a token of the text, 0 for padding, shape (n, tokens).

    Returns:
        Shape (n, dim). A text that is all padding gives a zero vector.

    Raises:
        ValueError: if the shapes do not fit, a mask is not 0 or 1, or on NaN or infinity.

    >>> hidden = np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    >>> mean_pool(hidden, np.array([[1, 1, 0]]))
    array([[2., 3.]])

    Built in notebooks/01_embeddings.ipynb.
    """
    tokens = _as_floats(hidden, "hidden")
    weights = np.asarray(mask)
    if tokens.ndim != 3 or weights.shape != tokens.shape[:2]:
        raise ValueError(
            "hidden must have the shape (n, tokens, dim) and mask the shape (n, tokens), "
            f"got {tokens.shape} and {weights.shape}"
        )
    if not np.isin(weights, (0, 1)).all():
        raise ValueError("mask must hold 0 and 1 alone")
    weights = weights.astype(tokens.dtype)
    # (n, 1, tokens) @ (n, tokens, dim): a matrix product adds up the tokens without a large copy
    total = (weights[:, np.newaxis, :] @ tokens)[:, 0]
    if not np.isfinite(total).all():
        raise ValueError("hidden must hold finite numbers, got NaN or infinity")
    pooled: Floats = total / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    return pooled


def normalize(vectors: ArrayLike) -> Floats:
    """Vectors of length 1 in the same directions, so that a dot product is their cosine.

    Args:
        vectors: shape (n, dim), or (dim,) for one vector.

    Returns:
        The same shape. A zero vector has no direction and stays zero.

    Raises:
        ValueError: on NaN or infinity.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])

    Built in notebooks/01_embeddings.ipynb.
    """
    rows = _as_floats(vectors, "vectors")
    if rows.ndim not in (1, 2):
        raise ValueError(f"vectors must have the shape (n, dim) or (dim,), got {rows.shape}")
    # The squares of large float32 numbers do not fit in float32.
    length = np.sqrt(np.einsum("...i,...i->...", rows, rows, dtype=np.float64))[..., np.newaxis]
    if not np.isfinite(length).all():
        raise ValueError("vectors must hold finite numbers, got NaN or infinity")
    return (rows / np.where(length > 0, length, 1)).astype(rows.dtype)


def _as_floats(values: ArrayLike, name: str) -> Floats:
    """float32 as it is, everything else as float64."""
    try:
        array = np.asarray(values)
        return array if array.dtype == np.float32 else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error


def batches_by_length(lengths: ArrayLike, max_tokens: int) -> list[NDArray[np.intp]]:
    """Group texts of similar length, so that little padding is computed.

    In a batch every text is padded to the longest one; a batch's padded size is at most max_tokens.
    A text that is longer than max_tokens gets a batch of its own.

    Args:
        lengths: tokens of each text, shape (n,).
        max_tokens: largest padded size of a batch, in tokens.

    Returns:
        For each batch the indices of its texts, the longest texts first. Every index occurs once.

    Raises:
        ValueError: if lengths are no whole numbers of 0 or more, or max_tokens is below 1.

    >>> batches_by_length([3, 9, 4, 8], max_tokens=18)
    [array([1, 3]), array([2, 0])]

    Used by Embedder (notebooks/01_embeddings.ipynb).
    """
    sizes = np.asarray(lengths)
    if sizes.ndim != 1 or (sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 0)):
        raise ValueError(
            f"lengths must be whole numbers of 0 or more in the shape (n,), "
            f"got {sizes.dtype} in the shape {sizes.shape}"
        )
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be 1 or more, got {max_tokens}")
    order = np.argsort(-sizes.astype(np.int64), kind="stable")
    batches = []
    start = 0
    while start < len(order):
        longest = max(1, int(sizes[order[start]]))
        size = max(1, int(max_tokens) // longest)
        batches.append(order[start : start + size])
        start += size
    return batches


class Embedder:
    """Texts to vectors of unit length; the same vectors as sentence-transformers' encode.

    Args:
        model: folder or hub id of a transformers model trained with mean pooling. By default what
            COURSE_EMBEDDING_MODEL names, else the course's copy of all-MiniLM-L6-v2.
        max_length: tokens of a text that are read; the rest is ignored.
        batch_tokens: padded size of a batch, in tokens; fastest where it fits in the cache.
        cache: a folder where vectors are kept, so that a text is embedded once. Off by default.
        threads: processor threads; by default those that are free when the model is loaded.

    Raises:
        ValueError: if the model cannot be loaded, or a number is out of range.

    >>> embedder = Embedder()
    >>> embedder.encode(["flat tyre", "puncture", "invoice"]).shape
    (3, 384)

    Built in notebooks/01_embeddings.ipynb.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        max_length: int = 256,
        batch_tokens: int = 2048,
        cache: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        for name, number in (("batch_tokens", batch_tokens), ("threads", threads)):
            if number is not None and number < 1:
                raise ValueError(f"{name} must be 1 or more, got {number}")
        self.tokenizer, self.model = load_encoder(_model_source(model))
        self.dim = int(self.model.config.hidden_size)
        self.max_length = max_length
        self.batch_tokens = batch_tokens
        self.threads = threads if threads is not None else choose_threads()
        limit = getattr(self.model.config, "max_position_embeddings", max_length)
        least = self.tokenizer.num_special_tokens_to_add() + 1
        if not least <= max_length <= limit:
            wanted = f"between {least} and {limit} (the model's limit)"
            raise ValueError(f"max_length must be {wanted}, got {max_length}")
        self._cache: VectorCache | None = None
        if cache is not None:
            # Another model, or the same with another max_length, gives other vectors.
            name = f"{fingerprint(self.model, self.tokenizer)[:16]}-{max_length}.sqlite"
            self._cache = VectorCache(Path(cache) / name, self.dim)

    def encode(self, texts: Iterable[str], *, progress: bool | None = None) -> NDArray[np.float32]:
        """One unit vector for each text.

        Args:
            texts: a list of strings; an empty string is allowed and has a vector too.
            progress: True shows a progress bar, False does not, None shows it after 2 seconds.

        Returns:
            float32, shape (n, dim). No texts give shape (0, dim).

        Raises:
            ValueError: if texts is a single string, or an item is no valid string.
        """
        from tqdm import tqdm

        given = _as_texts(texts)
        unique = list(dict.fromkeys(given))
        vectors = np.empty((len(unique), self.dim), dtype=np.float32)
        # tqdm heeds TQDM_DISABLE only where `disable` is not passed
        options: dict[str, Any] = {"disable": True} if progress is False else {}
        options |= {"leave": bool(progress), "delay": 0 if progress else 2}
        with tqdm(total=len(unique), desc="Embedding", unit=" texts", **options) as bar:
            for start in range(0, len(unique), _WINDOW):
                window = unique[start : start + _WINDOW]
                vectors[start : start + len(window)] = self._encode_window(window, bar)
        place = {text: row for row, text in enumerate(unique)}
        return vectors[[place[text] for text in given]]

    def count_tokens(self, texts: Iterable[str]) -> NDArray[np.intp]:
        """Tokens of each text, special tokens included and not cut at max_length, shape (n,).

        Where the number is above max_length, the model does not see the end of the text.
        """
        given = _as_texts(texts)
        ids = self.tokenizer(given, verbose=False)["input_ids"] if given else []
        return np.array([len(row) for row in ids], dtype=np.intp)

    def _encode_window(self, texts: list[str], bar: Any) -> NDArray[np.float32]:
        """Unit vectors of unique texts; from the cache where it has them."""
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        found = self._cache.get(texts) if self._cache else {}
        for row, text in enumerate(texts):
            if text in found:
                vectors[row] = found[text]
        bar.update(len(found))
        missing = [row for row, text in enumerate(texts) if text not in found]
        if missing:
            for rows, batch in self._embed([texts[row] for row in missing]):
                vectors[[missing[row] for row in rows]] = batch
                bar.update(len(rows))
            if self._cache:
                self._cache.put({texts[row]: vectors[row] for row in missing})
        return vectors

    def _embed(self, texts: list[str]) -> Iterator[tuple[NDArray[np.intp], Floats]]:
        """Run the model a batch at a time: (indices of texts, their vectors)."""
        import torch

        ids = self.tokenizer(
            [self._head(text) for text in texts], truncation=True, max_length=self.max_length
        )["input_ids"]
        lengths = np.array([len(row) for row in ids])
        for batch in batches_by_length(lengths, self.batch_tokens):
            longest = int(lengths[batch[0]])
            tokens = np.full((len(batch), longest), self.tokenizer.pad_token_id or 0)
            mask = np.arange(longest) < lengths[batch][:, np.newaxis]  # (texts, tokens)
            for row, text in enumerate(batch):
                tokens[row, : lengths[text]] = ids[text]
            with torch.inference_mode(), torch_threads(self.threads):
                hidden = self.model(
                    input_ids=torch.from_numpy(tokens),
                    attention_mask=torch.from_numpy(mask.astype(np.int64)),
                ).last_hidden_state.numpy()
            yield batch, normalize(mean_pool(hidden, mask))

    def _head(self, text: str) -> str:
        """As much of a very long text as the model can read; tokenizing 10 MB takes 2 GB."""
        head = text[: 64 * self.max_length]
        if len(head) == len(text):
            return text
        # The cut may fall inside a word, so the last tokens can differ from those of the whole
        # text. With this many tokens to spare, none of them is among the first max_length.
        enough = self.max_length + 128
        return head if len(self.tokenizer(head, verbose=False)["input_ids"]) >= enough else text


def _as_texts(texts: Iterable[str]) -> list[str]:
    """A list of strings that can be written as UTF-8."""
    if isinstance(texts, str | bytes):
        raise ValueError("texts must be a list of strings, got a single string; pass [text]")
    try:
        given = list(texts)
    except TypeError as error:
        raise ValueError(f"texts must be a list of strings, got {type(texts).__name__}") from error
    for row, text in enumerate(given):
        if not isinstance(text, str):
            raise ValueError(f"texts[{row}] must be a string, got {type(text).__name__}: {text!r}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"texts[{row}] must be valid Unicode, got half a surrogate pair at character "
                f"{error.start}; decode its source with errors='replace'"
            ) from error
    return given


def _model_source(model: str | Path | None) -> str:
    """Folder or hub id."""
    source = model if model is not None else os.environ.get("COURSE_EMBEDDING_MODEL")
    if source:
        return str(source)
    from course_lib import assets

    return str(assets.path("minilm"))
