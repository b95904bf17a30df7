"""Code2Wav against the decoder of Mimi in transformers, with its ELU replaced by GELU; the final tanh is ours."""

import pytest
import torch
from helpers import randomise
from parity.hf import TOLERANCE, assert_near, assert_same_gradients, each_dtype, noise
from torch import Tensor, nn
from torch.nn.functional import embedding
from transformers import MimiConfig
from transformers.models.mimi.modeling_mimi import MimiDecoder

from omni_ref.code2wav import Code2Wav
from omni_ref.config import Code2WavConfig, OmniConfig

CONFIGS = {
    "tiny": OmniConfig.tiny().code2wav,
    "other rates": Code2WavConfig(
        hidden_size=40, num_upsample_layers=3, upsample_rates=(3, 7, 2), num_codebooks=5, codebook_size=11
    ),
    "other kernels": Code2WavConfig(
        hidden_size=24, num_upsample_layers=2, upsample_rates=(5, 4), num_residual_blocks=4, num_codebooks=2,
        codebook_size=17, kernel_size=5, residual_kernel_size=4, dilation_growth_rate=2,
    ),
}  # fmt: skip


def mimi_decoder(config: Code2WavConfig, dtype: torch.dtype) -> MimiDecoder:
    decoder = MimiDecoder(
        MimiConfig(
            hidden_size=config.hidden_size,
            kernel_size=1,
            num_filters=config.hidden_size // 2**config.num_upsample_layers,
            upsampling_ratios=list(config.upsample_rates),
            num_residual_layers=config.num_residual_blocks,
            residual_kernel_size=config.residual_kernel_size,
            dilation_growth_rate=config.dilation_growth_rate,
            last_kernel_size=config.kernel_size,
            compress=1,
            trim_right_ratio=1.0,
            head_dim=2,
        )
    )
    for parent in list(decoder.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ELU):
                setattr(parent, name, nn.GELU())
    randomise(decoder.to(dtype), seed=1)
    with torch.no_grad():  # such weights drive the tanh to ±1, where no difference shows: make the last layer quieter
        loudness = decoder(0.2 * noise(1, config.hidden_size, 13, dtype=dtype)).abs().mean()
        for parameter in decoder.layers[-1].parameters():
            parameter /= loudness
    return decoder


def mimi_waveform(decoder: MimiDecoder, tables: list[Tensor], codes: Tensor) -> Tensor:
    vectors = torch.cat([embedding(codes[:, :, k], table) for k, table in enumerate(tables)], dim=2)
    return torch.tanh(decoder(vectors.transpose(1, 2))[:, 0])


@each_dtype
@pytest.mark.parametrize("frames", [1, 2, 13])
@pytest.mark.parametrize("name", CONFIGS)
def test_waveform_and_gradients_are_those_of_mimi(name, frames, dtype):
    config = CONFIGS[name]
    theirs = mimi_decoder(config, dtype)
    ours = randomise(Code2Wav(config).to(dtype), seed=2)
    layers = [value for name, value in ours.named_parameters() if not name.startswith("embeddings.")]
    with torch.no_grad():
        for layer, reference in zip(layers, theirs.parameters(), strict=True):
            layer.copy_(reference)
    tables = [part.weight.detach().clone().requires_grad_() for part in ours.embeddings]
    codes = torch.randint(config.codebook_size, (3, frames, config.num_codebooks))

    waveform, expected = ours(codes), mimi_waveform(theirs, tables, codes)
    assert waveform.shape == (3, frames * config.samples_per_frame)
    assert_near(waveform, expected, TOLERANCE[dtype])

    weight = noise(*waveform.shape, dtype=dtype)
    (waveform * weight).sum().backward()
    (expected * weight).sum().backward()
    named = [part.weight for part in ours.embeddings] + layers, tables + list(theirs.parameters())
    assert_same_gradients(*(dict(enumerate(parameters)) for parameters in named), dtype)
