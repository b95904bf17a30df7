"""A step of each training stage: samples a second, and how much of the machine's matrix product it reaches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from omni_ref.config import OmniConfig
from omni_ref.omni import Omni
from omni_ref.training.arithmetic import Arithmetic
from omni_ref.training.codec import Codec, CodecStage
from omni_ref.training.corpus import Recordings
from omni_ref.training.hearing import HearingStage
from omni_ref.training.loop import Stage, step_generator
from omni_ref.training.speaking import MessageStage, SpeakingStage
from omni_ref.training.thinking import ListeningStage, ReadingStage
from omni_ref.training.vocoder import VocoderStage
from omni_ref.training.voices import SAMPLE_RATE

from .timing import matmul_rate, medians

CPU, THREADS = torch.device("cpu"), 1
ROWS = 64


@dataclass(frozen=True)
class Step:
    """What a stage does in a second."""

    stage: str
    batch: int
    seconds: float
    operations: int

    @property
    def share(self) -> float:
        """Of the rate of a matrix product, on as many threads."""
        return self.operations / self.seconds / matmul_rate(THREADS)


def noise(texts: list[str], seconds: float, speakers: list[str]) -> Recordings:
    """Recordings as long as those of the corpus, from 0.6 to 1.4 times `seconds`; what they hold takes no time."""
    rng = np.random.default_rng(0)
    lengths = (seconds * SAMPLE_RATE * rng.uniform(0.6, 1.4, len(texts))).astype(int)
    waveforms = [rng.uniform(-0.1, 0.1, length).astype(np.float32) for length in lengths]
    return Recordings.of(zip(waveforms, texts, speakers, strict=True))


def stages() -> Iterator[Stage]:
    """Each recipe at mini size on sound of the corpus's lengths."""
    task, rng = Arithmetic(), np.random.default_rng(0)
    omni = Omni.from_config(OmniConfig.mini(), device="cpu")
    codec = Codec(omni.code2wav)
    exchanges = [task.exchange(rng) for _ in range(ROWS)]
    replies = noise([exchange.reply for exchange in exchanges], 1.6, ["heart"] * ROWS)
    questions = noise([exchange.question for exchange in exchanges], 1.5, ["espeak 0", "heart"] * (ROWS // 2))
    spoken = [(word, speaker) for speaker in ("espeak 0", "heart 0") for word in task.words()]
    words = noise([word for word, _ in spoken], 0.4, [speaker for _, speaker in spoken])
    yield CodecStage(codec, replies, CPU)
    yield VocoderStage(codec, replies, CPU)
    yield ReadingStage(omni, task, CPU)
    yield HearingStage(omni, task, questions, words, CPU)
    yield ListeningStage(omni, task, questions, words, CPU)
    yield SpeakingStage(omni, codec, replies, CPU)
    yield MessageStage(omni, codec, replies, task, CPU)


def measured(stage: Stage) -> Step:
    """Draw, forward, backward, update; the gradient is not clipped."""
    torch.set_num_threads(THREADS)
    parameters = [parameter for parameter in stage.module.parameters() if parameter.requires_grad]
    optimizer, rng = torch.optim.AdamW(parameters, lr=1e-5), step_generator(0, stage.name, 0)
    stage.begin(rng)

    def step() -> None:
        losses = stage.losses(1000, rng)
        optimizer.zero_grad(set_to_none=True)
        torch.stack([value for name, value in losses.items() if not name.startswith("_")]).sum().backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    return Step(stage.name, stage.schedule.batch, medians(step)[0], counter.get_total_flops())


def stage_lines() -> Iterator[str]:
    """A row a stage."""
    yield "| a training step of | ms | rows a second | GFLOP/s | share of the matrix product's rate |"
    yield "|---|---|---|---|---|"
    for stage in stages():
        step = measured(stage)
        rate = step.operations / step.seconds / 1e9
        sizes = f"{1000 * step.seconds:.0f} | {step.batch / step.seconds:.1f} | {rate:.0f}"
        yield f"| {step.stage} | {sizes} | {100 * step.share:.0f} % |"
