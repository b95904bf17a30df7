"""Thinker against `Qwen3MoeForCausalLM` of transformers, whose weights come in through `load_qwen3_moe`."""

import pytest
import torch
from helpers import randomise
from hypothesis import given
from parity.hf import (
    PADDING,
    TOLERANCE,
    WAYS,
    assert_near,
    assert_same_gradients,
    assert_same_in_chunks,
    call_theirs,
    decoder_sizes,
    each_dtype,
    each_padding,
    few_examples,
    left_padded,
    noise,
    qwen3_moe,
)
from torch import Tensor
from transformers import Qwen3MoeForCausalLM

from omni_ref.checkpoint import load_qwen3_moe
from omni_ref.config import ThinkerConfig
from omni_ref.thinker import Thinker

VOCAB = 83
VARIANTS = {
    "dense and sparse": dict(decoder_sparse_step=2, norm_topk_prob=True, tie_word_embeddings=False),
    "all sparse": dict(decoder_sparse_step=1, norm_topk_prob=True, tie_word_embeddings=False),
    "not renormalised": dict(decoder_sparse_step=2, norm_topk_prob=False, tie_word_embeddings=False),
    "tied embeddings": dict(decoder_sparse_step=2, norm_topk_prob=True, tie_word_embeddings=True),
}
each_variant = pytest.mark.parametrize("variant", VARIANTS)
each_variant_and_way = pytest.mark.parametrize(
    ("variant", "way"),
    [("dense and sparse", way) for way in WAYS] + [(variant, "full forward") for variant in list(VARIANTS)[1:]],
)


def pair(sizes: dict, variant: str, dtype: torch.dtype) -> tuple[Thinker, Qwen3MoeForCausalLM]:
    fields = sizes | VARIANTS[variant] | dict(vocab_size=VOCAB, intermediate_size=47)
    theirs = qwen3_moe(Qwen3MoeForCausalLM, fields, dtype)
    ours = randomise(Thinker(ThinkerConfig(**fields, audio_hidden_size=7, talker_vocab_size=13)).to(dtype), seed=2)
    load_qwen3_moe(ours, theirs.state_dict())
    return ours, theirs


def random_ids(time: int) -> Tensor:
    return torch.randint(VOCAB, (len(PADDING), time), generator=torch.Generator().manual_seed(3))


@each_variant_and_way
@each_padding
@each_dtype
@few_examples
@given(sizes=decoder_sizes())
def test_logits_are_those_of_qwen3_moe(sizes, dtype, way, padded, variant):
    ours, theirs = pair(sizes, variant, dtype)
    assert_same_in_chunks(
        lambda ids, is_real, cache: ours(ids, attention_mask=is_real, cache=cache).text_logits,
        lambda ids, is_real, cache: call_theirs(theirs, is_real, cache, ids.shape[1], input_ids=ids).logits,
        random_ids(sum(WAYS[way])),
        way,
        padded,
        dtype,
    )


@each_dtype
@few_examples
@given(sizes=decoder_sizes())
def test_embeddings_at_given_positions_give_the_hidden_states_of_qwen3_moe(sizes, dtype):
    ours, theirs = pair(sizes, "dense and sparse", dtype)
    embeddings = noise(2, 11, sizes["hidden_size"], dtype=dtype)
    positions = torch.tensor([[0, 1, 2, 3, 9, 10, 11, 50, 51, 52, 53], [*range(20, 31)]])
    output = ours(inputs_embeds=embeddings, position_ids=positions)
    expected = theirs(inputs_embeds=embeddings, position_ids=positions, output_hidden_states=True)
    assert_near(output.hidden_states, expected.hidden_states[-1], TOLERANCE[dtype])
    assert_near(output.text_logits, expected.logits, TOLERANCE[dtype])


@each_variant
@each_padding
@each_dtype
@few_examples
@given(sizes=decoder_sizes())
def test_gradients_of_all_parameters_are_those_of_qwen3_moe(sizes, dtype, padded, variant):
    ours, theirs = pair(sizes, variant, dtype)
    ids = random_ids(11)
    is_real = left_padded(11) if padded else None
    weight = noise(*ids.shape, VOCAB, dtype=dtype)
    if padded:
        weight = weight * is_real[..., None]
    (ours(ids, attention_mask=is_real).text_logits * weight).sum().backward()
    (call_theirs(theirs, is_real, None, 11, input_ids=ids).logits * weight).sum().backward()
    named = dict(ours.named_parameters())
    reference = {name.removeprefix("model."): value for name, value in theirs.named_parameters()}
    not_theirs = {"audio_proj.weight", "talker_head.weight"}
    assert_same_gradients({name: value for name, value in named.items() if name not in not_theirs}, reference, dtype)
