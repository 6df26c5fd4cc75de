"""What a training example is, and how training is set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.language_model.interface import Message, check_messages

if TYPE_CHECKING:
    from course_lib.language_model import LocalModel


@dataclass(frozen=True)
class Example:
    """A conversation and the answer that the model shall learn to give.

    Attributes:
        messages: what the model reads.
        answer: what it shall write. It alone is learned, with the token that ends it.
    """

    messages: tuple[Message, ...]
    answer: str


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
        for name in ("rank", "batch_size", "evaluate_every", "max_length"):
            self._check(name, "1 or more", lambda value: value >= 1)
        for name in ("layers", "max_steps", "patience"):
            if getattr(self, name) is not None:
                self._check(name, "1 or more, or None", lambda value: value >= 1)
        for name in ("alpha", "learning_rate", "epochs", "clip_norm"):
            self._check(name, "above 0", lambda value: value > 0)
        for name in ("warmup_steps", "weight_decay"):
            self._check(name, "0 or more", lambda value: value >= 0)
        self._check("dropout", "at least 0 and below 1", lambda value: 0 <= value < 1)

    def _check(self, name: str, wanted: str, holds: Callable[[float], bool]) -> None:
        value = getattr(self, name)
        if not isinstance(value, (int, float)) or not holds(value):
            raise ValueError(f"{name} must be {wanted}, got {value!r}")


@dataclass(frozen=True)
class Encoded:
    """An example as tokens.

    Attributes:
        ids: prompt, answer and end token.
        prompt: how many of them are the prompt.
    """

    ids: tuple[int, ...]
    prompt: int

    @property
    def labels(self) -> int:
        """How many tokens are learned."""
        return len(self.ids) - self.prompt


def encode(
    model: LocalModel, examples: Sequence[Example], max_length: int, name: str = "examples"
) -> list[Encoded]:
    """The examples in tokens, the way the model reads and writes them when it answers.

    Raises:
        ValueError: if there is no example, an answer is empty, or an example is longer than
            max_length; `too_long` finds those.
    """
    if not examples:
        raise ValueError(f"{name} must hold at least one example, got none")
    encoded = []
    for index, example in enumerate(examples):
        if not example.answer.strip():
            raise ValueError(f"{name}[{index}].answer must be a text, got {example.answer!r}")
        ids = _tokens(model, example)
        if len(ids.ids) > max_length:
            raise ValueError(
                f"{name}[{index}] has {len(ids.ids)} tokens, more than max_length, {max_length}: "
                "shorten it, drop it (lora.too_long lists such examples) or raise max_length"
            )
        encoded.append(ids)
    return encoded


def too_long(model: LocalModel, examples: Sequence[Example], max_length: int) -> list[int]:
    """Indices of the examples that are longer than max_length tokens, answer included."""
    lengths = [len(_tokens(model, example).ids) for example in examples]
    return [index for index, length in enumerate(lengths) if length > max_length]


def _tokens(model: LocalModel, example: Example) -> Encoded:
    # apart, as in generation: the prompt is read first, and the answer's tokens are put after it
    prompt = model.prompt_tokens(check_messages(example.messages))
    answer = model.tokenizer(example.answer, add_special_tokens=False, verbose=False)["input_ids"]
    return Encoded((*prompt, *answer, model.tokenizer.eos_token_id), len(prompt))
