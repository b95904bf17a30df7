"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def require_writable(path: str | os.PathLike) -> None:
    """OSError if no file of that name can be written: ask before a long computation, not after it."""
    with written_whole(path, keep=False):
        pass


@contextmanager
def written_whole(path: str | os.PathLike, keep: bool = True) -> Iterator[Path]:
    """Give a name beside `path` to write to; move it to `path` if all went well, remove it if not.

    Raises OSError at once if `path` is a folder, or lies in one that is missing or cannot be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, expected the name of a file to write")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # a name of its own: two may write at a time
    try:
        partial.touch()
    except OSError as error:
        raise type(error)(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield partial
        if keep:
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
