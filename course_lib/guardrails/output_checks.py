"""Guards for what goes out: sentences without support, citations of nothing, another form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from course_lib.chunking import Chunk
from course_lib.generation_metrics import groundedness
from course_lib.guardrails.verdicts import NO_CONTEXT, PASSED, Context, Span, ToolCall, Verdict
from course_lib.rag import check_citations, is_abstention

MAX_JSON = 100_000  # characters, before they are read

_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]*[a-zà-öø-ÿ]"
_NAMES = re.compile(rf"(?<![.!?:;\n]\s)(?<=\s)(?:{_NAME})(?:\s{_NAME})*")
_CITATION = re.compile(r"\s*\[[^\[\]]{1,80}\]")
_NOT_NAMED = frozenset(
    re.findall(
        r"[\w']+",
        """I I'm I'd I'll I've Monday Tuesday Wednesday Thursday Friday Saturday Sunday January
        February March April May June July August September October November December""",
    )
)


class GroundedGuard:
    """Objects to an answer that its passages don't bear out.

    That is where a number or a code stands neither in the passages nor in the question, or where
    too few sentences share enough words with them (`generation_metrics.groundedness`). Where the
    answer cites passages, only those count. It does not see a dropped "not".

    The defaults were chosen on the 170 answers to Larkspur's training questions: a sentence without
    support is too often a fair summary. Names from nowhere made it object to 3 more of the 106
    grounded answers and to none of the others, so they are not looked at unless asked for.

    Args:
        least_share: share of the sentences that must be supported, from 0 to 1.
        check_names: whether a name that stands nowhere counts as a number does.
        encode: `Embedder.encode` or the like: a sentence of the same meaning counts as well.

    Raises:
        ValueError: for a share out of range.

    >>> from course_lib.ingestion import Document
    >>> page = Chunk(Document("Return it within 30 days.", "returns.md", "returns"), 0, 25)
    >>> verdict = GroundedGuard().check("Return it within 45 days [1].", Context(passages=[page]))
    >>> verdict.allowed, verdict.reason
    (False, '1 of 1 sentences without support: 45')

    Built in notebooks/14_orchestration.ipynb.
    """

    name = "grounded"

    def __init__(
        self,
        *,
        least_share: float = 0.5,
        check_names: bool = False,
        encode: Callable[[list[str]], ArrayLike] | None = None,
    ) -> None:
        if not 0 <= least_share <= 1:
            raise ValueError(f"least_share must be from 0 to 1, got {least_share!r}")
        self.least_share, self.check_names, self.encode = least_share, check_names, encode

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Look at an answer; a call and an abstention pass."""
        if not isinstance(subject, str) or is_abstention(subject):
            return PASSED
        cited = [
            citation.chunk for citation in check_citations(subject, context.passages).citations
        ]
        passages = [chunk.text_with_heading for chunk in cited or context.passages]
        plain = _CITATION.sub("", subject)
        checked = groundedness(plain, passages, question=context.question, encode=self.encode)
        held = "\n".join([*passages, context.question])
        unsupported: list[Span] = []
        missing: list[str] = []
        for claim in checked.claims:
            unknown = list(claim.missing)
            unknown += _missing_names(claim.text, held) if self.check_names else []
            if unknown or not claim.supported:
                unsupported += _span(claim.text, subject)
                missing += unknown
        n = len(checked.claims)
        share = 1 - len(unsupported) / n if n else 1.0
        score = 1 - share
        if share >= self.least_share and not missing:
            return Verdict(True, score=score)
        named = f": {', '.join(dict.fromkeys(missing))}" if missing else ""
        reason = f"{len(unsupported)} of {n} sentences without support{named}"
        return Verdict(False, reason, tuple(unsupported), score)


class CitationGuard:
    """Objects to an answer that cites nothing, or what was not retrieved.

    Args:
        needed: whether an answer must cite something; an abstention need not.

    >>> CitationGuard().check("Within 30 days [7].").reason
    'cites what was not retrieved: 7'

    Built in notebooks/14_orchestration.ipynb.
    """

    name = "citations"

    def __init__(self, *, needed: bool = True) -> None:
        self.needed = needed

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Look at an answer; a call passes."""
        if not isinstance(subject, str):
            return PASSED
        checked = check_citations(subject, context.passages)
        if checked.not_retrieved:
            named = ", ".join(checked.not_retrieved)
            spans = tuple(
                Span("citation", match.start(), match.end(), match[0])
                for match in re.finditer(r"\[[^\[\]]+\]", subject)
                if check_citations(match[0], context.passages).not_retrieved
            )
            return Verdict(False, f"cites what was not retrieved: {named}", spans, 1.0)
        if self.needed and not checked.citations and not is_abstention(subject):
            return Verdict(False, "cites nothing", score=1.0)
        return PASSED


class SchemaGuard:
    """Objects to a text that is not JSON, or not of the form that the caller relies on.

    Args:
        schema: JSON Schema, draft 2020-12.

    Raises:
        ValueError: if the schema is none.

    >>> guard = SchemaGuard({"type": "object", "required": ["intent"]})
    >>> guard.check('{"intnet": "refund"}').reason
    "breaks the schema: 'intent' is a required property"

    Built in notebooks/14_orchestration.ipynb.
    """

    name = "schema"

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema import Draft202012Validator, SchemaError

        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"schema is no JSON Schema: {error.message}") from None
        self._validator = Draft202012Validator(schema)

    def check(self, subject: str | ToolCall, context: Context = NO_CONTEXT) -> Verdict:
        """Look at a text, or at a call's arguments."""
        from jsonschema.exceptions import best_match

        value: object
        if isinstance(subject, ToolCall):
            value = dict(subject.arguments)
        else:
            if len(subject) > MAX_JSON:
                return Verdict(False, f"longer than {MAX_JSON} characters", score=1.0)
            try:
                value = json.loads(subject)
            except (ValueError, RecursionError):
                return Verdict(False, "is not JSON", score=1.0)
        error = best_match(self._validator.iter_errors(value))
        if error is None:
            return PASSED
        where = ".".join(map(str, error.absolute_path))
        wanted = f"{where} must have {error.validator} {error.validator_value!r}"
        said = wanted if where else error.message[:200]  # deeper, the message may hold the value
        return Verdict(False, f"breaks the schema: {said}", score=1.0)


def _missing_names(sentence: str, held: str) -> Iterator[str]:
    """Capitalised words inside a sentence that stand nowhere in what was given."""
    for match in _NAMES.finditer(sentence):
        for word in match[0].split():
            bare = re.sub(r"['’]s?$", "", word)
            known = re.search(rf"(?<!\w){re.escape(bare)}", held, re.IGNORECASE)
            if not known and word not in _NOT_NAMED:
                yield bare


def _span(claim: str, text: str) -> Iterator[Span]:
    """Where a sentence stands in the text, whose citations it lacks."""
    words = [re.escape(word) for word in claim.split()]
    between = r"(?:\s*\[[^\[\]]{1,80}\])*\s*"
    match = re.search(between.join(words), text) if words else None
    start, end = match.span() if match else (0, len(text))
    yield Span("unsupported", start, end, text[start:end])


def passages_of(texts: Sequence[str]) -> list[Chunk]:
    """Texts as passages, for guards and tests that have no documents.

    >>> passages_of(["Return it within 30 days."])[0].text
    'Return it within 30 days.'

    Used in notebooks/14_orchestration.ipynb.
    """
    from course_lib.ingestion import Document

    return [
        Chunk(Document(text, f"text-{n}", f"text-{n}"), 0, len(text))
        for n, text in enumerate(texts, start=1)
    ]
