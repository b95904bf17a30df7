"""Right and wrong side by side: what a fault does to a reply, to a map, to a waveform."""

import torch
from jaxtyping import Bool, Float
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from ...audio import log_mel_spectrogram
from ...config import AuTEncoderConfig
from .positions import visible
from .style import ANSWER, HEAT, QUESTION, drawing

FLOOR = -160  # decibels: below what float32 can tell from nothing
POINTS_PER_SECOND = 200  # of `borders`: enough for a picture, few enough to be drawn at once
MEL = dict(origin="lower", aspect="auto", cmap=HEAT)
LARGE = 15  # decibels: a difference that is drawn as bright as can be
DECIBELS = 40  # of one unit of a log-mel spectrogram: (log10 of the power + 4) / 4


def letters(rows: dict[str, Float[Tensor, "_"]], text: str, title: str) -> Figure:
    """How probable each letter of a text was, given the right ones before it: a row a model, dark for improbable."""
    with drawing(8.5, 0.34 * len(rows) + 1) as figure:
        axes = figure.subplots()
        values = torch.stack([row.cpu() for row in rows.values()])
        image = axes.imshow(values.numpy(), cmap=HEAT, vmin=0, vmax=1, aspect="auto")
        figure.colorbar(image, ax=axes, pad=0.01, label="probability")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_xticks(range(len(text)), visible(text))
        axes.set_xlabel("letter of the right reply (· is a space)")
        axes.set_title(title, parse_math=False)
    return figure


def matrices(panels: dict[str, Float[Tensor, "_ _"]], xlabel: str, ylabel: str, label: str) -> Figure:
    """Heat maps side by side on one scale of colours; `label` says what the colours are."""
    everything = torch.cat([panel.flatten() for panel in panels.values()])
    low, high = float(everything.min()), float(everything.max())
    with drawing(height=3.2) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, panel) in zip(all_axes, panels.items(), strict=True):
            options = dict(cmap=HEAT, vmin=low, vmax=high, aspect="auto")
            image = axes.imshow(panel.cpu().numpy(), **options)
            axes.set(title=title, xlabel=xlabel)
        all_axes[0].set_ylabel(ylabel)
        figure.colorbar(image, ax=list(all_axes), pad=0.01, label=label)
    return figure


def masks(panels: dict[str, Bool[Tensor, "_ _"]], past: int) -> Figure:
    """Which keys each new query may read: blue, read; a line between the `past` keys of the cache and the new ones."""
    with drawing(height=2.1) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, mask) in zip(all_axes, panels.items(), strict=True):
            queries, keys = mask.shape
            read = mask.float().cpu().numpy()
            options = dict(cmap=ListedColormap(["0.93", QUESTION]), vmin=0, vmax=1, edgecolor="white", linewidth=2)
            axes.pcolormesh(read, **options)
            axes.axvline(past, color="black", linewidth=1.5)
            axes.set(title=title, xlabel=f"key: {past} in the cache | {keys - past} new", ylabel="query")
            axes.set(ylim=(queries, 0), aspect="equal")
            axes.set_xticks([key + 0.5 for key in range(keys)], [str(key) for key in range(keys)])
            axes.set_yticks([query + 0.5 for query in range(queries)], [str(past + query) for query in range(queries)])
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0)
    return figure


def distances(rows: dict[str, Float[Tensor, "_"]], title: str) -> Figure:
    """How much attention goes how many positions back: a bar for each, a colour a model."""
    width = 0.8 / len(rows)
    with drawing(height=2.4) as figure:
        axes = figure.subplots()
        for i, (colour, (name, shares)) in enumerate(zip((QUESTION, ANSWER), rows.items(), strict=True)):
            places = [distance + (i - (len(rows) - 1) / 2) * width for distance in range(len(shares))]
            axes.bar(places, shares.tolist(), width=width, color=colour, label=name)
        axes.set_xticks(range(len(shares)))
        axes.set(title=title, xlabel="positions back", ylabel="attention, mean")
        axes.legend(frameon=False)
    return figure


def speech_difference(
    right: Float[Tensor, "samples"], wrong: Float[Tensor, "samples"], config: AuTEncoderConfig, titles: tuple[str, str]
) -> Figure:
    """Two log-mel spectrograms on one scale of colours, and below them by how many decibels they differ."""
    mels = log_mel_spectrogram(torch.stack([right, wrong]).cpu(), config)
    apart = DECIBELS * (mels[1] - mels[0]).abs()
    extent = (0, len(right) / config.sample_rate, 0, config.n_mels)
    with drawing(height=5.2) as figure:
        all_axes = figure.subplots(3, sharex=True)
        panels = zip((*titles, f"The difference, {apart.mean():.1f} dB on average"), (*mels, apart), strict=True)
        for axes, (title, values) in zip(all_axes, panels, strict=True):
            image = axes.imshow(values.numpy(), extent=extent, **MEL)
            image.set_clim(float(mels.min()), float(mels.max()))
            axes.set_title(title, parse_math=False)
            axes.set_ylabel("mel filter")
        image.set_clim(0, LARGE)
        figure.colorbar(image, ax=all_axes[-1], pad=0.01, label="dB", extend="max")
        all_axes[-1].set_xlabel("seconds")
    return figure


def shifted(rows: dict[str, Float[Tensor, "_"]], sample_rate: int, shift: int) -> Figure:
    """Two waveforms against milliseconds; the second comes `shift` samples early, and an arrow shows one peak of it."""
    (_, late), _ = rows.items()
    peak = shift + int(late[shift:].argmax())
    milliseconds = [1000 * place / sample_rate for place in (peak, peak - shift)]
    with drawing(height=3.2) as figure:
        all_axes = figure.subplots(2, sharex=True, sharey=True)
        for axes, (name, waveform), colour in zip(all_axes, rows.items(), (QUESTION, ANSWER), strict=True):
            time = [1000 * i / sample_rate for i in range(len(waveform))]
            axes.plot(time, waveform.cpu(), color=colour, linewidth=1)
            axes.set(title=name, ylabel="sample", xlim=(0, time[-1]))
            for place in milliseconds:
                axes.axvline(place, color="black", linestyle="--", linewidth=0.8)
        high = float(late.max())
        arrow = dict(arrowstyle="<-", linewidth=1.5, shrinkA=0, shrinkB=0)
        all_axes[1].annotate("", (milliseconds[0], 1.2 * high), (milliseconds[1], 1.2 * high), arrowprops=arrow)
        label = f"{1000 * shift / sample_rate:.1f} ms early"
        all_axes[1].text(sum(milliseconds) / 2, 1.3 * high, label, ha="center")
        all_axes[1].set(xlabel="ms", ylim=(1.1 * float(late.min()), 1.7 * high))
    return figure


def borders(
    offline: Float[Tensor, "samples"], pieces: Float[Tensor, "samples"], piece: int, sample_rate: int, title: str
) -> Figure:
    """A sound made at once, and how far the same made in pieces is from it, in decibels of full scale, against time."""
    every = sample_rate // POINTS_PER_SECOND
    whole = len(offline) // every * every
    envelope = offline[:whole].cpu().view(-1, every)
    error = (pieces - offline)[:whole].abs().cpu().view(-1, every).amax(dim=1)
    decibels = 20 * error.clamp(min=10 ** (FLOOR / 20)).log10()
    time = [(i + 0.5) / POINTS_PER_SECOND for i in range(len(decibels))]
    with drawing(height=3.6) as figure:
        figure.set_layout_engine("none")  # finding a layout takes longer than all else, and this figure has one
        margins = dict(left=0.09, right=0.99, bottom=0.13, top=0.93, hspace=0.35)
        sound, apart = figure.subplots(2, 1, sharex=True, gridspec_kw=margins)
        sound.fill_between(time, envelope.amin(dim=1), envelope.amax(dim=1), color=QUESTION, linewidth=0)
        sound.set(title=title, ylabel="sample", xlim=(0, len(offline) / sample_rate))
        starts = [border / sample_rate for border in range(piece, len(offline), piece)]
        apart.vlines(starts, FLOOR, 5, color="0.8", linewidth=0.8, zorder=0)
        apart.plot(time, decibels.tolist(), color=ANSWER, linewidth=1)
        apart.set(title="Its difference from the sound made at once; grey: a new piece", xlabel="seconds")
        apart.set(ylabel="dB of full scale", ylim=(FLOOR, 5), yticks=range(FLOOR, 1, 40))
    return figure
