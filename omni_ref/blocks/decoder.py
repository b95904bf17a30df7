"""The pre-norm transformer decoder that Thinker and Talker share: the layers of Qwen3-MoE (Qwen3 technical report,
section 2), with its parameter names.

        hidden ─┬─ input_layernorm ─ self_attn ─(+)─┬─ post_attention_layernorm ─ mlp ─(+)─▶
                └───────────────────────────────┘   └──────────────────────────────┘
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..config import TalkerConfig, ThinkerConfig
from .attention import Attention, attention_mask_for
from .cache import KVCache
from .mlp import MLP
from .moe import Experts, SparseMoE, TopKRouter
from .norm import RMSNorm
from .rotary import RotaryTable, rotary_table


def is_sparse(config: ThinkerConfig | TalkerConfig, layer: int) -> bool:
    """Every decoder_sparse_step-th layer has experts, the others one dense MLP."""
    return (layer + 1) % config.decoder_sparse_step == 0


def initialise(module: nn.Module, std: float) -> None:
    """Draw the matrices of a module's linear layers, embeddings, routers and experts from a normal distribution."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding, TopKRouter)):
            nn.init.normal_(part.weight, std=std)
        elif isinstance(part, Experts):
            nn.init.normal_(part.gate_up_proj, std=std)
            nn.init.normal_(part.down_proj, std=std)


def lay_out_for_decoding(module: nn.Module) -> None:
    """Store weights that have more outputs than inputs column by column; names, shapes and values stay as they are.

    A product of one row, all that decoding is, then adds up long rows of the weight instead of taking a dot product for
    each output: measured in docs/performance.md. Worth calling, once after loading, from widths of about 512 on, and
    only to decode one row at a time: a product of two to eight rows takes 1.5 to 3 times as long. A prefill is as fast
    as before.
    """
    for part in module.modules():
        weights = [part.weight] if isinstance(part, nn.Linear) else []
        if isinstance(part, Experts):
            weights = [part.gate_up_proj, part.down_proj]
        for weight in weights:
            if weight.shape[-2] > weight.shape[-1]:
                weight.data = weight.data.mT.contiguous().mT


class DecoderLayer(nn.Module):
    """Attention, then a dense or a sparse feed-forward layer, each around a residual path."""

    def __init__(self, config: ThinkerConfig | TalkerConfig, layer: int):
        super().__init__()
        self.layer = layer
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, qk_norm=True)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        if is_sparse(config, layer):
            self.mlp = SparseMoE(config)
        else:
            self.mlp = MLP(config.hidden_size, config.intermediate_size)

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        table: RotaryTable,
        mask: Bool[Tensor, "#batch 1 time total"] | None,
        cache: KVCache | None,
    ) -> Float[Tensor, "batch time hidden"]:
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), table, mask, cache, self.layer)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class Decoder(nn.Module):
    """The stack of layers and the final norm. Thinker and Talker add what goes in and what comes out."""

    def __init__(self, config: ThinkerConfig | TalkerConfig):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(DecoderLayer(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def decode(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        """Run the layers over `time` new positions, after the cache's past ones if there is a cache.

        attention_mask (batch, past + time): true or 1 at real positions, false or 0 at padding; None: all real.
        position_ids (batch, time): None counts on from the past, or, given a mask, counts the real positions only.
        """
        batch, time, _ = hidden.shape
        past = cache.length if cache is not None else 0
        self._check_lengths(batch, time, past, position_ids, attention_mask, cache)
        is_real = None if attention_mask is None else attention_mask.to(torch.bool)
        if position_ids is None and is_real is None:
            position_ids = torch.arange(past, past + time, device=hidden.device)[None]
        elif position_ids is None:
            position_ids = (is_real.cumsum(dim=1) - 1).clamp(min=0)[:, past:]
        table = rotary_table(position_ids, self.config.head_dim, self.config.rope_theta, hidden.dtype)
        mask = attention_mask_for(time, past, hidden.device, is_real)
        for layer in self.layers:
            hidden = layer(hidden, table, mask, cache)
        if cache is not None:
            cache.advance(time)
        return self.norm(hidden)

    def _check_lengths(
        self,
        batch: int,
        time: int,
        past: int,
        position_ids: Tensor | None,
        attention_mask: Tensor | None,
        cache: KVCache | None,
    ) -> None:
        name, limit = type(self).__name__, self.config.max_position_embeddings
        for count, what in ((batch, "row"), (time, "position")):
            if count == 0:
                raise ValueError(f"{name}: the input has no {what}, expected at least 1")
        if cache is not None:
            cache.check_batch(batch)
        if attention_mask is not None and attention_mask.shape != (batch, past + time):
            raise ValueError(
                f"{name}: attention_mask has shape {tuple(attention_mask.shape)}, expected {(batch, past + time)}: "
                "a row's past and new positions"
            )
        if position_ids is not None and position_ids.shape not in ((batch, time), (1, time)):
            came = tuple(position_ids.shape)
            raise ValueError(f"{name}: position_ids has shape {came}, expected {(batch, time)}: the new positions")
        if past + time > limit and (attention_mask is None or int(attention_mask.sum(dim=1).max()) > limit):
            raise ValueError(
                f"{name}: {past} past + {time} new positions, but max_position_embeddings = {limit}: shorten the input"
            )
