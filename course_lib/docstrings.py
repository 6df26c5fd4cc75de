"""A corpus that everybody has: the docstrings of the installed scientific libraries.

They are read from the source files, so that nothing is imported or run, and the same versions give
the same sentences on every computer.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_lib.chunking.sentences import split_sentences

LIBRARIES = ("numpy", "scipy", "sklearn", "matplotlib")

_SKIPPED = {"tests", "testing", "externals", "_externals", "_vendored", "__pycache__"}
_KINDS = {ast.FunctionDef: "function", ast.AsyncFunctionDef: "function", ast.ClassDef: "class"}
_UNDERLINE = re.compile(r"\s*([-=~^*])\1{2,}\s*")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s+")  # of a list
_NO_PROSE = ("Examples", "References", "See Also")  # code, titles of papers, other objects
# :func:`~numpy.dot` -> dot, ``axis`` -> axis; what stands for text to come is dropped
_ROLE = re.compile(r":[\w:+-]+:`~?(?:[^`<]*\.)?([^`<]*?)(?:\s*<[^`]*>)?`")
_MARKS = re.compile(r"~\.|`{1,2}|\*{2}|%\([^)]*\)s|\[[\d\w]{1,8}\]_|\|")
# "axis : int, optional", and "See also the others."
_NO_SENTENCE = re.compile(r"[*\w.]+(?:, *[*\w.]+)* ?: *(?:[a-z{(~.]|None)|See (?i:also)")
_WORD = re.compile(r"[A-Za-z]{2,}")
_SEE_ALSO = re.compile(r"^([\w.`:~]+)\s+:\s+(\S.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Docstring:
    """A docstring of a library, cleaned of its indentation."""

    name: str  # such as "scipy.linalg._basic.lstsq"
    library: str
    kind: str  # "module", "class", "function" or, within a class, "method"
    text: str

    def sentences(self) -> list[str]:
        """Its sentences, without code, references and the lines of "See Also".

        >>> text = "Add two numbers.\\n\\n>>> add(1, 2)\\n3\\n\\nSlow for :func:`~np.long` lists."
        >>> Docstring("np.add", "np", "function", text).sentences()
        ['Add two numbers.', 'Slow for long lists.']
        """
        found = []
        for block in _blocks(self.text):
            plain = " ".join(_MARKS.sub("", _ROLE.sub(r"\1", block)).split())
            found += [one.strip() for one in split_sentences(plain) if _is_prose(one.strip())]
        return found

    def see_also(self) -> list[tuple[str, str]]:
        """What its section "See Also" says of other objects: (name, description).

        >>> Docstring("np.add", "np", "function", "See Also\\n--------\\nsum : Add all.").see_also()
        [('sum', 'Add all.')]
        """
        _, found, section = self.text.partition("See Also\n--------\n")
        entries = _SEE_ALSO.findall(section.partition("\n\n")[0]) if found else []
        return [(name, " ".join(description.split())) for name, description in entries]


def load_docstrings(libraries: Sequence[str] = LIBRARIES) -> list[Docstring]:
    """The docstrings of installed libraries, in the order of their files and lines.

    Args:
        libraries: names to import them by; their tests and bundled packages are left out.

    Raises:
        ValueError: if a library is not installed.

    >>> any(one.name.endswith("top_k") for one in load_docstrings(["course_lib"]))
    True

    Built for notebooks/07_vector_search.ipynb.
    """
    found: dict[str, Docstring] = {}
    for library in libraries:
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            raise ValueError(f"libraries must be installed, got {library!r}")
        root = Path(spec.origin).parent
        files = [file.relative_to(root) for file in root.rglob("*.py")]
        for file in sorted(files, key=lambda file: file.as_posix()):
            if _SKIPPED.isdisjoint(file.parts):
                module = ".".join([library, *file.with_suffix("").parts]).removesuffix(".__init__")
                for one in _docstrings(root / file, module, library):
                    found.setdefault(one.name, one)  # a property's setter comes second
    return list(found.values())


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the first docstring that it stands in."""

    id: str  # such as "scipy.linalg._basic.lstsq#3"
    text: str
    source: Docstring


@dataclass(frozen=True)
class Query:
    """What "See Also" says of an object, and the last parts of the names that it is said of."""

    text: str
    names: frozenset[str]

    def describes(self, source: Docstring) -> bool:
        """Whether a docstring belongs to an object of such a name."""
        return source.name.rpartition(".")[2] in self.names


def load_corpus(
    libraries: Sequence[str] = LIBRARIES, *, seed: int = 0
) -> tuple[list[Sentence], list[Query]]:
    """Sentences to search and queries to search them with, each once.

    A query has four words or more, stands nowhere in the corpus word for word, and describes an
    object whose docstring is there.

    Args:
        libraries: names to import them by.
        seed: of the order, so that the first thousand are a sample of all.

    Raises:
        ValueError: if a library is not installed.

    Built for notebooks/07_vector_search.ipynb.
    """
    docstrings = load_docstrings(libraries)
    sentences: dict[str, Sentence] = {}
    described: dict[str, set[str]] = {}
    for one in docstrings:
        for number, text in enumerate(one.sentences()):
            sentences.setdefault(text, Sentence(f"{one.name}#{number}", text, one))
        for name, text in one.see_also():
            described.setdefault(text, set()).add(name.strip("`").rpartition(".")[2])
    known = {one.name.rpartition(".")[2] for one in docstrings}
    verbatim = {text.lower().rstrip(".") for text in sentences}
    queries = [
        Query(text, frozenset(names & known))
        for text, names in described.items()
        if len(text.split()) >= 4 and text.lower().rstrip(".") not in verbatim and names & known
    ]
    rng = np.random.default_rng(seed)
    kept = list(sentences.values())
    return (
        [kept[row] for row in rng.permutation(len(kept))],
        [queries[row] for row in rng.permutation(len(queries))],
    )


def _docstrings(file: Path, module: str, library: str) -> Iterator[Docstring]:
    source = file.read_text(encoding="utf-8")
    if '"""' not in source:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backslashes in other people's strings
        tree = ast.parse(source)
    todo: list[tuple[ast.AST, str, str]] = [(tree, module, "module")]
    while todo:
        node, name, kind = todo.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield Docstring(name, library, kind, text)
        if kind in ("function", "method"):
            continue  # what is defined inside is nobody else's
        inside = []
        for child in ast.iter_child_nodes(node):
            if type(child) in _KINDS:
                what = _KINDS[type(child)]
                what = "method" if kind == "class" and what == "function" else what
                inside.append((child, f"{name}.{child.name}", what))  # type: ignore[attr-defined]
            elif isinstance(child, ast.If | ast.Try):
                inside.append((child, name, kind))
            elif isinstance(child, ast.Expr) and isinstance(child.value, ast.Call):
                yield from _of_compiled(child.value, module, library)
        todo += reversed(inside)


def _of_compiled(call: ast.Call, module: str, library: str) -> Iterator[Docstring]:
    """The docstring of a compiled function: in NumPy and SciPy an argument of `add_newdoc`."""
    if not ast.unparse(call.func).startswith("add_newdoc"):
        return
    texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
    words = [text for text in texts if isinstance(text, str)]
    if len(words) > 1:
        name = ".".join([module.rpartition(".")[0], *words[-2:-1]])
        yield Docstring(name, library, "function", inspect.cleandoc(words[-1]))


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, items of lists, and descriptions of parameters; no headings and no code."""
    section = ""
    block: list[str] = []
    indent = -1
    code = False
    lines = text.split("\n")
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        item = _ITEM.match(line)
        start = item.end() if item else len(line) - len(line.lstrip())
        words = line[start:].rstrip()
        if words and _UNDERLINE.fullmatch(below):
            section = words
        code = bool(words) and (code or words.startswith(">>>"))
        if not words or item or start != indent:  # a change of indent ends a block too
            yield " ".join(block)
            block, indent = [], start
        heading = _UNDERLINE.fullmatch(line) or _UNDERLINE.fullmatch(below)
        if not (heading or code or words.startswith("..") or section in _NO_PROSE):
            block.append(words)
    yield " ".join(block)


def _is_prose(line: str) -> bool:
    """Whether it reads as prose: three words or more, mostly letters, no type, no "See also"."""
    words = _WORD.findall(line)
    return (
        3 <= len(words) <= 60
        and not _NO_SENTENCE.match(line)
        and sum(map(len, words)) > 0.6 * len(line)
    )
