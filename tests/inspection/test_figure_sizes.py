"""Every display has the size of `rcParams` and room for its axes under any style."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

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
    "matplotlib": {},
    "column of a paper": {"figure.figsize": (3.4, 2.8), "font.size": 8},
    "large letters": {"font.size": 18},
    "wide": {"figure.figsize": (12.0, 5.0), "font.size": 12},
    "CMS": CMS_SIZES,
}
# They have names of rows or columns, for which a figure may grow.
MAY_GROW = {
    "BottleneckRelianceDisplay",
    "EliminationDisplay",
    "EmbeddingDisplay",
    "MutualDependenceDisplay",
    "NetworkDiagramDisplay",
    "PermutationImportanceDisplay",
    "RankCorrelationDisplay",
}


def test_every_display_is_looked_at():
    assert set(FIGURES) == {n for n in inspection.__all__ if n.endswith("Display")}


def draw(name, style):
    """Return a display drawn in a style, with the layout that it is saved with."""
    display = FIGURES[name]()
    plt.close("all")
    with mpl.rc_context(style):
        display.plot()
        display.figure_.draw_without_rendering()
        size = tuple(mpl.rcParams["figure.figsize"])
    return display, size


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", FIGURES)
def test_axes_have_room_and_figures_their_size(name, style):
    display, size = draw(name, STYLES[style])
    own = display.figure_.get_size_inches()
    if name in MAY_GROW:
        assert (own >= np.array(size) - 1e-9).all()
    else:
        np.testing.assert_allclose(own, size)
    boxes = [ax.get_position() for ax in display.figure_.axes]
    place = boxes[0]
    lowest = min(box.y0 for box in boxes if box.width > 0.5 * place.width)
    assert place.width > 0.4
    assert place.y1 - lowest > 0.55
    assert 0.0 <= place.x0 < place.x1 <= 1.0
    fits_into_figure(display)


def fits_into_figure(display):
    """Fail if labels, texts or the legend leave the figure."""
    figure = display.figure_
    width, height = figure.bbox.size
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    if display.ax_.get_legend() is not None:
        boxes.append(display.ax_.get_legend().get_window_extent())
    for box in boxes:
        assert -0.02 * width < box.x0 < box.x1 < 1.02 * width
        assert -0.02 * height < box.y0 < box.y1 < 1.02 * height


@pytest.mark.parametrize("name", FIGURES)
def test_letters_stay_as_they_are_when_the_style_is_gone(name):
    display, _ = draw(name, STYLES["CMS"])
    before = [box.bounds for box in (ax.get_position() for ax in display.figure_.axes)]
    display.figure_.draw_without_rendering()
    after = [box.bounds for box in (ax.get_position() for ax in display.figure_.axes)]
    np.testing.assert_allclose(after, before, atol=0.02)


@pytest.mark.parametrize("name", FIGURES)
def test_the_real_style_of_a_collaboration(name):
    mplhep = pytest.importorskip("mplhep")
    style = dict(mplhep.style.CMS)
    assert CMS_SIZES.items() <= style.items()
    fonts = {key: value for key, value in style.items() if "font" in key}
    sizes = {key: value for key, value in style.items() if key not in fonts}
    display, size = draw(name, sizes | {"font.size": style["font.size"]})
    assert (display.figure_.get_size_inches() >= np.array(size) - 1e-9).all()
    assert display.ax_.get_position().width > 0.4


def test_a_legend_over_the_curves_leaves_room_for_itself():
    for name in ("DiscriminantDisplay", "SignificanceScanDisplay"):
        display, _ = draw(name, STYLES["CMS"])
        box = display.ax_.get_legend().get_window_extent()
        assert box.width <= display.ax_.bbox.width
        assert box.height <= 0.5 * display.ax_.bbox.height
