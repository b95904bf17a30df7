"""Quantizers against vector_quantize_pytorch, and the residual one also against that of EnCodec in transformers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from parity.hf import assert_near, few_examples, noise
from torch import Tensor
from torch.nn import functional as F
from transformers import EncodecConfig
from transformers.models.encodec.modeling_encodec import EncodecResidualVectorQuantizer
from vector_quantize_pytorch import ResidualVQ, VectorQuantize

from omni_ref.blocks.quantizer import ResidualVectorQuantizer, VectorQuantizer

BATCH, TIME = 3, 29
DECAY, COMMITMENT = 0.8, 0.6
each_size = given(codebooks=st.integers(4, 6), codebook_size=st.integers(30, 60), dim=st.integers(7, 20))
each_padding = pytest.mark.parametrize(
    "is_real", [None, torch.arange(TIME) < torch.tensor([[TIME], [11], [1]])], ids=["no padding", "padded"]
)


def ours(codebooks: int, codebook_size: int, dim: int) -> ResidualVectorQuantizer:
    """Codebooks that shrink as residuals do, and averages that have seen a few batches; no code ever dies."""
    stack = ResidualVectorQuantizer(
        codebooks, codebook_size, dim, decay=DECAY, commitment_weight=COMMITMENT, dead_code_threshold=1e-9
    )
    with torch.no_grad():
        for k, part in enumerate(stack.quantizers):
            part.codebook.copy_(0.7**k * noise(codebook_size, dim, seed=k))
            part.average_count.copy_(0.5 + noise(codebook_size, seed=50 + k).abs())
            part.average_sum.copy_(part.codebook * part.average_count[:, None])
    return stack


def set_theirs(theirs: VectorQuantize, part: VectorQuantizer) -> None:
    theirs.codebook = part.codebook.detach()
    theirs._codebook.cluster_size.copy_(part.average_count[None])
    theirs._codebook.embed_avg.copy_(part.average_sum[None])


def options(codebook_size: int, dim: int) -> dict:
    """Their plain straight-through estimator, and the plain moving average (eps = 0 turns off its smoothing)."""
    return dict(
        dim=dim,
        codebook_size=codebook_size,
        decay=DECAY,
        commitment_weight=COMMITMENT,
        eps=0.0,
        threshold_ema_dead_code=0,
        rotation_trick=False,
    )


def single_pair(codebook_size: int, dim: int) -> tuple[VectorQuantizer, VectorQuantize]:
    part, theirs = ours(1, codebook_size, dim).quantizers[0], VectorQuantize(**options(codebook_size, dim))
    set_theirs(theirs, part)
    return part, theirs


def residual_pair(codebooks: int, codebook_size: int, dim: int) -> tuple[ResidualVectorQuantizer, ResidualVQ]:
    stack = ours(codebooks, codebook_size, dim)
    theirs = ResidualVQ(num_quantizers=codebooks, **options(codebook_size, dim))
    for layer, part in zip(theirs.layers, stack.quantizers, strict=True):
        set_theirs(layer, part)
    return stack, theirs


def where_same_codes(vectors: Tensor, stack: ResidualVectorQuantizer, codes: Tensor, theirs: Tensor) -> Tensor:
    """Positions whose codes are all the same; the first that differs must be a near-tie of two distances."""
    assert codes.shape == theirs.shape == (*vectors.shape[:-1], len(stack.quantizers))
    residual, same = vectors.double(), torch.ones(vectors.shape[:-1], dtype=torch.bool)
    for k, part in enumerate(stack.quantizers):
        codebook = part.codebook.detach().double()
        distances = torch.cdist(residual, codebook)
        chosen = distances.gather(-1, torch.stack([codes[..., k], theirs[..., k]], dim=-1))
        assert (chosen.diff(dim=-1).abs()[same] < 1e-4).all(), f"codebook {k}: another code, and no near-tie"
        same &= codes[..., k] == theirs[..., k]
        residual = residual - F.embedding(theirs[..., k], codebook)
    assert same.double().mean() > 0.95
    return same


@few_examples
@each_size
def test_codes_and_vectors_are_those_of_vector_quantize_pytorch(codebooks, codebook_size, dim):
    part, theirs = single_pair(codebook_size, dim)
    vectors = noise(BATCH, TIME, dim, dtype=torch.float32, seed=99)
    output = part.eval()(vectors)
    quantized, codes, _ = theirs.eval()(vectors)
    same = where_same_codes(vectors, ours(1, codebook_size, dim), output.codes[..., None], codes[..., None])
    assert_near(output.quantized[same], quantized[same], 1e-6)


@few_examples
@each_size
def test_residual_codes_and_vectors_are_those_of_vector_quantize_pytorch(codebooks, codebook_size, dim):
    stack, theirs = residual_pair(codebooks, codebook_size, dim)
    vectors = noise(BATCH, TIME, dim, dtype=torch.float32, seed=99)
    output = stack.eval()(vectors)
    quantized, codes, _ = theirs.eval()(vectors)
    same = where_same_codes(vectors, stack, output.codes, codes)
    assert_near(output.quantized[same], quantized[same], 2e-6)
    assert_near(stack.lookup(codes), theirs.get_output_from_indices(codes), 2e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-12)], ids=str)
@few_examples
@each_size
def test_residual_codes_and_vectors_are_those_of_encodec(codebooks, codebook_size, dim, dtype, tolerance):
    stack = ours(codebooks, codebook_size, dim).to(dtype).eval()
    theirs = EncodecResidualVectorQuantizer(EncodecConfig(codebook_size=codebook_size, codebook_dim=dim)).to(dtype)
    for layer, part in zip(theirs.layers, stack.quantizers, strict=False):
        layer.codebook.embed.copy_(part.codebook)
    theirs.layers = theirs.layers[:codebooks]
    vectors = noise(BATCH, TIME, dim, dtype=dtype, seed=99)
    output = stack(vectors)
    codes = theirs.encode(vectors.transpose(1, 2))
    same = where_same_codes(vectors, stack, output.codes, codes.movedim(0, -1))
    assert_near(output.quantized[same], theirs.decode(codes).transpose(1, 2)[same], tolerance)
    assert_near(stack.lookup(output.codes), output.quantized, tolerance)


def assert_same_averages(part: VectorQuantizer, theirs: VectorQuantize) -> None:
    assert_near(part.average_count, theirs._codebook.cluster_size[0], 1e-4)
    assert_near(part.average_sum, theirs._codebook.embed_avg[0], 1e-4)
    assert_near(part.codebook.detach(), theirs.codebook, 1e-5)


@each_padding
@few_examples
@each_size
def test_training_moves_codebook_and_gives_loss_and_gradient_as_vector_quantize_pytorch(
    codebooks, codebook_size, dim, is_real
):
    part, theirs = single_pair(codebook_size, dim)
    real = torch.ones(BATCH, TIME, dtype=torch.bool) if is_real is None else is_real
    weight = noise(BATCH, TIME, dim, dtype=torch.float32, seed=98) * real[..., None]
    for batch in range(4):
        inputs = [noise(BATCH, TIME, dim, dtype=torch.float32, seed=batch).requires_grad_() for _ in range(2)]
        output = part.train()(inputs[0], is_real)
        quantized, codes, loss = theirs.train()(inputs[1], mask=is_real)
        assert torch.equal(output.codes[real], codes[real])
        assert_near(output.quantized[real], quantized[real], 1e-5)
        assert_near(output.commitment_loss, loss.reshape(()), 1e-5)
        assert_same_averages(part, theirs)
        (output.commitment_loss + (output.quantized * weight).sum()).backward()
        (loss.sum() + (quantized * weight).sum()).backward()
        assert_near(inputs[0].grad, inputs[1].grad, 1e-5)


@each_padding
@few_examples
@each_size
def test_residual_training_moves_every_codebook_as_vector_quantize_pytorch(codebooks, codebook_size, dim, is_real):
    stack, theirs = residual_pair(codebooks, codebook_size, dim)
    real = torch.ones(BATCH, TIME, dtype=torch.bool) if is_real is None else is_real
    for batch in range(4):
        inputs = [noise(BATCH, TIME, dim, dtype=torch.float32, seed=batch).requires_grad_() for _ in range(2)]
        output = stack.train()(inputs[0], is_real)
        _, codes, losses = theirs.train()(inputs[1], mask=is_real)
        assert torch.equal(output.codes[real], codes[real])
        assert_near(output.commitment_loss, losses.sum(), 1e-5)
        for part, layer in zip(stack.quantizers, theirs.layers, strict=True):
            assert_same_averages(part, layer)
        output.commitment_loss.backward()
        losses.sum().backward()
        assert_near(inputs[0].grad, inputs[1].grad, 1e-5)
