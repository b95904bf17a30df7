"""The loop: the schedule's curve, and that a run which is killed and goes on is the run that was not."""

import csv

import pytest
import torch
from torch import nn

from omni_ref.training import loop
from omni_ref.training.loop import Schedule, Stage, load_snapshot, snapshot_path, step_generator, train

CPU = torch.device("cpu")


class Line(Stage):
    """Learns y = 3 x + noise; dies at a step if told to."""

    name = "line"
    schedule = Schedule(steps=23, batch=4, learning_rate=0.1, warmup=5)

    def __init__(self, dies_at=None, target=3.0):
        torch.manual_seed(1)
        self.module, self.dies_at, self.target = nn.Linear(1, 1), dies_at, target
        self.begun = False

    def begin(self, rng):
        self.begun = True

    def losses(self, step, rng):
        if step == self.dies_at:
            raise KeyboardInterrupt
        x = torch.from_numpy(rng.standard_normal((self.schedule.batch, 1))).float()
        error = (self.module(x) - self.target * x + 0.1 * torch.randn(4, 1)).pow(2).mean()
        return {"error": error, "_shown": error.detach() * 1000}


def test_the_rate_warms_up_falls_as_a_cosine_and_ends_at_its_final_share():
    schedule = Schedule(steps=1100, batch=1, learning_rate=2.0, warmup=100, final_share=0.1)
    assert schedule.rate(0) == pytest.approx(0.02)
    assert schedule.rate(99) == schedule.rate(100) == pytest.approx(2.0)
    assert schedule.rate(600) == pytest.approx(2.0 * 0.55)
    assert schedule.rate(1100) == pytest.approx(0.2)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    whole = Line()
    train(whole, tmp_path / "whole", CPU)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SNAPSHOTS", 0)
    with pytest.raises(KeyboardInterrupt):
        train(Line(dies_at=17), tmp_path / "killed", CPU)
    resumed = Line()
    train(resumed, tmp_path / "killed", CPU)
    assert whole.begun and not resumed.begun
    for ours, theirs in zip(resumed.module.parameters(), whole.module.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    logs = [list(csv.DictReader((tmp_path / run / "line.csv").open())) for run in ("whole", "killed")]
    assert [row["step"] for row in logs[0]] == [row["step"] for row in logs[1]] == ["10", "20", "23"]
    for column in ("error", "shown"):
        assert [row[column] for row in logs[0]] == [row[column] for row in logs[1]]


def test_steps_after_the_last_snapshot_are_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SNAPSHOTS", 1e9)
    with pytest.raises(KeyboardInterrupt):
        train(Line(dies_at=21), tmp_path, CPU)
    assert not snapshot_path(tmp_path, "line").exists()
    train(Line(), tmp_path, CPU)
    rows = list(csv.DictReader((tmp_path / "line.csv").open()))
    assert [row["step"] for row in rows] == ["10", "20", "23"]


def test_snapshots_come_more_often_than_once_a_minute():
    assert loop.SECONDS_BETWEEN_SNAPSHOTS < 60


class Shows(Line):
    """Shows a value that has a gradient: if it were minimised, the bias would run away."""

    def losses(self, step, rng):
        return super().losses(step, rng) | {"_shown": 1000 * self.module.bias.sum()}


def test_the_loss_falls_and_values_that_are_only_shown_are_not_minimised(tmp_path):
    stage, shows = Line(), Shows()
    before = stage.losses(0, step_generator(0, "line", 0))["error"]
    train(stage, tmp_path / "plain", CPU)
    assert stage.losses(0, step_generator(0, "line", 0))["error"] < before / 2
    train(shows, tmp_path / "shows", CPU)
    for ours, theirs in zip(shows.module.parameters(), stage.module.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_loss_that_is_not_finite_stops_the_run_before_it_spoils_the_weights(tmp_path):
    stage = Line(target=float("nan"))
    with pytest.raises(RuntimeError, match="non-finite"):
        train(stage, tmp_path, CPU)
    assert all(parameter.isfinite().all() for parameter in stage.module.parameters())


def test_a_snapshot_of_another_module_is_refused(tmp_path):
    train(Line(), tmp_path, CPU)
    with pytest.raises(ValueError, match=r"lacks 0\.weight"):
        load_snapshot(tmp_path, "line", nn.Sequential(nn.Linear(1, 1)))
    with pytest.raises(ValueError, match=r"(?s)belongs to another version, remove it: .*size mismatch for weight"):
        load_snapshot(tmp_path, "line", nn.Linear(1, 2))


def test_tensorboard_can_read_the_losses(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # run again when it is finished, nothing is hidden
        train(Line(), tmp_path, CPU)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "line"))
    events.Reload()
    assert [event.step for event in events.Scalars("error")] == [10, 20, 23]


def test_each_step_of_each_stage_and_seed_draws_its_own_numbers():
    keys = [(seed, name, step) for seed in (0, 1) for name in ("codec", "speaking") for step in (0, 1)]
    draws = [(step_generator(*key).random(), float(torch.rand(1))) for key in keys]
    again = [(step_generator(*key).random(), float(torch.rand(1))) for key in keys]
    assert draws == again and len(set(draws)) == len(keys)
