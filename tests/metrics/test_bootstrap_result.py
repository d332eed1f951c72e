"""What a bootstrap returns: intervals of the replicas, and two digits of the error."""

import numpy as np
import pytest

from skhep_dnn.metrics import BootstrapResult, PairedBootstrapResult


def test_error_and_interval_are_those_of_the_replicas():
    replicas = np.append(np.arange(101.0), np.nan)
    for result in (
        BootstrapResult(50.0, 29.3, replicas, 1),
        PairedBootstrapResult(1.0, 2.0, -1.0, 29.3, replicas, 1),
    ):
        assert result.interval(0.9) == pytest.approx((5.0, 95.0))
        with pytest.raises(ValueError, match=r"`level` must lie between 0 and 1, got"):
            result.interval(68)
    nothing = BootstrapResult(50.0, np.nan, np.full(3, np.nan), 3)
    assert np.isnan(nothing.interval()).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.92399, 0.00318, "0.9240 ± 0.0032"),
        (6.158, 0.36, "6.16 ± 0.36"),
        (1234.5, 38.2, "1234 ± 38"),
        (0.5, 0.0, "0.5 ± 0"),
        (1.0, 3.1e-17, "1 ± 3.1e-17"),
        (1.0, np.inf, "1 ± inf"),
        (0.5, np.nan, "0.5 ± nan"),
    ],
)
def test_value_and_error_are_printed_with_two_digits(value, error, text):
    assert str(BootstrapResult(value, error, np.zeros(2))) == text
    pair = PairedBootstrapResult(9.0, 1.0, value, error, np.zeros(2))
    assert str(pair) == text
