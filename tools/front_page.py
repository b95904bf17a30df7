"""Ask the demo's question and write what README shows and plays: docs/answer.png and docs/answer.mp3.

python tools/front_page.py
"""

import io
from pathlib import Path

import torch
from PIL import Image
from refresh import repainted

from omni_ref import Omni, Reply
from omni_ref.audio import load_audio
from omni_ref.files import written_whole
from omni_ref.lab.notebook import QUESTION, mp3, png
from omni_ref.lab.plots.exchange import exchange

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAUSE = 0.5  # seconds between question and answer


def asked() -> tuple[torch.Tensor, Reply, Omni]:
    """The question, the reply of the shipped model on a CPU, and the model."""
    omni, question = Omni.from_pretrained(device="cpu"), load_audio(QUESTION)
    return question, omni.respond(question), omni


def sound(question: torch.Tensor, reply: Reply) -> bytes:
    """Question, pause and answer, as an MP3."""
    pause = torch.zeros(round(PAUSE * reply.sample_rate))
    return mp3(torch.cat((question, pause, reply.waveform)), reply.sample_rate)


def picture(question: torch.Tensor, reply: Reply, omni: Omni) -> bytes:
    """What `omni-ref ask --figure` draws, in 256 colours."""
    return repainted(Image.open(io.BytesIO(png(exchange(question, reply, omni.config)))).convert("RGB"))


if __name__ == "__main__":
    question, reply, omni = asked()
    for name, content in (("answer.mp3", sound(question, reply)), ("answer.png", picture(question, reply, omni))):
        with written_whole(DOCS / name) as partial:
            partial.write_bytes(content)
