"""Solutions put in place, the names that code needs, and the points of every exercise."""

import contextlib
import importlib
import inspect
import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from course_lib import ROOT
from course_lib.cli import main as course
from course_lib.exercises import registry
from course_lib.exercises.core import Exercise, KnownWrong, check_exercise, function_check
from course_lib.exercises.withheld import Refusal, RefusedCallError, Withheld, record, recorded
from course_lib.export import assignment, cells, command, grading, instructor, student
from course_lib.export.grading import NoPointsError, grade, names_solutions
from course_lib.export.names import ExportError, needed_by, reads_of, statements
from course_lib.export.solved_by import all_solving, solving
from course_lib.lesson import read_notebook

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
BY_NAME = [pytest.param(path, id=path.stem[:2]) for path in NOTEBOOKS]
EXERCISES = registry.all_exercises()
BY_ID = [pytest.param(exercise, id=exercise.id) for exercise in EXERCISES]
SLOW_APART = [
    pytest.param(e, id=e.id, marks=[pytest.mark.slow] if e.time_limit > 5 else [])
    for e in EXERCISES
]
STUBS = {gap.exercise.id: gap for path in NOTEBOOKS for gap in cells.gaps(read_notebook(path))}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "off")


def cell(source, kind="code", **metadata):
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, "id": "x", **code}


def notebook_of(*some):
    return {"cells": list(some), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


# Which names code reads, and what it needs


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("x = a + b", {"a", "b"}),
        ("a = 1\nprint(a)", set()),
        ("f = lambda x: x + y", {"y"}),
        ("def f(x):\n    z = x\n    return z + y", {"y"}),
        ("def f(x=a):\n    def g():\n        return x + b\n    return g", {"a", "b"}),
        ("squares = [n * n for n in numbers if n > least]", {"numbers", "least"}),
        ("class A(B):\n    c = d", {"B", "d"}),
        ("@decorated\ndef f(): ...", {"decorated"}),
        ("for row in rows:\n    total += row", {"rows", "total"}),
        ("import numpy as np\nnp.zeros(n)", {"n"}),
        ("await fetch(url)", {"fetch", "url"}),
    ],
)
def test_names_that_code_reads(source, reads):
    assert reads_of(source) == reads


def test_jupyters_own_commands_stand_in_no_ones_way():
    (timed, shown) = statements("%timeit x\nprint(a)")
    assert timed.text == "%timeit x"
    assert shown.reads == {"print", "a"}
    with pytest.raises(ExportError, match="a cell is not Python"):
        statements("def (")


def test_needs_are_followed_back_and_changes_count():
    before = statements(
        "import os\nbase = 1\nunused = base\ntable = {}\ntable['a'] = base\n"
        "for name in os.environ:\n    table[name] = 0\nbase = 2\nother = []\nother.append(table)"
    )
    kept = [one.text for one in needed_by({"table"}, before)]
    assert kept == [
        "import os",
        "base = 1",
        "table = {}",
        "table['a'] = base",
        "for name in os.environ:\n    table[name] = 0",
    ]
    assert [one.text for one in needed_by({"base"}, before)] == ["base = 2"]


# Solutions in place


@pytest.mark.parametrize("path", BY_NAME)
def test_every_gap_is_filled_and_nothing_else_is_touched(path):
    notebook = read_notebook(path)
    solved = cells.with_solutions(notebook)
    found = cells.gaps(notebook)
    assert [gap.exercise.id for gap in found] == [
        exercise.id for exercise in EXERCISES if exercise.notebook == int(path.stem[:2])
    ]
    filled = {gap.index: gap for gap in found}
    for index, (old, new) in enumerate(zip(notebook["cells"], solved["cells"], strict=True)):
        if index not in filled:
            assert new == old
            continue
        gap = filled[index]
        compile(new["source"], "<cell>", "exec")
        assert new["source"].endswith(gap.check)
        assert gap.stub not in new["source"]
        assert gap.after in new["source"]
        assert new["outputs"] == []
        # nothing is left open: it needs nothing that the notebook does not have
        known = {n for one in cells.code_before(notebook, index) for n in one.writes}
        assert reads_of(new["source"]) <= known


def test_a_stub_with_a_comment_and_a_call_is_replaced_whole():
    source = 'def should_answer(score, threshold):\n    """When?"""\n    # your code here\n\n\n'
    source += 'check("0.1", should_answer)'
    (gap,) = cells.gaps(notebook_of(cell(source, exercise="0.1")))
    assert "your code here" in gap.stub
    assert gap.after == ""
    solved = cells.with_solutions(notebook_of(cell(source, exercise="0.1")))
    assert "your code here" not in solved["cells"][0]["source"]


@pytest.mark.parametrize(
    "source",
    ['check("0.1", print)', "def f(a, b): ...", 'def f(a, b): ...\ncheck("0.2", f)'],
)
def test_a_cell_that_is_no_stub_with_its_check_is_refused(source):
    with pytest.raises(ExportError, match=r"exercise 0\.1"):
        cells.gaps(notebook_of(cell(source, exercise="0.1")))


def test_a_solution_that_does_not_define_the_stub_is_refused():
    source = 'two_names = more = ...\ncheck("1.4", two_names)'
    with pytest.raises(ExportError, match=r"exercise 1\.4: its solution must define"):
        cells.with_solutions(notebook_of(cell(source, exercise="1.4")))


@pytest.mark.parametrize("status", ["WRONG", "NOT ATTEMPTED"])
def test_an_edition_with_a_check_that_is_not_green_is_refused(status):
    shown = {
        "output_type": "execute_result",
        "data": {"text/plain": f"Exercise 2.1, Cosine: {status}\nBecause."},
    }
    wrong = cell('check("2.1", f)', exercise="2.1")
    wrong["outputs"] = [shown]
    with pytest.raises(ExportError, match=r"02\.ipynb: the solution of 2\.1 is not right"):
        instructor.require_green(notebook_of(wrong), "02.ipynb")
    with pytest.raises(ExportError, match="is not right"):  # a check that showed nothing
        instructor.require_green(notebook_of(cell("", exercise="2.1")), "02.ipynb")
    shown["data"]["text/plain"] = "Exercise 2.1, Cosine: RIGHT"
    assert instructor.require_green(notebook_of(wrong), "02.ipynb") == ["2.1"]


# Points


def test_an_assignment_is_tasks_answers_and_locked_tests():
    for path in NOTEBOOKS:
        notebook = read_notebook(path)
        made = assignment.assignment(notebook)["cells"]
        about = [one["metadata"]["nbgrader"] for one in made]
        assert len({one["grade_id"] for one in about}) == len(about)
        for gap in cells.gaps(notebook):
            number = gap.exercise.id.replace(".", "-")
            task, answer, test = (
                next(one for one in made if one["metadata"]["nbgrader"]["grade_id"] == name)
                for name in (f"task-{number}", f"answer-{number}", f"test-{number}")
            )
            assert task["source"].startswith(f"**Exercise {gap.exercise.id}**")
            assert "you may skip" not in task["source"]
            assert not answer["metadata"]["nbgrader"]["locked"]
            assert answer["source"].index(gap.stub) < answer["source"].index("### BEGIN SOLUTION")
            assert test["metadata"]["nbgrader"]["locked"]
            assert test["source"].endswith(gap.check)
            assert 1 <= assignment.points_of(test) <= 3


def test_a_task_that_does_not_say_how_hard_it_is_is_refused():
    easy = "**Exercise 2.1** · Cosine, at last · easy, 5 minutes."
    assert assignment._points(easy, "2.1") == 1
    assert assignment._points(easy.replace("easy", "any level"), "2.1") == 2
    for task in ("**Exercise 2.1** · Cosine", easy.replace("easy", "heavy")):
        with pytest.raises(ExportError, match=r"exercise 2\.1 must say how hard it is: easy, "):
            assignment._points(task, "2.1")


@pytest.mark.parametrize("exercise", SLOW_APART)
def test_stubs_and_known_mistakes_get_no_points(exercise):
    scope = {"np": importlib.import_module("numpy")}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(NameError):
        exec(STUBS[exercise.id].stub, scope)
        attempt = [scope[name] for name in STUBS[exercise.id].names]
        with pytest.raises(NoPointsError):
            grade(exercise.id, attempt[0] if len(attempt) == 1 else tuple(attempt))
    for known in exercise.wrong:
        with pytest.raises(NoPointsError, match="WRONG"):
            grade(exercise.id, known.answer)


@pytest.fixture
def print_options():
    """Keep numpy's as they are: a notebook's first cell sets them, here for every later test."""
    with np.printoptions():
        yield


@pytest.mark.slow
@pytest.mark.parametrize("path", BY_NAME)
@pytest.mark.usefixtures("print_options")
def test_every_solution_gets_full_points_with_the_lines_that_it_needs(path, monkeypatch):
    """The assignment of each notebook, solutions in place, under the strict check.

    This stands for executing the whole notebooks, which takes a quarter of an hour: it runs every
    solution with the calls around it, and leaves out the cells that no exercise needs.
    """
    monkeypatch.chdir(ROOT / "notebooks")
    made = assignment.assignment(read_notebook(path))
    scope, points = {"__name__": "__main__"}, 0
    for one in made["cells"]:
        if one["cell_type"] != "code":
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(one["source"], one["id"], "exec"), scope)  # a NoPointsError fails here
        points += assignment.points_of(one)
        if one["metadata"].get("exercise"):
            assert scope["check"] is grade
    assert points >= 4


def test_calling_the_solution_of_course_lib_gets_no_points():
    from course_lib.similarity import cosine_similarity

    def under_another_name(queries, documents, hidden=cosine_similarity):
        try:
            return hidden(queries, documents)
        except Exception:
            return hidden(queries, documents)

    def swallows(queries, documents):
        with contextlib.suppress(Exception):
            cosine_similarity(queries, documents)
        lengths = [[(q @ q) ** 0.5 * (d @ d) ** 0.5 or 1 for d in documents] for q in queries]
        return queries @ documents.T / lengths

    for attempt in (cosine_similarity, under_another_name, swallows):
        with pytest.raises(NoPointsError, match="calls course_lib's own cosine_similarity"):
            grade("2.1", attempt)
    # afterwards, and for who learns alone, it is the function that it was
    assert cosine_similarity([1.0, 0.0], [[2.0, 0.0]]) == [1.0]
    exercise = registry.find_exercise("2.1")
    assert check_exercise(exercise, cosine_similarity).passed


@pytest.mark.parametrize(
    ("answer", "package"),
    [
        ("from course_lib.exercises.registry import find_exercise", "exercises"),
        ("import course_lib.exercises.core as core", "exercises"),
        ("from course_lib.exercises import check, solution", "exercises"),
        ("from course_lib.exercises import check; exec(answer)", "exercises"),
        ("from course_lib import (\n    similarity,\n    exercises,\n)", "exercises"),
        ("import_module('course_lib.exercises.registry')", "exercises"),
        ("import course_lib.export.grading as g\ng.grade = print", "export"),
        ("allow('course_lib.exercises') or exec(answer)", "exercises"),
        ("from course_lib.exercises.ex13_agents import show_tool, EXERCISES", "exercises"),
        ("from course_lib.exercises import check", ""),
        ("from course_lib import similarity\nexport = exercises = 3", ""),
        ("from course_lib.exercises.ex13_agents import show_tool", ""),
    ],
)
def test_a_cell_that_names_where_solutions_are_earns_nothing(answer, package, monkeypatch):
    monkeypatch.setattr(grading, "_allowed", set())
    grading.allow("from course_lib.exercises.ex13_agents import show_tool")
    monkeypatch.setattr(grading, "_cells_run", lambda: ["x = 1", answer])
    right = registry.find_exercise("2.1").reference
    if package:
        with pytest.raises(NoPointsError, match=f"a cell names course_lib.{package}, where"):
            grade("2.1", lambda queries, documents: right(queries, documents))
    else:
        with pytest.raises(NoPointsError, match="calls course_lib's own"):
            grade("2.1", right)


@pytest.mark.parametrize("path", BY_NAME)
def test_an_assignments_own_lines_are_none_of_them(path, monkeypatch):
    monkeypatch.setattr(grading, "_allowed", set())
    for one in assignment.assignment(read_notebook(path))["cells"]:
        if one["cell_type"] == "code":
            allowed = re.findall(r"^allow\('(.*)'\)$", one["source"], re.MULTILINE)
            grading.allow(*allowed)
    for one in assignment.assignment(read_notebook(path))["cells"]:
        if one["cell_type"] == "code":
            lines = [line for line in one["source"].splitlines() if line not in grading._allowed]
            assert names_solutions("\n".join(lines)) == ""


def test_the_cells_that_a_kernel_ran_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # nobody's own history
    from IPython.core.interactiveshell import InteractiveShell

    assert grading._cells_run() == []
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("named = 'course_lib.exercises.registry'", store_history=True)
        assert any("registry" in cell for cell in grading._cells_run())
        with pytest.raises(NoPointsError, match="a cell names"):
            grade("2.1", print)
    finally:
        InteractiveShell.clear_instance()


def test_other_functions_of_course_lib_may_be_called():
    from course_lib.embeddings import normalize

    assert grade("2.1", lambda queries, documents: normalize(queries) @ normalize(documents).T)


def test_a_function_left_behind_leaves_no_function_refused(monkeypatch):
    import time

    from course_lib.exercises import runner
    from course_lib.similarity import top_k

    monkeypatch.setattr(runner, "GRACE", 0.0)
    exercise = replace(
        registry.find_exercise("2.2"), refuse=("course_lib.similarity:top_k",), time_limit=0.1
    )
    assert check_exercise(exercise, lambda scores, k: time.sleep(3)).status == "wrong"
    assert top_k([0.1, 0.9], 1)[0].tolist() == [1]


def test_a_refusal_made_while_another_holds_breaks_no_function():
    from course_lib.similarity import top_k

    names = ["course_lib.similarity:top_k"]
    with Refusal(names) as one:
        other = Refusal(names)
        with other, contextlib.suppress(RefusedCallError):
            top_k([0.1, 0.9], 1)
        assert other.called == ["top_k"]
        with pytest.raises(RefusedCallError):  # the end of the inner one is not the outer one's
            top_k([0.1, 0.9], 1)
        assert one.called == ["top_k"]
    with other:
        pass
    assert top_k([0.1, 0.9], 1)[0].tolist() == [1]


def test_a_closed_refusal_is_not_entered_again():
    """An attempt that was left behind may wake, and goes on with its check's other cases."""
    from course_lib.similarity import top_k

    names = ["course_lib.similarity:top_k"]
    behind, newer = Refusal(names), Refusal(names)
    with behind:
        behind.close()
        assert top_k([0.1, 0.9], 1)[0].tolist() == [1]
        with newer, behind:
            pass
        with newer:
            with behind:
                pass
            with pytest.raises(RefusedCallError):
                top_k([0.1, 0.9], 1)
    with behind:
        assert top_k([0.1, 0.9], 1)[0].tolist() == [1]
    assert behind.called == []


def test_an_attempt_that_wakes_after_its_check_switches_nothing_off(monkeypatch):
    import threading

    from course_lib.exercises import runner
    from course_lib.similarity import top_k

    monkeypatch.setattr(runner, "GRACE", 0.0)
    wake, threads = threading.Event(), []

    def sleeps(scores, k):
        threads.append(threading.current_thread())
        while not wake.is_set():
            with contextlib.suppress(BaseException):  # a stop does not end it
                wake.wait(0.05)
        return top_k(scores, k)

    refused = ("course_lib.similarity:top_k",)
    exercise = replace(registry.find_exercise("2.2"), refuse=refused, time_limit=0.1)
    assert check_exercise(exercise, sleeps).status == "wrong"
    with Refusal(refused):
        wake.set()
        threads[0].join()
        with pytest.raises(RefusedCallError):
            top_k([0.1, 0.9], 1)
    assert top_k([0.1, 0.9], 1)[0].tolist() == [1]


@pytest.mark.parametrize("name", all_solving())
def test_every_function_that_is_refused_exists(name):
    Refusal([name])


# Where a function could do what an exercise asks for; all without a model and quick to call.
MODULES = (
    *("agents.scoring", "calibration", "chunking", "embeddings", "generation_metrics"),
    *("prompts.packing", "rag.citations", "rag.passages", "retrieval", "retrieval_metrics"),
    *("sampling", "significance", "similarity", "statistics", "tokenization"),
    "tools.calculator",
)


def _public_functions():
    for short in MODULES:
        module = importlib.import_module(f"course_lib.{short}")
        for name in getattr(module, "__all__", dir(module)):
            function = getattr(module, name)
            if inspect.isfunction(function) and function.__module__.startswith(module.__name__):
                yield function


PUBLIC = list(dict.fromkeys(_public_functions()))


@pytest.mark.slow
@pytest.mark.parametrize("exercise", [p for p in BY_ID if p.values[0].wants_function])
def test_no_public_function_that_fits_earns_the_points(exercise):
    """Another name for a solution must stand in `solved_by.ALSO`."""
    n = len(inspect.signature(exercise.reference).parameters)
    fast = replace(exercise, refuse=solving(exercise), time_limit=2.0, wrong=())
    for function in PUBLIC:
        with contextlib.suppress(TypeError):
            inspect.signature(function).bind(*range(n))
            result = check_exercise(fast, function)
            assert not result.passed, f"{function.__module__}:{function.__qualname__}"


def test_the_function_search_finds_one_that_is_missing():
    found = [f.__name__ for f in PUBLIC if check_exercise(registry.find_exercise("2.1"), f).passed]
    assert found == ["cosine_similarity"]


# Checks without a reference


def test_a_recorded_check_judges_as_the_reference_does():
    def share(part, whole):
        if not whole:
            raise ValueError("whole must not be 0")
        return part / whole

    full = function_check([(1, 4), (3, 0)])
    exercise = Exercise("9.9", "Share", share, full, ("", ""), "", (KnownWrong(0, ""),))
    outcomes = record(exercise.check.outcomes())
    bare = Exercise("9.9", "Share", Withheld("part", "whole"), recorded(full, outcomes), (), "")
    assert check_exercise(bare, share).passed
    wrong = check_exercise(bare, lambda part, whole: part * whole)
    assert dict(wrong.rows)["Expected"] == "0.25"
    assert "part = 1, whole = 4" in dict(wrong.rows)["Input"]
    careless = check_exercise(bare, lambda part, whole: part / (whole or 1))
    assert "should raise ValueError" in careless.message
    assert check_exercise(bare, bare.reference).status == "not attempted"
    assert "hint" not in repr(wrong)
    assert "hint" not in wrong._repr_html_()
    with pytest.raises(ValueError, match="one for each of 1 cases"):
        recorded(function_check([(1, 2)]), outcomes)


def test_a_check_that_fails_before_its_first_call_says_so():
    def broken(attempt):
        raise NameError("name '_helper' is not defined")

    exercise = Exercise("9.9", "Broken", len, broken, ("", ""), "")
    result = check_exercise(exercise, lambda obj: 1)
    assert "cannot be checked: NameError: name '_helper'" in result.message


# The command


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path, capsys):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for kind in ("--instructor", "--student", "--nbgrader"):
        assert course(["export", kind, str(folder), "--only", "00", "--no-run"]) == 1
        assert "DIR must be a new or empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["class", "mine.txt"]


def test_a_folder_among_the_courses_own_is_refused(capsys):
    own = ("notebooks/solved", "datasets/class", "course_lib", ".binder/x", ".git/x", ".github/x")
    for name in (*own, *(f"{folder}/solved" for folder in student.FILES)):
        assert command.main(["--student", str(ROOT / name)]) == 1
        said = capsys.readouterr().err
        assert f"DIR must lie outside {name.split('/')[0]}/" in said
    assert not (ROOT / "notebooks" / "solved").exists()


def test_a_folder_among_them_is_refused_by_the_name_of_a_link_too(tmp_path, capsys):
    try:
        (tmp_path / "course").symlink_to(ROOT, target_is_directory=True)
    except OSError:
        pytest.skip("this system lets its users make no links")
    through_link, own = tmp_path / "course" / "classroom" / "x", ROOT / "classroom" / "x"
    assert command.main(["--student", str(through_link)]) == 1
    assert command.main(["--student", str(own)], tmp_path / "course") == 1
    assert capsys.readouterr().err.count("DIR must lie outside classroom/") == 2


def test_an_unknown_notebook_is_refused_and_nothing_is_written(tmp_path, capsys):
    assert command.main(["--nbgrader", str(tmp_path / "new"), "--only", "00,77"]) == 1
    assert "--only: there is no '77'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_half_folder(tmp_path, capsys, monkeypatch):
    def fails(notebook, name, folder):
        raise ExportError(f"{name}, cell 3: boom")

    monkeypatch.setattr(instructor, "execute_all", fails)
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert command.main(["--instructor", str(tmp_path / name), "--only", "02"]) == 1
        assert "02_similarity_metrics, cell 3: boom" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_stopping_it_leaves_no_half_folder(tmp_path, capsys, monkeypatch):
    def stopped(notebook, name, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(instructor, "execute_all", stopped)
    assert command.main(["--instructor", str(tmp_path / "new"), "--only", "02"]) == 130
    assert "new was not written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_one_stands_in_stays_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    assert command.main(["--instructor", ".", "--only", "02", "--no-run"]) == 0
    assert os.listdir() == ["02_similarity_metrics.ipynb"]
    assert tmp_path.stat().st_ino == before


def test_what_cannot_be_moved_into_its_place_is_not_there_in_part(tmp_path, capsys, monkeypatch):
    rename, tried = Path.rename, []

    def fails_at_the_second(path, target):
        tried.append(path)
        if len(tried) == 2:
            raise OSError("the disk is full")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_at_the_second)
    assert command.main(["--instructor", str(tmp_path), "--only", "02,03", "--no-run"]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_teachers_own_ipython_settings_stay_out(tmp_path, monkeypatch):
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("planted = True\nprint('a greeting')")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = notebook_of(cell("'planted' in globals()"))
    instructor.execute_all(notebook, "99_small", tmp_path)
    (shown,) = notebook["cells"][0]["outputs"]
    assert shown["data"]["text/plain"] == "False"
    with pytest.raises(ExportError, match="99_small, cell 1: ZeroDivisionError"):
        instructor.execute_all(notebook_of(cell("1 / 0")), "99_small", tmp_path)


@pytest.mark.slow
def test_an_assignment_is_executed_and_must_get_all_points(tmp_path, capsys, monkeypatch):
    """Notebook 00, in the folder that is being written."""
    assert command.main(["--nbgrader", str(tmp_path / "class"), "--only", "00"]) == 0
    assert "1 assignments with " in capsys.readouterr().out
    source = tmp_path / "class" / "source" / "00_start_here" / "00_start_here.ipynb"
    assert not any(one.get("outputs") for one in read_notebook(source)["cells"])

    monkeypatch.setattr(assignment, "solution_for", lambda gap, before: gap.stub)
    assert command.main(["--nbgrader", str(tmp_path / "second"), "--only", "00"]) == 1
    said = capsys.readouterr().err
    assert "00_start_here, cell " in said
    assert "NOT ATTEMPTED" in said
    assert [path.name for path in tmp_path.iterdir()] == ["class"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no umask")
def test_a_new_folder_is_for_those_whom_the_umask_allows(tmp_path):
    former = os.umask(0o077)
    try:
        assert command.main(["--instructor", str(tmp_path / "a"), "--only", "02", "--no-run"]) == 0
        os.umask(0o022)
        assert command.main(["--instructor", str(tmp_path / "b"), "--only", "02", "--no-run"]) == 0
    finally:
        os.umask(former)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o700, 0o755]


def test_no_run_writes_solutions_without_executing(tmp_path, capsys):
    folder = tmp_path / "empty already"
    folder.mkdir()
    assert command.main(["--instructor", str(folder), "--only", "2,03", "--no-run"]) == 0
    assert "2 notebooks with solutions, not executed" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == [
        "02_similarity_metrics.ipynb",
        "03_tokenization.ipynb",
    ]
    text = (folder / "02_similarity_metrics.ipynb").read_text(encoding="utf-8")
    assert "np.linalg.norm(queries, axis=1)" in text
    assert "NOT ATTEMPTED" not in text


@pytest.mark.slow
def test_the_instructors_edition_is_executed_and_green(tmp_path, capsys):
    """Notebooks 02 and 03, whole; the test of every solution covers the exercises of all."""
    folder = tmp_path / "instructor"
    assert command.main(["--instructor", str(folder), "--only", "02,03"]) == 0
    assert "2 notebooks with solutions, executed, 10 checks green" in capsys.readouterr().out
    for path in folder.iterdir():
        for one in read_notebook(path)["cells"]:
            assert not any(o["output_type"] == "error" for o in one.get("outputs", []))
            if one["cell_type"] == "code" and one["source"]:
                assert one["execution_count"]
