"""Grouped-query attention: masks written out, heads one by one, the fused kernel against the full map."""

from dataclasses import replace

import pytest
import torch
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.attention import Attention, ScaledDotProduct, attention_mask_for, attention_weights
from omni_ref.blocks.cache import KVCache
from omni_ref.blocks.rotary import apply_rotary, rotary_table
from omni_ref.config import OmniConfig

drawn = settings(max_examples=15, deadline=None, derandomize=True)
TINY = OmniConfig.tiny()
CPU = torch.device("cpu")
BATCH, HEADS, KV_HEADS, HEAD_DIM, TIME, PAST = 2, 12, 3, 10, 5, 4
TOTAL = PAST + TIME


def random_heads():
    query = torch.randn(BATCH, HEADS, TIME, HEAD_DIM, dtype=torch.float64)
    key, value = torch.randn(2, BATCH, KV_HEADS, TOTAL, HEAD_DIM, dtype=torch.float64)
    return query, key, value


def is_real_with_left_padding(*padding):
    return torch.arange(TOTAL) >= torch.tensor(padding)[:, None]


@drawn
@given(st.integers(1, 6), st.integers(0, 6), st.booleans(), st.booleans())
def test_the_mask_is_what_the_rule_says_position_by_position(time, past, causal, padded):
    is_real = torch.rand(BATCH, past + time) < 0.6 if padded else None
    mask = attention_mask_for(time, past, CPU, is_real, causal)
    if mask is None:
        mask = torch.ones(1, 1, time, past + time, dtype=torch.bool)
    for row in range(BATCH):
        for query in range(time):
            for key in range(past + time):
                own = key == past + query
                real = is_real is None or bool(is_real[row, key])
                reads = own or (real and (not causal or key < past + query))
                assert mask.expand(BATCH, -1, -1, -1)[row, 0, query, key] == reads


def test_no_mask_is_made_where_nothing_is_masked():
    assert attention_mask_for(1, PAST, CPU) is None
    assert attention_mask_for(TIME, PAST, CPU, causal=False) is None
    assert attention_mask_for(TIME, 0, CPU) is not None


def test_the_map_is_the_softmax_of_scaled_products_head_by_head():
    query, key, _ = random_heads()
    mask = attention_mask_for(TIME, PAST, CPU, is_real_with_left_padding(0, 3))
    weights = attention_weights(query, key, mask)
    for row in range(BATCH):
        for head in range(HEADS):
            scores = query[row, head] @ key[row, head // (HEADS // KV_HEADS)].T / HEAD_DIM**0.5
            exponentials = scores.exp() * mask[row, 0]
            by_hand = exponentials / exponentials.sum(dim=-1, keepdim=True)
            torch.testing.assert_close(weights[row, head], by_hand, atol=1e-12, rtol=0)


def test_the_fused_kernel_is_the_map_times_the_values():
    query, key, value = random_heads()
    shared = value.repeat_interleave(HEADS // KV_HEADS, dim=1)
    for mask in (None, attention_mask_for(TIME, PAST, CPU, is_real_with_left_padding(0, 3))):
        fused = ScaledDotProduct()(query, key, value, mask)
        torch.testing.assert_close(fused, attention_weights(query, key, mask) @ shared, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kv_head", range(KV_HEADS))
def test_query_head_h_reads_key_value_head_h_over_group(kv_head):
    query, key, value = random_heads()
    before_map, before = attention_weights(query, key, None), ScaledDotProduct()(query, key, value, None)
    key[:, kv_head] += torch.randn(BATCH, TOTAL, HEAD_DIM)
    value[:, kv_head] += 1
    changed_map = (attention_weights(query, key, None) - before_map).abs().amax(dim=(0, 2, 3)) > 1e-3
    changed = (ScaledDotProduct()(query, key, value, None) - before).abs().amax(dim=(0, 2, 3)) > 1e-3
    readers = [head // (HEADS // KV_HEADS) == kv_head for head in range(HEADS)]
    assert changed_map.tolist() == changed.tolist() == readers


def test_padding_is_not_read_by_any_real_query():
    query, key, value = random_heads()
    mask = attention_mask_for(TIME, PAST, CPU, is_real_with_left_padding(0, 6))
    before = ScaledDotProduct()(query, key, value, mask)
    key[1, :, :6] = value[1, :, :6] = 1e6
    after = ScaledDotProduct()(query, key, value, mask)
    assert torch.equal(after[0], before[0]) and torch.equal(after[1, :, 2:], before[1, :, 2:])


def test_a_query_with_nothing_but_padding_gives_numbers():
    query, key, value = random_heads()
    mask = attention_mask_for(TIME, PAST, CPU, torch.zeros(BATCH, TOTAL, dtype=torch.bool))
    assert attention_weights(query, key, mask).isfinite().all()
    own = value[:, :, PAST:].repeat_interleave(HEADS // KV_HEADS, dim=1)
    torch.testing.assert_close(ScaledDotProduct()(query, key, value, mask), own, atol=1e-12, rtol=0)


def table_for(config, start, stop):
    return rotary_table(torch.arange(start, stop)[None], config.head_dim, 1e4, torch.float64)


def by_hand(attention, config, hidden, mask):
    """The whole layer, one head at a time; the norms and the rotation have tests of their own."""
    table, group = table_for(config, 0, hidden.shape[1]), config.num_attention_heads // config.num_key_value_heads
    heads = []
    for head in range(config.num_attention_heads):
        rows = slice(head * config.head_dim, (head + 1) * config.head_dim)
        shared = slice(head // group * config.head_dim, (head // group + 1) * config.head_dim)
        query = attention.q_norm(hidden @ attention.q_proj.weight[rows].T)
        key = attention.k_norm(hidden @ attention.k_proj.weight[shared].T)
        query, key = (apply_rotary(part[:, None], table)[:, 0] for part in (query, key))
        scores = (query @ key.transpose(1, 2) / config.head_dim**0.5).masked_fill(~mask[:, 0], -torch.inf)
        heads.append(scores.softmax(dim=-1) @ (hidden @ attention.v_proj.weight[shared].T))
    return torch.cat(heads, dim=-1) @ attention.o_proj.weight.T


@pytest.mark.parametrize("config, qk_norm", [(TINY.thinker, True), (TINY.talker, True), (TINY.aut_encoder, False)])
def test_the_layer_is_what_it_is_head_by_head(config, qk_norm):
    attention = randomise(Attention(config, qk_norm).double())
    hidden = torch.randn(BATCH, TOTAL, config.hidden_size, dtype=torch.float64)
    mask = attention_mask_for(TOTAL, 0, CPU, is_real_with_left_padding(0, 3))
    output = attention(hidden, table_for(config, 0, TOTAL), mask)
    torch.testing.assert_close(output, by_hand(attention, config, hidden, mask), atol=1e-10, rtol=0)
    assert output.std() > 0.1


def test_query_and_key_norms_use_the_eps_of_the_configuration():
    attention = Attention(replace(TINY.thinker, rms_norm_eps=0.125), qk_norm=True)
    assert attention.q_norm.eps == attention.k_norm.eps == 0.125


@drawn
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_with_a_cache_the_pieces_give_the_whole(times):
    config, total = TINY.talker, sum(times)
    attention = randomise(Attention(config, qk_norm=True).double())
    hidden = torch.randn(BATCH, total, config.hidden_size, dtype=torch.float64)
    whole = attention(hidden, table_for(config, 0, total), attention_mask_for(total, 0, CPU))
    cache, pieces = KVCache(), []
    for piece in hidden.split(times, dim=1):
        time, past = piece.shape[1], cache.length
        mask = attention_mask_for(time, past, CPU)
        pieces.append(attention(piece, table_for(config, past, past + time), mask, cache))
        cache.advance(time)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-12, rtol=0)
