"""A model server on this computer that fails as often as it is told to, alike on every run."""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from course_lib.language_model.interface import Message, check_messages
from course_lib.orchestration.faults import FAULTS, Counts, Fault, Faults

Answer = Callable[[list[Message]], str] | Mapping[str, str]
_NONE = Faults()


class FaultyEndpoint:
    """An OpenAI-compatible server on this computer, with planted faults and a capacity.

    It serves `/v1/chat/completions`, streamed or not, and `/v1/models` over HTTP on a free port of
    127.0.0.1, from a thread. A word counts as a token. Only what the faults say goes wrong: each
    is measured alone. A request whose caller has gone is dropped, as vLLM does.

    Args:
        answer: the text for a list of messages; or a mapping from the last message to the text.
        faults: what goes wrong, and how often; may be set anew while it runs.
        seconds: until the first word, or a function of the messages.
        tokens_per_second: words a second after that, streamed or not; None: all at once.
        at_once: requests answered at the same time; further ones wait. None: any number. Faults
            of kind errors, rate_limited and hangs take no place.

    Attributes:
        url: base address, such as ``http://127.0.0.1:41234/v1``.

    Raises:
        ValueError: if tokens_per_second or at_once is out of range.

    >>> from course_lib.language_model import EndpointModel
    >>> with FaultyEndpoint({"Returns?": "Within 30 days."}, seconds=0) as server:
    ...     model = EndpointModel(server.url, "any")
    ...     model.chat([{"role": "user", "content": "Returns?"}]).text
    ...     server.counts.requests
    'Within 30 days.'
    1

    Built in notebooks/14_orchestration.ipynb.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        faults: Faults = _NONE,
        seconds: float | Callable[[list[Message]], float] = 0.05,
        tokens_per_second: float | None = None,
        at_once: int | None = None,
    ) -> None:
        if tokens_per_second is not None and not tokens_per_second > 0:
            raise ValueError(f"tokens_per_second must be above 0 or None, got {tokens_per_second}")
        if at_once is not None and at_once < 1:
            raise ValueError(f"at_once must be 1 or more, or None, got {at_once}")
        self.answer, self.faults, self.seconds = answer, faults, seconds
        self.tokens_per_second, self.at_once = tokens_per_second, at_once
        self.reset()

    def reset(self) -> None:
        """Count from 0 again; each text then meets its faults anew."""
        self._attempts: Counter[str] = Counter()
        self._met: Counter[str] = Counter()
        self._now = self._most = 0

    @property
    def counts(self) -> Counts:
        """What it has seen since it began, or since `reset`."""
        met = dict(self._met)
        return Counts(
            requests=sum(self._attempts.values()),
            answered=met.get("answered", 0),
            faults={name: met[name] for name in FAULTS if name in met},
            abandoned=met.get("abandoned", 0),
            most_at_once=self._most,
        )

    def __enter__(self) -> Self:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", _models),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._over = False
        self._places = asyncio.Semaphore(self.at_once) if self.at_once else None
        run = {"sockets": [listener]}
        self._thread = threading.Thread(target=self._server.run, kwargs=run, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        if not self._server.started:
            raise RuntimeError(f"the server for {self.url} did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = self._server.should_exit = True
        self._thread.join()

    async def _chat(self, request: Request) -> Response:
        try:
            asked = await request.json()
            messages: list[Message] = list(check_messages(asked["messages"]))
        except ClientDisconnect:  # before it had said what it wants
            return Response()
        except (KeyError, TypeError, ValueError) as error:
            return _refused(400, f"no list of messages: {error}")
        text = json.dumps(messages, sort_keys=True, ensure_ascii=False)
        fault = self.faults.drawn(text, self._attempts[text])
        self._attempts[text] += 1
        if fault:
            self._met[fault] += 1
        self._now += 1
        self._most = max(self._most, self._now)
        async with AsyncExitStack() as at_the_end:
            at_the_end.callback(self._leave)
            gone = asyncio.create_task(self._gone(request))
            at_the_end.callback(gone.cancel)
            if fault == "errors":
                return _refused(500, "planted: the server failed")
            if fault == "rate_limited":
                wait = self.faults.retry_after
                headers = {
                    "retry-after": f"{math.ceil(wait)}",
                    "retry-after-ms": f"{wait * 1e3:g}",
                }
                return _refused(429, "planted: too many requests", headers)
            if fault == "hangs":
                await gone
                return self._abandoned()
            if self._places:
                await at_the_end.enter_async_context(self._places)
            try:
                pieces, finish = await self._pieces(messages, asked)
            except Exception as error:  # the caller's own answer function
                return _refused(400, f"answer() raised {type(error).__name__}: {error}")
            first = self.seconds(messages) if callable(self.seconds) else self.seconds
            if await self._pause(first, gone):
                return self._abandoned()
            if asked.get("stream"):
                events = self._events(pieces, finish, fault, asked, gone)
                return _Stream(events, at_the_end.pop_all())
            if self.tokens_per_second and await self._pause(
                len(pieces) / self.tokens_per_second, gone
            ):
                return self._abandoned()
            body = json.dumps(_completion(asked, messages, pieces, finish)).encode()
            if fault == "cut":
                body = body[: len(body) // 2]
            elif fault == "garbled":
                body = b"<html><body>planted: upstream sent no valid answer</body></html>"
            else:
                self._met["answered"] += 1
            return Response(body, media_type="application/json")

    async def _pieces(self, messages: list[Message], asked: Any) -> tuple[list[str], str]:
        """The answer's words, as far as max_tokens goes, and why it ends there."""
        if isinstance(self.answer, Mapping):
            text = self.answer[messages[-1]["content"]]
        else:  # it may take its time, as a model does
            text = await run_in_threadpool(self.answer, messages)
        pieces = re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text]
        most = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(pieces)
        return pieces[:most], "length" if most < len(pieces) else "stop"

    async def _events(
        self,
        pieces: list[str],
        finish: str,
        fault: Fault | None,
        asked: Any,
        gone: asyncio.Task[None],
    ) -> AsyncIterator[str]:
        """The server-sent events of a streamed answer."""
        for index, piece in enumerate(pieces):
            pause = 1 / self.tokens_per_second if self.tokens_per_second else 0.0
            if await self._pause(pause, gone):
                self._met["abandoned"] += 1
                return
            if fault and index == len(pieces) // 2:
                if fault == "garbled":
                    yield 'data: {"choices": [{"delta": \n\n'
                return  # cut: no finish_reason, no [DONE]
            yield _event(asked, {"content": piece}, None)
        yield _event(asked, {}, finish)
        self._met["answered"] += 1
        yield "data: [DONE]\n\n"

    async def _pause(self, seconds: float, gone: asyncio.Task[None]) -> bool:
        """Let the time pass; True if the caller has gone by then."""
        await asyncio.wait({gone}, timeout=max(seconds, 0.0))
        return gone.done()

    async def _gone(self, request: Request) -> None:
        """Return when the caller has gone, or this server is to end."""
        caller = asyncio.ensure_future(request.receive())  # the body is read: now a disconnect
        try:
            while not self._over and not caller.done():
                await asyncio.wait({caller}, timeout=0.05)
        finally:
            caller.cancel()

    def _leave(self) -> None:
        self._now -= 1

    def _abandoned(self) -> Response:
        self._met["abandoned"] += 1
        return Response(status_code=503)  # read by nobody, unless this server ends


class _Stream(Response):
    """Server-sent events; at the end, however it comes, its place is free again."""

    def __init__(self, events: AsyncIterator[str], at_the_end: AsyncExitStack) -> None:
        super().__init__()
        self.events, self.at_the_end = events, at_the_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.at_the_end:
            headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for event in self.events:
                body = {"type": "http.response.body", "body": event.encode(), "more_body": True}
                await send(body)
            await send({"type": "http.response.body", "body": b""})


def _refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "code": status}}, status, headers)


async def _models(request: Request) -> Response:
    known = {"id": "faulty", "object": "model", "created": 0, "owned_by": "this computer"}
    return JSONResponse({"object": "list", "data": [known]})


def _frame(asked: Any, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-0",
        "object": kind,
        "created": 0,
        "model": asked.get("model", "faulty"),
        "choices": [{"index": 0, **choice}],
    }


def _completion(
    asked: Any, messages: list[Message], pieces: list[str], finish: str
) -> dict[str, Any]:
    """A chat completion as OpenAI's interface has it."""
    message = {"role": "assistant", "content": "".join(pieces)}
    read = sum(len(message["content"].split()) for message in messages)
    usage = {
        "prompt_tokens": read,
        "completion_tokens": len(pieces),
        "total_tokens": read + len(pieces),
    }
    choice = {"message": message, "finish_reason": finish}
    return _frame(asked, "chat.completion", choice) | {"usage": usage}


def _event(asked: Any, delta: dict[str, str], finish: str | None) -> str:
    choice = {"delta": delta, "finish_reason": finish}
    return f"data: {json.dumps(_frame(asked, 'chat.completion.chunk', choice))}\n\n"
