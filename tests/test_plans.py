"""The minutes, plans and questions of docs/teach.md are what the lessons and notebooks say."""

import json
import re
from datetime import datetime
from itertools import pairwise

import pytest

from course_lib import ROOT
from course_lib.teaching import minutes_table, stated_in, times_in_map

TEACH = (ROOT / "docs" / "teach.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "docs" / "project.md").read_text(encoding="utf-8")
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))
NUMBERS = [path.name[:2] for path in LESSONS]
EXERCISE = re.compile(r"\b\d+\.\d+\b")


def part(heading):
    """The text under a heading, up to the next one of its level."""
    mark = heading.split(" ")[0]
    return re.split(rf"(?m)^#{{2,{len(mark)}}} ", TEACH.split(f"\n{heading}\n")[1])[0]


def rows(text, first):
    """The cells of the rows of a table that begin with a word."""
    found = re.findall(rf"(?m)^\|( {first}.*)\|$", text)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def known(name, minutes):
    if name not in minutes:
        raise ValueError(f"there is no {name}; there are {', '.join(minutes)}")
    return minutes[name]


def reading_minutes(notebooks):
    """Minutes of reading whole notebooks, as README's map estimates them."""
    minutes = {stem[:2]: int(times[0].split()[0]) for stem, times in times_in_map().items()}
    return sum(known(one, minutes) for one in notebooks)


def all_stated():
    """Every exercise that the lessons announce, by id, in the order of the notebooks."""
    texts = [path.read_text(encoding="utf-8") for path in LESSONS]
    return {name: one for text in texts for name, one in stated_in(text).items()}


def exercise_minutes(exercises):
    """Minutes of doing exercises, as the lessons state them."""
    minutes = {name: one.minutes for name, one in all_stated().items()}
    return sum(known(one, minutes) for one in exercises)


def section_minutes(notebook, sections):
    """Minutes of reading some sections: their share of the lesson's words, cells included."""
    whole = reading_minutes([notebook])
    path = next(path for path in LESSONS if path.name.startswith(notebook))
    parts = re.split(r"(?m)^# ## ", path.read_text(encoding="utf-8"))[1:]
    words = [len(part.split()) for part in parts]
    numbers = [part.split(".")[0] for part in parts]
    missing = {str(one) for one in sections} - set(numbers)
    if missing:
        raise ValueError(f"{path.name} has no section {', '.join(sorted(missing))}")
    read = sum(n for n, number in zip(words, numbers, strict=True) if number in map(str, sections))
    return round(whole * read / sum(words))


def notebooks(cell):
    return re.findall(r"\b\d\d\b", cell)


def exercises_of(rows):
    """Every exercise named in some cells of each row, sorted; twice where it stands twice."""
    return sorted(one for cells in rows for cell in cells for one in EXERCISE.findall(cell))


def both(cell):
    """`64 + 62` as two numbers."""
    return tuple(int(one) for one in cell.split(" + "))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_map_and_the_first_cell_state_the_sum_of_the_exercises(path):
    text = path.read_text(encoding="utf-8")
    reading, exercises, running = times_in_map()[path.stem]
    together = sum(one.minutes for one in stated_in(text).values())
    assert exercises == f"{together} min"
    needs = re.search(r"(?m)^# Needs.*(?:\n# \S.*)*", text)[0]
    said = re.search(
        r"Reading (?:takes )?(\d+) minutes, (?:the )?exercises (?:up to )?(\d+), "
        r"running (?:all cells )?(?:about )?(\d+) (second|minute)s",
        needs,
    )
    assert said, needs
    assert (f"{said[1]} min", f"{said[2]} min") == (reading, exercises)
    assert f"{said[3]} {'s' if said[4] == 'second' else 'min'}" == running


def test_the_table_of_minutes_is_current():
    assert minutes_table() in TEACH, "put in: python -m course_lib.teaching --minutes"


def test_two_days_have_a_clock_whose_hours_suffice():
    days = re.split(r"(?m)^\| Day \d ", part("### Two days"))[1:]
    assert len(days) == 2
    for day in days:
        clock = rows(day, r"\d+:\d\d")
        times = [datetime.strptime(row[0], "%H:%M") for row in clock]
        slots = [(b - a).total_seconds() / 60 for a, b in pairwise(times)]
        assert all(slot > 0 for slot in slots)
        for (_, what, stated), slot in zip(clock, [*slots, 0.0], strict=True):
            ids = EXERCISE.findall(what) if "Exercise" in what else []
            named = re.findall(r"\*\*(\d\d)\*\*", what)
            if cut := re.search(r"\*\*(\d\d)\*\*, sections ([\d, ]+)", what):
                wanted = section_minutes(cut[1], [int(n) for n in cut[2].split(", ")])
            else:
                wanted = reading_minutes(named) + exercise_minutes(ids)
            assert int(stated or 0) == wanted, what
            assert slot >= 1.3 * wanted, what
        assert max(slots) <= 80


def test_six_weeks_fit_into_two_meetings_a_week():
    plan = rows(part("### Six weeks"), "Week")
    assert len(plan) == 6
    for week, alone, together, in_class, at_home, room, out in plan:
        wanted = reading_minutes(notebooks(together)), exercise_minutes(EXERCISE.findall(in_class))
        assert both(room) == wanted, week
        assert sum(wanted) <= 160
        assert max(wanted) <= 90
        away = reading_minutes(notebooks(alone)), exercise_minutes(EXERCISE.findall(at_home))
        assert both(out) == away, week
    assert sorted(n for row in plan for n in notebooks(row[1] + " " + row[2])) == NUMBERS
    assert exercises_of(row[3:5] for row in plan) == sorted(all_stated())


def test_the_semester_has_every_notebook_and_every_exercise():
    plan = rows(part("### One semester"), "Week")
    assert len(plan) == 14
    for week, lecture, practical, at_home, room, out, _ in plan:
        wanted = reading_minutes(notebooks(lecture)), exercise_minutes(EXERCISE.findall(practical))
        assert both(room) == wanted, week
        assert max(wanted) <= 75, "a lecture and a practical have 90 minutes each"
        assert both(out) == (0, exercise_minutes(EXERCISE.findall(at_home))), week
    assert [n for row in plan for n in notebooks(row[1])] == NUMBERS
    assert exercises_of(row[2:4] for row in plan) == sorted(all_stated())


def test_each_part_of_the_project_comes_when_its_notebooks_were_taught():
    plan = rows(part("### One semester"), "Week")
    taught = {n: place for place, row in enumerate(plan, 1) for n in notebooks(row[1])}
    begins = {}
    for place, row in enumerate(plan, 1):
        if row[-1].startswith("part"):
            begins.setdefault(row[-1].split()[1], place)
    parts = re.findall(r"(?m)^\| ([1-4]) \| .* \| ([\d, –]+) \|$", PROJECT)
    assert [name for name, _ in parts] == list(begins) == ["1", "2", "3", "4"]
    for name, needed in parts:
        first, *rest = notebooks(needed)
        needs = range(int(first), int(rest[0]) + 1) if "–" in needed else [int(first)]
        needs = {*needs, *map(int, rest)}
        assert all(taught[f"{n:02}"] <= begins[name] for n in needs), (name, needed)


def test_each_notebook_has_a_question_and_what_a_full_answer_names():
    found = re.findall(
        r"(?m)^- \*\*(\d\d)\.\*\* (?:.|\n  )+?\n  \*A full answer names\* (.+)", TEACH
    )
    assert [name for name, _ in found] == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_questions_numbers_are_those_of_its_notebook(number):
    text = part("## To discuss").split(f"- **{number}.** ")[1].split("\n- **")[0]
    numbers = re.findall(r"[-+]?\d+\.\d+(?: \[[^\]]+\])?", " ".join(text.split()))
    path = next((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    for cell in cells:
        for output in cell.get("outputs", []):
            shown.append("".join(output.get("text", [])))
            shown.append("".join(output.get("data", {}).get("text/plain", [])))
    page = "\n".join(shown)
    assert [one for one in numbers if one not in page] == []


def test_an_unknown_exercise_notebook_or_section_is_refused():
    with pytest.raises(ValueError, match=r"there is no 2\.9; there are 0\.1"):
        exercise_minutes(["2.9"])
    with pytest.raises(ValueError, match=r"there is no 16; there are 00"):
        reading_minutes(["16"])
    with pytest.raises(ValueError, match=r"14_orchestration.py has no section 9"):
        section_minutes("14", [1, 9])


def test_all_sections_of_a_notebook_are_nearly_all_of_it():
    assert 0.85 * 65 < section_minutes("14", range(1, 9)) < 65
