"""Sound as curves and pictures: waveforms, one frame and its spectrum, mel filters, spectrograms."""

from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from torch import Tensor

from .style import ANSWER, HEAT, QUESTION, TWO_CURVES, drawing

COLOURS = (QUESTION, ANSWER)
ROUND_HERTZ = (8000, 4000, 2000, 1000, 500, 250, 125)  # where an axis of uneven frequencies has its ticks
UNITS = {"s": ("seconds", 1), "ms": ("milliseconds", 1000)}


def _decibels(power: Float[Tensor, "_"]) -> Float[ndarray, "_"]:
    return 10 * (power / power.max()).clamp(min=1e-12).log10().cpu().numpy()


def _hertz(power: Float[Tensor, "_"], sample_rate: int) -> list[float]:
    """The frequencies of a spectrum from 0 Hz to half the sample rate."""
    return [i * sample_rate / 2 / (len(power) - 1) for i in range(len(power))]


def waveforms(rows: dict[str, Float[Tensor, "_"]], sample_rate: int, unit: str = "s") -> Figure:
    """Samples against time, a row each, on one scale of time.

    `unit`: "s" or "ms".
    """
    label, factor = UNITS[unit]
    longest = max(map(len, rows.values()))
    with drawing(height=1.5 * len(rows) + 0.5) as figure:
        all_axes = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
        for axes, (title, waveform) in zip(all_axes, rows.items(), strict=True):
            time = [factor * sample / sample_rate for sample in range(len(waveform))]
            axes.plot(time, waveform.cpu().numpy(), color=QUESTION, linewidth=0.8)
            axes.set(title=title, ylabel="sample", xlim=(0, factor * longest / sample_rate))
        axes.set_xlabel(label)
    return figure


def frame_and_spectrum(
    frames: dict[str, Float[Tensor, "_"]], spectra: dict[str, Float[Tensor, "_"]], sample_rate: int
) -> Figure:
    """Frames of samples on the left; on the right their power in decibels below the peak, against frequency."""
    with drawing() as figure:
        left, right = figure.subplots(1, 2)
        for (colour, style), frame in zip(reversed(TWO_CURVES), frames.values(), strict=True):
            time = [1000 * i / sample_rate for i in range(len(frame))]
            left.plot(time, frame.cpu().numpy(), style, color=colour)
        for (colour, style), (name, power) in zip(reversed(TWO_CURVES), spectra.items(), strict=True):
            right.plot(_hertz(power, sample_rate), _decibels(power), style, color=colour, label=name)
        left.set(xlabel="milliseconds", ylabel="sample", title="Frame")
        right.set(xlabel="Hz", ylabel="dB, peak = 0", title="Power spectrum", ylim=(-90, 3))
        right.legend(loc="upper right")
    return figure


def compared_spectra(spectra: dict[str, Float[Tensor, "_"]], sample_rate: int, highest: int | float) -> Figure:
    """Two power spectra in decibels, each below its own peak, up to `highest` Hz."""
    with drawing(height=2.2) as figure:
        axes = figure.subplots()
        for (colour, style), (name, power) in zip(TWO_CURVES, spectra.items(), strict=True):
            axes.plot(_hertz(power, sample_rate), _decibels(power), style, color=colour, label=name)
        axes.set(xlabel="Hz", ylabel="dB, peak = 0", xlim=(0, highest), ylim=(-50, 3))
        axes.legend(loc="upper right")
    return figure


def sampled_spectrum(
    curve: Float[Tensor, "_"], points: dict[str, Float[Tensor, "_"]], sample_rate: int, highest: int | float
) -> Figure:
    """A dense power spectrum as a curve, coarser ones as dots on it, up to `highest` Hz."""
    marks = ((QUESTION, "o", 7), (ANSWER, ".", 7))
    with drawing() as figure:
        axes = figure.subplots()
        name = f"transform of {2 * (len(curve) - 1):,}"
        axes.plot(_hertz(curve, sample_rate), _decibels(curve), color="0.6", linewidth=1, label=name)
        for (colour, marker, size), (name, power) in zip(marks, points.items(), strict=True):
            hollow = dict(marker=marker, markersize=size, linestyle="", markerfacecolor="none" if size > 6 else colour)
            axes.plot(_hertz(power, sample_rate), _decibels(power), color=colour, label=name, **hollow)
        axes.set(xlabel="Hz", ylabel="dB, peak = 0", xlim=(0, highest), ylim=(-70, 3))
        axes.legend(loc="upper right")
    return figure


def mel_scales(hertz: Float[Tensor, "points"], scales: dict[str, Float[Tensor, "points"]]) -> Figure:
    """Mel against hertz, each scale from 0 to 1 over the range, so that their shapes compare."""
    with drawing(6, 2.8) as figure:
        axes = figure.subplots()
        for (colour, style), (name, mel) in zip(TWO_CURVES, scales.items(), strict=True):
            axes.plot(hertz.cpu().numpy(), (mel / mel[-1]).cpu().numpy(), style, color=colour, label=name)
        axes.set(xlabel="Hz", ylabel="mel, share of its range", title="Ears spread low frequencies out")
        axes.legend()
    return figure


def filter_bank(banks: dict[str, Float[Tensor, "_ bins"]], sample_rate: int, every: int = 8) -> Figure:
    """One filter in `every`, its gain at each bin against frequency, a row for each bank."""
    with drawing(height=1.7 * len(banks) + 0.3) as figure:
        all_axes = figure.subplots(len(banks), sharex=True, sharey=True, squeeze=False)[:, 0]
        highest = max(float(filters[::every].max()) for filters in banks.values())
        for colour, axes, (title, filters) in zip(COLOURS, all_axes, banks.items(), strict=True):
            for gains in filters[::every]:
                axes.fill_between(
                    _hertz(gains, sample_rate), gains.cpu().numpy(), color=colour, alpha=0.25, linewidth=0
                )
                axes.plot(_hertz(gains, sample_rate), gains.cpu().numpy(), color=colour, linewidth=1)
            axes.set(title=title, ylabel="gain, 1/Hz", xlim=(0, sample_rate / 2), ylim=(0, 1.05 * highest))
        axes.set_xlabel("Hz; drawn at the bins: a tip between two of them is cut")
    return figure


def _triangles(axes: Axes, edges: Float[Tensor, "edges"], bin_width: int | float, colour: str) -> None:
    """Filters as triangles, a dot on each where it meets a bin; one that meets none is filled black."""
    for left, centre, right in zip(edges[:-2].tolist(), edges[1:-1].tolist(), edges[2:].tolist(), strict=True):
        inside = [bin_width * k for k in range(int(right // bin_width) + 1) if left < bin_width * k < right]
        axes.plot([left, centre, right], [0, 1, 0], color=colour, linewidth=1)
        gains = [min((hertz - left) / (centre - left), (right - hertz) / (right - centre)) for hertz in inside]
        axes.plot(inside, gains, "o", color=colour, markersize=4)
        if not inside:
            axes.fill([left, centre, right], [0, 1, 0], color="black")


def low_filters(edges: dict[str, Float[Tensor, "_"]], bin_width: int | float, highest: int | float) -> Figure:
    """The lowest filters as triangles between the bins, which are grey lines; black: no bin is in it."""
    with drawing(height=1.4 * len(edges) + 0.4) as figure:
        all_axes = figure.subplots(len(edges), sharex=True, squeeze=False)[:, 0]
        for axes, (title, scale), colour in zip(all_axes, edges.items(), (QUESTION, ANSWER, QUESTION), strict=False):
            for k in range(int(highest // bin_width) + 1):
                axes.axvline(k * bin_width, color="0.75", linewidth=1, zorder=0)
            _triangles(axes, scale[scale < 1.5 * highest], bin_width, colour)
            axes.set(title=title, ylabel="gain / peak", xlim=(-2, highest), ylim=(0, 1.1))
        axes.set_xlabel("Hz; grey: the bins; black: a filter without a bin")
    return figure


def _hertz_ticks(axes: Axes, hertz: Float[Tensor, "_"]) -> None:
    """Label the rows of a picture by their frequencies, at round ones."""
    rows, names = [], []
    for value in ROUND_HERTZ:
        row = int((hertz.cpu() - value).abs().argmin()) + 0.5
        if value <= float(hertz[-1]) and (not rows or rows[-1] - row > len(hertz) / 12):
            rows.append(row)
            names.append(f"{value:,}")
    axes.set_yticks(rows, names)
    axes.set_ylabel("Hz")


def spectrograms(
    rows: dict[str, Float[Tensor, "_ _"]],
    seconds: int | float,
    label: str | Sequence[str] = "log-mel",
    hertz: Sequence[Float[Tensor, "_"]] | None = None,
    one_scale: bool = False,
) -> Figure:
    """Pictures of frequency against time, a row each, on one scale of time.

    With `one_scale`, of colours too. `label` names what the colours are, of all or of each; `hertz` gives the frequency
    of each row of each picture, else rows are numbered.
    """
    labels = [label] * len(rows) if isinstance(label, str) else label
    ends = [float(end) for values in rows.values() for end in values.aminmax()]
    with drawing(height=1.9 * len(rows) + 0.3) as figure:
        all_axes = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
        for i, (axes, (title, values)) in enumerate(zip(all_axes, rows.items(), strict=True)):
            extent = (0, seconds, 0, values.shape[0])
            options = dict(origin="lower", aspect="auto", cmap=HEAT, extent=extent)
            if one_scale:
                options |= dict(vmin=min(ends), vmax=max(ends))
            image = axes.imshow(values.cpu().numpy(), **options)
            figure.colorbar(image, ax=axes, pad=0.01, label=labels[i])
            axes.set(title=title, ylabel="mel filter")
            if hertz is not None:
                _hertz_ticks(axes, hertz[i])
        axes.set_xlabel("seconds")
    return figure
