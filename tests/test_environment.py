"""environment.yml, pyproject.toml, constraints.txt and what is installed say the same."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib import ROOT, __version__

CONDA_NAMES = {"pytorch-cpu": "torch", "python": None, "pip": "pip"}


def pinned(constraints: str) -> dict[str, Version]:
    pins = {}
    for line in constraints.splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, version = line.split("==")
            pins[canonicalize_name(name)] = Version(version)
    return pins


def declared(pyproject: str) -> dict[str, str]:
    """Every dependency of the package, with the extra that asks for it ('' for none)."""
    project = tomllib.loads(pyproject)["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        canonicalize_name(Requirement(line).name): extra
        for extra, lines in groups.items()
        for line in lines
    }


def elsewhere(project: dict) -> set[str]:
    """Dependencies of other operating systems alone."""
    lines = [line for extra in project["optional-dependencies"].values() for line in extra]
    requirements = map(Requirement, [*project["dependencies"], *lines])
    return {
        canonicalize_name(one.name)
        for one in requirements
        if one.marker is not None and not one.marker.evaluate()
    }


def conda_lines(environment: str) -> list[tuple[str, str]]:
    """(spec, comment) of every dependency, those that conda leaves to pip included."""
    found = re.findall(r"^  - ([^\s:]+)(?:\s+#\s*(.*))?$", environment, flags=re.MULTILINE)
    of_pip = r"^      - (\w\S+==[\w.]+)[^#\n]*(?:#\s*(.*))?$"
    by_pip = re.findall(of_pip, environment, flags=re.MULTILINE)
    found += [(spec.replace("==", "="), comment) for spec, comment in by_pip]
    return [(spec, comment) for spec, comment in found if spec not in ("conda-forge", "nodefaults")]


def drifts(
    environment: str, pyproject: str, constraints: str, installed: dict[str, str]
) -> list[str]:
    """Every disagreement between the three files and the installed versions."""
    problems = []
    pins, packages = pinned(constraints), declared(pyproject)
    project = tomllib.loads(pyproject)["project"]
    conda = {}
    for spec, comment in conda_lines(environment):
        match = rattler.MatchSpec(spec, strict=True)
        name = CONDA_NAMES.get(match.name.normalized, canonicalize_name(match.name.normalized))
        if name is None:
            wanted = SpecifierSet(project["requires-python"])
            low = Version(re.search(r">=([\d.]+)", spec)[1])
            if low not in wanted or Version("3.10") in wanted:
                problems.append(f"environment.yml allows {spec}, pyproject.toml {wanted}")
            continue
        conda[name] = Version(str(match.version).lstrip("=").removesuffix(".*"))
        if not comment and name != "pip":
            problems.append(f"environment.yml: {name} has no comment that says what needs it")
    for name, extra in packages.items():
        if name not in pins:
            problems.append(f"constraints.txt: {name} is not pinned")
        if extra != "bench" and name not in conda:
            problems.append(f"environment.yml: {name} of pyproject.toml is missing")
    for name, version in conda.items():
        if name not in packages and name != "pip":
            problems.append(f"pyproject.toml: {name} of environment.yml is missing")
        if version != pins.get(name):
            problems.append(f"{name}: environment.yml {version}, constraints.txt {pins.get(name)}")
    for name, version in installed.items():
        if name in pins and Version(version).public != str(pins[name]):
            problems.append(f"{name}: installed {version}, constraints.txt {pins[name]}")
    for name, extra in packages.items():
        if extra != "bench" and name not in installed and name not in elsewhere(project):
            problems.append(f"{name}: not installed")
    return problems


@pytest.fixture
def files() -> dict[str, str]:
    names = {"environment": "environment.yml", "pyproject": "pyproject.toml"}
    names["constraints"] = "constraints.txt"
    return {key: (ROOT / name).read_text(encoding="utf-8") for key, name in names.items()}


@pytest.fixture(scope="module")
def installed() -> dict[str, str]:
    # What setuptools carries inside itself comes into view once anything has imported it.
    return {
        canonicalize_name(one.name): one.version
        for one in metadata.distributions()
        if "_vendor" not in Path(str(one.locate_file(""))).parts
    }


def test_no_drift(files, installed):
    assert drifts(**files, installed=installed) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("environment", "numpy=2.4.6", "numpy=2.4.5", "numpy: environment.yml 2.4.5"),
        ("environment", "  - peft=0.21.2  # 12: LoRA adapters\n", "", "peft of pyproject.toml"),
        ("environment", "  # tests: properties", "", "hypothesis has no comment"),
        (
            "environment",
            "  - pip:  #",
            "  - polars=1.0  # 03\n  - pip:  #",
            "polars of environment",
        ),
        ("environment", "python>=3.11", "python>=3.10", "allows python>=3.10"),
        ("pyproject", '    "torch",\n', '    "torch",\n    "polars",\n', "polars is not pinned"),
        ("environment", "pinecone==10.2.0", "pinecone==10.1.0", "pinecone: environment.yml 10.1.0"),
        ("pyproject", '    "torch",\n', "", "torch of environment.yml is missing"),
        ("constraints", "numpy==2.4.6", "numpy==2.4.5", "numpy: installed 2.4.6"),
    ],
)
def test_a_planted_drift_is_found(files, installed, file, before, after, said):
    assert before in files[file]
    files[file] = files[file].replace(before, after)
    assert any(said in problem for problem in drifts(**files, installed=installed))


def test_a_planted_drift_of_an_installed_version_is_found(files, installed):
    problems = drifts(**files, installed={**installed, "transformers": "4.0.0"})
    assert problems == ["transformers: installed 4.0.0, constraints.txt 5.23.0"]


def test_environment_installs_the_package_itself(files):
    last = yaml.safe_load(files["environment"])["dependencies"][-1]
    assert last["pip"][-1] == "-e ."


def test_version_is_the_same_everywhere(files):
    assert tomllib.loads(files["pyproject"])["project"]["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_everything_imported_is_declared(files):
    """A package that is there only because another one needs it can vanish any day."""
    owners = metadata.packages_distributions()
    local = {"course_lib", "tests", "benchmarks"}
    known = set(declared(files["pyproject"])) | {"pip"}
    missing = set()
    for folder in ("course_lib", "datasets", "lessons", "tests", "benchmarks"):
        for path in Path(ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            names = re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.MULTILINE)
            for name in set(names) - set(sys.stdlib_module_names) - local:
                packages = {canonicalize_name(owner) for owner in owners.get(name, [])}
                if packages and not packages & known:
                    missing.add(f"{path.relative_to(ROOT)} imports {name}")
    assert not missing


def test_what_pip_itself_thinks():
    result = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
