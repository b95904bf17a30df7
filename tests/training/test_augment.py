"""Each disturbance does to a sound what its name says, measured on the sound."""

import numpy as np
import pytest
import torch

from omni_ref.training import augment

RATE = 16000


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def peak_hertz(waveform: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(waveform)).argmax() * RATE / len(waveform))


def decibels(waveform: np.ndarray) -> float:
    return float(10 * np.log10((waveform.astype(np.float64) ** 2).mean()))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_resampling_by_a_factor_scales_frequency_and_shortens_time(factor):
    changed = augment.resampled(tone(1000), factor)
    assert len(changed) == pytest.approx(RATE / factor, abs=2)
    assert peak_hertz(changed) == pytest.approx(1000 * factor, rel=0.005)


def test_noise_is_as_far_below_the_speech_as_asked():
    voice = tone(500)
    for wanted in (5.0, 10.0, 20.0):
        noise = augment.noisy(voice, rng(), (wanted, wanted)) - voice
        speech = voice[np.abs(voice) > 0.05 * np.abs(voice).max()]
        assert decibels(speech) - decibels(noise) == pytest.approx(wanted, abs=0.2)


@pytest.mark.parametrize(("exponent", "fall"), [(0.0, 0), (1.0, 3), (2.0, 6)])
def test_coloured_noise_falls_by_so_many_decibels_an_octave(exponent, fall):
    noise = augment.coloured_noise(20 * RATE, rng(), exponent)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [10 * np.log10(power[low * 20 : 2 * low * 20].mean()) for low in (500, 1000, 2000)]
    assert np.diff(octaves) == pytest.approx([-fall, -fall], abs=0.5)
    assert noise.std() == pytest.approx(1, abs=1e-3)


def test_the_telephone_passes_speech_and_stops_what_is_outside_its_band():
    kept = decibels(augment.telephone(tone(1000), rng())) - decibels(tone(1000))
    assert kept == pytest.approx(0, abs=1)
    for outside in (60, 5000, 7000):
        assert decibels(augment.telephone(tone(outside), rng())) - decibels(tone(outside)) < -20


def test_companding_has_255_levels_and_keeps_the_sound():
    sound = (rng().standard_normal(RATE) * 0.1).astype(np.float32)
    companded = augment.companded(sound)
    every_level = np.linspace(-1, 1, 100_001, dtype=np.float32)
    assert len(np.unique(augment.companded(every_level))) == 255
    assert decibels(sound) - decibels(companded - sound) > 30


def test_a_room_lets_a_click_ring_and_die_away():
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    ringing = augment.reverberated(click, rng(), (0.3, 0.3))
    assert ringing[100] == pytest.approx(1, abs=1e-5)
    early, late = ringing[500:1500], ringing[4000:5000]
    assert 0 < np.abs(late).max() < 0.1 * np.abs(early).max()


def test_level_and_silence():
    loud = augment.levelled(tone(300), rng(), (-20.0, -20.0))
    assert np.abs(loud).max() == pytest.approx(0.1, rel=1e-3)
    longer = augment.surrounded(tone(300), rng(), most=0.5)
    assert RATE < len(longer) <= 2 * RATE
    assert not np.any(augment.levelled(np.zeros(100, np.float32), rng()))


def test_another_pace_moves_what_happens_by_a_span_here_and_there_and_keeps_each_spectrum():
    mel = torch.arange(300.0) * torch.ones(80, 1)  # each frame says when it was
    seen = [augment.paced(mel, rng(seed)) for seed in range(20)]
    assert len({then.shape[1] for then in seen}) > 10 and all(300 / 1.3 < then.shape[1] < 300 * 1.3 for then in seen)
    for then in seen:
        steps = then.diff(dim=1)
        assert torch.equal(then[0], then[79]) and then[0, 0] == 0 and then[0, -1] > 297
        assert np.exp(-0.25) - 1e-3 < steps.min() < 1 < steps.max() < np.exp(0.25) + 1e-3
    short = torch.randn(80, 1)
    assert torch.equal(augment.paced(short, rng()), short)


def test_a_warp_moves_a_line_of_the_spectrogram_and_a_tint_adds_the_same_to_every_frame():
    mel = torch.zeros(80, 50)
    mel[40] = 1
    moved = {int(augment.warped(mel, rng(seed)).argmax(dim=0)[0]) for seed in range(20)}
    assert len(moved) > 3 and min(moved) >= 35 and max(moved) <= 46
    tint = augment.tinted(mel, rng()) - mel
    assert torch.allclose(tint, tint[:, :1].expand_as(tint), atol=1e-6) and 0.01 < tint.abs().max() < 0.5


def test_masks_cover_little_and_leave_the_original_alone():
    mel = torch.randn(80, 200)
    kept = mel.clone()
    masked = augment.masked(mel, rng(3))
    assert torch.equal(mel, kept)
    assert 0 < (masked != mel).float().mean() < 0.3


def test_what_is_overheard_is_finite_in_range_and_the_same_for_the_same_seed():
    for seed in range(30):
        heard = augment.overheard(tone(400), rng(seed))
        assert heard.dtype == np.float32 and np.isfinite(heard).all() and np.abs(heard).max() <= 1
        assert np.array_equal(heard, augment.overheard(tone(400), rng(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_without_hardness_a_sound_is_only_at_another_level_and_surrounded_by_silence(seed):
    sound, heard = tone(400), augment.overheard(tone(400), rng(seed), hardness=0.0)
    start = np.flatnonzero(heard)[0] - np.flatnonzero(sound)[0]
    part = heard[start : start + len(sound)] / np.abs(heard).max()
    np.testing.assert_allclose(part, sound / np.abs(sound).max(), atol=1e-6)
    assert not heard[:start].any() and not heard[start + len(sound) :].any()
