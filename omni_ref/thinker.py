"""Thinker: the language model. Text and audio tokens in; out of every position the next text token, and a talker token:
what the Thinker tells the Talker about the text token it has just read.

    text ids ─── embed_tokens ─┐                                          ┌─ lm_head ─────▶ next text token
                               ├─▶ dense, sparse, dense, sparse … ─ norm ─┤
    audio vectors ─ audio_proj ┘                                          └─ talker_head ─▶ talker token

The backbone is Qwen3-MoE (Qwen3 technical report, arXiv 2505.09388, section 2), with its parameter names; logits agree
with HF transformers. Audio enters by the codebook vectors of its tokens: audio ids are not text ids.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .blocks.cache import KVCache
from .blocks.decoder import Decoder, initialise
from .checks import check_axes, check_ids, require
from .config import ThinkerConfig


@dataclass
class ThinkerOutput:
    """Logits of the next text token, logits of this position's talker token, and the final hidden states below both."""

    text_logits: Float[Tensor, "batch time vocab"]
    talker_logits: Float[Tensor, "batch time talker_vocab"]
    hidden_states: Float[Tensor, "batch time hidden"]


class Thinker(Decoder):
    """A decoder-only transformer with grouped-query attention, alternately dense and sparse, and two heads."""

    def __init__(self, config: ThinkerConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.audio_proj = nn.Linear(config.audio_hidden_size, config.hidden_size, bias=False)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.talker_head = nn.Linear(config.hidden_size, config.talker_vocab_size, bias=False)
        initialise(self, config.initializer_range)

    def embed_text(self, input_ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time hidden"]:
        """Embeddings of text ids; ValueError for an id outside the vocabulary."""
        check_axes("Thinker: input_ids", input_ids, "batch", "time")
        check_ids("Thinker: input_ids", input_ids, self.config.vocab_size)
        return self.embed_tokens(input_ids)

    def embed_audio(self, quantized: Float[Tensor, "batch time audio_hidden"]) -> Float[Tensor, "batch time hidden"]:
        """The encoder's codebook vectors, mapped to the Thinker's width; they take the place of text embeddings."""
        came, wanted = quantized.shape[-1], self.config.audio_hidden_size
        require(came == wanted, f"Thinker: audio vectors of width {came}, expected audio_hidden_size = {wanted}")
        return self.audio_proj(quantized)

    def forward(
        self,
        input_ids: Int[Tensor, "batch time"] | None = None,
        inputs_embeds: Float[Tensor, "batch time hidden"] | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> ThinkerOutput:
        """Logits for `time` new positions, given as text ids or as embeddings, after the past ones in the cache.

        attention_mask (batch, past + time) is 1 at real positions and 0 at padding, on the left; position_ids
        (batch, time), if not given, count the real positions.
        Raises ValueError for ids out of range, more positions than max_position_embeddings, or a mask of another shape.
        """
        given = (input_ids is not None) + (inputs_embeds is not None)
        require(given == 1, f"Thinker: {given} of input_ids and inputs_embeds given, expected one of them")
        if inputs_embeds is None:
            inputs_embeds = self.embed_text(input_ids)
        check_axes("Thinker: inputs_embeds", inputs_embeds, "batch", "time", "hidden")
        width = self.config.hidden_size
        came = inputs_embeds.shape[-1]
        require(came == width, f"Thinker: inputs_embeds of width {came}, expected hidden_size = {width}")
        hidden = self.decode(inputs_embeds, position_ids, attention_mask, cache)
        output_embedding = self.embed_tokens if self.config.tie_word_embeddings else self.lm_head
        return ThinkerOutput(F.linear(hidden, output_embedding.weight), self.talker_head(hidden), hidden)
