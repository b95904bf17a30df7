"""What a room, a microphone and a telephone do to a voice. Most take a waveform and a random generator.

voice ─ rate ─ silence around ─ reverberation ─ noise ─ band limits ─ companding ─ level ─▶ log-mel
log-mel ─ pace, warp, tint, mask ─▶ encoder
"""

from functools import cache

import numpy as np
import scipy.fft
import scipy.signal
import soxr
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from .voices import SAMPLE_RATE, Resized, Waveform

Random = np.random.Generator
CORNER_STEP = 25  # hertz, between the corners of band-passes: few enough to be kept


def resampled(waveform: Waveform, factor: float) -> Resized:
    """`factor` times as fast, and all frequencies `factor` times as high: pitch and vocal tract of another speaker."""
    return soxr.resample(waveform, int(SAMPLE_RATE * factor), SAMPLE_RATE, quality="LQ").astype(np.float32)


def surrounded(waveform: Waveform, rng: Random, most: float = 0.5) -> Resized:
    """Silence before and after, up to `most` seconds each."""
    before, after = (int(rng.uniform(0, most) * SAMPLE_RATE) for _ in range(2))
    return np.pad(waveform, (before, after))


def reverberated(waveform: Waveform, rng: Random, decay: tuple[float, float] = (0.1, 0.5)) -> Waveform:
    """A small room: noise that decays by 60 dB in so many seconds, after the direct sound."""
    seconds = rng.uniform(*decay)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    onset = int(rng.uniform(0.002, 0.02) * SAMPLE_RATE)
    tail[:onset] = 0
    direct_to_reverberant = 10 ** (rng.uniform(0, 12) / 20)
    response = tail / (np.sqrt((tail**2).sum()) * direct_to_reverberant + 1e-9)
    response[0] = 1
    return scipy.signal.fftconvolve(waveform, response)[: len(waveform)].astype(np.float32)


def coloured_noise(samples: int, rng: Random, exponent: float) -> Waveform:
    """Noise of unit power whose spectrum falls as 1 / frequency^exponent: 0 white, 1 pink, 2 brown."""
    length = scipy.fft.next_fast_len(samples, real=True)
    frequency = np.maximum(np.arange(length // 2 + 1, dtype=np.float32), 20 * length / SAMPLE_RATE)
    white = rng.standard_normal(2 * len(frequency), dtype=np.float32).view(np.complex64)
    noise = scipy.fft.irfft(white * frequency ** np.float32(-exponent / 2), length, norm="forward")[:samples]
    return noise / (noise.std() + np.float32(1e-9))


def noisy(waveform: Waveform, rng: Random, decibels: tuple[float, float] = (5.0, 35.0)) -> Waveform:
    """Noise of a random colour, the speech so many decibels above it where there is speech."""
    speech = waveform[np.abs(waveform) > 0.05 * np.abs(waveform).max(initial=1e-9)]
    level = np.sqrt((speech**2).mean()) if len(speech) else 0.0
    noise = coloured_noise(len(waveform), rng, rng.uniform(0, 2))
    return waveform + noise * level * 10 ** (-rng.uniform(*decibels) / 20)


def band_limited(
    waveform: Waveform,
    rng: Random,
    low: tuple[float, float] = (100.0, 350.0),
    high: tuple[float, float] = (3000.0, 3900.0),
    order: tuple[int, int] = (2, 8),
) -> Waveform:
    """A Butterworth band-pass: the telephone's, between the given ranges of its two corners in hertz."""
    corners = [CORNER_STEP * round(rng.uniform(*corner) / CORNER_STEP) for corner in (low, high)]
    return scipy.signal.sosfilt(band_pass(int(rng.integers(*order)), *corners), waveform).astype(np.float32)


@cache
def band_pass(order: int, low: int, high: int) -> Float64[np.ndarray, "sections 6"]:
    """The second-order sections of a Butterworth filter: to design one takes twice as long as to use it."""
    return scipy.signal.butter(order, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")


def companded(waveform: Waveform) -> Waveform:
    """8 bits a sample on the µ-law scale of the telephone network (ITU-T G.711), full scale at the peak."""
    peak, mu = np.abs(waveform).max(initial=1e-9), 255
    squeezed = np.sign(waveform) * np.log1p(mu * np.abs(waveform) / peak) / np.log1p(mu)
    steps = np.round(squeezed * 127) / 127
    return (peak * np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu).astype(np.float32)


def telephone(waveform: Waveform, rng: Random) -> Resized:
    """300 to 3400 Hz, sampled at 8 kHz, companded: how a caller sounds."""
    narrow = band_limited(waveform, rng, (300.0, 300.0), (3400.0, 3400.0), (4, 5))
    at_8_khz = soxr.resample(narrow, SAMPLE_RATE, SAMPLE_RATE // 2)
    return soxr.resample(companded(at_8_khz), SAMPLE_RATE // 2, SAMPLE_RATE).astype(np.float32)


def levelled(waveform: Waveform, rng: Random, decibels: tuple[float, float] = (-30.0, -1.0)) -> Waveform:
    """A random peak level, relative to full scale."""
    return waveform * np.float32(10 ** (rng.uniform(*decibels) / 20) / np.abs(waveform).max(initial=1e-9))


def overheard(waveform: Waveform, rng: Random, hardness: float = 1.0) -> Resized:
    """A question as it may come: silence around it, any level; a room, noise and band limits, each with a probability.

    Four in ten of those with band limits are companded, too. `hardness` scales the probabilities.
    """
    waveform = surrounded(waveform, rng)
    if rng.random() < 0.3 * hardness:
        waveform = reverberated(waveform, rng)
    if rng.random() < 0.6 * hardness:
        waveform = noisy(waveform, rng)
    if rng.random() < 0.5 * hardness:
        waveform = band_limited(waveform, rng)
        if rng.random() < 0.4:
            waveform = companded(waveform)
    return levelled(waveform, rng)


def between_rows(
    rows: Float[Tensor, "rows columns"], position: Float[Tensor, "positions"]
) -> Float[Tensor, "positions columns"]:
    """What is at each position, from 0 to the number of the last row: between two rows, of both."""
    lower = position.floor().long()
    return torch.lerp(rows[lower], rows[(lower + 1).clamp(max=len(rows) - 1)], (position - lower)[:, None])


def paced(mel: Float[Tensor, "mels frames"], rng: Random, most: float = 0.25) -> Float[Tensor, "mels paced"]:
    """Another rhythm, the spectra as they were: spans of 100 to 400 ms, longer or shorter by up to e^`most`."""
    frames = mel.shape[1]
    ends = np.cumsum(rng.integers(10, 41, size=frames // 10 + 1))
    before = np.concatenate([[0], ends[ends < frames - 1], [frames - 1]])
    stretches = np.exp(rng.uniform(-most, most, size=len(before) - 1))
    after = np.concatenate([[0], np.cumsum(np.diff(before) * stretches)])
    position = torch.from_numpy(np.interp(np.arange(int(after[-1]) + 1), after, before)).to(mel.dtype)
    return between_rows(mel.T, position).T


def warped(mel: Float[Tensor, "mels frames"], rng: Random, most: float = 0.12) -> Float[Tensor, "mels frames"]:
    """Vocal-tract length perturbation (Jaitly and Hinton 2013) on the mel axis: stretch it by up to ± `most`."""
    mels = mel.shape[0]
    position = (torch.arange(mels) * float(rng.uniform(1 - most, 1 + most))).clamp(max=mels - 1)
    return between_rows(mel, position)


def tinted(mel: Float[Tensor, "mels frames"], rng: Random, most: float = 0.15) -> Float[Tensor, "mels frames"]:
    """A microphone's colour: a smooth random curve over the mel axis, added to the log-mel (0.1 is 4 dB)."""
    angles = torch.linspace(0, torch.pi, mel.shape[0])
    curve = sum(float(rng.uniform(-most, most)) * torch.cos(k * angles) for k in range(1, 4))
    return mel + curve[:, None]


def masked(mel: Float[Tensor, "mels frames"], rng: Random) -> Float[Tensor, "mels frames"]:
    """SpecAugment (Park et al. 2019, section 2): up to 12 mels and two spans of up to 60 ms set to the mean."""
    mel, mean = mel.clone(), mel.mean()
    first = int(rng.integers(mel.shape[0]))
    mel[first : first + int(rng.integers(13))] = mean
    for _ in range(2):
        start = int(rng.integers(mel.shape[1]))
        mel[:, start : start + int(rng.integers(7))] = mean
    return mel
