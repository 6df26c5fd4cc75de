"""A stand-in for Pinecone's cloud on this computer, for its official client. NumPy alone.

    python -m course_lib.vector_stores.pinecone_local --port 5081

What a test against it proves: that a program calls the client rightly (names, arguments, filters,
limits, errors), and understands its answers.

What it does not prove: anything about the cloud itself. Here every write is visible at once; there
it takes seconds, and a program that reads what it has just written may not find it. Search here is
exact and its speed is NumPy's; the cloud's search is approximate, and its times include your
network. Here no key is checked, nothing is billed, limited in rate, backed up or kept: records are
gone when the process ends. Of the API there is what PineconeStore needs (2026-07: indexes, upsert,
query, fetch, delete, statistics, namespaces); everything else answers 501.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from course_lib.vector_stores.pinecone_index import Index, RefusedError, bad

_REQUEST_BYTES = 2 * 2**20
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection, as the client expects
    # Else each answer waits 40 ms for the client to acknowledge its first packet.
    disable_nagle_algorithm = True
    wbufsize = -1
    indexes: dict[str, Index]
    lock: threading.Lock

    def _answer(self) -> None:
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if len(body) > _REQUEST_BYTES:
                raise bad(f"a request has at most {_REQUEST_BYTES} bytes, got {len(body)}")
            if not self.headers.get("Api-Key"):
                raise RefusedError(HTTPStatus.UNAUTHORIZED, "Invalid API Key")
            with self.lock:
                answer = self._route(json.loads(body) if body else {})
            self._send(HTTPStatus.OK, answer)
        except RefusedError as error:
            self._send(error.status, {"code": error.status, "message": str(error), "details": []})

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names that http.server looks for

    def _route(self, body: dict[str, Any]) -> dict[str, Any]:
        parts = urlsplit(self.path)
        match [self.command, *map(unquote, parts.path.strip("/").split("/"))]:
            case ["GET", "indexes"]:
                return {"indexes": [one.describe(self._base()) for one in self.indexes.values()]}
            case ["POST", "indexes"]:
                return self._create(body)
            case ["GET", "indexes", name]:
                return self._index(name).describe(self._base())
            case ["DELETE", "indexes", name]:
                del self.indexes[self._index(name).name]
                return {}
            case ["POST", "at", name, "vectors", "upsert"]:
                return self._index(name).upsert(body)
            case ["POST", "at", name, "query"]:
                return self._index(name).query(body)
            case ["GET", "at", name, "vectors", "fetch"]:
                return self._index(name).fetch(parse_qs(parts.query))
            case ["POST", "at", name, "vectors", "delete"]:
                return self._index(name).delete(body)
            case ["POST", "at", name, "describe_index_stats"]:
                return self._index(name).stats()
        raise RefusedError(
            HTTPStatus.NOT_IMPLEMENTED, f"the emulator has no {self.command} {parts.path}"
        )

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("name", "")
        if not _NAME.fullmatch(name):
            raise bad(f"Name must be 1 to 45 lower-case letters, digits and '-', got {name!r}")
        if name in self.indexes:
            raise RefusedError(HTTPStatus.CONFLICT, f"Resource {name} already exists")
        managed = {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}
        index = Index(name, body.get("schema", {}), body.get("deployment", managed))
        self.indexes[name] = index
        return index.describe(self._base())

    def _index(self, name: str) -> Index:
        if name not in self.indexes:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"Resource {name} not found")
        return self.indexes[name]

    def _base(self) -> str:
        return f"http://{self.headers['Host']}"

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a notebook would show each request."""


class _Server(ThreadingHTTPServer):
    """A server that hangs up when it closes; clients keep their connections open for long."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connections: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(port: int = 0) -> Iterator[str]:
    """Run the emulator in a thread, on this computer alone, until the end of the block.

    Args:
        port: 0 takes a free one.

    Yields:
        The URL for `pinecone.Pinecone(api_key="local", host=URL)`, or for
        `open_store("pinecone+" + URL, dim=...)`.

    >>> with serve() as url:
    ...     url.startswith("http://127.0.0.1:")
    True
    """
    handler = type("Handler", (_Handler,), {"indexes": {}, "lock": threading.Lock()})
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An emulator of Pinecone on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5081)
    with serve(parser.parse_args().port) as url:
        print(f'Pinecone\'s emulator: open_store("pinecone+{url}", dim=...). Ctrl+C stops it.')
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
