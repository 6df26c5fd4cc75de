"""The exercises' cells of a notebook: their gaps, and their solutions put in place."""

import ast
import copy
import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.exercises import registry
from course_lib.exercises.core import Exercise
from course_lib.export.names import ExportError, Statement, first_line, reads_of, statements
from course_lib.normalise import Cell, Notebook


@dataclass(frozen=True)
class Gap:
    """An exercise's cell, taken apart.

    Args:
        exercise: the exercise.
        index: the cell's place in the notebook.
        before: what stands above the stub, usually nothing.
        stub: what the learner replaces.
        after: what stands between the stub and the check, such as a call that shows a result.
        check: the last statement, ``check("2.1", my_function)``.
    """

    exercise: Exercise
    index: int
    before: str
    stub: str
    after: str
    check: str

    @property
    def names(self) -> set[str]:
        """What the learner defines."""
        return {name for one in statements(self.stub) for name in one.writes}


def gaps(notebook: Notebook) -> list[Gap]:
    """Every exercise of a notebook, in order.

    Raises:
        ExportError: if a cell marked as an exercise is not a stub with a check after it.
    """
    found = []
    for index, cell in enumerate(notebook["cells"]):
        exercise_id = cell["metadata"].get("exercise")
        if exercise_id:
            found.append(_gap(registry.find_exercise(exercise_id), index, cell["source"]))
    return found


def _gap(exercise: Exercise, index: int, source: str) -> Gap:
    parts = statements(source)
    stubs = [one for one in parts if one.writes and not one.is_import]
    if not stubs or not re.match(rf"check\(\s*['\"]{re.escape(exercise.id)}['\"]", parts[-1].text):
        raise ExportError(
            f"exercise {exercise.id}: its cell must define something and end with "
            f'check("{exercise.id}", ...), got {source!r}'
        )
    lines = source.splitlines()
    begin, end = first_line(stubs[0].node) - 1, stubs[-1].node.end_lineno or 0
    while lines[end].startswith(" "):  # "# your code here", which Python does not see
        end += 1
    last = first_line(parts[-1].node) - 1
    pieces = lines[:begin], lines[begin:end], lines[end:last], lines[last:]
    return Gap(exercise, index, *("\n".join(piece).strip("\n") for piece in pieces))


def code_before(notebook: Notebook, index: int) -> list[Statement]:
    """Every statement of the code cells before cell `index`, exercises and their help left out."""
    found: list[Statement] = []
    for cell in notebook["cells"][:index]:
        if cell["cell_type"] == "code" and not cell["metadata"].get("exercise"):
            found += [one for one in statements(cell["source"]) if not is_help(one)]
    return found


def is_help(statement: Statement) -> bool:
    """Whether it is `hint(...)` or `solution(...)`."""
    return re.match(r"(hint|solution)\(", statement.text) is not None


def without_help(source: str) -> str:
    """Code whose imports from `course_lib.exercises` bring no hint and no solution.

    >>> without_help("from course_lib.exercises import hint, check, solution  # to try")
    'from course_lib.exercises import check'
    """
    lines = source.splitlines()
    for one in reversed(statements(source)):
        if isinstance(one.node, ast.ImportFrom) and one.node.module == "course_lib.exercises":
            kept = [alias for alias in one.node.names if alias.name not in ("hint", "solution")]
            if len(kept) < len(one.node.names):
                short = [ast.unparse(ast.ImportFrom(one.node.module, kept, 0))] if kept else []
                lines[first_line(one.node) - 1 : one.node.end_lineno] = short
    return "\n".join(lines)


def solution_for(gap: Gap, before: Sequence[Statement]) -> str:
    """The solution as the notebook's cell wants it: under the stub's name, with its imports.

    Args:
        gap: the exercise's cell.
        before: the statements before it, whose names it can use.

    Raises:
        ExportError: if the solution does not define what the stub does.
    """
    text = gap.exercise.solution
    defined = {name for one in statements(text) for name in one.writes if not one.is_import}
    if gap.exercise.solution_source is None and len(defined) == len(gap.names) == 1:
        # The reference's own source, under the reference's name.
        text = re.sub(rf"\b{defined.pop()}\b", next(iter(gap.names)), text)
        defined = gap.names
    if not gap.names <= defined:
        raise ExportError(
            f"exercise {gap.exercise.id}: its solution must define {sorted(gap.names)}, "
            f"got {sorted(defined)}"
        )
    known = {name for one in before for name in one.writes}
    missing = sorted(reads_of(text) - known)
    imports = [_import_of(name, gap.exercise) for name in missing]
    return "\n".join([*imports, *([""] * 2 if imports else []), text])


def _import_of(name: str, exercise: Exercise) -> str:
    """The import that gives a solution a name which its notebook does not have."""
    stem = next(s for s in registry.module_names() if int(s[2:4]) == exercise.notebook)
    module = importlib.import_module(f"course_lib.exercises.{stem}")
    for one in statements(Path(str(module.__file__)).read_text(encoding="utf-8")):
        if name in one.writes:
            return one.text if one.is_import else f"from {module.__name__} import {name}"
    raise ExportError(f"exercise {exercise.id}: its solution uses {name}, which is nowhere")


def with_solutions(notebook: Notebook) -> Notebook:
    """A copy of a notebook with every solution in place; those cells have no outputs yet."""
    solved = copy.deepcopy(notebook)
    for gap in gaps(notebook):
        answer = solution_for(gap, code_before(notebook, gap.index))
        parts = [gap.before, answer, gap.after]
        # Two blank lines below a function, as the lessons have them.
        text = "\n".join(part for part in parts if part)
        blank = "\n\n\n" if re.search(r"^def ", answer, re.MULTILINE) else "\n"
        cell: Cell = solved["cells"][gap.index]
        cell.update(source=f"{text}{blank}{gap.check}", outputs=[], execution_count=None)
    return solved


def chosen(folder: Path, only: str | None) -> list[Path]:
    """The notebooks in a folder that ``--only 02,05`` means, all without it.

    Raises:
        ExportError: if there is none, or no such one.
    """
    from course_lib.lesson import BuildError, choose

    every = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not every:
        raise ExportError(f"there are no notebooks in {folder.name}/ (named NN_topic.ipynb)")
    try:
        some = [choose(every, one.strip()) for one in only.split(",")] if only else every
    except BuildError as error:
        raise ExportError(f"--only: {error}") from None
    return sorted(set(some))
