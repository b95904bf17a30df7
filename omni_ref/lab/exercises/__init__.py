"""What checks a reader's answers: one module a notebook, one function an exercise. Each says what is wrong."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from .forms import in_words, taken

Mistake = str | None


class Unfit(Exception):
    """What is wrong with what a reader's function did, before its result can be looked at."""


def guarded(function: Callable) -> Callable:
    """A reader's function; what it raises becomes a sentence."""

    @wraps(function)
    def call(*arguments: object) -> object:
        try:
            return function(*arguments)
        except Exception as error:
            raise Unfit(f"Your function raised {type(error).__name__}: {error}") from error

    return call


def returned(result: object, form: Any) -> Any:
    """What a reader's function gave, in the form that is wanted."""
    try:
        return taken(result, form)
    except TypeError:
        what = "None" if result is None else f"something of type {type(result).__name__}"
        raise Unfit(f"It gave {what}, expected {in_words(form)}.") from None


def exercise(number: str) -> Callable:
    """Make a function from answer to mistake (None: there is none) into a check that prints what it found.

    The annotation of `answer` is what the reader is asked for; an answer of another form never reaches the function.
    """

    def checked(find_mistake: Callable[[object], Mistake]) -> Callable[[object], None]:
        form = get_type_hints(find_mistake)["answer"]

        @wraps(find_mistake)
        def check(answer: object) -> None:
            if answer is None:
                print(f"{number}: no answer yet. Set it in the cell above and run both.")
                return
            try:
                given = taken(answer, form)
            except TypeError:
                print(f"{number}: not yet. Give {in_words(form)}.")
                return
            try:
                mistake = find_mistake(guarded(given) if callable(given) else given)
            except Unfit as error:
                mistake = str(error)
            print(f"{number}: right ✓" if mistake is None else f"{number}: not yet. {mistake}")

        check.number = number
        return check

    return checked
