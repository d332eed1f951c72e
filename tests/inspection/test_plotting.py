import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    fit_range,
    leave_headroom,
    legend_handles,
    n_curves,
    once_in_legend,
    spaced,
    split_off_panels,
)

CHECK_IMPORTS = """
import sys
import skhep_dnn.inspection
loaded = {"matplotlib", "torch"} & set(sys.modules)
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
DRAW_WITHOUT = """
import sys
sys.modules["matplotlib"] = None
from skhep_dnn.inspection import *
displays = (
    lambda: DiscriminantDisplay.from_predictions([0, 1], [0.1, 0.9]),
    lambda: WeightedRocCurveDisplay.from_predictions([0, 1], [0.1, 0.9], n_replicas=0),
    lambda: SignificanceScanDisplay.from_predictions([0, 1], [0.1, 0.9]),
)
for draw in displays:
    try:
        draw()
    except ImportError as error:
        sys.stdout.write(f"{error}\\n")
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


def test_import_loads_neither_matplotlib_nor_torch():
    result = run(CHECK_IMPORTS)
    assert result.returncode == 0, result.stderr


def test_missing_matplotlib_is_named_with_its_remedy():
    lines = run(DRAW_WITHOUT).stdout.splitlines()
    assert len(lines) == 3
    assert lines[0] == (
        "`DiscriminantDisplay.plot` must have matplotlib, got none installed. Run "
        '`pip install "skhep-dnn[plot]"`.'
    )


def test_names_are_sorted_and_exported():
    inspection = pytest.importorskip("skhep_dnn.inspection")
    assert inspection.__all__ == sorted(inspection.__all__)
    assert all(hasattr(inspection, name) for name in inspection.__all__)


def test_thousands_are_set_apart_by_spaces():
    assert [spaced(n) for n in (0, 999, 1234567)] == ["0", "999", "1 234 567"]
    assert spaced(-12345.678, 1) == "-12 345.7"


@pytest.mark.parametrize("log", [False, True])
def test_headroom_is_a_share_of_the_height(log):
    _, ax = plt.subplots()
    leave_headroom(ax, 0.5, 20.0, 0.25, log=log)
    assert ax.get_ylim()[0] == 0.5
    top = ax.transAxes.inverted().transform(ax.transData.transform((0.0, 20.0)))[1]
    assert top == pytest.approx(0.75)
    assert ax.get_yscale() == ("log" if log else "linear")


@pytest.mark.parametrize("n_panels", [1, 2])
@pytest.mark.parametrize("in_grid", [False, True])
def test_panels_take_the_lower_part_of_the_place(in_grid, n_panels):
    figure = plt.figure()
    ax = figure.subplots() if in_grid else figure.add_axes((0.1, 0.2, 0.8, 0.7))
    before = ax.get_position()
    panels = split_off_panels(ax, n_panels)
    assert len(panels) == n_panels
    boxes = [axes.get_position() for axes in (ax, *panels)]
    assert boxes[-1].y0 == pytest.approx(before.y0)
    assert boxes[0].y1 == pytest.approx(before.y1)
    for upper, lower in pairwise(boxes):
        assert lower.y1 < upper.y0
    ax.set_xlim(3.0, 7.0)
    for panel in panels:
        assert panel.get_xlim() == (3.0, 7.0)


@pytest.mark.parametrize("mode", ["data", "round_numbers"])
def test_a_range_is_that_of_the_points_and_a_margin(mode):
    style = {"axes.autolimit_mode": mode, "axes.xmargin": 0.0}
    with mpl.rc_context(style):
        _, ax = plt.subplots()
        ax.plot([1.0, 3.0], [1.1, 9.9])
        fit_range(ax, "x")
        fit_range(ax, "y", margin=0.0, low=0.0)
        ax.figure.draw_without_rendering()
    assert ax.get_xlim() == pytest.approx((0.9, 3.1))
    assert ax.get_ylim() == pytest.approx((0.0, 9.9))
    ax.plot([7.0], [1.0])
    fit_range(ax, "x")
    assert ax.get_xlim() == pytest.approx((0.7, 7.3))


def test_a_logarithmic_range_has_its_margin_in_decades():
    _, ax = plt.subplots()
    ax.plot([1.0, 2.0], [1e-3, 1e1])
    ax.set_yscale("log")
    fit_range(ax, "y", margin=0.25)
    assert ax.get_ylim() == pytest.approx((1e-4, 1e2))


def test_a_legend_names_curves_first_and_what_they_share_without_their_colour():
    _, ax = plt.subplots()
    for name in ("one", "two"):
        (line,) = ax.plot([0, 1], label=name, **curve_style(ax))
        label = once_in_legend(ax, "error")
        ax.fill_between([0, 1], 1, color=line.get_color(), label=label)
        if name == "one":
            alone = legend_handles(ax)
    assert n_curves(ax) == 2
    assert [handle.get_label() for handle in alone] == ["one", "error"]
    handles = legend_handles(ax)
    assert [handle.get_label() for handle in handles] == ["one", "two", "error"]
    assert to_hex(handles[-1].get_facecolor()) == NEUTRAL_COLOR
