"""Personal data: what is found, what only looks like it, and what a redacted text says."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from course_lib import data
from course_lib.guardrails import (
    Context,
    PersonalData,
    PersonalDataGuard,
    ToolCall,
    apply_guards,
    larkspur_personal_data,
    score_personal_data,
)

QUIET = settings(  # no time limit: a busy machine is no failure
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
FINDER = PersonalData(names=["Ann Smith", "Jürgen Yılmaz", "Owen O'Neill", "An De Backer"])


def found(text, finder=FINDER):
    return [(span.kind, span.text) for span in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Write to sam.o'hara+bike@mail.example.org.", "hara+bike@mail.example.org"),
        ("to sam(at)example.org please", "sam(at)example.org"),
        ("to sam at example dot org please", "sam at example dot org"),
    ],
)
def test_addresses_are_found_as_people_write_them(text, wanted):
    [(kind, said)] = found(text)
    assert kind == "email"
    assert wanted in said


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "0117 496 0123"),
        ("phone", "+44 (0)117 496 0123"),
        ("phone", "06-12345678"),
        ("phone", "0470 12 34 56"),
        ("phone", "0171 3920012"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "NL91ABNA0417164300"),
        ("card", "4111 1111 1111 1111"),
        ("card", "3782-822463-10005"),
        ("name", "Ann Smith"),
        ("name", "SMITH, ANN"),
        ("name", "Jurgen Yilmaz"),
        ("name", "Owen O'Neill"),
        ("name", "Mrs Van den Berg"),
        ("name", "Frau Müller-Lüdenscheidt"),
        ("address", "27 Alma Vale Road, Bristol BS8 2HN"),
        ("address", "Lotter Straße 14, 49078 Osnabrück"),
        ("address", "Oudegracht 215, 3511 NH Utrecht"),
        ("address", "Am Dobben 31"),
    ],
)
def test_each_kind_is_found_whole_in_a_sentence(kind, text):
    for sentence in (f"Please note {text}, thanks.", f"({text})", f"{text}\nRegards"):
        assert (kind, text) in found(sentence), sentence


@pytest.mark.parametrize(
    "text",
    [
        "DE88 3704 0044 0532 0130 00",  # check digits
        "4111 1111 1111 1112",  # check digit
        "45 31 37 20 32 30 32 35",  # bytes
        "356938035643809",  # an IMEI passes Luhn, but no card begins so
        "LC-25-20417, LM1-24-000932, B360-22-00006, CH22-14, BK00000207",
        "01.02.2025 to 28.02.2025, 9:00-17:30",
        "51.4545, -2.5879 and 192.168.178.24",
        "€1,299.00 or 1.299,00 EUR, 35 Nm, 4,117 km",
        "2 tubes @ €8, 3 tyres @8",
        "12 Road tyres, in 5 Lane markers",
        "Bring 2 tubes, during 20 minutes, Spring 2025, Im Winter 2024, Am Freitag 12 Uhr",
        "An old smith, the green bell",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert found(text) == []


@QUIET
@given(st.text("0123456789", min_size=18, max_size=18), st.booleans())
def test_only_ibans_with_right_check_digits_are_found(digits, grouped):
    """Against the arithmetic itself: ISO 7064 mod 97-10."""
    right = f"{int(mod_97_10.calc_check_digits(digits + 'DE')):02d}"
    wrong = f"{(int(right) + 1) % 100:02d}"
    for check, wanted in ((right, True), (wrong, False)):
        iban = f"DE{check}{digits}"
        text = " ".join(iban[i : i + 4] for i in range(0, 22, 4)) if grouped else iban
        assert (("iban", text) in found(f"To {text} please")) is wanted


@QUIET
@given(st.text("0123456789", min_size=14, max_size=14))
def test_only_cards_with_the_right_check_digit_are_found(digits):
    number = f"4{digits}"
    right = int(luhn.calc_check_digit(number))
    kinds = {
        digit: [kind for kind, _ in found(f"card {number}{digit}.") if kind == "card"]
        for digit in (right, (right + 1) % 10)
    }
    assert kinds == {right: ["card"], (right + 1) % 10: []}


def test_a_word_after_an_iban_is_not_part_of_it():
    assert found("NL91 ABNA 0417 1643 00 TNV Jan")[0] == ("iban", "NL91 ABNA 0417 1643 00")


def test_phone_numbers_go_by_the_regions_that_are_asked_for():
    text = "Bel 06-12345678"
    assert found(text) == [("phone", "06-12345678")]
    assert found(text, PersonalData(regions=["US"])) == []
    assert found("Ring +31 6 12345678", PersonalData(regions=["US"])) != []


def test_order_numbers_stay_unless_asked_for():
    text = "LC-25-20417 for the bike LM1-24-000932"
    assert found(text) == []
    asked = PersonalData(kinds=["order", "serial"])
    assert found(text, asked) == [("order", "LC-25-20417"), ("serial", "LM1-24-000932")]
    assert found("Ann Smith, sam@example.org", asked) == []


def test_what_is_public_may_be_said():
    finder = PersonalData(["Ann Smith"], public=["Ann Smith", "0117 496 0100", "care@x.example"])
    assert found("Ann Smith, +44 117 496 0100, care@x.example", finder) == []
    assert found("Ann Smith, 0117 496 0101, dont-care@x.example", finder) == [
        ("phone", "0117 496 0101"),
        ("email", "dont-care@x.example"),
    ]


def test_a_redacted_text_has_one_tag_for_each_value_and_can_be_restored():
    text = "Ann Smith and ann smith, sam@example.org, not kim@example.org."
    redacted = FINDER.redact(text)
    assert redacted.text == "[name 1] and [name 1], [email 1], not [email 2]."
    assert redacted.restore("[email 2] and [email 7]") == "kim@example.org and [email 7]"
    assert [text[span.start : span.end] for span in redacted.spans] == [
        span.text for span in redacted.spans
    ]
    assert PersonalData().redact("nothing").restore("[email 1]") == "[email 1]"


def test_a_tag_that_somebody_wrote_is_not_filled_in():
    redacted = FINDER.redact("Send [email 1] to sam@example.org")
    assert redacted.text == "Send [email 1] to [email 2]"
    assert redacted.restore("[email 1]") == "[email 1]"
    several = FINDER.redact("Send [email 1] to sam@example.org and kim@example.org")
    assert several.text == "Send [email 1] to [email 2] and [email 3]"


@QUIET
@given(st.text("AnSmith 0123456789@.-,/LCDE\n", max_size=80))
def test_places_are_in_order_do_not_overlap_and_restoring_gives_the_text_back(text):
    redacted = FINDER.redact(text)
    assert all(a.end <= b.start for a, b in zip(redacted.spans, redacted.spans[1:], strict=False))
    assert all(text[s.start : s.end] == s.text for s in redacted.spans)
    if len(redacted.values) == len(redacted.spans):  # one spelling for each value
        assert redacted.restore(redacted.text) == text


# --- the guard ----------------------------------------------------------------------------------


def test_the_guard_says_which_kinds_and_not_what_they_are():
    verdict = PersonalDataGuard(FINDER).check("Ann Smith, 0117 496 0123, 0117 496 0124")
    assert verdict.reason == "holds personal data: name, phone"
    assert "Smith" not in verdict.reason
    assert "0117" not in verdict.reason
    assert len(verdict.spans) == 3


def test_the_users_own_data_may_be_said_to_them_and_others_may_not():
    guard = PersonalDataGuard(FINDER)
    context = Context("I am Ann Smith, +44 117 496 0123.")
    assert guard.check("Hello Ann Smith, we ring 44117 496 0123", context).allowed
    assert not guard.check("Hello Owen O'Neill", context).allowed


def test_the_guard_reads_the_arguments_of_a_call():
    outcome = apply_guards(
        [PersonalDataGuard(FINDER)], ToolCall("http", {"path": "/x?to=sam@example.org"})
    )
    assert outcome.fired == ("personal data",)


def test_larkspurs_customers_are_known_and_its_staff_is_public():
    finder = larkspur_personal_data()
    assert found("Megan Parker and postma, kees", finder) == [
        ("name", "Megan Parker"),
        ("name", "postma, kees"),
    ]
    assert found("Frau Claes, Mr Brackley and Dr Aylin Demir, 0117 496 0112", finder) == []


def test_on_the_training_texts_it_finds_most_and_invents_little():
    train = [text for text in data.load_personal_texts() if text.split == "train"]
    scores = score_personal_data(larkspur_personal_data(), train)
    print(*(f"{kind}: {score}" for kind, score in scores.items()), sep="\n")
    assert set(scores) == {*data.PERSONAL_DATA_KINDS, "all"}
    found_of, wrong_of = scores["all"].found, scores["all"].wrong
    assert found_of[1] == sum(len(text.spans) for text in train)
    assert found_of[0] >= 0.85 * found_of[1]
    assert wrong_of[0] <= 0.1 * wrong_of[1]


def test_a_finder_that_finds_nothing_or_everything_scores_so():
    train = [text for text in data.load_personal_texts() if text.split == "train"][:20]
    nothing = score_personal_data(PersonalData(kinds=["order"]), train)
    assert nothing["all"].found[0] == 0
    assert nothing["all"].found[1] > 0

    class Everything(PersonalData):
        def find(self, text):
            from course_lib.guardrails import Span

            return (Span("name", 0, len(text), text),)

    everything = score_personal_data(Everything(), train)
    assert everything["name"].found[0] == everything["name"].found[1]
    assert everything["name"].wrong[0] == sum(not text.spans for text in train)


# --- wrong use ----------------------------------------------------------------------------------


def test_unknown_kinds_and_regions_are_named():
    with pytest.raises(ValueError, match=r"kinds must be of .*, got 'iris'"):
        PersonalData(kinds=["email", "iris"])
    with pytest.raises(ValueError, match=r"regions must be codes such as BE, got 'Belgium'"):
        PersonalData(regions=["Belgium"])


@pytest.mark.parametrize("library", ["phonenumbers", "stdnum"])
def test_a_missing_library_is_one_line_with_the_command(monkeypatch, library):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"needs {library}: pip install phonenumberslite") as hit:
        PersonalData().find("NL91ABNA0417164300")
    assert "\n" not in str(hit.value)
