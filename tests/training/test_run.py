"""The whole run at a tiny size: every stage after those it needs, killed and resumed, packed and loaded again."""

import os
import subprocess
import sys
import time

import pytest
import torch
from training_corpora import TASK, questions, replies, two_steps_a_stage, words

from omni_ref import Omni, OmniConfig
from omni_ref.__main__ import main
from omni_ref.lab.curves import CURVES, Curve, read_curves
from omni_ref.training import loop, run
from omni_ref.training.corpus import Recordings
from omni_ref.training.loop import snapshot_path

CPU = torch.device("cpu")
LEARNED = ("codec", "vocoder", "reading", "speaking", "hearing", "listening", "message")


@pytest.fixture
def small(monkeypatch):
    """Two steps a stage, on corpora that need no voice."""
    two_steps_a_stage(monkeypatch)
    corpora = {"replies": replies, "questions": questions, "words": words}
    parts = {name: (lambda task, seed, progress, corpus=corpus: corpus(), {}) for name, corpus in corpora.items()}
    monkeypatch.setattr(run, "CORPUS", parts)


def run_stages(folder, output, names):
    for name in names:
        run.run_stage(name, folder, output, CPU, seed=0)


def test_a_stage_builds_on_those_before_it_and_all_lead_to_the_checkpoint():
    assert sorted(run.STAGES) == sorted({*LEARNED, *run.CORPUS, "pack"})
    for name, needs in run.NEEDS.items():
        assert set(needs) <= set(run.STAGES[: run.STAGES.index(name)])
    assert set().union(*run.NEEDS.values()) == set(run.STAGES) - {"pack"}


def test_from_nothing_to_a_checkpoint_that_loads(small, tmp_path):
    folder, output = tmp_path / "training", tmp_path / "weights"
    run_stages(folder, output, run.STAGES)
    omni = Omni.from_pretrained(output, CPU)
    assert omni.config == OmniConfig.mini()
    kept = torch.load(snapshot_path(folder, "message"), weights_only=True)["module"]["talker.codec_head.weight"]
    assert torch.equal(omni.talker.codec_head.weight, kept.half().float())
    heard = torch.load(snapshot_path(folder, "listening"), weights_only=True)["module"]
    assert torch.equal(omni.aut_encoder.quantizer.codebook, heard["aut_encoder.quantizer.codebook"].half().float())
    codec = run.load_codec(output, omni)
    made = torch.load(snapshot_path(folder, "codec"), weights_only=True)["module"]
    assert torch.equal(codec.encoder.stem.weight, made["encoder.stem.weight"].half().float())
    assert torch.equal(codec.quantizer.quantizers[0].codebook, omni.code2wav.embeddings[0].weight)
    assert sum(path.stat().st_size for path in output.iterdir()) < 25e6
    curves = read_curves(output / CURVES)
    assert sorted(curves) == sorted(LEARNED) and all(curve.step == [2] for curve in curves.values())


def test_curves_are_means_of_the_first_loss_and_of_what_was_right(monkeypatch, tmp_path):
    """Seven lines of a log in groups of at most three, so that there are at most three points."""
    monkeypatch.setattr(run, "POINTS", 3)
    monkeypatch.setattr(run, "STAGES", ("words", "reading", "codec", "pack"))
    lines = [f"{10 * k},70,{k}.5,{k},9,{k / 8}" for k in range(1, 8)]
    (tmp_path / "reading.csv").write_text("\n".join(["step,steps,seconds,text,talker,right", *lines]) + "\n")
    (tmp_path / "codec.csv").write_text("step,steps,seconds,spectral,commitment\n5,5,2.0,1.25,7\n")
    run.write_curves(tmp_path, tmp_path / "out.csv")
    assert read_curves(tmp_path / "out.csv") == {
        "reading": Curve([30, 60, 70], [3.5, 6.5, 7.5], [2.0, 5.0, 7.0], [0.25, 0.625, 0.875]),
        "codec": Curve([5], [2.0], [1.25], [None]),
    }


@pytest.mark.parametrize(
    ("name", "needs"), [("codec", ["replies"]), ("reading", []), ("hearing", ["questions", "words"])]
)
def test_a_stage_killed_after_a_step_ends_where_it_would_have(small, tmp_path, monkeypatch, name, needs):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_stages(whole, tmp_path, [*needs, name])
    run_stages(killed, tmp_path, needs)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_SNAPSHOTS", -1)
    stage = run.prepare(name, TASK, killed, CPU, 0)
    losses = stage.losses

    def dies_at_step_1(step, rng):
        if step == 1:
            raise KeyboardInterrupt
        return losses(step, rng)

    stage.losses = dies_at_step_1
    with pytest.raises(KeyboardInterrupt):
        loop.train(stage, killed, CPU)
    run_stages(killed, tmp_path, [name])
    one, other = (torch.load(snapshot_path(at, name), weights_only=True)["module"] for at in (whole, killed))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_stage_that_is_run_again_changes_nothing(small, tmp_path):
    run_stages(tmp_path, tmp_path / "weights", ("replies", "codec"))
    before = torch.load(snapshot_path(tmp_path, "codec"), weights_only=True)["module"]
    run_stages(tmp_path, tmp_path / "weights", ("replies", "codec"))
    after = torch.load(snapshot_path(tmp_path, "codec"), weights_only=True)["module"]
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("stage", "missing"),
    [("codec", r"replies\.npz"), ("hearing", r"questions\.npz"), ("vocoder", "stage codec has not been run")],
)
def test_a_stage_names_what_has_to_come_before_it(small, tmp_path, stage, missing):
    with pytest.raises(ValueError, match=missing):
        run_stages(tmp_path, tmp_path, (stage,))


def test_a_folder_holds_one_run_and_another_seed_task_or_voice_is_not_taken_for_done(small, tmp_path):
    folder, weights = tmp_path / "run", tmp_path / "weights"
    run_stages(folder, weights, ("replies", "codec"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds a run with seed 0, not 1: take another --folder"):
        run.run_all(folder, weights, CPU, 1)
    with pytest.raises(ValueError, match=r"task '.*Arithmetic', not 'training_corpora:Arithmetic'"):
        run.run_stage("reading", folder, weights, CPU, 0, "training_corpora:Arithmetic")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    run.run_stage("questions", folder, weights, CPU, 0)
    with pytest.raises(ValueError, match=r"voices \[\], not \['omni_ref.training.voices:Heart'\]"):
        run.run_stage("words", folder, weights, CPU, 0, voices=["omni_ref.training.voices:Heart"])
    run_stages(folder, weights, ("vocoder", "words", "hearing"))


def test_a_stage_that_was_trained_with_another_schedule_is_not_taken_for_done(small, tmp_path, monkeypatch):
    run_stages(tmp_path, tmp_path, ("replies", "codec"))
    monkeypatch.setattr(run.CodecStage, "schedule", loop.Schedule(steps=2, batch=2, learning_rate=2e-4))
    with pytest.raises(ValueError, match=r"trained with learning_rate 0\.0001, not 0\.0002: remove it"):
        run_stages(tmp_path, tmp_path, ("codec",))


def test_a_stage_that_was_not_finished_is_not_built_upon(small, tmp_path):
    run_stages(tmp_path, tmp_path, ("replies", "codec"))
    state = torch.load(snapshot_path(tmp_path, "codec"), weights_only=True)
    torch.save(state | {"step": 1}, snapshot_path(tmp_path, "codec"))
    with pytest.raises(ValueError, match="stage codec stands at step 1 of 2: run --stage codec first"):
        run_stages(tmp_path, tmp_path, ("vocoder",))


def in_pythons_place(monkeypatch, folder, script):
    """A shell script that is run instead of every stage; the stage's name is its argument $5."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(run, "CORES", 2)


def test_a_stage_begins_once_what_it_needs_is_over_and_no_more_than_two_run_at_a_time(monkeypatch, tmp_path):
    script = 'echo "begun $5 $OMP_NUM_THREADS" >> told\nsleep 0.3\necho "over $5" >> told'
    in_pythons_place(monkeypatch, tmp_path, script)
    run.run_all(tmp_path / "run", tmp_path / "weights", CPU, 0)
    running, over, most = set(), set(), 0
    for line in (tmp_path / "told").read_text(encoding="utf8").splitlines():
        what, name, *threads = line.split()
        if what == "begun":
            assert over.issuperset(run.NEEDS[name]) and threads == ["1"]
            running.add(name)
        else:
            running.remove(name)
            over.add(name)
        most = max(most, len(running))
    assert over == set(run.STAGES) and most == 2


def test_a_stage_that_fails_is_named_the_others_are_ended_and_none_is_begun(monkeypatch, tmp_path):
    """Words sleep for longer than the test may take; questions, beside them, fail."""
    in_pythons_place(
        monkeypatch, tmp_path, 'echo "$5" >> told\n[ "$5" != words ] || exec sleep 600\n[ "$5" != questions ]'
    )
    with pytest.raises(ChildProcessError, match=r"stage questions failed, exit status 1: see .*questions\.log"):
        run.run_all(tmp_path / "run", tmp_path / "weights", CPU, 0)
    assert sorted((tmp_path / "told").read_text(encoding="utf8").split()) == ["questions", "words"]


def test_stopped_it_leaves_no_stage_behind(tmp_path):
    """Told to end as a machine that shuts down tells it, while its stages sleep."""
    program, running = tmp_path / "program", tmp_path / "running"
    program.write_text(f"#!/bin/sh\necho $$ >> {running}\nexec sleep 60\n")
    program.chmod(0o755)
    code = f"import sys; sys.executable = {str(program)!r}; from omni_ref.__main__ import main; "
    code += "from omni_ref.training import run; run.CORES = 2; "
    code += f"main(['train', '--folder', {str(tmp_path / 'run')!r}, '--device', 'cpu'])"
    whole = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while time.monotonic() < until and (not running.exists() or len(running.read_text(encoding="utf8").split()) < 2):
        time.sleep(0.1)
    whole.terminate()
    assert whole.wait(timeout=30) == 143
    for stage in running.read_text(encoding="utf8").split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(stage), 0)


def test_every_stage_is_told_the_task_and_the_voices(monkeypatch, tmp_path):
    in_pythons_place(monkeypatch, tmp_path, 'echo "$@" >> done')
    voices = "omni_ref.training.voices"
    options = ["--task", "training_corpora:Arithmetic", "--voice", f"{voices}:Heart", "--voice", f"{voices}:Joe"]
    assert main(["train", "--folder", "run", "--output", "weights", "--device", "cpu", *options]) == 0
    asked = (tmp_path / "done").read_text(encoding="utf8").splitlines()
    assert len(asked) == len(run.STAGES) and all(line.endswith(" ".join(options)) for line in asked)


def test_the_command_line_runs_one_stage(small, tmp_path):
    assert main(["train", "--stage", "replies", "--folder", str(tmp_path), "--device", "cpu"]) == 0
    assert len(Recordings.load(tmp_path / "replies.npz")) == len(replies())


def test_the_command_line_names_a_stage_that_is_none(tmp_path, capsys):
    assert main(["train", "--stage", "singing", "--folder", str(tmp_path), "--device", "cpu"]) == 2
    assert "--stage singing, expected one of" in capsys.readouterr().err
