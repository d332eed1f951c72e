"""The engine without an estimator: whole or stepped, stopped, masked, started."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skhep_dnn.exceptions import NonFiniteLossError
from skhep_dnn.neural_network import (
    CosineRestarts,
    ExponentialAverage,
    FeatureSplit,
    FocalLoss,
    Member,
    PeriodicEmbedding,
    Snapshots,
    StochasticWeightAverage,
    TrainedMembers,
    TrainingSettings,
    train_members,
)
from skhep_dnn.neural_network._networks.shapes import columns_of_inputs, split_layout
from skhep_dnn.neural_network._schedules import constant
from skhep_dnn.preprocessing import SymmetryAugmenter

RNG = np.random.default_rng(3)
N, N_MEMBERS = 120, 5
Y = RNG.permutation(np.arange(N) % 2)
X = (RNG.normal(size=(N, 4)) + Y[:, np.newaxis]).astype(np.float32)
X[RNG.random(X.shape) < 0.1] = np.nan
CODES = RNG.integers(0, 3, size=N).astype(np.float32)
FOLD = np.arange(N) % N_MEMBERS
SETTINGS = TrainingSettings(
    n_numeric=4,
    numeric_scaling="standard",
    scale_learning_rate=None,
    numeric_embedding=None,
    hidden_layer_sizes=[8, 6],
    dropout=0.2,
    schedule=constant,
    learning_rate=0.02,
    batch_size=32,
    max_epochs=6,
)


def fold_member(k, *, validation=True, **changes):
    """Member that is trained on four fifths of the events and judged on the last."""
    rows, held_out = np.flatnonzero(k != FOLD), np.flatnonzero(k == FOLD)
    options = {
        "rows": rows,
        "weights": np.linspace(0.5, 1.5, len(rows)),
        "network_seed": k,
        "order_seed": 10 + k,
    }
    if validation:
        options |= {
            "validation_rows": held_out,
            "validation_weights": np.linspace(0.5, 1.5, len(held_out)),
        }
    return Member(**options | changes)


def members(n=N_MEMBERS, **changes):
    return [fold_member(k, **changes) for k in range(n)]


def training(settings=SETTINGS, records=None, events=X, **options):
    records = members() if records is None else records
    return train_members(settings, records, events, Y, **options)


def assert_same_bits(one, other, only=None):
    """Compare what two trainings have learnt, of all members or of some."""
    chosen = range(len(one.histories)) if only is None else only
    for k in chosen:
        state, same = one.state(k), other.state(k)
        assert set(state) == set(same)
        for name, value in state.items():
            np.testing.assert_array_equal(value, same[name], err_msg=name)
        assert one.n_evaluations[k] == other.n_evaluations[k]
        assert one.best_evaluation[k] == other.best_evaluation[k]
        np.testing.assert_equal(one.best_loss[k], other.best_loss[k])
        np.testing.assert_equal(one.histories[k], other.histories[k])
        np.testing.assert_array_equal(one.network_weights[k], other.network_weights[k])


VARIATIONS = {
    "plain": {},
    "early_stopping": {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 20},
    "evaluations": {"evaluations_per_epoch": 3},
    "average": {"averaging": ExponentialAverage(0.9)},
    "swa": {"averaging": StochasticWeightAverage(1, 2)},
    "snapshots": {
        "snapshots": Snapshots(3),
        "schedule": CosineRestarts(first_cycle=2.0, multiplier=1.0),
    },
    "batch_norm": {"batch_norm": True, "connection": "plain"},
    "embeddings": {
        "numeric_scaling": "quantile",
        "scale_learning_rate": 20.0,
        "numeric_embedding": PeriodicEmbedding(size=3),
        "snapshots": Snapshots(2),
    },
}


@pytest.mark.parametrize("options", VARIATIONS.values(), ids=VARIATIONS)
def test_whole_stepped_and_in_processes_there_are_the_same_bits(options):
    settings = replace(SETTINGS, **options)
    whole = training(settings).run()
    stepped = training(settings)
    lengths = [[len(history) for history in histories] for histories in stepped]
    assert_same_bits(stepped.result(), whole)
    assert_same_bits(training(settings).run(n_jobs=2), whole)
    # a turn is one evaluation of all members that have not ended
    ends = whole.n_evaluations
    turns = np.arange(1, ends.max() + 1)[:, np.newaxis]
    np.testing.assert_array_equal(lengths, np.minimum(turns, ends))
    first = next(training(settings))
    assert [len(history) for history in first] == [1] * N_MEMBERS


def test_a_training_that_was_stepped_into_is_run_to_the_same_end():
    begun = training()
    next(begun)
    next(begun)
    assert_same_bits(begun.run(n_jobs=2), training().run())
    assert begun.run() is begun.result()
    assert list(begun) == []


def test_a_history_holds_what_was_seen_of_a_member():
    settings = replace(SETTINGS, evaluations_per_epoch=2, max_epochs=2)
    settings = replace(settings, averaging=ExponentialAverage(0.5), optimizer="sgd")
    (history, *_) = training(settings).run().histories
    assert [record.epoch for record in history] == [0.5, 1.0, 1.5, 2.0]
    assert {record.learning_rate for record in history} == {0.02}
    assert {record.momentum for record in history} == {0.9}
    for name in ("train_loss", "valid_loss", "average_loss"):
        assert np.isfinite([getattr(record, name) for record in history]).all()
    assert np.isnan([record.valid_score for record in history]).all()


@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize(
    "options",
    [VARIATIONS[k] for k in ("plain", "average", "swa", "snapshots")],
    ids=["plain", "average", "swa", "snapshots"],
)
def test_a_stopped_member_is_frozen_and_no_other_one_changes(options, validation):
    if not validation and "averaging" in options:
        options = {"averaging": ExponentialAverage(0.9)}
    settings = replace(SETTINGS, **options)
    records = members(validation=validation)
    stopped = training(settings, records)
    for number, _ in enumerate(stopped, start=1):
        if number == 4:
            stopped.stop(1)
            stopped.stop(3)
    got = stopped.result()
    whole = training(settings, records).run()
    assert_same_bits(got, whole, only=[0, 2, 4])
    assert got.n_evaluations.tolist() == [6, 4, 6, 4, 6]
    # its best state until then: that of a training that lasted no longer
    short = training(settings, records)
    for _ in range(4):
        next(short)
    assert_same_bits(got, short.result(), only=[1, 3])


def test_a_group_whose_members_are_all_stopped_does_not_train_on():
    class Steps(Callback):
        def __init__(self):
            self.n = 0

        def on_batch_end(self, _net, training, **_kwargs):
            self.n += training

    stopped = training(callbacks=[Steps()])
    sizes = [len(group.members) for group in stopped.groups]
    assert sizes == [3, 2]
    next(stopped)
    stopped.stop(3)
    stopped.stop(4)
    rest = list(stopped)
    assert len(rest) == 5
    assert [len(history) for history in rest[-1]] == [6, 6, 6, 1, 1]
    steps = [own[0][1].n for own in stopped.result().callbacks]
    assert steps == [6 * 3, 1 * 3]
    whole = training().run()
    assert_same_bits(stopped.result(), whole, only=[0, 1, 2])


def test_all_stopped_the_training_is_over():
    stopped = training()
    next(stopped)
    for k in range(N_MEMBERS):
        stopped.stop(k)
    stopped.stop(0)  # a second time: it has ended already
    assert list(stopped) == []
    stopped.result()
    stopped.stop(0)
    assert stopped.result().n_evaluations.tolist() == [1] * N_MEMBERS


def test_a_result_ends_what_still_runs():
    short = training(replace(SETTINGS, max_epochs=20))
    next(short)
    trained = short.result()
    assert trained.n_evaluations.tolist() == [1] * N_MEMBERS
    assert list(short) == []


def test_a_failed_training_has_no_result():
    class Fails(Callback):
        def on_epoch_end(self, net, **_kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    failing = training(callbacks=[Fails()])
    with pytest.raises(KeyboardInterrupt):
        failing.run()
    for ask in (failing.result, failing.run, lambda: failing.stop(0), failing.__next__):
        with pytest.raises(ValueError, match=r"must not have failed, got KeyboardInt"):
            ask()


def test_a_loss_that_is_not_finite_is_an_error_in_the_name_of_its_member():
    records = members()
    records[4].weights[0] = 1e300
    with pytest.raises(
        NonFiniteLossError, match=r"train_loss of member 4 in epoch 1\."
    ):
        training(records=records).run()


# ---------------------------------------------------------------- masked columns

ALL_COLUMNS = np.column_stack([X, CODES])
WITH_CODES = replace(SETTINGS, embeddings=[(3, 2)], missing_values=-99.0)
COLUMNS = columns_of_inputs(range(4), [4], [2])
LAYOUT = split_layout(FeatureSplit([1, 4], "bottleneck", 3), [1, 4], COLUMNS, "tanh")
MASKED = {
    "dense": WITH_CODES,
    "plain": replace(WITH_CODES, connection="plain", activation="tanh"),
    "batch_norm": replace(WITH_CODES, batch_norm=True),
    "two_paths": replace(WITH_CODES, split=LAYOUT),
    "penalties": replace(WITH_CODES, l2=1e-3, optimizer="adamw", weight_decay=0.1),
    "average": replace(WITH_CODES, averaging=ExponentialAverage(0.9)),
    "snapshots": replace(WITH_CODES, snapshots=Snapshots(2)),
}
OTHER_VALUES = {
    0: RNG.normal(size=N) * 1e6,
    1: np.full(N, np.nan),
    2: np.where(np.arange(N) % 2, np.inf, -np.inf),
    3: np.full(N, -99.0),
    4: RNG.integers(0, 4, size=N),
}


@pytest.mark.parametrize("column", OTHER_VALUES)
@pytest.mark.parametrize("settings", MASKED.values(), ids=MASKED)
def test_no_value_of_a_masked_column_changes_a_bit(settings, column):
    mask = np.arange(5) != column
    records = [fold_member(0, inputs=mask), fold_member(1), fold_member(2, inputs=mask)]
    changed = ALL_COLUMNS.copy()
    changed[:, column] = OTHER_VALUES[column]
    one = training(settings, records, ALL_COLUMNS).run()
    # the member between sees the column: only that it survives is asked of it
    harmless = changed.copy()
    harmless[~np.isfinite(changed[:, column]), column] = 0.0
    for table in (harmless, changed):
        hidden = [records[0], records[2]]
        other = training(settings, hidden, table).run()
        same = training(settings, hidden, ALL_COLUMNS).run()
        assert_same_bits(other, same)
        np.testing.assert_array_equal(other.logits(table), same.logits(ALL_COLUMNS))
        np.testing.assert_array_equal(other.logits(ALL_COLUMNS), other.logits(table))
    with_neighbour = training(settings, records, harmless).run()
    assert_same_bits(with_neighbour, one, only=[0, 2])
    for k in (0, 2):
        np.testing.assert_array_equal(
            with_neighbour.logits(harmless, [k]), one.logits(ALL_COLUMNS, [k])
        )
    seen = with_neighbour.logits(harmless, [1]) != one.logits(ALL_COLUMNS, [1])
    assert seen.any()


def test_a_code_of_a_masked_category_may_be_any_number():
    records = [fold_member(0, inputs=np.arange(5) != 4)]
    wild = np.column_stack([X, np.full(N, 1e6, dtype=np.float32)])
    one = training(WITH_CODES, records, ALL_COLUMNS).run()
    assert_same_bits(training(WITH_CODES, records, wild).run(), one)


def test_a_masked_column_contributes_nothing():
    # with the weights of the column set to anything the logits stay as they are
    records = [fold_member(0, inputs=[True, True, False, True, False])]
    trained = training(WITH_CODES, records, ALL_COLUMNS).run()
    logits, module = trained.logits(ALL_COLUMNS), trained.net.module_
    with torch.no_grad():
        module.weights[0][:, [2, 4, 5]] = 7.0
        module.embeddings[0][:] = -3.0
    np.testing.assert_array_equal(trained.logits(ALL_COLUMNS), logits)


def test_a_masked_member_does_without_the_information():
    X_easy = np.column_stack([X, 10.0 * Y]).astype(np.float32)
    settings = replace(SETTINGS, n_numeric=5)
    records = [fold_member(0), fold_member(0, inputs=np.arange(5) < 4)]
    trained = training(settings, records, X_easy).run()
    assert trained.best_loss[0] < 0.5 * trained.best_loss[1]


def test_components_of_a_momentum_are_masked_together():
    augmenter = SymmetryAugmenter(
        cylindrical=None, cartesian=[(0, 1)], reflections="xy"
    ).fit(5.0 * np.nan_to_num(X))
    settings = replace(SETTINGS, kernel=augmenter.kernel(range(4)))
    together = [fold_member(0, inputs=[False, False, True, True])]
    changed = np.nan_to_num(X) + np.array([5.0, 3.0, 0.0, 0.0])
    one = training(settings, together, np.nan_to_num(X)).run()
    assert_same_bits(training(settings, together, changed).run(), one)
    torn = [fold_member(0, inputs=[True, False, True, True])]
    with pytest.raises(ValueError, match=r"both components .* the columns \(0, 1\)"):
        training(settings, torn)


# ---------------------------------------------------------------- states and scores


def test_a_member_may_start_from_the_state_of_another_one():
    first = training(replace(SETTINGS, snapshots=Snapshots(2))).run()
    still = replace(SETTINGS, learning_rate=1e-30, max_epochs=1)
    records = [fold_member(k, start=first.state(k), network_seed=99) for k in (3, 1)]
    second = training(still, [*records, fold_member(2)]).run()
    for k, source in enumerate((3, 1)):
        for name, value in second.state(k).items():
            np.testing.assert_array_equal(value, first.state(source)[name])
    drawn = training(still, [fold_member(2)]).run()
    for name, value in second.state(2).items():
        np.testing.assert_array_equal(value, drawn.state(0)[name])


def test_a_start_of_other_networks_is_an_error():
    state = training(replace(SETTINGS, hidden_layer_sizes=[5])).run().state(0)
    state = {name: value for name, value in state.items() if name != "output_bias"}
    with pytest.raises(ValueError, match="`start` must be the state of a member"):
        training(records=[fold_member(0, start=state)]).run()


def test_a_state_is_a_copy():
    trained = training().run()
    logits = trained.logits(X)
    for value in trained.state(0).values():
        value[...] = 100.0
    np.testing.assert_array_equal(trained.logits(X), logits)


def test_a_start_may_be_read_only():
    state = training().run().state(0)
    for value in state.values():
        value.flags.writeable = False
    training(replace(SETTINGS, max_epochs=1), [fold_member(0, start=state)]).run()


def test_the_scaling_of_columns_that_a_start_did_not_see_is_learnt():
    far = (np.nan_to_num(X) * [1.0, 1.0, 1.0, 50.0] + [0.0, 0.0, 0.0, 1e3]).astype("f4")
    narrow = [fold_member(0, inputs=[True, True, True, False])]
    state = training(records=narrow, events=far).run().state(0)
    assert np.isnan(state["inputs.center"][0]).tolist() == [False] * 3 + [True]
    still = replace(SETTINGS, learning_rate=1e-30, max_epochs=1)
    wide = training(still, [fold_member(0, start=state)], far).run().state(0)
    fresh = training(still, [fold_member(0)], far).run().state(0)
    for name in ("inputs.center", "inputs.inverse_scale"):
        np.testing.assert_array_equal(wide[name], fresh[name])
    np.testing.assert_array_equal(wide["weights.0"], state["weights.0"])


def fails_when_called_again():
    """Return a score that raises from its third call on."""
    calls = []

    def score(logits):
        calls.append(logits)
        if len(calls) > 2:
            msg = "called again"
            raise RuntimeError(msg)
        return 0.0

    return score


def test_nobody_asks_for_the_score_of_a_stopped_member():
    records = [fold_member(0, score=fails_when_called_again())]
    records.append(fold_member(1, score=negative_spread))
    stepped = training(records=records)
    for number, _ in enumerate(stepped, start=1):
        if number == 2:
            stepped.stop(0)
    assert stepped.result().n_evaluations.tolist() == [2, 6]


def negative_spread(logits):
    return -float(np.std(logits))


def test_a_score_judges_in_place_of_the_loss():
    records = members(score=negative_spread)
    trained = training(records=records).run(n_jobs=2)
    for k, history in enumerate(trained.histories):
        scores = [record.valid_score for record in history]
        assert trained.best_evaluation[k] == 1 + np.argmax(scores)
        held_out = X[k == FOLD]
        logits = trained.logits(held_out, [k])
        assert -np.std(logits) == pytest.approx(max(scores), rel=1e-5)


def test_a_member_without_a_finite_score_is_an_error_unless_it_is_stopped():
    records = members(2, score=lambda _logits: float("nan"))
    with pytest.raises(ValueError, match="a finite score at least once"):
        training(records=records).run()
    stepped = training(records=records)
    next(stepped)
    assert stepped.result().best_evaluation.tolist() == [1, 1]


# ------------------------------------------------------------- records and settings


def test_several_classes():
    y = np.arange(N) % 3
    settings = replace(SETTINGS, n_outputs=3)
    trained = train_members(settings, members(2), X, y).run()
    assert trained.logits(X).shape == (N, 3)
    assert trained.logits(X).argmax(1).shape == (N,)


def test_a_validation_sample_of_its_own():
    records = [
        fold_member(k, validation_rows=np.arange(30), validation_weights=np.ones(30))
        for k in range(2)
    ]
    other = training(records=records, X_val=X[60:], y_val=Y[60:]).run()
    shifted = [
        fold_member(
            k, validation_rows=np.arange(60, 90), validation_weights=np.ones(30)
        )
        for k in range(2)
    ]
    assert_same_bits(training(records=shifted).run(), other)


def test_batches_for_a_larger_member_are_those_of_a_training_with_it():
    small = fold_member(0, rows=np.arange(40), weights=np.ones(40))
    together = training(records=[small, fold_member(1)]).run()
    alone = training(records=[small], largest_sample=96).run()
    np.testing.assert_allclose(together.histories[0], alone.histories[0], rtol=1e-4)
    apart = training(records=[small]).run()
    assert not np.allclose(apart.best_loss, alone.best_loss, rtol=1e-3)


def test_members_do_not_depend_on_the_grouping():
    three, five = training(records=members(3)).run(), training().run()
    np.testing.assert_allclose(three.best_loss, five.best_loss[:3], rtol=1e-4)


def test_the_mean_of_members_is_one_of_probabilities():
    trained = training().run()
    one, two = (trained.logits(X, [k]) for k in (1, 4))
    p = (1 / (1 + np.exp(-one)) + 1 / (1 + np.exp(-two))) / 2
    np.testing.assert_allclose(trained.logits(X, [1, 4]), np.log(p / (1 - p)))
    assert isinstance(pickle.loads(pickle.dumps(trained)), TrainedMembers)


def test_settings_are_printed_and_compared():
    same = TrainingSettings(**{**vars(SETTINGS), "hidden_layer_sizes": (8, 6)})
    assert same == SETTINGS
    assert replace(SETTINGS, loss=FocalLoss()) != SETTINGS
    assert replace(SETTINGS, loss="focal") == replace(SETTINGS, loss=FocalLoss())
    assert replace(SETTINGS, missing_values=float("nan")) == SETTINGS
    arrays = replace(
        SETTINGS, dropout=np.array([0.2, 0.1]), hidden_layer_sizes=np.array([8, 6])
    )
    assert arrays == replace(SETTINGS, dropout=(0.2, 0.1))
    assert "dropout=(0.2, 0.1)" in repr(arrays)
    assert "hidden_layer_sizes=(8, 6), missing_values=None" in repr(SETTINGS)
    assert pickle.loads(pickle.dumps(SETTINGS)) == SETTINGS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connection": "residual"}, r"layers of equal width, got \[8, 6\]"),
        ({"averaging": StochasticWeightAverage(9)}, "`averaging` must begin before"),
        ({"activation": ["tanh"]}, "one name for each of the 2 hidden layers"),
        ({"dropout": [0.1]}, "one for each of the 2 hidden layers"),
        ({"connection": "skip"}, "`connection` must be among"),
        ({"optimizer": "lbfgs"}, "`optimizer` must be among"),
        (
            {"schedule": "cosine"},
            "`schedule` must be among .* if it is a name, got 'co",
        ),
        ({"loss": "hinge"}, "`loss` must be among"),
        ({"averaging": "mean"}, "`averaging` must be among"),
        ({"snapshots": "all"}, "`snapshots` must be among"),
        ({"hidden_layer_sizes": []}, "must be a sequence of whole numbers"),
        ({"batch_size": 0}, "`batch_size` must be an int from 1, got 0"),
        ({"max_epochs": 2.5}, "`max_epochs` must be an int from 1, got 2.5"),
        ({"evaluations_per_epoch": 0}, "`evaluations_per_epoch` must be an int from 1"),
        ({"n_outputs": 0}, "`n_outputs` must be an int from 1"),
        ({"n_numeric": 0}, "`n_numeric` must be an int from 1"),
    ],
)
def test_settings_that_contradict_themselves_are_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **options)


def needs_batch(_logit, _target, weight):
    return weight.sum(1)


needs_batch.needs_batch = True


def test_labels_of_a_loss_that_needs_the_batch_are_not_smoothed():
    with pytest.raises(ValueError, match="`label_smoothing` must be 0"):
        replace(SETTINGS, loss=needs_batch, label_smoothing=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"rows": np.arange(3)},
            r"`rows` and `weights` must be of one length",
        ),
        ({"rows": [], "weights": []}, "of one length, above 0"),
        ({"validation_rows": None}, "`validation_rows` must not be None"),
        ({"validation_weights": None}, "`validation_weights` must not be None"),
        ({"validation_weights": np.ones(3)}, "`validation_rows` and `validation_weig"),
        ({"weights": np.zeros(96)}, "`weights` must be finite and not all zero"),
        ({"weights": np.full(96, np.nan)}, "`weights` must be finite"),
        ({"validation_weights": -np.ones(24)}, "sum to more than 0, got -24"),
    ],
)
def test_a_record_that_does_not_fit_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        fold_member(0, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": np.arange(96) < 60}, "`rows` must be integers, got bool"),
        ({"rows": np.linspace(0, 1, 96)}, "`rows` must be integers, got float64"),
        ({"inputs": [0, 1, 2]}, "`inputs` must be a mask of bool, got int64"),
        ({"weights": ["a"] * 96}, "`weights` must be numbers"),
        ({"network_seed": 0.5}, "interpreted as an integer"),
    ],
)
def test_a_record_reinterprets_nothing(change, message):
    with pytest.raises(TypeError, match=message):
        fold_member(0, **change)


def test_a_seed_may_be_of_numpy():
    member = fold_member(0, network_seed=np.int64(5), order_seed=np.int32(6))
    assert (type(member.network_seed), member.order_seed) == (int, 6)


def rows_from(first):
    return {"rows": np.arange(first, first + 96)}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "`members` must hold one or more"),
        (
            [fold_member(0), fold_member(1, validation=False)],
            "a validation, .* 1 of 2",
        ),
        ([fold_member(0, score=len), fold_member(1)], "have a score, .* got 1 of 2"),
        ([fold_member(0, validation=False, score=len)], "must come with `validation_r"),
        (
            [fold_member(0, **rows_from(100))],
            "must be from 0 to 119, got 100",
        ),
        ([fold_member(0, **rows_from(-1))], "must be from 0 to 119, got -1"),
        (
            [fold_member(0, inputs=[True])],
            "must be a mask of the 4 columns",
        ),
        ([fold_member(0, inputs=[False] * 4)], "leaves one or more"),
    ],
)
def test_members_that_do_not_fit_are_an_error(records, message):
    with pytest.raises(ValueError, match=message):
        training(records=records)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X[:, :3]}, r"`X` must have .* 4 columns .* shape \(120, 3\)"),
        ({"y": Y[1:]}, r"one value for each of the 120 rows of `X`, got .* \(119,\)"),
        ({"y": Y[:, np.newaxis]}, r"got the shape \(120, 1\)"),
        ({"y": 2 * Y - 1}, r"positions of classes, from 0 to 1, got \[-1"),
        ({"y": Y + 0.5}, r"from 0 to 1, got \["),
        ({"y": np.where(Y, "s", "b")}, "from 0 to 1, got"),
        ({"X_val": X}, "`y_val` must not be None"),
        ({"y_val": Y}, "`X_val` must not be None"),
        ({"X_val": X, "y_val": Y[:-1]}, "`y_val` must have one value for each"),
    ],
)
def test_events_that_do_not_fit_the_settings_are_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        train_members(SETTINGS, members(), **{"X": X, "y": Y, **arguments})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_values_of_a_column_that_is_seen_are_an_error():
    infinite = X.copy()
    infinite[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"infinite .* in column 1 for member 0"):
        training(events=infinite).run()


@pytest.mark.parametrize("wrong", [X[:, :1], X[:, 0]])
def test_events_of_other_columns_are_not_predicted(wrong):
    trained = training().run()
    with pytest.raises(ValueError, match="must have the 4 columns of the settings"):
        trained.logits(wrong)


@pytest.mark.parametrize("chosen", [[], [5], [-1]])
def test_members_that_do_not_exist_are_not_predicted(chosen):
    trained = training().run()
    with pytest.raises(ValueError, match="`members` must be positions from 0 to 4"):
        trained.logits(X, chosen)


@pytest.mark.parametrize("options", VARIATIONS.values(), ids=VARIATIONS)
def test_a_part_is_a_result_of_its_own(options):
    records = members()
    records[3] = replace(records[3], inputs=np.array([True, False, True, True]))
    trained = training(replace(SETTINGS, **options), records).run()
    part = trained.part([3, 1])
    assert [len(history) for history in part.histories] == [
        len(trained.histories[k]) for k in (3, 1)
    ]
    for of_part, of_all in enumerate((3, 1)):
        assert_same_bits(part.part([of_part]), trained.part([of_all]))
        np.testing.assert_array_equal(
            part.logits(X, [of_part]), trained.logits(X, [of_all])
        )
    # The second column is hidden from the first member of the part alone.
    other = X.copy()
    other[:, 1] = 7.0
    is_changed = [
        (part.logits(other, [k]) != part.logits(X, [k])).any() for k in (0, 1)
    ]
    assert is_changed == [False, True]
    with_others = trained.state(3)
    part.net.module_.output_bias.data[:] = 5.0
    for name, value in trained.state(3).items():
        np.testing.assert_array_equal(value, with_others[name])


def test_a_part_of_members_that_are_not_there_is_an_error():
    trained = training().run()
    with pytest.raises(ValueError, match="`members` must be positions from 0 to 4"):
        trained.part([5])
    with pytest.raises(ValueError, match=r"must name each member once, got \[1, 1\]"):
        trained.part([1, 1])


def test_events_of_any_kind_are_predicted_alike():
    trained = training().run()
    expected = trained.logits(X)
    for same in (X.astype(np.float64), np.asfortranarray(X), X.tolist()):
        np.testing.assert_array_equal(trained.logits(same), expected)


def test_too_many_evaluations_are_an_error():
    with pytest.raises(ValueError, match="`evaluations_per_epoch` must be at most"):
        training(replace(SETTINGS, evaluations_per_epoch=50))


def test_what_is_asked_of_a_training_must_make_sense():
    begun = training()
    with pytest.raises(ValueError, match="got it before the first one"):
        begun.stop(0)
    with pytest.raises(ValueError, match="must follow a training, got none"):
        begun.result()
    next(begun)
    with pytest.raises(ValueError, match="a position from 0 to 4, got 5"):
        begun.stop(5)


def test_threads_are_as_before_between_two_evaluations():
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        stepped = training()
        next(stepped)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
