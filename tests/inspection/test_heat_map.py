import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection._heat_map import (
    HeatMap,
    draw_colorbar,
    draw_heat_map,
    fit_values,
    heat_map_size,
)


def draw(values, show_values=None, **kwargs):
    _, ax = plt.subplots()
    rows, columns = (
        [f"{kind}{i}" for i in range(n)]
        for kind, n in zip("rc", values.shape, strict=True)
    )
    heat_map = HeatMap(values, rows, columns, "Blues", 0.0, 1.0)
    return ax, draw_heat_map(ax, heat_map, show_values=show_values, kwargs=kwargs)


def test_names_numbers_and_undefined_cells():
    ax, image = draw(np.array([[0.0, 1.0, -0.001], [np.nan, 0.254, 2.0]]))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["r0", "r1"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["c0", "c1", "c2"]
    assert [text.get_text() for text in ax.texts] == [
        "0.00",
        "1.00",
        "0.00",
        "0.25",
        "2.00",
    ]
    colors = [text.get_color() for text in ax.texts]
    assert colors == ["black", "white", "black", "black", "white"]
    assert image.get_clim() == (0.0, 1.0)


@pytest.mark.parametrize(
    ("n_columns", "show_values", "n_texts"),
    [(16, None, 16), (17, None, 0), (17, True, 17), (2, False, 0)],
)
def test_numbers_are_printed_where_there_is_room(n_columns, show_values, n_texts):
    ax, _ = draw(np.zeros((1, n_columns)), show_values)
    assert len(ax.texts) == n_texts


@pytest.mark.parametrize(
    ("values", "extend"),
    [
        ([0.0, 1.0], "neither"),
        ([-0.01, 1.01], "neither"),
        ([0.0, 1.5], "max"),
        ([-0.5, 1.0], "min"),
        ([-0.5, np.nan, 1.5], "both"),
    ],
)
def test_scale_points_where_values_exceed_it(values, extend):
    ax, image = draw(np.array([values]))
    draw_colorbar(ax, image, "meaning")
    bar = image.colorbar
    assert bar.extend == extend
    assert bar.ax.get_ylabel() == "meaning"


def test_style_of_the_user_and_size_of_the_figure():
    _, image = draw(np.zeros((2, 2)), cmap="viridis", vmin=-3.0)
    assert image.get_cmap().name == "viridis"
    assert image.get_clim()[0] == -3.0
    small, large = heat_map_size(5, 5), heat_map_size(30, 30)
    assert small < large
    assert max(large) < 11.0


def drawn(size, show_values=None):
    """Return a heat map of 12 columns, with its scale, in a figure of a size."""
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    names = [f"c{i}" for i in range(12)]
    heat_map = HeatMap(np.full((3, 12), -0.12), names[:3], names, "Blues", 0.0, 1.0)
    image = draw_heat_map(ax, heat_map, show_values=show_values, kwargs={})
    draw_colorbar(ax, image, "meaning")
    figure.draw_without_rendering()
    return ax


def test_numbers_fit_into_their_cells_and_can_be_read():
    ax = drawn((8.0, 3.0))
    assert len(ax.texts) == 36
    width = ax.bbox.width / 12
    for text in ax.texts:
        assert text.get_window_extent().width < 0.95 * width
        assert text.get_fontsize() >= 6.5


def test_numbers_that_could_not_be_read_are_left_out_unless_asked_for():
    assert len(drawn((3.0, 3.0)).texts) == 0
    texts = drawn((3.0, 3.0), show_values=True).texts
    assert len(texts) == 36
    assert texts[0].get_fontsize() < 6.5


def test_axes_without_numbers_have_nothing_to_fit():
    ax = drawn((3.0, 3.0), show_values=False)
    fit_values(ax)
    assert len(ax.texts) == 0
