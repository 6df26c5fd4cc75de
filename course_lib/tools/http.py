"""HTTP that only fetches, and only from where it was told to."""

from __future__ import annotations

import io
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote

from course_lib.tools.base import Tool
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
MAX_HEAD = 20_000  # bytes of a reply before its content
TEXTS = re.compile(r"text/|application/(?:[\w.+-]+\+)?(?:json|xml)\b")


def http_tool(
    base_url: str,
    *,
    allowed: Collection[str] = (),
    timeout: float = 5.0,
    max_bytes: int = 20_000,
) -> Tool:
    """A tool that sends GET requests to one server, and to others that are listed.

    Redirects are not followed, proxies not used, names resolved once: the address that was checked
    is the one that is asked. `localhost` has to lead to this machine, and any other name to a
    public address: a name that leads into the network behind the firewall is refused.

    Args:
        base_url: the server that a path is asked of, such as "http://127.0.0.1:8000". On this
            machine, or listed in `allowed`.
        allowed: servers beyond it that a full address may name, such as "https://example.org".
            Over a network https alone is taken.
        timeout: seconds for all of a request together; a server that drips is cut off. Only the
            look-up of a name is up to the operating system.
        max_bytes: the longest reply; a longer one is an error, because half a reply misleads.

    Raises:
        ValueError: if an address is none, or base_url is on another machine and not in `allowed`.

    Built in notebooks/13_agents.ipynb.
    """
    base = _server(base_url)
    servers = {base, *map(_server, allowed)}
    if base[1] not in LOOPBACK and base not in set(map(_server, allowed)):
        raise ValueError(f"base_url must be on this machine, or listed in allowed; got {base_url}")
    for scheme, host, _ in servers:
        if scheme != "https" and host not in LOOPBACK:
            raise ValueError(f"allowed must have https for another machine, got http for {host}")

    def run(path: str) -> str:
        server, target = _split(path, base)
        if server not in servers:
            there = ", ".join(f"{scheme}://{host}:{port}" for scheme, host, port in sorted(servers))
            raise ValueError(f"this server may not be asked; allowed: {there}")
        return _get(server, target, time.monotonic() + timeout, max_bytes, timeout)

    return Tool("http", DESCRIPTIONS["http"], SCHEMAS["http"], run)


Server = tuple[str, str, int]  # scheme, host as in an address, port


def _server(url: str) -> Server:
    """The server of an address without a path."""
    found = re.fullmatch(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", url, re.I)
    if not found or int(found[3] or 80) > 65535:
        raise ValueError(f"wanted an address such as http://127.0.0.1:8000, got {url!r}")
    scheme = found[1].lower()
    return scheme, found[2].lower(), int(found[3] or {"http": 80, "https": 443}[scheme])


def _split(path: str, base: Server) -> tuple[Server, str]:
    """The server and the target of a request, from a path or a full address."""
    server = base
    if full := re.match(r"([a-z][a-z0-9+.-]*:)?//[^/?#]*", path, re.IGNORECASE):
        server, path = _server(full[0]), path[full.end() :] or "/"
    if not path.startswith("/") or "\\" in path or any(ord(c) < 33 or ord(c) == 127 for c in path):
        raise ValueError("path must start with / and have no spaces, such as /stock/LK-204")
    target = quote(path.partition("#")[0], safe="/?&=+:@!$'()*,;%~[]-._")
    if re.search(r"/(?:\.|%2e){1,2}(?=[/?]|$)", target, re.IGNORECASE):
        raise ValueError("path must have no . or .. between slashes")
    return server, target


def _get(server: Server, target: str, end: float, max_bytes: int, timeout: float) -> str:
    """The text of the reply."""
    scheme, host, port = server
    try:
        with _connected(host, port, end) as plain:
            connected = plain
            if scheme == "https":
                plain.settimeout(_left(end))
                context = ssl.create_default_context()
                connected = context.wrap_socket(plain, server_hostname=host.strip("[]"))
            with connected:
                return _exchange(connected, server, target, end, max_bytes)
    except TimeoutError:
        message = f"no reply within {timeout:g} s; try again later, or go on without it"
        raise ValueError(message) from None
    except (OSError, HTTPException) as error:
        told = f"{type(error).__name__}: {error}"[:200]
        raise ValueError(f"the server does not answer as it should ({told})") from None


def _connected(host: str, port: int, end: float) -> socket.socket:
    """A connection to an address on this machine for LOOPBACK, to a public one for another name."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    failure: OSError | None = None
    for address in dict.fromkeys(str(entry[4][0]) for entry in found):
        known = ipaddress.ip_address(address.partition("%")[0])
        if not (known.is_loopback if host in LOOPBACK else known.is_global):
            raise ValueError(f"{host} leads to {address}, which may not be asked")
        try:
            return socket.create_connection((address, port), _left(end))
        except ConnectionRefusedError as error:  # localhost may be ::1, where nobody listens
            failure = error
    raise failure or OSError("the name leads nowhere")


def _exchange(
    connected: socket.socket, server: Server, target: str, end: float, max_bytes: int
) -> str:
    _, host, port = server
    connection = HTTPConnection(host, port)
    connection.sock = _Deadline(connected, end, MAX_HEAD + 2 * max_bytes)
    headers = {"Accept": "application/json, text/*", "Connection": "close"}
    connection.request("GET", target, headers=headers)
    reply = connection.getresponse()
    body = reply.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ValueError(f"the reply is longer than {max_bytes} bytes; ask for less")
    if reply.length:
        raise ValueError(f"the reply was cut short by {reply.length} bytes; try again")
    return _text(reply, body)


def _text(reply: HTTPResponse, body: bytes) -> str:
    """The content as text, if the server says that all is well and it is text."""
    if 300 <= reply.status < 400:
        to = reply.headers.get("Location", "nowhere")[:200]
        raise ValueError(f"{reply.status}: a redirect to {to!r}, which is not followed")
    kind = reply.headers.get("Content-Type", "text/plain").lower()
    if not TEXTS.match(kind) or reply.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError(f"{reply.status}: the reply is not plain text or JSON but {kind[:80]!r}")
    charset = re.search(r'charset="?([\w-]+)', kind)
    # one of Python's other codecs, at the server's wish, could take long or fail
    latin = charset is not None and charset[1] in ("latin-1", "iso-8859-1", "windows-1252")
    text = body.decode("cp1252" if latin else "utf-8", "replace")
    if "json" in kind:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"{reply.status}: the reply says it is JSON and is not") from None
    if reply.status != 200:
        raise ValueError(f"{reply.status} {reply.reason[:80]}: {text[:500]}")
    return text


def _left(end: float) -> float:
    """Seconds until the end."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Deadline(io.RawIOBase):
    """A socket whose waits together, and whose bytes together, have an end.

    A time limit of a socket's own holds for each wait: a byte a second would go on for ever.
    """

    def __init__(self, connected: socket.socket, end: float, most: int) -> None:
        self.connected, self.end, self.most = connected, end, most

    def sendall(self, content: bytes) -> None:
        self.connected.settimeout(_left(self.end))
        self.connected.sendall(content)

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self, 4096)

    def close(self) -> None:
        """Nothing: HTTPConnection closes its socket before the content is read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connected.settimeout(_left(self.end))
        count = self.connected.recv_into(buffer)
        self.most -= count
        if self.most < 0:
            raise ValueError("the reply is too long; ask for less")
        return count
