"""A tool: a name, what it does, a JSON Schema for its arguments, a function that gives text."""

from __future__ import annotations

import json
import re
import reprlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_ARGUMENTS = 20_000  # characters of JSON, before they are read


@dataclass(frozen=True)
class Tool:
    """What a model may call.

    Args:
        name: letters, digits, `_` and `-`, at most 64: what every API takes.
        description: for the model: what it answers, and what to give it.
        schema: JSON Schema (draft 2020-12) of the arguments, an object.
        run: called with the arguments by name, once they fit the schema; returns the text that the
            model reads, or raises a ValueError whose message the model reads.

    Raises:
        ValueError: for another name, or a schema that is none or not of an object.

    Built in notebooks/13_agents.ipynb.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    run: Callable[..., str]

    def __post_init__(self) -> None:
        from jsonschema import Draft202012Validator, SchemaError

        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.name):
            raise ValueError(f"name must be 1 to 64 of A-Z a-z 0-9 _ -, got {self.name!r}")
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            raise ValueError(f"schema of {self.name} is no JSON Schema: {error.message}") from None
        if self.schema.get("type") != "object":
            raise ValueError(f'schema of {self.name} must have "type": "object"')


@dataclass(frozen=True)
class ToolResult:
    """What came of a call.

    Attributes:
        ok: whether the tool did what it was asked.
        content: what the model reads: the tool's text, or "Error: ..." in words it can act on.
        error: None, else what went wrong, for the trace: the model is not shown the inside of a
            tool that broke.
        seconds: wall time.
    """

    ok: bool
    content: str
    error: str | None
    seconds: float


def call(tool: Tool, arguments: object) -> ToolResult:
    """Check the arguments against the tool's schema, run it, and never raise because of either.

    Args:
        tool: what to run.
        arguments: an object (dict), or the JSON text of one, as endpoints send it.

    >>> double = Tool("double", "Twice a number.", {
    ...     "type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
    ...     lambda x: str(2 * x))
    >>> call(double, {"x": 21}).content
    '42'
    >>> call(double, '{"x": "many"}').content
    "Error: wrong arguments for double: x must have type 'number', got 'many'"

    Built in notebooks/13_agents.ipynb.
    """
    start = time.perf_counter()
    error = None
    try:
        content = tool.run(**checked(tool, arguments))
    except ValueError as problem:
        error = f"{problem}"
        content = f"Error: {error}"
    except Exception as problem:  # a fault of the tool's own: the run goes on without it
        error = f"{type(problem).__name__}: {problem}"
        content = f"Error: {tool.name} is out of order; go on without it"
    return ToolResult(error is None, content, error, time.perf_counter() - start)


def call_by_name(tools: Mapping[str, Tool], name: object, arguments: object) -> ToolResult:
    """`call` for the tool of this name; for another name the result says which there are.

    >>> call_by_name({}, "weather", {}).content
    "Error: there is no tool 'weather'; there are none"
    """
    if isinstance(name, str) and name in tools:
        return call(tools[name], arguments)
    there = f"the tools are {', '.join(tools)}" if tools else "there are none"
    error = f"there is no tool {reprlib.repr(name)}; {there}"
    return ToolResult(False, f"Error: {error}", error, 0.0)


def checked(tool: Tool, arguments: object) -> dict[str, Any]:
    """The arguments as a dict that fits the tool's schema.

    Raises:
        ValueError: naming the argument, in words that a model can act on.
    """
    from jsonschema import Draft202012Validator

    wrong = f"wrong arguments for {tool.name}:"
    if isinstance(arguments, str):
        if len(arguments) > MAX_ARGUMENTS:
            raise ValueError(f"{wrong} longer than {MAX_ARGUMENTS} characters")
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise ValueError(f"{wrong} not JSON: {reprlib.repr(arguments)}") from None
    if not isinstance(arguments, Mapping):
        names = ", ".join(tool.schema.get("properties", {}))
        got = type(arguments).__name__
        raise ValueError(f"{wrong} must be one JSON object with {names}, got a {got}")
    arguments = dict(arguments)
    for problem in Draft202012Validator(tool.schema).iter_errors(arguments):
        where = ".".join(map(str, problem.absolute_path))
        if not where:  # "'x' is a required property" and the like say it themselves
            raise ValueError(f"{wrong} {problem.message[:200]}")
        wanted = f"{problem.validator} {problem.validator_value!r}"
        raise ValueError(
            f"{wrong} {where} must have {wanted}, got {reprlib.repr(problem.instance)}"
        )
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"{wrong} they hold what JSON in UTF-8 can't") from None
    return arguments


def to_openai(tool: Tool) -> dict[str, Any]:
    """The tool as the chat completions API lists it under `tools`.

    >>> to_openai(Tool("now", "The time.", {"type": "object"}, str))["function"]["name"]
    'now'
    """
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.schema),
    }
    return {"type": "function", "function": function}
