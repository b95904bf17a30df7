"""What README shows and plays is what the notebooks and the shipped weights give now."""

import io
from dataclasses import replace
from pathlib import Path

import front_page
import nbformat
import numpy as np
import pytest
import refresh
import soundfile
from PIL import Image

DOCS = Path(__file__).resolve().parents[1] / "docs"
LESSONS = sorted((DOCS.parent / "notebooks").glob("*.ipynb"))
STALE = "run `make refresh`"
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def difference(one: bytes | Path, other: bytes | Path) -> float:
    """Mean difference of two pictures, of 255; another release of Pillow or matplotlib may round or set differently."""
    files = [io.BytesIO(given) if isinstance(given, bytes) else given for given in (one, other)]
    first, second = (Image.open(file).convert("RGB").reduce(8) for file in files)
    assert first.size == second.size
    return float(np.abs(np.asarray(first, float) - np.asarray(second, float)).mean())


@each_lesson
def test_the_thumbnail_is_that_of_the_stored_figure(path):
    stored = DOCS / "thumbnails" / f"{path.stem[:2]}.png"
    assert stored.stat().st_size <= 15_000
    now = refresh.thumbnail(nbformat.read(path, 4))
    assert Image.open(stored).size == refresh.SIZE
    assert difference(now, stored) < 0.5, STALE


def test_there_is_a_thumbnail_for_each_notebook_and_no_other():
    assert [path.stem for path in sorted((DOCS / "thumbnails").iterdir())] == [path.stem[:2] for path in LESSONS]


@pytest.mark.parametrize("tagged", [0, 2])
def test_another_number_of_tagged_cells_is_refused(tagged):
    notebook = nbformat.read(LESSONS[0], 4)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    for cell in notebook.cells[:tagged]:
        cell.metadata["tags"] = ["thumbnail"]
    with pytest.raises(ValueError, match=f"{tagged} cells are tagged thumbnail, expected 1"):
        refresh.thumbnail(notebook)


def test_a_tagged_cell_without_a_figure_is_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(metadata={"tags": ["thumbnail"]})])
    with pytest.raises(ValueError, match="has 0 figures, expected 1"):
        refresh.thumbnail(notebook)


@pytest.fixture(scope="module")
def asked() -> tuple:
    return front_page.asked()


def decoded(sound: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(sound))[0]


def unlikeness(sound: bytes, other: bytes) -> float:
    """The power of the difference of two sounds, as a share of that of the first."""
    first, second = decoded(sound), decoded(other)
    length = min(len(first), len(second))
    assert abs(len(first) - len(second)) < 1600  # an encoder may put silence at the ends
    return float(((first[:length] - second[:length]) ** 2).sum() / (first**2).sum())


def test_the_sound_is_the_question_and_what_is_answered_now(asked):
    question, reply, _ = asked
    assert unlikeness(front_page.sound(question, reply), (DOCS / "answer.mp3").read_bytes()) < 0.02, STALE


def test_the_picture_is_that_of_what_is_answered_now(asked):
    # between matplotlib 3.10 and 3.11 it is 2.6
    assert difference(front_page.picture(*asked), DOCS / "answer.png") < 4, STALE


def test_an_answer_with_other_codes_sounds_and_looks_different(asked):
    question, reply, omni = asked
    codes = reply.tokens["codec"].flip(1)
    other = replace(reply, tokens=reply.tokens | {"codec": codes}, waveform=omni.code2wav(codes[None])[0].detach())
    assert unlikeness(front_page.sound(question, reply), front_page.sound(question, other)) > 0.1
    assert difference(front_page.picture(question, other, omni), DOCS / "answer.png") > 8
