"""A file that is there whole, or as it was before: of a record that outlives a kill."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write a file whole: who reads it finds the old text or the new one.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    text : str
        What it will hold.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
