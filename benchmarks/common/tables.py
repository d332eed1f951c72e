"""The tables that the default network is judged on, each with what is known about it.

`TABLES` are functions of a number of events, or None for as many as the comparisons
take. What they return has the features as a DataFrame in `data`, with raw columns,
undefined values as nan and the dtype "category" where a column has no numbers; labels
in `target`, of which the larger one of two is the signal; weights in `sample_weight`,
without negative ones; the names of columns of categories in `categorical`; and in
`augmenter` the symmetries of the columns, or None. Counts, charges and b-tags are
numbers, as boosted trees take them.

| table | events | weights | categories | symmetries |
|---|---|---|---|---|
| higgsml | 15 000 | physics | PRI_jet_num | rotation, reflections |
| uci_higgs | 6 000 | none | | its azimuths are not in rad |
| htautau | 15 000 of 39 500 | `weight_true` | | rotation, reflections |
| diamonds | 10 000 of 53 940 | none | color, clarity | |
| breast_cancer | 569 | none | | |
| digits | 1 797, ten classes | none | | |
| higgs_toy | 10 000 | physics | PRI_jet_num | rotation, reflections |
| gaussian_toy | 5 000 | physics | | |
| tmva | 12 000 | of the background | | |

The real events and those of htautau, UCI HIGGS and TMVA are files, see
`real_events.py`: toy events stand in for those that are not there. plotnine, with the
diamonds, and uproot, which reads the file of TMVA, are in the dependency group `bench`.
"""

from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.utils import Bunch

from benchmarks.common.real_events import data_path
from benchmarks.common.samples import (
    real_events,
    signed_table,
    thinned,
    unweighted_table,
)
from skhep_dnn import SymmetryAugmenter
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events

__all__ = ["TABLES", "chosen_tables"]


def table(X, y, w=None, categorical=None, augmenter=None):
    """Return what is known about a table, as one record."""
    y = np.asarray(y)
    return Bunch(
        data=X.reset_index(drop=True),
        target=y,
        sample_weight=np.ones(len(y)) if w is None else np.asarray(w, dtype=float),
        categorical=categorical,
        augmenter=augmenter,
    )


def higgsml(n_events=None):
    """Real events of H -> tau tau against background, with physics weights."""
    events = real_events()
    if n_events is not None:
        events = thinned(events, max(1, len(events.target) // n_events))
    return _with_symmetries(events)


def higgs_toy(n_events=None):
    """Toy events with the columns and weights of the real ones."""
    return _with_symmetries(make_higgs_events(n_events or 10_000, random_state=0))


def gaussian_toy(n_events=None):
    """Two Gaussian classes, which a straight cut separates best."""
    events = make_gaussian_events(n_events or 5_000, random_state=0)
    return table(events.data, events.target, events.sample_weight)


def htautau(n_events=None):
    """H -> tau tau events with the weights that the signed ones have on average."""
    if not data_path("htautau_part1.parquet").exists():
        print("htautau_part1.parquet not found: toy events instead")
        return gaussian_toy(n_events)
    events = signed_table(n_events or 15_000)
    return table(
        events.data, events.target, events.true_weight, augmenter=SymmetryAugmenter()
    )


def uci_higgs(n_events=None):
    """UCI HIGGS events, without weights; the azimuths are scaled."""
    events = unweighted_table(n_events)
    return table(events.data, events.target, events.true_weight)


def ideal_diamonds(n_events=None):
    """Is a diamond's cut "Ideal"? From price, size and shape, color and clarity."""
    from plotnine.data import diamonds  # noqa: PLC0415 - in the group `bench`

    X = diamonds.sample(n_events or 10_000, random_state=0)
    y = (X["cut"] == "Ideal").to_numpy()
    return table(X.drop(columns="cut"), y, categorical=["color", "clarity"])


def breast_cancer(n_events=None):
    """Is a tumour benign? From thirty numbers of an image."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return _first(table(X, y), n_events)


def digits(n_events=None):
    """Which digit is it? From 8 x 8 pixels."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    return _first(table(X, y), n_events)


def tmva(n_events=None):
    """The events of the tutorials of TMVA, four correlated variables."""
    path = data_path("tmva_class_example.root")
    if not path.exists() or find_spec("uproot") is None:
        print(f"{path.name} or uproot not found: toy events instead")
        return gaussian_toy(n_events)
    import uproot  # noqa: PLC0415 - in the group `bench`

    with uproot.open(path) as file:
        parts = [file[name].arrays(library="np") for name in ("TreeS", "TreeB")]
    signal, background = (pd.DataFrame(part) for part in parts)
    both = pd.concat([signal.assign(weight=1.0), background], ignore_index=True)
    y = np.repeat(["s", "b"], [len(signal), len(background)])
    events = table(both.drop(columns="weight"), y, both["weight"])
    if n_events is None:
        return events
    return thinned(events, max(1, len(y) // n_events))


TABLES = {
    "higgsml": higgsml,
    "uci_higgs": uci_higgs,
    "htautau": htautau,
    "diamonds": ideal_diamonds,
    "breast_cancer": breast_cancer,
    "digits": digits,
    "higgs_toy": higgs_toy,
    "gaussian_toy": gaussian_toy,
    "tmva": tmva,
}


def chosen_tables(names):
    """Return the names of tables, of a text with commas; "all" are all of them.

    Parameters
    ----------
    names : str
        Such as "higgsml,diamonds".

    Raises
    ------
    ValueError
        If there is no table of a name.
    """
    chosen = list(TABLES) if names == "all" else names.split(",")
    unknown = [name for name in chosen if name not in TABLES]
    if unknown:
        msg = f"Tables must be among {list(TABLES)!r}, got {unknown!r}. Choose of them."
        raise ValueError(msg)
    return chosen


def _with_symmetries(events):
    return table(
        events.data,
        events.target,
        events.sample_weight,
        categorical=events.categorical,
        augmenter=SymmetryAugmenter(),
    )


def _first(events, n_events):
    if n_events is None:
        return events
    return table(
        events.data.iloc[:n_events],
        events.target[:n_events],
        events.sample_weight[:n_events],
    )
