"""What is left out is left out, and everything else stays."""

import sys

import numpy as np
import pytest
import torch
from training_corpora import TASK, replies

from omni_ref import Omni, OmniConfig
from omni_ref.training import ablations
from omni_ref.training.ablations import (
    LISTENING,
    READING,
    SPEAKING,
    WithoutBalance,
    WithoutCorruption,
    WithoutCTC,
    WithoutDelay,
    WithoutVariation,
    generate_undelayed,
)
from omni_ref.training.codec import Codec
from omni_ref.training.loop import step_generator
from omni_ref.training.speaking import SpeakingStage

CPU = torch.device("cpu")


@pytest.fixture
def omni() -> Omni:
    return Omni.from_config(OmniConfig.mini(), device="cpu")


def test_each_has_a_name_of_its_own_and_says_what_it_leaves_out():
    kinds = (*SPEAKING, *READING, *LISTENING)
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert all(kind.__doc__ for kind in kinds)
    assert WithoutCorruption.corruption == 0 < SpeakingStage.corruption and WithoutCTC.ctc_weight == 0


def test_without_delay_a_frame_is_one_step(omni):
    codec = Codec(omni.code2wav)
    stage, delayed = (kind(omni, codec, replies(2), CPU) for kind in (WithoutDelay, SpeakingStage))
    steps, late = (one.replies.steps([0], np.random.default_rng(0)) for one in (stage, delayed))
    config = omni.config.talker
    assert late.shape[1] == steps.shape[1] + config.num_codebooks - 1
    assert torch.equal(steps[0, :-1, 2], late[0, 2 : 1 + steps.shape[1], 2])
    assert (steps[0, -1] == config.end_id).all() and (steps != config.begin_id).all()


def test_without_variation_the_codes_are_always_the_same(omni):
    stage = WithoutVariation(omni, Codec(omni.code2wav), replies(2), CPU)
    first, second = (stage.replies.steps([0, 1], np.random.default_rng(seed)) for seed in (1, 2))
    assert torch.equal(first, second)
    assert torch.equal(first, stage.replies.steps([1, 0], np.random.default_rng(1)).flip(0))


def test_a_page_gets_the_whole_table_or_nothing(monkeypatch, tmp_path, capsys):
    page, table = tmp_path / "page.md", "<!-- ablations -->\nold\n<!-- /ablations -->\n"
    page.write_text(table, encoding="utf8")
    monkeypatch.setattr(sys, "argv", ["ablations", "--only", "reading", "-o", str(page)])
    with pytest.raises(SystemExit):
        ablations.main()
    assert "would delete the other rows" in capsys.readouterr().err and page.read_text(encoding="utf8") == table
    page.write_text("no place for a table", encoding="utf8")
    monkeypatch.setattr(sys, "argv", ["ablations", "-o", str(page)])
    with pytest.raises(ValueError, match="to put the table between"):
        ablations.main()
    assert page.read_text(encoding="utf8") == "no place for a table"


def test_without_balance_the_loss_is_shown_but_not_minimised(omni):
    terms = WithoutBalance(omni, TASK, CPU).losses(0, step_generator(0, "reading", 0))
    assert "balance" not in terms and terms["_balance"] > 0


def test_undelayed_generation_is_greedy_teacher_forcing(omni):
    """Feeding back what it chose gives the same choices."""
    talker = omni.talker.eval()
    torch.nn.init.normal_(talker.codec_head.weight, std=1.0)
    with torch.no_grad():  # never the end
        talker.codec_head.weight.unflatten(0, (4, -1))[:, omni.config.talker.end_id] = 0
    tokens = torch.randint(256, (2, 5))
    codes = generate_undelayed(talker, tokens, 12).codec_tokens
    padded = torch.nn.functional.pad(tokens, (0, codes.shape[1] - 5), value=omni.config.talker.talker_pad_id)
    first = torch.full((2, 1, 4), omni.config.talker.begin_id)
    with torch.no_grad():
        logits = talker.step_logits(padded, torch.cat([first, codes[:, :-1]], dim=1))
    assert torch.equal(logits[..., : omni.config.talker.end_id].argmax(dim=-1), codes)


def test_the_bench_names_its_stages_by_what_was_left_out(monkeypatch, tmp_path, omni):
    bench = ablations.Bench(tmp_path, CPU)
    monkeypatch.setattr(ablations.Bench, "built", lambda self, kind, omni, codec: kind(omni, TASK, CPU))
    monkeypatch.setitem(ablations.STEPS, ablations.ReadingStage, 2)
    row = bench.row(WithoutBalance)
    assert row.startswith("| reading without the balance loss | 2 | largest / mean load of the experts")
