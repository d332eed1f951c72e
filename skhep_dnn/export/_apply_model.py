"""The scores of a fitted model for the events of files, in a file of their own.

Events are read, scored and written chunk by chunk, so that files may be larger than the
memory. Each event keeps its place, and its run and event numbers, so that the scores
are found again by either.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skhep_dnn._messages import shown
from skhep_dnn._whole_file import whole_file
from skhep_dnn.datasets._event_reader import CHUNK_SIZE, EventReader, ReadingRules
from skhep_dnn.datasets._files.source import FileFormat
from skhep_dnn.datasets._read_events import check_chunk_size
from skhep_dnn.export._score_columns import ScoreColumns
from skhep_dnn.export._score_files import check_output, open_scores

__all__ = ["apply_model"]

Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def apply_model(
    model: Any,
    source: Files,
    path: str | os.PathLike[str],
    *,
    columns: Iterable[str] | None = None,
    event_number: str | Sequence[str] | None = None,
    keep: Iterable[str] | None = None,
    pos_label: object = None,
    logit: bool = False,
    tree: str | None = None,
    format: FileFormat | None = None,
    selection: str | None = None,
    output_tree: str = "scores",
    root_format: Literal["ttree", "rntuple"] = "ttree",
    chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    verbose: int = 0,
) -> Path:
    """Write the scores of a model for the events of files of any size.

    One row for each event, in the order of the events. A .root file has a tree of
    scores, a friend of the tree that was read; a .parquet file a table. An event gets
    what `predict_proba` of the model says of it in a table of all events: from a
    `CrossFitClassifier` the score of the model of its fold.

    Parameters
    ----------
    model : classifier
        Fitted, with `predict_proba`: of this package or any other, a pipeline, or an
        exported one.
    source : path, or list of paths
        Files as in `skhep_dnn.datasets.read_events`: ROOT, Parquet, CSV, HDF5;
        patterns, and trees after a colon. Scores of several files go one after the
        other into one file, as the friend of a chain of them.
    path : path-like
        The file to write: .root, .parquet or .pq.
    columns : iterable of str, default=None
        Columns that the model gets, in its order; None takes its `feature_names_in_`.
    event_number : str or sequence of str, default=None
        Columns with the event numbers, or the run and event numbers, of a model that
        was fitted with numbers beside the table: its methods get them as
        `event_number`. None where a column of the table has them, or there are none.
    keep : iterable of str, default=None
        Columns of the source that are written as well, as they are, at the begin; None
        takes those of the run and event numbers that the model has.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes. None takes that of the model
        where it has one, and the larger one of two classes.
    logit : bool, default=False
        Whether to write the decision function as well, which does not saturate.
    tree : str, default=None
        Name of the tree, group or dataset to read; None takes the only one.
    format : {"csv", "hdf5", "parquet", "root"}, default=None
        The format of the source; None goes by the suffix.
    selection : str, default=None
        Which events are scored, as an expression on columns; for .parquet only, since a
        friend has an entry for each entry of its tree.
    output_tree : str, default="scores"
        Name of the tree in a .root file.
    root_format : {"ttree", "rntuple"}, default="ttree"
        What a .root file has. Only a TTree can be a friend of a TTree.
    chunk_size : int, default=100_000
        Events that are in memory at a time.
    overwrite : bool, default=False
        Whether to replace a file that exists.
    verbose : int, default=0
        Above 0 shows a progress bar over the events.

    Returns
    -------
    path : Path
        The file that was written.

    Raises
    ------
    DataFileError
        If a source is damaged or lacks a column.
    FileExistsError
        If the output exists and `overwrite` is false, or is one of the sources.
    FileNotFoundError
        If a source, or the folder of the output, does not exist.
    ImportError
        If uproot or pyarrow is missing: `pip install "skhep-dnn[root]"`.
    NotFittedError
        If the model is not fitted.
    TypeError
        If the model has no probabilities, or an argument is of another kind.
    ValueError
        If the columns of the model are not known, a selection is asked for in a friend
        tree, a kept column cannot be written, or an argument is not as described.

    See Also
    --------
    skhep_dnn.datasets.read_events : The events, and what was written.
    skhep_dnn.ensemble.CrossFitClassifier : One model for each fold.

    Notes
    -----
    The columns, after the kept ones:

    ========== ============================================================
    score      Probability of the signal, float64: of two classes, or of the
               signal against all others with `pos_label`.
    score_X    Of more than two classes the probability of each class X.
    logit      With `logit`, the decision function of two classes, or the
               logarithm of the odds of the score where there is none.
    fold       The fold whose model scored the event, int32, where the model
               chooses by numbers.
    selected   Whether the model selects the event as signal, where it has a
               threshold.
    ========== ============================================================

    The file is written under another name and moved when it is whole. All sources are
    looked at before.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events, read_events
    >>> from skhep_dnn.ensemble import CrossFitClassifier
    >>> from skhep_dnn.export import apply_model
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> X = events.data.assign(event=np.arange(1000))
    >>> model = CrossFitClassifier(LogisticRegression(), event_number="event")
    >>> model = model.fit(X, events.target)
    >>> with TemporaryDirectory() as folder:
    ...     X.to_parquet(Path(folder) / "events.parquet")
    ...     path = apply_model(
    ...         model, f"{folder}/events.parquet", f"{folder}/scores.parquet"
    ...     )
    ...     scores = read_events(path)
    >>> scores.columns.tolist()
    ['event', 'score', 'fold']
    >>> bool((scores["score"] == model.predict_proba(X)[:, 1]).all())
    True
    """
    check_chunk_size(chunk_size)
    scorer = ScoreColumns(model, columns, event_number, pos_label, logit=logit)
    output = check_output(path, output_tree, root_format, overwrite=overwrite)
    if selection is not None and output.is_root:
        msg = (
            f"`selection` must be None for a .root file, got {selection!r}: a friend "
            "tree has an entry for each entry of its tree. Select by the score in "
            "ROOT, or write a .parquet file."
        )
        raise ValueError(msg)
    kept = scorer.number_columns if keep is None else _names(keep)
    reader = EventReader(
        source,
        list(dict.fromkeys([*kept, *scorer.columns, *scorer.number_columns])),
        tree=tree,
        format=format,
        rules=ReadingRules(selection),
    )
    _check_source(reader, output.path)
    schema = _schema(reader, kept, scorer, is_root=output.is_root)
    with whole_file(output.path) as part, open_scores(output, part, schema) as write:
        for chunk in reader.chunks(chunk_size, verbose=verbose, describe="Applying"):
            if len(chunk.frame):
                scores = {name: chunk.frame[name] for name in kept}
                write(scores | scorer.of(chunk.frame))
    return output.path


def _names(keep: Iterable[str]) -> list[str]:
    if isinstance(keep, str):
        msg = f"`keep` must hold names, got the str {keep!r}. Pass a list, [{keep!r}]."
        raise TypeError(msg)
    return list(keep)


def _check_source(reader: EventReader, path: Path) -> None:
    if any(one.process is not None for one in reader.sources):
        msg = (
            "`source` must be files without processes, got a mapping. Apply the model "
            "to the files of each process."
        )
        raise TypeError(msg)
    if path.exists() and any(path.samefile(one.path) for one in reader.sources):
        msg = (
            f"`path` must be another file than the source, got {str(path)!r} for both. "
            "Write the scores to a new file."
        )
        raise FileExistsError(msg)


def _schema(
    reader: EventReader, kept: list[str], scorer: ScoreColumns, *, is_root: bool
) -> dict[str, Any]:
    """Return the dtypes of all columns that are written."""
    schema = {name: reader.dtypes[name] for name in kept}
    clash = sorted(set(schema) & set(scorer.dtypes))
    if clash:
        msg = (
            f"`keep` must not name columns of the scores, got {shown(clash)}. Leave "
            "them out, or rename them in the source."
        )
        raise ValueError(msg)
    texts = [
        n for n, d in schema.items() if not isinstance(d, np.dtype) or d.kind == "O"
    ]
    if is_root and texts:
        found = {name: str(schema[name]) for name in texts}
        msg = (
            "`keep` must name columns of plain numbers for a .root file, got "
            f"{found!r}. Leave them out, or write a .parquet file."
        )
        raise ValueError(msg)
    return schema | scorer.dtypes
