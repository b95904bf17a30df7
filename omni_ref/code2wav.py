"""Code2Wav: the vocoder. Frames of codec tokens at 50 Hz in, a waveform at 16 kHz out: 320 samples a frame.

    codes ─ embed, concat, 1×1 ─ (GELU ─ transposed conv ×8 ─ 3 residual blocks) ─ ×5 ─ ×4 ─ ×2 ─ GELU ─ conv ─ tanh
     50 Hz                                                400 Hz                  2000  8000  16000 Hz

The upsampling stack is that of SEANet as used in SoundStream (Zeghidour et al. 2021, section III-B), with GELU; EnCodec
and Mimi (Défossez et al. 2024, "Moshi", section 3.3.1) have one residual block a stage. Channels halve at every stage.
It is causal throughout, so it can be fed piece by piece: `stream`.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .blocks.causal_conv import CausalConv1d, CausalConvTranspose1d, StreamState
from .checks import check_axes, check_ids, require
from .config import Code2WavConfig

PIECE_FRAMES = 100  # 2 seconds: few enough to stay in the cache of a CPU


class ResidualBlock(nn.Module):
    """A dilated convolution and a 1×1 convolution around a residual path."""

    def __init__(self, channels: int, kernel_size: int, dilation: int):
        super().__init__()
        self.dilated = CausalConv1d(channels, channels, kernel_size, dilation=dilation)
        self.pointwise = CausalConv1d(channels, channels, 1)

    def forward(
        self, signal: Float[Tensor, "batch channels time"], state: StreamState | None = None
    ) -> Float[Tensor, "batch channels time"]:
        return signal + self.pointwise(F.gelu(self.dilated(F.gelu(signal), state)))


class UpsampleStage(nn.Module):
    """`rate` times as many samples, half as many channels, then residual blocks that look ever further back."""

    def __init__(self, config: Code2WavConfig, channels: int, rate: int):
        super().__init__()
        self.upsample = CausalConvTranspose1d(channels, channels // 2, rate)
        self.blocks = nn.ModuleList(
            ResidualBlock(channels // 2, config.residual_kernel_size, config.dilation_growth_rate**i)
            for i in range(config.num_residual_blocks)
        )

    def forward(
        self, signal: Float[Tensor, "batch channels time"], state: StreamState | None = None
    ) -> Float[Tensor, "batch half_channels upsampled"]:
        signal = self.upsample(F.gelu(signal), state)
        for block in self.blocks:
            signal = block(signal, state)
        return signal


class Code2Wav(nn.Module):
    """Speak: codec tokens to samples, all at once or piece by piece."""

    def __init__(self, config: Code2WavConfig):
        super().__init__()
        self.config = config
        self.embeddings = nn.ModuleList(
            nn.Embedding(config.codebook_size, config.embedding_dim) for _ in range(config.num_codebooks)
        )
        self.proj = CausalConv1d(config.hidden_size, config.hidden_size, 1)
        self.stages = nn.ModuleList(
            UpsampleStage(config, config.hidden_size // 2**i, rate) for i, rate in enumerate(config.upsample_rates)
        )
        self.out = CausalConv1d(config.hidden_size // 2**config.num_upsample_layers, 1, config.kernel_size)

    def embed(self, codec_tokens: Int[Tensor, "batch frames codebooks"]) -> Float[Tensor, "batch hidden frames"]:
        """Each codebook's vector, side by side; ValueError for a code outside its codebook."""
        check_axes("Code2Wav: codec_tokens", codec_tokens, "batch", "frames", "codebooks")
        codebooks, wanted = codec_tokens.shape[-1], self.config.num_codebooks
        require(codebooks == wanted, f"Code2Wav: {codebooks} codebooks, expected num_codebooks = {wanted}")
        check_ids("Code2Wav: codec_tokens", codec_tokens, self.config.codebook_size)
        vectors = [table(codec_tokens[..., k]) for k, table in enumerate(self.embeddings)]
        return torch.cat(vectors, dim=-1).transpose(1, 2)

    def synthesise(
        self, latents: Float[Tensor, "batch hidden frames"], state: StreamState | None = None
    ) -> Float[Tensor, "batch samples"]:
        """The vectors of frames to samples in [-1, 1]; `state` carries on from the frames before."""
        signal = self.proj(latents)
        for stage in self.stages:
            signal = stage(signal, state)
        waveform = torch.tanh(self.out(F.gelu(signal), state))
        assert waveform.shape == (latents.shape[0], 1, latents.shape[-1] * self.config.samples_per_frame)
        return waveform[:, 0]

    def forward(self, codec_tokens: Int[Tensor, "batch frames codebooks"]) -> Float[Tensor, "batch samples"]:
        """All frames: exactly samples_per_frame samples for each. ValueError for codes out of range.

        On a CPU, where no gradient is wanted, in pieces of PIECE_FRAMES; to the same result up to rounding.
        """
        latents = self.embed(codec_tokens)
        if torch.is_grad_enabled() or latents.device.type != "cpu":
            return self.synthesise(latents)
        state: StreamState = {}
        return torch.cat([self.synthesise(piece, state) for piece in latents.split(PIECE_FRAMES, dim=-1)], dim=-1)

    def stream(self) -> "Code2WavStream":
        """Begin a waveform to be made piece by piece: see Code2WavStream."""
        return Code2WavStream(self)


class Code2WavStream:
    """A waveform in pieces: the pieces, joined, are what `forward` gives for all the frames at once."""

    def __init__(self, code2wav: Code2Wav):
        self.code2wav = code2wav
        self.reset()

    def reset(self) -> None:
        """Start a new waveform."""
        self.state: StreamState = {}
        self.rows: int | None = None

    @torch.no_grad()
    def push(self, codec_tokens: Int[Tensor, "batch frames codebooks"]) -> Float[Tensor, "batch samples"]:
        """The samples of the next frames, any number of them, none included."""
        latents = self.code2wav.embed(codec_tokens)
        rows = len(latents)
        self.rows = self.rows or rows
        require(rows == self.rows, f"Code2Wav: the stream began with {self.rows} rows, this piece has {rows}")
        return self.code2wav.synthesise(latents, self.state)
