"""A figure with controls is drawn anew at each move, says what it shows in text, and never hides an error."""

import base64
import gc
import threading

import ipywidgets
import pytest
import torch
from matplotlib.figure import Figure

from omni_ref import Reply
from omni_ref.lab.notebook import mp3, png
from omni_ref.lab.widgets import HeardFigure, LiveFigure, PlayedFigure, SpokenFigure


def bar(height: int, word: str = "a") -> Figure:
    """A small figure that depends on all it is given."""
    figure = Figure(figsize=(1, 1), dpi=40)
    figure.subplots().bar([word], [height])
    return figure


def tone(hertz: int) -> torch.Tensor:
    return 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(1600) / 16000)


REPLY = Reply("", tone(500), 16000, {}, {})


def control(figure: LiveFigure, index: int) -> ipywidgets.ValueWidget:
    return figure.controls.children[index]


def test_a_move_draws_anew():
    figure = LiveFigure(bar, height=(1, 9), word=["a", "b"])
    assert figure.picture.value == png(bar(5, "a"))
    control(figure, 0).value = 7
    assert figure.picture.value == png(bar(7, "a"))
    control(figure, 1).value = "b"
    assert figure.picture.value == png(bar(7, "b")) != png(bar(7, "a"))


def test_it_is_drawn_once_until_it_is_moved():
    drawn = []

    def draw(height: int) -> Figure:
        drawn.append(height)
        return bar(height)

    figure = LiveFigure(draw, height=(1, 9))
    assert drawn == [5]
    control(figure, 0).value = 6
    assert drawn == [5, 6]


def test_its_three_faces():
    figure = LiveFigure(bar, height=(1, 9), word=["a", "b"])
    control(figure, 0).value = 8
    faces = figure._repr_mimebundle_()
    assert faces["text/plain"] == "LiveFigure(bar: height=8, word=a)"
    assert base64.b64decode(faces["image/png"]) == png(bar(8, "a"))
    assert "application/vnd.jupyter.widget-view+json" in faces
    assert figure.picture in figure.children and figure.controls in figure.children


def test_a_picture_has_words_for_those_who_cannot_see_it():
    def draw(height: int) -> Figure:
        """A bar."""
        figure = bar(height)
        figure.axes[0].set_title(f"height {height}", loc="left")
        return figure

    figure = LiveFigure(draw, height=(1, 9))
    assert figure.picture.alt == "A bar. height 5"
    control(figure, 0).value = 7
    assert figure.picture.alt == "A bar. height 7"
    assert 'model.get("alt")' in figure.picture._esm and "data-lm-suppress-shortcuts" in figure.picture._esm


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_the_first_drawing_is_raised():
    def broken(height: int) -> Figure:
        raise KeyError("no such height")

    with pytest.raises(KeyError, match="no such height"):
        LiveFigure(broken, height=(1, 9))


def test_controls_have_their_whole_names():
    figure = LiveFigure(lambda key_value_head: bar(key_value_head), key_value_head=(1, 9))
    assert control(figure, 0).description == "key value head"
    assert control(figure, 0).style.description_width == "initial"


def test_a_played_figure_steps_through_its_slider():
    figure = PlayedFigure(bar, interval=200, height=(1, 9), word=["a", "b"])
    play, slider = figure.play, control(figure, 0)
    assert (play.min, play.max, play.value, play.interval) == (1, 9, slider.value, 200)
    assert figure.link.source == (play, "value") and figure.link.target == (slider, "value")
    assert figure.children == (play, figure.controls, figure.picture)


def test_a_move_on_another_thread_has_the_gradients_of_the_cell():
    """JupyterLab hands moves to a thread of their own, where PyTorch begins with gradients."""
    found = []

    def draw(height: int) -> Figure:
        found.append(torch.is_grad_enabled())
        return bar(height)

    with torch.no_grad():
        without = SpokenFigure(draw, lambda height: found.append(torch.is_grad_enabled()) or REPLY, height=(1, 9))
    with_them = LiveFigure(draw, height=(1, 9))
    assert found == [False, True]
    for figure, value in ((without, 7), (with_them, 8)):
        thread = threading.Thread(target=setattr, args=(control(figure, 0), "value", value))
        thread.start()
        thread.join()
    without.button.click()
    assert found == [False, True, False, True, False]


def figures_alive() -> int:
    return sum(type(thing) is Figure for thing in gc.get_objects())


def test_a_move_is_not_held_up_by_a_search_for_garbage_and_leaves_none():
    figure, passes = LiveFigure(bar, height=(1, 9)), []
    gc.collect()
    before = figures_alive()
    gc.callbacks.append(lambda phase, found: passes.append((found["generation"], phase)))
    try:
        for height in (2, 7, 3, 8, 4, 9):
            control(figure, 0).value = height
    finally:
        gc.callbacks.pop()
    assert passes.count((0, "stop")) >= 6 and (2, "stop") not in passes
    assert gc.isenabled() and figures_alive() == before


def test_a_heard_figure_changes_its_sound_too():
    figure = HeardFigure(lambda hertz: (bar(hertz), tone(hertz)), 16000, hertz=[500, 900])
    assert figure.player.value == mp3(tone(500), 16000) and not figure.player.autoplay
    control(figure, 0).value = 900
    assert figure.player.value == mp3(tone(900), 16000)
    assert figure.picture.value == png(bar(900))
    assert figure.player in figure.children


def test_a_spoken_figure_speaks_when_asked_and_forgets_it_at_the_next_move():
    asked = []

    def speak(height: int) -> Reply:
        asked.append(height)
        return Reply("", tone(height), 16000, {}, {})

    figure = SpokenFigure(bar, speak, height=[500, 900])
    assert asked == [] and figure.spoken.children == (figure.button,), "a player of nothing is an error to a browser"
    control(figure, 0).value = 900
    figure.button.click()
    assert asked == [900] and figure.spoken.children == (figure.button, figure.player)
    assert figure.player.value == mp3(tone(900), 16000) and figure.player.autoplay
    shown = []
    figure.spoken.observe(lambda change: shown.append(len(change.new)), "children")
    figure.button.click()
    assert asked == [900, 900] and shown == [1, 2], "the player is shown anew: it would not play the same sound again"
    control(figure, 0).value = 500
    assert asked == [900, 900] and figure.spoken.children == (figure.button,)
    assert figure.picture.value == png(bar(500))
    assert repr(figure) == "SpokenFigure(bar: height=500)"
