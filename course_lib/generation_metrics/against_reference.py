"""Answers beside a reference answer. Needs NumPy alone."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
_SMALL = {  # "one" alone mostly stands for a thing
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_UNITS = {
    "eur": "euro", "euros": "euro", "gbp": "pound", "pounds": "pound", "€": "euro", "£": "pound",
    "kilometre": "km", "kilometres": "km", "metre": "m", "metres": "m", "millimetre": "mm",
    "millimetres": "mm", "kilogram": "kg", "kilograms": "kg", "h": "hour", "hours": "hour",
    "min": "minute", "minutes": "minute", "seconds": "second", "days": "day", "weeks": "week",
    "months": "month", "years": "year",
}  # fmt: skip


def normalize_answer(text: str) -> str:
    """Bring answers that say the same into the same form.

    As SQuAD's evaluation does: lower case, no punctuation, no articles, single spaces (Rajpurkar
    et al., 2016). Beyond it, since here numbers, units and codes are what is asked for:

    - Unicode forms and dashes are unified; hyphens and slashes part words, but not codes (LK-204).
    - A number keeps its sign and its decimal point, and loses thousands commas and final zeros.
      SQuAD's rule turns 1.0 mm into 10 mm.
    - Number and unit are parted, units have one name, amounts of money end with theirs.
    - Number words from two to ninety-nine become digits; "a" after a number stays: ampere.

    A decimal comma is not known: it would make 3,5 and 3,500 guesswork.

    >>> normalize_answer("The LK-204 costs €1,250.00: twenty-five days' pay!")
    'lk204 costs 1250 euro 25 day pay'
    >>> normalize_answer("a 2 A charger, −5 °C, 25mm")
    '2 a charger -5 c 25 mm'

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[‐-―−]", "-", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)  # 15,000
    text = re.sub(r"(€|£|\beur\b|\bgbp\b)\s*(\d+(?:\.\d+)?)", r"\2 \1 ", text)
    text = re.sub(r"[€£]", r" \g<0> ", text)
    text = re.sub(r"\s*(?:%|\bper cent\b)", " percent ", text)
    text = re.sub(r"(?<=[^\W\d])-(?=\d)", "", text)  # LK-204
    text = re.sub(r"(?<=\w)[-/]|[-/](?!\d)", " ", text)  # 4.5-5.0, km/h; a minus stays
    text = re.sub(r"(?<!\d)[.:]|[.:](?!\d)", "", text)  # 4.5 and 9:30 stay
    text = "".join(
        sign for sign in text if sign in ".:-€£" or unicodedata.category(sign)[0] not in "PS"
    )
    text = re.sub(r"(?<![\w.])(-?\d+(?:\.\d+)?)(?=[^\W\d])", r"\1 ", text)  # 25mm
    words: list[str] = []
    tens = False  # the word before was "twenty" or the like
    for word in text.split():
        if re.fullmatch(r"-?\d+\.\d+", word):
            word = word.rstrip("0").rstrip(".")
        if tens and (word == "one" or _SMALL.get(word, 10) < 10):
            words[-1] = str(int(words[-1]) + _SMALL.get(word, 1))
        elif word in _TENS or word in _SMALL:
            words.append(str(_TENS.get(word) or _SMALL[word]))
        elif word not in ("a", "an", "the") or (word == "a" and words and words[-1][-1].isdigit()):
            words.append(_UNITS.get(word, word))
        tens = word in _TENS
    return " ".join(words)


def exact_match(answer: str, references: str | Sequence[str]) -> float:
    """1 when the normalised answer equals a reference, else 0.

    >>> exact_match("Twenty-five euros.", ["€25", "25 euro each"])
    1.0

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    wanted = {normalize_answer(reference) for reference in _as_list(references)}
    return float(normalize_answer(answer) in wanted)


def token_f1(answer: str, references: str | Sequence[str]) -> float:
    """Overlap of words with the reference: 2 * shared / (words of one + words of the other).

    Words are those of `normalize_answer`, and repeated words count as often as both have them. Of
    several references the best counts. It takes "not allowed" for nearly as good as "allowed".

    >>> token_f1("25 euro per pair", "€25")
    0.6666666666666666

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    words = Counter(normalize_answer(answer).split())
    best = 0.0
    for reference in _as_list(references):
        wanted = Counter(normalize_answer(reference).split())
        shared, total = (words & wanted).total(), words.total() + wanted.total()
        best = max(best, 2 * shared / total if total else 1.0)
    return best


def embedding_similarity(answers: ArrayLike, references: ArrayLike) -> NDArray[np.float64]:
    """Cosine of each answer's embedding with that of its own reference.

    Args:
        answers: shape (n, dim), a row for each answer.
        references: shape (n, dim), the reference of the same row.

    Returns:
        Shape (n,), in [-1, 1]; 0 where a vector is zero.

    Raises:
        ValueError: if the shapes differ.

    >>> embedding_similarity([[1.0, 0.0], [3.0, 4.0]], [[0.0, 1.0], [6.0, 8.0]])
    array([0., 1.])

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    a, b = np.asarray(answers, dtype=np.float64), np.asarray(references, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(
            f"answers and references must both have the shape (n, dim), got {a.shape} and {b.shape}"
        )
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots = np.einsum("ij,ij->i", a, b)
    cosines: NDArray[np.float64] = np.divide(dots, lengths, out=np.zeros(len(a)), where=lengths > 0)
    return np.clip(cosines, -1.0, 1.0)


def pass_at_k(n_samples: int, n_correct: int, k: int) -> float:
    """Chance that at least one of k samples is correct, estimated from more than k samples.

    1 - C(n_samples - n_correct, k) / C(n_samples, k): the share of all choices of k among the
    samples that hold a correct one (Chen et al., 2021). 1 - (1 - n_correct / n_samples)^k instead
    comes out too low.

    Args:
        n_samples: how many answers were sampled for the question.
        n_correct: how many of them were correct, from 0 to n_samples.
        k: from 1 to n_samples.

    Raises:
        ValueError: if a number is out of range.

    >>> pass_at_k(10, 3, 1), pass_at_k(10, 3, 5)
    (0.3, 0.9166666666666666)

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    if not (0 <= n_correct <= n_samples and 1 <= k <= n_samples):
        raise ValueError(
            "n_correct must be from 0 to n_samples, and k from 1 to n_samples, "
            f"got {n_correct} and {k} of {n_samples}"
        )
    choices = comb(n_samples, k)
    return (choices - comb(n_samples - n_correct, k)) / choices


def _as_list(references: str | Sequence[str]) -> Sequence[str]:
    texts = [references] if isinstance(references, str) else references
    if not len(texts) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"references must be a string or several, got {references!r}")
    return texts
