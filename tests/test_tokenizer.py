"""Text to ids and back: bytes by default, a vocabulary from a file where the user has one."""

import re

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from omni_ref.tokenizer import SPECIAL_TOKENS, Tokenizer

TEXTS = st.lists(st.one_of(st.text(), st.sampled_from([*SPECIAL_TOKENS, "é", "日本", "🎉", " \n\t", "\x00"]))).map(
    "".join
)


@pytest.fixture(scope="module")
def vocabulary_file(tmp_path_factory):
    """A small tokenizer.json as released models have them: byte-pair merges, a template, one of our special tokens."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=270, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "<|im_end|>"]
    )
    backend.train_from_iterator(["seven plus eight is fifteen", "seven minus eight"] * 9, trainer)
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    backend.save(str(path))
    return path


@pytest.fixture(scope="module", params=["bytes", "file"])
def tokenizer(request, vocabulary_file):
    return Tokenizer.byte_level() if request.param == "bytes" else Tokenizer.from_file(vocabulary_file)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(TEXTS)
def test_ids_are_the_bytes_of_utf_8(text):
    assert Tokenizer.byte_level().encode(text).tolist() == list(text.encode("utf-8"))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(TEXTS)
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_special_tokens_follow_the_bytes():
    tokenizer = Tokenizer.byte_level()
    ids = [tokenizer.im_start, tokenizer.im_end, tokenizer.audio_start, tokenizer.audio_end]
    assert ids == tokenizer.special_ids == [256, 257, 258, 259]
    assert tokenizer.vocab_size == 260


@pytest.mark.parametrize("name", SPECIAL_TOKENS)
def test_the_name_of_a_special_token_in_a_text_is_text(tokenizer, name):
    ids = tokenizer.encode(f"say {name} twice")
    assert not set(ids.tolist()) & set(tokenizer.special_ids)
    assert tokenizer.decode(ids) == f"say {name} twice"


def test_special_tokens_are_not_part_of_the_decoded_text(tokenizer):
    around = [torch.tensor(pair) for pair in ([tokenizer.im_start, tokenizer.audio_end], [tokenizer.im_end])]
    assert tokenizer.decode(torch.cat([around[0], tokenizer.encode("fifteen"), around[1]])) == "fifteen"


def test_no_text_is_no_id(tokenizer):
    ids = tokenizer.encode("")
    assert ids.shape == (0,) and ids.dtype == torch.long
    assert tokenizer.decode(ids) == ""


def test_bytes_that_are_no_character_become_the_replacement_character():
    tokenizer = Tokenizer.byte_level()
    assert tokenizer.decode(torch.tensor([ord("a"), 0xFF, ord("b")])) == "a\ufffdb"
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "\ufffd"


@pytest.mark.parametrize("unknown", [260, 2**40, -1])
def test_an_unknown_id_is_named(unknown):
    with pytest.raises(ValueError, match=rf"{unknown}.*expected 0 to 259"):
        Tokenizer.byte_level().decode(torch.tensor([97, unknown]))


def test_half_a_character_of_utf_16_is_refused(tokenizer):
    with pytest.raises(ValueError, match="text is not Unicode"):
        tokenizer.encode("a\ud800b")


def test_a_vocabulary_from_a_file_merges_bytes(vocabulary_file):
    tokenizer = Tokenizer.from_file(vocabulary_file)
    reference = tokenizers.Tokenizer.from_file(str(vocabulary_file))
    ids = tokenizer.encode("seven plus eight").tolist()
    assert ids == reference.encode("seven plus eight", add_special_tokens=False).ids
    assert len(ids) < len("seven plus eight")


def test_a_vocabulary_from_a_file_keeps_its_ids_and_gets_the_special_tokens_that_it_lacks(vocabulary_file):
    tokenizer = Tokenizer.from_file(vocabulary_file)
    known = tokenizers.Tokenizer.from_file(str(vocabulary_file)).get_vocab_size()
    assert tokenizer.im_end == 1
    assert [tokenizer.im_start, tokenizer.audio_start, tokenizer.audio_end] == [known, known + 1, known + 2]
    assert tokenizer.vocab_size == known + 3
    assert tokenizer.special_ids == [0, 1, known, known + 1, known + 2]


def test_our_special_tokens_are_special_even_where_a_file_does_not_say_so(tmp_path, vocabulary_file):
    backend = tokenizers.Tokenizer.from_file(str(vocabulary_file))
    backend.add_tokens([tokenizers.AddedToken("<|audio_end|>", special=False)])
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert tokenizer.audio_end == backend.token_to_id("<|audio_end|>")
    assert tokenizer.audio_end in tokenizer.special_ids
    assert tokenizer.audio_end not in tokenizer.encode("say <|audio_end|> twice")
    assert tokenizer.decode(torch.tensor([tokenizer.audio_end])) == ""


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "tokenizer.json", tmp_path):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            Tokenizer.from_file(path)


@pytest.mark.parametrize("content", [b"", b"{", b'{"model": 7}', b"\xff\xfe\x00binary"])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: not a tokenizer.json")):
        Tokenizer.from_file(path)


def test_a_cut_file_is_named(tmp_path, vocabulary_file):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(vocabulary_file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=re.escape(f"{path}: not a tokenizer.json")):
        Tokenizer.from_file(path)
