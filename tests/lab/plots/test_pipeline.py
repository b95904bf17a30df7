"""The pictures of the whole model show what the configuration, the probe and the replies say."""

import pytest
import torch
from figures import image, title
from matplotlib.colors import to_rgba

from omni_ref import OmniConfig
from omni_ref.lab.ledger import ledger, total
from omni_ref.lab.plots import pipeline
from omni_ref.lab.stages import Stage


@pytest.mark.parametrize("size", ["mini", "full"])
def test_the_map_writes_the_numbers_of_the_configuration(size):
    config = getattr(OmniConfig, size)()
    figure = pipeline.pipeline(config)
    written = "\n".join(text.get_text() for text in figure.axes[0].texts)
    for component, *_ in pipeline.BOXES:
        count = total(ledger(config), component).parameters
        number = f"{count / 1e9:.2f} billion" if count >= 1e9 else f"{count / 1e6:.1f} million"
        assert component in written and f"{number} parameters" in written
    ears, mouth = config.aut_encoder, config.code2wav
    for part in (
        f"{ears.n_mels} numbers,\n{ears.mel_rate} times a second",
        f"{ears.token_rate} a second,\neach 1 of {ears.audio_vocab_size}",
        f"each 1 of {config.thinker.talker_vocab_size}",
        f"{mouth.num_codebooks} × {mouth.frame_rate} a second,\neach 1 of {mouth.codebook_size}",
        "16,000 samples a second",
    ):
        assert part in written


def test_the_hourglass_has_a_dot_for_each_rate_and_a_waist():
    stages = [Stage("in", (100,), 0, 2.0), Stage("thought", (7,), 0, None), Stage("out", (905,), 0, 2.0)]
    axes = pipeline.hourglass(stages).axes[0]
    assert [float(dot.get_xdata()[0]) for dot in axes.lines] == [50, 452.5] and axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["50", "at its own pace", "452.5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["in", "thought", "out"]
    before, after = (dot.get_color() for dot in axes.lines)
    assert before != after and axes.get_xlabel() == "positions a second of sound"


def test_a_bar_for_each_byte_of_a_reply():
    probabilities = torch.tensor([0.5, 1.0, 0.25, 0.75])
    axes = pipeline.reply_confidence("a b■", probabilities, "a title").axes[0]
    bars = [[tuple(end) for end in bar] for bar in axes.collections[0].get_segments()]
    assert bars == [[(i, 0), (i, probability)] for i, probability in enumerate(probabilities.tolist())]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "·", "b", "■"]
    assert title(axes) == "a title" and axes.get_xlabel() and axes.get_ylabel() == "probability"


def test_every_position_of_a_prompt_is_drawn_as_what_it_is():
    sound = pipeline.AUDIO
    rows = {"heard": ([256, ord("a"), sound, sound, 257], [ord("o"), 257]), "typed": ([256, ord(" ")], [ord("k")])}
    figure = pipeline.prompts(rows)
    axes = figure.axes[0]
    legend = {text.get_text(): patch.get_facecolor() for text, patch in _legend(figure)}
    kinds = {colour: name for name, colour in legend.items()}
    drawn = [(int(bar.get_x()), round(bar.get_y() + 0.375), kinds[bar.get_facecolor()]) for bar in axes.patches]
    assert drawn == [
        (0, 0, "special token"), (1, 0, "prompt: text"), (2, 0, "prompt: sound"), (3, 0, "prompt: sound"),
        (4, 0, "special token"), (5, 0, "reply"), (6, 0, "special token"),
        (0, 1, "special token"), (1, 1, "prompt: text"), (2, 1, "reply"),
    ]  # fmt: skip
    assert [text.get_text() for text in axes.texts] == ["▸", "a", "■", "o", "■", "▸", "·", "k"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["heard", "typed"]
    assert axes.get_xlabel()


def _legend(figure):
    legend = figure.legends[0]
    return zip(legend.get_texts(), legend.get_patches(), strict=True)


def test_a_table_of_facts_for_each_operator():
    right = {"plus": torch.tensor([[1.0, 0], [1, 1]]), "times": torch.tensor([[0, float("nan")], [1, 1]])}
    hidden = {"plus": torch.tensor([[False, True], [False, False]]), "times": torch.zeros(2, 2, dtype=torch.bool)}
    figure = pipeline.known_facts(right, hidden)
    for axes, (operator, table) in zip(figure.axes, right.items(), strict=True):
        shown = image(axes)
        torch.testing.assert_close(shown.float(), table, equal_nan=True)
        assert title(axes) == operator and axes.get_xlabel() == "right number"
    dots = figure.axes[0].lines[0]
    assert list(dots.get_xdata()) == [1] and list(dots.get_ydata()) == [0]
    assert len(figure.axes[1].lines[0].get_xdata()) == 0
    assert figure.axes[0].get_ylabel() == "left number"
    colours = {text.get_text(): patch.get_facecolor() for text, patch in zip(
        figure.legends[0].get_texts(), figure.legends[0].get_patches(), strict=False
    )}  # fmt: skip
    drawn = figure.axes[0].images[0]
    assert drawn.cmap(drawn.norm(1.0)) == colours["answered right"] == to_rgba(pipeline.KNOWN)
    assert drawn.cmap(drawn.norm(0.0)) == colours["answered wrong"]


def test_a_dot_for_each_reply_and_its_groups_median():
    groups = {"right": [0.9, 1.0, 0.8], "wrong": [0.2, 0.6]}
    axes = pipeline.least_sure(groups).axes[0]
    dots, medians = axes.lines[0::2], axes.lines[1::2]
    assert [list(line.get_xdata()) for line in dots] == list(groups.values())
    assert [list(line.get_xdata()) for line in medians] == [[0.9], [0.4]]
    for row, line in enumerate(dots):
        assert all(abs(height - row) < 0.5 for height in line.get_ydata())
    assert [label.get_text() for label in axes.get_yticklabels()] == ["right (3)", "wrong (2)"]
    assert "probability" in axes.get_xlabel()
