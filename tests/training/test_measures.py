"""Measuring: the judge reads what is said, shares have the right intervals, and a model that errs is caught erring."""

from functools import partial

import numpy as np
import pytest
import scipy.stats
import torch
from training_corpora import TASK

from omni_ref import Generation, Omni, OmniConfig
from omni_ref.audio import save_audio
from omni_ref.omni import ReplyStream
from omni_ref.training import cases, measures
from omni_ref.training.arithmetic import Exchange
from omni_ref.training.cases import Case
from omni_ref.training.codec import Codec
from omni_ref.training.corpus import reply_waveform
from omni_ref.training.judge import Judge, hiss_repetition, wilson_interval
from omni_ref.training.measures import Row
from omni_ref.training.voices import Espeak, Heart
from omni_ref.turn import Reply

JUDGE, HEART = Judge(TASK.grammar()), Heart()


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (291, 300), (1, 1), (150, 300)])
def test_the_interval_is_wilsons(right, of):
    theirs = scipy.stats.binomtest(right, of).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, of) == pytest.approx((theirs.low, theirs.high), abs=1e-4)


@pytest.mark.parametrize(("right", "of"), [(1, 0), (2, 1), (-1, 3)])
def test_a_share_of_nothing_is_refused(right, of):
    with pytest.raises(ValueError, match=f"{right} of {of}"):
        wilson_interval(right, of)


def test_a_row_shows_share_interval_and_cases():
    row = Row.share("heard", [True] * 97 + [False] * 3, "95 %")
    assert (row.result, row.cases, row.bar) == ("97.0 % (91.5–99.0)", 100, "95 %")


@pytest.mark.parametrize("text", ["seven plus eight is fifteen", "three minus eight is minus five",
                                  "nine times nine is eighty one"])  # fmt: skip
def test_the_judge_reads_the_reply_voice(text):
    assert JUDGE.read(HEART.say(text)) == text
    assert JUDGE.read(torch.from_numpy(HEART.say(text))) == text


def test_the_judge_reads_what_was_said_and_not_what_is_true():
    assert JUDGE.read(HEART.say("one plus one is thirty three")) == "one plus one is thirty three"


def test_the_judge_reads_nothing_in_silence():
    assert JUDGE.read(np.zeros(16000, np.float32)) == ""


def test_a_buzz_is_a_hiss_that_repeats():
    noise = np.random.default_rng(0).standard_normal(16000)
    assert abs(hiss_repetition(noise, 0.02)) < 0.1 and abs(hiss_repetition(noise, 0.0025)) < 0.1
    buzz = np.tile(noise[:320], 50)
    assert hiss_repetition(buzz, 0.02) > 0.99 and abs(hiss_repetition(buzz, 0.0025)) < 0.2
    assert hiss_repetition(np.tile(noise[:40], 400), 0.0025) > 0.99
    assert abs(hiss_repetition(HEART.say("six times six is thirty six"), 0.02)) < 0.15


class Parrot(Omni):
    """Stands in for the model: gives out the replies that it is told to."""

    def __init__(self, replies):
        torch.nn.Module.__init__(self)
        self.replies, self.asked = list(replies), []

    def respond_batch(self, questions: list[dict], speak: bool = True) -> list[Reply]:
        self.asked += questions
        taken, self.replies = self.replies[: len(questions)], self.replies[len(questions) :]
        return taken


def reply(text: str, waveform: np.ndarray | None = None, frames: int = 3) -> Reply:
    tokens = {"text": torch.zeros(len(text)), "codec": torch.zeros(frames, 4)}
    return Reply(text, None if waveform is None else torch.from_numpy(waveform), 16000, {}, tokens)


RIGHT = "seven plus eight is fifteen"


def result(rows: list[Row]) -> list[float]:
    return [float(row.result.split(" %")[0]) for row in rows]


def test_heard_and_answered_are_told_apart():
    texts = [RIGHT, "seven plus eight is ten", "seven plus nine is fifteen", "seven plus nine is sixteen"]
    tried = [Case(np.zeros(1600, np.float32), Exchange("what is seven plus eight", RIGHT))] * 4
    assert result(measures.heard_and_answered(Parrot(map(reply, texts)), "here", tried, "")) == [50.0, 25.0]


def test_a_spoken_answer_counts_by_what_the_judge_reads_of_it():
    tried = [Case(np.zeros(1600, np.float32), Exchange("what is seven plus eight", RIGHT))] * 4
    said = [RIGHT, "seven plus eight is ten", "six plus eight is fifteen"]
    waveforms = [*map(HEART.say, said), np.zeros(8000, np.float32)]
    parrot = Parrot([reply(RIGHT, waveform) for waveform in waveforms])
    assert result(measures.spoken_answers(parrot, JUDGE, "here", tried, "")) == [50.0]


def test_words_to_say_count_by_sentence_answer_and_length():
    other = HEART.say("six plus eight is fifteen")
    slow = np.concatenate([HEART.say(RIGHT), np.zeros(16000, np.float32)])
    parrot = Parrot([reply(RIGHT, waveform) for waveform in (HEART.say(RIGHT), other, slow)])
    assert result(measures.said(parrot, JUDGE, HEART, [RIGHT] * 3)) == pytest.approx([66.7, 100.0, 66.7])
    assert parrot.asked[0] == {"text": RIGHT, "task": "say"}


def test_loops_that_reach_their_limits_or_pass_them_are_counted():
    parrot = Parrot([reply("a" * 10), reply("a" * 128), reply("a", frames=500), reply("a", frames=501)])
    within, ended = measures.no_question(parrot, np.random.default_rng(0), 4)
    assert within.result.startswith("75.0 %") and ended.result.startswith("25.0 %")


class Silence(ReplyStream):
    """A stream without a piece."""

    def __init__(self):
        self.reply = reply("", np.zeros(0, np.float32))

    def __next__(self):
        raise StopIteration


def test_a_reply_without_sound_is_infinitely_slow_and_no_error(monkeypatch):
    model = Omni.from_config(OmniConfig.tiny(), device=torch.device("cpu"))
    monkeypatch.setattr(model, "stream", lambda waveform: Silence())
    tried = [Case(np.zeros(1600, np.float32), Exchange("what is seven plus eight", RIGHT))] * 3
    (row,) = measures.speed(model, tried)
    assert row.result.endswith(" ms; inf")


def test_codes_in_use():
    books = [torch.tensor([0, 1, 2, 3]), torch.tensor([5, 5, 5, 5])]
    row = measures.codes_in_use("two books", books, 8)
    assert row.result == "50 % (4), 12 % (1)" and row.cases == 8


def test_tokens_and_experts_of_a_model_that_answers():
    omni = Omni.from_config(OmniConfig.tiny(), device="cpu")
    omni.respond_batch = partial(omni.respond_batch, generation=Generation(20, 20))  # it would not end by itself
    tried = [Case(0.1 * np.ones(1600, np.float32), Exchange("what is seven plus eight", RIGHT))] * 2
    audio, talker, experts = measures.tokens_and_experts(omni, tried)
    assert "of 37" in audio.measure and "of 41" in talker.measure
    thinker, talker = experts.result.split("; talker ")
    loads = [float(load) for part in (thinker.removeprefix("thinker "), talker) for load in part.split(", ")]
    assert len(loads) == 1 + 2 and all(load >= 1 for load in loads)


class Says(Codec):
    """A codec that gives back one sound, whatever it hears."""

    def __init__(self, sound):
        torch.nn.Module.__init__(self)
        self.nothing, self.code2wav = torch.nn.Parameter(torch.zeros(1)), lambda tokens: torch.from_numpy(sound)[None]
        self.code2wav.config = OmniConfig.mini().code2wav

    def encode(self, waveform):
        return torch.zeros(1, waveform.shape[1] // 320, 4, dtype=torch.long)


def test_the_codec_is_measured_by_what_it_makes():
    whole = reply_waveform(HEART, RIGHT)
    whole = np.pad(whole, (0, -len(whole) % 320))
    other = np.resize(reply_waveform(HEART, "six plus eight is ten"), len(whole)).astype(np.float32)
    for sound, share, is_copy in ((whole, "100.0 %", True), (other, "0.0 %", False)):
        made, originals, quality, *_ = measures.codec_rows(Says(sound), JUDGE, HEART, [RIGHT])
        assert made.result.startswith(share) and originals.result.startswith("100.0 %")
        assert quality.result.startswith("4.64 / 1.000") == is_copy


def test_each_line_does_what_its_row_says():
    time = np.arange(16000) / 16000
    voice = sum(0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (1000, 6000)).astype(np.float32)
    lines = (cases.clean, cases.on_the_telephone, cases.in_noise, cases.in_a_room)
    quiet, call, noisy, room = (line(voice, np.random.default_rng(3)) for line in lines)

    def high(sound):
        """The share of its power above what a telephone lets through."""
        power = np.abs(np.fft.rfft(sound)) ** 2
        return power[np.fft.rfftfreq(len(sound), 1 / 16000) > 4200].sum() / power.sum()

    assert high(call) < 1e-3 < 0.3 < high(quiet)
    spoken, end = quiet != 0, np.flatnonzero(quiet)[-1] + 1
    rest = noisy - (noisy @ quiet) / (quiet @ quiet) * quiet
    assert 10 * np.log10((noisy - rest)[spoken].var() / rest[spoken].var()) == pytest.approx(10, abs=1.5)
    assert np.abs(room[end : end + 400]).max() > 1e-4 and not quiet[end:].any()


def test_questions_keep_their_answers_on_every_line():
    rng = np.random.default_rng(0)
    exchanges = list(cases.trained_exchanges(TASK, rng, 5)) + list(cases.held_out_exchanges(TASK, rng, 5))
    for line in (cases.clean, cases.on_the_telephone, cases.in_noise, cases.in_a_room):
        for case in cases.asked(iter(exchanges), lambda rng: Espeak("f2"), line, rng):
            assert TASK.answer(case.exchange.question) == case.exchange.reply
            assert np.isfinite(case.waveform).all() and 0 < np.abs(case.waveform).max() <= 1


def test_held_out_voices_and_operands_are_the_ones_that_are_tried():
    rng = np.random.default_rng(0)
    trained = {exchange.reply for exchange in TASK.exchanges()}
    assert not trained & {exchange.reply for exchange in cases.held_out_exchanges(TASK, rng, 200)}
    assert {exchange.reply for exchange in cases.trained_exchanges(TASK, rng, 200)} <= trained
    variants = {cases.held_out_voice(rng).name.split("+")[1].split(" pitch")[0] for _ in range(300)}
    assert variants == set(cases.HELD_OUT_VARIANTS)


def test_a_persons_words_make_the_questions_that_they_can(tmp_path):
    known = ["one", "two", "plus", "is", "three"]
    for word in known:
        save_audio(tmp_path / f"{word}.wav", torch.from_numpy(Espeak("f2").say(word)), 16000)
    words = cases.recorded_words(tmp_path, TASK)
    rng = np.random.default_rng(0)
    asked = list(cases.trained_exchanges(TASK, rng, 10, set(words)))
    assert all(set(exchange.question.split()) <= set(known) for exchange in asked)
    (case, *_) = cases.spliced(asked, [words], cases.clean, rng)
    assert len(case.waveform) > 8000


def test_a_persons_words_need_not_hold_those_of_the_reply(tmp_path):
    for word in ("one", "two", "plus"):  # neither "is" nor "three"
        save_audio(tmp_path / f"{word}.wav", 0.1 * torch.randn(4000), 16000)
    assert set(cases.recorded_words(tmp_path, TASK)) == {"one", "two", "plus"}


def test_recordings_of_which_no_question_can_be_made_are_refused(tmp_path):
    with pytest.raises(ValueError, match="0 files, no question can be made of them"):
        cases.recorded_words(tmp_path, TASK)


def test_disturbances_are_of_many_kinds_and_lengths_and_in_range():
    sounds = list(cases.disturbances(np.random.default_rng(0), 60))
    assert len({len(sound) for sound in sounds}) > 50 and all(len(sound) >= 160 for sound in sounds)
    assert all(np.abs(sound).max() <= 1 and np.isfinite(sound).all() for sound in sounds)
    assert sum(not sound.any() for sound in sounds) >= 10
