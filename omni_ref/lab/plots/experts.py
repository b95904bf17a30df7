"""A mixture of experts as pictures: one token's choice, dispatch, loads, and which expert takes what."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from ...config import AuTEncoderConfig
from .exchange import draw_mel_of
from .positions import visible
from .style import AMBER, ANSWER, GREEN, HEAT, QUESTION, SKY, THOUGHT, TWO_CURVES, drawing, ink, token_span

# Okabe and Ito's eight, grey for yellow, whose thin lines are lost on white: an expert each
EXPERTS = (QUESTION, AMBER, GREEN, "#000000", SKY, ANSWER, THOUGHT, "#999999")


def router_choice(
    probabilities: Float[Tensor, "experts"], chosen: Int[Tensor, "top_k"], weights: Float[Tensor, "top_k"]
) -> Figure:
    """One token's way: probabilities of all experts, the chosen ones in another colour; then the weights they get."""
    experts = range(len(probabilities))
    with drawing(8, 2.4) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        colours = [ANSWER if expert in chosen.tolist() else QUESTION for expert in experts]
        left.bar(experts, probabilities.tolist(), color=colours)
        right.bar(chosen.tolist(), weights.tolist(), color=ANSWER)
        left.set(title="Softmax over all experts", xlabel="expert", ylabel="share", ylim=(0, 1))
        right.set(title=f"The top {len(chosen)}, renormalised", xlabel="expert", xlim=left.get_xlim())
        for axes in (left, right):
            axes.set_xticks(experts)
    return figure


def dispatch(top_k_index: Int[Tensor, "tokens top_k"], num_experts: int) -> Figure:
    """All choices of all tokens: as they come, and sorted by expert, where each step is one product of matrices."""
    choices = top_k_index.flatten().cpu()
    with drawing(8, 2.4) as figure:
        all_axes = figure.subplots(1, 2, sharey=True)
        panels = {"As the tokens come": choices, "Sorted by expert": choices.sort().values}
        for axes, colour, (title, order) in zip(all_axes, (QUESTION, ANSWER), panels.items(), strict=True):
            axes.plot(range(len(order)), order.tolist(), "|", color=colour, markersize=9)
            axes.set(title=title, xlabel="choice, one after the other")
        all_axes[0].set_yticks(range(num_experts))
        all_axes[0].set_ylabel("expert")
    return figure


def loads_over_steps(
    loads: dict[str, Float[Tensor, "steps experts"]], errors: dict[str, Float[Tensor, "steps"]]
) -> Figure:
    """The share of the choices that each expert gets, while a layer of top 2 is trained; below, the error. Two runs."""
    with drawing(8, 5.2) as figure:
        all_axes = figure.subplots(len(loads) + 1, sharex=True)
        for axes, (title, load) in zip(all_axes, loads.items(), strict=False):
            options = dict(aspect="auto", cmap=HEAT, vmin=0, vmax=0.5)
            image = axes.imshow(load.T.cpu().numpy(), **options)
            axes.set(title=title, ylabel="expert", yticks=range(load.shape[1]))
            figure.colorbar(image, ax=axes, label="share, ½ at most", pad=0.01)
        for colour, style, (title, error) in zip((ANSWER, QUESTION), ("-", "--"), errors.items(), strict=True):
            all_axes[-1].plot(range(len(error)), error.tolist(), style, color=colour, linewidth=1, label=title)
        all_axes[-1].set(xlabel="step", ylabel="mean squared error", xlim=(0, len(error) - 1))
        all_axes[-1].set_ylim(bottom=0)
        all_axes[-1].legend(loc="upper right")
    return figure


def experts_of_letters(panels: dict[str, Float[Tensor, "letters experts"]], letters: str, xlabel: str) -> Figure:
    """The weight of every expert at each letter of a text, a panel for each title."""
    with drawing(8, 1.75 * len(panels) + 0.4) as figure:
        all_axes = figure.subplots(len(panels), squeeze=False)[:, 0]
        for axes, (title, weights) in zip(all_axes, panels.items(), strict=True):
            options = dict(cmap=HEAT, aspect="auto", vmin=0, vmax=1)
            image = axes.imshow(weights.T.cpu().numpy(), **options)
            figure.colorbar(image, ax=axes, label="weight", pad=0.01)
            axes.set(title=title, ylabel="expert", yticks=range(weights.shape[1]))
            axes.set_xticks(range(len(letters)), visible(letters))
        all_axes[-1].set_xlabel(xlabel)
    return figure


def experts_of_sound(
    waveform: Float[Tensor, "samples"], config: AuTEncoderConfig, panels: dict[str, Float[Tensor, "positions experts"]]
) -> Figure:
    """What is heard, and below, on the same scale of time, the weight of every expert at each audio token."""
    with drawing(8, 1.7 * len(panels) + 2) as figure:
        all_axes = figure.subplots(len(panels) + 1, sharex=True)
        draw_mel_of(all_axes[0], waveform, config)
        all_axes[0].set(title="The question", xlabel="")
        for axes, (title, weights) in zip(all_axes[1:], panels.items(), strict=True):
            tokens, experts = weights.shape
            extent = (*token_span(tokens, config.token_rate), experts - 0.5, -0.5)
            options = dict(cmap=HEAT, aspect="auto", vmin=0, vmax=1, extent=extent)
            image = axes.imshow(weights.T.cpu().numpy(), **options)
            axes.set(title=title, ylabel="expert", yticks=range(experts))
        all_axes[-1].set(xlabel="time, s", xlim=token_span(tokens, config.token_rate))
        figure.colorbar(image, ax=list(all_axes[1:]), label="weight", pad=0.01)
    return figure


def expert_loads(panels: dict[str, dict[str, Float[Tensor, "experts"]]]) -> Figure:
    """The share of the choices that each expert gets, for two kinds of token side by side; dashed: an even share."""
    with drawing(8, 2.5) as figure:
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, loads) in zip(all_axes, panels.items(), strict=True):
            for shift, colour, (name, load) in zip((-0.2, 0.2), (QUESTION, ANSWER), loads.items(), strict=True):
                places = [expert + shift for expert in range(len(load))]
                axes.bar(places, load.tolist(), width=0.4, color=colour, label=name)
            axes.axhline(1 / len(load), color="0.3", linestyle="--", linewidth=0.8, label="an even share")
            axes.set(title=title, xlabel="expert", xticks=range(len(load)))
        all_axes[0].set_ylabel("share of the choices")
        figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def woken_experts(counts: dict[str, list[int]], num_experts: int) -> Figure:
    """How many different experts the first n tokens need, against n."""
    with drawing(6, 2.5) as figure:
        axes = figure.subplots()
        for (colour, style), (name, count) in zip(TWO_CURVES, counts.items(), strict=True):
            axes.step(range(1, len(count) + 1), count, style, where="post", color=colour, label=name)
        axes.set(xlabel="tokens in one pass", ylabel="different experts", ylim=(0, num_experts + 0.5))
        axes.legend(loc="lower right")
    return figure


def routes(
    letters: str, top_k_index: Int[Tensor, "letters top_k"], top_k_weights: Float[Tensor, "letters top_k"], title: str
) -> Figure:
    """A line from each letter to each expert that it goes to, as thick as the expert's weight."""
    experts = len(EXPERTS)
    with drawing(8, 2.6) as figure:
        axes = figure.subplots()
        places = [(expert + 0.5) * len(letters) / experts - 0.5 for expert in range(experts)]
        for place, letter in enumerate(visible(letters)):
            axes.text(place, 1.04, letter, ha="center", va="bottom", fontsize=11)
            for expert, weight in zip(top_k_index[place].tolist(), top_k_weights[place].tolist(), strict=True):
                look = dict(color=EXPERTS[expert], linewidth=5 * weight, alpha=0.85, solid_capstyle="round")
                axes.plot([place, places[expert]], [1, 0], zorder=0, **look)
        for expert, place in enumerate(places):
            box = dict(boxstyle="round", facecolor=EXPERTS[expert], edgecolor="none")
            colour = ink(EXPERTS[expert])
            axes.text(place, -0.05, f"expert {expert}", ha="center", va="top", fontsize=8, color=colour, bbox=box)
        axes.set(title=title, xlim=(-1, len(letters)), ylim=(-0.2, 1.2))
        axes.axis("off")
    return figure


def draw_coloured(axes: Axes, texts: Sequence[str], experts: Sequence[Int[Tensor, "_"]]) -> None:
    """Texts, a line each, every letter on the colour of its expert."""
    for line, (text, chosen) in enumerate(zip(texts, experts, strict=True)):
        extent = (-0.5, len(text) - 0.5, line + 0.46, line - 0.46)
        options = dict(cmap=ListedColormap(EXPERTS), vmin=-0.5, vmax=len(EXPERTS) - 0.5, aspect="auto", extent=extent)
        axes.imshow(chosen[None].cpu().numpy(), **options)
        for place, (letter, expert) in enumerate(zip(visible(text), chosen.tolist(), strict=True)):
            colour = ink(EXPERTS[expert])
            axes.text(place, line, letter, ha="center", va="center", fontsize=8, color=colour)
    axes.set(xlim=(-0.5, max(map(len, texts)) - 0.5), ylim=(len(texts) - 0.5, -0.5))
    axes.axis("off")


def coloured_letters(texts: Sequence[str], panels: Mapping[str, Sequence[Int[Tensor, "_"]]]) -> Figure:
    """The same texts in each panel, every letter on the colour of its first expert; on the right, the colours."""
    with drawing(8, (0.2 * len(texts) + 0.4) * len(panels)) as figure:
        all_axes = figure.subplots(len(panels), squeeze=False)[:, 0]
        for axes, (title, experts) in zip(all_axes, panels.items(), strict=True):
            draw_coloured(axes, texts, experts)
            axes.set_title(title)
        for expert, colour in enumerate(EXPERTS):
            all_axes[0].plot([], [], "s", color=colour, markersize=9, label=f"expert {expert}")
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
    return figure


def experts_of_kinds(panels: Mapping[str, Float[Tensor, "kinds experts"]], kinds: Sequence[str]) -> Figure:
    """The mean weight of every expert for each kind of token, a panel a layer, the numbers in the cells."""
    with drawing(8, 0.34 * len(kinds) + 0.85) as figure:
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, weights) in zip(all_axes, panels.items(), strict=True):
            image = axes.imshow(weights.cpu().numpy(), cmap=HEAT, aspect="auto", vmin=0, vmax=0.6)
            for kind, row in enumerate(weights.tolist()):
                for expert, weight in enumerate(row):
                    colour = "white" if weight < 0.4 else "black"
                    axes.text(expert, kind, f"{weight:.2f}", ha="center", va="center", fontsize=7, color=colour)
            axes.set(title=title, xlabel="expert", xticks=range(weights.shape[1]))
        all_axes[0].set_yticks(range(len(kinds)), kinds)
        figure.colorbar(image, ax=list(all_axes), label="mean weight", pad=0.01)
    return figure


def information(bits: Mapping[str, Sequence[float]], chance: Mapping[str, Sequence[float]], names: list[str]) -> Figure:
    """Bits that something tells about the first expert: a group of bars a name, a bar a layer; dashes: by chance."""
    with drawing(7, 2.5) as figure:
        axes = figure.subplots()
        for shift, colour, layer in zip((-0.2, 0.2), (QUESTION, ANSWER), bits, strict=True):
            places = [place + shift for place in range(len(names))]
            bars = axes.bar(places, list(bits[layer]), width=0.38, color=colour, label=layer)
            axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
            edges = [x - 0.19 for x in places], [x + 0.19 for x in places]
            lines = axes.hlines(list(chance[layer]), *edges, "black", "dashed")
        lines.set_label("shuffled labels")
        axes.set_xticks(range(len(names)), names)
        axes.set(ylabel="bits about the expert", ylim=(0, 1.15 * max(max(values) for values in bits.values())))
        axes.legend(loc="upper right", frameon=False)
    return figure


def other_routes(rights: Mapping[str, float]) -> Figure:
    """The share of right replies for each way to choose experts; the first, the router's own, in another colour."""
    with drawing(7, 0.34 * len(rights) + 0.7) as figure:
        axes = figure.subplots()
        colours = [ANSWER] + [QUESTION] * (len(rights) - 1)
        bars = axes.barh(list(rights), [100 * right for right in rights.values()], color=colours)
        axes.bar_label(bars, fmt="%.0f", padding=3)
        axes.invert_yaxis()
        axes.set(xlabel="sums right, %", xlim=(0, 110))
    return figure
