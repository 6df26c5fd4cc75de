"""Run a notebook in a fresh kernel of this Python, pinned and offline when its output must repeat.

``course build``, ``course run``, ``course export`` and nbval's plugin start their kernels through
this module.
"""

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from course_lib import ROOT
from course_lib.normalise import Notebook

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

CELL_TIMEOUT = 900  # seconds, for one cell on a slow, busy machine
_PINNED = {
    "PYTHONHASHSEED": "0",  # the order of a set of strings
    "SOURCE_DATE_EPOCH": "0",  # the date in an SVG
    "TQDM_DISABLE": "1",  # a progress bar is never twice the same
    "OMP_NUM_THREADS": "1",  # two kernels run side by side
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "COURSE_PROGRESS": "off",  # a build does not pass exercises on anybody's behalf
    "COURSE_WIDGETS": "off",  # a stored slider cannot be moved, and its id is random
}
# A reader's own choice of model must not get into the committed outputs.
_DROPPED = (
    *("COURSE_EMBEDDING_MODEL", "COURSE_LLM"),
    *("COURSE_LLM_API_KEY", "COURSE_LLM_BASE_URL", "COURSE_LLM_MODEL", "PYTHONWARNINGS"),
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """A cell that stopped a notebook."""

    index: int
    error: str
    traceback: str = ""

    @property
    def line(self) -> int:
        """The line of the cell's own source at which it stopped, from 1; 0 when unknown."""
        found = re.search(r"Cell In\[\d+\], line (\d+)", self.traceback)
        return int(found.group(1)) if found else 0


def kernel_environment() -> dict[str, str]:
    """The environment in which notebooks are built and compared: the present one, pinned.

    It is complete: give it to a process as `env`. Build, nbval's kernels and ``course test`` all
    use it, and its PYTHONPATH is what refuses connections beyond this machine.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _DROPPED}
    offline = str(ROOT / "tests" / "offline")
    others = environment.get("PYTHONPATH", "").split(os.pathsep)
    path = [offline, *(folder for folder in others if folder and folder != offline)]
    return {**environment, **_PINNED, "PYTHONPATH": os.pathsep.join(path)}


def nbval_command(paths: Iterable[str | Path], extra: Sequence[str] = ()) -> list[str]:
    """The command that re-runs notebooks and compares every output; run it with cwd at the root.

    Args:
        paths: notebooks, or folders of them.
        extra: more arguments for pytest, such as ``-k name``; later ones win (``-n 1``).
    """
    return [
        *(sys.executable, "-m", "pytest", "-p", "tests.nbval_plugin", "--rootdir", str(ROOT)),
        *("--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"),
        *("-n", "2", "--dist", "loadfile"),  # loadfile, or xdist splits a notebook
        *map(str, paths),
        *extra,
    ]


def cell_bar(notebook: Notebook, name: str, position: int | None = None) -> "tqdm[Any]":
    """A progress bar over a notebook's code cells, on stderr."""
    from tqdm import tqdm

    cells = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
    # In a log every refresh is a line of its own.
    rarely = 0.1 if sys.stderr.isatty() else 10
    return tqdm(total=cells, desc=name, unit="cell", position=position, mininterval=rarely)


async def run_pinned(
    notebook: Notebook,
    name: str,
    folder: Path,
    *,
    place: Callable[[int], str] = lambda index: f"cell {index + 1}",
    position: int | None = None,
    timeout: float = CELL_TIMEOUT,
) -> Failure | None:
    """`execute` a notebook as all committed ones were: pinned, offline, and with a progress bar.

    Args:
        notebook: its outputs are replaced.
        name: for the progress bar.
        folder: the kernel's working folder.
        place: what the bar says of the cell with this index while it runs.
        position: the bar's row when several notebooks run at once.
        timeout: seconds for one cell.

    Returns:
        None, or the cell that failed.
    """
    with (
        cell_bar(notebook, name, position) as bar,
        # An empty profile: a user's IPython settings and start-up files stay out of the outputs.
        tempfile.TemporaryDirectory(prefix="course-ipython-", ignore_cleanup_errors=True) as own,
    ):

        def progress(index: int, done: bool) -> None:
            if done:
                bar.update()
            else:
                bar.set_postfix_str(place(index), refresh=sys.stderr.isatty())

        environment = {**kernel_environment(), "IPYTHONDIR": own}
        return await execute(
            notebook, folder, environment=environment, on_cell=progress, timeout=timeout
        )


async def execute(
    notebook: Notebook,
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    on_cell: Callable[[int, bool], None] = lambda index, done: None,
    timeout: float | None = None,
) -> Failure | None:
    """Run a notebook's cells in a fresh kernel of this Python, in place.

    Args:
        notebook: its outputs are replaced; after a failure, the cells not reached have none.
        folder: the kernel's working folder.
        environment: the kernel's whole environment; None for the present one.
        on_cell: called with a code cell's index, False before it runs and True after.
        timeout: seconds for one cell; None for no limit.

    Returns:
        None, or the cell that failed. What it showed up to then is in the notebook.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # saves nbformat 1 s
    import nbformat
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    class ThisPython(KernelSpecManager):
        """Knows this interpreter alone: a kernel named python3 elsewhere may be another one."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    current = 0

    def started(**_: Any) -> None:
        # nbclient takes these signals for itself and goes on; the command must stop.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number, handler in handlers.items():
                asyncio.get_running_loop().remove_signal_handler(number)
                signal.signal(number, handler)

    def cell_starts(cell_index: int, **_: Any) -> None:
        nonlocal current
        current = cell_index
        on_cell(cell_index, False)

    def cell_ends(cell_index: int, **_: Any) -> None:
        on_cell(cell_index, True)

    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    node = nbformat.from_dict(notebook)
    client = NotebookClient(
        node,
        timeout=timeout,
        iopub_timeout=60,  # on a busy machine the output may come well after the reply
        record_timing=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
        on_notebook_start=started,
        on_cell_execute=cell_starts,
        on_cell_executed=cell_ends,
    )
    client.km = AsyncKernelManager(kernel_spec_manager=ThisPython())
    # The kernel's own log is noise, unless the kernel dies.
    with tempfile.TemporaryFile() as log:
        try:
            # The kernel ends with this call, and nobody could move a slider of it.
            env = {**(environment or os.environ), "COURSE_WIDGETS": "off"}
            await client.async_execute(env=env, stderr=log)
        except CellExecutionError as error:
            traceback = _ANSI.sub("", error.traceback)
            return Failure(current, f"{error.ename}: {error.evalue}", traceback)
        except CellTimeoutError:
            return Failure(current, f"the cell ran for more than {timeout} seconds")
        except (DeadKernelError, RuntimeError) as error:  # RuntimeError: it died while starting
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # nbclient mistakes this for a death
                raise asyncio.CancelledError from error
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").splitlines()
            said = "\n".join(line for line in lines if not line.startswith("[IPKernelApp]"))
            return Failure(current, f"{error} (out of memory, or a crash in compiled code?)", said)
        finally:
            notebook["cells"] = json.loads(json.dumps(node))["cells"]
    return None


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end; Ctrl-C cancels it, so that its kernels are shut down."""
    # ZeroMQ needs a selector loop, which is not the default on Windows.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)
