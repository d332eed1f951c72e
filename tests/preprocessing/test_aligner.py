"""The aligner: one orientation, the same for all transformed copies of an event."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.datasets._kinematics import derived_features
from skhep_dnn.preprocessing import CartesianMomenta, SymmetryAligner, SymmetryAugmenter


def test_orientation(X):
    table = SymmetryAligner().fit_transform(X)
    assert len(table) == len(X)
    assert set(X) - set(table) == {"PRI_lep_phi"}
    assert (table["PRI_lep_eta"] >= 0.0).all()
    assert (table["PRI_tau_phi"] > 0.0).all()


def test_constant_column_can_be_kept(X):
    aligner = SymmetryAligner(drop_constant=False).fit(X)
    table = aligner.transform(X)
    assert (table["PRI_lep_phi"] == 0.0).all()
    expected = derived_features(X)
    pd.testing.assert_frame_equal(derived_features(table), expected, rtol=1e-9)
    again = aligner.transform(table)
    np.testing.assert_allclose(again, table, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("reflections", ["", "y", "x", "z", "xz", "yz", "xyz"])
@pytest.mark.parametrize("cartesian", [False, True])
def test_transformed_events_become_equal(X, reflections, cartesian):
    X["q"] = np.sin(X["PRI_tau_phi"] - X["PRI_lep_phi"])
    X = CartesianMomenta().fit_transform(X) if cartesian else X
    declared = {"reflections": reflections, "odd_under": {"q": "xy"}}
    augmenter = SymmetryAugmenter(**declared).fit(X)
    aligner = SymmetryAligner(**declared).fit(X)
    expected = aligner.transform(X)
    for seed in range(3):
        table = aligner.transform(augmenter.augment(X, random_state=seed))
        np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-9)


def test_cartesian_is_cylindrical(X):
    polar = SymmetryAligner(drop_constant=False).fit_transform(X)
    components = CartesianMomenta().fit_transform(X)
    aligner = SymmetryAligner().fit(components)
    table = aligner.transform(components)
    assert set(components) - set(table) == {"PRI_lep_py"}
    expected = CartesianMomenta().fit_transform(polar).drop(columns="PRI_lep_py")
    np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-9)


def test_float32(X):
    X = X.astype("float32")
    aligner = SymmetryAligner().fit(X)
    expected = aligner.transform(X)
    assert set(expected.dtypes.astype(str)) == {"float32"}
    table = aligner.transform(SymmetryAugmenter().fit(X).augment(X, random_state=0))
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=2e-5)


def test_augmenter_delegates(X):
    expected = SymmetryAligner(reference="PRI_met").fit_transform(X)
    table = SymmetryAugmenter(reference="PRI_met").fit_transform(X)
    pd.testing.assert_frame_equal(table, expected)
    assert (table["PRI_met_phi"] > 0.0).all()


@pytest.mark.parametrize("leading", ["PRI_tau", "PRI_tau_eta", 13])
def test_leading_object(X, leading):
    aligner = SymmetryAligner(leading=leading, reference="PRI_lep").fit(X)
    assert (aligner.leading_.name, aligner.reference_.name) == ("PRI_tau", "PRI_lep")
    table = aligner.transform(X)
    assert (table["PRI_tau_eta"] >= 0.0).all()
    assert (table["PRI_lep_phi"] > 0.0).all()
    assert "leading: PRI_tau, reference: PRI_lep" in repr(aligner)


def test_undefined_reference_objects_have_stand_ins(X):
    aligner = SymmetryAligner(reference="PRI_jet_leading").fit(X)
    table = aligner.transform(X)
    no_jet = X["PRI_jet_leading_pt"].isna()
    assert no_jet.any()
    assert (table.loc[~no_jet, "PRI_jet_leading_phi"] > 0.0).all()
    assert (table.loc[no_jet, "PRI_tau_phi"] > 0.0).all()
    pd.testing.assert_series_equal(table["PRI_jet_leading_pt"].isna(), no_jet)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cartesian", [False, True])
def test_rounding_does_not_choose_a_side(X, cartesian, dtype):
    # The tau flies along the lepton, or against it: it is on no side of it.
    away = np.where(np.arange(len(X)) % 2, np.pi, 0.0)
    X["PRI_tau_phi"] = (X["PRI_lep_phi"] + away + np.pi) % (2.0 * np.pi) - np.pi
    X = CartesianMomenta().fit_transform(X) if cartesian else X
    X = X.astype(dtype)
    augmenter, aligner = SymmetryAugmenter().fit(X), SymmetryAligner().fit(X)
    expected = aligner.transform(X)
    column = "PRI_met_py" if cartesian else "PRI_met_phi"
    assert (expected[column] > 0.0).mean() > 0.99
    for seed in range(3):
        table = aligner.transform(augmenter.augment(X, random_state=seed))
        assert (np.sign(table[column]) == np.sign(expected[column])).all()


def test_one_object_alone():
    X = np.array([[3.0, 4.0], [0.0, -2.0]])
    aligner = SymmetryAligner(cartesian=[(0, 1)], reflections="xy", leading=0).fit(X)
    assert aligner.reference_ is None
    np.testing.assert_allclose(aligner.transform(X), [[5.0], [2.0]])
    assert "reference" not in repr(aligner).splitlines()[-1]


@pytest.mark.parametrize("value", [np.nan, -999.0])
def test_undefined_leading_objects_are_refused(X, value):
    aligner = SymmetryAligner(missing_values=-999.0).fit(X)
    X.loc[5, ["PRI_lep_pt", "PRI_lep_eta", "PRI_lep_phi"]] = value
    with pytest.raises(ValueError, match=r"got 1 of 2000 events without it.* row 5"):
        aligner.transform(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leading": "muon"}, r"`leading` must name one.*got 'muon' with 0 matches"),
        ({"leading": 7}, r"`leading` must name one.*got 7 with 0 matches"),
        ({"reference": "PRI_lep"}, r"`reference` must name.*got 'PRI_lep' with 0"),
        (
            {"leading": "PRI_tau"},
            r"`reference` must name.*'tau'\), got None with 0 mat",
        ),
        ({"leading": "PRI_met"}, r"`leading` must have a pseudorapidity or pz"),
    ],
)
def test_wrong_objects(X, options, message):
    with pytest.raises(ValueError, match=message):
        SymmetryAligner(**options).fit(X)


def test_missing_momentum_can_lead_without_z(X):
    aligner = SymmetryAligner(leading="PRI_met", reflections="xy").fit(X)
    table = aligner.transform(X)
    assert "PRI_met_phi" not in table
    pd.testing.assert_series_equal(table["PRI_lep_eta"], X["PRI_lep_eta"])


def test_in_a_pipeline(higgs, X):
    model = make_pipeline(SymmetryAligner(), DecisionTreeClassifier(max_depth=3))
    model.fit(X, higgs.target)
    turned = SymmetryAugmenter().fit(X).augment(X, random_state=0)
    assert (model.predict(turned) == model.predict(X)).mean() > 0.999
    scaled = make_pipeline(SymmetryAugmenter(), StandardScaler())
    assert scaled.set_output(transform="pandas").fit_transform(X).shape == (2_000, 29)
    assert "PRI_lep_phi" not in scaled.get_feature_names_out()
    assert "leading: PRI_lep" in model._repr_html_()
