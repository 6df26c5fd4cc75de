"""What every committed notebook keeps to; `violations` says in words what one does not."""

import copy
import json
import re
import statistics

import pytest

from course_lib import ROOT
from course_lib.lesson import parse
from course_lib.normalise import is_uncompared, machine_paths, normalise, output_texts

MAX_UNCOMPARED = 0.10  # of the code cells
MAX_CELL_LINES = 25
MAX_MEDIAN_LINES = 6  # without blank lines
ALT_LENGTH = (60, 260)  # characters: what is drawn and what it shows, in a breath
WORDS = (700, 1500)  # of the lesson itself: an exercise may say what it wants at any length
CELLS = (25, 45)  # of the lesson itself: an exercise's stub and its hints come on top
EXERCISES = (3, 5)
OBJECTIVES = "What you will be able to do"
SUMMARY = ("Limits", "What to remember", "In your project", "Where the maths goes deeper")
# nbval's other ways to leave a cell out; the lessons' one way is the tag with a reason
HIDDEN_OPT_OUT = re.compile(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE_)\w+", re.MULTILINE)


def lines_of(cell):
    return cell["source"].splitlines()


def has_heading(markdown, title):
    """Whether a line of the markdown is, or starts with, this title as a heading or in bold."""
    return re.search(rf"^\s*(#+\s*|\*\*){re.escape(title)}\b", markdown, re.MULTILINE) is not None


def count_words(markdown):
    """Words of prose: no fenced code, formulas, tags, or addresses of links."""
    for pattern in (r"```.*?```", r"\$\$.*?\$\$", r"<[^>]+>", r"\]\([^)]*\)"):
        markdown = re.sub(pattern, " ", markdown, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’-]*", markdown))


def without_exercises(markdown):
    """The prose without the paragraphs that state an exercise."""
    paragraphs = re.split(r"\n\s*\n", markdown)
    return "\n\n".join(text for text in paragraphs if not text.startswith("**Exercise "))


def belongs_to_exercise(cell):
    """Whether a cell is an exercise's stub, or shows its hints and solution."""
    calls = re.sub(r"\b(hint|solution)\([^)]*\)", "", cell["source"]).strip()
    return "exercise" in cell["metadata"] or (cell["cell_type"] == "code" and not calls)


def violations(notebook, name):
    """Every rule that a notebook breaks, as sentences that name the cell (counted from 1).

    Args:
        notebook: nbformat 4 as nested dicts and lists, sources as single strings.
        name: the file's stem, 02_similarity_metrics; notebook 00 may be small.
    """
    cells = notebook["cells"]
    code = [(number, cell) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    markdown = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    found = []
    found += compared_rules(code)
    found += output_rules(cells, code)
    found += size_rules(cells, code, markdown, exempt_from_minimum=name.startswith("00"))
    found += exercise_rules(code, name)
    found += [f"the heading {title!r} is missing" for title in (OBJECTIVES, *SUMMARY)
              if not has_heading(markdown, title)]  # fmt: skip
    return found


def compared_rules(code):
    found = []
    uncompared = [number for number, cell in code if is_uncompared(cell)]
    if len(uncompared) > MAX_UNCOMPARED * len(code):
        found.append(f"{len(uncompared)} of {len(code)} code cells are uncompared, over 10 %")
    for position, (number, cell) in enumerate(code):
        tags = set(cell["metadata"].get("tags", []))
        if HIDDEN_OPT_OUT.search(cell["source"]) or tags - {"nbval-ignore-output", "exercise"}:
            found.append(f"cell {number}: only the tag nbval-ignore-output may skip a comparison")
        if not is_uncompared(cell):
            continue
        if not str(cell["metadata"].get("reason", "")).strip():
            found.append(f"cell {number}: uncompared without a reason")
        after = code[position + 1][1] if position + 1 < len(code) else {"source": ""}
        if not re.search(r"^\s*assert\b", after["source"], re.MULTILINE):
            found.append(f"cell {number}: uncompared, and the next code cell has no assert")
    return found


def output_rules(cells, code):
    found = []
    for position, (number, cell) in enumerate(code, 1):
        if cell["execution_count"] != position:
            found.append(f"cell {number}: execution count is {cell['execution_count']}, "
                         f"in a fresh run it is {position}")  # fmt: skip
        for kind, text in output_texts(cell):
            if kind in ("stderr", "error"):
                found.append(f"cell {number}: stored {kind}: {text.strip()[:80]}")
            for path in machine_paths(text, (str(ROOT),)):
                found.append(f"cell {number}: its output names a folder of one machine: {path}")
        figures = sum(
            any(kind.startswith("image/") for kind in output.get("data", {}))
            for output in cell["outputs"]
        )
        alt = str(cell["metadata"].get("alt", ""))
        low, high = ALT_LENGTH
        if figures and not low <= len(alt.strip()) <= high:
            found.append(f'cell {number}: a figure wants alt="..." in its cell\'s header, '
                         f"{low} to {high} characters, got {len(alt)}")  # fmt: skip
        if alt and figures != 1:
            found.append(f"cell {number}: an alternative text, and {figures} figures")
        follower = cells[number]["cell_type"] if number < len(cells) else None
        if figures and follower != "markdown":
            found.append(f"cell {number}: a figure without a markdown cell after it to describe it")
    return found


def size_rules(cells, code, markdown, exempt_from_minimum):
    found = []
    for number, cell in code:
        if len(lines_of(cell)) > MAX_CELL_LINES:
            found.append(f"cell {number}: {len(lines_of(cell))} lines, over {MAX_CELL_LINES}")
    lengths = [sum(bool(line.strip()) for line in lines_of(cell)) for _, cell in code]
    if lengths and statistics.median(lengths) > MAX_MEDIAN_LINES:
        found.append(f"the median code cell has {statistics.median(lengths):g} lines, "
                     f"over {MAX_MEDIAN_LINES}")  # fmt: skip
    lesson = [cell for cell in cells if not belongs_to_exercise(cell)]
    words = count_words(without_exercises(markdown))
    sizes = (("words", words, WORDS), ("cells", len(lesson), CELLS))
    for what, size, (low, high) in sizes:
        if size > high or (size < low and not exempt_from_minimum):
            found.append(f"{size} {what}, wanted {low} to {high}")
    return found


def exercise_rules(code, name):
    found = []
    tagged = [
        (number, cell["metadata"].get("exercise"))
        for number, cell in code
        if "exercise" in cell["metadata"].get("tags", []) or "exercise" in cell["metadata"]
    ]
    ids = [exercise for _, exercise in tagged]
    low, high = EXERCISES
    if not low <= len(ids) <= high:
        found.append(f"{len(ids)} exercises, wanted {low} to {high}")
    expected = [f"{int(name[:2])}.{position}" for position in range(1, len(ids) + 1)]
    if ids != expected:
        found.append(f"exercises are numbered {ids}, wanted {expected}")
    for number, cell in code:
        both = "exercise" in cell["metadata"].get("tags", []), "exercise" in cell["metadata"]
        if any(both) and not all(both):
            found.append(f'cell {number}: a stub needs both tags=["exercise"] and exercise="N.n"')
    source = "\n".join(cell["source"] for _, cell in code)
    for exercise in ids:
        for call in ("check", "hint", "solution"):
            if not re.search(rf"\b{call}\(\s*[\"']{re.escape(str(exercise))}[\"']", source):
                found.append(f"exercise {exercise}: no {call}({exercise!r})")
    return found


def unpaired(lessons, notebooks):
    """Lessons without a notebook and notebooks without a lesson, by stem."""
    return [f"{stem}: a lesson without a notebook" for stem in sorted(lessons - notebooks)] + [
        f"{stem}: a notebook without a lesson" for stem in sorted(notebooks - lessons)
    ]


# ---- the committed notebooks

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = sorted((ROOT / "lessons").glob("*.py"))


def load(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_breaks_no_rule(path):
    found = violations(load(path), path.stem)
    assert not found, "\n" + "\n".join(found)


def test_every_lesson_has_its_notebook_and_every_notebook_its_lesson():
    assert unpaired({path.stem for path in LESSONS}, {path.stem for path in NOTEBOOKS}) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_is_what_its_lesson_says(path):
    # Sources and options alone, which takes no kernel: `course build --check` compares the outputs.
    wanted = normalise(parse(ROOT / "lessons" / f"{path.stem}.py").notebook)
    committed = load(path)
    keys = ("id", "cell_type", "source", "metadata")
    assert [[cell[key] for key in keys] for cell in committed["cells"]] == [
        [cell[key] for key in keys] for cell in wanted["cells"]
    ], f"edit lessons/{path.stem}.py, not the notebook; then: course build {path.stem[:2]}"
    assert committed["metadata"] == wanted["metadata"]


# ---- the test of the rules: a notebook that breaks none, then one planted violation at a time


ALT = "Line chart of the score against the number of questions: it rises from 0.2 to 0.8."


def markdown_cell(source):
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def code_cell(source, outputs=(), **metadata):
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": list(outputs),
        "execution_count": None,
    }


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


def image(kind="image/png"):
    return {"output_type": "display_data", "data": {kind: "AAAA"}, "metadata": {}}


def numbered(cells):
    position = 0
    for cell in cells:
        if cell["cell_type"] == "code":
            position += 1
            cell["execution_count"] = position
    return {"cells": cells}


@pytest.fixture
def good():
    cells = [
        markdown_cell(f"# Similarity\n\n**{OBJECTIVES}**: measure."),
        markdown_cell("a " * 800),
    ]
    for exercise in ("2.1", "2.2", "2.3"):
        cells += [
            code_cell("def f(x):\n    ...", tags=["exercise"], exercise=exercise),
            code_cell(f'check("{exercise}", f)'),
            code_cell(f'hint("{exercise}")\nsolution("{exercise}")'),
        ]
    cells += [code_cell("plot()", [image()], alt=ALT), markdown_cell("The line rises.")]
    cells += [
        code_cell("timeit()", [stream("3 ms")], tags=["nbval-ignore-output"], reason="a time")
    ]
    cells += [markdown_cell("It takes milliseconds."), code_cell("x = 1\nassert x < 2")]
    cells += [code_cell(f"print({n})", [stream(f"{n}\n")]) for n in range(11)]
    cells += [markdown_cell("**Exercise 2.4** " + "what it wants " * 300)]
    cells += [markdown_cell(f"## {title}\n\nText.") for title in SUMMARY]
    return numbered(cells)


def test_the_good_notebook_breaks_no_rule(good):
    assert violations(good, "02_similarity_metrics") == []


def index_of(notebook, start):
    return next(i for i, cell in enumerate(notebook["cells"]) if cell["source"].startswith(start))


def plant(source=None, outputs=None, at="print(3)", **metadata):
    """A change to the cell that starts with `at`."""

    def change(notebook):
        cell = notebook["cells"][index_of(notebook, at)]
        if source is not None:
            cell["source"] = source
        if outputs is not None:
            cell["outputs"] = outputs
        cell["metadata"] = {**cell["metadata"], **metadata}

    return change


def drop(at):
    def change(notebook):
        del notebook["cells"][index_of(notebook, at)]
        numbered(notebook["cells"])

    return change


def add(*cells):
    def change(notebook):
        notebook["cells"][-1:-1] = copy.deepcopy(cells)
        numbered(notebook["cells"])

    return change


IGNORE = ["nbval-ignore-output"]
PLANTED = {
    "uncompared without a reason": plant(at="timeit", reason=" "),
    "the next code cell has no assert": plant("x = 1  # assert", at="x = 1"),
    "uncompared, over 10 %": lambda notebook: [
        plant(at=f"print({n})", tags=IGNORE, reason="r")(notebook) for n in (1, 3, 5)
    ],
    "only the tag nbval-ignore-output": plant("print(3)\n# NBVAL_IGNORE_OUTPUT"),
    "may skip a comparison": plant(tags=["nbval-skip"]),
    "stored stderr: a warning": plant(outputs=[stream("a warning", "stderr")]),
    "stored error: ValueError": plant(
        outputs=[{"output_type": "error", "ename": "", "evalue": "", "traceback": ["ValueError"]}]
    ),
    "one machine: /home/ada/x": plant(outputs=[stream("at /home/ada/x")]),
    "one machine: /tmp/x": plant(
        outputs=[{"output_type": "execute_result", "data": {"text/html": ["<b>/tmp/x</b>"]}}]
    ),
    "one machine: lib/site-packages": plant(outputs=[stream("lib/site-packages/")]),
    str(ROOT): plant(outputs=[stream(f"in {ROOT}")]),
    "26 lines, over 25": plant("\n".join(["x = 1"] * 26)),
    "the median code cell has 7 lines": lambda notebook: [
        cell.update(source=cell["source"] + "\n\n" + "x = 1\n" * (7 - len(lines_of(cell))))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ],
    f"{OBJECTIVES!r} is missing": plant("# Similarity", at="# Similarity"),
    **{f"{title!r} is missing": plant("Text.", at=f"## {title}") for title in SUMMARY},
    "execution count is None": lambda notebook: notebook["cells"][-6].update(execution_count=None),
    "execution count is 40": lambda notebook: notebook["cells"][-6].update(execution_count=40),
    "a figure without a markdown cell": drop("The line rises."),
    "cell 33: a figure without": lambda notebook: notebook["cells"].append(
        {**code_cell("plot()", [image("image/svg+xml")], alt=ALT), "execution_count": 23}
    ),
    "a figure wants alt=": plant(at="plot()", alt=""),
    "60 to 260 characters, got 8": plant(at="plot()", alt="A figure"),
    "60 to 260 characters, got 300": plant(at="plot()", alt="a" * 300),
    "an alternative text, and 0 figures": plant(alt=ALT),
    "an alternative text, and 2 figures": plant(outputs=[image(), image()], at="plot()"),
    "words, wanted 700 to 1500": plant("few words", at="a a"),
    "1531 words": plant("a " * 1500, at="a a"),
    "24 cells, wanted 25 to 45": lambda notebook: [drop(f"print({n})")(notebook) for n in (1, 2)],
    "46 cells": add(*[markdown_cell("-")] * 20),
    "2 exercises, wanted 3 to 5": drop("def f"),
    "6 exercises": add(*[code_cell("...", tags=["exercise"], exercise="2.4")] * 3),
    "wanted ['2.1', '2.2', '2.3']": plant(at="def f", exercise="1.1"),
    "a stub needs both": plant(at="def f", tags=[]),
    "exercise 2.2: no check('2.2')": drop('check("2.2"'),
    "exercise 2.2: no hint('2.2')": plant('solution("2.2")', at='hint("2.2"'),
    "exercise 2.2: no solution('2.2')": plant('hint("2.2")', at='hint("2.2"'),
}


@pytest.mark.parametrize("message", PLANTED)
def test_a_planted_violation_is_found(good, message):
    PLANTED[message](good)
    found = violations(good, "02_similarity_metrics")
    assert any(message in line for line in found), found


def test_notebook_00_may_be_small_but_not_large(good):
    plant("few words", at="a a")(good)
    drop("print(1)")(good)
    drop("print(2)")(good)
    for cell in good["cells"]:
        cell["source"] = cell["source"].replace('"2.', '"0.')
        if "exercise" in cell["metadata"]:
            cell["metadata"]["exercise"] = cell["metadata"]["exercise"].replace("2.", "0.")
    assert violations(good, "00_start_here") == []
    add(*[markdown_cell("-")] * 30)(good)
    assert violations(good, "00_start_here") == ["54 cells, wanted 25 to 45"]


def test_words_are_those_of_the_prose():
    markdown = """
Two words, [a link](https://example.org/not/counted).

```python
not_counted = 1
```

$$x^2 + y^2$$ <details>re-run</details>
"""
    assert count_words(markdown) == 5


def test_an_unpaired_lesson_or_notebook_is_named():
    assert unpaired({"00_a", "01_b"}, {"00_a", "02_c"}) == [
        "01_b: a lesson without a notebook",
        "02_c: a notebook without a lesson",
    ]
