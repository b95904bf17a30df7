"""The AuT's transformer trunk, `AuTEncoder.run_layers`, against `EuroBertModel` of transformers: bidirectional too."""

import pytest
import torch
from helpers import randomise
from hypothesis import given
from hypothesis import strategies as st
from parity.hf import TOLERANCE, assert_near, assert_same_gradients, each_dtype, few_examples, noise
from transformers import EuroBertConfig, EuroBertModel

from omni_ref.aut_encoder import AuTEncoder, real_positions
from omni_ref.config import AuTEncoderConfig

each_padding = pytest.mark.parametrize("lengths", [(11, 11, 11), (11, 4, 1)], ids=["no padding", "padded"])
each_size = given(
    heads=st.sampled_from([4, 5, 6]),
    head_dim=st.sampled_from([8, 10, 14]),
    fields=st.fixed_dictionaries(
        dict(
            num_hidden_layers=st.integers(2, 3),
            intermediate_size=st.integers(90, 99),
            rope_theta=st.sampled_from([1e4, 50.0]),
            rms_norm_eps=st.sampled_from([1e-6, 1e-2]),
        )
    ),
)


def pair(heads: int, head_dim: int, fields: dict, dtype: torch.dtype) -> tuple[AuTEncoder, EuroBertModel]:
    fields = fields | dict(hidden_size=heads * head_dim, num_attention_heads=heads)
    config = AuTEncoderConfig(**fields, n_mels=24, audio_vocab_size=13)
    rope = {"rope_type": "default", "rope_theta": fields.pop("rope_theta")}
    reference = EuroBertConfig(
        **fields, rope_parameters=rope, vocab_size=3, pad_token_id=None, attn_implementation="sdpa"
    )
    ours = randomise(AuTEncoder(config).to(dtype), seed=2)
    theirs = randomise(EuroBertModel(reference).to(dtype), seed=1)
    ours.layers.load_state_dict(theirs.layers.state_dict())
    ours.norm.load_state_dict(theirs.norm.state_dict())
    return ours, theirs


@each_padding
@each_dtype
@few_examples
@each_size
def test_hidden_states_and_gradients_are_those_of_eurobert(heads, head_dim, fields, dtype, lengths):
    ours, theirs = pair(heads, head_dim, fields, dtype)
    is_real = real_positions(torch.tensor(lengths), 11)
    inputs = [noise(3, 11, heads * head_dim, dtype=dtype).requires_grad_() for _ in range(2)]
    output = ours.run_layers(inputs[0], is_real)[is_real]
    expected = theirs(inputs_embeds=inputs[1], attention_mask=is_real.long()).last_hidden_state[is_real]
    assert_near(output, expected, TOLERANCE[dtype])

    weight = noise(*output.shape, dtype=dtype, seed=1)
    (output * weight).sum().backward()
    (expected * weight).sum().backward()
    trunk = {name: value for name, value in ours.named_parameters() if name.startswith(("layers.", "norm."))}
    reference = {name: value for name, value in theirs.named_parameters() if name != "embed_tokens.weight"}
    assert_same_gradients(trunk | {"input": inputs[0]}, reference | {"input": inputs[1]}, dtype)
