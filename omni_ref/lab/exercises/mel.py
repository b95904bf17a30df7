"""Exercises of notebook 01."""

import torch
from torch import Tensor

from . import Mistake, exercise


@exercise("1.1")
def columns(answer: int | float) -> Mistake:
    """One for each whole hop of 10 ms in 3.215 s."""
    if answer in (321.5, 322):
        return "The last 5 ms are not a whole hop."
    return None if answer == 321 else f"{answer} columns are {answer / 100} s of 10 ms hops."


@exercise("1.2")
def bins(answer: tuple[int | float, int | float]) -> Mistake:
    """1,000 and 3,500 Hz in steps of 31.25 Hz."""
    for bin_index, hertz in zip(answer, (1000, 3500), strict=True):
        if bin_index * 31.25 != hertz:
            return f"Bin {bin_index} is at {bin_index * 31.25:g} Hz, not at {hertz} Hz."
    return None


@exercise("1.3")
def hann(answer: Tensor) -> Mistake:
    """The periodic Hann window of 400 samples."""
    if answer.shape != (400,):
        return f"Its shape is {tuple(answer.shape)}, expected (400,)."
    expected = torch.hann_window(400, periodic=True)
    if torch.allclose(answer.cpu().float(), torch.hann_window(400, periodic=False), atol=1e-5):
        return "That one is symmetric: its last sample is 0 again. The period is 400, not 399."
    difference = float((answer.cpu().float() - expected).abs().max())
    return None if difference < 1e-5 else f"It is off by {difference:.3f} at most: is it 0 first and 1 in the middle?"


@exercise("1.4")
def quieter(answer: int | float) -> Mistake:
    """20 dB are two decades of power; the last step divides by 4."""
    if abs(answer + 2) < 1e-4:
        return "That is what is added to the logarithm; (x + 4) / 4 comes after it."
    if answer > 0:
        return "Quieter is less."
    return None if abs(answer + 0.5) < 1e-4 else f"{answer:g} would be a factor of {10 ** (4 * answer):.2g} in power."
