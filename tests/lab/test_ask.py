"""A sound from the page is answered; what is none, or no question, gets a sentence there, and the last answer stays."""

import io

import numpy as np
import pytest
import soundfile
import torch

from omni_ref import Omni
from omni_ref.lab.ask import LONGEST, AskAloud, Recorder, question_from
from omni_ref.lab.notebook import QUESTION

RATE = 16000


def sound(seconds: float, loudness: float = 0.5, rate: int = RATE, kind: str = "WAV") -> bytes:
    """The bytes of a file that holds a tone."""
    tone = loudness * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, tone, rate, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("rate", "kind"), [(16000, "WAV"), (48000, "WAV"), (44100, "FLAC"), (16000, "OGG")])
def test_a_file_of_any_kind_becomes_a_question(rate, kind):
    question = question_from(sound(1.0, rate=rate, kind=kind), "tone", RATE)
    assert len(question) == pytest.approx(RATE, abs=2) and question.dtype == torch.float32
    assert float(question.abs().max()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("came", "sentence"),
    [
        (b"no sound at all", "note.txt: not a sound file"),
        (b"", "note.txt: not a sound file"),
        (sound(1.0)[:20000], "note.txt: the file is cut short"),
        (sound(0.1), "note.txt: 0.1 s long, expected 0.3 to 15 s"),
        (sound(LONGEST + 1), "note.txt: 16.0 s long, expected"),
        (sound(1.0, loudness=0), "note.txt: silence, its loudest sample is 0.0000, expected 0.01 or more"),
        (sound(1.0, loudness=0.005), "note.txt: silence"),
    ],
)
def test_what_is_no_question_is_named_and_so_is_what_to_do(came, sentence):
    with pytest.raises(ValueError) as raised:
        question_from(came, "note.txt", RATE)
    assert str(raised.value).startswith(sentence)


@pytest.fixture
def ask():
    omni = Omni.from_pretrained(device="cpu")
    return AskAloud(omni, torch.from_numpy(soundfile.read(QUESTION, dtype="float32")[0]))


def hand_over(ask: AskAloud, came: bytes, name: str) -> str:
    """What the page does with a sound, and what it then says."""
    ask.recorder._handle_custom_msg({"name": name}, [memoryview(came)])
    return ask.recorder.status


def test_the_example_is_answered_and_the_page_has_three_faces(ask):
    assert repr(ask) == "AskAloud(heard: what is seven plus eight; answer: seven plus eight is fifteen)"
    assert not ask.player.autoplay and ask.player.value
    faces = ask._repr_mimebundle_()
    assert faces["text/plain"] == repr(ask) and faces["image/png"]
    assert "application/vnd.jupyter.widget-view+json" in faces
    assert ask.children == (ask.recorder, ask.words, ask.player, ask.picture)


def test_a_sound_from_the_page_is_heard_answered_and_seen(ask):
    before, player = (ask.picture.value, ask.player.value), ask.player
    assert hand_over(ask, sound(1.0), "tone.wav") == "tone.wav: answered. Ask again."
    assert ask.player is not player and ask.player in ask.children, "shown anew, it plays what has been played, too"
    assert ask.player.autoplay and ask.picture.value != before[0] and ask.player.value != before[1]
    assert ask.reply.text in ask.words.value and ask.heard in ask.words.value
    assert hand_over(ask, QUESTION.read_bytes(), "The recording") == "The recording: answered. Ask again."
    assert "Answer: “seven plus eight is fifteen”" in ask.words.value


def test_after_bad_input_the_page_says_what_came_and_the_last_answer_stays(ask):
    before = ask.words.value, ask.picture.value, ask.player.value
    status = hand_over(ask, sound(1.0, loudness=0), "The recording")
    assert status.startswith("The recording: silence") and status.endswith("is it on?")
    assert (ask.words.value, ask.picture.value, ask.player.value) == before


def test_a_sentence_goes_to_the_page_each_time_also_if_it_is_the_same(monkeypatch):
    recorder, sent = Recorder(sample_rate=RATE), []
    monkeypatch.setattr(recorder, "send", sent.append)
    recorder.say("silence")
    recorder.say("silence")
    assert sent == 2 * [{"status": "silence"}] and recorder.status == "silence"


def test_the_page_gets_the_script_and_the_limits_from_here():
    recorder = Recorder(sample_rate=RATE)
    assert recorder.longest == LONGEST and recorder.sample_rate == RATE
    for part in (
        'model.get("sample_rate")',
        'model.get("longest")',
        'model.on("msg:custom"',
        "export default { render }",
    ):
        assert part in recorder._esm
    assert "http" not in recorder._esm.replace("https.", ""), "nothing comes from another host"
