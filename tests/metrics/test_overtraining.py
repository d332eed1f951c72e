"""Gaps with errors, and a permutation test of score and weight pairs."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ks_2samp, kstest

from skhep_dnn.exceptions import (
    AssumedSignalWarning,
    DifferentWeightsWarning,
    WeightsError,
)
from skhep_dnn.metrics import (
    SignificanceAt,
    balanced_log_loss,
    bootstrap,
    overtraining_test,
    weighted_roc_auc,
)
from skhep_dnn.metrics._two_samples import two_sample_test, weight_scale

FEW = {"n_permutations": 99, "n_replicas": 20, "random_state": 0}


def events(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.4, "s", "b")
    score = rng.normal(size=n) + (1.0 + shift) * (y == "s")
    return y, score, rng.exponential(size=n) * rng.choice([1.0, -1.0], n, p=[0.9, 0.1])


def brute_force(train, test):
    """Return both distances from their definitions, value by value."""
    values = np.unique(np.concatenate([train[0], test[0]]))

    def share(sample, value):
        return sample[1][sample[0] <= value].sum() / sample[1].sum()

    scale, _ = weight_scale(train[1], test[1])
    sizes = [
        scale * np.abs(train[1][train[0] == v]).sum()
        + np.abs(test[1][test[0] == v]).sum()
        for v in values
    ]
    difference = np.array([share(train, v) - share(test, v) for v in values])
    mean_square = np.average(difference**2, weights=sizes)
    return np.sqrt(mean_square), np.abs(difference).max()


def test_distances_with_ties_and_negative_weights_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    train = rng.integers(0, 6, 30).astype(float), rng.normal(1.0, 1.0, 30)
    test = rng.integers(0, 6, 20).astype(float), rng.normal(1.0, 1.0, 20)
    result = two_sample_test(train, test, 9, np.random.default_rng(0))
    expected = brute_force(train, test)
    assert (result.distance, result.ks_distance) == pytest.approx(expected)


def test_the_distance_of_equal_weights_is_that_of_scipy():
    rng = np.random.default_rng(2)
    train, test = rng.normal(size=400), rng.normal(0.2, 1.0, size=300)
    result = two_sample_test(
        (train, np.full(400, 3.0)), (test, np.full(300, 0.5)), 1999, rng
    )
    reference = ks_2samp(train, test)
    assert result.ks_distance == pytest.approx(reference.statistic)
    assert result.ks_p_value == pytest.approx(reference.pvalue, abs=0.02)
    assert result.ks_p_value_naive == pytest.approx(reference.pvalue, abs=0.02)
    assert (result.n_eff_train, result.n_eff_test) == pytest.approx((400.0, 300.0))


def test_all_deals_of_few_events_give_the_exact_p_value():
    # Of the 20 deals of six values to three and three, two are as far apart as this.
    train, test = np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0, 5.0])
    result = two_sample_test(
        (train, np.ones(3)), (test, np.ones(3)), 20_000, np.random.default_rng(0)
    )
    assert result.p_value == pytest.approx(0.1, abs=0.01)
    assert result.ks_p_value == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("kind", ["equal", "heavy-tailed", "negative", "scaled"])
def test_p_values_of_a_fixed_function_are_uniform(kind):
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(250):
        sizes = 60, 40
        values = [rng.normal(size=n) for n in sizes]
        weights = [np.ones(n) for n in sizes]
        if kind == "heavy-tailed":
            weights = [rng.lognormal(sigma=1.2, size=n) for n in sizes]
        if kind == "negative":
            weights = [rng.choice([1.0, -0.5], n, p=[0.8, 0.2]) for n in sizes]
        if kind == "scaled":
            weights = [rng.exponential(size=n) / n for n in sizes]
        samples = zip(values, weights, strict=True)
        p_values.append(two_sample_test(*samples, 99, rng).p_value)
    # Whole hundredths, spread over the hundredth below.
    spread = np.array(p_values) - rng.random(250) / 100
    assert kstest(spread, "uniform").pvalue > 0.01


def test_gaps_are_those_of_both_samples_at_the_yields_of_the_test():
    (y, score, w), (y_test, score_test, w_test) = events(600, 0, 0.5), events(500, 1)
    cut = SignificanceAt(0.5)
    result = overtraining_test(
        y, score, y_test, score_test, 7.0 * w, w_test, metrics=["roc_auc", cut], **FEW
    )
    auc, at_cut = result.gaps.values()
    assert auc.train.value == pytest.approx(weighted_roc_auc(y, score, w))
    assert auc.test.value == weighted_roc_auc(y_test, score_test, w_test)
    assert auc.error == np.hypot(auc.train.error, auc.test.error)
    assert auc.n_errors == pytest.approx(auc.gap / auc.error)
    assert at_cut.test.value == cut(y_test, score_test, w_test)
    scaled = w.copy()
    for label in "bs":
        scaled[y == label] *= w_test[y_test == label].sum() / w[y == label].sum()
    assert at_cut.train.value == pytest.approx(cut(y, score, scaled))


def test_the_sign_of_a_loss_is_turned():
    y, score, w = events(800, 0, shift=1.5)
    y_test, score_test, w_test = events(800, 1)
    result = overtraining_test(
        y, expit(2 * score), y_test, expit(2 * score_test), w, w_test, **FEW
    )
    assert list(result.gaps) == ["roc_auc", "balanced_log_loss"]
    loss = result.gaps["balanced_log_loss"]
    assert loss.gap < 0.0 < loss.n_errors
    assert loss.train.value == pytest.approx(balanced_log_loss(y, expit(2 * score), w))
    assert result.is_worse
    assert loss.p_value < 0.01
    better = overtraining_test(
        y_test, expit(score_test), y, expit(score), w_test, w, **FEW
    )
    assert not better.is_worse
    assert "not significantly worse (better by" in str(better)


def test_worse_is_not_different():
    # All scores of the test sample are stretched: no figure of ranking is worse.
    (y, score, _), (y_test, score_test, _) = events(1000, 0), events(1000, 1)
    more = FEW | {"n_permutations": 199}
    result = overtraining_test(y, score, y_test, 1.5 * score_test, **more)
    assert result.is_different
    assert not result.is_worse


def test_frames_and_text():
    (y, score, w), (y_test, score_test, w_test) = events(400, 0), events(400, 1)
    result = overtraining_test(y, score, y_test, score_test, w, w_test, **FEW)
    frame = result.to_frame()
    assert frame.columns.tolist() == [
        *("train", "train_error", "test", "test_error"),
        *("gap", "gap_error", "p_value", "worse"),
    ]
    assert frame.loc["roc_auc", "gap"] == result.gaps["roc_auc"].gap
    samples = result.samples_to_frame()
    assert samples.index.tolist() == ["background", "signal"]
    assert samples.loc["signal", "p_value"] == result.samples["signal"].p_value
    lines = str(result).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) < 130
    assert lines[0].startswith("roc_auc: train 0.")
    assert "always differs on its training events" in lines[1]
    assert lines[3].startswith("  signal (s): p = ")


def test_scale_order_weight_zero_and_seed():
    (y, score, w), (y_test, score_test, w_test) = events(300, 0), events(250, 1)

    def result(y, score, w, w_test=w_test):
        found = overtraining_test(y, score, y_test, score_test, w, w_test, **FEW)
        return found.to_frame().iloc[0, [0, 2]], found.samples_to_frame()

    values, samples = result(y, score, w)
    again = result(y, score, w)
    assert values.equals(again[0])
    assert samples.equals(again[1])
    other = result(y, score, 4.0 * w, 2.0 * w_test)
    np.testing.assert_allclose(values.astype(float), other[0].astype(float))
    np.testing.assert_allclose(samples, other[1])
    with_zero = result(np.append(y, "s"), np.append(score, 9.0), np.append(w, 0.0))
    np.testing.assert_allclose(values.astype(float), with_zero[0].astype(float))
    np.testing.assert_allclose(samples, with_zero[1])


def test_several_classes_with_a_signal():
    rng = np.random.default_rng(0)
    samples = []
    for n in (500, 400):
        y = rng.choice(["H", "W", "Z"], n)
        logit = rng.normal(size=(n, 3)) + 1.5 * (y[:, np.newaxis] == ["H", "W", "Z"])
        samples.append((y, np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)))
    result = overtraining_test(*samples[0], *samples[1], pos_label="H", **FEW)
    reference = bootstrap(
        "balanced_log_loss", *samples[1], pos_label="H", n_replicas=2
    ).value
    assert result.gaps["balanced_log_loss"].test.value == reference
    assert result.class_names["signal"] == "signal (H)"


def test_errors():
    y, score, w = events(200, 0)
    twice = (y, score, y, score)
    with pytest.raises(
        ValueError, match="`sample_weight_test` must be given, as the o"
    ):
        overtraining_test(*twice, w)
    with pytest.raises(ValueError, match="`sample_weight_train` must be given"):
        overtraining_test(*twice, None, w)
    with pytest.raises(ValueError, match="`n_permutations` must be at least 2, got 1"):
        overtraining_test(*twice, n_permutations=1)
    with pytest.raises(ValueError, match="`n_replicas` must be at least 2, got 0"):
        overtraining_test(*twice, n_replicas=0)
    with pytest.raises(ValueError, match="got 'accuracy', which is one of predicted"):
        overtraining_test(*twice, metrics=["accuracy"])
    with pytest.raises(ValueError, match="one figure of merit or more, got none"):
        overtraining_test(*twice, metrics=[])
    with pytest.raises(ValueError, match=r"same classes, got \['a', 's'\] and \['b'"):
        overtraining_test(np.where(y == "s", "s", "a"), score, y, score, pos_label="s")
    with pytest.raises(WeightsError, match="for the signal of train"):
        overtraining_test(*twice, np.where(y == "s", -w.clip(0.1), w.clip(0.1)), w)
    named = np.where(y == "s", "ttbar", "Higgs")
    with pytest.warns(AssumedSignalWarning, match="'ttbar', the larger one"):
        overtraining_test(named, score, named, score, **FEW)


def test_weights_that_were_selected_in_one_sample_are_told():
    (y, score, w), (y_test, score_test, w_test) = events(600, 0), events(500, 1)
    heavy = w_test > 0.3
    with pytest.warns(DifferentWeightsWarning) as told:
        overtraining_test(
            *(y, score, y_test[heavy], score_test[heavy], w, w_test[heavy]), **FEW
        )
    for name, warning in zip(("background", "signal"), told, strict=True):
        assert f"weights of the {name} must have the same" in str(warning.message)
    # another scale of a class, with its rounding, is no other distribution
    scale = np.where(y_test == y_test[0], 1 / 3, 0.7)
    overtraining_test(y, score, y_test, score_test, w, scale * w_test, **FEW)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_a_median_between_two_values_does_not_set_the_scale(scale):
    train, test = np.repeat([1.0, 5.0], [52, 48]), np.repeat([1.0, 5.0], [48, 52])
    assert weight_scale(train, scale * test) == pytest.approx((scale, 1.0), abs=1e-5)
