"""Answers beside what they cite. Needs NumPy alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.generation_metrics.against_reference import normalize_answer

Encode = Callable[[list[str]], ArrayLike]  # n texts -> unit vectors of shape (n, dim)

# Words that say nothing about what a sentence claims.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        """about after also and any are because been before both but can could did does
        each for from had has have her here him his how into its just more most not now
        off once one only other our out over own same she should some such than that their
        them then there these they this those through too under until very was were what
        when where which while who why will with would you your""",
    )
)


def citation_precision(
    citations: Sequence[str], gold: Mapping[str, int], *, least_grade: int = 1
) -> float:
    """Share of the citations that point at a relevant passage.

    A table row's anchor, "parts#brakes/LK-204", and its section's, "parts#brakes", point at the
    same place. An answer without citations has 1 where nothing is relevant, else 0.

    Args:
        citations: anchors that the answer cites.
        gold: judged anchor -> grade.
        least_grade: least grade of a relevant passage.

    >>> citation_precision(["returns#how-long", "delivery#times"], {"returns#how-long": 2})
    0.5

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    relevant = [anchor for anchor, grade in gold.items() if grade >= least_grade]
    cited = list(dict.fromkeys(citations))
    if not cited:
        return float(not relevant)
    return sum(any(_same_place(one, anchor) for anchor in relevant) for one in cited) / len(cited)


def citation_recall(
    citations: Sequence[str],
    gold: Mapping[str, int],
    *,
    least_grade: int = 2,
    all_needed: bool = False,
) -> float:
    """1 when one of the answering passages is cited, else 0; or the share of them that is.

    Args:
        citations: anchors that the answer cites.
        gold: judged anchor -> grade.
        least_grade: least grade of a passage that answers.
        all_needed: True where the answer needs every one of them (`multi_step` questions): then
            the share that is cited. 1 where no passage answers.

    >>> gold = {"returns#how-long": 2, "returns#costs": 2}
    >>> citation_recall(["returns#costs"], gold)
    1.0
    >>> citation_recall(["returns#costs"], gold, all_needed=True)
    0.5

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    answering = [anchor for anchor, grade in gold.items() if grade >= least_grade]
    found = sum(any(_same_place(one, anchor) for one in citations) for anchor in answering)
    if not answering:
        return 1.0
    return found / len(answering) if all_needed else float(found > 0)


def _same_place(citation: str, anchor: str) -> bool:
    """The same anchor, or one is a table row in the section that the other names."""
    return (
        citation == anchor or citation.startswith(f"{anchor}/") or anchor.startswith(f"{citation}/")
    )


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer, and what speaks for it.

    Attributes:
        text: the sentence.
        missing: its numbers and codes that stand in no passage.
        overlap: share of its content words that stand in a passage.
        similarity: cosine with the most similar sentence of a passage; None where not asked for.
        supported: nothing is missing, and the overlap or the similarity suffices.

    >>> groundedness("It takes 6 hours.", ["It takes 6 h or less."]).claims[0].missing
    ()
    """

    text: str
    missing: tuple[str, ...]
    overlap: float
    similarity: float | None
    supported: bool


@dataclass(frozen=True)
class Groundedness:
    """The claims of an answer, and the share of them that the passages support.

    >>> groundedness("It takes 6 hours. It costs 9 euros.", ["It takes 6 hours."]).score
    0.5
    """

    claims: tuple[Claim, ...]

    @property
    def score(self) -> float:
        """Share of supported claims; 1 for an answer that claims nothing."""
        return float(np.mean([claim.supported for claim in self.claims])) if self.claims else 1.0


def groundedness(
    answer: str,
    passages: Sequence[str],
    *,
    question: str = "",
    encode: Encode | None = None,
    least_overlap: float = 0.3,
    least_similarity: float = 0.6,
) -> Groundedness:
    """Check each sentence of an answer against the passages that the answer cites.

    A sentence is supported where all of its numbers and codes stand in the passages (or in the
    question) and enough of its content words do. It is a cheap first look: it sees an invented
    number, and does not see a dropped "not", or a number that belongs to something else.

    The two thresholds were chosen on the answers to Larkspur's training questions. On the 150 to
    its test questions a score of 0.5 and more agrees with the first labeller's "grounded: yes" in
    0.77 [0.70, 0.83] of the cases, kappa 0.53 [0.39, 0.66]; with `encode` it does no better.

    Args:
        answer: the text. Sentences without a content word or number, like "No.", claim nothing.
        passages: the text of each cited passage. Without any, nothing is supported.
        question: its numbers may be repeated.
        encode: `Embedder.encode` or the like; then a sentence that means the same as one of a
            passage counts although its words differ.
        least_overlap: share of the content words that must stand in the passages.
        least_similarity: cosine that may stand in for it.

    Returns:
        The claims one by one; `.score` is the share that is supported.

    >>> passages = ["Return it within 30 days. The pick-up costs €69."]
    >>> checked = groundedness("You have 30 days to return it. The pick-up costs €79.", passages)
    >>> checked.score, [claim.missing for claim in checked.claims]
    (0.5, [(), ('79',)])

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    held = set(normalize_answer("\n".join(passages)).split())
    given = held | set(normalize_answer(question).split())
    sentences = [
        (text, words) for text in _sentences(answer) if (words := _content(normalize_answer(text)))
    ]
    similar: list[float | None] = [None] * len(sentences)
    if encode is not None and sentences and passages:
        similar = _similarity([text for text, _ in sentences], passages, encode)
    claims = []
    for (text, words), similarity in zip(sentences, similar, strict=True):
        plain = {word for word in words if not _is_number(word)}
        missing = tuple(word for word in words if _is_number(word) and word not in given)
        overlap = len(plain & held) / len(plain) if plain else 1.0
        close = overlap >= least_overlap or (similarity or 0.0) >= least_similarity
        supported = bool(passages) and close and not missing
        claims.append(Claim(text, missing, overlap, similarity, supported))
    return Groundedness(tuple(claims))


def _sentences(text: str) -> list[str]:
    parts = re.split(r"(?<=[.!?;:])\s+|\n+", text.strip())
    return [part for part in parts if part]


def _content(normalized: str) -> list[str]:
    """Numbers, codes and words that carry meaning, each once."""
    return [
        word
        for word in dict.fromkeys(normalized.split())
        if _is_number(word) or (len(word) > 2 and word not in _COMMON)
    ]


def _is_number(word: str) -> bool:
    return any(sign.isdigit() for sign in word)


def _similarity(
    sentences: list[str], passages: Sequence[str], encode: Encode
) -> list[float | None]:
    """Each sentence's cosine with the most similar sentence of any passage."""
    parts = list(dict.fromkeys(part for passage in passages for part in _sentences(passage)))
    vectors: NDArray[np.float64] = np.asarray(encode(sentences + parts), dtype=np.float64)
    cosines = vectors[: len(sentences)] @ vectors[len(sentences) :].T
    return [float(best) for best in cosines.max(axis=1)]
