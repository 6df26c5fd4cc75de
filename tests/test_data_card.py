"""The data card states the numbers that the files give."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from statistics import mean, median

import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from course_lib import data

CARD = data.LARKSPUR.parent / "README.md"


def words(text: str) -> set[str]:
    """The content words of a text: lower case, no stop words, codes kept whole."""
    found = re.findall(r"[^\W_]+(?:[-'’.][^\W_]+)*", text.lower())
    return {word for word in found if word not in ENGLISH_STOP_WORDS}


def shared(part: set[str], whole: set[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0


def table(*rows: Iterable[object]) -> str:
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def handbook_numbers() -> str:
    pages = data.load_handbook()
    lengths = [len(page.text.split()) for page in pages]
    return table(
        ("handbook", "count"),
        ("---", "---"),
        ("pages", len(pages)),
        ("superseded pages", sum(page.supersedes is not None for page in pages)),
        ("pages for staff", sum(page.audience == "staff" for page in pages)),
        ("sections", sum(len(page.sections()) for page in pages)),
        ("sections with a table", sum("|---" in s.text for p in pages for s in p.sections())),
        ("words", sum(lengths)),
        ("words a page, shortest / median / longest", f"{min(lengths)} / "
         f"{median(lengths):.0f} / {max(lengths)}"),
    )  # fmt: skip


def ticket_numbers() -> str:
    tickets = data.load_tickets()
    rows: list[tuple[object, ...]] = [("tickets", "train", "test"), ("---", "---", "---")]
    for intent in (*data.INTENTS, data.OUT_OF_SCOPE):
        splits = Counter(ticket.split for ticket in tickets if ticket.intent == intent)
        rows.append((intent, splits["train"], splits["test"]))
    splits = Counter(ticket.split for ticket in tickets)
    return table(*rows, ("all", splits["train"], splits["test"]))


def question_numbers() -> str:
    """Counts, and how many of a question's content words stand in a section.

    First in the section of grade 2 that shares most of them, then in any section at all: there
    the unanswerable questions can be compared with the others.
    """
    sections = {
        s.anchor: words(f"{s.page_title} {s.heading} {s.text}")
        for page in data.load_handbook()
        for s in page.sections()
    }
    rows: list[tuple[object, ...]] = [
        ("questions", "train", "test", "sections judged", "overlap with an answering section, mean",
         "highest", "overlap with any section, mean"),
        ("---",) * 7,
    ]  # fmt: skip
    for kind in data.QUESTION_KINDS:
        questions = [q for q in data.load_questions() if q.kind == kind]
        if not questions:
            continue
        splits = Counter(q.split for q in questions)
        answering = [
            max(shared(words(q.text), sections[j.anchor]) for j in q.relevant if j.grade == 2)
            for q in questions
            if q.relevant
        ]
        anywhere = [max(shared(words(q.text), s) for s in sections.values()) for q in questions]
        judged = sum(len(q.relevant) for q in questions)
        overlap = (f"{mean(answering):.2f}", f"{max(answering):.2f}") if answering else ("–", "–")
        rows.append(
            (kind, splits["train"], splits["test"], judged, *overlap, f"{mean(anywhere):.2f}")
        )
    return table(*rows)


def pair_numbers() -> str:
    rows: list[tuple[object, ...]] = [
        ("question pairs", "train", "test", "words in common, mean"),
        ("---",) * 4,
    ]
    pairs = data.load_question_pairs()
    slices = {"hard (P001–P120)": pairs[:120], "ordinary (P121–P240)": pairs[120:]}
    for (name, chosen), same in product(slices.items(), (True, False)):
        alike = [p for p in chosen if p.same is same]
        splits = Counter(p.split for p in alike)
        common = mean(
            len(words(p.a) & words(p.b)) / max(1, len(words(p.a) | words(p.b))) for p in alike
        )
        label = f"{name}, {'same' if same else 'not the same'}"
        rows.append((label, splits["train"], splits["test"], f"{common:.2f}"))
    return table(*rows)


@pytest.mark.parametrize(
    "numbers", [handbook_numbers, ticket_numbers, question_numbers, pair_numbers]
)
def test_card_states_the_numbers_of_the_files(numbers: Callable[[], str]) -> None:
    wanted = numbers()
    print(wanted)
    assert wanted in CARD.read_text("utf-8"), f"put this into {CARD.name}:\n{wanted}"


def test_planted_instructions_are_where_the_card_says() -> None:
    """Only the card labels them, so a page that is renamed or cleaned must not lose its label."""
    label = CARD.read_text("utf-8").split("### Planted instructions")[1].split("\n###")[0]
    anchors = re.findall(r"^\| `([a-z-]+#[a-z-]+)` \|", label, re.M)
    sections = {s.anchor: s for page in data.load_handbook() for s in page.sections()}
    model = re.compile(r"AI readers|SYSTEM:|Software that|automated assistant")
    assert sorted(anchors) == sorted(a for a, s in sections.items() if model.search(s.text))
    assert len({a.split("#")[0] for a in anchors}) == 4


def test_warehouse_places_agree_with_the_facts() -> None:
    place = re.compile(r"^\| (LK-\d{3}) \|.*\| ([A-F]-\d\d-\d) \|", re.M)
    facts = dict(place.findall(CARD.read_text("utf-8")))
    pages = {page.id: page.text for page in data.load_handbook()}
    listed = place.findall(pages["warehouse-places"])
    assert len(listed) > 10
    assert [(code, facts.get(code)) for code, _ in listed] == listed
    places = Counter(facts.values())
    assert [where for where, n in places.items() if n > 1] == []
