import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import WeightedHistogram
from skhep_dnn.inspection._histogram_drawing import (
    draw_histogram,
    draw_points,
    height_range,
)

HISTOGRAM = WeightedHistogram(
    np.array([0.0, 1.0, 3.0]), np.array([4.0, -1.0]), np.array([1.0, 2.0]), 9
)


def test_the_band_is_as_high_as_the_errors():
    _, ax = plt.subplots()
    steps, band = draw_histogram(
        ax, HISTOGRAM, "signal", density=False, kwargs={}, name="Higgs test"
    )
    assert steps.get_data().values.tolist() == [4.0, -0.5]
    assert band.get_data().values.tolist() == [5.0, 0.5]
    assert band.get_data().baseline.tolist() == [3.0, -1.5]
    assert steps.get_label() == "Higgs test, 3.0 ± 2.2"


def test_empty_bins_have_no_points():
    _, ax = plt.subplots()
    empty = WeightedHistogram(
        HISTOGRAM.edges, np.array([0.0, 2.0]), np.array([0.0, 1.0]), 4
    )
    points = draw_points(ax, empty, "background", density=False, name="train")
    assert points.lines[0].get_xydata().tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize(
    ("log", "expected"), [(False, (-1.5, 5.0)), (True, (2.0, 5.0))]
)
def test_heights_include_the_errors(log, expected):
    assert height_range([HISTOGRAM], density=False, log=log) == expected


def test_a_logarithmic_axis_has_at_most_six_decades():
    deep = WeightedHistogram(
        HISTOGRAM.edges, np.array([1.0, 1e-9]), np.array([0.0, 0.0]), 4
    )
    low, high = height_range([deep], density=False, log=True)
    assert high / low == pytest.approx(1e6)
