"""Every answer gets what it deserves: a reader who is wrong learns why."""

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.aut_encoder import ConvStem
from omni_ref.lab.exercises import aut

LENGTHS = torch.tensor([53, 23, 1])
MASK = torch.arange(53) < LENGTHS[:, None]
RIGHT = [
    (aut.tokens, 81),
    (aut.frames, [(0, 5), (23, 33)]),
    (aut.third_convolution, (19, 27)),
    (aut.leaking_lengths, [89, 90, 93, 94]),
    (aut.mask, MASK),
]
WRONG = [
    (aut.leaking_lengths, range(89, 98), "91 frames: the second kernel"),
    (aut.leaking_lengths, [89, 93, 97], "97 frames were not asked for"),
    (aut.tokens, 80, "round up"),
    (aut.tokens, 321, "1281 to 1284 frames"),
    (aut.frames, [(0, 5)], "two tuples"),
    (aut.frames, (0, 5, 23, 33), "a list of tuples of two whole numbers"),
    (aut.frames, [(-5, 5), (23, 33)], "no frame -5"),
    (aut.frames, [(0, 5), (28, 33)], "Token 7 stands on frame 28"),
    (aut.third_convolution, (13, 27), "A field of 13 frames"),
    (aut.third_convolution, (19, 26), "26 tokens of 210 frames"),
    (aut.leaking_lengths, [89, 91], "91 frames: the second kernel ends on position 45, the last of 46 real ones"),
    (aut.leaking_lengths, [89, 90], "93 frames also: the second kernel's last place reads position 47"),
    (aut.mask, MASK[:, :52], "(3, 52)"),
    (aut.mask, MASK.float(), "torch.float32"),
    (aut.mask, torch.arange(53) <= LENGTHS[:, None], "[53, 24, 2] real tokens"),
    (aut.mask, MASK.flip(1), "after the real tokens"),
]


def test_the_right_lengths_are_those_that_leak(tiny):
    """Leak 2 alone: the padding holds zeros, but nothing is masked between the convolutions."""
    torch.manual_seed(0)
    stem = ConvStem(tiny.aut_encoder)
    mel = torch.randn(1, tiny.aut_encoder.n_mels, 100)
    leaking = []
    for frames in range(89, 97):
        alone, _ = stem(mel[..., :frames], torch.tensor([frames]))
        zeros = mel.clone()
        zeros[..., frames:] = 0
        beside, _ = stem(zeros, torch.tensor([100]))
        if (alone - beside[:, : alone.shape[1]]).abs().max() > 1e-5:
            leaking.append(frames)
    assert leaking == RIGHT[3][1]
