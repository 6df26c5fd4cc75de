"""The data card states the numbers that the files give."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from statistics import mean, median

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.metrics import cohen_kappa_score

from course_lib import data
from course_lib.statistics import bootstrap_interval

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


@cache
def manual_pages() -> dict[str, str]:
    """The text of each page of the PDF manuals, by anchor."""
    texts = {}
    for manual in data.load_manuals():
        with closing(pypdfium2.PdfDocument(manual.path)) as document:
            for number, page in enumerate(document, start=1):
                texts[f"{manual.id}#page-{number}"] = page.get_textpage().get_text_bounded()
    return texts


def manual_numbers() -> str:
    counts = {}
    for manual in data.load_manuals():
        texts = [text for anchor, text in manual_pages().items() if anchor.startswith(manual.id)]
        rows = sum(map(len, manual.rows.values()))
        counts[manual.id] = (manual.pages, rows, sum(len(text.split()) for text in texts))
    counts["all"] = tuple(map(sum, zip(*counts.values(), strict=True)))
    heading = ("manual", "pages", "table rows", "words")
    return table(heading, ("---",) * 4, *((name, *count) for name, count in counts.items()))


def shop_numbers() -> str:
    with closing(data.shop()) as shop:
        names = shop.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        rows = [
            (f"`{name}`", shop.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
            for (name,) in names.fetchall()
        ]
    return table(("table", "rows"), ("---",) * 2, *rows, ("all", sum(n for _, n in rows)))


def question_numbers() -> str:
    """Counts, and how many of a question's content words stand in a passage.

    A passage is a handbook section or a page of a manual. First in the passage of grade 2 that
    shares most of them, then in any passage at all: there the unanswerable questions can be
    compared with the others.
    """
    passages = {
        s.anchor: words(f"{s.page_title} {s.heading} {s.text}")
        for page in data.load_handbook()
        for s in page.sections()
    }
    passages |= {anchor: words(text) for anchor, text in manual_pages().items()}
    rows: list[tuple[object, ...]] = [
        ("questions", "train", "test", "with a query", "judgements",
         "overlap with an answering passage, mean", "highest",
         "overlap with any passage, mean"),
        ("---",) * 8,
    ]  # fmt: skip
    for kind in data.QUESTION_KINDS:
        questions = [q for q in data.load_questions() if q.kind == kind]
        splits = Counter(q.split for q in questions)
        answering = [
            max(shared(words(q.text), passages[j.section]) for j in q.relevant if j.grade == 2)
            for q in questions
            if any(j.grade == 2 for j in q.relevant)
        ]
        anywhere = [max(shared(words(q.text), p) for p in passages.values()) for q in questions]
        judged = sum(len(q.relevant) for q in questions)
        queried = sum(bool(q.sql) for q in questions)
        # one passage is no average
        several = len(answering) > 1
        overlap = (f"{mean(answering):.2f}", f"{max(answering):.2f}") if several else ("–", "–")
        rows.append(
            (kind, splits["train"], splits["test"], queried, judged, *overlap,
             f"{mean(anywhere):.2f}")
        )  # fmt: skip
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


def attack_numbers() -> str:
    counts = Counter((a.kind, a.label, a.split) for a in data.load_attacks())
    columns = list(product(data.ATTACK_LABELS, data.SPLITS))
    rows = [(kind, *(counts[kind, *column] for column in columns)) for kind in data.ATTACK_KINDS]
    heading = ("attacks and look-alikes", *(f"{label}, {split}" for label, split in columns))
    total = ("all", *(sum(n for (_, *key), n in counts.items() if key == [*c]) for c in columns))
    return table(heading, ("---",) * 5, *rows, total)


def call_numbers() -> str:
    calls = data.load_attack_calls()
    counts = Counter((c.origin if c.tool else "none", c.attack, c.split) for c in calls)
    columns = list(product((True, False), data.SPLITS))
    rows = [
        (label, *(counts[origin, *column] for column in columns))
        for origin, label in (("user", "caused by the user"), ("passage", "by a passage"),
                              ("tool_result", "by a tool's result"), ("none", "no call"))
    ]  # fmt: skip
    heading = ("tool calls", *(f"{label}, {split}" for label, split in
                               product(data.ATTACK_LABELS, data.SPLITS)))  # fmt: skip
    return table(heading, ("---",) * 5, *rows)


def personal_numbers() -> str:
    texts = data.load_personal_texts()
    spans = Counter((span.kind, text.split) for text in texts for span in text.spans)
    rows: list[tuple[object, ...]] = [
        (kind, *(spans[kind, split] for split in data.SPLITS)) for kind in data.PERSONAL_DATA_KINDS
    ]
    for name, wanted in (("texts with any of them", True), ("texts with none", False)):
        splits = Counter(text.split for text in texts if bool(text.spans) is wanted)
        rows.append((name, *(splits[split] for split in data.SPLITS)))
    return table(("personal data", *data.SPLITS), ("---",) * 3, *rows)


def agent_task_numbers() -> str:
    tasks = data.load_agent_tasks()
    counts = Counter((task.kind, task.split) for task in tasks)
    declined = Counter((task.kind, task.split) for task in tasks if task.answer is None)
    rows: list[tuple[object, ...]] = [
        (kind, *(counts[kind, split] for split in data.SPLITS),
         *(declined[kind, split] for split in data.SPLITS))
        for kind in data.AGENT_TASK_KINDS
    ]  # fmt: skip
    splits = [*data.SPLITS, *(f"to be declined, {split}" for split in data.SPLITS)]
    total = ("all", *(sum(row[n] for row in rows) for n in range(1, 5)))  # type: ignore[misc]
    return table(("agent tasks", *splits), ("---",) * 5, *rows, total)


def answer_numbers() -> str:
    """How the answers were meant, and what the two labellers saw in them."""
    rows = []
    for made_as in (*data.MADE_AS, "all"):
        chosen = [a for a in data.load_answers() if made_as in (a.made_as, "all")]
        seen = [
            " / ".join(str(Counter(values)[name]) for name in names)
            for names, *labels in (
                (data.CORRECTNESS, [a.first.correctness for a in chosen],
                 [a.second.correctness for a in chosen]),
                (data.GROUNDED, [a.first.grounded for a in chosen],
                 [a.second.grounded for a in chosen]),
            )
            for values in labels
        ]  # fmt: skip
        rows.append((made_as, len(chosen), *seen))
    correct, grounded = " / ".join(data.CORRECTNESS), " / ".join(data.GROUNDED)
    heading = ("answers, made as", "number", f"first labeller: {correct}", "second labeller",
               f"first labeller, grounded: {grounded}", "second labeller")  # fmt: skip
    return table(heading, ("---",) * 6, *rows)


def kappa(pairs: NDArray[np.float64]) -> float:
    """Cohen's kappa of two labellers with three labels; a pair of labels is 3 * first + second."""
    seen = np.bincount(pairs.astype(int), minlength=9).reshape(3, 3) / len(pairs)
    by_chance = seen.sum(axis=1) @ seen.sum(axis=0)
    return float((np.trace(seen) - by_chance) / (1 - by_chance))


def agreement_numbers() -> str:
    """How far the two labellings agree: the share of equal labels, and Cohen's kappa."""
    rows: list[tuple[object, ...]] = [
        ("agreement of the two labellings", "the same label", "Cohen's kappa"),
        ("---",) * 3,
    ]
    for name, names in (("correctness", data.CORRECTNESS), ("grounded", data.GROUNDED)):
        first, second = (
            np.array([names.index(getattr(labeller, name)) for labeller in labelling])
            for labelling in zip(*((a.first, a.second) for a in data.load_answers()), strict=True)
        )
        agreed = bootstrap_interval(first == second)
        chance_corrected = bootstrap_interval(3 * first + second, statistic=kappa)
        assert chance_corrected.estimate == pytest.approx(cohen_kappa_score(first, second))
        rows.append((name, agreed, chance_corrected))
    return table(*rows)


@pytest.mark.parametrize(
    "numbers",
    [
        handbook_numbers,
        manual_numbers,
        shop_numbers,
        ticket_numbers,
        question_numbers,
        answer_numbers,
        agreement_numbers,
        attack_numbers,
        call_numbers,
        personal_numbers,
        agent_task_numbers,
        pair_numbers,
    ],
)
def test_card_states_the_numbers_of_the_files(numbers: Callable[[], str]) -> None:
    wanted = numbers()
    print(wanted)
    assert wanted in CARD.read_text("utf-8"), f"put this into {CARD.name}:\n{wanted}"


@pytest.mark.slow
def test_baselines_in_the_card_are_those_of_the_script() -> None:
    """The numbers may differ a little: another processor may rank two passages the other way."""
    spec = spec_from_file_location("baselines", CARD.with_name("baselines.py"))
    assert spec
    assert spec.loader
    baselines = module_from_spec(spec)
    spec.loader.exec_module(baselines)
    text = CARD.read_text("utf-8").split(baselines.BEGIN)[1].split(baselines.END)[0]
    computed = baselines.tables()
    number = re.compile(r"-?\d\.\d\d")
    assert number.sub("0", text) == number.sub("0", computed)
    stated, found = (list(map(float, number.findall(part))) for part in (text, computed))
    assert stated == pytest.approx(found, abs=0.03)


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
