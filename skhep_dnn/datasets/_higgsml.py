"""The simulated events of the HiggsML challenge, from CERN open data or a local file.

The file is searched for, read, verified by its content and handed out by subset, with
the weights whose sums are the expected yields.
"""

import logging
import os
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.utils import Bunch

from skhep_dnn.datasets import _higgsml_file
from skhep_dnn.datasets._download import default_cache, download
from skhep_dnn.datasets._higgsml_file import count_full, read_higgsml
from skhep_dnn.datasets._layout import FEATURES, events_bunch
from skhep_dnn.exceptions import DataFileError

__all__ = ["fetch_higgsml"]

_logger = logging.getLogger(__name__)

_FILE_NAME = "atlas-higgs-challenge-2014-v2.csv.gz"
_URL = f"http://opendata.cern.ch/record/328/files/{_FILE_NAME}"
_ENVIRONMENT = "SKHEP_DNN_DATA"
_LOCAL_NAMES = (_FILE_NAME, _FILE_NAME.removesuffix(".gz"), "higgsml*.csv*")
_DESCR = """\
Simulated proton-proton collisions of the ATLAS experiment: Higgs bosons that decay to
two taus against Z bosons, pairs of top quarks and W bosons. ATLAS collaboration,
"Dataset from the ATLAS Higgs Boson Machine Learning Challenge 2014", CERN Open Data
Portal, DOI 10.7483/OPENDATA.ATLAS.ZBP2.M5T8.
"""

SubsetName = Literal["train", "public", "private", "unused", "all"]


def fetch_higgsml(
    subset: SubsetName = "train",
    *,
    path: str | os.PathLike[str] | None = None,
    data_home: str | os.PathLike[str] | None = None,
    url: str = _URL,
    download_if_missing: bool = True,
    rescale: bool = False,
    progressbar: bool = True,
) -> Bunch:
    """Load the events of the HiggsML challenge, downloading them on first use.

    The 818 238 events of the CERN open data file (about 60 MB compressed), or those
    of a local file that holds a part of it. The file is verified by its content: the
    columns, the event numbers, the size of each subset and the sums of the weights.
    A download that breaks off or fails this check leaves nothing behind.

    Parameters
    ----------
    subset : {"train", "public", "private", "unused", "all"}, default="train"
        The sets of the challenge: 250 000 events for training, 100 000 and 450 000
        for the public and the private ranking, and 18 238 that it did not use.
    path : path-like, default=None
        A local .csv or .csv.gz file: the whole file or a part of its rows. None
        searches `data_home`, or the folder that the environment variable
        `SKHEP_DNN_DATA` names, or the cache, and downloads the file if need be.
    data_home : path-like, default=None
        Folder of the downloaded file. None takes the folder in `SKHEP_DNN_DATA`,
        which must hold the file under its own name (.csv or .csv.gz) or exactly one
        file named "higgsml*.csv" or "higgsml*.csv.gz"; without this variable, the
        cache folder of the operating system.
    url : str, default="http://opendata.cern.ch/record/328/files/\
atlas-higgs-challenge-2014-v2.csv.gz"
        Address of the file, for mirrors.
    download_if_missing : bool, default=True
        Whether to download the file if it is not found.
    rescale : bool, default=False
        Scale the weights of each class to the full expected yields, as needed before a
        significance is computed from a part of the file.
    progressbar : bool, default=True
        Show the progress of a download on the standard error stream.

    Returns
    -------
    bunch : Bunch
        A dictionary with attribute access and these entries:

        frame : DataFrame of shape (n_samples, 34)
            "EventId", the features, the weight column, "Label" and "KaggleSet".
        data : DataFrame of shape (n_samples, 30)
            The features; nan where undefined (-999 in the file), angles in rad, the
            number of jets an integer, the others in GeV.
        target : ndarray of shape (n_samples,)
            Labels "s" and "b".
        sample_weight : ndarray of shape (n_samples,)
            Physics weights, in events: column "KaggleWeight" of the file, normalised
            within each subset, or column "Weight" for "all".
        event_number : ndarray of shape (n_samples,)
            Unique numbers, for folds.
        weight_name : str
            Column of the weights.
        feature_names, primitive, derived, categorical : list of str
            All features, the measured ones, those computed from them, and those that
            are categories.
        momenta : dict of str to tuple
            Columns of (pt, eta, phi) per particle; eta is None for the missing
            momentum.
        share : float
            Fraction of the events of the subset that the file contains.
        class_share : dict of str to float
            The same by weight and class, before any rescaling.
        n_events_full : int
            Number of events of the subset in the complete file.
        DESCR : str
            Description, source and share.

    Raises
    ------
    ValueError
        If `subset` is unknown.
    DataFileError
        If the content of the file is not as expected, or it has no event of the
        subset, or of a class that is to be rescaled.
    DownloadError
        If the file cannot be downloaded.
    FileNotFoundError
        If a file or folder that was named does not exist, or the file is missing and
        `download_if_missing` is false.
    ImportError
        If pooch is needed and not installed: `pip install "skhep-dnn[data]"`.

    See Also
    --------
    make_higgs_events : Toy events with the same columns.

    Notes
    -----
    The weights sum to 691.99 signal and 410 999.85 background events in each subset.
    For "unused" these sums are not documented and therefore not verified;
    `class_share` tells them.

    References
    ----------
    .. [1] ATLAS collaboration, "Dataset from the ATLAS Higgs Boson Machine Learning
       Challenge 2014", CERN Open Data Portal, DOI 10.7483/OPENDATA.ATLAS.ZBP2.M5T8.

    Examples
    --------
    >>> from skhep_dnn.datasets import fetch_higgsml
    >>> events = fetch_higgsml("train")  # doctest: +SKIP
    >>> events.data.shape  # doctest: +SKIP
    (250000, 30)
    """
    if not isinstance(subset, str) or subset not in _higgsml_file.FILE.subsets:
        remedy = "Choose one of them."
        if _is_path(subset):
            remedy = (
                f"Pass a file by its keyword, `path={str(subset)!r}`, and a folder as "
                "`data_home`."
            )
        msg = (
            f"`subset` must be one of {list(_higgsml_file.FILE.subsets)!r}, got "
            f"{subset!r}. {remedy}"
        )
        raise ValueError(msg)
    local = _local_file(path, data_home)
    if local is not None:
        remedy = "Pass an undamaged copy of the file or of a part of it."
        events = _read(local, remedy, complete=False)
    else:
        folder = default_cache() if data_home is None else Path(data_home).expanduser()
        events = _cached(folder, url, download_if_missing, progressbar)
    return _bunch(events, subset, rescale=rescale)


def _is_path(value: object) -> bool:
    """Tell whether a value is a path that was meant for another parameter."""
    if isinstance(value, os.PathLike):
        return True
    return isinstance(value, str) and (
        os.sep in value or Path(value).suffix != "" or Path(value).exists()
    )


def _local_file(
    path: str | os.PathLike[str] | None, data_home: str | os.PathLike[str] | None
) -> Path | None:
    """Return the file that `path` or the environment names, if any does."""
    if path is not None:
        file = Path(path).expanduser()
        if not file.is_file():
            remedy = "Correct the path."
            if file.is_dir():
                remedy = "Pass a folder that holds the file as `data_home`."
            msg = f"`path` must be a file, got {str(file)!r}. {remedy}"
            raise FileNotFoundError(msg)
        return file
    folder_name = os.environ.get(_ENVIRONMENT)
    if data_home is not None or not folder_name:
        return None
    folder = Path(folder_name).expanduser()
    for pattern in _LOCAL_NAMES:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            msg = (
                f"The folder in {_ENVIRONMENT} must have one file {pattern!r}, got "
                f"{[file.name for file in found]!r}. Name the one you want with `path`."
            )
            raise DataFileError(msg)
        if found:
            return found[0]
    msg = (
        f"The folder in {_ENVIRONMENT} must have a file named like one of "
        f"{list(_LOCAL_NAMES)!r}, got none in {str(folder)!r}. Put it there, or unset "
        "the variable to download it."
    )
    raise FileNotFoundError(msg)


def _read(file: Path, remedy: str, *, complete: bool) -> pd.DataFrame:
    try:
        return read_higgsml(file, complete=complete)
    except DataFileError as error:
        msg = f"{error} The file is {str(file)!r}. {remedy}"
        raise DataFileError(msg) from error


def _cached(
    folder: Path, url: str, download_if_missing: bool, progressbar: bool
) -> pd.DataFrame:
    file = folder / _FILE_NAME
    if file.exists():
        remedy = "It was damaged after its download: delete it and call again."
        return _read(file, remedy, complete=True)
    if not download_if_missing:
        msg = (
            f"The file must exist with `download_if_missing=False`, got no "
            f"{str(file)!r}. Allow the download, or pass the `path` of a local file."
        )
        raise FileNotFoundError(msg)
    read = partial(read_higgsml, complete=True)
    return download(url, file, read, progressbar=progressbar)


def _bunch(events: pd.DataFrame, subset: SubsetName, *, rescale: bool) -> Bunch:
    facts = _higgsml_file.FILE
    letters, weight = facts.subsets[subset].letters, facts.subsets[subset].weight
    columns = ["EventId", *FEATURES, weight, "Label", "KaggleSet"]
    frame = events.loc[events["KaggleSet"].isin(list(letters)), columns]
    frame = frame.reset_index(drop=True)
    if frame.empty:
        present = events["KaggleSet"].value_counts().to_dict()
        msg = (
            f"Subset {subset!r} must have events in the file, got none (events by "
            f"`KaggleSet`: {present!r}). Choose another subset or a larger file."
        )
        raise DataFileError(msg)
    is_class = {label: frame["Label"] == label for label in facts.yields}
    class_share = {
        label: float(frame.loc[chosen, weight].sum() / facts.yields[label])
        for label, chosen in is_class.items()
    }
    if rescale:
        _check_rescalable(class_share, subset)
        for label, chosen in is_class.items():
            frame.loc[chosen, weight] /= class_share[label]
    return _described(frame, subset, class_share, rescale=rescale)


def _check_rescalable(class_share: dict[str, float], subset: str) -> None:
    empty = [label for label, share in class_share.items() if share == 0.0]
    if empty:
        msg = (
            f"Both classes must have events to be rescaled, got none of class "
            f"{empty[0]!r} in subset {subset!r}. Pass `rescale=False` or a larger file."
        )
        raise DataFileError(msg)


def _described(
    frame: pd.DataFrame, subset: str, class_share: dict[str, float], *, rescale: bool
) -> Bunch:
    n_full = count_full(subset)
    weights = "rescaled to the full yields" if rescale else "as in the file"
    by_class = " and ".join(f"{x:.2%} of {label!r}" for label, x in class_share.items())
    statement = (
        f"Subset {subset!r}: {len(frame)} of {n_full} events, with {by_class} by "
        f"weight; the weights are {weights}."
    )
    if len(frame) < n_full:
        _logger.info("A part of the HiggsML data. %s", statement)
    return events_bunch(
        frame.astype({"Label": str, "KaggleSet": str}),
        weight_name=_higgsml_file.FILE.subsets[subset].weight,
        share=len(frame) / n_full,
        class_share=class_share,
        n_events_full=n_full,
        DESCR=f"{_DESCR}\n{statement}\n",
    )
