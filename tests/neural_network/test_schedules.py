"""Schedules: corners of document 003, half-cosines, and that the optimiser obeys."""

import pytest

from skhep_dnn.neural_network import OneCycle
from skhep_dnn.neural_network._schedules import SCHEDULES, constant

one_cycle = OneCycle()


@pytest.mark.parametrize(
    ("progress", "rate", "beta_1"),
    [(0.0, 1e-4, 0.95), (45 / 135, 1e-2, 0.85), (1.0, 0.0, 0.95)],
)
def test_one_cycle_has_the_corners_of_document_003(progress, rate, beta_1):
    factor, beta = one_cycle(progress)
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
    assert one_cycle(progress) == pytest.approx((factor, beta_1), abs=1e-5)


def test_one_cycle_rises_for_a_third_and_falls_for_the_rest():
    progress = [k / 300 for k in range(301)]
    factors = [one_cycle(p)[0] for p in progress]
    betas = [one_cycle(p)[1] for p in progress]
    assert factors[:101] == sorted(factors[:101])
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert betas[:101] == sorted(betas[:101], reverse=True)
    assert betas[100:] == sorted(betas[100:])


def test_constant_leaves_rate_and_momentum():
    assert {constant(k / 10) for k in range(11)} == {(1.0, None)}


def test_one_cycle_takes_its_own_parameters():
    schedule = OneCycle(
        warm_up=0.5, start_factor=0.1, momentum_high=0.9, momentum_low=0.8
    )
    assert schedule(0.0) == pytest.approx((0.1, 0.9))
    assert schedule(0.5) == pytest.approx((1.0, 0.8))
    assert schedule(1.0) == pytest.approx((0.0, 0.9), abs=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"warm_up": 0.0}, {"warm_up": 1.0}, {"start_factor": 2.0}, {"momentum_low": 1.0}],
)
def test_one_cycle_refuses_parameters_out_of_range(options):
    with pytest.raises(ValueError, match=r"`warm_up` must be in \(0, 1\).*Correct"):
        OneCycle(**options)


def test_schedules_are_known_by_name():
    assert {"constant": constant, "one_cycle": one_cycle} == SCHEDULES
