"""Each check of notebook 09 says right of the right answer, and of each usual mistake what it is."""

from itertools import accumulate

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import latency as exercises


def safe(came, lasting):
    before = [0.0, *accumulate(lasting)][:-1]
    return max(time - sound for time, sound in zip(came, before, strict=True))


RIGHT = [
    (exercises.safe_start, lambda came, lasting: torch.tensor(safe(came, lasting))),
    (exercises.delay_of_eight, (8, 140)),
    (exercises.vocoder_calls, 11),
    (exercises.safe_start, safe),
    (exercises.real_time_factor, 0.56),
]
WRONG = [
    (exercises.safe_start, lambda came, lasting: float("nan"), "It gave something of type float, expected a number"),
    (exercises.delay_of_eight, (7, 140), "eighth is still missing"),
    (exercises.delay_of_eight, (4, 140), "which codebooks"),
    (exercises.delay_of_eight, (8, 160), "Without a delay"),
    (exercises.delay_of_eight, (8, 7), "20 ms"),
    (exercises.vocoder_calls, 10, "one frame"),
    (exercises.vocoder_calls, 98, "tens"),
    (exercises.safe_start, lambda came, lasting: None, "a number"),
    (exercises.safe_start, lambda came, lasting: 0.0, "before it has come"),
    (exercises.safe_start, lambda came, lasting: came[-1], "later than need be"),
    (exercises.real_time_factor, 44.87, "How long does its sound last"),
    (exercises.real_time_factor, 1.783, "faster than real time"),
    (exercises.real_time_factor, 3, "in each part"),
]
