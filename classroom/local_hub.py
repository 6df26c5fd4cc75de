"""A real JupyterHub on this machine alone, its learners, and the memory they need. Linux.

The hub listens on 127.0.0.1, reads jupyterhub_config.py, and keeps everything in one folder.
Learners come through its proxy with a token each, as a browser would.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[1]
MIB = 2**20


@dataclass(frozen=True)
class Memory:
    """Bytes of some processes: their own, with their share of what is shared, and all they see."""

    own: int = 0  # what each more learner needs: USS without unchanged pages of files
    share: int = 0  # PSS: a page that n processes use counts 1/n to each
    resident: int = 0  # RSS: counts libraries and model files once per process

    def __add__(self, other: Memory) -> Memory:
        return Memory(
            self.own + other.own, self.share + other.share, self.resident + other.resident
        )


def memory_of(pid: int) -> Memory:
    """Memory of a process and of all that it started."""
    import psutil

    total = Memory()
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for process in family:
        try:
            total += rolled_up(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
        except OSError:
            continue  # it ended meanwhile
    return total


def rolled_up(text: str) -> Memory:
    """The memory that Linux's smaps_rollup of one process tells.

    A library or model that only one learner has open counts to USS, but the next learner shares
    it. So unchanged private pages are left out of `own`: one learner tells what thirty need.
    """
    kib = {name: int(size) for name, size in re.findall(r"(\w+): +(\d+) kB\n", text)}
    own = kib.get("Private_Dirty", 0) + kib.get("Private_Hugetlb", 0)
    return Memory(1024 * own, 1024 * kib.get("Pss", 0), 1024 * kib.get("Rss", 0))


@dataclass
class Learner:
    """One person's server on the hub, and what was seen of it."""

    name: str
    home: Path
    url: str
    token: str
    pid: int
    cells: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    before: Memory = Memory()  # the server alone
    peak: Memory = Memory()  # the sample with the most memory of its own
    after: Memory = Memory()  # the notebook has run and is still open

    async def call(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask this learner's server; the answer's JSON."""
        return await _ask(self.url + path, self.token, method, body)

    async def run(self, path: str) -> None:
        """Open a notebook and run its cells one after another, as Run All does.

        Args:
            path: from the learner's home, such as "course/notebooks/01_embeddings.ipynb".
        """
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        started = time.monotonic()
        notebook = (await self.call(f"api/contents/{path}"))["content"]
        asked = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        session = await self.call("api/sessions", "POST", asked)
        address = f"{self.url}api/kernels/{session['kernel']['id']}/channels"
        request = HTTPRequest(
            address.replace("http", "ws", 1), headers={"Authorization": f"token {self.token}"}
        )
        channel = await websocket_connect(request, max_message_size=100 * MIB)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                self.errors += await _execute(channel, "".join(cell["source"]))
                self.cells += 1
        channel.close()
        self.seconds = time.monotonic() - started


async def _execute(channel: Any, code: str) -> list[str]:
    """Run one cell through a kernel's websocket; its errors, once the kernel is idle again."""
    identity = secrets.token_hex(8)
    header = {"msg_id": identity, "msg_type": "execute_request", "username": "", "session": "r"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}}
    await channel.write_message(json.dumps({**message, "channel": "shell", "content": content}))
    errors: list[str] = []
    left = {"shell", "iopub"}  # the reply, and the end of the output
    while left:
        text = await channel.read_message()
        if text is None:
            return [*errors, "the server closed the connection"]
        said = json.loads(text)
        if said["parent_header"].get("msg_id") != identity:
            continue
        if said["msg_type"] == "error":
            errors.append(f"{said['content']['ename']}: {said['content']['evalue']}")
        elif said["msg_type"] == "execute_reply":
            left.discard("shell")
        elif said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
            left.discard("iopub")
    return errors


async def _ask(url: str, token: str, method: str = "GET", body: Any = None) -> Any:
    from tornado.httpclient import AsyncHTTPClient

    if body is None and method == "POST":
        body = {}  # the proxy garbles a POST without a body
    answer = await AsyncHTTPClient().fetch(
        url,
        method=method,
        headers={"Authorization": f"token {token}"},
        body=None if body is None else json.dumps(body),
        connect_timeout=0,  # a machine may be slow; a dead hub is noticed elsewhere
        request_timeout=0,
    )
    return json.loads(answer.body) if answer.body else None


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


CONFIG = """
load_subconfig({settings!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}/"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{python!r}, "-c", {proxy!r}]
c.JupyterHub.authenticator_class = "null"  # nobody can log in: only tokens come here
c.JupyterHub.spawner_class = "simple"  # everybody is the same system user
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd[0] = {python!r}
c.Spawner.args.extend({arguments!r})
c.Spawner.environment.update({{"COURSE_SYSTEM_CACHE": {models!r}}})
c.JupyterHub.services = [{{"name": "rehearsal", "api_token": {token!r}}}]
scopes = ["admin:users", "admin:servers", "admin:server_state", "tokens"]
c.JupyterHub.load_roles = [{{"name": "all", "services": ["rehearsal"], "scopes": scopes}}]
"""


class Hub:
    """A JupyterHub on loopback, and what its administrator may do."""

    def __init__(self, folder: Path, models: Path) -> None:
        ports = _free_ports(3)
        self.folder, self.token = folder, secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{ports[0]}"
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        config = CONFIG.format(
            settings=str(COURSE / "classroom" / "jupyterhub_config.py"),
            ports=ports,
            python=sys.executable,
            proxy="from configurable_http_proxy.cli import main; main()",
            homes=str(folder / "homes"),
            arguments=["--allow-root"] if root else [],
            models=str(models),
            token=self.token,
        )
        (folder / "config.py").write_text(config, encoding="utf-8")
        self.log = folder / "hub.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(folder / "config.py")],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def call(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the hub's API as its administrator."""
        return await _ask(f"{self.url}/hub/api/{path}", self.token, method, body)

    async def wait(self) -> None:
        """Until the hub answers through its proxy."""
        from tornado.httpclient import HTTPClientError

        while True:
            try:
                await self.call("")
                return
            except (OSError, HTTPClientError):
                if self.process.poll() is not None:
                    raise RuntimeError(f"JupyterHub stopped:\n{self.said()}") from None
                await asyncio.sleep(0.3)

    def said(self) -> str:
        """The end of the hub's log, and of its learners'."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])

    async def learner(self, name: str) -> Learner:
        """Make a user and start their server."""
        await self.call(f"users/{name}", "POST")
        await self.start(name)
        token = (await self.call(f"users/{name}/tokens", "POST"))["token"]
        model = (await self.call(f"users/{name}"))["servers"][""]
        home = self.folder / "homes" / name
        return Learner(name, home, f"{self.url}/user/{name}/", token, model["state"]["pid"])

    async def start(self, name: str) -> None:
        """Start a user's server, until it answers."""
        await self.call(f"users/{name}/server", "POST")
        while not (await self.call(f"users/{name}"))["servers"][""]["ready"]:
            await asyncio.sleep(0.3)

    def stop(self) -> None:
        """Stop the hub, which stops its proxy and its learners' servers."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


@asynccontextmanager
async def running(models: Path, folder: Path) -> AsyncIterator[Hub]:
    """A hub for the length of a `with`; what it said is shown if something goes wrong in it.

    Not if it was stopped: then nothing is wrong.
    """
    hub = Hub(folder, models)
    try:
        await hub.wait()
        yield hub
    except BaseException as error:
        if not isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            print(hub.said(), file=sys.stderr)
        raise
    finally:
        hub.stop()
