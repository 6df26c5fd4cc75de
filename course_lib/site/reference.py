"""The API reference: one page for each module or package of `course_lib`."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

# What starts a command or builds this site is no interface.
_LEFT_OUT = ("__main__", "cli", "site", "testing")
BEHIND = "What only runs the course itself"
_WHO = "For work on the course: its commands, its checks, and the inner parts of its packages."


@dataclass(frozen=True)
class Module:
    """What a module's source says about itself."""

    name: str  # such as "course_lib.retrieval.by_words"
    summary: str  # the first line of its docstring
    taught: bool  # whether a notebook is named in it
    exported: tuple[str, ...]  # the names of its __all__ that do not come from other packages
    defined: dict[str, str]  # its own public names with a docstring -> what autodoc calls them

    @property
    def page(self) -> str:
        """The page it stands on: that of the package right below `course_lib`."""
        return self.name.split(".")[1]


def read_modules(package: Path) -> list[Module]:
    """Every public module below a package's folder, by name, without importing any."""
    found = []
    for file in package.rglob("*.py"):
        parts = file.relative_to(package).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not parts or parts[0] in _LEFT_OUT or any(part.startswith("_") for part in parts):
            continue
        if parts[0] == "exercises" and re.match(r"ex\d\d_", parts[-1]):
            continue  # its references are the solutions
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source)
        taught = re.search(r"notebooks/\d\d_\w+\.ipynb", source) is not None
        name = ".".join([package.name, *parts])
        summary = (ast.get_docstring(tree) or "").partition("\n")[0]
        found.append(Module(name, summary, taught, _exported(tree, name), _defined(tree)))
    return sorted(found, key=lambda module: module.name)


def reference_pages(package: Path, imports: str = "") -> dict[str, str]:
    """File name -> reStructuredText: an index and the pages that it lists.

    A package's page shows what the package exports, under the name to import it by, then what its
    modules have besides, where a notebook imports the module. All else only runs the course
    itself: it stands in a last group, on pages of its own.

    Args:
        package: the package's folder.
        imports: the lessons' source.
    """
    pages: dict[str, list[Module]] = {}
    for module in read_modules(package):
        pages.setdefault(module.page, []).append(module)
    files: dict[str, str] = {}
    shown: dict[str, str] = {}  # page -> its summary
    behind: dict[str, str] = {}
    inside: dict[str, str] = {}
    for page, (first, *inner) in pages.items():
        used = any(one.taught for one in (first, *inner)) or _imports(imports, first)
        near = [one for one in inner if not used or _imports(imports, one)]
        lines = [_heading(page, "="), f"``from {package.name} import {page}``", ""]
        lines += [f".. automodule:: {first.name}", ""]
        kinds = {name: kind for one in (*inner, first) for name, kind in one.defined.items()}
        exported = [name for name in first.exported or first.defined if name in kinds]
        lines += [_entry(kinds[name], f"{first.name}.{name}") for name in exported]
        files[f"{page}.rst"] = "\n".join([*lines, *_besides(first, near)])
        (shown if used else behind)[page] = first.summary
        rest = _besides(first, [one for one in inner if one not in near])
        if rest:
            title = _heading(f"Inside {page}", "=")
            within = f".. py:currentmodule:: {first.name}"  # whose names need no module
            says = f"What the modules of :doc:`{page}` have for each other."
            files[f"inside_{page}.rst"] = "\n".join([title, says, "", within, "", *rest])
            inside[f"inside_{page}"] = says
    behind |= inside
    begins = f"The modules of ``{package.name}``. To take a function\n"
    begins += "along without the package: ``python course.py snippet NAME``.\n"
    index = _heading("API reference", "=") + begins
    index += _listed(shown, more="internals" if behind else "")
    if behind:
        index += f"\n{_heading(BEHIND, '-')}\n:doc:`Its modules <internals>`\n   {_WHO}\n"
        files["internals.rst"] = _heading(BEHIND, "=") + f"{_WHO}\n" + _listed(behind)
    files["index.rst"] = index
    return files


def _besides(first: Module, modules: list[Module]) -> list[str]:
    """A section for each module that has more than what its package exports."""
    lines = []
    for module in modules:
        besides = [name for name in module.defined if name not in first.exported]
        if besides:
            # Not automodule: a module may share its name with a function of the package.
            lines += [_heading(module.name, "-"), module.summary, ""]
            lines += [_entry(module.defined[name], f"{module.name}.{name}") for name in besides]
    return lines


def _imports(source: str, module: Module) -> bool:
    return re.search(rf"\b{re.escape(module.name)}\b", source) is not None


def _entry(kind: str, name: str) -> str:
    return f".. auto{kind}:: {name}\n" + "   :members:\n" * (kind != "function")


def _listed(pages: dict[str, str], more: str = "") -> str:
    """Pages with their summaries, and for the sidebar; one more for the sidebar alone."""
    lines = [""]
    for page, summary in pages.items():
        lines += [f":doc:`{page}`", f"   {summary}", ""]
    inside = [*pages, more] if more else [*pages]
    return "\n".join(
        [*lines, ".. toctree::", "   :hidden:", "", *(f"   {one}" for one in inside), ""]
    )


def _heading(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}\n"


def _exported(tree: ast.Module, name: str) -> tuple[str, ...]:
    """The names in ``__all__``, less those that are imported from elsewhere."""
    names: list[str] = []
    foreign: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == "__all__" for one in node.targets
        ):
            names = list(ast.literal_eval(node.value))
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(name):
            foreign |= {one.asname or one.name for one in node.names}
    return tuple(one for one in names if one not in foreign)


def _defined(tree: ast.Module) -> dict[str, str]:
    return {
        node.name: _kind(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name[0] != "_"
        and node.name != "main"  # starts a command
        and ast.get_docstring(node)
    }


def _kind(node: ast.stmt) -> str:
    if not isinstance(node, ast.ClassDef):
        return "function"
    bases = [ast.unparse(base) for base in node.bases]
    return "exception" if any(base.endswith(("Error", "Exception")) for base in bases) else "class"
