"""Separation power: closed forms, bias, bins, and the coverage of its error."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import SeparationPower, separation_power


def true_separation(shift):
    """Separation of two Gaussians of width 1, by numerical integration."""

    def integrand(x):
        s, b = norm.pdf(x, shift), norm.pdf(x)
        return (s - b) ** 2 / (s + b) / 2

    return integrate.quad(integrand, -9, 9 + shift)[0]


def gaussians(rng, n, shift, kind="equal"):
    y = np.arange(n) % 3 == 0
    weight = {
        "equal": lambda: np.ones(n),
        "exponential": lambda: rng.exponential(size=n),
        "negative": lambda: (
            rng.exponential(size=n) * np.where(rng.random(n) < 0.15, -1, 1)
        ),
    }[kind]()
    return y, rng.normal(shift * y), weight


def histogram_separation(s, b):
    s, b = np.array(s) / np.sum(s), np.array(b) / np.sum(b)
    return np.sum((s - b) ** 2 / (s + b)) / 2


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_gaussians_in_many_bins_have_the_integral(shift):
    y, x, weight = gaussians(np.random.default_rng(0), 300_000, shift, "exponential")
    result = separation_power(y, x, weight, n_bins=200, n_replicas=20)
    assert result.n_bins == 200
    assert abs(result.value - true_separation(shift)) < 3 * result.error
    assert result.error < 0.005


def test_raw_value_is_that_of_the_histograms():
    y = np.repeat([0, 0, 0, 1, 1, 1], [60, 30, 10, 20, 30, 50])
    x = np.repeat([1, 2, 3, 1, 2, 3], [60, 30, 10, 20, 30, 50])
    result = separation_power(y, x)
    assert result.n_bins == 3
    raw = histogram_separation([20, 30, 50], [60, 30, 10])
    assert result.value + result.bias == pytest.approx(raw, rel=1e-12)


def test_limits():
    y = np.repeat([0, 1], 100)
    apart = separation_power(y, y + 0.001 * np.arange(200))
    assert apart.value == pytest.approx(1, abs=1e-12)
    assert apart.error < 1e-15
    constant = separation_power(y, np.zeros(200))
    assert constant == SeparationPower(value=0.0, error=0.0, bias=0.0, n_bins=1)


@pytest.mark.parametrize(
    ("n_bins", "expected"),
    [(20, 0.02), (5, 0.03)],
)
def test_bias_of_equal_densities_has_k_minus_1_degrees(n_bins, expected):
    """(K - 1) / 4 * (1 / n_s + 1 / n_b), not K / 4."""
    rng = np.random.default_rng(0)
    n_s, n_b = 1000, 2000
    results = [
        separation_power(*gaussians(rng, n_s + n_b, 0.0), n_bins=n_bins, n_replicas=2)
        for _ in range(200)
    ]
    law = (n_bins - 1) / 4 * (1 / n_s + 1 / n_b)
    bias = np.mean([result.bias for result in results])
    raw = np.mean([result.value + result.bias for result in results])
    spread = np.sqrt(2 * (n_bins - 1)) / 4 * (1 / n_s + 1 / n_b)
    assert bias == pytest.approx(law, rel=expected)
    assert abs(raw - law) < 3 * spread / np.sqrt(200)


def test_number_of_bins_follows_the_effective_events():
    rng = np.random.default_rng(0)
    n_bins = [
        separation_power(*gaussians(rng, n, 0.5), n_replicas=2).n_bins
        for n in (30, 300, 3000, 30_000)
    ]
    # n_eff = 4 n / 9; nine effective events a bin are asked of the smallest sample.
    assert n_bins[0] <= 5
    assert n_bins[1:] == [8, 26, 82]
    weighted = gaussians(rng, 3000, 0.5, "exponential")
    assert separation_power(*weighted, n_replicas=2).n_bins in {16, 18, 20}


def test_value_does_not_depend_on_unit_scale_and_order():
    y, x, weight = gaussians(np.random.default_rng(1), 900, 0.7, "negative")
    result = separation_power(y, x, weight)
    by_class = np.where(y, 1e-3, 50.0) * weight
    scaled = separation_power(y, 3 + 0.1 * x, by_class)
    other = separation_power(np.where(y, "a", "b"), x, weight, pos_label="a")
    assert scaled.value == pytest.approx(result.value, rel=1e-9)
    assert scaled.error == pytest.approx(result.error, rel=1e-6)
    assert other == result
    flipped = separation_power(~y, x, weight)
    assert flipped.value == pytest.approx(result.value, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-290, 1e-165, 1e155, 1e290])
def test_no_scale_of_the_weights_is_too_large_or_too_small(scale):
    rng = np.random.default_rng(2)
    y = rng.random(600) < 0.4
    x, weights = rng.normal(y), rng.exponential(size=600)
    expected = separation_power(y, x, weights, random_state=0)
    apart = np.where(y, scale, 1.0) * weights
    given = apart.copy()
    power = separation_power(y, x, apart, random_state=0)
    assert power.value == pytest.approx(expected.value, rel=1e-9)
    assert power.error == pytest.approx(expected.error, rel=1e-9)
    assert apart.tolist() == given.tolist()


def test_nan_is_a_bin_of_its_own():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 2000)
    x = rng.normal(size=4000)
    share = np.where(y, 0.5, 0.1)
    x[rng.random(4000) < share] = np.nan
    result = separation_power(y, x)
    expected = histogram_separation([0.5, 0.5], [0.1, 0.9])
    assert abs(result.value - expected) < 3 * result.error
    assert separation_power(y, np.full(4000, np.nan)).n_bins == 1


def test_discrete_values_keep_their_own_bins():
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 3000)
    x = rng.poisson(np.where(y, 1.5, 1.0))
    result = separation_power(y, x)
    values = np.arange(x.max() + 1)
    common = values[[np.count_nonzero(x == value) >= 9 for value in values]]
    assert len(common) - 1 <= result.n_bins <= len(values)
    counts = [np.bincount(x[y == k], minlength=len(values)) for k in (1, 0)]
    raw = histogram_separation(*counts)
    assert result.value + result.bias == pytest.approx(raw, abs=0.001)


def test_bins_with_negative_content_are_merged():
    x = np.repeat([1.0, 2.0, 3.0, 4.0], 50)
    y = np.tile([0, 1], 100)
    weight = np.where((x == 3) & (y == 0), -0.1, 1.0)
    result = separation_power(y, x, weight)
    assert result.n_bins == 3
    # The neighbours of the bad bin have equal contents: either sum is the same.
    raw = histogram_separation([25, 50, 25], [25, 22.5, 25])
    assert result.value + result.bias == pytest.approx(raw, rel=1e-12)


def test_infinite_values_are_ranked():
    y = np.repeat([0, 1], 100)
    x = np.where(y == 1, np.inf, -np.inf)
    assert separation_power(y, x).value == pytest.approx(1, abs=1e-12)


def test_result_prints_value_and_error():
    result = SeparationPower(value=0.0731, error=0.0042, bias=0.0009, n_bins=40)
    assert str(result) == "0.0731 ± 0.0042"


def test_seed_and_untouched_inputs():
    y, x, weight = gaussians(np.random.default_rng(1), 300, 0.7, "negative")
    copies = y.copy(), x.copy(), weight.copy()
    first = separation_power(y, x, weight)
    assert separation_power(y, x, weight) == first
    assert separation_power(y, x, weight, random_state=1).error != first.error
    assert all(map(np.array_equal, copies, (y, x, weight)))


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"`x` must have one value .* shape \(2, 1\)"):
        separation_power([0, 1], [[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"`n_bins` must be at least 2, got 1"):
        separation_power([0, 1], [1.0, 2.0], n_bins=1)
    with pytest.raises(ValueError, match=r"`n_replicas` must be at least 2, got 0"):
        separation_power([0, 1], [1.0, 2.0], n_replicas=0)
    with pytest.raises(WeightsError, match=r"got -1\.0 for the background"):
        separation_power([0, 1], [1.0, 2.0], [-1.0, 1.0])


def toy_summary(shift, kind, n, n_samples):
    """Return mean pull, ratio of error to spread and coverage of many samples."""
    rng = np.random.default_rng(7)
    results = [
        separation_power(
            *gaussians(rng, n, shift, kind), n_replicas=60, random_state=seed
        )
        for seed in range(n_samples)
    ]
    values = np.array([result.value for result in results])
    errors = np.array([result.error for result in results])
    truth = true_separation(shift) if shift else 0.0
    ratio = np.sqrt(np.mean(errors**2)) / values.std(ddof=1)
    shift_of_mean = (values.mean() - truth) / values.std(ddof=1)
    return shift_of_mean, ratio, np.mean(abs(values - truth) < errors)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_value_is_unbiased_and_error_covers(shift):
    shift_of_mean, ratio, coverage = toy_summary(shift, "negative", 2000, 60)
    assert abs(shift_of_mean) < 0.5
    assert 0.7 < ratio < 1.6
    assert 0.48 < coverage < 0.88


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["equal", "exponential", "negative"])
@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5, 1.0, 2.0])
def test_value_is_unbiased_and_error_covers_in_many_samples(shift, kind):
    shift_of_mean, ratio, coverage = toy_summary(shift, kind, 3000, 150)
    assert abs(shift_of_mean) < 0.3
    assert 0.8 < ratio < 1.35
    assert 0.56 < coverage < 0.80


def test_error_is_nan_without_defined_replicas():
    seeds = range(20)
    errors = [
        separation_power([0, 1], [1.0, 2.0], n_replicas=2, random_state=seed).error
        for seed in seeds
    ]
    # A replica of two events has both classes with probability 0.40.
    assert 8 < np.count_nonzero(np.isnan(errors)) < 20
