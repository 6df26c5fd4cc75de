"""Where the words and the sentences of a text begin. Needs the standard library alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

Span = tuple[int, int]  # start and end in a text

_WORD_START = re.compile(r"(?<=\s)\S")
# The marks that end a sentence, with closing quotes and the blanks after them, if no small letter
# follows. `++` never gives back what it took, and `(?<!` starts once in a row of marks: the time
# grows with the length of the text, whatever stands in it.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s++(?![a-zà-öø-ÿ])|[。！？]++\s*+")
# What looks like an end and is none: an abbreviation, an initial, the number of a list's item.
_ABBREVIATED = re.compile(r"\b(?:[^\W\d_]|Mrs?|Ms|Dr|Prof|St|No|Nr|Fig|Abb|vs|approx|ca|bzw)\.$")
_LIST_NUMBER = re.compile(r"(?:\A|\n)[ \t]*\d{1,3}\.$")
# Something new begins after an empty line and before a list's item; a heading and a table's row end
# with their line.
_NEW_LINE = re.compile(
    r"\n\s*\n|\n(?=[ \t]*(?:[-*+•>] |\d{1,3}[.)] |\||#{1,6} ))|^[ \t]*(?:#{1,6} |\|).*\n",
    re.MULTILINE,
)


def split_sentences(text: str) -> list[str]:
    """Cut a text after its sentences, headings, table rows and list items.

    Returns:
        The pieces, blanks and line ends included: joined, they are the text again.

    >>> split_sentences("Wait, e.g. 20 minutes. Then ride on.\\n- Slowly\\n- Home")
    ['Wait, e.g. 20 minutes. ', 'Then ride on.\\n', '- Slowly\\n', '- Home']

    Built in notebooks/08_rag.ipynb.
    """
    return [text[start:end] for start, end in sentence_spans(text, 0, len(text))]


def sentence_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield (start, end) of the sentences of `text[start:end]`, with the blanks after each."""
    ends = {match.end() for match in _NEW_LINE.finditer(text, start, end)}
    for match in _SENTENCE_END.finditer(text, start, end):
        before = text[max(start, match.start() - 12) : match.start() + 1]
        if not _ABBREVIATED.search(before) and not _LIST_NUMBER.search(before):
            ends.add(match.end())
    inner = sorted(place for place in ends if start < place < end)
    return itertools.pairwise([start, *inner, end]) if start < end else iter(())


def word_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield (start, end) of the words of `text[start:end]`, with the blanks after each.

    >>> list(word_spans("ride on  slowly", 0, 15))
    [(0, 5), (5, 9), (9, 15)]
    """
    starts = (match.start() for match in _WORD_START.finditer(text, start + 1, end))
    return itertools.pairwise([start, *starts, end]) if start < end else iter(())
