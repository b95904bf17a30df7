"""The AuT encoder: its tokens under the mel, the geometry and kernels of its stem, influence, attention, padding."""

from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ...config import AuTEncoderConfig
from .style import ANSWER, HEAT, QUESTION, SIGNED, THOUGHT, drawing, token_span


def draw_frames(axes: Axes, mel: Float[Tensor, "mels frames"], rate: int) -> None:
    """Log-mel frames, `rate` to the axis' unit of time; frame t is centred on t / rate."""
    mels, frames = mel.shape
    extent = (*token_span(frames, rate), 0, mels)
    axes.imshow(mel.cpu().numpy(), origin="lower", aspect="auto", cmap=HEAT, extent=extent)
    axes.set_ylabel("mel filter")


def draw_token_row(axes: Axes, tokens: Int[Tensor, "time"], rate: int, bottom: float = 0) -> None:
    """A cell a token, its id in it, `rate` to the axis' unit of time; neighbours with one id share a shade."""
    dark, previous = False, None
    for k, token in enumerate(tokens.tolist()):
        dark, previous = dark ^ (token != previous), token
        shade = dict(facecolor=QUESTION, alpha=0.45 if dark else 0.2, linewidth=0)
        axes.add_patch(Rectangle(((k - 0.5) / rate, bottom), 1 / rate, 1, **shade))
        axes.text(k / rate, bottom + 0.5, str(token), rotation=90, ha="center", va="center", fontsize=7)


def mel_and_tokens(mel: Float[Tensor, "mels frames"], tokens: Int[Tensor, "time"], config: AuTEncoderConfig) -> Figure:
    """Log-mel frames and under them, on the same axis of time, the audio tokens, each where it stands."""
    with drawing(height=3.4) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        draw_frames(upper, mel, config.mel_rate)
        draw_token_row(lower, tokens, config.token_rate)
        upper.set_title(f"{mel.shape[1]} log-mel frames, {config.mel_rate} a second")
        lower.set_title(f"{len(tokens)} audio tokens, {config.token_rate} a second")
        left, right = token_span(len(tokens), config.token_rate)
        right = max(right, token_span(mel.shape[1], config.mel_rate)[1])
        lower.set(xlabel="s", ylabel="token", yticks=[], ylim=(0, 1), xlim=(left, right))
    return figure


def stem_geometry(frames: int, token: int, config: AuTEncoderConfig) -> Figure:
    """Which frames reach a token through the two convolutions; a ring is a zero of the padding.

    `token` is the last one if there are not so many.
    """
    lengths, spacing = [frames], [1]
    for stride in config.conv_strides:
        lengths.append(-(-lengths[-1] // stride))
        spacing.append(spacing[-1] * stride)
    token = min(token, lengths[-1] - 1)
    reached = {token}
    with drawing(height=2.6) as figure:
        axes = figure.subplots()
        for level in (2, 1):
            inside = {i for i in reached if 0 <= i < lengths[level]}
            draw_level(axes, level, spacing[level], lengths[level], inside, reached - inside)
            kernel, stride = config.conv_kernel_sizes[level - 1], config.conv_strides[level - 1]
            links = [(j, j * stride + tap - kernel // 2) for j in inside for tap in range(kernel)]
            for j, i in links:
                ends = [j * spacing[level], i * spacing[level - 1]]
                axes.plot(ends, [-level, 1 - level], color=QUESTION, linewidth=0.5, alpha=0.5, zorder=1)
            reached = {i for _, i in links}
        inside = {i for i in reached if 0 <= i < frames}
        draw_level(axes, 0, 1, frames, inside, reached - inside)
        for k in range(lengths[2]):
            axes.text(k * spacing[2], -2.2, f"token {k}", ha="center", va="top", fontsize=8)
        axes.text(max(frames, 12) + 5.5, -2.2, "ring: a zero of the padding", ha="right", va="top", fontsize=8)
        axes.set(xlabel="frame", xlim=(-4, max(frames, 12) + 5.5), ylim=(-2.6, 0.3))
        axes.set_xticks(range(0, max(frames, 12) + 5, 2))
        axes.set_yticks([0, -1, -2], ["mel frames", "after convolution 1", "after convolution 2"])
        axes.set_title(
            f"{frames} frames give {lengths[2]} tokens; token {token} reads frames {min(inside)} to {max(inside)}"
        )
    return figure


def draw_level(axes: Axes, level: int, spacing: int, length: int, inside: set[int], outside: set[int]) -> None:
    """A row of positions: all of them in grey, those that are read in colour, padding that is read as rings."""
    styles = ((range(length), "0.8", "full"), (inside, QUESTION, "full"), (outside, "0.4", "none"))
    for positions, colour, fill in styles:
        places = [i * spacing for i in positions]
        axes.plot(places, [-level] * len(places), "o", color=colour, fillstyle=fill, markersize=5)


def stem_kernels(weight: Float[Tensor, "channels mels taps"], rows: int = 2, columns: int = 6) -> Figure:
    """The strongest kernels of the first convolution: orange where loudness speaks for a channel, purple against it."""
    strongest = weight.flatten(1).norm(dim=1).argsort(descending=True)[: rows * columns]
    half = weight.shape[2] // 2
    extent = (-half - 0.5, half + 0.5, 0, weight.shape[1])
    with drawing(height=1.9 * rows + 0.2) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, channel in zip(grid.flat, strongest.tolist(), strict=True):
            kernel = weight[channel].cpu().numpy()
            limit = float(abs(kernel).max())
            options = dict(origin="lower", aspect="auto", cmap=SIGNED, extent=extent)
            image = axes.imshow(kernel / limit, vmin=-1, vmax=1, **options)
            axes.set_title(f"channel {channel}", fontsize=8)
            axes.set_xticks([-half, 0, half])
        figure.supxlabel("frame, from the one in the middle", fontsize=9)
        figure.supylabel("mel filter", fontsize=9)
        figure.colorbar(image, ax=grid, pad=0.01, aspect=30, ticks=(-1, 0, 1), label="weight, share of the largest")
    return figure


def token_influence(
    mel: Float[Tensor, "mels frames"],
    curves: dict[str, Float[Tensor, "frames"]],
    token: int,
    reach: int,
    config: AuTEncoderConfig,
) -> Figure:
    """How strongly each frame moves one token, as shares of the strongest; `reach` frames, shaded, pass the stem."""
    middle = token * (config.mel_rate // config.token_rate)
    with drawing(height=3.4) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True)
        draw_frames(upper, mel, 1)
        upper.set_title(f"Token {token} stands on frame {middle}")
        for edge in (-reach / 2, reach / 2):
            upper.axvline(middle + edge, color="white", linewidth=0.8)
        lower.axvspan(middle - reach / 2, middle + reach / 2, color="0.9")
        styles = (dict(color=QUESTION, linewidth=5, alpha=0.5), dict(color=ANSWER, linewidth=1))
        for (name, curve), style in zip(curves.items(), styles, strict=True):
            share = (curve / curve.max()).cpu().numpy()
            share[share == 0] = float("nan")  # not on a logarithmic axis
            lower.semilogy(share, label=name, **style)
        lower.set(xlabel="frame", ylabel="share of the largest", title="How strongly it follows each frame")
        lower.legend(loc="upper right")
    return figure


def influence_maps(maps: dict[str, Float[Tensor, "frames time"]]) -> Figure:
    """How far every token moves when one frame is changed; the colour is a logarithm, black a thousandth or less."""
    with drawing(height=3.6) as figure:
        row = figure.subplots(1, len(maps), sharey=True, squeeze=False)[0]
        for axes, (title, moved) in zip(row, maps.items(), strict=True):
            share = (moved / moved.max()).clamp(min=1e-3).log10()
            options = dict(aspect="auto", cmap=HEAT, vmin=-3, vmax=0)
            image = axes.imshow(share.cpu().numpy(), **options)
            axes.set(title=title, xlabel="token that moves")
        row[0].set_ylabel("frame that is changed")
        figure.colorbar(image, ax=list(row), pad=0.01, label="log10, share of the largest")
    return figure


def attention_grid(maps: Float[Tensor, "layers heads time time"], notes: list[list[str]]) -> Figure:
    """Every head's attention map, a row a layer, with a note over each; each as bright as its own largest weight."""
    layers, heads = maps.shape[:2]
    with drawing(8.0, 2.0 * layers) as figure:
        grid = figure.subplots(layers, heads, sharex=True, sharey=True, squeeze=False)
        for layer in range(layers):
            for head in range(heads):
                axes = grid[layer, head]
                weights = maps[layer, head] / maps[layer, head].max()
                image = axes.imshow(weights.cpu().numpy(), cmap=HEAT, norm=PowerNorm(0.5, vmin=0, vmax=1))
                axes.set_title(f"layer {layer}, head {head}: {notes[layer][head]}", fontsize=8)
        figure.suptitle("Every head; over each, how far it reads on average", fontsize=10)
        figure.supxlabel("key: token that is read", fontsize=9)
        figure.supylabel("query: token that reads", fontsize=9)
        figure.colorbar(image, ax=grid, shrink=0.5, pad=0.01, label="weight, share of the map's largest")
    return figure


def attention_of_token(
    mel: Float[Tensor, "mels frames"],
    weights: Float[Tensor, "time time"],
    token: int,
    config: AuTEncoderConfig,
    title: str,
) -> Figure:
    """A head's map, and one of its rows on the axis of time under the sound that it reads."""
    moments = [k / config.token_rate for k in range(len(weights))]
    with drawing(height=2.8) as figure:
        figure.set_layout_engine("none")  # drawn at every move of a slider: to lay three panels out takes time
        margins = dict(wspace=0.2, hspace=0.12, left=0.07, right=0.99, top=0.91, bottom=0.16)
        axes = figure.subplot_mosaic([["map", "mel"], ["map", "row"]], width_ratios=(2, 3), gridspec_kw=margins)
        brightened = PowerNorm(0.5, vmin=0, vmax=1)
        axes["map"].imshow(weights.cpu().numpy(), cmap=HEAT, norm=brightened)
        axes["map"].axhline(token, color="white", linewidth=0.8)
        axes["map"].set(title=title, xlabel="key: token that is read", ylabel="query: token that reads")
        draw_frames(axes["mel"], mel, config.mel_rate)
        axes["mel"].axvline(moments[token], color="white", linewidth=0.8)
        axes["mel"].set(title=f"What token {token} (the line) reads", xticks=[], yticks=[0, len(mel)])
        axes["row"].vlines(moments, 0, weights[token].tolist(), color=QUESTION, linewidth=3)
        axes["row"].axvline(moments[token], color=ANSWER, linewidth=0.8)
        axes["row"].set(xlabel="s", ylabel="weight", xlim=axes["mel"].get_xlim())
        axes["row"].set_ylim(bottom=0)
        axes["map"].locator_params(nbins=3)
        axes["row"].locator_params(axis="y", nbins=2)
        axes["row"].locator_params(axis="x", nbins=5)
    return figure


def padding_leaks(distances: dict[str, Float[Tensor, "time"]]) -> Figure:
    """How far each token's vector is from what it is without a neighbour, a curve for each way of padding."""
    styles = ((ANSWER, "o"), (THOUGHT, "s"), (QUESTION, "^"))
    with drawing(height=3.0) as figure:
        axes = figure.subplots()
        for (name, distance), (colour, marker) in zip(distances.items(), styles, strict=True):
            shown = distance.clamp(min=1e-8).cpu().numpy()
            axes.semilogy(shown, color=colour, marker=marker, markersize=4, linewidth=0.8, label=name)
        axes.set(xlabel="token", ylabel="distance from the vector alone")
        figure.legend(loc="outside upper center", ncols=len(distances))
    return figure
