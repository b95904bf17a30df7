"""Every answer gets what it deserves: a reader who is wrong learns why."""

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import talker
from omni_ref.talker import undelay_codes
from omni_ref.training.rows import spell

MESSAGE = spell("four minus nine is two")


def speech_length(steps, end_id):
    over = (undelay_codes(steps[None])[0] == end_id).all(dim=-1)
    return int(over.int().argmax()) if over.any() else len(over)


def any_codebook(steps, end_id):
    over = (undelay_codes(steps[None])[0] == end_id).any(dim=-1)
    return int(over.int().argmax()) if over.any() else len(over)


def always_ended(steps, end_id):
    return int((undelay_codes(steps[None])[0] == end_id).all(dim=-1).int().argmax())


def last(steps, end_id):
    over = (undelay_codes(steps[None])[0] == end_id).all(dim=-1)
    return int(over.nonzero()[-1]) if over.any() else len(over)


def without_a_fallback(steps, end_id):
    for time, frame in enumerate(undelay_codes(steps[None])[0]):
        if (frame == end_id).all():
            return time


RIGHT = [
    (talker.steps_of_a_second, 57),
    (talker.known_frames, (8, 7, 6, 5)),
    (talker.speech_length, speech_length),
    (talker.message, torch.tensor(MESSAGE)),
    (talker.message, MESSAGE),
]
WRONG = [
    (talker.steps_of_a_second, 50, "only codebook 0 has all its codes"),
    (talker.steps_of_a_second, 58, "the first codebook is number 0"),
    (talker.steps_of_a_second, 400, "codebook 7 has 393 codes"),
    (talker.known_frames, (8, 7), "2 numbers came, expected 4"),
    (talker.known_frames, (8, 8, 8, 8), "Codebook 1 of frame 8 comes at step 9, too late"),
    (talker.known_frames, (6, 6, 6, 6), "Codebook 0 of frame 6 comes at step 6: there is a later one"),
    (talker.speech_length, any_codebook, "One codebook said end alone"),
    (talker.speech_length, lambda steps, end_id: len(steps), "gave 10."),
    (talker.speech_length, always_ended, "6 whole frames without an end gave 0"),
    (talker.speech_length, last, "frame 6 again: that gave 6"),
    (talker.speech_length, without_a_fallback, "It gave None, expected a whole number"),
    (talker.speech_length, lambda steps, end_id: undelay_codes(steps), "Your function raised"),
    (talker.message, MESSAGE[:-1], "a token a byte"),
    (talker.message, spell("nine minus four is two"), "tokens are as the Thinker sends them"),
]
