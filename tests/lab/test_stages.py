"""The journey of a recording: rates that a probe measured are those that the configuration derives."""

import pytest
import torch

from omni_ref import Generation, Omni
from omni_ref.lab.stages import trace


@pytest.fixture
def omni(tiny):
    return Omni.from_config(tiny, device="cpu")


def test_every_rate_is_the_one_that_the_configuration_derives(omni, tiny):
    waveform = 0.1 * torch.randn(2 * tiny.aut_encoder.sample_rate)
    stages, reply = trace(omni, waveform, Generation(max_text_tokens=4, max_frames=10))
    rates = {stage.name: stage.rate for stage in stages}
    assert rates["question: waveform"] == rates["answer: waveform"] == 16000
    assert rates["log-mel spectrogram"] == tiny.aut_encoder.mel_rate
    assert rates["AuT: audio tokens"] == tiny.aut_encoder.token_rate
    assert rates["Talker: codec tokens"] == rates["Code2Wav: frames"] == tiny.code2wav.frame_rate
    measured = [rates[f"Code2Wav: ×{rate}"] for rate in tiny.code2wav.upsample_rates]
    assert measured == pytest.approx([400, 2000, 8000, 16000])
    assert len(reply.waveform) == 3200
    components = [stage.name.split(":")[0] for stage in stages]
    assert list(dict.fromkeys(components)) == [
        "question", "log-mel spectrogram", "AuT", "Thinker", "Talker", "Code2Wav", "answer",
    ]  # fmt: skip
    assert [components.count(name) for name in ("AuT", "Thinker", "Talker", "Code2Wav")] == [4, 3, 2, 5]


def test_a_reply_without_speech_says_so(omni):
    def end_at_once(_module, _args, output):
        output.text_logits[..., omni.tokenizer.im_end] = 1e9

    omni.thinker.register_forward_hook(end_at_once)
    with pytest.warns(UserWarning, match="no speech"):
        stages, reply = trace(omni, 0.1 * torch.randn(16000))
    assert reply.text == "" and len(reply.waveform) == 0
    assert "Thinker: text logits" in [stage.name for stage in stages]
    assert not any("Talker" in stage.name or "Code2Wav" in stage.name for stage in stages)
