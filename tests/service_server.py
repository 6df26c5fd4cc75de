"""A service on a free port of this machine, answered by a stand-in, and a client for it.

As a program, `python -m tests.service_server FOLDER [gated]`, it serves until it is told to stop;
gated, it answers no question before there is a file FOLDER/go.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn

from course_lib.chunking import Chunk
from course_lib.ingestion import Document
from course_lib.retrieval import BM25
from course_lib.service import (
    Assistant,
    Emit,
    FeedbackStore,
    Passage,
    Reply,
    Ruling,
    Settings,
    Trace,
    create_app,
)
from course_lib.service.serving import listen, serve

TEXTS = {
    "returns": "You can return a bike within 30 days. <b>Not</b> a link: javascript:alert(1)",
    "parking": "Vans may park for 45 minutes.",
    "battery": "Charge the battery between 10 and 30 degrees.",
}


def chunks() -> list[Chunk]:
    return [
        Chunk(Document(text, f"{name}.md", name, name.title()), 0, len(text))
        for name, text in TEXTS.items()
    ]


class Stand:
    """Stands in for a model: cites the best passage. What a question holds makes it misbehave."""

    name = "stand-in"

    def __init__(self, retriever: BM25, seconds: float = 0.0) -> None:
        self.retriever, self.seconds = retriever, seconds
        self.gate: threading.Event | None = None  # where it is given, answers wait for it,
        self.file: Path | None = None  # or for this file
        self.asked: list[str] = []

    def answer(self, question: str, emit: Emit | None) -> Reply:
        self.asked.append(question)
        tell = emit or (lambda name, said: None)
        trace = Trace(question)
        with trace.step("retrieve", query=question) as made:
            found = self.retriever.search(question, 2)
            made["found"] = [one.chunk.locator for one in found]
        tell("passages", made)
        if self.gate is not None:
            self.gate.wait()
        while self.file is not None and not self.file.exists():
            time.sleep(0.01)
        time.sleep(self.seconds)
        if "no model" in question:
            raise RuntimeError(f"the endpoint is down, it was asked: {question}")
        if "bug" in question:
            raise KeyError(question)
        passages = tuple(Passage.of(n, one) for n, one in enumerate(found, start=1))
        if not passages:
            return Reply("abstained", "The documents do not say.", "nothing found", (), (), trace)
        with trace.step("generate", model=self.name) as made:
            for piece in (f"{found[0].chunk.text.split('.')[0]} ", "[1]."):
                tell("token", {"text": piece})
            made["text"] = text = f"{found[0].chunk.text.split('.')[0]} [1]."
        return Reply("answered", text, "", passages, (1,), trace)


class NoAttack:
    """A guard of the question."""

    name = "attack"

    def check(self, question: str) -> Ruling:
        return Ruling("ignore all previous" not in question.lower(), "it gives orders")


def assistant(**options: Any) -> Assistant:
    search = BM25(chunks())
    return Assistant(Stand(search, options.pop("seconds", 0.0)), search, **options)


def settings(folder: Path, **options: Any) -> Settings:
    given = {"port": 0, "data": folder, "requests_per_minute": 1_000_000, "answers_at_once": 4,
             "guards": "none"}  # fmt: skip
    return Settings(**(given | {"answers_waiting": 64} | options))


@contextmanager
def serving(
    folder: Path, given: Assistant | None = None, *, tracer: Any = None, **options: Any
) -> Iterator[SimpleNamespace]:
    """A running service: `.call`, `.stop`, `.app`, `.assistant`, `.store`, `.port`."""
    given = given or assistant(before=[NoAttack()])
    chosen = settings(folder, **options)
    store = FeedbackStore(folder / "feedback.sqlite")
    app = create_app(given, store, chosen, tracer=tracer)
    listener = listen(chosen)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = listener.getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join()
        listener.close()

    def call(method: str, path: str, body: Any = None, **headers: str) -> SimpleNamespace:
        return ask_port(port, method, path, body, **headers)

    try:
        yield SimpleNamespace(
            call=call, stop=stop, app=app, assistant=given, store=store, port=port, server=server,
            url=f"http://127.0.0.1:{port}",
        )  # fmt: skip
    finally:
        if thread.is_alive():
            stop()


def ask_port(
    port: int, method: str, path: str, body: Any = None, **headers: str
) -> SimpleNamespace:
    """One request: `.status`, `.headers`, `.text`, and `.json` where it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    own = {"Content-Type": "application/json"} if data is not None else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, data, {**own, **named})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    is_json = "json" in response.headers.get("content-type", "")
    return SimpleNamespace(
        status=response.status,
        headers=response.headers,
        text=text,
        json=json.loads(text) if is_json else None,
    )


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
              for block in text.strip().split("\n\n")]  # fmt: skip
    return [(block["event"], json.loads(block["data"])) for block in blocks if block]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    served = assistant(before=[NoAttack()])
    served.answerer.file = folder / "go" if "gated" in sys.argv else None
    serve(
        served,
        FeedbackStore(folder / "feedback.sqlite"),
        settings(folder),
        say=lambda line: print(line, flush=True),
    )
