"""May a change ship? Paired scores of today and of the change, a margin each, and a verdict.

`python -m course_lib.gate today.jsonl change.jsonl --margin cited=0.1` does it in CI: exit status
0 lets the change pass. A line of a file is {"question": "Q001", "cited": 1.0}. Needs NumPy alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from pathlib import Path
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.statistics import Interval, paired_bootstrap_interval, wilson_interval

Status = Literal["pass", "fail", "unsure"]
POWER = 0.8  # chance that a change which changes nothing on average passes, if planned for


@dataclass(frozen=True)
class Change:
    """What a change did to one metric.

    Attributes:
        metric: its name.
        before, after: mean of today's scores and of the change's.
        difference: after minus before, over the same questions, with its interval.
        margin: the loss that would matter.
        n: questions.
        least: questions under which nothing passes, see `least_questions`.
        needed: questions for a `POWER` chance to pass where nothing changes on average.
    """

    metric: str
    before: float
    after: float
    difference: Interval
    margin: float
    n: int
    least: int
    needed: int

    @property
    def status(self) -> Status:
        """ "fail" where a loss is shown, "pass" where one by the margin is ruled out."""
        if self.difference.high < 0:
            return "fail"
        return "pass" if self.difference.low > -self.margin and self.n >= self.least else "unsure"

    def __str__(self) -> str:
        line = f"{self.status:6} {self.metric}: {self.before:.3f} -> {self.after:.3f}, "
        line += f"{self.difference:+.3f}, margin {self.margin:g}"
        return f"{line}; plan {self.needed} questions" if self.status == "unsure" else line


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a change, metric by metric: each has to pass."""

    changes: tuple[Change, ...]

    @property
    def status(self) -> Status:
        """ "fail" if one metric does, else "unsure" if one is, else "pass"."""
        found = {change.status for change in self.changes}
        return "fail" if "fail" in found else "unsure" if "unsure" in found else "pass"

    @property
    def passed(self) -> bool:
        """Whether the change may ship."""
        return self.status == "pass"

    @property
    def exit_status(self) -> int:
        """For `sys.exit` in CI: 0 if it passed, else 1."""
        return 0 if self.passed else 1

    def __str__(self) -> str:
        head = f"{self.status.upper()} on {self.changes[0].n} questions"
        return "\n".join([head, *(f"  {change}" for change in self.changes)])


def gate(
    today: Mapping[str, ArrayLike],
    change: Mapping[str, ArrayLike],
    margins: Mapping[str, float],
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> Verdict:
    """Judge a change by its scores on the questions that today's version was scored on.

    A metric passes where its interval rules out a loss by the margin (non-inferiority), fails where
    it shows a loss, however small, and is unsure where there are too few questions to tell. A
    change passes where each metric does, so more metrics let no more bad changes through, and stop
    more harmless ones.

    Args:
        today: for each metric a score of each question, from 0 to 1, larger is better, shape (n,).
        change: the same metrics on the same questions in the same order.
        margins: for each metric that counts, the loss of its mean that would matter, above 0 and
            at most 1. Set it before you see the scores.
        confidence, n_resamples, seed: of the paired bootstrap.

    Raises:
        ValueError: if a metric is missing, a number out of range, or the questions' numbers differ.

    >>> today = {"cited": [1, 0, 1, 1, 0, 1, 1, 1] * 10}
    >>> print(gate(today, today, {"cited": 0.1}))
    PASS on 80 questions
      pass   cited: 0.750 -> 0.750, +0.000 [+0.000, +0.000], margin 0.1
    >>> gate(today, {"cited": [0] * 80}, {"cited": 0.1}).exit_status
    1

    Built in notebooks/15_capstone.ipynb.
    """
    if not margins:
        raise ValueError("margins must name one metric or more, got none")
    changes = []
    for metric, margin in margins.items():
        least = least_questions(margin, confidence=confidence)
        before, after = _scores(today, metric, "today"), _scores(change, metric, "change")
        difference = paired_bootstrap_interval(
            after, before, confidence=confidence, n_resamples=n_resamples, seed=seed
        )
        spread = float(np.std(after - before, ddof=1))
        needed = questions_needed(margin, spread, confidence=confidence)
        means = float(before.mean()), float(after.mean())
        changes.append(Change(metric, *means, difference, margin, len(before), least, needed))
    if len(sizes := {change.n for change in changes}) > 1:
        raise ValueError(f"all metrics must be of the same questions, got {sorted(sizes)} scores")
    return Verdict(tuple(changes))


def least_questions(margin: float, *, confidence: float = 0.95) -> int:
    """Questions under which no sample rules out that a share of `margin` of them got worse.

    Of n questions none got worse: such luck has a chance of (1 - margin)^n. It has to be under the
    lower tail of the interval, as a bootstrap of equal scores would not notice.

    >>> least_questions(0.1)
    36

    Built in notebooks/15_capstone.ipynb.
    """
    _check(margin, confidence)
    tail = (1 - confidence) / 2
    return max(2, ceil(log(tail) / log(1 - margin))) if margin < 1 else 2


def questions_needed(
    margin: float, spread: float, *, power: float = POWER, confidence: float = 0.95
) -> int:
    """Questions that let a change pass which changes nothing on average, with a chance of `power`.

    ((z(confidence) + z(power)) * spread / margin)^2, and no fewer than `least_questions`.

    Args:
        margin: the loss that would matter.
        spread: standard deviation of the per-question differences, from a first run of a harmless
            change: np.std(after - before, ddof=1).
        power: of passing, for one metric.
        confidence: of the interval, two-sided.

    >>> questions_needed(0.1, spread=0.4), questions_needed(0.1, spread=0)
    (126, 36)

    Built in notebooks/15_capstone.ipynb.
    """
    least = least_questions(margin, confidence=confidence)
    if not (np.isfinite(spread) and spread >= 0):
        raise ValueError(f"spread must be 0 or more and finite, got {spread}")
    if not 0.0 < power < 1.0:
        raise ValueError(f"power must be between 0 and 1, both excluded, got {power}")
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2) + normal.inv_cdf(power)
    return max(least, ceil((z * spread / margin) ** 2))


def pass_rate(
    today: Mapping[str, ArrayLike],
    change: Mapping[str, ArrayLike],
    margins: Mapping[str, float],
    n: int,
    *,
    trials: int = 300,
    n_resamples: int = 500,
    seed: int = 0,
) -> Interval:
    """How often a gate with n questions would let this change pass, were its scores the truth.

    Draws n of the questions with replacement, `trials` times, and asks the gate each time.

    Args:
        today, change, margins: as for `gate`; the recorded scores stand for all questions.
        n: questions of each trial, 2 or more.
        trials, n_resamples, seed: how many trials, each one's bootstrap, and their luck.

    Returns:
        The share that passes, with its Wilson interval.

    >>> scores = {"cited": [1, 0, 1, 1]}
    >>> print(pass_rate(scores, scores, {"cited": 0.1}, 40, trials=20))
    1.00 [0.84, 1.00]

    Built in notebooks/15_capstone.ipynb.
    """
    if n < 2 or trials < 1:
        raise ValueError(f"n must be 2 or more and trials 1 or more, got {n} and {trials}")
    rng = np.random.default_rng(seed)
    gate(today, change, margins, n_resamples=1)  # says what is wrong with them
    before, after = ({name: np.asarray(one[name]) for name in margins} for one in (today, change))
    size, passed = len(next(iter(before.values()))), 0
    for _ in range(trials):
        rows = rng.integers(0, size, n)
        old = {name: scores[rows] for name, scores in before.items()}
        new = {name: scores[rows] for name, scores in after.items()}
        one = gate(old, new, margins, n_resamples=n_resamples, seed=int(rng.integers(2**31)))
        passed += one.passed
    return wilson_interval(passed, trials)


def read_scores(file: str | Path) -> dict[str, dict[str, float]]:
    """Scores by question from JSON lines, each {"question": "Q001", "cited": 1.0}.

    Raises:
        ValueError: if a line is none of those, or a question comes twice.
    """
    scores: dict[str, dict[str, float]] = {}
    for number, line in enumerate(Path(file).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            question = str(record.pop("question"))
            values = {str(name): float(value) for name, value in record.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            wanted = 'a line must be {"question": ..., metric: number}'
            raise ValueError(f"{file}, line {number}: {wanted}, got {line[:60]!r}") from error
        if question in scores:
            raise ValueError(f"{file}, line {number}: {question} comes twice")
        scores[question] = values
    return scores


def _scores(scores: Mapping[str, ArrayLike], metric: str, name: str) -> NDArray[np.float64]:
    """One metric's scores, checked."""
    if metric not in scores:
        raise ValueError(
            f"{name} must hold scores of {metric!r}, got {', '.join(scores) or 'none'}"
        )
    values = np.asarray(scores[metric], dtype=np.float64)
    outside = values[~((values >= 0) & (values <= 1))]
    if outside.size:
        raise ValueError(f"{name}[{metric!r}] must be scores from 0 to 1, got {outside[0]}")
    return values


def _check(margin: float, confidence: float) -> None:
    if not 0.0 < margin <= 1.0:
        raise ValueError(f"margin must be above 0 and at most 1, got {margin}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, both excluded, got {confidence}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two files of scores; returns the exit status: 2 where they cannot be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.gate", description="Exit status 0 lets the change pass."
    )
    parser.add_argument("today", help="JSON lines of today's scores, by question")
    parser.add_argument("change", help="JSON lines of the change's scores")
    parser.add_argument("--margin", action="append", required=True, metavar="METRIC=LOSS")
    given = parser.parse_args(arguments)
    try:
        margins = {name: float(loss) for name, loss in (one.split("=") for one in given.margin)}
        old, new = read_scores(given.today), read_scores(given.change)
        if odd := sorted(old.keys() ^ new.keys()):
            raise ValueError(f"{odd[0]} and {len(odd) - 1} more are in one of the files alone")
        before, after = (
            {name: [rows[one].get(name, np.nan) for one in sorted(rows)] for name in margins}
            for rows in (old, new)
        )
        verdict = gate(before, after, margins)
    except (OSError, ValueError) as error:
        print(f"The gate cannot judge: {error}", file=sys.stderr)
        return 2
    print(verdict)
    return verdict.exit_status


if __name__ == "__main__":
    sys.exit(main())
