"""Rotary position embedding, RoPE (Su et al. 2021, "RoFormer", section 3.2), as HF transformers turns halves.

Channel i and channel i + head_dim / 2 of a head are the two coordinates of a point in a plane. A token at position p
has that point turned by the angle p / theta^(2i / head_dim). A query and a key are thereby turned against each other by
the *difference* of their positions, which is all that their dot product sees.

        channels   0 … d/2-1      d/2 … d-1
                   first half  ×  second half     →  (first · cos - second · sin, second · cos + first · sin)
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

RotaryTable = tuple[Float[Tensor, "#batch 1 time head_dim"], Float[Tensor, "#batch 1 time head_dim"]]


def rotary_table(
    position_ids: Int[Tensor, "#batch time"], head_dim: int, theta: float, dtype: torch.dtype
) -> RotaryTable:
    """Cosines and signed sines (-sin, sin) of every position's angles, computed in float32; for all heads."""
    pairs = torch.arange(0, head_dim, 2, device=position_ids.device, dtype=torch.float32)
    frequencies = 1.0 / theta ** (pairs / head_dim)
    angles = position_ids[:, None, :, None].to(torch.float32) * frequencies
    cos, sin = angles.cos(), angles.sin()
    assert angles.shape[1:] == (1, position_ids.shape[1], head_dim // 2)
    return torch.cat([cos, cos], dim=-1).to(dtype), torch.cat([-sin, sin], dim=-1).to(dtype)


def apply_rotary(
    heads: Float[Tensor, "batch heads time head_dim"], table: RotaryTable
) -> Float[Tensor, "batch heads time head_dim"]:
    """Turn every head of every token by its position's angles. `roll` puts the halves in each other's place."""
    cos, signed_sin = table
    assert cos.shape[-2:] == heads.shape[-2:]
    return heads * cos + heads.roll(heads.shape[-1] // 2, dims=-1) * signed_sin
