"""Small corpora that need no voice, and recipes of two steps: for tests of training."""

import numpy as np
import pytest

from omni_ref.training import cases
from omni_ref.training.arithmetic import Arithmetic
from omni_ref.training.codec import CodecStage
from omni_ref.training.corpus import Recordings
from omni_ref.training.hearing import HearingStage
from omni_ref.training.loop import Schedule
from omni_ref.training.speaking import MessageStage, SpeakingStage
from omni_ref.training.thinking import ListeningStage, ReadingStage
from omni_ref.training.vocoder import VocoderStage

TASK = Arithmetic()


def hum(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A sound with a pitch and a hiss, of unit-test quality."""
    time = np.arange(int(seconds * 16000)) / 16000
    buzz = sum(np.sin(2 * np.pi * k * rng.uniform(100, 200) * time) / k for k in range(1, 6))
    return (0.1 * buzz + 0.01 * rng.standard_normal(len(time))).astype(np.float32)


def replies(count: int = 6) -> Recordings:
    """Utterances of 0.3 to 0.5 seconds by the reply voice."""
    rng = np.random.default_rng(0)
    return Recordings.of([(hum(rng.uniform(0.3, 0.5), rng), fact.reply(), "heart") for fact in TASK.facts[:count]])


def questions(count: int = 6) -> Recordings:
    """Questions of about a second."""
    rng = np.random.default_rng(1)
    return Recordings.of(
        [(hum(1.0, rng), TASK.exchange(rng).question, ("espeak x", "joe")[i % 2]) for i in range(count)]
    )


def words() -> Recordings:
    """Every word by a synthetic and a natural speaker."""
    rng = np.random.default_rng(2)
    speakers = ("espeak x take 0", "heart take 1")
    return Recordings.of([(hum(0.1, rng), word, speaker) for speaker in speakers for word in TASK.words()])


def never_heard(count: int, seed: int) -> list[cases.Case]:
    """Questions by voices that training never heard."""
    rng = np.random.default_rng(seed)
    return list(cases.asked(cases.trained_exchanges(TASK, rng, count), cases.held_out_voice, cases.clean, rng))


def two_steps_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of two rows, at the mini size: the tokenizer's bytes need its 512 talker tokens."""
    for stage in (CodecStage, VocoderStage, ReadingStage, SpeakingStage, HearingStage, ListeningStage, MessageStage):
        monkeypatch.setattr(stage, "schedule", Schedule(steps=2, batch=2, learning_rate=1e-4))
    begin = ListeningStage.begin
    monkeypatch.setattr(ListeningStage, "begin", lambda self, rng: begin(self, rng, batches=8))
