"""Declarations that contradict themselves, the data or the physics are refused."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets._kinematics import derived_features
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.neural_network import FeatureSplit
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)


def mass(table):
    return derived_features(table)["DER_mass_vis"]


@pytest.mark.parametrize("axes", ["w", "xx", "XY", "xyzz"])
def test_axes(X, axes):
    with pytest.raises(ValueError, match=r"`reflections` must hold axes, some of"):
        SymmetryAugmenter(reflections=axes).fit(X)
    with pytest.raises(ValueError, match=r"`odd_under` must hold axes, some of"):
        SymmetryAugmenter(odd_under={"PRI_met_sumet": axes}).fit(X)


def test_axes_are_strings(X):
    with pytest.raises(ValueError, match=r"`odd_under` must hold axes.*got 3"):
        SymmetryAugmenter(odd_under={"PRI_met_sumet": 3}).fit(X)
    with pytest.raises(ValueError, match=r"'reflections' parameter.*must be"):
        SymmetryAugmenter(reflections=3).fit(X)


@pytest.mark.parametrize("axes", ["x", "yz"])
def test_parity_must_agree_with_rotations(X, axes):
    declared = {"PRI_met_sumet": axes}
    with pytest.raises(ValueError, match=r"must name both x and y or neither.*half"):
        SymmetryAugmenter(odd_under=declared).fit(X)
    SymmetryAugmenter(odd_under=declared, rotation=False).fit(X)


def test_signed_columns_must_exist_and_be_no_momenta(X):
    with pytest.raises(ValueError, match=r"`odd_under` must be columns of `X`"):
        SymmetryAugmenter(odd_under={"dphi": "xy"}).fit(X)
    augmenter = SymmetryAugmenter(
        cylindrical=[("PRI_tau_pt", "PRI_tau_phi")], odd_under={"PRI_tau_phi": "xy"}
    )
    with pytest.raises(ValueError, match=r"declared once, got \['PRI_tau_phi'\]"):
        augmenter.fit(X)


@pytest.mark.parametrize("model", [SymmetryAugmenter, SymmetryAligner])
@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["lep_pt", "lep_phi"], "reflection in z"),
        (["lep_pt", "other"], "rotation"),
    ],
)
def test_transformations_must_change_something(model, columns, name):
    X = pd.DataFrame(np.random.default_rng(0).random((20, 2)), columns=columns)
    with pytest.raises(ValueError, match=rf"got the {name}, which changes nothing"):
        model().fit(X)


def test_undefined_values_do_not_count_as_a_change(X):
    X["PRI_tau_eta"] = X["PRI_lep_eta"] = math.nan
    X["PRI_jet_leading_eta"] = X["PRI_jet_subleading_eta"] = math.nan
    with pytest.raises(ValueError, match="reflection in z, which changes nothing"):
        SymmetryAugmenter().fit(X)


def test_invariants(X):
    formulas = {
        "DER_mass_vis": mass,
        3: lambda table: derived_features(table).iloc[:, 2],
    }
    SymmetryAugmenter(invariants=formulas).fit(X)
    SymmetryAugmenter(invariants=formulas).fit(X.astype("float32"))
    marked = SymmetryAugmenter(invariants=formulas, missing_values=-999.0)
    marked.fit(X.fillna(-999.0))


def test_invariants_of_arrays():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)).astype(np.float32) * 20.0
    X[:, 2] = X[:, 0] ** 2 + X[:, 1] ** 2
    pair = {"cartesian": [(0, 1)], "reflections": "xy"}
    SymmetryAugmenter(
        invariants={2: lambda X: X[:, 0] ** 2 + X[:, 1] ** 2}, **pair
    ).fit(X)
    with pytest.raises(ValueError, match=r"invariant 2 must give the same values"):
        SymmetryAugmenter(invariants={2: lambda X: X[:, 0]}, **pair).fit(X)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (lambda X: X["PRI_tau_phi"], r"'DER_mass_vis' must give the same values.*chan"),
        (lambda X: mass(X) + 1e-2 * X["PRI_tau_eta"], "got a change of"),
        (lambda X: np.sqrt(X["PRI_tau_eta"].clip(-1)), "values that became undefined"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_formulas_that_change(X, formula, message):
    with pytest.raises(ValueError, match=message):
        SymmetryAugmenter(invariants={"DER_mass_vis": formula}).fit(X)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (lambda X: mass(X) * (1.0 + 2e-5 * np.sign(X["PRI_tau_eta"])), "a change of"),
        (lambda X: -mass(X), r"must give the values of this column.*`odd_under`"),
        (lambda _: np.full(200, 3.0), "must give the values of this column"),
        (lambda _: 3.0, r"one value for each event, the shape \(200,\), got \(\)"),
    ],
)
def test_formulas_of_other_columns(X, formula, message):
    with pytest.raises(ValueError, match=message):
        SymmetryAugmenter(invariants={"DER_mass_vis": formula}).fit(X.iloc[:200])


def test_formulas_may_be_rounded(X):
    def rounded(table):
        return mass(table) * (1.0 + 1e-6 * np.sign(table["PRI_tau_eta"]))

    SymmetryAugmenter(invariants={"DER_mass_vis": rounded}).fit(X)
    X["DER_mass_vis"] = X["DER_mass_vis"].round(1)
    SymmetryAugmenter(invariants={"DER_mass_vis": mass}).fit(X)


def test_formulas_see_defined_momenta_in_double_precision(X):
    seen = []

    def formula(table):
        seen.append(table)
        return mass(table)

    marked = X.fillna(-999.0).astype("float32")
    model = SymmetryAugmenter(invariants={"DER_mass_vis": formula}, missing_values=-999)
    model.fit(marked)
    for table in seen:
        momenta = table[[name for m in model.momenta_ for name in m.names]]
        assert (momenta.dtypes == np.float64).all()
        assert not (momenta == -999.0).any(axis=None)


def test_a_transformation_must_be_declared(X):
    with pytest.raises(ValueError, match=r"must be declared, got rotation=False and"):
        SymmetryAugmenter(rotation=False, reflections="").fit(X)


def test_an_azimuth_out_of_range_is_no_change(X):
    X = X[["PRI_met", "PRI_met_phi"]].copy()
    X.loc[0, "PRI_met_phi"] = 3.142
    with pytest.raises(ValueError, match="reflection in z, which changes nothing"):
        SymmetryAugmenter().fit(X)


def test_remedies_name_parameters_that_exist(X):
    X["delta_phi"] = np.sin(X["PRI_tau_phi"] - X["PRI_lep_phi"])
    with pytest.raises(ValueError, match=r"`cylindrical` must.*`odd_under`\.$"):
        SymmetryAligner().fit(X)
    with pytest.raises(ValueError, match=r"`momenta` must.*momenta=\[.*\)\]\.$"):
        CartesianMomenta().fit(X)
    with pytest.raises(ValueError, match=r"`cylindrical` must.*, or None\.$"):
        InvariantFeatures().fit(X)
    with pytest.raises(ValueError, match="`momenta` must be columns of `X`"):
        CartesianMomenta(momenta=[("tau_pt", "no_eta", "tau_phi")]).fit(X)
    with pytest.raises(ValueError, match=r"Correct the axes\.$"):
        SymmetryAligner(odd_under={"delta_phi": "x"}).fit(X)


def test_invariants_must_be_columns(X):
    with pytest.raises(ValueError, match=r"`invariants` must be columns of `X`"):
        SymmetryAugmenter(invariants={"DER_mass": mass}).fit(X)


def test_names_of_declared_columns_are_free(X):
    X["delta_phi"] = np.sin(X["PRI_tau_phi"] - X["PRI_lep_phi"])
    with pytest.raises(ValueError, match="'delta_phi' with no delta_pt"):
        SymmetryAugmenter().fit(X)
    augmenter = SymmetryAugmenter(odd_under={"delta_phi": "xy"}).fit(X)
    assert augmenter.kernel_.odd_axes == ("xy",)


def test_one_column_is_too_few():
    with pytest.raises(ValueError, match=r"be columns of `X`.*got 1.*n_features = 1"):
        SymmetryAugmenter(cartesian=[(0, 1)]).fit(np.ones((5, 1)))


def by_name(kind, X):
    tables = {
        "array": X.to_numpy(),
        "numbers": X.set_axis(range(X.shape[1]), axis=1),
        "levels": X.set_axis(
            pd.MultiIndex.from_tuples([("all", name) for name in X]), axis=1
        ),
    }
    return tables[kind]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("array", r"Pass a DataFrame, or pass positions"),
        (
            "numbers",
            r"Turn the names into strings: `X\.columns = X\.columns\.astype.*, or pass",
        ),
        ("levels", r"Join the levels of the MultiIndex.*, or pass positions"),
    ],
)
@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        (SymmetryAugmenter(), "cylindrical"),
        (SymmetryAugmenter(cylindrical=None), "cartesian"),
        (SymmetryAligner(), "cylindrical"),
        (CartesianMomenta(), "momenta"),
        (InvariantFeatures(), "cylindrical"),
        (SymmetryAveragedClassifier(DummyClassifier()), "cylindrical"),
        (WeightedDNNClassifier(augmenter=SymmetryAugmenter()), "cylindrical"),
    ],
)
def test_no_names_are_what_is_wrong_where_there_are_none(
    X, kind, remedy, model, parameter
):
    message = (
        rf'must have names of columns, by which `{parameter}`="auto" finds momenta, '
        rf"got 30 columns without names\. {remedy}.*{parameter}=\[\(0, 1, 2\)\]"
    )
    labels = np.resize(["s", "b"], len(X))
    with pytest.raises(ValueError, match=message):
        model.fit(by_name(kind, X), labels)


@pytest.mark.parametrize("kind", ["array", "numbers", "levels"])
def test_positions_and_signed_columns_need_no_names(X, kind):
    table = by_name(kind, X)
    phi = X.columns.get_loc("PRI_met_phi")
    SymmetryAugmenter(cylindrical=[(phi - 1, phi)], reflections="").fit(table)
    SymmetryAugmenter(rotation=False, reflections="z", odd_under={0: "z"}).fit(table)


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        ({"feature_groups": FeatureSplit(["PRI_met"])}, "feature_groups"),
        ({"categorical_features": ["PRI_jet_num"]}, "categorical_features"),
        ({"stratify": ["PRI_jet_num"], "validation_fraction": 0.2}, "stratify"),
    ],
)
@pytest.mark.parametrize("kind", ["array", "numbers", "levels"])
def test_columns_named_by_a_classifier_need_names(X, kind, model, parameter):
    labels = np.resize(["s", "b"], len(X))
    message = (
        rf"`{parameter}` must be columns.*no names.*Pass positions, or a DataFrame"
    )
    with pytest.raises(ValueError, match=message):
        WeightedDNNClassifier(**model).fit(by_name(kind, X), labels)


def test_what_changes_nothing_is_shown_with_the_columns(X):
    with pytest.raises(ValueError, match=r"changes nothing in the columns 'DER_mass_M"):
        SymmetryAugmenter().fit(X[["DER_mass_MMC", "DER_pt_h"]])
