"""Parameters that change where a training goes on: in effect, or refused by name."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import FeatureSplit
from skhep_dnn.preprocessing import SymmetryAugmenter

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

SGD = {"optimizer": "sgd", "momentum": 0.5, "nesterov": False}
DEEP = {"n_layers": 2, "width_growth": 0.5}
AXES = SymmetryAugmenter(cartesian=[("px", "py")], reflections="xy")

# What each parameter begins with beside the small ones, and what it changes to.
IN_EFFECT = {
    "dropout": ({}, 0.5),
    "loss": ({}, "focal"),
    "label_smoothing": ({}, 0.3),
    "l1": ({}, 0.1),
    "l2": ({}, 0.1),
    "clip_norm": ({}, 1e-3),
    "learning_rate": ({}, 0.05),
    "beta_1": ({}, 0.1),
    "beta_2": ({}, 0.5),
    "optimizer_eps": ({}, 0.1),
    "momentum": (SGD, 0.9),
    "nesterov": (SGD, True),
    "weight_decay": ({"optimizer": "adamw"}, 10.0),
    "schedule": ({"max_epochs": 10}, "one_cycle"),
    "max_epochs": ({"schedule": "one_cycle"}, 9),
    "batch_size": ({}, 50),
    "signal_weight": ({}, 5.0),
    "pos_label": ({"signal_weight": 5.0}, "b"),
}
FIXED = {
    "n_members": ({}, 2),
    "n_layers": ({}, 2),
    "width": ({}, 9),
    "width_growth": (DEEP, 1.0),
    "hidden_layer_sizes": ({"hidden_layer_sizes": [8, 8]}, [8, 9]),
    "activation": ({}, "relu"),
    "connection": ({}, "dense"),
    "batch_norm": ({}, True),
    "numeric_scaling": ({}, "robust"),
    "scale_learning_rate": ({"scale_learning_rate": 2.0}, 3.0),
    "numeric_embedding": ({}, "periodic"),
    "embedding_size": ({"categorical_features": ["channel"]}, 1),
    "feature_groups": (
        {"feature_groups": FeatureSplit(["a"])},
        FeatureSplit(["a", "b"]),
    ),
    "categorical_features": ({"categorical_features": ["channel"]}, ["jets"]),
    "missing_values": ({}, -999.0),
    "augmenter": (
        {"augmenter": AXES},
        SymmetryAugmenter(cartesian=[("px", "py")], reflections="x"),
    ),
    "optimizer": ({}, "sgd"),
    "device": ({}, "meta"),
    "negative_weights": ({}, "abs"),
    "max_weight": ({}, 2.0),
    "class_weight": ({"class_weight": {"s": 1.0, "b": 2.0}}, {"s": 1.0, "b": 3.0}),
}
FIXED_IN_A_STREAM = {
    "random_state": ({}, 1),
    "n_iter_no_change": ({}, 3),
    "tol": ({}, 0.1),
}
NOT_IN_A_STREAM = {
    "averaging": "ema",
    "snapshots": "sse",
    "evaluations_per_epoch": 2,
    "early_stopping": True,
    "scoring": "roc_auc",
    "validation_fraction": 0.3,
    "cv": 3,
    "validate_on_fold": True,
    "stratify": [0],
    "member_weighting": "inverse_loss",
}
# In the tests below: what callbacks do, that a bar is shown, that categories are taken;
# and what has no effect on a training by what it is.
ELSEWHERE = {"callbacks", "verbose", "handle_unknown"}
OF_FIT_OR_SPEED = {"warm_start", "n_jobs"}


class Counts(Callback):
    """Counts the trainings that it was told of."""

    def __init__(self):
        self.n_begun = 0

    def on_train_begin(self, _net, **_kwargs):
        self.n_begun += 1


@pytest.fixture
def table(mixed_events):
    """Mixed events with numbers for categories and a momentum."""
    X, y, w = mixed_events
    codes = X["channel"].map({"e": 0, "mu": 1, "tau": 2})
    momentum = np.random.default_rng(1).normal(size=(150, 2))
    return X.assign(channel=codes, px=momentum[:, 0], py=momentum[:, 1]), y, w


def state(model):
    """Return the learnt parameters in one vector."""
    return torch.cat([p.detach().flatten() for p in model.net_.module_.parameters()])


def one_call(model, table):
    X, y, w = table
    return model.partial_fit(X, y, sample_weight=w)


def test_every_parameter_is_in_one_of_the_tables():
    tables = [IN_EFFECT, FIXED, FIXED_IN_A_STREAM, NOT_IN_A_STREAM]
    names = [name for table in tables for name in table]
    names += [*ELSEWHERE, *OF_FIT_OR_SPEED]
    assert sorted(names) == sorted(WeightedDNNClassifier().get_params())


@pytest.mark.parametrize("name", IN_EFFECT)
def test_a_change_takes_effect_in_the_next_call(make_model, table, name):
    options, value = IN_EFFECT[name]
    model = one_call(make_model(**options), table)
    same = one_call(copy.deepcopy(model), table)
    other = one_call(copy.deepcopy(model).set_params(**{name: value}), table)
    assert not torch.equal(state(other), state(same))


@pytest.mark.parametrize("name", {**FIXED, **FIXED_IN_A_STREAM})
def test_a_change_that_cannot_take_effect_is_refused_by_name(make_model, table, name):
    options, value = {**FIXED, **FIXED_IN_A_STREAM}[name]
    model = one_call(make_model(**options), table)
    before, begun_with = state(model), getattr(model, name)
    with pytest.raises(ValueError, match=rf"`{name}` must stay .*`fit`.*`clone`"):
        one_call(model.set_params(**{name: value}), table)
    assert torch.equal(state(model), before)
    one_call(model.set_params(**{name: begun_with}), table)
    assert not torch.equal(state(model), before)


@pytest.mark.parametrize("name", NOT_IN_A_STREAM)
def test_what_judges_states_is_refused_by_name(make_model, table, name):
    model = one_call(make_model(), table)
    with pytest.raises(ValueError, match=f"`{name}` must be left at its default"):
        one_call(model.set_params(**{name: NOT_IN_A_STREAM[name]}), table)


@pytest.mark.parametrize("name", FIXED)
def test_a_fit_fixes_the_same_parameters(make_model, table, name):
    options, value = FIXED[name]
    X, y, w = table
    model = make_model(**options).fit(X, y, w).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"`{name}` must stay"):
        one_call(model, table)


@pytest.mark.parametrize("name", FIXED)
def test_a_warm_start_fixes_what_the_networks_are_made_of(make_model, table, name):
    options, value = FIXED[name]
    X, y, w = table
    model = make_model(warm_start=True, **options).fit(X, y, w)
    before = state(model)
    model.set_params(**{name: value})
    if name in {"optimizer", "negative_weights", "max_weight", "class_weight"}:
        model.fit(X, y, w)
        assert not torch.equal(state(model), before)
    elif name != "device":
        with pytest.raises(ValueError, match=f"`{name}` must stay .*`clone`"):
            model.fit(X, y, w)
        assert torch.equal(state(model), before)


def test_the_seed_counts_when_a_stream_begins_after_a_fit(make_model, table):
    X, y, w = table
    model = make_model(dropout=0.3).fit(X, y, w)
    one, other = (
        one_call(copy.deepcopy(model).set_params(random_state=seed), table)
        for seed in (1, 2)
    )
    assert not torch.equal(state(one), state(other))


def test_a_generator_of_random_numbers_stays_itself(make_model, table):
    model = make_model(random_state=np.random.RandomState(3))
    one_call(one_call(model, table), table)
    one_call(copy.deepcopy(model), table)
    with pytest.raises(ValueError, match="`random_state` must stay"):
        one_call(model.set_params(random_state=np.random.RandomState(3)), table)


def test_a_list_that_changes_in_place_is_noticed(make_model, table):
    sizes, factors = [8, 8], {"s": 1.0, "b": 2.0}
    model = make_model(hidden_layer_sizes=sizes, class_weight=factors)
    one_call(model, table)
    sizes.append(8)
    with pytest.raises(ValueError, match=r"must stay \[8, 8\], .* got \[8, 8, 8\]"):
        one_call(model, table)
    sizes.pop()
    factors["s"] = 5.0
    with pytest.raises(ValueError, match=r"`class_weight` must stay {'s': 1.0"):
        one_call(model, table)


def test_equal_values_of_other_types_are_no_change(make_model, table):
    options = {"hidden_layer_sizes": [8, 8], "augmenter": AXES, "width": 8}
    model = one_call(make_model(**options), table)
    model.set_params(
        hidden_layer_sizes=np.array([8, 8]),
        width=np.int64(8),
        missing_values=np.float64("nan"),
        augmenter=copy.deepcopy(AXES),
    )
    one_call(model, table)


def test_callbacks_that_change_are_copied_anew(make_model, table):
    mine, other = Counts(), Counts()
    model = make_model(callbacks=[mine])
    one_call(one_call(model, table), table)
    assert [c.n_begun for _, c in model.callbacks_[0]] == [2]
    one_call(model.set_params(callbacks=[mine]), table)  # another list of the same
    assert [c.n_begun for _, c in model.callbacks_[0]] == [3]
    one_call(model.set_params(callbacks=[("mine", mine), ("other", other)]), table)
    assert [c.n_begun for _, c in model.callbacks_[0]] == [1, 1]
    one_call(model.set_params(callbacks=None), table)
    assert model.callbacks_ == [[]]
    one_call(model.set_params(callbacks=[other]), table)
    assert [c.n_begun for _, c in model.callbacks_[0]] == [1]
    assert mine.n_begun == other.n_begun == 0
    assert len(model.history_) == 6


def test_a_failed_call_keeps_the_callbacks(make_model, table):
    model = one_call(make_model(callbacks=[Counts()]), table)
    with pytest.raises(ValueError, match="`width` must stay"):
        one_call(model.set_params(callbacks=[Counts()], width=9), table)
    one_call(model.set_params(width=8), table)
    assert [c.n_begun for _, c in model.callbacks_[0]] == [1]


def test_a_stream_after_a_failed_fit_has_its_callbacks(make_model, table):
    X, _, w = table
    model = one_call(make_model(callbacks=[Counts()]), table)
    with pytest.raises(ValueError, match="one class"):
        model.fit(X, np.full(150, "s"), w)
    one_call(model, table)
    assert [c.n_begun for _, c in model.callbacks_[0]] == [1]


def test_verbose_shows_the_bar_of_the_next_call(make_model, table, capsys):
    model = one_call(make_model(), table)
    assert not capsys.readouterr().err
    one_call(model.set_params(verbose=1), table)
    assert "1/1" in capsys.readouterr().err


def test_unknown_categories_are_taken_from_the_next_call_on(make_model, mixed_events):
    X, y, w = mixed_events
    later = X.assign(channel=X["channel"].replace("tau", "jet"))
    model = make_model(categorical_features=["channel"])
    model.partial_fit(X, y, sample_weight=w)
    model.set_params(handle_unknown="mean")
    with pytest.raises(ValueError, match=r"column 'channel' .* got \['jet'\]"):
        model.predict(later)  # as it was trained
    model.partial_fit(later, y, sample_weight=w).predict(later)
    model.set_params(handle_unknown="error")
    with pytest.raises(ValueError, match=r"column 'channel' .* got \['jet'\]"):
        model.partial_fit(later, y, sample_weight=w)
    model.predict(later)  # the last call that worked took them
    warm = make_model(categorical_features=["channel"], warm_start=True).fit(X, y, w)
    warm.set_params(handle_unknown="mean").fit(later, y, w).predict(later)
