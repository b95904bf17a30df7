"""Exercises of notebook 12."""

from collections.abc import Callable
from math import prod

from jaxtyping import Float, Int
from torch import Tensor

from ...sampling import penalise_repetition
from . import Mistake, Unfit, exercise


@exercise("12.1")
def tiled_heads(answer: int) -> Mistake:
    """Of 32 query heads over 8 key/value heads, those for which h // 4 and h % 8 differ."""
    right = sum(head // 4 == head % 8 for head in range(32))
    if answer == right:
        return "That many read the right head."
    return None if answer == 32 - right else f"{answer} of 32: compare h // 4 with h % 8, head by head."


@exercise("12.2")
def one_for_one(answer: tuple[int | float, int | float]) -> Mistake:
    """100 tokens at 25 Hz: seconds as a frame each at 50 Hz, and seconds that they stand for."""
    wrong, right = answer
    if (wrong, right) == (4, 2):
        return "The other way round: the first is what one hears."
    if right != 4:
        return f"100 tokens, 25 a second, are not {right:g} s."
    return None if wrong == 2 else f"100 × 320 samples at 16 kHz are not {wrong:g} s."


@exercise("12.3")
def samples_too_many(answer: int) -> Mistake:
    """Transposed convolutions of kernel 2r, padded by r // 2, for 10 frames and rates 6, 5, 5, 2."""
    rates, length = (6, 5, 5, 2), 10
    for rate in rates:
        length = (length - 1) * rate - 2 * (rate // 2) + 2 * rate
    expected = length - 10 * prod(rates)
    if answer == 0:
        return "An odd rate is not twice its half, rounded down."
    return None if answer == expected else f"{answer}: how many does each odd stage add, and how many times is it kept?"


def always_divides(
    logits: Float[Tensor, "batch vocab"], seen: Int[Tensor, "batch time"], penalty: float
) -> Float[Tensor, "batch vocab"]:
    """The penalty with its fault: a negative logit that is divided comes nearer to 0, and so more probable."""
    return logits.scatter(-1, seen, logits.gather(-1, seen) / penalty)


def failure(test: Callable, function: Callable) -> AssertionError | None:
    """The assertion of a reader's test that a function does not pass."""
    try:
        test(function)
    except Unfit as error:
        if isinstance(error.__cause__, AssertionError):
            return error.__cause__
        raise
    return None


@exercise("12.4")
def penalty_test(answer: Callable) -> Mistake:
    """A test that the right repetition penalty passes, and the one that always divides does not."""
    failed = failure(answer, penalise_repetition)
    if failed is not None:
        return f"The right function does not pass: {failed}" if str(failed) else "The right function does not pass."
    if failure(answer, always_divides) is not None:
        return None
    return "The wrong function passes, too: has your test a negative logit, and does it assert, not return?"
