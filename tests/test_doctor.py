from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course_lib import assets, doctor, threads
from course_lib.doctor import Check


def found(name: str) -> Check:
    return next(check for check in doctor.run() if check.name == name)


def test_this_machine_is_ready() -> None:
    """Whoever runs the tests has the course set up: nothing may be reported as broken."""
    assert [check for check in doctor.run(full=True) if check.ok is False] == []


def test_summary_is_the_same_on_every_healthy_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    healthy = [Check("Python", True, "3.12.1"), Check("Packages", None, "numpy 9", "update")]
    monkeypatch.setattr(doctor, "run", lambda: healthy)
    doctor.summary()
    out, err = capsys.readouterr()
    assert out == "Python:    OK\nPackages:  OK\n"
    assert err == ""
    monkeypatch.setattr(doctor, "run", lambda: [Check("Disk", False, "0.1 GB free", "free 2 GB")])
    doctor.summary()
    assert capsys.readouterr().out == "Disk:      FIX  0.1 GB free. Next step: free 2 GB\n"


def test_real_summary_has_no_number(capsys: Any) -> None:
    doctor.summary()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.run())
    assert all(re.fullmatch(r"[A-Z][a-z]+: +OK", line) for line in lines)


def test_report_is_aligned_and_exit_status_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    checks = [Check("Python", True, "3.12.1"), Check("Packages", None, "numpy 9", "update it")]
    monkeypatch.setattr(doctor, "run", lambda full: checks)
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "OK    Python    3.12.1",
        "NOTE  Packages  numpy 9. Next step: update it",
    ]
    assert "python course.py lab" in lines[-1]
    checks.append(Check("Disk", False, "full", "make room"))
    assert doctor.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "FIX   Disk      full. Next step: make room" in lines
    assert lines[-1] == "1 to fix."


def test_full_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(doctor, "check_models", lambda full: asked.append(full))
    monkeypatch.setattr(doctor, "report", lambda checks: "")
    monkeypatch.setattr(
        doctor, "run", lambda full, run=doctor.run: [c for c in run(full=full) if c is not None]
    )
    doctor.main([])
    doctor.main(["--full"])
    assert asked == [False, True]


@pytest.mark.parametrize(
    ("version", "ok"),
    [((3, 10, 14), False), ((3, 11, 0), True), ((3, 13, 9), True), ((3, 14, 0), None)],
)
def test_python(version: tuple[int, int, int], ok: bool | None) -> None:
    check = doctor.check_python(version)
    assert check.ok is ok
    assert check.detail.startswith(".".join(map(str, version)))
    assert bool(check.fix) == (ok is False)


def test_packages_missing_and_different(tmp_path: Path) -> None:
    file = tmp_path / "constraints.txt"
    file.write_text("# a comment\nnumpy==1.0  # why\npytest==0.1\nnot-installed-here==1.0\n")
    check = doctor.check_packages(file, ["numpy"])
    assert check.ok is None
    assert check.detail.startswith("2 of another version")
    assert "(1.0)" in check.detail
    assert "not-installed-here" not in check.detail
    check = doctor.check_packages(file, ["numpy", "no-such-a", "no-such-b", 'x; extra == "test"'])
    assert check.ok is False
    assert check.detail == "missing: no-such-a, no-such-b"
    assert "course.py setup" in check.fix


def test_local_build_of_a_package_is_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "constraints.txt"
    file.write_text("torch==2.13.0\n")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.0+cpu")
    assert doctor.check_packages(file, ["torch"]).ok is True
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.1+cpu")
    assert doctor.check_packages(file, ["torch"]).ok is None


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_SYSTEM_CACHE", "")
    return tmp_path / "cache"


def test_models_missing_and_damaged(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = found("Models")
    assert check.ok is False
    assert check.detail == "not in the cache: minilm, smollm2"
    assert check.fix == "python course.py fetch"
    # One small model, complete by its size and yet not what it should be.
    asset = assets.Asset(
        name="toy",
        requirement="toy==1",
        wheel_sha256="",
        wheel_bytes=1,
        licence="",
        source_url="",
        files=(assets.AssetFile("toy/a", "a", "0" * 64, 3),),
        disk_bytes=3,
    )
    monkeypatch.setattr(assets, "ASSETS", {"toy": asset})
    monkeypatch.setitem(assets.ASSETS, "toy", asset)
    folder = empty_cache / asset.folder_name
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"abc")
    (folder / "manifest.json").write_text(json.dumps({"files": {"a": {"sha256": "", "size": 3}}}))
    assert doctor.check_models().ok is True
    check = doctor.check_models(full=True)
    assert check.ok is False
    assert check.fix == "python course.py fetch --repair toy"


def test_disk_counts_the_models_that_are_not_there(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = doctor.check_disk(1_000_000_000)
    assert check.ok is False
    assert "COURSE_CACHE" in check.fix
    assert doctor.check_disk(2_000_000_000).ok is True
    assert not empty_cache.exists()
    monkeypatch.setattr(assets, "ASSETS", {})
    assert doctor.check_disk(1_000_000_000).ok is True
    assert doctor.check_disk(100_000_000).ok is False


def test_memory() -> None:
    assert doctor.check_memory(4_000_000_000).ok is True
    assert doctor.check_memory(1_500_000_000).ok is None
    check = doctor.check_memory(500_000_000)
    assert check.ok is False
    assert check.detail.startswith("0.5 GB available")


def test_cores_say_who_set_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_THREADS", "3")
    assert "3 for torch (set by COURSE_THREADS)" in found("Cores").detail
    monkeypatch.setenv("COURSE_THREADS", "many")
    check = found("Cores")
    assert check.ok is False
    assert "'many'" in check.detail
    monkeypatch.delenv("COURSE_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert "2 for torch (set by OMP_NUM_THREADS)" in found("Cores").detail
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert "set by" not in found("Cores").detail


@pytest.mark.parametrize("python", ["python", "this one", "another"])
def test_kernel_runs_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    command = {"this one": sys.executable, "another": str(tmp_path / "python")}.get(python, python)
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": [command, "-m", "ipykernel_launcher"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    check = doctor.check_kernel()
    if python == "another":
        assert check.ok is False
        assert "python3 runs another Python" in check.detail
        assert "ipykernel install" in check.fix
    else:
        assert check.ok is True


def test_a_check_that_fails_itself_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def faint() -> Check:
        raise RuntimeError("I feel dizzy")

    monkeypatch.setattr(doctor, "check_memory", faint)
    check = found("Memory")
    assert check.ok is False
    assert "RuntimeError: I feel dizzy" in check.detail
    assert check.fix


def test_doctor_and_threads_load_no_torch() -> None:
    code = "import sys; from course_lib import doctor; doctor.run(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# --- threads


def test_wish_comes_before_openmp_before_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 8)
    monkeypatch.setattr(threads, "_load", lambda: 2.4)
    monkeypatch.setenv("COURSE_THREADS", " 5 ")
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert threads.choose_threads() == 5
    monkeypatch.setenv("COURSE_THREADS", "")
    assert threads.choose_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert threads.choose_threads() == 6
    monkeypatch.setattr(threads, "_load", lambda: 40.0)
    assert threads.choose_threads() == 1


@pytest.mark.parametrize("wish", ["0", "-1", "2.5", "two"])
def test_senseless_wish_is_refused(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("COURSE_THREADS", wish)
    with pytest.raises(ValueError, match=f"COURSE_THREADS must be .* got '{wish}'"):
        threads.choose_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_is_honoured() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "from course_lib.threads import available_cores; print(available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("text", "cores"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)]
)
def test_container_quota_is_honoured(
    monkeypatch: pytest.MonkeyPatch, text: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "read_text", lambda self: text)
    assert threads.available_cores() == cores
