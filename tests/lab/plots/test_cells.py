"""Cells with text: the names of tokens, the shares as an image, readable labels."""

import math

import pytest
import torch
from matplotlib.figure import Figure

from omni_ref.lab.plots.cells import byte_name, cells


@pytest.mark.parametrize(
    "index, name", [(ord("a"), "a"), (32, "·"), (256, "▸"), (257, "■"), (258, "♪"), (259, "♪"), (7, "□"), (200, "□")]
)
def test_a_token_has_a_name(index, name):
    assert byte_name(index) == name


def test_an_image_of_shares_with_a_label_in_each_cell():
    axes = Figure().subplots()
    shares = torch.tensor([[0.1, 0.9], [math.nan, 0.5]])
    image = cells(axes, shares, [["a", "b"], ["", "d"]])
    drawn = torch.tensor(image.get_array().filled(math.nan))
    torch.testing.assert_close(drawn, shares, equal_nan=True)
    assert image.get_clim() == (0, 1)
    placed = {text.get_text(): (text.get_position(), text.get_color()) for text in axes.texts}
    assert placed["b"] == ((1, 0), "black") and placed["a"] == ((0, 0), "white") and placed["d"] == ((1, 1), "white")
    assert placed[""] == ((0, 1), "black")
