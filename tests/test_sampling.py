"""Sampling: the most probable token, the right frequencies, the right supports, the right sign."""

import math

import pytest
import torch

from omni_ref.sampling import Sampling, keep_top_k, keep_top_p, penalise_repetition, sample

DRAWS = 20_000
PROBABILITIES = torch.tensor([0.05, 0.5, 0.15, 0.0, 0.3])
LOGITS = PROBABILITIES.log() + 3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def frequencies(logits, **options):
    drawn = sample(logits.expand(DRAWS, -1), Sampling(**options), seeded())
    return torch.bincount(drawn, minlength=len(logits)) / DRAWS


def assert_frequencies(found, expected):
    spread = (expected * (1 - expected) / DRAWS).sqrt()
    assert ((found - expected).abs() <= 4.5 * spread).all()


def support(logits):
    return [row.isfinite().nonzero().flatten().tolist() for row in logits]


def test_temperature_zero_takes_the_most_probable_and_draws_nothing():
    logits, generator = torch.randn(7, 3, 11), seeded()
    untouched = generator.get_state()
    assert torch.equal(sample(logits, Sampling(), generator), logits.argmax(dim=-1))
    assert torch.equal(sample(logits, Sampling(top_k=2, top_p=0.5), generator), logits.argmax(dim=-1))
    assert torch.equal(generator.get_state(), untouched)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_follow_the_softmax_at_the_temperature(temperature):
    powers = PROBABILITIES ** (1 / temperature)
    assert_frequencies(frequencies(LOGITS, temperature=temperature), powers / powers.sum())


def test_a_small_temperature_is_nearly_the_most_probable_token():
    assert frequencies(LOGITS, temperature=0.01)[1] == 1


def test_a_token_of_no_probability_is_never_drawn_wherever_it_stands():
    logits = torch.tensor([-math.inf, 0.0, -math.inf, -math.inf, 1.0, -math.inf])
    assert (frequencies(logits, temperature=1.0) > 0).tolist() == [False, True, False, False, True, False]


@pytest.mark.parametrize("top_k, kept", [(1, [1]), (2, [1, 4]), (3, [1, 2, 4]), (5, [0, 1, 2, 4]), (9, [0, 1, 2, 4])])
def test_top_k_keeps_the_k_most_probable_in_their_proportions(top_k, kept):
    assert support(keep_top_k(LOGITS[None], top_k)) == [kept]
    within = torch.zeros(5).index_copy(0, torch.tensor(kept), PROBABILITIES[kept])
    assert_frequencies(frequencies(LOGITS, temperature=1.0, top_k=top_k), within / within.sum())


@pytest.mark.parametrize("top_p, kept", [(0.01, [1]), (0.49, [1]), (0.51, [1, 4]), (0.79, [1, 4]), (0.81, [1, 2, 4])])
def test_top_p_keeps_the_fewest_most_probable_that_hold_p_in_their_proportions(top_p, kept):
    assert support(keep_top_p(LOGITS[None], top_p)) == [kept]
    within = torch.zeros(5).index_copy(0, torch.tensor(kept), PROBABILITIES[kept])
    assert_frequencies(frequencies(LOGITS, temperature=1.0, top_p=top_p), within / within.sum())


def test_what_is_kept_keeps_its_logit_and_every_row_has_its_own_order():
    logits = torch.stack([LOGITS.roll(shift) for shift in range(5)])
    for kept in (keep_top_k(logits, 2), keep_top_p(logits, 0.6)):
        assert support(kept) == [sorted([(1 + shift) % 5, (4 + shift) % 5]) for shift in range(5)]
        assert torch.equal(kept[kept.isfinite()], logits[kept.isfinite()])


def test_tokens_equal_to_the_k_th_stay():
    assert support(keep_top_k(torch.tensor([[1.0, 3.0, 1.0, 0.0]]), 2)) == [[0, 1, 2]]


def test_top_p_counts_after_temperature_and_top_k():
    flat = frequencies(LOGITS, temperature=4.0, top_p=0.6)
    assert (flat > 0).tolist() == [False, True, True, False, True]
    first_two = frequencies(LOGITS, temperature=1.0, top_k=2, top_p=0.62)
    assert (first_two > 0).tolist() == [False, True, False, False, False]


def test_repetition_makes_seen_tokens_less_probable_whatever_their_sign():
    logits = torch.tensor([[2.0, -2.0, 2.0, -2.0, 0.0], [1.0, -1.0, 4.0, -4.0, 0.0]])
    seen = torch.tensor([[0, 1, 1, 0], [3, 2, 4, 3]])
    expected = torch.tensor([[1.0, -4.0, 2.0, -2.0, 0.0], [1.0, -1.0, 2.0, -8.0, 0.0]])
    assert torch.equal(penalise_repetition(logits, seen, 2.0), expected)
    assert torch.equal(penalise_repetition(logits, seen[:, :0], 2.0), logits)


def test_the_penalty_decides_the_token_when_tokens_were_seen():
    logits, sampling = torch.tensor([[3.0, 2.0, -1.0]]), Sampling(repetition_penalty=2.0)
    assert sample(logits, sampling, seeded()).tolist() == [0]
    assert sample(logits, sampling, seeded(), torch.tensor([[0]])).tolist() == [1]
    assert sample(logits, sampling, seeded(), torch.tensor([[2]])).tolist() == [0]
    assert sample(-logits, sampling, seeded(), torch.tensor([[2]])).tolist() == [2]


def test_the_same_seed_draws_the_same_and_another_seed_does_not():
    logits, warm = torch.randn(40, 11), Sampling(temperature=1.0)
    assert torch.equal(sample(logits, warm, seeded(3)), sample(logits, warm, seeded(3)))
    assert not torch.equal(sample(logits, warm, seeded(3)), sample(logits, warm, seeded(4)))


def test_every_row_draws_for_itself():
    generator, warm = seeded(), Sampling(temperature=1.0)
    first = sample(torch.zeros(7, 30, 50), warm, generator)
    assert first.shape == (7, 30)
    assert first.unique(dim=0).shape[0] == 7 and first.unique(dim=1).shape[1] == 30
    assert not torch.equal(sample(torch.zeros(7, 30, 50), warm, generator), first)


def test_half_precision_logits_are_drawn_in_float32():
    logits = torch.randn(40, 11).bfloat16()
    warm = Sampling(temperature=0.7, top_k=5, top_p=0.9)
    assert torch.equal(sample(logits, warm, seeded()), sample(logits.float(), warm, seeded()))


@pytest.mark.parametrize(
    "option, value",
    [
        *[("temperature", value) for value in (-0.1, 1e-4, math.nan)],
        ("top_k", -1),
        *[("top_p", value) for value in (0.0, -0.5, 1.1, math.nan)],
        *[("repetition_penalty", value) for value in (0.0, -1.0, math.nan)],
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(option, value):
    with pytest.raises(ValueError, match=f"Sampling: {option} = {value}, expected"):
        Sampling(**{option: value})


def test_every_codebook_of_a_batch_is_drawn_from_its_own_logits():
    logits = torch.full((2, 3, 5), -30.0)
    wanted = torch.tensor([[4, 0, 2], [1, 3, 0]])
    logits.scatter_(-1, wanted[..., None], 30.0)
    drawn = sample(logits, Sampling(temperature=1.0), torch.Generator().manual_seed(0))
    assert torch.equal(drawn, wanted)
