import numpy as np
import pytest

from skhep_dnn.inspection import WeightedHistogram
from skhep_dnn.inspection._histogram import weighted_histogram, yield_with_error


def test_histogram_is_exported_and_scales():
    histogram = WeightedHistogram(
        np.array([0.0, 1.0]), np.array([2.0]), np.array([0.5]), 16
    )
    scaled = histogram.scaled_to(4.0)
    assert (scaled.content[0], scaled.error[0], scaled.n_events) == (4.0, 1.0, 16)


def test_events_outside_are_in_the_outer_bins():
    scores, weights = (
        np.array([-np.inf, 0.2, 0.6, 7.0]),
        np.array([1.0, -2.0, 3.0, 4.0]),
    )
    histogram = weighted_histogram(scores, weights, np.array([0.0, 0.5, 1.0]))
    assert histogram.content.tolist() == [-1.0, 7.0]
    assert histogram.error == pytest.approx(np.sqrt([5.0, 25.0]))
    assert histogram.n_events == 4


@pytest.mark.parametrize(
    ("sum_w", "error", "text"),
    [
        (12345.6, 78.9, "12 346 ± 79"),
        (12345.6, 789.0, "12 350 ± 790"),
        (0.1234, 0.0123, "0.123 ± 0.012"),
    ],
)
def test_yields_have_two_digits_of_their_error(sum_w, error, text):
    assert yield_with_error(sum_w, error) == text
