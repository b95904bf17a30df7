"""The checks of notebook 01 know the right answer from the typical wrong ones."""

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import mel

RIGHT = [
    (mel.columns, 321),
    (mel.bins, (32, 112)),
    (mel.bins, (32.0, 112.0)),
    (mel.hann, torch.hann_window(400)),
    (mel.hann, torch.hann_window(400, dtype=torch.float64)),
    (mel.quieter, -0.5),
]
WRONG = [
    (mel.columns, 321.5, "The last 5 ms are not a whole hop"),
    (mel.columns, 322, "last 5 ms"),
    (mel.columns, 3215, "3215 columns are 32.15 s"),
    (mel.bins, (31, 112), "Bin 31 is at 968.75 Hz, not at 1000 Hz"),
    (mel.bins, (32, 109), "Bin 109 is at 3406.25 Hz, not at 3500 Hz"),
    (mel.bins, 32, "two numbers"),
    (mel.hann, torch.hann_window(512), r"(512,), expected (400,)"),
    (mel.hann, torch.hann_window(400, periodic=False), "symmetric"),
    (mel.hann, torch.ones(400), "off by 1.000"),
    (mel.hann, [0.0] * 400, "a tensor"),
    (mel.quieter, -2, "(x + 4) / 4 comes after it"),
    (mel.quieter, 0.5, "Quieter is less"),
    (mel.quieter, -5.0, "a factor of 1e-20 in power"),
]
