"""One palette, one style: what every picture of the project shares."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.figure import Figure

HEAT = "magma"  # perceptually even, readable by the colour-blind and in grey
SIGNED = "PuOr_r"  # orange above zero, purple below: the colour-blind tell them apart
QUESTION, THOUGHT, ANSWER = "#0072B2", "#CC79A7", "#D55E00"  # of Okabe and Ito's palette, safe for the colour-blind
GREEN, SKY, AMBER = "#009E73", "#56B4E9", "#E69F00"  # the others of theirs
SERIES = (QUESTION, ANSWER, THOUGHT, GREEN)  # what is counted, such as codebooks
LINES = ("-", "--", "-.", ":")  # curves in one panel are told apart without colours, too
TWO_CURVES = ((QUESTION, LINES[0]), (ANSWER, LINES[1]))
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "image.interpolation": "nearest",  # a cell is a value; smoothed, a spectrogram also takes three times the bytes
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
}


@contextmanager
def drawing(width: int | float = 8, height: int | float = 2.6) -> Iterator[Figure]:
    """An empty figure of so many inches, in the house's style."""
    with matplotlib.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def ink(background: str) -> str:
    """The colour of letters that can be read: white on the dark ones of the palette, black on the others."""
    return "white" if background in (QUESTION, "#000000") else "black"


def token_span(count: int, rate: int) -> tuple[float, float]:
    """Where so many frames or tokens begin and end, in seconds: the cell of number k is centred on k / rate."""
    return -0.5 / rate, (count - 0.5) / rate
