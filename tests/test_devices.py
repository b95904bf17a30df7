"""Everything is computed where the weights are, in whatever floating type, and comes out the same for the same seed.

Under FakeTensorMode a tensor has a shape, a type and a device, but no values: tensors on another device then exist on
any machine, and an operation between one of them and a CPU tensor is an error, as it would be on a GPU.
"""

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from helpers import randomise
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from omni_ref import AudioPiece, Generation, Omni, OmniConfig
from omni_ref import omni as omni_module
from omni_ref.audio import log_mel_spectrogram, mel_filter_bank, mel_power
from omni_ref.aut_encoder import AuTEncoder
from omni_ref.blocks.attention import attention_weights
from omni_ref.blocks.cache import KVCache
from omni_ref.blocks.moe import load_balancing_loss
from omni_ref.blocks.quantizer import ResidualVectorQuantizer, VectorQuantizer
from omni_ref.checks import pick_device
from omni_ref.code2wav import Code2Wav
from omni_ref.sampling import Sampling, keep_top_k, keep_top_p, penalise_repetition, sample
from omni_ref.talker import Talker, delay_codes, undelay_codes
from omni_ref.thinker import Thinker

TINY = OmniConfig.tiny()
CUDA_OR_ELSE = "cuda" if torch.cuda.is_available() else "lazy"  # without a driver, "cuda" tensors cannot be indexed
DEVICE = torch.device(CUDA_OR_ELSE, 0)
MEL = log_mel_spectrogram(0.1 * torch.randn(2, 3000, generator=torch.Generator().manual_seed(0)), TINY.aut_encoder)


def on_fake_device(module: nn.Module) -> nn.Module:
    """The module, its parameters and buffers replaced by ones without values on DEVICE. Call it in FakeTensorMode."""
    for part in module.modules():
        for name, old in list(part.named_parameters(recurse=False)):
            new = torch.empty(old.shape, dtype=old.dtype, device=DEVICE)
            setattr(part, name, nn.Parameter(new, requires_grad=old.requires_grad))
        for name, old in list(part.named_buffers(recurse=False)):
            setattr(part, name, torch.empty(old.shape, dtype=old.dtype, device=DEVICE))
    return module.eval()


def ids(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.long, device=DEVICE)


def numbers(*shape: int) -> Tensor:
    return torch.empty(shape, device=DEVICE)


def tensors_in(output) -> Iterator[Tensor]:
    """All tensors in a tensor, a sequence, a dictionary, a dataclass or an object that keeps them as attributes."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (list, tuple)):
        for part in output:
            yield from tensors_in(part)
    elif isinstance(output, dict):
        yield from tensors_in(list(output.values()))
    elif dataclasses.is_dataclass(output) or isinstance(output, KVCache):
        yield from tensors_in(vars(output))


def twice_with_a_cache(call, *inputs: Tensor) -> list:
    """What a component gives for some inputs, for more after them, and what the cache then holds."""
    cache = KVCache()
    return [call(*inputs, cache=cache), call(*inputs, cache=cache), cache]


def masked_with_a_cache(thinker: Thinker) -> list:
    """A padded prompt, then one more position."""
    cache, mask = KVCache(), torch.ones(2, 4, dtype=torch.bool, device=DEVICE)
    prompt = thinker(ids(2, 3), attention_mask=mask[:, :3], cache=cache)
    return [prompt, thinker(ids(2, 1), attention_mask=mask, cache=cache), cache]


def streamed(code2wav: Code2Wav) -> list:
    """Pieces of a waveform, and the state between them."""
    stream = code2wav.stream()
    return [stream.push(ids(2, frames, 3)) for frames in (4, 1, 0, 3)] + [stream.state]


def spoken(talker: Talker) -> list:
    """Steps up to the first whole frame, and what the stream keeps."""
    stream = talker.stream()
    frames = [stream.push(ids(2)) for _ in range(5)]
    return [frames[2:], stream.cache, stream.previous, stream.ended, stream.lengths]


# fmt: off
COMPONENTS = {
    "AuTEncoder": (lambda: AuTEncoder(TINY.aut_encoder), lambda it: it(numbers(2, 24, 9))),
    "AuTEncoder, lengths": (lambda: AuTEncoder(TINY.aut_encoder), lambda it: it.encode(numbers(2, 24, 9), ids(2))),
    "Thinker": (lambda: Thinker(TINY.thinker), lambda it: it(ids(2, 5))),
    "Thinker, audio": (
        lambda: Thinker(TINY.thinker), lambda it: it(inputs_embeds=it.embed_audio(numbers(2, 5, 88)))),
    "Thinker, positions": (lambda: Thinker(TINY.thinker), lambda it: it(ids(2, 5), position_ids=ids(2, 5))),
    "Thinker, cache": (lambda: Thinker(TINY.thinker), lambda it: twice_with_a_cache(it, ids(2, 5))),
    "Thinker, cache and mask": (lambda: Thinker(TINY.thinker), masked_with_a_cache),
    "Talker": (lambda: Talker(TINY.talker), lambda it: it(ids(2, 4), ids(2, 6, 3))),
    "Talker, cache": (lambda: Talker(TINY.talker), lambda it: twice_with_a_cache(it, ids(2, 4), ids(2, 4, 3))),
    "Talker.step_logits": (lambda: Talker(TINY.talker), lambda it: it.step_logits(ids(2, 4), ids(2, 4, 3))),
    "Talker.step_logits, cache": (
        lambda: Talker(TINY.talker), lambda it: twice_with_a_cache(it.step_logits, ids(2, 1), ids(2, 1, 3))),
    "Talker.stream": (lambda: Talker(TINY.talker), spoken),
    "Code2Wav": (lambda: Code2Wav(TINY.code2wav), lambda it: it(ids(2, 4, 3))),
    "Code2Wav.stream": (lambda: Code2Wav(TINY.code2wav), streamed),
    "VectorQuantizer": (lambda: VectorQuantizer(5, 7), lambda it: [it(numbers(2, 3, 7)), it.lookup(ids(2, 3))]),
    "VectorQuantizer, padding": (
        lambda: VectorQuantizer(5, 7), lambda it: it(numbers(2, 3, 7), numbers(2, 3) > 0)),
    "ResidualVectorQuantizer": (
        lambda: ResidualVectorQuantizer(3, 5, 7), lambda it: [it(numbers(2, 4, 7)), it.lookup(ids(2, 4, 3))]),
}
FUNCTIONS = {
    "log_mel_spectrogram": lambda: log_mel_spectrogram(numbers(2, 1000), TINY.aut_encoder),
    "mel_power": lambda: mel_power(numbers(2, 1000), TINY.aut_encoder),
    "mel_filter_bank": lambda: mel_filter_bank(TINY.aut_encoder, DEVICE),
    "attention_weights": lambda: attention_weights(numbers(2, 6, 4, 8), numbers(2, 3, 4, 8), None),
    "load_balancing_loss": lambda: load_balancing_loss(numbers(9, 5), ids(9, 2)),
    "delay_codes": lambda: undelay_codes(delay_codes(ids(2, 4, 3), 6, 5)),
    "sample": lambda: sample(numbers(2, 9), Sampling(repetition_penalty=1.5), torch.Generator(), ids(2, 4)),
    "sample at a temperature": lambda: sample(numbers(2, 9), Sampling(1.0, 5, 0.5), torch.Generator()),
    "filters": lambda: keep_top_p(keep_top_k(penalise_repetition(numbers(2, 9), ids(2, 4), 1.5), 5), 0.5),
}
# fmt: on


def assert_there(output) -> None:
    found = list(tensors_in(output))
    assert found
    assert all(isinstance(tensor, FakeTensor) and tensor.device == DEVICE for tensor in found)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_computes_on_its_device_and_only_there(name):
    build, call = COMPONENTS[name]
    module = build()
    with FakeTensorMode(), torch.no_grad():
        assert_there(call(on_fake_device(module)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_where_its_input_is(name):
    with FakeTensorMode(), torch.no_grad():
        assert_there(FUNCTIONS[name]())


class OneMistake(nn.Module):
    """A module that forgets where its input is, unless it is careful."""

    def __init__(self, careful: bool):
        super().__init__()
        self.careful = careful
        self.linear = nn.Linear(3, 5)

    def forward(self, signal: Tensor) -> Tensor:
        device = signal.device if self.careful else None
        return self.linear(signal) + torch.arange(5, device=device)


def test_this_check_would_find_a_tensor_made_on_the_cpu():
    with FakeTensorMode(), torch.no_grad():
        assert_there(on_fake_device(OneMistake(careful=True))(numbers(2, 3)))
        with pytest.raises(RuntimeError, match="cpu"):
            on_fake_device(OneMistake(careful=False))(numbers(2, 3))
        with pytest.raises(AssertionError):
            assert_there([numbers(2), torch.empty(2)])


CODES = torch.arange(36).view(2, 6, 3) % 19
IN_HALF_PRECISION = {
    "aut_encoder": lambda it, dtype: it(MEL.to(dtype)).features,
    "thinker": lambda it, dtype: it(torch.arange(10).view(2, 5)).text_logits,
    "talker": lambda it, dtype: it(torch.arange(8).view(2, 4), CODES),
    "code2wav": lambda it, dtype: it(CODES),
}
HALF_TYPES = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", HALF_TYPES)
@pytest.mark.parametrize("part", IN_HALF_PRECISION)
def test_a_component_in_half_precision_is_finite_and_near_what_it_is_in_float32(part, dtype):
    module, call = getattr(Omni.from_config(TINY, device="cpu"), part), IN_HALF_PRECISION[part]
    with torch.no_grad():
        exact, half = call(module, torch.float32), call(module.to(dtype), dtype)
    assert half.dtype == dtype and half.isfinite().all()
    assert (half.float() - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("dtype", HALF_TYPES)
def test_the_whole_model_responds_in_half_precision(dtype):
    omni = randomise(Omni.from_config(TINY, device="cpu")).to(dtype)
    generation = Generation(max_text_tokens=6, max_frames=9)
    stream = omni.stream(0.1 * torch.randn(3000), generation=generation)
    assert all(piece.waveform.dtype == torch.float32 for piece in stream if isinstance(piece, AudioPiece))
    reply = stream.reply
    assert len(reply.tokens["audio"]) == 5 and len(reply.tokens["text"]) > 0
    assert len(reply.waveform) == 320 * len(reply.tokens["codec"]) > 0
    assert reply.waveform.isfinite().all()


def test_the_environment_can_name_the_device_and_a_missing_one_is_refused(monkeypatch):
    monkeypatch.setenv("OMNI_DEVICE", f"cuda:{torch.cuda.device_count()}")
    with pytest.raises(ValueError, match="cuda"):
        Omni.from_config(TINY)
    assert Omni.from_config(TINY, device="cpu").device.type == "cpu"


def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    models = [Omni.from_config(TINY, seed=seed, device="cpu").state_dict() for seed in (3, 3, 4)]
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    assert not torch.equal(models[0]["thinker.lm_head.weight"], models[2]["thinker.lm_head.weight"])


def test_a_new_model_leaves_the_generators_of_gpus_alone(monkeypatch):
    """torch.manual_seed would seed them all, and nothing puts them back."""
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    Omni.from_config(TINY, seed=3, device="cpu")
    assert not seeded


def test_nothing_is_made_on_the_default_device():
    """The meta device as default: what is made there cannot be mixed with what has values."""
    omni, question = randomise(Omni.from_config(TINY, device="cpu")), 0.1 * torch.randn(4000)
    generation = Generation(8, 12, text=Sampling(temperature=1.0), speech=Sampling(temperature=1.0, top_k=5))
    here = omni.respond(question, generation=generation)
    with torch.device("meta"):
        there = omni.respond(question, generation=generation)
    assert len(here.waveform) > 0 and torch.equal(here.waveform, there.waveform)
    assert all(torch.equal(there.tokens[name], tokens) for name, tokens in here.tokens.items())


def test_a_waveform_goes_to_the_models_device_before_its_spectrogram_is_made(monkeypatch):
    """No GPU is needed to see where it is: a model on the meta device does."""
    omni, seen = Omni.from_config(TINY, device="cpu").to("meta"), []
    monkeypatch.setattr(omni_module, "log_mel_spectrogram", lambda waveform, config: seen.append(waveform.device.type))
    with pytest.raises(TypeError):  # of what it is given instead
        omni.respond(0.1 * torch.randn(4000))
    assert seen == ["meta"]


def test_without_a_path_the_mini_model_comes():
    omni = Omni.from_pretrained(device="cpu")
    assert omni.config == OmniConfig.mini() and omni.device == torch.device("cpu") and not omni.training


def test_a_gpu_is_taken_if_there_is_one_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("OMNI_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert pick_device().type == device
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("OMNI_DEVICE", "cpu")
    assert pick_device().type == "cpu"
