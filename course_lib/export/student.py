"""A class's copy of the course: it runs and checks, and carries no solution that shows."""

import ast
import copy
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from course_lib.exercises import registry
from course_lib.export.cells import is_help, without_help
from course_lib.export.names import statements
from course_lib.export.solved_by import all_solving
from course_lib.export.withholding import seal_definitions, sealed_exercises
from course_lib.normalise import Notebook, normalise, to_text

# Beside notebooks/ and course_lib/, what a copy needs to set itself up and run.
FILES = (
    *("course.py", "pyproject.toml", "constraints.txt", "environment.yml", ".gitignore"),
    *("LICENSE", "LICENSE-CC-BY-4.0", "datasets", "classroom", ".binder"),
)
# For authors and teachers; course_lib.cli shows no command whose module is not there.
LEFT_OUT = ("export", "site", "snippet*", "testing.py", "teaching.py", "generated.py", "watch_for*")
# They name the notebook that opens first.
OPENING = ("course_lib/cli.py", "classroom/jupyterhub_config.py", "classroom/z2jh.yaml")
FIRST = "00_start_here.ipynb"
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#]+)(?:#[^()\s]*)?\)")
JUNK = ("__pycache__", "*.pyc", ".*")  # what Python, editors and Jupyter leave behind

NOTE = """\
> This is a copy for a class. Hints and solutions are with your teacher; `check` works as described
> and says what differs. It does not accept an answer that calls the function of `course_lib` which
> solves the exercise."""
README = """\
# The machine learning an AI engineer needs: a copy for a class

Open it with `python course.py lab`. It needs Python 3.11, 3.12 or 3.13; the first start sets
everything up. `course progress`, in a terminal of JupyterLab, shows which exercises you have
solved.

The exercises have checks, and no hints and solutions: those are with your teacher. Some functions
of `course_lib` are the solution of an exercise. They run here, and do not show their source.
"""


def write_copy(root: Path, notebooks: list[Path], folder: Path) -> str:
    """Write a class's copy of the course.

    Args:
        root: the course.
        notebooks: which of its notebooks.
        folder: where to write; it exists and is empty.

    Returns:
        What to tell the person.
    """
    from course_lib.lesson import read_notebook

    for name in FILES:
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns(*JUNK)
            shutil.copytree(root / name, folder / name, ignore=ignored)
        elif (root / name).is_file():
            shutil.copy2(root / name, folder / name)
    (folder / "README.md").write_text(README, encoding="utf-8", newline="\n")
    (folder / "notebooks").mkdir()
    linked: set[str] = set()
    for path in notebooks:
        text = to_text(normalise(without_solutions(read_notebook(path))))
        (folder / "notebooks" / path.name).write_text(text, encoding="utf-8", newline="\n")
        linked |= set(re.findall(r"\]\(\.\./(docs/[\w./-]+)", text))
    for name in sorted(linked):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)
    _write_package(root, folder / "course_lib")
    for name in OPENING:
        _rewrite(folder / name, lambda text: text.replace(FIRST, notebooks[0].name))
    for page in [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]:
        _unlink_what_is_absent(page, root / page.relative_to(folder))
    return f"{len(notebooks)} notebooks without solutions, and the package that they need"


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    if changed != text:
        path.write_text(changed, encoding="utf-8", newline="\n")


def _unlink_what_is_absent(page: Path, original: Path) -> None:
    """Leave of a link to a file that is not in the copy its text, in a page or a notebook."""

    def replaced(match: re.Match[str]) -> str:
        text, target = match.groups()
        absent = (original.parent / target).exists() and not (page.parent / target).exists()
        return text if absent else match[0]

    _rewrite(page, lambda text: _LINK.sub(replaced, text))


def without_solutions(notebook: Notebook) -> Notebook:
    """A copy of a notebook without hints, solutions and what the exercises' cells showed."""
    student = copy.deepcopy(notebook)
    cells = []
    for cell in student["cells"]:
        if cell["cell_type"] == "code":
            parts = statements(cell["source"])
            if parts and all(is_help(one) for one in parts):
                continue
            cell["source"] = without_help(cell["source"])
            if cell["metadata"].get("exercise"):
                cell.update(outputs=[], execution_count=None)
        cells.append(cell)
    cells.insert(1, {"cell_type": "markdown", "metadata": {}, "source": NOTE, "id": ""})
    student["cells"] = cells
    return student


def names_used_of(root: Path) -> dict[str, set[str]]:
    """For each exercise module, the names that notebooks take from it."""
    package = "course_lib.exercises"
    modules = {f"{package}.{stem}": stem for stem in registry.module_names()}
    used: dict[str, set[str]] = defaultdict(set)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        parts = [
            inner
            for cell in cells
            if cell["cell_type"] == "code"
            for one in statements("".join(cell["source"]))
            for inner in ast.walk(one.node)
        ]
        called: dict[str, str] = {}  # what the notebook calls a module, such as "ex02" -> its name
        for node in parts:
            given: dict[str, str] = {}
            if isinstance(node, ast.Import):
                given = {one.asname: one.name for one in node.names if one.asname}
            elif isinstance(node, ast.ImportFrom) and node.module == package:
                given = {one.asname or one.name: f"{package}.{one.name}" for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module in modules:
                used[modules[node.module]] |= {one.name for one in node.names}
            called |= {name: modules[full] for name, full in given.items() if full in modules}
        for node in parts:
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in called:
                used[called[ast.unparse(node.value)]].add(node.attr)
    return used


def _write_package(root: Path, package: Path) -> None:
    ignored = shutil.ignore_patterns(*LEFT_OUT, *JUNK)
    shutil.copytree(root / "course_lib", package, ignore=ignored)
    used = names_used_of(root)
    for stem in registry.module_names():
        text = sealed_exercises(stem, used[stem])
        (package / "exercises" / f"{stem}.py").write_text(text, encoding="utf-8", newline="\n")
    solving: dict[str, list[str]] = defaultdict(list)
    for name in all_solving():
        module, _, qualified = name.partition(":")
        if not module.startswith("course_lib.exercises."):
            solving[module].append(qualified)
    for module, names in solving.items():
        path = package.parent / (module.replace(".", "/") + ".py")
        text = seal_definitions(path.read_text(encoding="utf-8"), names)
        path.write_text(text, encoding="utf-8", newline="\n")
