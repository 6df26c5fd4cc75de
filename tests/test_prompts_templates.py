"""Prompt files: what they hold, what they refuse, and that a version stays what it was."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import rag
from course_lib.prompts import load_prompt, versions
from course_lib.prompts.templates import LIBRARY

NAMES = sorted(one.name for one in LIBRARY.iterdir() if one.is_dir())
FILE = """---
name: hello
version: 1
date: 2026-01-31
changed: first version
why: to greet
fields:
  who: a name
---
## system

Be kind.

Say {{"n": 1}} and {{}}.

## user

Hi {who}, {who}!
""".replace("{{", "{").replace("}}", "}")


@pytest.fixture
def folder(tmp_path):
    def write(text, name="hello", version=1):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"v{version}.md").write_bytes(text.encode())
        return tmp_path

    return write


@pytest.mark.parametrize("name", NAMES)
def test_the_library_loads_and_says_what_changed(name):
    numbers = versions(name)
    assert numbers == list(range(1, len(numbers) + 1))
    prompts = [load_prompt(name, number) for number in numbers]
    for prompt in prompts:
        assert prompt.changed, prompt
        assert len(prompt.why.split()) >= 5, prompt
        assert all(prompt.fields.values())
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", prompt.date)
        assert prompt.messages[-1]["role"] == "user"
        assert prompt.fill(**dict.fromkeys(prompt.fields, "x"))
    assert [p.date for p in prompts] == sorted(p.date for p in prompts)
    assert len({p.sha for p in prompts}) == len(prompts)
    assert load_prompt(name) == prompts[-1]


def test_the_course_uses_these():
    assert {"grounded-answer", "intent", "ticket-to-json"} <= set(NAMES)


def test_the_first_grounded_prompt_is_rags():
    assert load_prompt("grounded-answer", 1).messages == rag.PROMPT


@pytest.mark.parametrize("number", versions("grounded-answer"))
def test_every_grounded_prompt_works_in_rag(number):
    last = load_prompt("grounded-answer", number).messages[-1]["content"]
    assert "{passages}" in last
    assert "{question}" in last
    assert rag.ABSTENTION in str(load_prompt("grounded-answer", number).messages)


def test_fields_are_filled_once(folder):
    prompt = load_prompt("hello", folder=folder(FILE))
    system, user = prompt.fill(who="{who} {n}")
    assert user == {"role": "user", "content": "Hi {who} {n}, {who} {n}!"}
    assert system["content"] == 'Be kind.\n\nSay {"n": 1} and {}.'
    assert prompt.messages[1]["content"] == "Hi {who}, {who}!"  # the prompt itself is unchanged


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_through_as_it_is(text):
    filled = load_prompt("intent", 1).fill(ticket=text)
    assert filled[-1]["content"] == text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "field 'who' is missing: hello v1 has the fields ['who']"),
        ({"who": "a", "ticket": "b"}, "field 'ticket' is unknown"),
        ({"who": 3}, "field 'who' must be a string, got int"),
        ({"who": "\ud800"}, "half a surrogate pair"),
    ],
)
def test_wrong_fields(folder, fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_prompt("hello", folder=folder(FILE)).fill(**fields)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\nname", "name", "must begin with front matter"),
        ("version: 1", "version: 2", "name and version must be hello and 1"),
        ("name: hello", "name: bye", "name and version must be hello and 1"),
        ("why: to greet\n", "", "front matter must have the keys"),
        ("why: to greet\n", "why: to greet\nauthor: me\n", "front matter must have the keys"),
        ("  who: a name", "  whom: a name", "fields must describe ['who']"),
        ("## system", "Hello\n## system", "must begin with a line '## system'"),
        ("## system", "## tool", "must begin with a line '## system'"),
        ("why: to greet", "why: [to", "while parsing"),
        ("---\nname", "---\n- name", "while parsing"),
    ],
)
def test_a_wrong_file_is_named(folder, old, new, message):
    assert old in FILE
    text = FILE.replace(old, new, 1)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        load_prompt("hello", folder=folder(text))
    assert "v1.md" in str(raised.value)


def test_windows_line_ends_are_the_same_prompt(folder):
    here = load_prompt("hello", folder=folder(FILE))
    there = load_prompt("hello", folder=folder(FILE.replace("\n", "\r\n")))
    assert there == here


def test_sha_is_of_the_text_that_the_model_reads(folder):
    first = load_prompt("hello", folder=folder(FILE))
    noted = load_prompt("hello", folder=folder(FILE.replace("to greet", "to greet warmly")))
    changed = load_prompt("hello", folder=folder(FILE.replace("kind", "brief")))
    roles = load_prompt("hello", folder=folder(FILE.replace("## system", "## assistant")))
    assert first.sha == noted.sha
    assert len({first.sha, changed.sha, roles.sha}) == 3
    assert re.fullmatch("[0-9a-f]{12}", first.sha)


def test_latest_is_the_largest_number(folder):
    for number in (1, 2, 10):
        place = folder(FILE.replace("version: 1", f"version: {number}"), version=number)
    assert versions("hello", folder=place) == [1, 2, 10]
    assert load_prompt("hello", folder=place).version == 10
    with pytest.raises(ValueError, match=r"one of \[1, 2, 10\] or 'latest', got 3"):
        load_prompt("hello", 3, folder=place)


@pytest.mark.parametrize("name", ["goodbye", "../hello", "", "hello/v1"])
def test_unknown_names(folder, name):
    with pytest.raises(ValueError, match=r"name must be one of \['hello'\]"):
        load_prompt(name, folder=folder(FILE))


def test_no_versions_and_no_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"must hold files v1\.md"):
        versions("empty", folder=tmp_path)
    with pytest.raises(ValueError, match="name must be one of"):
        versions("empty", folder=tmp_path / "none")
