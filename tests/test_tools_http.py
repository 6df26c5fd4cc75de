"""HTTP for a model: it fetches from where it may, for as long as it may, and nothing else."""

from __future__ import annotations

import datetime
import itertools
import socket
import ssl
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from course_lib.tools import call, http, http_tool

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def server(*replies: bytes, wrap=lambda connection: connection, host="127.0.0.1"):
    """Sends each connection the next reply, byte for byte, and records what it was asked."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, 0), family=family)
    asked: list[bytes] = []

    def serve():
        for reply in replies:
            try:
                connection = wrap(listening.accept()[0])
            except OSError:  # the test is over, or the client did not trust the certificate
                continue
            with connection:
                asked.append(connection.recv(10_000))
                for part in reply if isinstance(reply, list) else [reply]:
                    connection.sendall(part)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    try:
        yield SimpleNamespace(port=port, url=f"http://127.0.0.1:{port}", asked=asked)
    finally:
        for _ in replies:  # whoever is still waiting for a connection
            with socket.socket(family) as last:
                last.settimeout(1)
                last.connect_ex((host, port))
        listening.close()
        thread.join(5)


def fetch(reply, path="/a", **options):
    with server(reply) as there:
        return http_tool(there.url, **options).run(path)


# ------------------------------------------------------------------------------------------------
# Replies


def test_a_get_request_is_sent_and_its_text_comes_back():
    with server(JSON + b'Content-Length: 9\r\n\r\n{"a": 1}\n') as there:
        assert http_tool(there.url).run("/stock/LK-204?site=GHE#top") == '{"a": 1}\n'
        [asked] = there.asked
        assert asked.startswith(b"GET /stock/LK-204?site=GHE HTTP/1.1\r\n")
        assert f"Host: 127.0.0.1:{there.port}\r\n".encode() in asked
        assert asked.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (b"Content-Type: text/plain; charset=latin-1\r\n", b"caf\xe9", "café"),
        (b"Content-Type: text/plain; charset=klingon\r\n", "é".encode(), "é"),
        (b"Content-Type: text/html\r\n", b"<p>\xff</p>", "<p>\N{REPLACEMENT CHARACTER}</p>"),
        (b"", b"", ""),
        (b"Content-Type: application/problem+json\r\n", b"[]", "[]"),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"),
    ],
)
def test_text_is_decoded(head, body, text):
    assert fetch(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body) == text


def test_a_reply_may_come_in_any_pieces(monkeypatch):
    monkeypatch.setattr(http._Deadline, "readinto", one_byte)
    whole = JSON + b"Content-Length: 8\r\nConnection: close\r\n\r\n" + b'{"a": 1}'
    assert fetch([whole[:20], whole[20:]]) == '{"a": 1}'


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\nno such order", "404 Not Found: no such order"),
        (b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * 5000, "500 Oops: xxx"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\n\r\n",
         "302: a redirect to 'http://evil.example/', which is not followed"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG", "not plain text or JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "not plain text or JSON"),
        (JSON + b"\r\n{'a': 1}", "says it is JSON and is not"),
        (JSON + b"\r\n" + b"[" * 15_000, "says it is JSON and is not"),
        (JSON + b"Content-Length: 99\r\n\r\n{}", "cut short"),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "not answer as it should"),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab", "not answer as it should"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_001, "longer than 20000 bytes"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "too long"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101, "does not answer as it should"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9_000, "too long"),
        (b"", "does not answer as it should"),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer as it should"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20001\r\n\r\n", "cut short"),
    ],
)  # fmt: skip
def test_another_reply_is_an_error_in_words(reply, message):
    with server(reply) as there:
        result = call(http_tool(there.url), {"path": "/a"})
    assert not result.ok
    assert message in result.content
    assert len(result.content) < 600


def test_the_longest_reply_is_an_argument():
    whole = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100
    assert fetch(whole, max_bytes=100) == "x" * 100
    with pytest.raises(ValueError, match="longer than 99 bytes"):
        fetch(whole, max_bytes=99)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ValueError, match="does not answer as it should"):
        http_tool(f"http://127.0.0.1:{port}").run("/")


# ------------------------------------------------------------------------------------------------
# Time


def test_a_server_that_says_nothing_is_left():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ValueError, match=r"no reply within 0\.1 s"),
    ):
        http_tool(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1).run("/")


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_a_server_that_drips_is_left_after_the_same_time(monkeypatch, start):
    # a clock of the test's own: each look at it is a tenth of a second
    clock = itertools.count(step=0.1)
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    ours, theirs = socket.socketpair()
    sent = []

    def drip(*_):
        def send():
            try:
                theirs.sendall(start)
                while len(sent) < 10**6:
                    theirs.sendall(b"x")
                    sent.append(1)
            except OSError:
                pass

        threading.Thread(target=send, daemon=True).start()
        return ours

    # one byte at a time, however many are there
    monkeypatch.setattr(http._Deadline, "readinto", one_byte)
    monkeypatch.setattr(socket, "create_connection", drip)
    with pytest.raises(ValueError, match="no reply within 5 s"):
        http_tool("http://127.0.0.1:9", timeout=5).run("/")
    assert next(clock) < 7
    theirs.close()


real_readinto = http._Deadline.readinto


def one_byte(self, buffer):
    return real_readinto(self, memoryview(buffer)[:1])


# ------------------------------------------------------------------------------------------------
# Where to


@pytest.mark.parametrize(
    "path",
    [
        "http://evil.example/",
        "https://127.0.0.1:{port}/",
        "http://127.0.0.1:{other}/",
        "http://localhost:{port}/",
        "http://127.1:{port}/",
        "http://0x7f.0.0.1:{port}/",
        "http://2130706433:{port}/",
        "http://127.0.0.1.:{port}/",
        "http://evil.example@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}@evil.example/",
        "http://127.0.0.1:{port}\\@evil.example/",
        "http://127.0.0.1:{port}%2f@evil.example/",
        "http://127.0.0.1:99999/",
        "http://١٢٧.0.0.1:{port}/",
        "//evil.example/",
        "//127.0.0.1:{port}/",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/",
        "data:text/plain,a",
        "orders/1",
        "/a b",
        "/a\r\nX-Evil: 1",
        "/a\nHost: evil.example",
        "/a\x00",
        "/\\evil.example/",
        "/a/../admin",
        "/a/..",
        "/./a",
        "/%2e%2E/admin",
        "/a/.%2e/",
        "",
        " /a",
    ],
)
def test_what_leads_elsewhere_is_refused_before_anything_is_sent(monkeypatch, path):
    def refuse(*_, **__):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    result = call(http_tool("http://127.0.0.1:8000"), {"path": path.format(port=8000, other=8888)})
    assert not result.ok
    assert "out of order" not in result.content


def test_a_full_address_of_the_same_server_is_a_path():
    ok = b"HTTP/1.1 200 OK\r\n\r\nyes"
    with server(ok, ok, ok) as there:
        tool = http_tool(there.url + "/")
        assert tool.run(f"{there.url}/a?b") == "yes"
        assert tool.run(there.url.upper().replace("HTTP", "Http")) == "yes"
        assert tool.run("/über/é%20") == "yes"
        lines = [asked.split(b"\r\n")[0] for asked in there.asked]
    assert lines == [
        b"GET /a?b HTTP/1.1",
        b"GET / HTTP/1.1",
        b"GET /%C3%BCber/%C3%A9%20 HTTP/1.1",
    ]


def test_another_server_is_asked_if_it_is_listed():
    ok = b"HTTP/1.1 200 OK\r\n\r\nyes"
    with server(ok) as first, server(ok) as second:
        tool = http_tool(first.url, allowed=[second.url])
        assert tool.run(f"{second.url}/b") == "yes"
        assert not first.asked
        with pytest.raises(ValueError, match=f"allowed: {first.url}, {second.url}|{second.url}, "):
            tool.run("http://evil.example/")


@pytest.mark.parametrize(
    ("base", "allowed", "message"),
    [
        ("http://shop.example", [], "must be on this machine, or listed in allowed"),
        ("https://shop.example", [], "must be on this machine"),
        ("http://shop.example", ["http://shop.example"], "must have https"),
        ("http://127.0.0.1:8000", ["http://api.example"], "must have https"),
        ("http://127.0.0.1:8000/v1", [], "wanted an address such as"),
        ("http://me:pw@127.0.0.1:8000", [], "wanted an address such as"),
        ("127.0.0.1:8000", [], "wanted an address such as"),
        ("http://127.0.0.1:70000", [], "wanted an address such as"),
        ("file:///etc", [], "wanted an address such as"),
    ],
)
def test_a_server_beyond_this_machine_has_to_be_named(base, allowed, message):
    with pytest.raises(ValueError, match=message):
        http_tool(base, allowed=allowed)


def resolving(monkeypatch, *addresses):
    """Every name leads to these addresses; says which of them were connected to."""
    connected = []

    def connect(address, *_):
        connected.append(address[0])
        raise ConnectionRefusedError("refused")

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", connect)
    return connected


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1%eth0",
     "0.0.0.0", "::ffff:127.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_a_public_name_must_not_lead_inside(monkeypatch, address):
    connected = resolving(monkeypatch, address)
    tool = http_tool("https://api.example", allowed=["https://api.example"])
    with pytest.raises(ValueError, match="which may not be asked"):
        tool.run("/")
    assert not connected


def test_a_public_name_is_asked_at_the_address_that_was_checked(monkeypatch):
    connected = resolving(monkeypatch, "93.184.215.14", "93.184.215.15", "93.184.215.14")
    tool = http_tool("https://api.example", allowed=["https://api.example"])
    with pytest.raises(ValueError, match="ConnectionRefusedError"):
        tool.run("/")
    assert connected == ["93.184.215.14", "93.184.215.15"]


def test_localhost_must_not_lead_outside(monkeypatch):
    connected = resolving(monkeypatch, "93.184.215.14")
    with pytest.raises(ValueError, match="which may not be asked"):
        http_tool("http://localhost:8000").run("/")
    assert not connected


def test_localhost_finds_who_listens_on_either_of_its_addresses():
    with server(b"HTTP/1.1 200 OK\r\n\r\nyes") as there:
        assert http_tool(f"http://localhost:{there.port}").run("/") == "yes"


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(b"HTTP/1.1 200 OK\r\n\r\nyes") == "yes"


# ------------------------------------------------------------------------------------------------
# https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that nobody signed but itself, and its key, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - datetime.timedelta(days=1))
        .not_valid_after(day + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_https_is_for_a_server_with_a_certificate_that_is_trusted(
    monkeypatch, certificate, trusted
):
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"
    with server(reply, wrap=lambda one: context.wrap_socket(one, server_side=True)) as there:
        tool = http_tool(f"https://localhost:{there.port}")
        if trusted:
            assert tool.run("/") == "secret"
        else:
            with pytest.raises(ValueError, match="SSLCertVerificationError"):
                tool.run("/")
            assert not there.asked
