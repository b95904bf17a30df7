"""The pictures of the Thinker show the numbers that they are given."""

import pytest
import torch
from figures import image, labels, ticks, title

from omni_ref.lab.plots import thinker

READ = ["▸", "o", "n"]


def heights(axes):
    return {bars.get_label(): torch.tensor([bar.get_height() for bar in bars]).float() for bars in axes.containers}


def test_a_prompt_names_every_position_and_its_kind():
    similarity = torch.tensor([1.0, 0.9, 0.8, 0.2, 0.3, 0.7])
    figure = thinker.prompt_strip([256, 97, 258], torch.tensor([97, 300]), [259], similarity)
    strip, bars = figure.axes
    names = [text.get_text() for text in strip.texts]
    assert names == ["<|im_start|>", "a", "<|audio_start|>", "97", "300", "<|audio_end|>"]
    for name, places in {"byte": [1], "special token": [0, 2, 5], "audio token": [3, 4]}.items():
        torch.testing.assert_close(heights(bars)[name], similarity[places])
    assert all(labels(bars))


def test_both_halves_of_each_layer_have_their_bar():
    halves = {"attention": torch.tensor([2.0, 0.5]), "MLP": torch.tensor([1.0, 0.25])}
    axes = thinker.residual_additions(halves, ["0: dense", "1: experts"]).axes[0]
    for name, share in halves.items():
        torch.testing.assert_close(heights(axes)[name], share)
    assert ticks(axes, "x") == ["0: dense", "1: experts"] and all(labels(axes))


def test_two_heads_say_two_things_of_a_position():
    axes = thinker.two_heads(READ, ["o", "n", "e"], ["", "15", "14"]).axes[0]
    assert [text.get_text() for text in axes.texts] == [*READ, "o", "n", "e", "", "15", "14"]
    assert ticks(axes, "y")[1] == "lm_head: next"


def test_a_line_ends_the_prompt_among_the_keys():
    keys = torch.randn(4, 7)
    axes = thinker.cached_keys(keys, 5, "layer 0").axes[0]
    torch.testing.assert_close(image(axes), keys)
    assert axes.lines[0].get_xdata() == [4.5, 4.5] and all(labels(axes)) and "layer 0" in title(axes)


def test_marked_pairs_are_framed():
    values, marked = torch.rand(3, 3), torch.zeros(3, 3, dtype=torch.bool)
    marked[2, 1] = marked[0, 2] = True
    figure = thinker.operand_table(values, marked, "a title", "bits", "a mark")
    axes, bar = figure.axes
    torch.testing.assert_close(image(axes), values)
    assert {tuple(place) for place in axes.lines[0].get_xydata()} == {(1, 2), (2, 0)}  # x is the right operand
    assert labels(axes) == ("right operand", "left operand") and bar.get_ylabel() == "bits"
    assert figure.legends[0].get_texts()[0].get_text() == "a mark"


def test_the_likeliest_bytes_come_first():
    before, after = torch.zeros(260), torch.zeros(260)
    before[[97, 98, 257]] = torch.tensor([0.3, 0.6, 0.1])
    after[98] = 1
    axes = thinker.next_byte(before, after, "a title", count=3).axes[0]
    assert ticks(axes, "x") == ["b", "a", "■"]
    torch.testing.assert_close(heights(axes)["the model's"], torch.tensor([0.6, 0.3, 0.1]))
    torch.testing.assert_close(heights(axes)["drawn from"], torch.tensor([1.0, 0, 0]))
    assert all(labels(axes))


@pytest.mark.parametrize("name", ["logit_lens", "reply_heat"])
def test_every_state_has_a_row_and_every_byte_a_column(name):
    values, states = torch.rand(2, 3), ["embedding", "0: attention"]
    if name == "logit_lens":
        said = [["a", "b", "c"], ["d", "e", "f"]]
        axes = thinker.logit_lens(said, values, states, READ).axes[0]
        assert [text.get_text() for text in axes.texts] == list("abcdef")
    else:
        axes = thinker.reply_heat(values, states, READ, "cosine").axes[0]
    torch.testing.assert_close(image(axes), values)
    assert ticks(axes, "y") == states and ticks(axes, "x") == READ
    assert all(labels(axes)) and axes.figure.axes[1].get_ylabel()


def test_shares_of_attention_lie_one_over_the_other():
    shares = {"a": torch.tensor([0.2, 0.5, 0.1]), "b": torch.tensor([0.8, 0.5, 0.9])}
    figure = thinker.attention_shares({"heard": shares, "typed": shares}, READ)
    assert [title(axes) for axes in figure.axes] == ["heard", "typed"]
    for axes in figure.axes:
        lower, upper = axes.containers
        torch.testing.assert_close(heights(axes)["a"], shares["a"])
        assert [bar.get_y() for bar in upper] == [bar.get_height() for bar in lower]
        assert all(axes.get_ylabel() for axes in figure.axes)
    assert ticks(figure.axes[-1], "x") == READ
