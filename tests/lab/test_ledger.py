"""The ledger's arithmetic against modules that are really built, and against counts made elsewhere."""

import math
from dataclasses import replace

import pytest
import torch
from helpers import randomise
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from omni_ref import OmniConfig
from omni_ref.aut_encoder import AuTEncoder
from omni_ref.blocks.cache import KVCache
from omni_ref.code2wav import Code2Wav
from omni_ref.lab.ledger import bit_rates, kv_cache_bytes, ledger, total
from omni_ref.talker import Talker
from omni_ref.thinker import Thinker

PARTS = {"AuT": ("aut_encoder", AuTEncoder), "Thinker": ("thinker", Thinker), "Talker": ("talker", Talker)}
PARTS["Code2Wav"] = ("code2wav", Code2Wav)


@pytest.mark.parametrize("size", ["full", "mini", "tiny"])
@pytest.mark.parametrize("component", PARTS)
def test_parameters_equal_those_of_a_build_on_the_meta_device(size, component):
    config = getattr(OmniConfig, size)()
    name, module_class = PARTS[component]
    with torch.device("meta"):
        module = module_class(getattr(config, name))
    assert total(ledger(config), component).parameters == sum(p.numel() for p in module.parameters())


def test_tied_embeddings_are_counted_once_and_used_twice(tiny):
    tied = replace(tiny, thinker=replace(tiny.thinker, tie_word_embeddings=True))
    built, module = total(ledger(tied), "Thinker"), Thinker(tied.thinker)
    assert built.parameters == sum(weights.numel() for weights in module.parameters())
    untied = total(ledger(tiny), "Thinker")
    assert (built.flops, built.active) == (untied.flops, untied.active - tiny.thinker.hidden_size)


def test_the_full_size_to_the_digit():
    rows = ledger(OmniConfig.full())
    by_part = {(row.component, row.part): row for row in rows}
    assert total(rows, "AuT").parameters == 408_930_816
    assert total(rows, "Code2Wav").parameters == 4_857_857
    assert total(rows, "Thinker").parameters - by_part["Thinker", "audio map"].parameters == 49_941_919_744
    assert total(rows, "Thinker").active == 7_795_984_384
    codec_input, begin_end_and_pad = 4 * 2048 * 1536, (4 * 3 + 1) * 1536
    assert total(rows, "Talker").parameters - codec_input - begin_end_and_pad == 3_795_009_024
    codec_rows, end_logits = 4 * 1536, 4 * 1536
    assert total(rows, "Talker").active - codec_rows - end_logits == 617_825_280
    assert by_part["Thinker", "experts, 20 layers: 4 of 64 a token"].parameters == 20 * 64 * 34_603_008
    assert by_part["Thinker", "dense MLP, 20 layers"].parameters == 20 * 135_266_304
    assert round(total(rows).parameters / 1e9, 2) == 54.17


def test_the_key_value_cache_of_the_full_size():
    config = OmniConfig.full()
    assert kv_cache_bytes(config.thinker) == 160 * 1024
    assert kv_cache_bytes(config.thinker, 32768) == 5 * 2**30
    assert kv_cache_bytes(config.talker, 32768) == 1.5 * 2**30


def test_the_key_value_cache_is_what_a_cache_holds(tiny):
    cache, time = KVCache(), 7
    Thinker(tiny.thinker).eval()(input_ids=torch.arange(time)[None], cache=cache)
    held = sum(store[:, :, :time].numel() for store in (*cache.keys, *cache.values))
    assert 2 * held == kv_cache_bytes(tiny.thinker, time)


def test_bit_rates_of_the_full_size():
    assert bit_rates(OmniConfig.full()) == {"audio tokens": 300, "codec tokens": 2200}


def _counted(function) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


@pytest.mark.parametrize("size", ["mini", "tiny"])
@pytest.mark.parametrize("component", PARTS)
def test_flops_are_those_that_pytorch_counts(size, component):
    config, positions = getattr(OmniConfig, size)(), 8
    name, module_class = PARTS[component]
    module = randomise(module_class(getattr(config, name)))
    ids = torch.arange(positions)[None]
    codes = torch.zeros(1, positions, config.talker.num_codebooks, dtype=torch.long)
    strides = math.prod(config.aut_encoder.conv_strides)
    mel = torch.randn(1, config.aut_encoder.n_mels, strides * positions)
    inputs = {"AuT": (mel,), "Thinker": (ids,), "Talker": (ids, codes), "Code2Wav": (codes,)}
    with torch.no_grad(), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(*inputs[component])
    assert counter.get_total_flops() == positions * total(ledger(config, context=positions), component).flops


def test_attention_grows_with_the_context_and_nothing_else_does(tiny):
    near, far = ledger(tiny, context=10), ledger(tiny, context=30)
    for one, other in zip(near, far, strict=True):
        assert other.flops == (3 * one.flops if "scores" in one.part else one.flops)
