"""Exercises of notebook 00."""

from . import Mistake, exercise
from .thinker import shipped

TEENS = ["eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", *TEENS, "twenty"]


def in_words(number: int) -> str:
    """A number from 0 to 40 in words."""
    if number < len(ONES):
        return ONES[number]
    tens, ones = divmod(number, 10)
    word = {2: "twenty", 3: "thirty", 4: "forty"}[tens]
    return f"{word} {ONES[ones]}" if ones else word


@exercise("0.1")
def counts(answer: tuple[int | float, int | float]) -> Mistake:
    """3.5 s are 350 frames; 87.5 tokens of four frames, rounded up."""
    frames, tokens = answer
    if frames != 350:
        return f"{frames} frames in 3.5 s are {frames / 3.5:g} a second."
    if tokens in (87, 87.5):
        return "Two frames are left over, and they are heard too."
    return None if tokens == 88 else f"{tokens} tokens in 3.5 s are {tokens / 3.5:.1f} a second."


@exercise("0.2")
def codec_tokens(answer: int | float) -> Mistake:
    """2 s × 50 frames × 4 codebooks."""
    if answer == 100:
        return "Those are the frames; each has a code of every codebook."
    return None if answer == 400 else f"{answer} tokens in 2 s are {answer / 2:g} a second."


@exercise("0.3")
def ratio(answer: int | float) -> Mistake:
    """16,000 × 16 bits against 200 × 8 bits."""
    if answer == 80:
        return "A sample has 16 bits here; did you count 8?"
    return None if answer == 160 else "256 codes are told apart by 8 bits. How many bits a second are 4 × 50 of them?"


@exercise("0.4")
def wrong_sum(answer: str) -> Mistake:
    """The shipped model is asked, and its reply compared with the truth."""
    answer = answer.lower().strip(" ?.").removeprefix("what is ")
    left, _, right = answer.partition(" plus ")
    if left not in ONES or right not in ONES:
        return 'Only *plus* here: "seven plus eight", or two other numbers from zero to twenty, in words.'
    truth = f"{answer} is {in_words(ONES.index(left) + ONES.index(right))}"
    said = shipped().respond(text=answer, speak=False).text
    return f'It answers "{said}", which is right.' if said == truth else None
