"""The API reference on the site: what stands where, and how docstrings are read."""

import importlib
import re
import subprocess
import sys

import pytest

from course_lib import ROOT
from course_lib.site.reference import read_modules, reference_pages


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
    index, behind = files["index.rst"], files["internals.rst"]
    assert ":doc:`similarity" in index
    assert ":doc:`build" not in index
    assert index.index(":doc:`vector_stores`") < index.index("the course itself")
    assert ":doc:`build`" in behind
    assert ":doc:`inside_vector_stores`" in behind


def test_what_no_notebook_imports_stands_behind(tmp_path):
    package = tmp_path / "p"
    (package / "one").mkdir(parents=True)
    (package / "__init__.py").write_text('"""P."""')
    (package / "one" / "__init__.py").write_text('"""One, notebooks/01_x.ipynb."""\n__all__ = []\n')
    (package / "one" / "near.py").write_text('"""Near."""\ndef f():\n    """F."""\n')
    (package / "one" / "far.py").write_text('"""Far."""\ndef g():\n    """G."""\n')
    (package / "tool.py").write_text(
        '"""Tool."""\ndef h():\n    """H."""\ndef main():\n    """Run it."""\n'
    )
    (package / "used.py").write_text('"""Used."""\ndef i():\n    """I."""\n')
    files = reference_pages(package, "from p.one.near import f\nimport p.used\n")
    assert "p.one.near.f" in files["one.rst"]
    assert re.findall(r"auto\w+:: (.*)", files["tool.rst"]) == ["p.tool", "p.tool.h"]  # no main
    assert "p.one.far.g" not in files["one.rst"]
    assert "p.one.far.g" in files["inside_one.rst"]
    listed = {name: re.findall(r"^:doc:`(\w+)`$", files[name], re.M) for name in files}
    assert listed["index.rst"] == ["one", "used"]
    assert listed["internals.rst"] == ["tool", "inside_one"]


def test_an_exception_is_one_and_nothing_else_is():
    found = 0
    for module in read_modules(ROOT / "course_lib"):
        for name, kind in module.defined.items():
            if kind == "exception" or name.endswith(("Error", "Exception")):
                one = getattr(importlib.import_module(module.name), name)
                assert issubclass(one, BaseException) == (kind == "exception"), name
                found += 1
    assert found > 15
    stores = reference_pages(ROOT / "course_lib")["vector_stores.rst"]
    assert ".. autoexception:: course_lib.vector_stores.StoreError\n   :members:\n" in stores


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
    files = reference_pages(package, "import p.two.a")
    assert re.findall(r"auto\w+:: (.*)", files["one.rst"]) == ["p.one", "p.one.f"]
    assert re.findall(r"auto\w+:: (.*)", files["two.rst"]) == ["p.two", "p.two.h", "p.two.a.i"]


SHOP = '''"""A shop."""
from dataclasses import dataclass
from typing import Protocol

class Counter(Protocol):
    """Counts."""

    def count(self, text: str) -> int:
        """Its words."""

class ShopError(ValueError):
    """A fault of the shop."""

@dataclass
class Sale:
    """One sale; `kind`, `close` and `shut` are its own, `near` and `far_away` and `far` are not."""

    kind: str

    def close(self) -> None:
        """End it, whatever its `kind`."""

    def shut(self) -> None:
        return None

    @property
    def area(self) -> float:
        """The area under it: small is good."""
        return 0.0

def cut(size: int) -> int:
    """Cut to `size`, as `near` does and no `far`."""
    return size

def near() -> None:
    """Near."""

def move(near: int) -> int:
    """Move by `near`."""
    return near
'''
SHUT = '"""Others."""\ndef shut():\n    """Not meant."""\n'
OTHER = "\n".join(
    f'def {name}():\n    """Not meant."""\n'
    for name in ("size", "kind", "close", "far", "far_away")
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """HTML of a small package's page, made with the extension."""
    for name in ("sphinx", "sphinx_design"):
        pytest.importorskip(name, reason="pip install -e '.[site]'")
    root = tmp_path_factory.mktemp("reference")
    for name, text in (("shop", SHOP), ("other", SHUT), ("other/inner", OTHER)):
        file = root / "p" / (f"{name}/__init__.py" if name == "other" else f"{name}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "p" / "__init__.py").write_text('"""P."""')
    made = reference_pages(root / "p", "p.other.inner p.shop p.other")
    (root / "pages").mkdir()
    for name, text in made.items():
        (root / "pages" / name).write_text(text)
    conf = "import sys\nsys.path.insert(0, '..')\n"
    conf += "extensions = ['course_lib.site.autodoc', 'sphinx_design']\n"
    of_course = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    settings = re.findall(r"(?m)^(?:default_role|add_module_|autodoc_|napoleon_).*\n", of_course)
    assert len(settings) == 6
    (root / "pages" / "conf.py").write_text(conf + "".join(settings), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "pages", "html"]
    subprocess.run(command, cwd=root, check=True)
    return (root / "html" / "shop.html").read_text(encoding="utf-8")


def links(html):
    return set(re.findall(r'title="(p\.[\w.]+)"', html))


def test_a_word_leads_to_no_function_of_the_same_name_elsewhere(reference):
    found = links(reference)
    assert reference.count('title="p.shop.near"') == 2  # of Sale and cut, not of move
    assert "p.other.shut" not in found
    assert "p.shop.Sale.close" in found
    assert "p.other.inner.far_away" in found  # two words name a function, not a thing by chance
    assert found & {f"p.other.inner.{name}" for name in ("size", "kind", "close", "far")} == set()


def test_a_property_is_said_in_one_piece(reference):
    assert "The area under it: small is good." in reference
    assert "Type" not in re.findall(r"<dt class=.field-\w+.>(\w+)", reference)


def test_an_exception_and_a_protocol_are_headed_as_what_they_are(reference):
    heads = [
        re.sub(r"<[^>]+>", "", one)
        for one in re.findall(r"<dt class=.sig.*?</dt>", reference, re.S)
    ]
    heads = [re.sub(r"\s+", " ", one).strip().removesuffix("¶") for one in heads]
    assert "exception ShopError" in heads
    assert "class Counter" in heads
