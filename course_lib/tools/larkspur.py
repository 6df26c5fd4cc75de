"""The four tools over Larkspur's records."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from course_lib.data import LARKSPUR
from course_lib.retrieval import Retriever
from course_lib.tools.base import Tool
from course_lib.tools.calculator import calculator_tool
from course_lib.tools.http import http_tool
from course_lib.tools.search import search_tool
from course_lib.tools.sql import sql_tool


def larkspur_tools(
    retriever: Retriever,
    shop_url: str,
    *,
    database: Path = LARKSPUR / "shop.sqlite",
    hidden: Collection[str] = (),
) -> dict[str, Tool]:
    """search, calculator, sql and http, by name.

    Args:
        retriever: over the handbook and the manuals.
        shop_url: from `shop_api`.
        database: for sql.
        hidden: columns of it that may not be read, such as "customers.email".

    >>> from course_lib.retrieval import BM25
    >>> from course_lib.tools import call, shop_api
    >>> with shop_api() as url:
    ...     tools = larkspur_tools(BM25([]), url)
    ...     call(tools["http"], {"path": "/stock/LK-999"}).content
    'Error: 404 Not Found: {"error": "nothing is known of LK-999 in stock"}'

    Built in notebooks/13_agents.ipynb.
    """
    tools = [
        search_tool(retriever),
        calculator_tool(),
        sql_tool(database, hidden=hidden),
        http_tool(shop_url),
    ]
    return {tool.name: tool for tool in tools}
