"""The test of the tests: nbval, as the course runs it, fails when a notebook's output changes."""

import os
import subprocess
from xml.etree import ElementTree

import nbformat
import pytest

from course_lib import ROOT
from course_lib.build import main as build
from course_lib.build import nbval_command

LESSON = """\
# %%
import time
from IPython.display import HTML

print("12 tickets")

# %%
HTML("<b>right</b>")

# %%
{"tyre", "brake", "chain"}

# %%
3;

# %% tags=["nbval-ignore-output"] reason="a time"
print(time.perf_counter_ns())

# %%
import os

print(os.environ["COURSE_PROGRESS"], os.environ["OMP_NUM_THREADS"], os.environ["TQDM_DISABLE"])

# %%
from course_lib.plotting import slider

def draw(temperature=1.0):
    print(temperature)

slider(draw, temperature=(0.0, 2.0, 0.1))
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    (root / "lessons").mkdir()
    (root / "lessons" / "01_demo.py").write_text(LESSON, encoding="utf-8")
    assert build([], root) == 0
    return root / "notebooks" / "01_demo.ipynb"


def outcomes(folder, *extra):
    """Run nbval over a folder: its exit status, and {notebook: [outcome of each cell]}."""
    report = folder / "report.xml"
    # Not kernel_environment: the plugin alone must see to it.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = nbval_command([folder], ["-p", "no:cacheprovider", f"--junitxml={report}", *extra])
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    cells = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("classname").split(".")[
            -2 if case.get("classname").endswith("ipynb") else -1
        ]
        failed = case.find("failure") is not None or case.find("error") is not None
        cells.setdefault(name, []).append("failed" if failed else "passed")
    return done.returncode, cells, done.stdout


def test_unchanged_outputs_pass(notebook):
    status, cells, said = outcomes(notebook.parent)
    assert status == 0, said
    assert cells == {"01_demo": ["passed"] * 7}


def test_each_changed_output_fails_in_its_own_cell(notebook, tmp_path):
    text = notebook.read_text(encoding="utf-8")
    changes = {
        "stdout": ('"12 tickets\\n"', '"13 tickets\\n"'),
        "html": ('"<b>right</b>"\n      ]', '"<b>wrong</b>"\n      ]'),
    }
    for name, (old, new) in changes.items():
        assert text.count(old) == 1, name
        (tmp_path / f"{name}.ipynb").write_text(text.replace(old, new), encoding="utf-8")
    removed = nbformat.reads(text, as_version=4)
    removed.cells[2].outputs = []
    nbformat.write(removed, tmp_path / "removed.ipynb")
    dead = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import os; os._exit(1)"),
            nbformat.v4.new_code_cell("1"),
        ]
    )
    nbformat.write(dead, tmp_path / "dead.ipynb")
    status, cells, said = outcomes(tmp_path)
    assert status == 1
    assert cells["stdout"] == ["failed"] + ["passed"] * 6
    assert cells["html"] == ["passed", "failed"] + ["passed"] * 5
    assert cells["removed"] == ["passed", "passed", "failed"] + ["passed"] * 4
    assert cells["dead"] == ["failed", "failed"]
    assert "the kernel died while it ran this cell" in said
