"""What the exercises of notebook 10 say to right and to wrong answers."""

from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import size

RIGHT = [
    (size.expert_of_the_talker, 3 * 1536 * 1024),
    (size.multi_query_cache, 20),
    (size.finer_experts, (128, 8)),
    (size.requests_that_outgrow_the_weights, 19),
]
WRONG = [
    (size.finer_experts, (128, 0), "cannot use 0 of 128 experts"),
    (size.expert_of_the_talker, 2 * 1536 * 1024, "three matrices"),
    (size.expert_of_the_talker, 32 * 3 * 1536 * 1024, "all of them together"),
    (size.expert_of_the_talker, 1536 * 1024, "are 1 matrices"),
    (size.multi_query_cache, 10, "keys and values"),
    (size.multi_query_cache, 20 * 1024, "in bytes"),
    (size.multi_query_cache, 40, "is 0.25 of the 160 KiB"),
    (size.finer_experts, (64, 4), "0.56 times the parameters"),
    (size.finer_experts, (128, 4), "0.82 times the active"),
    (size.finer_experts, (4, 8), "cannot use 8 of 4"),
    (size.requests_that_outgrow_the_weights, 18, "18 caches are 96.6 GB, the weights 99.9 GB"),
    (size.requests_that_outgrow_the_weights, 20, "fewer"),
]
