"""Bootstrap errors: paths that must agree, coverage against independent samples."""

import functools
import pickle

import numpy as np
import pytest

from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.metrics import (
    BootstrapResult,
    PairedBootstrapResult,
    SignificanceAt,
    balanced_log_loss,
    balanced_log_loss_from_logits,
    bootstrap,
    paired_bootstrap,
    weighted_roc_auc,
)

FUNCTIONS = {
    "balanced_log_loss": balanced_log_loss,
    "balanced_log_loss_from_logits": balanced_log_loss_from_logits,
    "roc_auc": weighted_roc_auc,
}


@pytest.fixture
def scored(toy_events):
    X, y, weight = toy_events
    return y, 1 / (1 + np.exp(-X["a"].to_numpy().round(1))), weight


@pytest.mark.parametrize("name", FUNCTIONS)
def test_name_function_and_loop_have_the_same_replicas(scored, name):
    function = FUNCTIONS[name]
    by_name = bootstrap(name, *scored, n_replicas=20, random_state=3)
    by_function = bootstrap(function, *scored, n_replicas=20, random_state=3)
    assert np.array_equal(by_name.replicas, by_function.replicas)
    looped = bootstrap(
        functools.partial(function), *scored, n_replicas=20, random_state=3
    )
    assert np.allclose(by_name.replicas, looped.replicas, rtol=1e-11)
    assert by_name.value == looped.value == function(*scored)


def test_significance_at_a_cut_is_vectorised_and_looped_alike(scored):
    metric = SignificanceAt(0.5, kind="ams")
    fast = bootstrap(metric, *scored, n_replicas=20, random_state=3)
    looped = bootstrap(
        lambda *args, sample_weight: metric(*args, sample_weight),
        *scored,
        n_replicas=20,
        random_state=3,
    )
    assert np.allclose(fast.replicas, looped.replicas, rtol=1e-11)


def test_squares_of_weights_are_those_of_repeated_events(scored):
    """The mean of sum(w**2) over replicas is that of the sample, not twice as much."""

    def background_sum_w2(y_true, _y_score, sample_weight):
        return np.sum(sample_weight[y_true == "b"] ** 2)

    result = bootstrap(background_sum_w2, *scored, n_replicas=300, random_state=0)
    assert result.replicas.mean() == pytest.approx(result.value, rel=0.08)


def test_two_columns_of_probabilities(scored):
    y, proba, weight = scored
    one = bootstrap("balanced_log_loss", y, proba, weight, random_state=1)
    columns = np.column_stack([1 - proba, proba])
    two = bootstrap("balanced_log_loss", y, columns, weight, random_state=1)
    assert np.allclose(one.replicas, two.replicas)


def test_several_classes_by_name_and_by_loop():
    rng = np.random.default_rng(6)
    y = rng.choice(["W", "Z", "top"], size=200)
    proba, weight = rng.dirichlet(np.ones(3), size=200), rng.exponential(size=200)
    options = {"n_replicas": 20, "random_state": 3}
    fast = bootstrap("balanced_log_loss", y, proba, weight, **options)
    looped = bootstrap(
        functools.partial(balanced_log_loss), y, proba, weight, **options
    )
    assert fast.value == looped.value == balanced_log_loss(y, proba, weight)
    assert np.allclose(fast.replicas, looped.replicas, rtol=1e-11)
    other = rng.dirichlet(np.ones(3), size=200)
    paired = paired_bootstrap("balanced_log_loss", y, proba, other, weight, **options)
    second = bootstrap("balanced_log_loss", y, other, weight, **options)
    assert np.allclose(paired.replicas, fast.replicas - second.replicas, rtol=1e-11)
    with pytest.raises(ValueError, match=r"`multi_class` or `pos_label` must be given"):
        bootstrap("roc_auc", y, proba[:, 0], weight)


@pytest.mark.parametrize(
    "metric", ["roc_auc", SignificanceAt(0.5), SignificanceAt(0.5, mc_stat=True)]
)
def test_label_of_the_signal(scored, metric):
    y, score, weight = scored
    swapped = np.where(y == "s", "a", "b")
    options = {"n_replicas": 5, "random_state": 0}
    expected = bootstrap(metric, y, score, weight, **options)
    result = bootstrap(metric, swapped, score, weight, pos_label="a", **options)
    assert np.array_equal(result.replicas, expected.replicas)


def test_seed_and_scale_of_the_weights(scored):
    y, score, weight = scored
    first = bootstrap("roc_auc", y, score, weight, random_state=1)
    assert np.array_equal(
        first.replicas, bootstrap("roc_auc", *scored, random_state=1).replicas
    )
    assert first.error != bootstrap("roc_auc", *scored, random_state=2).error
    scaled = bootstrap("roc_auc", y, score, 1e-6 * weight, random_state=1)
    assert np.allclose(scaled.replicas, first.replicas)


def test_more_replicas_begin_with_the_same_ones(scored):
    few = bootstrap("roc_auc", *scored, n_replicas=7, random_state=1)
    many = bootstrap("roc_auc", *scored, n_replicas=30, random_state=1)
    assert np.allclose(few.replicas, many.replicas[:7], rtol=1e-12)


def test_paired_replicas_are_those_of_each_classifier(scored):
    y, score, weight = scored
    other = np.roll(score, 1)
    options = {"n_replicas": 10, "random_state": 4}
    pair = paired_bootstrap("roc_auc", y, score, other, weight, **options)
    a = bootstrap("roc_auc", y, score, weight, **options)
    b = bootstrap("roc_auc", y, other, weight, **options)
    assert np.allclose(pair.replicas, a.replicas - b.replicas)
    assert (pair.value_a, pair.value_b) == (a.value, b.value)
    assert pair.difference == a.value - b.value
    same = paired_bootstrap("roc_auc", y, score, score, weight, **options)
    assert same.difference == same.error == 0


def test_results_are_picklable(scored):
    result = bootstrap("roc_auc", *scored, n_replicas=3, random_state=0)
    copy = pickle.loads(pickle.dumps(result))
    assert np.array_equal(copy.replicas, result.replicas)


@pytest.mark.parametrize("mc_stat", [False, True])
def test_undefined_replicas_are_counted_and_left_out(mc_stat):
    y = np.repeat([0, 1], 20)
    score = np.append(np.arange(20) >= 18, np.ones(20)) * 1.0
    metric = SignificanceAt(0.5, mc_stat=mc_stat)
    with pytest.warns(LowStatisticsWarning, match=r"of 200 without a value"):
        result = bootstrap(metric, y, score, random_state=0)
    assert result.n_undefined == np.isnan(result.replicas).sum()
    assert result.n_undefined / 200 == pytest.approx(np.exp(-2), abs=0.06)
    assert result.error == pytest.approx(np.nanstd(result.replicas, ddof=1))


def test_error_is_nan_if_nothing_is_defined():
    with pytest.warns(LowStatisticsWarning, match="2 of 2"):
        result = bootstrap(
            lambda *_args, sample_weight: np.nan * sample_weight[0],
            [0, 1, 0, 1, 0, 1, 0, 1],
            np.zeros(8),
            n_replicas=2,
            random_state=0,
        )
    assert np.isnan(result.error)


def test_wrong_arguments_are_refused():
    y, score = [0, 1], [0.1, 0.2]
    with pytest.raises(ValueError, match=r"`metric` must be .*'roc_auc', .* got 'auc'"):
        bootstrap("auc", y, score)
    with pytest.raises(ValueError, match=r"`n_replicas` must be at least 2, got 1"):
        bootstrap("roc_auc", y, score, n_replicas=1)
    with pytest.raises(ValueError, match=r"each of the 2 events, got the shape \(3,"):
        paired_bootstrap("roc_auc", y, score, [1, 2, 3])
    with pytest.raises(WeightsError, match=r"got -1\.0 for the background"):
        bootstrap("roc_auc", y, score, [-1.0, 1.0])


def test_inputs_are_not_changed(scored):
    copies = [x.copy() for x in scored]
    bootstrap("roc_auc", *scored, n_replicas=3)
    assert all(map(np.array_equal, copies, scored))


# Coverage: errors against the spread of independent samples. Samples are rescaled to
# the nominal yields, because the replicas are.

WEIGHTS = {
    "heavy tails": lambda rng, n: np.exp(1.2 * rng.normal(size=n)),
    "negative": lambda rng, n: (
        rng.exponential(size=n) * np.where(rng.random(n) < 0.15, -1, 1)
    ),
}
METRICS = {
    "auc": weighted_roc_auc,
    "log-loss": balanced_log_loss_from_logits,
    "ams": SignificanceAt(0.6, kind="ams"),
}


def sample(rng, n, kind):
    """Two classifiers' logits of Gaussian classes, 30 signal on 1000 background."""
    y = np.arange(n) % 3 == 0
    x = rng.normal(1.5 * y)
    noisy = x + 0.7 * rng.normal(size=n)
    weight = WEIGHTS[kind](rng, n)
    weight *= np.where(y, 30 / weight[y].sum(), 1000 / weight[~y].sum())
    return y, 1.5 * x - 1.125, 1.5 * noisy - 1.125, weight


def errors_against_spread(metric, kind, n, n_samples, n_replicas):
    """Return ratio of error to spread and coverage, alone and for the difference."""
    y, a, b, weight = sample(np.random.default_rng(99), 400_000, kind)
    truth = metric(y, a, weight), metric(y, a, weight) - metric(y, b, weight)
    options = {"n_replicas": n_replicas, "random_state": 0}
    values, errors = [], []
    for seed in range(n_samples):
        y, a, b, weight = sample(np.random.default_rng(seed), n, kind)
        single = bootstrap(metric, y, a, weight, **options)
        pair = paired_bootstrap(metric, y, a, b, weight, **options)
        values.append([single.value, pair.difference])
        errors.append([single.error, pair.error])
    values, errors = np.array(values), np.array(errors)
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / values.std(axis=0, ddof=1)
    return ratio, np.mean(abs(values - truth) < errors, axis=0)


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("name", METRICS)
def test_errors_are_the_spread_of_independent_samples(name, kind):
    # 60 samples know a spread to 9 per cent and a coverage to 6.
    ratio, coverage = errors_against_spread(METRICS[name], kind, 1500, 60, 60)
    assert ratio == pytest.approx(1, abs=0.3)
    assert coverage == pytest.approx(0.68, abs=0.18)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("name", METRICS)
def test_errors_are_the_spread_of_many_independent_samples(name, kind):
    ratio, coverage = errors_against_spread(METRICS[name], kind, 3000, 200, 60)
    assert ratio == pytest.approx(1, abs=0.15)
    assert coverage == pytest.approx(0.68, abs=0.08)


def test_pairing_makes_the_error_of_a_difference_smaller():
    y, a, b, weight = sample(np.random.default_rng(0), 3000, "heavy tails")
    pair = paired_bootstrap("roc_auc", y, a, b, weight, random_state=0)
    error_a = bootstrap("roc_auc", y, a, weight, random_state=0).error
    error_b = bootstrap("roc_auc", y, b, weight, random_state=0).error
    assert pair.error < 0.7 * np.hypot(error_a, error_b)


# What is returned: intervals of the replicas, and two digits of the error.


def test_error_and_interval_are_those_of_the_replicas():
    replicas = np.append(np.arange(101.0), np.nan)
    for result in (
        BootstrapResult(50.0, 29.3, replicas, 1),
        PairedBootstrapResult(1.0, 2.0, -1.0, 29.3, replicas, 1),
    ):
        assert result.interval(0.9) == pytest.approx((5.0, 95.0))
        with pytest.raises(ValueError, match=r"`level` must lie between 0 and 1, got"):
            result.interval(68)
    nothing = BootstrapResult(50.0, np.nan, np.full(3, np.nan), 3)
    assert np.isnan(nothing.interval()).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.92399, 0.00318, "0.9240 ± 0.0032"),
        (6.158, 0.36, "6.16 ± 0.36"),
        (1234.5, 38.2, "1234 ± 38"),
        (0.5, 0.0, "0.5 ± 0"),
        (1.0, 3.1e-17, "1 ± 3.1e-17"),
        (1.0, np.inf, "1 ± inf"),
        (0.5, np.nan, "0.5 ± nan"),
    ],
)
def test_value_and_error_are_printed_with_two_digits(value, error, text):
    assert str(BootstrapResult(value, error, np.zeros(2))) == text
    pair = PairedBootstrapResult(9.0, 1.0, value, error, np.zeros(2))
    assert str(pair) == text


def test_a_metric_comes_first():
    labels, scores = np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3])
    message = r"`metric` must be a callable .*got ndarray\. Pass it first"
    with pytest.raises(TypeError, match=message):
        bootstrap(labels, scores, "roc_auc")
    with pytest.raises(TypeError, match=message):
        paired_bootstrap(labels, scores, scores, "roc_auc")
