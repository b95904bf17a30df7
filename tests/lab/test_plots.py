"""The picture of an exchange shows what it says it shows."""

import pytest
import torch
from figures import image, title

from omni_ref import Generation, Omni
from omni_ref.audio import log_mel_spectrogram
from omni_ref.lab.plots.exchange import exchange

BRIEF = Generation(max_text_tokens=5, max_frames=12)


@pytest.fixture
def omni(tiny):
    return Omni.from_config(tiny, device="cpu")


def test_each_panel_holds_its_stage(omni, tiny):
    question = 0.1 * torch.randn(8000)
    reply = omni.respond(question, generation=BRIEF)
    heard, audio_tokens, talker_tokens, codes, said = exchange(question, reply, tiny).axes[:5]
    expected = log_mel_spectrogram(question[None], tiny.aut_encoder)[0]
    torch.testing.assert_close(image(heard), expected)
    assert audio_tokens.lines[0].get_ydata().tolist() == reply.tokens["audio"].tolist()
    assert talker_tokens.lines[0].get_ydata().tolist() == reply.tokens["talker"].tolist()
    assert codes.images[0].get_array().tolist() == reply.tokens["codec"].T.tolist()
    assert said.images[0].get_extent()[:2] == pytest.approx((-0.005, 12 / 50 - 0.005))


def test_every_panel_names_what_it_shows(omni, tiny):
    question = 0.1 * torch.randn(8000)
    figure = exchange(question, omni.respond(question, generation=BRIEF), tiny)
    panels = figure.axes[:5]
    titles = [title(axes) for axes in panels]
    assert [each[0] for each in titles] == ["1", "2", "3", "4", "5"]
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in panels)


@pytest.mark.parametrize("speak", [True, False])
def test_a_typed_question_and_a_silent_reply_are_drawn_too(omni, tiny, speak):
    reply = omni.respond(text="one plus two", speak=speak, generation=BRIEF)
    figure = exchange(None, reply, tiny)
    assert "typed" in figure.axes[0].texts[0].get_text()
    figure.canvas.draw()
