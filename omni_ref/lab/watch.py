"""One exchange, watched: what the Thinker read and wrote at every position, where it looked, which experts it used."""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..audio import log_mel_spectrogram
from ..blocks.moe import RouterOutput
from ..config import OmniConfig
from ..omni import Omni
from .probe import Probe

AUDIO = -1  # stands for an audio token among ids of text tokens


@dataclass(frozen=True)
class Watched:
    """A spoken question and its written reply, position by position in the Thinker's sequence; all on the CPU.

    ids        what stands at each position: a text token's id, or AUDIO
    begins     the position of the reply's first letter, which the position before it has chosen
    attention  every query's weights over all keys; 0 for those after it
    routing    of each sparse layer, by its number: what the router decided at every position
    """

    question: Float[Tensor, "samples"]
    config: OmniConfig
    ids: list[int]
    begins: int
    attention: Float[Tensor, "layers heads time time"]
    routing: dict[int, RouterOutput]

    @cached_property
    def mel(self) -> Float[Tensor, "mels frames"]:
        """The question as a log-mel spectrogram."""
        return log_mel_spectrogram(self.question[None], self.config.aut_encoder)[0]

    @cached_property
    def sound(self) -> list[int]:
        """The positions of the audio tokens."""
        return [place for place, index in enumerate(self.ids) if index == AUDIO]

    @cached_property
    def text(self) -> list[int]:
        """All others: the prompt's text and special tokens, and the reply."""
        return [place for place, index in enumerate(self.ids) if index != AUDIO]

    def seconds(self, position: int) -> float:
        """When in the question an audio token is: the first stands on the first mel frame, at 0."""
        return (position - self.sound[0]) / self.config.aut_encoder.token_rate


def watch(omni: Omni, waveform: Float[Tensor, "samples"]) -> Watched:
    """Answer a recording in writing, under a probe."""
    with Probe(omni.thinker) as probe:
        reply = omni.respond(waveform, speak=False)
    before, after = omni.tokenizer.prompt("answer", None, has_audio=True)
    prompt = [*before, *[AUDIO] * len(reply.tokens["audio"]), *after]
    ids = [*prompt, *reply.tokens["text"].tolist()]

    def joined(calls: list[Float[Tensor, "..."]]) -> Float[Tensor, "heads positions positions"]:
        """The maps of all calls, one below the other: the whole prompt's, then a row a step."""
        return torch.cat([F.pad(call[0], (0, len(ids) - call.shape[-1])) for call in calls], dim=1)

    layers = range(omni.config.thinker.num_hidden_layers)
    attention = torch.stack([joined(probe.attention[f"layers.{i}.self_attn"]) for i in layers])
    assert attention.shape[-2:] == (len(ids), len(ids))
    calls = {i: probe.routing[f"layers.{i}.mlp"] for i in layers if f"layers.{i}.mlp" in probe.routing}
    routing = {
        i: RouterOutput(
            torch.cat([step.probabilities for step in steps]),
            torch.cat([step.top_k_weights for step in steps]),
            torch.cat([step.top_k_index for step in steps]),
        )
        for i, steps in calls.items()
    }
    return Watched(waveform.cpu(), omni.config, ids, len(prompt), attention, routing)
