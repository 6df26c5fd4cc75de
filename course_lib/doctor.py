"""Is this machine ready for the course? Each check says OK, or what to do."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib import ROOT

SETUP = "python course.py setup (with conda: conda env update -f environment.yml)"
ROOM = 500_000_000  # bytes of disk that working through the notebooks takes, with some air
MEMORY_NEEDED, MEMORY_WANTED = 1_000_000_000, 2_000_000_000  # bytes


@dataclass(frozen=True)
class Check:
    """What one check found; ``ok`` is None for a note that stops nobody."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


def check_python(version: tuple[int, int, int] | None = None) -> Check:
    """Python itself: 3.11 or newer, 64 bits."""
    major, minor, micro = version or sys.version_info[:3]
    found = f"{major}.{minor}.{micro}"
    if (major, minor) < (3, 11) or sys.maxsize < 2**32:
        install = "install a 64-bit Python 3.11, 3.12 or 3.13 and start the course with it"
        return Check("Python", False, f"{found}, {platform.architecture()[0]}", install)
    if (major, minor) > (3, 13):
        return Check("Python", None, f"{found}; the course was tried with 3.11 to 3.13")
    return Check("Python", True, found)


def check_packages(constraints: Path | None = None, needed: Sequence[str] | None = None) -> Check:
    """Packages: all there, and of the versions that the notebooks were made with.

    Args:
        constraints: a file of pinned versions; default the course's constraints.txt.
        needed: requirements; default those of course_lib.
    """
    from importlib import metadata

    from packaging.requirements import Requirement
    from packaging.version import Version

    def installed(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    lines = (metadata.requires("course-lib") or []) if needed is None else needed
    wanted = [Requirement(line) for line in lines]
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    missing = [requirement.name for requirement in wanted if installed(requirement.name) is None]
    if missing:
        return Check("Packages", False, f"missing: {', '.join(missing)}", SETUP)
    file = constraints or ROOT / "constraints.txt"
    pins = [
        line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()
    ]
    different = []
    for pin in (Requirement(line) for line in pins if line):
        version = installed(pin.name)
        # "2.13.0+cpu" is the processor build of 2.13.0
        if version and not pin.specifier.contains(Version(version).public, prereleases=True):
            different.append(f"{pin.name} {version} ({str(pin.specifier).removeprefix('==')})")
    if different:
        shown = ", ".join(different[:5]) + (" and others" if len(different) > 5 else "")
        what = f"{len(different)} of another version than the notebooks were made with: {shown}"
        return Check("Packages", None, what, SETUP)
    return Check("Packages", True, f"{len(wanted)} needed, all there, versions as in {file.name}")


def check_models(full: bool = False) -> Check:
    """Models: complete in the cache; with ``full``, every byte is read."""
    from course_lib import assets

    folders = {name: assets.locate(name) for name in assets.ASSETS}
    missing = [name for name, folder in folders.items() if folder is None]
    if missing:
        detail = f"not in the cache: {', '.join(missing)}"
        return Check("Models", False, detail, "python course.py fetch")
    damaged = [name for name in folders if full and assets.verify(name)]
    if damaged:
        fix = f"python course.py fetch --repair {' '.join(damaged)}"
        return Check("Models", False, f"damaged: {', '.join(damaged)}", fix)
    checked = "every byte verified" if full else "complete (--full verifies every byte)"
    return Check("Models", True, f"{', '.join(folders)}: {checked}")


def check_disk(free: int | None = None) -> Check:
    """Disk: room for the notebooks, and for the models that are not there yet.

    Args:
        free: bytes, for trying this out; default is what the disk with the cache has.
    """
    import shutil

    from course_lib import assets

    cache = assets.cache_folder()  # it may not exist yet; its disk does
    place = next((p for p in (cache, *cache.parents) if p.is_dir()), Path.cwd())
    if free is None:
        free = shutil.disk_usage(place).free
    missing = [asset for name, asset in assets.ASSETS.items() if assets.locate(name) is None]
    needed = ROOM + sum(asset.disk_bytes for asset in missing)
    needed += max((asset.peak_bytes - asset.disk_bytes for asset in missing), default=0)
    detail = f"{free / 1e9:.1f} GB free in {place}"
    if free >= needed:
        return Check("Disk", True, detail)
    fix = f"free {(needed - free) / 1e9:.1f} GB there, or set COURSE_CACHE to another disk's folder"
    return Check("Disk", False, detail, fix)


def check_memory(available: int | None = None) -> Check:
    """Memory: enough of it is available for a notebook.

    Args:
        available: bytes, for trying this out; default is what this machine has.
    """
    import psutil

    if available is None:
        available = int(psutil.virtual_memory().available)
    total = psutil.virtual_memory().total
    detail = f"{available / 1e9:.1f} GB available of {total / 1e9:.1f} GB"
    if available >= MEMORY_WANTED:
        return Check("Memory", True, detail)
    enough = None if available >= MEMORY_NEEDED else False
    return Check("Memory", enough, detail, "close other programs, and notebooks you are done with")


def check_cores() -> Check:
    """Cores: how many there are, and how many threads the course gives to torch."""
    from course_lib.threads import available_cores, choose_threads

    try:
        threads = choose_threads()
    except ValueError as error:
        return Check("Cores", False, str(error), "correct or unset COURSE_THREADS")
    why = next((v for v in ("COURSE_THREADS", "OMP_NUM_THREADS") if os.environ.get(v)), "")
    detail = f"{available_cores()} available, {threads} for torch"
    return Check("Cores", True, f"{detail} (set by {why})" if why else detail)


def check_kernel() -> Check:
    """Jupyter kernel: the one that notebooks ask for runs this Python."""
    from importlib.util import find_spec

    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    if find_spec("ipykernel") is None:
        return Check("Kernel", False, "ipykernel is missing", SETUP)
    repair = f'"{sys.executable}" -m ipykernel install --sys-prefix'
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("Kernel", False, "Jupyter knows no kernel named python3", repair)
    # A bare "python" is the one that JupyterLab itself runs on.
    if Path(command).is_absolute() and not _same_python(command):
        return Check("Kernel", False, f"python3 runs another Python, {command}", repair)
    return Check("Kernel", True, "python3 runs this Python")


def _same_python(command: str) -> bool:
    """Whether a command starts this environment's Python; resolving links would merge all venvs."""
    here, there = Path(sys.executable), Path(command)
    return there.exists() and os.path.samefile(here.parent, there.parent)


def run(*, full: bool = False) -> list[Check]:
    """All checks; one that fails itself is reported like any other problem.

    Args:
        full: read every byte of the models, which takes about a second.

    >>> [check.name for check in run()]
    ['Python', 'Packages', 'Models', 'Disk', 'Memory', 'Cores', 'Kernel']
    """
    checks: dict[str, Callable[[], Check]] = {
        "Python": check_python,
        "Packages": check_packages,
        "Models": lambda: check_models(full),
        "Disk": check_disk,
        "Memory": check_memory,
        "Cores": check_cores,
        "Kernel": check_kernel,
    }
    return [_attempt(name, check) for name, check in checks.items()]


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a doctor who faints helps nobody
        detail = f"could not be checked ({type(error).__name__}: {error})"
        return Check(name, False, detail, SETUP)


def summary() -> None:
    """Print one line per check, the same on every healthy machine.

    A note, such as a package that is newer than the notebooks, counts as OK here; ``course doctor``
    shows it.

    Used in notebooks/00_start_here.ipynb.
    """
    for check in run():
        label = f"{check.name + ':':<10}"
        print(f"{label} FIX  {_problem(check)}" if check.ok is False else f"{label} OK")


def report(checks: Sequence[Check]) -> str:
    """The checks as aligned lines.

    >>> print(report([Check("Python", True, "3.11.7"), Check("Disk", False, "full", "make room")]))
    OK    Python    3.11.7
    FIX   Disk      full. Next step: make room
    """
    words = {True: "OK", None: "NOTE", False: "FIX"}
    return "\n".join(f"{words[c.ok]:<5} {c.name:<9} {_problem(c)}" for c in checks)


def _problem(check: Check) -> str:
    return f"{check.detail}. Next step: {check.fix}" if check.fix else check.detail


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; the exit status is 1 if something has to be fixed."""
    parser = argparse.ArgumentParser(prog="course doctor", description=__doc__)
    parser.add_argument("--full", action="store_true", help="read every byte of the models")
    checks = run(full=parser.parse_args(arguments).full)
    print(report(checks))
    broken = sum(check.ok is False for check in checks)
    print(f"\n{broken} to fix." if broken else "\nReady: python course.py lab")
    return int(broken > 0)
