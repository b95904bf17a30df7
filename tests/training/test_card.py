"""The model card: every row is measured by one command, and the page around the table stays as it is."""

import subprocess

import pytest

from omni_ref.__main__ import main
from omni_ref.training import card, cases
from omni_ref.training.voices import Espeak, Flite

PAGE = "# Card\n\nBefore.\n\n<!-- evaluate -->\nold\n<!-- /evaluate -->\n\nAfter.\n"


def test_a_table_goes_into_its_place_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    card.insert(page, "evaluate", ["| a |", "| b |"])
    assert page.read_text(encoding="utf8") == PAGE.replace("old\n", "| a |\n| b |\n")
    card.insert(page, "evaluate", ["old"])
    assert page.read_text(encoding="utf8") == PAGE


def test_a_page_without_a_place_is_refused_before_anything_is_measured(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# No place\n")
    assert main(["evaluate", "--cases", "3", "--device", "cpu", "-o", str(page)]) == 2
    printed = capsys.readouterr()
    assert "no lines <!-- evaluate -->" in printed.err and printed.out == ""
    assert page.read_text(encoding="utf8") == "# No place\n"


def test_the_commit_is_named_and_unknown_outside_of_a_repository_and_without_git(tmp_path, monkeypatch):
    monkeypatch.setattr(card, "__file__", str(tmp_path / "omni_ref" / "training" / "card.py"))
    assert card.commit() == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("as it was")
    for command in (["init"], ["add", "file"], ["commit", "--message", "first"]):
        subprocess.run([*git, *command], check=True)
    whole = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True)
    clean = card.commit()
    assert len(clean) >= 7 and whole.startswith(clean)
    (tmp_path / "file").write_text("changed")
    assert card.commit() == f"{clean}-dirty"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert card.commit() == "unknown"


class FliteByEspeak(Espeak):
    """The voices of Flite, spoken within the process: a program to start for each of its words would take minutes."""

    VOICES = Flite.VOICES

    def __init__(self, voice: str):
        super().__init__(dict(slt="f3", rms="m1", awb="m2", kal16="m4")[voice])


@pytest.fixture
def lines(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(cases, "Flite", FliteByEspeak)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert main(["evaluate", "--cases", "1", "--device", "cpu", "-o", str(page)]) == 0
    text = page.read_text(encoding="utf8")
    assert text.startswith("# Card\n\nBefore.\n") and text.endswith("After.\n")
    return text.split("<!-- evaluate -->\n")[1].split("<!-- /evaluate -->")[0].splitlines()


def test_the_shipped_model_is_measured_row_by_row(lines):
    assert lines[0].startswith("Measured 20") and " at commit " in lines[0]
    rows = [line.strip("| ").split(" | ") for line in lines[4:]]
    heard = [row for row in rows if row[0].startswith("heard: ")]
    assert len(heard) == 8 and all(row[2] == "1" and "%" in row[1] for row in heard)
    assert len(rows) == 2 * 8 + 3 + 1 + 5 + 3 + 2 + 1
    shown = dict(row[:2] for row in rows)
    (first,) = [result for name, result in shown.items() if name.startswith("median time to first sound")]
    milliseconds, factor = first.split(" ms; ")
    assert float(milliseconds) > 0 and float(factor) > 0
