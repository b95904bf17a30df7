"""What a probe records is what happened, and when it is gone nothing of it is left."""

import torch
from helpers import randomise

from omni_ref.aut_encoder import AuTEncoder
from omni_ref.blocks.cache import KVCache
from omni_ref.lab.probe import Probe
from omni_ref.thinker import Thinker


def test_attention_maps_are_those_that_the_outputs_come_from(tiny):
    thinker = randomise(Thinker(tiny.thinker))
    values = {}
    attend = thinker.layers[1].self_attn.attend
    hook = attend.register_forward_hook(lambda _, args, output: values.update(value=args[2], output=output))
    with Probe(thinker) as probe:
        thinker(input_ids=torch.arange(9)[None])
    hook.remove()
    (weights,) = probe.attention["layers.1.self_attn"]
    group = tiny.thinker.num_attention_heads // tiny.thinker.num_key_value_heads
    expected = weights @ values["value"].repeat_interleave(group, dim=1)
    torch.testing.assert_close(values["output"], expected, atol=1e-5, rtol=1e-5)
    assert weights.triu(1).abs().max() == 0
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))


def test_each_cached_step_is_a_call_of_its_own(tiny):
    thinker, cache = randomise(Thinker(tiny.thinker)), KVCache()
    with Probe(thinker) as probe, torch.no_grad():
        thinker(input_ids=torch.arange(5)[None], cache=cache)
        thinker(input_ids=torch.tensor([[7]]), cache=cache)
    heads = tiny.thinker.num_attention_heads
    assert [tuple(map.shape) for map in probe.attention["layers.0.self_attn"]] == [(1, heads, 5, 5), (1, heads, 1, 6)]
    assert [call.outputs[0] for call in probe.calls["norm"]] == [(1, 5, 28), (1, 1, 28)]


def test_what_is_kept_of_inference_mode_goes_through_autograd(tiny):
    thinker = randomise(Thinker(tiny.thinker))
    with Probe(thinker) as probe, torch.inference_mode():
        thinker(input_ids=torch.arange(5)[None])
    (weights,), (routing,) = probe.attention["layers.0.self_attn"], probe.routing["layers.1.mlp"]
    for kept in (weights, *vars(routing).values()):
        assert not kept.is_inference()


def test_routing_is_recorded_in_sparse_layers_only(tiny):
    thinker = randomise(Thinker(tiny.thinker))
    with Probe(thinker) as probe:
        thinker(input_ids=torch.arange(9)[None])
    assert list(probe.routing) == ["layers.1.mlp"]
    (routing,) = probe.routing["layers.1.mlp"]
    assert routing.probabilities.shape == (9, tiny.thinker.num_experts)
    expected = routing.probabilities.topk(tiny.thinker.num_experts_per_tok).indices
    assert torch.equal(routing.top_k_index, expected)


def test_codes_and_the_encoders_shapes(tiny):
    encoder = randomise(AuTEncoder(tiny.aut_encoder))
    mel = torch.randn(3, tiny.aut_encoder.n_mels, 17)
    with Probe(encoder) as probe:
        output = encoder.encode(mel)
    assert torch.equal(probe.codes["quantizer"][0], output.tokens)
    (call,) = probe.calls[""]
    assert call.inputs == ((3, 24, 17),)
    assert call.outputs == ((3, 5), (3, 5, 88), (3,), (), (3, 5, 88))


def test_a_probe_changes_nothing_and_leaves_nothing(tiny):
    thinker = randomise(Thinker(tiny.thinker))
    ids = torch.arange(9)[None]
    before = thinker(input_ids=ids).text_logits
    with Probe(thinker) as probe:
        during = thinker(input_ids=ids).text_logits
    calls = len(probe.calls["norm"])
    after = thinker(input_ids=ids).text_logits
    assert torch.equal(before, during) and torch.equal(before, after)
    assert len(probe.calls["norm"]) == calls
    assert not any(module._forward_hooks for module in thinker.modules())


def test_hooks_go_even_when_the_forward_fails(tiny):
    thinker = Thinker(tiny.thinker)
    try:
        with Probe(thinker):
            raise ValueError("inside")
    except ValueError:
        pass
    assert not any(module._forward_hooks for module in thinker.modules())
