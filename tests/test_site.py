"""`course site`, its parts: links, the map, the reference's pages, and what is refused."""

import re

import pytest

from course_lib import ROOT, cli
from course_lib.lesson import read_notebook
from course_lib.site import command, pages
from course_lib.site.landing import PARTS, landing_page, read_map
from course_lib.site.links import relink, repository, run_links
from course_lib.site.notebook_pages import figures_without_text, page_of
from course_lib.site.reference import read_modules, reference_pages

ADDRESS = "https://github.com/ada/course"
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


# ---- links


@pytest.mark.parametrize(
    ("urls", "wanted"),
    [
        ("", ""),
        (f'[project.urls]\nRepository = "{ADDRESS}.git"', ADDRESS),
        (f'[project.urls]\nRepository = "{ADDRESS}/"', ADDRESS),
    ],
)
def test_the_repository_is_named_in_one_place(tmp_path, urls, wanted):
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n{urls}\n')
    assert repository(tmp_path) == wanted


@pytest.mark.parametrize("address", ["http://github.com/ada/course", "https://github.com/ada"])
def test_an_address_that_is_no_repository_is_refused(tmp_path, address):
    text = f'[project]\nname = "x"\n[project.urls]\nRepository = "{address}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match=r"must be like https://github\.com/OWNER/NAME, got"):
        repository(tmp_path)


def test_binder_and_colab_are_offered_for_what_they_know():
    assert run_links(ADDRESS, "notebooks/02_x.ipynb") == {
        "Binder": "https://mybinder.org/v2/gh/ada/course/main?urlpath=lab/tree/notebooks/02_x.ipynb",
        "Colab": "https://colab.research.google.com/github/ada/course/blob/main/notebooks/02_x.ipynb",
    }
    there = run_links("https://gitlab.com/ada/course", "a.ipynb")
    assert list(there) == ["Binder"]
    assert "/gl/ada%2Fcourse/main" in there["Binder"]
    assert run_links("https://example.org/ada/course", "a.ipynb") == {}


@pytest.mark.parametrize(
    ("markdown", "with_repository", "without"),
    [
        ("[a](../docs/service.md)", "[a](../docs/service.md)", None),  # on the site
        ("[a](service.md#x)", "[a](service.md#x)", None),
        ("[a](#here) [b](https://x.org)", "[a](#here) [b](https://x.org)", None),
        ("[a](../LICENSE)", f"[a]({ADDRESS}/blob/main/LICENSE)", "a"),
        ("[`a`](../tests)", f"[`a`]({ADDRESS}/tree/main/tests)", "`a`"),
        ("[a](../README.md#start)", "[a](../index.md#start)", None),
        ("[a](missing.md)", "[a](missing.md)", None),  # Sphinx complains
        ("```\n[a](../LICENSE)\n```", "```\n[a](../LICENSE)\n```", None),
        ("![a](../LICENSE)", "![a](../LICENSE)", None),
    ],
)
def test_links_lead_somewhere_on_the_site(markdown, with_repository, without):
    pages = {"docs/service.md", "docs/other.md"}
    for address, wanted in ((ADDRESS, with_repository), ("", without or with_repository)):
        assert relink(markdown, "docs/other.md", pages, address, ROOT) == wanted


# ---- the map


def test_the_map_is_the_readme_s():
    entries = read_map(README)
    assert [entry.stem for entry in entries] == NOTEBOOKS
    assert all(entry.ability and entry.reading.endswith("min") for entry in entries)
    page = landing_page(README, ROOT / "lessons")
    for entry in entries:
        assert page.count(f":link: notebooks/{entry.stem}\n") == 1  # its card
        assert page.count(f"\nnotebooks/{entry.stem}\n") == 1  # and its line in the sidebar
    assert "Needs notebooks 00 and 01." in page


@pytest.mark.parametrize("part", PARTS)
def test_every_number_is_in_one_part(part):
    for number in PARTS[part]:
        assert [name for name, numbers in PARTS.items() if number in numbers] == [part]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("## Start\n", "## Begin\n"), "no section Start"),
        ((" + 25 s |", " |"), "has no three times"),
        (("| 00 | [", "| O0 | ["), "cannot be read"),
        (("| 0", "| no"), "no table|cannot be read"),
    ],
)
def test_a_readme_that_lost_something_is_refused(change, said):
    assert change[0] in README
    with pytest.raises(ValueError, match=said):
        landing_page(README.replace(*change), ROOT / "lessons")


# ---- pages


def notebook(*cells):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def code(data, **metadata):
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return {"cell_type": "code", "source": "x", "metadata": metadata, "outputs": [output]}


TITLE = {"cell_type": "markdown", "source": "# Title\n\nText.", "metadata": {}}


def test_a_figure_without_a_text_is_named_and_stops_the_build(tmp_path):
    bare = notebook(TITLE, code({"image/png": "AA"}), code({"image/png": "AA"}, alt="A line."))
    assert figures_without_text(bare) == [2]
    assert figures_without_text(notebook(TITLE, code({"text/html": "<p>"}))) == []


def test_a_page_has_its_links_its_alt_and_coloured_folded_solutions():
    html = (
        '<details><summary>Solution</summary><pre style="x"><code>a &lt; 1</code></pre></details>'
    )
    given = notebook(TITLE, code({"image/png": "AA"}, alt="A line."), code({"text/html": [html]}))
    page = page_of(given, "notebooks/02_x.ipynb", ADDRESS)
    first, figure, solution = page["cells"]
    assert first["source"].startswith("# Title\n\n<p")
    assert first["source"].endswith("Text.")
    assert 'href="../_sources/notebooks/02_x.ipynb" download="02_x.ipynb"' in first["source"]
    assert "Open in Binder" in first["source"]
    assert f"!git clone --depth 1 -b main {ADDRESS}\n" in first["source"]
    assert figure["metadata"]["mystnb"] == {"image": {"alt": "A line."}}
    shown = solution["outputs"][0]["data"]["text/html"]
    assert shown.startswith("<details><summary>Solution</summary><div class=")
    assert '<span class="o">&lt;</span>' in shown
    assert given["cells"][0] == TITLE  # the committed one is not changed
    without = page_of(given, "notebooks/02_x.ipynb", "")["cells"][0]["source"]
    assert "Binder" not in without
    assert "Colab" not in without


def test_the_pages_are_written_and_lead_to_the_repository_once_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "repository", lambda root: ADDRESS)
    written = pages.write_pages(ROOT, tmp_path)
    assert written == [f"notebooks/{stem}.ipynb" for stem in NOTEBOOKS]
    page = read_notebook(tmp_path / written[0])
    assert "ada/course/blob/main/notebooks/00" in page["cells"][0]["source"]
    assert (tmp_path / "index.md").exists()
    assert (tmp_path / "api" / "similarity.rst").exists()


# ---- the reference


def test_every_public_module_has_its_place_and_no_solution_has(tmp_path):
    names = {module.name for module in read_modules(ROOT / "course_lib")}
    assert {"course_lib.similarity", "course_lib.vector_stores.exact"} <= names
    assert not [name for name in names if re.search(r"\.ex\d\d_|\._|\.cli$|\.site", name)]
    files = reference_pages(ROOT / "course_lib")
    assert "autofunction:: course_lib.similarity.cosine_similarity" in files["similarity.rst"]
    # what a package exports stands there under the name to import it by, once
    stores = files["vector_stores.rst"]
    assert ".. autoclass:: course_lib.vector_stores.ExactStore\n" in stores
    assert "course_lib.vector_stores.exact.ExactStore" not in stores
    index = files["index.rst"]
    assert (
        index.index(":doc:`similarity") < index.index("the course itself") < index.index("`build")
    )


def test_what_comes_from_elsewhere_is_not_shown_twice(tmp_path):
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text('"""P."""')
    (package / "one.py").write_text('"""One."""\ndef f():\n    """F."""\ndef _g():\n    """G."""\n')
    (package / "two").mkdir()
    text = '"""Two."""\nfrom p.one import f\nfrom p.two.a import h\n__all__ = ["f", "h"]\n'
    (package / "two" / "__init__.py").write_text(text)
    (package / "two" / "a.py").write_text(
        '"""A."""\ndef h():\n    """H."""\ndef i():\n    """I."""\n'
    )
    files = reference_pages(package)
    assert re.findall(r"auto\w+:: (.*)", files["one.rst"]) == ["p.one", "p.one.f"]
    assert re.findall(r"auto\w+:: (.*)", files["two.rst"]) == ["p.two", "p.two.h", "p.two.a.i"]


# ---- the command


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert command.main([str(tmp_path)]) == 1
    assert "is not empty and holds no site made by this command" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert command.main([str(tmp_path / "thesis.txt")]) == 1
    assert "is a file; name a folder" in capsys.readouterr().err


def test_a_missing_package_is_said_with_the_next_step(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PACKAGES", ("sphinx_of_the_future",))
    assert command.main([str(tmp_path / "site")]) == 1
    said = capsys.readouterr().err
    assert "sphinx_of_the_future is not installed. Next step: pip install -e '.[site]'" in said
    assert not (tmp_path / "site").exists()


def test_a_page_that_cannot_be_made_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    def broken(root, folder):
        raise ValueError("notebooks/02.ipynb: no alternative text")

    monkeypatch.setattr(command, "write_pages", broken)
    monkeypatch.setattr(command, "PACKAGES", ())
    assert command.main([str(tmp_path / "site")]) == 1
    assert "no alternative text" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_there():
    assert "site" in cli.COMMANDS
