"""Every answer gets what it deserves: a reader who is wrong learns why."""

import math

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import quantizer

RIGHT = [
    (quantizer.rate, 300.0),
    (quantizer.perplexity, 2**1.75),
    (quantizer.by_dot_product, [0, 1]),
    (quantizer.gradient, 0.15),
    (quantizer.gradient, float(0.05 + 0.25 * 2 * torch.tensor(0.4) / 2)),  # 0.15 and 6e-9, in single precision
    (quantizer.batches_until_dead, 299),
]
WRONG = [
    (quantizer.by_dot_product, torch.tensor([False, False, True, True, True]), "Give a list of whole numbers"),
    (quantizer.by_dot_product, [0, 1, 5], "numbered from 0 to 4"),
    (quantizer.rate, 225, "That is the mini model"),
    (quantizer.rate, 100, "4 bits a token"),
    (quantizer.perplexity, 1.75, "the entropy in bits"),
    (quantizer.perplexity, math.exp(1.75), "the base is 2"),
    (quantizer.perplexity, 4, "4, but four codes"),
    (quantizer.by_dot_product, [0], "Vector 1: its squared distances are"),
    (quantizer.by_dot_product, [0, 1, 2], "Vector 2: its squared distances are"),
    (quantizer.gradient, 0.05, "a gradient of its own"),
    (quantizer.gradient, 0.25, "*mean* over the two numbers"),
    (quantizer.gradient, 0.1, "the gradient from above is added"),
    (quantizer.gradient, -0.05, "-0.05: add what comes from above"),
    (quantizer.batches_until_dead, 298, "not yet below 0.1"),
    (quantizer.batches_until_dead, 300, "too late"),
    (quantizer.batches_until_dead, 100, "After 100 batches the average is 0.7321"),
]
