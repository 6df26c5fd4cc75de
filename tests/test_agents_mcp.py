"""A real MCP client lists and calls the tools, over standard input and over streamable HTTP."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from course_lib import ROOT
from course_lib.agents.mcp_server import larkspur, main, mcp_server, serve_http
from course_lib.tools import SCHEMAS, Tool, call

pytest.importorskip("mcp")
NUMBER = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
CALLS = {
    "calculator": {"expression": "3 * 14"},
    "sql": {"query": "SELECT count(*) FROM orders"},
    "http": {"path": "/stock/LK-204"},
}


def broken(x: float) -> str:
    raise OSError("secret inside")


TOOLS = {"broken": Tool("broken", "Never works.", NUMBER, broken)}


@asynccontextmanager
async def over_stdio(errors: Any) -> Any:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "course_lib.agents.mcp_server"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    async with (
        stdio_client(server, errlog=errors) as (read, write),
        ClientSession(read, write) as client,
    ):
        await client.initialize()
        yield client


@asynccontextmanager
async def over_http(address: str) -> Any:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with (
        streamable_http_client(address) as (read, write, _),
        ClientSession(read, write) as client,
    ):
        await client.initialize()
        yield client


def use(connection: AbstractAsyncContextManager[Any], *calls: tuple[str, dict[str, Any]]) -> Any:
    """The tools that a client sees, and the results of its calls."""

    async def go() -> Any:
        async with connection as client:
            listed = (await client.list_tools()).tools
            return listed, [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(go())


def check_larkspur(connection: AbstractAsyncContextManager[Any]) -> None:
    listed, results = use(
        connection, *CALLS.items(), ("search", {"query": "rear rack torque"}),
        ("sql", {"query": "DELETE FROM orders"}), ("calculator", {"expression": "9**9**9**9"}),
        ("http", {"path": "/orders/LC-99-00000"}), ("calculator", {}), ("shell", {"cmd": "ls"}),
    )  # fmt: skip
    assert {one.name: one.inputSchema for one in listed} == SCHEMAS
    texts = [result.content[0].text for result in results]
    assert [result.isError for result in results] == [False] * 4 + [True] * 5
    with larkspur() as tools:
        assert texts[:3] == [call(tools[name], given).content for name, given in CALLS.items()]
    assert texts[0] == "42"
    assert "torque-table" in texts[3]
    assert all(text.startswith("Error: ") for text in texts[4:])
    assert "there is no tool 'shell'" in texts[-1]


def test_a_client_on_standard_input_and_output(tmp_path: Any) -> None:
    with open(tmp_path / "errors", "w", encoding="utf-8") as errors:
        check_larkspur(over_stdio(errors))


def test_a_client_over_streamable_http() -> None:
    with larkspur() as tools, serve_http(tools) as address:
        check_larkspur(over_http(address))


@pytest.fixture
def address() -> Iterator[str]:
    with serve_http(TOOLS) as found:
        yield found


def test_the_inside_of_a_broken_tool_is_not_shown(address: str) -> None:
    _, (result,) = use(over_http(address), ("broken", {"x": 1}))
    assert result.isError
    assert result.content[0].text == "Error: broken is out of order; go on without it"


def test_the_server_listens_on_this_machine_alone(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    port = int(address.split(":")[2].split("/")[0])
    listening = [
        each.laddr.ip
        for each in psutil.Process().net_connections("tcp")
        if each.laddr.port == port and each.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def post(address: str, **headers: str) -> int:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    accept = "application/json, text/event-stream"
    headers = {"Content-Type": "application/json", "Accept": accept, **headers}
    try:
        with urlopen(Request(address, body, headers)) as reply:
            return int(reply.status)
    except HTTPError as error:
        return error.code


def test_another_sites_page_may_not_ask(address: str) -> None:
    """What a browser would send if a name of that site led to this machine (DNS rebinding)."""
    assert post(address) == 200
    assert post(address, Host="evil.example.org") == 421
    assert post(address, Origin="http://evil.example.org") == 403


def test_a_taken_port_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), serve_http(TOOLS, port):
            pass
        assert main(["--http", str(port)]) == 1
    assert "in use" in capsys.readouterr().err


def test_without_the_package_one_line_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(RuntimeError, match="python -m pip install mcp uvicorn"):
        mcp_server(TOOLS)
