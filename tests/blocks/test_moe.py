"""Mixture of experts: the fast path, the plain loop and the sum by hand are one; so are their gradients."""

import pytest
import torch
import torch.nn.functional as F
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.moe import Experts, RouterOutput, SparseMoE, TopKRouter, load_balancing_loss
from omni_ref.config import ThinkerConfig

drawn = settings(max_examples=12, deadline=None, derandomize=True)


def config_with(num_experts=11, top_k=4, norm_topk_prob=True):
    return ThinkerConfig(
        hidden_size=28,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=10,
        moe_intermediate_size=9,
        num_experts=num_experts,
        num_experts_per_tok=top_k,
        norm_topk_prob=norm_topk_prob,
    )


def by_hand(experts, tokens, routing):
    """Token by token, choice by choice: weight · down(silu(gate) · up)."""
    outputs = []
    for token, weights, chosen in zip(tokens, routing.top_k_weights, routing.top_k_index, strict=True):
        output = torch.zeros_like(token)
        for weight, expert in zip(weights, chosen.tolist(), strict=True):
            gate, up = experts.gate_up_proj[expert, :9] @ token, experts.gate_up_proj[expert, 9:] @ token
            output = output + weight * (experts.down_proj[expert] @ (gate * torch.sigmoid(gate) * up))
        outputs.append(output)
    return torch.stack(outputs)


def random_problem(num_tokens, num_experts, top_k):
    """Experts, tokens and a routing in float64, all leaves that want gradients."""
    experts = randomise(Experts(config_with(num_experts, top_k)).double())
    tokens = torch.randn(num_tokens, 28, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(num_tokens, top_k, dtype=torch.float64, requires_grad=True)
    index = torch.rand(num_tokens, num_experts).topk(top_k).indices
    return experts, tokens, RouterOutput(torch.empty(num_tokens, num_experts), weights, index)


@drawn
@given(st.integers(1, 17), st.integers(1, 7), st.integers(0, 6))
def test_sorted_path_plain_loop_and_sum_by_hand_agree_with_their_gradients(num_tokens, top_k, more_experts):
    experts, tokens, routing = random_problem(num_tokens, top_k + more_experts, top_k)
    leaves = (tokens, routing.top_k_weights, experts.gate_up_proj, experts.down_proj)
    truth = by_hand(experts, tokens, routing)
    toward = torch.randn_like(truth)
    truth_gradients = torch.autograd.grad((truth * toward).sum(), leaves)
    for path in (experts.forward, experts.plain_loop):
        output = path(tokens, routing)
        torch.testing.assert_close(output, truth, atol=1e-12, rtol=0)
        gradients = torch.autograd.grad((output * toward).sum(), leaves)
        for gradient, true_gradient in zip(gradients, truth_gradients, strict=True):
            torch.testing.assert_close(gradient, true_gradient, atol=1e-11, rtol=0)


def test_an_expert_that_no_token_chose_changes_nothing():
    experts, tokens, routing = random_problem(5, 11, 2)
    before = experts(tokens, routing)
    unused = [expert for expert in range(11) if expert not in routing.top_k_index]
    experts.down_proj.data[unused] = torch.nan
    assert unused and torch.equal(experts(tokens, routing), before)


@torch.no_grad()
@pytest.mark.parametrize("norm_topk_prob", [True, False])
def test_the_router_takes_the_most_probable_experts_with_their_probabilities(norm_topk_prob):
    router = randomise(TopKRouter(config_with(norm_topk_prob=norm_topk_prob)))
    tokens = torch.randn(7, 28)
    routing = router(tokens)
    for token in range(7):
        exponentials = (router.weight @ tokens[token]).exp()
        probabilities = exponentials / exponentials.sum()
        chosen = sorted(range(11), key=lambda expert: -float(probabilities[expert]))[:4]
        weights = probabilities[chosen] / (probabilities[chosen].sum() if norm_topk_prob else 1)
        assert routing.top_k_index[token].tolist() == chosen
        torch.testing.assert_close(routing.probabilities[token], probabilities)
        torch.testing.assert_close(routing.top_k_weights[token], weights)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_router_softmax_is_float32_for_half_precision_input(dtype):
    router = randomise(TopKRouter(config_with())).to(dtype)
    tokens = torch.randn(7, 28).to(dtype)
    routing = router(tokens)
    assert routing.probabilities.dtype == torch.float32 and routing.top_k_weights.dtype == dtype
    exact = F.linear(tokens, router.weight).float().softmax(dim=-1)
    assert torch.equal(routing.probabilities, exact)
    chosen = exact.gather(-1, routing.top_k_index)
    assert torch.equal(routing.top_k_weights, (chosen / chosen.sum(dim=-1, keepdim=True)).to(dtype))


def test_a_token_is_served_alike_wherever_it_stands():
    moe, hidden = randomise(SparseMoE(config_with()).double()), torch.randn(3, 5, 28, dtype=torch.float64)
    together = moe(hidden)
    for row in range(3):
        for position in range(5):
            token = hidden[row, position][None]
            alone = by_hand(moe.experts, token, moe.gate(token))[0]
            torch.testing.assert_close(together[row, position], alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize("peak", [0.0, 4.0])
def test_the_balance_loss_is_exactly_one_at_perfect_balance(peak):
    experts = torch.arange(8)
    logits = peak * torch.eye(8, dtype=torch.float64) + peak / 2 * torch.eye(8, dtype=torch.float64).roll(1, dims=1)
    index = torch.stack([experts, (experts + 1) % 8], dim=-1)
    assert float(load_balancing_loss(logits.softmax(dim=-1), index)) == pytest.approx(1, abs=1e-15)


@drawn
@given(st.integers(1, 5), st.integers(2, 9), st.integers(0, 99))
def test_the_balance_loss_is_the_sum_by_hand_over_the_full_softmax(top_k, more_experts, seed):
    num_experts = top_k + more_experts
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(13, num_experts, dtype=torch.float64, generator=generator)
    probabilities = logits.softmax(dim=-1)
    index = probabilities.topk(top_k).indices
    expected = 0.0
    for expert in range(num_experts):
        share = (index == expert).sum().item() / (13 * top_k)
        expected += num_experts * share * probabilities[:, expert].sum().item() / 13
    assert float(load_balancing_loss(probabilities, index)) == pytest.approx(expected, abs=1e-12)


def test_the_balance_loss_grows_as_one_expert_is_preferred():
    losses = []
    for crowd in range(1, 8):
        chosen = torch.cat([torch.zeros(crowd, dtype=torch.long), torch.arange(1, 7)])
        losses.append(float(load_balancing_loss(F.one_hot(chosen, 7).double(), chosen[:, None])))
    assert losses[0] == pytest.approx(1, abs=1e-15)
    assert losses == sorted(set(losses))


def test_the_balance_loss_is_the_number_of_experts_when_one_serves_all():
    probabilities = F.one_hot(torch.zeros(13, dtype=torch.long), 7).double()
    assert float(load_balancing_loss(probabilities, torch.zeros(13, 1, dtype=torch.long))) == 7


def test_less_balance_loss_is_less_probability_for_the_crowded_expert():
    logits = torch.zeros(13, 7, requires_grad=True)
    load_balancing_loss(logits.softmax(dim=-1), torch.zeros(13, 1, dtype=torch.long)).backward()
    assert (logits.grad[:, 0] > 0).all() and (logits.grad[:, 1:] < 0).all()
