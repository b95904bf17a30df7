"""What is trained is what runs: rows are the pipeline's prompts, targets stand where the pipeline reads its answers."""

import torch
import torch.nn.functional as F
from training_corpora import TASK

from omni_ref import Omni, OmniConfig
from omni_ref.thinker import ThinkerOutput
from omni_ref.training.losses import reply_losses
from omni_ref.training.rows import IGNORED, LETTERS, MOST_WORDS, lay_out, spell
from omni_ref.turn import Turn

OMNI = Omni.from_config(OmniConfig.tiny(), device="cpu")


def laid_out_embeds(rows, vectors):
    embeds = OMNI.thinker.embed_text(rows.ids)
    return embeds.masked_scatter(rows.is_audio[..., None], OMNI.thinker.embed_audio(vectors[None])[0])


def test_the_prompt_is_that_of_the_pipeline_to_the_bit():
    sound = 0.1 * torch.randn(8000)
    turn = Turn(OMNI.config, OMNI.tokenizer, OMNI.code2wav, sound, None, "transcribe")
    theirs, _, _ = OMNI._prompts([turn])
    vectors = OMNI.aut_encoder.quantizer.lookup(turn.audio_tokens)
    rows = lay_out(OMNI.tokenizer, [("transcribe", None, "one")], [len(vectors)])
    ours = laid_out_embeds(rows, vectors)
    assert torch.equal(ours[:, : theirs.shape[1]], theirs)
    assert rows.ids.shape[1] == theirs.shape[1] + len("one")


def test_a_typed_prompt_too():
    turn = Turn(OMNI.config, OMNI.tokenizer, OMNI.code2wav, None, "one plus two", "answer")
    theirs, _, _ = OMNI._prompts([turn])
    rows = lay_out(OMNI.tokenizer, [("answer", "one plus two", "three")], [])
    assert torch.equal(OMNI.thinker.embed_text(rows.ids)[:, : theirs.shape[1]], theirs)
    assert not rows.is_audio.any()


def test_targets_stand_where_they_are_read():
    reply = "six"
    rows = lay_out(OMNI.tokenizer, [("answer", None, reply), ("say", "nineteen", "nineteen")], [4])
    said = OMNI.tokenizer.encode(reply).tolist()
    (length,) = [int(rows.is_real[0].sum())]
    text, talker = rows.text_targets[0], rows.talker_targets[0]
    start = length - len(said)
    assert text[start - 1 : length].tolist() == [*said, OMNI.tokenizer.im_end]
    assert rows.ids[0, start:length].tolist() == said
    assert talker[start:length].tolist() == spell(reply)
    others = torch.cat([text[: start - 1], text[length:], talker[:start], talker[length:]])
    assert (others == IGNORED).all()
    assert rows.is_audio[0].sum() == 4 and not rows.is_audio[1].any()
    assert rows.is_real[1].all() and not rows.is_real[0].all()


def test_a_message_names_the_letter_its_word_and_whether_it_ends_it():
    size = len(LETTERS) + 1
    tokens = spell("six plus six")
    assert [LETTERS[token % size] for token in tokens] == list("six plus six")
    assert [token // size // 2 for token in tokens] == [0] * 4 + [1] * 5 + [2] * 3
    assert [i for i, token in enumerate(tokens) if token // size % 2] == [2, 7, 11]
    assert tokens[:3] != tokens[-3:]


def test_a_message_has_a_token_for_every_byte_and_stays_within_the_vocabulary():
    for text in ("é ü 7!", "one " * 40, ""):
        tokens = spell(text)
        assert len(tokens) == len(OMNI.tokenizer.encode(text))
        assert all(0 <= token < 2 * MOST_WORDS * (len(LETTERS) + 1) for token in tokens)
    assert 2 * MOST_WORDS * (len(LETTERS) + 1) <= OmniConfig.mini().thinker.talker_vocab_size


def test_a_model_that_has_learned_its_targets_gives_the_reply():
    """Fit a row by hand, then run the pipeline: a shift by one anywhere would show."""
    omni = Omni.from_config(OmniConfig.tiny(), device="cpu")
    fact = TASK.facts[100]
    rows = lay_out(omni.tokenizer, [("answer", str(fact), fact.reply())], [])
    optimizer = torch.optim.Adam(omni.thinker.parameters(), 5e-3)
    for _ in range(60):
        output = omni.thinker(input_ids=rows.ids)
        text, talker = (logits.flatten(0, 1) for logits in (output.text_logits, output.talker_logits))
        few = rows.talker_targets.flatten().clone()
        few[few != IGNORED] %= omni.config.thinker.talker_vocab_size
        losses = [torch.nn.functional.cross_entropy(text, rows.text_targets.flatten(), ignore_index=IGNORED)]
        losses.append(torch.nn.functional.cross_entropy(talker, few, ignore_index=IGNORED))
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
    reply = omni.respond(text=str(fact), speak=False)
    assert reply.text == fact.reply()
    assert reply.tokens["talker"].tolist() == [
        token % omni.config.thinker.talker_vocab_size for token in spell(reply.text)
    ]


def test_each_head_is_asked_for_its_own_targets():
    rows = lay_out(OMNI.tokenizer, [("answer", None, "six"), ("say", "one", "one")], [4])

    def losses(text, talker):
        """Of heads that are certain of these targets."""
        sharp = [100.0 * F.one_hot(targets.clamp(min=0), 600).float() for targets in (text, talker)]
        return reply_losses(ThinkerOutput(*sharp, torch.zeros(*text.shape, 28)), rows)

    right = losses(rows.text_targets, rows.talker_targets)
    assert right["text"] < 1e-6 and right["talker"] < 1e-6 and right["_right"] == 1
    assert losses(rows.text_targets, rows.text_targets)["talker"] > 1
    wrong = losses(rows.talker_targets, rows.talker_targets)
    assert wrong["text"] > 1 and wrong["_right"] == 0
