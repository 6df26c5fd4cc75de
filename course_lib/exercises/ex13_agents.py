"""The exercises of notebooks/13_agents.ipynb."""

import json
import re
from functools import partial
from typing import Any

from course_lib.agents import ScriptedPolicy, run_agent
from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted
from course_lib.tools import Tool, call

# ------------------------------------------------------------------------------------------------
# 13.1 A calculator that parses


def calculate(text: str) -> Any:
    """The value of an expression of numbers, + - * / and brackets; ValueError for anything else.

    >>> calculate("2 + 3 * (4 - 1)")
    11.0
    """
    return _calculate(text)


def _calculate(text: Any, how: str = "") -> Any:
    """The value, or with one thing changed."""
    tokens = re.findall(r"\d+(?:\.\d+)?|[-+*/()]|\S", text)
    if how == "last sign ignored" and tokens and tokens[-1] in "+-*/":
        tokens.pop()

    def number() -> float:
        token = tokens.pop(0) if tokens else "the end"
        if token == "(":
            value = total()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError("a bracket is not closed")
            return value
        if not token[0].isdigit():
            raise ValueError(f"a number is wanted, got {token}")
        return float(token)

    def product() -> float:
        value = number()
        while tokens and tokens[0] in "*/":
            sign = tokens.pop(0)
            other = product() if how == "from the right" else number()
            if sign == "/" and not other:
                raise ValueError("division by 0")
            value = value * other if sign == "*" else value / other
        return value

    def total() -> float:
        value = product() if how != "left to right" else number()
        while tokens and tokens[0] in ("+-*/" if how == "left to right" else "+-"):
            sign = tokens.pop(0)
            other = number() if how == "left to right" else product()
            if how == "from the right" and tokens and tokens[0] in "+-":
                tokens.insert(0, str(other))
                other = total()
            if sign == "/" and not other:
                raise ValueError("division by 0")
            value = {
                "+": lambda a, b: a + b,
                "-": lambda a, b: a - b,
                "*": lambda a, b: a * b,
                "/": lambda a, b: a / b,
            }[sign](value, other)
        return value

    value = total()
    if tokens and how != "rest ignored" and (how != "bracket ignored" or tokens != [")"]):
        raise ValueError(f"unexpected {tokens[0]}")
    return value


def _by_eval(text: Any) -> Any:
    return float(eval(text))


def _by_eval_guarded(text: Any) -> Any:
    try:
        return float(eval(text, {"__builtins__": {}}))
    except Exception as error:
        raise ValueError("no expression") from error


def _by_eval_of_signs(text: Any) -> Any:
    if not re.fullmatch(r"[-+*/(). \d]+", text) or "**" in text or "//" in text:
        raise ValueError("no expression")
    return _by_eval_guarded(text)


def _zero_is_inf(text: Any) -> Any:
    try:
        return _calculate(text)
    except ValueError as error:
        if "division" in str(error):
            return float("inf")
        raise


_CALCULATE_SOLUTION = r"""
def my_calculate(text):
    tokens = re.findall(r"\d+(?:\.\d+)?|[-+*/()]|\S", text)

    def number():                       # a number, or a whole expression in brackets
        token = tokens.pop(0) if tokens else "the end"
        if token == "(":
            value = total()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError("a bracket is not closed")
            return value
        if not token[0].isdigit():
            raise ValueError(f"a number is wanted, got {token}")
        return float(token)

    def product():                      # numbers with * and / between them
        value = number()
        while tokens and tokens[0] in "*/":
            sign, other = tokens.pop(0), number()
            if sign == "/" and other == 0:
                raise ValueError("division by 0")
            value = value * other if sign == "*" else value / other
        return value

    def total():                        # products with + and - between them
        value = product()
        while tokens and tokens[0] in "+-":
            sign, other = tokens.pop(0), product()
            value = value + other if sign == "+" else value - other
        return value

    value = total()
    if tokens:
        raise ValueError(f"unexpected {tokens[0]}")
    return value
"""

# ------------------------------------------------------------------------------------------------
# 13.2 The same step again

Call = tuple[str, dict[str, Any]]
_A: Call = ("http", {"path": "/stock/LK-204"})
_B: Call = ("sql", {"query": "SELECT 1"})
_C: Call = ("http", {"path": "/stock/LK-240"})
_ONE_WAY: Call = ("book", {"day": 3, "bike": "LM-1"})
_OTHER_WAY: Call = ("book", {"bike": "LM-1", "day": 3})
_THERE: Call = ("send", {"from": "GHE", "to": "BRI"})
_BACK: Call = ("send", {"from": "BRI", "to": "GHE"})
_OTHERS: list[Call] = [("sql", {"query": f"SELECT {n}"}) for n in range(12)]


def third_time(calls: list[Call]) -> Any:
    """Place of the first call that is made for the third time, None if there is none."""
    return _third(calls)


def _third(calls: Any, how: str = "") -> Any:
    seen: dict[str, int] = {}
    last, run = None, 0
    keys: list[str] = []
    for place, (tool, arguments) in enumerate(calls):
        key = json.dumps([tool, arguments], sort_keys=how != "as written")
        if how == "tool":
            key = tool
        elif how == "arguments":
            key = json.dumps(arguments, sort_keys=True)
        elif how == "values":
            key = json.dumps([tool, *sorted(map(str, arguments.values()))])
        run = run + 1 if key == last else 1
        last = key
        seen[key] = seen.get(key, 0) + 1
        keys.append(key)
        if how == "lately":
            seen[key] = keys[-5:].count(key)
        if (run if how == "in a row" else seen[key]) == (2 if how == "second" else 3):
            return place + (how == "from one")
    return {"end": len(calls), "minus": -1}.get(how)


_THIRD_SOLUTION = """
def my_third_time(calls):
    seen = {}
    for place, (tool, arguments) in enumerate(calls):
        key = json.dumps([tool, arguments], sort_keys=True)   # the order of arguments is no matter
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 3:
            return place
    return None
"""

# ------------------------------------------------------------------------------------------------
# 13.3 Did it solve the task?


def solved(wanted: list[float] | None, avoid: list[float], answer: str, declined: bool) -> Any:
    """Whether an answer has every wanted number and no avoided one; None wants a decline."""
    return _solved(wanted, avoid, answer, declined)


def _solved(wanted: Any, avoid: Any, answer: Any, declined: Any, how: str = "") -> Any:
    pattern = r"(?<![\w.-])\d[\d,]*(?:\.\d+)?" if how != "codes" else r"\d[\d,]*(?:\.\d+)?"
    written = re.findall(pattern, answer)
    said = {float(text.rstrip(",").replace(",", "" if how != "commas" else ".")) for text in written
            if how != "commas" or text.count(",") + text.count(".") <= 1}  # fmt: skip
    if how == "whole":
        said = {int(text.replace(",", "")) for text in re.findall(r"(?<![\w-])\d[\d,]*", answer)}
    if how == "one decimal":
        said = {int(10 * number) / 10 for number in said}
    if how == "LK":
        found = re.findall(r"\d[\d,]*(?:\.\d+)?", re.sub(r"LK-\d+", "", answer))
        said = {float(text.replace(",", "")) for text in found}
    if how == "spaces":
        said = {float(word) for word in answer.replace(",", "").split() if word.isdigit()}
    if wanted is None or (how == "empty" and not wanted):
        return bool(declined) if how != "stopped" else declined or not answer
    if declined and how != "declined":
        return False
    if how == "inside":
        return all(f"{n:g}" in answer for n in wanted) and not any(
            f"{n:g}" in answer for n in avoid
        )
    if how == "any":
        return any(n in said for n in wanted) and not said & set(avoid)
    if how == "avoid":
        return all(n in said for n in wanted)
    if how == "nothing else":
        return said == set(wanted)
    if how == "all avoided":
        return all(n in said for n in wanted) and not (avoid and said >= set(avoid))
    if how == "avoid inside":
        return all(n in said for n in wanted) and not any(f"{n:g}" in answer for n in avoid)
    if how == "nearly":
        return all(any(abs(n - m) <= 0.01 for m in said) for n in wanted) and not said & set(avoid)
    return all(n in said for n in wanted) and not said & set(avoid)


_SOLVED_SOLUTION = r"""
def my_solved(wanted, avoid, answer, declined):
    if wanted is None or declined:
        return wanted is None and declined
    written = re.findall(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?", answer)   # no digits of LK-204
    said = {float(text.replace(",", "")) for text in written}
    return set(wanted) <= said and not said & set(avoid)
"""

# ------------------------------------------------------------------------------------------------
# 13.4 The reader's own tool

_TOOL = Tool(
    "tyre_pressure",
    "The pressure for a rider's weight: kg, from 30 to 150. Gives bar.",
    {
        "type": "object",
        "properties": {"kg": {"type": "number", "minimum": 30, "maximum": 150}},
        "required": ["kg"],
        "additionalProperties": False,
    },
    lambda kg: f"{2 + kg / 60:.1f} bar",
)
_ARGUMENTS = {"kg": 75}
_TOOL_SOLUTION = """
my_tool = Tool(
    "tyre_pressure",
    "The pressure for a rider's weight: kg, from 30 to 150. Gives bar.",
    {
        "type": "object",
        "properties": {"kg": {"type": "number", "minimum": 30, "maximum": 150}},
        "required": ["kg"],
        "additionalProperties": False,
    },
    lambda kg: f"{2 + kg / 60:.1f} bar",
)
my_arguments = {"kg": 75}
"""

_NO_TOOL = "A Tool is wanted: Tool(name, description, schema, function)."
_NO_ARGUMENTS = "Your arguments are wanted as a dict, one that your tool takes."
_SHORT = "The description is all that a model reads of your tool: say in a sentence what it does."
_FAILS = "The call with your own arguments fails."
_NO_TEXT = "The function must return a text: that is what the model reads."
_EMPTY = "The tool takes no argument. Choose one that takes one or more."
_OPTIONAL = 'A call without arguments is let through: list them under "required".'
_EXTRA = 'An argument that you do not have is let through: "additionalProperties": False.'
_ANY_TYPE = 'A list in place of an argument is let through: give each property its "type".'
_ANY_OTHER = 'A list is let through in an argument that may be left out: it needs a "type" too.'
_BLANK = "The function returns an empty text: the model must read what came of its call."
_RUNS_CODE = "Your tool runs Python code that it is given: parse what you want instead."
_IGNORES = "The text is the same whatever the arguments are: let the function use them."
_CODE = "'%d!' % (6 * 7)"  # 42! only if somebody runs it


def check_tool(answer: Any) -> None:
    """Want a tool that works with its own arguments and refuses others."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong("A tool and its arguments are wanted.")
    tool, arguments = answer
    if tool is ... or arguments is ...:
        raise NotAttempted
    if not isinstance(tool, Tool):
        raise Wrong(_NO_TOOL, got=tool)
    if not isinstance(arguments, dict):
        raise Wrong(_NO_ARGUMENTS, got=arguments)
    if len(tool.description.split()) < 4:
        raise Wrong(_SHORT, got=tool.description)
    if not tool.schema.get("properties") or not arguments:
        raise Wrong(_EMPTY)
    result = call(tool, arguments)
    if not result.ok:
        raise Wrong(_FAILS, given=arguments, got=result.error)
    if not isinstance(result.content, str):
        raise Wrong(_NO_TEXT, got=result.content)
    if not result.content.strip():
        raise Wrong(_BLANK, given=arguments)
    if call(tool, {}).ok:
        raise Wrong(_OPTIONAL)
    if call(tool, {**arguments, "no_such_argument": 1}).ok:
        raise Wrong(_EXTRA)
    for name in tool.schema["properties"]:
        if "wrong arguments" not in (call(tool, {**arguments, name: [[]]}).error or ""):
            raise Wrong(_ANY_TYPE if name in arguments else _ANY_OTHER, given={name: [[]]})
        ran = call(tool, {**arguments, name: _CODE})
        if ran.ok and "42!" in str(ran.content):
            raise Wrong(_RUNS_CODE, given={name: _CODE}, got=ran.content)
    others = [
        {**arguments, name: new}
        for name, value in arguments.items()
        for new in _others(value, tool.schema["properties"].get(name, {}))
    ]
    taken = [result for result in (call(tool, other) for other in others) if result.ok]
    if taken and all(one.content == result.content for one in taken):
        raise Wrong(_IGNORES, given=others[-1], got=result.content)


def _others(value: Any, schema: Any) -> list[Any]:
    """Values unlike this one, of its type; a tool may refuse some."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        ends = [schema[key] for key in ("minimum", "maximum") if key in schema]
        return [*ends, value + 1, value // 2, 2 * value + 1, 100 * value, -value]
    return [*schema.get("enum", []), f"{value} and more", "?"] if isinstance(value, str) else []


def show_tool(tool: Any, arguments: Any) -> None:
    """Print what the loop makes of a tool, if it is one."""
    if isinstance(tool, Tool) and isinstance(arguments, dict):
        step = json.dumps({"tool": tool.name, "arguments": arguments}, default=str)
        end = '{"tool": "decline", "arguments": {"reason": "this was a rehearsal"}}'
        run = run_agent("A rehearsal.", ScriptedPolicy([step, end]), {tool.name: tool})
        print(run.turns[0].observation)


_KG = _TOOL.schema["properties"]


def _pressure(kg: float, lb: Any = 0) -> str:
    return f"{2 + kg / 60:.1f} bar"


def _tool(name: str = "", **changed: Any) -> Tool:
    given = {"description": _TOOL.description, "schema": _TOOL.schema, "run": _TOOL.run, **changed}
    return Tool(name or _TOOL.name, given["description"], given["schema"], given["run"])


def _schema(**changed: Any) -> dict[str, Any]:
    return {key: value for key, value in {**_TOOL.schema, **changed}.items() if value is not None}


EXERCISES = [
    Exercise(
        id="13.1",
        title="A calculator that parses",
        reference=calculate,
        solution_source=_CALCULATE_SOLUTION,
        check=function_check(
            cases=[
                Case(("2 + 3 * 4",), "* before +"),
                Case(("20 - 5 - 3",), "from the left"),
                Case(("24 / 4 / 2",), "from the left"),
                Case(("2 * (3 + 4) - 1",), "brackets"),
                Case(("((1.5))",), "brackets in brackets"),
                Case(("7",), "a number alone"),
                Case(("1 / 0",), "division by zero: a ValueError"),
                Case(("__import__('os').getcwd()",), "code: a ValueError"),
                Case(("2 ** 9",), "a power is not among our signs: a ValueError"),
                Case(("9 // 2",), "nor is //: a ValueError"),
                Case(("2+3*(4-1)",), "without spaces"),
                Case(("(2 + 3",), "an open bracket: a ValueError"),
                Case(("2 + 3 4",), "a number too many: a ValueError"),
                Case(("2 + 3)",), "a bracket too many: a ValueError"),
                Case(("2 + 3 * (1 - 1",), "an open bracket: a ValueError"),
                Case(("2 +",), "a sign at the end: a ValueError"),
                Case(("2 * -3",), "no value before the minus: a ValueError"),
                Case(("abs(1)",), "a name: a ValueError"),
                Case(("",), "nothing: a ValueError"),
            ]
        ),
        hints=(
            "Cut the text into tokens first. Then three functions that call one another: number() "
            "takes a number or what stands in brackets, product() numbers with * and / between, "
            "total() products with + and - between.",
            r're.findall(r"\d+(?:\.\d+)?|[-+*/()]|\S", text) are the tokens; tokens.pop(0) takes '
            "the next one. In number(), after an opening bracket, call total(). What is left over "
            "at the end is an error.",
        ),
        explanation="What the three functions do not know cannot happen: there is no name, no "
        "call, no file. `eval` with a list of forbidden words goes the other way round. A walk "
        "over the tree of `ast.parse` is right too, if it knows these four signs alone.",
        wrong=(
            KnownWrong(_by_eval, "eval runs whatever the model writes: parse the text yourself."),
            KnownWrong(
                _by_eval_guarded,
                "eval without built-ins still does powers and attributes, and ways around it are "
                "well known: parse the text yourself.",
            ),
            KnownWrong(
                partial(_calculate, how="left to right"),
                "You go from left to right whatever the signs: * and / come before + and -.",
            ),
            KnownWrong(
                partial(_calculate, how="from the right"),
                "20 - 5 - 3 is 12: of equal signs the left one comes first.",
            ),
            KnownWrong(
                partial(_calculate, how="rest ignored"),
                "What is left over is ignored: 2 + 3 4 must be an error.",
            ),
            KnownWrong(
                partial(_calculate, how="bracket ignored"),
                "A closing bracket without an opening one is ignored: 2 + 3) must be an error.",
            ),
            KnownWrong(
                partial(_calculate, how="last sign ignored"),
                "A sign at the end is ignored: 2 + must be an error.",
            ),
            KnownWrong(
                _by_eval_of_signs,
                "2 * -3 is let through. eval does that, whatever characters you let pass; of "
                "yours is wanted that each sign stands between two values.",
            ),
            KnownWrong(_zero_is_inf, "1 / 0 must be a ValueError, not an infinite number."),
        ),
    ),
    Exercise(
        id="13.2",
        title="The same step again",
        reference=third_time,
        solution_source=_THIRD_SOLUTION,
        check=function_check(
            cases=[
                Case(([_A, _A, _A],), "three in a row"),
                Case(([_A, _B, _A, _B, _A, _B],), "two in turn"),
                Case(([_A, _C, _B, _A],), "no third time"),
                Case(([_C, _A, _C, _A, _B],), "the same tool with other arguments"),
                Case(([_ONE_WAY, _OTHER_WAY, _B, _ONE_WAY],), "arguments in another order"),
                Case(
                    (
                        [
                            ("search", {"query": "x"}),
                            ("sql", {"query": "x"}),
                            ("sql", {"query": "x"}),
                            ("search", {"query": "x"}),
                        ],
                    ),
                    "the same arguments of two tools",
                ),
                Case(([_THERE, _BACK, _THERE, _BACK],), "the same values under other names"),
                Case(([_A, *_OTHERS[:6], _A, *_OTHERS[6:], _A],), "six other calls between"),
                Case(([],), "no call"),
            ],
            compare=exact,
        ),
        hints=(
            "Count, in a dictionary, how often each call has come; a call is its tool and its "
            "arguments. A dict cannot be a key: make a text of it.",
            "json.dumps([tool, arguments], sort_keys=True) is the same text for the same call. "
            "Return the place as soon as a count is 3.",
        ),
        explanation="An agent that alternates between two calls is as stuck as one that repeats "
        "one, and a step budget alone lets it spend all of its money first.",
        wrong=(
            KnownWrong(
                partial(_third, how="in a row"),
                "Two calls in turn are a loop too: count each call, not only neighbours.",
            ),
            KnownWrong(
                partial(_third, how="tool"), "You count the tools; the arguments matter too."
            ),
            KnownWrong(
                partial(_third, how="arguments"), "You count the arguments; the tool matters too."
            ),
            KnownWrong(
                partial(_third, how="as written"),
                "The order of the arguments is no matter: sort_keys=True.",
            ),
            KnownWrong(
                partial(_third, how="values"),
                "There and back are two calls: the names of the arguments matter too.",
            ),
            KnownWrong(partial(_third, how="second"), "The third time is wanted, not the second."),
            KnownWrong(partial(_third, how="from one"), "Places are counted from 0."),
            KnownWrong(
                partial(_third, how="lately"),
                "A loop may be long: count over all calls, not over the last few.",
            ),
            KnownWrong(partial(_third, how="end"), "Without a third time, return None."),
            KnownWrong(partial(_third, how="minus"), "Not -1: without a third time, return None."),
        ),
    ),
    Exercise(
        id="13.3",
        title="Did it solve the task?",
        reference=solved,
        solution_source=_SOLVED_SOLUTION,
        check=function_check(
            cases=[
                Case(([16], [], "It costs 16 euros.", False), "right"),
                Case(([16], [], "It costs 160 euros.", False), "16 inside 160"),
                Case(([204], [], "Take LK-204.", False), "a number inside a code"),
                Case(([16, 68], [], "It costs 16.", False), "one of two"),
                Case(([3288], [3000], "3288, not 3,000.", False), "an avoided number"),
                Case(([3288], [3000, 500], "3288, not 3,000.", False), "one of two avoided"),
                Case(([160], [16], "It costs 160 euros.", False), "an avoided 16 is not in 160"),
                Case(([16490], [], "LC-26-16490 is paid.", False), "a number inside another code"),
                Case(([2.25], [], "It is 2.25.", False), "two decimals"),
                Case(([2.25], [], "It is 2.26.", False), "2.25 is not 2.26"),
                Case(([2248], [], "It is 2248.005.", False), "2248 is not 2248.005"),
                Case(([], [3000], "Yes, it is.", False), "no number to say, one to avoid"),
                Case(([2248], [], "2,248 in all, shipped on day 3.", False), "a comma"),
                Case(([4.3], [], "It takes 4.3 hours.", False), "a point"),
                Case(([4], [], "It takes 4.3 hours.", False), "4 is not 4.3"),
                Case(([16], [], "€16, all in.", False), "signs beside the number"),
                Case(([16], [], "16", True), "declined, though there is an answer"),
                Case((None, [], "", True), "declined, as it should"),
                Case((None, [], "I cannot know; 16 perhaps.", True), "declined with words"),
                Case((None, [], "16 euros.", False), "answered what has no answer"),
                Case((None, [], "", False), "ran out of steps: no decline"),
            ],
            compare=exact,
        ),
        hints=(
            "First the two cases of a decline. Then find all numbers in the answer, and compare "
            "sets of numbers, not texts.",
            r're.findall(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?", answer) leaves out the digits of a '
            'code; float(text.replace(",", "")) makes the number.',
        ),
        explanation="A score that can be had by writing many numbers, or by not answering at all, "
        "measures that. So wanted and avoided numbers, a decline that is said, and a limit to the "
        "length, which course_lib.agents.succeeded has too.",
        wrong=(
            KnownWrong(
                partial(_solved, how="inside"),
                "16 stands inside 160, and 204 inside LK-204: compare numbers, not texts.",
            ),
            KnownWrong(
                partial(_solved, how="codes"), "The digits of a code such as LK-204 are no number."
            ),
            KnownWrong(
                partial(_solved, how="whole"), "4.3 is one number: keep what follows a point."
            ),
            KnownWrong(
                partial(_solved, how="spaces"),
                "A number may touch a sign or a full stop: search for digits, not for words.",
            ),
            KnownWrong(partial(_solved, how="any"), "All wanted numbers are needed, not one."),
            KnownWrong(partial(_solved, how="avoid"), "An avoided number spoils the answer."),
            KnownWrong(partial(_solved, how="commas"), "2,248 is 2248: the comma is no point."),
            KnownWrong(partial(_solved, how="declined"), "Who declines has not answered: False."),
            KnownWrong(
                partial(_solved, how="stopped"),
                "Running out of steps is no decline: nobody told the customer anything.",
            ),
            KnownWrong(
                partial(_solved, how="all avoided"),
                "One avoided number spoils the answer; it need not say all of them.",
            ),
            KnownWrong(
                partial(_solved, how="avoid inside"),
                "An avoided 16 is not said by 160: compare numbers here too, not texts.",
            ),
            KnownWrong(
                partial(_solved, how="one decimal"), "2.25 is one number: keep all its decimals."
            ),
            KnownWrong(
                partial(_solved, how="nearly"), "Nearly is not enough: 2.26 does not say 2.25."
            ),
            KnownWrong(
                partial(_solved, how="LK"),
                "Not only LK- begins a code: the digits of LC-26-16490 are no numbers either.",
            ),
            KnownWrong(
                partial(_solved, how="empty"),
                "Only None wants a decline; with an empty list there is no number to say.",
            ),
            KnownWrong(
                partial(_solved, how="nothing else"), "Other numbers may stand in the answer too."
            ),
        ),
    ),
    Exercise(
        id="13.4",
        title="Your own tool",
        reference=(_TOOL, _ARGUMENTS),
        solution_source=_TOOL_SOLUTION,
        check=check_tool,
        hints=(
            "Anything that takes a value and gives a text: a price list of yours, days until a "
            "date, a conversion. Start from the schema of the calculator: SCHEMAS['calculator'].",
            'The schema wants "type": "object", "properties" with a "type" for each, "required" '
            'and "additionalProperties": False. The function returns str.',
        ),
        explanation="The schema is the first guard, and the description the only advertisement: a "
        "model calls what it understands, with whatever the schema lets through.",
        wrong=(
            KnownWrong((_TOOL.run, _ARGUMENTS), _NO_TOOL),
            KnownWrong((_TOOL, 75), _NO_ARGUMENTS),
            KnownWrong((_tool(description="Pressure."), _ARGUMENTS), _SHORT),
            KnownWrong((_tool(schema={"type": "object"}), {}), _EMPTY),
            KnownWrong((_tool(run=lambda kilos: "x"), _ARGUMENTS), _FAILS),
            KnownWrong((_tool(run=lambda kg: 2 + kg / 60), _ARGUMENTS), _NO_TEXT),
            KnownWrong(
                (_tool(schema=_schema(required=None), run=lambda kg=75: "x"), _ARGUMENTS), _OPTIONAL
            ),
            KnownWrong(
                (_tool(schema=_schema(additionalProperties=None), run=lambda **_: "x"), _ARGUMENTS),
                _EXTRA,
            ),
            KnownWrong(
                (_tool(schema=_schema(properties={"kg": {}}), run=lambda kg: "x"), _ARGUMENTS),
                _ANY_TYPE,
            ),
            KnownWrong(
                (_tool(schema=_schema(properties={**_KG, "lb": {}}), run=_pressure), _ARGUMENTS),
                _ANY_OTHER,
            ),
            KnownWrong((_tool(run=lambda kg: " "), _ARGUMENTS), _BLANK),
            KnownWrong((_tool(run=lambda kg: "4 bar"), _ARGUMENTS), _IGNORES),
            KnownWrong(
                (
                    _tool(
                        schema=_schema(properties={"kg": {"type": "string"}}),
                        run=lambda kg: str(eval(kg)),
                    ),
                    {"kg": "3 * 14"},
                ),
                _RUNS_CODE,
            ),
        ),
    ),
]
