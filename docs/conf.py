"""Sphinx's configuration for the course's website; `course site` runs Sphinx with it."""

import ast
import inspect
import re
import textwrap

import fastapi  # noqa: F401  # autodoc sets TYPE_CHECKING while it imports: pydantic stumbles
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

from course_lib import ROOT, __version__

project = "The machine learning an AI engineer needs"
html_title = "ML for AI engineers"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx-mathjax-offline",
]

# ---- the notebooks: shown as they were committed, never executed
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3  # as GitHub makes them, so that links work in both places

# ---- the look
html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark: the reader's system decides at first
html_use_index = False  # the search finds more
html_domain_indices = False
html_copy_source = True  # a page's download link leads there
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],
    "use_download_button": False,  # the link stands under the notebook's title
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "search_bar_text": "Search the course",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Code: MIT licence. Text and data: CC BY 4.0.",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# ---- the reference
default_role = "py:obj"  # `name` is a link where the name is known, else code
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False


_CODE = re.compile(r"(``.+?``|`[^`]+`(?:_|__)?|:[a-z:]+:`[^`]+`)")
_MARKUP = re.compile(r"[*|\\]|(?<=\w)_(?!\w)")  # what would be read as emphasis or a reference


def _as_rst(app, what, name, obj, options, lines):
    """Make reStructuredText of a docstring, which is written to be read as it stands.

    Stars and bars are characters, a list needs no blank line before it, and a notebook that is
    named becomes a link where it is written already.
    """
    done = []
    example = False
    for line in lines:
        if line.strip() == "Attributes:":  # of a class that is called with them: its parameters
            line = line.replace("Attributes", "Args")
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            line = "".join(
                _code(piece) if place % 2 else _MARKUP.sub(r"\\\g<0>", piece)
                for place, piece in enumerate(_CODE.split(line))
            )
            before = done[-1] if done else ""
            starts = re.match(r" *- ", line) and before.strip() and not re.match(r" *- ", before)
            if starts and _indent(before) <= _indent(line):
                done.append("")
        done.append(re.sub(r"notebooks/(\d\d_\w+)\.ipynb", _notebook, line))
    if what in ("function", "class"):
        source = inspect.cleandoc("\n" + inspect.getsource(obj)).splitlines()
        done += ["", ".. dropdown:: Source", "", "   .. code-block:: python", ""]
        done += [f"      {line}" for line in source]
    lines[:] = [*done, ""]


def _code(piece):
    """Code in backticks; one such as `.score` belongs to no class in particular."""
    return f"`{piece}`" if piece.startswith("`.") else piece


def _indent(line):
    return len(line) - len(line.lstrip())


def _notebook(match):
    stem = match.group(1)
    there = (ROOT / "notebooks" / f"{stem}.ipynb").exists()
    return f":doc:`notebook {stem[:2]} </notebooks/{stem}>`" if there else match.group(0)


def _as_written(app, what, name, obj, options, signature, returns):
    """A function's signature as its source has it: a type by its name, not by its parts."""
    if what == "class":
        obj = vars(obj).get("__init__")
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(obj))).body[0]
    except (OSError, TypeError):  # a dataclass's __init__ has no source
        return None
    if what not in ("class", "function", "method") or not isinstance(node, ast.FunctionDef):
        return None
    kinds = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    if what != "function" and "staticmethod" not in kinds:
        (node.args.posonlyargs or node.args.args).pop(0)  # self or cls
    wanted = ast.unparse(node.returns) if node.returns and what != "class" else None
    return f"({ast.unparse(node.args)})", wanted


def _exact_names(app, doctree):
    """Take a name for what it says: Sphinx looks for it anywhere where this attribute is there."""
    for node in doctree.findall(addnodes.pending_xref):
        if not node.get("refspecific"):
            node.attributes.pop("refspecific", None)


def _known_names(app, env, node, contnode):
    """Link a class or function that is named without its module, where one alone has the name."""
    if node.get("refdomain") != "py" or not node["reftarget"].isidentifier():
        return None
    found = [
        (name, entry)
        for name, entry in env.domains.python_domain.objects.items()
        if name.endswith(f".{node['reftarget']}") and not entry.aliased
        if entry.objtype in ("class", "exception", "function")
    ]
    if len(found) != 1:
        return None
    name, entry = found[0]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)


def _label_toggles(app, pagename, templatename, context, doctree):
    """Give the sidebar's button to unfold a list the name that a screen reader says."""
    made = context["generate_toctree_html"]
    unnamed = '<summary><span class="toctree-toggle"'
    named = unnamed.replace("<summary", '<summary aria-label="Show or hide its pages"')
    context["generate_toctree_html"] = lambda *args, **options: str(made(*args, **options)).replace(
        unnamed, named
    )


def _skip(app, what, name, obj, skip, options):
    """Leave out what says nothing: the fields of a NamedTuple are with its parameters."""
    return True if (obj.__doc__ or "").startswith("Alias for field number") else None


def setup(app):
    """Connect the changes to what autodoc and the theme make."""
    app.connect("autodoc-process-signature", _as_written)
    app.connect("doctree-read", _exact_names)
    app.connect("missing-reference", _known_names)
    app.connect("html-page-context", _label_toggles, priority=900)  # after the theme's own
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _as_rst, priority=400)  # napoleon comes after it
