"""A learner's function, safe to call: whatever it does ends in a verdict with a message."""

import contextlib
import inspect
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

from course_lib.exercises.compare import exact, show
from course_lib.exercises.runner import Clock, InputRefusedError, Outcome, Stopped

MISSING: Any = object()


class Wrong(Exception):  # noqa: N818 (authors write `raise Wrong(...)`; it is a verdict, not a bug)
    """The verdict of a check: why the attempt is wrong.

    Args:
        message: one or two sentences.
        given: the input that shows it, as text or as a value.
        got: what the learner's code returned.
        expected: what is wanted.
    """

    def __init__(
        self, message: str, *, given: Any = MISSING, got: Any = MISSING, expected: Any = MISSING
    ) -> None:
        super().__init__(message)
        self.message = message
        texts = show(got), show(expected)
        if texts[0] == texts[1] and got is not MISSING and expected is not MISSING:
            texts = repr(got)[:400], repr(expected)[:400]  # they differ where `show` rounds
        rows = [("Input", given if isinstance(given, str) else show(given), given)]
        rows += [("Yours", texts[0], got), ("Expected", texts[1], expected)]
        self.rows = [(name, text) for name, text, value in rows if value is not MISSING]


class NotAttempted(Exception):  # noqa: N818
    """The learner's function is still the notebook's stub."""


class Guarded:
    """A learner's function, safe to call: failures become `Wrong`, and calls are remembered."""

    def __init__(
        self,
        function: Callable[..., Any],
        clock: Clock,
        names: str = "",
        refusal: contextlib.AbstractContextManager[Any] | None = None,
    ) -> None:
        self.function = function
        self.clock = clock
        self.names = names  # the parameters of the reference, for messages
        self.refusal = refusal or contextlib.nullcontext()  # what holds while the function runs
        self.calls: list[tuple[Any, Any, Outcome]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function on deep copies and return its value, or raise `Wrong`."""
        outcome = self.outcome(*args, **kwargs)
        self.raise_failure(outcome, ", ".join(show(arg) for arg in args))
        return outcome.value

    def outcome(self, *args: Any, **kwargs: Any) -> Outcome:
        """Call the function on deep copies; whatever it does is in the outcome."""
        mine, kept = _copied((args, kwargs)), _copied((args, kwargs))
        outcome = Outcome(unfit=self._unfit(args, kwargs))
        if not outcome.unfit:
            try:
                with self.refusal:
                    outcome.value = self.clock.run(self.function, *mine)
            except BaseException as error:  # SystemExit and KeyboardInterrupt are the learner's too
                outcome.error = error
            with contextlib.suppress(Exception):
                outcome.changed = not exact(mine, kept)
        self.calls.append((*kept, outcome))
        return outcome

    @property
    def prints_only(self) -> bool:
        """Whether every call ended well and returned None."""
        return bool(self.calls) and all(
            o.value is None and o.error is None and not o.unfit for _, _, o in self.calls
        )

    def raise_failure(self, outcome: Outcome, given: str) -> None:
        """Raise what stands in the way of judging an outcome's value.

        Raises:
            NotAttempted: if the function is still a stub.
            Wrong: if the call could not be made, or raised an error.
        """
        if outcome.unfit:
            raise Wrong(outcome.unfit)
        if outcome.value is ... or isinstance(outcome.error, NotImplementedError):
            raise NotAttempted
        if outcome.error is not None:
            wrong = Wrong(error_text(outcome.error, self.clock.limit), given=given)
            line = own_line(outcome.error, self.function)
            if line and not isinstance(outcome.error, Stopped):
                wrong.rows.append(("At", line))
            raise wrong

    def _unfit(self, args: Any, kwargs: Any) -> str:
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # some compiled functions have none
            return ""
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            takes = ", ".join(signature.parameters) or "no parameters"
            given = self.names or f"{len(args) + len(kwargs)} arguments"
            return f"Your function takes ({takes}), and the exercise calls it with ({given})."
        return ""


def _copied(value: Any) -> Any:
    """Copy data at any depth; other objects, such as a loaded model, stay the same ones."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a namedtuple
        return type(value)(*(_copied(item) for item in value))
    if isinstance(value, list | tuple | set):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.copy()
    return value.clone() if hasattr(value, "detach") and hasattr(value, "clone") else value


def error_text(error: BaseException, limit: float) -> str:
    """Say what an error of a learner's function means, in one or two sentences."""
    if isinstance(error, Stopped):
        return (
            f"Your function did not finish within {limit:g} seconds. Does a loop in it never end?"
        )
    if isinstance(error, RecursionError):
        return "Your function calls itself without end (RecursionError): when should it stop?"
    if isinstance(error, SystemExit):
        return "Your function calls exit, which would end the program: return a value instead."
    if isinstance(error, InputRefusedError):
        return "Your function calls input(): take the value as a parameter instead."
    text = str(error)
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"Your function raised {text[:300]}"


def own_line(error: BaseException, function: Callable[..., Any]) -> str:
    """Find the last line of the learner's own code that an error passed through."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    trace, found = error.__traceback__, ""
    while code is not None and trace is not None:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            # IPython puts the cell in a file named by process: say the line, not the file.
            found = f"line {trace.tb_lineno}: {source}" if source else ""
        trace = trace.tb_next
    return found
