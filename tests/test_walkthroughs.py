"""The pages "add a voice", "add a task" and "add a notebook" work as they are written: their code runs, block by block.

A Python block that begins with `# some/file.py` is that file; any other is run, one after the other. Shell blocks are
run line by line. Training is short: two steps a stage, a corpus of seconds.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from training_corpora import two_steps_a_stage

from omni_ref import Generation, __main__
from omni_ref.training import corpus, run

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block of code of a page."""
    return BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf8"))


def follow(page: str, shell) -> dict:
    """Do in the current folder what a page says; the names that its Python defined. `shell` runs a line of shell."""
    names: dict = {}
    for language, text in blocks(page):
        file = re.match(r"# (\S+\.py)\n", text)
        if language == "sh":
            for line in text.splitlines():
                shell(shlex.split(line))
        elif file:
            Path(file[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(file[1]).write_text(text, encoding="utf8")
        else:
            exec(compile(text, page, "exec"), names)
    return names


def omni_ref(words: list[str]) -> None:
    """`python -m omni_ref …` in this process; training without --stage is every stage in turn, not side by side."""
    assert words[:3] == ["python", "-m", "omni_ref"], words
    every = words[3] == "train" and "--stage" not in words
    for more in [["--stage", stage] for stage in run.STAGES] if every else [[]]:
        assert __main__.main(words[3:] + more) == 0, (words, more)


@pytest.fixture
def trainer(monkeypatch, tmp_path):
    """A folder to train from, and recipes that take seconds; what they train does not end its replies by itself."""
    two_steps_a_stage(monkeypatch)
    small = {"replies": {"count": 2}, "questions": {"count": 2, "natural_count": 1}, "words": {"speakers": 1}}
    small["words"] |= {"natural_takes": 1, "kokoro_takes": 0}  # Kokoro takes a second for each word
    monkeypatch.setattr(run, "CORPUS", {name: (run.CORPUS[name][0], options) for name, options in small.items()})
    monkeypatch.setattr(__main__, "Generation", partial(Generation, max_text_tokens=20, max_frames=20))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_voice_is_added_as_the_page_says(trainer):
    follow("add-a-voice", omni_ref)
    asked = corpus.Recordings.load(Path("build/mine/questions.npz"))
    assert "mine" in asked.speakers.tolist()
    assert Path("build/mine/answer.wav").stat().st_size > 44


def test_a_task_is_added_as_the_page_says(trainer):
    names = follow("add-a-task", omni_ref)
    asked = corpus.Recordings.load(Path("build/opposites/questions.npz"))
    assert all(question in names["task"].questions for question in asked.texts.tolist())
    assert Path("build/opposites/answer.wav").stat().st_size > 44


def test_a_notebook_is_added_as_the_page_says(monkeypatch, tmp_path):
    for part in ("omni_ref", "tests", "tools", "notebooks", "docs", "conftest.py", "pyproject.toml"):
        source = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors", "[01]*.ipynb")
        shutil.copytree(source, tmp_path / part, ignore=ignored) if source.is_dir() else shutil.copy(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = []

    def shell(words: list[str]) -> None:
        ran = subprocess.run([sys.executable, *words[1:]], env=environment, capture_output=True, text=True)
        assert words[0] == "python" and ran.returncode == 0, ran.stdout + ran.stderr
        said.append(ran.stdout)

    follow("add-a-notebook", shell)
    refreshed, held_to, compared = said
    assert refreshed.count("changed") == 2
    assert all(" passed" in text and "skipped" not in text for text in (held_to, compared))
