"""JupyterLab in a real browser: Run All, the keyboard alone, what a screen reader gets."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from course_lib import ROOT, assets
from tests.browser import chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="stops JupyterLab by a signal"),
]

HANGS = 120_000  # a loaded machine is no defect; this only ends a hang
WHOLE_NOTEBOOK = 1_800_000
expect.set_options(timeout=HANGS)

HAS_RUN = re.compile(r"^\[\d+\]:")
FAILED = "[data-mime-type='application/vnd.jupyter.error']"
ACTIVE = ".jp-Cell.jp-mod-active"
PALETTE = ".lm-CommandPalette-input"


@pytest.fixture(scope="module")
def browser():
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course to work on; the repository stays as it is."""
    copy = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("course_lib", "datasets", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def progress(tmp_path_factory):
    return tmp_path_factory.mktemp("progress") / "progress.json"


@pytest.fixture(scope="module")
def lab(browser, course, progress, tmp_path_factory):
    """The address of a JupyterLab that `course lab` started in the copy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    environment = dict(os.environ, HOME=str(home), JUPYTER_CONFIG_DIR=str(home), JUPYTER_TOKEN="t")
    environment.pop("COURSE_WIDGETS", None)
    environment |= {
        "COURSE_CACHE": str(assets.cache_folder()),
        "COURSE_PROGRESS": str(progress),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(course), os.environ.get("PYTHONPATH", "")]),
    }
    url, said = f"http://127.0.0.1:{port}", home / "lab.log"
    command = [sys.executable, "-m", "course_lib.cli", "lab"]
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--no-browser", f"--port={port}", "--allow-root"],
            cwd=course,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    while True:
        try:
            urllib.request.urlopen(f"{url}/api?token=t").close()
            break
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None:
                raise AssertionError(said.read_text()) from None
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
def opened(browser, lab):
    """Opens a notebook; at the end the page has reported no error and asked nobody else."""
    wrong, asked = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(HANGS)  # for every page, that of violations() too
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    def open_notebook(name):
        page.goto(f"{lab}/lab/tree/notebooks/{name}?reset&token=t")  # reset: no tabs from before
        expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
        expect(page.locator(".jp-Cell:focus")).to_have_count(1)
        return page

    yield open_notebook
    context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith((lab, "data:", "blob:"))] == []


def command(page, title):
    """Choose a command as one does without a mouse: open the palette, type, press Enter."""
    for _ in range(60):
        page.keyboard.press("ControlOrMeta+Shift+C")
        page.wait_for_timeout(1000)  # right after loading, JupyterLab takes the focus back
        if page.locator(f"{PALETTE}:focus").count():
            break
    else:
        raise AssertionError("the keyboard does not open the palette")
    page.keyboard.type(title.lower())
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(title)
    page.keyboard.press("Enter")
    expect(page.locator(f"{PALETTE}:focus")).to_have_count(0)


def go_to(page, text, key):
    """Press a key (j down, k up) until the cell that holds a text is the active one."""
    for _ in range(page.locator(".jp-Cell").count()):
        if text in page.locator(ACTIVE).inner_text():
            return page.locator(ACTIVE)
        page.keyboard.press(key)
    raise AssertionError(f"no cell holds {text!r}")


def tab_to(page, selector):
    """Press Tab until something has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"Tab does not reach {selector}")


def violations(page):
    """What axe finds in the exercises' outputs, in JupyterLab's colours of the moment.

    On a page of their own: in JupyterLab, whose body has no height, axe passes over every colour.
    """
    shown = page.locator(".jp-OutputArea-output:has([role=status], details)")
    parts = shown.evaluate_all("parts => parts.map(part => part.innerHTML)")
    colours = shown.first.evaluate(
        """part => `color: ${getComputedStyle(part).color}; background-color: ${
            getComputedStyle(part.closest(".jp-Notebook")).backgroundColor}`"""
    )
    alone = page.context.new_page()
    html = f"<main style='{colours}; font: 14px sans-serif'><h1>Outputs</h1>{''.join(parts)}</main>"
    alone.set_content(f"<!doctype html><html lang=en><title>Outputs</title>{html}</html>")
    alone.locator("details").evaluate_all("parts => parts.forEach(part => part.open = true)")
    found = Axe().run(alone).response
    alone.close()
    assert "color-contrast" in [one["id"] for one in found["passes"]]
    return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]


def test_run_all_then_solve_an_exercise_with_the_keyboard_alone(opened, course, progress):
    cells = json.loads((course / "notebooks/00_start_here.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    page = opened("00_start_here.ipynb")
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    # The stored outputs go first: what is seen afterwards is of this run.
    command(page, "Clear Outputs of All Cells")
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    command(page, "Run All Cells")
    expect(prompts.filter(has_text=HAS_RUN)).to_have_count(len(code), timeout=WHOLE_NOTEBOOK)
    assert page.locator(FAILED).count() == 0
    with_output = page.locator(".jp-CodeCell:has(.jp-OutputArea-output)")
    assert with_output.count() >= sum(bool(cell["outputs"]) for cell in code)

    # The exercise: not attempted, then a wrong answer, then the right one.
    cell = go_to(page, "def should_answer", "k")
    result = cell.get_by_role("status")
    expect(result).to_contain_text("NOT ATTEMPTED")
    page.keyboard.press("Enter")  # to write in the cell
    page.keyboard.press("ControlOrMeta+Home")
    for key in ("ArrowDown", "ArrowDown", "End", "Enter"):  # below "# your code here"
        page.keyboard.press(key)
    page.keyboard.type("return score > threshold")
    page.keyboard.press("Control+Enter")
    expect(result).to_contain_text("WRONG")
    page.keyboard.press("Enter")
    for _ in " threshold":
        page.keyboard.press("ArrowLeft")
    page.keyboard.type("=")
    page.keyboard.press("Control+Enter")
    # What a screen reader says: one live region that begins with the verdict.
    expect(result).to_match_aria_snapshot("- status: /^RIGHT Exercise 0\\.1, /")
    saved = json.loads(progress.read_text("utf-8"))["exercises"]
    assert saved == {"0.1": {"tries": 2, "passed": True}}

    page.keyboard.press("j")
    tab_to(page, f"{ACTIVE} summary")
    page.keyboard.press("Enter")
    expect(page.locator(f"{ACTIVE} details[open]")).to_have_count(1)

    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        command(page, f"Use Theme: {theme}")
        expect(page.locator(f"body[data-jp-theme-name='{theme}']")).to_have_count(1)
        assert violations(page) == [], theme


def test_a_slider_moves_with_the_keyboard_and_the_figure_follows(opened):
    page = opened("04_probability.ipynb")
    cell = go_to(page, "plotting.slider(", "j")
    command(page, "Run All Above Selected Cell")
    page.keyboard.press("Control+Enter")
    sliders, figure = cell.get_by_role("slider"), cell.locator(".jupyter-widgets img")
    expect(sliders).to_have_count(2, timeout=WHOLE_NOTEBOOK)
    expect(figure).to_have_count(1)
    assert page.locator(FAILED).count() == 0
    numbers = cell.locator(".jupyter-widgets pre")
    before, said = figure.get_attribute("src"), numbers.inner_text()
    assert "tokens left" in said
    tab_to(page, f"{ACTIVE} [role=slider]")
    assert sliders.first.get_attribute("aria-valuenow") == "0.7"
    page.keyboard.press("ArrowRight")
    expect(sliders.first).to_have_attribute("aria-valuenow", "0.8")
    expect(figure).not_to_have_attribute("src", before)
    expect(numbers).not_to_have_text(said)
    expect(cell.get_by_role("spinbutton", name="temperature")).to_have_value("0.8")
