"""Rewriting the text of single statements, for `course snippet`."""

from __future__ import annotations

import ast
import re

from course_lib.snippet_source import SnippetError, Unit, example_imports, example_names


def attributes_of(unit: Unit, name: str) -> list[ast.Attribute]:
    """Every `name.attribute` in a unit.

    Raises:
        SnippetError: if the name stands alone somewhere, as a module handed around.
    """
    found = [
        node
        for node in ast.walk(unit.node)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    ]
    alone = [n for n in ast.walk(unit.node) if isinstance(n, ast.Name) and n.id == name]
    if len(alone) != len(found):
        raise SnippetError(f"the module {name} is used as a value, which a file cannot hold")
    return found


def apply_edits(unit: Unit, edits: list[tuple[ast.AST, str]], renamed: dict[str, str]) -> str:
    """Replace nodes of a unit by texts; an import that is replaced by nothing loses its line."""
    lines = [line.encode() for line in unit.text.splitlines(keepends=True)]
    if isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        old = unit.node.name
        if old in renamed:
            index = unit.node.lineno - unit.first_line
            lines[index] = lines[index].replace(old.encode(), renamed[old].encode(), 1)
    places = [(_place(node, unit.first_line), node, text) for node, text in edits]
    for (row, start, end_row, end), node, text in sorted(places, key=lambda p: p[0], reverse=True):
        if isinstance(node, ast.Name | ast.Attribute):
            found = b"".join(lines[row : end_row + 1])[start : end - len(lines[end_row]) or None]
            if found.split() != ast.unparse(node).encode().split():  # in an f-string, on 3.11
                raise SnippetError(f"line {node.lineno}: {ast.unparse(node)} stands in an f-string")
        elif not text and not _is_alone(unit.node, node):
            if lines[end_row + 1 :] and not lines[end_row + 1].strip():
                end_row += 1  # and the empty line that set it off
            lines[row : end_row + 1] = [b""] * (end_row + 1 - row)
            continue
        merged = lines[row][:start] + (text or "pass").encode() + lines[end_row][end:]
        lines[row : end_row + 1] = [merged] + [b""] * (end_row - row)
    return b"".join(lines).decode()


def _place(node: ast.AST, first_line: int) -> tuple[int, int, int, int]:
    assert isinstance(node, ast.expr | ast.stmt)
    end_line = node.end_lineno or node.lineno
    return (
        node.lineno - first_line,
        node.col_offset,
        end_line - first_line,
        node.end_col_offset or 0,
    )


def _is_alone(tree: ast.AST, statement: ast.AST) -> bool:
    """Whether a statement is the only one of its block."""
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            if getattr(node, block, None) == [statement]:
                return True
    return False


def prune_examples(text: str, known: set[str], package: str) -> str:
    """Drop the examples of a docstring that need names which the file does not hold."""
    unit = Unit(ast.parse(text).body[0], text, 1, frozenset())
    lines = text.splitlines(keepends=True)
    for docstring in unit.docstrings:
        imported = {
            name.name
            for statement in example_imports(str(docstring.value))
            for name in statement.names
            if (statement.module or "").split(".")[0] == package
        }
        if not (example_names(str(docstring.value)) | imported) - known:
            continue
        inside = False
        for index in range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno):
            stripped = lines[index].strip()
            starts = stripped.startswith(">>>")
            inside = starts or (inside and stripped not in ("", '"""'))
            if inside:
                lines[index] = ""
            if starts and not lines[index - 1].strip():
                lines[index - 1] = ""
    return "".join(lines)


def drop_example_imports(text: str, package: str) -> str:
    """Drop the lines of examples that import from the package: the file holds what they import."""
    line = rf"^[ ]*>>> from {re.escape(package)}[.\w]* import [\w, ]+\n"
    return re.sub(line, "", text, flags=re.MULTILINE)
