"""Scorers called by hand: values, guards, yields, carried weights."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn import config_context
from sklearn import metrics as sklearn_metrics
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.svm import LinearSVC

from skhep_dnn.exceptions import (
    FoldYieldWarning,
    LowStatisticsWarning,
    MissingWeightsError,
    UndefinedSignificanceWarning,
    WeightsError,
)
from skhep_dnn.metrics import (
    FigureOfMerit,
    ams,
    asimov_significance,
    balanced_log_loss,
    make_significance_scorer,
    max_significance_score,
    weighted_roc_auc,
    weighted_scorer,
)
from tests.metrics.known_scores import KnownScores

YIELDS = {"signal_yield": 50.0, "background_yield": 2000.0}


def rescaled(y, weights):
    signal = y == "s"
    scale_s = 50.0 / weights[signal].sum()
    scale_b = 2000.0 / weights[~signal].sum()
    return weights * np.where(signal, scale_s, scale_b)


def selected_yields(y, weights, selected):
    w = rescaled(y, weights)
    return w[selected & (y == "s")].sum(), w[selected & (y == "b")].sum()


def test_predict_is_the_significance_of_predicted_signal(events):
    X, y, weights = events
    s, b = selected_yields(y, weights, X["logit"].to_numpy() >= 0)
    scorer = make_significance_scorer("ams", "predict", min_n_eff=10, **YIELDS)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    assert isinstance(value, float)
    assert value == pytest.approx(ams(s, b))


def test_numeric_threshold_is_a_probability_and_includes_it(events):
    X, y, weights = events
    threshold = float(expit(X["logit"].sort_values().iloc[400]))
    s, b = selected_yields(y, weights, expit(X["logit"].to_numpy()) >= threshold)
    scorer = make_significance_scorer(
        "asimov", threshold, min_n_eff=10, rel_sigma_b=0.1, **YIELDS
    )
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    assert value == pytest.approx(asimov_significance(s, b, rel_sigma_b=0.1))


def test_numeric_threshold_on_the_decision_function(events):
    X, y, weights = events
    scorer = make_significance_scorer(
        "ams", 0.5, min_n_eff=10, response_method="decision_function", **YIELDS
    )
    s, b = selected_yields(y, weights, X["logit"].to_numpy() >= 0.5)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    assert value == pytest.approx(ams(s, b))


def test_maximum_is_that_of_brute_force(events):
    X, y, weights = events
    w = rescaled(y, weights)
    best = -np.inf
    for threshold in X["logit"]:
        selected = (X["logit"] >= threshold).to_numpy()
        w_b = w[selected & (y == "b")]
        if len(w_b) and w_b.sum() > 0 and w_b.sum() ** 2 >= 20 * (w_b**2).sum():
            z = asimov_significance(
                w[selected & (y == "s")].sum(), w_b.sum(), sum_w2_b=(w_b**2).sum()
            )
            best = max(best, z)
    scorer = make_significance_scorer(
        "asimov", "max", min_n_eff=20, mc_stat=True, **YIELDS
    )
    assert scorer(KnownScores(), X, y, sample_weight=weights) == pytest.approx(best)


@pytest.mark.parametrize("kind", ["ams", "asimov"])
@pytest.mark.parametrize("min_n_eff", [0.0, 3.0, 25.0])
@pytest.mark.parametrize("options", [{}, {"rel_sigma_b": 0.1, "mc_stat": True}])
def test_maximum_is_that_of_the_scan(events, kind, min_n_eff, options):
    X, y, weights = events
    X = X.round(1)
    options = {"min_n_eff": min_n_eff, **options, **YIELDS}
    scorer = make_significance_scorer(kind, "max", **options)
    expected = max_significance_score(y, X["logit"], weights, kind=kind, **options)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    assert value == pytest.approx(expected, rel=1e-12)


def test_maximum_without_background_takes_a_regularised_one_and_no_bound():
    labels = np.array(list("sbbs"))
    X = pd.DataFrame({"logit": [3.0, 2.0, 1.0, 0.0]})

    def maximum(kind, min_n_eff):
        scorer = make_significance_scorer(
            kind, "max", min_n_eff=min_n_eff, signal_yield=20, background_yield=900
        )
        return scorer(KnownScores(), X, labels, sample_weight=np.ones(4))

    assert maximum("ams", 0.0) == pytest.approx(ams(10.0, 0.0))
    assert maximum("ams", 1.0) == pytest.approx(ams(20.0, 900.0))
    assert maximum("asimov", 0.0) == pytest.approx(asimov_significance(20.0, 900.0))


def test_maximum_can_be_negative_where_b_reg_defines_it():
    # Only the first cut has enough background; its signal outweighs that, not b + 10.
    labels = np.array(["b"] * 30 + ["s", "b", "s"])
    X = pd.DataFrame({"logit": np.repeat([1.0, 0.0], [31, 2])})
    weights = np.array([1.0] * 30 + [-35.0, 1000.0, 50.0])
    sums = {"signal_yield": 15.0, "background_yield": 1030.0}
    scorer = make_significance_scorer("ams", "max", min_n_eff=25.0, **sums)
    value = scorer(KnownScores(), X, labels, sample_weight=weights)
    assert value == pytest.approx(ams(-35.0, 30.0))
    plain = make_significance_scorer("asimov", "max", min_n_eff=25.0, **sums)
    with pytest.warns(UndefinedSignificanceWarning, match="none that leaves 25"):
        assert np.isnan(plain(KnownScores(), X, labels, sample_weight=weights))


def test_options_of_the_significance_are_those_of_a_scan():
    options = {"sigma_b": 2.0, "rel_sigma_b": 0.1, "mc_stat": True}
    for kind, b_reg in (("ams", 10.0), ("asimov", 0.0)):
        metric = make_significance_scorer(kind, **options)._score_func
        assert metric.figure_of_merit == FigureOfMerit(kind, **options)
        assert metric.figure_of_merit.b_reg == b_reg


def test_bins_hold_equal_signal_and_are_merged_from_the_signal_end():
    # From the signal end: s s b s s b b b ... in steps of 2 of 8 signal events.
    labels = np.array(list("sbssbbssbssbbbs"))[::-1]
    X = pd.DataFrame({"logit": np.arange(15.0)})
    scorer = make_significance_scorer(
        "asimov",
        n_bins=4,
        n_shifts=1,
        min_n_eff=1,
        signal_yield=8,
        background_yield=7,
        unit_weights=True,
    )
    # Signal-end first: (s b s) has 2 s, 1 b; (s b b s); (s b s); (s b b b s).
    z = [asimov_significance(2.0, b) for b in (1.0, 2.0, 1.0, 3.0)]
    expected = np.sqrt(np.sum(np.square(z)))
    assert scorer(KnownScores(), X, labels) == pytest.approx(expected)
    merging = make_significance_scorer(
        "asimov",
        n_bins=4,
        n_shifts=1,
        min_n_eff=2,
        signal_yield=8,
        background_yield=7,
        unit_weights=True,
    )
    z = [asimov_significance(4.0, 3.0), asimov_significance(4.0, 4.0)]
    expected = np.sqrt(np.sum(np.square(z)))
    assert merging(KnownScores(), X, labels) == pytest.approx(expected)


def test_shifted_edges_are_averaged(events):
    X, y, weights = events

    def value(**options):
        scorer = make_significance_scorer("asimov", min_n_eff=0, **options, **YIELDS)
        return scorer(KnownScores(), X, y, sample_weight=weights)

    # One bin, cut in two at a half of the signal or not at all.
    w = rescaled(y, weights)
    order = np.argsort(-X["logit"].to_numpy())
    signal = np.cumsum(np.where(y == "s", w, 0.0)[order])
    top = order[: np.searchsorted(signal, 25.0) + 1]
    s, b = w[top][y[top] == "s"].sum(), w[top][y[top] == "b"].sum()
    halves = asimov_significance([s, 50.0 - s], [b, 2000.0 - b])
    expected = (np.hypot(*halves) + asimov_significance(50.0, 2000.0)) / 2
    assert value(n_bins=1, n_shifts=2) == pytest.approx(expected)
    assert value(n_bins=1, n_shifts=1) == pytest.approx(
        asimov_significance(50.0, 2000.0)
    )


@pytest.mark.parametrize("at", ["binned", "max", "predict", 0.3])
def test_the_log_likelihood_ratio_is_the_square_of_the_significance(events, at):
    X, y, weights = events
    options = {"n_shifts": 1, "min_n_eff": 5, **YIELDS}
    ratio = make_significance_scorer("asimov_llr", at, **options)
    root = make_significance_scorer("asimov", at, **options)
    value = ratio(KnownScores(), X, y, sample_weight=weights)
    expected = root(KnownScores(), X, y, sample_weight=weights) ** 2
    assert value == pytest.approx(expected, rel=1e-14)


def test_the_log_likelihood_ratio_is_that_of_the_asimov_data():
    # From the signal end: 3 s and 4 b, then 3 s and 9 b, each in a bin of its own.
    labels = np.array(list("ssbbbbs" + "sbbbbbbbbbss"))[::-1]
    X = pd.DataFrame({"logit": np.arange(19.0)})
    scorer = make_significance_scorer(
        "asimov_llr", n_bins=2, n_shifts=1, min_n_eff=1, unit_weights=True
    ).for_sample(labels)
    s, b = np.array([3.0, 3.0]), np.array([4.0, 9.0])
    # Logarithms of Poisson probabilities of n = s + b but for the factorials.
    log_likelihood_sb = (s + b) * np.log(s + b) - (s + b)
    log_likelihood_b = (s + b) * np.log(b) - b
    expected = 2.0 * (log_likelihood_sb - log_likelihood_b).sum()
    assert scorer(KnownScores(), X, labels) == pytest.approx(expected, rel=1e-12)


def test_the_log_likelihood_ratio_is_averaged_over_shifts_and_keeps_the_sign(events):
    X, y, weights = events

    def value(kind, n_shifts):
        scorer = make_significance_scorer(kind, n_shifts=n_shifts, n_bins=1, **YIELDS)
        return scorer(KnownScores(), X, y, sample_weight=np.abs(weights))

    whole, mean = value("asimov", 1), value("asimov", 2)
    halves = 2.0 * mean - whole
    expected = (halves**2 + whole**2) / 2.0
    assert value("asimov_llr", 2) == pytest.approx(expected, rel=1e-12)
    negative = np.array(["s"] * 3 + ["b"] * 9 + ["s"] * 3)
    X = pd.DataFrame({"logit": np.repeat([1.0, -1.0], [12, 3])})
    w = np.repeat([-1.0, 1.0, 2.0], [3, 9, 3])
    scorer = make_significance_scorer("asimov_llr", "predict", min_n_eff=1)
    scorer = scorer.for_sample(negative, w)
    expected = -(asimov_significance(-3.0, 9.0) ** 2)
    assert scorer(KnownScores(), X, negative, sample_weight=w) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    "option",
    [{"b_reg": 10.0}, {"sigma_b": 1.0}, {"rel_sigma_b": 0.1}, {"mc_stat": True}],
)
def test_the_log_likelihood_ratio_is_of_statistics_only(option):
    message = r"`kind` must be 'ams' or 'asimov' with .* got 'asimov_llr' with \{'"
    with pytest.raises(ValueError, match=message):
        make_significance_scorer("asimov_llr", **option)
    assert repr(make_significance_scorer("asimov_llr", b_reg=0.0)) == (
        "make_significance_scorer('asimov_llr', b_reg=0.0)"
    )


@pytest.mark.parametrize("at", ["binned", "max"])
def test_a_monotone_change_of_the_score_changes_nothing(events, at):
    X, y, weights = events
    scorer = make_significance_scorer("ams", at, **YIELDS)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    for change in (np.exp, np.arctan, lambda x: 1e-9 * x**3 + 7):
        changed = scorer(KnownScores(), change(X), y, sample_weight=weights)
        assert changed == value


def test_binned_does_not_depend_on_the_order_and_keeps_ties_together(events):
    X, y, weights = events
    X = X.round(1)
    scorer = make_significance_scorer("ams", **YIELDS)
    order = np.random.default_rng(0).permutation(len(y))
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    shuffled = scorer(
        KnownScores(), X.iloc[order], y[order], sample_weight=weights[order]
    )
    assert shuffled == pytest.approx(value, rel=1e-12)


def test_uncertainties_lower_the_binned_value(events):
    X, y, weights = events

    def value(**options):
        scorer = make_significance_scorer("asimov", **YIELDS, **options)
        return scorer(KnownScores(), X, y, sample_weight=weights)

    assert value(rel_sigma_b=0.2) < value()
    assert value(sigma_b=20.0) < value()
    assert value(mc_stat=True) < value()
    assert value(b_reg=10.0) < value()


def test_a_fold_is_rescaled_to_the_full_yields(events):
    X, y, weights = events
    scorer = make_significance_scorer(**YIELDS)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    scaled = scorer(KnownScores(), X, y, sample_weight=weights * 17.0)
    assert scaled == pytest.approx(value)


def test_without_yields_a_warning_says_that_the_figure_is_low(events):
    X, y, weights = events
    scorer = make_significance_scorer("asimov", "predict", min_n_eff=10)
    with pytest.warns(FoldYieldWarning, match="`signal_yield` and `background_yield`"):
        own = scorer(KnownScores(), X, y, sample_weight=weights)
    sums = {
        "signal_yield": weights[y == "s"].sum(),
        "background_yield": weights[y == "b"].sum(),
    }
    known = make_significance_scorer("asimov", "predict", min_n_eff=10, **sums)
    value = known(KnownScores(), X, y, sample_weight=weights)
    assert own == pytest.approx(value)
    half = make_significance_scorer(
        "asimov", "predict", min_n_eff=10, signal_yield=50.0
    )
    with pytest.warns(FoldYieldWarning, match="^`background_yield` must"):
        half(KnownScores(), X, y, sample_weight=weights)


SCORERS = [
    make_significance_scorer(**YIELDS),
    make_significance_scorer(at="predict", **YIELDS),
    weighted_scorer("roc_auc"),
    weighted_scorer("balanced_log_loss"),
    weighted_scorer("accuracy"),
]


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_without_weights_it_raises_and_names_the_remedies(events, scorer):
    X, y, _ = events
    remedies = (
        r"GridSearchCV\(...\).fit\(X, y, sample_weight=w\)(.|\n)*"
        r"enable_metadata_routing(.|\n)*params=(.|\n)*pd.Series(.|\n)*unit_weights=True"
    )
    with pytest.raises(MissingWeightsError, match=remedies):
        scorer(KnownScores(), X, y)
    with pytest.raises(MissingWeightsError, match=scorer._score_func.__name__):
        scorer(KnownScores(), X, y)


def test_unit_weights_count_every_event_once(events):
    X, y, _ = events
    scorer = weighted_scorer("roc_auc", unit_weights=True)
    expected = sklearn_metrics.roc_auc_score(y == "s", X["logit"])
    assert scorer(KnownScores(), X, y) == pytest.approx(expected)
    significance = make_significance_scorer(unit_weights=True, **YIELDS)
    with_ones = significance(KnownScores(), X, y, sample_weight=np.ones(len(y)))
    assert significance(KnownScores(), X, y) == with_ones


def test_the_other_label_can_be_the_signal(events):
    X, y, weights = events
    auc = weighted_scorer("roc_auc")(KnownScores(), X, y, sample_weight=weights)
    other = weighted_scorer("roc_auc", pos_label="b")
    assert other(KnownScores(), X, y, sample_weight=weights) == pytest.approx(auc)
    yields = {"signal_yield": 2000.0, "background_yield": 50.0, "min_n_eff": 10.0}
    positive = weights.clip(0)
    swapped = np.where(y == "s", "b", "s")
    for at in ("binned", "max", "predict", 0.3):
        scorer = make_significance_scorer("ams", at, pos_label="b", **yields)
        mirror = make_significance_scorer("ams", at, **yields)
        value = scorer(KnownScores(), X, y, sample_weight=positive)
        reflected = mirror(KnownScores(), -X, swapped, sample_weight=positive)
        assert value == pytest.approx(reflected), at


def test_decision_function_goes_before_probability(events):
    X, y, weights = events
    far = X * 1000.0  # probabilities saturate, the order of the scores does not
    scorer = weighted_scorer("roc_auc")
    expected = weighted_roc_auc(y, X["logit"], weights)
    assert scorer(KnownScores(), far, y, sample_weight=weights) == expected
    svc = LinearSVC().fit(X, y)
    assert scorer(svc, X, y, sample_weight=weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "significance"}, "`kind` must be one of"),
        ({"at": "best"}, "`at` must be 'binned'"),
        ({"at": True}, "`at` must be 'binned'"),
        ({"at": np.nan}, "`at` must be 'binned'"),
        ({"at": 1.7}, "`at` must be a probability from 0 to 1, got 1.7"),
        ({"at": -0.5, "response_method": "predict_proba"}, "from 0 to 1, got -0.5"),
        (
            {"at": "predict", "response_method": "decision_function"},
            "`response_method` must be 'auto' for at='predict'",
        ),
        ({"n_bins": 0}, "`n_bins` must be a whole number of at least 1"),
        ({"n_bins": 2.5}, "`n_bins` must be a whole number of at least 1"),
        ({"n_shifts": 0}, "`n_shifts` must be a whole number of at least 1"),
        ({"min_n_eff": -1.0}, "`min_n_eff` must be 0 or more"),
        ({"signal_yield": 0.0}, "`signal_yield` must be above 0"),
        ({"background_yield": np.inf}, "`background_yield` must be above 0"),
        ({"b_reg": -1.0}, "`b_reg` must be 0 or more"),
        ({"rel_sigma_b": np.nan}, "`rel_sigma_b` must be 0 or more"),
        ({"response_method": "predict"}, "`response_method` must be one of"),
        ({"target": pd.Series([1])}, "`target` must come with `sample_weight`"),
    ],
)
def test_wrong_parameters_are_refused_where_they_are_written(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_significance_scorer(**arguments)


def test_estimators_and_labels_that_do_not_fit_are_refused(events):
    X, y, weights = events
    scorer = make_significance_scorer(pos_label="signal", **YIELDS)
    with pytest.raises(ValueError, match="`pos_label` must be one of the classes"):
        scorer(KnownScores(), X, y, sample_weight=weights)
    three = LogisticRegression().fit(X, np.arange(len(y)) % 3)
    with pytest.raises(ValueError, match="two classes, got LogisticRegression with 3"):
        weighted_scorer("roc_auc")(three, X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="LogisticRegression with no `classes_`"):
        weighted_scorer("roc_auc")(LogisticRegression(), X, y, sample_weight=weights)
    scorer = make_significance_scorer(**YIELDS)
    with pytest.raises(WeightsError, match="more than 0 in each class"):
        scorer(KnownScores(), X, y, sample_weight=-weights)


def test_low_statistics_warn_and_undefined_values_are_nan(events):
    X, y, weights = events
    few = make_significance_scorer("asimov", 0.75, **YIELDS)
    with pytest.warns(LowStatisticsWarning, match="at least 25 effective events"):
        few(KnownScores(), X, y, sample_weight=np.abs(weights))
    empty = make_significance_scorer("asimov", 0.999, **YIELDS)
    with pytest.warns(UndefinedSignificanceWarning, match="got 1 of 1 points"):
        assert np.isnan(empty(KnownScores(), X, y, sample_weight=weights))
    single = make_significance_scorer("asimov", min_n_eff=1e4, **YIELDS)
    with pytest.warns(LowStatisticsWarning, match="at least 10000 effective"):
        value = single(KnownScores(), X, y, sample_weight=weights)
    assert value == pytest.approx(asimov_significance(50.0, 2000.0))
    none = make_significance_scorer("asimov", "max", min_n_eff=1e4, **YIELDS)
    with pytest.warns(UndefinedSignificanceWarning, match="none that leaves 10000"):
        assert np.isnan(none(KnownScores(), X, y, sample_weight=weights))


def test_reprs_are_the_calls(events):
    _, _, weights = events
    assert repr(make_significance_scorer()) == "make_significance_scorer('ams')"
    scorer = make_significance_scorer("asimov", "max", **YIELDS)
    assert repr(scorer) == (
        "make_significance_scorer('asimov', at='max', signal_yield=50.0, "
        "background_yield=2000.0)"
    )
    carrying = weighted_scorer("f1", sample_weight=pd.Series(weights))
    assert repr(carrying) == (
        "weighted_scorer('f1', sample_weight=<weights of 600 events>)"
    )


# Weights carried by the scorer.


@pytest.fixture
def carried(events):
    X, y, weights = events
    index = pd.Index([f"event {i}" for i in range(len(y))])
    X = X.set_axis(index)
    return X, pd.Series(y, index=index), pd.Series(weights, index=index)


@pytest.mark.parametrize("with_target", [False, True])
def test_carried_weights_are_found_by_index(carried, with_target):
    X, y, weights = carried
    target = y.sample(frac=1.0, random_state=0) if with_target else None
    scorer = weighted_scorer("roc_auc", sample_weight=weights, target=target)
    rows = np.random.default_rng(0).choice(len(y), 300)  # repeated events are legal
    X_part, y_part = X.iloc[rows], y.iloc[rows]
    expected = weighted_roc_auc(y_part, X_part["logit"], weights.iloc[rows])
    assert scorer(KnownScores(), X_part, y_part) == pytest.approx(expected)
    assert scorer(KnownScores(), X_part, y_part.to_numpy()) == pytest.approx(expected)


def test_carried_weights_with_labels_give_the_yields(carried):
    X, y, weights = carried
    part = X.index[::3]
    sums = weights.groupby(y).sum()
    scorer = make_significance_scorer("ams", "max", sample_weight=weights, target=y)
    given = make_significance_scorer(
        "ams", "max", signal_yield=sums["s"], background_yield=sums["b"]
    )
    value = scorer(KnownScores(), X.loc[part], y.loc[part])
    arguments = (KnownScores(), X.loc[part], y.loc[part])
    assert value == pytest.approx(given(*arguments, sample_weight=weights.loc[part]))
    explicit = make_significance_scorer(
        "ams", "max", sample_weight=weights, target=y, **YIELDS
    )
    assert explicit(*arguments) != pytest.approx(value)
    without = make_significance_scorer("ams", "max", sample_weight=weights)
    with pytest.warns(FoldYieldWarning):
        without(*arguments)


def test_weights_that_are_passed_go_before_carried_ones(carried):
    X, y, weights = carried
    scorer = weighted_scorer("roc_auc", sample_weight=weights, target=y)
    ones = np.ones(len(y))
    expected = weighted_roc_auc(y, X["logit"], ones)
    assert scorer(KnownScores(), X, y, sample_weight=ones) == pytest.approx(expected)
    array = X.to_numpy()
    assert scorer(KnownScores(), array, y, sample_weight=ones) == pytest.approx(
        expected
    )


def test_events_that_cannot_be_recognised_are_an_error(carried):
    X, y, weights = carried
    scorer = weighted_scorer("roc_auc", sample_weight=weights, target=y)
    with pytest.raises(TypeError, match=r"`X` must be a DataFrame .* got ndarray"):
        scorer(KnownScores(), X.to_numpy(), y)
    with pytest.raises(WeightsError, match="600 others, such as 0"):
        scorer(KnownScores(), X.reset_index(drop=True), y)
    partial = weighted_scorer("roc_auc", sample_weight=weights.iloc[1:])
    with pytest.raises(WeightsError, match="1 others, such as 'event 0'"):
        partial(KnownScores(), X, y)


def test_a_misaligned_index_is_an_error_if_labels_are_carried(events):
    X, y, weights = events
    weights, target = pd.Series(weights), pd.Series(y)
    shuffled = X.assign(y=y).sample(frac=1.0, random_state=1).reset_index(drop=True)
    scorer = weighted_scorer("roc_auc", sample_weight=weights, target=target)
    with pytest.raises(WeightsError, match="`y_true` must equal the carried `target`"):
        scorer(KnownScores(), shuffled[["logit"]], shuffled["y"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sample_weight": np.ones(600)}, TypeError, "must be a pandas Series"),
        ({"target": np.ones(600)}, TypeError, "`target` must be a pandas Series"),
        (
            {"sample_weight": pd.Series(np.ones(600), index=[0] * 600)},
            WeightsError,
            "`sample_weight` must be unique, got 599 repeated",
        ),
        ({"target": pd.Series(["s", "b"])}, WeightsError, "one label for each of the"),
        (
            {"target": pd.Series(["s", "b"] * 300, index=range(1, 601))},
            WeightsError,
            "The index of `target` must contain",
        ),
        (
            {"sample_weight": pd.Series(np.full(600, np.nan))},
            WeightsError,
            "must be finite",
        ),
        ({"target": pd.Series(["s"] * 600)}, ValueError, "must contain signal and"),
    ],
)
def test_carried_data_are_checked_when_the_scorer_is_built(
    events, change, error, message
):
    _, y, weights = events
    data = {"sample_weight": pd.Series(weights), "target": pd.Series(y), **change}
    with pytest.raises(error, match=message):
        make_significance_scorer(**data)


def test_copies_share_the_carried_data_and_pickles_keep_them(carried):
    X, y, weights = carried
    scorer = make_significance_scorer(sample_weight=weights, target=y)
    value = scorer(KnownScores(), X, y)
    for copied in (clone(scorer, safe=False), copy.deepcopy(scorer), copy.copy(scorer)):
        assert copied is not scorer
        assert copied._carried is scorer._carried
        assert copy.copy(copied._carried) is scorer._carried
        assert copied(KnownScores(), X, y) == value
    assert pickle.loads(pickle.dumps(scorer))(KnownScores(), X, y) == value
    before = weights.copy()
    weights.iloc[0] = 99.0  # the scorer holds its own, unchanging data
    assert scorer(KnownScores(), X, y) == value
    assert before.iloc[0] != 99.0


# Standard metrics.

SIGNED = {
    "roc_auc": weighted_roc_auc,
    "balanced_log_loss": lambda y, x, w: -balanced_log_loss(y, expit(x), w),
    "accuracy": lambda y, x, w: np.average(y == (x >= 0), weights=w),
    "balanced_accuracy": lambda y, x, w: np.mean(
        [np.average((x >= 0) == c, weights=w * (y == c)) for c in (False, True)]
    ),
    "recall": lambda y, x, w: np.average(x >= 0, weights=w * y),
    "neg_log_loss": lambda y, x, w: (
        -np.average(np.logaddexp(0, np.where(y, -x, x)), weights=w)
    ),
    "neg_brier_score": lambda y, x, w: -np.average((expit(x) - y) ** 2, weights=w),
    "precision": lambda y, x, w: np.average(y, weights=w * (x >= 0)),
    "f1": lambda y, x, w: 2 * w[y & (x >= 0)].sum() / (w @ y + w @ (x >= 0)),
    "jaccard": lambda y, x, w: w[y & (x >= 0)].sum() / w[y | (x >= 0)].sum(),
}
UNSIGNED = {
    "average_precision": lambda y, x, w: sklearn_metrics.average_precision_score(
        y, x, sample_weight=w
    ),
    "matthews_corrcoef": lambda y, x, w: sklearn_metrics.matthews_corrcoef(
        y, x >= 0, sample_weight=w
    ),
}


@pytest.mark.parametrize("name", [*SIGNED, *UNSIGNED])
def test_every_metric_is_right_with_positive_weights(events, name):
    X, y, weights = events
    w, x = np.abs(weights), X["logit"].to_numpy()
    value = weighted_scorer(name)(KnownScores(), X, y, sample_weight=w)
    assert value == pytest.approx({**SIGNED, **UNSIGNED}[name](y == "s", x, w))


@pytest.mark.parametrize("name", SIGNED)
def test_signed_metrics_survive_negative_weights(events, name):
    X, y, weights = events
    x = X["logit"].to_numpy()
    value = weighted_scorer(name)(KnownScores(), X, y, sample_weight=weights)
    assert value == pytest.approx(SIGNED[name](y == "s", x, weights))


@pytest.mark.parametrize("name", UNSIGNED)
def test_metrics_undefined_with_negative_weights_refuse_them(events, name):
    X, y, weights = events
    with pytest.raises(WeightsError, match=f"negative for '{name}'.* got 5"):
        weighted_scorer(name)(KnownScores(), X, y, sample_weight=weights)


@pytest.mark.parametrize("name", ["precision", "f1", "jaccard"])
def test_a_selection_with_a_negative_sum_is_refused(events, name):
    X, y, weights = events
    weights = np.where((y == "b") & (X["logit"] >= 0), -0.3, np.abs(weights))
    with pytest.raises(WeightsError, match=f"negative sum of weights for '{name}'"):
        weighted_scorer(name)(KnownScores(), X, y, sample_weight=weights)


@pytest.mark.parametrize("coded", [False, True], ids=["strings", "numbers"])
def test_metrics_of_scores_refuse_class_predictions(events, coded):
    X, y, weights = events
    y = (y == "s").astype(int) if coded else y
    tuned = TunedThresholdClassifierCV(
        LogisticRegression(), scoring=weighted_scorer("roc_auc"), cv=2
    )
    with config_context(enable_metadata_routing=True):
        tuned.estimator.set_fit_request(sample_weight=False)
        with pytest.raises(TypeError, match="'roc_auc' must be computed from scores"):
            tuned.fit(X, y, sample_weight=weights)


def test_a_threshold_with_undefined_significance_does_not_win(events):
    X, y, _ = events
    model = LogisticRegression().fit(X, y)
    # The purest events have a negative signal that outweighs their background.
    weights = np.where(y == "s", 1.0, 0.01)
    weights[(y == "s") & (model.decision_function(X) > 2.5)] = -1.0
    yields = {"signal_yield": 1e6, "background_yield": 1000.0}
    tuned = TunedThresholdClassifierCV(
        model,
        scoring=make_significance_scorer("asimov", min_n_eff=0.0, **yields),
        response_method="decision_function",
        cv="prefit",
        refit=False,
        thresholds=[0.0, 2.5],
        store_cv_results=True,
    )
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=False)
        tuned.fit(X, y, sample_weight=weights)
    scores = tuned.cv_results_["scores"]
    assert scores[0] > 0
    assert scores[1] == 0
    assert tuned.best_threshold_ == 0.0


def test_unknown_metrics_are_named():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'roc_auc'"):
        weighted_scorer("r2")
