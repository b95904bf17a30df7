"""The log-mel spectrogram against librosa, and against the feature extraction of transformers."""

import librosa
import numpy as np
import pytest
import torch
from parity.hf import noise
from torch import Tensor
from transformers.audio_utils import mel_filter_bank as their_filter_bank
from transformers.audio_utils import spectrogram, window_function

from omni_ref.audio import log_mel_spectrogram, mel_filter_bank, mel_power
from omni_ref.config import AuTEncoderConfig, OmniConfig

CONFIGS = {
    "full": OmniConfig.full().aut_encoder,
    "mini": OmniConfig.mini().aut_encoder,
    "tiny": OmniConfig.tiny().aut_encoder,
    "8 kHz": AuTEncoderConfig(
        sample_rate=8000, hop_size=100, frame_size=240, n_fft=300, n_mels=31, mel_floor=1e-6, mel_dynamic_range=5.0
    ),
}
SAMPLES = [160, 161, 319, 511, 512, 513, 1600, 4777, 16080]
TRIED = [(name, samples) for name in ("tiny", "8 kHz") for samples in SAMPLES] + [("full", 4777), ("mini", 16080)]
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
each_config_and_length = pytest.mark.parametrize(
    ("config", "samples"), [(CONFIGS[name], samples) for name, samples in TRIED], ids=[f"{n}-{s}" for n, s in TRIED]
)
pytestmark = pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")


def sounds(samples: int) -> Tensor:
    """Three rows: noise that fades by ten decades of power, a loud tone in noise, and a whisper."""
    fading = noise(samples) * torch.logspace(-1, -6, samples, dtype=torch.float64)
    tone = 0.5 * torch.sin(0.3 * torch.arange(samples, dtype=torch.float64))
    return torch.stack([fading, tone + 0.01 * noise(samples, seed=1), 1e-3 * fading])


def librosa_power(row: Tensor, config: AuTEncoderConfig) -> np.ndarray:
    """librosa gives one frame more, the one centred on the end: drop it, and what follows a last whole hop."""
    power = librosa.feature.melspectrogram(
        y=row.numpy(),
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_size,
        win_length=config.frame_size,
        window="hann",
        center=True,
        pad_mode="reflect",
        power=2.0,
        n_mels=config.n_mels,
        fmin=0,
        fmax=config.sample_rate / 2,
        dtype=np.float64,
    )
    return power[:, :-1]


def transformers_power(row: Tensor, config: AuTEncoderConfig) -> np.ndarray:
    filters = their_filter_bank(
        config.n_fft // 2 + 1, config.n_mels, 0, config.sample_rate / 2, config.sample_rate, "slaney", "slaney"
    )
    window = window_function(config.frame_size, "hann", periodic=True)
    power = spectrogram(
        row.numpy(), window, config.frame_size, config.hop_size, config.n_fft, power=2.0, mel_filters=filters,
        mel_floor=0.0,
    )  # fmt: skip
    return power[:, : len(row) // config.hop_size]


@each_config
def test_mel_filters_are_those_of_librosa(config):
    filters = librosa.filters.mel(
        sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels, fmin=0, fmax=None, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filter_bank(config).numpy(), filters, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("reference", "tolerance"), [(librosa_power, 1e-9), (transformers_power, 1e-6)])
@each_config_and_length
def test_mel_power_is_that_of_librosa_and_of_transformers(config, samples, reference, tolerance):
    rows = sounds(samples)
    power = mel_power(rows, config)
    assert power.shape == (len(rows), config.n_mels, samples // config.hop_size)
    for row, ours in zip(rows, power, strict=True):
        np.testing.assert_allclose(ours.numpy(), reference(row, config), rtol=tolerance, atol=0)


def test_a_window_of_odd_length_stands_where_librosas_does():
    config, rows = AuTEncoderConfig(frame_size=401, n_mels=24), sounds(4777)
    for row, ours in zip(rows, mel_power(rows, config), strict=True):
        np.testing.assert_allclose(ours.numpy(), librosa_power(row, config), rtol=1e-9, atol=0)


@each_config_and_length
def test_mel_power_in_float32_is_that_of_librosa_to_a_millionth_of_each_frame(config, samples):
    rows = sounds(samples)
    for row, ours in zip(rows, mel_power(rows.float(), config), strict=True):
        reference = librosa_power(row, config)
        assert (np.abs(ours.numpy() - reference) <= 1e-6 * reference.max(axis=0)).all()


@each_config_and_length
def test_log_mel_is_the_logarithm_of_librosas_power_floored_clipped_and_scaled(config, samples):
    rows = torch.cat([sounds(samples), torch.zeros(1, samples)])
    for row, ours in zip(rows, log_mel_spectrogram(rows.float(), config), strict=True):
        logarithm = np.log10(np.maximum(librosa_power(row, config), config.mel_floor))
        expected = np.maximum(logarithm, logarithm.max() - config.mel_dynamic_range)
        np.testing.assert_allclose(4 * ours.numpy() - 4, expected, rtol=0, atol=3e-4)
