"""A Sphinx extension: the API reference from docstrings that are written to be read as they stand.

docs/conf.py names it and has the settings of autodoc and napoleon, which it brings.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from course_lib import ROOT

if TYPE_CHECKING:
    from docutils import nodes  # type: ignore[import-untyped]
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_CODE = re.compile(r"(``.+?``|`[^`]+`(?:_|__)?|:[a-z:]+:`[^`]+`)")
_MARKUP = re.compile(r"[*|\\]|(?<=\w)_(?!\w)")  # what would be read as emphasis or a reference


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the changes to what autodoc makes."""
    import fastapi  # noqa: F401  # autodoc sets TYPE_CHECKING while it imports: pydantic stumbles

    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("autodoc-process-signature", _as_written)
    app.connect("doctree-read", _exact_names)
    app.connect("missing-reference", _known_names)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _as_rst, priority=400)  # napoleon comes after it
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _as_rst(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make reStructuredText of a docstring, which is written to be read as it stands.

    Stars and bars are characters, a list needs no blank line before it, and a notebook that is
    named becomes a link where it is written already.
    """
    done: list[str] = []
    if what in ("attribute", "property") and ":" in "".join(lines[:1]):
        done = ["..", ""]  # else napoleon takes what stands before the colon for the type
    example = False
    own = _own_names(what, name, obj)
    for line in lines:
        if line.strip() == "Attributes:":  # of a class that is called with them: its parameters
            line = line.replace("Attributes", "Args")
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            line = "".join(
                _code(piece, own) if place % 2 else _MARKUP.sub(r"\\\g<0>", piece)
                for place, piece in enumerate(_CODE.split(line))
            )
            before = done[-1] if done else ""
            starts = re.match(r" *- ", line) and before.strip() and not re.match(r" *- ", before)
            if starts and _indent(before) <= _indent(line):
                done.append("")
        done.append(re.sub(r"notebooks/(\d\d_\w+)\.ipynb", _notebook, line))
    if what in ("function", "class", "exception"):
        source = inspect.cleandoc("\n" + inspect.getsource(obj)).splitlines()
        done += ["", ".. dropdown:: Source", "", "   .. code-block:: python", ""]
        done += [f"      {line}" for line in source]
    lines[:] = [*done, ""]


def _code(piece: str, own: set[str]) -> str:
    """Code in backticks: no link where it is a parameter, or belongs to no class as `.score`."""
    return f"`{piece}`" if piece.startswith("`.") or piece.strip("`") in own else piece


def _own_names(what: str, name: str, obj: Any) -> set[str]:
    """The parameters and fields of what is described, and of the class that it belongs to."""
    own: set[str] = set()
    of_class = what not in ("module", "function", "class", "exception")
    for one in (obj, _named(name.rpartition(".")[0]) if of_class else None):
        if callable(one):
            own |= set(getattr(one, "__annotations__", {}))
            try:
                own |= set(inspect.signature(one).parameters)
            except ValueError:  # what is written in C tells no parameters
                continue
    return own - {"return"}


def _named(name: str) -> Any:
    """What a dotted name stands for, in a module that is loaded; None if there is no such thing."""
    module, _, rest = name.rpartition(".")
    while module and module not in sys.modules:
        module, _, more = module.rpartition(".")
        rest = f"{more}.{rest}"
    found: Any = sys.modules.get(module)
    for part in rest.split("."):
        found = getattr(found, part, None)
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _notebook(match: re.Match[str]) -> str:
    stem = match.group(1)
    there = (ROOT / "notebooks" / f"{stem}.ipynb").exists()
    return f":doc:`notebook {stem[:2]} </notebooks/{stem}>`" if there else match.group(0)


def _as_written(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str | None] | None:
    """A function's signature as its source has it: a type by its name, not by its parts."""
    if what in ("class", "exception"):
        if getattr(obj, "_is_protocol", False):
            return "", None  # nobody calls it
        obj = vars(obj).get("__init__")
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(obj))).body[0]
    except (OSError, TypeError):  # a dataclass's __init__ has no source
        return None
    made = what in ("class", "exception")
    if not (made or what in ("function", "method")) or not isinstance(node, ast.FunctionDef):
        return None
    kinds = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    if what != "function" and "staticmethod" not in kinds:
        (node.args.posonlyargs or node.args.args).pop(0)  # self or cls
    wanted = ast.unparse(node.returns) if node.returns and not made else None
    return f"({ast.unparse(node.args)})", wanted


def _exact_names(app: Sphinx, doctree: nodes.document) -> None:
    """Take a name for what it says: Sphinx looks for it anywhere where this attribute is there."""
    from sphinx import addnodes

    for node in doctree.findall(addnodes.pending_xref):
        if not node.get("refspecific"):
            node.attributes.pop("refspecific", None)


def _known_names(
    app: Sphinx, env: BuildEnvironment, node: Any, contnode: nodes.Element
) -> nodes.reference | None:
    """Link a class or function that is named without its module, where one alone has the name.

    A word such as `size` names a function by chance: one word links to a function of the same
    package, or to what another exports. A member of the class described is never another's.
    """
    from sphinx.util.nodes import make_refnode

    target, module = node["reftarget"], node.get("py:module") or ""
    if node.get("refdomain") != "py" or not target.isidentifier():
        return None
    if node.get("py:class") and hasattr(_named(f"{module}.{node['py:class']}"), target):
        return None
    found = [
        (name, entry)
        for name, entry in env.domains.python_domain.objects.items()
        if name.endswith(f".{target}") and not entry.aliased
        if entry.objtype in ("class", "exception", "function")
    ]
    if len(found) != 1:
        return None
    name, entry = found[0]
    near = name.split(".")[:2] == module.split(".")[:2] or name.count(".") == 2
    if entry.objtype == "function" and "_" not in target and not near:
        return None
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what says nothing: the fields of a NamedTuple are with its parameters."""
    return True if (obj.__doc__ or "").startswith("Alias for field number") else None
