"""Causal convolutions that can be fed in pieces (Zeghidour et al. 2021, "SoundStream", sections III-A and III-B; Mimi
in Défossez et al. 2024, "Moshi", section 3.3.1). Nothing looks ahead, so a piece's output is final as soon as it is in.

    convolution, kernel 3                  transposed convolution, stride r, kernel 2r
    input    [state state] x0 x1 x2        input      x0      x1      x2
    output            y0 y1 y2             x0 gives   [ a0  |  b0 ]
    state ← the last 2 inputs              x1 gives           [ a1  |  b1 ]
                                           output     [state+a0| b0+a1| b1+a2 ]  b2 → state  (trimmed r on the right)

`state` is a plain dictionary from module to tensor. Without one, a call is a whole signal: it starts from silence.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

StreamState = dict[nn.Module, Tensor]


class CausalConv1d(nn.Conv1d):
    """A convolution that sees (kernel - 1) × dilation samples of the past, zeros before the first."""

    def forward(
        self, signal: Float[Tensor, "batch channels time"], state: StreamState | None = None
    ) -> Float[Tensor, "batch out_channels time"]:
        left = (self.kernel_size[0] - 1) * self.dilation[0]
        if left > 0:
            past = state.get(self) if state is not None else None
            signal = F.pad(signal, (left, 0)) if past is None else torch.cat([past, signal], dim=-1)
            if state is not None:
                state[self] = signal[..., -left:]
        if signal.shape[-1] == left:
            return signal.new_zeros(signal.shape[0], self.out_channels, 0)
        return super().forward(signal)


class CausalConvTranspose1d(nn.ConvTranspose1d):
    """Upsampling by `stride` with kernel 2 × stride; the last `stride` samples await the next input, or are dropped."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__(in_channels, out_channels, kernel_size=2 * stride, stride=stride)

    def forward(
        self, signal: Float[Tensor, "batch channels time"], state: StreamState | None = None
    ) -> Float[Tensor, "batch out_channels upsampled"]:
        batch, _, time = signal.shape
        stride = self.stride[0]
        if time == 0:
            return signal.new_zeros(batch, self.out_channels, 0)
        spread = F.conv_transpose1d(signal, self.weight, stride=stride)
        assert spread.shape == (batch, self.out_channels, (time + 1) * stride)
        output, tail = spread.split([time * stride, stride], dim=-1)
        if state is not None:
            if self in state:
                output = torch.cat([output[..., :stride] + state[self], output[..., stride:]], dim=-1)
            state[self] = tail
        return output + self.bias[:, None]
