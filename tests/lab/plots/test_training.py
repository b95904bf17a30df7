"""Pictures of training show the numbers of the run."""

import pytest
from figures import title

from omni_ref.lab.curves import LOAD, Ablation, Curve
from omni_ref.lab.plots import training

LOG = {"step": [5.0, 10.0, 15.0], "text": [4.0, 2.0, 1.0], "right": [0.0, 0.25, 0.5]}


def test_what_learns_has_a_mark_for_each_stage_and_part():
    moved = {"reading": {"ears": "", "head": "gradient"}, "codec": {"ears": "average", "head": ""}}
    axes = training.what_learns(moved).axes[0]
    marks = {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axes.lines}
    assert marks == {"by gradient": [(1, 0)], "by moving average": [(0, 1)], "not at all": [(0, 0), (1, 1)]}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["reading", "codec"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["ears", "head"]


def test_a_kind_of_change_that_does_not_occur_is_left_out():
    axes = training.what_learns({"reading": {"head": "gradient"}}).axes[0]
    assert [line.get_label() for line in axes.lines] == ["by gradient"]


def test_live_losses_draw_the_log_from_zero():
    text, right = training.live_losses(LOG, {"text": "nats", "right": "share"}).axes
    assert list(text.lines[0].get_xdata()) == LOG["step"] and list(text.lines[0].get_ydata()) == LOG["text"]
    assert list(right.lines[0].get_ydata()) == LOG["right"]
    assert (text.get_xlabel(), text.get_ylabel(), right.get_ylabel()) == ("step", "nats", "share")
    assert text.get_ylim()[0] == 0 and text.get_ylim()[1] > 4


@pytest.mark.parametrize("height", [0.5, 5.5])
def test_a_level_is_named_and_within_the_picture(height):
    (axes,) = training.live_losses(LOG, {"text": "nats"}, {"text": (height, "knowing nothing")}).axes
    assert set(axes.lines[1].get_ydata()) == {height} and height < axes.get_ylim()[1]
    assert [text.get_text() for text in axes.texts] == ["knowing nothing"]


def test_notes_stand_beside_the_curve_line_by_line():
    _, beside = training.live_losses(LOG, {"text": "nats"}, notes=["what?\n→ ten", "who?\n→ \x00\x1b"]).axes
    assert beside.texts[0].get_text() == "what?\n→ ten\nwho?\n→ ··" and not beside.axison


def test_curves_of_a_run_in_the_order_of_what_needs_what():
    curves = {
        "codec": Curve([10, 20], [60.0, 120.0], [4.0, 1.0], [None, None]),
        "reading": Curve([50, 100], [30.0, 60.0], [5.0, 0.5], [None, 0.75]),
    }
    figure = training.training_curves(curves)
    reading, codec, *rest = figure.axes
    assert title(reading) == "reading: 100 steps, 1 min"
    assert title(codec) == "codec: 20 steps, 2 min"
    assert list(reading.lines[0].get_ydata()) == [5.0, 0.5] and list(codec.lines[0].get_ydata()) == [4.0, 1.0]
    assert (reading.get_xlabel(), reading.get_ylabel()) == ("step", "text, nats a byte")
    (share,) = [axes for axes in rest if axes.get_ylabel() == "share of rows right"]
    assert list(share.lines[0].get_xdata()) == [100] and list(share.lines[0].get_ydata()) == [0.75]


def test_an_ablation_is_a_line_in_each_panel_of_its_measures():
    found = [
        Ablation("speaking without delay", {"sentences read right, %": 40.0}, {"sentences read right, %": 3.0}),
        Ablation("reading without balance", {LOAD: 1.5}, {LOAD: 3.75}),
        Ablation("speaking by heart", {"sentences read right, %": 40.0}, {"sentences read right, %": 0.0}),
    ]
    sentences, load = training.left_out(found).axes
    assert (sentences.get_xlabel(), load.get_xlabel()) == ("sentences read right, %", LOAD)
    ends = [line.get_xdata()[0] for line in sentences.lines if len(line.get_xdata()) == 1]
    assert ends == [40, 3, 40, 0] and list(load.lines[0].get_xdata()) == [1.5, 3.75]
    assert [tick.get_text() for tick in sentences.get_yticklabels()] == [found[0].what, found[2].what]
    assert sentences.get_xlim()[0] < 0 and sentences.get_xlim()[1] == 100 and load.get_xlim()[1] > 3.75


def test_no_ablation_yet_is_said():
    figure = training.left_out([])
    assert not figure.axes and "yet" in figure.texts[0].get_text()
