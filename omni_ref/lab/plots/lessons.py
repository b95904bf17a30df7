"""What is learned in a stage: letters in sound, codes in use, a sentence by heart, and what mistakes do to it."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from .style import ANSWER, HEAT, LINES, SERIES, drawing, token_span

GREY_AND_ORANGE = ("#777777", ANSWER)
MARKERS = "osD^"
NAMES = {"–": "blank", " ": "space"}


def alignments(
    rows: Mapping[str, Float[Tensor, "_ symbols"]],
    symbols: str,
    shown: str,
    rate: int,
    marks: Sequence[Sequence[float]],
) -> Figure:
    """How probable each of the `shown` symbols is at each moment, and all others together; `rate` positions a second.

    `marks`: for each recording, moments in seconds where words part.
    """
    index = [symbols.index(letter) for letter in shown]
    names = [*(NAMES.get(letter, letter) for letter in shown), "others"]
    longest = max(map(len, rows.values()))
    with drawing(8, (0.13 * len(names) + 0.55) * len(rows)) as figure:
        all_axes = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
        for axes, (title, probabilities), moments in zip(all_axes, rows.items(), marks, strict=True):
            known = probabilities[:, index].cpu()
            grid = torch.cat([known, 1 - known.sum(dim=1, keepdim=True)], dim=1)
            extent = (*token_span(len(probabilities), rate), len(names) - 0.5, -0.5)
            options = dict(aspect="auto", cmap=HEAT, vmin=0, vmax=1, extent=extent)
            image = axes.imshow(grid.T.numpy(), **options)
            for moment in moments:
                axes.axvline(moment, color="white", linewidth=0.8, linestyle="--")
            axes.set_yticks(range(len(names)), names, fontsize=7)
            axes.set_title(title, parse_math=False)
        axes.set(xlabel="time, s", xlim=token_span(longest, rate))
        figure.colorbar(image, ax=list(all_axes), label="probability", pad=0.01, aspect=40)
    return figure


def codebook_use(curves: Mapping[str, Sequence[float]], size: int) -> Figure:
    """Perplexity of the codes of each batch against updates of the codebook: as many codes used alike."""
    with drawing(8, 2.8) as figure:
        axes = figure.subplots()
        for colour, style, (name, values) in zip(SERIES, LINES, curves.items(), strict=False):
            axes.plot(values, style, color=colour, linewidth=1.5, label=name)
        axes.set(xlabel="update of the codebook", ylabel=f"perplexity, of {size} codes", ylim=(0, None))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title="codebook at first")
    return figure


def same_codes(milliseconds: Sequence[float], shares: Float[Tensor, "offsets codebooks"]) -> Figure:
    """How many codes of a sentence stay what they were when it begins a little later, codebook by codebook."""
    with drawing(7, 2.6) as figure:
        axes = figure.subplots()
        for k, values in enumerate(shares.T.cpu()):
            look = dict(color=SERIES[k % len(SERIES)], marker=MARKERS[k % len(MARKERS)], markersize=4)
            axes.plot(milliseconds, values, label=f"codebook {k}", **look)
        axes.set(xlabel="the same recording, so many ms later", ylabel="share of codes that stay", ylim=(0, 1.04))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return figure


def mistaken_history(
    wrong: Bool[Tensor, "steps codebooks"], lines: Mapping[str, Float[Tensor, "steps"]], title: str
) -> Figure:
    """Above, which codes of the history are wrong; below, how probable the right next code is, a line a history."""
    with drawing(8, 2.8) as figure:
        above, below = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": (1, 2)})
        options = dict(aspect="auto", cmap=ListedColormap(["#E8E8E8", ANSWER]), vmin=0, vmax=1)
        above.imshow(wrong.T.cpu().int().numpy(), **options)
        above.set(title=title, ylabel="codebook", yticks=(0, wrong.shape[1] - 1))
        for i, (name, chance) in enumerate(lines.items()):  # a legend would take a tenth of the time of a move
            below.plot(range(len(chance)), chance.cpu(), LINES[i], color=GREY_AND_ORANGE[i], linewidth=1.2)
            below.text(1.01, 0.9 - 0.16 * i, name, color=GREY_AND_ORANGE[i], transform=below.transAxes)
        below.set(xlabel="step of 20 ms", ylabel="right code 0,\nprobability", ylim=(0, 1.04), yticks=(0, 1))
        below.set_xticks(range(0, len(wrong), 20))
    return figure
