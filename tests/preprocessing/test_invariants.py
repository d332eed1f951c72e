"""Invariant features: names, symmetry, forms, undefined objects, errors."""

import itertools

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAugmenter,
)

TAUS = ("PRI_tau", "PRI_lep")


@pytest.fixture(name="features")
def invariant_features():
    return InvariantFeatures(collinear=TAUS)


def test_columns(X, features):
    table = features.fit_transform(X)
    objects = ["PRI_tau", "PRI_lep", "PRI_met", "PRI_jet_leading", "PRI_jet_subleading"]
    gone = [f"{name}_{kind}" for name in objects for kind in ("eta", "phi")]
    kept = [name for name in X if name not in gone]
    pairs = list(itertools.combinations(objects, 2))
    new = [f"{name}_abseta" for name in objects if name != "PRI_met"]
    for a, b in pairs:
        flat = "PRI_met" in (a, b)
        kinds = ["transverse_mass"] if flat else ["deta", "dr", "mass"]
        new += [f"{a}_{b}_{kind}" for kind in ["dphi", *kinds]]
    new += ["PRI_tau_fraction", "PRI_lep_fraction", "PRI_tau_PRI_lep_collinear_mass"]
    assert list(table) == [*kept, *new] == list(features.get_feature_names_out())
    pd.testing.assert_frame_equal(table[kept], X[kept])


def test_known_columns(X, features):
    # The toy events compute these from the same momenta.
    table = features.fit_transform(X)
    for name, known in {
        "PRI_tau_PRI_lep_mass": "DER_mass_vis",
        "PRI_tau_PRI_lep_dr": "DER_deltar_tau_lep",
        "PRI_lep_PRI_met_transverse_mass": "DER_mass_transverse_met_lep",
        "PRI_jet_leading_PRI_jet_subleading_mass": "DER_mass_jet_jet",
        "PRI_jet_leading_PRI_jet_subleading_deta": "DER_deltaeta_jet_jet",
    }.items():
        np.testing.assert_allclose(table[name], X[known], rtol=2e-3, atol=2e-3)


def test_no_transformation_changes_them(X, features):
    features.fit(X)
    table = features.transform(X)
    augmenter = SymmetryAugmenter().fit(X)
    copies = [augmenter.augment(X, random_state=0), *augmenter.variants(X)]
    assert sum(copy.equals(X) for copy in copies) == 1  # one variant is the identity
    for copy in copies:
        other = features.transform(copy)
        fractions = [name for name in table if "fraction" in name or "coll" in name]
        angles = table.columns.difference(fractions)
        pd.testing.assert_frame_equal(other[angles], table[angles], atol=1e-6)
        close = np.isclose(other[fractions], table[fractions], 1e-5, equal_nan=True)
        assert close.mean() > 0.999  # of two parallel objects they are not defined


def test_both_forms_agree(X, features):
    cylindrical = features.fit_transform(X)
    momenta = CartesianMomenta(keep_met=False).fit_transform(X)
    cartesian = InvariantFeatures(collinear=TAUS).fit_transform(momenta)
    sizes = {f"{name}_pt" for name in ("PRI_tau", "PRI_lep", "PRI_jet_leading")}
    assert sizes < set(cartesian)
    assert "PRI_tau_px" not in cartesian
    np.testing.assert_allclose(cartesian["PRI_met_pt"], X["PRI_met"])
    for name in cartesian.columns.intersection(cylindrical.columns):
        np.testing.assert_allclose(
            cartesian[name], cylindrical[name], rtol=1e-5, atol=1e-6, err_msg=name
        )


def test_momenta_may_stay(X):
    table = InvariantFeatures(keep_momenta=True).fit_transform(X)
    pd.testing.assert_frame_equal(table[list(X)], X)
    assert table.shape[1] == 30 + 36


@pytest.mark.parametrize("missing_values", [np.nan, -999.0])
def test_undefined_objects_stay_undefined(X, missing_values):
    X = X.fillna(missing_values)
    model = InvariantFeatures(missing_values=missing_values).fit(X)
    jet = model.transform(X)["PRI_tau_PRI_jet_leading_mass"]
    without = X["PRI_jet_num"] == 0
    assert without.any()
    undefined = jet.isna() if np.isnan(missing_values) else jet == missing_values
    np.testing.assert_array_equal(undefined, without)


def test_arrays(X):
    # Positions of tau, lepton and missing momentum.
    momenta = [(13, 14, 15), (16, 17, 18), (19, 20)]
    model = InvariantFeatures(cylindrical=momenta, collinear=(13, 16))
    table = model.fit_transform(X.to_numpy())
    names = model.get_feature_names_out()
    assert list(names[-3:]) == [
        "x13_fraction",
        "x16_fraction",
        "x13_x16_collinear_mass",
    ]
    expected = InvariantFeatures(
        cylindrical=momenta, cartesian=None, collinear=TAUS
    ).fit_transform(X)
    np.testing.assert_array_equal(table, expected.to_numpy())
    narrow = model.fit_transform(X.to_numpy(dtype=np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(
        narrow[:, -30:-3], table[:, -30:-3], rtol=1e-3, atol=1e-3
    )
    frame = model.set_output(transform="pandas").fit_transform(X.to_numpy())
    assert list(frame) == list(names)


def test_columns_that_are_not_finite_are_undefined():
    X = pd.DataFrame(
        {"a_px": [0.0, 3.0], "a_py": [0.0, 4.0], "a_pz": [7.0, -2.0]}
        | {"b_px": [1.0, 2.0], "b_py": [1.0, 0.0], "b_pz": [0.0, 5.0]}
    )
    table = InvariantFeatures(missing_values=-999.0).fit_transform(X)
    assert list(table["a_pt"]) == [0.0, 5.0]
    along_the_beam = ["a_abseta", "a_b_deta", "a_b_dr", "a_b_mass"]
    assert (table.loc[0, along_the_beam] == -999.0).all()
    assert (table.loc[1] != -999.0).all()


def test_an_object_without_a_name():
    X = pd.DataFrame(
        {"pt": [1.0, 2.0], "eta": [0.5, -0.5], "phi": [0.1, 0.2]}
        | {"b_pt": [3.0, 1.0], "b_eta": [2.0, -1.0], "b_phi": [1.0, 2.0]}
    )
    new = ["abseta", "b_abseta", "b_dphi", "b_deta", "b_dr", "b_mass"]
    assert list(InvariantFeatures().fit_transform(X)) == ["pt", "b_pt", *new]


def test_names_of_a_dict(X):
    momenta = {"t": TAUS_COLUMNS["PRI_tau"], "l": TAUS_COLUMNS["PRI_lep"]}
    model = InvariantFeatures(cylindrical=momenta, cartesian=None)
    assert {"t_abseta", "t_l_mass"} < set(model.fit_transform(X))


TAUS_COLUMNS = {
    name: [f"{name}_{kind}" for kind in ("pt", "eta", "phi")] for name in TAUS
}


def test_nothing_declared(X):
    model = InvariantFeatures(cylindrical=None, cartesian=None)
    with pytest.raises(ValueError, match="must have one momentum or more, got none"):
        model.fit(X)


@pytest.mark.parametrize(
    "collinear",
    [("PRI_tau",), ("PRI_tau", "PRI_tau"), ("PRI_tau", "PRI_met"), (*TAUS, "PRI_met")],
)
def test_collinear_names_two_objects(X, collinear):
    with pytest.raises(ValueError, match="`collinear` must name two objects with"):
        InvariantFeatures(collinear=collinear).fit(X)


def test_collinear_needs_a_missing_momentum(X):
    model = InvariantFeatures(cylindrical=list(TAUS_COLUMNS.values()), collinear=TAUS)
    with pytest.raises(ValueError, match="beside one missing momentum without, got"):
        model.fit(X)


def test_collinear_names_known_objects(X):
    with pytest.raises(ValueError, match="`collinear` must name one of the momenta"):
        InvariantFeatures(collinear=("PRI_tau", "muon")).fit(X)


def test_names_that_exist(X):
    X["PRI_tau_abseta"] = 0.0
    with pytest.raises(ValueError, match=r"differ from all others, got \['PRI_tau_abs"):
        InvariantFeatures().fit(X)


def test_two_objects_of_one_name():
    X = pd.DataFrame(np.ones((2, 6)), columns=list("abcdef"))
    model = InvariantFeatures(
        cylindrical={"tau": ["a", "b", "c"]}, cartesian={"tau": ["d", "e", "f"]}
    )
    with pytest.raises(ValueError, match=r"got \['tau_abseta'\] twice.*by a dict"):
        model.fit(X)


def test_networks_may_take_them_beside_augmented_momenta(X):
    table = InvariantFeatures(collinear=TAUS, keep_momenta=True).fit_transform(X)
    momenta = SymmetryAugmenter().fit(table).momenta_
    assert momenta == SymmetryAugmenter().fit(X).momenta_


def test_nothing_passed_in_is_changed(X, features):
    before = X.copy()
    features.fit_transform(X)
    pd.testing.assert_frame_equal(X, before)
