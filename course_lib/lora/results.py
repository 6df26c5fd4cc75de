"""What a training tells while it goes on, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from course_lib.language_model import LocalModel


class TrainingError(RuntimeError):
    """The training cannot go on: what happened, and what to do next."""


@dataclass(frozen=True)
class Step:
    """What on_step is told after every step.

    Attributes:
        step: 1 is the first.
        steps: how many there will be if nothing stops the training early.
        loss: mean over the step's labelled tokens, in nats, before the step.
        validation_loss: mean over the validation's labelled tokens, after the step; None for the
            steps that are not followed by a validation.
        learning_rate: of this step.
        seconds: since the training began, without interruptions.
    """

    step: int
    steps: int
    loss: float
    validation_loss: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """A trained adapter, and how it came about.

    Attributes:
        model: the model with the adapter, at the step with the best validation loss.
        losses: of every step, shape (n_steps,).
        validation_losses: by the number of steps before it; 0 is the untrained model.
        best_step: steps after which the adapter was taken; the last one without validation.
        seconds: training time, validation included.
        tokens: tokens of the examples seen, prompts included.
        parameters: numbers trained.
        folder: where the adapter was saved, for LocalModel(adapter=...); None if it was not.
    """

    model: LocalModel
    losses: tuple[float, ...]
    validation_losses: dict[int, float]
    best_step: int
    seconds: float
    tokens: int
    parameters: int
    folder: Path | None
