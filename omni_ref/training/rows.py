"""Prompts and replies side by side in one tensor, with what is to be learned at each position.

ids       <|im_start|> answer <|audio_start|> 0 0 0 0 <|audio_end|> <|im_end|> <|im_start|>  o  n  e  …  <pad>
text                                                                             o        n  e  …  <|im_end|>
talker                                                                                    o  n  e  …
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from ..tokenizer import Tokenizer

IGNORED = -100


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

    The last position of the prompt is to predict the reply's first token; the reply's last one, <|im_end|>. The talker
    tokens begin as the plainest message there is: each position of the reply passes on the byte it reads.
    """
    laid = []
    for i, (task, text, reply) in enumerate(rows):
        heard = audio_lengths[i] if i < len(audio_lengths) else 0
        before, after = tokenizer.prompt(task, text, has_audio=heard > 0)
        said = tokenizer.encode(reply).tolist()
        asked = len(before) + heard + len(after)
        ids = before + [0] * heard + after + said
        text_targets = [IGNORED] * (asked - 1) + said + [tokenizer.im_end]
        talker_targets = [IGNORED] * asked + said
        is_audio = [len(before) <= position < len(before) + heard for position in range(len(ids))]
        laid.append((ids, is_audio, [True] * len(ids), text_targets, talker_targets))
    fills = (0, False, False, IGNORED, IGNORED)
    padded = (
        nn.utils.rnn.pad_sequence([torch.tensor(row[k]) for row in laid], batch_first=True, padding_value=fill)
        for k, fill in enumerate(fills)
    )
    return Rows(*padded)
