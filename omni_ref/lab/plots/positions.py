"""Positions and attention as pictures: points that turn, scores against distance, maps over sound."""

import cmath
from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from ...config import AuTEncoderConfig
from .exchange import draw_mel_of
from .style import ANSWER, HEAT, QUESTION, drawing, token_span


def visible(text: str) -> list[str]:
    """The characters of a text, one by one, as labels: a space would not be seen."""
    return ["·" if letter == " " else letter for letter in text]


def attention_rows(rows: Mapping[str, Float[Tensor, "keys"]], letters: str) -> Figure:
    """What one query reads: a bar for each key, a row for each title, the keys' letters along the bottom."""
    with drawing(height=1.2 * len(rows) + 0.6) as figure:
        all_axes = figure.subplots(len(rows), sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (title, weights) in zip(all_axes, rows.items(), strict=True):
            axes.bar(range(len(letters)), weights.tolist(), color=QUESTION)
            axes.set(title=title, ylabel="weight")
        all_axes[-1].set_xticks(range(len(letters)), visible(letters))
        all_axes[-1].set_xlabel("key: the letter that is read")
    return figure


def rotations(angles: Float[Tensor, "positions pairs"], names: list[str]) -> Figure:
    """A point on a circle for each position, in a panel for each pair of channels."""
    with drawing(8, 2.9) as figure:
        all_axes = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name, turned in zip(all_axes, names, angles.T.cpu(), strict=True):
            axes.add_patch(Circle((0, 0), 1, fill=False, color="0.8"))
            options = dict(c=list(range(len(turned))), cmap=HEAT, s=36, zorder=3, edgecolors="0.4", linewidths=0.5)
            dots = axes.scatter(turned.cos().tolist(), turned.sin().tolist(), **options)
            axes.set(title=f"{name}: {float(turned[1]):.3f} rad a position", xlabel="channel i", aspect="equal")
            axes.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
        all_axes[0].set_ylabel("channel i + head_dim / 2")
        figure.colorbar(dots, ax=list(all_axes), label="position", pad=0.01)
    return figure


def query_and_key(
    query: Float[Tensor, "2"], key: Float[Tensor, "2"], frequency: float, query_position: int, key_position: int
) -> Figure:
    """One pair of channels. Left, query and key turned by their positions; right, their product at every distance."""
    before = [complex(*point.tolist()) for point in (query, key)]
    positions = (query_position, key_position)
    turned = [point * cmath.exp(1j * frequency * p) for point, p in zip(before, positions, strict=True)]
    reach = 1.35 * max(abs(point) for point in before)
    steps = [step / 8 for step in range(-16 * 8, 24 * 8 + 1)]
    products = [(before[0] * before[1].conjugate() * cmath.exp(1j * frequency * step)).real for step in steps]
    with drawing(8, 2.9) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.6))
        names = {"query": 0.93, "key": 0.85}  # in a corner, where no point comes
        for (name, height), point, start, colour in zip(names.items(), turned, before, (QUESTION, ANSWER), strict=True):
            left.plot([0, start.real], [0, start.imag], ":", color=colour, linewidth=1.2)
            left.plot([0, point.real], [0, point.imag], "-o", color=colour, markevery=[1], linewidth=2)
            left.text(0.03, height, name, color=colour, transform=left.transAxes)
        left.set(xlabel="channel i", ylabel="channel i + head_dim / 2", title="turned; dotted: position 0")
        left.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        left.locator_params(nbins=4)
        distance = query_position - key_position
        right.plot(steps, products, color="0.7")
        right.plot(steps[::8], products[::8], ".", color="0.5", markersize=4)
        right.plot([distance], [(turned[0] * turned[1].conjugate()).real], "o", color="black", markersize=8)
        title = f"positions {query_position} and {key_position}: distance {distance}"
        right.set(title=title, xlabel="query position - key position", ylabel="product in this pair")
        right.locator_params(axis="y", nbins=4)
    return figure


def distances(scores: Float[Tensor, "heads positions positions"], head: int) -> Figure:
    """Left, one head's scores of every query position with every key position; right, all heads against distance."""
    with drawing(8, 3) as figure:
        left, right = figure.subplots(1, 2)
        image = left.imshow(scores[head].cpu().numpy(), cmap=HEAT)
        figure.colorbar(image, ax=left, label="score", pad=0.02)
        left.set(title=f"Head {head}, every pair of positions", xlabel="key position", ylabel="query position")
        by_distance = scores[:, -1].flip(-1).cpu().numpy()
        image = right.imshow(by_distance, cmap=HEAT, aspect="auto")
        figure.colorbar(image, ax=right, label="score", pad=0.02)
        right.set(title="All heads, by distance", xlabel="query position - key position", ylabel="head")
        right.set_yticks(range(len(scores)))
    return figure


def attention_on_sound(
    waveform: Float[Tensor, "samples"],
    config: AuTEncoderConfig,
    weights: Float[Tensor, "letters positions"],
    letters: str,
    title: str,
    label: str = "weight",
) -> Figure:
    """What is heard, and below, on the same scale of time, a number for each letter of the reply and each place.

    A row a letter, the first letter on top; bold where a word begins. `label`: what the numbers are.
    """
    span = token_span(weights.shape[1], config.token_rate)
    options = dict(aspect="auto", cmap=HEAT, extent=(*span, len(letters) - 0.5, -0.5))
    with drawing(8, 4.8) as figure:
        heard, below = figure.subplots(2, 1, height_ratios=(1, 2.6), sharex=True)
        draw_mel_of(heard, waveform, config)
        heard.set(title="The question", xlabel="")
        image = below.imshow(weights.cpu().numpy(), vmin=0, **options)
        below.set_yticks(range(len(letters)), visible(letters), fontsize=7)
        for i, tick in enumerate(below.get_yticklabels()):
            tick.set_fontweight("bold" if i == 0 or letters[i - 1] == " " else "normal")
        below.set(title=title, xlabel="s", ylabel="letter about to be written", xlim=span)
        figure.colorbar(image, ax=[heard, below], label=label, pad=0.01)
    return figure


def sound_shares(shares: Float[Tensor, "layers letters"], letters: str) -> Figure:
    """Which share of its attention each layer spends on the sound before each letter of the reply."""
    with drawing(8, 0.35 * len(shares) + 1) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares.cpu().numpy(), cmap=HEAT, aspect="auto", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share", pad=0.01)
        axes.set(xlabel="letter about to be written", ylabel="layer")
        axes.set_xticks(range(len(letters)), visible(letters))
        axes.set_yticks(range(len(shares)))
    return figure


def all_heads(
    maps: Float[Tensor, "layers heads letters positions"],
    words: Mapping[int, str],
    token_rate: int,
    colours: Sequence[str],
) -> Figure:
    """Every head of every layer, each as bright as its largest weight, which is in its title.

    `words` begin at these letters. `colours`: a frame a head, the same for heads that share keys and values.
    """
    layers, heads, letters, positions = maps.shape
    with drawing(8, 1.3 * layers + 0.4) as figure:
        all_axes = figure.subplots(layers, heads, sharex=True, sharey=True, squeeze=False)
        for layer, row in enumerate(all_axes):
            for head, axes in enumerate(row):
                weights = maps[layer, head].cpu().numpy()
                extent = (*token_span(positions, token_rate), letters - 0.5, -0.5)
                options = dict(aspect="auto", cmap=HEAT, extent=extent, vmin=0)
                axes.imshow(weights, vmax=float(weights.max()), **options)
                axes.spines[:].set(visible=True, color=colours[head], linewidth=2.5)
                axes.set_yticks(list(words), list(words.values()), fontsize=8)
                axes.tick_params(length=2)
                axes.set_title(f"layer {layer}, head {head}: {weights.max():.2f}", fontsize=7)
        for axes in all_axes[-1]:
            axes.set_xlabel("s")
    return figure
