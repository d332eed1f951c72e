"""Real and generated events of three analyses, and parts of them.

`ANALYSES` are functions of a number of events, or None for all in their order, that
give events with `true_weight` to judge by beside the weights to train on. The tables
that the default network is judged on are in `tables.py`.
"""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from benchmarks.common.real_events import data_path, higgsml_path
from skhep_dnn.datasets import (
    fetch_higgsml,
    make_gaussian_events,
    make_higgs_events,
)
from skhep_dnn.weights import scale_to_yields

__all__ = [
    "ANALYSES",
    "NOT_FEATURES",
    "part_of",
    "real_events",
    "signed_table",
    "strata",
    "thinned",
    "unweighted_table",
]


def real_events():
    """15 000 events of the HiggsML challenge with physics weights."""
    path = higgsml_path()
    if path.exists():
        return fetch_higgsml("train", path=path, rescale=True)
    print("real events not found: toy events instead")
    return make_higgs_events(15_000, random_state=0)


NOT_FEATURES = [
    "event_number",
    "run_number",
    "process",
    "label",
    "weight",
    "weight_true",
    "p_negative",
    "gen_boson_pt",
    "lep_flavour",
]


def higgs_table(n_events):
    """HiggsML events, every so many of them."""
    events = real_events()
    if n_events is not None:
        events = thinned(events, max(1, len(events.target) // n_events))
    return Bunch(**events, true_weight=events.sample_weight)


def signed_table(n_events):
    """H -> tau tau events with signed weights whose expectation is known."""
    table = _table("htautau_part1.parquet", n_events)
    if table is None:
        return _toy(n_events, negative_fraction=0.1)
    return Bunch(
        data=table.drop(columns=NOT_FEATURES).astype(np.float32),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=table["weight"].to_numpy(),
        true_weight=table["weight_true"].to_numpy(),
    )


def unweighted_table(n_events):
    """UCI HIGGS events, which have no weights."""
    table = _table("uci_higgs_part1.parquet", n_events)
    if table is None:
        return _toy(n_events)
    return Bunch(
        data=table.drop(columns="label").astype(np.float32),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=np.ones(len(table)),
        true_weight=np.ones(len(table)),
    )


def _table(name, n_events):
    path = data_path(name)
    if not path.exists():
        print(f"{name} not found: toy events instead")
        return None
    table = pd.read_parquet(path)
    if n_events is None:
        return table
    n_events = min(n_events, len(table))
    return table.sample(n_events, random_state=0).reset_index(drop=True)


def _toy(n_events, **options):
    events = make_gaussian_events(n_events or 10_000, random_state=0, **options)
    return Bunch(**events, true_weight=events.weight_true)


ANALYSES = {
    "higgsml": higgs_table,
    "htautau": signed_table,
    "uci_higgs": unweighted_table,
}


def thinned(events, step):
    """Every so many events, with weights that keep the yields."""
    keep = np.arange(0, len(events.target), step)
    return Bunch(
        data=events.data.iloc[keep].reset_index(drop=True),
        target=events.target[keep],
        sample_weight=step * events.sample_weight[keep],
        categorical=events.get("categorical"),
        augmenter=events.get("augmenter"),
    )


def part_of(events, rows):
    """Some of the events, with weights that are scaled to the full yields."""
    y, w = events.target, events.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    return Bunch(
        data=events.data.iloc[rows].reset_index(drop=True),
        target=y[rows],
        sample_weight=scale_to_yields(y[rows], w[rows], yields),
        categorical=events.get("categorical"),
        augmenter=events.get("augmenter"),
    )


def strata(events):
    """Class and jet multiplicity of each event, as one label."""
    jets = events.data["PRI_jet_num"].to_numpy().astype(int)
    return np.char.add(events.target.astype(str), jets.astype(str))
