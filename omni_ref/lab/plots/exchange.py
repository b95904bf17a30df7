"""A question becoming an answer, in one picture."""

from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ...audio import log_mel_spectrogram
from ...config import AuTEncoderConfig, OmniConfig
from ...turn import Reply
from .aut import draw_frames
from .cells import byte_name
from .code2wav import code_colours
from .style import QUESTION, THOUGHT, drawing


def draw_mel_of(axes: Axes, waveform: Float[Tensor, "samples"], config: AuTEncoderConfig) -> None:
    """The log-mel spectrogram of a waveform, against seconds."""
    draw_frames(axes, log_mel_spectrogram(waveform[None], config)[0], config.mel_rate)
    axes.set_xlabel("seconds")


def draw_tokens(axes: Axes, tokens: Int[Tensor, "time"], colour: str, xlabel: str, labels: str | None = None) -> None:
    """A token a step: its id as a height; `labels`, a character each, along the top."""
    axes.vlines(range(len(tokens)), 0, tokens.tolist(), color=colour, linewidth=1.2)
    axes.plot(range(len(tokens)), tokens.tolist(), "o", color=colour, markersize=3, clip_on=False)
    axes.set(xlabel=xlabel, ylabel="token id", xlim=(-0.5, max(len(tokens), 1) - 0.5))
    axes.set_ylim(bottom=0)
    for step, label in enumerate(labels or ""):
        axes.annotate(label, (step, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=7)


def exchange(question: Float[Tensor, "samples"] | None, reply: Reply, config: OmniConfig) -> Figure:
    """A question becoming an answer, stage by stage: what is heard, thought, and said."""
    with drawing(9, 10.5) as figure:
        heard, audio_tokens, talker_tokens, codes, said = figure.subplots(5, 1)
        mel_rate, token_rate = config.aut_encoder.mel_rate, config.aut_encoder.token_rate
        if question is None:
            heard.text(0.5, 0.5, "no recording: the question was typed", ha="center", transform=heard.transAxes)
        else:
            draw_mel_of(heard, question, config.aut_encoder)
        heard.set_title(f"1  The question: log-mel spectrogram, {mel_rate} frames a second")
        draw_tokens(audio_tokens, reply.tokens["audio"], QUESTION, f"audio token, {token_rate} a second")
        audio_tokens.set_title(
            f"2  AuT: one of {config.aut_encoder.audio_vocab_size} audio tokens every {1000 // token_rate} ms"
        )
        letters = "".join(map(byte_name, reply.tokens["text"].tolist()))
        draw_tokens(talker_tokens, reply.tokens["talker"], THOUGHT, "position in the reply", letters)
        talker_tokens.set_title("3  Thinker: the reply's text (letters) and what it tells the Talker (heights)", pad=14)
        if len(reply.tokens["codec"]):
            size = config.talker.codebook_size
            options = dict(aspect="auto", cmap=code_colours(size), vmin=-0.5, vmax=size - 0.5)
            codes.imshow(reply.tokens["codec"].T.numpy(), **options)
        codes.set(xlabel=f"frame, {config.code2wav.frame_rate} a second", ylabel="codebook")
        codes.set_yticks(range(config.talker.num_codebooks))
        codes.set_title(f"4  Talker: {config.talker.num_codebooks} codes a frame, each a colour")
        if reply.waveform is not None and len(reply.waveform) >= config.aut_encoder.hop_size:
            draw_mel_of(said, reply.waveform, config.aut_encoder)
        said.set_title(f"5  Code2Wav: the answer, {reply.sample_rate // 1000} kHz, as a log-mel spectrogram")
    return figure
