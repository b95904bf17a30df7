"""What the exercises of notebook 12 say to right and to wrong answers."""

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import faults


def good(penalise):
    logits, seen = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[0, 1]])
    assert (penalise(logits, seen, 1.5) < logits)[0, :2].all()


def blind(penalise):
    logits, seen = torch.tensor([[2.0, 2.0, 1.0]]), torch.tensor([[0, 1]])
    assert (penalise(logits, seen, 1.5) < logits)[0, :2].all()


def returns(penalise):
    logits, seen = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[0, 1]])
    return bool((penalise(logits, seen, 1.5) < logits)[0, :2].all())


def bare(penalise):
    raise AssertionError


def too_strict(penalise):
    raise AssertionError("never content")


RIGHT = [
    (faults.tiled_heads, 28),
    (faults.one_for_one, (2.0, 4.0)),
    (faults.samples_too_many, 12),
    (faults.penalty_test, good),
]
WRONG = [
    (faults.penalty_test, bare, "The right function does not pass."),
    (faults.tiled_heads, 4, "read the right head"),
    (faults.tiled_heads, 24, "head by head"),
    (faults.one_for_one, (4.0, 2.0), "other way round"),
    (faults.one_for_one, (2.0, 1.0), "are not 1 s"),
    (faults.one_for_one, (1.0, 4.0), "are not 1 s"),
    (faults.samples_too_many, 0, "twice its half"),
    (faults.samples_too_many, 8, "each odd stage"),
    (faults.penalty_test, 3, "Give a function"),
    (faults.penalty_test, too_strict, "never content"),
    (faults.penalty_test, blind, "a negative logit"),
    (faults.penalty_test, returns, "does it assert, not return?"),
]
