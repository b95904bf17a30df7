"""A checkpoint gives back the model that was saved, or says which tensor does not fit and changes nothing."""

import json
from dataclasses import replace

import pytest
import torch
from helpers import randomise
from safetensors.torch import load_file, save_file
from test_files import full_disk

from omni_ref import Generation, Omni, OmniConfig
from omni_ref.blocks.decoder import lay_out_for_decoding
from omni_ref.checkpoint import load_config, load_qwen3_moe, load_tensors, load_weights, read_tensors, save_checkpoint
from omni_ref.talker import Talker
from omni_ref.thinker import Thinker

TINY = OmniConfig.tiny()
SHORT = Generation(max_text_tokens=6, max_frames=8)


def random_omni(seed: int = 0, config: OmniConfig = TINY) -> Omni:
    """A model with weights, and codebook averages, that no other seed gives."""
    omni = randomise(Omni.from_config(config, device="cpu"), seed)
    omni.aut_encoder.quantizer.average_count.copy_(torch.linspace(seed + 0.1, seed + 0.9, 37))
    return omni


def copy_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The module's tensors as they are now."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    """The same names, types and values, to the bit."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value.dtype == theirs[name].dtype and torch.equal(value, theirs[name]), name


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path / "checkpoint", random_omni(), TINY)
    return tmp_path / "checkpoint"


def test_a_loaded_model_replies_as_the_saved_one_does(folder):
    saved, loaded = random_omni(), Omni.from_pretrained(folder, device="cpu")
    assert_same(saved.state_dict(), loaded.state_dict())
    question = 0.1 * torch.randn(3000)
    one, other = (omni.respond(question, generation=SHORT) for omni in (saved, loaded))
    assert one.text == other.text and len(one.waveform) == 8 * 320
    assert torch.equal(one.waveform, other.waveform)


def test_a_model_laid_out_for_decoding_is_saved_as_any_other(tmp_path):
    omni = random_omni()
    lay_out_for_decoding(omni)
    save_checkpoint(tmp_path, omni, TINY)
    assert_same(load_file(tmp_path / "model.safetensors"), copy_of(random_omni()))


def test_on_disk_are_a_safetensors_file_and_the_config_and_nothing_else(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert_same(load_file(folder / "model.safetensors"), copy_of(random_omni()))
    assert json.loads((folder / "config.json").read_text(encoding="utf8")) == json.loads(TINY.to_json())
    assert load_config(folder) == TINY
    assert_same(read_tensors(folder / "model.safetensors"), copy_of(random_omni()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_file_of_another_float_type_loads_and_is_cast_to_the_modules_type(tmp_path, dtype):
    save_checkpoint(tmp_path, random_omni(), TINY, dtype)
    assert {value.dtype for value in read_tensors(tmp_path / "model.safetensors").values()} == {dtype}
    loaded = Omni.from_pretrained(tmp_path, device="cpu")
    rounded = {name: value.to(dtype).float() for name, value in random_omni().state_dict().items()}
    assert_same(loaded.state_dict(), rounded)


def test_saving_in_another_type_leaves_the_model_as_it_was(tmp_path):
    omni = random_omni()
    save_checkpoint(tmp_path, omni, TINY, torch.bfloat16)
    assert_same(omni.state_dict(), random_omni().state_dict())


def test_a_model_in_bfloat16_keeps_its_type_when_it_loads_float32(folder):
    omni = random_omni(1).to(torch.bfloat16)
    load_weights(folder, omni)
    assert_same(omni.state_dict(), {name: value.bfloat16() for name, value in random_omni().state_dict().items()})


def test_tied_embeddings_are_saved_once_and_load(tmp_path):
    tied = replace(TINY, thinker=replace(TINY.thinker, tie_word_embeddings=True))
    save_checkpoint(tmp_path, random_omni(config=tied), tied)
    loaded = Omni.from_pretrained(tmp_path, device="cpu")
    assert "thinker.lm_head.weight" not in loaded.state_dict()
    assert_same(loaded.state_dict(), random_omni(config=tied).state_dict())


def test_weights_of_another_config_are_refused_by_the_names_and_shapes_of_their_tensors(folder):
    wider = replace(TINY, talker=replace(TINY.talker, num_experts=15, num_hidden_layers=3))
    omni = random_omni(1, wider)
    with pytest.raises(ValueError, match=r"model\.safetensors") as caught:
        load_weights(folder, omni)
    for words in ("missing: talker.layers.2.", "talker.layers.0.mlp.gate.weight has shape (13, 34), expected (15, 34)"):
        assert words in str(caught.value)
    assert_same(omni.state_dict(), random_omni(1, wider).state_dict())


def test_a_long_list_of_names_is_cut_and_counted():
    with pytest.raises(ValueError, match=r"here: does not fit the config of this Thinker: missing: .* and \d\d more"):
        load_tensors("here", Thinker(TINY.thinker), {})


NORM = "thinker.norm.weight"
FAULTS = {
    "missing": lambda tensors: tensors.pop(NORM),
    "unknown": lambda tensors: tensors.update({"extra": torch.ones(2)}),
    "shape": lambda tensors: tensors.update({NORM: torch.ones(27)}),
    "transposed": lambda tensors: tensors.update({NORM: torch.ones(1, 28)}),
    "type": lambda tensors: tensors.update({NORM: torch.ones(28, dtype=torch.int32)}),
    "mixed types": lambda tensors: tensors.update({NORM: torch.ones(28).half()}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_load_that_fails_names_the_tensor_and_changes_nothing(folder, fault):
    tensors = load_file(folder / "model.safetensors")
    FAULTS[fault](tensors)
    save_file(tensors, folder / "model.safetensors")
    omni = random_omni(1)
    with pytest.raises(ValueError, match="extra" if fault == "unknown" else NORM):
        load_weights(folder, omni)
    assert_same(omni.state_dict(), random_omni(1).state_dict())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_cut_short_is_refused_wherever_the_cut_is(folder, share):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    omni = random_omni(1)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load_weights(folder, omni)
    assert_same(omni.state_dict(), random_omni(1).state_dict())


def test_a_save_that_fails_half_way_leaves_the_old_checkpoint_whole(folder):
    room = (folder / "model.safetensors").stat().st_size // 2
    with pytest.raises(Exception), full_disk(room):  # noqa: B017 which error it is: test_bad_input.py
        save_checkpoint(folder, random_omni(1), TINY)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert_same(Omni.from_pretrained(folder, device="cpu").state_dict(), random_omni().state_dict())


def test_weights_are_not_replaced_if_their_config_cannot_be_written(folder):
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    with pytest.raises(OSError, match="is a folder"):
        save_checkpoint(folder, random_omni(1), TINY)
    assert_same(load_file(folder / "model.safetensors"), copy_of(random_omni()))


def test_a_new_checkpoint_takes_the_place_of_an_old_one(folder):
    other = replace(TINY, talker=replace(TINY.talker, num_experts=15))
    save_checkpoint(folder, random_omni(1, other), other)
    loaded = Omni.from_pretrained(folder, device="cpu")
    assert loaded.config == other
    assert_same(loaded.state_dict(), random_omni(1, other).state_dict())


def one_by_one(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Stacked experts as released files hold them: each with a gate, an up and a down projection."""
    split = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "gate_up_proj":
            for index, expert in enumerate(value):
                gate, up = expert.chunk(2)
                split[f"{prefix}{layer}.{index}.gate_proj.weight"] = gate.clone()
                split[f"{prefix}{layer}.{index}.up_proj.weight"] = up.clone()
        elif part == "down_proj":
            split |= {f"{prefix}{layer}.{index}.down_proj.weight": expert.clone() for index, expert in enumerate(value)}
        else:
            split[prefix + name] = value.clone()
    return split


def qwen(component: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What of a Thinker or Talker a Qwen3-MoE has too."""
    shared = ("layers.", "norm.", "embed_tokens.", "lm_head.")
    return {name: value for name, value in copy_of(component).items() if name.startswith(shared)}


@pytest.mark.parametrize("layout", ["in memory", "in a file"])
@pytest.mark.parametrize(("kind", "config"), [(Thinker, TINY.thinker), (Talker, TINY.talker)])
def test_qwen3_moe_weights_load_in_either_layout_and_the_rest_stays(tmp_path, kind, config, layout):
    theirs, ours = randomise(kind(config), 1), randomise(kind(config), 2)
    text_only = {"embed_tokens.weight": torch.ones(260, 28), "lm_head.weight": torch.ones(260, 28)}
    weights = text_only | qwen(theirs)
    own = {name: value for name, value in copy_of(ours).items() if name not in weights}
    source = weights
    if layout == "in a file":
        source = tmp_path / "model.safetensors"
        save_file(one_by_one(weights, "model."), source)
    load_qwen3_moe(ours, source)
    assert own, "a Thinker has a talker head, a Talker has codec heads: they are not Qwen3-MoE's"
    assert_same(ours.state_dict(), qwen(theirs) | own)


def test_an_expert_that_is_missing_in_a_released_file_is_named():
    ours = randomise(Thinker(TINY.thinker), 2)
    weights = one_by_one(qwen(randomise(Thinker(TINY.thinker), 1)), "")
    gone = sorted(name for name in weights if ".experts.4." in name)
    for names in (gone[:1], gone):
        with pytest.raises(ValueError, match="missing: " + ", ".join(names)):
            load_qwen3_moe(ours, {name: value for name, value in weights.items() if name not in names})
    assert_same(ours.state_dict(), randomise(Thinker(TINY.thinker), 2).state_dict())
