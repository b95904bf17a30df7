"""The judge of speech: pocketsphinx, a recogniser that nobody here trained, held to a task's grammar.

Beside it, how much a voice buzzes, and how sure a measured share is.
"""

import tempfile
from math import sqrt
from pathlib import Path

import numpy as np
import pocketsphinx
import scipy.signal
from jaxtyping import Float
from torch import Tensor

from .voices import SAMPLE_RATE


class Judge:
    """Reads a waveform as one of the sentences of a JSGF grammar."""

    def __init__(self, grammar: str):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "task.gram"
            path.write_text(grammar, encoding="utf8")
            self._decoder = pocketsphinx.Decoder(jsgf=str(path), samprate=SAMPLE_RATE, loglevel="FATAL")

    def read(self, waveform: Float[Tensor, "samples"] | np.ndarray) -> str:
        """The sentence; empty if none of the grammar's is recognised. A fifth of a second of silence goes around it."""
        samples = np.pad(np.asarray(waveform, np.float32), SAMPLE_RATE // 5)
        self._decoder.start_utt()
        self._decoder.process_raw((samples.clip(-1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return "" if hypothesis is None else hypothesis.hypstr


def hiss_repetition(waveform: Float[np.ndarray, "samples"], seconds: float) -> float:
    """How alike the loudest hiss is to itself so much later: the correlation, above 4 kHz, of windows of 20 ms.

    About 0 for a voice, whose hiss is noise; towards 1 for a vocoder that makes the same hiss again and again: a buzz.
    """
    lag, window = round(seconds * SAMPLE_RATE), SAMPLE_RATE // 50
    sections = scipy.signal.butter(6, 4000, "high", fs=SAMPLE_RATE, output="sos")
    hiss = scipy.signal.sosfilt(sections, waveform.astype(np.float64))
    pairs = np.lib.stride_tricks.sliding_window_view(hiss, window + lag)[:: window // 2]
    first, later = pairs[:, :window], pairs[:, lag:]
    power = (pairs**2).mean(axis=1)
    loud = power >= np.quantile(power, 0.85)
    norms = np.sqrt((first**2).sum(axis=1) * (later**2).sum(axis=1))
    return float(((first * later).sum(axis=1)[loud] / norms[loud]).mean())


def wilson_interval(successes: int, cases: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927): it stays within 0 … 1 and is not empty at the ends.

    ValueError for no case, or more successes than cases.
    """
    if not 0 <= successes <= cases or cases == 0:
        raise ValueError(f"wilson_interval: {successes} of {cases}, expected 0 … cases of at least 1 case")
    share, weight = successes / cases, z * z / cases
    centre = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / cases + weight / (4 * cases)) / (1 + weight)
    return max(centre - half, 0.0), min(centre + half, 1.0)
