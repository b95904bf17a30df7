"""The form of an answer, as the function that checks it annotates it: read an answer, or say what is wanted."""

from collections.abc import Callable, Set
from math import isfinite
from numbers import Real
from types import UnionType
from typing import Any, get_args, get_origin

from torch import Tensor

NAMES = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    int | float: ("a number", "numbers"),
    str: ("a text, in quotes", "texts"),
    Tensor: ("a tensor", "tensors"),
    Callable: ("a function", "functions"),
}
COUNTS = ("no", "one", "two", "three", "four")


def _parts(form: Any) -> tuple[type, tuple]:
    """tuple[int, float] as tuple and (int, float)."""
    return get_origin(form) or form, get_args(form)


def in_words(form: Any, several: bool = False) -> str:
    """What the reader is to give: "two numbers, as a tuple"."""
    kind, members = _parts(form)
    if form in NAMES or kind in NAMES:
        return NAMES[form if form in NAMES else kind][several]
    if isinstance(form, UnionType):
        return " or ".join(in_words(option, several) for option in members)
    of_what = in_words(members[0], several=True)
    if kind is tuple:
        count = COUNTS[len(members)]
        return f"tuples of {count} {of_what}" if several else f"{count} {of_what}, as a tuple"
    return f"lists of {of_what}" if several else f"a list of {of_what}"


def taken(answer: object, form: Any) -> Any:
    """The answer in this form: an array as numbers where numbers are wanted, a list as a tuple. Else TypeError."""
    for option in get_args(form) if isinstance(form, UnionType) else (form,):
        kind, members = _parts(option)
        plain = answer.tolist() if kind is not Tensor and hasattr(answer, "tolist") else answer
        if kind in (int, float):
            if (
                isinstance(plain, Real)
                and not isinstance(plain, bool)
                and isfinite(plain)
                and (kind is float or float(plain).is_integer())
            ):
                return kind(plain)
        elif kind is list:
            if isinstance(plain, tuple | list | range | Set):
                return [taken(each, members[0]) for each in plain]
        elif kind is tuple:
            if isinstance(plain, tuple | list) and len(plain) == len(members):
                return tuple(taken(each, member) for each, member in zip(plain, members, strict=True))
        elif isinstance(answer, kind):
            return answer
    raise TypeError(f"an answer of {type(answer).__name__}, expected {in_words(form)}")
