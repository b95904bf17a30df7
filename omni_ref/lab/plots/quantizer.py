"""Vector quantization: codebooks in the plane, moving averages, the staircase, collapse, and what tokens stand for."""

import numpy as np
from jaxtyping import Float, Int, Num
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .style import ANSWER, HEAT, QUESTION, THOUGHT, drawing, token_span


def draw_assignment(
    axes: Axes,
    points: Float[Tensor, "vectors 2"],
    codebook: Float[Tensor, "codes 2"],
    codes: Int[Tensor, "vectors"],
    dot: float = 2.0,
) -> None:
    """Vectors as dots, each tied to its code; codes that are chosen are squares, the others grey crosses."""
    points, codebook, codes = (part.detach().cpu().numpy() for part in (points, codebook, codes))
    chosen = np.isin(np.arange(len(codebook)), codes)
    ties = np.stack([points, codebook[codes]], axis=1)
    axes.add_collection(LineCollection(ties, colors=QUESTION, linewidths=0.6, alpha=0.4))
    axes.plot(*points.T, "o", color=QUESTION, markersize=dot, label="vectors", zorder=4)
    hollow = dict(markersize=7, markeredgewidth=1.5, fillstyle="none")  # a dot may be in it
    axes.plot(*codebook[chosen].T, "s", color=ANSWER, label="codes that are chosen", zorder=5, **hollow)
    axes.plot(*codebook[~chosen].T, "x", color="0.6", markersize=4, label="codes that are not")


def codebook_map(
    points: Float[Tensor, "vectors 2"], codebook: Float[Tensor, "codes 2"], codes: Int[Tensor, "vectors"], title: str
) -> Figure:
    """A codebook of many dimensions projected onto two: the vectors of a recording, and the codes they go to."""
    with drawing(7.0, 4.4) as figure:
        axes = figure.subplots()
        draw_assignment(axes, points, codebook, codes, dot=3.5)
        axes.set(title=title, xlabel="first principal axis", ylabel="second principal axis")
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def assignment(
    points: Float[Tensor, "vectors 2"], codebook: Float[Tensor, "codes 2"], codes: Int[Tensor, "vectors"], title: str
) -> Figure:
    """Vectors of two numbers and their codes."""
    with drawing(6.0, 4.0) as figure:
        axes = figure.subplots()
        draw_assignment(axes, points, codebook, codes)
        axes.set(title=title, xlabel="first number", ylabel="second number", aspect="equal")
        figure.legend(loc="outside right upper")
    return figure


def followers(places: dict[str, list[float]]) -> Figure:
    """Where codes are that began at 0 and see nothing but 1, batch after batch, a curve for each decay."""
    with drawing(7.0, 2.8) as figure:
        axes = figure.subplots()
        for (name, curve), colour, style in zip(
            places.items(), (ANSWER, THOUGHT, QUESTION), ("-", "--", "-."), strict=True
        ):
            axes.plot(range(1, len(curve) + 1), curve, style, color=colour, label=name)
        axes.axhline(1, color="0.7", linewidth=0.8)
        axes.set(xlabel="batches", ylabel="place of the code", ylim=(0, 1.05))
        axes.legend(loc="lower right")
    return figure


def staircase(
    inputs: Float[Tensor, "points"], outputs: Float[Tensor, "points"], codebook: Float[Tensor, "codes"]
) -> Figure:
    """A quantizer of single numbers: its value, flat between jumps, and the slope that its gradient claims."""
    inputs, outputs, codebook = (part.cpu().numpy() for part in (inputs, outputs, codebook))
    with drawing(5.4, 3.0) as figure:
        axes = figure.subplots()
        axes.plot(inputs, inputs, "--", color=ANSWER, label="slope that the gradient claims")
        axes.plot(inputs, outputs, color=QUESTION, label="value")
        axes.plot(codebook, codebook, "s", color=QUESTION, markersize=5, label="codes")
        axes.set(xlabel="number", ylabel="number, quantized", aspect="equal", xticks=range(-2, 3), yticks=range(-2, 3))
        axes.legend(loc="upper left", bbox_to_anchor=(1.05, 1))
    return figure


def pulls(
    vectors: Float[Tensor, "vectors 2"],
    steps: Float[Tensor, "vectors 2"],
    before: Float[Tensor, "2"],
    after: Float[Tensor, "2"],
) -> Figure:
    """Who moves towards whom: vectors by the commitment's gradient, their code by the moving average."""
    vectors, steps, before, after = (part.detach().cpu().numpy() for part in (vectors, steps, before, after))
    scale = 0.5 / float((steps**2).sum(axis=1).max() ** 0.5)
    options = dict(angles="xy", scale_units="xy", scale=1, width=0.006, zorder=3)
    with drawing(7.0, 3.2) as figure:
        axes = figure.subplots()
        axes.quiver(*vectors.T, *(scale * steps).T, color=QUESTION, label="vectors: commitment, enlarged", **options)
        axes.plot(*vectors.T, "o", color=QUESTION, markersize=5)
        axes.quiver(*before, *(after - before), color=ANSWER, label="code: moving average", **options)
        axes.plot(*before, "s", color=ANSWER, markersize=8)
        axes.set(xlabel="first number", ylabel="second number", aspect="equal")
        axes.margins(0.1)
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def collapse(
    points: Float[Tensor, "vectors 2"],
    codebook: Float[Tensor, "codes 2"],
    codes: Int[Tensor, "vectors"],
    shares: dict[str, list[float]],
    shown: str,
    step: int,
) -> Figure:
    """The codebook of the training that is `shown`, at one step; beside it, the share of codes in use over all."""
    with drawing(8.0, 2.6) as figure:
        plane, curves = figure.subplots(1, 2, width_ratios=(2, 1))
        draw_assignment(plane, points, codebook, codes)
        used = len(codes.unique())
        title = f"{shown}, batch {step}: {used} of {len(codebook)} codes are chosen"
        plane.set(
            title=title,
            xlabel="first number",
            ylabel="second number",
            xlim=(-2, 8),
            ylim=(-1.6, 1.6),
            yticks=(-1, 0, 1),
        )
        plane.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=3, fontsize=8)
        for (name, curve), colour, style in zip(shares.items(), (THOUGHT, ANSWER), ("--", "-"), strict=True):
            curves.plot(curve, style, color=colour, label=name)
            place = curve[-1] + (0.07 if curve[-1] < 0.5 else -0.17)  # off the curve, inside of the axes
            curves.text(len(curve), place, name, ha="right", va="center", color=colour, fontsize=8)
        curves.axvline(step, color="0.5", linewidth=0.8)
        curves.set(xlabel="batch", ylabel="share of codes in use", ylim=(0, 1.05), yticks=(0, 0.5, 1))
        curves.locator_params(axis="x", nbins=3)
    return figure


def ranked_shares(counts: dict[str, Num[Tensor, "codes"]]) -> Figure:
    """How often each code is chosen, the most frequent first; grey: all alike."""
    with drawing(7.0, 2.8) as figure:
        axes = figure.subplots()
        for (name, count), colour, style in zip(
            counts.items(), (QUESTION, ANSWER, THOUGHT), ("-", "--", "-."), strict=False
        ):
            share = (count / count.sum()).sort(descending=True).values.cpu().numpy()
            axes.semilogy(share[share > 0], style, color=colour, label=f"{name}: {int((share > 0).sum())} codes")
        axes.axhline(1 / len(share), color="0.6", linewidth=0.8)
        axes.text(len(share), 1.1 / len(share), "if all were alike", ha="right", color="0.4", fontsize=8)
        axes.set(xlabel="rank of the code", ylabel="share of choices", xlim=(0, len(share)))
        axes.legend(loc="upper right")
    return figure


def rate_bars(rates: dict[str, int | float], tokens: str) -> Figure:
    """Bits a second, on a logarithmic axis; the row of the tokens stands out."""
    with drawing(7.0, 0.4 * len(rates) + 0.9) as figure:
        axes = figure.subplots()
        bars = axes.barh(
            list(rates), list(rates.values()), color=[ANSWER if row == tokens else QUESTION for row in rates]
        )
        axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates.values()], padding=3)
        axes.set(xscale="log", xlabel="bits a second", xlim=(10, 3e6))
        axes.invert_yaxis()
    return figure


def kept_bars(shares: dict[str, float]) -> Figure:
    """The share of tokens that stay what they were, a bar for each change of the sound."""
    with drawing(7.0, 0.4 * len(shares) + 0.9) as figure:
        axes = figure.subplots()
        bars = axes.barh(list(shares), list(shares.values()), color=QUESTION)
        axes.bar_label(bars, [f"{share:.2f}" for share in shares.values()], padding=3)
        axes.set(xlabel="share of tokens that stay the same", xlim=(0, 1.1), xticks=(0, 0.25, 0.5, 0.75, 1))
        axes.invert_yaxis()
    return figure


def token_spectra(spectra: Float[Tensor, "tokens mels"], groups: dict[str, int]) -> Figure:
    """The mean log-mel frame of each audio token, a column each; `groups`: names of so many columns, left to right."""
    with drawing(8.0, 3.2) as figure:
        axes = figure.subplots()
        options = dict(origin="lower", aspect="auto", cmap=HEAT)
        image = axes.imshow(spectra.T.cpu().numpy(), **options)
        figure.colorbar(image, ax=axes, pad=0.01, label="log-mel")
        begin = -0.5
        for name, count in groups.items():
            axes.text(begin + count / 2, spectra.shape[1] + 1, f"{name} ({count})", ha="center", va="bottom")
            begin += count
            axes.axvline(begin, color="white", linewidth=1)
        axes.set(xlabel="audio tokens, sorted", ylabel="mel filter", xlim=(-0.5, len(spectra) - 0.5))
    return figure


def token_in_places(patches: Float[Tensor, "places mels frames"], title: str) -> Figure:
    """Log-mel around every place where one token stood, side by side."""
    places, mels, frames = patches.shape
    with drawing(8.0, 2.2) as figure:
        axes = figure.subplots()
        for k, patch in enumerate(patches.cpu().numpy()):
            extent = (k * (frames + 1) - 0.5, k * (frames + 1) + frames - 0.5, 0, mels)
            options = dict(origin="lower", aspect="auto", cmap=HEAT, extent=extent)
            axes.imshow(patch, vmin=-0.7, vmax=1.2, **options)
            axes.plot(k * (frames + 1) + frames // 2, mels, "v", color=ANSWER, markersize=5, clip_on=False)
        axes.set_xticks([k * (frames + 1) + frames // 2 for k in range(places)], range(1, places + 1))
        axes.set(title=title, ylabel="mel filter", xlim=(-1.5, places * (frames + 1) - 0.5), ylim=(0, mels))
        axes.set_xlabel(f"places where it stood, {frames} frames of each; ▾: the frame it stood on")
    return figure


SHARED = {"beginning": QUESTION, "ending": ANSWER, "both": THOUGHT, "": "0.6"}


def token_strips(rows: dict[str, Int[Tensor, "_"]], shared: dict[str, list[str]], rate: int) -> Figure:
    """Words as rows of audio tokens; the colour says in which other words an id occurs: a key of SHARED for each."""
    longest = max(map(len, rows.values()))
    with drawing(8.0, 0.45 * len(rows) + 1) as figure:
        axes = figure.subplots()
        for height, (name, tokens) in enumerate(rows.items()):
            for k, (token, kin) in enumerate(zip(tokens.tolist(), shared[name], strict=True)):
                look = dict(facecolor=SHARED[kin], alpha=0.5 if kin else 0.2)
                axes.add_patch(Rectangle(((k - 0.5) / rate, height - 0.45), 1 / rate, 0.9, **look))
                axes.text(k / rate, height, str(token), rotation=90, ha="center", va="center", fontsize=7)
        for kin in ("beginning", "ending", "both"):
            axes.add_patch(Rectangle((0, -9), 0, 0, facecolor=SHARED[kin], alpha=0.5, label=kin))
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set(xlabel="s", xlim=token_span(longest, rate), ylim=(len(rows) - 0.4, -0.6))
        figure.legend(
            loc="outside lower center", ncols=3, title="the id occurs, anywhere, in another word with the same"
        )
    return figure
