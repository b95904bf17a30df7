"""A model that never ends by itself: its replies end at their limits, and its speech depends on the message alone."""

from dataclasses import replace

import pytest
import torch
from test_omni import GENERATION, QUESTIONS, TINY, random_omni, tune, varied_seed

from omni_ref import Generation, Omni
from omni_ref.audio import save_audio
from omni_ref.sampling import Sampling


@torch.no_grad()
def endless_omni() -> Omni:
    """A model that thinks token 0 for ever, and so gives the Talker the same message whatever it is asked."""
    omni = random_omni(varied_seed())
    omni.thinker.lm_head.weight.zero_()
    omni.thinker.talker_head.weight.zero_()
    return omni


@pytest.mark.parametrize(("max_text_tokens", "max_frames"), [(1, 1), (2, 5), (9, 2)])
def test_a_reply_that_does_not_end_is_cut_at_its_limits(max_text_tokens, max_frames):
    limits = Generation(max_text_tokens=max_text_tokens, max_frames=max_frames)
    omni = endless_omni()
    torch.nn.init.zeros_(omni.talker.codec_head.weight)
    reply = omni.respond(tune(2000), generation=limits)
    assert len(reply.tokens["text"]) == max_text_tokens and len(reply.tokens["codec"]) == max_frames


def test_the_length_of_speech_does_not_depend_on_the_length_of_the_question():
    omni = endless_omni()
    short = omni.respond(tune(800), generation=GENERATION)
    assert 0 < len(short.tokens["codec"]) < 40
    for question in (dict(audio=tune(64000, 1)), dict(text="a long typed question " * 9)):
        reply = omni.respond(**question, generation=GENERATION)
        assert torch.equal(reply.tokens["codec"], short.tokens["codec"])
        assert torch.equal(reply.waveform, short.waveform)


def test_a_reply_ends_where_the_positions_do_alone_and_beside_another():
    omni, tight = endless_omni(), dict(text="x" * 495)  # a prompt of 506 of 512 positions
    assert len(omni.respond(**tight, speak=False).tokens["text"]) == 6
    replies = omni.respond_batch([tight, QUESTIONS[3]], speak=False)
    assert [len(reply.tokens["text"]) for reply in replies] == [6, 128]
    with pytest.raises(ValueError, match="513 new positions, but max_position_embeddings = 512"):
        omni.thinker(torch.zeros(1, 513, dtype=torch.long), attention_mask=torch.ones(1, 513, dtype=torch.long))


def test_speech_is_drawn_as_generation_speech_says():
    omni, warm = endless_omni(), Sampling(temperature=1.0)  # its message is always the same

    def codec(**options):
        return omni.respond(tune(2000), generation=Generation(12, 12, **options)).tokens["codec"]

    first = codec(speech=warm, seed=1)
    assert torch.equal(first, codec(speech=warm, seed=1))
    assert not torch.equal(first, codec(speech=warm, seed=2))
    assert not torch.equal(first, codec(seed=1))


def test_a_model_of_another_rate_hears_files_and_speaks_at_its_own(tmp_path):
    ear = replace(TINY.aut_encoder, sample_rate=8000, hop_size=80, frame_size=200, n_fft=256)
    config = replace(TINY, aut_encoder=ear, code2wav=replace(TINY.code2wav, upsample_rates=(8, 5, 2, 2)))
    save_audio(tmp_path / "question.wav", tune(4000), 16000)
    reply = Omni.from_config(config, device="cpu").respond(tmp_path / "question.wav", generation=Generation(3, 4))
    assert len(reply.tokens["audio"]) == 7 and reply.sample_rate == 8000
    assert len(reply.waveform) == 160 * len(reply.tokens["codec"]) > 0
