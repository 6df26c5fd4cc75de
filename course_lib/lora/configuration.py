"""How training is set up, and the files that say so."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class TrainingConfig:
    """How to train an adapter.

    Attributes:
        rank: r, the width of the low-rank matrices.
        alpha: the update is scaled by alpha / rank.
        target_modules: names of the linear layers to adapt, in every transformer layer.
        layers: adapt only that many layers, the uppermost ones; None adapts all. The layers below
            are run without gradients, and so training is faster.
        dropout: probability of leaving an input of the adapter out.
        learning_rate: the highest; it rises linearly from 0 and then falls linearly to 0.
        warmup_steps: steps until the highest learning rate.
        batch_size: examples a step.
        together: so many neighbours among the examples are drawn together, for those that share a
            long beginning such as the same passages: what they share is computed once.
        epochs: passes over the examples.
        max_steps: if given, the number of steps instead of epochs.
        clip_norm: greatest length of the gradient; a longer one is scaled down to it.
        weight_decay: AdamW's.
        evaluate_every: steps between two validations.
        patience: stop after so many validations in a row without a new best; None never stops.
        max_length: longest example in tokens, answer included.
        seed: of the initial weights, the order of the examples and the dropout.
    """

    rank: int = 8
    alpha: float = 16.0
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")
    layers: int | None = None
    dropout: float = 0.0
    learning_rate: float = 1e-3
    warmup_steps: int = 10
    batch_size: int = 8
    together: int = 1
    epochs: float = 3.0
    max_steps: int | None = None
    clip_norm: float = 1.0
    weight_decay: float = 0.0
    evaluate_every: int = 20
    patience: int | None = 5
    max_length: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        modules: object = self.target_modules
        if not isinstance(modules, (list, tuple)) or not modules:
            raise ValueError(
                "target_modules must be names of linear layers, as ('q_proj', 'v_proj'), "
                f"got {modules!r}"
            )
        object.__setattr__(self, "target_modules", tuple(modules))
        for name in ("rank", "batch_size", "together", "evaluate_every", "max_length"):
            self._check(name, int, "a whole number of at least 1", lambda value: value >= 1)
        for name in ("layers", "max_steps", "patience"):
            if getattr(self, name) is not None:
                wanted = "a whole number of at least 1, or None"
                self._check(name, int, wanted, lambda value: value >= 1)
        for name in ("warmup_steps", "seed"):
            self._check(name, int, "a whole number of at least 0", lambda value: value >= 0)
        for name in ("alpha", "learning_rate", "epochs", "clip_norm"):
            self._check(name, (int, float), "above 0", lambda value: value > 0)
        self._check("weight_decay", (int, float), "0 or more", lambda value: value >= 0)
        self._check("dropout", (int, float), "from 0 to below 1", lambda value: 0 <= value < 1)

    def _check(
        self,
        name: str,
        kind: type | tuple[type, ...],
        wanted: str,
        holds: Callable[[float], bool],
    ) -> None:
        value = getattr(self, name)
        right = isinstance(value, kind) and not isinstance(value, bool)
        if not right or not math.isfinite(value) or not holds(value):
            raise ValueError(f"{name} must be {wanted}, got {value!r}")


def load_config(file: str | Path) -> TrainingConfig:
    """The configuration in a TOML file: the names of TrainingConfig's attributes, and their values.

    What the file does not name keeps its default.

    Raises:
        ValueError: if the file is missing or no TOML, or names or values are wrong.
    """
    file = Path(file)
    names = [field.name for field in fields(TrainingConfig)]
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"config {str(file)!r} cannot be read: {error}") from error
    if unknown := sorted(set(settings) - set(names)):
        raise ValueError(
            f"config {str(file)!r} may name {', '.join(names)}; it names {', '.join(unknown)}"
        )
    try:
        return TrainingConfig(**settings)
    except ValueError as error:
        raise ValueError(f"config {str(file)!r}: {error}") from error
