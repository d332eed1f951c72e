"""The closed form of a fit with variations, against pyhf, limits and brute force."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics import binned_significance, profile_significance
from skhep_dnn.metrics._profile import bin_deviance, profile_kernel, shifted


def toy(seed, n_bins=5, n_variations=2):
    rng = np.random.default_rng(seed)
    s, b = rng.uniform(1, 20, n_bins), rng.uniform(5, 300, n_bins)
    sum_w2 = rng.uniform(0.05, 2, n_bins) * b
    variations = [
        (b * rng.uniform(0.9, 1.3, n_bins), b * rng.uniform(0.8, 1.1, n_bins))
        for _ in range(n_variations)
    ]
    return s, b, sum_w2, variations


@pytest.mark.parametrize("seed", range(5))
def test_without_variations_it_is_the_binned_significance(seed):
    s, b, sum_w2, _ = toy(seed)
    for options in ({}, {"sum_w2_b": sum_w2}, {"rel_sigma_b": 0.1, "sigma_b": 2.0}):
        z = profile_significance(s, b, **options)
        assert z == pytest.approx(binned_significance(s, b, **options), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_variations", [1, 3])
def test_agrees_with_pyhf(seed, n_variations):
    s, b, sum_w2, variations = toy(seed, n_variations=n_variations)
    z = profile_significance(s, b, sum_w2_b=sum_w2, variations=variations)
    assert z == pytest.approx(pyhf_discovery(s, b, sum_w2, variations), rel=1e-5)


def pyhf_discovery(s, b, sum_w2, variations):
    """Discovery significance with `shapesys` and a `histosys` for each variation."""
    modifiers = [{"name": "mc", "type": "shapesys", "data": np.sqrt(sum_w2).tolist()}]
    for k, (up, down) in enumerate(variations):
        data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
        modifiers.append({"name": f"v{k}", "type": "histosys", "data": data})
    factor = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "s", "data": s.tolist(), "modifiers": [factor]},
        {"name": "b", "data": b.tolist(), "modifiers": modifiers},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyhf's own, of its dependencies
        import pyhf  # noqa: PLC0415

        model = pyhf.Model(
            {"channels": [{"name": "c", "samples": samples}]}, poi_name="mu"
        )
        nominal = model.config.suggested_init()
        data = model.expected_data(nominal)
        _, free = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        _, fixed = pyhf.infer.mle.fixed_poi_fit(
            0.0, data, model, return_fitted_val=True, tolerance=1e-10
        )
    return float(np.sqrt(fixed - free))


def test_a_small_signal_tends_to_the_quadratic_form():
    _, b, sum_w2, _ = toy(0)
    s = 1e-3 * np.arange(1.0, 6.0)
    delta = np.array([0.1 * b, np.linspace(-0.2, 0.3, 5) * b])
    z = profile_significance(
        s, b, sum_w2_b=sum_w2, variations=[(b + d, b - d) for d in delta]
    )
    covariance = np.diag(b + sum_w2) + delta.T @ delta
    assert z == pytest.approx(np.sqrt(s @ np.linalg.solve(covariance, s)), rel=1e-3)


def test_one_bin_and_one_variation_is_an_uncertainty_of_the_background():
    # Gaussian here and a Poisson term there: the same for a small relative error.
    z = profile_significance([10.0], [1000.0], variations=[([1020.0], None)])
    assert z == pytest.approx(
        binned_significance([10.0], [1000.0], sigma_b=20.0), rel=2e-3
    )


def test_the_minimum_is_that_of_a_general_minimiser():
    s, b, sum_w2, variations = toy(3)
    slopes = np.array(
        [
            [0.5 * (up - down) for up, down in variations],
            [0.5 * (up + down) - b for up, down in variations],
        ]
    )
    z, theta = profile_kernel(
        s[np.newaxis], b[np.newaxis], sum_w2[np.newaxis], slopes[:, :, np.newaxis]
    )

    def q(theta):
        background = shifted(b, slopes, theta)
        if (background <= 0).any():
            return np.inf
        return bin_deviance(s + b, b, sum_w2, background).sum() + np.sum(theta**2)

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    found = minimize(q, np.zeros(2), method="Nelder-Mead", options=options)
    assert z[0] ** 2 == pytest.approx(found.fun, rel=1e-8)
    np.testing.assert_allclose(theta[0], found.x, atol=1e-4)


def test_many_histograms_at_once_are_those_one_by_one():
    toys = [toy(seed) for seed in range(7)]
    s, b, v = (np.array([one[k] for one in toys]) for k in range(3))
    up, down = (
        np.array([[pair[side] for pair in one[3]] for one in toys]).swapaxes(0, 1)
        for side in (0, 1)
    )
    slopes = np.array([0.5 * (up - down), 0.5 * (up + down) - b])
    z, _ = profile_kernel(s, b, v, slopes)
    single = [
        profile_significance(s, b, sum_w2_b=v, variations=d) for s, b, v, d in toys
    ]
    np.testing.assert_allclose(z, single, rtol=1e-9)


def test_more_uncertainty_is_never_more_significance():
    s, b, sum_w2, variations = toy(4, n_variations=4)
    z = [
        profile_significance(s, b, sum_w2_b=sum_w2, variations=variations[:k])
        for k in range(5)
    ]
    assert (np.diff(z) <= 1e-12).all()
    assert z[-1] < 0.9 * z[0]


def test_a_large_variation_along_the_signal_leaves_little():
    s, b = np.array([5.0, 10.0]), np.array([100.0, 100.0])
    z = profile_significance(s, b, variations=[(b + 20 * s / 5, b - 20 * s / 5)])
    assert z < 0.3 * profile_significance(s, b)


def test_a_negative_signal_has_a_negative_significance():
    assert profile_significance([-5.0, 1.0], [50.0, 20.0]) < 0


def test_none_mirrors_the_variation():
    s, b, sum_w2, _ = toy(5)
    up = 1.1 * b
    one, two = (
        profile_significance(s, b, sum_w2_b=sum_w2, variations=[(up, down)])
        for down in (None, 2 * b - up)
    )
    assert one == two


def test_undefined_yields_are_nan_with_one_warning():
    with pytest.warns(UndefinedSignificanceWarning) as record:
        assert np.isnan(profile_significance([1.0, 1.0], [1.0, 0.0]))
    assert len(record) == 1
    assert record[0].filename == __file__


def test_impossible_arguments_raise():
    with pytest.raises(ValueError, match=r"one-dimensional, got the shape \(1, 2\)"):
        profile_significance([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"each of the 2 bins, got the shapes \(1,\)"):
        profile_significance([1.0, 2.0], [1.0, 2.0], variations=[([1.0], [1.0])])
    with pytest.raises(ValueError, match="pair of yields, up and down, got 3"):
        profile_significance([1.0], [1.0], variations=[([1.0], [1.0], [1.0])])
    with pytest.raises(ValueError, match="`sum_w2_b` must not be negative"):
        profile_significance([1.0], [1.0], sum_w2_b=-1.0)
