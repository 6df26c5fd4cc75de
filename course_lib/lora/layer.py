"""The low-rank layer of LoRA, from scratch (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class LowRankLinear(nn.Module):  # type: ignore[misc]
    """A linear layer that learns a low-rank update: y = W x + b + alpha / rank * B A x.

    W and b are frozen; A and B learn. A begins random and B zero: the layer begins as the one it
    goes around, and the first step moves B. Were both zero, neither would ever have a gradient.

    Args:
        linear: the layer to go around; its weights stay its own, and stop learning.
        rank: rows of A and columns of B, from 1 to the smaller side of W.
        alpha: the update is scaled by alpha / rank, so that another rank needs no other learning
            rate.
        seed: of A.

    Attributes:
        A: shape (rank, in_features), uniform within 1 / sqrt(in_features), as peft draws it.
        B: shape (out_features, rank).

    Raises:
        ValueError: if linear is no torch.nn.Linear, or the rank is out of range.

    >>> layer = LowRankLinear(nn.Linear(576, 192), rank=8, alpha=16)
    >>> x = torch.ones(1, 576)
    >>> torch.equal(layer(x), layer.linear(x))  # no effect yet
    True
    >>> layer.count_parameters(), layer.linear.weight.numel()
    (6144, 110592)

    Built in notebooks/12_fine_tuning.ipynb.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, *, seed: int = 0) -> None:
        super().__init__()
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"linear must be a torch.nn.Linear, got {type(linear).__name__}")
        out_features, in_features = linear.weight.shape
        if not 1 <= rank <= min(out_features, in_features):
            raise ValueError(
                f"rank must be between 1 and {min(out_features, in_features)} (the smaller side of "
                f"the weight), got {rank}"
            )
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        bound = in_features**-0.5
        start = torch.empty(rank, in_features, dtype=linear.weight.dtype)
        start.uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))
        self.A = nn.Parameter(start)
        self.B = nn.Parameter(torch.zeros(out_features, rank, dtype=linear.weight.dtype))

    def forward(self, x: torch.Tensor) -> Any:
        """Shape (..., in_features) to (..., out_features)."""
        # two thin products: B A as a matrix of W's size would cost as much as W itself
        return self.linear(x) + (x @ self.A.T) @ self.B.T * self.scale

    def count_parameters(self) -> int:
        """Numbers that learn: rank * (in_features + out_features)."""
        return int(self.A.numel() + self.B.numel())

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def merge(self) -> nn.Linear:
        """A plain layer, new, with W + alpha / rank * B A as its weight."""
        out_features, in_features = self.linear.weight.shape
        merged = nn.Linear(in_features, out_features, bias=self.linear.bias is not None)
        merged = merged.to(self.linear.weight.dtype)
        merged.weight.copy_(self.linear.weight + self.scale * self.B @ self.A)
        if self.linear.bias is not None:
            merged.bias.copy_(self.linear.bias)
        return merged
