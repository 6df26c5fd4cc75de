"""A chunk, and whether it is the passage that an anchor names."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from course_lib.ingestion import Document, Value


@dataclass(frozen=True)
class Chunk:
    """A stretch of a document, from the character `start` up to `end`.

    Args:
        document: where it is from.
        start: its first character in the document's text.
        end: the character after its last.
        heading: the headings above its beginning, the highest first.
        table_header: the header of the table, if the chunk begins in the rows below it. Only
            `chunk_tables` sets it.

    Built in notebooks/08_rag.ipynb.
    """

    document: Document = field(repr=False)
    start: int
    end: int
    heading: tuple[str, ...] = ()
    table_header: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """The chunk's text, as it stands in the document."""
        return self.document.text[self.start : self.end]

    @property
    def text_with_heading(self) -> str:
        """The text below the page's title, its headings and its table's header, each once.

        This is what to index and to show to a model: "within 30 days" means little by itself.
        """
        headings = self.document.headings
        first, last = (
            bisect_left(headings, at, key=attrgetter("start")) for at in (self.start, self.end)
        )
        inside = {heading.text for heading in headings[first:last]}
        above = dict.fromkeys([self.document.title, *self.heading])
        path = " > ".join(part for part in above if part and part not in inside)
        return "\n".join(part for part in (path, self.table_header, self.text) if part)

    @property
    def id(self) -> str:
        """Its name: its document and where it stands in it, such as `returns-policy@0-512`."""
        return f"{self.document.locator}@{self.start}-{self.end}"

    @property
    def source(self) -> str:
        """The file that it is from."""
        return self.document.source

    @property
    def locator(self) -> str:
        """The anchor to cite: the section that holds the most of it, and of such the smallest."""
        best, most = self.document.locator, (0, 0)
        for place in self.document.places:
            shared = min(place.end, self.end) - max(place.start, self.start)
            is_row = "/" in place.anchor
            if not is_row and shared > 0 and (shared, place.start - place.end) > most:
                best, most = place.anchor, (shared, place.start - place.end)
        return best

    @property
    def metadata(self) -> Mapping[str, Value]:
        """The document's metadata, with source, title and locator: for a vector store."""
        own = {"source": self.source, "title": self.document.title, "locator": self.locator}
        return {**self.document.metadata, **own}


def covers(chunk: Chunk, anchor: str) -> bool:
    """Whether a chunk is the passage that an anchor names, in any chunking.

    It is when it holds at least half of the place, or when at least half of it lies in the place.
    So every anchor is covered by some chunk, however the text is cut, and a chunk that only touches
    a section does not count.

    >>> from course_lib.chunking import chunk_sentences
    >>> from course_lib.ingestion import Place
    >>> places = (Place("a#payment", 9, 30),)
    >>> page = Document("Keep it. Pay by card. Or cash.", "a.txt", "a", places=places)
    >>> [covers(chunk, "a#payment") for chunk in chunk_sentences([page], size=4)]
    [False, True, True]

    Used in notebooks/09_evaluating_retrieval.ipynb.
    """
    span = chunk.document.span(anchor)
    if span is None:
        return False
    shared = min(span[1], chunk.end) - max(span[0], chunk.start)
    return shared > 0 and 2 * shared >= min(span[1] - span[0], chunk.end - chunk.start)
