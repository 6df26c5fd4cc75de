"""The shop's API: what it tells, what it keeps to itself, and that it ends with its block."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from course_lib.data import DataError, shop
from course_lib.retrieval import BM25
from course_lib.tools import call, http_tool, larkspur_tools, shop_api


@pytest.fixture(scope="module")
def url():
    with shop_api() as address:
        yield address


@pytest.fixture(scope="module")
def connection():
    with closing(shop()) as opened:
        yield opened


def get(url, path, method="GET"):
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as client:
        client.request(method, path)
        reply = client.getresponse()
        return reply.status, reply.read().decode()


def ask(url, path):
    status, text = get(url, path)
    assert status == 200, text
    return json.loads(text)


def test_an_order_has_its_lines_shipments_and_returns(url, connection):
    query = "SELECT id, total, delivery_charge, status FROM orders ORDER BY id LIMIT 40"
    for order_id, total, charge, status in connection.execute(query):
        order = ask(url, f"/orders/{order_id}")
        assert (order["id"], order["total"], order["status"]) == (order_id, total, status)
        paid = sum(line["quantity"] * line["unit_price"] for line in order["lines"])
        assert charge <= total - paid <= charge + 250  # custom paint is no line of its own
        assert all(line["code"] and line["name"] for line in order["lines"])
    parts = connection.execute("SELECT order_id, count(*) FROM shipments GROUP BY 1 LIMIT 9")
    for order_id, count in parts.fetchall():
        assert len(ask(url, f"/orders/{order_id}")["shipments"]) == count
    [returned] = connection.execute("SELECT order_id, refund FROM returns LIMIT 1")
    assert ask(url, f"/orders/{returned[0]}")["returns"][0]["refund"] == returned[1]


def test_no_reply_says_who_a_customer_is(url, connection):
    people = connection.execute(
        "SELECT o.id, c.name, c.email, c.id FROM orders o JOIN customers c ON c.id = o.customer_id"
        " ORDER BY random() LIMIT 40"
    )
    for order_id, name, email, _ in people.fetchall():
        _, text = get(url, f"/orders/{order_id}")
        assert name not in text
        assert email not in text
        assert "customer" not in text


def test_stock_is_what_lies_at_each_site(url, connection):
    query = "SELECT site, quantity FROM stock WHERE part_code = 'LK-521' ORDER BY site"
    answer = ask(url, "/stock/LK-521")
    assert answer["name"] == "tyre 47-622"
    assert [(at["site"], at["quantity"]) for at in answer["sites"]] == [*connection.execute(query)]
    assert {at["city"] for at in answer["sites"] if at["may_be_promised"]} == {"Ghent"}
    assert ask(url, "/stock/LM-1")["name"] == "Meadow"


def test_a_product_has_its_prices_and_parts(url, connection):
    product = ask(url, "/products/lr-2")
    assert (product["name"], product["code"]) == ("Ridge", "LR-2")
    fits = "SELECT part_code FROM part_fits WHERE product_code = 'LR-2' ORDER BY 1"
    assert product["parts"] == [code for (code,) in connection.execute(fits)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/orders/LC-24-99999", "nothing is known of LC-24-99999 in orders"),
        ("/stock/LK-999", "nothing is known of LK-999 in stock"),
        ("/products/LK-204", "nothing is known of LK-204 in products"),
        ("/", "no such path; there are /orders/<order id>"),
        ("/orders/", "no such path"),
        ("/orders/a/b", "no such path"),
        ("/customers/1001", "no such path"),
        ("/orders/LC'%20OR%201=1--", "no such path"),
        ("/orders/../../etc/passwd", "no such path"),
        ("/rows/x", "no such path"),
    ],
)
def test_what_is_not_there_is_said(url, path, message):
    status, text = get(url, path)
    assert status == 404
    assert message in json.loads(text)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(url, method):
    assert get(url, "/orders/LC-23-10011", method)[0] == 501


def test_many_ask_at_once(url):
    with ThreadPoolExecutor(8) as pool:
        codes = ["LK-204", "LK-521"] * 20
        answers = pool.map(lambda code: ask(url, f"/stock/{code}")["code"], codes)
    assert list(answers) == codes


def test_the_server_ends_with_its_block_and_listens_on_this_machine_alone():
    with shop_api() as first, shop_api() as second:
        assert first != second
        assert urlsplit(first).hostname == "127.0.0.1"
    port = urlsplit(first).port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port or 0)) != 0


def test_a_missing_database_is_noticed_at_once(tmp_path):
    with pytest.raises(DataError), shop_api(tmp_path):
        pass


def test_the_http_tool_and_the_api_fit(url):
    tool = http_tool(url)
    assert json.loads(tool.run("/products/LD-4"))["price_eur"] == 2899
    result = call(tool, {"path": "/orders/LC-24-99999"})
    assert "404 Not Found" in result.content
    assert "nothing is known of LC-24-99999" in result.content


def test_the_four_tools_answer_side_by_side(url):
    tools = larkspur_tools(BM25([]), url, hidden=["customers.email"])
    assert call(tools["calculator"], {"expression": "3 * 14"}).content == "42"
    assert (
        "16"
        in call(
            tools["sql"], {"query": "SELECT price_eur FROM parts WHERE code = 'LK-204'"}
        ).content
    )
    assert not call(tools["sql"], {"query": "SELECT email FROM customers"}).ok
    assert "Ridge" in call(tools["http"], {"path": "/products/LR-2"}).content
    assert call(tools["search"], {"query": "returns"}).content.startswith("Nothing was found")
