"""Which tool may be called with which arguments, and because of whose words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.guardrails.verdicts import (
    NO_CONTEXT,
    ORIGINS,
    PASSED,
    Context,
    Origin,
    ToolCall,
    Verdict,
)
from course_lib.tools.schemas import SCHEMAS

ORDER = "LC-[0-9]{2}-[0-9]{5}"
NOT_SAID = "they name what the user has not named"
_END = r"$(?!\n)"  # `$` alone would let a line end follow


@dataclass(frozen=True)
class Rule:
    """One thing that may be done.

    Args:
        tool: its name.
        schema: JSON Schema (draft 2020-12) that the arguments must fit; by default any will do.
        origins: whose words may cause it. By default anybody's, and for a tool that changes
            something the user's alone.
        user_says: pattern (`re`) of what the user must have said, such as an order number: all that
            it finds in the arguments must stand in the question.
        changes: whether the tool changes something, or tells something to somebody outside.

    Raises:
        ValueError: for an unknown origin, a schema that is none, or a tool that changes something
            and may be called because of a passage or a tool's result.

    >>> Rule("refund", changes=True, origins=["passage"])
    Traceback (most recent call last):
    ValueError: refund changes something, so its origins must be ['user'], got ['passage']

    Built in notebooks/14_orchestration.ipynb.
    """

    tool: str
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)
    origins: Collection[Origin] | None = field(default=None, hash=False)
    user_says: str = ""
    changes: bool = False

    def __post_init__(self) -> None:
        from jsonschema import Draft202012Validator, SchemaError

        default = ORIGINS[:1] if self.changes else ORIGINS
        origins = default if self.origins is None else tuple(self.origins)
        if unknown := set(origins) - set(ORIGINS):
            raise ValueError(f"origins must be of {', '.join(ORIGINS)}, got {sorted(unknown)}")
        if self.changes and set(origins) != {"user"}:
            raise ValueError(
                f"{self.tool} changes something, so its origins must be ['user'], "
                f"got {list(origins)}"
            )
        object.__setattr__(self, "origins", origins)
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            message = f"schema of {self.tool} is no JSON Schema: {error.message}"
            raise ValueError(message) from None


class AllowList:
    """Allows the calls that a rule names, and no other.

    It does not read what a text says, so no wording gets past it. Once the model has read a passage
    or a tool's result, nobody can tell any more whose words made it call: a call that changes
    something then needs the yes of a person, for these very arguments (`Context.confirmed`).

    Args:
        rules: a call must fit one of them; a tool may have several.

    >>> guard = AllowList([Rule("search"), Rule("refund", changes=True)])
    >>> guard.check(ToolCall("refund", {"order": "LC-25-20417"}, origin="passage")).reason
    'refund changes something and may not be caused by a passage'
    >>> guard.check(ToolCall("search", {"query": "brakes"}, origin="passage")).allowed
    True

    Built in notebooks/14_orchestration.ipynb.
    """

    name = "allow-list"

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Look at a call; a text passes."""
        if isinstance(subject, str):
            return PASSED
        rules = [rule for rule in self.rules if rule.tool == subject.tool]
        if not rules:
            return _refused(f"{subject.tool} is not on the list")
        origin = _less_trusted(subject.origin, context)
        fitting, wrong = [], ""
        for rule in rules:
            problem = _problem(rule, subject, context)
            wrong = wrong or problem
            if not problem:
                fitting.append(rule)
        if not fitting:
            return _refused(f"{subject.tool} may not be called with these arguments: {wrong}")
        for rule in fitting:
            if origin in (rule.origins or ()):
                return PASSED
            if rule.changes and any(_same(subject, call) for call in context.confirmed):
                return PASSED
        by = f"may not be caused by a {origin.replace('_', ' ')}"
        if any(rule.changes for rule in fitting):
            return _refused(f"{subject.tool} changes something and {by}")
        return _refused(f"{subject.tool} with these arguments {by}")


def larkspur_rules() -> tuple[Rule, ...]:
    """The rules for the course's assistant: its four reading tools, and three that would write.

    Anybody's words may cause a search, a calculation, a query (hide the columns that nobody is to
    read: `tools.sql_tool`) or a look at stock and products. An order is looked up only where the
    user has named it: a page must not make the assistant fetch somebody else's. Writing needs the
    user, or a person's yes.

    >>> guard, call = AllowList(larkspur_rules()), ToolCall("http", {"path": "/orders/LC-25-20417"})
    >>> guard.check(call).allowed, guard.check(call, Context("Where is LC-25-20417?")).allowed
    (False, True)

    Built in notebooks/14_orchestration.ipynb.
    """
    order = {"type": "string", "pattern": f"^{ORDER}{_END}"}
    return (
        Rule("search", SCHEMAS["search"]),
        Rule("calculator", SCHEMAS["calculator"]),
        Rule("http", _one("path", rf"^/(stock|products)/[A-Za-z0-9-]{{1,40}}/?{_END}")),
        Rule("http", _one("path", rf"^/orders/{ORDER}/?{_END}"), user_says=ORDER),
        Rule("sql", SCHEMAS["sql"]),
        Rule("cancel_order", _fields({"order": order}), user_says=ORDER, changes=True),
        Rule("change_address", _fields({"order": order, "address": {"type": "string"}}),
             user_says=ORDER, changes=True),
        Rule("open_ticket", _fields({"text": {"type": "string", "maxLength": 2000}}),
             changes=True),
    )  # fmt: skip


def _fields(properties: dict[str, Any]) -> dict[str, Any]:
    """Schema of an object with these fields and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _one(name: str, pattern: str) -> dict[str, Any]:
    return _fields({name: {"type": "string", "pattern": pattern}})


def _less_trusted(stated: Origin | None, context: Context) -> Origin:
    """What the call says of itself can lower the trust that the context leaves, not raise it."""
    return max(stated or "user", context.least_trusted, key=ORIGINS.index)


def _same(one: ToolCall, other: ToolCall) -> bool:
    return (one.tool, dict(one.arguments)) == (other.tool, dict(other.arguments))


def _problem(rule: Rule, call: ToolCall, context: Context) -> str:
    """What is wrong with the arguments, in words without their values; empty if nothing is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(rule.schema).iter_errors(dict(call.arguments)))
    if error is None:
        named = set(re.findall(rule.user_says, call.as_text())) if rule.user_says else set()
        return "" if all(name in context.question for name in named) else NOT_SAID
    where = ".".join(map(str, error.absolute_path)) or "the arguments"
    return f"{where} must have {error.validator} {error.validator_value!r}"


def _refused(reason: str) -> Verdict:
    return Verdict(False, reason, score=1.0)
