"""The corpus of docstrings: read from source files, nothing imported, the same each time."""

from __future__ import annotations

import sys
import textwrap

import pytest

from course_lib.docstrings import Docstring, Query, load_corpus, load_docstrings

MODULE = '''
"""A module of tyres and tubes.

It is read, never imported.
"""
raise RuntimeError("imported")


class Tyre:
    """A tyre that holds the air.

    Parameters
    ----------
    width : int, default: 40
        Width of the tyre in millimetres.
        It must fit the rim.

    See Also
    --------
    tyres.pump : Fill a tyre with air
        until it is hard.
    `Tube` : the tube within

    Examples
    --------
    >>> Tyre(40)
    A tyre that nobody should find.
    """

    @property
    def pressure(self):
        """Pressure of the tyre, in bar."""

    @pressure.setter
    def pressure(self, value):
        """Set it, which comes second."""


if True:

    def pump(tyre):
        r"""Fill a tyre: with \\alpha bar of air.

        Notes
        -----
        * Ask :func:`~tyres.gauge` for the pressure first.
        * Then ``stop`` pumping,
          as long as it holds [1]_.

        References
        ----------
        .. [1] A paper that nobody should find.
        """

        def inner():
            """Nobody outside can call this."""


add_newdoc("tyres.compiled", "squeeze", """
    Squeeze the tyre with a thumb.
    """)
'''


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "tyres"
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Wheels, and all that belongs to them."""\n')
    (folder / "round.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    (folder / "tests" / "test_round.py").write_text('"""The tests of a tyre are skipped."""\n')
    (folder / "empty.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "tyres"
    assert "tyres.round" not in sys.modules


def test_every_docstring_has_its_name_and_kind(library):
    found = [(one.name, one.kind) for one in load_docstrings([library])]
    assert found == [
        ("tyres", "module"),
        ("tyres.round", "module"),
        ("tyres.squeeze", "function"),
        ("tyres.round.Tyre", "class"),
        ("tyres.round.Tyre.pressure", "method"),
        ("tyres.round.pump", "function"),
    ]


def test_sentences_are_prose_without_code_types_and_references(library):
    by_name = {one.name: one.sentences() for one in load_docstrings([library])}
    assert by_name["tyres.round.Tyre"] == [
        "A tyre that holds the air.",
        "Width of the tyre in millimetres.",
        "It must fit the rim.",
    ]
    assert by_name["tyres.round.pump"] == [
        "Fill a tyre: with \\alpha bar of air.",
        "Ask gauge for the pressure first.",
        "Then stop pumping, as long as it holds .",
    ]
    assert by_name["tyres.round.Tyre.pressure"] == ["Pressure of the tyre, in bar."]


def test_see_also_is_joined_over_its_lines(library):
    tyre = next(one for one in load_docstrings([library]) if one.name.endswith("Tyre"))
    assert tyre.see_also() == [
        ("tyres.pump", "Fill a tyre with air until it is hard."),
        ("`Tube`", "the tube within"),
    ]


def test_queries_describe_objects_that_are_there_in_words_that_are_not(library):
    sentences, queries = load_corpus([library])
    assert [query.text for query in queries] == ["Fill a tyre with air until it is hard."]
    described = [one.source.name for one in sentences if queries[0].describes(one.source)]
    assert set(described) == {"tyres.round.pump"}
    assert len({one.id for one in sentences}) == len({one.text for one in sentences})


def test_a_seed_gives_one_order_and_another_seed_another():
    first, _ = load_corpus(["course_lib"])
    again, _ = load_corpus(["course_lib"])
    other, _ = load_corpus(["course_lib"], seed=1)
    assert first == again
    assert first != other
    assert sorted(one.text for one in first) == sorted(one.text for one in other)


def test_a_missing_library_is_named():
    with pytest.raises(ValueError, match="libraries must be installed, got 'no_such_library'"):
        load_docstrings(["no_such_library"])


def test_a_docstring_without_sections_has_no_see_also():
    assert Docstring("a", "a", "module", "See Also the others.").see_also() == []
    assert not Query("x", frozenset({"b"})).describes(Docstring("b.a", "b", "module", ""))
