"""The whole model on one page: its parts and what flows between them, rates, and what it knows of sums."""

from collections.abc import Mapping, Sequence
from statistics import median

from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch
from torch import Tensor

from ...config import OmniConfig
from ...tokenizer import NUM_BYTES
from ..ledger import ledger, total
from ..stages import Stage
from ..watch import AUDIO
from .cells import byte_name
from .positions import visible
from .style import ANSWER, QUESTION, THOUGHT, drawing

BOXES = (
    ("AuT", 42, 28, QUESTION),
    ("Thinker", 78, 28, THOUGHT),
    ("Talker", 78, 7, ANSWER),
    ("Code2Wav", 42, 7, ANSWER),
)
HALF_WIDTH, HALF_HEIGHT = 9, 5
LOWEST_RATE = 10  # where the axis of the hourglass begins
KINDS = ("special token", "prompt: text", "prompt: sound", "reply")
KNOWN = "#9CC9E6"  # QUESTION, lighter: a table of right answers is not to shout


def _counted(parameters: int) -> str:
    if parameters >= 1e9:
        return f"{parameters / 1e9:.2f} billion parameters"
    return f"{parameters / 1e6:.1f} million parameters"


def _box(axes: Axes, x: int, y: int, name: str, detail: str, colour: str) -> None:
    corner, size = (x - HALF_WIDTH, y - HALF_HEIGHT), (2 * HALF_WIDTH, 2 * HALF_HEIGHT)
    shape = dict(boxstyle="round,pad=0,rounding_size=1.5", facecolor=f"{colour}22", edgecolor=colour, linewidth=1.5)
    axes.add_patch(FancyBboxPatch(corner, *size, **shape))
    axes.text(x, y + 1.3, name, ha="center", va="center", fontsize=11, weight="bold")
    axes.text(x, y - 2.2, detail, ha="center", va="center", fontsize=8)


def _flow(axes: Axes, start: tuple[int, int], end: tuple[int, int], label: str) -> None:
    """An arrow; its label above it or, if it goes down, beside it."""
    axes.annotate("", end, start, arrowprops=dict(arrowstyle="-|>", color="black", linewidth=1.2, shrinkA=0, shrinkB=0))
    (x, y), (to_x, to_y) = start, end
    if y == to_y:
        axes.text((x + to_x) / 2, y + 0.9, label, ha="center", va="bottom", fontsize=8)
    else:
        axes.text(x + 1.3, (y + to_y) / 2, label, ha="left", va="center", fontsize=8)


def pipeline(config: OmniConfig) -> Figure:
    """The four components and what flows between them, how often a second; every number is the configuration's."""
    rows, ears, mouth = ledger(config), config.aut_encoder, config.code2wav
    with drawing(9.5, 3.4) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 100), ylim=(0, 36))
        axes.set_axis_off()
        for name, x, y, colour in BOXES:
            _box(axes, x, y, name, _counted(total(rows, name).parameters), colour)
        axes.text(7, 28, "question", ha="center", va="bottom", fontsize=11, weight="bold")
        axes.text(7, 27.6, f"{ears.sample_rate:,} samples\na second", ha="center", va="top", fontsize=8)
        axes.text(94, 28, "text", ha="left", va="center", fontsize=11, weight="bold")
        axes.text(7, 7, "answer", ha="center", va="center", fontsize=11, weight="bold")
        _flow(axes, (14, 28), (33, 28), f"log-mel: {ears.n_mels} numbers,\n{ears.mel_rate} times a second")
        heard = f"audio tokens,\n{ears.token_rate} a second,\neach 1 of {ears.audio_vocab_size}"
        _flow(axes, (51, 28), (69, 28), heard)
        _flow(axes, (87, 28), (93, 28), "")
        spoken = f"talker tokens,\none a text token,\neach 1 of {config.thinker.talker_vocab_size}"
        _flow(axes, (78, 23), (78, 12), spoken)
        codes = f"codec tokens,\n{mouth.num_codebooks} × {mouth.frame_rate} a second,\neach 1 of {mouth.codebook_size}"
        _flow(axes, (69, 7), (51, 7), codes)
        _flow(axes, (33, 7), (14, 7), f"waveform,\n{mouth.sample_rate:,} samples a second")
    return figure


def hourglass(stages: Sequence[Stage]) -> Figure:
    """Positions a second, stage by stage: sound narrows to the Thinker's tokens, and widens again."""
    with drawing(8, 0.23 * len(stages) + 0.6) as figure:
        axes, colour = figure.subplots(), QUESTION
        for row, stage in enumerate(stages):
            if stage.rate is None:
                colour = ANSWER  # what comes after the Thinker
                axes.text(1.1 * LOWEST_RATE, row, "at its own pace", color="0.35", va="center", fontsize=9)
                continue
            axes.hlines(row, LOWEST_RATE, stage.rate, color="0.85", linewidth=1, zorder=0)  # to the name: no size
            axes.plot(stage.rate, row, "o", color=colour, markersize=7)
            digits = 0 if round(stage.rate, 1).is_integer() else 1  # as in the table
            axes.text(1.25 * stage.rate, row, f"{stage.rate:,.{digits}f}", va="center", fontsize=8)
        axes.set_yticks(range(len(stages)), [stage.name for stage in stages])
        axes.set(xscale="log", xlim=(LOWEST_RATE, 60_000), ylim=(len(stages) - 0.4, -0.6))
        axes.set_xlabel("positions a second of sound")
    return figure


def reply_confidence(letters: str, probabilities: Float[Tensor, "_"], title: str) -> Figure:
    """How probable the Thinker found each byte of its reply, and the end; `letters`, one each, along the axis."""
    with drawing(8, 2.0) as figure:
        axes = figure.subplots()
        axes.vlines(range(len(letters)), 0, probabilities.tolist(), color=THOUGHT, linewidth=12)  # faster than bars
        axes.set_xticks(range(len(letters)), visible(letters))
        axes.set(xlim=(-0.6, len(letters) - 0.4), ylim=(0, 1.05), xlabel="byte of the reply", ylabel="probability")
        axes.set_title(title, parse_math=False)
    return figure


def _kind(index: int, in_reply: bool) -> str:
    if index >= NUM_BYTES:
        return "special token"
    return "reply" if in_reply else "prompt: sound" if index == AUDIO else "prompt: text"


def prompts(rows: Mapping[str, tuple[list[int], list[int]]]) -> Figure:
    """Prompts and replies position by position, (prompt, reply) a row: ids of text tokens, AUDIO for an audio token."""
    looks = dict(zip(KINDS, ("0.8", f"{QUESTION}44", QUESTION, f"{THOUGHT}77"), strict=True))
    with drawing(9.5, 0.45 * len(rows) + 0.9) as figure:
        axes = figure.subplots()
        for row, (prompt, reply) in enumerate(rows.values()):
            for position, index in enumerate([*prompt, *reply]):
                colour = looks[_kind(index, position >= len(prompt))]
                axes.barh(row, 0.92, 0.75, left=position, color=colour)
                if index != AUDIO:
                    axes.text(position + 0.46, row, byte_name(index), ha="center", va="center_baseline", fontsize=7.5)
        longest = max(len(prompt) + len(reply) for prompt, reply in rows.values())
        axes.set(xlim=(-0.5, longest + 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel="position in the Thinker's sequence")
        axes.set_yticks(range(len(rows)), list(rows))
        patches = [Patch(color=colour, label=kind) for kind, colour in looks.items()]
        figure.legend(handles=patches, loc="outside upper right", ncols=len(patches), frameon=False, fontsize=8)
    return figure


def known_facts(
    right: Mapping[str, Float[Tensor, "left right"]], hidden: Mapping[str, Bool[Tensor, "left right"]]
) -> Figure:
    """Answered right (1) or wrong (0), or not asked (NaN): a table of left against right operand for each operator.

    `hidden`: the pairs never trained on, which get a dot.
    """
    with drawing(9.5, 3.5) as figure:
        all_axes = figure.subplots(1, len(right), sharey=True, squeeze=False)[0]
        for axes, (operator, table) in zip(all_axes, right.items(), strict=True):
            options = dict(origin="lower", cmap=ListedColormap([ANSWER, KNOWN]), vmin=0, vmax=1)
            axes.imshow(table.cpu().numpy(), **options)
            rows, columns = hidden[operator].cpu().nonzero().unbind(dim=1)
            axes.plot(columns.tolist(), rows.tolist(), "o", color="black", markersize=2.5)
            axes.set(xlabel="right number", title=operator)
            axes.set_xticks(range(0, table.shape[1], 5))
            axes.set_yticks(range(0, table.shape[0], 5))
        all_axes[0].set_ylabel("left number")
        dot = Line2D([], [], marker="o", linestyle="", color="black", markersize=3, label="never trained on")
        white = Patch(facecolor="white", edgecolor="0.5", label="not asked")
        patches = [Patch(color=KNOWN, label="answered right"), Patch(color=ANSWER, label="answered wrong"), white]
        figure.legend(handles=[*patches, dot], loc="outside upper right", ncols=4, frameon=False)
    return figure


def least_sure(groups: Mapping[str, Sequence[float]]) -> Figure:
    """For each group of replies a row of dots: the probability of each reply's least sure byte."""
    with drawing(8, 0.6 * len(groups) + 0.7) as figure:
        axes = figure.subplots()
        for row, (colour, values) in enumerate(zip((QUESTION, ANSWER), groups.values(), strict=True)):
            heights = [row + 0.3 * (i % 7 - 3) / 3 for i in range(len(values))]  # apart, so that dots can be counted
            axes.plot(values, heights, "o", color=colour, markersize=4, alpha=0.6)
            axes.plot(median(values), row, "|", color="black", markersize=28, markeredgewidth=2)
        axes.set_yticks(range(len(groups)), [f"{name} ({len(values)})" for name, values in groups.items()])
        axes.set(xlim=(0, 1.02), ylim=(len(groups) - 0.5, -0.5))
        axes.set_xlabel("probability of the least sure byte of the reply; black: median")
    return figure
