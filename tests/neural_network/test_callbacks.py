"""Callbacks of skorch and of users: what works, beside what `test_training` says."""

import copy
import io
import json
import pickle
import sys
import threading
from collections import Counter, defaultdict, deque
from numbers import Number
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import Callback, Freezer, LRScheduler
from skorch.utils import freeze_parameter

from skhep_dnn import BoostedDNN
from skhep_dnn.neural_network._engine.net import MemberNet

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_begin",
    "on_grad_computed",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
]


def fit(model, events):
    """Fit on two thirds and validate on the rest, which leaves no room for chance."""
    X, y, w = events
    return model.fit(X[:100], y[:100], w[:100], X[100:], y[100:], w[100:])


def callback_of(model, group=0):
    return model.callbacks_[group][0][1]


def assert_same_bits(got, expected):
    for name, value in expected.items():
        assert torch.equal(got[name], value), name


# What each hook of a user gets.


@pytest.mark.parametrize("name", HOOKS)
def test_a_callback_with_one_hook_gets_the_net_and_its_arguments(
    make_model, events, name
):
    got = []

    def hook(self, net, **kwargs):
        assert isinstance(net, MemberNet)
        got.append((len(net.history), kwargs))

    One = type("One", (Callback,), {name: hook})
    model = fit(make_model(callbacks=[One()], max_epochs=2, batch_size=50), events)
    plain = fit(make_model(max_epochs=2, batch_size=50), events)
    np.testing.assert_array_equal(
        model.decision_function(events[0]), plain.decision_function(events[0])
    )
    n_calls = {
        "on_train_begin": 1,
        "on_train_end": 1,
        "on_epoch_begin": 2,
        "on_epoch_end": 2,
        "on_grad_computed": 4,
        "on_batch_begin": 4 + 2,
        "on_batch_end": 4 + 2,
    }
    assert len(got) == n_calls[name]
    known = {
        "on_train_begin": {"X", "y"},
        "on_train_end": {"X", "y"},
        "on_epoch_begin": {"dataset_train", "dataset_valid"},
        "on_epoch_end": {"dataset_train", "dataset_valid"},
        "on_grad_computed": {"named_parameters", "batch", "training"},
        "on_batch_begin": {"batch", "training"},
        "on_batch_end": {"batch", "training", "loss", "y_pred"},
    }
    for _, kwargs in got:
        assert known[name] <= set(kwargs)
    if name.startswith("on_batch"):
        assert [kwargs["training"] for _, kwargs in got] == [True, True, False] * 2


class ScalesGradients(Callback):
    """Doubles the gradients, as one for noise or surgery would."""

    def on_grad_computed(self, _net, named_parameters, **_kwargs):
        for _, parameter in named_parameters:
            parameter.grad.mul_(2.0)


def test_gradients_can_be_changed_before_the_step(make_model, events):
    sgd = {"optimizer": "sgd", "momentum": 0.0, "nesterov": False}
    doubled = fit(make_model(callbacks=[ScalesGradients()], **sgd), events)
    faster = fit(make_model(learning_rate=2e-2, **sgd), events)
    X = events[0]
    np.testing.assert_allclose(
        doubled.decision_function(X), faster.decision_function(X), rtol=1e-5, atol=1e-7
    )


class Records(Callback):
    """Writes into the history, of the batch and of the epoch."""

    def on_batch_end(self, net, training, loss=None, **_kwargs):
        if training:
            net.history.record_batch("own", loss.item())

    def on_epoch_end(self, net, **_kwargs):
        own = [row["own"] for row in net.history[-1]["batches"] if "own" in row]
        net.history.record("own_mean", float(np.mean(own)))
        self.means = net.history[:, "own_mean"]


def test_a_callback_may_record_into_the_history(make_model, events):
    model = fit(make_model(callbacks=[Records()]), events)
    assert len(callback_of(model).means) == 3
    assert callback_of(model).means[-1] < callback_of(model).means[0]


# The callbacks of skorch.


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_checkpoint_holds_the_best_state_of_a_single_member(
    make_model, events, tmp_path, n_members
):
    checkpoint = skorch_callbacks.Checkpoint(dirname=str(tmp_path), f_pickle=None)
    options = {"learning_rate": 0.2, "max_epochs": 8, "n_members": n_members}
    model = fit(make_model(callbacks=[checkpoint], **options), events)
    assert 1 < model.best_epoch_[0] < 8
    own = model.net_.module_.state_dict()
    for group in range(n_members):
        prefix = f"group{group}_" if n_members > 1 else ""
        state = torch.load(tmp_path / f"{prefix}params.pt", weights_only=True)
        assert_same_bits({k: v[group : group + 1] for k, v in own.items()}, state)
        history = json.loads((tmp_path / f"{prefix}history.json").read_text())
        assert len(history) == model.best_epoch_[group]


def test_a_checkpoint_can_watch_the_training_loss(make_model, events, tmp_path):
    checkpoint = skorch_callbacks.Checkpoint(
        monitor=lambda net: len(net.history) == 2, dirname=str(tmp_path)
    )
    make_model(callbacks=[checkpoint]).fit(*events)
    state = torch.load(tmp_path / "params.pt", weights_only=True)
    short = make_model(max_epochs=2).fit(*events)
    assert_same_bits(short.net_.module_.state_dict(), state)


def test_a_checkpoint_at_the_end_holds_what_is_kept(make_model, events, tmp_path):
    checkpoint = skorch_callbacks.TrainEndCheckpoint(dirname=str(tmp_path))
    model = fit(make_model(callbacks=[checkpoint], learning_rate=0.2), events)
    state = torch.load(tmp_path / "train_end_params.pt", weights_only=True)
    assert_same_bits(model.net_.module_.state_dict(), state)
    assert (tmp_path / "train_end_optimizer.pt").exists()


class First(Callback):
    """Keeps the state that the training begins with."""

    def on_epoch_begin(self, net, **_kwargs):
        if not hasattr(self, "state"):
            self.state = copy.deepcopy(net.module_.state_dict())


def test_a_training_can_begin_with_a_checkpoint(make_model, events, tmp_path):
    checkpoint = skorch_callbacks.Checkpoint(dirname=str(tmp_path), monitor=None)
    first = make_model(callbacks=[checkpoint]).fit(*events)
    load = skorch_callbacks.LoadInitState(checkpoint)
    second = make_model(callbacks=[First(), load], random_state=5).fit(*events)
    assert_same_bits(callback_of(second).state, first.net_.module_.state_dict())
    # the history is that of the whole course
    assert second.history_["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert (
        second.history_[:3]
        .drop(columns="kept")
        .equals(first.history_.drop(columns="kept"))
    )
    assert second.n_iter_[0] == 6
    with pytest.raises(ValueError, match="LoadInitState, which loads the state"):
        make_model(n_members=2, callbacks=[load]).fit(*events)


def test_a_setter_of_shapes_is_refused(make_model, events):
    model = make_model(callbacks=[skorch_callbacks.InputShapeSetter()])
    with pytest.raises(ValueError, match=r"InputShapeSetter\. Leave it out"):
        model.fit(*events)


def test_a_callback_shares_what_cannot_be_copied(make_model, events):
    lock = threading.Lock()
    first = First()
    first.writer = lock
    model = fit(make_model(n_members=2, callbacks=[first]), events)
    copies = [dict(group)["First"] for group in model.callbacks_]
    assert all(copy.writer is lock for copy in copies)
    assert copies[0] is not copies[1]
    assert first not in copies


@pytest.mark.parametrize("batches_per_epoch", ["auto", "count", 7])
def test_the_progress_bar_of_skorch_counts_batches(
    make_model, events, capsys, batches_per_epoch
):
    bar = skorch_callbacks.ProgressBar(batches_per_epoch=batches_per_epoch)
    options = {"n_members": 2, "batch_size": 20}
    model = fit(make_model(callbacks=[bar], **options), events)
    shown = capsys.readouterr().err
    # five batches of training and one of validation
    assert "0/7" in shown if batches_per_epoch == 7 else "0/6" in shown
    for group in range(2):
        bar = callback_of(model, group).pbar_
        assert bar.n == 6
        assert bar.total == (7 if batches_per_epoch == 7 else 6)


def test_epochs_are_timed(make_model, events):
    class Timed(Callback):
        def on_epoch_end(self, net, **_kwargs):
            self.durations = net.history[:, "dur"]

    callbacks = [skorch_callbacks.EpochTimer(), Timed()]
    model = fit(make_model(callbacks=callbacks), events)
    durations = model.callbacks_[0][1][1].durations
    assert len(durations) == 3
    assert all(0.0 < duration < 60.0 for duration in durations)


def test_the_log_of_skorch_has_a_row_for_each_epoch(make_model, events):
    lines = []
    log = skorch_callbacks.PrintLog(sink=lambda line, **_: lines.append(str(line)))
    fit(make_model(callbacks=[log], learning_rate=0.2), events)
    header, _, *rows = "\n".join(lines).splitlines()
    assert header.split()[0] == "epoch"
    assert {"train_loss", "valid_loss", "learning_rate"} <= set(header.split())
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]


class Writer:
    """What TensorBoard's SummaryWriter is to skorch."""

    def __init__(self):
        self.scalars, self.closed = [], False

    def add_scalar(self, tag, scalar_value, global_step):
        self.scalars.append((tag, global_step, scalar_value))

    def close(self):
        self.closed = True


@pytest.mark.parametrize("n_members", [1, 5])
def test_tensorboard_gets_the_losses_once(make_model, events, n_members):
    board = skorch_callbacks.TensorBoard(Writer())
    model = fit(make_model(callbacks=[board], n_members=n_members), events)
    assert board.writer.closed
    assert all(isinstance(value, Number) for _, _, value in board.writer.scalars)
    history = model.history_.groupby("epoch")
    for tag in ("train_loss", "valid_loss"):
        got = [
            (step, value)
            for name, step, value in board.writer.scalars
            if name == f"Loss/{tag}"
        ]
        steps, values = zip(*got, strict=True)
        assert steps == (1, 2, 3)
        np.testing.assert_allclose(values, history[tag].mean(), rtol=1e-12)


def test_parameters_can_be_frozen(make_model, events):
    X, y, w = events
    freezer = skorch_callbacks.Freezer("weights.0")
    model = make_model(callbacks=[freezer], n_layers=2).fit(X, y, w)
    own = model.net_.module_.state_dict()
    start = make_model(n_layers=2, learning_rate=1e-30, max_epochs=1).fit(X, y, w)
    before = start.net_.module_.state_dict()
    assert torch.equal(own["weights.0"], before["weights.0"])
    assert not torch.equal(own["weights.1"], before["weights.1"])


def test_parameters_can_be_mapped_at_an_epoch(make_model, events):
    mapper = skorch_callbacks.ParamMapper(
        "output_weight", fn=lambda p: p.data.zero_(), at=3
    )
    options = {"learning_rate": 1e-12, "max_epochs": 3}
    model = make_model(callbacks=[mapper], **options).fit(*events)
    assert model.net_.module_.output_weight.abs().max() < 1e-9


@pytest.mark.parametrize("options", [{"l2": 0.1}, {"l1": 0.1}, {"clip_norm": 1e-3}])
def test_frozen_parameters_are_neither_penalised_nor_clipped(
    make_model, events, options
):
    freezer = skorch_callbacks.ParamMapper("weights.*", fn=freeze_parameter, at=2)
    last = make_model(callbacks=[freezer], **options).fit(*events)
    short = make_model(max_epochs=1, **options).fit(*events)
    own, before = (m.net_.module_.state_dict() for m in (last, short))
    assert torch.equal(own["weights.0"], before["weights.0"])
    assert not torch.equal(own["output_weight"], before["output_weight"])


# Stopping.


def test_early_stopping_of_skorch_stops_a_single_member(make_model, events):
    options = {"learning_rate": 0.2, "max_epochs": 40}
    stop = skorch_callbacks.EarlyStopping(patience=3, threshold=0.0)
    mine = fit(make_model(callbacks=[stop], **options), events)
    own = fit(make_model(early_stopping=True, n_iter_no_change=3, **options), events)
    assert mine.n_iter_[0] == own.n_iter_[0] < 40
    assert mine.best_epoch_[0] == own.best_epoch_[0]
    assert callback_of(mine).best_epoch_ == own.best_epoch_[0]
    assert_same_bits(mine.net_.module_.state_dict(), own.net_.module_.state_dict())


def test_early_stopping_can_watch_the_training_loss(make_model, events):
    stop = skorch_callbacks.EarlyStopping(
        monitor="train_loss", patience=1, threshold=0.9
    )
    model = make_model(callbacks=[stop], max_epochs=9).fit(*events)
    assert model.n_iter_[0] == model.best_epoch_[0] == 2
    short = make_model(max_epochs=2).fit(*events)
    assert_same_bits(model.net_.module_.state_dict(), short.net_.module_.state_dict())


@pytest.mark.parametrize("kind", ["EarlyStopping", "Checkpoint"])
def test_the_best_state_is_left_to_the_estimator(make_model, events, kind):
    callback = getattr(skorch_callbacks, kind)(load_best=True)
    with pytest.raises(ValueError, match=rf"got {kind} with load_best=True"):
        fit(make_model(callbacks=[callback]), events)


def test_early_stopping_of_several_members_is_refused(make_model, events):
    stop = skorch_callbacks.EarlyStopping()
    with pytest.raises(ValueError, match=r"EarlyStopping, .* mean loss of 2 members"):
        fit(make_model(callbacks=[stop], n_members=2), events)


def test_the_rate_falls_on_a_plateau_of_a_single_member(make_model, events):
    plateau = skorch_callbacks.LRScheduler(
        "ReduceLROnPlateau", monitor="valid_loss", patience=1, threshold=0.0, factor=0.1
    )
    options = {"learning_rate": 0.2, "max_epochs": 15}
    model = fit(make_model(callbacks=[plateau], **options), events)
    history = model.history_
    rates = history["learning_rate"].to_numpy()
    drop = int(np.flatnonzero(np.diff(rates))[0])
    losses = history["valid_loss"].to_numpy()[: drop + 1]
    # recorded before the callback acts: the second epoch without improvement
    assert losses.argmin() == drop - 2
    assert rates[drop + 1] == pytest.approx(0.02)


class Interrupts(Callback):
    """Raises what Ctrl-C does, in one of the hooks."""

    def __init__(self, hook):
        self.hook = hook

    def _raise(self, hook):
        if hook == self.hook:
            raise KeyboardInterrupt

    def on_train_begin(self, *_args, **_kwargs):
        self._raise("on_train_begin")

    def on_batch_end(self, *_args, **_kwargs):
        self._raise("on_batch_end")

    def on_epoch_end(self, *_args, **_kwargs):
        self._raise("on_epoch_end")

    def on_train_end(self, *_args, **_kwargs):
        self._raise("on_train_end")


@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_batch_end", "on_epoch_end", "on_train_end"]
)
@pytest.mark.parametrize("beside", [[], [skorch_callbacks.EarlyStopping()]])
def test_an_interrupt_propagates_and_leaves_no_model(make_model, events, hook, beside):
    X = events[0]
    model = make_model(callbacks=[*copy.deepcopy(beside), Interrupts(hook)])
    with pytest.raises(KeyboardInterrupt):
        fit(model, events)
    for predict in (model.predict, model.decision_function, model.predict_proba):
        with pytest.raises(NotFittedError):
            predict(X)


def test_an_interrupt_of_a_second_fit_leaves_no_first_model(make_model, events):
    model = fit(make_model(), events)
    model.set_params(callbacks=[Interrupts("on_epoch_end")])
    with pytest.raises(KeyboardInterrupt):
        fit(model, events)
    with pytest.raises(NotFittedError):
        model.predict(events[0])


# What the history holds of batches, where a callback asks for it.


class Rows(Callback):
    """Keeps the rows of the history."""

    def on_epoch_end(self, net, **_kwargs):
        self.rows = [dict(row) for row in net.history]


class Batches(Rows):
    """Asks for batches, too."""

    def on_batch_end(self, net, training, loss, y_pred, **_kwargs):
        phase = "train" if training else "valid"
        last = net.history[-1, "batches", -1]
        assert last[f"{phase}_loss"] == pytest.approx(loss.item())
        assert y_pred.shape[1] == last[f"{phase}_batch_size"]


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("evaluations_per_epoch", [1, 2])
def test_the_losses_of_batches_make_those_of_their_epoch(
    make_model, events, n_members, evaluations_per_epoch
):
    options = {
        "n_members": n_members,
        "batch_size": 25,  # four full batches of the hundred events
        "evaluations_per_epoch": evaluations_per_epoch,
    }
    model = fit(make_model(callbacks=[Batches()], **options), events)
    n_batches = 4 // evaluations_per_epoch
    for group in range(n_members):
        history = model.history_[model.history_["member"] == group]
        rows = callback_of(model, group).rows
        for row, (_, expected) in zip(rows, history.iterrows(), strict=True):
            assert row["train_batch_count"] == n_batches
            assert row["valid_batch_count"] == 1
            assert len(row["batches"]) == n_batches + 1
            last = row["batches"][-1]
            assert last["valid_loss"] == pytest.approx(expected["valid_loss"])
            assert last["valid_losses"] == [last["valid_loss"]]
            assert last["valid_batch_size"] == 50
            sizes = [batch["train_batch_size"] for batch in row["batches"][:-1]]
            assert sizes == [25] * n_batches
        # the training weights of the pass, not of a part of it, have a mean of one
        losses = [batch["train_loss"] for row in rows for batch in row["batches"][:-1]]
        assert np.mean(losses) == pytest.approx(history["train_loss"].mean(), rel=0.05)
        if evaluations_per_epoch == 1:
            of_rows = np.reshape(losses, (-1, 4)).mean(1)
            np.testing.assert_allclose(of_rows, history["train_loss"], rtol=1e-5)


def test_validation_in_several_batches_makes_its_loss(make_model, events):
    X, y, w = events
    many = np.resize(X, (5000, 3)), np.resize(y, 5000), np.resize(w, 5000)
    model = make_model(callbacks=[Batches()]).fit(X, y, w, *many)
    for row, loss in zip(
        callback_of(model).rows, model.history_["valid_loss"], strict=True
    ):
        batches = [batch for batch in row["batches"] if "valid_loss" in batch]
        assert len(batches) == row["valid_batch_count"] == 3
        sizes = [batch["valid_batch_size"] for batch in batches]
        assert sum(sizes) == 5000
        losses = [batch["valid_loss"] for batch in batches]
        assert np.average(losses, weights=sizes) == pytest.approx(loss, rel=1e-9)


def test_nothing_is_recorded_of_batches_that_nobody_asks_for(make_model, events):
    model = fit(make_model(callbacks=[Rows()]), events)
    for row in callback_of(model).rows:
        assert "train_batch_count" not in row
        assert len(row["batches"]) == 1  # skorch's Checkpoint looks for the last one
        assert set(row["batches"][0]) == {"train_loss"}


def test_the_history_says_where_a_loss_is_the_lowest_so_far(make_model, events):
    options = {"learning_rate": 0.2, "max_epochs": 8, "callbacks": [Rows()]}
    model = fit(make_model(**options), events)
    for name in ("train_loss", "valid_loss"):
        losses = model.history_[name].to_numpy()
        best = [loss < losses[:k].min(initial=np.inf) for k, loss in enumerate(losses)]
        assert [row[f"{name}_best"] for row in callback_of(model).rows] == best
        assert sum(best) > 0
    assert not all(best)


def test_an_optimiser_without_momentum_has_none_in_the_history(make_model, events):
    model = fit(make_model(callbacks=[Rows()], optimizer="rmsprop"), events)
    assert "momentum" not in callback_of(model).rows[0]
    assert model.history_["momentum"].isna().all()


# The learning rate by skorch.

POLICIES = {
    "StepLR": {"step_size": 2, "gamma": 0.1},
    "MultiStepLR": {"milestones": [1, 3], "gamma": 0.1},
    "ExponentialLR": {"gamma": 0.5},
    "CosineAnnealingLR": {"T_max": 40},
    "LambdaLR": {"lr_lambda": lambda k: 0.5**k},
    "CyclicLR": {"base_lr": 1e-3, "max_lr": 0.1, "step_size_up": 5},
    "WarmRestartLR": {"min_lr": 1e-3, "max_lr": 0.1, "base_period": 2},
    "ReduceLROnPlateau": {"patience": 0, "threshold": 0.5, "factor": 0.1},
}


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_of_skorch_sets_the_rate(make_model, events, policy, step_every):
    scheduler = LRScheduler(policy, step_every=step_every, **POLICIES[policy])
    options = {"learning_rate": 0.1, "callbacks": [scheduler, Rows()]}
    model = fit(make_model(**options), events)
    rows = model.callbacks_[0][1][1].rows
    steps = [row["event_lr"] for row in rows if "event_lr" in row]
    if step_every == "batch":
        steps = [
            batch["event_lr"]
            for row in rows
            for batch in row["batches"]
            if "event_lr" in batch
        ]
        assert len(steps) == sum(row["train_batch_count"] for row in rows) == 12
        # the count goes on where a stream goes on
        stream = make_model(**options)
        for n_calls in (1, 2):
            stream.partial_fit(events[0], events[1], sample_weight=events[2])
            assert stream.callbacks_[0][0][1].batch_idx_ == 5 * n_calls
    assert len(set(np.round(steps, 9))) > 1
    # what torch does with the same numbers
    if policy != "ReduceLROnPlateau":
        simulated = LRScheduler(policy, **POLICIES[policy]).simulate(len(steps), 0.1)
        np.testing.assert_allclose(steps, simulated, rtol=1e-6)


def test_the_rate_falls_on_a_plateau_of_batches(make_model, events):
    def plateau_of(losses):
        best, rates = np.inf, [0.1]
        for loss in losses:
            rates.append(rates[-1] if loss < best * 0.9 else rates[-1] * 0.5)
            best = loss if loss < best * 0.9 else best
        return rates[:-1]

    scheduler = LRScheduler(
        "ReduceLROnPlateau",
        monitor="train_loss",
        step_every="batch",
        patience=0,
        threshold=0.1,
        factor=0.5,
        eps=0.0,
    )
    options = {"learning_rate": 0.1, "callbacks": [scheduler, Rows()]}
    model = make_model(**options).fit(*events)
    batches = [b for row in model.callbacks_[0][1][1].rows for b in row["batches"]]
    got = [batch["event_lr"] for batch in batches]
    expected = plateau_of([batch["train_loss"] for batch in batches])
    np.testing.assert_allclose(got, expected)
    assert got[-1] < got[0]


# Names.


def test_callbacks_of_one_class_are_numbered(make_model, events):
    freezers = [Freezer("weights.0"), skorch_callbacks.EpochTimer, Freezer("biases.0")]
    model = make_model(callbacks=[*freezers, ("mine", Rows())], n_layers=2, n_members=2)
    model = fit(model, events)
    for group in model.callbacks_:
        names = [name for name, _ in group]
        assert names == ["Freezer_1", "EpochTimer", "Freezer_2", "mine"]
    own = model.net_.module_.state_dict()
    start = make_model(
        n_layers=2, n_members=2, learning_rate=1e-30, max_epochs=1, connection="plain"
    )
    before = fit(start, events).net_.module_.state_dict()
    assert torch.equal(own["weights.0"], before["weights.0"])
    assert not own["biases.0"].any()  # they begin at zero
    assert own["biases.1"].any()
    assert not torch.equal(own["weights.1"], before["weights.1"])


def test_two_checkpoints_write_their_own_files(make_model, events, tmp_path):
    checkpoints = [
        skorch_callbacks.Checkpoint(
            monitor=monitor, dirname=str(tmp_path), fn_prefix=prefix
        )
        for monitor, prefix in [(None, "last_"), ("valid_loss_best", "best_")]
    ]
    model = fit(make_model(callbacks=checkpoints, learning_rate=0.2), events)
    assert [name for name, _ in model.callbacks_[0]] == ["Checkpoint_1", "Checkpoint_2"]
    assert (tmp_path / "last_params.pt").exists()
    state = torch.load(tmp_path / "best_params.pt", weights_only=True)
    assert_same_bits(model.net_.module_.state_dict(), state)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_name_given_twice_is_refused(make_model, events, n_members):
    for other in (skorch_callbacks.EpochTimer(), skorch_callbacks.PrintLog()):
        callbacks = [("same", Rows()), ("same", other)]
        with pytest.raises(ValueError, match="a name for each, got 'same' 2 times"):
            fit(make_model(callbacks=callbacks, n_members=n_members), events)
    callbacks = [("Rows_1", First()), Rows(), Rows()]
    with pytest.raises(ValueError, match="got 'Rows_1' 2 times"):
        fit(make_model(callbacks=callbacks, n_members=n_members), events)


# What is copied with a callback, and what is shared.


class Handle:
    """Stands for a trial, a file, a connection."""

    def __copy__(self):
        raise AssertionError

    def __deepcopy__(self, memo):
        raise AssertionError


class Holds(Callback):
    """Holds containers, some of them with a handle inside, and handles."""

    def __init__(self, sink):
        self.handle = Handle()
        self.sink = sink
        self.seen = []
        self.also_seen = self.seen
        self.nested = {"handles": (self.handle, [self.handle]), "numbers": [1]}
        self.others = [deque([[1]]), defaultdict(list, a=[1]), Counter("a"), {1}]
        self.array = np.zeros(2)
        self.tensor = torch.zeros(2)
        self.own_method = self.note
        self.nested["itself"] = self.nested

    def note(self):
        self.seen.append(self.group_)

    def on_epoch_end(self, *_args, **_kwargs):
        self.own_method()
        self.sink("epoch")
        self.array += 1.0
        self.tensor += 1.0
        self.nested["numbers"].append(2)
        self.nested["handles"][1].append(2)
        for container in self.others:
            if isinstance(container, deque):
                container[0].append(2)
            elif isinstance(container, defaultdict):
                container["a"].append(2)
            else:
                container.update([2])


def assert_untouched(callback):
    assert callback.seen == []
    assert callback.nested["numbers"] == [1]
    assert callback.nested["handles"] == (callback.handle, [callback.handle])
    assert callback.others == [deque([[1]]), {"a": [1]}, Counter("a"), {1}]
    assert not callback.array.any()
    assert not callback.tensor.any()


def test_containers_are_copied_and_handles_shared(make_model, events):
    told = []
    callback = Holds(told.append)
    model = fit(make_model(callbacks=[callback], n_members=2), events)
    assert told == ["epoch"] * 6
    assert_untouched(callback)
    copies = [callback_of(model, group) for group in range(2)]
    for group, own in enumerate(copies):
        assert own is not callback
        assert own.handle is callback.handle
        assert own.seen == [group] * 3
        assert own.also_seen is own.seen
        assert own.nested["itself"] is own.nested
        assert own.nested["handles"][0] is callback.handle
        assert own.nested["handles"][1] == [callback.handle, 2, 2, 2]
        assert own.others[0] == deque([[1, 2, 2, 2]])
        assert own.others[1] == {"a": [1, 2, 2, 2]}
        assert own.others[1].default_factory is list
        assert own.others[3] == {1, 2}
        assert (own.array == 3.0).all()
        assert (own.tensor == 3.0).all()


COPIES = {"clone": clone, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("way", COPIES)
def test_copies_of_a_model_share_the_handles(make_model, events, way):
    told = []
    callback = Holds(told.append)
    X, y, w = events
    model = make_model(callbacks=[callback], n_members=2)
    for _ in range(2):  # not fitted, then fitted
        other = COPIES[way](model)
        assert other.callbacks is not model.callbacks
        assert other.callbacks[0].handle is callback.handle
        n_before = len(told)
        other.partial_fit(X, y, sample_weight=w)
        assert len(told) == n_before + 1
        model.partial_fit(X, y, sample_weight=w)
    assert_untouched(callback)
    # the copy went on by itself
    assert callback_of(other).seen == [0] * (1 if way == "clone" else 2)
    assert callback_of(model).seen == [0, 0]


def test_a_stream_shares_the_handles_from_call_to_call(make_model, events):
    X, y, w = events
    told = []
    model = make_model(callbacks=[Holds(told.append)])
    model.partial_fit(X, y, sample_weight=w)
    first = callback_of(model)
    model.partial_fit(X, y, sample_weight=w)
    assert told == ["epoch"] * 2
    assert callback_of(model).handle is first.handle
    assert callback_of(model).seen == [0, 0]
    assert first.seen == [0]  # of a call that had failed it would be what is left


def test_searches_and_boosting_share_the_handles(make_model, events):
    X, y, w = events
    told = []
    model = make_model(callbacks=[Holds(told.append)], max_epochs=1)
    search = GridSearchCV(model, {"dropout": [0.0, 0.5]}, cv=2)
    search.fit(X, y, sample_weight=w)
    assert len(told) == 2 * 2 + 1
    for continue_training in (False, True):  # by a clone, by a deep copy
        boosted = BoostedDNN(
            model,
            method="vote",
            n_estimators=2,
            continue_training=continue_training,
            random_state=0,
        )
        boosted.fit(X, y, w)
    assert len(told) == 5 + 2 * 2


def test_a_callback_is_not_copied_as_it_is_pickled(make_model, events):
    class Reopens(Rows):
        def __getstate__(self):
            raise AssertionError

    model = fit(make_model(callbacks=[Reopens()]), events)
    assert len(callback_of(model).rows) == 3


# Callbacks that report: once for all members.


class Sees(Callback):
    """Says that it sees all members, and keeps what it is told."""

    sees_all_members = True

    def __init__(self):
        self.told = []

    def _tell(self, hook, net):
        n_members = len(net.module_.output_bias)
        self.told.append((hook, len(net.history), n_members))

    def on_train_begin(self, net, X, y):
        assert len(X) == len(y)
        self._tell("on_train_begin", net)

    def on_epoch_begin(self, net, **_kwargs):
        self._tell("on_epoch_begin", net)

    def on_epoch_end(self, net, **_kwargs):
        self._tell("on_epoch_end", net)
        self.rows = [dict(row) for row in net.history]
        self.bias = net.module_.output_bias.detach().clone()

    def on_train_end(self, net, X, y):
        assert len(X) == len(y)
        self._tell("on_train_end", net)
        self.state = {k: v.clone() for k, v in net.module_.state_dict().items()}


@pytest.mark.parametrize("n_members", [1, 2, 5])
def test_a_callback_may_see_all_members(make_model, events, n_members):
    options = {"n_members": n_members, "learning_rate": 0.2}
    callbacks = [Rows(), Sees(), skorch_callbacks.EpochTimer()]
    model = fit(make_model(callbacks=callbacks, **options), events)
    plain = fit(make_model(**options), events)
    assert_same_bits(model.net_.module_.state_dict(), plain.net_.module_.state_dict())
    for group in model.callbacks_:
        assert [name for name, _ in group] == ["Rows", "Sees", "EpochTimer"]
    sees = model.callbacks_[0][1][1]
    assert all(group[1][1] is sees for group in model.callbacks_)
    assert sees.told == [
        ("on_train_begin", 0, n_members),
        *(
            (hook, k, n_members)
            for k in (1, 2, 3)
            for hook in ("on_epoch_begin", "on_epoch_end")
        ),
        ("on_train_end", 3, n_members),
    ]
    history = model.history_
    for name in ("train_loss", "valid_loss", "learning_rate", "momentum"):
        got = [row[name] for row in sees.rows]
        expected = history.groupby("epoch")[name].mean()
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    for k, row in enumerate(sees.rows):
        of_epoch = history[history["epoch"] == k + 1]
        assert row["valid_losses"] == of_epoch["valid_loss"].tolist()
        lowest = [r["valid_loss"] for r in sees.rows[:k]]
        assert row["valid_loss_best"] == (row["valid_loss"] < min([np.inf, *lowest]))
    # the networks are those of the members, and in the end those that are kept
    assert_same_bits(model.net_.module_.state_dict(), sees.state)


def test_members_that_have_ended_count_with_what_was_last_seen(make_model, events):
    options = {
        "n_members": 2,
        "learning_rate": 0.3,
        "max_epochs": 30,
        "early_stopping": True,
        "n_iter_no_change": 2,
        "random_state": 1,
    }
    model = fit(make_model(callbacks=[Sees()], **options), events)
    n_first, n_second = model.n_iter_
    assert n_first != n_second  # the groups end at different times
    last = model.history_.groupby("member")["valid_loss"].last()
    sees = callback_of(model)
    assert len(sees.rows) == max(n_first, n_second) < 30
    assert sees.rows[-1]["valid_losses"] == last.tolist()
    assert sees.told[-2:] == [
        ("on_epoch_end", len(sees.rows), 2),
        ("on_train_end", len(sees.rows), 2),
    ]


def test_numbers_that_other_callbacks_record_are_means(make_model, events):
    class RecordsOwn(Callback):
        def on_epoch_end(self, net, **_kwargs):
            net.history.record("group", self.group_)
            net.history.record("event_first", self.group_ == 0)
            net.history.record("same", "text")
            if self.group_ == 1:
                net.history.record("once", 1.0)

    model = fit(make_model(callbacks=[RecordsOwn(), Sees()], n_members=5), events)
    row = model.callbacks_[0][1][1].rows[-1]
    assert row["group"] == pytest.approx(2 / 5)  # three members are of group 0
    assert row["event_first"] is True
    assert row["same"] == "text"
    assert "once" not in row


def test_an_instance_may_say_that_it_sees_all_members(make_model, events):
    one = Rows()
    one.sees_all_members = True
    timer = skorch_callbacks.PrintLog(sink=lambda *_: None)
    timer.sees_all_members = False
    model = fit(make_model(callbacks=[one, timer], n_members=2), events)
    (_, first), (_, of_first) = model.callbacks_[0]
    (_, second), (_, of_second) = model.callbacks_[1]
    assert first is second
    assert of_first is not of_second


def test_the_log_of_several_groups_has_one_table(make_model, events):
    lines = []
    log = skorch_callbacks.PrintLog(sink=lambda line, **_: lines.append(str(line)))
    model = fit(make_model(callbacks=[log], n_members=5), events)
    _header, _, *rows = "\n".join(lines).splitlines()
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    mean = model.history_.groupby("epoch")["valid_loss"].mean()
    assert f"{mean.iloc[-1]:.4f}" in rows[-1]


# Pruning by Optuna.

optuna = pytest.importorskip("optuna")
integration = pytest.importorskip("optuna_integration")


def median_study():
    return optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=1),
    )


@pytest.mark.parametrize("n_members", [1, 2, 5])
@pytest.mark.parametrize("way", ["plain", "clone", "partial_fit"])
def test_optuna_prunes_by_the_mean_of_all_members(make_model, events, n_members, way):
    study, models = median_study(), []

    def objective(trial):
        model = make_model(
            n_members=n_members,
            learning_rate=1e-9 if trial.number == 1 else 5e-2,
            callbacks=[integration.SkorchPruningCallback(trial, "train_loss")],
            max_epochs=5,
        )
        models.append(clone(model) if way == "clone" else model)
        if way == "partial_fit":
            for _ in range(5):
                models[-1].partial_fit(events[0], events[1], sample_weight=events[2])
        else:
            models[-1].fit(*events)
        return models[-1].history_["train_loss"].iloc[-1]

    study.optimize(objective, n_trials=3)
    assert [trial.state.name for trial in study.trials] == [
        "COMPLETE",
        "PRUNED",
        "COMPLETE",
    ]
    # one report for each evaluation, of all members
    reported = study.trials[0].intermediate_values
    assert list(reported) == [0, 1, 2, 3, 4]
    assert len(study.trials[1].intermediate_values) == 2
    if way != "partial_fit":
        expected = models[0].history_.groupby("epoch")["train_loss"].mean()
        np.testing.assert_allclose(list(reported.values()), expected, rtol=1e-12)
    assert not hasattr(models[1], "net_") or way == "partial_fit"
    assert pickle.loads(pickle.dumps(models[0])).n_members == n_members


@pytest.mark.parametrize("n_members", [1, 5])
def test_a_pruned_trial_is_told_by_the_exception_of_optuna(
    make_model, events, n_members
):
    class Pruned(optuna.trial.FixedTrial):
        def should_prune(self):
            return True

    pruner = integration.SkorchPruningCallback(Pruned({}), "valid_loss")
    with pytest.raises(optuna.TrialPruned, match="pruned at epoch 0"):
        fit(make_model(callbacks=[pruner], n_members=n_members), events)


# All callbacks of skorch, and what becomes of them.


class MetricClient:
    """Takes numbers alone, as the client of MLflow does."""

    def __init__(self):
        self.metrics, self.artifacts, self.is_terminated = [], [], False

    def log_metric(self, _run_id, key, value, step):
        assert isinstance(value, Number), (key, value)
        self.metrics.append((key, step, float(value)))

    def log_artifact(self, _run_id, path):
        assert path.stat().st_size > 0
        self.artifacts.append(path.name)

    def set_terminated(self, _run_id):
        self.is_terminated = True


class Experiment:
    """Takes numbers alone, as a data base behind Sacred does."""

    def __init__(self):
        self.scalars = []

    def log_scalar(self, name, value, step=None):
        assert isinstance(value, Number), (name, value)
        self.scalars.append((name, step, float(value)))


class Run(defaultdict):
    """A run of Neptune: a tree whose leaves take numbers."""

    def __init__(self):
        super().__init__(Run)
        self.reported, self.is_stopped = [], False

    def append(self, value):
        assert isinstance(value, Number), value
        self.reported.append(value)

    def stop(self):
        self.is_stopped = True


class WandbRun:
    """A run of Weights & Biases."""

    def __init__(self, folder):
        self.dir, self.rows = str(folder), []

    def watch(self, module):
        self.module = module

    def log(self, row):
        assert all(isinstance(value, Number) for value in row.values()), row
        self.rows.append(row)


def mean_losses(model, name="valid_loss"):
    return model.history_.groupby("epoch")[name].mean().tolist()


@pytest.mark.parametrize("n_members", [1, 5])
def test_mlflow_gets_numbers_of_all_members_once(make_model, events, n_members):
    run = SimpleNamespace(info=SimpleNamespace(run_id="one"))
    client = MetricClient()
    logger = skorch_callbacks.MlflowLogger(run, client)
    model = fit(make_model(callbacks=[logger], n_members=n_members), events)
    got = [(step, value) for key, step, value in client.metrics if key == "valid_loss"]
    assert [step for step, _ in got] == [1, 2, 3]
    np.testing.assert_allclose([value for _, value in got], mean_losses(model))
    assert len(client.artifacts) == 4
    assert client.is_terminated


@pytest.mark.parametrize("n_members", [1, 5])
def test_sacred_gets_numbers_of_all_members_once(make_model, events, n_members):
    experiment = Experiment()
    logger = skorch_callbacks.SacredLogger(experiment, keys_ignored="momentum")
    model = fit(make_model(callbacks=[logger], n_members=n_members), events)
    got = [(step, v) for name, step, v in experiment.scalars if name == "valid_loss"]
    assert [step for step, _ in got] == [1, 2, 3]
    np.testing.assert_allclose([value for _, value in got], mean_losses(model))
    assert "momentum" not in {name for name, _, _ in experiment.scalars}
    assert logger.keys_ignored == "momentum"


@pytest.mark.parametrize("n_members", [1, 5])
def test_neptune_gets_numbers_of_all_members_once(
    make_model, events, n_members, monkeypatch
):
    types, handler = ModuleType("neptune.types"), ModuleType("neptune.handler")
    types.File = SimpleNamespace(from_content=lambda text, extension: (text, extension))
    handler.Handler = type("Handler", (), {})
    for module in (ModuleType("neptune"), types, handler):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    run = Run()
    logger = skorch_callbacks.NeptuneLogger(run)
    model = fit(make_model(callbacks=[logger], n_members=n_members), events)
    got = run["training"]["validation"]["epoch"]["loss"].reported
    np.testing.assert_allclose(got, mean_losses(model))
    assert run["training"]["config/epochs"] == 3
    assert run.is_stopped


@pytest.mark.parametrize("n_members", [1, 5])
def test_wandb_gets_numbers_of_all_members_once(
    make_model, events, n_members, tmp_path
):
    run = WandbRun(tmp_path)
    logger = skorch_callbacks.WandbLogger(run)
    model = fit(make_model(callbacks=[logger], n_members=n_members), events)
    np.testing.assert_allclose(
        [row["valid_loss"] for row in run.rows], mean_losses(model)
    )
    state = torch.load(tmp_path / "best_model.pth", weights_only=True)
    assert state["output_bias"].shape[0] == n_members
    with pytest.raises(
        ValueError, match="WandbLogger, which watches 'valid_loss_best'"
    ):
        make_model(callbacks=[logger]).fit(*events)
    logger = skorch_callbacks.WandbLogger(WandbRun(tmp_path), save_model=False)
    make_model(callbacks=[logger]).fit(*events)


def test_loggers_get_batches_of_a_single_group(make_model, events):
    experiment = Experiment()
    logger = skorch_callbacks.SacredLogger(experiment, log_on_batch_end=True)
    model = fit(make_model(callbacks=[logger]), events)
    names = Counter(name for name, _, _ in experiment.scalars)
    assert names["train_loss_batch"] == 3 * 4
    assert names["valid_loss_batch"] == 3
    assert names["valid_loss_epoch"] == 3
    with pytest.raises(ValueError, match="SacredLogger with log_on_batch_end=True"):
        fit(model.set_params(n_members=2), events)


WATCHERS = [
    skorch_callbacks.EarlyStopping(),
    skorch_callbacks.EarlyStopping,
    skorch_callbacks.Checkpoint(),
    ["by name", skorch_callbacks.Checkpoint],
    LRScheduler("ReduceLROnPlateau", monitor="valid_loss"),
]


@pytest.mark.parametrize("watcher", WATCHERS, ids=range(len(WATCHERS)))
def test_what_watches_the_validation_needs_one(make_model, events, watcher, tmp_path):
    if isinstance(watcher, skorch_callbacks.Checkpoint):
        watcher.dirname = str(tmp_path)
    model = make_model(callbacks=[watcher])
    with pytest.raises(ValueError, match=r"which watches 'valid_loss.*Hold events out"):
        model.fit(*events)
    with pytest.raises(ValueError, match="without a validation sample"):
        model.partial_fit(*events[:2])
    model = make_model(callbacks=[LRScheduler("StepLR", step_size=1)])
    model.fit(*events)  # watches nothing


def test_a_checkpoint_can_write_to_an_open_file(make_model, events, tmp_path):
    memory = io.BytesIO()
    none = {"f_optimizer": None, "f_criterion": None, "f_history": None}
    checkpoint = skorch_callbacks.TrainEndCheckpoint(f_params=memory, **none)
    model = fit(make_model(callbacks=[checkpoint]), events)
    memory.seek(0)
    assert_same_bits(
        model.net_.module_.state_dict(), torch.load(memory, weights_only=True)
    )
    for target in (memory, tmp_path / "params.pt"):
        checkpoint = skorch_callbacks.Checkpoint(f_params=target, **none)
        with pytest.raises(ValueError, match=r"Checkpoint with f_params=.*as str"):
            fit(make_model(callbacks=[checkpoint], n_members=2), events)


def test_a_class_of_checkpoints_writes_a_file_for_each_group(
    make_model, events, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    fit(make_model(callbacks=[skorch_callbacks.Checkpoint], n_members=2), events)
    files = {path.name for path in tmp_path.iterdir()}
    assert {"group0_params.pt", "group1_params.pt"} <= files


def test_a_checkpoint_can_pickle_the_net(make_model, events, tmp_path):
    checkpoint = skorch_callbacks.Checkpoint(dirname=str(tmp_path), f_pickle="net.pkl")
    model = fit(make_model(callbacks=[checkpoint], learning_rate=0.2), events)
    net = pickle.loads((Path(tmp_path) / "net.pkl").read_bytes())
    assert_same_bits(net.module_.state_dict(), model.net_.module_.state_dict())


def test_an_initialiser_acts_once_and_freezing_ends(make_model, events):
    callbacks = [
        skorch_callbacks.Initializer("output_weight", fn=lambda p: p.data.fill_(0.5)),
        skorch_callbacks.Freezer("output_weight"),
        skorch_callbacks.Unfreezer("output_weight", at=3),
        First(),
    ]
    options = {"callbacks": callbacks, "n_members": 2}
    frozen = make_model(**options, max_epochs=2).fit(*events)
    assert (frozen.net_.module_.output_weight == 0.5).all()
    free = make_model(**options, max_epochs=3).fit(*events)
    assert not (free.net_.module_.output_weight == 0.5).any()


# "works", once for all groups or in each of them, or refused; the tests above say more.
STOCK = {
    "BatchScoring": "refused",
    "Checkpoint": "in each group",
    "EarlyStopping": "with one member",
    "EpochScoring": "refused",
    "EpochTimer": "in each group",
    "Freezer": "in each group",
    "GradientNormClipping": "refused",
    "Initializer": "in each group",
    "InputShapeSetter": "refused",
    "LRScheduler": "in each group",
    "LoadInitState": "with one member",
    "MlflowLogger": "once",
    "NeptuneLogger": "once",
    "ParamMapper": "in each group",
    "PassthroughScoring": "refused",
    "PrintLog": "once",
    "ProgressBar": "in each group",
    "SacredLogger": "once",
    "TensorBoard": "once",
    "TrainEndCheckpoint": "in each group",
    "Unfreezer": "in each group",
    "WandbLogger": "once",
}
ARGUMENTS = {
    "BatchScoring": ["accuracy"],
    "EpochScoring": ["accuracy"],
    "Freezer": ["weights.0"],
    "Initializer": ["weights.0"],
    "LRScheduler": ["StepLR", None, None, "epoch"],
    "ParamMapper": ["weights.0"],
    "PassthroughScoring": ["train_loss"],
    "Unfreezer": ["weights.0"],
}


def stock(name, tmp_path, monkeypatch):
    """Make a callback of skorch that works without the service that it logs to."""
    monkeypatch.chdir(tmp_path)  # checkpoints write where they are
    if name == "NeptuneLogger":
        monkeypatch.setattr(
            skorch_callbacks.NeptuneLogger, "_model_summary_file", lambda *_: None
        )
    services = {
        "MlflowLogger": [
            SimpleNamespace(info=SimpleNamespace(run_id="one")),
            MetricClient(),
        ],
        "NeptuneLogger": [Run()],
        "SacredLogger": [Experiment()],
        "TensorBoard": [Writer()],
        "WandbLogger": [WandbRun(tmp_path)],
        "LoadInitState": [skorch_callbacks.Checkpoint()],
    }
    arguments = services.get(name, ARGUMENTS.get(name, []))
    options = {"step_size": 1} if name == "LRScheduler" else {}
    if name == "NeptuneLogger":
        options = {"close_after_train": False}
    return getattr(skorch_callbacks, name)(*arguments, **options)


def test_every_callback_of_skorch_has_an_answer():
    others = {"Callback", "WarmRestartLR"}  # the base, and a policy of LRScheduler
    assert set(STOCK) == set(skorch_callbacks.__all__) - others


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("name", STOCK)
def test_each_callback_of_skorch_works_or_is_refused_by_name(
    make_model, events, name, n_members, tmp_path, monkeypatch
):
    callback = stock(name, tmp_path, monkeypatch)
    options = {"n_members": n_members, "max_epochs": 2}
    model = make_model(callbacks=[callback], **options)
    answer = STOCK[name]
    if answer == "refused" or (answer == "with one member" and n_members > 1):
        with pytest.raises(ValueError, match=f"`callbacks` must .* got {name}"):
            fit(model, events)
        return
    fit(model, events)
    copies = {id(group[0][1]) for group in model.callbacks_}
    assert len(copies) == (1 if answer == "once" else n_members)
    changes = {"Initializer", "LRScheduler", "Freezer"}
    if name not in changes:
        plain = fit(make_model(**options), events)
        assert_same_bits(
            model.net_.module_.state_dict(), plain.net_.module_.state_dict()
        )
    assert isinstance(model.history_, pd.DataFrame)
