"""Schedules: corners of Strong (2020), half-cosines, and that the optimiser obeys."""

import numpy as np
import pytest

from skhep_dnn.neural_network import CosineRestarts, LinearCycles, OneCycle
from skhep_dnn.neural_network._schedules import SCHEDULES, CyclicSchedule, constant

one_cycle = OneCycle()


@pytest.mark.parametrize(
    ("progress", "rate", "beta_1"),
    [(0.0, 1e-4, 0.95), (45 / 135, 1e-2, 0.85), (1.0, 0.0, 0.95)],
)
def test_one_cycle_has_the_corners_of_strong_2020(progress, rate, beta_1):
    factor, beta = one_cycle(135 * progress, 135)
    assert 1e-2 * factor == pytest.approx(rate, abs=1e-15)
    assert beta == pytest.approx(beta_1)


@pytest.mark.parametrize(
    ("progress", "factor", "beta_1"),
    [
        (1 / 6, (0.01 + 1.0) / 2, 0.90),  # halfway up
        (2 / 3, 0.5, 0.90),  # halfway down
        (1 / 12, 0.01 + 0.99 * 0.146447, 0.95 - 0.1 * 0.146447),  # (1 - cos 45°) / 2
        (5 / 6, 0.146447, 0.95 - 0.1 * 0.146447),
    ],
)
def test_one_cycle_goes_in_half_cosines(progress, factor, beta_1):
    assert one_cycle(15 * progress, 15) == pytest.approx((factor, beta_1), abs=1e-5)


def test_one_cycle_rises_for_a_third_and_falls_for_the_rest():
    progress = [k / 300 for k in range(301)]
    factors = [one_cycle(p, 1)[0] for p in progress]
    betas = [one_cycle(p, 1)[1] for p in progress]
    assert factors[:101] == sorted(factors[:101])
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert betas[:101] == sorted(betas[:101], reverse=True)
    assert betas[100:] == sorted(betas[100:])


def test_constant_leaves_rate_and_momentum():
    assert {constant(k, 10) for k in range(11)} == {(1.0, None)}


def test_one_cycle_takes_its_own_parameters():
    schedule = OneCycle(
        warm_up=0.5, start_factor=0.1, momentum_high=0.9, momentum_low=0.8
    )
    assert schedule(0.0, 8) == pytest.approx((0.1, 0.9))
    assert schedule(4.0, 8) == pytest.approx((1.0, 0.8))
    assert schedule(8.0, 8) == pytest.approx((0.0, 0.9), abs=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"warm_up": 0.0}, {"warm_up": 1.0}, {"start_factor": 2.0}, {"momentum_low": 1.0}],
)
def test_one_cycle_refuses_parameters_out_of_range(options):
    with pytest.raises(ValueError, match=r"`warm_up` must be in \(0, 1\).*Correct"):
        OneCycle(**options)


def test_cosine_restarts_follow_the_printed_formula_of_strong_2020():
    # lr 2e-3, first cycle of one pass, doubling: restarts after 1, 3 and 7 passes
    schedule = CosineRestarts()
    for start, length in ((0, 1), (1, 2), (3, 4), (7, 8)):
        for share in (0.0, 0.25, 0.5, 0.999):
            factor, momentum = schedule(start + share * length, 15)
            expected = 0.5 * 2e-3 * (1 + np.cos(np.pi * share))
            assert 2e-3 * factor == pytest.approx(expected)
            assert momentum is None


def test_cosines_of_one_length_go_between_the_two_rates_of_strong_2020():
    # 2e-3 to 2e-4 over five folds of nine
    schedule = CosineRestarts(first_cycle=5 / 9, multiplier=1.0, low_factor=0.1)
    rates = [2e-3 * schedule(fold / 9, 15)[0] for fold in (0, 2.5, 4.9999999, 5, 10)]
    assert rates == pytest.approx([2e-3, 1.1e-3, 2e-4, 2e-3, 2e-3])


def test_linear_cycles_go_between_the_two_rates_of_strong_2020():
    schedule = LinearCycles(cycle=5 / 9, low_factor=0.1)
    folds = [0, 1.25, 2.5, 3.75, 5, 7.5]
    rates = [2e-3 * schedule(fold / 9, 15)[0] for fold in folds]
    assert rates == pytest.approx([2e-4, 1.1e-3, 2e-3, 1.1e-3, 2e-4, 2e-3])


@pytest.mark.parametrize(
    ("schedule", "ends"),
    [
        (CosineRestarts(), [1, 3, 7, 15]),
        (CosineRestarts(first_cycle=0.5, multiplier=1.0), [0.5, 1.0, 1.5, 2.0]),
        (CosineRestarts(first_cycle=0.1, multiplier=3.0), [0.1, 0.4, 1.3, 4.0]),
        (LinearCycles(cycle=5 / 9), [5 / 9, 10 / 9, 15 / 9, 20 / 9]),
    ],
)
def test_cycles_are_counted_when_they_are_complete(schedule, ends):
    assert isinstance(schedule, CyclicSchedule)
    for number, end in enumerate(ends, start=1):
        assert schedule.cycles_done(end) == number
        assert schedule.cycles_done(end - 1e-6) == number - 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CosineRestarts(first_cycle=0.0), "`first_cycle` must be a positive"),
        (lambda: CosineRestarts(multiplier=0.5), "`multiplier` must be 1 or more"),
        (lambda: CosineRestarts(low_factor=2.0), r"`low_factor` must be in \[0, 1\]"),
        (lambda: LinearCycles(cycle=-1.0), "`cycle` must be a positive"),
    ],
)
def test_cycles_refuse_parameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_schedules_are_known_by_name():
    assert {
        "constant": constant,
        "cosine_restarts": CosineRestarts(),
        "linear_cycles": LinearCycles(),
        "one_cycle": one_cycle,
    } == SCHEDULES
    assert not isinstance(one_cycle, CyclicSchedule)
