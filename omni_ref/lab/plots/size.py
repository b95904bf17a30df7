"""What a configuration costs, in pictures: parameters, memory, arithmetic."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from ..ledger import Row
from .style import ANSWER, GREEN, HEAT, LINES, QUESTION, THOUGHT, drawing

GREY = "#999999"
OF_COMPONENT = {"AuT": QUESTION, "Thinker": THOUGHT, "Talker": ANSWER, "Code2Wav": GREEN}
OF_CURVE = (QUESTION, ANSWER, GREEN, THOUGHT)


def _readable(count: int | float) -> str:
    """Two or three digits: 49.9 B, 0.62 B, 4.9 M."""
    if count >= 1e10:
        return f"{count / 1e9:.1f} B"
    return f"{count / 1e9:.2f} B" if count >= 1e8 else f"{count / 1e6:.1f} M"


def largest_parts(rows: list[Row], count: int = 8) -> Figure:
    """The largest parts of a ledger, and all others together: pale what is held, solid what one token reads."""
    ranked = sorted(rows, key=lambda row: row.parameters, reverse=True)
    largest, rest = ranked[:count], ranked[count:]
    everything = sum(row.parameters for row in rows)
    names = [f"{row.component}: {row.part.split(',')[0].split(' (')[0]}" for row in largest]
    held = [row.parameters / 1e9 for row in largest] + [sum(row.parameters for row in rest) / 1e9]
    read = [row.active / 1e9 for row in largest] + [sum(row.active for row in rest) / 1e9]
    colours = [OF_COMPONENT[row.component] for row in largest] + [GREY]
    with drawing(height=0.3 * len(held) + 1) as figure:
        axes = figure.subplots()
        places = range(len(held))
        axes.barh(places, held, color=colours, alpha=0.35)
        axes.barh(places, read, color=colours, height=0.4)
        for place, billions in zip(places, held, strict=True):
            label = f"{_readable(1e9 * billions)}, {1e9 * billions / everything:.1%}"
            axes.annotate(label, (billions, place), (4, 0), textcoords="offset points", va="center")
        axes.set_yticks(places, [*names, f"{len(rest)} other parts"])
        axes.invert_yaxis()
        axes.set(title=f"Where {_readable(everything)} parameters are: pale, held in memory; solid, read for one token")
        axes.set(xlabel="billion parameters", xlim=(0, max(held) * 1.2))
    return figure


def total_and_active(sizes: dict[str, Row]) -> Figure:
    """Total and active parameters of some models, a pair of bars each, with the numbers beside them."""
    with drawing(height=0.55 * len(sizes) + 0.9) as figure:
        axes = figure.subplots()
        for shift, field, colour, label in (
            (-0.2, "parameters", GREY, "total: held in memory"),
            (0.2, "active", ANSWER, "active: read for one token"),
        ):
            counts = [getattr(row, field) for row in sizes.values()]
            places = [place + shift for place in range(len(sizes))]
            axes.barh(places, [count / 1e9 for count in counts], height=0.36, color=colour, label=label)
            for place, count in zip(places, counts, strict=True):
                offset = dict(xytext=(4, 0), textcoords="offset points", va="center")
                axes.annotate(_readable(count), (count / 1e9, place), **offset)
        axes.set_yticks(range(len(sizes)), list(sizes))
        axes.invert_yaxis()
        axes.set(xlabel="billion parameters", xlim=(0, max(row.parameters for row in sizes.values()) / 1e9 * 1.15))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def against(
    x: Sequence[int | float],
    curves: dict[str, Sequence[int | float]],
    xlabel: str,
    ylabel: str,
    title: str,
    levels: dict[str, int | float] | None = None,
    logarithmic: bool = False,
) -> Figure:
    """Curves over one axis.

    `levels`: grey lines with a name, for what does not depend on it; `logarithmic`: in both directions.
    """
    scale = " (log)" if logarithmic else ""
    with drawing(height=3.2) as figure:
        axes = figure.subplots()
        for colour, style, (name, values) in zip(OF_CURVE, LINES, curves.items(), strict=False):
            axes.plot(x, values, "o", linestyle=style, color=colour, markersize=3, label=name)
        for name, level in (levels or {}).items():
            axes.axhline(level, color=GREY, linestyle="--", linewidth=1)
            axes.annotate(name, (x[0], level), (2, 3), textcoords="offset points", color="0.35")
        if logarithmic:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks(x, [f"{value:,}" for value in x])
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        else:
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.set(title=title, xlabel=xlabel + scale, ylabel=ylabel + scale)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def chosen_experts(probabilities: Float[Tensor, "tokens experts"], top_k_index: Int[Tensor, "tokens top_k"]) -> Figure:
    """A router's probabilities, a row a token, with a ring around every expert that was chosen."""
    tokens = len(probabilities)
    with drawing(height=0.32 * tokens + 1.1) as figure:
        axes = figure.subplots()
        image = axes.imshow(probabilities.cpu().numpy(), cmap=HEAT, vmin=0, aspect="auto")
        figure.colorbar(image, ax=axes, pad=0.01, label="probability")
        for token, chosen in enumerate(top_k_index.tolist()):
            for colour, width in (("black", 3.5), ("white", 1.5)):  # on dark cells and on bright ones
                ring = dict(markerfacecolor="none", markeredgecolor=colour, markeredgewidth=width, markersize=9)
                axes.plot(chosen, [token] * len(chosen), "o", **ring)
        axes.set(xlabel="expert", ylabel="token", yticks=range(tokens), title="Ringed: the experts that are run")
    return figure


def code_steps(designs: dict[str, tuple[Int[Tensor, "_ _"], list[float]]], seconds: float) -> Figure:
    """What the codes of some seconds of speech cost: a cell a code, coloured by the sound that it is of.

    Of each design, the step that predicts each codebook (rows) of each frame (columns), and the billions of parameters
    that each step reads: so wide are its cells.
    """
    heights = [2 + steps.shape[0] / 8 for steps, _ in designs.values()]
    with drawing(height=4.2) as figure:
        all_axes = figure.subplots(len(designs), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, (steps, reads)) in zip(all_axes, designs.items(), strict=True):
            codebooks, frames = steps.shape
            shown = torch.full((codebooks, len(reads)), float("nan"))
            milliseconds = (1000 * seconds * torch.arange(frames) / frames).expand(codebooks, frames)
            shown.scatter_(1, steps.cpu(), milliseconds)
            options = dict(cmap=HEAT, vmin=0, vmax=1000 * seconds, edgecolor="0.9", linewidth=0.3)
            mesh = axes.pcolormesh([0, *accumulate(reads)], range(codebooks + 1), shown.numpy(), **options)
            axes.set(title=title, ylabel="codebook", ylim=(codebooks, 0))
            labels = range(0, codebooks, 1 if codebooks < 8 else 5)
            axes.set_yticks([label + 0.5 for label in labels], [str(label) for label in labels])
        all_axes[-1].set_xlabel("billions of parameters read, one step after the other")
        figure.colorbar(mesh, ax=list(all_axes), pad=0.01, label="ms of speech, where the frame begins")
    return figure
