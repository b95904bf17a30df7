"""The checks of notebook 04 know the right answer from the typical wrong ones."""

from math import pi

import pytest
import torch

from omni_ref.blocks.rotary import apply_rotary, rotary_table
from omni_ref.lab.exercises import positions

RADIAN = 1e6 ** (126 / 128)
MASK = torch.arange(7) <= 4 + torch.arange(3)[:, None]


def turned(sign):
    def turn(heads, position_ids, theta):
        return apply_rotary(heads, rotary_table(sign * position_ids, heads.shape[-1], theta, heads.dtype))

    return turn


@pytest.mark.parametrize("name", ["period", "positions_in_a_gibibyte", "mask", "turn_back"])
def test_without_an_answer_it_says_so(capsys, name):
    getattr(positions, name)(None)
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("period", 2 * pi * RADIAN),
        ("period", 5_063_258),
        ("positions_in_a_gibibyte", 6553),
        ("mask", MASK),
        ("mask", MASK.int()),
        ("turn_back", turned(-1)),
    ],
)
def test_the_right_answer_is_right(capsys, name, answer):
    getattr(positions, name)(answer)
    assert "right ✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("period", RADIAN, "one radian"),
        ("period", 2 * pi * 1e6, "pair 64"),
        ("period", 100, "After 100 positions it has turned by 0.000124 rad"),
        ("positions_in_a_gibibyte", 13107, "keys *and* values"),
        ("positions_in_a_gibibyte", 26214, "the two bytes of a number, or both"),
        ("positions_in_a_gibibyte", 1638, "32 key/value heads"),
        ("positions_in_a_gibibyte", 262144, "one layer"),
        ("positions_in_a_gibibyte", 6554, "does not fit whole"),
        ("positions_in_a_gibibyte", 1000, "1,000 positions take 0.153 GiB"),
        ("mask", MASK.T, "(7, 3), expected (3, 7)"),
        ("mask", torch.arange(7) <= torch.arange(3)[:, None], "forgets the four past positions"),
        ("mask", ~MASK, "True is for what may be read"),
        ("mask", torch.ones(3, 7), "New query 0 stands at position 4: it never reads key 5"),
        ("mask", torch.arange(7) < 4 + torch.arange(3)[:, None], "New query 0 stands at position 4: it reads key 4"),
        ("turn_back", lambda heads, position_ids, theta: heads, "Nothing was turned"),
        ("turn_back", turned(1), "turns on"),
        ("turn_back", lambda heads, position_ids, theta: heads[:1, :1], "(1, 1, 5, 8), expected a tensor of shape"),
        ("turn_back", lambda heads, position_ids, theta: None, "It gave None"),
        ("turn_back", lambda heads, position_ids, theta: -heads, "off by"),
    ],
)
def test_a_mistake_is_named(capsys, name, answer, mistake):
    getattr(positions, name)(answer)
    out = capsys.readouterr().out
    assert mistake in out and "not yet" in out
