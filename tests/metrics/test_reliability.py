"""Reliability: brute force, scikit-learn, and calibrated events of known densities."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.calibration import calibration_curve

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import reliability_curve, weighted_log_loss
from skhep_dnn.weights import scale_to_yields, to_physical_prior

MEANS = {"W": 0.0, "Z": 1.0, "top": 2.5}
YIELDS = {"top": 30.0, "W": 5000.0, "Z": 400.0}


def sample(n, *, negative, seed=0):
    """Return labels, exact probabilities at equal yields, and weights at YIELDS."""
    rng = np.random.default_rng(seed)
    y = np.repeat(list(MEANS), [n, n // 2, n])
    x = rng.normal([MEANS[label] for label in y])
    density = np.column_stack([norm.pdf(x - mean) for mean in MEANS.values()])
    weights = rng.exponential(size=len(y))
    weights[rng.random(len(y)) < negative] *= -1.0  # independent of the features
    proba = density / density.sum(axis=1, keepdims=True)
    return y, proba, scale_to_yields(y, weights, YIELDS)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_equal_weights_give_the_curve_of_scikit_learn(strategy):
    y, proba, _ = sample(500, negative=0.0)
    curve = reliability_curve(
        y == "Z", proba[:, 1], class_weight=None, n_bins=5, strategy=strategy
    )
    share, mean = calibration_curve(y == "Z", proba[:, 1], n_bins=5, strategy=strategy)
    filled = curve.n_eff > 0
    tolerance = 1e-12 if strategy == "uniform" else 0.02  # quantiles interpolate
    assert curve.share[filled] == pytest.approx(share, abs=tolerance)
    assert curve.probability[filled] == pytest.approx(mean, abs=tolerance)


@pytest.mark.parametrize("class_weight", ["balanced", None])
@pytest.mark.parametrize("pos_label", ["Z", ["W", "top"]])
def test_a_bin_is_that_of_brute_force(class_weight, pos_label):
    y, proba, w = sample(200, negative=0.1)
    curve = reliability_curve(
        y, proba, w, pos_label=pos_label, class_weight=class_weight, n_bins=4
    )
    if class_weight == "balanced":
        w = w / np.array([w[y == label].sum() for label in y])
    signal = np.isin(y, pos_label)
    p = proba[:, np.isin(list(MEANS), pos_label)].sum(axis=1)
    for i in range(4):
        inside = (p >= i / 4) & (p < (i + 1) / 4)
        total = w[inside].sum()
        if not total > 0:
            assert np.isnan([curve.share[i], curve.error[i]]).all()
            continue
        share = w[inside & signal].sum() / total
        # The variance of a ratio, event by event.
        variance = (w[inside] ** 2 * (signal[inside] - share) ** 2).sum() / total**2
        assert curve.share[i] == pytest.approx(share)
        assert curve.error[i] == pytest.approx(np.sqrt(variance))
        mean = (w * p)[inside].sum() / total
        assert curve.probability[i] == pytest.approx(mean)
        assert curve.n_eff[i] == pytest.approx(total**2 / (w[inside] ** 2).sum())
    assert list(curve.to_frame().columns[:3]) == ["low", "high", "probability"]


@pytest.mark.parametrize("negative", [0.0, 0.15])
@pytest.mark.parametrize("pos_label", ["W", "Z", "top", ["Z", "top"]])
def test_calibrated_probabilities_are_reliable_on_their_prior_only(negative, pos_label):
    y, proba, w = sample(40_000, negative=negative)
    options = {"pos_label": pos_label, "n_bins": 8}

    def chi2(probability, class_weight):
        curve = reliability_curve(
            y, probability, w, class_weight=class_weight, **options
        )
        enough = (curve.n_eff > 25) & (curve.error > 0)
        difference = (curve.share - curve.probability)[enough]
        return np.mean((difference / curve.error[enough]) ** 2)

    assert chi2(proba, "balanced") < 2.6
    assert chi2(to_physical_prior(proba, YIELDS), None) < 2.6
    assert chi2(proba, None) > 10.0
    assert chi2(to_physical_prior(proba, YIELDS), "balanced") > 10.0


@pytest.mark.parametrize("negative", [0.0, 0.15])
def test_probabilities_on_the_physical_prior_sum_to_the_yields(negative):
    y, proba, w = sample(40_000, negative=negative)
    physical = to_physical_prior(proba, YIELDS)
    assert physical.sum(axis=1) == pytest.approx(1.0)
    for column, label in enumerate(MEANS):
        total = (w * physical[:, column]).sum()
        error = np.sqrt(((w * (physical[:, column] - (y == label))) ** 2).sum())
        assert abs(total - YIELDS[label]) < 3.0 * error
        # In a region that the features choose, too.
        chosen = proba[:, 2] > 0.5
        expected = w[chosen & (y == label)].sum()
        part = (w * physical[:, column])[chosen].sum()
        error = np.sqrt((w * (physical[:, column] - (y == label)))[chosen] ** 2).sum()
        assert abs(part - expected) < 3.0 * error
    # Nothing else has a smaller log-loss at these yields.
    best = weighted_log_loss(y, physical, w)
    assert weighted_log_loss(y, proba, w) > best
    wrong = to_physical_prior(proba, {**YIELDS, "Z": 800.0})
    assert weighted_log_loss(y, wrong, w) > best


def test_a_prior_is_one_factor_for_each_class():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=50)
    physical = to_physical_prior(proba, YIELDS)
    factors = np.array([5000.0, 400.0, 30.0])  # sorted: "W", "Z", "top"
    expected = proba * factors
    expected /= expected.sum(axis=1, keepdims=True)
    assert physical == pytest.approx(expected, rel=1e-13)
    assert to_physical_prior(proba, factors) == pytest.approx(physical, rel=1e-13)
    assert to_physical_prior(proba, np.ones(3)) == pytest.approx(proba, rel=1e-13)
    back = to_physical_prior(physical, np.ones(3), training_yields=YIELDS)
    assert back == pytest.approx(proba, rel=1e-12)
    assert to_physical_prior(proba, YIELDS, training_yields=YIELDS) == (
        pytest.approx(proba, rel=1e-13)
    )
    tiny = to_physical_prior([[1.0, 1e-300]], [1e-200, 1e200])
    assert np.isfinite(tiny).all()


@pytest.mark.parametrize(
    ("proba", "yields", "message"),
    [
        ([0.1, 0.9], [1, 2], r"a column for each class, got the shape \(2,\)"),
        ([[0.1, 1.9]], [1, 2], "must be probabilities from 0 to 1"),
        ([[0.0, 0.0]], [1, 2], "of which one is not 0"),
        ([[0.1, 0.9]], [1, 2, 3], "`yields` must be 2 positive, finite yields"),
        ([[0.1, 0.9]], {"s": 1, "b": -1}, "`yields` must be 2 positive, finite"),
        ([[0.1, 0.9]], [np.inf, 1.0], "`yields` must be 2 positive, finite yields"),
    ],
)
def test_wrong_priors_are_refused(proba, yields, message):
    with pytest.raises(ValueError, match=message):
        to_physical_prior(proba, yields)
    with pytest.raises(ValueError, match="`training_yields` must be 2 positive"):
        to_physical_prior([[0.1, 0.9]], [1.0, 1.0], training_yields=[0.0, 1.0])


def test_two_classes_take_both_columns_and_either_signal():
    y = np.array(["b", "s", "b", "s"])
    p = np.array([0.1, 0.4, 0.6, 0.9])
    both = np.column_stack([1 - p, p])
    one = reliability_curve(y, p, n_bins=2)
    assert np.array_equal(reliability_curve(y, both, n_bins=2).share, one.share)
    turned = reliability_curve(y, both, n_bins=2, pos_label="b")
    assert turned.share == pytest.approx(1.0 - one.share[::-1])
    assert turned.error == pytest.approx(one.error[::-1])


def test_weight_two_weight_zero_and_bins_that_are_not_positive():
    y, proba, w = sample(100, negative=0.1)
    options = {"pos_label": "Z", "n_bins": 3}
    twice = reliability_curve(
        np.append(y, y), np.concatenate([proba, proba]), np.append(w, w), **options
    )
    one = reliability_curve(y, proba, 2 * w, **options)
    assert one.share == pytest.approx(twice.share, nan_ok=True)
    assert one.error == pytest.approx(twice.error * np.sqrt(2), nan_ok=True)
    zero = reliability_curve(
        np.append(y, "Z"),
        np.concatenate([proba, proba[:1]]),
        np.append(2 * w, 0.0),
        **options,
    )
    assert zero.share == pytest.approx(one.share, nan_ok=True)
    negative = reliability_curve(
        [0, 1, 0, 1], [0.1, 0.1, 0.9, 0.9], [3.0, 1.0, -1.0, 0.5], n_bins=2
    )
    assert np.isnan(negative.share[1])  # its weights do not sum to more than 0
    empty = reliability_curve([0, 1], [0.1, 0.9], n_bins=3)
    assert np.isnan(empty.share[1])
    assert np.isnan(empty.error[1])
    assert empty.n_eff[1] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 0}, "`n_bins` must be a whole number of at least 1, got 0"),
        (
            {"strategy": "equal"},
            "`strategy` must be 'uniform', 'quantile' or 'balanced_quantile'",
        ),
        ({"class_weight": "equal"}, "`class_weight` must be 'balanced' or None"),
        ({"y_proba": [0.1, 1.2]}, "must be probabilities from 0 to 1"),
        ({"pos_label": 3}, "`pos_label` must be one of the classes"),
    ],
)
def test_wrong_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        reliability_curve([0, 1], **{"y_proba": [0.1, 0.9]} | options)
    with pytest.raises(WeightsError, match="more than 0"):
        reliability_curve([0, 1], [0.1, 0.9], [1.0, -1.0])
