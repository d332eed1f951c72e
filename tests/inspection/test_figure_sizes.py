"""Every display has the size of `rcParams` and room for its axes under any style."""

from functools import cache

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from skhep_dnn import inspection
from tests.inspection.figures import FIGURES

# What the figures of the CMS collaboration set, by `mplhep.style.CMS`, of sizes.
CMS_SIZES = {
    "axes.labelsize": "medium",
    "axes.linewidth": 2,
    "figure.figsize": (10.0, 10.0),
    "font.size": 26,
    "legend.borderpad": 0.5,
    "legend.fontsize": "small",
    "legend.frameon": False,
    "legend.handlelength": 1.5,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.labelsize": "small",
    "xtick.major.pad": 6,
    "xtick.major.size": 12,
    "xtick.minor.size": 6,
    "xtick.minor.visible": True,
    "xtick.top": True,
    "ytick.labelsize": "small",
    "ytick.major.size": 12,
    "ytick.minor.size": 6,
    "ytick.minor.visible": True,
    "ytick.right": True,
}
STYLES = {
    "column of a paper": {"figure.figsize": (3.4, 2.8), "font.size": 8},
    "large letters": {"font.size": 18},
    "CMS": CMS_SIZES,
}
# Their ranges end at edges of bins, and bins without events stand at 0.
OF_BINS = {
    "DiscriminantDisplay",
    "EfficiencyDisplay",
    "OvertrainingDisplay",
    "StackedDiscriminantDisplay",
}

# They have names of rows or columns, for which a figure may grow.
MAY_GROW = {
    "BottleneckRelianceDisplay",
    "ComparisonDisplay",
    "CorrelationDisplay",
    "EliminationDisplay",
    "EmbeddingDisplay",
    "InputDistributionsDisplay",
    "InputsDisplay",
    "MutualDependenceDisplay",
    "NetworkDiagramDisplay",
    "OutputNodesDisplay",
    "PermutationImportanceDisplay",
    "RankCorrelationDisplay",
    "SeparationDisplay",
    "WeightedPartialDependenceDisplay",
    "YieldConfusionDisplay",
    "YieldsTableDisplay",
}


def test_every_display_is_looked_at():
    assert set(FIGURES) == {n for n in inspection.__all__ if n.endswith("Display")}


@cache
def display_of(name):
    return FIGURES[name]()


def check(name, style):
    """Draw a display in a style, and fail if its axes have no room."""
    display = display_of(name)
    plt.close("all")
    with mpl.rc_context(style):
        figure = display.plot().figure_
        figure.draw_without_rendering()  # the layout that it is saved with
        has_size_of_style(name, figure)
        axes_have_room(figure)
        fits_into_figure(display)


def has_size_of_style(name, figure):
    own, size = figure.get_size_inches(), np.array(mpl.rcParams["figure.figsize"])
    if name in MAY_GROW:
        assert (own >= size - 1e-9).all()
        assert own.max() <= max(size.max(), 10.0) + 1e-9
    else:
        np.testing.assert_allclose(own, size)


def axes_have_room(figure):
    boxes = [ax.get_position(original=not ax.axison) for ax in figure.axes]
    place = boxes[0]
    lowest = min(box.y0 for box in boxes if box.width > 0.5 * place.width)
    # panels beside it share the width
    row = [b.width for b in boxes if np.allclose(b.intervaly, place.intervaly)]
    assert sum(row) > 0.4
    assert place.width > 0.25
    assert place.y1 - lowest > 0.55


def fits_into_figure(display):
    """Fail if labels, texts or the legend leave the figure."""
    figure = display.figure_
    width, height = figure.bbox.size
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    for ax in figure.axes:
        if ax.get_legend() is not None:
            boxes.append(ax.get_legend().get_window_extent())
    for box in boxes:
        assert -0.02 * width < box.x0 < box.x1 < 1.02 * width
        assert -0.02 * height < box.y0 < box.y1 < 1.02 * height


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", FIGURES)
def test_axes_have_room_and_figures_their_size(name, style):
    check(name, STYLES[style])


@pytest.mark.parametrize("experiment", ["CMS", "ATLAS", "LHCb2"])
@pytest.mark.parametrize("name", FIGURES)
def test_the_real_style_of_a_collaboration(name, experiment):
    mplhep = pytest.importorskip("mplhep")
    style = dict(getattr(mplhep.style, experiment))
    check(name, style)
    figure = display_of(name).figure_
    letters_can_be_read(figure)
    if name not in OF_BINS:
        marks_keep_a_distance_to_the_frame(figure)


def test_what_is_known_of_a_style():
    mplhep = pytest.importorskip("mplhep")
    assert CMS_SIZES.items() <= dict(mplhep.style.CMS).items()


def letters_can_be_read(figure):
    """Fail if a text is far smaller than the numbers along the axes."""
    ticks = [
        label.get_fontsize()
        for ax in figure.axes
        if ax.axison
        for label in ax.get_xticklabels()
    ]
    texts = [
        text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()
    ]
    assert min(texts) >= 0.55 * max(ticks, default=0.0)
    assert min(texts) >= 5.0  # of figures that are ten inches wide


def marks_keep_a_distance_to_the_frame(figure):
    """Fail if marks on a line are cut by the frame, as without a margin."""
    for ax in figure.axes:
        for line in ax.lines:
            if line.get_marker() not in {"None", "", None, "_", "|"}:
                is_apart(ax, line)


def is_apart(ax, line):
    points = ax.transAxes.inverted().transform(
        line.get_transform().transform(line.get_xydata())
    )
    points = points[np.isfinite(points).all(axis=1)]
    inside = points[((points > -1e-9) & (points < 1 + 1e-9)).all(axis=1)]
    assert ((inside > 0.005) & (inside < 0.995)).all()


@pytest.mark.parametrize(
    ("name", "limits"),
    [("WeightedRocCurveDisplay", (-0.06, 1.06)), ("ReliabilityDisplay", (-0.1, 1.1))],
)
def test_ranges_of_shares_do_not_end_at_round_numbers_far_off(name, limits):
    with mpl.rc_context({"axes.autolimit_mode": "round_numbers"}):
        figure = display_of(name).plot().figure_
        figure.draw_without_rendering()
        low, high = figure.axes[0].get_ylim()
    assert limits[0] < low < high < limits[1]


def test_numbers_along_an_axis_have_no_factor_where_its_label_is():
    style = {"axes.formatter.limits": (-2, 4), "xaxis.labellocation": "right"}
    for name in ("EliminationDisplay", "PermutationImportanceDisplay"):
        with mpl.rc_context(style):
            display = display_of(name).plot()
            display.figure_.draw_without_rendering()
        assert display.ax_.xaxis.get_offset_text().get_text() == ""


@pytest.mark.parametrize("name", ["DiscriminantDisplay", "SignificanceScanDisplay"])
def test_a_legend_shrinks_to_the_axes(name):
    with mpl.rc_context({"figure.figsize": (3.0, 2.4), "font.size": 14}):
        display = display_of(name).plot()
        small = FontProperties(size="small").get_size_in_points()
    legend, ax = display.ax_.get_legend(), display.ax_
    assert legend.get_window_extent().width <= ax.bbox.width
    assert legend.get_window_extent().height <= 0.55 * ax.bbox.height
    assert legend.get_texts()[0].get_fontsize() < 0.8 * small
