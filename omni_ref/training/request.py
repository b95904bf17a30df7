"""What a run is asked for: task and voices, by the names of their classes, and a seed. A folder holds one such run."""

import inspect
import json
import pkgutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checks import check_seed, require
from ..files import written_whole
from .arithmetic import Task
from .rows import require_letters
from .voices import Voice

NOTE = "run.json"


def made(name: str, kind: type) -> Task | Voice:
    """An object of the class that is named `module:Class`. ValueError if there is none, or it is not of that kind."""
    try:
        found = pkgutil.resolve_name(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise ValueError(f"{name}: {error}; expected module:Class, of a module that Python finds from here") from None
    require(callable(found), f"{name}: is no class, expected module:Class")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ValueError(f"{name}: {error}, expected a class that is made without arguments") from None
    thing = found()
    require(isinstance(thing, kind), f"{name}: lacks a member of {kind.__module__}.{kind.__name__}")
    return thing


def try_task(task: Task, questions: int = 300) -> None:
    """ValueError if some questions hold what hearing cannot spell, or a word that no voice would be told to say."""
    rng, words = np.random.default_rng(0), set(task.words())
    for _ in range(questions):
        question = task.exchange(rng).question
        require_letters(question)
        missing = sorted(set(question.split()) - words)
        require(not missing, f"question {question!r}: {', '.join(missing)} in it, which words() of the task lacks")


def try_voice(voice: Voice, words: Sequence[str]) -> None:
    """Let a voice say all the words of a task. ValueError if it is no sound as voices give it."""
    spoken = np.asarray(voice.say(" ".join(words), 1.0))
    form = f"{spoken.dtype} of shape {spoken.shape}"
    require(spoken.dtype == np.float32 and spoken.ndim == 1, f"voice {voice.name}: {form}, expected mono float32")
    require(len(spoken) > 0, f"voice {voice.name}: it said nothing, expected sound")
    loudest = float(np.abs(spoken).max())  # a resampler overshoots a little, integers by thousands
    require(loudest <= 2, f"voice {voice.name}: samples up to {loudest:g}, expected them in [-1, 1]")


def request(seed: int, task: str, voices: Sequence[str] | None) -> dict:
    """What is asked for, to be noted. ValueError if the seed is none. Voices None: it does not matter here who asks."""
    check_seed("--seed", seed)
    return {"seed": seed, "task": task} | ({} if voices is None else {"voices": list(voices)})


def held(folder: Path) -> dict:
    """What was asked for of the run that a folder holds; {} if it holds none."""
    path = folder / NOTE
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else {}


def require_same_run(folder: Path, asked: dict) -> None:
    """ValueError if the folder holds another run: it would go on, and what is asked for would not be done."""
    there = held(folder)
    other = [f"{key} {there[key]!r}, not {value!r}" for key, value in asked.items() if there.get(key, value) != value]
    require(not other, f"{folder}: holds a run with {', '.join(other)}: take another --folder, or remove this one")


def note(folder: Path, asked: dict) -> None:
    """Note it in the folder, unless it is: stages that begin in the same moment do not write to one file."""
    there = held(folder)
    if there | asked != there:
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(folder / NOTE) as partial:
            partial.write_text(json.dumps(there | asked), encoding="utf8")
