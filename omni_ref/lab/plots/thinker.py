"""What the Thinker reads, adds, says and looks at, over the positions of a prompt and its reply."""

import torch
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from ...tokenizer import NUM_BYTES, SPECIAL_TOKENS
from .cells import byte_name, cells
from .style import ANSWER, HEAT, QUESTION, SKY, THOUGHT, drawing

REST, FRAME = "#BBBBBB", SKY


def prompt_strip(
    before: list[int], audio_tokens: Int[Tensor, "audio"], after: list[int], similarity: Float[Tensor, "time"]
) -> Figure:
    """A prompt position by position: what stands there, and how like a row of the text table its vector is."""
    ids = [*before, *audio_tokens.tolist(), *after]
    is_audio = [len(before) <= place < len(ids) - len(after) for place in range(len(ids))]
    is_special = [index >= NUM_BYTES and not heard for index, heard in zip(ids, is_audio, strict=True)]
    groups = {"byte": (QUESTION, []), "special token": (THOUGHT, []), "audio token": (ANSWER, [])}
    with drawing(10, 3.8) as figure:
        strip, bars = figure.subplots(2, 1, sharex=True, height_ratios=(1.2, 1))
        for place, index in enumerate(ids):
            kind = "audio token" if is_audio[place] else "special token" if is_special[place] else "byte"
            groups[kind][1].append(place)
            name = str(index) if is_audio[place] else byte_name(index)
            name = SPECIAL_TOKENS[index - NUM_BYTES] if is_special[place] else name
            turned = 90 if len(name) > 1 else 0
            strip.text(place, 0.5, name, ha="center", va="center", fontsize=8, rotation=turned)
        heights = similarity.tolist()
        for name, (colour, places) in groups.items():
            strip.bar(places, 1, width=0.92, color=colour, alpha=0.3)
            bars.bar(places, [heights[place] for place in places], width=0.92, color=colour, label=name)
        strip.set(title="A prompt", ylim=(0, 1), xlim=(-0.6, len(ids) - 0.4))
        strip.set_yticks([])
        strip.spines["left"].set_visible(False)
        bars.set(xlabel="position", ylabel="largest cosine", ylim=(0, 1.05), title="Likeness to the nearest byte")
        bars.legend(loc="upper center", ncols=3, fontsize=8)
    return figure


def residual_additions(shares: dict[str, Float[Tensor, "layers"]], layers: list[str]) -> Figure:
    """How long what each half of each layer adds is, as a share of what it adds to."""
    with drawing(6.5, 2.6) as figure:
        axes = figure.subplots()
        width = 0.8 / len(shares)
        for i, (colour, (name, share)) in enumerate(zip((QUESTION, ANSWER), shares.items(), strict=True)):
            left = (i - (len(shares) - 1) / 2) * width
            places = [layer + left for layer in range(len(layers))]
            bars = axes.bar(places, share.tolist(), width, color=colour, label=name)
            axes.bar_label(bars, fmt="%.1f", fontsize=8)
        axes.set_xticks(range(len(layers)), layers)
        axes.set(xlabel="layer", ylabel="length added / length before", title="What each layer adds to the stream")
        axes.margins(y=0.12)
        axes.legend(loc="upper right")
    return figure


def two_heads(read: list[str], said: list[str], told: list[str]) -> Figure:
    """At each position of a reply: the byte it reads, the byte that lm_head says is next, talker_head's token."""
    with drawing(9, 1.4) as figure:
        axes = figure.subplots()
        cells(axes, torch.full((3, len(read)), float("nan")), [read, said, told])
        axes.set_yticks(range(3), ["reads", "lm_head: next", "talker_head"])
        axes.set(xlabel="position of the reply", title="Two heads")
    return figure


def cached_keys(keys: Float[Tensor, "head_dim positions"], prompt: int, head: str) -> Figure:
    """The keys of one key/value head, a column a position; a line where the prompt ends and decoding begins."""
    with drawing(height=2.8) as figure:
        axes = figure.subplots()
        image = axes.imshow(keys.cpu().numpy(), aspect="auto", cmap=HEAT)
        axes.axvline(prompt - 0.5, color="white", linewidth=1.5)
        axes.set(xlabel="position", ylabel="channel", title=f"Cached keys of {head}: the prompt, then a column a step")
        figure.colorbar(image, ax=axes, label="key", pad=0.01)
    return figure


def operand_table(
    values: Float[Tensor, "left right"], marked: Bool[Tensor, "left right"], title: str, label: str, mark: str
) -> Figure:
    """A value for each pair of operands, in colour; frames around the pairs that are marked, and what a frame means."""
    rows, columns = marked.cpu().nonzero().T.tolist()
    with drawing(6.4, 4.6) as figure:
        axes = figure.subplots()
        image = axes.imshow(values.cpu().numpy(), origin="lower", cmap=HEAT)
        style = dict(markersize=8.5, markerfacecolor="none", markeredgecolor=FRAME, markeredgewidth=1.4)
        axes.plot(columns, rows, "s", label=mark, **style)
        axes.set(xlabel="right operand", ylabel="left operand", title=title)
        axes.set_xticks(range(0, values.shape[1], 5))
        axes.set_yticks(range(0, values.shape[0], 5))
        figure.colorbar(image, ax=axes, label=label, pad=0.02)
        figure.legend(loc="outside lower center", frameon=False)
    return figure


def next_byte(before: Float[Tensor, "vocab"], after: Float[Tensor, "vocab"], title: str, count: int = 10) -> Figure:
    """The likeliest next bytes: their probabilities as the model gives them, and as they are drawn from."""
    order = before.cpu().argsort(descending=True)[:count].tolist()
    with drawing(7, 2.6) as figure:
        axes = figure.subplots()
        pairs = {"the model's": (QUESTION, before, -0.2), "drawn from": (ANSWER, after, 0.2)}
        for name, (colour, probability, left) in pairs.items():
            heights = probability.cpu()[order].tolist()
            axes.bar([place + left for place in range(len(order))], heights, 0.4, color=colour, label=name)
        axes.set_xticks(range(len(order)), [byte_name(index) for index in order])
        axes.set(xlabel="next byte", ylabel="probability", ylim=(0, 1.05), title=title)
        axes.legend(loc="upper right")
    return figure


def logit_lens(
    said: list[list[str]], probabilities: Float[Tensor, "rows positions"], rows: list[str], read: list[str]
) -> Figure:
    """The byte that each state of the stream would say next, were it the last; bright where it would be sure."""
    with drawing(9, 0.26 * len(rows) + 0.9) as figure:
        axes = figure.subplots()
        image = cells(axes, probabilities, said)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(range(len(read)), read)
        axes.set(xlabel="byte that was read", ylabel="state after", title="What each state would say next")
        figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    return figure


def reply_heat(values: Float[Tensor, "rows positions"], rows: list[str], read: list[str], label: str) -> Figure:
    """A value for every state of the stream at every position of a reply."""
    with drawing(9, 0.2 * len(rows) + 0.9) as figure:
        axes = figure.subplots()
        image = axes.imshow(values.cpu().numpy(), aspect="auto", cmap=HEAT, vmax=1)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(range(len(read)), read)
        axes.set(xlabel="byte that was read", ylabel="state after")
        figure.colorbar(image, ax=axes, label=label, pad=0.01)
    return figure


def attention_shares(panels: dict[str, dict[str, Float[Tensor, "positions"]]], read: list[str]) -> Figure:
    """For each panel, how a position's attention is divided: bars of height 1, one over the other."""
    with drawing(9, 1.7 * len(panels) + 0.5) as figure:
        all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (title, shares) in zip(all_axes, panels.items(), strict=True):
            below = torch.zeros(len(read))
            for colour, (name, share) in zip((QUESTION, ANSWER, REST), shares.items(), strict=False):
                axes.bar(range(len(read)), share.tolist(), 0.9, below.tolist(), color=colour, label=name)
                below = below + share.cpu()
            axes.set(title=title, ylabel="share", ylim=(0, 1), xlim=(-0.5, len(read) - 0.5))
        all_axes[0].legend(loc="upper left", bbox_to_anchor=(1, 1))
        all_axes[-1].set_xticks(range(len(read)), read)
        all_axes[-1].set_xlabel("byte that was read")
    return figure
