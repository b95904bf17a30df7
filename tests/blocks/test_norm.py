"""RMSNorm against its equation."""

import pytest
import torch
from helpers import randomise

from omni_ref.blocks.norm import RMSNorm


def test_each_vector_is_divided_by_its_root_mean_square_and_each_channel_scaled():
    norm, hidden = randomise(RMSNorm(11, eps=0.05)), torch.randn(3, 5, 11)
    normed = norm(hidden)
    for row in range(3):
        for position in range(5):
            vector = hidden[row, position]
            by_hand = norm.weight * vector / (sum(number**2 for number in vector) / 11 + 0.05) ** 0.5
            torch.testing.assert_close(normed[row, position], by_hand)


def test_without_a_weight_the_root_mean_square_is_one_and_the_mean_stays():
    normed = RMSNorm(11, eps=1e-6)(5 + torch.randn(3, 5, 11))
    torch.testing.assert_close(normed.pow(2).mean(dim=-1), torch.ones(3, 5))
    assert (normed.mean(dim=-1) > 0.9).all()


def test_a_silent_vector_stays_silent():
    assert torch.equal(RMSNorm(11, eps=1e-6)(torch.zeros(3, 11)), torch.zeros(3, 11))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_statistics_are_float32_whatever_the_input_is(dtype):
    hidden = (1000 * torch.randn(3, 5, 11)).to(dtype)
    norm = randomise(RMSNorm(11, eps=1e-6)).to(dtype)
    assert torch.equal(norm(hidden), norm.weight * RMSNorm(11, eps=1e-6)(hidden.float()).to(dtype))
