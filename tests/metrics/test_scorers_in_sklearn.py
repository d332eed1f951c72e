"""One weight vector, traced through every tool that takes `scoring=`."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)

from skhep_dnn.exceptions import FoldYieldWarning, MissingWeightsError, WeightsError
from skhep_dnn.metrics import ams, make_significance_scorer, weighted_scorer
from skhep_dnn.metrics._metric_scorer import WeightedMetric

YIELDS = {"signal_yield": 40.0, "background_yield": 1000.0}
CV = StratifiedKFold(3)
FITTED, SCORED = [], []


class Recorder(LogisticRegression):
    """A logistic regression that writes down the weights of each fit."""

    __metadata_request__fit = {"sample_weight": True}  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        FITTED.append(None if sample_weight is None else np.array(sample_weight))
        return super().fit(X, y, sample_weight)


@pytest.fixture
def events():
    rng = np.random.default_rng(5)
    y = np.where(rng.random(240) < 0.5, "s", "b")
    X = pd.DataFrame(
        rng.normal(size=(240, 2)) + (y == "s")[:, None], columns=["a", "b"]
    )
    # Every weight is unique: the vector that arrives tells the events.
    weights = np.where(y == "s", 1.9, 2.0) * rng.uniform(0.5, 2.0, size=240)
    return X, y, weights


@pytest.fixture
def scored(monkeypatch):
    """Weights that reach the metric, in order of the calls."""
    FITTED.clear()
    SCORED.clear()
    original = WeightedMetric.of_response

    def recording(self, y_true, response, sample_weight, pos_label):
        SCORED.append(np.array(sample_weight))
        return original(self, y_true, response, sample_weight, pos_label)

    monkeypatch.setattr(WeightedMetric, "of_response", recording)
    return SCORED


def fold_weights(weights, y):
    """Return the weights of each test fold."""
    return [weights[test] for _, test in CV.split(weights, y)]


def same_vectors(found, expected):
    return len(found) == len(expected) and all(
        np.array_equal(a, b) for a, b in zip(found, expected, strict=True)
    )


# "scored" watches the standard metrics: use one of their scorers.
AUC = weighted_scorer("roc_auc")
SIGNIFICANCE = make_significance_scorer("ams", min_n_eff=10.0, **YIELDS)


def value_changes(run, X, y, weights):
    """Return whether the weight of one event changes what a tool returns."""
    changed = weights.copy()
    changed[np.flatnonzero(y == "b")[7]] *= 30.0
    return not np.allclose(run(X, y, weights), run(X, y, changed))


def test_cross_validate(events, scored):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        result = cross_validate(
            Recorder(), X, y, scoring=AUC, cv=CV, params={"sample_weight": weights}
        )
    folds = fold_weights(weights, y)
    assert same_vectors(scored, folds)
    assert all(np.isin(w, weights).all() and len(w) == 160 for w in FITTED)
    assert np.isfinite(result["test_score"]).all()


def test_cross_validate_with_several_scorers(events, scored):
    X, y, weights = events
    scoring = {
        "auc": AUC,
        "loss": weighted_scorer("balanced_log_loss"),
        "z": SIGNIFICANCE,
        "plain": make_scorer(recall_score, pos_label="s"),
    }
    with config_context(enable_metadata_routing=True):
        scoring["plain"].set_score_request(sample_weight=False)
        result = cross_validate(
            Recorder(), X, y, scoring=scoring, cv=CV, params={"sample_weight": weights}
        )
    expected = [w for w in fold_weights(weights, y) for _ in range(2)]
    assert same_vectors(scored, expected)
    one = np.mean(result["test_z"])
    assert one == pytest.approx(np.mean(cross_significance(X, y, weights)))


def cross_significance(X, y, weights):
    with config_context(enable_metadata_routing=True):
        return cross_val_score(
            Recorder(),
            X,
            y,
            scoring=SIGNIFICANCE,
            cv=CV,
            params={"sample_weight": weights},
        )


def test_the_significance_follows_one_weight(events):
    assert value_changes(cross_significance, *events)


def test_without_routing_cross_validate_warns_with_the_remedy(events):
    X, y, weights = events
    with pytest.warns(UserWarning, match="Scoring failed(.|\n)*") as caught:
        result = cross_validate(
            Recorder(), X, y, scoring=AUC, cv=CV, params={"sample_weight": weights}
        )
    assert np.isnan(result["test_score"]).all()
    text = str(caught[0].message)
    assert "MissingWeightsError" in text
    for remedy in (
        "GridSearchCV(...).fit(X, y, sample_weight=w)",
        "enable_metadata_routing=True",
        "sample_weight=pd.Series(w, index=X.index)",
        "unit_weights=True",
    ):
        assert remedy in text
    with pytest.raises(MissingWeightsError):
        cross_validate(Recorder(), X, y, scoring=AUC, cv=CV, error_score="raise")


def test_several_scorers_without_weights_warn_with_the_remedy(events):
    X, y, _ = events
    scoring = {"auc": AUC, "z": SIGNIFICANCE}
    with pytest.warns(UserWarning, match=r"unit_weights=True"):
        result = cross_validate(Recorder(), X, y, scoring=scoring, cv=CV)
    assert np.isnan(result["test_auc"]).all()
    assert np.isnan(result["test_z"]).all()


def test_an_explicit_request_is_respected(events, scored):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        aliased = weighted_scorer("roc_auc").set_score_request(sample_weight="physics")
        cross_validate(
            LogisticRegression(),
            X,
            y,
            scoring=aliased,
            cv=CV,
            params={"physics": weights},
        )
        assert same_vectors(scored, fold_weights(weights, y))
        declined = weighted_scorer("roc_auc").set_score_request(sample_weight=False)
        with pytest.raises(MissingWeightsError):
            cross_validate(
                Recorder(),
                X,
                y,
                scoring=declined,
                cv=CV,
                params={"sample_weight": weights},
                error_score="raise",
            )


def test_without_yields_a_search_warns_of_low_figures(events):
    X, y, weights = events
    scorer = make_significance_scorer("asimov", "predict", min_n_eff=3.0)
    search = GridSearchCV(Recorder(), {"C": [1.0]}, scoring=scorer, cv=CV)
    with pytest.warns(FoldYieldWarning, match="the figure is low"):
        search.fit(X, y, sample_weight=weights)
    full = make_significance_scorer(
        "asimov",
        "predict",
        min_n_eff=3.0,
        signal_yield=weights[y == "s"].sum(),
        background_yield=weights[y == "b"].sum(),
    )
    known = clone(search).set_params(scoring=full).fit(X, y, sample_weight=weights)
    assert known.best_score_ / search.best_score_ == pytest.approx(3**0.5, rel=0.05)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_grid_search(events, scored, routing, several):
    X, y, weights = events
    scoring = {"auc": AUC, "z": SIGNIFICANCE} if several else AUC
    search = GridSearchCV(
        Recorder(),
        {"C": [0.1, 1.0]},
        scoring=scoring,
        cv=CV,
        refit="z" if several else True,
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, sample_weight=weights)
    assert same_vectors(scored, fold_weights(weights, y) * 2)
    assert len(FITTED) == 7
    assert np.array_equal(FITTED[-1], weights)

    def run(X, y, weights):
        with config_context(enable_metadata_routing=routing):
            fitted = clone(search).fit(X, y, sample_weight=weights)
        return fitted.best_score_

    assert value_changes(run, X, y, weights)


@pytest.mark.parametrize("routing", [False, True])
def test_halving_search(events, scored, routing):
    X, y, weights = events
    search = HalvingGridSearchCV(
        Recorder(),
        {"C": [0.01, 0.1, 1.0]},
        scoring=AUC,
        cv=CV,
        min_resources=120,
        factor=2,
        random_state=0,
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, sample_weight=weights)
    assert len(scored) > 6
    assert all(np.isin(w, weights).all() for w in [*scored, *FITTED])
    assert np.array_equal(FITTED[-1], weights)


@pytest.mark.parametrize("curve", [learning_curve, validation_curve])
def test_curves(events, scored, curve):
    X, y, weights = events
    options = (
        {"train_sizes": [0.4, 1.0]}
        if curve is learning_curve
        else {"param_name": "C", "param_range": [0.1, 1.0]}
    )
    with config_context(enable_metadata_routing=True):
        curve(
            Recorder(),
            X,
            y,
            scoring=AUC,
            cv=CV,
            params={"sample_weight": weights},
            error_score="raise",
            **options,
        )
    test_scores = [w for w in scored if len(w) == 80]
    folds = fold_weights(weights, y)
    assert all(any(np.array_equal(w, fold) for fold in folds) for w in test_scores)
    assert len(test_scores) >= 6
    assert all(np.isin(w, weights).all() for w in [*scored, *FITTED])


def test_tuned_threshold_with_routing(events):
    X, y, weights = events
    scorer = make_significance_scorer("ams", **YIELDS)
    tuned = TunedThresholdClassifierCV(
        Recorder(), scoring=scorer, cv=CV, thresholds=20, store_cv_results=True
    )

    def run(X, y, weights):
        with config_context(enable_metadata_routing=True):
            return clone(tuned).fit(X, y, sample_weight=weights).cv_results_["scores"]

    scores = run(X, y, weights)
    assert np.isfinite(scores).all()
    assert scores.max() > scores[0]
    assert value_changes(run, X, y, weights)


def test_tuned_threshold_is_that_of_brute_force(events):
    X, y, weights = events
    classifier = Recorder().fit(X, y)
    thresholds = np.array([0.2, 0.5, 0.6, 0.8, 0.999])
    for pos_label, signal in ((None, "s"), ("s", "s"), ("b", "b")):
        scorer = make_significance_scorer(
            "ams", min_n_eff=10.0, pos_label=pos_label, **YIELDS
        )
        tuned = TunedThresholdClassifierCV(
            classifier,
            scoring=scorer,
            cv="prefit",
            refit=False,
            thresholds=thresholds,
            response_method="predict_proba",
            store_cv_results=True,
        )
        with config_context(enable_metadata_routing=True):
            tuned.fit(X, y, sample_weight=weights)
        column = classifier.classes_.tolist().index(signal)
        probability = classifier.predict_proba(X)[:, column]
        is_signal = y == signal
        scale = {True: 40 / weights[is_signal].sum()}
        scale[False] = 1000 / weights[~is_signal].sum()
        w = weights * np.where(is_signal, scale[True], scale[False])
        expected = []
        for threshold in thresholds:
            above = probability >= threshold
            w_b = w[above & ~is_signal]
            enough = w_b.sum() ** 2 >= 10 * (w_b**2).sum() and len(w_b)
            s = w[above & is_signal].sum()
            expected.append(ams(s, w_b.sum()) if enough else 0.0)
        assert tuned.cv_results_["scores"] == pytest.approx(expected)
        assert expected[-1] == 0.0
        assert tuned.best_threshold_ == thresholds[np.argmax(expected)]


def test_tuned_threshold_of_a_standard_metric(events):
    X, y, weights = events
    scorer = weighted_scorer("balanced_accuracy")
    tuned = TunedThresholdClassifierCV(Recorder(), scoring=scorer, cv=CV)
    with config_context(enable_metadata_routing=True):
        tuned.fit(X, y, sample_weight=weights)
    assert 0.3 < tuned.best_threshold_ < 0.7


def test_tuned_threshold_without_routing_says_so(events):
    X, y, weights = events
    tuned = TunedThresholdClassifierCV(Recorder(), scoring=SIGNIFICANCE, cv=CV)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        tuned.fit(X, y, sample_weight=weights)
    with pytest.raises(MissingWeightsError, match="enable_metadata_routing=True"):
        tuned.fit(X, y)
    carrying = make_significance_scorer(
        sample_weight=pd.Series(weights), target=pd.Series(y)
    )
    with pytest.raises(MissingWeightsError, match="enable_metadata_routing=True"):
        tuned.set_params(scoring=carrying).fit(X, y)


@pytest.mark.parametrize("routing", [False, True])
def test_permutation_importance(events, scored, routing):
    X, y, weights = events
    model = LogisticRegression().fit(X, y)
    with config_context(enable_metadata_routing=routing):
        result = permutation_importance(
            model, X, y, scoring=AUC, n_repeats=2, sample_weight=weights
        )
    assert same_vectors(scored, [weights] * 5)
    assert (result.importances_mean > 0).all()
    carrying = weighted_scorer(
        "roc_auc", sample_weight=pd.Series(weights), target=pd.Series(y)
    )
    permutation_importance(model, X, y, scoring=carrying, n_repeats=2, max_samples=100)
    assert all(np.isin(w, weights).all() for w in scored[5:])
    with pytest.raises(MissingWeightsError):
        permutation_importance(model, X, y, scoring=AUC)


META_ESTIMATORS = {
    "stacking": lambda: StackingClassifier([("a", Recorder())], Recorder(), cv=3),
    "voting": lambda: VotingClassifier([("a", Recorder()), ("b", Recorder(C=0.1))]),
    "soft voting": lambda: VotingClassifier([("a", Recorder())], voting="soft"),
    "calibrated": lambda: CalibratedClassifierCV(Recorder(), cv=3),
}


@pytest.mark.parametrize("name", META_ESTIMATORS)
@pytest.mark.parametrize("routing", [False, True])
def test_meta_estimators(events, scored, name, routing):
    X, y, weights = events
    at = "predict" if name == "voting" else "binned"
    scorer = make_significance_scorer("ams", at, min_n_eff=3.0, **YIELDS)
    metric = AUC if at == "binned" else weighted_scorer("accuracy")
    search = GridSearchCV(
        META_ESTIMATORS[name](),
        {},
        scoring={"z": scorer, "metric": metric},
        refit="z",
        cv=CV,
    )
    with config_context(enable_metadata_routing=routing):
        if routing and name == "calibrated":
            search.estimator.set_fit_request(sample_weight=True)
        search.fit(X, y, sample_weight=weights)
    assert np.isfinite(search.best_score_)
    assert same_vectors(scored, fold_weights(weights, y))
    assert len(FITTED) >= 4
    assert all(np.isin(w, weights).all() for w in FITTED)


def test_optuna_search(events, scored):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y, weights = events
    space = {"C": optuna.distributions.FloatDistribution(0.01, 1.0, log=True)}
    with warnings.catch_warnings(), config_context(enable_metadata_routing=True):
        # The class is marked experimental, and calls a deprecated part of Optuna.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", message=".*optuna.terminator")
        search = integration.OptunaSearchCV(
            Recorder(), space, scoring=AUC, cv=CV, n_trials=2, random_state=0
        )
        search.fit(X, y, sample_weight=weights)
    assert same_vectors(scored, fold_weights(weights, y) * 2)
    assert np.array_equal(FITTED[-1], weights)


@pytest.mark.parametrize("routing", [False, True])
def test_other_users_of_scoring(events, scored, routing):
    X, y, weights = events
    with config_context(enable_metadata_routing=routing):
        # Its classes are -1 and 1 while it scores.
        model = LogisticRegressionCV(
            scoring=AUC, cv=CV, Cs=2, l1_ratios=(0,), use_legacy_attributes=False
        )
        model.fit(X, y, sample_weight=weights)
    assert same_vectors(scored[::2], fold_weights(weights, y))
    assert all(np.isin(w, weights).all() for w in scored)


@pytest.mark.parametrize("selector", [SequentialFeatureSelector, RFECV])
def test_feature_selection(events, scored, selector):
    X, y, weights = events
    options = {} if selector is RFECV else {"n_features_to_select": 1}
    with config_context(enable_metadata_routing=True):
        selector(Recorder(), scoring=AUC, cv=CV, **options).fit(
            X, y, sample_weight=weights
        )
    assert scored
    assert all(np.isin(w, weights).all() for w in [*scored, *FITTED])


# Weights carried by the scorer, for tools that pass none.


def carrying_scorers(y, weights, index):
    data = {
        "sample_weight": pd.Series(weights, index=index),
        "target": pd.Series(y, index=index),
    }
    return weighted_scorer("roc_auc", **data), make_significance_scorer(**data)


def test_plain_cross_val_score_uses_carried_weights(events, scored):
    X, y, weights = events
    X = X.set_axis([f"event {i}" for i in range(len(y))])
    auc, significance = carrying_scorers(y, weights, X.index)
    values = cross_val_score(LogisticRegression(), X, y, scoring=auc, cv=CV)
    assert same_vectors(scored, fold_weights(weights, y))
    assert np.isfinite(values).all()
    values = cross_val_score(LogisticRegression(), X, y, scoring=significance, cv=CV)
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(
            LogisticRegression().set_fit_request(sample_weight=False),
            X,
            y,
            scoring=make_significance_scorer(
                signal_yield=weights[y == "s"].sum(),
                background_yield=weights[y == "b"].sum(),
            ),
            cv=CV,
            params={"sample_weight": weights},
        )
    assert values == pytest.approx(routed)


@pytest.mark.slow
def test_carried_weights_go_to_processes(events):
    X, y, weights = events
    auc, _ = carrying_scorers(y, weights, X.index)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=auc, cv=CV)
    serial = search.fit(X, y).cv_results_["mean_test_score"]
    parallel = clone(search).set_params(n_jobs=2).fit(X, y)
    assert np.array_equal(serial, parallel.cv_results_["mean_test_score"])


def test_a_cloned_search_carries_the_same_data(events):
    X, y, weights = events
    auc, _ = carrying_scorers(y, weights, X.index)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=auc, cv=CV)
    assert clone(search).scoring is not auc
    assert clone(search).scoring._carried is auc._carried


def test_a_carried_index_that_does_not_fit_is_reported_by_searches(events):
    X, y, weights = events
    shuffled = np.random.default_rng(0).permutation(len(y))
    auc, _ = carrying_scorers(y[shuffled], weights[shuffled], X.index)
    with pytest.raises(WeightsError, match="take both from the same DataFrame"):
        cross_val_score(
            LogisticRegression(), X, y, scoring=auc, cv=CV, error_score="raise"
        )


# The cache of predictions in multi-metric scoring.


class Counter(LogisticRegression):
    """A logistic regression that counts its predictions."""

    n_calls = 0

    def decision_function(self, X):
        type(self).n_calls += 1
        return super().decision_function(X)


def test_several_scorers_share_one_prediction(events):
    X, y, weights = events
    model = Counter().fit(X, y)
    scoring = {"auc": AUC, "z": SIGNIFICANCE, "max": make_significance_scorer(at="max")}
    search = GridSearchCV(model, {}, scoring=scoring, refit=False, cv=CV)
    Counter.n_calls = 0
    with pytest.warns(FoldYieldWarning):
        search.fit(X, y, sample_weight=weights)
    assert Counter.n_calls == 3


def test_the_cache_does_not_mix_orientations(events):
    X, y, weights = events
    scoring = {
        "plain": "roc_auc",
        "s": AUC,
        "b": weighted_scorer("roc_auc", pos_label="b"),
        "again": weighted_scorer("roc_auc", pos_label="b"),
    }
    search = GridSearchCV(LogisticRegression(), {}, scoring=scoring, refit=False, cv=CV)
    result = search.fit(X, y, sample_weight=weights).cv_results_
    for name in ("s", "b", "again"):
        assert result[f"mean_test_{name}"] == pytest.approx(result["mean_test_plain"])
