"""Exercises of notebook 09."""

from collections.abc import Callable
from itertools import accumulate
from random import Random

from . import Mistake, exercise, returned


@exercise("9.1")
def delay_of_eight(answer: tuple[int, int]) -> Mistake:
    """Steps to the first frame with eight codebooks, and what the further ones are in ms of sound."""
    steps, milliseconds = answer
    if steps == 7:
        return "Seven steps bring codes of seven codebooks of frame 0; the eighth is still missing."
    if steps != 8:
        return f"After {steps} steps, which codebooks of frame 0 are there?"
    if milliseconds == 160:
        return "Without a delay one step would be needed as well: only the others are its cost."
    return None if milliseconds == 140 else "A step is a frame of 20 ms of sound."


@exercise("9.2")
def vocoder_calls(answer: int) -> Mistake:
    """98 frames, the first alone, the others by ten."""
    if answer == 10:
        return "The first piece is one frame, whatever frames_per_piece is."
    return None if answer == 11 else "One for the first frame; then how many tens, a last incomplete one included?"


@exercise("9.3")
def safe_start(answer: Callable[[list[float], list[float]], float]) -> Mistake:
    """The earliest start at which no piece is wanted before it has come."""
    random = Random(9)
    for pieces in (1, 2, 5, 20):
        lasting = [random.choice((0.02, 0.1, 0.2)) for _ in range(pieces)]
        came = list(accumulate(random.uniform(0.02, 0.3) for _ in range(pieces)))
        before = [0.0, *accumulate(lasting)][:-1]
        expected = max(time - sound for time, sound in zip(came, before, strict=True))
        start = returned(answer(list(came), list(lasting)), float)
        for i, (time, sound) in enumerate(zip(came, before, strict=True)):
            if start + sound < time - 1e-4:
                late = 1000 * (time - start - sound)
                return f"Piece {i} of {pieces} is wanted {late:.0f} ms before it has come."
        if start > expected + 1e-4:
            return f"That is safe, but {1000 * (start - expected):.0f} ms later than need be."
    return None


@exercise("9.4")
def real_time_factor(answer: float | int) -> Mistake:
    """Qwen3-Omni with four users: a Thinker token, a Talker token, predictor and decoder for 80 ms of sound."""
    expected = (1000 / 63 + 1000 / 125 + 16 + 5) / 80
    if abs(answer - (1000 / 63 + 1000 / 125 + 16 + 5)) < 0.5:
        return "Those are the milliseconds of a frame. How long does its sound last?"
    if abs(answer * expected - 1) < 0.02:
        return "That is how many times faster than real time it is; the factor is time of work over time of sound."
    return None if abs(answer - expected) < 0.005 else "Add what one frame of 80 ms needs in each part, in ms."
