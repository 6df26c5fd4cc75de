"""What the grounded adapter learns from, and that no test question is in it."""

import json
import re

import pytest

from course_lib.chunking import covers
from course_lib.data import load_handbook, load_questions
from course_lib.language_model import Completion
from course_lib.lora import grounded_data as data
from course_lib.lora.grounded_scores import (
    ADAPTER,
    GroundedAnswer,
    held_out_questions,
    load_grounded_answers,
    record_answers,
    score_grounded,
)
from course_lib.rag import ABSTENTION, PROMPT

SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def questions():
    return {split: data.grounded_questions(split) for split in SPLITS}


@pytest.fixture(scope="module")
def examples():
    return {split: data.grounded_examples(split) for split in SPLITS}


def plain(text):
    return " ".join(re.findall(r"\w+", text.lower()))


def test_no_prompt_holds_a_passage_that_a_test_question_needs(examples):
    needed = {r.anchor for q in load_questions() if q.split == "test" for r in q.relevant}
    twin = {page.supersedes: page.id for page in load_handbook() if page.supersedes}
    twin |= {new: old for old, new in twin.items()}
    for anchor in sorted(needed):
        page, _, rest = anchor.partition("#")
        needed |= {f"{twin[page]}#{rest}"} if page in twin else set()
    chunks = [c for c in data.grounded_chunks() if any(covers(c, one) for one in needed)]
    assert len(chunks) > 50
    texts = {chunk.text for chunk in chunks}
    for split in SPLITS:
        for example in examples[split]:
            prompt = example.messages[1]["content"].replace("\n> ", "\n")
            held = [text for text in texts if len(text) > 60 and text in prompt]
            assert not held, held[0]


def test_no_test_question_is_learned(questions):
    asked = {plain(q.text) for q in load_questions() if q.split == "test"}
    for split in SPLITS:
        assert not asked & {plain(one.text) for one in questions[split]}


def test_splits_share_no_page_no_wording_and_no_question(questions, examples):
    train, validation = questions["train"], questions["validation"]
    pages = set(data._known()["validation_pages"])
    assert len(pages) == 10
    assert not {one.anchor.partition("#")[0] for one in train} & pages
    shared = {one.anchor for one in train} & {one.anchor for one in validation}
    assert not shared
    wordings = [{plain(one.template) for one in split} - {""} for split in (train, validation)]
    assert wordings[1]
    assert not wordings[0] & wordings[1]
    assert not {plain(one.text) for one in train} & {plain(one.text) for one in validation}
    for example in examples["train"]:
        shown = re.findall(r"^\[\d\] ([\w-]+)", example.messages[1]["content"], re.MULTILINE)
        assert not set(shown) & pages
    needed = {one.anchor for one in validation} - {""}
    chunks = [c for c in data.grounded_chunks() if any(covers(c, one) for one in needed)]
    texts = {chunk.text for chunk in chunks if len(chunk.text) > 60}
    assert len(texts) > 40
    for example in examples["train"]:
        prompt = example.messages[1]["content"].replace("\n> ", "\n")
        held = [text for text in texts if text in prompt]
        assert not held, held[0]


def test_the_shop_s_own_training_questions_validate_only(questions):
    asked = {q.text for q in load_questions() if q.split == "train"}
    assert not {one.text for one in questions["train"]} & asked
    validating = [one for one in questions["validation"] if one.text in asked]
    assert len([one for one in validating if not one.anchor]) == 15
    assert all(one.anchor for one in questions["train"])  # no wording that always means "no answer"


def test_each_answer_cites_the_passage_that_answers_or_abstains(questions, examples):
    for split in SPLITS:
        abstained = [one for one in examples[split] if one.answer == ABSTENTION]
        assert 0.1 < len(abstained) / len(examples[split]) < 0.4
        places = []
        for example in examples[split]:
            if example.answer != ABSTENTION:
                (number,) = re.findall(r" \[(\d)\]\.$", example.answer)
                assert f"[{number}] " in example.messages[1]["content"]
                places.append(int(number))
        assert all(places.count(number) / len(places) > 0.15 for number in (1, 2, 3))


def test_neighbours_are_about_the_same_passages_and_the_answers_are_quoted(examples):
    for split in SPLITS:
        for start in range(0, len(examples[split]), data.TOGETHER):
            group = examples[split][start : start + data.TOGETHER]
            prompts = [one.messages[1]["content"].rpartition("\n\nQuestion: ") for one in group]
            assert len({shown for shown, _, _ in prompts}) == 1
            assert len({question for _, _, question in prompts}) == data.TOGETHER
    answers = [one for one in examples["train"] if one.answer != ABSTENTION]
    words = [
        set(re.findall(r"\w+", one.answer.lower())) - {"1", "2", "3"}
        <= set(re.findall(r"\w+", one.messages[1]["content"].lower()))
        for one in answers
    ]
    assert sum(words) / len(words) > 0.95


def test_prompts_are_filled_at_once():
    passage = data.grounded_chunks()[0]
    text = data.grounded_messages("What of {passages}?", [passage])[1]["content"]
    assert text.endswith("Question: What of {passages}?")
    assert text.startswith(f"[1] {passage.locator}")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be 'train' or 'validation', got 'test'"):
        data.grounded_questions("test")


def answer(text, question, answering=(2,)):
    return GroundedAnswer(question, data.grounded_chunks()[:3], answering, text)


def test_scores_of_answers_that_are_right_half_right_and_wrong():
    question = next(
        q for q in held_out_questions() if re.fullmatch(r"[^\d]*\d+ [a-z]+\.?", q.answer)
    )
    right = answer(f"{question.answer} [2]", question)
    assert right.numbers_right
    assert right.f1 == 1.0
    assert right.right_and_cited
    assert not answer(f"{question.answer} [1]", question).right_and_cited
    assert answer(f"{question.answer} [1, 2]", question).citation_precision == 0.5
    assert answer(f"{question.answer} [9]", question).citation_precision == 0.0
    assert answer("About 7777 [2].", question).numbers_right is False
    declined = answer(ABSTENTION, question)
    assert declined.abstained
    assert declined.f1 == 0.0
    unanswerable = [answer(ABSTENTION, question, ())] * 2
    scores = score_grounded([right, declined, *unanswerable])
    assert scores["right and cited"].estimate == 0.5
    assert scores["wrongly abstained"].estimate == 0.5
    assert scores["rightly abstained"].estimate == 1.0


class Writer:
    """Writes its name and the question, and keeps what it was asked."""

    def __init__(self, name, fails_at=None):
        self.name, self.asked, self.fails_at = name, [], fails_at

    def chat_batch(self, conversations, *, max_tokens, batch_size):
        self.asked += conversations
        if self.fails_at is not None and len(self.asked) > self.fails_at:
            raise KeyboardInterrupt
        return [Completion(f"{self.name}: {turns[-1]['content'].rpartition('Question: ')[2]}",
                           "stop", 1, 1) for turns in conversations]  # fmt: skip


def test_answers_are_recorded_once_and_read_again(tmp_path):
    file = tmp_path / "answers.jsonl"
    base, adapter = Writer("base"), Writer("adapter")
    with pytest.raises(KeyboardInterrupt):
        record_answers(Writer("base", fails_at=40), adapter, file)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 32
    record_answers(base, adapter, file)
    answers = load_grounded_answers(file)
    assert set(answers) == {(s, m) for s in ("gold", "found") for m in ("base", "adapter")}
    for (_, model), rows in answers.items():
        assert [one.question for one in rows] == held_out_questions()
        assert all(one.text == f"{model}: {one.question.text}" for one in rows)
    differ = 0
    for gold, found in zip(answers["gold", "base"], answers["found", "base"], strict=True):
        assert bool(gold.answering) == (gold.question.kind != "unanswerable")
        if found.answering or not gold.answering:
            assert gold.passages == found.passages  # one prompt, answered once
        else:
            differ += 1
    assert differ > 3
    assert len(adapter.asked) == len(held_out_questions()) + differ
    assert len(base.asked) == len(adapter.asked) - 32
    assert all(turns[:-1] == PROMPT[:-1] for turns in base.asked)
    assert all(turns[:-1] == data.GROUNDED_PROMPT[:-1] for turns in adapter.asked)
    again = Writer("base")
    record_answers(again, again, file)
    assert again.asked == []


def test_answers_to_other_passages_are_refused(tmp_path):
    file = tmp_path / "answers.jsonl"
    question = held_out_questions()[0]
    record = {"question": question.id, "shown": "found", "model": "base",
              "passages": ["elsewhere#page-1"], "text": "Yes [1]."}  # fmt: skip
    file.write_text(json.dumps(record) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"out of date: {question.id} was answered from"):
        load_grounded_answers(file)
    assert load_grounded_answers(tmp_path / "none.jsonl") == {}


def test_the_card_says_what_the_recorded_answers_score_and_the_files_are_small():
    card = (ADAPTER / "README.md").read_text(encoding="utf-8")
    answers = load_grounded_answers()
    assert {len(each) for each in answers.values()} == {len(held_out_questions())}
    for shown in ("gold", "found"):
        scores = {name: score_grounded(answers[shown, name]) for name in ("base", "adapter")}
        for name, interval in scores["base"].items():
            assert f"| {name} | {interval} | {scores['adapter'][name]} |" in card
    for split, each in (("734", "train"), ("195", "validation")):
        assert len(data.grounded_questions(each)) == int(split)
        assert f"{split} questions" in card
    assert (ADAPTER / "adapter_model.safetensors").stat().st_size < 5_000_000
