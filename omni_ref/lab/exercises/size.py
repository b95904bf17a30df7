"""Exercises of notebook 10."""

from dataclasses import replace
from math import ceil

from ...config import OmniConfig
from ..ledger import kv_cache_bytes, thinker_rows, total
from . import Mistake, exercise


@exercise("10.1")
def expert_of_the_talker(answer: int) -> Mistake:
    """Three matrices of hidden × moe_intermediate."""
    talker = OmniConfig.full().talker
    matrix = talker.hidden_size * talker.moe_intermediate_size
    if answer == 2 * matrix:
        return "A gated layer has three matrices: gate, up and down."
    if answer == 3 * matrix * talker.num_experts:
        return "That is one layer's experts, all of them together."
    return None if answer == 3 * matrix else f"{answer:,} are {answer / matrix:g} matrices of {matrix:,}."


@exercise("10.2")
def multi_query_cache(answer: int | float) -> Mistake:
    """One key/value head instead of eight, a token, in KiB."""
    thinker = replace(OmniConfig.full().thinker, num_key_value_heads=1)
    expected = kv_cache_bytes(thinker) / 1024
    if answer == expected / 2:
        return "A cache keeps keys and values."
    if answer == expected * 1024:
        return "That is in bytes."
    return None if answer == expected else f"{answer:g} KiB is {answer / 160:g} of the 160 KiB that eight heads take."


@exercise("10.3")
def finer_experts(answer: tuple[int, int]) -> Mistake:
    """Experts of half the width: twice as many, of which a token uses twice as many."""
    thinker, (experts, top_k) = OmniConfig.full().thinker, answer
    if not 1 <= top_k <= experts:
        return f"A token cannot use {top_k} of {experts} experts."
    finer = replace(thinker, num_experts=experts, num_experts_per_tok=top_k, moe_intermediate_size=1408)
    wanted, came = total(thinker_rows(thinker, 1)), total(thinker_rows(finer, 1))
    for name in ("parameters", "active"):
        share = getattr(came, name) / getattr(wanted, name)
        if abs(share - 1) > 0.01:
            return f"{answer} gives {share:.2f} times the {name} of before."
    return None


@exercise("10.4")
def requests_that_outgrow_the_weights(answer: int) -> Mistake:
    """The first whole number of full caches that is more than the Thinker's weights, in bfloat16."""
    thinker = OmniConfig.full().thinker
    weights = 2 * total(thinker_rows(thinker, 1)).parameters
    cache = kv_cache_bytes(thinker, thinker.max_position_embeddings)
    if answer == ceil(weights / cache):
        return None
    sizes = f"{answer} caches are {answer * cache / 1e9:.1f} GB, the weights {weights / 1e9:.1f} GB."
    return f"{sizes} Are fewer enough?" if answer * cache > weights else sizes
