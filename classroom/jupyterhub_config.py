"""JupyterHub's settings for a class, on one Linux machine.

Read by The Littlest JupyterHub, or by a JupyterHub of your own, through one line of its
configuration: ``load_subconfig("/srv/course/classroom/jupyterhub_config.py")``. Arguments and
variables that you set before that line stay. What you set after it wins: use ``.extend([...])`` and
``.update({...})`` there. docs/classroom.md says how to make /srv/course and /srv/course-models.
"""

import sys
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub gives it

COURSE = Path(__file__).resolve().parents[1]
own_python = COURSE / ".venv" / "bin" / "python"  # which `course.py setup` made

# start.py hands out the notebooks, as the learner, and becomes their JupyterLab.
python = own_python if own_python.exists() else sys.executable
c.Spawner.cmd = [str(python), str(COURSE / "classroom" / "start.py")]
c.Spawner.default_url = "/lab/tree/course/notebooks/00_start_here.ipynb"
c.Spawner.args.extend(
    [
        # A kernel that nobody looks at any more gives its memory back after an hour.
        "--MappingKernelManager.cull_idle_timeout=3600",
        "--MappingKernelManager.cull_interval=300",
    ]
)
c.Spawner.environment.update(
    {
        "COURSE_SYSTEM_CACHE": "/srv/course-models",  # one copy of the models for everybody
        "OMP_NUM_THREADS": "1",  # six people with all cores each would wait for one another
        # Freed memory goes back to the system soon: a fifth less per learner, for a tenth more
        # time.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "4194304",
        "MALLOC_TRIM_THRESHOLD_": "4194304",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
)
# docs/classroom.md says what a learner was seen to need, and which spawners keep to this limit.
c.Spawner.mem_limit = "3G"
# Everybody logs in at nine: thirty servers that start at once on four cores take half a minute.
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
