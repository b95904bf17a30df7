"""Each check of notebook 08 says right of the right answer, and of each usual mistake what it is."""

import torch
import torch.nn.functional as F
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import code2wav as exercises


def spread(signal, kernel, stride):
    return F.conv_transpose1d(signal[None, None], kernel[None, None], stride=stride)[0, 0]


def by_hand(signal, kernel, stride):
    return spread(signal, kernel, stride)[: len(signal) * stride]


RIGHT = [
    (exercises.lengths, (11840, 11848)),
    (exercises.even_kernels, (5, 10, 15)),
    (exercises.upsampling, by_hand),
    (exercises.context, 6),
    (exercises.bits, 1650),
]
WRONG = [
    (exercises.upsampling, lambda s, kernel, stride: torch.full((len(s) * stride,), float("nan")), "off by nan"),
    (exercises.lengths, (11841, 11848), "8 × 5 × 4 × 2"),
    (exercises.lengths, (11840, 11840), "odd"),
    (exercises.lengths, (11840, 11841), "multiplies the surplus"),
    (exercises.even_kernels, (5, 7, 10, 15), "Kernel 7 reaches the five samples of a block [2, 2, 1, 1, 1] times"),
    (exercises.even_kernels, (5, 10), "Kernel 15"),
    (exercises.upsampling, lambda *_: 7, "It gave something of type int, expected a tensor"),
    (exercises.upsampling, spread, "trim the last 2"),
    (exercises.upsampling, lambda signal, kernel, stride: spread(signal, kernel, stride)[:3], "expected"),
    (exercises.upsampling, lambda signal, kernel, stride: spread(signal, kernel, stride)[stride:], "on the left"),
    (exercises.upsampling, lambda s, k, stride: spread(s, k, stride)[stride // 2 : -(stride // 2)], "at both ends"),
    (exercises.upsampling, lambda signal, kernel, stride: torch.zeros(len(signal) * stride), "add up"),
    (exercises.context, 7, "ends before"),
    (exercises.context, 2, "3 frames before begins 960 samples earlier"),
    (exercises.context, 9, "never heard"),
    (exercises.bits, 1200, "mini"),
    (exercises.bits, 2200, "all four"),
    (exercises.bits, 33, "Bits of one code"),
]
