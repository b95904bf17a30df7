"""What several tests need."""

from collections.abc import Callable

import jaxtyping
import torch
from torch import nn


@torch.no_grad()
def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Weights far from the initial ones, norms too: with those a forgotten norm or scale would not show."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64).to(parameter.dtype)
        is_norm = "norm" in name and parameter.ndim == 1
        parameter.copy_(1 + 0.3 * noise if is_norm else 0.2 * noise)
    return module.eval()


def without_annotations(call: Callable) -> Callable:
    """A call as users make it: in tests the annotations are enforced, and would speak before the message does."""

    def called(at):
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            call(at)
        finally:
            jaxtyping.config.update("jaxtyping_disable", False)

    return called
