"""What checks a reader's answers: one module a notebook, one function an exercise. Each says what is wrong."""

from collections.abc import Callable
from functools import wraps

Mistake = str | None


def exercise(number: str) -> Callable:
    """Make a function from answer to mistake (None: there is none) into a check that prints what it found."""

    def checked(find_mistake: Callable[[object], Mistake]) -> Callable[[object], None]:
        @wraps(find_mistake)
        def check(answer: object) -> None:
            if answer is None:
                print(f"{number}: no answer yet. Set it in the cell above and run both.")
                return
            mistake = find_mistake(answer)
            print(f"{number}: right ✓" if mistake is None else f"{number}: not yet. {mistake}")

        return check

    return checked
