"""A file appears whole or not at all, whatever stops the writing."""

from contextlib import contextmanager

import pytest

from omni_ref.files import require_writable, written_whole


@contextmanager
def full_disk(room: int):
    """No file may grow beyond `room` bytes, as on a disk that is full: the operating system refuses what is past it."""
    resource = pytest.importorskip("resource", reason="Windows cannot limit the size of a file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "answer.txt"
    path.write_text("old")
    return path


def only_the_old_file_is_there(path) -> bool:
    return [each.name for each in path.parent.iterdir()] == [path.name] and path.read_text(encoding="utf8") == "old"


@pytest.mark.parametrize("before", [None, "old, and longer than the new one"])
def test_the_new_content_takes_its_place_and_nothing_else_is_left(tmp_path, before):
    path = tmp_path / "answer.txt"
    if before is not None:
        path.write_text(before)
    with written_whole(path) as partial:
        partial.write_text("new")
    assert path.read_text(encoding="utf8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_may_be_a_string(tmp_path):
    with written_whole(str(tmp_path / "answer.txt")) as partial:
        partial.write_text("new")
    assert (tmp_path / "answer.txt").read_text(encoding="utf8") == "new"


def test_until_the_end_the_old_file_is_what_a_reader_finds(old_file):
    with written_whole(old_file) as partial:
        partial.write_text("half of it")
        assert old_file.read_text(encoding="utf8") == "old"
        assert partial.parent == old_file.parent, "only within one folder is a move atomic"
    assert old_file.read_text(encoding="utf8") == "half of it"


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_old_file_survives_whatever_stops_the_writing(old_file, stop):
    with pytest.raises(stop), written_whole(old_file) as partial:
        partial.write_text("half of it")
        raise stop
    assert only_the_old_file_is_there(old_file)


def test_the_old_file_survives_a_full_disk(old_file):
    with pytest.raises(OSError), full_disk(1000), written_whole(old_file) as partial:
        partial.write_bytes(bytes(2000))
    assert only_the_old_file_is_there(old_file)


def test_what_a_killed_run_left_behind_is_no_obstacle(old_file):
    with written_whole(old_file) as partial:
        name = partial
    name.write_text("left behind by a run that was killed")
    with written_whole(old_file) as partial:
        partial.write_text("new")
    assert old_file.read_text(encoding="utf8") == "new"
    assert list(old_file.parent.iterdir()) == [old_file]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("folder", IsADirectoryError),
        ("missing/answer.txt", FileNotFoundError),
        ("answer.txt/inside.txt", NotADirectoryError),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_made(old_file, target, error):
    (old_file.parent / "folder").mkdir()
    with pytest.raises(error, match=target), written_whole(old_file.parent / target):
        pytest.fail("the writing was begun")
    assert sorted(each.name for each in old_file.parent.iterdir()) == ["answer.txt", "folder"]
    assert old_file.read_text(encoding="utf8") == "old"


def test_asking_whether_a_file_can_be_written_changes_nothing(old_file):
    new_file = old_file.parent / "new.txt"
    require_writable(old_file)
    require_writable(new_file)
    assert only_the_old_file_is_there(old_file)
    with pytest.raises(FileNotFoundError, match="missing"):
        require_writable(old_file.parent / "missing" / "new.txt")
    for nameless in ("", ".", "/"):
        with pytest.raises(IsADirectoryError, match="is a folder"):
            require_writable(nameless)
