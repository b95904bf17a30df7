"""What checks a reader's answers: one module a notebook, one function an exercise. Each says what is wrong."""

from collections.abc import Callable
from functools import wraps
from typing import get_type_hints

from .forms import in_words, taken

Mistake = str | None


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
            mistake = find_mistake(given)
            print(f"{number}: right ✓" if mistake is None else f"{number}: not yet. {mistake}")

        check.number = number
        return check

    return checked
