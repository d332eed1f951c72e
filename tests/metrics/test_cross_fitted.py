"""The significance at cuts of other folds: brute force, and how little is optimism."""

from functools import partial

import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning, WeightsError
from skhep_dnn.metrics import (
    ams,
    asimov_significance,
    cross_fitted_significance,
    significance_scan,
    threshold_at_efficiency,
    threshold_at_maximum,
    threshold_top_fraction,
)


@pytest.fixture
def events():
    rng = np.random.default_rng(7)
    y = np.where(rng.random(900) < 0.4, "s", "b")
    score = rng.normal(size=900) + 1.5 * (y == "s")
    weight = np.where(y == "s", 0.05, 2.0) * rng.exponential(size=900)
    weight[np.flatnonzero(y == "b")[:10]] *= -1
    return y, score, weight, rng.integers(3, size=900)


def by_hand(y, score, weight, fold, choose, full, **options):
    """Cuts and sums of selected weights, each fold in turn."""
    sums = np.zeros(3)
    cuts = {}
    w = weight.copy()
    for label in ("s", "b"):
        w[y == label] *= full[label] / weight[y == label].sum()
    for k in np.unique(fold):
        own = fold == k
        others = w.copy()
        for label in ("s", "b"):
            part = ~own & (y == label)
            others[part] *= full[label] / w[part].sum()
        scan = significance_scan(y[~own], score[~own], others[~own], **options)
        cuts[k] = choose(scan).threshold
        selected = own & (score >= cuts[k])
        b = w[selected & (y == "b")]
        sums += [w[selected & (y == "s")].sum(), b.sum(), (b**2).sum()]
    return cuts, sums


CHOICES = {
    "maximum": partial(threshold_at_maximum, min_n_eff=25.0),
    "top_fraction": partial(threshold_top_fraction, min_n_eff=25.0),
}


@pytest.mark.parametrize("choose", CHOICES)
@pytest.mark.parametrize("known", [False, True])
def test_it_is_the_significance_of_the_sums_over_folds(events, choose, known):
    y, score, weight, fold = events
    full = {"s": weight[y == "s"].sum(), "b": weight[y == "b"].sum()}
    yields = {}
    if known:
        full = {"s": 40.0, "b": 3000.0}
        yields = {"signal_yield": 40.0, "background_yield": 3000.0}
    result = cross_fitted_significance(
        y, score, weight, fold=fold, choose=choose, kind="ams", **yields
    )
    cuts, (s, b, w2) = by_hand(
        y, score, weight, fold, CHOICES[choose], full, kind="ams"
    )
    assert result.thresholds == pytest.approx(cuts, rel=1e-12)
    found = [result.s, result.b, result.sum_w2_b, result.n_eff_b]
    assert found == pytest.approx([s, b, w2, b**2 / w2], rel=1e-12)
    assert result.value == pytest.approx(ams(s, b), rel=1e-12)


@pytest.mark.parametrize("choose", CHOICES)
def test_every_rule_that_ranks_asks_for_effective_events(events, choose):
    y, score, weight, fold = events
    options = {"fold": fold, "choose": choose, "kind": "ams"}
    result = cross_fitted_significance(y, score, weight, **options, min_n_eff=0)
    by_rule = cross_fitted_significance(
        y,
        score,
        weight,
        fold=fold,
        choose=partial(CHOICES[choose], min_n_eff=0),
        kind="ams",
    )
    assert result == by_rule
    assert (
        result.thresholds
        != cross_fitted_significance(y, score, weight, **options).thresholds
    )
    with pytest.warns(UndefinedSignificanceWarning, match="Loosen `min_n_eff`"):
        nothing = cross_fitted_significance(y, score, weight, **options, min_n_eff=1e6)
    assert np.isnan(nothing.value)


def test_uncertainties_count_in_the_choice_and_in_the_result(events):
    y, score, weight, fold = events
    options = {"sigma_b": 2.0, "rel_sigma_b": 0.1, "mc_stat": True}
    result = cross_fitted_significance(y, score, weight, fold=fold, **options)
    full = {"s": weight[y == "s"].sum(), "b": weight[y == "b"].sum()}
    cuts, (s, b, w2) = by_hand(
        y, score, weight, fold, CHOICES["maximum"], full, **options
    )
    assert result.thresholds == pytest.approx(cuts, rel=1e-12)
    expected = asimov_significance(s, b, sigma_b=2.0, rel_sigma_b=0.1, sum_w2_b=w2)
    assert result.value == pytest.approx(expected, rel=1e-12)


def test_any_choice_of_a_cut_and_any_names_of_folds(events):
    y, score, weight, fold = events
    choose = partial(threshold_at_efficiency, background=0.1)
    names = np.array(["a", "b", "c"])[fold]
    result = cross_fitted_significance(y, score, weight, fold=names, choose=choose)
    by_number = cross_fitted_significance(y, score, weight, fold=fold, choose=choose)
    assert result.value == by_number.value
    assert list(result.thresholds) == ["a", "b", "c"]
    assert list(result.thresholds.values()) == list(by_number.thresholds.values())
    share = result.b / weight[y == "b"].sum()
    assert share == pytest.approx(0.1, abs=0.03)


def test_the_label_of_the_signal_and_the_unit_of_the_weights(events):
    y, score, weight, fold = events
    yields = {"signal_yield": 40.0, "background_yield": 3000.0}
    options = {"fold": fold, "kind": "ams", **yields}
    result = cross_fitted_significance(y, score, weight, **options)
    scaled = cross_fitted_significance(y, score, 17.0 * weight, **options)
    assert scaled.value == pytest.approx(result.value, rel=1e-9)
    swapped = np.where(y == "s", "b", "s")
    other = cross_fitted_significance(swapped, score, weight, pos_label="b", **options)
    assert other == result


def toys(n_toys, separation, n_background, n_signal, **options):
    """Mean of cross-fitted, largest and new significances, and the first's error.

    The new ones are those of the cross-fitted cuts on independent events.
    """
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1], [n_background, n_signal])
    weight = np.where(y, 20.0 / n_signal, 400.0 / n_background)
    fitted, largest, new = [], [], []
    for _ in range(n_toys):
        score, fold = rng.normal(separation * y), rng.integers(5, size=len(y))
        result = cross_fitted_significance(y, score, weight, fold=fold, **options)
        fitted.append(result.value)
        scan = significance_scan(y, score, weight, **options)
        largest.append(threshold_at_maximum(scan).z)
        cuts = np.array(list(result.thresholds.values()))[fold]
        w = weight * (rng.normal(separation * y) >= cuts)
        s, b = w[y == 1].sum(), w[y == 0].sum()
        new.append(asimov_significance(s, b, **options))
    means = [float(np.mean(z)) for z in (fitted, largest, new)]
    return *means, np.std(fitted) / np.sqrt(n_toys)


def test_of_scores_that_say_nothing_each_cut_loses():
    """The best cut is none; the maximum over cuts always claims more."""
    whole = asimov_significance(20.0, 400.0)
    fitted, largest, _, error = toys(40, 0.0, 400, 400)
    assert largest > whole
    assert fitted < whole - 2.0 * error


def test_where_all_cuts_are_worth_the_same_little_optimism_is_left():
    """The worst case, in which the largest of many equal values is chosen."""
    whole = asimov_significance(20.0, 400.0, rel_sigma_b=0.5)
    fitted, largest, new, error = toys(120, 0.0, 400, 400, rel_sigma_b=0.5)
    assert largest > 1.14 * whole
    assert fitted < 1.04 * whole + 2.0 * error
    assert fitted - new < 0.35 * (largest - new)


def test_of_scores_that_separate_it_is_that_of_new_events():
    fitted, largest, new, error = toys(80, 1.5, 1000, 500)
    assert abs(fitted / new - 1.0) < 0.02 + 2.0 * error / new
    assert largest > 1.05 * new


def test_a_fold_without_an_admissible_cut_makes_it_undefined(events):
    y, score, weight, fold = events
    options = {"fold": fold, "min_n_eff": 1e6}
    with pytest.warns(UndefinedSignificanceWarning, match="Loosen `min_n_eff`"):
        result = cross_fitted_significance(y, score, weight, **options)
    assert np.isnan([result.value, result.s, result.b, result.n_eff_b]).all()
    assert np.isnan(list(result.thresholds.values())).all()


def test_a_selection_without_background_is_undefined_with_a_warning():
    y, score = np.array([0, 0, 1, 1] * 2), np.arange(8.0) % 4
    choose = partial(threshold_at_efficiency, signal=1.0)
    with pytest.warns(UndefinedSignificanceWarning, match=r"s = 4\.0 and b = 0\.0"):
        result = cross_fitted_significance(
            y, score, fold=np.repeat([0, 1], 4), choose=choose
        )
    assert (result.s, result.b, result.n_eff_b) == (4.0, 0.0, 0.0)
    assert np.isnan(result.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fold": [0, 1]}, r"`fold` must have one entry for each of the 900 .* \(2,\)"),
        ({"fold": np.zeros(900)}, r"`fold` must name two folds or more, got .* \[0\.0"),
        ({"choose": "best"}, r"`choose` must be 'maximum', .* got 'best'\. Choose"),
        ({"min_n_eff": -1.0}, r"`min_n_eff` must be at least 0, got -1\.0"),
        ({"kind": "z"}, r"`kind` must be one of"),
        ({"signal_yield": 0.0}, r"`signal_yield` must be above 0"),
    ],
)
def test_wrong_input_is_refused(events, change, message):
    y, score, weight, fold = events
    with pytest.raises(ValueError, match=message):
        cross_fitted_significance(y, score, weight, **{"fold": fold, **change})


def test_a_class_must_have_a_positive_sum_in_the_other_folds(events):
    y, score, _, fold = events
    weight = np.where((y == "s") & (fold > 0), -0.1, 1.0)
    with pytest.raises(WeightsError, match=r"for the signal"):
        cross_fitted_significance(y, score, weight, fold=fold)
