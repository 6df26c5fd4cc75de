"""The instructor's edition: every notebook with its solutions in place, executed, all green."""

from pathlib import Path

from course_lib.export.cells import with_solutions
from course_lib.export.names import ExportError
from course_lib.normalise import Cell, Notebook, normalise, to_text


def write_edition(notebooks: list[Path], folder: Path, *, run: bool) -> str:
    """Write the notebooks with solutions; without `run`, the exercises' cells have no output.

    Args:
        notebooks: the course's own.
        folder: where to write; it exists and is empty.
        run: execute each, and want every check to be green.

    Returns:
        What to tell the person.

    Raises:
        ExportError: if a cell fails or a check is not green.
    """
    from course_lib.lesson import read_notebook

    greens = 0
    for path in notebooks:
        notebook = with_solutions(read_notebook(path))
        if run:
            execute_all(notebook, path.stem, path.parent)
            greens += len(require_green(notebook, path.name))
        text = to_text(normalise(notebook))
        (folder / path.name).write_text(text, encoding="utf-8", newline="\n")
    if not run:
        return f"{len(notebooks)} notebooks with solutions, not executed"
    return f"{len(notebooks)} notebooks with solutions, executed, {greens} checks green"


def execute_all(notebook: Notebook, name: str, folder: Path) -> None:
    """Run a notebook's cells in place, with the build's pinned environment and a progress bar.

    Args:
        notebook: its outputs are replaced.
        name: for the progress bar and messages.
        folder: the kernel's working folder.

    Raises:
        ExportError: if a cell fails.
    """
    from course_lib.execute import run_loop, run_pinned

    failure = run_loop(run_pinned(notebook, name, folder))
    if failure is not None:
        raise ExportError(f"{name}, cell {failure.index + 1}: {failure.error}")


def require_green(notebook: Notebook, name: str) -> list[str]:
    """The exercises of an executed notebook, every one of them right.

    Raises:
        ExportError: if one is not; the message is the check's own.
    """
    ids = []
    for cell in notebook["cells"]:
        exercise_id = cell["metadata"].get("exercise")
        if exercise_id:
            said = verdict(cell)
            if not said.startswith(f"Exercise {exercise_id},") or ": RIGHT" not in said:
                raise ExportError(f"{name}: the solution of {exercise_id} is not right:\n{said}")
            ids.append(exercise_id)
    return ids


def verdict(cell: Cell) -> str:
    """What an exercise's check said, as text; empty when the cell showed none."""
    texts = [
        "".join(output["data"].get("text/plain", ""))
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    return texts[-1] if texts else ""
