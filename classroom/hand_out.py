"""Give a learner their own copy of the notebooks, and never overwrite what the learner wrote.

Runs as the learner, at each start of their server (start.py). It needs the standard library alone.
The rest of the course is shared: links lead to it, and nobody but its owner can change it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
SHARED = ("README.md", "course_lib", "datasets", "docs", "pyproject.toml")  # notebooks point there
RECORD = ".handed_out.json"  # what this learner was given: notebook -> SHA-256, and "course"


def hand_out(course: Path, folder: Path) -> list[str]:
    """Bring a learner's folder up to date with the course.

    A notebook that the learner has not changed is replaced when the course has a newer one. One
    that they have changed stays, and the newer one is put beside it, once. One that they renamed or
    removed is handed out again: that is how to begin it anew.

    Args:
        course: the course, with its folder notebooks/.
        folder: the learner's; made if it is not there.

    Returns:
        What was done, a line for each notebook that was written.

    Raises:
        ValueError: if the course has no notebooks.
        OSError: if something cannot be read or written, a line for each. What stood there before is
            whole. One notebook that fails does not stop the others; a record that fails does.
    """
    sources = sorted((course / "notebooks").glob("*.ipynb"))
    if not sources:
        raise ValueError(f"course must be a folder with notebooks/*.ipynb, got {course}")
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    given = _read_record(folder)
    problems = []
    for name in SHARED:
        try:
            _link(course / name, folder / name, former=Path(given.get("course", course)) / name)
        except OSError as error:
            problems.append(f"{name}: {error}")
    if not problems:
        _remember(folder, given, "course", str(course))
    done = []
    for source in sources:
        try:
            new, what = _hand_out_one(source, folder / "notebooks" / source.name, given)
        except OSError as error:  # such as a folder of that name: the others are handed out
            problems.append(f"{source.name}: {error}")
            continue
        done += [f"{source.name}: {what}"] if what else []
        # After each one: should the disk be full at the next, this one is not given twice.
        _remember(folder, given, source.name, new)
    if problems:
        raise OSError("\n".join(problems))
    return done


def _hand_out_one(source: Path, target: Path, given: dict[str, str]) -> tuple[str, str]:
    """Hand out one notebook; the SHA-256 of its newest edition, and what was done, if anything."""
    content = source.read_bytes()
    new = hashlib.sha256(content).hexdigest()
    found, had = _sha256(target), given.get(source.name)
    if found is None or (found != new and found == had):
        _write(target, content)
        return new, "new" if found is None else "a newer one"
    if new in (found, had):
        return new, ""
    beside = _free_name(target)
    _write(beside, content)
    return new, f"yours stays; the newer one is {beside.name}"


def _link(shared: Path, link: Path, former: Path) -> None:
    """A link to something shared; what the learner has under that name stays.

    Args:
        shared: in the course.
        link: in the learner's folder.
        former: where the link led that was made the last time.
    """
    moved = former != shared and link.is_symlink() and link.readlink() == former
    if moved or (link.is_symlink() and not link.exists()):
        link.unlink(missing_ok=True)
    if shared.exists() and not link.exists():
        with contextlib.suppress(FileExistsError):  # a second server of this learner was faster
            link.symlink_to(shared, target_is_directory=shared.is_dir())


def _remember(folder: Path, given: dict[str, str], name: str, value: str) -> None:
    """Add to the record, if that is not in there."""
    if given.get(name) != value:
        given[name] = value
        _write(folder / RECORD, json.dumps(given, indent=1).encode())


def _read_record(folder: Path) -> dict[str, str]:
    """What was handed out, and from where; nothing if the record is not there or damaged.

    Without a record every notebook that differs counts as changed by the learner.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {str(name): str(sha256) for name, sha256 in record.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _sha256(file: Path) -> str | None:
    """SHA-256 of a file's content; None where there is no such file."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _free_name(target: Path) -> Path:
    """The first of NAME-new.ipynb, NAME-new2.ipynb and so on that is not taken."""
    number = 1
    while True:
        beside = target.with_name(f"{target.stem}-new{number if number > 1 else ''}.ipynb")
        if not beside.exists():
            return beside
        number += 1


def _write(file: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it: there is no half file."""
    # Not mkstemp, whose files a teacher's group cannot read, whatever the umask says.
    half = file.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        half.write_bytes(content)
        os.replace(half, file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Hand out from the command line; return 0, or 1 with a message on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the learner's folder, such as ~/course")
    parser.add_argument("--course", type=Path, default=COURSE, help="the course (default: this)")
    options = parser.parse_args(arguments)
    try:
        done = hand_out(options.course.resolve(), options.folder.expanduser())
    except (OSError, ValueError) as error:
        print(f"hand_out: {error}", file=sys.stderr)
        return 1
    print("\n".join(done) or "Nothing to do.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
