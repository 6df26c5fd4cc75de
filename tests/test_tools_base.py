"""Calling a tool: what is checked before it runs, and what comes back when it fails."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from course_lib.tools import (
    DESCRIPTIONS,
    SCHEMAS,
    Tool,
    call,
    call_by_name,
    larkspur_tools,
    to_openai,
)

PAIR = {
    "type": "object",
    "properties": {"word": {"type": "string", "maxLength": 5}, "times": {"type": "integer"}},
    "required": ["word"],
    "additionalProperties": False,
}
repeat = Tool("repeat", "Repeats a word.", PAIR, lambda word, times=2: word * times)


def raising(error):
    def run(**_):
        raise error

    return Tool("broken", "Breaks.", {"type": "object"}, run)


@pytest.mark.parametrize("arguments", [{"word": "ho"}, '{"word": "ho"}'])
def test_a_call_gives_the_tools_text(arguments):
    result = call(repeat, arguments)
    assert (result.ok, result.content, result.error) == (True, "hoho", None)
    assert result.seconds >= 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "'word' is a required property"),
        ({"word": 3}, "word must have type 'string', got 3"),
        ({"word": "longer"}, "word must have maxLength 5, got 'longer'"),
        ({"word": "a", "speed": 1}, "'speed' was unexpected"),
        ({"word": "a", "times": 1.5}, "times must have type 'integer', got 1.5"),
        ({"word": "a", "times": True}, "times must have type 'integer', got True"),
        ({"word": "\ud800"}, "they hold what JSON in UTF-8 can't"),
        ("{'word': 'ho'}", "not JSON"),
        ("[" * 15_000, "not JSON"),
        ('{"word": "%s"}' % ("a" * 30_000), "longer than 20000 characters"),
        ('["ho"]', "must be one JSON object with word, times, got a list"),
        (None, "got a NoneType"),
        ("", "not JSON"),
    ],
)
def test_wrong_arguments_come_back_as_words_and_the_tool_is_not_run(arguments, message):
    ran = []
    tool = Tool("repeat", "", PAIR, lambda **given: ran.append(given) or "")
    result = call(tool, arguments)
    assert not result.ok
    assert not ran
    assert result.content == f"Error: {result.error}"
    assert result.content.startswith("Error: wrong arguments for repeat: ")
    assert message in result.content
    assert len(result.content) < 400


def test_a_value_error_is_for_the_model():
    told = call(raising(ValueError("k must be 1 or more, got 0")), {})
    assert (told.ok, told.content) == (False, "Error: k must be 1 or more, got 0")


@pytest.mark.parametrize("error", [KeyError, OSError, MemoryError, RecursionError, AssertionError])
def test_a_fault_is_for_the_trace(error):
    fault = call(raising(error("/home/me/secret")), {})
    assert not fault.ok
    assert (fault.error or "").startswith(f"{error.__name__}: ")
    assert "/home/me/secret" in (fault.error or "")
    assert fault.content == "Error: broken is out of order; go on without it"


def test_stopping_the_program_is_not_a_tools_fault():
    with pytest.raises(KeyboardInterrupt):
        call(raising(KeyboardInterrupt()), {})


@pytest.mark.parametrize("name", ["weather", "", None, ["repeat"], {"a": 1}, "REPEAT", "x" * 9999])
def test_an_unknown_tool_gives_the_names_that_there_are(name):
    result = call_by_name({"repeat": repeat}, name, {"word": "ho"})
    assert not result.ok
    assert "the tools are repeat" in result.content
    assert len(result.content) < 120


def test_a_known_tool_is_called_by_its_name():
    assert call_by_name({"repeat": repeat}, "repeat", {"word": "ho"}).content == "hoho"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["word", "times", "x"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON)
def test_the_tool_runs_exactly_on_what_fits_the_schema(value):
    result = call(repeat, value)
    fits = Draft202012Validator(PAIR).is_valid(value)
    assert result.ok == fits, (value, result)
    if isinstance(value, dict):
        assert call(repeat, json.dumps(value)).ok == fits


@pytest.mark.parametrize(
    ("name", "schema", "message"),
    [
        ("two words", PAIR, "name must be 1 to 64"),
        ("", PAIR, "name must be"),
        ("x" * 65, PAIR, "name must be"),
        ("x", {"type": "objekt"}, "schema of x is no JSON Schema"),
        ("x", {"type": "string"}, 'must have "type": "object"'),
        ("x", {}, 'must have "type": "object"'),
    ],
)
def test_a_tool_that_no_api_takes_is_refused(name, schema, message):
    with pytest.raises(ValueError, match=message):
        Tool(name, "", schema, str)


def test_the_openai_form_is_json_with_the_same_schema():
    listed = json.loads(json.dumps(to_openai(repeat)))
    assert listed == {
        "type": "function",
        "function": {"name": "repeat", "description": "Repeats a word.", "parameters": PAIR},
    }


def test_the_four_tools_have_the_names_and_arguments_that_are_published():
    class Nothing:
        def search(self, query, k=5):
            return []

    tools = larkspur_tools(Nothing(), "http://127.0.0.1:1")
    assert list(tools) == list(SCHEMAS) == list(DESCRIPTIONS)
    for name, tool in tools.items():
        assert (tool.name, tool.schema) == (name, SCHEMAS[name])
        [argument] = tool.schema["properties"]
        assert not call(tool, {argument: ""}).ok
        assert not call(tool, {argument: "x" * 5000}).ok
        assert not call(tool, {argument: "1", "limit": 1}).ok
