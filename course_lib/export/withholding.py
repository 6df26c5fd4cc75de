"""A module of course_lib as a class's copy carries it: no solutions, or none that show."""

import ast
import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

from course_lib.exercises import registry
from course_lib.exercises.checks import FunctionCheck, ValueCheck
from course_lib.exercises.core import Exercise
from course_lib.exercises.withheld import record
from course_lib.export.names import ExportError, Statement, first_line, statements, used_by
from course_lib.export.solved_by import solving
from course_lib.sealing import seal

_HEAD = "from course_lib.sealing import unseal\n\n"
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What a class's copy has of an exercise; hints, explanation and known mistakes it has not.
_KEPT = ("id", "title", "check", "time_limit")


def sealed_exercises(stem: str, used: Iterable[str]) -> str:
    """An exercise module without references, solutions, hints and known mistakes, sealed.

    Args:
        stem: the module's name, "ex02_similarity_metrics".
        used: the names that notebooks use of it, such as a function that shows a result.

    Returns:
        The text of the module. Its checks compare with recorded results.
    """
    return (
        f'"""The checks of notebook {stem[2:4]}, for a class: they do not show their source."""\n\n'
        + _HEAD
        + f'exec(unseal("{seal(stripped_exercises(stem, used))}"))\n'
    )


def stripped_exercises(stem: str, used: Iterable[str]) -> str:
    """What `sealed_exercises` seals, as source that can be read.

    Raises:
        ExportError: if the module does not end with a plain list EXERCISES.
    """
    module = importlib.import_module(f"course_lib.exercises.{stem}")
    parts = statements(Path(str(module.__file__)).read_text(encoding="utf-8"))
    by_id = {exercise.id: exercise for exercise in registry.exercises_of(stem)}
    calls = _listed(parts, stem)
    before = [one for one in parts if "EXERCISES" not in one.writes]
    needs = set(used)
    for one in statements(_listing(calls, by_id, set())):
        needs |= one.reads
    kept = used_by(needs, before)
    here = {f"{module.__name__}:{name}" for one in kept for name in one.writes}
    return "\n".join(
        [
            *(ast.unparse(_undocumented(one.node)) for one in kept),
            "from course_lib.exercises.withheld import Withheld, recorded",
            _listing(calls, by_id, here),
            "",
        ]
    )


def _listed(parts: list[Statement], stem: str) -> list[ast.Call]:
    for one in parts:
        if "EXERCISES" in one.writes:
            value = getattr(one.node, "value", None)
            if isinstance(value, ast.List) and all(isinstance(c, ast.Call) for c in value.elts):
                return [call for call in value.elts if isinstance(call, ast.Call)]
    raise ExportError(f"{stem}.py must have EXERCISES = [Exercise(...), ...], written out")


def _listing(calls: Iterable[ast.Call], by_id: Mapping[str, Exercise], here: set[str]) -> str:
    entries = ",\n".join(_without_solution(call, by_id, here) for call in calls)
    return f"EXERCISES = [\n{entries}\n]"


def _without_solution(call: ast.Call, by_id: Mapping[str, Exercise], here: set[str]) -> str:
    """One exercise, as source; of its module's functions `here` are still in the copy."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    exercise = by_id[ast.literal_eval(given["id"])]
    words = {key: ast.unparse(value) for key, value in given.items() if key in _KEPT}
    words |= {"hints": "()", "explanation": "''", "solution_source": "''", "reference": "None"}
    if exercise.wants_function:
        names = inspect.signature(exercise.reference).parameters
        words["reference"] = f"Withheld({', '.join(map(repr, names))})"
        own = "course_lib.exercises."
        refuse = [name for name in solving(exercise) if not name.startswith(own) or name in here]
        words["refuse"] = repr(tuple(refuse))
    if isinstance(exercise.check, ValueCheck):
        raise ExportError(
            f"exercise {exercise.id} compares with one value, which a class's copy cannot hide: "
            "check a property of it instead"
        )
    if isinstance(exercise.check, FunctionCheck):
        outcomes = record(exercise.check.outcomes())
        words["check"] = f"recorded({words['check']}, {outcomes!r})"
    return f"    Exercise({', '.join(f'{key}={value}' for key, value in words.items())})"


def _undocumented(node: ast.stmt) -> ast.stmt:
    """The statement without docstrings, which say what a function does and give examples."""
    for inner in ast.walk(node):
        if isinstance(inner, _DEFINITION) and ast.get_docstring(inner):
            inner.body = inner.body[1:] or [ast.Pass()]
    return node


def seal_definitions(source: str, names: Iterable[str]) -> str:
    """A module's source with some definitions sealed, and the private helpers that they use.

    Args:
        source: the module.
        names: functions or classes at its top; of "BM25.scores" the whole class.

    Raises:
        ExportError: if one of them is not defined at the module's top, or in another way too.

    >>> text = seal_definitions("import math\\ndef half(x):\\n    return x / 2", ["half"])
    >>> "return" in text, "import math" in text
    (False, True)
    """
    parts = statements(source)
    wanted = {name.split(".")[0] for name in names}
    defined = {n for one in parts if isinstance(one.node, _DEFINITION) for n in one.writes}
    otherwise = {n for one in parts if not isinstance(one.node, _DEFINITION) for n in one.writes}
    for name in sorted(wanted - (defined - otherwise)):
        raise ExportError(
            f"{name} cannot be sealed: it must be one def or class at its module's top"
        )
    while True:
        reads = {name for one in parts if one.writes & wanted for name in one.reads}
        helpers = {
            name
            for one in parts
            if isinstance(one.node, _DEFINITION)
            for name in one.writes & reads
            if name.startswith("_")
        }
        if helpers <= wanted:
            break
        wanted |= helpers
    future = "from __future__ import annotations\n"
    lines = source.splitlines()
    for one in reversed(parts):
        if one.writes & wanted and isinstance(one.node, _DEFINITION):
            text = (future if future in source else "") + one.text
            begin, end = first_line(one.node) - 1, one.node.end_lineno
            lines[begin:end] = [f'exec(unseal("{seal(text)}"))']
    after = _after_head(parts)
    return "\n".join([*lines[:after], "", _HEAD.strip(), *lines[after:], ""])


def _after_head(parts: list[Statement]) -> int:
    """The line after the docstring and the imports from __future__."""
    line = 0
    for one in parts:
        is_docstring = isinstance(one.node, ast.Expr) and isinstance(one.node.value, ast.Constant)
        if not is_docstring and getattr(one.node, "module", "") != "__future__":
            break
        line = one.node.end_lineno or line
    return line
