"""Comparing a learner's answer with a trusted one, and saying in words what differs.

Right answers come in many types: a list or an array, an int or a float, a torch tensor. These
functions accept all of them and stay strict about shape, length and value.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

import numpy as np

Compare = Callable[[Any, Any], bool]

MAX_TEXT = 400  # characters of a shown value
MAX_ITEMS = 8  # items of a shown list
MAX_DEPTH = 4  # nested lists; also what stops a list that contains itself


def close(tolerance: float = 1e-6) -> Compare:
    """Make a comparison that allows for rounding, in numbers at any depth.

    Args:
        tolerance: largest allowed difference, absolute and relative.

    Returns:
        A function of (got, expected).

    >>> close()([0.1 + 0.2, "a"], (0.3, "a"))
    True
    >>> close()([1, 2], [[1, 2]])
    False
    """

    def compare(got: Any, expected: Any) -> bool:
        return _same(plain(got), plain(expected), tolerance)

    return compare


def exact(got: Any, expected: Any) -> bool:
    """Same value, without tolerance; a list equals an array, and 1 equals 1.0.

    >>> exact(np.array([1, 2]), [1.0, 2.0]), exact("a", "A")
    (True, False)
    """
    return _same(plain(got), plain(expected), 0.0)


def same_items(got: Any, expected: Any) -> bool:
    """Same items, whatever their order and however often they are repeated.

    >>> same_items(["b", "a"], {"a", "b"}), same_items(["a"], {"a", "b"})
    (True, False)
    """
    got, expected = plain(got), plain(expected)
    if not _is_collection(got) or not _is_collection(expected):
        return False
    return all(any(_same(a, b, 1e-6) for b in expected) for a in got) and all(
        any(_same(a, b, 1e-6) for a in got) for b in expected
    )


def safely(compare: Compare, got: Any, expected: Any) -> bool:
    """Compare, and count an answer that cannot be compared as different."""
    try:
        return bool(compare(got, expected))
    except Exception:
        return False


def plain(value: Any) -> Any:
    """Turn tensors, series and NumPy scalars into arrays and Python numbers.

    >>> plain(np.float32(0.5)), plain(range(3))
    (0.5, [0, 1, 2])
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, range | type({}.keys()) | type({}.values()) | type({}.items())):
        return list(value)
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a torch tensor, torch not imported
        value = value.detach().cpu().numpy()
    if hasattr(value, "__array__") and not isinstance(value, type):
        value = np.asarray(value)
        return value.item() if value.ndim == 0 else value
    return value


def _is_collection(value: Any) -> bool:
    return isinstance(value, list | tuple | Set | np.ndarray)


def _same(got: Any, expected: Any, tolerance: float) -> bool:
    got, expected = plain(got), plain(expected)
    if isinstance(expected, Set) or isinstance(got, Set):
        return isinstance(got, Set) and isinstance(expected, Set) and got == expected
    if isinstance(expected, Mapping):
        return (
            isinstance(got, Mapping)
            and got.keys() == expected.keys()
            and all(_same(got[key], expected[key], tolerance) for key in expected)
        )
    if _is_collection(expected):
        return _is_collection(got) and _same_sequence(got, expected, tolerance)
    if isinstance(expected, bool):
        return isinstance(got, bool | int) and got == expected
    if isinstance(expected, int | float):
        if not isinstance(got, int | float) or isinstance(got, bool):
            return False
        if math.isnan(expected) or math.isnan(got):
            return math.isnan(expected) and math.isnan(got)
        return math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)
    return type(got) is type(expected) and bool(got == expected)


def _same_sequence(got: Any, expected: Any, tolerance: float) -> bool:
    if len(got) != len(expected):
        return False
    if isinstance(got, np.ndarray) and isinstance(expected, np.ndarray):
        if got.shape != expected.shape:
            return False
        kinds = got.dtype.kind + expected.dtype.kind
        if kinds in ("bb", "UU"):
            return bool(np.array_equal(got, expected))
        if set(kinds) <= set("iuf"):
            return bool(np.allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True))
    return all(_same(a, b, tolerance) for a, b in zip(got, expected, strict=True))


def show(value: Any, depth: int = 0) -> str:
    """Write a value short enough to read, the same on every run.

    >>> show([0.5, "tyre"]), show(np.zeros((2, 384)))
    ("[0.5, 'tyre']", 'array of shape (2, 384): [[0., 0., ..., 0., 0.], [0., 0., ..., 0., 0.]]')
    """
    try:
        text = _show(value, depth)
    except Exception as error:  # a learner's own __repr__ may do anything
        text = f"a {type(value).__name__} (its repr raised {type(error).__name__})"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} ... (cut)"


def _show(value: Any, depth: int) -> str:
    value = plain(value)
    if isinstance(value, np.ndarray):
        text = np.array2string(
            value, precision=4, suppress_small=True, threshold=24, edgeitems=2, separator=", "
        )
        text = " ".join(text.split())
        return text if value.size <= 24 else f"array of shape {value.shape}: {text}"
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, str):
        if len(value) <= MAX_TEXT // 2:
            return repr(value)
        return f"{value[: MAX_TEXT // 2]!r}... ({len(value):,} characters)"
    if isinstance(value, list | tuple | Set | Mapping):
        return _show_items(value, depth)
    if inspect.isroutine(value):
        return f"the function {getattr(value, '__name__', '?')}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Iterator):
        return f"a {type(value).__name__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))  # an address changes with every run


def _show_items(value: Any, depth: int) -> str:
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        items = [f"{show(key, depth + 1)}: {show(item, depth + 1)}" for key, item in pairs]
    elif isinstance(value, Set):
        items = sorted(show(item, depth + 1) for item in value)[:MAX_ITEMS]
    else:
        items = [show(item, depth + 1) for item in value[:MAX_ITEMS]]
    if len(value) > MAX_ITEMS:
        items.append(f"... {len(value) - MAX_ITEMS:,} more")
    text = ", ".join(items)
    if isinstance(value, tuple):
        return f"({text},)" if len(value) == 1 else f"({text})"
    if isinstance(value, Set):
        return f"{{{text}}}" if value else "set()"
    return f"{{{text}}}" if isinstance(value, Mapping) else f"[{text}]"


def difference(got: Any, expected: Any, *, reveal: bool = True) -> str:
    """Say in one sentence how `got` differs from `expected`.

    Args:
        got: the learner's answer.
        expected: the right one.
        reveal: whether the sentence may hold a part of the right one.

    >>> difference(None, 3)
    'The answer is None: did you forget `return`?'
    >>> difference([1, 2, 3], [1, 5, 3])
    'The items differ first at index 1: 2 where 5 is wanted.'
    """
    got, expected = plain(got), plain(expected)
    if got is None:
        return "The answer is None: did you forget `return`?" if reveal else "The answer is None."
    if inspect.iscoroutine(got):
        return "The answer is a coroutine: write `def`, not `async def`."
    if isinstance(got, Iterator):
        return f"The answer is a {type(got).__name__}: wrap it in list(...), or return a list."
    if inspect.isroutine(got):
        return f"The answer is {show(got)} itself: is a pair of brackets missing?"
    kinds = _kind(got), _kind(expected)
    if kinds[0] != kinds[1]:
        return f"The answer is {kinds[0]} where {kinds[1]} is wanted."
    if isinstance(got, float) and math.isnan(got):
        return "The answer is nan, not a number: was something divided by zero?"
    if not reveal:
        return "The value is not the right one."
    if isinstance(got, np.ndarray) and isinstance(expected, np.ndarray):
        return _array_difference(got, expected)
    if isinstance(expected, list | tuple | np.ndarray):
        return _sequence_difference(got, expected)
    if isinstance(expected, Mapping | Set):
        missing = [show(key) for key in expected if key not in got]
        extra = [show(key) for key in got if key not in expected]
        if missing:
            return f"{sorted(missing)[0]} is missing."
        if extra:
            return f"{sorted(extra)[0]} should not be there."
    if isinstance(expected, str) and got.strip() == expected.strip():
        return "The text is right but for spaces or line ends around it."
    if isinstance(expected, str) and got.lower() == expected.lower():
        return "The text is right but for capital letters."
    return "The value differs."


def _kind(value: Any) -> str:
    """Name a value's type as a learner would, with the types that are accepted alike in one."""
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list | tuple | np.ndarray):
        return "a list or array"
    if isinstance(value, Mapping):
        return "a dict"
    if isinstance(value, Set):
        return "a set"
    return "a string" if isinstance(value, str) else f"a {type(value).__name__}"


def _array_difference(got: np.ndarray, expected: np.ndarray) -> str:
    if got.shape != expected.shape:
        return f"The shape is {got.shape} where {expected.shape} is wanted."
    if got.dtype.kind == "f" and np.isnan(got).any() and not np.isnan(expected).any():
        return "The answer contains nan, not a number: was something divided by zero?"
    for index in np.ndindex(got.shape):
        if not _same(got[index], expected[index], 1e-6):
            where = index[0] if len(index) == 1 else tuple(int(i) for i in index)
            return (
                f"The items differ first at index {where}: {show(got[index])} where "
                f"{show(expected[index])} is wanted."
            )
    return "The value differs."


def _sequence_difference(got: Any, expected: Any) -> str:
    shapes = _shape(got), _shape(expected)
    if shapes[0] != shapes[1] and len(shapes[0]) + len(shapes[1]) > 2:
        return f"The shape is {shapes[0]} where {shapes[1]} is wanted."
    if len(got) != len(expected):
        return f"The answer has {len(got)} items where {len(expected)} are wanted."
    for index, (a, b) in enumerate(zip(got, expected, strict=True)):
        if not _same(a, b, 1e-6):
            return f"The items differ first at index {index}: {show(a)} where {show(b)} is wanted."
    return "The value differs."


def _shape(value: Any) -> tuple[int, ...]:
    """Give the shape of an array or of evenly nested lists; uneven lists count one level."""
    try:
        return tuple(int(size) for size in np.shape(value))
    except ValueError:
        return (len(value),)
