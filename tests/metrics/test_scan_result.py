"""The table of a scan: its rows, its columns, and what lies between two scores."""

import dataclasses
import math

import numpy as np
import pytest

from skhep_dnn.metrics import significance_scan


def test_at_a_threshold_of_the_scan_is_its_row(toy_events):
    X, y, weight = toy_events
    scan = significance_scan(y, X["a"], weight, mc_stat=True)
    row = scan.to_frame().iloc[200]
    point = dataclasses.asdict(scan.at(row["threshold"]))
    assert point == pytest.approx(row.to_dict(), rel=1e-14)
    assert all(isinstance(value, float | int) for value in point.values())


@pytest.mark.parametrize("b_reg", [0.0, 10.0])
def test_above_all_scores_nothing_is_selected(b_reg):
    point = significance_scan([0, 1], [0.2, 0.7], b_reg=b_reg).at(0.8)
    assert (point.s, point.b, point.s_error, point.n_eff_b) == (0, 0, 0, 0)
    assert (point.signal_efficiency, point.n_selected) == (0, 0)
    assert point.z == 0.0 if b_reg else math.isnan(point.z)


def test_threshold_nan_raises():
    with pytest.raises(ValueError, match=r"`threshold` must be a number, got nan"):
        significance_scan([0, 1], [0.2, 0.7]).at(np.nan)


def test_frame_has_the_columns_of_a_working_point():
    scan = significance_scan([0, 1], [0.2, 0.7])
    columns = [field.name for field in dataclasses.fields(scan.at(0.5))]
    assert scan.to_frame().columns.tolist() == columns


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        significance_scan([0, 1], [0.2, 0.7]).z = 0.0
