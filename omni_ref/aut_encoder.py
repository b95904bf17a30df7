"""AuT, the audio transformer: mel frames at 100 Hz in, audio tokens at 25 Hz out.

    mel ─ conv k7 s2 ─ GELU ─ conv k3 s2 ─ GELU ─ transformer layers ─ RMSNorm ─ VectorQuantizer ─▶ tokens
    100 Hz  50 Hz               25 Hz             every position sees all                         25 Hz

The convolutional stem follows Whisper (Radford et al. 2022, section 2.2), with a stride in both convolutions; the role
is that of the AuT encoder of Qwen3-Omni (arXiv 2509.17765, section 2.2), made discrete here. n mel frames give
⌈⌈n / 2⌉ / 2⌉ = ⌈n / 4⌉ tokens.
"""

from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .blocks.attention import Attention, attention_mask_for
from .blocks.decoder import initialise
from .blocks.mlp import MLP
from .blocks.norm import RMSNorm
from .blocks.quantizer import VectorQuantizer
from .blocks.rotary import RotaryTable, rotary_table
from .checks import check_axes, has_values, require
from .config import AuTEncoderConfig


@dataclass
class AuTOutput:
    """Audio tokens and their vectors, row by row; at and after a row's length, tokens and vectors are zero.

    `features` are the vectors before quantization; `losses` holds the quantizer's "commitment" loss.
    """

    tokens: Int[Tensor, "batch time"]
    quantized: Float[Tensor, "batch time hidden"]
    lengths: Int[Tensor, "batch"]
    losses: dict[str, Tensor]
    features: Float[Tensor, "batch time hidden"]


def real_positions(lengths: Int[Tensor, "batch"], time: int) -> Bool[Tensor, "batch time"]:
    """True before each row's length, False in its padding."""
    return torch.arange(time, device=lengths.device) < lengths[:, None]


class ConvStem(nn.Module):
    """Two strided convolutions: four mel frames become one position."""

    def __init__(self, config: AuTEncoderConfig):
        super().__init__()
        widths = (config.n_mels, config.hidden_size // 2, config.hidden_size)
        self.convs = nn.ModuleList(
            nn.Conv1d(widths[i], widths[i + 1], kernel, stride, padding=kernel // 2)
            for i, (kernel, stride) in enumerate(zip(config.conv_kernel_sizes, config.conv_strides, strict=True))
        )

    def forward(
        self, mel: Float[Tensor, "batch mels frames"], lengths: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch time hidden"], Int[Tensor, "batch"]]:
        """Positions, and how many of each row are real: each convolution divides by its stride and rounds up.

        Padding is set to zero before each convolution, so a row sees what it would see alone: zeros past its end.
        """
        signal = mel
        for conv in self.convs:
            padding = ~real_positions(lengths, signal.shape[-1])
            signal = F.gelu(conv(signal.masked_fill(padding[:, None], 0)))
            lengths = (lengths + conv.stride[0] - 1) // conv.stride[0]
        return signal.transpose(1, 2), lengths


class EncoderLayer(nn.Module):
    """A pre-norm layer of bidirectional attention and SwiGLU, without query and key norms."""

    def __init__(self, config: AuTEncoderConfig):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, qk_norm=False)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config.hidden_size, config.intermediate_size)

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        table: RotaryTable,
        mask: Bool[Tensor, "batch 1 time time"] | None,
    ) -> Float[Tensor, "batch time hidden"]:
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), table, mask)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class AuTEncoder(nn.Module):
    """Listen: `encode` turns mel spectrograms of different lengths into audio tokens."""

    def __init__(self, config: AuTEncoderConfig):
        super().__init__()
        self.config = config
        self.stem = ConvStem(config)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.quantizer = VectorQuantizer(
            config.audio_vocab_size,
            config.hidden_size,
            config.codebook_decay,
            config.commitment_weight,
            config.dead_code_threshold,
        )
        initialise(self, config.initializer_range)

    def encode(self, mel: Float[Tensor, "batch mels frames"], lengths: Int[Tensor, "batch"] | None = None) -> AuTOutput:
        """Audio tokens of log-mel spectrograms; `lengths` counts each row's real mel frames, the others are padding.

        Raises ValueError for a wrong number of mels, no frame at all, or a length outside 1 … frames.
        """
        return self(mel, lengths)

    def forward(
        self, mel: Float[Tensor, "batch mels frames"], lengths: Int[Tensor, "batch"] | None = None
    ) -> AuTOutput:
        lengths = self._checked_lengths(mel, lengths)
        hidden, token_lengths = self.stem(mel.to(self.norm.weight.dtype), lengths)
        time = -(-mel.shape[-1] // prod(self.config.conv_strides))
        assert hidden.shape == (mel.shape[0], time, self.config.hidden_size)
        is_real = real_positions(token_lengths, time)
        hidden = self.run_layers(hidden, is_real)
        output = self.quantizer(hidden, is_real)
        assert output.codes.shape == is_real.shape
        return AuTOutput(
            output.codes * is_real,
            output.quantized * is_real[..., None],
            token_lengths,
            {"commitment": output.commitment_loss},
            hidden * is_real[..., None],
        )

    def run_layers(
        self, hidden: Float[Tensor, "batch time hidden"], is_real: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time hidden"]:
        """The transformer trunk: every real position reads every real position of its row."""
        time = hidden.shape[1]
        position_ids = torch.arange(time, device=hidden.device)[None]
        table = rotary_table(position_ids, self.config.head_dim, self.config.rope_theta, hidden.dtype)
        mask = attention_mask_for(time, 0, hidden.device, is_real, causal=False)
        for layer in self.layers:
            hidden = layer(hidden, table, mask)
        return self.norm(hidden)

    def _checked_lengths(self, mel: Tensor, lengths: Tensor | None) -> Int[Tensor, "batch"]:
        check_axes("AuTEncoder: mel", mel, "batch", "mels", "frames")
        batch, mels, frames = mel.shape
        require(mels == self.config.n_mels, f"AuTEncoder: mel has {mels} mels, expected n_mels = {self.config.n_mels}")
        require(batch > 0, "AuTEncoder: mel has no row, expected at least 1")
        require(frames > 0, "AuTEncoder: mel has no frame, expected at least 1")
        lengths = torch.full((batch,), frames, device=mel.device) if lengths is None else lengths.to(mel.device)
        check_axes("AuTEncoder: lengths", lengths, "batch")
        require(lengths.shape == (batch,), f"AuTEncoder: {lengths.shape[0]} lengths for {batch} rows of mel")
        if has_values(lengths):
            low, high = int(lengths.min()), int(lengths.max())
            require(low >= 1 and high <= frames, f"AuTEncoder: lengths from {low} to {high}, expected 1 to {frames}")
            finite = mel.isfinite().all(dim=1) | ~real_positions(lengths, frames)
            require(bool(finite.all()), "AuTEncoder: mel holds values that are not finite numbers")
        return lengths
