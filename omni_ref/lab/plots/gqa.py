"""Grouped-query attention as pictures: who shares with whom, the tensors themselves, what is paid and what is kept."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from .positions import visible
from .style import AMBER, ANSWER, GREEN, HEAT, QUESTION, SIGNED, SKY, THOUGHT, drawing, ink

GROUPS = (QUESTION, ANSWER, GREEN, THOUGHT, AMBER, SKY)  # a key/value head each


def draw_box(axes: Axes, x: float, y: float, text: str, colour: str, filled: bool) -> None:
    """A small box with a word in it."""
    options = dict(boxstyle="round,pad=0.02,rounding_size=0.08", edgecolor=colour, linewidth=1.5)
    axes.add_patch(FancyBboxPatch((x - 0.36, y - 0.13), 0.72, 0.26, facecolor=colour if filled else "white", **options))
    axes.text(x, y, text, ha="center", va="center", fontsize=8, color=ink(colour) if filled else "black")


def sharing(ways: Mapping[str, Int[Tensor, "heads"]], truth: Int[Tensor, "heads"] | None = None) -> Figure:
    """Query heads above, key/value heads below, a line from each to what it reads; a panel for each way.

    Query heads that read something else than in `truth` have a dashed line and a cross.
    """
    with drawing(9, 1.9) as figure:
        all_axes = figure.subplots(1, len(ways), squeeze=False)[0]
        for axes, (title, reads) in zip(all_axes, ways.items(), strict=True):
            heads, shared = len(reads), int(reads.max()) + 1
            places = [(i + 0.5) * heads / shared - 0.5 for i in range(shared)]
            for place, colour in zip(places, GROUPS, strict=False):
                draw_box(axes, place, 0.0, "k, v", colour, filled=True)
            for head, read in enumerate(reads.tolist()):
                wrong = truth is not None and read != int(truth[head])
                style = dict(color=GROUPS[read], linestyle="--" if wrong else "-", linewidth=1.5, zorder=0)
                axes.plot([head, places[read]], [0.87, 0.13], **style)
                draw_box(axes, float(head), 1.0, f"q{head} ✗" if wrong else f"q{head}", GROUPS[read], filled=False)
            axes.set(title=title, xlim=(-0.6, heads - 0.4), ylim=(-0.25, 1.25))
            axes.axis("off")
    return figure


def grouped_attention(
    query: Float[Tensor, "heads time head_dim"],
    key: Float[Tensor, "kv_heads time head_dim"],
    weights: Float[Tensor, "heads time time"],
    value: Float[Tensor, "kv_heads time head_dim"],
    output: Float[Tensor, "heads time head_dim"],
    letters: str,
) -> Figure:
    """The tensors of one grouped-query attention, from left to right: a row a query head, a colour a key/value head.

    Keys and values are as high as the query heads that read them. Time goes down; in the weights, keys go across.
    """
    heads, group = len(query), len(query) // len(key)
    columns = {
        "queries": query,
        "shared keys": key,
        "weights": weights,
        "shared values": value,
        "what each reads": output,
    }
    with drawing(9, 0.85 * heads + 0.7) as figure:
        grid = figure.add_gridspec(heads, len(columns))
        for column, (title, stack) in enumerate(columns.items()):
            rows = heads // len(stack)
            for i, tensor in enumerate(stack.cpu().numpy()):
                axes = figure.add_subplot(grid[i * rows : (i + 1) * rows, column])
                top = 1.0 if stack is weights else float(stack.abs().max())
                options = dict(cmap=HEAT, vmin=0) if stack is weights else dict(cmap=SIGNED, vmin=-top)
                axes.imshow(tensor, aspect="auto", vmax=top, **options)
                axes.spines[:].set(visible=True, color=GROUPS[i * rows // group], linewidth=2.5)
                axes.set(xticks=[], yticks=[], title=title if i == 0 else "")
                if column == 0:
                    axes.set_ylabel(f"q{i}")
                elif rows > 1:
                    axes.set_ylabel(f"{title[7]}{i}", labelpad=0)
                    axes.set_yticks(range(len(letters)), visible(letters), fontsize=7)
                    axes.tick_params(length=0, pad=2)
            axes.set_xlabel("channel")
            if stack is weights:
                axes.set_xticks(range(len(letters)), visible(letters), fontsize=7)
                axes.tick_params(length=0, pad=2)
                axes.set_xlabel("key: the letter that is read")
        figure.suptitle("Orange: above 0, purple: below; weights: black 0, bright 1", fontsize=8, x=0.99, ha="right")
    return figure


def one_letter(weights: Float[Tensor, "group keys"], letters: str, place: int, first: int) -> Figure:
    """What one letter reads in the heads of a group, the first of which is head `first`: a bar a head and key."""
    group = len(weights)
    colour = GROUPS[first // group]
    with drawing(8, 2.4) as figure:
        axes = figure.subplots()
        for i, row in enumerate(weights.tolist()):
            places = [key + 0.8 * ((i + 0.5) / group - 0.5) for key in range(len(letters))]
            shade = 1 - i / (group + 0.5)
            axes.bar(places, row, width=0.8 / group, color=colour, alpha=shade, label=f"q{first + i}")
        axes.axvline(place, color="0.7", linestyle=":", zorder=0)
        axes.set_xticks(range(len(letters)), visible(letters))
        axes.set(
            title=f"at letter {place + 1} of {len(letters)}, {letters[place]!r}", xlabel="key: the letter that is read"
        )
        axes.set(ylabel="weight", ylim=(0, 1), xlim=(-0.6, len(letters) - 0.4))
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=group, frameon=False)
    return figure


def cache_sizes(gibibytes: Mapping[int, float], chosen: int, query_heads: int) -> Figure:
    """The cache of one conversation for different numbers of key/value heads; the chosen one in another colour."""
    names = {query_heads: "MHA", chosen: "GQA, as specified", 1: "MQA"}
    with drawing(7, 2.7) as figure:
        axes = figure.subplots()
        colours = [ANSWER if heads == chosen else QUESTION for heads in gibibytes]
        labels = [f"{heads}\n{names.get(heads, '')}" for heads in gibibytes]
        bars = axes.bar(labels, list(gibibytes.values()), color=colours)
        axes.bar_label(bars, fmt="%.3g", padding=1)
        axes.set(xlabel=f"key/value heads, for {query_heads} query heads", ylabel="cache, GiB")
    return figure


def cost_and_quality(costs: Mapping[str, int], rights: Mapping[str, float], trail: Sequence[float]) -> Figure:
    """Share of right replies against bytes of cache a token; `trail`: how the last one got there, step by step."""
    last = list(costs)[-1]
    with drawing(7, 3.0) as figure:
        axes = figure.subplots()
        axes.plot([costs[last]] * len(trail), [100 * right for right in trail], "o:", color=QUESTION, markersize=4)
        for name, cost in costs.items():
            colour = ANSWER if name == "GQA" else QUESTION
            axes.plot(cost, 100 * rights[name], "o", color=colour, markersize=10)
            axes.annotate(name, (cost, 100 * rights[name]), (9, -3), textcoords="offset points", va="center")
        axes.annotate("averaged, untrained", (costs[last], 100 * trail[0]), (9, 0), textcoords="offset points")
        axes.set(xlabel="bytes of cache a token", ylabel="sums right, %", ylim=(-6, 108))
        axes.set_xlim(0, 1.25 * max(costs.values()))
    return figure


def cache_work(ways: Mapping[str, Int[Tensor, "steps positions"]]) -> Figure:
    """What each step does about each position: 0 nothing yet, 1 it is read from the cache, 2 it is computed."""
    with drawing(8, 3.2) as figure:
        all_axes = figure.subplots(1, len(ways), sharey=True, squeeze=False)[0]
        for axes, (title, work) in zip(all_axes, ways.items(), strict=True):
            options = dict(cmap=ListedColormap(["white", "#BFDDF0", ANSWER]), vmin=0, vmax=2)
            image = axes.imshow(work.cpu().numpy(), aspect="auto", **options)
            axes.set(title=title, xlabel="position")
        all_axes[0].set_ylabel("step")
        bar = figure.colorbar(image, ax=list(all_axes), ticks=[1 / 3, 1, 5 / 3], pad=0.01, aspect=12, shrink=0.6)
        bar.ax.set_yticklabels(["not there yet", "kept", "computed"])
    return figure
