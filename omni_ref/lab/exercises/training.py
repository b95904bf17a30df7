"""Exercises of notebook 11."""

from collections.abc import Callable
from math import exp, isclose, log

import torch
from torch import Tensor

from . import Mistake, exercise, returned


@exercise("11.1")
def rate(answer: float) -> Mistake:
    """The 50th of 100 steps of the warm-up: half of 2e-3."""
    if isclose(answer, 0.98e-3, rel_tol=1e-3):
        return "Step 0 is the first, and it learns something too: step 49 is the 50th."
    return None if isclose(answer, 1e-3, rel_tol=1e-3) else f"{answer:g} would be {answer / 2e-3:.2f} of the peak."


@exercise("11.2")
def ways(answer: int) -> Mistake:
    """Of the paths of four symbols, blank or e, five read "ee"."""
    if answer == 11:
        return "Without a blank between them two e merge into one: eeee reads e."
    if answer == 3:
        return 'Those have two symbols e. One may also be held: "ee-e".'
    return None if answer == 5 else "Write them down: each has a blank somewhere between two e."


@exercise("11.3")
def passes_straight(answer: Callable[[Tensor], Tensor]) -> Mistake:
    """The values of torch.round, the gradient of the identity."""
    numbers = torch.tensor([-1.6, -0.4, 0.3, 0.8, 2.2], requires_grad=True)
    before, expected = numbers.tolist(), numbers.detach().round()
    rounded = returned(answer(numbers), Tensor)
    if rounded.shape != expected.shape or not torch.equal(rounded.detach().cpu().float(), expected):
        return f"{[round(value, 3) for value in before]} become {rounded.tolist()}."
    if not rounded.requires_grad:
        return "The values are right, but no gradient comes back at all."
    (gradient,) = torch.autograd.grad(rounded.sum(), numbers, allow_unused=True)
    if gradient is None:
        return "The values are right, but no gradient comes back to what was rounded."
    right = torch.equal(gradient, torch.ones(5))
    return None if right else f"The values are right, the gradient is {gradient.tolist()}, expected 1 everywhere."


@exercise("11.4")
def first_loss(answer: float) -> Mistake:
    """About the logarithm of 257: 256 codes and the end."""
    if isclose(answer, log(257) / log(2), abs_tol=0.06):
        return "Those are bits; the loss is in nats."
    return None if isclose(answer, log(257), abs_tol=0.06) else f"exp({answer:g}) is {exp(min(answer, 700)):,.0f}."


@exercise("11.5")
def share_wrong(answer: float) -> Mistake:
    """Three rows in four, half of 0.3 on average, and one code in 256 is drawn right by chance."""
    for wrong, why in ((0.3, "That is the most that it can be."), (0.15, "One row in four stays as it is.")):
        if isclose(answer, wrong, abs_tol=1e-3):
            return why
    return None if isclose(answer, 0.75 * 0.15, abs_tol=2e-3) else "How much of a row on average, and of how many rows?"
