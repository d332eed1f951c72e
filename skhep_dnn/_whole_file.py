"""Records that outlive a kill: their folder, and files that are whole or as before."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["make_directory", "write_whole"]


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


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole: who reads it finds the old content or the new one.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    content : str or bytes
        What it will hold.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # of one that failed
