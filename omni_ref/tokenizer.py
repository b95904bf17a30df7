"""Text to ids and back: bytes, so that nothing is out of vocabulary, and four named special tokens.

    ids 0 … 255    the bytes of UTF-8
    ids 256 …      <|im_start|> <|im_end|> <|audio_start|> <|audio_end|>, named as in Qwen3-Omni

For the vocabulary of the full size, load the `tokenizer.json` of a released Qwen model, if you have one.
"""

import os
from pathlib import Path

import tokenizers
import torch
from jaxtyping import Int
from tokenizers import decoders, models, pre_tokenizers
from torch import Tensor

from .checks import require

NUM_BYTES = 256
SPECIAL_TOKENS = ("<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_end|>")


class Tokenizer:
    """A tokenizer of HF tokenizers with the special tokens of a prompt; `byte_level` and `from_file` make one.

    `vocab_size` is one more than the largest id.
    """

    def __init__(self, backend: tokenizers.Tokenizer):
        backend.add_special_tokens(list(SPECIAL_TOKENS))
        self.backend = backend
        self.im_start, self.im_end, self.audio_start, self.audio_end = map(backend.token_to_id, SPECIAL_TOKENS)
        added = backend.get_added_tokens_decoder()
        self.special_ids = sorted(index for index, token in added.items() if token.special)
        self.vocab_size = max(backend.get_vocab(with_added_tokens=True).values()) + 1

    @classmethod
    def byte_level(cls) -> "Tokenizer":
        """One id a byte: byte b of the text is id b."""
        letters = {letter: index for index, letter in enumerate(_byte_letters())}
        backend = tokenizers.Tokenizer(models.BPE(vocab=letters, merges=[]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.decoder = decoders.ByteLevel()
        return cls(backend)

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> "Tokenizer":
        """Read a `tokenizer.json`; special tokens of ours that it lacks are added after its last id.

        FileNotFoundError if there is none, ValueError if it cannot be read.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file, expected a tokenizer.json")
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises bare Exception; what it says is kept
            raise ValueError(f"{path}: not a tokenizer.json that HF tokenizers can read: {error}") from error

    def encode(self, text: str) -> Int[Tensor, "time"]:
        """Ids of plain text: the name of a special token in it is text, not the token.

        ValueError for a lone surrogate.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"tokenizer: the text is not Unicode that can be written: {error}") from error
        self.backend.encode_special_tokens = True
        return torch.tensor(self.backend.encode(text, add_special_tokens=False).ids, dtype=torch.long, device="cpu")

    def prompt(self, task: str, text: str | None, has_audio: bool) -> tuple[list[int], list[int]]:
        """What stands before the audio of a prompt and what after it; without audio, they follow each other.

        <|im_start|> task [: text] [<|audio_start|> … <|audio_end|>] <|im_end|> <|im_start|>, and the reply comes next.
        """
        before = [self.im_start, *self.encode(f"{task}: {text}" if text else task).tolist()]
        after = [self.im_end, self.im_start]
        return ([*before, self.audio_start], [self.audio_end, *after]) if has_audio else (before, after)

    def decode(self, ids: Int[Tensor, "time"]) -> str:
        """Text of ids without special tokens; bytes that are not UTF-8 become U+FFFD. ValueError for an unknown id."""
        size = self.vocab_size
        unknown = [index for index in ids.tolist() if not 0 <= index < size or self.backend.id_to_token(index) is None]
        require(not unknown, f"tokenizer: unknown id {', '.join(map(str, unknown[:1]))}, expected 0 to {size - 1}")
        return self.backend.decode(ids.tolist(), skip_special_tokens=True)


def _byte_letters() -> list[str]:
    """The printable letters by which byte-level tokenizers write the 256 bytes, in the order of the bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
