"""What is raced against what: decoders against transformers, log-mel against librosa, Code2Wav against Mimi."""

from collections.abc import Iterator

import librosa
import numpy as np
import torch
from parity.hf import qwen3_moe
from parity.test_code2wav import mimi_decoder
from torch import Tensor, nn
from transformers import DynamicCache, Qwen3MoeForCausalLM, Qwen3MoeModel, WhisperFeatureExtractor

from omni_ref.audio import log_mel_spectrogram
from omni_ref.blocks.cache import KVCache
from omni_ref.blocks.decoder import lay_out_for_decoding
from omni_ref.checkpoint import load_qwen3_moe
from omni_ref.code2wav import Code2Wav
from omni_ref.config import AuTEncoderConfig, Code2WavConfig, OmniConfig, ThinkerConfig
from omni_ref.sampling import Sampling
from omni_ref.talker import Talker
from omni_ref.thinker import Thinker

from .timing import Race

MIDDLE = dict(
    hidden_size=512, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4, head_dim=64,
    intermediate_size=1408, moe_intermediate_size=352, num_experts=16, num_experts_per_tok=4, vocab_size=4096,
)  # fmt: skip
STEPS = 64
EXPERTS = "grouped_mm"  # how transformers runs experts unless told otherwise


def sizes_of(config: ThinkerConfig) -> dict[str, int]:
    """The fields of a configuration that MIDDLE names."""
    return {name: getattr(config, name) for name in MIDDLE}


def thinkers(sizes: dict[str, int]) -> tuple[Thinker, Qwen3MoeForCausalLM]:
    """Ours, and a Qwen3-MoE with the same weights."""
    shared = dict(max_position_embeddings=16384, rope_theta=1e6, rms_norm_eps=1e-6, norm_topk_prob=True)
    fields = sizes | shared | dict(decoder_sparse_step=2, tie_word_embeddings=False)
    theirs = qwen3_moe(Qwen3MoeForCausalLM, fields, torch.float32, EXPERTS)
    ours = Thinker(ThinkerConfig(**fields, audio_hidden_size=8, talker_vocab_size=8)).eval()
    load_qwen3_moe(ours, theirs.state_dict())
    return ours, theirs


def decoding(what: str, sizes: dict[str, int], batch: int, bar: float) -> Race:
    """One token after another, each from all before it; for one row, our weights as lay_out_for_decoding puts them."""
    ours, theirs = thinkers(sizes)
    if batch == 1:
        lay_out_for_decoding(ours)
    token = torch.randint(sizes["vocab_size"], (batch, 1), generator=torch.Generator().manual_seed(0))

    def ours_decodes() -> Tensor:
        cache = KVCache()
        return [ours(token, cache=cache).text_logits for _ in range(STEPS)][-1]

    def theirs_decodes() -> Tensor:
        cache = DynamicCache()
        return [theirs(token, past_key_values=cache).logits for _ in range(STEPS)][-1]

    return Race(what, "Qwen3-MoE", bar, ours_decodes, theirs_decodes, STEPS)


def prefill(time: int = 512) -> Race:
    """A whole prompt at once."""
    ours, theirs = thinkers(MIDDLE)
    ids = torch.randint(MIDDLE["vocab_size"], (1, time), generator=torch.Generator().manual_seed(0))
    return Race(
        f"prefill of {time} tokens, middle size", "Qwen3-MoE", 1.0, lambda: ours(ids).text_logits,
        lambda: theirs(ids, use_cache=False).logits,
    )  # fmt: skip


class TransformersTalker(nn.Module):
    """A Talker as one would write it around transformers' Qwen3MoeModel: embeddings, backbone, heads, sampling."""

    def __init__(self, ours: Talker, sampling: Sampling):
        super().__init__()
        config = ours.config
        fields = {name: getattr(config, name) for name in MIDDLE if hasattr(config, name)}
        fields |= dict(rope_theta=config.rope_theta, max_position_embeddings=config.max_position_embeddings)
        fields |= dict(decoder_sparse_step=1, norm_topk_prob=True, vocab_size=8)
        backbone = qwen3_moe(Qwen3MoeModel, fields, torch.float32, EXPERTS)
        self.backbone, self.config, self.sampling = backbone, config, sampling
        self.talker_embedding, self.codec_embedding, self.codec_head = (
            ours.talker_embedding, ours.codec_embedding, ours.codec_head,
        )  # fmt: skip

    def speak(self, message: Tensor) -> Tensor:
        """A step for each talker token."""
        config, cache = self.config, DynamicCache()
        table = config.codebook_size + 2
        codes = torch.full((1, config.num_codebooks), config.begin_id)
        offsets = table * torch.arange(config.num_codebooks)
        for token in message:
            embeds = self.talker_embedding(token[None, None]) + self.codec_embedding(codes + offsets).sum(dim=1)
            hidden = self.backbone(inputs_embeds=embeds, past_key_values=cache).last_hidden_state[:, -1]
            logits = self.codec_head(hidden).unflatten(-1, (config.num_codebooks, -1))[0] / self.sampling.temperature
            least = logits.topk(self.sampling.top_k).values[:, -1:]
            probabilities = logits.masked_fill(logits < least, float("-inf")).softmax(dim=-1)
            codes = torch.multinomial(probabilities, 1).T
        return codes


def talker_frame() -> Race:
    """Backbone step, four heads, four draws, at mini size."""
    sampling = Sampling(temperature=0.8, top_k=50)
    ours = Talker(OmniConfig.mini().talker).eval()
    theirs = TransformersTalker(ours, sampling)
    load_qwen3_moe(ours, theirs.backbone.state_dict())
    message = torch.randint(ours.config.talker_vocab_size, (STEPS,), generator=torch.Generator().manual_seed(0))

    def ours_speaks() -> None:
        stream = ours.stream(sampling)
        for token in message:
            stream.push(token[None])

    against = "Qwen3MoeModel and a loop"
    return Race("Talker frame, mini", against, 0.6, ours_speaks, lambda: theirs.speak(message), STEPS)


def log_mels(seconds: int = 30) -> Iterator[Race]:
    """Half a minute of noise."""
    config = AuTEncoderConfig()
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, seconds * config.sample_rate).astype(np.float32)
    waveform = torch.from_numpy(samples)[None]
    whisper = WhisperFeatureExtractor(feature_size=config.n_mels)

    def by_librosa() -> np.ndarray:
        power = librosa.feature.melspectrogram(
            y=samples, sr=config.sample_rate, n_fft=config.n_fft, hop_length=config.hop_size,
            win_length=config.frame_size, n_mels=config.n_mels,
        )  # fmt: skip
        return np.log10(np.maximum(power, config.mel_floor))

    def by_whisper() -> object:
        return whisper(samples, sampling_rate=config.sample_rate)

    for against, bar, theirs in (("librosa", 0.6, by_librosa), ("WhisperFeatureExtractor", 0.8, by_whisper)):
        yield Race(f"log-mel of {seconds} s", against, bar, lambda: log_mel_spectrogram(waveform, config), theirs)


def vocoder(seconds: int = 10) -> Race:
    """Code2Wav at full size, offline."""
    config = Code2WavConfig()
    theirs, ours = mimi_decoder(config, torch.float32).eval(), Code2Wav(config).eval()
    layers = (value for name, value in ours.named_parameters() if not name.startswith("embeddings."))
    with torch.no_grad():
        for layer, reference in zip(layers, theirs.parameters(), strict=True):
            layer.copy_(reference)
    codes = torch.randint(config.codebook_size, (1, seconds * config.frame_rate, config.num_codebooks))
    return Race(
        f"Code2Wav, full size, {seconds} s", "MimiDecoder", 0.9, lambda: ours(codes),
        lambda: torch.tanh(theirs(ours.embed(codes))),
    )  # fmt: skip


def all_races() -> Iterator[Race]:
    """Every row of the table."""
    mini = sizes_of(OmniConfig.mini().thinker)
    yield prefill()
    yield decoding("decode, a token, middle size", MIDDLE, 1, 0.85)
    yield decoding("decode, a token, mini", mini, 1, 0.6)
    yield decoding("decode, a token for 8 rows, middle size", MIDDLE, 8, 0.85)
    yield talker_frame()
    yield from log_mels()
    yield vocoder()
