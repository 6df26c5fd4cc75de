"""Start one learner's server on a JupyterHub: hand out the notebooks, then become JupyterLab.

The hub calls it in place of jupyterhub-singleuser, as the learner, with the course's own Python.
It needs the standard library and, for what it becomes, jupyterhub and jupyterlab.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(COURSE)]  # the hub starts us from anywhere

from classroom.hand_out import hand_out  # noqa: E402

LAB_SETTINGS = COURSE / "course_lib" / "lab"
FOLDER = "course"  # in the learner's home


def command(arguments: list[str]) -> list[str]:
    """What this process becomes: the hub's single-user server with the settings of `course lab`.

    The hub starts it in the learner's home. With -P Python does not import from there: a learner
    who saves a random.py would have no server any more.
    """
    return [
        *(sys.executable, "-P", "-m", "jupyterhub.singleuser"),
        f"--config={LAB_SETTINGS / 'jupyter_lab_config.json'}",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",
        *arguments,
    ]


def environment() -> dict[str, str]:
    """This environment, with the course's kernel first and the command `course` in terminals."""
    folders = [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
    return dict(os.environ, JUPYTER_PREFER_ENV_PATH="1", PATH=os.pathsep.join(folders))


def main(arguments: list[str]) -> None:
    """Hand out, and start the server whatever came of it."""
    try:
        for line in hand_out(COURSE, Path.home() / FOLDER):
            print(f"course: {line}", file=sys.stderr)
    except (OSError, ValueError) as error:  # a full disk must not lock a learner out
        for line in str(error).splitlines():
            print(f"course: could not be handed out: {line}", file=sys.stderr)
    sys.stderr.flush()  # exec drops what is still in the buffer
    os.execve(sys.executable, command(arguments), environment())


if __name__ == "__main__":
    main(sys.argv[1:])
