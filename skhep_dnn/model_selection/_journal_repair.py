"""A journal whose last line was not written to its end is made whole.

Optuna's journal has one record of JSON on each line. A process that is killed while it
writes, a loss of power or a full disk leave half a line at the end. Readers pass over
it, but the next record would be written behind it, on the same line, and then nobody
could read the study any more. So whoever holds the lock of the journal repairs its end
before anything is written. Only the record that was being written is lost.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import BinaryIO

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import DataFileError, JournalRepairWarning

__all__ = ["first_broken_line", "repair_end"]

# Nothing is cut from a file that does not begin as a journal does: it is another file.
_BEGIN = b'{"op_code":'
_BLOCK = 4096


def repair_end(path: Path) -> None:
    """Cut what is no record from the end of a journal; the lock must be held.

    A last record that is complete and lacks only the end of its line gets it.

    Parameters
    ----------
    path : Path
        File of the journal.

    Raises
    ------
    DataFileError
        If the file is no journal; it is then left as it is.

    Warns
    -----
    JournalRepairWarning
        If a line was cut.
    """
    with path.open("r+b") as file:
        if not file.seek(0, os.SEEK_END):
            return
        _check_begin(file, path)
        start, line = _last_line(file)
        if not _is_record(line):
            file.truncate(start)
            _warn(path, line)
        elif not line.endswith(b"\n"):
            file.write(b"\n")
        else:
            return
        file.flush()
        os.fsync(file.fileno())


def first_broken_line(path: Path) -> int | None:
    """Number, from 1, of the first line of a journal that is no record, if any."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not _is_record(line):
                return number
    return None


def _check_begin(file: BinaryIO, path: Path) -> None:
    file.seek(0)
    begin = file.read(len(_BEGIN))
    if not _BEGIN.startswith(begin):
        msg = (
            f"The file of a `storage` must be a journal of Optuna, got {str(path)!r}, "
            f"which begins with {begin!r}. Pass another path, or the URL of a "
            "database, such as 'sqlite:///study.db'."
        )
        raise DataFileError(msg)


def _last_line(file: BinaryIO) -> tuple[int, bytes]:
    """Position and content of the last line of a file, whether it is whole or not."""
    size = file.seek(0, os.SEEK_END)
    length = _BLOCK
    while True:
        start = file.seek(max(size - length, 0))
        block = file.read()
        end_before = block.rfind(b"\n", 0, -1)
        if end_before >= 0 or start == 0:
            return start + end_before + 1, block[end_before + 1 :]
        length *= 4


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8")), dict)
    except ValueError:
        return False


def _warn(path: Path, line: bytes) -> None:
    begin = line[:60] + (b"..." if len(line) > 60 else b"")
    message = (
        f"The last line of the journal must be a whole record, got {begin!r} in "
        f"{str(path)!r}. These {len(line)} bytes were cut; look whether the disk is "
        "full or a process was killed. No other record is lost."
    )
    warn_caller(message, JournalRepairWarning)
