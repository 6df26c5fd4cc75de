"""The names and arguments of the four tools: one place, for the tools and for training data."""

from __future__ import annotations

from typing import Any


def _one_text(name: str, description: str, longest: int) -> dict[str, Any]:
    """Schema of an object with one text."""
    text = {"type": "string", "description": description, "minLength": 1, "maxLength": longest}
    return {
        "type": "object",
        "properties": {name: text},
        "required": [name],
        "additionalProperties": False,
    }


SCHEMAS = {
    "search": _one_text("query", "what to look for, in a few words", 500),
    "calculator": _one_text("expression", "such as (89 + 2 * 14) * 1.21", 500),
    "sql": _one_text("query", "one SELECT statement of SQLite", 2000),
    "http": _one_text("path", "such as /stock/LK-204", 500),
}
DESCRIPTIONS = {
    "search": "Finds passages in the handbook and the manuals: rules, prices, how things are done.",
    "calculator": "Computes: + - * / % ** ( ), 20% of 89, and abs ceil floor max min round sqrt.",
    "sql": "Answers one SELECT from the shop's database: counts, sums, lists over many rows.",
    "http": "Looks up one thing in the shop: /orders/<id>, /stock/<part code>, /products/<code>.",
}
