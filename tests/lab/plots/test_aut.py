"""The pictures of the AuT encoder show the numbers that they are given."""

import pytest
import torch
from figures import image, labels, title

from omni_ref.lab.plots import aut


@pytest.fixture
def config(tiny):
    return tiny.aut_encoder


def test_tokens_stand_under_their_frames_and_a_run_shares_a_shade(config):
    mel, tokens = torch.randn(config.n_mels, 9), torch.tensor([5, 5, 8])
    figure = aut.mel_and_tokens(mel, tokens, config)
    upper, lower = figure.axes
    torch.testing.assert_close(image(upper), mel)
    assert [text.get_text() for text in lower.texts] == ["5", "5", "8"]
    assert [text.get_position()[0] for text in lower.texts] == [k / config.token_rate for k in range(3)]
    first, second, third = (patch.get_alpha() for patch in lower.patches)
    assert first == second != third
    assert labels(lower) == ("s", "token") and upper.get_ylabel() == "mel filter"


@pytest.mark.parametrize(("token", "shown", "reads"), [(1, 1, "0 to 9"), (9, 2, "3 to 9")])
def test_the_geometry_of_ten_frames(config, token, shown, reads):
    axes = aut.stem_geometry(10, token, config).axes[0]
    assert title(axes) == f"10 frames give 3 tokens; token {shown} reads frames {reads}"
    assert [text.get_text() for text in axes.texts] == ["token 0", "token 1", "token 2", "ring: a zero of the padding"]
    assert axes.get_xlabel() == "frame"
    rings = [line for line in axes.lines if line.get_fillstyle() == "none"]
    padding = {float(x) for line in rings for x in line.get_xdata()}
    expected = {-1.0} if token == 1 else {10.0, 11.0}
    assert padding == expected


def test_kernels_the_strongest_first():
    weight = torch.ones(5, 4, 7) * torch.tensor([1.0, 5, 3, 2, 4])[:, None, None]
    *panels, bar = aut.stem_kernels(weight, rows=2, columns=2).axes
    assert [title(axes) for axes in panels] == [f"channel {k}" for k in (1, 4, 2, 3)]  # the weakest is left out
    torch.testing.assert_close(image(panels[0]), weight[1] / 5)
    assert bar.get_ylabel() == "weight, share of the largest"


def test_influence_is_drawn_as_shares_and_nothing_where_there_is_none(config):
    mel = torch.randn(config.n_mels, 6)
    curves = {"stem": torch.tensor([0.0, 0, 2, 4, 0, 0]), "all": torch.tensor([1.0, 2, 3, 5, 4, 1])}
    _, lower = aut.token_influence(mel, curves, 1, 3, config).axes
    stem, whole = (torch.as_tensor(line.get_ydata()) for line in lower.lines)
    assert stem[2:4].tolist() == [0.5, 1] and stem[[0, 1, 4, 5]].isnan().all()
    torch.testing.assert_close(whole, curves["all"] / 5)
    assert labels(lower) == ("frame", "share of the largest")


def test_influence_maps_are_logarithms_of_shares():
    moved = torch.tensor([[1.0, 0.1], [0.0, 0.01], [1e-9, 1.0]])
    first, second, bar = aut.influence_maps({"a": moved, "b": 3 * moved}).axes
    expected = torch.tensor([[0.0, -1], [-3, -2], [-3, 0]])
    torch.testing.assert_close(image(first), expected)
    torch.testing.assert_close(image(second), expected)
    assert labels(first) == ("token that moves", "frame that is changed") and "log10" in bar.get_ylabel()


def test_every_head_has_its_map():
    maps = torch.rand(2, 3, 4, 4)
    notes = [[f"note {layer}{head}" for head in range(3)] for layer in range(2)]
    panels = aut.attention_grid(maps, notes).axes
    assert len(panels) == 7
    for i in range(6):
        torch.testing.assert_close(image(panels[i]), maps.flatten(0, 1)[i] / maps.flatten(0, 1)[i].max())
        assert title(panels[i]) == f"layer {i // 3}, head {i % 3}: note {i // 3}{i % 3}"
    assert panels[6].get_ylabel() == "weight, share of the map's largest"


def test_one_reader_and_its_row(config):
    weights = torch.rand(5, 5).softmax(dim=-1)
    figure = aut.attention_of_token(torch.randn(config.n_mels, 20), weights, 2, config, "layer 1")
    panels = {axes.get_label(): axes for axes in figure.axes}
    torch.testing.assert_close(image(panels["map"]), weights)
    bars = [segment[1][1] for segment in panels["row"].collections[0].get_segments()]
    torch.testing.assert_close(torch.tensor(bars, dtype=torch.float32), weights[2])
    assert "token 2" in title(panels["mel"]) and labels(panels["row"]) == ("s", "weight")


def test_leaks_are_drawn_as_they_are():
    distances = {name: torch.tensor([scale, 2 * scale, 0]) for name, scale in (("a", 1.0), ("b", 0.1), ("c", 1e-6))}
    axes = aut.padding_leaks(distances).axes[0]
    for line, distance in zip(axes.lines, distances.values(), strict=True):
        torch.testing.assert_close(torch.as_tensor(line.get_ydata()), distance.clamp(min=1e-8))
    assert all(labels(axes)) and axes.get_yscale() == "log"
