"""The service's FastAPI app."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.datastructures import State
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Scope

from course_lib import __version__
from course_lib.rag import Trace
from course_lib.service import logs
from course_lib.service.answering import Assistant, Passage, Reply
from course_lib.service.feedback import Feedback, FeedbackError, FeedbackStore
from course_lib.service.lanes import Busy, Lane, Rate
from course_lib.service.metrics import Metrics
from course_lib.service.middleware import Limits, Observed
from course_lib.service.responses import EVENT, Events, Refused, add_errors, stream
from course_lib.service.schemas import (
    AskReply,
    AskRequest,
    FeedbackReply,
    FeedbackRequest,
    Health,
    Problem,
    SearchHit,
    SearchReply,
    SearchRequest,
    TracesReply,
)
from course_lib.service.settings import Settings
from course_lib.service.traces import Traces

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

PAGE = Path(__file__).with_name("page")
REMEMBERED = 1000  # replies that feedback can still be joined to

_WRONG: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON"},
    408: {"model": Problem, "description": "The body did not arrive in time"},
    413: {"model": Problem, "description": "The body is too large"},
    422: {"model": Problem, "description": "A field is wrong"},
    429: {"model": Problem, "description": "Too many requests; see Retry-After"},
    503: {"model": Problem, "description": "Not now: all places are taken, or a part has failed; "
                                           "see Retry-After"},
}  # fmt: skip
_SSE = (
    "With `Accept: text/event-stream` the reply comes as server-sent events: `passages` (what was "
    "found), `token` (a piece of the answer as it is written; none where an answer is checked "
    "before it is shown), then either `reply`, which is the same JSON as without, or `problem`."
)


def create_app(
    assistant: Assistant,
    feedback: FeedbackStore,
    settings: Settings | None = None,
    *,
    tracer: Tracer | None = None,
) -> FastAPI:
    """The app: POST /ask, /search, /feedback; GET /health, /metrics, /traces; pages, and /docs.

    Args:
        assistant: answers and searches.
        feedback: keeps opinions. The app closes it when it ends.
        settings: by default those of the environment.
        tracer: gets the spans of every question, without its texts.

    Built in notebooks/15_capstone.ipynb.
    """
    options = settings or Settings.from_environment()
    service = _Service(assistant, feedback, options, tracer)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        favicon_url="/page/icon.svg",
        swagger_ui_parameters={"validatorUrl": None},  # which would send the document elsewhere
        title="Larkspur assistant",
        description="Answers questions from Larkspur Cycles' documents, with citations.",
        version=__version__,
        lifespan=lifespan,
        # FastAPI's own would send messages of exceptions, which may quote a question
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = service
    add_errors(app)
    _add_routes(app, service)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    rate = Rate(options.requests_per_minute)
    limit = {"max_bytes": options.max_body_bytes, "seconds": options.body_seconds}
    app.add_middleware(Limits, metrics=service.metrics, rate=rate, **limit)  # type: ignore[arg-type]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=options.hosts, www_redirect=False)
    app.add_middleware(Observed, metrics=service.metrics, route_of=_route_of)
    return app


class _Service:
    """What the routes share."""

    def __init__(
        self,
        assistant: Assistant,
        feedback: FeedbackStore,
        options: Settings,
        tracer: Tracer | None,
    ) -> None:
        self.assistant, self.feedback, self.options = assistant, feedback, options
        self.metrics = Metrics()
        self.traces = Traces(options.traces, tracer)
        self.answering = Lane("answer", options.places, options.answers_waiting)
        self.searching = Lane("search", 2, 64)
        self.writing = Lane("feedback", 1, 256)  # SQLite writes one record at a time anyway
        for lane in (self.answering, self.searching, self.writing):
            self.metrics.taken.labels(lane.name).set_function(partial(getattr, lane, "taken"))
        self.replies: OrderedDict[uuid.UUID, tuple[str, str]] = OrderedDict()
        self.began = time.monotonic()

    def close(self) -> None:
        """Close everything. Whoever was accepted has a reply by now, or has been given up."""
        for lane in (self.answering, self.searching, self.writing):
            lane.close()
        self.feedback.close()

    def replied(self, question: str, reply: Reply, with_trace: bool, state: State) -> AskReply:
        """Count, log and remember a reply, and put it as it is sent."""
        log: dict[str, Any] = state.log
        self.finished(reply.status, reply.trace, state)
        log |= {
            "reply": reply.status,
            "reason": "" if reply.status == "answered" else reply.trace.steps[-1].name
            if reply.trace.steps else "blank",
            "question_characters": len(question),
            "answer_characters": len(reply.text),
            "passages": len(reply.passages),
            "cited": len(reply.citations),
            "stages": {s.name: round(s.milliseconds, 1) for s in reply.trace.steps},
        }  # fmt: skip
        given = AskReply.of(
            reply, uuid.uuid4(), self.assistant.answerer.name,
            with_trace and self.options.show_trace,
        )  # fmt: skip
        self.replies[given.id] = (question, reply.text)
        if len(self.replies) > REMEMBERED:
            self.replies.popitem(last=False)
        return given

    def finished(self, status: str, trace: Trace | None, state: State) -> None:
        """Count an answer, and time its steps."""
        self.metrics.answers.labels(status).inc()
        if trace is not None:
            self.metrics.observe(trace)
            self.traces.add(state.request_id, status, trace)

    def failed(self, error: RuntimeError, state: State) -> Refused:
        """The refusal that an error of a part becomes."""
        state.log |= logs.describe(error)
        return Refused("failed", "The assistant cannot answer now.", 10)

    def busy(self, error: Busy) -> Refused:
        """The refusal that a full line becomes."""
        self.metrics.refused.labels("busy").inc()
        return Refused("busy", "Too many are being served now.", error.retry_after)


def _add_routes(app: FastAPI, service: _Service) -> None:
    in_pieces = {"text/event-stream": {"schema": EVENT}}
    replies: dict[int | str, dict[str, Any]] = {200: {"model": AskReply, "content": in_pieces}}

    @app.post("/ask", responses={**_WRONG, **replies}, description=_SSE, response_model=AskReply)
    async def ask(asked: AskRequest, request: Request) -> Any:
        events: Events = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def emit(name: str, said: Mapping[str, Any]) -> None:
            loop.call_soon_threadsafe(events.put_nowait, (name, said))

        async def finish(job: asyncio.Future[Reply]) -> AskReply:
            try:
                return service.replied(asked.question, await job, asked.trace, request.state)
            except RuntimeError as error:
                service.finished("failed", getattr(error, "trace", None), request.state)
                raise service.failed(error, request.state) from error

        in_events = "text/event-stream" in request.headers.get("accept", "")
        work = partial(service.assistant.ask, asked.question, emit if in_events else None)
        try:
            job = service.answering.enter(work)
        except Busy as full:
            raise service.busy(full) from full
        if not in_events:
            return await finish(job)
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        return StreamingResponse(
            stream(asyncio.ensure_future(finish(job)), events, request.state.log),
            media_type="text/event-stream",
            headers=headers,
        )

    @app.post("/search", responses=_WRONG)
    async def search(wanted: SearchRequest, request: Request) -> SearchReply:
        """Find passages, without an answer."""
        request.state.log["query_characters"] = len(wanted.query)
        find = partial(service.assistant.retriever.search, wanted.query, wanted.k)
        try:
            found = await service.searching.enter(find)
        except Busy as full:
            raise service.busy(full) from full
        except RuntimeError as error:
            raise service.failed(error, request.state) from error
        passages = [Passage.of(rank, one)._asdict() for rank, one in enumerate(found, start=1)]
        return SearchReply(results=[SearchHit(rank=p.pop("number"), **p) for p in passages])

    @app.post("/feedback", responses=_WRONG, status_code=201)
    async def feedback(given: FeedbackRequest, request: Request) -> FeedbackReply:
        """Keep an opinion; it is on disk before it is acknowledged."""
        question, answer = service.replies.get(given.answer_id, (None, None))
        record = Feedback(
            str(given.answer_id), given.helpful, given.comment, question, answer,
            None if question is None else service.assistant.answerer.name,
        )  # fmt: skip
        try:
            number = await service.writing.enter(partial(service.feedback.add, record))
        except Busy as full:
            raise service.busy(full) from full
        except FeedbackError as error:
            request.state.log |= logs.describe(error)
            raise Refused("storage", "Feedback cannot be kept now.", 60) from error
        service.metrics.feedback.labels(str(given.helpful).lower()).inc()
        return FeedbackReply(id=number, with_answer=question is not None)

    @app.get("/health", responses={503: {"model": Health, "description": "A part has failed"}})
    async def health(response: Response) -> Health:
        """Whether the service can do its work."""
        records: int | None = None
        try:
            records = await asyncio.to_thread(service.feedback.count)
        except FeedbackError:
            response.status_code = 503
        return Health(
            status="failing" if records is None else "ok",
            version=__version__,
            model=service.assistant.answerer.name,
            seconds_up=round(time.monotonic() - service.began, 1),
            feedback_records=records,
        )

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counts and times, in Prometheus' text format."""
        return PlainTextResponse(
            service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    @app.get("/traces")
    async def traces() -> TracesReply:
        """How long the latest answers took, step by step; nothing of what was asked."""
        return service.traces.reply()

    for path, name in (("/", "index.html"), ("/dashboard", "dashboard.html")):
        app.get(path, include_in_schema=False)(partial(_file, name))


async def _file(name: str) -> FileResponse:
    return FileResponse(PAGE / name)


def _route_of(scope: Scope) -> str:
    """The path of the route as the app declares it: a few names, whatever is asked for."""
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        return route
    return "/page" if scope["path"].startswith(("/page/", "/static-offline-docs/")) else "other"
