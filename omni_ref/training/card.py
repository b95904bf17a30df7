"""The model card's table: `python -m omni_ref evaluate` measures every row from scratch."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch

from ..checkpoint import WEIGHTS
from ..checks import require
from ..files import require_writable, written_whole
from ..omni import Omni
from . import cases, measures
from .arithmetic import Arithmetic
from .codec import Codec
from .judge import Judge
from .measures import Row
from .run import load_codec
from .voices import Heart

SEED = 99
CASES, DISTURBANCES = 300, 1000


def evaluate(checkpoint: Path, device: torch.device, count: int, recordings: Path | None, page: Path | None) -> None:
    """Measure a checkpoint, print the table as it grows, and put it between the markers of `page` if one is given."""
    require(count >= 1, f"--cases = {count}, expected at least 1")
    if page is not None:
        place_for(page, "evaluate")
    omni = Omni.from_pretrained(checkpoint, device)
    lines = [
        f"Measured {date.today()} at commit {commit()}: torch {torch.__version__}, {device}, "
        f"threads: {torch.get_num_threads()}; weights {digest(checkpoint)}. Shares with their 95 % intervals.\n",
        "| measure | result | cases | bar |",
        "|---|---|---|---|",
    ]
    print(*lines, sep="\n", flush=True)

    def show(row: Row) -> None:
        lines.append(f"| {row.measure} | {row.result} | {row.cases} | {row.bar} |")
        print(lines[-1], flush=True)

    measure(omni, load_codec(checkpoint, omni), Arithmetic(), count, recordings, show)
    if page is not None:
        insert(page, "evaluate", lines)


def place_for(page: Path, name: str) -> tuple[str, str]:
    """A page's text before and after the place for a table: from <!-- name --> to <!-- /name -->, these included.

    ValueError if the page has none, OSError if it cannot be written.
    """
    require_writable(page)
    text = page.read_text(encoding="utf8")
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    there = begin in text and end in text
    require(there, f"{page}: no lines {begin.strip()} and {end.strip()} to put the table between")
    return text.partition(begin)[0] + begin, end + text.partition(end)[2]


def insert(page: Path, name: str, lines: list[str]) -> None:
    """Put lines into their place on a page; the page is replaced as a whole."""
    before, after = place_for(page, name)
    with written_whole(page) as partial:
        partial.write_text(before + "\n".join(lines) + "\n" + after, encoding="utf8", newline="\n")


def digest(checkpoint: Path) -> str:
    """Which weights these are: the beginning of the file's SHA-256."""
    return hashlib.sha256((checkpoint / WEIGHTS).read_bytes()).hexdigest()[:12]


def commit() -> str:
    """The commit that is checked out, short, "-dirty" if files were changed since; "unknown" outside a repository."""
    root = Path(__file__).parents[2]
    if shutil.which("git") is None or not (root / ".git").exists():
        return "unknown"
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=root)
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def measure(
    omni: Omni, codec: Codec, task: Arithmetic, count: int, recordings: Path | None, show: Callable[[Row], None]
) -> None:
    """Every row, each given to `show` as soon as it is known; `count` cases a row of speech."""
    rng, judge, voice = np.random.default_rng(SEED), Judge(task.grammar()), Heart()
    takes = cases.engine_words(task)  # first, as the next line, since it may fail: flite or the folder may be missing
    words = None if recordings is None else cases.recorded_words(recordings, task)

    def trained():
        return cases.trained_exchanges(task, rng, count)

    def heard(name: str, tried, bar: str, answer_bar: str = "") -> None:
        for row in measures.heard_and_answered(omni, name, tried, bar, answer_bar):
            show(row)

    unheard = list(cases.asked(trained(), cases.held_out_voice, cases.clean, rng))
    heard("voices held out", unheard, "95 %", "95 %")
    heard("engine held out (Flite)", cases.asked(trained(), cases.held_out_engine, cases.clean, rng), "90 %")
    for name, line, bar in (
        ("telephone band", cases.on_the_telephone, "95 %"),
        ("noise at 10 dB", cases.in_noise, "90 %"),
        ("small room", cases.in_a_room, "90 %"),
    ):
        heard(f"{name}, voices held out", cases.asked(trained(), cases.held_out_voice, line, rng), bar)
    heard("spliced words, engine held out", cases.spliced(trained(), takes, cases.clean, rng), "95 %")
    spliced_calls = cases.spliced(trained(), takes, cases.on_the_telephone, rng)
    heard("spliced words, engine held out, telephone", spliced_calls, "90 %")
    hidden = cases.held_out_exchanges(task, rng, count)
    heard(
        "operand pairs and voices held out", cases.asked(hidden, cases.held_out_voice, cases.clean, rng), "", "report"
    )
    if words is not None:
        own = np.random.default_rng([SEED, 1])  # the rows after these are the same without the recordings
        known = cases.trained_exchanges(task, own, count, set(words))
        heard("a real person, words spliced", cases.spliced(known, [words], cases.clean, own), "")
    texts = task.never_said(rng, count)
    spoken = cases.asked(trained(), cases.held_out_voice, cases.clean, rng)
    for measured in (
        lambda: measures.said(omni, judge, voice, texts),
        lambda: measures.spoken_answers(omni, judge, "voices held out", spoken, "92 %"),
        lambda: measures.codec_rows(codec, judge, voice, texts),
        lambda: measures.tokens_and_experts(omni, unheard[:100]),
        lambda: measures.no_question(omni, rng, DISTURBANCES * count // CASES),
        lambda: measures.speed(omni, unheard[:20]),
    ):
        for row in measured():
            show(row)
