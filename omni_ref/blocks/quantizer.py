"""Vector quantization (van den Oord et al. 2017, "Neural Discrete Representation Learning", section 3) with an
exponential-moving-average codebook (appendix A.1), and its residual stack (Zeghidour et al. 2021, "SoundStream",
section III-C; dead codes revived as there).

        residual 0 = vector          code 0 = nearest in codebook 0
        residual 1 = residual 0 - codebook 0 [code 0]          code 1 = nearest in codebook 1         …
        quantized  = the sum of the chosen codebook vectors
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..checks import check_ids, has_values, require
from ..config import AuTEncoderConfig


@dataclass
class QuantizerOutput:
    """The chosen codes, their vectors (gradients pass straight through), and the commitment loss."""

    codes: Int[Tensor, "..."]
    quantized: Float[Tensor, "... dim"]
    commitment_loss: Float[Tensor, ""]


def straight_through(
    vectors: Float[Tensor, "... dim"], quantized: Float[Tensor, "... dim"]
) -> Float[Tensor, "... dim"]:
    """The value of `quantized`, to the bit, with the gradient of `vectors`: the step of rounding is taken as flat."""
    return quantized.detach() + (vectors - vectors.detach())


def perplexity(codes: Int[Tensor, "..."], codebook_size: int) -> float:
    """exp(entropy) of how often each code is used: codebook_size if all are used alike, 1 if one is used alone.

    ValueError for no code at all, or one outside the codebook; so with `usage`.
    """
    require(codes.numel() > 0, "codes: none came, expected at least 1")
    check_ids("codes", codes, codebook_size)
    share = torch.bincount(codes.flatten(), minlength=codebook_size).double() / codes.numel()
    return float(torch.special.entr(share).sum().exp())


def usage(codes: Int[Tensor, "..."], codebook_size: int) -> float:
    """The share of the codebook that occurs at all."""
    require(codes.numel() > 0, "codes: none came, expected at least 1")
    check_ids("codes", codes, codebook_size)
    return codes.unique().numel() / codebook_size


class VectorQuantizer(nn.Module):
    """Replace each vector by the nearest of codebook_size vectors; in training, move those towards what they stand for.

    The codebook learns by moving averages, not by gradients. A code that is chosen less than `dead_code_threshold`
    times a batch on average is dead: it is put on a random vector of the batch, and starts again as an average code.
    """

    def __init__(
        self,
        codebook_size: int,
        dim: int,
        decay: float = AuTEncoderConfig.codebook_decay,
        commitment_weight: float = AuTEncoderConfig.commitment_weight,
        dead_code_threshold: float = AuTEncoderConfig.dead_code_threshold,
    ):
        super().__init__()
        self.decay = decay
        self.commitment_weight = commitment_weight
        self.dead_code_threshold = dead_code_threshold
        self.codebook = nn.Parameter(torch.randn(codebook_size, dim), requires_grad=False)
        self.register_buffer("average_count", torch.ones(codebook_size))
        self.register_buffer("average_sum", self.codebook.detach().clone())

    @torch.no_grad()
    def set_codebook(self, vectors: Float[Tensor, "codebook_size dim"]) -> None:
        """Put the codes on given vectors, such as k-means centres, and start the moving averages from there."""
        self.codebook.copy_(vectors)
        self.average_sum.copy_(vectors)
        self.average_count.fill_(1)

    def nearest(self, vectors: Float[Tensor, "... dim"]) -> Int[Tensor, "..."]:
        """Index of the codebook vector at the least Euclidean distance (|vector|², the same for all, is left out)."""
        came, wanted = vectors.shape[-1], self.codebook.shape[-1]
        require(came == wanted, f"vectors of width {came}, expected the codebook's {wanted}")
        distances = self.codebook.pow(2).sum(dim=-1) - 2 * vectors @ self.codebook.T
        return distances.argmin(dim=-1)

    def lookup(self, codes: Int[Tensor, "..."]) -> Float[Tensor, "... dim"]:
        """The vectors of codes; ValueError if a code lies outside the codebook."""
        check_ids("codes", codes, len(self.codebook))
        return self.codebook[codes]

    def forward(
        self, vectors: Float[Tensor, "batch time dim"], is_real: Bool[Tensor, "batch time"] | None = None
    ) -> QuantizerOutput:
        """Quantize; positions where `is_real` is False neither teach the codebook nor count in the loss."""
        codes = self.nearest(vectors)
        quantized = self.codebook[codes]
        assert quantized.shape == vectors.shape
        squared_error = (vectors - quantized.detach()).pow(2).mean(dim=-1)
        weight = torch.ones_like(squared_error) if is_real is None else is_real.to(squared_error.dtype)
        loss = self.commitment_weight * (squared_error * weight).sum() / weight.sum().clamp(min=1)
        if self.training and has_values(vectors):
            keep = weight.bool()
            self._learn(vectors.detach()[keep], codes[keep])
        return QuantizerOutput(codes, straight_through(vectors, quantized), loss)

    @torch.no_grad()
    def _learn(self, vectors: Float[Tensor, "vectors dim"], codes: Int[Tensor, "vectors"]) -> None:
        choices = F.one_hot(codes, len(self.codebook)).to(vectors.dtype)
        self.average_count.lerp_(choices.sum(dim=0), 1 - self.decay)
        self.average_sum.lerp_(choices.T @ vectors, 1 - self.decay)
        self._revive(vectors)
        self.codebook.copy_(self.average_sum / self.average_count[:, None])

    def _revive(self, vectors: Float[Tensor, "vectors dim"]) -> None:
        """Re-seed dead codes from the batch: in the averages, so that the next update keeps them there."""
        dead = self.average_count < self.dead_code_threshold
        if len(vectors) == 0 or not dead.any():
            return
        picked = torch.randint(len(vectors), (int(dead.sum()),), device="cpu").to(vectors.device)
        fresh_count = max(len(vectors) / len(self.codebook), self.dead_code_threshold)
        self.average_count[dead] = fresh_count
        self.average_sum[dead] = fresh_count * vectors[picked]


class ResidualVectorQuantizer(nn.Module):
    """A stack of quantizers, each of which codes what those before it left over."""

    def __init__(
        self,
        num_codebooks: int,
        codebook_size: int,
        dim: int,
        decay: float = AuTEncoderConfig.codebook_decay,
        commitment_weight: float = AuTEncoderConfig.commitment_weight,
        dead_code_threshold: float = AuTEncoderConfig.dead_code_threshold,
    ):
        super().__init__()
        options = (codebook_size, dim, decay, commitment_weight, dead_code_threshold)
        self.quantizers = nn.ModuleList(VectorQuantizer(*options) for _ in range(num_codebooks))

    def lookup(self, codes: Int[Tensor, "... codebooks"]) -> Float[Tensor, "... dim"]:
        """The sum of the vectors of one code a codebook; ValueError for another number of codebooks or such a code."""
        came, wanted = codes.shape[-1], len(self.quantizers)
        require(came == wanted, f"codes of {came} codebooks, expected {wanted}")
        return torch.stack([part.lookup(codes[..., k]) for k, part in enumerate(self.quantizers)]).sum(dim=0)

    def forward(
        self, vectors: Float[Tensor, "batch time dim"], is_real: Bool[Tensor, "batch time"] | None = None
    ) -> QuantizerOutput:
        """Codes (batch, time, codebooks), the sum of their vectors, and the commitment losses summed."""
        residual, total, codes, losses = vectors, torch.zeros_like(vectors), [], []
        for quantizer in self.quantizers:
            output = quantizer(residual, is_real)
            residual = residual - output.quantized.detach()
            total = total + output.quantized.detach()
            codes.append(output.codes)
            losses.append(output.commitment_loss)
        return QuantizerOutput(torch.stack(codes, dim=-1), straight_through(vectors, total), torch.stack(losses).sum())
