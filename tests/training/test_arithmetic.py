"""The task: every fact is right, and what is held out never comes up in training, in any form."""

import re

import numpy as np
import pytest

from omni_ref.training.arithmetic import ALIKE, OPERATORS, PHRASINGS, Arithmetic, Exchange, Fact, number_words

TASK = Arithmetic()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (7, "seven"),
        (13, "thirteen"),
        (20, "twenty"),
        (42, "forty two"),
        (90, "ninety"),
        (-5, "minus five"),
    ],
)
def test_numbers_in_words(number, words):
    assert number_words(number) == words


def test_every_number_has_words_of_its_own():
    assert len({number_words(number) for number in range(-99, 100)}) == 199


@pytest.mark.parametrize("number", [100, -100, 1000])
def test_a_number_without_words_is_named(number):
    with pytest.raises(ValueError, match=f"{number}, expected -99 to 99"):
        number_words(number)


def test_replies_are_right():
    assert Fact(7, "plus", 8).reply() == "seven plus eight is fifteen"
    assert Fact(3, "minus", 8).reply() == "three minus eight is minus five"
    assert Fact(6, "times", 7).reply() == "six times seven is forty two"


def test_facts_are_all_pairs_whose_result_has_words():
    counts = {name: sum(fact.operator == name for fact in TASK.facts + TASK.hidden_facts) for name in OPERATORS}
    products = sum(left * right <= 99 for left in range(21) for right in range(21))
    assert counts == {"plus": 441, "minus": 441, "times": products}
    assert 0.08 < len(TASK.hidden_facts) / (len(TASK.facts) + len(TASK.hidden_facts)) < 0.12


def test_held_out_operands_never_come_up_in_training():
    rng = np.random.default_rng(0)
    drawn = [TASK.exchange(rng) for _ in range(4000)]
    said = " | ".join([exchange.question for exchange in drawn] + [TASK.utterance(rng) for _ in range(4000)])
    assert [fact for fact in map(str, TASK.hidden_facts) if re.search(rf"\b{fact}\b", said)] == []
    assert sum(re.search(rf"\b{fact}\b", said) is not None for fact in map(str, TASK.facts)) > 0.9 * len(TASK.facts)


def test_most_sentences_to_say_are_not_true_and_many_end_in_a_number_that_begins_like_another():
    rng = np.random.default_rng(3)
    drawn = [TASK.utterance(rng) for _ in range(4000)]
    said = [text for text in drawn if re.match(r"\w+ \w+ \w+ is \w", text)]
    true = {fact.reply() for fact in TASK.facts}
    assert sum(text in true for text in said) < len(said) / 3
    ends = [text.split(" is ")[1] for text in said]
    assert {number_words(number) for number in ALIKE} <= set(ends)
    for begins_alike in ("eight", "eighteen", "eighty", "minus eighteen"):
        assert ends.count(begins_alike) > 5


def test_every_phrasing_of_every_fact_has_its_answer():
    rng = np.random.default_rng(1)
    for fact in TASK.facts[::50] + TASK.hidden_facts[::10]:
        for phrasing in PHRASINGS:
            assert TASK.answer(phrasing.format(fact)) == fact.reply()
        assert TASK.ask(fact, rng).reply == fact.reply()
    assert Exchange("what is one plus two", "one plus two is three") in TASK.exchanges() + TASK.held_out()


def test_questions_consist_of_the_words_that_are_rendered():
    rng, words = np.random.default_rng(2), set(TASK.words())
    assert all(set(TASK.exchange(rng).question.split()) <= words for _ in range(2000))


def test_sentences_that_are_never_said_are_all_different_and_of_held_out_operands():
    sentences = TASK.never_said(np.random.default_rng(0), 300)
    hidden = {exchange.reply for exchange in TASK.held_out()}
    assert len(set(sentences)) == 300 and hidden < set(sentences)
    operands = {reply.split(" is ")[0] for reply in hidden}
    assert all(sentence.split(" is ")[0] in operands for sentence in sentences)
    rng = np.random.default_rng(1)
    assert not set(sentences) & {TASK.utterance(rng) for _ in range(20_000)}
    assert len({sentence.split(" is ")[1] for sentence in sentences}) > 60
    with pytest.raises(ValueError, match="99999 sentences, expected at most"):
        TASK.never_said(rng, 99_999)
