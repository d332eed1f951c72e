"""The cut with the largest significance: which, how firm, and for which scores."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import (
    LowStatisticsWarning,
    MeanCombinationWarning,
    RefitCutWarning,
    UndefinedSignificanceWarning,
    WeightsError,
)
from skhep_dnn.metrics import (
    asimov_significance,
    cross_fitted_significance,
    significance_scan,
    threshold_at_efficiency,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.metrics._replicas import replica_blocks
from skhep_dnn.model_selection import (
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.model_selection._cut_stability import efficiency_shift
from skhep_dnn.pipeline import make_weighted_pipeline

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
MEAN = pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning")
REFIT = pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.RefitCutWarning")


def threshold_of(estimator=None, **options):
    small = {"n_replicas": 0, "random_state": 0}
    model = LogisticRegression() if estimator is None else estimator
    return SignificanceThresholdClassifier(model, **small | options)


def by_number(estimator=None, **options):
    model = LogisticRegression() if estimator is None else estimator
    return threshold_of(CrossFitClassifier(model, event_number="EventId"), **options)


@pytest.fixture
def sample():
    rng = np.random.default_rng(8)
    y = np.array(["b", "s"])[np.arange(1200) % 2]
    X = pd.DataFrame(
        rng.normal(size=(1200, 3)) + 0.8 * (y == "s")[:, None], columns=[*"abc"]
    )
    w = np.where(y == "s", 0.05, 2.0) * rng.exponential(size=1200)
    w[::50] *= -0.3
    return X, y, w


@pytest.fixture
def numbered(sample):
    X, y, w = sample
    return X.assign(EventId=np.random.default_rng(9).permutation(10**5)[:1200]), y, w


# The choice


@MEAN
@pytest.mark.parametrize(
    "options", [{}, {"kind": "ams"}, {"rel_sigma_b": 0.2, "mc_stat": True}], ids=str
)
def test_the_cut_is_chosen_on_the_pooled_scores_at_all_thresholds(sample, options):
    X, y, w = sample
    model = threshold_of(cv=FOLDS, **options).fit(X, y, w)
    pooled = cross_validate_pooled(
        LogisticRegression(), X, y, w, cv=FOLDS, n_replicas=0
    )
    scores = pooled.oof_decision_function
    scan = significance_scan(y, scores, w, **options)
    point = threshold_at_maximum(scan)
    assert model.best_threshold_ == point.threshold
    assert model.best_score_ == point.z
    assert model.working_point_ == point
    np.testing.assert_array_equal(model.scan_.threshold, np.unique(scores)[::-1])
    assert model.no_cut_.signal_efficiency == 1.0
    assert model.gain_ == pytest.approx(point.z / scan.z[-1])
    quoted = cross_fitted_significance(
        y, scores, w, fold=pooled.passes[0].fold, **options
    )
    assert model.cross_fitted_.value == pytest.approx(quoted.value)
    assert model.cross_fitted_gain_ == pytest.approx(quoted.value / scan.z[-1])


def test_thresholds_with_few_effective_events_are_left_out_before_ranking(numbered):
    X, y, w = numbered
    model = by_number(min_n_eff=30.0).fit(X, y, np.abs(w))
    scores = model.estimator_.oof_decision_function_
    best = (-np.inf, None)
    for cut in scores:
        s = np.abs(w)[(scores >= cut) & (y == "s")].sum()
        own = np.abs(w)[(scores >= cut) & (y == "b")]
        if len(own) and own.sum() ** 2 / (own**2).sum() >= 30.0:
            best = max(best, (float(asimov_significance(s, own.sum())), cut))
    assert model.best_score_ == pytest.approx(best[0])
    assert model.best_threshold_ == best[1]
    assert np.nanmax(model.scan_.z) > model.best_score_, "the mask does something"
    assert model.working_point_.n_eff_b >= 30.0


def test_the_rule_of_a_search_for_th(numbered):
    """The best s / sqrt(s + b) that keeps a quarter of the signal, and its gain."""
    X, y, w = numbered
    model = by_number(
        kind="s_over_sqrt_sb", min_signal_efficiency=0.25, min_n_eff=0.0
    ).fit(X, y, w)
    assert model.working_point_.signal_efficiency >= 0.25
    s, b = w[y == "s"].sum(), w[y == "b"].sum()
    assert model.gain_ == pytest.approx(model.best_score_ / (s / np.sqrt(s + b)))
    assert model.gain_ > 1.3


def test_other_choices(numbered):
    X, y, w = numbered
    scores = by_number().fit(X, y, w).estimator_.oof_decision_function_
    scan = significance_scan(y, scores, w, kind="ams")
    top = by_number(choose="top_fraction", kind="ams").fit(X, y, w)
    assert top.best_threshold_ == threshold_top_fraction(scan).threshold
    assert top.working_point_.n_eff_b >= 25.0
    of_study = by_number(choose="top_fraction", kind="ams", min_n_eff=0).fit(X, y, w)
    chosen = threshold_top_fraction(scan, min_n_eff=0)
    assert of_study.working_point_ == chosen
    assert chosen.n_eff_b < 25.0
    fixed = by_number(choose=partial(threshold_at_efficiency, background=0.05))
    fixed.fit(X, y, w)
    assert fixed.working_point_.background_efficiency == pytest.approx(0.05, rel=0.05)


def test_no_admissible_threshold_is_an_error(numbered):
    X, y, w = numbered
    with (
        pytest.warns(UserWarning, match="admissible threshold"),
        pytest.raises(ValueError, match="`min_n_eff` and `min_signal_efficiency` must"),
    ):
        by_number(min_n_eff=1e6).fit(X, y, w)


def test_yields_are_those_asked_for_or_of_all_events(numbered):
    X, y, w = numbered
    full = by_number(signal_yield=100.0, background_yield=5000.0).fit(X, y, w)
    assert full.no_cut_.s == pytest.approx(100.0)
    assert full.no_cut_.b == pytest.approx(5000.0)
    part = ShuffleSplit(1, test_size=0.5, random_state=0)
    with pytest.warns(MeanCombinationWarning):
        model = threshold_of(cv=part, min_n_eff=5.0).fit(X[[*"abc"]], y, w)
    assert model.no_cut_.n_selected == 600
    assert model.no_cut_.s == pytest.approx(w[y == "s"].sum())
    assert model.no_cut_.b == pytest.approx(w[y == "b"].sum())
    assert model.cross_fitted_ is None
    assert np.isnan(model.cross_fitted_gain_)


@pytest.mark.parametrize("response", ["decision_function", "predict_proba"])
@pytest.mark.parametrize("pos_label", ["s", "b"])
@MEAN
def test_any_label_may_be_the_signal(sample, response, pos_label):
    X, y, w = sample
    model = threshold_of(
        cv=FOLDS, response_method=response, pos_label=pos_label, min_n_eff=1.0
    ).fit(X, y, np.abs(w))
    selected = model.predict(X) == pos_label
    if response == "predict_proba":
        scores = model.predict_proba(X)[:, int(pos_label == "s")]
    else:
        scores = model.decision_function(X) * (1 if pos_label == "s" else -1)
    np.testing.assert_array_equal(selected, scores >= model.best_threshold_)
    assert selected[y == pos_label].mean() > selected[y != pos_label].mean()


# Who predicts


def test_new_events_are_selected_by_the_models_of_the_folds(numbered):
    X, y, w = numbered
    model = by_number().fit(X, y, w)
    cross_fit = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    cross_fit.fit(X, y, w)
    new = X.assign(EventId=X["EventId"] + 10**6, a=-X["a"])
    scores = cross_fit.decision_function(new)
    np.testing.assert_array_equal(
        model.predict(new) == "s", scores >= model.best_threshold_
    )
    np.testing.assert_array_equal(model.decision_function(new), scores)
    np.testing.assert_array_equal(
        model.predict_proba(new), cross_fit.predict_proba(new)
    )
    # what is selected of the events themselves is the working point
    selected = model.predict(X) == "s"
    assert w[selected & (y == "s")].sum() == pytest.approx(model.working_point_.s)
    assert w[selected & (y == "b")].sum() == pytest.approx(model.working_point_.b)
    assert not hasattr(model, "estimators_")


def test_numbers_beside_the_events(numbered):
    X, y, w = numbered
    numbers, inputs = X["EventId"], X[[*"abc"]]
    of_column = by_number().fit(X, y, w)
    beside = threshold_of(CrossFitClassifier(LogisticRegression()))
    beside.fit(inputs, y, w, event_number=numbers)
    assert beside.best_threshold_ == of_column.best_threshold_
    np.testing.assert_array_equal(
        beside.predict(inputs, event_number=numbers), of_column.predict(X)
    )
    with sklearn.config_context(enable_metadata_routing=True):
        regression = LogisticRegression().set_fit_request(sample_weight=True)
        routed = threshold_of(CrossFitClassifier(regression))
        routed.fit(inputs, y, sample_weight=w, event_number=numbers)
        np.testing.assert_array_equal(
            routed.predict(inputs, event_number=numbers), of_column.predict(X)
        )
        np.testing.assert_array_equal(
            routed.decision_function(inputs, event_number=numbers),
            of_column.decision_function(X),
        )


def test_the_cut_holds_on_new_events_by_number_and_not_on_the_mean():
    def toy(n_events, seed):
        rng = np.random.default_rng(seed)
        y = np.arange(n_events) % 2
        X = rng.normal(size=(n_events, 5))
        X[:, :3] += 0.8 * y[:, None]
        numbers = 10**6 * seed + np.arange(n_events)
        return pd.DataFrame(X).add_prefix("x").assign(EventId=numbers), y

    X, y = toy(12_000, 0)
    X_new, y_new = toy(60_000, 3)
    boosting = HistGradientBoostingClassifier(
        max_iter=30, learning_rate=0.3, max_bins=31, random_state=0
    )
    at_one_per_cent = partial(threshold_at_efficiency, background=0.01)
    model = by_number(boosting, choose=at_one_per_cent).fit(X, y)
    features = [name for name in X if name != "EventId"]
    mean = threshold_of(boosting, choose=at_one_per_cent, cv=5)
    with pytest.warns(MeanCombinationWarning, match="CrossFitClassifier"):
        mean.fit(X[features], y)
    selected = np.mean(model.predict(X_new)[y_new == 0])
    by_mean = np.mean(mean.predict(X_new[features])[y_new == 0])
    assert model.working_point_.background_efficiency == pytest.approx(0.01, rel=0.01)
    assert selected == pytest.approx(0.01, rel=0.3)
    assert by_mean < 0.85 * selected


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), DecisionTreeClassifier(max_depth=3)]
)
def test_of_another_classifier_new_events_get_the_mean_of_the_folds(sample, estimator):
    X, y, w = sample
    model = threshold_of(estimator, cv=FOLDS)
    with pytest.warns(MeanCombinationWarning, match="another variable") as record:
        model.fit(X, y, np.abs(w))
    assert len(record) == 1
    assert record[0].filename == __file__
    each = [m.predict_proba(X) for m in model.estimators_]
    np.testing.assert_allclose(model.predict_proba(X), np.mean(each, axis=0))
    assert not hasattr(model, "estimator_")
    assert hasattr(model, "decision_function") == hasattr(
        estimator, "decision_function"
    )
    with pytest.raises(TypeError, match=r"no further arguments, got.*event_number"):
        model.predict(X, event_number=np.arange(1200))


@MEAN
def test_an_estimator_without_probabilities(sample):
    X, y, w = sample
    model = threshold_of(RidgeClassifier(), cv=FOLDS).fit(X, y, np.abs(w))
    assert not hasattr(model, "predict_proba")
    selected = model.predict(X) == "s"
    np.testing.assert_array_equal(
        selected, model.decision_function(X) >= model.best_threshold_
    )


def test_a_refit_warns_with_the_measured_shift(sample):
    X, y, w = sample
    boosting = HistGradientBoostingClassifier(max_iter=10, max_bins=15, random_state=0)
    cv = KFold(4)
    with pytest.warns(RefitCutWarning, match="from 2 to 3 folds: signal") as record:
        model = threshold_of(boosting, cv=cv, refit=True).fit(X, y, w)
    assert len(record) == 1
    alone = clone(boosting).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(
        model.decision_function(X), alone.decision_function(X)
    )
    # brute force, fold by fold
    folds = [test for _, test in cv.split(X)]
    totals = {label: w[y == label].sum() for label in "sb"}
    before = dict.fromkeys("sb", 0.0)
    for k, test in enumerate(folds):
        others = np.concatenate(
            [folds[j] for j in range(4) if j not in {k, (k + 1) % 4}]
        )
        fitted = clone(boosting).fit(
            X.iloc[np.sort(others)],
            y[np.sort(others)],
            sample_weight=w[np.sort(others)],
        )
        selected = fitted.decision_function(X.iloc[test]) >= model.best_threshold_
        for label in "sb":
            before[label] += (w[test] * selected)[y[test] == label].sum()
    shift = model.refit_shift_
    assert shift.signal_before == pytest.approx(before["s"] / totals["s"])
    assert shift.background_before == pytest.approx(before["b"] / totals["b"])
    point = model.working_point_
    assert shift.signal_after == pytest.approx(point.signal_efficiency)
    assert shift.background_after == pytest.approx(point.background_efficiency)
    assert str(shift) in str(record[0].message)


def test_the_error_of_a_shift_is_that_of_toys():
    rng = np.random.default_rng(0)
    shifts = []
    for _ in range(400):
        is_signal = rng.random(500) < 0.5
        w = rng.exponential(size=500)
        u = rng.random(500)
        shifts.append(efficiency_shift(is_signal, w, u < 0.10, u < 0.13))
    differences = [s.background_after - s.background_before for s in shifts]
    errors = [s.background_error for s in shifts]
    assert np.mean(differences) == pytest.approx(0.03, abs=0.003)
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.1)


def test_prefit_chooses_the_cut_on_other_events(sample, numbered):
    X, y, w = sample
    train, other = slice(0, 600), slice(600, None)
    fitted = LogisticRegression().fit(
        X[train], y[train], sample_weight=np.abs(w[train])
    )
    model = threshold_of(fitted, cv="prefit").fit(X[other], y[other], w[other])
    scan = significance_scan(y[other], fitted.decision_function(X[other]), w[other])
    assert model.best_threshold_ == threshold_at_maximum(scan).threshold
    assert model.estimator_ is fitted
    assert model.cross_fitted_ is None
    X, y, w = numbered
    cross_fit = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    model = threshold_of(cross_fit.fit(X, y, w), cv="prefit").fit(X, y, w)
    assert model.best_threshold_ == by_number().fit(X, y, w).best_threshold_
    with pytest.raises(NotFittedError):
        threshold_of(cv="prefit").fit(X, y, w)
    with pytest.raises(ValueError, match="`y` must have the classes"):
        threshold_of(fitted, cv="prefit").fit(X[[*"abc"]], y == "s", w)


# Stability


def test_the_cuts_of_replicas_are_chosen_anew(numbered):
    X, y, w = numbered
    model = by_number(n_replicas=20, random_state=3).fit(X, y, w)
    scores = model.estimator_.oof_decision_function_
    is_signal = y == "s"
    seed = np.random.RandomState(3)
    ((counts, weights),) = replica_blocks(is_signal, w, 20, seed)
    for k in (0, 7):
        index = np.repeat(np.arange(1200), counts[k])
        scan = significance_scan(
            is_signal[index],
            scores[index],
            (weights[k] / np.maximum(counts[k], 1))[index],
        )
        point = threshold_at_maximum(scan)
        assert point.n_eff_b >= 25.0
        stability = model.stability_
        assert stability.threshold.replicas[k] == point.threshold
        nominal = model.scan_.at(point.threshold)
        assert stability.significance.replicas[k] == nominal.z
        assert stability.signal_efficiency.replicas[k] == nominal.signal_efficiency
        assert (
            stability.background_efficiency.replicas[k] == nominal.background_efficiency
        )
    assert stability.threshold.value == model.best_threshold_
    assert stability.significance.value == model.best_score_
    assert stability.threshold.error == pytest.approx(
        np.std(stability.threshold.replicas, ddof=1)
    )
    assert str(stability).count("±") == 4


def test_the_spread_of_the_replicas_is_that_of_samples():
    """Efficiencies at cuts of other samples, against those at cuts of replicas."""
    rng = np.random.default_rng(2)

    def events(n=2000):
        y = np.arange(n) % 2
        return rng.normal(1.5 * y)[:, None], y, np.where(y, 0.02, 2.0)

    fitted = LogisticRegression().fit(*events(20_000)[:2])
    X_large, y_large, w_large = events(100_000)
    large = significance_scan(y_large, fitted.decision_function(X_large), w_large)
    spread, quoted = [], []
    for k in range(60):
        model = threshold_of(fitted, cv="prefit", n_replicas=40 * (k < 10))
        model.fit(*events())
        spread.append(large.at(model.best_threshold_).signal_efficiency)
        if model.stability_ is not None:
            quoted.append(model.stability_.signal_efficiency.error)
    assert np.mean(quoted) == pytest.approx(np.std(spread), rel=0.4)


def test_replicas_without_an_admissible_cut_are_counted(numbered):
    X, y, w = numbered
    n_eff = by_number().fit(X, y, w).no_cut_.n_eff_b
    # Too few events are left where one fold is left out.
    with (
        pytest.warns(UndefinedSignificanceWarning, match="admissible threshold"),
        pytest.warns(LowStatisticsWarning, match="without a value"),
    ):
        model = by_number(min_n_eff=0.99 * n_eff, n_replicas=40).fit(X, y, w)
    assert np.isnan(model.cross_fitted_.value)
    assert 2 < model.stability_.threshold.n_undefined < 40


def test_the_seed_makes_the_replicas(numbered):
    X, y, w = numbered
    one, same, other = (
        by_number(n_replicas=5, random_state=seed).fit(X, y, w).stability_.threshold
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.replicas, same.replicas)
    assert (one.replicas != other.replicas).any()
    assert by_number(n_replicas=0).fit(X, y, w).stability_ is None


# Samples, weights, parameters


def test_the_scale_of_signed_weights_does_not_move_the_cut(numbered):
    X, y, w = numbered
    fitted = LogisticRegression().fit(X[[*"abc"]], y)
    one, other = (
        threshold_of(fitted, cv="prefit", kind="s_over_sqrt_b").fit(
            X[[*"abc"]], y, f * w
        )
        for f in (1.0, 8.0)
    )
    assert one.best_threshold_ == other.best_threshold_
    assert other.best_score_ == pytest.approx(np.sqrt(8.0) * one.best_score_)


@MEAN
@pytest.mark.parametrize("piped", [False, True])
def test_folds_of_networks(sample, piped):
    X, y, w = sample
    network = WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=3, n_members=2, random_state=0
    )
    if piped:
        network = make_weighted_pipeline(
            StandardScaler(), network, preprocessing_weights="abs"
        )
    model = threshold_of(network, cv=FOLDS, as_members=True, min_n_eff=10.0)
    model.fit(X, y, w)
    assert len(model.estimators_) == 3
    assert model.gain_ > 1.0
    assert set(model.predict(X)) == {"b", "s"}


@MEAN
def test_groups_stay_together(sample):
    X, y, w = sample
    groups = np.arange(1200) // 6
    model = threshold_of(cv=3).fit(X, y, w, groups=groups)
    other = threshold_of(cv=3).fit(X, y, w)
    assert model.best_threshold_ != other.best_threshold_
    with sklearn.config_context(enable_metadata_routing=True):
        regression = LogisticRegression().set_fit_request(sample_weight=True)
        routed = threshold_of(regression, cv=3)
        routed.fit(X, y, sample_weight=w, groups=groups)
    assert routed.best_threshold_ == model.best_threshold_


def test_in_a_cross_validation(numbered):
    X, y, w = numbered
    scores = cross_val_score(by_number(), X, y, cv=2)
    assert np.isfinite(scores).all()
    with sklearn.config_context(enable_metadata_routing=True):
        regression = LogisticRegression().set_fit_request(sample_weight=True)
        scores = cross_val_score(
            by_number(regression), X, y, cv=2, params={"sample_weight": w}
        )
    assert np.isfinite(scores).all()
    model = by_number().fit(X, y, w)
    selected = model.predict(X) == y
    assert model.score(X, y, w) == pytest.approx(w[selected].sum() / w.sum())


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (by_number, {"cv": 3}, "`cv` must be None for a CrossFitClassifier"),
        (by_number, {"refit": True}, "`refit` must be False with a CrossFitClassifier"),
        (by_number, {"response_method": "predict_proba"}, "`response_method` must be"),
        (threshold_of, {"cv": "prefit", "refit": True}, "with cv='prefit'"),
        (threshold_of, {"n_replicas": 1}, "`n_replicas` must be 0, or at least 2"),
        (threshold_of, {"cv": 2, "refit": True}, "three folds or more"),
        (threshold_of, {"pos_label": "signal"}, "`pos_label`"),
        (
            threshold_of,
            {"cv": RepeatedStratifiedKFold(n_splits=2, n_repeats=2)},
            "`cv` must test no event twice, got 2 passes",
        ),
        (
            threshold_of,
            {"kind": "s_over_sqrt_b", "sigma_b": 1.0},
            "`kind` must be 'asimov' or 'ams'",
        ),
    ],
)
@MEAN
def test_contradictions_are_refused(numbered, make, options, text):
    X, y, w = numbered
    X = X if make is by_number else X[[*"abc"]]
    with pytest.raises(ValueError, match=text):
        make(**options).fit(X, y, w)


def test_what_else_is_refused(numbered):
    X, y, w = numbered
    tree = DecisionTreeClassifier(max_depth=2)
    with pytest.raises(ValueError, match="which DecisionTreeClassifier lacks"):
        threshold_of(tree, response_method="decision_function").fit(X, y, w)
    few = np.where(y == "b", -w, w)
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        by_number().fit(X, np.arange(1200) % 3, w)
    with pytest.raises(WeightsError, match="must sum to more than 0"):
        threshold_of(LogisticRegression().fit(X[[*"abc"]], y), cv="prefit").fit(
            X[[*"abc"]], y, few
        )
    mean = CrossFitClassifier(
        LogisticRegression(), event_number="EventId", combine="mean"
    )
    with (
        pytest.warns(MeanCombinationWarning),
        pytest.raises(ValueError, match="must score each new event by one model"),
    ):
        threshold_of(mean).fit(X, y, w)
    with pytest.raises(NotFittedError):
        by_number().predict(X)


@REFIT
def test_a_second_fit_starts_afresh(sample, numbered):
    X, y, w = numbered
    model = threshold_of(cv=FOLDS, refit=True).fit(*sample)
    model.set_params(
        estimator=CrossFitClassifier(LogisticRegression(), event_number="EventId"),
        cv=None,
        refit=False,
    ).fit(X, y, w)
    assert model.refit_shift_ is None
    assert not hasattr(model, "estimators_")
    assert model.best_threshold_ == by_number().fit(X, y, w).best_threshold_
    assert model.n_features_in_ == 4


def test_clone_pickle_html_and_progress(numbered, capsys):
    X, y, w = numbered
    model = by_number(n_replicas=4, verbose=1).fit(X, y, w)
    assert "Replicas" in capsys.readouterr().err
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert clone(model).get_params()["n_replicas"] == 4
    assert "CrossFitClassifier" in estimator_html_repr(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_number().fit(X, y, w).predict(X)
    assert capsys.readouterr().err == ""
