"""The file of the HiggsML challenge: reading it and verifying it by its content.

No checksum of the file is published, so what it must contain is checked: the columns,
the event numbers, the number of events of each subset and the sums of the weights.
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skhep_dnn.datasets._layout import CATEGORICAL, FEATURES
from skhep_dnn.exceptions import DataFileError

__all__ = ["FILE", "FileFacts", "Subset", "count_full", "read_higgsml"]

_COLUMNS = ("EventId", *FEATURES, "Weight", "Label", "KaggleSet", "KaggleWeight")
_UNDEFINED = -999.0
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Subset:
    """One subset of the file.

    Attributes
    ----------
    letters : str
        Values of "KaggleSet" that belong to it.
    weight : str
        Column whose sums over the subset are the expected yields.
    sums_known : bool
        Whether these sums are verified. Those of the events that the challenge left
        unused are not documented.
    """

    letters: str
    weight: str
    sums_known: bool = True


@dataclass(frozen=True)
class FileFacts:
    """What the complete file contains.

    Attributes
    ----------
    first_event_id : int
        Smallest event number; they are consecutive.
    n_events : dict of str to int
        Number of events for each value of "KaggleSet".
    yields : dict of str to float
        Expected events of each class: the sums of "Weight" over the file and of
        "KaggleWeight" over each subset.
    subsets : dict of str to Subset
        The subsets by name.
    """

    first_event_id: int
    n_events: dict[str, int]
    yields: dict[str, float]
    subsets: dict[str, Subset]


FILE = FileFacts(
    first_event_id=100_000,
    n_events={"t": 250_000, "b": 100_000, "v": 450_000, "u": 18_238},
    yields={"s": 691.988607711987, "b": 410_999.847321811},
    subsets={
        "train": Subset("t", "KaggleWeight"),
        "public": Subset("b", "KaggleWeight"),
        "private": Subset("v", "KaggleWeight"),
        "unused": Subset("u", "KaggleWeight", sums_known=False),
        "all": Subset("tbvu", "Weight"),
    },
)


def count_full(subset: str) -> int:
    """Return the number of events of a subset in the complete file.

    Parameters
    ----------
    subset : str
        Name of the subset.

    Returns
    -------
    n_events : int
    """
    return sum(FILE.n_events[letter] for letter in FILE.subsets[subset].letters)


def read_higgsml(path: Path, *, complete: bool) -> pd.DataFrame:
    """Read the file or a part of it, verify it and mark undefined values.

    Parameters
    ----------
    path : Path
        A .csv or .csv.gz file.
    complete : bool
        Whether the file must contain all events.

    Returns
    -------
    frame : DataFrame of shape (n_events, 35)
        The columns of the file; undefined features are nan.

    Raises
    ------
    DataFileError
        If the content is not that of the file or of a part of it.
    """
    frame = _parse(path)
    _check_values(frame)
    _check_event_ids(frame)
    _check_weight_ratio(frame)
    for name in FILE.subsets:
        _check_subset(frame, name, complete=complete)
    continuous = [name for name in FEATURES if name not in CATEGORICAL]
    features = frame[continuous]
    frame[continuous] = features.mask(features == _UNDEFINED)
    return frame


def _parse(path: Path) -> pd.DataFrame:
    whole = dict.fromkeys(("EventId", *CATEGORICAL), np.int64)
    text = dict.fromkeys(("Label", "KaggleSet"), "category")
    dtypes = dict.fromkeys(_COLUMNS, np.float64) | whole | text
    try:
        header = pd.read_csv(path, nrows=0).columns
        missing = [name for name in _COLUMNS if name not in header]
        if not missing:
            return pd.read_csv(path, usecols=list(_COLUMNS), dtype=dtypes)
    except (EOFError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        msg = (
            "The content must be a table of the HiggsML challenge, got something that "
            f"cannot be read ({type(error).__name__}: {error})."
        )
        raise DataFileError(msg) from error
    msg = (
        f"The columns must be those of the HiggsML file, got {len(header)} columns "
        f"without {missing[:5]!r}."
    )
    raise DataFileError(msg)


def _check_values(frame: pd.DataFrame) -> None:
    if frame.empty:
        msg = "The file must contain events, got only the column names."
        raise DataFileError(msg)
    empty = frame.columns[frame.isna().any()].tolist()
    if empty:
        msg = f"Every column must be filled for every event, got gaps in {empty[:5]!r}."
        raise DataFileError(msg)
    for name, allowed in (("Label", FILE.yields), ("KaggleSet", FILE.n_events)):
        unknown = sorted(set(frame[name].unique()) - set(allowed))
        if unknown:
            msg = f"`{name}` must be one of {list(allowed)!r}, got {unknown[:5]!r}."
            raise DataFileError(msg)
    for name in ("Weight", "KaggleWeight"):
        wrong = ~(np.isfinite(frame[name]) & (frame[name] > 0.0))
        if wrong.any():
            msg = f"`{name}` must be positive, got {frame[name][wrong].iloc[0]!r}."
            raise DataFileError(msg)


def _check_weight_ratio(frame: pd.DataFrame) -> None:
    """Check that the two weights of each training event tell the same.

    `KaggleWeight` is `Weight` times one constant for each class of a subset, to the
    twelve digits of the file. This finds a number that was changed or cut short even
    in a part of the file. It is checked for the training events, for which it was
    seen to hold.
    """
    events = frame[frame["KaggleSet"] == "t"]
    ratio = events["KaggleWeight"] / events["Weight"]
    typical = ratio.groupby(events["Label"]).transform("median")
    wrong = (ratio / typical - 1.0).abs() > _TOLERANCE
    if wrong.any():
        number = events["EventId"][wrong].iloc[0]
        msg = (
            "`KaggleWeight` must be `Weight` times one constant for each class, got "
            f"another ratio for {wrong.sum()} events, the first one {number}."
        )
        raise DataFileError(msg)


def _check_event_ids(frame: pd.DataFrame) -> None:
    first = FILE.first_event_id
    last = first + sum(FILE.n_events.values()) - 1
    outside = frame["EventId"][~frame["EventId"].between(first, last)]
    if len(outside):
        msg = (
            f"`EventId` must be between {first} and {last}, got {len(outside)} others, "
            f"the first one {outside.iloc[0]}."
        )
        raise DataFileError(msg)
    repeated = frame["EventId"][frame["EventId"].duplicated()]
    if len(repeated):
        msg = (
            f"Each `EventId` must occur once, got {len(repeated)} repeated ones, the "
            f"first one {repeated.iloc[0]}."
        )
        raise DataFileError(msg)


def _check_subset(frame: pd.DataFrame, name: str, *, complete: bool) -> None:
    subset, n_full = FILE.subsets[name], count_full(name)
    events = frame[frame["KaggleSet"].isin(list(subset.letters))]
    if len(events) > n_full or (complete and len(events) < n_full):
        bound = "" if complete else "at most "
        msg = f"Subset {name!r} must have {bound}{n_full} events, got {len(events)}."
        raise DataFileError(msg)
    if not subset.sums_known:
        return
    for label, expected in FILE.yields.items():
        total = events.loc[events["Label"] == label, subset.weight].sum()
        too_low = len(events) == n_full and total < expected * (1.0 - _TOLERANCE)
        if too_low or total > expected * (1.0 + _TOLERANCE):
            bound = "" if len(events) == n_full else "at most "
            msg = (
                f"`{subset.weight}` of class {label!r} in subset {name!r} must sum to "
                f"{bound}{expected:.6g}, got {total:.6g}."
            )
            raise DataFileError(msg)
