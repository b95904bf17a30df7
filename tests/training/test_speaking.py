"""Speaking: the loss is the Talker's teacher forcing, corruption spares what frames speech, the message can learn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_corpora import TASK, replies

from omni_ref import Omni, OmniConfig
from omni_ref.talker import delay_codes
from omni_ref.training import speaking
from omni_ref.training.codec import Codec
from omni_ref.training.loop import step_generator
from omni_ref.training.rows import IGNORED, NUM_SYMBOLS, spell
from omni_ref.training.speaking import MessageStage, Replies, SpeakingStage, codebook_weights, corrupted, talker_loss

CPU = torch.device("cpu")


@pytest.fixture
def omni(monkeypatch) -> Omni:
    monkeypatch.setattr(speaking, "spell", lambda text: [token % 41 for token in spell(text)])  # as many as tiny has
    return Omni.from_config(OmniConfig.tiny(), device="cpu")


@pytest.fixture
def codec(omni) -> Codec:
    codec = Codec(omni.code2wav)
    codec.begin()
    return codec


def test_codebooks_count_by_halves_at_first_and_alike_at_the_end(omni, codec):
    assert codebook_weights(3, 0.0).tolist() == pytest.approx([12 / 7, 6 / 7, 3 / 7])
    assert codebook_weights(3, 1.0).tolist() == [1, 1, 1]
    stage = SpeakingStage(omni, codec, replies(), CPU)
    first, last = (stage.losses(step, step_generator(0, "speaking", 0)) for step in (0, stage.schedule.steps))
    assert torch.allclose(last["weighted"], last["_codes"]) and torch.allclose(first["_codes"], last["_codes"])
    assert (first["weighted"] - first["_codes"]).abs() > 1e-4


def test_the_loss_is_the_talkers_teacher_forcing_without_the_begin_ids(omni):
    config, talker = omni.config.talker, omni.talker.eval()
    codes = torch.randint(config.codebook_size, (2, 9, config.num_codebooks))
    steps = delay_codes(codes, config.begin_id, config.end_id)
    tokens = torch.randint(config.talker_vocab_size, (2, 5))
    logits = talker(tokens, steps)
    padded = F.pad(tokens, (0, steps.shape[1] - 5), value=config.talker_pad_id)
    theirs = torch.stack(
        [
            F.cross_entropy(logits[:, k:, k].flatten(0, 1), steps[:, k:, k].flatten(), reduction="sum")
            for k in range(config.num_codebooks)
        ]
    )
    count = sum(steps.shape[0] * (steps.shape[1] - k) for k in range(config.num_codebooks))
    message = talker.talker_embedding(padded)
    loss, found = talker_loss(talker, message, steps, np.random.default_rng(0), corruption=0.0)
    assert torch.allclose(loss, theirs, rtol=1e-5)
    assert found == count


def test_a_talker_token_starts_as_the_sum_of_its_letter_and_whether_it_is_the_last(omni, codec):
    table = omni.talker.talker_embedding.weight.detach()
    spread = table.std().item()
    SpeakingStage(omni, codec, replies(), CPU).begin(np.random.default_rng(0))
    both = len(table) - NUM_SYMBOLS  # letters that tiny's 42 rows hold both inside of word 0 and as its end
    steps = table[NUM_SYMBOLS:] - table[:both]
    assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-6) and steps.abs().max() > spread
    assert (table[1] - table[0]).abs().max() > spread
    assert table.std().item() == pytest.approx(spread, rel=0.5)


def test_a_letter_starts_alike_in_every_word(codec):
    omni = Omni.from_config(OmniConfig.mini(), device="cpu")
    SpeakingStage(omni, codec, replies(), CPU).begin(np.random.default_rng(0))
    table = omni.talker.talker_embedding.weight.detach()[: 9 * 2 * NUM_SYMBOLS]
    words = table.view(9, 2 * NUM_SYMBOLS, -1)  # of each word: its letters, and those that end it
    steps = words[1:] - words[:1]
    assert torch.allclose(steps, steps[:, :1].expand_as(steps), atol=1e-6)
    assert steps.abs().amax(dim=(1, 2)).min() > table.std()


def test_rows_of_different_lengths_count_as_they_do_alone(omni, codec):
    supply = Replies(codec, replies(), omni.config.talker, CPU)
    long, short = (supply.steps([i], np.random.default_rng(7)) for i in (5, 3))
    both = nn.utils.rnn.pad_sequence([long[0], short[0]], batch_first=True, padding_value=IGNORED)
    message = omni.talker.talker_embedding(torch.zeros(2, both.shape[1], dtype=torch.long))

    def loss(steps, rows):
        codes, count = talker_loss(omni.talker, message[rows, : steps.shape[1]], steps, np.random.default_rng(0), 0.0)
        return torch.cat([codes, count[None]])

    assert torch.allclose(loss(both, [0, 1]), loss(long, [0]) + loss(short, [1]), rtol=1e-5)


def test_two_groups_of_like_length_learn_what_the_whole_batch_would_from_less_padding(omni, codec):
    stage = SpeakingStage(omni, codec, replies(), CPU)
    stage.corruption = 0.0
    supply, sizes = stage.replies, []
    rows = [
        Replies(codec, replies(), omni.config.talker, CPU).steps([i], np.random.default_rng(i))[0] for i in range(6)
    ]

    def steps(indices, _):
        batch = nn.utils.rnn.pad_sequence([rows[i] for i in indices], batch_first=True, padding_value=IGNORED)
        sizes.append(batch.shape[0] * batch.shape[1])
        return batch

    supply.steps = steps

    def learned(groups: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        stage.groups = groups
        stage.module.zero_grad()
        sizes.clear()
        loss = stage.losses(0, step_generator(0, "speaking", 0))["weighted"]
        loss.backward()
        return loss.detach(), omni.talker.codec_embedding.weight.grad.clone(), sum(sizes)

    (ours, our_gradient, less), (theirs, their_gradient, more) = learned(2), learned(1)
    assert less < more
    torch.testing.assert_close(ours, theirs)
    assert their_gradient.abs().max() > 1e-4
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-3, atol=1e-6)


def test_a_recording_gives_other_codes_each_time_and_ends_once(omni, codec):
    config = omni.config.talker
    supply = Replies(codec, replies(), config, CPU)
    first, second = (supply.steps([0, 1], np.random.default_rng(seed)) for seed in (1, 2))
    assert first.shape != second.shape or not torch.equal(first, second)
    assert torch.equal(first, supply.steps([0, 1], np.random.default_rng(1)))
    for row in first:
        real = row[(row != IGNORED).all(dim=1)]
        assert (real[-1] == config.end_id).all() and (real[-2] == config.end_id).sum() == config.num_codebooks - 1
        assert (real[0] == config.begin_id).sum() == config.num_codebooks - 1


def test_corruption_spares_begin_and_end_and_changes_about_the_share_asked_for():
    codes = delay_codes(torch.randint(19, (400, 30, 3)), 20, 19)
    changed = corrupted(codes, 19, np.random.default_rng(0), most=0.4)
    is_code = codes < 19
    assert torch.equal(changed[~is_code], codes[~is_code])
    assert (changed[is_code] < 19).all()
    share = float((changed != codes)[is_code].float().mean())
    assert share == pytest.approx(0.75 * 0.2 * 18 / 19, abs=0.02)
    assert torch.equal(corrupted(codes, 19, np.random.default_rng(0), most=0.0), codes)


def test_a_talker_learns_what_it_is_shown(omni, codec):
    stage = SpeakingStage(omni, codec, replies(2), CPU)
    stage.corruption = 0.0
    optimizer = torch.optim.Adam(stage.module.parameters(), 3e-3)
    losses = []
    for step in range(80):
        terms = stage.losses(step, step_generator(0, "speaking", step % 4))
        losses.append(float(terms["_codes"].detach()))
        optimizer.zero_grad()
        (terms["weighted"] + terms["balance"]).backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


class TestMessage:
    @pytest.fixture
    def stage(self, omni, codec) -> MessageStage:
        return MessageStage(omni, codec, replies(), TASK, CPU)

    def test_the_talkers_loss_reaches_the_head_that_chose_and_no_deeper(self, stage):
        stage.losses(0, step_generator(0, "message", 0))["codes"].backward()
        assert stage.module["talker_head"].weight.grad.abs().max() > 0
        trunk = [value for name, value in stage.thinker.named_parameters() if not name.startswith("talker_head")]
        assert all(parameter.grad is None for parameter in trunk)

    def test_the_message_is_what_the_pipeline_sends(self, stage, omni):
        """To the bit: the tokens of a forced reply, as the pipeline picks them, embedded."""
        text = TASK.facts[0].reply()
        message = stage.message([("say", text, text)], steps=len(text) + 3).detach()[0]
        before, after = omni.tokenizer.prompt("say", text, has_audio=False)
        said = omni.tokenizer.encode(text).tolist()
        with torch.no_grad():
            logits = omni.thinker(input_ids=torch.tensor([before + after + said])).talker_logits[0]
        tokens = logits[-len(said) :].argmax(dim=-1)
        pad = torch.tensor([omni.config.talker.talker_pad_id] * 3)
        assert torch.allclose(message, omni.talker.talker_embedding(torch.cat([tokens, pad])), atol=1e-6)

    def test_answers_are_asked_for_or_said_and_other_words_only_said(self, stage):
        rng = np.random.default_rng(0)
        rows = [stage.row(TASK.facts[0].reply(), rng) for _ in range(40)]
        assert {task for task, _, _ in rows} == {"answer", "say"}
        assert {task for task, _, _ in (stage.row("one is two", rng) for _ in range(20))} == {"say"}
