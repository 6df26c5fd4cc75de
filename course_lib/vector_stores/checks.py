"""What every store accepts, checked in one place and before anything is written.

Each database has its own rules, and they contradict each other. These are the ones that hold in all
of them, so that a program that runs on one store runs on the next.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Value = str | int | float | bool
Metadata = dict[str, Value]
Vectors = NDArray[np.float32]

_LONGEST_ID = 512  # characters; Pinecone's limit
_LARGEST_INTEGER = 2**53  # above it a float64, as JSON and Pinecone keep numbers, skips integers
_OFF_UNIT = 1e-3  # what rounding to float16 can add to a vector's length, and nothing more
_COLLECTION = re.compile(r"[a-z0-9][a-z0-9-]{1,43}[a-z0-9]")
_RANGES = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


@dataclass(frozen=True)
class Batch:
    """Checked arguments of an upsert: as many vectors, metadata and texts as there are ids."""

    ids: list[str]
    vectors: Vectors  # (n, dim), of unit length
    metadata: list[Metadata]
    texts: list[str]

    def parts(self, size: int) -> Iterable[Batch]:
        """The same records in batches of at most `size`."""
        for start in range(0, len(self.ids), size):
            part = slice(start, start + size)
            yield Batch(self.ids[part], self.vectors[part], self.metadata[part], self.texts[part])


@dataclass(frozen=True)
class Condition:
    """One comparison of a filter: ``field operator operand``; a filter is all of them at once."""

    field: str
    operator: str  # "$in", "$gt", "$gte", "$lt" or "$lte"
    operand: Any  # for "$in" a tuple of values, else a number

    @cached_property
    def _wanted(self) -> set[tuple[str, Value]]:
        return {(kind(value), value) for value in self.operand}

    def holds(self, metadata: Mapping[str, Value]) -> bool:
        """Whether a record fulfils it; one that lacks the field does not."""
        value = metadata.get(self.field)
        if value is None:
            return False
        if self.operator == "$in":
            return (kind(value), value) in self._wanted
        return kind(value) == "number" and bool(_RANGES[self.operator](value, self.operand))


_KINDS = {str: "text", bool: "bool", int: "number", float: "number"}


def kind(value: Value) -> str:
    """Values of different kinds are never equal; 1 and 1.0 are the same number, True is none."""
    return _KINDS[type(value)]


def check_batch(
    ids: Sequence[str],
    vectors: ArrayLike,
    metadata: Sequence[Mapping[str, Value]] | None,
    texts: Sequence[str] | None,
    dim: int,
) -> Batch:
    """The arguments of an upsert in their exact types, or a ValueError that names the wrong one."""
    names = check_ids(ids)
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if first.setdefault(name, place) != place:
            raise ValueError(
                f"ids must hold each id once, got {name!r} at {first[name]} and at {place}"
            )
    rows = _vectors(vectors, "vectors", dim, len(names))
    items = [{} for _ in names] if metadata is None else _list(metadata, "metadata", len(names))
    words = [""] * len(names) if texts is None else _list(texts, "texts", len(names))
    return Batch(
        names,
        rows,
        [_metadata(item, f"metadata[{place}]") for place, item in enumerate(items)],
        [_text(text, f"texts[{place}]") for place, text in enumerate(words)],
    )


def check_ids(ids: Sequence[str]) -> list[str]:
    """Non-empty strings of at most 512 characters."""
    names = _list(ids, "ids")
    for place, name in enumerate(names):
        _text(name, f"ids[{place}]")
        if not 1 <= len(name) <= _LONGEST_ID:
            raise ValueError(
                f"ids[{place}] must have 1 to {_LONGEST_ID} characters, got {len(name)}"
            )
    return [str(name) for name in names]


def check_query(query: ArrayLike, dim: int) -> Vectors:
    """One unit vector, shape (dim,)."""
    array = np.asarray(query)
    if array.ndim != 1:
        raise ValueError(f"query must have the shape ({dim},), got {array.shape}")
    vector: Vectors = _vectors(array[np.newaxis], "query", dim, 1)[0]
    return vector


def check_whole(number: object, name: str) -> int:
    """A whole number of 1 or more."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{name} must be a whole number of 1 or more, got {number!r}")
    return int(number)


def check_collection(name: str) -> str:
    """A name that every store allows."""
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise ValueError(
            f"collection must be 3 to 45 lower-case letters, digits and inner hyphens, got {name!r}"
        )
    return name


def check_where(where: Mapping[str, Any] | None) -> list[Condition]:
    """A filter as a list of conditions; no filter is an empty list."""
    if where is None:
        return []
    if not isinstance(where, Mapping):
        raise ValueError(f"where must be a mapping of fields, got {type(where).__name__}")
    conditions = []
    for field, wanted in where.items():
        name = f"where[{field!r}]"
        _key(field, "where")
        if not isinstance(wanted, Mapping):
            conditions.append(Condition(field, "$in", (_value(wanted, name),)))
            continue
        if not wanted:
            raise ValueError(f"{name} must hold a value or an operator, got {{}}")
        for symbol, operand in wanted.items():
            conditions.append(_condition(field, symbol, operand, name))
    return conditions


def _condition(field: str, symbol: object, operand: Any, name: str) -> Condition:
    if symbol == "$in":
        given = _list(operand, f"{name}['$in']")
        return Condition(field, "$in", tuple(_value(one, f"{name}['$in']") for one in given))
    if symbol not in _RANGES:
        known = ", ".join(("$in", *_RANGES))
        raise ValueError(f"{name} knows the operators {known}, got {symbol!r}")
    number = _value(operand, f"{name}[{symbol!r}]")
    if kind(number) != "number":
        raise ValueError(f"{name}[{symbol!r}] must be a number, got {operand!r}")
    return Condition(field, str(symbol), number)


def _vectors(values: ArrayLike, name: str, dim: int, n: int) -> Vectors:
    """float32 rows of unit length."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be numbers of shape (n, {dim}): {error}") from error
    if n == 0 and array.size == 0:
        return np.empty((0, dim), np.float32)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be numbers of shape (n, {dim}), got {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must have the shape (n, {dim}), got {array.shape}")
    if array.shape[1] != dim:
        raise ValueError(f"{name} must have {dim} numbers each (dim), got {array.shape[1]}")
    if len(array) != n:
        raise ValueError(f"{name} must be as many as ids ({n}), got {len(array)}")
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.sqrt(np.einsum("ij,ij->i", array, array, dtype=np.float64))
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise ValueError(f"{name} must hold finite numbers, got NaN or infinity in row {bad[0]}")
    bad = np.flatnonzero(~(np.abs(length - 1) <= _OFF_UNIT))
    if bad.size:
        raise ValueError(
            f"{name} must have unit length, got {length[bad[0]]:.4g} in row {bad[0]}; "
            "pass them through course_lib.embeddings.normalize"
        )
    # To the last digit, so that every store's inner product is the cosine.
    units: Vectors = (array / length[:, np.newaxis]).astype(np.float32)
    return units


def _metadata(item: object, name: str) -> Metadata:
    if not isinstance(item, Mapping):
        raise ValueError(f"{name} must be a mapping, got {type(item).__name__}")
    for key in item:
        _key(key, name)
    return {str(key): _value(value, f"{name}[{key!r}]") for key, value in item.items()}


def _key(key: object, name: str) -> None:
    """Field names that no store reads as a path, an operator or a field of its own."""
    if not isinstance(key, str) or not key.isidentifier() or key.startswith("_"):
        raise ValueError(
            f"{name} must name its fields with letters, digits and inner underscores, got {key!r}"
        )


def _value(value: Any, name: str) -> Value:
    """A plain str, bool, int or float; NumPy's own are turned into these."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, str):
        return _text(plain, name)
    if isinstance(plain, int) and abs(plain) <= _LARGEST_INTEGER:
        return int(plain)  # an IntEnum, say, is no plain int
    if isinstance(plain, float) and math.isfinite(plain):
        return float(plain)
    raise ValueError(
        f"{name} must be a str, bool, finite float or an int of at most 2**53, got {value!r}"
    )


def _text(text: object, name: str) -> str:
    """A string that every store gives back as it is."""
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a string, got {type(text).__name__}: {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be valid Unicode, got half a surrogate pair at character {error.start}"
        ) from error
    if "\0" in text:
        raise ValueError(f"{name} must hold no NUL character, got one at {text.index(chr(0))}")
    return str(text)


def _list(values: Any, name: str, n: int | None = None) -> list[Any]:
    """A list with as many items as there are ids."""
    if isinstance(values, str | bytes | Mapping):
        raise ValueError(f"{name} must be a list, got a single {type(values).__name__}")
    try:
        items = list(values)
    except TypeError as error:
        raise ValueError(f"{name} must be a list, got {type(values).__name__}") from error
    if n is not None and len(items) != n:
        raise ValueError(f"{name} must be as many as ids ({n}), got {len(items)}")
    return items
