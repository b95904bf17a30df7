"""What a configuration costs is drawn as it is in the ledger."""

import math

import pytest
import torch
from figures import image, title

from omni_ref.lab import plots
from omni_ref.lab.ledger import Row, ledger, total


def widths(bars) -> list[float]:
    return [bar.get_width() for bar in bars]


def test_largest_parts_are_those_of_the_ledger_and_all_others_together(tiny):
    rows = ledger(tiny)
    axes = plots.size.largest_parts(rows, count=3).axes[0]
    ranked = sorted((row.parameters for row in rows), reverse=True)
    held, read = (widths(bars) for bars in axes.containers)
    assert held == pytest.approx([count / 1e9 for count in (*ranked[:3], sum(ranked[3:]))])
    assert sum(read) == pytest.approx(total(rows).active / 1e9)
    assert axes.get_yticklabels()[-1].get_text() == f"{len(rows) - 3} other parts"
    assert axes.get_xlabel() == "billion parameters"


def test_total_and_active_are_bars_with_their_numbers():
    sizes = {"one": Row("", "", 50_000_000_000, 7_800_000_000), "other": Row("", "", 620_000_000, 4_900_000)}
    axes = plots.size.total_and_active(sizes).axes[0]
    held, read = (widths(bars) for bars in axes.containers)
    assert held == pytest.approx([50, 0.62]) and read == pytest.approx([7.8, 0.0049])
    assert [text.get_text() for text in axes.texts] == ["50.0 B", "0.62 B", "7.80 B", "4.9 M"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "other"]


@pytest.mark.parametrize("logarithmic", [True, False])
def test_curves_and_levels_are_those_given(logarithmic):
    curves = {"up": [1.0, 2.0, 4.0], "down": [4.0, 2.0, 1.0]}
    levels = {"half": 2.0}
    axes = plots.size.against([1024, 2048, 4096], curves, "x", "y", "title", levels, logarithmic).axes[0]
    up, down, level = (line.get_ydata() for line in axes.lines)
    assert (list(up), list(down), set(level)) == ([1, 2, 4], [4, 2, 1], {2})
    labels = ("x (log)", "y (log)") if logarithmic else ("x", "y")
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels and title(axes) == "title"
    assert axes.get_yscale() == ("log" if logarithmic else "linear")


def test_every_chosen_expert_has_its_ring():
    probabilities = torch.rand(2, 5).softmax(dim=-1)
    chosen = probabilities.topk(3).indices
    axes = plots.size.chosen_experts(probabilities, chosen).axes[0]
    torch.testing.assert_close(image(axes), probabilities)
    rings = {(int(x), int(y)) for line in axes.lines for x, y in zip(*line.get_data(), strict=True)}
    assert rings == {(expert, token) for token in range(2) for expert in chosen[token].tolist()}


def test_a_code_is_at_the_step_that_predicts_it():
    steps = torch.tensor([[0, 2], [1, 3], [2, 4]])
    designs = {"three": (steps, [0.5] * 5), "one": (torch.tensor([[0, 2]]), [0.25, 1.0, 0.25])}
    upper, lower, colours = plots.size.code_steps(designs, 0.2).axes
    shown = upper.collections[0].get_array().reshape(3, 5)
    for codebook in range(3):
        for frame in range(2):
            assert shown[codebook, int(steps[codebook, frame])] == pytest.approx(100 * frame)
    assert sum(not math.isnan(cell) for cell in shown.filled(math.nan).flatten()) == 6
    edges = [mesh.get_coordinates()[0, :, 0].tolist() for mesh in (upper.collections[0], lower.collections[0])]
    assert edges == [[0, 0.5, 1, 1.5, 2, 2.5], [0, 0.25, 1.25, 1.5]], "a step is as wide as what it reads"
    assert lower.get_xlabel() and upper.get_ylabel() == lower.get_ylabel() == "codebook"
    assert colours.get_ylabel().startswith("ms")
