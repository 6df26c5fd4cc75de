"""The manuals: the same bytes from the same text, and each page holds what anchors point at."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from course_lib import ROOT
from course_lib.data import LARKSPUR

MANUALS = LARKSPUR / "manuals"
INDEX = json.loads((MANUALS / "index.json").read_text("utf-8"))
CARD = (LARKSPUR.parent / "README.md").read_text("utf-8")


def pages(manual: str) -> list[str]:
    """The text of each page, its lines joined, as a reader of the PDF gets it."""
    document = pypdfium2.PdfDocument(MANUALS / f"{manual}.pdf")
    texts = [document[n].get_textpage().get_text_bounded() for n in range(len(document))]
    document.close()
    return [" ".join(text.split()) for text in texts]


TEXTS = {manual: pages(manual) for manual in INDEX}


def table(manual: str, head: str) -> dict[str, list[str]]:
    """The table in a manual's source whose head starts with `head`, by its rows' first cells."""
    source = (MANUALS / "text" / f"{manual}.md").read_text("utf-8")
    rows = source[source.index(f"| {head}") :].split("\n\n")[0].split("\n")[2:]
    cells = [[cell.strip(" *") for cell in row.strip("|").split("|")] for row in rows]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_build_elsewhere_gives_the_committed_bytes(tmp_path: Path, seed: str) -> None:
    script = ROOT / "datasets" / "build_manuals.py"
    subprocess.run(
        [sys.executable, str(script), str(tmp_path / "built")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": seed},
        check=True,
    )
    built = {path.name: path.read_bytes() for path in (tmp_path / "built").iterdir()}
    committed = {path.name: path.read_bytes() for path in MANUALS.glob("*.*")}
    assert built.keys() == committed.keys()
    assert [name for name in built if built[name] != committed[name]] == []


def test_there_are_six_manuals_of_four_to_ten_pages() -> None:
    assert len(INDEX) >= 6
    assert {name: len(texts) for name, texts in TEXTS.items()} == {
        name: entry["pages"] for name, entry in INDEX.items()
    }
    assert all(4 <= len(texts) <= 10 for texts in TEXTS.values())


def test_every_row_of_the_index_stands_on_its_page_and_no_two_have_one_name() -> None:
    missing = [
        (manual, page, row)
        for manual, entry in INDEX.items()
        for page, rows in entry["rows"].items()
        for row in rows
        if row.replace(" ", "") not in TEXTS[manual][int(page) - 1].replace(" ", "")
    ]
    assert missing == []
    for entry in INDEX.values():
        assert all(len(rows) == len(set(rows)) for rows in entry["rows"].values())


def test_every_word_of_the_source_is_on_some_page() -> None:
    for manual, texts in TEXTS.items():
        source = (MANUALS / "text" / f"{manual}.md").read_text("utf-8").partition("\n---\n")[2]
        words = {
            word.strip("*|.,:;()>#") for word in re.sub(r"(?m)^@.*$|-{3,}", "", source).split()
        }
        printed = "".join(texts).replace(" ", "")
        assert {word for word in words if word.replace("*", "") not in printed} == set()


def test_pages_are_numbered_and_headed() -> None:
    for manual, texts in TEXTS.items():
        number = (MANUALS / "text" / f"{manual}.md").read_text("utf-8").split("number: ")[1]
        for n, text in enumerate(texts, start=1):
            assert f"Page {n} of {len(texts)}" in text
            assert number.split("\n")[0] in text


def test_the_layouts_that_make_extraction_hard_are_there() -> None:
    sources = {m: (MANUALS / "text" / f"{m}.md").read_text("utf-8") for m in INDEX}
    assert all("@columns" in source for source in sources.values())
    assert all("@table plain" in s and "@table ruled" in s for s in sources.values())
    assert sum("# Erratum sheet" in source for source in sources.values()) == 2
    for manual in ("manual-ridge", "manual-haul"):  # the table of codes runs over a page
        with_codes = [n for n, rows in INDEX[manual]["rows"].items() if {"E01", "E71"} & {*rows}]
        assert len(with_codes) == 2
        for page in with_codes:  # and its head is printed again
            assert "Code Meaning What to do" in TEXTS[manual][int(page) - 1]


@pytest.mark.parametrize("manual", sorted(INDEX.keys() - {"manual-battery-and-charger"}))
def test_codes_mean_what_the_data_card_says(manual: str) -> None:
    codes = table(manual, "Code | Meaning")
    said = CARD[CARD.index("### Error codes") :].split("###")[1]
    shared = set(re.findall(r"E\d\d", said)[:8]) - {"E14", "E19", "E41", "E52", "E60", "E91"}
    assert shared <= codes.keys()
    for code, meaning in {"E01": "undervoltage", "E07": "over-temperature", "E10": "magnet",
                          "E17": "torque sensor", "E23": "too cold", "E32": "firmware",
                          "E70": "no communication", "E71": "charger"}.items():  # fmt: skip
        assert meaning in codes[code][0]
    assert "5 mm" in codes["E10"][1]
    assert "20 minutes" in codes["E07"][1]


def test_only_its_own_manual_knows_a_models_own_code() -> None:
    own = {"E19": "ridge", "E91": "ridge", "E14": "haul", "E41": "haul", "E52": "fold",
           "E60": "dash"}  # fmt: skip
    for code, model in own.items():
        knows = {m for m in INDEX if code in table(m, "Code | Meaning")}
        assert knows - {"manual-battery-and-charger"} == {f"manual-{model}"}


def test_part_codes_exist_and_are_called_alike() -> None:
    known = dict(re.findall(r"^\| (LK-\d{3}) \| ([^|]+?) \|", CARD, re.MULTILINE))
    for manual, texts in TEXTS.items():
        assert set(re.findall(r"LK-\d{3}", "".join(texts))) <= known.keys()
        source = (MANUALS / "text" / f"{manual}.md").read_text("utf-8")
        for code, name in re.findall(r"^\| (LK-\d{3}) \| ([^|]+?) \|", source, re.MULTILINE):
            assert name.split(",")[0].split()[0] in known[code], (manual, code)


def test_the_erratum_changes_what_the_table_prints() -> None:
    fork = table("manual-ridge", "Rider with rucksack | psi")
    assert fork["90 to 99 kg"][0] == "85"
    assert "95 psi (6.6 bar)" in TEXTS["manual-ridge"][9]
    assert "below 0.8 mm" in TEXTS["manual-fold"][4]
    assert "below 1.0 mm" in TEXTS["manual-fold"][6]


def test_bar_and_psi_agree() -> None:
    for manual, texts in TEXTS.items():
        joined = " ".join(texts)
        pairs = [(bar, psi) for bar, psi in re.findall(r"([\d.]+) bar \((\d+) psi\)", joined)]
        pairs += [(bar, psi) for psi, bar in re.findall(r"(\d+) psi \(([\d.]+) bar\)", joined)]
        wrong = [(bar, psi) for bar, psi in pairs if abs(float(bar) * 14.504 - int(psi)) > 1]
        assert wrong == [], manual


def test_nothing_is_said_that_the_card_leaves_unsaid() -> None:
    everything = " ".join(" ".join(texts) for texts in TEXTS.values())
    assert "airline" not in everything.lower()
    assert not re.search(r"\bIP ?[X\d]\d", everything)
    assert not re.search(r"[€£]", everything)  # prices belong to the catalogue
    ridge = " ".join(TEXTS["manual-ridge"])
    assert not re.search(r"battery[^.]{0,40}\d kg", ridge)
