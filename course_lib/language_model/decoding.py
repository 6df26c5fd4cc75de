"""What LocalModel adds to transformers' generate: when an answer ends, and how a token is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_lib.language_model.constrained import JsonGrammar
from course_lib.language_model.interface import Completion, Generation


class Watch:
    """Called by transformers after each step: which answers have ended, and how.

    A step is one token for each row, or several where they were guessed and found right.
    """

    def __init__(
        self,
        tokenizer: Any,
        how: Generation,
        rows: int,
        prompt_length: int,
        ends: list[int],
        on_step: Callable[[Watch], None] | None,
    ) -> None:
        self.tokenizer, self.how, self.ends = tokenizer, how, set(ends)
        self.on_step = on_step
        self.seen = prompt_length
        self.tokens: list[list[int]] = [[] for _ in range(rows)]
        self.done = [False] * rows

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Which rows have ended, shape (rows,)."""
        for row, tokens in enumerate(input_ids[:, self.seen :].tolist()):
            for token in tokens:
                if not self.done[row]:
                    self.tokens[row].append(token)
                    self.done[row] = token in self.ends or (
                        bool(self.how.stops) and self.how.cut(self.text(row))[1]
                    )
        self.seen = input_ids.shape[1]
        if self.on_step:
            self.on_step(self)
        return input_ids.new_tensor(self.done) > 0

    def text(self, row: int) -> str:
        """What the model wrote, a stop string included."""
        return str(
            self.tokenizer.decode(
                self.tokens[row], skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def completion(self, row: int, prompt_tokens: int) -> Completion:
        """The answer."""
        return Completion(
            text=self.how.cut(self.text(row))[0],
            finish_reason="stop" if self.done[row] else "length",
            prompt_tokens=prompt_tokens,
            completion_tokens=len(self.tokens[row]),
        )


class Draw:
    """Draws a token from each row's scores, with a generator for each conversation.

    The largest of scores plus Gumbel noise is a draw from their softmax, so greedy search over the
    noisy scores samples, without torch's global generator, and alike in a batch and alone.
    """

    def __init__(self, seeds: list[int]) -> None:
        import torch

        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores with noise, shape (rows, vocabulary)."""
        import torch

        noisy = scores.double()
        for row, generator in enumerate(self.generators):
            waits = torch.empty(scores.shape[1], dtype=torch.float64)
            noisy[row] -= waits.exponential_(generator=generator).log()
        return noisy


def processors(how: Generation, seeds: list[int], grammar: JsonGrammar | None) -> list[Any]:
    """The schema's mask, transformers' own logits processors in its order, and the draw."""
    chain: list[Any] = []
    if how.schema is not None and grammar is not None:
        chain.append(grammar.mask(how.schema, len(seeds)))
    if how.temperature == 0:
        return chain
    from transformers import (
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    chain.append(TemperatureLogitsWarper(float(how.temperature)))
    if how.top_k is not None:
        chain.append(TopKLogitsWarper(int(how.top_k)))
    if how.top_p is not None:
        chain.append(TopPLogitsWarper(float(how.top_p)))
    if how.min_p is not None:
        chain.append(MinPLogitsWarper(float(how.min_p)))
    return [*chain, Draw(seeds)]
