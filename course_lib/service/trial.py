"""A service on this machine to try out: served in a thread, asked under load, timed by stage."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import uvicorn

from course_lib.service.answering import Assistant
from course_lib.service.app import create_app
from course_lib.service.feedback import FeedbackStore
from course_lib.service.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from opentelemetry.sdk.trace import ReadableSpan

    from course_lib.orchestration.load import LoadReport

_STAGES = {"retrieve": "search", "generate": "model", "budget": "prompt"}
_NO_GUARDS = ("prompt", "check", "confidence")  # steps of rag.answer
_PATIENCE = 300.0  # seconds that a client waits for an answer


class Trial(NamedTuple):
    """A running service.

    Attributes:
        url: where it is, such as "http://127.0.0.1:49152".
        client: asks it.
        spans: what OpenTelemetry was told; `spans.get_finished_spans()`.
    """

    url: str
    client: httpx.Client
    spans: Any


class LoadedService(NamedTuple):
    """What a load met with, and what the service says of it.

    Attributes:
        report: one row for each question; its answer is (status, request's id, text).
        traces: what GET /traces said afterwards.
        spans: OpenTelemetry's.
    """

    report: LoadReport
    traces: Mapping[str, Any]
    spans: Sequence[ReadableSpan]


@contextmanager
def served(assistant: Assistant, **settings: Any) -> Iterator[Trial]:
    """Serve an assistant on a free port of this machine, from a thread, while the block runs.

    Args:
        assistant: answers and searches. What feedback it gets is thrown away afterwards.
        settings: of `Settings`, such as batch=1; by default without a limit of requests.

    >>> from course_lib.retrieval import BM25
    >>> class Shy:
    ...     name = "shy"
    >>> with served(Assistant(Shy(), BM25([]))) as trial:
    ...     trial.client.post("/ask", json={"question": " "}).json()["reason"]
    'the question is blank'

    Built in notebooks/15_capstone.ipynb.
    """
    from course_lib.orchestration.tracing import tracer_in_memory

    tracer, spans = tracer_in_memory()
    options = Settings(**{"requests_per_minute": 1_000_000, **settings})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        feedback = FeedbackStore(Path(folder) / "feedback.sqlite")
        app = create_app(assistant, feedback, options, tracer=tracer)
        config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="served")
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the service did not start; `course serve` says why")
                time.sleep(0.005)
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            with httpx.Client(base_url=url, timeout=_PATIENCE) as client:
                yield Trial(url, client, spans)
        finally:
            server.should_exit = True
            thread.join()


def ask_under_load(
    assistant: Assistant,
    questions: Sequence[str],
    arrivals: Sequence[float] | NDArray[Any] | None = None,
    *,
    at_once: int | None = None,
    **settings: Any,
) -> LoadedService:
    """Serve an assistant, and put questions to it as `orchestration.run_load` plans them.

    Args:
        assistant: is served.
        questions: asked in turn.
        arrivals, at_once: as for `run_load`.
        settings: as for `served`.

    >>> from course_lib.retrieval import BM25
    >>> class Shy:
    ...     name = "shy"
    >>> loaded = ask_under_load(Assistant(Shy(), BM25([])), [" "] * 3, at_once=3)
    >>> [row.answer[0] for row in loaded.report.rows], len(loaded.traces["traces"])
    ([200, 200, 200], 3)

    Built in notebooks/15_capstone.ipynb.
    """
    from course_lib.orchestration.load import run_load

    async def run(url: str) -> LoadReport:
        async with httpx.AsyncClient(base_url=url, timeout=_PATIENCE) as client:

            async def ask(question: str) -> tuple[int, str, str | None]:
                got = await client.post("/ask", json={"question": question})
                said = got.json()
                return got.status_code, got.headers["x-request-id"], said.get("text")

            return await run_load(ask, questions, arrivals, at_once=at_once)

    with served(assistant, **settings) as trial, ThreadPoolExecutor(1) as pool:
        # a thread: where this is called, in a notebook, an event loop may be running
        report = pool.submit(asyncio.run, run(trial.url)).result()
        traces = trial.client.get("/traces").json()
        return LoadedService(report, traces, trial.spans.get_finished_spans())


def seconds_by_stage(loaded: LoadedService) -> list[Counter[str]]:
    """Where each answered question's time went: queue, search, model, guards, prompt.

    "queue" is what the client waited for beside the steps of the trace: for a place, and for the
    request's own way. Every step that is none of `rag.answer`'s is a guard's.

    Returns:
        Seconds by stage, of the latest question first.

    Built in notebooks/15_capstone.ipynb.
    """
    waited = {row.answer[1]: row.latency for row in loaded.report.rows if row.error is None}
    found = []
    for trace in loaded.traces["traces"]:
        if trace["id"] not in waited:
            continue
        stages = Counter({"queue": max(0.0, waited[trace["id"]] - trace["milliseconds"] / 1000)})
        for step in trace["steps"]:
            stage = "prompt" if step["name"] in _NO_GUARDS else "guards"
            stages[_STAGES.get(step["name"], stage)] += step["milliseconds"] / 1000
        found.append(stages)
    return found
