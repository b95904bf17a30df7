"""Time: what runs when, where the way to a first sound goes, and whether the sound comes before it is needed."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import AMBER, ANSWER, GREEN, QUESTION, SKY, THOUGHT, drawing

PARTS = {
    "mel": SKY,
    "AuT": QUESTION,
    "listen": QUESTION,
    "Thinker": THOUGHT,
    "Talker": ANSWER,
    "code predictor": AMBER,
    "Code2Wav": GREEN,
    "between": "0.8",
}
OF_MARKS = ("--", ":", "-.")
FAINT = "0.85"
Number = float | int
Span = tuple[str, Number, Number]  # a part, when it begins, when it ends


def gantt(schedules: dict[str, list[Span]], unit: str, marks: dict[str, Number] | None = None) -> Figure:
    """What runs when: a panel for each schedule, a row for each part.

    `marks`: moments with names.
    """
    rows = [part for part in PARTS if any(part == span[0] for spans in schedules.values() for span in spans)]
    with drawing(height=(0.3 * len(rows) + 0.5) * len(schedules) + 0.4) as figure:
        panels = figure.subplots(len(schedules), sharex=True, squeeze=False)[:, 0]
        for axes, (title, spans) in zip(panels, schedules.items(), strict=True):
            for row, part in enumerate(rows):
                bars = [(begin, end - begin) for name, begin, end in spans if name == part]
                options = dict(facecolor=PARTS[part], edgecolor="white", linewidth=0.4)
                axes.broken_barh(bars, (row - 0.38, 0.76), **options)
            for style, (name, moment) in zip(OF_MARKS, (marks or {}).items(), strict=False):
                axes.axvline(moment, color="0.2", linestyle=style, linewidth=1.2, label=name)
            axes.set(title=title, yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.5, -0.5))
            axes.set_xlim(left=0)
        if marks:
            panels[0].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        panels[-1].set_xlabel(f"{unit} since the question ended")
    return figure


def stacked(rows: dict[str, dict[str, Number]], xlabel: str, limit: tuple[str, Number] | None = None) -> Figure:
    """Horizontal bars made of parts, with their numbers where there is room.

    `limit`: a line with a name.
    """
    used = [part for part in PARTS if any(part in row for row in rows.values())]
    longest = max(sum(row.values()) for row in rows.values())
    with drawing(height=0.5 * len(rows) + 1.1) as figure:
        axes = figure.subplots()
        for y, row in enumerate(rows.values()):
            left = 0.0
            for part in used:
                width = row.get(part, 0.0)
                axes.barh(y, width, left=left, height=0.6, color=PARTS[part], edgecolor="white", linewidth=0.5)
                if width > 0.03 * longest:
                    options = dict(ha="center", va="center", fontsize=8, color="black")
                    axes.text(left + width / 2, y, f"{width:.0f}", **options)
                left += width
        handles = [Patch(color=PARTS[part], label=part) for part in used]
        if limit is not None:
            name, value = limit
            handles.append(axes.axvline(value, color="0.2", linestyle="--", linewidth=1.2, label=name))
        axes.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, fontsize=8)
    return figure


def draw_playback(axes: Axes, came: list[Number], seconds: list[Number], start: Number) -> None:
    """Stairs of the sound that has come, and the sound that has been played; shaded: where the player has run dry."""
    total, heights, clock, played = 0.0, [], start, [(0.0, 0.0), (1000 * start, 0.0)]
    for arrival, length in zip(came, seconds, strict=True):
        if arrival > clock:
            name = None if axes.patches else "has run dry"
            axes.axvspan(1000 * clock, 1000 * arrival, color=ANSWER, alpha=0.25, linewidth=0, label=name)
            played.append((1000 * arrival, 1000 * total))
        clock, total = max(clock, arrival) + length, total + length
        heights.append(1000 * total)
        played.append((1000 * clock, 1000 * total))
    times = [0.0, *(1000 * time for time in came), 1000 * clock]
    axes.step(times, [0.0, *heights, heights[-1]], where="post", color=QUESTION, label="has come")
    axes.plot(*zip(*played, strict=True), color="0.2", linestyle="--", label="has been played")
    axes.set(xlabel="ms since the question ended", ylabel="ms of sound")
    axes.set(xlim=(0, times[-1]), ylim=(0, 1.05 * heights[-1]))


def playback(came: list[Number], seconds: list[Number], start: Number, title: str) -> Figure:
    """Sound that has come against sound that has been played; shaded: silence, since the next piece had not come.

    `came`: when each piece came; `seconds`: how long each lasts; `start`: when the player begins; all in seconds.
    """
    first = min(len(came), 8)
    with drawing(height=3) as figure:
        figure.set_layout_engine("none")  # half the time of a move
        margins = dict(left=0.09, right=0.98, bottom=0.16, top=0.91, wspace=0.25)
        whole, begin = figure.subplots(1, 2, gridspec_kw=margins)
        for axes in (whole, begin):
            axes.locator_params(nbins=5)
            draw_playback(axes, came, seconds, start)
        whole.set_title(title)
        begin.set(title="The first pieces, closer", xlim=(0, 1100 * max(came[first - 1], start)))
        begin.set_ylim(0, 1000 * sum(seconds[:first]))
        whole.legend(loc="lower right", fontsize=8)
    return figure


def growth(seconds: list[Number], parts: dict[str, list[Number]], ylabel: str) -> Figure:
    """What each part costs, stacked, against the length of the question."""
    with drawing(6, 2.6) as figure:
        axes = figure.subplots()
        colours = [PARTS[part] for part in parts]
        axes.stackplot(seconds, list(parts.values()), labels=list(parts), colors=colours)
        axes.set(xlabel="seconds of question", ylabel=ylabel)
        axes.set(title="Before the first letter can be thought, one on top of the other")
        axes.set(xlim=(seconds[0], seconds[-1]), xticks=seconds)
        axes.set_xticklabels([f"{second:.1f}" for second in seconds])
        axes.legend(loc="upper left", reverse=True)
    return figure


def codebook_patterns(patterns: dict[str, list[list[int | None]]]) -> Figure:
    """Which frame's code is made when: for each pattern a grid of codebooks by steps, holding frame numbers or None.

    Frame 0 is coloured; a line marks the step with which it is complete.
    """
    widths = [max(map(len, rows)) for rows in patterns.values()]
    with drawing(8, 2) as figure:
        panels = figure.subplots(1, len(patterns), sharey=True, squeeze=False, width_ratios=widths)[0]
        for axes, (name, rows), width in zip(panels, patterns.items(), widths, strict=True):
            for k, row in enumerate(rows):
                for step, frame in enumerate(row):
                    if frame is not None:
                        colour = ANSWER if frame == 0 else FAINT
                        axes.barh(k, 0.9, left=step + 0.05, height=0.85, color=colour)
                        axes.text(step + 0.5, k, str(frame), ha="center", va="center", fontsize=7)
            complete = 1 + max(row.index(0) for row in rows)
            axes.axvline(complete, color="0.2", linestyle="--", linewidth=1.2)
            steps = "1 step" if complete == 1 else f"{complete} steps"
            axes.set(title=f"{name}: frame 0\nafter {steps}", xlabel="step", xlim=(0, width))
            axes.set_xticks([i + 0.5 for i in range(0, width, 4)], [str(i) for i in range(0, width, 4)])
        panels[0].set(ylabel="codebook", yticks=range(len(rows)), ylim=(len(rows) - 0.5, -0.5))
    return figure


def piece_sizes(sizes: list[int], cost: list[Number], waiting: list[Number], units: tuple[str, str]) -> Figure:
    """Left: what a frame costs Code2Wav in pieces of so many frames. Right: how long a piece is gathered."""
    with drawing(height=2.6) as figure:
        left, right = figure.subplots(1, 2)
        for axes, values, title, ylabel in (
            (left, cost, "Code2Wav's work", units[0]),
            (right, waiting, "Waiting for a full piece", units[1]),
        ):
            axes.plot(sizes, values, "o-", color=QUESTION)
            axes.set_xscale("log")
            axes.minorticks_off()
            axes.set(title=title, xlabel="frames in a piece (log)", ylabel=ylabel)
            axes.set_xticks(sizes, [str(size) for size in sizes])
            axes.set_ylim(bottom=0)
    return figure


def steps_and_pieces(letters: str, sizes: list[int], delay: int) -> Figure:
    """Talker step by Talker step: the letter that goes in, and the frames that come out, a bar for each piece."""
    with drawing(height=1.6) as figure:
        axes = figure.subplots()
        for step, letter in enumerate(letters):
            axes.text(step, 1, letter, ha="center", va="center", fontsize=8)
        begin = delay
        for i, size in enumerate(sizes):
            colour = (ANSWER, QUESTION)[i % 2]
            axes.broken_barh([(begin - 0.5, size)], (-0.3, 0.6), facecolor=colour, edgecolor="white", linewidth=0.6)
            begin += size
        axes.set(xlabel="Talker step", xlim=(-1, begin + 1), ylim=(-0.6, 1.5))
        axes.set(yticks=(1, 0), yticklabels=("letter goes in", "frame comes out"))
    return figure
