"""Which names a statement reads and writes, and so which statements a piece of code needs."""

import ast
import builtins
import dis
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import CodeType

_READS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


class ExportError(RuntimeError):
    """The course cannot be exported; the message says what stands in the way."""


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a cell or module, with its text and the names it uses."""

    node: ast.stmt
    text: str
    reads: frozenset[str]
    writes: frozenset[str]

    @property
    def is_import(self) -> bool:
        """Whether it is `import ...` or `from ... import ...`."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)


def statements(source: str) -> list[Statement]:
    """Split Python source into its top-level statements, comments between them left out.

    >>> [(one.text, sorted(one.reads)) for one in statements("a = 1\\nb = [a for x in c]  # why")]
    [('a = 1', []), ('b = [a for x in c]  # why', ['a', 'c'])]
    """
    lines = source.splitlines()
    found = []
    for node in _parsed(source).body:
        text = "\n".join(lines[first_line(node) - 1 : node.end_lineno])
        reads, writes = _names(node)
        found.append(Statement(node, text, frozenset(reads), frozenset(writes)))
    return found


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        pass
    try:  # Jupyter's own commands, such as %timeit and !ls, say nothing of names
        return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    except SyntaxError as error:
        raise ExportError(f"a cell is not Python: {error.msg} in {error.text!r}") from None


def first_line(node: ast.stmt) -> int:
    """The line, from 1, at which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _names(node: ast.stmt) -> tuple[set[str], set[str]]:
    # Compiled, not walked: Python itself knows which names are local to a function.
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(ast.Module([node], []), "<cell>", "exec", flags, dont_inherit=True)
    reads: set[str] = set()
    writes: set[str] = set()
    inside: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in _READS and step.argval not in writes:
            reads.add(step.argval)
        if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            writes.add(step.argval)
        if isinstance(step.argval, CodeType):
            inside |= _globals_of(step.argval)
    return reads | (inside - writes), writes


def _globals_of(code: CodeType) -> set[str]:
    found = set()
    for step in dis.get_instructions(code):
        if step.opname in _READS:
            found.add(step.argval)
        if isinstance(step.argval, CodeType):
            found |= _globals_of(step.argval)
    return found


def reads_of(source: str) -> set[str]:
    """The names that source code needs from elsewhere, Python's own left out.

    >>> sorted(reads_of("x = len(a)\\nprint(x + b)"))
    ['a', 'b']
    """
    needed: set[str] = set()
    written: set[str] = set()
    for one in statements(source):
        needed |= one.reads - written
        written |= one.writes
    return {name for name in needed if not hasattr(builtins, name)}


def needed_by(names: Iterable[str], before: Sequence[Statement]) -> list[Statement]:
    """The statements, in order, that give `names` their values, and what those need in turn.

    Args:
        names: what some code reads.
        before: the statements that stand before it.

    >>> cell = statements("a = 1\\nb = []\\nc = 3\\nb.append(a)")
    >>> [one.text for one in needed_by(["b"], cell)]
    ['a = 1', 'b = []', 'b.append(a)']
    """
    wanted, kept = set(names), []
    for one in reversed(before):
        if one.writes & wanted or _changes(one.node) & wanted:
            kept.append(one)
            if not _changes(one.node) & wanted:
                wanted -= one.writes
            wanted |= one.reads
    return kept[::-1]


def used_by(names: Iterable[str], module: Sequence[Statement]) -> list[Statement]:
    """The statements of a module that `names` use, wherever they stand.

    Unlike a cell's, a function's body may read a name that is given below it.

    >>> module = statements("def f():\\n    return g()\\ndef g():\\n    return 1\\nh = 2")
    >>> [sorted(one.writes) for one in used_by(["f"], module)]
    [['f'], ['g']]
    """
    wanted = set(names)
    while True:
        kept = [one for one in module if (one.writes | _changes(one.node)) & wanted]
        reads = {name for one in kept for name in one.reads}
        if reads <= wanted:
            return kept
        wanted |= reads


def _changes(node: ast.stmt) -> set[str]:
    """Names whose objects a statement changes: ``x.append(1)``, ``x[0] = 1``, ``x += 1``."""
    found: list[ast.expr] = []
    for inner in ast.walk(node) if isinstance(node, ast.For | ast.While | ast.With) else [node]:
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            found.append(inner.value.func)
        if isinstance(inner, ast.Assign):
            found += [target for target in inner.targets if not isinstance(target, ast.Name)]
        if isinstance(inner, ast.AugAssign):
            found.append(inner.target)
    names = set()
    for expression in found:
        called = isinstance(expression, ast.Name)
        while isinstance(expression, ast.Attribute | ast.Subscript):
            expression = expression.value
        if isinstance(expression, ast.Name) and not (called and isinstance(node, ast.Expr)):
            names.add(expression.id)
    return names
