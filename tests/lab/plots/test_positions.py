"""The pictures of positions and attention hold the numbers that were given, and say what they are."""

import math

import pytest
import torch
from figures import image, labelled, title

from omni_ref import OmniConfig
from omni_ref.lab.plots import positions

LETTERS = "one is"


def test_a_space_can_be_seen():
    assert positions.visible("a b") == ["a", "·", "b"]


def test_a_bar_for_each_weight():
    rows = {"first": torch.rand(6), "second": torch.rand(6)}
    above, below = positions.attention_rows(rows, LETTERS).axes
    for axes, (name, weights) in zip((above, below), rows.items(), strict=True):
        assert [bar.get_height() for bar in axes.patches] == pytest.approx(weights.tolist())
        assert title(axes) == name
    assert [label.get_text() for label in below.get_xticklabels()] == list("one·is")
    assert labelled(below)


def test_points_lie_at_their_angles():
    angles = torch.tensor([[0.0, 0.0], [1.0, 0.1], [2.0, 0.2]])
    fast, slow, _ = positions.rotations(angles, ["fast", "slow"]).axes
    for axes, turned in ((fast, angles[:, 0]), (slow, angles[:, 1])):
        points = torch.tensor(axes.collections[0].get_offsets().data)
        torch.testing.assert_close(points, torch.stack([turned.cos(), turned.sin()], dim=1).double())
    assert labelled(fast) and "1.000 rad" in title(fast)


def test_the_marked_product_is_that_of_the_turned_points():
    query, key, frequency = torch.tensor([1.0, 0.5]), torch.tensor([-0.3, 0.8]), 0.4
    left, right = positions.query_and_key(query, key, frequency, 7, 4).axes

    def turned(point, angle):
        x, y = point.tolist()
        return x * math.cos(angle) - y * math.sin(angle), y * math.cos(angle) + x * math.sin(angle)

    drawn = [(line.get_xdata()[1], line.get_ydata()[1]) for line in left.lines if line.get_linestyle() == "-"]
    assert drawn == [pytest.approx(turned(query, 7 * frequency)), pytest.approx(turned(key, 4 * frequency))]
    (distance,), (product,) = right.lines[-1].get_data()
    assert distance == 3
    assert product == pytest.approx(sum(a * b for a, b in zip(*drawn, strict=True)))
    steps, products = right.lines[1].get_data()
    assert products[list(steps).index(3)] == pytest.approx(product)
    assert labelled(left, right)


def test_scores_by_distance_are_the_last_query_backwards():
    scores = torch.rand(3, 5, 5)
    left, right, *_ = positions.distances(scores, 2).axes
    assert torch.equal(image(left), scores[2])
    assert image(right)[1].tolist() == scores[1, 4].flip(0).tolist()
    assert labelled(left, right)


def test_a_map_over_the_sound_and_words_in_bold():
    config, weights = OmniConfig.mini().aut_encoder, torch.rand(6, 25)
    heard, below, bar = positions.attention_on_sound(torch.randn(16000), config, weights, LETTERS, "head", "nats").axes
    assert bar.get_ylabel() == "nats"
    assert torch.equal(image(below), weights)
    assert below.images[0].get_extent()[:2] == [-0.02, 0.98] and heard.images[0].get_extent()[:2] == [-0.005, 0.995]
    bold = [label.get_fontweight() == "bold" for label in below.get_yticklabels()]
    assert bold == [True, False, False, False, True, False]
    assert labelled(below)


def test_shares_by_layer_and_letter():
    shares = torch.rand(2, 6)
    axes = positions.sound_shares(shares, LETTERS).axes[0]
    assert torch.equal(image(axes), shares) and axes.images[0].get_clim() == (0, 1)
    assert labelled(axes)


def test_every_head_has_its_panel_and_the_colour_of_its_group():
    maps = torch.rand(2, 4, 6, 10)
    colours = ["#0072B2", "#0072B2", "#D55E00", "#D55E00"]
    all_axes = positions.all_heads(maps, {0: "one", 4: "is"}, 25, colours).axes
    assert len(all_axes) == 8
    assert torch.equal(image(all_axes[5]), maps[1, 1])
    assert title(all_axes[5]) == f"layer 1, head 1: {maps[1, 1].max():.2f}"
    assert [label.get_text() for label in all_axes[4].get_yticklabels()] == ["one", "is"]
    assert len({axes.spines.left.get_edgecolor() for axes in all_axes[2:4]}) == 1
    assert all_axes[1].spines.left.get_edgecolor() != all_axes[2].spines.left.get_edgecolor()
