"""The ledger: what a configuration costs, row by row, from its numbers alone. Nothing is built to count it.

Conventions. *Active*: the parameters that one token's computation reads: of an embedding table the row it looks up, of
the experts the chosen ones, of Thinker and Talker nothing of what only other inputs use; all of AuT and Code2Wav.
*FLOPs*: two for each multiply-add of matrix products and convolutions, for one token of the component: a 25 Hz audio
token, a Thinker position, a Talker step, a Code2Wav frame; attention over `context` positions. *Bytes*:
bfloat16.
"""

from dataclasses import dataclass
from math import log2, prod

from ..blocks.decoder import is_sparse
from ..config import AuTEncoderConfig, Code2WavConfig, OmniConfig, TalkerConfig, ThinkerConfig

BYTES_PER_NUMBER = 2  # bfloat16


@dataclass(frozen=True)
class Row:
    """One kind of part of one component, all its layers together; `flops` are those of one token."""

    component: str
    part: str
    parameters: int
    active: int
    flops: int = 0


def ledger(config: OmniConfig, context: int = 1000) -> list[Row]:
    """Every part of the model in the order in which sound passes through it."""
    rows = aut_encoder_rows(config.aut_encoder, context)
    rows += thinker_rows(config.thinker, context)
    rows += talker_rows(config.talker, context)
    return rows + code2wav_rows(config.code2wav)


def total(rows: list[Row], component: str | None = None) -> Row:
    """The sum of all rows, or of those of one component."""
    chosen = [row for row in rows if component in (None, row.component)]
    sums = (sum(getattr(row, name) for row in chosen) for name in ("parameters", "active", "flops"))
    return Row(component or "all", "sum", *sums)


def _dense(component: str, part: str, weights: int, extra: int = 0, uses: int = 1) -> Row:
    """A part of which each of `weights` is multiplied `uses` times a token; `extra` are biases, norms and the like."""
    return Row(component, part, weights + extra, weights + extra, 2 * weights * uses)


def _attention(component: str, config, layers: int, context: int, qk_norm: bool) -> list[Row]:
    query, shared = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    weights = layers * config.hidden_size * (2 * query + 2 * shared)
    norms = layers * 2 * config.head_dim if qk_norm else 0
    return [
        _dense(component, f"attention, {layers} layers: q, k, v, o", weights, norms),
        Row(component, f"attention, {layers} layers: scores and sums", 0, 0, layers * 4 * query * context),
    ]


def aut_encoder_rows(config: AuTEncoderConfig, context: int) -> list[Row]:
    """Two convolutions, a dense transformer, the codebook."""
    name, hidden, layers = "AuT", config.hidden_size, config.num_hidden_layers
    widths = (config.n_mels, hidden // 2, hidden)
    rows = []
    for i, kernel in enumerate(config.conv_kernel_sizes):
        positions_per_token = prod(config.conv_strides[i + 1 :])
        weights = widths[i] * widths[i + 1] * kernel
        rows.append(_dense(name, f"convolution {i + 1} of the stem", weights, widths[i + 1], positions_per_token))
    rows += _attention(name, config, layers, context, qk_norm=False)
    return [
        *rows,
        _dense(name, f"MLP, {layers} layers", layers * 3 * hidden * config.intermediate_size),
        _dense(name, "norms", 0, (2 * layers + 1) * hidden),
        _dense(name, "codebook", config.audio_vocab_size * hidden),
    ]


def _experts(component: str, config: ThinkerConfig | TalkerConfig, layers: int) -> list[Row]:
    expert = 3 * config.hidden_size * config.moe_intermediate_size
    active = layers * config.num_experts_per_tok * expert
    experts = Row(
        component,
        f"experts, {layers} layers: {config.num_experts_per_tok} of {config.num_experts} a token",
        layers * config.num_experts * expert,
        active,
        2 * active,
    )
    return [_dense(component, f"router, {layers} layers", layers * config.hidden_size * config.num_experts), experts]


def thinker_rows(config: ThinkerConfig, context: int) -> list[Row]:
    """Dense and sparse layers, embeddings and two heads."""
    name, hidden, layers = "Thinker", config.hidden_size, config.num_hidden_layers
    sparse = sum(is_sparse(config, layer) for layer in range(layers))
    dense = layers - sparse
    vocabulary = config.vocab_size * hidden
    output = Row(name, "lm_head (the token embedding again)", 0, vocabulary, 2 * vocabulary)
    return [
        Row(name, "token embedding", vocabulary, 0 if config.tie_word_embeddings else hidden),
        Row(name, "audio map", config.audio_hidden_size * hidden, 0),
        *_attention(name, config, layers, context, qk_norm=True),
        _dense(name, f"dense MLP, {dense} layers", dense * 3 * hidden * config.intermediate_size),
        *_experts(name, config, sparse),
        _dense(name, "norms", 0, (2 * layers + 1) * hidden),
        output if config.tie_word_embeddings else _dense(name, "lm_head", vocabulary),
        _dense(name, "talker_head", config.talker_vocab_size * hidden),
    ]


def talker_rows(config: TalkerConfig, context: int) -> list[Row]:
    """Sparse layers, embeddings of talker and codec tokens, one head a codebook."""
    name, hidden, layers, codebooks = "Talker", config.hidden_size, config.num_hidden_layers, config.num_codebooks
    codec_embedding = codebooks * (config.codebook_size + 2) * hidden
    return [
        Row(name, "talker token embedding", (config.talker_vocab_size + 1) * hidden, hidden),
        Row(name, "codec token embeddings", codec_embedding, codebooks * hidden),
        *_attention(name, config, layers, context, qk_norm=True),
        *_experts(name, config, layers),
        _dense(name, "norms", 0, (2 * layers + 1) * hidden),
        _dense(name, f"{codebooks} heads", codebooks * (config.codebook_size + 1) * hidden),
    ]


def code2wav_rows(config: Code2WavConfig) -> list[Row]:
    """Embeddings, a 1×1 convolution, the upsampling stages, the last convolution."""
    name, hidden = "Code2Wav", config.hidden_size
    table = config.num_codebooks * config.codebook_size * config.embedding_dim
    rows = [Row(name, "codebooks", table, table), _dense(name, "1×1 convolution", hidden * hidden, hidden)]
    channels, positions = hidden, 1
    for rate in config.upsample_rates:
        halved = channels // 2
        upsample = _dense(name, f"×{rate} transposed convolution", channels * halved * 2 * rate, halved, positions)
        channels, positions = halved, positions * rate
        blocks = config.num_residual_blocks
        weights = blocks * channels * channels * (config.residual_kernel_size + 1)
        rows += [upsample, _dense(name, f"×{rate} residual blocks", weights, blocks * 2 * channels, positions)]
    return [*rows, _dense(name, "last convolution", channels * config.kernel_size, 1, positions)]


def kv_cache_bytes(config: ThinkerConfig | TalkerConfig, positions: int = 1) -> int:
    """Keys and values of `positions` tokens in every layer."""
    numbers = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    return positions * numbers * BYTES_PER_NUMBER


def bit_rates(config: OmniConfig) -> dict[str, float]:
    """Bits a second that the discrete interfaces can carry: what is heard, and what is said."""
    codec = config.code2wav
    return {
        "audio tokens": config.aut_encoder.token_rate * log2(config.aut_encoder.audio_vocab_size),
        "codec tokens": codec.frame_rate * codec.num_codebooks * log2(codec.codebook_size),
    }
