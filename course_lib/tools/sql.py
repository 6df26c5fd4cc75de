"""SQL that can only read, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from course_lib.tools import query
from course_lib.tools.base import Tool
from course_lib.tools.schemas import DESCRIPTIONS, SCHEMAS


def sql_tool(
    database: Path,
    *,
    hidden: Collection[str] = (),
    max_rows: int = 30,
    max_characters: int = 2_000,
    time_limit: float = 5.0,
) -> Tool:
    """A tool that answers one SELECT from a SQLite file.

    What holds it to that, each for what the others let through: the file is opened for reading;
    SQLite asks an authorizer, which allows SELECT, the file's own tables and a list of functions;
    steps, sizes and rows are limited; and the query runs in a process of its own, which is ended
    after the time limit. The last one because a short statement can keep SQLite's compiler busy for
    hours, before the first step is counted: WITH a AS (...), b AS (SELECT * FROM a, a), and so on.

    Args:
        database: a SQLite file.
        hidden: "table.column" names that may not be read, such as "customers.email". Each query
            then runs on a copy of the database in memory, in which they are not.
        max_rows: rows that are shown.
        max_characters: of all that is shown.
        time_limit: seconds, the start of the process included.

    Raises:
        ValueError: if the file is missing, or has no such table or column to hide.

    >>> from course_lib.data import LARKSPUR
    >>> tool = sql_tool(LARKSPUR / "shop.sqlite")
    >>> print(tool.run("SELECT code, price_eur FROM parts WHERE code = 'LK-204'"))
    code | price_eur
    LK-204 | 16
    (1 row)

    Built in notebooks/13_agents.ipynb.
    """
    tables = _tables(database)
    there = {f"{table}.{column}".lower() for table in tables for column in tables[table]}
    if unknown := [name for name in hidden if name.lower() not in there]:
        raise ValueError(f"hidden must name columns such as {min(there)}, got {unknown[0]!r}")
    request = {
        "database": str(database.resolve()),
        "hidden": list(hidden),
        "max_rows": max_rows,
        "max_characters": max_characters,
    }

    def run(query: str) -> str:
        return _in_a_process({**request, "sql": query}, time_limit)

    return Tool("sql", DESCRIPTIONS["sql"], SCHEMAS["sql"], run)


def describe_database(database: Path, *, hidden: Collection[str] = ()) -> str:
    """The tables and columns, a line for each table, for a prompt.

    >>> from course_lib.data import LARKSPUR
    >>> print(describe_database(LARKSPUR / "shop.sqlite").splitlines()[3])
    part_fits(part_code -> parts.code, product_code -> products.code)
    """
    return query.describe(_tables(database, hidden))


def _tables(database: Path, hidden: Collection[str] = ()) -> dict[str, dict[str, str]]:
    if not database.is_file():
        raise ValueError(f"database must be a SQLite file, got {database}")
    with query.opened(database) as connection:
        return query.columns(connection, hidden)


def _in_a_process(request: dict[str, object], time_limit: float) -> str:
    """The rows, from a Python that starts without packages, settings and the current folder."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", query.__file__],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=time_limit,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # no window on Windows
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"the query takes longer than {time_limit:g} s; ask for less") from None
    if done.returncode:
        raise RuntimeError(f"the process ended with {done.returncode}: {done.stderr[-300:]}")
    reply = json.loads(done.stdout)
    if "error" in reply:
        raise ValueError(reply["error"])
    return str(reply["rows"])
