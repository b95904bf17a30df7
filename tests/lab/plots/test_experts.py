"""The pictures of experts hold the routing that was given, and say what it is."""

import pytest
import torch
from figures import image, labelled, title
from matplotlib.colors import to_hex

from omni_ref import OmniConfig
from omni_ref.lab.plots import experts


def heights(bars) -> list[float]:
    return [bar.get_height() for bar in bars]


def test_probabilities_and_the_weights_of_the_chosen():
    probabilities, chosen, weights = torch.tensor([0.1, 0.6, 0.3]), torch.tensor([1, 2]), torch.tensor([0.7, 0.3])
    left, right = experts.router_choice(probabilities, chosen, weights).axes
    assert heights(left.patches) == pytest.approx([0.1, 0.6, 0.3])
    assert heights(right.patches) == pytest.approx([0.7, 0.3])
    assert left.patches[1].get_facecolor() == left.patches[2].get_facecolor() != left.patches[0].get_facecolor()
    assert labelled(left) and right.get_xlabel()


def test_choices_as_they_come_and_sorted():
    index = torch.tensor([[2, 0], [1, 2]])
    left, right = experts.dispatch(index, 3).axes
    assert list(left.lines[0].get_ydata()) == [2, 0, 1, 2]
    assert list(right.lines[0].get_ydata()) == [0, 1, 2, 2]
    assert labelled(left)


def test_loads_and_errors_by_step():
    loads = {name: torch.rand(7, 4) for name in ("without", "with")}
    errors = {name: torch.rand(7) for name in loads}
    first, second, below, *_ = experts.loads_over_steps(loads, errors).axes
    assert torch.equal(image(first), loads["without"].T) and torch.equal(image(second), loads["with"].T)
    assert [list(line.get_ydata()) for line in below.lines] == [error.tolist() for error in errors.values()]
    assert labelled(below) and first.get_ylabel()


def test_weights_by_letter_and_by_time():
    weights = torch.rand(3, 8)
    axes = experts.experts_of_letters({"layer": weights}, "a b", "letter").axes[0]
    assert torch.equal(image(axes), weights.T) and labelled(axes)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "·", "b"]

    config, weights = OmniConfig.mini().aut_encoder, torch.rand(25, 8)
    heard, below, _ = experts.experts_of_sound(torch.randn(16000), config, {"layer": weights}).axes
    assert torch.equal(image(below), weights.T) and labelled(below)
    assert below.images[0].get_extent()[:2] == [-0.02, 0.98] and heard.images[0].get_extent()[:2] == [-0.005, 0.995]


def test_a_line_goes_to_each_chosen_expert_as_thick_as_its_weight():
    index, weights = torch.tensor([[0, 7], [3, 0]]), torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    (axes,) = experts.routes("a ", index, weights, "a reply").axes
    assert [to_hex(line.get_color()).upper() for line in axes.lines] == [experts.EXPERTS[i] for i in (0, 7, 3, 0)]
    widths = [line.get_linewidth() for line in axes.lines]
    assert widths[0] == pytest.approx(3 * widths[1]) and widths[2] == widths[3]
    assert [line.get_xdata()[0] for line in axes.lines] == [0, 0, 1, 1]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:2] == ["a", "·"] and texts[2:] == [f"expert {i}" for i in range(8)]


def test_letters_on_the_colours_of_their_experts():
    chosen = [torch.tensor([0, 3, 7]), torch.tensor([5])]
    figure = experts.coloured_letters(["a b", "c"], {"early": chosen, "late": [7 - index for index in chosen]})
    early, late = figure.axes
    assert [each.get_array().tolist() for each in early.images] == [[[0, 3, 7]], [[5]]]
    assert [each.get_array().tolist() for each in late.images] == [[[7, 4, 0]], [[2]]]
    assert early.images[0].get_clim() == (-0.5, 7.5)
    assert [(text.get_text(), text.get_color()) for text in early.texts] == [
        ("a", "white"), ("·", "white"), ("b", "black"), ("c", "black")
    ]  # fmt: skip
    assert [title(axes) for axes in (early, late)] == ["early", "late"]
    assert len(figure.legends[0].get_texts()) == 8


def test_numbers_stand_in_the_cells():
    weights = torch.tensor([[0.1, 0.5], [0.25, 0.0]])
    axes = experts.experts_of_kinds({"layer": weights}, ["quiet", "hiss"]).axes[0]
    torch.testing.assert_close(image(axes), weights)
    assert [text.get_text() for text in axes.texts] == ["0.10", "0.50", "0.25", "0.00"]
    assert [text.get_color() for text in axes.texts] == ["white", "black", "white", "white"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["quiet", "hiss"]


def test_bits_and_what_chance_gives():
    bits, chance = {"early": [1.5, 0.5], "late": [1.0, 0.6]}, {"early": [0.1, 0.2], "late": [0.3, 0.4]}
    (axes,) = experts.information(bits, chance, ["letter", "part"]).axes
    assert heights(axes.patches) == [1.5, 0.5, 1.0, 0.6]
    by_chance = [float(path.vertices[0, 1]) for lines in axes.collections for path in lines.get_paths()]
    assert by_chance == [0.1, 0.2, 0.3, 0.4]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(legend) == ["early", "late", "shuffled labels"] and axes.get_ylabel()


def test_loads_side_by_side_and_other_routes():
    loads = {"sound": torch.tensor([0.2, 0.8]), "letters": torch.tensor([0.6, 0.4])}
    axes = experts.expert_loads({"layer": loads}).axes[0]
    assert heights(axes.patches) == pytest.approx([0.2, 0.8, 0.6, 0.4])
    assert axes.lines[0].get_ydata() == [0.5, 0.5] and labelled(axes)

    (axes,) = experts.other_routes({"the best two": 1.0, "none": 0.25}).axes
    assert [bar.get_width() for bar in axes.patches] == [100, 25]
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor() and axes.get_xlabel()


def test_experts_woken():
    (axes,) = experts.woken_experts({"early": [2, 3, 4], "late": [2, 2, 3]}, 8).axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[2, 3, 4], [2, 2, 3]]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3] and labelled(axes)
