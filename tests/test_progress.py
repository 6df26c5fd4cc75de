"""`course progress`: what a learner has passed is kept, whatever happens to the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import course_lib
from course_lib.exercises import check, core, progress, registry


@pytest.fixture
def path(tmp_path, monkeypatch):
    file = tmp_path / "own data" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(file))
    return file


@pytest.fixture
def course(monkeypatch):
    """Stand in for the course's exercises: two notebooks."""
    modules = {
        "ex01_first_steps": [exercise("1.1", 7), exercise("1.2", 8)],
        "ex02_more": [exercise("2.1", 9)],
    }
    monkeypatch.setattr(registry, "module_names", lambda: list(modules))
    monkeypatch.setattr(registry, "exercises_of", modules.__getitem__)


def exercise(name: str, value: int) -> core.Exercise:
    return core.Exercise(name, f"Exercise {name}", value, core.value_check(), ("", ""), "")


def test_counts_tries_and_remembers_a_pass(path, course):
    check("1.1", 1)
    check("1.1", ...)  # not attempted: not a try
    check("1.1", 7)
    check("1.1", 2)  # a later mistake takes nothing away
    check("2.1", 0)
    assert progress.read() == {
        "1.1": {"tries": 3, "passed": True},
        "2.1": {"tries": 1, "passed": False},
    }


def test_a_stub_leaves_no_file(path, course):
    check("1.1", ...)
    assert not path.exists()


def test_prints_a_table(path, course, capsys):
    for attempt in (0, 7):
        check("1.1", attempt)
    check("2.1", 0)
    assert progress.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "notebook passed tried exercises still to pass"
    assert " ".join(lines[1].split()) == "01 first steps 1 1 2 1.2"
    assert " ".join(lines[2].split()) == "02 more 0 1 1 2.1"
    assert " ".join(lines[3].split()) == "all 1 2 3"
    assert str(path) in lines[-1]


def test_prints_a_table_before_anything_was_tried(path, course, capsys):
    assert progress.main([]) == 0
    assert "all" in capsys.readouterr().out
    assert not path.exists()


def test_off_records_nothing(tmp_path, course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path)
    assert check("1.1", 7).note == ""
    assert list(tmp_path.iterdir()) == []
    assert progress.main([]) == 0
    assert "off" in capsys.readouterr().out


def test_uses_the_users_data_folder_when_nothing_is_set(tmp_path, course, monkeypatch):
    monkeypatch.delenv("COURSE_PROGRESS", raising=False)
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path / "data")
    check("1.1", 7)
    assert json.loads((tmp_path / "data" / "progress.json").read_text())["exercises"]["1.1"][
        "passed"
    ]


@pytest.mark.parametrize("inside", ["progress.json", "notebooks/../runs/progress.json"])
def test_never_writes_inside_the_repository(course, monkeypatch, capsys, inside):
    monkeypatch.setenv("COURSE_PROGRESS", str(course_lib.ROOT / inside))
    result = check("1.1", 7)
    assert result.passed
    assert "outside the course's folder" in result.note
    assert result.note in repr(result)
    assert "outside the course" in result._repr_html_()
    assert not (course_lib.ROOT / inside).exists()
    assert progress.main([]) == 1
    assert "outside the course's folder" in capsys.readouterr().err


BROKEN = {
    "cut off": b'{"version": 1, "exercises": {"1.1": {"tri',
    "empty": b"",
    "another shape": b"[1, 2]",
    "wrong types": b'{"exercises": {"1.1": 5}}',
    "no text": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_damaged_file_is_set_aside_and_said(path, course, capsys, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert progress.main([]) == 1  # looking changes nothing
    message = capsys.readouterr().err
    assert "is damaged" in message
    assert "--reset" in message
    assert path.read_bytes() == content

    result = check("1.1", 7)
    assert result.passed
    assert "kept as progress.json.bak1" in result.note
    assert path.with_name("progress.json.bak1").read_bytes() == content
    assert progress.read() == {"1.1": {"tries": 1, "passed": True}}
    assert check("1.1", 7).note == ""


def test_reset_keeps_every_backup(path, course, capsys):
    for number in (1, 2):
        check("1.1", 7)
        assert progress.main(["--reset"]) == 0
        assert f"progress.json.bak{number}" in capsys.readouterr().out
        assert progress.read() == {}
    assert progress.main(["--reset"]) == 0
    assert "no progress to reset" in capsys.readouterr().out
    assert len(list(path.parent.glob("*.bak*"))) == 2


def test_reset_repairs_a_damaged_file(path, course, capsys):
    path.parent.mkdir()
    path.write_text("{")
    assert progress.main(["--reset"]) == 0
    assert progress.main([]) == 0


def test_a_place_that_cannot_be_written_never_stops_a_check(tmp_path, course, monkeypatch):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    monkeypatch.setenv("COURSE_PROGRESS", str(blocker / "progress.json"))
    result = check("1.1", 7)
    assert result.passed
    assert "Progress is not kept" in result.note
    assert progress.main(["--reset"]) == 1


def test_a_failed_write_leaves_the_old_file_and_no_scraps(path, course, monkeypatch):
    check("1.1", 7)
    before = path.read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert "No space left on device" in check("1.2", 8).note
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.glob("*.tmp")) == []


def test_another_program_that_holds_the_lock_is_named(path, course, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.1)
    path.parent.mkdir()
    with FileLock(f"{path}.lock"):
        note = check("1.1", 7).note
    assert "another program holds" in note


def test_kernels_that_record_at_once_lose_nothing(path):
    script = (
        "import sys\nfrom course_lib.exercises.progress import record\n"
        "for i in range(15):\n"
        "    note = record(f'{sys.argv[1]}.{i}', True) or record('9.9', False)\n"
        "    assert note == '', note\n"
    )
    kernels = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], env=dict(os.environ))
        for number in (1, 2, 3, 4)
    ]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0, 0]
    entries = progress.read()
    assert {f"{n}.{i}" for n in (1, 2, 3, 4) for i in range(15)} <= entries.keys()
    assert entries["9.9"]["tries"] == 60
    assert list(path.parent.glob("*.tmp")) == []


@given(
    st.dictionaries(
        st.sampled_from(["1.1", "1.2", "2.1", "7.7"]),
        st.fixed_dictionaries({"tries": st.integers(1, 99), "passed": st.booleans()}),
    )
)
def test_table_lists_what_is_left(entries):
    with pytest.MonkeyPatch.context() as monkeypatch:
        modules = {
            "ex01_a": [exercise("1.1", 1), exercise("1.2", 1)],
            "ex02_b": [exercise("2.1", 1)],
        }
        monkeypatch.setattr(registry, "module_names", lambda: list(modules))
        monkeypatch.setattr(registry, "exercises_of", modules.__getitem__)
        text = progress.table(entries)
    for name in ("1.1", "1.2", "2.1"):
        passed = name in entries and entries[name]["passed"]
        assert (name in text) is not passed
