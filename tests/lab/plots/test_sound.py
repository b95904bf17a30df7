"""The pictures of sound show the samples, spectra and filters that they are given."""

import numpy as np
import pytest
import torch
from figures import image, title

from omni_ref.lab.plots import sound


def drawn(line) -> torch.Tensor:
    return torch.tensor(np.asarray(line.get_ydata(), dtype=np.float32))


@pytest.mark.parametrize(("unit", "end", "label"), [("s", 0.5, "seconds"), ("ms", 500, "milliseconds")])
def test_waveforms_share_one_scale_of_time(unit, end, label):
    rows = {"long": torch.randn(50), "short": torch.randn(20)}
    figure = sound.waveforms(rows, 100, unit)
    for axes, (name, samples) in zip(figure.axes, rows.items(), strict=True):
        torch.testing.assert_close(drawn(axes.lines[0]), samples)
        assert title(axes) == name and axes.get_ylabel() == "sample"
        assert axes.lines[0].get_xdata()[10] == pytest.approx(end * 10 / 50)
        assert axes.get_xlim() == (0, end)
    assert figure.axes[-1].get_xlabel() == label


def test_a_frame_and_its_spectrum_have_one_look():
    frames = {"one": torch.randn(16), "other": torch.randn(16)}
    spectra = {name: torch.fft.rfft(frame).abs() ** 2 for name, frame in frames.items()}
    left, right = sound.frame_and_spectrum(frames, spectra, 16).axes
    for name, in_time, in_frequency in zip(frames, left.lines, right.lines, strict=True):
        torch.testing.assert_close(drawn(in_time), frames[name])
        decibels = 10 * (spectra[name] / spectra[name].max()).log10()
        torch.testing.assert_close(drawn(in_frequency), decibels)
        assert in_frequency.get_xdata() == pytest.approx(range(9))
        assert in_time.get_color() == in_frequency.get_color() and in_frequency.get_label() == name
        assert in_time.get_linestyle() == in_frequency.get_linestyle()
    assert left.lines[0].get_linestyle() != left.lines[1].get_linestyle()
    assert (left.get_xlabel(), left.get_ylabel()) == ("milliseconds", "sample")
    assert (right.get_xlabel(), right.get_ylabel()) == ("Hz", "dB, peak = 0")


def test_compared_spectra_are_each_below_their_own_peak():
    powers = {"soft": torch.tensor([0.001, 0.1, 0.01]), "loud": torch.tensor([10.0, 0.1, 1.0])}
    axes = sound.compared_spectra(powers, 8000, 3000).axes[0]
    assert [line.get_label() for line in axes.lines] == list(powers)
    assert [line.get_ydata().round().tolist() for line in axes.lines] == [[-20, 0, -10], [0, -20, -10]]
    assert all(list(line.get_xdata()) == [0, 2000, 4000] for line in axes.lines) and axes.get_xlim() == (0, 3000)


def test_coarse_spectra_are_dots_on_the_dense_one():
    frame = torch.randn(8)
    powers = {size: torch.fft.rfft(frame, size).abs() ** 2 for size in (8, 10, 80)}
    axes = sound.sampled_spectrum(powers[80], {"8": powers[8], "10": powers[10]}, 80, 20).axes[0]
    curve, eight, ten = axes.lines
    decibels = 10 * (powers[80] / powers[80].max()).log10()
    torch.testing.assert_close(drawn(curve), decibels)
    assert curve.get_label() == "transform of 80"
    assert eight.get_linestyle() == ten.get_linestyle() == "None"
    assert eight.get_xdata() == pytest.approx([0, 10, 20, 30, 40]) and len(ten.get_xdata()) == 6
    torch.testing.assert_close(drawn(eight), 10 * (powers[8] / powers[8].max()).log10())
    assert axes.get_xlim() == (0, 20) and axes.get_xlabel() == "Hz" and "dB" in axes.get_ylabel()


def test_mel_scales_are_shares_of_their_ranges():
    hertz = torch.linspace(0, 4000, 5)
    axes = sound.mel_scales(hertz, {"one": hertz / 2, "other": hertz.sqrt()}).axes[0]
    torch.testing.assert_close(drawn(axes.lines[0]), torch.linspace(0, 1, 5))
    torch.testing.assert_close(drawn(axes.lines[1]), torch.linspace(0, 1, 5).sqrt())
    assert axes.get_xlabel() == "Hz" and "share" in axes.get_ylabel()


def test_one_filter_in_some_is_drawn_with_its_gains():
    banks = {"one": torch.rand(9, 5), "other": torch.rand(9, 5)}
    figure = sound.filter_bank(banks, 8000, every=4)
    for axes, (name, bank) in zip(figure.axes, banks.items(), strict=True):
        torch.testing.assert_close(torch.stack([drawn(line) for line in axes.lines]), bank[::4])
        assert axes.lines[0].get_xdata() == pytest.approx([0, 1000, 2000, 3000, 4000])
        assert title(axes) == name and axes.get_ylabel() == "gain, 1/Hz"
    assert figure.axes[-1].get_xlabel().startswith("Hz; drawn at the bins")


def test_a_filter_between_two_bins_is_black():
    edges = torch.tensor([0.0, 4, 8, 12, 16])  # bins at 0, 10, 20: the first filter, 0 to 8, has none
    figure = sound.low_filters({"scale": edges, "same": edges}, 10, 20)
    axes = figure.axes[0]
    bins, shapes = axes.lines[:3], axes.lines[3:]
    assert [line.get_xdata()[0] for line in bins] == [0, 10, 20]
    triangles, dots = shapes[0::2], shapes[1::2]
    assert [list(line.get_xdata()) for line in triangles] == [[0, 4, 8], [4, 8, 12], [8, 12, 16]]
    assert [list(line.get_xdata()) for line in dots] == [[], [10], [10]]
    assert [list(line.get_ydata()) for line in dots] == [[], [0.5], [0.5]]
    (black,) = axes.patches
    assert black.get_xy()[:3].tolist() == [[0, 0], [4, 1], [8, 0]]
    assert title(axes) == "scale" and axes.get_ylabel() and figure.axes[1].get_xlabel().startswith("Hz")


def test_spectrograms_show_their_values_over_time():
    rows = {"one": torch.randn(4, 6), "other": torch.randn(8, 3)}
    figure = sound.spectrograms(rows, 1.5, "dB")
    pictures = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    for axes, (name, values) in zip(pictures, rows.items(), strict=True):
        torch.testing.assert_close(image(axes), values)
        assert axes.images[0].get_extent() == [0, 1.5, 0, len(values)]
        assert title(axes) == name and axes.get_ylabel() == "mel filter"
    assert [axes.get_ylabel() for axes in figure.axes if axes not in pictures] == ["dB", "dB"]
    assert pictures[-1].get_xlabel() == "seconds"


def test_spectrograms_can_share_their_colours_and_differ_in_their_labels():
    rows = {"one": torch.tensor([[0.0, 1.0]]), "other": torch.tensor([[-2.0, 3.0]])}
    axes = sound.spectrograms(rows, 1.5, ["share", "log-mel"], one_scale=True).axes
    pictures = [each for each in axes if each.images]
    assert [each.images[0].get_clim() for each in pictures] == [(-2, 3), (-2, 3)]
    assert [each.get_ylabel() for each in axes if each not in pictures] == ["share", "log-mel"]


def test_rows_of_known_frequency_are_labelled_in_hertz():
    hertz = torch.linspace(0, 8000, 33)
    axes = sound.spectrograms({"one": torch.randn(33, 2)}, 1.0, hertz=[hertz]).axes[0]
    labels = {text.get_text(): row for text, row in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}
    assert labels == {"8,000": 32.5, "4,000": 16.5, "2,000": 8.5, "1,000": 4.5, "250": 1.5}
    assert axes.get_ylabel() == "Hz"
