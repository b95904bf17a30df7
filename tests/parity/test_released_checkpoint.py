"""A checkpoint as Qwen3-MoE is released: a safetensors file that transformers wrote, with its experts one by one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import randomise
from parity.hf import assert_near, noise, qwen3_moe
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import Qwen3MoeForCausalLM

from omni_ref import OmniConfig
from omni_ref.checkpoint import load_qwen3_moe
from omni_ref.config import TalkerConfig, ThinkerConfig
from omni_ref.talker import Talker
from omni_ref.thinker import Thinker

SIZES = dict(
    hidden_size=28, num_hidden_layers=2, num_attention_heads=12, num_key_value_heads=6, head_dim=10,
    moe_intermediate_size=26, num_experts=11, num_experts_per_tok=8, rope_theta=1e4, rms_norm_eps=1e-6,
)  # fmt: skip
EXPERTS = "layers.1.mlp.experts"


def reference(**options) -> Qwen3MoeForCausalLM:
    dense = dict(decoder_sparse_step=2, intermediate_size=52, vocab_size=83)
    fields = SIZES | dense | dict(norm_topk_prob=True) | options
    return qwen3_moe(Qwen3MoeForCausalLM, fields, torch.float32)


def thinker(tie_word_embeddings: bool = False) -> Thinker:
    config = ThinkerConfig(
        **SIZES, intermediate_size=52, vocab_size=83, audio_hidden_size=7, talker_vocab_size=13,
        tie_word_embeddings=tie_word_embeddings,
    )  # fmt: skip
    return randomise(Thinker(config), seed=2)


def released(model: Qwen3MoeForCausalLM, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder / "model.safetensors"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return released(reference(), tmp_path)


def assert_gives_logits_of(model: Qwen3MoeForCausalLM, ours: Thinker) -> None:
    ids = torch.randint(83, (3, 17))
    with torch.no_grad():
        assert_near(ours(ids).text_logits, model(ids).logits, 5e-5)


def test_the_file_holds_experts_one_by_one_under_the_prefix_model(file):
    names = set(load_file(file))
    assert {f"model.{EXPERTS}.{i}.{part}_proj.weight" for i in range(11) for part in ("gate", "up", "down")} < names
    assert all(name.startswith("model.") for name in names - {"lm_head.weight"})


@pytest.mark.parametrize("tie_word_embeddings", [False, True])
def test_a_released_file_gives_the_logits_of_transformers(tie_word_embeddings, tmp_path):
    model = reference(tie_word_embeddings=tie_word_embeddings)
    ours = thinker(tie_word_embeddings)
    load_qwen3_moe(ours, released(model, tmp_path))
    assert_gives_logits_of(model, ours)


def test_a_folder_of_shards_gives_the_logits_of_transformers(tmp_path):
    model = reference()
    model.save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ours = thinker()
    load_qwen3_moe(ours, tmp_path)
    assert_gives_logits_of(model, ours)


def test_a_file_in_bfloat16_gives_the_logits_that_transformers_reads_from_it_in_float32(tmp_path):
    file = released(reference().to(torch.bfloat16), tmp_path)
    ours = thinker()
    load_qwen3_moe(ours, str(file))
    options = dict(dtype=torch.float32, attn_implementation="sdpa", experts_implementation="eager")
    assert_gives_logits_of(Qwen3MoeForCausalLM.from_pretrained(tmp_path, **options), ours)


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_the_layout_in_memory_gives_the_logits_of_transformers_with_and_without_prefix(prefix):
    model = reference()
    ours = thinker()
    tensors = {name.replace("model.", prefix, 1): value for name, value in model.state_dict().items()}
    load_qwen3_moe(ours, tensors)
    assert_gives_logits_of(model, ours)


def test_what_qwen3_moe_lacks_stays_as_it_was(file):
    ours, untouched = thinker(), thinker()
    load_qwen3_moe(ours, file)
    assert torch.equal(ours.talker_head.weight, untouched.talker_head.weight)
    assert torch.equal(ours.audio_proj.weight, untouched.audio_proj.weight)


def test_layers_of_a_released_file_load_into_a_talker(tmp_path):
    model = reference(decoder_sparse_step=1)
    ours = randomise(Talker(TalkerConfig(**SIZES, num_codebooks=3, codebook_size=19, talker_vocab_size=41)), seed=2)
    embeddings = ours.codec_embedding.weight.clone()
    load_qwen3_moe(ours, released(model, tmp_path))
    vectors = noise(3, 17, 28, dtype=torch.float32)
    with torch.no_grad():
        assert_near(ours.decode(vectors), model.model(inputs_embeds=vectors).last_hidden_state, 5e-5)
    assert torch.equal(ours.codec_embedding.weight, embeddings)


def drop(*names: str) -> Callable[[dict[str, Tensor]], None]:
    return lambda tensors: [tensors.pop(f"model.{name}") for name in names]


def move(old: str, new: str) -> Callable[[dict[str, Tensor]], None]:
    return lambda tensors: tensors.update({f"model.{new}": tensors.pop(f"model.{old}")})


def cut(name: str) -> Callable[[dict[str, Tensor]], None]:
    return lambda tensors: tensors.update({f"model.{name}": tensors[f"model.{name}"][:-1].clone()})


def whole(expert: int) -> list[str]:
    return [f"{EXPERTS}.{expert}.{part}_proj.weight" for part in ("gate", "up", "down")]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (drop(f"{EXPERTS}.4.up_proj.weight"), f"{EXPERTS}.4.up_proj.weight"),
        (drop(*whole(4)), f"{EXPERTS}.4"),
        (drop(*whole(10)), f"{EXPERTS}.10"),
        (cut(f"{EXPERTS}.4.gate_proj.weight"), f"{EXPERTS}.4.gate_proj.weight"),
        (cut(f"{EXPERTS}.4.down_proj.weight"), f"{EXPERTS}.4.down_proj.weight"),
        (move(f"{EXPERTS}.4.up_proj.weight", f"{EXPERTS}.4.top_proj.weight"), f"{EXPERTS}.4.top_proj.weight"),
        (drop("layers.1.mlp.gate.weight"), "layers.1.mlp.gate.weight"),
        (drop("layers.0.self_attn.q_norm.weight"), "layers.0.self_attn.q_norm.weight"),
        (cut("layers.0.self_attn.k_proj.weight"), "layers.0.self_attn.k_proj.weight"),
        (lambda tensors: tensors.pop("lm_head.weight"), "lm_head.weight"),
    ],
    ids=["no up of expert 4", "no expert 4", "no last expert", "short gate", "short down", "odd name", "no router",
         "no q_norm", "short k_proj", "no lm_head"],
)  # fmt: skip
def test_a_missing_or_odd_tensor_is_named_and_nothing_is_loaded(spoil, named, file):
    tensors = load_file(file)
    spoil(tensors)
    save_file(tensors, file)
    ours, untouched = thinker(), thinker().state_dict()
    with pytest.raises(ValueError, match=re.escape(named) + r"\b"):
        load_qwen3_moe(ours, file)
    assert all(torch.equal(value, untouched[name]) for name, value in ours.state_dict().items())


def test_a_model_of_another_size_is_refused_by_name_and_shapes(file):
    other = Thinker(OmniConfig.tiny().thinker)
    with pytest.raises(ValueError, match=r"embed_tokens\.weight has shape \(83, 28\), expected \(260, 28\)"):
        load_qwen3_moe(other, file)
