"""What the README and its sisters say exists: files, commands, notebooks, versions of Python."""

import re
import tomllib

import pytest

from course_lib import ROOT, cli
from course_lib.assets import ASSETS

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "datasets/README.md"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name):
    targets = re.findall(r"\]\(([^)#\s]+)", text_of(name))
    local = [target for target in targets if not target.startswith(("http:", "https:"))]
    folder = (ROOT / name).parent
    assert [target for target in local if not (folder / target).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_named_exists(name):
    named = re.findall(r"(?:python course\.py|`course|bin/course) ([a-z]+)", text_of(name))
    assert set(named) - set(cli.COMMANDS) - {"setup", "help"} == set()


def test_the_readme_lists_every_notebook_and_shows_a_picture():
    readme = text_of("README.md")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert f"](notebooks/{path.name})" in readme
    assert re.search(r"!\[[^\]]{20,}\]\(docs/\w+\.png\)", readme)  # with a text that describes it


def test_the_two_commands_stand_alone_in_the_readme():
    blocks = re.findall(r"```\n(.*?)\n```", text_of("README.md"), flags=re.DOTALL)
    assert blocks[:2] == ["python course.py lab", "python course.py test"]


def test_the_models_of_the_licence_note_are_those_fetched():
    assert {asset.licence for asset in ASSETS.values()} == {"Apache-2.0"}
    assert "Apache-2.0" in text_of("README.md")


def test_the_workflow_runs_every_python_that_the_readme_promises():
    workflow = text_of(".github/workflows/test.yml")
    versions = re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1])
    for version in versions:
        assert version in text_of("README.md")
    lowest = tomllib.loads(text_of("pyproject.toml"))["project"]["requires-python"]
    assert lowest == f">={versions[0]}"
