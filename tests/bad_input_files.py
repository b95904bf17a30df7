"""The files that test_bad_input.py reads: sounds and checkpoints, good ones and one for each fault."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import load_file, save_file
from test_files import full_disk

from omni_ref import Omni, OmniConfig
from omni_ref.checkpoint import save_checkpoint
from omni_ref.training.request import note, request
from omni_ref.training.run import ARITHMETIC


def with_last(values: torch.Tensor, value: float) -> torch.Tensor:
    """The same values, but for the last."""
    changed = values.clone()
    changed.view(-1)[-1] = value
    return changed


def wav(seconds: float, value: float) -> bytes:
    """What a notebook's page hands over of a recording: samples that are all alike."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(int(16000 * seconds), value), 16000, format="WAV")
    return buffer.getvalue()


def changed_json(config: OmniConfig, part: str | None = None, **changes) -> str:
    """A config as JSON with some of its parts, or of the fields of one part, replaced; None takes one away."""
    values = json.loads(config.to_json())
    place = values if part is None else values[part]
    place.update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del place[name]
    return json.dumps(values)


def write_training_files(folder: Path) -> None:
    """A snapshot and a part of the corpus, cut short; an empty one; a folder that holds a run."""
    snapshot, corpus = folder / "cut.snapshot.pt", folder / "cut.npz"
    torch.save({"module": {"weight": torch.randn(100)}}, snapshot)
    np.savez(corpus, samples=np.zeros(400, np.int16))
    for path in (snapshot, corpus):
        path.write_bytes(path.read_bytes()[:400])
    (folder / "empty.npz").write_bytes(b"")
    note(folder / "run", request(0, ARITHMETIC, []))


def write_sounds(folder: Path, waveform: torch.Tensor) -> None:
    """One waveform in many files, whole and cut short, and files that hold none."""
    samples = waveform.numpy()
    for name, content, rate, kind in (
        ("good.wav", samples, 16000, "PCM_16"),
        ("24-bit.wav", samples, 16000, "PCM_24"),
        ("stereo.wav", samples.reshape(-1, 2), 16000, "PCM_16"),
        ("8k.wav", samples, 8000, "PCM_16"),
        ("44k.wav", samples, 44100, "PCM_16"),
        ("loud.wav", 20 * samples, 16000, "FLOAT"),
        ("nan.wav", with_last(waveform, float("nan")).numpy(), 16000, "FLOAT"),
        ("header-only.wav", samples[:0], 16000, "PCM_16"),
        ("one-sample.wav", samples[:1], 16000, "PCM_16"),
        ("one-sample-48k.wav", samples[:1], 48000, "PCM_16"),
        ("one-hop.wav", samples[:160], 16000, "PCM_16"),
        ("good.flac", samples, 16000, "PCM_24"),
        ("good.ogg", np.tile(samples, 15), 16000, "VORBIS"),
        ("good.mp3", np.tile(samples, 8), 16000, "MPEG_LAYER_III"),
        ("good.aiff", samples, 16000, "PCM_16"),
    ):
        soundfile.write(folder / name, content, rate, subtype=kind)
    for ending in ("wav", "flac", "ogg", "mp3", "aiff"):
        whole = (folder / f"good.{ending}").read_bytes()
        (folder / f"cut.{ending}").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "samples.raw").write_bytes(samples.tobytes())
    (folder / "notes.wav").write_text("These are notes, not sound. " * 50)


def write_checkpoints(folder: Path, omni: Omni) -> None:
    """Checkpoint folders: a whole one, and one for each fault."""
    names = ("whole", "cut", "empty", "renamed", "shape", "whole-numbers", "mixed", "no-weights")
    configs = {
        "no-config": None,
        "broken-config": omni.config.to_json()[:100],
        "other-config": changed_json(omni.config, "thinker", num_experts=16),
    }
    for name in (*names, *configs):
        save_checkpoint(folder / name, omni, omni.config)
    for name, text in configs.items():
        (folder / name / "config.json").write_text(text or "")
    (folder / "no-config" / "config.json").unlink()
    weights = {name: folder / name / "model.safetensors" for name in names}
    weights["cut"].write_bytes(weights["whole"].read_bytes()[:-1000])
    weights["empty"].write_bytes(b"")
    weights["no-weights"].unlink()
    tensors, norm = load_file(weights["whole"]), "thinker.norm.weight"
    others = {name: value for name, value in tensors.items() if name != norm}
    save_file(others | {"thinker.final_norm.weight": tensors[norm]}, weights["renamed"])
    save_file(others | {norm: tensors[norm][1:].clone()}, weights["shape"])
    save_file(others | {norm: tensors[norm].half()}, weights["mixed"])
    save_file({name: value.to(torch.int8) for name, value in tensors.items()}, weights["whole-numbers"])


def on_a_full_disk(save: Callable, *arguments) -> None:
    """Save where there is room for ten thousand bytes."""
    with full_disk(10_000):
        save(*arguments)
