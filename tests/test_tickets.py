"""Measure the ticket file: its shape, its split, and how far test is from train."""

import csv
import re
from collections import Counter
from datetime import date
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import pytest

PATH = Path(__file__).parents[1] / "datasets" / "larkspur" / "tickets.csv"
FIELDS = ["id", "received", "channel", "text", "intent", "split"]
CHANNELS = {"email", "chat", "form", "phone"}
INTENTS = {
    "order_delivery",
    "return_refund",
    "warranty_claim",
    "service_booking",
    "battery_charging",
    "fault_report",
    "parts_accessories",
    "billing_payment",
    "app_account",
    "product_advice",
    "out_of_scope",
}
MIN_PER_INTENT = 57
MIN_MESSAGES = 627
MAX_SAME_START = 5  # messages that share their first two words
MAX_OVERLAP = 0.5

# Words that English messages do not have; two of them make a message German or Dutch.
NOT_ENGLISH = """
    aan aber al auf bei bin bitte bij das dat de der die dit een ein eine en er es euch für ga geht
    haben hat heb het hij ich ihr ik im ist jullie kan kann kein ligt mag meine mijn mit naar nach
    nicht niet noch nog nur oder om onder op sie sind te über uit und van voor wanneer wann wat wie
    wir wird wordt zu zum"""


class Row(NamedTuple):
    id: str
    received: str
    channel: str
    text: str
    intent: str
    split: str


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with PATH.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        assert header == FIELDS
        return [Row(*values) for values in reader]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def five_grams(text: str) -> set[str]:
    """Character 5-grams of the text with case, punctuation and spacing levelled."""
    plain = " ".join(words(text))
    return {plain[i : i + 5] for i in range(max(1, len(plain) - 4))}


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)


def closest_pairs(rows: list[Row], units: dict[str, set[str]]) -> list[tuple[float, Row, Row]]:
    """All (train, test) pairs, the most alike first."""
    train = [row for row in rows if row.split == "train"]
    test = [row for row in rows if row.split == "test"]
    pairs = [(jaccard(units[a.id], units[b.id]), a, b) for a, b in product(train, test)]
    return sorted(pairs, key=lambda pair: -pair[0])


def report(pairs: list[tuple[float, Row, Row]]) -> str:
    return "\n".join(f"{score:.2f}  {a.id} {a.text!r}  {b.id} {b.text!r}" for score, a, b in pairs)


def test_file_is_plain_utf8_with_lf() -> None:
    raw = PATH.read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf"), "tickets.csv starts with a byte order mark"
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert b"\x00" not in raw
    raw.decode("utf-8")


def test_ids_are_consecutive_and_ordered_by_date(rows: list[Row]) -> None:
    assert [row.id for row in rows] == [f"T{n:04d}" for n in range(1, len(rows) + 1)]
    days = [date.fromisoformat(row.received) for row in rows]
    late = [(rows[i].id, rows[i + 1].id) for i in range(len(rows) - 1) if days[i] > days[i + 1]]
    assert not late, f"received later than the next ticket: {late}"
    assert days[0] >= date(2025, 1, 1)
    assert days[-1] <= date(2026, 11, 30)


def test_labels_are_known(rows: list[Row]) -> None:
    assert {row.channel for row in rows} == CHANNELS
    assert {row.intent for row in rows} == INTENTS
    assert {row.split for row in rows} == {"train", "test"}


def test_every_intent_has_enough_messages(rows: list[Row]) -> None:
    counts = Counter(row.intent for row in rows)
    assert min(counts.values()) >= MIN_PER_INTENT, dict(counts)
    assert len(rows) >= MIN_MESSAGES, len(rows)


def test_split_holds_every_intent_in_the_same_proportion(rows: list[Row]) -> None:
    counts = Counter((row.intent, row.split) for row in rows)
    shares = {
        intent: counts[intent, "test"] / (counts[intent, "train"] + counts[intent, "test"])
        for intent in sorted(INTENTS)
    }
    outside = {intent: round(share, 2) for intent, share in shares.items() if not 0.3 < share < 0.4}
    assert not outside, f"share of test messages outside 0.30-0.40: {outside}"


def test_lengths_run_from_three_words_to_a_paragraph(rows: list[Row]) -> None:
    lengths = {row.id: len(row.text.split()) for row in rows}
    shortest, longest = min(lengths.values()), max(lengths.values())
    assert shortest == 3, Counter(lengths.values())
    assert 100 <= longest <= 140, longest
    for intent in INTENTS:
        own = sorted(lengths[row.id] for row in rows if row.intent == intent)
        assert own[0] <= 6, (intent, own)
        assert own[-1] >= 80, (intent, own)


def test_most_messages_are_as_short_as_an_inbox_has_them(rows: list[Row]) -> None:
    lengths = [len(row.text.split()) for row in rows]
    plain = sum(8 <= length <= 30 for length in lengths) / len(rows)
    assert 0.5 <= plain <= 0.85, plain
    assert sum(length <= 5 for length in lengths) >= 30
    assert sum(length >= 80 for length in lengths) >= 20


def foreign(text: str) -> bool:
    return len(set(words(NOT_ENGLISH)) & set(words(text))) >= 2


def test_about_an_eighth_is_german_or_dutch_in_both_halves(rows: list[Row]) -> None:
    for split in ("train", "test"):
        texts = [row.text for row in rows if row.split == split]
        share = sum(map(foreign, texts)) / len(texts)
        assert 0.08 <= share <= 0.18, (split, round(share, 3))


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ("Mein Akku lädt nicht, und die Lampe ist aus.", True),
        ("Wanneer komt de monteur naar mijn fiets?", True),
        ("The battery was in the shed over the winter. Is it all right?", False),
        ("I die laughing at your car park in Dok-Noord", False),
    ],
)
def test_the_language_measure_sees_the_language(text: str, is_foreign: bool) -> None:
    assert foreign(text) is is_foreign


def test_no_two_messages_are_nearly_the_same(rows: list[Row]) -> None:
    """Inside a split as well: a message written twice would count twice."""
    units = {row.id: set(words(row.text)) for row in rows}
    alike = [
        (a.id, b.id, round(jaccard(units[a.id], units[b.id]), 2))
        for a, b in combinations(rows, 2)
        if jaccard(units[a.id], units[b.id]) >= 0.6
    ]
    assert not alike, alike


def test_order_numbers_have_one_form(rows: list[Row]) -> None:
    """LC, two digits of a year that is not after the message, five digits."""
    for row in rows:
        for number in re.findall(r"\bLC\W?\d\S*", row.text):
            match = re.match(r"LC-(\d\d)-\d{5}(?!\d)", number)
            assert match, (row.id, number)
            assert 2024 <= 2000 + int(match[1]) <= int(row.received[:4]), (row.id, number)


def test_text_is_one_trimmed_line(rows: list[Row]) -> None:
    bad = [row.id for row in rows if row.text != " ".join(row.text.split())]
    assert not bad, f"line breaks, double or outer spaces: {bad}"


def test_no_near_duplicates_across_the_split_by_characters(rows: list[Row]) -> None:
    pairs = closest_pairs(rows, {row.id: five_grams(row.text) for row in rows})
    assert pairs[0][0] < MAX_OVERLAP, f"5-gram Jaccard, train against test:\n{report(pairs[:5])}"


def test_no_near_duplicates_across_the_split_by_words(rows: list[Row]) -> None:
    pairs = closest_pairs(rows, {row.id: set(words(row.text)) for row in rows})
    assert pairs[0][0] < MAX_OVERLAP, f"word-set Jaccard, train against test:\n{report(pairs[:5])}"


def test_messages_do_not_share_a_template_start(rows: list[Row]) -> None:
    starts = Counter(" ".join(words(row.text)[:2]) for row in rows)
    common = starts.most_common(5)
    assert common[0][1] <= MAX_SAME_START, common


def test_no_word_alone_gives_an_intent_away(rows: list[Row]) -> None:
    """No word is in at least half of an intent's messages while nearly absent from the others.

    A file in which one keyword decides the intent would make every classifier look good.
    """
    have = {row.id: set(words(row.text)) for row in rows}
    telling = []
    for intent in sorted(INTENTS):
        inside = [have[row.id] for row in rows if row.intent == intent]
        outside = [have[row.id] for row in rows if row.intent != intent]
        for word in set().union(*inside):
            recall = sum(word in text for text in inside) / len(inside)
            elsewhere = sum(word in text for text in outside) / len(outside)
            if recall >= 0.5 and elsewhere < 0.05:
                telling.append((intent, word, round(recall, 2), round(elsewhere, 3)))
    assert not telling, telling


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("My bike has not arrived yet", "my bike has NOT arrived, yet!", True),
        ("My bike has not arrived yet", "When do the pads come back in stock?", False),
    ],
)
def test_the_measure_sees_a_near_duplicate(a: str, b: str, alike: bool) -> None:
    assert (jaccard(five_grams(a), five_grams(b)) >= MAX_OVERLAP) is alike
    assert (jaccard(set(words(a)), set(words(b))) >= MAX_OVERLAP) is alike
