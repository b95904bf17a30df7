"""The checks of notebook 05 know the right answer from the typical wrong ones."""

import pytest
import torch

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


@pytest.mark.parametrize("name", ["top_two", "half_at_work", "one_more_expert", "dispatch"])
def test_without_an_answer_it_says_so(capsys, name):
    getattr(experts, name)(None)
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("top_two", WEIGHTS),
        ("top_two", (0.731, 0.269)),
        ("half_at_work", 2),
        ("one_more_expert", 20 * ONE),
        ("dispatch", dispatch),
    ],
)
def test_the_right_answer_is_right(capsys, name, answer):
    getattr(experts, name)(answer)
    assert "right ✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("top_two", (0.7, 0.2, 0.1), "3 weights came"),
        ("top_two", (0.6439, 0.2369), "sum to 0.88"),
        ("top_two", (0.269, 0.731), "belongs to expert 0"),
        ("top_two", (0.5, 0.5), "e^(2 - 1)"),
        ("half_at_work", 1, "all experts at work"),
        ("half_at_work", 0.25, "times the number of experts"),
        ("half_at_work", 4, "mean probability of 1/4"),
        ("one_more_expert", ONE, "How many are sparse"),
        ("one_more_expert", 40 * ONE, "Not every layer"),
        ("one_more_expert", 20 * 64 * ONE, "what is owned"),
        ("one_more_expert", 20 * 5 * ONE, "all five"),
        ("one_more_expert", 20 * 2 * 4096 * 2816, "three matrices"),
        ("one_more_expert", 7, "One expert has 34,603,008"),
        ("dispatch", lambda layer, tokens, routing: None, "It gave None"),
        ("dispatch", lambda layer, tokens, routing: tokens[:1], "(1, 12), expected a tensor of shape (9, 12)"),
        ("dispatch", unweighted, "Are the weights in?"),
        ("dispatch", lambda layer, tokens, routing: layer.plain_loop(tokens, routing), "computed 45 rows; 18"),
    ],
)
def test_a_mistake_is_named(capsys, name, answer, mistake):
    getattr(experts, name)(answer)
    out = capsys.readouterr().out
    assert mistake in out and "not yet" in out
