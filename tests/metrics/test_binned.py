"""Binned significances against the sum of squares and pyhf; the merging of bins."""

import warnings

import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics import (
    asimov_significance,
    binned_significance,
    merge_bins,
    significance_per_bin,
)


def test_is_the_root_of_the_sum_of_squares():
    s, b, sigma = (
        np.array([5.0, 10, 8]),
        np.array([100.0, 50, 9]),
        np.array([8, 3, 1.0]),
    )
    z = asimov_significance(s, b, sigma_b=sigma)
    expected = np.sqrt(np.sum(z**2))
    assert binned_significance(s, b, sigma_b=sigma) == pytest.approx(expected, 1e-15)


def test_one_bin_is_a_counting_experiment():
    options = {"sigma_b": 2.0, "rel_sigma_b": 0.1, "b_reg": 1.0, "sum_w2_b": 0.5}
    assert binned_significance([5.0], [20.0], **options) == asimov_significance(
        5.0, 20.0, **options
    )


def test_bins_of_equal_purity_equal_their_sum():
    s, b = np.array([1.0, 2, 4]), np.array([10.0, 20, 40])
    assert binned_significance(s, b) == pytest.approx(asimov_significance(7, 70), 1e-14)


def test_leading_axes_are_kept():
    rng = np.random.default_rng(0)
    s, b = rng.normal(2, 2, (4, 3, 6)), rng.uniform(0, 50, (4, 3, 6))
    z = binned_significance(s, b)
    assert z.shape == (4, 3)
    assert z[2, 1] == binned_significance(s[2, 1], b[2, 1])


def test_a_bin_with_negative_signal_joins_its_neighbour_towards_the_background():
    z = binned_significance([5.0, 10.0, -1.0], [100.0, 20.0, 4.0], sigma_b=[3, 4, 3.0])
    merged = binned_significance([5.0, 9.0], [100.0, 24.0], sigma_b=[3.0, 5.0])
    assert z == merged


def test_relative_uncertainties_of_merged_bins_add_in_quadrature():
    z = binned_significance([5.0, -1.0], [30.0, 40.0], rel_sigma_b=0.1)
    assert z == asimov_significance(4.0, 70.0, sigma_b=5.0)


def test_an_empty_bin_stands_alone_only_with_b_reg():
    s, b = [5.0, 1.0], [30.0, 0.0]
    assert binned_significance(s, b) == asimov_significance(6.0, 30.0)
    z = asimov_significance(s, b, b_reg=2.0)
    assert binned_significance(s, b, b_reg=2.0) == np.sqrt(np.sum(z**2))


def test_few_effective_events_are_merged():
    s, b, sum_w2 = [5.0, 6.0], [30.0, 4.0], [10.0, 4.0]
    z = binned_significance(s, b, sum_w2_b=sum_w2, min_n_eff=10.0)
    assert z == asimov_significance(11.0, 34.0, sum_w2_b=14.0)


def test_sign_is_kept_if_one_bin_remains():
    z = binned_significance([-5.0, 1.0, -2.0], [10.0, 10.0, 10.0])
    assert z == asimov_significance(-6.0, 30.0)
    assert z < 0


def test_no_background_at_all_is_nan_with_one_warning():
    with pytest.warns(UndefinedSignificanceWarning) as record:
        z = binned_significance([[1.0, 2.0], [1.0, 2.0]], [[0.0, 0.0], [3.0, 4.0]])
    assert len(record) == 1
    assert record[0].filename == __file__
    np.testing.assert_array_equal(np.isnan(z), [True, False])


def test_nan_propagates():
    with pytest.warns(UndefinedSignificanceWarning):
        assert np.isnan(binned_significance([1.0, np.nan], [3.0, 4.0]))


def test_merging_starts_at_the_signal_end():
    s, b, sum_w2 = merge_bins([3, -1, 2, -1, 4], [9, 5, 4, 3, 1], [9, 5, 4, 3, 1])
    # 4 stands alone; -1 waits for 2; -1 waits for 3.
    np.testing.assert_array_equal(s, [2, 1, 4])
    np.testing.assert_array_equal(b, [14, 7, 1])
    np.testing.assert_array_equal(sum_w2, [14, 7, 1])


def test_the_rest_at_the_background_end_joins_the_last_closed_bin():
    s, b, _ = merge_bins([-1, 2, 4], [5, 4, 1], [5, 4, 1])
    np.testing.assert_array_equal(s, [1, 4])
    np.testing.assert_array_equal(b, [9, 1])


def test_the_rest_goes_on_until_the_bin_is_admissible():
    s, b, _ = merge_bins([-3, 2, 4], [5, 4, 1], [5, 4, 1])
    np.testing.assert_array_equal(s, [3])
    np.testing.assert_array_equal(b, [10])


@pytest.mark.parametrize("seed", range(5))
def test_merged_bins_are_admissible_and_conserve_the_yields(seed):
    rng = np.random.default_rng(seed)
    s, b = rng.normal(1, 1, 30), rng.normal(3, 2, 30)
    sum_w2 = rng.uniform(0.1, 3, 30)
    merged = merge_bins(s, b, sum_w2, min_n_eff=5.0)
    assert 1 < len(merged[0]) < 30
    assert (merged[0] >= 0).all()
    assert (merged[1] ** 2 >= 5.0 * merged[2]).all()
    assert (merged[1] > 0).all()
    for before, after in zip((s, b, sum_w2), merged, strict=True):
        assert after.sum() == pytest.approx(before.sum(), rel=1e-12)


def test_one_inadmissible_bin_can_remain():
    s, b, sum_w2 = merge_bins([1.0, 1.0], [1.0, 1.0], [1.0, 1.0], min_n_eff=100.0)
    assert (s, b, sum_w2) == ([2.0], [2.0], [2.0])


def test_impossible_arguments_raise():
    with pytest.raises(ValueError, match="`min_n_eff` must not be negative"):
        binned_significance([1.0], [1.0], min_n_eff=-1.0)
    with pytest.raises(ValueError, match="`sum_w2_b` must not be negative"):
        merge_bins([1.0], [1.0], [-1.0])
    with pytest.raises(ValueError, match=r"one value for each bin, got the shape \(\)"):
        binned_significance(1.0, 1.0)
    with pytest.raises(ValueError, match=r"got the shape \(0,\). Pass at least one"):
        merge_bins([], [], [])
    with pytest.raises(ValueError, match=r"must be one-dimensional, got .* \(1, 2\)"):
        merge_bins([[1.0, 2.0]], [[1.0, 2.0]], 0.0)


def test_agrees_with_pyhf_with_uncorrelated_uncertainties():
    s, b, sigma = [3.0, 6.0, 10.0], [100.0, 40.0, 12.0], [9.0, 5.0, 3.0]
    expected = pyhf_discovery(s, b, sigma)
    assert binned_significance(s, b, sigma_b=sigma) == pytest.approx(expected, 1e-3)


@pytest.mark.parametrize(("s", "b", "sigma_b"), [(10, 50, 5), (30, 20, 8), (2, 5, 0.5)])
def test_counting_experiment_agrees_with_pyhf(s, b, sigma_b):
    expected = pyhf_discovery([s], [b], [sigma_b])
    assert asimov_significance(s, b, sigma_b=sigma_b) == pytest.approx(expected, 1e-3)


def pyhf_discovery(signal, background, sigma):
    """Discovery significance on the Asimov data set with `shapesys` uncertainties."""
    with warnings.catch_warnings():
        # pyhf's imports and its optimiser warn about their own dependencies.
        warnings.simplefilter("ignore")
        import pyhf  # noqa: PLC0415 - its import belongs to what is silenced

        model = pyhf.simplemodels.uncorrelated_background(signal, background, sigma)
        # Signal strength 1 and background factors 1.
        data = model.expected_data(np.ones(1 + len(signal)))
        q0 = pyhf.infer.test_statistics.q0(
            0.0,
            data,
            model,
            model.config.suggested_init(),
            model.config.suggested_bounds(),
            model.config.suggested_fixed(),
        )
    return float(np.sqrt(q0))


def test_as_many_events_as_asked_for_are_enough_whatever_their_weight():
    rng = np.random.default_rng(0)
    for weight in rng.uniform(0.01, 10.0, size=50):
        events = np.full((3, 25), weight)
        b, sum_w2_b = np.cumsum(events, axis=1)[:, -1], (events**2).sum(axis=1)
        merged = merge_bins([1.0, 1.0, 1.0], b, sum_w2_b, min_n_eff=25)
        assert len(merged[0]) == 3
        assert len(merge_bins([1.0] * 3, b, sum_w2_b, min_n_eff=25.001)[0]) == 1


def test_significance_per_bin_gives_the_parts_of_the_binned_one():
    rng = np.random.default_rng(1)
    s, b, sum_w2 = (
        rng.uniform(0, 5, 12),
        rng.uniform(1, 90, 12),
        rng.uniform(0, 200, 12),
    )
    options = {"sum_w2_b": sum_w2, "rel_sigma_b": 0.05, "min_n_eff": 20.0}
    z, first_bin = significance_per_bin(s, b, **options)
    assert 1 < len(z) < 12
    assert np.sqrt(np.sum(z**2)) == pytest.approx(
        binned_significance(s, b, **options), rel=1e-14
    )
    merged = merge_bins(s, b, sum_w2, min_n_eff=20.0)
    np.testing.assert_allclose(np.add.reduceat(s, first_bin), merged[0])


def test_significance_per_bin_without_merging_is_that_of_each_bin():
    s, b = np.array([5.0, 4.0]), np.array([90.0, 10.0])
    z, first_bin = significance_per_bin(s, b, sigma_b=3.0)
    np.testing.assert_array_equal(z, asimov_significance(s, b, sigma_b=3.0))
    np.testing.assert_array_equal(first_bin, [0, 1])
    with pytest.raises(ValueError, match="Take one histogram at a time"):
        significance_per_bin([[1.0]], [[1.0]])
