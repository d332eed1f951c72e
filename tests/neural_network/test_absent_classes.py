"""Classes that are not there: without weights, in a fold, or in a first block."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    VotingClassifier,
)
from sklearn.model_selection import PredefinedSplit, StratifiedKFold
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError

# Samples are small here, and signed weights are kept: the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.DivergenceWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)

N = 150


@pytest.fixture
def three(events):
    """Three classes, the last of which has no weight, and some negative weights."""
    X, _, w = events
    y = np.array(["b", "s", "z"])[np.arange(N) % 3]
    w = np.where(np.arange(N) % 10 == 1, -w, w)
    return X, y, np.where(y == "z", 0.0, w)


def state(model):
    return torch.cat([p.detach().flatten() for p in model.net_.module_.parameters()])


def fits(model, X, y, w, **further):
    """Return fits of all events, and of those that have a weight."""
    rows = w != 0.0
    all_, fewer = clone(model).fit(X, y, w, **further), clone(model)
    return all_, fewer.fit(X[rows], y[rows], w[rows], **further)


# A class of zero weights is absent.


@pytest.mark.parametrize("policy", ["keep", "zero", "abs"])
@pytest.mark.parametrize(
    "class_weight", ["balanced", None, {"b": 1.0, "s": 2.0, "z": 3.0}]
)
@pytest.mark.parametrize(
    "options",
    [
        {"signal_weight": 2.0, "max_weight": 3.0},
        {"n_members": 3, "cv": 3},
        {"validation_fraction": 0.3, "scoring": "roc_auc"},
    ],
)
def test_a_class_of_zero_weights_is_absent(
    make_model, three, policy, class_weight, options
):
    model = make_model(negative_weights=policy, class_weight=class_weight, **options)
    got, expected = fits(model, *three)
    assert got.classes_.tolist() == ["b", "s"]
    assert torch.equal(state(got), state(expected))
    np.testing.assert_array_equal(
        got.predict_proba(three[0]), expected.predict_proba(three[0])
    )
    if hasattr(expected, "oof_decision_function_"):
        rows = three[2] != 0.0
        assert np.isnan(got.oof_decision_function_[~rows]).all()
        np.testing.assert_array_equal(
            got.oof_decision_function_[rows], expected.oof_decision_function_
        )


def test_folds_that_are_given_count_the_events_that_were_passed(make_model, three):
    X, y, w = three
    fold, rows = np.arange(N) % 4, w != 0.0
    got = make_model(n_members=4, cv=PredefinedSplit(fold)).fit(X, y, w)
    expected = make_model(n_members=4, cv=PredefinedSplit(fold[rows]))
    expected.fit(X[rows], y[rows], w[rows])
    assert torch.equal(state(got), state(expected))


def test_a_class_of_zero_weights_may_be_in_the_validation_sample(make_model, three):
    X, y, w = three
    rows = w != 0.0
    got = make_model().fit(X, y, w, X_val=X, y_val=y, sample_weight_val=w)
    expected = make_model().fit(
        X, y, w, X_val=X[rows], y_val=y[rows], sample_weight_val=w[rows]
    )
    assert torch.equal(state(got), state(expected))
    with pytest.raises(ValueError, match=r"`y_val` must hold the labels .* \['z'\]"):
        make_model().fit(X, y, w, X_val=X, y_val=y, sample_weight_val=np.ones(N))


def test_a_class_of_zero_weights_is_absent_in_later_trainings(make_model, three):
    X, y, w = three
    rows = w != 0.0
    warm, stream = (make_model(warm_start=True).fit(X, y, w) for _ in range(2))
    expected = [copy.deepcopy(warm).fit(X[rows], y[rows], w[rows])]
    expected += [copy.deepcopy(stream).partial_fit(X[rows], y[rows], None, w[rows])]
    assert torch.equal(state(warm.fit(X, y, w)), state(expected[0]))
    assert torch.equal(state(stream.partial_fit(X, y, None, w)), state(expected[1]))


def test_one_class_left_is_the_usual_error(make_model, three):
    X, y, w = three
    with pytest.raises(WeightsError, match=r"two classes or more, got one class: \['s"):
        make_model().fit(X, y, np.where(y == "b", 0.0, w))
    with pytest.raises(WeightsError, match=r"two classes or more, got one class: \['s"):
        make_model().partial_fit(X, y, None, np.where(y == "b", 0.0, w))


def test_declared_classes_stay_whatever_their_weights(make_model, three):
    X, y, w = three
    model = make_model().partial_fit(X, y, ["b", "s", "z"], w)
    assert model.classes_.tolist() == ["b", "s", "z"]
    assert model.predict_proba(X).shape == (N, 3)


def test_a_factor_too_few_is_an_error(make_model, three):
    with pytest.raises(ValueError, match=r"one factor for each of .*\['b', 's'\], got"):
        make_model(class_weight={"b": 1.0, "z": 3.0}).fit(*three)


# What scikit-learn makes of it.


@pytest.fixture
def rare(events):
    """Five classes, of which one has a single event."""
    X, _, _ = events
    y = np.digitize(X[:, 0], np.quantile(X[:, 0], [0.25, 0.5, 0.75]))
    y[7] = 4
    return X, y


@pytest.mark.parametrize("class_weight", ["balanced", None, dict.fromkeys(range(5), 2)])
def test_bagging_works_with_rare_classes(make_model, rare, class_weight):
    X, y = rare
    bagged = BaggingClassifier(
        make_model(class_weight=class_weight), n_estimators=6, random_state=1
    ).fit(X, y)
    sizes = {len(model.classes_) for model in bagged.estimators_}
    assert sizes == {4, 5}
    proba = bagged.predict_proba(X)
    assert proba.shape == (N, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-6)
    for model, rows in zip(bagged.estimators_, bagged.estimators_samples_, strict=True):
        counts = np.bincount(rows, minlength=N)
        own = counts > 0
        alone = make_model(class_weight=class_weight, random_state=model.random_state)
        alone.fit(X[own], y[own], counts[own])
        assert torch.equal(state(model), state(alone))


def test_bagging_draws_by_weights(make_model, rare):
    X, y = rare
    weights = np.where(y == 4, 0.0, np.linspace(0.5, 1.5, N))
    bagged = BaggingClassifier(
        make_model(), n_estimators=2, max_samples=N, random_state=0
    ).fit(X, y, sample_weight=weights)
    assert [len(model.classes_) for model in bagged.estimators_] == [4, 4]
    assert (bagged.predict_proba(X)[:, 4] == 0.0).all()


# AdaBoost takes the logarithm of the weights.
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
def test_other_ensembles_take_weights_of_zero(make_model, rare):
    X, y = rare
    weights = np.where(y == 4, 0.0, 1.0)
    able = make_model(learning_rate=0.1, max_epochs=5)
    boosted = AdaBoostClassifier(able, n_estimators=3, random_state=0)
    boosted.fit(X, y, sample_weight=weights)
    assert boosted.predict_proba(X).shape == (N, 4)
    voted = VotingClassifier(
        [("one", make_model()), ("two", make_model(width=4))], voting="soft"
    ).fit(X, y, sample_weight=weights)
    assert voted.predict_proba(X).shape == (N, 4)
    against = HistGradientBoostingClassifier(max_iter=2, max_bins=15)
    assert len(against.fit(X, y, sample_weight=weights).classes_) == 5


@pytest.mark.parametrize("of_classes", [OneVsRestClassifier, OneVsOneClassifier])
def test_one_against_others_learns_from_blocks(make_model, rare, of_classes):
    X, y = rare
    order = np.argsort(y, kind="stable")  # the blocks lack most classes
    model = of_classes(make_model(learning_rate=0.05))
    for _ in range(4):
        for block in np.array_split(order, 5):
            model.partial_fit(X[block], y[block], classes=np.arange(5))
    assert set(model.predict(X)) <= set(range(5))
    assert model.decision_function(X).shape[0] == N


def test_several_outputs_learn_from_blocks(make_model, events):
    X, y, w = events
    outputs = np.column_stack([(y == "s").astype(int), np.arange(N) // 50])
    classes = [np.arange(2), np.arange(3)]
    model = MultiOutputClassifier(make_model())
    for block in np.array_split(np.arange(N), 3):
        model.partial_fit(X[block], outputs[block], classes, w[block])
    assert model.predict(X).shape == (N, 2)
    assert [len(one.classes_) for one in model.estimators_] == [2, 3]


# What is missing, and where.


def test_a_fold_without_a_class_is_named(make_model, events):
    X, y, w = events
    fold = np.where(y == "s", 1, np.arange(N) % 2)
    model = make_model(n_members=2, cv=PredefinedSplit(fold))
    message = r"training sample of member 1, which leaves out fold 1: .* class 's'"
    with pytest.raises(WeightsError, match=message):
        model.fit(X, y, w)
    model = make_model(cv=PredefinedSplit(fold), validate_on_fold=True)
    message = r"validation sample of member 0, which leaves out fold 0: .* class 's'"
    with pytest.raises(WeightsError, match=message):
        model.fit(X, y, w)
    codes = np.where(y == "s", 1, 0)
    with pytest.raises(WeightsError, match=r"every class of \[0, 1\], .* class 1\."):
        model.fit(X, codes, w)


def test_a_policy_that_takes_a_class_out_is_named(make_model, events):
    X, y, w = events
    model = make_model(negative_weights="zero")
    message = "only negative weights or zero for class 's'.*takes out"
    with pytest.raises(WeightsError, match=message):
        model.fit(X, y, np.where(y == "s", -w, w))


def test_a_validation_sample_without_a_class_is_named(make_model, events):
    X, y, w = events
    message = r"`y_val` must hold .* got no event with a weight other than .* \['s'\]"
    with pytest.raises(WeightsError, match=message):
        make_model().fit(X, y, w, X, y, np.where(y == "s", 0.0, w))


@pytest.mark.parametrize("kind", [int, np.int64, np.int8, np.bool_, np.str_, object])
def test_labels_are_shown_as_they_are_written(make_model, events, kind):
    X, y, w = events
    labels = (y == "s").astype(int).astype(str if kind is object else kind)
    labels = labels.astype(kind)
    rare = np.where((y == "s") & (np.arange(N) > 20), 0.0, w)
    shown = {np.bool_: "True", np.str_: "'1'", object: "'1'"}.get(kind, "1")
    with pytest.warns(LowStatisticsWarning, match=f"Class {shown} has"):
        make_model(max_epochs=1).fit(X, labels, rare)


def test_folds_of_scikit_learn_are_no_different(make_model, three):
    X, y, w = three
    rows = np.flatnonzero(w)
    for train, _ in StratifiedKFold(3).split(X[rows], y[rows]):
        part = rows[train]
        model = make_model().fit(X[part], y[part], w[part])
        absent = np.flatnonzero(y == "z")
        both = np.concatenate([part, absent])
        assert torch.equal(
            state(make_model().fit(X[both], y[both], w[both])), state(model)
        )
