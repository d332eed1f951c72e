"""Events of several files as one table, in chunks: columns, selection, weights, labels.

All files are looked at before the first event is read, so that a missing column, a file
of another format or a damaged one is told at once, and a column has one dtype in all
chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from skhep_dnn._expressions import Expression, parse_expression
from skhep_dnn._messages import shown
from skhep_dnn.datasets._files.columns import (
    TEXT,
    AskedColumn,
    FileColumn,
    all_columns,
    dtype_with_missing,
    find_columns,
)
from skhep_dnn.datasets._files.csv import CsvEvents
from skhep_dnn.datasets._files.hdf5 import Hdf5Events
from skhep_dnn.datasets._files.parquet import ParquetEvents
from skhep_dnn.datasets._files.root import RootEvents
from skhep_dnn.datasets._files.source import EventSource, FileFormat, event_sources
from skhep_dnn.exceptions import DataFileError

__all__ = ["CHUNK_SIZE", "EventChunk", "EventReader", "ReadingRules"]

CHUNK_SIZE = 100_000  # events; of 30 columns of float32 they are 12 MB


class EventFile(Protocol):
    """What the reader of a format does."""

    columns: dict[str, FileColumn]
    n_events: int

    def dtypes(self, asked: list[AskedColumn]) -> dict[str, Any]:
        """Return the dtypes of columns."""

    def chunks(
        self, asked: list[AskedColumn], dtypes: dict[str, Any], size: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the columns of so many events after the other."""


class ReadingRules(NamedTuple):
    """What is made of the columns of the files; the parameters of `read_events`."""

    selection: str | None = None
    weight: Any = None
    scale: float | Mapping[str, float] | None = None
    signal: Any = None
    process_name: str = "process"
    label_name: str = "label"
    weight_name: str = "weight"


class EventChunk(NamedTuple):
    """Some events, one after the other in one file.

    Attributes
    ----------
    frame : DataFrame of shape (n_selected, n_columns)
        The events that are selected; the index counts the events of all files.
    source : EventSource
        Where they are from.
    start, stop : int
        Which entries of the file were read.
    """

    frame: pd.DataFrame
    source: EventSource
    start: int
    stop: int


class _Opened(NamedTuple):
    """A file that has been looked at."""

    source: EventSource
    file: EventFile
    asked: list[AskedColumn]
    dtypes: dict[str, Any]


class EventReader:
    """Reads the events of some files.

    Parameters
    ----------
    source, tree, format
        As in `read_events`.
    columns : iterable of str or None
        Names of columns, those of added ones included; None takes all.
    rules : ReadingRules
        What is made of them.

    Attributes
    ----------
    columns : list of str
        Names of the columns, in order.
    dtypes : dict of str to dtype
        Those of the columns that are read from the files.
    n_events : int
        Number of events in all files, before any selection.
    sources : list of EventSource
        The files.
    """

    def __init__(
        self,
        source: Any,
        columns: Iterable[str] | None = None,
        *,
        tree: str | None = None,
        format: FileFormat | None = None,
        rules: ReadingRules = ReadingRules(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self._rules = rules
        self.sources = event_sources(source, tree=tree, format=format)
        self._processes = _processes_of(self.sources)
        self._selection = (
            None if rules.selection is None else parse_expression(rules.selection)
        )
        self._weights = self._check_weights()
        self._signal = self._check_signal()
        added = self._added()
        names = None if columns is None else _check_names(columns)
        for one in self.sources:
            one.check()
        files = [_READERS[one.format](one) for one in self.sources]
        if names is None:
            names = self._all_names(files, added)
        self.columns = [*names, *(name for name in added if name not in names)]
        wanted = [name for name in names if name not in added]
        if self._selection is not None:
            wanted += [name for name in self._selection.columns if name not in added]
        self._files = [
            self._look(one, file, wanted)
            for one, file in zip(self.sources, files, strict=True)
        ]
        read = dict.fromkeys(name for one in self._files for name in one.dtypes)
        self.dtypes = {name: _common_dtype(name, self._files) for name in read}
        self.n_events = sum(one.file.n_events for one in self._files)

    def empty(self) -> pd.DataFrame:
        """Return a table without events, with the columns and their dtypes."""
        values = {name: pd.array([], dtype=kind) for name, kind in self.dtypes.items()}
        return self._frame(values, self.sources[0], 0)

    def chunks(
        self, size: int, *, verbose: int = 0, describe: str = "Reading"
    ) -> Iterator[EventChunk]:
        """Yield the events, at most so many at a time, and of one file at a time."""
        first = 0
        with tqdm(
            desc=describe, total=self.n_events, unit=" events", disable=not verbose
        ) as bar:
            for source, file, asked, own in self._files:
                start = 0
                for values in file.chunks(asked, own, size):
                    if not _length(values):
                        continue
                    cast = {
                        name: _cast(values[name], kind, self.dtypes[name], name, source)
                        for name, kind in own.items()
                    }
                    frame = self._frame(cast, source, first + start)
                    stop = start + _length(cast)
                    yield EventChunk(frame, source, start, stop)
                    bar.update(stop - start)
                    start = stop
                first += start

    def _frame(
        self, values: dict[str, Any], source: EventSource, first: int
    ) -> pd.DataFrame:
        """Return the events that are selected, with the columns that are wanted."""
        rules, n_read = self._rules, _length(values)
        index = pd.RangeIndex(first, first + n_read)
        table = pd.DataFrame(values, index=index, copy=False)
        if self._weights is not None:
            table[rules.weight_name] = self._weights[source.process].of(table)
        if self._processes:
            code = self._processes.index(str(source.process))
            table[rules.process_name] = _repeated(code, self._processes, n_read)
        if self._signal is not None:
            code = int(source.process in self._signal)
            table[rules.label_name] = _repeated(code, ["b", "s"], n_read)
        if self._selection is not None:
            table = table[self._selection.select(table)]
        return table[self.columns]

    def _check_weights(self) -> dict[str | None, _Weight] | None:
        weight, scale = self._rules.weight, self._rules.scale
        if weight is None and scale is None:
            return None
        weights = self._by_process(weight, "weight")
        scales = self._by_process(scale, "scale")
        return {
            process: _Weight.checked(weights[process], scales[process])
            for process in weights
        }

    def _by_process(self, value: Any, parameter: str) -> dict[str | None, Any]:
        """Return a value for each process, of one for all or of a mapping."""
        processes: list[Any] = self._processes or [None]
        if not isinstance(value, Mapping):
            return dict.fromkeys(processes, value)
        if set(value) != set(self._processes):
            msg = (
                f"`{parameter}` must have an entry for each process of `source`, "
                f"{shown(self._processes)}, got {shown(list(value))}. Name each "
                "process once, and make `source` a mapping of them."
            )
            raise ValueError(msg)
        return dict(value)

    def _check_signal(self) -> set[str] | None:
        signal = self._rules.signal
        if signal is None:
            return None
        named = [signal] if isinstance(signal, str) else list(signal)
        if not named or not set(named) <= set(self._processes):
            msg = (
                "`signal` must name processes of `source`, got "
                f"{shown(signal)} where the processes are {shown(self._processes)}. "
                "Pass `source` as a mapping, such as "
                '{"H": "higgs.root", "Z": "z.root"}, '
                "and name some of its keys."
            )
            raise ValueError(msg)
        return set(named)

    def _added(self) -> list[str]:
        """Return the names of the columns that are not read from files."""
        rules = self._rules
        added = {
            rules.process_name: bool(self._processes),
            rules.label_name: self._signal is not None,
            rules.weight_name: self._weights is not None,
        }
        if len(added) < 3:
            msg = (
                "`process_name`, `label_name` and `weight_name` must be three names, "
                f"got {rules.process_name!r}, {rules.label_name!r} and "
                f"{rules.weight_name!r}. Change one."
            )
            raise ValueError(msg)
        return [name for name, is_there in added.items() if is_there]

    def _all_names(self, files: list[EventFile], added: list[str]) -> list[str]:
        """Return the names of all columns, which all files must have.

        A column with the name of the weight is left to the expression of the weight.
        """
        skipped = {self._rules.weight_name} & set(added)
        first: list[str] = []
        for k, (source, file) in enumerate(zip(self.sources, files, strict=True)):
            known = {n: c for n, c in file.columns.items() if n not in skipped}
            names = all_columns(known, source)
            if k == 0:
                first = names
            elif set(names) != set(first):
                msg = (
                    "All files must have the same columns where none are named, got "
                    f"{source} with {shown(sorted(set(names) - set(first)))} more than "
                    f"{self.sources[0]}, and without "
                    f"{shown(sorted(set(first) - set(names)))}. Name the `columns` "
                    "that you want."
                )
                raise DataFileError(msg)
        clash = [name for name in first if name in added]
        if clash:
            msg = (
                f"Added columns must have names of their own, got {shown(clash)}, "
                f"which {self.sources[0]} has. Pass another `process_name` or "
                "`label_name`."
            )
            raise ValueError(msg)
        return first

    def _look(self, source: EventSource, file: EventFile, wanted: list[str]) -> _Opened:
        asked = find_columns(dict.fromkeys(wanted), file.columns, source)
        known = {one.name for one in asked}
        asked += [
            one for one in self._for_weight(source, file) if one.name not in known
        ]
        if not asked:  # one column tells how many events there are
            plain = (n for n, c in file.columns.items() if not (c.is_list or c.refused))
            asked = find_columns(list(plain)[:1], file.columns, source)
        return _Opened(source, file, asked, file.dtypes(asked))

    def _for_weight(self, source: EventSource, file: EventFile) -> list[AskedColumn]:
        """Return the columns that the weight of a process is made of."""
        weight = None if self._weights is None else self._weights[source.process]
        if weight is None or weight.expression is None:
            return []
        try:
            return find_columns(weight.expression.columns, file.columns, source)
        except DataFileError as error:
            msg = (
                f"{error} It is needed for `weight`, which may be another one for each "
                'process: weight={"signal": 1.0, "background": "gen_weight"}.'
            )
            raise DataFileError(msg) from error


class _Weight(NamedTuple):
    """The weight of the events of a process: an expression times a factor."""

    expression: Expression | None
    factor: float

    @classmethod
    def checked(cls, weight: Any, scale: Any) -> _Weight:
        factor = 1.0 if scale is None else _check_number(scale, "scale")
        if isinstance(weight, str):
            return cls(parse_expression(weight), factor)
        number = 1.0 if weight is None else _check_number(weight, "weight")
        return cls(None, number * factor)

    def of(self, table: pd.DataFrame) -> Any:
        if self.expression is None:
            return np.full(len(table), self.factor)
        return self.expression.evaluate(table) * self.factor


def _check_number(value: Any, parameter: str) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not np.isfinite(float(value)):
        expression = " or an expression" if parameter == "weight" else ""
        msg = (
            f"`{parameter}` must be a finite number{expression} for each process, got "
            f"{shown(value)}. Pass one number, or a mapping of the processes."
        )
        raise ValueError(msg)
    return float(value)


def _check_names(columns: Iterable[str]) -> list[str]:
    if isinstance(columns, str):
        msg = (
            f"`columns` must hold names, got the str {columns!r}. Pass a list, "
            f"[{columns!r}]."
        )
        raise TypeError(msg)
    names = list(columns)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        msg = (
            f"`columns` must hold names, got {shown(wrong[:5])}. Pass them as str, as "
            "they are in the file."
        )
        raise TypeError(msg)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        msg = (
            f"`columns` must name at least one column, and each once, got "
            f"{shown(repeated or names)}. Correct the list, or pass None for all."
        )
        raise ValueError(msg)
    return [str(name) for name in names]


def _processes_of(sources: list[EventSource]) -> list[str]:
    names = dict.fromkeys(one.process for one in sources)
    return [name for name in names if name is not None]


def _repeated(code: int, labels: list[str], n_events: int) -> pd.Categorical[Any]:
    """Return a column of one of some labels, which all are its categories."""
    codes = np.full(n_events, code, dtype=np.int64)
    return pd.Categorical.from_codes(codes, pd.Index(labels))


def _length(values: Mapping[str, Any]) -> int:
    return len(next(iter(values.values())))


def _common_dtype(name: str, files: list[_Opened]) -> Any:
    """Return the dtype of a column in all files, as far as they have events."""
    having = [one for one in files if name in one.dtypes]
    filled = [one for one in having if one.file.n_events] or having
    dtypes = [one.dtypes[name] for one in filled]
    if all(kind == dtypes[0] for kind in dtypes):
        return dtypes[0]
    if all(kind == TEXT or isinstance(kind, pd.CategoricalDtype) for kind in dtypes):
        if any(kind == TEXT for kind in dtypes):
            return TEXT
        labels = dict.fromkeys(x for kind in dtypes for x in kind.categories)
        return pd.CategoricalDtype(list(labels))
    plain = [getattr(kind, "numpy_dtype", kind) for kind in dtypes]
    kinds = {getattr(kind, "kind", "O") for kind in plain}
    if not kinds <= set("biuf"):
        found = {str(one.source): str(one.dtypes[name]) for one in filled}
        msg = (
            f"The column {name!r} must be of one kind in all files, got {found!r}. "
            "Convert it in one of them, or leave it out."
        )
        raise DataFileError(msg)
    common = np.result_type(*plain)
    is_nullable = any(not isinstance(kind, np.dtype) for kind in dtypes)
    return dtype_with_missing(common) if is_nullable else common


def _cast(values: Any, own: Any, dtype: Any, name: str, source: EventSource) -> Any:
    """Return a column with the dtype that it has in all files, with the same values."""
    if own == dtype:
        return values
    column = pd.Series(values)
    if not isinstance(dtype, np.dtype) or dtype.kind != "f":
        return column.astype(dtype).array
    floats = column.to_numpy(dtype, na_value=np.nan)
    plain = getattr(own, "numpy_dtype", own)
    if plain.kind in "iu":
        there = ~np.isnan(floats)
        whole = column[there].to_numpy(plain)
        with np.errstate(invalid="ignore"):
            lost = floats[there].astype(plain) != whole
        if lost.any():
            msg = (
                f"The column {name!r} must have one kind of whole numbers in all "
                f"files, got {own} in {source}, of which {dtype}, with another file, "
                f"loses digits: {whole[lost][0]}. Write it with one type."
            )
            raise DataFileError(msg)
    return floats


# By format: what reads a file of it.
_READERS: dict[FileFormat, Callable[[EventSource], EventFile]] = {
    "csv": CsvEvents,
    "hdf5": Hdf5Events,
    "parquet": ParquetEvents,
    "root": RootEvents,
}
