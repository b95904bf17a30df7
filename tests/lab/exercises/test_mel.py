"""The checks of notebook 01 know the right answer from the typical wrong ones."""

import pytest
import torch

from omni_ref.lab.exercises import mel


@pytest.mark.parametrize("name", ["columns", "bins", "hann", "quieter"])
def test_without_an_answer_it_says_so(capsys, name):
    getattr(mel, name)(None)
    assert "no answer yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("columns", 321),
        ("bins", (32, 112)),
        ("bins", (32.0, 112.0)),
        ("hann", torch.hann_window(400)),
        ("hann", torch.hann_window(400, dtype=torch.float64)),
        ("quieter", -0.5),
    ],
)
def test_the_right_answer_is_right(capsys, name, answer):
    getattr(mel, name)(answer)
    assert "right ✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("columns", 322, "last 5 ms"),
        ("columns", 3215, "3215 columns are 32.15 s"),
        ("bins", (31, 112), "Bin 31 is at 968.75 Hz, not at 1000 Hz"),
        ("bins", (32, 109), "Bin 109 is at 3406.25 Hz, not at 3500 Hz"),
        ("bins", 32, "two numbers"),
        ("hann", torch.hann_window(512), r"(512,), expected (400,)"),
        ("hann", torch.hann_window(400, periodic=False), "symmetric"),
        ("hann", torch.ones(400), "off by 1.000"),
        ("hann", [0.0] * 400, "a tensor"),
        ("quieter", -2, "(x + 4) / 4 comes after it"),
        ("quieter", 0.5, "Quieter is less"),
        ("quieter", -5.0, "a factor of 1e-20 in power"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(capsys, name, answer, mistake):
    getattr(mel, name)(answer)
    printed = capsys.readouterr().out
    assert "not yet" in printed and mistake in printed
