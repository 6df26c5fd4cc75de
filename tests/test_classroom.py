"""A class on JupyterHub: what is handed out, the configurations, and six learners at once."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import math
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import course
from classroom import hand_out, start
from classroom import rehearse as rehearsal
from classroom.local_hub import MIB, Learner, Memory, memory_of, rolled_up
from classroom.rehearse import main, missing, models_folder, named, rehearse, report, table
from course_lib import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="JupyterHub does not run on Windows")

CLASSROOM = ROOT / "classroom"
NOTEBOOK = "01_embeddings.ipynb"
GUIDE = (ROOT / "docs" / "classroom.md").read_text(encoding="utf-8")
GIB = 2**30


# What a learner is given


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "shared"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "datasets").mkdir()
    (folder / "datasets" / "tickets.csv").write_text("id\n1\n")
    for name in ("00_a.ipynb", "01_b.ipynb"):
        (folder / "notebooks" / name).write_text(f"{name} first edition")
    return folder


@pytest.fixture
def learner(tmp_path, source):
    folder = tmp_path / "home" / "course"
    hand_out.hand_out(source, folder)
    return folder


def notebooks(folder):
    return {one.name: one.read_text() for one in (folder / "notebooks").iterdir()}


FIRST = {"00_a.ipynb": "00_a.ipynb first edition", "01_b.ipynb": "01_b.ipynb first edition"}


def test_a_new_learner_gets_every_notebook_and_links_to_the_rest(source, learner):
    assert notebooks(learner) == FIRST
    assert (learner / "datasets").is_symlink()
    assert (learner / "datasets" / "tickets.csv").read_text() == "id\n1\n"
    assert not (learner / "docs").exists()  # this course has none


def test_what_a_learner_wrote_stays_when_nothing_is_new(source, learner):
    (learner / "notebooks" / "00_a.ipynb").write_text("mine")
    assert hand_out.hand_out(source, learner) == []
    assert notebooks(learner) == FIRST | {"00_a.ipynb": "mine"}


def test_a_newer_edition_replaces_only_what_the_learner_did_not_touch(source, learner):
    (learner / "notebooks" / "00_a.ipynb").write_text("mine")
    for one in (source / "notebooks").iterdir():
        one.write_text("second edition")
    done = hand_out.hand_out(source, learner)
    wanted = {
        "00_a.ipynb": "mine",
        "00_a-new.ipynb": "second edition",
        "01_b.ipynb": "second edition",
    }
    assert notebooks(learner) == wanted
    assert done[0] == "00_a.ipynb: yours stays; the newer one is 00_a-new.ipynb"
    # It is offered once, and a third edition does not replace what stands beside either.
    (learner / "notebooks" / "00_a-new.ipynb").write_text("mine too")
    assert hand_out.hand_out(source, learner) == []
    (source / "notebooks" / "00_a.ipynb").write_text("third edition")
    hand_out.hand_out(source, learner)
    assert notebooks(learner) == wanted | {
        "00_a-new.ipynb": "mine too",
        "00_a-new2.ipynb": "third edition",
    }


def test_a_notebook_that_was_renamed_is_handed_out_again(source, learner):
    (learner / "notebooks" / "00_a.ipynb").rename(learner / "notebooks" / "old.ipynb")
    assert hand_out.hand_out(source, learner) == ["00_a.ipynb: new"]
    assert notebooks(learner) == FIRST | {"old.ipynb": FIRST["00_a.ipynb"]}


@pytest.mark.parametrize("record", ["", "[1, 2]", "{"])
def test_without_a_record_everything_that_differs_is_the_learner_s(record, source, learner):
    (learner / "notebooks" / "00_a.ipynb").write_text("mine")
    (learner / hand_out.RECORD).write_text(record)
    hand_out.hand_out(source, learner)
    assert notebooks(learner) == FIRST | {
        "00_a.ipynb": "mine",
        "00_a-new.ipynb": FIRST["00_a.ipynb"],
    }


def test_a_link_follows_the_course_and_a_learner_s_own_folder_stays(source, learner, tmp_path):
    source.rename(tmp_path / "moved")
    (tmp_path / "moved" / "docs").mkdir()
    (learner / "docs").mkdir()
    hand_out.hand_out(tmp_path / "moved", learner)
    assert (learner / "datasets" / "tickets.csv").exists()
    assert not (learner / "docs").is_symlink()


def test_links_into_a_former_course_follow_even_while_it_is_still_there(source, learner, tmp_path):
    """The new edition is beside the old one; what leads elsewhere is the learner's."""
    new = tmp_path / "shared-2"
    shutil.copytree(source, new)
    for name in ("docs", "course_lib"):
        (source / name).mkdir()
        hand_out.hand_out(source, learner)
    (new / "docs").mkdir()
    (learner / "docs").unlink()
    (learner / "docs").symlink_to(source / "datasets")
    hand_out.hand_out(new, learner)
    assert (learner / "datasets").readlink() == new / "datasets"
    assert (learner / "docs").readlink() == source / "datasets"
    assert not (learner / "course_lib").is_symlink()  # the new one has none


def test_two_servers_of_one_learner_may_make_the_same_link(source, learner, monkeypatch):
    (source / "docs").mkdir()
    link = Path.symlink_to

    def twice(path, *given, **more):
        link(path, *given, **more)
        link(path, *given, **more)  # the slower one finds it there

    monkeypatch.setattr(Path, "symlink_to", twice)
    assert hand_out.hand_out(source, learner) == []
    assert (learner / "docs").readlink() == source / "docs"


def test_a_notebook_that_cannot_be_read_does_not_stop_the_others(source, learner, capsys):
    for name in ("00_a.ipynb", "01_b.ipynb"):
        (source / "notebooks" / name).write_text("second edition")
    (learner / "notebooks" / "00_a.ipynb").unlink()
    (learner / "notebooks" / "00_a.ipynb").mkdir()
    for _ in range(2):
        assert hand_out.main([str(learner), "--course", str(source)]) == 1
        assert "hand_out: 00_a.ipynb: [Errno" in capsys.readouterr().err
        assert (learner / "notebooks" / "00_a.ipynb").is_dir()
        assert (learner / "notebooks" / "01_b.ipynb").read_text() == "second edition"
    (learner / "notebooks" / "00_a.ipynb").rmdir()
    assert hand_out.hand_out(source, learner) == ["00_a.ipynb: new"]


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_who_may_read_a_notebook_is_the_umask_s_to_say(umask, mode, source, tmp_path):
    before = os.umask(umask)
    try:
        hand_out.hand_out(source, tmp_path / "mine")
    finally:
        os.umask(before)
    for file in (hand_out.RECORD, "notebooks/00_a.ipynb"):
        assert stat.S_IMODE((tmp_path / "mine" / file).stat().st_mode) == mode


def test_a_full_disk_leaves_what_was_there_and_no_half_file(source, learner, monkeypatch):
    before = notebooks(learner)
    (source / "notebooks" / "00_a.ipynb").write_text("second edition")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hand_out.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        hand_out.hand_out(source, learner)
    assert notebooks(learner) == before


def test_a_folder_that_is_no_course_is_refused(tmp_path, capsys):
    assert hand_out.main([str(tmp_path / "mine"), "--course", str(tmp_path)]) == 1
    assert f"notebooks/*.ipynb, got {tmp_path}" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


# The learner's server


def test_the_server_starts_with_the_settings_of_course_lab(monkeypatch):
    become = start.command(["--port=1"])
    assert become[:4] == [sys.executable, "-P", "-m", "jupyterhub.singleuser"]
    assert become[-1] == "--port=1"
    settings = [part.split("=", 1)[1] for part in become[4:-1]]
    assert all(Path(path).exists() for path in settings)
    # the same options that `course lab` gives
    lab = (ROOT / "course_lib" / "cli.py").read_text(encoding="utf-8")
    for part in become[4:-1]:
        assert part.split("=")[0] in lab
    monkeypatch.setenv("PATH", "/usr/bin")
    path = start.environment()["PATH"].split(os.pathsep)
    assert path == [os.path.dirname(sys.executable), "/usr/bin"]


def test_a_learner_s_own_modules_do_not_keep_the_server_from_starting(tmp_path):
    """The hub starts it in their home, where they save what they like."""
    pytest.importorskip("jupyterhub", reason="needs the extra [classroom]")
    for name in ("tornado", "random", "json"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the learner has a {name}')")
    done = subprocess.run(
        start.command(["--version"]), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"\d+\.\d+", done.stdout)


def test_a_learner_gets_a_server_even_when_nothing_can_be_handed_out(monkeypatch, capsys, tmp_path):
    (tmp_path / "course").write_text("a file where the folder should be")
    monkeypatch.setenv("HOME", str(tmp_path))
    became = []
    monkeypatch.setattr(start.os, "execve", lambda *given: became.append(given))
    start.main(["--port=1"])
    assert became[0][1] == start.command(["--port=1"])
    assert "could not be handed out" in capsys.readouterr().err


# The configurations


def read(file):
    """A file with settings as JupyterHub reads it."""
    loader = pytest.importorskip("traitlets.config.loader")
    return loader.PyFileConfigLoader(str(file)).load_config()


def loaded(file):
    """What JupyterHub makes of such a file; the lists and dictionaries it adds to are empty."""
    config = read(file)
    empty = {"args": [], "environment": {}}
    for name, value in config["Spawner"].items():
        if not isinstance(value, str | int | list | dict):
            config["Spawner"][name] = value.get_value(empty[name])
    return config


def hub_settings():
    """What JupyterHub makes of classroom/jupyterhub_config.py."""
    return loaded(CLASSROOM / "jupyterhub_config.py")


def test_jupyterhub_knows_every_setting_and_takes_its_value():
    pytest.importorskip("jupyterhub", reason="needs the extra [classroom]")
    from jupyterhub.app import JupyterHub
    from jupyterhub.spawner import LocalProcessSpawner

    known = {"JupyterHub": JupyterHub, "Spawner": LocalProcessSpawner}
    config = hub_settings()
    assert set(config) <= set(known)
    for section, settings in config.items():
        traits = known[section].class_traits(config=True)
        assert set(settings) <= set(traits), section
    spawner = LocalProcessSpawner(config=read(CLASSROOM / "jupyterhub_config.py"), orm_spawner=None)
    assert spawner.mem_limit == 3 * GIB
    assert spawner.args == config["Spawner"]["args"]
    assert spawner.environment == config["Spawner"]["environment"]
    assert all(Path(part).exists() for part in spawner.cmd)


@pytest.mark.parametrize("before", [True, False])
def test_a_hub_keeps_what_it_set_before_the_course_s_settings_and_can_change_them(before, tmp_path):
    own = 'c.Spawner.args = ["--mine"]\nc.Spawner.environment = {"MINE": "1"}\n' if before else ""
    course_s = f"load_subconfig({str(CLASSROOM / 'jupyterhub_config.py')!r})\n"
    [recipe] = re.findall(r'```python\nload_subconfig\("/srv/course/.*\n((?s:.*?))```', GUIDE)
    after = 'c.Spawner.args.extend(["--more"])\n'
    after += 'c.Spawner.environment.update({"OMP_NUM_THREADS": "2"})'
    (tmp_path / "config.py").write_text(own + course_s + recipe + after)
    settings, alone = loaded(tmp_path / "config.py")["Spawner"], hub_settings()["Spawner"]
    assert settings["args"] == [*(["--mine"] if before else []), *alone["args"], "--more"]
    changed = {
        "OMP_NUM_THREADS": "2",
        "COURSE_LLM_BASE_URL": "http://127.0.0.1:8000/v1",
        "COURSE_LLM_MODEL": "a-larger-model",
    }
    mine = {"MINE": "1"} if before else {}
    assert settings["environment"] == mine | alone["environment"] | changed
    assert settings["default_url"] == alone["default_url"]


def environment_of_the_course():
    """Every COURSE_ variable that the code reads."""
    texts = [path.read_text("utf-8") for path in (ROOT / "course_lib").rglob("*.py")]
    return set(re.findall(r"\bCOURSE_[A-Z_]*[A-Z]\b", "\n".join(texts)))


def test_z2jh_says_the_same_as_the_hub_of_one_machine():
    values = yaml.safe_load((CLASSROOM / "z2jh.yaml").read_text(encoding="utf-8"))
    user, config = values["singleuser"], hub_settings()["Spawner"]
    assert user["defaultUrl"] == config["default_url"]
    assert user["memory"]["limit"] == config["mem_limit"]
    # The image names the folder of the models; everything else is the same.
    wanted = dict(config["environment"])
    assert wanted.pop("COURSE_SYSTEM_CACHE").startswith("/")
    assert user["extraEnv"] == wanted
    assert all(isinstance(value, str) for value in user["extraEnv"].values())  # Kubernetes wants it
    target = re.search(r"--target-repo-dir (\S+)", GUIDE)[1]
    assert user["cmd"] == ["python", f"{target}/classroom/start.py"]
    assert (ROOT / Path(user["cmd"][1]).relative_to(target)).exists()


def test_z2jh_uses_keys_that_the_chart_has():
    chart = {  # of the chart's values.schema.yaml, which refuses every other key
        "singleuser": {
            *("cmd", "defaultUrl", "extraEnv", "memory", "cpu", "storage", "startTimeout"),
            *("image", "networkPolicy", "extraFiles"),
        },
        "prePuller": {"hook", "continuous"},
        "cull": {"enabled", "timeout", "every"},
    }
    values = yaml.safe_load((CLASSROOM / "z2jh.yaml").read_text(encoding="utf-8"))
    assert set(values) <= set(chart)
    for section, settings in values.items():
        assert set(settings) <= chart[section]


def test_only_variables_that_the_course_reads_are_set():
    known = environment_of_the_course()
    files = [*CLASSROOM.glob("*.py"), *CLASSROOM.glob("*.yaml"), *(ROOT / ".binder").iterdir()]
    for text in (GUIDE, *(one.read_text(encoding="utf-8") for one in files)):
        assert set(re.findall(r"\bCOURSE_[A-Z_]*[A-Z]\b", text)) <= known


def test_the_guide_names_what_is_there():
    settings = hub_settings()["Spawner"]
    assert f"COURSE_CACHE={settings['environment']['COURSE_SYSTEM_CACHE']} " in GUIDE
    assert f"limits.memory {settings['mem_limit']}" in GUIDE
    for path in re.findall(r"/srv/course/([\w./]+\w)", GUIDE):
        assert (ROOT / path).exists() or path.startswith(".venv"), path
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
    for language, block in re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "python":
            compile(block, "guide", "exec")
        elif language == "yaml":
            assert yaml.safe_load(block)
        else:
            assert language in ("bash", "text")


def rows_of_the_guide():
    """Notebook -> the numbers of its row in the guide's table of memory."""
    rows = [line.strip("| ").split(" | ") for line in GUIDE.splitlines() if line.startswith("| [")]
    return {
        found[1]: row[1:]
        for row in rows
        if (found := re.fullmatch(r"\[\d\d\]\(\.\./notebooks/(\w+\.ipynb)\)", row[0]))
    }


def test_the_guide_sizes_a_class_for_every_notebook():
    rows = rows_of_the_guide()
    assert sorted(rows) == named(["all"])
    for notebook, cells in rows.items():
        own, fit, thirty, shared = (float(cell) for cell in cells)
        # Rounded to the safe side, and well below what a learner may have.
        assert fit <= 1 / own, notebook
        assert fit > 1 / own - 0.11, notebook
        assert 30 * (own - 0.01) <= thirty <= 30 * own + 1, notebook
        assert own < float(hub_settings()["Spawner"]["mem_limit"].removesuffix("G")) - 1
        assert 0 < shared < 2  # libraries and two small models, not a learner's arrays
    # What it says of thirty learners, with 0.1 GiB for the hub and 2 for the system.
    needs = {name[:2]: float(cells[2]) + float(cells[3]) + 2.1 for name, cells in rows.items()}
    large = {number: math.ceil(need) for number, need in needs.items() if need > 32}
    [said] = re.findall(r"06 needs (\d+) GiB, 07 (\d+) and 12 (\d+): take 64 GiB", GUIDE)
    assert large == dict(zip(("06", "07", "12"), map(int, said), strict=True))
    assert max(large.values()) <= 64


# How much memory

ROLLED_UP = """\
555f68e00000-7ffdca4bd000 ---p 00000000 00:00 0                          [rollup]
Rss:             1085440 kB
Pss:              945000 kB
Pss_Dirty:        752640 kB
Shared_Clean:     143000 kB
Private_Clean:    190000 kB
Private_Dirty:    752640 kB
Anonymous:        752640 kB
Private_Hugetlb:       2 kB
"""


def test_files_that_a_second_learner_would_share_are_nobody_s_own():
    assert rolled_up(ROLLED_UP) == Memory(752_642 * 1024, 945_000 * 1024, 1_085_440 * 1024)
    assert rolled_up("") == Memory()  # it ended meanwhile


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells it alone")
def test_memory_that_a_child_takes_is_counted_and_a_mapped_file_is_not():
    pytest.importorskip("psutil", reason="needs the extra [classroom]")
    size = 64 * 2**20
    folder = Path(importlib.util.find_spec("torch").origin).parent / "lib"
    library = max(folder.glob("*.so*"), key=lambda path: path.stat().st_size)
    assert library.stat().st_size > size
    child = f"""
import mmap, os, sys
file = open({str(library)!r}, "rb")
os.fsync(file)  # as after an installation: what waits to be written counts as changed
mapped = mmap.mmap(file.fileno(), {size}, prot=mmap.PROT_READ)
seen = sum(mapped[::4096])
mine = bytearray(b"o" * {size})
print("ready", flush=True)
sys.stdin.read()
"""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    started = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdout.readline() == b"ready\n"
    seen = memory_of(started.pid)
    started.communicate(b"")
    assert size < seen.own < 2 * size < seen.resident
    assert seen.own < seen.share <= seen.resident
    assert memory_of(started.pid) == Memory()


def test_the_table_rounds_to_the_safe_side():
    ran = {}
    for name, own in (("12_b.ipynb", 1.004), ("01_a.ipynb", 0.7180)):
        memory = Memory(int(own * GIB), 0, int((own + 0.31) * GIB))
        learner = Learner("ann", Path(), "", "", 1, seconds=29.6, peak=memory)
        ran[name] = [learner]
    assert table(ran).splitlines()[2:] == [
        "| 01_a | 0.72 | 1.3 | 22 | 0.4 | 30 |",
        "| 12_b | 1.01 | 0.9 | 31 | 0.4 | 30 |",
    ]


def test_notebooks_are_named_by_number_once_each_in_the_order_given(capsys):
    every = named(["all"])
    assert every == sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    assert named(["06", "01", "06"]) == ["06_limits.ipynb", "01_embeddings.ipynb"]
    for given in (["--notebook", "01", "77"], ["--notebook", "*"], ["--users", "0"]):
        with pytest.raises(SystemExit):
            main(given)
        assert f"got {given[-1]!r}" in capsys.readouterr().err.replace("got 0", "got '0'")


@dataclass
class Quick(Learner):
    """A learner whose notebook runs in no time, or ends in an error."""

    error: Exception | None = None

    async def run(self, path):
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error


class HubOf:
    def __init__(self, error=None):
        self.error = error

    async def learner(self, name):
        return Quick(name, Path(), "", "", 1, error=self.error)


def test_a_notebook_that_is_faster_than_a_look_at_it_needs_what_the_server_needs(monkeypatch):
    monkeypatch.setattr(rehearsal, "memory_of", lambda _: Memory(5 * MIB, 6 * MIB, 7 * MIB))

    async def never_looks(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(rehearsal, "_watch", never_looks)
    learners = asyncio.run(rehearse(HubOf(), ["ann", "ben"], NOTEBOOK))
    assert [one.peak.own for one in learners] == [5 * MIB] * 2
    assert "| 01_a | 0.01 |" in table({"01_a.ipynb": learners})


@pytest.mark.parametrize("failing", ["look", "notebook"])
def test_whatever_fails_in_a_rehearsal_is_told_and_nothing_goes_on(failing, monkeypatch):
    looks = []

    def look(_):
        looks.append(1)
        if failing == "look" and len(looks) == 2:  # once before, once meanwhile, once after
            raise PermissionError("no look at that")
        return Memory(MIB, MIB, MIB)

    async def all_ended():
        with pytest.raises(OSError, match=f"no {failing}"):
            await rehearse(HubOf(error), ["ann"], NOTEBOOK)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    error = ConnectionError("no notebook there") if failing == "notebook" else None
    monkeypatch.setattr(rehearsal, "memory_of", look)
    asyncio.run(all_ended())


def test_a_rehearsal_that_is_stopped_or_refused_says_so_in_one_line(monkeypatch, capsys):
    web = pytest.importorskip("tornado.httpclient", reason="needs the extra [classroom]")
    monkeypatch.setattr(rehearsal, "missing", lambda: "")
    for error, status, said in (
        (KeyboardInterrupt(), 130, "Stopped; nothing is left."),
        (web.HTTPClientError(500, "no server"), 1, "rehearse: HTTP 500: no server"),
        (ConnectionRefusedError(111, "refused"), 1, "rehearse: [Errno 111] refused"),
    ):

        async def ends(*_, error=error):
            raise error

        monkeypatch.setattr(rehearsal, "_main", ends)
        assert main(["--users", "1"]) == status
        assert capsys.readouterr().err.strip() == said


def test_where_the_kernel_tells_no_memory_no_hub_is_started(monkeypatch, tmp_path):
    if missing():
        pytest.skip(missing())
    monkeypatch.setattr(rehearsal, "ROLLUP", tmp_path / "smaps_rollup")
    assert str(tmp_path / "smaps_rollup") in missing()


# Binder


def test_binder_s_files_are_programs_and_name_a_python_that_fits():
    wanted = course.WANTED
    found = re.fullmatch(r"python-3\.(\d+)\n", (ROOT / ".binder" / "runtime.txt").read_text())
    assert int(found[1]) >= wanted[1]
    for name in ("postBuild", "start"):
        path = ROOT / ".binder" / name
        assert path.stat().st_mode & stat.S_IXUSR
        assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0


def test_binder_installs_the_pinned_course_and_keeps_the_models_beside_it(tmp_path):
    """Runs postBuild with programs that only write down what they are asked."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("pip", "python"):
        real = (
            f'[ "$1" = -c ] && exec {shlex.quote(sys.executable)} "$@"' if name == "python" else ""
        )
        line = f'echo {name} "cache=$COURSE_CACHE" "$@" >> {shlex.quote(str(tmp_path / "said"))}'
        (bin_folder / name).write_text(f"#!/bin/sh\n{real}\n{line}\n")
        (bin_folder / name).chmod(0o755)
    environment = {"PATH": f"{bin_folder}:/usr/bin:/bin", "NB_PYTHON_PREFIX": str(tmp_path)}
    command = [str(ROOT / ".binder" / "postBuild")]
    subprocess.run(
        command, cwd=ROOT, env=environment | {"PYTHONDONTWRITEBYTECODE": "1"}, check=True
    )
    torch, package, models = (tmp_path / "said").read_text().splitlines()
    assert f"--extra-index-url {course.CPU_TORCH_INDEX} torch" in torch
    for line in (torch, package):
        assert "--constraint constraints.txt" in line
    assert package.endswith("--editable .")
    folder = f"{tmp_path}/share/ml-for-ai-engineers"
    assert models == f"python cache={folder} -m course_lib.cli fetch"
    # and the start of the image points there, unless the hub says otherwise
    begin = [str(ROOT / ".binder" / "start"), "sh", "-c", 'echo "$COURSE_SYSTEM_CACHE"']
    for more, shown in (({}, folder), ({"COURSE_SYSTEM_CACHE": "/elsewhere"}, "/elsewhere")):
        done = subprocess.run(begin, env=environment | more, capture_output=True, check=True)
        assert done.stdout.decode().strip() == shown


# A real hub


@pytest.fixture
def shared_models(tmp_path):
    """A folder with the embedding model that nobody may write to, as a class shares it."""
    from course_lib import assets

    model = assets.locate("minilm")
    folder = tmp_path / "models"
    shutil.copytree(model, folder / model.name)
    for one in [folder, *folder.rglob("*")]:
        one.chmod(0o555 if one.is_dir() else 0o444)
    yield folder
    for one in [folder, *folder.rglob("*")]:
        one.chmod(0o755)


def fingerprints(folder):
    files = (one for one in sorted(folder.rglob("*")) if one.is_file())
    return {one: hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


@pytest.mark.slow
def test_six_learners_at_once_run_01_on_a_real_hub(shared_models, tmp_path, capsys):
    if missing():
        pytest.skip(missing())
    import psutil
    from tornado.httpclient import HTTPClientError

    from classroom.local_hub import running

    before = fingerprints(shared_models)
    names = [f"learner{number}" for number in range(1, 7)]

    async def six() -> None:
        async with running(shared_models, tmp_path) as hub:
            learners = await rehearse(hub, names, NOTEBOOK)
            with capsys.disabled():
                print("\n" + report(hub, learners, NOTEBOOK))
            cells = json.loads((ROOT / "notebooks" / NOTEBOOK).read_text("utf-8"))["cells"]
            code = sum(cell["cell_type"] == "code" for cell in cells)
            for one in learners:
                assert (one.cells, one.errors) == (code, [])
                # Each has their own notebooks and caches, and the models of everybody.
                assert (one.home / "course" / "notebooks" / NOTEBOOK).is_file()
                assert list(one.home.rglob("*.safetensors")) == []
                family = psutil.Process(one.pid).children(recursive=True)
                mapped = {m.path for process in family for m in process.memory_maps()}
                assert [p for p in mapped if p.startswith(str(shared_models))], "not shared"
                # Sharing saves memory, and nobody comes near the limit.
                assert one.after.own < one.after.share < one.after.resident
                assert one.peak.own < 3 * GIB / 2
            first, second = learners[:2]
            first.url = second.url  # their work is theirs alone
            with pytest.raises(HTTPClientError, match="403"):
                await first.call("api/contents/course")

    asyncio.run(six())
    assert fingerprints(shared_models) == before


@pytest.mark.slow
def test_a_learner_s_work_and_progress_outlive_their_server(tmp_path):
    if missing():
        pytest.skip(missing())
    from tornado.httpclient import AsyncHTTPClient, HTTPClientError

    from classroom.local_hub import running

    path = "course/notebooks/00_start_here.ipynb"

    async def one_learner() -> None:
        async with running(models_folder(), tmp_path) as hub:
            with pytest.raises(HTTPClientError, match="403"):  # nobody can log in
                await AsyncHTTPClient().fetch(f"{hub.url}/hub/login")
            learner = await hub.learner("ann")
            notebook = await learner.call(f"api/contents/{path}")
            cells = notebook["content"]["cells"]
            code = next(cell for cell in cells if cell["metadata"].get("exercise"))
            solved = "from course_lib.exercises import check\n"
            solved += 'check("0.1", lambda score, threshold: score >= threshold)'
            notebook["content"]["cells"] = [{**code, "source": solved}]
            await learner.call(f"api/contents/{path}", "PUT", notebook)
            await learner.run(path)
            assert (learner.cells, learner.errors) == (1, [])
            settings = await learner.call("lab/api/settings/@jupyterlab/notebook-extension:tracker")
            schema = settings["schema"]["properties"]
            assert schema["windowingMode"]["default"] == "none"  # the course's own settings
            await hub.call("users/ann/server", "DELETE")
            while (await hub.call("users/ann"))["servers"]:
                await asyncio.sleep(0.2)
            await hub.start("ann")
            kept = await learner.call(f"api/contents/{path}")
            assert kept["content"]["cells"][0]["source"] == solved
            [saved] = learner.home.rglob("progress.json")
            assert json.loads(saved.read_text())["exercises"]["0.1"]["passed"]

    asyncio.run(one_learner())
