"""The checks of notebook 00 know the right answer from the typical wrong ones."""

import pytest
from exercise_tests import test_a_mistake_is_named, test_no_answer_is_said_so, test_the_right_answer_is_right  # noqa: F401

from omni_ref.lab.exercises import tour
from omni_ref.training.arithmetic import number_words


@pytest.fixture
def says(monkeypatch):
    """What the shipped model replies, whatever it is asked."""

    class Speaker:
        text = "two plus three is five"

        def respond(self, text, speak):
            return self

    monkeypatch.setattr(tour, "shipped", Speaker)
    return Speaker


RIGHT = [(tour.counts, (350, 88)), (tour.codec_tokens, 400), (tour.ratio, 160), (tour.ratio, 160.0)]
WRONG = [
    (tour.counts, (35, 88), "35 frames in 3.5 s are 10 a second"),
    (tour.counts, (350, 87), "Two frames are left over"),
    (tour.counts, (350, 87.5), "Two frames are left over"),
    (tour.counts, (350, 175), "175 tokens in 3.5 s are 50.0 a second"),
    (tour.counts, 350, "two numbers"),
    (tour.codec_tokens, 100, "Those are the frames"),
    (tour.codec_tokens, 50, "25 a second"),
    (tour.ratio, 80, "did you count 8"),
    (tour.ratio, 10, "How many bits a second"),
    (tour.wrong_sum, "7 plus 8", '"seven plus eight", or two other numbers'),
    (tour.wrong_sum, "eighteen minus fifteen", "Only *plus* here"),
    (tour.wrong_sum, "twenty plus thirty", '"seven plus eight", or two other numbers'),
]


def test_the_model_is_asked(capsys, says):
    tour.wrong_sum("two plus three")
    assert 'It answers "two plus three is five", which is right.' in capsys.readouterr().out
    tour.wrong_sum("What is two plus three?")
    assert 'It answers "two plus three is five", which is right.' in capsys.readouterr().out
    says.text = "two plus three is six"
    tour.wrong_sum("two plus three")
    assert "right ✓" in capsys.readouterr().out


def test_numbers_are_named_as_in_training():
    assert [tour.in_words(number) for number in range(41)] == [number_words(number) for number in range(41)]
