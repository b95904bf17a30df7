"""The stages `reading` and `listening`: the Thinker learns to answer, first what it reads, then what it hears.

    reading     typed questions and words to say; no sound. Sums are learned here, at a fraction of the cost
    listening   sound joins in: k-means on the encoder's features becomes the codebook, and all three learn together,
                gradients passing straight through the choice of an audio token

From the text loss alone, with no letters learned by CTC before or beside it, the codebook collapses: docs/training.md.
"""

import numpy as np
import torch
from jaxtyping import Float
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor, nn

from ..aut_encoder import AuTOutput, real_positions
from ..omni import Omni
from ..thinker import Thinker
from .arithmetic import Task
from .corpus import Recordings
from .hearing import Mel, SpokenQuestions, alike_in_length, encode
from .loop import Schedule, Stage
from .losses import BalanceLoss, ctc_loss, reply_losses
from .rows import LETTERS, Rows, lay_out

Row = tuple[str, str | None, str]


def typed_row(task: Task, rng: np.random.Generator) -> Row:
    """Answer a typed question, mostly; else repeat the words that are to be said."""
    if rng.random() < 0.75:
        exchange = task.exchange(rng)
        return "answer", exchange.question, exchange.reply
    words = task.utterance(rng)
    return "say", words, words


def spoken_row(task: Task, question: str, rng: np.random.Generator) -> Row:
    """Answer a spoken question, mostly; else write it down."""
    return ("answer", None, task.answer(question)) if rng.random() < 0.75 else ("transcribe", None, question)


def thinker_losses(
    thinker: Thinker, balance: BalanceLoss, rows: Rows, heard: Float[Tensor, "positions audio_hidden"] | None
) -> dict[str, Tensor]:
    """Teacher forcing; `heard` are the encoder's vectors for the audio positions of all rows, one after the other."""
    embeds = thinker.embed_text(rows.ids)
    if heard is not None:
        embeds = embeds.masked_scatter(rows.is_audio[..., None], thinker.embed_audio(heard[None])[0])
    losses = reply_losses(thinker(inputs_embeds=embeds), rows)
    return losses | {"balance": balance.take(rows.is_real)}


class ReadingStage(Stage):
    """Typed rows only."""

    name = "reading"
    schedule = Schedule(steps=1200, batch=32, learning_rate=2e-3, weight_decay=0.1)

    def __init__(self, omni: Omni, task: Task, device: torch.device):
        self.tokenizer, self.task, self.device = omni.tokenizer, task, device
        self.module = omni.thinker.to(device).train()
        self.balance = BalanceLoss(self.module)

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Text, talker tokens, balance."""
        rows = [typed_row(self.task, rng) for _ in range(self.schedule.batch)]
        return thinker_losses(self.module, self.balance, lay_out(self.tokenizer, rows, []).to(self.device), None)


class ListeningStage(Stage):
    """Heard rows through the codebook, and typed ones so that nothing is forgotten."""

    name = "listening"
    schedule = Schedule(steps=1350, batch=16, learning_rate=1e-3, warmup=50, weight_decay=0.05)
    ctc_weight, typed_weight = 0.3, 0.5

    def __init__(self, omni: Omni, task: Task, questions: Recordings, words: Recordings, device: torch.device):
        self.supply = SpokenQuestions(task, questions, words, omni.config.aut_encoder)
        self.tokenizer, self.task, self.device = omni.tokenizer, task, device
        head = nn.Linear(omni.config.aut_encoder.hidden_size, 1 + len(LETTERS))
        parts = {"aut_encoder": omni.aut_encoder, "thinker": omni.thinker, "ctc_head": head}
        self.module = nn.ModuleDict(parts).to(device).train()
        self.balance = BalanceLoss(omni.thinker)

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """A batch of heard rows in two groups, and half as many typed ones."""
        drawn = [self.supply.draw(rng) for _ in range(self.schedule.batch)]
        groups = [self.heard(group, rng) for group in alike_in_length(drawn, 2)]
        heard = {name: torch.stack([losses[name] for losses in groups]).mean() for name in groups[0]}
        typed_rows = lay_out(self.tokenizer, [typed_row(self.task, rng) for _ in range(self.schedule.batch // 2)], [])
        typed = thinker_losses(self.module["thinker"], self.balance, typed_rows.to(self.device), None)
        both = {name: heard[name] + self.typed_weight * typed[name] for name in ("text", "talker", "balance")}
        return heard | both | {"_typed_right": typed["_right"]}

    def heard(self, group: list[tuple[Mel, str]], rng: np.random.Generator) -> dict[str, Tensor]:
        """Thinker's losses, CTC and commitment of questions that are spoken."""
        mels, questions = zip(*group, strict=True)
        output = encode(self.module["aut_encoder"], list(mels), self.device)
        rows = lay_out(
            self.tokenizer, [spoken_row(self.task, question, rng) for question in questions], output.lengths.tolist()
        ).to(self.device)
        vectors = real_vectors(output, output.quantized)
        ctc = ctc_loss(self.module["ctc_head"](output.features), output.lengths, list(questions))
        losses = thinker_losses(self.module["thinker"], self.balance, rows, vectors)
        return losses | output.losses | {"ctc": self.ctc_weight * ctc}

    @torch.no_grad()
    def begin(self, rng: np.random.Generator, batches: int = 40) -> None:
        """Put the codes on the k-means centres of what the encoder makes of some batches."""
        vectors = []
        for _ in range(batches):
            mels = [self.supply.draw(rng)[0] for _ in range(self.schedule.batch)]
            output = encode(self.module["aut_encoder"].eval(), mels, self.device)
            vectors.append(real_vectors(output, output.features).cpu().numpy())
        quantizer = self.module["aut_encoder"].train().quantizer
        size, seed = len(quantizer.codebook), int(rng.integers(2**31))
        means = MiniBatchKMeans(size, n_init=1, batch_size=4096, random_state=seed)
        centres = means.fit(np.concatenate(vectors)).cluster_centers_
        quantizer.set_codebook(torch.from_numpy(centres).to(self.device))


def real_vectors(output: AuTOutput, vectors: Float[Tensor, "batch time hidden"]) -> Float[Tensor, "positions hidden"]:
    """The vectors of the real positions of all rows, one after the other."""
    return vectors[real_positions(output.lengths, vectors.shape[1])]
