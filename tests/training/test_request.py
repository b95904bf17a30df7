"""A task or a voice that the run would come to grief over is refused before anything is rendered."""

import numpy as np
import pytest
import torch
from training_corpora import TASK

from omni_ref.training import run
from omni_ref.training.arithmetic import Arithmetic, Exchange
from omni_ref.training.request import try_task, try_voice
from omni_ref.training.voices import Espeak

CPU = torch.device("cpu")


class Asking(Arithmetic):
    """Asks one question, whatever the words are."""

    def __init__(self, question: str):
        super().__init__()
        self.question = question

    def exchange(self, rng):
        return Exchange(self.question, "one")


class Saying:
    """Says that, whatever it is told."""

    name = "mine"

    def __init__(self, sound):
        self.sound = sound

    def say(self, text: str, speed: float = 1.0):
        return self.sound


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what is 2", r"question 'what is 2': '2' in it, expected a to z and spaces alone"),
        ("What is two", "'W' in it"),
        ("what is love", r"question 'what is love': love in it, which words\(\) of the task lacks"),
    ],
)
def test_a_question_that_cannot_be_spelled_or_spliced_is_named(question, said):
    with pytest.raises(ValueError, match=said):
        try_task(Asking(question))


def test_the_tasks_and_voices_that_there_are_pass():
    try_task(TASK)
    try_voice(Espeak("f3"), TASK.words())


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.zeros(100, np.int16), r"voice mine: int16 of shape \(100,\), expected mono float32"),
        (np.zeros((2, 100), np.float32), r"float32 of shape \(2, 100\), expected mono float32"),
        (np.zeros(0, np.float32), "voice mine: it said nothing"),
        (np.full(100, -3, np.float32), r"voice mine: samples up to 3, expected them in \[-1, 1\]"),
        (np.full(100, np.nan, np.float32), "voice mine: samples up to nan"),
    ],
)
def test_a_voice_that_gives_no_sound_is_named(sound, said):
    with pytest.raises(ValueError, match=said):
        try_voice(Saying(sound), TASK.words())


class Silent(Saying):
    """A voice without a sound, made without arguments."""

    def __init__(self):
        super().__init__(np.zeros(0, np.float32))


def test_a_run_tries_them_before_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "begin", lambda *_: pytest.fail("a stage was begun"))
    monkeypatch.setattr(run, "made", lambda name, kind: TASK if name == "task" else Silent())
    with pytest.raises(ValueError, match="it said nothing"):
        run.run_all(tmp_path / "run", tmp_path / "weights", CPU, 0, "task", ["voice"])
    assert not (tmp_path / "run").exists()
