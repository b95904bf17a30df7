"""omni_ref: an end-to-end speech-to-speech model, small enough to read, and working.

    omni = Omni.from_pretrained()
    reply = omni.respond(audio="question.wav")

Start at `omni.py`, which joins the four components; each is one file beside it.
"""

from .config import OmniConfig
from .omni import AudioPiece, Generation, Omni, Reply, TextPiece

__all__ = ["AudioPiece", "Generation", "Omni", "OmniConfig", "Reply", "TextPiece"]
