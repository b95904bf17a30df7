"""Rotary position embedding: turned by complex numbers, blind to where, aware of how far."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.rotary import apply_rotary, rotary_table

drawn = settings(max_examples=15, deadline=None, derandomize=True)
HEAD_DIMS = st.sampled_from([2, 10, 26])
THETAS = st.sampled_from([1e2, 1e4, 1e6])


def turn(heads, position_ids, theta):
    return apply_rotary(heads, rotary_table(position_ids, heads.shape[-1], theta, heads.dtype))


def random_heads(head_dim, seed, time=7):
    return torch.randn(3, 5, time, head_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@drawn
@given(HEAD_DIMS, THETAS, st.integers(0, 99))
def test_the_rotation_is_a_product_with_complex_numbers(head_dim, theta, seed):
    heads, position_ids = random_heads(head_dim, seed), torch.randint(0, 50, (3, 7))
    turned = turn(heads, position_ids, theta)
    for channel in range(head_dim // 2):
        points = torch.complex(heads[..., channel], heads[..., channel + head_dim // 2])
        angles = position_ids[:, None] * theta ** (-2 * channel / head_dim)
        by_hand = points * torch.exp(1j * angles.double())
        torch.testing.assert_close(turned[..., channel], by_hand.real, atol=2e-5, rtol=0)
        torch.testing.assert_close(turned[..., channel + head_dim // 2], by_hand.imag, atol=2e-5, rtol=0)


@drawn
@given(HEAD_DIMS, THETAS, st.integers(0, 99), st.integers(1, 60), st.integers(0, 20))
def test_a_product_of_query_and_key_depends_on_their_distance_only(head_dim, theta, seed, shift, distance):
    query, key = random_heads(head_dim, seed), random_heads(head_dim, seed + 1)

    def products(position):
        ids = torch.full((1, 7), position)
        return (turn(query, ids + distance, theta) * turn(key, ids, theta)).sum(dim=-1)

    torch.testing.assert_close(products(shift), products(0), atol=2e-4, rtol=0)


def test_another_distance_gives_another_product():
    query, key = random_heads(10, 0, time=1), random_heads(10, 1, time=1)
    products = [(turn(query, torch.tensor([[p]]), 1e4) * key).sum(dim=-1) for p in range(6)]
    for distance, product in enumerate(products):
        for other in products[distance + 1 :]:
            assert (product - other).abs().min() > 1e-4


@drawn
@given(HEAD_DIMS, THETAS, st.integers(0, 99))
def test_the_length_of_a_head_is_kept(head_dim, theta, seed):
    heads = random_heads(head_dim, seed)
    turned = turn(heads, torch.arange(7)[None], theta)
    torch.testing.assert_close(turned.norm(dim=-1), heads.norm(dim=-1), atol=1e-5, rtol=0)
    assert (turned - heads)[:, :, 1:].abs().max() > 0.1


def test_position_zero_turns_nothing():
    heads = random_heads(10, 0)
    assert torch.equal(turn(heads, torch.zeros(3, 7, dtype=torch.long), 1e4), heads)


def test_every_row_is_turned_by_its_own_positions():
    heads, position_ids = random_heads(10, 0), torch.randint(0, 50, (3, 7))
    together = turn(heads, position_ids, 1e4)
    for row in range(3):
        assert torch.equal(together[row : row + 1], turn(heads[row : row + 1], position_ids[row : row + 1], 1e4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_angles_are_float32_whatever_the_table_is(dtype):
    position_ids = torch.tensor([[1, 999, 30001]])
    for low, exact in zip(
        rotary_table(position_ids, 26, 1e6, dtype), rotary_table(position_ids, 26, 1e6, torch.float32), strict=True
    ):
        assert low.dtype == dtype
        assert torch.equal(low, exact.to(dtype))
