"""The checks of notebook 05 know the right answer from the typical wrong ones."""

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import experts

ONE = 3 * 4096 * 2816
WEIGHTS = torch.tensor([2.0, 1.0]).softmax(dim=0)


def dispatch(layer, tokens, routing):
    """The chosen rows only."""
    output = torch.zeros_like(tokens)
    for index in range(layer.num_experts):
        token, place = torch.where(routing.top_k_index == index)
        output.index_add_(0, token, routing.top_k_weights[token, place, None] * layer.expert(index, tokens[token]))
    return output


def unweighted(layer, tokens, routing):
    """Forgets the weights."""
    routing.top_k_weights.fill_(1)
    return layer.plain_loop(tokens, routing)


RIGHT = [
    (experts.top_two, WEIGHTS),
    (experts.top_two, (0.731, 0.269)),
    (experts.half_at_work, 2),
    (experts.one_more_expert, 20 * ONE),
    (experts.dispatch, dispatch),
]
WRONG = [
    (experts.top_two, (0.7, 0.2, 0.1), "3 weights came"),
    (experts.top_two, (0.6439, 0.2369), "sum to 0.88"),
    (experts.top_two, (0.269, 0.731), "belongs to expert 0"),
    (experts.top_two, (0.5, 0.5), "e^(2 - 1)"),
    (experts.half_at_work, 1, "all experts at work"),
    (experts.half_at_work, 0.25, "times the number of experts"),
    (experts.half_at_work, 4, "mean probability of 1/4"),
    (experts.one_more_expert, ONE, "How many are sparse"),
    (experts.one_more_expert, 40 * ONE, "Not every layer"),
    (experts.one_more_expert, 20 * 64 * ONE, "not what is active"),
    (experts.one_more_expert, 20 * 5 * ONE, "all five"),
    (experts.one_more_expert, 20 * 2 * 4096 * 2816, "three matrices"),
    (experts.one_more_expert, 7, "One expert has 34,603,008"),
    (experts.dispatch, lambda layer, tokens, routing: None, "It gave None"),
    (experts.dispatch, lambda layer, tokens, routing: tokens[:1], "(1, 12), expected a tensor of shape (9, 12)"),
    (experts.dispatch, unweighted, "Are the weights in?"),
    (experts.dispatch, lambda layer, tokens, routing: layer.plain_loop(tokens, routing), "computed 45 rows; 18"),
]
