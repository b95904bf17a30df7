"""The pictures of grouped-query attention: lines go where heads read, images are the tensors."""

import pytest
import torch
from figures import image, title

from omni_ref.lab.plots import gqa


def test_each_query_head_has_a_line_to_what_it_reads():
    right, wrong = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    left, other = gqa.sharing({"right": right, "wrong": wrong}, truth=right).axes
    places = [0.5, 2.5]  # of the two key/value heads below four query heads
    assert [tuple(line.get_xdata()) for line in left.lines] == [(h, places[r]) for h, r in enumerate(right.tolist())]
    assert [line.get_linestyle() for line in left.lines] == ["-"] * 4
    assert [line.get_linestyle() for line in other.lines] == ["-", "--", "--", "-"]
    texts = [text.get_text() for text in other.texts]
    assert "q1 ✗" in texts and "q0" in texts and texts.count("k, v") == 2


def test_without_a_truth_nothing_is_wrong():
    (axes,) = gqa.sharing({"one for all": torch.zeros(3, dtype=torch.long)}).axes
    assert {line.get_linestyle() for line in axes.lines} == {"-"}


def test_tensors_stand_in_their_places():
    query, output = torch.randn(4, 5, 8), torch.randn(4, 5, 8)
    key, value, weights = torch.randn(2, 5, 8), torch.randn(2, 5, 8), torch.rand(4, 5, 5)
    axes = gqa.grouped_attention(query, key, weights, value, output, "seven").axes
    assert len(axes) == 4 + 2 + 4 + 2 + 4
    for place, tensor in ((3, query[3]), (5, key[1]), (6, weights[0]), (11, value[1]), (12, output[0])):
        assert torch.equal(image(axes[place]), tensor)
    assert [a.get_ylabel() for a in axes[:6]] == ["q0", "q1", "q2", "q3", "k0", "k1"]
    assert axes[10].get_ylabel() == "v0"
    assert [label.get_text() for label in axes[9].get_xticklabels()] == list("seven")
    blue, orange = axes[4].spines.left.get_edgecolor(), axes[5].spines.left.get_edgecolor()
    assert [a.spines.left.get_edgecolor() for a in axes[:4]] == [blue, blue, orange, orange]
    assert blue != orange


def test_one_letter_has_a_bar_for_each_head_and_key():
    weights = torch.rand(2, 5)
    (axes,) = gqa.one_letter(weights, "seven", 3, 4).axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(weights.flatten().tolist())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["q4", "q5"]
    assert title(axes) == "at letter 4 of 5, 'e'" and axes.get_xlabel() and axes.get_ylabel()


def test_bars_are_gibibytes_and_the_chosen_one_stands_out():
    (axes,) = gqa.cache_sizes({8: 4.0, 2: 1.0, 1: 0.5}, chosen=2, query_heads=8).axes
    assert [bar.get_height() for bar in axes.patches] == [4.0, 1.0, 0.5]
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert colours[0] == colours[2] != colours[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["8\nMHA", "2\nGQA, as specified", "1\nMQA"]
    assert axes.get_ylabel().endswith("GiB") and axes.get_xlabel()


def test_points_stand_at_cost_and_quality():
    costs, rights = {"MHA": 3000, "GQA": 1000, "MQA": 500}, {"MHA": 1.0, "GQA": 0.9, "MQA": 0.7}
    (axes,) = gqa.cost_and_quality(costs, rights, [0.0, 0.4, 0.7]).axes
    trail, *points = axes.lines
    assert list(trail.get_xdata()) == [500] * 3 and list(trail.get_ydata()) == pytest.approx([0, 40, 70])
    assert [(*point.get_xdata(), *point.get_ydata()) for point in points] == [(3000, 100), (1000, 90), (500, 70)]
    assert [text.get_text() for text in axes.texts] == ["MHA", "GQA", "MQA", "averaged, untrained"]
    assert axes.get_xlabel() and axes.get_ylabel()


def test_what_each_step_computes():
    work = torch.tensor([[2, 2, 0], [1, 1, 2]])
    axes, bar = gqa.cache_work({"with": work}).axes
    assert torch.equal(image(axes), work)
    assert [label.get_text() for label in bar.get_yticklabels()] == ["not there yet", "kept", "computed"]
    assert axes.get_xlabel() and axes.get_ylabel()
