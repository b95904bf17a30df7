"""The gated feed-forward layer, SwiGLU (Shazeer 2020, "GLU Variants Improve Transformer", equation 6)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class MLP(nn.Module):
    """down(silu(gate(x)) · up(x)): one projection opens and closes the channels of another."""

    def __init__(self, hidden_size: int, intermediate_size: int):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, hidden: Float[Tensor, "... hidden"]) -> Float[Tensor, "... hidden"]:
        return self.down_proj(F.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
