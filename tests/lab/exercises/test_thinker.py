"""Every answer gets what it deserves: a reader who is wrong learns why."""

from math import log

import torch
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

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
    (thinker.temperature, 1.44),
    (thinker.cache_bytes, 163_840_000),
    (thinker.greedy, greedy),
]
WRONG = [
    (thinker.greedy, lambda model, prompt, steps: torch.zeros(1, steps), "The first 0 ids are right"),
    (
        thinker.greedy,
        lambda model, prompt, steps: "two plus three",
        "It gave something of type str, expected a list of whole numbers",
    ),
    (thinker.positions, 28, "Those are the bytes"),
    (thinker.positions, 29, "a colon and a space"),
    (thinker.positions, 40, "fewer than 40"),
    (thinker.positions, 20, "more than 20"),
    (thinker.temperature, 0, "above 0"),
    (thinker.temperature, 1, "2.718 times as probable"),
    (thinker.temperature, 1.4, "2.043 times as probable"),
    (thinker.temperature, 1e-9, "times as probable"),
    (thinker.cache_bytes, 81_920_000, "Keys and values are kept"),
    (thinker.cache_bytes, 327_680_000, "takes two bytes"),
    (thinker.cache_bytes, 655_360_000, "Only the key/value heads are kept: 8"),
    (thinker.cache_bytes, 4_096_000, "Every layer keeps its own"),
    (thinker.cache_bytes, 160_000_000, "1 KiB is 1,024 bytes"),
    (thinker.cache_bytes, 5000, "5 bytes a position"),
    (thinker.greedy, wasteful, "positions were computed"),
    (thinker.greedy, forgetful, "The first 3 ids are right, then 63 came"),
    (thinker.greedy, lambda model, embeds, steps: [], "0 ids came, expected 12"),
]
