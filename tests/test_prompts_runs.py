"""The log of prompt versions: complete, of today's prompts, and of what the search finds today."""

from collections import Counter

import pytest

from course_lib.prompts import load_prompt, versions
from course_lib.prompts.runs import (
    PASSAGE_TOKENS,
    WHOLE,
    load_runs,
    passages_for,
    questions_of_runs,
)

VERSIONS = versions("grounded-answer")


def test_every_version_answered_every_question_once():
    counts = Counter((run.version, run.compressed, run.question) for run in load_runs())
    asked = questions_of_runs()
    wanted = {(version, True, one.id) for version in VERSIONS for one in asked}
    test = [one.id for one in asked if one.split == "test"]
    wanted |= {(1, False, name) for name in test[:WHOLE]}
    assert set(counts) == wanted
    assert set(counts.values()) == {1}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_prompts_are_those_of_the_log(version):
    shas = {run.sha for run in load_runs() if run.version == version}
    assert shas == {load_prompt("grounded-answer", version).sha}


@pytest.mark.slow
def test_the_passages_are_those_of_the_log():
    texts = {one.id: one.text for one in questions_of_runs()}
    for run in load_runs():
        if run.version == 1:
            shown = passages_for(texts[run.question], PASSAGE_TOKENS if run.compressed else None)
            assert tuple(chunk.locator for chunk in shown.chunks) == run.shown


def test_questions_are_of_both_splits():
    assert Counter(one.split for one in questions_of_runs()) == {"train": 48, "test": 75}
