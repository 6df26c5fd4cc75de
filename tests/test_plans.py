"""The plans of docs/teach.md are what the lessons and the map say."""

import re

import pytest

from course_lib import ROOT
from course_lib.plans import plan_minutes


def test_the_plans_of_teach_md_add_up():
    text = (ROOT / "docs" / "teach.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (?:Day|Week)[^|]+ \| ([^|]+) \| ([^|]+) \| (\d+) \|$", text, re.MULTILINE
    )
    assert len(rows) == 4 + 6 + 14
    for notebooks, exercises, minutes in rows:
        assert int(minutes) == plan_minutes(notebooks.split(", "), exercises.split(", ")), notebooks


def test_the_semester_has_every_notebook_and_each_has_a_question_to_discuss():
    text = (ROOT / "docs" / "teach.md").read_text(encoding="utf-8")
    semester = text.split("### One semester")[1].split("## Editions")[0]
    numbers = [f"{n:02}" for n in range(16)]
    named = re.findall(r"^\| Week \d+ \| ([^|]+) \|", semester, re.MULTILINE)
    assert [one for row in named for one in row.split(", ")] == numbers
    assert re.findall(r"^- \*\*(\d\d)\.\*\*", text, re.MULTILINE) == numbers


def test_a_plan_with_an_unknown_exercise_is_refused():
    with pytest.raises(ValueError, match=r"there is no 2\.9; there are 0\.1"):
        plan_minutes(["02"], ["2.9"])
