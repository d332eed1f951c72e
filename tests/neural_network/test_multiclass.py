"""More than two classes: losses and predictions by brute force, weights traced."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    PredefinedSplit,
    cross_val_score,
    train_test_split,
)

from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.neural_network import FocalLoss
from skhep_dnn.neural_network._losses import LOSSES, MemberLoss, cross_entropy

# Samples are small here, and signed weights are kept: the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)

N = 180
LABELS = {"strings": ["zjets", "ttbar", "wjets"], "integers": [10, 3, 7, 1, 5]}
RNG = np.random.default_rng(0)
LOGIT = torch.from_numpy(RNG.normal(scale=3.0, size=(2, 6, 4)))
TARGET = torch.from_numpy(RNG.integers(0, 4, size=(2, 6)))
WEIGHT = torch.from_numpy(RNG.normal(size=(2, 6)))


def make_classes(kind="strings"):
    """Gaussian classes of unequal size, with weights of another size in each class."""
    labels = np.array(LABELS[kind])
    rng = np.random.default_rng(4)
    codes = np.maximum(rng.integers(-2, len(labels), size=N), 0)
    X = rng.normal(size=(N, 3)) + rng.normal(scale=2.0, size=(len(labels), 3))[codes]
    weights = rng.uniform(0.5, 1.5, size=N) * 10.0 ** -np.arange(len(labels))[codes]
    return X.astype(np.float32), labels[codes], weights


def with_negative_weights(events):
    X, y, w = events
    return X, y, np.where(np.arange(N) % 17 == 0, -w, w)


def member_probabilities(model, X):
    """Softmax of the logits of each member."""
    with torch.no_grad():
        logits = model.net_.module_.eval()(torch.from_numpy(X))
    return softmax(logits.double().numpy(), axis=2)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("negative", [False, True])
def test_predictions_equal_the_mean_softmax_of_the_members(make_model, kind, negative):
    X, y, w = make_classes(kind)
    if negative:
        w = with_negative_weights((X, y, w))[2]
    model = make_model(n_members=3, max_epochs=8).fit(X, y, w)
    classes = sorted(LABELS[kind])
    assert model.classes_.tolist() == classes
    each = member_probabilities(model, X)
    assert np.abs(each - each[0]).max() > 0.05
    expected = each.mean(axis=0)
    got = model.predict_proba(X)
    assert got.shape == (N, len(classes))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, rtol=1e-12)
    logit = model.decision_function(X)
    assert logit.shape == (N, len(classes))
    np.testing.assert_allclose(
        logit, np.log(expected / (1 - expected)), rtol=1e-4, atol=1e-5
    )
    labels = model.predict(X)
    np.testing.assert_array_equal(labels, np.array(classes)[expected.argmax(axis=1)])
    assert model.score(X, y) == (labels == y).mean() > 0.6


def test_weights_of_the_members_count_in_the_mean(make_model):
    X, y, w = make_classes()
    model = make_model(
        n_members=2, validation_fraction=0.3, member_weighting="inverse_loss"
    ).fit(X, y, w)
    weights = 1 / model.best_loss_
    expected = np.average(member_probabilities(model, X), axis=0, weights=weights)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("factor", [1024.0, 1000.0])
def test_the_size_of_a_class_does_not_matter_when_balanced(make_model, factor):
    X, y, w = with_negative_weights(make_classes())
    options = {"validation_fraction": 0.3, "n_members": 2}
    expected = make_model(**options).fit(X, y, w)
    larger = np.where(y == "ttbar", factor * w, w)
    got = make_model(**options).fit(X, y, larger)
    if factor == 1024.0:
        np.testing.assert_array_equal(
            got.decision_function(X), expected.decision_function(X)
        )
    np.testing.assert_allclose(
        got.decision_function(X), expected.decision_function(X), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(got.best_loss_, expected.best_loss_, rtol=1e-5)


def test_cross_entropy_and_focal_loss_are_their_closed_forms():
    p = softmax(LOGIT.numpy(), axis=2)
    p_true = np.take_along_axis(p, TARGET.numpy()[..., None], 2)[..., 0]
    np.testing.assert_allclose(cross_entropy(LOGIT, TARGET).numpy(), -np.log(p_true))
    np.testing.assert_allclose(
        FocalLoss(1.5)(LOGIT, TARGET).numpy(), -((1 - p_true) ** 1.5) * np.log(p_true)
    )


def test_cross_entropy_of_huge_logits_is_their_distance():
    logit = torch.tensor([[[1e4, 0.0, -1e4], [1e4, 0.0, -1e4]]])
    assert cross_entropy(logit, torch.tensor([[0, 2]])).tolist() == [[0.0, 2e4]]


@pytest.mark.parametrize("loss", LOSSES.values())
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_gradients_equal_finite_differences(loss, label_smoothing):
    criterion = MemberLoss(loss, label_smoothing)
    logit = LOGIT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: criterion(z, TARGET, WEIGHT), logit)


@pytest.mark.parametrize("loss", LOSSES.values())
def test_label_smoothing_mixes_all_classes_in_training_only(loss):
    smoothed = MemberLoss(loss, label_smoothing=0.3)
    each = [loss(LOGIT, torch.full_like(TARGET, k)) for k in range(4)]
    mixed = 0.7 * loss(LOGIT, TARGET) + 0.3 / 4 * sum(each)
    expected = (mixed * WEIGHT).sum(1)
    torch.testing.assert_close(smoothed.train()(LOGIT, TARGET, WEIGHT), expected)
    plain = (loss(LOGIT, TARGET) * WEIGHT).sum(1)
    torch.testing.assert_close(smoothed.eval()(LOGIT, TARGET, WEIGHT), plain)


@pytest.mark.parametrize("loss", LOSSES.values())
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_two_classes_of_logits_0_and_z_are_the_binary_loss(loss, label_smoothing):
    z = LOGIT[..., 0]
    target = TARGET % 2
    criterion = MemberLoss(loss, label_smoothing)
    many = criterion(torch.stack([torch.zeros_like(z), z], 2), target, WEIGHT)
    torch.testing.assert_close(many, criterion(z, target.double(), WEIGHT))


def test_the_validation_loss_is_the_balanced_log_loss(make_model):
    X, y, w = make_classes()
    valid = X[:90], y[:90], w[:90]
    model = make_model(label_smoothing=0.2).fit(X, y, w, *valid)
    share = pd.Series(valid[2]).groupby(valid[1]).transform("sum").to_numpy()
    expected = log_loss(
        valid[1], model.predict_proba(valid[0]), sample_weight=valid[2] / share
    )
    assert model.best_loss_[0] == pytest.approx(expected, rel=1e-5)


def test_out_of_fold_scores_are_those_of_the_other_folds(make_model):
    X, y, w = make_classes()
    fold = np.arange(N) % 3
    model = make_model(n_members=3, cv=PredefinedSplit(fold)).fit(X, y, w)
    assert model.oof_decision_function_.shape == (N, 3)
    p = member_probabilities(model, X)[fold, np.arange(N)]
    np.testing.assert_allclose(
        model.oof_decision_function_, np.log(p / (1 - p)), rtol=1e-3, atol=1e-4
    )


def test_stratified_folds_score_each_event_of_five_classes(make_model):
    X, y, w = make_classes("integers")
    model = make_model(n_members=3, cv=3, max_epochs=1).fit(X, y, w)
    assert model.oof_decision_function_.shape == (N, 5)
    assert np.isfinite(model.oof_decision_function_).all()


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_events_without_a_score_are_nan_in_every_class(make_model):
    X, y, w = make_classes()
    w[7] = 0.0
    model = make_model(n_members=1, cv=PredefinedSplit(np.arange(N) % 3)).fit(X, y, w)
    missing = np.isnan(model.oof_decision_function_)
    scored = (np.arange(N) % 3 == 0) & (w != 0)
    np.testing.assert_array_equal(missing, np.repeat(~scored[:, None], 3, axis=1))


def test_a_signal_weight_needs_to_know_the_signal(make_model):
    X, y, w = make_classes()
    with pytest.raises(ValueError, match=r"`pos_label` must name the signal .* None"):
        make_model(signal_weight=2.0).fit(X, y, w)
    make_model(signal_weight=1.0, max_epochs=1).fit(X, y, w)


def test_the_signal_weight_multiplies_the_weights_of_its_class(make_model):
    X, y, w = make_classes()
    options = {"class_weight": None, "batch_size": 1000, "max_epochs": 10}

    def scores(weights, **changes):
        model = make_model(**options, **changes)
        return model.fit(X, y, weights).decision_function(X)

    got = scores(w, signal_weight=3.0, pos_label="wjets")
    tripled = scores(np.where(y == "wjets", 3.0 * w, w))
    np.testing.assert_allclose(got, tripled, rtol=1e-3, atol=1e-4)
    assert np.abs(got - scores(w)).max() > 0.01


def test_weight_zero_equals_absent_to_the_bit(make_model):
    X, y, w = with_negative_weights(make_classes())
    absent = np.random.default_rng(0).random(N) < 0.3
    zeroed = X.copy()
    zeroed[absent] = 1e6
    options = {"n_members": 2, "validation_fraction": 0.3, "dropout": 0.2}
    present = make_model(**options).fit(X[~absent], y[~absent], w[~absent])
    weighted = make_model(**options).fit(zeroed, y, np.where(absent, 0.0, w))
    np.testing.assert_array_equal(
        weighted.decision_function(X), present.decision_function(X)
    )
    pd.testing.assert_frame_equal(weighted.history_, present.history_, check_exact=True)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_weight_k_equals_k_copies_in_a_full_batch(make_model, loss):
    X, y, _ = make_classes()
    k = np.random.default_rng(1).integers(0, 4, size=N)
    options = {"batch_size": 1000, "max_epochs": 15, "loss": loss}
    weighted = make_model(**options).fit(X, y, k).decision_function(X)
    copies = np.repeat(X, k, axis=0), np.repeat(y, k)
    copied = make_model(**options).fit(*copies).decision_function(X)
    np.testing.assert_allclose(weighted, copied, rtol=1e-3, atol=1e-4)
    unweighted = make_model(**options).fit(X, y).decision_function(X)
    assert np.abs(weighted - unweighted).max() > 0.01


def test_the_order_of_labels_follows_their_names_only(make_model):
    X, y, w = make_classes()
    code = np.unique(y, return_inverse=True)[1]
    by_name = make_model().fit(X, y, w)
    by_code = make_model().fit(X, code, w)
    np.testing.assert_array_equal(by_name.predict_proba(X), by_code.predict_proba(X))


def test_the_balanced_log_loss_judges_several_classes_by_its_name(make_model):
    X, y, w = with_negative_weights(make_classes())
    options = {"max_epochs": 3, "validation_fraction": 0.4}
    by_name = make_model(scoring="balanced_log_loss", **options).fit(X, y, w)
    scorer = weighted_scorer("balanced_log_loss")
    by_scorer = make_model(scoring=scorer, **options).fit(X, y, w)
    found = by_name.history_["valid_score"].to_numpy()
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, by_scorer.history_["valid_score"])


def test_scikit_learn_scores_and_stacks_many_classes(make_model):
    X, y, _ = make_classes()
    model = make_model(max_epochs=8)
    scores = cross_val_score(model, X, y, scoring="roc_auc_ovr", cv=3)
    assert scores.min() > 0.8
    stack = StackingClassifier(
        [("net", model), ("line", LogisticRegression())],
        final_estimator=LogisticRegression(),
        cv=2,
    ).fit(X, y)
    assert stack.predict_proba(X).shape == (N, 3)
    assert stack.score(X, y) > 0.7
    # the columns of the net are its three probabilities
    np.testing.assert_array_equal(
        stack.transform(X)[:, :3], stack.estimators_[0].predict_proba(X)
    )


def test_digits_are_told_apart(make_model):
    X, X_test, y, y_test = train_test_split(
        *load_digits(return_X_y=True), test_size=0.3, random_state=0
    )
    model = make_model(width=48, batch_size=64, max_epochs=10).fit(X, y)
    assert model.score(X_test, y_test) > 0.95
    assert model.predict_proba(X_test).shape == (len(y_test), 10)
