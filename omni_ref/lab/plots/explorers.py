"""The pictures of the explorers: where a token looks, its experts, an answer as it is being said, codes to play with.

They are drawn anew at every move of a control. So panels are placed by hand and have few ticks, and letters are texts:
a layout engine and ticks would take most of the time.
"""

import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ...config import OmniConfig
from ...turn import Reply
from ..watch import AUDIO, Watched
from .aut import draw_frames
from .cells import byte_name
from .code2wav import MARK, code_colours, draw_codes, draw_mel
from .experts import EXPERTS
from .style import ANSWER, QUESTION, THOUGHT, drawing, token_span

PALE = "0.9"  # what cannot be read, or is not there yet
POINTS = 8  # lines that draw the sound of a frame


def position_name(watched: Watched, position: int) -> str:
    """A position of the Thinker's sequence in words; in the reply, all that is written up to it."""
    if watched.ids[position] == AUDIO:
        return f"sound at {watched.seconds(position):.2f} s"
    if position < watched.begins:
        return f"prompt: {byte_name(watched.ids[position])}"
    return "".join(map(byte_name, watched.ids[watched.begins : position + 1]))


def positions(watched: Watched) -> list[tuple[str, int]]:
    """All positions with their names, the last letters of long ones: options of a control."""
    names = [position_name(watched, position) for position in range(len(watched.ids))]
    return [(name if len(name) < 16 else f"…{name[-12:]}", position) for position, name in enumerate(names)]


def _panel(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Axes between these shares of the figure, without ticks."""
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    axes.set(xticks=[], yticks=[])
    return axes


def _draw_question(axes: Axes, watched: Watched) -> tuple[float, float]:
    """The question as a log-mel spectrogram, as long as its audio tokens; where in seconds those begin and end."""
    config = watched.config.aut_encoder
    draw_frames(axes, watched.mel, config.mel_rate)
    span = token_span(len(watched.sound), config.token_rate)
    axes.set(xlim=span, ylabel="mel")
    return span


def _draw_letters(axes: Axes, watched: Watched, marked: int) -> None:
    """The text's letters along the bottom, the marked position's in bold."""
    across = dict(transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=8)
    for place, position in enumerate(watched.text):
        look = dict(color=ANSWER, weight="bold") if position == marked else {}
        axes.text(place, -0.06, byte_name(watched.ids[position]), **across, **look)
    axes.set(xlim=(-0.6, len(watched.text) - 0.4))
    axes.set_xlabel("text of the prompt, then the reply", labelpad=14)


def attention(watched: Watched, layer: int, head: int, query: int) -> Figure:
    """Where one position looks with one head: above in the sound, below in the text. Grey: later, not to be read."""
    weights = watched.attention[layer, head, query]
    on_sound, on_text = weights[watched.sound], weights[watched.text]
    most, half = float(weights.max()), 0.5 / watched.config.aut_encoder.token_rate
    with drawing(8, 3.7) as figure:
        figure.set_layout_engine("none")
        heard = _panel(figure, 0.08, 0.68, 0.99, 0.92)
        above = _panel(figure, 0.08, 0.43, 0.99, 0.66)
        below = _panel(figure, 0.08, 0.12, 0.99, 0.30)
        span = _draw_question(heard, watched)
        above.vlines([watched.seconds(place) for place in watched.sound], 0, on_sound.tolist(), QUESTION, linewidth=4)
        below.vlines(range(len(on_text)), 0, on_text.tolist(), QUESTION, linewidth=6)
        _draw_letters(below, watched, query)
        if query <= watched.sound[-1]:
            above.axvspan(max(watched.seconds(query) + half, span[0]), span[1], color=PALE, linewidth=0)
        if watched.ids[query] == AUDIO:
            for axes in (heard, above):
                axes.axvline(watched.seconds(query), color=ANSWER, linewidth=1)
        else:
            below.axvline(watched.text.index(query), color=ANSWER, linewidth=1)
        below.axvspan(sum(place <= query for place in watched.text) - 0.5, len(on_text), color=PALE, linewidth=0)
        title = f"Layer {layer}, head {head} at “{position_name(watched, query)}”"
        heard.set_title(f"{title}: {100 * float(on_sound.sum()):.0f} % on the sound", parse_math=False)
        for axes in (above, below):
            axes.set(ylim=(0, 1.08 * most), ylabel="weight")
            axes.set_yticks((0, most), ("0", f"{most:.2f}"))
        above.set(xlim=span, xlabel="s of the question", xticks=torch.arange(0, span[1], 0.5).tolist())
    return figure


def _draw_choices(
    axes: Axes, index: Int[Tensor, "choices positions"], ends: tuple[float, float], layers: list[int]
) -> None:
    """Rows of experts' colours: the first choice of each layer, below it the second."""
    options = dict(cmap=ListedColormap(EXPERTS), vmin=-0.5, vmax=len(EXPERTS) - 0.5, aspect="auto")
    axes.imshow(index.numpy(), extent=(*ends, len(index) - 0.5, -0.5), **options)
    top_k = len(index) // len(layers)
    for row in range(1, len(index)):
        axes.axhline(row - 0.5, color="white", linewidth=1 if row % top_k else 4)
    for place, layer in enumerate(layers):
        middle = place * top_k + (top_k - 1) / 2
        across = dict(transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=8)
        axes.text(-0.01, middle, f"layer {layer}", **across)


def _draw_probabilities(axes: Axes, probabilities: list[float], chosen: list[int], layer: int) -> None:
    """The router's probabilities of all experts for one token; those that are not chosen are pale."""
    colours = [to_rgba(EXPERTS[i], 1 if i in chosen else 0.25) for i in range(len(probabilities))]
    axes.barh(range(len(colours)), probabilities, color=colours)
    for expert in range(len(colours)):
        axes.text(-0.04, expert, str(expert), ha="right", va="center", fontsize=8)
    axes.set(title=f"layer {layer}", xlim=(0, 1), ylim=(len(colours) - 0.5, -0.5))
    axes.set_ylabel("expert", labelpad=12)


def routing(watched: Watched, token: int) -> Figure:
    """The experts of every token in each sparse layer, over the sound and over the text, the first choice on top.

    On the right the router's probabilities at one token, from 0 to 1.
    """
    layers, half = list(watched.routing), 0.5 / watched.config.aut_encoder.token_rate
    index = torch.cat([watched.routing[layer].top_k_index.T for layer in layers])
    with drawing(8, 3.7) as figure:
        figure.set_layout_engine("none")
        heard = _panel(figure, 0.08, 0.73, 0.76, 0.92)
        above = _panel(figure, 0.08, 0.48, 0.76, 0.71)
        below = _panel(figure, 0.08, 0.12, 0.76, 0.35)
        span = _draw_question(heard, watched)
        heard.set_title(f"The experts at “{position_name(watched, token)}”")
        _draw_choices(above, index[:, watched.sound], span, layers)
        above.set(xlabel="s of the question", xticks=torch.arange(0, span[1], 0.5).tolist())
        _draw_choices(below, index[:, watched.text], (-0.5, len(watched.text) - 0.5), layers)
        _draw_letters(below, watched, token)
        if watched.ids[token] == AUDIO:
            edges = (watched.seconds(token) - half, watched.seconds(token) + half)
            heard.vlines(edges, 0, len(watched.mel), "white", linewidth=1)
            above.vlines(edges, -0.5, len(index) - 0.5, "black", linewidth=1.5)
        else:
            place = watched.text.index(token)
            below.vlines((place - 0.5, place + 0.5), -0.5, len(index) - 0.5, "black", linewidth=1.5)
        for row, layer in enumerate(layers):
            top, height = 0.92 - 0.8 * row / len(layers), 0.8 / len(layers) - 0.1
            axes = _panel(figure, 0.84, top - height, 0.985, top)
            decided = watched.routing[layer]
            _draw_probabilities(axes, decided.probabilities[token].tolist(), decided.top_k_index[token].tolist(), layer)
        axes.set(xlabel="probability", xticks=(0, 1))
    return figure


def saying(reply: Reply, step: int, config: OmniConfig) -> Figure:
    """A reply at one step of the Talker: what was heard, and what is written, told, coded and said by then.

    The three lower panels share an axis. Letters stand at their step, codes and sound at their frame: codebook k of
    frame f comes at step f + k.
    """
    heard, text, told, codes = (reply.tokens[name] for name in ("audio", "text", "talker", "codec"))
    frames, codebooks = codes.shape
    last, frame = frames + codebooks - 2, step - codebooks + 1
    with drawing(8, 4.2) as figure:
        figure.set_layout_engine("none")
        listened = _panel(figure, 0.09, 0.84, 0.99, 0.94)
        thought = _panel(figure, 0.09, 0.54, 0.99, 0.68)
        spoken = _panel(figure, 0.09, 0.34, 0.99, 0.49)
        sound = _panel(figure, 0.09, 0.11, 0.99, 0.29)
        rate = config.aut_encoder.token_rate
        listened.vlines(range(len(heard)), 0, heard.tolist(), QUESTION, linewidth=2)
        listened.set(title=f"Heard before: {len(heard)} audio tokens, {rate} a second", ylabel="id")
        listened.set_xlim(-1, max(len(heard), 1))
        _draw_letters_so_far(thought, text.tolist(), told.tolist(), step)
        _draw_codes_so_far(spoken, codes, step, config.talker.codebook_size)
        _draw_sound_so_far(sound, reply.waveform, frame, config.code2wav.samples_per_frame)
        for axes in (thought, spoken, sound):
            axes.axvline(step, color=ANSWER, linewidth=1)
            axes.set_xlim(-1, last + 1)
        sound.set_xticks(range(0, last + 1, 20))
        sound.set_xlabel(f"step (codes and sound: frame) of {1000 // config.code2wav.frame_rate} ms")
        goes_in = f"talker token {told[step]} ({byte_name(int(text[step]))})" if step < len(text) else "pad"
        new = [str(int(codes[step - k, k])) for k in range(codebooks) if 0 <= step - k < frames]
        whole = f"Frame {frame} is whole" if frame >= 0 else "No frame is whole yet"
        thought.set_title(f"Step {step}. In: {goes_in}. Out: codes {', '.join(new)}. {whole}.", pad=16)
    return figure


def _draw_letters_so_far(axes: Axes, text: list[int], told: list[int], step: int) -> None:
    """The letters, those to come in grey, and below those that are there their talker tokens."""
    across = dict(transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    for place, index in enumerate(text):
        axes.text(place, 1.02, byte_name(index), color="black" if place <= step else "0.7", **across)
    axes.vlines(range(len(told[: step + 1])), 0, told[: step + 1], THOUGHT, linewidth=3)
    axes.set(ylabel="talker\ntoken", ylim=(0, 1.05 * max(told)))


def _draw_codes_so_far(axes: Axes, codes: Int[Tensor, "frames codebooks"], step: int, codebook_size: int) -> None:
    frames, codebooks = codes.shape
    comes = torch.arange(frames)[:, None] + torch.arange(codebooks)
    known = torch.where(comes <= step, codes.float(), float("nan"))
    axes.set_facecolor(PALE)
    options = dict(aspect="auto", cmap=code_colours(codebook_size), vmin=-0.5, vmax=codebook_size - 0.5)
    axes.imshow(known.T.numpy(), extent=(-0.5, frames - 0.5, codebooks - 0.5, -0.5), **options)
    axes.set(ylabel="codebook", yticks=(0, codebooks - 1))


def _draw_sound_so_far(axes: Axes, waveform: Float[Tensor, "samples"], frame: int, samples_per_frame: int) -> None:
    """The samples of the frames up to `frame`, as the span between the lowest and the highest of every 2 ms or so."""
    low, high = waveform.view(-1, samples_per_frame // POINTS).aminmax(dim=1)
    times = [(i + 0.5) / POINTS - 0.5 for i in range(len(low))]
    end = POINTS * max(frame + 1, 0)
    colours = [ANSWER if i >= end - POINTS else QUESTION for i in range(end)]
    axes.vlines(times[:end], low[:end].tolist(), high[:end].tolist(), colours, linewidth=1)
    loudest = 1.05 * float(waveform.abs().max())
    axes.set(ylabel="sample", ylim=(-loudest, loudest))


def code_grid(
    codes: Int[Tensor, "frames codebooks"],
    kept: int,
    changed: tuple[int, int],
    reached: tuple[float, float],
    mel: Float[Tensor, "mels columns"],
    seconds: float,
    codebook_size: int,
) -> Figure:
    """Codes of which only `kept` codebooks sound and one, (frame, codebook), was changed; below, the log-mel of it.

    `reached`: from when to when, in seconds, the changed frame can be heard, if its codebook is kept.
    """
    frames, codebooks = codes.shape
    frame, codebook = changed
    with drawing(7.2, 3.2) as figure:
        figure.set_layout_engine("none")
        margins = dict(left=0.08, right=0.99, bottom=0.14, top=0.91, hspace=0.5)
        grid, heard = figure.subplots(2, 1, gridspec_kw=margins)
        draw_codes(grid, codes, seconds, codebook_size)
        grid.set(xticks=[])
        if kept < codebooks:
            grid.axhspan(kept - 0.5, codebooks - 0.5, color="white", alpha=0.8, linewidth=0)
        corner, width = (frame * seconds / frames, codebook - 0.5), seconds / frames
        grid.add_patch(Rectangle(corner, width, 1, fill=False, edgecolor=MARK, linewidth=2))
        grid.set_title(f"Codebooks heard: {kept}. Frame {frame}, codebook {codebook}: code {codes[frame, codebook]}")
        draw_mel(heard, mel, seconds)
        title = "What is heard, as a log-mel spectrogram"
        if codebook < kept:
            heard.vlines(reached, 0, len(mel), color=MARK, linewidth=1.2)
            title += "; between the lines, what the change can reach"
        heard.set(title=title, xlim=(0, seconds), yticks=(0, len(mel)))
        heard.locator_params(axis="x", nbins=5)
    return figure
