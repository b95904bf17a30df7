"""How training went: what learns, losses that fall, and what is lost when something is left out."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..curves import MEASURES, Ablation, Curve
from .style import ANSWER, QUESTION, drawing

LOSSES = {
    "reading": "text, nats a byte",
    "hearing": "CTC, nats a letter",
    "listening": "text, heard + ½ typed",
    "codec": "spectral",
    "vocoder": "spectral",
    "speaking": "codes, nats a code",
    "message": "codes, nats a code",
}


def what_learns(moved: Mapping[str, Mapping[str, str]]) -> Figure:
    """Stages against parts: what moves each part in a step, "gradient", "average" or nothing."""
    parts = list(next(iter(moved.values())))
    looks = {
        "gradient": dict(marker="s", color=QUESTION, markersize=11, label="by gradient"),
        "average": dict(marker="D", color=ANSWER, markersize=9, fillstyle="none", label="by moving average"),
        "": dict(marker=".", color="#BBBBBB", markersize=5, label="not at all"),
    }
    with drawing(8, 0.34 * len(moved) + 1.5) as figure:
        axes = figure.subplots()
        for how, look in looks.items():
            places = [
                (x, y) for y, row in enumerate(moved.values()) for x, part in enumerate(parts) if row[part] == how
            ]
            if places:
                axes.plot(*zip(*places, strict=True), linestyle="", **look)
        axes.set_xticks(range(len(parts)), parts, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(moved)), list(moved))
        axes.set(xlim=(-0.5, len(parts) - 0.5), ylim=(len(moved) - 0.5, -0.5), ylabel="stage")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title="what moves it", labelspacing=1)
    return figure


def live_losses(
    log: Mapping[str, Sequence[float]],
    shown: Mapping[str, str],
    levels: Mapping[str, tuple[float, str]] | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Columns of a log against its steps, side by side.

    `shown` gives each its label. `levels`: a number to compare a column with, and its name. `notes`: lines of text
    beside the curves.
    """
    with drawing(8, 2.3) as figure:
        panels = figure.subplots(1, len(shown) + bool(notes), squeeze=False)[0]
        for axes, (column, label) in zip(panels, shown.items(), strict=False):
            axes.plot(log["step"], log[column], "o-", color=QUESTION, markersize=3)
            highest = max(log[column])
            if levels and column in levels:
                height, name = levels[column]
                highest = max(highest, 1.04 * height)
                axes.axhline(height, color=ANSWER, linestyle="--", linewidth=1)
                at = dict(xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8)
                axes.annotate(name, (0.02, height), (0, 3), **at)
            axes.set(xlabel="step", ylabel=label, xlim=(0, None), ylim=(0, 1.06 * highest))
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if notes:
            panels[-1].set_axis_off()
            panels[-1].text(0, 1, "\n".join(map(printable, notes)), va="top", fontsize=8, parse_math=False)
    return figure


def printable(text: str) -> str:
    """A model that has learned little writes bytes that no font has: a dot for each, lines as they are."""
    return "\n".join("".join(c if c.isprintable() else "·" for c in line) for line in text.split("\n"))


def training_curves(curves: Mapping[str, Curve]) -> Figure:
    """A run, stage by stage: the loss, and the share of rows without an error where it was counted."""
    rows = -(-(len(curves) + 1) // 2)
    with drawing(8, 1.6 * rows) as figure:
        panels = figure.subplots(rows, 2, squeeze=False).flatten()
        ordered = sorted(curves, key=list(LOSSES).index)
        for axes, stage in zip(panels, ordered, strict=False):
            curve = curves[stage]
            axes.plot(curve.step, curve.loss, color=QUESTION, linewidth=1.2)
            minutes = curve.seconds[-1] / 60
            axes.set(title=f"{stage}: {curve.step[-1]:,} steps, {minutes:.0f} min", xlabel="step")
            axes.set_ylim(0, 1.06 * max(curve.loss))
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.set_ylabel(LOSSES[stage], color=QUESTION)
            counted = [(step, right) for step, right in zip(curve.step, curve.right, strict=True) if right is not None]
            if counted:
                share = axes.twinx()
                share.plot(*zip(*counted, strict=True), color=ANSWER, linewidth=1.2, linestyle="--")
                share.set_ylim(0, 1.02)
                share.set_ylabel("share of rows right", color=ANSWER)
        for axes in panels[len(curves) :]:
            axes.set_axis_off()
        lines = [Line2D([], [], color=QUESTION), Line2D([], [], color=ANSWER, linestyle="--")]
        panels[-1].legend(lines, ["loss", "share of rows without an error"], loc="center", frameon=False)
    return figure


def left_out(found: Sequence[Ablation]) -> Figure:
    """What a stage reaches with an ingredient and without it: a panel a measure, a line an ingredient."""
    rows = {name: [one for one in found if name in one.with_it and name in one.without] for name in MEASURES}
    rows = {name: ones for name, ones in rows.items() if ones}
    if not rows:
        with drawing(8, 0.6) as figure:
            figure.text(0, 0.4, "Nothing has been left out and measured yet.")
        return figure
    ring = dict(fillstyle="none", markersize=10, markeredgewidth=1.5)
    heights = [len(ones) + 1.2 for ones in rows.values()]
    with drawing(8.5, 0.42 * sum(heights)) as figure:
        panels = figure.subplots(len(rows), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
        for axes, (name, ones) in zip(panels, rows.items(), strict=True):
            for y, one in enumerate(ones):
                ends = (one.with_it[name], one.without[name])
                axes.plot(ends, (y, y), color="#BBBBBB", linewidth=2, zorder=1)
                axes.plot(ends[0], y, "o", color=QUESTION, markersize=8, label=None if y else "with it")
                axes.plot(ends[1], y, "D", color=ANSWER, label=None if y else "without it", **ring)
            axes.set_yticks(range(len(ones)), [textwrap.fill(one.what, 44) for one in ones], fontsize=8)
            highest = 100 if name.endswith("%") else 1.1 * max(axes.get_xlim())
            axes.set(xlim=(-0.02 * highest, highest), ylim=(len(ones) - 0.5, -0.5), xlabel=name)
        panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure
