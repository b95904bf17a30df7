"""What files say of training is read as it stands there."""

import pytest

from omni_ref.lab import curves
from omni_ref.training.codec import CodecStage
from omni_ref.training.hearing import HearingStage
from omni_ref.training.run import CORPUS, NEEDS, STAGES
from omni_ref.training.speaking import MessageStage, SpeakingStage
from omni_ref.training.thinking import ListeningStage, ReadingStage
from omni_ref.training.vocoder import VocoderStage

TABLE = """# Page

| what | not the table |
<!-- ablations -->
| what | steps | result |
|---|---|---|
| speaking, as it is | 9 | operands read right 70 %, sentences 40 % |
| speaking without the delay pattern | 9 | operands read right 20 %, sentences 3 % |
| reading, as it is | 5 | largest / mean load of the experts, layer by layer: 1.25, 1.5 |
| reading without the balance loss | 5 | largest / mean load of the experts, layer by layer: 2.5, 3.75, 1.5 |
| listening with ears that have not learned, with CTC | 6 | heard 8 %, 91 % of the codebook in use (perplexity 300) |
| the same without CTC | 6 | heard 0 %, 12 % of the codebook in use (perplexity 40) |
<!-- /ablations -->
| reading below it | 5 | heard 9 % |
"""


def test_a_log_is_a_list_a_column(tmp_path):
    path = tmp_path / "stage.csv"
    path.write_text("step,steps,seconds,text\n10,20,1.5,0.25\n20,20,3.0,0.125\n")
    assert curves.read_log(path) == {"step": [10, 20], "steps": [20, 20], "seconds": [1.5, 3], "text": [0.25, 0.125]}


def test_curves_stage_by_stage_and_none_where_nothing_was_counted(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("stage,step,seconds,loss,right\na,10,1.5,4,0.5\na,20,3,2,0.75\nb,5,9,1.25,\n")
    read = curves.read_curves(path)
    assert list(read) == ["a", "b"]
    assert read["a"] == curves.Curve([10, 20], [1.5, 3.0], [4.0, 2.0], [0.5, 0.75])
    assert read["b"] == curves.Curve([5], [9.0], [1.25], [None])


def test_the_shipped_curves_are_of_every_stage_that_learns():
    shipped = curves.read_curves()
    assert set(shipped) == set(STAGES) - {*CORPUS, "pack"}
    for curve in shipped.values():
        assert len(curve.step) <= 100 and curve.step == sorted(curve.step)
        assert all(loss > 0 for loss in curve.loss)
        assert all(right is None or 0 <= right <= 1 for right in curve.right)


def test_the_shipped_curves_are_of_the_recipe_as_it_is_and_of_about_an_hour():
    """66 minutes without the corpus, on the machines of which they are: docs/training.md."""
    kinds = (CodecStage, VocoderStage, ReadingStage, SpeakingStage, HearingStage, ListeningStage, MessageStage)
    shipped = curves.read_curves()
    assert {name: curve.step[-1] for name, curve in shipped.items()} == {
        kind.name: kind.schedule.steps for kind in kinds
    }
    seconds = {name: shipped[name].seconds[-1] if name in shipped else 1 for name in STAGES}  # the corpus in no time
    assert 30 * 60 < on_cores(2, seconds) < 67 * 60


def on_cores(cores: int, seconds: dict[str, float]) -> float:
    """How long a run takes: at each moment when something ends, as many stages begin as can."""
    waiting, ends, now = list(NEEDS), {}, 0.0
    while waiting:
        over = {name for name, end in ends.items() if end <= now}
        can_begin = [name for name in waiting if over.issuperset(NEEDS[name])]
        for name in can_begin[: cores - (len(ends) - len(over))]:
            waiting.remove(name)
            ends[name] = now + seconds[name]
        now = min([end for end in ends.values() if end > now], default=now)
    return max(ends.values())


def test_each_ablation_is_compared_with_its_own_stage(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(TABLE)
    delay, balance, ctc = curves.read_ablations(page)
    assert delay.what == "speaking without the delay pattern"
    assert delay.with_it == {"operands read right, %": 70, "sentences read right, %": 40}
    assert delay.without == {"operands read right, %": 20, "sentences read right, %": 3}
    assert (balance.with_it, balance.without) == ({curves.LOAD: 1.5}, {curves.LOAD: 3.75})
    assert ctc.what == "listening with ears that have not learned, without CTC"
    assert set(ctc.with_it) == {"questions heard, %", "perplexity of the audio tokens"}
    assert list(ctc.with_it.values()) == [8, 300] and list(ctc.without.values()) == [0, 40]


@pytest.mark.parametrize("lines", [0, 3])
def test_a_table_in_which_nothing_is_left_out_yet(tmp_path, lines):
    page = tmp_path / "page.md"
    before, table = TABLE.split("<!-- ablations -->\n")
    page.write_text(before + "<!-- ablations -->\n" + "\n".join(table.splitlines()[:lines]) + "\n<!-- /ablations -->\n")
    assert curves.read_ablations(page) == []
