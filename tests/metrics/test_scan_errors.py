"""Errors of a significance on a grid of thresholds and at a cut, and to first order."""

import numpy as np
import pytest

from skhep_dnn.metrics import significance_scan
from skhep_dnn.metrics._scan_errors import errors_on_grid, propagated_errors


@pytest.fixture
def scan():
    rng = np.random.default_rng(3)
    y = np.where(rng.random(3000) < 0.4, "s", "b")
    score = rng.normal(size=3000) + 1.5 * (y == "s")
    weight = np.where(y == "s", 0.05, 1.0) * rng.exponential(size=3000)
    weight[rng.random(3000) < 0.1] *= -1
    return significance_scan(y, score, weight)


def test_the_grid_is_fine_in_scores_and_in_efficiencies(scan):
    known = errors_on_grid(scan, np.zeros_like, None)
    assert (np.diff(known.grid) > 0).all()
    assert known.grid[[0, -1]].tolist() == scan.threshold[[-1, 0]].tolist()
    efficiency = [scan.at(value).signal_efficiency for value in known.grid.tolist()]
    assert -np.diff(efficiency).min() < 0.05
    assert np.diff(known.grid).max() <= np.ptp(known.grid) / 59 * (1 + 1e-9)
    assert known.z_grid[3] == scan.at(known.grid[3]).z


def test_without_a_cut_its_error_is_nan(scan):
    known = errors_on_grid(scan, np.zeros_like, None)
    assert known.point is None
    assert np.isnan(known.point_error)
    assert not known.chosen_here


def test_the_error_at_the_cut_is_that_of_its_threshold(scan):
    known = errors_on_grid(scan, lambda thresholds: 2 * thresholds, 0.7)
    assert known.point == scan.at(0.7)
    assert known.point_error == 1.4
    np.testing.assert_array_equal(known.z_error, 2 * known.grid)
    assert not known.chosen_here
    assert errors_on_grid(scan, np.zeros_like, scan.at(0.7)).chosen_here


def test_propagated_error_of_a_ratio_without_a_signal_error():
    """With s / sqrt(b) and all background kept, only the signal fluctuates."""
    scan = significance_scan(
        ["b", "s", "s"], [0.5, 0.4, 0.9], [4.0, 1.0, 3.0], kind="s_over_sqrt_b"
    )
    (error,) = propagated_errors(scan, np.array([0.45]))
    share = 3.0 / 4.0
    sigma_s = np.sqrt((1 - share) ** 2 * 9.0 + share**2 * 1.0)
    assert error == pytest.approx(sigma_s / np.sqrt(4.0), rel=1e-6)
