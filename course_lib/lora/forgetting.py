"""What a model forgot while it learned something else: its perplexity on other text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.language_model import LocalModel
from course_lib.statistics import Interval, paired_bootstrap_interval


@dataclass(frozen=True)
class Forgetting:
    """Perplexity on the same texts before and after a training.

    Attributes:
        before, after: geometric means of the texts' perplexities.
        ratio: after / before, with its 95 % interval over texts; above 1, the model predicts these
            texts worse than it did.
    """

    before: float
    after: float
    ratio: Interval

    def __str__(self) -> str:
        return f"perplexity {self.before:.2f} -> {self.after:.2f}, ratio {self.ratio:.3f}"


def perplexities(model: LocalModel, texts: Sequence[str]) -> NDArray[np.float64]:
    """How many tokens the model hesitates between at each token of a text, shape (n_texts,).

    Raises:
        ValueError: if a text is empty, or longer than the model's context.

    >>> model = LocalModel()
    >>> usual, odd = perplexities(model, ["The sun rises in the east.", "East the in rises sun."])
    >>> bool(usual < odd)
    True
    """
    return np.exp([-model.log_probability("", text).mean for text in texts])


def measure_forgetting(before: LocalModel, after: LocalModel, texts: Sequence[str]) -> Forgetting:
    """Compare two models on texts that the training was not about.

    Args:
        before: the model without the adapter.
        after: the model with it.
        texts: at least two, of a few hundred tokens each.

    Raises:
        ValueError: if there are fewer than two texts, or one is empty.

    Built in notebooks/12_fine_tuning.ipynb.
    """
    if len(texts) < 2:
        raise ValueError(f"texts must hold at least two texts, got {len(texts)}")
    old, new = np.log(perplexities(before, texts)), np.log(perplexities(after, texts))
    change = paired_bootstrap_interval(new, old)
    ratio = Interval(*(float(np.exp(end)) for end in (change.estimate, change.low, change.high)))
    return Forgetting(float(np.exp(old.mean())), float(np.exp(new.mean())), ratio)
