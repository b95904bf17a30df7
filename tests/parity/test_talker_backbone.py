"""The Talker's backbone, `Talker.decode`, against `Qwen3MoeModel` of transformers with every layer sparse."""

import pytest
from helpers import randomise
from hypothesis import given
from parity.hf import (
    PADDING,
    WAYS,
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
from transformers import Qwen3MoeModel

from omni_ref.checkpoint import load_qwen3_moe
from omni_ref.config import TalkerConfig
from omni_ref.talker import Talker

each_normalisation = pytest.mark.parametrize("norm_topk_prob", [True, False])
each_way = pytest.mark.parametrize(("norm_topk_prob", "way"), [(True, way) for way in WAYS] + [(False, "full forward")])


def pair(sizes: dict, norm_topk_prob: bool, dtype) -> tuple[Talker, Qwen3MoeModel]:
    theirs = qwen3_moe(Qwen3MoeModel, sizes, dtype, decoder_sparse_step=1, norm_topk_prob=norm_topk_prob, vocab_size=83)
    config = TalkerConfig(
        **sizes, norm_topk_prob=norm_topk_prob, num_codebooks=2, codebook_size=11, talker_vocab_size=13
    )
    ours = randomise(Talker(config).to(dtype), seed=2)
    load_qwen3_moe(ours, theirs.state_dict())
    return ours, theirs


@each_way
@each_padding
@each_dtype
@few_examples
@given(sizes=decoder_sizes())
def test_hidden_states_are_those_of_qwen3_moe(sizes, dtype, way, padded, norm_topk_prob):
    ours, theirs = pair(sizes, norm_topk_prob, dtype)

    def their_step(vectors, is_real, cache):
        return call_theirs(theirs, is_real, cache, vectors.shape[1], inputs_embeds=vectors).last_hidden_state

    def our_step(vectors, is_real, cache):
        return ours.decode(vectors, attention_mask=is_real, cache=cache)

    vectors = noise(len(PADDING), sum(WAYS[way]), sizes["hidden_size"], dtype=dtype)
    assert_same_in_chunks(our_step, their_step, vectors, way, padded, dtype)


@each_normalisation
@each_padding
@each_dtype
@few_examples
@given(sizes=decoder_sizes())
def test_gradients_of_all_parameters_and_of_the_input_are_those_of_qwen3_moe(sizes, dtype, padded, norm_topk_prob):
    ours, theirs = pair(sizes, norm_topk_prob, dtype)
    is_real = left_padded(11) if padded else None
    inputs = [noise(len(PADDING), 11, sizes["hidden_size"], dtype=dtype).requires_grad_() for _ in range(2)]
    weight = noise(*inputs[0].shape, dtype=dtype, seed=1)
    if padded:
        weight = weight * is_real[..., None]
    (ours.decode(inputs[0], attention_mask=is_real) * weight).sum().backward()
    (call_theirs(theirs, is_real, None, 11, inputs_embeds=inputs[1]).last_hidden_state * weight).sum().backward()
    backbone = {name: value for name, value in ours.named_parameters() if name.startswith(("layers.", "norm."))}
    reference = {name: value for name, value in theirs.named_parameters() if name != "embed_tokens.weight"}
    assert_same_gradients(backbone | {"input": inputs[0]}, reference | {"input": inputs[1]}, dtype)
