"""Lessons, which an author edits: find them, and parse them into notebooks."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.normalise import CELL_OPTIONS, UNCOMPARED, Notebook

KNOWN_TAGS = (UNCOMPARED, "exercise")
_MARKER = re.compile(r"^\s*#\s*%%(?:%*\s|\s*$)")


class BuildError(RuntimeError):
    """A lesson that cannot be built, with its file and line in the message."""


@dataclass(frozen=True)
class Lesson:
    """A lesson parsed into a notebook, with the line of the file at which each cell's marker is."""

    path: Path
    notebook: Notebook
    markers: tuple[int, ...]

    @property
    def shown(self) -> str:
        """The lesson's path as messages show it: lessons/02_similarity_metrics.py."""
        return f"{self.path.parent.name}/{self.path.name}"


def choose(files: Sequence[Path], wanted: str) -> Path:
    """The file that a person means by ``02``, ``2``, ``02_similarity_metrics`` or its path.

    Raises:
        BuildError: if there is none; the message lists those that there are.
    """
    stem = Path(wanted.replace("\\", "/")).name.removesuffix(".py").removesuffix(".ipynb")
    for path in files:
        if stem == path.stem or stem.zfill(2) == path.stem.split("_")[0]:
            return path
    names = ", ".join(path.stem for path in files) or "none yet"
    raise BuildError(f"there is no {wanted!r}; there are: {names}")


def parse(path: Path) -> Lesson:
    """Read a lesson into a notebook that has not been executed.

    Raises:
        BuildError: if the file is not py:percent text, or a cell's header has an option or a tag
            that the course does not know.
    """
    import jupytext

    try:
        text = path.read_text(encoding="utf-8")
        parsed = jupytext.reads(text, fmt="py:percent")
    except Exception as error:  # jupytext passes on whatever its readers of YAML and JSON raise
        reason = str(error).strip().partition("\n")[0]
        raise BuildError(f"lessons/{path.name} cannot be read as py:percent: {reason}") from error
    notebook: Notebook = json.loads(json.dumps(parsed))
    lesson = Lesson(path, notebook, _markers(text, notebook))
    for line, cell in zip(lesson.markers, notebook["cells"], strict=True):
        # jupytext's notes about blank lines are not the author's
        metadata = {k: v for k, v in cell["metadata"].items() if not k.startswith("lines_to_")}
        unknown = [key for key in metadata if key not in CELL_OPTIONS]
        unknown += [tag for tag in metadata.get("tags", []) if tag not in KNOWN_TAGS]
        if unknown:
            raise BuildError(
                f"{lesson.shown}, line {line}: unknown in the cell's header: {', '.join(unknown)}; "
                f"a header may have {', '.join(CELL_OPTIONS)}, and the tags {', '.join(KNOWN_TAGS)}"
            )
        cell["metadata"] = metadata
    return lesson


def _markers(text: str, notebook: Notebook) -> tuple[int, ...]:
    """The line, from 1, of each cell's ``# %%``; jupytext does not say it.

    A string may hold a line that looks like a marker, so a code cell's first line must follow.
    """
    lines = text.splitlines()
    found: list[int] = []
    position = 0
    for cell in notebook["cells"]:
        first = cell["source"].partition("\n")[0]
        for at in range(position, len(lines)):
            follows = lines[at + 1] if at + 1 < len(lines) else ""
            # endswith: jupytext takes the comment sign off a magic command
            if _MARKER.match(lines[at]) and (
                follows.endswith(first) if cell["cell_type"] == "code" else "[m" in lines[at]
            ):
                position = at + 1
                break
        found.append(position)
    return tuple(found)


def read_notebook(path: Path) -> Notebook:
    """Read a notebook of any nbformat version as nested dicts and lists.

    Raises:
        FileNotFoundError: if there is no such file.
        BuildError: if it is not a notebook, half a merge for example.
    """
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        notebook: Notebook = json.loads(json.dumps(nbformat.reads(text, as_version=4)))
    except (ValueError, AttributeError, KeyError, nbformat.reader.NotJSONError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BuildError(f"{path.name} is not a readable notebook: {reason[:200]}") from error
    return notebook
