"""Sampling against the logits processors of transformers."""

import pytest
import torch
from parity.hf import noise
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from omni_ref.sampling import Sampling, keep_top_k, keep_top_p, penalise_repetition, sample

BATCH, VOCAB, TIME = 7, 31, 12


def logits_and_seen() -> tuple[Tensor, Tensor]:
    """Logits of both signs, and tokens of which some have been seen twice."""
    seen = torch.randint(VOCAB, (BATCH, TIME), generator=torch.Generator().manual_seed(1))
    seen[:, -1] = seen[:, 0]
    return 3 * noise(BATCH, VOCAB, dtype=torch.float32), seen


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3, 4.0])
def test_repetition_penalty_is_that_of_transformers(penalty):
    logits, seen = logits_and_seen()
    expected = RepetitionPenaltyLogitsProcessor(penalty)(seen, logits.clone())
    assert torch.equal(penalise_repetition(logits, seen, penalty), expected)


@pytest.mark.parametrize("top_k", [1, 2, 5, VOCAB - 1, VOCAB, VOCAB + 1])
def test_top_k_keeps_what_transformers_keeps(top_k):
    logits, seen = logits_and_seen()
    assert torch.equal(keep_top_k(logits, top_k), TopKLogitsWarper(top_k)(seen, logits))


@pytest.mark.parametrize("top_p", [1e-4, 0.1, 0.5, 0.9, 0.95, 0.999])
def test_top_p_keeps_what_transformers_keeps(top_p):
    logits, seen = logits_and_seen()
    assert torch.equal(keep_top_p(logits, top_p), TopPLogitsWarper(top_p)(seen, logits))


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=1.0),
        Sampling(temperature=0.4),
        Sampling(temperature=2.5, top_k=5),
        Sampling(temperature=0.7, top_p=0.8),
        Sampling(temperature=1.5, top_k=9, top_p=0.6, repetition_penalty=1.8),
    ],
    ids=str,
)
def test_tokens_are_drawn_as_often_as_transformers_finds_them_probable(sampling):
    """Penalty, temperature, top-k, top-p, in the order of transformers; 30,000 draws of each row."""
    logits, seen = logits_and_seen()
    processors = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.repetition_penalty != 1:
        processors.insert(0, RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.top_k:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    probable = processors(seen, logits.clone()).softmax(dim=-1)

    draws = 30_000
    rows = logits.repeat_interleave(draws, dim=0)
    tokens = sample(rows, sampling, torch.Generator().manual_seed(2), seen.repeat_interleave(draws, dim=0))
    drawn = torch.stack([row.bincount(minlength=VOCAB) for row in tokens.view(BATCH, draws)]) / draws
    assert (drawn[probable == 0] == 0).all()
    five_sigma = 5 * (probable * (1 - probable) / draws).sqrt() + 1e-4
    assert ((drawn - probable).abs() <= five_sigma).all()


def test_temperature_zero_takes_the_most_probable_token_after_the_penalty():
    logits, seen = logits_and_seen()
    seen[:, 0] = logits.argmax(dim=-1)
    expected = RepetitionPenaltyLogitsProcessor(6.0)(seen, logits.clone()).argmax(dim=-1)
    assert not torch.equal(expected, logits.argmax(dim=-1))
    chosen = sample(logits, Sampling(repetition_penalty=6.0), torch.Generator(), seen)
    assert torch.equal(chosen, expected)
