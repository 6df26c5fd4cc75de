"""Which exercises this learner has tried and passed, in one small file of their own."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import course_lib

APP = "ml-for-ai-engineers"
LOCK_SECONDS = 5.0


class ProgressError(RuntimeError):
    """The progress file cannot be used; the message says what to do."""


class Entry(TypedDict):
    """What is known of one exercise."""

    tries: int
    passed: bool


def progress_path() -> Path | None:
    """Where progress is kept: COURSE_PROGRESS, or the user's data folder; None when it is off.

    Raises:
        ProgressError: if the file would lie inside the course's repository.
    """
    setting = os.environ.get("COURSE_PROGRESS", "")
    if setting.lower() == "off":
        return None
    if setting:
        path = Path(setting).expanduser().resolve()
    else:
        from platformdirs import user_data_path

        path = user_data_path(APP, appauthor=False) / "progress.json"
    if path.is_relative_to(course_lib.ROOT):
        raise ProgressError(
            f"COURSE_PROGRESS must name a file outside the course's folder, got {path}. "
            "Choose another place, or unset it to use your own data folder."
        )
    return path


def record(exercise_id: str, passed: bool) -> str:
    """Count one try. Progress never stands in the way of learning: problems come back as text.

    Args:
        exercise_id: as in "2.1".
        passed: whether the answer was right.

    Returns:
        "" or one sentence about why progress is not kept.
    """
    try:
        path = progress_path()
        if path is None:
            return ""
        with _locked(path):
            entries, note = _read(path, repair=True)
            entry = entries.get(exercise_id, Entry(tries=0, passed=False))
            entries[exercise_id] = Entry(tries=entry["tries"] + 1, passed=entry["passed"] or passed)
            _write(path, entries)
    except ProgressError as error:
        return f"Progress is not kept: {error}"
    except OSError as error:
        return f"Progress is not kept: {error.strerror or type(error).__name__}."
    return note


def read() -> dict[str, Entry]:
    """Read what has been recorded; empty when nothing was, or when progress is off.

    Raises:
        ProgressError: if the file is damaged.
    """
    path = progress_path()
    return _read(path, repair=False)[0] if path is not None else {}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock, so that two kernels that record at once lose nothing."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise ProgressError(
            f"another program holds {path}.lock. Close other notebooks and try again."
        ) from None


def _read(path: Path, *, repair: bool) -> tuple[dict[str, Entry], str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, ""
    except UnicodeDecodeError:
        text = ""
    try:
        saved = json.loads(text)["exercises"]
        return {
            str(key): Entry(tries=int(value["tries"]), passed=bool(value["passed"]))
            for key, value in saved.items()
        }, ""
    except (ValueError, KeyError, TypeError, AttributeError):
        if not repair:
            raise ProgressError(
                f"the progress file {path} is damaged. The next check() sets it aside and starts "
                "a new one; `course progress --reset` does so now."
            ) from None
        backup = _set_aside(path)
        return {}, f"The progress file was damaged: it is kept as {backup.name}, a new one began."


def _set_aside(path: Path) -> Path:
    """Rename the file to the first free name among progress.json.bak1, .bak2 and so on."""
    number = 1
    while (backup := path.with_name(f"{path.name}.bak{number}")).exists():
        number += 1
    path.replace(backup)
    return backup


def _write(path: Path, entries: dict[str, Entry]) -> None:
    text = json.dumps({"version": 1, "exercises": dict(sorted(entries.items()))}, indent=1)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def table(entries: dict[str, Entry]) -> str:
    """Lay out one line per notebook, and its exercises' ids with their state."""
    from course_lib.exercises import registry

    rows = []
    for name in registry.module_names():
        ids = [exercise.id for exercise in registry.exercises_of(name)]
        if not ids:
            continue
        tried = [i for i in ids if i in entries]
        passed = [i for i in tried if entries[i]["passed"]]
        left = [i for i in ids if i not in passed]
        title = f"{name[2:4]} {name[5:].replace('_', ' ')}"
        rows.append((title, str(len(passed)), str(len(tried)), str(len(ids)), " ".join(left)))
    if not rows:
        return "The course has no exercises yet."
    passed_all, tried_all, all_ids = (str(sum(int(row[i]) for row in rows)) for i in (1, 2, 3))
    rows.append(("all", passed_all, tried_all, all_ids, ""))
    width = max(len(row[0]) for row in rows)
    lines = [f"{'notebook':<{width}}  passed  tried  exercises  still to pass"]
    lines += [f"{t:<{width}}  {p:>6}  {a:>5}  {n:>9}  {left}".rstrip() for t, p, a, n, left in rows]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Run `course progress`: print the table, or start again with `--reset`.

    Args:
        argv: the arguments after `course progress`.

    Returns:
        0, or 1 with a message on stderr when the progress file cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="course progress", description="Show which exercises you have passed."
    )
    parser.add_argument(
        "--reset", action="store_true", help="start again; the old file is kept as a backup"
    )
    options = parser.parse_args(argv)
    try:
        path = progress_path()
        if path is None:
            print("Progress is off: COURSE_PROGRESS is set to off.")
            return 0
        if options.reset:
            return _reset(path)
        print(table(read()))
        print(f"\nKept in {path}")
    except ProgressError as error:
        print(f"course progress: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"course progress: {error}", file=sys.stderr)
        return 1
    return 0


def _reset(path: Path) -> int:
    with _locked(path):
        if not path.exists():
            print("There is no progress to reset.")
            return 0
        print(f"Progress starts again; what there was is kept in {_set_aside(path)}")
    return 0
