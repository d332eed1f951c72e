"""Events from files of an analysis: all at once, or in chunks if they are too many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral

import pandas as pd

from skhep_dnn._messages import shown
from skhep_dnn.datasets._event_reader import (
    CHUNK_SIZE,
    EventChunk,
    EventReader,
    ReadingRules,
)
from skhep_dnn.datasets._files.source import FileFormat

__all__ = ["check_chunk_size", "iter_events", "read_events"]

Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def read_events(
    source: Files | Mapping[str, Files],
    columns: Iterable[str] | None = None,
    *,
    tree: str | None = None,
    format: FileFormat | None = None,
    selection: str | None = None,
    weight: str | float | Mapping[str, str | float] | None = None,
    scale: float | Mapping[str, float] | None = None,
    signal: str | Iterable[str] | None = None,
    process_name: str = "process",
    label_name: str = "label",
    weight_name: str = "weight",
    verbose: int = 0,
) -> pd.DataFrame:
    r"""Events of files as a table: ROOT, Parquet, CSV and HDF5.

    Only the columns that are needed are read. Every dtype is that of the file: run and
    event numbers stay exact, float32 stays float32. A file that is damaged, or not what
    its name says, is an error, and never a part of a table.

    Parameters
    ----------
    source : path, list of paths, or mapping of str to these
        Files, in the order of the events. A path may be a pattern, ``data/*.root``, and
        name a tree after a colon, "events.root:tree". The keys of a mapping are
        processes: ``{"ttbar": ["tt_1.root", "tt_2.root"], "H": "higgs.root"}``.
    columns : iterable of str, default=None
        Names of columns, in the order wanted. Of a branch with a list for each event
        an entry by its index: "Jet_pt[0]", which is the name of the column as well and
        is missing where a list is shorter. None takes all columns, which must be the
        same in all files and have no lists.
    tree : str, default=None
        Name of the TTree or RNTuple, or of the group or dataset of HDF5; None takes the
        only one that there is.
    format : {"csv", "hdf5", "parquet", "root"}, default=None
        The format of the files; None goes by their suffixes: .root, .parquet, .pq,
        .csv, .csv.gz, .h5, .hdf5, .hdf.
    selection : str, default=None
        Which events to keep, as an expression on columns, read or added:
        "n_jets >= 2 and `Jet_pt[0]` > 30". Comparisons, arithmetic, `and`, `or`, `not`,
        `abs`, `sqrt`; a name with brackets stands in backquotes. Its columns need not
        be among `columns`.
    weight : str, float or mapping of str to these, default=None
        Physics weight, which is added as a column: an expression on columns,
        "gen_weight * pileup", or a number; for all events, or for each process:
        ``{"H": 1.0, "ttbar": "gen_weight"}``. It takes the place of a column of that
        name in a file.
    scale : float or mapping of str to float, default=None
        Factor of the weight, such as luminosity times cross-section over the sum of
        generator weights; for all events, or for each process. Without `weight` it is
        the weight.
    signal : str or iterable of str, default=None
        Processes that are signal: a column of labels is added, "s" for them and "b" for
        the others.
    process_name : str, default="process"
        Name of the column of processes, which is added where `source` is a mapping.
    label_name : str, default="label"
        Name of the column of labels.
    weight_name : str, default="weight"
        Name of the column of weights.
    verbose : int, default=0
        Above 0 shows a progress bar over the events.

    Returns
    -------
    events : DataFrame of shape (n_samples, n_columns)
        The columns as asked for, then the added ones that were not among them: process,
        label, weight. The index counts the events of all files from 0, those that were
        not selected included. Processes and labels are categories, weights float64.

    Raises
    ------
    DataFileError
        If a file is damaged, cut off, empty or of another format, lacks a column or has
        it with another kind of values than another file, or a column would need an
        index.
    FileNotFoundError
        If there is no such file.
    ImportError
        If the library of a format is missing: `pip install "skhep-dnn[root]"`.
    ExpressionError
        If an expression cannot be understood.
    TypeError, ValueError
        If an argument is not as described.

    See Also
    --------
    iter_events : The same in chunks.
    skhep_dnn.export.apply_model : The scores of a model for the events of files.

    Notes
    -----
    What is missing is nan in a column of floats; a column of bools or of whole numbers
    of up to 32 bits then becomes float64, and one of 64 bits `Int64` or `UInt64` of
    pandas, whose numbers stay exact. A list of whole numbers counts as one where some
    are missing, in whatever file.

    Members of a record in an RNTuple have names such as "muon.pt", branches in a branch
    of a TTree their own. What is nested deeper is refused. HDF5 holds a dataset of
    records, or a group with one dataset for each column; what `DataFrame.to_hdf` wrote
    needs PyTables.

    A CSV file has a line of names, and commas. It is read twice, once for the types of
    its columns. A line with more or fewer fields than names is an error, and so is a
    last line without a newline, which may be cut off. That whole lines are missing at
    its end cannot be seen, but in a .csv.gz.

    Bytes that were changed are found where a format has checksums: in compressed ROOT
    and gzip files, and in Parquet pages written with them. Elsewhere they are values.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skhep_dnn.datasets import read_events
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "events.csv"
    ...     _ = path.write_text("event,pt,w\n1,20.5,1.0\n2,45.0,-1.0\n3,60.0,2.0\n")
    ...     read_events(path, ["pt", "event"], selection="pt > 30", weight="0.5 * w")
         pt  event  weight
    1  45.0      2    -0.5
    2  60.0      3     1.0
    """
    rules = ReadingRules(
        selection, weight, scale, signal, process_name, label_name, weight_name
    )
    reader = EventReader(source, columns, tree=tree, format=format, rules=rules)
    return _joined(reader, verbose=verbose)


def iter_events(
    source: Files | Mapping[str, Files],
    columns: Iterable[str] | None = None,
    *,
    chunk_size: int = CHUNK_SIZE,
    tree: str | None = None,
    format: FileFormat | None = None,
    selection: str | None = None,
    weight: str | float | Mapping[str, str | float] | None = None,
    scale: float | Mapping[str, float] | None = None,
    signal: str | Iterable[str] | None = None,
    process_name: str = "process",
    label_name: str = "label",
    weight_name: str = "weight",
    verbose: int = 0,
) -> Iterator[pd.DataFrame]:
    r"""Events of files in chunks, of which few fit in memory at once.

    One after the other the chunks are what `read_events` returns, index and dtypes
    included. All files are looked at, and arguments checked, at the call.

    Parameters
    ----------
    source : path, list of paths, or mapping of str to these
        Files, as in `read_events`.
    columns : iterable of str, default=None
        Names of columns, as in `read_events`; None takes all.
    chunk_size : int, default=100_000
        Events that are read at a time. A chunk has as many, or fewer: at the end of a
        file, and where some are not selected.
    tree : str, default=None
        Name of the tree, group or dataset; None takes the only one that there is.
    format : {"csv", "hdf5", "parquet", "root"}, default=None
        The format of the files; None goes by their suffixes.
    selection : str, default=None
        Which events to keep, as an expression on columns.
    weight : str, float or mapping of str to these, default=None
        Physics weight, as in `read_events`.
    scale : float or mapping of str to float, default=None
        Factor of the weight, for all events or each process.
    signal : str or iterable of str, default=None
        Processes that are signal.
    process_name : str, default="process"
        Name of the column of processes.
    label_name : str, default="label"
        Name of the column of labels.
    weight_name : str, default="weight"
        Name of the column of weights.
    verbose : int, default=0
        Above 0 shows a progress bar over the events.

    Returns
    -------
    chunks : iterator of DataFrame of shape (n_selected, n_columns)
        Events of one file each. Their `attrs` say where they are from: "file", "tree",
        "process", and the first entry and the one after the last as "entry_start" and
        "entry_stop". The index counts the events of all files.

    Raises
    ------
    DataFileError
        As `read_events`, at the call; if a file turns out to be damaged further on,
        when its chunk is read.
    FileNotFoundError, ImportError, ExpressionError, TypeError, ValueError
        As `read_events`.

    See Also
    --------
    read_events : All events at once.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skhep_dnn.datasets import iter_events
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "events.csv"
    ...     _ = path.write_text("pt\n20.5\n45.0\n60.0\n")
    ...     for events in iter_events(path, chunk_size=2):
    ...         print(events.attrs["entry_start"], events["pt"].tolist())
    0 [20.5, 45.0]
    2 [60.0]
    """
    check_chunk_size(chunk_size)
    rules = ReadingRules(
        selection, weight, scale, signal, process_name, label_name, weight_name
    )
    reader = EventReader(source, columns, tree=tree, format=format, rules=rules)
    return map(_with_place, reader.chunks(chunk_size, verbose=verbose))


def check_chunk_size(chunk_size: object) -> None:
    """Refuse what is no number of events.

    Parameters
    ----------
    chunk_size : int
        At least 1.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    is_whole = isinstance(chunk_size, Integral) and not isinstance(chunk_size, bool)
    if not is_whole or int(chunk_size) < 1:  # type: ignore[call-overload]
        msg = (
            f"`chunk_size` must be a whole number of at least 1, got "
            f"{shown(chunk_size)}. Pass 100_000, say."
        )
        raise ValueError(msg)


def _with_place(chunk: EventChunk) -> pd.DataFrame:
    source = chunk.source
    chunk.frame.attrs.update(
        file=str(source.path),
        tree=source.tree,
        process=source.process,
        entry_start=chunk.start,
        entry_stop=chunk.stop,
    )
    return chunk.frame


def _joined(reader: EventReader, *, verbose: int) -> pd.DataFrame:
    """Return all events, joined column by column so that few are there twice."""
    frames = [chunk.frame for chunk in reader.chunks(CHUNK_SIZE, verbose=verbose)]
    frames = [frame for frame in frames if len(frame)] or [reader.empty()]
    index = frames[0].index.append([frame.index for frame in frames[1:]])
    joined = {
        name: pd.concat([frame.pop(name) for frame in frames], ignore_index=True).array
        for name in reader.columns
    }
    return pd.DataFrame(joined, index=index, copy=False)
