"""What bfloat16 and torch.compile do for the same parts: options of PyTorch, with nothing written for them here."""

import copy
import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from omni_ref.blocks.cache import KVCache
from omni_ref.code2wav import Code2Wav
from omni_ref.config import Code2WavConfig

from .races import MIDDLE, STEPS, thinkers
from .timing import medians

OPTIONS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "float32": lambda module: module,
    "bfloat16": lambda module: copy.deepcopy(module).to(torch.bfloat16),
    "compiled": lambda module: torch.compile(copy.deepcopy(module)),
}


def parts() -> Iterator[tuple[str, nn.Module, Callable[[nn.Module], Tensor], int]]:
    """What is run: its name, the module, a call, and how many results that makes."""
    thinker, _ = thinkers(MIDDLE)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(MIDDLE["vocab_size"], (1, 512), generator=generator)
    yield "prefill of 512 tokens, middle size", thinker, lambda module: module(ids).text_logits, 1

    def decode(module: nn.Module) -> Tensor:
        cache = KVCache()
        return [module(ids[:, :1], cache=cache).text_logits for _ in range(STEPS)][-1]

    yield "decode, a token, middle size", thinker, decode, STEPS
    config = Code2WavConfig()
    codes = torch.randint(config.codebook_size, (1, 10 * config.frame_rate, config.num_codebooks), generator=generator)
    yield "Code2Wav, full size, 10 s", Code2Wav(config).eval(), lambda module: module(codes), 1


@torch.no_grad()
def option_lines(threads: tuple[int, ...]) -> Iterator[str]:
    """A row for each part and number of threads; all options run in turns."""
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)  # it tells of each place that it cannot compile
    yield "| what | threads | " + " | ".join(OPTIONS) + " |"
    yield "|---" * (2 + len(OPTIONS)) + "|"
    for what, module, call, results in parts():
        modules = [option(module) for option in OPTIONS.values()]
        for count in threads:
            torch.set_num_threads(count)
            times = medians(*(partial(call, module) for module in modules))
            yield f"| {what} | {count} | " + " | ".join(f"{1000 * time / results:.2f} ms" for time in times) + " |"
