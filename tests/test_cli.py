"""The course command: what it offers, what it hands on, and a JupyterLab that really starts."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from course_lib import ROOT, __version__, cli, testing


def test_usage_lists_every_command_with_what_it_does(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert f"  {name} " in shown
        assert command.__doc__.splitlines()[0] in shown


def test_an_unknown_command_is_refused_with_the_ones_there_are(capsys):
    assert cli.main(["labb"]) == 2
    shown = capsys.readouterr().err
    assert "'labb'" in shown
    assert "  lab " in shown


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_the_rest_of_the_line_goes_to_the_command(monkeypatch):
    given = []
    monkeypatch.setitem(cli.COMMANDS, "run", lambda arguments: given.append(arguments) or 3)
    assert cli.main(["run", "02", "--out", "a b"]) == 3
    assert given == [["02", "--out", "a b"]]


def test_the_whole_test_command_runs_everything():
    commands = [" ".join(command) for _, command in testing.steps([])]
    for part in ("ruff check", "ruff format --check", "mypy", "-m pytest -n 2", "--nbval"):
        assert sum(part in command for command in commands) == 1, part


def test_fast_leaves_out_notebooks_and_slow_tests():
    commands = [" ".join(command) for _, command in testing.steps(["--fast"])]
    assert not any("--nbval" in command for command in commands)
    assert any("not slow" in command for command in commands)


def test_options_for_pytest_reach_both_of_its_steps():
    commands = [command for _, command in testing.steps(["-k", "similarity"])]
    assert len(commands) == 2
    assert all(command[-2:] == ["-k", "similarity"] for command in commands)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([0, 0], 0), ([0, 5], 0), ([5, 5], 1), ([1, 0], 1), ([0, 1], 1), ([0, -9], 1)],
)
def test_the_exit_status_sums_up_the_steps(statuses, expected, monkeypatch, capsys):
    left = iter(statuses)
    monkeypatch.setattr(testing.subprocess, "call", lambda *_, **__: next(left))
    assert testing.main(["-k", "something"]) == expected
    assert ("FAILED" in capsys.readouterr().out) == any(s not in (0, 5) for s in statuses)


def test_missing_test_packages_are_named_with_the_command_that_installs_them(monkeypatch, capsys):
    monkeypatch.setattr(testing, "PACKAGES", ("pytest", "no_such_package"))
    assert testing.main([]) == 1
    assert "no_such_package" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_model_is_refused_with_the_ones_there_are(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "gpt"])
    assert "'gpt' is none of minilm, smollm2" in capsys.readouterr().err


class Lab:
    """A JupyterLab started by `course lab`, asked over HTTP as a browser would."""

    def __init__(self, port: int, home: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        environment = dict(os.environ, HOME=home, JUPYTER_CONFIG_DIR=home, JUPYTER_TOKEN="t")
        environment["COURSE_CACHE"] = str(cli_cache())
        options = ["lab", "--no-browser", f"--port={port}", "--allow-root"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.cli", *options],
            cwd=home,  # started from anywhere
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def get(self, path: str) -> tuple[str, str]:
        request = urllib.request.Request(self.url + path, headers={"Authorization": "token t"})
        with urllib.request.urlopen(request) as answer:
            return answer.geturl(), answer.read().decode()

    def wait(self) -> None:
        while True:
            try:
                self.get("/api")
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    raise AssertionError(self.process.stderr.read()) from None
                time.sleep(0.2)

    def stop(self) -> None:
        self.process.terminate()  # as a terminal that closes does: nothing may go on behind it
        self.process.communicate()
        with pytest.raises(urllib.error.URLError):
            self.get("/api")


def cli_cache():
    from course_lib import assets

    return assets.cache_folder()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = Lab(port, str(tmp_path_factory.mktemp("home")))
    try:
        started.wait()
        yield started
    finally:
        started.stop()


needs_signals = pytest.mark.skipif(os.name == "nt", reason="stops JupyterLab by a signal")


@pytest.mark.slow
@needs_signals
def test_lab_opens_on_notebook_00(lab):
    landed, page = lab.get("/")
    assert landed.endswith("/lab/tree/notebooks/00_start_here.ipynb")
    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[1])
    assert config["news"] == {"disabled": True}


@pytest.mark.slow
@needs_signals
def test_lab_serves_this_repository_with_its_own_settings_and_kernel(lab):
    names = {item["name"] for item in json.loads(lab.get("/api/contents")[1])["content"]}
    assert {"notebooks", "lessons", "datasets", "README.md"} <= names
    plugin = "@jupyterlab/apputils-extension:notification"
    settings = json.loads(lab.get(f"/lab/api/settings/{plugin}")[1])
    assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"
    kernels = json.loads(lab.get("/api/kernelspecs")[1])
    assert kernels["default"] == "python3"
    assert (ROOT / "notebooks").is_dir()
