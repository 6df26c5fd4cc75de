"""Rehearse a class: learners who run a notebook at once on a JupyterHub here, and their memory.

    python -m classroom.rehearse --users 6 --notebook 01
    python -m classroom.rehearse --users 1 --notebook all

It needs Linux, the extra [classroom] and the models. Nothing is left when it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from classroom.local_hub import COURSE, MIB, Hub, Learner, memory_of, running

NEEDED = ("jupyterhub", "configurable_http_proxy", "psutil", "tornado")
ROLLUP = Path("/proc/self/smaps_rollup")
GIB = 2**30


def missing() -> str:
    """What keeps a rehearsal from running here, and what to do; "" if nothing does."""
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed. Next step: pip install -e '.[classroom]'"
    if not sys.platform.startswith("linux"):
        return "memory per learner can be measured on Linux alone"
    if not ROLLUP.exists():  # a sandbox's kernel
        return f"memory per learner cannot be measured here: there is no {ROLLUP}"
    return ""


def models_folder() -> Path:
    """The folder of this machine's model cache that a class would share.

    Raises:
        FileNotFoundError: if the models are not there.
    """
    from course_lib import assets

    found = assets.locate("minilm")
    if found is None:
        raise FileNotFoundError("the models are not here. Next step: course fetch")
    return found.parent


async def rehearse(hub: Hub, names: Sequence[str], notebook: str) -> list[Learner]:
    """Start a server for everybody, then let everybody run the same notebook at the same time.

    Args:
        hub: it runs.
        names: the learners'.
        notebook: file name, such as "01_embeddings.ipynb".

    Returns:
        The learners, with the memory they needed; their notebooks are still open.
    """
    learners = list(await asyncio.gather(*map(hub.learner, names)))
    for one in learners:
        one.before = one.peak = memory_of(one.pid)
    watching = asyncio.create_task(_watch(learners))
    try:
        await asyncio.gather(*(one.run(f"course/notebooks/{notebook}") for one in learners))
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching  # what went wrong in it goes wrong here
    for one in learners:
        one.after = memory_of(one.pid)
    return learners


async def _watch(learners: list[Learner]) -> None:
    """Look five times a second, or less often if looking takes long; keep the largest samples."""
    while True:
        started = time.monotonic()
        for one in learners:
            now = await asyncio.to_thread(memory_of, one.pid)
            one.peak = max(one.peak, now, key=lambda memory: memory.own)
        await asyncio.sleep(max(0.2, 10 * (time.monotonic() - started)))


def report(hub: Hub, learners: list[Learner], notebook: str) -> str:
    """What the learners needed, as a table, and how many of them fit; the hub still runs."""
    own = memory_of(hub.process.pid).own - sum(memory_of(one.pid).own for one in learners)
    lines = [
        f"{len(learners)} at once ran {notebook} on {os.cpu_count()} cores; MiB per"
        " learner, mean (highest)",
        f"{'':<28}{'own':>14}{'with share':>14}{'resident':>14}",
    ]
    for title, memories in {
        "server, no notebook": [one.before for one in learners],
        "most while it ran": [one.peak for one in learners],
        "afterwards, notebook open": [one.after for one in learners],
    }.items():
        columns = ([getattr(m, name) for m in memories] for name in ("own", "share", "resident"))
        texts = (f"{sum(c) / len(c) / MIB:.0f} ({max(c) / MIB:.0f})" for c in columns)
        lines.append(f"{title:<28}" + "".join(f"{text:>14}" for text in texts))
    once = max(one.after.resident - one.after.own for one in learners)
    lines += [
        f"shared by all, once, at most: {once / MIB:.0f} MiB (libraries, the model's file)",
        f"hub and proxy: {own / MIB:.0f} MiB",
        f"seconds: {min(one.seconds for one in learners):.0f} to"
        f" {max(one.seconds for one in learners):.0f}",
    ]
    for title, mean in {
        "all at work at once": mean_peak(learners),
        "notebook open": sum(one.after.own for one in learners) / len(learners),
    }.items():
        lines.append(f"learners per GiB, {title}: {GIB / mean:.2f}")
    return "\n".join(lines)


def mean_peak(learners: list[Learner]) -> float:
    """Bytes of their own that learners needed at most, on average."""
    return sum(one.peak.own for one in learners) / len(learners)


def table(seen: dict[str, list[Learner]]) -> str:
    """How many learners fit for each notebook, as a Markdown table.

    Args:
        seen: notebook's file name -> the learners who ran it.
    """
    lines = [
        "| Notebook | One learner, GiB | Learners per GiB | 30 learners, GiB | Shared, GiB"
        " | Seconds |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for notebook, learners in sorted(seen.items()):
        own = mean_peak(learners) / GIB
        shared = max(one.peak.resident - one.peak.own for one in learners) / GIB
        seconds = max(one.seconds for one in learners)
        name = notebook.removesuffix(".ipynb")
        # Rounded to the safe side: more memory, fewer learners.
        shown = math.ceil(100 * own) / 100
        columns = (
            f"{shown:.2f}",
            f"{math.floor(10 / shown) / 10:.1f}",
            f"{math.ceil(30 * own)}",
            f"{math.ceil(10 * shared) / 10:.1f}",
            f"{seconds:.0f}",
        )
        lines.append(f"| {name} | {' | '.join(columns)} |")
    return "\n".join(lines)


async def _main(users: int, notebooks: Sequence[str]) -> int:
    seen: dict[str, list[Learner]] = {}
    for notebook in notebooks:
        # A hub and homes of its own for each: nothing is left of the notebook before.
        with tempfile.TemporaryDirectory(prefix="course-hub-") as folder:
            async with running(models_folder(), Path(folder)) as hub:
                names = [f"learner{number}" for number in range(1, users + 1)]
                seen[notebook] = await rehearse(hub, names, notebook)
                print(report(hub, seen[notebook], notebook), flush=True)
    if len(seen) > 1:
        print("\nAt most, while they ran:\n\n" + table(seen))
    failed = [
        (one, error) for learners in seen.values() for one in learners for error in one.errors
    ]
    for one, error in failed:
        print(f"{one.name}: {error}", file=sys.stderr)
    return int(bool(failed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse from the command line; return 0, 1 if something failed, or 130 if it was stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m classroom.rehearse", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--users", type=int, default=6, help="how many learners (default: 6)")
    parser.add_argument(
        "--notebook",
        nargs="+",
        default=["01"],
        metavar="NN",
        help="which, one after another, or `all` (default: 01)",
    )
    options = parser.parse_args(arguments)
    if options.users < 1:
        parser.error(f"--users must be 1 or more, got {options.users}")
    try:
        notebooks = named(options.notebook)
    except ValueError as error:
        parser.error(str(error))
    problem = missing()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    from tornado.httpclient import HTTPClientError

    try:
        return asyncio.run(_main(options.users, notebooks))
    except (OSError, RuntimeError, HTTPClientError) as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is left.", file=sys.stderr)
        return 130


def named(numbers: Sequence[str]) -> list[str]:
    """The file names of the notebooks with these numbers, or of all for "all".

    Raises:
        ValueError: if there is no notebook of a number.
    """
    there = {path.name[:2]: path.name for path in (COURSE / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    wanted = sorted(there) if list(numbers) == ["all"] else list(dict.fromkeys(numbers))
    for number in wanted:
        if number not in there:
            have = ", ".join(sorted(there))
            raise ValueError(f"--notebook must be `all` or of {have}; got {number!r}")
    return [there[number] for number in wanted]


if __name__ == "__main__":
    sys.exit(main())
