"""What several tests ask of a drawn figure."""

import torch
from matplotlib.axes import Axes


def image(axes: Axes) -> torch.Tensor:
    """The numbers behind the first image; NaN where there is none."""
    return torch.tensor(axes.images[0].get_array().filled(float("nan")))


def labels(axes: Axes) -> tuple[str, str]:
    """What the two axes say."""
    return axes.get_xlabel(), axes.get_ylabel()


def labelled(*all_axes: Axes) -> bool:
    """Whether both axes of each say something."""
    return all(all(labels(axes)) for axes in all_axes)


def ticks(axes: Axes, which: str) -> list[str]:
    """The words along an axis, x or y."""
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


def title(axes: Axes) -> str:
    """The title, which is on the left."""
    return axes.get_title(loc="left")
