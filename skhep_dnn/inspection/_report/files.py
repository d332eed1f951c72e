"""How do two files come into a folder: both whole, or neither."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["report_paths", "write_together"]


def report_paths(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Return where the page and the numbers beside it go.

    Parameters
    ----------
    path : str or path
        Of the page; its name ends in ".html" or ".htm".

    Returns
    -------
    page, numbers : Path

    Raises
    ------
    ValueError
        If the name has another ending.
    FileNotFoundError
        If the folder is not there.
    """
    page = Path(path)
    if page.suffix.lower() not in {".html", ".htm"}:
        msg = (
            f"`path` must end in '.html', got {str(path)!r}. The numbers go into a "
            "file of the same name that ends in '.json'."
        )
        raise ValueError(msg)
    if not page.parent.is_dir():
        msg = (
            f"`path` must be in a folder that is there, got {str(path)!r}. Make the "
            f"folder {str(page.parent)!r}, or choose another one."
        )
        raise FileNotFoundError(msg)
    return page, page.with_suffix(".json")


def write_together(texts: Mapping[Path, str]) -> None:
    """Write files whole: none is touched before all of them are on the disk.

    Parameters
    ----------
    texts : Mapping of Path to str
        What each file will hold.

    Raises
    ------
    OSError
        If one cannot be written, of the class that the system says; nothing is left.
    """
    parts = {p.with_name(f".{p.name}.{os.getpid()}.part"): p for p in texts}
    try:
        for part, path in parts.items():
            with part.open("w", encoding="utf-8", newline="\n") as file:
                file.write(texts[path])
                file.flush()
                os.fsync(file.fileno())
        for part, path in parts.items():
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
