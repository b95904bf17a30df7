"""Each row of docs/bad-input.md: what comes in is refused with the error and the words that the page shows."""

import re
from pathlib import Path

import pytest
import torch
from bad_input_cases import ACCEPTED, NOISE, OMNI, REFUSED
from bad_input_files import write_checkpoints, write_sounds, write_training_files

PAGE = Path(__file__).parent.parent / "docs" / "bad-input.md"


def rows_of_the_page() -> dict[str, dict[str, list[str]]]:
    """Section by section, the first cell of each row of its table, and the others."""
    sections = {}
    for section in PAGE.read_text(encoding="utf8").split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        table = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        sections[title] = {row[0]: row[1:] for row in table[2:]}
    return sections


ROWS = rows_of_the_page()


@pytest.fixture(scope="module")
def at(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad_input")
    (folder / "folder.wav").mkdir()
    write_sounds(folder, NOISE)
    write_checkpoints(folder, OMNI)
    write_training_files(folder)
    return folder


def content(folder: Path) -> dict[Path, tuple[int, int] | None]:
    """Every folder and file below a folder, a file with what would tell that it was written to."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {path: (stat.st_size, stat.st_mtime_ns) if path.is_file() else None for path, stat in found.items()}


def shown_causes(error: BaseException) -> list[BaseException]:
    """The errors that Python prints above this one."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [cause, *shown_causes(cause)] if cause else []


def test_the_page_and_the_list_name_the_same_cases_in_the_same_order():
    cases = {"What is accepted": ACCEPTED, **REFUSED}
    assert {title: list(rows) for title, rows in ROWS.items()} == {title: list(rows) for title, rows in cases.items()}
    assert list(ROWS) == list(cases)


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted(at, name):
    assert ACCEPTED[name](at)


@pytest.mark.parametrize(("section", "name"), [(section, name) for section in REFUSED for name in REFUSED[section]])
def test_it_is_refused_as_the_page_says_and_nothing_is_changed(at, section, name):
    error, message = ROWS[section][name]
    before, weights = content(at), {name: value.clone() for name, value in OMNI.state_dict().items()}
    with pytest.raises((ValueError, OSError)) as caught:
        REFUSED[section][name](at)
    assert content(at) == before
    assert all(torch.equal(value, weights[name]) for name, value in OMNI.state_dict().items())
    assert type(caught.value).__name__ == error
    pattern = ".*".join(map(re.escape, message.strip("`").split("…")))
    assert re.fullmatch(pattern, str(caught.value)), f"the page says\n{message}\nwhat came is\n{caught.value}"
    for cause in shown_causes(caught.value):
        from_a_library = type(cause).__module__ not in ("builtins", "torch")
        assert from_a_library or isinstance(cause, (ValueError, OSError)), f"{cause!r} shows from inside torch"


@pytest.mark.parametrize(
    ("part", "refused", "accepted"),
    [
        (OMNI.talker, torch.full((2,), 42), torch.ones(1, dtype=torch.long)),
        (OMNI.code2wav, torch.full((2, 1, 3), 19), torch.ones(1, 1, 3, dtype=torch.long)),
    ],
    ids=["Talker", "Code2Wav"],
)
def test_a_stream_whose_first_piece_was_refused_is_as_new(part, refused, accepted):
    tried, new = part.stream(), part.stream()
    with pytest.raises(ValueError, match="ids from"):
        tried.push(refused)
    for _ in range(5):
        ours, theirs = tried.push(accepted), new.push(accepted)
        assert ours is theirs is None or torch.equal(ours, theirs)
    assert theirs is not None
