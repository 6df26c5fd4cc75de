"""SQL for a model: it can only read, only what it may, and it always comes to an end."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import LARKSPUR, load_questions
from course_lib.tools import call, describe_database, query, sql_tool
from course_lib.tools.query import run_query

SHOP = LARKSPUR / "shop.sqlite"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def sql():
    return sql_tool(SHOP)


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, age REAL);"
            "INSERT INTO people VALUES (1, 'Ann', 'ann@example.org', 41.5), (2, 'Bo', 'b@x', NULL);"
            "CREATE TABLE notes (person INTEGER REFERENCES people (id), text TEXT, raw BLOB)"
        )
    return path


# ------------------------------------------------------------------------------------------------
# Answers


def test_rows_are_shown_with_names_and_a_count(small):
    assert sql_tool(small).run("SELECT name, age FROM people ORDER BY id") == (
        "name | age\nAnn | 41.5\nBo | NULL\n(2 rows)"
    )
    assert run_query(small, "SELECT text FROM notes") == "text\n(0 rows)"
    assert run_query(small, "VALUES (x'00ff', 'a\nb\u2028c')").splitlines()[1] == "x'00ff' | a b c"


def test_the_questions_queries_pass_and_give_their_rows(sql):
    ran = 0
    with closing(sqlite3.connect(f"{SHOP.as_uri()}?mode=ro", uri=True)) as connection:
        for question in load_questions():
            for statement in question.sql:
                shown = run_query(SHOP, statement, max_rows=500, max_characters=10**6)
                rows = connection.execute(statement).fetchall()
                assert shown.count("\n") == len(rows) + 1
                assert all(str(value) in shown for row in rows for value in row)
                ran += 1
    assert ran > 40
    assert sql.run("SELECT count(*) AS n FROM orders") == "n\n979\n(1 row)"


@pytest.mark.parametrize(
    "statement",
    [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9) "
        "SELECT count(*) FROM n",
        "WITH a AS (SELECT * FROM parts) SELECT count(*) FROM a",
        "SELECT site, rank() OVER (ORDER BY quantity) FROM stock LIMIT 3",
        "SELECT strftime('%Y', placed), round(avg(total), 1) FROM orders GROUP BY 1",
        "SELECT upper(name) FROM parts WHERE name LIKE '%tyre%' -- a comment",
        "SELECT group_concat(code, ', ') FROM products;",
        "SELECT sql FROM sqlite_master WHERE name = 'orders'",
        "SELECT count(*) FROM orders JOIN customers ON customers.id = customer_id",
        "SELECT CASE WHEN total > 1000 THEN 'a' ELSE 'b' END, count(*) FROM orders GROUP BY 1",
    ],
)
def test_what_a_question_needs_is_allowed(statement):
    assert "row" in run_query(SHOP, statement)


def test_the_result_has_limits():
    shown = run_query(SHOP, "SELECT id FROM orders ORDER BY id", max_rows=3)
    assert shown.splitlines()[-1] == "(the first 3 rows; there are more)"
    assert len(shown.splitlines()) == 5
    shown = run_query(SHOP, "SELECT * FROM orders", max_rows=500, max_characters=1000)
    assert len(shown) < 1100
    assert shown.endswith("rows; there are more)")
    shown = run_query(SHOP, f"SELECT replace('{'a' * 300}', 'a', 'bbb') AS x")
    assert len(shown.splitlines()[1]) == query.CELL
    assert shown.splitlines()[1].endswith("…")
    long = ", ".join(f"1 AS {'n' * 90}{i}" for i in range(80))
    assert len(run_query(SHOP, f"SELECT {long}")) < 2_100


def test_a_sort_larger_than_sqlites_cache_goes_to_no_file(sql):
    # the tool's process may write no byte to any file: a sort that spills would fail
    padded = f"SELECT p.code || '{'x' * 300}' AS padded, o.id FROM parts p, orders o"
    shown = sql.run(f"SELECT id, length(padded) FROM ({padded} ORDER BY padded, o.id) LIMIT 1")
    assert shown == "id | length(padded)\nLC-23-10011 | 306\n(1 row)"


# ------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM orders",
        "UPDATE stock SET quantity = 0",
        "INSERT INTO sites VALUES ('XXX', 'X', 'BE', 1)",
        "REPLACE INTO sites VALUES ('XXX', 'X', 'BE', 1)",
        "WITH x AS (SELECT 1) DELETE FROM parts",
        "DROP TABLE orders",
        "ALTER TABLE orders RENAME TO o",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER DELETE ON parts BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE t USING fts5 (a)",
        "PRAGMA journal_mode = WAL",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "ATTACH '{folder}/other.sqlite' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '{folder}/copy.sqlite'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "SAVEPOINT s",
        "EXPLAIN DELETE FROM orders",
    ],
)
def test_only_select_is_allowed(sql, tmp_path, statement):
    before = digest(SHOP), sorted(os.listdir(LARKSPUR))
    with pytest.raises(ValueError, match="only SELECT is allowed"):
        sql.run(statement.format(folder=tmp_path))
    with pytest.raises(ValueError, match="only SELECT is allowed"):
        run_query(SHOP, statement.format(folder=tmp_path))
    assert (digest(SHOP), sorted(os.listdir(LARKSPUR))) == before
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT 1; DROP TABLE orders", "one statement at a time"),
        ("", "there is no statement"),
        (";", "there is no statement"),
        ("-- SELECT 1", "there is no statement"),
        ("SELECT load_extension('x')", "function load_extension may not be used"),
        ("SELECT readfile('/etc/passwd')", "no such function"),
        ("SELECT writefile('x', 'y')", "no such function"),
        ("SELECT fts3_tokenizer('simple')", "function fts3_tokenizer may not be used"),
        ("SELECT zeroblob(1000000000)", "function zeroblob may not be used"),
        ("SELECT randomblob(9)", "function randomblob may not be used"),
        ("SELECT printf('%1000000000d', 1)", "function printf may not be used"),
        ("SELECT sqlite_version()", "function sqlite_version may not be used"),
        ("SELECT current_timestamp", "function current_timestamp may not be used"),
        ("SELECT * FROM temp.sqlite_master", "may not be read"),
        ("SELECT '\0'", "null character"),
        ("SELECT CAST(x'ff' AS TEXT)", "Could not decode"),
        ("SELECT " + "(" * 150 + "1" + ")" * 150, "SQLite says"),
        ("SELECT 1 " + "UNION ALL SELECT 1 " * 90, "too many terms in compound SELECT"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM oders", "the tables are sites, products"),
        ("SELECT colour FROM products", "there are\nproducts(code, name, type"),
    ],
)
def test_what_is_wrong_is_said(sql, statement, message):
    refused = call(sql, {"query": statement or " "})
    assert not refused.ok
    assert message in refused.content
    assert len(refused.content) < 1500


def test_a_value_that_grows_is_stopped():
    grow = "WITH RECURSIVE g(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM g) SELECT max(x) FROM g"
    with pytest.raises(ValueError, match="too big"):
        run_query(SHOP, grow)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize(
    "statement",
    [
        ENDLESS,
        "SELECT count(*) FROM orders a, orders b, orders c",
        "SELECT max(a.id || b.id) FROM orders a JOIN orders b JOIN orders c",
    ],
)
def test_a_query_without_end_is_stopped_by_its_steps(monkeypatch, statement):
    guards = []

    class Watched(query.Guard):
        def __init__(self, *given):
            super().__init__(*given)
            guards.append(self)

    monkeypatch.setattr(query, "Guard", Watched)
    with pytest.raises(ValueError, match="too many steps"):
        run_query(SHOP, statement)
    assert guards[0].steps == query.MAX_STEPS


def chain(first, link, length):
    """A WITH of tables each made from the one before."""
    tables = [f"t0(x) AS ({first})"]
    tables += [f"t{n}(x) AS ({link.format(f't{n - 1}')})" for n in range(1, length)]
    return f"WITH {', '.join(tables)} SELECT x FROM t{length - 1}"


@pytest.mark.parametrize(
    "statement",
    [
        # SQLite's compiler is busy with these before the first step is counted
        chain("SELECT 1", "SELECT a.x FROM {0} a, {0} b", 30),
        chain("SELECT total FROM orders", "SELECT x+x+x+x FROM {0}", 40),
        # many steps that each make a long value, all kept for the sort
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        f"SELECT replace(hex(hex('{'a' * 500}')), '3', 'bbbbbbbbbb') || x AS y FROM n ORDER BY y",
    ],
)
def test_a_query_that_no_step_count_stops_is_ended_with_its_process(sql, statement):
    result = call(sql, {"query": statement})
    assert not result.ok
    assert "too much memory" in result.content or "takes longer than 5 s" in result.content


def test_the_time_limit_ends_the_process(monkeypatch):
    import subprocess

    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(ValueError, match=r"longer than 0\.001 s"):
        sql_tool(SHOP, time_limit=0.001).run(ENDLESS)
    assert started[0].poll() is not None


def test_a_process_that_breaks_is_no_fault_of_the_query(monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)", "utf-8")
    tool = sql_tool(SHOP)
    monkeypatch.setattr(query, "__file__", str(broken))
    result = call(tool, {"query": "SELECT 1"})
    assert result.content == "Error: sql is out of order; go on without it"
    assert "ended with 3" in (result.error or "")


def test_calls_from_many_threads_do_not_meet(sql):
    def ask(n):
        return sql.run(f"SELECT {n} AS n, count(*) AS orders FROM orders")

    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(ask, range(12)))
    assert shown == [f"n | orders\n{n} | 979\n(1 row)" for n in range(12)]


# ------------------------------------------------------------------------------------------------
# Hidden columns


def test_a_hidden_column_is_not_there():
    tool = sql_tool(SHOP, hidden=["customers.EMAIL", "customers.name"])
    assert tool.run("SELECT * FROM customers ORDER BY id LIMIT 1").startswith(
        "id | city | country | zone | language | created | newsletter\n1001 | Sheffield | GB"
    )
    for statement in (
        "SELECT email FROM customers",
        "SELECT 1 FROM customers WHERE Email LIKE 'a%'",
        'SELECT c."name" FROM main.customers AS c',
        "SELECT count(*) FROM customers JOIN (SELECT 'a' AS email) USING (email)",
    ):
        with pytest.raises(ValueError, match=r"no such column|column not present"):
            tool.run(statement)
    with pytest.raises(ValueError, match=r"customers\(id, city, country"):
        tool.run("SELECT email FROM customers")
    described = describe_database(SHOP, hidden=["customers.email"])
    assert "email" not in described
    assert "orders(id, customer_id -> customers.id, placed" in described
    joined = "SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id"
    assert tool.run(joined) == sql_tool(SHOP).run(joined)


def test_a_table_of_hidden_columns_alone_is_not_there(small):
    tool = sql_tool(small, hidden=["notes.person", "notes.text", "notes.raw", "people.name"])
    assert tool.run("SELECT * FROM people WHERE id = 1").splitlines()[0] == "id | email | age"
    with pytest.raises(ValueError, match="no such table: notes; the tables are people"):
        tool.run("SELECT 1 FROM notes")


PIECES = re.findall(
    r"\S+",
    """
    SELECT * email e name age id rowid count(*) max(email) 'b@x' 'ann@example.org' FROM people notes
    main.people (SELECT ) WHERE AND OR = <> LIKE IN EXISTS ORDER GROUP BY HAVING JOIN LEFT FULL
    CROSS NATURAL USING (email) ON a b a.email b.email a.* , AS UNION INTERSECT EXCEPT LIMIT 1 2
    WITH t VALUES NOT NULL INDEXED sqlite_autoindex_people_1 sqlite_master OVER (PARTITION RETURNING
    """,
)
HEADS = [
    "SELECT 1 FROM people",
    "SELECT count(*) FROM people a",
    "SELECT name FROM people a,",
    "SELECT id FROM people",
    "WITH t(email) AS (VALUES ('b@x')) SELECT count(*) FROM t",
    "SELECT * FROM (SELECT 'b@x' email)",
    "SELECT 'b@x' IN people",
    "SELECT EXISTS (SELECT",
]
tails = st.lists(st.sampled_from(PIECES), max_size=7).map(" ".join)


@settings(max_examples=1500, deadline=None)
@given(st.tuples(st.sampled_from(HEADS), tails).map(" ".join))
def test_no_result_depends_on_what_is_hidden(pair_of_databases, statement):
    def shown(path):
        try:
            return run_query(path, statement, hidden=["people.email"])
        except ValueError as error:
            return f"{error}"

    first, second = map(shown, pair_of_databases)
    assert first == second


@pytest.fixture(scope="module")
def pair_of_databases(tmp_path_factory):
    """The same people with other e-mail addresses."""
    paths = []
    for addresses in (("ann@example.org", "b@x"), ("zoe@example.org", "a@a")):
        path = tmp_path_factory.mktemp("hidden") / "people.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, age)"
            )
            connection.execute("CREATE TABLE notes (person, text)")
            rows = [(1, "Ann", addresses[0], 41), (2, "Bo", addresses[1], None)]
            connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)
        paths.append(path)
    return paths


@pytest.mark.parametrize(
    "hidden", [["customers.mail"], ["email"], ["client.email"], ["customers.*"]]
)
def test_a_column_that_is_not_there_cannot_be_hidden_by_mistake(hidden):
    with pytest.raises(ValueError, match="hidden must name columns such as"):
        sql_tool(SHOP, hidden=hidden)


# ------------------------------------------------------------------------------------------------
# Files


def test_the_description_lists_tables_columns_and_keys(small):
    assert describe_database(small) == (
        "people(id, name, email, age)\nnotes(person -> people.id, text, raw)"
    )
    assert len(describe_database(SHOP)) < 2_000


def test_a_missing_file_is_named_and_not_made(tmp_path):
    with pytest.raises(ValueError, match=r"database must be a SQLite file, got .*none\.sqlite"):
        sql_tool(tmp_path / "none.sqlite")
    assert not os.listdir(tmp_path)


def test_a_path_with_blanks_and_signs_is_opened(tmp_path):
    path = tmp_path / "a b#c?d%20.sqlite" if os.name != "nt" else tmp_path / "a b#c%20.sqlite"
    shutil.copy(SHOP, path)
    assert "979" in sql_tool(path).run("SELECT count(*) FROM orders")
