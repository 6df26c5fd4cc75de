"""Static embeddings: one fixed vector for each token, distilled from a sentence model.

The model reads every token once; after that a text's vector is a mean of looked-up rows, and no
model runs. The idea and the defaults follow model2vec (github.com/MinishLab/model2vec).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.embeddings import Embedder, normalize

_TEXTS_AT_ONCE = 1024  # the tokenizer takes them together
_TOKENS_AT_ONCE = 512


class StaticEmbedder:
    """Texts to unit vectors by looking up one vector for each token and taking their mean.

    Word order is lost, and a token that has no vector counts for nothing.

    Args:
        tokenizer: a transformers tokenizer.
        token_ids: the tokens that have a vector, shape (n_tokens,), each once.
        vectors: their vectors, weights included, shape (n_tokens, dim).

    Raises:
        ValueError: if token_ids and vectors do not fit each other or the tokenizer.

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import PreTrainedTokenizerFast
    >>> words = Tokenizer(models.WordLevel({"flat": 0, "tyre": 1, "?": 2}, unk_token="?"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)
    >>> static = StaticEmbedder(tokenizer, [0, 1], [[1.0, 0.0], [3.0, 4.0]])
    >>> static.encode(["tyre", "flat zebra", "zebra"])
    array([[0.6, 0.8],
           [1. , 0. ],
           [0. , 0. ]], dtype=float32)

    Built in notebooks/06_limits.ipynb.
    """

    def __init__(self, tokenizer: Any, token_ids: ArrayLike, vectors: ArrayLike) -> None:
        self.tokenizer = tokenizer
        self.token_ids = np.asarray(token_ids)
        known = np.asarray(vectors, dtype=np.float32)
        size = len(tokenizer)
        ids = self.token_ids
        if ids.ndim != 1 or ids.dtype.kind not in "iu" or known.ndim != 2 or len(ids) != len(known):
            raise ValueError(
                "token_ids must be whole numbers of shape (n_tokens,) and vectors must have the "
                f"shape (n_tokens, dim), got {ids.shape} and {known.shape}"
            )
        inside = ids.size == 0 or 0 <= ids.min() <= ids.max() < size
        if not inside or len(np.unique(ids)) != len(ids):
            raise ValueError(f"token_ids must differ and lie between 0 and {size - 1}")
        if not np.isfinite(known).all():
            raise ValueError("vectors must hold finite numbers, got NaN or infinity")
        self.dim = int(known.shape[1])
        self.vectors = np.vstack([known, np.zeros((1, self.dim), dtype=np.float32)])
        self._row = np.full(size, len(known))  # token id -> row; the last row is zero
        self._row[ids] = np.arange(len(known))

    @property
    def n_bytes(self) -> int:
        """Memory of the vectors and of the table that finds them."""
        return int(self.vectors.nbytes + self._row.nbytes)

    def encode(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """One unit vector for each text, however long.

        Args:
            texts: a list of strings.

        Returns:
            float32, shape (n, dim). A text without a known token has the zero vector.

        Raises:
            ValueError: if texts is a single string, or an item is no string.
        """
        given = _as_texts(texts)
        vectors = np.zeros((len(given), self.dim), dtype=np.float32)
        for start in range(0, len(given), _TEXTS_AT_ONCE):
            ids = _token_ids(self.tokenizer, given[start : start + _TEXTS_AT_ONCE])
            for place, tokens in enumerate(ids, start):
                vectors[place] = self.vectors[self._row[tokens]].sum(axis=0)
        return normalize(vectors).astype(np.float32)  # of unit length, a sum is a mean

    def save(self, folder: str | Path) -> None:
        """Write the vectors and the tokenizer to a folder."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(str(folder))
        # the file last: a folder that was left half written does not load
        np.savez(Path(folder) / "static.npz", token_ids=self.token_ids, vectors=self.vectors[:-1])

    @classmethod
    def load(cls, folder: str | Path) -> StaticEmbedder:
        """Read what `save` wrote.

        Raises:
            ValueError: if the folder holds no static embeddings.
        """
        from transformers import AutoTokenizer

        try:
            with np.load(Path(folder) / "static.npz") as arrays:
                token_ids, vectors = arrays["token_ids"], arrays["vectors"]
            return cls(AutoTokenizer.from_pretrained(str(folder)), token_ids, vectors)
        except (OSError, KeyError) as error:
            raise ValueError(
                f"folder must be one that StaticEmbedder.save wrote, got {folder}: {error}"
            ) from error


def distill(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    dim: int = 256,
    smoothing: float = 1e-3,
    ridge: float | None = None,
) -> StaticEmbedder:
    """Static embeddings for the tokens that occur in `texts`.

    Each token goes through the model alone. Then come the `dim` main directions of these vectors
    (PCA), and a weight for each token, smoothing / (smoothing + its share of all tokens): smooth
    inverse frequency (Arora, Liang and Ma, 2017), so that "the" counts little.

    With `ridge` the vectors are also fitted to the texts: the static vector of each text is to come
    near the vector that the model gives it, by ridge regression. The model then reads every text.

    Args:
        embedder: the model to distill.
        texts: of the kind that will be encoded; a sample of some thousands is enough.
        dim: numbers in a vector, at most the model's and the number of different tokens.
        smoothing: share of all tokens at which a token has half the weight of a rare one.
        ridge: how strongly a fitted vector is held near its start, above 0; None does not fit.

    Raises:
        ValueError: if texts have no token, or an argument is out of range.

    >>> static = distill(Embedder(), ["a flat tyre", "a flat battery", "a bill"], dim=2)
    >>> static.vectors.shape  # five tokens, and the zero vector of all others
    (6, 2)

    Built in notebooks/06_limits.ipynb.
    """
    if not smoothing > 0:
        raise ValueError(f"smoothing must be above 0, got {smoothing}")
    if ridge is not None and not ridge > 0:
        raise ValueError(f"ridge must be above 0, or None, got {ridge}")
    given = _as_texts(texts)
    ids = _token_ids(embedder.tokenizer, given)
    tokens, counts = np.unique(np.concatenate([[], *ids]).astype(np.int64), return_counts=True)
    largest = min(embedder.dim, len(tokens))
    if not 1 <= dim <= largest:
        raise ValueError(
            f"dim must be between 1 and {largest} (the model has {embedder.dim} numbers, the texts "
            f"{len(tokens)} different tokens), got {dim}"
        )
    alone = _token_vectors(embedder, tokens)  # (n_tokens, model dim)
    centred = alone - alone.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:dim].T  # (model dim, dim)
    weights = smoothing / (smoothing + counts / counts.sum())
    vectors = weights[:, np.newaxis] * (centred @ directions)
    if ridge is not None:
        wanted = embedder.encode(given).astype(np.float64)
        wanted = (wanted - wanted.mean(axis=0)) @ directions  # (n_texts, dim)
        vectors = _fit(
            vectors, weights, [np.searchsorted(tokens, row) for row in ids], wanted, ridge
        )
    return StaticEmbedder(embedder.tokenizer, tokens, vectors)


def _fit(
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    rows: list[NDArray[np.intp]],
    wanted: NDArray[np.float64],
    ridge: float,
) -> NDArray[np.float64]:
    """Vectors moved so that their means over each text's rows come near the wanted vectors."""
    shares = np.zeros((len(rows), len(vectors)))  # of each token in each text
    for share, text in zip(shares, rows, strict=True):
        np.add.at(share, text, 1 / max(1, len(text)))
    start = shares @ vectors
    vectors = vectors * ((start * wanted).sum() / max(float((start**2).sum()), 1e-12))
    left = wanted - shares @ vectors
    shares *= weights  # a frequent token may move less
    # (A'A + rI)^-1 A' = A' (AA' + rI)^-1: solve the smaller of the two
    if len(rows) < len(vectors):
        moved = shares.T @ np.linalg.solve(shares @ shares.T + ridge * np.eye(len(rows)), left)
    else:
        gram = shares.T @ shares + ridge * np.eye(len(vectors))
        moved = np.linalg.solve(gram, shares.T @ left)
    fitted: NDArray[np.float64] = vectors + weights[:, np.newaxis] * moved
    return fitted


def _token_vectors(embedder: Embedder, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the model makes of each token alone: mean over [CLS] token [SEP], (n_tokens, dim)."""
    import torch

    from course_lib.local_models import torch_threads

    first, last = embedder.tokenizer.cls_token_id, embedder.tokenizer.sep_token_id
    vectors = np.empty((len(tokens), embedder.dim))
    for start in range(0, len(tokens), _TOKENS_AT_ONCE):
        part = tokens[start : start + _TOKENS_AT_ONCE]
        ids = torch.tensor([[first, int(token), last] for token in part])
        with torch.inference_mode(), torch_threads(embedder.threads):
            hidden = embedder.model(input_ids=ids).last_hidden_state
        vectors[start : start + len(part)] = hidden.mean(dim=1).numpy()
    return vectors


def _token_ids(tokenizer: Any, texts: list[str]) -> list[NDArray[np.intp]]:
    """Token ids of each text; special tokens, that for unknown words among them, left out."""
    if not texts:
        return []
    ids = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    special = set(tokenizer.all_special_ids)
    return [np.array([i for i in row if i not in special], dtype=np.intp) for row in ids]


def _as_texts(texts: Iterable[str]) -> list[str]:
    """A list of strings."""
    if isinstance(texts, str | bytes):
        raise ValueError("texts must be a list of strings, got a single string; pass [text]")
    given = list(texts)
    for row, text in enumerate(given):
        if not isinstance(text, str):
            raise ValueError(f"texts[{row}] must be a string, got {type(text).__name__}: {text!r}")
    return given
