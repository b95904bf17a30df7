"""The checks of notebook 04 know the right answer from the typical wrong ones."""

from math import pi

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.blocks.rotary import apply_rotary, rotary_table
from omni_ref.lab.exercises import positions

RADIAN = 1e6 ** (126 / 128)
MASK = torch.arange(7) <= 4 + torch.arange(3)[:, None]
UNSEEN_SELF = torch.arange(7) < 4 + torch.arange(3)[:, None]


def turned(sign):
    def turn(heads, position_ids, theta):
        return apply_rotary(heads, rotary_table(sign * position_ids, heads.shape[-1], theta, heads.dtype))

    return turn


RIGHT = [
    (positions.turn_back, lambda heads, at, theta: turned(-1)(heads.double(), at, theta)),
    (positions.period, 2 * pi * RADIAN),
    (positions.period, 5_063_258),
    (positions.positions_in_a_gibibyte, 6553),
    (positions.mask, MASK),
    (positions.mask, MASK.int()),
    (positions.turn_back, turned(-1)),
]
WRONG = [
    (positions.period, RADIAN, "one radian"),
    (positions.period, 2 * pi * 1e6, "pair 64"),
    (positions.period, 100, "After 100 positions it has turned by 0.000124 rad"),
    (positions.positions_in_a_gibibyte, 13107, "keys *and* values"),
    (positions.positions_in_a_gibibyte, 26214, "the two bytes of a number, or both"),
    (positions.positions_in_a_gibibyte, 1638, "32 key/value heads"),
    (positions.positions_in_a_gibibyte, 262144, "one layer"),
    (positions.positions_in_a_gibibyte, 6554, "does not fit whole"),
    (positions.positions_in_a_gibibyte, 1000, "1,000 positions take 0.153 GiB"),
    (positions.mask, MASK.T, "(7, 3), expected (3, 7)"),
    (positions.mask, torch.arange(7) <= torch.arange(3)[:, None], "forgets the four past positions"),
    (positions.mask, ~MASK, "True is for what may be read"),
    (positions.mask, torch.ones(3, 7), "New query 0 stands at position 4: it never reads key 5"),
    (
        positions.mask,
        torch.arange(7) < 4 + torch.arange(3)[:, None],
        "New query 0 stands at position 4: it reads key 4",
    ),
    (positions.turn_back, lambda heads, position_ids, theta: heads, "Nothing was turned"),
    (positions.turn_back, turned(1), "turns on"),
    (positions.turn_back, lambda heads, position_ids, theta: heads[:1, :1], "(1, 1, 5, 8), expected a tensor of shape"),
    (positions.turn_back, lambda heads, position_ids, theta: None, "It gave None"),
    (positions.turn_back, lambda heads, position_ids, theta: -heads, "off by"),
]
