"""What a class's copy has in place of a solution, and how calling a solution is refused.

`course export --student` writes exercises that hold a `Withheld` where the reference was, with the
results that their checks need `recorded`. While an attempt runs there, and while a teacher's
computer grades one, the functions of `course_lib` that solve the exercise refuse to be called.
"""

import base64
import inspect
import pickle
import pkgutil
import zlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Lock
from types import CodeType, FunctionType
from typing import Any

from course_lib.exercises.checks import FunctionCheck
from course_lib.exercises.runner import Outcome

NOTHING_HERE = "This copy of the course carries no hints and no solutions: ask your teacher."


class Withheld:
    """A reference that is not here; it knows the names of its parameters alone.

    >>> inspect.signature(Withheld("scores", "k"))
    <Signature (scores, k)>
    """

    def __init__(self, *names: str) -> None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError."""
        raise NotImplementedError("the solution is not part of this copy")


def record(outcomes: Iterable[Outcome]) -> str:
    """Write what a reference returned, or the errors that it raised, as text."""
    plain = [(one.value, one.error) for one in outcomes]
    return base64.b85encode(zlib.compress(pickle.dumps(plain, protocol=4), 9)).decode()


def recorded(check: FunctionCheck, outcomes: str) -> FunctionCheck:
    """Let a check compare with recorded outcomes, one for each case, and call no reference."""
    kept = pickle.loads(zlib.decompress(base64.b85decode(outcomes)))
    if len(kept) != len(check.cases):
        raise ValueError(f"outcomes must be one for each of {len(check.cases)} cases: {len(kept)}")
    return replace(check, expected=tuple(Outcome(value=v, error=e) for v, e in kept))


class RefusedCallError(RuntimeError):
    """An attempt called the function that it should have been."""


_LOCK = Lock()
_ENTERED: "list[Refusal]" = []  # a function that is refused writes to the last one's list
_OWN_CODE: dict[FunctionType, CodeType] = {}  # of the functions that are refused now


class Refusal(AbstractContextManager["Refusal"]):
    """While it is entered, calling one of some functions raises; which were called is in `called`.

    The functions' code is exchanged, not their names: an attempt that imported one before, or under
    another name, meets the same refusal.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Find the functions, such as "course_lib.similarity:top_k" or "...by_words:BM25.scores".

        Raises:
            ValueError: if a name is not that of a Python function.
        """
        self.called: list[str] = []
        self._functions: dict[FunctionType, CodeType] = {}
        self._closed = False
        for name in names:
            found = pkgutil.resolve_name(name)
            function = inspect.unwrap(getattr(found, "__func__", found))  # of a class method
            if not isinstance(function, FunctionType) or function.__code__.co_freevars:
                raise ValueError(f"names must be of plain functions of course_lib, got {name}")
            self._functions[function] = _refusing(function.__qualname__)

    def __enter__(self) -> "Refusal":
        """Exchange the functions' code, unless this refusal is closed."""
        with _LOCK:
            if self._functions and not self._closed and self not in _ENTERED:
                _ENTERED.append(self)
                for function, refusing_code in self._functions.items():
                    _OWN_CODE.setdefault(function, function.__code__)
                    function.__code__ = refusing_code
        return self

    def __exit__(self, *_: object) -> None:
        """Put the functions' code back where no other refusal holds; twice does nothing."""
        with _LOCK:
            if self in _ENTERED:
                _ENTERED.remove(self)
                held = {function for other in _ENTERED for function in other._functions}
                for function in self._functions.keys() - held:
                    function.__code__ = _OWN_CODE.pop(function)

    def close(self) -> None:
        """Leave it for good: an attempt left behind may wake, and enters it for its next case."""
        self._closed = True
        self.__exit__()

    @property
    def message(self) -> str:
        """Why the attempt is refused; empty when it called none of the functions."""
        if not self.called:
            return ""
        return (
            f"Your answer calls course_lib's own {self.called[0]}, which solves this exercise. "
            "Write it yourself."
        )


def refuse_call(name: str) -> None:
    """Note the call, for the attempt may catch the error, and raise."""
    for refusal in _ENTERED[-1:]:
        refusal.called.append(name)
    raise RefusedCallError(f"{name} is not to be called in this exercise")


def _refusing(name: str) -> CodeType:
    """Code that any function can be given; it runs among that function's globals: hence import."""
    source = (
        "def refusing(*args, **kwargs):\n"
        "    from course_lib.exercises.withheld import refuse_call\n"
        f"    refuse_call({name!r})\n"
    )
    scope: dict[str, Any] = {}
    exec(source, scope)
    code: CodeType = scope["refusing"].__code__
    return code
