"""The checks of notebook 00 know the right answer from the typical wrong ones."""

import pytest

from omni_ref.lab.exercises import tour
from omni_ref.training.arithmetic import number_words


@pytest.fixture
def says(monkeypatch):
    """What the shipped model replies, whatever it is asked."""

    class Speaker:
        text = "two plus three is five"

        @classmethod
        def from_pretrained(cls):
            return cls()

        def respond(self, text, speak):
            return self

    monkeypatch.setattr(tour, "Omni", Speaker)
    return Speaker


@pytest.mark.parametrize("name", ["counts", "codec_tokens", "ratio", "wrong_sum"])
def test_without_an_answer_it_says_so(capsys, name):
    getattr(tour, name)(None)
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer"), [("counts", (350, 88)), ("codec_tokens", 400), ("ratio", 160), ("ratio", 160.0)]
)
def test_the_right_answer_is_right(capsys, name, answer):
    getattr(tour, name)(answer)
    assert "right ✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("counts", (35, 88), "35 frames in 3.5 s are 10 a second"),
        ("counts", (350, 87), "Two frames are left over"),
        ("counts", (350, 87.5), "Two frames are left over"),
        ("counts", (350, 175), "175 tokens in 3.5 s are 50.0 a second"),
        ("counts", 350, "two numbers"),
        ("codec_tokens", 100, "Those are the frames"),
        ("codec_tokens", 50, "25 a second"),
        ("ratio", 80, "did you count 8"),
        ("ratio", 10, "How many bits a second"),
        ("wrong_sum", "7 plus 8", 'such as "seven plus eight"'),
        ("wrong_sum", "seven times eight", 'such as "seven plus eight"'),
        ("wrong_sum", "twenty plus thirty", 'such as "seven plus eight"'),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(capsys, name, answer, mistake):
    getattr(tour, name)(answer)
    printed = capsys.readouterr().out
    assert "not yet" in printed and mistake in printed


def test_the_model_is_asked(capsys, says):
    tour.wrong_sum("two plus three")
    assert 'It answers "two plus three is five", which is right.' in capsys.readouterr().out
    says.text = "two plus three is six"
    tour.wrong_sum("two plus three")
    assert "right ✓" in capsys.readouterr().out


def test_numbers_are_named_as_in_training():
    assert [tour.in_words(number) for number in range(41)] == [number_words(number) for number in range(41)]
