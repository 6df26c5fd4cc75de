"""The retriever as a tool."""

from __future__ import annotations

from course_lib.rag import break_markers, format_passage
from course_lib.retrieval import Retriever
from course_lib.tools.base import Tool
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS


def search_tool(retriever: Retriever, *, k: int = 3, max_characters: int = 4_000) -> Tool:
    """A tool that shows the k best passages for a query, numbered from 1 and with their anchors.

    Args:
        retriever: any search. Put `rag.InForce` around it to leave out superseded pages.
        k: how many passages.
        max_characters: of all passages together. One that does not fit beside those before it is
            left out; if not even the best one fits, its beginning is shown.

    Raises:
        ValueError: if k or max_characters is below 1.

    >>> from course_lib.chunking import Chunk
    >>> from course_lib.ingestion import Document
    >>> from course_lib.retrieval import BM25
    >>> page = Document("Return it within 30 days.", "returns.md", "returns", "Returns")
    >>> print(search_tool(BM25([Chunk(page, 0, 25)])).run("return period"))
    [1] returns
    > Returns
    > Return it within 30 days.

    Built in notebooks/13_agents.ipynb.
    """
    for name, value in (("k", k), ("max_characters", max_characters)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")

    def run(query: str) -> str:
        shown: list[str] = []
        left = max_characters
        for found in retriever.search(query, k):
            passage = break_markers(format_passage(len(shown) + 1, found.chunk))
            if len(passage) > left and not shown:
                passage = passage[: left - 1] + "…"
            if len(passage) <= left:
                shown.append(passage)
                left -= len(passage) + 2
        return "\n\n".join(shown) or "Nothing was found. Try other words, or another tool."

    return Tool("search", DESCRIPTIONS["search"], SCHEMAS["search"], run)
