"""What the Talker is fed, says and looks at, step by step, and the language in which it is told what to say."""

import matplotlib
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ...audio import log_mel_spectrogram
from ...config import AuTEncoderConfig, TalkerConfig
from .cells import cells
from .style import ANSWER, HEAT, QUESTION, SERIES, SKY, THOUGHT, TWO_CURVES, drawing

WINDOW = 6  # steps that talker_step shows at a time, the newest last
FRAME = SKY  # seen on black and on yellow
BRIGHTEST = 0.4  # share of a head's attention: few letters get more


def code_name(code: int, config: TalkerConfig) -> str:
    """How pictures write a code: its number, "beg" or "end"."""
    return {config.begin_id: "beg", config.end_id: "end"}.get(code, str(code))


def delay_grid(steps: Int[Tensor, "steps codebooks"], config: TalkerConfig) -> Figure:
    """Delayed codes, a column a step; the codes of one frame share a colour, and lie on a diagonal."""
    count, codebooks = steps.shape
    frame = torch.arange(count)[None] - torch.arange(codebooks)[:, None]
    frames = count - codebooks
    inside = (frame >= 0) & (frame < frames)
    shades = torch.where(inside, 0.15 + 0.8 * frame / frames, float("nan"))
    names = [[code_name(code, config) for code in row] for row in steps.T.tolist()]
    with drawing(8, 2) as figure:
        axes = figure.subplots()
        cells(axes, shades, names)
        axes.set_yticks(range(codebooks))
        axes.set_xticks(range(count))
        axes.set(xlabel="step of 20 ms", ylabel="codebook", title="A colour a frame: codebook k is k steps late")
    return figure


def codebook_influence(lost: Float[Tensor, "codebooks codebooks"]) -> Figure:
    """Nats lost on a codebook's code, a row each, when a code of the step before is disturbed, a column each.

    Framed: the disturbed code is of the same frame as the predicted one.
    """
    values = lost.cpu()
    with drawing(4.4, 3.2) as figure:
        axes = figure.subplots()
        cells(axes, values / values.max(), [[f"{value:.2f}" for value in row] for row in values.tolist()], 9.0)
        for row in range(1, len(values)):
            axes.add_patch(Rectangle((row - 1.48, row - 0.48), 0.96, 0.96, fill=False, edgecolor=FRAME, linewidth=3))
        axes.set_xticks(range(len(values)))
        axes.set_yticks(range(len(values)))
        axes.set(
            xlabel="codebook disturbed, one step before",
            ylabel="codebook predicted",
            title="Nats lost on the next code",
        )
    return figure


def end_probabilities(ends: Float[Tensor, "steps codebooks"], first: int) -> Figure:
    """How probable each codebook holds the end to be, from step `first` on."""
    with drawing(height=2.4) as figure:
        axes = figure.subplots()
        for k, (colour, curve) in enumerate(zip(SERIES, ends.T.tolist(), strict=False)):
            steps, width = range(first, len(curve)), 5.5 - 1.5 * k  # where curves are one, all can be seen
            axes.plot(
                steps, curve[first:], "o-", color=colour, linewidth=width, markersize=width, label=f"codebook {k}"
            )
        axes.set(xlabel="step of 20 ms", ylabel="probability", ylim=(-0.06, 1.06))
        axes.set_title("How probable each codebook holds it that speech is over")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def lengths_of_speech(letters: list[int], frames: list[int]) -> Figure:
    """Frames of speech against bytes of text, a dot a sentence; below the line the text would not be in yet."""
    with drawing(5, 3) as figure:
        axes = figure.subplots()
        axes.plot(letters, frames, "o", color=ANSWER, markersize=4, alpha=0.6)
        axes.plot([0, max(letters)], [0, max(letters)], color=QUESTION, label="the last byte comes in")
        axes.set(
            xlabel="bytes of text", ylabel="frames of 20 ms", title="Speech takes longer than its text", xlim=(0, None)
        )
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left")
    return figure


def removed_words(moved: Float[Tensor, "words steps"], words: list[str]) -> Figure:
    """How far each step's distributions move when a word is taken out of the message, a row each."""
    with drawing(9, 0.3 * len(words) + 0.9) as figure:
        axes = figure.subplots()
        image = axes.imshow(moved.cpu().numpy(), aspect="auto", cmap=HEAT, vmin=0)
        axes.set_yticks(range(len(words)), words)
        axes.set(xlabel="step of 20 ms", ylabel="without", title="Which steps miss a word of the message")
        figure.colorbar(image, ax=axes, label="KL, nats", pad=0.01)
    return figure


def alignment(shares: Float[Tensor, "steps letters"], letters: list[str], title: str) -> Figure:
    """How one head divides, at each step, its attention to the steps in which the letters came in."""
    with drawing(9, 4.8) as figure:
        axes = figure.subplots()
        options = dict(aspect="auto", cmap=HEAT, vmin=0, vmax=BRIGHTEST)
        image = axes.imshow(shares.T.cpu().numpy(), **options)
        newest = range(len(letters))
        axes.plot(newest, newest, "--", color="white", linewidth=1, label="the letter that comes in")
        axes.set_yticks(range(len(letters)), letters, fontsize=9)
        axes.set(xlabel="step of 20 ms", ylabel="letter, by the step it came in", title=title)
        axes.legend(loc="upper right", labelcolor="white", facecolor="black", framealpha=0.5)
        figure.colorbar(image, ax=axes, label="share", pad=0.01, extend="max")
    return figure


def talker_step(
    step: int,
    letters: list[str],
    message: Int[Tensor, "letters"],
    steps: Int[Tensor, "steps codebooks"],
    looks: Float[Tensor, "letters"],
    config: TalkerConfig,
) -> Figure:
    """One step: what goes in (blue), what comes out (orange), the frame it completes (framed), what it looks at."""
    with drawing(8, 3.9) as figure:
        figure.set_layout_engine("none")  # placed by hand: a layout engine takes a third of the time of a move
        margins = dict(left=0.13, right=0.99, bottom=0.13, top=0.93, hspace=0.45)
        grid, bars = figure.subplots(2, 1, height_ratios=(2.6, 1), gridspec_kw=margins)
        _draw_tracks(grid, step, letters, message, steps, config)
        bars.vlines(range(len(letters)), 0, looks.tolist(), color=THOUGHT, linewidth=13)
        for place, letter in enumerate(letters):
            bars.text(place, -0.1, letter, ha="center")
        bars.set(ylabel="share", ylim=(0, max(BRIGHTEST, float(looks.max()))), xlim=(-0.6, len(letters) - 0.4))
        bars.set_xticks([])
        bars.set_xlabel("byte of the text", labelpad=18)
    return figure


def _draw_tracks(
    axes: Axes,
    step: int,
    letters: list[str],
    message: Int[Tensor, "letters"],
    steps: Int[Tensor, "steps codebooks"],
    config: TalkerConfig,
) -> None:
    codebooks = steps.shape[1]
    first = max(0, step - WINDOW + 1)
    for column in range(first, step + 1):
        told = f"{letters[column]}  {int(message[column])}" if column < len(message) else "pad"
        names = [told, *(code_name(code, config) for code in steps[column].tolist())]
        for row, name in enumerate(names):
            axes.text(column, row, name, ha="center", va="center")
    places = {QUESTION: [(step, 0)], ANSWER: [(step, 1 + k) for k in range(codebooks)]}
    places[QUESTION] += [(step - 1, 1 + k) for k in range(codebooks) if step > first]
    for colour, corners in places.items():
        for column, row in corners:
            axes.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=colour, alpha=0.3, linewidth=0))
    frame = step - codebooks + 1
    for k in range(codebooks if frame >= 0 else 0):
        corner = (frame + k - 0.44, 1 + k - 0.44)
        axes.add_patch(Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=THOUGHT, linewidth=2))
    done = f"frame {frame} is complete (framed)" if frame >= 0 else "no frame is complete yet"
    axes.set(xlim=(first - 0.5, first + WINDOW - 0.5), ylim=(codebooks + 0.5, -0.5), xlabel="step of 20 ms")
    axes.set_title(f"step {step}: blue goes in, orange comes out; {done}")
    axes.set_xticks(range(first, first + WINDOW))
    axes.set_yticks(range(codebooks + 1), ["talker token", *(f"codebook {k}" for k in range(codebooks))])
    axes.spines[:].set_visible(False)


def token_table(
    tokens: list[list[str]], times: Float[Tensor, "letters words"], letters: list[str], words: list[str]
) -> Figure:
    """The usual talker token of each letter in each word, and at its end; bright: often used. Empty: not seen."""
    shown = torch.where(times > 0, times.clamp(min=1).log10(), float("nan"))
    with drawing(8.4, 5.4) as figure:
        axes = figure.subplots()
        largest = float(shown.nan_to_num(0).max().clamp(min=1))
        image = cells(axes, shown / largest, tokens)
        axes.set_yticks(range(len(letters)), letters, fontsize=8)
        axes.set_xticks(range(len(words)), words)
        axes.set(
            xlabel="word of the reply; with a dot: its last letter",
            ylabel="letter",
            title="The talker token of each letter in each word",
        )
        bar = figure.colorbar(image, ax=axes, label="times", pad=0.02)
        decades = range(int(largest) + 1)
        bar.set_ticks([decade / largest for decade in decades], labels=[str(10**decade) for decade in decades])
    return figure


def token_similarity(cosine: Float[Tensor, "tokens tokens"], words: list[int], letters: list[str]) -> Figure:
    """How alike the embeddings of talker tokens are; they are in the order of their words, then of their letters.

    Letters stand on the right, words on the left and below.
    """
    starts = [place for place, word in enumerate(words) if place == 0 or word != words[place - 1]]
    ends = [*starts[1:], len(words)]
    with drawing(7.6, 6.6) as figure:
        axes = figure.subplots()
        image = axes.imshow(cosine.cpu().numpy(), cmap=HEAT, vmax=1)
        for start in starts[1:]:
            axes.axvline(start - 0.5, color="white", linewidth=0.5)
            axes.axhline(start - 0.5, color="white", linewidth=0.5)
        centres = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
        axes.set_xticks(centres, [str(words[start]) for start in starts])
        axes.set_yticks(centres, [str(words[start]) for start in starts])
        axes.set(xlabel="word", ylabel="word", title="Talker tokens, as the Talker takes them")
        for place, letter in enumerate(letters):
            axes.text(len(letters) + 0.4, place, letter, ha="center", va="center", fontsize=6.5)
        figure.colorbar(image, ax=axes, label="cosine", pad=0.02)
    return figure


def heard_words(spelled: list[str], heard: list[str]) -> Figure:
    """What was heard of each word that was spelled: on the diagonal where it is the same."""
    columns = [*spelled, *sorted(set(heard) - set(spelled))]
    with drawing(6.4, 5) as figure:
        axes = figure.subplots()
        for row, (told, word) in enumerate(zip(spelled, heard, strict=True)):
            colour = QUESTION if told == word else ANSWER
            axes.plot(columns.index(word), row, "s", color=colour, markersize=9)
        axes.set_xticks(range(len(columns)), columns, rotation=90)
        axes.set_yticks(range(len(spelled)), spelled)
        axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(len(spelled) - 0.4, -0.6), xlabel="heard", ylabel="spelled")
        axes.set_title("A number spelled in talker tokens, spoken, and heard")
        axes.grid(alpha=0.3)
    return figure


def compared_speech(rows: dict[str, Float[Tensor, "_"]], config: AuTEncoderConfig) -> Figure:
    """Log-mel spectrograms of some sounds, on one scale of time and of colours."""
    longest = max(len(waveform) for waveform in rows.values()) / config.sample_rate
    mels = [log_mel_spectrogram(waveform[None].cpu(), config)[0] for waveform in rows.values()]
    scale = dict(vmin=min(float(mel.min()) for mel in mels), vmax=max(float(mel.max()) for mel in mels))
    colours = matplotlib.colormaps[HEAT].resampled(12)  # enough to read it by, and two thirds of the bytes
    with drawing(7, 1.35 * len(rows) + 0.3) as figure:
        all_axes = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
        for axes, mel, (title, waveform) in zip(all_axes, mels, rows.items(), strict=True):
            extent = (0, len(waveform) / config.sample_rate, 0, config.n_mels)
            image = axes.imshow(mel.numpy(), origin="lower", aspect="auto", cmap=colours, extent=extent, **scale)
            axes.set(xlim=(0, longest), ylabel="mel filter")
            axes.set_title(title, parse_math=False)
        all_axes[-1].set_xlabel("seconds")
        figure.colorbar(image, ax=list(all_axes), label="log-mel", pad=0.01)
    return figure


def differences(curves: dict[str, Float[Tensor, "columns"]], rate: int, marks: dict[str, float]) -> Figure:
    """How far sounds are from another one, mel column by mel column; lines at the two `marks`, in seconds."""
    with drawing(height=2.6) as figure:
        axes = figure.subplots()
        for (colour, style), (name, curve) in zip(TWO_CURVES, curves.items(), strict=True):
            axes.plot([column / rate for column in range(len(curve))], curve.tolist(), style, color=colour, label=name)
        for style, (name, second) in zip(("--", ":"), marks.items(), strict=True):
            axes.axvline(second, color="black", linewidth=1, linestyle=style, label=name)
        axes.set(xlabel="seconds", ylabel="mean difference in log-mel", title="How far the sound is from “fifteen”")
        axes.legend(loc="upper left")
    return figure


def codebook_entropy(bits: Float[Tensor, "frames codebooks"]) -> Figure:
    """The entropy of each codebook's distribution at each frame."""
    with drawing(height=1.9) as figure:
        axes = figure.subplots()
        image = axes.imshow(bits.T.cpu().numpy(), aspect="auto", cmap=HEAT, vmin=0)
        axes.set_yticks(range(bits.shape[1]))
        axes.set(xlabel="frame of 20 ms", ylabel="codebook", title="Entropy of the next code")
        figure.colorbar(image, ax=axes, label="bits", pad=0.01)
    return figure
