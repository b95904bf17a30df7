"""Weights on disk: a folder with `model.safetensors` and, beside it, `config.json`. No pickle, so no code runs on load.

Weights of the Qwen3-MoE family load into Thinker and Talker: `load_qwen3_moe`.
"""

import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .blocks.decoder import Decoder
from .checks import require
from .config import OmniConfig
from .files import written_whole

WEIGHTS, CONFIG = "model.safetensors", "config.json"
FLOAT_TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def make_folder(folder: str | os.PathLike) -> Path:
    """A checkpoint's folder, made unless it is there. FileExistsError if it is a file, OSError if none can be made."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder}: is a file, expected a folder for a checkpoint")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_checkpoint(
    folder: str | os.PathLike, module: nn.Module, config: OmniConfig, dtype: torch.dtype | None = None
) -> None:
    """Write weights (as `dtype` if given) and config; both are complete on disk before either takes its place.

    FileExistsError if `folder` is a file, OSError if it cannot be written.
    """
    folder = make_folder(folder)
    with written_whole(folder / CONFIG) as config_part:
        config_part.write_text(config.to_json(), encoding="utf8")
        save_weights(folder / WEIGHTS, module, dtype)


def save_weights(path: str | os.PathLike, module: nn.Module, dtype: torch.dtype | None = None) -> None:
    """Write a module's parameters and buffers to a safetensors file, as `dtype` if given."""
    tensors = {name: value.detach().to("cpu", dtype).contiguous() for name, value in module.state_dict().items()}
    with written_whole(path) as partial:
        try:
            save_file(tensors, partial)
        except SafetensorError as error:
            raise OSError(f"{path}: cannot be written: {error}") from error


def load_config(folder: str | os.PathLike) -> OmniConfig:
    """The config of a checkpoint folder. FileNotFoundError or ValueError names the file and what is wrong with it."""
    path = Path(folder) / CONFIG
    _require_file(path)
    try:
        return OmniConfig.from_json(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def load_weights(folder: str | os.PathLike, module: nn.Module) -> None:
    """Copy a checkpoint folder's weights into a module of its config, cast to the module's type.

    ValueError names the tensors, at most five of a kind, that are missing, unknown, of another shape, or not of the
    file's one floating type; FileNotFoundError if there is no such file.
    The module is changed only if all fit.
    """
    path = Path(folder) / WEIGHTS
    _require_file(path)
    tensors = read_tensors(path)
    first = next((value.dtype for value in tensors.values()), None)
    wrong = [f"{name} is {value.dtype}" for name, value in tensors.items() if value.dtype not in FLOAT_TYPES]
    require(not wrong, f"{path}: {_some(wrong)}, expected floating-point numbers")
    mixed = [f"{name} is {value.dtype}" for name, value in tensors.items() if value.dtype != first]
    require(not mixed, f"{path}: {_some(mixed)}, but other tensors are {first}: expected one type in a file")
    load_tensors(str(path), module, tensors)


def read_tensors(path: str | os.PathLike) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU. ValueError if the file is cut short or is no safetensors file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a safetensors file")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error}): fetch or save it again") from error


def load_tensors(
    source: str,
    module: nn.Module,
    tensors: dict[str, Tensor],
    wanted: dict[str, Tensor] | None = None,
    optional: tuple[str, ...] = (),
) -> None:
    """Copy tensors into a module's parameters and buffers if all names and shapes fit; `optional` names may lack.

    `wanted`: the module's own tensors, or views of them, by the names they go by in `tensors`; None: its state_dict.
    """
    wanted = module.state_dict() if wanted is None else wanted
    missing = sorted(set(wanted) - set(tensors) - set(optional))
    unknown = sorted(set(tensors) - set(wanted))
    shapes = [
        f"{name} has shape {tuple(value.shape)}, expected {tuple(wanted[name].shape)}"
        for name, value in tensors.items()
        if name in wanted and value.shape != wanted[name].shape
    ]
    problems = [f"missing: {_some(missing)}"] * bool(missing) + [f"unknown: {_some(unknown)}"] * bool(unknown)
    problems += [f"wrong shape: {_some(shapes)}"] * bool(shapes)
    require(not problems, f"{source}: does not fit the config of this {type(module).__name__}: {'; '.join(problems)}")
    with torch.no_grad():
        for name, value in tensors.items():
            wanted[name].copy_(value)


def load_qwen3_moe(module: Decoder, state_dict: dict[str, Tensor] | str | os.PathLike) -> None:
    """Load the weights of a Qwen3-MoE model of HF transformers into a Thinker, or its layers into a Talker.

    `state_dict` is such a dictionary, or the path of a safetensors file or of a folder of its shards, with the experts
    stacked (as in memory) or one by one (as in released files). What Qwen3-MoE does not have (talker head, audio map,
    the Talker's embeddings) stays as it is. ValueError names the tensors, at most five of a kind, that are missing,
    unknown or of another shape; FileNotFoundError if there is no such path.
    """
    source = "state_dict" if isinstance(state_dict, dict) else str(state_dict)
    if not isinstance(state_dict, dict):
        path = Path(state_dict)
        shards = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
        require(len(shards) > 0, f"{path}: holds no .safetensors file, expected the shards of a model")
        state_dict = {name: value for shard in shards for name, value in read_tensors(shard).items()}
    tensors = {name.removeprefix("model."): value for name, value in state_dict.items()}
    wanted = module.state_dict()
    if any(re.search(r"\.experts\.\d+\.", name) for name in tensors):
        wanted = _experts_one_by_one(wanted)
    text_only = ("embed_tokens.weight", "lm_head.weight")
    tensors = {name: value for name, value in tensors.items() if name not in text_only or name in wanted}
    ours = [name for name in wanted if not name.startswith(("layers.", "norm.", *text_only))]
    load_tensors(source, module, tensors, wanted, optional=tuple(ours))


def _experts_one_by_one(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same memory by the names of released files: each expert's gate, up and down are views of the stacked ones."""
    views = {}
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        if part == "gate_up_proj":
            for expert, (gate, up) in enumerate(both.chunk(2) for both in value):
                views[f"{layer}.{expert}.gate_proj.weight"] = gate
                views[f"{layer}.{expert}.up_proj.weight"] = up
        elif part == "down_proj":
            views |= {f"{layer}.{expert}.down_proj.weight": down for expert, down in enumerate(value)}
        else:
            views[name] = value
    return views


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a checkpoint folder with {WEIGHTS} and {CONFIG}")


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
