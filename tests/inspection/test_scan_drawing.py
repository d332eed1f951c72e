import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from skhep_dnn.inspection import SignificanceScanDisplay
from skhep_dnn.inspection._scan_drawing import (
    checked_abscissa,
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
    point = scan.at(1.0)
    cut, value = draw_cut(ax, point, 0.3, "signal_efficiency", biased=biased)
    assert cut.get_xdata()[0] == point.signal_efficiency
    assert value.lines[0].get_xydata().tolist() == [[point.signal_efficiency, point.z]]
    (bar,) = value.lines[2][0].get_segments()
    assert bar[:, 1] == pytest.approx([point.z - 0.3, point.z + 0.3])
    efficiency = f"{point.signal_efficiency:.2f}"
    assert cut.get_label().startswith(rf"cut at $\varepsilon_s$ = {efficiency}: ")
    assert ("biased upwards" in cut.get_label()) is biased


def test_the_range_shows_the_cut_and_what_has_enough_events(scan):
    _, ax = plt.subplots()
    ax.plot(scan.threshold, scan.z, label="curve")
    point = scan.at(9.0)
    finish_axes(ax, scan, [], np.array([]), point, 25.0, "threshold")
    low, high = ax.get_xlim()
    assert low > scan.threshold.min()
    assert 9.0 < high < 9.5
    trusted = scan.z[scan.n_eff_b >= 25.0].max()
    legend = ax.get_legend().get_window_extent()
    place = ax.transData.transform((0.0, trusted))[1]
    assert 0.5 * legend.y0 < place < legend.y0
    assert ax.get_ylim()[0] == 0.0
    assert ax.get_ylabel() == r"$s / \sqrt{b}$ ($\sigma$)"


@pytest.mark.parametrize(
    ("options", "title"),
    [
        ({}, r"$\sigma_b$ = 0, $b_\mathrm{reg}$ = 0 events"),
        ({"kind": "ams"}, r"$\sigma_b$ = 0, $b_\mathrm{reg}$ = 10 events"),
        (
            {"sigma_b": 2.5, "rel_sigma_b": 0.1, "mc_stat": True},
            r"$\sigma_b$ = 2.5 events $\oplus$ 10% of $b$ $\oplus$ MC statistics, "
            r"$b_\mathrm{reg}$ = 0 events",
        ),
        ({"kind": "s_over_sqrt_b"}, "no uncertainty of $b$"),
    ],
)
def test_the_legend_names_the_uncertainty_of_the_background(scored, options, title):
    y, score, weight = scored
    scan = significance_scan(y, score, np.abs(weight), **options)
    _, ax = plt.subplots()
    ax.plot(scan.threshold, scan.z, label="curve")
    finish_axes(ax, scan, [], np.array([]), None, 25.0, "threshold")
    assert ax.get_legend().get_title().get_text() == title


def test_two_curves_share_what_the_legend_says_of_both(scored):
    y, score, weight = scored
    options = {"sample_weight": np.abs(weight), "n_replicas": 5, "threshold": 1.0}
    draw = SignificanceScanDisplay.from_predictions
    first = draw(y, score, name="one", **options)
    second = draw(y, score**3, name="two", ax=first.ax_, **options)
    texts = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert [text.split(":")[0] for text in texts] == [
        "one",
        "cut at 1",
        "two",
        "cut at 1",
        r"statistical error (1$\,\sigma$)",
        r"background $n_\mathrm{eff}$ < 25 (any model)",
    ]
    assert first.cut_.get_color() == first.line_.get_color()
    assert second.cut_.get_color() == second.line_.get_color()
    assert first.line_.get_color() != second.line_.get_color()
    lower = draw(y, -score, name="three", ax=first.ax_, **options)
    assert lower.ax_.get_ylim()[1] > first.point.z + first.point_error


def test_little_is_shown_of_what_has_too_few_events(scan):
    _, ax = plt.subplots()
    ax.plot(scan.threshold, scan.z, label="curve")
    finish_axes(ax, scan, [], np.array([]), None, 200.0, "threshold")
    last = scan.threshold[scan.n_eff_b >= 200.0].max()
    low, high = ax.get_xlim()
    assert last < high < last + 0.5 * (last - low)
    assert high < scan.threshold.max()


def test_unknown_abscissa():
    with pytest.raises(ValueError, match=r"`x` must be one of .*, got 'z'"):
        checked_abscissa("z", None)


def test_axes_with_a_scan_keep_what_they_show(scored):
    y, score, weight = scored
    _, ax = plt.subplots()
    assert checked_abscissa(None, None) == checked_abscissa(None, ax) == "threshold"
    scan = significance_scan(y, score, np.abs(weight))
    draw = SignificanceScanDisplay.from_scan
    first = draw(scan, x="signal_efficiency", name="one", ax=ax)
    second = draw(scan, name="two", ax=first.ax_)
    np.testing.assert_array_equal(second.line_.get_xdata(), scan.signal_efficiency)
    with pytest.raises(ValueError, match="must be 'signal_efficiency' on axes with"):
        draw(scan, x="threshold", ax=first.ax_)


@pytest.mark.parametrize("x", ["threshold", "signal_efficiency"])
def test_several_models_and_their_cuts_stay_below_the_legend(x):
    rng = np.random.default_rng(0)
    y = np.where(rng.random(5000) < 0.4, "s", "b")
    weight = np.where(y == "s", 0.02, 2.0)
    displays, ax = [], None
    for shift, low in ((1.0, 0.0), (1.5, 100.0), (2.0, -3.0)):
        display = SignificanceScanDisplay.from_predictions(
            y,
            rng.normal(size=5000) + shift * (y == "s") + low,
            sample_weight=weight,
            threshold=1.0 + low,
            n_replicas=10,
            random_state=0,
            name=f"shift {shift}",
            x=x if ax is None else None,
            ax=ax,
        )
        displays.append(display)
        ax = display.ax_
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    left, right = ax.get_xlim()
    for display in displays:
        trusted = display.scan.n_eff_b >= 25.0
        top = (0.0, display.scan.z[trusted].max())
        assert ax.transData.transform(top)[1] < legend.y0
        assert ax.transAxes.transform((0, display.cut_.get_ydata()[1]))[1] < legend.y0
        assert left <= display.cut_.get_xdata()[0] <= right
    colors = {to_hex(display.band_.get_facecolor()[0]) for display in displays}
    assert len(colors) == 3


def test_the_significance_at_the_cut_is_shown_also_where_there_are_few_events(scan):
    threshold = float(scan.threshold[np.searchsorted(scan.b, 3.0)])
    display = SignificanceScanDisplay.from_scan(
        scan, threshold=threshold, min_n_eff=200.0
    )
    low, high = display.ax_.get_ylim()
    assert display.point.n_eff_b < 200.0
    assert low <= display.point.z <= high
