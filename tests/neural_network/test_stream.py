"""Training that goes on: `partial_fit` one part at a time, `warm_start`."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from skhep_dnn.exceptions import NonFiniteLossError, WeightsError
from skhep_dnn.weights import training_weights

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

SGD = {"optimizer": "sgd", "momentum": 0.0, "nesterov": False, "batch_size": 1000}


class Weights(Callback):
    """Keeps the training weights of each pass, in no order."""

    def __init__(self):
        self.passes = []

    def on_epoch_begin(self, _net, **_kwargs):
        self.passes.append([])

    def on_grad_computed(self, _net, batch, **_kwargs):
        self.passes[-1] += batch.weight[batch.weight != 0.0].tolist()


class Interrupts(Callback):
    """Raises in the third pass."""

    def on_epoch_end(self, net, **_kwargs):
        if len(net.history) == 3:
            raise KeyboardInterrupt


def passes(model, events, n, **arguments):
    X, y, w = events
    for _ in range(n):
        model.partial_fit(X, y, sample_weight=w, **arguments)
    return model


def state(model):
    return {k: v.clone() for k, v in model.net_.module_.state_dict().items()}


def assert_same_bits(got, expected):
    assert list(got) == list(expected)
    for name, value in expected.items():
        assert torch.equal(got[name], value), name


def change(before, after):
    """All learnt parameters of one, minus those of the other."""
    names = [name for name in before if not name.startswith("inputs")]
    return torch.cat([(after[n] - before[n]).double().flatten() for n in names])


# As many calls as there are epochs are a fit.


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.3},
        {"batch_norm": True, "n_layers": 2, "connection": "dense"},
        {"optimizer": "adamw", "weight_decay": 0.1, "l1": 1e-3, "clip_norm": 0.5},
        {"optimizer": "sgd", "negative_weights": "abs", "max_weight": 2.0},
        {"loss": "focal", "label_smoothing": 0.1, "signal_weight": 2.0},
    ],
)
def test_calls_on_all_events_are_a_fit_to_the_bit(
    make_model, events, schedule, options
):
    X, y, w = events
    w = np.where(np.arange(150) % 15 == 0, -w, w)
    options = {"schedule": schedule, "max_epochs": 4, **options}
    fitted = make_model(**options).fit(X, y, w)
    streamed = passes(make_model(**options), (X, y, w), 4)
    assert_same_bits(state(streamed), state(fitted))
    np.testing.assert_array_equal(
        streamed.decision_function(X), fitted.decision_function(X)
    )
    columns = ["member", "epoch", "train_loss", "learning_rate", "kept"]
    assert streamed.history_[columns].equals(fitted.history_[columns])
    assert streamed.n_iter_.tolist() == streamed.best_epoch_.tolist() == [4]


def test_calls_with_categories_are_a_fit_to_the_bit(make_model, mixed_events):
    options = {"categorical_features": ["channel", "jets"], "dropout": 0.2}
    X, y, w = mixed_events
    fitted = make_model(**options).fit(X, y, w)
    streamed = passes(make_model(**options), mixed_events, 3)
    np.testing.assert_array_equal(
        streamed.decision_function(X), fitted.decision_function(X)
    )


def test_calls_with_many_classes_are_a_fit_to_the_bit(make_model, events):
    X, _, w = events
    y = np.arange(150) % 3
    fitted = make_model().fit(X, y, w)
    streamed = passes(make_model(), (X, y, w), 3)
    np.testing.assert_array_equal(streamed.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("n_members", [3, 6])
def test_an_ensemble_is_a_fit_but_for_rounding(make_model, events, n_members):
    options = {"n_members": n_members, "dropout": 0.3, "schedule": "one_cycle"}
    X, y, w = events
    fitted = make_model(**options).fit(X, y, w)
    streamed = passes(make_model(**options), events, 3)
    np.testing.assert_allclose(
        streamed.decision_function(X), fitted.decision_function(X), rtol=2e-3, atol=2e-4
    )
    assert len(streamed.history_) == n_members * 3


def test_weight_zero_equals_absent_in_each_part(make_model, events):
    X, y, w = events
    absent = np.arange(150) % 4 == 1
    zeroed = np.where(absent[:, None], np.float32(1e6), X)
    present = passes(make_model(), (X[~absent], y[~absent], w[~absent]), 2)
    weighted = passes(make_model(), (zeroed, y, np.where(absent, 0.0, w)), 2)
    assert_same_bits(state(weighted), state(present))


# What the first part decides.


def first_and_second(events):
    """Two parts with other shares of the classes and another scale of the inputs."""
    X, y, w = events
    first = np.arange(150) < 80
    second = ~first & ((y == "s") | (np.arange(150) % 3 == 0))
    return (X[first], y[first], w[first]), (
        5.0 + 3.0 * X[second],
        y[second],
        w[second],
    )


@pytest.mark.parametrize("options", [{}, {"max_weight": 1.2}, {"class_weight": None}])
def test_later_parts_get_the_factors_of_the_first(make_model, events, options):
    first, second = first_and_second(events)
    model = make_model(callbacks=[Weights()], **options)
    passes(model, first, 1)
    passes(model, second, 1)
    got = model.callbacks_[0][0][1].passes
    _, y, w = first
    of_first = training_weights(y, w, **options).weights
    np.testing.assert_allclose(sorted(got[0]), sorted(of_first), rtol=1e-6)
    expected = np.empty(len(second[1]))
    for label in ("s", "b"):
        own = y == label
        limit = options.get("max_weight", np.inf) * w[own].mean()
        free = own & (w < limit)
        factor = of_first[free][0] / w[free][0]
        later = second[1] == label
        expected[later] = np.minimum(second[2][later], limit) * factor
    np.testing.assert_allclose(sorted(got[1]), sorted(expected), rtol=1e-6)


def test_a_new_signal_weight_changes_factor_and_constant(make_model, events):
    first, second = first_and_second(events)
    model = make_model(callbacks=[Weights()])
    passes(model, first, 1)
    passes(model.set_params(signal_weight=5.0), second, 1)
    _, y, w = first
    sums = {label: w[y == label].sum() for label in ("s", "b")}
    # both classes have the same sum in the first part, and the mean is 1
    factors = {
        "s": 5.0 / sums["s"] * len(y) / (5.0 + 1.0),
        "b": 1.0 / sums["b"] * len(y) / (5.0 + 1.0),
    }
    expected = [
        weight * factors[label] for label, weight in zip(*second[1:], strict=True)
    ]
    got = model.callbacks_[0][0][1].passes[1]
    np.testing.assert_allclose(sorted(got), sorted(expected), rtol=1e-6)


def test_scaling_and_categories_stay(make_model, events):
    first, second = first_and_second(events)
    model = passes(make_model(), first, 1)
    inputs = copy.deepcopy(model.net_.module_.inputs.state_dict())
    passes(model, second, 2)
    assert_same_bits(model.net_.module_.inputs.state_dict(), inputs)


def test_a_later_part_may_have_events_of_one_class(make_model, events):
    X, y, w = events
    model = passes(make_model(), events, 1)
    before = model.decision_function(X).mean()
    only = y == "s"
    passes(model, (X[only], y[only], w[only]), 1)
    assert model.decision_function(X).mean() > before
    assert model.classes_.tolist() == ["b", "s"]


# Classes that have yet to come.

PARTS = [("b",), ("b", "c"), ("s", "b"), ("c", "s"), ("s", "b", "c")]


def parts_of_three_classes(events):
    """Parts of which the first ones have not all classes; the third one completes."""
    X, _, w = events
    y = np.array(["b", "c", "s"])[np.arange(150) % 3]
    fifth = np.arange(150) // 30
    rows = [(fifth == k) & np.isin(y, own) for k, own in enumerate(PARTS)]
    return [(X[own], y[own], w[own]) for own in rows]


def joined(parts):
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def factors_by_class(y, w, **options):
    """Factors of weights that are neither negative nor capped."""
    result = training_weights(y, w, **options)
    return dict(zip(result.classes, result.class_factors, strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_weight": None},
        {"class_weight": {"b": 1.0, "c": 3.0, "s": 2.0}},
        {"signal_weight": 3.0, "pos_label": "s"},
        {"negative_weights": "abs"},
    ],
)
def test_factors_are_learnt_until_every_class_has_come(make_model, events, options):
    parts = parts_of_three_classes(events)
    if "negative_weights" in options:
        parts = [(X, y, np.where(np.arange(len(y)) % 4, w, -w)) for X, y, w in parts]
    model = make_model(callbacks=[Weights()], **options)
    for k, (X, y, w) in enumerate(parts):
        model.partial_fit(X, y, classes=["s", "c", "b"], sample_weight=w)
        got = model.callbacks_[0][0][1].passes[-1]
        _, y_so_far, w_so_far = joined(parts[: min(k, 2) + 1])
        if len(set(y_so_far)) == 1:  # alone, a class gets the mean 1
            factors = {"b": len(w) / np.abs(w).sum()}
        else:
            known = dict(options)
            if "signal_weight" in options and "s" not in y_so_far:
                known = {}
            factors = factors_by_class(y_so_far, w_so_far, **known)
        expected = np.abs(w) * [factors[label] for label in y]
        np.testing.assert_allclose(sorted(got), sorted(expected), rtol=1e-6)
    assert model.classes_.tolist() == ["b", "c", "s"]
    assert model.predict_proba(events[0]).shape == (150, 3)


def test_the_cap_is_learnt_until_every_class_has_come(make_model, events):
    parts = parts_of_three_classes(events)
    model = make_model(callbacks=[Weights()], max_weight=1.2)
    for X, y, w in parts[:3]:
        model.partial_fit(X, y, classes=["b", "c", "s"], sample_weight=w)
    _, y, w = joined(parts[:3])
    expected = training_weights(y, w, max_weight=1.2).weights[-len(parts[2][1]) :]
    got = model.callbacks_[0][0][1].passes[-1]
    np.testing.assert_allclose(sorted(got), sorted(expected), rtol=1e-6)


def test_a_class_has_not_come_without_a_training_weight(make_model, events):
    X, y, w = events
    signed = np.where(y == "s", -w, w)
    model = make_model(callbacks=[Weights()], negative_weights="zero")
    model.partial_fit(X, y, sample_weight=signed)  # nothing of "s" is trained on
    model.partial_fit(X, y, sample_weight=np.where(y == "s", 0.0, w))
    model.partial_fit(X, y, sample_weight=w)
    passes_ = model.callbacks_[0][0][1].passes
    n_background = np.count_nonzero(y == "b")
    assert [len(weights) for weights in passes_] == [n_background, n_background, 150]
    assert sum(passes_[0]) == pytest.approx(n_background, rel=1e-6)
    factor = factors_by_class(
        np.concatenate([y[y == "b"]] * 2 + [y]), np.concatenate([w[y == "b"]] * 2 + [w])
    )
    expected = w * [factor[label] for label in y]
    np.testing.assert_allclose(sorted(passes_[2]), sorted(expected), rtol=1e-6)
    with pytest.raises(WeightsError, match="must leave events to train on"):
        make_model(negative_weights="zero").partial_fit(X, y, sample_weight=-w)


def test_scaling_is_that_of_the_first_part_without_a_class(make_model, events):
    parts = parts_of_three_classes(events)
    model = make_model()
    model.partial_fit(*parts[0][:2], classes=["b", "c", "s"])
    inputs = copy.deepcopy(model.net_.module_.inputs.state_dict())
    np.testing.assert_allclose(
        inputs["center"][0].flatten(), parts[0][0].mean(axis=0), rtol=1e-5
    )
    for X, y, w in parts[1:]:
        model.partial_fit(X, y, sample_weight=w)
    assert_same_bits(model.net_.module_.inputs.state_dict(), inputs)


def test_what_has_come_survives_copies_and_failed_calls(make_model, events):
    parts = parts_of_three_classes(events)

    def stream(between):
        model = make_model(batch_size=4)
        for X, y, w in parts:
            model.partial_fit(X, y, classes=["b", "c", "s"], sample_weight=w)
            model = between(model)
        return state(model)

    def fail(model):
        with pytest.raises(ValueError, match="must hold the labels"):
            model.partial_fit(parts[0][0], np.full(len(parts[0][1]), "q"))
        with pytest.raises(NonFiniteLossError):
            model.set_params(learning_rate=1e35).partial_fit(*parts[0][:2])
        return model.set_params(learning_rate=1e-2)

    expected = stream(lambda model: model)
    assert_same_bits(stream(lambda model: pickle.loads(pickle.dumps(model))), expected)
    assert_same_bits(stream(fail), expected)


def test_an_interim_class_must_have_a_factor_and_a_warm_start_all_classes(
    make_model, events
):
    parts = parts_of_three_classes(events)
    classes = ["b", "c", "s"]
    model = make_model(class_weight={"b": 1.0, "c": 2.0})
    with pytest.raises(ValueError, match=r"one factor for each .* \['b', 'c', 's'\]"):
        model.partial_fit(*parts[0][:2], classes=classes)
    model = make_model(warm_start=True).partial_fit(*parts[1][:2], classes=classes)
    with pytest.raises(WeightsError, match=r"of \['s'\]. .* the warm start know"):
        model.fit(*parts[1])
    X, y, w = joined(parts)
    model.fit(X, y, w).partial_fit(*parts[0][:2])


def test_classes_are_given_first_or_never(make_model, events):
    X, y, _ = events
    free = passes(make_model(), events, 2)
    named = passes(make_model(), events, 2, classes=["s", "b"])
    assert_same_bits(state(named), state(free))
    with pytest.raises(ValueError, match=r"must hold the labels \[0, 1\], got \[2\]"):
        make_model().partial_fit(X, np.arange(150) % 3, classes=[0, 1])
    with pytest.raises(WeightsError, match="`classes` must contain two classes"):
        make_model().partial_fit(X, np.zeros(150), classes=[0])
    with pytest.raises(ValueError, match=r"`classes` must be .* got \['b', 'q'\]"):
        named.partial_fit(X, y, classes=["b", "q"])
    with pytest.raises(WeightsError, match="two classes or more"):
        make_model().partial_fit(X, np.full(150, "s"))


def test_an_unknown_label_or_column_later_is_an_error(make_model, events):
    X, y, _ = events
    model = passes(make_model(), events, 1)
    before = state(model)
    with pytest.raises(ValueError, match=r"`y` must hold the labels .* got \['q'\]"):
        model.partial_fit(X, np.where(np.arange(150) < 3, "q", y))
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], y)
    assert_same_bits(state(model), before)


def test_an_unknown_category_later_is_an_error_or_the_mean(make_model, mixed_events):
    X, y, w = mixed_events
    later = X.assign(channel=X["channel"].replace("tau", "jet"))
    options = {"categorical_features": ["channel"], **SGD}
    model = passes(make_model(**options), mixed_events, 1)
    with pytest.raises(ValueError, match=r"column 'channel' .* got \['jet'\]"):
        model.partial_fit(later, y, sample_weight=w)
    options["handle_unknown"] = "mean"
    model = passes(make_model(n_members=2, **options), mixed_events, 1)
    before = model.net_.module_.embeddings[0].detach().clone()
    model.partial_fit(later, y, sample_weight=w)
    after = model.net_.module_.embeddings[0].detach()
    assert after.shape == before.shape == (2, 3, 2)
    # the category that is gone moves as the third part of the mean does
    assert not torch.equal(after[:, 2], before[:, 2])
    alone = passes(make_model(n_members=1, **options), mixed_events, 1)
    alone.partial_fit(later, y, sample_weight=w)
    torch.testing.assert_close(alone.net_.module_.embeddings[0][0].detach(), after[0])


@pytest.mark.parametrize("policy", ["keep", "zero"])
def test_a_part_without_weights_is_an_error(make_model, events, policy):
    X, y, w = events
    model = passes(make_model(negative_weights=policy), events, 1)
    with pytest.raises(ValueError, match="contain a weight other than zero"):
        model.partial_fit(X, y, sample_weight=np.zeros(150))
    if policy == "zero":
        with pytest.raises(WeightsError, match="must leave events to train on"):
            model.partial_fit(X, y, sample_weight=-w)


# Options that change from call to call.


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": 0.05},
        {"dropout": 0.5},
        {"l1": 0.1},
        {"l2": 0.1},
        {"beta_1": 0.1},
        {"beta_2": 0.5},
        {"optimizer_eps": 0.1},
        {"clip_norm": 1e-3},
        {"batch_size": 50},
        {"loss": "focal"},
        {"label_smoothing": 0.3},
        {"schedule": "one_cycle", "max_epochs": 10},
    ],
)
def test_what_may_change_takes_effect(make_model, events, changed):
    model = passes(make_model(), events, 1)
    same, other = copy.deepcopy(model), copy.deepcopy(model)
    after = state(passes(same, events, 1))
    got = state(passes(other.set_params(**changed), events, 1))
    assert not torch.equal(got["weights.0"], after["weights.0"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"class_weight": None}, "`class_weight` must stay 'balanced'"),
        ({"max_weight": 2.0}, "`max_weight` must stay None"),
        ({"negative_weights": "abs"}, "`negative_weights` must stay 'keep'"),
        ({"averaging": "ema"}, "`averaging` must be left at its default"),
        ({"snapshots": "sse"}, "`snapshots` must be left at its default"),
        ({"device": "meta"}, "`device` must stay 'cpu'"),
    ],
)
def test_what_the_factors_hang_on_may_not_change(make_model, events, changed, message):
    model = passes(make_model(), events, 1)
    with pytest.raises(ValueError, match=message):
        passes(model.set_params(**changed), events, 1)


def test_steps_have_the_new_size_penalty_and_limit(make_model, events):
    model = passes(make_model(learning_rate=0.01, **SGD), events, 1)
    start = state(model)

    def step(**changed):
        other = copy.deepcopy(model).set_params(**changed)
        return change(start, state(passes(other, events, 1)))

    plain = step()
    torch.testing.assert_close(step(learning_rate=0.02), 2 * plain, rtol=1e-3, atol=0)
    clipped = step(clip_norm=0.05)
    assert clipped.norm().item() == pytest.approx(0.01 * 0.05, rel=1e-3)
    module = model.net_.module_
    penalised = [p.data_ptr() for p in module.penalised()]
    weights = torch.cat(
        [
            (p if p.data_ptr() in penalised else torch.zeros_like(p)).double().flatten()
            for p in module.parameters()
        ]
    )
    torch.testing.assert_close(
        step(l2=0.1) - plain, -0.01 * 2 * 0.1 * weights.detach(), rtol=1e-2, atol=1e-7
    )


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"width": 9}, "`width` must stay 8"),
        ({"n_layers": 2}, "`n_layers` must stay 1"),
        ({"activation": "relu"}, "activation"),
        ({"connection": "dense"}, "connection"),
        ({"batch_norm": True}, "batch_norm"),
        ({"n_members": 2}, "n_members"),
        ({"missing_values": -999.0}, "missing_values"),
        ({"optimizer": "sgd"}, "optimizer"),
    ],
)
def test_what_must_not_change_is_an_error_that_names_it(
    make_model, events, changed, what
):
    model = passes(make_model(), events, 1)
    before = state(model)
    with pytest.raises(ValueError, match=what):
        passes(model.set_params(**changed), events, 1)
    assert_same_bits(state(model), before)


@pytest.mark.parametrize(
    "option",
    [
        {"cv": 3},
        {"validation_fraction": 0.3},
        {"early_stopping": True},
        {"scoring": "roc_auc"},
        {"evaluations_per_epoch": 2},
        {"validate_on_fold": True},
        {"member_weighting": "inverse_loss"},
        {"stratify": [0]},
    ],
)
def test_options_that_need_a_validation_sample_are_refused(make_model, events, option):
    (name,) = option
    with pytest.raises(ValueError, match=name):
        make_model(**option).partial_fit(*events[:2])


def test_a_schedule_that_has_run_through_is_an_error(make_model, events):
    model = passes(make_model(schedule="one_cycle", max_epochs=2), events, 2)
    assert model.history_["learning_rate"].iloc[-1] < 1e-3
    before = state(model)
    with pytest.raises(
        ValueError, match=r"`max_epochs` must be more than the 2 passes"
    ):
        passes(model, events, 1)
    assert_same_bits(state(model), before)
    passes(copy.deepcopy(model).set_params(max_epochs=4), events, 1)
    model = passes(model.set_params(schedule="constant"), events, 3)
    assert model.n_iter_[0] == 5
    assert model.history_["learning_rate"].tolist()[2:] == [1e-2] * 3


# A call that fails, and copies between the calls.


def test_a_call_that_fails_leaves_the_last_state(make_model, events):
    X, _, _ = events
    model = passes(make_model(dropout=0.2), events, 2)
    untouched = copy.deepcopy(model)
    expected, history = model.decision_function(X), model.history_
    with pytest.raises(NonFiniteLossError):
        passes(model.set_params(learning_rate=1e35), events, 1)
    np.testing.assert_array_equal(model.decision_function(X), expected)
    pd.testing.assert_frame_equal(model.history_, history)
    # and what follows is what would have followed without it
    passes(model.set_params(learning_rate=1e-2), events, 1)
    assert_same_bits(state(model), state(passes(untouched, events, 1)))


def test_an_interrupted_call_leaves_the_last_state(make_model, events):
    X, _, _ = events
    model = passes(make_model(callbacks=[Interrupts()]), events, 2)
    expected = model.decision_function(X)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            passes(model, events, 1)
        np.testing.assert_array_equal(model.decision_function(X), expected)
        assert len(model.history_) == 2


def test_a_first_call_that_fails_leaves_no_model(make_model, events):
    X, y, w = events
    model = make_model(learning_rate=1e35)
    with pytest.raises(NonFiniteLossError):
        passes(model, events, 1)
    with pytest.raises(NotFittedError):
        model.predict(X)
    passes(model.set_params(learning_rate=1e-2), events, 3)
    assert_same_bits(state(model), state(make_model().fit(X, y, w)))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_copy_goes_on_with_the_same_bits(make_model, events, copied, schedule):
    options = {"n_members": 2, "dropout": 0.3, "batch_norm": True}
    model = passes(make_model(schedule=schedule, max_epochs=5, **options), events, 2)
    other = copied(model)
    expected = state(passes(model, events, 2))
    assert_same_bits(state(passes(other, events, 2)), expected)
    generators = [net.net_.generators_ for net in (model, other)]
    for mine, theirs in zip(*generators, strict=True):
        assert torch.equal(mine.get_state(), theirs.get_state())


def test_callbacks_live_through_all_calls(make_model, events):
    mine = Weights()
    model = passes(make_model(callbacks=[mine]), events, 3)
    assert len(model.callbacks_[0][0][1].passes) == 3
    assert mine.passes == []


# After a fit.


def test_a_fit_can_be_gone_on_with(make_model, events):
    first, second = first_and_second(events)
    options = {"n_members": 3, "validation_fraction": 0.3}
    model = make_model(callbacks=[Weights()], **options).fit(*first)
    before = state(model)
    model.set_params(validation_fraction=None, learning_rate=1e-12)
    passes(model, second, 1)
    after = state(model)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-5, atol=1e-8)
    passes(model.set_params(learning_rate=1e-2), second, 2)
    assert change(before, state(model)).abs().max() > 1e-3
    assert_same_bits(
        {k: v for k, v in state(model).items() if k.startswith("inputs")},
        {k: v for k, v in before.items() if k.startswith("inputs")},
    )
    assert len(model.history_) == 3 * 3
    # the factors are those of the whole sample of the fit
    _, y, w = first
    factors = {label: len(y) / 2 / w[y == label].sum() for label in ("s", "b")}
    expected = [
        weight * factors[label] for label, weight in zip(*second[1:], strict=True)
    ]
    got = model.callbacks_[0][0][1].passes
    assert len(got) == 3
    np.testing.assert_allclose(sorted(got[0]), sorted(3 * expected), rtol=1e-6)


def test_a_fit_begins_anew_after_calls(make_model, events):
    X, y, w = events
    model = passes(make_model(), events, 2).fit(X, y, w)
    assert_same_bits(state(model), state(make_model().fit(X, y, w)))
    assert not hasattr(model.net_, "generators_")


# warm_start.


def test_a_warm_start_begins_with_the_last_networks(make_model, events):
    X, y, w = events
    options = {"n_members": 3, "batch_norm": False, "dropout": 0.3}
    model = make_model(warm_start=True, max_epochs=5, **options).fit(X, y, w)
    before = model.decision_function(X)
    model.set_params(max_epochs=1, learning_rate=1e-9).fit(X, y, w)
    np.testing.assert_allclose(model.decision_function(X), before, rtol=1e-4, atol=1e-6)
    assert len(model.history_) == 3
    model.set_params(learning_rate=1e-2).fit(X, y, w)
    assert np.abs(model.decision_function(X) - before).max() > 1e-3


def test_a_warm_start_goes_on_as_one_training(make_model, events):
    X, y, w = events
    options = {"learning_rate": 0.1, **SGD}
    long = make_model(max_epochs=6, **options).fit(X, y, w)
    twice = make_model(max_epochs=3, warm_start=True, **options)
    twice.fit(X, y, w).fit(X, y, w)
    np.testing.assert_allclose(
        twice.decision_function(X), long.decision_function(X), rtol=1e-4, atol=1e-6
    )


def test_a_warm_start_keeps_scaling_and_refuses_another_shape(make_model, events):
    X, y, w = events
    model = make_model(warm_start=True, n_members=2).fit(X, y, w)
    inputs = copy.deepcopy(model.net_.module_.inputs.state_dict())
    model.fit(5.0 + 3.0 * X, y, w)
    assert_same_bits(model.net_.module_.inputs.state_dict(), inputs)
    expected = model.decision_function(X)
    for changed, what in [
        ({"width": 9}, "`width` must stay 8.*`clone`"),
        ({"n_members": 3}, "n_members"),
        ({"batch_norm": True}, "batch_norm"),
    ]:
        other = copy.deepcopy(model).set_params(**changed)
        with pytest.raises(ValueError, match=what):
            other.fit(X, y, w)
        np.testing.assert_array_equal(other.decision_function(X), expected)
    with pytest.raises(ValueError, match=r"`y` must hold the labels .* got \['q'\]"):
        model.fit(X, np.where(y == "s", "q", "b"))
    with pytest.raises(WeightsError, match=r"of \['s'\]. .* the warm start know"):
        model.fit(X, np.full(150, "b"))
    with pytest.raises(WeightsError, match=r"of \['s'\]. .* the warm start know"):
        model.fit(X, y, np.where(y == "s", 0.0, w))
    with pytest.raises(ValueError, match="features"):
        model.fit(X[:, :2], y)
    with pytest.raises(NonFiniteLossError):
        model.set_params(learning_rate=1e35).fit(X, y, w)
    np.testing.assert_array_equal(model.decision_function(X), expected)


def test_a_clone_and_a_cold_start_forget(make_model, events):
    X, y, w = events
    fresh = state(make_model().fit(X, y, w))
    model = make_model(warm_start=True).fit(X, y, w)
    assert_same_bits(state(model), fresh)
    assert_same_bits(state(clone(model).fit(X, y, w)), fresh)
    warm = state(copy.deepcopy(model).fit(X, y, w))
    assert not torch.equal(warm["weights.0"], fresh["weights.0"])
    assert_same_bits(state(model.set_params(warm_start=False).fit(X, y, w)), fresh)


def test_a_warm_start_goes_on_after_parts(make_model, events):
    X, y, w = events
    model = passes(make_model(warm_start=True), events, 2)
    before = model.decision_function(X)
    model.set_params(learning_rate=1e-9, max_epochs=1).fit(X, y, w)
    np.testing.assert_allclose(model.decision_function(X), before, rtol=1e-4, atol=1e-6)
