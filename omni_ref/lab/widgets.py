"""Figures with controls. Each shows the same without a kernel, as a picture: on GitHub, on the site, in a diff."""

import base64
import gc
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import torch
import traitlets
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from ..turn import Reply
from .notebook import mp3, png
from .plots.explorers import positions
from .watch import Watched

AT_THE_LEFT = ipywidgets.Layout(align_items="flex-start")


class Picture(anywidget.AnyWidget):
    """A figure in the page, with words for those who cannot see it."""

    _esm = Path(__file__).with_name("picture.js")
    value = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def show(self, figure: Figure, what: str | None = None) -> None:
        """Draw a figure; its words are `what` it shows in general, and the titles of its panels."""
        titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
        with self.hold_sync():
            self.alt = " ".join(part for part in (what, *titles) if part)
            self.value = png(figure)


class Pictured(ipywidgets.VBox):
    """Widgets one below the other, one of them a picture. The output of a cell has three faces.

    The live widgets for JupyterLab, the picture as it is now for pages without a kernel, a line of text for nbval.
    """

    picture: Picture

    def _repr_mimebundle_(self, **options) -> dict:
        faces = dict(super()._repr_mimebundle_(**options))
        faces["text/plain"] = repr(self)
        faces["image/png"] = base64.b64encode(self.picture.value).decode()
        return faces


class LiveFigure(Pictured):
    """Controls over a figure, which is drawn anew at each move.

    `draw(**values)` returns a figure; `controls` are ipywidgets' abbreviations, (1, 9), ["a", "b"], True, or widgets.
    """

    def __init__(self, draw: Callable[..., Figure], **controls):
        self.draw, self.values, self.gradients = draw, {}, torch.is_grad_enabled()
        self.picture = Picture()
        self.controls = ipywidgets.interactive(self._move, **controls)
        if not self.picture.value:  # `interactive` shows what was raised in the page, and goes on
            self._show(**self.controls.kwargs)
        *moved, _output = self.controls.children
        for control in moved:
            control.description = control.description.replace("_", " ")
            control.style.description_width = "initial"  # else a long name is cut
        super().__init__([self.controls, self.picture], layout=AT_THE_LEFT)

    def _move(self, **values) -> None:
        self.values = values
        gc.disable()  # a search through everything takes 0.2 s: first the picture, then what it leaves, which is young
        try:
            with torch.set_grad_enabled(self.gradients):  # as where it was made: JupyterLab moves it on another thread
                self._show(**values)
        finally:
            gc.enable()
        gc.collect(0)

    def _show(self, **values) -> None:
        self.picture.show(self.draw(**values), self.draw.__doc__)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{type(self).__name__}({self.draw.__name__}: {values})"


class PlayedFigure(LiveFigure):
    """A LiveFigure that also moves by itself: a player steps through its first control, a slider."""

    def __init__(self, draw: Callable[..., Figure], interval: int = 300, **controls):
        super().__init__(draw, **controls)
        slider = self.controls.children[0]
        self.play = ipywidgets.Play(min=slider.min, max=slider.max, value=slider.value, interval=interval)
        self.link = ipywidgets.jslink((self.play, "value"), (slider, "value"))
        self.children = (self.play, *self.children)


class HeardFigure(LiveFigure):
    """A LiveFigure with a player below: `draw(**values)` returns a figure and a waveform."""

    def __init__(self, draw: Callable[..., tuple[Figure, Float[Tensor, "samples"]]], sample_rate: int, **controls):
        self.sample_rate = sample_rate
        self.player = ipywidgets.Audio(format="mp3", autoplay=False, loop=False)
        super().__init__(draw, **controls)
        self.children = (*self.children, self.player)

    def _show(self, **values) -> None:
        figure, waveform = self.draw(**values)
        self.picture.show(figure, self.draw.__doc__)
        self.player.value = mp3(waveform, self.sample_rate)


class SpokenFigure(LiveFigure):
    """A LiveFigure with a button: `speak(**values)` gives the reply to be heard. It is spoken only when asked for."""

    def __init__(self, draw: Callable[..., Figure], speak: Callable[..., Reply], **controls):
        self.speak = speak
        self.button = ipywidgets.Button(description="Say it", icon="play")
        self.button.on_click(self._say)
        self.player = ipywidgets.Audio(format="mp3", autoplay=True, loop=False)
        self.spoken = ipywidgets.HBox([self.button])
        super().__init__(draw, **controls)
        self.children = (*self.children, self.spoken)

    def _show(self, **values) -> None:
        self.spoken.children = (self.button,)  # what the player would play was said of the picture before
        super()._show(**values)

    def _say(self, _button: ipywidgets.Button) -> None:
        with torch.set_grad_enabled(self.gradients):
            reply = self.speak(**self.values)
        self.spoken.children = (self.button,)  # a player that is shown anew plays, even what it has played before
        self.player.value = mp3(reply.waveform, reply.sample_rate)
        self.spoken.children = (self.button, self.player)  # not before: a browser calls an empty player an error


def position_slider(watched: Watched, start: int) -> ipywidgets.SelectionSlider:
    """A control over all positions of the Thinker's sequence, at one of them."""
    wide = ipywidgets.Layout(width="560px")
    return ipywidgets.SelectionSlider(options=positions(watched), value=start, layout=wide)
