"""Exercises of notebook 02."""

import torch
from torch import Tensor

from . import Mistake, exercise


@exercise("2.1")
def tokens(answer: int) -> Mistake:
    """321 frames stand in 3.215 s, and a token on every fourth of them, frame 0 included."""
    if answer == 80:
        return "The last token stands on frame 320, and that frame is there: round up, not down."
    return None if answer == 81 else f"{answer} tokens come from {4 * answer - 3} to {4 * answer} frames."


@exercise("2.2")
def frames(answer: list[tuple[int, int]]) -> Mistake:
    """Token k reads frames 4k - 5 to 4k + 5, of those that exist."""
    if len(answer) != 2:
        return "Give two tuples, of token 0 and of token 7: the first frame and the last."
    for token, given in zip((0, 7), answer, strict=True):
        expected = (max(4 * token - 5, 0), 4 * token + 5)
        if tuple(given) == (4 * token - 5, 4 * token + 5) != expected:
            return f"Token {token}: there is no frame {given[0]}. What stands there is padding."
        if tuple(given) != expected:
            return f"Token {token} stands on frame {4 * token} and reads 11 frames; {tuple(given)} is not that."
    return None


@exercise("2.3")
def third_convolution(answer: tuple[int, int]) -> Mistake:
    """The field grows by two steps of four frames; the rate is halved once more."""
    field, count = answer
    if field != 19:
        return f"A field of {field} frames? The third kernel adds (3 - 1) steps; how many frames is a step?"
    return None if count == 27 else f"{count} tokens of 210 frames? They stand on frames 0, 8, 16 …"


@exercise("2.4")
def leaking_lengths(answer: list[int]) -> Mistake:
    """The second convolution reads past the end where the first gives an odd number of positions."""
    expected = [frames for frames in range(89, 97) if -(-frames // 2) % 2]
    too_many, missing = sorted(set(answer) - set(expected)), sorted(set(expected) - set(answer))
    if too_many and too_many[0] not in range(89, 97):
        return f"{too_many[0]} frames were not asked for: 89 to 96."
    if too_many:
        first = -(-too_many[0] // 2)
        return f"{too_many[0]} frames: the second kernel ends on position {first - 1}, the last of {first} real ones."
    if missing:
        first = -(-missing[0] // 2)
        return f"{missing[0]} frames also: the second kernel's last place reads position {first}, which is padding."
    return None


@exercise("2.5")
def mask(answer: Tensor) -> Mistake:
    """Real tokens of rows of 210, 90 and 1 frames."""
    if answer.shape != (3, 53):
        return f"Its shape is {tuple(answer.shape)}, expected (3, 53): the rows, and the tokens of the longest."
    if answer.dtype != torch.bool:
        return f"It holds {answer.dtype}, expected torch.bool."
    counts = answer.sum(dim=1).tolist()
    if counts != [53, 23, 1]:
        return f"It has {counts} real tokens, expected [53, 23, 1]."
    return None if bool((answer[:, :-1] >= answer[:, 1:]).all()) else "Padding comes after the real tokens, not before."
