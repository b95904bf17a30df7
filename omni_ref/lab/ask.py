"""Ask the model aloud: a recording from the microphone or a file of sound goes in, the answer is heard and seen."""

import html
import tempfile
from pathlib import Path

import anywidget
import ipywidgets
import traitlets
from jaxtyping import Float
from torch import Tensor

from ..audio import load_audio
from ..checks import require
from ..omni import Omni
from .notebook import mp3
from .plots.exchange import exchange
from .widgets import AT_THE_LEFT, Picture, Pictured

SHORTEST, LONGEST = 0.3, 15  # seconds of a question
QUIETEST = 0.01  # how far the loudest sample of a question is from 0, of 1


class Recorder(anywidget.AnyWidget):
    """A button that records and a field for a file, in the page; sends a message with a name and the bytes of a WAV.

    What is said to it goes by message, too: a state that both sides set would now and then be the older one's.
    """

    _esm = Path(__file__).with_name("recorder.js")
    sample_rate = traitlets.Int().tag(sync=True)
    longest = traitlets.Int(LONGEST).tag(sync=True)
    status = ""

    def say(self, status: str) -> None:
        """Show a sentence below the buttons."""
        self.status = status
        self.send({"status": status})


def question_from(sound: bytes, name: str, sample_rate: int) -> Float[Tensor, "samples"]:
    """The bytes of a sound file as a question. ValueError with a sentence for the page if there can be none in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        path.write_bytes(sound)
        try:
            waveform = load_audio(path, sample_rate)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error
    seconds, loudest = len(waveform) / sample_rate, float(waveform.abs().max())
    fits = SHORTEST <= seconds <= LONGEST
    require(fits, f"{name}: {seconds:.1f} s long, expected {SHORTEST} to {LONGEST} s: ask one short question")
    silent = f"{name}: silence, its loudest sample is {loudest:.4f}, expected {QUIETEST} or more"
    require(loudest >= QUIETEST, f"{silent}: is the right microphone chosen, and is it on?")
    return waveform


class AskAloud(Pictured):
    """A question becoming an answer, stage by stage: record one or choose a file. It begins with an example."""

    def __init__(self, omni: Omni, example: Float[Tensor, "samples"]):
        super().__init__(layout=AT_THE_LEFT)
        self.omni, self.sample_rate = omni, omni.config.aut_encoder.sample_rate
        self.recorder = Recorder(sample_rate=self.sample_rate)
        self.recorder.on_msg(self._hear)
        self.words, self.picture = ipywidgets.HTML(), Picture()
        self.answer(example, aloud=False)

    def answer(self, question: Float[Tensor, "samples"], aloud: bool = True) -> None:
        """Show what was heard, what is said to it, the sound of that, and what happened in between.

        The player is a new one each time, so that it plays what an earlier one has played, too.
        """
        self.heard = self.omni.respond(question, task="transcribe", speak=False).text
        self.reply = self.omni.respond(question)
        heard, said = html.escape(self.heard), html.escape(self.reply.text)
        self.words.value = f'<div role="status">Heard: “{heard}”<br><b>Answer: “{said}”</b></div>'
        spoken = mp3(self.reply.waveform, self.reply.sample_rate)
        self.player = ipywidgets.Audio(value=spoken, format="mp3", autoplay=aloud, loop=False)
        self.picture.show(exchange(question, self.reply, self.omni.config), exchange.__doc__)
        self.children = (self.recorder, self.words, self.player, self.picture)

    def _hear(self, _recorder: Recorder, message: dict, sounds: list[memoryview]) -> None:
        """A sound has come from the page: answer it, or say there why not."""
        name = message["name"]
        try:
            question = question_from(bytes(sounds[0]), name, self.sample_rate)
            self.recorder.say(f"{name}, {len(question) / self.sample_rate:.1f} s: thinking …")
            self.answer(question)
            self.recorder.say(f"{name}: answered. Ask again.")
        except ValueError as error:
            self.recorder.say(str(error))

    def __repr__(self) -> str:
        return f"AskAloud(heard: {self.heard}; answer: {self.reply.text})"
