"""Where a question goes: to the documents, to a tool over the shop's own data, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from course_lib.language_model import LanguageModel
from course_lib.lora.router_data import parse_call, router_messages
from course_lib.rag import break_markers
from course_lib.rag.passages import markers_of

_ORDER = re.compile(r"\bLC-\d{2}-\d{5}\b", re.IGNORECASE)
_CODE = re.compile(r"\b(?:LK-\d{3}|L[A-Z]-\d)\b", re.IGNORECASE)
_STOCK = re.compile(r"\b(?:in|on) stock\b|\bstock of\b|\bout of stock\b", re.IGNORECASE)


class Route(NamedTuple):
    """Where a question goes.

    Attributes:
        to: "documents", "tool" or "out of scope".
        tool, arguments: of the call, where it goes to a tool.
        reason: why it is out of scope.
    """

    to: Literal["documents", "tool", "out of scope"]
    tool: str = ""
    arguments: Mapping[str, Any] = {}
    reason: str = ""


Router = Callable[[str], Route]


def by_rules(question: str) -> Route:
    """Two rules: an order's number goes to the order, "in stock" with one code to the stock.

    Everything else goes to the documents: a rule cannot tell what is out of scope. Of the training
    questions for the router, 43 of the 85 for the shop's API find their way so, and 8 requests to
    change something, such as to delete an order, are answered with the record: it only reads.

    >>> by_rules("Is LK-204 in stock?").arguments
    {'path': '/stock/LK-204'}
    >>> by_rules("How many teeth has LK-204?").to
    'documents'

    Built in notebooks/14_orchestration.ipynb.
    """
    orders = {found.upper() for found in _ORDER.findall(question)}
    if len(orders) == 1:
        return Route("tool", "http", {"path": f"/orders/{orders.pop()}"})
    codes = {found.upper() for found in _CODE.findall(question)}
    if len(codes) == 1 and not orders and _STOCK.search(question):
        return Route("tool", "http", {"path": f"/stock/{codes.pop()}"})
    return Route("documents")


def by_adapter(model: LanguageModel) -> Router:
    """A router that asks a model with the router's adapter (notebooks 12 and 13).

    What it writes that is no call, and a search, go to the documents.

    Args:
        model: `language_model.load(adapter=...)` with the adapter "router".

    Built in notebooks/14_orchestration.ipynb.
    """

    def route(question: str) -> Route:
        messages = router_messages(break_markers(question, markers_of(model)))
        call = parse_call(model.chat(messages, max_tokens=80).text)
        if call is None or call["tool"] == "search":
            return Route("documents")
        if call["tool"] == "decline":
            return Route("out of scope", reason=str(call["arguments"]["reason"]))
        return Route("tool", call["tool"], call["arguments"])

    return route
