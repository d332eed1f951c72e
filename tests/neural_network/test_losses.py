"""Losses against their closed form, gradients against finite differences."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.neural_network import FocalLoss
from skhep_dnn.neural_network._losses import LOSSES, MemberLoss, cross_entropy

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

RNG = np.random.default_rng(0)
LOGIT = torch.from_numpy(RNG.normal(scale=3.0, size=(2, 6)))
TARGET = torch.from_numpy((RNG.random((2, 6)) < 0.5).astype(np.float64))
WEIGHT = torch.from_numpy(RNG.normal(size=(2, 6)))


def test_cross_entropy_is_its_closed_form():
    z, y = LOGIT.numpy(), TARGET.numpy()
    expected = np.log1p(np.exp(z)) - y * z
    np.testing.assert_allclose(cross_entropy(LOGIT, TARGET).numpy(), expected)


def test_cross_entropy_of_huge_logits_is_their_distance_from_zero():
    logit = torch.tensor([[1e4, -1e4, 1e4, -1e4]])
    target = torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    assert cross_entropy(logit, target).tolist() == [[0.0, 0.0, 1e4, 1e4]]


def test_member_loss_is_the_sum_of_weight_times_loss_of_each_member():
    expected = (cross_entropy(LOGIT, TARGET) * WEIGHT).sum(1)
    torch.testing.assert_close(MemberLoss()(LOGIT, TARGET, WEIGHT), expected)


def test_all_weight_on_one_event_gives_the_loss_of_that_event():
    for k in range(6):
        weight = torch.zeros(2, 6, dtype=torch.float64)
        weight[:, k] = 1.0
        expected = cross_entropy(LOGIT, TARGET)[:, k]
        torch.testing.assert_close(MemberLoss()(LOGIT, TARGET, weight), expected)


def test_weight_two_equals_the_event_twice():
    twice = torch.ones(2, 7, dtype=torch.float64)
    doubled = torch.ones(2, 6, dtype=torch.float64)
    doubled[:, 0] = 2.0
    repeated = [torch.cat([x, x[:, :1]], 1) for x in (LOGIT, TARGET)]
    torch.testing.assert_close(
        MemberLoss()(*repeated, twice), MemberLoss()(LOGIT, TARGET, doubled)
    )


def test_loss_is_summed_in_the_precision_of_the_weights():
    loss = MemberLoss()(LOGIT.float(), TARGET.float(), WEIGHT)
    assert loss.dtype == torch.float64
    assert MemberLoss()(LOGIT.float(), TARGET.float(), WEIGHT.float()).dtype == (
        torch.float32
    )


def test_any_loss_per_event_can_be_weighted():
    squares = MemberLoss(lambda logit, target: (logit - target).square())
    expected = ((LOGIT - TARGET).square() * WEIGHT).sum(1)
    torch.testing.assert_close(squares(LOGIT, TARGET, WEIGHT), expected)


def test_focal_loss_is_its_closed_form_and_cross_entropy_at_zero():
    p, y = expit(LOGIT.numpy()), TARGET.numpy()
    p_true = np.where(y == 1, p, 1 - p)
    expected = -((1 - p_true) ** 1.5) * np.log(p_true)
    np.testing.assert_allclose(FocalLoss(1.5)(LOGIT, TARGET).numpy(), expected)
    torch.testing.assert_close(
        FocalLoss(0.0)(LOGIT, TARGET), cross_entropy(LOGIT, TARGET)
    )
    with pytest.raises(ValueError, match=r"`gamma` must be finite .* got -1.0"):
        FocalLoss(-1.0)


def test_label_smoothing_mixes_the_classes_in_training_only():
    loss = MemberLoss(cross_entropy, label_smoothing=0.2)
    smooth = TARGET * 0.8 + 0.1
    expected = (cross_entropy(LOGIT, smooth) * WEIGHT).sum(1)
    torch.testing.assert_close(loss.train()(LOGIT, TARGET, WEIGHT), expected)
    plain = MemberLoss()(LOGIT, TARGET, WEIGHT)
    torch.testing.assert_close(loss.eval()(LOGIT, TARGET, WEIGHT), plain)


def test_a_loss_that_is_summed_already_is_an_error(make_model, events):
    X, y, w = events
    model = make_model(loss=lambda logit, target: (logit - target).square().sum())
    with pytest.raises(ValueError, match=r"`loss` must return one value .* got \(\)"):
        model.fit(X, y, w)


def test_losses_reach_the_training_by_name_or_as_callables(make_model, events):
    X, y, w = events

    def scores(**options):
        return make_model(**options).fit(X, y, w).decision_function(X).tolist()

    plain = scores()
    assert scores(loss=cross_entropy) == plain
    assert scores(loss="focal") == scores(loss=FocalLoss(2.0)) != plain
    assert scores(label_smoothing=0.1) != plain


def test_smoothing_is_not_part_of_the_validation_loss(make_model, events):
    X, y, w = events
    sample = X[:80], y[:80], w[:80]
    model = make_model(label_smoothing=0.3, max_epochs=4).fit(X, y, w, *sample)
    logits = model.decision_function(X[:80])
    assert model.best_loss_[0] == pytest.approx(
        balanced_log_loss_from_logits(y[:80], logits, w[:80]), rel=1e-5
    )


@pytest.mark.parametrize("loss", LOSSES.values())
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_gradients_equal_finite_differences(loss, label_smoothing):
    criterion = MemberLoss(loss, label_smoothing)
    logit = LOGIT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: criterion(z, TARGET, WEIGHT), logit)


def test_gradient_equals_finite_differences_and_the_closed_form():
    logit = LOGIT.clone().requires_grad_()
    MemberLoss()(logit, TARGET, WEIGHT).sum().backward()
    closed = WEIGHT.numpy() * (expit(LOGIT.numpy()) - TARGET.numpy())
    np.testing.assert_allclose(logit.grad.numpy(), closed)
    step = 1e-5
    for k in range(6):
        up, down = LOGIT.clone(), LOGIT.clone()
        up[:, k] += step
        down[:, k] -= step
        rise = MemberLoss()(up, TARGET, WEIGHT) - MemberLoss()(down, TARGET, WEIGHT)
        assert (rise / (2 * step)).tolist() == pytest.approx(
            logit.grad[:, k].tolist(), rel=1e-6
        )
