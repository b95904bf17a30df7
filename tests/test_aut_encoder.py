"""The AuT encoder: how many tokens, what padding may not do, what it sees, what it learns."""

from copy import deepcopy
from dataclasses import replace
from math import ceil

import pytest
import torch
import torch.nn.functional as F
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.aut_encoder import AuTEncoder
from omni_ref.blocks.rotary import rotary_table
from omni_ref.config import OmniConfig

drawn = settings(max_examples=10, deadline=None, derandomize=True)
CONFIG = OmniConfig.tiny().aut_encoder
ENCODER = randomise(AuTEncoder(CONFIG))
GARBAGE = [float("nan"), float("inf"), -1e30]


def fresh_encoder():
    return randomise(AuTEncoder(CONFIG).double())


def random_mel(frames, batch=1, dtype=torch.float32):
    return torch.randn(batch, CONFIG.n_mels, frames, dtype=dtype)


def padded_batch(rows, padding):
    longest = max(row.shape[-1] for row in rows)
    mel = torch.cat([F.pad(row, (0, longest - row.shape[-1]), value=padding) for row in rows])
    return mel, torch.tensor([row.shape[-1] for row in rows])


def margin(feature):
    """How much nearer the nearest codebook vector is than the next: a tie may fall either way."""
    nearest, next_nearest = torch.cdist(feature[None], ENCODER.quantizer.codebook)[0].sort().values[:2]
    return next_nearest - nearest


def assert_rows_are_what_they_are_alone(output, rows):
    for row, mel in enumerate(rows):
        alone, time = ENCODER.encode(mel), ceil(mel.shape[-1] / 4)
        assert output.lengths[row] == alone.lengths[0] == time
        torch.testing.assert_close(output.features[row, :time], alone.features[0], atol=1e-5, rtol=1e-5)
        for t in range(time):
            if output.tokens[row, t] != alone.tokens[0, t]:
                assert margin(alone.features[0, t]) < 1e-4
        assert not output.tokens[row, time:].any()
        assert not output.features[row, time:].any() and not output.quantized[row, time:].any()


@torch.no_grad()
def test_n_mel_frames_give_the_ceiling_of_n_over_four_tokens():
    for frames in (*range(1, 34), 400):
        output = ENCODER.encode(random_mel(frames))
        assert output.tokens.shape == (1, ceil(frames / 4)) and output.lengths.tolist() == [ceil(frames / 4)]


@torch.no_grad()
def test_every_length_in_one_batch_has_its_own_number_of_tokens():
    lengths = torch.arange(1, 54)
    output = ENCODER.encode(random_mel(53, batch=53), lengths)
    assert output.lengths.tolist() == [ceil(length / 4) for length in lengths.tolist()]


@torch.no_grad()
@drawn
@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.sampled_from(GARBAGE))
def test_a_padded_batch_is_its_rows_one_by_one_whatever_the_padding_holds(lengths, padding):
    rows = [random_mel(frames) for frames in lengths]
    assert_rows_are_what_they_are_alone(ENCODER.encode(*padded_batch(rows, padding)), rows)


@torch.no_grad()
def test_neighbours_of_all_lengths_change_no_token():
    rows = [random_mel(frames) for frames in range(1, 30)]
    assert_rows_are_what_they_are_alone(ENCODER.encode(*padded_batch(rows, float("nan"))), rows)


@torch.no_grad()
def test_the_vectors_are_those_of_the_tokens():
    output = ENCODER.encode(random_mel(61, batch=3))
    assert torch.equal(output.quantized, ENCODER.quantizer.lookup(output.tokens))
    assert output.tokens.unique().numel() > 5


@torch.no_grad()
def test_without_lengths_every_frame_is_real():
    mel = random_mel(30, batch=3)
    assert torch.equal(ENCODER.encode(mel).features, ENCODER.encode(mel, torch.full((3,), 30)).features)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 5, 16, 19])
@pytest.mark.parametrize(("kernels", "strides"), [((7, 3), (2, 2)), ((3, 9), (1, 2))])
def test_the_stem_is_two_strided_convolutions_with_zeros_around(frames, kernels, strides):
    config = replace(CONFIG, conv_kernel_sizes=kernels, conv_strides=strides)
    encoder, mel = AuTEncoder(config).double(), random_mel(frames, dtype=torch.float64)
    signal = mel
    for conv, kernel, stride in zip(encoder.stem.convs, kernels, strides, strict=True):
        around = F.pad(signal, (kernel // 2, kernel // 2))
        windows = around.unfold(-1, kernel, stride)
        convolved = torch.einsum("bitk,oik->bot", windows, conv.weight) + conv.bias[:, None]
        signal = convolved * (1 + torch.erf(convolved / 2**0.5)) / 2
    hidden, lengths = encoder.stem(mel, torch.tensor([frames]))
    torch.testing.assert_close(hidden, signal.transpose(1, 2), atol=1e-10, rtol=0)
    assert lengths.tolist() == [signal.shape[-1]]


@torch.no_grad()
def test_the_trunk_is_residual_steps_from_normalised_input_with_turned_positions():
    encoder, hidden = fresh_encoder(), torch.randn(2, 9, CONFIG.hidden_size, dtype=torch.float64)
    output = encoder.run_layers(hidden, torch.ones(2, 9, dtype=torch.bool))
    table = rotary_table(torch.arange(9)[None], CONFIG.head_dim, CONFIG.rope_theta, torch.float64)
    for layer in encoder.layers:
        hidden = hidden + layer.self_attn(layer.input_layernorm(hidden), table, None)
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    torch.testing.assert_close(output, encoder.norm(hidden), atol=1e-10, rtol=0)


@torch.no_grad()
def test_every_position_hears_the_first_and_the_last_frame():
    mel = random_mel(101)
    before = ENCODER.encode(mel).features
    for frame in (0, 100):
        changed = mel.clone()
        changed[..., frame] += 1
        assert ((ENCODER.encode(changed).features - before).abs().amax(dim=-1) > 1e-5).all()


@torch.no_grad()
def test_query_and_key_norms_are_not_for_this_encoder():
    names = ENCODER.state_dict()
    assert not [name for name in names if "q_norm" in name or "k_norm" in name]
    assert len(ENCODER.layers) == CONFIG.num_hidden_layers


def test_the_gradient_of_the_quantized_vectors_is_that_of_the_features_and_reaches_the_stem():
    encoder, mel = fresh_encoder(), random_mel(30, batch=2, dtype=torch.float64)
    output = encoder(mel, torch.tensor([30, 17]))
    first_weight, toward = encoder.stem.convs[0].weight, torch.randn_like(output.features)
    (through,) = torch.autograd.grad((output.quantized * toward).sum(), first_weight, retain_graph=True)
    (around,) = torch.autograd.grad((output.features * toward).sum(), first_weight, retain_graph=True)
    assert torch.equal(through, around) and through.abs().min() > 0
    (committed,) = torch.autograd.grad(output.losses["commitment"], first_weight)
    assert committed.abs().max() > 0


def test_the_commitment_is_that_of_the_real_positions():
    encoder, mel = fresh_encoder(), random_mel(30, batch=2, dtype=torch.float64)
    output = encoder(mel, torch.tensor([30, 17]))
    error = torch.cat([(output.features - output.quantized)[0], (output.features - output.quantized)[1, :5]])
    torch.testing.assert_close(output.losses["commitment"], CONFIG.commitment_weight * error.pow(2).mean())


def test_training_learns_the_codebook_from_real_frames_and_evaluation_does_not():
    encoder = fresh_encoder()
    again, untaught = deepcopy(encoder).train(), encoder.quantizer.codebook.clone()
    mel, lengths = padded_batch([random_mel(frames, dtype=torch.float64) for frames in (30, 17)], 0.0)
    encoder.eval().encode(mel, lengths)
    assert torch.equal(encoder.quantizer.codebook, untaught)
    encoder.train().encode(mel, lengths)
    again.encode(F.pad(mel, (0, 40), value=torch.nan), lengths)
    assert (encoder.quantizer.codebook - untaught).abs().max() > 1e-3
    torch.testing.assert_close(again.quantizer.codebook, encoder.quantizer.codebook, atol=1e-12, rtol=0)


def test_the_quantizer_is_made_of_the_configuration():
    config = replace(CONFIG, codebook_decay=0.7, commitment_weight=0.6, dead_code_threshold=0.3)
    quantizer = AuTEncoder(config).quantizer
    assert quantizer.codebook.shape == (CONFIG.audio_vocab_size, CONFIG.hidden_size)
    assert (quantizer.decay, quantizer.commitment_weight, quantizer.dead_code_threshold) == (0.7, 0.6, 0.3)


def test_matrices_begin_with_the_configured_spread():
    for name, weight in AuTEncoder(replace(CONFIG, initializer_range=0.05)).named_parameters():
        if name.startswith("layers.") and weight.ndim > 1:
            assert 0.04 < weight.detach().std() < 0.06, name


@pytest.mark.parametrize(
    "mel, lengths, said",
    [
        (torch.randn(2, 5, 9), None, f"mel has 5 mels, expected n_mels = {CONFIG.n_mels}"),
        (random_mel(0), None, "mel has no frame"),
        (random_mel(9, batch=2), torch.tensor([9, 0]), "lengths from 0 to 9, expected 1 to 9"),
        (random_mel(9, batch=2), torch.tensor([10, 3]), "lengths from 3 to 10, expected 1 to 9"),
        (random_mel(9).fill_(torch.nan), None, "not finite"),
        (F.pad(random_mel(8), (0, 1), value=torch.inf), None, "not finite"),
    ],
)
def test_mels_that_cannot_be_are_refused(mel, lengths, said):
    with pytest.raises(ValueError, match=f"AuTEncoder: .*{said}"):
        ENCODER.encode(mel, lengths)
