"""How codes become sound: codebooks, upsampling stages, transposed convolutions, reach, seams."""

import matplotlib
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Arc
from torch import Tensor

from .style import ANSWER, HEAT, QUESTION, SIGNED, SKY, THOUGHT, drawing

FAINT, MARK = "0.75", SKY
STEPS = 12  # colours in a picture: enough to read it by, and a third of the bytes
Values = Float[Tensor, "_"]


def code_colours(codebook_size: int) -> ListedColormap:
    """A colour tells a code from others, and no more: shuffled, since a larger code is not a brighter sound."""
    shuffled = torch.randperm(codebook_size, generator=torch.Generator().manual_seed(0))
    return ListedColormap(matplotlib.colormaps[HEAT].resampled(codebook_size)(shuffled.numpy()))


def draw_codes(axes: Axes, codes: Int[Tensor, "frames codebooks"], seconds: float, codebook_size: int) -> None:
    """One column a frame, one row a codebook, against seconds."""
    codebooks = codes.shape[1]
    options = dict(aspect="auto", cmap=code_colours(codebook_size), vmin=-0.5, vmax=codebook_size - 0.5)
    axes.imshow(codes.T.cpu().numpy(), extent=(0, seconds, codebooks - 0.5, -0.5), **options)
    axes.set(ylabel="codebook", yticks=range(codebooks))


def draw_mel(axes: Axes, mel: Float[Tensor, "mels columns"], seconds: float) -> AxesImage:
    """A log-mel spectrogram against seconds."""
    options = dict(origin="lower", aspect="auto", extent=(0, seconds, 0, len(mel)))
    axes.set(xlabel="s", ylabel="mel filter")
    return axes.imshow(mel.cpu().numpy(), cmap=matplotlib.colormaps[HEAT].resampled(STEPS), **options)


def codes_and_sound(
    codes: Int[Tensor, "frames codebooks"], waveform: Float[Tensor, "samples"], sample_rate: int, codebook_size: int
) -> Figure:
    """The codes of every frame and, below them on the same scale of time, the sound that they become."""
    seconds = len(waveform) / sample_rate
    with drawing(height=3.4) as figure:
        grid, sound = figure.subplots(2, 1, sharex=True)
        draw_codes(grid, codes, seconds, codebook_size)
        grid.set_title(f"{codes.shape[1]} codes a frame, {len(codes)} frames")
        time = [sample / sample_rate for sample in range(len(waveform))]
        sound.plot(time, waveform.cpu().numpy(), color=QUESTION, linewidth=0.6)
        sound.set(title="What Code2Wav makes of them", xlabel="s", ylabel="sample", xlim=(0, seconds))
    return figure


def residual_search(
    panels: Float[Tensor, "codebooks codebook_size 2"], left: Float[Tensor, "steps frames"], frame: int
) -> Figure:
    """How one frame is coded, codebook by codebook, and how much is left over of all frames.

    `panels`: each codebook's vectors as (along the residual, off its line); the residual itself, a star, is at (its
    length, 0); a dot is the nearest vector.
    `left`: the length of what is left over after 0, 1, 2 … codebooks.
    """
    lengths = left[:, frame].tolist()
    with drawing(8, 3.8) as figure:
        figure.set_layout_engine("none")  # half the time of a move
        margins = dict(left=0.07, right=0.98, bottom=0.13, top=0.91, wspace=0.3, hspace=0.5)
        grid = figure.add_gridspec(2, 3, width_ratios=(3, 3, 2.6), **margins)
        for k, points in enumerate(panels.cpu()):
            axes = figure.add_subplot(grid[k // 2, k % 2])
            distances = torch.hypot(points[:, 0] - lengths[k], points[:, 1])
            chosen = points[distances.argmin()]
            axes.plot(*points.T.numpy(), "s", color=FAINT, markersize=2, markeredgewidth=0, antialiased=False)
            axes.plot(lengths[k], 0, "*", color=ANSWER, markersize=11, clip_on=False)
            axes.plot(*chosen.numpy(), "o", color=QUESTION, markersize=6)
            size = 2 * float(distances.min())
            axes.add_patch(Arc((lengths[k], 0), size, size, theta2=180, color=QUESTION, linewidth=1))
            axes.set(title=f"Codebook {k}: {lengths[k]:.2f} → {distances.min():.2f}", ylabel="off its line")
            axes.set(xlabel="along it" if k > 1 else None, ylim=(0, None), aspect="equal", anchor="W")
            axes.set_xticks((0, lengths[k]), ("0", f"{lengths[k]:.2f}"))
            axes.set(yticks=())  # ticks take time
            if k == 0:
                axes.text(0.02, 0.04, "star: to be coded\ndot: nearest", transform=axes.transAxes, fontsize=8)
        rest, steps = figure.add_subplot(grid[:, 2]), range(len(left))
        least, most = (ends.cpu().numpy() for ends in left.aminmax(dim=1))
        rest.fill_between(steps, least, most, color=FAINT, alpha=0.6, linewidth=0, label="all frames")
        rest.plot(steps, left.mean(dim=1).cpu().numpy(), "o-", color=ANSWER, label="their mean")
        rest.plot(steps, lengths, ".--", color=QUESTION, label=f"frame {frame}")
        rest.set(title="What is left over", xlabel="codebooks used", ylabel="length of the residual")
        rest.set(xticks=steps, ylim=(0, None))
        rest.locator_params(axis="y", nbins=4)
        rest.legend(loc="upper right", fontsize=8)
    return figure


def codebooks_come_in(mels: list[Float[Tensor, "mels columns"]], seconds: float, shown: tuple[float, float]) -> Figure:
    """Above, log-mel spectrograms of the sound from the first codebook and from all, from when to when is `shown`.

    Below, how far the sound from 1, 2, 3 … codebooks is from that of all; in the titles, the mean of the whole sound.
    """
    missing = [(mel - mels[-1]).abs() for mel in mels[:-1]]
    most = float(missing[0].quantile(0.99))
    with drawing(7.5, 3.6) as figure:
        above, below = figure.subfigures(2, 1)
        for kept, axes in zip((1, len(mels)), above.subplots(1, 2, sharey=True), strict=True):
            above.colorbar(draw_mel(axes, mels[kept - 1], seconds), ax=axes, pad=0.01, label="log-mel")
            axes.set(title=f"From {kept} of {len(mels)} codebooks", xlim=shown)
            axes.label_outer()
        options = dict(origin="lower", aspect="auto", extent=(0, seconds, 0, len(mels[0])), vmin=0, vmax=most)
        rows = zip(missing, below.subplots(1, len(missing), sharey=True, squeeze=False)[0], strict=True)
        for kept, (far, axes) in enumerate(rows, start=1):
            image = axes.imshow(far.cpu().numpy(), cmap=matplotlib.colormaps[HEAT].resampled(STEPS), **options)
            axes.set(title=f"Missing from {kept}: {far.mean():.3f}", xlabel="s", ylabel="mel filter", xlim=shown)
            axes.label_outer()
        below.colorbar(image, ax=below.axes, pad=0.01, label="log-mel", extend="max")
    return figure


def feature_maps(signals: dict[str, Float[Tensor, "_ _"]], sound: Float[Tensor, "samples"], ms: int) -> Figure:
    """Every channel of every stage over the same excerpt of time, and the sound that comes of it.

    Each channel is scaled to its own spread; channels that swing alike lie side by side.
    """
    heights = [channels**0.5 for channels in map(len, signals.values())]
    with drawing(7.2, 4.4) as figure:
        *maps, last = figure.subplots(len(signals) + 1, 1, sharex=True, height_ratios=[*heights, 1.6 * heights[-1]])
        for axes, (title, signal) in zip(maps, signals.items(), strict=True):
            centred = signal - signal.mean(dim=1, keepdim=True)
            scaled = centred / centred.std(dim=1, keepdim=True)
            plane = scaled @ torch.linalg.svd(scaled, full_matrices=False).Vh[:2].T
            alike = torch.atan2(plane[:, 1], plane[:, 0]).argsort()
            colours = matplotlib.colormaps[SIGNED].resampled(7)
            options = dict(aspect="auto", cmap=colours, vmin=-3, vmax=3)
            image = axes.imshow(scaled[alike].cpu().numpy(), extent=(0, ms, len(signal), 0), **options)
            axes.set(title=f"{title}, {len(signal)} channels", yticks=[])
        figure.colorbar(image, ax=maps, label="standard deviations", pad=0.01)
        figure.supylabel("channels", fontsize=9)
        time = [ms * i / len(sound) for i in range(len(sound))]
        last.plot(time, sound.cpu().numpy(), color=QUESTION, linewidth=0.8)
        last.set(title="The sound", xlabel="ms", ylabel="sample", xlim=(0, ms))
    return figure


def signals_and_spectra(
    rows: dict[str, tuple[Values, Values]],
    rates: list[int],
    milliseconds: int,
    marks: tuple[int, ...] = (),
    highest: int | None = None,
) -> Figure:
    """A row for each signal: left, an excerpt of so many milliseconds; right, its spectrum, up to half of its rate.

    `marks`: frequencies of images, in hertz; `highest`: where spectra end, if not at half of the rate.
    """
    with drawing(7, 0.9 * len(rows) + 0.4) as figure:
        grid = figure.subplots(len(rows), 2, squeeze=False)
        for axes, (title, (excerpt, decibels)), rate in zip(grid, rows.items(), rates, strict=True):
            time = [milliseconds * i / len(excerpt) for i in range(len(excerpt))]
            marker = "o" if len(excerpt) < 50 else None
            options = dict(color=QUESTION, linewidth=0.9, marker=marker, markersize=3)
            axes[0].plot(time, excerpt.cpu().numpy(), **options)
            axes[0].set(title=title, xlim=(0, milliseconds), ylabel="signal")
            for mark in marks:
                axes[1].axvline(mark, color=MARK, linestyle=":", linewidth=1.4)
            hertz = [rate / 2 * i / (len(decibels) - 1) for i in range(len(decibels))]
            axes[1].plot(hertz, decibels.cpu().numpy(), color=ANSWER, linewidth=0.8)
            axes[1].set(xlim=(0, highest or rate / 2), ylim=(-70, max(5, float(decibels.max()) + 3)), ylabel="dB")
            axes[1].set_title(f"0 to {highest or rate // 2:,} Hz" + "; dotted: images" * bool(marks))
        grid[-1, 0].set_xlabel("ms")
        grid[-1, 1].set_xlabel("Hz")
    return figure


def overlap_add(inputs: Float[Tensor, "time"], kernel: Float[Tensor, "taps"], stride: int) -> Figure:
    """A transposed convolution of one channel: the copies of the kernel, and their sum with the end that is trimmed."""
    time, taps = len(inputs), len(kernel)
    total = kernel.new_zeros((time - 1) * stride + taps)
    with drawing(7.5, 3.6) as figure:
        copies, summed = figure.subplots(2, 1, sharex=True)
        for t, value in enumerate(inputs):
            copy, begin = value * kernel, t * stride
            total[begin : begin + taps] += copy
            colour = (QUESTION, ANSWER)[t % 2]
            copies.plot(range(begin, begin + taps), copy.cpu().numpy(), "o-", color=colour, markersize=3, linewidth=1)
            place = dict(xycoords=("data", "axes fraction"), ha="center", va="top", color=colour, fontsize=8)
            copies.annotate(f"input {t}\n{value:.1f}", (begin + stride / 2 - 0.5, 1), **place)
        kept = time * stride
        summed.bar(range(kept), total[:kept].cpu().numpy(), color=THOUGHT, width=0.8, label="kept")
        summed.bar(range(kept, len(total)), total[kept:].cpu().numpy(), color=FAINT, width=0.8, label="trimmed")
        for axes in (copies, summed):
            axes.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
            for border in range(0, len(total) + 1, stride):
                axes.axvline(border - 0.5, color=FAINT, linewidth=0.6, zorder=0)
        copies.set(title=f"Each input adds its copy of the kernel, {stride} samples later", ylabel="copy")
        copies.margins(y=0.25)
        title = "Their sum: a block of the stride's length for each input"
        summed.set(title=title, xlabel="sample", ylabel="sum", xlim=(-1, len(total)))
        summed.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def impulses(responses: dict[str, Values], frame: int, samples_per_frame: int) -> Figure:
    """Which samples one frame reaches, a row for each way to trim, around the samples that are the frame's own."""
    first, last = frame * samples_per_frame, (frame + 1) * samples_per_frame
    with drawing(height=1.3 * len(responses) + 0.4) as figure:
        rows = figure.subplots(len(responses), sharex=True, squeeze=False)[:, 0]
        for axes, (title, response) in zip(rows, responses.items(), strict=True):
            axes.axvspan(first, last, color=MARK, alpha=0.3, linewidth=0, label=f"frame {frame}'s own samples")
            axes.plot((response / response.max()).cpu().numpy(), color=QUESTION, linewidth=1.5)
            axes.set(title=title, ylabel="response", ylim=(0, 1.1), xlim=(first - 400, last + 600))
        rows[0].legend(loc="upper left", fontsize=8)
        rows[-1].set_xlabel("sample")
    return figure


def reach(difference: Float[Tensor, "samples"], frame: int, stages: dict[str, float], samples_per_frame: int) -> Figure:
    """From a frame that changes: how far it reaches after each layer, in frames, and how much each sample changes."""
    floor, first, last = 1e-9, max(frame - 2, 0), frame + 8
    excerpt = difference[first * samples_per_frame : last * samples_per_frame]
    with drawing(7.2, 3.2) as figure:
        bars, axes = figure.subplots(2, 1, sharex=True)
        bars.barh(list(stages), list(stages.values()), left=frame, color=MARK, height=0.7)
        bars.invert_yaxis()
        bars.set(title=f"How far frame {frame} reaches, after each layer")
        time = [first + i / samples_per_frame for i in range(len(excerpt))]
        axes.semilogy(time, excerpt.clamp(min=floor).cpu().numpy(), color=QUESTION, linewidth=0.5)
        axes.axvspan(frame, frame + max(stages.values()), color=MARK, alpha=0.25, linewidth=0)
        axes.set(title=f"The sound, when one code of frame {frame} is another", xlabel="frame")
        axes.set(ylabel="change of a sample", xlim=(first, last), ylim=(floor, 3), xticks=range(first, last + 1))
    return figure


def seams(
    offline: Float[Tensor, "samples"], pieces: dict[str, Float[Tensor, "samples"]], border: int, sample_rate: int
) -> Figure:
    """One border between pieces, closer: the sound made at once and a row for each sound that was made in pieces."""
    milliseconds = [1000 * (i - border) / sample_rate for i in range(len(offline))]
    with drawing(7.2, 1.3 * len(pieces) + 0.4) as figure:
        rows = figure.subplots(len(pieces), sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (title, waveform) in zip(rows, pieces.items(), strict=True):
            axes.axvline(0, color=FAINT, zorder=0)
            axes.plot(milliseconds, offline.cpu().numpy(), color=FAINT, linewidth=3, label="made at once")
            axes.plot(milliseconds, waveform.cpu().numpy(), color=QUESTION, linewidth=0.9, label="made in pieces")
            error = float((waveform - offline).abs().max())
            off = "off by less than 1e-5" if error < 1e-5 else f"off by {error:.2f} at most"
            axes.set(title=f"{title}: {off}", ylabel="sample", xlim=milliseconds[:: len(offline) - 1])
        rows[0].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        rows[-1].set_xlabel("ms from the border")
    return figure


def coverage(reached: Values, copy: Values, stride: int, cut: tuple[int, int], wanted: int) -> Figure:
    """Constant input through a kernel of ones: how many inputs reach each sample; and where one input's copy lies.

    `copy`: the samples of the third input alone; `cut`: so many are trimmed at either end; `wanted`: how many to keep.
    """
    (left, right), total = cut, len(reached)
    kept = range(left, total - right)
    with drawing(height=3.2) as figure:
        counts, one = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        colours = [QUESTION if i in kept else FAINT for i in range(total)]
        places = [i - left for i in range(total)]
        counts.vlines(places, 0, reached.cpu().numpy(), colors=colours, linewidth=7)
        title, ticks = f"{len(kept)} samples are kept (blue), {wanted} are wanted", range(int(reached.max()) + 1)
        counts.set(title=title, ylabel="inputs", yticks=ticks, ylim=(0, None))
        block = (2 * stride - 0.5, 3 * stride - 0.5)
        one.axvspan(*block, color=MARK, alpha=0.3, linewidth=0)
        one.vlines(places, 0, copy.cpu().numpy(), colors=ANSWER, linewidth=4)
        one.set(title="The copy of input 2; shaded: the block that is its own", xlabel="sample", ylabel="copy")
        one.set(yticks=[0, 1], ylim=(0, 1.4))
    return figure
