"""What has no peer: the time to the first sound and to a whole answer, the first import, memory, and how they grow."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from omni_ref.aut_encoder import AuTEncoder
from omni_ref.blocks.cache import KVCache
from omni_ref.config import AuTEncoderConfig, OmniConfig
from omni_ref.lab.notebook import QUESTION
from omni_ref.omni import Omni

from .races import MIDDLE, STEPS, thinkers
from .timing import REPEATS, medians, seconds


@dataclass(frozen=True)
class Measure:
    """A number with its unit, and the largest that is good enough, if there is a bar."""

    what: str
    value: float
    unit: str
    bar: float | None = None


def answers(threads: int) -> Iterator[Measure]:
    """A spoken question to the shipped model: how long until sound, and how long for the whole answer."""
    torch.set_num_threads(threads)
    omni = Omni.from_pretrained(device="cpu")
    first, factors = [], []
    for _ in range(REPEATS):
        stream = omni.stream(QUESTION)
        spent = seconds(lambda stream=stream: list(stream))
        first.append(stream.reply.timings["first_sound"])
        factors.append(spent * stream.reply.sample_rate / len(stream.reply.waveform))
    yield Measure(f"question → first sound, mini, threads: {threads}", 1000 * median(first), "ms", 150)
    yield Measure(f"whole answer, mini, threads: {threads}", median(factors), "of real time", 0.3)


def streamed_vocoder(threads: int) -> Measure:
    """Code2Wav at mini size, frame by frame."""
    torch.set_num_threads(threads)
    code2wav = Omni.from_config(OmniConfig.mini(), device="cpu").code2wav
    config = code2wav.config
    codes = torch.randint(config.codebook_size, (1, config.frame_rate, config.num_codebooks))

    def a_second() -> None:
        stream = code2wav.stream()
        for frame in codes.split(1, dim=1):
            stream.push(frame)

    return Measure(f"Code2Wav, mini, a frame at a time, threads: {threads}", medians(a_second)[0], "of real time", 0.15)


def start_up() -> Iterator[Measure]:
    """Importing, beyond what torch takes; loading the shipped model."""
    script = (
        "from time import perf_counter as now; start = now(); import torch; torch_there = now(); import omni_ref; "
        "there = now(); omni_ref.Omni.from_pretrained(device='cpu'); print(there - torch_there, now() - there)"
    )
    runs = [subprocess.check_output([sys.executable, "-c", script], text=True).split() for _ in range(REPEATS)]
    imported, loaded = (median(float(run[k]) for run in runs) for k in range(2))
    yield Measure("import omni_ref, beyond torch", imported, "s", 0.3)
    yield Measure("from_pretrained()", loaded, "s", 0.5)


def demo_memory(folder: Path) -> Measure:
    """The largest resident memory of what `make demo` runs. Linux counts it in KiB, macOS in bytes.

    A small process in between starts it: a process begins with the memory of the one that starts it.
    """
    options = ["-o", str(folder / "answer.wav"), "--figure", str(folder / "answer.png")]
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    demo = [sys.executable, "-m", "omni_ref", "ask", str(QUESTION), *options]
    largest = int(subprocess.check_output([sys.executable, "-c", script, *demo], text=True))
    return Measure("peak memory of make demo", largest / (2**20 if sys.platform == "darwin" else 2**10), "MiB", 700)


@dataclass(frozen=True)
class Growth:
    """What was measured at each size, and the exponent of a power law through it."""

    what: str
    unit: str
    sizes: list[int]
    values: list[float]

    @property
    def exponent(self) -> float:
        """The slope of log(value) over log(size)."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.values), 1)[0])


def beyond_the_first(what: str, unit: str, sizes: list[int], values: list[float]) -> Growth:
    """Growth above what the smallest size costs: a constant would hide the exponent."""
    added = [size - sizes[0] for size in sizes[1:]], [value - values[0] for value in values[1:]]
    return Growth(what, unit, *added)


@torch.no_grad()
def growths() -> Iterator[Growth]:
    """Decoding and its cache against the context, the encoder against the length of the sound; on one thread."""
    torch.set_num_threads(1)
    contexts = [1, 1024, 2048, 4096, 8192]
    thinker, _ = thinkers(MIDDLE)
    times, sizes = [], []
    for context in contexts:
        cache, ids = KVCache(), torch.zeros(1, context, dtype=torch.long)
        for part in ids.split(1024, dim=1):
            thinker(part, cache=cache)
        sizes.append(sum(store[:, :, : cache.length].nbytes for store in cache.keys + cache.values) / 2**20)
        step = partial(thinker, ids[:, :1], cache=cache)
        times.append(1000 * median(seconds(step) for _ in range(STEPS)))
    yield beyond_the_first("decode, a token, against tokens of context", "ms", contexts, times)
    yield Growth("key-value cache, against tokens of context", "MiB", contexts[1:], sizes[1:])
    durations = [1, 4, 15, 30, 60]
    config = AuTEncoderConfig()
    encoder = AuTEncoder(OmniConfig.mini().aut_encoder).eval()
    mels = [torch.randn(1, encoder.config.n_mels, config.mel_rate * duration) for duration in durations]
    calls: list[Callable] = [lambda mel=mel: encoder(mel, torch.tensor([mel.shape[-1]])) for mel in mels]
    yield Growth("AuT, mini, against seconds of sound", "ms", durations, [1000 * medians(call)[0] for call in calls])
