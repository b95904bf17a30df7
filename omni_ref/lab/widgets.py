"""Figures with controls. Each shows the same without a kernel, as a picture: on GitHub, on the site, in a diff."""

import base64
from collections.abc import Callable

import ipywidgets
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from ..turn import Reply
from .notebook import mp3, png


class LiveFigure(ipywidgets.VBox):
    """Controls over a figure, which is drawn anew at each move.

    `draw(**values)` returns a figure; `controls` are ipywidgets' abbreviations: (1, 9), ["a", "b"], True. The output of
    a cell has three faces: the live widget for JupyterLab, a picture of the first state, a line of text for nbval.
    """

    def __init__(self, draw: Callable[..., Figure], **controls):
        self.draw, self.values = draw, {}
        self.picture = ipywidgets.Image(format="png")
        self.controls = ipywidgets.interactive(self._move, **controls)
        if not self.picture.value:  # `interactive` shows what was raised in the page, and goes on
            self._show(**self.controls.kwargs)
        super().__init__([self.controls, self.picture], layout=ipywidgets.Layout(align_items="flex-start"))

    def _move(self, **values) -> None:
        self.values = values
        self._show(**values)

    def _show(self, **values) -> None:
        self.picture.value = png(self.draw(**values))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{type(self).__name__}({self.draw.__name__}: {values})"

    def _repr_mimebundle_(self, **options) -> dict:
        faces = dict(super()._repr_mimebundle_(**options))
        faces["text/plain"] = repr(self)
        faces["image/png"] = base64.b64encode(self.picture.value).decode()
        return faces


class HeardFigure(LiveFigure):
    """A LiveFigure with a player below: `draw(**values)` returns a figure and a waveform."""

    def __init__(self, draw: Callable[..., tuple[Figure, Float[Tensor, "samples"]]], sample_rate: int, **controls):
        self.sample_rate = sample_rate
        self.player = ipywidgets.Audio(format="mp3", autoplay=False, loop=False)
        super().__init__(draw, **controls)
        self.children = (*self.children, self.player)

    def _show(self, **values) -> None:
        figure, waveform = self.draw(**values)
        self.picture.value, self.player.value = png(figure), mp3(waveform, self.sample_rate)


class SpokenFigure(LiveFigure):
    """A LiveFigure with a button: `speak(**values)` gives the reply to be heard. It is spoken only when asked for."""

    def __init__(self, draw: Callable[..., Figure], speak: Callable[..., Reply], **controls):
        self.speak = speak
        self.button = ipywidgets.Button(description="Say it", icon="play")
        self.button.on_click(self._say)
        self.player = ipywidgets.Audio(format="mp3", autoplay=True, loop=False)
        super().__init__(draw, **controls)
        self.children = (*self.children, ipywidgets.HBox([self.button, self.player]))

    def _show(self, **values) -> None:
        self.player.layout.display = "none"  # what it would play was said of the picture before
        super()._show(**values)

    def _say(self, _button: ipywidgets.Button) -> None:
        reply = self.speak(**self.values)
        self.player.value = mp3(reply.waveform, reply.sample_rate)
        self.player.layout.display = "block"
