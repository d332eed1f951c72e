"""A HiggsML-like file small enough to be downloaded in every test."""

import dataclasses
import gzip

import numpy as np
import pytest

from skhep_dnn.datasets import _higgsml_file, make_higgs_events

N_EVENTS = {"t": 200, "b": 80, "v": 300, "u": 20}


def _normalised(weight, groups, yields):
    """Scale positive weights so that each class of each group has its yield."""
    total = weight.groupby(groups, observed=True).transform("sum")
    return weight / total * groups[0].map(yields)


@pytest.fixture(scope="session")
def small_events():
    """All events of a complete small file, as the columns of the real one."""
    n_events = sum(N_EVENTS.values())
    frame = make_higgs_events(n_events, random_state=3).frame
    frame = frame.drop(columns="process").fillna(-999.0)
    frame["KaggleSet"] = np.repeat(list(N_EVENTS), list(N_EVENTS.values()))
    yields = _higgsml_file.FILE.yields
    relative, label = frame["Weight"], frame["Label"]
    frame["Weight"] = _normalised(relative, [label], yields)
    frame["KaggleWeight"] = _normalised(relative, [label, frame["KaggleSet"]], yields)
    return frame


@pytest.fixture
def small_file(small_events, monkeypatch):
    """Bytes of the compressed small file, with the facts to verify it by."""
    facts = dataclasses.replace(_higgsml_file.FILE, n_events=N_EVENTS)
    monkeypatch.setattr(_higgsml_file, "FILE", facts)
    monkeypatch.delenv("SKHEP_DNN_DATA", raising=False)
    return gzip.compress(small_events.to_csv(index=False).encode())
