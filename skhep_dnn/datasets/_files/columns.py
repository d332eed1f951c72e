"""The columns of a file: one value for each event, or a list of which one is meant.

`Jet_pt[0]` is the first entry of the list `Jet_pt` of each event. Where there is none
it is missing: nan, or `<NA>` in whole numbers of 64 bits, which a float cannot hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._messages import shown
from skhep_dnn.datasets._files.source import EventSource
from skhep_dnn.exceptions import DataFileError

__all__ = [
    "TEXT",
    "AskedColumn",
    "FileColumn",
    "all_columns",
    "dtype_with_missing",
    "entries",
    "find_columns",
    "native",
    "texts",
]

TEXT: Any = pd.Series(["text"]).dtype  # "str" of pandas 3, object before
_INDEXED = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True)
class FileColumn:
    """A column as it is in a file.

    Attributes
    ----------
    dtype : dtype or None
        Of its values, or of those in its lists; None where the file does not tell.
    is_list : bool
        Whether each event has several values.
    length : int or None
        How many, where all events have as many.
    refused : str
        What it is, where it cannot be a column of a table.
    """

    dtype: Any = None
    is_list: bool = False
    length: int | None = None
    refused: str = ""


class AskedColumn(NamedTuple):
    """A column of a table and where it comes from.

    Attributes
    ----------
    name : str
        Its name in the table, as it was asked for.
    base : str
        The column of the file.
    entry : int or None
        Which entry of its lists.
    """

    name: str
    base: str
    entry: int | None = None


def all_columns(columns: Mapping[str, FileColumn], source: EventSource) -> list[str]:
    """Return the names of all columns of a file, none of which may need a choice.

    Parameters
    ----------
    columns : mapping of str to FileColumn
        What the file has.
    source : EventSource
        The file, for messages.

    Returns
    -------
    names : list of str

    Raises
    ------
    DataFileError
        If some have lists or are nested.
    """
    lists = [name for name, column in columns.items() if column.is_list]
    refused = [name for name, column in columns.items() if column.refused]
    if lists or refused:
        example = f"{lists[0]}[0]" if lists else next(iter(columns))
        msg = (
            f"All columns of {source} must have one value for each event where none "
            f"are named, got lists in {shown(lists[:5])} and nested ones in "
            f"{shown(refused[:5])}. Name the columns that you want, with the index of "
            f'an entry for lists: columns=["{example}", ...].'
        )
        raise DataFileError(msg)
    return list(columns)


def find_columns(
    names: Iterable[str], columns: Mapping[str, FileColumn], source: EventSource
) -> list[AskedColumn]:
    """Return where the columns that are asked for come from.

    Parameters
    ----------
    names : iterable of str
        Names, those of lists with an index: ``"Jet_pt[0]"``.
    columns : mapping of str to FileColumn
        What the file has.
    source : EventSource
        The file, for messages.

    Returns
    -------
    asked : list of AskedColumn

    Raises
    ------
    DataFileError
        If there is no such column, or it has lists and no index, or is nested.
    """
    return [_find(name, columns, source) for name in names]


def _find(
    name: str, columns: Mapping[str, FileColumn], source: EventSource
) -> AskedColumn:
    base, index = name, None
    match = _INDEXED.fullmatch(name)
    if name not in columns and match is not None:
        base, index = match[1], int(match[2])
    column = columns.get(base)
    if column is None:
        near = difflib.get_close_matches(base, columns, n=3, cutoff=0.6)
        which = f"Did you mean {shown(near)}?" if near else "Correct the name."
        msg = (
            f"{source} must have the column {base!r}, got {len(columns)} others: "
            f"{shown(list(columns)[:20])}. {which}"
        )
        raise DataFileError(msg)
    problem = _problem(name, column, index)
    if problem:
        msg = f"The column {base!r} of {source} must have one value for each event, "
        raise DataFileError(msg + problem)
    return AskedColumn(name, base, index)


def _problem(name: str, column: FileColumn, index: int | None) -> str:
    if column.refused:
        return (
            f"got {column.refused}. Leave it out, or write a file with plain columns "
            "of what you need."
        )
    if column.is_list and index is None:
        return (
            "got lists. Ask for an entry by its index, such as "
            f"columns=[{name + '[0]'!r}, {name + '[1]'!r}]; it is missing where a list "
            "is shorter."
        )
    if index is not None and not column.is_list:
        return f"got it, and an index, {name!r}. Leave the index out."
    if column.length is not None and index is not None and index >= column.length:
        return f"got lists of {column.length}, and {name!r}. Take a lower index."
    return ""


def native(dtype: Any) -> Any:
    """Return a dtype of numpy in the byte order of the machine."""
    return dtype.newbyteorder("=") if isinstance(dtype, np.dtype) else dtype


def dtype_with_missing(dtype: Any) -> Any:
    """Return the dtype of a column of which some values may be missing.

    Parameters
    ----------
    dtype : dtype
        That of the others.

    Returns
    -------
    dtype : dtype
        A float stays what it is, smaller whole numbers and bools become float64, and
        whole numbers of 64 bits the nullable ones of pandas.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.datasets._files.columns import dtype_with_missing
    >>> [str(dtype_with_missing(np.dtype(name))) for name in ("f4", "i4", "?", "u8")]
    ['float32', 'float64', 'float64', 'UInt64']
    """
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
        return dtype
    if dtype.itemsize < 8:
        return np.dtype(np.float64)
    return pd.UInt64Dtype() if dtype.kind == "u" else pd.Int64Dtype()


def entries(values: Any, counts: NDArray[Any], index: int, dtype: Any) -> Any:
    """Return one entry of the list of each event, missing where it is shorter.

    Parameters
    ----------
    values : array-like of shape (n_values,)
        All lists, one after the other.
    counts : ndarray of shape (n_samples,)
        Their lengths.
    index : int
        Which entry.
    dtype : dtype
        Of the column, one that may have missing values.

    Returns
    -------
    column : array-like of shape (n_samples,)
    """
    counts = np.asarray(counts, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    positions = np.where(counts > index, starts + index, -1)
    # Only what is needed gets another dtype: the lists may be long.
    there = positions >= 0
    found = pd.array(values[positions[there]], dtype=dtype)
    order = np.where(there, np.cumsum(there) - 1, -1)
    column = pd.api.extensions.take(found, order, allow_fill=True)
    return np.asarray(column) if isinstance(dtype, np.dtype) else column


def texts(values: list[Any]) -> Any:
    """Return texts as pandas has them.

    Parameters
    ----------
    values : list of str or None
        Texts.

    Returns
    -------
    column : array-like of shape (n_samples,)
    """
    is_object = isinstance(TEXT, np.dtype)
    return np.array(values, dtype=TEXT) if is_object else pd.array(values, dtype=TEXT)
