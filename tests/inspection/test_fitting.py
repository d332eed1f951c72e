import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import DiscriminantDisplay
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    base_points,
    fit_labels,
    height_of_legend,
    make_large_axes,
    named_points,
    small_points,
)


@pytest.mark.parametrize(
    ("style", "needed", "points", "size"),
    [
        # What fits stays as it is.
        ({"figure.figsize": (6, 5), "font.size": 10}, (5, 4), 10, (6, 5)),
        ({"figure.figsize": (6, 5), "font.size": 8}, (7, 4), 8, (6, 5)),
        # Letters shrink to 10 points, then the figure grows.
        ({"figure.figsize": (10, 10), "font.size": 26}, (5, 4), 20, (10, 10)),
        ({"figure.figsize": (10, 10), "font.size": 26}, (9, 20), 10, (10, 20)),
        ({"figure.figsize": (3, 2), "font.size": 8}, (5, 4), 8, (4, 3.2)),
    ],
)
def test_letters_shrink_before_the_figure_grows(style, needed, points, size):
    before = mpl.rcParams["font.size"]
    with mpl.rc_context(style):
        with make_large_axes(None, "a test", needed) as ax:
            assert mpl.rcParams["font.size"] == pytest.approx(points)
        np.testing.assert_allclose(ax.figure.get_size_inches(), size)
        assert mpl.rcParams["font.size"] == style["font.size"]
    assert mpl.rcParams["font.size"] == before


def test_axes_of_the_user_keep_size_and_letters():
    figure, ax = plt.subplots(figsize=(3.0, 2.0))
    with make_large_axes(ax, "a test", (30.0, 20.0)) as given:
        assert given is ax
        assert mpl.rcParams["font.size"] == 10.0
    assert figure.get_size_inches().tolist() == [3.0, 2.0]


def test_a_legend_that_is_too_wide_gets_one_column_then_smaller_letters():
    _, ax = plt.subplots(figsize=(4.0, 3.0), layout="constrained")
    for name in ("a", "b"):
        ax.plot([0, 1], label=name * 20)
    legend = add_fitted_legend(ax, ncols=2, loc="upper right")
    assert legend._ncols == 1
    assert legend.get_texts()[0].get_fontsize() == pytest.approx(small_points())
    ax.plot([0, 1], label="c" * 90)
    legend = add_fitted_legend(ax, loc="upper right")
    assert legend.get_texts()[0].get_fontsize() < 0.9 * small_points()
    assert legend.get_window_extent().width <= ax.bbox.width
    assert not legend.get_in_layout()


def test_the_height_of_a_legend_is_the_room_it_needs():
    _, ax = plt.subplots()
    assert height_of_legend(ax) == 0.0
    ax.plot([0, 1], label="curve")
    legend = add_fitted_legend(ax, loc="upper left")
    low = legend.get_window_extent().transformed(ax.transAxes.inverted()).y0
    assert height_of_legend(ax) == pytest.approx(1.0 - low + 0.02)


def test_only_labels_that_are_too_long_shrink():
    _, (left, right) = plt.subplots(1, 2, figsize=(5.0, 2.0), layout="constrained")
    left.set(xlabel="short", ylabel="a label that is longer than the axes are high")
    right.set(xlabel="a label that is much longer than the axes are wide")
    fit_labels(left, right)
    assert left.xaxis.label.get_fontsize() == 10.0
    assert left.yaxis.label.get_window_extent().height <= left.bbox.height + 1.0
    assert right.xaxis.label.get_window_extent().width <= right.bbox.width + 1.0


def test_axes_that_are_lower_than_a_legend_are_drawn_all_the_same():
    y, score = np.array([0, 1] * 20), np.append(np.arange(38.0), [1e4, -1e4])
    _, ax = plt.subplots(figsize=(2.0, 0.6))
    display = DiscriminantDisplay.from_predictions(y, score, ax=ax)
    low, high = display.ax_.get_ylim()
    assert low == 0.0 < display.signal.density.max() < high < np.inf


def test_a_subfigure_is_a_place_too():
    part, _ = plt.figure(layout="constrained").subfigures(1, 2)
    ax = part.subplots()
    ax.plot([0, 1], label="curve")
    ax.set_ylabel("label")
    add_fitted_legend(ax)
    fit_labels(ax)


@pytest.mark.parametrize(
    ("style", "points"),
    [
        ({"font.size": 14, "xtick.labelsize": 30}, 30.0),  # as LHCb2 of mplhep
        ({"font.size": 26, "xtick.labelsize": "small"}, 26.0),  # as CMS
        ({"font.size": 10, "xtick.labelsize": 8}, 10.0),
    ],
)
def test_letters_of_the_ticks_are_the_measure_where_they_are_in_points(style, points):
    with mpl.rc_context(style):
        assert base_points() == points
        assert small_points() == pytest.approx(0.833 * points)
        assert named_points("x-small") == pytest.approx(0.694 * points)


def test_letters_in_points_shrink_with_the_others():
    style = {"font.size": 14, "xtick.labelsize": 30, "axes.labelsize": 32}
    style |= {"figure.figsize": (12, 9)}
    with mpl.rc_context(style):
        with make_large_axes(None, "a test", (6.0, 9.0)) as ax:
            assert mpl.rcParams["font.size"] == pytest.approx(10.0)
            assert mpl.rcParams["axes.labelsize"] == pytest.approx(32 / 3)
        assert mpl.rcParams["axes.labelsize"] == 32
        assert ax.xaxis.label.get_fontsize() == pytest.approx(32 / 3)
        with make_large_axes(ax, "a test", (6.0, 9.0)):
            assert mpl.rcParams["font.size"] == 30
