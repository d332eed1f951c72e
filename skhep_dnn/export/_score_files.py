"""Files of scores: a friend tree or an RNTuple of ROOT, or a table of Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from skhep_dnn._optional import import_optional

__all__ = ["ScoreFile", "check_output", "open_scores"]

Write = Callable[[Mapping[str, Any]], None]
_PARQUET = (".parquet", ".pq")


class ScoreFile(NamedTuple):
    """Where scores are written, and as what.

    Attributes
    ----------
    path : Path
        The file.
    tree : str
        Name of the tree of ROOT.
    root_format : {"ttree", "rntuple"}
        What a file of ROOT has.
    """

    path: Path
    tree: str
    root_format: Literal["ttree", "rntuple"]

    @property
    def is_root(self) -> bool:
        """Whether it is a file of ROOT."""
        return self.path.suffix == ".root"


def check_output(
    path: str | os.PathLike[str],
    tree: str,
    root_format: Literal["ttree", "rntuple"],
    *,
    overwrite: bool,
) -> ScoreFile:
    """Return where scores are written, if they can be.

    Parameters
    ----------
    path : path-like
        The file.
    tree : str
        Name of the tree of ROOT.
    root_format : {"ttree", "rntuple"}
        What a file of ROOT has.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    output : ScoreFile

    Raises
    ------
    FileExistsError
        If the file exists and is not to be replaced.
    FileNotFoundError
        If its folder does not exist.
    ImportError
        If the library that writes it is missing.
    ValueError
        If its suffix is unknown, or an option is not as described.
    """
    output = ScoreFile(Path(path).expanduser(), tree, root_format)
    if not output.is_root and output.path.suffix not in _PARQUET:
        msg = (
            f"`path` must end in '.root', '.parquet' or '.pq', got {str(path)!r}. "
            "Choose one: a friend tree, or a table."
        )
        raise ValueError(msg)
    if root_format not in {"ttree", "rntuple"}:
        msg = (
            f"`root_format` must be 'ttree' or 'rntuple', got {root_format!r}. Choose "
            "'ttree' for a friend of a TTree."
        )
        raise ValueError(msg)
    if not isinstance(tree, str) or not tree or set(tree) & set("/;"):
        msg = (
            f"`output_tree` must be a name without `/` and `;`, got {tree!r}. Pass "
            '"scores", say.'
        )
        raise ValueError(msg)
    if not output.path.parent.is_dir():
        msg = (
            f"The folder of `path` must exist, got {str(output.path.parent)!r}. Make "
            "it, or correct the path."
        )
        raise FileNotFoundError(msg)
    if output.path.is_dir() or (output.path.exists() and not overwrite):
        msg = (
            f"`path` must be a new file, got {str(output.path)!r}, which exists. Pass "
            "`overwrite=True` to replace a file, or another path."
        )
        raise FileExistsError(msg)
    library = "uproot" if output.is_root else "pyarrow"
    import_optional(library, f"write {output.path.suffix} files", "root")
    return output


@contextmanager
def open_scores(
    output: ScoreFile, part: Path, schema: Mapping[str, Any]
) -> Iterator[Write]:
    """Open a file of scores, and close it at the end of the block.

    Parameters
    ----------
    output : ScoreFile
        What it will be.
    part : Path
        Where it is written.
    schema : mapping of str to dtype
        Its columns.

    Yields
    ------
    write : callable
        Appends the columns of some events.
    """
    opened = _root if output.is_root else _parquet
    with opened(output, part, schema) as write:
        yield write


@contextmanager
def _root(output: ScoreFile, part: Path, schema: Mapping[str, Any]) -> Iterator[Write]:
    uproot = import_optional("uproot", "write .root files", "root")
    with uproot.recreate(part) as file:
        make = file.mktree if output.root_format == "ttree" else file.mkrntuple
        tree = make(output.tree, dict(schema))

        def write(columns: Mapping[str, Any]) -> None:
            arrays = {k: np.asarray(columns[k], dtype=d) for k, d in schema.items()}
            tree.extend(arrays)

        yield write


@contextmanager
def _parquet(
    output: ScoreFile, part: Path, schema: Mapping[str, Any]
) -> Iterator[Write]:
    del output
    pyarrow = import_optional("pyarrow", "write .parquet files", "root")
    parquet = import_optional("pyarrow.parquet", "write .parquet files", "root")
    empty = pd.DataFrame({k: pd.array([], dtype=d) for k, d in schema.items()})
    known = pyarrow.Schema.from_pandas(empty, preserve_index=False)
    with parquet.ParquetWriter(part, known, write_page_checksum=True) as writer:

        def write(columns: Mapping[str, Any]) -> None:
            frame = pd.DataFrame(dict(columns)).astype(dict(schema))
            table = pyarrow.Table.from_pandas(frame, known, preserve_index=False)
            writer.write_table(table)

        yield write
