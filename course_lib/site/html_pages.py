"""What a finished page's HTML gets: links to figures, names for a screen reader, the list's place.

An extension of Sphinx that docs/conf.py names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the package is imported where Sphinx is not installed
    from sphinx.application import Sphinx

_BOX = '<input class="task-list-item-checkbox"'
_TOGGLE = '<summary><span class="toctree-toggle"'
_LINK_OR_IMAGE = re.compile(r'<a\s.*?</a>|<img [^>]*?src="([^"]+)"[^>]*>', re.DOTALL)


def with_linked_figures(html: str) -> str:
    """Link each picture to its full size, unless it stands in a link already.

    >>> with_linked_figures('<a href="b"><img src="a.png"></a><img src="c.png">')
    '<a href="b"><img src="a.png"></a><a class="course-figure" href="c.png"><img src="c.png"></a>'
    """
    return _LINK_OR_IMAGE.sub(
        lambda match: (
            f'<a class="course-figure" href="{match[1]}">{match[0]}</a>' if match[1] else match[0]
        ),
        html,
    )


def with_named_boxes(html: str) -> str:
    """Give a box to tick the name that a screen reader says.

    >>> with_named_boxes('<input class="task-list-item-checkbox" type="checkbox">')
    '<input class="task-list-item-checkbox" aria-label="done" type="checkbox">'
    """
    return html.replace(_BOX, f'{_BOX} aria-label="done"')


def with_named_toggles(html: str) -> str:
    """Give the sidebar's button to unfold a list the name that a screen reader says.

    >>> with_named_toggles('<summary><span class="toctree-toggle">')
    '<summary aria-label="Show or hide its pages"><span class="toctree-toggle">'
    """
    named = _TOGGLE.replace("<summary", '<summary aria-label="Show or hide its pages"')
    return html.replace(_TOGGLE, named)


def _finish(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    context["body"] = with_linked_figures(with_named_boxes(context.get("body", "")))
    listed = context["generate_toctree_html"]
    context["generate_toctree_html"] = lambda *given, **options: with_named_toggles(
        str(listed(*given, **options))
    )
    if page in ("search", "index"):  # the theme keeps how far the list was scrolled
        app.add_js_file(None, body="sessionStorage.removeItem('sidebar-scroll-top')")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the changes to what Sphinx and the theme make."""
    app.connect("html-page-context", _finish, priority=900)  # after the theme's own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
