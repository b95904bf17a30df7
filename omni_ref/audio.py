"""Sound files, and the log-mel spectrogram: the picture of a sound that the encoder reads.

    waveform ─ frames of 25 ms every 10 ms ─ FFT ─ power ─ mel filters ─ log10 ─ clip to 8 decades ─ scale

Mel filters: Slaney 1998, "Auditory Toolbox", as in librosa. Clipping and scaling: Radford et al. 2022, "Whisper",
section 2.2 and its released code.
"""

import os
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .checks import check_axes, has_values, is_finite, require
from .config import AuTEncoderConfig
from .files import written_whole

PIECE_FRAMES = 400  # 4 seconds: few enough to stay in the cache of a CPU


def load_audio(path: str | os.PathLike, sample_rate: int = 16000) -> Float[Tensor, "samples"]:
    """Read any file libsndfile knows (WAV, FLAC, OGG, MP3 …): mix to mono, resample band-limited, clip to [-1, 1].

    Raises FileNotFoundError if there is no such file, ValueError if it is no sound, empty, not finite, or cut short,
    which shows in WAV, AIFF, FLAC and OGG.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a sound file")
    is_raw = Path(path).suffix.lower() == ".raw"
    require(not is_raw, f"{path}: raw samples do not say at which rate: save them as WAV or FLAC")
    try:
        with soundfile.SoundFile(path) as file:
            original_rate = file.samplerate
            channels = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not a sound file that libsndfile can read: {error.error_string}") from error
    _require_whole(path)
    require(len(channels) > 0, f"{path}: the file holds no samples, expected sound")
    mono = soxr.resample(channels.mean(axis=1), original_rate, sample_rate)
    waveform = torch.from_numpy(mono)
    require(len(waveform) > 0, f"{path}: too short for one sample at {sample_rate} Hz")
    require(is_finite(waveform), f"{path}: holds samples that are not finite numbers")
    return waveform.clamp(-1, 1)


def _require_whole(path: str | os.PathLike) -> None:
    """What libsndfile hides: WAV and AIFF begin with their size, of OGG the last page has a mark (RFC 3533, section 6).

    ValueError if the file is shorter, or the last page not there.
    """
    content = Path(path).read_bytes()
    begins, there = content[:4], len(content)
    if begins in (b"RIFF", b"FORM"):
        size = int.from_bytes(content[4:8], "little" if begins == b"RIFF" else "big") + 8
        streamed = size >= 0x7FFFF000  # what writers to a pipe put there, since they cannot know
        require(there >= size or streamed, f"{path}: the file is cut short: {there} of {size} bytes are there")
    if begins == b"OggS":
        page = content[content.rfind(b"OggS") :]
        size = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 26 else 27
        is_last = len(page) >= size and page[5] & 4 != 0
        require(is_last, f"{path}: the file is cut short: its last page is missing")


def save_audio(path: str | os.PathLike, waveform: Float[Tensor, "samples"], sample_rate: int) -> None:
    """Write 16-bit sound in the format of the name's ending (.wav, .flac). The file appears whole or not at all.

    Raises ValueError for another ending, another shape, a rate below 1 or NaN; OSError if it cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lstrip(".").upper()
    require(kind in ("WAV", "FLAC"), f"{path}: cannot write '{path.suffix}', name it .wav or .flac")
    require(sample_rate >= 1, f"{path}: a sample rate of {sample_rate}, expected at least 1")
    check_axes(f"{path}: waveform", waveform, "samples")
    require(is_finite(waveform), f"{path}: the waveform holds samples that are not finite numbers")
    samples = waveform.detach().cpu().float().clamp(-1, 1).numpy()
    with written_whole(path) as partial:
        try:
            soundfile.write(partial, samples, sample_rate, format=kind, subtype="PCM_16")
        except soundfile.LibsndfileError as error:
            raise OSError(f"{path}: cannot be written: {error.error_string}") from error


def check_waveform(waveform: Tensor | np.ndarray, config: AuTEncoderConfig) -> Float[Tensor, "samples"]:
    """A finite mono waveform of a frame or more at the encoder's rate, as float32; else ValueError says what came."""
    is_native = isinstance(waveform, Tensor) or np.asarray(waveform).dtype.isnative
    require(is_native, "audio in another machine's byte order, expected this one's: .astype('float32') puts it right")
    samples = torch.as_tensor(waveform, device="cpu")
    shape = tuple(samples.shape)
    require(samples.ndim == 1, f"audio of shape {shape}, expected one axis, samples: mix the channels to one")
    require(samples.is_floating_point(), f"audio of {samples.dtype}, expected floating-point samples in [-1, 1]")
    require(
        len(samples) >= config.hop_size,
        f"audio of {len(samples)} samples, expected at least one hop of {config.hop_size}",
    )
    require(is_finite(samples), "audio holds samples that are not finite numbers")
    loudest = float(samples.abs().max())  # 2, not 1: a resampler overshoots a little; integers overshoot by thousands
    require(loudest <= 2, f"audio reaches {loudest:g}, expected samples in [-1, 1]: divide by the full scale")
    return samples.to(torch.float32)


def hertz_to_mel(frequency: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Slaney's mel scale: linear, 3 mel for 200 Hz, up to 1 kHz = 15 mel; above, 27 mel for each factor of 6.4."""
    above = 15 + 27 * torch.log(frequency.clamp(min=1000) / 1000) / torch.log(torch.full_like(frequency, 6.4))
    return torch.where(frequency < 1000, frequency * 3 / 200, above)


def mel_to_hertz(mel: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The inverse of hertz_to_mel."""
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.full_like(mel, 6.4).pow((mel - 15) / 27))


def mel_filter_bank(config: AuTEncoderConfig, device: torch.device | None = None) -> Float[Tensor, "mels bins"]:
    """Triangles equally spaced in mel from 0 Hz to half the sample rate, each of area 1 in hertz; float64."""
    nyquist = torch.tensor(config.sample_rate / 2, dtype=torch.float64, device=device)
    steps = torch.linspace(0, 1, config.n_mels + 2, dtype=torch.float64, device=device)
    edges = mel_to_hertz(steps * hertz_to_mel(nyquist))
    bins = torch.linspace(0, 1, config.n_fft // 2 + 1, dtype=torch.float64, device=device) * nyquist
    lower, centre, upper = (edges[start : start + config.n_mels, None] for start in range(3))
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    filters = torch.minimum(rising, falling).clamp(min=0) * 2 / (upper - lower)
    assert filters.shape == (config.n_mels, config.n_fft // 2 + 1)
    return filters


def _mirrored(waveform: Float[Tensor, "batch samples"], reach: int) -> Float[Tensor, "batch padded"]:
    """The signal continued by `reach` at both ends as in a mirror, and again where it is shorter than that."""
    samples = waveform.shape[1]
    period = 2 * (samples - 1)
    beyond = torch.arange(samples, samples + reach, device=waveform.device) % period
    after = torch.minimum(beyond, period - beyond)
    before = samples - 1 - after.flip(0)
    return torch.cat([waveform[:, before], waveform, waveform[:, after]], dim=1)


def mel_power(waveform: Float[Tensor, "batch samples"], config: AuTEncoderConfig) -> Float[Tensor, "batch mels frames"]:
    """Power in each mel filter. Frame t is centred on sample t × hop_size; there are samples // hop_size of them.

    Raises ValueError for a waveform without a single frame, or with NaN or infinity in it.
    """
    check_axes("waveform", waveform, "batch", "samples")
    batch, samples = waveform.shape
    frames = samples // config.hop_size
    require(frames > 0, f"waveform of {samples} samples, expected at least one hop of {config.hop_size}")
    finite = not has_values(waveform) or is_finite(waveform)
    require(finite, "waveform holds samples that are not finite numbers")
    beyond = config.n_fft - config.frame_size  # what follows a frame in its FFT: a window of zeros
    window = F.pad(torch.hann_window(config.frame_size, dtype=waveform.dtype, device=waveform.device), (0, beyond))
    padded = F.pad(_mirrored(waveform, (config.frame_size + 1) // 2), (0, beyond))
    framed = padded.unfold(1, config.n_fft, config.hop_size)[:, :frames]
    filters, pieces = mel_filter_bank(config, waveform.device).to(waveform.dtype), []
    for piece in framed.split(PIECE_FRAMES, dim=1):
        spectrum = torch.fft.rfft(piece * window)
        power = spectrum.real.square() + spectrum.imag.square()
        assert power.shape == (batch, piece.shape[1], config.n_fft // 2 + 1)
        pieces.append(filters @ power.transpose(1, 2))
    return torch.cat(pieces, dim=2)


def log_mel_spectrogram(
    waveform: Float[Tensor, "batch samples"], config: AuTEncoderConfig
) -> Float[Tensor, "batch mels frames"]:
    """log10 of the mel power, floored, clipped mel_dynamic_range decades below each row's peak, scaled to about ±1.

    The waveform is at config.sample_rate; a frame is hop_size samples, and nothing is padded to a fixed length.
    """
    log_power = mel_power(waveform, config).clamp(min=config.mel_floor).log10()
    peak = log_power.amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(log_power, peak - config.mel_dynamic_range) + 4) / 4
