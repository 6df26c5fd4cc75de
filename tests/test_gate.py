"""The gate: what passes, what fails, what it cannot tell, and how often it errs."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import gate as gating
from course_lib.gate import gate, least_questions, main, pass_rate, questions_needed, read_scores

RNG = np.random.default_rng(0)
TODAY = {"right": (RNG.random(200) < 0.6).astype(float), "cited": RNG.random(200)}
MARGINS = {"right": 0.1, "cited": 0.1}


def worse(share, metric="right", rows=200):
    """Today's scores, with the first ones of a metric that are above 0 put to 0."""
    changed = {name: values[:rows].copy() for name, values in TODAY.items()}
    hit = np.flatnonzero(changed[metric] > 0)[: int(share * rows)]
    changed[metric][hit] = 0
    return changed


def test_the_same_scores_pass_with_a_difference_of_exactly_nothing():
    verdict = gate(TODAY, TODAY, MARGINS)
    assert verdict.passed
    assert verdict.exit_status == 0
    for change in verdict.changes:
        assert (change.difference.low, change.difference.high) == (0, 0)


def test_a_loss_in_one_metric_stops_it_whatever_the_others_gain():
    changed = worse(0.2)
    changed["cited"] = np.ones(200)
    verdict = gate(TODAY, changed, MARGINS)
    assert verdict.exit_status == 1
    assert [change.status for change in verdict.changes] == ["fail", "pass"]


def test_a_small_loss_that_is_shown_fails_even_within_the_margin():
    verdict = gate(TODAY, worse(0.04), MARGINS)
    assert verdict.changes[0].difference.low > -0.1
    assert verdict.status == "fail"


def test_a_metric_without_a_margin_does_not_count():
    assert gate(TODAY, worse(0.3), {"cited": 0.1}).passed


def test_too_few_questions_never_pass_though_all_scores_are_equal():
    few = {name: values[:35] for name, values in TODAY.items()}
    assert gate(few, few, MARGINS).status == "unsure"
    enough = {name: values[:36] for name, values in TODAY.items()}
    assert gate(enough, enough, MARGINS).passed


def test_unsure_names_how_many_questions_to_plan():
    rng = np.random.default_rng(1)
    old, new = (rng.random(40) < 0.5).astype(float), (rng.random(40) < 0.5).astype(float)
    verdict = gate({"right": old}, {"right": new}, {"right": 0.1})
    spread = np.std(new - old, ddof=1)
    assert verdict.status == "unsure"
    assert f"plan {questions_needed(0.1, spread)} questions" in str(verdict)


@given(st.floats(0.005, 0.9), st.floats(0.5, 0.99))
def test_least_questions_is_the_first_number_at_which_no_loss_would_be_news(margin, confidence):
    n = least_questions(margin, confidence=confidence)
    tail = (1 - confidence) / 2
    assert (1 - margin) ** n <= tail * (1 + 1e-9) or n == 2
    assert n == 2 or (1 - margin) ** (n - 1) > tail


def test_planned_questions_give_about_the_planned_power():
    rng = np.random.default_rng(2)
    differences = rng.choice([-1, 0, 1], 20_000, p=[0.1, 0.8, 0.1])
    n = questions_needed(0.1, differences.std(ddof=1))
    today = {"right": np.where(differences < 0, 1.0, 0.0)}
    change = {"right": today["right"] + differences}
    rate = pass_rate(today, change, {"right": 0.1}, n, trials=400)
    assert 0.72 < rate.estimate < 0.88  # the plan leaves "fail" by chance aside


def test_a_loss_by_the_margin_seldom_passes():
    rng = np.random.default_rng(3)
    differences = rng.choice([-1, 0, 1], 20_000, p=[0.2, 0.7, 0.1])
    today = {"right": np.where(differences < 0, 1.0, 0.0)}
    change = {"right": today["right"] + differences}
    assert pass_rate(today, change, {"right": 0.1}, 150, trials=400).estimate < 0.06


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TODAY, TODAY, {}), "margins must name one metric or more"),
        ((TODAY, TODAY, {"right": 0.0}), "margin must be above 0 and at most 1, got 0.0"),
        ((TODAY, TODAY, {"right": 2}), "margin must be above 0 and at most 1, got 2"),
        ((TODAY, TODAY, {"speed": 0.1}), "today must hold scores of 'speed', got right, cited"),
        ((TODAY, {"right": [1.0]}, {"right": 0.1}), "b must|a must|a and b must"),
        (({"x": [0, 2]}, {"x": [0, 1]}, {"x": 0.1}), r"today\['x'\] must be scores from 0 to 1"),
        (({"x": [0, 1]}, {"x": [0, np.nan]}, {"x": 0.1}), r"change\['x'\] must be scores"),
        (
            ({"x": [0, 1], "y": [0, 1, 1]},) * 2 + ({"x": 0.1, "y": 0.1},),
            "all metrics must be of the same questions",
        ),
    ],
)
def test_what_cannot_be_judged_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        gate(*arguments)


def write(file, scores, order):
    lines = [json.dumps({"question": f"Q{n}", "right": float(scores[n])}) for n in order]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_in_ci_the_questions_are_joined_by_name_and_the_exit_status_tells(tmp_path, capsys):
    today, same, bad = (tmp_path / f"{name}.jsonl" for name in ("today", "same", "bad"))
    write(today, TODAY["right"], range(200))
    write(same, TODAY["right"], reversed(range(200)))
    write(bad, worse(0.2)["right"], range(200))
    assert main([str(today), str(same), "--margin", "right=0.1"]) == 0
    assert "+0.000 [+0.000, +0.000]" in capsys.readouterr().out
    run = [sys.executable, "-m", "course_lib.gate", str(today), str(bad), "--margin", "right=0.1"]
    ended = subprocess.run(run, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout.startswith("FAIL on 200 questions")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "Q1"}', "must be scores from 0 to 1, got nan"),
        ('{"question": "Q2", "right": 1}', "are in one of the files alone"),
        ('{"right": 1}', "line 1: a line must be"),
        ("[1]", "line 1: a line must be"),
        ("", "are in one of the files alone"),
    ],
)
def test_in_ci_what_cannot_be_compared_is_an_error_of_its_own(tmp_path, capsys, line, message):
    today, change = tmp_path / "today.jsonl", tmp_path / "change.jsonl"
    today.write_text('{"question": "Q1", "right": 1}', encoding="utf-8")
    change.write_text(line, encoding="utf-8")
    assert main([str(today), str(change), "--margin", "right=0.1"]) == 2
    assert message in capsys.readouterr().err


def test_a_question_that_comes_twice_is_refused(tmp_path):
    file = tmp_path / "twice.jsonl"
    file.write_text('{"question": "Q1", "right": 1}\n' * 2, encoding="utf-8")
    with pytest.raises(ValueError, match="line 2: Q1 comes twice"):
        read_scores(file)


def test_power_is_what_the_docstring_says():
    assert gating.POWER == 0.8
    assert questions_needed(0.05, 0.3) == pytest.approx(4 * questions_needed(0.1, 0.3), rel=0.05)
    assert questions_needed(0.1, 0.3, power=0.95) > questions_needed(0.1, 0.3)
