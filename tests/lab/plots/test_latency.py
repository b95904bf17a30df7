"""The pictures of time hold the numbers they are given, and their axes say what they are."""

import pytest
from figures import title
from matplotlib.colors import to_rgba

from omni_ref.lab.plots import latency as plots
from omni_ref.lab.plots.style import ANSWER, QUESTION

SPANS = [("mel", 0, 2), ("Thinker", 2, 5), ("Talker", 5, 6), ("Thinker", 6, 8)]


def edges(bars):
    return [tuple(path.get_extents().intervalx) for path in bars.get_paths()]


def test_a_row_for_each_part_that_ran():
    axes, other = plots.gantt({"here": SPANS, "there": SPANS[:2]}, "ticks", {"first sound": 6}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["mel", "Thinker", "Talker"]
    mel, thinker, talker = axes.collections
    assert (edges(mel), edges(thinker), edges(talker)) == ([(0, 2)], [(2, 5), (6, 8)], [(5, 6)])
    assert axes.lines[0].get_xdata() == [6, 6] and axes.get_legend() is not None
    assert other.get_xlabel() == "ticks since the question ended"
    assert plots.gantt({"here": SPANS}, "ticks").axes[0].get_legend() is None


def test_bars_add_up_and_large_ones_say_how_long():
    figure = plots.stacked({"a": {"Thinker": 60.0, "Talker": 40.0}, "b": {"Code2Wav": 1.0}}, "ms", ("limit", 90))
    (axes,) = figure.axes
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches if bar.get_width()]
    assert bars == [(0, 60), (60, 40), (0, 1)]
    assert [text.get_text() for text in axes.texts] == ["60", "40"]
    assert axes.lines[0].get_xdata() == [90, 90] and axes.get_xlabel() == "ms"
    assert not plots.stacked({"a": {"Talker": 1.0}}, "ms").axes[0].lines


def test_a_player_that_runs_dry_waits():
    whole, closer = plots.playback([0.1, 0.5], [0.2, 0.2], 0.1, "title").axes
    arrived, played = whole.lines
    assert list(arrived.get_xdata()) == pytest.approx([0, 100, 500, 700])
    assert list(arrived.get_ydata()) == pytest.approx([0, 200, 400, 400])
    assert list(played.get_xdata()) == pytest.approx([0, 100, 300, 500, 700])
    assert list(played.get_ydata()) == pytest.approx([0, 0, 200, 200, 400])
    (dry,) = whole.patches
    assert (dry.get_x(), dry.get_width()) == pytest.approx((300, 200))
    named = {text.get_text() for text in whole.get_legend().get_texts()}
    assert named == {"has come", "has been played", "has run dry"}
    assert not plots.playback([0.1, 0.2], [0.2, 0.2], 0.1, "title").axes[0].patches, "nothing is missing"
    assert closer.get_xlabel() == "ms since the question ended" and whole.get_ylabel() == "ms of sound"


def test_growth_is_stacked():
    (axes,) = plots.growth([1.0, 2.0], {"AuT": [1, 3], "Thinker": [2, 4]}, "MFLOPs").axes
    tops = [max(path.vertices[:, 1].max() for path in area.get_paths()) for area in axes.collections]
    assert tops == [3, 7] and axes.get_ylabel() == "MFLOPs"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Thinker", "AuT"], "as they lie"


def test_the_step_that_completes_frame_0():
    patterns = {"Parallel": [[0, 1], [0, 1]], "Delayed": [[0, 1, None], [None, 0, 1]]}
    parallel, delayed = plots.codebook_patterns(patterns).axes
    assert "after 1 step" in title(parallel) and "after 2 steps" in title(delayed)
    assert [text.get_text() for text in delayed.texts] == ["0", "1", "0", "1"]
    coloured = [bar.get_x() for bar in delayed.patches if bar.get_facecolor() == to_rgba(ANSWER)]
    assert coloured == pytest.approx([0.05, 1.05]) and delayed.lines[0].get_xdata() == [2, 2]


def test_cost_and_waiting_by_the_size_of_a_piece():
    work, waiting = plots.piece_sizes([1, 5], [10.0, 2.0], [3.0, 15.0], ("ms a frame", "ms a piece")).axes
    assert list(work.lines[0].get_ydata()) == [10, 2] and list(waiting.lines[0].get_ydata()) == [3, 15]
    assert (work.get_ylabel(), waiting.get_ylabel()) == ("ms a frame", "ms a piece")
    assert [label.get_text() for label in work.get_xticklabels()] == ["1", "5"]
    assert list(work.lines[0].get_xdata()) == [1, 5] and work.get_xscale() == "log"


def test_letters_above_the_frames_that_come_out():
    (axes,) = plots.steps_and_pieces("ab", [1, 5], 3).axes
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert [edges(bars) for bars in axes.collections] == [[(2.5, 3.5)], [(3.5, 8.5)]]
    assert [to_rgba(bars.get_facecolor()[0]) for bars in axes.collections] == [to_rgba(ANSWER), to_rgba(QUESTION)]
    assert axes.get_xlabel() == "Talker step"
