"""Nothing that the tests start can reach another machine: pytest, kernels, their children."""

import importlib.util
import os
import socket
import subprocess
import sys

import nbformat
import pytest

from course_lib import ROOT
from course_lib.build import kernel_environment, nbval_command

OFFLINE = ROOT / "tests" / "offline"
ELSEWHERE = "192.0.2.1"  # reserved for documentation (RFC 5737): never anybody's machine

# A connection that the system had been asked for would have given the socket a port of its own.
ATTEMPT = f"""
import socket

def attempt(kind):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(5)
        try:
            sock.connect(("{ELSEWHERE}", 80))
        except OSError as error:
            try:
                port = sock.getsockname()[1]
            except OSError:  # Windows, where an unused socket has no name
                port = 0
            return type(error).__name__, port

def loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            client.sendall(b"hello")
            with server.accept()[0] as accepted:
                return accepted.recv(5)
"""
EXPECTED = "('NetworkRefusedError', 0) ('NetworkRefusedError', 0) b'hello'"
SHOW = "print(attempt(socket.SOCK_STREAM), attempt(socket.SOCK_DGRAM), loopback())"


@pytest.fixture(scope="module")
def offline():
    spec = importlib.util.spec_from_file_location(
        "offline_under_test", OFFLINE / "sitecustomize.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kernel_environment(), **environment},
        capture_output=True,
        encoding="utf-8",
    )


def test_a_kernel_started_by_nbval_reaches_this_machine_only(tmp_path):
    stream = nbformat.v4.new_output("stream", name="stdout", text=EXPECTED + "\n")
    cell = nbformat.v4.new_code_cell(ATTEMPT + SHOW, outputs=[stream], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "offline.ipynb")
    # Not kernel_environment: the plugin alone must see to it.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        nbval_command([tmp_path / "offline.ipynb"], ["-n", "0", "-p", "no:cacheprovider"]),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_pytest_process_and_its_workers_reach_this_machine_only(tmp_path):
    test = tmp_path / "test_inside.py"
    test.write_text(f"{ATTEMPT}\ndef test_it(capsys):\n    {SHOW}\n"
                    f"    assert capsys.readouterr().out.strip() == {EXPECTED!r}\n")  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for workers in ("0", "1"):
        command = [sys.executable, "-m", "pytest", "-p", "tests.nbval_plugin", "-n", workers]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", str(test)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )
        assert "1 passed" in done.stdout, done.stdout


def test_a_process_with_the_kernels_environment_and_its_child_are_covered():
    code = ATTEMPT + SHOW
    assert python(code).stdout.strip() == EXPECTED
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    assert python(child).stdout.strip() == EXPECTED


@pytest.mark.parametrize(
    "code",
    [
        f"socket.create_connection(('{ELSEWHERE}', 80))",
        "socket.getaddrinfo('larkspur.example', 443)",
        "socket.gethostbyname('larkspur.example')",
        f"socket.gethostbyaddr('{ELSEWHERE}')",
        f"socket.getnameinfo(('{ELSEWHERE}', 80), 0)",
        f"socket.socket().connect_ex(('{ELSEWHERE}', 80))",
        f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{ELSEWHERE}', 53))",
        f"socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('{ELSEWHERE}', 9))",
        f"urllib.request.urlopen('http://{ELSEWHERE}/')",
        f"asyncio.run(asyncio.open_connection('{ELSEWHERE}', 80))",
    ],
)
def test_every_way_out_is_refused(code):
    if "sendmsg" in code and not hasattr(socket.socket, "sendmsg"):
        pytest.skip("this system has no sendmsg")
    done = python(f"import asyncio, socket, urllib.request\n{code}")
    assert done.returncode == 1
    assert "only this machine (127.0.0.1, ::1, localhost) can be reached" in done.stderr


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets")
def test_unix_sockets_are_left_alone(tmp_path):
    done = python(
        """
import socket
with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
    server.bind("s")
    server.listen()
    client.connect("s")
first, second = socket.socketpair()
first.sendmsg([b"x"])
print(second.recv(1))
""".replace('"s"', repr(os.path.relpath(tmp_path / "s")))
    )
    assert done.stdout.strip() == "b'x'", done.stderr


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.1", "127.1", "::1", "0:0:0:0:0:0:0:1", "::1%lo", "::ffff:127.0.0.1",
     "localhost", "LOCALHOST", b"localhost", "", None, "0.0.0.0"],
)  # fmt: skip
def test_this_machine_is_local(offline, host):
    assert offline.is_local(host)


@pytest.mark.parametrize(
    "host",
    [ELSEWHERE, "128.0.0.1", "127.example.org", "127.0.0.1.example.org", "localhost.example.org",
     "::2", "2001:db8::1", "::ffff:192.0.2.1", "<broadcast>", "1", b"example.org", 17],
)  # fmt: skip
def test_other_machines_are_not(offline, host):
    assert not offline.is_local(host)


def test_a_sitecustomize_of_the_users_own_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = True\n")
    path = os.pathsep.join([str(OFFLINE), str(tmp_path)])
    done = python(f"import sys; print(sys.theirs)\n{ATTEMPT + SHOW}", PYTHONPATH=path)
    assert done.stdout.split("\n")[:2] == ["True", EXPECTED]


def test_collecting_the_file_refuses_nothing(offline):
    # pytest imports every module it finds; only a start-up import may change the process
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("collected", {str(OFFLINE / "sitecustomize.py")!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(hasattr(sys, "_course_offline"))
"""
    assert python(code, PYTHONPATH="").stdout.strip() == "False"
