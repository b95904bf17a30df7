"""Right and wrong are drawn as they are."""

import pytest
import torch
from figures import image, title

from omni_ref.audio import log_mel_spectrogram
from omni_ref.lab import plots


def bars(axes) -> list[list[float]]:
    return [[bar.get_height() for bar in group] for group in axes.containers]


def test_each_row_of_letters_is_a_model():
    rows = {"right": torch.rand(4), "wrong": torch.rand(4)}
    axes = plots.faults.letters(rows, "a bc", "title").axes[0]
    torch.testing.assert_close(image(axes), torch.stack(list(rows.values())))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "·", "b", "c"]
    assert title(axes) == "title" and axes.get_xlabel()


def test_matrices_share_one_scale_of_colours():
    panels = {"one": torch.rand(3, 5), "other": 2 * torch.rand(3, 5)}
    *all_axes, colours = plots.faults.matrices(panels, "x", "y", "cosine").axes
    everything = torch.stack(list(panels.values()))
    for axes, panel in zip(all_axes, panels.values(), strict=True):
        torch.testing.assert_close(image(axes), panel)
        assert axes.images[0].get_clim() == (float(everything.min()), float(everything.max()))
    assert (all_axes[1].get_xlabel(), all_axes[0].get_ylabel(), colours.get_ylabel()) == ("x", "y", "cosine")


def test_a_mask_has_its_queries_where_they_are_in_the_text():
    mask = torch.ones(3, 7, dtype=torch.bool).tril(4)
    axes = plots.faults.masks({"mask": mask}, past=4).axes[0]
    assert axes.collections[0].get_array().reshape(3, 7).tolist() == mask.float().tolist()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4", "5", "6"]
    assert set(axes.lines[0].get_xdata()) == {4}
    assert axes.get_xlabel() and axes.get_ylabel() == "query"


def test_distances_are_bars_side_by_side():
    rows = {"one": torch.rand(5), "other": torch.rand(5)}
    axes = plots.faults.distances(rows, "title").axes[0]
    assert bars(axes) == [pytest.approx(row.tolist()) for row in rows.values()]
    assert axes.get_xlabel() == "positions back" and axes.get_ylabel()


def test_the_difference_of_two_sounds_is_in_decibels(tiny):
    config = tiny.aut_encoder
    right = 0.1 * torch.randn(3200)
    quiet = right / 10
    one, other, apart, colours = plots.faults.speech_difference(right, quiet, config, ("right", "quiet")).axes
    assert one.images[0].get_clim() == other.images[0].get_clim()
    expected = 40 * (log_mel_spectrogram(torch.stack([right, quiet]), config).diff(dim=0)[0]).abs()
    torch.testing.assert_close(image(apart), expected)
    assert image(apart).median() == pytest.approx(20, abs=0.1)  # a tenth of the amplitude
    assert "20.0 dB" in title(apart) and colours.get_ylabel() == "dB"


def test_an_arrow_shows_the_shift():
    late = torch.rand(400)
    late[300] = 2
    early = torch.cat([late[160:], torch.zeros(160)])
    upper, lower = plots.faults.shifted({"late": late, "early": early}, 16000, 160).axes
    assert upper.lines[0].get_ydata().tolist() == late.tolist()
    assert lower.lines[0].get_ydata().tolist() == early.tolist()
    assert [line.get_xdata()[0] for line in lower.lines[1:]] == pytest.approx([300 / 16, 140 / 16])
    assert "10.0 ms early" in [text.get_text() for text in lower.texts]


def test_the_error_is_drawn_where_it_is():
    offline = torch.rand(1640)
    pieces = offline.clone()
    pieces[805] += 0.1
    sound, apart = plots.faults.borders(offline, pieces, 500, 16000, "title").axes
    decibels = apart.lines[0].get_ydata()
    assert decibels[10] == pytest.approx(-20, abs=0.1)
    assert {value for place, value in enumerate(decibels) if place != 10} == {plots.faults.FLOOR}
    starts = [float(segment[0, 0]) for segment in apart.collections[0].get_segments()]
    assert starts == pytest.approx([500 / 16000, 1000 / 16000, 1500 / 16000])
    upper = sound.collections[0].get_paths()[0].vertices[:, 1].max()
    assert upper == pytest.approx(float(offline[:1600].max())) and apart.get_ylabel() == "dB of full scale"
