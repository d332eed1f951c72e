"""The search: its table, its choice, weights, and what it shares with GridSearchCV."""

import json
import pickle
from contextlib import nullcontext

import numpy as np
import optuna
import pandas as pd
import pytest
import sklearn
import torch
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import IgnoredConstraintWarning
from skhep_dnn.metrics import (
    balanced_log_loss,
    make_significance_scorer,
    weighted_roc_auc,
    weighted_scorer,
)
from skhep_dnn.model_selection import (
    Limit,
    OptunaSearchCV,
    OvertrainingLimit,
    SearchSpace,
    cross_validate_pooled,
    network_size,
)
from skhep_dnn.pipeline import make_weighted_pipeline

C = {"C": [0.001, 0.1, 10.0]}


@pytest.fixture(scope="module")
def events():
    X, y = make_classification(300, 5, flip_y=0.2, random_state=3)
    w = np.random.default_rng(0).exponential(size=300)
    return pd.DataFrame(X, columns=list("abcde")), np.where(y == 1, "s", "b"), w


def search_for(space=C, estimator=None, **options):
    options = {"n_trials": 3, "cv": 3, "random_state": 0, "sampler": "grid"} | options
    return OptunaSearchCV(estimator or LogisticRegression(), space, **options)


def test_scores_of_folds_are_those_of_grid_search(events):
    X, y, w = events
    scorer = weighted_scorer("roc_auc")
    ours = search_for(scoring=scorer, return_train_score=True)
    ours.fit(X, y, sample_weight=w)
    grid = GridSearchCV(
        LogisticRegression(), C, scoring=scorer, cv=3, return_train_score=True
    ).fit(X, y, sample_weight=w)
    assert list(ours.cv_results_["params"]) == grid.cv_results_["params"]
    assert grid.cv_results_.keys() <= ours.cv_results_.keys()
    for key in grid.cv_results_:
        if key.endswith(("test_score", "train_score")) and "rank" not in key:
            np.testing.assert_allclose(
                ours.cv_results_[key], grid.cv_results_[key], rtol=1e-12
            )


def test_ranks_are_those_of_the_pooled_scores(events):
    X, y, w = events
    search = search_for().fit(X, y, sample_weight=w)
    pooled = search.cv_results_["pooled_test_score"]
    assert search.best_index_ == np.argmax(pooled)
    assert search.best_score_ == pooled.max()
    assert search.cv_results_["rank_test_score"][search.best_index_] == 1
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    logits = search.best_oof_decision_function_
    loss = balanced_log_loss(y, 1.0 / (1.0 + np.exp(-logits)), w)
    assert search.best_score_ == pytest.approx(-loss, rel=1e-9)
    assert (search.cv_results_["pooled_test_error_score"] > 0).all()


def test_how_trials_are_ranked_is_said_once_and_shown(events, caplog):
    X, y, _ = events

    def smallest_coefficient(model, X, y):
        return -float(np.abs(model.coef_).sum())

    scoring = {"auc": "roc_auc", "size": smallest_coefficient}
    search = search_for(scoring=scoring, refit="auc")
    with caplog.at_level("INFO", logger="skhep_dnn"):
        search.fit(X, y)
    said = [text for text in caplog.messages if "ranks trials" in text]
    assert said == [
        "'auc' ranks trials by its value on the out-of-fold predictions of all events.",
        "'size' ranks trials by its mean over the folds.",
    ]
    assert "pooled_test_auc" in search.cv_results_
    assert "pooled_test_size" not in search.cv_results_
    ranks = search.cv_results_["rank_test_size"]
    assert ranks[np.argmax(search.cv_results_["mean_test_size"])] == 1
    with pytest.raises(TypeError, match="must work on predictions"):
        search.set_params(pooled=True, error_score="raise").fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_file_of_a_trial_has_the_histories_of_its_networks(
    events, tmp_path, n_jobs
):
    X, y, w = events
    network = WeightedDNNClassifier(n_layers=1, width=4, max_epochs=3, random_state=0)
    space = {"dropout": [0.0, 0.3]}
    options = {"n_trials": 2, "directory": tmp_path, "n_jobs": n_jobs}
    search_for(space, network, **options).fit(X, y, sample_weight=w)
    files = sorted(tmp_path.glob("trial_*.json"))
    trials = [json.loads(file.read_text()) for file in files]
    assert [len(trial["history"]) for trial in trials] == [3, 3]
    first = trials[0]["history"][0]
    assert first["epoch"] == [1.0, 2.0, 3.0]
    train, _ = next(StratifiedKFold(3).split(X, y))
    alone = clone(network).set_params(dropout=trials[0]["optuna"]["params"]["dropout"])
    alone.fit(X.iloc[train], y[train], w[train])
    expected = alone.history_["train_loss"].tolist()
    assert first["train_loss"] == pytest.approx(expected, rel=1e-4)
    again = search_for(space, network, **options).fit(X, y, sample_weight=w)
    assert len(again.records_) == 2


def test_what_stands_beside_the_score_of_two_classes(events):
    X, y, w = events
    search = search_for().fit(X, y, sample_weight=w)
    auc = weighted_roc_auc(y, search.best_oof_decision_function_, w)
    row = search.best_index_
    assert search.cv_results_["pooled_test_roc_auc"][row] == pytest.approx(auc)
    assert np.isfinite(search.cv_results_["pooled_test_asimov"]).all()
    assert np.isfinite(search.cv_results_["pooled_test_ams_at_cut"]).all()


def test_several_scores_and_refit_by_one(events):
    X, y, w = events
    search = search_for(scoring=["balanced_log_loss", "roc_auc"], refit="roc_auc")
    search.fit(X, y, sample_weight=w)
    assert search.multimetric_
    assert search.best_index_ == np.argmax(search.cv_results_["pooled_test_roc_auc"])
    assert "rank_test_balanced_log_loss" in search.cv_results_
    assert isinstance(search.scorer_, dict)


def test_refit_false_and_callable(events):
    X, y, w = events
    search = search_for(refit=False).fit(X, y, sample_weight=w)
    assert search.best_params_ in search.cv_results_["params"]
    assert not hasattr(search, "predict")
    search = search_for(refit=lambda _: 1).fit(X, y, sample_weight=w)
    assert search.best_params_ == {"C": 0.1}
    assert not hasattr(search, "best_score_")
    assert len(search.predict(X)) == len(X)


def test_predicts_like_the_refitted_estimator(events):
    X, y, w = events
    search = search_for().fit(X, y, sample_weight=w)
    best = LogisticRegression(**search.best_params_).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(
        search.decision_function(X), best.decision_function(X)
    )
    np.testing.assert_array_equal(search.classes_, ["b", "s"])
    np.testing.assert_array_equal(search.feature_names_in_, X.columns)
    assert is_classifier(search)
    assert not is_classifier(OptunaSearchCV(Ridge(), {"alpha": [1.0]}))
    with pytest.raises(NotFittedError):
        clone(search).predict(X)


def test_a_clone_searches_in_the_same_storage(events):
    X, y, _ = events
    storage = optuna.storages.InMemoryStorage()
    search = search_for(storage=storage, n_trials=2, refit=False)
    other = clone(search).fit(X, y)
    assert other.storage is search.storage is storage
    (study,) = storage.get_all_studies()
    assert len(storage.get_all_trials(study._study_id)) == 2
    assert search.fit(X, y).study_.trials == other.study_.trials  # none was left


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_gradients_of_a_sampler_do_not_depend_on_the_caller(events, mode):
    X, y, _ = events
    space, params = {"C": loguniform(1e-4, 1e2)}, []
    for context in (nullcontext, mode):
        search = search_for(space, sampler="gp", n_trials=12, cv=2, refit=False)
        with context():
            params.append(search.fit(X, y).cv_results_["params"])
    assert params[0] == params[1]


def test_pickle(events):
    X, y, w = events
    search = search_for().fit(X, y, sample_weight=w)
    copy = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copy.predict(X), search.predict(X))


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "cmaes", "evolutionary"])
def test_same_seed_same_trials(events, sampler):
    X, y, w = events
    space = {"C": loguniform(1e-4, 1e2)}
    first, second = (
        search_for(space, sampler=sampler, n_trials=4).fit(X, y, sample_weight=w)
        for _ in range(2)
    )
    assert first.cv_results_["params"] == second.cv_results_["params"]
    assert len({p["C"] for p in first.cv_results_["params"]}) == 4


def test_sampler_as_factory_and_instance(events):
    X, y, w = events
    space = {"C": loguniform(1e-4, 1e2)}
    seeds = []

    def factory(seed):
        seeds.append(seed)
        return optuna.samplers.RandomSampler(seed=seed)

    search_for(space, sampler=factory).fit(X, y, sample_weight=w)
    assert len(set(seeds)) == 3
    instance = optuna.samplers.RandomSampler(seed=1)
    found = search_for(space, sampler=instance).fit(X, y, sample_weight=w)
    assert len(found.records_) == 3


def test_scores_do_not_depend_on_n_jobs(events):
    X, y, w = events
    space = {"C": loguniform(1e-4, 1e2)}
    one = search_for(space, sampler="random", n_trials=6).fit(X, y, sample_weight=w)
    two = search_for(space, sampler="random", n_trials=6, n_jobs=2)
    two.fit(X, y, sample_weight=w)
    assert one.cv_results_["params"] == two.cv_results_["params"]
    np.testing.assert_array_equal(
        one.cv_results_["pooled_test_score"], two.cv_results_["pooled_test_score"]
    )


def test_goes_on_in_a_journal(events, tmp_path):
    X, y, w = events
    space = {"C": loguniform(1e-4, 1e2)}
    options = {"sampler": "tpe", "storage": str(tmp_path / "journal.log")}
    search_for(space, **options).fit(X, y, sample_weight=w)
    went_on = search_for(space, **options, n_trials=6).fit(X, y, sample_weight=w)
    at_once = search_for(space, sampler="tpe", n_trials=6).fit(X, y, sample_weight=w)
    assert went_on.cv_results_["params"] == at_once.cv_results_["params"]
    np.testing.assert_array_equal(
        went_on.best_oof_decision_function_, at_once.best_oof_decision_function_
    )


@pytest.mark.parametrize("what", ["X", "y", "fit_arguments", "splits", "scoring"])
def test_another_search_in_the_same_storage_is_refused(events, tmp_path, what):
    X, y, w = events
    options = {"storage": f"sqlite:///{tmp_path / 'search.db'}"}
    search_for(**options).fit(X, y, sample_weight=w)
    if what == "X":
        X = X + 1.0
    elif what == "y":
        y = np.roll(y, 1)
    elif what == "fit_arguments":
        w = w * 2.0
    elif what == "splits":
        options["cv"] = StratifiedKFold(3, shuffle=True, random_state=0)
    else:
        options["scoring"] = "roc_auc"
    with pytest.raises(ValueError, match=f"got another .*`{what}`"):
        search_for(**options).fit(X, y, sample_weight=w)


def test_weights_decide_the_scores(events):
    X, y, w = events
    heavy = w * np.where(X["a"] > 0, 50.0, 1.0)
    plain = search_for().fit(X, y, sample_weight=w)
    other = search_for().fit(X, y, sample_weight=heavy)
    scaled = search_for().fit(X, y, sample_weight=w)
    assert plain.best_score_ != other.best_score_
    assert plain.best_score_ == scaled.best_score_


def test_weights_in_a_pipeline(events):
    X, y, w = events
    pipeline = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    search = search_for({"logisticregression__C": [0.1, 1.0]}, pipeline, n_trials=2)
    search.fit(X, y, sample_weight=w)
    expected = clone(pipeline).set_params(**search.best_params_)
    expected.fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(
        search.decision_function(X), expected.decision_function(X)
    )


def test_metadata_routing(events):
    X, y, w = events
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        search = search_for(estimator=estimator)
        routed = cross_validate(
            search,
            X,
            y,
            params={"sample_weight": w},
            cv=2,
            scoring=weighted_scorer("roc_auc"),
            return_estimator=True,
        )
        plain = search_for(estimator=estimator).fit(X, y, sample_weight=w)
    assert len(routed["estimator"]) == 2
    assert plain.best_score_ == search_for().fit(X, y, sample_weight=w).best_score_


def test_groups_reach_the_splitter(events):
    X, y, w = events
    groups = np.arange(len(X)) // 10
    search = search_for(cv=GroupKFold(3)).fit(X, y, sample_weight=w, groups=groups)
    assert search.n_splits_ == 3


def test_repeated_cross_validation(events):
    X, y, w = events
    cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0)
    search = search_for(cv=cv).fit(X, y, sample_weight=w)
    assert search.n_splits_ == 4
    assert np.isfinite(search.best_oof_decision_function_).all()


def test_regression():
    X, y = np.random.default_rng(0).normal(size=(100, 3)), np.arange(100.0)
    search = search_for({"alpha": [0.1, 1.0]}, Ridge(), n_trials=2).fit(X, y)
    assert search.best_score_ < 1.0
    assert "pooled_test_roc_auc" not in search.cv_results_


def test_several_classes():
    X, y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
    search = search_for().fit(X, y, sample_weight=np.ones(300))
    assert search.best_oof_decision_function_.shape == (300, 3)
    assert search.best_score_ > -np.log(3)


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_a_significance_is_pooled_at_the_full_yields(events):
    X, y, w = events
    scorer = make_significance_scorer("asimov")
    search = search_for(scoring=scorer).fit(X, y, sample_weight=w)
    assert np.isfinite(search.cv_results_["pooled_test_score"]).all()


class Fragile(ClassifierMixin, BaseEstimator):
    """Logistic regression that cannot do with some values of C."""

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y, sample_weight=None):
        if self.C > 1.0:
            msg = "too weak a regularisation"
            raise ArithmeticError(msg)
        self.model_ = LogisticRegression(C=self.C).fit(X, y, sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def decision_function(self, X):
        return self.model_.decision_function(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


def test_a_failed_trial_is_recorded_and_the_search_goes_on(events):
    X, y, w = events
    search = search_for(estimator=Fragile()).fit(X, y, sample_weight=w)
    assert list(search.cv_results_["state"]) == ["complete", "complete", "failed"]
    assert "too weak a regularisation" in search.records_[2].error
    assert np.isnan(search.cv_results_["mean_test_score"][2])
    assert search.cv_results_["rank_test_score"][2] == 3
    scored = search_for(estimator=Fragile(), error_score=-9.0)
    scored.fit(X, y, sample_weight=w)
    assert scored.cv_results_["mean_test_score"][2] == -9.0


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
def test_failures_that_end_a_search(events):
    X, y, w = events
    with pytest.raises(ArithmeticError, match="too weak"):
        search_for(estimator=Fragile(), error_score="raise").fit(X, y, sample_weight=w)
    with pytest.raises(ArithmeticError, match="too weak") as caught:
        search_for({"C": [2.0, 3.0]}, Fragile(), n_trials=2).fit(X, y)
    assert "At least one trial must succeed" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="must be finite, got nan"):
        search_for(scoring=lambda *_: float("nan")).fit(X, y)


@pytest.mark.parametrize("rule", ["paired", "median"])
def test_hopeless_trials_are_given_up(events, rule):
    X, y, w = events
    space = {"C": [1.0, 0.5, 0.8, 0.9, 0.7, 1e-7, 1e-6]}
    search = search_for(space, sampler=in_order(space["C"]), n_trials=7, pruning=rule)
    search.fit(X, y, sample_weight=w)
    states = dict(zip(space["C"], search.cv_results_["state"], strict=True))
    assert states[1.0] == "complete"
    assert states[1e-7] == states[1e-6] == "pruned"
    row = list(states).index(1e-7)
    assert np.isnan(search.cv_results_["pooled_test_score"][row])
    assert np.isfinite(search.cv_results_["split0_test_score"][row])
    assert np.isnan(search.cv_results_["split2_test_score"][row])
    assert search.best_params_["C"] > 1e-6


@pytest.mark.parametrize("rule", ["paired", "median"])
def test_a_function_of_several_scores_prunes_by_the_first_one(events, rule):
    X, y, w = events

    def scores(model, X, y, sample_weight):
        auc = weighted_roc_auc(y, model.decision_function(X), sample_weight)
        return {"auc": auc, "constant": 1.0}

    space = {"C": [1.0, 0.5, 0.8, 0.9, 0.7, -1e-7, 1e-7]}
    search = search_for(
        space,
        Reversed(),
        sampler=in_order(space["C"]),
        n_trials=7,
        pruning=rule,
        scoring=scores,
        refit=False,
    )
    search.fit(X, y, sample_weight=w)
    assert search.cv_results_["state"][5] == "pruned"


class Reversed(LogisticRegression):
    """Takes the classes for each other where C is negative."""

    def fit(self, X, y, sample_weight=None):
        model = LogisticRegression(C=abs(self.C)).fit(X, y, sample_weight)
        vars(self).update({k: v for k, v in vars(model).items() if k.endswith("_")})
        if self.C < 0:
            self.coef_, self.intercept_ = -model.coef_, -model.intercept_
        return self


def test_a_condition_on_a_score_that_is_not_there(events):
    X, y, _ = events
    limit = OvertrainingLimit(max_gap=0.2, name="auc")
    search = search_for(overtraining=limit, error_score="raise", sampler="tpe")
    with pytest.raises(ValueError, match="must name one of the scores, got 'auc'"):
        search.fit(X, y)


def in_order(values):
    """Make samplers that propose the values in their order."""

    class InOrder(optuna.samplers.RandomSampler):
        def sample_independent(self, _study, trial, _name, _distribution):
            return values[trial.number % len(values)]

    return lambda seed: InOrder(seed=seed)


def test_overtrained_trials_are_never_best(events):
    X, y, w = events
    space = {"max_leaf_nodes": [2, 31], "max_iter": [5, 100]}
    model = HistGradientBoostingClassifier(min_samples_leaf=2)
    limit = OvertrainingLimit(max_gap=0.2)
    search = search_for(space, model, n_trials=4, overtraining=limit)
    with pytest.warns(IgnoredConstraintWarning, match="constraints"):
        search.fit(X, y, sample_weight=w)
    violated = search.cv_results_["violation"] > 0
    assert violated.any()
    assert not violated.all()
    gaps = (
        search.cv_results_["mean_train_score"] - search.cv_results_["mean_test_score"]
    )
    np.testing.assert_allclose(search.cv_results_["violation"], gaps - 0.2)
    assert not violated[search.best_index_]
    constraints = [t.constraints for t in search.study_.trials]
    assert [c["overtraining"] > 0 for c in constraints] == violated.tolist()
    strict = OvertrainingLimit(max_gap=0.0)
    with pytest.raises(ValueError, match="meet the condition on overtraining"):
        search_for(
            {"max_iter": [200]}, model, n_trials=1, sampler="tpe", overtraining=strict
        ).fit(X, y, sample_weight=w)


def test_one_standard_error_takes_the_simplest_of_equals(events):
    X, y, w = events
    space = {"C": [0.03, 0.1, 0.3, 1.0, 3.0]}
    options = {"n_trials": 5, "complexity": "C"}
    best = search_for(space, **options).fit(X, y, sample_weight=w)
    simple = search_for(space, choice="one_standard_error", **options)
    simple.fit(X, y, sample_weight=w)
    assert simple.best_params_["C"] <= best.best_params_["C"]
    assert simple.best_score_ <= best.best_score_
    by_function = search_for(
        space, n_trials=5, choice="one_standard_error", complexity=lambda p: -p["C"]
    ).fit(X, y, sample_weight=w)
    assert by_function.best_params_["C"] >= best.best_params_["C"]
    with pytest.raises(ValueError, match="`complexity` must say"):
        search_for(choice="one_standard_error").fit(X, y)


def test_limits_are_checked_before_training(events):
    X, y, w = events
    space = SearchSpace(
        {"width": [4, 500]}, limits={"size": Limit(network_size, high=500)}
    )
    model = WeightedDNNClassifier(n_layers=1, max_epochs=1)
    search = search_for(space, model, sampler="random", n_trials=3)
    search.fit(X, y, sample_weight=w)
    assert [p["width"] for p in search.cv_results_["params"]] == [4, 4, 4]
    assert len(search.study_.trials) > 3
    nothing = SearchSpace(
        {"width": [400, 500]}, limits={"size": Limit(network_size, high=10)}
    )
    with pytest.raises(ValueError, match="limits of the space must leave"):
        search_for(nothing, model, sampler="random").fit(X, y)


def test_seeds_are_the_same_in_all_trials(events):
    X, y, w = events
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=2,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
    )
    search = search_for({"l2": [0.0, 0.0 + 1e-12]}, model, n_trials=2)
    search.fit(X, y, sample_weight=w)
    first, second = search.cv_results_["pooled_test_score"]
    assert first == pytest.approx(second, abs=1e-6)
    assert search.cv_results_["n_parameters"].tolist() == [5 * 4 + 4 + 4 + 1] * 2


def test_conditional_space(events):
    X, y, w = events

    def space(trial):
        penalty = trial.suggest_categorical("kind", ["weak", "strong"])
        low, high = (1.0, 10.0) if penalty == "weak" else (1e-4, 1e-2)
        return {"C": trial.suggest_float(f"C_{penalty}", low, high, log=True)}

    search = search_for(space, sampler="tpe", n_trials=4).fit(X, y, sample_weight=w)
    assert set(search.best_params_) == {"C"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_trials": None}, "`n_trials` or `timeout` must end the search"),
        ({"space": {"D": [1.0]}}, "must be those of LogisticRegression"),
        ({"sampler": "best"}, "`sampler` must be one of"),
        ({"scoring": ["roc_auc"], "refit": True}, "refit"),
        ({"choice": "score_minus_error", "refit": lambda _: 0}, "`choice` must be"),
    ],
)
def test_errors_say_what_to_do(events, options, message):
    X, y, w = events
    with pytest.raises(ValueError, match=message):
        search_for(**options).fit(X, y, sample_weight=w)


def test_a_timeout_ends_between_trials(events):
    X, y, w = events
    space = {"C": loguniform(1e-4, 1e2)}
    search = search_for(space, sampler="random", n_trials=None, timeout=0.5)
    search.fit(X, y, sample_weight=w)
    assert set(search.cv_results_["state"]) == {"complete"}


def test_verbose_shows_a_bar(events, capsys):
    X, y, _ = events
    search_for(n_trials=1, space={"C": [1.0]}).fit(X, y)
    assert capsys.readouterr() == ("", "")
    search_for(n_trials=1, space={"C": [1.0]}, verbose=1).fit(X, y)
    assert "Trials: 100%" in capsys.readouterr().err


def test_weights_of_a_step_alone_are_refused(events):
    X, y, w = events
    pipeline = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    search = search_for({"logisticregression__C": [1.0]}, pipeline, n_trials=1)
    with pytest.raises(ValueError, match="got `logisticregression__sample_weight`"):
        search.fit(X, y, logisticregression__sample_weight=w)


def test_several_scores_need_one_to_refit_by_before_any_trial(events):
    X, y, _ = events
    search = search_for(estimator=Fragile(), scoring=["roc_auc", "accuracy"])
    with pytest.raises(ValueError, match="refit"):
        search.fit(X, y)


@pytest.mark.parametrize("other", [{"n_replicas": 20}, {"pooled": False}])
def test_trials_with_other_errors_are_another_search(events, tmp_path, other):
    X, y, w = events
    options = {"storage": tmp_path / "journal.log"}
    search_for(**options).fit(X, y, sample_weight=w)
    with pytest.raises(ValueError, match="got another"):
        search_for(**options, **other).fit(X, y, sample_weight=w)


def test_a_choice_needs_errors(events):
    X, y, w = events
    search = search_for(pooled=False, choice="score_minus_error")
    with pytest.raises(ValueError, match="is not pooled"):
        search.fit(X, y, sample_weight=w)


def test_nested_in_cross_validation(events):
    X, y, w = events
    result = cross_validate_pooled(search_for(), X, y, w, cv=2, scoring="roc_auc")
    assert 0.5 < result.score.value < 1.0


def test_a_function_of_several_scores(events):
    X, y, w = events

    def both(estimator, X, y, sample_weight=None):
        score = estimator.score(X, y, sample_weight)
        return {"accuracy": score, "error": -score}

    search = search_for(scoring=both, refit=False).fit(X, y, sample_weight=w)
    assert search.multimetric_
    assert "rank_test_error" in search.cv_results_
    search = search_for(scoring=both, refit="error").fit(X, y, sample_weight=w)
    assert search.cv_results_["rank_test_error"][search.best_index_] == 1
