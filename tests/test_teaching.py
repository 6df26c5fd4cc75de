"""docs/exercises.md is what the lessons, the exercises and the map say."""

import re
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from course_lib import ROOT
from course_lib.exercises import watch_for, watch_for_00_07, watch_for_08_15
from course_lib.exercises.registry import all_exercises
from course_lib.exercises.watch_for import BUILDS_ON, WATCH_FOR
from course_lib.teaching import (
    as_markdown,
    exercises_page,
    main,
    minutes_table,
    said_once,
    stated_in,
    times_in_map,
)

PAGE = ROOT / "docs" / "exercises.md"
IDS = [exercise.id for exercise in all_exercises()]


def plain(text):
    return " ".join(text.split())


def test_the_page_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert page == exercises_page(), "run: python -m course_lib.teaching docs/exercises.md"


def sections():
    """What the page says under each exercise, by id."""
    parts = re.split(r"^### (\d+\.\d+) ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_exercise_stands_on_the_page_with_its_note_and_what_its_check_says():
    found = sections()
    assert list(found) == IDS
    for exercise in all_exercises():
        section = plain(found[exercise.id])
        assert plain(as_markdown(WATCH_FOR[exercise.id])) in section
        messages = said_once(wrong.message for wrong in exercise.wrong)
        assert f"says to {len(messages)} mistakes</summary>" in section
        assert section.count(" - ") >= len(messages) >= len({w.message for w in exercise.wrong}) - 4
        for message in messages:
            assert section.count(f" - {as_markdown(message)}") == 1


def test_a_fold_is_closed_and_its_list_is_markdown():
    """Without the blank lines GitHub and the site would show the list as one paragraph."""
    page = PAGE.read_text(encoding="utf-8")
    opened = r"^<details>\n<summary>[^\n]+</summary>\n\n- (?:[^<]|\\<)*\n\n</details>\n(?=\n#|\Z)"
    assert len(re.findall(opened, page, re.MULTILINE)) == len(IDS) == page.count("<details>")


def test_no_line_turns_into_a_list_or_a_heading():
    for name, section in sections().items():
        note, _, list_of_messages = section.partition("<details>")
        lines = [*note.splitlines()[1:], *re.findall(r"^  (.*)", list_of_messages, re.MULTILINE)]
        assert any(lines)
        assert not [line for line in lines if re.match(r"([-+*#>|=]|\d+[.)])(\s|$)| ", line)], name
        assert max(map(len, lines)) <= 120


def test_a_title_begins_with_a_capital_where_it_is_a_word():
    page = PAGE.read_text(encoding="utf-8")
    for title in ("0.1 The decision alone", "9.1 nDCG", "10.1 pass@k", "5.1 k nearest neighbours"):
        assert f"\n### {title}\n" in page


def test_every_exercise_has_a_note_and_no_note_is_for_another():
    assert list(WATCH_FOR) == IDS
    assert len(watch_for_00_07.WATCH_FOR) + len(watch_for_08_15.WATCH_FOR) == len(IDS)
    assert {int(name.split(".")[0]) for name in watch_for_00_07.WATCH_FOR} == set(range(8))


def test_an_exercise_without_a_note_is_named(monkeypatch):
    monkeypatch.delitem(watch_for.WATCH_FOR, "2.3")
    with pytest.raises(ValueError, match=r"watch_for\.py must have a note for 2\.3"):
        exercises_page()


def test_notes_are_short_and_no_two_are_alike():
    for name, note in WATCH_FOR.items():
        assert 100 < len(note) < 400, name
        assert len(re.findall(r"[.?!]\)?(?= [A-Z]|$)", note)) <= 3, name
    for (one, first), (other, second) in combinations(WATCH_FOR.items(), 2):
        assert first.split()[:4] != second.split()[:4], (one, other)
        matcher = SequenceMatcher(None, first.split(), second.split(), autojunk=False)
        assert matcher.ratio() < 0.5, (one, other)


def test_what_an_exercise_builds_on_comes_before_it():
    assert set(BUILDS_ON) <= set(IDS)
    for name, what in BUILDS_ON.items():
        for earlier in re.findall(r"\b\d+\.\d\b", what):
            assert earlier in IDS[: IDS.index(name)], (name, earlier)
        for notebook in re.findall(r"notebook (\d+)", what):
            assert int(notebook) < int(name.split(".")[0]), name
        lesson = next((ROOT / "lessons").glob(f"{int(name.split('.')[0]):02}_*.py"))
        text = lesson.read_text(encoding="utf-8")
        for section in re.findall(r"section (\d+)(?!\S* of notebook)", what):
            if "notebook 03, section" not in what:
                there = re.search(rf"^# ## {section}\. ", text, re.MULTILINE)
                assert there.start() < text.index(f"**Exercise {name}**"), name
        for code in re.findall(r"`(\w+)`", what):
            assert code in text[: text.index(f"**Exercise {name}**")], (name, code)


def test_messages_that_differ_in_a_number_alone_stand_once():
    shown = said_once(
        ["Even 1e-08 is  too\nmuch.", "Even 1e-12 is too much.", "These are 15. Ten?"]
    )
    assert shown == ["Even 1e-08 is too much.", "These are 15. Ten?"]
    assert said_once(["This is axis 0.", "These are five.", "These are 15. Ten?"]) == [
        "This is axis 0.",
        "These are five.",
    ]


def test_a_message_shows_its_signs():
    assert as_markdown("`a < b`, <name> and $x$") == r"`a < b`, \<name> and \$x\$"


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


def test_only_an_earlier_page_is_written_over(tmp_path, capsys):
    mine = tmp_path / "README.md"
    mine.write_text("# Mine", encoding="utf-8")
    assert main([str(mine)]) == 1
    assert "exists and is no earlier page" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "# Mine"
    mine.write_text("# Exercises: minutes, levels, and what learners get wrong\n\nold")
    assert main([str(mine)]) == 0
    assert mine.read_text(encoding="utf-8") == exercises_page()


def test_a_page_that_cannot_be_made_is_one_message(monkeypatch, capsys):
    monkeypatch.delitem(watch_for.WATCH_FOR, "2.3")
    assert main([]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "course_lib.teaching: exercises/watch_for.py must have a note for 2.3\n"


def test_the_command_prints_the_minutes(capsys):
    assert main(["--minutes"]) == 0
    assert capsys.readouterr().out == minutes_table()
