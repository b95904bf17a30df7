"""The stages `speaking` and `message`: the Talker learns what the reply voice says, as codec tokens.

    speaking   the message is spelled: talker token t is byte t of the reply, with its word and whether it ends it
    message    the Thinker's talker_head chooses the tokens; the Talker's loss reaches it straight through the choice

Three things keep the Talker from learning its sentences by heart: there are many; every time a recording is used, it
begins at another place within its frame and at another level, so that its codes differ; and a random share of the
history that the Talker reads is wrong, so that it does not trust it blindly.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..blocks.quantizer import straight_through
from ..config import TalkerConfig
from ..omni import Omni
from ..talker import Talker, delay_codes
from .arithmetic import Task
from .codec import Codec
from .corpus import Recordings
from .loop import Schedule, Stage
from .losses import BalanceLoss
from .rows import IGNORED, NUM_SYMBOLS, lay_out, spell


class Replies:
    """Recordings of the reply voice as codes, never twice the same."""

    def __init__(self, codec: Codec, recordings: Recordings, config: TalkerConfig, device: torch.device):
        self.codec, self.recordings, self.config, self.device = codec.to(device).eval(), recordings, config, device

    def steps(self, indices: list[int], rng: np.random.Generator) -> Int[Tensor, "batch steps codebooks"]:
        """Delayed codes of a batch, up to and with the end; IGNORED after it and begin_id before each codebook."""
        waveforms, frame = [], self.codec.samples_per_frame
        for i in indices:
            level, offset = np.float32(rng.uniform(0.75, 1.1)), int(rng.integers(frame))
            waveform = np.pad(self.recordings[i] * level, (offset, frame - 1))
            waveforms.append(torch.from_numpy(waveform[: len(waveform) // frame * frame]))
        codes = self.codec.encode(nn.utils.rnn.pad_sequence(waveforms, batch_first=True).to(self.device))
        lengths = [len(waveform) // frame for waveform in waveforms]
        rows = [self.arranged(row[None, :length])[0] for row, length in zip(codes, lengths, strict=True)]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)

    def arranged(self, codes: Int[Tensor, "batch frames codebooks"]) -> Int[Tensor, "batch steps codebooks"]:
        """The delay pattern."""
        return delay_codes(codes, self.config.begin_id, self.config.end_id)


def corrupted(
    codes: Int[Tensor, "batch steps codebooks"], codebook_size: int, rng: np.random.Generator, most: float
) -> Int[Tensor, "batch steps codebooks"]:
    """In three rows of four, a share of up to `most` of the codes replaced by random ones; begin and end ids stay."""
    share = rng.uniform(0, most, size=(codes.shape[0], 1, 1)) * (rng.random((codes.shape[0], 1, 1)) < 0.75)
    hit = torch.from_numpy(rng.random(codes.shape) < share).to(codes.device)
    noise = torch.from_numpy(rng.integers(codebook_size, size=codes.shape)).to(codes.device)
    return torch.where(hit & (codes < codebook_size), noise, codes)


def codebook_weights(count: int, progress: float) -> Float[Tensor, "codebooks"]:
    """What each codebook counts, 1 on average: half as much as the one before it at first, at the end all the same.

    The first says which words are spoken: they come first, and the finer sound later.
    """
    weights = (0.5 + 0.5 * progress) ** torch.arange(count, dtype=torch.float32, device="cpu")
    return weights / weights.mean()


def talker_loss(
    talker: Talker,
    message: Float[Tensor, "batch time hidden"],
    steps: Int[Tensor, "batch steps codebooks"],
    rng: np.random.Generator,
    corruption: float,
) -> tuple[Float[Tensor, "codebooks"], Int[Tensor, ""]]:
    """Cross-entropy of all codes and ends, summed codebook by codebook; and how many those are together.

    `message` is embedded and padded already: a position a step.
    """
    config = talker.config
    assert message.shape[:2] == steps.shape[:2]
    history = steps.masked_fill(steps == IGNORED, config.end_id)
    history = corrupted(history, config.codebook_size, rng, corruption)
    first = history.new_full((len(history), 1, config.num_codebooks), config.begin_id)
    logits = talker.embedded_logits(message, torch.cat([first, history[:, :-1]], dim=1))
    targets = steps.masked_fill(steps == config.begin_id, IGNORED)
    losses = F.cross_entropy(logits.flatten(0, 2), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return losses.view_as(targets).sum(dim=(0, 1)), (targets != IGNORED).sum()


class SpeakingStage(Stage):
    """The message is the reply, spelled."""

    name = "speaking"
    schedule = Schedule(steps=3600, batch=16, learning_rate=1.5e-3)
    corruption, groups = 0.3, 2
    supply = Replies

    def __init__(self, omni: Omni, codec: Codec, recordings: Recordings, device: torch.device):
        self.config, self.device = omni.config.talker, device
        self.replies = self.supply(codec, recordings, omni.config.talker, device)
        self.module = omni.talker.to(device).train()
        self.balance = BalanceLoss(self.module)

    @torch.no_grad()
    def begin(self, rng: np.random.Generator) -> None:
        """A talker token starts as the sum of its letter, its word, and whether it is the last one of it.

        So a letter starts alike in every word, and a word's end starts alike in all.
        """
        table = self.module.talker_embedding.weight
        words = -(-len(table) // (2 * NUM_SYMBOLS))
        letter, is_last, word = (torch.randn(count, table.shape[1]) for count in (NUM_SYMBOLS, 2, words))
        together = (word[:, None, None] + is_last[:, None] + letter).flatten(0, 2)[: len(table)]
        table.copy_(together / 3**0.5 * float(table.std()))

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Codes of a batch of replies, weighted; in groups of like length, each padded to its own longest."""
        recordings = self.replies.recordings
        chosen = rng.integers(len(recordings), size=self.schedule.batch)
        ordered = chosen[recordings.lengths[chosen].argsort()]
        losses, counts, balances = [], [], []
        for group in np.array_split(ordered, min(self.groups, len(ordered))):
            steps = self.replies.steps(group.tolist(), rng)
            message = self.spelled(recordings.texts[group].tolist(), steps.shape[1])
            loss, count = talker_loss(self.module, message, steps, rng, self.corruption)
            losses.append(loss)
            counts.append(count)
            balances.append(self.balance.take((steps != IGNORED).any(dim=-1)))
        codes = torch.stack(losses).sum(dim=0) / torch.stack(counts).sum()
        weights = codebook_weights(self.config.num_codebooks, step / self.schedule.steps).to(codes.device)
        weighted, balance = (codes * weights).sum(), torch.stack(balances).mean()
        return {"_codes": codes.sum(), "weighted": weighted, "balance": balance}

    def spelled(self, texts: list[str], steps: int) -> Float[Tensor, "batch steps hidden"]:
        """The texts, spelled, as talker tokens, embedded, then the pad."""
        pad = self.config.talker_pad_id
        rows = [F.pad(torch.tensor(spell(text)), (0, steps), value=pad)[:steps] for text in texts]
        return self.module.talker_embedding(torch.stack(rows).to(self.device))


class MessageStage(Stage):
    """The Thinker finds its own words for the Talker: its talker_head and the Talker learn, its layers stay."""

    name = "message"
    schedule = Schedule(steps=150, batch=16, learning_rate=1e-4, warmup=20)
    corruption = SpeakingStage.corruption

    def __init__(self, omni: Omni, codec: Codec, recordings: Recordings, task: Task, device: torch.device):
        self.tokenizer, self.config, self.device = omni.tokenizer, omni.config.talker, device
        self.replies = Replies(codec, recordings, omni.config.talker, device)
        self.thinker = omni.thinker.to(device).eval()
        self.module = nn.ModuleDict({"talker": omni.talker, "talker_head": omni.thinker.talker_head}).to(device)
        self.balance = BalanceLoss(omni.talker)
        self.question = {exchange.reply: exchange.question for exchange in task.exchanges()}

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Codes of a batch of replies, half of the answers among them asked for, all others to be said."""
        chosen = rng.integers(len(self.replies.recordings), size=self.schedule.batch).tolist()
        texts = [str(self.replies.recordings.texts[i]) for i in chosen]
        steps = self.replies.steps(chosen, rng)
        message = self.message([self.row(text, rng) for text in texts], steps.shape[1])
        loss, count = talker_loss(self.module["talker"], message, steps, rng, self.corruption)
        is_real = (steps != IGNORED).any(dim=-1)
        return {"codes": loss.sum() / count, "balance": self.balance.take(is_real)}

    def row(self, text: str, rng: np.random.Generator) -> tuple[str, str, str]:
        """A prompt to which the text is the reply."""
        if text in self.question and rng.random() < 0.5:
            return "answer", self.question[text], text
        return "say", text, text

    def message(self, rows: list[tuple[str, str, str]], steps: int) -> Float[Tensor, "batch steps hidden"]:
        """What the Thinker tells the Talker of each reply: its likeliest talker tokens, embedded, then the pad."""
        laid = lay_out(self.tokenizer, rows, [])
        with torch.no_grad():
            hidden = self.thinker(input_ids=laid.ids.to(self.device)).hidden_states
        table = self.module["talker"].talker_embedding.weight
        pad = table[self.config.talker_pad_id]
        messages = []
        for row, targets in zip(hidden, laid.talker_targets.to(self.device), strict=True):
            soft = self.module["talker_head"](row[targets != IGNORED]).softmax(dim=-1)
            hard = F.one_hot(soft.argmax(dim=-1), soft.shape[-1]).to(soft.dtype)
            chosen = straight_through(soft, hard) @ table[: self.config.talker_vocab_size]
            missing = max(steps - len(chosen), 0)
            messages.append(torch.cat([chosen, pad.expand(missing, -1)])[:steps])
        return torch.stack(messages)
