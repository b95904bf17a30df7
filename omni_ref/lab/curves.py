"""How training went, as files hold it: the log of a stage, the curves of the shipped run, the table of ablations."""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..omni import SHIPPED

CURVES = "curves.csv"
COLUMNS = ("stage", "step", "seconds", "loss", "right")
LOAD = "busiest expert's load / mean load"
MEASURES = {  # what the result of an ablation reports: a name for the axis, and where the number stands
    "operands read right, %": r"operands read right (\d+) %",
    "sentences read right, %": r"sentences (\d+) %",
    LOAD: r"layer by layer: ([\d.]+(?:, [\d.]+)*)",
    "questions heard, %": r"heard (\d+) %",
    "perplexity of the audio tokens": r"perplexity (\d+)",
}


@dataclass
class Curve:
    """A stage, point by point; `right` has None where nothing was counted."""

    step: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    right: list[float | None] = field(default_factory=list)


class Ablation(NamedTuple):
    """What was left out, and what was measured with it and without it, by the name of the measure."""

    what: str
    with_it: dict[str, float]
    without: dict[str, float]


def read_log(path: Path) -> dict[str, list[float]]:
    """A stage's log, `<stage>.csv`, as the training loop writes it: a list a column."""
    with path.open(newline="", encoding="utf8") as file:
        names, *rows = csv.reader(file)
    return {name: [float(row[i]) for row in rows] for i, name in enumerate(names)}


def read_curves(path: Path = SHIPPED / CURVES) -> dict[str, Curve]:
    """The run that made a checkpoint, stage by stage, from the file beside its weights."""
    curves: dict[str, Curve] = {}
    with path.open(newline="", encoding="utf8") as file:
        for row in csv.DictReader(file):
            curve = curves.setdefault(row["stage"], Curve())
            curve.step.append(int(row["step"]))
            curve.seconds.append(float(row["seconds"]))
            curve.loss.append(float(row["loss"]))
            curve.right.append(float(row["right"]) if row["right"] else None)
    return curves


def read_ablations(page: Path) -> list[Ablation]:
    """The table between the markers of docs/training.md; [] while nothing in it has been left out.

    A line that leaves something out is compared with the first line of its stage, and one that begins with "the same"
    with the first line of the stage above it, whose beginning, up to a comma, stands for "the same".
    """
    table = page.read_text(encoding="utf8").split("<!-- ablations -->")[1].split("<!-- /ablations -->")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    whole: dict[str, dict[str, float]] = {}
    found, stage, above = [], "", ""
    for what, _steps, result in lines[1:]:
        measured = _measured(result)
        first = what.split()[0].rstrip(",")
        if first == "the":
            found.append(Ablation(what.replace("the same", f"{above},", 1), whole[stage], measured))
        elif first in whole:
            found.append(Ablation(what, whole[first], measured))
        else:
            stage, above, whole[first] = first, what.split(",")[0], measured
    return found


def _measured(result: str) -> dict[str, float]:
    """The numbers in a result; of several, one a layer, the largest."""
    matches = {name: re.search(pattern, result) for name, pattern in MEASURES.items()}
    return {name: max(map(float, match[1].split(", "))) for name, match in matches.items() if match}
