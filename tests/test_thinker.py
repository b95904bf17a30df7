"""The Thinker: cached is uncached, a batch is its rows, audio enters by one door."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.cache import KVCache
from omni_ref.blocks.decoder import lay_out_for_decoding
from omni_ref.blocks.mlp import MLP
from omni_ref.blocks.moe import SparseMoE
from omni_ref.blocks.rotary import rotary_table
from omni_ref.config import OmniConfig
from omni_ref.thinker import Thinker

drawn = settings(max_examples=8, deadline=None, derandomize=True)
CONFIG = OmniConfig.tiny().thinker
THINKER = randomise(Thinker(CONFIG).double()).requires_grad_(False)
BATCH, TIME = 3, 9


def random_ids(batch=BATCH, time=TIME):
    return torch.randint(0, CONFIG.vocab_size, (batch, time))


def assert_same(one, other):
    torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def assert_same_output(one, other):
    for name in ("text_logits", "talker_logits", "hidden_states"):
        assert_same(getattr(one, name), getattr(other, name))


def in_pieces(thinker, ids, times, cache):
    outputs = [thinker(input_ids=piece, cache=cache) for piece in ids.split(times, dim=1)]
    return torch.cat([output.text_logits for output in outputs], dim=1)


def test_both_heads_read_the_same_hidden_states():
    output = THINKER(input_ids=random_ids())
    assert_same(output.text_logits, output.hidden_states @ THINKER.lm_head.weight.T)
    assert_same(output.talker_logits, output.hidden_states @ THINKER.talker_head.weight.T)
    assert output.text_logits.shape[2:] == (CONFIG.vocab_size,)
    assert output.talker_logits.shape[2:] == (CONFIG.talker_vocab_size,)


def test_a_layer_is_two_residual_steps_from_normalised_input_and_the_stack_ends_in_a_norm():
    hidden = torch.randn(BATCH, TIME, CONFIG.hidden_size, dtype=torch.float64)
    output = THINKER(inputs_embeds=hidden).hidden_states
    table = rotary_table(torch.arange(TIME)[None], CONFIG.head_dim, CONFIG.rope_theta, torch.float64)
    mask = torch.ones(TIME, TIME, dtype=torch.bool).tril()[None, None]
    for layer in THINKER.layers:
        hidden = hidden + layer.self_attn(layer.input_layernorm(hidden), table, mask)
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    assert_same(output, THINKER.norm(hidden))


def test_the_dense_layer_is_a_gated_one():
    layer, hidden = THINKER.layers[0].mlp, torch.randn(BATCH, CONFIG.hidden_size, dtype=torch.float64)
    gate = hidden @ layer.gate_proj.weight.T
    opened = gate * torch.sigmoid(gate) * (hidden @ layer.up_proj.weight.T)
    assert_same(layer(hidden), opened @ layer.down_proj.weight.T)


@pytest.mark.parametrize("step, kinds", [(1, "SSSSS"), (2, "DSDSD"), (3, "DDSDD"), (9, "DDDDD")])
def test_every_decoder_sparse_step_th_layer_is_sparse(step, kinds):
    thinker = Thinker(replace(CONFIG, decoder_sparse_step=step, num_hidden_layers=5))
    assert [type(layer.mlp) for layer in thinker.layers] == [{"D": MLP, "S": SparseMoE}[kind] for kind in kinds]


def test_no_position_sees_a_later_one_and_each_sees_itself_and_all_before():
    ids = random_ids(1)
    before = THINKER(input_ids=ids).text_logits
    for position in range(TIME):
        changed = ids.clone()
        changed[0, position] = (ids[0, position] + 1) % CONFIG.vocab_size
        moved = (THINKER(input_ids=changed).text_logits - before).abs().amax(dim=(0, 2))
        assert (moved[:position] < 1e-10).all() and (moved[position:] > 1e-6).all()


def test_the_positions_count_from_anywhere():
    ids = random_ids()
    shifted = THINKER(input_ids=ids, position_ids=torch.arange(7, 7 + TIME)[None])
    torch.testing.assert_close(shifted.text_logits, THINKER(input_ids=ids).text_logits, atol=1e-3, rtol=0)
    spread = THINKER(input_ids=ids, position_ids=2 * torch.arange(TIME)[None])
    assert (spread.text_logits - shifted.text_logits).abs().max() > 0.1


@drawn
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_cached_is_uncached_for_any_pieces(times):
    ids = random_ids(time=sum(times))
    cache = KVCache()
    assert_same(in_pieces(THINKER, ids, times, cache), THINKER(input_ids=ids).text_logits)
    assert cache.length == sum(times)


def left_padded(rows):
    """Rows of ids of several lengths as one batch, padded with ids that mean something, and its mask."""
    longest = max(map(len, rows))
    ids = torch.stack([torch.cat([random_ids(1, longest - len(row))[0], row]) for row in rows])
    mask = torch.stack([F.pad(torch.ones(len(row), dtype=torch.long), (longest - len(row), 0)) for row in rows])
    return ids, mask


@drawn
@given(st.lists(st.integers(1, 8), min_size=2, max_size=4))
def test_a_left_padded_batch_is_its_rows_one_by_one(lengths):
    rows = [random_ids(1, length)[0] for length in lengths]
    ids, mask = left_padded(rows)
    together = THINKER(input_ids=ids, attention_mask=mask).text_logits
    for row, logits in zip(rows, together, strict=True):
        assert_same(logits[-len(row) :], THINKER(input_ids=row[None]).text_logits[0])
    assert together.isfinite().all()


@drawn
@given(st.lists(st.integers(1, 8), min_size=2, max_size=4), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_a_left_padded_batch_goes_on_from_its_cache_as_its_rows_do(lengths, times):
    rows, more = [random_ids(1, length)[0] for length in lengths], random_ids(len(lengths), sum(times))
    ids, mask = left_padded(rows)
    cache, pieces = KVCache(), []
    THINKER(input_ids=ids, attention_mask=mask, cache=cache)
    for piece in more.split(times, dim=1):
        mask = torch.cat([mask, torch.ones_like(piece)], dim=1)
        pieces.append(THINKER(input_ids=piece, attention_mask=mask.bool(), cache=cache).text_logits)
    for row, new, logits in zip(rows, more, torch.cat(pieces, dim=1), strict=True):
        alone = THINKER(input_ids=torch.cat([row, new])[None]).text_logits[0, len(row) :]
        assert_same(logits, alone)


def test_after_reset_a_cache_is_as_new():
    cache, ids = KVCache(), random_ids()
    THINKER(input_ids=random_ids(BATCH + 1), cache=cache)
    cache.reset()
    assert_same_output(THINKER(input_ids=ids, cache=cache), THINKER(input_ids=ids))


def test_embeddings_are_taken_for_their_ids():
    ids = random_ids()
    embeds = THINKER.embed_tokens.weight[ids]
    assert torch.equal(THINKER.embed_text(ids), embeds)
    assert_same_output(THINKER(inputs_embeds=embeds), THINKER(input_ids=ids))


def test_ids_or_embeddings_one_of_the_two():
    ids = random_ids()
    with pytest.raises(ValueError, match="0 of input_ids and inputs_embeds"):
        THINKER()
    with pytest.raises(ValueError, match="2 of input_ids and inputs_embeds"):
        THINKER(input_ids=ids, inputs_embeds=THINKER.embed_text(ids))


def test_audio_enters_by_its_projection_alone():
    thinker = randomise(Thinker(CONFIG).double())
    audio = torch.randn(BATCH, TIME, CONFIG.audio_hidden_size, dtype=torch.float64)
    entered = thinker.embed_audio(audio)
    assert_same(entered, audio @ thinker.audio_proj.weight.T)
    thinker(inputs_embeds=entered).text_logits.sum().backward()
    assert thinker.embed_tokens.weight.grad is None
    assert thinker.audio_proj.weight.grad.abs().min() > 0


def test_text_does_not_pass_through_the_projection_of_audio():
    thinker = randomise(Thinker(CONFIG).double())
    thinker(input_ids=random_ids()).text_logits.sum().backward()
    assert thinker.audio_proj.weight.grad is None


def test_tied_embeddings_are_the_output_weights():
    tied = randomise(Thinker(replace(CONFIG, tie_word_embeddings=True)).double())
    output = tied(input_ids=random_ids())
    assert_same(output.text_logits, output.hidden_states @ tied.embed_tokens.weight.T)
    assert "lm_head.weight" not in tied.state_dict()
    assert "lm_head.weight" in THINKER.state_dict()


def test_weights_begin_with_the_configured_spread_and_norms_with_one():
    for name, parameter in Thinker(replace(CONFIG, initializer_range=0.05)).named_parameters():
        if "norm" in name:
            assert torch.equal(parameter, torch.ones_like(parameter))
        else:
            assert 0.04 < parameter.detach().std() < 0.06 and parameter.detach().mean().abs() < 0.01


def test_laid_out_for_decoding_it_has_the_same_weights_and_gives_the_same_at_any_length():
    laid_out = copy.deepcopy(THINKER)
    lay_out_for_decoding(laid_out)
    ids = random_ids()
    assert_same_output(laid_out(ids), THINKER(ids))
    assert_same(in_pieces(laid_out, ids, [5, 1, 1, 2], KVCache()), THINKER(ids).text_logits)
    assert {name: value.tolist() for name, value in laid_out.state_dict().items()} == {
        name: value.tolist() for name, value in THINKER.state_dict().items()
    }
    moved = [name for name, value in laid_out.state_dict().items() if not value.is_contiguous()]
    assert {"lm_head.weight", "layers.0.mlp.up_proj.weight", "layers.1.mlp.experts.gate_up_proj"} <= set(moved)
    assert "layers.0.mlp.down_proj.weight" not in moved


def test_no_row_of_a_padded_batch_may_have_more_positions_than_there_are():
    thinker = Thinker(replace(CONFIG, max_position_embeddings=TIME))
    ids, mask = random_ids(2, TIME + 1), torch.ones(2, TIME + 1, dtype=torch.long)
    mask[0, :3] = 0
    with pytest.raises(ValueError, match=f"{TIME + 1} new positions"):
        thinker(input_ids=ids, attention_mask=mask)
    mask[1, 0] = 0
    assert thinker(input_ids=ids, attention_mask=mask).text_logits.isfinite().all()


def test_more_positions_than_there_are_is_refused_cached_or_not():
    thinker = Thinker(replace(CONFIG, max_position_embeddings=TIME))
    cache = KVCache()
    thinker(input_ids=random_ids(), cache=cache)
    with pytest.raises(ValueError, match=f"0 past \\+ {TIME + 1} new positions, but max_position_embeddings = {TIME}"):
        thinker(input_ids=random_ids(time=TIME + 1))
    with pytest.raises(ValueError, match=f"{TIME} past \\+ 1 new positions, but max_position_embeddings = {TIME}"):
        thinker(input_ids=random_ids(time=1), cache=cache)
    assert cache.length == TIME


@pytest.mark.parametrize("bad", [CONFIG.vocab_size, -1])
def test_an_id_outside_the_vocabulary_is_refused(bad):
    with pytest.raises(ValueError, match=f"input_ids: ids from .* expected 0 to {CONFIG.vocab_size - 1}"):
        THINKER(input_ids=torch.tensor([[0, bad]]))


def test_inputs_that_do_not_fit_are_refused():
    ids, cache = random_ids(), KVCache()
    with pytest.raises(ValueError, match=f"width 5, expected hidden_size = {CONFIG.hidden_size}"):
        THINKER(inputs_embeds=torch.randn(1, 4, 5, dtype=torch.float64))
    with pytest.raises(ValueError, match=f"width 5, expected audio_hidden_size = {CONFIG.audio_hidden_size}"):
        THINKER.embed_audio(torch.randn(1, 4, 5, dtype=torch.float64))
    with pytest.raises(ValueError, match="no position"):
        THINKER(input_ids=ids[:, :0])
    with pytest.raises(ValueError, match=r"attention_mask has shape \(3, 8\), expected \(3, 9\)"):
        THINKER(input_ids=ids, attention_mask=torch.ones(BATCH, TIME - 1))
    THINKER(input_ids=ids, cache=cache)
    with pytest.raises(ValueError, match="holds 3 rows, the input has 2"):
        THINKER(input_ids=ids[:2], cache=cache)
