"""The augmenter: what changes, what does not, and that nothing passed in does."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from sklearn.base import clone

import skhep_dnn
from skhep_dnn.datasets._kinematics import derived_features
from skhep_dnn.preprocessing import SymmetryAugmenter

ANGLES = ["PRI_tau_phi", "PRI_lep_phi", "PRI_met_phi"]


def test_top_level_name():
    assert skhep_dnn.SymmetryAugmenter is SymmetryAugmenter


def test_derived_features_are_invariant(X):
    augmenter = SymmetryAugmenter().fit(X)
    expected = derived_features(X)
    for table in (augmenter.augment(X, random_state=1), *augmenter.variants(X)):
        pd.testing.assert_frame_equal(derived_features(table), expected, rtol=1e-9)


def test_real_events_have_invariant_features(higgsml_file):
    events = skhep_dnn.datasets.fetch_higgsml("train", path=higgsml_file)
    X = events.data
    augmenter = SymmetryAugmenter().fit(X)
    assert len(augmenter.momenta_) == 5
    table = augmenter.augment(X, random_state=0)
    difference = (derived_features(table) - derived_features(X)).abs()
    assert difference.max().max() < 1e-6


def test_angles_are_uniform_and_signs_even(X):
    big = pd.concat([X.iloc[:1]] * 20_000, ignore_index=True)
    augmenter = SymmetryAugmenter().fit(X)
    table = augmenter.augment(big, random_state=0)
    for name in ANGLES:
        assert kstest(table[name], "uniform", (-math.pi, 2.0 * math.pi)).pvalue > 1e-3
    eta = big["PRI_lep_eta"].iloc[0]
    n_flipped = (table["PRI_lep_eta"] == -eta).sum()
    assert abs(n_flipped - 10_000) < 5 * math.sqrt(5_000)
    turn = (table["PRI_tau_phi"] - table["PRI_lep_phi"]) % (2.0 * math.pi)
    mirrored = ~np.isclose(turn, turn.iloc[0])
    assert abs(mirrored.mean() - 0.5) < 0.02


def test_only_what_is_declared_changes(X):
    augmenter = SymmetryAugmenter(rotation=False, reflections="z").fit(X)
    table = augmenter.augment(X, random_state=0)
    changed = {name for name in X if not table[name].equals(X[name])}
    assert changed == {name for name in X if name.endswith("_eta")}
    augmenter = SymmetryAugmenter(reflections="").fit(X)
    table = augmenter.augment(X, random_state=0)
    changed = {name for name in X if not table[name].equals(X[name])}
    assert changed == {name for name in X if name.endswith("_phi")}


def test_signed_columns(X):
    X["q"] = np.sin(X["PRI_tau_phi"] - X["PRI_lep_phi"]) * np.sign(X["PRI_lep_eta"])
    augmenter = SymmetryAugmenter(odd_under={"q": "xyz"}).fit(X)
    for table in (augmenter.augment(X, random_state=0), *augmenter.variants(X)):
        expected = np.sin(table["PRI_tau_phi"] - table["PRI_lep_phi"])
        expected *= np.sign(table["PRI_lep_eta"])
        np.testing.assert_allclose(table["q"], expected, atol=1e-12)


def test_variants_are_eight_different_tables(X):
    augmenter = SymmetryAugmenter().fit(X)
    tables = list(augmenter.variants(X))
    pd.testing.assert_frame_equal(tables[0], X)
    assert len({table.to_numpy().tobytes() for table in tables}) == 8


def test_seeds(X):
    augmenter = SymmetryAugmenter().fit(X)
    one, same = (augmenter.augment(X, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, same)
    rng = np.random.RandomState(3)
    pd.testing.assert_frame_equal(augmenter.augment(X, rng), one)
    assert not augmenter.augment(X, rng).equals(one)
    assert not augmenter.augment(X).equals(augmenter.augment(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_are_frames(X, dtype):
    X = X.astype(dtype)
    momenta = [tuple(X.columns.get_indexer(names)) for names in GROUPS]
    frame = SymmetryAugmenter().fit(X)
    array = SymmetryAugmenter(cylindrical=momenta).fit(X.to_numpy())
    table = array.augment(X.to_numpy(), random_state=0)
    assert table.dtype == dtype
    np.testing.assert_array_equal(table, frame.augment(X, random_state=0).to_numpy())
    assert array.kernel_ == frame.kernel_


GROUPS = [
    ["PRI_tau_pt", "PRI_tau_eta", "PRI_tau_phi"],
    ["PRI_lep_pt", "PRI_lep_eta", "PRI_lep_phi"],
    ["PRI_met", "PRI_met_phi"],
    ["PRI_jet_leading_pt", "PRI_jet_leading_eta", "PRI_jet_leading_phi"],
    ["PRI_jet_subleading_pt", "PRI_jet_subleading_eta", "PRI_jet_subleading_phi"],
]


def test_other_columns_may_be_of_any_kind(X):
    X["PRI_jet_num"] = X["PRI_jet_num"].astype("category")
    X["name"] = "event"
    table = SymmetryAugmenter().fit(X).augment(X, random_state=0)
    pd.testing.assert_series_equal(table["PRI_jet_num"], X["PRI_jet_num"])
    pd.testing.assert_series_equal(table["name"], X["name"])


def test_undefined_objects_stay_undefined(X):
    marked = X.fillna(-999.0)
    augmenter = SymmetryAugmenter(missing_values=-999.0).fit(marked)
    table = augmenter.augment(marked, random_state=0)
    expected = SymmetryAugmenter().fit(X).augment(X, random_state=0).fillna(-999.0)
    pd.testing.assert_frame_equal(table, expected)


def test_nothing_passed_in_is_changed(X):
    before = X.copy()
    augmenter = SymmetryAugmenter().fit(X)
    augmenter.augment(X, random_state=0)
    list(augmenter.variants(X))
    augmenter.transform(X)
    augmenter.check_symmetry(X.iloc[:100], n_permutations=5, random_state=0)
    pd.testing.assert_frame_equal(X, before)


def test_kernel_for_other_orders(X):
    augmenter = SymmetryAugmenter().fit(X)
    assert augmenter.kernel() is augmenter.kernel_
    order = [*range(29, 12, -1), 0]
    moved = augmenter.kernel(order)
    assert [order[i] for i in moved.phi] == list(augmenter.kernel_.phi)
    with pytest.raises(ValueError, match="`positions` must contain every declared"):
        augmenter.kernel(range(20))


def test_repr_shows_the_momenta(X):
    augmenter = SymmetryAugmenter(reflections="yz")
    assert repr(augmenter) == "SymmetryAugmenter(reflections='yz')"
    augmenter.fit(X)
    assert "PRI_met (PRI_met, PRI_met_phi)" in repr(augmenter)
    assert "PRI_met (PRI_met, PRI_met_phi)" in augmenter._repr_html_()
    assert "momenta" not in clone(augmenter)._repr_html_()


def test_transform_aligns(X):
    augmenter = SymmetryAugmenter().fit(X)
    table = augmenter.transform(X)
    assert table.shape == (2_000, 29)
    assert list(augmenter.get_feature_names_out()) == list(table)
    assert (table["PRI_tau_phi"] > 0.0).all()


def test_transform_needs_rotations(X):
    augmenter = SymmetryAugmenter(rotation=False).fit(X)
    with pytest.raises(ValueError, match="`rotation` must be True to align"):
        augmenter.transform(X)


def test_augmentation_needs_no_leading_object(X):
    X = X.rename(columns=lambda name: name.replace("lep", "muon"))
    augmenter = SymmetryAugmenter().fit(X)
    augmenter.augment(X)
    with pytest.raises(ValueError, match="`leading` must name one of the momenta"):
        augmenter.transform(X)


def test_other_columns_are_refused_later(X):
    augmenter = SymmetryAugmenter().fit(X)
    with pytest.raises(ValueError, match="feature names should match"):
        augmenter.augment(X[X.columns[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        list(augmenter.variants(X.iloc[:, :-1]))
