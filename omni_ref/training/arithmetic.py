"""The task of the mini model: spoken arithmetic. A closed vocabulary, a right answer, and all that it takes to give it:
hearing, thinking, speaking.

    "what is seven plus eight"  →  "seven plus eight is fifteen"

A task is any class with the methods of `Task`; write one, and pass it to the recipes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ..checks import require

TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", *TEENS]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
OPERATORS = {"plus": int.__add__, "minus": int.__sub__, "times": int.__mul__}
PHRASINGS = ("what is {}", "{}", "how much is {}", "{} is", "{} equals", "tell me {}")
LARGEST_OPERAND, LARGEST_RESULT = 20, 99
ALIKE = [sign * number for n in range(3, 10) for sign in (1, -1) for number in (n, 10 + n, 10 * n)]


@dataclass(frozen=True)
class Exchange:
    """What is asked, and what is to be answered."""

    question: str
    reply: str


@runtime_checkable
class Task(Protocol):
    """What the recipes need to know of a task."""

    def exchange(self, rng: np.random.Generator) -> Exchange:
        """A question to train on, and its reply. Never one that is held out."""

    def exchanges(self) -> list[Exchange]:
        """Every reply that is trained on, with one way to ask for it."""

    def answer(self, question: str) -> str:
        """The reply to a question of the task, a held-out one included."""

    def utterance(self, rng: np.random.Generator) -> str:
        """Words that the reply voice is to learn to say. Never a held-out reply."""

    def words(self) -> list[str]:
        """Every word of every question: voices speak them one by one, for questions spliced from single words."""

    def held_out(self) -> list[Exchange]:
        """Questions that are never trained on in any form."""

    def grammar(self) -> str:
        """The replies as a JSGF grammar, for the recogniser that judges speech."""


def number_words(number: int) -> str:
    """A number from -99 to 99 in words: "forty two", "minus five". ValueError for another."""
    if not -100 < number < 100:
        raise ValueError(f"number_words: {number}, expected -99 to 99")
    if number < 0:
        return f"minus {number_words(-number)}"
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens - 2]} {ONES[ones]}" if ones else TENS[tens - 2]


@dataclass(frozen=True)
class Fact:
    """left operator right, and what it comes to."""

    left: int
    operator: str
    right: int

    @property
    def result(self) -> int:
        """The number that it comes to."""
        return OPERATORS[self.operator](self.left, self.right)

    def __str__(self) -> str:
        return f"{number_words(self.left)} {self.operator} {number_words(self.right)}"

    def reply(self) -> str:
        """The whole sentence of the answer."""
        return f"{self} is {number_words(self.result)}"


class Arithmetic:
    """Two numbers from 0 to 20, added, subtracted, or multiplied as long as the result has two digits.

    `held_out_share` of all pairs of operands, drawn with a seed of its own, are kept out of training for each operator.
    """

    def __init__(self, held_out_share: float = 0.1, seed: int = 2026):
        operands = range(LARGEST_OPERAND + 1)
        facts = [Fact(left, operator, right) for operator in OPERATORS for left in operands for right in operands]
        facts = [fact for fact in facts if fact.result <= LARGEST_RESULT]
        hidden = np.random.default_rng(seed).random(len(facts)) < held_out_share
        self.facts = [fact for fact, is_hidden in zip(facts, hidden, strict=True) if not is_hidden]
        self.hidden_facts = [fact for fact, is_hidden in zip(facts, hidden, strict=True) if is_hidden]
        self._hidden_set = set(self.hidden_facts)
        self._answers = {phrasing.format(fact): fact.reply() for phrasing in PHRASINGS for fact in facts}

    def ask(self, fact: Fact, rng: np.random.Generator) -> Exchange:
        """One of the ways to ask for a fact."""
        return Exchange(str(rng.choice(PHRASINGS)).format(fact), fact.reply())

    def exchange(self, rng: np.random.Generator) -> Exchange:
        """A trained fact, in one of the phrasings."""
        return self.ask(self.facts[rng.integers(len(self.facts))], rng)

    def exchanges(self) -> list[Exchange]:
        """The trained facts, each asked for in the first phrasing."""
        return [Exchange(PHRASINGS[0].format(fact), fact.reply()) for fact in self.facts]

    def answer(self, question: str) -> str:
        """The fact as a sentence. KeyError for what is no question of this task."""
        return self._answers[question]

    def utterance(self, rng: np.random.Generator) -> str:
        """A reply; mostly, a sentence of its form with any result, right or wrong; or words of it.

        A voice that has heard true sentences only would say what follows from the sum, not what it is told. Half of the
        results are of those that begin alike: eight, eighteen, eighty.
        """
        kind = rng.random()
        if kind < 0.2:
            return self.facts[rng.integers(len(self.facts))].reply()
        fact = self._any_trained(rng)
        any_result = rng.integers(-LARGEST_OPERAND, LARGEST_RESULT + 1)
        result = number_words(int(rng.choice(ALIKE) if rng.random() < 0.5 else any_result))
        if kind < 0.8:
            return f"{fact} is {result}"
        return str(rng.choice([str(fact), result, str(rng.choice(PHRASINGS)).format(fact)]))

    def _any_trained(self, rng: np.random.Generator) -> Fact:
        """Operands and operator as they come, results of three digits included, but for those held out."""
        while True:
            left, right = (int(number) for number in rng.integers(LARGEST_OPERAND + 1, size=2))
            fact = Fact(left, list(OPERATORS)[rng.integers(len(OPERATORS))], right)
            if fact not in self._hidden_set:
                return fact

    def words(self) -> list[str]:
        """Numbers, operators and what is said around them."""
        around = [word for phrasing in PHRASINGS for word in phrasing.split() if word != "{}"]
        return list(dict.fromkeys([*ONES, TENS[0], *OPERATORS, *around]))

    def held_out(self) -> list[Exchange]:
        """The held-out facts, each asked once in the first phrasing."""
        return [Exchange(PHRASINGS[0].format(fact), fact.reply()) for fact in self.hidden_facts]

    def never_said(self, rng: np.random.Generator, count: int) -> list[str]:
        """So many different sentences that are never trained on: the held-out replies, then their operands with others.

        ValueError for more than there are.
        """
        results = range(-LARGEST_OPERAND, LARGEST_RESULT + 1)
        most = len(self.hidden_facts) * len(results)
        require(count <= most, f"{count} sentences, expected at most {most}")
        facts = [self.hidden_facts[i] for i in rng.permutation(len(self.hidden_facts))]
        sentences = dict.fromkeys(fact.reply() for fact in facts)
        while len(sentences) < count:
            result = number_words(int(rng.choice(results)))
            sentences[f"{facts[rng.integers(len(facts))]} is {result}"] = None
        return list(sentences)[:count]

    def grammar(self) -> str:
        """<number> <operator> <number> is <number>, as free as the replies' form allows."""
        tens = " | ".join(TENS)
        return (
            "#JSGF V1.0; grammar arithmetic;\n"
            f"<ones> = {' | '.join(ONES[1:10])};\n"
            f"<operand> = {' | '.join(ONES)} | {TENS[0]};\n"
            f"<number> = {' | '.join(ONES)} | ({tens}) [<ones>];\n"
            f"public <reply> = <operand> ({' | '.join(OPERATORS)}) <operand> is [minus] <number>;\n"
        )
