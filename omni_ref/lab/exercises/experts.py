"""Exercises of notebook 05."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...blocks.moe import Experts, RouterOutput, TopKRouter
from ...config import ThinkerConfig
from . import Mistake, exercise, returned

LOGITS = (2.0, 1.0, 0.0, -1.0)


@exercise("5.1")
def top_two(answer: list[float]) -> Mistake:
    """The weights of the best two of four experts, renormalised."""
    probabilities = torch.tensor(LOGITS).softmax(dim=0)
    came = torch.tensor(answer)
    if came.shape != (2,):
        return f"{len(came)} weights came, expected two: experts 0 and 1 are chosen."
    if torch.allclose(came, probabilities[:2], atol=2e-3):
        return f"Those are the probabilities. They sum to {float(came.sum()):.2f}, weights to 1."
    if torch.allclose(came.flip(0), probabilities[:2] / probabilities[:2].sum(), atol=2e-3):
        return "The larger weight belongs to expert 0."
    right = torch.allclose(came, probabilities[:2] / probabilities[:2].sum(), atol=2e-3)
    return None if right else f"They sum to {float(came.sum()):.2f}, and their ratio should be e^(2 - 1) to 1."


@exercise("5.2")
def half_at_work(answer: float | int) -> Mistake:
    """Half of the experts, each with an even share and an even probability: num_experts · n · (1 / n)² = 2."""
    loss = float(answer)
    if abs(loss - 1) < 1e-4:
        return "1 is all experts at work."
    if abs(loss - 0.25) < 1e-4:
        return "The sum is times the number of experts."
    right = abs(loss - 2) < 1e-4
    return None if right else "The four at work have a share of 1/4 and a mean probability of 1/4 each."


@exercise("5.3")
def one_more_expert(answer: int) -> Mistake:
    """Three matrices of hidden × inner, in each of 20 sparse layers."""
    expert = 3 * 4096 * 2816
    known = {
        expert: "In one layer, yes. How many are sparse?",
        40 * expert: "Not every layer is sparse: decoder_sparse_step is 2.",
        20 * 64 * expert: "Those are all experts of all layers: the total, not what is active.",
        20 * 5 * expert: "Those are all five. How many more is that than with four?",
        20 * 2 * 4096 * 2816: "An expert has three matrices: gate, up and down.",
    }
    return None if int(answer) == 20 * expert else known.get(int(answer), f"One expert has {expert:,} parameters.")


class CountingExperts(Experts):
    """Experts that count the rows they compute."""

    def __init__(self, config: ThinkerConfig):
        super().__init__(config)
        self.rows = 0

    def expert(self, index: int, tokens: Tensor) -> Tensor:
        """As in Experts, and counted."""
        self.rows += len(tokens)
        return super().expert(index, tokens)


@exercise("5.4")
@torch.no_grad()
def dispatch(answer: Callable[[Experts, Tensor, RouterOutput], Tensor]) -> Mistake:
    """A function that gives what Experts.plain_loop gives, and computes the chosen rows only."""
    config = ThinkerConfig(hidden_size=12, moe_intermediate_size=7, num_experts=5, num_experts_per_tok=2)
    generator = torch.Generator().manual_seed(0)
    experts, router = CountingExperts(config), TopKRouter(config)
    for weight in (*experts.parameters(), *router.parameters()):
        weight.copy_(torch.randn(weight.shape, generator=generator))
    tokens = torch.randn(9, 12, generator=generator)
    routing = router(tokens)
    expected = experts.plain_loop(tokens, routing)
    experts.rows = 0
    came = returned(answer(experts, tokens, routing), Tensor).detach().cpu().to(expected.dtype)
    if came.shape != expected.shape:
        return f"It gave {tuple(came.shape)}, expected a tensor of shape {tuple(expected.shape)}."
    if not torch.allclose(came, expected, atol=1e-3, rtol=1e-3):
        return f"The outputs are off by {float((came - expected).abs().max()):.2g} at most. Are the weights in?"
    wanted = routing.top_k_index.numel()
    return None if experts.rows <= wanted else f"Right, but it computed {experts.rows} rows; {wanted} are chosen."
