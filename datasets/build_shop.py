"""Build larkspur/shop.sqlite, the shop's database, from a fixed seed.

    python datasets/build_shop.py            # writes larkspur/shop.sqlite
    python datasets/build_shop.py FILE       # the same, elsewhere

The same rows come out wherever it runs. (The file's bytes may differ: SQLite writes its own version
into the header.) Prices, parts, periods and fees are those of datasets/README.md; a test compares
them. All people are invented; their addresses end in example.com, example.org or example.net, which
no one can own.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

FILE = Path(__file__).parent / "larkspur" / "shop.sqlite"
SEED = 2014
FIRST_DAY, LAST_DAY = date(2023, 1, 2), date(2026, 9, 30)
NEW_WARRANTY = date(2025, 3, 1)  # bikes bought from this day on have the longer periods
NEW_RETURNS = date(2024, 1, 1)  # what is delivered from this day on may be returned for 30 days
CARE_STARTED = date(2024, 1, 1)  # CarePlan became Larkspur Care
T = TypeVar("T")

SCHEMA = """
CREATE TABLE sites (
    code TEXT PRIMARY KEY CHECK (length(code) = 3),
    city TEXT NOT NULL,
    country TEXT NOT NULL CHECK (country IN ('BE', 'NL', 'DE', 'GB')),
    sells INTEGER NOT NULL CHECK (sells IN (0, 1))  -- its stock may be promised in the web shop
);
CREATE TABLE products (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    price_eur INTEGER CHECK (price_eur > 0),
    price_gbp INTEGER CHECK (price_gbp > 0),
    motor_nm INTEGER,
    battery_wh INTEGER NOT NULL,
    batteries INTEGER NOT NULL DEFAULT 1,
    sold_from INTEGER NOT NULL,
    sold_until INTEGER,  -- NULL: still sold
    CHECK (sold_until IS NOT NULL OR (price_eur IS NOT NULL AND price_gbp IS NOT NULL))
);
CREATE TABLE parts (
    code TEXT PRIMARY KEY CHECK (code LIKE 'LK-___'),
    name TEXT NOT NULL,
    place TEXT,  -- shelf in Ghent; NULL: not kept on a shelf
    price_eur INTEGER CHECK (price_eur > 0),  -- NULL: quoted by the workshop
    price_gbp INTEGER CHECK (price_gbp > 0),
    wear_part INTEGER NOT NULL CHECK (wear_part IN (0, 1)),
    battery INTEGER NOT NULL CHECK (battery IN (0, 1))
);
CREATE TABLE part_fits (
    part_code TEXT NOT NULL REFERENCES parts (code),
    product_code TEXT NOT NULL REFERENCES products (code),
    PRIMARY KEY (part_code, product_code)
);
CREATE TABLE stock (
    site TEXT NOT NULL REFERENCES sites (code),
    part_code TEXT REFERENCES parts (code),
    product_code TEXT REFERENCES products (code),
    quantity INTEGER NOT NULL CHECK (quantity >= 0),
    reorder_at INTEGER NOT NULL CHECK (reorder_at >= 0),
    counted_on TEXT NOT NULL,
    CHECK ((part_code IS NULL) <> (product_code IS NULL)),
    UNIQUE (site, part_code),
    UNIQUE (site, product_code)
);
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE CHECK (email LIKE '%@example.___'),
    city TEXT NOT NULL,
    country TEXT NOT NULL CHECK (country IN ('BE', 'NL', 'DE', 'GB')),
    zone TEXT NOT NULL CHECK (zone IN ('EU', 'UK mainland', 'UK remote')),
    language TEXT NOT NULL CHECK (language IN ('en', 'nl', 'de')),
    created TEXT NOT NULL,
    newsletter INTEGER NOT NULL CHECK (newsletter IN (0, 1)),
    CHECK ((country = 'GB') = (zone <> 'EU'))
);
CREATE TABLE orders (
    id TEXT PRIMARY KEY CHECK (id LIKE 'LC-__-_____'),
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    placed TEXT NOT NULL CHECK (placed BETWEEN '2023-01-01' AND '2026-09-30'),
    status TEXT NOT NULL CHECK
        (status IN ('placed', 'packed', 'shipped', 'delivered', 'cancelled', 'returned')),
    currency TEXT NOT NULL CHECK (currency IN ('EUR', 'GBP')),
    payment TEXT NOT NULL CHECK (payment IN ('card', 'PayPal', 'Bancontact', 'iDEAL', 'Veloflex',
        'Cycle to Work', 'leasing')),
    collect_at TEXT REFERENCES sites (code),  -- NULL: delivered to the customer's address
    delivery_charge INTEGER NOT NULL CHECK (delivery_charge >= 0),
    total INTEGER NOT NULL CHECK (total > 0),
    cancelled_on TEXT,
    cancel_reason TEXT CHECK (cancel_reason IN
        ('card declined', 'changed mind', 'out of stock', 'ordered twice')),
    CHECK ((status = 'cancelled') = (cancelled_on IS NOT NULL)),
    CHECK ((cancelled_on IS NULL) = (cancel_reason IS NULL))
);
CREATE TABLE bikes (
    serial TEXT PRIMARY KEY CHECK (serial LIKE 'L__-__-______'),
    product_code TEXT NOT NULL REFERENCES products (code),
    frame_size TEXT NOT NULL CHECK (frame_size IN ('S', 'M', 'L', 'XL', 'one')),
    paint_code TEXT,  -- NULL: the model has no paint code
    battery_number TEXT NOT NULL UNIQUE,
    second_battery TEXT UNIQUE,
    charger_batch TEXT NOT NULL CHECK (charger_batch LIKE 'CH__-__'),
    purchased TEXT NOT NULL,  -- the date on the first invoice
    owner_id INTEGER NOT NULL REFERENCES customers (id),
    resold_on TEXT,  -- NULL: still with its first owner
    reregistered_on TEXT,
    CHECK (resold_on > purchased AND reregistered_on >= resold_on OR resold_on IS NULL)
);
CREATE TABLE order_lines (
    order_id TEXT NOT NULL REFERENCES orders (id),
    line INTEGER NOT NULL CHECK (line > 0),
    product_code TEXT REFERENCES products (code),
    serial TEXT UNIQUE REFERENCES bikes (serial),
    part_code TEXT REFERENCES parts (code),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price INTEGER NOT NULL CHECK (unit_price > 0),
    custom_paint INTEGER NOT NULL DEFAULT 0 CHECK (custom_paint IN (0, 1)),
    PRIMARY KEY (order_id, line),
    CHECK ((part_code IS NULL) <> (product_code IS NULL)),
    CHECK (product_code IS NOT NULL OR (serial IS NULL AND custom_paint = 0)),
    CHECK (product_code IS NULL OR quantity = 1)
);
CREATE TABLE shipments (
    order_id TEXT NOT NULL REFERENCES orders (id),
    part INTEGER NOT NULL CHECK (part IN (1, 2)),
    kind TEXT NOT NULL CHECK (kind IN ('bike', 'parcel', 'to workshop')),
    tracking TEXT NOT NULL UNIQUE,
    dispatched TEXT NOT NULL,
    delivered TEXT CHECK (delivered > dispatched),  -- NULL: on its way
    PRIMARY KEY (order_id, part)
);
CREATE TABLE returns (
    id TEXT PRIMARY KEY CHECK (id LIKE 'RT-__-_____'),
    order_id TEXT NOT NULL REFERENCES orders (id),
    serial TEXT NOT NULL UNIQUE REFERENCES bikes (serial),
    requested TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN
        ('changed mind', 'wrong size', 'too heavy', 'faulty', 'damaged in transit')),
    kilometres INTEGER NOT NULL CHECK (kilometres >= 0),
    decision TEXT NOT NULL CHECK (decision IN ('accepted', 'refused')),
    refusal TEXT CHECK (refusal IN ('too late', 'too many kilometres', 'custom paint')),
    arrived TEXT,  -- NULL: not in Ghent yet, or refused
    fee INTEGER NOT NULL CHECK (fee >= 0),
    refund INTEGER NOT NULL CHECK (refund >= 0),
    refunded_on TEXT CHECK (refunded_on >= arrived),
    CHECK ((decision = 'refused') = (refusal IS NOT NULL)),
    CHECK (decision = 'accepted' OR (arrived IS NULL AND refunded_on IS NULL AND refund = 0))
);
CREATE TABLE care_plans (
    id INTEGER PRIMARY KEY,
    serial TEXT NOT NULL REFERENCES bikes (serial),
    started TEXT NOT NULL,
    ended TEXT CHECK (ended > started),  -- NULL: running
    currency TEXT NOT NULL CHECK (currency IN ('EUR', 'GBP')),
    fee_at_start INTEGER NOT NULL CHECK (fee_at_start > 0)  -- a month
);
CREATE TABLE warranty_claims (
    id TEXT PRIMARY KEY CHECK (id LIKE 'WC-__-____'),
    serial TEXT REFERENCES bikes (serial),
    order_id TEXT REFERENCES orders (id),  -- for a part that was bought on its own
    part_code TEXT REFERENCES parts (code),
    component TEXT NOT NULL CHECK (component IN
        ('frame', 'motor', 'display', 'battery', 'lights', 'rack', 'wear part', 'part')),
    received TEXT NOT NULL,
    kilometres INTEGER NOT NULL CHECK (kilometres >= 0),
    full_cycles INTEGER CHECK (full_cycles >= 0),
    capacity_percent INTEGER CHECK (capacity_percent BETWEEN 0 AND 100),
    decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected', 'open')),
    reason TEXT,
    decided TEXT CHECK (decided >= received),
    CHECK ((serial IS NULL) <> (part_code IS NULL)),
    CHECK ((order_id IS NULL) = (part_code IS NULL)),
    CHECK ((decision = 'open') = (decided IS NULL)),
    CHECK ((decision = 'open') = (reason IS NULL)),
    CHECK (component <> 'battery' OR (full_cycles IS NOT NULL AND capacity_percent IS NOT NULL))
);
CREATE TABLE service_visits (
    id INTEGER PRIMARY KEY,
    serial TEXT NOT NULL REFERENCES bikes (serial),
    site TEXT NOT NULL REFERENCES sites (code),
    brought_in TEXT NOT NULL,
    ready TEXT CHECK (ready >= brought_in),  -- NULL: still in the workshop
    kind TEXT NOT NULL CHECK (kind IN ('first', 'regular', 'repair', 'warranty', 'recall')),
    kilometres INTEGER NOT NULL CHECK (kilometres >= 0),
    error_code TEXT CHECK (error_code LIKE 'E__'),
    work TEXT NOT NULL,
    claim_id TEXT REFERENCES warranty_claims (id),
    under_care INTEGER NOT NULL CHECK (under_care IN (0, 1)),
    loan_bike INTEGER NOT NULL CHECK (loan_bike IN (0, 1)),
    currency TEXT NOT NULL CHECK (currency IN ('EUR', 'GBP')),
    labour INTEGER NOT NULL CHECK (labour >= 0)
);
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE INDEX orders_by_day ON orders (placed);
CREATE INDEX open_orders ON orders (status) WHERE status IN ('placed', 'packed', 'shipped');
CREATE INDEX lines_by_part ON order_lines (part_code);
CREATE INDEX bikes_by_owner ON bikes (owner_id);
CREATE INDEX fits_by_product ON part_fits (product_code);
CREATE INDEX claims_by_bike ON warranty_claims (serial);
CREATE INDEX returns_by_order ON returns (order_id);
CREATE INDEX visits_by_bike ON service_visits (serial, brought_in);
"""

SITES = [
    ("GHE", "Ghent", "BE", 1),
    ("BRI", "Bristol", "GB", 0),
    ("UTR", "Utrecht", "NL", 0),
    ("MUN", "Münster", "DE", 0),
]
PRODUCTS: list[tuple[Any, ...]] = [
    ("LM-0", "Meadow Classic", "city step-through", None, None, None, 360, 1, 2019, 2022),
    ("LM-1", "Meadow", "city step-through", 2199, 1899, 40, 418, 1, 2022, None),
    ("LR-2", "Ridge", "trail hardtail", 3799, 3299, 85, 630, 1, 2021, None),
    ("LH-3", "Haul", "cargo long-tail", 5299, 4599, 85, 500, 2, 2022, None),
    ("LD-4", "Dash", "light commuter", 2899, 2499, 35, 250, 1, 2022, None),
    ("LF-5", "Fold", "folding, 20 inch", 1999, 1749, 35, 300, 1, 2022, None),
]
MODELS = {row[0]: row for row in PRODUCTS}
SOLD_AS = ["LM-1"] * 3 + ["LR-2", "LD-4", "LF-5"] * 2 + ["LH-3"]  # how often each is bought
HUBS, ALL = "LM-1 LD-4 LF-5", "LM-0 LM-1 LR-2 LH-3 LD-4 LF-5"
CURRENT, NOT_HAUL = "LM-1 LR-2 LH-3 LD-4 LF-5", "LM-0 LM-1 LR-2 LD-4 LF-5"
PARTS: list[tuple[Any, ...]] = [  # code, name, models it fits, shelf, euro, pounds
    ("LK-117", "speed-sensor magnet", ALL, "A-01-3", 6, 5),
    ("LK-118", "display", CURRENT, "A-02-1", 129, 115),
    ("LK-119", "display, Meadow Classic", "LM-0", "A-02-4", 119, 105),
    ("LK-128", "display mount", CURRENT, "A-02-2", 12, 11),
    ("LK-156", "motor cable with joint, hub motor", HUBS, "A-03-1", 19, 17),
    ("LK-165", "bottom bracket with torque sensor", CURRENT, "A-03-4", 84, 74),
    ("LK-171", "speed sensor", CURRENT, "A-01-2", 24, 21),
    ("LK-181", "front light", CURRENT, "A-04-1", 59, 52),
    ("LK-182", "rear light", "LM-1 LH-3 LD-4 LF-5", "A-04-2", 29, 26),
    ("LK-204", "rear brake pads, organic", NOT_HAUL, "B-01-1", 16, 14),
    ("LK-206", "rotor 160 mm", NOT_HAUL, "B-02-1", 18, 16),
    ("LK-208", "brake pads Haul, sintered, front and rear", "LH-3", "B-01-3", 24, 21),
    ("LK-214", "front brake pads, organic", NOT_HAUL, "B-01-2", 16, 14),
    ("LK-240", "chain, 11-speed", "LR-2 LH-3", "B-04-1", 34, 30),
    ("LK-246", "chain guard", "LM-0 LM-1", "B-05-2", 17, 15),
    ("LK-248", "chain, 8-speed", "LM-0 LM-1 LF-5", "B-04-2", 19, 17),
    ("LK-260", "rotor 203 mm", "LH-3", "B-02-2", 29, 26),
    ("LK-284", "carbon belt", "LD-4", "B-04-4", 59, 52),
    ("LK-301", "charger 2 A", ALL, "C-01-1", 49, 45),
    ("LK-303", "mains lead for the charger, EU plug", ALL, "C-02-1", 9, 8),
    ("LK-305", "mains lead for the charger, UK plug", ALL, "C-02-3", 9, 8),
    ("LK-306", "battery 360 Wh, Meadow Classic", "LM-0", "F-01-1", 469, 409),
    ("LK-309", "neoprene battery cover", "LM-1 LR-2 LH-3", "C-03-1", 25, 22),
    ("LK-310", "battery 418 Wh, Meadow", "LM-1", "F-01-2", 549, 479),
    ("LK-316", "battery 630 Wh, Ridge", "LR-2", "F-02-1", None, None),
    ("LK-318", "battery 500 Wh, Haul", "LH-3", "F-02-2", 599, 529),
    ("LK-330", "charger 4 A, not for Fold and Dash", "LM-1 LR-2 LH-3", "C-01-2", 89, 79),
    ("LK-361", "battery 300 Wh, seat post, Fold", "LF-5", "F-01-3", 429, 375),
    ("LK-414", "kickstand, single", "LM-1 LD-4", "D-01-2", 22, 20),
    ("LK-415", "double kickstand Haul", "LH-3", "D-01-1", 69, 62),
    ("LK-425", "pannier, 20 litres, one", "LM-1 LH-3 LD-4", "D-03-2", 65, 58),
    ("LK-441", "foot rests, pair", "LH-3", "D-02-1", 39, 35),
    ("LK-445", "handhold ring", "LH-3", "D-02-3", 49, 44),
    ("LK-451", "child-seat rail Haul", "LH-3", "D-02-2", 55, 49),
    ("LK-452", "front basket", "LM-1", "D-03-1", 39, 35),
    ("LK-454", "rear cushion", "LH-3", "D-02-4", 45, 40),
    ("LK-456", "rain cover, two children", "LH-3", "D-04-1", 119, 105),
    ("LK-512", "inner tube 47-622", "LM-0 LM-1", "E-01-1", 8, 7),
    ("LK-513", "inner tube 40-622", "LD-4", "E-01-2", 8, 7),
    ("LK-514", "inner tube 50-406", "LF-5", "E-01-3", 8, 7),
    ("LK-516", "inner tube 60-406", "LH-3", "E-01-4", 9, 8),
    ("LK-521", "tyre 47-622", "LM-0 LM-1", "E-02-1", 32, 28),
    ("LK-531", "tyre 40-622", "LD-4", "E-02-2", 36, 32),
    ("LK-541", "tyre 50-406", "LF-5", "E-02-3", 29, 26),
    ("LK-561", "tyre 60-406", "LH-3", "E-02-4", 38, 34),
    ("LK-562", "tyre 60-622, tubeless", "LR-2", "E-03-1", 49, 44),
    ("LK-606", "spare key, cut by number", "LM-0 LM-1 LR-2 LH-3 LF-5", None, 15, 13),
    ("LK-616", "plug-in chain for the frame lock", "LM-1 LH-3 LD-4", "D-05-2", 39, 35),
    ("LK-660", "frame lock", "LM-1 LH-3 LD-4", "D-05-1", 45, 40),
    ("LK-701", "tubeless plug kit", "LR-2", "E-04-3", 15, 13),
    ("LK-702", "sealant, Ridge tubeless", "LR-2", "E-04-1", 14, 12),
    ("LK-710", "tubeless valves, pair", "LR-2", "E-04-2", 12, 11),
    ("LK-870", "touch-up pen, by paint code", ALL, "D-06-1", 11, 10),
]
PART = {row[0]: row for row in PARTS}
CLAIMED = ["battery"] * 3 + ["motor", "display", "frame", "lights", "rack", "wear part"]
BATTERIES = {"LK-306", "LK-310", "LK-316", "LK-318", "LK-361"}
WEAR = {code for code, name, *_ in PARTS if re.match(".*pads|chain,|.*belt|inner|tyre", name)}
SOLD_OUT = {"LK-284", "LK-306", "LK-452", "LK-521", "LK-710"}  # in Ghent, on the last day

PEOPLE = {  # first names, family names, cities
    "BE": (
        "Lotte Jef An Wout Femke Pieter Marie Thibault Nora Yasmina Koen Greet Elise Bram Saïd "
        "Hilde Dries Luc Amélie Karim Tine Stijn Ruben Camille Jozef Liesbet Olivier Nele",
        "Peeters Janssens Claeys Willems Mertens Goossens Dubois Lambert De_Smet Wouters Lemmens "
        "El_Amrani Vercruysse De_Backer Martens Hermans Van_Damme Desmedt Renard Bogaert Cools "
        "Verhaeghe Van_den_Broeck Simons Haddad Leroy",
        "Ghent Antwerp Leuven Bruges Brussels Kortrijk Mechelen Namur Liège Hasselt Ostend",
    ),
    "NL": (
        "Sanne Daan Fleur Sem Noor Thijs Anouk Bart Marloes Jeroen Fatima Ruud Esmee Willem Iris "
        "Niels Saskia Hugo Mirjam Tariq Loes Arjan Roos Kees Yara Maarten Joke Stef",
        "de_Vries Jansen van_Dijk Bakker Visser Smit Meijer de_Boer Mulder de_Groot Bos Vos Peters "
        "Hendriks van_Leeuwen Dekker Brouwer Özdemir van_der_Meer Kok Schouten Postma Benali "
        "Hoekstra Kuipers Veenstra",
        "Utrecht Amsterdam Rotterdam Groningen Zwolle Nijmegen Leiden Haarlem Eindhoven Delft "
        "Amersfoort",
    ),
    "DE": (
        "Anna Jonas Lea Felix Katharina Moritz Jürgen Sabine Paul Ayşe Tobias Greta Uwe Mehmet "
        "Klara Stefan Birgit Emil Annika Dirk Zofia Matthias Heike Leon Franziska Björn Ute Malte",
        "Müller Schmidt Schneider Fischer Weber Becker Schulz Hoffmann Koch Bauer Krüger Wolf "
        "Schröder Neumann Braun Yılmaz Zimmermann Krause Lehmann Kowalski Köhler Maier Vogel "
        "Brinkmann Suhr Große-Wilde",
        "Münster Osnabrück Berlin Hamburg Cologne Bremen Leipzig Freiburg Bielefeld Oldenburg "
        "Hanover",
    ),
    "GB": (
        "Emily Jack Priti Oliver Grace Callum Aisha George Megan Harry Siobhan Dylan Charlotte "
        "Kwame Ruth Gareth Imogen Rajesh Fiona Leah Owen Catriona Ben Zainab Martha Neil Joanna",
        "Smith Jones Taylor Patel Evans Walker Wright Robinson Thompson Hughes Green Khan Edwards "
        "Wood Clarke Bell Mensah Campbell MacLeod O'Neill Parker Whitfield Singh Ashworth Fenwick "
        "Penrose",
        "Bristol London Leeds Manchester Cardiff Edinburgh Bath Norwich Sheffield Exeter Belfast "
        "Inverness Derry Brighton Glasgow",
    ),
}
GERMAN = {"ü": "ue", "ö": "oe", "ä": "ae", "ß": "ss", "ı": "i"}
REMOTE = {"Belfast", "Derry", "Inverness"}  # Northern Ireland and the Scottish Highlands
HOME_SITE = {"BE": "GHE", "NL": "UTR", "DE": "MUN", "GB": "BRI"}
SIZES = {"LM-0": "SML", "LM-1": "SML", "LR-2": ("M", "L", "XL"), "LD-4": "SML"}
PAINTS = {  # code and the first year in which it was sold
    "LM-1": (("PT-11", 2022), ("PT-17", 2022), ("PT-71", 2023)),
    "LR-2": (("PT-23", 2021), ("PT-32", 2024)),
    "LD-4": (("PT-40", 2022), ("PT-04", 2023)),
    "LF-5": (("PT-11", 2022), ("PT-55", 2023)),
}
PAYMENTS = {
    "BE": ("card", "PayPal", "Bancontact", "Bancontact", "Veloflex"),
    "NL": ("card", "PayPal", "iDEAL", "iDEAL", "Veloflex"),
    "DE": ("card", "PayPal", "PayPal", "Veloflex", "leasing"),
    "GB": ("card", "card", "PayPal", "Cycle to Work"),
}
REPAIRS = [  # error code, what was done, euro and pounds for the labour, wear part, models
    ("E01", "battery tested, charged", 30, 26, 0, CURRENT),
    ("E07", "motor log read, rider advised", 25, 22, 0, CURRENT),
    ("E10", "speed-sensor magnet replaced", 20, 18, 0, CURRENT),
    ("E10", "speed sensor aligned, 5 mm gap", 20, 18, 0, CURRENT),
    ("E17", "torque sensor calibrated", 25, 22, 0, CURRENT),
    ("E19", "derailleur hanger straightened after a fall", 35, 31, 0, "LR-2"),
    ("E32", "motor and display updated", 25, 22, 0, CURRENT),
    ("E41", "batteries balanced", 40, 35, 0, "LH-3"),
    ("E52", "hinge sensor cleaned", 20, 18, 0, "LF-5"),
    ("E60", "charging port dried and sealed", 30, 26, 0, "LD-4"),
    ("E70", "battery contacts cleaned", 25, 22, 0, CURRENT),
    ("E71", "charger tested", 15, 13, 0, CURRENT),
    (None, "brake pads replaced", 35, 31, 1, CURRENT),
    (None, "puncture repaired, rear", 30, 26, 1, "LM-1 LH-3 LD-4 LF-5"),
    (None, "chain replaced", 25, 22, 1, "LM-1 LR-2 LH-3 LF-5"),
    (None, "belt tension set", 15, 13, 0, "LD-4"),
    (None, "brakes bled", 45, 40, 0, CURRENT),
    (None, "wheel trued, spokes replaced", 55, 48, 0, CURRENT),
    (None, "tyre replaced", 25, 22, 1, CURRENT),
]


def closed(day: date) -> bool:
    """Say whether warehouse and workshops are closed: weekends and between the years."""
    winters = (
        (date(2023, 12, 23), date(2024, 1, 2)),
        (date(2024, 12, 23), date(2025, 1, 3)),
        (date(2025, 12, 24), date(2026, 1, 2)),
    )
    return day.weekday() > 4 or any(first <= day <= last for first, last in winters)


def working_days(day: date, count: int) -> date:
    """Return the day that lies so many working days after `day`."""
    while count:
        day += timedelta(1)
        count -= not closed(day)
    return day


def years_later(day: date, years: int) -> date:
    """Return the same day so many years later; 29 February becomes 28 February."""
    if (day.month, day.day) == (2, 29):
        day = date(day.year, 2, 28)
    return day.replace(year=day.year + years)


def decide(
    component: str,
    purchased: date,
    received: date,
    *,
    cycles: int = 0,
    capacity: int = 0,
    resold: date | None = None,
    reregistered: date | None = None,
) -> tuple[str, str]:
    """Decide a claim by the warranty terms, as the desk in Münster does.

    >>> decide("battery", date(2025, 2, 28), date(2026, 3, 1), cycles=510, capacity=66)
    ('rejected', 'cycles over')
    >>> decide("battery", date(2025, 3, 1), date(2026, 3, 1), cycles=510, capacity=66)
    ('approved', 'inside the warranty')
    """
    new = purchased >= NEW_WARRANTY
    periods = {
        "frame": 10 if new else 5,
        "motor": 2,
        "display": 2,
        "battery": 3 if new else 2,
        "lights": 1,
        "rack": 1,
        "part": 1,
        "spare battery": 2,
    }
    if component == "wear part":
        return "rejected", "wear part"
    if resold and component != "frame":
        return "rejected", "does not pass to a second owner"
    if resold and reregistered and (reregistered - resold).days > 60:
        return "rejected", "re-registered too late"
    if received > years_later(purchased, periods[component]):
        return "rejected", "period over"
    if "battery" in component:
        if cycles > (700 if new and component == "battery" else 500):
            return "rejected", "cycles over"
        if capacity >= 70:
            return "rejected", "capacity at least 70 %"
    return "approved", "inside the warranty"


class Shop:
    """The shop's life from January 2023 to September 2026, from a generator with a fixed seed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.rng = Random(SEED)
        self.db = connection
        self.bikes: dict[str, dict[str, Any]] = {}
        self.numbers: dict[str, int] = {}
        self.claims: list[tuple[date, dict[str, Any]]] = []
        self.returns: list[tuple[date, dict[str, Any]]] = []
        self.visits: list[tuple[date, dict[str, Any]]] = []

    # the generator promises the same numbers for random() alone, so nothing else of it is used
    def between(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Draw one item."""
        return items[self.between(0, len(items) - 1)]

    def chance(self, share: float) -> bool:
        """Draw yes or no."""
        return self.rng.random() < share

    def number(self, kind: str, step: int = 1) -> int:
        """Count up one of the running numbers, with gaps if step is over 1."""
        self.numbers[kind] = self.numbers.get(kind, 0) + self.between(1, step)
        return self.numbers[kind]

    def insert(self, table: str, **values: Any) -> None:
        """Insert one row; dates become text."""
        cells = [str(value) if isinstance(value, date) else value for value in values.values()]
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", cells)

    def build(self) -> None:
        """Write every table."""
        self.db.executemany("INSERT INTO sites VALUES (?, ?, ?, ?)", SITES)
        self.db.executemany(f"INSERT INTO products VALUES ({', '.join('?' * 10)})", PRODUCTS)
        for code, name, fits, place, euro, pounds in PARTS:
            flags = (int(code in WEAR), int(code in BATTERIES))
            row = (code, name, place, euro, pounds, *flags)
            self.db.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            pairs = [(code, model) for model in fits.split()]
            self.db.executemany("INSERT INTO part_fits VALUES (?, ?)", pairs)
        self.make_stock()
        customers = self.make_customers(430)
        self.make_old_bikes(customers)
        self.make_orders(customers)
        self.plant()
        self.make_plans_and_visits()
        self.make_claims()
        self.write_dated()
        self.number_orders()

    def make_stock(self) -> None:
        """Fill the shelves; in Ghent some are empty, and what others hold is for repairs only."""
        for site, _, _, sells in SITES:
            for code, *_, euro, _ in PARTS:
                if code == "LK-606" or (not sells and self.chance(0.25)):
                    continue
                dear = euro is None or euro > 100
                reorder = 4 if dear else 15
                most = (30 if dear else 160) if sells else (3 if dear else 12)
                quantity = (
                    0 if sells and code in SOLD_OUT else self.between(1 if sells else 0, most)
                )
                if site == "MUN" and code in SOLD_OUT:
                    quantity = max(quantity, 2)  # there, but not for the web shop
                counted = date(2026, 9, 25) if not sells else date(2026, 9, self.between(1, 29))
                self.insert(
                    "stock",
                    site=site,
                    part_code=code,
                    quantity=quantity,
                    reorder_at=reorder if sells else 1,
                    counted_on=counted,
                )
            for code in CURRENT.split():
                quantity = self.between(4, 45) if sells else self.between(0, 2)
                if sells and code == "LF-5":
                    quantity = 0
                self.insert(
                    "stock",
                    site=site,
                    product_code=code,
                    quantity=quantity,
                    reorder_at=5 if sells else 0,
                    counted_on=date(2026, 9, 25),
                )

    def make_customers(self, count: int) -> list[dict[str, Any]]:
        """Invent people; no two share a name, and nobody has the name of one of the staff."""
        customers: list[dict[str, Any]] = []
        taken: set[str] = set()
        while len(customers) < count:
            country = self.pick(("BE", "BE", "BE", "NL", "NL", "NL", "DE", "DE", "DE", "GB", "GB"))
            firsts, lasts, cities = (text.split() for text in PEOPLE[country])
            name = f"{self.pick(firsts)} {self.pick(lasts).replace('_', ' ')}"
            if name in taken:
                continue
            taken.add(name)
            city = self.pick(cities)
            letters = "".join(GERMAN.get(letter, letter) for letter in name.lower())
            plain = unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
            box = "".join(c if c.isalnum() else "." for c in plain.replace("'", ""))
            french = city in ("Brussels", "Namur", "Liège")
            language = "en" if country == "GB" or french else "de" if country == "DE" else "nl"
            days = (LAST_DAY - FIRST_DAY).days
            customer = {
                "id": 1001 + len(customers),
                "name": name,
                "email": f"{box}@example.{self.pick(('com', 'org', 'net'))}",
                "city": city,
                "country": country,
                "zone": "EU"
                if country != "GB"
                else "UK remote"
                if city in REMOTE
                else "UK mainland",
                "language": language,
                "created": FIRST_DAY + timedelta(self.between(0, days)),
                "newsletter": int(self.chance(0.4)),
            }
            customers.append(customer)
            self.insert("customers", **customer)
        return customers

    def make_bike(self, model: str, owner: dict[str, Any], bought: date, paint: str | None) -> str:
        """Register a bike, with its numbers."""
        year = bought.year - (bought.month <= 2 and self.chance(0.6))
        serial = f"{model.replace('-', '')}-{year % 100}-{self.number(f'{model}{year}', 9):06d}"
        watts, batteries = MODELS[model][6], MODELS[model][7]
        made = bought - timedelta(7 * self.between(2, 5))
        iso = made.isocalendar()
        paints = [code for code, since in PAINTS.get(model, ()) if since <= year]
        numbers = [
            f"B{watts}-{year % 100}-{self.number('battery', 40):05d}" for _ in range(batteries)
        ]
        bike = {
            "serial": serial,
            "product_code": model,
            "frame_size": self.pick(SIZES.get(model, ("one",))),
            "paint_code": paint or (self.pick(paints) if paints else None),
            "battery_number": numbers[0],
            "second_battery": numbers[1] if batteries == 2 else None,
            "charger_batch": f"CH{iso.year % 100}-{iso.week:02d}",
            "purchased": bought,
            "owner_id": owner["id"],
            "resold_on": None,
            "reregistered_on": None,
        }
        self.insert("bikes", **bike)
        self.bikes[serial] = {
            **bike,
            "country": owner["country"],
            "gone": None,
            "dates": [],
            "pace": self.between(600, 3800),
        }
        return serial

    def resell(self, serial: str, owner: dict[str, Any], sold: date, registered: date) -> None:
        """Give a bike a second owner."""
        bike = self.bikes[serial]
        bike.update(owner_id=owner["id"], resold_on=sold, reregistered_on=registered)
        bike["country"] = owner["country"]
        self.db.execute(
            "UPDATE bikes SET owner_id = ?, resold_on = ?, reregistered_on = ? WHERE serial = ?",
            (owner["id"], str(sold), str(registered), serial),
        )

    def make_old_bikes(self, customers: list[dict[str, Any]]) -> None:
        """Register the Meadow Classics, and some bikes that dealers sold before 2023."""
        for n in range(46):
            model = "LM-0" if n < 34 else self.pick(("LM-1", "LR-2"))
            first = 2019 if model == "LM-0" else 2022
            bought = date(self.between(first, 2022), self.between(1, 12), self.between(1, 28))
            self.make_bike(model, self.pick(customers), max(bought, date(first, 3, 1)), None)

    def make_orders(self, customers: list[dict[str, Any]]) -> None:
        """Let people order, most of them a bike first and parts for it later."""
        wishes: list[tuple[date, int, dict[str, Any], str]] = []
        for customer in customers:
            day, has_bike = customer["created"], self.chance(0.85)
            if has_bike:
                wishes.append((day, customer["id"], customer, "bike"))
            for _ in range(self.between(0 if has_bike else 1, 3)):
                day += timedelta(self.between(20, 330))
                wishes.append((day, customer["id"], customer, "parts"))
        extra = [customer for customer in customers if self.chance(0.14)]
        wishes += [
            (c["created"] + timedelta(self.between(90, 700)), c["id"], c, "bike") for c in extra
        ]
        wishes = sorted((w for w in wishes if w[0] <= LAST_DAY), key=lambda w: w[:2])
        owned: dict[int, list[str]] = {}
        for day, number, customer, wish in wishes:
            if wish == "bike":
                model = self.pick(SOLD_AS)
                owned.setdefault(number, []).append(model)
                fitting = [c for c, _, fits, *_ in PARTS if model in fits and c[3] in "3467"]
                codes = [self.pick(fitting)] if self.chance(0.3) else []
                codes = [code for code in codes if code not in BATTERIES | {"LK-606", "LK-330"}]
                self.order(customer, day, model, [(code, 1) for code in codes])
                continue
            model = self.pick(owned.get(number, ["LM-1", "LM-0", "LF-5"]))
            lead = "LK-305" if customer["country"] == "GB" else "LK-303"
            fitting = [c for c, _, fits, _, euro, _ in PARTS if model in fits and euro]
            fitting = [c for c in fitting if c not in ("LK-303", "LK-305") or c == lead]
            picked = {
                self.pick(fitting): self.pick((1, 1, 1, 2)) for _ in range(self.between(1, 3))
            }
            lines = [(c, 1 if c in BATTERIES or PART[c][4] > 80 else n) for c, n in picked.items()]
            self.order(customer, day, None, lines)

    def order(
        self,
        customer: dict[str, Any],
        day: date,
        model: str | None,
        parts: list[tuple[str, int]],
        *,
        custom: bool | None = None,
        cancel: str | None = None,
        dispatched: date | None = None,
        paying: str | None = None,
    ) -> tuple[str, str | None]:
        """Place an order and see it through; return its number and the bike's."""
        pounds = customer["country"] == "GB"
        column = 5 if pounds else 4
        lines: list[dict[str, Any]] = []
        if model:
            custom = self.chance(0.05) if custom is None else custom
            price = MODELS[model][4 if pounds else 3] + custom * (210 if pounds else 240)
            lines.append(
                {
                    "product_code": model,
                    "quantity": 1,
                    "unit_price": price,
                    "custom_paint": int(custom),
                }
            )
        lines += [{"part_code": c, "quantity": n, "unit_price": PART[c][column]} for c, n in parts]
        goods = sum(line["quantity"] * line["unit_price"] for line in lines)
        has_battery = any(code in BATTERIES for code, _ in parts)
        collect = HOME_SITE[customer["country"]] if has_battery or self.chance(0.08) else None
        if collect:
            charge = 0
        elif model:
            charge = 0 if goods > (2600 if pounds else 3000) else 45 if pounds else 49
        else:
            charge = 0 if goods > (65 if pounds else 75) else 6
        methods = list(PAYMENTS[customer["country"]])
        if not model:
            methods = [m for m in methods if m not in ("Cycle to Work", "leasing")]
        if not 800 <= goods <= 7000:
            methods = [m for m in methods if m != "Veloflex"]
        if cancel is None and self.chance(0.055):
            cancel = self.pick(
                ("card declined", "changed mind", "changed mind", "out of stock", "ordered twice")
            )
        payment = "card" if cancel == "card declined" else paying or self.pick(methods)
        if dispatched is None:
            wait = 31 + self.between(0, 4) if custom else self.between(1, 4)
            if any(code == "LK-606" for code, _ in parts):
                wait = self.between(8, 10)  # cut by number
            dispatched = working_days(day, wait)
        cancelled_on = None
        if cancel:
            cancelled_on = day + timedelta(2 if cancel == "card declined" else self.between(0, 1))
            status = "cancelled"
            if cancelled_on > LAST_DAY:
                cancel, cancelled_on, status = None, None, "placed"
        elif dispatched > LAST_DAY:
            status = "packed" if working_days(day, 2) <= LAST_DAY and not custom else "placed"
        else:
            status = "shipped"
        order_id = f"LC-00-{self.number('order'):05d}"  # until all are there: see number_orders
        self.insert(
            "orders",
            id=order_id,
            customer_id=customer["id"],
            placed=day,
            status=status,
            currency="GBP" if pounds else "EUR",
            payment=payment,
            collect_at=collect,
            delivery_charge=charge,
            total=goods + charge,
            cancelled_on=cancelled_on,
            cancel_reason=cancel or None,
        )
        serial = None
        if model and status == "shipped":
            serial = self.make_bike(model, customer, day, "custom" if custom else None)
            lines[0]["serial"] = serial
        for number, line in enumerate(lines, start=1):
            self.insert("order_lines", order_id=order_id, line=number, **line)
        if status == "shipped":
            arrived = self.ship(
                order_id, customer, dispatched, model is not None, bool(parts), collect
            )
            if serial:
                self.bikes[serial].update(
                    order=order_id, delivered=arrived, price=lines[0]["unit_price"]
                )
        return order_id, serial

    def ship(
        self,
        order_id: str,
        customer: dict[str, Any],
        day: date,
        bike: bool,
        parts: bool,
        collect: str | None,
    ) -> date | None:
        """Send an order in one part or two; return the day on which its first part arrived."""
        bike_days = {"EU": (5, 8), "UK mainland": (7, 10), "UK remote": (10, 14)}[customer["zone"]]
        parcel_days = (2, 4) if customer["zone"] == "EU" else (4, 6)
        kinds = [("bike", bike_days)] * bike + [("parcel", parcel_days)] * parts
        arrivals: list[date | None] = []
        for part, (kind, days) in enumerate(kinds, start=1):
            sent = day if part == 1 else working_days(day, self.between(0, 5))
            if sent > LAST_DAY:
                continue
            late = self.between(2, 9) if self.chance(0.03) else 0
            arrival: date | None = working_days(sent, self.between(*days) + late)
            arrivals.append(arrival if arrival and arrival <= LAST_DAY else None)
            tracking = f"{'PX' if kind == 'parcel' else 'BK'}{self.number('tracking', 900):08d}"
            self.insert(
                "shipments",
                order_id=order_id,
                part=part,
                tracking=tracking,
                kind="to workshop" if collect else kind,
                dispatched=sent,
                delivered=arrivals[-1],
            )
        if len(arrivals) == len(kinds) and None not in arrivals:
            self.db.execute("UPDATE orders SET status = 'delivered' WHERE id = ?", (order_id,))
        return arrivals[0]

    def send_back(
        self, serial: str, requested: date, reason: str, km: int, wait: int | None = None
    ) -> None:
        """Ask for a return, and let the policy of the delivery's day decide."""
        bike = self.bikes[serial]
        old = bike["delivered"] < NEW_RETURNS
        days = (requested - bike["delivered"]).days
        limit = 14 if old else 30
        faulty = reason in ("faulty", "damaged in transit")
        christmas = date(2025, 12, 1) <= bike["delivered"] <= date(2025, 12, 24)
        refusal = None
        if not faulty and bike["paint_code"] == "custom":
            refusal = "custom paint"
        elif days > limit and not (christmas and requested <= date(2026, 1, 31)):
            refusal = "too late"
        elif not faulty and km > (50 if old else 100):
            refusal = "too many kilometres"
        pounds = bike["country"] == "GB"
        fee = (55 if pounds else 59) if old else 69 if pounds else 79
        if bike["product_code"] == "LH-3" and not old:
            fee = 105 if pounds else 120
        if faulty or refusal or (bike["country"] == "DE" and days <= 14 and not old):
            fee = 0
        arrived = refunded = None
        refund = 0
        if not refusal:
            arrived = working_days(requested, self.between(4, 9))
            refunded = working_days(arrived, wait or self.between(3, 10))
            refund = bike["price"] - fee
            if arrived > LAST_DAY:
                arrived = refunded = None
            elif refunded > LAST_DAY:
                refunded = None
            bike["gone"] = requested
            status = "UPDATE orders SET status = 'returned' WHERE id = ?"
            if arrived:
                self.db.execute(status, (bike["order"],))
        row = {
            "order_id": bike["order"],
            "serial": serial,
            "requested": requested,
            "reason": reason,
            "kilometres": km,
            "decision": "refused" if refusal else "accepted",
            "refusal": refusal,
            "arrived": arrived,
            "fee": fee,
            "refund": refund,
            "refunded_on": refunded,
        }
        self.returns.append((requested, row))
        bike["sent_back"] = True

    def plant(self) -> None:
        """Add the cases that a course needs, then returns by chance."""
        people = {
            "Hanneke Dijkema": ("Groningen", "NL", "EU", "nl"),
            "Volker Ahrens": ("Bremen", "DE", "EU", "de"),
            "Moira Sinclair": ("Inverness", "GB", "UK remote", "en"),
            "Tom Okafor": ("Leeds", "GB", "UK mainland", "en"),
            "Griet Lauwers": ("Ghent", "BE", "EU", "nl"),
        }
        made: dict[str, dict[str, Any]] = {}
        for number, (name, (city, country, zone, language)) in enumerate(people.items(), 1901):
            made[name] = {
                "id": number,
                "name": name,
                "city": city,
                "country": country,
                "zone": zone,
                "email": f"{name.lower().replace(' ', '.')}@example.org",
                "language": language,
                "created": date(2023, 3, 6),
                "newsletter": 0,
            }
            self.insert("customers", **made[name])
        hanneke, volker, moira, tom, griet = made.values()
        # one day on either side of the new warranty, the same battery fault a year later
        for person, bought in ((hanneke, date(2025, 2, 28)), (volker, date(2025, 3, 1))):
            _, serial = self.order(person, bought, "LM-1", [], custom=False, cancel="")
            assert serial
            self.claim(serial, "battery", date(2026, 9, 1), 20900, cycles=545, capacity=64)
        # inside the new period, but bought under the old one
        _, serial = self.order(griet, date(2024, 7, 1), "LR-2", [], custom=False, cancel="")
        assert serial
        self.claim(serial, "battery", date(2026, 8, 3), 8300, cycles=262, capacity=61)
        # a bike and its parcel, sent apart, and the parcel is still on its way
        sent = date(2026, 9, 7)
        wishes = [("LK-425", 2), ("LK-309", 1)]
        order, _ = self.order(
            moira, date(2026, 9, 4), "LM-1", wishes, custom=False, cancel="", dispatched=sent
        )
        self.db.execute(
            "UPDATE shipments SET dispatched = ?, delivered = iif(part = 1, '2026-09-22', NULL),"
            " kind = iif(part = 1, 'bike', 'parcel') WHERE order_id = ? AND part IN (1, 2)",
            (str(sent), order),
        )
        late = "UPDATE shipments SET dispatched = '2026-09-25' WHERE order_id = ? AND part = 2"
        self.db.execute(late, (order,))
        status = "UPDATE orders SET status = 'shipped', collect_at = NULL WHERE id = ?"
        self.db.execute(status, (order,))
        # Germany: within 14 days without a fee, after them with one
        for days in (12, 16):
            _, serial = self.order(volker, date(2025, 6, 2), "LD-4", [], custom=False, cancel="")
            assert serial
            arrived = self.bikes[serial]["delivered"]
            self.send_back(serial, arrived + timedelta(days), "changed mind", 40)
        # a Haul by pallet, a refund that took too long, a custom colour, a Christmas present
        _, serial = self.order(tom, date(2025, 4, 7), "LH-3", [], custom=False, cancel="")
        assert serial
        self.send_back(serial, self.bikes[serial]["delivered"] + timedelta(20), "too heavy", 61, 14)
        _, serial = self.order(tom, date(2025, 9, 1), "LR-2", [], custom=True, cancel="")
        assert serial
        self.send_back(serial, self.bikes[serial]["delivered"] + timedelta(3), "changed mind", 9)
        _, serial = self.order(
            griet,
            date(2025, 11, 25),
            "LF-5",
            [],
            custom=False,
            cancel="",
            dispatched=date(2025, 11, 27),
        )
        assert serial
        self.send_back(serial, date(2026, 1, 20), "wrong size", 18)
        # refused: each of these under the rules of its day, two of them fine by today's
        for placed, days, km in (
            (date(2023, 10, 2), 17, 30),
            (date(2023, 10, 9), 9, 72),
            (date(2025, 5, 12), 34, 60),
            (date(2026, 3, 2), 10, 118),
        ):
            _, serial = self.order(hanneke, placed, "LF-5", [], custom=False, cancel="")
            assert serial
            requested = self.bikes[serial]["delivered"] + timedelta(days)
            self.send_back(serial, requested, "changed mind", km)
        # outside the period: a motor after two years, a Classic's frame after five
        _, serial = self.order(tom, date(2023, 5, 8), "LM-1", [], custom=False, cancel="")
        assert serial
        self.claim(serial, "motor", date(2025, 9, 15), 4100)
        serial = self.make_bike("LM-0", griet, date(2020, 4, 6), None)
        self.claim(serial, "frame", date(2025, 10, 6), 9700)
        # second owners: one re-registers in time, one too late
        for owner, days in ((griet, 41), (hanneke, 77)):
            _, serial = self.order(tom, date(2023, 9, 11), "LR-2", [], custom=False, cancel="")
            assert serial
            sold = date(2025, 5, 3)
            self.resell(serial, owner, sold, sold + timedelta(days))
            self.claim(serial, "frame", date(2026, 2, 9), 6200)
            self.claim(serial, "motor", date(2025, 8, 4), 5100)
        # a card that was declined, and a charger of the recall that nobody has exchanged
        self.order(griet, date(2024, 6, 3), "LD-4", [], custom=False, cancel="card declined")
        _, serial = self.order(
            griet,
            date(2024, 6, 10),
            "LD-4",
            [],
            custom=False,
            cancel="",
            dispatched=date(2024, 6, 12),
        )
        assert serial
        self.bikes[serial].update(charger_batch="CH24-21", keep_charger=True)
        self.db.execute("UPDATE bikes SET charger_batch = 'CH24-21' WHERE serial = ?", (serial,))
        for serial, bike in list(self.bikes.items()):
            if not bike.get("delivered") or bike.get("sent_back") or bike["resold_on"]:
                continue
            if bike["owner_id"] >= 1901 or not self.chance(0.1):
                continue
            reason = self.pick(
                (
                    "changed mind",
                    "changed mind",
                    "wrong size",
                    "too heavy",
                    "faulty",
                    "damaged in transit",
                )
            )
            within = 14 if bike["delivered"] < NEW_RETURNS else 30
            days = self.between(1, within + 6 if self.chance(0.2) else within)
            days = self.between(0, 1) if reason == "damaged in transit" else days
            km = self.between(0, 130 if self.chance(0.15) else 50 if within == 14 else 95)
            requested = bike["delivered"] + timedelta(days)
            if requested <= LAST_DAY:
                wait = self.between(11, 15) if self.chance(0.05) else None
                self.send_back(serial, requested, reason, 0 if reason[0] == "d" else km, wait)

    def claim(self, serial: str, component: str, day: date, km: int, **battery: Any) -> None:
        """Hand in a claim for a bike; the terms decide, within ten working days."""
        bike = self.bikes[serial]
        decision, reason = decide(
            component,
            bike["purchased"],
            day,
            resold=bike["resold_on"],
            reregistered=bike["reregistered_on"],
            **battery,
        )
        row = {"serial": serial, "order_id": None, "part_code": None, "component": component}
        self.write_claim(row, day, km, decision, reason, battery)
        bike["dates"].append((day, km))

    def write_claim(
        self,
        row: dict[str, Any],
        day: date,
        km: int,
        decision: str,
        reason: str,
        battery: dict[str, Any],
    ) -> None:
        """Keep a claim until all of them can be numbered by date."""
        decided = working_days(day, self.between(2, 10))
        settled = decided <= LAST_DAY
        row |= {
            "received": day,
            "kilometres": km,
            "full_cycles": battery.get("cycles"),
            "capacity_percent": battery.get("capacity"),
            "decision": decision if settled else "open",
            "reason": reason if settled else None,
            "decided": decided if settled else None,
        }
        self.claims.append((day, row))

    def kilometres(self, bike: dict[str, Any], day: date) -> int:
        """Return what the display shows on a day, for a rider who always rides alike."""
        return 15 + int((day - bike["purchased"]).days * bike["pace"] / 365)

    def make_claims(self) -> None:
        """Hand in claims by chance: inside and outside every period, and for parts."""
        for serial, bike in self.bikes.items():
            start = max(bike["purchased"] + timedelta(60), FIRST_DAY)
            room = (LAST_DAY - start).days
            if bike["gone"] or bike["owner_id"] >= 1901 or room < 30 or not self.chance(0.2):
                continue
            component = self.pick(CLAIMED)
            if component == "rack" and bike["product_code"] == "LR-2":
                component = "frame"
            day = start + timedelta(self.between(0, room))
            while day.weekday() > 4:
                day -= timedelta(1)
            km = self.kilometres(bike, day)
            watts = MODELS[bike["product_code"]][6] * MODELS[bike["product_code"]][7]
            battery: dict[str, Any] = {}
            if component == "battery":
                cycles = int(km * 8 / watts * self.between(8, 14) / 10)
                battery = {"cycles": cycles, "capacity": self.between(52, 78)}
            self.claim(serial, component, day, km, **battery)
        rows = self.db.execute(
            "SELECT l.order_id, l.part_code, o.placed, p.battery, p.wear_part FROM order_lines l"
            " JOIN orders o ON o.id = l.order_id JOIN parts p ON p.code = l.part_code"
            " WHERE o.status = 'delivered' AND (p.battery OR p.price_eur > 20) ORDER BY 1, 2"
        ).fetchall()
        for order_id, code, placed, is_battery, wear in rows:
            bought = date.fromisoformat(placed)
            day = bought + timedelta(self.between(40, 900))
            if day > LAST_DAY or day.weekday() > 4 or not self.chance(0.09):
                continue
            battery = dict[str, Any]()
            kind = "wear part" if wear else "part"
            if is_battery:
                battery = {"cycles": self.between(80, 620), "capacity": self.between(55, 75)}
                kind = "spare battery"
            decision, reason = decide(kind, bought, day, **battery)
            component = "battery" if is_battery else kind
            row = {"serial": None, "order_id": order_id, "part_code": code, "component": component}
            self.write_claim(row, day, self.between(300, 4000), decision, reason, battery)

    def make_plans_and_visits(self) -> None:
        """Sell service plans, and let the bikes come to the workshops."""
        for serial, bike in self.bikes.items():
            model, country = bike["product_code"], bike["country"]
            if bike["gone"] or (bike["owner_id"] >= 1901 and not bike.get("keep_charger")):
                continue
            pounds, haul = country == "GB", model == "LH-3"
            plan = None
            if self.chance(0.28):
                started = max(bike["purchased"], FIRST_DAY) + timedelta(self.between(0, 55))
                if started < CARE_STARTED and (started - bike["purchased"]).days > 30:
                    started = CARE_STARTED + timedelta(self.between(0, 300))  # CarePlan: new bikes
                ended = started + timedelta(self.between(365, 900)) if self.chance(0.25) else None
                fee = (17 if pounds else 19) if haul else 12 if pounds else 14
                if started < CARE_STARTED:
                    fee = 10 if pounds else 11
                if started <= LAST_DAY:
                    plan = (started, ended if ended and ended <= LAST_DAY else None)
                    self.insert(
                        "care_plans",
                        serial=serial,
                        started=started,
                        ended=plan[1],
                        currency="GBP" if pounds else "EUR",
                        fee_at_start=fee,
                    )
            day = max(bike["purchased"] + timedelta(self.between(40, 110)), FIRST_DAY)
            first = bike["purchased"] >= FIRST_DAY
            while day <= LAST_DAY:
                if self.chance(0.8 if first else 0.6):
                    self.visit(serial, day, "first" if first else "regular", plan)
                if self.chance(0.3):
                    self.visit(serial, day + timedelta(self.between(20, 180)), "repair", plan)
                first = False
                day += timedelta(self.between(220, 330) if haul else self.between(300, 430))
            week = int(bike["charger_batch"][5:]) if bike["charger_batch"][:4] == "CH24" else 0
            if model in "LM-1 LD-4 LF-5" and week in (*range(17, 23), 25, 26):
                notice = date(2024, 10, 2) if week < 23 else date(2025, 1, 20)
                if self.chance(0.7) and not bike.get("keep_charger"):
                    self.visit(serial, notice + timedelta(self.between(1, 200)), "recall", plan)

    def visit(
        self, serial: str, day: date, kind: str, plan: tuple[date, date | None] | None
    ) -> None:
        """Bring a bike to the workshop of its owner's country."""
        while closed(day) or day.weekday() == 0:
            day += timedelta(1)
        if day > LAST_DAY:
            return
        bike = self.bikes[serial]
        pounds, haul = bike["country"] == "GB", bike["product_code"] == "LH-3"
        care = bool(plan and plan[0] <= day and not (plan[1] and plan[1] < day))
        code, work, labour, length = None, f"{kind} service", 0, 1
        if kind == "recall":
            work, length = "charger LK-301 exchanged, RC-2024-03", 0
        elif kind == "regular":
            labour = (105 if pounds else 119) if haul else 79 if pounds else 89
            labour = 0 if care else labour
        elif kind == "repair":
            fitting = [
                row for row in REPAIRS if bike["product_code"].replace("LM-0", "LM-1") in row[5]
            ]
            code, work, euro, gbp, wear, _ = self.pick(fitting)
            labour = 0 if care and wear else gbp if pounds else euro
            length = self.pick((0, 1, 1, 1, 2, 3, 5, 7))
        ready = working_days(day, length)
        ready += timedelta(ready.weekday() == 0 and pounds)  # Bristol is closed on Mondays
        row = {
            "serial": serial,
            "site": HOME_SITE[bike["country"]],
            "brought_in": day,
            "ready": ready if ready <= LAST_DAY else None,
            "kind": kind,
            "kilometres": self.kilometres(bike, day),
            "error_code": code,
            "work": work,
            "claim_id": None,
            "under_care": int(care),
            "currency": "GBP" if pounds else "EUR",
            "loan_bike": int(care and length > 3 and day >= CARE_STARTED),
            "labour": labour,
        }
        self.visits.append((day, row))

    def write_dated(self) -> None:
        """Write what carries a running number by date, and the repairs that claims lead to."""
        for day, row in sorted(self.returns, key=lambda item: item[0]):
            number = self.number(f"return{day.year}", 7)
            self.insert("returns", id=f"RT-{day.year % 100}-{number:05d}", **row)
        for day, row in sorted(self.claims, key=lambda item: item[0]):
            claim_id = f"WC-{day.year % 100}-{self.number(f'claim{day.year}', 6):04d}"
            self.insert("warranty_claims", id=claim_id, **row)
            if row["decision"] == "approved" and row["serial"] and self.chance(0.9):
                self.visit(row["serial"], row["decided"] + timedelta(3), "warranty", None)
                last = self.visits[-1][1]
                if last["kind"] == "warranty" and last["serial"] == row["serial"]:
                    last.update(claim_id=claim_id, work=f"{row['component']} under warranty")
                    last["kilometres"] = max(last["kilometres"], row["kilometres"])
        for _, row in sorted(self.visits, key=lambda item: (item[0], item[1]["serial"])):
            self.insert("service_visits", **row)

    def number_orders(self) -> None:
        """Number the orders by date, wherever they are named."""
        self.db.execute("PRAGMA defer_foreign_keys = ON")
        query = "SELECT id, CAST(substr(placed, 1, 4) AS INTEGER) FROM orders ORDER BY placed, id"
        for old, year in self.db.execute(query).fetchall():
            new = f"LC-{year % 100}-{10000 + self.number(f'order{year}', 60):05d}"
            self.db.execute("UPDATE orders SET id = ? WHERE id = ?", (new, old))
            for table in ("order_lines", "shipments", "returns", "warranty_claims"):
                statement = f"UPDATE {table} SET order_id = ? WHERE order_id = ?"
                self.db.execute(statement, (new, old))


def build(path: Path) -> None:
    """Write the database into a new file."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(SCHEMA)
        Shop(connection).build()
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
