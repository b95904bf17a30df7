"""Root-mean-square normalisation (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Divide by the root mean square over the last axis, then scale each channel.

    The statistics are float32 whatever the input is, as in the released models: bfloat16 is too coarse for them.
    """

    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, hidden: Float[Tensor, "... channels"]) -> Float[Tensor, "... channels"]:
        wide = F.rms_norm(hidden.to(torch.float32), hidden.shape[-1:], eps=self.eps)
        return self.weight * wide.to(hidden.dtype)
