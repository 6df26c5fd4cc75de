"""The assignments in nbgrader itself: generated, graded, exported to a table."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import ROOT
from course_lib.execute import kernel_environment
from course_lib.exercises import registry
from course_lib.export import command

pytestmark = pytest.mark.slow
pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install nbgrader")

NAME = "02_similarity_metrics"
EXERCISES = [exercise for exercise in registry.all_exercises() if exercise.notebook == 2]
FULL = {"2.1": 1, "2.2": 2, "2.3": 2, "2.4": 3, "2.5": 2}


def nbgrader(folder, *arguments):
    environment = {**kernel_environment(), "JUPYTER_PREFER_ENV_PATH": "1"}
    # nbgrader starts its own helper programs by name
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]


def hand_in(folder, student, answers):
    """Submit the released notebook, with some answers' cells replaced."""
    path = folder / "release" / NAME / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        exercise_id = cell["metadata"]["nbgrader"]["grade_id"].removeprefix("answer-")
        if exercise_id.replace("-", ".") in answers:
            cell["source"] = answers[exercise_id.replace("-", ".")]
    target = folder / "submitted" / student / NAME / path.name
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(notebook), encoding="utf-8")


def known_mistake(exercise, number):
    """Source that answers an exercise with one of its listed mistakes.

    It hides the name that the tests refuse, so that the check itself sees the mistake.
    """
    name = {"2.1": "cosine_table", "2.2": "best_k", "2.3": "my_cheapest", "2.4": "my_mmr"}
    module = "import importlib\nhidden = 'course_lib.' + 'exercises.registry'\n"
    module += "find_exercise = importlib.import_module(hidden).find_exercise\n"
    number = min(number, len(exercise.wrong) - 1)
    return f"{module}{name.get(exercise.id, 'my_pairs')} = (\n    " + (
        f'find_exercise("{exercise.id}").wrong[{number}].answer\n)'
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Notebook 02: every student's points for every exercise, and the table that nbgrader wrote."""
    folder = tmp_path_factory.mktemp("nbgrader") / "class"
    assert command.main(["--nbgrader", str(folder), "--only", "02", "--no-run"]) == 0
    nbgrader(folder, "generate_assignment", NAME)
    solutions = {exercise.id: exercise.solution for exercise in EXERCISES}
    hand_in(folder, "solves", solutions)
    hand_in(folder, "stubs", {})
    for number in range(max(len(exercise.wrong) for exercise in EXERCISES)):
        if number in (0, 9):  # a sample; test_export.py tries every one without nbgrader
            mistakes = {exercise.id: known_mistake(exercise, number) for exercise in EXERCISES}
            hand_in(folder, f"mistake{number}", mistakes)
    half = {key: solutions[key] for key in ("2.1", "2.3")}
    hand_in(folder, "half", {**half, "2.2": "raise RuntimeError('a cell that fails')"})
    called = {
        "2.1": "cosine_table = cosine_similarity",
        "2.2": "from course_lib.similarity import top_k as best_k",
        "2.4": "def my_mmr(query, documents, k, trade_off):\n"
        "    return mmr(query, documents, k, trade_off=trade_off)",
    }
    hand_in(folder, "calls", called)
    reads = {
        key: "from course_lib.exercises.registry import find_exercise\n"
        f"exec(find_exercise({key!r}).solution)"
        for key in ("2.1", "2.2")
    }
    hand_in(folder, "reads", {**solutions, **reads})
    nbgrader(folder, "autograde", NAME)
    nbgrader(folder, "generate_feedback", NAME)
    nbgrader(folder, "export")
    from nbgrader.api import Gradebook

    points = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        for submission in book.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            points[submission.student.id] = {
                grade.name.removeprefix("test-").replace("-", "."): grade.score
                for grade in notebook.grades
            }
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        table = {row["student_id"]: row for row in csv.DictReader(file)}
    return folder, points, table


def test_solutions_get_full_points_and_stubs_none(graded):
    _, points, table = graded
    assert points["solves"] == FULL
    assert points["stubs"] == dict.fromkeys(FULL, 0)
    assert float(table["solves"]["score"]) == float(table["solves"]["max_score"]) == 10
    assert float(table["stubs"]["score"]) == 0


def test_listed_mistakes_lose_their_points(graded):
    _, points, table = graded
    mistaken = [student for student in points if student.startswith("mistake")]
    assert len(mistaken) == 2
    for student in mistaken:
        assert points[student] == dict.fromkeys(FULL, 0)
        assert float(table[student]["score"]) == 0


def test_each_exercise_is_graded_by_itself(graded):
    _, points, table = graded
    assert points["half"] == {**dict.fromkeys(FULL, 0), "2.1": 1, "2.3": 2}
    assert float(table["half"]["score"]) == 3


def test_an_answer_that_calls_the_solution_gets_nothing(graded):
    _, points, _ = graded
    assert points["calls"] == dict.fromkeys(FULL, 0)


def test_an_answer_that_reads_the_solution_gets_nothing(graded):
    folder, points, _ = graded
    assert points["reads"] == dict.fromkeys(FULL, 0)
    page = (folder / "feedback" / "reads" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "a cell names course_lib.exercises, where the solutions are" in page


def test_students_get_no_solution_and_no_hidden_test(graded):
    folder, _, _ = graded
    text = (folder / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    for said in (
        "SOLUTION",
        "HIDDEN",
        "grading",
        "allow(",
        "np.linalg.norm(queries, axis=1)",
        "solution(",
    ):
        assert said not in text
    assert 'check(\\"2.1\\", cosine_table)' in text


def test_feedback_says_what_is_wrong(graded):
    folder, _, _ = graded
    page = (folder / "feedback" / "mistake0" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "NoPointsError" in page
    assert EXERCISES[0].wrong[0].message[:30] in page
