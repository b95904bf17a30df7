"""Exercises of notebook 06."""

from collections.abc import Callable
from functools import cache
from math import exp, log

import torch

from ...config import OmniConfig
from ...omni import Omni
from ...tokenizer import Tokenizer
from ..ledger import kv_cache_bytes
from ..probe import Probe
from . import Mistake, exercise, returned

STEPS = 12


@cache
def shipped() -> Omni:
    """The trained model, loaded once."""
    return Omni.from_pretrained()


@exercise("6.1")
def positions(answer: int) -> Mistake:
    """Bytes and special tokens of a typed question's prompt."""
    before, after = Tokenizer.byte_level().prompt("answer", "what is two plus two", has_audio=False)
    expected = len(before) + len(after)
    if answer == expected - 3:
        return "Those are the bytes. Three special tokens are around them."
    if answer == expected - 2:
        return "The task and the question are joined by two more bytes, a colon and a space."
    return None if answer == expected else f"It reads {'fewer' if answer > expected else 'more'} than {answer}."


@exercise("6.2")
def temperature(answer: float | int) -> Mistake:
    """exp(1 / temperature) is 2."""
    if answer <= 0:
        return "A temperature above 0 is meant."
    ratio = exp(min(1 / answer, 700))
    return None if abs(answer - 1 / log(2)) < 5e-3 else f"At {answer:g} it is {ratio:.4g} times as probable."


@exercise("6.3")
def cache_bytes(answer: int) -> Mistake:
    """Keys and values of 1,000 positions at full size, in bfloat16."""
    config = OmniConfig.full().thinker
    expected = kv_cache_bytes(config, 1000)
    group = config.num_attention_heads // config.num_key_value_heads
    hints = {
        expected / 2: "Keys and values are kept; or a number was taken for one byte.",
        expected * 2: "A bfloat16 number takes two bytes.",
        expected * group: f"Only the key/value heads are kept: {config.num_key_value_heads} a layer.",
        expected / config.num_hidden_layers: "Every layer keeps its own.",
        expected / 1.024: "1 KiB is 1,024 bytes.",
    }
    if answer in hints:
        return hints[answer]
    return None if answer == expected else f"That is {answer / 1000:g} bytes a position."


@exercise("6.4")
@torch.no_grad()
def greedy(answer: Callable) -> Mistake:
    """The likeliest byte, twelve times, each position computed once."""
    omni = shipped()
    before, after = omni.tokenizer.prompt("answer", "what is two plus three", has_audio=False)
    prompt = omni.thinker.embed_text(torch.tensor([before + after], device=omni.device))
    grown, expected = prompt, []
    for _ in range(STEPS):
        best = omni.thinker(inputs_embeds=grown).text_logits[0, -1].argmax()
        expected.append(int(best))
        grown = torch.cat([grown, omni.thinker.embed_text(best[None, None])], dim=1)
    with Probe(omni.thinker) as probe:
        ids = answer(omni.thinker, prompt, STEPS)
    ids = returned(ids.flatten() if isinstance(ids, torch.Tensor) else ids, list[int])
    if len(ids) != STEPS:
        return f"{len(ids)} ids came, expected {STEPS}."
    if ids != expected:
        wrong = next(i for i in range(STEPS) if ids[i] != expected[i])
        return f"The first {wrong} ids are right, then {ids[wrong]} came, expected {expected[wrong]}."
    computed = sum(call.outputs[0][1] for call in probe.calls.get("norm", []))
    most = prompt.shape[1] + STEPS
    return None if computed <= most else f"Right, but {computed} positions were computed, and {most} are enough."
