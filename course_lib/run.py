"""Execute a notebook without opening it: ``course run 02`` leaves an executed copy in runs/."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from course_lib import ROOT
from course_lib.build import write
from course_lib.execute import cell_bar, execute, run_loop
from course_lib.lesson import BuildError, choose, read_notebook
from course_lib.normalise import to_text


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run ``course run``; return 0, or 1 when a cell failed."""
    parser = argparse.ArgumentParser(
        prog="course run", description="Execute a notebook; the notebook itself is not changed."
    )
    parser.add_argument("notebook", metavar="NN", help="which notebook, for example 02")
    parser.add_argument("--out", type=Path, default=root / "runs", help="folder for the copy")
    options = parser.parse_args(arguments)
    try:
        source = choose(sorted((root / "notebooks").glob("*.ipynb")), options.notebook)
        notebook = read_notebook(source)
    except BuildError as error:
        print(f"course run: {error}", file=sys.stderr)
        return 2
    target: Path = options.out / source.name
    if target.resolve() == source.resolve():
        parser.error(f"--out {options.out} is where the notebook itself is; name another folder")
    stopped = False
    failure = None
    try:
        with cell_bar(notebook, source.stem) as bar:

            def progress(_: int, done: bool) -> None:
                bar.update(int(done))

            failure = run_loop(execute(notebook, source.parent, on_cell=progress))
    except KeyboardInterrupt:
        stopped = True
    try:
        write(to_text(notebook), target)
    except OSError as error:
        print(f"course run: the copy could not be written: {error}", file=sys.stderr)
        return 1
    if failure is not None:
        cells = len(notebook["cells"])
        print(f"\n{source.name}: cell {failure.index + 1} of {cells} failed: {failure.error}")
        print("\n" + _indented(notebook["cells"][failure.index]["source"]) + "\n")
    reached = "up to that cell" if failure else "what ran before you stopped it" if stopped else ""
    print(f"Executed copy{f' ({reached})' if reached else ''}: {_shown(target)}")
    return 130 if stopped else 1 if failure else 0


def _indented(source: str) -> str:
    return "\n".join(f"    {line}" for line in source.splitlines())


def _shown(path: Path) -> str:
    """The path as one would type it here."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)
