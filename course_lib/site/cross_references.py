"""What the text names by its number, as links: "notebook 07", "exercise 2.1", the plans' tables.

The Markdown that is committed stays as it is, to be read in the repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping

from course_lib.site.links import CODE

EXERCISE = re.compile(r"^\*\*Exercise (\d+\.\d+)\*\*", re.MULTILINE)
_KEPT = (  # code, formulas, headings, HTML and links stay as they are
    rf"{CODE}|^#[^\n]*|^ *<[^\n]*|^\([\w-]+\)=$"
    r"|!?\[(?:[^\[\]]|\[[^\]]*\])*\]\([^()\s]*\)|\*\*Exercise \d+\.\d+\*\*"
)
_NOTEBOOK = r"\b[Nn]otebook[ \n](?P<bold>\*\*)?(?P<one>\d\d)\b(?(bold)\*\*)"
_NOTEBOOKS = r"\b[Nn]otebooks[ \n]\d\d(?:(?:, | and | or |, and )\d\d\b)+"
_EXERCISES = r"\b[Ee]xercises?[ \n]\d+\.\d+(?:(?:, | and | or |, and )\d+\.\d+)*"
_NAMED = re.compile(
    rf"{_KEPT}|{_NOTEBOOK}|(?P<several>{_NOTEBOOKS}|{_EXERCISES})", re.DOTALL | re.MULTILINE
)
_NUMBER = re.compile(r"\d+\.\d+|\b\d\d\b")
_LIST = re.compile(r"(?:\d+ \()?(?:\d+\.\d+|\d\d)(?:, (?:\d+\.\d+|\d\d))*\)?")
_TITLE = re.compile(r"\d\d [A-Z].+")  # the table of minutes: "02 Similarity metrics"
_QUESTION = re.compile(r"(?<=^- \*\*)\d\d(?=\.\*\*)|(?<=\()\d\d(?=, sections? )", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|[^\n]*\n)+", re.MULTILINE)
_SECTION = re.compile(
    r"^### (\d+\.\d+) [^\n]*\n\n(?:Easy|Medium|Hard|Any level), \d+ minutes", re.M
)
_CHAPTER = re.compile(r"^## (\d\d) · [^\n]*\n(?!\n\[)", re.M)
PLANS, EXERCISES = "docs/teach.md", "docs/exercises.md"


def anchor(exercise: str) -> str:
    """What links to an exercise lead to.

    >>> anchor("2.1")
    'exercise-2-1'
    """
    return f"exercise-{exercise.replace('.', '-')}"


def with_anchors(markdown: str) -> str:
    """A notebook's text with an anchor before each exercise.

    >>> with_anchors("**Exercise 2.1** · Cosine").splitlines()
    ['(exercise-2-1)=', '**Exercise 2.1** · Cosine']
    """
    return EXERCISE.sub(lambda match: f"({anchor(match.group(1))})=\n{match.group(0)}", markdown)


def exercises_in(markdown: str) -> list[str]:
    """The numbers of the exercises that a text sets.

    >>> exercises_in("**Exercise 2.1** · Cosine. As in exercise 1.1.")
    ['2.1']
    """
    return EXERCISE.findall(markdown)


class CrossReferences:
    """Links to notebooks and exercises from wherever a text names them.

    Args:
        notebooks: number, such as "02", -> path from the root.
        exercises: the numbers of all that have an anchor.
    """

    def __init__(self, notebooks: Mapping[str, str], exercises: Collection[str]) -> None:
        self.notebooks = notebooks
        self.exercises = exercises

    def linked(self, markdown: str, page: str) -> str:
        """A page's text with these links; a notebook has none to itself.

        Args:
            markdown: the text; its code, formulas, headings, HTML and links stay as they are.
            page: the page's path from the root, with slashes.
        """

        def named(match: re.Match[str]) -> str:
            if match["one"]:
                return self._link(match.group(0), match["one"], page)
            if match["several"]:
                return self._numbers(match.group(0), page)
            return match.group(0)

        if page == EXERCISES:
            markdown = self._list_of_exercises(markdown, page)
        if page == PLANS:
            markdown = _TABLE.sub(lambda match: self._table(match.group(0), page), markdown)
            markdown = _QUESTION.sub(lambda match: self._link(match[0], match[0], page), markdown)
        return _NAMED.sub(named, markdown)

    def _link(self, text: str, number: str, page: str) -> str:
        """A link to an exercise or notebook; the text alone where there is none, or it is here."""
        if number in self.exercises:
            return f"[{text}](#{anchor(number)})"
        path = self.notebooks.get(number, page)
        if path == page:
            return text
        return f"[{text}]({posixpath.relpath(path, posixpath.dirname(page) or '.')})"

    def _numbers(self, text: str, page: str) -> str:
        return _NUMBER.sub(lambda match: self._link(match.group(0), match.group(0), page), text)

    def _table(self, table: str, page: str) -> str:
        """A plan's table: minutes stand in columns to the right, numbers of exercises do not."""
        lines = [line.strip().removeprefix("|").removesuffix("|") for line in table.splitlines()]
        rows = [re.split(r"(?<!\\)\|", line) for line in lines]
        if len(rows) < 3:
            return table
        minutes = {place for place, rule in enumerate(rows[1]) if rule.strip().endswith(":")}
        for row in rows[2:]:
            for place, cell in enumerate(row):
                text = cell.strip()
                if place in minutes:
                    continue
                if _TITLE.fullmatch(text):
                    row[place] = f" {self._link(text, text[:2], page)} "
                elif _LIST.fullmatch(text):
                    before, bracket, rest = text.rpartition("(")
                    row[place] = f" {before}{bracket}{self._numbers(rest, page)} "
        return "".join(f"|{'|'.join(row)}|\n" for row in rows)

    def _list_of_exercises(self, markdown: str, page: str) -> str:
        """The page that lists them: each leads to its place in its notebook."""

        def chapter(match: re.Match[str]) -> str:
            link = self._link("Open the notebook", match[1], page)
            return f"{match.group(0)}\n{link}\n"

        def section(match: re.Match[str]) -> str:
            number = match[1]
            return f"{match.group(0)}, {self._link(f'in notebook {_of(number)}', number, page)}"

        return _SECTION.sub(section, _CHAPTER.sub(chapter, markdown))


def _of(exercise: str) -> str:
    """The number of an exercise's notebook."""
    return f"{int(exercise.partition('.')[0]):02}"
