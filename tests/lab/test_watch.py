"""What was watched is what a second pass over the whole sequence gives."""

import pytest
import torch
from helpers import randomise

from omni_ref import Omni
from omni_ref.lab.probe import Probe
from omni_ref.lab.watch import AUDIO, watch


@pytest.fixture
def omni(tiny):
    return randomise(Omni.from_config(tiny, device="cpu"))


@torch.no_grad()
def test_a_watched_reply_is_the_whole_sequence_at_once(omni, tiny):
    waveform = 0.1 * torch.randn(tiny.aut_encoder.sample_rate // 2)
    watched, reply = watch(omni, waveform), omni.respond(waveform, speak=False)
    letters = reply.tokens["text"].tolist()
    assert letters and watched.ids[watched.begins :] == letters
    assert [watched.ids[place] for place in watched.sound] == [AUDIO] * len(reply.tokens["audio"])
    assert sorted(watched.sound + watched.text) == list(range(len(watched.ids)))

    heard = omni.aut_encoder.encode(watched.mel[None]).quantized
    start, end = watched.sound[0], watched.sound[-1] + 1
    ids = torch.tensor([watched.ids])
    parts = (
        omni.thinker.embed_text(ids[:, :start]),
        omni.thinker.embed_audio(heard),
        omni.thinker.embed_text(ids[:, end:]),
    )
    with Probe(omni.thinker) as probe:
        omni.thinker(inputs_embeds=torch.cat(parts, dim=1))
    for i in range(tiny.thinker.num_hidden_layers):
        (at_once,) = probe.attention[f"layers.{i}.self_attn"]
        torch.testing.assert_close(watched.attention[i], at_once[0], atol=1e-4, rtol=1e-3)
    (sparse,) = watched.routing
    (at_once,) = probe.routing[f"layers.{sparse}.mlp"]
    torch.testing.assert_close(watched.routing[sparse].probabilities, at_once.probabilities, atol=1e-4, rtol=1e-3)
    assert watched.routing[sparse].top_k_index.shape == (len(watched.ids), tiny.thinker.num_experts_per_tok)


def test_tokens_of_sound_lie_in_their_time(omni, tiny):
    watched = watch(omni, 0.1 * torch.randn(tiny.aut_encoder.sample_rate))
    times = [watched.seconds(place) for place in watched.sound]
    assert len(times) == tiny.aut_encoder.token_rate
    assert times[0] == 0 and times[-1] == pytest.approx(0.96)
