"""Tables of text, by pandas, with every line counted.

pandas fills a line that is cut off with undefined values, and lets the type of a column
depend on the lines that it sees. So fields are counted before pandas gets them, and a
file is read once to learn the types and once more for the values.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.fixes import parse_version

from skhep_dnn._messages import shown
from skhep_dnn.datasets._files.columns import (
    TEXT,
    AskedColumn,
    FileColumn,
    dtype_with_missing,
)
from skhep_dnn.datasets._files.faults import clear_faults
from skhep_dnn.datasets._files.source import EventSource
from skhep_dnn.exceptions import DataFileError

__all__ = ["CsvEvents"]

_BLOCK = 1 << 20  # bytes that are read at once
_PANDAS = parse_version("3.1.0.dev0")
_LINES = 20_000  # of which the types are learnt at once
# Later versions read every number as the nearest float, whatever is asked for.
_EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if parse_version(pd.__version__) < _PANDAS else {}
)
_COMMA, _QUOTE, _NEWLINE, _RETURN = b',"\n\r'


class CsvEvents:
    """The events of a .csv or .csv.gz file, with a line of names above them.

    Parameters
    ----------
    source : EventSource
        The file.
    """

    def __init__(self, source: EventSource) -> None:
        self.source = source
        with clear_faults(source), _opened(source.path) as file:
            self._names = self._head(file)
        self.columns = {name: FileColumn() for name in self._names}
        self.n_events = -1  # until the lines are read

    def dtypes(self, asked: Sequence[AskedColumn]) -> dict[str, Any]:
        """Read the whole file and return the dtypes of columns."""
        names = [one.base for one in asked]
        self._seen = {name: _Seen() for name in names}
        n_events = 0
        for frame in self._frames(names, {"dtype_backend": "numpy_nullable"}, _LINES):
            n_events += len(frame)
            for name in names:
                self._seen[name] = self._seen[name].joined(_look(frame[name]))
        self.n_events = n_events
        return {name: one.dtype for name, one in self._seen.items()}

    def chunks(
        self, asked: Sequence[AskedColumn], dtypes: dict[str, Any], size: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the columns of so many events after the other."""
        names = [one.base for one in asked]
        types = {name: self._seen[name].type_of_text for name in names}
        for frame in self._frames(names, {"dtype": types}, size):
            yield {name: _values(frame[name], dtypes[name]) for name in names}

    def _frames(
        self, names: list[str], types: dict[str, Any], size: int
    ) -> Iterator[pd.DataFrame]:
        """Yield so many lines after the other, as pandas reads them."""
        with clear_faults(self.source), _opened(self.source.path) as file:
            lines = io.BufferedReader(_CountedLines(file, len(self._names)), _BLOCK)
            reader = pd.read_csv(
                lines,
                usecols=names,
                chunksize=size,
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
                # of a single column, an empty line is a missing value
                skip_blank_lines=len(self._names) > 1,
                **types,
                **_EXACT,
            )
            with reader:
                yield from reader

    def _head(self, file: Any) -> list[str]:
        line = file.readline(_BLOCK).decode("utf-8-sig")
        (names,) = list(csv.reader([line.rstrip("\r\n")])) or [[]]
        problem = ""
        if len(names) == 1 and any(mark in line for mark in ";\t"):
            problem = f"one name, {names[0][:60]!r}, with another separator than commas"
        elif len(set(names)) < len(names):
            problem = f"names that are there twice among {shown(names[:20])}"
        elif not any(names) or all(map(_is_number, names)):
            problem = f"no names, {shown(names[:5])}"
        elif "\0" in line:
            problem = "zeros, which no text has"
        if problem:
            msg = (
                f"The first line of {self.source} must have the names of the columns, "
                f"with commas between them, got {problem}. Write it with a line of "
                "names, as `to_csv(index=False)` does."
            )
            raise DataFileError(msg)
        return names


class _Seen(NamedTuple):
    """What has been seen of a column: its kind, and whether values were missing."""

    kind: str = ""
    has_missing: bool = False

    def joined(self, other: _Seen) -> _Seen:
        kinds = {self.kind, other.kind} - {""}
        has_missing = self.has_missing or other.has_missing
        if len(kinds) < 2:
            return _Seen(max(kinds, default=""), has_missing)
        if kinds <= {"i", "u", "f"}:
            return _Seen("f" if "f" in kinds else "u", has_missing)
        return _Seen("O", has_missing)

    @property
    def dtype(self) -> Any:
        """The dtype of the column."""
        if self.kind == "O":
            return TEXT
        known = {"b": np.bool_, "i": np.int64, "u": np.uint64}
        dtype = np.dtype(known.get(self.kind, np.float64))
        return dtype_with_missing(dtype) if self.has_missing else dtype

    @property
    def type_of_text(self) -> Any:
        """What pandas is told that it reads: of bools with gaps it makes no floats."""
        return "boolean" if self.kind == "b" and self.has_missing else self.dtype


def _look(column: pd.Series[Any]) -> _Seen:
    missing = column.isna()
    if missing.all():
        return _Seen("", has_missing=len(column) > 0)
    kind = getattr(column.dtype, "kind", "O")
    return _Seen(kind if kind in "biuf" else "O", bool(missing.any()))


def _values(column: pd.Series[Any], dtype: Any) -> Any:
    if column.dtype == "boolean" and dtype == np.float64:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.array if column.dtype == dtype else column.astype(dtype).array


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _opened(path: Path) -> Any:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


class _CountedLines(io.RawIOBase):
    """Bytes of a table of text, in which each line must have as many fields.

    Commas and ends of lines count outside of quotes. A quote in a field is there twice,
    which changes nothing: after an even number of quotes one is outside.

    Parameters
    ----------
    file : binary file
        At its begin.
    n_fields : int
        How many fields each line must have; empty lines are left to the reader.
    """

    def __init__(self, file: Any, n_fields: int) -> None:
        super().__init__()
        self._file = file
        self._n_commas = n_fields - 1
        self._line = 1  # in which the next block begins, counted from 1
        self._commas = 0  # of this line in the blocks before
        self._length = 0  # bytes of this line in the blocks before, without returns
        self._in_quotes = False
        self._ends_line = False

    def readable(self) -> bool:
        """Whether one can read from it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes, and look at them."""
        block = self._file.read(len(buffer))
        if block:
            self._count(np.frombuffer(block, dtype=np.uint8))
        else:
            self._end()
        buffer[: len(block)] = block
        return len(block)

    def _count(self, block: NDArray[np.uint8]) -> None:
        if (block == 0).any():
            msg = "zeros, which no text has"
            raise ValueError(msg)
        self._ends_line = bool(block[-1] == _NEWLINE)
        outside = self._outside(block)
        commas = np.flatnonzero((block == _COMMA) & outside)
        ends = np.flatnonzero((block == _NEWLINE) & outside)
        before = np.searchsorted(commas, ends)  # how many commas, at each end
        in_line = np.diff(before, prepend=-self._commas)
        starts = np.concatenate([[0], ends + 1])
        for k in np.flatnonzero(in_line != self._n_commas).tolist():
            is_blank = self._length == 0 or k > 0
            if not is_blank or (block[starts[k] : ends[k]] != _RETURN).any():
                self._refuse(self._line + k, int(in_line[k]) + 1)
        if len(ends):
            self._line += len(ends)
            self._commas, self._length = -int(before[-1]), 0
        self._commas += len(commas)
        self._length += int((block[starts[-1] :] != _RETURN).sum())

    def _outside(self, block: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which bytes are outside of quotes."""
        quotes = block == _QUOTE
        if not quotes.any():
            return np.full(len(block), not self._in_quotes)
        odd = (np.cumsum(quotes) + self._in_quotes) % 2 == 1
        self._in_quotes = bool(odd[-1])
        return ~odd

    def _end(self) -> None:
        if self._in_quotes:
            msg = f"quotes that are not closed after line {self._line}"
            raise ValueError(msg)
        if self._length and self._commas != self._n_commas:
            self._refuse(self._line, self._commas + 1)
        if not self._ends_line:
            msg = (
                f"line {self._line} without an end, so that it may be cut off; if it "
                "is whole, end it with a newline"
            )
            raise ValueError(msg)

    def _refuse(self, line: int, n_fields: int) -> None:
        n_names = self._n_commas + 1
        msg = f"{n_fields} fields in line {line}, and {n_names} names of columns"
        raise ValueError(msg)
