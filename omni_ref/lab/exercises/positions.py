"""Exercises of notebook 04."""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

from ...blocks.rotary import apply_rotary, rotary_table
from . import Mistake, exercise, returned


@exercise("4.1")
def period(answer: float | int) -> Mistake:
    """Pair 63 of 64 turns by theta^(-126/128) a position; a round is 2π."""
    positions, radian = float(answer), 1e6 ** (126 / 128)
    if abs(positions / radian - 1) < 0.01:
        return "There it has turned by one radian; a round is 2π of them."
    if abs(positions / (2 * pi * 1e6) - 1) < 0.01:
        return "That would be pair 64. The last of 64 pairs is number 63."
    right = abs(positions / (2 * pi * radian) - 1) < 0.01
    return None if right else f"After {positions:,.0f} positions it has turned by {positions / radian:.3g} rad."


@exercise("4.2")
def positions_in_a_gibibyte(answer: int) -> Mistake:
    """Keys and values of 40 layers × 8 heads × 128 channels, two bytes each."""
    a_position = 2 * 40 * 8 * 128 * 2
    known = {
        2 * 2**30 // a_position: "A position has keys *and* values, and each number takes two bytes.",
        4 * 2**30 // a_position: "You left out the values, or the two bytes of a number, or both.",
        2**30 // a_position // 4: "That is with 32 key/value heads: the query heads are not in the cache.",
        2**30 // (a_position // 40): "That is one layer. There are 40.",
        2**30 // a_position + 1: "The last one does not fit whole.",
    }
    if int(answer) == 2**30 // a_position:
        return None
    return known.get(int(answer), f"{int(answer):,} positions take {int(answer) * a_position / 2**30:.3g} GiB.")


@exercise("4.3")
def mask(answer: Tensor) -> Mistake:
    """Three new queries after four past positions: query i reads keys 0 … 4 + i."""
    if tuple(answer.shape) != (3, 7):
        return f"Its shape is {tuple(answer.shape)}, expected (3, 7): new queries, then all keys."
    readable, keys, queries = answer.cpu().bool(), torch.arange(7), torch.arange(3)[:, None]
    expected = keys <= 4 + queries
    if torch.equal(readable, keys <= queries):
        return "That forgets the four past positions: the first new query stands at position 4, not 0."
    if torch.equal(readable, ~expected):
        return "True is for what may be read."
    wrong = (readable != expected).nonzero().tolist()
    if not wrong:
        return None
    query, key = wrong[0]
    reads = "reads" if expected[query, key] else "never reads"
    return f"New query {query} stands at position {4 + query}: it {reads} key {key}."


@exercise("4.4")
def turn_back(answer: Callable[[Tensor, Tensor, float], Tensor]) -> Mistake:
    """A function that undoes apply_rotary, given what it was turned by."""
    heads = torch.randn(1, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    position_ids, theta = torch.tensor([[3, 4, 9, 20, 31]]), 1e4
    table = rotary_table(position_ids, 8, theta, heads.dtype)
    turned = apply_rotary(heads, table)
    came = returned(answer(turned.clone(), position_ids.clone(), theta), Tensor).detach().cpu().to(heads.dtype)
    if came.shape != heads.shape:
        return f"It gave {tuple(came.shape)}, expected a tensor of shape {tuple(heads.shape)}."
    if torch.allclose(came, turned, atol=1e-4):
        return "Nothing was turned."
    if torch.allclose(came, apply_rotary(turned, table), atol=1e-4):
        return "It turns on by the same angles; it should turn back."
    difference = float((came - heads).abs().max())
    return None if difference < 1e-4 else f"The heads that come back are off by {difference:.2g} at most."
