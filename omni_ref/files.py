"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a name beside `path` to write to; move it to `path` if all went well, remove it if not.

    Raises OSError, before anything is computed into it, if the folder is missing or cannot be written to.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, expected the name of a file to write")
    try:
        partial.touch()
    except OSError as error:
        raise type(error)(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
