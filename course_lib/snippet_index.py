"""docs/snippets.md: concept, notebook, function, and the command that copies the function."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from course_lib.snippet import course_library, find, public_names
from course_lib.snippet_concepts import ALSO, CONCEPTS, NOTHING
from course_lib.snippet_source import Library, Module

_HEAD = """# Functions to copy

From a concept to the notebook that teaches it, its function, and the command that writes this
function to a file of its own, with the imports it needs and without `course_lib`. A test runs every
one of these files where there is no `course_lib`. `course` stands for `python course.py`. This page
is generated: `course snippet --index docs/snippets.md` writes it anew.

## By concept

Each leads to its notebook's functions below.
"""
_TABLE = "| Concept | Function | What it gives | Copy it |\n|---|---|---|---|\n"
_WIDTH = 120  # of a line in the list


def index(
    library: Library | None = None,
    *,
    notebooks: Path | None = None,
    concepts: Mapping[str, str] = CONCEPTS,
    also: Mapping[str, str] = ALSO,
    nothing: Mapping[str, str] = NOTHING,
) -> str:
    """The page as Markdown: a list by concept, then a section for each notebook.

    A name whose docstring names no notebook stands where most of its module's names do.

    Args:
        library: where the names are; by default course_lib.
        notebooks: the folder of the notebooks, for their titles; by default the course's.
        concepts: "module.name" -> what it is called in the field, one for each name.
        also: further words for the list -> "module.name".
        nothing: stem of a notebook without a name -> the sentence that says why.

    Raises:
        ValueError: if no name of a module says where it is built, a name has no concept or a
            concept no name, two are the same, or a notebook has neither a name nor a reason.
    """
    library = library or course_library()
    folder = notebooks or library.folder.parent / "notebooks"
    names = public_names(library)
    told = {full: _notebook(*find(library, full)) for full in names}
    place = {full: told[full] or _usual(full.split(".")[0], told) for full in names}
    stems = {path.stem for path in folder.glob("*.ipynb")}
    _check(names, concepts, also)
    _same("a notebook without a name to copy", stems - set(place.values()), set(nothing))
    titles = {stem: _title(folder / f"{stem}.ipynb") for stem in sorted(stems)}
    shown = {concepts[full].split(":")[0]: full for full in names}
    shown |= {f"{said} (`{full.split('.')[1]}`)": full for said, full in also.items()}
    links = {said: _anchor(titles[place[full]]) for said, full in shown.items()}
    parts = [_HEAD, _by_letter(links)]
    for stem, title in titles.items():
        lines = [
            _line(concepts[full], full, *find(library, full))
            for full in names
            if place[full] == stem
        ]
        body = _TABLE + "\n".join(lines) if lines else nothing[stem]
        parts.append(f"## {title}\n\n[Open the notebook](../notebooks/{stem}.ipynb)\n\n{body}\n")
    return "\n".join(parts)


def _check(names: list[str], concepts: Mapping[str, str], also: Mapping[str, str]) -> None:
    _same("a name to copy", set(names), set(concepts))
    unknown = sorted(set(also.values()) - set(names))
    if unknown:
        raise ValueError(f"other words lead to {', '.join(unknown)}, which cannot be copied")
    said = [concept.split(":")[0].casefold() for concept in concepts.values()]
    said += [words.casefold() for words in also]
    twice = sorted(words for words, times in Counter(said).items() if times > 1)
    if twice:
        raise ValueError(f"a concept must stand once, given twice: {', '.join(twice)}")


def _same(what: str, wanted: set[str], given: set[str]) -> None:
    """Refuse texts of snippet_concepts that are missing, or that nothing wants any more."""
    for problem, found in (("has no text", wanted - given), ("is no more", given - wanted)):
        if found:
            raise ValueError(f"snippet_concepts.py: {what} {problem}: {', '.join(sorted(found))}")


def _by_letter(links: Mapping[str, str]) -> str:
    """A line for each letter, with its concepts as links, in the order of a dictionary."""
    letters: dict[str, list[str]] = {}
    for said in sorted(links, key=str.casefold):
        letters.setdefault(said[0].upper(), []).append(f"[{said}](#{links[said]})")
    return (
        "\n".join(_wrapped(f"- **{key}** · ", entries) for key, entries in letters.items()) + "\n"
    )


def _wrapped(start: str, entries: list[str]) -> str:
    lines = [start + entries[0]]
    for entry in entries[1:]:
        if len(lines[-1]) + len(entry) + 3 <= _WIDTH:
            lines[-1] += f" · {entry}"
        else:
            lines[-1] += " ·"
            lines.append(f"  {entry}")
    return "\n".join(lines)


def _anchor(title: str) -> str:
    """The heading's anchor, as GitHub and the site's MyST make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _line(concept: str, full: str, module: Module, name: str) -> str:
    gives = _docstring(module, name).split("\n")[0].replace("|", "\\|")
    return f"| {concept} | `{name}` | {gives} | `course snippet {full}` |"


def _docstring(module: Module, name: str) -> str:
    node = next(unit.node for unit in module.defines[name] if unit.is_definition)
    assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    return ast.get_docstring(node) or ""


def _notebook(module: Module, name: str) -> str:
    for text in (_docstring(module, name), module.text):
        found = re.search(r"(?:Built|[Uu]sed) in notebooks/(\w+)\.ipynb", text)
        if found:
            return found[1]
    return ""


def _usual(short: str, told: dict[str, str]) -> str:
    found = Counter(stem for full, stem in told.items() if stem and full.startswith(f"{short}."))
    if not found:
        raise ValueError(f'a name of {short} must say "Built in notebooks/NN_topic.ipynb."')
    return found.most_common(1)[0][0]


def _title(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells).split("\n")
    return next(line[2:].strip() for line in lines if line.startswith("# "))
