"""The class's copy: nothing in it shows a solution, and its checks judge as the course's do."""

import ast
import builtins
import json
import os
import re
import subprocess
import sys

import pytest

from course_lib import ROOT
from course_lib.execute import kernel_environment
from course_lib.exercises import registry
from course_lib.exercises.watch_for import WATCH_FOR
from course_lib.export import cells, command, student
from course_lib.export.names import ExportError, needed_by, reads_of, statements
from course_lib.export.solved_by import all_solving
from course_lib.export.withholding import seal_definitions, stripped_exercises
from course_lib.lesson import read_notebook
from course_lib.sealing import seal, unseal

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
EXERCISES = registry.all_exercises()
TEXTS = (".py", ".ipynb", ".md", ".toml", ".json", ".jsonl", ".csv", ".yml", ".txt", ".cfg")

# Run by a Python that imports the copy: what a curious student would try.
TRIES = """
import contextlib, inspect, io, json, pkgutil, sys
from course_lib.exercises import check, hint, solution, registry
import course_lib
asked = json.load(sys.stdin)
found = {"where": course_lib.__file__, "exercises": {}, "functions": {}}

def shown(function, exercise_id):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        function(exercise_id)
    return text.getvalue()

def source(thing):
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError) as error:
        return ""

for one in registry.all_exercises():
    found["exercises"][one.id] = {
        "hint": shown(hint, one.id),
        "solution": shown(solution, one.id) + one.solution + one.explanation + str(one.hints),
        "source": source(one.reference) + source(one.check) + source(type(one.check)),
        "wrong": len(one.wrong),
        "unsolved": repr(check(one.id, ...)),
        "itself": check(one.id, one.reference).status if callable(one.reference) else "a value",
    }
    module = sys.modules["course_lib.exercises." + asked["modules"][str(one.notebook)]]
    found["exercises"][one.id]["module"] = source(module)
for name in asked["functions"]:
    try:
        thing = pkgutil.resolve_name(name)
    except AttributeError:
        found["functions"][name] = "is not there"
        continue
    classes = [pkgutil.resolve_name(name.rpartition(".")[0])] if "." in name.split(":")[1] else []
    found["functions"][name] = "".join(map(source, [thing, *classes]))
json.dump(found, sys.stdout)
"""
CHECKS = """
import contextlib, io, json, os, sys
os.chdir("notebooks")
asked, found = json.load(sys.stdin), {}
for exercise_id, code, check in asked:
    scope = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, exercise_id, "exec"), scope)
        found[exercise_id] = eval(check, scope).__repr__()
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "copy"
    assert command.main(["--student", str(folder)]) == 0
    return folder


def in_copy(copy, program, given=None, arguments=()):
    """Run a program with the copy's course_lib alone; what it prints is JSON, if anything."""
    offline = str(ROOT / "tests" / "offline")
    paths = os.pathsep.join([str(copy), offline])
    environment = {**kernel_environment(), "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *(["-c", program] if program else []), *arguments],
        cwd=copy,
        env=environment,
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module")
def texts(copy):
    """Every text of the copy, blanks made equal; a notebook's cells as they read."""
    found = {}
    for path in copy.rglob("*"):
        if path.is_file() and path.suffix in TEXTS:
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".ipynb":
                text += "\n".join("".join(c["source"]) for c in json.loads(text)["cells"])
            found[path.relative_to(copy).as_posix()] = plain(text)
    assert len(found) > 200
    return found


@pytest.fixture(scope="module")
def tries(copy):
    modules = {str(int(name[2:4])): name for name in registry.module_names()}
    given = {"modules": modules, "functions": all_solving()}
    found = json.loads(in_copy(copy, TRIES, given))
    assert found["where"].startswith(str(copy.resolve()))
    return found


STUBS = {gap.exercise.id: gap for path in NOTEBOOKS for gap in cells.gaps(read_notebook(path))}


def telling_lines(exercise):
    """A solution's own lines, long enough to tell something, that the stub does not have."""
    stub = plain(STUBS[exercise.id].stub)
    code = ast.unparse(ast.parse(exercise.solution)) + "\n" + exercise.solution
    lines = {plain(re.sub(r"\s+#.*", "", line)) for line in code.splitlines()}
    own = {line for line in lines if len(line) >= 20 and line not in stub}
    return {line for line in own if not line.startswith(("def ", "import ", "from "))}


@pytest.mark.parametrize("exercise", [pytest.param(e, id=e.id) for e in EXERCISES])
def test_no_text_of_the_copy_holds_a_solution_a_hint_or_a_known_mistake(exercise, texts):
    lines = telling_lines(exercise)
    held = {line: [n for n, text in texts.items() if line in text] for line in lines}
    # An idiom such as `rng = np.random.default_rng(seed)` stands in many files and tells nothing.
    told = {line: names for line, names in held.items() if names}
    assert len(told) <= len(lines) / 3, told
    for said in (*exercise.hints, exercise.explanation, *(k.message for k in exercise.wrong)):
        if len(said) >= 40:
            assert [name for name, text in texts.items() if plain(said) in text] == []


def test_no_text_of_the_copy_holds_a_note_for_teachers(copy, texts):
    """Each note tells how an exercise goes wrong; docs/exercises.md has them and stays away."""
    names = [path.relative_to(copy).as_posix() for path in copy.rglob("*")]
    kept = [
        name for name in names if re.search(r"watch_for|teaching|generated\.py|exercises\.md", name)
    ]
    assert kept == []
    for name, note in WATCH_FOR.items():
        for sentence in re.split(r"(?<=[.?!]) ", note):
            # in a module the words stand in pieces: compare without quotes and line ends
            told = [at for at, text in texts.items() if sentence in text.replace('" "', "")]
            assert told == [], name


def test_a_planted_note_is_found(copy, texts):
    source = (ROOT / "course_lib" / "exercises" / "watch_for_00_07.py").read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match=r"planted\.py"):
        test_no_text_of_the_copy_holds_a_note_for_teachers(
            copy, {**texts, "planted.py": plain(source)}
        )


def test_a_planted_solution_is_found(texts):
    exercise = registry.find_exercise("2.1")
    planted = {**texts, "planted.py": plain(f"def f():\n{exercise.solution}\n{exercise.hints[0]}")}
    with pytest.raises(AssertionError):
        test_no_text_of_the_copy_holds_a_solution_a_hint_or_a_known_mistake(exercise, planted)


@pytest.mark.parametrize("exercise", [pytest.param(e, id=e.id) for e in EXERCISES])
def test_hint_and_solution_and_getsource_show_nothing(exercise, tries):
    found = tries["exercises"][exercise.id]
    for text in (found["hint"], found["solution"]):
        assert "ask your teacher" in text
        for said in (*exercise.hints, exercise.solution, exercise.explanation):
            assert not said or said not in text
    assert found["wrong"] == 0
    assert found["itself"] != "right"
    assert "NOT ATTEMPTED" in found["unsolved"]
    assert "hint(" not in found["unsolved"]
    lines = telling_lines(exercise)
    for text in (found["source"], found["module"]):
        assert not [line for line in lines if line in plain(text)]


@pytest.mark.parametrize("name", all_solving())
def test_functions_that_solve_an_exercise_do_not_show_their_source(name, tries):
    assert tries["functions"][name] in ("", "is not there")


def test_known_mistakes_and_unused_references_are_not_even_sealed():
    used = student.names_used_of(ROOT)
    text = stripped_exercises("ex02_similarity_metrics", used["ex02_similarity_metrics"])
    module = registry.exercises_of("ex02_similarity_metrics")
    for exercise in module:
        for known in exercise.wrong:
            name = getattr(known.answer, "__name__", "")
            if name.startswith("_"):
                assert f"def {name}(" not in text
    assert "def _mmr(" not in text
    assert "def cheapest_threshold(" in text  # the lesson goes on with it
    assert not re.search(r"hints=\('", text)


@pytest.mark.parametrize("stem", registry.module_names())
def test_what_the_checks_use_is_kept(stem):
    text = stripped_exercises(stem, student.names_used_of(ROOT)[stem])
    parts = statements(text)
    written = {name for one in parts for name in one.writes}
    read = {name for one in parts for name in one.reads if not hasattr(builtins, name)}
    assert read <= written | {"__name__", "__file__"}


def test_what_notebooks_take_is_found_however_they_import_it(tmp_path):
    code = (
        "from course_lib.exercises.ex02_similarity_metrics import (\n    first,  # of two\n"
        "    second as other,\n)\nfrom course_lib.exercises import ex03_tokenization, check\n"
        "import course_lib.exercises.ex04_probability as ex04\n%time print(1)\n"
        "print(ex03_tokenization.third, ex04.fourth, check.fifth)\n"
    )
    (tmp_path / "notebooks").mkdir()
    cells = [{"cell_type": "code", "source": code.splitlines(keepends=True)}]
    (tmp_path / "notebooks" / "02_x.ipynb").write_text(json.dumps({"cells": cells}))
    assert student.names_used_of(tmp_path) == {
        "ex02_similarity_metrics": {"first", "second"},
        "ex03_tokenization": {"third"},
        "ex04_probability": {"fourth"},
    }


def test_notebooks_keep_everything_but_help_and_the_exercises_outputs(copy):
    for path in NOTEBOOKS:
        old = read_notebook(path)["cells"]
        new = read_notebook(copy / "notebooks" / path.name)["cells"]
        sources = [c["source"] for c in new]
        assert not re.search(r"^(hint|solution)\(", "\n".join(sources), re.MULTILINE)
        assert "import check, hint" not in "\n".join(sources)
        assert sources[1] == student.NOTE
        removed = [c["source"] for c in old if c["source"] not in sources]
        assert all(re.search(r"hint|solution", source) for source in removed)
        for one in new:
            if one["metadata"].get("exercise"):
                assert one["outputs"] == []


def prepared(exercise_id, answer):
    """The code that answers an exercise in its notebook, and the check's call."""
    gap = STUBS[exercise_id]
    path = next(p for p in NOTEBOOKS if int(p.stem[:2]) == gap.exercise.notebook)
    before = cells.code_before(read_notebook(path), gap.index)
    before = [one for one in before if "import check" not in one.text]
    solution = cells.solution_for(gap, before) if answer is None else answer
    imports = "from course_lib.exercises import check\n"
    needed = needed_by(reads_of(f"{solution}\n{gap.check}"), before)
    code = imports + "\n".join([*(one.text for one in needed), solution])
    # a helper of the exercise's module is the course's own, and not in the copy
    return [exercise_id, code, gap.check]


def verdicts(copy, answers):
    said = json.loads(in_copy(copy, CHECKS, answers))
    return {
        exercise_id: re.search(r": ([A-Z ]+)\n?", text)[1] for exercise_id, text in said.items()
    }


def test_checks_of_the_copy_judge_without_the_references(copy):
    ids = [e.id for e in EXERCISES if e.notebook in (0, 2, 6) and e.wants_function]
    right = [prepared(exercise_id, None) for exercise_id in ids]
    assert set(verdicts(copy, right).values()) == {"RIGHT"}
    stubs = [prepared(exercise_id, STUBS[exercise_id].stub) for exercise_id in ids]
    assert set(verdicts(copy, stubs).values()) == {"NOT ATTEMPTED"}
    wrong = [
        prepared("2.1", "def cosine_table(queries, documents):\n    return queries @ documents.T"),
        prepared("2.2", "from course_lib.similarity import top_k\nbest_k = top_k"),
        prepared("2.4", "from course_lib.similarity import mmr\n"
                 "def my_mmr(query, documents, k, trade_off):\n"
                 "    return mmr(query, documents, k, trade_off=trade_off)"),
    ]  # fmt: skip
    assert set(verdicts(copy, wrong).values()) == {"WRONG"}


@pytest.mark.slow
def test_every_check_of_the_copy_accepts_the_solution(copy):
    answers = [prepared(exercise.id, None) for exercise in EXERCISES]
    assert verdicts(copy, answers) == {exercise.id: "RIGHT" for exercise in EXERCISES}


@pytest.mark.slow
def test_a_notebook_runs_in_the_copy(copy):
    """Notebook 03, whole: it calls functions whose source is sealed."""
    said = in_copy(copy, "", arguments=["-m", "course_lib.cli", "run", "03"])
    assert "Executed copy: " in said
    assert "failed" not in said


def test_the_copy_offers_the_commands_that_it_has(copy):
    said = in_copy(copy, "", arguments=["-m", "course_lib.cli", "help"])
    commands = re.findall(r"^  (\w+) ", said, re.MULTILINE)
    assert {"lab", "run", "progress", "fetch"} <= set(commands)
    assert not {"test", "snippet", "build", "export", "benchmarks"} & set(commands)
    for name in ("course.py", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        assert (copy / name).is_file()
    assert not list(copy.rglob("*.pyc"))
    assert not (copy / "lessons").exists()
    assert not (copy / "tests").exists()


def relative_links(page):
    """Every link and picture of a page or notebook whose target is a path, without its anchor."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        path = "".join(target).partition("#")[0]
        if path and not re.match(r"[a-z]+:", path):
            yield path


def require_targets(folder):
    found = 0
    for page in folder.rglob("*"):
        executed = page.is_relative_to(folder / "runs")  # by `course run`, in another test
        if page.suffix in (".md", ".ipynb") and not executed:
            for target in relative_links(page):
                found += 1
                name = page.relative_to(folder)
                assert (page.parent / target).resolve().exists(), f"{name}: {target}"
    return found


def test_every_relative_link_of_the_copy_has_its_target(copy):
    assert require_targets(copy) > 30
    notebook = copy / "notebooks" / "00_start_here.ipynb"
    assert "01_embeddings.ipynb" in set(relative_links(notebook))


def test_a_copy_of_some_notebooks_leads_nowhere_else(tmp_path):
    folder = tmp_path / "part"
    assert command.main(["--student", str(folder), "--only", "05,15"]) == 0
    require_targets(folder)
    text = (folder / "notebooks" / "05_classical_algorithms.ipynb").read_text(encoding="utf-8")
    assert "06 What models cannot do" in text
    assert "06_limits.ipynb" not in text
    if (folder / "docs" / "project.md").exists():
        assert "teach.md" not in (folder / "docs" / "project.md").read_text(encoding="utf-8")
    # and what opens first is there
    for name in student.OPENING:
        text = (folder / name).read_text(encoding="utf-8")
        assert "notebooks/05_classical_algorithms.ipynb" in text
        assert student.FIRST not in text
    for path in [*folder.rglob("*.py"), *folder.rglob("*.yaml"), *folder.glob(".binder/*")]:
        opened = re.search(
            r"(tree/[\w/]*|[\"'])notebooks/00_start", path.read_text(encoding="utf-8")
        )
        assert not opened, path


@pytest.mark.parametrize(
    "line",
    [
        "from course_lib.exercises import check, hint, solution",
        "from course_lib.exercises import hint, solution, check",
        "from course_lib.exercises import (\n    check,\n    hint,\n    solution,\n)",
    ],
)
def test_the_import_of_help_is_taken_out_however_it_is_written(line):
    code = f"import math\n{line}\nfrom course_lib.exercises import ex08_rag as solved  # solves"
    wanted = code.replace(line, "from course_lib.exercises import check")
    assert cells.without_help(code) == wanted
    assert cells.without_help("from course_lib.exercises import hint\nx = 1") == "x = 1"


# Sealing


def test_sealed_source_runs_and_does_not_show():
    import inspect

    scope = {"__name__": "somewhere"}
    exec(unseal(seal("def f(x: int) -> int:\n    '''Twice.'''\n    return 2 * x")), scope)
    assert scope["f"](4) == 8
    assert scope["f"].__doc__ == "Twice."
    assert "return" not in seal("return 2 * x")
    with pytest.raises(OSError, match="could not get source"):
        inspect.getsource(scope["f"])


SOURCE = '''
"""A module."""

from __future__ import annotations

import math

LIMIT = 3


@staticmethod
def _decorated(x: Later) -> int:
    return LIMIT + x


class Later:
    def scores(self):
        """Say."""
        return _decorated(1) + _second()


def _second():
    return math.floor(2.5)


def other():
    return "other"
'''


def test_sealing_takes_private_helpers_along_and_leaves_the_rest():
    text = seal_definitions(SOURCE, ["Later.scores"])
    assert "def _decorated" not in text
    assert "staticmethod" not in text
    assert "def _second" not in text
    assert "class Later" not in text
    assert 'return "other"' in text
    scope = {"__name__": "somewhere"}
    exec(compile(text, "sealed", "exec", dont_inherit=True), scope)
    assert scope["Later"]().scores() == 6
    assert scope["__doc__"] == "A module."


@pytest.mark.parametrize(
    "source",
    [
        "solve = lambda x: x / 2",
        "if True:\n    def solve(x):\n        return x / 2",
        "try:\n    from fast import solve\nexcept ImportError:\n    def solve(x): ...",
        "def solve(x):\n    return x / 2\n\nsolve = cache(solve)",
        "def other(x):\n    return x / 2",
    ],
)
def test_what_cannot_be_sealed_is_not_left_in_clear_without_a_word(source):
    with pytest.raises(ExportError, match="solve cannot be sealed: it must be one def or class"):
        seal_definitions(source, ["solve"])


def test_an_async_function_and_its_helper_are_sealed():
    source = (
        "async def _half(x):\n    return x / 2\n\nasync def solve(x):\n    return await _half(x)"
    )
    text = seal_definitions(source, ["solve"])
    assert "async" not in text
    scope = {}
    exec(text, scope)
    import asyncio

    assert asyncio.run(scope["solve"](4)) == 2
