"""Calibration on either prior: densities that are known, and conversions by hand."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import ReliabilityDisplay
from skhep_dnn.metrics import ReliabilityCurve, reliability_curve
from skhep_dnn.weights import to_physical_prior


@pytest.fixture
def events():
    """Labels, exact probabilities at equal yields, and weights of a rare signal."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(6000) < 0.4, "s", "b")
    x = rng.normal(size=6000) + 2.0 * (y == "s")
    weight = np.where(y == "s", 0.004, 2.0) * rng.exponential(size=6000)
    weight[rng.random(6000) < 0.05] *= -1.0
    return y, 1.0 / (1.0 + np.exp(2.0 - 2.0 * x)), weight


def yields(y, weight):
    return np.array([weight[y == label].sum() for label in ("b", "s")])


@pytest.mark.parametrize("pos_label", ["s", "b"])
@pytest.mark.parametrize("columns", [False, True])
def test_probabilities_are_converted_to_the_physical_prior(events, pos_label, columns):
    y, p, weight = events
    proba = np.column_stack([1.0 - p, p])
    physical = to_physical_prior(proba, yields(y, weight))
    own = int(pos_label == "s")
    display = ReliabilityDisplay.from_predictions(
        y,
        proba if columns else proba[:, own],
        sample_weight=weight,
        pos_label=pos_label,
        prior="physical",
    )
    (curve,) = display.curves.values()
    expected = reliability_curve(
        y,
        physical[:, own],
        weight,
        pos_label=pos_label,
        class_weight=None,
        strategy="balanced_quantile",
    )
    np.testing.assert_allclose(curve.share, expected.share, rtol=1e-12)
    np.testing.assert_allclose(curve.probability, expected.probability, rtol=1e-12)
    assert display.ax_.get_ylabel() == "share of the class, at the expected yields"
    xlabel = display.ax_n_eff_.get_xlabel()
    assert xlabel == "predicted probability (physical prior)"
    kind = {"s": "signal (s)", "b": "signal (b)"}[pos_label]
    assert list(display.points_) == [kind]


def test_exact_probabilities_hold_on_both_priors(events):
    y, p, weight = events
    for prior in ("balanced", "physical"):
        display = ReliabilityDisplay.from_predictions(
            y, p, sample_weight=abs(weight), prior=prior
        )
        (curve,) = display.curves.values()
        pulls = (curve.share - curve.probability) / curve.error
        assert abs(pulls[curve.n_eff > 25]).max() < 4.0


def test_a_prior_and_its_conversion_back_are_the_same(events):
    y, p, weight = events
    physical = to_physical_prior(np.column_stack([1 - p, p]), yields(y, weight))
    options = {"sample_weight": weight, "n_bins": 5}
    direct = ReliabilityDisplay.from_predictions(y, p, **options)
    back = ReliabilityDisplay.from_predictions(
        y, physical, class_weight=None, prior="balanced", **options
    )
    (a,), (b,) = direct.curves.values(), back.curves.values()
    np.testing.assert_allclose(a.share, b.share)
    assert back.class_weight == "balanced"
    assert back.ax_.get_xlabel() == direct.ax_.get_xlabel()
    same = ReliabilityDisplay.from_predictions(
        y, physical, class_weight=None, prior="physical", **options
    )
    left = ReliabilityDisplay.from_predictions(
        y, physical, class_weight=None, **options
    )
    (a,), (b,) = same.curves.values(), left.curves.values()
    np.testing.assert_array_equal(a.share, b.share)


def test_a_rare_signal_is_seen_on_logarithmic_axes(events):
    y, p, weight = events
    display = ReliabilityDisplay.from_predictions(
        y, p, sample_weight=weight, prior="physical"
    )
    ax = display.ax_
    assert ax.get_xscale() == ax.get_yscale() == "log"
    (curve,) = display.curves.values()
    seen = curve.share > 0
    assert seen.sum() >= 8
    low, high = ax.get_xlim()
    assert ((curve.probability[seen] > low) & (curve.probability[seen] < high)).all()
    low, high = ax.get_ylim()
    assert ((curve.share[seen] > low) & (curve.share[seen] < high)).all()
    linear = display.plot(log=False)
    assert linear.ax_.get_xscale() == "linear"
    assert linear.ax_.get_xlim() == (0.0, 1.0)
    balanced = ReliabilityDisplay.from_predictions(y, p, sample_weight=weight)
    assert balanced.ax_.get_xscale() == "linear"
    assert balanced.plot(log=True).ax_.get_xscale() == "log"


def test_three_classes_need_all_columns():
    rng = np.random.default_rng(1)
    y = rng.choice(["H", "W", "Z"], size=300)
    proba = rng.dirichlet([1.0, 1.0, 1.0], size=300)
    display = ReliabilityDisplay.from_predictions(y, proba, prior="physical")
    assert list(display.points_) == ["H", "W", "Z"]
    with pytest.raises(ValueError, match=r"a column for each class to be shown on"):
        ReliabilityDisplay.from_predictions(
            y, proba[:, 0], pos_label="H", prior="physical"
        )
    with pytest.raises(ValueError, match=r"`prior` must be one of .*, got 'flat'"):
        ReliabilityDisplay.from_predictions(y, proba, prior="flat")
    assert len(plt.get_fignums()) == 1


def test_bins_without_the_class_take_no_room_on_logarithmic_axes():
    curve = ReliabilityCurve(
        edges=np.array([0.0, 1e-12, 1e-4, 1e-2, 1.0]),
        probability=np.array([1e-14, 1e-5, 1e-3, 0.1]),
        share=np.array([0.0, 2e-5, 1e-3, np.nan]),
        error=np.array([0.0, 1e-5, 1e-4, np.nan]),
        n_eff=np.array([90.0, 80.0, 70.0, 0.0]),
    )
    display = ReliabilityDisplay(curves={"H": curve}, class_weight=None).plot()
    assert display.ax_.get_xscale() == "log"
    assert display.points_["H"].lines[0].get_xdata().tolist() == [1e-5, 1e-3]
    assert 1e-6 < display.ax_.get_xlim()[0] < 1e-5
    assert 1e-6 < display.ax_.get_ylim()[0] < 1e-5
