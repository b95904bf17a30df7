"""Talker: the speech model. Talker tokens in, one frame of codec tokens out every 20 ms, each from those before it.

    step            0    1    2    3    4    5  …     codebook k is k steps late, so that it can follow the codes
    talker token    t0   t1   t2   pad  pad  pad      of its own frame in codebooks 0 … k-1
    codebook 0      a0   a1   a2   a3   end  end
    codebook 1      beg  b0   b1   b2   b3   end      input of step s: the codes of step s-1, embedded and summed,
    codebook 2      beg  beg  c0   c1   c2   c3  …    plus the embedding of talker token s

The delay pattern is as in MusicGen (Copet et al. 2023, section 2.2; the idea: Kharitonov et al. 2022); codes and text,
summed step by step, are what the Talkers of Qwen2.5-Omni and Qwen3-Omni read in HF transformers (the report, arXiv
2509.17765, section 2.4, names both, not the sum). The first step follows the first talker token; the first frame is
whole with the step of its last codebook. The backbone has the layers of the Thinker, every one sparse.
"""

from collections import deque
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .blocks.cache import KVCache
from .blocks.decoder import Decoder, initialise
from .checks import check_axes, check_ids, require
from .config import TalkerConfig
from .sampling import Sampling, sample


class Speech(NamedTuple):
    """Codec tokens of a batch, and how many frames of each row are speech; the frames after them are zero."""

    codec_tokens: Int[Tensor, "batch frames codebooks"]
    lengths: Int[Tensor, "batch"]


def delay_codes(
    codes: Int[Tensor, "batch frames codebooks"], begin_id: int, end_id: int
) -> Int[Tensor, "batch steps codebooks"]:
    """Move codebook k back by k steps: begin_id before its first code, end_id after its last; frames + codebooks steps.

    In rows of different lengths, put end_id in the frames past a row's end.
    """
    batch, frames, codebooks = codes.shape
    steps = codes.new_full((batch, frames + codebooks, codebooks), end_id)
    for k in range(codebooks):
        steps[:, :k, k] = begin_id
        steps[:, k : k + frames, k] = codes[:, :, k]
    return steps


def undelay_codes(steps: Int[Tensor, "batch steps codebooks"]) -> Int[Tensor, "batch frames codebooks"]:
    """Bring each frame's codes together again: steps - codebooks + 1 frames, the end frame of delay_codes included."""
    codebooks = steps.shape[-1]
    frames = steps.shape[1] - codebooks + 1
    return torch.stack([steps[:, k : k + frames, k] for k in range(codebooks)], dim=-1)


class Talker(Decoder):
    """A sparse decoder over steps of 20 ms, with one embedding and one head for each codebook."""

    def __init__(self, config: TalkerConfig):
        super().__init__(config)
        self.head_size = config.codebook_size + 1  # the codes and the end
        self.table_size = config.codebook_size + 2  # the codes, the end, the beginning
        self.talker_embedding = nn.Embedding(config.talker_vocab_size + 1, config.hidden_size)
        self.codec_embedding = nn.Embedding(config.num_codebooks * self.table_size, config.hidden_size)
        self.codec_head = nn.Linear(config.hidden_size, config.num_codebooks * self.head_size, bias=False)
        initialise(self, config.initializer_range)

    def forward(
        self,
        talker_tokens: Int[Tensor, "batch time"],
        codec_tokens: Int[Tensor, "batch steps codebooks"],
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch steps codebooks logits"]:
        """Teacher forcing: the logits of every step's codes, from the talker tokens up to it and the codes before it.

        codec_tokens are delayed as by delay_codes, but *not* shifted: logits[:, s] predict codec_tokens[:, s].
        talker_tokens past their end are the learned pad; those past the last step are not reached. With a cache, both
        begin where the last call ended. The logits of a codebook are its codes and, last, the end.
        Raises ValueError for ids out of range or more steps than max_position_embeddings.
        """
        config = self.config
        check_axes("Talker: talker_tokens", talker_tokens, "batch", "time")
        check_axes("Talker: codec_tokens", codec_tokens, "batch", "steps", "codebooks")
        check_ids("Talker: talker_tokens", talker_tokens, config.talker_vocab_size + 1)
        check_ids("Talker: codec_tokens", codec_tokens, self.table_size)
        batch, steps, codebooks = codec_tokens.shape
        require(steps >= 1, "Talker: codec_tokens have no step, expected at least 1")
        require(codebooks == config.num_codebooks, f"Talker: {codebooks} codebooks, expected {config.num_codebooks}")
        rows = talker_tokens.shape[0]
        require(rows == batch, f"Talker: {rows} rows of talker_tokens, {batch} of codec_tokens: expected as many")
        if cache is not None:
            cache.check_batch(batch)
        padded = talker_tokens.new_full((batch, steps), config.talker_pad_id)
        reached = min(steps, talker_tokens.shape[1])
        padded[:, :reached] = talker_tokens[:, :reached]
        first = codec_tokens.new_full((batch, 1, codebooks), config.begin_id)
        if cache is not None and cache.carried is not None:
            first = cache.carried
        logits = self.step_logits(padded, torch.cat([first, codec_tokens[:, :-1]], dim=1), cache)
        if cache is not None:
            cache.carried = codec_tokens[:, -1:].clone()  # the caller may write into its own
        return logits

    def step_logits(
        self,
        talker_tokens: Int[Tensor, "batch steps"],
        previous_codes: Int[Tensor, "batch steps codebooks"],
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch steps codebooks logits"]:
        """Logits of steps whose inputs are given as they are: talker token s beside the codes of step s - 1."""
        check_ids("Talker: talker_tokens", talker_tokens, self.config.talker_vocab_size + 1)
        return self.embedded_logits(self.talker_embedding(talker_tokens), previous_codes, cache)

    def embedded_logits(
        self,
        message: Float[Tensor, "batch steps hidden"],
        previous_codes: Int[Tensor, "batch steps codebooks"],
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch steps codebooks logits"]:
        """As step_logits, of talker tokens that are embedded already: in training, a loss can reach who chose them."""
        check_ids("Talker: codec_tokens", previous_codes, self.table_size)
        offsets = self.table_size * torch.arange(self.config.num_codebooks, device=previous_codes.device)
        codec = self.codec_embedding(previous_codes + offsets).sum(dim=2)
        hidden = self.decode(message + codec, cache=cache)
        return self.codec_head(hidden).unflatten(-1, (self.config.num_codebooks, self.head_size))

    def stream(self, sampling: Sampling | None = None, generator: torch.Generator | None = None) -> "TalkerStream":
        """Speak step by step: see TalkerStream."""
        return TalkerStream(self, sampling or Sampling(), generator or torch.Generator().manual_seed(0))

    @torch.no_grad()
    def generate(
        self,
        talker_tokens: Int[Tensor, "batch time"],
        max_frames: int = 500,
        sampling: Sampling | None = None,
        generator: torch.Generator | None = None,
    ) -> Speech:
        """Speak a whole message, until every row has ended or max_frames are out.

        A row with fewer talker tokens than others is filled up with config.talker_pad_id.
        """
        require(max_frames >= 1, f"Talker: max_frames = {max_frames}, expected at least 1")
        check_axes("Talker: talker_tokens", talker_tokens, "batch", "time")
        check_ids("Talker: talker_tokens", talker_tokens, self.config.talker_vocab_size + 1)
        batch, time = talker_tokens.shape
        require(batch >= 1, "Talker: talker_tokens have no row, expected at least 1")
        stream = self.stream(sampling, generator)
        pad = talker_tokens.new_full((batch,), self.config.talker_pad_id)
        frames = []
        while stream.goes_on(max_frames):
            frame = stream.push(talker_tokens[:, stream.steps] if stream.steps < time else pad)
            if frame is not None:
                frames.append(frame)
        longest = int(stream.lengths.max())
        empty = talker_tokens.new_zeros(batch, 0, self.config.num_codebooks)
        return Speech(torch.stack(frames, dim=1)[:, :longest] if frames else empty, stream.lengths)


class TalkerStream:
    """Speech as it comes: push a talker token for each row, get a frame of codes once its last codebook has come.

    Speech ends at the first frame for which *all* codebooks say so. A codebook that says so alone gives its most
    probable code, while the next step is told what it said. `ended` and `lengths` say how far each row has come. After
    the message, push talker_pad_id.
    """

    def __init__(self, talker: Talker, sampling: Sampling, generator: torch.Generator):
        penalty = sampling.repetition_penalty
        require(penalty == 1, f"Talker: repetition_penalty = {penalty}, expected 1: sounds repeat, it is for text")
        self.talker = talker
        self.sampling = sampling
        self.generator = generator
        self.cache = KVCache()
        self.reset()

    def reset(self) -> None:
        """Start anew, as if nothing had been said. The random generator is not rewound."""
        self.cache.reset()
        self.steps = 0
        self.previous: Int[Tensor, "batch codebooks"] | None = None
        self.recent_codes = deque(maxlen=self.talker.config.num_codebooks)
        self.recent_ends = deque(maxlen=self.talker.config.num_codebooks)
        self.ended: Bool[Tensor, "batch"] | None = None
        self.lengths: Int[Tensor, "batch"] | None = None

    def end(self, rows: Bool[Tensor, "batch"]) -> None:
        """Count rows as ended, whatever they would still say. Nothing happens before the first step."""
        if self.ended is not None:
            self.ended = self.ended | rows

    def goes_on(self, max_frames: int) -> bool:
        """False once every row has ended, or max_frames are out, or the positions are used up."""
        config = self.talker.config
        most = min(max_frames + config.num_codebooks - 1, config.max_position_embeddings)
        return self.steps < most and not (self.steps and bool(self.ended.all()))

    @torch.no_grad()
    def push(self, talker_token: Int[Tensor, "batch"]) -> Int[Tensor, "batch codebooks"] | None:
        """One step. Returns the frame that it completes; the first num_codebooks - 1 steps complete none: None."""
        config = self.talker.config
        check_axes("Talker: talker_token", talker_token, "batch")
        rows, previous = talker_token.shape[0], self.previous
        if previous is None:
            previous = talker_token.new_full((rows, config.num_codebooks), config.begin_id)
        began = previous.shape[0]
        require(rows == began, f"Talker: the stream began with {began} rows, this step has {rows}")
        logits = self.talker.step_logits(talker_token[:, None], previous[:, None], self.cache)[:, 0]
        if self.previous is None:  # only now: a first step that was refused leaves the stream as it was
            self.ended = torch.zeros(rows, dtype=torch.bool, device=talker_token.device)
            self.lengths = torch.zeros_like(talker_token)
        chosen = sample(logits, self.sampling, self.generator)
        codes = torch.where(chosen == config.end_id, logits[..., : config.end_id].argmax(dim=-1), chosen)
        chosen[:, self.steps + 1 :] = config.begin_id  # of codebooks whose first code is still to come
        self.previous = chosen
        self.recent_codes.append(codes)
        self.recent_ends.append(chosen == config.end_id)
        self.steps += 1
        if self.steps < config.num_codebooks:
            return None
        says_end = torch.stack([said[:, k] for k, said in enumerate(self.recent_ends)], dim=-1)
        frame = torch.stack([codes[:, k] for k, codes in enumerate(self.recent_codes)], dim=-1)
        assert frame.shape == says_end.shape == chosen.shape
        self.ended = self.ended | says_end.all(dim=-1)
        self.lengths = self.lengths + ~self.ended
        return frame.masked_fill(self.ended[:, None], 0)
