"""ConversationMemory: never over its budget, and what left is reported."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.prompts import ConversationMemory

WORDS = st.text("abc ", max_size=24)


def count(messages):
    """3 tokens for each message, and its words."""
    return sum(3 + len(message["content"].split()) for message in messages)


def talk(memory, *turns):
    for question, answer in turns:
        prompt = memory.ask(question)
        memory.answer(answer)
    return prompt


@settings(max_examples=300)
@given(
    st.integers(5, 60),
    WORDS,
    st.lists(st.tuples(WORDS, WORDS | st.none()), max_size=12),
    st.sampled_from(["none", "join", "endless", "empty"]),
    st.integers(1, 30),
)
def test_never_over_the_budget(budget, system, turns, how, room):
    summarize = {
        "none": None,
        "join": lambda summary, left: " ".join([summary, *(one["content"] for one in left)]),
        "endless": lambda summary, left: "word " * 500,
        "empty": lambda summary, left: "",
    }[how]
    memory = ConversationMemory(
        budget, count, system=system, summarize=summarize, max_summary_tokens=room
    )
    said = []
    for question, answer in turns:
        kept_before = list(memory.dropped), memory.summary
        alone = count([{"role": "system", "content": system}] if system.strip() else [])
        alone += 3 + len(question.split())
        if system and not system.strip():
            alone += 3
        if alone > budget:
            with pytest.raises(ValueError, match="must fit beside the system message"):
                memory.ask(question)
            assert (memory.dropped, memory.summary) == kept_before
            continue
        said.append(question)
        prompt = memory.ask(question)
        assert count(prompt) <= budget
        assert prompt[-1] == {"role": "user", "content": question}
        if system:
            assert prompt[0]["role"] == "system"
            assert prompt[0]["content"].startswith(system)
        if answer is not None:
            memory.answer(answer)
            said.append(answer)
        shown = [one["content"] for one in prompt if one["role"] != "system"]
        before = [one["content"] for one in memory.dropped]
        now = said if answer is None else said[:-1]
        assert before + shown == now  # nothing lost, nothing twice, in order


def test_what_left_is_reported_by_turns():
    memory = ConversationMemory(20, count, system="be brief")
    prompt = talk(memory, ("a b c", "d e"), ("f g", "h"), ("i", "j"))
    assert [one["content"] for one in memory.dropped] == ["a b c", "d e"]
    assert [one["content"] for one in prompt] == ["be brief", "f g", "h", "i"]


def test_summary_stands_in_the_system_message():
    def first_words(summary, left):
        return f"{summary} {left[0]['content'].split()[0]}".strip()

    memory = ConversationMemory(22, count, summarize=first_words)
    prompt = talk(memory, ("a b c d", "e f g"), ("h i j", "k"), ("l", "m"))
    assert memory.summary == "a"
    assert prompt[0] == {"role": "system", "content": "Earlier in this conversation: a"}
    assert prompt[1]["content"] == "h i j"


def test_a_long_summary_is_cut_to_its_budget():
    memory = ConversationMemory(
        40, count, system="s", summarize=lambda *_: "w " * 99, max_summary_tokens=10
    )
    talk(memory, ("a " * 20, "b"), ("c " * 20, "d"))
    assert memory.summary == " ".join("w" * 6)  # 4 go to "Earlier in this conversation:"


def test_the_system_message_stays_when_the_summary_must_go():
    memory = ConversationMemory(12, count, system="s", summarize=lambda *_: "w w w")
    talk(memory, ("a b", "c"))
    prompt = memory.ask("d e f g h")
    assert count(prompt) == 12
    assert prompt == [{"role": "system", "content": "s"}, {"role": "user", "content": "d e f g h"}]
    assert memory.summary == ""


def test_answers_need_a_question():
    memory = ConversationMemory(20, count)
    with pytest.raises(ValueError, match="answer must come after ask"):
        memory.answer("a")
    talk(memory, ("a", "b"))
    with pytest.raises(ValueError, match="answer must come after ask"):
        memory.answer("c")


def test_changing_what_came_back_changes_nothing():
    memory = ConversationMemory(30, count)
    memory.ask("a")[0]["content"] = "x"
    assert memory.ask("b")[0]["content"] == "a"


@pytest.mark.parametrize("name", ["max_tokens", "max_summary_tokens"])
def test_budgets_below_one(name):
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        ConversationMemory(**{"max_tokens": 5, "count_tokens": count, name: 0})
