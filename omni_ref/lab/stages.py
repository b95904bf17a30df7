"""The journey of a recording through the model: every stage's shape and rate, as a probe recorded them."""

import warnings
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..omni import Omni
from ..turn import Generation, Reply
from .probe import Probe, Shape


@dataclass(frozen=True)
class Stage:
    """What came out of a stage; pieces are joined along `time_axis`. `seconds`: of the sound it covers, if it does."""

    name: str
    shape: Shape
    time_axis: int
    seconds: float | None

    @property
    def rate(self) -> float | None:
        """Positions a second."""
        return self.shape[self.time_axis] / self.seconds if self.seconds else None


def trace(
    omni: Omni, waveform: Float[Tensor, "samples"], generation: Generation | None = None
) -> tuple[list[Stage], Reply]:
    """Answer a recording under a probe; the stages in order, and the reply."""
    with Probe(omni) as probe:
        reply = omni.respond(waveform, generation=generation)
    config = omni.config
    asked = len(waveform) / config.aut_encoder.sample_rate
    spoken = len(reply.waveform) / reply.sample_rate

    def joined(name: str, time_axis: int, seconds: float | None, module: str) -> Stage:
        shapes = [call.outputs[0] for call in probe.calls.get(module, [])]
        shape = list(shapes[0])
        shape[time_axis] = sum(other[time_axis] for other in shapes)
        return Stage(name, tuple(shape), time_axis, seconds)

    mel = probe.calls["aut_encoder"][0].inputs[0]
    stages = [Stage("question: waveform", tuple(waveform.shape), 0, asked), Stage("log-mel spectrogram", mel, 2, asked)]
    for i in range(len(omni.aut_encoder.stem.convs)):
        stages.append(joined(f"AuT: convolution {i + 1}", 2, asked, f"aut_encoder.stem.convs.{i}"))
    stages.append(joined("AuT: transformer", 1, asked, "aut_encoder.norm"))
    stages.append(joined("AuT: audio tokens", 1, asked, "aut_encoder.quantizer"))
    stages.append(joined("Thinker: prompt and reply", 1, None, "thinker.norm"))
    stages.append(joined("Thinker: text logits", 1, None, "thinker"))
    stages.append(joined("Thinker: talker logits", 1, None, "thinker.talker_head"))
    if not reply.tokens["codec"].numel():
        warnings.warn("the reply has no speech: the stages after the Thinker did not run", stacklevel=2)
        return stages, reply
    stages.append(joined("Talker: steps", 1, spoken, "talker.norm"))
    stages.append(Stage("Talker: codec tokens", tuple(reply.tokens["codec"].shape), 0, spoken))
    stages.append(joined("Code2Wav: frames", 2, spoken, "code2wav.proj"))
    for i, rate in enumerate(config.code2wav.upsample_rates):
        stages.append(joined(f"Code2Wav: ×{rate}", 2, spoken, f"code2wav.stages.{i}"))
    stages.append(Stage("answer: waveform", tuple(reply.waveform.shape), 0, spoken))
    return stages, reply
