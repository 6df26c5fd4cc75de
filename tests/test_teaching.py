"""docs/exercises.md and the plans of docs/teach.md are what the lessons and the map say."""

import re

import pytest

from course_lib import ROOT
from course_lib.exercises.registry import all_exercises
from course_lib.teaching import exercises_page, main, plan_minutes, stated_in

PAGE = ROOT / "docs" / "exercises.md"


def test_the_page_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert page == exercises_page(), "run: python -m course_lib.teaching docs/exercises.md"


def test_every_exercise_and_every_known_mistake_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for exercise in all_exercises():
        assert f"### {exercise.id} " in page
        for wrong in exercise.wrong:
            assert " ".join(wrong.message.split()) in page


def test_an_exercise_without_level_or_minutes_is_named(tmp_path):
    (tmp_path / "02_similarity_metrics.py").write_text("# # 02 · Similarity\n")
    with pytest.raises(ValueError, match=r"02_similarity_metrics.py must state .* of 2\.1"):
        exercises_page(tmp_path)


def test_a_notebook_without_a_row_in_the_map_is_named(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no map")
    with pytest.raises(ValueError, match=r"README.md must have a row for 00_start_here"):
        exercises_page(readme=readme)


def test_reads_titles_with_inner_marks_and_several_exercises():
    text = "**Exercise 1.1** · rare words · easy, 5 minutes.\n"
    text += "**Exercise 1.2** · x · any level, 10 minutes"
    assert {name: one.minutes for name, one in stated_in(text).items()} == {"1.1": 5, "1.2": 10}


def test_the_command_writes_the_page(tmp_path, capsys):
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == exercises_page()
    assert main([]) == 0
    assert capsys.readouterr().out == exercises_page()


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
