import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection._scan_drawing import (
    check_abscissa,
    draw_cut,
    draw_low_statistics,
    finish_axes,
)
from skhep_dnn.metrics import significance_scan


@pytest.fixture
def scan(scored):
    y, score, weight = scored
    return significance_scan(y, score, np.abs(weight), kind="s_over_sqrt_b")


def test_every_run_of_low_statistics_is_hatched(scan):
    _, ax = plt.subplots()
    (region,) = draw_low_statistics(ax, scan, 50.0, "threshold")
    assert (
        scan.at(region.get_x() + 1e-9).n_eff_b < 50.0 <= scan.at(region.get_x()).n_eff_b
    )
    assert draw_low_statistics(ax, scan, 0.0, "threshold") == []


@pytest.mark.parametrize("biased", [False, True])
def test_a_biased_cut_says_so(scan, biased):
    _, ax = plt.subplots()
    cut = draw_cut(ax, scan.at(1.0), 0.3, "signal_efficiency", biased=biased)
    assert cut.get_xdata()[0] == scan.at(1.0).signal_efficiency
    assert ("biased upwards" in cut.get_label()) is biased


def test_the_range_shows_the_cut_and_what_has_enough_events(scan):
    _, ax = plt.subplots()
    ax.plot(scan.threshold, scan.z, label="curve")
    point = scan.at(9.0)
    finish_axes(ax, scan, [], np.array([]), point, 25.0, "threshold")
    low, high = ax.get_xlim()
    assert low > scan.threshold.min()
    assert high > 9.0
    trusted = scan.z[scan.n_eff_b >= 25.0].max()
    assert ax.get_ylim() == (0.0, pytest.approx(trusted / 0.7))
    assert ax.get_ylabel() == r"$s / \sqrt{b}$ ($\sigma$)"


def test_unknown_abscissa():
    with pytest.raises(ValueError, match=r"`x` must be one of .*, got 'z'"):
        check_abscissa("z")
