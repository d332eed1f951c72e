"""Batches: every event once per epoch and member, whatever the others do."""

import gc

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network._engine.batches import (
    TrainingBatches,
    ValidationBatches,
    as_tensor,
)
from skhep_dnn.neural_network._engine.data import Events, MemberSample

CPU = torch.device("cpu")
N_EVENTS = 50


def common_events(n=N_EVENTS):
    """Events whose only feature is their own number."""
    number = np.arange(n, dtype=np.float32)
    return Events(number[:, np.newaxis], (number % 2).astype(np.float32))


def samples():
    return [
        MemberSample(np.arange(0, 40), np.arange(1.0, 41.0)),
        MemberSample(np.arange(15, 50), -np.arange(1.0, 36.0)),
        MemberSample(np.arange(20, 23), np.ones(3)),
    ]


def training(parts=None, seeds=(1, 2, 3), **changes):
    options = {"n_steps": 5, "width": 8, "n_hidden": 0, "prepare": lambda x: x}
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return TrainingBatches(
        common_events(),
        samples() if parts is None else parts,
        generators=generators,
        device=CPU,
        **{**options, **changes},
    )


def steps_of_a_pass(batches, n_parts=1):
    """All batches of one pass, whatever its parts."""
    return [batch for _, part in batches.parts(n_parts) for batch in part]


def events_of(steps):
    """Numbers, targets and weights of some batches, each of shape (n_members, n)."""
    number = torch.cat([batch.inputs[..., 0] for batch in steps], 1)
    target = torch.cat([batch.target for batch in steps], 1)
    weight = torch.cat([batch.weight for batch in steps], 1)
    return number.numpy(), target.numpy(), weight.numpy()


@pytest.mark.parametrize(("n_steps", "width"), [(5, 8), (1, 40), (40, 1), (7, 6)])
def test_each_member_meets_each_of_its_events_once_with_target_and_weight(
    n_steps, width
):
    batches = training(n_steps=n_steps, width=width)
    for _ in range(2):
        steps = steps_of_a_pass(batches)
        assert len(steps) == n_steps
        assert all(batch.inputs.shape == (3, width, 1) for batch in steps)
        number, target, weight = events_of(steps)
        for k, sample in enumerate(samples()):
            real = weight[k] != 0.0
            order = np.argsort(number[k][real])
            np.testing.assert_array_equal(number[k][real][order], sample.index)
            np.testing.assert_array_equal(weight[k][real][order], sample.weights)
            np.testing.assert_array_equal(target[k], number[k] % 2)


def test_missing_events_are_filled_up_at_the_end_with_weight_zero():
    _, _, weight = events_of(steps_of_a_pass(training()))
    assert [np.count_nonzero(row) for row in weight] == [40, 35, 3]
    for row, n in zip(weight, (40, 35, 3), strict=True):
        assert row[:n].all()
        assert not row[n:].any()


def test_order_differs_by_pass_and_by_member():
    parts = [samples()[0]] * 3
    batches = training(parts)
    first, second = (events_of(steps_of_a_pass(batches))[0] for _ in range(2))
    assert (first[0] != second[0]).any()
    assert (first[0] != first[1]).any()
    assert (first[0] != np.arange(40)).any()


def test_order_of_a_member_depends_on_its_own_seed_alone():
    group = training(n_hidden=3)
    alone = training([samples()[1]], seeds=[2], n_hidden=3)
    for _ in range(2):
        for together, own in zip(
            steps_of_a_pass(group), steps_of_a_pass(alone), strict=True
        ):
            for field in range(4):
                assert torch.equal(together[field][1], own[field][0])


def test_order_does_not_touch_the_global_generator():
    state = torch.get_rng_state()
    steps_of_a_pass(training(n_hidden=2))
    assert torch.equal(torch.get_rng_state(), state)


def test_sum_of_absolute_weights_normalises_the_training_loss():
    batches = training()
    ((sum_w, steps),) = batches.parts()
    assert sum_w.tolist() == [820.0, 630.0, 3.0]
    assert len(list(steps)) == 5


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
def test_a_pass_in_parts_draws_the_same_and_normalises_each_part_by_its_own_weights(
    n_parts,
):
    options = {"n_steps": 37, "width": 2, "n_hidden": 3}
    whole = steps_of_a_pass(training(**options))
    parts = [
        (sum_w, list(steps)) for sum_w, steps in training(**options).parts(n_parts)
    ]
    sizes = [len(steps) for _, steps in parts]
    assert len(sizes) == n_parts
    assert max(sizes) - min(sizes) <= 1
    in_parts = [batch for _, steps in parts for batch in steps]
    for got, expected in zip(in_parts, whole, strict=True):
        for field in range(4):
            assert torch.equal(got[field], expected[field])
    for sum_w, steps in parts:
        weight = events_of(steps)[2]
        np.testing.assert_array_equal(sum_w, np.abs(weight).sum(axis=1))


def test_inputs_are_prepared_for_each_member():
    shift = torch.tensor([10.0, 20.0, 30.0]).view(3, 1, 1)
    steps = steps_of_a_pass(training(prepare=lambda x: x + shift))
    number, target, _ = events_of(steps)
    np.testing.assert_array_equal((number - shift.numpy()[..., 0]) % 2, target)


@pytest.mark.parametrize("n_hidden", [1, 3, 8])
def test_each_hidden_output_of_each_event_gets_a_fresh_uniform_byte(n_hidden):
    batches = training(n_steps=40, width=8, n_hidden=n_hidden)
    steps = steps_of_a_pass(batches)
    drawn = torch.stack([batch.random_bytes for batch in steps], 1)
    assert drawn.dtype == torch.uint8
    assert drawn.shape == (3, 40, 8 * n_hidden)
    values = drawn.double()
    error = 256 / np.sqrt(12 * values.numel())
    assert values.mean().item() == pytest.approx(127.5, abs=5 * error)
    assert values.min() < 5
    assert values.max() > 250
    assert (drawn[:, 0] != drawn[:, 1]).any()
    steps = steps_of_a_pass(batches)
    again = torch.stack([batch.random_bytes for batch in steps], 1)
    assert (again != drawn).any()


def test_no_bytes_are_drawn_without_dropout():
    assert all(batch.random_bytes is None for batch in steps_of_a_pass(training()))


def test_validation_meets_each_event_once_in_a_fixed_order():
    n = 5000
    parts = [
        MemberSample(np.arange(n)[::-1].copy(), np.linspace(-1.0, 2.0, n)),
        MemberSample(np.arange(7), np.ones(7)),
    ]
    batches = ValidationBatches(common_events(n), parts, device=CPU)
    for _ in range(2):
        steps = list(batches)
        assert len(steps) > 1
        number, target, weight = events_of(steps)
        np.testing.assert_array_equal(number[0], parts[0].index)
        np.testing.assert_array_equal(weight[0], parts[0].weights)
        np.testing.assert_array_equal(target, number % 2)
        np.testing.assert_array_equal(number[1, :7], parts[1].index)
        assert not weight[1, 7:].any()
        np.testing.assert_array_equal(batches.target, target)
        np.testing.assert_array_equal(batches.weights, weight)
    assert batches.n_events == [n, 7]
    assert weight.dtype == np.float64


@pytest.mark.parametrize("read_only", [False, True])
def test_a_tensor_shares_the_memory_of_its_array(read_only):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    array.flags.writeable = not read_only
    tensor = as_tensor(array)
    assert tensor.data_ptr() == array.ctypes.data
    np.testing.assert_array_equal(tensor.numpy(), array)
    assert array.flags.writeable != read_only


def test_a_tensor_keeps_read_only_memory_alive(tmp_path):
    np.save(tmp_path / "events.npy", np.arange(100_000, dtype=np.float32))
    tensor = as_tensor(np.load(tmp_path / "events.npy", mmap_mode="r"))
    gc.collect()
    assert tensor.sum().item() == pytest.approx(99_999 * 50_000, rel=1e-4)


def test_read_only_events_are_batched_without_a_warning():
    events, sample = common_events(), samples()
    for array in [events.X, events.y, *(s.index for s in sample)]:
        array.flags.writeable = False
    batches = TrainingBatches(
        events,
        sample,
        n_steps=5,
        width=8,
        prepare=lambda x: x,
        n_hidden=0,
        generators=[torch.Generator().manual_seed(seed) for seed in (1, 2, 3)],
        device=CPU,
    )
    got, expected = (events_of(steps_of_a_pass(b)) for b in (batches, training()))
    for array, wanted in zip(got, expected, strict=True):
        np.testing.assert_array_equal(array, wanted)
    assert batches.X.data_ptr() == events.X.ctypes.data
