"""PDFs made for the purpose: tables, headings, running heads, broken words, and odd pages."""

from __future__ import annotations

import io
from collections import Counter

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.ingestion.pdf_pages import PdfPage, read_pdf
from tests.pdf_maker import HEIGHT, WIDTH, both, lines, pdf, picture, table

ROWS = [["Code", "Part"], ["E07", "motor"], ["E10", "magnet"]]
AS_MARKDOWN = "| Code | Part |\n|---|---|\n| E07 | motor |\n| E10 | magnet |"


def pages(raw: bytes) -> list[PdfPage]:
    return read_pdf(raw)[1]


def text(raw: bytes) -> str:
    (page,) = pages(raw)
    return page.text


@pytest.mark.parametrize("one_path", [False, True])
def test_a_ruled_table_stands_where_it_does_on_the_page(one_path):
    raw = pdf(both(lines("Before it."), table(ROWS, one_path=one_path), lines("After.", top=50)))
    assert text(raw) == f"Before it.\n\n{AS_MARKDOWN}\n\nAfter."


def test_two_tables_on_a_page_and_one_without_rules():
    plain = lines("Bolt Nm", "Stem 5", top=100)
    raw = pdf(both(table(ROWS, top=250), plain, table(ROWS, top=60)))
    assert text(raw) == f"{AS_MARKDOWN}\n\nBolt Nm\nStem 5\n\n{AS_MARKDOWN}"


def test_lines_inside_a_cell_are_joined():
    rows = [
        ["Code", "What to do"],
        ["E07", "stop for\n20 minutes"],
        ["E17", "cali-\nbrate LK-\n204"],
    ]
    assert text(pdf(table(rows))).split("\n")[2:] == [
        "| E07 | stop for 20 minutes |",
        "| E17 | calibrate LK-204 |",
    ]


def test_empty_cells_stay_and_empty_rows_go():
    rows = [["", "A"], ["x", ""], ["", ""], ["y", "1"]]
    assert text(pdf(table(rows))) == "|  | A |\n|---|---|\n| x |  |\n| y | 1 |"


def test_a_bar_in_a_cell_does_not_end_it():
    assert "| a \\| b | c |" in text(pdf(table([["h", "i"], ["a | b", "c"]])))


def test_a_box_around_passages_is_no_table():
    passage = "\n".join(["till " * 11] * 20)
    raw = pdf(table([["A", "B"], [passage, "short"]], top=280, wide=170))
    assert "|" not in text(raw)
    assert text(raw).count("till") == 220


@pytest.mark.parametrize("rows", [[["one box"]], [["a", "b"]], [["a"], ["b"]]])
def test_less_than_two_rows_and_columns_is_no_table(rows):
    assert "|" not in text(pdf(both(lines("Text."), table(rows))))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_page_keeps_its_table(degrees):
    """The page is drawn turned back, so that it reads upright when it is shown turned."""
    width, height = (WIDTH, HEIGHT) if degrees % 180 == 0 else (HEIGHT, WIDTH)

    def draw(canvas):
        canvas.setPageSize((width, height))
        canvas.setPageRotation(degrees)
        canvas.rotate(degrees)
        canvas.translate(*{0: (0, 0), 90: (0, -width), 180: (-width, -height), 270: (-height, 0)}
                         [degrees])  # fmt: skip
        table(ROWS)(canvas)

    assert text(pdf(draw)) == AS_MARKDOWN


@pytest.mark.parametrize("box", ["set_mediabox", "set_cropbox"])
def test_a_page_that_does_not_begin_at_zero(box):
    document = pypdfium2.PdfDocument(pdf(both(lines("Before."), table(ROWS))))
    getattr(document[0], box)(30, 20, WIDTH - 10, HEIGHT - 10)
    stream = io.BytesIO()
    document.save(stream)
    assert text(stream.getvalue()) == f"Before.\n\n{AS_MARKDOWN}"


def test_where_pdfplumber_fails_the_text_stays(monkeypatch):
    import pdfplumber

    raw = pdf(both(lines("Before."), table(ROWS)), lines("Next page."))
    monkeypatch.setattr(pdfplumber.page.Page, "find_tables", lambda self: 1 / 0)
    _, (first, second), notes = read_pdf(raw)
    assert first.text.split() == ["Before.", "Code", "Part", "E07", "motor", "E10", "magnet"]
    assert second.text == "Next page."
    assert len(notes) == 1
    assert "page 1: its tables stay plain text" in notes[0]
    assert "ZeroDivisionError" in notes[0]


def test_pdfminers_warnings_are_kept_back(caplog):
    import logging

    read_pdf(pdf(table(ROWS)))
    assert not caplog.records
    assert logging.getLogger("pdfminer").level == logging.NOTSET


def test_a_drawing_of_many_lines_is_not_searched_for_tables(monkeypatch):
    import pdfplumber

    def drawing(canvas):
        path = canvas.beginPath()
        path.moveTo(0, 0)
        for n in range(25_000):
            path.lineTo(n % WIDTH, n % HEIGHT)
        canvas.drawPath(path)

    monkeypatch.setattr(pdfplumber, "open", lambda *_: pytest.fail("opened"))
    assert text(pdf(both(lines("Map."), drawing))) == "Map."


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.text("abc xyz", max_size=9), min_size=2, max_size=2), min_size=2, max_size=6
    )
)
def test_no_letter_of_a_table_is_lost_or_doubled(rows):
    raw = pdf(both(lines("Above"), table(rows), lines("Below", top=20)))
    letters = Counter("".join(text(raw).split()))
    expected = Counter("".join("".join(map("".join, rows)).split()) + "AboveBelow")
    assert {c: n for c, n in letters.items() if c.isalpha()} == expected


def test_words_broken_at_a_lines_end_are_joined():
    raw = pdf(lines("An exam-", "ple of LK-", "204 and of E-", "Bikes - or so"))
    assert text(raw) == "An example of LK-204 and of E-Bikes - or so"


def test_a_character_that_utf_16_splits_is_whole():
    from pathlib import Path

    import matplotlib
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    pdfmetrics.registerFont(TTFont("DejaVuSans", str(font)))

    def draw(canvas):
        canvas.setFont("DejaVuSans", 10)
        canvas.drawString(50, 250, "set \N{MATHEMATICAL DOUBLE-STRUCK CAPITAL A} café")

    raw = pdf(draw)
    assert raw.count(b"<1D538>") == 1  # reportlab writes it as no other program would
    assert text(raw.replace(b"<1D538>", b"<D835DD38>")) == "set 𝔸 café"
    assert text(raw.replace(b"<1D538>", b"<D835>")) == "set \N{REPLACEMENT CHARACTER} café"


# --- headings and running heads ---


def test_larger_lines_are_headings_and_go_on_to_the_next_page():
    body = lines(*["The body of the text in its own size."] * 6, top=150)
    raw = pdf(
        both(lines("Brakes and", "drive", size=20), lines("Pads", size=12, top=190), body),
        both(lines("More on pads."), body),
        both(lines("Chain", size=12), body),
        both(lines("Wheels", size=20), body),
    )
    found = [[(h.start, h.level, h.text) for h in page.headings] for page in pages(raw)]
    assert found == [
        [(0, 1, "Brakes and drive"), (18, 2, "Pads")],
        [(-1, 1, "Brakes and drive"), (-1, 2, "Pads")],
        [(-1, 1, "Brakes and drive"), (-1, 2, "Pads"), (0, 2, "Chain")],
        [(-1, 1, "Brakes and drive"), (-1, 2, "Chain"), (0, 1, "Wheels")],
    ]
    assert pages(raw)[0].text.startswith("Brakes and\ndrive\n\nPads\n\nThe body")


def test_what_is_large_and_no_heading():
    body = lines(*["The body of the text in its own size."] * 9, top=140)
    long = lines(*["A passage in large letters goes over lines."] * 4, size=14)
    numbers = lines("1 2 3", size=14)
    assert pages(pdf(both(long, body)))[0].headings == ()
    assert pages(pdf(both(numbers, body)))[0].headings == ()
    assert pages(pdf(body))[0].headings == ()


def test_small_print_does_not_make_the_body_a_heading():
    small = lines(*["small print " * 6] * 7, size=8, top=130)
    raw = pdf(both(lines("Title", size=18), lines(*["The body of it."] * 8, top=230), small))
    assert [h.text for h in pages(raw)[0].headings] == ["Title"]


def test_letters_enlarged_by_the_page_are_measured_as_shown():
    def draw(canvas):
        canvas.scale(2, 2)
        canvas.drawString(20, 130, "Title")

    raw = pdf(both(lines(*["The body of it."] * 5, top=200), draw))
    assert [h.text for h in pages(raw)[0].headings] == ["Title"]


def test_running_heads_are_left_out():
    def page(number):
        return both(lines("The Manual", top=285), lines(f"Page {number} of 4", top=10),
                    lines(f"Text {number}"))  # fmt: skip

    raw = pdf(*[page(number) for number in range(1, 5)])
    assert [page.text for page in pages(raw)] == [f"Text {number}" for number in range(1, 5)]


def test_what_recurs_in_the_text_or_stands_once_in_the_margin_stays():
    raw = pdf(*[lines("The same.") for _ in range(4)], lines("A footnote.", top=10))
    assert [page.text for page in pages(raw)] == ["The same."] * 4 + ["A footnote."]
    two = pdf(lines("Head", top=285), both(lines("Head", top=285), lines("Text")))
    assert [page.text for page in pages(two)] == ["Head", "Head\nText"]  # too few to tell


def test_a_page_that_is_all_running_head_keeps_it():
    head = lines("Head", top=285)
    raw = pdf(*[both(head, lines(f"Text {n}")) for n in range(4)], both(head, picture))
    assert [page.text for page in pages(raw)][-1] == "Head"


def test_the_title_is_the_one_in_the_properties():
    def titled(canvas):
        canvas.setTitle("Ridge: owner's manual")
        lines("Text")(canvas)

    assert read_pdf(pdf(titled))[0] == "Ridge: owner's manual"
