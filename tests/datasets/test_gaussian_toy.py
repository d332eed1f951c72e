"""Gaussian events: the optimal score and its closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights import effective_sample_size


def auc(events, score):
    return roc_auc_score(
        events.target == "s", score, sample_weight=events.sample_weight
    )


@pytest.mark.parametrize("separation", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("n_features", [1, 5])
def test_area_under_the_curve(separation, n_features):
    events = make_gaussian_events(
        100_000, n_features=n_features, separation=separation, random_state=0
    )
    if separation == 0.0:
        assert np.abs(events.optimal_score).max() < 1e-12
    else:
        expected = norm.cdf(separation / np.sqrt(2.0))
        assert auc(events, events.optimal_score) == pytest.approx(expected, abs=6e-3)


@pytest.mark.parametrize("scale", [1.0, 0.5, 3.0])
def test_score_is_the_likelihood_ratio(scale):
    events = make_gaussian_events(
        200, n_features=3, separation=1.5, signal_scale=scale, random_state=1
    )
    half = np.full(3, 0.75 / np.sqrt(3.0))
    signal = multivariate_normal(half, scale**2 * np.eye(3))
    background = multivariate_normal(-half, np.eye(3))
    X = events.data.to_numpy()
    expected = signal.logpdf(X) - background.logpdf(X)
    np.testing.assert_allclose(events.optimal_score, expected, atol=1e-10)


def test_samples_follow_their_densities():
    events = make_gaussian_events(
        50_000, n_features=2, separation=3.0, signal_scale=2.0, random_state=3
    )
    for label, mean, scale in (("s", 1.5, 2.0), ("b", -1.5, 1.0)):
        X = events.data[events.target == label]
        assert X.mean().to_numpy() == pytest.approx(mean / np.sqrt(2.0), abs=0.05)
        assert np.cov(X.T) == pytest.approx(scale**2 * np.eye(2), abs=0.1)


def test_no_classifier_beats_the_optimal_score():
    events = make_gaussian_events(20_000, random_state=4)
    model = LogisticRegression().fit(events.data, events.target == "s")
    score = model.decision_function(events.data)
    assert auc(events, score) == pytest.approx(
        auc(events, events.optimal_score), abs=1e-3
    )
    assert np.corrcoef(score, events.optimal_score)[0, 1] > 0.999


@pytest.mark.parametrize("negative_fraction", [0.0, 0.2])
def test_weights(negative_fraction):
    events = make_gaussian_events(
        40_000,
        signal_fraction=0.25,
        signal_yield=7.0,
        background_yield=300.0,
        weight_spread=0.4,
        negative_fraction=negative_fraction,
        random_state=5,
    )
    for label, total, n_events in (("s", 7.0, 10_000), ("b", 300.0, 30_000)):
        weights = events.sample_weight[events.target == label]
        assert len(weights) == n_events
        assert weights.sum() == pytest.approx(total)
        assert (weights < 0).mean() == pytest.approx(negative_fraction)
        assert effective_sample_size(weights) / n_events == pytest.approx(
            np.exp(-0.16) * (1.0 - 2.0 * negative_fraction) ** 2, rel=0.05
        )
        features = events.data[events.target == label].to_numpy()
        correlation = np.corrcoef(weights, features.T)[0, 1:]
        assert np.abs(correlation).max() < 5.0 / np.sqrt(n_events)


FRACTIONS = [0.05, 0.2, 0.4]


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_signs_depend_on_phase_space_as_documented(fraction):
    events = make_gaussian_events(
        60_000,
        n_features=2,
        separation=3.0,
        signal_scale=2.0,
        negative_fraction=fraction,
        negative_pattern="phase_space",
        random_state=6,
    )
    is_negative = events.sample_weight < 0
    for label, mean, scale in (("s", 1.5, 2.0), ("b", -1.5, 1.0)):
        of_class = events.target == label
        x, p = events.data["x0"][of_class].to_numpy(), events.p_negative[of_class]
        z = (x - mean / np.sqrt(2.0)) / scale
        swing = 0.8 * min(fraction, 0.5 - fraction)
        closed_form = fraction + swing * (2.0 * norm.cdf(z) - 1.0)
        np.testing.assert_allclose(p, closed_form, rtol=1e-9)
        # as a uniform variable the place has the variance 1 / 12
        error = 2.0 * swing / np.sqrt(12.0 * len(p))
        assert p.mean() == pytest.approx(fraction, abs=4.0 * error)
        for low, high in ((-9.0, -1.0), (-1.0, 0.0), (0.0, 1.0), (1.0, 9.0)):
            here = (z > low) & (z < high)
            share = is_negative[of_class][here].mean()
            error = np.sqrt((p * (1.0 - p))[here].sum()) / here.sum()
            assert share == pytest.approx(p[here].mean(), abs=4.0 * error)


@pytest.mark.parametrize("pattern", ["flat", "phase_space"])
def test_the_true_weight_is_the_expected_one_at_each_point(pattern):
    options = {"negative_fraction": 0.2, "negative_pattern": pattern}
    events = make_gaussian_events(100_000, **options, random_state=7)
    for label, total in (("s", 100.0), ("b", 1_000.0)):
        of_class = events.target == label
        w, true = events.sample_weight[of_class], events.weight_true[of_class]
        assert (true > 0).all()
        assert w.sum() == pytest.approx(total)
        assert true.sum() == pytest.approx(total)
        # |w| (1 - 2 p) is the true weight, but for the factor of the class
        ratio = np.abs(w) * (1.0 - 2.0 * events.p_negative[of_class]) / true
        np.testing.assert_allclose(ratio, ratio[0])
        assert ratio[0] == pytest.approx(1.0, abs=0.02)
        x = events.data["x0"][of_class].to_numpy()
        for here in np.array_split(np.argsort(x), 10):
            difference = (w - true)[here]
            error = np.sqrt((difference**2).sum())
            assert abs(difference.sum()) < 4.0 * error


def test_absolute_weights_are_wrong_where_signs_depend_on_phase_space():
    shifts = {}
    for pattern in ("flat", "phase_space"):
        events = make_gaussian_events(
            50_000, negative_fraction=0.2, negative_pattern=pattern, random_state=8
        )
        background = events.target == "b"
        x, true = events.data["x0"][background], events.weight_true[background]
        absolute = np.abs(events.sample_weight[background])
        shifts[pattern] = np.average(x, weights=absolute) - np.average(x, weights=true)
    assert shifts["flat"] == pytest.approx(0.0, abs=1e-9)
    assert shifts["phase_space"] > 0.2


def test_flat_signs_are_those_of_before_patterns():
    # measured before there were patterns
    first = [0.3209136, -2.35180307, 1.55610859]
    for options in ({}, {"negative_pattern": "flat"}):
        events = make_gaussian_events(
            777, negative_fraction=0.17, random_state=3, **options
        )
        np.testing.assert_allclose(events.sample_weight[:3], first, rtol=1e-7)
        np.testing.assert_array_equal(events.p_negative, 0.17)


def test_without_negative_weights_the_pattern_does_not_matter():
    options = {"negative_pattern": "phase_space", "random_state": 0}
    events = make_gaussian_events(100, **options)
    np.testing.assert_array_equal(events.p_negative, 0.0)
    np.testing.assert_allclose(events.sample_weight, events.weight_true)
    plain = make_gaussian_events(100, random_state=0)
    np.testing.assert_array_equal(events.sample_weight, plain.sample_weight)


def test_layout_and_equal_weights():
    events = make_gaussian_events(30, n_features=2, weight_spread=0.0, random_state=0)
    assert list(events.frame) == ["EventId", "x0", "x1", "Weight", "Label"]
    assert events.feature_names == ["x0", "x1"]
    assert len(np.unique(events.event_number)) == 30
    np.testing.assert_allclose(events.sample_weight[events.target == "s"], 100 / 15)


def test_same_seed_same_bits():
    first = make_gaussian_events(100, random_state=0)
    assert first.frame.equals(make_gaussian_events(100, random_state=0).frame)
    assert not first.frame.equals(make_gaussian_events(100, random_state=1).frame)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_features": 0}, ValueError, "`n_features` must be at least 1, got 0"),
        ({"separation": -1.0}, ValueError, "`separation` must be zero or a positive"),
        ({"signal_scale": 0.0}, ValueError, "`signal_scale` must be a positive"),
        ({"weight_spread": None}, TypeError, "`weight_spread` must be a number"),
        ({"n_samples": True}, TypeError, "`n_samples` must be an integer"),
        (
            {"negative_pattern": "pt"},
            ValueError,
            "`negative_pattern` .* got 'pt'. Choo",
        ),
        ({"negative_pattern": None}, ValueError, "`negative_pattern` must be"),
    ],
)
def test_parameters_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        make_gaussian_events(**options)


def test_outweighing_negative_weights_are_refused():
    with pytest.raises(WeightsError, match="must sum to more than 0"):
        make_gaussian_events(
            4, weight_spread=0.0, negative_fraction=0.49, random_state=0
        )
    with pytest.raises(WeightsError, match=r"negative_fraction=0\.49"):
        make_gaussian_events(
            40,
            negative_fraction=0.49,
            negative_pattern="phase_space",
            random_state=0,
        )
