"""Exercises of notebook 08."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...config import Code2WavConfig
from . import Mistake, exercise, returned


@exercise("8.1")
def lengths(answer: tuple[int, int]) -> Mistake:
    """37 frames: as Code2Wav trims, and with r // 2 taken off both ends."""
    right, wrong = answer
    if right != 37 * 320:
        return f"Trimmed on the right, each of 37 frames gives 8 × 5 × 4 × 2 samples: not {right} in all."
    if wrong == right:
        return "One of the four strides is odd: r // 2 from both ends leaves a sample more there."
    expected = 37 * 320 + 8
    return None if wrong == expected else f"From the odd stride on, each stage multiplies the surplus: not {wrong}."


@exercise("8.2")
def even_kernels(answer: list[int]) -> Mistake:
    """At stride 5, kernels whose taps reach every sample equally often."""
    for kernel in sorted(set(answer) ^ {5, 10, 15}):
        counts = [len(range(phase, kernel, 5)) for phase in range(5)]
        return f"Kernel {kernel} reaches the five samples of a block {counts} times."
    return None


@exercise("8.3")
def upsampling(answer: Callable[[Tensor, Tensor, int], Tensor]) -> Mistake:
    """One channel: spread, overlap, trim on the right."""
    generator = torch.Generator().manual_seed(0)
    for time, stride in ((1, 2), (6, 5), (9, 3)):
        signal, kernel = torch.randn(time, generator=generator), torch.randn(2 * stride, generator=generator)
        spread = F.conv_transpose1d(signal[None, None], kernel[None, None], stride=stride)[0, 0]
        made = returned(answer(signal.clone(), kernel.clone(), stride), Tensor).detach().cpu().to(spread.dtype)
        if made.ndim != 1:
            return "It should return one tensor with one axis, the samples."
        if len(made) == len(spread):
            return f"{time} inputs gave {len(made)} samples, ({time} + 1) × {stride}: trim the last {stride}."
        half = stride // 2
        if len(made) == len(spread) - 2 * half and torch.allclose(made, spread[half:-half], atol=1e-5):
            return f"That is trimmed at both ends: every copy comes {half} too early at stride {stride}."
        if len(made) != time * stride:
            return f"{time} inputs gave {len(made)} samples, expected {time} × {stride} = {time * stride}."
        if torch.allclose(made, spread[stride:], atol=1e-5):
            return "That is trimmed on the left: the first input would sound a stride too early."
        difference = float((made - spread[: time * stride]).abs().max())
        if not difference <= 1e-5:  # nor NaN
            return f"{time} inputs at stride {stride}: off by {difference:.2g} at most. Do neighbouring copies add up?"
    return None


@exercise("8.4")
def context(answer: int) -> Mistake:
    """Frames before a frame that can be heard in it, from the reach of 2,022 samples."""
    if answer == 7:
        return "The seventh frame before begins 7 × 320 = 2,240 samples earlier: its reach of 2,022 ends before."
    if answer < 6:
        earlier = answer + 1
        return f"{earlier} frames before begins {earlier * 320} samples earlier and reaches 2,022 far: still heard."
    return None if answer == 6 else f"{answer} frames would do, and some of them are never heard."


@exercise("8.5")
def bits(answer: float | int) -> Mistake:
    """Three codebooks of the full size, 50 frames a second."""
    config = Code2WavConfig()
    if answer == 3 * 8 * config.frame_rate:
        return "That is the mini model's: at full size a codebook holds 2,048 vectors."
    if answer == 4 * 11 * config.frame_rate:
        return "That is all four codebooks."
    expected = 3 * 11 * config.frame_rate
    return None if answer == expected else "Bits of one code × codes a frame × frames a second."
