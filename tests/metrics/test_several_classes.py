"""Metrics of more than two classes: brute force, scikit-learn, and one against all."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import (
    SignificanceAt,
    ams_score,
    balanced_log_loss,
    balanced_log_loss_from_logits,
    bootstrap,
    cross_fitted_significance,
    max_significance_score,
    paired_bootstrap,
    significance_scan,
    weighted_accuracy,
    weighted_log_loss,
    weighted_roc_auc,
    weighted_roc_curve,
)

CLASSES = np.array(["H", "W", "Z", "top"])
AVERAGES = [(m, a) for m in ("ovr", "ovo") for a in ("macro", "weighted")]


@pytest.fixture
def events():
    """Labels, probabilities and weights of both signs of four classes."""
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, size=300, p=[0.2, 0.4, 0.3, 0.1])
    logits = rng.normal(size=(300, 4)) + 1.5 * (y[:, None] == CLASSES)
    proba = np.exp(logits)
    proba = (proba / proba.sum(axis=1, keepdims=True)).round(2)  # ties
    weights = rng.exponential(size=300) * rng.choice([1.0, -1.0], 300, p=[0.85, 0.15])
    return y, proba, weights


def area(signal, background):
    """Return the area of (score, weight) pairs, by a loop over pairs of events."""
    total = sum(
        w * v * ((x > z) + (x == z) / 2) for x, w in signal for z, v in background
    )
    return total / sum(w for _, w in signal) / sum(v for _, v in background)


def average_area(y, proba, w, multi_class, average):
    values, shares = [], []
    for c, label in enumerate(CLASSES):
        column = np.column_stack([proba[:, c], w])
        if multi_class == "ovr":
            values.append(area(column[y == label], column[y != label]))
            shares.append(w[y == label].sum())
        else:
            for other in np.setdiff1d(CLASSES, label):
                values.append(area(column[y == label], column[y == other]))
                shares.append(w[(y == label) | (y == other)].sum())
    return np.average(values, weights=None if average == "macro" else shares)


@pytest.mark.parametrize(("multi_class", "average"), AVERAGES)
def test_an_average_area_is_that_of_brute_force(events, multi_class, average):
    y, proba, weights = (values[:80] for values in events)
    for w in (np.ones(80), abs(weights), weights):
        value = weighted_roc_auc(y, proba, w, multi_class=multi_class, average=average)
        expected = average_area(y, proba, w, multi_class, average)
        assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("multi_class", "average"), AVERAGES)
def test_positive_weights_give_the_area_of_scikit_learn(events, multi_class, average):
    y, _, weights = events
    rng = np.random.default_rng(1)
    proba = rng.dirichlet(np.ones(4), size=len(y))
    options = {"multi_class": multi_class, "average": average}
    value = weighted_roc_auc(y, proba, **options)
    assert value == pytest.approx(
        sklearn_metrics.roc_auc_score(y, proba, **options), rel=1e-12
    )
    counts = rng.integers(1, 4, size=len(y))  # weight k is k events
    copies = np.repeat(np.arange(len(y)), counts)
    repeated = sklearn_metrics.roc_auc_score(y[copies], proba[copies], **options)
    value = weighted_roc_auc(y, proba, counts, **options)
    assert value == pytest.approx(repeated, rel=1e-12)
    if multi_class == "ovr":
        w = abs(weights)
        expected = sklearn_metrics.roc_auc_score(y, proba, sample_weight=w, **options)
        value = weighted_roc_auc(y, proba, w, **options)
        assert value == pytest.approx(expected, rel=1e-12)


def test_log_loss_and_accuracy_are_those_of_scikit_learn(events):
    y, _, weights = events
    proba = np.random.default_rng(1).dirichlet(np.ones(4), size=len(y))
    w = abs(weights)
    value = weighted_log_loss(y, proba, w)
    expected = sklearn_metrics.log_loss(y, proba, sample_weight=w)
    assert value == pytest.approx(expected, rel=1e-12)
    y_pred = CLASSES[proba.argmax(axis=1)]
    value = weighted_accuracy(y, y_pred, w)
    assert value == sklearn_metrics.accuracy_score(y, y_pred, sample_weight=w)
    is_w = np.where(y == "W", "W", "rest")
    two = np.column_stack([proba[:, 1], 1.0 - proba[:, 1]])  # "W" before "rest"
    value = weighted_log_loss(y, proba, w, pos_label="W")
    expected = sklearn_metrics.log_loss(is_w, two, sample_weight=w)
    assert value == pytest.approx(expected, rel=1e-12)
    value = weighted_accuracy(y, y_pred, w, pos_label="W")
    expected = sklearn_metrics.accuracy_score(
        is_w == "W", y_pred == "W", sample_weight=w
    )
    assert value == expected


def metric_values(y, proba, weights):
    """Return one value of each metric of several classes."""
    y_pred, logit = CLASSES[proba.argmax(axis=1)], np.log(proba / (1.0 - proba))
    signal = {"pos_label": ["H", "top"]}
    return {
        **{
            f"{m} {a}": weighted_roc_auc(y, proba, weights, multi_class=m, average=a)
            for m, a in AVERAGES
        },
        "auc": weighted_roc_auc(y, proba, weights, **signal),
        "accuracy": weighted_accuracy(y, y_pred, weights),
        "accuracy of some": weighted_accuracy(y, y_pred, weights, **signal),
        "log-loss": weighted_log_loss(y, proba, weights),
        "log-loss of some": weighted_log_loss(y, proba, weights, **signal),
        "balanced": balanced_log_loss(y, proba, weights),
        "balanced of some": balanced_log_loss(y, proba, weights, **signal),
        "from logits": balanced_log_loss_from_logits(y, logit, weights),
        "from logits of some": balanced_log_loss_from_logits(
            y, logit, weights, **signal
        ),
        "asimov": SignificanceAt(0.4)(y, proba, weights, **signal),
        "ams": ams_score(y, y_pred, weights, **signal),
        "maximum": max_significance_score(y, proba, weights, min_n_eff=1.0, **signal),
    }


def test_weight_two_is_the_event_twice_and_weight_zero_is_no_event(events):
    y, proba, weights = events
    proba = np.clip(proba, 0.01, 0.99)
    values = metric_values(y, proba, weights)
    twice = np.append(np.arange(300), np.arange(50))
    doubled = np.where(np.arange(300) < 50, 2.0, 1.0) * weights
    expected = metric_values(y[twice], proba[twice], weights[twice])
    found = metric_values(y, proba, doubled)
    for name, value in expected.items():
        if name != "maximum":  # two events have another n_eff than one of twice w
            assert found[name] == pytest.approx(value, rel=1e-10), name
    zero = np.append(weights, np.zeros(4))
    further = np.full((4, 4), 0.97)
    same = metric_values(np.append(y, CLASSES), np.concatenate([proba, further]), zero)
    assert same == pytest.approx(values, rel=1e-10)


@pytest.mark.parametrize("pos_label", ["Z", ["H", "top"], {"top", "H"}, ("W", "Z")])
def test_the_signal_against_all_others_is_that_of_two_labels(events, pos_label):
    y, proba, weights = events
    labels = [pos_label] if isinstance(pos_label, str) else sorted(pos_label)
    is_signal = np.isin(y, labels)
    score = proba[:, np.isin(CLASSES, labels)].sum(axis=1)
    y_pred = CLASSES[proba.argmax(axis=1)]
    selected = np.isin(y_pred, labels)
    some = {"pos_label": pos_label}
    for w in (weights, abs(weights)):
        for metric in (
            weighted_roc_auc,
            SignificanceAt(0.5),
            SignificanceAt(0.4, mc_stat=True),
            partial(max_significance_score, min_n_eff=2.0),
        ):
            expected = metric(is_signal, score, w)
            assert metric(y, proba, w, **some) == pytest.approx(expected, rel=1e-12)
            assert metric(y, score, w, **some) == expected
        full = proba / proba.sum(axis=1, keepdims=True)
        of_signal = full[:, np.isin(CLASSES, labels)].sum(axis=1)
        expected = weighted_log_loss(is_signal, of_signal, w)
        assert weighted_log_loss(y, full, w, **some) == pytest.approx(expected)
        assert ams_score(y, y_pred, w, **some) == ams_score(is_signal, selected, w)
        scan = significance_scan(y, proba, w, **some)
        expected = significance_scan(is_signal, score, w)
        assert np.array_equal(scan.z, expected.z, equal_nan=True)
        for one, other in zip(
            weighted_roc_curve(y, proba, w, **some),
            weighted_roc_curve(is_signal, score, w),
            strict=True,
        ):
            assert np.array_equal(one, other)
        options = {"fold": np.arange(len(y)) % 2, "min_n_eff": 2.0}
        one = cross_fitted_significance(y, proba, w, **some, **options)
        assert one == cross_fitted_significance(is_signal, score, w, **options)


def test_the_balanced_loss_of_one_against_all_is_proper_at_equal_yields():
    # Of calibrated probabilities at equal yields no other ones have a lower loss.
    rng = np.random.default_rng(5)
    n = 20_000
    y = np.repeat(["a", "b", "c"], n)
    means = {"a": 0.0, "b": 1.0, "c": 2.5}
    x = rng.normal(np.repeat(list(means.values()), n))
    density = np.column_stack([np.exp(-((x - m) ** 2) / 2) for m in means.values()])
    proba = density / density.sum(axis=1, keepdims=True)
    w = np.repeat([1.0, 30.0, 0.2], n)  # the yields do not matter
    loss = balanced_log_loss(y, proba, w, pos_label="b")
    assert loss == pytest.approx(
        np.mean(
            [
                -np.log(proba[y == "b", 1]).mean(),
                -np.log1p(-proba[y == "a", 1]).mean(),
                -np.log1p(-proba[y == "c", 1]).mean(),
            ]
        )
    )
    logit = np.log(proba / (1.0 - proba))
    assert balanced_log_loss_from_logits(y, logit, w, pos_label="b") == (
        pytest.approx(loss)
    )
    for shift in (-0.2, 0.2):
        other = balanced_log_loss_from_logits(y, logit[:, 1] + shift, w, pos_label="b")
        assert other > loss


def test_logits_do_not_saturate():
    y, logit = ["a", "b", "c"], np.array([[-60.0, 60, -60], [60, -60, -60]] * 2)[:3]
    assert balanced_log_loss_from_logits(y, logit) == pytest.approx(60.0)
    value = balanced_log_loss_from_logits(y, logit, pos_label=["b", "c"])
    assert value == pytest.approx((0.0 + 60.0 - np.log(2) + 0.0) / 3 + 20.0, rel=0.1)


@pytest.mark.parametrize(
    "name",
    [
        "roc_auc_ovr",
        "roc_auc_ovo",
        "roc_auc_ovr_weighted",
        "roc_auc_ovo_weighted",
        "balanced_log_loss",
        "log_loss",
        "accuracy",
    ],
)
def test_a_bootstrap_by_name_is_that_of_a_loop(events, name):
    y, proba, weights = events
    functions = {
        "balanced_log_loss": balanced_log_loss,
        "log_loss": weighted_log_loss,
        "accuracy": weighted_accuracy,
    }
    function = functions.get(name)
    if function is None:
        _, _, multi_class, *average = name.split("_")
        options = {"multi_class": multi_class, "average": (average or ["macro"])[0]}
        function = partial(weighted_roc_auc, **options)
    answer = CLASSES[proba.argmax(axis=1)] if name == "accuracy" else proba
    options = {"n_replicas": 10, "random_state": 3}
    fast = bootstrap(name, y, answer, weights, **options)
    looped = bootstrap(partial(function), y, answer, weights, **options)
    assert fast.value == pytest.approx(function(y, answer, weights), rel=1e-12)
    assert fast.replicas == pytest.approx(looped.replicas, rel=1e-9)
    assert fast.error > 0
    if name.startswith("roc_auc"):
        with pytest.raises(ValueError, match="must be left out with `pos_label`"):
            bootstrap(name, y, answer, weights, pos_label="Z", **options)
    else:
        some = bootstrap(name, y, answer, weights, pos_label="Z", **options)
        bound = partial(function, pos_label="Z")
        looped = bootstrap(bound, y, answer, weights, **options)
        assert some.replicas == pytest.approx(looped.replicas, rel=1e-9)
    pair = paired_bootstrap(name, y, answer, answer, weights, **options)
    assert not pair.replicas.any()


def test_replicas_keep_the_yield_of_each_class(events):
    y, proba, weights = events
    seen = []

    def yields(y_true, _score, sample_weight):
        seen.append([sample_weight[y_true == c].sum() for c in CLASSES])
        return 0.0

    bootstrap(yields, y, proba, weights, pos_label="Z", n_replicas=5, random_state=0)
    assert np.allclose(seen, seen[0])
    significance = bootstrap(
        SignificanceAt(-1.0),
        y,
        proba,
        weights,
        pos_label=["H", "W"],
        n_replicas=5,
        random_state=0,
    )
    assert np.allclose(significance.replicas, significance.value)


def test_the_error_of_the_bootstrap_is_the_spread_of_samples():
    def sample(rng):
        y = rng.choice(CLASSES[:3], size=400)
        logits = rng.normal(size=(400, 3)) + 1.2 * (y[:, None] == CLASSES[:3])
        return y, logits, rng.choice([1.0, 2.0, -0.5], size=400, p=[0.5, 0.4, 0.1])

    rng = np.random.default_rng(8)
    values, errors = [], []
    for _ in range(60):
        y, logits, w = sample(rng)
        result = bootstrap("roc_auc_ovo", y, logits, w, n_replicas=50, random_state=1)
        values.append(result.value)
        errors.append(result.error)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (weighted_roc_auc, "must be given for more than two"),
        (
            lambda y, p, w: weighted_roc_auc(y, p, w, pos_label="Z", multi_class="ovr"),
            "must be left out with `pos_label`",
        ),
        (
            lambda y, p, w: weighted_roc_auc(y, p, w, multi_class="all"),
            "`multi_class` must be 'raise', 'ovr' or 'ovo', got 'all'",
        ),
        (
            lambda y, p, w: weighted_roc_auc(y, p, w, multi_class="ovr", average=None),
            "`average` must be 'macro' or 'weighted', got None",
        ),
        (
            lambda y, p, w: weighted_roc_auc(y, p[:, :3], w, multi_class="ovr"),
            r"shape \(300, 4\) .*a column for each of class 'H', .* got the shape",
        ),
        (
            lambda y, p, w: weighted_roc_auc(y, p * np.nan, w, multi_class="ovo"),
            "without nan, .* got nan",
        ),
        (
            significance_scan,
            "`pos_label` must name the signal among the 4 classes",
        ),
        (
            lambda y, p, w: significance_scan(y, p, w, pos_label=["H", "Zp"]),
            "`pos_label` must be one of the classes .* got 'Zp'",
        ),
        (
            lambda y, p, w: significance_scan(y, p, w, pos_label=[]),
            "`pos_label` must name a class at least, got none",
        ),
        (
            lambda y, p, w: significance_scan(y, p, w, pos_label=CLASSES),
            "signal and background events, got no background",
        ),
        (
            lambda y, p, w: significance_scan(y, p - 0.5, w, pos_label="Z"),
            r"probabilities from 0 to 1 of the shape \(300, 4\)",
        ),
        (
            lambda y, p, w: significance_scan(y, p[:, :2], w, pos_label="Z"),
            r"got the shape \(300, 2\)",
        ),
        (
            lambda y, p, w: balanced_log_loss_from_logits(y, p[:, 0], w),
            r"`y_logit` must have the shape \(300, 4\), .* got \(300,\)",
        ),
        (
            lambda y, p, w: balanced_log_loss_from_logits(y, p / 0.0, w),
            "`y_logit` must be finite",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_cannot_be_computed_is_refused(events, call, message):
    with pytest.raises(ValueError, match=message):
        call(*events)


def test_a_class_that_does_not_sum_to_more_than_zero_is_refused(events):
    y, proba, weights = events
    negative = np.where(y == "top", -1.0, 1.0)
    for multi_class in ("ovr", "ovo"):
        with pytest.raises(WeightsError, match="for the class 'top'"):
            weighted_roc_auc(y, proba, negative, multi_class=multi_class)
    # Among the others it may be negative, as long as these are not.
    assert weighted_roc_auc(y, proba, negative, pos_label="H") > 0.5
    with pytest.raises(WeightsError, match="must sum to more than zero, got -"):
        weighted_log_loss(y, proba, -abs(weights))
