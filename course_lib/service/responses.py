"""How the service answers apart from plain JSON: events as they happen, and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.exceptions import HTTPException

from course_lib.service import logs
from course_lib.service.schemas import AskReply

PING_SECONDS = 15.0  # a stream that says nothing for longer is cut off by some proxies
EVENT: dict[str, Any] = {  # the schema of one
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["passages", "token", "reply", "problem"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
Events = asyncio.Queue[tuple[str, Mapping[str, Any]]]


class Refused(Exception):  # noqa: N818 - it names what happened
    """503, with the time after which to ask again."""

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.code, self.message, self.retry_after = code, message, retry_after

    @property
    def problem(self) -> dict[str, Any]:
        """The body."""
        return {"code": self.code, "message": self.message, "fields": []}


async def stream(
    job: asyncio.Future[AskReply], events: Events, log: dict[str, Any]
) -> AsyncIterator[bytes]:
    """What happens, as server-sent events, until the reply or the problem.

    Args:
        job: becomes the reply.
        events: names and what they say.
        log: gets the kind and place of an exception that nobody expected.
    """
    try:
        while not (job.done() and events.empty()):
            coming = asyncio.ensure_future(events.get())
            either: list[asyncio.Future[Any]] = [job, coming]
            await asyncio.wait(either, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                name, said = coming.result()
                yield format_sse_event(event=name, data_str=_json(said))
            else:
                coming.cancel()
                if not job.done():
                    yield KEEPALIVE_COMMENT
        try:
            yield format_sse_event(event="reply", data_str=job.result().model_dump_json())
        except Refused as refused:
            yield format_sse_event(event="problem", data_str=_json(refused.problem))
        except Exception as error:  # the status is sent already
            log |= logs.describe(error)
            said = {"code": "failed", "message": "Something went wrong on our side.", "fields": []}
            yield format_sse_event(event="problem", data_str=_json(said))
    finally:
        if not job.done():
            job.cancel()  # the client has gone


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(dict(said), ensure_ascii=False)


def add_errors(app: FastAPI) -> None:
    """Give every error one form: a code for programs, a message for people."""

    def respond(
        status: int, code: str, message: str, fields: Any = (), headers: Any = None
    ) -> JSONResponse:
        content = {"code": code, "message": message, "fields": list(fields)}
        return JSONResponse(content, status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not sent back: it may hold what JSON cannot.
        fields = [
            {"field": ".".join(map(str, one["loc"][1:])), "message": str(one["msg"])}
            for one in error.errors()
        ]
        if any(one["type"] == "json_invalid" for one in error.errors()):
            return respond(400, "json", "The body is no JSON.", fields)
        return respond(422, "fields", "A field is wrong.", fields)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        code = {400: "json", 404: "not_found", 405: "method"}.get(error.status_code, "http")
        return respond(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(Refused)
    async def not_now(request: Request, error: Refused) -> JSONResponse:
        headers = {"retry-after": str(error.retry_after)}
        return respond(503, error.code, error.message, headers=headers)
