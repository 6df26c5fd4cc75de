"""The tools over MCP: `python -m course_lib.agents.mcp_server [--http PORT]`.

Without an option it speaks on standard input and output, for a client that starts it. With --http
it listens on 127.0.0.1 alone, at http://127.0.0.1:PORT/mcp (streamable HTTP).
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from course_lib.retrieval import Retrieved
from course_lib.tools import Tool, call_by_name, larkspur_tools, shop_api

HOST = "127.0.0.1"
_INSTALL = "the MCP server needs the packages mcp and uvicorn: python -m pip install mcp uvicorn"


def mcp_server(tools: Mapping[str, Tool]) -> Any:
    """An MCP server (the SDK's low-level `Server`) that lists these tools and calls them.

    A tool's error goes back as a result with `isError`, which the client's model may read, and not
    as an error of the protocol.

    Raises:
        RuntimeError: if the package mcp is missing, with the command that installs it.

    Built in notebooks/13_agents.ipynb.
    """
    try:
        from mcp import types
        from mcp.server.lowlevel import Server
    except ImportError:
        raise RuntimeError(_INSTALL) from None
    server: Server[Any, Any] = Server("larkspur")

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(name=one.name, description=one.description, inputSchema=dict(one.schema))
            for one in tools.values()
        ]

    # call_by_name checks the arguments, in words that help a model
    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        result = await asyncio.to_thread(call_by_name, tools, name, arguments)
        text = types.TextContent(type="text", text=result.content)
        return types.CallToolResult(content=[text], isError=not result.ok)

    return server


async def serve_stdio(tools: Mapping[str, Tool]) -> None:
    """Speak MCP on standard input and output until the input ends."""
    server = mcp_server(tools)
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def http_app(tools: Mapping[str, Tool], port: int) -> Any:
    """The ASGI application of the streamable HTTP transport, at /mcp.

    A request whose Host or Origin is not this machine's is refused, as a web page that a browser
    shows could send one (DNS rebinding).
    """
    server = mcp_server(tools)
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.applications import Starlette
    from starlette.routing import Mount

    names = [f"{host}:{port}" for host in (HOST, "localhost")]
    manager = StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with manager.run():
            yield

    return Starlette(routes=[Mount("/mcp", manager.handle_request)], lifespan=lifespan)


@contextmanager
def serve_http(tools: Mapping[str, Tool], port: int = 0) -> Iterator[str]:
    """Serve the tools over streamable HTTP, in a thread, while the `with` block runs.

    Args:
        tools: by name.
        port: of 127.0.0.1; 0 takes a free one.

    Yields:
        The address for a client, such as http://127.0.0.1:8765/mcp/.

    Raises:
        OSError: if the port is taken.
        RuntimeError: if a package is missing, or the server does not start.

    Built in notebooks/13_agents.ipynb.
    """
    try:
        import uvicorn
    except ImportError:
        raise RuntimeError(_INSTALL) from None
    with socket.create_server((HOST, port)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            http_app(tools, port), log_level="error", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the MCP server did not start")
                time.sleep(0.01)
            yield f"http://{HOST}:{port}/mcp/"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def larkspur() -> Iterator[dict[str, Tool]]:
    """Larkspur's four tools, with the shop's API running; customers' names stay hidden from SQL."""
    with shop_api() as url:
        yield larkspur_tools(_Handbook(), url, hidden=("customers.name", "customers.email"))


class _Handbook:
    """The search over handbook and manuals, read when it is first used: that takes seconds."""

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        from course_lib.lora.grounded_data import grounded_search

        return grounded_search().search(query, k)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve Larkspur's tools; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.agents.mcp_server", description="Larkspur's tools over MCP."
    )
    parser.add_argument("--http", type=int, metavar="PORT", help=f"listen on {HOST}:PORT")
    given = parser.parse_args(arguments)
    try:
        with larkspur() as tools:
            if given.http is None:
                asyncio.run(serve_stdio(tools))
            else:
                with serve_http(tools, given.http) as address:
                    print(address, file=sys.stderr, flush=True)
                    threading.Event().wait()
    except KeyboardInterrupt:
        pass
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
