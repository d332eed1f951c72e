"""The scan against brute force, its exactness for any scores, its options, its rows."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import _scan as scan_module
from skhep_dnn.metrics import (
    ams,
    asimov_significance,
    s_over_sqrt_sb,
    significance_scan,
    weighted_roc_curve,
)

RNG = np.random.default_rng(3)
N = 400
ADVERSARIAL = {
    "normal": RNG.normal(size=N),
    "integers": RNG.integers(0, 7, N).astype(float),
    "all equal": np.full(N, 0.3),
    "equal in float32": 0.5 + 1e-12 * RNG.integers(0, 200, N),
    "sigmoids near 1": 1.0 / (1.0 + np.exp(-RNG.normal(30, 6, N))),
    "denormals": 5e-324 * RNG.integers(-50, 50, N),
    "huge exponents": RNG.choice([-1, 1], N) * 10.0 ** RNG.uniform(-300, 300, N),
    "infinities": RNG.choice([-np.inf, np.inf, 0.0, 1.0], N),
    "signed zeros": RNG.choice([0.0, -0.0, 1e-300, -1e-300], N),
}


def events(scores):
    rng = np.random.default_rng(len(scores))
    y = rng.random(len(scores)) < 0.4
    weights = rng.normal(0.5, 0.3, len(scores)) * np.where(y, 0.2, 1.0)
    return y, scores, weights


def brute_force(y, scores, weights, threshold):
    selected = scores >= threshold
    signal, background = weights[selected & y], weights[selected & ~y]
    return {
        "s": math.fsum(signal),
        "b": math.fsum(background),
        "s_error": math.sqrt(math.fsum(signal**2)),
        "b_error": math.sqrt(math.fsum(background**2)),
        "n_eff_s": effective(signal),
        "n_eff_b": effective(background),
        "signal_efficiency": math.fsum(signal) / math.fsum(weights[y]),
        "background_efficiency": math.fsum(background) / math.fsum(weights[~y]),
        "n_selected": selected.sum(),
    }


def effective(weights):
    return weights.sum() ** 2 / (weights**2).sum() if len(weights) else 0.0


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_threshold_equals_brute_force(name):
    y, scores, weights = events(ADVERSARIAL[name])
    scan = significance_scan(y, scores, weights, b_reg=1.0)
    np.testing.assert_array_equal(scan.threshold, np.unique(scores)[::-1])
    expected = pd.DataFrame(
        [brute_force(y, scores, weights, t) for t in scan.threshold]
    )
    for field in expected:
        np.testing.assert_allclose(
            getattr(scan, field), expected[field], rtol=1e-9, atol=1e-12, err_msg=field
        )
    defined = np.isfinite(scan.z)
    assert defined.any()
    z = asimov_significance(scan.s[defined], scan.b[defined], b_reg=1.0)
    np.testing.assert_allclose(scan.z[defined], z, rtol=1e-14)


@pytest.mark.parametrize("step", [0.0, 0.25])
def test_blocks_join_exactly(step, monkeypatch):
    monkeypatch.setattr(scan_module, "_BLOCK", 64)
    scores = RNG.normal(size=1000)
    if step:
        scores = step * np.round(scores / step)  # runs of ties across the blocks
    y, scores, weights = events(scores)
    scan = significance_scan(y, scores, weights)
    monkeypatch.undo()
    whole = significance_scan(y, scores, weights)
    pd.testing.assert_frame_equal(scan.to_frame(), whole.to_frame(), rtol=1e-12)
    assert scan.n_selected[-1] == 1000


def test_block_boundary_between_equal_scores():
    n = 2 * scan_module._BLOCK
    scan = significance_scan(np.arange(n) % 2, np.zeros(n))
    assert len(scan.threshold) == 1
    assert (scan.s[0], scan.b[0], scan.n_selected[0]) == (n / 2, n / 2, n)


def test_float32_keys_are_only_a_first_pass():
    scores = np.array([1.0 - 1e-12, 1.0 - 2e-12, 1.0 - 3e-12, 0.0])
    scan = significance_scan([1, 0, 1, 0], scores)
    np.testing.assert_array_equal(scan.s, [1, 1, 2, 2])
    np.testing.assert_array_equal(scan.b, [0, 1, 1, 2])


def test_agrees_with_the_roc_curve():
    y, scores, weights = events(RNG.normal(size=300))
    scan = significance_scan(y, scores, weights)
    background, signal, threshold = weighted_roc_curve(y, scores, weights)
    np.testing.assert_array_equal(threshold[1:], scan.threshold)
    np.testing.assert_allclose(signal[1:], scan.signal_efficiency, atol=1e-12)
    np.testing.assert_allclose(background[1:], scan.background_efficiency, atol=1e-12)


def test_order_of_events_does_not_matter():
    y, scores, weights = events(RNG.integers(0, 50, N).astype(float))
    shuffled = RNG.permutation(N)
    a = significance_scan(y, scores, weights)
    b = significance_scan(y[shuffled], scores[shuffled], weights[shuffled])
    pd.testing.assert_frame_equal(a.to_frame(), b.to_frame(), rtol=1e-9)


def test_weight_two_equals_the_event_twice_but_for_errors():
    y, scores = RNG.integers(0, 2, 50), RNG.normal(size=50)
    k = RNG.integers(1, 4, 50)
    weighted = significance_scan(y, scores, k.astype(float))
    copies = significance_scan(np.repeat(y, k), np.repeat(scores, k))
    np.testing.assert_array_equal(weighted.s, copies.s)
    np.testing.assert_array_equal(weighted.z, copies.z)
    assert weighted.s_error[-1] > copies.s_error[-1]


def test_events_of_weight_zero_are_absent():
    y, scores, weights = events(ADVERSARIAL["normal"].copy())
    absent = np.arange(N) % 5 == 0
    scores[:5] = 9.0  # one of these alone is absent
    weights[absent] = 0.0
    scan = significance_scan(y, scores, weights)
    expected = significance_scan(y[~absent], scores[~absent], weights[~absent])
    pd.testing.assert_frame_equal(scan.to_frame(), expected.to_frame())
    with pytest.raises(WeightsError, match="sum to more than 0"):
        significance_scan(y, scores, np.where(y, weights, 0.0))


def test_kinds_and_uncertainties():
    y, scores, weights = events(RNG.normal(size=N))
    weights = np.abs(weights)
    scan = significance_scan(y, scores, weights)
    positive = scan.b > 0
    s, b, sum_w2 = scan.s[positive], scan.b[positive], scan.sum_w2_b[positive]

    def z(**options):
        return significance_scan(y, scores, weights, **options).z[positive]

    for actual, expected in (
        (z(kind="ams"), ams(s, b)),
        (z(kind="ams", b_reg=2.0), ams(s, b, b_reg=2.0)),
        (z(kind="s_over_sqrt_sb"), s_over_sqrt_sb(s, b)),
        (z(rel_sigma_b=0.2), asimov_significance(s, b, rel_sigma_b=0.2)),
        (z(sigma_b=3.0), asimov_significance(s, b, sigma_b=3.0)),
        (z(mc_stat=True), asimov_significance(s, b, sum_w2_b=sum_w2)),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-14)
    assert z(mc_stat=True)[-1] < z()[-1]


def test_yields_are_rescaled_per_class():
    y, scores, weights = events(RNG.normal(size=N))
    plain = significance_scan(y, scores, weights)
    full = significance_scan(
        y, scores, weights, signal_yield=692.0, background_yield=411_000.0
    )
    assert full.s[-1] == pytest.approx(692.0)
    assert full.b[-1] == pytest.approx(411_000.0)
    np.testing.assert_allclose(full.signal_efficiency, plain.signal_efficiency, 1e-12)
    np.testing.assert_allclose(full.n_eff_b, plain.n_eff_b, rtol=1e-9)
    relative = plain.b_error[-1] / plain.b[-1]
    assert full.b_error[-1] / full.b[-1] == pytest.approx(relative)


@pytest.mark.parametrize("background_yield", [None, 50.0])
def test_a_class_that_cancels_but_for_rounding_has_no_yield(background_yield):
    weights = [1.0, 0.1, 0.2, -0.3]
    with pytest.raises(WeightsError, match=r"got 0\.0 for the background"):
        significance_scan(
            [1, 0, 0, 0], np.arange(4.0), weights, background_yield=background_yield
        )


def test_subset_rescaled_has_the_significance_of_the_whole():
    y, scores = np.tile([0, 1, 0, 0], 100), np.tile([0.1, 0.8, 0.6, 0.3], 100)
    whole = significance_scan(y, scores)
    subset = significance_scan(
        y[:40], scores[:40], signal_yield=100, background_yield=300
    )
    np.testing.assert_allclose(subset.z, whole.z, rtol=1e-12)


@pytest.mark.parametrize("labels", [("b", "s"), (0, 1), (False, True), (-1.0, 1.0)])
def test_any_labels(labels):
    y = np.array(labels)[[0, 0, 1, 1]]
    scan = significance_scan(y, [0.1, 0.6, 0.4, 0.9])
    np.testing.assert_array_equal(scan.s, [1, 1, 2, 2])
    other = significance_scan(y, [0.1, 0.6, 0.4, 0.9], pos_label=labels[0])
    np.testing.assert_array_equal(other.s, scan.b)


def test_at_equals_brute_force_for_any_threshold():
    y, scores, weights = events(np.round(RNG.normal(size=N), 1))
    scan = significance_scan(y, scores, weights)
    for threshold in [*np.unique(scores), *RNG.uniform(-3, 3, 50), -np.inf]:
        point = scan.at(threshold)
        expected = brute_force(y, scores, weights, threshold)
        assert point.threshold == threshold
        for field, value in expected.items():
            assert getattr(point, field) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_undefined_points_are_masked_without_a_warning():
    scan = significance_scan(
        [1, 0, 0, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5], [1.0, -1.0, 3.0, 1.0, 1.0]
    )
    np.testing.assert_array_equal(np.isnan(scan.z), [True, True, False, False, False])


def test_background_that_cancels_but_for_rounding_counts_as_none():
    weights = np.array([1.0, 0.1, 0.2, -0.3, 5.0])
    assert 0.1 + 0.2 - 0.3 != 0.0
    scan = significance_scan([1, 0, 0, 0, 0], np.arange(5.0)[::-1], weights)
    assert scan.b[3] == 0.0
    np.testing.assert_array_equal(np.isnan(scan.z), [True, False, False, True, False])


def test_nothing_passed_in_is_changed():
    y, scores, weights = events(RNG.normal(size=N))
    before = y.copy(), scores.copy(), weights.copy()
    significance_scan(y, scores, weights, signal_yield=5.0)
    for now, then in zip((y, scores, weights), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_impossible_arguments_raise():
    y, scores = [0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(WeightsError, match=r"got -1\.0 for the background. Use"):
        significance_scan(y, scores, [1.0, -2.0, 1.0, 1.0])
    with pytest.raises(WeightsError, match=r"got 0\.0 for the signal"):
        significance_scan(y, scores, [1.0, 1.0, 1.0, -1.0])
    with pytest.raises(ValueError, match="`background_yield` must be above 0 and fin"):
        significance_scan(y, scores, background_yield=0.0)
    with pytest.raises(ValueError, match=r"`signal_yield` must be above 0 .* got nan"):
        significance_scan(y, scores, signal_yield=np.nan)
    with pytest.raises(ValueError, match="`sigma_b` must not be negative"):
        significance_scan(y, scores, sigma_b=-1.0)
    with pytest.raises(ValueError, match="`y_score` must not contain nan"):
        significance_scan(y, [0.1, np.nan, 0.3, 0.4])
    with pytest.raises(WeightsError, match="`sample_weight` must be one-dimensional"):
        significance_scan(y, scores, [1.0])


# The table: its rows, its columns, and what lies between two scores.


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


def test_a_scan_and_a_point_are_printed_in_a_few_rounded_lines():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 5000)
    weight = np.where(y, 0.0123456789, 1.0)
    scan = significance_scan(y, rng.normal(2.0 * y), weight, kind="ams", sigma_b=3.0)
    lines = str(scan).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) < 130
    assert lines[0].endswith("significance ams, b_reg=10, sigma_b=3")
    assert lines[1] == "all 10000 events: signal 61.73 ± 0.87, background 5000 ± 71"
    best = scan.at(scan.threshold[np.argmax(np.where(scan.n_eff_b >= 25, scan.z, 0))])
    assert lines[2].startswith(f"largest significance {best.z:.3f} at ")
    assert lines[2].endswith("not to quote")
    lines = str(best).splitlines()
    assert len(lines) == 3
    assert lines[0].endswith(f"{best.n_selected} events, significance {best.z:.3f}")
    assert f"efficiency {best.background_efficiency:.3g}" in lines[2]
    assert "undefined" not in str(scan.at(np.inf))
