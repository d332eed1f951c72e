"""Scores with errors: closed forms against brute force, limits, and what is refused."""

import functools
import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats

from skhep_dnn.exceptions import LowStatisticsWarning, UndefinedSignificanceWarning
from skhep_dnn.metrics import (
    EfficiencyAt,
    MetricWithError,
    PairedBootstrapResult,
    PairedDifference,
    RejectionAt,
    SignificanceAt,
    balanced_log_loss,
    bootstrap,
    max_significance_score,
    metric_with_error,
    paired_bootstrap,
    paired_difference,
    separation_power,
    significance_scan,
)
from skhep_dnn.metrics._closed_form import closed_form
from skhep_dnn.metrics._replica_metric import resolve_metric
from skhep_dnn.metrics._scan_errors import propagated_errors

CUT = 0.7
FEW = "ignore:The error of a score must come:skhep_dnn.exceptions.LowStatisticsWarning"
CLOSED = {
    "auc": "roc_auc",
    "balanced log-loss": "balanced_log_loss",
    "log-loss": "log_loss",
    "asimov": SignificanceAt(CUT),
    "ams": SignificanceAt(CUT, kind="ams"),
    "s/sqrt(b)": SignificanceAt(CUT, kind="s_over_sqrt_b"),
    "s/sqrt(s+b)": SignificanceAt(CUT, kind="s_over_sqrt_sb"),
    "with uncertainties": SignificanceAt(
        CUT, sigma_b=2.0, rel_sigma_b=0.1, mc_stat=True
    ),
    "signal efficiency": EfficiencyAt(CUT),
    "background efficiency": EfficiencyAt(CUT, of="background"),
    "rejection": RejectionAt(CUT),
    "rejection at an efficiency": RejectionAt(signal_efficiency=0.6),
}
WEIGHTS = {
    "equal": lambda _rng, n: np.ones(n),
    "heavy tails": lambda rng, n: np.exp(rng.normal(size=n)),
    "negative": lambda rng, n: np.where(rng.random(n) < 0.15, -1.0, 1.0),
}


def sample(seed=0, kind="heavy tails", n=3000, digits=1):
    """Labels, probabilities rounded so that there are ties, and weights."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) % 3 == 0, "s", "b")
    logit = rng.normal(1.5 * (y == "s"), size=n).round(digits) * 1.5 - 1.0
    weight = WEIGHTS[kind](rng, n) * np.where(y == "s", 0.1, 1.0)
    return y, 1.0 / (1.0 + np.exp(-logit)), weight


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("name", CLOSED)
def test_closed_form_is_the_spread_of_many_replicas(name, kind):
    # A quantile has a Gaussian error where the scores have a density.
    metric = CLOSED[name]
    events = sample(kind=kind, digits=9 if "at an eff" in name else 1)
    exact = metric_with_error(metric, *events, method="closed_form")
    n_replicas = 150 if name == "with uncertainties" else 1000
    brute = bootstrap(metric, *events, n_replicas=n_replicas, random_state=0)
    assert exact.value == brute.value
    # 1000 replicas know an error to 2.2 per cent, 150 to 6.
    tolerance = 4 / math.sqrt(2 * n_replicas)
    if name == "rejection at an efficiency":
        tolerance += 0.1  # the slope of the ROC curve is known no better
    assert exact.error == pytest.approx(brute.error, rel=tolerance)


@pytest.mark.parametrize("name", sorted(set(CLOSED) - {"rejection at an efficiency"}))
def test_influences_are_derivatives(name):
    y, score, weight = sample(kind="negative", n=60)
    metric = resolve_metric(CLOSED[name])
    influence = metric.influence(y, score, weight, pos_label=None)
    step = 1e-5
    for i in (0, 1, 7, 20, 33):
        up, down = (np.where(np.arange(60) == i, f, 1.0) for f in (1 + step, 1 - step))
        z = [metric.function(y, score, weight * f) for f in (up, down)]
        found = (z[0] - z[1]) / (2 * step)
        assert influence.by_weight[i] == pytest.approx(found, rel=1e-4, abs=1e-9)
    more = np.append(np.arange(60), 3)  # event 3 is counted twice
    twice = metric.function(y[more], score[more], weight[more])
    once = metric.function(y, score, weight)
    assert influence.by_count[3] == pytest.approx(twice - once, abs=0.15 * abs(once))


def test_auc_of_equal_weights_is_that_of_delong():
    y, score, _ = sample(n=300)
    signal, background = score[y == "s"], score[y == "b"]
    above = (signal[:, None] > background) + 0.5 * (signal[:, None] == background)
    v10, v01 = above.mean(axis=1), above.mean(axis=0)
    variance = v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)
    result = metric_with_error("roc_auc", y, score, method="closed_form")
    assert result.value == pytest.approx(above.mean())
    assert result.error == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_an_efficiency_by_hand():
    y = np.array(["b"] * 10 + ["s"] * 100)
    score = np.append(np.zeros(10), np.arange(100) < 60)
    result = metric_with_error(EfficiencyAt(0.5), y, score, method="closed_form")
    assert result.value == 0.6
    assert result.error == pytest.approx(math.sqrt(0.6 * 0.4 / 99), rel=1e-12)
    assert result.degrees_of_freedom == pytest.approx(
        2 * 0.24**2 * 100 / (0.6 * 0.4**4 + 0.4 * 0.6**4 - 0.24**2)
    )


def test_a_loss_by_hand_and_the_jackknife_of_heavy_events():
    y, proba = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.3, 0.2, 0.6, 0.9])
    weight = np.array([1.0, 2.0, 5.0, 1.0, 3.0])
    loss = -np.log(np.where(y == 1, proba, 1 - proba))
    variance = 0.0
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        left_out = [
            np.average(
                loss[np.setdiff1d(rows, i)], weights=weight[np.setdiff1d(rows, i)]
            )
            for i in rows
        ]
        whole = np.average(loss[rows], weights=weight[rows])
        n = len(rows)
        variance += (n - 1) / n * np.sum((np.array(left_out) - whole) ** 2) / 4
    with pytest.warns(LowStatisticsWarning):
        result = metric_with_error(
            "balanced_log_loss", y, proba, weight, method="closed_form"
        )
    assert result.error == pytest.approx(math.sqrt(variance), rel=1e-12)


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("merit", ["asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"])
def test_first_order_is_the_propagation_of_a_scan(merit, kind):
    y, score, weight = sample(kind=kind)
    scan = significance_scan(y, score, weight, kind=merit)
    expected = propagated_errors(scan, np.array([CUT]))[0]
    influence = SignificanceAt(CUT, kind=merit).influence(y, score, weight)
    form = closed_form(influence, y == "s", weight)
    assert form.linear_error == pytest.approx(expected, rel=1e-4)
    assert form.error == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", CLOSED)
def test_weights_of_any_scale_order_and_absent_events(name):
    metric, (y, score, weight) = CLOSED[name], sample()
    options = {"method": "closed_form"}
    first = metric_with_error(metric, y, score, weight, **options)
    order = np.random.default_rng(1).permutation(len(y))
    shuffled = metric_with_error(
        metric, y[order], score[order], weight[order], **options
    )
    assert shuffled.error == pytest.approx(first.error, rel=1e-9)
    more = [np.append(x, extra) for x, extra in ((y, "b"), (score, 0.9), (weight, 0.0))]
    absent = metric_with_error(metric, *more, **options)
    assert absent.error == pytest.approx(first.error, rel=1e-12)
    assert absent.degrees_of_freedom == pytest.approx(first.degrees_of_freedom)
    if not isinstance(metric, SignificanceAt):
        for scale in (1e-170, 1e-6, 1e160):
            scaled = metric_with_error(metric, y, score, scale * weight, **options)
            assert scaled.error == pytest.approx(first.error, rel=1e-9)


@pytest.mark.parametrize("name", sorted(set(CLOSED) - {"with uncertainties"}))
def test_four_copies_of_the_sample_halve_the_error(name):
    metric, (y, score, weight) = CLOSED[name], sample(kind="equal", digits=9)
    one = metric_with_error(metric, y, score, weight, method="closed_form")
    copies = [np.tile(x, 4) for x in (y, score, weight / 4)]
    four = metric_with_error(metric, *copies, method="closed_form")
    assert four.value == pytest.approx(one.value)
    tolerance = 0.2 if name == "rejection at an efficiency" else 0.003
    assert four.error == pytest.approx(one.error / 2, rel=tolerance)


def test_limits():
    y, score = np.repeat([0, 1], 100), np.repeat([0.0, 1.0], 100)
    for metric in ("roc_auc", EfficiencyAt(0.5), EfficiencyAt(-np.inf)):
        perfect = metric_with_error(metric, y, score, method="closed_form")
        assert (perfect.value, perfect.error) == (1.0, 0.0)
        assert perfect.interval() == (1.0, 1.0)
    nothing = metric_with_error(
        EfficiencyAt(-np.inf, of="background"), y, score, method="closed_form"
    )
    assert (nothing.value, nothing.error) == (1.0, 0.0)


@pytest.mark.filterwarnings(FEW)
def test_a_rejection_without_background_is_undefined():
    y, score = np.repeat([0, 1], 100), np.repeat([0.0, 1.0], 100)
    with pytest.warns(UndefinedSignificanceWarning, match="the rejection is nan"):
        assert np.isnan(RejectionAt(0.5)(y, score))
    with (
        pytest.warns(UndefinedSignificanceWarning),
        pytest.warns(LowStatisticsWarning, match="error is nan"),
    ):
        result = metric_with_error(RejectionAt(0.5), y, score, method="closed_form")
    assert np.isnan(result.error)
    assert np.isnan(result.interval()).all()


@pytest.mark.filterwarnings(FEW)
def test_one_event_that_carries_its_class_has_no_error():
    y, score = np.repeat([0, 1], 100), np.arange(200.0)
    weight = np.ones(200)
    weight[:100] = [5.0] + [-0.04] * 99
    with pytest.warns(LowStatisticsWarning, match="where any one event is left out"):
        result = metric_with_error("roc_auc", y, score, weight, method="closed_form")
    assert np.isnan(result.error)


@pytest.mark.parametrize("name", ["roc_auc_ovr", "roc_auc_ovo_weighted", "log_loss"])
def test_several_classes(name):
    rng = np.random.default_rng(6)
    y = rng.choice(["W", "Z", "top"], size=1500)
    raw = rng.gamma(1.0 + 2.0 * (y[:, None] == ["W", "Z", "top"]))
    proba, weight = raw / raw.sum(axis=1, keepdims=True), rng.exponential(size=1500)
    exact = metric_with_error(name, y, proba, weight, method="closed_form")
    brute = bootstrap(name, y, proba, weight, n_replicas=800, random_state=0)
    assert exact.value == brute.value
    assert exact.error == pytest.approx(brute.error, rel=0.1)
    signal = {"pos_label": ["W", "Z"]}
    exact = metric_with_error(
        "roc_auc", y, proba, weight, method="closed_form", **signal
    )
    brute = bootstrap(
        "roc_auc", y, proba, weight, n_replicas=800, random_state=0, **signal
    )
    assert exact.error == pytest.approx(brute.error, rel=0.1)


def test_accuracy():
    y, score, weight = sample()
    predicted = np.where(score > 0.5, "s", "b")
    exact = metric_with_error("accuracy", y, predicted, weight, method="closed_form")
    brute = bootstrap("accuracy", y, predicted, weight, n_replicas=800, random_state=0)
    assert exact.error == pytest.approx(brute.error, rel=0.1)


# The bootstrap through the interface.


def test_bootstrap_has_the_replicas_of_bootstrap():
    events = sample()
    plain = bootstrap("roc_auc", *events, random_state=3)
    result = metric_with_error("roc_auc", *events, random_state=3)
    assert (result.value, result.error) == (plain.value, plain.error)
    assert result.method == "bootstrap"
    assert np.array_equal(result.replicas, plain.replicas)
    low, high = result.interval()
    # Wider than plain quantiles, by little where there are many events.
    assert low <= plain.interval()[0] < plain.interval()[1] <= high
    assert high - low == pytest.approx(np.diff(plain.interval())[0], rel=0.08)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.interval() == result.interval()


def test_any_callable_is_bootstrapped():
    events = sample(n=300)

    def share(_y_true, y_score, sample_weight):
        return np.average(y_score > 0.5, weights=sample_weight)

    result = metric_with_error(share, *events, n_replicas=20, random_state=0)
    plain = bootstrap(share, *events, n_replicas=20, random_state=0)
    width = np.diff(plain.interval())[0]
    assert result.interval() == pytest.approx(plain.interval(), abs=0.2 * width)
    with pytest.raises(ValueError, match=r"closed form .*Take method='bootstrap'"):
        metric_with_error(share, *events, method="closed_form")


def test_a_metric_of_a_user_with_an_influence_has_a_closed_form():
    class Share(EfficiencyAt):
        pass

    events = sample()
    own = metric_with_error(Share(CUT), *events, method="closed_form")
    assert own.error == pytest.approx(
        metric_with_error(EfficiencyAt(CUT), *events, method="closed_form").error
    )


def test_separation_is_the_bias_corrected_one():
    events = sample()
    expected = separation_power(*events, random_state=0)
    result = metric_with_error("separation", *events, random_state=0)
    assert (result.value, result.error) == (expected.value, expected.error)
    low, high = result.interval(0.6827)
    assert (high - low) / 2 == pytest.approx(expected.error, rel=1e-3)
    with pytest.raises(ValueError, match="`method` must be 'bootstrap' for the sep"):
        metric_with_error("separation", *events, method="closed_form")
    for function in (bootstrap, functools.partial(paired_difference, events[0])):
        arguments = events if function is bootstrap else (events[1], events[1])
        with pytest.raises((ValueError, TypeError)):
            function("separation", *arguments)


# Intervals.


def test_intervals_of_a_closed_form():
    few = MetricWithError(3.0, 1.0, "closed_form", 4.0)
    assert few.interval(0.9) == pytest.approx(3.0 + np.array([-1, 1]) * 2.131847)
    many = MetricWithError(3.0, 1.0, "closed_form")
    assert many.interval(0.6827) == pytest.approx((2.0, 4.0), abs=1e-3)
    ratio = MetricWithError(10.0, 2.0, "closed_form", math.inf, "log")
    low, high = ratio.interval()
    assert low * high == pytest.approx(100.0)
    assert math.log(high / 10.0) == pytest.approx(0.2 * stats.norm.ppf(0.84))
    with pytest.raises(ValueError, match="`level` must lie between 0 and 1, got 68"):
        many.interval(68)
    assert str(many) == "3.0 ± 1.0"


def test_intervals_of_replicas_are_expanded():
    replicas = np.append(np.linspace(0, 1, 1001), np.nan)
    plain = MetricWithError(0.5, 0.3, "bootstrap", replicas=replicas)
    low = (0.05 * 1002 - 1) / 1000
    assert plain.interval(0.9) == pytest.approx((low, 1 - low))
    wide = MetricWithError(0.5, 0.3, "bootstrap", replicas=replicas, widening=1.1)
    tail = stats.norm.sf(1.1 * stats.norm.isf(0.05))
    assert wide.interval(0.9) == pytest.approx((tail, 1 - tail), abs=1e-3)
    nothing = MetricWithError(0.5, np.nan, "bootstrap", replicas=np.full(3, np.nan))
    assert np.isnan(nothing.interval()).all()


# What is refused, and what is warned of.


@pytest.mark.parametrize("method", ["bootstrap", "closed_form"])
def test_no_error_of_a_maximum(method):
    message = r"must not be a maximum over cuts.*pass `SignificanceAt\(cut\)`"
    for metric in (
        max_significance_score,
        functools.partial(max_significance_score, kind="ams"),
    ):
        with pytest.raises(ValueError, match=message):
            metric_with_error(metric, *sample(), method=method)
        y, score, weight = sample()
        with pytest.raises(ValueError, match=message):
            paired_difference(metric, y, score, score, weight, method=method)


def test_few_effective_events_are_warned_of():
    y, score, _ = sample(n=600)
    high = np.sort(score[y == "b"])[-12]
    message = r"got 1\d.* of the selected background: with 10 of .* 66 to 73"
    for metric in (SignificanceAt(high), EfficiencyAt(high, of="background")):
        with pytest.warns(LowStatisticsWarning, match=message):
            metric_with_error(metric, y, score, np.ones(600), method="closed_form")
    with pytest.warns(LowStatisticsWarning, match=r"of the selected .* 70 to 81"):
        metric_with_error(
            RejectionAt(signal_efficiency=0.5), *sample(n=90), method="closed_form"
        )
    with pytest.warns(LowStatisticsWarning, match=r"of the signal: with 10 of .*"):
        metric_with_error("roc_auc", *sample(n=90), method="closed_form")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric_with_error(SignificanceAt(CUT), *sample(), method="closed_form")
        metric_with_error(RejectionAt(CUT), *sample(), method="closed_form")


def test_wrong_arguments_are_refused():
    y, score = [0, 1], [0.1, 0.2]
    with pytest.raises(ValueError, match=r"`method` must be 'bootstrap' or 'closed_f"):
        metric_with_error("roc_auc", y, score, method="delong")
    with pytest.raises(ValueError, match=r"`metric` must be .* got 'auc'"):
        metric_with_error("auc", y, score)
    with pytest.raises(TypeError, match="Pass it first"):
        metric_with_error(np.array(y), score, "roc_auc")
    with pytest.raises(ValueError, match=r"each of the 2 events, got the shape \(3,"):
        metric_with_error("roc_auc", y, [1, 2, 3])


# Two classifiers.


def two_classifiers(seed, n=1000, kind="heavy tails"):
    """Two classifiers of the same quality."""
    y, _, weight = sample(seed, kind, n)
    rng = np.random.default_rng(10_000 + seed)
    x = rng.normal(1.5 * (y == "s"))
    return y, x + 0.7 * rng.normal(size=n), x + 0.7 * rng.normal(size=n), weight


@pytest.mark.parametrize("metric", ["roc_auc", SignificanceAt(1.0), EfficiencyAt(1.0)])
def test_paired_difference_in_closed_form_is_that_of_the_bootstrap(metric):
    events = two_classifiers(0, 3000)
    exact = paired_difference(metric, *events, method="closed_form")
    brute = paired_bootstrap(metric, *events, n_replicas=1000, random_state=0)
    assert exact.difference == brute.difference
    assert exact.error == pytest.approx(brute.error, rel=0.1)
    assert exact.p_value == pytest.approx(brute.p_value, abs=0.1)
    same = paired_difference(metric, *events, n_replicas=1000, random_state=0)
    assert (same.error, same.p_value) == (brute.error, brute.p_value)


def test_p_values_by_hand():
    replicas = np.zeros(2)
    two_sigma = PairedBootstrapResult(2.0, 0.0, 2.0, 1.0, replicas)
    assert two_sigma.p_value == pytest.approx(2 * stats.norm.sf(2.0))
    assert PairedBootstrapResult(1.0, 1.0, 0.0, 0.0, replicas).p_value == 1.0
    assert PairedBootstrapResult(2.0, 1.0, 1.0, 0.0, replicas).p_value == 0.0
    assert np.isnan(PairedBootstrapResult(2.0, 1.0, 1.0, np.nan, replicas).p_value)
    few = PairedDifference(0.0, 2.0, -2.0, 1.0, "closed_form", 5.0)
    assert few.p_value == pytest.approx(2 * stats.t.sf(2.0, 5.0))
    assert str(few) == "-2.0 ± 1.0"


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("kind", WEIGHTS)
def test_p_values_are_uniform_without_a_difference(kind):
    p = [
        paired_difference(
            "roc_auc", *two_classifiers(seed, 600, kind), method="closed_form"
        ).p_value
        for seed in range(300)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_difference_has_a_small_p_value():
    y, a, _, weight = two_classifiers(0)
    noisy = a + 2.0 * np.random.default_rng(0).normal(size=len(a))
    for method in ("bootstrap", "closed_form"):
        result = paired_difference(
            "roc_auc", y, a, noisy, weight, method=method, random_state=0
        )
        assert result.p_value < 1e-4


# Coverage, a small version of benchmarks/bench_coverage.py: 400 toys know it to 2.3
# per cent.


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("metric", ["roc_auc", "balanced_log_loss", "asimov"])
def test_intervals_cover_the_truth(metric, kind):
    y, proba, weight = sample(1, kind, 600_000)
    cut = SignificanceAt(CUT)
    weight *= np.where(y == "s", 100 / weight[y == "s"].sum(), 1.0)
    weight *= np.where(y == "b", 1000 / weight[y == "b"].sum(), 1.0)
    use = cut if metric == "asimov" else metric
    truth = use(y, proba, weight) if metric == "asimov" else None
    if truth is None:
        truth = resolve_metric(metric).function(y, proba, weight)
    covered = []
    for part in np.array_split(np.arange(600_000), 400):
        w = weight[part] * 400
        for label, full in (("s", 100), ("b", 1000)):
            w[y[part] == label] *= full / w[y[part] == label].sum()
        low, high = metric_with_error(
            use, y[part], proba[part], w, method="closed_form"
        ).interval()
        covered.append(low <= truth <= high)
    assert np.mean(covered) == pytest.approx(0.68, abs=0.075)


def test_balanced_log_loss_as_a_function():
    events = sample()
    by_name = metric_with_error("balanced_log_loss", *events, method="closed_form")
    by_function = metric_with_error(balanced_log_loss, *events, method="closed_form")
    assert by_name.error == by_function.error
