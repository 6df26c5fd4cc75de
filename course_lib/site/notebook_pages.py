"""A committed notebook as a page of the site."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from html import escape, unescape

from course_lib.normalise import IMAGES, Cell, Notebook
from course_lib.site.cross_references import with_anchors
from course_lib.site.links import BRANCH, run_links

_NOT_ATTEMPTED = re.compile(
    r"<div><b>NOT ATTEMPTED</b> &nbsp;(Exercise [^<]+)</div><div[^>]*>[^<]*</div>"
)
_SHOWN_CODE = re.compile(r"<pre[^>]*><code>(.*?)</code></pre>", re.DOTALL)


def page_of(
    notebook: Notebook, path: str, address: str, relinked: Callable[[str], str] = str
) -> Notebook:
    """The notebook as Sphinx is to show it; the one given is not changed.

    The links to run and download it stand under its title. Figures get their alternative text,
    exercises an anchor. Solutions stay folded as they are, with their code coloured and with a
    copy button. What an unsolved exercise says to whoever runs it is said for a reader.

    Args:
        notebook: nested dicts and lists, each cell's source one string.
        path: its path from the repository's root.
        address: the public repository's, or "".
        relinked: what to do with the Markdown of a cell.
    """
    page = copy.deepcopy(notebook)
    for cell in page["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relinked(with_anchors(cell["source"]))
            continue
        if "alt" in cell["metadata"]:
            cell["metadata"]["mystnb"] = {"image": {"alt": cell["metadata"]["alt"]}}
        for output in cell["outputs"]:
            html = output.get("data", {}).get("text/html")
            if html:
                output["data"]["text/html"] = _with_colours(_for_a_reader("".join(html)))
    first = page["cells"][0]
    title, _, rest = first["source"].partition("\n")
    first["source"] = f"{title}\n\n{_how_to_run(path, address)}\n{rest}"
    return page


def figures_without_text(notebook: Notebook) -> list[int]:
    """The numbers, from 1, of the cells that show a picture without an alternative text."""
    return [
        number
        for number, cell in enumerate(notebook["cells"], start=1)
        if _shows_image(cell) and not str(cell["metadata"].get("alt", "")).strip()
    ]


def _shows_image(cell: Cell) -> bool:
    kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
    return not kinds.isdisjoint((*IMAGES, "image/svg+xml"))


def _for_a_reader(html: str) -> str:
    """A check's status without what to do next: nobody can replace a stub on this page."""
    return _NOT_ATTEMPTED.sub(r"<div>\1: to solve in the notebook.</div>", html)


def _with_colours(html: str) -> str:
    """An output's HTML with the code of a solution coloured like the code of a cell."""
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

    def coloured(match: re.Match[str]) -> str:
        code = highlight(unescape(match.group(1)), PythonLexer(), HtmlFormatter())
        return f'<div class="highlight-python notranslate">{code}</div>'

    return _SHOWN_CODE.sub(coloured, html)


def _how_to_run(path: str, address: str) -> str:
    """A line of links, what this page is, and what Colab, which has no course, must run first."""
    name = path.rpartition("/")[2]
    links = [f'<a href="../_sources/{path}" download="{name}">Download {name}</a>']
    for place, target in run_links(address, path).items():
        links.append(f'<a href="{escape(target)}">Open in {place}</a>')
    elsewhere = "".join(f", or open it in {place}" for place in [*run_links(address, path)][:1])
    line = (
        f'<p class="course-run">{" · ".join(links)}</p>\n\n'
        "You read stored results; nothing runs on this page. To run cells and solve exercises, "
        f"{{ref}}`run the notebook on your computer <start>`{elsewhere}.\n"
    )
    if "Colab" not in run_links(address, path):
        return line
    folder = address.rpartition("/")[2]
    return (
        f"{line}\n```{{dropdown}} Run this first in Colab\n"
        f"~~~\n!git clone --depth 1 -b {BRANCH} {address}\n!pip install -q -e ./{folder}\n"
        f"%cd {folder}/notebooks\nimport sys; sys.path.insert(0, '..')\n~~~\n```\n"
    )
