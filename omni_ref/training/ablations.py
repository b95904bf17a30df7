"""What each ingredient is for: leave it out, train as long as with it, measure both.

    python -m omni_ref.training.ablations --folder build/training -o docs/training.md

It begins where a finished `train` left its corpus, codec, vocoder and reading. The runs are short: they show which way
it goes, not how far.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from ..blocks.cache import KVCache
from ..blocks.quantizer import perplexity, usage
from ..checks import pick_device
from ..config import OmniConfig
from ..omni import Omni
from ..talker import Speech, Talker
from . import cases
from .arithmetic import Arithmetic
from .card import insert, place_for
from .codec import Codec
from .corpus import Recordings
from .hearing import encode
from .judge import Judge
from .loop import Stage, train
from .losses import BalanceLoss
from .measures import operands
from .rows import IGNORED, lay_out, spell
from .run import load_finished
from .speaking import Replies, SpeakingStage
from .thinking import ListeningStage, ReadingStage, real_vectors, typed_row
from .voices import SAMPLE_RATE

CASES = 100
STEPS = {SpeakingStage: 1000, ListeningStage: 600, ReadingStage: 500}


class UndelayedReplies(Replies):
    """All codebooks of a frame at once."""

    def arranged(self, codes: Int[Tensor, "batch frames codebooks"]) -> Int[Tensor, "batch steps codebooks"]:
        """The codes and, after them, a frame of ends."""
        return F.pad(codes, (0, 0, 0, 1), value=self.config.end_id)


class FixedReplies(Replies):
    """Each recording has the same codes every time."""

    def steps(self, indices: list[int], rng: np.random.Generator) -> Int[Tensor, "batch steps codebooks"]:
        """At one level and offset, and each encoded alone: what it stands beside changes nothing."""
        rows = [super(FixedReplies, self).steps([i], np.random.default_rng(0))[0] for i in indices]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)


@torch.no_grad()
def generate_undelayed(talker: Talker, talker_tokens: Int[Tensor, "batch time"], max_frames: int) -> Speech:
    """Greedy: the four codes of a frame from one hidden state, none knowing of the others."""
    config, cache = talker.config, KVCache()
    batch = len(talker_tokens)
    previous = talker_tokens.new_full((batch, config.num_codebooks), config.begin_id)
    lengths, frames = torch.zeros_like(talker_tokens[:, 0]), []
    over, pad = lengths.bool(), torch.full_like(lengths, config.talker_pad_id)
    for step in range(max_frames):
        token = talker_tokens[:, step] if step < talker_tokens.shape[1] else pad
        logits = talker.step_logits(token[:, None], previous[:, None], cache)[:, 0]
        previous = logits.argmax(dim=-1)
        over = over | (previous == config.end_id).all(dim=-1)
        lengths = lengths + ~over
        frames.append(logits[..., : config.end_id].argmax(dim=-1))
        if over.all():
            break
    return Speech(torch.stack(frames, dim=1), lengths)


class WithoutDelay(SpeakingStage):
    """speaking without the delay pattern"""

    name, supply = "without-delay", UndelayedReplies


class WithoutVariation(SpeakingStage):
    """speaking from one rendering a sentence, always the same codes"""

    name, supply = "without-variation", FixedReplies


class WithoutCorruption(SpeakingStage):
    """speaking with a history that is always right"""

    name, corruption = "without-corruption", 0.0


class WithoutBalance(ReadingStage):
    """reading without the balance loss"""

    name = "without-balance"

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Show the balance, do not ask for it."""
        terms = super().losses(step, rng)
        terms["_balance"] = terms.pop("balance")
        return terms


class FromScratch(ListeningStage):
    """listening from untrained ears, with CTC, k-means of what they give"""

    name = "from-scratch"


class WithoutCTC(FromScratch):
    """the same without CTC: the text loss alone"""

    name, ctc_weight = "without-ctc", 0.0


class RandomCodebook(FromScratch):
    """the same with CTC, but from a random codebook"""

    name = "random-codebook"

    def begin(self, rng: np.random.Generator, batches: int = 0) -> None:
        """Leave the codebook as it was drawn."""


SPEAKING = (SpeakingStage, WithoutDelay, WithoutVariation, WithoutCorruption)
READING = (ReadingStage, WithoutBalance)
LISTENING = (FromScratch, WithoutCTC, RandomCodebook)


class Bench:
    """Builds a stage on what a finished run left, trains it for a short while, and measures it."""

    def __init__(self, folder: Path, device: torch.device):
        self.folder, self.device, self.task = folder, device, Arithmetic()

    def row(self, kind: type[Stage]) -> str:
        """A line of the table."""
        torch.manual_seed(0)
        omni = Omni.from_config(OmniConfig.mini(), 0, self.device)
        codec = Codec(omni.code2wav).to(self.device)
        stage = self.built(kind, omni, codec)
        family = next(base for base in STEPS if issubclass(kind, base))
        stage.schedule = replace(stage.schedule, steps=STEPS[family])
        train(stage, self.folder / "ablations", self.device)
        omni.eval()
        if family is SpeakingStage:
            found = self.spoken(omni, kind)
        else:
            found = self.loads(omni) if family is ReadingStage else self.heard(omni, stage)
        what = f"{kind.name}, as it is" if kind in STEPS else " ".join(kind.__doc__.split())
        return f"| {what} | {stage.schedule.steps} | {found} |"

    def built(self, kind: type[Stage], omni: Omni, codec: Codec) -> Stage:
        """A stage with what comes before it."""
        questions, words, replies = (f"{name}.npz" for name in ("questions", "words", "replies"))
        if issubclass(kind, ReadingStage):
            return kind(omni, self.task, self.device)
        if issubclass(kind, SpeakingStage):
            for name in ("codec", "vocoder"):
                load_finished(name, omni, codec, self.folder, self.device)
            return kind(omni, codec, Recordings.load(self.folder / replies), self.device)
        load_finished("reading", omni, codec, self.folder, self.device)
        supplies = (Recordings.load(self.folder / name) for name in (questions, words))
        return kind(omni, self.task, *supplies, self.device)

    def spoken(self, omni: Omni, kind: type[SpeakingStage]) -> str:
        """Of sentences never trained on, what the judge reads right."""
        texts, judge = [exchange.reply for exchange in self.task.held_out()[:CASES]], Judge(self.task.grammar())
        spelled, pad = [torch.tensor(spell(text)) for text in texts], omni.config.talker.talker_pad_id
        tokens = nn.utils.rnn.pad_sequence(spelled, batch_first=True, padding_value=pad).to(self.device)
        undelayed = issubclass(kind, WithoutDelay)
        speech = generate_undelayed(omni.talker, tokens, 250) if undelayed else omni.talker.generate(tokens, 250)
        read = []
        for codes, length in zip(speech.codec_tokens, speech.lengths.tolist(), strict=True):
            sound = omni.code2wav(codes[None, :length])[0].detach().cpu() if length else torch.zeros(SAMPLE_RATE // 10)
            read.append(judge.read(sound))
        pairs = list(zip(read, texts, strict=True))
        operands = np.mean([operands(ours) == operands(text) for ours, text in pairs])
        return (
            f"operands read right {100 * operands:.0f} %, sentences {100 * np.mean([a == b for a, b in pairs]):.0f} %"
        )

    def heard(self, omni: Omni, stage: ListeningStage) -> str:
        """Of questions by held-out voices, what is heard; how much of the codebook is used."""
        rng, task = np.random.default_rng(1), self.task
        tried = list(cases.asked(cases.trained_exchanges(task, rng, CASES), cases.held_out_voice, cases.clean, rng))
        asked = [{"audio": torch.from_numpy(case.waveform)} for case in tried]
        pairs = zip(tried, omni.respond_batch(asked, speak=False), strict=True)
        right = np.mean([operands(case.exchange.reply) == operands(reply.text) for case, reply in pairs])
        with torch.no_grad():
            output = encode(omni.aut_encoder, [stage.supply.draw(rng)[0] for _ in range(CASES)], self.device)
        codes, size = real_vectors(output, output.tokens), omni.config.aut_encoder.audio_vocab_size
        used = f"{100 * usage(codes, size):.0f} % of the codebook in use (perplexity {perplexity(codes, size):.0f})"
        return f"heard {100 * right:.0f} %, {used}"

    def loads(self, omni: Omni) -> str:
        """The busiest expert's load over the mean, layer by layer, for typed questions."""
        listener, rng = BalanceLoss(omni.thinker), np.random.default_rng(3)
        rows = lay_out(omni.tokenizer, [typed_row(self.task, rng) for _ in range(CASES)], []).to(self.device)
        with torch.no_grad():
            omni.thinker(input_ids=rows.ids)
        loads = []
        for seen in listener.seen:
            chosen = seen.top_k_index[rows.is_real.flatten()].flatten()
            load = torch.bincount(chosen, minlength=omni.config.thinker.num_experts).float()
            loads.append(f"{float(load.max() / load.mean()):.2f}")
        return f"largest / mean load of the experts, layer by layer: {', '.join(loads)}"


def main() -> None:
    """Run the ablations, print a line for each, and put the table into a page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, default=Path("build/training"))
    options.add_argument("--device")
    kinds = {kind.name: kind for kind in (*SPEAKING, *READING, *LISTENING)}
    options.add_argument("--only", nargs="+", choices=kinds, help="some of them; a page gets the whole table")
    options.add_argument("-o", "--output", type=Path, help="a page with a place for the table")
    chosen = options.parse_args()
    if chosen.output is not None:
        if chosen.only:
            options.error("--only with --output would delete the other rows")
        place_for(chosen.output, "ablations")
    torch.set_num_threads(1)
    bench, lines = Bench(chosen.folder, pick_device(chosen.device)), ["| what | steps | result |", "|---|---|---|"]
    for name in chosen.only or kinds:
        lines.append(bench.row(kinds[name]))
        print(lines[-1], flush=True)
    if chosen.output is not None:
        insert(chosen.output, "ablations", lines)


if __name__ == "__main__":
    main()
