"""A flite for tests: a program that takes flite's options and speaks with espeak-ng, so that none need the real one."""

import os
import sys

import pytest

PROGRAM = """#!{python}
import sys
sys.path.insert(0, {root!r})
import soundfile
from omni_ref.training.voices import Espeak
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
variant = dict(slt="f3", rms="m1", awb="m2", kal16="m4")[options["-voice"]]
speed = 1 / float(options["--setf"].removeprefix("duration_stretch="))
soundfile.write(options["-o"], Espeak(variant).say(options["-t"], speed), 16000, format="WAV")
"""


@pytest.fixture
def flite(tmp_path, monkeypatch, request):
    """Put it on the PATH."""
    program = tmp_path / "flite"
    program.write_text(PROGRAM.format(python=sys.executable, root=str(request.config.rootpath)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
