"""Around every request: an id, a log line, counts, safe headers; limits of size and of rate."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from course_lib.service import logs
from course_lib.service.lanes import Rate
from course_lib.service.metrics import Metrics

# Nothing is loaded from elsewhere, and nothing on a page runs but the files that it came with.
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Swagger UI writes its own styles and pictures into the page, and begins with a script in it.
_DOCS_POLICY = (
    f"{_POLICY}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:"
)
_HEARD_OUT = 1_000_000  # bytes beyond the limit that are read, and dropped
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Observed:
    """Gives a request its id, logs and counts it, and makes a 500 of what nobody caught.

    Args:
        app: what is around.
        metrics: counts and times it.
        route_of: the route's path for a scope; never the path itself, which anybody can choose.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, route_of: Callable[[Scope], str]) -> None:
        self.app, self.metrics, self.route_of = app, metrics, route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began, status = uuid.uuid4().hex, time.perf_counter(), 0
        fields: dict[str, Any] = {}
        scope.setdefault("state", {}).update(log=fields, request_id=request_id)
        policy = _DOCS_POLICY if scope["path"] == "/docs" else _POLICY
        added = {**_HEADERS, "x-request-id": request_id, "content-security-policy": policy}

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(name.encode(), value.encode()) for name, value in added.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            fields |= logs.describe(error)
            if status == 0:
                await respond(sending, 500, "failed", "Something went wrong on our side.")
        finally:
            took, route = time.perf_counter() - began, self.route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(took)
            logs.log(
                "request",
                level=40 if status >= 500 and "error" in fields else 20,
                request_id=request_id,
                route=route,
                method=method,
                status=status,
                milliseconds=round(1000 * took, 1),
                **fields,
            )


class Limits:
    """Refuses a body that is too large (413) or too slow (408), and a client who asks too often.

    The body is read here as a whole, so that what is behind sees all of it or nothing.

    Args:
        app: what is behind.
        metrics: counts what is refused.
        rate: of requests with a body; reading a page costs nothing.
        max_bytes: of a body.
        seconds: that a body may take to arrive.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, rate: Rate, max_bytes: int, seconds: float
    ) -> None:
        self.app, self.metrics, self.rate = app, metrics, rate
        self.max_bytes, self.seconds = max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        wait = self.rate.wait((scope.get("client") or ("",))[0])
        if wait:
            said = f"More than {self.rate.per_minute} requests in a minute."
            self.metrics.refused.labels("rate").inc()
            await respond(send, 429, "rate", said, {"retry-after": str(math.ceil(wait))})
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await _read(receive, self.max_bytes)
        except TimeoutError:
            said = f"The body did not arrive within {self.seconds:g} s."
            self.metrics.refused.labels("slow").inc()
            await respond(send, 408, "slow", said, {"connection": "close"})
            return
        if body is None:
            said = f"A request may have {self.max_bytes} bytes."
            self.metrics.refused.labels("size").inc()
            await respond(send, 413, "size", said, {"connection": "close"})
            return

        async def replay() -> Message:
            return body.pop(0) if body else await receive()

        await self.app(scope, replay, send)


async def _read(receive: Receive, max_bytes: int) -> list[Message] | None:
    """The messages of a body; None where it is too large."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if size <= max_bytes:
            messages.append(message)
        ended = message["type"] != "http.request" or not message.get("more_body", False)
        # A client that is cut off while it writes never reads the answer: hear it out, for a while.
        if ended or size > max_bytes + _HEARD_OUT:
            return messages if size <= max_bytes else None


async def respond(
    send: Send, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> None:
    """Send an error as JSON, with a code for programs and a message for people."""
    body = json.dumps({"code": code, "message": message, "fields": []}).encode()
    own = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    encoded = [(name.encode(), value.encode()) for name, value in own.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
