"""From nothing to such a checkpoint as is shipped: what `omni-ref train` does, in 60 to 90 minutes on two cores.

    questions ─┬─ hearing ─┬─ listening ─┬─ message ─┬─ pack ─▶ weights, config, codec encoder, curves
    words ─────┘  reading ─┘             │           │
    replies ─── codec ─┬─ speaking ──────┘           │
                       └─ vocoder ───────────────────┘

Every stage is a process of its own on one core, begun as soon as a core is free and what it builds on is there; it can
be run alone with --stage. Killed, the same command goes on from the snapshots.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..checkpoint import CONFIG, load_tensors, make_folder, read_tensors, save_checkpoint, save_weights
from ..checks import require
from ..config import OmniConfig
from ..files import require_writable, written_whole
from ..lab.curves import COLUMNS, CURVES, read_log
from ..omni import Omni
from .arithmetic import Task
from .codec import Codec, CodecStage
from .corpus import Recordings, render_questions, render_replies, render_words
from .hearing import HearingStage
from .loop import Log, Stage, load_snapshot, snapshot_path, train
from .request import made, note, request, require_same_run, try_task, try_voice
from .speaking import MessageStage, SpeakingStage
from .thinking import ListeningStage, ReadingStage
from .vocoder import VocoderStage
from .voices import Voice

NEEDS = {  # what each stage builds on; of those that can begin, the first does: in this order two cores end together
    "questions": (),
    "words": (),
    "replies": (),
    "reading": (),
    "hearing": ("questions", "words"),
    "codec": ("replies",),
    "listening": ("hearing", "reading"),
    "speaking": ("codec",),
    "vocoder": ("codec",),
    "message": ("listening", "speaking"),
    "pack": ("message", "vocoder"),
}
STAGES = tuple(NEEDS)
CORES = os.cpu_count() or 1
CODEC_ENCODER = "codec_encoder.safetensors"
POINTS = 100  # of a stage's curve, at most
ARITHMETIC = "omni_ref.training.arithmetic:Arithmetic"
CORPUS = {
    "replies": (render_replies, {"count": 15000}),
    "questions": (render_questions, {"count": 7000, "natural_count": 1200}),
    "words": (render_words, {"speakers": 240, "natural_takes": 24, "kokoro_takes": 12}),
}


def run_all(
    folder: Path, output: Path, device: torch.device, seed: int, task: str = ARITHMETIC, voices: Sequence[str] = ()
) -> None:
    """Every stage, as many at a time as CORES. ChildProcessError names one that failed, and where it says why.

    What can be refused is refused now, not after an hour: an output that cannot be written, a folder that holds another
    run, a task or voice that is none, or that cannot be spelled or heard.

    SIGTERM ends it between two looks at its stages, not while one is being begun: none is left behind. SystemExit then.
    """
    asked = request(seed, task, voices)
    require_same_run(folder, asked)
    exchanges = made(task, Task)
    try_task(exchanges)
    for voice in voices:
        try_voice(made(voice, Voice), exchanges.words())
    require_writable(make_folder(output) / CONFIG)
    note(folder, asked)
    options = ["--folder", str(folder), "--output", str(output), "--device", str(device), "--seed", str(seed)]
    options += ["--task", task, *(option for voice in voices for option in ("--voice", voice))]
    columns = (
        TextColumn("{task.description:11}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    waiting, running, done, told = list(STAGES), {}, set(), []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    with Progress(*columns) as bar:
        lines = {name: bar.add_task(name, total=None, start=False, state="") for name in STAGES}
        try:
            while waiting or running:
                can_begin = [name for name in waiting if done.issuperset(NEEDS[name])]
                for name in can_begin[: CORES - len(running)]:
                    waiting.remove(name)
                    running[name] = begin(name, folder, options)
                time.sleep(0.2)
                if told:
                    sys.exit(128 + told[0])
                show_progress(folder, bar, lines)
                for name in [name for name, process in running.items() if process.poll() is not None]:
                    status, log = running.pop(name).returncode, folder / f"{name}.log"
                    if status != 0:
                        raise ChildProcessError(f"stage {name} failed, exit status {status}: see {log}")
                    done.add(name)
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.wait()
            signal.signal(signal.SIGTERM, before)


def begin(name: str, folder: Path, options: list[str]) -> subprocess.Popen:
    """A stage as a process on one thread, so that what it computes does not hang on how many cores there are."""
    command = [sys.executable, "-m", "omni_ref", "train", "--stage", name, *options]
    with (folder / f"{name}.log").open("w") as log:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)


def show_progress(folder: Path, bar: Progress, lines: dict) -> None:
    """Move each stage's bar to the last line of its log."""
    for name, line in lines.items():
        path = folder / f"{name}.csv"
        rows = path.read_text(encoding="utf8").splitlines() if path.exists() else []
        if len(rows) > 1:
            names, values = rows[0].split(","), rows[-1].split(",")
            shown = "  ".join(f"{key} {value}" for key, value in zip(names[3:], values[3:], strict=False))
            bar.start_task(line)
            bar.update(line, completed=int(values[0]), total=int(values[1]), state=shown)
            if values[0] == values[1]:
                bar.stop_task(line)


def run_stage(
    name: str,
    folder: Path,
    output: Path,
    device: torch.device,
    seed: int,
    task: str = ARITHMETIC,
    voices: Sequence[str] = (),
) -> None:
    """One stage alone. ValueError names a stage that has to come before it and has not been run.

    `task` and `voices`, natural ones beside those that are there, are named `module:Class`.
    """
    require(name in STAGES, f"--stage {name}, expected one of {', '.join(STAGES)}")
    asked = request(seed, task, voices if voices or name in ("questions", "words") else None)
    require_same_run(folder, asked)
    torch.set_num_threads(1)
    if name in CORPUS:
        exchanges, speakers = made(task, Task), [made(voice, Voice) for voice in voices]
        note(folder, asked)
        render(name, exchanges, folder, seed, speakers)
    elif name == "pack":
        pack(folder, output, device, seed)
    else:
        stage = prepare(name, made(task, Task), folder, device, seed)
        note(folder, asked)
        train(stage, folder, device, seed)


def render(name: str, task: Task, folder: Path, seed: int, voices: Sequence[Voice] = ()) -> None:
    """A part of the corpus, unless it is there. `voices` ask, they do not answer."""
    path = folder / f"{name}.npz"
    if path.exists():
        return
    function, options = CORPUS[name]
    if voices and name != "replies":
        options = {**options, "voices": voices}
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with Log(folder, name, 0, {}) as log:
        show = lambda done, of: log.write(done, of, time.monotonic() - began, {})  # noqa: E731
        function(task, seed, progress=show, **options).save(path)


def prepare(name: str, task: Task, folder: Path, device: torch.device, seed: int) -> Stage:
    """A stage with its modules as the stages before it left them."""
    torch.manual_seed(seed)
    omni = Omni.from_config(OmniConfig.mini(), seed, device)
    codec = Codec(omni.code2wav).to(device)

    def recordings(part: str) -> Recordings:
        require((folder / f"{part}.npz").is_file(), f"stage {name} needs {folder / part}.npz: run --stage {part} first")
        return Recordings.load(folder / f"{part}.npz")

    def trained(*stages: str) -> None:
        for stage in stages:
            load_finished(stage, omni, codec, folder, device)

    if name == "codec":
        return CodecStage(codec, recordings("replies"), device)
    if name == "hearing":
        return HearingStage(omni, task, recordings("questions"), recordings("words"), device)
    if name == "reading":
        return ReadingStage(omni, task, device)
    if name == "listening":
        stage = ListeningStage(omni, task, recordings("questions"), recordings("words"), device)
        hearing = torch.nn.ModuleDict({part: stage.module[part] for part in ("aut_encoder", "ctc_head")})
        require_finished(load_snapshot(folder, "hearing", hearing), "hearing", folder)
        trained("reading")
        return stage
    trained("codec")
    if name == "vocoder":
        return VocoderStage(codec, recordings("replies"), device)
    if name == "speaking":
        return SpeakingStage(omni, codec, recordings("replies"), device)
    trained("speaking", "listening")
    return MessageStage(omni, codec, recordings("replies"), task, device)


def load_finished(name: str, omni: Omni, codec: Codec, folder: Path, device: torch.device) -> None:
    """Put a stage's part of the model where its training ended."""
    parts = {
        "codec": codec,
        "vocoder": torch.nn.ModuleDict({"code2wav": omni.code2wav}),
        "speaking": omni.talker,
        "reading": omni.thinker,
        "listening": torch.nn.ModuleDict({"aut_encoder": omni.aut_encoder, "thinker": omni.thinker}),
        "message": torch.nn.ModuleDict({"talker": omni.talker, "talker_head": omni.thinker.talker_head}),
    }
    require_finished(load_snapshot(folder, name, parts[name]), name, folder)


def require_finished(snapshot: dict, name: str, folder: Path) -> None:
    """ValueError unless a stage's snapshot is that of its last step."""
    path = snapshot_path(folder, name)
    done, of = snapshot["step"], snapshot["steps"]
    stands = f"stands at step {done} of {of}" if of else "has not been run"
    require(done == of, f"{path}: stage {name} {stands}: run --stage {name} first")


def pack(folder: Path, output: Path, device: torch.device, seed: int) -> None:
    """Put the trained parts together: the checkpoint in float16, beside it the codec's encoder and the run's curves."""
    omni = Omni.from_config(OmniConfig.mini(), seed, device)
    codec = Codec(omni.code2wav).to(device)
    for name in ("codec", "vocoder", "listening", "message"):
        load_finished(name, omni, codec, folder, device)
    write_curves(folder, make_folder(output) / CURVES)  # first: it fails if a log is missing
    save_weights(output / CODEC_ENCODER, codec.encoder, torch.float16)
    save_checkpoint(output, omni, omni.config, torch.float16)


def write_curves(folder: Path, path: Path) -> None:
    """The logs of the stages that learn, in one small file: of each its first loss, and the share of rows right if any.

    A point is the mean of a few lines of the log, so that there are at most POINTS, at the last one's step.
    """
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name in (stage for stage in STAGES if stage not in (*CORPUS, "pack")):
            log = read_log(folder / f"{name}.csv")
            loss, right = log[list(log)[3]], log.get("right")  # after step, steps and seconds
            size = -(-len(loss) // POINTS)
            for start in range(0, len(loss), size):
                few = slice(start, start + size)
                share = f"{np.mean(right[few]):.4g}" if right else ""
                last = (int(log["step"][few][-1]), log["seconds"][few][-1])
                writer.writerow((name, *last, f"{np.mean(loss[few]):.5g}", share))


def load_codec(folder: Path, omni: Omni) -> Codec:
    """The codec around a checkpoint's Code2Wav, its encoder from the same folder."""
    codec = Codec(omni.code2wav)
    path = folder / CODEC_ENCODER
    load_tensors(str(path), codec.encoder, read_tensors(path))
    return codec.to(omni.device).eval()
