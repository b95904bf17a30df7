"""The pictures of codes and sound hold the numbers they are given, and their axes say what they are."""

import pytest
import torch
from figures import image, title
from matplotlib.colors import to_rgba

from omni_ref.lab.plots import code2wav as plots
from omni_ref.lab.plots.style import QUESTION


def y(axes, line=0):
    return torch.tensor(axes.lines[line].get_ydata())


def heights(axes):
    return torch.tensor([bar.get_height() for bar in axes.patches])


def close(drawn, given):
    torch.testing.assert_close(drawn.double(), given.double())


CODES = torch.arange(20).reshape(5, 4) % 7


def test_codes_and_their_sound():
    waveform = torch.randn(50)
    grid, sound = plots.codes_and_sound(CODES, waveform, 10, 7).axes
    close(image(grid), CODES.T)
    colours = grid.images[0].cmap(range(7))
    assert len({tuple(colour) for colour in colours}) == 7, "each code has a colour,"
    brightness = torch.tensor(colours[:, :3].sum(axis=1))
    assert not (brightness.diff() > 0).all(), "and more is not brighter"
    close(y(sound), waveform)
    assert sound.get_xlim() == (0, 5) and sound.get_xlabel() == "s"
    assert grid.get_ylabel() == "codebook" and sound.get_ylabel() == "sample"


def test_the_nearest_code_of_each_codebook_is_the_one_marked():
    panels = torch.tensor([[[0.0, 1.0], [3.0, 0.5], [4.0, 4.0]], [[0.4, 0.1], [-1.0, 0.0], [0.0, 2.0]]])
    left = torch.tensor([[3.0, 9.0], [0.5, 8.0], [0.1, 7.0]])
    first, second, rest = plots.residual_search(panels, left, frame=0).axes
    close(torch.stack([torch.tensor(line) for line in first.lines[0].get_data()], dim=1), panels[0])
    assert first.lines[1].get_xdata() == [3.0] and second.lines[1].get_xdata() == [0.5]
    assert first.lines[2].get_xydata().tolist() == [[3.0, 0.5]]
    assert second.lines[2].get_xydata()[0] == pytest.approx([0.4, 0.1])
    assert first.patches[0].width == pytest.approx(1.0), "the arc goes through the nearest code"
    close(y(rest, 0), left.mean(dim=1))
    close(y(rest, 1), left[:, 0])
    assert rest.collections[0].get_paths()[0].get_extents().intervaly.tolist() == pytest.approx([0.1, 9])
    assert rest.get_ylabel() == "length of the residual" and rest.get_xlabel() == "codebooks used"


def test_what_is_missing_is_measured_from_all_codebooks():
    mels = [torch.full((8, 12), value) for value in (0.5, 0.75, 1.0)]
    figure = plots.codebooks_come_in(mels, 2.0, (0.5, 1.0))
    titles = {title(axes): axes for axes in figure.axes if axes.images}
    close(image(titles["From 1 of 3 codebooks"]), mels[0])
    close(image(titles["From 3 of 3 codebooks"]), mels[2])
    close(image(titles["Missing from 1: 0.500"]), mels[2] - mels[0])
    close(image(titles["Missing from 2: 0.250"]), mels[2] - mels[1])
    assert all(axes.get_xlim() == (0.5, 1.0) for axes in titles.values())


def test_every_channel_is_there_scaled_and_the_sound_below():
    signals, sound = {"a": torch.randn(6, 10), "b": torch.randn(3, 20)}, torch.randn(40)
    first, second, last, bar = plots.feature_maps(signals, sound, 100).axes
    scaled = (signals["a"] - signals["a"].mean(1, keepdim=True)) / signals["a"].std(1, keepdim=True)
    close(image(first).sum(0), scaled.sum(0))
    assert image(second).shape == (3, 20) and title(second) == "b, 3 channels"
    close(y(last), sound)
    assert last.get_xlim() == (0, 100) and last.get_xlabel() == "ms" and bar.get_ylabel() == "standard deviations"


def test_signals_beside_their_spectra():
    few, many, decibels = torch.randn(5), torch.randn(60), -torch.rand(9) * 50
    figure = plots.signals_and_spectra({"few": (few, decibels), "many": (many, decibels + 60)}, [100, 400], 50, (30,))
    short, low, long, high = figure.axes
    close(y(short), few)
    close(y(long), many)
    assert short.lines[0].get_marker() == "o" and long.lines[0].get_marker() in (None, "None")
    close(y(low, 1), decibels)
    assert low.lines[1].get_xdata()[-1] == 50 and high.lines[1].get_xdata()[-1] == 200
    assert low.lines[0].get_xdata() == [30, 30], "the mark"
    assert title(low) == "0 to 50 Hz; dotted: images"
    assert high.get_ylim()[1] > 0 and high.get_xlabel() == "Hz" and long.get_xlabel() == "ms"
    assert plots.signals_and_spectra({"few": (few, decibels)}, [100], 50, highest=20).axes[1].get_xlim() == (0, 20)


def test_copies_and_their_sum():
    inputs, kernel = torch.tensor([1.0, -2.0, 3.0]), torch.randn(4)
    copies, summed = plots.overlap_add(inputs, kernel, 2).axes
    total = torch.nn.functional.conv_transpose1d(inputs[None, None], kernel[None, None], stride=2)[0, 0]
    for t in range(3):
        close(y(copies, t), inputs[t] * kernel)
        assert list(copies.lines[t].get_xdata()) == list(range(2 * t, 2 * t + 4))
    close(heights(summed), total)
    assert summed.patches[5].get_facecolor() != summed.patches[6].get_facecolor(), "the last two are trimmed"


def test_impulses_around_the_frame():
    response = torch.zeros(5000)
    response[3200:3300] = 2
    first, second = plots.impulses({"right": response, "wrong": response.roll(-50)}, 10, 320).axes
    close(y(first), response / 2)
    close(y(second), response.roll(-50) / 2)
    assert first.patches[0].get_x() == 3200 and second.get_xlabel() == "sample"


def test_reach_after_each_layer_and_in_the_sound():
    difference = torch.zeros(200)
    difference[100:130] = 0.1
    bars, sound = plots.reach(difference, 10, {"×2": 1.5, "last": 3.0}, 10).axes
    assert [bar.get_width() for bar in bars.patches] == [1.5, 3.0] and bars.patches[0].get_x() == 10
    close(y(sound), difference[80:180].clamp(min=1e-9))
    assert sound.get_yscale() == "log" and sound.get_xlabel() == "frame"


def test_a_seam_and_how_far_it_is_off():
    offline = torch.randn(40)
    broken, whole = plots.seams(offline, {"Dropped": offline + 0.25, "Kept": offline}, 10, 1000).axes
    assert title(broken) == "Dropped: off by 0.25 at most"
    assert title(whole) == "Kept: off by less than 1e-5"
    close(y(broken, 1), offline)
    close(y(broken, 2), offline + 0.25)
    assert whole.lines[1].get_xdata()[10] == 0, "the border is at 0 ms"


def test_coverage_tells_kept_from_trimmed():
    reached, copy = torch.tensor([1.0, 1, 2, 2, 1, 1]), torch.tensor([0.0, 0, 1, 1, 1, 1])
    counts, one = plots.coverage(reached, copy, 2, (0, 2), 4).axes
    bars, bar = counts.collections[0], one.collections[0]
    close(torch.tensor([segment[1][1] for segment in bars.get_segments()]), reached)
    assert "4 samples are kept (blue), 4 are wanted" in title(counts)
    assert [tuple(colour) == to_rgba(QUESTION) for colour in bars.get_colors()] == [True] * 4 + [False] * 2
    close(torch.tensor([segment[1][1] for segment in bar.get_segments()]), copy)
    assert one.patches[0].get_x() == 3.5, "the block of input 2 at stride 2"
