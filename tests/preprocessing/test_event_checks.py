"""Values that cannot be those of momenta are refused, conventions are accepted."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.exceptions import AzimuthRangeWarning
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)

NAMES = ["tau_pt", "tau_eta", "tau_phi"]


def momenta(n=200, low=-math.pi, seed=0):
    rng = np.random.default_rng(seed)
    columns = [rng.exponential(30.0, n), rng.normal(size=n)]
    phi = low + 2.0 * math.pi * rng.random(n)
    return pd.DataFrame(np.stack([*columns, phi], axis=1), columns=NAMES)


@pytest.mark.parametrize("model", [SymmetryAugmenter(), CartesianMomenta()])
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("tau_pt", -1.0, r"'tau_pt' must not be negative, got -1.0.*before scaling"),
        ("tau_pt", -999.0, r"pass `missing_values=-999.0`"),
        ("tau_phi", 170.0, r"'tau_phi' must be in rad.*got 170.0.*np.deg2rad"),
        ("tau_phi", -6.4, r"'tau_phi' must be in rad.*got -6.4"),
        ("tau_phi", math.inf, r"'tau_phi' must be in rad.*got inf"),
    ],
)
def test_refused(model, column, value, message):
    X = momenta()
    X.loc[3, column] = value
    with pytest.raises(ValueError, match=message):
        model.fit(X)


@pytest.mark.parametrize("model", [SymmetryAugmenter(), CartesianMomenta()])
def test_standardised_momenta(model):
    X = StandardScaler().set_output(transform="pandas").fit_transform(momenta())
    with pytest.raises(
        ValueError, match=r"physical units, got columns that were stand"
    ):
        model.fit(X)


@pytest.mark.parametrize("marker", [0.0, math.inf, -math.inf])
@pytest.mark.parametrize("model", [SymmetryAugmenter(), CartesianMomenta()])
def test_markers_that_momenta_can_have(model, marker):
    with pytest.raises(ValueError, match=r"`missing_values` must be nan or a value"):
        clone(model).set_params(missing_values=marker).fit(momenta())


def test_standardised_with_a_column_that_is_undefined():
    X = StandardScaler().set_output(transform="pandas").fit_transform(momenta())
    X.insert(0, "jet_phi", math.nan)
    X.insert(0, "jet_pt", math.nan)
    with pytest.raises(ValueError, match="standardised"):
        SymmetryAugmenter().fit(X)


def test_standardised_components():
    X = CartesianMomenta().fit_transform(momenta())
    SymmetryAugmenter().fit(X)
    scaled = StandardScaler().set_output(transform="pandas").fit_transform(X)
    with pytest.raises(ValueError, match="standardised"):
        SymmetryAugmenter().fit(scaled)


@pytest.mark.parametrize("low", [-math.pi, 0.0])
def test_both_ranges_of_azimuths(low):
    X = momenta(low=low)
    augmenter = SymmetryAugmenter().fit(X)
    assert augmenter.kernel_.phi_low == low
    for table in (augmenter.augment(X, random_state=0), *augmenter.variants(X)):
        assert table["tau_phi"].between(low, low + 2.0 * math.pi).all()


def test_range_of_few_azimuths():
    X = momenta()
    X["tau_phi"] = np.abs(X["tau_phi"])
    assert SymmetryAugmenter().fit(X).kernel_.phi_low == -math.pi


def test_rounded_azimuths():
    X = momenta()
    X.loc[0, "tau_phi"], X.loc[1, "tau_phi"] = 3.142, -3.142
    assert SymmetryAugmenter().fit(X).kernel_.phi_low == -math.pi
    X["tau_phi"] = (X["tau_phi"] % (2.0 * math.pi)).round(2)
    assert SymmetryAugmenter().fit(X).kernel_.phi_low == 0.0


def test_marked_values_are_not_looked_at():
    X = momenta()
    X.iloc[:20] = -999.0
    X.iloc[20:30] = np.nan
    SymmetryAugmenter(missing_values=-999.0).fit(X)
    CartesianMomenta(missing_values=-999.0).fit(X)


MODELS = [
    SymmetryAugmenter(),
    SymmetryAligner(leading="tau"),
    CartesianMomenta(),
    InvariantFeatures(),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("low", "factor"),
    [
        (-math.pi, math.sqrt(3.0) / math.pi),  # standardised
        (-math.pi, 1.0 / 1.8024),  # the public HIGGS table of 11 million events
        (-math.pi, 1.0 / math.pi),
        (-math.pi, 2.0 / math.pi),  # quarter turns
        (-math.pi, 0.5 / math.pi),
        (0.0, 1.0 / math.pi),
        (0.0, 0.5 / math.pi),
    ],
)
def test_azimuths_that_are_not_in_rad_are_asked_about(model, low, factor):
    X = momenta(low=low)
    X["tau_phi"] *= factor
    largest = X["tau_phi"].abs().max()
    message = rf"{largest:.4g} in 'tau_phi'.*pi / {largest:.4g} = .*ignore this Azimuth"
    with pytest.warns(AzimuthRangeWarning, match=message):
        model.fit(X)


def test_only_the_azimuths_in_doubt_are_named():
    X = momenta()
    X[["lep_pt", "lep_eta", "lep_phi"]] = momenta(seed=1).to_numpy()
    X["lep_phi"] /= math.pi
    with pytest.warns(AzimuthRangeWarning) as caught:
        SymmetryAugmenter().fit(X)
    assert [str(one.message).count("_phi'") for one in caught] == [1]
    assert caught[0].filename == __file__


@pytest.mark.parametrize("n", [2, 10, 49])
def test_few_azimuths_are_no_reason_to_ask(n):
    for seed in range(20):
        X = momenta(n, seed=seed)
        X["tau_phi"] *= 0.5
        SymmetryAugmenter().fit(X)


def test_one_orientation_and_copies_are_no_reason_to_ask():
    X = momenta()
    SymmetryAugmenter(reflections="").fit(X.assign(tau_phi=0.0))
    few = momenta(40).assign(tau_phi=lambda table: table["tau_phi"] / 2.0)
    SymmetryAugmenter().fit(pd.concat([few] * 5))
    aligner = SymmetryAligner(drop_constant=False)
    table = aligner.fit_transform(make_higgs_events(500, random_state=0).data)
    SymmetryAugmenter().fit(table)


@pytest.mark.parametrize("n", [50, 100, 3000])
def test_toys_are_not_asked_about(n):
    for seed in range(5):
        X = make_higgs_events(n, random_state=seed).data
        SymmetryAugmenter(reflections="").fit(X)
        X = X.apply(lambda c: c % (2.0 * math.pi) if c.name.endswith("phi") else c)
        SymmetryAugmenter(reflections="").fit(X)
