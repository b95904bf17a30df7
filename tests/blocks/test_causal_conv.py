"""Causal convolutions: sums written out, no look into the future, any pieces give the whole."""

import torch
from helpers import randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.causal_conv import CausalConv1d, CausalConvTranspose1d

drawn = settings(max_examples=15, deadline=None, derandomize=True)
BATCH, IN, OUT = 2, 3, 5
KERNELS, DILATIONS, STRIDES = st.integers(1, 7), st.sampled_from([1, 3, 9]), st.integers(1, 8)
PIECES = st.lists(st.integers(0, 12), min_size=1, max_size=7).filter(any)


def random_signal(time):
    return torch.randn(BATCH, IN, time, dtype=torch.float64)


def convolution(kernel, dilation):
    return randomise(CausalConv1d(IN, OUT, kernel, dilation=dilation).double())


def upsampling(stride):
    return randomise(CausalConvTranspose1d(IN, OUT, stride).double())


@drawn
@given(KERNELS, DILATIONS, st.integers(1, 30))
def test_a_convolution_is_a_weighted_sum_of_now_and_the_past(kernel, dilation, time):
    conv, signal = convolution(kernel, dilation), random_signal(time)
    by_hand = conv.bias[None, :, None].repeat(BATCH, 1, time)
    for now in range(time):
        for tap in range(kernel):
            then = now - (kernel - 1 - tap) * dilation
            if then >= 0:
                by_hand[..., now] += signal[..., then] @ conv.weight[..., tap].T
    torch.testing.assert_close(conv(signal), by_hand, atol=1e-12, rtol=0)


@drawn
@given(STRIDES, st.integers(1, 12))
def test_upsampling_lets_each_input_sound_for_two_strides_and_drops_what_is_past_the_end(stride, time):
    conv, signal = upsampling(stride), random_signal(time)
    by_hand = conv.bias[None, :, None].repeat(BATCH, 1, time * stride)
    for now in range(time):
        for tap in range(2 * stride):
            if now * stride + tap < time * stride:
                by_hand[..., now * stride + tap] += signal[..., now] @ conv.weight[..., tap]
    output = conv(signal)
    assert output.shape == (BATCH, OUT, time * stride)
    torch.testing.assert_close(output, by_hand, atol=1e-12, rtol=0)


def assert_pieces_give_the_whole(conv, pieces):
    signal, state = random_signal(sum(pieces)), {}
    streamed = torch.cat([conv(piece, state) for piece in signal.split(pieces, dim=-1)], dim=-1)
    torch.testing.assert_close(streamed, conv(signal), atol=1e-12, rtol=0)
    assert list(state) == [conv]


@drawn
@given(KERNELS, DILATIONS, PIECES)
def test_a_convolution_fed_any_pieces_gives_the_whole(kernel, dilation, pieces):
    assert_pieces_give_the_whole(convolution(kernel, dilation), pieces)


@drawn
@given(STRIDES, PIECES)
def test_upsampling_fed_any_pieces_gives_the_whole(stride, pieces):
    assert_pieces_give_the_whole(upsampling(stride), pieces)


@drawn
@given(KERNELS, DILATIONS, STRIDES, PIECES)
def test_layers_of_a_stack_keep_their_pasts_apart_in_one_state(kernel, dilation, stride, pieces):
    layers = [convolution(kernel, dilation), randomise(CausalConv1d(OUT, IN, kernel).double()), upsampling(stride)]

    def stack(signal, state=None):
        for layer in layers:
            signal = layer(signal, state)
        return signal

    signal, state = random_signal(sum(pieces)), {}
    streamed = torch.cat([stack(piece, state) for piece in signal.split(pieces, dim=-1)], dim=-1)
    torch.testing.assert_close(streamed, stack(signal), atol=1e-12, rtol=0)


def test_without_a_state_every_call_starts_from_silence():
    for conv in (convolution(3, 9), upsampling(5)):
        signal = random_signal(20)
        assert torch.equal(conv(signal), conv(signal))


def test_no_input_gives_no_output():
    for conv in (convolution(3, 9), convolution(1, 1), upsampling(5)):
        assert conv(random_signal(0)).shape == conv(random_signal(0), {}).shape == (BATCH, OUT, 0)
