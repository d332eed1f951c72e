"""Parquet files, by pyarrow: the columns asked for are read, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skhep_dnn._optional import import_optional
from skhep_dnn.datasets._files.columns import (
    TEXT,
    AskedColumn,
    FileColumn,
    dtype_with_missing,
    entries,
)
from skhep_dnn.datasets._files.faults import clear_faults
from skhep_dnn.datasets._files.source import EventSource

__all__ = ["ParquetEvents"]

_OF_PANDAS = "__index_level_"  # what `to_parquet` calls an index, which is no column


class ParquetEvents:
    """The events of a Parquet file.

    Parameters
    ----------
    source : EventSource
        The file.
    """

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self._pa = import_optional("pyarrow", "read Parquet files", "root")
        self._pq = import_optional("pyarrow.parquet", "read Parquet files", "root")
        with self._faults(), self._open() as file:
            self._types = {
                field.name: field.type
                for field in file.schema_arrow
                if not field.name.startswith(_OF_PANDAS)
            }
            self.n_events = int(file.metadata.num_rows)
        self.columns = {name: self._column(kind) for name, kind in self._types.items()}

    def dtypes(self, asked: Sequence[AskedColumn]) -> dict[str, Any]:
        """Return the dtypes of columns, which depend on what is missing in the file."""
        found = {}
        with self._faults(), self._open() as file:
            for one in asked:
                column = self.columns[one.base]
                found[one.name] = column.dtype
                if column.is_list:
                    found[one.name] = dtype_with_missing(column.dtype)
                elif self._pa.types.is_dictionary(self._types[one.base]):
                    found[one.name] = self._categories(file, one.base)
                elif self._has_missing(file, one.base):
                    found[one.name] = dtype_with_missing(column.dtype)
        return found

    def chunks(
        self, asked: Sequence[AskedColumn], dtypes: dict[str, Any], size: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the columns of so many events after the other."""
        bases = list(dict.fromkeys(one.base for one in asked))
        with self._faults(), self._open() as file:
            for table in self._tables(file, bases, size):
                yield {
                    one.name: self._values(table[one.base], one, dtypes[one.name])
                    for one in asked
                }

    def _faults(self) -> Any:
        return clear_faults(self.source, self._pa.ArrowException)

    def _open(self) -> Any:
        # With a buffer beforehand the whole file would be in memory.
        return self._pq.ParquetFile(
            self.source.path, pre_buffer=False, page_checksum_verification=True
        )

    def _tables(self, file: Any, bases: list[str], size: int) -> Iterator[Any]:
        """Yield tables of so many events, whatever the row groups."""
        waiting, n_waiting = [], 0
        for batch in file.iter_batches(batch_size=size, columns=bases):
            waiting.append(batch)
            n_waiting += batch.num_rows
            while n_waiting >= size:
                table = self._pa.Table.from_batches(waiting)
                yield table[:size]
                waiting, n_waiting = table[size:].to_batches(), n_waiting - size
        if n_waiting:
            yield self._pa.Table.from_batches(waiting)

    def _column(self, kind: Any) -> FileColumn:
        types = self._pa.types
        is_fixed = types.is_fixed_size_list(kind)
        if is_fixed or types.is_list(kind) or types.is_large_list(kind):
            dtype = self._dtype(kind.value_type)
            length = kind.list_size if is_fixed else None
            if isinstance(dtype, np.dtype):
                return FileColumn(dtype, is_list=True, length=length)
        dtype = self._dtype(kind)
        return (
            FileColumn(refused=f"the type {kind}")
            if dtype is None
            else FileColumn(dtype)
        )

    def _dtype(self, kind: Any) -> Any:
        """Return the dtype of a type without missing values; None of a nested one."""
        types = self._pa.types
        if types.is_dictionary(kind):
            return "category"
        if types.is_string(kind) or types.is_large_string(kind):
            return TEXT
        if types.is_null(kind):
            return np.dtype(np.float64)
        is_number = types.is_boolean(kind) or types.is_integer(kind)
        if is_number or types.is_floating(kind) or types.is_timestamp(kind):
            return self._pa.array([], kind).to_pandas().dtype
        return None

    def _has_missing(self, file: Any, name: str) -> bool:
        """Whether values of a column are missing, where that changes its dtype.

        They are looked at: the counts in the file are optional, and pyarrow crashes on
        some that are damaged.
        """
        dtype = self.columns[name].dtype
        if not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
            return False
        batches = file.iter_batches(columns=[name])
        return any(batch.column(0).null_count for batch in batches)

    def _categories(self, file: Any, name: str) -> Any:
        """Return the dtype of a column of categories, with those of all row groups."""
        column = self._pa.Table.from_batches(
            list(file.iter_batches(columns=[name])),
            schema=self._pa.schema([file.schema_arrow.field(name)]),
        )[name].unify_dictionaries()
        if not column.num_chunks:
            return pd.CategoricalDtype([])
        return column.combine_chunks().to_pandas().dtype

    def _values(self, column: Any, one: AskedColumn, dtype: Any) -> Any:
        if one.entry is None:
            return self._plain(column, dtype)
        lists = column.combine_chunks()
        if isinstance(lists, self._pa.ChunkedArray):
            lists = self._pa.concat_arrays(lists.chunks)
        compute = import_optional("pyarrow.compute", "read Parquet files", "root")
        counts = compute.fill_null(compute.list_value_length(lists), 0)
        values = self._plain(self._pa.chunked_array([lists.flatten()]), dtype)
        return entries(values, counts.to_numpy(zero_copy_only=False), one.entry, dtype)

    def _plain(self, column: Any, dtype: Any) -> Any:
        """Return one value for each event."""
        if isinstance(dtype, pd.CategoricalDtype):
            return pd.Series(column.to_pandas()).astype(dtype).array
        if not isinstance(dtype, np.dtype) and hasattr(dtype, "__from_arrow__"):
            return dtype.__from_arrow__(column)
        if dtype.kind == "O":  # texts, in pandas 2
            return column.to_pandas().to_numpy()
        if column.null_count and dtype.kind == "f":
            column = column.cast(self._pa.from_numpy_dtype(dtype))
        return np.asarray(column.to_numpy()).astype(dtype, copy=False)
