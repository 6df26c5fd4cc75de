"""The forms of personal data, one function for each: text -> places (start, end).

Two libraries know the rules that change: `phonenumbers` (Google's number plans, Apache-2.0; its
`phonenumberslite` is the same without maps of places, 5 MB) and `python-stdnum` (check digits,
LGPL-2.1+, 6 MB). Presidio would put its own patterns around the same `phonenumbers`, brings 19
packages, and finds names with a spaCy model that is not on PyPI.

On the training half of personal_data.jsonl a usual pattern for phone numbers, ten or so digits with
signs between them, is wrong in 39 of its 49 places, and these rules in 2 of 12.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Place = tuple[int, int]
INSTALL = "pip install phonenumberslite python-stdnum"

_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{0,63}[\w+%-]@(?:[^\W_][\w-]{0,62}\.){1,6}[^\W\d_]{2,24}(?![\w@])"
    # someone (at) example.org, someone [at] example [dot] org, someone at example dot org
    r"|(?<![\w.+%-])[\w.+-]{1,64}(?: dot [\w+-]{1,30}){0,4}\s?"
    r"(?:[(\[{]\s?(?:at|ät)\s?[)\]}]|\bat\b(?=(?: \w{1,30}){1,4} dot ))\s?"
    r"[\w-]{1,63}(?:(?:\.|\s?[(\[]dot[)\]]\s?| dot )[\w-]{1,63}){1,4}(?!\w|\sat\s)",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?!\w)")
_CARD = re.compile(  # as cards print them, or in one piece
    r"(?<![\w.-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-]|\.\d)"
)
# Visa, Mastercard, American Express, Diners, Discover, JCB, Maestro and UnionPay (ISO/IEC 7812)
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|(?:50|5[6-9]|6[37])\d{10,17}|62\d{14,17}"
)
ORDER = re.compile(r"(?<![\w-])(?:LC|WC)-\d{2}-\d{4,5}(?![\w-])")
SERIAL = re.compile(r"(?<![\w-])(?:L[A-Z]\d|B\d{3}|CH\d{2})-\d{2}(?:-\d{5,6})?(?![\w-])")
_OTHER_NUMBER = re.compile(
    r"\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d\b|\b(?:19|20)\d\d-\d\d-\d\d\b"  # dates
    r"|\b\d{1,2}[:.]\d{2}\s?[-–]\s?\d{1,2}[:.]\d{2}\b"  # opening hours
    r"|-?\b\d{1,3}\.\d{3,},\s?-?\d{1,3}\.\d{3,}"  # a place on the map
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b"  # an address in a network
    r"|[€£$]\s?\d[\d.,]{0,12}"
    r"|(?<![\d.,])\d[\d.,]{0,12}\s?(?:[€£$%]|(?:EUR|GBP|km|kg|mm|Nm|Wh|bar)\b)"
    r"|\b[A-Z]{1,4}[-_ ]?\d[\w-]{0,30}\d\b"  # codes that begin with letters
)
_TITLE = r"(?:Mrs?|Ms|Miss|Dr|Herrn?|Frau|[Mm]evrouw|[Mm]evr|[Mm]eneer|Dhr|dhr)\b\.?"
_PARTICLE = r"(?:(?:[Vv]an|[Dd]e|[Dd]en|[Dd]er|[Tt]en|[Tt]er|[Vv]on|[Zz]u|[Ee]l|[Aa]l)\s)"
_WORD = r"[A-ZÀ-ÖØ-ÞİŞĞ][\w'’]{0,30}(?:-[A-ZÀ-ÖØ-Þ][\w'’]{0,30}){0,2}"
_LAST = rf"{_PARTICLE}{{0,2}}{_WORD}"
_INTRODUCED = re.compile(
    rf"\b{_TITLE}\s(?P<titled>{_LAST})(?<=\w\w)"
    r"|\b(?i:my name is|my name's|i am|i'm|this is|ich heiße|mein name ist|ich bin|mijn naam is|"
    rf"ik ben|u spreekt met|je m'appelle|name[:=]?)\s(?P<said>{_WORD}\s(?:[A-Z]\.\s)?{_LAST})"
)
_WORDS = re.compile(r"\w+")
_NO_NAME = frozenset(("Holle", "Ringe", "Muscle", "Wack"))

_CITY = (
    r"[A-ZÀ-Ö][\w'’-]{1,30}"
    r"(?: (?:am|an der|aan de|upon|on) [A-Z][\w-]{1,30}| (?!Tel\b)[A-Z][\w-]{1,30})?"
)
_UK_CODE = r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}"
_PLACE = rf"(?:\d{{5}}\s{_CITY}|\d{{4}}\s?[A-Z]{{2}}(?:\s{_CITY})?|\d{{4}}\s{_CITY})"
_NUMBER = r"\d{1,4}(?:\s?[a-zA-Z]\b)?(?:\s?[-/]\s?\d{1,3})?\b(?:\s?(?:bus|box|boîte|bte)\s\w{1,4})?"
_STREET = (  # Lotter Straße 14, Oudegracht 215, Hansaring 88b; but not "Bring 2 tubes"
    r"(?<![\w'’-])(?!(?:B|Sp|St|Du|Wi|\w{1,8}e[ae])ring\b)(?:[A-ZÀ-Ö][\w'’.-]{0,30}\s){0,2}"
    r"(?=[A-ZÀ-Ö])[\w'’-]{0,30}"
    r"(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Ww]eg|[Aa]llee|[Rr]ing|[Pp]latz|[Uu]fer|[Dd]amm|[Gg]asse|"
    r"straat|laan|gracht|plein|kade|dreef|singel|steenweg|[Mm]arkt|dijk|hof)"
)
_PREFIXED = (  # Am Dobben 31; but not "Am Freitag 12" and "Im Winter 2024"
    r"(?:Am|An der|Im|In der|Auf dem|Zum|Zur)\s(?!\w+tag\b|(?:Mittwoch|Winter|Sommer|Herbst|"
    r"Frühling|Frühjahr|Jahr|Januar|Februar|März|April|Mai|Ju[nl]i|August|\w+ber)\b)"
    r"[A-ZÀ-Ö][\w-]{1,30}(?=\s\d{1,3}(?!\d))"
)
_ROAD = (  # 27 Alma Vale Road; Flat 3, 118 Wilmslow Road
    r"(?:\b(?:Flat|Unit|Apartment)\s\w{1,4},?\s)?\b\d{1,4}[a-zA-Z]?,?\s(?:[A-Z][\w'’.]{0,30}\s){1,3}"
    r"(?:Road|Street|Lane|Avenue|Drive|Close|Terrace|Crescent|Court|Gardens|Place|Square|Way|Hill|"
    r"Park|Row|Grove|Walk|Mews|Rd|St|Ave)\b"
)
_ADDRESS = re.compile(
    rf"{_ROAD}(?:,?\s+(?:[A-Z][\w'’-]{{1,30}},?\s+){{0,2}}{_UK_CODE}|,\s[A-Z][\w'’-]{{1,30}})?"
    rf"|(?:{_STREET}|\b{_PREFIXED})\s{_NUMBER}(?:(?:,|\sin)?\s+{_PLACE})?"
    rf"|\b[A-Z]{{1,2}}\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{{2}}\b"
)
# What follows the street's word, or the number, says that it is none: 12 Road tyres, 5 km.
_GOODS = re.compile(
    r"\s+(?:tyres?|markers?|benches|bikes?|posts?|of|Uhr|km|Stunden?|Tagen?|Minuten|Wochen|Räder|"
    r"Stück|Mal|mal|uur|dagen|minuten|weken|keer)\b"
)


def emails(text: str) -> Iterator[Place]:
    """E-mail addresses, also written around the @.

    By form: `email-validator` asks more of a single address, but does not find one in a text.
    """
    return _places(_EMAIL, text)


def ibans(text: str) -> Iterator[Place]:
    """IBANs with the right length, form and check digits (ISO 13616), in groups or not."""
    from_library = _library("stdnum.iban")
    for match in _IBAN.finditer(text):
        cuts = [match.end(), *(match.start() + m.start() for m in re.finditer(r"[ -]", match[0]))]
        for end in sorted(cuts, reverse=True):  # the word after it may look like its last group
            # Belgium's own check also wants a bank that exists today; an old account is one too.
            if from_library.is_valid(text[match.start() : end], check_country=False):
                yield match.start(), end
                break


def cards(text: str) -> Iterator[Place]:
    """Payment cards: an issuer's prefix and length, and the check digit (Luhn)."""
    luhn = _library("stdnum.luhn")
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUER.fullmatch(digits) and luhn.is_valid(digits):
            yield match.span()


def phones(text: str, regions: Sequence[str]) -> Iterator[Place]:
    """Numbers that the number plan of a region, or of the prefix that they have, allows."""
    library = _library("phonenumbers")
    found: set[Place] = set()
    for region in regions:
        for match in library.PhoneNumberMatcher(text, region):
            opened = match.raw_string.startswith("(") and match.raw_string.count(
                "("
            ) > match.raw_string.count(")")
            found.add((match.start + opened, match.end))  # "(0117 ..." in brackets
    # of two readings that overlap the longer one
    yield from sorted(found, key=lambda place: place[0] - place[1])


def names_by_word(names: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """Patterns for first and last names, also turned around, by the word with which they begin."""
    spellings: dict[str, dict[str, None]] = {}
    for name in names:
        first, _, last = " ".join(name.split()).partition(" ")
        for whole in (f"{first} {last}", f"{last}, {first}") if last else ():
            for spelling in (whole, _unaccented(whole)):
                word = _WORDS.match(spelling)
                if word:
                    spellings.setdefault(word[0].casefold(), {})[spelling] = None
    return {word: literal(found) for word, found in spellings.items()}


def names(text: str, known: Mapping[str, re.Pattern[str]]) -> Iterator[Place]:
    """Known names, and names that a title or an introduction makes one."""
    for word in _WORDS.finditer(text) if known else ():
        pattern = known.get(word[0].casefold())
        match = pattern.match(text, word.start()) if pattern else None
        if match:
            yield match.span()
    for match in _INTRODUCED.finditer(text):
        group = "titled" if match["titled"] else "said"
        if match[group].split()[-1] not in _NO_NAME:
            yield (match.start() if group == "titled" else match.start(group)), match.end(group)


def addresses(text: str) -> Iterator[Place]:
    """Streets with a number, their post code and town beside them, and British post codes."""
    for match in _ADDRESS.finditer(text):
        if not _GOODS.match(text, match.end()):
            yield match.span()


def orders(text: str) -> Iterator[Place]:
    """Order and claim numbers of the shop."""
    return _places(ORDER, text)


def serials(text: str) -> Iterator[Place]:
    """Serial numbers of bikes, batteries and chargers."""
    return _places(SERIAL, text)


def other_numbers(text: str) -> Iterator[Place]:
    """Dates, hours, prices, measures, places on a map and codes: none is a phone number."""
    return _places(_OTHER_NUMBER, text)


def literal(texts: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds any of these texts as whole words."""
    longest_first = sorted(texts, key=len, reverse=True)
    inside = "|".join(re.escape(text).replace(r"\ ", r"\s+") for text in longest_first)
    return re.compile(rf"(?<!\w)(?:{inside or '(?!)'})(?!\w)", re.IGNORECASE)


def known_regions() -> frozenset[str]:
    """Codes of the countries whose number plans are known."""
    return frozenset(_library("phonenumbers").SUPPORTED_REGIONS)


def _places(pattern: re.Pattern[str], text: str) -> Iterator[Place]:
    return (match.span() for match in pattern.finditer(text))


def _unaccented(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.replace("ı", "i").replace("ß", "ss"))
    return "".join(part for part in parts if not unicodedata.combining(part))


def _library(name: str) -> Any:
    """A module of phonenumberslite or python-stdnum, or one line on how to install it."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"personal data needs {name.split('.')[0]}: {INSTALL}") from None
