"""The adapters' examples: their splits share nothing, and their answers are right."""

import contextlib
import json
import re
from collections import Counter
from itertools import combinations

import pytest

from course_lib.data import load_questions, shop
from course_lib.language_model import Completion
from course_lib.lora.router_data import (
    ARGUMENTS,
    SPLITS,
    parse_call,
    router_examples,
    router_messages,
    score_router,
)

ROUTER = router_examples()


def _of(split):
    return [example for example in ROUTER if example.split == split]


def _words(text):
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_router_wordings_stand_in_one_split():
    wordings = {
        name: {_words(example.template) for split in splits for example in _of(split)}
        for name, splits in {
            "train": ["train", "test_entities"],  # seen wordings, unseen values
            "validation": ["validation"],
            "test": ["test_templates", "test_both"],
        }.items()
    }
    for (_, first), (_, second) in combinations(wordings.items(), 2):
        assert not first & second
    assert {_words(one.template) for one in _of("test_entities")} <= wordings["train"]


def test_router_values_stand_in_one_split():
    values = {
        name: {v for s in splits for e in _of(s) for v in e.entity.split("; ") if v}
        for name, splits in {
            "train": ["train", "test_templates"],  # unseen wordings, seen values
            "validation": ["validation"],
            "test": ["test_entities", "test_both"],
        }.items()
    }
    for (_, first), (_, second) in combinations(values.items(), 2):
        assert not first & second
    assert len(values["train"]) > 100
    # nor does a wording of the training split hold a value that is to be unseen
    held_out = {value for value in values["test"] | values["validation"] if not value.isdigit()}
    for example in _of("train"):
        assert not [
            v for v in held_out if re.search(rf"(?<!\w){re.escape(v)}(?!\w)", example.template)
        ]


def test_router_questions_are_asked_once():
    assert max(Counter(example.question for example in ROUTER).values()) == 1
    theirs = {_words(question.text) for question in load_questions() if question.split == "test"}
    assert not theirs & {_words(example.question) for example in ROUTER}


def test_router_sizes():
    assert len({example.template for example in ROUTER}) >= 200
    assert len(_of("train")) >= 400
    for split in SPLITS:
        assert {example.call["tool"] for example in _of(split)} == set(ARGUMENTS)
    assert min(len(_of(split)) for split in SPLITS if split.startswith("test")) >= 100


def test_router_examples_are_the_same_each_time():
    assert router_examples() == ROUTER
    assert router_examples("validation") == _of("validation")
    assert router_examples("train", seed=1) != _of("train")
    with pytest.raises(ValueError, match=r"split must be one of train, .* got 'test'"):
        router_examples("test")


@pytest.mark.parametrize("example", ROUTER, ids=lambda example: example.question)
def test_router_call_is_one_that_can_be_made(example):
    assert parse_call(example.answer) == example.call
    assert "\n" not in example.answer
    assert not re.search(r"[{}]", example.question)
    tool = example.call["tool"]
    argument = example.call["arguments"][ARGUMENTS[tool]]
    with contextlib.closing(shop()) as connection:
        if tool == "sql":
            ((value,),) = connection.execute(argument).fetchall()
            assert value is not None
        elif tool == "http":
            _, kind, code = argument.split("/")
            wanted = {
                "orders": "SELECT 1 FROM orders WHERE id = ?",
                "stock": "SELECT 1 FROM stock WHERE part_code = ?",
                "products": "SELECT 1 FROM products WHERE code = ?",
            }[kind]
            assert connection.execute(wanted, [code]).fetchone()
            assert code in example.question
    if tool == "calculator":
        assert re.fullmatch(r"\d+( [-+*/] \d+)+", argument)
        assert set(re.findall(r"\d+", argument)) <= {*re.findall(r"\d+", example.question), "100"}
    elif tool == "search":
        assert argument == example.question
    elif tool == "decline":
        assert argument in ("off topic", "not allowed")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"search"',
        '{"tool": "search"}',
        '{"tool": "search", "arguments": {"path": "/orders/1"}}',
        '{"tool": "search", "arguments": {"query": 1}}',
        '{"tool": "search", "arguments": {"query": "a", "k": 3}}',
        '{"tool": "search", "arguments": {"query": "a"}, "more": 1}',
        '{"tool": ["search"], "arguments": {"query": "a"}}',
        '{"tool": "search", "arguments": {"query": "a"}',
        "[" * 100_000,
    ],
)
def test_parse_call_refuses(text):
    assert parse_call(text) is None


class _Scripted:
    """Routes a question by a table, and counts how many are asked at a time."""

    def __init__(self, answers):
        self.answers, self.seen = answers, []

    def chat_batch(self, conversations, *, max_tokens, batch_size, progress):
        self.seen += conversations
        texts = [self.answers[messages[-1]["content"]] for messages in conversations]
        return [Completion(text, "stop", 1, 1) for text in texts]


def test_score_router_compares_parsed_calls_by_split():
    examples = [*_of("train")[:3], *_of("validation")[:2]]
    answers = {example.question: example.answer for example in examples}
    answers[examples[0].question] = json.dumps(examples[0].call, indent=2)  # same call, other text
    answers[examples[1].question] = examples[1].answer.replace("/orders/", "/stock/")
    answers[examples[4].question] = "I do not know."
    model = _Scripted(answers)
    right, scores = score_router(model, examples)
    assert right == [True, False, True, True, False]
    assert scores["train"].estimate == pytest.approx(2 / 3)
    assert scores["validation"].estimate == pytest.approx(1 / 2)
    assert scores["train"].low < 2 / 3 < scores["train"].high
    assert [list(router_messages(e.question)) for e in examples] == [list(m) for m in model.seen]
