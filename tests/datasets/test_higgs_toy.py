"""Toy Higgs events: layout, physics, symmetry, weights and difficulty."""

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from skhep_dnn.datasets import fetch_higgsml, make_higgs_events
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights import effective_sample_size


@pytest.fixture(scope="module")
def events():
    return make_higgs_events(20_000, random_state=1)


def test_layout_is_that_of_the_real_events(events, higgsml_file):
    real = fetch_higgsml("train", path=higgsml_file)
    assert set(events) == set(real) | {"process", "weight_true", "p_negative"}
    assert list(events.data) == list(real.data)
    assert (events.data.dtypes == real.data.dtypes).all()
    for name in ("feature_names", "primitive", "derived", "momenta", "categorical"):
        assert events[name] == real[name]
    for name in ("target", "sample_weight", "event_number"):
        assert events[name].dtype == real[name].dtype
    assert list(events.frame) == [
        "EventId",
        *real.feature_names,
        "Weight",
        "Label",
        "process",
    ]


def test_momenta_name_columns(events):
    for pt, eta, phi in events.momenta.values():
        assert {pt, phi} <= set(events.data)
        assert eta is None or eta in events.data
    assert events.momenta["met"] == ("PRI_met", None, "PRI_met_phi")


def test_yields_and_numbers(events):
    is_signal = events.target == "s"
    assert is_signal.sum() == 6_800
    assert events.sample_weight[is_signal].sum() == pytest.approx(691.99)
    assert events.sample_weight[~is_signal].sum() == pytest.approx(410_999.85)
    assert len(np.unique(events.event_number)) == 20_000
    np.testing.assert_array_equal(is_signal, events.process == "h->tautau")
    assert set(events.process[~is_signal]) == {"z->tautau", "w+jets", "ttbar"}
    # the order of the events says nothing about their class
    assert abs(is_signal[:10_000].mean() - 0.34) < 0.02


def test_weights_are_as_uneven_as_the_real_ones(events, higgsml_file):
    real = fetch_higgsml("train", path=higgsml_file)
    assert len(np.unique(events.sample_weight[events.target == "s"])) == 4
    for label in ("s", "b"):
        toy = events.sample_weight[events.target == label]
        other = real.sample_weight[real.target == label]
        assert effective_sample_size(toy) / len(toy) == pytest.approx(
            effective_sample_size(other) / len(other), abs=0.05
        )


def test_undefined_values(events):
    data = events.data
    number = data["PRI_jet_num"]
    assert set(number) == {0, 1, 2, 3}
    for name in data.columns[data.isna().any()].drop("DER_mass_MMC"):
        needed = 1 if name.startswith("PRI_jet_leading") else 2
        assert (data[name].isna() == (number < needed)).all(), name
    assert 0.1 < data["DER_mass_MMC"].isna().mean() < 0.2
    assert (data["PRI_jet_all_pt"][number == 0] == 0.0).all()


def test_acceptance_and_order(events):
    data = events.data
    assert data["PRI_tau_pt"].min() >= 20.0
    assert data["PRI_lep_pt"].min() >= 26.0
    assert data["PRI_jet_subleading_pt"].min() >= 30.0
    leads = data["PRI_jet_leading_pt"] >= data["PRI_jet_subleading_pt"]
    assert leads[data["PRI_jet_num"] >= 2].all()
    for name in data.filter(regex="_phi$"):
        assert data[name].dropna().between(-np.pi, np.pi, inclusive="left").all()
    assert data[["PRI_tau_eta", "PRI_lep_eta"]].abs().max().max() <= 2.5


def test_masses_peak_where_the_resonances_are(events):
    mass = events.data["DER_mass_MMC"]
    higgs = mass[events.process == "h->tautau"].median()
    z_boson = mass[events.process == "z->tautau"].median()
    assert higgs == pytest.approx(125.0, abs=10.0)
    assert z_boson == pytest.approx(91.2, abs=5.0)
    w_events = events.process == "w+jets"
    transverse = events.data["DER_mass_transverse_met_lep"][w_events]
    assert transverse.median() == pytest.approx(70.0, abs=12.0)  # edge at 80 GeV


@pytest.mark.parametrize(
    "column",
    ["PRI_tau_eta", "PRI_lep_eta", "PRI_jet_leading_eta", "PRI_jet_subleading_eta"],
)
def test_density_does_not_change_under_reflection_in_z(events, column):
    values = events.data[column].dropna()
    assert ks_2samp(values[::2], -values[1::2]).pvalue > 1e-3


@pytest.mark.parametrize("other", ["lep", "met", "jet_leading", "jet_subleading"])
def test_density_does_not_change_under_reflection_and_rotation(events, other):
    difference = events.data[f"PRI_{other}_phi"] - events.data["PRI_tau_phi"]
    signed = np.sin(difference.dropna())
    assert ks_2samp(signed[::2], -signed[1::2]).pvalue > 1e-3
    phi = events.data[f"PRI_{other}_phi"].dropna()
    uniform = np.linspace(-np.pi, np.pi, len(phi))
    assert ks_2samp(phi, uniform).pvalue > 1e-3


def test_same_seed_same_bits():
    first = make_higgs_events(500, random_state=7)
    again = make_higgs_events(500, random_state=7)
    other = make_higgs_events(500, random_state=8)
    assert first.frame.equals(again.frame)
    assert not first.frame.equals(other.frame)


def test_random_state_instance_moves_on():
    state = np.random.RandomState(0)
    first = make_higgs_events(50, random_state=state)
    second = make_higgs_events(50, random_state=state)
    again = make_higgs_events(50, random_state=np.random.RandomState(0))
    assert not first.frame.equals(second.frame)
    assert first.frame.equals(again.frame)


def test_negative_weights_keep_yields_and_shapes():
    plain = make_higgs_events(20_000, random_state=1)
    events = make_higgs_events(20_000, random_state=1, negative_fraction=0.15)
    for label, total in (("s", 691.99), ("b", 410_999.85)):
        weights = events.sample_weight[events.target == label]
        assert weights.sum() == pytest.approx(total)
        assert (weights < 0).mean() == pytest.approx(0.15, abs=1e-3)
        for name in ("DER_mass_vis", "PRI_met"):
            means = [
                np.average(
                    toy.data[name][toy.target == label],
                    weights=toy.sample_weight[toy.target == label],
                )
                for toy in (plain, events)
            ]
            assert means[1] == pytest.approx(means[0], rel=0.05)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.4])
def test_signs_depend_on_phase_space_as_documented(fraction):
    events = make_higgs_events(
        20_000,
        random_state=1,
        negative_fraction=fraction,
        negative_pattern="phase_space",
    )
    plain = make_higgs_events(20_000, random_state=1)
    for label, middle, total in (("s", 39.0, 691.99), ("b", 22.0, 410_999.85)):
        of_class = events.target == label
        w, true = events.sample_weight[of_class], events.weight_true[of_class]
        pt, p = events.data["DER_pt_h"][of_class], events.p_negative[of_class]
        swing = 0.8 * min(fraction, 0.5 - fraction)
        closed_form = fraction + swing * (2.0 * pt / (pt + middle) - 1.0)
        np.testing.assert_allclose(p, closed_form)
        assert p.mean() == pytest.approx(fraction, abs=0.01)
        assert w.sum() == pytest.approx(total)
        assert true.sum() == pytest.approx(total)
        ratio = np.abs(w) * (1.0 - 2.0 * p) / true
        np.testing.assert_allclose(ratio, ratio[0])
        for here in np.array_split(np.argsort(pt), 5):
            error = np.sqrt((p * (1.0 - p))[here].sum()) / len(here)
            share = (w[here] < 0).mean()
            assert share == pytest.approx(p[here].mean(), abs=4.0 * error)
            difference = (w - true)[here]
            error = np.sqrt((difference**2).sum())
            assert abs(difference.sum()) < 4.0 * error
    # the sum of each process is exact in the true weights alone
    for process in set(plain.process):
        sums = [
            toy.weight_true[toy.process == process].sum() for toy in (plain, events)
        ]
        assert sums[1] == pytest.approx(sums[0])


def test_flat_signs_are_those_of_before_patterns():
    # measured before there were patterns
    first = [7.15306143e-01, -1.03538928e03, 1.17042738e03]
    for options in ({}, {"negative_pattern": "flat"}):
        events = make_higgs_events(
            777, negative_fraction=0.17, random_state=3, **options
        )
        np.testing.assert_allclose(events.sample_weight[:3], first, rtol=1e-7)
        np.testing.assert_array_equal(events.p_negative, 0.17)
        assert (events.weight_true > 0).all()


def test_small_samples_have_both_classes():
    for n_samples in (2, 3, 10):
        events = make_higgs_events(n_samples, random_state=0)
        assert set(events.target) == {"s", "b"}
        assert events.sample_weight.sum() == pytest.approx(691.99 + 410_999.85)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_samples": 1}, ValueError, "`n_samples` must be at least 2, got 1"),
        ({"n_samples": 10.0}, TypeError, "`n_samples` must be an integer"),
        ({"signal_fraction": 1.2}, ValueError, "`signal_fraction` must be at least"),
        ({"signal_fraction": "a"}, TypeError, "`signal_fraction` must be a number"),
        ({"signal_yield": 0.0}, ValueError, "`signal_yield` must be a positive"),
        ({"background_yield": np.inf}, ValueError, "`background_yield` must be"),
        ({"negative_fraction": 0.5}, ValueError, "`negative_fraction` must be at"),
        (
            {"negative_pattern": "pt"},
            ValueError,
            "`negative_pattern` .* got 'pt'. Choo",
        ),
    ],
)
def test_parameters_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        make_higgs_events(**options)


def test_outweighing_negative_weights_are_refused():
    with pytest.raises(WeightsError, match="must sum to more than 0"):
        make_higgs_events(4, random_state=0, negative_fraction=0.49)


@pytest.mark.slow
def test_as_hard_as_the_real_events():
    events = make_higgs_events(20_000, random_state=2)
    y, weights = events.target == "s", events.sample_weight.copy()
    for label in (False, True):
        weights[y == label] /= weights[y == label].mean()
    train = np.arange(20_000) < 10_000
    model = HistGradientBoostingClassifier(max_iter=80, random_state=0)
    model.fit(events.data[train], y[train], weights[train])
    score = model.predict_proba(events.data[~train])[:, 1]
    auc = roc_auc_score(y[~train], score, sample_weight=weights[~train])
    assert 0.88 < auc < 0.94


@pytest.mark.slow
def test_a_million_events():
    events = make_higgs_events(1_000_000, random_state=0)
    assert len(events.data) == 1_000_000
