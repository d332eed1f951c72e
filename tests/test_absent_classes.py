"""A class without weights is absent: for estimators, searches, selectors, scorers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    PredefinedSplit,
    StratifiedKFold,
)

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.ensemble import (
    BoostedDNN,
    CrossFitClassifier,
    SymmetryAveragedClassifier,
)
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection import (
    BackwardEliminationSelector,
    SeparationSelector,
    compare_after_cut,
)
from skhep_dnn.inspection import weighted_permutation_importance
from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.model_selection import (
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import scale_to_yields, training_weights, validation_weights

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::skhep_dnn.exceptions.{name}")
    for name in (
        "LowStatisticsWarning",
        "DivergenceWarning",
        "MeanCombinationWarning",
        "FoldYieldWarning",
    )
]

N = 240
RNG = np.random.default_rng(0)
Y = np.array(["b", "s", "z"])[np.arange(N) % 3]
X = RNG.normal(size=(N, 3)) + (Y == "s")[:, np.newaxis]
W = np.where(Y == "z", 0.0, RNG.uniform(0.5, 1.5, size=N))
W[:12:6] *= -1.0
W[30] = 0.0  # a class that exists may have such an event, too
KEPT = Y != "z"
ROWS = np.arange(N)


def network(**options):
    plain = {
        "numeric_scaling": "standard",
        "scale_learning_rate": None,
        "numeric_embedding": None,
    }
    return WeightedDNNClassifier(
        n_layers=1,
        width=8,
        dropout=0.0,
        max_epochs=2,
        random_state=0,
        **plain,
        **options,
    )


def trees():
    return HistGradientBoostingClassifier(max_iter=3, max_bins=15, random_state=0)


def averaged():
    augmenter = SymmetryAugmenter(cartesian=[("a", "b")], reflections="x")
    return SymmetryAveragedClassifier(
        network(), augmenter=augmenter, n_copies=2, random_state=0
    )


def threshold(**options):
    return SignificanceThresholdClassifier(
        network(), n_replicas=0, min_n_eff=1.0, **options
    )


CLASSIFIERS = {
    "gradient": lambda: BoostedDNN(network(), n_estimators=2, random_state=0),
    "vote": lambda: BoostedDNN(
        network(), method="vote", n_estimators=2, random_state=0
    ),
    "trees": lambda: BoostedDNN(
        trees(), n_estimators=2, negative_weights="abs", random_state=0
    ),
    "init": lambda: BoostedDNN(
        network(), init=network(), cv=2, n_estimators=1, random_state=0
    ),
    "cross-fit": lambda: CrossFitClassifier(network(), cv=3),
    "averaged": averaged,
    "threshold": lambda: threshold(cv=3),
    "search": lambda: OptunaSearchCV(
        network(), {"width": [4, 8]}, n_trials=2, cv=3, n_replicas=2, random_state=0
    ),
    "grid": lambda: GridSearchCV(
        network(),
        {"width": [4, 8]},
        scoring=weighted_scorer("roc_auc"),
        cv=StratifiedKFold(2),
        error_score="raise",
    ),
}


def table(rows):
    return pd.DataFrame(X[rows], columns=["a", "b", "c"])


def fits(model, **further):
    """Return fits of all events, and of those that have a class."""
    all_ = clone(model).fit(table(ROWS), Y, sample_weight=W, **further)
    fewer = clone(model).fit(table(KEPT), Y[KEPT], sample_weight=W[KEPT], **further)
    return all_, fewer


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_is_that_of_the_other_events(name):
    got, expected = fits(CLASSIFIERS[name]())
    assert got.classes_.tolist() == ["b", "s"]
    np.testing.assert_array_equal(
        got.decision_function(table(ROWS)), expected.decision_function(table(ROWS))
    )


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_left_is_the_usual_error(name):
    weights = np.where(Y == "s", W, 0.0)
    with pytest.raises((ValueError, WeightsError), match="class"):
        CLASSIFIERS[name]().fit(table(ROWS), Y, sample_weight=weights)


def test_what_belongs_to_the_events_keeps_their_positions():
    got, expected = fits(CrossFitClassifier(network(), cv=3))
    for name in ("oof_decision_function_", "fold_"):
        np.testing.assert_array_equal(getattr(got, name)[KEPT], getattr(expected, name))
    assert np.isnan(got.oof_decision_function_[~KEPT]).all()
    assert (got.fold_[~KEPT] == -1).all()
    pd.testing.assert_frame_equal(got.fold_report_, expected.fold_report_)
    got, expected = fits(CLASSIFIERS["gradient"]())
    np.testing.assert_array_equal(got.boost_factors_[KEPT], expected.boost_factors_)
    assert np.isnan(got.boost_factors_[~KEPT]).all()
    got, expected = fits(CLASSIFIERS["search"]())
    assert got.best_score_ == expected.best_score_
    np.testing.assert_array_equal(
        got.best_oof_decision_function_[KEPT], expected.best_oof_decision_function_
    )
    assert np.isnan(got.best_oof_decision_function_[~KEPT]).all()


def test_event_numbers_and_groups_go_with_their_events():
    model = CrossFitClassifier(network(), cv=3)
    got = clone(model).fit(table(ROWS), Y, W, event_number=ROWS)
    expected = clone(model).fit(table(KEPT), Y[KEPT], W[KEPT], event_number=ROWS[KEPT])
    answers = [
        m.decision_function(table(ROWS), event_number=ROWS) for m in (got, expected)
    ]
    np.testing.assert_array_equal(*answers)
    groups = ROWS // 6
    for model in (CrossFitClassifier(network(), cv=GroupKFold(3)), threshold(cv=3)):
        got = clone(model).fit(table(ROWS), Y, W, groups=groups)
        expected = clone(model).fit(table(KEPT), Y[KEPT], W[KEPT], groups=groups[KEPT])
        np.testing.assert_array_equal(
            got.decision_function(table(ROWS)), expected.decision_function(table(ROWS))
        )


def test_folds_that_are_given_count_the_events_that_were_passed():
    fold = ROWS % 4
    lists = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    other = clone(CrossFitClassifier(network(), cv=PredefinedSplit(fold[KEPT])))
    other.fit(table(KEPT), Y[KEPT], W[KEPT])
    for cv in (PredefinedSplit(fold), lists):
        model = CrossFitClassifier(network(), cv=cv).fit(table(ROWS), Y, W)
        np.testing.assert_array_equal(
            model.oof_decision_function_[KEPT], other.oof_decision_function_
        )
        result = cross_validate_pooled(network(), X, Y, W, cv=cv, n_replicas=0)
        tested = lists[0][1]
        assert result.splits[0][1].tolist() == tested[KEPT[tested]].tolist()


def test_pooled_scores_are_those_of_the_other_events():
    significance = make_significance_scorer("ams", at=0.5, b_reg=10.0)
    options = {
        "scoring": {"auc": "roc_auc", "loss": "balanced_log_loss", "z": significance},
        "cv": StratifiedKFold(3),
        "n_replicas": 2,
    }
    got = cross_validate_pooled(network(), X, Y, W, **options)
    expected = cross_validate_pooled(network(), X[KEPT], Y[KEPT], W[KEPT], **options)
    for name, score in expected.scores.items():
        assert got.scores[name].value == score.value
        np.testing.assert_array_equal(got.test_scores[name], expected.test_scores[name])
    response = got.oof_decision_function
    np.testing.assert_array_equal(response[KEPT], expected.oof_decision_function)
    assert np.isnan(response[~KEPT]).all()


@pytest.mark.parametrize(
    "selector",
    [
        SeparationSelector(max_correlation=0.5),
        BackwardEliminationSelector(
            network(), n_features_to_select=2, cv=3, random_state=0
        ),
    ],
)
def test_selections_are_those_of_the_other_events(selector):
    got, expected = fits(selector)
    assert got.get_support().tolist() == expected.get_support().tolist()
    for name in ("table_", "elimination_path_"):
        if hasattr(expected, name):
            drop = {"time"} & set(getattr(got, name).columns)
            pd.testing.assert_frame_equal(
                getattr(got, name).drop(columns=drop),
                getattr(expected, name).drop(columns=drop),
            )


def test_a_comparison_after_a_cut_is_that_of_the_other_events():
    model, w = LogisticRegression(), np.abs(W)
    parts = [(X, Y, w), (X[KEPT], Y[KEPT], w[KEPT])]
    importance = weighted_permutation_importance(
        clone(model).fit(X[KEPT], Y[KEPT], w[KEPT]), *parts[1], random_state=0
    )
    cut = float(np.sort(importance.importances_mean)[1])
    got, expected = (
        compare_after_cut(
            model, *part, importance=importance, cut=cut, cv=3, random_state=0
        )
        for part in parts
    )
    assert got.comparison.difference == expected.comparison.difference


def test_scorers_leave_out_events_that_are_as_good_as_absent():
    model = network().fit(X, Y, W)
    for scorer in (weighted_scorer("roc_auc"), weighted_scorer("accuracy")):
        expected = scorer(model, X[KEPT], Y[KEPT], sample_weight=W[KEPT])
        assert scorer(model, X, Y, sample_weight=W) == expected
        with pytest.raises(ValueError, match="must ha"):
            scorer(model, X, Y, sample_weight=np.ones(N))
    three = np.where(Y == "z", "y", Y)
    three[::10] = "z"
    kept = three != "z"
    model = network().fit(X, three, kept.astype(float))
    scorer = weighted_scorer("balanced_log_loss")
    expected = scorer(model, X[kept], three[kept], sample_weight=np.ones(kept.sum()))
    weights = np.where(kept, 1.0, 0.0)
    assert scorer(model, X, three, sample_weight=weights) == expected


def test_weights_of_a_sample_are_those_of_the_other_events():
    for options in ({}, {"class_weight": None, "max_weight": 1.2}):
        got, expected = (
            training_weights(Y[rows], W[rows], **options) for rows in (ROWS, KEPT)
        )
        np.testing.assert_array_equal(got.weights[KEPT], expected.weights)
        assert not got.weights[~KEPT].any()
        assert got.classes.tolist() == ["b", "s"]
        assert str(got).split("events:")[1] == str(expected).split("events:")[1]
    for function in (
        validation_weights,
        lambda y, w: scale_to_yields(y, w, {"b": 100.0, "s": 3.0}),
    ):
        got = function(Y, W)
        np.testing.assert_array_equal(got[KEPT], function(Y[KEPT], W[KEPT]))
        assert not got[~KEPT].any()
    with pytest.raises(WeightsError, match=r"with weights other than zero, got .*'z'"):
        scale_to_yields(Y, W, {"b": 100.0, "s": 3.0, "z": 1.0})


# What is missing in a fold, and in a validation sample.


def test_a_fold_of_one_class_is_named():
    fold = np.where(Y == "s", 1, ROWS % 2)
    cv, weights = PredefinedSplit(fold), np.abs(W)
    message = r"training events of fold 1 must be of two .* got none .* of \['s'\]"
    for fit in (
        lambda: CrossFitClassifier(network(), cv=cv).fit(X, Y, weights),
        lambda: cross_validate_pooled(LogisticRegression(), X, Y, weights, cv=cv),
        lambda: threshold(cv=cv).fit(X, Y, sample_weight=weights),
    ):
        with pytest.raises(WeightsError, match=message):
            fit()


def test_a_fold_whose_model_lacks_a_class_is_named():
    fold = np.where(Y == "s", 1, ROWS % 2)
    options = {"cv": PredefinedSplit(fold), "n_replicas": 0}
    plain = make_scorer(accuracy_score)
    with pytest.raises(ValueError, match=r"none of \['s'\] in that of fold 1"):
        cross_validate_pooled(trees(), X, Y, scoring=plain, **options)
    with pytest.raises(ValueError, match=r"training events had none .* of \['s'\]"):
        cross_validate_pooled(trees(), X, Y, scoring="roc_auc", **options)


def test_a_validation_sample_of_boosting_without_a_class_is_named():
    model = BoostedDNN(network(), n_estimators=1, validation_fraction=None)
    with pytest.raises(WeightsError, match=r"`y_val` must hold .* of \['s'\]"):
        model.fit(X, Y, W, X, Y, np.where(Y == "b", 1.0, 0.0))
    groups = np.where(Y == "s", 0, 1 + ROWS % 5)
    model = BoostedDNN(network(), n_estimators=1, validation_fraction=0.5)
    with pytest.raises((ValueError, WeightsError), match="class"):
        model.fit(X[KEPT], Y[KEPT], np.abs(W[KEPT]), groups=groups[KEPT])
