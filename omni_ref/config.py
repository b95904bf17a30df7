"""Every number of the model, in four frozen dataclasses and one that holds them together.

    OmniConfig ── aut_encoder   waveform 16 kHz → mel 100 Hz → audio tokens 25 Hz
               ├─ thinker       audio tokens and text → text and talker tokens
               ├─ talker        talker tokens → codec tokens, num_codebooks of them 50 times a second
               └─ code2wav      codec tokens → waveform 16 kHz

Field names follow the configuration of Qwen3-MoE in HF transformers where both have a field. Every rate (mel frames,
audio tokens, output samples a second) is derived from the fields; none is typed twice.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from math import prod
from typing import no_type_check

from .checks import check_attention, check_keys, check_numbers, require, require_divides


@no_type_check  # __post_init__ checks every field, in words
@dataclass(frozen=True)
class AuTEncoderConfig:
    """Mel spectrogram and AuT encoder: what turns a waveform into audio tokens."""

    hidden_size: int = 1024  # width of the encoder, and of its codebook's vectors
    num_hidden_layers: int = 24  # transformer layers
    num_attention_heads: int = 16  # heads of a layer
    frame_size: int = 400  # samples in a window of the spectrogram
    hop_size: int = 160  # samples from one window to the next
    n_mels: int = 128  # mel filters: rows of the spectrogram
    n_fft: int = 512  # points of the Fourier transform; a window is padded to it
    audio_vocab_size: int = 4096  # audio tokens: entries of the codebook
    rms_norm_eps: float = 1e-6  # added to the mean square before its root is taken
    sample_rate: int = 16000  # samples a second of the waveform
    intermediate_size: int = 4096  # width inside the gated MLP
    rope_theta: float = 1e4  # base of RoPE's wavelengths
    conv_kernel_sizes: tuple[int, ...] = (7, 3)  # mel frames, then frames of the first, that one output sees
    conv_strides: tuple[int, ...] = (2, 2)  # how many frames the two convolutions make one of
    mel_floor: float = 1e-10  # the least energy, before the logarithm
    mel_dynamic_range: float = 8.0  # decades below the peak that are kept
    codebook_decay: float = 0.99  # share of the old codebook in its moving average
    commitment_weight: float = 0.25  # weight of the loss that ties vectors to their codes
    dead_code_threshold: float = 0.1  # a code that is used less than this is moved
    initializer_range: float = 0.02  # standard deviation of new linear layers

    def __post_init__(self):
        check_numbers(self)
        name = type(self).__name__
        require_divides(name, "num_attention_heads", self.num_attention_heads, "hidden_size", self.hidden_size)
        width = f"hidden_size / num_attention_heads = {self.hidden_size} / {self.num_attention_heads} = {self.head_dim}"
        require(self.head_dim % 2 == 0, f"{name}: {width} is odd, but RoPE turns pairs of numbers")
        require(
            self.hop_size <= self.frame_size <= self.n_fft,
            f"{name}: expected hop_size <= frame_size <= n_fft, got {self.hop_size}, {self.frame_size}, {self.n_fft}",
        )
        require_divides(name, "hop_size", self.hop_size, "sample_rate", self.sample_rate)
        kernels, strides = self.conv_kernel_sizes, self.conv_strides
        two = len(kernels) == len(strides) == 2 and all(kernel % 2 for kernel in kernels)
        require(two, f"{name}: conv_kernel_sizes = {kernels}, conv_strides = {strides}: expected two each, sizes odd")
        require_divides(name, "prod(conv_strides)", prod(self.conv_strides), "mel_rate", self.mel_rate)
        require(self.codebook_decay < 1, f"{name}: codebook_decay = {self.codebook_decay}, expected less than 1")

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def num_key_value_heads(self) -> int:
        """Every query head has its own."""
        return self.num_attention_heads

    @property
    def mel_rate(self) -> int:
        """Mel frames a second."""
        return self.sample_rate // self.hop_size

    @property
    def token_rate(self) -> int:
        """Audio tokens a second."""
        return self.mel_rate // prod(self.conv_strides)


@no_type_check
@dataclass(frozen=True)
class ThinkerConfig:
    """The language model: audio tokens and text in, text and talker tokens out."""

    hidden_size: int = 4096  # width of the residual stream
    num_hidden_layers: int = 40  # decoder layers
    num_attention_heads: int = 32  # query heads
    num_key_value_heads: int = 8  # key/value heads; consecutive query heads share one
    head_dim: int = 128  # width of a head
    intermediate_size: int = 11008  # width inside a dense MLP
    moe_intermediate_size: int = 2816  # width inside an expert
    num_experts: int = 64  # experts of a sparse layer
    num_experts_per_tok: int = 4  # experts that a token goes to
    decoder_sparse_step: int = 2  # layer i is sparse where i + 1 is a multiple of it
    norm_topk_prob: bool = True  # whether the chosen experts' weights are scaled to sum to 1
    max_position_embeddings: int = 32768  # positions of prompt and reply together
    rope_theta: float = 1e6  # base of RoPE's wavelengths
    rms_norm_eps: float = 1e-6  # added to the mean square before its root is taken
    vocab_size: int = 151936  # text tokens, in and out
    tie_word_embeddings: bool = False  # whether lm_head is the embedding table
    hidden_act: str = "silu"  # activation of the gated MLPs
    audio_hidden_size: int = 1024  # width of the audio vectors: the AuT encoder's
    talker_vocab_size: int = 4096  # talker tokens that talker_head tells apart
    initializer_range: float = 0.02  # standard deviation of new weights

    def __post_init__(self):
        check_numbers(self)
        check_attention(self)


@no_type_check
@dataclass(frozen=True)
class TalkerConfig:
    """The speech model: talker tokens in, frames of codec tokens out. Every layer is a sparse one."""

    hidden_size: int = 1536  # width of the residual stream
    num_hidden_layers: int = 24  # decoder layers, every one sparse
    num_attention_heads: int = 12  # query heads
    num_key_value_heads: int = 4  # key/value heads; consecutive query heads share one
    head_dim: int = 128  # width of a head
    moe_intermediate_size: int = 1024  # width inside an expert
    num_experts: int = 32  # experts of a layer
    num_experts_per_tok: int = 4  # experts that a token goes to
    num_codebooks: int = 4  # codes of a frame; codebook k comes k steps late
    codebook_size: int = 2048  # codes of a codebook, without begin and end
    rms_norm_eps: float = 1e-6  # added to the mean square before its root is taken
    hidden_act: str = "silu"  # activation of the gated MLPs
    norm_topk_prob: bool = True  # whether the chosen experts' weights are scaled to sum to 1
    max_position_embeddings: int = 32768  # steps of one reply's speech
    rope_theta: float = 1e6  # base of RoPE's wavelengths
    talker_vocab_size: int = 4096  # talker tokens that can come from the Thinker
    initializer_range: float = 0.02  # standard deviation of new weights

    def __post_init__(self):
        check_numbers(self)
        check_attention(self)

    @property
    def decoder_sparse_step(self) -> int:
        """Every layer is sparse."""
        return 1

    @property
    def end_id(self) -> int:
        """The id past the codes that says: speech is over."""
        return self.codebook_size

    @property
    def begin_id(self) -> int:
        """The id that stands in a codebook's input before its first code. It is never predicted."""
        return self.codebook_size + 1

    @property
    def talker_pad_id(self) -> int:
        """The talker token that stands where the Thinker's message has run out."""
        return self.talker_vocab_size


@no_type_check
@dataclass(frozen=True)
class Code2WavConfig:
    """The vocoder: frames of codec tokens in, waveform out."""

    hidden_size: int = 512  # channels before the first upsampling; each stage halves them
    num_upsample_layers: int = 4  # upsampling stages
    upsample_rates: tuple[int, ...] = (8, 5, 4, 2)  # by how much each stage raises the rate
    num_residual_blocks: int = 3  # residual blocks a stage
    num_codebooks: int = 4  # codes of a frame
    codebook_size: int = 2048  # codes of a codebook
    frame_rate: int = 50  # frames of codes a second
    kernel_size: int = 7  # taps of the last convolution
    residual_kernel_size: int = 3  # taps of a residual block's dilated convolution
    dilation_growth_rate: int = 3  # block i is dilated by its i-th power

    def __post_init__(self):
        check_numbers(self)
        name = type(self).__name__
        require(
            len(self.upsample_rates) == self.num_upsample_layers,
            f"{name}: num_upsample_layers = {self.num_upsample_layers}, but upsample_rates = "
            f"{list(self.upsample_rates)} has {len(self.upsample_rates)} entries",
        )
        require_divides(name, "num_codebooks", self.num_codebooks, "hidden_size", self.hidden_size)
        halved = 2**self.num_upsample_layers
        require_divides(name, "2 ** num_upsample_layers", halved, "hidden_size", self.hidden_size)

    @property
    def embedding_dim(self) -> int:
        """Width of one codebook's vectors."""
        return self.hidden_size // self.num_codebooks

    @property
    def samples_per_frame(self) -> int:
        """How many samples of the waveform one frame of codes becomes."""
        return prod(self.upsample_rates)

    @property
    def sample_rate(self) -> int:
        """Samples a second of the waveform."""
        return self.frame_rate * self.samples_per_frame


@no_type_check
@dataclass(frozen=True)
class OmniConfig:
    """The four configurations, checked against each other: a mismatch raises ValueError with both names and values."""

    aut_encoder: AuTEncoderConfig = field(default_factory=AuTEncoderConfig)
    thinker: ThinkerConfig = field(default_factory=ThinkerConfig)
    talker: TalkerConfig = field(default_factory=TalkerConfig)
    code2wav: Code2WavConfig = field(default_factory=Code2WavConfig)

    def __post_init__(self):
        for entry in dataclasses.fields(self):
            came, wanted = type(getattr(self, entry.name)), entry.default_factory
            require(came is wanted, f"OmniConfig: {entry.name} is a {came.__name__}, expected {wanted.__name__}")
        self._require_equal("talker", "num_codebooks", "code2wav", "num_codebooks")
        self._require_equal("talker", "codebook_size", "code2wav", "codebook_size")
        self._require_equal("thinker", "talker_vocab_size", "talker", "talker_vocab_size")
        self._require_equal("thinker", "audio_hidden_size", "aut_encoder", "hidden_size")
        rate, vocoder = self.aut_encoder.sample_rate, self.code2wav
        require(
            vocoder.sample_rate == rate,
            f"OmniConfig: code2wav.frame_rate × prod(code2wav.upsample_rates) = {vocoder.frame_rate} × "
            f"{vocoder.samples_per_frame} = {vocoder.sample_rate}, but aut_encoder.sample_rate = {rate}",
        )

    def _require_equal(self, left: str, left_field: str, right: str, right_field: str) -> None:
        one, other = getattr(getattr(self, left), left_field), getattr(getattr(self, right), right_field)
        require(one == other, f"OmniConfig: {left}.{left_field} = {one}, but {right}.{right_field} = {other}")

    @classmethod
    def full(cls) -> "OmniConfig":
        """The specification. Build it on the meta device: it has 54 billion parameters."""
        return cls()

    @classmethod
    def mini(cls) -> "OmniConfig":
        """About 10 million parameters: small enough to be trained, and to answer, on a laptop's CPU."""
        # fmt: off
        decoder = dict(
            hidden_size=192, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2, head_dim=32,
            moe_intermediate_size=192, num_experts=8, num_experts_per_tok=2, max_position_embeddings=2048,
            talker_vocab_size=512,
        )
        return cls(
            AuTEncoderConfig(
                hidden_size=128, num_hidden_layers=4, num_attention_heads=4, n_mels=80, audio_vocab_size=512,
                intermediate_size=512,
            ),
            ThinkerConfig(**decoder, intermediate_size=512, vocab_size=260, audio_hidden_size=128),
            TalkerConfig(**decoder, codebook_size=256),
            Code2WavConfig(hidden_size=256, codebook_size=256),
        )
        # fmt: on

    @classmethod
    def tiny(cls) -> "OmniConfig":
        """For tests, in milliseconds. No two axes have one length, so no transposed axis passes by luck."""
        # fmt: off
        return cls(
            AuTEncoderConfig(
                hidden_size=88, num_hidden_layers=2, num_attention_heads=4, n_mels=24, audio_vocab_size=37,
                intermediate_size=50,
            ),
            ThinkerConfig(
                hidden_size=28, num_hidden_layers=2, num_attention_heads=12, num_key_value_heads=6, head_dim=30,
                intermediate_size=52, moe_intermediate_size=29, num_experts=17, num_experts_per_tok=2,
                max_position_embeddings=512, vocab_size=260, audio_hidden_size=88, talker_vocab_size=41,
            ),
            TalkerConfig(
                hidden_size=34, num_hidden_layers=2, num_attention_heads=14, num_key_value_heads=7, head_dim=16,
                moe_intermediate_size=23, num_experts=13, num_experts_per_tok=5, num_codebooks=3, codebook_size=19,
                max_position_embeddings=512, talker_vocab_size=41,
            ),
            Code2WavConfig(hidden_size=144, num_codebooks=3, codebook_size=19),
        )
        # fmt: on

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "OmniConfig":
        """Read what to_json wrote. An unknown or missing key is a ValueError that names it."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"OmniConfig: this is not JSON: {error}") from error
        parts = {entry.name: entry.default_factory for entry in dataclasses.fields(cls)}
        check_keys("OmniConfig", values, parts)
        for name, part in parts.items():
            check_keys(f"OmniConfig.{name}", values[name], [entry.name for entry in dataclasses.fields(part)])
        return cls(**{name: part(**values[name]) for name, part in parts.items()})
