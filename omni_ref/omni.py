"""The pipeline: sound or text in, text and sound out, as they come.

    audio ─ log-mel ─ AuTEncoder ─ codebook vectors ─┐
                                                     ├─▶ Thinker ─ text token ─▶ TextPiece
    task and text ─ tokenizer ─ embeddings ──────────┘      └─ talker token ─▶ Talker ─ frame ─▶ Code2Wav ─▶ AudioPiece

One text token is one Thinker step, one talker token and one Talker step. The first frame of speech is whole after as
many Talker steps as there are codebooks. When the text is over, the Talker goes on alone until all its codebooks say
that speech is over.

    prompt   <|im_start|> task [: text] [<|audio_start|> audio … <|audio_end|>] <|im_end|>
    reply    <|im_start|> text … <|im_end|>
"""

import os
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .audio import log_mel_spectrogram
from .aut_encoder import AuTEncoder
from .blocks.cache import KVCache
from .checkpoint import load_config, load_weights
from .checks import pick_device, require
from .code2wav import Code2Wav
from .config import OmniConfig
from .sampling import sample
from .talker import Talker, TalkerStream
from .thinker import Thinker
from .tokenizer import Tokenizer
from .turn import AudioInput, AudioPiece, Generation, Reply, TextPiece, Turn

SHIPPED = Path(__file__).parent / "weights"


class ReplyStream(Iterator[TextPiece | AudioPiece]):
    """Iterate to get the pieces of a reply as they come; then `reply` is the whole."""

    def __init__(self, pieces: Iterator[TextPiece | AudioPiece], turn: Turn, speak: bool):
        self.pieces, self.turn, self.speak = pieces, turn, speak
        self.reply: Reply | None = None

    def __next__(self) -> TextPiece | AudioPiece:
        try:
            return next(self.pieces)
        except StopIteration:
            self.reply = self.turn.reply(self.speak)
            raise


class Omni(nn.Module):
    """The four components and the tokenizer, joined. Turns are independent: nothing is kept from one to the next."""

    def __init__(self, config: OmniConfig, tokenizer: Tokenizer | None = None):
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer or Tokenizer.byte_level()
        known, room = self.tokenizer.vocab_size, config.thinker.vocab_size
        require(
            known <= room, f"the tokenizer has {known} ids, but thinker.vocab_size = {room}: make that {known} or more"
        )
        self.aut_encoder = AuTEncoder(config.aut_encoder)
        self.thinker = Thinker(config.thinker)
        self.talker = Talker(config.talker)
        self.code2wav = Code2Wav(config.code2wav)

    @classmethod
    def from_config(cls, config: OmniConfig, seed: int = 0, device: str | torch.device | None = None) -> "Omni":
        """A model with random weights, the same for the same seed."""
        device = pick_device(device)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # not torch.manual_seed: that would reseed every GPU, too
            return cls(config).eval().to(device)

    @classmethod
    def from_pretrained(cls, path: str | os.PathLike | None = None, device: str | torch.device | None = None) -> "Omni":
        """Load a checkpoint folder; without a path, the mini model that ships in the package.

        device: "cpu", "cuda" …; None takes a GPU if there is one. Raises FileNotFoundError or ValueError for a
        checkpoint that is missing, cut short or does not fit, ValueError for a device that is not there.
        """
        folder = SHIPPED if path is None else path
        omni = cls.from_config(load_config(folder), device=device)
        load_weights(folder, omni)
        return omni

    @property
    def device(self) -> torch.device:
        """Where the weights are, and so where everything is computed."""
        return self.thinker.norm.weight.device

    def respond(
        self,
        audio: AudioInput | None = None,
        text: str | None = None,
        task: str = "answer",
        speak: bool = True,
        generation: Generation | None = None,
    ) -> Reply:
        """Answer a question, transcribe it, or say a text. `audio`: mono samples at 16 kHz in [-1, 1], or a file name.

        Raises ValueError for a task, an audio or a text that does not fit, for a prompt longer than the positions, and
        in training mode; FileNotFoundError if there is no such file.
        """
        return self.respond_batch([dict(audio=audio, text=text, task=task)], speak, generation)[0]

    def respond_batch(
        self, questions: list[dict], speak: bool = True, generation: Generation | None = None
    ) -> list[Reply]:
        """Several questions at once, each a dict of respond's audio, text and task.

        At temperature 0 each reply is what it is alone; above, the draws depend on the batch.
        """
        unknown = sorted({key for question in questions for key in question} - {"audio", "text", "task"})
        require(not unknown, f"a question with {', '.join(map(repr, unknown))}, expected audio, text and task")
        turns = [Turn(self.config, self.tokenizer, self.code2wav, **question) for question in questions]
        for _ in self.run(turns, speak, generation or Generation()):
            pass
        return [turn.reply(speak) for turn in turns]

    def stream(
        self,
        audio: AudioInput | None = None,
        text: str | None = None,
        task: str = "answer",
        speak: bool = True,
        generation: Generation | None = None,
    ) -> ReplyStream:
        """Like respond, in pieces: iterate over TextPiece and AudioPiece as they come.

        A prompt that is too long, or a model in training mode, is refused at the first piece, not here.
        """
        turn = Turn(self.config, self.tokenizer, self.code2wav, audio, text, task)
        return ReplyStream(self.run([turn], speak, generation or Generation()), turn, speak)

    @torch.inference_mode()
    def run(self, turns: list[Turn], speak: bool, generation: Generation) -> Iterator[TextPiece | AudioPiece]:
        """Think and speak for a batch of turns until each has ended; the pieces of all of them, as they come."""
        require(not self.training, "the model is in training mode, where quantizers learn: call .eval() first")
        require(len(turns) > 0, "no question came, expected at least one")
        generator = torch.Generator().manual_seed(generation.seed)
        talker = self.talker.stream(generation.speech, generator)
        for text_ids, talker_tokens in self._think(turns, generation, generator):
            for turn, text_id, talker_token in zip(turns, text_ids.tolist(), talker_tokens.tolist(), strict=True):
                if text_id != self.tokenizer.im_end:
                    yield from turn.add_text(text_id, talker_token)
            if speak and talker.goes_on(generation.max_frames):
                yield from self._speak(turns, talker, talker_tokens, generation)
        talker.end(torch.tensor([not turn.text_ids for turn in turns], device=self.device))  # nobody waits for them
        while talker.steps and talker.goes_on(generation.max_frames):
            pad = torch.full_like(talker_tokens, self.config.talker.talker_pad_id)
            yield from self._speak(turns, talker, pad, generation)
        for turn in turns:
            yield from turn.finish()

    def _think(
        self, turns: list[Turn], generation: Generation, generator: torch.Generator
    ) -> Iterator[tuple[Int[Tensor, "batch"], Int[Tensor, "batch"]]]:
        """Each turn's next text token and its talker token; <|im_end|> and the pad for turns that are over."""
        embeds, lengths, mask = self._prompts(turns)
        room = self.config.thinker.max_position_embeddings - lengths
        cache, end = KVCache(), self.tokenizer.im_end
        suppressed = [index for index in self.tokenizer.special_ids if index != end]
        suppressed += range(self.tokenizer.vocab_size, self.config.thinker.vocab_size)
        logits = self.thinker(inputs_embeds=embeds, attention_mask=mask, cache=cache).text_logits[:, -1]
        seen = torch.empty(len(turns), 0, dtype=torch.long, device=self.device)
        over = torch.zeros(len(turns), dtype=torch.bool, device=self.device)
        for step in range(generation.max_text_tokens):
            logits[:, suppressed] = float("-inf")
            text_ids = sample(logits, generation.text, generator, seen)
            over = over | (text_ids == end) | (step >= room)
            text_ids = text_ids.masked_fill(over, end)
            if over.all():
                return
            seen = torch.cat([seen, text_ids[:, None]], dim=1)
            if mask is not None:
                mask = torch.cat([mask, ~over[:, None]], dim=1)
            output = self.thinker(input_ids=text_ids[:, None], attention_mask=mask, cache=cache)
            logits = output.text_logits[:, -1]
            talker_tokens = output.talker_logits[:, -1].argmax(dim=-1)
            yield text_ids, talker_tokens.masked_fill(over, self.config.talker.talker_pad_id)

    def _speak(
        self, turns: list[Turn], talker: TalkerStream, talker_tokens: Int[Tensor, "batch"], generation: Generation
    ) -> Iterator[AudioPiece]:
        """One Talker step for all turns; a frame for each that has something to say and still says it."""
        frames = talker.push(talker_tokens)
        if frames is None:
            return
        for turn, frame, over in zip(turns, frames, talker.ended.tolist(), strict=True):
            if turn.text_ids and not over:
                yield from turn.add_frame(frame, generation.frames_per_piece)

    def _prompts(
        self, turns: list[Turn]
    ) -> tuple[Float[Tensor, "batch time hidden"], Int[Tensor, "batch"], Bool[Tensor, "batch time"] | None]:
        """The turns' prompts as embeddings, padded on the left to one length; their lengths; what is real, if not all.

        ValueError for a prompt that leaves no room for a reply.
        """
        self._listen([turn for turn in turns if turn.waveform is not None])
        device, rows = self.device, []
        for turn in turns:
            before, after = turn.prompt
            vectors = self.aut_encoder.quantizer.lookup(turn.audio_tokens.to(device))
            heard = self.thinker.embed_audio(vectors[None])[0]
            rows.append(torch.cat([self._embed(before), heard, self._embed(after)]))
        longest, positions = max(map(len, rows)), self.config.thinker.max_position_embeddings
        require(
            longest < positions,
            f"the prompt takes {longest} positions, and thinker.max_position_embeddings = {positions} "
            "leaves no room for a reply: shorten the audio or the text",
        )
        embeds = torch.stack([nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
        lengths = torch.tensor([len(row) for row in rows], device=device)
        is_real = torch.arange(longest, device=device) >= longest - lengths[:, None]
        return embeds, lengths, None if is_real.all() else is_real

    def _listen(self, turns: list[Turn]) -> None:
        if not turns:
            return
        mels = [log_mel_spectrogram(turn.waveform[None].to(self.device), self.config.aut_encoder)[0] for turn in turns]
        lengths = torch.tensor([mel.shape[-1] for mel in mels], device=self.device)
        longest = int(lengths.max())
        batch = torch.stack([nn.functional.pad(mel, (0, longest - mel.shape[-1])) for mel in mels])
        heard = self.aut_encoder.encode(batch, lengths)
        for turn, tokens, length in zip(turns, heard.tokens, heard.lengths.tolist(), strict=True):
            turn.audio_tokens = tokens[:length]
            turn.clock("listened")

    def _embed(self, ids: list[int]) -> Float[Tensor, "time hidden"]:
        return self.thinker.embed_text(torch.tensor([ids], device=self.device))[0]
