"""Prompts and replies side by side in one tensor, with what is to be learned at each position.

The prompt is that of the pipeline, the reply follows; n1 is "n, of word 1", e1. "e, the last letter of word 1".

    ids       <|im_start|> answer <|audio_start|> 0 0 0 0 <|audio_end|> <|im_end|> <|im_start|>  o   n   e    …
    text                                                                             o           n   e   …   <|im_end|>
    talker                                                                                       o1  n1  e1.  …
"""

from dataclasses import dataclass
from itertools import zip_longest

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from ..checks import require
from ..tokenizer import Tokenizer

IGNORED = -100
LETTERS = " abcdefghijklmnopqrstuvwxyz"
NUM_SYMBOLS = len(LETTERS) + 1
MOST_WORDS = 9


def require_letters(text: str) -> None:
    """ValueError if a question holds anything but letters of LETTERS: hearing could not spell it."""
    unknown = sorted(set(text) - set(LETTERS))
    require(not unknown, f"question {text!r}: {', '.join(map(repr, unknown))} in it, expected a to z and spaces alone")


def spell(text: str) -> list[int]:
    """The message to the Talker before it is refined: a token a byte. It names letter, word, and the word's end.

    Letters alone leave the Talker at a loss where a word comes twice: "six" of "six plus sixteen is minus six". Were
    the end of a word not marked, it would have to notice that nothing follows the "eight" of "is eight". Bytes other
    than a to z and the space share one symbol; words after the 9th count as the 9th.
    """
    tokens, word = [], 0
    for letter, following in zip_longest(map(chr, text.encode()), map(chr, text.encode()[1:]), fillvalue=" "):
        symbol = LETTERS.index(letter) if letter in LETTERS else len(LETTERS)
        is_last = letter != " " and following == " "
        tokens.append(NUM_SYMBOLS * (2 * min(word, MOST_WORDS - 1) + is_last) + symbol)
        word += letter == " "
    return tokens


@dataclass
class Rows:
    """What goes into the Thinker, and what is to come out of it; rows are padded on the right.

    `ids` hold anything where `is_audio`; `text_targets` and `talker_targets` are IGNORED where there is no target.
    """

    ids: Int[Tensor, "batch time"]
    is_audio: Bool[Tensor, "batch time"]
    is_real: Bool[Tensor, "batch time"]
    text_targets: Int[Tensor, "batch time"]
    talker_targets: Int[Tensor, "batch time"]

    def to(self, device: torch.device) -> "Rows":
        """The same on another device."""
        return Rows(*(value.to(device) for value in vars(self).values()))


def lay_out(tokenizer: Tokenizer, rows: list[tuple[str, str | None, str]], audio_lengths: list[int]) -> Rows:
    """Lay out (task, text, reply) a row, the first len(audio_lengths) of them with so many audio positions.

    The last position of the prompt is to predict the reply's first token; the reply's last one, <|im_end|>.
    """
    laid = []
    for i, (task, text, reply) in enumerate(rows):
        heard = audio_lengths[i] if i < len(audio_lengths) else 0
        before, after = tokenizer.prompt(task, text, has_audio=heard > 0)
        said = tokenizer.encode(reply).tolist()
        asked = len(before) + heard + len(after)
        ids = before + [0] * heard + after + said
        text_targets = [IGNORED] * (asked - 1) + said + [tokenizer.im_end]
        talker_targets = [IGNORED] * asked + spell(reply)
        is_audio = [len(before) <= position < len(before) + heard for position in range(len(ids))]
        laid.append((ids, is_audio, [True] * len(ids), text_targets, talker_targets))
    fills = (0, False, False, IGNORED, IGNORED)
    padded = (
        nn.utils.rnn.pad_sequence([torch.tensor(row[k]) for row in laid], batch_first=True, padding_value=fill)
        for k, fill in enumerate(fills)
    )
    return Rows(*padded)
