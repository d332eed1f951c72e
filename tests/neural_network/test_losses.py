"""Losses against their closed form, gradients against finite differences."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from skhep_dnn.neural_network._losses import MemberLoss, cross_entropy

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
