"""The pictures of the Talker show the numbers that they are given."""

import pytest
import torch
from figures import image, labels, ticks, title
from matplotlib.colors import to_hex

from omni_ref import audio
from omni_ref.lab.plots import talker
from omni_ref.lab.plots.style import ANSWER, QUESTION
from omni_ref.talker import delay_codes


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.fixture
def config(tiny):
    return tiny.talker


@pytest.fixture
def steps(config):
    codes = torch.arange(5 * config.num_codebooks).view(1, 5, -1)
    return delay_codes(codes, config.begin_id, config.end_id)[0]


def test_a_frame_has_one_shade_on_a_diagonal(config, steps):
    axes = talker.delay_grid(steps, config).axes[0]
    shades = image(axes)
    for k in range(1, config.num_codebooks):
        torch.testing.assert_close(shades[k, k : k + 5], shades[0, :5])
    assert shades[0, :5].unique().numel() == 5 and shades[0, 5:].isnan().all()
    words = [talker.code_name(code, config) for code in steps.T.flatten().tolist()]
    assert texts(axes) == words and {"beg", "end", "0"} <= set(words)
    assert all(labels(axes))


def test_what_the_delay_buys_is_framed():
    lost = torch.tensor([[0.1, 0.2, 0.3], [2.0, 0.4, 0.5], [0.6, 1.0, 0.7]])
    axes = talker.codebook_influence(lost).axes[0]
    torch.testing.assert_close(image(axes), lost / 2)
    assert texts(axes)[:4] == ["0.10", "0.20", "0.30", "2.00"]
    corners = {(round(frame.get_x()), round(frame.get_y())) for frame in axes.patches}
    assert corners == {(0, 1), (1, 2)}  # the columns before the rows: codebook k - 1 helps codebook k
    assert all(labels(axes))


def test_the_end_of_each_codebook_is_a_curve():
    ends = torch.rand(6, 3)
    axes = talker.end_probabilities(ends, 2).axes[0]
    for k, line in enumerate(axes.lines):
        torch.testing.assert_close(torch.tensor(line.get_ydata()).float(), ends[2:, k])
        assert list(line.get_xdata()) == [2, 3, 4, 5] and line.get_label() == f"codebook {k}"
    assert all(labels(axes))


def test_lengths_are_dots_over_the_line_of_the_text():
    axes = talker.lengths_of_speech([10, 20], [40, 55]).axes[0]
    dots, line = axes.lines
    assert dots.get_xydata().tolist() == [[10, 40], [20, 55]]
    assert line.get_xydata().tolist() == [[0, 0], [20, 20]]
    assert all(labels(axes))


def test_maps_over_steps():
    moved, shares = torch.rand(2, 9), torch.rand(9, 3)
    axes = talker.removed_words(moved, ["one", "is"]).axes[0]
    torch.testing.assert_close(image(axes), moved)
    assert ticks(axes, "y") == ["one", "is"] and all(labels(axes))
    axes = talker.alignment(shares, ["o", "n", "e"], "a title").axes[0]
    torch.testing.assert_close(image(axes), shares.T)
    assert ticks(axes, "y") == ["o", "n", "e"] and all(labels(axes))
    assert axes.lines[0].get_xydata().tolist() == [[0, 0], [1, 1], [2, 2]]
    axes = talker.codebook_entropy(shares).axes[0]
    torch.testing.assert_close(image(axes), shares.T)
    assert all(labels(axes))


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_shows_what_goes_in_and_comes_out(config, steps, step):
    books = config.num_codebooks
    looks, message = torch.tensor([0.1, 0.3, 0.2]), torch.tensor([7, 8, 9])
    grid, bars = talker.talker_step(step, list("one"), message, steps, looks, config).axes
    assert f"step {step}" in title(grid)
    done = "no frame is" if step < books - 1 else f"frame {step - books + 1} is"
    assert f"{done} complete" in title(grid)
    told = ["o  7", "n  8", "e  9", "pad", "pad"]
    assert [name for name in texts(grid) if not name.isdigit() and name not in ("beg", "end")] == told[: step + 1]
    filled = [patch for patch in grid.patches if patch.get_fill()]
    goes_in = [patch for patch in filled if to_hex(patch.get_facecolor()) == QUESTION.lower()]
    comes_out = [patch for patch in filled if to_hex(patch.get_facecolor()) == ANSWER.lower()]
    assert len(goes_in) == 1 + (books if step else 0) and len(comes_out) == books
    assert {round(patch.get_x()) for patch in comes_out} == {step}
    framed = [(round(patch.get_x()), round(patch.get_y())) for patch in grid.patches if not patch.get_fill()]
    assert framed == [(step - books + 1 + k, 1 + k) for k in range(books) if step >= books - 1]
    tops = [segment[1][1] for segment in bars.collections[0].get_segments()]
    torch.testing.assert_close(torch.tensor(tops).float(), looks)
    assert "".join(texts(bars)) == "one"
    assert all(labels(bars)) and grid.get_xlabel()


def test_the_table_holds_tokens_and_how_often():
    times = torch.tensor([[100.0, 10], [1, 0]])
    figure = talker.token_table([["5", "33"], ["6", ""]], times, ["e", "f"], ["0", "0."])
    axes, bar = figure.axes
    torch.testing.assert_close(image(axes), torch.tensor([[1, 0.5], [0, float("nan")]]), equal_nan=True)
    assert texts(axes) == ["5", "33", "6", ""]
    assert ticks(bar, "y") == ["1", "10", "100"] and bar.get_ylabel() == "times"
    assert all(labels(axes))


def test_likeness_is_ordered_by_words():
    cosine = torch.rand(5, 5)
    axes = talker.token_similarity(cosine, [0, 0, 0, 1, 1], list("onexy")).axes[0]
    torch.testing.assert_close(image(axes), cosine)
    assert [line.get_xdata()[0] for line in axes.lines[::2]] == [2.5]
    assert ticks(axes, "x") == ["0", "1"] and all(labels(axes)) and texts(axes) == list("onexy")


def test_a_word_heard_as_another_is_off_the_diagonal():
    axes = talker.heard_words(["one", "two", "six"], ["one", "six", "sixty"]).axes[0]
    assert ticks(axes, "x") == ["one", "two", "six", "sixty"]
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[0, 0]], [[2, 1]], [[3, 2]]]
    assert [line.get_color() for line in axes.lines] == [QUESTION, ANSWER, ANSWER]
    assert all(labels(axes))


def test_sounds_share_one_scale_of_time(tiny):
    config = tiny.aut_encoder
    rows = {"long": 0.1 * torch.randn(config.sample_rate), "short": 0.1 * torch.randn(config.sample_rate // 2)}
    *panels, bar = talker.compared_speech(rows, config).axes
    assert bar.get_ylabel() == "log-mel" and panels[0].images[0].get_clim() == panels[1].images[0].get_clim()
    for axes, (name, waveform) in zip(panels, rows.items(), strict=True):
        torch.testing.assert_close(image(axes), audio.log_mel_spectrogram(waveform[None], config)[0])
        assert title(axes) == name and axes.get_xlim() == (0, 1)
        assert axes.images[0].get_extent()[1] == len(waveform) / config.sample_rate
        assert axes.get_ylabel()
    assert panels[-1].get_xlabel() == "seconds"


def test_differences_are_curves_with_marks():
    curves = {"one": torch.tensor([0.0, 0.2, 0.1]), "two": torch.tensor([0.3, 0.4, 0.5])}
    axes = talker.differences(curves, 100, {"now": 0.01, "soon": 0.02}).axes[0]
    for line, (name, curve) in zip(axes.lines, curves.items(), strict=False):
        torch.testing.assert_close(torch.tensor(line.get_ydata()).float(), curve)
        assert line.get_label() == name and list(line.get_xdata()) == [0, 0.01, 0.02]
    assert [line.get_xdata() for line in axes.lines[2:]] == [[0.01, 0.01], [0.02, 0.02]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two", "now", "soon"]
    assert all(labels(axes))
