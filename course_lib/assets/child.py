"""Run a Python module in a process that ends when its parent does, even by kill -9.

Used as ``python -P -m course_lib.assets.child PARENT_PID MODULE [ARGUMENT ...]``, so that a killed
download or conversion leaves nobody behind who still writes into the cache.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time


def end_with(parent: int) -> None:
    """Wait until the process ``parent`` is gone, then end this process at once."""
    try:
        if sys.platform == "win32":  # there, getppid keeps naming a parent that is gone
            import psutil

            psutil.Process(parent).wait()
        else:  # here, an orphan gets another parent, even while nobody has reaped the old one
            while os.getppid() == parent:
                time.sleep(0.1)
    finally:
        os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(int(sys.argv[1]),), daemon=True).start()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
