"""The low-rank layer beside peft's, with the same weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig
from peft.tuners.lora import Linear as PeftLinear
from torch import nn

from course_lib.lora.layer import LowRankLinear

SIZES = st.integers(1, 40)


def linear(into, out, bias=True, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(into, out, bias=bias)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def learned(layer, seed=1):
    """The layer with a B that is not zero any more."""
    with torch.no_grad():
        layer.B.copy_(normal(*layer.B.shape, seed=seed))
    return layer


@given(SIZES, SIZES, st.booleans(), st.data(), st.floats(0.1, 64), st.integers(0, 9))
def test_peft_computes_the_same_with_the_same_weights(into, out, bias, data, alpha, seed):
    rank = data.draw(st.integers(1, min(into, out)))
    base = linear(into, out, bias, seed)
    ours = learned(LowRankLinear(base, rank, alpha, seed=seed), seed)
    config = LoraConfig(r=rank, lora_alpha=alpha)
    theirs = PeftLinear(base, "default", config=config, r=rank, lora_alpha=alpha)
    with torch.no_grad():
        theirs.lora_A["default"].weight.copy_(ours.A)
        theirs.lora_B["default"].weight.copy_(ours.B)
    x = normal(2, 3, into, seed=seed)
    expected = theirs(x)
    tolerance = 1e-6 * max(1.0, float(expected.detach().abs().max()))
    assert torch.allclose(ours(x), expected, rtol=0, atol=tolerance)
    if float(ours.B.detach().abs().max()) * alpha > 1e-3:
        assert not torch.allclose(ours(x), base(x), rtol=0, atol=tolerance)

    (ours(x) ** 2).sum().backward()
    (theirs(x) ** 2).sum().backward()
    for mine, other in ((ours.A, theirs.lora_A), (ours.B, theirs.lora_B)):
        wanted = other["default"].weight.grad
        size = max(1.0, float(wanted.abs().max()))
        assert torch.allclose(mine.grad, wanted, rtol=0, atol=1e-5 * size)


@given(SIZES, SIZES, st.booleans(), st.integers(0, 9))
def test_a_new_layer_has_no_effect(into, out, bias, seed):
    base = linear(into, out, bias, seed)
    layer = LowRankLinear(base, 1, 16, seed=seed)
    x = normal(4, into, seed=seed)
    assert torch.equal(layer(x), base(x))
    assert float(layer.A.detach().abs().max()) > 0


def test_b_has_the_first_gradient_and_the_frozen_weight_none():
    layer = LowRankLinear(linear(6, 5), 2, 4)
    layer(normal(3, 6)).sum().backward()
    assert float(layer.B.grad.abs().max()) > 0
    assert float(layer.A.grad.abs().max()) == 0  # B is still zero
    assert layer.linear.weight.grad is None
    assert layer.linear.bias.grad is None


@given(SIZES, SIZES, st.booleans(), st.data())
def test_the_merged_layer_computes_the_same(into, out, bias, data):
    rank = data.draw(st.integers(1, min(into, out)))
    base = linear(into, out, bias)
    before = base.weight.clone()
    layer = learned(LowRankLinear(base, rank, 8))
    merged = layer.merge()
    x = normal(4, into)
    size = max(1.0, float(layer(x).abs().max()))
    assert torch.allclose(merged(x), layer(x), rtol=0, atol=1e-5 * size)
    assert type(merged) is nn.Linear
    assert (merged.bias is None) == (base.bias is None)
    assert torch.equal(base.weight, before)


def test_it_trains_as_few_numbers_as_it_says():
    layer = LowRankLinear(linear(30, 20), 3, 8)
    training = sum(each.numel() for each in layer.parameters() if each.requires_grad)
    assert layer.count_parameters() == training == 3 * (30 + 20)


def test_it_learns_an_update_of_its_rank_and_no_more():
    base = linear(12, 10)
    x = normal(400, 12)
    update = normal(10, 2, seed=3) @ normal(2, 12, seed=4) / 4  # rank 2
    wanted = (base(x) + x @ update.T).detach()
    errors = {}
    for rank in (1, 2):
        layer = LowRankLinear(base, rank, rank)
        optimizer = torch.optim.AdamW([layer.A, layer.B], lr=0.02, weight_decay=0)
        for _ in range(600):
            optimizer.zero_grad()
            loss = ((layer(x) - wanted) ** 2).mean()
            loss.backward()
            optimizer.step()
        errors[rank] = float(loss.detach())
    assert errors[2] < 1e-4 < 0.01 < errors[1]


@pytest.mark.parametrize("rank", [0, -1, 6])
def test_a_rank_out_of_range_is_refused(rank):
    with pytest.raises(ValueError, match=f"rank must be between 1 and 5 .*, got {rank}"):
        LowRankLinear(linear(9, 5), rank, 8)


def test_another_module_is_refused():
    with pytest.raises(ValueError, match=r"linear must be a torch\.nn\.Linear, got Embedding"):
        LowRankLinear(nn.Embedding(3, 4), 1, 8)
