r"""Grouped-query attention (Ainslie et al. 2023, "GQA", section 2.2): query heads share key/value heads in groups.

        query heads       0   1   2   3   4   5   6   7          8 of them
                           \  |   |  /     \  |   |  /
        key/value heads        0               1                 2 of them: query head h reads h // 4

With as many key/value heads as query heads it is multi-head attention; with one it is multi-query attention.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..config import AuTEncoderConfig, TalkerConfig, ThinkerConfig
from .cache import KVCache
from .norm import RMSNorm
from .rotary import RotaryTable, apply_rotary


def attention_mask_for(
    time: int, past: int, device: torch.device, is_real: Bool[Tensor, "batch total"] | None = None, causal: bool = True
) -> Bool[Tensor, "#batch 1 time total"] | None:
    """Which of the past + time keys each of the time new queries may read; None where it is all of them.

    A query reads its own position and those before it (`causal`), of them the real ones (`is_real`, False at padding).
    Every query reads itself, so that the row of a padding query is not empty: the softmax over nothing is NaN.
    """
    if is_real is None and (not causal or time == 1):
        return None
    query_position = past + torch.arange(time, device=device)[:, None]
    key_position = torch.arange(past + time, device=device)
    readable = key_position <= query_position if causal else torch.ones_like(key_position <= query_position)
    mask = readable[None, None]
    if is_real is not None:
        mask = mask & is_real[:, None, None, :] | (key_position == query_position)
    assert mask.shape[1:] == (1, time, past + time)
    return mask


def attention_weights(
    query: Float[Tensor, "batch heads time head_dim"],
    key: Float[Tensor, "batch kv_heads total head_dim"],
    mask: Bool[Tensor, "#batch 1 time total"] | None,
) -> Float[Tensor, "batch heads time total"]:
    """The attention map in full: softmax(query · key / sqrt(head_dim)). For looking at, and as the truth in tests."""
    group = query.shape[1] // key.shape[1]
    shared = key.repeat_interleave(group, dim=1)
    scores = query @ shared.transpose(-1, -2) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1)


class ScaledDotProduct(nn.Module):
    """softmax(query · key / sqrt(head_dim)) · value by PyTorch's fused kernel. A module, so a probe can watch it."""

    def forward(
        self,
        query: Float[Tensor, "batch heads time head_dim"],
        key: Float[Tensor, "batch kv_heads total head_dim"],
        value: Float[Tensor, "batch kv_heads total head_dim"],
        mask: Bool[Tensor, "#batch 1 time total"] | None,
    ) -> Float[Tensor, "batch heads time head_dim"]:
        if query.shape[2] == 1:  # decoding: the heads of a group are as good as that many queries
            grouped = query.view(query.shape[0], key.shape[1], -1, query.shape[3])
            return F.scaled_dot_product_attention(grouped, key, value, attn_mask=mask).view_as(query)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)


class Attention(nn.Module):
    """Project to heads, turn by position, attend, project back.

    `qk_norm` normalises every query and key head before the rotation (Qwen3 technical report, section 2).
    """

    def __init__(self, config: AuTEncoderConfig | ThinkerConfig | TalkerConfig, qk_norm: bool):
        super().__init__()
        self.head_dim = config.head_dim
        width = config.num_attention_heads * config.head_dim
        shared_width = config.num_key_value_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, shared_width, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, shared_width, bias=False)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.rms_norm_eps) if qk_norm else nn.Identity()
        self.k_norm = RMSNorm(config.head_dim, config.rms_norm_eps) if qk_norm else nn.Identity()
        self.attend = ScaledDotProduct()

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        table: RotaryTable,
        mask: Bool[Tensor, "#batch 1 time total"] | None,
        cache: KVCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "batch time hidden"]:
        batch, time, _ = hidden.shape
        split = (batch, time, -1, self.head_dim)
        query = self.q_norm(self.q_proj(hidden).view(split)).transpose(1, 2)
        key = self.k_norm(self.k_proj(hidden).view(split)).transpose(1, 2)
        value = self.v_proj(hidden).view(split).transpose(1, 2)
        assert query.shape[2:] == key.shape[2:] == value.shape[2:] == (time, self.head_dim)
        query, key = apply_rotary(query, table), apply_rotary(key, table)
        if cache is not None:
            key, value = cache.append(layer, key, value)
        attended = self.attend(query, key, value, mask)
        assert attended.shape == query.shape
        return self.o_proj(attended.transpose(1, 2).reshape(batch, time, -1))
