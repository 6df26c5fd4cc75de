"""``course site``: build the website into a folder, all of it or nothing."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from course_lib import ROOT
from course_lib.site.links import repository
from course_lib.site.pages import write_pages

PACKAGES = (
    *("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_design", "sphinx_copybutton"),
    "sphinx-mathjax-offline",
)
MARK = ".course-site"  # written last: by it a former site is told from anything else
_MARK_SAYS = "Made by `course site`, which replaces this whole folder when it makes a new one.\n"


class SiteError(RuntimeError):
    """A site that cannot be built, with the reason and the next step."""


def build_site(destination: Path, root: Path = ROOT) -> None:
    """Make the site in a folder; a former site there is replaced when the new one is complete.

    Args:
        destination: a folder that does not exist, is empty, or holds a former site.
        root: the repository.

    Raises:
        SiteError: if the folder holds something else, a package is missing, a page's source is
            wrong, or Sphinx warns of anything.
        OSError: if a file cannot be written; a former site is there as it was.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise SiteError(f"{missing[0]} is not installed. Next step: pip install -e '.[site]'")
    destination = destination.resolve()
    _refuse_others(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".course-site-",
        dir=destination.parent,
        ignore_cleanup_errors=True,  # of a former site, a file may be open
    ) as temporary:
        sources, made = Path(temporary) / "pages", Path(temporary) / "site"
        sources.mkdir()
        try:
            notebooks = write_pages(root, sources)
        except ValueError as error:
            raise SiteError(str(error)) from error
        command = [sys.executable, "-m", "sphinx", "--builder", "html", "--quiet"]
        command += ["--fail-on-warning", "--conf-dir", str(root / "docs")]
        command += ["--doctree-dir", str(Path(temporary) / "doctrees"), str(sources), str(made)]
        # Sphinx imports course_lib for its docstrings: this one, wherever the command is called.
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        if subprocess.call(command, env=environment):
            raise SiteError("Sphinx found fault with the pages: see above. Nothing was written.")
        for name in notebooks:  # to download: as committed, without what the page adds
            shutil.copyfile(root / name, made / "_sources" / name)
        (made / MARK).write_text(_MARK_SAYS, encoding="utf-8")
        _put(made, destination, Path(temporary) / "former")


def _put(made: Path, destination: Path, aside: Path) -> None:
    """Give the new site its name; what had it goes aside first, and comes back if that fails."""
    had_it = destination.exists()
    if had_it:
        destination.rename(aside)
    try:
        made.rename(destination)
    except BaseException:
        if had_it:
            aside.rename(destination)
        raise


def _refuse_others(destination: Path) -> None:
    if not destination.exists():
        return
    if not destination.is_dir():
        raise SiteError(f"{destination} is a file; name a folder for the site")
    if any(destination.iterdir()) and not (destination / MARK).exists():
        raise SiteError(
            f"{destination} is not empty and holds no site made by this command; "
            "name a new folder, or empty this one"
        )


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run ``course site``; return 0 when the site is there, 1 when it cannot be built.

    Ctrl-C ends it with 130.
    """
    parser = argparse.ArgumentParser(
        prog="course site",
        description="Build the website of the course from the committed notebooks, offline.",
    )
    parser.add_argument(
        "folder", nargs="?", default="build/site", help="where to (default: build/site)"
    )
    folder = Path(parser.parse_args(arguments).folder)
    try:
        build_site(folder, root)
        without_links = not repository(root)
    except (SiteError, ValueError, OSError) as error:
        print(f"course site: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped; {folder} is as it was.", file=sys.stderr)
        return 130
    if without_links:
        print(
            "No links to Binder and Colab: pyproject.toml has no Repository in [project.urls] "
            '(Repository = "https://github.com/OWNER/NAME").'
        )
    print(f"The site: {folder / 'index.html'}")
    print(f"To look at it: python -m http.server --bind 127.0.0.1 --directory {folder}")
    return 0
