"""The layers with a member axis: inputs filled and scaled, shares of dropout."""

import numpy as np
import pytest
import torch

from skhep_dnn.neural_network._networks.inputs import InputTransform
from skhep_dnn.neural_network._networks.layers import keep_threshold


def test_input_transform_fills_and_scales_each_member_by_its_own_statistics():
    transform = InputTransform(2, 3, -999.9)
    both = np.arange(2)
    transform.set_statistics(0, both, np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    transform.set_statistics(1, both, np.array([0.0, -1.0]), np.array([1.0, 0.5]))
    rows = torch.tensor([[5.0, -2.0, 3.0], [float("nan"), -999.9, 1.0]])
    x = rows.repeat(2, 1, 1)
    before = x.clone()
    expected = torch.tensor(
        [
            [[2.0, -1.0, 3.0], [0.0, 0.0, 1.0]],
            [[5.0, -2.0, 3.0], [0.0, 0.0, 1.0]],
        ]
    )
    torch.testing.assert_close(transform(x), expected)
    torch.testing.assert_close(x, before, equal_nan=True)


def test_without_a_marker_only_nan_is_undefined():
    transform = InputTransform(1, 2, float("nan"))
    x = torch.tensor([[[-999.0, float("nan")]]])
    assert transform(x).tolist() == [[[-999.0, 0.0]]]


def test_a_code_of_a_category_is_never_undefined():
    transform = InputTransform(1, 3, 1.0, n_codes=1)
    x = torch.tensor([[[1.0, 2.0, 1.0], [3.0, 1.0, 0.0]]])
    assert transform(x).tolist() == [[[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]]


def test_scaled_inputs_end_at_a_billion_standard_deviations():
    transform = InputTransform(1, 2, float("nan"))
    transform.set_statistics(0, np.arange(2), np.zeros(2), np.full(2, 2.0**-10))
    assert transform(torch.tensor([[[3e38, -3e38]]])).tolist() == [[[1e9, -1e9]]]
    assert transform(torch.tensor([[[1.0, -2.0]]])).tolist() == [[[1024.0, -2048.0]]]


@pytest.mark.parametrize(
    ("dropout", "threshold"), [(0.0, 0), (0.25, 64), (0.5, 128), (0.9999, 255)]
)
def test_dropout_is_rounded_to_bytes_and_never_drops_everything(dropout, threshold):
    assert keep_threshold(dropout) == threshold
