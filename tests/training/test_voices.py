"""Voices speak at 16 kHz, at the speed asked for; corpora come back as they were rendered."""

import subprocess
import sys

import hibari
import librosa
import numpy as np
import onnxruntime
import pytest
import soxr
from training_corpora import TASK, hum, questions, words

from omni_ref.training import corpus
from omni_ref.training.corpus import Recordings, Speakers, splice_words
from omni_ref.training.judge import Judge
from omni_ref.training.voices import (
    HELD_OUT_VARIANTS,
    UNINTELLIGIBLE,
    Disguise,
    Espeak,
    Flite,
    Heart,
    Joe,
    Kokoro,
    espeak_variants,
    trim,
)

SAID = "seven plus eight"
FEW = ["one", "two", "six", "plus", "minus", "times"]  # of the task: a neural voice takes a second for each
BETWEEN = Kokoro([0.5, 0.0, 0.0, 0.0, 0.5])


@pytest.mark.parametrize("voice", [Espeak("m1"), Heart(), Joe(), BETWEEN], ids=lambda voice: voice.name)
def test_a_voice_speaks_in_time(voice):
    normal, fast = voice.say(SAID), voice.say(SAID, 1.5)
    for waveform in (normal, fast):
        assert waveform.dtype == np.float32 and 0.05 < np.abs(waveform).max() <= 1
    assert 0.6 < len(normal) / 16000 < 2.5
    assert len(fast) / len(normal) == pytest.approx(1 / 1.5, abs=0.15)


@pytest.mark.parametrize("voice", [Heart(), Joe(), BETWEEN], ids=lambda voice: voice.name)
def test_a_natural_voice_says_the_same_twice(voice):
    assert np.array_equal(voice.say(SAID), voice.say(SAID))


def fundamental(waveform: np.ndarray) -> float:
    """The median pitch in hertz of what is voiced."""
    pitch, voiced, _ = librosa.pyin(waveform, fmin=50, fmax=600, sr=16000)
    return float(np.median(pitch[voiced]))


def test_heart_without_a_disguise_is_hibari_to_the_bit():
    theirs = hibari.Hibari()(SAID, speed=1.0, seed=0)
    assert np.array_equal(Heart().say(SAID), trim(soxr.resample(theirs, hibari.SAMPLE_RATE, 16000)))


class Network(onnxruntime.InferenceSession):
    """Gives five spectra with a peak in bin 100 of 601, and a pitch of 200 Hz."""

    def __init__(self):
        """Nothing is loaded."""

    def run(self, names, inputs):
        spectrum = (np.arange(601) == 100)[None, :, None] * np.ones((1, 1, 7), np.float32)
        return [*5 * [spectrum], np.full((1, 7), 200, np.float32)]


def test_a_disguise_moves_the_peaks_of_the_spectra_and_the_pitch():
    *spectra, pitch = Disguise(Network(), pitch=0.5, tract=0.85).run(None, {})
    assert all((spectrum.argmax(axis=1) == 85).all() for spectrum in spectra)
    assert (pitch == 100).all()


def test_heart_in_disguise_is_lower_or_higher_and_says_the_same():
    plain = Heart().say(SAID)
    low, high = Heart(0.5, 0.85).say(SAID), Heart(1.3).say(SAID)
    assert fundamental(low) / fundamental(plain) == pytest.approx(0.5, rel=0.15)
    assert fundamental(high) / fundamental(plain) == pytest.approx(1.3, rel=0.15)
    assert len(low) == pytest.approx(len(plain), rel=0.03)
    assert Heart(0.5, 0.85).name == "heart pitch 0.50 tract 0.85"


def test_joe_at_another_pitch_takes_the_same_time():
    plain, higher = Joe().say(SAID), Joe(1.2).say(SAID)
    assert fundamental(higher) / fundamental(plain) == pytest.approx(1.2, rel=0.1)
    assert len(higher) == pytest.approx(len(plain), rel=0.1)


def test_kokoro_lies_between_its_voices_and_at_another_pitch_takes_the_same_time():
    woman, man = [1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]
    plain, higher = Kokoro(woman).say(SAID), Kokoro(woman, 1.2).say(SAID)
    assert fundamental(Kokoro(man).say(SAID)) < fundamental(BETWEEN.say(SAID)) < fundamental(plain)
    assert fundamental(higher) / fundamental(plain) == pytest.approx(1.2, rel=0.1)
    assert len(higher) == pytest.approx(len(plain), rel=0.1)


def test_what_kokoro_says_is_what_the_judge_reads():
    judge = Judge(TASK.grammar())
    replies = [fact.reply() for fact in TASK.facts[::120]]
    read = [judge.read(BETWEEN.say(reply)) == reply for reply in replies]
    assert len(read) >= 6 and sum(read) >= len(read) - 1, read


@pytest.mark.parametrize("shares", [[1.0], [0.5] * 5])
def test_shares_that_are_not_kokoros_are_named(shares):
    with pytest.raises(ValueError, match=r"kokoro: shares \[.*\], expected one of each of 5 voices, 1 in all"):
        Kokoro(shares)


def test_flite_is_asked_for_the_voice_and_the_speed(flite):
    slow, fast = Flite("slt").say(SAID, 0.8), Flite("slt").say(SAID, 1.6)
    assert len(fast) / len(slow) == pytest.approx(0.5, abs=0.1)
    assert not np.array_equal(Flite("rms").say(SAID, 0.8), slow)


def test_without_flite_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install flite"):
        Flite("slt")


def test_a_voice_that_espeak_does_not_have_is_named():
    with pytest.raises(ValueError, match="no variant 'nobody', expected one of Alex, "):
        Espeak("nobody")
    with pytest.raises(ValueError, match=r"no voice 'gmw/en-Nowhere\+m1'"):
        Espeak("m1", "en-Nowhere").say(SAID)


def test_every_variant_that_is_used_speaks_and_the_held_out_ones_are_never_drawn():
    rng = np.random.default_rng(0)
    names = {voice.name.split("+")[1].split(" pitch")[0] for voice in corpus.training_speakers(rng, 300)}
    assert names == set(espeak_variants()) - set(HELD_OUT_VARIANTS)
    assert set(HELD_OUT_VARIANTS) <= set(espeak_variants())
    assert not any(UNINTELLIGIBLE.search(name) for name in names)
    assert all(len(Espeak(variant).say("one")) > 1600 for variant in espeak_variants())


def test_silence_is_cut_off_both_ends():
    sound = np.concatenate([np.zeros(5000), 0.5 * np.ones(1000), np.zeros(7000)]).astype(np.float32)
    assert len(trim(sound)) == pytest.approx(1000 + 2 * 320, abs=2)
    assert len(trim(np.zeros(100, np.float32))) == 100


def test_recordings_come_back_from_disk_to_the_bit(tmp_path):
    recorded = questions()
    recorded.save(tmp_path / "questions.npz")
    loaded = Recordings.load(tmp_path / "questions.npz")
    assert len(loaded) == len(recorded) and list(tmp_path.iterdir()) == [tmp_path / "questions.npz"]
    for i in range(len(recorded)):
        assert np.array_equal(loaded[i], recorded[i])
        assert (loaded.texts[i], loaded.speakers[i]) == (recorded.texts[i], recorded.speakers[i])


def test_a_recording_is_what_was_spoken_to_16_bits():
    spoken = [hum(0.1 * (i + 1), np.random.default_rng(i)) for i in range(3)]
    recorded = Recordings.of([(waveform, f"text {i}", "me") for i, waveform in enumerate(spoken)])
    assert np.array_equal(recorded[-1], recorded[len(recorded) - 1])
    for i, waveform in enumerate(spoken):
        assert np.abs(recorded[i] - waveform).max() <= 1 / 32767


def test_rendering_a_corpus_is_seeded_and_reports_how_far_it_is():
    seen = []
    first, second = (corpus.render_replies(TASK, 5, 3, lambda done, of: seen.append((done, of))) for _ in range(2))
    assert np.array_equal(first.samples, second.samples) and first.texts.tolist() == second.texts.tolist()
    assert seen == 2 * [(1, 3), (2, 3), (3, 3)]
    assert all(abs(np.abs(first[i]).max() - 0.6) < 1e-3 for i in range(3))


def test_questions_and_words_are_the_same_in_every_process():
    """espeak-ng carries its state on from sentence to sentence, and Python orders sets anew each time."""
    script = (
        "import hashlib; from omni_ref.training import corpus; from omni_ref.training.arithmetic import Arithmetic\n"
        "task, quiet = Arithmetic(), lambda done, of: None\n"
        f"task.words = lambda: {FEW}\n"
        "for render, counts in ((corpus.render_questions, (3, 1)), (corpus.render_words, (2, 1, 1))):\n"
        "    print(hashlib.sha256(render(task, 0, *counts, quiet).samples.tobytes()).hexdigest())"
    )
    first, second = (subprocess.check_output([sys.executable, "-c", script], text=True) for _ in range(2))
    assert first == second and len(set(first.split())) == 2


def test_questions_and_words_are_rendered_by_all_kinds_of_voices(monkeypatch):
    asked = corpus.render_questions(TASK, 0, 3, 1, lambda done, of: None)
    assert [name.split()[0] for name in asked.speakers] == ["espeak"] * 3 + ["heart"] * 3 + ["joe"]
    assert all(TASK.answer(str(question)) for question in asked.texts)
    monkeypatch.setattr(TASK, "words", lambda: FEW)
    spoken = corpus.render_words(TASK, 0, 2, 1, 1, lambda done, of: None)
    engines = [name.split()[0] for name in dict.fromkeys(spoken.speakers.tolist())]
    assert engines == ["espeak"] * 2 + ["heart"] * 3 + ["joe", "kokoro"]
    assert len(spoken) == len(engines) * len(TASK.words())
    assert all(set(takes) == set(TASK.words()) for takes in Speakers(spoken).index.values())


def test_natural_engines_are_spliced_equally_often_however_many_takes_they_have():
    speakers = ["espeak x take 0", *(f"heart take {i}" for i in range(9)), "joe take 10"]
    levels = {"espeak": 0.1, "heart": 0.2, "joe": 0.3}
    spoken = Recordings.of((np.full(160, levels[name.split()[0]], np.float32), "one", name) for name in speakers)
    rng = np.random.default_rng(0)
    drawn = [round(float(Speakers(spoken).splice("one", rng, 0.5, (0.0, 0.0)).max()), 1) for _ in range(400)]
    shares = [drawn.count(level) / len(drawn) for level in levels.values()]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.07)


def test_a_spliced_question_is_one_speakers_words_with_gaps_between():
    pieces = [np.full(1600, level, np.float32) for level in (0.1, 0.2, 0.3)]
    joined = splice_words(pieces, np.random.default_rng(0), (0.05, 0.05))
    assert len(joined) == 3 * 1600 + 2 * 800
    assert not joined[1600:2400].any() and not joined[4000:4800].any() and joined[-1600:].all()
    speakers = Speakers(words())
    whole = speakers.splice("what is one plus two", np.random.default_rng(0), 0.5, (0.1, 0.1))
    assert len(whole) == pytest.approx(5 * 1600 + 4 * 1600, abs=5)
