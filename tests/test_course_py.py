"""course.py for real: it makes environments in a small stand-in project, without a network.

The stand-in has the same files as the course, but its packages are a few lines each and come from
a local folder, so that a set-up takes seconds. The full set-up is what .ci/run does.
"""

import base64
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from course_lib import ROOT, cli

BACKEND = """
import time, zipfile
from pathlib import Path

METADATA = '''Metadata-Version: 2.1
Name: course-lib
Version: 0.1.0
Provides-Extra: test
Requires-Dist: torch
Requires-Dist: pytester-tiny; extra == 'test'
'''
WHEEL = '''Wheel-Version: 1.0
Generator: test
Root-Is-Purelib: true
Tag: py3-none-any
'''

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(folder, config_settings=None, metadata_directory=None):
    hold = Path("hold")
    if hold.exists():
        hold.with_suffix(".reached").touch()
        time.sleep(600)
    name = "course_lib-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("course_lib.pth", str(Path.cwd()))
        for file, text in {"METADATA": METADATA, "WHEEL": WHEEL, "RECORD": ""}.items():
            wheel.writestr("course_lib-0.1.0.dist-info/" + file, text)
    return name
"""
CLI = """
import importlib.util, json, sys
extra = importlib.util.find_spec("pytester_tiny") is not None
print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix, "extra": extra}))
sys.exit(7 if "fail" in sys.argv else 0)
"""


def tiny_wheel(folder: Path, name: str, version: str) -> None:
    module = name.replace("-", "_")
    files = {
        f"{module}/__init__.py": f"version = {version!r}\n",
        f"{module}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        ),
        f"{module}-{version}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = ""
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += f"{path},sha256={digest.decode().rstrip('=')},{len(text)}\n"
            wheel.writestr(path, text)
        wheel.writestr(f"{module}-{version}.dist-info/RECORD", record)


class Project:
    """A small stand-in for the repository, with its own package folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mein Kurs mit é"
        self.wheels = folder / "wheels"
        self.folder.mkdir()
        self.wheels.mkdir()
        (self.folder / "course_lib").mkdir()
        (self.folder / "course_lib" / "__init__.py").write_text("")
        (self.folder / "course_lib" / "cli.py").write_text(CLI)
        (self.folder / "backend.py").write_text(BACKEND, encoding="utf-8")
        (self.folder / "course.py").write_bytes((ROOT / "course.py").read_bytes())
        (self.folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        self.constrain("2.13.0")
        for name, version in (("torch", "2.13.0"), ("torch", "2.14.0"), ("pytester-tiny", "1.0")):
            tiny_wheel(self.wheels, name, version)

    def constrain(self, torch: str) -> None:
        import ensurepip

        lines = ["# [setup]", f"pip=={ensurepip.version()}", "# [base]", f"torch=={torch}"]
        lines += ["# [test]", "pytester-tiny==1.0"]
        (self.folder / "constraints.txt").write_text("\n".join(lines) + "\n")

    def command(self, *arguments: str) -> dict:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PYTHONUTF8": "1"}
        # Found from the folder itself: a learner types it there.
        return {
            "args": [sys.executable, "course.py", *arguments],
            "cwd": self.folder,
            "env": environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "encoding": "utf-8",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(**self.command(*arguments))

    def answer(self, *arguments: str) -> dict:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def load_course_py():
    spec = importlib.util.spec_from_file_location("course_py", ROOT / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_from_nothing_to_the_command_and_again_without_set_up(project):
    first = project.run("lab", "--no-browser", "--port", "8899")
    assert first.returncode == 0, first.stdout + first.stderr
    answer = json.loads(first.stdout.splitlines()[-1])
    assert answer["arguments"] == ["lab", "--no-browser", "--port", "8899"]
    assert Path(answer["prefix"]) == project.folder / ".venv"
    for step in ("[1/4]", "[2/4]", "[3/4]", "[4/4]"):
        assert step in first.stdout
    second = project.run("lab")
    assert len(second.stdout.splitlines()) == 1  # the command's own line: nothing was set up
    assert second.stderr == ""


@pytest.mark.slow
def test_the_command_of_the_course_decides_the_exit_status(project):
    assert project.run("run", "fail").returncode == 7


@pytest.mark.slow
def test_test_adds_its_packages_and_lab_keeps_them(project):
    assert project.answer("lab")["extra"] is False
    assert project.answer("test")["extra"] is True
    assert len(project.run("lab").stdout.splitlines()) == 1


@pytest.mark.slow
def test_changed_constraints_are_installed(project):
    project.answer("lab")
    project.constrain("2.14.0")
    assert "outdated" in project.run("lab").stdout
    assert list(project.folder.glob(".venv/**/torch-2.14.0.dist-info"))
    assert not list(project.folder.glob(".venv/**/torch-2.13.0.dist-info"))


@pytest.mark.slow
def test_a_killed_set_up_is_noticed_and_repaired(project):
    hold = project.folder / "hold"
    hold.touch()
    reached = project.folder / "hold.reached"
    process = subprocess.Popen(**project.command("lab"), start_new_session=os.name != "nt")
    while not reached.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    hold.unlink()
    # A package torn in the middle, as a kill while pip unpacks leaves it:
    next(project.folder.glob(".venv/**/torch/__init__.py")).unlink()
    result = project.run("lab")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "unfinished" in result.stdout
    assert list(project.folder.glob(".venv/**/torch/__init__.py"))


@pytest.mark.slow
def test_two_set_ups_at_once_do_the_work_once(project):
    processes = [subprocess.Popen(**project.command("lab")) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("[4/4]" in output for output in outputs) == 1
    assert sum("waiting" in output for output in outputs) == 1


@pytest.mark.slow
def test_without_packages_to_install_the_next_step_is_named(project):
    for wheel in project.wheels.glob("torch-2.13*"):
        wheel.unlink()
    result = project.run("lab")
    assert result.returncode == 1
    assert "torch" in result.stderr
    assert "Next step:" in result.stderr
    assert "Traceback" not in result.stderr
    assert project.run("lab").returncode == 1  # not taken for a finished set-up


@pytest.mark.slow
def test_a_broken_environment_is_made_anew(project):
    project.answer("lab")
    next(project.folder.glob(".venv/course-stamp.json")).write_text("{ half")
    assert "[1/4]" in project.run("lab").stdout


@pytest.mark.parametrize("version", [(3, 10), (3, 6), (2, 7)])
def test_an_older_python_is_told_what_is_wanted(version):
    code = (ROOT / "course.py").read_text(encoding="utf-8")
    pretend = f"import sys; sys.version_info = {(*version, 0)}\nexec({code!r})"
    result = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True)
    assert result.returncode == 1
    wanted = f"needs Python 3.11 or newer; this is Python {version[0]}.{version[1]}"
    assert wanted in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_how_to_get_it(missing, monkeypatch, capsys):
    course = load_course_py()
    found = importlib.util.find_spec
    monkeypatch.setattr(
        course.importlib.util, "find_spec", lambda name: None if name == missing else found(name)
    )
    with pytest.raises(course.SetupError, match=r"apt install python3\.\d+-venv"):
        course.make_venv()


@pytest.mark.slow
def test_setup_ends_with_the_models(project):
    assert project.answer("setup")["arguments"] == ["fetch"]


def test_a_typing_error_costs_no_set_up(project):
    result = project.run("labb")
    assert result.returncode == 2
    assert "'labb'" in result.stderr
    assert "python course.py COMMAND" in result.stderr
    assert not (project.folder / ".venv").exists()


def test_every_command_of_the_course_is_known():
    assert sorted(load_course_py().COMMANDS) == sorted(cli.COMMANDS)


def test_doctor_examines_and_changes_nothing(project):
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "kept").touch()
    result = project.run("doctor")
    assert result.returncode == 1
    assert "python course.py setup" in result.stdout
    assert (project.folder / ".venv" / "kept").exists()


def test_help_needs_no_set_up(project):
    result = project.run()
    assert "python course.py COMMAND" in result.stdout
    assert not (project.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("platform", "requires", "chosen", "expected"),
    [
        ("linux", ["nvidia-cublas==13; platform_system == 'Linux'"], None, "cpu"),
        ("linux", ["cuda-toolkit[cublas]==13.0.2"], None, "cpu"),
        ("linux", ["filelock", "sympy"], None, None),
        ("darwin", ["nvidia-cublas==13"], None, None),
        ("linux", ["nvidia-cublas==13"], "default", None),
        ("linux", ["filelock"], "https://example.org/simple", "example"),
    ],
)
def test_which_build_of_pytorch(platform, requires, chosen, expected, monkeypatch):
    course = load_course_py()
    report = json.dumps({"install": [{"metadata": {"requires_dist": requires}}]})
    answer = subprocess.CompletedProcess([], 0, stdout=report)
    monkeypatch.setattr(course.sys, "platform", platform)
    monkeypatch.setattr(course.subprocess, "run", lambda *_, **__: answer)
    if chosen:
        monkeypatch.setenv("COURSE_TORCH_INDEX", chosen)
    else:
        monkeypatch.delenv("COURSE_TORCH_INDEX", raising=False)
    arguments = course.torch_index()
    assert bool(arguments) == bool(expected)
    assert not expected or expected in arguments[1]
