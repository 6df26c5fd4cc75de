"""Larkspur's folder and folders of broken files: what comes out, and what the report says."""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import data, ingestion
from course_lib.data import LARKSPUR
from course_lib.ingestion import Document, IngestionError, load_folder, load_markdown, load_sql
from course_lib.ingestion.documents import first_cell, markdown_places
from tests.pdf_maker import BAD, GOOD, blank, encrypted, lines, pdf, picture, write


@pytest.fixture(scope="module")
def larkspur() -> ingestion.Ingested:
    return load_folder(LARKSPUR)


@pytest.fixture(scope="module")
def documents(larkspur: ingestion.Ingested) -> dict[str, Document]:
    return {document.locator: document for document in larkspur.documents}


# --- Larkspur ---


def test_larkspurs_whole_folder_is_read(larkspur, documents):
    report = larkspur.report
    assert report.problems == ()
    assert len(documents) == len(larkspur.documents) == report.documents  # no locator twice
    assert {document.source for document in larkspur.documents} == {
        path.relative_to(LARKSPUR).as_posix()
        for path in LARKSPUR.rglob("*")
        if path.suffix in (".md", ".pdf")
    }
    assert {"questions.jsonl", "shop.sqlite", "tickets.csv"} < set(report.skipped)
    assert report.characters == sum(len(document.text) for document in larkspur.documents)


def test_a_page_has_the_anchors_and_the_sections_of_the_data_loader(documents):
    for page in data.load_handbook():
        document = documents[page.id]
        assert document.text == page.text.strip()
        assert document.title == page.title
        assert {place.anchor for place in document.places} == set(page.anchors())
        for section in page.sections():
            start, end = document.span(section.anchor)
            shown = document.text[start:end]
            assert shown.removeprefix(f"## {section.heading}").strip() == section.text


def test_front_matter_becomes_metadata(documents):
    for page in data.load_handbook():
        metadata = documents[page.id].metadata
        assert metadata["owner"] == page.owner
        assert metadata["updated"] == page.updated.isoformat()
        assert metadata["audience"] == page.audience
        assert metadata.get("supersedes") == page.supersedes


def test_a_superseded_page_knows_its_successor(documents):
    pages = data.load_handbook()
    replaced = {page.supersedes: page.id for page in pages if page.supersedes}
    for page in pages:
        assert documents[page.id].metadata["superseded"] == (page.id in replaced)
        assert documents[page.id].metadata.get("superseded_by") == replaced.get(page.id)
    assert all(document.metadata["superseded"] is False for document in documents.values()
               if document.metadata["kind"] == "pdf")  # fmt: skip


def test_every_row_of_the_manuals_is_where_the_index_says(documents):
    for manual in data.load_manuals():
        assert f"{manual.id}#page-{manual.pages + 1}" not in documents
        for anchor in manual.anchors():
            document = documents[anchor.partition("/")[0]]
            assert document.title == manual.title
            start, end = document.span(anchor)
            row = document.text[start:end].removeprefix("| ")
            assert "/" not in anchor or row.split()[0] == anchor.partition("/")[2].split()[0]


def test_ruled_tables_are_cell_exact(documents):
    """Beside the tables of the text that the PDFs are built from."""
    compared = 0
    for path in sorted((LARKSPUR / "manuals" / "text").glob("*.md")):
        pages = [d for d in documents.values() if d.locator.startswith(f"{path.stem}#")]
        printed = Counter(line for page in pages for line in page.text.split("\n") if "|" in line)
        source = path.read_text("utf-8")
        for block in re.findall(r"@table ruled.*\n((?:\|.*\n)+)", source):
            rows = [re.sub(r"\*", "", line) for line in block.splitlines()]
            for row in [*rows[:1], *rows[2:]]:
                cells = [cell.strip() for cell in row.strip("|").split("|")]
                assert printed[f"| {' | '.join(cells)} |"] >= 1, row
                compared += 1
    assert compared > 150


def test_nothing_on_a_page_is_lost_or_there_twice(documents):
    """Letter by letter, beside pypdfium2's own text; tables add bars and dashes only."""
    import pypdfium2

    for manual in data.load_manuals():
        pdf_file = pypdfium2.PdfDocument(manual.path)
        source = (LARKSPUR / "manuals" / "text" / f"{manual.id}.md").read_text("utf-8")
        running = re.findall(r"(?m)^number: (.+)$", source)[0]
        for number, page in enumerate(pdf_file, start=1):
            raw = page.get_textpage().get_text_bounded().replace("\r", "")
            raw = re.sub(r"(?m)^Larkspur.* Page \d+ of \d+$", "", raw, count=1)
            raw = re.sub(rf"(?m)^.* {running}$", "", raw, count=1)
            ours = documents[f"{manual.id}#page-{number}"].text
            ours = re.sub(r"(?m)^\|(---\|)+$", "", ours).replace("|", "")
            assert Counter("".join(ours.split())) == Counter("".join(raw.split())), (manual, number)
        pdf_file.close()


def test_a_heading_goes_on_to_the_next_page_of_a_manual(documents):
    page = documents["manual-ridge#page-7"]
    assert [h.text for h in page.headings if h.start == -1] == ["Ridge (LR-2)", "Error codes"]
    assert "How long a code stays" in [h.text for h in page.headings]
    for document in documents.values():
        for heading in document.headings:
            if heading.start >= 0:
                stands = " ".join(document.text[heading.start :].split()).lstrip("# ")
                assert stands.startswith(heading.text)


# --- broken files ---


def test_broken_pdfs_are_reported_and_the_rest_is_read(tmp_path):
    folder = write(tmp_path, {name: raw for name, (raw, _) in BAD.items()})
    write(folder, {"good.pdf": GOOD, "notes.md": "# Notes\nRead me."})
    documents, report = load_folder(folder)
    assert [d.locator for d in documents] == ["good#page-1", "good#page-2", "notes"]
    assert report.files == 2
    assert {problem.file for problem in report.problems} == set(BAD)
    for problem in report.problems:
        assert BAD[problem.file][1] in problem.message
        assert f"  {problem.file}: {problem.message}" in str(report)


def test_the_report_reads_well(tmp_path):
    folder = write(tmp_path, {"a.md": "12345", "b.txt": "", "x.docx": b"PK"})
    assert str(load_folder(folder).report) == (
        "1 file read: 1 document, 5 characters\n"
        "1 problem:\n"
        "  b.txt: empty: there is no text in it\n"
        "1 skipped: x.docx"
    )
    write(folder, {f"{n:02}.csv": "" for n in range(12)})
    assert str(load_folder(folder).report).endswith("08.csv, 09.csv and 3 more")


@pytest.mark.parametrize("name", BAD)
def test_a_broken_pdf_by_itself_is_an_error_that_names_it(tmp_path, name):
    folder = write(tmp_path, {name: BAD[name][0]})
    with pytest.raises(IngestionError, match=f"^{re.escape(name)}: .*{BAD[name][1]}"):
        ingestion.load_pdf(folder / name)


def test_a_pdf_without_user_password_is_read(tmp_path):
    folder = write(tmp_path, {"locked.pdf": encrypted(user="")})
    assert ingestion.load_pdf(folder / "locked.pdf")[0].text == "Locked away."


def test_pages_without_text_are_named_and_the_others_read(tmp_path):
    mixed = pdf(lines("Typed."), picture, blank, picture, lines("Typed too."))
    folder = write(tmp_path, {"mixed.pdf": mixed})
    documents, report = load_folder(folder)
    assert [d.metadata["page"] for d in documents] == [1, 5]
    assert report.files == 1
    assert [message for _, message in report.problems] == [
        "no text on 2 of its 5 pages (images?): 2, 4"
    ]
    with pytest.warns(UserWarning, match=r"mixed.pdf: no text on 2 of its 5 pages"):
        assert len(ingestion.load_pdf(folder / "mixed.pdf")) == 2


@pytest.mark.parametrize(
    ("raw", "message", "encoding"),
    [
        ("Größe M".encode("utf-16"), "UTF-16; save it as UTF-8, or", "utf-16"),
        ("Größe M".encode("utf-32"), "UTF-32; ", "utf-32"),
        ("Größe M".encode("utf-16-le"), "NUL bytes", "utf-16-le"),
        ("Size M".encode("utf-16-le"), "NUL bytes", "utf-16-le"),
        ("one\ntwo\nGröße M".encode("cp1252"), "not UTF-8: byte 0xf6 in line 3", "cp1252"),
    ],
)
def test_a_wrong_encoding_is_named_and_can_be_passed(tmp_path, raw, message, encoding):
    folder = write(tmp_path, {"a.txt": raw, "b.md": raw, "c.md": "Größe M"})
    documents, report = load_folder(folder)
    assert [d.source for d in documents] == ["c.md"]
    assert [problem.file for problem in report.problems] == ["a.txt", "b.md"]
    assert all(message in problem.message for problem in report.problems)
    documents, report = load_folder(folder, encoding=encoding)
    assert report.problems == ()
    assert all(document.text == raw.decode(encoding) for document in documents[:2])
    assert documents[2].text == "Größe M"  # UTF-8 is tried first


def test_binary_data_is_no_text_in_any_encoding(tmp_path):
    folder = write(tmp_path, {"a.md": bytes(range(256)) * 4})
    for encoding in (None, "cp1252", "utf-16"):
        documents, report = load_folder(folder, encoding=encoding)
        assert documents == []
        assert len(report.problems) == 1


def test_a_byte_order_mark_and_windows_line_ends_are_taken_off(tmp_path):
    page = "---\r\ntitle: T\r\n---\r\n## A\r\nB\rC\r\n".encode("utf-8-sig")
    document = load_markdown(write(tmp_path, {"a.md": page}) / "a.md")[0]
    assert (document.title, document.text) == ("T", "## A\nB\nC")


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.pdf"])
def test_a_file_above_the_limit_is_not_read(tmp_path, name):
    content = {"a.pdf": GOOD}.get(name, b"x" * 2000)
    folder = write(tmp_path, {name: content, "small.txt": "small"})
    documents, report = load_folder(folder, max_bytes=1000)
    assert [d.source for d in documents] == ["small.txt"]
    assert f"{len(content):,} bytes are more than max_bytes = 1,000" in report.problems[0].message
    assert load_folder(folder, max_bytes=len(content)).report.problems == ()


@pytest.mark.parametrize("text", ["", "\n\n", " \t\n", "---\ntitle: T\n---\n"])
def test_a_page_without_text_is_a_problem(tmp_path, text):
    documents, report = load_folder(write(tmp_path, {"a.md": text}))
    assert documents == []
    assert "there is no text in it" in report.problems[0].message


def test_whatever_a_library_raises_stays_with_its_file(tmp_path, monkeypatch):
    def fail(_raw: bytes) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("course_lib.ingestion.loaders.read_pdf", fail)
    documents, report = load_folder(write(tmp_path, {"a.pdf": GOOD, "b.txt": "text"}))
    assert [d.source for d in documents] == ["b.txt"]
    assert report.problems[0].message == "cannot be read (RecursionError: too deep)"


# --- folders ---


def test_other_files_are_listed_and_hidden_ones_are_not(tmp_path):
    folder = write(
        tmp_path,
        {
            "b.MD": "B", "a/deep/c.Markdown": "C", "D.PDF": GOOD, "e.txt": "E",
            "x.docx": b"PK", "a/y.csv": "1", "noend": "1",
            ".hidden.md": "no", ".git/config.md": "no", "a/.cache/z.txt": "no",
        },
    )  # fmt: skip
    documents, report = load_folder(str(folder))
    assert [d.source for d in documents] == ["D.PDF", "D.PDF", "a/deep/c.Markdown", "b.MD", "e.txt"]
    assert report.skipped == ("a/y.csv", "noend", "x.docx")
    assert "3 skipped: a/y.csv, noend, x.docx" in str(report)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_listed_and_not_followed(tmp_path):
    outside = write(tmp_path / "outside", {"secret.md": "secret"})
    folder = write(tmp_path / "in", {"a/page.md": "page"})
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "linked.md").symlink_to(outside / "secret.md")
    (folder / "gone.md").symlink_to(outside / "gone.md")
    documents, report = load_folder(folder)
    assert [d.source for d in documents] == ["a/page.md"]
    assert report.skipped == ("a/loop", "gone.md", "linked.md", "self")
    (tmp_path / "way-in").symlink_to(folder)
    assert load_folder(tmp_path / "way-in").documents == documents  # the folder itself may be one


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert load_folder(tmp_path).report.skipped == ("pipe.txt",)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_can_be_printed(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("hello")
    (tmp_path / os.fsdecode(b"\xff.bin")).write_text("hello")
    documents, report = load_folder(tmp_path)
    assert documents[0].text == "hello"
    assert f"{documents[0].locator}{report}".encode()


def test_files_of_one_name_get_ids_of_their_own(tmp_path):
    names = ["a/x.md", "b/x.md", "b/x.txt", "c#/x.md", "x.md", "b-x.md"]
    documents, _ = load_folder(write(tmp_path, dict.fromkeys(names, "## H\ntext")))
    assert {d.source: d.locator for d in documents} == {
        "a/x.md": "x", "b-x.md": "b-x", "b/x.md": "b-x-2", "b/x.txt": "b-x-3", "c#/x.md": "c--x",
        "x.md": "x-2",
    }  # fmt: skip
    assert documents[2].places[0].anchor == "b-x-2#h"


def test_ignore_takes_patterns_of_paths(tmp_path):
    names = ["a.md", "drafts/b.md", "drafts/old/c.md", "notes/d.txt", "notes/e.md"]
    folder = write(tmp_path, dict.fromkeys(names, "text"))
    left = load_folder(folder, ignore=["drafts", "*.txt"])
    assert [d.source for d in left.documents] == ["a.md", "notes/e.md"]
    assert left.report.skipped == ()


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    documents, report = load_folder(tmp_path)
    assert documents == []
    assert "no file here ends in .md, .markdown, .txt, .pdf" in str(report)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "nowhere"}, "path must be an existing folder, got 'nowhere'"),
        ({"path": __file__}, "path must be an existing folder"),
        ({"max_bytes": 0}, "max_bytes must be 1 or more, got 0"),
        ({"ignore": "drafts"}, r"ignore must be a list of patterns, got 'drafts'; pass \["),
        ({"encoding": "latin-0"}, "encoding must be one that Python knows.*got 'latin-0'"),
    ],
)
def test_wrong_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load_folder(**{"path": tmp_path, **options})


def test_a_file_that_is_not_there_is_named(tmp_path):
    for load in (ingestion.load_pdf, load_markdown, ingestion.load_text):
        with pytest.raises(IngestionError, match=r"^none.md: cannot be opened"):
            load(tmp_path / "none.md")


# --- Markdown ---


def test_front_matter_of_all_kinds(tmp_path):
    page = (
        "---\ntitle: 2024\nupdated: 2025-03-01\nlast seen: 2025-03-01 10:00:00\ntags: [a, 1, [b]]\n"
        "draft: true\nrate: 1.5\nhuge: 99999999999999999999\nnothing:\nnested: {a: 1}\n1: one\n"
        "---\nText"
    )
    document = load_markdown(write(tmp_path, {"a.md": page}) / "a.md")[0]
    assert document.text == "Text"
    assert document.title == "2024"
    assert document.metadata == {
        "title": 2024, "updated": "2025-03-01", "last_seen": "2025-03-01T10:00:00", "tags": "a, 1",
        "draft": True, "rate": 1.5, "huge": "99999999999999999999", "kind": "markdown",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["---\n\nA rule\n", "---\nA rule\n---\nText", "Text\n---\na: 1\n---"]
)
def test_what_only_looks_like_front_matter_stays_text(tmp_path, text):
    document = load_markdown(write(tmp_path, {"a.md": text}) / "a.md")[0]
    assert (document.text, document.metadata) == (text.strip(), {"kind": "markdown"})


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("a: [1", "front matter is not YAML in line"),
        ("a: 1\nb: : 2", "in line 3"),
        ("d: 2025-13-45", "month must be in 1..12"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
    ],
)
def test_broken_front_matter_is_a_problem(tmp_path, head, message):
    folder = write(tmp_path, {"a.md": f"---\n{head}\n---\nText", "b.md": "Text"})
    documents, report = load_folder(folder)
    assert [d.source for d in documents] == ["b.md"]
    assert message in report.problems[0].message


def test_aliases_that_multiply_stay_small(tmp_path):
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]" for m, n in zip("abcdefgh", "bcdefghi")]  # noqa: B905
    folder = write(tmp_path, {"a.md": "---\n" + "\n".join(rows) + "\n---\nText"})
    assert load_markdown(folder / "a.md")[0].text == "Text"


def test_headings_and_their_anchors():
    text = (
        "Above.\n# Title\n## A & B\nx\n### A & B\ny\n"
        "```\n## not one\n```\n~~~\n# nor this\n```\n~~~\n"
        "## Größe (M)\n#hashtag\n####### seven\n## \nz\n## a--b"
    )
    headings, places = markdown_places("p", text)
    assert [(h.level, h.text) for h in headings] == [
        (1, "Title"), (2, "A & B"), (3, "A & B"), (2, "Größe (M)"), (2, ""), (2, "a--b")
    ]  # fmt: skip
    spans = {place.anchor: text[place.start : place.end] for place in places}
    assert list(spans) == [
        "p#intro", "p#title", "p#a--b", "p#a--b-1", "p#größe-m", "p#section", "p#a--b-2",
    ]  # fmt: skip
    assert spans["p#intro"] == "Above."
    assert spans["p#title"] == text[7:]  # to the end: nothing of its level follows
    assert spans["p#a--b"].endswith("~~~")  # with what is below it
    assert spans["p#a--b-1"].startswith("### A & B\ny")
    assert spans["p#größe-m"].endswith("seven")


def test_rows_of_tables_and_their_anchors():
    text = (
        "## T\n| Code | x |\n|:--|--:|\n| **E07** | 1 |\n| E07 | 2 |\n|  | 3 |\n| a\\|b | 4 |\n\n"
        "name | value\n--- | ---\n`left` | 5\nplain text\n| no | header |\n"
    )
    _, places = markdown_places("p", text)
    rows = {p.anchor: text[p.start : p.end] for p in places if "/" in p.anchor}
    assert rows == {
        "p#t/E07": "| **E07** | 1 |",  # of two rows with one name the first
        "p#t/a|b": "| a\\|b | 4 |",
        "p#t/left": "`left` | 5",
    }


@given(
    st.lists(st.sampled_from(["# a", "## a", "### b", "| x | y |", "|---|---|", "```", "w", ""]))
)
def test_places_are_in_the_text_whatever_it_holds(parts):
    text = "\n".join(parts)
    headings, places = markdown_places("p", text)
    assert len({place.anchor for place in places}) == len(places)
    for heading in headings:
        assert text[heading.start :].lstrip("# ").startswith(heading.text)
    for place in places:
        assert 0 <= place.start < place.end <= len(text)
        shown = text[place.start : place.end]
        assert shown == shown.strip() or place.anchor == "p#intro"
        if "/" in place.anchor:
            assert first_cell(shown) == place.anchor.partition("/")[2]
        elif place.anchor != "p#intro":
            assert shown.startswith("#")


def test_a_row_without_rules_is_found_by_its_first_cell():
    text = "Stem cap loose\nStem 5 both\nRear axle,\nthru 14\nStem 6\na.b 7"
    page = Document(text, "x.pdf", "m#page-1")
    found = {name: page.span(f"m#page-1/{name}") for name in ("Stem", "Rear axle, thru", "a.b")}
    assert {name: text[slice(*span)] for name, span in found.items()} == {
        "Stem": "Stem cap loose", "Rear axle, thru": "Rear axle,\nthru 14", "a.b": "a.b 7",
    }  # fmt: skip
    assert page.span("m#page-1/Ste") is None
    assert page.span("m#page-1/axb") is None
    assert page.span("m#page-1/") is None
    assert page.span("m#page-10") is None


@pytest.mark.parametrize(
    "text",
    ["# a\n" * 50_000, "| a |\n|---|\n" + "| b |\n" * 50_000, "|" * 300_000, "\n" * 300_000 + "x",
     "|\n" + "-" * 300_000, "- " * 150_000, "```\n" * 50_000 + "x"],
    ids=["headings", "rows", "bars", "line-ends", "dashes", "marks", "fences"],
)  # fmt: skip
def test_long_texts_take_time_by_their_length(tmp_path, text):
    """Quadratic work would take hours here."""
    document = load_markdown(write(tmp_path, {"a.md": text}) / "a.md")[0]
    assert len(document.text) == len(text.strip("\n").rstrip())


# --- databases ---


def test_rows_of_the_shop_become_documents():
    rows = load_sql(
        LARKSPUR / "shop.sqlite",
        "SELECT p.code, p.name, p.place, group_concat(f.product_code) AS fits FROM parts AS p "
        "JOIN part_fits AS f ON f.part_code = p.code GROUP BY p.code ORDER BY p.code",
        name="parts",
    )
    assert len(rows) == 53
    pads = next(row for row in rows if row.locator == "shop#parts/LK-208")
    assert pads.text.split("\n")[:3] == [
        "code: LK-208", "name: brake pads Haul, sintered, front and rear", "place: B-01-3",
    ]  # fmt: skip
    assert (pads.source, pads.title, pads.metadata["table"]) == (
        "shop.sqlite", "parts LK-208", "parts"
    )  # fmt: skip
    assert any("place:" not in row.text for row in rows)  # NULL


def test_no_rows_are_no_documents():
    query = "SELECT code FROM parts WHERE code = 'LK-000'"
    assert load_sql(LARKSPUR / "shop.sqlite", query, name="parts") == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM a", "must be a SELECT"),
        ("  ", "must be a SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM a", "readonly"),
        ("SELECT 1; DELETE FROM a", "one statement"),
        ("SELECT writefile('x', 'y')", "no such function"),
        ("SELECT m FROM a", "no such column: m"),
        ("SELECT n FROM a", "the first column must name each row, got 1 2 times"),
        ("SELECT NULL FROM a", "got NULL"),
    ],
)
def test_a_query_can_only_read(tmp_path, query, message):
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (n)")
        connection.execute("INSERT INTO a VALUES (1), (1)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(IngestionError, match=message):
        load_sql(path, query, name="a")
    assert path.read_bytes() == before


def test_a_missing_database_is_not_made(tmp_path):
    with pytest.raises(IngestionError, match="unable to open"):
        load_sql(tmp_path / "none.sqlite", "SELECT 1", name="a")
    assert not Path(tmp_path / "none.sqlite").exists()
