"""Pictures of what is learned show the tensors that they are given."""

import torch
from figures import image, title

from omni_ref.lab.plots import lessons


def test_alignments_show_the_chosen_symbols_on_an_axis_of_seconds():
    first, second = torch.rand(5, 4).softmax(dim=1), torch.rand(10, 4).softmax(dim=1)
    figure = lessons.alignments({"one": first, "two": second}, "–abc", "–ca", 25, [[], [0.1, 0.3]])
    above, below, bar = figure.axes
    for axes, grid in ((above, first), (below, second)):
        torch.testing.assert_close(image(axes)[:3], grid[:, [0, 3, 1]].T)
        torch.testing.assert_close(image(axes)[3], grid[:, 2])
        assert axes.get_xlim() == (-0.02, 0.38)
    assert above.images[0].get_extent()[:2] == [-0.02, 0.18] and below.images[0].get_extent()[:2] == [-0.02, 0.38]
    assert [tick.get_text() for tick in below.get_yticklabels()] == ["blank", "c", "a", "others"]
    assert not above.lines and [line.get_xdata()[0] for line in below.lines] == [0.1, 0.3]
    assert (title(above), below.get_xlabel(), bar.get_ylabel()) == ("one", "time, s", "probability")


def test_codebook_use_has_a_line_a_codebook():
    curves = {"random": [9.0, 8.0], "k-means": [30.0, 31.0]}
    axes = lessons.codebook_use(curves, 64).axes[0]
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == curves
    assert axes.get_ylabel() == "perplexity, of 64 codes" and axes.get_ylim()[0] == 0


def test_same_codes_has_a_line_a_codebook_over_milliseconds():
    shares = torch.tensor([[1.0, 1.0], [0.5, 0.25], [0.75, 0.5]])
    axes = lessons.same_codes([0.0, 2.5, 5.0], shares).axes[0]
    for k, line in enumerate(axes.lines):
        assert list(line.get_xdata()) == [0, 2.5, 5] and list(line.get_ydata()) == shares[:, k].tolist()
        assert line.get_label() == f"codebook {k}"
    assert "ms" in axes.get_xlabel()


def test_a_mistaken_history_above_what_it_does():
    wrong, right = torch.tensor([[True, False], [False, False], [True, True]]), torch.tensor([0.5, 0.25, 1.0])
    figure = lessons.mistaken_history(wrong, {"clean": right, "noise": right / 2}, "a title")
    above, below = figure.axes
    assert image(above).bool().equal(wrong.T) and title(above) == "a title"
    clean, noise = below.lines
    assert list(clean.get_ydata()) == right.tolist() and list(noise.get_ydata()) == (right / 2).tolist()
    assert [text.get_text() for text in below.texts] == ["clean", "noise"]
    assert [text.get_color() for text in below.texts] == [clean.get_color(), noise.get_color()]
    assert "20 ms" in below.get_xlabel() and "probability" in below.get_ylabel()
