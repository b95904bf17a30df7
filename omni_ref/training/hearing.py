"""The stage `hearing`: the AuT encoder learns which letters it hears, from many voices over bad lines, with CTC alone.

Text loss through the Thinker alone does not teach hearing: for a long time it sits at the entropy of the replies. CTC
(Graves et al. 2006, section 3) asks every stretch of sound for its letters. It begins in a quiet room and hardens by
degrees.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..audio import log_mel_spectrogram
from ..aut_encoder import AuTEncoder, AuTOutput
from ..checks import require
from ..config import AuTEncoderConfig
from ..omni import Omni
from .arithmetic import Task
from .augment import masked, overheard, paced, resampled, tinted, warped
from .corpus import Recordings, Speakers
from .loop import Schedule, Stage
from .losses import ctc_loss, ctc_text
from .rows import LETTERS
from .voices import Waveform

RATES = (0.82, 1.2)
NATURAL_SHARE = 0.5
GROUPS = 4
Mel = Float[Tensor, "mels _"]  # one of several, each of its own length


class SpokenQuestions:
    """An endless supply of questions as log-mel: no two alike; `hardness`, 0 to 1, is how likely a disturbance is."""

    def __init__(self, task: Task, questions: Recordings, words: Recordings, config: AuTEncoderConfig):
        self.task, self.questions, self.speakers, self.config = task, questions, Speakers(words), config
        is_synthetic = np.char.startswith(questions.speakers, "espeak")
        self.synthetic, self.natural = np.flatnonzero(is_synthetic), np.flatnonzero(~is_synthetic)
        counts = f"{len(self.synthetic)} by espeak-ng, {len(self.natural)} by natural voices"
        require(len(self.synthetic) > 0 and len(self.natural) > 0, f"questions: {counts}, expected both")

    def draw(self, rng: np.random.Generator, hardness: float = 1.0) -> tuple[Mel, str]:
        """A question as it may come, and its words."""
        waveform, question = self.spoken(rng)
        heard = torch.from_numpy(overheard(waveform, rng, hardness))
        mel = log_mel_spectrogram(heard[None], self.config)[0]
        if rng.random() < 0.5 * hardness:
            mel = paced(mel, rng)
        if rng.random() < hardness:
            mel = tinted(warped(mel, rng), rng)
        return (masked(mel, rng) if rng.random() < 0.5 * hardness else mel), question

    def spoken(self, rng: np.random.Generator) -> tuple[Waveform, str]:
        """Half of the questions in one breath, half spliced from single words."""
        if rng.random() < 0.5:
            pool = self.natural if rng.random() < NATURAL_SHARE else self.synthetic
            i = int(pool[rng.integers(len(pool))])
            return resampled(self.questions[i], float(rng.uniform(*RATES))), str(self.questions.texts[i])
        question = self.task.exchange(rng).question
        return self.speakers.splice(question, rng, NATURAL_SHARE, gaps=(0.0, 0.3), rates=RATES), question


def encode(encoder: AuTEncoder, mels: list[Mel], device: torch.device) -> AuTOutput:
    """Mels of different lengths through the encoder, as one batch."""
    lengths = torch.tensor([mel.shape[1] for mel in mels], device=device)
    longest = int(lengths.max())
    batch = torch.stack([F.pad(mel, (0, longest - mel.shape[1])) for mel in mels])
    return encoder(batch.to(device), lengths)


def alike_in_length(drawn: list[tuple[Mel, str]], groups: int = GROUPS) -> list[list[tuple[Mel, str]]]:
    """The same questions in groups of one size, short ones with short ones: half of a mixed batch would be padding."""
    ordered = sorted(drawn, key=lambda pair: pair[0].shape[1])
    size = -(-len(ordered) // groups)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


class HearingStage(Stage):
    """Letters from sound. The quantizer looks on: its turn comes in `listening`."""

    name = "hearing"
    schedule = Schedule(steps=3400, batch=24, learning_rate=2e-3, weight_decay=0.05)
    steps_to_full_hardness = 1000

    def __init__(self, omni: Omni, task: Task, questions: Recordings, words: Recordings, device: torch.device):
        self.supply = SpokenQuestions(task, questions, words, omni.config.aut_encoder)
        self.device = device
        head = nn.Linear(omni.config.aut_encoder.hidden_size, 1 + len(LETTERS))
        self.module = nn.ModuleDict({"aut_encoder": omni.aut_encoder, "ctc_head": head}).to(device).train()
        omni.aut_encoder.quantizer.eval()

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """CTC of a batch; "_right": the share of questions spelled without an error."""
        hardness = min(1.0, step / self.steps_to_full_hardness)
        drawn = [self.supply.draw(rng, hardness) for _ in range(self.schedule.batch)]
        losses, right = [], []
        for group in alike_in_length(drawn):
            mels, questions = zip(*group, strict=True)
            output = encode(self.module["aut_encoder"], list(mels), self.device)
            logits = self.module["ctc_head"](output.features)
            losses.append(len(group) / len(drawn) * ctc_loss(logits, output.lengths, list(questions)))
            spelled = [ctc_text(row[:length]) for row, length in zip(logits.detach(), output.lengths, strict=True)]
            right += [ours == question for ours, question in zip(spelled, questions, strict=True)]
        return {"ctc": torch.stack(losses).sum(), "_right": torch.tensor(np.mean(right))}
