"""The shop's database: the same rows from the same seed, and they keep to the policies."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from course_lib import ROOT
from course_lib.data import LARKSPUR

FILE = LARKSPUR / "shop.sqlite"
CARD = (LARKSPUR.parent / "README.md").read_text("utf-8")
STAFF = ["Ineke Maes", "Tom Brackley", "Aylin Demir", "Sofie Claes", "Priya Nair", "Joost de Wit",
         "Lena Hofmann", "Marek Nowak", "Hannah Osei"]  # fmt: skip


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = spec_from_file_location("build_shop", ROOT / "datasets" / "build_shop.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shop() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{FILE.as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


def day(text: str) -> date:
    return date.fromisoformat(text)


def digest(path: Path) -> str:
    connection = sqlite3.connect(path)
    text = "\n".join(connection.iterdump())
    connection.close()
    return hashlib.sha256(text.encode()).hexdigest()


def card_rows(first: str) -> list[list[str]]:
    """The rows of the table in the data card whose head starts with `first`."""
    lines = CARD[CARD.index(first) :].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]


def money(text: str) -> tuple[int, int] | tuple[None, None]:
    found = re.search(r"€([\d,]+) / £([\d,]+)", text)
    if not found:
        return None, None
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def test_a_rebuild_gives_the_same_rows(builder: ModuleType, tmp_path: Path) -> None:
    builder.build(tmp_path / "again.sqlite")
    assert digest(tmp_path / "again.sqlite") == digest(FILE)


def test_another_seed_gives_other_rows(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "SEED", 1)
    builder.build(tmp_path / "other.sqlite")
    assert digest(tmp_path / "other.sqlite") != digest(FILE)


def test_the_file_is_sound_and_small(shop: sqlite3.Connection) -> None:
    assert [tuple(row) for row in shop.execute("PRAGMA integrity_check")] == [("ok",)]
    assert list(shop.execute("PRAGMA foreign_key_check")) == []
    assert FILE.stat().st_size < 3_000_000
    names = [row[0] for row in shop.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = [shop.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names]
    assert 3000 < sum(counts) < 10_000


def test_constraints_refuse_what_a_shop_must_not_hold(tmp_path: Path) -> None:
    copy = tmp_path / "shop.sqlite"
    copy.write_bytes(FILE.read_bytes())
    connection = sqlite3.connect(copy)
    connection.execute("PRAGMA foreign_keys = ON")
    for statement in (
        "UPDATE stock SET quantity = -1",
        "UPDATE orders SET customer_id = 1",
        "UPDATE orders SET currency = 'USD'",
        "UPDATE part_fits SET product_code = 'LX-9' WHERE part_code = 'LK-240'",
        "UPDATE orders SET cancelled_on = NULL WHERE status = 'cancelled'",
        "DELETE FROM parts WHERE code = 'LK-204'",
        "UPDATE customers SET country = 'CH'",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_parts_are_those_of_the_data_card(shop: sqlite3.Connection) -> None:
    rows = card_rows("| code | part | fits | place | price |")
    parts = {row["code"]: row for row in shop.execute("SELECT * FROM parts")}
    assert {row[0] for row in rows} == parts.keys()
    for code, name, fits, place, price in rows:
        part = parts[code]
        assert part["name"] == name
        assert (part["price_eur"], part["price_gbp"]) == money(price)
        assert (part["place"] or "–") == place
        query = """SELECT p.name, p.code FROM part_fits f JOIN products p ON p.code = product_code
                   WHERE part_code = ?"""
        models = dict(tuple(row) for row in shop.execute(query, [code]))
        named = {model for model in models if re.search(rf"\b{model}\b", fits)}
        if fits == "all except Haul":
            assert models.keys() == {"Meadow Classic", "Meadow", "Ridge", "Dash", "Fold"}
        elif not fits.startswith(("all", "LK-")):
            assert models.keys() == {n for n in named if n in [f.split(",")[0] for f in
                                     re.split(", ", fits)]}, code  # fmt: skip
    wear = {c for c in parts if parts[c]["wear_part"]}
    assert {"LK-204", "LK-208", "LK-240", "LK-284", "LK-512", "LK-521"} <= wear
    assert not {"LK-206", "LK-246", "LK-616", "LK-310"} & wear


def test_models_are_those_of_the_data_card(shop: sqlite3.Connection) -> None:
    columns = list(zip(*card_rows("| | Meadow | Ridge |"), strict=True))
    facts = {row[0]: row[1:] for row in zip(*columns, strict=True)}
    for n, code in enumerate(facts["code"]):
        row = shop.execute("SELECT * FROM products WHERE code = ?", [code]).fetchone()
        assert (row["price_eur"], row["price_gbp"]) == money(facts["price"][n])
        assert str(row["battery_wh"]) in facts["battery"][n]
        assert f"{row['motor_nm']} Nm" in facts["motor"][n]
        assert row["type"].split(",")[0] in facts["type"][n]
    classic = shop.execute("SELECT * FROM products WHERE code = 'LM-0'").fetchone()
    assert (classic["battery_wh"], classic["sold_from"], classic["sold_until"]) == (360, 2019, 2022)


def test_prices_and_totals(shop: sqlite3.Connection) -> None:
    lines = shop.execute(
        """SELECT l.*, o.currency, coalesce(p.price_eur, q.price_eur) AS eur,
                  coalesce(p.price_gbp, q.price_gbp) AS gbp
           FROM order_lines l JOIN orders o ON o.id = l.order_id
           LEFT JOIN products p ON p.code = l.product_code
           LEFT JOIN parts q ON q.code = l.part_code"""
    )
    for line in lines:
        pounds = line["currency"] == "GBP"
        paint = line["custom_paint"] * (210 if pounds else 240)
        assert line["unit_price"] == (line["gbp"] if pounds else line["eur"]) + paint
    orders = shop.execute(
        """SELECT o.*, c.country, sum(l.quantity * l.unit_price) AS goods,
                  count(l.product_code) AS bikes FROM orders o
           JOIN order_lines l ON l.order_id = o.id JOIN customers c ON c.id = o.customer_id
           GROUP BY o.id"""
    ).fetchall()
    for order in orders:
        pounds = order["currency"] == "GBP"
        assert pounds == (order["country"] == "GB")
        assert order["total"] == order["goods"] + order["delivery_charge"]
        charge, free = ((45, 2600) if pounds else (49, 3000)) if order["bikes"] else (
            (6, 65) if pounds else (6, 75))  # fmt: skip
        wanted = 0 if order["collect_at"] or order["goods"] > free else charge
        assert order["delivery_charge"] == wanted
        allowed = {"Bancontact": "BE", "iDEAL": "NL", "leasing": "DE", "Cycle to Work": "GB"}
        assert allowed.get(order["payment"], order["country"]) == order["country"]
        if order["payment"] == "Veloflex":
            assert not pounds
            assert 800 <= order["goods"] <= 7000


def test_batteries_are_never_sent_to_a_home(shop: sqlite3.Connection) -> None:
    query = """SELECT count(*) FROM order_lines l JOIN parts p ON p.code = l.part_code
               JOIN orders o ON o.id = l.order_id WHERE p.battery AND {} IS NULL"""
    assert shop.execute(query.format("o.collect_at")).fetchone()[0] == 0
    assert shop.execute(query.format("p.price_eur")).fetchone()[0] == 0


def test_shipments_follow_their_order(builder: ModuleType, shop: sqlite3.Connection) -> None:
    query = """SELECT s.*, o.placed, o.status, c.zone FROM shipments s JOIN orders o
               ON o.id = s.order_id JOIN customers c ON c.id = o.customer_id"""
    late = 0
    for row in shop.execute(query):
        assert row["dispatched"] > row["placed"]
        assert row["status"] not in ("cancelled", "placed", "packed")
        if row["delivered"]:
            longest = {"EU": 8, "UK mainland": 10, "UK remote": 14}[row["zone"]]
            late += row["delivered"] > str(builder.working_days(day(row["dispatched"]), longest))
        else:
            assert row["status"] in ("shipped", "returned")
    assert 5 <= late <= 60  # some are late, most are not
    two = "SELECT order_id FROM shipments GROUP BY order_id HAVING count(*) = 2"
    assert len(shop.execute(two).fetchall()) > 30
    waiting = """SELECT count(*) FROM shipments a JOIN shipments b USING (order_id)
                 WHERE a.part = 1 AND b.part = 2 AND a.delivered NOT NULL AND b.delivered IS NULL"""
    assert shop.execute(waiting).fetchone()[0] >= 1


def test_returns_follow_the_policy_of_their_day(
    builder: ModuleType, shop: sqlite3.Connection
) -> None:
    query = """SELECT r.*, b.product_code, b.paint_code, s.delivered, o.currency, c.country,
                      l.unit_price FROM returns r JOIN bikes b USING (serial)
               JOIN orders o ON o.id = r.order_id JOIN customers c ON c.id = o.customer_id
               JOIN order_lines l ON l.serial = r.serial
               JOIN shipments s ON s.order_id = r.order_id AND s.part = 1"""
    slow, fees = 0, set()
    for row in shop.execute(query):
        old = row["delivered"] < "2024-01-01"
        days = (day(row["requested"]) - day(row["delivered"])).days
        faulty = row["reason"] in ("faulty", "damaged in transit")
        present = "2025-12-01" <= row["delivered"] <= "2025-12-24"
        inside = days <= (14 if old else 30) or (present and row["requested"] <= "2026-01-31")
        inside &= faulty or row["kilometres"] <= (50 if old else 100)
        inside &= faulty or row["paint_code"] != "custom"
        assert (row["decision"] == "accepted") == inside, row["id"]
        pounds = row["currency"] == "GBP"
        fee = (55 if pounds else 59) if old else 69 if pounds else 79
        if row["product_code"] == "LH-3" and not old:
            fee = 105 if pounds else 120
        if faulty or not inside or (row["country"] == "DE" and days <= 14 and not old):
            fee = 0
        assert row["fee"] == fee, row["id"]
        assert row["refund"] == (row["unit_price"] - fee if inside else 0)
        fees.add(fee)
        if row["refunded_on"]:
            slow += row["refunded_on"] > str(builder.working_days(day(row["arrived"]), 10))
    assert {0, 79, 69} < fees
    assert fees & {105, 120}
    assert 1 <= slow <= 5
    refusals = {
        row[0] for row in shop.execute("SELECT refusal FROM returns WHERE refusal NOT NULL")
    }
    assert refusals == {"too late", "too many kilometres", "custom paint"}


def later(start: str, years: int) -> str:
    start = "-".join([str(int(start[:4]) + years), start[5:]])
    return start.replace("02-29", "02-28")


def test_claims_follow_the_warranty_of_the_purchase(shop: sqlite3.Connection) -> None:
    query = """SELECT w.*, coalesce(b.purchased, o.placed) AS bought, b.resold_on,
                      b.reregistered_on FROM warranty_claims w LEFT JOIN bikes b USING (serial)
               LEFT JOIN orders o ON o.id = w.order_id WHERE decision <> 'open'"""
    seen: set[tuple[Any, ...]] = set()
    for row in shop.execute(query):
        new = row["bought"] >= "2025-03-01" and row["serial"] is not None
        years = {"frame": 10 if new else 5, "battery": 3 if new else 2, "motor": 2, "display": 2}
        covered = row["received"] <= later(row["bought"], years.get(row["component"], 1))
        if row["component"] == "battery":
            covered &= row["full_cycles"] <= (700 if new else 500) and row["capacity_percent"] < 70
        covered &= row["component"] != "wear part"
        if row["resold_on"]:
            span = day(row["reregistered_on"]) - day(row["resold_on"])
            covered &= row["component"] == "frame" and span <= timedelta(60)
        assert (row["decision"] == "approved") == covered, row["id"]
        seen.add((row["component"], row["reason"], new))
    assert ("battery", "cycles over", False) in seen
    assert ("battery", "inside the warranty", True) in seen
    assert ("battery", "period over", False) in seen
    assert ("frame", "re-registered too late", False) in seen
    assert ("motor", "does not pass to a second owner", False) in seen
    assert shop.execute("SELECT count(*) FROM warranty_claims WHERE decision = 'open'").fetchone()[
        0
    ]


def test_the_same_fault_a_day_apart_is_decided_differently(shop: sqlite3.Connection) -> None:
    query = """SELECT b.purchased, w.decision FROM warranty_claims w JOIN bikes b USING (serial)
               WHERE w.full_cycles = 545 ORDER BY 1"""
    assert [tuple(row) for row in shop.execute(query)] == [
        ("2025-02-28", "rejected"),
        ("2025-03-01", "approved"),
    ]


def test_visits_fit_the_bike_and_the_plan(shop: sqlite3.Connection) -> None:
    own = {"E19": "LR-2", "E91": "LR-2", "E14": "LH-3", "E41": "LH-3", "E52": "LF-5", "E60": "LD-4"}
    labour = {("EUR", 0): 89, ("GBP", 0): 79, ("EUR", 1): 119, ("GBP", 1): 105}
    before: dict[str, sqlite3.Row] = {}
    query = """SELECT v.*, b.product_code, b.purchased, s.city FROM service_visits v
               JOIN bikes b USING (serial) JOIN sites s ON s.code = v.site
               ORDER BY serial, brought_in, v.id"""
    for visit in shop.execute(query):
        assert visit["brought_in"] >= visit["purchased"]
        assert day(visit["brought_in"]).weekday() < 5
        assert own.get(visit["error_code"], visit["product_code"]) == visit["product_code"]
        if visit["serial"] in before:
            assert visit["kilometres"] >= before[visit["serial"]]["kilometres"], visit["id"]
        before[visit["serial"]] = visit
        if visit["kind"] == "regular":
            price = labour[visit["currency"], int(visit["product_code"] == "LH-3")]
            assert visit["labour"] == (0 if visit["under_care"] else price)
        if visit["kind"] in ("first", "warranty", "recall"):
            assert visit["labour"] == 0
        if visit["loan_bike"]:
            assert visit["under_care"]
            assert day(visit["ready"] or "2026-09-30") - day(visit["brought_in"]) > timedelta(3)
    plan = """SELECT count(*) FROM service_visits v WHERE under_care <> EXISTS (
              SELECT 1 FROM care_plans p WHERE p.serial = v.serial AND p.started <= v.brought_in
              AND (p.ended IS NULL OR p.ended >= v.brought_in)) AND v.kind <> 'warranty'"""
    assert shop.execute(plan).fetchone()[0] == 0


def test_plans_cost_what_they_cost_on_their_first_day(shop: sqlite3.Connection) -> None:
    query = "SELECT p.*, b.product_code, b.purchased FROM care_plans p JOIN bikes b USING (serial)"
    for row in shop.execute(query):
        pounds, haul = row["currency"] == "GBP", row["product_code"] == "LH-3"
        fee = (17 if pounds else 19) if haul else 12 if pounds else 14
        if row["started"] < "2024-01-01":
            fee = 10 if pounds else 11
            assert day(row["started"]) - day(row["purchased"]) <= timedelta(30)
        assert row["fee_at_start"] == fee


def test_some_chargers_of_the_recall_are_still_out_there(shop: sqlite3.Connection) -> None:
    batches = [
        "CH24-17",
        "CH24-18",
        "CH24-19",
        "CH24-20",
        "CH24-21",
        "CH24-22",
        "CH24-25",
        "CH24-26",
    ]
    query = f"""SELECT b.serial, max(v.kind = 'recall') AS exchanged, b.product_code FROM bikes b
                LEFT JOIN service_visits v USING (serial) WHERE b.charger_batch IN
                ({", ".join("?" * len(batches))}) AND b.product_code IN ('LM-1', 'LD-4', 'LF-5')
                GROUP BY 1"""
    rows = shop.execute(query, batches).fetchall()
    assert {0, 1} <= {row["exchanged"] for row in rows}
    affected = {row["serial"] for row in rows}
    recalled = {
        row[0] for row in shop.execute("SELECT serial FROM service_visits WHERE kind = 'recall'")
    }
    assert recalled <= affected


def test_what_is_sold_out_in_the_shop_may_lie_in_a_workshop(shop: sqlite3.Connection) -> None:
    empty = "SELECT part_code FROM stock WHERE site = 'GHE' AND quantity = 0 AND part_code NOT NULL"
    parts = {row[0] for row in shop.execute(empty)}
    assert len(parts) >= 4
    elsewhere = "SELECT part_code FROM stock WHERE site <> 'GHE' AND quantity > 0"
    assert parts & {row[0] for row in shop.execute(elsewhere)}
    sells = [row[0] for row in shop.execute("SELECT code FROM sites WHERE sells")]
    assert sells == ["GHE"]


def test_people_are_invented(shop: sqlite3.Connection) -> None:
    rows = shop.execute("SELECT name, email, country FROM customers").fetchall()
    assert all(re.fullmatch(r"[a-z.\-]+@example\.(com|org|net)", row["email"]) for row in rows)
    assert {row["country"] for row in rows} == {"BE", "NL", "DE", "GB"}
    assert not {row["name"] for row in rows} & set(STAFF)


def test_numbers_look_as_the_card_says(shop: sqlite3.Connection) -> None:
    for table, column, pattern in (
        ("orders", "id", r"LC-\d\d-\d{5}"),
        ("bikes", "serial", r"(LM0|LM1|LR2|LH3|LD4|LF5)-\d\d-\d{6}"),
        ("bikes", "battery_number", r"B(360|418|630|500|250|300)-\d\d-\d{5}"),
        ("bikes", "charger_batch", r"CH\d\d-(0[1-9]|[1-4]\d|5[0-3])"),
        ("warranty_claims", "id", r"WC-\d\d-\d{4}"),
        ("returns", "id", r"RT-\d\d-\d{5}"),
    ):
        values = [row[0] for row in shop.execute(f"SELECT {column} FROM {table}")]
        assert all(re.fullmatch(pattern, value) for value in values), table
    years = "SELECT count(*) FROM orders WHERE substr(id, 4, 2) <> substr(placed, 3, 2)"
    assert shop.execute(years).fetchone()[0] == 0
    orders = "SELECT placed FROM orders ORDER BY id"
    placed = [row[0] for row in shop.execute(orders)]
    assert placed == sorted(placed)


def test_paints_are_of_their_model_and_year(shop: sqlite3.Connection) -> None:
    paints = {"PT-11": ("LM1 LF5", 22), "PT-17": ("LM1", 22), "PT-71": ("LM1", 23),
              "PT-23": ("LR2", 21), "PT-32": ("LR2", 24), "PT-40": ("LD4", 22),
              "PT-04": ("LD4", 23), "PT-55": ("LF5", 23)}  # fmt: skip
    for row in shop.execute("SELECT serial, paint_code FROM bikes WHERE paint_code <> 'custom'"):
        models, since = paints[row["paint_code"]]
        assert row["serial"][:3] in models.split()
        assert int(row["serial"][4:6]) >= since
