"""What notebooks begin with: the same start, text that is the same everywhere, sound that plays."""

import base64
import io

import matplotlib
import numpy as np
import pytest
import soundfile
import torch
from matplotlib.figure import Figure
from matplotlib_inline.config import InlineBackend
from PIL import Image

from omni_ref.lab.notebook import PNG_OPTIONS, QUESTION, Sound, check, mp3, png, setup
from omni_ref.lab.plots.style import STYLE

pytestmark = pytest.mark.filterwarnings("ignore:InlineBackend")  # says that its own way to be told is old


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setenv("OMNI_DEVICE", "cpu")
    monkeypatch.delenv("OMNI_PERTURB", raising=False)
    printed, kept = np.get_printoptions(), InlineBackend.instance().print_figure_kwargs
    threads = torch.get_num_threads()
    with matplotlib.rc_context():
        yield
    torch.set_num_threads(threads)
    torch.set_printoptions(profile="default")
    np.set_printoptions(**printed)
    InlineBackend.instance().print_figure_kwargs = kept


def test_every_start_is_the_same():
    drawn = []
    for _ in range(2):
        assert setup(seed=3) == torch.device("cpu")
        drawn.append((torch.rand(4).tolist(), np.random.rand(4).tolist()))
    assert drawn[0] == drawn[1]
    setup(seed=4)
    assert torch.rand(4).tolist() != drawn[0][0]


def test_the_start_sets_one_thread_the_style_and_full_float32():
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    setup()
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert matplotlib.rcParams == matplotlib.rcParams | STYLE | {"font.family": [STYLE["font.family"]]}
    assert InlineBackend.instance().print_figure_kwargs == PNG_OPTIONS
    assert repr(torch.tensor([1e-4])) == "tensor([0.000])"
    assert torch.get_num_threads() == 1


def test_a_device_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv("OMNI_DEVICE", "cuda:99")
    with pytest.raises(ValueError, match="cuda:99"):
        setup()


@pytest.mark.parametrize("value", [3.14, 3.19, torch.tensor(3.1), torch.tensor(3.15, dtype=torch.float64)])
def test_a_check_prints_what_was_expected_not_what_came(capsys, value):
    check("pi", value, 3.1, 0.1)
    assert capsys.readouterr().out == "pi: expected 3.1 ± 0.1 ✓\n"


@pytest.mark.parametrize("value", [2.9, 3.3, float("nan"), float("inf")])
def test_a_check_says_what_came_if_it_is_off(capsys, value):
    with pytest.raises(AssertionError, match=rf"pi: computed {value:g}, expected 3.1 ± 0.1"):
        check("pi", value, 3.1, 0.1)
    assert capsys.readouterr().out == ""


def test_noise_stands_for_the_rounding_of_another_device(monkeypatch):
    monkeypatch.setenv("OMNI_PERTURB", "1e-5")
    check("thousand", 1000.0, 1000, 1)
    with pytest.raises(AssertionError, match="thousand"):
        check("thousand", 1000.0, 1000, 1e-9)


def test_a_figure_gives_the_same_bytes_each_time():
    first, second = (png(Figure(figsize=(2, 1), dpi=50)) for _ in range(2))
    assert first == second
    assert "Software" not in Image.open(io.BytesIO(first)).info


def test_a_sound_is_heard_as_it_is():
    waveform = 0.5 * torch.sin(2 * torch.pi * 500 * torch.arange(16000) / 16000)
    heard, rate = soundfile.read(io.BytesIO(mp3(waveform, 16000)))
    spectrum = np.abs(np.fft.rfft(heard[:16000]))
    assert rate == 16000 and len(heard) == pytest.approx(16000, abs=3000)
    assert spectrum.argmax() == 500 and np.abs(heard).max() == pytest.approx(0.5, abs=0.05)
    assert mp3(waveform, 16000) == mp3(waveform, 16000)


def test_the_player_holds_the_sound_and_its_text_says_how_long_it_is():
    waveform = torch.zeros(8000)
    faces = Sound(waveform, 16000)._repr_mimebundle_(include=None)
    assert faces["text/plain"] == "Sound(0.50 s at 16000 Hz)"
    assert base64.b64encode(mp3(waveform, 16000)).decode() in faces["text/html"]


def test_a_batch_of_sounds_is_no_sound():
    with pytest.raises(ValueError, match=r"\(2, 100\), expected one axis"):
        Sound.__init__.__wrapped__(object.__new__(Sound), torch.zeros(2, 100), 16000)


def test_the_question_is_there():
    assert QUESTION.is_file()
