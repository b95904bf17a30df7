"""Look inside a forward pass: attention maps, routing, codes, and every module's shapes.

    with Probe(omni) as probe:
        omni.respond(audio="question.wav")
    probe.attention["thinker.layers.0.self_attn"][0]

A probe is made of forward hooks, put on when it is entered and taken off when it is left. Without one, nothing is paid.
"""

from dataclasses import dataclass, is_dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from ..blocks.attention import ScaledDotProduct, attention_weights
from ..blocks.moe import RouterOutput, TopKRouter
from ..blocks.quantizer import VectorQuantizer
from ..turn import owned

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One call of a module: the shapes of the tensors that went in and came out."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]


class Probe:
    """Everything is kept by the module's name in the probed module, one entry a call, in order, on the CPU.

    calls      every module: the shapes in and out
    attention  every Attention: the map, each query's weights over the keys
    routing    every SparseMoE: the router's probabilities, the chosen experts and their weights
    codes      every VectorQuantizer: the chosen codes
    """

    def __init__(self, module: nn.Module):
        self.module = module
        self.calls: dict[str, list[Call]] = {}
        self.attention: dict[str, list[Float[Tensor, "batch heads time total"]]] = {}
        self.routing: dict[str, list[RouterOutput]] = {}
        self.codes: dict[str, list[Int[Tensor, "..."]]] = {}
        self._hooks = []

    def __enter__(self) -> "Probe":
        for name, part in self.module.named_modules():
            self._hooks.append(part.register_forward_hook(self._hook(name), with_kwargs=True))
        return self

    def __exit__(self, *_) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def _hook(self, name: str):
        owner = name.rpartition(".")[0]

        def record(part: nn.Module, args: tuple, kwargs: dict, output) -> None:
            call = Call(tuple(_shapes((args, kwargs))), tuple(_shapes(output)))
            self.calls.setdefault(name, []).append(call)
            if isinstance(part, ScaledDotProduct):
                query, key, _, mask = args
                self.attention.setdefault(owner, []).append(owned(attention_weights(query.float(), key.float(), mask)))
            elif isinstance(part, TopKRouter):
                kept = RouterOutput(*map(owned, vars(output).values()))
                self.routing.setdefault(owner, []).append(kept)
            elif isinstance(part, VectorQuantizer):
                self.codes.setdefault(name, []).append(owned(output.codes))

        return record


def _shapes(value) -> list[Shape]:
    """The shapes of all tensors in tuples, lists, dictionaries and dataclasses, from left to right."""
    if isinstance(value, Tensor):
        return [tuple(value.shape)]
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    return [shape for part in value for shape in _shapes(part)] if isinstance(value, (tuple, list)) else []
