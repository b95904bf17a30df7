"""Code2Wav: 320 samples a frame, not one of them early, and the same in any pieces."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.code2wav import PIECE_FRAMES, Code2Wav
from omni_ref.config import OmniConfig

CONFIG = OmniConfig.tiny().code2wav
SAMPLES, BATCH = CONFIG.samples_per_frame, 2
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@torch.no_grad()
def audible(dtype):
    """Random weights that neither whisper nor drive the tanh to its ends, where all waveforms are alike."""
    code2wav = randomise(Code2Wav(CONFIG).to(dtype)).requires_grad_(False)
    code2wav.out.weight.div_(400)
    return code2wav


VOICES = {dtype: audible(dtype) for dtype in TOLERANCE}
in_both_precisions = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def random_codes(frames, batch=BATCH):
    return torch.randint(0, CONFIG.codebook_size, (batch, frames, CONFIG.num_codebooks))


def streamed(code2wav, codes, pieces, stream=None):
    stream = stream or code2wav.stream()
    waveforms = [stream.push(piece) for piece in codes.split(pieces, dim=1)]
    assert [waveform.shape for waveform in waveforms] == [(len(codes), SAMPLES * frames) for frames in pieces]
    return torch.cat(waveforms, dim=-1)


def assert_same(one, other):
    torch.testing.assert_close(one, other, atol=TOLERANCE[one.dtype], rtol=0)


def compositions(total):
    """Every way to cut `total` frames into pieces, in order."""
    for cuts in range(2 ** (total - 1)):
        marks = [0, *(i for i in range(1, total) if cuts >> (i - 1) & 1), total]
        yield [stop - start for start, stop in pairwise(marks)]


def test_the_test_voice_is_neither_silent_nor_clipped():
    waveform = VOICES[torch.float32](random_codes(30))
    assert 0.1 < waveform.std() < 0.9 and waveform.abs().max() < 0.999


def test_frames_give_exactly_their_samples():
    for frames in (1, 2, 3, 64):
        assert VOICES[torch.float32](random_codes(frames)).shape == (BATCH, frames * 320)


def test_the_waveform_is_the_stack_written_out():
    code2wav, codes = VOICES[torch.float64], random_codes(5)
    vectors = [table.weight[codes[..., k]] for k, table in enumerate(code2wav.embeddings)]
    signal = torch.cat(vectors, dim=-1) @ code2wav.proj.weight[..., 0].T + code2wav.proj.bias
    signal = signal.transpose(1, 2)
    for stage, rate in zip(code2wav.stages, (8, 5, 4, 2), strict=True):
        up = stage.upsample
        signal = F.conv_transpose1d(F.gelu(signal), up.weight, up.bias, stride=rate)[..., :-rate]
        for block, dilation in zip(stage.blocks, (1, 3, 9), strict=True):
            past = F.pad(F.gelu(signal), (2 * dilation, 0))
            inner = F.conv1d(past, block.dilated.weight, block.dilated.bias, dilation=dilation)
            signal = signal + F.conv1d(F.gelu(inner), block.pointwise.weight, block.pointwise.bias)
    waveform = torch.tanh(F.conv1d(F.pad(F.gelu(signal), (6, 0)), code2wav.out.weight, code2wav.out.bias))
    assert_same(code2wav(codes), waveform[:, 0])


def test_channels_halve_at_every_stage():
    widths = [(stage.upsample.in_channels, stage.upsample.out_channels) for stage in VOICES[torch.float32].stages]
    assert widths == [(CONFIG.hidden_size // 2**i, CONFIG.hidden_size // 2 ** (i + 1)) for i in range(4)]


@in_both_precisions
@pytest.mark.parametrize("codebook", range(CONFIG.num_codebooks))
def test_a_frame_changes_its_own_samples_and_not_one_before(dtype, codebook):
    codes = random_codes(7, batch=1)
    before = VOICES[dtype](codes)[0]
    for frame in range(7):
        changed = codes.clone()
        changed[:, frame, codebook] = (codes[:, frame, codebook] + 1) % CONFIG.codebook_size
        after, start = VOICES[dtype](changed)[0], SAMPLES * frame
        assert torch.equal(after[:start], before[:start])
        assert (after != before)[start : start + SAMPLES].float().mean() > 0.9


@in_both_precisions
@pytest.mark.parametrize("pieces", [*compositions(6)], ids=lambda pieces: "+".join(map(str, pieces)))
def test_streamed_in_any_pieces_six_frames_sound_as_offline(dtype, pieces):
    codes = random_codes(6)
    assert_same(streamed(VOICES[dtype], codes, pieces), VOICES[dtype](codes))


@in_both_precisions
@settings(max_examples=5, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 50), max_size=15))
def test_streamed_in_random_pieces_some_empty_fifty_frames_sound_as_offline(dtype, cuts):
    codes, marks = random_codes(50), [0, *sorted(cuts), 50]
    pieces = [stop - start for start, stop in pairwise(marks)]
    assert_same(streamed(VOICES[dtype], codes, pieces), VOICES[dtype](codes))


@in_both_precisions
def test_without_gradients_a_long_sound_is_made_in_pieces_to_the_same_result(dtype):
    codes, lengths = random_codes(2 * PIECE_FRAMES + 7), []
    voice = VOICES[dtype]
    at_once = voice(codes)
    with voice.proj.register_forward_hook(lambda _, __, output: lengths.append(output.shape[-1])), torch.no_grad():
        assert_same(voice(codes), at_once)
    assert lengths == [PIECE_FRAMES, PIECE_FRAMES, 7]


def test_pieces_of_no_frame_are_silent_and_change_nothing():
    codes = random_codes(3)
    assert_same(streamed(VOICES[torch.float64], codes, [0, 0, 1, 0, 2, 0]), VOICES[torch.float64](codes))


def test_after_reset_a_stream_begins_a_new_waveform():
    code2wav, codes = VOICES[torch.float64], random_codes(4)
    stream = code2wav.stream()
    streamed(code2wav, random_codes(3, batch=5), [3], stream)
    stream.reset()
    assert_same(streamed(code2wav, codes, [1, 3], stream), code2wav(codes))


def test_a_piece_of_another_number_of_rows_is_refused_until_reset():
    stream = VOICES[torch.float64].stream()
    stream.push(random_codes(1, batch=3))
    with pytest.raises(ValueError, match="began with 3 rows, this piece has 1"):
        stream.push(random_codes(1, batch=1))
    stream.reset()
    assert stream.push(random_codes(1, batch=1)).shape == (1, SAMPLES)


def test_two_interleaved_streams_do_not_disturb_each_other():
    code2wav, messages = VOICES[torch.float64], [random_codes(6), random_codes(6)]
    streams, heard = [code2wav.stream() for _ in messages], [[], []]
    for first, last in pairwise([0, 1, 3, 6]):
        for stream, codes, waveforms in zip(streams, messages, heard, strict=True):
            waveforms.append(stream.push(codes[:, first:last]))
    for codes, waveforms in zip(messages, heard, strict=True):
        assert_same(torch.cat(waveforms, dim=-1), code2wav(codes))


def test_the_rows_of_a_batch_do_not_hear_each_other():
    codes = random_codes(5)
    for row, waveform in zip(codes, VOICES[torch.float64](codes), strict=True):
        assert_same(VOICES[torch.float64](row[None])[0], waveform)


def test_gradients_reach_every_weight():
    code2wav = audible(torch.float64).requires_grad_()
    code2wav(random_codes(9)).pow(2).sum().backward()
    assert [name for name, weight in code2wav.named_parameters() if not weight.grad.abs().max() > 0] == []


@pytest.mark.parametrize(
    "codes, said",
    [
        (random_codes(4)[..., :2], f"2 codebooks, expected num_codebooks = {CONFIG.num_codebooks}"),
        (random_codes(4) + CONFIG.codebook_size, f"codec_tokens: ids from .* expected 0 to {CONFIG.codebook_size - 1}"),
        (random_codes(4) - 99, f"codec_tokens: ids from .* expected 0 to {CONFIG.codebook_size - 1}"),
    ],
)
def test_codes_that_do_not_fit_are_refused_and_leave_a_stream_as_it_was(codes, said):
    code2wav, good = VOICES[torch.float64], random_codes(4)
    stream = code2wav.stream()
    first = stream.push(good[:, :1])
    with pytest.raises(ValueError, match=f"Code2Wav: {said}"):
        stream.push(codes)
    assert_same(torch.cat([first, stream.push(good[:, 1:])], dim=-1), code2wav(good))
