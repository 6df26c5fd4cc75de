"""The Larkspur files hold to their schema, and a broken copy is refused with its place named."""

import csv
import json
import pickle
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from course_lib import data
from course_lib.data import DataError

CARD = data.LARKSPUR.parent / "README.md"
FILES = {
    "tickets.csv": data.load_tickets,
    "questions.jsonl": data.load_questions,
    "question_pairs.csv": data.load_question_pairs,
}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the dataset that a test may damage."""
    large = shutil.ignore_patterns("shop.sqlite", "text")
    return Path(shutil.copytree(data.LARKSPUR, tmp_path / "larkspur", ignore=large))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"the test expects {old!r} in {path.name}"
    path.write_text(text.replace(old, new, 1), "utf-8", newline="\n")


def change_line(path: Path, line: int, edit: Callable[[str], str]) -> None:
    lines = path.read_text("utf-8").split("\n")
    lines[line - 1] = edit(lines[line - 1])
    path.write_text("\n".join(lines), "utf-8", newline="\n")


def change_row(path: Path, row: int, **fields: str) -> int:
    """Rewrite a CSV with some fields of one row changed; return the line where the row starts."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[row].update(fields)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 2 + row + sum(value.count("\n") for r in rows[:row] for value in r.values())


def change_question(folder: Path, line: int, **fields: object) -> None:
    def edit(text: str) -> str:
        changed = json.loads(text) | fields
        return json.dumps({k: v for k, v in changed.items() if v != "DROP"}, ensure_ascii=False)

    change_line(folder / "questions.jsonl", line, edit)


def refused(load: Callable[[Path], object], folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load(folder)
    return caught.value


# --- what is there ------------------------------------------------------------------------------


def test_handbook_has_the_shape_the_lessons_rely_on() -> None:
    pages = data.load_handbook()
    assert len(pages) >= 24
    assert [page.id for page in pages] == sorted(page.id for page in pages)
    for page in pages:
        words = len(page.text.split())
        headings = [s for s in page.sections() if not s.anchor.endswith("#intro")]
        assert 200 <= words <= 600, (page.id, words)
        assert 3 <= len(headings) <= 6, (page.id, len(headings))


def test_sections_keep_every_line_of_their_page() -> None:
    for page in data.load_handbook():
        kept = [line for s in page.sections() for line in s.text.split("\n") if line]
        wanted = [line for line in page.text.split("\n") if line and not line.startswith("## ")]
        assert kept == wanted


def test_a_heading_in_a_code_block_starts_no_section() -> None:
    page = data.load_handbook()[0]
    fenced = data.Page(**{**vars(page), "text": "## A\n```\n## not one\n```\n## B\nend\n"})
    assert [s.heading for s in fenced.sections()] == ["A", "B"]


def test_links_between_pages_lead_somewhere() -> None:
    pages = {page.id: page for page in data.load_handbook()}
    for page in pages.values():
        for target in re.findall(r"\]\(([^)]*)\.md\)", page.text):
            assert target in pages, (page.id, target)


def test_every_kind_of_question_is_in_both_splits() -> None:
    counts = Counter((q.kind, q.split) for q in data.load_questions())
    for kind in data.QUESTION_KINDS:
        train, test = counts[kind, "train"], counts[kind, "test"]
        assert train + test >= 15, (kind, train, test)
        assert min(train, test) >= 7, (kind, train, test)


def test_superseded_pages_answer_only_questions_about_their_own_days() -> None:
    superseded = {page.supersedes for page in data.load_handbook()}
    old = {
        question.id: page
        for question in data.load_questions()
        for page in (judgement.anchor.split("#")[0] for judgement in question.relevant)
        if page in superseded
    }
    assert old == {"Q153": "goodwill-limits-2023", "Q168": "returns-policy-2023"}


def test_pairs_are_balanced_and_no_question_stands_twice() -> None:
    pairs = data.load_question_pairs()
    assert set(Counter((p.same, p.split) for p in pairs).values()) == {len(pairs) // 4}
    texts = Counter(text.lower() for p in pairs for text in (p.a, p.b))
    assert [text for text, n in texts.items() if n > 1] == []


def test_pages_and_facts_name_the_same_part_codes_and_error_codes() -> None:
    """A code on a page that the fact sheet lacks is a typing error, or a fact nobody agreed on."""
    card = CARD.read_text("utf-8")
    for page in data.load_handbook():
        for code in re.findall(r"\b(?:LK-\d{3}|E\d{2}|L[MRHDF]-\d)\b", page.text):
            assert code in card, (page.id, code)


def test_prices_of_parts_agree_with_the_facts() -> None:
    """Every page that prices parts agrees with the fact sheet, and together they price all."""
    row = re.compile(r"^\| (LK-\d{3}) \|.*\| (€\d+ / £\d+) \|$", re.M)
    facts = dict(row.findall(CARD.read_text("utf-8")))
    pages = data.load_handbook()
    superseded = {page.supersedes for page in pages}
    priced = set()
    for page in pages:
        if page.id not in superseded:
            rows = row.findall(page.text)
            assert [(code, facts.get(code)) for code, _ in rows] == rows, page.id
            priced |= {code for code, _ in rows}
    assert priced == set(facts)


# --- broken copies ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(broken: Path, name: str) -> None:
    (broken / name).unlink()
    assert refused(FILES[name], broken).file == name


@pytest.mark.parametrize("name", FILES)
def test_bad_utf8_is_placed(broken: Path, name: str) -> None:
    raw = (broken / name).read_bytes().split(b"\n")
    raw[4] = raw[4][:9] + b"\xe9" + raw[4][9:]
    (broken / name).write_bytes(b"\n".join(raw))
    error = refused(FILES[name], broken)
    assert (error.file, error.line) == (name, 5)
    assert "0xe9" in str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_bom_is_refused(broken: Path, name: str) -> None:
    (broken / name).write_bytes(b"\xef\xbb\xbf" + (broken / name).read_bytes())
    error = refused(FILES[name], broken)
    assert (error.file, error.line) == (name, 1)
    assert "BOM" in str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused(broken: Path, name: str) -> None:
    raw = (broken / name).read_bytes()
    cut = raw.index(b"\n", len(raw) // 2) - 3  # inside a line
    (broken / name).write_bytes(raw[:cut])
    error = refused(FILES[name], broken)
    assert (error.file, error.line) == (name, raw[:cut].count(b"\n") + 1)
    assert "truncated" in str(error)


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_refused(broken: Path, name: str) -> None:
    (broken / name).write_bytes(b"")
    assert refused(FILES[name], broken).file == name


@pytest.mark.parametrize("name", FILES)
def test_windows_line_ends_change_nothing(broken: Path, name: str) -> None:
    (broken / name).write_bytes((broken / name).read_bytes().replace(b"\n", b"\r\n"))
    assert FILES[name](broken) == FILES[name]()


@pytest.mark.parametrize("name", ["tickets.csv", "question_pairs.csv"])
def test_a_duplicate_id_is_placed(broken: Path, name: str) -> None:
    first = FILES[name](broken)[0].id
    line = change_row(broken / name, 5, id=first)
    error = refused(FILES[name], broken)
    assert (error.file, error.line, error.field) == (name, line, "id")
    assert first in str(error)


@pytest.mark.parametrize(
    ("name", "field", "value", "wanted"),
    [
        ("tickets.csv", "text", "", "missing"),
        ("tickets.csv", "text", "  ", "missing"),
        ("tickets.csv", "received", "2025-02-30", "2025-03-01"),
        ("tickets.csv", "received", "1/3/2025", "2025-03-01"),
        ("tickets.csv", "received", "20250301", "2025-03-01"),
        ("tickets.csv", "channel", "fax", "email, chat, form, phone"),
        ("tickets.csv", "intent", "refund", "return_refund"),
        ("tickets.csv", "split", "dev", "train, test"),
        ("question_pairs.csv", "b", "", "missing"),
        ("question_pairs.csv", "same", "True", "yes, no"),
        ("question_pairs.csv", "split", "Test", "train, test"),
    ],
)
def test_a_bad_field_is_placed(
    broken: Path, name: str, field: str, value: str, wanted: str
) -> None:
    line = change_row(broken / name, 7, **{field: value})
    error = refused(FILES[name], broken)
    assert (error.file, error.line, error.field) == (name, line, field)
    assert wanted in str(error)
    assert name in str(error)
    assert f"line {line}" in str(error)


def test_the_line_is_the_one_where_a_row_of_several_lines_starts(broken: Path) -> None:
    path = broken / "tickets.csv"
    change_row(path, 0, text='Hello,\nmy "new" bike\nis here.')
    line = change_row(path, 1, split="dev")
    assert line == 5
    assert refused(data.load_tickets, broken).line == line


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"))))
def test_any_message_comes_back_as_it_was_written(texts: list[str]) -> None:
    """Quotes, commas, line ends and Unicode separators inside a message do not cut it."""
    texts = [text for text in texts if text.strip()]
    with TemporaryDirectory() as folder:
        path = Path(folder, "question_pairs.csv")
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["id", "a", "b", "same", "split"])
            writer.writerows([i, text, "b", "no", "test"] for i, text in enumerate(texts))
        assert [pair.a for pair in data.load_question_pairs(Path(folder))] == texts


def test_a_column_that_is_missing_is_named(broken: Path) -> None:
    change(broken / "tickets.csv", "intent", "label")
    error = refused(data.load_tickets, broken)
    assert (error.line, error.field) == (1, "intent")


def test_a_row_with_a_comma_too_many_is_refused(broken: Path) -> None:
    change_line(broken / "question_pairs.csv", 9, lambda text: text + ",extra")
    error = refused(data.load_question_pairs, broken)
    assert (error.line, "6 values for 5 columns" in str(error)) == (9, True)


def test_an_open_quote_is_refused(broken: Path) -> None:
    path = broken / "question_pairs.csv"
    path.write_text(path.read_text("utf-8") + 'P999,"no end,b,yes,train\n', "utf-8", newline="\n")
    error = refused(data.load_question_pairs, broken)
    assert error.line == 242
    assert "quote" in str(error)


@pytest.mark.parametrize(
    ("fields", "field", "wanted"),
    [
        ({"text": "DROP"}, "text", "missing"),
        ({"id": "DROP"}, "id", "missing"),
        ({"id": "Q001"}, "id", "line 1"),
        ({"text": 7}, "text", "wanted text"),
        ({"kind": "easy"}, "kind", "fact, table"),
        ({"split": "dev"}, "split", "train, test"),
        ({"answer": None}, "answer", "missing"),
        ({"relevant": "DROP"}, "relevant", "missing"),
        ({"relevant": []}, "relevant", "at least one"),
        ({"relevant": ["brakes#bleeding"]}, "relevant", "anchor and grade"),
        ({"relevant": [{"anchor": "brakes#bleeding", "grade": 1}]}, "relevant", "grade 2"),
        ({"relevant": [{"anchor": "brakes#bleeding", "grade": 3}]}, "grade", "1 or 2"),
        ({"relevant": [{"anchor": "brakes#bleeding", "grade": True}]}, "grade", "1 or 2"),
        ({"relevant": [{"grade": 2}]}, "anchor", "missing"),
        ({"relevant": [{"anchor": "brakes#nowhere", "grade": 2}]}, "relevant", "brakes#nowhere"),
        ({"relevant": [{"anchor": "brakes#bleeding", "grade": 2}] * 2}, "relevant", "twice"),
        ({"kind": "unanswerable"}, "relevant", "none"),
        ({"kind": "unanswerable", "relevant": []}, "answer", "null"),
    ],
)
def test_a_bad_question_is_placed(
    broken: Path, fields: dict[str, object], field: str, wanted: str
) -> None:
    change_question(broken, 4, **fields)
    error = refused(data.load_questions, broken)
    assert (error.file, error.line, error.field) == ("questions.jsonl", 4, field)
    assert wanted in str(error)


@pytest.mark.parametrize("text", ['{"id": "Q9"', "[]", ""])
def test_a_line_that_is_no_json_object_is_placed(broken: Path, text: str) -> None:
    change_line(broken / "questions.jsonl", 6, lambda _: text)
    assert refused(data.load_questions, broken).line == 6


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "wanted"),
    [
        ("owner: Tom Brackley\n", "", None, "owner", "missing"),
        ("owner: Tom Brackley\n", "owner:\n", 3, "owner", "missing"),
        ("2024-06-12", "12 June 2024", 4, "updated", "2025-03-01"),
        ("2024-06-12", "2020-01-01", None, "updated", "service-note-2021-07"),
        ("audience: staff", "audience: all", 5, "audience", "customers, staff"),
        ("service-note-2021-07\n", "service-note-1921\n", None, "supersedes", "service-note-1921"),
        ("service-note-2021-07\n", "brakes\n", None, "supersedes", "another page"),
        ("title: Brakes,", "title: 'Brakes,", None, None, "YAML"),
        ("---\n", "", 1, None, "front matter"),
        ("title: Brakes,", "title: \x07", None, None, "YAML"),
        ("title: Brakes, pad wear and bleeding", "? [a, b]\n: c", None, "title", "missing"),
        ("## Bedding in", "## Bleeding", None, None, "brakes#bleeding"),
    ],
)
def test_a_bad_page_is_placed(
    broken: Path, old: str, new: str, line: int | None, field: str | None, wanted: str
) -> None:
    change(broken / "handbook" / "brakes.md", old, new)
    error = refused(data.load_handbook, broken)
    assert (error.file, error.field) == ("handbook/brakes.md", field)
    if line:
        assert error.line == line
    assert wanted in str(error)


@pytest.mark.parametrize("kept", [60, 0])
def test_a_page_cut_off_in_its_front_matter_is_refused(broken: Path, kept: int) -> None:
    path = broken / "handbook" / "brakes.md"
    path.write_bytes(path.read_bytes()[:kept])
    assert refused(data.load_handbook, broken).file == "handbook/brakes.md"


def test_a_page_without_text_is_refused(broken: Path) -> None:
    path = broken / "handbook" / "brakes.md"
    path.write_text("---\n" + path.read_text("utf-8").split("---\n")[1] + "---\n\n", "utf-8")
    assert "truncated" in str(refused(data.load_handbook, broken))


def test_bad_utf8_in_a_page_is_placed(broken: Path) -> None:
    path = broken / "handbook" / "brakes.md"
    path.write_bytes(path.read_bytes().replace(b"Bin the printed", b"Bin \xff the printed"))
    error = refused(data.load_handbook, broken)
    assert (error.file, error.line) == ("handbook/brakes.md", 8)


def test_a_page_that_disappears_leaves_its_questions_dangling(broken: Path) -> None:
    (broken / "handbook" / "keys-and-locks.md").unlink()
    error = refused(data.load_questions, broken)
    assert error.field == "relevant"
    assert "keys-and-locks#" in str(error)


def test_an_empty_handbook_is_refused(tmp_path: Path) -> None:
    assert refused(data.load_handbook, tmp_path).file == "handbook"


def test_the_error_survives_a_process_boundary(broken: Path) -> None:
    (broken / "tickets.csv").unlink()
    error = refused(data.load_tickets, broken)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.file) == (str(error), error.file)


def test_front_matter_is_plain_yaml() -> None:
    """Other tools read the pages too, so the front matter must mean the same to them."""
    for page in data.load_handbook():
        path = data.LARKSPUR / "handbook" / f"{page.id}.md"
        meta = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])
        assert (meta["title"], meta["updated"]) == (page.title, page.updated)
        assert meta.get("supersedes") == page.supersedes
