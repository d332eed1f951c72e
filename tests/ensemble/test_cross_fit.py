"""Cross-fitting: who scores which event, with which numbers, weights and groups."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.exceptions import MeanCombinationWarning
from skhep_dnn.model_selection import (
    EventNumberKFold,
    _fit_folds,
    cross_validate_pooled,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import SymmetryAugmenter

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)
TREE = DecisionTreeClassifier(max_depth=4, random_state=0)
MEAN = pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning")


class Keeper(ClassifierMixin, BaseEstimator):
    """Keep what `fit` gets; say the mean of the first column in training."""

    def fit(self, X, y, sample_weight=None, groups=None, extra=None):
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        self.groups_, self.extra_ = groups, extra
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return np.full(len(X), np.asarray(self.X_)[:, 0].mean())

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


def network(**options):
    small = {"n_layers": 1, "width": 8, "max_epochs": 3, "batch_size": 32}
    return WeightedDNNClassifier(**small | {"random_state": 0} | options)


@pytest.fixture
def sample():
    rng = np.random.default_rng(6)
    y = np.array(["b", "s"])[rng.permutation(np.arange(300) % 2)]
    X = pd.DataFrame(
        rng.normal(size=(300, 3)) + 0.9 * (y == "s")[:, None], columns=[*"abc"]
    )
    X["EventId"] = rng.permutation(10**6)[:300] + 2**55
    return X, y, np.where(y == "s", 0.1, 2.0) * rng.exponential(size=300)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        TREE,
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=5, max_bins=15),
        LinearSVC(),
        network(),
        network(n_members=2),
        make_weighted_pipeline(StandardScaler(), network()),
    ],
    ids=[
        "linear",
        "tree",
        "forest",
        "boosting",
        "svm",
        "network",
        "members",
        "pipeline",
    ],
)
def test_each_event_goes_to_the_one_model_its_number_selects(sample, estimator):
    X, y, w = sample
    model = CrossFitClassifier(estimator, cv=3, event_number="EventId")
    model.fit(X, y, sample_weight=w)
    folds = EventNumberKFold(3).fold_numbers(groups=X["EventId"])
    np.testing.assert_array_equal(model.fold_, folds)
    np.testing.assert_array_equal(
        model.decision_function(X), model.oof_decision_function_
    )
    # the model of a fold was fitted to the other folds, and sees no number
    inputs = X[[*"abc"]]
    for k, fitted in enumerate(model.estimators_):
        assert list(fitted.feature_names_in_) == [*"abc"]
        rows = folds == k
        if type(estimator) in (LogisticRegression, DecisionTreeClassifier):
            alone = clone(estimator).fit(
                inputs[~rows], y[~rows], sample_weight=w[~rows]
            )
            np.testing.assert_array_equal(alone.predict(inputs), fitted.predict(inputs))
        np.testing.assert_array_equal(
            model.predict(X)[rows], fitted.predict(inputs[rows])
        )
        if hasattr(estimator, "predict_proba"):
            np.testing.assert_array_equal(
                model.predict_proba(X)[rows], fitted.predict_proba(inputs[rows])
            )
    # a varied event, of data or not, goes where its number says
    varied = X.assign(a=1.1 * X["a"]).iloc[::-1]
    for row in (0, 7):
        one = varied.iloc[[row]]
        k = EventNumberKFold(3).fold_numbers(groups=one["EventId"])[0]
        expected = (
            model.estimators_[k].decision_function(one[[*"abc"]])
            if hasattr(model.estimators_[k], "decision_function")
            else logit(model.estimators_[k].predict_proba(one[[*"abc"]])[:, 1])
        )
        np.testing.assert_allclose(
            np.clip(model.decision_function(one), -700, 700),
            np.clip(expected, -700, 700),
            rtol=1e-6,
        )


def test_numbers_beside_the_events_are_those_of_the_column(sample):
    X, y, w = sample
    numbers, inputs = X["EventId"], X[[*"abc"]]
    of_column = CrossFitClassifier(TREE, event_number="EventId").fit(X, y, w)
    beside = CrossFitClassifier(TREE).fit(inputs, y, w, event_number=numbers)
    pairs = CrossFitClassifier(TREE, event_number=["run", "EventId"])
    pairs.fit(X.assign(run=0), y, w)
    for result in (
        beside.decision_function(inputs, event_number=numbers),
        beside.decision_function(inputs, numbers.to_numpy()),
        pairs.decision_function(X.assign(run=0)),
    ):
        np.testing.assert_array_equal(result, of_column.decision_function(X))
    for method in ("predict", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(beside, method)(inputs, event_number=numbers),
            getattr(of_column, method)(X),
        )
    assert beside.score(inputs, y, w, event_number=numbers) == of_column.score(X, y, w)
    other_run = pairs.decision_function(X.assign(run=1))
    assert (other_run != of_column.decision_function(X)).any()


def test_columns_of_an_array(sample):
    X, y, w = sample
    array = X.assign(EventId=X["EventId"] - 2**55).to_numpy()
    model = CrossFitClassifier(TREE, event_number=3).fit(array, y, w)
    assert model.n_features_in_ == 4
    assert {fitted.n_features_in_ for fitted in model.estimators_} == {3}
    np.testing.assert_array_equal(
        model.decision_function(array), model.oof_decision_function_
    )


def test_a_modulo_or_another_salt_is_kept(sample):
    X, y, w = sample
    for cv in (EventNumberKFold(4, rule="modulo"), EventNumberKFold(4, salt=9)):
        model = CrossFitClassifier(TREE, cv=cv, event_number="EventId").fit(X, y, w)
        np.testing.assert_array_equal(model.fold_, cv.fold_numbers(groups=X["EventId"]))
        np.testing.assert_array_equal(
            model.decision_function(X), model.oof_decision_function_
        )


def test_added_rows_and_their_order_change_no_fold(sample):
    X, y, w = sample
    model = CrossFitClassifier(LogisticRegression(), event_number="EventId").fit(
        X, y, w
    )
    order = np.random.default_rng(0).permutation(len(X))
    other = clone(model).fit(X.iloc[order], y[order], w[order])
    np.testing.assert_allclose(
        other.oof_decision_function_, model.oof_decision_function_[order], rtol=1e-4
    )


# Who gets new events


def toy(n_events, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n_events) % 2
    X = rng.normal(size=(n_events, 5))
    X[:, :3] += 0.8 * y[:, None]
    return X, y


def test_a_cut_holds_on_new_events_if_one_model_scores_each():
    """Background efficiencies of a cut at 1 % of the out-of-fold scores."""
    X, y = toy(12_000, 0)
    X_new, y_new = toy(60_000, 100)
    numbers, new_numbers = np.arange(12_000), 10**6 + np.arange(60_000)
    boosting = HistGradientBoostingClassifier(
        max_iter=30, learning_rate=0.3, max_bins=31, random_state=0
    )
    model = CrossFitClassifier(boosting).fit(X, y, event_number=numbers)
    with pytest.warns(MeanCombinationWarning):
        mean = clone(model).set_params(combine="mean").fit(X, y, event_number=numbers)
    np.testing.assert_array_equal(
        mean.oof_decision_function_, model.oof_decision_function_
    )
    cut = np.quantile(model.oof_decision_function_[y == 0], 0.99)
    out_of_fold = np.mean(model.oof_decision_function_[y == 0] >= cut)
    background = X_new[y_new == 0], new_numbers[y_new == 0]
    selected = np.mean(model.decision_function(*background) >= cut)
    by_mean = np.mean(mean.decision_function(background[0]) >= cut)
    assert out_of_fold == pytest.approx(0.01, rel=0.02)
    # 60 events are beyond the cut, which is known to 13 per cent
    assert selected == pytest.approx(0.01, rel=0.3)
    assert by_mean < 0.8 * selected


@MEAN
@pytest.mark.parametrize(
    ("estimator", "labels"),
    [(TREE, "bs"), (LogisticRegression(), "bs"), (network(), "bs"), (TREE, "bst")],
    ids=["tree", "regression", "network", "classes"],
)
def test_the_mean_is_that_of_probabilities(sample, estimator, labels):
    X, _, w = sample
    y = np.array([*labels])[np.arange(300) % len(labels)]
    model = CrossFitClassifier(estimator, cv=3).fit(X[[*"abc"]], y, w)
    each = [m.predict_proba(X[[*"abc"]]) for m in model.estimators_]
    found = model.predict_proba(X[[*"abc"]])
    np.testing.assert_allclose(found, np.mean(each, axis=0))
    z = model.decision_function(X[[*"abc"]])
    inner = (found > 1e-9).all(axis=1) & (found < 1 - 1e-9).all(axis=1)
    expected = found[:, 1] if len(labels) == 2 else found
    np.testing.assert_allclose(expit(z[inner]), expected[inner], rtol=1e-5)
    np.testing.assert_array_equal(
        model.predict(X[[*"abc"]]), np.array(sorted(labels))[found.argmax(axis=1)]
    )


@MEAN
def test_the_mean_of_models_without_probabilities(sample):
    X, y, w = sample
    model = CrossFitClassifier(RidgeClassifier(), cv=3).fit(X[[*"abc"]], y, w)
    each = [m.decision_function(X[[*"abc"]]) for m in model.estimators_]
    np.testing.assert_allclose(
        model.decision_function(X[[*"abc"]]), np.mean(each, axis=0)
    )
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize(
    ("options", "numbers", "remedy"),
    [
        ({}, False, "Pass `event_number`"),
        ({"combine": "mean"}, False, "Pass `event_number`"),
        (
            {"combine": "mean", "event_number": "EventId"},
            False,
            'Leave combine at "auto"',
        ),
        ({"combine": "mean"}, True, 'Leave combine at "auto"'),
    ],
)
def test_the_mean_warns_once_with_the_remedy(sample, options, numbers, remedy):
    X, y, w = sample
    given = {"event_number": X["EventId"]} if numbers else {}
    with pytest.warns(MeanCombinationWarning, match=remedy) as record:
        model = CrossFitClassifier(TREE, **options).fit(X, y, w, **given)
    assert len(record) == 1
    assert record[0].filename == __file__
    assert model.combine_ == "mean"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)
        CrossFitClassifier(TREE, event_number="EventId").fit(X, y, w)


@MEAN
def test_any_folds_without_numbers(sample):
    X, y, w = sample
    X = X[[*"abc"]]
    repeated = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    model = CrossFitClassifier(LogisticRegression(), cv=repeated).fit(X, y, w)
    assert len(model.estimators_) == 6
    assert model.fold_.max() == 2
    pooled = cross_validate_pooled(
        LogisticRegression(), X, y, w, cv=repeated, n_replicas=0
    )
    np.testing.assert_allclose(
        model.oof_decision_function_, pooled.oof_decision_function
    )
    once = ShuffleSplit(1, test_size=0.3, random_state=0)
    model = CrossFitClassifier(TREE, cv=once).fit(X, y, w)
    assert np.isnan(model.oof_decision_function_).sum() == 210
    assert (model.fold_ == -1).sum() == 210
    assert model.fold_report_["n_events"].sum() == 90


@MEAN
def test_groups_without_numbers_stay_together(sample):
    X, y, w = sample
    groups = np.arange(300) // 3
    for cv in (None, 4):
        model = CrossFitClassifier(Keeper(), cv=cv).fit(
            X[[*"abc"]], y, w, groups=groups
        )
        folds = model.fold_.reshape(-1, 3)
        assert (folds == folds[:, :1]).all()
        assert len(model.estimators_) == (4 if cv else 5)
        for k, fitted in enumerate(model.estimators_):
            np.testing.assert_array_equal(fitted.groups_, groups[model.fold_ != k])


# Weights, groups and other arguments


def test_weights_and_other_arguments_are_split_with_the_events(sample):
    X, y, w = sample
    w = w.copy()
    w[::7] *= -0.2
    model = CrossFitClassifier(Keeper(), cv=3, event_number="EventId")
    model.fit(X, y, sample_weight=w, extra=np.arange(300))
    for k, fitted in enumerate(model.estimators_):
        rows = model.fold_ != k
        np.testing.assert_array_equal(fitted.sample_weight_, w[rows])
        np.testing.assert_array_equal(fitted.extra_, np.arange(300)[rows])
        np.testing.assert_array_equal(fitted.groups_, X["EventId"][rows])
        np.testing.assert_array_equal(fitted.y_, y[rows])
    report = model.fold_report_
    assert report.loc[report["class"] == "b", "yield"].sum() == pytest.approx(
        w[y == "b"].sum()
    )
    without = clone(model).fit(X, y)
    assert without.estimators_[0].sample_weight_ is None


def test_run_and_event_numbers_are_one_group_each(sample):
    X, y, w = sample
    X = X.assign(run=np.arange(300) % 2, EventId=np.arange(300) // 4)
    model = CrossFitClassifier(Keeper(), cv=3, event_number=["run", "EventId"]).fit(
        X, y, w
    )
    fitted = model.estimators_[0]
    rows = model.fold_ != 0
    pairs = X.loc[rows, ["run", "EventId"]].to_numpy()
    same = (pairs[:, None] == pairs[None]).all(axis=2)
    np.testing.assert_array_equal(fitted.groups_[:, None] == fitted.groups_[None], same)


def test_with_metadata_routing(sample):
    X, y, w = sample
    with sklearn.config_context(enable_metadata_routing=True):
        keeper = Keeper().set_fit_request(sample_weight=True, extra=True)
        model = CrossFitClassifier(keeper, cv=3, event_number="EventId")
        model.fit(X, y, sample_weight=w, extra=np.arange(300))
        rows = model.fold_ != 0
        np.testing.assert_array_equal(model.estimators_[0].sample_weight_, w[rows])
        np.testing.assert_array_equal(model.estimators_[0].extra_, np.arange(300)[rows])
        beside = CrossFitClassifier(
            LogisticRegression().set_fit_request(sample_weight=True)
        )
        result = cross_validate(
            beside,
            X[[*"abc"]],
            y,
            cv=3,
            params={"sample_weight": w, "event_number": X["EventId"]},
            return_estimator=True,
        )
        assert result["estimator"][0].combine_ == "fold"
        assert np.isfinite(result["test_score"]).all()
        with pytest.raises(ValueError, match="not explicitly set as requested"):
            CrossFitClassifier(LogisticRegression(), event_number="EventId").fit(
                X, y, w
            )


def test_weights_that_would_be_left_out_are_refused(sample):
    X, y, w = sample
    from sklearn.neighbors import KNeighborsClassifier  # noqa: PLC0415

    with pytest.raises(TypeError, match="must accept `sample_weight`"):
        CrossFitClassifier(KNeighborsClassifier(), event_number="EventId").fit(X, y, w)


# Networks


@pytest.mark.parametrize("piped", [False, True])
def test_folds_of_networks_train_as_one_batch(sample, monkeypatch, piped):
    X, y, w = sample
    numbers = []
    fit_models_together = _fit_folds.fit_models_together

    def counting(estimator, events, splits, n_jobs):
        numbers.append(len(splits))
        return fit_models_together(estimator, events, splits, n_jobs)

    monkeypatch.setattr(_fit_folds, "fit_models_together", counting)
    estimator = network(n_members=2, validation_fraction=0.2)
    if piped:
        estimator = make_weighted_pipeline(StandardScaler(), estimator)
    # folds of equal sizes, whose batches are the same in both ways
    X = X.assign(EventId=np.arange(300))
    model = CrossFitClassifier(
        estimator, cv=EventNumberKFold(3, rule="modulo"), event_number="EventId"
    )
    together = model.fit(X, y, w)
    assert numbers == [3]
    alone = clone(model).set_params(as_members=False).fit(X, y, w)
    assert numbers == [3]
    np.testing.assert_allclose(
        together.oof_decision_function_, alone.oof_decision_function_, atol=1e-3
    )
    for one, other in zip(together.estimators_, alone.estimators_, strict=True):
        assert final_step(one).n_members == 2
        report = final_step(one).weight_report_
        assert report.equals(final_step(other).weight_report_)


def test_a_validation_sample_of_a_network_follows_the_number(sample):
    """Copies of an event have its number: they validate together or not at all."""
    X, y, w = sample
    copies = pd.concat([X.assign(a=X["a"] * f) for f in (1.0, 1.1, 0.9)])
    copied = {"X": copies, "y": np.tile(y, 3), "sample_weight": np.tile(w, 3) / 3}
    model = CrossFitClassifier(
        network(validation_fraction=0.3, max_epochs=1), cv=2, event_number="EventId"
    ).fit(**copied)
    for k, fitted in enumerate(model.estimators_):
        report = fitted.weight_report_
        held = report[report["sample"] == "validation"]["n_events"].sum()
        assert held % 3 == 0
        n_own = (model.fold_ != k).sum()
        assert held == pytest.approx(0.3 * n_own, abs=3)


def test_an_estimator_that_cannot_follow_repeated_numbers_is_refused(sample):
    X, y, w = sample
    stops = HistGradientBoostingClassifier(early_stopping=True, max_iter=3, max_bins=15)
    model = CrossFitClassifier(stops, cv=2, event_number="EventId")
    model.fit(X, y, w)  # each number once
    doubled = pd.concat([X, X]), np.tile(y, 2), np.tile(w, 2)
    with pytest.raises(
        ValueError, match=r"must not split its rows.*early_stopping=True"
    ):
        model.fit(*doubled)
    search = GridSearchCV(TREE, {"max_depth": [1, 2]}, cv=2)
    with pytest.raises(ValueError, match=r"must not split its rows.*cv=2"):
        CrossFitClassifier(search, cv=2, event_number="EventId").fit(*doubled)
    unknowing = network(cv=StratifiedKFold(2), n_members=2)
    with pytest.raises(
        ValueError, match=r"must not split its rows.*cv=StratifiedKFold"
    ):
        CrossFitClassifier(unknowing, cv=2, event_number="EventId").fit(*doubled)
    model.set_params(estimator__early_stopping=False).fit(*doubled)


def test_around_and_inside_of_other_estimators(sample):
    X, y, w = sample
    augmenter = SymmetryAugmenter(rotation=False, reflections="z", odd_under={"c": "z"})
    averaged = SymmetryAveragedClassifier(TREE, augmenter=augmenter, n_copies=2)
    model = CrossFitClassifier(averaged, cv=2, event_number="EventId").fit(X, y, w)
    assert (model.decision_function(X) == model.oof_decision_function_).all()
    search = GridSearchCV(
        CrossFitClassifier(TREE, cv=2, event_number="EventId"),
        {"estimator__max_depth": [1, 3], "cv": [2, 3]},
        cv=EventNumberKFold(2, column="EventId", salt=1),
    ).fit(X, y, sample_weight=w)
    assert search.best_estimator_.decision_function(X).shape == (300,)
    pooled = cross_validate_pooled(
        CrossFitClassifier(TREE, cv=2, event_number="EventId"), X, y, w, cv=2
    )
    assert np.isfinite(pooled.oof_decision_function).all()
    tuned = CrossFitClassifier(
        TunedThresholdClassifierCV(TREE, cv=2), cv=2, event_number="EventId"
    ).fit(X, y)
    rows = tuned.fold_ == 1
    np.testing.assert_array_equal(
        tuned.predict(X)[rows], tuned.estimators_[1].predict(X.loc[rows, [*"abc"]])
    )


# What is refused


@pytest.mark.parametrize(
    ("options", "given", "text"),
    [
        ({"combine": "fold"}, {}, '`event_number` must be given with combine="fold"'),
        ({"cv": EventNumberKFold(3)}, {}, "must be given with an EventNumberKFold"),
        (
            {"cv": StratifiedKFold(3), "event_number": "EventId"},
            {},
            "`cv` must be a number of folds or an EventNumberKFold",
        ),
        (
            {"cv": EventNumberKFold(3, column="EventId"), "event_number": "EventId"},
            {},
            "`cv` must be a number of folds or an EventNumberKFold",
        ),
        ({"event_number": "EventId"}, {"event_number": np.arange(300)}, "given once"),
        (
            {"event_number": "EventId"},
            {"groups": np.arange(300)},
            "`groups` must be None",
        ),
        ({"event_number": "number"}, {}, "`event_number` must be columns of `X`"),
        ({"event_number": "a"}, {}, r"`X\['a'\]` must be whole numbers"),
        ({"event_number": [*"abc"]}, {}, "one column, of event numbers, or two"),
        ({}, {"event_number": np.arange(299)}, "inconsistent numbers of samples"),
    ],
)
def test_contradictions_are_refused(sample, options, given, text):
    X, y, w = sample
    with pytest.raises(ValueError, match=text):
        CrossFitClassifier(TREE, **options).fit(X, y, w, **given)


@MEAN
def test_numbers_in_predictions_are_as_in_the_fit(sample):
    X, y, w = sample
    inputs, numbers = X[[*"abc"]], X["EventId"]
    with pytest.raises(ValueError, match="must be passed to predictions as to `fit`"):
        CrossFitClassifier(TREE).fit(inputs, y, w, event_number=numbers).predict(inputs)
    with pytest.raises(ValueError, match="`event_number` must be passed to `fit`, too"):
        CrossFitClassifier(TREE).fit(inputs, y, w).predict(inputs, numbers)
    by_column = CrossFitClassifier(TREE, event_number="EventId").fit(X, y, w)
    with pytest.raises(ValueError, match="feature names"):
        by_column.predict(inputs)
    with pytest.raises(ValueError, match="given once"):
        by_column.predict(X, numbers)
    with pytest.raises(NotFittedError):
        CrossFitClassifier(TREE, event_number="EventId").predict(X)
    with pytest.raises(ValueError, match="columns beside those of `event_number`"):
        CrossFitClassifier(TREE, event_number="EventId").fit(X[["EventId"]], y)


def test_a_fold_without_a_class_is_refused(sample):
    X, y, w = sample
    y = y.copy()
    only = EventNumberKFold(3).fold_numbers(groups=X["EventId"]) == 1
    y[only], y[~only] = np.where(np.arange(only.sum()) % 2, "s", "t"), "b"
    y[np.flatnonzero(~only)[::2]] = "s"
    with pytest.raises(ValueError, match="must know the same classes"):
        CrossFitClassifier(TREE, cv=3, event_number="EventId").fit(X, y, w)


def test_clone_pickle_and_html(sample):
    X, y, w = sample
    model = CrossFitClassifier(TREE, cv=3, event_number="EventId").fit(X, y, w)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
    assert clone(model).get_params()["event_number"] == "EventId"
    assert "DecisionTreeClassifier" in estimator_html_repr(model)
    again = clone(model).fit(X, y, w)
    np.testing.assert_array_equal(
        again.oof_decision_function_, model.oof_decision_function_
    )
    assert model.classes_.tolist() == ["b", "s"]
    assert model.feature_names_in_.tolist() == [*"abc", "EventId"]


def test_progress_is_shown_on_request(sample, capsys):
    X, y, w = sample
    CrossFitClassifier(TREE, event_number="EventId", verbose=1).fit(X, y, w)
    assert "Folds" in capsys.readouterr().err
    CrossFitClassifier(TREE, event_number="EventId").fit(X, y, w)
    assert capsys.readouterr().err == ""


def test_the_fold_of_an_event_and_what_its_model_sees():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "event": np.arange(60) + 1000})
    y = np.arange(60) % 2
    model = CrossFitClassifier(LogisticRegression(), cv=3, event_number="event")
    model.fit(X, y)
    np.testing.assert_array_equal(model.fold_numbers(X), model.fold_)
    inputs = model.inputs(X)
    assert list(inputs) == ["x"]
    scores = model.decision_function(X)
    for k, fitted in enumerate(model.estimators_):
        rows = model.fold_numbers(X) == k
        np.testing.assert_array_equal(
            fitted.decision_function(inputs[rows]), scores[rows]
        )
    with pytest.warns(MeanCombinationWarning):
        mean = CrossFitClassifier(LogisticRegression(), cv=3).fit(X[["x"]], y)
    with pytest.raises(ValueError, match="`event_number` must select the model"):
        mean.fold_numbers(X[["x"]])
    assert mean.inputs(X[["x"]]).shape == (60, 1)
    with pytest.raises(NotFittedError):
        clone(model).inputs(X)
