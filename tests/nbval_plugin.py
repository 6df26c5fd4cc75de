"""What nbval needs to compare the course's notebooks strictly; load it with -p tests.nbval_plugin.

The kernels start in the same pinned, offline environment in which ``course build`` made the
outputs. Loaded with -p, it runs before pytest imports nbval.
"""

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

# nbformat's schema checker loads this slow optional parser where JupyterLab has brought it along.
sys.modules.setdefault("rfc3987_syntax", None)

from course_lib.build import kernel_environment  # noqa: E402

OUTPUT_TIMEOUT = 60  # seconds; nbval gives up after 5, too few while two kernels load a model
POLL = 2  # seconds between two looks at whether the kernel is alive


def pytest_configure(config):
    environment = kernel_environment()
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    # A profile of its own: no start-up files and settings of the user, nothing in their history.
    profile = tempfile.mkdtemp(prefix="course-ipython-")
    config.add_cleanup(lambda: shutil.rmtree(profile, ignore_errors=True))
    os.environ["IPYTHONDIR"] = profile
    load_network_refusal().install()
    patch_running_kernel()


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = OUTPUT_TIMEOUT


def load_network_refusal():
    """tests/offline/sitecustomize.py: already there by PYTHONPATH, else from its file."""
    loaded = sys.modules.get("sitecustomize")
    if hasattr(loaded, "NetworkRefusedError"):
        return loaded
    path = Path(__file__).parent / "offline" / "sitecustomize.py"
    spec = importlib.util.spec_from_file_location("course_offline", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def patch_running_kernel():
    from nbval.kernel import RunningKernel

    if hasattr(RunningKernel, "course_await_reply"):
        return
    RunningKernel.course_await_reply = RunningKernel.await_reply

    def execute_cell_input(self, cell_input, allow_stdin=None):
        # store_history=True: without it `expr;` as a last line shows its value
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    def await_reply(self, msg_id, timeout=None):
        # nbval would wait for a dead kernel until the cell's time is up
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            try:
                left = max(0, min(POLL, end - time.monotonic()))
                return self.course_await_reply(msg_id, timeout=left)
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died while it ran this cell") from None
                if time.monotonic() >= end:
                    raise

    RunningKernel.execute_cell_input = execute_cell_input
    RunningKernel.await_reply = await_reply
