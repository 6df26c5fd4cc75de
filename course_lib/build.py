"""From a lesson's text to the notebook that a learner opens: parse, execute, normalise, write.

``lessons/NN_topic.py`` (py:percent) becomes ``notebooks/NN_topic.ipynb``, executed in a fresh
kernel without a network, and the same bytes each time. `main` is the command ``course build``.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from course_lib import ROOT
from course_lib.execute import (
    CELL_TIMEOUT,
    Failure,
    kernel_environment,
    nbval_command,
    run_loop,
    run_pinned,
)
from course_lib.lesson import BuildError, Lesson, choose, parse, read_notebook
from course_lib.normalise import (
    Notebook,
    first_difference,
    keep_outputs,
    machine_paths,
    normalise,
    output_texts,
    to_text,
)

__all__ = ["build", "kernel_environment", "main", "nbval_command"]


async def build(
    path: Path,
    root: Path = ROOT,
    *,
    refresh: bool = False,
    timeout: float = CELL_TIMEOUT,
    position: int | None = None,
) -> tuple[Lesson, Notebook]:
    """Parse, execute and normalise one lesson; nothing is written.

    Args:
        path: the lesson.
        root: the folder with notebooks/, whose committed notebook lends the outputs to keep.
        refresh: take every output anew, those of uncompared cells too.
        timeout: seconds for one cell.
        position: the row of the progress bar when several lessons are built at once.

    Raises:
        BuildError: if the lesson cannot be parsed, a cell fails, or an output names a folder of
            this machine.
    """
    lesson = parse(path)
    failure = await run_pinned(
        lesson.notebook,
        path.stem,
        root / "notebooks",
        place=lambda index: f"line {lesson.markers[index]}",
        position=position,
        timeout=timeout,
    )
    if failure is not None:
        raise BuildError(describe(lesson, failure))
    notebook = normalise(lesson.notebook)
    committed = _committed(root, path.stem)
    if committed is not None and not refresh:
        notebook = keep_outputs(notebook, committed)
    folders = (str(root), str(ROOT), str(Path.home()), tempfile.gettempdir())
    for line, cell in zip(lesson.markers, notebook["cells"], strict=True):
        for kind, text in output_texts(cell):
            for found in machine_paths(text, folders):
                raise BuildError(
                    f"{lesson.shown}, line {line}: the cell's output ({kind}) names a folder of "
                    f"this machine: {found}. Show a name or a relative path instead."
                )
    return lesson, notebook


def describe(lesson: Lesson, failure: Failure) -> str:
    """Which line of the lesson failed, the cell around it, and the error."""
    marker = lesson.markers[failure.index]
    source = lesson.notebook["cells"][failure.index]["source"].splitlines()
    known = 0 < failure.line <= len(source)
    line = marker + (failure.line if known else 1)
    listing = [
        f"{'>' if known and number == line else ' '} {number:5d}  {text}"
        for number, text in enumerate(source, start=marker + 1)
    ]
    traceback = failure.traceback.splitlines()
    return "\n".join(
        [
            f"{lesson.shown}, line {line}: {failure.error}",
            "",
            *listing,
            *(["", "The traceback's end:", *traceback[-15:]] if traceback else []),
        ]
    )


def check(lesson: Lesson, notebook: Notebook, root: Path = ROOT) -> str:
    """What differs between a notebook built now and the committed one; empty if nothing does."""
    name = f"notebooks/{lesson.path.stem}.ipynb"
    committed = _committed(root, lesson.path.stem)
    if committed is None:
        return f"{name} does not exist or cannot be read."
    difference = first_difference(committed, notebook)
    if difference is None:
        # as text, so that line ends changed by a checkout do not count
        text = (root / name).read_text(encoding="utf-8")
        same = text == to_text(notebook)
        return "" if same else f"{name} has the right content but was saved by another program."
    index, text = difference
    at = f" ({lesson.shown}, line {lesson.markers[index]})" if index < len(lesson.markers) else ""
    return f"{name}, cell {index + 1}{at}: {text}"


def _committed(root: Path, stem: str) -> Notebook | None:
    try:
        return read_notebook(root / "notebooks" / f"{stem}.ipynb")
    except (FileNotFoundError, BuildError):
        return None  # an unreadable one is replaced


def write(text: str, path: Path) -> bool:
    """Replace a file in one step, and only when its content changes; say whether it did."""
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # mkstemp's files are for their owner alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


async def _build_all(lessons: Sequence[Path], options: argparse.Namespace, root: Path) -> int:
    slots = asyncio.Semaphore(options.jobs)

    async def one(position: int, path: Path) -> bool:
        async with slots:
            started = time.monotonic()
            try:
                lesson, notebook = await build(
                    path, root, refresh=options.refresh, timeout=options.timeout, position=position
                )
            except BuildError as error:
                left = "" if options.check else "\nThe notebook in notebooks/ is left as it was."
                print(f"\n{error}{left}", file=sys.stderr)
                return False
            name = f"notebooks/{path.stem}.ipynb"
            if options.check:
                problem = check(lesson, notebook, root)
                state = "is up to date"
                if problem:
                    print(f"\n{problem}\nNext: course build {path.stem[:2]}", file=sys.stderr)
                    return False
            else:
                state = "unchanged"
                if write(to_text(notebook), root / name):
                    state = "written"
            print(f"{name}: {state} ({time.monotonic() - started:.0f} s)", flush=True)
            return True

    built = await asyncio.gather(*(one(*numbered) for numbered in enumerate(lessons)))
    return 0 if all(built) else 1


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run ``course build``; return 0 when all is well, 1 when a lesson fails or differs."""
    parser = argparse.ArgumentParser(prog="course build", description="lessons/ -> notebooks/")
    parser.add_argument("lessons", nargs="*", metavar="NN", help="which; all without it")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show the first difference, exit 1"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="keep no committed output, take every one anew"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="lessons at a time")
    parser.add_argument("--timeout", type=float, default=CELL_TIMEOUT, help="seconds for a cell")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    every = sorted((root / "lessons").glob("[0-9][0-9]_*.py"))
    try:
        chosen = [choose(every, wanted) for wanted in options.lessons] or every
        if not chosen:
            raise BuildError("there are no lessons in lessons/ (named NN_topic.py)")
        (root / "notebooks").mkdir(exist_ok=True)
        return run_loop(_build_all(list(dict.fromkeys(chosen)), options, root))
    except BuildError as error:
        print(f"course build: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the lessons not finished have changed nothing.", file=sys.stderr)
        return 130
