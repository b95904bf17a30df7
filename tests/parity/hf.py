"""What the parity tests share: random sizes, a Qwen3-MoE of transformers far from its initial weights, comparisons."""

from itertools import accumulate

import pytest
import torch
from helpers import randomise
from hypothesis import Phase, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import DynamicCache, Qwen3MoeConfig

from omni_ref.blocks.cache import KVCache

TOLERANCE = {torch.float32: 5e-5, torch.float64: 1e-10}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
each_padding = pytest.mark.parametrize("padded", [False, True], ids=["no padding", "left-padded"])
PADDING = (0, 4, 2)
WAYS = {
    "full forward": (11,),
    "prefill and cached decode": (7, 1, 1, 1, 1),
    "chunked prefill, past the cache's first room": (5, 57, 9),
}
few_examples = settings(max_examples=5, derandomize=True, deadline=None, phases=[Phase.generate])  # all are small


@st.composite
def decoder_sizes(draw) -> dict[str, int | float]:
    """Fields that Qwen3MoeConfig and our configs name alike (theta aside); no two axes of a draw have one length."""
    key_value_heads, heads = draw(st.sampled_from([(2, 8), (2, 10), (6, 12), (6, 18), (1, 10)]))
    return dict(
        num_key_value_heads=key_value_heads,
        num_attention_heads=heads,
        num_hidden_layers=draw(st.integers(2, 3)),
        num_experts_per_tok=draw(st.integers(4, 5)),
        num_experts=draw(st.sampled_from([7, 9])),
        head_dim=draw(st.sampled_from([14, 16])),
        moe_intermediate_size=draw(st.integers(19, 23)),
        hidden_size=draw(st.integers(24, 40)),
        rope_theta=draw(st.sampled_from([1e6, 1e4, 50.0])),
        rms_norm_eps=draw(st.sampled_from([1e-6, 1e-2])),
        max_position_embeddings=128,
    )


def noise(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """The same normal numbers every time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def qwen3_moe(
    model: type[nn.Module], sizes: dict, dtype: torch.dtype, experts: str = "eager", **others: float
) -> nn.Module:
    """A model of transformers' Qwen3-MoE family, weights and norms drawn at random; only eager experts do float64."""
    fields = sizes | others
    rope = {"rope_type": "default", "rope_theta": fields.pop("rope_theta")}
    config = Qwen3MoeConfig(**fields, rope_parameters=rope, attn_implementation="sdpa", experts_implementation=experts)
    return randomise(model(config).to(dtype), seed=1)


def left_padded(time: int) -> Tensor:
    """A mask of one row for each entry of PADDING, which has that many positions of padding on the left."""
    return torch.arange(time) >= torch.tensor(PADDING)[:, None]


def run_in_chunks(step, inputs: Tensor, is_real: Tensor | None, chunks: tuple[int, ...], cache) -> Tensor:
    """Outputs of all inputs, `chunks` positions at a time: step(inputs, mask of past and new, cache) gives some."""
    masks = [None if is_real is None else is_real[:, :end] for end in accumulate(chunks)]
    return torch.cat([step(*part, cache) for part in zip(inputs.split(chunks, dim=1), masks, strict=True)], dim=1)


def assert_same_in_chunks(ours, theirs, inputs: Tensor, way: str, padded: bool, dtype: torch.dtype) -> None:
    """Fed in one of WAYS, our step and theirs give the same at real positions. A full forward needs no cache."""
    chunks = WAYS[way]
    is_real = left_padded(sum(chunks)) if padded else None
    caches = (None, None) if len(chunks) == 1 else (KVCache(), DynamicCache())
    with torch.no_grad():
        outputs = [
            run_in_chunks(step, inputs, is_real, chunks, cache)
            for step, cache in zip((ours, theirs), caches, strict=True)
        ]
    if padded:
        outputs = [output[is_real] for output in outputs]
    assert_near(*outputs, TOLERANCE[dtype])


def call_theirs(model: nn.Module, is_real: Tensor | None, cache, time: int, **inputs: Tensor):
    """Call a model of transformers; rows with padding count their positions from the first real one."""
    positions = None if is_real is None else (is_real.cumsum(dim=1) - 1).clamp(min=0)[:, -time:]
    mask = None if is_real is None else is_real.long()
    return model(attention_mask=mask, position_ids=positions, past_key_values=cache, **inputs)


def assert_near(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    difference = (ours - theirs).abs().max().item()
    assert difference <= tolerance, f"max abs difference {difference:.1e}, expected at most {tolerance:.0e}"


def assert_same_gradients(ours: dict[str, Tensor], theirs: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Gradients of tensors by name, relative to the largest number in each; none may be zero throughout."""
    assert ours.keys() == theirs.keys()
    for name, reference in theirs.items():
        largest = reference.grad.abs().max().item()
        assert largest > 1e-3, f"{name}: the loss does not depend on it"
        difference = (ours[name].grad - reference.grad).abs().max().item() / largest
        assert difference <= TOLERANCE[dtype], f"{name}: gradients differ by {difference:.1e} of the largest"
