"""A column of fold numbers as `cv`: what it is, and every place that takes it."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.utils import Bunch

from skhep_dnn import BackwardEliminationSelector, BoostedDNN, WeightedDNNClassifier
from skhep_dnn._fold_numbers import FoldNumbers, as_splitter
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.feature_selection import compare_after_cut
from skhep_dnn.model_selection import (
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
]

RNG = np.random.default_rng(2)
N = 120
Y = np.tile(["b", "s"], N // 2)
X = RNG.normal(size=(N, 3)) + (Y == "s")[:, np.newaxis]
W = RNG.uniform(0.5, 1.5, size=N)
FOLD = RNG.integers(0, 3, size=N)
SPLITS = [(np.flatnonzero(k != FOLD), np.flatnonzero(k == FOLD)) for k in range(3)]
REGRESSION = LogisticRegression()


def network(**changes):
    """Network that trains in no time."""
    parameters = {"n_members": 3, "n_layers": 1, "width": 3, "max_epochs": 2}
    return WeightedDNNClassifier(**{**parameters, "random_state": 0, **changes})


@pytest.mark.parametrize(
    "column",
    [
        FOLD,
        FOLD.astype(np.float32),
        FOLD.tolist(),
        tuple(FOLD.tolist()),
        pd.Series(FOLD, index=np.arange(N)[::-1]),
        pd.Series(FOLD, dtype="Int64"),
        pl.Series(FOLD),
        pa.chunked_array([FOLD[:50], FOLD[50:]]),
        PredefinedSplit(FOLD),
    ],
    ids=[
        "array",
        "floats",
        "list",
        "tuple",
        "pandas",
        "nullable",
        "polars",
        "pyarrow",
        "predefined",
    ],
)
def test_a_column_of_numbers_is_a_splitter(column):
    got = list(as_splitter(column).split(X))
    assert len(got) == 3
    for one, expected in zip(got, SPLITS, strict=True):
        assert one[0].tolist() == expected[0].tolist()
        assert one[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize(
    "cv",
    [
        None,
        5,
        "prefit",
        StratifiedKFold(3),
        SPLITS,
        np.array([*SPLITS, None], dtype=object)[:3],
        np.arange(24).reshape(3, 2, 4),
        [],
    ],
    ids=["none", "int", "str", "splitter", "splits", "objects", "array", "empty"],
)
def test_any_other_cv_stays_what_it_is(cv):
    assert as_splitter(cv) is cv


def test_a_generator_of_splits_is_not_used_up():
    splits = iter(SPLITS)
    assert as_splitter(splits) is splits
    assert len(list(splits)) == 3


@pytest.mark.parametrize(
    "column",
    [
        [0.0, 1.5],
        [0.0, np.nan],
        [0, -2],
        [True, False],
        np.array([False, True]),
        np.array(["1", "2"]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(["2016", "2017"]),
        pd.to_datetime(pd.Series(["2016-01-01", "2017-01-01"])),
    ],
)
def test_what_is_no_fold_number_is_refused(column):
    with pytest.raises(ValueError, match="`cv` must hold whole fold numbers"):
        as_splitter(column)


def test_an_event_of_number_minus_one_trains_all_models():
    folds = list(as_splitter([-1, 0, 1, 1]).split(X[:4]))
    assert [train.tolist() for train, _ in folds] == [[0, 2, 3], [0, 1]]
    assert [test.tolist() for _, test in folds] == [[1], [2, 3]]


def test_groups_are_for_others():
    numbers = FoldNumbers(FOLD)
    assert len(list(numbers.split(X, Y, groups=np.arange(N)))) == 3


def out_of_fold(cv):
    return network(cv=cv).fit(X, Y, W).oof_decision_function_


def cross_fitted(cv):
    model = CrossFitClassifier(REGRESSION, cv=cv).fit(X, Y, W)
    return model.oof_decision_function_


def cut(cv):
    model = SignificanceThresholdClassifier(
        REGRESSION, cv=cv, n_replicas=0, min_n_eff=1.0
    )
    return model.fit(X, Y, W).scan_.z


def pooled(cv):
    return cross_validate_pooled(REGRESSION, X, Y, W, cv=cv).oof_decision_function


def searched(cv):
    search = OptunaSearchCV(
        REGRESSION, {"C": [0.1, 1.0]}, n_trials=2, cv=cv, random_state=0
    )
    return search.fit(X, Y, sample_weight=W).cv_results_["mean_test_score"]


def eliminated(cv):
    selector = BackwardEliminationSelector(REGRESSION, cv=cv, random_state=0)
    return selector.fit(X, Y, sample_weight=W).elimination_path_["score"]


def compared(cv):
    importance = Bunch(
        feature_names=["x0", "x1", "x2"],
        columns=[["x0"], ["x1"], ["x2"]],
        importances_mean=np.array([2.0, 1.9, 0.0]),
    )
    result = compare_after_cut(
        REGRESSION, X, Y, W, importance=importance, cut=0.5, cv=cv, random_state=0
    )
    return [result.comparison.difference, result.comparison.error]


def boosted(cv):
    model = BoostedDNN(
        network(n_members=1),
        n_estimators=1,
        init=REGRESSION,
        cv=cv,
        validation_fraction=None,
        random_state=0,
    )
    return model.fit(X, Y, W).decision_function(X)


PLACES = [out_of_fold, cross_fitted, cut, pooled, searched, eliminated, compared]


@pytest.mark.parametrize("place", PLACES)
def test_a_column_means_the_splits_of_its_numbers(place):
    expected = place(SPLITS)
    np.testing.assert_array_equal(place(pd.Series(FOLD)), expected)
    np.testing.assert_array_equal(place(FOLD.tolist()), expected)


@pytest.mark.parametrize("place", [*PLACES, boosted])
def test_a_column_of_another_length_names_groups(place):
    for cv in (FOLD[:-1], np.append(FOLD, 0), PredefinedSplit(FOLD[:-1])):
        with pytest.raises(ValueError, match="`groups` with cv=EventNumberKFold"):
            place(cv)


def test_the_start_of_boosting_takes_a_column_beside_held_out_events():
    class Folds:
        """The same folds of the events that are not held out."""

        def split(self, X, y=None, groups=None):  # noqa: ARG002
            known = {row.tobytes(): fold for row, fold in zip(ROWS, FOLD, strict=True)}
            folds = np.array([known[row.tobytes()] for row in np.asarray(X)])
            return as_splitter(folds).split(X)

        def get_n_splits(self, X=None, y=None, groups=None):  # noqa: ARG002
            return 3

    ROWS = np.ascontiguousarray(X)
    weights = W.copy()
    weights[::7] = 0.0  # absent
    model = BoostedDNN(
        network(n_members=1), n_estimators=1, init=REGRESSION, random_state=0
    )
    got, expected = (
        model.set_params(cv=cv).fit(X, Y, weights).decision_function(X)
        for cv in (FOLD, Folds())
    )
    np.testing.assert_array_equal(got, expected)


def test_weightless_events_keep_their_numbers_in_place():
    weights = W.copy()
    weights[::5] = 0.0
    kept = weights > 0.0
    got = network(cv=FOLD).fit(X, Y, weights).oof_decision_function_
    expected = network(cv=FOLD[kept]).fit(X[kept], Y[kept], weights[kept])
    np.testing.assert_array_equal(got[kept], expected.oof_decision_function_)
    assert np.isnan(got[~kept]).all()


@pytest.mark.parametrize(
    "outer",
    [
        lambda: cross_val_score(network(cv=FOLD), X, Y, cv=2, error_score="raise"),
        lambda: GridSearchCV(
            network(cv=FOLD), {"width": [2]}, cv=2, error_score="raise"
        ).fit(X, Y),
        lambda: CrossFitClassifier(network(cv=FOLD), cv=3).fit(X, Y),
    ],
    ids=["cross-validation", "search", "cross-fit"],
)
def test_a_column_does_not_follow_events_into_parts_of_a_sample(outer):
    with pytest.raises(ValueError, match="`groups` with cv=EventNumberKFold"):
        outer()


def test_a_column_stays_with_clones():
    model = network(cv=pd.Series(FOLD))
    assert "cv" in repr(clone(model))
    np.testing.assert_array_equal(
        clone(model).fit(X, Y).oof_decision_function_,
        model.fit(X, Y).oof_decision_function_,
    )


def test_numbers_are_those_of_all_events_also_where_a_class_is_absent():
    y, weights = Y.astype(object), np.ones(len(Y))
    y[::7], weights[::7] = "absent", 0.0
    kept = weights > 0.0
    model = LogisticRegression()

    def scores(rows, cv):
        result = cross_validate_pooled(
            model, X[rows], y[rows], weights[rows], cv=cv, scoring="roc_auc"
        )
        return [score.value for score in result.scores.values()]

    assert scores(np.ones(len(Y), bool), FOLD) == scores(kept, FOLD[kept])
    with pytest.raises(ValueError, match="`groups` with cv=EventNumberKFold"):
        scores(np.ones(len(Y), bool), FOLD[kept])
