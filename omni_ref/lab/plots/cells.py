"""Cells with text in them: what a model reads, says or chooses at each position."""

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

from ...tokenizer import NUM_BYTES
from .style import HEAT

MARKS = {ord(" "): "·"} | dict(enumerate("▸■♪♪", start=NUM_BYTES))  # of the special tokens, in their order
NO_LETTER = "□"


def byte_name(index: int) -> str:
    """How pictures write a text token: a byte as its letter, a space as ·, a turn's ends as ▸ and ■, a sound's as ♪."""
    return MARKS.get(index) or (chr(index) if 32 < index < 127 else NO_LETTER)


def cells(axes: Axes, values: Float[Tensor, "rows columns"], labels: list[list[str]], size: float = 7.5) -> AxesImage:
    """An image of shares from 0 to 1, a label in each cell; a cell whose value is NaN stays white."""
    shares = values.detach().float().cpu()
    image = axes.imshow(shares.numpy(), aspect="auto", cmap=HEAT, vmin=0, vmax=1)
    for row, names in enumerate(labels):
        for column, name in enumerate(names):
            colour = "white" if float(shares[row, column]) < 0.6 else "black"  # NaN is not less: black on white
            axes.text(column, row, name, ha="center", va="center", color=colour, fontsize=size)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image
