"""One SELECT on a SQLite file, held to reading: the file is a program too, which `sql` starts.

It needs the standard library alone, so that the program starts fast.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

MAX_STEPS = 5_000_000  # of SQLite's machine: a tenth of a second or two
MAX_BYTES = 50_000  # of one value or row
MAX_MEMORY = 200_000_000  # bytes, of the process that runs queries
CELL = 200  # characters shown of a value
HOW_OFTEN = 1_000  # steps between two looks at the count
FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        """abs avg ceil ceiling coalesce concat concat_ws count date datetime dense_rank first_value
    floor glob group_concat hex ifnull iif instr julianday lag last_value lead length like lower
    ltrim max min mod nth_value ntile nullif percent_rank power quote rank replace round row_number
    rtrim sign sqrt strftime string_agg substr substring sum time timediff total trim typeof
    unicode unixepoch upper""",
    )
)
LIMITS = {
    "SQLITE_LIMIT_LENGTH": MAX_BYTES,
    "SQLITE_LIMIT_SQL_LENGTH": 10_000,
    "SQLITE_LIMIT_COLUMN": 200,
    "SQLITE_LIMIT_EXPR_DEPTH": 100,
    "SQLITE_LIMIT_COMPOUND_SELECT": 50,
    "SQLITE_LIMIT_VDBE_OP": 25_000,
    "SQLITE_LIMIT_ATTACHED": 0,
    "SQLITE_LIMIT_LIKE_PATTERN_LENGTH": 100,
    "SQLITE_LIMIT_WORKER_THREADS": 0,
}


class Guard:
    """What SQLite asks before and while it runs a statement.

    Attributes:
        refusal: why the statement was refused or stopped; None if it was not.
        steps: how many it took, rounded down to HOW_OFTEN.
    """

    def __init__(self, tables: Collection[str]) -> None:
        self.tables = {*(name.lower() for name in tables), "sqlite_master", "sqlite_schema"}
        self.refusal: str | None = None
        self.steps = 0

    def authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        """Allow what is listed here, and nothing else; called while the statement is compiled."""
        first, second = (first or "").lower(), (second or "").lower()
        reason = None
        if action == sqlite3.SQLITE_READ:
            # of a name in WITH too, but then without a column: that only counts rows
            if second and first not in self.tables:
                reason = f"table {first} may not be read"
        elif action == sqlite3.SQLITE_FUNCTION:
            if second not in FUNCTIONS:
                reason = f"function {second} may not be used; round, sum, substr and strftime may"
        elif action not in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            reason = "only SELECT is allowed: the database is for reading"
        self.refusal = self.refusal or reason
        return sqlite3.SQLITE_DENY if reason else sqlite3.SQLITE_OK

    def progress(self) -> bool:
        """Say whether to stop; called every HOW_OFTEN steps."""
        self.steps += HOW_OFTEN
        if self.steps < MAX_STEPS:
            return False
        self.refusal = "the query takes too many steps; join tables on their keys, or ask for less"
        return True


@contextlib.contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads the file and keeps what it sorts in memory."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
        yield connection


@contextlib.contextmanager
def redacted(source: sqlite3.Connection, hidden: Collection[str]) -> Iterator[sqlite3.Connection]:
    """The source itself if nothing is hidden, else a copy in memory without the hidden columns.

    To refuse the columns by the authorizer would not hide them: it is not asked about the columns
    that USING and NATURAL compare, and rows that are read through an index stand in its order.
    """
    if not hidden:
        yield source
        return
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA temp_store = MEMORY")
        copy.execute("PRAGMA trusted_schema = OFF")
        before, after = columns(copy), columns(copy, hidden)
        for table in (name for name in before if before[name] != after.get(name)):
            if names := ", ".join(map(_quoted, after.get(table, ()))):
                copy.execute(f"CREATE TEMP TABLE kept AS SELECT {names} FROM {_quoted(table)}")
            copy.execute(f"DROP TABLE {_quoted(table)}")
            if names:
                copy.execute(f"CREATE TABLE {_quoted(table)} AS SELECT * FROM temp.kept")
                copy.execute("DROP TABLE temp.kept")
        yield copy


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def columns(
    connection: sqlite3.Connection, hidden: Collection[str] = ()
) -> dict[str, dict[str, str]]:
    """The columns of every table, each with what it refers to ("customers.id") or nothing."""
    left_out = {name.lower() for name in hidden}
    found: dict[str, dict[str, str]] = {}
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        " AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall():
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        shown = {name: "" for (name,) in rows if f"{table}.{name}".lower() not in left_out}
        keys = 'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)'
        for column, other, to in connection.execute(keys, (table,)):
            if column in shown:
                shown[column] = f"{other}.{to}"
        if shown:
            found[table] = shown
    return found


def describe(tables: dict[str, dict[str, str]]) -> str:
    """A line for each table, such as "stock(site -> sites.code, quantity)"."""
    lines = []
    for table, names in tables.items():
        shown = [f"{name} -> {to}" if to else name for name, to in names.items()]
        lines.append(f"{table}({', '.join(shown)})")
    return "\n".join(lines)


def run_query(
    database: Path,
    sql: str,
    *,
    hidden: Collection[str] = (),
    max_rows: int = 30,
    max_characters: int = 2_000,
) -> str:
    """Run one SELECT and show its rows, here in this process.

    A statement that was written to do harm may keep SQLite busy before its first step, when no
    count stops it; `sql.sql_tool` runs this function in a process that it can end.

    Args:
        database: a SQLite file.
        sql: one statement.
        hidden: "table.column" names that are left out.
        max_rows: rows that are shown.
        max_characters: of all that is shown.

    Raises:
        ValueError: saying what is wrong with the statement, or which limit it passes.
    """
    with opened(database) as source, redacted(source, hidden) as connection:
        tables = columns(source, hidden)
        guard = Guard(tables)
        for limit, value in LIMITS.items():
            connection.setlimit(getattr(sqlite3, limit), value)
        connection.set_authorizer(guard.authorize)
        connection.set_progress_handler(guard.progress, HOW_OFTEN)
        try:
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise ValueError("there is no statement; write one SELECT")
            rows = cursor.fetchmany(max_rows + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ValueError(guard.refusal or _explain(error, sql, tables)) from None
        except MemoryError:
            raise ValueError("the query needs too much memory; ask for less") from None
        names = [column[0] for column in cursor.description]
        return _table(names, rows, max_rows, max_characters)


def _explain(error: Exception, sql: str, tables: dict[str, dict[str, str]]) -> str:
    """SQLite's message, and for an unknown name the names that there are."""
    message = f"SQLite says: {str(error)[:200]}"
    if "no such table" in message:
        return f"{message}; the tables are {', '.join(tables)}"
    if "no such column" in message:
        words = set(re.findall(r"\w+", sql.lower()))
        named = {table: tables[table] for table in tables if table.lower() in words}
        return f"{message}; there are\n{describe(named or tables)}"
    return message


def _table(
    names: list[str], rows: list[tuple[object, ...]], max_rows: int, max_characters: int
) -> str:
    """A line of names, a line for each row, and how many rows there are."""
    lines = [" | ".join(map(_cell, names))[:max_characters]]
    length = len(lines[0])
    for row in rows[:max_rows]:
        line = " | ".join(map(_cell, row))
        length += len(line) + 1
        if length > max_characters:
            break
        lines.append(line)
    shown = len(lines) - 1
    if shown == len(rows):
        return "\n".join([*lines, f"({shown} row{'s' * (shown != 1)})"])
    return "\n".join([*lines, f"(the first {shown} rows; there are more)"])


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"x'{value[:CELL].hex()}'" if isinstance(value, bytes) else str(value)
    text = "".join(c if c.isprintable() else " " for c in text[: CELL + 1])
    return text if len(text) <= CELL else text[: CELL - 1] + "…"


def main() -> None:
    """Run the query that stands in standard input as JSON, and print its result as JSON."""
    request = json.load(sys.stdin)
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # not one byte into any file
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:  # for the whole process
        connection.execute(f"PRAGMA hard_heap_limit = {MAX_MEMORY}")
    try:
        reply = {"rows": run_query(Path(request.pop("database")), **request)}
    except ValueError as error:
        reply = {"error": str(error)}
    json.dump(reply, sys.stdout)


if __name__ == "__main__":
    main()
