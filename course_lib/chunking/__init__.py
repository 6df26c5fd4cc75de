"""Documents to chunks: by size, by sentence, by heading, and with tables kept in whole rows.

A chunk is a stretch of its document: `document.text[chunk.start : chunk.end] == chunk.text`. Every
character that is not blank is in a chunk, and in two of them only where `overlap` says so.
"""

from course_lib.chunking.chunk import Chunk, covers
from course_lib.chunking.chunkers import (
    chunk_fixed,
    chunk_headings,
    chunk_sentences,
    chunk_tables,
    count_words,
)
from course_lib.chunking.sentences import split_sentences

__all__ = [
    "Chunk",
    "chunk_fixed",
    "chunk_headings",
    "chunk_sentences",
    "chunk_tables",
    "count_words",
    "covers",
    "split_sentences",
]
