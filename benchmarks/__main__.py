"""`python -m benchmarks`: run everything, write the table and the picture."""

import argparse
import importlib.metadata
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from omni_ref.files import written_whole
from omni_ref.lab.plots.style import ANSWER, QUESTION, STYLE
from omni_ref.training.card import insert, place_for

from .alone import Growth, Measure, answers, demo_memory, growths, start_up, streamed_vocoder
from .options import option_lines
from .races import all_races
from .stages import stage_lines
from .timing import Result, matmul_rate, read_rate, run

THREADS = (1, 2)


def race_lines(results: list[Result]) -> Iterator[str]:
    """Ours beside theirs, a row of a table each."""
    yield "| what | against | threads | ours | theirs | ours / theirs | bar |"
    yield "|---|---|---|---|---|---|---|"
    for result in results:
        race, times = result.race, f"{1000 * result.ours:.2f} ms | {1000 * result.theirs:.2f} ms"
        verdict = f"**{result.ratio:.2f}**" if result.ratio <= race.bar else f"{result.ratio:.2f}"
        yield f"| {race.what} | {race.against} | {result.threads} | {times} | {verdict} | ≤ {race.bar:.2f} |"


def measure_lines(measures: list[Measure]) -> Iterator[str]:
    """What has no peer."""
    yield "| what | measured | bar |"
    yield "|---|---|---|"
    for measure in measures:
        bar = "" if measure.bar is None else f"≤ {measure.bar:g} {measure.unit}"
        yield f"| {measure.what} | {measure.value:.3g} {measure.unit} | {bar} |"


def growth_lines(found: list[Growth]) -> Iterator[str]:
    """Sizes, values and exponents."""
    yield "| what | at | measured | exponent |"
    yield "|---|---|---|---|"
    for growth in found:
        values = ", ".join(f"{value:.3g}" for value in growth.values)
        sizes = ", ".join(f"{size:,}" for size in growth.sizes)
        yield f"| {growth.what} | {sizes} | {values} {growth.unit} | {growth.exponent:.2f} |"


def machine() -> str:
    """What it ran on, and the most that this can do."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "librosa"))
    rates = "; ".join(
        f"{threads} thread{'s' * (threads > 1)}: {matmul_rate(threads) / 1e9:.0f} GFLOP/s in a matrix product, "
        f"{read_rate(threads) / 1e9:.0f} GB/s of reading"
        for threads in THREADS
    )
    return f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, {versions}. {rates}."


def picture(results: list[Result]) -> Figure:
    """Each race as a line from nothing towards the peer's time, in numbers on the right; the bar as a tick."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.42 * len(results) + 1.2), layout="constrained")
        axes = figure.subplots()
        for row, result in enumerate(results):
            reached = result.ratio <= result.race.bar
            axes.hlines(row, 0, result.ratio, color=QUESTION if reached else ANSWER, linewidth=5)
            axes.vlines(result.race.bar, row - 0.35, row + 0.35, color="black", linewidth=1)
            right_edge = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            axes.annotate(f"{result.ratio:.2f}", (1, row), (6, 0), **right_edge, va="center", fontsize=8)
        labels = [f"{result.race.what} ({result.race.against}), {result.threads} thr." for result in results]
        axes.set_yticks(range(len(results)), labels)
        axes.invert_yaxis()
        axes.axvline(1, color="grey", linestyle=":")
        axes.set(xlabel="our time / theirs; 1 (dotted) is as fast; the tick is the bar", xlim=(0, None))
        axes.set_title("Time beside what people would use instead")
    return figure


def main() -> None:
    """Run, and write what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/performance.md"))
    output = parser.parse_args().output
    place_for(output, "benchmarks")
    results = [run(race, threads) for race in all_races() for threads in THREADS]
    measures = [measure for threads in THREADS for measure in answers(threads)]
    measures += [streamed_vocoder(threads) for threads in THREADS]
    measures += start_up()
    with tempfile.TemporaryDirectory() as folder:
        measures.append(demo_memory(Path(folder)))
    no_peer = (measure_lines(measures), growth_lines(list(growths())), stage_lines())
    tables = (race_lines(results), option_lines(THREADS), *no_peer)
    insert(output, "benchmarks", [machine(), *(line for table in tables for line in ("", *table))])
    with written_whole(output.with_suffix(".png")) as partial:
        picture(results).savefig(partial, format="png", dpi=110)


if __name__ == "__main__":
    main()
