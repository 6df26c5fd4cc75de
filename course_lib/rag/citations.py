"""Citations in an answer, and the sentence by which a model says that it found none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from course_lib.chunking import Chunk

ABSTENTION = "The documents do not say."

# [1], [1, 3], [2-4], [returns-policy#costs]: a bracket that holds such things and nothing else
_PART = r"\d+(?:\s*[-–]\s*\d+)?|[^\s\[\],;#]+#[^\s\[\],;]+"
_BRACKET = re.compile(rf"\[\s*((?:{_PART})(?:\s*[,;]\s*(?:{_PART}))*)\s*\]")


class Citation(NamedTuple):
    """A passage that an answer cites: its number in the prompt, and the chunk that it is."""

    number: int
    chunk: Chunk

    @property
    def locator(self) -> str:
        """The anchor to show and to judge by, such as `returns-policy#how-long-you-have`."""
        return self.chunk.locator

    def __str__(self) -> str:
        title = self.chunk.document.title or self.chunk.source
        return f"[{self.number}] {title} ({self.locator})"


class Checked(NamedTuple):
    """An answer whose citations were looked up.

    Attributes:
        text: the answer; a citation of nothing that was shown is marked: `[7: not retrieved]`.
        citations: the passages that it cites, in the order of their first mention.
        not_retrieved: what it cites beside them, such as ("7",).
    """

    text: str
    citations: tuple[Citation, ...]
    not_retrieved: tuple[str, ...]


def check_citations(text: str, passages: Sequence[Chunk]) -> Checked:
    """Look up every citation of an answer among the passages that the model was shown.

    A citation is a passage's number or its anchor in square brackets: [1], [1, 3], [2-4],
    [returns-policy#costs]. This checks that the passage exists, not that it supports the answer:
    for that see `generation_metrics.groundedness`.

    Args:
        text: what the model wrote.
        passages: what it was shown, the first one is number 1.

    >>> from course_lib.ingestion import Document
    >>> page = Chunk(Document("Within 30 days.", "returns.md", "returns"), 0, 15)
    >>> checked = check_citations("You have 30 days [1, 7].", [page])
    >>> checked.text, [citation.locator for citation in checked.citations], checked.not_retrieved
    ('You have 30 days [1][7: not retrieved].', ['returns'], ('7',))

    Built in notebooks/08_rag.ipynb.
    """
    found: dict[int, Citation] = {}
    missing: dict[str, None] = {}  # a set that keeps its order

    def look_up(bracket: re.Match[str]) -> str:
        shown = []
        for part in re.split(r"\s*[,;]\s*", bracket[1]):
            for name in _numbers(part, len(passages)):
                number = _place(name, passages)
                if number:
                    found[number] = Citation(number, passages[number - 1])
                    shown.append(f"[{number}]")
                else:
                    missing[name] = None
                    shown.append(f"[{name}: not retrieved]")
        return "".join(shown)

    checked = _BRACKET.sub(look_up, text)
    return Checked(checked, tuple(found.values()), tuple(missing))


def _numbers(part: str, n_passages: int) -> list[str]:
    """The names in a part of a bracket: itself, or the numbers from the first to the second."""
    ends = re.fullmatch(r"(\d+)\s*[-–]\s*(\d+)", part)
    if not ends:
        return [part]
    first, last = (int(end[:9]) for end in ends.groups())
    between = range(first + 1, min(last, n_passages + 1))  # [1-999999] is no reason to count on
    return list(dict.fromkeys([ends[1], *map(str, between), ends[2]]))


def _place(name: str, passages: Sequence[Chunk]) -> int:
    """The number of the passage with this number or anchor, 0 if there is none."""
    if name.isdecimal():
        number = int(name[:9])
        return number if number <= len(passages) else 0
    anchors = [passage.locator for passage in passages]
    return anchors.index(name) + 1 if name in anchors else 0


def is_abstention(text: str) -> bool:
    """Whether an answer is `ABSTENTION`, or begins with it, whatever comes after it.

    >>> is_abstention("**The documents do not say.** Ask a dealer [2].")
    True
    >>> is_abstention("The documents do not say who pays, but you have 30 days [1].")
    False

    Built in notebooks/08_rag.ipynb.
    """
    words = re.escape(ABSTENTION.rstrip(".")).replace(r"\ ", r"\s+")
    return re.match(rf"\W*{words}\s*(?:[.!*_\"'”’)]|$)", text, re.IGNORECASE) is not None
