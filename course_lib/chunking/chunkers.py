"""The four ways to cut: each makes pieces that stay whole, and packs them up to a size."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from course_lib.chunking.chunk import Chunk
from course_lib.chunking.sentences import Span, sentence_spans, word_spans
from course_lib.ingestion import Document, Heading, Table, headings_and_tables

Count = Callable[[str], int]
Piece = tuple[int, int, int]  # start, end, and how large it is
Cut = Callable[[str, int, int], Iterator[Span]]
_start = attrgetter("start")


def count_words(text: str) -> int:
    """Count words; one of more than 20 characters counts once for each 20 that it begins.

    So a text without blanks is cut too. English text has some 1.3 of MiniLM's tokens a word.

    >>> count_words("Charge below 40 °C."), count_words("x" * 41)
    (4, 3)
    """
    return sum(1 + (len(word) - 1) // 20 for word in text.split())


def chunk_fixed(
    documents: Iterable[Document],
    size: int = 150,
    *,
    overlap: int = 0,
    count: Count = count_words,
) -> list[Chunk]:
    """Cut every `size` words, wherever that is.

    Args:
        documents: from `ingestion`.
        size: the largest size of a chunk, as `count` counts.
        overlap: how much of a chunk's end the next one repeats at most, as `count` counts.
        count: says how large a text is, such as `count_words`, `len`, or a tokenizer's count
            without special tokens. The counts of a chunk's words are added up.

    Returns:
        The chunks of each document, in order.

    Raises:
        ValueError: if size is below 1, or overlap not between 0 and size - 1.

    >>> page = Document("one two three four five", "a.txt", "a")
    >>> [chunk.text for chunk in chunk_fixed([page], size=3, overlap=1)]
    ['one two three', 'three four five']

    Built in notebooks/08_rag.ipynb.
    """
    return _chunk(documents, size, overlap, count, word_spans)


def chunk_sentences(
    documents: Iterable[Document],
    size: int = 150,
    *,
    overlap: int = 0,
    count: Count = count_words,
) -> list[Chunk]:
    """Put whole sentences together up to `size`; only a longer sentence is cut, between words.

    Args, Returns and Raises as for `chunk_fixed`; whole sentences are repeated, up to `overlap`.

    >>> page = Document("Stop. Let it cool. Ride on slowly.", "a.txt", "a")
    >>> [chunk.text for chunk in chunk_sentences([page], size=4)]
    ['Stop. Let it cool.', 'Ride on slowly.']

    Built in notebooks/08_rag.ipynb.
    """
    return _chunk(documents, size, overlap, count, sentence_spans)


def chunk_headings(
    documents: Iterable[Document], size: int = 150, *, count: Count = count_words
) -> list[Chunk]:
    """As `chunk_sentences` without overlap, and every section begins a new chunk.

    A heading with nothing below it but another heading stays with that one.

    >>> headings = (Heading(0, 2, "Pads"), Heading(19, 2, "Chain"))
    >>> text = "## Pads\\nBelow 1 mm.\\n## Chain\\nAt 0.75 %."
    >>> page = Document(text, "brakes.md", "brakes", headings=headings)
    >>> [chunk.text for chunk in chunk_headings([page])]
    ['## Pads\\nBelow 1 mm.', '## Chain\\nAt 0.75 %.']

    Built in notebooks/08_rag.ipynb.
    """
    return _chunk(documents, size, 0, count, sentence_spans, at_headings=True)


def chunk_tables(
    documents: Iterable[Document], size: int = 150, *, count: Count = count_words
) -> list[Chunk]:
    """As `chunk_headings`, and a table is cut between rows only, and only if it is above `size`.

    A row that is larger than `size` is a chunk by itself. A chunk that begins in the middle of a
    table has the table's header as `table_header`, not in its text.

    >>> text = "| Code | Part |\\n|---|---|\\n| E07 | motor |\\n| E10 | magnet |"
    >>> last = chunk_tables([Document(text, "codes.md", "codes")], size=12)[-1]
    >>> last.text, last.table_header.split("\\n")[0]
    ('| E10 | magnet |', '| Code | Part |')

    Built in notebooks/08_rag.ipynb.
    """
    return _chunk(documents, size, 0, count, sentence_spans, at_headings=True, whole_rows=True)


def _chunk(
    documents: Iterable[Document],
    size: int,
    overlap: int,
    count: Count,
    cut: Cut,
    *,
    at_headings: bool = False,
    whole_rows: bool = False,
) -> list[Chunk]:
    """Cut each document into pieces, and pack these into chunks."""
    if size < 1:
        raise ValueError(f"size must be 1 or more, got {size}")
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be between 0 and {size - 1} (size - 1), got {overlap}")
    if isinstance(documents, Document):
        raise ValueError("documents must be a list of documents, got one; pass [document]")
    chunks: list[Chunk] = []
    for document in documents:
        text = document.text
        starts = _section_starts(document) if at_headings else []
        tables = headings_and_tables(text)[1] if whole_rows else []
        paths = _heading_paths(document)
        for start, end in itertools.pairwise([0, *starts, len(text)]):
            first, last = (bisect_left(tables, at, key=_start) for at in (start, end))
            pieces = _pieces(text, start, end, tables[first:last], size, count, cut)
            for begin, stop in _pack(text, pieces, size, overlap):
                body = text[begin:stop].strip()
                if not body:
                    continue
                begin += len(text[begin:stop]) - len(text[begin:stop].lstrip())
                path = paths[bisect_right(document.headings, begin, key=_start)]
                at = bisect_right(tables, begin, key=_start) - 1
                below = at >= 0 and tables[at].header_end < begin < tables[at].end
                header = text[tables[at].start : tables[at].header_end] if below else ""
                chunks.append(Chunk(document, begin, begin + len(body), path, header))
    return chunks


def _section_starts(document: Document) -> list[int]:
    """Where headings begin, but not where only another heading stands above."""
    starts = []
    for above, heading in itertools.pairwise([Heading(-1, 0, ""), *document.headings]):
        between = document.text[max(above.start, 0) : max(heading.start, 0)]
        if " ".join(between.split()).lstrip("# ") not in ("", above.text):
            starts.append(heading.start)
    return starts


def _heading_paths(document: Document) -> list[tuple[str, ...]]:
    """The headings above the text before the first heading, and those from each heading on."""
    path: list[Heading] = []
    paths: list[tuple[str, ...]] = [()]
    for heading in document.headings:
        path = [above for above in path if above.level < heading.level] + [heading]
        paths.append(tuple(above.text for above in path))
    return paths


def _pieces(
    text: str, start: int, end: int, tables: list[Table], size: int, count: Count, cut: Cut
) -> Iterator[Piece]:
    """Yield the pieces that are packed; together they are the whole of `text[start:end]`."""
    for table in tables:
        yield from _small_pieces(text, start, table.start, size, count, cut)
        start = table.end
        whole = count(text[table.start : start])
        if whole <= size:
            yield table.start, start, whole
            continue
        rows = [table.start, *(row[1] for row in table.rows[1:]), start]  # the header with a row
        for first, last in itertools.pairwise(rows):
            yield first, last, count(text[first:last])
    yield from _small_pieces(text, start, end, size, count, cut)


def _small_pieces(
    text: str, start: int, end: int, size: int, count: Count, cut: Cut
) -> Iterator[Piece]:
    """Yield pieces of at most `size`: as `cut` cuts, and what is larger in words, then in parts."""
    for first, last in cut(text, start, end):
        counted = count(text[first:last])
        if counted <= size or last - first == 1:
            yield first, last, counted
        else:
            finer = word_spans if cut is sentence_spans else _halves
            yield from _small_pieces(text, first, last, size, count, finer)


def _halves(_text: str, start: int, end: int) -> Iterator[Span]:
    middle = (start + end) // 2
    return iter([(start, middle), (middle, end)])


def _pack(text: str, pieces: Iterable[Piece], size: int, overlap: int) -> Iterator[Span]:
    """Yield (start, end) of chunks: as many pieces as fit, after those that are repeated."""
    window: list[Piece] = []
    total = 0
    for piece in pieces:
        if window and total + piece[2] > size:
            yield window[0][0], window[-1][1]
            room = min(overlap, size - piece[2])
            total, kept = 0, len(window)
            blank = itertools.takewhile(lambda p: not text[p[0] : p[1]].strip(), window)
            first = sum(1 for _ in blank)  # this piece is not repeated, or nothing would be new
            while overlap and kept > first + 1 and total + window[kept - 1][2] <= room:
                kept -= 1
                total += window[kept][2]
            window = window[kept:]
        window.append(piece)
        total += piece[2]
    if window:
        yield window[0][0], window[-1][1]
