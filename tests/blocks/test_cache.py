"""The key-value cache against plain concatenation."""

from dataclasses import replace

import pytest
import torch
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.cache import KVCache
from omni_ref.config import OmniConfig
from omni_ref.talker import Talker

LAYERS = 3


def random_piece(time, batch=2):
    return torch.randn(LAYERS, 2, batch, 5, time, 7)


def write(cache, piece):
    """Append a piece to every layer as a forward does; return what each layer then reads."""
    read = [cache.append(layer, *piece[layer]) for layer in range(LAYERS)]
    cache.advance(piece.shape[-2])
    return read


def assert_holds(read, pieces):
    whole = torch.cat(pieces, dim=-2)
    for layer, (keys, values) in enumerate(read):
        assert torch.equal(keys, whole[layer, 0])
        assert torch.equal(values, whole[layer, 1])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.just(1), st.integers(1, 90)), min_size=1, max_size=12))
def test_what_is_read_is_all_that_was_written_in_its_order(times):
    cache, pieces = KVCache(), []
    for time in times:
        pieces.append(random_piece(time))
        assert_holds(write(cache, pieces[-1]), pieces)
    assert cache.length == sum(times)


def test_two_hundred_single_positions_outgrow_the_room_twice():
    cache, pieces = KVCache(), []
    for _ in range(200):
        pieces.append(random_piece(1))
        read = write(cache, pieces[-1])
    assert_holds(read, pieces)


def test_the_room_doubles_so_that_most_steps_copy_nothing():
    cache, rooms = KVCache(), set()
    for _ in range(200):
        write(cache, random_piece(1))
        rooms.add(cache.keys[0].data_ptr())
    assert len(rooms) <= 3


def test_a_forward_that_fails_half_way_leaves_the_past_as_it_was():
    cache, past, failed, new = KVCache(), random_piece(4), random_piece(70), random_piece(3)
    write(cache, past)
    cache.append(0, *failed[0])
    assert cache.length == 4
    assert_holds(write(cache, new), [past, new])


def test_a_first_forward_that_fails_half_way_leaves_a_cache_for_any_batch():
    cache, failed, new = KVCache(), random_piece(4), random_piece(3, batch=5)
    cache.append(0, *failed[0])
    cache.check_batch(5)
    assert_holds(write(cache, new), [new])


def test_reset_forgets_everything():
    cache, new = KVCache(), random_piece(3, batch=4)
    write(cache, random_piece(9))
    cache.carried = torch.ones(1)
    cache.reset()
    assert cache.length == 0 and cache.carried is None
    cache.check_batch(4)
    assert_holds(write(cache, new), [new])


def test_two_caches_share_nothing():
    one, other, first, second = KVCache(), KVCache(), random_piece(3), random_piece(5)
    write(one, first)
    write(other, second)
    new = random_piece(1)
    assert_holds(write(one, new), [first, new])
    assert_holds(write(other, new), [second, new])


def test_another_number_of_rows_is_refused():
    cache = KVCache()
    cache.check_batch(9)
    write(cache, random_piece(3))
    cache.check_batch(2)
    with pytest.raises(ValueError, match="holds 2 rows, the input has 4"):
        cache.check_batch(4)


def test_a_talkers_call_that_is_refused_leaves_its_cache_as_it_was():
    config = replace(OmniConfig.tiny().talker, max_position_embeddings=8)
    talker, cache = randomise(Talker(config).double()).requires_grad_(False), KVCache()
    tokens = torch.randint(config.talker_vocab_size, (2, 8))
    codes = torch.randint(config.codebook_size, (2, 8, config.num_codebooks))
    first = talker(tokens[:, :5], codes[:, :5], cache)
    with pytest.raises(ValueError, match="max_position_embeddings"):
        talker(tokens[:, :4], codes[:, :4], cache)
    in_two = torch.cat([first, talker(tokens[:, 5:], codes[:, 5:], cache)], dim=1)
    torch.testing.assert_close(in_two, talker(tokens, codes), atol=1e-10, rtol=0)
