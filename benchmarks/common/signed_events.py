"""Events whose weights have signs, and what those weights stand for.

`SIGNED_TABLES` are functions of a number of events. They return events with `data`,
`target` ("s" or "b"), `weight_true`, the expected weight at each point, and
`p_negative`, the probability that a sign is negative; `draw_signs` draws the weights to
train on anew. Of the Z + jets events, whose signs a generator at next-to-leading order
gave, the truth is not known: there both are None, and `sample_weight` is all there is.
A function returns None where the file of its events is not there.
"""

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from benchmarks.common.real_events import data_path
from benchmarks.common.samples import NOT_FEATURES
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events

__all__ = ["SIGNED_TABLES", "draw_signs", "split_events"]

FRACTION = 0.2  # of the events of toys, and of the background of UCI HIGGS
NOT_FEATURES_OF_Z_JETS = [
    "common",
    "lep_flavour",
    "weight_lhe",
    "event_number",
    "weight",
    "sample",
    "label",
]


def toy(make, pattern):
    """Events of a generator with signs in both classes."""

    def events(n_events):
        made = make(
            n_events,
            negative_fraction=FRACTION,
            negative_pattern=pattern,
            random_state=0,
        )
        return Bunch(
            data=made.data,
            target=made.target,
            sample_weight=made.sample_weight,
            weight_true=made.weight_true,
            p_negative=made.p_negative,
        )

    return events


def uci_higgs(pattern):
    """UCI HIGGS events of weight one; of the background, some are to be negative."""

    def events(_n_events):
        table = _table("uci_higgs_part1.parquet")
        if table is None:
            return None
        background = table["label"] == 0
        p = np.full(len(table), FRACTION)
        if pattern == "phase_space":
            # from 5 to 40 %, rising with the sum of the transverse momenta of the jets
            jets = table.filter(regex=r"^jet_\d_pt$").sum(axis=1)
            p = 0.05 + 0.35 * expit(2.0 * (jets - 4.0))
        return Bunch(
            data=table.drop(columns="label").astype(np.float32),
            target=np.where(background, "b", "s"),
            sample_weight=np.ones(len(table)),
            weight_true=np.ones(len(table)),
            p_negative=np.where(background, p, 0.0),
        )

    return events


def htautau(_n_events):
    """H -> tau tau events, whose Z events have signs that emulate matching at NLO."""
    table = _table("htautau_part1.parquet")
    if table is None:
        return None
    return Bunch(
        data=table.drop(columns=NOT_FEATURES).astype(np.float32),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=table["weight"].to_numpy(),
        weight_true=table["weight_true"].to_numpy(),
        p_negative=table["p_negative"].to_numpy(),
    )


def z_jets(_n_events):
    """Z + jets of FxFx (NLO, signed weights, "s") and MLM (LO, "b"), common cuts."""
    table = _table("zjets_nlo_part1.parquet")
    if table is None:
        return None
    table = table[table["common"] == 1].reset_index(drop=True)
    return Bunch(
        data=table.drop(columns=NOT_FEATURES_OF_Z_JETS).astype(np.float32),
        target=np.where(table["label"] == 1, "s", "b"),
        sample_weight=table["weight"].to_numpy(),
        weight_true=None,
        p_negative=None,
    )


SIGNED_TABLES = {
    "gaussian_flat": toy(make_gaussian_events, "flat"),
    "gaussian_phase_space": toy(make_gaussian_events, "phase_space"),
    "higgs_toy_flat": toy(make_higgs_events, "flat"),
    "higgs_toy_phase_space": toy(make_higgs_events, "phase_space"),
    "uci_higgs_flat": uci_higgs("flat"),
    "uci_higgs_phase_space": uci_higgs("phase_space"),
    "htautau": htautau,
    "z_jets": z_jets,
}


def split_events(events, n_train, n_judged):
    """Events to train on and others to judge by, at most three quarters to train on."""
    n_events = len(events.target)
    n_train = min(n_train, 3 * n_events // 4)
    return [
        _rows(events, rows)
        for rows in train_test_split(
            np.arange(n_events),
            train_size=n_train,
            test_size=min(n_judged, n_events - n_train),
            stratify=events.target,
            random_state=0,
        )
    ]


def draw_signs(events, rng):
    """Weights whose expectation is the truth; those that are given, where it is not."""
    if events.weight_true is None:
        return events.sample_weight
    sign = np.where(rng.random(len(events.target)) < events.p_negative, -1.0, 1.0)
    return sign * events.weight_true / (1.0 - 2.0 * events.p_negative)


def _rows(events, rows):
    parts = {name: value for name, value in events.items() if value is not None}
    parts["data"] = parts["data"].iloc[rows].reset_index(drop=True)
    others = {name: v[rows] for name, v in parts.items() if name != "data"}
    return Bunch(**(dict(events) | parts | others))


def _table(name):
    path = data_path(name)
    if not path.exists():
        print(f"{name} not found")
        return None
    return pd.read_parquet(path)
