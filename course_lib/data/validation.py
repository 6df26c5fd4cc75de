"""Hold all Larkspur files to their schema and to each other, and list every problem."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

from course_lib.data import agent_tasks, attack_calls, files, personal_data
from course_lib.data.attack_calls import AttackCall
from course_lib.data.readers import read_csv, read_jsonl
from course_lib.data.records import LARKSPUR, SHOP_TABLES, Attack, DataError, Page, Question
from course_lib.data.shop import FILE, numbers_and_codes, query, shop, stands_in

MAX_ALIKE = 0.5  # share of words, or of character 5-grams, that two texts of different splits have

T = TypeVar("T")


class _Split(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def split(self) -> str: ...


def validate(folder: Path | None = None) -> list[str]:
    """Check every file, every reference, every query, and the splits.

    Args:
        folder: the folder to check; default datasets/larkspur.

    Returns:
        The problems, each with its file, and its line and field where it has them; or nothing.

    >>> validate(LARKSPUR / "nowhere")[0]
    'handbook: no pages found, wanted *.md files'
    """
    problems, _ = _check(folder or LARKSPUR)
    return [str(problem) for problem in problems]


def near_duplicates(records: Iterable[_Split]) -> list[tuple[str, str, float]]:
    """Find test texts that nearly repeat a training text.

    Two texts are near-duplicates when they share at least half of their words, or of their
    character 5-grams (Jaccard index; case and punctuation levelled).

    Args:
        records: tickets, questions or attacks.

    Returns:
        (id in train, id in test, the higher of the two shares), the most alike first.
    """
    units = [(record, *_units(record.text)) for record in records]
    found = [
        (a.id, b.id, alike)
        for a, a_words, a_grams in units
        if a.split == "train"
        for b, b_words, b_grams in units
        if b.split == "test"
        and (alike := max(_jaccard(a_words, b_words), _jaccard(a_grams, b_grams))) >= MAX_ALIKE
    ]
    return sorted(found, key=lambda pair: -pair[2])


def main(arguments: list[str]) -> int:
    """Print the problems of a folder, or OK and what was counted; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a console may lack a character of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    problems, counts = _check(Path(arguments[0]) if arguments else LARKSPUR)
    for problem in problems:
        print(problem)
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{len(problems)} problems in {counted}" if problems else f"OK: {counted}")
    return 1 if problems else 0


def _check(folder: Path) -> tuple[list[DataError], dict[str, int]]:
    problems: list[DataError] = []
    counts: dict[str, int] = {}

    def read(name: str, load: Callable[[], list[T]]) -> list[T]:
        """Count what a file holds; a file that can't be read is one problem."""
        try:
            found = load()
        except DataError as problem:
            problems.append(problem)
            return []
        counts[name] = len(found)
        return found

    pages = read("handbook pages", lambda: files.handbook(folder, problems))
    read("manuals", lambda: files.manuals(folder, problems))
    tickets = read("tickets", lambda: files.tickets(folder, problems))
    read("question pairs", lambda: files.question_pairs(folder, problems))
    problems += _alike(folder, "tickets.csv", tickets)
    personal = read("personal texts", lambda: personal_data.personal_texts(folder, problems))
    problems += _alike(folder, personal_data.FILE, personal)
    if not pages:  # every reference would dangle and bury the one problem
        return problems, counts
    anchors = files.Anchors(folder, pages)
    before = len(problems)
    attacks = read("attacks", lambda: files.attacks(folder, problems, anchors))
    sound = len(problems) == before
    problems += _alike(folder, "attacks.jsonl", attacks)
    problems += _not_planted(folder, pages, attacks)
    if sound:  # every call of a text that can't be read would be one more problem
        before = len(problems)
        calls = read("attack calls", lambda: attack_calls.attack_calls(folder, problems, attacks))
        problems += _uncalled(attacks, calls) if len(problems) == before else []
    questions = read("questions", lambda: files.questions(folder, problems, anchors))
    problems += _alike(folder, "questions.jsonl", questions)
    problems += _unsourced(folder, pages, questions)
    if questions:
        ids = {question.id for question in questions}
        read("answers", lambda: files.answers(folder, problems, anchors, ids))
    tasks = read("agent tasks", lambda: agent_tasks.agent_tasks(folder, problems, pages))
    problems += _alike(folder, agent_tasks.FILE, tasks)
    problems += _shop(folder, counts)
    if tasks and "database rows" in counts:
        problems += agent_tasks.unproven(folder, pages, tasks)
    if questions and "database rows" in counts:
        problems += _unqueried(folder, questions)
    return problems, counts


def _alike(folder: Path, file: str, found: Sequence[_Split]) -> list[DataError]:
    """Say which texts stand, nearly the same, in both splits."""
    pairs = near_duplicates(found)
    lines = _lines(folder / file) if pairs else {}
    return [
        DataError(f"{b} repeats {a} of the training split ({alike:.2f})", file, lines[b], "text")
        for a, b, alike in pairs
    ]


def _not_planted(folder: Path, pages: list[Page], attacks: list[Attack]) -> list[DataError]:
    """Say which attacks don't stand in the section that is named as their source."""
    sections = {section.anchor: section.text for page in pages for section in page.sections()}
    missing = [
        attack
        for attack in attacks
        if attack.source in sections and _plain(attack.text) not in _plain(sections[attack.source])
    ]
    lines = _lines(folder / "attacks.jsonl") if missing else {}
    return [
        DataError(f"{a.id} does not stand in {a.source}", "attacks.jsonl", lines[a.id], "source")
        for a in missing
    ]


def _uncalled(attacks: list[Attack], calls: list[AttackCall]) -> list[DataError]:
    """Say which texts of attacks.jsonl nobody has given a call, or the word that none follows."""
    given = {call.id for call in calls}
    missing = [attack.id for attack in attacks if attack.id not in given]
    named = ", ".join(missing[:5])
    return [DataError(f"no line for {named}", attack_calls.FILE)] if missing else []


def _shop(folder: Path, counts: dict[str, int]) -> list[DataError]:
    """Check the database by itself: its pages, its tables, its foreign keys."""
    try:
        connection = shop(folder)
    except DataError as problem:
        return [problem]
    with closing(connection):
        sound = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if sound != "ok":
            return [DataError(f"damaged: {sound}", FILE)]
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
        problems = [
            DataError(f"row {row} points at a row of {parent} that is not there", FILE, None, table)
            for table, row, parent, _ in dangling
        ]
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        problems += [
            DataError("no such table", FILE, None, table)
            for table in SHOP_TABLES
            if table not in there
        ]
        counts["database rows"] = sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in SHOP_TABLES
            if table in there
        )
    return problems


def _unsourced(folder: Path, pages: list[Page], questions: list[Question]) -> list[DataError]:
    """Say which answers have a number or a code that is in no judged passage nor in the question.

    Where passages and queries have to be put together, the answer may be computed from them.
    """
    passages = {
        section.anchor: f"{section.page_title} {section.heading} {section.text}"
        for page in pages
        for section in page.sections()
    }
    missing = []
    for question in questions:
        if question.kind not in ("fact", "table", "code", "out_of_date"):
            continue
        sources = [question.text]
        for judgement in question.relevant:
            manual = folder / "manuals" / "text" / f"{judgement.anchor.partition('#')[0]}.md"
            if judgement.section in passages:
                sources.append(passages[judgement.section])
            elif manual.exists():  # what the PDF was built from
                sources.append(manual.read_text("utf-8", errors="replace"))
            else:
                break
        else:
            source = "\n".join(sources)
            values = numbers_and_codes(question.answer or "")
            missing += [(question, value) for value in values if not stands_in(value, source)]
    lines = _lines(folder / "questions.jsonl") if missing else {}
    return [
        DataError(
            f"{value} is neither in a judged passage nor in the question",
            "questions.jsonl",
            lines[question.id],
            "answer",
        )
        for question, value in missing
    ]


def _unqueried(folder: Path, questions: list[Question]) -> list[DataError]:
    """Run every question's queries; say which fail, and which answers lack what they return."""
    file = "questions.jsonl"
    lines = _lines(folder / file)
    problems = []
    with closing(shop(folder)) as connection:
        for question in questions:
            try:
                results = [query(connection, sql) for sql in question.sql]
            except ValueError as error:
                problems.append(DataError(str(error), file, lines[question.id], "sql"))
                continue
            if question.kind == "multi_step":
                # with passages, the queries may only find what to look up in them
                results = [] if question.relevant else results[-1:]
            if question.kind not in ("database", "multi_step"):
                continue
            for value in (value for rows in results for row in rows for value in row):
                if not stands_in(value, question.answer or ""):
                    message = f"the query returns {value!r}, which the answer does not say"
                    problems.append(DataError(message, file, lines[question.id], "answer"))
    return problems


def _lines(path: Path) -> dict[str, int | None]:
    """Find the line on which each record of a readable file starts."""
    rows = read_csv(path, ("id",)) if path.suffix == ".csv" else read_jsonl(path)
    return {str(row.values.get("id")): row.line for row in rows}


def _units(text: str) -> tuple[set[str], set[str]]:
    """Cut a text into its words and its character 5-grams."""
    words = re.findall(r"\w+", text.casefold())
    plain = " ".join(words)
    return set(words), {plain[i : i + 5] for i in range(max(1, len(plain) - 4)) if plain}


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0


def _plain(text: str) -> str:
    return " ".join(text.split())
