"""The Talker: a grid of delayed codes, two tracks that must not shift, an end on which all codebooks agree."""

from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.cache import KVCache
from omni_ref.config import OmniConfig
from omni_ref.sampling import Sampling
from omni_ref.talker import Talker, delay_codes, undelay_codes

drawn = settings(max_examples=8, deadline=None, derandomize=True)
CONFIG = OmniConfig.tiny().talker
TALKER = randomise(Talker(CONFIG).double()).requires_grad_(False)
CODEBOOKS, BEGIN, END, PAD = CONFIG.num_codebooks, CONFIG.begin_id, CONFIG.end_id, CONFIG.talker_pad_id
BATCH, STEPS, INSTEAD = 2, 8, 17


def random_tokens(time=STEPS, batch=BATCH):
    return torch.randint(0, CONFIG.talker_vocab_size, (batch, time))


def random_codes(frames=STEPS, batch=BATCH):
    return torch.randint(0, CONFIG.codebook_size, (batch, frames, CODEBOOKS))


def assert_same(one, other):
    torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def steps_that_moved(before, after):
    return ((after - before).abs().amax(dim=(0, 2, 3)) > 1e-9).tolist()


def test_codes_are_delayed_as_in_the_grid_and_come_back_with_the_end():
    codes = torch.tensor([[[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]])
    grid = [[1, BEGIN, BEGIN], [4, 2, BEGIN], [7, 5, 3], [10, 8, 6], [END, 11, 9], [END, END, 12], [END, END, END]]
    assert torch.equal(delay_codes(codes, BEGIN, END), torch.tensor([grid]))
    assert torch.equal(undelay_codes(torch.tensor([grid]))[0], torch.cat([codes[0], torch.full((1, 3), END)]))


@drawn
@given(st.integers(1, 9), st.integers(1, 5))
def test_undelaying_takes_back_delaying(frames, codebooks):
    codes = torch.randint(0, END, (BATCH, frames, codebooks))
    assert torch.equal(undelay_codes(delay_codes(codes, BEGIN, END)), F.pad(codes, (0, 0, 0, 1), value=END))


def test_the_input_is_a_talker_token_and_the_codes_of_the_step_before_each_from_its_own_table():
    tokens, codes = random_tokens(), random_codes()
    hidden = TALKER.talker_embedding.weight[tokens]
    for k in range(CODEBOOKS):
        table = TALKER.codec_embedding.weight.view(CODEBOOKS, CONFIG.codebook_size + 2, -1)[k]
        before = torch.cat([torch.full((BATCH, 1), BEGIN), codes[:, :-1, k]], dim=1)
        hidden = hidden + table[before]
    heads = TALKER.codec_head.weight.view(CODEBOOKS, CONFIG.codebook_size + 1, -1)
    assert_same(TALKER(tokens, codes), torch.einsum("bsh,klh->bskl", TALKER.decode(hidden), heads))


@pytest.mark.parametrize("step", range(STEPS))
def test_a_talker_token_moves_its_own_step_and_all_later_ones_and_none_before(step):
    tokens, codes = random_tokens(), random_codes()
    changed = tokens.clone()
    changed[:, step] = (tokens[:, step] + 1) % CONFIG.talker_vocab_size
    moved = steps_that_moved(TALKER(tokens, codes), TALKER(changed, codes))
    assert moved == [later >= step for later in range(STEPS)]


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("codebook", range(CODEBOOKS))
def test_a_code_moves_all_later_steps_and_neither_its_own_nor_any_before(step, codebook):
    tokens, codes = random_tokens(), random_codes()
    changed = codes.clone()
    changed[:, step, codebook] = (codes[:, step, codebook] + 1) % CONFIG.codebook_size
    moved = steps_that_moved(TALKER(tokens, codes), TALKER(tokens, changed))
    assert moved == [later > step for later in range(STEPS)]


def test_talker_tokens_that_ran_out_are_the_pad_and_those_past_the_last_step_are_not_reached():
    tokens, codes = random_tokens(3), random_codes()
    padded = F.pad(tokens, (0, STEPS - 3), value=PAD)
    assert_same(TALKER(tokens, codes), TALKER(padded, codes))
    assert_same(TALKER(padded, codes[:, :2]), TALKER(tokens[:, :2], codes[:, :2]))


@drawn
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 15))
def test_pieces_with_a_cache_are_the_whole(times, message):
    tokens, codes = random_tokens(message), random_codes(sum(times))
    cache, pieces, start = KVCache(), [], 0
    for piece in codes.clone().split(times, dim=1):
        pieces.append(TALKER(tokens[:, start : start + piece.shape[1]], piece, cache))
        piece.zero_()  # the cache keeps what it needs, and not the caller's tensor
        start += piece.shape[1]
    assert_same(torch.cat(pieces, dim=1), TALKER(tokens, codes))


@torch.no_grad()
def that_ends_now_and_then(seed):
    """A random Talker that listens more to its message, and in which an end makes ends likely: speech of any length."""
    talker, toward_the_end = randomise(Talker(CONFIG).double(), seed), torch.randn(CONFIG.hidden_size)
    talker.talker_embedding.weight.mul_(6)
    talker.codec_head.weight.view(CODEBOOKS, END + 1, -1)[:, END] = 0.5 * toward_the_end
    talker.codec_embedding.weight.view(CODEBOOKS, END + 2, -1)[:, END] = toward_the_end
    return talker.requires_grad_(False)


def stacked(frames):
    return torch.stack(frames) if frames else torch.empty(0, CODEBOOKS, dtype=torch.long)


def greedy_by_hand(talker, tokens, max_frames):
    """One row, without cache or stream: run forward over all steps so far and take the most probable codes."""
    steps, instead, frames = torch.empty(1, 0, CODEBOOKS, dtype=torch.long), [], []
    while len(frames) < max_frames:
        now = steps.shape[1]
        logits = talker(tokens, F.pad(steps, (0, 0, 0, 1)))[0, now]
        chosen = torch.tensor([int(logits[k].argmax()) if k <= now else BEGIN for k in range(CODEBOOKS)])
        instead.append(logits[:, :END].argmax(dim=-1))
        steps = torch.cat([steps, chosen[None, None]], dim=1)
        first = now - CODEBOOKS + 1
        if first >= 0:
            if all(steps[0, first + k, k] == END for k in range(CODEBOOKS)):
                break
            frames.append(torch.stack([instead[first + k][k] for k in range(CODEBOOKS)]))
    return stacked(frames)


def by_stream(talker, tokens, max_frames, stream=None):
    """One row, pushed by hand."""
    stream, frames = stream or talker.stream(), []
    while stream.goes_on(max_frames):
        frame = stream.push(tokens[:, stream.steps] if stream.steps < tokens.shape[1] else torch.tensor([PAD]))
        if frame is not None and not stream.ended:
            frames.append(frame[0])
    return stacked(frames)


def test_generate_is_stream_is_a_greedy_loop_over_forward_and_a_batch_is_its_rows():
    lengths = set()
    for seed in range(3):
        talker, tokens = that_ends_now_and_then(seed), random_tokens(5, batch=8)
        speech = talker.generate(tokens, max_frames=9)
        assert speech.codec_tokens.shape == (8, int(speech.lengths.max()), CODEBOOKS)
        for row, codes, length in zip(tokens[:, None], speech.codec_tokens, speech.lengths.tolist(), strict=True):
            alone = greedy_by_hand(talker, row, 9)
            assert torch.equal(codes[:length], alone) and not codes[length:].any()
            lengths.add(length)
        assert torch.equal(by_stream(talker, row, 9), alone)
        assert torch.equal(talker.generate(row, max_frames=9).codec_tokens[0], alone)
    assert len(lengths) > 3


@torch.no_grad()
def that_says(script, config=CONFIG):
    """A Talker whose layers add nothing: at talker token s it says script[s], and INSTEAD is its second choice."""
    talker = Talker(config)
    for parameter in [*talker.layers.parameters(), talker.codec_embedding.weight, talker.codec_head.weight]:
        parameter.zero_()
    talker.talker_embedding.weight.copy_(torch.eye(CONFIG.talker_vocab_size + 1, CONFIG.hidden_size))
    heads = talker.codec_head.weight.view(CODEBOOKS, END + 1, CONFIG.hidden_size)
    for s, codes in enumerate(script):
        heads[:, INSTEAD, s] = 1
        for k, code in enumerate(codes):
            heads[k, code, s] = 2
    return talker


def said(script, message=None, **options):
    """What comes of a script (or of messages of its steps), row by row, without the frames past a row's end."""
    message = torch.arange(len(script))[None] if message is None else torch.tensor(message)
    speech = that_says(script).generate(message, **options)
    return [codes[:length].tolist() for codes, length in zip(speech.codec_tokens, speech.lengths, strict=True)]


@pytest.mark.parametrize("says_end", [*product([False, True], repeat=CODEBOOKS)])
def test_speech_ends_where_all_codebooks_say_so_and_those_that_say_so_alone_are_given_their_next_best_code(says_end):
    frames = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    script = delay_codes(torch.tensor([frames]), 0, END)[0].tolist()
    for k in range(CODEBOOKS):
        script[1 + k][k] = END if says_end[k] else frames[1][k]
    replaced = [INSTEAD if end else code for end, code in zip(says_end, frames[1], strict=True)]
    assert said(script) == [frames[:1] if all(says_end) else [frames[0], replaced, frames[2]]]


def test_an_end_in_the_same_step_is_not_an_end_of_the_same_frame():
    script = [[1, 0, 0], [4, 2, 0], [END, END, END], [10, 8, 6], [END, 11, 9], [END, END, 12], [END, END, END]]
    assert said(script) == [[[1, 2, INSTEAD], [4, INSTEAD, 6], [INSTEAD, 8, 9], [10, 11, 12]]]


def test_every_row_ends_for_itself_and_stays_ended():
    script = [[1, 2, 3], [4, 5, 6], [END, END, END], [7, 8, 9]]
    rows = [[0, 1, 0, 2, 2, 2, 3, 3, 3], [2, 2, 2, 3, 3, 3, 3, 3, 3], [0, 0, 0, 0, 0, 0, 2, 2, 2]]
    together = said(script, rows)
    assert [len(frames) for frames in together] == [3, 0, 6]
    assert together == [said(script, [row])[0] for row in rows]
    assert together[0] == [[1, 5, 3], [4, 2, INSTEAD], [1, INSTEAD, INSTEAD]]


@pytest.mark.parametrize("max_frames", [1, 2, 5])
def test_speech_without_an_end_has_max_frames(max_frames):
    assert said([[1, 2, 3]], [[0] * 9] * 2, max_frames=max_frames) == [[[1, 2, 3]] * max_frames] * 2
    with pytest.raises(ValueError, match="max_frames = 0, expected at least 1"):
        TALKER.generate(random_tokens(), max_frames=0)


def test_speech_stops_where_the_positions_do():
    talker = that_says([[1, 2, 3]], replace(CONFIG, max_position_embeddings=6))
    assert talker.generate(torch.zeros(BATCH, 1, dtype=torch.long)).lengths.tolist() == [6 - CODEBOOKS + 1] * BATCH
    with pytest.raises(ValueError, match="max_position_embeddings = 6"):
        talker(random_tokens(7), random_codes(7))


def test_after_reset_a_stream_is_as_new():
    tokens, stream = random_tokens(5, batch=1), TALKER.stream()
    by_stream(TALKER, random_tokens(7, batch=1), 4, stream)
    stream.reset()
    assert torch.equal(by_stream(TALKER, tokens, 9, stream), by_stream(TALKER, tokens, 9))


def test_two_streams_do_not_mix():
    messages = [random_tokens(STEPS, batch=1) for _ in range(2)]
    streams, pushed = [TALKER.stream() for _ in messages], [[], []]
    for step in range(STEPS):
        for stream, message, frames in zip(streams, messages, pushed, strict=True):
            frames.append(stream.push(message[:, step]))
    for message, frames in zip(messages, pushed, strict=True):
        assert frames[: CODEBOOKS - 1] == [None] * (CODEBOOKS - 1)
        assert torch.equal(torch.cat(frames[CODEBOOKS - 1 :]), by_stream(TALKER, message, STEPS - CODEBOOKS + 1))


def test_the_same_seed_speaks_the_same_and_another_seed_does_not():
    tokens, warm = random_tokens(), Sampling(temperature=1.5)

    def speak(seed):
        generator = seed and torch.Generator().manual_seed(seed)
        return TALKER.generate(tokens, max_frames=9, sampling=warm, generator=generator).codec_tokens

    assert torch.equal(speak(4), speak(4)) and torch.equal(speak(None), speak(None))
    assert not torch.equal(speak(4), speak(5))
    assert not torch.equal(speak(4), TALKER.generate(tokens, max_frames=9).codec_tokens)


def copy_task(batch, frames=6):
    """Message, grid, and what of it can be known: codebook 0 copies the message, 1 is free, 2 follows codebook 1."""
    tokens, free = random_tokens(frames, batch), torch.randint(0, CONFIG.codebook_size, (batch, frames))
    codes = torch.stack([tokens % CONFIG.codebook_size, free, (7 * free + 3) % CONFIG.codebook_size], dim=-1)
    steps, knowable = delay_codes(codes, BEGIN, END), delay_codes(codes, BEGIN, END)
    knowable[..., 1][steps[..., 1] != END] = BEGIN
    return tokens, steps, knowable


def cross_entropy(logits, steps):
    return F.cross_entropy(logits.flatten(0, 2), steps.flatten(), ignore_index=BEGIN)


def test_the_tiny_talker_learns_to_copy_and_then_says_what_it_is_told():
    talker = Talker(replace(CONFIG, initializer_range=0.1))
    optimizer = torch.optim.AdamW(talker.parameters(), lr=0.01)
    for _ in range(200):
        tokens, steps, _ = copy_task(16)
        optimizer.zero_grad()
        cross_entropy(talker(tokens, steps), steps).backward()
        optimizer.step()
    tokens, steps, knowable = copy_task(50)
    logits = talker.eval()(tokens, steps).detach()
    assert cross_entropy(logits, knowable) < 0.05
    assert cross_entropy(logits[:, :-1], knowable[:, 1:]) > 1
    speech = talker.generate(tokens, max_frames=12)
    assert speech.lengths.tolist() == [tokens.shape[1]] * 50
    copies, free, followers = speech.codec_tokens.unbind(dim=-1)
    assert (copies == tokens % CONFIG.codebook_size).double().mean() > 0.98
    assert (followers == (7 * free + 3) % CONFIG.codebook_size).double().mean() > 0.98


def test_matrices_begin_with_the_configured_spread():
    weights = Talker(replace(CONFIG, initializer_range=0.05)).parameters()
    assert all(0.04 < weight.detach().std() < 0.06 for weight in weights if weight.ndim > 1)


@pytest.mark.parametrize(
    "tokens, codes, said",
    [
        (random_tokens(), random_codes()[..., :2], f"2 codebooks, expected {CODEBOOKS}"),
        (random_tokens() + PAD + 1, random_codes(), f"talker_tokens: ids from .* expected 0 to {PAD}"),
        (random_tokens(), random_codes() + BEGIN + 1, f"codec_tokens: ids from .* expected 0 to {BEGIN}"),
        (random_tokens(), random_codes(0), "codec_tokens have no step"),
        (random_tokens(), random_codes() - 99, f"codec_tokens: ids from .* expected 0 to {BEGIN}"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(tokens, codes, said):
    with pytest.raises(ValueError, match=f"Talker: {said}"):
        TALKER(tokens, codes)
