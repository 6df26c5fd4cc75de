"""Running a learner's code so that it ends, and ends quietly.

The code runs in a thread of its own under a time limit, with printing caught and `input` refused.
A thread, not a process, because a notebook's functions cannot be sent to another process. Its one
limit: a single call into compiled code that never returns cannot be stopped, only left behind.
"""

import builtins
import contextlib
import ctypes
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_PRINTED = 1000  # characters of a learner's printing that are kept
MAX_LINES = 12  # and lines of them that are shown
GRACE = 2.0  # seconds in which a stopped function may end before its thread is left behind


class Stopped(BaseException):
    """Raised inside a learner's function at the time limit; not caught by `except Exception`."""


class InputRefusedError(RuntimeError):
    """The learner's function asked the keyboard."""


@dataclass
class Outcome:
    """What one guarded call did: a value, or the error that it raised."""

    value: Any = None
    error: BaseException | None = None
    changed: bool = False  # whether the call changed its arguments
    unfit: str = ""  # why the call could not be made at all


class Clock:
    """A time limit for all calls of a function together, watched by the waiting thread."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.left_behind = False  # nobody watches any more: refuse every further call
        self._used = 0.0
        self._started: float | None = None  # while the learner's code runs
        self._thread = 0
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Give the next function its own full time."""
        self._used = 0.0

    def overdue(self) -> float:
        """Seconds over the limit of the call that is running; 0 or less while there is time."""
        started = self._started
        return 0.0 if started is None else self._used + time.monotonic() - started - self.limit

    def stop(self) -> None:
        """Raise `Stopped` in the running call; repeat it, because a bare `except:` catches it."""
        with self._lock:
            if self._started is not None:
                _raise_in_thread(self._thread, Stopped)

    def run(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call the function with the clock running.

        Raises:
            Stopped: at the time limit, or if there was no time left.
        """
        if self.left_behind or self._used >= self.limit:
            raise Stopped
        self._thread = threading.get_ident()
        try:
            try:
                self._started = time.monotonic()
                return function(*args, **kwargs)
            finally:
                self._end()
        except Stopped:
            self._end()  # again: the stop may have struck within the first _end
            raise

    def _end(self) -> None:
        with self._lock:
            if self._started is not None:
                self._used += time.monotonic() - self._started
                self._started = None
                _raise_in_thread(self._thread, None)  # a late stop must not strike the checker
        if self.left_behind:
            raise Stopped


def _raise_in_thread(thread_id: int, error: type[BaseException] | None) -> None:
    """Raise `error` at the thread's next bytecode; None takes back one that is still waiting."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), None if error is None else ctypes.py_object(error)
    )


class Printed(io.TextIOBase):
    """Keep the beginning of what is written, so that an endless printer fills no memory."""

    def __init__(self) -> None:
        self.kept, self.cut, self.muted = "", False, False

    def writable(self) -> bool:
        """Tell `print` that this can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep `text`, up to the limit of all that is kept."""
        if not self.muted:
            room = MAX_PRINTED - len(self.kept)
            self.kept += text[:room]
            self.cut = self.cut or len(text) > room
        return len(text)

    def text(self) -> str:
        """What was kept, at most MAX_LINES lines of it."""
        lines = self.kept.rstrip().splitlines()
        text = "\n".join(lines[:MAX_LINES])
        return text + (" ... (cut)" if self.cut or len(lines) > MAX_LINES else "")


def _refuse_input(prompt: object = "") -> str:
    raise InputRefusedError("input() is not answered while a function is checked")


@contextlib.contextmanager
def _surroundings(printed: Printed) -> Iterator[None]:
    """Catch printing and warnings and refuse `input`; the calling thread only waits meanwhile."""
    original = builtins.input
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        builtins.input = _refuse_input
        try:
            yield
        finally:
            builtins.input = original
            # Without file and line: a path differs on every machine.
            for text in dict.fromkeys(f"{w.category.__name__}: {w.message}\n" for w in caught):
                printed.write(text)


def run_guarded(work: Callable[[], Any], clock: Clock, printed: Printed) -> Outcome:
    """Run `work` in a thread of its own, stop it by the clock, and catch what it prints.

    Args:
        work: runs the check; the learner's function in it is a `Guarded` on the same clock.
        clock: says when the learner's code has had its time.
        printed: receives what is printed.

    Returns:
        What `work` returned or raised.

    Raises:
        KeyboardInterrupt: if the person at the keyboard interrupts.
    """
    outcome = Outcome()
    # Waited for instead of the thread: an interrupted Thread.join() takes a thread for ended.
    done = threading.Event()

    def target() -> None:
        try:
            outcome.value = work()
        except BaseException as error:
            outcome.error = error
        finally:
            done.set()

    with _surroundings(printed):
        threading.Thread(target=target, daemon=True).start()
        try:
            while not done.wait(0.05):  # in slices, so that Ctrl-C is heard on Windows too
                if clock.overdue() > 0:
                    clock.stop()
                if clock.overdue() > GRACE:
                    clock.left_behind = True
                    return Outcome(error=Stopped())
        except KeyboardInterrupt:
            clock.left_behind = True
            for _ in range(10):
                clock.stop()
                if done.wait(0.05):
                    break
            raise
    return outcome
