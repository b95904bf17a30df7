"""From logits to a token: temperature, top-k (Fan et al. 2018, "Hierarchical Neural Story Generation", section 5.4),
nucleus (Holtzman et al. 2020, section 3.1), repetition penalty (Keskar et al. 2019, "CTRL", section 4.1).

Random numbers are drawn on the CPU whatever the device of the logits, so that a seed means the same everywhere.
"""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .checks import is_whole, require


@dataclass(frozen=True)
class Sampling:
    """How to choose a token. The default, temperature 0, takes the most probable one and draws nothing.

    top_k keeps that many tokens (0: all); top_p keeps the fewest most probable ones that hold that share together;
    repetition_penalty (1: none) makes tokens of the reply so far less probable, and is for text only.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        is_usable = self.temperature == 0 or 0.001 <= self.temperature < inf  # else logits over it are no numbers
        require(is_usable, f"Sampling: temperature = {self.temperature}, expected 0, or 0.001 or more, and finite")
        is_count = self.top_k == 0 or is_whole(self.top_k)
        require(is_count, f"Sampling: top_k = {self.top_k}, expected 0 (all) or a whole number")
        require(0 < self.top_p <= 1, f"Sampling: top_p = {self.top_p}, expected more than 0 and at most 1")
        penalty = self.repetition_penalty
        require(0 < penalty < inf, f"Sampling: repetition_penalty = {penalty}, expected more than 0, and finite")


def penalise_repetition(
    logits: Float[Tensor, "batch vocab"], seen: Int[Tensor, "batch time"], penalty: float
) -> Float[Tensor, "batch vocab"]:
    """Make seen tokens less probable: a positive logit is divided by the penalty, a negative one multiplied.

    CTRL divides both, which makes a negative one more probable; multiplying it is what HF transformers does.
    """
    scores = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(scores > 0, scores / penalty, scores * penalty))


def keep_top_k(logits: Float[Tensor, "... vocab"], top_k: int) -> Float[Tensor, "... vocab"]:
    """All but the k largest logits become -infinity; those equal to the k-th stay."""
    least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, float("-inf"))


def keep_top_p(logits: Float[Tensor, "... vocab"], top_p: float) -> Float[Tensor, "... vocab"]:
    """A token stays if those more probable hold less than top_p together; the most probable one always does."""
    sorted_logits, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = sorted_logits.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    return logits.masked_fill((before >= top_p).gather(-1, order.argsort(dim=-1)), float("-inf"))


def sample(
    logits: Float[Tensor, "*lead vocab"],
    sampling: Sampling,
    generator: torch.Generator,
    seen: Int[Tensor, "batch time"] | None = None,
) -> Int[Tensor, "*lead"]:
    """One token a row of logits. `generator` is a CPU generator; `seen` holds the tokens to penalise."""
    logits = logits.float()
    if seen is not None and sampling.repetition_penalty != 1:
        logits = penalise_repetition(logits, seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / sampling.temperature
    if sampling.top_k:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
    draw = torch.rand(*logits.shape[:-1], 1, generator=generator, device="cpu").to(logits.device) * cumulative[..., -1:]
    return (cumulative <= draw).sum(dim=-1)
