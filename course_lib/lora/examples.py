"""What a training example is, and its tokens."""

from __future__ import annotations

from collections.abc import Sequence
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
