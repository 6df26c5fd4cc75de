"""The gate's recorded answers: complete, of today's prompts, and of no test question."""

import json

import pytest

from course_lib.data import load_questions
from course_lib.gate import gate
from course_lib.lora import gate_runs
from course_lib.lora.gate_runs import VERSIONS, gate_questions, gate_scores, load_gate_answers

MARGINS = {"cited": 0.15, "answer F1": 0.05}


@pytest.fixture(scope="module")
def answers():
    return load_gate_answers()


def test_every_version_answered_every_question_in_one_order(answers):
    assert list(answers) == list(VERSIONS)
    for each in answers.values():
        assert [one.question.id for one in each] == [one.id for one in gate_questions()]
        assert all(one.answering for one in each)


def test_two_versions_answered_the_questions_that_no_passage_answers():
    found = load_gate_answers(answerable=False)
    assert sorted(found) == ["forbids citations", "today"]
    for each in found.values():
        assert len(each) == 15
        assert not any(one.answering for one in each)


def test_no_question_of_the_gate_is_a_test_question():
    test = {one.text for one in load_questions() if one.split == "test"}
    asked = [*gate_questions(), *gate_questions(answerable=False)]
    assert len({one.id for one in asked}) == len(asked) == 111
    assert not test & {one.text for one in asked}


def test_the_bad_prompts_fail_and_the_rewording_passes(answers):
    scores = {name: gate_scores(each) for name, each in answers.items()}
    verdicts = {name: gate(scores["today"], each, MARGINS) for name, each in scores.items()}
    assert verdicts["today"].passed
    assert verdicts["reworded"].passed
    assert verdicts["passages lost"].status == "fail"


def test_answers_to_another_prompt_are_refused(tmp_path):
    lines = gate_runs.LOG.read_text(encoding="utf-8").splitlines()
    first = {**json.loads(lines[0]), "sha": "000000000000"}
    file = tmp_path / "runs.jsonl"
    file.write_text(json.dumps(first) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is out of date: 'today' asks V"):
        load_gate_answers(file=file)
