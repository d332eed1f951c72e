"""Optimisers by name, and clipping member by member, against torch's own."""

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network import OneCycle
from skhep_dnn.neural_network._optimizers import (
    OPTIMIZERS,
    clip_member_norms,
    optimizer_settings,
)

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

VALUES = {
    "beta_1": 0.8,
    "beta_2": 0.99,
    "eps": 1e-5,
    "momentum": 0.7,
    "nesterov": True,
    "weight_decay": 0.1,
}


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("adam", torch.optim.Adam, {"betas": (0.8, 0.99), "eps": 1e-5}),
        (
            "adamw",
            torch.optim.AdamW,
            {"betas": (0.8, 0.99), "eps": 1e-5, "weight_decay": 0.1},
        ),
        ("rmsprop", torch.optim.RMSprop, {"alpha": 0.99, "eps": 1e-5}),
        ("sgd", torch.optim.SGD, {"momentum": 0.7, "nesterov": True}),
    ],
)
def test_each_optimiser_takes_its_own_parameters(
    make_model, events, name, kind, options
):
    settings = optimizer_settings(name, **VALUES)
    assert settings["optimizer"] is kind
    for key, value in options.items():
        assert settings[f"optimizer__{key}"] == value
    X, y, w = events
    model = make_model(
        optimizer=name,
        beta_1=0.8,
        beta_2=0.99,
        optimizer_eps=1e-5,
        momentum=0.7,
        weight_decay=0.1,
    ).fit(X, y, w)
    group = model.net_.optimizer_.param_groups[0]
    assert {key: group[key] for key in options} == options


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimiser_learns(make_model, events, name):
    X, y, w = events
    rate = {"sgd": 0.1}.get(name, 0.01)
    model = make_model(optimizer=name, learning_rate=rate, max_epochs=30).fit(X, y, w)
    losses = model.history_["train_loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]


def test_each_tunable_parameter_changes_the_training(make_model, events):
    X, y, w = events

    def scores(**options):
        return make_model(**options).fit(X, y, w).decision_function(X).tolist()

    for name, changes in {
        "adam": [{"beta_1": 0.5}, {"beta_2": 0.9}, {"optimizer_eps": 0.1}],
        "adamw": [{"weight_decay": 1.0}],
        "rmsprop": [{"beta_2": 0.5}, {"optimizer_eps": 0.1}],
        "sgd": [{"momentum": 0.0}, {"nesterov": False}],
    }.items():
        plain = scores(optimizer=name)
        for change in changes:
            assert scores(optimizer=name, **change) != plain, (name, change)


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("adam", "betas", (0.95, 0.999)),
        ("adamw", "betas", (0.95, 0.999)),
        ("sgd", "momentum", 0.95),
        ("rmsprop", "momentum", 0),
    ],
)
def test_one_cycle_moves_the_momentum_of_optimisers_that_have_one(
    make_model, events, name, key, expected
):
    from skorch.callbacks import Callback  # noqa: PLC0415 - a class of this test

    class First(Callback):
        def on_batch_end(self, net, training, **_):
            if training and not hasattr(self, "seen"):
                self.seen = net.optimizer_.param_groups[0][key]

    X, y, w = events
    options = {"optimizer": name, "schedule": OneCycle(), "callbacks": [First()]}
    model = make_model(**options).fit(X, y, w)
    assert model.callbacks_[0][0][1].seen == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"optimizer": "adam", "beta_1": 0.8}, 0.8),
        ({"optimizer": "adamw", "schedule": OneCycle(momentum_low=0.5)}, 0.95),
        ({"optimizer": "sgd", "momentum": 0.7}, 0.7),
        ({"optimizer": "sgd", "momentum": 0.0, "nesterov": False}, np.nan),
        ({"optimizer": "rmsprop"}, np.nan),
    ],
)
def test_the_momentum_is_in_the_history(make_model, events, options, expected):
    history = make_model(max_epochs=20, **options).fit(*events).history_
    assert history["momentum"].iloc[-1] == pytest.approx(expected, 1e-2, nan_ok=True)
    if options["optimizer"] == "adamw":
        assert history["momentum"].min() == pytest.approx(0.5, 2e-2)


def test_clipping_acts_on_each_member_and_leaves_short_gradients():
    generator = torch.Generator().manual_seed(0)
    gradients = [
        torch.randn(3, 4, 5, generator=generator),
        torch.randn(3, 1, 2, generator=generator),
    ]
    for gradient in gradients:
        gradient[2] *= 1e-3
    expected = []
    for k in range(3):
        alone = [torch.nn.Parameter(g[k].clone()) for g in gradients]
        for parameter in alone:
            parameter.grad = parameter.detach().clone()
        torch.nn.utils.clip_grad_norm_(alone, 2.0)
        expected.append([p.grad for p in alone])
    clip_member_norms(gradients, 2.0)
    for k in range(3):
        for got, wanted in zip(gradients, expected[k], strict=True):
            torch.testing.assert_close(got[k], wanted, rtol=1e-5, atol=1e-6)


def test_clipping_changes_the_training_only_where_gradients_are_long(
    make_model, events
):
    X, y, w = events

    def scores(clip_norm):
        model = make_model(optimizer="sgd", learning_rate=0.1, clip_norm=clip_norm)
        return model.fit(X, y, w).decision_function(X).tolist()

    assert scores(1e6) == scores(None)
    assert scores(1e-2) != scores(None)
