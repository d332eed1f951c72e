"""Histograms of weighted events against sums over them."""

import numpy as np
import pandas as pd

from skhep_dnn.export import to_hist
from skhep_dnn.metrics import optimal_binning

RNG = np.random.default_rng(0)
Y = np.repeat(["b", "s"], 2000)
SCORE = RNG.normal(size=4000) + 1.5 * (Y == "s")
PROCESS = np.where(Y == "s", "H", RNG.choice(["Z", "top"], 4000))
W = RNG.normal(1.0, 0.7, 4000)


def test_values_and_variances_are_sums_over_events():
    edges = [-10.0, 0.0, 1.0, 10.0]
    histogram = to_hist(Y, SCORE, W, bins=edges, process=PROCESS)["events"]
    assert list(histogram.axes["process"]) == ["H", "Z", "top"]
    np.testing.assert_array_equal(histogram.axes["score"].edges, edges)
    for name in ("H", "Z", "top"):
        rows = name == PROCESS
        one = histogram[name, :]
        expected = np.histogram(SCORE[rows], edges, weights=W[rows])[0]
        np.testing.assert_allclose(one.values(), expected)
        expected = np.histogram(SCORE[rows], edges, weights=W[rows] ** 2)[0]
        np.testing.assert_allclose(one.variances(), expected)


def test_bins_that_were_chosen_and_regions():
    binned = optimal_binning(Y, SCORE, np.abs(W), n_bins=3)
    X = pd.DataFrame({"n_jets": RNG.integers(0, 3, 4000)})
    histograms = to_hist(
        Y,
        SCORE,
        W,
        bins=binned,
        X=X,
        regions={"few": "n_jets < 1", "all": "n_jets < 9"},
    )
    assert list(histograms) == ["few", "all"]
    rows = (X["n_jets"] < 1).to_numpy() & (Y == "b")
    expected = np.bincount(binned.transform(SCORE[rows]), W[rows], 3)
    np.testing.assert_allclose(histograms["few"]["b", :].values(), expected)
    np.testing.assert_array_equal(histograms["all"].axes["score"].edges, binned.edges)


def test_labels_need_not_be_strings():
    histogram = to_hist([0, 1], [0.1, 0.9], bins=[0.0, 0.5, 1.0])["events"]
    assert list(histogram.axes["process"]) == ["1", "0"]
    np.testing.assert_array_equal(histogram.values(), [[0, 1], [1, 0]])
