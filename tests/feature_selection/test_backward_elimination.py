"""The selector as users call it: weights, routing, groups, any scorer, names."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, RepeatedStratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import BackwardEliminationSelector
from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.model_selection import cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline

RNG = np.random.default_rng(1)  # no useless column happens to help
N = 600
Y = np.where(RNG.random(N) < 0.4, "s", "b")
X = pd.DataFrame(RNG.normal(size=(N, 5)), columns=["mass", "pt", "eta", "phi", "z"])
X[["mass", "pt"]] += np.outer(Y == "s", [1.2, 0.8])
W = RNG.exponential(size=N)
W[Y == "s"] *= W[Y == "b"].sum() / W[Y == "s"].sum()  # a balanced problem
USEFUL = ["mass", "pt"]


def selector(estimator=None, **options):
    estimator = LogisticRegression() if estimator is None else estimator
    return BackwardEliminationSelector(estimator, **{"cv": 3, **options})


def first_coefficient(model, X, y, sample_weight=None):
    return model.coef_[0, 0]


def names_of(fitted):
    return fitted.get_feature_names_out().tolist()


@pytest.fixture(scope="module")
def fitted():
    return selector().fit(X, Y, sample_weight=W)


def test_what_is_not_missed_is_dropped(fitted):
    assert names_of(fitted) == USEFUL
    assert fitted.n_features_ == 2
    assert fitted.n_splits_ == 3
    assert fitted.ranking_[:2].tolist() == [1, 1]
    assert sorted(fitted.ranking_[2:]) == [2, 3, 4]
    dropped = fitted.iterations_["dropped"].tolist()[1:]
    assert fitted.ranking_[X.columns.get_loc(dropped[0])] == 4
    assert fitted.iterations_["selected"].tolist().index(True) == 3
    assert not fitted.iterations_["accepted"].iloc[-1]


def test_the_path_has_every_score(fitted):
    path = fitted.elimination_path_
    assert path.groupby("iteration").size().tolist() == [1, 5, 4, 3, 2]
    assert path["n_features"].tolist() == [5, *[4] * 5, *[3] * 4, *[2] * 3, *[1] * 2]
    assert path.groupby("iteration")["dropped"].sum().tolist() == [0, 1, 1, 1, 1]
    assert (path["time"] > 0.0).all()
    assert path["p_value"][1:].between(0.0, 1.0).all()
    # the winner is the best one of its iteration
    for _, part in path[path["iteration"] > 0].groupby("iteration"):
        assert part["difference"].idxmax() == part["dropped"].idxmax()
    mass = path[path["candidate"] == "mass"]
    assert (mass["difference"] < -5.0 * mass["error"]).all()
    assert (mass["p_value"] == 1.0).all()


def test_scores_are_those_of_the_pooled_cross_validation(fitted):
    path = fitted.elimination_path_
    for iteration, without in ((0, []), (1, ["eta"]), (1, ["mass"])):
        expected = cross_validate_pooled(
            LogisticRegression(), X.drop(columns=without), Y, W, cv=3, n_replicas=0
        )
        row = path[path["iteration"] == iteration]
        if without:
            row = row[row["candidate"] == without[0]]
        assert row["score"].item() == pytest.approx(expected.score.value, abs=1e-12)


@pytest.mark.parametrize(
    "scoring",
    [
        "roc_auc",
        weighted_scorer("balanced_log_loss"),
        make_significance_scorer("asimov"),
    ],
    ids=["auc", "log_loss", "asimov"],
)
def test_any_pooled_score_with_the_error_of_its_replicas(scoring):
    found = selector(scoring=scoring, n_replicas=50).fit(X, Y, sample_weight=W)
    assert set(USEFUL) <= set(names_of(found))
    first = cross_validate_pooled(
        LogisticRegression(), X, Y, W, cv=3, scoring=scoring, n_replicas=50
    )
    other = cross_validate_pooled(
        LogisticRegression(),
        X.drop(columns="z"),
        Y,
        W,
        cv=3,
        scoring=scoring,
        n_replicas=50,
    )
    path = found.elimination_path_
    row = path[(path["iteration"] == 1) & (path["candidate"] == "z")]
    difference = other.score.value - first.score.value
    assert row["difference"].item() == pytest.approx(difference, abs=1e-12)
    error = (other.score.replicas - first.score.replicas).std(ddof=1)
    assert row["error"].item() == pytest.approx(error, rel=1e-9)


def test_log_loss_by_name_is_the_default(fitted):
    named = selector(scoring="balanced_log_loss").fit(X, Y, sample_weight=W)
    columns = ["score", "difference", "error", "p_value"]
    pd.testing.assert_frame_equal(
        named.elimination_path_[columns], fitted.elimination_path_[columns]
    )


def test_weights_two_are_events_twice_and_zero_are_none(fitted):
    unbiased = LogisticRegression(tol=1e-10, C=np.inf)
    w = np.where(np.arange(N) % 3 == 0, 2.0, 1.0) * (np.arange(N) % 5 > 0)
    rows = np.repeat(np.arange(N), w.astype(int))
    folds = np.arange(N) % 3
    splits = [
        (np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)
    ]
    copied = [
        (np.flatnonzero(folds[rows] != k), np.flatnonzero(folds[rows] == k))
        for k in range(3)
    ]
    one = selector(unbiased, cv=splits).fit(X, Y, sample_weight=w)
    two = selector(unbiased, cv=copied).fit(X.iloc[rows], Y[rows])
    columns = ["score", "difference"]
    np.testing.assert_allclose(
        one.elimination_path_[columns], two.elimination_path_[columns], atol=1e-6
    )
    np.testing.assert_array_equal(one.get_support(), two.get_support())


def test_the_scale_of_the_weights_does_not_matter(fitted):
    model = LogisticRegression(C=np.inf, tol=1e-8)
    found = [selector(model).fit(X, Y, sample_weight=f * W) for f in (1.0, 64.0)]
    one, other = [s.elimination_path_[["difference", "error"]] for s in found]
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_negative_event_removes_an_equal_one():
    model = LogisticRegression(tol=1e-10)
    doubled = np.concatenate([np.arange(N), np.arange(50), np.arange(50)])
    w = np.concatenate([W, W[:50], -W[:50]])
    folds = doubled % 3
    splits = [
        (np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)
    ]
    plain = [(train[train < N], test[test < N]) for train, test in splits]
    one = selector(model, cv=plain).fit(X, Y, sample_weight=W)
    two = selector(model, cv=splits).fit(X.iloc[doubled], Y[doubled], sample_weight=w)
    columns = ["score", "difference"]
    np.testing.assert_allclose(
        one.elimination_path_[columns], two.elimination_path_[columns], atol=1e-6
    )
    # what is added to fluctuates and what is taken away does, too
    errors = [found.elimination_path_["error"][1:] for found in (one, two)]
    assert (errors[1] > errors[0]).all()


def test_arrays_and_tables_are_the_same(fitted):
    array = selector().fit(X.to_numpy(), Y, sample_weight=W)
    np.testing.assert_array_equal(array.get_support(), fitted.get_support())
    assert names_of(array) == ["x0", "x1"]
    np.testing.assert_allclose(
        array.elimination_path_["score"],
        fitted.elimination_path_["score"],
        atol=1e-7,
    )
    assert fitted.transform(X).shape == (N, 2)
    fitted = clone(fitted).set_output(transform="pandas").fit(X, Y, sample_weight=W)
    pd.testing.assert_frame_equal(fitted.transform(X), X[USEFUL])


def test_clone_pickle_and_a_second_fit(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(again.iterations_, fitted.iterations_)
    second = clone(fitted).fit(X[["mass", "z"]], Y)
    second.fit(X, Y, sample_weight=W)
    pd.testing.assert_frame_equal(
        second.iterations_.drop(columns="time"),
        fitted.iterations_.drop(columns="time"),
    )
    assert "BackwardEliminationSelector" in fitted._repr_html_()
    with pytest.raises(NotFittedError):
        selector().get_support()


def test_nothing_that_is_passed_is_changed():
    table, w, groups = X.copy(), W.copy(), {"both": ["eta", "phi"]}
    selector(groups=groups).fit(table, Y, sample_weight=w)
    pd.testing.assert_frame_equal(table, X)
    np.testing.assert_array_equal(w, W)
    assert groups == {"both": ["eta", "phi"]}


def test_groups_and_columns_that_stay():
    groups = {"angles": ["eta", "phi"]}
    found = selector(groups=groups, always_keep=["z"]).fit(X, Y, sample_weight=W)
    assert names_of(found) == ["mass", "pt", "z"]
    assert found.iterations_["dropped"][1] == "angles"
    assert found.ranking_.tolist() == [1, 1, 2, 2, 1]
    assert found.groups_ == {"mass": [0], "pt": [1], "angles": [2, 3], "z": [4]}
    assert "z" not in found.elimination_path_["candidate"].tolist()
    found = selector(groups=groups, always_keep=["phi", 4], n_features_to_select=1)
    assert names_of(found.fit(X, Y)) == ["eta", "phi", "z"]


@pytest.mark.parametrize(("wanted", "number"), [(1, 1), (3, 3), (5, 5), (0.5, 2)])
def test_a_number_or_share_of_columns(wanted, number):
    found = selector(n_features_to_select=wanted).fit(X, Y, sample_weight=W)
    assert found.get_support().sum() == number
    assert len(found.iterations_) == 6 - number


def test_all_are_kept_if_all_are_useful():
    assert names_of(selector().fit(X[USEFUL], Y, sample_weight=W)) == USEFUL


def test_strategies_agree_and_cost_less(fitted):
    for strategy, n_trained in (("hybrid", 2), ("shuffle", 1)):
        found = selector(strategy=strategy, n_candidates=2, random_state=0)
        found.fit(X, Y, sample_weight=W)
        assert names_of(found) == USEFUL
        path = found.elimination_path_
        per_iteration = path[path["method"] == "retrain"].groupby("iteration").size()
        assert per_iteration.iloc[1:4].tolist() == [n_trained] * 3
        assert len(path) == len(fitted.elimination_path_)
        again = clone(found).fit(X, Y, sample_weight=W)
        drop = {"columns": "time"}
        pd.testing.assert_frame_equal(
            path.drop(**drop), again.elimination_path_.drop(**drop)
        )


def test_pipelines_get_weights_in_all_steps():
    pipeline = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    assert names_of(selector(pipeline).fit(X, Y, sample_weight=W)) == USEFUL
    plain = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    with pytest.raises(TypeError, match="must pass weights to all steps"):
        selector(plain).fit(X, Y, sample_weight=W)


def test_as_a_step_of_a_pipeline_and_of_a_search():
    pipeline = make_weighted_pipeline(selector(), LogisticRegression())
    pipeline.fit(X, Y, sample_weight=W)
    assert pipeline[-1].coef_.shape == (1, 2)
    direct = LogisticRegression().fit(X[USEFUL].to_numpy(), Y, W)
    np.testing.assert_allclose(pipeline[-1].coef_, direct.coef_, rtol=1e-5)
    search = GridSearchCV(
        pipeline, {"backwardeliminationselector__threshold": [0.0, 1.0]}, cv=2
    )
    search.fit(X, Y, sample_weight=W)
    assert search.predict(X).shape == (N,)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError):
            selector().fit(X, Y, sample_weight=W)
        model = LogisticRegression().set_fit_request(sample_weight=True)
        found = selector(model).fit(X, Y, sample_weight=W)
        assert names_of(found) == USEFUL
        pipeline = make_weighted_pipeline(selector(model), model)
        pipeline.fit(X, Y, sample_weight=W)
        assert pipeline[-1].coef_.shape == (1, 2)
    without = selector().fit(X, Y, sample_weight=W)
    np.testing.assert_allclose(
        found.elimination_path_["score"], without.elimination_path_["score"]
    )


def test_groups_of_events_stay_together():
    groups = np.arange(N) // 2
    found = selector(cv=GroupKFold(3)).fit(X, Y, sample_weight=W, groups=groups)
    assert names_of(found) == USEFUL
    with pytest.raises(ValueError, match="groups"):
        selector(cv=GroupKFold(3)).fit(X, Y, sample_weight=W)


def test_further_arguments_of_fit_are_split_with_the_events():
    class Watching(LogisticRegression):
        def fit(self, X, y, sample_weight=None, year=None):
            assert len(year) == len(X)
            return super().fit(X, y, sample_weight)

    found = selector(Watching()).fit(X, Y, sample_weight=W, year=np.arange(N))
    assert names_of(found) == USEFUL


def test_repeated_folds_and_regression():
    folds = RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0)
    assert names_of(selector(cv=folds).fit(X, Y, sample_weight=W)) == USEFUL
    target = X["mass"] - 2.0 * X["pt"] + 0.1 * np.random.default_rng(0).normal(size=N)
    found = selector(Ridge(), n_replicas=20).fit(X, target)
    assert set(USEFUL) <= set(names_of(found))
    path = found.elimination_path_
    assert (path["error"][1:] > 0.0).all()


def test_several_classes():
    labels = np.where(X["mass"] > 1.0, "c", Y)
    found = selector().fit(X, labels, sample_weight=W)
    assert set(USEFUL) <= set(names_of(found))


def test_seeds_of_the_training_are_in_the_errors():
    class Noisy(LogisticRegression):
        def predict_proba(self, X):
            rng = np.random.default_rng(self.random_state)
            return super().predict_proba(X) ** np.exp(0.3 * rng.normal())

    quiet = selector(LogisticRegression(random_state=1)).fit(X, Y, sample_weight=W)
    noisy = selector(Noisy(random_state=1)).fit(X, Y, sample_weight=W)
    first = [s.elimination_path_.iloc[1]["error"] for s in (quiet, noisy)]
    assert first[1] > 1.5 * first[0]
    n_seeds = [s.elimination_path_["n_seeds"].iloc[0] for s in (quiet, noisy)]
    assert n_seeds == [1, 3]


def test_an_estimator_without_a_seed_is_trained_once(tmp_path):
    for strategy in ("retrain", "hybrid"):
        found = selector(GaussianNB(), strategy=strategy, directory=tmp_path)
        assert set(USEFUL) <= set(names_of(found.fit(X, Y, sample_weight=W)))
    assert len(list(tmp_path.glob("iteration_000_*"))) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scoring": ["roc_auc", "accuracy"]}, ValueError, "'scoring' parameter"),
        ({"n_features_to_select": 6}, ValueError, "must be at most the 5 columns"),
        ({"groups": {"a": ["nope"]}}, ValueError, "must be columns of `X`"),
        ({"always_keep": ["nope"]}, ValueError, "`always_keep` must be columns"),
        ({"as_members": True}, TypeError, "must not be True for an estimator that"),
        ({"n_seeds": 2}, ValueError, "'n_seeds' parameter"),
        ({"scoring": first_coefficient}, TypeError, "must work on predict"),
    ],
)
def test_messages(options, error, message):
    with pytest.raises(error, match=message):
        selector(**options).fit(X, Y)


def test_labels_are_required():
    with pytest.raises(ValueError, match="requires y to be passed"):
        selector().fit(X)


def test_columns_by_position_are_refused_where_some_are_left_out():
    model = HistGradientBoostingClassifier(categorical_features=[0])
    with pytest.raises(ValueError, match="must name its columns where some are cut"):
        selector(model).fit(X, Y)


def test_folds_without_a_class_are_named():
    labels = np.where(np.arange(N) < 20, "t", Y)
    splits = [(np.arange(300, N), np.arange(0, 300)), (np.arange(300), np.arange(9))]
    with pytest.raises(ValueError, match="know"):
        selector(cv=splits).fit(X, labels)


def test_progress(capsys):
    selector(n_features_to_select=4, verbose=1).fit(X, Y)
    assert "Trainings: 8it" in capsys.readouterr().err
