"""Nothing is lost, nothing is there twice, every chunk maps back, and every judgement survives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_lib import chunking, data
from course_lib.chunking import (
    Chunk,
    chunk_fixed,
    chunk_headings,
    chunk_sentences,
    chunk_tables,
    count_words,
    covers,
    split_sentences,
)
from course_lib.chunking.sentences import word_spans
from course_lib.data import LARKSPUR
from course_lib.ingestion import Document, Heading, headings_and_tables, load_folder
from course_lib.ingestion.documents import markdown_places

CHUNKERS: list[Callable[..., list[Chunk]]] = [
    chunk_fixed,
    chunk_sentences,
    chunk_headings,
    chunk_tables,
]
WITH_OVERLAP = [chunk_fixed, chunk_sentences]
COUNTS = [len, count_words]

# Arbitrary text, and text that has what the chunkers look for.
parts = st.sampled_from(
    ["# H", "## Heading two", "### H", "| a | b |", "|---|---|", "| c d | e |", "```", "",
     "- item", "1. Do it.", "Stop. Go on! Really?", "e.g. this", "wörd " * 9, "x" * 60, "  ",
     "\u3000", "。字"]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=300),
    st.lists(parts, max_size=30).map("\n".join),
    st.lists(parts, max_size=30).map(" ".join),
)


def page(text: str) -> Document:
    headings, places = markdown_places("page", text)
    return Document(text, "page.md", "page", "Title", {}, headings, places)


def check_chunks(document: Document, chunks: Sequence[Chunk]) -> None:
    """Each maps back, none is blank, they are in order, and all letters are in one."""
    text = document.text
    covered = bytearray(len(text))
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    for one, next_one in itertools.pairwise(chunks):
        assert one.start < next_one.start
        assert one.end < next_one.end
    assert all(covered[n] or letter.isspace() for n, letter in enumerate(text))
    assert len({chunk.id for chunk in chunks}) == len(chunks)


@pytest.mark.parametrize("chunker", CHUNKERS)
@given(text=texts, size=st.integers(1, 80), count=st.sampled_from(COUNTS))
@settings(max_examples=200, deadline=None)
@example(text="", size=1, count=len)
@example(text="\n\n \t", size=1, count=len)
@example(text="| a | b |\n|---|---|\n| c | d |\ntext", size=4, count=count_words)
def test_nothing_is_lost_or_there_twice(chunker, text, size, count):
    document = page(text)
    chunks = chunker([document], size, count=count)
    check_chunks(document, chunks)
    for one, next_one in itertools.pairwise(chunks):
        assert one.end <= next_one.start
    for chunk in chunks if chunker is not chunk_tables else []:
        assert count(chunk.text) <= size


@pytest.mark.parametrize("chunker", WITH_OVERLAP)
@given(
    text=texts,
    sizes=st.integers(2, 80).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))),
    count=st.sampled_from(COUNTS),
)
@settings(max_examples=200, deadline=None)
def test_chunks_share_no_more_than_the_overlap(chunker, text, sizes, count):
    size, overlap = sizes
    document = page(text)
    chunks = chunker([document], size, overlap=overlap, count=count)
    check_chunks(document, chunks)
    for one, next_one in itertools.pairwise(chunks):
        assert count(text[next_one.start : one.end]) <= overlap
    for chunk in chunks:
        assert count(chunk.text) <= size


def test_an_overlap_is_used():
    document = page("one two three four five six seven. " * 10)
    words = chunk_fixed([document], 10, overlap=3)
    assert all(
        count_words(document.text[b.start : a.end]) == 3 for a, b in itertools.pairwise(words)
    )
    sentences = chunk_sentences([document], 21, overlap=7)
    assert [chunk.text.count("one") for chunk in sentences] == [3, 3, 3, 3, 2]


@given(text=texts, size=st.integers(1, 60))
@settings(max_examples=200, deadline=None)
def test_a_row_is_never_cut(text, size):
    document = page(text)
    chunks = chunk_tables([document], size)
    tables = headings_and_tables(text)[1]
    for table in tables:
        for _, start, end in table.rows:
            assert sum(chunk.start <= start and end <= chunk.end for chunk in chunks) == 1
        for chunk in chunks:
            begins_below = table.header_end < chunk.start < table.end
            whole = table.rows[0][2] if table.rows else table.header_end
            # The header is in one piece with its dashes and the first row.
            assert chunk.start > table.header_end or not table.start < chunk.end < whole
            assert chunk.end <= table.start or not table.start < chunk.start < whole
            if begins_below:
                assert chunk.table_header == text[table.start : table.header_end]
    for chunk in chunks:
        inside = any(table.header_end < chunk.start < table.end for table in tables)
        assert inside or chunk.table_header == ""


@pytest.mark.parametrize("chunker", [chunk_headings, chunk_tables])
@given(text=texts, size=st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_no_chunk_reaches_into_the_next_section(chunker, text, size):
    document = page(text)
    for chunk in chunker([document], size):
        for heading in document.headings:
            if chunk.start < heading.start < chunk.end:
                above = document.text[chunk.start : heading.start]
                assert all(
                    not line.strip() or line.lstrip()[0] == "#" for line in above.split("\n")
                )


def test_a_table_that_fits_is_not_cut_and_one_that_does_not_has_its_header_along():
    table = "| Code | Meaning |\n|---|---|\n" + "".join(f"| E{n:02} | w w |\n" for n in range(10))
    document = page(f"## Codes\nSome words before it.\n\n{table}\nAfter.")
    whole = chunk_tables([document], 100)
    assert len(whole) == 1
    kept = chunk_tables([document], 80)
    assert any(table.strip() in chunk.text for chunk in kept)
    cut = chunk_tables([document], 20)
    below = [chunk for chunk in cut if chunk.text.startswith("| E")]
    assert len(below) >= 3
    for chunk in below:
        assert chunk.table_header == "| Code | Meaning |\n|---|---|"
        assert "Code" not in chunk.text
        assert chunk.text_with_heading.startswith("Title > Codes\n| Code | Meaning |\n|---|---|\n|")


# --- headings ---


def test_the_headings_above_a_chunk():
    text = "Intro.\n# Bikes\nA.\n## Pads\nB. C.\n### Wear\nD.\n## Chain\nE."
    chunks = chunk_headings([page(text)])
    assert [chunk.heading for chunk in chunks] == [
        (), ("Bikes",), ("Bikes", "Pads"), ("Bikes", "Pads", "Wear"), ("Bikes", "Chain")
    ]  # fmt: skip
    assert [chunk.text_with_heading.split("\n")[0] for chunk in chunks] == [
        "Title", "Title", "Title > Bikes", "Title > Bikes > Pads", "Title > Bikes"
    ]  # fmt: skip
    assert [chunk.locator for chunk in chunks] == [
        "page#intro", "page#bikes", "page#pads", "page#wear", "page#chain"
    ]  # fmt: skip
    middle = chunk_fixed([page(text)], 3)[2]
    assert middle.text_with_heading == "Title > Bikes > Pads\nB. C.\n###"


def test_a_title_that_is_the_heading_too_is_said_once():
    document = Document("# Pads\nBelow 1 mm.\n## More\nB.", "a.md", "a", "Pads", {},
                        (Heading(0, 1, "Pads"), Heading(19, 2, "More")))  # fmt: skip
    first, second = chunk_headings([document])
    assert first.text_with_heading == "# Pads\nBelow 1 mm."
    assert second.text_with_heading == "Pads\n## More\nB."


def test_a_heading_alone_stays_with_the_next():
    chunks = chunk_headings([page("# Part\n\n## Chapter\n### Section\nText.\n## Last")])
    assert [chunk.text for chunk in chunks] == [
        "# Part\n\n## Chapter\n### Section\nText.", "## Last"
    ]  # fmt: skip


def test_headings_of_an_earlier_pdf_page_are_above():
    document = Document("Goes on.\nWear\n1 mm.", "m.pdf", "m#page-2", "Manual", {},
                        (Heading(-1, 1, "Pads"), Heading(9, 2, "Wear")))  # fmt: skip
    first, second = chunk_headings([document])
    assert first.text_with_heading == "Manual > Pads\nGoes on."
    assert second.text_with_heading == "Manual > Pads\nWear\n1 mm."
    assert first.locator == second.locator == "m#page-2"


def test_a_chunk_over_two_sections_cites_the_larger_part():
    text = "## A\nshort\n## B\nThis one is a good deal longer."
    (chunk,) = chunk_fixed([page(text)])
    assert chunk.locator == "page#b"
    assert chunk.metadata == {"source": "page.md", "title": "Title", "locator": "page#b"}


# --- covering ---


@given(text=texts, size=st.integers(1, 60), overlap=st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_every_place_is_covered_by_a_chunk(text, size, overlap):
    document = page(text)
    chunkings = [chunker([document], size) for chunker in CHUNKERS]
    chunkings += [c([document], size + overlap, overlap=overlap) for c in WITH_OVERLAP]
    for chunks in chunkings:
        for place in document.places:
            assert any(covers(chunk, place.anchor) for chunk in chunks), place


def test_a_chunk_that_touches_a_section_does_not_cover_it():
    text = "## A\n" + "a " * 50 + "\n## B\n" + "b " * 50
    first, second = chunk_fixed([page(text)], 55)
    assert covers(first, "page#a")
    assert not covers(first, "page#b")
    assert covers(second, "page#b")
    assert not covers(second, "page#a")
    assert covers(first, "page")
    assert not covers(first, "other#a")


@pytest.fixture(scope="module")
def larkspur() -> list[Document]:
    return load_folder(LARKSPUR, ignore=["manuals/text"]).documents


@pytest.mark.parametrize("chunker", CHUNKERS)
@pytest.mark.parametrize("size", [40, 150, 400])
def test_every_judged_anchor_is_covered_in_every_chunking(larkspur, chunker, size):
    chunks = chunker(larkspur, size)
    anchors = {judged.anchor for q in data.load_questions() for judged in q.relevant}
    assert len(anchors) > 250
    by_page: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_page.setdefault(chunk.document.locator, []).append(chunk)
    for anchor in anchors:
        name = anchor.partition("/")[0] if anchor.startswith("manual-") else anchor.split("#")[0]
        assert any(covers(chunk, anchor) for chunk in by_page[name]), anchor


def test_a_judged_row_is_in_one_piece_and_with_its_header(larkspur):
    ruled = 0
    for chunk in chunk_tables(larkspur, 60):
        for place in chunk.document.places:
            if "/" in place.anchor and chunk.start <= place.start < chunk.end:
                assert place.end <= chunk.end
                ruled += 1
    assert ruled > 500


def test_chunks_of_larkspur_hold_all_of_its_text(larkspur):
    for chunker in CHUNKERS:
        chunks = chunker(larkspur, 100)
        for name, own in itertools.groupby(chunks, key=lambda chunk: chunk.document.locator):
            (document,) = [document for document in larkspur if document.locator == name]
            check_chunks(document, list(own))
        assert {chunk.document.locator for chunk in chunks} == {d.locator for d in larkspur}


# --- sentences, words ---


@given(texts)
def test_sentences_joined_are_the_text(text):
    assert "".join(split_sentences(text)) == text
    assert "".join(text[a:b] for a, b in word_spans(text, 0, len(text))) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four… Five.", 5),
        ("“Stop.” He stopped. (He did.) Then on.", 4),
        ("Dr. A. Demir wrote, e.g. on Mr. Bean, approx. 5 pages.", 1),
        ("It costs 3.50 euros at shop.example today.", 1),
        ("it ended. but went on.", 1),  # a small letter: an abbreviation that is not known
        ("1. Turn the valve.\n2. Let the air out.\n10. Done.", 3),
        ("- one\n- two\n* three\n• four", 4),
        ("# Heading\nText on\ntwo lines.\n\nNext paragraph", 3),
        ("| a | b |\n|---|---|\n| c | d |\nText.", 4),
        ("Warte ca. 20 Minuten. Fahr weiter. Über den Berg.", 3),
        ("これは一。これは二！", 2),
        ("no end", 1),
        ("", 0),
    ],
)
def test_sentences(text, count):
    assert len(split_sentences(text)) == count


def test_words_are_counted():
    assert [count_words(text) for text in ("", " \n", "a", "a b", "x" * 20, "x" * 21)] == [
        0, 0, 1, 2, 1, 2
    ]  # fmt: skip


# --- sizes and arguments ---


@pytest.mark.parametrize("chunker", CHUNKERS)
def test_a_tokenizers_count_can_be_passed(chunker, larkspur):
    def count(text: str) -> int:  # a token for each three letters of a word, as a stand-in
        return sum(-(-len(word) // 3) for word in text.split())

    chunks = chunker(larkspur[:20], 100, count=count)
    assert max(count(chunk.text) for chunk in chunks) <= 100
    assert max(count_words(chunk.text) for chunk in chunks) < 100


@pytest.mark.parametrize("chunker", CHUNKERS)
@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "." * 500_000,
        "a. " * 200_000,
        "\n" * 500_000 + "x",
        "| a |\n" * 50_000,
        "# a\nb\n" * 20_000,
        "| a |\n|---|\n| b |\n\n" * 10_000,
        "- " * 200_000,
        "\"'" * 200_000,
        "字。" * 100_000,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_long_texts_take_time_by_their_length(chunker, text):
    """Quadratic work would take hours here."""
    headings, _ = headings_and_tables(text)
    document = Document(text, "a.md", "a", headings=tuple(headings))
    chunks = chunker([document], 100)
    assert sum(map(len, ("".join(chunk.text.split()) for chunk in chunks))) == len(
        "".join(text.split())
    )


@pytest.mark.parametrize("chunker", CHUNKERS)
def test_wrong_arguments(chunker):
    document = page("text")
    with pytest.raises(ValueError, match="size must be 1 or more, got 0"):
        chunker([document], 0)
    with pytest.raises(ValueError, match=r"documents must be a list of documents, got one; pass"):
        chunker(document)
    assert chunker([]) == []
    assert chunker([page(" \n")]) == []
    for overlap in (-1, 10) if chunker in WITH_OVERLAP else ():
        with pytest.raises(ValueError, match=rf"overlap must be between 0 and 9.*got {overlap}"):
            chunker([document], 10, overlap=overlap)


def test_the_package_exports_what_it_says():
    assert all(hasattr(chunking, name) for name in chunking.__all__)
