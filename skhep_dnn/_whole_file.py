"""Records that outlive a kill: their folder, and files that are whole or as before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["make_directory", "whole_file", "write_whole"]


def make_directory(path: Path, parameter: str) -> None:
    """Make a directory that a parameter names, unless it is there.

    Parameters
    ----------
    path : Path
        The directory.
    parameter : str
        Name of the parameter.

    Raises
    ------
    OSError
        If it cannot be made, of the class that the system says.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"`{parameter}` must be a directory that exists or can be made, got "
            f"{str(path)!r}: {error}. Pass another one, to which you may write."
        )
        raise type(error)(msg) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Have a file written beside another, and put into its place when it is whole.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there. Until the end of the block it is as it was
        before, and so it stays if the block raises.

    Yields
    ------
    part : Path
        The file to write, and to close. It is deleted if the block raises. Who is
        killed leaves it, with a name that ends in ".part".
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as written:  # its bytes before its name, on any system
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole: who reads it finds the old text or the new one.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    text : str
        What it will hold.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
