"""Averages of the parameters against loops over the states of a training."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

from skhep_dnn.neural_network import (
    CosineRestarts,
    ExponentialAverage,
    LinearCycles,
    StochasticWeightAverage,
)
from skhep_dnn.weights import validation_weights

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

PLAIN_MEAN = StochasticWeightAverage(start=3, renewal=None)
RULES = {
    "steps": ExponentialAverage(decay=0.9),
    "evaluations": StochasticWeightAverage(start=1, renewal=1),
}


def copied(net):
    return {name: v.clone() for name, v in net.module_.state_dict().items()}


class States(Callback):
    """Keeps the state before the training, after each step and each evaluation."""

    def __init__(self):
        self.steps, self.evaluations = [], []
        self.n_validation_batches = 0

    def on_train_begin(self, net, **_kwargs):
        self.steps.append(copied(net))

    def on_batch_end(self, net, training, **_kwargs):
        if training:
            self.steps.append(copied(net))
        else:
            self.n_validation_batches += 1

    def on_epoch_end(self, net, **_kwargs):
        self.evaluations.append(copied(net))


def fit(model, events, *, validation=True):
    X, y, w = events
    valid = (X[100:], y[100:], w[100:]) if validation else ()
    return model.fit(X[:100], y[:100], w[:100], *valid)


def states_of(model, k, kind):
    """States of one member: of its row in the callback of its group."""
    for [(_, callback)] in model.callbacks_:
        states = getattr(callback, kind)
        n_members = len(states[0]["output_weight"])
        if k < n_members:
            return [{name: v[k] for name, v in state.items()} for state in states]
        k -= n_members
    raise AssertionError


def mean_of(states):
    return {
        name: sum(s[name].double() for s in states) / len(states) for name in states[0]
    }


def exponential(states, decay):
    """Averages of one member after each step, from the formula of the docstring."""
    average = {name: v.double() for name, v in states[0].items()}
    averages = [average]
    for t, state in enumerate(states[1:]):
        d = min(decay, (1 + t) / (10 + t))
        average = {name: d * average[name] + (1 - d) * v for name, v in state.items()}
        averages.append(average)
    return averages


def two_averages(states, loss, start, renewal):
    """Strong (2020), Sec. 3.7.1, as lists of the states that are averaged.

    Returns the older average after each unit of time, and what the comparisons said.
    """
    older, younger, period, results, verdicts = [], None, renewal, [], ""
    check = start + renewal - 1
    for time, state in enumerate(states, start=1):
        if time < start:
            results.append(None)
            continue
        older = [*older, state]
        if younger is not None:
            younger = [*younger, state]
        if time == check:
            if younger is not None and loss(mean_of(younger)) < loss(mean_of(older)):
                older, period, verdicts = younger, renewal, verdicts + "y"
            elif younger is not None:
                period, verdicts = 2 * period, verdicts + "o"
            younger, check = [], check + period
        results.append(mean_of(older))
    return results, verdicts


def assert_same(state, expected, atol=1e-6):
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            state[name].double(), value.double(), rtol=1e-4, atol=atol, msg=name
        )


def kept_state(model, k):
    return {name: v[k] for name, v in model.net_.module_.state_dict().items()}


def loss_by_hand(state, events):
    """Balanced log-loss of one member's network of one hidden layer of swish."""
    X, y, w = (part[100:] for part in events)
    s = {name: v.double().numpy() for name, v in state.items()}
    hidden = (X - s["inputs.center"]) * s["inputs.inverse_scale"]
    hidden = hidden @ s["weights.0"] + s["biases.0"]
    hidden = hidden / (1 + np.exp(-hidden))
    logit = (hidden @ s["output_weight"] + s["output_bias"])[:, 0]
    target = y == "s"
    losses = np.logaddexp(0, logit) - target * logit
    return np.average(losses, weights=validation_weights(y, w))


# --- exponential averages -------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.5, 0.999])
@pytest.mark.parametrize("options", [{}, {"batch_norm": True, "n_layers": 2}])
def test_without_validation_the_exponential_average_is_what_predicts(
    make_model, events, decay, options
):
    average = ExponentialAverage(decay=decay)
    model = make_model(n_members=3, averaging=average, callbacks=[States()], **options)
    fit(model, events, validation=False)
    for k in range(3):
        states = states_of(model, k, "steps")
        assert len(states) == 1 + 3 * 4
        assert_same(kept_state(model, k), exponential(states, decay)[-1])
        assert not torch.allclose(
            kept_state(model, k)["output_weight"], states[-1]["output_weight"]
        )
    if options:
        assert "norms.0.mean" in states[0]


def test_a_decay_of_zero_is_no_averaging(make_model, events):
    average = ExponentialAverage(decay=0.0)
    model = fit(make_model(n_members=3, averaging=average), events, validation=False)
    plain = fit(make_model(n_members=3), events, validation=False)
    for name, value in plain.net_.module_.state_dict().items():
        assert torch.equal(model.net_.module_.state_dict()[name], value), name


@pytest.mark.parametrize("rate", [0.003, 0.3], ids=["average lags", "average wins"])
def test_the_better_of_running_and_averaged_state_is_kept(make_model, events, rate):
    model = make_model(
        n_members=3,
        averaging=ExponentialAverage(decay=0.9),
        learning_rate=rate,
        max_epochs=6,
        callbacks=[States()],
    )
    history = fit(model, events).history_
    kept_averages = []
    for k in range(3):
        own = history[history["member"] == k]
        averages = exponential(states_of(model, k, "steps"), 0.9)[4::4]
        by_hand = [loss_by_hand(state, events) for state in averages]
        np.testing.assert_allclose(own["average_loss"], by_hand, rtol=1e-5)
        candidates = own[["valid_loss", "average_loss"]].to_numpy()
        best, is_average = np.unravel_index(candidates.argmin(), candidates.shape)
        kept_averages.append(is_average)
        states = averages if is_average else states_of(model, k, "evaluations")
        assert_same(kept_state(model, k), states[best], atol=1e-5)
        assert own["kept"].to_numpy().nonzero()[0].tolist() == [best]
        assert model.best_epoch_[k] == best + 1
        assert model.best_loss_[k] == candidates.min()
        assert loss_by_hand(kept_state(model, k), events) == pytest.approx(
            candidates.min(), rel=1e-5
        )
    assert any(kept_averages) == (rate == 0.3)


def test_members_are_weighted_by_the_loss_of_what_is_kept(make_model, events):
    model = make_model(
        n_members=3,
        averaging=ExponentialAverage(decay=0.9),
        learning_rate=0.3,
        member_weighting="inverse_loss",
    )
    history = fit(model, events).history_
    losses = history[["valid_loss", "average_loss"]].min(axis=1)
    best = losses.groupby(history["member"]).min().to_numpy()
    assert (best < history.groupby("member")["valid_loss"].min()).any()
    np.testing.assert_allclose(model.member_weights_, 1 / best / (1 / best).sum())


# --- stochastic weight averages -------------------------------------------------------


@pytest.mark.parametrize("start", [1, 4])
@pytest.mark.parametrize("renewal", [1, 2, 5])
def test_two_averages_follow_the_text_of_strong_2020(start, renewal):
    rng = np.random.default_rng(5)
    values = np.cumsum(rng.normal(size=(60, 4, 3)), axis=0)
    target = np.array([values[:, k].mean(axis=0) for k in range(3)] + [values[-1, 3]])
    rule = StochasticWeightAverage(start=start, renewal=renewal)
    run = rule.begin({"p": torch.zeros(4, 3)})
    got = []
    for value in values:
        run.update(
            {"p": torch.tensor(value).float()},
            lambda state: ((state["p"].numpy() - target) ** 2).sum(axis=1),
        )
        got.append(None if run.state() is None else run.state()["p"].clone())
    said = ""
    for k in range(4):
        states = [{"p": torch.tensor(value[k])} for value in values]
        expected, verdicts = two_averages(
            states,
            lambda state, k=k: ((state["p"].numpy() - target[k]) ** 2).sum(),
            start,
            renewal,
        )
        said += verdicts
        for mine, theirs in zip(got, expected, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                assert_same({"p": mine[k]}, theirs, atol=1e-4)
    assert set(said) == {"y", "o"}


@pytest.mark.parametrize("verdict", ["younger", "older"])
def test_the_time_between_comparisons_doubles_or_is_set_back(verdict):
    asked = []

    def losses(state):
        asked.append((time, state["p"].item()))
        sign = 1.0 if verdict == "older" else -1.0
        return sign * state["p"].numpy()[:, 0]  # older means have smaller numbers

    run = StochasticWeightAverage(start=3, renewal=2).begin({"p": torch.zeros(1, 1)})
    for time in range(1, 21):
        run.update({"p": torch.full((1, 1), float(time))}, losses)
    times = sorted({time for time, _ in asked})
    if verdict == "older":  # from 5 on there are two, compared after 2, 4, 8 more
        assert times == [6, 10, 18]
        assert run.state()["p"].item() == pytest.approx(np.mean(range(3, 21)))
    else:
        assert times == [6, 8, 10, 12, 14, 16, 18, 20]
        assert run.state()["p"].item() == pytest.approx(19.5)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_average_depends_on_that_of_a_neighbour(rule):
    rng = np.random.default_rng(3)
    values = torch.tensor(rng.normal(size=(30, 2, 4))).float()
    averages = []
    for factor in (1.0, float("nan")):
        run = rule.begin({"p": torch.zeros(2, 4)})
        for value in values:
            state = torch.stack([value[0], factor * value[1]])
            run.update({"p": state}, lambda s: (s["p"] ** 2).sum(1).numpy())
        averages.append(run.state()["p"])
    assert torch.equal(averages[0][0], averages[1][0])
    assert not torch.equal(averages[0][1], averages[1][1])


@pytest.mark.parametrize(("start", "renewal"), [(1, 1), (2, 2), (4, 1)])
def test_a_training_with_two_averages_equals_the_loop(
    make_model, events, start, renewal
):
    model = make_model(
        n_members=3,
        averaging=StochasticWeightAverage(start=start, renewal=renewal),
        learning_rate=0.1,
        max_epochs=14,
        callbacks=[States()],
    )
    history = fit(model, events).history_
    said = ""
    for k in range(3):
        own = history[history["member"] == k]
        averages, verdicts = two_averages(
            states_of(model, k, "evaluations"),
            lambda state: loss_by_hand(state, events),
            start,
            renewal,
        )
        said += verdicts
        by_hand = [
            np.nan if state is None else loss_by_hand(state, events)
            for state in averages
        ]
        np.testing.assert_allclose(own["average_loss"], by_hand, rtol=1e-4)
        best = np.nanargmin(by_hand)
        if by_hand[best] < own["valid_loss"].min():
            assert_same(kept_state(model, k), averages[best], atol=1e-5)
            assert model.best_loss_[k] == own["average_loss"].min()
    assert said


@pytest.mark.parametrize(
    ("schedule", "taken"),
    [("constant", range(2, 8)), (CosineRestarts(2.0, 1.0), [5, 7])],
)
def test_the_plain_mean_since_its_start_needs_no_validation(
    make_model, events, schedule, taken
):
    rule = PLAIN_MEAN if schedule == "constant" else StochasticWeightAverage(3, None)
    model = make_model(
        n_members=2,
        averaging=rule,
        schedule=schedule,
        max_epochs=8,
        batch_norm=True,
        callbacks=[States()],
    )
    fit(model, events, validation=False)
    for k in range(2):
        states = states_of(model, k, "evaluations")
        assert_same(kept_state(model, k), mean_of([states[e] for e in taken]))
    assert model.history_["average_loss"].isna().all()
    assert model.best_epoch_.tolist() == [8.0, 8.0]


SETTINGS_OF_003 = {
    "constant": ("constant", 50, StochasticWeightAverage(start=5, renewal=5)),
    "cosine": (
        CosineRestarts(first_cycle=5 / 9, multiplier=1.0, low_factor=0.1),
        9,
        StochasticWeightAverage(start=2, renewal=2),
    ),
    "linear": (LinearCycles(5 / 9), 9, StochasticWeightAverage(start=2, renewal=2)),
}


@pytest.mark.parametrize("name", SETTINGS_OF_003)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.IgnoredParameterWarning")
def test_the_settings_of_strong_2020(make_model, events, name):
    X, y, w = events
    schedule, patience, average = SETTINGS_OF_003[name]
    model = make_model(
        cv=10,
        validate_on_fold=True,
        batch_size=15,
        learning_rate=2e-3,
        schedule=schedule,
        averaging=average,
        max_epochs=4,
        evaluations_per_epoch=9,
        early_stopping=True,
        n_iter_no_change=patience,
        callbacks=[States()],
    ).fit(X, y, w)
    losses = model.history_["average_loss"].to_numpy()
    assert len(losses) == 36
    changes = np.flatnonzero(~np.isclose(losses[1:], losses[:-1], rtol=1e-12)) + 2
    begun = changes[~np.isnan(losses[changes - 1])]
    if name == "constant":
        assert begun.tolist() == [*range(5, 37)]
        return
    assert begun.tolist() == [10, 15, 20, 25, 30, 35]  # the ends of the cycles
    states = states_of(model, 0, "evaluations")
    ends = [states[e - 1] for e in (10, 15, 20)]  # compared at the fifth cycle
    best = np.flatnonzero(model.history_["kept"])[0]
    if 19 <= best < 24 and model.best_loss_[0] == losses[best]:
        assert_same(kept_state(model, 0), mean_of(ends))


def test_the_average_of_a_frozen_member_is_not_kept(
    make_model, events, hand_written_stop
):
    options = {
        "n_members": 3,
        "averaging": StochasticWeightAverage(start=4, renewal=None),
        "learning_rate": 0.3,
        "max_epochs": 40,
    }
    free = fit(make_model(**options), events)
    options |= {"early_stopping": True, "n_iter_no_change": 2}
    model = fit(make_model(**options), events)
    for k, own in free.history_.groupby("member"):
        losses = own[["valid_loss", "average_loss"]].min(axis=1).to_numpy()
        epoch, loss, last = hand_written_stop(losses, 2, 0.0)
        assert model.n_iter_[k] == last < 40
        assert model.best_epoch_[k] == epoch
        assert model.best_loss_[k] == loss
    assert len(set(model.n_iter_)) > 1
    assert (free.best_loss_ < model.best_loss_).any()


# --- both -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"dropout": 0.3}])
def test_averages_change_no_bit_of_the_training(make_model, events, rule, options):
    options |= {"n_members": 3, "callbacks": [States()], "max_epochs": 4}
    plain = fit(make_model(**options), events)
    model = fit(make_model(averaging=rule, **options), events)
    for name in ("train_loss", "valid_loss"):
        np.testing.assert_array_equal(model.history_[name], plain.history_[name])
    for [(_, mine)], [(_, theirs)] in zip(
        model.callbacks_, plain.callbacks_, strict=True
    ):
        assert mine.n_validation_batches == theirs.n_validation_batches
        for name, value in theirs.evaluations[-1].items():
            assert torch.equal(mine.evaluations[-1][name], value), name


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_averages_have_the_same_bits_for_any_n_jobs(make_model, events, rule):
    options = {"n_members": 3, "averaging": rule, "max_epochs": 4}
    one = fit(make_model(**options), events)
    with joblib.parallel_config(backend="threading"):
        two = fit(make_model(n_jobs=2, **options), events)
    pd.testing.assert_frame_equal(one.history_, two.history_, check_exact=True)
    for name, value in one.net_.module_.state_dict().items():
        assert torch.equal(two.net_.module_.state_dict()[name], value), name


def test_a_score_judges_averages_as_well(make_model, events):
    scores = []

    def accuracy(estimator, X, y, sample_weight=None):
        scores.append(np.mean(estimator.predict(X) == y))
        return scores[-1]

    model = make_model(averaging="ema", scoring=accuracy, max_epochs=5)
    history = fit(model, events).history_
    by_kind = np.reshape(scores, (5, 2))  # running, averaged
    np.testing.assert_array_equal(history["valid_score"], by_kind[:, 0])
    best, is_average = np.unravel_index(by_kind.argmax(), by_kind.shape)
    assert model.best_epoch_[0] == best + 1
    name = "average_loss" if is_average else "valid_loss"
    assert model.best_loss_[0] == history[name].iloc[best]
    X, y, _ = (part[100:] for part in events)
    assert np.mean(model.predict(X) == y) == by_kind.max()


def test_an_average_goes_with_one_cycle_and_more_evaluations(make_model, events):
    options = {"schedule": "one_cycle", "averaging": ExponentialAverage(0.9)}
    once = fit(make_model(max_epochs=4, **options), events)
    many = fit(make_model(max_epochs=4, evaluations_per_epoch=4, **options), events)
    np.testing.assert_array_equal(
        many.history_["average_loss"].to_numpy()[3::4], once.history_["average_loss"]
    )
    assert many.best_loss_[0] <= once.best_loss_[0]


def test_an_average_goes_with_several_classes(make_model, events):
    X, y, w = events
    y = np.where((y == "b") & (X[:, 0] > 0.0), "near", y)
    model = make_model(averaging="ema", callbacks=[States()])
    fit(model, (X, y, w), validation=False)
    average = exponential(states_of(model, 0, "steps"), 0.999)[-1]
    assert_same(kept_state(model, 0), average)
    assert model.predict_proba(X).shape == (150, 3)


def test_a_warm_start_begins_a_new_average_from_the_old_one(make_model, events):
    model = make_model(averaging="ema", warm_start=True, callbacks=[States()])
    before = kept_state(fit(model, events, validation=False), 0)
    fit(model, events, validation=False)
    states = states_of(model, 0, "steps")
    assert all(torch.equal(states[0][name], value) for name, value in before.items())
    assert_same(kept_state(model, 0), exponential(states, 0.999)[-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialAverage(1.0), r"`decay` must be in \[0, 1\), got 1.0"),
        (lambda: ExponentialAverage(float("nan")), "got nan"),
        (lambda: StochasticWeightAverage(start=0), "`start` must .* from 1, got 0"),
        (lambda: StochasticWeightAverage(start=None), "`start` must .*, got None"),
        (lambda: StochasticWeightAverage(renewal=0), "`renewal` must be an int from 1"),
        (lambda: StochasticWeightAverage(renewal=2.5), "got 2.5"),
    ],
)
def test_averages_refuse_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_comparisons_need_a_validation_sample(make_model, events):
    with pytest.raises(ValueError, match="`averaging` with comparisons must have a va"):
        make_model(averaging="swa", max_epochs=9).fit(*events)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_epochs": 4}, "start=5 of 4 evaluations"),
        ({"max_epochs": 15, "schedule": "cosine_restarts"}, "start=5 of 4 evaluations"),
        ({"max_epochs": 5}, None),
        ({"max_epochs": 2, "evaluations_per_epoch": 3}, None),
    ],
)
def test_an_average_must_begin_before_the_end(make_model, events, options, message):
    model = make_model(averaging="swa", **options)
    if message is None:
        assert fit(model, events).history_["average_loss"].notna().any()
        return
    with pytest.raises(ValueError, match=message):
        fit(model, events)


def test_unknown_averages_and_parts_of_a_sample_are_refused(make_model, events):
    with pytest.raises(ValueError, match="The 'averaging' parameter"):
        make_model(averaging="mean").fit(*events)
    X, y, w = events
    with pytest.raises(ValueError, match="`averaging` must be left at its default"):
        make_model(averaging="ema").partial_fit(X, y, sample_weight=w)
