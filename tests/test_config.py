"""Every number of the specification, typed again here, and every rule by which configurations must fit together."""

import dataclasses
import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

from omni_ref.aut_encoder import AuTEncoder
from omni_ref.code2wav import Code2Wav
from omni_ref.config import AuTEncoderConfig, Code2WavConfig, OmniConfig, TalkerConfig, ThinkerConfig
from omni_ref.talker import Talker
from omni_ref.thinker import Thinker

# fmt: off
SPECIFICATION = {
    AuTEncoderConfig: dict(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, frame_size=400, hop_size=160, n_mels=128,
        n_fft=512, audio_vocab_size=4096, rms_norm_eps=1e-6,
    ),
    ThinkerConfig: dict(
        hidden_size=4096, num_hidden_layers=40, num_attention_heads=32, num_key_value_heads=8, head_dim=128,
        intermediate_size=11008, moe_intermediate_size=2816, num_experts=64, num_experts_per_tok=4,
        decoder_sparse_step=2, norm_topk_prob=True, max_position_embeddings=32768, rope_theta=1e6, rms_norm_eps=1e-6,
        vocab_size=151936, tie_word_embeddings=False, hidden_act="silu",
    ),
    TalkerConfig: dict(
        hidden_size=1536, num_hidden_layers=24, num_attention_heads=12, num_key_value_heads=4, head_dim=128,
        moe_intermediate_size=1024, num_experts=32, num_experts_per_tok=4, num_codebooks=4, codebook_size=2048,
        rms_norm_eps=1e-6, hidden_act="silu",
    ),
    Code2WavConfig: dict(
        hidden_size=512, num_upsample_layers=4, upsample_rates=(8, 5, 4, 2), num_residual_blocks=3, num_codebooks=4,
        codebook_size=2048,
    ),
}
LEFT_OPEN = {
    AuTEncoderConfig: dict(
        sample_rate=16000, intermediate_size=4096, rope_theta=1e4, conv_kernel_sizes=(7, 3), conv_strides=(2, 2),
        mel_floor=1e-10, mel_dynamic_range=8.0, codebook_decay=0.99, commitment_weight=0.25, dead_code_threshold=0.1,
        initializer_range=0.02,
    ),
    ThinkerConfig: dict(audio_hidden_size=1024, talker_vocab_size=4096, initializer_range=0.02),
    TalkerConfig: dict(
        norm_topk_prob=True, max_position_embeddings=32768, rope_theta=1e6, talker_vocab_size=4096,
        initializer_range=0.02,
    ),
    Code2WavConfig: dict(frame_rate=50, kernel_size=7, residual_kernel_size=3, dilation_growth_rate=3),
}
# fmt: on
PRESETS = {"full": OmniConfig.full(), "mini": OmniConfig.mini(), "tiny": OmniConfig.tiny()}


@pytest.mark.parametrize("part", SPECIFICATION, ids=lambda part: part.__name__)
def test_the_defaults_are_the_specification_and_nothing_else_is_a_field(part):
    assert dataclasses.asdict(part()) == SPECIFICATION[part] | LEFT_OPEN[part]


def test_full_is_made_of_the_defaults():
    parts = OmniConfig.full()
    assert parts == OmniConfig(AuTEncoderConfig(), ThinkerConfig(), TalkerConfig(), Code2WavConfig())


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_the_rates_follow_from_the_fields(config):
    ear, voice = config.aut_encoder, config.code2wav
    assert (ear.mel_rate, ear.token_rate, voice.frame_rate, voice.sample_rate) == (100, 25, 50, 16000)
    assert (ear.sample_rate, voice.samples_per_frame) == (16000, 320)


def test_a_derived_rate_moves_with_its_fields():
    ear = AuTEncoderConfig(sample_rate=24000, hop_size=100, conv_strides=(3, 4))
    voice = Code2WavConfig(frame_rate=25, num_upsample_layers=3, upsample_rates=(6, 5, 2))
    assert (ear.mel_rate, ear.token_rate, voice.samples_per_frame, voice.sample_rate) == (240, 20, 60, 1500)


def test_derived_sizes_and_ids(tiny):
    assert PRESETS["full"].aut_encoder.head_dim == 64
    assert PRESETS["full"].code2wav.embedding_dim == 128
    assert tiny.talker.end_id == tiny.talker.codebook_size
    assert tiny.talker.begin_id == tiny.talker.codebook_size + 1
    assert tiny.talker.talker_pad_id == tiny.talker.talker_vocab_size
    assert tiny.talker.decoder_sparse_step == 1
    assert tiny.aut_encoder.num_key_value_heads == tiny.aut_encoder.num_attention_heads


def axis_lengths(config: OmniConfig) -> dict[str, int]:
    """Every length that an axis of an activation or of a stacked weight can have; kernels of convolutions apart.

    Fields that must be equal (the audio width, the talker vocabulary, the codebooks) are one axis and stand once.
    """
    ear, thinker, talker, voice = config.aut_encoder, config.thinker, config.talker, config.code2wav
    axes = {
        "n_mels": ear.n_mels,
        "aut_encoder stem": ear.hidden_size // 2,
        "aut_encoder intermediate_size": ear.intermediate_size,
        "audio_vocab_size": ear.audio_vocab_size,
        "frequencies": ear.n_fft // 2 + 1,
        "thinker intermediate_size": thinker.intermediate_size,
        "vocab_size": thinker.vocab_size,
        "talker_vocab_size": talker.talker_vocab_size,
        "talker tokens and pad": talker.talker_vocab_size + 1,
        "num_codebooks": talker.num_codebooks,
        "codebook_size": talker.codebook_size,
        "codes and end": talker.codebook_size + 1,
        "codes, end and begin": talker.codebook_size + 2,
        "codec_head": talker.num_codebooks * (talker.codebook_size + 1),
        "codec_embedding": talker.num_codebooks * (talker.codebook_size + 2),
        "embedding_dim": voice.embedding_dim,
    }
    for name, part in (("aut_encoder", ear), ("thinker", thinker), ("talker", talker)):
        axes[f"{name} hidden_size"] = part.hidden_size
        axes[f"{name} num_attention_heads"] = part.num_attention_heads
        axes[f"{name} head_dim"] = part.head_dim
        axes[f"{name} half a head"] = part.head_dim // 2
    for name, part in (("thinker", thinker), ("talker", talker)):
        axes[f"{name} num_key_value_heads"] = part.num_key_value_heads
        axes[f"{name} heads × head_dim"] = part.num_attention_heads * part.head_dim
        axes[f"{name} key/value heads × head_dim"] = part.num_key_value_heads * part.head_dim
        axes[f"{name} moe_intermediate_size"] = part.moe_intermediate_size
        axes[f"{name} gate and up"] = 2 * part.moe_intermediate_size
        axes[f"{name} num_experts"] = part.num_experts
        axes[f"{name} num_experts_per_tok"] = part.num_experts_per_tok
    for halvings in range(voice.num_upsample_layers + 1):
        axes[f"code2wav hidden_size / {2**halvings}"] = voice.hidden_size // 2**halvings
    return axes


def test_no_two_axes_of_the_tiny_model_have_one_length(tiny):
    axes = axis_lengths(tiny)
    shared = {length for length, count in Counter(axes.values()).items() if count > 1}
    assert {name: length for name, length in axes.items() if length in shared} == {}


def test_the_mini_model_has_about_ten_million_parameters():
    mini = PRESETS["mini"]
    with torch.device("meta"):
        parts = (AuTEncoder(mini.aut_encoder), Thinker(mini.thinker), Talker(mini.talker), Code2Wav(mini.code2wav))
    assert 9e6 < sum(parameter.numel() for part in parts for parameter in part.parameters()) < 11e6


MISFITS = [
    (AuTEncoderConfig, dict(num_attention_heads=3), ["num_attention_heads = 3", "hidden_size = 1024"]),
    (AuTEncoderConfig, dict(hidden_size=12, num_attention_heads=4), ["hidden_size", "12", "num_attention_heads", "4"]),
    (AuTEncoderConfig, dict(hop_size=401), ["hop_size", "401", "frame_size", "400"]),
    (AuTEncoderConfig, dict(frame_size=513), ["frame_size", "513", "n_fft", "512"]),
    (AuTEncoderConfig, dict(hop_size=170), ["hop_size = 170", "sample_rate = 16000"]),
    (AuTEncoderConfig, dict(conv_kernel_sizes=(7, 3, 5)), ["conv_kernel_sizes = (7, 3, 5)", "conv_strides = (2, 2)"]),
    (AuTEncoderConfig, dict(conv_strides=(2,)), ["conv_kernel_sizes = (7, 3)", "conv_strides = (2,)"]),
    (AuTEncoderConfig, dict(conv_kernel_sizes=(7, 4)), ["conv_kernel_sizes = (7, 4)"]),
    (AuTEncoderConfig, dict(conv_strides=(2, 4)), ["prod(conv_strides) = 8", "mel_rate = 100"]),
    (AuTEncoderConfig, dict(codebook_decay=1.0), ["codebook_decay = 1.0"]),
    (ThinkerConfig, dict(num_key_value_heads=5), ["num_key_value_heads = 5", "num_attention_heads = 32"]),
    (ThinkerConfig, dict(head_dim=127), ["head_dim = 127"]),
    (ThinkerConfig, dict(num_experts_per_tok=65), ["num_experts_per_tok = 65", "num_experts = 64"]),
    (TalkerConfig, dict(num_key_value_heads=5), ["num_key_value_heads = 5", "num_attention_heads = 12"]),
    (TalkerConfig, dict(head_dim=127), ["head_dim = 127"]),
    (TalkerConfig, dict(num_experts_per_tok=33), ["num_experts_per_tok = 33", "num_experts = 32"]),
    (Code2WavConfig, dict(upsample_rates=(8, 8, 5)), ["num_upsample_layers = 4", "upsample_rates = [8, 8, 5]"]),
    (Code2WavConfig, dict(num_codebooks=3), ["num_codebooks = 3", "hidden_size = 512"]),
    (Code2WavConfig, dict(hidden_size=200), ["2 ** num_upsample_layers = 16", "hidden_size = 200"]),
]
MISMATCHES = [
    ("talker", dict(num_codebooks=2), ["talker.num_codebooks = 2", "code2wav.num_codebooks = 4"]),
    ("code2wav", dict(codebook_size=9), ["talker.codebook_size = 2048", "code2wav.codebook_size = 9"]),
    ("talker", dict(talker_vocab_size=9), ["thinker.talker_vocab_size = 4096", "talker.talker_vocab_size = 9"]),
    ("thinker", dict(audio_hidden_size=9), ["thinker.audio_hidden_size = 9", "aut_encoder.hidden_size = 1024"]),
    ("code2wav", dict(frame_rate=25), ["frame_rate", "25", "upsample_rates", "320", "aut_encoder.sample_rate = 16000"]),
    ("code2wav", dict(upsample_rates=(8, 5, 4, 3)), ["upsample_rates", "480", "aut_encoder.sample_rate = 16000"]),
]


@pytest.mark.parametrize("part, change, named", MISFITS)
def test_fields_of_one_part_that_do_not_fit_are_named_with_their_values(part, change, named):
    with pytest.raises(ValueError) as caught:
        part(**change)
    assert [words for words in [part.__name__, *named] if words not in str(caught.value)] == []


@pytest.mark.parametrize("part, change, named", MISMATCHES)
def test_fields_of_two_parts_that_do_not_match_are_named_with_their_values(part, change, named):
    full = OmniConfig.full()
    with pytest.raises(ValueError) as caught:
        replace(full, **{part: replace(getattr(full, part), **change)})
    assert [words for words in named if words not in str(caught.value)] == []


def test_a_part_in_the_place_of_another_is_named():
    with pytest.raises(ValueError, match=r"talker is a ThinkerConfig, .*TalkerConfig"):
        OmniConfig(talker=ThinkerConfig())


WRONG_VALUES = {
    int: [0, -1, 2.0, True, "2", None, [2]],
    float: [0, -1.0, float("nan"), float("inf"), True, "2", None],
    bool: [0, 1, "true", None],
    str: ["gelu", None],
    tuple[int, ...]: [(), 2, None, (2, 0), (2, 2.0), "22"],
}


@pytest.mark.parametrize("part", SPECIFICATION, ids=lambda part: part.__name__)
def test_a_value_of_the_wrong_kind_is_named_with_its_field(part):
    for entry in dataclasses.fields(part):
        for value in WRONG_VALUES[entry.type]:
            with pytest.raises(ValueError, match=rf"{part.__name__}: {entry.name} = .*, expected"):
                part(**{entry.name: value})


def test_a_configuration_cannot_be_changed(tiny):
    for config in (tiny, tiny.aut_encoder, tiny.thinker, tiny.talker, tiny.code2wav):
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.hidden_size = 1


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_json_round_trip_gives_the_same_configuration(config):
    assert OmniConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["code2wav"]["upsample_rates"] == list(config.code2wav.upsample_rates)


def test_json_keeps_what_is_not_at_its_default(tiny):
    changed = replace(tiny, thinker=replace(tiny.thinker, tie_word_embeddings=True, rope_theta=1.5, rms_norm_eps=2e-7))
    assert OmniConfig.from_json(changed.to_json()) == changed != tiny


@pytest.mark.parametrize("part", [entry.name for entry in dataclasses.fields(OmniConfig)])
def test_every_missing_key_and_an_unknown_one_are_named(part, tiny):
    values = json.loads(tiny.to_json())
    for key in values[part]:
        fewer = values | {part: {name: value for name, value in values[part].items() if name != key}}
        with pytest.raises(ValueError, match=rf"OmniConfig\.{part}: missing key '{key}'"):
            OmniConfig.from_json(json.dumps(fewer))
    with pytest.raises(ValueError, match=rf"OmniConfig\.{part}: unknown key 'head_count'"):
        OmniConfig.from_json(json.dumps(values | {part: values[part] | {"head_count": 2}}))
    with pytest.raises(ValueError, match=f"OmniConfig: missing key '{part}'"):
        OmniConfig.from_json(json.dumps({name: value for name, value in values.items() if name != part}))
    with pytest.raises(ValueError, match=rf"OmniConfig\.{part}: expected an object with named fields, got 7"):
        OmniConfig.from_json(json.dumps(values | {part: 7}))


@pytest.mark.parametrize(
    "text, said",
    [("{", "not JSON"), ("", "not JSON"), ("[1]", r"got \[1\]"), ('{"vocoder": {}}', "unknown key 'vocoder'")],
)
def test_text_that_is_no_configuration_is_refused(text, said):
    with pytest.raises(ValueError, match=f"OmniConfig: .*{said}"):
        OmniConfig.from_json(text)


def test_json_values_are_held_to_the_same_rules(tiny):
    text = tiny.to_json().replace('"num_codebooks": 3', '"num_codebooks": -3')
    with pytest.raises(ValueError, match="num_codebooks = -3"):
        OmniConfig.from_json(text)
