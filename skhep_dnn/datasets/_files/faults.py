"""What libraries raise on files that are damaged becomes one clear error."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from skhep_dnn.datasets._files.source import EventSource
from skhep_dnn.exceptions import DataFileError, SkhepDNNError

__all__ = ["clear_faults"]

# Readers take what is written in a file for lengths, types and positions, so that a
# changed byte raises about anything.
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
    gzip.BadGzipFile,
    struct.error,
    zlib.error,
)
_LONGEST = 300  # characters of a message of a library


@contextmanager
def clear_faults(source: EventSource, *more: type[Exception]) -> Iterator[None]:
    """Turn what a library raises while it reads a file into an error of this package.

    Parameters
    ----------
    source : EventSource
        The file.
    *more : type
        Classes of errors of the library beside those of Python.

    Yields
    ------
    None

    Raises
    ------
    DataFileError
        In place of the error, with the file, the format and what the library said.
    """
    faults: tuple[type[Exception], ...] = (*_FAULTS, *more)
    try:
        yield
    except SkhepDNNError:
        raise
    except faults as error:
        said = " ".join(str(error).split())[:_LONGEST]
        remedy = (
            "It may be cut off or damaged: compare its size with the original, and "
            "fetch or write it again."
        )
        if isinstance(error, MemoryError):
            remedy = (
                "It may be damaged; if it is whole, name fewer columns or read it with "
                "`iter_events`."
            )
        msg = (
            f"The file {source} must be a whole file of the format {source.format}, "
            f"got {type(error).__name__} on reading it: {said}. {remedy}"
        )
        raise DataFileError(msg) from error
