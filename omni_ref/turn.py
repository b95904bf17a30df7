"""One question and its reply: what comes in, what has come out so far, and the pieces in which it comes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .audio import check_waveform, load_audio
from .checks import check_seed, is_whole, require
from .code2wav import Code2Wav
from .config import OmniConfig
from .sampling import Sampling
from .tokenizer import Tokenizer

TASKS = ("answer", "transcribe", "say")
AudioInput = Tensor | np.ndarray | str | os.PathLike


@dataclass(frozen=True)
class Generation:
    """How long a reply may be, how its tokens are drawn, and how many frames make a piece of sound after the first."""

    max_text_tokens: int = 128
    max_frames: int = 500
    frames_per_piece: int = 5
    text: Sampling = field(default_factory=Sampling)
    speech: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self):
        for name in ("max_text_tokens", "max_frames", "frames_per_piece"):
            value = getattr(self, name)
            require(is_whole(value), f"Generation: {name} = {value}, expected a whole number of at least 1")
        check_seed("Generation: seed", self.seed)


@dataclass
class TextPiece:
    """The next characters of the reply."""

    text: str


@dataclass
class AudioPiece:
    """The next samples of the reply."""

    waveform: Float[Tensor, "samples"]
    sample_rate: int


@dataclass
class Reply:
    """A whole reply. `waveform` is None if no speech was asked for.

    `timings` are seconds from the question: "listened", "first_text", "first_sound", "total"; what did not happen
    is not there. `tokens` holds "audio", "text" and "talker" ids, one after the other, and "codec" ids, a row a frame.
    """

    text: str
    waveform: Float[Tensor, "samples"] | None
    sample_rate: int
    timings: dict[str, float]
    tokens: dict[str, Tensor]


def owned(value: Tensor) -> Tensor:
    """A copy on the CPU that may be changed and that autograd takes, also of what inference mode made."""
    with torch.inference_mode(False):
        return value.detach().cpu().clone()


def _ids(numbers: list[int]) -> Int[Tensor, "time"]:
    return torch.tensor(numbers, dtype=torch.long, device="cpu")


class Turn:
    """One question, checked, and what has come of its reply so far."""

    def __init__(
        self,
        config: OmniConfig,
        tokenizer: Tokenizer,
        code2wav: Code2Wav,
        audio: AudioInput | None = None,
        text: str | None = None,
        task: str = "answer",
    ):
        require(task in TASKS, f"task {task!r}, expected one of {', '.join(TASKS)}")
        require(audio is not None or bool(text), f"task {task!r}: neither audio nor text came, expected one of them")
        require(task != "transcribe" or audio is not None, "task 'transcribe': no audio came, expected a recording")
        require(task != "say" or bool(text), "task 'say': no text came, expected the words to say")
        self.started = perf_counter()
        self.config, self.tokenizer, self.vocoder = config, tokenizer, code2wav.stream()
        if isinstance(audio, (str, os.PathLike)):
            audio = load_audio(audio, config.aut_encoder.sample_rate)
        self.waveform = None if audio is None else check_waveform(audio, config.aut_encoder)
        self.prompt = tokenizer.prompt(task, text, has_audio=audio is not None)
        self.audio_tokens = _ids([])
        self.text_ids: list[int] = []
        self.talker_tokens: list[int] = []
        self.frames: list[Int[Tensor, "codebooks"]] = []
        self.pieces: list[Float[Tensor, "samples"]] = []
        self.shown = ""
        self.timings: dict[str, float] = {}

    def clock(self, event: str) -> None:
        """Note when an event first happened."""
        self.timings.setdefault(event, perf_counter() - self.started)

    def add_text(self, text_id: int, talker_token: int) -> Iterator[TextPiece]:
        """Take a text token; give the characters that it completes, if any."""
        self.text_ids.append(text_id)
        self.talker_tokens.append(talker_token)
        self.clock("first_text")
        yield from self._show(self._decoded().rstrip("\ufffd"))

    def add_frame(self, frame: Int[Tensor, "codebooks"], frames_per_piece: int) -> Iterator[AudioPiece]:
        """Take a frame of codes; give the sound of the frames that wait, if they are enough for a piece."""
        self.frames.append(frame)
        waiting = len(self.frames) - self._voiced()
        if not self.pieces or waiting >= frames_per_piece:
            yield from self._voice()

    def finish(self) -> Iterator[TextPiece | AudioPiece]:
        """Give what still waits: an incomplete last character, the last frames."""
        yield from self._show(self._decoded())
        yield from self._voice()
        self.clock("total")

    def reply(self, speak: bool) -> Reply:
        """What the turn has come to, on the CPU."""
        no_frames = torch.empty(0, self.config.talker.num_codebooks, dtype=torch.long, device="cpu")
        tokens = {
            "audio": owned(self.audio_tokens),
            "text": _ids(self.text_ids),
            "talker": _ids(self.talker_tokens),
            "codec": torch.stack(self.frames).cpu() if self.frames else no_frames,
        }
        waveform = torch.cat([torch.empty(0, device="cpu"), *self.pieces]) if speak else None
        return Reply(self._decoded(), waveform, self.config.code2wav.sample_rate, dict(self.timings), tokens)

    def _decoded(self) -> str:
        return self.tokenizer.decode(_ids(self.text_ids))

    def _voiced(self) -> int:
        return sum(map(len, self.pieces)) // self.config.code2wav.samples_per_frame

    def _show(self, text: str) -> Iterator[TextPiece]:
        if len(text) > len(self.shown):
            piece, self.shown = text[len(self.shown) :], text
            yield TextPiece(piece)

    def _voice(self) -> Iterator[AudioPiece]:
        waiting = self.frames[self._voiced() :]
        if waiting:
            made = self.vocoder.push(torch.stack(waiting)[None])[0]
            self.pieces.append(owned(made.float()))
            self.clock("first_sound")
            yield AudioPiece(self.pieces[-1], self.config.code2wav.sample_rate)
