"""The training loop that every stage shares: AdamW (Loshchilov and Hutter 2019, algorithm 2), a cosine (Loshchilov and
Hutter 2017, "SGDR", section 3), a log, and a snapshot often enough to be killed any time.

Step s of a stage draws its random numbers from (seed, stage, s) alone, so a run that was killed and resumed from its
snapshot goes on as if nothing had happened.
"""

import csv
import math
import pickle
import time
import zlib
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ..checks import require
from ..files import written_whole

SECONDS_BETWEEN_SNAPSHOTS = 45
STEPS_BETWEEN_LOGS = 10


@dataclass(frozen=True)
class Schedule:
    """How long, how fast: a linear warm-up to `learning_rate`, then half a cosine down to `final_share` of it."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    final_share: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.learning_rate * (self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done)))


class Stage(ABC):
    """One recipe: what learns (`module`), how long (`schedule`), and what is to become small (`losses`)."""

    name: str
    schedule: Schedule
    module: nn.Module

    def begin(self, rng: np.random.Generator) -> None:  # noqa: B027, most stages need none
        """What is done once, before the first step."""

    @abstractmethod
    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """The weighted terms of a step's loss, by name; their sum is minimised. "_name" is shown but not minimised."""


def snapshot_path(folder: Path, name: str) -> Path:
    """Where a stage keeps its snapshot."""
    return folder / f"{name}.snapshot.pt"


def load_snapshot(folder: Path, name: str, module: nn.Module) -> dict:
    """Put modules where a stage's snapshot left them; the snapshot, or that of a run not begun.

    The snapshot may hold more than is asked for (the CTC head), but not less: that is a ValueError.
    """
    path = snapshot_path(folder, name)
    if not path.exists():
        return {"step": 0, "steps": None, "seconds": 0.0}
    try:
        snapshot = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError):
        raise ValueError(f"{path}: not a whole snapshot: remove it to begin stage {name} anew") from None
    try:
        missing = module.load_state_dict(snapshot["module"], strict=False).missing_keys
    except RuntimeError as error:  # sizes
        raise ValueError(f"{path}: belongs to another version, remove it: {error}") from None
    require(not missing, f"{path}: lacks {', '.join(missing[:3])} …: it belongs to another version, remove it")
    return snapshot


def step_generator(seed: int, name: str, step: int) -> np.random.Generator:
    """The random numbers of one step; torch's generator is seeded along."""
    key = [seed, zlib.crc32(name.encode()), step]
    rng = np.random.default_rng(key)
    torch.manual_seed(int(rng.integers(2**31)))
    return rng


def train(stage: Stage, folder: Path, device: torch.device, seed: int = 0) -> None:
    """Run a stage to its end, from its snapshot if there is one. Losses go to `folder`, as CSV and for TensorBoard.

    ValueError if the snapshot was made with another schedule. RuntimeError at a gradient that is not finite: the same
    one each time it goes on from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = load_snapshot(folder, stage.name, stage.module)
    recipe, path = asdict(stage.schedule), snapshot_path(folder, stage.name)
    before = snapshot.get("schedule", recipe)
    others = [f"{key} {before[key]}, not {value}" for key, value in recipe.items() if before[key] != value]
    require(not others, f"{path}: trained with {', '.join(others)}: remove it, and those of the stages built on it")
    if snapshot["step"] == 0:
        stage.begin(step_generator(seed, f"{stage.name} begins", 0))
    parameters = [parameter for parameter in stage.module.parameters() if parameter.requires_grad]
    schedule = stage.schedule
    optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=schedule.weight_decay, fused=True)
    if "optimizer" in snapshot:
        optimizer.load_state_dict(snapshot["optimizer"])
    first, spent = snapshot["step"], snapshot["seconds"]
    began = saved = time.monotonic()
    with Log(folder, stage.name, first, snapshot.get("values", {})) as log:
        for step in range(first, schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
            losses = stage.losses(step, step_generator(seed, stage.name, step))
            total = torch.stack([value for name, value in losses.items() if not name.startswith("_")]).sum()
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            norm = nn.utils.clip_grad_norm_(parameters, schedule.clip, error_if_nonfinite=True)
            optimizer.step()
            now = time.monotonic()
            log.write(step + 1, schedule.steps, spent + now - began, {**losses, "_gradient": norm})
            if now - saved > SECONDS_BETWEEN_SNAPSHOTS or step + 1 == schedule.steps:
                save_snapshot(folder, stage, optimizer, step + 1, spent + now - began, log.values)
                saved = now


def save_snapshot(
    folder: Path, stage: Stage, optimizer: torch.optim.Optimizer, step: int, seconds: float, values: dict
) -> None:
    """All that is needed to go on; the last snapshot is replaced only by a whole one."""
    state = {
        "module": stage.module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "steps": stage.schedule.steps,
        "schedule": asdict(stage.schedule),
        "seconds": seconds,
        "values": values,
    }
    with written_whole(snapshot_path(folder, stage.name)) as partial:
        torch.save(state, partial)


class Log:
    """Losses, averaged over a few steps: a line of `<stage>.csv`, a point in TensorBoard.

    `values` are those of the steps since the last line, by name.
    """

    def __init__(self, folder: Path, name: str, first: int, values: dict[str, list[float]]):
        self._path, self._first, self.values = folder / f"{name}.csv", first, values
        self._board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=first + 1)

    def __enter__(self) -> "Log":
        self._file, self._goes_on = None, False
        lines = self._path.read_text(encoding="utf8").split("\n")[:-1] if self._path.exists() else []  # whole ones
        kept = [line for line in lines[1:] if int(line.split(",")[0]) <= self._first]  # later steps are run again
        if kept:
            self._goes_on = True
            with written_whole(self._path) as partial:
                partial.write_text("\n".join([lines[0], *kept]) + "\n", encoding="utf8", newline="\n")
        return self

    def __exit__(self, *_) -> None:
        self._board.close()
        if self._file is not None:
            self._file.close()

    def write(self, step: int, steps: int, seconds: float, values: dict[str, Tensor]) -> None:
        """Add a step's values; write their means every STEPS_BETWEEN_LOGS steps."""
        for name, value in values.items():
            self.values.setdefault(name.lstrip("_"), []).append(float(value.detach()))
        if step % STEPS_BETWEEN_LOGS and step != steps:
            return
        means = {name: sum(entries) / len(entries) for name, entries in self.values.items()}
        self.values = {}
        if self._file is None:
            self._file = self._path.open("a" if self._goes_on else "w", newline="", encoding="utf8")
            if not self._goes_on:
                self._file.write(",".join(["step", "steps", "seconds", *means]) + "\n")
        csv.writer(self._file, lineterminator="\n").writerow(
            [step, steps, f"{seconds:.1f}", *(f"{value:.5g}" for value in means.values())]
        )
        self._file.flush()
        for name, value in means.items():
            self._board.add_scalar(name, value, step)
