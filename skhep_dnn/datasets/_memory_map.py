"""Tables larger than the memory: a float32 file that is mapped, not read.

Chunks of events, as they come from files, are written one after the other into one
array; the system reads the pages of it that are needed, and forgets them when the
memory is short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._column_checks import is_lost_in_float32
from skhep_dnn._warnings import warn_caller
from skhep_dnn._whole_file import write_whole
from skhep_dnn.exceptions import DataFileError, LostPrecisionWarning

__all__ = ["MappedEvents", "memory_mapped", "open_memory_mapped"]


class MappedEvents(NamedTuple):
    """Events of which the features lie in a file, and the rest in memory.

    Parameters
    ----------
    data : DataFrame of shape (n_samples, n_features)
        Features in float32, on a memory map that is read-only; pages of it are read
        when they are needed.
    rest : DataFrame of shape (n_samples, n_others)
        The other columns, labels and weights say, in memory.

    See Also
    --------
    memory_mapped : Makes these; has an example.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.datasets import MappedEvents
    >>> events = MappedEvents(pd.DataFrame({"pt": [50.0]}), pd.DataFrame({"w": [0.1]}))
    >>> events.rest["w"].tolist()
    [0.1]
    """

    data: pd.DataFrame
    rest: pd.DataFrame


def memory_mapped(
    frames: Iterable[pd.DataFrame],
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    overwrite: bool = False,
) -> MappedEvents:
    """Write chunks of events into one float32 file, and map it.

    `WeightedDNNClassifier` trains on the result and predicts it without a copy of the
    features. One chunk is in memory at a time, and the columns that are no features.

    Parameters
    ----------
    frames : iterable of DataFrame
        Chunks of events, with the same columns in each.
    path : str or Path
        The file, of NumPy's format, ".npy"; the names of its columns are written beside
        it, to the same name with ".columns.json" at its end. It is whole or not there.
    columns : sequence of str, default=None
        Names of the features, in the order of the file; None takes all columns of the
        first chunk.
    overwrite : bool, default=False
        Whether a file that is there may be replaced.

    Returns
    -------
    events : MappedEvents

    Raises
    ------
    DataFileError
        If a chunk lacks columns or has others, a feature is no column of numbers or
        too large for float32, or there are no events.
    FileExistsError
        If the file is there and is not to be replaced.

    Warns
    -----
    LostPrecisionWarning
        If float32 does not keep the values of a column of the first chunk apart.

    See Also
    --------
    open_memory_mapped : The features of a file that is there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from skhep_dnn.datasets import memory_mapped
    >>> chunks = [
    ...     pd.DataFrame({"pt": [50.0, 30.0], "mass": [91.0, 125.0], "w": [0.1, 0.2]}),
    ...     pd.DataFrame({"pt": [20.0], "mass": [80.0], "w": [0.3]}),
    ... ]
    >>> with TemporaryDirectory() as folder:
    ...     events = memory_mapped(
    ...         chunks, Path(folder, "events.npy"), columns=["pt", "mass"]
    ...     )
    ...     print(events.data.shape, events.rest["w"].tolist())
    (3, 2) [0.1, 0.2, 0.3]
    """
    path = Path(path)
    if path.exists() and not overwrite:
        msg = (
            f"`path` must be a new file, got {str(path)!r}, which is there. Pass "
            "another one, `overwrite=True`, or open it with `open_memory_mapped`."
        )
        raise FileExistsError(msg)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            names, rest = _write(file, frames, columns)
        write_whole(_names_of(path), json.dumps({"columns": names}))
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return MappedEvents(open_memory_mapped(path), rest)


def open_memory_mapped(path: str | Path) -> pd.DataFrame:
    """Return the features of a file that `memory_mapped` has written, as a map of it.

    Parameters
    ----------
    path : str or Path
        The file; the names of its columns stand beside it.

    Returns
    -------
    data : DataFrame of shape (n_samples, n_features)
        In float32, read-only.

    Raises
    ------
    DataFileError
        If the file is no float32 table, is not whole, or has other columns than the
        names beside it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from skhep_dnn.datasets import memory_mapped, open_memory_mapped
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.npy")
    ...     _ = memory_mapped([pd.DataFrame({"pt": [50.0, 30.0]})], path)
    ...     print(open_memory_mapped(path)["pt"].tolist())
    [50.0, 30.0]
    """
    path = Path(path)
    try:
        names = json.loads(_names_of(path).read_text(encoding="utf-8"))["columns"]
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, KeyError, TypeError, EOFError) as error:
        msg = (
            f"`path` must be a file that `memory_mapped` has written, got {str(path)!r}"
            f": {error}. Write it again."
        )
        raise DataFileError(msg) from error
    if table.dtype != np.float32 or table.shape[1:] != (len(names),):
        msg = (
            f"`path` must hold the {len(names)} columns that are named beside it, in "
            f"float32, got {str(path)!r} with {table.dtype} of shape {table.shape}. "
            "Write it again."
        )
        raise DataFileError(msg)
    return pd.DataFrame(table, columns=names, copy=False)


def _names_of(path: Path) -> Path:
    return path.with_name(path.name + ".columns.json")


def _write(
    file: BinaryIO, frames: Iterable[pd.DataFrame], columns: Sequence[str] | None
) -> tuple[list[str], pd.DataFrame]:
    """Write the features of all chunks; return their names, and what is no feature."""
    names: list[str] = [] if columns is None else list(columns)
    others: list[pd.DataFrame] = []
    n_events = 0
    for number, frame in enumerate(frames):
        if number == 0 and columns is None:
            names = [str(name) for name in frame.columns]
        if number == 0:
            _write_header(file, 0, len(names))
        _check_chunk(frame, names, others, number)
        others.append(frame.drop(columns=names))
        file.write(_table(frame, names, number).tobytes())
        if number == 0:
            _tell_of_lost(frame, names)
        n_events += len(frame)
    if n_events == 0:
        msg = "`frames` must hold events, got none. Check what they are made of."
        raise DataFileError(msg)
    file.seek(0)
    _write_header(file, n_events, len(names))  # as long as the one before
    return names, pd.concat(others, ignore_index=True)


def _write_header(file: BinaryIO, n_events: int, n_columns: int) -> None:
    about = {"descr": "<f4", "fortran_order": False, "shape": (n_events, n_columns)}
    np.lib.format.write_array_header_1_0(file, about)


def _check_chunk(
    frame: pd.DataFrame, names: list[str], others: list[pd.DataFrame], number: int
) -> None:
    got = [str(name) for name in frame.columns]
    known = set(names) | (set(others[0].columns) if others else set(got))
    if len(set(got)) < len(got) or not set(names) <= set(got) or set(got) != known:
        msg = (
            f"`frames` must all have the columns {sorted(known)[:40]!r}, got "
            f"{got[:40]!r} in chunk {number}. Make them alike."
        )
        raise DataFileError(msg)


def _table(frame: pd.DataFrame, names: list[str], number: int) -> NDArray[np.float32]:
    table = np.empty((len(frame), len(names)), dtype="<f4")
    for k, name in enumerate(names):
        values: Any = frame[name]
        if values.dtype.kind not in "biuf":
            msg = (
                f"`frames` must hold numbers in {name!r}, got {values.dtype} in chunk "
                f"{number}. Make codes of categories, or leave the column out of "
                "`columns`."
            )
            raise DataFileError(msg)
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(over="ignore"):
            table[:, k] = values
        if (np.isinf(table[:, k]) & np.isfinite(values)).any():
            largest = np.abs(values[np.isfinite(values)]).max()
            msg = (
                f"`frames` must hold what float32 can, got {largest:.6g} in {name!r} "
                f"of chunk {number}. Use another unit."
            )
            raise DataFileError(msg)
    return table


def _tell_of_lost(frame: pd.DataFrame, names: list[str]) -> None:
    for name in names:
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        if is_lost_in_float32(values):
            msg = (
                f"Column {name!r} must have values that float32 keeps apart, got ones "
                "that lie too close. Subtract a constant, or leave the column out of "
                "`columns`: numbers of events are no features."
            )
            warn_caller(msg, LostPrecisionWarning)
