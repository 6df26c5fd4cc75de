"""docs/exercises.md is what the lessons, the exercises and the map say."""

import pytest

from course_lib import ROOT
from course_lib.exercises.registry import all_exercises
from course_lib.teaching import exercises_page, main, stated_in, times_in_map

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


def test_the_map_has_every_notebook():
    assert list(times_in_map()) == [path.stem for path in sorted((ROOT / "lessons").glob("*.py"))]


def test_reads_titles_with_inner_marks_and_several_exercises():
    text = "**Exercise 1.1** · rare words · easy, 5 minutes.\n"
    text += "**Exercise 1.2** · x · any level, 10 minutes"
    assert {name: one.minutes for name, one in stated_in(text).items()} == {"1.1": 5, "1.2": 10}


def test_the_command_writes_the_page(tmp_path, capsys):
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == exercises_page()
    assert main([]) == 0
    assert capsys.readouterr().out == exercises_page()
