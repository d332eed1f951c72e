"""ROOT files, by uproot: a TTree or an RNTuple, in steps of events."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skhep_dnn._messages import shown
from skhep_dnn._optional import import_optional
from skhep_dnn.datasets._files.columns import (
    TEXT,
    AskedColumn,
    FileColumn,
    dtype_with_missing,
    entries,
    native,
    texts,
)
from skhep_dnn.datasets._files.faults import clear_faults
from skhep_dnn.datasets._files.source import EventSource
from skhep_dnn.exceptions import DataFileError

__all__ = ["RootEvents"]

_TREES = ("TTree", "TNtuple", "TNtupleD", "TChain")
_NTUPLES = ("ROOT::RNTuple", "ROOT::Experimental::RNTuple")


class RootEvents:
    """The events of a TTree or an RNTuple.

    Parameters
    ----------
    source : EventSource
        The file, and the name of the tree.
    """

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self._uproot = import_optional("uproot", "read ROOT files", "root")
        self._ak = import_optional("awkward", "read ROOT files", "root")
        _check_size(source)
        with self._faults(), self._open() as file:
            self._name = self._find(file)
            tree = file[self._name]
            self.n_events = int(tree.num_entries)
            self._is_ntuple = tree.classname in _NTUPLES
            read = self._columns_of_ntuple if self._is_ntuple else self._columns_of_tree
            self.columns = read(tree)

    def dtypes(self, asked: Sequence[AskedColumn]) -> dict[str, Any]:
        """Return the dtypes of columns."""
        found = {}
        for one in asked:
            column = self.columns[one.base]
            is_jagged = column.is_list and column.length is None
            found[one.name] = (
                dtype_with_missing(column.dtype) if is_jagged else column.dtype
            )
        return found

    def chunks(
        self, asked: Sequence[AskedColumn], dtypes: dict[str, Any], size: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the columns of so many events after the other."""
        bases = list(dict.fromkeys(one.base for one in asked))
        with self._faults(), self._open() as file:
            tree = file[self._name]
            n_read = 0
            for table in self._tables(tree, bases, size):
                n_read += len(table)
                yield {
                    one.name: self._values(table[one.base], one, dtypes[one.name])
                    for one in asked
                }
            if n_read != self.n_events:
                msg = f"{n_read} of {self.n_events} events"
                raise ValueError(msg)

    def _faults(self) -> Any:
        more = self._uproot.deserialization.DeserializationError
        return clear_faults(self.source, more)

    def _open(self) -> Any:
        # The cache of arrays would hold what is read only once.
        return self._uproot.open(self.source.path, array_cache=None)

    def _find(self, file: Any) -> str:
        """Return the name of the tree: the one that is named, or the only one."""
        classes = file.classnames(cycle=False)
        trees = [k for k, kind in classes.items() if kind in (*_TREES, *_NTUPLES)]
        name = self.source.tree
        if name is None and len(trees) == 1:
            return trees[0]
        if name is not None and name.strip("/").partition(";")[0] in trees:
            return name.strip("/")
        if name is None:
            problem = "must have one tree where none is named"
        else:
            problem = "must have this tree"
        msg = (
            f"The file {self.source} {problem}, got {shown(trees)} among "
            f"{len(classes)} objects. Name one: `tree`, or 'file.root:name'."
        )
        raise DataFileError(msg)

    def _columns_of_tree(self, tree: Any) -> dict[str, FileColumn]:
        self._paths: dict[str, str] = {}
        columns = {}
        for path, branch in tree.iteritems(recursive=True):
            if len(branch.branches):
                continue
            # A branch in another is known by its own name, too, as in TTree::Draw.
            name = path if branch.name in self._paths else branch.name
            self._paths[name] = path
            columns[name] = self._column_of_branch(branch)
        for name, path in list(self._paths.items()):
            if name != path:
                self._paths.setdefault(path, path)
        return columns

    def _column_of_branch(self, branch: Any) -> FileColumn:
        if branch.num_entries != self.n_events:
            return FileColumn(
                refused=f"{branch.num_entries} entries in a tree of {self.n_events}"
            )
        try:
            form = branch.interpretation.awkward_form(branch.file)
        except (
            self._uproot.interpretation.objects.CannotBeAwkward,
            NotImplementedError,
            ValueError,
        ):
            return FileColumn(refused=f"the type {branch.typename}")
        return self._column(form, branch.typename)

    def _columns_of_ntuple(self, ntuple: Any) -> dict[str, FileColumn]:
        self._paths = {}
        form, _ = ntuple.to_akform()
        columns = {}
        for name, part in zip(form.fields, form.contents, strict=True):
            for path, inner in self._leaves(name, part):
                self._paths[path] = path
                columns[path] = self._column(inner, "/".join(inner.columns()) or "?")
        return columns

    def _leaves(self, name: str, form: Any) -> Iterator[tuple[str, Any]]:
        """Yield the members of records, as `record.member`."""
        if isinstance(form, self._ak.forms.RecordForm) and not form.is_tuple:
            for member, part in zip(form.fields, form.contents, strict=True):
                yield from self._leaves(f"{name}.{member}", part)
        else:
            yield name, form

    def _column(self, form: Any, kind: str) -> FileColumn:
        forms = self._ak.forms
        if form.parameter("__array__") == "string":
            return FileColumn(TEXT)
        if isinstance(form, forms.NumpyForm):
            dtype = native(np.dtype(form.primitive))
            if dtype.kind in "biuf" and not form.inner_shape:
                return FileColumn(dtype)
            if dtype.kind in "biuf" and len(form.inner_shape) == 1:
                return FileColumn(dtype, is_list=True, length=form.inner_shape[0])
        if isinstance(form, forms.ListOffsetForm | forms.RegularForm):
            inner = form.content
            if isinstance(inner, forms.NumpyForm) and not inner.inner_shape:
                is_fixed = isinstance(form, forms.RegularForm)
                length = form.size if is_fixed else None
                dtype = native(np.dtype(inner.primitive))
                return FileColumn(dtype, is_list=True, length=length)
        return FileColumn(refused=f"the nested type {kind}")

    def _tables(self, tree: Any, bases: list[str], size: int) -> Iterator[Any]:
        """Yield the columns of so many events, as arrays of awkward by name."""
        wanted = [self._paths[name] for name in bases]
        arrays = tree.iterate(filter_name=_is_one_of(wanted), step_size=size)
        for table in arrays:
            if self._is_ntuple:
                found = {name: _member(table, name) for name in bases}
            else:
                found = {n: table[p] for n, p in zip(bases, wanted, strict=True)}
            yield _Columns(found)

    def _values(self, values: Any, one: AskedColumn, dtype: Any) -> Any:
        ak = self._ak
        column = self.columns[one.base]
        if one.entry is not None and column.length is not None:
            return ak.to_numpy(values)[:, one.entry].astype(dtype)
        if one.entry is not None:
            flat = ak.to_numpy(ak.flatten(values, axis=1))
            return entries(flat, ak.to_numpy(ak.num(values)), one.entry, dtype)
        if column.dtype == TEXT:
            return texts(ak.to_list(values))
        return np.asarray(ak.to_numpy(values)).astype(dtype, copy=False)


class _Columns(dict[str, Any]):
    """Columns of a step by name; the length is that of each."""

    def __len__(self) -> int:
        return len(next(iter(self.values())))


def _is_one_of(names: list[str]) -> Any:
    # A text would be a pattern, where `*` and `/` have a meaning.
    wanted = frozenset(names)
    return lambda name: name in wanted


def _member(table: Any, path: str) -> Any:
    for name in path.split("."):
        table = table[name]
    return table


def _check_size(source: EventSource) -> None:
    """Refuse a file that is shorter than its head says.

    Parameters
    ----------
    source : EventSource
        A ROOT file.

    Raises
    ------
    DataFileError
        If bytes are missing at its end.
    """
    with source.path.open("rb") as file:
        head = file.read(20)
    size = source.path.stat().st_size
    end = size + 1
    if len(head) == 20:
        # After "root": version, where the first record begins, where the file ends; the
        # last has eight bytes in large files, whose version says so.
        is_large = struct.unpack(">i", head[4:8])[0] >= 1_000_000
        end = struct.unpack(
            ">q" if is_large else ">i", head[12 : 20 if is_large else 16]
        )[0]
    if size < end:
        msg = (
            f"The file {source} must have all of its bytes, {end} by what is written "
            f"at its begin, got {size}: it was cut off, or is still being written. "
            "Fetch or write it again."
        )
        raise DataFileError(msg)
