"""The notebook machine: byte-stable, atomic, and clear about what failed and where."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import ROOT, build, normalise, run
from course_lib.lesson import BuildError, parse

LESSON = """\
# %% [markdown]
# # Fahrräder

# %%
from pathlib import Path

text = '''
# %% not a cell
'''
print(Path.cwd().name, sorted({"b", "a"}))

# %% tags=["nbval-ignore-output"] reason="a time"
import time

print(time.perf_counter_ns())

# %%
assert text.strip().startswith("#")
"""


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "vélo course"  # a space and a letter beyond ASCII, as in many home folders
    (folder / "lessons").mkdir(parents=True)
    return folder


def write_lesson(root, text, name="02_demo"):
    path = root / "lessons" / f"{name}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return root / "notebooks" / f"{name}.ipynb"


def code_cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_building_twice_gives_the_same_bytes_and_check_agrees(root, capsys):
    path = write_lesson(root, LESSON)
    assert build.main([], root) == 0
    first = path.read_bytes()
    assert build.main(["02"], root) == 0
    assert path.read_bytes() == first
    assert "unchanged" in capsys.readouterr().out
    assert build.main(["--check"], root) == 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no temporary files left

    # Taken anew, the time is another one: what kept the bytes was the committed output.
    assert build.main(["--refresh"], root) == 0
    assert path.read_bytes() != first

    assert b"\r" not in first
    assert "Fahrräder".encode() in first
    notebook = json.loads(first)
    assert notebook["metadata"] == normalise.NOTEBOOK_METADATA
    assert [cell["execution_count"] for cell in code_cells(path)] == [1, 2, 3]
    assert "".join(code_cells(path)[0]["outputs"][0]["text"]) == "notebooks ['a', 'b']\n"


def test_an_uncompared_output_is_taken_anew_once_the_code_before_it_changes(root):
    path = write_lesson(root, LESSON)
    build.main([], root)
    before = code_cells(path)[1]["outputs"]
    write_lesson(root, LESSON.replace("# # Fahrräder", "# # Fahrräder\n# Words alone."))
    assert build.main([], root) == 0
    assert code_cells(path)[1]["outputs"] == before
    write_lesson(root, LESSON.replace("Path.cwd().name", '"new"'))
    assert build.main([], root) == 0
    assert code_cells(path)[1]["outputs"] != before


def test_check_writes_nothing_and_shows_the_first_difference(root, capsys):
    path = write_lesson(root, LESSON)
    assert build.main(["--check"], root) == 1
    assert not path.exists()
    assert "notebooks/02_demo.ipynb does not exist" in capsys.readouterr().err

    build.main([], root)
    committed = path.read_bytes()
    path.write_bytes(committed.replace(b"notebooks ['a', 'b']", b"notebooks ['a', 'c']"))
    changed = path.read_bytes()
    assert build.main(["--check"], root) == 1
    message = capsys.readouterr().err
    assert "cell 2 (lessons/02_demo.py, line 4): its output differs (stdout)" in message
    assert "-notebooks ['a', 'c']\n+notebooks ['a', 'b']" in message
    assert path.read_bytes() == changed

    # Only the line ends differ: a checkout on Windows is not a difference.
    path.write_bytes(committed.replace(b"\n", b"\r\n"))
    assert build.main(["--check"], root) == 0

    path.write_text(json.dumps(json.loads(committed), indent=4), encoding="utf-8")
    assert build.main(["--check"], root) == 1
    assert "saved by another program" in capsys.readouterr().err


def test_a_failing_cell_names_file_line_source_and_error_and_changes_nothing(root, capsys):
    path = write_lesson(root, LESSON)
    build.main([], root)
    committed = path.read_bytes()
    write_lesson(
        root,
        LESSON
        + """
# %%
def invert(x):
    return 1 / x


# the next line fails
invert(0)
""",
    )
    assert build.main([], root) == 1
    message = capsys.readouterr().err
    line = (root / "lessons/02_demo.py").read_text(encoding="utf-8").splitlines().index("invert(0)")
    assert f"lessons/02_demo.py, line {line + 1}: ZeroDivisionError: division by zero" in message
    assert f"> {line + 1:5d}  invert(0)" in message
    assert "\x1b" not in message
    assert path.read_bytes() == committed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("for", "line 3: SyntaxError"),
        ("import os; os._exit(3)", "line 2: Kernel died"),
        ("import time; time.sleep(600)", "the cell ran for more than 2.0 seconds"),
        ("print('/home/ada/x')", "names a folder of this machine: /home/ada/x"),
        ("import os; print(os.getcwd())", "names a folder of this machine"),
    ],
)
def test_what_stops_a_build_is_said(root, capsys, source, message):
    path = write_lesson(root, f"# %%\n1\n{source}\n")
    assert build.main(["--timeout", "2"], root) == 1
    assert message in capsys.readouterr().err
    assert not path.exists()


def test_one_failing_lesson_does_not_stop_the_others(root, capsys):
    bad = write_lesson(root, "# %%\n1 / 0\n", "01_bad")
    good = write_lesson(root, "# %%\nprint(2)\n", "02_good")
    assert build.main(["--jobs", "2"], root) == 1
    assert "lessons/01_bad.py, line 2: ZeroDivisionError" in capsys.readouterr().err
    assert not bad.exists()
    assert good.exists()


def test_a_lesson_that_does_not_exist_lists_those_that_do(root, capsys):
    assert build.main([], root) == 2
    assert "there are no lessons" in capsys.readouterr().err
    write_lesson(root, LESSON)
    assert build.main(["07"], root) == 2
    assert "there is no '07'; there are: 02_demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wanted", ["02", "2", "02_demo", "lessons/02_demo.py", r"notebooks\02_demo.ipynb"]
)
def test_a_lesson_can_be_named_in_several_ways(root, wanted):
    write_lesson(root, LESSON)
    write_lesson(root, LESSON, "12_other")
    files = sorted((root / "lessons").iterdir())
    assert build.choose(files, wanted).name == "02_demo.py"


@pytest.mark.parametrize(
    ("header", "unknown"),
    [('tag=["exercise"]', "tag"), ('tags=["nbval-ignore"]', "nbval-ignore"), ("A title", "title")],
)
def test_a_misspelt_header_is_refused(root, header, unknown):
    write_lesson(root, f"# %%\n1\n\n# %% {header}\n2\n")
    with pytest.raises(BuildError, match=rf"line 4: unknown in the cell's header: {unknown};"):
        parse(root / "lessons" / "02_demo.py")


def test_every_cell_knows_its_line(root):
    write_lesson(root, LESSON)
    lesson = parse(root / "lessons" / "02_demo.py")
    lines = LESSON.splitlines()
    starts = ["# # Fahrräder", "from pathlib import Path", "import time", "assert text.strip()"]
    assert len(lesson.markers) == len(starts)
    for marker, start in zip(lesson.markers, starts, strict=True):
        assert lines[marker].startswith(start)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_stops_the_build_and_leaves_the_notebook(root):
    path = write_lesson(root, "# %%\nprint(1)\n")
    build.main([], root)
    committed = path.read_bytes()
    write_lesson(
        root,
        "# %%\nopen('started', 'w').close()\nimport time\nfor _ in range(9999): time.sleep(1)\n",
    )
    code = (
        "import signal, sys, pathlib; from course_lib import build;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "sys.exit(build.main([], pathlib.Path(sys.argv[1])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stderr=subprocess.PIPE, encoding="utf-8"
    )
    while not (path.parent / "started").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate()
    assert process.returncode == 130
    assert "Stopped" in message
    assert "Kernel died" not in message
    assert path.read_bytes() == committed


def test_run_leaves_an_executed_copy_and_the_notebook_alone(root, capsys, monkeypatch):
    text = "# %%\nimport os\n\nprint(*map(os.environ.get, ['COURSE_MARK', 'COURSE_WIDGETS']))\n"
    path = write_lesson(root, text)
    build.main([], root)
    committed = path.read_bytes()
    monkeypatch.setenv("COURSE_MARK", "the learner's own environment")
    monkeypatch.chdir(root)
    assert run.main(["2"], root) == 0
    assert f"Executed copy: {os.path.join('runs', '02_demo.ipynb')}" in capsys.readouterr().out
    [cell] = code_cells(root / "runs" / "02_demo.ipynb")
    assert "".join(cell["outputs"][0]["text"]) == "the learner's own environment off\n"
    assert path.read_bytes() == committed
    assert run.main(["2", "--out", "elsewhere/deep"], root) == 0
    assert (root / "elsewhere/deep/02_demo.ipynb").exists()
    with pytest.raises(SystemExit):
        run.main(["2", "--out", "notebooks"], root)
    assert path.read_bytes() == committed


def test_run_names_the_cell_that_failed_and_keeps_its_error(root, capsys):
    path = write_lesson(root, "# %%\nprint(1)\n\n# %%\nprint(2)\n\n# %%\nprint(3)\n")
    build.main([], root)
    text = path.read_text(encoding="utf-8").replace("print(2)", "1 / 0")
    path.write_text(text, encoding="utf-8")
    assert run.main(["02"], root) == 1
    said = capsys.readouterr().out
    assert "02_demo.ipynb: cell 2 of 3 failed: ZeroDivisionError: division by zero" in said
    assert "    1 / 0" in said
    first, second, third = code_cells(root / "runs" / "02_demo.ipynb")
    assert first["outputs"]
    assert second["outputs"][0]["output_type"] == "error"
    assert third["outputs"] == []  # not the committed output, which this run never made
    assert run.main(["9"], root) == 2
    assert "there are: 02_demo" in capsys.readouterr().err
    path.write_text("<<<<<<< half a merge", encoding="utf-8")
    assert run.main(["02"], root) == 2
    assert "not a readable notebook" in capsys.readouterr().err


def test_kernel_environment_is_pinned_and_leaves_a_readers_model_out(monkeypatch):
    monkeypatch.setenv("COURSE_LLM_MODEL", "their-own")
    monkeypatch.setenv("PYTHONPATH", "their-folder")
    environment = build.kernel_environment()
    assert environment["PYTHONHASHSEED"] == "0"
    assert environment["COURSE_PROGRESS"] == "off"
    assert "COURSE_LLM_MODEL" not in environment
    offline = str(ROOT / "tests" / "offline")
    assert environment["PYTHONPATH"].split(os.pathsep) == [offline, "their-folder"]
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    assert build.kernel_environment()["PYTHONPATH"] == environment["PYTHONPATH"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        build.write("new", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# ---- normalise

sources = st.text(max_size=5)
cells = st.builds(
    lambda kind, source: {
        "cell_type": kind,
        "source": source,
        "id": "random",
        "metadata": {"tags": ["exercise"], "execution": {"shell.execute_reply": "a time"}},
        **({"outputs": [], "execution_count": 1} if kind == "code" else {}),
    },
    st.sampled_from(["code", "markdown"]),
    sources,
)


@given(st.lists(cells, max_size=8))
def test_normalising_is_idempotent_and_ids_are_unique(some):
    notebook = {"cells": some, "metadata": {"language_info": {"version": "3.11.7"}}}
    once = normalise.normalise(notebook)
    assert normalise.normalise(once) == once
    ids = [cell["id"] for cell in once["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(set(cell["metadata"]) <= {"tags", "reason", "exercise"} for cell in once["cells"])
    assert "3.11.7" not in json.dumps(once)


def png(pixels):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, format="png")
    return base64.b64encode(stream.getvalue()).decode()


def figure(image):
    output = {"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}
    cell = {"cell_type": "code", "source": "plot()", "metadata": {}, "execution_count": 1}
    return {"cells": [{**cell, "outputs": [output]}]}


@pytest.mark.parametrize(("change", "kept"), [(0, True), (3, True), (4, False), (-3, True)])
def test_an_image_is_kept_within_three_of_255(change, kept):
    pixels = np.full((4, 5, 3), 200)
    other = pixels.copy()
    other[2, 2, 1] += change
    old, new = figure(png(pixels)), figure(png(other))
    assert (normalise.keep_outputs(new, old) == old) is kept


def test_an_image_of_another_size_or_a_damaged_one_is_replaced():
    new = figure(png(np.zeros((4, 5, 3))))
    for old in (figure(png(np.zeros((5, 4, 3)))), figure("bm90IGFuIGltYWdl")):
        assert normalise.keep_outputs(new, old) == new


@pytest.mark.parametrize(
    "text",
    [
        "/home/ada/course",
        "in '/root/x'",
        "(/tmp/ipykernel_12/3.py:1)",
        "/Users/ada/x",
        r"C:\Users\Ada\x",
        r"'c:\\Users\\Ada'",
        "C:/Users/Ada",
        "lib/python3.11/site-packages/torch/nn.py",
        ".venv/bin/python",
        "/srv/course/datasets",
        r"D:\\kurs\\datasets",
    ],
)
def test_machine_paths_are_found(text):
    assert normalise.machine_paths(text, ("/srv/course", "D:\\kurs"))


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/home/help",
        "GET /users/3",
        "datasets/larkspur/tickets.csv",
        "at home/office, 3/4",
        "the root of 4",
        "/srv/courses",
    ],
)
def test_other_texts_are_not_machine_paths(text):
    assert normalise.machine_paths(text, ("/srv/course",)) == []


def test_a_large_embedded_image_is_searched_in_linear_time():
    assert normalise.machine_paths("<img src='data:image/png;base64," + "iVBO/w0K" * 200_000) == []


def test_first_difference_says_what_differs():
    def notebook(**changes):
        cell = {"cell_type": "code", "source": "f()", "metadata": {}, "execution_count": 1}
        stream = {"output_type": "stream", "name": "stdout", "text": "1\n"}
        return {"cells": [{**cell, "outputs": [stream], **changes}]}

    base = notebook()
    assert normalise.first_difference(base, base) is None
    for changed, wanted in [
        (notebook(source="g()"), "-f()\n+g()"),
        (notebook(metadata={"tags": ["exercise"]}), "options differ"),
        (notebook(outputs=[]), "-stdout\n+no output"),
        (notebook(execution_count=2), "execution count"),
        ({"cells": []}, "has 1 cells, the lesson 0"),
    ]:
        index, text = normalise.first_difference(base, changed)
        assert index == 0
        assert wanted in text
    black, white = figure(png(np.zeros((2, 2, 3)))), figure(png(np.full((2, 2, 3), 255)))
    assert "image" in normalise.first_difference(black, white)[1]
