"""What every notebook begins with: a seeded start, checks whose text is the same on every device, sound that plays."""

import base64
import io
import math
import os

import matplotlib
import numpy as np
import soundfile
import torch
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib_inline.config import InlineBackend
from PIL import Image
from torch import Tensor

from ..checks import pick_device, require
from ..omni import SHIPPED
from .plots.style import STYLE

PNG_OPTIONS = {"bbox_inches": "tight", "metadata": {"Software": None}}  # else matplotlib's version is in every picture
QUESTION = SHIPPED.parent / "assets" / "question.wav"


def setup(seed: int = 0) -> torch.device:
    """Seed everything, set the house's style, and pick the device: a GPU if there is one, or what OMNI_DEVICE names.

    Do not print the device: outputs are compared with those of a CPU.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)
    torch.set_num_threads(1)  # in layers as small as the mini's, threads mostly wait for each other
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_printoptions(precision=3, sci_mode=False, linewidth=88)
    np.set_printoptions(precision=3, suppress=True, linewidth=88)
    matplotlib.rcParams.update(STYLE)
    InlineBackend.instance().print_figure_kwargs = PNG_OPTIONS
    return pick_device()


def check(name: str, value: Tensor | float | int, expected: float | int, tolerance: float | int) -> None:
    """Print the *expected* number, which is the same on every device; AssertionError if `value` is not near it.

    OMNI_PERTURB=1e-5 adds so much relative noise: it stands for the rounding of another device.
    """
    computed = float(value)
    computed *= 1 + float(os.environ.get("OMNI_PERTURB", "0")) * np.random.default_rng().standard_normal()
    near = math.isfinite(computed) and abs(computed - expected) <= tolerance
    assert near, f"{name}: computed {computed:.6g}, expected {expected:g} ± {tolerance:g}"
    print(f"{name}: expected {expected:g} ± {tolerance:g} ✓")


def png(figure: Figure) -> bytes:
    """A figure as a picture, the same bytes every time; quickly: `savefig` draws twice, and compresses for long."""
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def mp3(waveform: Float[Tensor, "samples"], sample_rate: int) -> bytes:
    """A sound as a page can play it, in a tenth of the bytes of a WAV."""
    buffer = io.BytesIO()
    samples = waveform.detach().cpu().float().numpy()
    soundfile.write(buffer, samples, sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


class Sound:
    """A player in the page; the sound is within the notebook, no file beside it."""

    def __init__(self, waveform: Float[Tensor, "samples"], sample_rate: int):
        require(waveform.ndim == 1, f"Sound: a waveform of shape {tuple(waveform.shape)}, expected one axis, samples")
        self.waveform, self.sample_rate = waveform, sample_rate

    def __repr__(self) -> str:
        return f"Sound({len(self.waveform) / self.sample_rate:.2f} s at {self.sample_rate} Hz)"

    def _repr_mimebundle_(self, **_) -> dict[str, str]:
        data = base64.b64encode(mp3(self.waveform, self.sample_rate)).decode()
        player = (
            f'<audio controls aria-label="{self!r}" preload="metadata" src="data:audio/mpeg;base64,{data}"></audio>'
        )
        return {"text/plain": repr(self), "text/html": player}
