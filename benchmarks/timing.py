"""Time calls alternately, so that whatever else the machine does falls on all of them; and know what it could do."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from statistics import median
from time import perf_counter, sleep

import torch
from threadpoolctl import threadpool_limits

REPEATS = 9
REST = 0.1  # seconds before each turn: after a product numpy's threads spin for a while, and would take a core


@dataclass(frozen=True)
class Race:
    """Two ways to the same result: what it is, theirs by name, the largest ours / theirs that is good enough."""

    what: str
    against: str
    bar: float
    ours: Callable[[], object]
    theirs: Callable[[], object]
    per_call: int = 1  # results, such as tokens, that a call makes


@dataclass(frozen=True)
class Result:
    """Seconds a result, medians."""

    race: Race
    threads: int
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Ours / theirs: below 1 we are faster."""
        return self.ours / self.theirs


def seconds(call: Callable[[], object], count: int = 1) -> float:
    """The mean time of so many calls in a row."""
    began = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - began) / count


def turn(call: Callable[[], object], count: int) -> float:
    """The mean time of so many calls, after a rest and a call that is not counted."""
    sleep(REST)
    call()
    return seconds(call, count)


def medians(*calls: Callable[[], object], repeats: int = REPEATS, least: float = 0.05) -> list[float]:
    """Median seconds of each call over `repeats` rounds; in a round each has its turn of at least `least` seconds."""
    for call in calls:
        call()
    counts = [ceil(least / seconds(call)) for call in calls]
    rounds = [[turn(call, count) for call, count in zip(calls, counts, strict=True)] for _ in range(repeats)]
    return [median(times) for times in zip(*rounds, strict=True)]


@torch.inference_mode()
def run(race: Race, threads: int) -> Result:
    """Both sides of a race on so many threads, those of numpy's products included."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads, user_api="blas"):
        ours, theirs = (time / race.per_call for time in medians(race.ours, race.theirs))
    return Result(race, threads, ours, theirs)


@lru_cache
def matmul_rate(threads: int, size: int = 1536) -> float:
    """Floating-point operations a second in a square product: what computation can reach at most."""
    torch.set_num_threads(threads)
    left, right = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / medians(lambda: left @ right)[0]


@lru_cache
def read_rate(threads: int, megabytes: int = 256) -> float:
    """Bytes a second that a sum over memory reads: what decoding one token at a time can reach at most."""
    torch.set_num_threads(threads)
    values = torch.ones(megabytes * 2**18)
    return values.nbytes / medians(values.sum)[0]
