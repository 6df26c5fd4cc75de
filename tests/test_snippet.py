"""`course snippet`: what is exported stands alone, runs, and holds no more than it needs."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import course_lib
from course_lib import assets, snippet, snippet_concepts, snippet_index
from course_lib.snippet_source import Library, SnippetError

LIBRARY = snippet.course_library()
NAMES = snippet.public_names(LIBRARY)

# Runs in an interpreter of its own. Every file is loaded and tested as a module of its own.
RUNNER = r"""
import doctest, importlib.util, json, sys, traceback

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "course_lib":
            raise ImportError("course_lib is blocked")

sys.meta_path.insert(0, Block())
report = {}
for path in sys.argv[1:]:
    log = []
    try:
        spec = importlib.util.spec_from_file_location("exported", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["exported"] = module  # dataclasses look themselves up there
        spec.loader.exec_module(module)
        finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
        for test in finder.find(module, "exported", module=module):
            runner.run(test, out=log.append)
        report[path] = [runner.tries, runner.failures, "".join(log)]
    except BaseException:
        report[path] = [0, 1, traceback.format_exc()]
    finally:
        sys.modules.pop("exported", None)
assert not any(name.split(".")[0] == "course_lib" for name in sys.modules)
print(json.dumps(report))
"""


def run_examples(files: list[Path]) -> dict[str, tuple[int, int, str]]:
    """(examples, failures, log) of every file, from one interpreter that has no course_lib."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER, *map(str, files)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=files[0].parent,
        # Without course_lib a reader names the models, and so does this test.
        env={
            **os.environ,
            "COURSE_EMBEDDING_MODEL": str(assets.path("minilm")),
            "COURSE_LLM": str(assets.path("smollm2")),
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {Path(path).stem: tuple(found) for path, found in json.loads(done.stdout).items()}


def ruff(*files: Path) -> str:
    config = course_lib.ROOT / "pyproject.toml"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--config",
            str(config),
            *map(str, files),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Every public name of the exportable modules as a file, and what its examples did."""
    folder = tmp_path_factory.mktemp("exported")
    for name in NAMES:
        (folder / f"{name}.py").write_text(snippet.export(name), encoding="utf-8")
    return folder, run_examples([folder / f"{name}.py" for name in NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_stands_alone(exported, name):
    folder, report = exported
    tries, failures, log = report[name]
    assert failures == 0, log
    assert tries > 0, f"{name} has no doctest example"
    text = (folder / f"{name}.py").read_text(encoding="utf-8")
    own_name = name.split(".")[1]
    assert f"{own_name}, from the course" in text
    assert course_lib.__version__ in text
    assert "MIT" in text
    source = re.search(r"^Source: (\S+\.py), ", text, re.MULTILINE)
    assert source is not None
    assert source[1].removeprefix("course_lib/").startswith(name.split(".")[0])
    defined = (course_lib.ROOT / source[1]).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async def|def|class) {own_name}\b", defined, re.MULTILINE)


def test_exported_files_pass_ruff(exported):
    folder, _ = exported
    assert ruff(*folder.glob("*.py")) == ""


def test_every_exportable_module_offers_something():
    for entry in snippet.EXPORTABLE:
        assert snippet.public_names(LIBRARY, [entry]), entry


def test_a_package_offers_what_its_init_imports_and_says_which_file_holds_it():
    assert "retrieval.BM25" in NAMES
    text = snippet.export("BM25")
    assert "Source: course_lib/retrieval/by_words.py" in text
    assert "Exported by: course snippet retrieval.BM25" in text


def test_the_page_of_snippets_is_current_and_its_commands_are_those_that_are_tested():
    page = (course_lib.ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")
    assert page == snippet_index.index(), "run: course snippet --index docs/snippets.md"
    # each once, and no other
    assert sorted(re.findall(r"`course snippet (\w+\.\w+)`", page)) == sorted(NAMES)
    for link in set(re.findall(r"\]\(([^#)]+)\)", page)):
        assert (course_lib.ROOT / "docs" / link).is_file(), link


def test_each_entry_has_a_concept_in_words_and_its_function_beside_it():
    page = (course_lib.ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (.+?) \| `(\w+)` \| (.+) \| `course snippet (\S+)` \|$", page, re.MULTILINE
    )
    assert len(rows) == len(NAMES)
    for concept, function, gives, full in rows:
        assert full.split(".")[1] == function
        assert len(gives.split()) > 3, full
        # words of the field, not the name of the function taken apart
        assert re.sub(r"\W", "", concept) != function.replace("_", ""), full
        assert concept[0] == concept[0].upper() or concept.startswith("pass@k"), concept
    assert len({concept for concept, *_ in rows}) == len(rows)


def test_the_list_by_concept_is_sorted_and_leads_to_the_notebook_that_teaches_it():
    page = (course_lib.ROOT / "docs" / "snippets.md").read_text(encoding="utf-8")
    by_concept, *sections = page.split("\n## ")[1:]
    entries = re.findall(r"\[([^]]+)\]\(#([\w-]+)\)", by_concept)
    said = [text for text, _ in entries]
    assert said == sorted(said, key=str.casefold)
    assert len(said) == len(snippet_concepts.CONCEPTS) + len(snippet_concepts.ALSO)
    # GitHub's rule: small letters, no punctuation, a hyphen for each blank
    anchors = {
        "".join(
            char for char in section.split("\n")[0].lower() if char.isalnum() or char in " -_"
        ).replace(" ", "-"): section
        for section in sections
    }
    for text, anchor in entries:
        wanted = f"| `{text.split('`')[1]}` |" if text.endswith("`)") else f"| {text}"
        assert wanted in anchors[anchor], text


def test_every_notebook_has_a_section_and_one_with_nothing_to_copy_says_why():
    page = snippet_index.index()
    stems = sorted(path.stem for path in (course_lib.ROOT / "notebooks").glob("*.ipynb"))
    assert re.findall(r"\(\.\./notebooks/(\w+)\.ipynb\)", page) == stems
    for stem, why in snippet_concepts.NOTHING.items():
        assert f"[Open the notebook](../notebooks/{stem}.ipynb)\n\n{why}\n" in page


def test_a_function_stands_under_the_notebook_that_teaches_it():
    """A lesson of that number or a later one uses it; nobody meets it in an earlier one alone."""
    places = {}
    for section in snippet_index.index().split("\n## ")[2:]:
        for full in re.findall(r"`course snippet (\S+)`", section):
            places[full] = section[:2]
    assert places["language_model.LocalModel"] == "04"
    assert places["language_model.EndpointModel"] == "14"
    lessons = sorted((course_lib.ROOT / "lessons").glob("*.py"))
    for full, number in places.items():
        module, name = full.split(".")
        using = [
            path.name[:2]
            for path in lessons
            if re.search(rf"\b{module}\b.*\b{name}\b", path.read_text(encoding="utf-8"))
        ]
        assert not using or max(using) >= number, f"{full} under {number}, used in {using}"


@pytest.fixture
def small(library, tmp_path):
    """Arguments of an index of one function, in one of two notebooks."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for stem, title in {"01_first": "01 · First, and (best)", "02_second": "02 · Second"}.items():
        cells = [{"source": [f"# {title}\n", "text"]}]
        (folder / f"{stem}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    text = 'def f():\n    """Do it.\n\n    Built in notebooks/01_first.ipynb.\n    """\n'
    return {
        "library": library(similarity=text),
        "concepts": {"similarity.f": "Doing: how is it done?"},
        "also": {"Acting": "similarity.f"},
        "nothing": {"02_second": "Nothing to copy."},
    }


def test_a_small_index(small):
    page = snippet_index.index(**small)
    assert "- **A** · [Acting (`f`)](#01--first-and-best)\n" in page
    assert "- **D** · [Doing](#01--first-and-best)\n" in page
    assert "| Doing: how is it done? | `f` | Do it. | `course snippet similarity.f` |" in page
    assert page.endswith("(../notebooks/02_second.ipynb)\n\nNothing to copy.\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concepts": {}}, r"a name to copy has no text: similarity\.f"),
        (
            {"concepts": {"similarity.f": "Doing", "similarity.g": "Going"}},
            r"a name to copy is no more: similarity\.g",
        ),
        ({"also": {"Going": "similarity.g"}}, r"other words lead to similarity\.g"),
        ({"also": {"doing": "similarity.f"}}, "a concept must stand once, given twice: doing"),
        ({"nothing": {}}, "without a name to copy has no text: 02_second"),
        (
            {"nothing": {"01_first": "Nothing.", "02_second": "Nothing."}},
            "without a name to copy is no more: 01_first",
        ),
    ],
)
def test_an_index_with_a_missing_or_an_orphaned_text_is_refused(small, change, message):
    with pytest.raises(ValueError, match=message):
        snippet_index.index(**(small | change))


def test_an_index_needs_to_know_where_a_module_is_built(library):
    made = library(similarity='def f():\n    """Do it."""\n')
    with pytest.raises(ValueError, match="a name of similarity must say"):
        snippet_index.index(made)


def test_the_interpreter_test_notices_a_file_that_needs_course_lib_or_fails(tmp_path):
    files = {
        "needs": "import course_lib\n",
        "fails": '"""\n>>> 1 + 1\n3\n"""\n',
        "empty": "x = 1\n",
        "good": '"""\n>>> 1 + 1\n2\n"""\n',
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    report = run_examples([tmp_path / f"{name}.py" for name in files])
    assert {name: found[:2] for name, found in report.items()} == {
        "needs": (0, 1),
        "fails": (1, 1),
        "empty": (0, 0),
        "good": (1, 0),
    }


@pytest.fixture
def library(tmp_path):
    """Make a package from texts, and export from it."""

    def make(**modules: str) -> Library:
        folder = tmp_path / "course_lib"
        folder.mkdir(exist_ok=True)
        for name, text in {"__init__": "", **modules}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return Library(folder, "course_lib")

    return make


def run(text: str, expression: str):
    """Value of an expression in a namespace made by an exported file."""
    assert "import course_lib" not in text
    assert "from course_lib" not in text
    namespace: dict = {}
    exec(compile(text, "exported", "exec"), namespace)
    return eval(expression, namespace)


def test_takes_only_what_is_used_in_an_order_that_runs(library, tmp_path):
    text = snippet.export(
        "f",
        library(
            a="""
            import json
            import math
            from dataclasses import dataclass, field

            # Halves of things.
            HALF = 0.5
            OTHER = 2
            QUARTER = HALF * HALF

            @dataclass
            class Base:
                x: float = QUARTER

            class Child(Base):
                pass

            def unused():
                return json.dumps(OTHER)

            def f() -> float:
                \"\"\"Give a root.

                >>> f()
                0.5
                \"\"\"
                return math.sqrt(Child().x)
            """
        ),
    )
    assert run(text, "f()") == 0.5
    assert "# Halves of things." in text
    for absent in ("json", "OTHER", "unused", "field"):
        assert absent not in text
    (tmp_path / "f.py").write_text(text)
    assert run_examples([tmp_path / "f.py"])["f"][:2] == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        "from course_lib.b import g\ndef f(): return g(2)",
        "from course_lib.b import g as h\ndef f(): return h(2)",
        "from course_lib import b\ndef f(): return b.g(2)",
        "from course_lib import b as c\ndef f(): return c.g(2)",
        "import course_lib.b as c\ndef f(): return c.g(2)",
        "from . import b\ndef f(): return b.g(2)",
        "from .b import g\ndef f(): return g(2)",
        "def f():\n    from course_lib import b\n\n    return b.g(2)",
        "def f():\n    from course_lib.b import g as h\n    return h(2)",
        "def f():\n    if True:\n        from course_lib.b import g\n    return g(2)",
        "def f():\n    from course_lib import (\n        b,\n    )\n    return b.g(b.TWO)",
        "from course_lib.c import g\ndef f(): return g(2)",  # handed on by another module
    ],
)
def test_inlines_what_comes_from_other_modules(library, body):
    made = library(
        a=f"{body}\n",
        b="import math\n\nTWO = 2\n\n\ndef g(x):\n    return math.pow(x, TWO)\n",
        c="from course_lib.b import g\n",
    )
    text = snippet.export("a.f", made)
    assert run(text, "f()") == 4.0


@pytest.mark.parametrize(
    "expression",
    [
        """f"a {b.g(2)} and {b.g(3):>3}" f"{b.g(4)}\"""",
        """f'''a {b.g(2)} and\n{b.g(3):>3}{b.g(4)}'''""",
    ],
)
def test_a_rewritten_name_in_an_f_string_is_right_or_refused(library, expression):
    made = library(
        a=f"from course_lib import b\ndef f():\n    return {expression}\n", b="def g(x): return x\n"
    )
    try:
        text = snippet.export("f", made)
    except SnippetError:  # 3.11 does not know where in some f-strings a name stands
        assert sys.version_info < (3, 12)
    else:
        assert run(text, "f()").split() == ["a", "2", "and", "34"]


def test_two_helpers_of_one_name_are_kept_apart(library):
    made = library(
        a="""
        from course_lib.b import g

        def _check(x):
            return x + 1

        def f(x):
            return g(_check(x))
        """,
        b="""
        def _check(x):
            return x * 10

        def g(x):
            return _check(x)
        """,
    )
    assert run(snippet.export("f", made), "f(1)") == 20


def test_a_local_name_does_not_hide_what_another_module_calls_so(library):
    made = library(
        a="""
        from course_lib import b

        def f(names):
            return [b.names(name) for name in names]
        """,
        b="def names(text): return text.upper()\n",
    )
    assert run(snippet.export("a.f", made), "f(['sam'])") == ["SAM"]


def test_an_example_that_imports_from_the_course_goes_on_without_the_import(library, tmp_path):
    made = library(
        a="""
        from course_lib.b import g

        def f():
            return g(1)
        """,
        b="""
        from course_lib.c import Two

        def g(x):
            \"\"\"Add.

            >>> from course_lib.c import Two
            >>> g(Two.value)
            3
            \"\"\"
            return x + Two.value - 1
        """,
        c="class Two:\n    value = 2\n",
    )
    (tmp_path / "f.py").write_text(snippet.export("a.f", made))
    assert run_examples([tmp_path / "f.py"])["f"][:2] == (1, 0)


def test_what_a_file_needs_is_read_from_its_imports_not_its_sentences(library):
    text = snippet.export("f", library(a='def f():\n    """Take it\n    from the shelf."""\n'))
    assert "Needs Python alone." in text


def test_keeps_the_standard_library_apart_from_a_course_module_of_that_name(library):
    made = library(
        a="from course_lib import statistics\ndef f(): return statistics.mean([1, 2])\n",
        statistics="import statistics as std\ndef mean(x): return std.mean(x)\n",
    )
    assert run(snippet.export("f", made), "f()") == 1.5


def test_sees_quoted_annotations_decorators_and_defaults(library):
    text = snippet.export(
        "f",
        library(
            a="""
            import functools
            from pathlib import Path
            from typing import TYPE_CHECKING, Literal

            if TYPE_CHECKING:
                from decimal import Decimal

            LIMIT = 3

            @functools.cache
            def f(x: "Path | None" = None, *, n: int = LIMIT, how: Literal["a"] = "a") -> "Decimal":
                return n
            """
        ),
    )
    assert run(text, "f()") == 3
    assert "if TYPE_CHECKING:\n    from decimal import Decimal" in text
    assert "from pathlib import Path" in text


def test_takes_changes_of_a_constant_along(library):
    made = library(
        a="""
        import os

        TABLE = {"a": 1}
        TABLE["b"] = 2
        TABLE.update(c=3)
        os.environ.setdefault("COURSE_TEST_SNIPPET", "1")

        def f():
            return sum(TABLE.values()) + len(os.sep)
        """
    )
    text = snippet.export("f", made)
    assert run(text, "f()") == 7
    assert "COURSE_TEST_SNIPPET" not in text


def test_includes_what_the_examples_of_the_wanted_function_need(library):
    made = library(
        a='''
        import math

        def other(x):
            """Double x.

            >>> unrelated(1)
            1
            """
            return 2 * x

        def unrelated(x):
            return x

        def f(x):
            """Add one.

            >>> f(math.floor(other(1.5)))
            4
            """
            return x + 1
        '''
    )
    text = snippet.export("f", made)
    assert run(text, "f(other(1))") == 3
    assert "unrelated" not in text  # an example of a helper does not pull in half the package
    assert "Double x." in text


def test_a_module_that_stays_behind_says_so_when_it_is_reached(library):
    made = library(
        a="""
        def f(model=None):
            from course_lib import assets

            return model or assets.path("minilm")
        """,
        assets="def path(name): return name\n",
    )
    text = snippet.export("f", made)
    assert run(text, "f('here')") == "here"
    with pytest.raises(ImportError, match="pass the folder or hub name"):
        run(text, "f()")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from course_lib import ROOT\ndef f(): return ROOT", "__file__"),
        ("from course_lib import assets\ndef f(): return assets.path()", "model cache"),
        ("from course_lib import b\ndef f(): return b", "used as a value"),
        ("import course_lib.b\ndef f(): return course_lib.b.g(1)", "from ... import"),
        ("from course_lib.b import missing\ndef f(): return missing()", "has no missing"),
        ("def f(): return nowhere", "nowhere"),
    ],
)
def test_refuses_what_cannot_stand_alone(library, text, message):
    made = library(a=text + "\n", b="def g(x): return x\n", assets="def path(): pass\n")
    (made.folder / "__init__.py").write_text("ROOT = __file__\n")
    with pytest.raises(SnippetError, match=message):
        snippet.export("a.f", made)


def test_unknown_ambiguous_and_module_names(library):
    made = library(
        one="def cosine_similarity(): pass\ndef shared(): pass\n", two="def shared(): pass\n"
    )
    with pytest.raises(SnippetError, match=r"did you mean one\.cosine_similarity"):
        snippet.export("cosine_similarty", made)
    with pytest.raises(SnippetError, match=r"one\.shared or two\.shared"):
        snippet.export("shared", made)
    with pytest.raises(SnippetError, match=r"two is a module: choose one of two\.shared"):
        snippet.export("two", made)
    with pytest.raises(SnippetError, match="--list"):
        snippet.export("qqqqqq", made)
    assert "def shared" in snippet.export("course_lib.two.shared", made)


def test_command_prints_lists_writes_and_does_not_overwrite(tmp_path, capsys):
    assert snippet.main(["top_k"]) == 0
    assert "def top_k" in capsys.readouterr().out

    assert snippet.main(["--list"]) == 0
    assert "similarity.cosine_similarity" in capsys.readouterr().out

    target = tmp_path / "mine.py"
    assert snippet.main(["top_k", "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == snippet.export("similarity.top_k")
    target.write_text("precious")
    capsys.readouterr()
    assert snippet.main(["top_k", "-o", str(target)]) == 1
    assert "--force" in capsys.readouterr().err
    assert target.read_text() == "precious"
    assert snippet.main(["top_k", "-o", str(target), "--force"]) == 0
    assert "def top_k" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("argv", [["no_such_name"], [], ["top_k", "-o", "no/such/folder/x.py"]])
def test_command_fails_with_one_message(argv, capsys):
    assert snippet.main(argv) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "course snippet: " in captured.err
    assert "Traceback" not in captured.err


def test_the_index_is_written_over_an_earlier_one_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(snippet_index, "index", lambda: "# Functions to copy\n\nnew\n")
    page = tmp_path / "snippets.md"
    for before in (None, "# Functions to copy\r\n\nold\n"):
        if before:
            page.write_text(before, encoding="utf-8")
        assert snippet.main(["--index", str(page)]) == 0
        assert page.read_text(encoding="utf-8").endswith("new\n")
    mine = tmp_path / "README.md"
    mine.write_text("# Mine", encoding="utf-8")
    capsys.readouterr()
    assert snippet.main(["--index", str(mine)]) == 1
    assert capsys.readouterr().err == f"course snippet: {mine} exists; --force overwrites it\n"
    assert mine.read_text(encoding="utf-8") == "# Mine"
    assert snippet.main(["--index", str(mine), "--force"]) == 0
    assert mine.read_text(encoding="utf-8").endswith("new\n")


def test_an_index_that_cannot_be_made_is_one_message(tmp_path, monkeypatch, capsys):
    def index():
        raise ValueError("a name to copy has no text: similarity.mmr")

    monkeypatch.setattr(snippet_index, "index", index)
    assert snippet.main(["--index", str(tmp_path / "x.md")]) == 1
    said = capsys.readouterr().err
    assert said == "course snippet: a name to copy has no text: similarity.mmr\n"
    assert not (tmp_path / "x.md").exists()


@pytest.mark.parametrize("argv", [["top_k", "--list"], ["top_k", "--index", "x.md"]])
def test_what_would_be_ignored_is_refused(argv, capsys):
    with pytest.raises(SystemExit):
        snippet.main(argv)
    assert "not allowed with" in capsys.readouterr().err
