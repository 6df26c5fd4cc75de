"""Which examples a step sees, and how they are laid out for the model.

A step's examples are laid out in packs: rows of tokens with no padding, in which those that begin
alike are neighbours. The beginning that all prompts of a pack share, as a system prompt or the same
passages, stands there once; a mask lets every example see that beginning and itself. The model
computes for an example what it would compute for it alone, but the shared beginning costs once what
it would cost for every example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.lora.configuration import TrainingConfig
from course_lib.lora.examples import Encoded

PACK_TOKENS = 640  # more tokens at a time are no faster, and take more memory


@dataclass(frozen=True, eq=False)
class Pack:
    """One row of tokens that holds several examples.

    Attributes:
        tokens, positions: shape (n,).
        mask: shape (n, n), True where a row's token sees a column's; None for one example alone.
        rows: of the tokens whose next token is learned, shape (n_labels,).
        labels: the tokens learned there, shape (n_labels,).
    """

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    mask: NDArray[np.bool_] | None
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]


def count_steps(config: TrainingConfig, examples: int) -> int:
    """Steps that the training takes if nothing stops it early."""
    if config.max_steps is not None:
        return config.max_steps
    return max(1, round(config.epochs * math.ceil(examples / config.batch_size)))


def batch_of(config: TrainingConfig, examples: int, step: int) -> NDArray[np.int64]:
    """Which examples the step sees: every example once an epoch, in an order of the epoch's own.

    It follows from the seed and the step alone, so training goes on anywhere.

    >>> config = TrainingConfig(batch_size=2)
    >>> sorted(int(index) for step in range(3) for index in batch_of(config, 5, step))
    [0, 1, 2, 3, 4]
    """
    epoch, batch = divmod(step, math.ceil(examples / config.batch_size))
    groups = np.random.default_rng([config.seed, epoch]).permutation(
        math.ceil(examples / config.together)
    )
    order = (groups[:, None] * config.together + np.arange(config.together)).ravel()
    order = order[order < examples]
    return order[batch * config.batch_size : (batch + 1) * config.batch_size]


def packs(examples: Sequence[Encoded], limit: int = PACK_TOKENS) -> Iterator[Pack]:
    """The examples, those that begin alike together, in packs of at most `limit` tokens.

    An example that is longer makes a pack of its own.
    """
    waiting: list[Encoded] = []
    for example in sorted(examples, key=lambda example: example.ids):
        more = [*waiting, example]
        shared = shared_beginning(more)
        if waiting and shared + sum(len(each.ids) - shared for each in more) > limit:
            yield pack(waiting)
            more = [example]
        waiting = more
    if waiting:
        yield pack(waiting)


def shared_beginning(examples: Sequence[Encoded]) -> int:
    """Length of the beginning that all prompts share; the last token of a prompt is never in it.

    >>> shared_beginning([Encoded((5, 6, 7, 8), 3), Encoded((5, 6, 9, 8), 3)])
    2
    """
    # the last token of a prompt is where the answer's first token is predicted: one each
    first, last = min(examples, key=lambda e: e.ids), max(examples, key=lambda e: e.ids)
    end = min(example.prompt for example in examples) - 1
    differ = (
        at for at, (a, b) in enumerate(zip(first.ids[:end], last.ids[:end], strict=True)) if a != b
    )
    return next(differ, end)


def pack(examples: Sequence[Encoded]) -> Pack:
    """The examples in one row."""
    shared = shared_beginning(examples) if len(examples) > 1 else 0
    parts = [np.array(example.ids[shared:-1], dtype=np.int64) for example in examples]
    lengths = [shared, *map(len, parts)]
    tokens = np.concatenate([np.array(examples[0].ids[:shared], dtype=np.int64), *parts])
    positions = np.concatenate(
        [np.arange(shared), *(np.arange(shared, shared + len(part)) for part in parts)]
    )
    starts = np.cumsum(lengths)[:-1]  # of each example's part
    rows = np.concatenate(
        [
            np.arange(start + example.prompt - 1 - shared, start + len(part))
            for start, part, example in zip(starts, parts, examples, strict=True)
        ]
    )
    labels = np.concatenate(
        [np.array(example.ids[example.prompt :], dtype=np.int64) for example in examples]
    )
    mask = None
    if len(examples) > 1:
        owner = np.repeat(np.arange(len(lengths)), lengths)  # 0 is the shared beginning
        mine = (owner[:, None] == owner) | (owner == 0)
        mask = np.tril(mine)
    return Pack(tokens, positions, mask, rows, labels)


def summed_loss(network: Any, batch: Pack) -> Any:
    """Cross-entropy summed over the labels; the head is computed for their rows alone.

    Args:
        network: a transformers model for causal language modelling, with or without adapter.
    """
    import torch
    from torch.nn.functional import cross_entropy

    mask = None if batch.mask is None else torch.from_numpy(batch.mask)[None, None]
    hidden = network.base_model(
        input_ids=torch.from_numpy(batch.tokens)[None],
        position_ids=torch.from_numpy(batch.positions)[None],
        attention_mask=mask,
        use_cache=False,
    ).last_hidden_state[0]  # (n, hidden)
    logits = network.get_output_embeddings()(hidden[torch.from_numpy(batch.rows)])
    return cross_entropy(logits.float(), torch.from_numpy(batch.labels), reduction="sum")
