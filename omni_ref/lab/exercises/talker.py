"""Exercises of notebook 07."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...talker import delay_codes
from . import Mistake, exercise, returned
from .thinker import shipped

SENTENCE = "four minus nine is two"


@exercise("7.1")
def steps_of_a_second(answer: int) -> Mistake:
    """50 frames of 8 codebooks: the last codebook of the last frame comes 7 steps late."""
    if answer == 50:
        return "After 50 steps only codebook 0 has all its codes."
    if answer == 58:
        return "Codebook k is k steps late, and the first codebook is number 0."
    return None if answer == 57 else f"After {answer} steps, codebook 7 has {max(answer - 7, 0)} codes."


@exercise("7.2")
def known_frames(answer: list[int]) -> Mistake:
    """Codebook 2 of frame 7 is chosen at step 9, from the codes of steps up to 8."""
    if len(answer) != 4:
        return f"{len(answer)} numbers came, expected 4: one a codebook."
    for k, frame in enumerate(answer):
        step = frame + k
        if step > 8:
            return f"Codebook {k} of frame {frame} comes at step {step}, too late for step 9 to read."
        if step < 8:
            return f"Codebook {k} of frame {frame} comes at step {step}: there is a later one."
    return None


@exercise("7.3")
def speech_length(answer: Callable) -> Mistake:
    """Frames before the first that all codebooks end; all whole frames where there is none."""
    end_id, begin_id = 90, 91
    for frames, codebooks, too_early in ((6, 4, 2), (5, 3, 0), (1, 2, None), (9, 4, None)):
        codes = torch.arange(frames * codebooks).view(1, frames, codebooks) % end_id
        if too_early is not None:
            codes[0, too_early, 0] = codes[0, too_early + 1, -1] = end_id
        steps = delay_codes(codes, begin_id, end_id)[0]
        came = returned(answer(steps, end_id), int)
        if came != frames:
            stopped = too_early is not None and came in (too_early, too_early + 1)
            hint = " One codebook said end alone, before." if stopped else ""
            return f"{frames} frames of {codebooks} codebooks, and the end, gave {came}.{hint}"
        unended = returned(answer(steps[: len(steps) - 1], end_id), int)
        if unended != frames:
            return f"{frames} whole frames without an end gave {unended}."
    codes = torch.arange(24).view(1, 6, 4)
    codes[0, 3] = end_id
    came = returned(answer(delay_codes(codes, begin_id, end_id)[0], end_id), int)
    return None if came == 3 else f"All codebooks call frame 3 the end, and frame 6 again: that gave {came}."


@exercise("7.4")
def message(answer: Tensor | list[int]) -> Mistake:
    """The talker tokens with which the Thinker has this sentence said."""
    answer = torch.as_tensor(answer)
    expected = shipped().respond(text=SENTENCE, task="say", speak=False).tokens["talker"]
    if answer.shape != expected.shape:
        return f"Its shape is {tuple(answer.shape)}, expected {tuple(expected.shape)}: a token a byte."
    same = int((answer.cpu() == expected).sum())
    return None if same >= len(expected) - 1 else f"{same} of {len(expected)} tokens are as the Thinker sends them."
