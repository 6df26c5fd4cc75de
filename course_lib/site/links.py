"""Links between the course's files, as they must read on the site."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

PICTURES = (".png", ".svg")
BRANCH = "main"  # which branch of the public repository the site's links lead to
CODE = (  # and formulas set apart: what looks like a link in them is none; for DOTALL, MULTILINE
    r"^ *(?P<fence>`{3,}|~{3,}).*?^ *(?P=fence)|^\$\$.*?^\$\$"
    r"|(?P<ticks>(?<!`)`+(?!`))(?:(?!\n\n).)+?(?<!`)(?P=ticks)(?!`)"
)
_LINK = re.compile(
    rf"{CODE}|(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL | re.MULTILINE,
)


def repository(root: Path) -> str:
    """The public repository's address: `Repository` in [project.urls] of pyproject.toml, or "".

    That one setting turns on the links to Binder, Colab and the files that are not on the site.

    Raises:
        ValueError: if it is not an address such as https://github.com/OWNER/NAME.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = str(project.get("urls", {}).get("Repository", "")).removesuffix(".git").rstrip("/")
    parts = urlsplit(address)
    if address and (parts.scheme != "https" or len(parts.path.strip("/").split("/")) != 2):
        raise ValueError(
            f"Repository in [project.urls] must be like https://github.com/OWNER/NAME, "
            f"got {address!r}"
        )
    return address


def run_links(address: str, path: str) -> dict[str, str]:
    """Where a file of the public repository can be run in the browser: name -> address.

    Args:
        address: what `repository` says; Colab knows GitHub alone, Binder GitLab too.
        path: the file, from the repository's root.

    >>> run_links("https://github.com/ada/course", "notebooks/02.ipynb")["Binder"]
    'https://mybinder.org/v2/gh/ada/course/main?urlpath=lab/tree/notebooks/02.ipynb'
    >>> run_links("", "notebooks/02.ipynb")
    {}
    """
    host, _, name = address.removeprefix("https://").partition("/")
    found = {}
    if host in ("github.com", "gitlab.com"):
        kind = "gh" if host == "github.com" else "gl"
        name_there = name if kind == "gh" else name.replace("/", "%2F")
        binder = f"https://mybinder.org/v2/{kind}/{name_there}/{BRANCH}"
        found["Binder"] = f"{binder}?urlpath=lab/tree/{path}"
    if host == "github.com":
        found["Colab"] = f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{path}"
    return found


def relink(markdown: str, page: str, pages: Collection[str], address: str, root: Path) -> str:
    """A page's Markdown with links that lead somewhere on the site.

    A link to a file that is no page of the site goes to the public repository; without one its
    text stays. Links out of the site and those within the page are left alone. A link to a page
    that is named like its file gets the page's title, which Sphinx puts where no text stands.

    Args:
        markdown: the page's text; code is not touched.
        page: the page's path from the root, with slashes.
        pages: the paths of everything that is on the site.
        address: what `repository` says.
        root: the repository, to tell a path from what only looks like a link.
    """

    def replaced(match: re.Match[str]) -> str:
        text, target = match["text"], match["target"]
        if target is None:
            return match.group(0)  # code
        path, _, fragment = target.partition("#")
        if not path or urlsplit(target).scheme:
            return match.group(0)
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        named_like_it = text.strip("`") in (path, meant, posixpath.basename(meant))
        if named_like_it and meant in pages and not meant.endswith(PICTURES):
            return f"[]({target})"
        if meant in pages or not (root / meant).exists():
            return match.group(0)  # Sphinx will say so when there is no such file
        if meant == "README.md":
            start = posixpath.relpath("index.md", posixpath.dirname(page) or ".")
            text = "" if named_like_it else text
            return f"[{text}]({start}{'#' + fragment if fragment else ''})"
        kind = "tree" if (root / meant).is_dir() else "blob"
        return f"[{text}]({address}/{kind}/{BRANCH}/{meant})" if address else text

    return _LINK.sub(replaced, markdown)
