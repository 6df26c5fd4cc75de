"""The sentence, or the cell of a table, that answers: found by an answer in few words."""

from __future__ import annotations

import re
from functools import cache

from course_lib.chunking import Chunk, split_sentences

_MOST_WORDS = 40
# Markdown's marks: what stands in group 1 stays
_MARKS = re.compile(r"\[([^\]]*)\]\([^)]*\)|\*+|^#+ .*$|^(?:\d+\.|-|>) ", re.MULTILINE)


def quote(chunk: Chunk, question: str, answer: str, row: str = "") -> str:
    """What a chunk says that is most like an answer; the answer itself where nothing is like it.

    Args:
        chunk: the passage that answers.
        question: settles which it is where several are as like.
        answer: in few words.
        row: the first cell of the row that answers, if a table does.
    """
    best = max(_sayings(chunk), key=lambda text: _match(text, question, answer, row), default="")
    found = _match(best, question, answer, row)[0] >= 0.5 and len(best.split()) <= _MOST_WORDS
    return (best if found else answer).rstrip(".")


def likeness(chunk: Chunk, question: str, answer: str, row: str = "") -> tuple[float, float, int]:
    """How like the answer the chunk's best sentence or cell is: to choose among chunks."""
    return max(_match(text, question, answer, row) for text in [*_sayings(chunk), ""])


def cells(line: str) -> list[str]:
    """The cells of a line of a Markdown table.

    >>> cells("| E07 | **motor** |")
    ['E07', 'motor']
    """
    return [cell.strip().replace("**", "") for cell in line.strip().strip("|").split("|")]


def _match(text: str, question: str, answer: str, row: str) -> tuple[float, float, int]:
    """How much of the answer, and then of the question, a text has; the shorter wins."""
    have, wanted, asked = (
        set(re.findall(r"\w+", each.lower())) for each in (text, answer, question)
    )
    in_row = bool(row) and text.lower().startswith(row.lower())
    share = len(wanted & have) / max(1, len(wanted)) + in_row
    return share, len(asked & have) / max(1, len(asked)), -len(text)


@cache
def _sayings(chunk: Chunk) -> list[str]:
    """What may be quoted of a chunk: its sentences, and each cell with its row and column."""
    text = _MARKS.sub(r"\1", "\n".join([chunk.table_header, chunk.text]))
    rows = [cells(line) for line in text.splitlines() if line.startswith("|")]
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
    found = [" ".join(sentence.split()) for sentence in split_sentences(prose)]
    header = rows[0] if rows else []
    for row in rows[1:]:
        for name, cell in zip(header[1:], row[1:], strict=False):
            if cell.strip("–- "):
                found.append(f"{row[0]}: {name} {cell}".replace("  ", " "))
    return found
