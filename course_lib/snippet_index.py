"""docs/snippets.md: which notebook builds which function, and the command that copies it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path

from course_lib.snippet import course_library, find, public_names
from course_lib.snippet_source import Library, Module

_HEAD = """# Functions to copy

Each line: an idea, what it gives, and the command that writes it to a file of its own, with the
imports it needs and without `course_lib`. A test runs every one of these files where there is no
`course_lib`. This page is generated: `course snippet --index docs/snippets.md` writes it anew.
"""
_TABLE = "| Idea | What it gives | Copy it |\n|---|---|---|\n"


def index(library: Library | None = None, *, notebooks: Path | None = None) -> str:
    """The page as Markdown: a section for each notebook, a line for each name.

    A name whose docstring names no notebook stands where most of its module's names do.

    Args:
        library: where the names are; by default course_lib.
        notebooks: the folder of the notebooks, for their titles; by default the course's.

    Raises:
        ValueError: if no name of a module says where it is built.
    """
    library = library or course_library()
    folder = notebooks or library.folder.parent / "notebooks"
    names = public_names(library)
    told = {full: _notebook(*find(library, full)) for full in names}
    sections: dict[str, list[str]] = {}
    for full in names:
        stem = told[full] or _usual(full.split(".")[0], told)
        sections.setdefault(stem, []).append(_line(full, *find(library, full)))
    parts = [_HEAD]
    for stem in sorted(sections):
        title = _title(folder / f"{stem}.ipynb")
        table = _TABLE + "\n".join(sections[stem])
        parts.append(f"## {title}\n\n[Open the notebook](../notebooks/{stem}.ipynb)\n\n{table}\n")
    return "\n".join(parts)


def _line(full: str, module: Module, name: str) -> str:
    gives = _docstring(module, name).split("\n")[0].replace("|", "\\|")
    return f"| {_words(name)} | {gives} | `course snippet {full}` |"


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


def _words(name: str) -> str:
    """Change "top_k" to "top k" and "BytePairEncoder" to "byte pair encoder"; "BM25" stays."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")
    return " ".join(word if word.isupper() else word.lower() for word in spaced.split())


def _title(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells).split("\n")
    return next(line[2:].strip() for line in lines if line.startswith("# "))
