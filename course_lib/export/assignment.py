"""nbgrader assignments: one for each notebook, with the exercises and what they need to run."""

import re
from pathlib import Path
from typing import Any

from course_lib.export.cells import Gap, code_before, gaps, solution_for, without_help
from course_lib.export.instructor import execute_all, require_green
from course_lib.export.names import ExportError, Statement, needed_by, reads_of
from course_lib.normalise import Cell, Notebook, normalise, to_text
from course_lib.teaching import stated_in

POINTS = {"easy": 1, "medium": 2, "hard": 3, "any level": 2}
CONFIG = """\
# The settings of nbgrader for this folder. Run nbgrader here: nbgrader generate_assignment NAME
c = get_config()
c.CourseDirectory.course_id = "ml-for-ai-engineers"
# The stub stands above the solution, so nothing takes the solution's place.
c.ClearSolutions.code_stub = {"python": ""}
c.ExecutePreprocessor.timeout = 300  # seconds for a cell
"""
INTRODUCTION = """\
The exercises of this notebook of the course; read it first. Fill the gaps: `check` says what
differs. An answer that calls the function of `course_lib` which solves its exercise gets no
points, and neither does one that takes more from `course_lib.exercises` than this notebook does."""
README = """\
# Assignments for nbgrader

`source/` holds one assignment for each notebook: its exercises and the lines that they need, with
the solutions. nbgrader takes the solutions and the hidden tests out for the students.

1. `pip install nbgrader` into the environment of the course, activate it (nbgrader starts helper
   programs by name), and work in this folder.
2. `nbgrader generate_assignment {first}` writes `release/{first}/`. Give it to the students, with
   the folder that `course export --student` makes: the notebook needs its `course_lib`.
3. Put what they hand in into `submitted/STUDENT/{first}/{first}.ipynb`.
4. `nbgrader autograde {first}`, then `nbgrader generate_feedback {first}` and
   `nbgrader export`, which writes `grades.csv`.

An easy exercise gives 1 point, a medium one 2, a hard one 3, one on a student's own text 2; change
them in the notebooks in `source/` or in nbgrader's formgrader. An answer gets all of its points or
none. The tests run the whole check of the course, and refuse an answer that calls the function of
`course_lib` which solves the exercise. From the first cell that names `course_lib.exercises` or
`course_lib.export` on, a notebook gets no points.

Run `autograde` with the complete course, not with the students' copy. nbgrader runs what students
wrote: use an account or a container that holds nothing else. The complete course has every
solution, and an answer can reach it: the tests do not find a name put together from pieces, nor an
answer that replaces the check. So look into the answers for `exercises`, `import_module`, `exec`
and `grade`: points alone do not prove that a student solved an exercise.
"""


def write_assignments(notebooks: list[Path], folder: Path, *, run: bool) -> str:
    """Write an nbgrader course: source/, the settings and how to use them.

    Args:
        notebooks: the course's own.
        folder: where to write; it exists and is empty.
        run: execute each assignment with its solutions, and want all points.

    Returns:
        What to tell the person.

    Raises:
        ExportError: if an assignment's own solutions do not get all points.
    """
    from course_lib.lesson import read_notebook

    total = 0
    for path in notebooks:
        notebook = assignment(read_notebook(path))
        total += sum(points_of(cell) for cell in notebook["cells"])
        target = folder / "source" / path.stem / path.name
        target.parent.mkdir(parents=True)
        # Written without outputs: nbgrader compares checksums of sources alone.
        target.write_text(to_text(notebook), encoding="utf-8", newline="\n")
        if run:
            execute_all(notebook, path.stem, folder)
            require_green(notebook, path.name)
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8", newline="\n")
    readme = README.format(first=notebooks[0].stem)
    (folder / "README.md").write_text(readme, encoding="utf-8", newline="\n")
    ran = "each with its solutions gets all of them" if run else "not executed"
    return f"{len(notebooks)} assignments with {total} points; {ran}"


def assignment(notebook: Notebook) -> Notebook:
    """The assignment of one notebook, with solutions and hidden tests.

    Each exercise is a task, the lines that it needs, an answer and a test. Lines and tests are
    locked: nbgrader puts its own back where a student changed them.
    """
    title = re.match(r"#\s*(.+)", notebook["cells"][0]["source"])
    name = title[1].strip() if title else "Exercises"
    cells = [_cell("markdown", f"# {name}\n\n{INTRODUCTION}", "title")]
    given: list[Statement] = []
    for gap in gaps(notebook):
        cells += _cells_of(gap, notebook, given)
    if len(cells) == 1:
        raise ExportError(f"{name} has no exercises")
    return _normalise_keeping({**notebook, "cells": cells})


def _cells_of(gap: Gap, notebook: Notebook, given: list[Statement]) -> list[Cell]:
    """An exercise's cells; `given` grows by the statements that they need."""
    before = code_before(notebook, gap.index)
    answer = solution_for(gap, before)
    # All imports, so that they do not say what the solution uses; no solutions among them.
    imports = [one for one in before if one.is_import and "course_lib.exercises.ex" not in one.text]
    needed = needed_by(reads_of("\n".join([answer, gap.stub, gap.after])), before)
    nodes = {id(one.node) for one in [*needed, *imports]}
    texts = {one.text for one in given}
    lines = [one for one in before if id(one.node) in nodes and one.text not in texts]
    given += lines
    number = gap.exercise.id.replace(".", "-")
    task = _task_of(notebook, gap)
    points = _points(task, gap.exercise.id)
    cells = [_cell("markdown", task, f"task-{number}")]
    if lines:
        text = without_help("\n".join(one.text for one in lines))
        cells.append(_cell("code", text, f"given-{number}"))
    solved = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
    parts = [part for part in (gap.before, gap.stub, solved, gap.after) if part]
    cells.append(_cell("code", "\n\n".join(parts), f"answer-{number}", solution=True))
    strict = _strict(lines)
    hidden = f"### BEGIN HIDDEN TESTS\n{strict}\n### END HIDDEN TESTS"
    test = _cell("code", f"{hidden}\n{gap.check}", f"test-{number}", points=points)
    test["metadata"] |= {"exercise": gap.exercise.id, "tags": ["exercise"]}
    return [*cells, test]


def _strict(lines: list[Statement]) -> str:
    """Import the strict check, and allow what of the given lines it would refuse."""
    from course_lib.export.grading import names_solutions

    given = [line for one in lines for line in without_help(one.text).splitlines()]
    own = [line for line in given if names_solutions(line)]
    if not own:
        return "from course_lib.export.grading import grade as check"
    allowed = "".join(f"\nallow({text!r})" for text in own)
    return f"from course_lib.export.grading import allow, grade as check{allowed}"


def _task_of(notebook: Notebook, gap: Gap) -> str:
    """The text that sets an exercise, from the cell above it."""
    mark = f"**Exercise {gap.exercise.id}**"
    for cell in reversed(notebook["cells"][: gap.index]):
        if cell["cell_type"] == "markdown" and mark in cell["source"]:
            text: str = cell["source"]
            return text[text.index(mark) :].replace(", you may skip it", "")
    raise ExportError(f"no text above the cell of exercise {gap.exercise.id} has {mark}")


def _points(task: str, exercise: str) -> int:
    """Points by how hard the task says that the exercise is."""
    stated = stated_in(task).get(exercise)
    if stated is None or stated.level not in POINTS:
        levels = ", ".join(POINTS)
        raise ExportError(f"the text of exercise {exercise} must say how hard it is: {levels}")
    return POINTS[stated.level]


def points_of(cell: Cell) -> int:
    """The points that a cell of an assignment gives, 0 for most."""
    return int(cell["metadata"]["nbgrader"].get("points", 0))


def _cell(
    kind: str, source: str, grade_id: str, *, solution: bool = False, points: int | None = None
) -> Cell:
    about: dict[str, Any] = {"schema_version": 3, "grade_id": grade_id, "task": False}
    about |= {"solution": solution, "grade": points is not None, "locked": not solution}
    if points is not None:
        about["points"] = points
    cell: Cell = {"cell_type": kind, "id": grade_id, "metadata": {"nbgrader": about}}
    code: Cell = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {**cell, "source": source, **code}


def _normalise_keeping(notebook: Notebook) -> Notebook:
    """Normalise the notebook's own metadata, and leave its cells as they are."""
    return {**normalise({**notebook, "cells": []}), "cells": notebook["cells"]}
