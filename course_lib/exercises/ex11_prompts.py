"""The exercises of notebooks/11_prompts.ipynb."""

import re
from functools import partial
from typing import Any

import numpy as np

from course_lib.exercises.core import Case, Exercise, KnownWrong, Wrong, exact, function_check
from course_lib.exercises.guard import NotAttempted

# ------------------------------------------------------------------------------------------------
# 11.1 What may come next


def allowed(pieces: Any, so_far: Any, choices: Any) -> Any:
    """Positions of the pieces after which the answer can still become one of the choices."""
    return [
        place
        for place, piece in enumerate(pieces)
        if piece and any(choice.startswith(so_far + piece) for choice in choices)
    ]


def _allowed(pieces: Any, so_far: Any, choices: Any, how: str) -> Any:
    """The same with one thing changed."""
    tests: dict[str, Any] = {
        "turned": lambda piece, choice: (so_far + piece).startswith(choice),
        "from the start": lambda piece, choice: piece and choice.startswith(piece),
        "inside": lambda piece, choice: piece and piece in choice,
        "whole": lambda piece, choice: so_far + piece == choice,
        "empty": lambda piece, choice: choice.startswith(so_far + piece),
        "first letter": lambda piece, choice: piece and choice.startswith(so_far + piece[:1]),
        "cut": lambda piece, choice: piece and choice[len(so_far) :].startswith(piece),
    }
    return [
        place
        for place, piece in enumerate(pieces)
        if any(tests[how](piece, choice) for choice in choices)
    ]


def _by_index(pieces: Any, so_far: Any, choices: Any) -> Any:
    return [pieces.index(pieces[place]) for place in allowed(pieces, so_far, choices)]


_ALLOWED_SOLUTION = """
def my_allowed(pieces, so_far, choices):
    return [place for place, piece in enumerate(pieces)
            if piece and any(choice.startswith(so_far + piece) for choice in choices)]
"""

# ------------------------------------------------------------------------------------------------
# 11.2 Fill a template

_FIELD = r"\{([a-z]+)\}"


def fill(template: Any, fields: Any) -> Any:
    """The template with all its fields filled in at once."""
    missing = set(re.findall(_FIELD, template)) - set(fields)
    if missing:
        raise ValueError(f"missing: {sorted(missing)}")
    return re.sub(_FIELD, lambda found: fields[found[1]], template)


def _one_by_one(template: Any, fields: Any) -> Any:
    fill(template, fields)
    for name, value in fields.items():
        template = template.replace("{" + name + "}", value)
    return template


def _left_standing(template: Any, fields: Any) -> Any:
    return re.sub(_FIELD, lambda found: fields.get(found[1], found[0]), template)


def _emptied(template: Any, fields: Any) -> Any:
    return re.sub(_FIELD, lambda found: fields.get(found[1], ""), template)


def _once(template: Any, fields: Any) -> Any:
    fill(template, fields)
    for name in dict.fromkeys(re.findall(_FIELD, template)):
        template = template.replace("{" + name + "}", fields[name], 1)
    return template


def _sorted(template: Any, fields: Any) -> Any:
    fill(template, fields)
    for name in sorted(fields):
        template = template.replace("{" + name + "}", fields[name])
    return template


def _any_name(template: Any, fields: Any) -> Any:
    missing = set(re.findall(r"\{([^}\"]+)\}", template)) - set(fields)
    if missing:
        raise ValueError(f"missing: {sorted(missing)}")
    return fill(template, fields)


def _format(template: Any, fields: Any) -> Any:
    return template.format(**fields)


def _underscore(template: Any, fields: Any) -> Any:
    pattern = r"\{([a-z_]+)\}"
    missing = set(re.findall(pattern, template)) - set(fields)
    if missing:
        raise ValueError(f"missing: {sorted(missing)}")
    return re.sub(pattern, lambda found: fields[found[1]], template)


def _sub_loop(template: Any, fields: Any) -> Any:
    fill(template, fields)
    for name, value in fields.items():
        template = re.sub(r"\{" + name + r"\}", value, template)
    return template


def _pattern(template: Any, fields: Any) -> Any:
    fill(template, fields)
    for name in dict.fromkeys(re.findall(_FIELD, template)):
        # a value as a pattern of its own: its backslashes are lost
        template = re.sub(r"\{" + name + r"\}", re.sub(r"\\", "", fields[name]), template)
    return template


_FILL_SOLUTION = """
def my_fill(template, fields):
    names = set(re.findall(r"\\{([a-z]+)\\}", template))
    if names - set(fields):
        raise ValueError(f"missing: {sorted(names - set(fields))}")
    return re.sub(r"\\{([a-z]+)\\}", lambda found: fields[found[1]], template)
"""

# ------------------------------------------------------------------------------------------------
# 11.3 Did the winner win?


def lead(dev: Any, test: Any) -> Any:
    """Lead over row 0 of the row that is best on dev: on dev, and on test."""
    dev, test = np.asarray(dev, float), np.asarray(test, float)
    best = int(dev.mean(axis=1).argmax())
    return (
        float(dev[best].mean() - dev[0].mean()),
        float(test[best].mean() - test[0].mean()),
    )


def _lead(dev: Any, test: Any, how: str) -> Any:
    """The same with one thing changed."""
    dev, test = np.asarray(dev, float), np.asarray(test, float)
    best = int(dev.mean(axis=1).argmax())
    if how == "peeks":
        best = int(test.mean(axis=1).argmax())
    if how == "both":
        best = int(np.hstack([dev, test]).mean(axis=1).argmax())
    if how == "leaves out row 0":
        best = 1 + int(dev[1:].mean(axis=1).argmax())
    if how == "medians":
        best = int(np.median(dev, axis=1).argmax())
    if how == "best question":
        best = int(dev.max(axis=1).argmax())
    if how == "two winners":
        return float(dev.mean(1).max() - dev[0].mean()), float(test.mean(1).max() - test[0].mean())
    if how == "scores":
        return float(dev[best].mean()), float(test[best].mean())
    if how == "over the mean":
        return float(dev[best].mean() - dev.mean()), float(test[best].mean() - test.mean())
    if how == "sums":
        return float((dev[best] - dev[0]).sum()), float((test[best] - test[0]).sum())
    return float(dev[best].mean() - dev[0].mean()), float(test[best].mean() - test[0].mean())


_LEAD_SOLUTION = """
def my_lead(dev, test):
    best = dev.mean(axis=1).argmax()                  # chosen on dev alone
    return (dev[best].mean() - dev[0].mean(), test[best].mean() - test[0].mean())
"""

# ------------------------------------------------------------------------------------------------
# 11.4 What stays


def turns_kept(turns: Any, fixed: Any, budget: Any) -> Any:
    """How many of the newest turns fit beside what is fixed."""
    left, kept = budget - fixed, 0
    for cost in reversed(turns):
        if cost > left:
            break
        left -= cost
        kept += 1
    return kept


def _turns_kept(turns: Any, fixed: Any, budget: Any, how: str) -> Any:
    """The same with one thing changed."""
    left, kept = budget - fixed, 0
    if how == "fixed forgotten":
        left = budget
    for cost in turns if how == "oldest" else reversed(turns):
        if how == "below" and cost >= left:
            break
        if cost > left:
            if how == "skips":
                continue
            break
        left -= cost
        kept += 1
    if how == "all or none":
        return kept if kept == len(turns) else 0
    if how == "first kept":
        return len(turns) - kept
    if how == "one always":
        return max(kept, 1) if len(turns) else 0
    return kept


_TURNS_SOLUTION = """
def my_turns(turns, fixed, budget):
    left, kept = budget - fixed, 0
    for cost in reversed(turns):     # the newest first
        if cost > left:
            break                    # what is older goes too: no holes in a conversation
        left -= cost
        kept += 1
    return kept
"""

# ------------------------------------------------------------------------------------------------
# 11.5 Your own record

_OWN_TEXT = "Tuesday 14:30, dentist, Dr. Ada Weiss, 12 Park Lane. Please be ten minutes early."
_OWN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["meeting", "dentist", "other"]},
        "day": {"type": "string", "maxLength": 12},
        "phone": {"anyOf": [{"type": "string", "pattern": "^[0-9]{6,12}$"}, {"type": "null"}]},
    },
    "required": ["kind", "day", "phone"],
}
_OWN_WANTED = {"kind": "dentist", "day": "Tuesday", "phone": None}
_OWN_SHORT = "Take a text of five words or more, so that there is something to read."
_OWN_SHAPE = "A text, a schema (a dict) and the record that you expect (a dict) are wanted."
_OWN_OBJECT = 'The schema must be an object with three properties or more, each in "required".'
_OWN_ENUM = "One property should be an enum: a choice among values that you name."
_OWN_OUT = 'One property should be able to be null ("anyOf"), for what a text does not say.'
_OWN_NULL = "Expect null for at least one property: that is where a model invents."
_OWN_TWO = "The choice and what may be null should be two different properties."
_OWN_EMPTY = "An empty string says nothing: expect a value, or null."
_OWN_NO_SCHEMA = "my_schema is still empty: name the properties that you want."
_OWN_STUB = "That is the text of the comment: take one of yours."
_STUB_TEXT = "Tuesday 14:30, dentist, 12 Park Lane. Please be ten minutes early."


def _check_own(text: Any, schema: Any, wanted: Any) -> None:
    from jsonschema import Draft202012Validator

    from course_lib.language_model.constrained import check_schema

    if text is ...:
        raise NotAttempted
    if not schema:
        raise Wrong(_OWN_NO_SCHEMA)
    if not isinstance(text, str) or not isinstance(schema, dict) or not isinstance(wanted, dict):
        raise Wrong(_OWN_SHAPE)
    if len(text.split()) < 5:
        raise Wrong(_OWN_SHORT, got=text)
    if text.strip() == _STUB_TEXT:
        raise Wrong(_OWN_STUB)
    try:
        check_schema(schema)
    except ValueError as error:
        raise Wrong(f"This schema cannot be held to. {error}") from None
    parts = schema.get("properties", {})
    plain = isinstance(parts, dict) and all(isinstance(part, dict) for part in parts.values())
    if not plain or len(parts) < 3 or set(schema.get("required", [])) != set(parts):
        raise Wrong(_OWN_OBJECT)
    choice = {
        name for name, part in parts.items() for one in part.get("anyOf", [part]) if "enum" in one
    }
    way_out = {name for name, part in parts.items() if _may_be_null(part)}
    if not choice:
        raise Wrong(_OWN_ENUM)
    if not way_out:
        raise Wrong(_OWN_OUT)
    if len(choice | way_out) < 2:
        raise Wrong(_OWN_TWO)
    broken = next(iter(Draft202012Validator(schema).iter_errors(wanted)), None)
    if broken is not None:
        raise Wrong(f"What you expect does not fit your schema: {broken.message}", got=wanted)
    if None not in wanted.values():
        raise Wrong(_OWN_NULL, got=wanted)
    if any(isinstance(value, str) and not value.strip() for value in wanted.values()):
        raise Wrong(_OWN_EMPTY, got=wanted)


def _may_be_null(part: Any) -> bool:
    return any(
        one.get("type") == "null"
        or "null" in (one.get("type") or ())
        or None in one.get("enum", ())
        for one in part.get("anyOf", [part])
    )


def check_record(answer: Any) -> None:
    """Want a text of the reader's own, a schema with a way out, and a record that fits it."""
    if not isinstance(answer, list | tuple) or len(answer) != 3:
        raise Wrong(_OWN_SHAPE)
    _check_own(*answer)


def show_record(model: Any, text: Any, schema: Any, wanted: Any) -> None:
    """Print what the model writes for each property, beside what is expected."""
    from course_lib.language_model import LanguageModelError
    from course_lib.prompts import generate_json

    try:
        _check_own(text, schema, wanted)
    except (Wrong, NotAttempted):
        return  # the check says what is missing
    names = ", ".join(f'"{name}"' for name in schema["properties"])
    asked = f"{text}\n\nReply in JSON with the keys {names}."
    try:
        got = generate_json(model, [{"role": "user", "content": asked}], schema, max_tokens=120)
    except LanguageModelError as error:
        print(error)
        return
    for name, value in wanted.items():
        mark = "right" if got.get(name) == value else "wrong"
        print(f"{mark:6} {name}: got {got.get(name)!r}, expected {value!r}")


_LABELS = ['"battery"', '"bill"', '"fault"']
_PIECES = ['"', '"b', "b", "a", "battery", '"battery"', "il", "fault", "", "x", 'ill"', '"fault"?']

EXERCISES = [
    Exercise(
        id="11.1",
        title="What may come next",
        reference=allowed,
        solution_source=_ALLOWED_SOLUTION,
        check=function_check(
            cases=[
                Case((_PIECES, "", _LABELS), "nothing written yet"),
                Case((_PIECES, '"b', _LABELS), "two labels are left"),
                Case((_PIECES, '"fault"', _LABELS), "a label is complete"),
                Case((_PIECES, '"', _LABELS), "after the quote"),
                Case((_PIECES, '"f', _LABELS), "one label is left"),
                Case((["yes", "no"], "", ["no"]), "one choice"),
                Case(([], "", ["no"]), "no pieces"),
                Case((["n", "o", "n"], "", ["no"]), "the same piece twice"),
            ],
            compare=exact,
        ),
        hints=(
            "Put the piece behind what is written: is that the beginning of a choice?",
            "choice.startswith(so_far + piece), for any choice; an empty piece leads nowhere.",
        ),
        explanation="xgrammar does this for the whole grammar of a schema, and for 49,152 pieces "
        "at each step: it works out beforehand which pieces fit in which place.",
        wrong=(
            KnownWrong(
                partial(_allowed, how="turned"),
                "Turned round: the choice must start with what is written, not the reverse.",
            ),
            KnownWrong(
                partial(_allowed, how="from the start"),
                "so_far is not used: after the first piece, every choice begins anew.",
            ),
            KnownWrong(
                partial(_allowed, how="inside"),
                "A piece that stands somewhere in a choice need not come next. Use startswith.",
            ),
            KnownWrong(
                partial(_allowed, how="whole"),
                "Only pieces that complete a choice are let through; most choices need several.",
            ),
            KnownWrong(
                partial(_allowed, how="empty"),
                "An empty piece is let through: the model could write it for ever.",
            ),
            KnownWrong(
                partial(_allowed, how="first letter"),
                "Only the piece's first character is looked at; all of it is written.",
            ),
            KnownWrong(
                partial(_allowed, how="cut"),
                "Choices that so_far has left behind are still let in: what is written must be "
                "their beginning.",
            ),
            KnownWrong(
                _by_index,
                "list.index finds the first of two equal pieces: use enumerate.",
            ),
        ),
    ),
    Exercise(
        id="11.2",
        title="Fill a template",
        reference=fill,
        solution_source=_FILL_SOLUTION,
        check=function_check(
            cases=[
                Case(("Ticket: {ticket}", {"ticket": "Where is it?"}), "one field"),
                Case(
                    ("{ticket} / {name}", {"ticket": "I am {name}.", "name": "Ada"}),
                    "a value that looks like a field",
                ),
                Case(
                    ("{ticket} / {name}", {"ticket": "Is it here?", "name": "{ticket}"}),
                    "the same, the other way round",
                ),
                Case(("Not {E07}, not {}: {ticket}", {"ticket": "x"}), "other braces"),
                Case(
                    ('Reply {"label": "x"} for {ticket}', {"ticket": "E07"}),
                    "braces of JSON in the template",
                ),
                Case(("Not {a_b}: {ticket}", {"ticket": "x"}), "an underscore is no letter"),
                Case(("{name}, {name}!", {"name": "Ada"}), "a field twice"),
                Case(("{ticket} {name}", {"ticket": "x"}), "a value is missing"),
                Case(("{path}", {"path": "C:\\new\\1"}), "backslashes in a value"),
                Case(("no field", {}), "no field"),
            ],
            compare=exact,
        ),
        hints=(
            "One re.sub over the template, which looks each name up, never reads a value again.",
            "re.sub(pattern, lambda found: fields[found[1]], template); before it, compare "
            "set(re.findall(pattern, template)) with the fields.",
        ),
        explanation="In one pass, what a customer wrote is never read as part of the template. "
        "`Prompt.fill` does the same, and refuses unknown fields too.",
        wrong=(
            KnownWrong(
                _one_by_one,
                "Filled one after the other: the {name} that the customer wrote is filled too.",
            ),
            KnownWrong(
                _sorted,
                "Filled one after the other: a value that reads like a field is filled too.",
            ),
            KnownWrong(_any_name, "Only small letters in braces are a field; {E07} is none."),
            KnownWrong(_underscore, "Small letters alone make a field; {a_b} is none."),
            KnownWrong(
                _sub_loop,
                "One re.sub after the other: a value that reads like a field is filled too, and "
                "backslashes in a value are read as a pattern's.",
            ),
            KnownWrong(_left_standing, "A missing field stays in the prompt: raise ValueError."),
            KnownWrong(_emptied, "A missing field becomes nothing, unnoticed: raise ValueError."),
            KnownWrong(_once, "Only the first {name} is filled in."),
            KnownWrong(
                _format,
                "str.format reads every brace, so JSON in a template breaks it; and a missing "
                "field is a KeyError.",
            ),
            KnownWrong(
                _pattern,
                "The value goes through re.sub as a pattern, and loses its backslashes. Pass a "
                "function: lambda found: fields[found[1]].",
            ),
        ),
    ),
    Exercise(
        id="11.3",
        title="Did the winner win?",
        reference=lead,
        solution_source=_LEAD_SOLUTION,
        check=function_check(
            cases=[
                Case(
                    (
                        np.array([[0.4, 0.2], [0.6, 0.4], [0.1, 0.7]]),
                        np.array([[0.5, 0.3, 0.1], [0.2, 0.3, 0.1], [0.9, 0.8, 0.9]]),
                    ),
                    "the winner of dev loses on test",
                ),
                Case(
                    (
                        np.array([[0.9, 0.8], [0.1, 0.2]]),
                        np.array([[0.4, 0.4], [0.6, 0.9]]),
                    ),
                    "version 0 is the best on dev",
                ),
                Case(
                    (
                        np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.2]]),
                        np.array([[0.1, 0.1], [0.3, 0.2], [0.2, 0.1]]),
                    ),
                    "three versions",
                ),
                Case(
                    (
                        np.array([[0.5, 0.5, 0.5], [0.6, 0.6, 0.0], [0.4, 0.4, 0.9]]),
                        np.array([[0.5, 0.5], [0.4, 0.1], [0.7, 0.6]]),
                    ),
                    "one question makes the difference",
                ),
            ]
        ),
        hints=(
            "Choose one row by its mean on dev. Then look at that same row on test.",
            "best = dev.mean(axis=1).argmax(); each lead is a mean of row best minus that of "
            "row 0.",
        ),
        explanation="The lead on dev was looked for: it holds the luck that made it the largest. "
        "The lead on test was not.",
        wrong=(
            KnownWrong(partial(_lead, how="peeks"), "It chooses by the test scores."),
            KnownWrong(
                partial(_lead, how="leaves out row 0"),
                "Today's version can win too: then the lead is 0.",
            ),
            KnownWrong(
                partial(_lead, how="medians"),
                "It chooses by the median; the lead is one of means, so choose by the mean.",
            ),
            KnownWrong(
                partial(_lead, how="best question"),
                "It chooses by the best single question; choose by the mean over all.",
            ),
            KnownWrong(
                partial(_lead, how="both"),
                "It chooses by dev and test together: then test is no test.",
            ),
            KnownWrong(
                partial(_lead, how="two winners"),
                "Two different winners: the one of dev must be looked at on test.",
            ),
            KnownWrong(partial(_lead, how="scores"), "These are scores; subtract those of row 0."),
            KnownWrong(
                partial(_lead, how="over the mean"),
                "The lead is over row 0, today's version, not over the mean of all.",
            ),
            KnownWrong(partial(_lead, how="sums"), "Sums grow with the questions: take means."),
        ),
    ),
    Exercise(
        id="11.4",
        title="What stays",
        reference=turns_kept,
        solution_source=_TURNS_SOLUTION,
        check=function_check(
            cases=[
                Case(([50, 40, 30, 20], 60, 120), "two turns fit"),
                Case(([20, 30, 40, 50], 60, 120), "the newest is long"),
                Case(([10, 90, 10], 20, 60), "a long turn between short ones"),
                Case(([10, 10], 20, 40), "exactly full"),
                Case(([30], 20, 40), "nothing fits"),
                Case(([], 20, 40), "no turns"),
                Case(([20, 10], 20, 100), "everything fits"),
            ],
            compare=exact,
        ),
        hints=(
            "What is fixed comes off the budget first. Then go from the newest turn backwards.",
            "for cost in reversed(turns): stop at the first one that does not fit.",
        ),
        explanation="A conversation with holes reads as if something had never been said; "
        "`ConversationMemory` drops from the oldest on, and reports what went.",
        wrong=(
            KnownWrong(
                partial(_turns_kept, how="oldest"),
                "It counts from the oldest turn; the newest are to stay.",
            ),
            KnownWrong(
                partial(_turns_kept, how="skips"),
                "It skips a long turn and keeps older ones: a hole in the conversation.",
            ),
            KnownWrong(
                partial(_turns_kept, how="below"),
                "A turn that fills the budget exactly fits too.",
            ),
            KnownWrong(
                partial(_turns_kept, how="fixed forgotten"),
                "The system message and the question take their part of the budget first.",
            ),
            KnownWrong(
                partial(_turns_kept, how="all or none"),
                "If not all turns fit, the newest of them still may.",
            ),
            KnownWrong(
                partial(_turns_kept, how="first kept"),
                "That is the position of the first turn kept; how many stay is wanted.",
            ),
            KnownWrong(
                partial(_turns_kept, how="one always"),
                "The last turn is kept although it does not fit.",
            ),
        ),
    ),
    Exercise(
        id="11.5",
        title="Your own record",
        reference=(_OWN_TEXT, _OWN_SCHEMA, _OWN_WANTED),
        check=check_record,
        solution_source=f"""
my_text = "{_OWN_TEXT}"
my_schema = {{
    "type": "object",
    "properties": {{
        "kind": {{"enum": ["meeting", "dentist", "other"]}},
        "day": {{"type": "string", "maxLength": 12}},
        "phone": {{"anyOf": [{{"type": "string", "pattern": "^[0-9]{{6,12}}$"}},
                            {{"type": "null"}}]}},
    }},
    "required": ["kind", "day", "phone"],
}}
my_record = {{"kind": "dentist", "day": "Tuesday", "phone": None}}
""",
        hints=(
            "Take a mail of yours. What would a program want to know from it, and what is not in "
            "it?",
            'A value that may be missing: {"anyOf": [{"type": "string", "pattern": ...}, '
            '{"type": "null"}]}.',
        ),
        explanation="Look at the property that should be null: a value with a form, such as a "
        "telephone number, is invented readily. Check that it stands in the text.",
        wrong=(
            KnownWrong(("a text", ["kind"], {}), _OWN_SHAPE),
            KnownWrong(("", _OWN_SCHEMA, _OWN_WANTED), _OWN_SHORT),
            KnownWrong(
                (_OWN_TEXT, {"type": "object", "properties": {"a": {"enum": ["b"]}}}, {"a": "b"}),
                _OWN_OBJECT,
            ),
            KnownWrong(
                (
                    _OWN_TEXT,
                    {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("a", "b", "c")},
                        "required": ["a", "b", "c"],
                    },
                    {"a": "", "b": "", "c": ""},
                ),
                _OWN_ENUM,
            ),
            KnownWrong(
                (
                    _OWN_TEXT,
                    {
                        "type": "object",
                        "properties": {name: {"enum": ["x", "y"]} for name in ("a", "b", "c")},
                        "required": ["a", "b", "c"],
                    },
                    {"a": "x", "b": "y", "c": "x"},
                ),
                _OWN_OUT,
            ),
            KnownWrong((_OWN_TEXT, _OWN_SCHEMA, {**_OWN_WANTED, "phone": "030123456"}), _OWN_NULL),
            KnownWrong((_OWN_TEXT, _OWN_SCHEMA, {**_OWN_WANTED, "day": ""}), _OWN_EMPTY),
            KnownWrong((_OWN_TEXT, {}, {}), _OWN_NO_SCHEMA),
            KnownWrong((_STUB_TEXT, _OWN_SCHEMA, _OWN_WANTED), _OWN_STUB),
            KnownWrong(
                (
                    _OWN_TEXT,
                    {
                        "type": "object",
                        "properties": {
                            "kind": {"enum": ["x", None]},
                            "day": {"type": "string"},
                            "place": {"type": "string"},
                        },
                        "required": ["kind", "day", "place"],
                    },
                    {"kind": None, "day": "Tuesday", "place": "12 Park Lane"},
                ),
                _OWN_TWO,
            ),
            KnownWrong(
                (_OWN_TEXT, _OWN_SCHEMA, {**_OWN_WANTED, "kind": "party"}),
                "What you expect does not fit your schema: 'party' is not one of "
                "['meeting', 'dentist', 'other']",
            ),
        ),
    ),
]
