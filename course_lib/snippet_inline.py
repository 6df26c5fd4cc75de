"""Collecting what one name of a package uses, for `course snippet`."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

from course_lib.snippet_edit import (
    apply_edits,
    attributes_of,
    drop_example_imports,
    prune_examples,
)
from course_lib.snippet_source import (
    Import,
    Library,
    Module,
    SnippetError,
    Unit,
    example_imports,
    example_names,
    imports_text,
)

# Modules that stay behind: they serve the course itself. What uses them from inside a function
# is exported with a stand-in that says so.
LEFT_OUT = {"assets": "the course's model cache: pass the folder or hub name of a model"}

STAND_IN = '''class _LeftOut:
    """Stands for a module of the course that is not part of this file."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __getattr__(self, name: str) -> object:
        raise ImportError(f"not part of this file: {self.why}")

    def __call__(self, *args: object, **options: object) -> object:
        raise ImportError(f"not part of this file: {self.why}")
'''


class Snippet:
    """Collects what one name needs, and writes it as a file."""

    def __init__(self, library: Library, module: Module, name: str) -> None:
        self.library, self.target, self.name = library, module, name
        self.units: dict[str, list[Unit]] = {}  # by module, in the order in which they were met
        self.externals: set[Import] = set()
        self.final: dict[tuple[str, str], str] = {}  # (module, name) -> name in the file
        self.left_out = False
        self._need(module, name)
        for unit in module.defines[name]:
            for docstring in unit.docstrings:
                for used in sorted(example_names(str(docstring.value))):
                    if used in module.defines or used in module.imports:
                        self._need(module, used)
                for statement in example_imports(str(docstring.value)):
                    for one in module.imports_of(statement):
                        if self.library.holds(one.module):
                            self._need_origin(one, [])
        self.modules = self._in_order()
        self._choose_names()

    def _need(self, module: Module, name: str) -> None:
        if name in module.defines:
            chosen = self.units.setdefault(module.name, [])
            for unit in module.defines[name]:
                if unit not in chosen:
                    chosen.append(unit)
                    for used in sorted(unit.uses):
                        self._need(module, used)
                    for _, one in self._inner_imports(module, unit):
                        if self._stays_behind(one):
                            self.left_out = True
                        else:
                            self._need_origin(one, [unit])
        for one in module.imports.get(name, []):
            self._need_import(module, one)
        if name == "__file__":
            raise SnippetError(f"{module.name} reads the course's own files, through __file__")
        if name not in module.defines | module.imports and not hasattr(builtins, name):
            raise SnippetError(f"{module.name} uses {name}, which no line of it defines")

    def _need_import(self, module: Module, one: Import) -> None:
        if not self.library.holds(one.module):
            self.externals.add(one)
            return
        if self._stays_behind(one):
            raise SnippetError(f"{module.name} needs {self._left_out(one)}")
        self._need_origin(one, self.units.get(module.name, []))

    def _need_origin(self, one: Import, users: Iterable[Unit]) -> None:
        origin = self._origin(one)
        if not isinstance(origin, Module):
            self._need(*origin)
            return
        for unit in list(users):
            if one.name not in unit.uses | unit.locals:
                continue
            for attribute in attributes_of(unit, one.name):
                self._need(origin, attribute.attr)

    def _origin(self, one: Import) -> Module | tuple[Module, str]:
        """Where an import from the package leads: a whole module, or a name in one."""
        if not one.attribute:
            module = self.library.module(one.module)
            if module is None or one.name == self.library.package:
                raise SnippetError(f"write `from ... import ...` for `import {one.module}`")
            return module
        source = self.library.module(one.module)
        if source is not None and one.attribute in {*source.defines, *source.imports}:
            return source, one.attribute
        module = self.library.module(f"{one.module}.{one.attribute}")
        if module is None:
            raise SnippetError(f"{one.module} has no {one.attribute}")
        return module

    def _stays_behind(self, one: Import) -> bool:
        return self._left_out(one) != ""

    def _left_out(self, one: Import) -> str:
        name = f"{one.module}.{one.attribute}".removeprefix(f"{self.library.package}.")
        return LEFT_OUT.get(name.split(".")[0], "")

    def _inner_imports(
        self, module: Module, unit: Unit
    ) -> Iterator[tuple[ast.Import | ast.ImportFrom, Import]]:
        """Imports from the package inside the functions of a unit."""
        for node in ast.walk(unit.node):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for one in module.imports_of(node):
                    if self.library.holds(one.module):
                        yield node, one

    def _in_order(self) -> list[Module]:
        """The modules, each after those that it imports at its top level."""
        ordered: list[Module] = []
        seen: set[str] = set()

        def visit(module: Module) -> None:
            if module.name in seen:
                return
            seen.add(module.name)
            for one in sorted(o for group in module.imports.values() for o in group):
                if self.library.holds(one.module):
                    origin = self._origin(one)
                    visit(origin if isinstance(origin, Module) else origin[0])
            if module.name in self.units:
                ordered.append(module)

        for name in sorted(self.units):
            module = self.library.module(name)
            if module is not None and module is not self.target:
                visit(module)
        visit(self.target)
        return ordered

    def _choose_names(self) -> None:
        """Give every definition its name in the file; a second `_check` gets its module's name."""
        outer: dict[str, Import] = {}
        for one in sorted(self.externals):
            other = outer.setdefault(one.name, one)
            if (other.module, other.attribute) != (one.module, one.attribute):
                raise SnippetError(f"{one.name} means both {other.module} and {one.module}")
        taken = {*outer, "_LeftOut", self.name}
        self.final[(self.target.name, self.name)] = self.name
        hidden = self._hidden()
        for module in [self.target, *self.modules]:
            for unit in self.units.get(module.name, []):
                for name in sorted(unit.names):
                    if (module.name, name) in self.final:
                        continue
                    short = module.name.rsplit(".", 1)[-1]
                    new, prefix = name, f"_{short}" if name.startswith("_") else f"{short}_"
                    blocked = taken | hidden.get((module.name, name), set())
                    while new in blocked or hasattr(builtins, new):
                        new = prefix + new
                    taken.add(new)
                    self.final[(module.name, name)] = new

    def _hidden(self) -> dict[tuple[str, str], set[str]]:
        """Local names of the functions that say `module.name`: there, `name` alone is another."""
        hidden: dict[tuple[str, str], set[str]] = {}
        for module in self.modules:
            for unit in self.units[module.name]:
                for alias, origin in self._aliases(module, unit).items():
                    for node in attributes_of(unit, alias):
                        hidden.setdefault((origin.name, node.attr), set()).update(unit.locals)
        return hidden

    def _aliases(self, module: Module, unit: Unit) -> dict[str, Module]:
        """Names in a unit that stand for a whole module of the package."""
        named = [one for name in unit.uses for one in module.imports.get(name, [])]
        origins = {one.name: self._origin(one) for one in named if self.library.holds(one.module)}
        return {name: found for name, found in origins.items() if isinstance(found, Module)}

    def _final_name(self, module: Module, name: str) -> str:
        if name in module.defines:
            return self.final[(module.name, name)]
        for one in module.imports.get(name, []):
            if self.library.holds(one.module):
                origin = self._origin(one)
                return name if isinstance(origin, Module) else self._final_name(*origin)
        return name

    def code(self) -> str:
        """Write imports and definitions, in an order in which they run."""
        futures = {f for module in self.modules for f in module.futures}
        parts: list[tuple[bool, bool, str]] = []  # (is a definition, follows closely, text)
        if self.left_out:
            parts.append((True, False, STAND_IN))
        for module in self.modules:
            last_line = -1
            for unit in sorted(self.units[module.name], key=lambda unit: unit.first_line):
                close = unit.first_line == last_line + 1
                last_line = unit.node.end_lineno or 0
                parts.append((unit.is_definition, close, self._rewritten(module, unit)))
        text = imports_text(self.externals, futures)
        wide = False
        for is_definition, close, part in parts:
            if text:
                text += "\n\n" if is_definition or wide else "" if close else "\n"
            text += part.rstrip() + "\n"
            wide = is_definition
        return text

    def _rewritten(self, module: Module, unit: Unit) -> str:
        edits: list[tuple[ast.AST, str]] = []
        renamed = {name: self._final_name(module, name) for name in unit.uses | unit.names}
        renamed = {old: new for old, new in renamed.items() if old != new}
        aliases = self._aliases(module, unit)
        clash = (set(renamed) | set(aliases)) & unit.locals
        if clash:
            raise SnippetError(f"a function in {module.name} hides {sorted(clash)[0]}: rename it")
        edits += self._import_edits(module, unit, aliases)
        for name, origin in aliases.items():
            edits += [(n, self._final_name(origin, n.attr)) for n in attributes_of(unit, name)]
        for node in ast.walk(unit.node):
            if isinstance(node, ast.Name) and node.id in renamed:
                edits.append((node, renamed[node.id]))
        text = apply_edits(unit, edits, renamed)
        if not (module is self.target and self.name in unit.names):
            text = prune_examples(text, self._known(), self.library.package)
        return drop_example_imports(text, self.library.package)

    def _import_edits(
        self, module: Module, unit: Unit, aliases: dict[str, Module]
    ) -> list[tuple[ast.AST, str]]:
        """Replace imports from the package inside functions by what they bind."""
        lines: dict[ast.Import | ast.ImportFrom, list[str]] = {}
        for node, one in self._inner_imports(module, unit):
            found = lines.setdefault(node, [])
            if self._stays_behind(one):
                found.append(f"{one.name} = _LeftOut({self._left_out(one)!r})")
                continue
            origin = self._origin(one)
            if isinstance(origin, Module):
                aliases[one.name] = origin
            elif one.name != (new := self._final_name(*origin)):
                found.append(f"{one.name} = {new}")
        return [(node, "; ".join(text)) for node, text in lines.items()]

    def _known(self) -> set[str]:
        return {*self.final.values(), *(one.name for one in self.externals), *dir(builtins)}
