"""Every answer gets what it deserves: a reader who is wrong learns why."""

from math import log

import pytest
import torch

from omni_ref.blocks.cache import KVCache
from omni_ref.lab.exercises import thinker


def greedy(model, embeds, steps):
    cache, ids = KVCache(), []
    logits = model(inputs_embeds=embeds, cache=cache).text_logits[0, -1]
    for _ in range(steps):
        ids.append(int(logits.argmax()))
        one = torch.tensor([ids[-1:]], device=embeds.device)
        logits = model(input_ids=one, cache=cache).text_logits[0, -1]
    return ids


def wasteful(model, embeds, steps):
    ids = []
    for _ in range(steps):
        ids.append(int(model(inputs_embeds=embeds).text_logits[0, -1].argmax()))
        one = torch.tensor([ids[-1:]], device=embeds.device)
        embeds = torch.cat([embeds, model.embed_text(one)], dim=1)
    return ids


def forgetful(model, embeds, steps):
    ids = greedy(model, embeds, 3)
    return [*ids, *[ord("?")] * (steps - 3)]


RIGHT = [
    (thinker.positions, 31),
    (thinker.temperature, 1 / log(2)),
    (thinker.cache_bytes, 163_840_000),
    (thinker.greedy, greedy),
]
WRONG = [
    (thinker.positions, 28, "Those are the bytes"),
    (thinker.positions, 29, "a colon and a space"),
    (thinker.positions, 40, "fewer than 40"),
    (thinker.positions, 20, "more than 20"),
    (thinker.temperature, 0, "above 0"),
    (thinker.temperature, 1, "2.72 times as probable"),
    (thinker.temperature, 1e-9, "times as probable"),
    (thinker.cache_bytes, 81_920_000, "Keys and values are kept"),
    (thinker.cache_bytes, 327_680_000, "takes two bytes"),
    (thinker.cache_bytes, 655_360_000, "Only the key/value heads are kept: 8"),
    (thinker.cache_bytes, 4_096_000, "Every layer keeps its own"),
    (thinker.cache_bytes, 5000, "5 bytes a position"),
    (thinker.greedy, wasteful, "positions were computed"),
    (thinker.greedy, forgetful, "The first 3 ids are right, then 63 came"),
    (thinker.greedy, lambda model, embeds, steps: [], "0 ids came, expected 12"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right(check, answer, capsys):
    check(answer)
    assert "right ✓" in capsys.readouterr().out


@pytest.mark.parametrize(("check", "answer", "reason"), WRONG)
def test_wrong_and_why(check, answer, reason, capsys):
    check(answer)
    said = capsys.readouterr().out
    assert "not yet" in said and reason in said


@pytest.mark.parametrize(("check", "_"), RIGHT)
def test_open(check, _, capsys):
    check(None)
    assert "no answer yet" in capsys.readouterr().out
