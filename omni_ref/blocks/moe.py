"""Sparse mixture of experts (Shazeer et al. 2017, "Outrageously Large Neural Networks", section 2; Fedus et al. 2022,
"Switch Transformers", section 2): many feed-forward layers, of which each token uses a few.

        token ─▶ router ─▶ softmax over all experts ─▶ the top k ─▶ weights (renormalised to sum to 1)
          └────▶ expert 3 · 0.7  +  expert 5 · 0.3  =  output
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..checks import has_values
from ..config import TalkerConfig, ThinkerConfig


@dataclass
class RouterOutput:
    """Which experts each token goes to, with what weight, and the router's probabilities over all experts."""

    probabilities: Float[Tensor, "tokens experts"]
    top_k_weights: Float[Tensor, "tokens top_k"]
    top_k_index: Int[Tensor, "tokens top_k"]


class TopKRouter(nn.Module):
    """A linear map to one score an expert; the softmax over *all* experts is float32 whatever the input is."""

    def __init__(self, config: ThinkerConfig | TalkerConfig):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.num_experts, config.hidden_size))
        self.num_experts_per_tok = config.num_experts_per_tok
        self.norm_topk_prob = config.norm_topk_prob

    def forward(self, tokens: Float[Tensor, "tokens hidden"]) -> RouterOutput:
        router_logits = F.linear(tokens, self.weight)
        probabilities = router_logits.softmax(dim=-1, dtype=torch.float32)
        top_k_weights, top_k_index = probabilities.topk(self.num_experts_per_tok, dim=-1)
        if self.norm_topk_prob:
            top_k_weights = top_k_weights / top_k_weights.sum(dim=-1, keepdim=True)
        return RouterOutput(probabilities, top_k_weights.to(tokens.dtype), top_k_index)


def load_balancing_loss(
    probabilities: Float[Tensor, "tokens experts"], top_k_index: Int[Tensor, "tokens top_k"]
) -> Float[Tensor, ""]:
    """num_experts × Σ over experts of (share of the choices) × (mean probability): Fedus et al. 2022, equation 4.

    The paper's weight α is left to the caller, and its one choice a token becomes k of them. The probabilities are the
    full softmax, not the renormalised top k. At perfect balance it is exactly 1; it is larger where the crowded experts
    are also the probable ones, at most num_experts / top_k, and may be smaller where not.
    """
    num_experts = probabilities.shape[-1]
    choices = F.one_hot(top_k_index, num_experts).to(probabilities.dtype)
    share = choices.mean(dim=(0, 1))
    mean_probability = probabilities.mean(dim=0)
    assert share.shape == mean_probability.shape == (num_experts,)
    return num_experts * (share * mean_probability).sum()


class Experts(nn.Module):
    """The weights of all experts, stacked; gate and up projection in one matrix, as HF keeps them in memory."""

    def __init__(self, config: ThinkerConfig | TalkerConfig):
        super().__init__()
        hidden, inner = config.hidden_size, config.moe_intermediate_size
        self.num_experts = config.num_experts
        self.gate_up_proj = nn.Parameter(torch.empty(config.num_experts, 2 * inner, hidden))
        self.down_proj = nn.Parameter(torch.empty(config.num_experts, hidden, inner))

    def expert(self, index: int, tokens: Float[Tensor, "chosen hidden"]) -> Float[Tensor, "chosen hidden"]:
        """One expert: a SwiGLU layer like the dense one."""
        gate, up = F.linear(tokens, self.gate_up_proj[index]).chunk(2, dim=-1)
        return F.linear(F.silu(gate) * up, self.down_proj[index])

    def plain_loop(
        self, tokens: Float[Tensor, "tokens hidden"], routing: RouterOutput
    ) -> Float[Tensor, "tokens hidden"]:
        """The definition: every expert sees every token, and its weight is zero where it was not chosen.

        It reads no value of `routing` on the host, so it also runs where there are none (meta device, FakeTensorMode).
        """
        output = torch.zeros_like(tokens)
        for index in range(self.num_experts):
            weight = torch.where(routing.top_k_index == index, routing.top_k_weights, 0).sum(dim=-1, keepdim=True)
            assert weight.shape == (tokens.shape[0], 1)
            output = output + weight * self.expert(index, tokens)
        return output

    def forward(self, tokens: Float[Tensor, "tokens hidden"], routing: RouterOutput) -> Float[Tensor, "tokens hidden"]:
        """The same sum at the cost of the chosen experts only: sort the choices by expert, run each expert once."""
        if not has_values(tokens):
            return self.plain_loop(tokens, routing)
        if len(tokens) == 1:  # decoding: nothing to sort
            outputs = torch.cat([self.expert(index, tokens) for index in routing.top_k_index[0].tolist()])
            return routing.top_k_weights @ outputs
        top_k = routing.top_k_index.shape[-1]
        choice_expert, order = routing.top_k_index.flatten().sort(stable=True)
        choice_token = order // top_k
        chosen, counts = choice_expert.unique_consecutive(return_counts=True)
        gathered = tokens[choice_token].split(counts.tolist())
        sorted_outputs = torch.cat(
            [self.expert(index, part) for index, part in zip(chosen.tolist(), gathered, strict=True)]
        )
        weighted = sorted_outputs * routing.top_k_weights.flatten()[order, None]
        assert weighted.shape == (tokens.shape[0] * top_k, tokens.shape[1])
        unsorted = torch.empty_like(weighted).index_copy(0, order, weighted)
        return unsorted.view(tokens.shape[0], top_k, -1).sum(dim=1)


class SparseMoE(nn.Module):
    """Route every token to its top-k experts and sum what they return, weighted."""

    def __init__(self, config: ThinkerConfig | TalkerConfig):
        super().__init__()
        self.gate = TopKRouter(config)
        self.experts = Experts(config)

    def forward(self, hidden: Float[Tensor, "batch time hidden"]) -> Float[Tensor, "batch time hidden"]:
        tokens = hidden.flatten(0, 1)
        return self.experts(tokens, self.gate(tokens)).view_as(hidden)
