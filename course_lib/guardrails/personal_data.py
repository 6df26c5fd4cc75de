"""Personal data in a text: found by checksum, number plan, known names and form; redacted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from course_lib.guardrails import patterns
from course_lib.guardrails.verdicts import NO_CONTEXT, Context, Span, ToolCall, Verdict

REGIONS = ("BE", "NL", "DE", "GB")
KINDS = ("email", "iban", "card", "phone", "name", "address")  # the first that claims a place wins
REFERENCES = ("order", "serial")  # the shop's own numbers: no help is possible without them


@dataclass(frozen=True)
class Redacted:
    """A text without its personal data.

    Attributes:
        text: with tags such as [email 1]; the same value has the same tag.
        spans: what was taken out, with its place in the original.
        values: tag -> what it stands for. It is as personal as the text was: don't log it.
    """

    text: str
    spans: tuple[Span, ...]
    values: dict[str, str]

    def restore(self, text: str) -> str:
        """Put the values back into a text that uses the tags, such as a model's answer.

        >>> found = PersonalData().redact("I am at sam@example.org")
        >>> found.restore("We write to [email 1].")
        'We write to sam@example.org.'
        """
        tags = re.compile("|".join(map(re.escape, self.values)) or r"(?!)")
        return tags.sub(lambda tag: self.values[tag[0]], text)


class PersonalData:
    """Finds e-mail addresses, IBANs, cards, phone numbers, names and addresses; takes them out.

    Numbers go by rules that others keep: phone numbers by Google's number plans (`phonenumbers`),
    IBANs by their country's form and check digits and cards by theirs (`python-stdnum`), so that a
    part number is neither. Names are those that you give, and words that a title or an
    introduction makes a name. Streets are found by form alone, in English, German and Dutch.

    Args:
        names: first and last names of people that you know of, such as customers.
        public: texts that may be said: the company's own people, addresses and sites.
        regions: countries whose phone numbers may stand without a prefix such as +32.
        kinds: what to look for; "order" and "serial" may be added to `KINDS`.

    Raises:
        ValueError: for an unknown kind or region.
        ImportError: with the command that installs the missing library.

    >>> finder = PersonalData(names=["Ann Smith"])
    >>> text = "Ann Smith, 0117 496 0123, asks for LK-204 in LC-25-20417."
    >>> [(span.kind, span.text) for span in finder.find(text)]
    [('name', 'Ann Smith'), ('phone', '0117 496 0123')]
    >>> finder.redact(text).text
    '[name 1], [phone 1], asks for LK-204 in LC-25-20417.'

    Built in notebooks/14_orchestration.ipynb.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        public: Collection[str] = (),
        regions: Sequence[str] = REGIONS,
        kinds: Collection[str] = KINDS,
    ) -> None:
        order = (*KINDS[:4], *REFERENCES, *KINDS[4:])
        if unknown := sorted(set(kinds) - set(order)):
            raise ValueError(f"kinds must be of {', '.join(order)}, got {unknown[0]!r}")
        known = patterns.known_regions()
        if strange := [region for region in regions if region not in known]:
            raise ValueError(f"regions must be codes such as BE, got {strange[0]!r}")
        self.kinds = tuple(kind for kind in order if kind in kinds)
        self.public = tuple(public)
        self._public = patterns.literal(self.public)
        self._public_numbers = {_national(text) for text in self.public if _national(text)}
        known_names = patterns.names_by_word(names)
        finders: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
            "email": patterns.emails,
            "iban": patterns.ibans,
            "card": patterns.cards,
            "phone": lambda text: patterns.phones(text, regions),
            "name": lambda text: patterns.names(text, known_names),
            "address": patterns.addresses,
            "order": patterns.orders,
            "serial": patterns.serials,
        }
        self._finders = {kind: finders[kind] for kind in self.kinds}
        # An order number or a date is no phone number, whether order numbers are looked for or not.
        self._not_phones = (patterns.orders, patterns.serials, patterns.other_numbers)

    def find(self, text: str) -> tuple[Span, ...]:
        """What is found, in the order of the text; no two overlap.

        Args:
            text: as it was written: offsets count its characters.
        """
        taken: list[tuple[int, int]] = []
        spans = []
        public = [match.span() for match in self._public.finditer(text)]
        for kind, finder in self._finders.items():
            # "Dr" before a public name, or a number before a public street, changes nothing
            held = [*taken, *(public if kind in ("name", "address") else ())]
            if kind == "phone":
                held += [place for other in self._not_phones for place in other(text)]
            for start, end in finder(text):
                if kind == "phone" and _national(text[start:end]) in self._public_numbers:
                    continue
                if any(low <= start and end <= high for low, high in public):
                    continue
                if not _overlaps(start, end, held):
                    spans.append(Span(kind, start, end, text[start:end]))
                    taken.append((start, end))
                    held.append((start, end))
        return tuple(sorted(spans, key=lambda span: span.start))

    def redact(self, text: str) -> Redacted:
        """Put a tag in the place of each.

        Tags that stand in the text already are passed over, so that nobody can make up one and
        have it filled in.
        """
        spans = self.find(text)
        values: dict[str, str] = {}
        tags: dict[tuple[str, str], str] = {}
        parts, last = [], 0
        for span in spans:
            key = (span.kind, re.sub(r"\W+", "", span.text).casefold())
            if key not in tags:
                number = 1 + sum(kind == span.kind for kind, _ in tags)
                while f"[{span.kind} {number}]" in text or f"[{span.kind} {number}]" in values:
                    number += 1
                tags[key] = f"[{span.kind} {number}]"
                values[tags[key]] = span.text
            parts += [text[last : span.start], tags[key]]
            last = span.end
        return Redacted("".join([*parts, text[last:]]), spans, values)


class PersonalDataGuard:
    """Objects to a text, or to a call's arguments, that hold personal data.

    For answers: what the user has written in the question may be said to them again.

    Args:
        finder: what to look for.

    >>> guard = PersonalDataGuard(PersonalData())
    >>> guard.check("She lives in 12 Mill Lane, Bath BA1 1AA.").reason
    'holds personal data: address'
    >>> guard.check("I sent it to sam@example.org.", Context("I am sam@example.org")).allowed
    True

    Built in notebooks/14_orchestration.ipynb.
    """

    name = "personal data"

    def __init__(self, finder: PersonalData) -> None:
        self.finder = finder

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Look at a text, or at a call's name and arguments."""
        text = subject if isinstance(subject, str) else subject.as_text()
        said = _plain(context.question)
        spans = tuple(span for span in self.finder.find(text) if _plain(span.text) not in said)
        if not spans:
            return Verdict(True)
        kinds = ", ".join(dict.fromkeys(span.kind for span in spans))
        return Verdict(False, f"holds personal data: {kinds}", spans, 1.0)


def larkspur_personal_data(
    folder: Path | None = None, *, kinds: Collection[str] = KINDS
) -> PersonalData:
    """`PersonalData` that knows Larkspur's customers, and what Larkspur itself makes public.

    Args:
        folder: the folder that holds shop.sqlite; default datasets/larkspur.
        kinds: as in `PersonalData`.

    Raises:
        DataError: if the database is missing or broken.

    >>> finder = larkspur_personal_data()
    >>> [span.text for span in finder.find("Megan Parker asked Tom Brackley.")]
    ['Megan Parker']

    Built in notebooks/14_orchestration.ipynb.
    """
    from course_lib.data import shop

    with closing(shop(folder)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM customers")]
    titled = [
        f"{title} {last}"
        for _, last in (name.split(" ", 1) for name in LARKSPUR_STAFF)
        for title in ("Mr", "Mrs", "Ms", "Dr", "Herr", "Herrn", "Frau", "mevrouw", "meneer")
    ]
    public = (*LARKSPUR_STAFF, *titled, *LARKSPUR_CONTACTS)
    return PersonalData(names, public=public, kinds=kinds)


# The staff named on the handbook's pages, the company's numbers, mailboxes and sites.
LARKSPUR_STAFF = (
    "Ineke Maes", "Tom Brackley", "Aylin Demir", "Sofie Claes", "Priya Nair", "Joost de Wit",
    "Lena Hofmann", "Marek Nowak", "Hannah Osei",
)  # fmt: skip
LARKSPUR_CONTACTS = (
    "0117 496 0100", "0117 496 0112", "care@larkspur.example", "privacy@larkspur.example",
    "press@larkspur.example", "people@larkspur.example", "Dok-Noord", "Feeder Road",
)  # fmt: skip


def _overlaps(start: int, end: int, places: Iterable[tuple[int, int]]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in places)


def _national(text: str) -> str:
    """The last nine digits of a phone number: the same with +44 and with 0 before them."""
    digits = re.sub(r"\D", "", text)
    return digits[-9:] if len(digits) >= 9 else ""


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
