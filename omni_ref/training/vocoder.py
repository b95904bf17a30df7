"""The stage `vocoder`: Code2Wav learns from two adversaries to sound real, while its codes stay what they are.

Spectral losses alone leave a buzz: where a hiss could be any of many, Code2Wav makes the same one every frame, and that
is a tone. A discriminator sees that no real hiss has lines in its spectrogram. Least-squares GAN and feature matching
are HiFi-GAN's (Kong et al. 2020, section 2.4), on spectrograms as in EnCodec (Défossez et al. 2022, section 3.4).

And what it learns to make is the voice with its formants raised, since the codec blurs them: "thirty one" was read as
"thirty nine". Telephones filter what they have decoded to the same end (Chen and Gersho 1995, "Adaptive postfiltering
for quality enhancement of coded speech"); here nothing is filtered, Code2Wav learns the clearer sound itself.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .codec import Codec, pieces, spectral_loss
from .corpus import Recordings
from .loop import Schedule, Stage

Features = list[Float[Tensor, "..."]]


def smoothed(spectrogram: Float[Tensor, "batch bins frames"], width: int) -> Float[Tensor, "batch bins frames"]:
    """Each bin the mean of the `width` bins around it, fewer at the ends."""
    columns = spectrogram.transpose(1, 2)
    return F.avg_pool1d(columns, width, 1, width // 2, count_include_pad=False).transpose(1, 2)


def articulated(
    waveform: Float[Tensor, "batch samples"], strength: float, n_fft: int = 512, near: int = 7, around: int = 33
) -> Float[Tensor, "batch samples"]:
    """The same, its formants clearer: what stands out of the spectrum does so by 1 + `strength` times as many decibels.

    A bin and its neighbours (`near`, 220 Hz at 16 kHz) are compared with what is `around` them (1 kHz). Every frame
    keeps its power.
    """
    window, hop = torch.hann_window(n_fft, device=waveform.device), n_fft // 4
    spectrum = torch.stft(waveform, n_fft, hop, window=window, return_complex=True)
    power = torch.view_as_real(spectrum).pow(2).sum(dim=-1) + 1e-5
    relief = smoothed(power.log(), near) - smoothed(power.log(), around)
    raised = power * (strength * relief).exp()
    raised = raised * (power.sum(dim=1, keepdim=True) / raised.sum(dim=1, keepdim=True))
    return torch.istft(spectrum * (raised / power).sqrt(), n_fft, hop, window=window, length=waveform.shape[-1])


class SpectrogramDiscriminator(nn.Module):
    """Judges patches of a log-magnitude spectrogram, about 1 where they are real; also gives what its layers saw."""

    def __init__(self, n_fft: int, channels: int = 16):
        super().__init__()
        self.n_fft = n_fft
        widths = (1, channels, 2 * channels, 2 * channels, 2 * channels)
        self.convs = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(before, after, (7, 3), stride=(2, 1), padding=(3, 1)))
            for before, after in pairwise(widths)
        )
        self.out = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(
        self, waveform: Float[Tensor, "batch samples"]
    ) -> tuple[Float[Tensor, "batch bands patches"], Features]:
        window = torch.hann_window(self.n_fft, device=waveform.device)
        spectrum = torch.stft(waveform, self.n_fft, self.n_fft // 4, window=window, return_complex=True)
        power = torch.view_as_real(spectrum).pow(2).sum(dim=-1)
        signal, seen = (power + 1e-7).log10()[:, None] / 4 + 1, []
        for conv in self.convs:
            signal = F.leaky_relu(conv(signal), 0.2)
            seen.append(signal)
        return self.out(signal)[:, 0], seen


class VocoderStage(Stage):
    """Reconstruct pieces of the reply voice from their codes, so that neither ear nor adversary can tell."""

    name = "vocoder"
    schedule = Schedule(steps=400, batch=8, learning_rate=5e-4, warmup=50, weight_decay=0.0)
    adversarial_weight, feature_weight, articulation = 0.05, 0.5, 0.6

    def __init__(self, codec: Codec, replies: Recordings, device: torch.device, frames: int = 32):
        self.codec = codec.to(device).eval()
        self.replies, self.device, self.frames = replies, device, frames
        adversaries = nn.ModuleList(SpectrogramDiscriminator(n_fft) for n_fft in (1024, 512))
        self.module = nn.ModuleDict({"code2wav": codec.code2wav, "adversaries": adversaries}).to(device).train()

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Both sides learn in one step: the adversaries from the sound as it is, Code2Wav from adversaries held."""
        samples = self.frames * self.codec.samples_per_frame
        spoken = pieces(self.replies, rng, self.schedule.batch, samples).to(self.device)
        made = self.module["code2wav"](self.codec.encode(spoken))
        real = articulated(spoken, self.articulation)
        terms = {"spectral": spectral_loss(made, real), "features": [], "adversarial": [], "adversary": []}
        for adversary in self.module["adversaries"]:
            real_score, real_seen = adversary(real)
            false_score, _ = adversary(made.detach())
            terms["adversary"].append((real_score - 1).pow(2).mean() + false_score.pow(2).mean())
            still = {name: value.detach() for name, value in adversary.named_parameters()}
            score, seen = torch.func.functional_call(adversary, still, (made,))
            terms["adversarial"].append(self.adversarial_weight * (score - 1).pow(2).mean())
            distances = [F.l1_loss(ours, theirs.detach()) for ours, theirs in zip(seen, real_seen, strict=True)]
            terms["features"].append(self.feature_weight * torch.stack(distances).mean())
        return {name: torch.stack(term).sum() if isinstance(term, list) else term for name, term in terms.items()}
