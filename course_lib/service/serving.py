"""`course serve`: settings, parts, a port, and a server that finishes what it accepted."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import uvicorn

from course_lib.service import logs
from course_lib.service.answering import Assistant
from course_lib.service.app import create_app
from course_lib.service.feedback import FeedbackStore
from course_lib.service.parts import StartError, open_parts
from course_lib.service.settings import PREFIX, Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def serve(
    assistant: Assistant,
    feedback: FeedbackStore,
    settings: Settings,
    *,
    listener: socket.socket | None = None,
    tracer: Tracer | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT (Ctrl-C) or SIGTERM; then finish what was accepted, and return.

    Args:
        assistant: answers and searches.
        feedback: keeps opinions; closed at the end.
        settings: of the service.
        listener: a bound socket; by default `listen(settings)`.
        tracer: gets the spans of every question.
        say: is told the address once the service can be reached.

    Raises:
        StartError: if the port is taken.
    """
    listener = listener or listen(settings)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        create_app(assistant, feedback, settings, tracer=tracer),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    server = _Announcing(config, lambda: say(f"Ready: http://{name}:{port}/ (API: /docs)"))
    # uvicorn raises the signal that stopped it once more; it has done its work by then
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the address of the settings; nobody is let in yet.

    Raises:
        StartError: if the address is taken, or none of this machine's.
    """
    address = (settings.host, settings.port)
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.socket(found[0][0], socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows it would let two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[0][4])
    except OSError as error:
        raise StartError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror or error}). "
            f"Next step: set {PREFIX}HOST and {PREFIX}PORT (or --host, --port), or stop the "
            "program that has the port"
        ) from error
    return listener


class _Announcing(uvicorn.Server):
    """Says when it can be reached."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server.startup."""
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self.ready()


def main(arguments: Sequence[str]) -> int:
    """Run `course serve`; returns its exit status."""
    lines = [
        f"  {PREFIX}{name.upper()}\n      {field.description}; "
        f"default: {field.get_default(call_default_factory=True) or 'none'}"
        for name, field in Settings.model_fields.items()
    ]
    parser = argparse.ArgumentParser(
        prog="course serve",
        description="Serve the assistant on this machine; Ctrl-C stops it.",
        epilog="\n".join(["environment variables:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help=f"instead of {PREFIX}HOST")
    parser.add_argument("--port", help=f"instead of {PREFIX}PORT")
    options = parser.parse_args(arguments)
    for name in ("host", "port"):
        if (value := getattr(options, name)) is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = value
    try:
        settings = Settings.from_environment()
        logs.configure(settings.log_level)
        with listen(settings) as listener:  # a port that is taken is said before models are loaded
            parts = open_parts(settings, say=_say)
            try:
                serve(
                    parts.assistant, parts.feedback, settings,
                    listener=listener, tracer=parts.tracer, say=_say,
                )  # fmt: skip
            finally:
                parts.close()
    except (SettingsError, StartError) as error:
        print(f"course serve cannot start.\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while it started
        return 130
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
