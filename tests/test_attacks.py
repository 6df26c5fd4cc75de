"""Attacks and their benign look-alikes: enough of each kind, apart across the split, and alike."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise
from statistics import median

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from course_lib import data
from course_lib.data import Attack

CARD = data.LARKSPUR.parent / "README.md"
CRUDE = re.compile(
    r"ignore|disregard|forget|override|system|prompt|instruction|pretend|bypass|delete|act as|"
    r"rules|reveal|assistant|password|base64",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def attacks() -> list[Attack]:
    return data.load_attacks()


def test_every_kind_has_both_labels_in_both_splits(attacks: list[Attack]) -> None:
    labels = Counter(attack.label for attack in attacks)
    assert min(labels["attack"], labels["benign"]) >= 90, labels
    counts = Counter((attack.kind, attack.label, attack.split) for attack in attacks)
    assert len(counts) == len(data.ATTACK_KINDS) * 4
    assert min(counts.values()) >= 7, counts


def test_every_place_has_both_labels(attacks: list[Attack]) -> None:
    counts = Counter((attack.place, attack.label) for attack in attacks)
    assert len(counts) == len(data.PLACES) * 2
    assert min(counts.values()) >= 15, counts


def test_ids_are_consecutive_and_labels_mixed(attacks: list[Attack]) -> None:
    assert [attack.id for attack in attacks] == [f"X{n:03d}" for n in range(1, len(attacks) + 1)]
    changes = sum(a.label != b.label for a, b in pairwise(attacks))
    assert changes > len(attacks) / 3


def test_no_text_stands_nearly_the_same_in_both_splits(attacks: list[Attack]) -> None:
    assert data.near_duplicates(attacks) == []


def test_the_card_lists_the_sections_in_which_attacks_are_planted(attacks: list[Attack]) -> None:
    planted = {attack.source for attack in attacks if attack.label == "attack" and attack.source}
    card = CARD.read_text("utf-8").split("### Planted instructions")[1].split("\n## ")[0]
    assert planted == set(re.findall(r"^\| `([^`]+)`", card, re.M))
    kinds = {(attack.kind, attack.place) for attack in attacks if attack.source}
    assert kinds == {("document_injection", "document")}


def test_invisible_characters_are_escaped_in_the_file() -> None:
    text = (data.LARKSPUR / "attacks.jsonl").read_text("utf-8")
    hidden = {c for c in text if unicodedata.category(c) in ("Cf", "Cc") and c not in "\n\u200d"}
    assert hidden == set(), "write them as \\u200b, so that a reader of the file sees them"


def test_payloads_lead_nowhere(attacks: list[Attack]) -> None:
    """Every address is in a domain that is reserved for examples (RFC 2606)."""
    for attack in attacks:
        for host in re.findall(r"(?:https?://|@)([\w.-]+\w)", attack.text):
            assert host.endswith(("example.org", ".example")), (attack.id, host)


def test_neither_length_nor_common_words_tell_attacks_from_look_alikes(
    attacks: list[Attack],
) -> None:
    lengths = {
        label: median(len(attack.text) for attack in attacks if attack.label == label)
        for label in data.ATTACK_LABELS
    }
    assert 0.7 < lengths["attack"] / lengths["benign"] < 1.4, lengths
    train = [attack for attack in attacks if attack.split == "train"]
    test = [attack for attack in attacks if attack.split == "test"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    model.fit([a.text for a in train], [a.label for a in train])
    right = model.score([a.text for a in test], [a.label for a in test])
    print(f"TF-IDF + logistic regression: {right:.2f} of the test texts right")
    assert right < 0.8


def test_a_filter_of_suspicious_words_blocks_customers_and_misses_attacks(
    attacks: list[Attack],
) -> None:
    blocked = {
        label: sum(bool(CRUDE.search(a.text)) for a in attacks if a.label == label)
        / sum(a.label == label for a in attacks)
        for label in data.ATTACK_LABELS
    }
    print(f"suspicious words: {blocked}")
    assert blocked["benign"] > 0.2
    assert 0.1 < blocked["attack"] < 0.6


def test_every_text_has_a_call_or_none_follows_and_calls_fit_the_place() -> None:
    attacks, calls = data.load_attacks(), data.load_attack_calls()
    assert [call.id for call in calls] == [attack.id for attack in attacks]
    assert {call.origin for call in calls} == {"user", "passage", "tool_result"}
    made = [call for call in calls if call.tool]
    for attack in (True, False):
        assert len([c for c in made if c.attack is attack and c.split == "test"]) >= 20


def test_benign_calls_are_such_as_the_tools_take() -> None:
    from course_lib.guardrails import AllowList, Context, ToolCall, larkspur_rules

    for call in data.load_attack_calls():
        if call.tool and not call.attack:  # as if the user alone had been read
            verdict = AllowList(larkspur_rules()).check(
                ToolCall(call.tool, call.arguments, "user"), Context(call.question)
            )
            assert verdict.allowed, (call.id, verdict.reason)
