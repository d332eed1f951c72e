"""Groups, processes and callbacks: nothing of them changes a bit of the result."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import Callback

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network import Member, TrainingSettings, train_members
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._engine.training import group_slices

THREE = {
    "n_members": 3,
    "dropout": 0.3,
    "validation_fraction": 0.3,
    "early_stopping": True,
    "n_iter_no_change": 2,
    "max_epochs": 4,
    "activation": "prelu",
    "connection": "dense",
}


def counting(name):
    def hook(self, _net, **_kwargs):
        self.calls.append(name)

    return hook


class Counter(Callback):
    """Writes down the name of each hook that is called."""

    def __init__(self):
        self.calls = []

    on_train_begin = counting("on_train_begin")
    on_train_end = counting("on_train_end")
    on_epoch_begin = counting("on_epoch_begin")
    on_epoch_end = counting("on_epoch_end")
    on_batch_begin = counting("on_batch_begin")
    on_batch_end = counting("on_batch_end")
    on_grad_computed = counting("on_grad_computed")


@pytest.fixture
def expected(make_model, events):
    """Scores and history of the sequential fit."""
    return outcome(make_model(**THREE), events)


def outcome(model, events):
    X, y, w = events
    model.fit(X, y, sample_weight=w)
    return model.decision_function(X), model.history_


def assert_same_bits(got, expected):
    np.testing.assert_array_equal(got[0], expected[0])
    pd.testing.assert_frame_equal(got[1], expected[1], check_exact=True)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3])
def test_the_same_seed_gives_the_same_bits_in_threads(
    make_model, events, expected, n_jobs
):
    with joblib.parallel_config(backend="threading"):
        assert_same_bits(outcome(make_model(n_jobs=n_jobs, **THREE), events), expected)


def test_the_same_seed_gives_the_same_bits_under_the_sequential_backend(
    make_model, events, expected
):
    with joblib.parallel_config(backend="sequential"):
        assert_same_bits(outcome(make_model(n_jobs=2, **THREE), events), expected)


def test_the_same_seed_gives_the_same_bits_in_processes(make_model, events, expected):
    # every array is memory-mapped, and so read-only in the workers
    with joblib.parallel_config(backend="loky", max_nbytes=1):
        assert_same_bits(outcome(make_model(n_jobs=2, **THREE), events), expected)


def test_callbacks_train_in_lockstep_with_the_same_bits(make_model, events, expected):
    for n_jobs in (None, 2):
        model = make_model(n_jobs=n_jobs, callbacks=[Counter()], **THREE)
        assert_same_bits(outcome(model, events), expected)


def test_another_seed_gives_another_result(make_model, events, expected):
    other, _ = outcome(make_model(**THREE | {"random_state": 1}), events)
    assert (other != expected[0]).any()


def test_a_fit_neither_reads_nor_changes_the_global_generators(
    make_model, events, expected
):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert_same_bits(outcome(make_model(**THREE), events), expected)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


@pytest.mark.parametrize(
    ("n_members", "sizes"),
    [(1, [1]), (2, [1, 1]), (5, [3, 2]), (10, [5, 5]), (11, [4, 4, 3])],
)
def test_groups_depend_on_the_number_of_members_alone(n_members, sizes):
    slices = group_slices(n_members)
    assert [s.stop - s.start for s in slices] == sizes
    assert [k for s in slices for k in range(n_members)[s]] == list(range(n_members))


@pytest.mark.parametrize(("device", "sizes"), [("cuda", [12]), ("cpu", [4, 4, 4])])
def test_an_accelerator_trains_all_members_in_one_group(device, sizes):
    members = [Member(rows=[0, 1], weights=[1.0, 1.0])] * 12
    settings = TrainingSettings(n_numeric=1, device=device)
    training = train_members(settings, members, [[0.0], [1.0]], [0, 1])
    assert [len(group.members) for group in training.groups] == sizes


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_an_accelerator_gives_the_scores_of_the_cpu_in_full_batches(make_model, events):
    options = {"n_members": 3, "batch_size": 1000, "validation_fraction": 0.3}
    cpu, gpu = (
        outcome(make_model(device=device, **options), events)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(gpu[0], cpu[0], rtol=1e-2, atol=1e-3)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class FailsIn(Callback):
    def __init__(self, error, *, group=0):
        self.error = error
        self.group = group

    def on_epoch_end(self, net, **_kwargs):
        assert torch.get_num_threads() == 1
        if self.group_ == self.group and len(net.history) == 2:
            raise self.error


@pytest.mark.usefixtures("two_threads")
def test_the_thread_setting_is_restored(make_model, events):
    X, y, w = events
    model = make_model(n_members=2).fit(X, y, w)
    assert torch.get_num_threads() == 2
    model.predict(X)
    assert torch.get_num_threads() == 2
    with pytest.raises(NonFiniteLossError):
        make_model(learning_rate=1e35).fit(X, y, w)
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="stop"):
        make_model(callbacks=[FailsIn(RuntimeError("stop"))]).fit(X, y, w)
    assert torch.get_num_threads() == 2
    with engine_settings():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_in_a_callback_propagates_and_leaves_the_model_unfitted(
    make_model, events, error
):
    X, y, w = events
    model = make_model(n_members=3, callbacks=[FailsIn(error(), group=1)])
    with pytest.raises(error):
        model.fit(X, y, w)
    assert not hasattr(model, "net_")
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(X)


def test_each_hook_is_called_at_its_place(make_model, events):
    X, y, w = events
    counter = Counter()
    model = make_model(callbacks=[counter], max_epochs=2, validation_fraction=0.3)
    model.fit(X, y, w)
    ((_, own),) = model.callbacks_[0]
    steps = -(-105 // 32)
    step = ["on_batch_begin", "on_grad_computed", "on_batch_end"]
    epoch = [
        "on_epoch_begin",
        *steps * step,
        "on_batch_begin",
        "on_batch_end",
        "on_epoch_end",
    ]
    assert own.calls == ["on_train_begin", *2 * epoch, "on_train_end"]
    assert counter.calls == []


def test_each_group_has_its_own_copy_of_a_callback_with_its_number(make_model, events):
    X, y, w = events
    mine = Counter()
    model = make_model(n_members=12, callbacks=[("mine", mine), Counter])
    model.fit(X, y, w)
    assert [len(group) for group in model.callbacks_] == [2, 2, 2]
    for number, group in enumerate(model.callbacks_):
        assert [name for name, _ in group] == ["mine", "Counter"]
        assert [callback.group_ for _, callback in group] == [number, number]
    copies = {id(callback) for group in model.callbacks_ for _, callback in group}
    assert len(copies) == 6
    assert not hasattr(mine, "group_")


def test_callbacks_of_several_groups_write_different_files(
    make_model, events, tmp_path
):
    X, y, w = events
    checkpoint = skorch_callbacks.Checkpoint(dirname=tmp_path, f_pickle=None)
    model = make_model(n_members=2, callbacks=[checkpoint], validation_fraction=0.3)
    model.fit(X, y, w)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"group0_params.pt", "group1_params.pt"} <= names
    assert all(name.startswith(("group0_", "group1_")) for name in names)
    state = torch.load(tmp_path / "group1_params.pt", weights_only=True)
    own = model.net_.module_.state_dict()
    for name, value in state.items():
        assert torch.equal(value[0], own[name][1]), name


def test_the_callbacks_of_skorch_that_only_look_on_work(make_model, events):
    X, y, w = events
    lines = []
    model = make_model(
        n_members=2,
        callbacks=[
            skorch_callbacks.EpochTimer(),
            skorch_callbacks.PrintLog(sink=lambda line, **_: lines.append(line)),
        ],
        validation_fraction=0.3,
    )
    model.fit(X, y, w)
    assert "train_loss" in str(lines[0])
    assert "valid_loss" in str(lines[0])


REFUSED = [
    (skorch_callbacks.EpochScoring("accuracy"), "EpochScoring"),
    (skorch_callbacks.BatchScoring("accuracy"), "BatchScoring"),
    (skorch_callbacks.PassthroughScoring("train_loss"), "PassthroughScoring"),
    (skorch_callbacks.GradientNormClipping(1.0), "GradientNormClipping"),
]


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize(("callback", "name"), REFUSED)
def test_callbacks_that_assume_one_loss_are_refused_by_name(
    make_model, events, callback, name, n_members
):
    X, y, w = events
    model = make_model(n_members=n_members, callbacks=[callback])
    with pytest.raises(ValueError, match=rf"one by one, got {name}, which"):
        model.fit(X, y, w)


@pytest.mark.parametrize(
    ("callback", "n_epochs"),
    [
        # no loss falls below a tenth of the first one: that ends the patience
        (skorch_callbacks.EarlyStopping("train_loss", patience=2, threshold=0.9), 3),
        (("stop", skorch_callbacks.EarlyStopping(patience=1, threshold=0.9)), 2),
        (skorch_callbacks.EarlyStopping, 12),
    ],
)
def test_early_stopping_on_the_mean_loss_is_for_one_member_only(
    make_model, events, callback, n_epochs
):
    options = {"validation_fraction": 0.3, "max_epochs": 12}
    model = make_model(callbacks=[callback], **options).fit(*events)
    free = make_model(**options).fit(*events)
    assert model.n_iter_.tolist() == [n_epochs]
    for name in ("train_loss", "valid_loss"):
        losses = free.history_[name].tolist()
        assert model.history_[name].tolist() == losses[:n_epochs]
    with pytest.raises(ValueError, match=r"EarlyStopping, .* mean loss of 2 members"):
        make_model(callbacks=[callback], n_members=2, **options).fit(*events)


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
def test_schedulers_of_skorch_set_the_learning_rate(make_model, events, step_every):
    X, y, w = events
    scheduler = skorch_callbacks.LRScheduler(
        "StepLR", step_size=1, gamma=0.5, step_every=step_every
    )
    options = {"n_members": 2, "max_epochs": 4, "batch_size": 75}
    model = make_model(callbacks=[scheduler], schedule="constant", **options)
    history = model.fit(X, y, w).history_
    steps = 1 if step_every == "epoch" else 2
    for _, own in history.groupby("member"):
        # what is recorded is the rate after the last step of the epoch
        done = np.arange(4) * steps + (steps - 1 if step_every == "epoch" else steps)
        assert own["learning_rate"].to_list() == pytest.approx(list(1e-2 * 0.5**done))
    plain = make_model(schedule="constant", **options).fit(X, y, w)
    assert not np.array_equal(model.decision_function(X), plain.decision_function(X))


def test_a_scheduler_on_the_mean_loss_is_for_one_member_only(make_model, events):
    X, y, w = events
    plateau = skorch_callbacks.LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=1e9
    )
    model = make_model(callbacks=[plateau], max_epochs=4).fit(X, y, w)
    assert model.history_["learning_rate"].iloc[-1] < 1e-2
    with pytest.raises(ValueError, match=r"ReduceLROnPlateau, .* mean loss of 2 mem"):
        make_model(callbacks=[plateau], n_members=2).fit(X, y, w)


def test_a_scheduler_beside_a_schedule_is_refused(make_model, events):
    X, y, w = events
    for callback in (skorch_callbacks.LRScheduler, skorch_callbacks.LRScheduler()):
        model = make_model(callbacks=[callback], schedule="one_cycle")
        with pytest.raises(ValueError, match=r'schedule="constant" must be set .* one'):
            model.fit(X, y, w)


def test_a_subclass_of_a_refused_callback_is_refused_too(make_model, events):
    class Own(skorch_callbacks.EpochScoring):
        pass

    X, y, w = events
    with pytest.raises(ValueError, match="got EpochScoring, which"):
        make_model(callbacks=[Own("accuracy")]).fit(X, y, w)


def test_a_fit_in_threads_of_its_own_caller_does_not_warn(make_model, events):
    X, y, w = events
    with warnings.catch_warnings(), joblib.parallel_config(backend="threading"):
        warnings.simplefilter("error")
        fits = joblib.Parallel(n_jobs=2)(
            joblib.delayed(make_model(**THREE, n_jobs=2).fit)(X, y, w) for _ in "ab"
        )
    first, second = (model.decision_function(X) for model in fits)
    np.testing.assert_array_equal(first, second)
