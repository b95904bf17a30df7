"""Every answer gets what it deserves: a reader who is wrong learns why."""

from math import log, log2

from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import training

RIGHT = [
    (training.rate, 0.001),
    (training.ways, 5),
    (training.passes_straight, lambda x: x + (x.round() - x).detach()),
    (training.first_loss, log(257)),
    (training.first_loss, 5.5),
    (training.first_loss, log(256)),
    (training.share_wrong, 0.1125),
]
WRONG = [
    (training.passes_straight, lambda x: x.round().long(), "no gradient comes back at all"),
    (
        training.passes_straight,
        lambda x: x.detach().round().requires_grad_(),
        "no gradient comes back to what was rounded",
    ),
    (training.passes_straight, lambda x: x.data.zero_(), "become [0.0"),
    (training.rate, 0.98e-3, "Step 0 is the first"),
    (training.rate, 0.002, "1.00 of the peak"),
    (training.ways, 11, "eeee reads e"),
    (training.ways, 3, "One may also be held"),
    (training.ways, 16, "a blank somewhere"),
    (training.passes_straight, lambda x: x.trunc(), "[-1.6"),
    (training.passes_straight, lambda x: x.detach().round(), "no gradient comes back at all"),
    (training.passes_straight, lambda x: x.round(), "the gradient is [0.0, 0.0"),
    (training.first_loss, log2(257), "bits"),
    (training.first_loss, 2.0, "exp(2) is 7"),
    (training.share_wrong, 0.3, "the most"),
    (training.share_wrong, 0.15, "One row in four"),
    (training.share_wrong, 0.5, "how many rows"),
]
