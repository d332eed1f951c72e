"""The events that quality is measured on: real ones, and two kinds of toys."""

import numpy as np
from sklearn.utils import Bunch

from benchmarks.common.real_events import higgsml_path
from skhep_dnn.datasets import (
    fetch_higgsml,
    make_gaussian_events,
    make_higgs_events,
)
from skhep_dnn.weights import scale_to_yields

__all__ = ["SAMPLES", "part_of", "strata", "thinned"]


def real_events():
    """15 000 events of the HiggsML challenge with physics weights."""
    path = higgsml_path()
    if path.exists():
        return fetch_higgsml("train", path=path, rescale=True)
    print("real events not found: toy events instead")
    return make_higgs_events(15_000, random_state=0)


def higgs_toy():
    """10 000 toy events with the columns and weights of the real ones."""
    return make_higgs_events(10_000, random_state=0)


def gaussian_toy():
    """5 000 events of two Gaussian classes, which a straight cut separates best."""
    return make_gaussian_events(5_000, random_state=0)


SAMPLES = {
    "real": real_events,
    "higgs_toy": higgs_toy,
    "gaussian_toy": gaussian_toy,
}


def thinned(events, step):
    """Every so many events, with weights that keep the yields."""
    keep = np.arange(0, len(events.target), step)
    return Bunch(
        data=events.data.iloc[keep].reset_index(drop=True),
        target=events.target[keep],
        sample_weight=step * events.sample_weight[keep],
        categorical=events.get("categorical"),
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
    )


def strata(events):
    """Class and jet multiplicity of each event, as one label."""
    jets = events.data["PRI_jet_num"].to_numpy().astype(int)
    return np.char.add(events.target.astype(str), jets.astype(str))
