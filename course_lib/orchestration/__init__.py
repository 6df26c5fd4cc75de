"""Calls that fail, hang, repeat themselves and come all at once, and what to do about each.

>>> import asyncio
>>> async def flaky(request, failures=[1, 1]):
...     if failures:
...         failures.pop()
...         raise ConnectionError("lost")
...     return f"answer to {request}"
>>> asyncio.run(with_retries(flaky, attempts=3, base=0.001)("a question"))
'answer to a question'

Built in notebooks/14_orchestration.ipynb.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from course_lib.orchestration.batching import BatchingModel
from course_lib.orchestration.caching import SqliteCache, request_key, with_cache
from course_lib.orchestration.calls import (
    Call,
    asked_wait,
    backoff,
    in_threads,
    may_pass,
    with_fallback,
    with_limit,
    with_retries,
    with_timeout,
)
from course_lib.orchestration.faults import Counts, Faults

if TYPE_CHECKING:
    from course_lib.orchestration.faulty_endpoint import FaultyEndpoint
    from course_lib.orchestration.graph import GraphAnswerer, assistant_graph
    from course_lib.orchestration.load import LoadReport, LoadRow, arrivals, run_load
    from course_lib.orchestration.tracing import spans_of, tracer_in_memory

# Imported when one of these is asked for, not before: a web server, LangGraph, OpenTelemetry.
_MODULE_OF = {
    "FaultyEndpoint": "faulty_endpoint",
    "GraphAnswerer": "graph",
    "LoadReport": "load",
    "LoadRow": "load",
    "arrivals": "load",
    "assistant_graph": "graph",
    "run_load": "load",
    "spans_of": "tracing",
    "tracer_in_memory": "tracing",
}

__all__ = [
    "BatchingModel",
    "Call",
    "Counts",
    "Faults",
    "FaultyEndpoint",
    "GraphAnswerer",
    "LoadReport",
    "LoadRow",
    "SqliteCache",
    "arrivals",
    "asked_wait",
    "assistant_graph",
    "backoff",
    "in_threads",
    "may_pass",
    "request_key",
    "run_load",
    "spans_of",
    "tracer_in_memory",
    "with_cache",
    "with_fallback",
    "with_limit",
    "with_retries",
    "with_timeout",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
