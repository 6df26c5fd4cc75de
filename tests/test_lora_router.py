"""The shipped router: its size, what it routes, and the scores in its model card."""

import json
import re

import pytest

from course_lib.language_model import Completion, LocalModel
from course_lib.lora import load_config
from course_lib.lora.__main__ import CONFIGS
from course_lib.lora.router_data import parse_call, router_examples, router_messages
from course_lib.lora.router_scores import (
    ADAPTER,
    EVERY,
    MODELS,
    SHOTS,
    TESTS,
    RoutedQuestion,
    few_shot_messages,
    load_calls,
    nearest_calls,
    record_calls,
    score_calls,
)

ASKED = {  # in no split: neither the wordings nor, but for the last, the values
    "Hello, when will order LC-25-13340 come?": ("http", "/orders/LC-25-13340"),
    "What is 37 times 112?": ("calculator", "37 * 112"),
    "Can I leave the battery in the car overnight?": ("search", None),
}


@pytest.fixture(scope="module")
def calls():
    return load_calls()


def test_shipped_adapter_is_small_and_what_the_configuration_trains():
    size = sum(file.stat().st_size for file in ADAPTER.glob("adapter_*"))
    assert 1_000_000 < size < 5_000_000
    saved = json.loads((ADAPTER / "adapter_config.json").read_text(encoding="utf-8"))
    config = load_config(CONFIGS / "router.toml")
    assert (saved["r"], saved["lora_alpha"]) == (config.rank, config.alpha)
    assert set(saved["target_modules"]) == set(config.target_modules)
    assert saved["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.mark.slow
def test_shipped_adapter_routes_three_questions():
    every = {one.question for one in router_examples()}
    assert not every & set(ASKED)
    model = LocalModel(adapter=ADAPTER)
    written = model.chat_batch([router_messages(text) for text in ASKED], max_tokens=60)
    for (question, (tool, argument)), answer in zip(ASKED.items(), written, strict=True):
        call = parse_call(answer.text)
        assert call is not None, answer.text
        assert call["tool"] == tool
        assert [*call["arguments"].values()] == [argument or question]
    plain = model.with_adapter(None).chat(router_messages(next(iter(ASKED))), max_tokens=20)
    assert parse_call(plain.text) is None  # it is the adapter that routes


def test_every_recorded_call_is_of_a_test_question(calls):
    assert set(calls) == {(model, split) for model in MODELS for split in TESTS}
    for split in TESTS:
        wanted = router_examples(split)
        assert [one.example for one in calls["adapter", split]] == wanted
        assert [one.example for one in calls["base", split]] == wanted[::EVERY]


def test_model_card_states_the_recorded_scores(calls):
    card = (ADAPTER / "README.md").read_text(encoding="utf-8")
    rows = {}
    for line in re.findall(r"^\| `(test_\w+)`[^\n]*", card, re.M):
        rows[line] = re.search(rf"^\| `{line}`[^\n]*", card, re.M)[0]
    assert set(rows) == set(TESTS)
    for split in TESTS:
        adapter = score_calls(calls["adapter", split])
        base = score_calls(calls["base", split])
        for interval in (adapter["exact"], adapter["right tool"], base["exact"]):
            shown = f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
            assert shown in rows[split]
    for number in ("training", "validation"):
        split = "train" if number == "training" else number
        assert f"{len(router_examples(split))} for {number}" in card


def test_few_shot_prompt_shows_training_examples_and_no_other():
    asked = router_examples("test_both")[0]
    messages = few_shot_messages(asked.question)
    assert len(messages) == 2 + 2 * SHOTS
    assert messages[-1] == {"role": "user", "content": asked.question}
    train = {one.question: one.answer for one in router_examples("train")}
    shown = {
        user["content"]: assistant["content"]
        for user, assistant in zip(messages[1:-1:2], messages[2:-1:2], strict=True)
    }
    assert len(shown) == SHOTS
    assert shown.items() <= train.items()
    known = router_examples("train")[5]
    assert few_shot_messages(known.question)[-3]["content"] == known.question  # the nearest is last


def test_few_shot_prompt_without_examples_is_the_instruction_and_the_question():
    assert [turn["role"] for turn in few_shot_messages("Is LK-204 in stock?", 0)] == [
        "system",
        "user",
    ]
    with pytest.raises(ValueError, match="shots must be 0 or more, got -1"):
        few_shot_messages("Is LK-204 in stock?", -1)


def test_nearest_call_copies_a_training_call_and_puts_the_new_values_in():
    train = router_examples("train")
    known = train[::100]
    assert nearest_calls([one.question for one in known]) == [one.call for one in known]
    wanted = {
        "Where is my order LC-26-99999?": ("http", "/orders/LC-26-99999"),
        "Is LK-999 in stock?": ("http", "/stock/LK-999"),
        "What is 140 times 12?": ("calculator", "140 * 12"),  # trained with them turned round
        "What does the handbook say about kickstands?": ("search", None),
    }
    for call, (question, (tool, argument)) in zip(
        nearest_calls(list(wanted)), wanted.items(), strict=True
    ):
        assert call["tool"] == tool
        assert [*call["arguments"].values()] == [argument or question]
    assert nearest_calls([]) == []


class _Scripted:
    """Writes one text for every question, and fails after so many batches."""

    def __init__(self, text, batches=99):
        self.text, self.batches, self.asked = text, batches, []

    def chat_batch(self, conversations, *, max_tokens, batch_size):
        self.batches -= 1
        if self.batches < 0:
            raise KeyboardInterrupt
        self.asked += [messages[-1]["content"] for messages in conversations]
        return [Completion(self.text, "stop", 1, 1) for _ in conversations]


def test_recording_goes_on_where_it_was_stopped(tmp_path):
    file = tmp_path / "calls.jsonl"
    examples = router_examples("test_both")[:5]
    wanted = examples[0].answer
    base = _Scripted("no call")
    first = _Scripted(wanted, batches=1)
    with pytest.raises(KeyboardInterrupt):
        record_calls(base, first, file, examples=examples, batch_size=2)
    second = _Scripted(wanted)
    record_calls(base, second, file, examples=examples, batch_size=2)
    assert first.asked + second.asked == [one.question for one in examples]
    assert base.asked == [one.question for one in examples]
    answers = load_calls(file)
    assert [one.exact for one in answers["adapter", "test_both"]] == [True, *[False] * 4]
    assert not any(one.exact or one.right_tool for one in answers["base", "test_both"])


def test_scores_count_exact_calls_tools_and_kinds():
    train = router_examples("train")
    stock = next(
        e for e in train if e.answer.startswith('{"tool": "http"') and "/stock" in e.answer
    )
    sums = next(e for e in train if e.call["tool"] == "calculator")
    answers = [
        RoutedQuestion(stock, stock.answer.replace(": ", " :  ")),  # the same JSON
        RoutedQuestion(stock, stock.answer.replace("/stock/", "/orders/")),
        RoutedQuestion(sums, stock.answer),
        RoutedQuestion(sums, "Let me see."),
    ]
    scores = score_calls(answers)
    assert {name: one.estimate for name, one in scores.items()} == {
        "exact": 0.25, "right tool": 0.5, "calculator": 0.0, "http": 0.5,
    }  # fmt: skip
