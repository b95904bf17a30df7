"""The pictures of vector quantization show the numbers that they are given."""

from itertools import pairwise

import pytest
import torch
from figures import image, labels, title

from omni_ref.lab.plots import quantizer

POINTS = torch.tensor([[0.0, 0], [1, 0], [2, 2]])
CODEBOOK = torch.tensor([[0.5, 0], [2, 3], [9, 9]])
CODES = torch.tensor([0, 0, 1])


def drawn(axes):
    return {line.get_label(): torch.tensor(line.get_xydata()).float() for line in axes.lines}


@pytest.mark.parametrize("picture", [quantizer.codebook_map, quantizer.assignment])
def test_vectors_are_tied_to_their_codes(picture):
    axes = picture(points=POINTS, codebook=CODEBOOK, codes=CODES, title="a title").axes[0]
    lines = drawn(axes)
    torch.testing.assert_close(lines["vectors"], POINTS)
    torch.testing.assert_close(lines["codes that are chosen"], CODEBOOK[:2])
    torch.testing.assert_close(lines["codes that are not"], CODEBOOK[2:])
    ties = torch.tensor([segment.tolist() for segment in axes.collections[0].get_segments()])
    torch.testing.assert_close(ties, torch.stack([POINTS, CODEBOOK[CODES]], dim=1))
    assert title(axes) == "a title" and all(labels(axes))


def test_each_decay_has_its_curve():
    places = {"slow": [0.1, 0.2], "middle": [0.3, 0.5], "fast": [0.9, 1.0]}
    axes = quantizer.followers(places).axes[0]
    for name, curve in places.items():
        torch.testing.assert_close(drawn(axes)[name][:, 1], torch.tensor(curve))
    assert labels(axes) == ("batches", "place of the code")


def test_the_staircase_and_its_claim():
    inputs, outputs, codebook = torch.linspace(-1, 1, 5), torch.tensor([-1.0, -1, 0, 1, 1]), torch.tensor([-1.0, 0, 1])
    axes = quantizer.staircase(inputs, outputs, codebook).axes[0]
    lines = drawn(axes)
    torch.testing.assert_close(lines["value"], torch.stack([inputs, outputs], dim=1))
    torch.testing.assert_close(lines["slope that the gradient claims"], torch.stack([inputs, inputs], dim=1))
    torch.testing.assert_close(lines["codes"][:, 0], codebook)
    assert all(labels(axes))


def test_arrows_point_where_each_goes():
    before, after = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.5])
    axes = quantizer.pulls(POINTS, 7 * (before - POINTS), before, after).axes[0]
    vectors, code = axes.collections
    directions = torch.tensor([list(vectors.U), list(vectors.V)]).T.float()
    torch.testing.assert_close(directions / directions.norm(dim=1).max(), -POINTS / POINTS.norm(dim=1).max())
    assert [float(code.U[0]), float(code.V[0])] == after.tolist()
    assert all(labels(axes))


def test_collapse_says_which_training_and_how_many_codes():
    shares = {"alone": [0.5, 0.2], "re-seeded": [0.5, 0.9]}
    plane, curves = quantizer.collapse(POINTS, CODEBOOK, CODES, shares, "alone", 1).axes
    assert title(plane) == "alone, batch 1: 2 of 3 codes are chosen"
    assert [line.get_ydata().tolist() for line in curves.lines[:2]] == list(shares.values())
    assert curves.lines[2].get_xdata() == [1, 1]
    assert labels(curves) == ("batch", "share of codes in use")


def test_shares_in_the_order_of_their_rank():
    axes = quantizer.ranked_shares({"one": torch.tensor([1.0, 3, 0]), "two": torch.tensor([2, 2, 4])}).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.75, 0.25]
    assert axes.lines[1].get_ydata().tolist() == [0.5, 0.25, 0.25]
    assert axes.lines[0].get_label() == "one: 2 codes"
    assert axes.lines[2].get_ydata()[0] == pytest.approx(1 / 3)


def test_bars_are_as_long_as_the_numbers():
    rates = {"tokens": 225.0, "waveform": 256000.0}
    axes = quantizer.rate_bars(rates, "tokens").axes[0]
    assert [bar.get_width() for bar in axes.patches] == list(rates.values())
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    assert [text.get_text() for text in axes.texts] == ["225", "256,000"] and axes.get_xlabel() == "bits a second"
    axes = quantizer.kept_bars({"quieter": 0.5, "later": 0.25}).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.25]
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.25"] and axes.get_xlabel()


def test_groups_of_spectra_are_named_over_their_columns():
    spectra = torch.randn(5, 4)
    axes = quantizer.token_spectra(spectra, {"voice": 3, "hiss": 2}).axes[0]
    torch.testing.assert_close(image(axes), spectra.T)
    assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("voice (3)", 1.0), ("hiss (2)", 3.5)]
    assert labels(axes) == ("audio tokens, sorted", "mel filter")


def test_the_places_of_a_token_stand_side_by_side():
    patches = torch.randn(3, 4, 5)
    axes = quantizer.token_in_places(patches, "token 7").axes[0]
    extents = [picture.get_extent() for picture in axes.images]
    assert all(one[1] < two[0] for one, two in pairwise(extents))
    for picture, patch in zip(axes.images, patches, strict=True):
        torch.testing.assert_close(torch.tensor(picture.get_array().data), patch)
    assert title(axes) == "token 7" and all(labels(axes))


def test_strips_colour_what_words_share():
    rows = {"six": torch.tensor([1, 2]), "sixty": torch.tensor([1, 3, 4])}
    shared = {"six": ["beginning", ""], "sixty": ["beginning", "ending", "both"]}
    axes = quantizer.token_strips(rows, shared, 25).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1", "2", "1", "3", "4"]
    first, plain, again, ending, both = (patch.get_facecolor()[:3] for patch in axes.patches[:5])
    assert first == again and len({first, plain, ending, both}) == 4
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["six", "sixty"] and axes.get_xlabel() == "s"
