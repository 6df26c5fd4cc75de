"""What an assistant did for one question, step by step: to read, to keep as JSON, to measure."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

_SHOWN = 100  # characters of a text, and
_LINES = 10  # items of a list, that are printed


@dataclass(frozen=True)
class Step:
    """One step: what went in, what came out, and how long it took.

    Attributes:
        name: such as "retrieve".
        started: milliseconds after the trace began.
        milliseconds: how long it took.
        given: what went in, as JSON values.
        made: what came out, as JSON values.
        error: the kind and message of the exception that ended it; empty if none did.
    """

    name: str
    started: float
    milliseconds: float
    given: Mapping[str, Any]
    made: Mapping[str, Any]
    error: str = ""


@dataclass
class Trace:
    """The steps that led to an answer; `print(trace)` shows them.

    It holds the question, the prompt and the answer in full. Where people write about themselves,
    keep it as you keep their messages.

    Attributes:
        question: what was asked.
        began: seconds since 1970, as `time.time()` gives them.
        steps: in the order in which they ended.

    >>> trace = Trace("Is E07 bad?")
    >>> with trace.step("retrieve", k=1) as made:
    ...     made["found"] = ["errors#e07"]
    >>> trace.steps[0].name, trace.steps[0].given, trace.steps[0].made
    ('retrieve', {'k': 1}, {'found': ['errors#e07']})
    >>> Trace.from_json(trace.to_json()) == trace
    True

    Built in notebooks/08_rag.ipynb.
    """

    question: str
    began: float = field(default_factory=time.time)
    steps: list[Step] = field(default_factory=list)
    _clock: float = field(default_factory=time.perf_counter, repr=False, compare=False)

    @contextmanager
    def step(self, name: str, **given: Any) -> Iterator[dict[str, Any]]:
        """Record what the `with` block does; it puts what it made into the dictionary it gets."""
        made: dict[str, Any] = {}
        error = ""
        start = time.perf_counter()
        try:
            yield made
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
            raise
        finally:
            started, took = start - self._clock, time.perf_counter() - start
            times = round(1000 * started, 3), round(1000 * took, 3)
            self.steps.append(Step(name, *times, _plain(given), _plain(made), error))

    @property
    def milliseconds(self) -> float:
        """From the beginning to the end of the last step."""
        return max((step.started + step.milliseconds for step in self.steps), default=0.0)

    def to_json(self, *, indent: int | None = None) -> str:
        """The whole trace as JSON."""
        steps = [asdict(step) for step in self.steps]
        whole = {"question": self.question, "began": self.began, "steps": steps}
        return json.dumps(whole, indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """The trace that `to_json` wrote."""
        whole = json.loads(text)
        return cls(whole["question"], whole["began"], [Step(**step) for step in whole["steps"]])

    def __str__(self) -> str:
        lines = [f"{_short(self.question)} ({len(self.steps)} steps, {self.milliseconds:,.0f} ms)"]
        for step in self.steps:
            lines.append(f"{step.name}, {step.milliseconds:,.1f} ms")
            lines += [line for name, value in step.given.items() for line in _line(name, value)]
            lines += [line for name, value in step.made.items() for line in _line(name, value, "→")]
            lines += [f"  ! {_short(step.error)}"] if step.error else []
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    """The value in JSON's own types, so that it comes back from JSON as it went in."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    return value if isinstance(value, int | float) else str(value)


def _line(name: str, value: Any, mark: str = " ") -> Iterator[str]:
    """One line; for a list of records or texts one line for each."""
    if not isinstance(value, list):
        yield f"  {mark} {name}: {_short(value)}"
        return
    yield f"  {mark} {name}: {len(value)}"
    yield from (f"      {_short(item)}" for item in value[:_LINES])
    if len(value) > _LINES:
        yield f"      and {len(value) - _LINES} more"


def _short(value: Any) -> str:
    """The beginning of a value, on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
