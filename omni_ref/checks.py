"""Checks of what comes in: each raises ValueError saying what came and what was expected."""

import dataclasses
import os
import re
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor


def require(holds: bool, problem: str) -> None:
    """ValueError with the problem's description, unless it holds."""
    if not holds:
        raise ValueError(problem)


def require_divides(config: str, divisor: str, divisor_value: int, field_name: str, value: int) -> None:
    """A field must be a multiple of a divisor."""
    multiple = value % divisor_value == 0
    require(multiple, f"{config}: {field_name} = {value} is not a multiple of {divisor} = {divisor_value}")


def is_whole(value) -> bool:
    """A count: an int of at least 1, and not a bool, which Python takes for one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def check_seed(name: str, value) -> None:
    """ValueError unless it is a whole number that random generators take."""
    require(
        isinstance(value, int) and 0 <= value < 2**64, f"{name} = {value}, expected a whole number from 0 to 2**64 - 1"
    )


def check_numbers(config) -> None:
    """Hold every field to its type, counts to at least 1, numbers to be positive: ValueError names the field."""
    rules = {
        bool: (lambda value: isinstance(value, bool), "true or false"),
        int: (is_whole, "a whole number of at least 1"),
        float: (lambda value: is_whole(value) or (isinstance(value, float) and 0 < value < inf), "a positive number"),
        str: (lambda value: value == "silu", "'silu', the one that is implemented"),
        tuple[int, ...]: (lambda value: len(value) > 0 and all(map(is_whole, value)), "whole numbers of at least 1"),
    }
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if isinstance(value, list):
            value = tuple(value)
            object.__setattr__(config, entry.name, value)
        holds, expected = rules[entry.type]
        wanted_tuple = entry.type == tuple[int, ...]
        fits = isinstance(value, tuple) == wanted_tuple and holds(value)
        require(fits, f"{type(config).__name__}: {entry.name} = {value!r}, expected {expected}")


def check_attention(config) -> None:
    """Heads must come in whole groups and even widths, and no token can go to more experts than there are."""
    name = type(config).__name__
    require_divides(
        name, "num_key_value_heads", config.num_key_value_heads, "num_attention_heads", config.num_attention_heads
    )
    require(config.head_dim % 2 == 0, f"{name}: head_dim = {config.head_dim} is odd, but RoPE turns pairs of numbers")
    require(
        config.num_experts_per_tok <= config.num_experts,
        f"{name}: num_experts_per_tok = {config.num_experts_per_tok} exceeds num_experts = {config.num_experts}",
    )


def check_keys(where: str, values, wanted) -> None:
    """A JSON object must have the wanted keys and no others."""
    require(isinstance(values, dict), f"{where}: expected an object with named fields, got {values!r}")
    unknown, missing = sorted(set(values) - set(wanted)), sorted(set(wanted) - set(values))
    require(not unknown, f"{where}: unknown key {', '.join(map(repr, unknown))}")
    require(not missing, f"{where}: missing key {', '.join(map(repr, missing))}")


def has_values(tensor: Tensor) -> bool:
    """False on the meta device and under FakeTensorMode: there shapes can be followed, but no value can be read."""
    return not (tensor.is_meta or isinstance(tensor, FakeTensor))


def is_finite(values: Float[Tensor, "..."]) -> bool:
    """No NaN and no infinity: the least and the largest value would be one, and are found in one pass."""
    return values.numel() == 0 or bool(torch.stack(values.aminmax()).isfinite().all())


def check_axes(name: str, tensor: Tensor, *axes: str) -> None:
    """A tensor must have the named axes; the commonest slip is to forget the batch."""
    shape = tuple(tensor.shape)
    require(len(shape) == len(axes), f"{name} of shape {shape}, expected axes ({', '.join(axes)})")


def check_ids(name: str, ids: Int[Tensor, "..."], size: int) -> None:
    """Token ids must lie in 0 … size - 1; an embedding table would fail on others from inside torch, or not at all."""
    require(not ids.is_floating_point() and ids.dtype != torch.bool, f"{name}: expected whole numbers, got {ids.dtype}")
    if ids.numel() and has_values(ids):
        low, high = (int(end) for end in ids.aminmax())
        require(low >= 0 and high < size, f"{name}: ids from {low} to {high}, expected 0 to {size - 1}")


def pick_device(wanted: str | torch.device | None = None) -> torch.device:
    """The device by name; None: the one that OMNI_DEVICE names, else a GPU if there is one.

    ValueError if the name is none, or the GPU is not there: nothing that was to run on a GPU quietly runs on the CPU.
    """
    wanted = wanted or os.environ.get("OMNI_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    named = re.fullmatch(r"cpu|cuda(:(0|[1-9]\d?))?", str(wanted))
    require(named is not None, f"device {str(wanted)!r} is not one that this runs on, expected cpu, cuda or cuda:0 …")
    device, gpus = torch.device(wanted), torch.cuda.device_count()
    there = device.type == "cpu" or (device.index or 0) < gpus
    require(there, f"device {str(device)!r} is not on this machine: PyTorch sees {gpus} GPUs")
    return device
