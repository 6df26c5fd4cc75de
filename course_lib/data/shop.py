"""The shop's database, opened for reading only, and whether an answer says what a query returns."""

from __future__ import annotations

import datetime
import re
import sqlite3
from pathlib import Path

from course_lib.data.readers import read_bytes
from course_lib.data.records import LARKSPUR, DataError

FILE = "shop.sqlite"
MAX_STEPS = 50_000_000  # of SQLite's machine: about a second, far more than the shop's data need
NUMBER_WORDS = (
    ("0", "zero no none never nothing"),
    ("1", "one once"),
    ("2", "two twice both"),
    ("3", "three"),
    ("4", "four"),
    ("5", "five"),
    ("6", "six"),
    ("7", "seven"),
    ("8", "eight"),
    ("9", "nine"),
    ("10", "ten"),
    ("11", "eleven"),
    ("12", "twelve"),
)
NUMBER = re.compile(r"(?<![\w.,])(?<!\w-)-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
CODE = re.compile(r"\b[A-Z]{1,3}-?\d+(?:-\d+)*\b")  # LK-204, E07, LM1-25-004213

Value = str | int | float


def shop(folder: Path | None = None) -> sqlite3.Connection:
    """Open shop.sqlite for reading; foreign keys are on, and a write is refused.

    Args:
        folder: the folder that holds shop.sqlite; default datasets/larkspur.

    Returns:
        A connection. Close it when you are done: `with contextlib.closing(shop()) as connection`.

    Raises:
        DataError: if the file is missing, cut short, or not a SQLite database.
    """
    path = (folder or LARKSPUR) / FILE
    raw = read_bytes(path, FILE)
    if raw[:16] != b"SQLite format 3\0":
        raise DataError("not a SQLite database", FILE)
    # the header says how long the file is: https://www.sqlite.org/fileformat.html
    page_size = int.from_bytes(raw[16:18], "big")
    wanted = int.from_bytes(raw[28:32], "big") * (65536 if page_size == 1 else page_size)
    if len(raw) < max(wanted, 100):
        raise DataError(f"truncated: {len(raw)} bytes of {wanted}", FILE)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DataError(f"not a readable SQLite database ({error})", FILE) from None
    return connection


def query(connection: sqlite3.Connection, sql: str) -> list[tuple[Value, ...]]:
    """Run a query that answers a question, and return its rows.

    Args:
        connection: from `shop`.
        sql: one SELECT (or WITH ... SELECT) whose result doesn't depend on the day it is run.

    Raises:
        ValueError: saying what is wrong with the query, or with its result.

    >>> query(sqlite3.connect(":memory:"), "SELECT 40 + 2")
    [(42,)]
    """
    if not re.match(r"\s*(select|with)\b", sql, re.IGNORECASE):
        raise ValueError(f"wanted a SELECT, got {sql.strip()[:40]!r}")
    if re.search(r"'now'|\bcurrent_(date|time|timestamp)\b", sql, re.IGNORECASE):
        raise ValueError("the result would depend on the day on which it is run")
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps > MAX_STEPS // 10_000

    connection.set_progress_handler(stop, 10_000)
    try:
        rows = connection.execute(sql).fetchmany(200)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise ValueError(f"the query fails: {error}") from None
    finally:
        connection.set_progress_handler(None, 0)
    if not rows:
        raise ValueError("the query returns no row")
    if any(value is None for row in rows for value in row):
        raise ValueError("the query returns NULL")
    return rows


def stands_in(value: Value, text: str) -> bool:
    """Say whether a value from the database stands in a text.

    A number stands there as a number, with thousands commas or without, and up to twelve also as a
    word; a decimal one may be rounded to the one or more decimals that the text has. A date stands
    there as 2025-03-01, 1 March 2025 or 1 March. Other text stands there between word
    boundaries, in upper or lower case, with spaces for underscores.

    >>> stands_in(1899.0, "It costs £1,899."), stands_in(204, "Fit LK-204.")
    (True, False)
    >>> stands_in("2025-03-01", "Since 1 March"), stands_in("in_transit", "It is in transit.")
    (True, True)
    """
    if isinstance(value, str):
        return any(_has_words(written, text) for written in _spellings(value))
    for match in NUMBER.finditer(text):
        number = match.group().replace(",", "")
        decimals = len(number.partition(".")[2])
        rounding = 0.5 * 10.0**-decimals if decimals else 0.0
        if abs(float(number) - value) <= rounding + 1e-9:
            return True
    words = set(re.findall(r"[a-z]+", text.lower()))
    return any(float(digit) == value and words & set(row.split()) for digit, row in NUMBER_WORDS)


def numbers_and_codes(text: str) -> list[Value]:
    """List the numbers and the codes in a text, which have to be right to the digit.

    >>> numbers_and_codes("LK-204 costs £1,014 from 2025 on, E07 or not.")
    ['LK-204', 'E07', 1014, 2025]
    """
    numbers = [number.replace(",", "") for number in NUMBER.findall(CODE.sub(" ", text))]
    values = (float(number) if "." in number else int(number) for number in numbers)
    return [*CODE.findall(text), *values]


def _spellings(value: str) -> list[str]:
    """List how a text from the database may be written in a sentence."""
    spellings = [value, value.replace("_", " ")]
    try:
        day = datetime.date.fromisoformat(value[:10])
    except ValueError:
        return spellings
    # not strftime: its month follows the computer's language
    names = "January February March April May June July August September October November December"
    return [*spellings, value[:10], f"{day.day} {names.split()[day.month - 1]}"]


def _has_words(words: str, text: str) -> bool:
    pattern = r"\s+".join(map(re.escape, words.casefold().split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", text.casefold()) is not None
