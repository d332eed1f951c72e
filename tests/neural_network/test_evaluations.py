"""Several evaluations of the validation sample in a pass over the events."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

OPTIONS = {"batch_size": 16, "dropout": 0.3, "schedule": "one_cycle", "max_epochs": 4}


class States(Callback):
    """Keeps the state after each evaluation and the weight that was trained on."""

    def __init__(self):
        self.states, self.weights, self.inputs = [], [], []

    def on_epoch_begin(self, _net, **_kwargs):
        self.weights.append(0.0)

    def on_grad_computed(self, _net, batch, **_kwargs):
        self.weights[-1] += batch.weight[0].abs().sum().item()
        self.inputs.append(batch.inputs.clone())

    def on_epoch_end(self, net, **_kwargs):
        state = net.module_.state_dict()
        self.states.append({name: value.clone() for name, value in state.items()})


def fit(model, events):
    X, y, w = events
    return model.fit(X[:100], y[:100], w[:100], X[100:], y[100:], w[100:])


def watched(make_model, events, **options):
    model = fit(make_model(callbacks=[States()], **{**OPTIONS, **options}), events)
    return model, model.callbacks_[0][0][1]


@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("options", [{}, {"batch_norm": True, "optimizer": "sgd"}])
def test_evaluations_do_not_change_a_bit_of_the_training(
    make_model, events, k, options
):
    once, expected = watched(make_model, events, **options)
    many, got = watched(make_model, events, evaluations_per_epoch=k, **options)
    assert len(got.states) == k * len(expected.states) == k * 4
    for mine, theirs in zip(got.states[k - 1 :: k], expected.states, strict=True):
        for name, value in theirs.items():
            assert torch.equal(mine[name], value), name
    for mine, theirs in zip(got.inputs, expected.inputs, strict=True):
        assert torch.equal(mine, theirs)
    last = many.history_["valid_loss"].to_numpy()[k - 1 :: k]
    np.testing.assert_array_equal(last, once.history_["valid_loss"])


@pytest.mark.parametrize("k", [2, 3])
def test_the_training_losses_of_the_parts_add_up_to_that_of_the_pass(
    make_model, events, k
):
    once, _ = watched(make_model, events)
    many, callback = watched(make_model, events, evaluations_per_epoch=k)
    losses = many.history_["train_loss"].to_numpy().reshape(4, k)
    weights = np.array(callback.weights).reshape(4, k)
    mean = (losses * weights).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(mean, once.history_["train_loss"], rtol=1e-5)


def test_the_history_has_a_row_for_each_evaluation(make_model, events):
    options = {**OPTIONS, "n_members": 2, "evaluations_per_epoch": 3}
    model = fit(make_model(**options), events)
    history = model.history_
    assert len(history) == 2 * 4 * 3
    for _, own in history.groupby("member"):
        np.testing.assert_allclose(own["epoch"], np.arange(1, 13) / 3)
        assert own["kept"].sum() == 1
    assert model.n_iter_.tolist() == [12, 12]
    assert all(len(scores) == 12 for scores in model.validation_scores_)
    best = history.loc[history.groupby("member")["valid_loss"].idxmin()]
    np.testing.assert_array_equal(model.best_epoch_, best["epoch"])
    np.testing.assert_array_equal(model.best_loss_, best["valid_loss"])
    assert best["kept"].all()


def test_the_state_within_a_pass_can_be_the_best(make_model, events):
    options = {"learning_rate": 0.2, "schedule": "constant", "max_epochs": 3}
    model, callback = watched(make_model, events, evaluations_per_epoch=7, **options)
    kept = int(np.flatnonzero(model.history_["kept"])[0])
    assert (kept + 1) % 7 != 0
    for name, value in model.net_.module_.state_dict().items():
        assert torch.equal(value, callback.states[kept][name]), name


@pytest.mark.parametrize("k", [1, 4])
def test_patience_counts_evaluations(make_model, events, k):
    options = {
        "learning_rate": 0.2,
        "batch_size": 16,
        "max_epochs": 30,
        "evaluations_per_epoch": k,
    }
    free = fit(make_model(**options), events).history_["valid_loss"].to_numpy()
    options |= {"early_stopping": True, "n_iter_no_change": 3}
    stopped = fit(make_model(**options), events)
    waits = [
        number - free[:number].argmin() for number in range(1, len(free) + 1)
    ]  # evaluations since the best one, which counts as one itself
    last = next(n for n, wait in enumerate(waits, start=1) if wait == 3 + 1)
    assert stopped.n_iter_[0] == last < 30 * k
    np.testing.assert_array_equal(stopped.history_["valid_loss"], free[:last])
    assert stopped.best_epoch_[0] == pytest.approx((free[:last].argmin() + 1) / k)


def test_more_evaluations_than_batches_are_an_error(make_model, events):
    fit(make_model(batch_size=25, evaluations_per_epoch=4, max_epochs=1), events)
    with pytest.raises(ValueError, match=r"at most the number of batches .* 5 for 4\."):
        fit(make_model(batch_size=25, evaluations_per_epoch=5), events)


def test_evaluations_need_something_to_evaluate(make_model, events):
    with pytest.raises(ValueError, match="evaluations_per_epoch > 1 must have a valid"):
        make_model(evaluations_per_epoch=2, batch_size=16).fit(*events)


def test_evaluations_are_the_same_in_threads_and_with_callbacks(make_model, events):
    options = {**OPTIONS, "n_members": 3, "evaluations_per_epoch": 2}
    first = fit(make_model(**options), events)
    with joblib.parallel_config(backend="threading"):
        second = fit(make_model(n_jobs=2, **options), events)
    third = fit(make_model(callbacks=[States()], **options), events)
    for other in (second, third):
        pd.testing.assert_frame_equal(other.history_, first.history_, check_exact=True)


def test_the_setting_of_strong_2020(make_model, events):
    # an "epoch" there is one of the nine folds that a network trains on: 45 of them
    # are five passes, and the patience of 50 is in these units
    X, y, w = events
    model = make_model(
        n_members=2,
        cv=10,
        validate_on_fold=True,
        member_weighting="inverse_loss",
        batch_size=15,
        max_epochs=5,
        evaluations_per_epoch=9,
        early_stopping=True,
        n_iter_no_change=50,
    ).fit(X, y, w)
    history = model.history_
    assert len(history) == 2 * 45
    assert history["epoch"].max() == 5.0
    assert history["epoch"].iloc[8] == 1.0
    np.testing.assert_allclose(
        model.member_weights_, 1 / model.best_loss_ / (1 / model.best_loss_).sum()
    )


def test_folds_of_very_different_sizes(make_model, events):
    X, y, w = events
    many, few = np.arange(100), np.arange(100, 120)
    folds = [(many, few), (few, many)]
    model = make_model(
        n_members=2,
        cv=folds,
        validate_on_fold=True,
        evaluations_per_epoch=6,
        **OPTIONS,
    )
    model.fit(X[:120], y[:120], w[:120])
    history = model.history_.set_index(["member", "epoch"])["train_loss"]
    assert np.isfinite(history).all()
    small = history.loc[1].to_numpy().reshape(-1, 6)
    # All 20 events of the smaller one are in the first two parts of 16.
    np.testing.assert_array_equal(small[:, 2:], small[:, [1]].repeat(4, axis=1))
    assert (small[:, 1] != small[:, 0]).all()
    large = history.loc[0].to_numpy().reshape(-1, 6)
    assert (np.diff(large) != 0.0).all()
