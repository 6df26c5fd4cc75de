"""Give a learner their own copy of the notebooks, and never overwrite what the learner wrote.

Runs as the learner, at each start of their server (start.py). It needs the standard library alone.
The rest of the course is shared: links lead to it, and nobody but its owner can change it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
SHARED = ("README.md", "course_lib", "datasets", "docs", "pyproject.toml")  # notebooks point there
RECORD = ".handed_out.json"  # what this learner was given: notebook -> SHA-256


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
        OSError: if something cannot be written. What stood there before is whole.
    """
    sources = sorted((course / "notebooks").glob("*.ipynb"))
    if not sources:
        raise ValueError(f"course must be a folder with notebooks/*.ipynb, got {course}")
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        _link(course / name, folder / name)
    given = _read_record(folder)
    done = []
    for source in sources:
        content = source.read_bytes()
        new = hashlib.sha256(content).hexdigest()
        target = folder / "notebooks" / source.name
        found = _sha256(target)
        if found is None or (found != new and found == given.get(source.name)):
            _write(target, content)
            done.append(f"{source.name}: {'new' if found is None else 'a newer one'}")
        elif found != new and given.get(source.name) != new:
            beside = _free_name(target)
            _write(beside, content)
            done.append(f"{source.name}: yours stays; the newer one is {beside.name}")
        if given.get(source.name) != new:
            given[source.name] = new
            # After each one: should the disk be full at the next, this one is not given twice.
            _write(folder / RECORD, json.dumps(given, indent=1).encode())
    return done


def _link(shared: Path, link: Path) -> None:
    """A link to something shared; what the learner has under that name stays."""
    if link.is_symlink() and not link.exists():
        link.unlink()  # the course has moved
    if shared.exists() and not link.exists():
        link.symlink_to(shared, target_is_directory=shared.is_dir())


def _read_record(folder: Path) -> dict[str, str]:
    """What was handed out; nothing if the record is not there or damaged.

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
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        os.chmod(name, 0o644)  # mkstemp's files are 0600, which a teacher's group cannot read
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
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
