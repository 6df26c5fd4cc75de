"""Exercises 15.3 and 15.4: no guess passes, and what the notebook shows can be pasted."""

import ast
import math
import re
from pathlib import Path

import pytest

from course_lib.exercises import check
from course_lib.exercises import ex15_capstone as own
from course_lib.gate import least_questions
from course_lib.lora.grounded_data import grounded_chunks

LESSON = Path(__file__).parents[1] / "lessons" / "15_capstone.py"


def exercise(id):
    return next(one for one in own.EXERCISES if one.id == id)


def pasted(id):
    """What the solution's lines define."""
    names = {}
    exec(exercise(id).solution, names)
    return names


@pytest.fixture(scope="module")
def passages():
    texts = {}
    for chunk in grounded_chunks():
        texts[chunk.locator] = texts.get(chunk.locator, "") + " " + chunk.text
    return texts


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_pasted_function_is_right(number):
    names = pasted(f"15.{number}")
    (mine,) = [value for name, value in names.items() if name.startswith("my_")]
    assert check(f"15.{number}", mine).passed


def test_the_pasted_questions_are_right_and_their_passages_answer(passages):
    names = pasted("15.4")
    questions, margin = names["my_questions"], names["my_margin"]
    assert check("15.4", (questions, margin)).passed
    assert (questions, margin) == exercise("15.4").reference
    answers = ["Sunday, Monday", "No need to", "30 days", "The police first", "Bike → Passport"]
    for (_, locator), answer in zip(questions, answers, strict=True):
        assert answer in passages[locator]


def test_the_stub_shows_a_pair_that_the_check_takes(passages):
    stub = LESSON.read_text(encoding="utf-8").split('exercise="15.4"')[1].split("check(")[0]
    pairs = [ast.literal_eval(pair) for pair in re.findall(r'\(".+?", ".+?"\)', stub)]
    assert pairs
    for pair in pairs:
        assert pair[1] in passages
        assert check("15.4", ([pair, *own._MINE[1:]], 0.53)).passed


def test_no_constant_names_every_bottleneck():
    for step in ("queue", "search", "guards", "model", "tools"):
        assert check("15.3", lambda requests, share, step=step: step).status == "wrong"


@pytest.mark.parametrize(("rounding", "says"), [(int, "round down"), (math.ceil, "rounds up")])
def test_only_round_keeps_the_right_share(rounding, says):
    def mine(requests, share):
        ranked = sorted(requests, key=lambda one: sum(one.values()), reverse=True)
        sums = {}
        for one in ranked[: max(1, rounding(share * len(requests)))]:
            for step, milliseconds in one.items():
                if step != "queue":
                    sums[step] = sums.get(step, 0) + milliseconds
        return max(sums, key=sums.get)

    assert says in check("15.3", mine).message


@pytest.mark.parametrize("n", [5, 6, 7, 12, 36, 100, 300])
def test_the_smallest_margin_is_the_gates(n):
    margin = own._smallest_margin(n)
    assert least_questions(margin) <= n
    assert margin == 0.01 or least_questions(round(margin - 0.01, 2)) > n


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (own._MINE, "Hand in two things"),
        (own._MINE[:2], "Hand in two things"),
        (0.53, "Hand in two things"),
        ({}, "Hand in two things"),
        ((own._MINE, None), "is a number"),
        ((own._MINE, True), "is a number"),
        ((own._MINE, 0), "between 0 and 1"),
        ((own._MINE, 53), "between 0 and 1"),
        ((own._MINE, math.nan), "between 0 and 1"),
        ((own._MINE, 0.5), "larger margin"),
        ((own._MINE, 0.52), "rounded down"),
        ((own._MINE, 0.54), "the smallest is wanted"),
        ((dict(own._MINE), 0.53), "list of pairs"),
    ],
)
def test_what_is_handed_in_wrongly_is_named(attempt, says):
    result = check("15.4", attempt)
    assert result.status == "wrong"
    assert says in result.message


@pytest.mark.parametrize("attempt", [[], ([], 0.5), ([], ...), (own._MINE, ...)])
def test_a_stub_is_not_attempted(attempt):
    assert check("15.4", attempt).status == "not attempted"
