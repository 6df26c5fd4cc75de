"""The shop's API on this machine: orders, stock and products from shop.sqlite, for reading."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

from course_lib.data import shop

Answer = dict[str, Any]
ROUTES = "/orders/<order id>, /stock/<part or model code>, /products/<model code>"


@contextmanager
def shop_api(folder: Path | None = None) -> Iterator[str]:
    """Serve the shop on a free port of this machine for as long as the block runs.

    The API knows nothing of customers: no name and no e-mail address is in any reply.

    Args:
        folder: the folder that holds shop.sqlite; default datasets/larkspur.

    Yields:
        Its address, such as "http://127.0.0.1:49152".

    Raises:
        DataError: if the database is missing or broken.

    >>> from urllib.request import urlopen
    >>> with shop_api() as url, urlopen(f"{url}/products/LD-4") as reply:
    ...     json.load(reply)["price_eur"]
    2899

    Built in notebooks/13_agents.ipynb.
    """
    with closing(shop(folder)):  # a broken file is noticed here, not at the first request
        pass

    class Handler(_Handler):
        def rows(self, sql: str, *values: str) -> list[Answer]:
            with closing(shop(folder)) as connection:  # each request has a thread of its own
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(sql, values)]

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64  # with 5, its default, a sixth at once waits for a second


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0  # seconds to wait for a request, so that no thread waits for ever

    def rows(self, sql: str, *values: str) -> list[Answer]:
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer with JSON: 200 and what was asked for, or 404 and why not."""
        found = re.fullmatch(r"/(orders|stock|products)/([A-Za-z0-9-]{1,40})/?", self.path)
        if not found:
            return self.reply(404, {"error": f"no such path; there are {ROUTES}"})
        kind, code = found[1], found[2].upper()
        answer = getattr(self, kind)(code)
        if answer is None:
            return self.reply(404, {"error": f"nothing is known of {code} in {kind}"})
        return self.reply(200, answer)

    def orders(self, code: str) -> Answer | None:
        """An order with its lines, shipments and returns."""
        order = self.rows(
            "SELECT id, placed, status, currency, payment, collect_at, delivery_charge, total,"
            " cancelled_on, cancel_reason FROM orders WHERE id = ?",
            code,
        )
        if not order:
            return None
        lines = self.rows(
            "SELECT line, coalesce(l.product_code, l.part_code) AS code,"
            " coalesce(m.name, p.name) AS name, serial, quantity, unit_price, custom_paint"
            " FROM order_lines l LEFT JOIN products m ON m.code = l.product_code"
            " LEFT JOIN parts p ON p.code = l.part_code WHERE order_id = ? ORDER BY line",
            code,
        )
        shipments = self.rows(
            "SELECT part, kind, tracking, dispatched, delivered FROM shipments"
            " WHERE order_id = ? ORDER BY part",
            code,
        )
        returns = self.rows(
            "SELECT id, serial, requested, reason, decision, refusal, arrived, fee, refund,"
            " refunded_on FROM returns WHERE order_id = ? ORDER BY id",
            code,
        )
        return {**order[0], "lines": lines, "shipments": shipments, "returns": returns}

    def stock(self, code: str) -> Answer | None:
        """How many of a part or model lie at each site, and which of them may be promised."""
        named = self.rows(
            "SELECT code, name FROM parts WHERE code = ?1"
            " UNION ALL SELECT code, name FROM products WHERE code = ?1",
            code,
        )
        if not named:
            return None
        sites = self.rows(
            "SELECT site, city, quantity, reorder_at, counted_on, sells AS may_be_promised"
            " FROM stock s JOIN sites ON sites.code = s.site"
            " WHERE part_code = ?1 OR product_code = ?1 ORDER BY site",
            code,
        )
        return {**named[0], "sites": sites}

    def products(self, code: str) -> Answer | None:
        """A model, with the codes of the parts that fit it."""
        product = self.rows("SELECT * FROM products WHERE code = ?", code)
        if not product:
            return None
        parts = self.rows(
            "SELECT part_code FROM part_fits WHERE product_code = ? ORDER BY part_code", code
        )
        return {**product[0], "parts": [row["part_code"] for row in parts]}

    def reply(self, status: int, answer: Answer) -> None:
        """Send JSON."""
        content = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""
