"""What a page is found by: its description, its concepts, and how the search ranks it.

An extension of Sphinx that docs/conf.py names. docs/static/search.js does the ranking in the
browser, with the table of concepts that `taught` reads.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from course_lib import ROOT
from course_lib.teaching import read_map

if TYPE_CHECKING:  # the package is imported where Sphinx is not installed
    from docutils import nodes  # type: ignore[import-untyped]
    from sphinx.application import Sphinx

LONGEST = 200  # characters of a description; search engines show about 160
_CONCEPT = re.compile(r"\[([^\[\]]+)\]\(#(\d\d)--")


def taught(snippets: str, readme: str) -> dict[str, list[str]]:
    """The concepts of each notebook, in small letters: page -> its title and what can be copied.

    Args:
        snippets: docs/snippets.md, whose list by concept leads to the notebooks.
        readme: the README, whose map names the notebooks.
    """
    found = {}
    for entry in read_map(readme):
        own = [
            concept.replace("`", "").lower()
            for concept, number in _CONCEPT.findall(" ".join(snippets.split()))
            if int(number) == entry.number
        ]
        found[f"notebooks/{entry.stem}"] = [entry.title.lower(), *own]
    return found


def shortened(text: str, longest: int = LONGEST) -> str:
    """Whole sentences of a text as far as they fit, else whole words.

    >>> shortened("One sentence. A second one.", 20)
    'One sentence.'
    >>> shortened("A sentence without an end in sight", 20)
    'A sentence without…'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    sentences = re.match(rf".{{,{longest - 1}}}[.!?](?= )", text)
    return sentences.group() if sentences else text[:longest].rpartition(" ")[0].rstrip(",;:") + "…"


def _describe(app: Sphinx, doctree: nodes.document) -> None:
    """Give a page its description, and a notebook its concepts as keywords, which are searched."""
    from docutils import nodes

    page = app.env.docname
    concepts, abilities = app.env.course_taught, app.env.course_abilities  # type: ignore[attr-defined]
    first = next((one.astext() for one in doctree.findall(nodes.paragraph)), "")
    title = next((one.astext() for one in doctree.findall(nodes.title)), app.config.project)
    text = shortened(abilities.get(page) or first or title)
    told = [{"name": "description", "content": text}]
    told += [{"property": "og:title", "content": title}]
    told += [{"property": "og:description", "content": text}]
    if page in concepts:
        words = dict.fromkeys(re.findall(r"[\w-]+", " ".join(concepts[page])))
        told += [{"name": "keywords", "content": ", ".join(words)}]
    doctree[:0] = [nodes.meta("", **one) for one in told]


def _read(app: Sphinx) -> None:
    """Read once what the pages are described by."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    snippets = (ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")
    app.env.course_taught = taught(snippets, readme)  # type: ignore[attr-defined]
    app.env.course_abilities = {  # type: ignore[attr-defined]
        f"notebooks/{entry.stem}": f"You will be able to {entry.ability}."
        for entry in read_map(readme)
    }


def _search(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the page of the search its table, its ranking and a description."""
    if page == "search":
        table = json.dumps(app.env.course_taught, ensure_ascii=False)  # type: ignore[attr-defined]
        app.add_js_file(None, body=f"const COURSE_TAUGHT = {table}")
        app.add_js_file("search.js", loading_method="defer")
        said = '<meta name="description" content="Search the course" />\n'
        context["metatags"] = context.get("metatags", "") + said


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the changes to what Sphinx and the theme make."""
    app.connect("builder-inited", _read)
    app.connect("doctree-read", _describe)
    app.connect("html-page-context", _search)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
