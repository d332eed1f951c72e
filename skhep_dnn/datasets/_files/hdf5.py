"""HDF5 files, by h5py: a table of records, or a group with a dataset for each column.

What `DataFrame.to_hdf` writes is read by pandas, which needs PyTables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from skhep_dnn._messages import shown
from skhep_dnn._optional import import_optional
from skhep_dnn.datasets._files.columns import (
    TEXT,
    AskedColumn,
    FileColumn,
    native,
    texts,
)
from skhep_dnn.datasets._files.faults import clear_faults
from skhep_dnn.datasets._files.source import EventSource
from skhep_dnn.exceptions import DataFileError

__all__ = ["Hdf5Events"]


class Hdf5Events:
    """The events of a table in an HDF5 file.

    Parameters
    ----------
    source : EventSource
        The file, and the name of the dataset or group.
    """

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self._h5py = import_optional("h5py", "read HDF5 files", "root")
        with clear_faults(source), self._open() as file:
            self._name = self._find(file)
            table = file[self._name]
            self._is_of_pandas = "pandas_type" in table.attrs
            if self._is_of_pandas:
                self.columns, self.n_events = self._look_by_pandas()
            else:
                self.columns, self.n_events = self._look(table)

    def dtypes(self, asked: Sequence[AskedColumn]) -> dict[str, Any]:
        """Return the dtypes of columns."""
        return {one.name: self.columns[one.base].dtype for one in asked}

    def chunks(
        self, asked: Sequence[AskedColumn], dtypes: dict[str, Any], size: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the columns of so many events after the other."""
        del dtypes  # they are those of the file
        with clear_faults(self.source):
            if self._is_of_pandas:
                yield from self._chunks_by_pandas(asked, size)
                return
            bases = list(dict.fromkeys(one.base for one in asked))
            with self._open() as file:
                table = file[self._name]
                for first in range(0, self.n_events, size):
                    rows = slice(first, min(first + size, self.n_events))
                    values = _read(table, bases, rows)
                    yield {
                        one.name: self._values(values[one.base], one) for one in asked
                    }

    def _open(self) -> Any:
        return self._h5py.File(self.source.path, "r")

    def _find(self, file: Any) -> str:
        """Return the name of the table: the one that is named, or the only one."""
        tables = self._tables(file)
        name = self.source.tree
        if name is not None:
            name = "/" + name.strip("/")
            if name not in file or not self._is_table(file[name]):
                msg = (
                    f"The file {self.source} must have this table, got the tables "
                    f"{shown(tables)}. Name one of them."
                )
                raise DataFileError(msg)
            return name
        if len(tables) != 1:
            msg = (
                f"The file {self.source} must have one table where `tree` names none, "
                f"got {shown(tables)}. Name one: `tree`, or 'file.h5:name'."
            )
            raise DataFileError(msg)
        return tables[0]

    def _tables(self, file: Any) -> list[str]:
        found = ["/"] if self._is_table(file) else []
        of_pandas: list[str] = []

        def visit(name: str, item: Any) -> None:
            if self._is_table(item) and not name.startswith(tuple(of_pandas)):
                found.append(f"/{name}")
                if "pandas_type" in item.attrs:  # what is inside belongs to it
                    of_pandas.append(f"{name}/")

        file.visititems(visit)
        return found

    def _is_table(self, item: Any) -> bool:
        if isinstance(item, self._h5py.Dataset):
            return item.dtype.names is not None and item.ndim == 1
        if "pandas_type" in item.attrs:
            return True
        members = [item.get(key) for key in item]
        return any(
            isinstance(member, self._h5py.Dataset)
            and member.ndim >= 1
            and member.dtype.names is None
            for member in members
        )

    def _look(self, table: Any) -> tuple[dict[str, FileColumn], int]:
        if isinstance(table, self._h5py.Dataset):
            fields = {name: table.dtype.fields[name][0] for name in table.dtype.names}
            columns = {name: self._column(kind, ()) for name, kind in fields.items()}
            return columns, len(table)
        datasets = {
            key: table[key]
            for key in table
            if isinstance(table.get(key), self._h5py.Dataset)
        }
        lengths = {
            key: item.shape[0] if item.ndim else 1 for key, item in datasets.items()
        }
        if len(set(lengths.values())) > 1:
            msg = (
                f"The datasets of {self.source} must all have one value for each "
                f"event, got the lengths {shown(lengths)}. Put those of the events "
                "into a group of their own, and name it by `tree`."
            )
            raise DataFileError(msg)
        columns = {
            key: self._column(item.dtype, item.shape[1:])
            for key, item in datasets.items()
        }
        return columns, next(iter(lengths.values()))

    def _column(self, dtype: Any, shape: tuple[int, ...]) -> FileColumn:
        if dtype.subdtype is not None:
            dtype, shape = dtype.subdtype[0], (*shape, *dtype.subdtype[1])
        if self._h5py.check_vlen_dtype(dtype) not in {None, str, bytes}:
            return FileColumn(
                refused="lists of many lengths, which h5py has as objects"
            )
        if self._h5py.check_string_dtype(dtype) is not None:
            kind: Any = TEXT
        elif dtype.kind in "biuf":
            kind = native(np.dtype(dtype.str))
        else:
            return FileColumn(refused=f"the type {dtype}")
        if not shape:
            return FileColumn(kind)
        if len(shape) > 1:
            return FileColumn(refused=f"arrays of the shape {shape}")
        return FileColumn(kind, is_list=True, length=shape[0])

    def _values(self, values: Any, one: AskedColumn) -> Any:
        dtype = self.columns[one.base].dtype
        if one.entry is not None:
            values = values[:, one.entry]
        if dtype == TEXT:
            decoded = [v.decode() if isinstance(v, bytes) else v for v in values]
            return texts(decoded)
        return values.astype(dtype, copy=False)

    def _look_by_pandas(self) -> tuple[dict[str, FileColumn], int]:
        self._need_pytables()
        with self._store() as store:
            storer = store.get_storer(self._name)
            n_events = storer.nrows if storer.is_table else storer.shape[0]
            one = store.select(self._name, start=0, stop=1)
        columns = {str(name): FileColumn(one[name].dtype) for name in one.columns}
        return columns, int(n_events)

    def _chunks_by_pandas(
        self, asked: Sequence[AskedColumn], size: int
    ) -> Iterator[dict[str, Any]]:
        with self._store() as store:
            for first in range(0, self.n_events, size):
                frame = store.select(self._name, start=first, stop=first + size)
                yield {one.name: frame[one.base].array for one in asked}

    def _store(self) -> Any:
        return pd.HDFStore(self.source.path, mode="r")

    def _need_pytables(self) -> None:
        if find_spec("tables") is None:
            msg = (
                f"PyTables must be installed to read {self.source}, which pandas wrote "
                "with `to_hdf`, got none. Install it with `pip install tables`, or "
                "write the events with `to_parquet`."
            )
            raise ImportError(msg)


def _read(table: Any, bases: list[str], rows: slice) -> dict[str, Any]:
    if getattr(table, "dtype", None) is None:  # a group
        return {name: table[name][rows] for name in bases}
    records = table.fields(bases)[rows]
    return {name: records[name] for name in bases}
