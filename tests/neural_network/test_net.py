"""The training loop against loops written by hand in plain torch."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network._engine.data import (
    Events,
    Group,
    Member,
    MemberSample,
)
from skhep_dnn.neural_network._engine.net import MemberNet
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._schedules import SCHEDULES
from skhep_dnn.weights import training_weights, validation_weights

# Samples of sixty events with signed weights, of which `training_weights` warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

N, N_VALID = 60, 40
RNG = np.random.default_rng(11)
Y = (RNG.random(N + N_VALID) < 0.5).astype(np.float32)
X = (RNG.normal(3.0, 2.0, size=(N + N_VALID, 3)) + Y[:, None]).astype(np.float32)
X[RNG.random(X.shape) < 0.1] = np.nan
W = RNG.exponential(size=N + N_VALID) * np.where(RNG.random(N + N_VALID) < 0.1, -1, 1)

NETWORK = {
    "n_numeric": 3,
    "numeric_scaling": "standard",
    "scale_learning_rate": None,
    "numeric_embedding": None,
    "embeddings": [],
    "hidden_layer_sizes": [6, 4],
    "activation": ["tanh", "tanh"],
    "connection": "plain",
    "dropout": [0.0, 0.0],
}


@pytest.fixture(autouse=True)
def _one_thread():
    with engine_settings():
        yield


def member_samples(k, *, validation):
    """Another part of the events for each member."""
    if validation:
        index = np.arange(N, N + N_VALID)[k:]
        return MemberSample(index, validation_weights(Y[index], W[index]))
    index = np.arange(k, N)
    return MemberSample(index, training_weights(Y[index], W[index]).weights)


def member(training, validation=None, seed=0):
    return Member(
        rows=training.index,
        weights=training.weights,
        validation_rows=None if validation is None else validation.index,
        validation_weights=None if validation is None else validation.weights,
        network_seed=seed,
        order_seed=100 + seed,
    )


def group_of(members, *, n_steps=4, width=15, events=None):
    events = Events(X, Y) if events is None else events
    return Group(events, Events(X, Y), tuple(members), n_steps, width)


def group(members, *, n_steps=4, width=15, validation=True):
    samples = [
        [member_samples(k, validation=v) for v in (False, True)[: 1 + validation]]
        for k in members
    ]
    records = [member(*own, seed=k) for own, k in zip(samples, members, strict=True)]
    return group_of(records, n_steps=n_steps, width=width)


def make_net(
    members=(0,), *, schedule="constant", network=None, callbacks=(), **changes
):
    options = {
        "learning_rate": 0.02,
        "optimizer_eps": 1e-6,
        "max_epochs": 8,
        "l1": 0.0,
        "l2": 0.0,
    }
    settings = TrainingSettings(
        schedule=SCHEDULES[schedule],
        **{**NETWORK, **(network or {})},
        **{**options, **changes},
    )
    return MemberNet(settings, list(members), callbacks=callbacks)


def patient(patience):
    return {"early_stopping": True, "n_iter_no_change": patience}


def train(net, data):
    net.begin(data)
    for _ in net.proceed(data, net.max_epochs):
        pass
    return net


def losses(net, name, k):
    return [row[k] for row in net.history[:, name]]


def reference(k, *, n_steps, width, schedule, max_epochs=8, lr=0.02, l1=0.0, l2=0.0):
    """Train member k by hand; return losses and the parameters of the best epoch."""
    start = MemberNetwork(**NETWORK, missing_values=float("nan"), seeds=[k])
    matrices = [w[0].detach().clone() for w in [*start.weights, start.output_weight]]
    biases = [torch.zeros(6), torch.zeros(4), torch.zeros(1)]
    parameters = [p.requires_grad_() for p in [*matrices, *biases]]
    samples = [member_samples(k, validation=False), member_samples(k, validation=True)]
    index, weights = samples[0].index, samples[0].weights
    defined = ~np.isnan(X)
    mean, scale = np.empty(3), np.empty(3)
    for j in range(3):
        x = X[index, j][defined[index, j]].astype(np.float64)
        w = np.abs(weights)[defined[index, j]]
        mean[j] = np.average(x, weights=w)
        scale[j] = np.sqrt(np.average((x - mean[j]) ** 2, weights=w))
    scaled = np.where(defined, (X - mean) / scale, 0.0)
    inputs, target = torch.tensor(scaled, dtype=torch.float32), torch.from_numpy(Y)

    def weighted_losses(rows, weight):
        hidden = inputs[rows]
        for matrix, bias in zip(matrices[:-1], biases[:-1], strict=True):
            hidden = torch.tanh(hidden @ matrix + bias)
        logit = (hidden @ matrices[-1] + biases[-1])[:, 0]
        loss = torch.nn.functional.softplus(logit) - target[rows] * logit
        return (weight * loss).sum()

    optimizer = torch.optim.Adam(parameters, eps=1e-6)
    generator = torch.Generator().manual_seed(100 + k)
    history = {"train": [], "valid": []}
    done, planned = 0, n_steps * max_epochs
    for _ in range(max_epochs):
        order = torch.randperm(len(index), generator=generator).numpy()
        total = 0.0
        for step in range(n_steps):
            part = order[step * width : (step + 1) * width]
            factor, momentum = SCHEDULES[schedule](
                max_epochs * done / planned, max_epochs
            )
            beta_1 = 0.9 if momentum is None else momentum
            optimizer.param_groups[0].update(lr=lr * factor, betas=(beta_1, 0.999))
            loss = weighted_losses(index[part], torch.tensor(weights[part]).float())
            total += loss.item()
            penalty = sum(l1 * m.abs().sum() + l2 * m.square().sum() for m in matrices)
            optimizer.zero_grad()
            (loss / width + penalty).backward()
            optimizer.step()
            done += 1
        history["train"].append(total / np.abs(weights).sum())
        with torch.no_grad():
            valid = weighted_losses(samples[1].index, torch.tensor(samples[1].weights))
        if valid < min(history["valid"], default=np.inf):
            best = [p.detach().clone() for p in parameters]
        history["valid"].append(valid.item())
    return history, best


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize(
    ("n_steps", "width"), [(1, 60), (4, 15), (7, 9)], ids=["full", "mini", "padded"]
)
@pytest.mark.parametrize("penalty", [{}, {"l1": 1e-3, "l2": 1e-2}])
def test_training_equals_a_loop_in_plain_torch(schedule, n_steps, width, penalty):
    data = group([0], n_steps=n_steps, width=width)
    net = train(make_net(schedule=schedule, **penalty), data)
    history, parameters = reference(
        0, n_steps=n_steps, width=width, schedule=schedule, **penalty
    )
    assert losses(net, "train_losses", 0) == pytest.approx(history["train"], rel=1e-4)
    assert losses(net, "valid_losses", 0) == pytest.approx(history["valid"], rel=1e-4)
    module = net.module_
    got = [*module.weights, module.output_weight, *module.biases, module.output_bias]
    for ours, plain in zip(got, parameters, strict=True):
        torch.testing.assert_close(
            ours.detach()[0].reshape(plain.shape), plain, rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize(
    "network",
    [
        {"dropout": [0.4, 0.2]},
        {"connection": "dense", "activation": ["prelu", "swish_learnt"]},
        {"hidden_layer_sizes": [7], "activation": ["tanh"], "dropout": [0.0]},
        {"hidden_layer_sizes": [5, 5], "connection": "residual"},
    ],
)
def test_a_member_of_a_group_equals_the_member_trained_alone(network):
    members = [0, 3, 7]
    together = train(make_net(members, network=network), group(members))
    for position, k in enumerate(members):
        alone = train(make_net([k], network=network), group([k]))
        for name in ("train_losses", "valid_losses"):
            assert losses(together, name, position) == pytest.approx(
                losses(alone, name, 0), rel=1e-3
            )
        assert together.judge_.best.epoch[position] == alone.judge_.best.epoch[0]
        for name, value in alone.judge_.best.state.items():
            torch.testing.assert_close(
                together.judge_.best.state[name][position],
                value[0],
                rtol=5e-3,
                atol=5e-4,
            )


def test_another_neighbour_does_not_change_a_bit_of_a_member():
    members = [0, 1]
    healthy = train(make_net(members, **patient(4)), group(members))
    other = group(members)
    for weights in (other.members[1].weights, other.members[1].validation_weights):
        weights[::3] *= 3.0
    changed = train(make_net(members, **patient(4)), other)
    for name, value in healthy.judge_.best.state.items():
        assert torch.equal(value[0], changed.judge_.best.state[name][0]), name
    assert not torch.equal(
        healthy.judge_.best.state["output_weight"][1],
        changed.judge_.best.state["output_weight"][1],
    )


def test_dropout_acts_in_training_and_not_in_validation():
    still = {"max_epochs": 1, "learning_rate": 1e-30}
    plain = train(make_net(**still), group([0]))
    dropped = train(make_net(**still, network={"dropout": [0.5, 0.5]}), group([0]))
    assert losses(dropped, "valid_losses", 0) == losses(plain, "valid_losses", 0)
    assert losses(dropped, "train_losses", 0) != losses(plain, "train_losses", 0)


class Recorder(Callback):
    def __init__(self):
        self.seen = []

    def on_grad_computed(self, net, **_kwargs):
        settings = net.optimizer_.param_groups[0]
        self.seen.append((settings["lr"], settings["betas"][0]))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_step_has_the_rate_and_momentum_of_the_schedule(schedule):
    recorder = Recorder()
    train(
        make_net(
            schedule=schedule, callbacks=[recorder], max_epochs=3, learning_rate=0.5
        ),
        group([0]),
    )
    expected = [SCHEDULES[schedule](step / 4, 3) for step in range(12)]
    assert len(recorder.seen) == 12
    for (rate, beta), (factor, wanted) in zip(recorder.seen, expected, strict=True):
        assert rate == pytest.approx(0.5 * factor)
        assert beta == (0.9 if wanted is None else wanted)


@pytest.mark.parametrize("penalty", [{"l1": 0.3}, {"l2": 0.7}, {"l1": 0.2, "l2": 0.1}])
def test_gradients_of_the_penalties_equal_finite_differences(penalty):
    data = group([0, 1], n_steps=1, width=60)

    def gradients(**options):
        net = make_net([0, 1], max_epochs=1, learning_rate=1e-30, **options)
        start = None
        net.begin(data)
        for _ in net.proceed(data, 1):
            start = {n: p.detach().double() for n, p in net.module_.named_parameters()}
        return {n: p.grad for n, p in net.module_.named_parameters()}, start

    plain, start = gradients()
    penalised, _ = gradients(**penalty)
    l1, l2 = penalty.get("l1", 0.0), penalty.get("l2", 0.0)
    step = 1e-6
    for name, value in start.items():
        difference = (penalised[name] - plain[name]).double()
        if not name.startswith(("weights", "output_weight")):
            assert not difference.any()
            continue
        up, down = value + step, value - step
        slope = (l1 * (up.abs() - down.abs()) + l2 * (up**2 - down**2)) / (2 * step)
        clear = value.abs() > step
        torch.testing.assert_close(difference[clear], slope[clear], rtol=0, atol=1e-5)


@pytest.mark.parametrize("patience", [1, 2])
def test_training_ends_with_the_patience_of_the_last_member(
    hand_written_stop, patience
):
    members = [0, 1, 2]
    options = {"learning_rate": 0.1, "max_epochs": 40}
    free = train(make_net(members, **options), group(members))
    stopped = train(make_net(members, **patient(patience), **options), group(members))
    ends = []
    for k in range(3):
        history = losses(free, "valid_losses", k)
        epoch, loss, last = hand_written_stop(history, patience, 0.0)
        assert stopped.judge_.best.epoch[k] == epoch
        assert stopped.judge_.best.value[k] == loss
        assert stopped.judge_.best.frozen_at[k] == last < 40
        ends.append(last)
    assert len(stopped.history) == max(ends)
    assert len(set(ends)) > 1


def test_the_kept_state_is_that_of_a_training_until_the_best_epoch():
    options = {"learning_rate": 0.1, "max_epochs": 25}
    net = train(make_net(**options), group([0]))
    epoch = int(net.judge_.best.epoch[0])
    assert 1 < epoch < 25
    options["max_epochs"] = epoch
    short = train(make_net(**options), group([0], validation=False))
    for name, value in net.judge_.best.state.items():
        assert torch.equal(value, short.module_.state_dict()[name]), name


def test_without_validation_nothing_but_the_last_epoch_is_known():
    net = train(make_net(**patient(1), learning_rate=0.1), group([0], validation=False))
    assert len(net.history) == 8
    assert not net.judge_.best.epoch.any()
    assert "valid_losses" not in net.history[-1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_batch_whose_weights_sum_to_zero_is_harmless(sign):
    pair = np.array([3, 3])
    sample = MemberSample(pair, np.array([sign, -sign]))
    data = group_of(
        [member(sample, seed=1)], n_steps=1, width=2, events=Events(np.nan_to_num(X), Y)
    )
    net = make_net(max_epochs=3)
    train(net, data)
    # what one event adds the other takes away: nothing is learnt, nothing breaks
    start = dict(make_net().initialize().module_.named_parameters())
    for name, value in net.module_.named_parameters():
        torch.testing.assert_close(value, start[name])
    assert losses(net, "train_losses", 0) == pytest.approx([0.0] * 3, abs=1e-6)


def test_a_batch_of_opposite_weights_teaches_the_difference():
    sample = MemberSample(np.array([3, 4]), np.array([1.0, -1.0]))
    data = group_of([member(sample)], n_steps=1, width=2)
    net = train(make_net(max_epochs=3), data)
    train_losses = losses(net, "train_losses", 0)
    assert np.isfinite(train_losses).all()
    assert train_losses[2] < train_losses[0]


def test_a_loss_that_is_not_finite_is_an_error_that_names_member_and_epoch():
    data = group([0, 1])
    data.members[1].weights[0] = 1e300
    with pytest.raises(
        NonFiniteLossError, match=r"as train_loss of member 1 in epoch 1\. Lower"
    ):
        train(make_net([0, 1]), data)


def test_scaling_statistics_are_those_of_absolute_training_weights_per_member():
    members = [0, 20]
    net = train(make_net(members, max_epochs=1), group(members))
    for position, k in enumerate(members):
        sample = member_samples(k, validation=False)
        for j in range(3):
            x = X[sample.index, j].astype(np.float64)
            w = np.where(np.isnan(x), 0.0, np.abs(sample.weights))
            mean = np.average(np.nan_to_num(x), weights=w)
            spread = np.sqrt(np.average((np.nan_to_num(x) - mean) ** 2, weights=w))
            inputs = net.module_.inputs
            assert inputs.center[position, 0, j].item() == pytest.approx(mean, rel=1e-5)
            scale = inputs.inverse_scale[position, 0, j].item()
            assert scale == pytest.approx(1 / spread, rel=1e-5)
