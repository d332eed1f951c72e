"""Which files are meant: a path, several, a pattern, `path:tree`, each of a process."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import DataFileError

__all__ = ["FORMATS", "EventSource", "FileFormat", "event_sources"]

FileFormat = Literal["csv", "hdf5", "parquet", "root"]
FORMATS: tuple[FileFormat, ...] = ("csv", "hdf5", "parquet", "root")
_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".h5": "hdf5",
    ".hdf": "hdf5",
    ".hdf5": "hdf5",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".root": "root",
}
_HAVE_TREES = ("hdf5", "root")
_FIRST_BYTES = {b"root": "root", b"PAR1": "parquet", b"\x89HDF": "hdf5"}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class EventSource:
    """A file, or a tree in one, with events of one process.

    Attributes
    ----------
    path : Path
        The file.
    format : {"csv", "hdf5", "parquet", "root"}
        How it is read.
    tree : str or None
        Name of the tree, RNTuple, group or dataset; None takes the only one.
    process : str or None
        Name of the process; None where processes are not told apart.
    """

    path: Path
    format: FileFormat
    tree: str | None = None
    process: str | None = None

    def __str__(self) -> str:
        """Return how messages call it."""
        tree = "" if self.tree is None else f":{self.tree}"
        return repr(f"{self.path}{tree}")

    def check(self) -> None:
        """Refuse what is no file of the format, by its first bytes.

        Raises
        ------
        FileNotFoundError
            If there is nothing.
        DataFileError
            If it is a folder, is empty, cannot be read or is of another format.
        """
        if not self.path.exists():
            msg = (
                "A source of events must be a file that exists, got "
                f"{str(self.path)!r}. Correct the path."
            )
            raise FileNotFoundError(msg)
        if self.path.is_dir():
            msg = (
                "A source of events must be a file, got the folder "
                f"{str(self.path)!r}. "
                f'Name its files, or take a pattern such as "{self.path}/*.root".'
            )
            raise DataFileError(msg)
        found = _format_of_bytes(self._first_bytes())
        if found != self.format:
            remedy = "Fetch or write it again."
            if found in FORMATS:
                remedy = f"Pass format={found!r}, or give it the suffix of its format."
            msg = (
                f"The file {self} must be {self.format} as its suffix or `format` "
                f"says, got a file whose first bytes are those of {found}. {remedy}"
            )
            raise DataFileError(msg)

    def _first_bytes(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                first = file.read(512)
        except OSError as error:
            msg = (
                f"The file {self} must be one that can be read, got "
                f"{type(error).__name__}: {error}. See to its permissions or its disk."
            )
            raise DataFileError(msg) from error
        if not first:
            msg = (
                f"The file {self} must have events of the format {self.format}, got an "
                "empty file of 0 bytes. Fetch or write it again."
            )
            raise DataFileError(msg)
        return first


def event_sources(
    source: Any, *, tree: str | None = None, format: FileFormat | None = None
) -> list[EventSource]:
    """Return the files that a user names, in order.

    Parameters
    ----------
    source : str, path-like, iterable of them, or mapping of str to these
        Paths, patterns and `path:tree`, by process if it is a mapping.
    tree : str or None
        Name of the tree in files where the path does not name one.
    format : {"csv", "hdf5", "parquet", "root"} or None
        The format of all; None goes by the suffix of each.

    Returns
    -------
    sources : list of EventSource

    Raises
    ------
    TypeError
        If a source is not as described.
    ValueError
        If there is none, or the format of one is unknown.
    FileNotFoundError
        If no file matches a pattern.
    """
    if format is not None and format not in FORMATS:
        msg = (
            f"`format` must be one of {list(FORMATS)!r} or None, got {format!r}. "
            "Choose one, or leave it out to go by the suffix."
        )
        raise ValueError(msg)
    if not isinstance(source, Mapping):
        return _of_process(source, None, tree, format)
    found = []
    for process, files in source.items():
        if not isinstance(process, str):
            msg = (
                f"`source` must have names of processes as its keys, got {process!r}. "
                'Write them as str, such as {"ttbar": "ttbar.root"}.'
            )
            raise TypeError(msg)
        found.extend(_of_process(files, process, tree, format))
    if not found:
        msg = "`source` must name a process and its files, got {}. Name some."
        raise ValueError(msg)
    return found


def _of_process(
    source: Any, process: str | None, tree: str | None, format: FileFormat | None
) -> list[EventSource]:
    if isinstance(source, str | os.PathLike):
        return _of_path(source, process, tree, format)
    if not isinstance(source, Iterable) or isinstance(source, bytes | Mapping):
        msg = (
            "`source` must be a path, a list of paths or a mapping of processes to "
            f"these, got {shown(source)}. Pass the name of a file, say."
        )
        raise TypeError(msg)
    found = []
    for one in source:
        if not isinstance(one, str | os.PathLike):
            msg = (
                f"A list of sources must hold paths, got {shown(one)} in it. Pass the "
                "names of files; processes are the keys of a mapping."
            )
            raise TypeError(msg)
        found.extend(_of_path(one, process, tree, format))
    if not found:
        msg = "`source` must name a file at least, got an empty list. Name some."
        raise ValueError(msg)
    return found


def _of_path(
    source: str | os.PathLike[str],
    process: str | None,
    tree: str | None,
    format: FileFormat | None,
) -> list[EventSource]:
    text = os.path.expanduser(os.fspath(source))  # noqa: PTH111 - it may be a pattern
    text, own_tree = _without_tree(text)
    if "://" in text:
        msg = (
            f"A source of events must be a file of this machine, got {text!r}. Copy it "
            "here, or mount the folder."
        )
        raise ValueError(msg)
    if own_tree is not None and tree not in {None, own_tree}:
        msg = (
            f"A tree must be named once, got {own_tree!r} in {text!r} and "
            f"tree={tree!r}. Leave one out."
        )
        raise ValueError(msg)
    return [
        EventSource(
            Path(path),
            _format(path, format, own_tree or tree),
            own_tree or tree,
            process,
        )
        for path in _matching(text)
    ]


def _without_tree(text: str) -> tuple[str, str | None]:
    """Return a path and the tree that is named after its last colon."""
    path, colon, tree = text.rpartition(":")
    # `C:\events.root` is a path, and a file may have a colon in its name.
    if not colon or len(path) < 2 or "://" in text or Path(text).exists():
        return text, None
    is_file = any(path.endswith(suffix) for suffix in _SUFFIXES) or Path(path).is_file()
    return (path, tree or None) if is_file else (text, None)


def _matching(text: str) -> list[str]:
    if Path(text).exists() or not glob.has_magic(text):
        return [text]
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - of any folder
    if not found:
        msg = (
            f"A pattern must match files, got none for {text!r}. Correct the pattern "
            "or the folder."
        )
        raise FileNotFoundError(msg)
    return found


def _format(path: str, format: FileFormat | None, tree: str | None) -> FileFormat:
    found = format
    if found is None:
        name = Path(path).name.lower()
        known = [kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)]
        if not known:
            msg = (
                f"The suffix of a file must be one of {list(_SUFFIXES)!r}, got "
                f"{path!r}. Pass `format`, one of {list(FORMATS)!r}."
            )
            raise ValueError(msg)
        found = known[0]
    if tree is not None and found not in _HAVE_TREES:
        msg = (
            f"`tree` must be None for files of the format {found}, which have one "
            f"table, got {tree!r} for {path!r}. Leave it out."
        )
        raise ValueError(msg)
    return found


def _format_of_bytes(first: bytes) -> str:
    for magic, kind in _FIRST_BYTES.items():
        if first.startswith(magic):
            return kind
    if first.startswith(_GZIP):
        return "csv"  # what it holds is seen when it is read
    return "something else, with zeros" if b"\0" in first else "csv"
