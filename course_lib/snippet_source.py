"""Reading a package's source for `course snippet`: what each module defines, and what that uses."""

from __future__ import annotations

import ast
import doctest
import symtable
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


class SnippetError(Exception):
    """A name cannot be exported; the message says why and what to do."""


@dataclass(frozen=True, order=True)
class Import:
    """One imported name: `from module import attribute as name`, or `import module as name`."""

    module: str
    attribute: str  # "" for `import module`
    name: str  # what it is called in the importing module
    typing_only: bool = False  # stands under `if TYPE_CHECKING:`


@dataclass(frozen=True)
class Unit:
    """A top-level statement with the comment lines above it."""

    node: ast.stmt
    text: str
    first_line: int  # of the text, from 1
    names: frozenset[str]  # what it defines, or changes

    @property
    def is_definition(self) -> bool:
        """Whether it is a function or a class, not an assignment."""
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @cached_property
    def uses(self) -> frozenset[str]:
        """Global names that the statement reads, in annotations and nested functions too."""
        table = symtable.symtable(self.text, "snippet", "exec")
        used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
        used |= {s.get_name() for t in _inner(table) for s in t.get_symbols() if s.is_global()}
        for node in ast.walk(self.node):
            for annotation in _annotations(node):
                used |= _names_in_strings(annotation)
        return frozenset(used)

    @cached_property
    def locals(self) -> frozenset[str]:
        """Names that some function in the statement binds for itself."""
        table = symtable.symtable(self.text, "snippet", "exec")
        return frozenset(
            s.get_name() for t in _inner(table) for s in t.get_symbols() if s.is_local()
        )

    @property
    def docstrings(self) -> list[ast.Constant]:
        """The docstrings in the statement."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = []
        for node in ast.walk(self.node):
            if isinstance(node, kinds) and ast.get_docstring(node) is not None:
                first = node.body[0]
                assert isinstance(first, ast.Expr)
                assert isinstance(first.value, ast.Constant)
                found.append(first.value)
        return found


def example_names(docstring: str) -> set[str]:
    """Names that a docstring's examples read and do not define themselves."""
    read: set[str] = set()
    own: set[str] = set()
    for example in doctest.DocTestParser().get_examples(docstring):
        table = symtable.symtable(example.source, "example", "exec")
        read |= {s.get_name() for s in table.get_symbols() if s.is_referenced()} - own
        read |= {
            s.get_name() for t in _inner(table) for s in t.get_symbols() if s.is_global()
        } - own
        own |= {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    return read


def example_imports(docstring: str) -> list[ast.ImportFrom]:
    """The `from ... import ...` statements of a docstring's examples."""
    examples = doctest.DocTestParser().get_examples(docstring)
    return [
        node
        for example in examples
        for node in ast.parse(example.source).body
        if isinstance(node, ast.ImportFrom)
    ]


def imports_text(externals: Iterable[Import], futures: Iterable[str]) -> str:
    """Write import statements in the order that isort and ruff give them."""
    plain = {one for one in externals if not one.typing_only}
    ours = {(one.module, one.attribute, one.name) for one in plain}
    typing = {o for o in externals if o.typing_only and (o.module, o.attribute, o.name) not in ours}
    if typing:
        plain.add(Import("typing", "TYPE_CHECKING", "TYPE_CHECKING"))
    blocks = [f"from __future__ import {', '.join(sorted(futures))}\n"] if futures else []
    blocks += _import_blocks(plain)
    if typing:
        inner = "\n".join(_import_blocks(typing))
        blocks.append("if TYPE_CHECKING:\n" + textwrap.indent(inner, "    "))
    return "\n".join(blocks)


def _import_blocks(imports: set[Import]) -> list[str]:
    """Write two blocks, the standard library's and the others'."""
    blocks: dict[bool, str] = {}
    for one in sorted(imports, key=lambda o: (o.attribute != "", o.module.lower(), o.module)):
        outside = one.module.split(".")[0] not in sys.stdlib_module_names
        lines = blocks.setdefault(outside, "")
        if not one.attribute:
            alias = f" as {one.name}" if one.name != one.module.split(".")[0] else ""
            blocks[outside] = lines + f"import {one.module}{alias}\n"
        elif f"from {one.module} import " not in lines:
            blocks[outside] = lines + _from_line(one.module, imports)
    return [blocks[outside] for outside in sorted(blocks)]


def _from_line(module: str, imports: set[Import]) -> str:
    members = [one for one in imports if one.module == module and one.attribute]
    # Constants, then classes, then the rest, as isort orders them.
    members.sort(key=lambda o: (not o.attribute.isupper(), o.attribute[0].islower(), o.attribute))
    names = [
        o.attribute if o.attribute == o.name else f"{o.attribute} as {o.name}" for o in members
    ]
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) <= 101:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _annotations(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.returns] if node.returns else []
    if isinstance(node, ast.arg | ast.AnnAssign):
        return [node.annotation] if node.annotation else []
    return []


def _names_in_strings(annotation: ast.AST) -> set[str]:
    """Names in a quoted annotation such as "Path | None"; the strings of a Literal are no names."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Literal"):
        return set()
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            inside = ast.parse(annotation.value, mode="eval")
        except SyntaxError:  # text in an Annotated[...]
            return set()
        return {node.id for node in ast.walk(inside) if isinstance(node, ast.Name)}
    inner = (_names_in_strings(child) for child in ast.iter_child_nodes(annotation))
    return {name for names in inner for name in names}


@dataclass
class Module:
    """A module's source, taken apart."""

    name: str  # dotted, with the package
    text: str
    is_package: bool
    units: list[Unit] = field(default_factory=list)
    defines: dict[str, list[Unit]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    futures: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)
        lines = self.text.splitlines(keepends=True)
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                self.futures |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._add_imports(node, typing_only=False)
            elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                for inner in node.body:
                    if isinstance(inner, ast.Import | ast.ImportFrom):
                        self._add_imports(inner, typing_only=True)
            elif not _is_main_block(node):
                self._add_unit(node, lines)

    def imports_of(self, node: ast.Import | ast.ImportFrom) -> list[Import]:
        """What an import statement of this module binds, with relative names resolved."""
        if isinstance(node, ast.Import):
            return [Import(a.name, "", a.asname or a.name.split(".")[0]) for a in node.names]
        source = node.module or ""
        if node.level:
            parts = self.name.split(".")
            keep = len(parts) - node.level + (1 if self.is_package else 0)
            source = ".".join(parts[:keep] + ([node.module] if node.module else []))
        return [Import(source, a.name, a.asname or a.name) for a in node.names]

    @property
    def public(self) -> list[str]:
        """Names of the public functions and classes, in the module's order."""
        return [
            unit.node.name
            for unit in self.units
            if isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not unit.node.name.startswith("_")
        ]

    def _add_imports(self, node: ast.Import | ast.ImportFrom, *, typing_only: bool) -> None:
        for one in self.imports_of(node):
            found = Import(one.module, one.attribute, one.name, typing_only)
            self.imports.setdefault(found.name, []).append(found)

    def _add_unit(self, node: ast.stmt, lines: list[str]) -> None:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        while first > 1 and lines[first - 2].startswith("#"):
            first -= 1
        text = "".join(lines[first - 1 : node.end_lineno])
        names = _bound_names(node, text) | (_changed_names(node) & self.defines.keys())
        if not names:  # a docstring, or a call for its effect on something else
            return
        unit = Unit(node, text, first, frozenset(names))
        self.units.append(unit)
        for name in names:
            self.defines.setdefault(name, []).append(unit)


def _bound_names(node: ast.stmt, text: str) -> set[str]:
    table = symtable.symtable(text, "snippet", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def _changed_names(node: ast.stmt) -> set[str]:
    """Names whose object a statement changes, such as TABLE in TABLE["a"] = 1 or TABLE.update()."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    names = set()
    for target in targets:
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            names.add(target.id)
    return names


def _is_main_block(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__ ==")


@dataclass
class Library:
    """The modules of one package, read when they are asked for."""

    folder: Path  # the package's folder
    package: str

    def __post_init__(self) -> None:
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Read a module by its dotted name; None if there is none."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def public(self) -> dict[str, tuple[Module, str]]:
        """Every public function and class, as "module.name" -> (the module that defines it, name).

        What a package's ``__init__`` imports belongs to the package: "retrieval.BM25".
        """
        found: dict[str, tuple[Module, str]] = {}
        stems = {path.stem for path in self.folder.glob("*.py")} - {"__init__"}
        stems |= {path.parent.name for path in self.folder.glob("*/__init__.py")}
        for short in sorted(stems):
            module = self.module(f"{self.package}.{short}")
            assert module is not None
            found |= {f"{short}.{name}": (module, name) for name in module.public}
            for name, (first, *_) in module.imports.items() if module.is_package else ():
                source = self.module(first.module) if self.holds(first.module) else None
                if source is not None and first.attribute in source.public:
                    found[f"{short}.{name}"] = (source, first.attribute)
        return found

    def holds(self, name: str) -> bool:
        """Whether a dotted module name belongs to this package."""
        return name == self.package or name.startswith(f"{self.package}.")

    def _read(self, name: str) -> Module | None:
        parts = name.split(".")[1:]
        base = self.folder.joinpath(*parts)
        for path, is_package in ((base / "__init__.py", True), (base.with_suffix(".py"), False)):
            if path.is_file() and self.holds(name):
                return Module(name, path.read_text(encoding="utf-8"), is_package)
        return None
