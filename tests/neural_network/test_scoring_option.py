"""`scoring`: what each member is judged by on its validation sample."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import get_scorer, roc_auc_score

from skhep_dnn.exceptions import MissingWeightsError
from skhep_dnn.metrics import (
    make_significance_scorer,
    weighted_roc_auc,
    weighted_scorer,
)
from skhep_dnn.neural_network._preparation.validation_scores import KnownLogits

# Samples are small here, of which the classifier rightly warns. The scorers of
# significance cannot know that their weights are those of the whole sample.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.FoldYieldWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.CancellingWeightsWarning"),
]

NAN = float("nan")


def mean_logit_difference(estimator, X, y, sample_weight=None):
    """Any score will do, as long as it needs all that a scorer gets."""
    logit, is_signal = estimator.decision_function(X), y == estimator.classes_[1]
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    means = [
        np.average(logit[side], weights=w[side]) for side in (is_signal, ~is_signal)
    ]
    return -abs(means[0] - means[1] - 1.5)


class Recorder:
    """Keeps what it was called with."""

    def __init__(self):
        self.calls = []

    def __call__(self, estimator, X, y, sample_weight=None):
        self.calls.append((X, y, sample_weight, estimator.decision_function(X)))
        return float(len(self.calls))

    def __deepcopy__(self, _memo):
        return self


class Scripted:
    """Returns known scores, one after the other."""

    def __init__(self, *scores):
        self.scores = scores
        self.n_calls = 0

    def __call__(self, *_events, **_weights):
        self.n_calls += 1
        return self.scores[self.n_calls - 1]


SCORERS = {
    "roc_auc": weighted_scorer("roc_auc"),
    "balanced_log_loss": weighted_scorer("balanced_log_loss"),
    mean_logit_difference: mean_logit_difference,
    weighted_scorer("balanced_accuracy"): weighted_scorer("balanced_accuracy"),
    make_significance_scorer(): make_significance_scorer(),
}


def split_events(events):
    """Events in two parts, with some negative weights in both."""
    X, y, w = events
    w = np.where(np.arange(150) % 15 == 0, -w, w)
    return (X[:90], y[:90], w[:90]), (X[90:], y[90:], w[90:])


@pytest.mark.parametrize("scoring", SCORERS)
def test_scores_are_those_of_the_model_after_each_epoch(make_model, events, scoring):
    train, valid = split_events(events)
    options = {"learning_rate": 0.1, "max_epochs": 4}
    model = make_model(scoring=scoring, **options).fit(*train, *valid)
    by_hand = SCORERS[scoring]
    expected = []
    for n_epochs in range(1, 5):
        short = make_model(**options | {"max_epochs": n_epochs}).fit(*train)
        X, y, w = valid
        expected.append(by_hand(short, X, y, sample_weight=w))
    (scores,) = model.validation_scores_
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    np.testing.assert_array_equal(scores, model.history_["valid_score"])
    assert model.best_epoch_[0] == np.argmax(expected) + 1
    assert by_hand(model, X, y, sample_weight=w) == pytest.approx(max(expected))
    loss = model.history_["valid_loss"]
    assert model.best_loss_[0] == loss[np.argmax(expected)]


def test_without_scoring_the_score_is_minus_the_validation_loss(make_model, events):
    train, valid = split_events(events)
    model = make_model().fit(*train, *valid)
    assert model.history_["valid_score"].isna().all()
    (scores,) = model.validation_scores_
    np.testing.assert_array_equal(scores, -model.history_["valid_loss"])
    (scores,) = make_model().fit(*train).validation_scores_
    assert np.isnan(scores).all()


def test_each_member_keeps_its_own_best_state(make_model, events):
    train, valid = split_events(events)
    options = {"n_members": 3, "learning_rate": 0.1, "max_epochs": 8}
    by_loss = make_model(**options).fit(*train, *valid)
    by_score = make_model(scoring="roc_auc", **options).fit(*train, *valid)
    X, y, w = valid
    with torch.no_grad():
        logits = by_score.net_.module_.eval()(torch.from_numpy(X)).double().numpy()
    for logit, scores, epoch in zip(
        logits, by_score.validation_scores_, by_score.best_epoch_, strict=True
    ):
        assert epoch == scores.argmax() + 1
        assert weighted_roc_auc(y, logit, w) == pytest.approx(scores.max())
    assert (by_score.best_epoch_ != by_loss.best_epoch_).any()
    # what is judged does not change what is trained
    np.testing.assert_array_equal(
        by_score.history_["valid_loss"], by_loss.history_["valid_loss"]
    )


@pytest.mark.parametrize(
    "split", [{"validation_fraction": 0.3}, {"cv": 3, "validate_on_fold": True}]
)
def test_weights_of_a_part_are_scaled_to_the_yields_of_all(make_model, events, split):
    X, y, w = events
    w = np.where(np.arange(150) % 15 == 0, -w, w)
    frame = pd.DataFrame(X, columns=list("abc"), index=1000 + 3 * np.arange(150))
    recorder = Recorder()
    model = make_model(n_members=2, max_epochs=2, scoring=recorder, **split)
    model.fit(frame, y, sample_weight=w)
    assert len(recorder.calls) == 2 * 2
    for rows, labels, weights, logit in recorder.calls:
        position = (rows.index.to_numpy() - 1000) // 3
        assert 40 <= len(position) <= 60
        pd.testing.assert_frame_equal(rows, frame.iloc[position])
        np.testing.assert_array_equal(labels, y[position])
        assert logit.shape == (len(position),)
        for label in ("s", "b"):
            own = labels == label
            assert weights[own].sum() == pytest.approx(w[y == label].sum())
            ratio = weights[own] / w[position][own]
            np.testing.assert_allclose(ratio, ratio[0])
            assert ratio[0] > 1.5


def test_weights_of_an_explicit_sample_are_as_passed(make_model, events):
    train, (X, y, w) = split_events(events)
    w[3] = 0.0
    recorder = Recorder()
    make_model(max_epochs=1, scoring=recorder).fit(*train, X, y, w)
    ((rows, labels, weights, _),) = recorder.calls
    kept = w != 0.0
    np.testing.assert_array_equal(rows, X[kept])
    np.testing.assert_array_equal(labels, y[kept])
    np.testing.assert_allclose(weights, w[kept], rtol=1e-12)


@pytest.mark.parametrize("patience", [2, 3])
@pytest.mark.parametrize("tol", [0.0, 0.1])
@pytest.mark.parametrize(
    "scores",
    [
        (0.1, 0.5, 0.55, 0.3, 0.56, 0.2, 0.9, 0.1, 0.1),
        (0.5, 0.5, 0.4, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95),
        (NAN, 0.2, NAN, 0.3, NAN, NAN, NAN, 0.9, NAN),
        (-3.0, -2.0, -1.0, -1.5, -0.5, -0.45, -0.4, -0.35, -0.3),
    ],
)
def test_patience_and_tolerance_are_those_of_the_score(
    make_model, events, hand_written_stop, scores, patience, tol
):
    train, valid = split_events(events)
    model = make_model(
        scoring=Scripted(*scores),
        early_stopping=True,
        n_iter_no_change=patience,
        tol=tol,
        max_epochs=len(scores),
    ).fit(*train, *valid)
    best, _, last = hand_written_stop(-np.array(scores), patience, tol)
    assert model.n_iter_[0] == last
    assert model.best_epoch_[0] == best
    np.testing.assert_array_equal(model.validation_scores_[0], scores[:last])


def test_the_first_of_equal_scores_is_kept(make_model, events):
    train, valid = split_events(events)
    model = make_model(scoring=Scripted(0.1, 0.7, 0.7)).fit(*train, *valid)
    assert model.best_epoch_[0] == 2


def test_a_member_without_any_score_is_an_error(make_model, events):
    train, valid = split_events(events)
    model = make_model(scoring=Scripted(NAN, NAN, NAN))
    with pytest.raises(
        ValueError, match=r"a finite score at least once, got none for member 0"
    ):
        model.fit(*train, *valid)
    assert not hasattr(model, "net_")


def test_without_weights_a_scorer_gets_none(make_model, events):
    X, y, _ = events
    recorder = Recorder()
    options = {"validation_fraction": 0.3, "max_epochs": 1}
    make_model(scoring=recorder, **options).fit(X, y)
    assert recorder.calls[0][2] is None
    with pytest.raises(MissingWeightsError):
        make_model(scoring=make_significance_scorer(), **options).fit(X, y)
    # the name stands for a scorer that counts events then
    model = make_model(scoring="roc_auc").fit(X[:90], y[:90], None, X[90:], y[90:])
    expected = roc_auc_score(y[90:] == "s", model.decision_function(X[90:]))
    assert model.validation_scores_[0].max() == pytest.approx(expected)


def test_weights_that_a_scorer_carries_are_found_by_the_index(make_model, events):
    X, y, w = events
    frame = pd.DataFrame(X, columns=list("abc"), index=1000 + np.arange(150))
    weights, labels = (pd.Series(values, index=frame.index) for values in (w, y))
    scorer = make_significance_scorer(sample_weight=weights, target=labels)
    model = make_model(scoring=scorer, n_members=2, max_epochs=2)
    model.fit(frame[:90], y[:90], None, frame[90:], y[90:])
    valid = frame[90:]
    with torch.no_grad():
        logits = model.net_.module_.eval()(torch.from_numpy(X[90:])).double().numpy()
    for logit, scores in zip(logits, model.validation_scores_, strict=True):
        known = KnownLogits(logit, model.classes_)
        assert scores.max() == pytest.approx(scorer(known, valid, y[90:]))
    fraction = make_model(scoring=scorer, validation_fraction=0.3).fit(frame, y)
    assert np.isfinite(fraction.validation_scores_[0]).all()


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_scores_are_the_same_bits_in_threads_and_processes(make_model, events, backend):
    X, y, w = events
    options = {
        "n_members": 3,
        "validation_fraction": 0.3,
        "max_epochs": 2,
        "scoring": make_significance_scorer(),
    }
    first = make_model(**options).fit(X, y, w)
    with joblib.parallel_config(backend=backend):
        second = make_model(n_jobs=2, **options).fit(X, y, w)
    pd.testing.assert_frame_equal(second.history_, first.history_, check_exact=True)
    np.testing.assert_array_equal(
        second.decision_function(X), first.decision_function(X)
    )


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "neg_log_loss"])
def test_scorers_of_many_classes(make_model, scoring):
    rng = np.random.default_rng(2)
    y = np.array(["u", "v", "z"])[np.arange(120) % 3]
    X = (rng.normal(size=(120, 2)) + (np.arange(120) % 3)[:, None]).astype(np.float32)
    w = rng.uniform(0.5, 1.5, size=120)
    recorder = Recorder()
    model = make_model(scoring=scoring, validation_fraction=0.3, max_epochs=2)
    (scores,) = model.fit(X, y, w).validation_scores_
    model.set_params(scoring=recorder).fit(X, y, w)
    rows, labels, weights, logit = recorder.calls[0]
    known = KnownLogits(logit, model.classes_)
    expected = get_scorer(scoring)(known, rows, labels, sample_weight=weights)
    assert scores[0] == pytest.approx(expected)


def test_a_scorer_must_ask_for_the_events_it_got(make_model, events):
    train, valid = split_events(events)

    def of_half(estimator, X, y, sample_weight):
        return estimator.score(X[::2], y[::2], sample_weight[::2])

    with pytest.raises(ValueError, match=r"must ask for all 60 validation .* got 30"):
        make_model(scoring=of_half).fit(*train, *valid)


def test_all_responses_of_the_judged_member_agree(make_model, events):
    train, valid = split_events(events)

    def compare(estimator, X, y, sample_weight):
        p, logit = estimator.predict_proba(X), estimator.decision_function(X)
        np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-logit)))
        labels = estimator.predict(X)
        np.testing.assert_array_equal(labels == "s", logit > 0)
        np.testing.assert_array_equal(estimator.classes_, ["b", "s"])
        return estimator.score(X, y, sample_weight)

    make_model(scoring=compare).fit(*train, *valid)


def test_scoring_needs_a_validation_sample_and_a_known_name(make_model, events):
    with pytest.raises(ValueError, match="`scoring` must have a validation sample"):
        make_model(scoring="roc_auc").fit(*events)
    with pytest.raises(ValueError, match="The 'scoring' parameter"):
        make_model(scoring="significance", validation_fraction=0.3).fit(*events)
