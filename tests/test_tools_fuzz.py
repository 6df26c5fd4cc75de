"""Ten thousand inputs to each tool: no crash, no write, no file, no other machine, no hang.

An audit hook sees what Python itself opens or connects to; what SQLite does inside is held by its
authorizer, and seen by the file's digest. "No hang" is judged by what a tool counts, not by a
clock.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.chunking import chunk_tables
from course_lib.data import LARKSPUR
from course_lib.ingestion import load_folder
from course_lib.retrieval import WordSearch
from course_lib.tools import calculator, call, http_tool, query, search_tool, shop_api
from course_lib.tools.base import checked
from course_lib.tools.calculator import calculator_tool
from course_lib.tools.sql import sql_tool

pytestmark = pytest.mark.slow
thousands = settings(
    max_examples=10_000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

WATCHED = ("open", "socket", "sqlite3", "os", "shutil", "subprocess", "exec", "compile", "import",
           "ctypes", "pathlib", "tempfile", "webbrowser", "urllib", "http")  # fmt: skip
seen: list[tuple[str, tuple[object, ...]]] | None = None
watcher = 0


def hook(event, arguments):
    if seen is not None and threading.get_ident() == watcher and event.startswith(WATCHED):
        seen.append((event, arguments))


sys.addaudithook(hook)  # Python has no way to take it out again; outside `audited` it does nothing


@contextmanager
def audited():
    """Record what this thread opens, connects to, imports or runs."""
    global seen, watcher
    seen, watcher = events, _ = [], threading.get_ident()
    try:
        yield events
    finally:
        seen = None


def run(tool, arguments):
    """The tool's text or the message of its refusal, and what Python did for it.

    Any other error than a ValueError is a failure of the test.
    """
    with audited() as events:
        try:
            text = tool.run(**checked(tool, arguments))
        except ValueError as error:
            text, refusal = None, str(error)
        else:
            refusal = None
    assert text is not None or 0 < len(refusal or "") < 3_000
    return text, refusal, events


def pieces(words: str, most: int, glue: str = " ") -> st.SearchStrategy[str]:
    """Some of these words in a row."""
    return st.lists(st.sampled_from(re.findall(r"\S+", words)), max_size=most).map(glue.join)


def text_of(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly made of pieces that mean something, and sometimes of anything at all."""
    return (
        inside | inside | inside | st.text(max_size=60) | st.tuples(inside, st.text()).map("".join)
    )


def test_the_hook_sees_what_it_is_to_see(tmp_path):
    with audited() as events:
        (tmp_path / "a").write_text("b", "utf-8")
        eval("1")
    assert {"open", "compile"} <= {event for event, _ in events}


# ------------------------------------------------------------------------------------------------

ARITHMETIC = """
1 2 0 3.5 .5 1e3 1e999 1e-999 1e99999999 99999999999999999999 + - * / % ** ( ) ( ) , of round( max(
min( sqrt( abs( ceil( floor( 9**9**9 __import__('os').system('true') open('x') x eval( lambda: [] {}
; \\ " ' × ÷ − ² ٣ € 1_000 0x10 1j nan inf not and in if else = == := # 10**300 (1/7)
"""


SUMS = st.tuples(
    pieces("( -( max(2, 3, ( - sqrt( round(", 2),
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2.5", "0", "1e200", "(3 - 7)", "20% of 9", "2**-3"]),
            st.sampled_from(["+", "-", "*", "/", " % ", " ** "]),
        ).map("".join),
        max_size=9,
    ).map("".join),
    st.sampled_from(["7", "7)", "7, 2)", "0.5))", "("]),
).map("".join)


def test_calculator(monkeypatch):
    counts: Counter[str] = Counter()
    tool = calculator_tool()
    calculator.calculate("round(sqrt(2), 2) + 1e3")
    operands = 0
    real = calculator._Parser.operand

    def operand(self):
        nonlocal operands
        operands += 1
        return real(self)

    monkeypatch.setattr(calculator._Parser, "operand", operand)

    @thousands
    @given(text_of(SUMS | pieces(ARITHMETIC, 12) | pieces(ARITHMETIC, 80, "")))
    def fuzz(expression):
        nonlocal operands
        operands = 0
        text, _, events = run(tool, {"expression": expression})
        assert not events
        assert operands <= len(expression) + 1  # the last may be missing
        counts["value" if text else "refused"] += 1
        if text:
            assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?", text)
            assert len(text) < 60
            assert abs(Fraction(text)) < Fraction(10) ** 1300

    fuzz()
    assert counts["value"] > 300
    assert counts["refused"] > 3_000


# ------------------------------------------------------------------------------------------------

STATEMENTS = """
SELECT SELECT SELECT WITH DELETE UPDATE INSERT REPLACE DROP ALTER CREATE ATTACH DETACH PRAGMA VACUUM
REINDEX ANALYZE BEGIN COMMIT SAVEPOINT EXPLAIN VALUES ; --
"""
DANGEROUS = """
* 1 'a' x'ff' NULL orders parts customers stock code id total email name FROM INTO TABLE VIEW INDEX
TRIGGER TEMP VIRTUAL USING fts5 ( ) ( ) , = < || + - JOIN ON NATURAL LEFT WHERE AND OR IN EXISTS
GROUP BY ORDER HAVING LIMIT OFFSET UNION ALL INTERSECT AS a b c n(x) RECURSIVE (SELECT x+1 count(*)
sum(total) max(name) group_concat(name) replace(name,'a',name) hex(name) zeroblob(1000000000)
randomblob(1000000000) printf('%1000000000d',1) load_extension('x') readfile('/etc/passwd')
writefile('x','y') fts3_tokenizer('a') json_each('[1]') pragma_table_info('orders') dbstat
sqlite_master sqlite_temp_master sqlite_schema sqlite_dbpage sqlite_stmt main. temp.
journal_mode=WAL writable_schema=ON query_only=OFF temp_store_directory='.' 'file:x?mode=rwc'
'./x.sqlite' ':memory:' SET VALUES DATABASE RETURNING LIKE '%a%a%a%' GLOB MATCH REGEXP CAST OVER
PARTITION current_timestamp date('now') /* */ -- ; ; ? ?1 :a @b $c " ` [ ] CASE WHEN THEN END
COLLATE NOCASE
"""
VALUES = pieces(
    "id total placed status 1 'a' NULL count(*) max(id) hex(status) '%1%' *", 1
) | st.just("(SELECT max(id) FROM customers)")
SELECTS = st.tuples(
    st.just("SELECT"),
    VALUES.map(lambda value: value or "*"),
    st.sampled_from(
        ["FROM orders", "FROM orders o JOIN customers c", "FROM (SELECT * FROM orders)"]
    ),
    st.just("") | VALUES.map("WHERE status < {}".format),
    st.just("") | VALUES.map("GROUP BY {}".format),
    st.sampled_from(["", "LIMIT 5", "ORDER BY 1", "UNION SELECT 1", "; DROP TABLE orders"]),
).map(" ".join)
BOMBS = st.sampled_from(
    [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)",
        "WITH RECURSIVE n(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM n)",
        "WITH a AS (SELECT * FROM orders, orders b, orders c)",
        "SELECT * FROM orders a, orders b, orders c WHERE",
        "SELECT count(*) FROM orders a JOIN stock b JOIN parts c",
        "SELECT code FROM parts UNION SELECT",
    ]
)


WRITES = st.sampled_from(
    [
        "DELETE FROM orders WHERE",
        "UPDATE stock SET quantity =",
        "INSERT INTO sites SELECT",
        "DROP TABLE orders",
        "CREATE TEMP TABLE x AS SELECT",
        "PRAGMA writable_schema = ON",
        "ATTACH './x.sqlite' AS x",
        "VACUUM INTO './x.sqlite'",
        "WITH x AS (SELECT 1) DELETE FROM parts WHERE",
    ]
)


def test_sql(monkeypatch, tmp_path):
    database = tmp_path / "data" / "shop.sqlite"
    database.parent.mkdir()
    shutil.copy(LARKSPUR / "shop.sqlite", database)
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    monkeypatch.chdir(tmp_path)
    # here in this process, where the hook sees it; test_tools_sql starts the tool's own process
    tool = sql_tool(database)
    here = SimpleNamespace(
        name="sql",
        schema=tool.schema,
        run=lambda query: query_module.run_query(database, query),
    )
    query_module = query
    monkeypatch.setattr(query, "MAX_STEPS", 100_000)
    guards = []

    class Watched(query.Guard):
        def __init__(self, *given):
            super().__init__(*given)
            guards[:] = [self]

    monkeypatch.setattr(query, "Guard", Watched)
    call(here, {"query": "SELECT 1"})
    counts: Counter[str] = Counter()
    start = pieces(STATEMENTS, 1) | BOMBS | st.just("SELECT * FROM orders") | st.just("SELECT")
    whole = st.tuples(start, pieces(DANGEROUS, 8)).map(" ".join)
    uri = f"{database.resolve().as_uri()}?mode=ro"

    @thousands
    @given(text_of(whole | SELECTS | st.tuples(WRITES, VALUES).map(" ".join)))
    def fuzz(statement):
        guards.clear()
        text, refusal, events = run(here, {"query": statement})
        for event, arguments in events:
            assert event in ("sqlite3.connect", "sqlite3.connect/handle")
            assert event.endswith("handle") or arguments == (uri,)
        assert not guards or guards[0].steps <= query.MAX_STEPS
        if text is not None:
            assert len(text) < 2_500
            assert guards[0].refusal is None
        counts["rows" if text else re.sub(r"'.*?'|\w+ may", "", refusal or "")[:24]] += 1

    fuzz()
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    assert os.listdir(database.parent) == ["shop.sqlite"]
    assert os.listdir(tmp_path) == ["data"]
    assert counts["rows"] > 300, counts
    assert sum(counts[kind] for kind in counts if kind.startswith("only SELECT")) > 300, counts
    assert sum(counts[kind] for kind in counts if "too many steps" in kind or "takes" in kind) > 20


# ------------------------------------------------------------------------------------------------

ADDRESSES = """/ // /// . .. /.. /. %2e %2f %00 %0d%0a \\ @ : ? # & = ; ~ orders stock products
LC-23-10011 LK-204 LR-2 http:// https:// file:// ftp:// gopher:// data: javascript: 127.0.0.1
localhost [::1] 0.0.0.0 169.254.169.254 evil.example user:pw@ :80 :99999 :0 0x7f000001 2130706433
/etc/passwd ' -- %20 <script> é 漢 HTTP/1.1 Host:evil.example"""
SPACED = st.sampled_from(["", "", "", "", " ", "\r\n", "\t", "\x00", "\u2028"])


def test_http():
    counts: Counter[str] = Counter()
    with shop_api() as url:
        port = int(url.rpartition(":")[2])
        tool = http_tool(url)
        call(tool, {"path": "/orders/LC-23-10011"})
        full = st.tuples(st.just(url), pieces(ADDRESSES, 5, "")).map("".join)
        path = st.tuples(
            st.sampled_from(["/", "/orders/", "/stock/LK-204", "/products/LR-2#", "/stock/LM-1/"]),
            pieces(ADDRESSES, 2, ""),
        )
        parts = st.tuples(pieces(ADDRESSES, 4, ""), SPACED, pieces(ADDRESSES, 3, ""))

        @thousands
        @given(text_of(path.map("".join) | full | parts.map("".join)))
        def fuzz(path):
            text, refusal, events = run(tool, {"path": path})
            for event, arguments in events:
                assert event in ("socket.__new__", "socket.getaddrinfo", "socket.connect",
                                 "http.client.connect", "http.client.send")  # fmt: skip
                if event == "socket.connect":
                    assert arguments[1] == ("127.0.0.1", port)
                if event == "socket.getaddrinfo":
                    assert arguments[0] == "127.0.0.1"
                if event == "http.client.send":
                    sent = arguments[1]
                    assert re.match(rb"GET /[!-~]* HTTP/1\.1\r\nHost: 127\.0\.0\.1:", sent)
                    assert sent.count(b"\r\n\r\n") == 1
                    assert b"/../" not in sent
            connected = sum(event == "socket.connect" for event, _ in events)
            assert connected <= 1
            counts["found" if text else "404" if connected else "refused"] += 1
            if connected and refusal:
                assert refusal.startswith("404 Not Found: ")

        fuzz()
    assert counts["found"] > 50, counts
    assert counts["404"] > 1_000, counts
    assert counts["refused"] > 1_000, counts


LINES = rb"""HTTP/1.1 200 OK
HTTP/1.1 404 No
HTTP/1.1 302 Found
HTTP/1.0 200
HTTP/1.1 100 Continue
HTTP/9.9 999 ?
Content-Type: application/json
Content-Type: text/plain; charset=utf-16
Content-Type: text/plain; charset=rot13
Content-Type: text/plain; charset=idna
Content-Type: text/plain; charset*=hex'x'%ff
Content-Type: image/png
Content-Length: 5
Content-Length: -1
Content-Length: 99999999999
Content-Length: x
Transfer-Encoding: chunked
Content-Encoding: gzip
Location: file:///etc/passwd
5
hello
0
ffffffff
-5

{}
:
 folded""".splitlines()
REPLIES = st.lists(
    st.sampled_from([line + b"\r\n" for line in LINES])
    | st.sampled_from([b"\r\n", b"\r\n\r\n", b"\n", b"[", b"\x00", b"\xff\xfe", b"x" * 21_000]),
    max_size=8,
).map(b"".join)


def test_http_replies(monkeypatch):
    """Whatever a server sends, however it cuts it, the tool gives text or says why not."""
    from course_lib.tools import http

    counts: Counter[str] = Counter()

    class Canned:
        """A connection on which a reply has come already."""

        def __init__(self, reply, step):
            self.reply, self.step = reply, step

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def settimeout(self, seconds):
            assert 0 < seconds <= 5

        def sendall(self, request):
            assert request.startswith(b"GET / HTTP/1.1\r\n")

        def recv_into(self, buffer):
            part, self.reply = self.reply[: self.step], self.reply[self.step :]
            part, self.reply = part[: len(buffer)], part[len(buffer) :] + self.reply
            buffer[: len(part)] = part
            return len(part)

    tool = http_tool("http://127.0.0.1:9")

    @settings(thousands, max_examples=2_000)
    @given(
        st.binary(max_size=80)
        | REPLIES
        | st.tuples(st.just(b"HTTP/1.1 200 OK\r\n"), REPLIES).map(b"".join),
        st.sampled_from([1, 7, 5_000]),
    )
    def fuzz(reply, step):
        monkeypatch.setattr(http, "_connected", lambda *_: Canned(reply, step))
        text, _, events = run(tool, {"path": "/"})
        assert {event for event, _ in events} <= {"http.client.send", "http.client.connect"}
        assert text is None or len(text) <= 20_000
        counts["refused" if text is None else "text"] += 1

    fuzz()
    assert counts["text"] > 100, counts
    assert counts["refused"] > 1_000, counts


# ------------------------------------------------------------------------------------------------

QUESTIONS = """
how long may I return a bike battery charger E07 LK-204 RC-2024-03 the of and * ? " ' ( ) AND OR NOT
<|im_end|> <|im_start|>system [1] > ../../etc/passwd {query} %s \\ 漢字 🚲 ß ½ \u202e \x00
"""


def test_search():
    counts: Counter[str] = Counter()
    retriever = WordSearch(chunk_tables(load_folder(LARKSPUR / "handbook").documents))
    tool = search_tool(retriever)
    call(tool, {"query": "return a bike"})

    @thousands
    @given(text_of(pieces(QUESTIONS, 8)) | st.text(st.characters(), max_size=20))
    def fuzz(question):
        text, _, events = run(tool, {"query": question})
        assert not events
        counts["refused" if text is None else "none" if "\n> " not in text else "found"] += 1
        if text:
            assert len(text) <= 4_000
            assert "<|" not in text
            assert text.startswith(("[1] ", "Nothing was found."))

    fuzz()
    assert counts["found"] > 3_000, counts
    assert counts["none"] > 500, counts
    assert 0 < counts["refused"] < 2_000, counts  # blank, or a half of a character
