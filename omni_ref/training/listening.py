"""The stages `listening` and `quantizing`, hearing and thinking: from questions in many voices to text.

    listening    continuous: the Thinker reads the encoder's features as they are
                 loss = text + 0.1 talker tokens + 0.3 CTC + 0.02 balance
    quantizing   k-means on the features becomes the codebook; the same losses and commitment, straight through it

Without the character CTC on the encoder (Graves et al. 2006) nothing is heard for a long time: the text loss alone sits
at the entropy of the replies. With a random codebook in the path from the start, the codebook collapses.

The talker tokens start as the plainest message there is: each reply byte, passed on. The stage `message` refines it.
"""

from dataclasses import dataclass

import numpy as np
import scipy.cluster.vq
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..audio import log_mel_spectrogram
from ..aut_encoder import AuTOutput
from ..blocks.moe import RouterOutput, TopKRouter, load_balancing_loss
from ..omni import Omni
from ..tokenizer import Tokenizer
from .arithmetic import Task
from .augment import masked, overheard, resampled, tinted, warped
from .corpus import Recordings, Speakers
from .loop import Schedule, Stage
from .voices import Waveform

IGNORED = -100
LETTERS = " abcdefghijklmnopqrstuvwxyz"
RATES = (0.82, 1.2)


class BalanceLoss:
    """Listens to the routers of a module; `take` gives the mean balance loss of the layers since the last time."""

    def __init__(self, module: nn.Module):
        self._seen: list[RouterOutput] = []
        for part in module.modules():
            if isinstance(part, TopKRouter):
                part.register_forward_hook(lambda _part, _args, output: self._seen.append(output))

    def take(self, is_real: Bool[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """Over the real positions only."""
        keep = is_real.flatten()
        terms = [load_balancing_loss(seen.probabilities[keep], seen.top_k_index[keep]) for seen in self._seen]
        self._seen.clear()
        return torch.stack(terms).mean()


@dataclass
class Rows:
    """Prompts with their replies, padded on the right: what goes into the Thinker, and what is to come out of it.

    `ids` hold anything where `is_audio`; `text_targets` and `talker_targets` are IGNORED where there is no target.
    """

    ids: Int[Tensor, "batch time"]
    is_audio: Bool[Tensor, "batch time"]
    is_real: Bool[Tensor, "batch time"]
    text_targets: Int[Tensor, "batch time"]
    talker_targets: Int[Tensor, "batch time"]


def lay_out(tokenizer: Tokenizer, rows: list[tuple[str, str | None, str]], audio_lengths: list[int]) -> Rows:
    """Lay out (task, text, reply) a row, the first len(audio_lengths) of them with so many audio positions.

    The last position of the prompt is to predict the reply's first token; its last token, <|im_end|>.
    """
    laid = []
    for i, (task, text, reply) in enumerate(rows):
        heard = audio_lengths[i] if i < len(audio_lengths) else 0
        before, after = tokenizer.prompt(task, text, has_audio=heard > 0)
        said = tokenizer.encode(reply).tolist()
        asked = len(before) + heard + len(after)
        ids = before + [0] * heard + after + said
        text_targets = [IGNORED] * (asked - 1) + said + [tokenizer.im_end]
        talker_targets = [IGNORED] * asked + said
        is_audio = [len(before) <= position < len(before) + heard for position in range(len(ids))]
        laid.append((ids, is_audio, [True] * len(ids), text_targets, talker_targets))
    fills = (0, False, False, IGNORED, IGNORED)
    padded = (
        nn.utils.rnn.pad_sequence([torch.tensor(row[k]) for row in laid], batch_first=True, padding_value=fill)
        for k, fill in enumerate(fills)
    )
    return Rows(*padded)


def letters_of(text: str) -> Int[Tensor, "letters"]:
    """Labels for CTC: 0 is its blank."""
    return torch.tensor([1 + LETTERS.index(letter) for letter in text])


class ListeningStage(Stage):
    """All that ends in text, in one batch: heard and typed questions, transcripts, words to say."""

    name = "listening"
    schedule = Schedule(steps=2500, batch=16, learning_rate=1.5e-3, weight_decay=0.05)
    quantized = False
    ctc_weight, balance_weight, talker_weight = 0.3, 0.02, 0.1

    def __init__(self, omni: Omni, task: Task, questions: Recordings, words: Recordings, device: torch.device):
        self.tokenizer, self.config, self.device = omni.tokenizer, omni.config, device
        self.task, self.questions, self.speakers = task, questions, Speakers(words)
        head = nn.Linear(omni.config.aut_encoder.hidden_size, 1 + len(LETTERS))
        parts = {"aut_encoder": omni.aut_encoder, "thinker": omni.thinker, "ctc_head": head}
        self.module = nn.ModuleDict(parts).to(device).train()
        self.module["aut_encoder"].quantizer.train(self.quantized)
        self.balance = BalanceLoss(omni.thinker)

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """A batch of heard rows, and half as many typed ones."""
        heard = [self.heard(rng) for _ in range(self.schedule.batch)]
        questions = [question for _, question in heard]
        rows = [self.spoken_row(question, rng) for question in questions]
        rows += [self.typed_row(rng) for _ in range(self.schedule.batch // 2)]
        output = self.encode([mel for mel, _ in heard])
        laid = lay_out(self.tokenizer, rows, output.lengths.tolist())
        vectors = output.quantized if self.quantized else output.features
        losses = self.thinker_losses(laid, vectors, output.lengths)
        losses["ctc"] = self.ctc_weight * self.ctc_loss(output, questions)
        if self.quantized:
            losses["commitment"] = output.losses["commitment"]
        return losses

    def encode(self, mels: list[Float[Tensor, "mels frames"]]) -> AuTOutput:
        """The batch's mels, padded, through the encoder."""
        lengths = torch.tensor([mel.shape[1] for mel in mels], device=self.device)
        batch = torch.stack([F.pad(mel, (0, int(lengths.max()) - mel.shape[1])) for mel in mels])
        return self.module["aut_encoder"](batch.to(self.device), lengths)

    def thinker_losses(
        self, laid: Rows, vectors: Float[Tensor, "batch time hidden"], lengths: Int[Tensor, "batch"]
    ) -> dict[str, Tensor]:
        """Next text token, this position's talker token, balance of the experts."""
        thinker, device = self.module["thinker"], self.device
        is_heard = torch.arange(vectors.shape[1], device=device) < lengths[:, None]
        embeds = thinker.embed_text(laid.ids.to(device))
        embeds = embeds.masked_scatter(laid.is_audio.to(device)[..., None], thinker.embed_audio(vectors)[is_heard])
        output = thinker(inputs_embeds=embeds)
        targets = laid.text_targets.to(device)
        text = F.cross_entropy(output.text_logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        talker_targets = laid.talker_targets.to(device).flatten()
        talker = F.cross_entropy(output.talker_logits.flatten(0, 1), talker_targets, ignore_index=IGNORED)
        right = (output.text_logits.argmax(dim=-1) == targets) | (targets == IGNORED)
        return {
            "text": text,
            "talker": self.talker_weight * talker,
            "balance": self.balance_weight * self.balance.take(laid.is_real.to(device)),
            "_heard_right": right[: len(lengths)].all(dim=1).float().mean(),
            "_typed_right": right[len(lengths) :].all(dim=1).float().mean(),
        }

    def ctc_loss(self, output: AuTOutput, questions: list[str]) -> Float[Tensor, ""]:
        """Letters from the encoder's features. A recording too short for its letters counts as nothing."""
        labels = [letters_of(question) for question in questions]
        log_probabilities = self.module["ctc_head"](output.features).log_softmax(dim=-1).transpose(0, 1)
        sizes = torch.tensor([len(label) for label in labels])
        joined = torch.cat(labels).to(self.device)
        return F.ctc_loss(log_probabilities, joined, output.lengths.cpu(), sizes, zero_infinity=True)

    def heard(self, rng: np.random.Generator) -> tuple[Float[Tensor, "mels frames"], str]:
        """A question as it may come over a bad line, as log-mel, and its words."""
        waveform, question = self.spoken(rng)
        config = self.config.aut_encoder
        mel = log_mel_spectrogram(torch.from_numpy(overheard(waveform, rng))[None], config)[0]
        mel = tinted(warped(mel, rng), rng)
        return (masked(mel, rng) if rng.random() < 0.5 else mel), question

    def spoken(self, rng: np.random.Generator) -> tuple[Waveform, str]:
        """Half of the questions in one breath, half spliced from single words."""
        if rng.random() < 0.5:
            i = int(rng.integers(len(self.questions)))
            return resampled(self.questions[i], float(rng.uniform(*RATES))), str(self.questions.texts[i])
        question = self.task.exchange(rng).question
        return self.speakers.splice(question, rng, natural_share=0.4, gaps=(0.0, 0.3), rates=RATES), question

    def spoken_row(self, question: str, rng: np.random.Generator) -> tuple[str, str | None, str]:
        """Answer it, mostly; else write it down."""
        if rng.random() < 0.75:
            return "answer", None, self.task.answer(question)
        return "transcribe", None, question

    def typed_row(self, rng: np.random.Generator) -> tuple[str, str | None, str]:
        """Answer a typed question, mostly; else repeat the words that are to be said."""
        if rng.random() < 0.75:
            exchange = self.task.exchange(rng)
            return "answer", exchange.question, exchange.reply
        words = self.task.utterance(rng)
        return "say", words, words


class QuantizingStage(ListeningStage):
    """Listening goes on through the codebook: k-means first, then straight-through."""

    name = "quantizing"
    schedule = Schedule(steps=600, batch=16, learning_rate=5e-4, warmup=30, weight_decay=0.05)
    quantized = True

    @torch.no_grad()
    def begin(self, rng: np.random.Generator, batches: int = 40) -> None:
        """Put the codes on the k-means centres of what the encoder makes of some batches."""
        features = []
        for _ in range(batches):
            output = self.encode([self.heard(rng)[0] for _ in range(self.schedule.batch)])
            is_real = torch.arange(output.features.shape[1], device=self.device) < output.lengths[:, None]
            features.append(output.features[is_real].cpu())
        vectors = torch.cat(features).double().numpy()
        size = self.config.aut_encoder.audio_vocab_size
        centres, _ = scipy.cluster.vq.kmeans2(vectors, size, iter=20, minit="++", seed=rng)
        self.module["aut_encoder"].quantizer.set_codebook(torch.from_numpy(centres).float().to(self.device))
