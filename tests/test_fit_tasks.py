"""Callbacks of scikit-learn: who hears of which task, and that nothing changes."""

# ruff: noqa: ARG002 - the names of arguments are those of scikit-learn's protocol

import importlib.util
import sys

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier, _fit_tasks
from skhep_dnn._fit_tasks import FitTask, has_callbacks, without_callbacks
from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.model_selection import OptunaSearchCV, cross_validate_pooled
from skhep_dnn.neural_network import fit_together

callback = pytest.importorskip(
    "sklearn.callback", reason="this version of scikit-learn has no callbacks"
)

EVENTS = make_gaussian_events(400, random_state=0)
X, Y, W = EVENTS.data, EVENTS.target, np.abs(EVENTS.sample_weight)
SPACE = {"C": loguniform(1e-2, 1e1)}


class Recorder:
    """Writes down all that it hears, and may want to stop."""

    def __init__(self, stop_after=None):
        self.heard = []
        self.models = []
        self.stop_after = stop_after

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.heard.append(f"end {context.task_name}")
        if context.task_name == "evaluation" and X is not None:
            self.models.append(fitted_estimator)
            self.sample = X, y, metadata
        return len(self.models) == self.stop_after


class Everywhere(Recorder):
    """One that goes on to the estimators inside."""

    max_propagation_depth = None


def small(**changes):
    options = {
        "n_layers": 1,
        "width": 8,
        "max_epochs": 3,
        "schedule": "constant",
        "random_state": 0,
    }
    return WeightedDNNClassifier(**{**options, **changes})


def watched(recorder=None, **changes):
    recorder = Recorder() if recorder is None else recorder
    model = small(**changes).set_callbacks(recorder)
    return model.fit(X, Y, W), recorder


def search_for(estimator, space, **options):
    options = {"n_trials": 2, "cv": 2, "random_state": 0, **options}
    return OptunaSearchCV(estimator, space, **options)


def test_a_training_tells_of_each_evaluation_with_its_events():
    _, recorder = watched()
    turns = ["begin evaluation", "end evaluation"] * 3
    assert recorder.heard == ["setup", "begin fit", *turns, "end fit", "teardown"]
    seen_X, seen_y, metadata = recorder.sample
    assert seen_X is X
    assert seen_y is Y
    assert metadata["sample_weight"] is W


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_members": 5, "n_jobs": 2},
        {"averaging": "ema"},
        {"snapshots": "sse"},
        {"validation_fraction": 0.3, "evaluations_per_epoch": 2},
    ],
    ids=str,
)
def test_a_training_that_is_watched_has_the_same_bits(changes):
    model, recorder = watched(**changes)
    alone = small(**changes).fit(X, Y, W)
    expected = alone.decision_function(X)
    np.testing.assert_array_equal(model.decision_function(X), expected)
    last = recorder.models[-1].decision_function(X)
    np.testing.assert_array_equal(last, expected)


def test_a_model_of_an_evaluation_is_that_of_a_training_that_ends_there():
    _, recorder = watched(n_members=3)
    for n, model in enumerate(recorder.models, 1):
        shorter = small(n_members=3, max_epochs=n).fit(X, Y, W)
        expected = shorter.decision_function(X)
        np.testing.assert_array_equal(model.decision_function(X), expected)


def test_the_model_of_an_evaluation_is_in_its_best_state_so_far():
    options = {"validation_fraction": 0.3, "learning_rate": 0.3, "max_epochs": 5}
    model, recorder = watched(**options)
    losses = model.history_["valid_loss"].to_numpy()
    assert losses.argmin() < len(losses) - 1, "the last state must not be the best"
    found = [one.best_loss_[0] for one in recorder.models]
    np.testing.assert_array_equal(found, np.minimum.accumulate(losses))


def test_a_callback_ends_the_training():
    model, recorder = watched(Recorder(stop_after=2))
    assert model.n_iter_.tolist() == [2]
    shorter = small(max_epochs=2).fit(X, Y, W)
    np.testing.assert_array_equal(
        model.decision_function(X), shorter.decision_function(X)
    )
    assert recorder.heard[-2:] == ["end fit", "teardown"]


def test_every_task_that_begins_ends_where_the_patience_does():
    options = {"validation_fraction": 0.3, "learning_rate": 0.3, "max_epochs": 30}
    model, recorder = watched(early_stopping=True, n_iter_no_change=2, **options)
    assert model.n_iter_[0] < 30
    assert len(recorder.models) == model.n_iter_[0]
    for name in ("fit", "evaluation"):
        n_begun, n_ended = (
            recorder.heard.count(f"{what} {name}") for what in ("begin", "end")
        )
        assert n_begun == n_ended


def test_a_monitor_scores_with_the_weights():
    monitor = callback.ScoringMonitor(scoring="roc_auc")
    model = small().set_callbacks(monitor).fit(X, Y, W)
    scores = monitor.get_logs().data_as_pandas["roc_auc"]
    assert len(scores) == 3
    expected = weighted_roc_auc(Y, model.decision_function(X), W)
    assert scores.iloc[-1] == pytest.approx(expected, abs=1e-12)
    unweighted = weighted_roc_auc(Y, model.decision_function(X))
    assert scores.iloc[-1] != pytest.approx(unweighted, abs=1e-6)


def test_a_call_of_partial_fit_is_one_task():
    recorder = Recorder()
    small().set_callbacks(recorder).partial_fit(X, Y, sample_weight=W)
    assert recorder.heard == ["setup", "begin fit", "end fit", "teardown"]


def test_the_callbacks_hear_of_the_end_of_a_fit_that_fails():
    recorder = Recorder()
    model = small(learning_rate=1e30).set_callbacks(recorder)
    with pytest.raises(ArithmeticError):
        model.fit(X, Y, W)
    assert recorder.heard[-1] == "teardown"


def test_a_step_of_a_pipeline_hears_with_the_callbacks_of_the_pipeline():
    recorder = Everywhere()
    model = Pipeline([("scale", StandardScaler()), ("dnn", small())])
    model.set_callbacks(recorder).fit(X, Y, dnn__sample_weight=W)
    assert recorder.heard.count("end evaluation") == 3
    assert recorder.heard.count("setup") == 1


def test_a_search_tells_of_trials_folds_and_refit():
    recorder = Recorder()
    search_for(LogisticRegression(), SPACE).set_callbacks(recorder).fit(X, Y)
    fold = ["begin fold", "end fold"]
    trial = ["begin trial", *fold, *fold, "end trial"]
    assert recorder.heard == [
        "setup",
        "begin fit",
        "begin search",
        *trial,
        *trial,
        "end search",
        "begin refit",
        "end refit",
        "end fit",
        "teardown",
    ]


def test_the_folds_of_a_watched_search_still_train_as_members():
    recorder, space = Everywhere(), {"width": [4, 8]}
    search = search_for(small(), space).set_callbacks(recorder)
    search.fit(X, Y, sample_weight=W)
    assert recorder.heard.count("end trial") == 2
    assert recorder.heard.count("end fold") == 0
    assert recorder.heard.count("end evaluation") == 3, "those of the refit"
    alone = search_for(small(), space).fit(X, Y, sample_weight=W)
    np.testing.assert_array_equal(
        search.cv_results_["pooled_test_score"], alone.cv_results_["pooled_test_score"]
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_monitor_on_the_estimator_sees_each_fold_and_the_refit(n_jobs):
    monitor = callback.ScoringMonitor(scoring="roc_auc")
    estimator = small().set_callbacks(monitor)
    search = search_for(estimator, {"width": [4, 8]}, n_jobs=n_jobs, sampler="grid")
    search.fit(X, Y, sample_weight=W)
    logs = monitor.get_logs("all")
    assert len(logs) == 1
    table = logs[0].data_as_pandas
    # the search is task 0 of the fit, with its trials and their folds; the refit is 1
    parents = set(table["parent_task_id_path"])
    folds = {(0, 0, trial, fold) for trial in (0, 1) for fold in (0, 1)}
    assert parents == folds | {(0, 1)}
    assert len(table) == 5 * 3
    assert np.isfinite(table["roc_auc"]).all()


@pytest.mark.parametrize("pruning", [None, "paired"])
def test_other_trainings_than_those_of_trials_are_no_runs_of_a_monitor(pruning):
    monitor = callback.ScoringMonitor(scoring="roc_auc")
    search = search_for(
        small().set_callbacks(monitor),
        {"width": [4, 8]},
        choice="one_standard_error",
        pruning=pruning,
    )
    search.fit(X, Y, sample_weight=W)
    assert len(monitor.get_logs("all")) == 1


def test_a_progress_bar_of_a_search_over_two_processes(capsys):
    pytest.importorskip("rich", reason="the progress bar of scikit-learn needs it")
    search = search_for(LogisticRegression(), SPACE, n_jobs=2)
    search.set_callbacks(callback.ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    for name in ("search", "trial", "LogisticRegression"):
        assert name in shown
    assert "100%" in shown


def test_more_subtasks_than_were_said_are_not_heard_of():
    recorder = Recorder()
    estimator = small().set_callbacks(recorder)
    task = FitTask.of_fit(estimator, n_subtasks=1)
    for _ in range(2):
        task.subtask("part").begin().end()
    assert recorder.heard.count("begin part") == 1


def test_folds_of_a_network_with_callbacks_do_not_train_together():
    recorder = Recorder()
    with pytest.raises(FitTogetherError, match="no callbacks"):
        cross_validate_pooled(small().set_callbacks(recorder), X, Y, as_members=True)
    with pytest.raises(FitTogetherError, match="no callbacks"):
        fit_together([small().set_callbacks(recorder)], [{"X": X, "y": Y}])
    cross_validate_pooled(small().set_callbacks(recorder), X, Y, cv=2, n_replicas=0)
    assert recorder.heard.count("end fit") == 2


def test_callbacks_are_found_inside_and_left_out_of_a_copy():
    inner = LogisticRegression().set_callbacks(Recorder())
    outer = Pipeline([("scale", StandardScaler()), ("last", inner)])
    assert has_callbacks(outer)
    assert has_callbacks(clone(outer))
    assert not has_callbacks(without_callbacks(outer))
    assert has_callbacks(outer)


def test_without_callbacks_in_scikit_learn_nobody_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.spec_from_file_location("older", _fit_tasks.__file__)
    older = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(older)

    class Estimator(older.CallbackSupportMixin, BaseEstimator):
        pass

    estimator = Estimator()
    assert not hasattr(estimator, "set_callbacks")
    task = older.FitTask.of_fit(estimator, n_subtasks=1).begin(X, Y, W)
    part = task.subtask("evaluation").begin(X, Y, W)
    with part.lent_to(estimator):
        pass
    assert part.end(X, Y, W, learnt=dict) is False
    assert task.end() is False
    assert not older.has_callbacks(estimator)
