"""Sound files give the waveform that is in them, and the log-mel spectrogram shows each tone where and when it is."""

from dataclasses import replace
from itertools import pairwise, product
from math import exp, log

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref import OmniConfig, audio
from omni_ref.audio import (
    check_waveform,
    hertz_to_mel,
    load_audio,
    log_mel_spectrogram,
    mel_filter_bank,
    mel_power,
    mel_to_hertz,
    save_audio,
)

TINY = OmniConfig.tiny().aut_encoder
few = settings(max_examples=15, deadline=None, derandomize=True)


def tone(frequency: float, samples: int = 8000, rate: int = 16000, level: float = 0.5) -> np.ndarray:
    """A sine wave."""
    return level * np.sin(2 * np.pi * frequency * np.arange(samples) / rate)


def noise(*shape: int) -> torch.Tensor:
    """White noise, well within [-1, 1]."""
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def written(folder, samples: np.ndarray, rate: int = 16000, kind: str = "DOUBLE", ending: str = "wav"):
    """The path of a new sound file."""
    path = folder / f"sound.{ending}"
    soundfile.write(path, samples, rate, subtype=kind)
    return path


def level(waveform: torch.Tensor) -> float:
    """Root mean square, away from the ends, where a resampler's filter runs out of signal."""
    return float(waveform[1000:-1000].square().mean().sqrt())


RATES = [8000, 11025, 22050, 44100, 48000]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [300, 3000])
def test_a_tone_keeps_its_pitch_level_length_and_place_at_another_rate(tmp_path, rate, frequency):
    waveform = load_audio(written(tmp_path, tone(frequency, rate, rate), rate))
    assert len(waveform) == 16000
    difference = waveform - torch.from_numpy(tone(frequency, 16000))
    assert difference[500:-500].abs().max() < 1e-3


@pytest.mark.parametrize("samples, rate", [*product([3, 1000, 12345], RATES), (1, 8000), (1, 11025), (1, 22050)])
def test_resampling_keeps_the_duration_to_the_nearest_sample(tmp_path, samples, rate):
    waveform = load_audio(written(tmp_path, noise(samples).numpy(), rate))
    assert abs(len(waveform) - samples * 16000 / rate) <= 1


@pytest.mark.parametrize(("rate", "frequency"), [(44100, 9000), (44100, 12000), (44100, 17000), (48000, 15000)])
def test_a_tone_above_the_new_nyquist_vanishes_and_does_not_fold_back(tmp_path, rate, frequency):
    waveform = load_audio(written(tmp_path, tone(frequency, rate, rate), rate))
    assert level(waveform) < 1e-4, "80 dB below the tone that went in"


def test_a_tone_in_an_8_khz_file_has_no_mirror_image_above_4_khz(tmp_path):
    waveform = load_audio(written(tmp_path, tone(3000, 8000, 8000), 8000))
    spectrum = torch.fft.rfft(waveform[4000:12000] * torch.hann_window(8000)).abs()
    assert int(spectrum.argmax()) * 2 == 3000
    assert spectrum[2100:].max() < 1e-4 * spectrum.max()


def test_another_rate_may_be_asked_for(tmp_path):
    assert len(load_audio(written(tmp_path, tone(440, 16000)), sample_rate=24000)) == 24000


def test_stereo_is_mixed_to_the_mean_of_its_channels(tmp_path):
    left, right = tone(300), tone(500, level=0.3)
    waveform = load_audio(written(tmp_path, np.stack([left, right], axis=1)))
    assert torch.allclose(waveform, torch.from_numpy((left + right) / 2).float())


@pytest.mark.parametrize(
    ("kind", "ending", "error"),
    [
        ("PCM_U8", "wav", 2**-7),
        ("PCM_16", "wav", 2**-15),
        ("PCM_24", "wav", 2**-23),
        ("PCM_32", "wav", 2**-24),
        ("FLOAT", "wav", 0),
        ("PCM_16", "flac", 2**-15),
        ("PCM_24", "flac", 2**-23),
    ],
)
def test_samples_are_read_to_the_precision_of_the_file(tmp_path, kind, ending, error):
    samples = tone(440).astype(np.float32)
    waveform = load_audio(written(tmp_path, samples, kind=kind, ending=ending))
    assert waveform.shape == samples.shape and waveform.dtype == torch.float32
    assert np.abs(waveform.numpy() - samples).max() <= error


@pytest.mark.parametrize(("kind", "ending"), [("VORBIS", "ogg"), ("MPEG_LAYER_III", "mp3")])
def test_a_tone_survives_lossy_formats(tmp_path, kind, ending):
    waveform = load_audio(written(tmp_path, tone(440, 16000), kind=kind, ending=ending))
    error = waveform[:16000] - torch.from_numpy(tone(440, 16000))
    assert level(error) < 0.05 * level(waveform)


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x24\xf0\xff\x7f"])
def test_a_wav_file_written_to_a_pipe_states_no_length_and_is_read_whole(tmp_path, size):
    path = written(tmp_path, tone(440, 8000), kind="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = size
    path.write_bytes(content)
    assert len(load_audio(path)) == 8000


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99, 0.9999])
def test_an_ogg_file_cut_short_is_refused_wherever_it_is_cut(tmp_path, share):
    path = written(tmp_path, noise(60_000).numpy(), kind="VORBIS", ending="ogg")
    content = path.read_bytes()
    assert len(load_audio(path)) == 60_000
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cut short: its last page is missing"):
        load_audio(path)


def test_an_ogg_file_cut_within_the_header_of_its_last_page_is_refused(tmp_path):
    path = written(tmp_path, noise(60_000).numpy(), kind="VORBIS", ending="ogg")
    content = path.read_bytes()
    for more in (4, 5, 6, 20, 26, 27, 28):
        path.write_bytes(content[: content.rfind(b"OggS") + more])
        with pytest.raises(ValueError, match="cut short: its last page is missing"):
            load_audio(path)


def test_a_resamplers_overshoot_is_taken_and_no_more():
    loud = noise(400)
    loud[7] = -1.9
    assert torch.equal(check_waveform(loud, TINY), loud)
    loud[7] = -2.1
    with pytest.raises(ValueError, match=r"audio reaches 2\.1"):
        check_waveform(loud, TINY)


def test_what_is_beyond_full_scale_is_clipped_in_and_out(tmp_path):
    loud = torch.tensor([0.5, 1.5, -2.0, -0.25])
    clipped = torch.tensor([0.5, 1.0, -1.0, -0.25])
    assert torch.equal(load_audio(written(tmp_path, loud.numpy())), clipped)
    save_audio(tmp_path / "loud.wav", loud, 16000)
    assert torch.allclose(load_audio(tmp_path / "loud.wav"), clipped, atol=2**-15)


@pytest.mark.parametrize("ending", ["wav", "flac", "WAV"])
def test_what_is_saved_is_what_is_loaded(tmp_path, ending):
    path = tmp_path / f"answer.{ending}"
    save_audio(path, noise(5001).requires_grad_(), 24000)
    assert soundfile.info(path).samplerate == 24000 and soundfile.info(path).subtype == "PCM_16"
    assert torch.allclose(load_audio(path, 24000), noise(5001), atol=2**-15, rtol=0)
    assert list(tmp_path.iterdir()) == [path]


def test_a_waveform_in_memory_may_be_numpy_and_double_and_comes_out_as_float32():
    samples = noise(400).double().numpy()
    checked = check_waveform(samples, TINY)
    assert checked.dtype == torch.float32 and np.allclose(checked.numpy(), samples)


@few
@given(samples=st.integers(160, 5000), hop=st.sampled_from([100, 160, 250]))
def test_there_are_exactly_samples_over_hop_frames(samples, hop):
    config = replace(TINY, hop_size=hop, sample_rate=20000 if hop == 250 else 16000, conv_strides=(2, 1))
    frames = max(samples, hop) // hop
    spectrogram = log_mel_spectrogram(noise(2, max(samples, hop)), config)
    assert spectrogram.shape == (2, 24, frames) and spectrogram.isfinite().all()


@pytest.mark.parametrize("frame", [0, 1, 7, 12])
def test_frame_t_is_centred_on_sample_t_times_hop(frame):
    click = torch.zeros(1, 13 * 160)
    click[0, frame * 160] = 1
    energy = mel_power(click, TINY)[0].sum(dim=0)
    assert energy.argmax() == frame
    if 1 < frame < 12:  # before that, the mirrored click is near
        assert torch.isclose(energy[frame - 1], energy[frame + 1]) and energy[frame - 1] < 0.1 * energy[frame]


@few
@given(samples=st.integers(160, 2000), seed=st.integers(0, 99))
def test_power_is_that_of_a_mirrored_periodic_hann_window_by_hand(samples, seed):
    waveform = noise(2, samples + seed)[0, seed:].double()
    mirrored = np.pad(waveform.numpy(), 256, mode="reflect")
    window = np.pad(np.hanning(401)[:400], 56)
    frames = [mirrored[start : start + 512] * window for start in range(0, 160 * (samples // 160), 160)]
    by_hand = np.abs(np.fft.rfft(frames)).T ** 2
    ours = mel_power(waveform[None], TINY)[0]
    assert torch.allclose(ours, mel_filter_bank(TINY) @ torch.from_numpy(by_hand), rtol=1e-9)


def filter_centres(config) -> list[float]:
    """Hertz of each filter's peak, by Slaney's formula: 15 mel up to 1 kHz, 27 for each further factor of 6.4."""
    highest = 15 + 27 * log(config.sample_rate / 2 / 1000) / log(6.4)
    mels = [highest * (index + 1) / (config.n_mels + 1) for index in range(config.n_mels)]
    return [mel * 200 / 3 if mel < 15 else 1000 * exp((mel - 15) / 27 * log(6.4)) for mel in mels]


@pytest.mark.parametrize("preset", [OmniConfig.tiny, OmniConfig.mini, OmniConfig.full])
def test_a_tone_at_the_centre_of_a_filter_lands_in_it(preset):
    config = preset().aut_encoder
    centres = filter_centres(config)
    for index, (below, frequency) in enumerate(pairwise([0, *centres])):
        if frequency - below < config.sample_rate / config.n_fft:
            continue  # as narrow as a bin of the FFT: only at 128 mels, below 1 kHz
        spectrogram = mel_power(torch.from_numpy(tone(frequency, 3200))[None], config)[0, :, 5:15]
        assert (spectrogram.argmax(dim=0) == index).all(), f"{frequency} Hz"


def test_mel_and_hertz_are_inverse_and_meet_at_1_khz():
    hertz = torch.linspace(0, 8000, 101, dtype=torch.float64)
    assert torch.allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, atol=1e-9)
    assert hertz_to_mel(torch.tensor([200.0, 1000.0, 6400.0])).tolist() == pytest.approx([3, 15, 42])


@pytest.mark.parametrize("preset", [OmniConfig.tiny, OmniConfig.mini, OmniConfig.full])
def test_no_filter_is_empty_and_each_has_area_one(preset):
    config = preset().aut_encoder
    filters = mel_filter_bank(config)
    assert (filters.sum(dim=1) > 0).all() and (filters >= 0).all()
    wide = filters[torch.tensor(filter_centres(config)) > 2000]
    areas = wide.sum(dim=1) * config.sample_rate / config.n_fft
    assert torch.allclose(areas, torch.ones_like(areas), atol=0.1)


def test_ten_times_louder_is_two_decades_more_power_and_half_a_unit_more():
    quiet, loud = (log_mel_spectrogram(gain * noise(1, 4000), TINY) for gain in (1, 10))
    assert torch.allclose(loud - quiet, torch.full_like(loud, 0.5), atol=1e-5)


def test_the_spectrogram_is_log10_power_plus_4_over_4_down_to_8_decades_below_the_peak():
    waveform = torch.from_numpy(np.concatenate([np.zeros(4000), tone(1000, 4000)])).float()[None]
    spectrogram = log_mel_spectrogram(waveform, TINY)
    log_power = mel_power(waveform, TINY).log10()
    assert torch.isclose(spectrogram.max(), log_power.max() / 4 + 1)
    assert torch.isclose(spectrogram.max() - spectrogram.min(), torch.tensor(2.0))
    audible = log_power > log_power.max() - 7.9
    assert torch.allclose(spectrogram[audible], log_power[audible] / 4 + 1, atol=1e-6)


def test_silence_is_the_floor():
    assert torch.allclose(log_mel_spectrogram(torch.zeros(1, 400), TINY), torch.full((1, 24, 2), -1.5))


def test_each_row_is_clipped_below_its_own_peak():
    rows = torch.cat([5 * noise(1, 3000), 2e-4 * noise(1, 3000).flip(1)])
    alone = [log_mel_spectrogram(row[None], TINY)[0] for row in rows]
    assert torch.allclose(log_mel_spectrogram(rows, TINY), torch.stack(alone))


def test_pieces_change_nothing(monkeypatch):
    waveform = torch.from_numpy(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 144_000)).astype(np.float32))
    config = OmniConfig.mini().aut_encoder
    in_pieces = mel_power(waveform, config)
    assert in_pieces.shape[2] > 2 * audio.PIECE_FRAMES
    monkeypatch.setattr(audio, "PIECE_FRAMES", in_pieces.shape[2])
    torch.testing.assert_close(in_pieces, mel_power(waveform, config), rtol=1e-5, atol=0)
