"""The command ``course export``: the course for a class, in a folder of its own."""

import argparse
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from course_lib import ROOT
from course_lib.export import assignment, instructor, student
from course_lib.export.cells import chosen
from course_lib.export.names import ExportError

_DESCRIPTION = """\
Write the course for a class into DIR, which must not exist yet or be empty.

  --instructor   every notebook with its solutions in place, executed, all checks green
  --student      the course without hints and solutions; its checks work
  --nbgrader     assignments to hand out, collect and grade with nbgrader"""
_LIMITS = """\
What --student keeps from a class: hint() and solution() show nothing, the package has no hints,
solutions and known mistakes, and a function that solves an exercise runs without showing its
source. check() and nbgrader's tests refuse an answer that calls it. What it does not: the course is
public, so whoever looks for a solution finds it there, and a sealed source can be unsealed."""

# What the next export would take for the course's own, and git for a change of it.
_OWN = sorted(
    {*student.FILES, "benchmarks", "course_lib", "docs", "lessons", "notebooks", "tests"}
    | {".git", ".github"}
)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run ``course export``; return 0, or 1 when nothing could be written."""
    parser = argparse.ArgumentParser(
        prog="course export",
        description=_DESCRIPTION,
        epilog=_LIMITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_mutually_exclusive_group(required=True)
    for kind in ("instructor", "student", "nbgrader"):
        kinds.add_argument(f"--{kind}", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="NN,NN", help="these notebooks; all without it")
    parser.add_argument(
        "--no-run",
        action="store_true",
        help="execute nothing: minutes faster, and nothing is proved (--student never does)",
    )
    options = parser.parse_args(arguments)
    folder, write = _task(options, root)
    try:
        _refuse_inside(folder, root)
        with _finished_or_not_there(folder) as unfinished:
            done = write(chosen(root / "notebooks", options.only), unfinished)
    except (ExportError, OSError) as error:
        print(f"course export: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped; {folder} was not written.", file=sys.stderr)
        return 130
    print(f"{folder}: {done}")
    return 0


def _task(
    options: argparse.Namespace, root: Path
) -> tuple[Path, Callable[[list[Path], Path], str]]:
    run = not options.no_run
    if options.instructor:
        return options.instructor, lambda some, to: instructor.write_edition(some, to, run=run)
    if options.student:
        return options.student, lambda some, to: student.write_copy(root, some, to)
    return options.nbgrader, lambda some, to: assignment.write_assignments(some, to, run=run)


def _refuse_inside(folder: Path, root: Path) -> None:
    """Refuse a folder among the course's own files, where it would be copied into itself."""
    for name in _OWN:
        if folder.resolve().is_relative_to((root / name).resolve()):
            raise ExportError(f"DIR must lie outside {name}/, which is the course's, got {folder}")


@contextmanager
def _finished_or_not_there(folder: Path) -> Iterator[Path]:
    """A folder to write to; once all is written it becomes `folder`, or what `folder` holds.

    An existing folder stays the same one: it may be the shell's own, or a disk's.

    Raises:
        ExportError: if `folder` holds something already.
    """
    target = folder.resolve()
    exists = target.is_dir()
    if target.is_file() or (exists and any(target.iterdir())):
        raise ExportError(f"DIR must be a new or empty folder, got {folder}, which holds something")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = (target if exists else target.parent) / f".{target.name}-{secrets.token_hex(4)}"
    unfinished.mkdir()  # not mkdtemp: its folders are for their owner alone, whatever the umask
    try:
        yield unfinished
        if exists:
            _move_up(unfinished)
        else:
            os.replace(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _move_up(folder: Path) -> None:
    """Move all that a folder holds into the folder around it, or nothing."""
    moved: list[Path] = []
    try:
        for path in sorted(folder.iterdir()):
            moved.append(path.rename(folder.parent / path.name))
        folder.rmdir()
    except BaseException:
        for path in moved:
            path.rename(folder / path.name)
        raise
