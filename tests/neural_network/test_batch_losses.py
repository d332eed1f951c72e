"""Losses that need the whole batch, such as a significance."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skhep_dnn.neural_network._losses import MemberLoss, cross_entropy

# Samples are small here, and signed weights are kept: the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)

RNG = np.random.default_rng(0)
LOGIT = torch.from_numpy(RNG.normal(scale=3.0, size=(2, 6)))
TARGET = torch.from_numpy((RNG.random((2, 6)) < 0.5).astype(np.float64))
WEIGHT = torch.from_numpy(RNG.normal(size=(2, 6)))


def needs_batch(function):
    function.needs_batch = True
    return function


@needs_batch
def mean_cross_entropy(logit, target, weight):
    """The built-in loss as a mean over the batch."""
    total = weight.abs().sum(1)
    return (weight * cross_entropy(logit, target)).sum(1) / total


class SmoothSignificance:
    """Minus s / sqrt(b + eps) with the response as a smooth selection."""

    needs_batch = True

    def __init__(self, eps=1e-3):
        self.eps = eps

    def __call__(self, logit, target, weight):
        selected = weight * torch.sigmoid(logit) / weight.abs().sum(1, keepdim=True)
        s = (selected * target).sum(1)
        b = (selected * (1.0 - target)).sum(1)
        return -s / (b.clamp_min(0.0) + self.eps).sqrt()


def with_negative_weights(events):
    X, y, w = events
    return X, y, np.where(np.arange(150) % 15 == 0, -w, w)


def test_the_loss_of_a_batch_is_its_mean_times_the_weights():
    criterion = MemberLoss(mean_cross_entropy)
    expected = (WEIGHT * cross_entropy(LOGIT, TARGET)).sum(1)
    torch.testing.assert_close(criterion.train()(LOGIT, TARGET, WEIGHT), expected)
    # of the validation sample it is the mean times the sum of signed weights
    mean = expected / WEIGHT.abs().sum(1)
    torch.testing.assert_close(
        criterion.eval()(LOGIT, TARGET, WEIGHT), mean * WEIGHT.sum(1)
    )


@pytest.mark.parametrize("loss", [mean_cross_entropy, SmoothSignificance(0.1)])
def test_gradients_equal_finite_differences(loss):
    logit = LOGIT.clone().requires_grad_()
    weight = WEIGHT.abs()
    assert torch.autograd.gradcheck(
        lambda z: MemberLoss(loss)(z, TARGET, weight), logit
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 1000},
        {"n_members": 3, "cv": 4, "dropout": 0.3, "validation_fraction": 0.3},
        {"signal_weight": 3.0, "pos_label": 1, "max_weight": 2.0},
    ],
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_a_mean_over_the_batch_trains_as_the_built_in_loss(
    make_model, events, options, n_classes
):
    X, _, w = with_negative_weights(events)
    y = np.arange(150) % n_classes
    w = np.abs(w) if "cv" in options else w
    options = {"optimizer_eps": 1e-4, **options}
    expected = make_model(**options).fit(X, y, w)
    model = make_model(loss=mean_cross_entropy, **options).fit(X, y, w)
    np.testing.assert_allclose(
        model.decision_function(X), expected.decision_function(X), rtol=2e-3, atol=2e-4
    )
    for name in ("train_loss", "valid_loss"):
        np.testing.assert_allclose(
            model.history_[name], expected.history_[name], rtol=1e-3
        )


def test_a_significance_can_be_trained(make_model, events):
    X, y, w = events
    train, valid = (X[:90], y[:90], w[:90]), (X[90:], y[90:], w[90:])
    loss = SmoothSignificance(0.05)
    options = {"loss": loss, "batch_size": 45, "learning_rate": 0.05, "max_epochs": 6}
    model = make_model(n_members=2, **options).fit(*train, *valid)
    history = model.history_
    assert np.isfinite(history[["train_loss", "valid_loss"]]).all(axis=None)
    first = make_model(**options | {"max_epochs": 1}).fit(*train)
    assert model.best_loss_.max() < loss_by_hand(loss, first, *valid)


def loss_by_hand(loss, model, X, y, w):
    """The loss of the whole sample, with both classes of the same weight."""
    p = expit(model.decision_function(X))
    is_signal = y == "s"
    s = (w * p)[is_signal].sum() / w[is_signal].sum() / 2
    b = (w * p)[~is_signal].sum() / w[~is_signal].sum() / 2
    size = sum(np.abs(w[m]).sum() / w[m].sum() for m in (is_signal, ~is_signal)) / 2
    return -s / size / np.sqrt(b / size + loss.eps)


@pytest.mark.parametrize("negative", [False, True])
def test_the_validation_loss_is_that_of_the_whole_sample(make_model, events, negative):
    X, y, w = with_negative_weights(events) if negative else events
    # more events than one batch of validation has
    train = X[:90], y[:90], w[:90]
    valid = tuple(
        np.tile(part, (40, 1)[: part.ndim]) for part in (X[90:], y[90:], w[90:])
    )
    valid[0][:] += np.linspace(0, 0.5, len(valid[0]), dtype=np.float32)[:, None]
    loss = SmoothSignificance()
    options = {"loss": loss, "learning_rate": 0.05}
    model = make_model(max_epochs=3, **options).fit(*train, *valid)
    assert len(valid[0]) > 2048
    for n_epochs, got in enumerate(model.history_["valid_loss"], start=1):
        short = make_model(max_epochs=n_epochs, **options).fit(*train)
        expected = loss_by_hand(loss, short, *valid)
        assert got == pytest.approx(expected, rel=1e-4)
    assert model.best_loss_[0] == model.history_["valid_loss"].min()


def test_events_that_fill_up_a_batch_do_not_count():
    loss = MemberLoss(SmoothSignificance())
    filled = [torch.cat([x, x[:, :2]], 1) for x in (LOGIT, TARGET)]
    weight = torch.cat([WEIGHT.abs(), torch.zeros(2, 2, dtype=torch.float64)], 1)
    torch.testing.assert_close(loss(*filled, weight), loss(LOGIT, TARGET, WEIGHT.abs()))


def test_weight_zero_equals_absent_and_the_unit_does_not_matter(make_model, events):
    X, y, w = events
    absent = np.arange(150) % 4 == 1
    options = {"loss": SmoothSignificance(), "n_members": 2, "dropout": 0.2}
    present = make_model(**options).fit(X[~absent], y[~absent], w[~absent])
    weighted = make_model(**options).fit(X, y, np.where(absent, 0.0, 1024.0 * w))
    np.testing.assert_array_equal(
        weighted.decision_function(X), present.decision_function(X)
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda logit, target, weight: (weight * (logit - target) ** 2).mean(),
        lambda logit, target, weight: weight * (logit - target) ** 2,
    ],
    ids=["scalar", "events"],
)
def test_a_loss_of_another_shape_is_an_error(make_model, events, function):
    X, y, w = events
    with pytest.raises(ValueError, match=r"one value for each member, of shape \(1,\)"):
        make_model(loss=needs_batch(function)).fit(X, y, w)


def test_a_loss_without_the_attribute_gets_no_weights(make_model, events):
    X, y, w = events
    got = []

    def squares(*arguments):
        got.append(len(arguments))
        logit, target = arguments
        return (logit - target) ** 2

    make_model(loss=squares, max_epochs=1).fit(X, y, w)
    assert set(got) == {2}


def test_smoothed_labels_are_refused(make_model, events):
    X, y, w = events
    model = make_model(loss=SmoothSignificance(), label_smoothing=0.1)
    with pytest.raises(
        ValueError, match="`label_smoothing` must be 0 with a loss that"
    ):
        model.fit(X, y, w)
