"""Exercises of notebook 03."""

import math

import torch

from . import Mistake, exercise

CODES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])
VECTORS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [2.0, 2.0], [-1.0, 0.0], [3.0, 2.0]])


@exercise("3.1")
def rate(answer: int | float) -> Mistake:
    """25 tokens a second, 12 bits each."""
    if answer == 225:
        return "That is the mini model: 512 codes. The full size has 4,096."
    return None if abs(answer - 300) < 1e-3 else f"{answer:g} bits a second would be {answer / 25:g} bits a token."


@exercise("3.2")
def perplexity(answer: int | float) -> Mistake:
    """1.75 bits of entropy."""
    if abs(answer - 1.75) < 1e-3:
        return "That is the entropy in bits. The perplexity is as many alike codes as have this entropy."
    if abs(answer - math.exp(1.75)) < 1e-2:
        return "You took e to the power of bits. For bits the base is 2."
    return None if abs(answer - 2**1.75) < 1e-2 else f"{answer:g}, but four codes used unevenly are worth 3 to 4."


@exercise("3.3")
def by_dot_product(answer: list[int]) -> Mistake:
    """Vectors whose nearest code is not the one with the largest dot product."""
    nearest = torch.cdist(VECTORS, CODES).argmin(dim=1)
    expected = (nearest != (VECTORS @ CODES.T).argmax(dim=1)).nonzero().flatten().tolist()
    wrong = sorted(set(expected) ^ set(answer))
    if not wrong:
        return None
    if wrong[0] not in range(len(VECTORS)):
        return f"{wrong[0]}: the vectors are numbered from 0 to {len(VECTORS) - 1}."
    vector = VECTORS[wrong[0]]
    squares, dots = (vector - CODES).pow(2).sum(dim=1).tolist(), (CODES @ vector).tolist()
    return f"Vector {wrong[0]}: its squared distances are {squares}, its dot products {dots}."


@exercise("3.4")
def gradient(answer: int | float) -> Mistake:
    """0.05 passed straight through, 0.1 from the commitment."""
    if abs(answer - 0.05) < 1e-6:
        return "That is what passes straight through; the commitment loss has a gradient of its own."
    if abs(answer - 0.25) < 1e-6:
        return "The commitment is the *mean* over the two numbers."
    if abs(answer - 0.1) < 1e-6:
        return "That is the commitment's part; the gradient from above is added."
    return (
        None if abs(answer - 0.15) < 1e-6 else f"{answer:g}: add what comes from above and 0.25 · d/dv mean((v - q)²)."
    )


@exercise("3.5")
def batches_until_dead(answer: int) -> Mistake:
    """The least n with 2 · 0.99^n < 0.1."""
    if answer < 1:
        return "Some batches it takes: at first the average is 2."
    if answer == 298:
        return f"After 298 batches the average is {2 * 0.99**298:.5f}: not yet below 0.1."
    if answer > 299:
        return f"Right after {answer} batches, but too late: it was below 0.1 before."
    return None if answer == 299 else f"After {answer} batches the average is {2 * 0.99**answer:.4f}."
