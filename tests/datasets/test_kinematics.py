"""The derived features: the file's own values, closed forms and invariances."""

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.datasets._kinematics import (
    collinear_mass,
    decay_momenta,
    derived_features,
    pseudorapidity,
    wrapped_angle,
)

ANGLES = [
    f"PRI_{name}_phi" for name in ("tau", "lep", "met", "jet_leading", "jet_subleading")
]
RAPIDITIES = [
    f"PRI_{name}_eta" for name in ("tau", "lep", "jet_leading", "jet_subleading")
]


@pytest.fixture(scope="module")
def real(higgsml_file):
    data = fetch_higgsml("train", path=higgsml_file).data
    return data, derived_features(data)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        # inputs are rounded to 0.001 (GeV, rad), which limits what can agree
        ("DER_deltaeta_jet_jet", 0.002),
        ("DER_prodeta_jet_jet", 0.005),
        ("DER_deltar_tau_lep", 0.002),
        ("DER_sum_pt", 0.002),
        ("DER_pt_ratio_lep_tau", 0.001),
        ("DER_lep_eta_centrality", 0.005),
        ("DER_mass_transverse_met_lep", 0.2),
        ("DER_pt_h", 0.1),
        ("DER_pt_tot", 0.3),
    ],
)
def test_definitions_agree_with_the_file(real, name, tolerance):
    data, derived = real
    expected = data[name]
    assert (derived[name].isna() == expected.isna()).all()
    assert (derived[name] - expected).abs().max() < tolerance


def test_relative_rounding_of_the_transverse_momenta(real):
    data, derived = real
    scale = data["DER_sum_pt"] + data["PRI_met"]
    for name in ("DER_mass_transverse_met_lep", "DER_pt_h", "DER_pt_tot"):
        assert ((derived[name] - data[name]).abs() / scale).max() < 6e-4


def test_phi_centrality_agrees_with_the_file(real):
    data, derived = real
    dphi = data["PRI_tau_phi"] - data["PRI_lep_phi"]
    clear = np.abs(np.sin(dphi)) > 0.02  # else the rounding decides the side
    difference = derived["DER_met_phi_centrality"] - data["DER_met_phi_centrality"]
    assert difference[clear].abs().max() < 0.06
    assert difference[clear].abs().quantile(0.99) < 0.004
    assert clear.mean() > 0.95


def test_visible_mass_of_the_file_includes_tau_masses(real):
    data, derived = real
    difference = data["DER_mass_vis"] - derived["DER_mass_vis"]
    assert 0.01 < difference.mean() < 0.025
    assert (difference.abs() / data["DER_mass_vis"]).max() < 0.025


def test_dijet_mass_of_the_file_includes_jet_masses(real):
    data, derived = real
    ratio = (data["DER_mass_jet_jet"] / derived["DER_mass_jet_jet"]).dropna()
    assert ratio.min() > 0.999
    assert ratio.median() == pytest.approx(1.007, abs=0.002)
    assert np.corrcoef(ratio, 1 / derived["DER_mass_jet_jet"].dropna())[0, 1] > 0.5


def test_closed_forms():
    data = pd.DataFrame(
        {
            "PRI_tau_pt": [40.0],
            "PRI_tau_eta": [0.0],
            "PRI_tau_phi": [0.0],
            "PRI_lep_pt": [40.0],
            "PRI_lep_eta": [0.0],
            "PRI_lep_phi": [np.pi / 2],
            "PRI_met": [10.0],
            "PRI_met_phi": [np.pi / 4],
            "PRI_jet_leading_pt": [50.0],
            "PRI_jet_leading_eta": [2.0],
            "PRI_jet_leading_phi": [-3.0],
            "PRI_jet_subleading_pt": [30.0],
            "PRI_jet_subleading_eta": [-2.0],
            "PRI_jet_subleading_phi": [-3.0],
            "PRI_jet_all_pt": [80.0],
        }
    )
    derived = derived_features(data).iloc[0]
    assert derived["DER_mass_vis"] == pytest.approx(40.0 * np.sqrt(2.0))
    assert derived["DER_pt_h"] == pytest.approx(40.0 * np.sqrt(2.0) + 10.0)
    assert derived["DER_mass_jet_jet"] == pytest.approx(2 * np.sqrt(1500) * np.sinh(2))
    assert derived["DER_deltar_tau_lep"] == pytest.approx(np.pi / 2)
    assert derived["DER_met_phi_centrality"] == pytest.approx(np.sqrt(2.0))
    assert derived["DER_lep_eta_centrality"] == pytest.approx(1.0)
    assert derived["DER_prodeta_jet_jet"] == -4.0
    assert derived["DER_sum_pt"] == 160.0


def rotated(data):
    turn = np.random.default_rng(5).uniform(-np.pi, np.pi, len(data))
    return data.assign(**{name: wrapped_angle(data[name] + turn) for name in ANGLES})


def reflected_x(data):
    return data.assign(**{name: wrapped_angle(np.pi - data[name]) for name in ANGLES})


def reflected_y(data):
    return data.assign(**{name: wrapped_angle(-data[name]) for name in ANGLES})


def reflected_z(data):
    return data.assign(**{name: -data[name] for name in RAPIDITIES})


@pytest.mark.parametrize("change", [rotated, reflected_x, reflected_y, reflected_z])
def test_derived_features_are_invariant(change):
    data = make_higgs_events(5_000, random_state=0).data
    moved = change(data)
    assert not moved.equals(data)
    again = derived_features(moved).assign(DER_mass_MMC=collinear_mass(moved))
    for name in again:
        assert (again[name].isna() == data[name].isna()).all()
        np.testing.assert_allclose(again[name], data[name], rtol=1e-9, atol=1e-9)


def test_degenerate_centralities():
    data = make_higgs_events(10, random_state=0).data
    data = data.assign(PRI_tau_phi=0.3, PRI_lep_phi=0.3)
    data = data.assign(PRI_jet_leading_eta=1.0, PRI_jet_subleading_eta=1.0)
    derived = derived_features(data)
    assert derived["DER_met_phi_centrality"].isna().all()
    assert (derived["DER_lep_eta_centrality"] == 0.0).all()


def test_decay_conserves_momentum_and_mass():
    rng = np.random.default_rng(0)
    mass = rng.uniform(80.0, 125.0, 1000)
    momentum = rng.normal(0.0, 100.0, (3, 1000))
    direction = rng.uniform(-1, 1, 1000), rng.uniform(-np.pi, np.pi, 1000)
    first, second = decay_momenta(mass, momentum, *direction)
    energy = np.linalg.norm(first, axis=0) + np.linalg.norm(second, axis=0)
    total = first + second
    np.testing.assert_allclose(total, momentum, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(energy**2 - (total**2).sum(axis=0), mass**2, rtol=1e-9)


def test_wrapped_angle_and_pseudorapidity():
    edge = np.array([-np.pi, np.pi, np.nextafter(-np.pi, -4.0), 3 * np.pi, 0.5])
    wrapped = wrapped_angle(edge)
    assert (wrapped >= -np.pi).all()
    assert (wrapped < np.pi).all()
    np.testing.assert_allclose(np.cos(wrapped), np.cos(edge), atol=1e-12)
    theta = np.array([0.1, 1.0, 2.5])
    eta = pseudorapidity(np.sin(theta), np.zeros(3), np.cos(theta))
    np.testing.assert_allclose(eta, -np.log(np.tan(theta / 2)))
