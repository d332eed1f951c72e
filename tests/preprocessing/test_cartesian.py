"""Components and back: formulas, names, undefined values, conventions."""

import math

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.preprocessing import CartesianMomenta


def test_formulas(X):
    table = CartesianMomenta().fit_transform(X)
    pt, eta, phi = (X[f"PRI_tau_{kind}"] for kind in ("pt", "eta", "phi"))
    np.testing.assert_allclose(table["PRI_tau_px"], pt * np.cos(phi))
    np.testing.assert_allclose(table["PRI_tau_py"], pt * np.sin(phi))
    np.testing.assert_allclose(table["PRI_tau_pz"], pt * np.sinh(eta))
    pd.testing.assert_series_equal(table["PRI_met"], X["PRI_met"])
    np.testing.assert_allclose(
        np.hypot(table["PRI_met_px"], table["PRI_met_py"]), X["PRI_met"]
    )


def test_names_and_places(X):
    table = CartesianMomenta().fit_transform(X)
    assert table.shape[1] == 31
    names = [
        name.replace("_pt", "_px").replace("_eta", "_py").replace("_phi", "_pz")
        if name.startswith(("PRI_tau", "PRI_lep", "PRI_jet_leading", "PRI_jet_sub"))
        else name
        for name in X
    ]
    place = names.index("PRI_met_phi")
    names[place : place + 1] = ["PRI_met_px", "PRI_met_py"]
    assert list(table) == names
    fewer = CartesianMomenta(keep_met=False).fit_transform(X)
    assert list(fewer) == [name for name in names if name != "PRI_met"]


@pytest.mark.parametrize("keep_met", [True, False])
@pytest.mark.parametrize("missing_values", [math.nan, -999.0])
def test_there_and_back(X, angles_differ, keep_met, missing_values):
    X = X.fillna(missing_values)
    model = CartesianMomenta(keep_met=keep_met, missing_values=missing_values).fit(X)
    table = model.transform(X)
    undefined = X["PRI_jet_leading_pt"].isna() | (X["PRI_jet_leading_pt"] == -999.0)
    assert undefined.any()
    for kind in ("px", "py", "pz"):
        values = table.loc[undefined, f"PRI_jet_leading_{kind}"]
        assert values.isna().all() if math.isnan(missing_values) else (values < 0).all()
    back = model.inverse_transform(table)
    assert list(back) == list(X)
    angles = [name for name in X if name.endswith("_phi")]
    assert angles_differ(back[angles], X[angles]) < 1e-12
    np.testing.assert_allclose(back, X, rtol=1e-9, atol=1e-9)


def test_arrays(X):
    momenta = [(13, 14, 15), (19, 20)]
    model = CartesianMomenta(momenta=momenta).fit(X.to_numpy())
    names = ["x13_px", "x13_py", "x13_pz", "x19", "x19_px", "x19_py"]
    assert set(names) <= set(model.get_feature_names_out())
    table = model.transform(X.to_numpy())
    expected = CartesianMomenta(momenta=momenta).fit_transform(X)
    np.testing.assert_array_equal(table, expected.to_numpy())
    back = model.inverse_transform(table)
    np.testing.assert_allclose(back, X.to_numpy(), rtol=1e-9, atol=1e-9)
    assert (
        CartesianMomenta(momenta=momenta)
        .fit_transform(X.to_numpy(dtype=np.float32))
        .dtype
        == np.float32
    )


def test_undefined_in_parts():
    X = pd.DataFrame(
        {"a_pt": [-9.0, np.nan, 1.0], "a_eta": [0.0, -9.0, 0.0], "a_phi": [1.0, 1.0, 0]}
    )
    table = CartesianMomenta(missing_values=-9.0).fit_transform(X)
    np.testing.assert_array_equal(table, [[-9.0] * 3, [np.nan] * 3, [1.0, 0.0, 0.0]])


def test_momenta_without_a_transverse_part():
    names = ["a_pt", "a_eta", "a_phi"]
    model = CartesianMomenta().fit(pd.DataFrame([[1.0, 0.0, 0.5]], columns=names))
    table = pd.DataFrame(
        [[0.0, 0.0, 0.0], [0.0, 0.0, -5.0]], columns=["a_px", "a_py", "a_pz"]
    )
    back = model.inverse_transform(table)
    np.testing.assert_array_equal(back, [[0.0, 0.0, 0.0], [0.0, -math.inf, 0.0]])


@pytest.mark.parametrize("low", [-math.pi, 0.0])
def test_range_of_azimuths_comes_back(low):
    rng = np.random.default_rng(0)
    phi = low + 2.0 * math.pi * rng.random(500)
    X = pd.DataFrame({"met": rng.exponential(size=500), "met_phi": phi})
    model = CartesianMomenta().fit(X)
    assert model.phi_low_ == low
    back = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(back, X, atol=1e-12)


def test_unambiguous_new_names(X):
    X["PRI_tau_px"] = 1.0
    with pytest.raises(
        ValueError, match=r"must differ from all others, got \['PRI_tau"
    ):
        CartesianMomenta().fit(X)


def test_momenta_are_needed():
    with pytest.raises(ValueError, match=r"`momenta` must have one momentum or more"):
        CartesianMomenta().fit(pd.DataFrame(np.ones((3, 2)), columns=["a", "b"]))


def test_inverse_needs_the_same_columns(X):
    model = CartesianMomenta().fit(X)
    table = model.transform(X)
    message = r"`X` must have the 31 columns that `transform` returns"
    with pytest.raises(ValueError, match=message):
        model.inverse_transform(X)
    with pytest.raises(ValueError, match=message):
        model.inverse_transform(table[table.columns[::-1]])
    with pytest.raises(ValueError, match=message):
        model.inverse_transform(table.to_numpy()[:, :-1])


def test_other_columns_may_be_of_any_kind(X):
    X["PRI_jet_num"] = X["PRI_jet_num"].astype("category")
    model = CartesianMomenta().fit(X)
    table = model.transform(X)
    pd.testing.assert_series_equal(table["PRI_jet_num"], X["PRI_jet_num"])
    assert model.inverse_transform(table)["PRI_jet_num"].dtype == "category"
    assert "PRI_met (PRI_met, PRI_met_phi)" in repr(model)


def test_output_containers(X):
    model = CartesianMomenta().set_output(transform="pandas").fit(X)
    assert list(model.transform(X)) == list(model.get_feature_names_out())


def test_inverse_of_an_array_as_a_frame():
    X = np.array([[2.0, 0.5, 1.0]])
    model = CartesianMomenta(momenta=[(0, 1, 2)]).set_output(transform="pandas")
    table = model.fit_transform(X)
    assert list(table) == ["x0_px", "x0_py", "x0_pz"]
    back = model.inverse_transform(table)
    assert list(back) == ["x0", "x1", "x2"]
    np.testing.assert_allclose(back, X)
