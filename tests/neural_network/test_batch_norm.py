"""Batch norm: against torch, by brute force, and what weights mean to it."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit

from skhep_dnn.neural_network import count_parameters
from skhep_dnn.neural_network._engine.data import Events, Group, Member
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._networks.layers import MemberBatchNorm
from skhep_dnn.neural_network._networks.network import CONNECTIONS, MemberNetwork
from skhep_dnn.neural_network._schedules import constant

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

N_MEMBERS, N_BATCH, WIDTH = 2, 7, 3
RNG = np.random.default_rng(5)
X = torch.from_numpy(RNG.normal(2.0, 3.0, size=(N_MEMBERS, N_BATCH, WIDTH)))
WEIGHT = torch.from_numpy(RNG.exponential(size=(N_MEMBERS, N_BATCH)))


def make_norm(**options):
    """A layer with parameters that are not those it starts with."""
    norm = MemberBatchNorm(N_MEMBERS, WIDTH, **options).double()
    with torch.no_grad():
        norm.gain.copy_(torch.from_numpy(RNG.uniform(0.5, 2.0, norm.gain.shape)))
        norm.shift.copy_(torch.from_numpy(RNG.normal(size=norm.shift.shape)))
    return norm


def statistics(norm):
    return {name: value.clone() for name, value in norm.named_buffers()}


@pytest.mark.parametrize("scale", [1.0, -1.0, 1e-3])
def test_equal_weights_give_the_batch_norm_of_torch(scale):
    norm = make_norm()
    target = torch.from_numpy(RNG.normal(size=X.shape))
    x = X.clone().requires_grad_()
    for _ in range(3):
        got = norm(x, torch.full((N_MEMBERS, N_BATCH), scale, dtype=torch.float64))
    (got * target).sum().backward()
    for k in range(N_MEMBERS):
        reference = torch.nn.BatchNorm1d(WIDTH).double()
        with torch.no_grad():
            reference.weight.copy_(norm.gain[k, 0])
            reference.bias.copy_(norm.shift[k, 0])
        own = X[k].clone().requires_grad_()
        for _ in range(3):
            expected = reference(own)
        (expected * target[k]).sum().backward()
        torch.testing.assert_close(got[k], expected)
        torch.testing.assert_close(x.grad[k], own.grad)
        torch.testing.assert_close(norm.gain.grad[k, 0], reference.weight.grad)
        torch.testing.assert_close(norm.shift.grad[k, 0], reference.bias.grad)
        torch.testing.assert_close(norm.mean[k, 0], reference.running_mean)
        # torch remembers the unbiased variance
        biased = 0.9**3 + (reference.running_var - 0.9**3) * (N_BATCH - 1) / N_BATCH
        torch.testing.assert_close(norm.variance[k, 0], biased)


def test_statistics_are_weighted_by_the_size_of_the_weights():
    norm = make_norm(momentum=0.25)
    signed = WEIGHT * torch.tensor([1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
    got = norm(X, signed).detach().numpy()
    for k in range(N_MEMBERS):
        x, w = X[k].numpy(), WEIGHT[k].numpy()
        mean = np.average(x, axis=0, weights=w)
        variance = np.average((x - mean) ** 2, axis=0, weights=w)
        gain, shift = norm.gain[k, 0].detach().numpy(), norm.shift[k, 0].detach()
        expected = gain * (x - mean) / np.sqrt(variance + 1e-5) + shift.numpy()
        np.testing.assert_allclose(got[k], expected)
        np.testing.assert_allclose(norm.mean[k, 0], 0.25 * mean)
        np.testing.assert_allclose(norm.variance[k, 0], 0.75 + 0.25 * variance)


def test_the_gradient_equals_finite_differences():
    norm = make_norm()
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: norm(x, WEIGHT), x)


def test_events_of_weight_zero_change_nothing():
    norm = make_norm()
    start = statistics(norm)
    alone = norm(X, WEIGHT)
    after = statistics(norm)
    norm.load_state_dict(start, strict=False)
    filled = torch.cat([X, torch.full((N_MEMBERS, 2, WIDTH), 1e9)], 1)
    zeros = torch.zeros(N_MEMBERS, 2, dtype=torch.float64)
    together = norm(filled, torch.cat([WEIGHT, zeros], 1))
    torch.testing.assert_close(together[:, :N_BATCH], alone)
    for name, value in statistics(norm).items():
        torch.testing.assert_close(value, after[name])


def test_weight_two_equals_the_event_twice():
    norm, weight = make_norm(), torch.ones(N_MEMBERS, N_BATCH, dtype=torch.float64)
    doubled = weight.clone()
    doubled[:, 0] = 2.0
    expected = norm(torch.cat([X, X[:, :1]], 1), torch.cat([weight, weight[:, :1]], 1))
    torch.testing.assert_close(norm(X, doubled), expected[:, :N_BATCH])


def test_a_member_without_events_in_the_batch_keeps_its_statistics():
    norm = make_norm()
    norm(X, WEIGHT)
    before = statistics(norm)
    weight = WEIGHT.clone()
    weight[1] = 0.0
    x = X.clone().requires_grad_()
    result = norm(2.0 * x, weight)
    result.sum().backward()
    assert torch.isfinite(result).all()
    assert torch.isfinite(x.grad).all()
    for name, value in statistics(norm).items():
        assert torch.equal(value[1], before[name][1]), name
        assert not torch.equal(value[0], before[name][0]), name


def test_evaluation_uses_the_running_statistics_and_leaves_them():
    norm = make_norm()
    for _ in range(3):
        norm(X, WEIGHT)
    before = statistics(norm)
    new = 10.0 * X[:, :1]
    expected = norm.gain * (new - norm.mean) / (norm.variance + 1e-5).sqrt()
    torch.testing.assert_close(norm(new), expected + norm.shift)
    for name, value in statistics(norm).items():
        assert torch.equal(value, before[name])


# The engine: unequal members in one group, and each of them alone.

N = 90
Y = (RNG.random(N) < 0.5).astype(np.float32)
INPUTS = (RNG.normal(3.0, 2.0, size=(N, 3)) + Y[:, None]).astype(np.float32)
SIGNED = RNG.exponential(size=N) * np.where(RNG.random(N) < 0.1, -1, 1)


def train_members(members, connection, *, width=9):
    """Train members of which each has fewer events than the one before."""
    training = [np.arange(12 * k, N - 30) for k in members]
    validation = [np.arange(N - 30, N)[k:] for k in members]
    members_of_group = [
        Member(
            rows=rows,
            weights=SIGNED[rows],
            validation_rows=valid,
            validation_weights=SIGNED[valid],
            order_seed=100 + k,
        )
        for k, rows, valid in zip(members, training, validation, strict=True)
    ]
    events = Events(INPUTS, Y)
    data = Group(events, events, tuple(members_of_group), -(-60 // width), width)
    settings = TrainingSettings(
        n_numeric=3,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        hidden_layer_sizes=[5, 5],
        activation=["tanh", "swish"],
        connection=connection,
        dropout=[0.2, 0.0],
        batch_norm=True,
        schedule=constant,
        learning_rate=0.02,
        # the gradient of a bias before a norm is rounding alone, which a smaller
        # epsilon would make a step of its own
        optimizer_eps=1e-3,
        max_epochs=6,
    )
    net = MemberNet(settings, list(members))
    with engine_settings():
        net.begin(data)
        for _ in net.proceed(data, 6):
            pass
    return net


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_member_of_a_group_equals_the_member_trained_alone(connection):
    members = [0, 1, 3]
    together = train_members(members, connection).module_.state_dict()
    for position, k in enumerate(members):
        alone = train_members([k], connection).module_.state_dict()
        assert any(name.startswith("norms.1") for name in alone)
        for name, value in alone.items():
            torch.testing.assert_close(
                together[name][position], value[0], rtol=5e-3, atol=5e-4
            )


def test_the_statistics_of_a_training_are_those_of_its_batches():
    # in a full batch the pre-activations of the first step are known
    net = train_members([1], "plain", width=60)
    settings = net.get_params_for("module")
    start = MemberNetwork(**settings)
    index = np.arange(12, N - 30)
    scaled = net.module_.inputs(torch.from_numpy(INPUTS[index])[None])
    pre = (scaled @ start.weights[0])[0].detach().numpy()
    weights = np.abs(SIGNED[index])
    mean = np.average(pre, axis=0, weights=weights)
    variance = np.average((pre - mean) ** 2, axis=0, weights=weights)
    norm = start.norms[0]
    sizes = torch.from_numpy(weights).float()[None]
    torch.testing.assert_close(
        norm(torch.from_numpy(pre)[None], sizes)[0].detach().numpy(),
        (pre - mean) / np.sqrt(variance + 1e-5),
        rtol=1e-4,
        atol=1e-5,
        check_dtype=False,
    )
    net.module_.train()
    plain = net.module_.from_scaled(scaled, weight=sizes)
    assert not torch.allclose(plain, net.module_.from_scaled(scaled))


# The classifier.

OPTIONS = {"batch_norm": True, "n_layers": 2}


def test_prediction_is_that_of_the_running_statistics(make_model, events):
    X, y, w = events
    model = make_model(activation="tanh", **OPTIONS).fit(X, y, w)
    state = {
        name: value[0].double().numpy()
        for name, value in model.net_.module_.state_dict().items()
    }
    hidden = (X - state["inputs.center"]) * state["inputs.inverse_scale"]
    for k in range(2):
        pre = hidden @ state[f"weights.{k}"]
        spread = np.sqrt(state[f"norms.{k}.variance"] + 1e-5)
        pre = (pre - state[f"norms.{k}.mean"]) / spread
        hidden = np.tanh(pre * state[f"norms.{k}.gain"] + state[f"norms.{k}.shift"])
    expected = (hidden @ state["output_weight"] + state["output_bias"])[:, 0]
    np.testing.assert_allclose(
        model.decision_function(X), expected, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        model.predict_proba(X[:1])[:, 1], expit(expected[:1]), rtol=1e-4
    )


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_weight_zero_equals_absent_with_unequal_folds(make_model, events, connection):
    X, y, w = events
    absent = np.random.default_rng(0).random(150) < 0.3
    zeroed = X.copy()
    zeroed[absent] = 1e6
    options = {"n_members": 4, "cv": 4, "connection": connection, **OPTIONS}
    present = make_model(**options).fit(X[~absent], y[~absent], w[~absent])
    weighted = make_model(**options).fit(zeroed, y, np.where(absent, 0.0, w))
    np.testing.assert_array_equal(
        weighted.decision_function(X), present.decision_function(X)
    )
    pd.testing.assert_frame_equal(weighted.history_, present.history_, check_exact=True)


def test_weight_k_equals_k_copies_in_a_full_batch(make_model, events):
    X, y, _ = events
    k = np.random.default_rng(1).integers(0, 4, size=len(y))
    options = {"batch_size": 1000, "max_epochs": 15, "optimizer_eps": 1e-3, **OPTIONS}
    weighted = make_model(**options).fit(X, y, k).decision_function(X)
    copies = np.repeat(X, k, axis=0), np.repeat(y, k)
    copied = make_model(**options).fit(*copies).decision_function(X)
    np.testing.assert_allclose(weighted, copied, rtol=2e-3, atol=2e-4)
    unweighted = make_model(**options).fit(X, y).decision_function(X)
    assert np.abs(weighted - unweighted).max() > 0.01


def test_the_best_epoch_restores_the_running_statistics_too(make_model, events):
    X, y, w = events
    options = {"learning_rate": 0.1, **OPTIONS}
    model = make_model(max_epochs=25, **options)
    model.fit(X[:100], y[:100], w[:100], X[100:], y[100:], w[100:])
    best = int(model.best_epoch_[0])
    assert 1 < best < 25
    short = make_model(max_epochs=best, **options).fit(X[:100], y[:100], w[:100])
    state = short.net_.module_.state_dict()
    assert "norms.1.variance" in state
    for name, value in model.net_.module_.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_training_is_changed_by_batch_norm(make_model, events):
    X, y, w = events
    plain, normed = (
        make_model(batch_norm=on, max_epochs=8).fit(X, y, w) for on in (False, True)
    )
    assert not np.allclose(plain.decision_function(X), normed.decision_function(X))
    assert normed.score(X, y, w) > 0.7


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("connection", CONNECTIONS)
def test_count_parameters_knows_batch_norm(
    make_model, mixed_events, batch_norm, connection
):
    widths = [5, 5, 5] if connection == "residual" else [6, 5, 3]
    options = {"batch_norm": batch_norm, "connection": connection}
    model = make_model(
        hidden_layer_sizes=widths,
        activation="prelu",
        categorical_features=["channel", "jets"],
        max_epochs=1,
        **options,
    ).fit(*mixed_events)
    count = count_parameters(
        3, widths, activation="prelu", n_categories=[3, 4], **options
    )
    assert model.n_parameters_ == count
    bare = {**options, "batch_norm": False}
    rest = count_parameters(3, widths, activation="prelu", n_categories=[3, 4], **bare)
    assert count - rest == (sum(widths) if batch_norm else 0)
