"""Recognising a stub: code that a notebook hands out and nobody has filled in yet."""

import dis
import inspect
import itertools
from typing import Any

# What the bytecode of an empty body is made of, on Python 3.11 to 3.14.
_EMPTY = {"RESUME", "NOP", "CACHE", "MAKE_CELL", "COPY_FREE_VARS", "RETURN_VALUE", "RETURN_CONST"}
_STORES = ("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL", "RETURN_VALUE")


def is_stub(attempt: Any) -> bool:
    """Whether an attempt still has its blank: `...`, an empty body, `x = ...`, `return ...`.

    A function that only raises NotImplementedError is recognised when it is called.

    >>> is_stub(...), is_stub([0.5, ...]), is_stub(lambda x: ...), is_stub(lambda x: x[..., 0])
    (True, True, True, False)
    """
    if isinstance(attempt, list | tuple):
        return any(item is ... for item in attempt)
    if isinstance(attempt, dict):
        return any(item is ... for item in attempt.values())
    if attempt is ...:
        return True
    code = getattr(inspect.unwrap(attempt) if callable(attempt) else None, "__code__", None)
    if code is None:
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname != "CACHE"]
    if all(s.opname in _EMPTY or _loads(s, None) for s in steps):
        return not any(s.opname == "RETURN_CONST" and s.argval not in (None, ...) for s in steps)
    return any(
        (_loads(step, ...) and after.opname.startswith(_STORES))
        or (after.opname == "RETURN_CONST" and after.argval is ...)
        for step, after in itertools.pairwise(steps)
    )


def _loads(step: dis.Instruction, constant: Any) -> bool:
    return step.opname.startswith("LOAD_CONST") and step.argval is constant
