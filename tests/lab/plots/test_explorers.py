"""The explorers' pictures hold what was watched, mark the token they are asked for, and say what it is."""

import dataclasses

import pytest
import torch
from figures import image, title
from matplotlib.colors import to_hex, to_rgba

from omni_ref import OmniConfig, Reply
from omni_ref.blocks.moe import RouterOutput
from omni_ref.lab.plots import explorers
from omni_ref.lab.plots.style import ANSWER, QUESTION
from omni_ref.lab.watch import AUDIO, Watched

IDS = [256, ord("a"), AUDIO, AUDIO, AUDIO, AUDIO, 257, ord("o"), ord(" "), ord("k")]


@pytest.fixture
def watched():
    generator, config = torch.Generator().manual_seed(0), OmniConfig.mini()
    scores = torch.randn(2, 3, len(IDS), len(IDS), generator=generator)
    later = torch.ones(len(IDS), len(IDS)).triu(1).bool()
    routing = {}
    for layer in (1, 3):
        probabilities = torch.randn(len(IDS), 8, generator=generator).softmax(dim=-1)
        routing[layer] = RouterOutput(probabilities, *probabilities.topk(2))
    question = 0.1 * torch.randn(2560, generator=generator)
    return Watched(question, config, IDS, 7, scores.masked_fill(later, float("-inf")).softmax(dim=-1), routing)


def letters(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_va() == "top"]


def heights(axes) -> torch.Tensor:
    return torch.tensor([segment[1][1] for segment in axes.collections[0].get_segments()]).float()


def test_every_position_has_a_name(watched):
    names = [explorers.position_name(watched, position) for position in range(len(IDS))]
    assert names[:3] == ["prompt: ▸", "prompt: a", "sound at 0.00 s"]
    assert names[5:] == ["sound at 0.12 s", "prompt: ■", "o", "o·", "o·k"]
    assert explorers.positions(watched) == [(name, position) for position, name in enumerate(names)]
    long = dataclasses.replace(watched, ids=[*IDS, *b"123456789abcdefgh"])
    assert explorers.positions(long)[-1] == ("…6789abcdefgh", len(IDS) + 16)


@pytest.mark.parametrize("query", [4, 8])
def test_a_querys_weights_over_the_sound_and_over_the_text(watched, query):
    heard, above, below = explorers.attention(watched, 1, 2, query).axes
    weights = watched.attention[1, 2, query]
    torch.testing.assert_close(heights(above), weights[2:6])
    torch.testing.assert_close(heights(below), weights[[0, 1, 6, 7, 8, 9]])
    assert torch.equal(image(heard), watched.mel)
    assert letters(below) == ["▸", "a", "■", "o", "·", "k"]
    name = {4: "sound at 0.08 s", 8: "o·"}[query]
    share = round(100 * float(weights[2:6].sum()))
    assert title(heard) == f"Layer 1, head 2 at “{name}”: {share} % on the sound"
    (line,) = (above if query == 4 else below).lines
    assert line.get_xdata()[0] == pytest.approx(0.08 if query == 4 else 4)
    bold = [text.get_text() for text in below.texts if text.get_weight() == "bold"]
    assert bold == ([] if query == 4 else ["·"])
    assert above.get_ylim() == below.get_ylim() and above.get_xlabel() and below.get_xlabel()


def test_what_cannot_be_read_yet_is_grey(watched):
    _, above, below = explorers.attention(watched, 0, 0, 3).axes
    assert [patch.get_x() for patch in above.patches] == [pytest.approx(0.06)], "from the third token of sound on"
    assert [patch.get_x() for patch in below.patches] == [1.5], "all text but the two tokens before the sound"
    _, above, below = explorers.attention(watched, 0, 0, 1).axes
    assert [patch.get_x() for patch in above.patches] == [above.get_xlim()[0]], "all sound is later than the prompt"
    _, above, below = explorers.attention(watched, 0, 0, 9).axes
    assert not above.patches and below.patches[0].get_x() == 5.5


@pytest.mark.parametrize("token", [5, 7])
def test_experts_of_all_tokens_and_the_router_at_one(watched, token):
    heard, above, below, first, second = explorers.routing(watched, token).axes
    index = torch.cat([watched.routing[layer].top_k_index.T for layer in (1, 3)])
    assert torch.equal(image(above), index[:, 2:6])
    assert torch.equal(image(below), index[:, [0, 1, 6, 7, 8, 9]])
    assert letters(below) == ["▸", "a", "■", "o", "·", "k"]
    marks = (above if token == 5 else below).collections[0].get_segments()
    assert [segment[0][0] for segment in marks] == pytest.approx([0.10, 0.14] if token == 5 else [2.5, 3.5])
    assert title(heard) == f"The experts at “{'sound at 0.12 s' if token == 5 else 'o'}”"
    for axes, layer in ((first, 1), (second, 3)):
        decided = watched.routing[layer]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(decided.probabilities[token].tolist())
        solid = [i for i, bar in enumerate(axes.patches) if bar.get_facecolor()[3] == 1]
        assert solid == sorted(decided.top_k_index[token].tolist()) and title(axes) == f"layer {layer}"
        colours = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
        assert colours == list(map(str.upper, map(to_hex, explorers.EXPERTS))), "the colours of the stripes"


@pytest.fixture
def reply():
    codes = torch.arange(20).view(5, 4)
    tokens = {"audio": torch.tensor([3, 9]), "text": torch.tensor(list(b"o k")), "talker": torch.tensor([5, 6, 7])}
    return Reply("o k", torch.linspace(-1, 1, 5 * 320), 16000, {}, tokens | {"codec": codes})


@pytest.mark.parametrize("step", [0, 2, 4, 7])
def test_at_each_step_there_is_what_has_come_by_then(reply, step):
    listened, thought, spoken, sound = explorers.saying(reply, step, OmniConfig.mini()).axes
    assert heights(listened).tolist() == [3, 9] and "2 audio tokens" in title(listened)
    assert heights(thought).tolist() == [5, 6, 7][: step + 1]
    assert [text.get_text() for text in thought.texts] == ["o", "·", "k"]
    there = torch.arange(5)[:, None] + torch.arange(4) <= step
    shown = image(spoken).T
    assert torch.equal(~shown.isnan(), there)
    assert torch.equal(shown[there], reply.tokens["codec"].float()[there])
    whole = max(step - 2, 0)
    lines = sound.collections[0]
    assert len(lines.get_segments()) == 8 * whole
    if whole:
        assert lines.get_segments()[-1][1][1] == pytest.approx(float(reply.waveform[320 * whole - 1]))
        newest = [tuple(colour) == to_rgba(ANSWER) for colour in lines.get_colors()]
        assert newest == [False] * (8 * whole - 8) + [True] * 8
        assert whole == 1 or tuple(lines.get_colors()[0]) == to_rgba(QUESTION)
    assert all(axes.lines[0].get_xdata()[0] == step for axes in (thought, spoken, sound))
    assert sound.get_xlabel() == "step (codes and sound: frame) of 20 ms"


def test_a_step_is_told_in_words(reply):
    titles = [title(explorers.saying(reply, step, OmniConfig.mini()).axes[1]) for step in (0, 4, 7)]
    assert titles == [
        "Step 0. In: talker token 5 (o). Out: codes 0. No frame is whole yet.",
        "Step 4. In: pad. Out: codes 16, 13, 10, 7. Frame 1 is whole.",
        "Step 7. In: pad. Out: codes 19. Frame 4 is whole.",
    ]


@pytest.mark.parametrize("kept", [4, 2, 1])
def test_the_grid_shows_the_change_and_what_is_dropped(kept):
    codes, mel = torch.randint(7, (5, 4)), torch.randn(8, 12)
    grid, heard = explorers.code_grid(codes, kept, (3, 1), (0.6, 0.9), mel, 1.0, 7).axes
    assert torch.equal(image(grid), codes.T)
    assert torch.equal(image(heard), mel)
    assert len(grid.patches) == (1 if kept == 4 else 2), "what is not heard is covered"
    assert grid.patches[-1].get_xy() == pytest.approx((0.6, 0.5))
    if kept == 1:  # and what is not heard reaches nothing
        assert not heard.collections and "reach" not in title(heard)
    else:
        assert [segment[0][0] for segment in heard.collections[0].get_segments()] == [0.6, 0.9]
    assert f"code {codes[3, 1]}" in title(grid)
