"""Callbacks of skorch and of users: what works, beside what `test_training` says."""

import copy
import json
import threading

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import Callback
from skorch.utils import freeze_parameter

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
        "on_grad_computed": {"named_parameters", "batch"},
        "on_batch_begin": {"batch", "training"},
        "on_batch_end": {"batch", "training"},
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


@pytest.mark.parametrize("n_members", [1, 2])
def test_tensorboard_gets_the_losses(make_model, events, n_members):
    board = skorch_callbacks.TensorBoard(Writer())
    model = fit(make_model(callbacks=[board], n_members=n_members), events)
    for group in range(n_members):
        writer = callback_of(model, group).writer
        assert writer.closed
        history = model.history_[model.history_["member"] == group]
        for tag in ("train_loss", "valid_loss"):
            got = [
                (step, value)
                for name, step, value in writer.scalars
                if name == f"Loss/{tag}"
            ]
            expected = list(
                zip(history["epoch"].astype(int), history[tag], strict=True)
            )
            assert got == expected


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
