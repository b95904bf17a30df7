"""Hearing and thinking: losses mean what they say, gradients reach what is to learn, codes start from k-means."""

import itertools

import numpy as np
import pytest
import torch
from training_corpora import TASK, questions, words

from omni_ref import Omni, OmniConfig
from omni_ref.blocks.moe import load_balancing_loss
from omni_ref.blocks.quantizer import usage
from omni_ref.training import hearing
from omni_ref.training.hearing import HearingStage, SpokenQuestions, alike_in_length, encode
from omni_ref.training.loop import step_generator
from omni_ref.training.losses import BALANCE_WEIGHT, LETTERS, BalanceLoss, ctc_loss, ctc_text
from omni_ref.training.thinking import ListeningStage, ReadingStage, real_vectors, spoken_row, typed_row

CPU = torch.device("cpu")


@pytest.fixture
def omni() -> Omni:
    return Omni.from_config(OmniConfig.tiny(), device="cpu")


def test_ctc_is_the_sum_over_all_alignments_by_hand():
    text, time = "ab", 4
    logits = torch.randn(1, time, 1 + len(LETTERS))
    probabilities = logits.softmax(dim=-1)[0]
    total = 0.0
    for path in itertools.product([0, 1 + LETTERS.index("a"), 1 + LETTERS.index("b")], repeat=time):
        merged = [symbol for symbol, _ in itertools.groupby(path) if symbol]
        if merged == [1 + LETTERS.index(letter) for letter in text]:
            total += float(torch.stack([probabilities[t, symbol] for t, symbol in enumerate(path)]).prod())
    ours = ctc_loss(logits, torch.tensor([time]), [text])
    assert float(ours) == pytest.approx(-np.log(total) / len(text), rel=1e-5)


def test_a_recording_too_short_for_its_letters_counts_as_nothing():
    assert float(ctc_loss(torch.randn(1, 3, 1 + len(LETTERS)), torch.tensor([3]), ["eight"])) == 0


def test_letters_are_read_with_repetitions_merged_and_blanks_left_out():
    symbols = torch.tensor([0, 5, 5, 0, 5, 1, 1, 3, 0])
    assert ctc_text(torch.nn.functional.one_hot(symbols, 1 + len(LETTERS)).float()) == "dd b"


def test_the_balance_loss_is_that_of_the_real_positions_of_every_sparse_layer(omni):
    balance, seen = BalanceLoss(omni.talker), []
    for layer in omni.talker.layers:
        layer.mlp.gate.register_forward_hook(lambda _part, _args, output: seen.append(output))
    codes = torch.randint(omni.config.talker.codebook_size, (2, 6, 3))
    omni.talker(torch.randint(41, (2, 6)), codes)
    is_real = torch.arange(6) < torch.tensor([[6], [2]])
    keep = is_real.flatten()
    by_hand = torch.stack([load_balancing_loss(one.probabilities[keep], one.top_k_index[keep]) for one in seen]).mean()
    assert torch.allclose(balance.take(is_real), BALANCE_WEIGHT * by_hand)


def test_questions_are_whole_or_spliced_natural_or_not_and_never_twice_the_same():
    supply = SpokenQuestions(TASK, questions(), words(), OmniConfig.tiny().aut_encoder)
    drawn = [supply.draw(np.random.default_rng(seed)) for seed in range(20)]
    assert len({mel.shape[1] for mel, _ in drawn}) > 10
    assert all(torch.isfinite(mel).all() and TASK.answer(question) for mel, question in drawn)
    again, _ = supply.draw(np.random.default_rng(3))
    assert torch.equal(again, drawn[3][0])
    said = questions().texts.tolist()
    whole = [said.index(question) for _, question in drawn if question in said]
    assert 4 <= len(whole) <= 16 and {i % 2 for i in whole} == {0, 1}  # odd ones are joe's


def test_hearing_trains_the_encoder_and_leaves_the_quantizer_alone(omni):
    stage = HearingStage(omni, TASK, questions(), words(), CPU)
    before = omni.aut_encoder.quantizer.codebook.clone()
    losses = stage.losses(0, step_generator(0, "hearing", 0))
    losses["ctc"].backward()
    assert omni.aut_encoder.stem.convs[0].weight.grad.abs().max() > 0
    assert torch.equal(before, omni.aut_encoder.quantizer.codebook)
    assert 0 <= losses["_right"] <= 1


def test_groups_hold_every_question_once_and_short_ones_with_short_ones():
    drawn = [(torch.zeros(3, length), str(length)) for length in (9, 2, 7, 4, 1, 8, 3)]
    groups = alike_in_length(drawn, 3)
    assert [[name for _, name in group] for group in groups] == [["1", "2", "3"], ["4", "7", "8"], ["9"]]


def test_what_is_learned_from_groups_is_what_is_learned_from_the_whole_batch(omni, monkeypatch):
    stage = HearingStage(omni, TASK, questions(), words(), CPU)

    def learned(groups: int) -> tuple[torch.Tensor, torch.Tensor]:
        monkeypatch.setattr(hearing, "alike_in_length", lambda drawn: alike_in_length(drawn, groups))
        stage.module.zero_grad()
        loss = stage.losses(900, step_generator(0, "hearing", 0))["ctc"]
        loss.backward()
        return loss.detach(), omni.aut_encoder.stem.convs[0].weight.grad.clone()

    for ours, theirs in zip(learned(4), learned(1), strict=True):
        assert theirs.abs().max() > 1e-3
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_heard_rows_hold_no_text_and_are_answered_or_written_down():
    rng = np.random.default_rng(0)
    asked = TASK.exchange(rng).question
    answered, written = ("answer", None, TASK.answer(asked)), ("transcribe", None, asked)
    assert {spoken_row(TASK, asked, rng) for _ in range(40)} == {answered, written}
    rows = [typed_row(TASK, rng) for _ in range(40)]
    assert {task for task, *_ in rows} == {"answer", "say"}
    assert all(reply == (text if task == "say" else TASK.answer(text)) for task, text, reply in rows)


def test_reading_trains_every_part_of_the_thinker_but_the_audio_map(omni):
    stage = ReadingStage(omni, TASK, CPU)
    omni.thinker.talker_head = torch.nn.Linear(omni.config.thinker.hidden_size, 512, bias=False)  # tiny has 41 tokens
    losses = stage.losses(0, step_generator(0, "reading", 0))
    sum(value for name, value in losses.items() if not name.startswith("_")).backward()
    idle = {name for name, value in omni.thinker.named_parameters() if value.grad is None}
    assert idle == {"audio_proj.weight"}


def test_hearing_hardens_by_degrees(omni):
    stage, seen = HearingStage(omni, TASK, questions(), words(), CPU), []
    draw = stage.supply.draw
    stage.supply.draw = lambda rng, hardness: seen.append(hardness) or draw(rng, 0.0)
    for step in (0, stage.steps_to_full_hardness // 2, stage.schedule.steps - 1):
        stage.losses(step, step_generator(0, "hearing", step))
    assert list(dict.fromkeys(seen)) == [0, 0.5, 1]


class TestListening:
    @pytest.fixture
    def stage(self, omni) -> ListeningStage:
        omni.thinker.talker_head = torch.nn.Linear(omni.config.thinker.hidden_size, 512, bias=False)
        return ListeningStage(omni, TASK, questions(), words(), CPU)

    def test_the_codebook_begins_on_k_means_centres_of_what_is_heard(self, stage):
        quantizer = stage.module["aut_encoder"].quantizer
        stage.begin(np.random.default_rng(0), batches=2)
        mels = [stage.supply.draw(np.random.default_rng(seed))[0] for seed in range(40)]
        with torch.no_grad():
            output = encode(stage.module["aut_encoder"].eval(), mels, CPU)
        vectors = real_vectors(output, output.features)
        codes = quantizer.nearest(vectors)
        error = (vectors - quantizer.lookup(codes)).pow(2).sum() / (vectors - vectors.mean(dim=0)).pow(2).sum()
        assert usage(codes, len(quantizer.codebook)) > 0.7 and error < 0.6

    def test_gradients_of_the_text_pass_the_codebook_to_the_ears(self, stage):
        stage.losses(0, step_generator(0, "listening", 0))["text"].backward()
        assert stage.module["aut_encoder"].stem.convs[0].weight.grad.abs().max() > 0

    def test_every_loss_is_there_and_finite(self, stage):
        losses = stage.losses(0, step_generator(0, "listening", 0))
        assert set(losses) == {"text", "talker", "balance", "ctc", "commitment", "_right", "_typed_right"}
        assert all(value.isfinite() for value in losses.values())
