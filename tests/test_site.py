"""`course site`, its parts: links, the map, the reference's pages, and what is refused."""

import re
from pathlib import Path

import pytest

from course_lib import ROOT, cli
from course_lib.lesson import read_notebook
from course_lib.site import command, pages
from course_lib.site.cross_references import EXERCISES, PLANS, CrossReferences, exercises_in
from course_lib.site.landing import GUIDES, PARTS, landing_page
from course_lib.site.links import relink, repository, run_links
from course_lib.site.notebook_pages import figures_without_text, page_of
from course_lib.teaching import read_map

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
        ("~~~\n[a](../LICENSE)\n~~~", "~~~\n[a](../LICENSE)\n~~~", None),
        (
            "`[a](../LICENSE)` ``b`[a](../LICENSE)``",
            "`[a](../LICENSE)` ``b`[a](../LICENSE)``",
            None,
        ),
        (
            "it's ` [a](../LICENSE)\n\n`b`",
            f"it's ` [a]({ADDRESS}/blob/main/LICENSE)\n\n`b`",
            "it's ` a\n\n`b`",
        ),
        ("![a](../LICENSE)", "![a](../LICENSE)", None),
        # what is named like its file gets its title from Sphinx
        ("[docs/service.md](service.md)", "[](service.md)", None),
        ("[`service.md`](service.md#x)", "[](service.md#x)", None),
        ("[README.md](../README.md)", "[](../index.md)", None),
        ("[LICENSE](../LICENSE)", f"[LICENSE]({ADDRESS}/blob/main/LICENSE)", "LICENSE"),
    ],
)
def test_links_lead_somewhere_on_the_site(markdown, with_repository, without):
    pages = {"docs/service.md", "docs/other.md"}
    for address, wanted in ((ADDRESS, with_repository), ("", without or with_repository)):
        assert relink(markdown, "docs/other.md", pages, address, ROOT) == wanted


# ---- numbers of notebooks and exercises

NAMED = CrossReferences(
    {"01": "notebooks/01_x.ipynb", "02": "notebooks/02_y.ipynb"}, ["2.1", "2.2", "10.3"]
)
TO_1, TO_2 = "../notebooks/01_x.ipynb", "../notebooks/02_y.ipynb"


@pytest.mark.parametrize(
    ("markdown", "wanted"),
    [
        ("as in notebook 02's table", f"as in [notebook 02]({TO_2})'s table"),
        ("Notebook **01**, then", f"[Notebook **01**]({TO_1}), then"),
        ("needs notebooks 01, 02 and 03.", f"needs notebooks [01]({TO_1}), [02]({TO_2}) and 03."),
        ("a notebook\n02 wrapped", f"a [notebook\n02]({TO_2}) wrapped"),
        (
            "exercises 2.1, 10.3 and 9.9",
            "exercises [2.1](#exercise-2-1), [10.3](#exercise-10-3) and 9.9",
        ),
        ("notebook 99, 2.1 times, 02 of 10", None),
        ("# Notebook 02\n`notebook 02` [notebook 02](x) $a$\n<p>notebook 02</p>", None),
        ("```\nnotebook 02\n```\n~~~\nexercise 2.1\n~~~", None),
        ("``a`notebook 02``", None),
        ("**Exercise 2.1** · Cosine", None),
        (
            "| 2.1 | 02 |\n|---|---|\n| 2.1 | 02 |\n",
            None,
        ),  # numbers: only the plans name exercises so
    ],
)
def test_a_notebook_and_an_exercise_are_links_where_a_text_names_them(markdown, wanted):
    assert NAMED.linked(markdown, "docs/other.md") == (wanted or markdown)


def test_a_notebook_has_no_link_to_itself():
    assert NAMED.linked("notebook 02, notebook 01", "notebooks/02_y.ipynb") == (
        "notebook 02, [notebook 01](01_x.ipynb)"
    )


def test_the_plans_tables_link_numbers_and_leave_minutes_alone():
    table = "| When | Read | Class | Min |\n|---|---|---|--:|\n"
    row = "| Week 1 | 01, 02 | 2.1, 2.2 | 01 |\n| 02 Title | – | 25 (2.1) | 2.1 |\n"
    linked = NAMED.linked(f"- **02.** Why?\n\n{table}{row}", PLANS)
    assert linked == (
        f"- **[02]({TO_2}).** Why?\n\n{table}"
        f"| Week 1 | [01]({TO_1}), [02]({TO_2}) "
        "| [2.1](#exercise-2-1), [2.2](#exercise-2-2) | 01 |\n"
        f"| [02 Title]({TO_2}) | – | 25 ([2.1](#exercise-2-1)) | 2.1 |\n"
    )


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


def test_a_card_shows_what_a_lesson_needs_without_its_links(tmp_path):
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    for stem in NOTEBOOKS:
        needs = "# Needs notebooks [00](00_a.ipynb), 08 and [13](13_b.ipynb). Reading takes long.\n"
        (lessons / f"{stem}.py").write_text(needs, encoding="utf-8")
    page = landing_page(README, lessons)
    assert page.count(" Needs notebooks 00, 08 and 13.\n") == len(NOTEBOOKS)


def test_the_guides_have_their_order_and_a_new_one_comes_last(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("a_new_guide", *reversed(GUIDES)):
        (tmp_path / "docs" / f"{name}.md").write_text("# Guide", encoding="utf-8")
    (tmp_path / "lessons").mkdir()
    for stem in NOTEBOOKS:
        (tmp_path / "lessons" / f"{stem}.py").write_text("", encoding="utf-8")
    page = landing_page(README, tmp_path / "lessons")
    assert re.findall(r"^docs/(\w+)$", page, re.MULTILINE) == [*GUIDES, "a_new_guide"]


def test_the_map_comes_before_the_picture():
    page = landing_page(README, ROOT / "lessons")
    assert page.index("course-buttons") < page.index("## The map") < page.index("![")
    assert README[README.index("![") :].partition(")")[0] in page


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


UNSOLVED = (
    '<div role="status"><div><b>NOT ATTEMPTED</b> &nbsp;Exercise 2.1, Cosine</div>'
    '<div style="">Replace the stub, run the cell again. hint(&quot;2.1&quot;) helps.</div></div>'
)


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


def test_a_page_speaks_to_a_reader_and_its_exercises_have_anchors():
    task = {"cell_type": "markdown", "source": "So:\n\n**Exercise 2.1** · Cosine", "metadata": {}}
    given = notebook(TITLE, task, code({"text/html": [UNSOLVED]}))
    first, exercise, status = page_of(given, "notebooks/02_x.ipynb", "")["cells"]
    assert "You read stored results; nothing runs on this page." in first["source"]
    assert "{ref}`run the notebook on your computer <start>`.\n" in first["source"]
    assert "or open it in Binder" in page_of(given, "a/b.ipynb", ADDRESS)["cells"][0]["source"]
    assert exercise["source"] == "So:\n\n(exercise-2-1)=\n**Exercise 2.1** · Cosine"
    shown = status["outputs"][0]["data"]["text/html"]
    assert shown == (
        '<div role="status"><div>Exercise 2.1, Cosine: to solve in the notebook.</div></div>'
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    pages.write_pages(ROOT, folder)
    return folder


def test_every_exercise_has_one_anchor_that_the_teachers_pages_lead_to(written):
    set_, anchors = [], []
    for stem in NOTEBOOKS:
        committed = read_notebook(ROOT / "notebooks" / f"{stem}.ipynb")
        assert any("NOT ATTEMPTED" in str(cell.get("outputs")) for cell in committed["cells"])
        set_ += [one for cell in committed["cells"] for one in exercises_in(cell["source"])]
        for cell in read_notebook(written / "notebooks" / f"{stem}.ipynb")["cells"]:
            anchors += re.findall(r"(?m)^\((exercise-[\d-]+)\)=\n\*\*Exercise", cell["source"])
            for output in cell.get("outputs", []):
                assert "NOT ATTEMPTED" not in str(output.get("data", {}).get("text/html", ""))
    assert len(set_) > 70
    assert anchors == [f"exercise-{number.replace('.', '-')}" for number in set_]
    for page in (PLANS, EXERCISES):
        text = (written / page).read_text(encoding="utf-8")
        assert set(re.findall(r"\(#(exercise-[\d-]+)\)", text)) == set(anchors), page
    for stem in NOTEBOOKS:  # "Open the notebook", under each heading
        assert text.count(f"[Open the notebook](../notebooks/{stem}.ipynb)") == 1


def test_the_pages_are_written_and_lead_to_the_repository_once_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "repository", lambda root: ADDRESS)
    written = pages.write_pages(ROOT, tmp_path)
    assert written == [f"notebooks/{stem}.ipynb" for stem in NOTEBOOKS]
    page = read_notebook(tmp_path / written[0])
    assert "ada/course/blob/main/notebooks/00" in page["cells"][0]["source"]
    assert (tmp_path / "index.md").exists()
    assert (tmp_path / "api" / "similarity.rst").exists()


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


@pytest.fixture
def quick(monkeypatch):
    """A build without pages and without Sphinx, which stands for itself with one file."""

    def sphinx(arguments, env):
        made = Path(arguments[-1])
        made.mkdir()
        (made / "index.html").write_text("new", encoding="utf-8")
        return 0

    monkeypatch.setattr(command, "PACKAGES", ())
    monkeypatch.setattr(command, "write_pages", lambda root, folder: [])
    monkeypatch.setattr(command.subprocess, "call", sphinx)


@pytest.fixture
def former(tmp_path):
    """A former site, in a folder with nothing else."""
    folder = tmp_path / "around" / "site"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("former", encoding="utf-8")
    (folder / command.MARK).touch()
    return folder


def as_it_was(former):
    return (
        list(former.parent.iterdir()) == [former]
        and sorted(path.name for path in former.iterdir()) == [command.MARK, "index.html"]
        and (former / "index.html").read_text(encoding="utf-8") == "former"
    )


def test_a_former_site_is_replaced_through_a_link_too(quick, former, tmp_path):
    (former / "removed.html").touch()
    link = tmp_path / "link"
    try:
        link.symlink_to(former, target_is_directory=True)
    except OSError:  # Windows without the right to make links
        link = former
    assert command.main([str(link)]) == 0
    assert list(former.parent.iterdir()) == [former]
    assert sorted(path.name for path in link.iterdir()) == [command.MARK, "index.html"]
    assert (former / "index.html").read_text(encoding="utf-8") == "new"
    assert command.main([str(former)]) == 0  # and what it made is a former site


def test_another_project_s_site_is_refused(quick, former, capsys):
    (former / command.MARK).rename(former / ".buildinfo")  # in all that Sphinx makes
    assert command.main([str(former)]) == 1
    assert "holds no site made by this command" in capsys.readouterr().err
    assert (former / "index.html").read_text(encoding="utf-8") == "former"


def test_a_former_site_comes_back_when_the_new_one_cannot_take_its_name(
    quick, former, monkeypatch, capsys
):
    rename = Path.rename

    def refused(path, target):
        if path.name == "site" and path != former:
            raise PermissionError(f"{path} is open in another program")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    assert command.main([str(former)]) == 1
    assert "is open in another program" in capsys.readouterr().err
    assert as_it_was(former)


def test_ctrl_c_leaves_a_former_site(quick, former, monkeypatch, capsys):
    def stopped(arguments, env):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.subprocess, "call", stopped)
    assert command.main([str(former)]) == 130
    assert f"Stopped; {former} is as it was." in capsys.readouterr().err
    assert as_it_was(former)


def test_the_command_is_there():
    assert "site" in cli.COMMANDS
