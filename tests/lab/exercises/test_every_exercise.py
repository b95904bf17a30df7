"""No answer of a wrong form ends in a traceback, in any exercise: the reader is told which form is wanted."""

import importlib
import pkgutil
from fractions import Fraction

import numpy as np
import pytest
import torch

from omni_ref.lab import exercises
from omni_ref.lab.exercises.forms import in_words, taken

MODULES = [
    importlib.import_module(f"{exercises.__name__}.{module.name}")
    for module in pkgutil.iter_modules(exercises.__path__)
]
CHECKS = {check.number: check for module in MODULES for check in vars(module).values() if hasattr(check, "number")}
FORMLESS = [object(), {}, float("nan"), 1j, (object(), object()), [[]], [None] * 4]
NUMBERS = [True, 0, -1, 0.5, 7, 10**6, -(10**6)]
TEXTS = ["-0.5", ""]
ROWS = [(), [], (0, 5), (0, 5, 23, 33), [(0, 5)], [0.5], ("a", "b"), torch.zeros(2, 3), torch.tensor(3)]


def test_all_thirteen_notebooks_have_exercises():
    assert {number.split(".")[0] for number in CHECKS} == {str(notebook) for notebook in range(13)}
    assert len(CHECKS) > 50


def asserts(*given):
    raise AssertionError


FUNCTIONS = [
    asserts,
    lambda: 0,
    lambda *given: None,
    lambda *given: object(),
    lambda *given: given[0],
    lambda *given: 1 / 0,
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["asserts", "takes nothing", "None", "object", "first", "raises"])
@pytest.mark.parametrize("number", CHECKS)
def test_no_function_ends_in_a_traceback(number, function, capsys):
    CHECKS[number](function)
    assert capsys.readouterr().out.startswith(f"{number}: not yet. ")


@pytest.mark.parametrize("number", CHECKS)
def test_no_answer_ends_in_a_traceback(number, capsys):
    for answer in (*FORMLESS, *NUMBERS, *TEXTS, *ROWS):
        CHECKS[number](answer)
        printed = capsys.readouterr().out
        assert printed.startswith(f"{number}: ")
        assert "not yet. " in printed or answer not in FORMLESS


@pytest.mark.parametrize(
    "form, answer, read",
    [
        (int, 81.0, 81),
        (int, np.int64(81), 81),
        (int | float, torch.tensor(0.5), 0.5),
        (int | float, Fraction(1, 2), 0.5),
        (tuple[int, int], [32.0, 112], (32, 112)),
        (tuple[int, int], np.array([32, 112]), (32, 112)),
        (list[tuple[int, int]], ((0, 5), [23, 33]), [(0, 5), (23, 33)]),
        (list[int], {89}, [89]),
        (list[int], range(3), [0, 1, 2]),
    ],
)
def test_an_answer_is_read_in_the_form_that_is_wanted(form, answer, read):
    came = taken(answer, form)
    assert came == read and type(came) is type(read)


@pytest.mark.parametrize(
    "form, words",
    [
        (tuple[int | float, int | float], "two numbers, as a tuple"),
        (list[tuple[int, int]], "a list of tuples of two whole numbers"),
        (torch.Tensor | list[int], "a tensor or a list of whole numbers"),
    ],
)
def test_a_form_is_named(form, words):
    assert in_words(form) == words
