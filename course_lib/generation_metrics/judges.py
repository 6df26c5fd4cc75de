"""A language model as the judge of answers: its verdict as a probability, not as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

JUDGE_PROMPT = """You check the answers of a help desk.

Passages:
{passages}

Question: {question}

Answer: {answer}

Is the answer correct, and does everything in it stand in the passages? Reply Yes or No."""

PREFERENCE_PROMPT = """You compare two answers of a help desk.

Passages:
{passages}

Question: {question}

Answer A: {first}

Answer B: {second}

Which answer is better: correct, complete, and supported by the passages? Reply A or B."""


class Tokens(Protocol):
    """Tokens that may come next, with their log-probabilities."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens' texts."""

    @property
    def log_probabilities(self) -> NDArray[np.float64]:
        """Natural logarithms, in the same order."""


class Judge(Protocol):
    """What is asked of a model: any `course_lib.language_model` can do it."""

    def next_tokens(self, messages: Sequence[Mapping[str, str]], /) -> Tokens:
        """The tokens that the answer may begin with."""


@dataclass(frozen=True)
class Verdict:
    """What a judge makes of an answer.

    Attributes:
        probability: of Yes (or of the first answer), where only the two replies are possible.
        mass: probability of these two replies among all that the model could have said. Where it
            is small, the model did not understand that it should judge.

    >>> Verdict(probability=0.8, mass=0.02).mass  # it wanted to say something else
    0.02
    """

    probability: float
    mass: float


def judge(
    model: Judge,
    question: str,
    answer: str,
    passages: Sequence[str],
    *,
    prompt: str = JUDGE_PROMPT,
) -> Verdict:
    """Ask a model whether an answer is correct and supported, and read how sure it is.

    The probability of the reply "Yes" is read from the model's next token: one pass, the same
    every time, and a threshold can be chosen on labelled answers. Before using a judge, measure
    its agreement with people (`statistics.cohen_kappa`).

    Args:
        model: anything with `next_tokens`, as `language_model.load()` returns.
        question: what was asked.
        answer: the answer to judge.
        passages: the text of what it cites.
        prompt: with the fields {question}, {answer} and {passages}; must ask for Yes or No.

    Raises:
        ValueError: if neither reply is among the tokens that the model offers.

    >>> class Fair:  # stands in for language_model.load()
    ...     def next_tokens(self, messages):
    ...         return self
    ...     tokens = ("Yes", "No", "The")
    ...     log_probabilities = np.log([0.3, 0.1, 0.2])
    >>> verdict = judge(Fair(), "How long may I return it?", "30 days.", ["Within 30 days."])
    >>> round(verdict.probability, 2), round(verdict.mass, 2)
    (0.75, 0.4)

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    fields = {"question": question, "answer": answer, "passages": _numbered(passages)}
    return _verdict(model, prompt.format(**fields), "Yes", "No")


def prefer(
    model: Judge,
    question: str,
    first: str,
    second: str,
    passages: Sequence[str],
    *,
    prompt: str = PREFERENCE_PROMPT,
) -> Verdict:
    """Ask a model which of two answers is better: the probability that it is the first.

    Ask again with the two exchanged: an unbiased judge's two probabilities add up to 1, and the
    mean of the one and 1 minus the other takes the position out.

    Args:
        model: anything with `next_tokens`, as `language_model.load()` returns.
        question: what was asked.
        first: the answer shown as A.
        second: the answer shown as B.
        passages: the text of what they cite.
        prompt: with the fields {question}, {first}, {second} and {passages}; must ask for A or B.

    Raises:
        ValueError: if neither reply is among the tokens that the model offers.

    >>> class First:  # stands in for language_model.load()
    ...     def next_tokens(self, messages):
    ...         return self
    ...     tokens = ("A", "B", "The")
    ...     log_probabilities = np.log([0.3, 0.1, 0.2])
    >>> round(prefer(First(), "How long?", "30 days.", "A year.", []).probability, 2)
    0.75

    Built in notebooks/10_evaluating_answers.ipynb.
    """
    fields = {"question": question, "first": first, "second": second}
    return _verdict(model, prompt.format(passages=_numbered(passages), **fields), "A", "B")


def _numbered(passages: Sequence[str]) -> str:
    listed = [f"[{number}] {passage}" for number, passage in enumerate(passages, start=1)]
    return "\n\n".join(listed) or "(none)"


def _verdict(model: Judge, prompt: str, positive: str, negative: str) -> Verdict:
    """Probability of the one reply beside the other, in any spelling: "Yes", " yes", "YES"."""
    following = model.next_tokens([{"role": "user", "content": prompt}])
    words = np.array([token.strip().casefold() for token in following.tokens])
    probabilities = np.exp(np.asarray(following.log_probabilities, dtype=np.float64))
    yes = float(probabilities[words == positive.casefold()].sum())
    no = float(probabilities[words == negative.casefold()].sum())
    if yes + no == 0:
        raise ValueError(
            f"model must offer {positive} or {negative} as a first token, got "
            f"{', '.join(map(repr, following.tokens[:5]))}: is it a chat model?"
        )
    return Verdict(yes / (yes + no), yes + no)
