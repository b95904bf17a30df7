"""The stage `codec`: sound to four codes every 20 ms and back. Those of the reply voice the Talker learns to say.

    waveform ─ log-mel, twice ─ CodecEncoder ─ residual VQ ─ codes ─ Code2Wav ─ waveform
                                                  └ its codebooks are Code2Wav's embeddings

Answering does not need the encoder. SoundStream (Zeghidour et al. 2021, section III) is the pattern; mel and linear
spectrograms are compared, and adversaries come only in `vocoder`. An encoder fed the raw waveform did not train in the
same time: the latents are tiny at first and the quantizer starves; so it reads log-mel, and its latents are normalised.

It reads two of them: windows of 64 ms tell frequencies apart, windows of 16 ms moments. With both, fewer words are read
wrong (docs/training.md). Where the pulses of the voice come is lost all the same: Code2Wav puts them elsewhere.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..audio import mel_power
from ..blocks.quantizer import ResidualVectorQuantizer
from ..code2wav import Code2Wav
from ..config import AuTEncoderConfig, Code2WavConfig
from .corpus import Recordings
from .loop import Schedule, Stage
from .voices import SAMPLE_RATE

RESOLUTIONS = ((1024, 250, 80), (512, 125, 64), (256, 64, 32))  # n_fft, hop_size, n_mels
FFT_SIZES = (2048, 1024, 512)
ENCODER_MELS = ((1024, 1, 80), (256, 4, 32))  # n_fft, columns a frame of codes, n_mels


def mel_config(n_fft: int, hop_size: int, n_mels: int) -> AuTEncoderConfig:
    """A mel spectrogram of other sizes than the encoder's; the rest of the configuration is not used."""
    return replace(
        AuTEncoderConfig(), n_fft=n_fft, frame_size=n_fft, hop_size=hop_size, n_mels=n_mels, conv_strides=(1, 1)
    )


class ResidualConv(nn.Module):
    """Two convolutions around a residual path; the encoder may look both ways."""

    def __init__(self, channels: int):
        super().__init__()
        self.wide = nn.Conv1d(channels, channels, 3, padding=1)
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, signal: Float[Tensor, "batch channels frames"]) -> Float[Tensor, "batch channels frames"]:
        return signal + self.pointwise(F.gelu(self.wide(F.gelu(signal))))


class CodecEncoder(nn.Module):
    """Waveform to one normalised latent vector a frame of Code2Wav."""

    def __init__(self, config: Code2WavConfig, channels: int = 192, num_blocks: int = 3):
        super().__init__()
        self.samples_per_frame = config.samples_per_frame
        self.mels = [mel_config(n_fft, config.samples_per_frame // of, n_mels) for n_fft, of, n_mels in ENCODER_MELS]
        self.stem = nn.Conv1d(sum(of * n_mels for _, of, n_mels in ENCODER_MELS), channels, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualConv(channels) for _ in range(num_blocks))
        self.out = nn.Conv1d(channels, config.embedding_dim, 1)
        self.norm = nn.LayerNorm(config.embedding_dim)

    def mel_frames(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch mels frames"]:
        """The columns of both log-mels, one below the other: frame t's are centred in what Code2Wav makes of it."""
        frames = []
        for mel in self.mels:
            half = mel.hop_size // 2
            centred = F.pad(waveform[:, half:], (0, half))
            columns = mel_power(centred, mel).clamp(min=1e-7).log10() / 4 + 1
            grouped = columns.unflatten(-1, (-1, self.samples_per_frame // mel.hop_size))
            frames.append(grouped.transpose(2, 3).flatten(1, 2))
        return torch.cat(frames, dim=1)

    def forward(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames dim"]:
        signal = self.stem(self.mel_frames(waveform))
        for block in self.blocks:
            signal = block(signal)
        latents = self.norm(self.out(F.gelu(signal)).transpose(1, 2))
        assert latents.shape[1] == waveform.shape[1] // self.samples_per_frame
        return latents


class Codec(nn.Module):
    """Encoder, residual quantizer and Code2Wav. The quantizers' codebooks *are* Code2Wav's embedding tables."""

    def __init__(self, code2wav: Code2Wav):
        super().__init__()
        config = code2wav.config
        self.encoder = CodecEncoder(config)
        self.quantizer = ResidualVectorQuantizer(
            config.num_codebooks, config.codebook_size, config.embedding_dim, decay=0.98
        )
        self.code2wav = code2wav
        for quantizer, table in zip(self.quantizer.quantizers, code2wav.embeddings, strict=True):
            table.weight.requires_grad_(False)
            quantizer.codebook = table.weight

    @property
    def samples_per_frame(self) -> int:
        """How many samples a frame of codes stands for."""
        return self.code2wav.config.samples_per_frame

    @torch.no_grad()
    def begin(self) -> None:
        """Before training: new codes, and each codebook enters Code2Wav alike, so that it reads the sum they mean."""
        for quantizer in self.quantizer.quantizers:
            quantizer.set_codebook(torch.randn_like(quantizer.codebook))
        projection, codebooks = self.code2wav.proj.weight, len(self.quantizer.quantizers)
        projection.copy_(projection[:, : projection.shape[1] // codebooks].repeat(1, codebooks, 1))

    @torch.no_grad()
    def encode(self, waveform: Float[Tensor, "batch samples"]) -> Int[Tensor, "batch frames codebooks"]:
        """The codes of whole frames of sound."""
        return self.quantizer(self.encoder(waveform)).codes

    def forward(
        self, waveform: Float[Tensor, "batch samples"], kept: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch samples"], Float[Tensor, ""]]:
        """Reconstruct, from the first `kept` codebooks of each row, and the commitment loss.

        Gradients pass straight through every codebook's rounding to the latents.
        """
        residual, vectors, commitment = self.encoder(waveform), [], []
        for k, quantizer in enumerate(self.quantizer.quantizers):
            output = quantizer(residual)
            vectors.append(output.quantized * (kept > k)[:, None, None])
            commitment.append(output.commitment_loss)
            residual = residual - output.quantized.detach()
        latents = torch.cat(vectors, dim=-1).transpose(1, 2)
        return self.code2wav.synthesise(latents), torch.stack(commitment).sum()


def log_power(waveform: Float[Tensor, "batch samples"], n_fft: int) -> Float[Tensor, "batch bins frames"]:
    """log10 of the power spectrogram, in windows that overlap by half."""
    window = torch.hann_window(n_fft, device=waveform.device)
    spectrum = torch.stft(waveform, n_fft, n_fft // 2, window=window, return_complex=True)
    return (torch.view_as_real(spectrum).pow(2).sum(dim=-1) + 1e-6).log10()


def spectral_loss(made: Float[Tensor, "batch samples"], real: Float[Tensor, "batch samples"]) -> Float[Tensor, ""]:
    """How far two sounds are apart in mel magnitude, log mel power and log power, each the mean of three resolutions.

    The last is there for the hiss: a mel filter is too wide, high up, to tell noise from a row of tones.
    """
    terms = []
    for resolution in RESOLUTIONS:
        config = mel_config(*resolution)
        ours, theirs = (mel_power(sound, config) + 1e-7 for sound in (made, real))
        terms.append(10 * F.l1_loss(ours.sqrt(), theirs.sqrt()))
        terms.append(F.l1_loss(ours.log10(), theirs.log10()))
    for n_fft in FFT_SIZES:
        terms.append(0.5 * F.l1_loss(log_power(made, n_fft), log_power(real, n_fft)))
    return torch.stack(terms).sum() / len(RESOLUTIONS)


def pieces(replies: Recordings, rng: np.random.Generator, batch: int, samples: int) -> Float[Tensor, "batch samples"]:
    """Pieces of recordings from random places, silence around them included, at random levels."""
    rows = []
    for _ in range(batch):
        reply = replies[int(rng.integers(len(replies)))]
        margin = SAMPLE_RATE // 10
        reply = np.pad(reply, (margin, max(samples - len(reply), 0) + margin))
        start = int(rng.integers(len(reply) - samples + 1))
        rows.append(reply[start : start + samples] * np.float32(rng.uniform(0.6, 1.1)))
    return torch.from_numpy(np.stack(rows))


class CodecStage(Stage):
    """Reconstruct random pieces of what the reply voice says; now and then from fewer codebooks."""

    name = "codec"
    schedule = Schedule(steps=3200, batch=4, learning_rate=2e-3)

    def __init__(self, codec: Codec, replies: Recordings, device: torch.device, frames: int = 32):
        self.module = codec.to(device).train()
        self.replies, self.device, self.frames = replies, device, frames

    def begin(self, rng: np.random.Generator) -> None:
        """Codebooks and projection as the codec wants them at first."""
        self.module.begin()

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Spectral loss and commitment of a batch."""
        samples = self.frames * self.module.samples_per_frame
        waveform = pieces(self.replies, rng, self.schedule.batch, samples).to(self.device)
        codebooks = self.module.code2wav.config.num_codebooks
        kept = np.where(rng.random(len(waveform)) < 0.15, rng.integers(1, codebooks + 1, len(waveform)), codebooks)
        made, commitment = self.module(waveform, torch.from_numpy(kept).to(self.device))
        return {"spectral": spectral_loss(made, waveform), "commitment": commitment}
