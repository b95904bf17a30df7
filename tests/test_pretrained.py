"""The shipped model answers: spoken questions by voices it never heard, typed ones, aloud, the same every time."""

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from training_corpora import never_heard

from omni_ref import Omni, OmniConfig
from omni_ref.lab.curves import CURVES, read_curves
from omni_ref.lab.ledger import bit_rates, ledger, total
from omni_ref.omni import SHIPPED
from omni_ref.training import card, cases
from omni_ref.training.arithmetic import Arithmetic
from omni_ref.training.corpus import reply_waveform
from omni_ref.training.judge import Judge
from omni_ref.training.run import CODEC_ENCODER, load_codec
from omni_ref.training.voices import Heart

ROOT = Path(__file__).parents[1]
QUESTION = ROOT / "omni_ref" / "assets" / "question.wav"
TASK = Arithmetic()
JUDGE = Judge(TASK.grammar())


@pytest.fixture(scope="module")
def omni() -> Omni:
    return Omni.from_pretrained(device="cpu")


def test_the_weights_fit_into_the_package():
    sizes = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert set(sizes) == {"model.safetensors", "config.json", CODEC_ENCODER, CURVES}
    assert sum(sizes.values()) < 25e6


def test_the_demo_is_answered_right_in_text_and_aloud(omni):
    reply = omni.respond(audio=QUESTION)
    assert reply.text == "seven plus eight is fifteen"
    assert JUDGE.read(reply.waveform) == reply.text
    again = omni.respond(audio=QUESTION)
    assert torch.equal(reply.waveform, again.waveform) and reply.text == again.text


def test_it_writes_down_what_was_said(omni):
    assert omni.respond(audio=QUESTION, task="transcribe", speak=False).text == "what is seven plus eight"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("what is seven plus eight", "seven plus eight is fifteen"),
        ("three minus eight", "three minus eight is minus five"),
        ("how much is six times seven", "six times seven is forty two"),
    ],
)
def test_typed_questions_are_answered(omni, typed, answer):
    assert omni.respond(text=typed, speak=False).text == answer


def test_it_says_what_it_is_told_to(omni):
    reply = omni.respond(text="nine plus four is sixty", task="say")
    assert reply.text == "nine plus four is sixty"
    assert JUDGE.read(reply.waveform) == reply.text


def test_voices_it_never_heard_are_heard_and_answered(omni):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:  # espeak-ng remembers what it has spoken
        tried = fresh.submit(never_heard, 40, 11).result()
    replies = omni.respond_batch([{"audio": torch.from_numpy(case.waveform)} for case in tried], speak=False)
    right = [case.exchange.reply == reply.text for case, reply in zip(tried, replies, strict=True)]
    assert np.mean(right) >= 0.9


def test_speech_ends_by_itself_and_is_as_long_as_the_voice_takes(omni):
    voice, texts = Heart(), [exchange.reply for exchange in TASK.held_out()[:10]]
    replies = omni.respond_batch([{"text": text, "task": "say"} for text in texts])
    lengths = [len(reply.waveform) / len(voice.say(text)) for text, reply in zip(texts, replies, strict=True)]
    assert all(0.7 < length < 1.3 for length in lengths), lengths


def test_after_most_noises_text_and_speech_end_by_themselves(omni):
    sounds = list(cases.disturbances(np.random.default_rng(3), 24))
    replies = omni.respond_batch([{"audio": torch.from_numpy(sound)} for sound in sounds])
    sizes = [(len(reply.tokens["text"]), len(reply.tokens["codec"])) for reply in replies]
    assert np.mean([text < 128 and codec < 500 for text, codec in sizes]) >= 0.6, sizes


def test_the_codec_brings_the_reply_voice_back(omni):
    codec, voice, right = load_codec(SHIPPED, omni), Heart(), []
    for text in [exchange.reply for exchange in TASK.held_out()[:10]]:
        waveform = reply_waveform(voice, text)
        whole = torch.from_numpy(waveform[: len(waveform) // 320 * 320])[None]
        right.append(JUDGE.read(codec.code2wav(codec.encode(whole))[0].detach()) == text)
    assert sum(right) >= 9, right


def test_the_model_card_holds_every_measure_of_the_shipped_weights():
    page = (ROOT / "docs" / "model-card.md").read_text(encoding="utf8")
    table = page.split("<!-- evaluate -->")[1].split("<!-- /evaluate -->")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    measured = " ".join(row[0] for row in rows)
    for words in ("voices held out", "engine held out", "telephone", "spliced", "10 dB", "room", "operand pairs",
                  "the whole sentence exactly", "speech → speech", "reconstruction", "PESQ-WB / STOI", "in use",
                  "expert load", "length", "noise, silence, tones", "first sound"):  # fmt: skip
        assert words in measured, words
    assert all(int(row[2]) >= 300 for row in rows if "heard" in row[0])
    assert re.search(r"at commit [0-9a-f]{7,}", table) and f"weights {card.digest(SHIPPED)}." in table


def test_the_model_card_names_the_rows_that_are_short_of_their_bar():
    page = (ROOT / "docs" / "model-card.md").read_text(encoding="utf8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if re.search(r"\| \d+ \| \d+ %", line)]
    short = {row[0] for row in rows if float(row[1].split()[0]) < float(row[3].split()[0])}
    prose = " ".join(page.split("**Short of the bar**")[1].split("\n- **")[0].split())
    assert len(rows) >= 10 and set(re.findall(r"\*([^*]+)\*", prose)) == short
    assert f"loss at {read_curves()['message'].loss[-1]:.2f}" in " ".join(page.split())


def test_the_model_card_counts_as_the_ledger_does():
    page, config = (ROOT / "docs" / "model-card.md").read_text(encoding="utf8"), OmniConfig.mini()
    rows = ledger(config)
    each = ", ".join(
        f"{part} {total(rows, part).parameters / 1e6:.1f}" for part in ("AuT", "Thinker", "Talker", "Code2Wav")
    )
    assert f"of {total(rows).parameters / 1e6:.1f} million parameters ({each})" in page
    assert f"at {bit_rates(config)['codec tokens'] / 1000:g} kbit/s" in page
