"""Refined weights: positive, of the signed density, of training events alone."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from sklearn.base import clone
from sklearn.model_selection import PredefinedSplit

from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.exceptions import CancellingWeightsWarning, WeightsError
from skhep_dnn.metrics import weighted_roc_auc
from skhep_dnn.neural_network import (
    FeatureSplit,
    FocalLoss,
    Snapshots,
    TrainingSettings,
    fit_together,
    fit_with_offset,
    refined_weights,
)
from skhep_dnn.neural_network._preparation import refinement
from skhep_dnn.neural_network._preparation.refinement import (
    LEAST_EVENTS,
    calibrated,
    halves,
    sign_logits,
    sign_settings,
)
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.weights import effective_sample_size, training_weights
from tests.ensemble.test_boosted_dnn import Recorder

# Samples are small here, and signed weights are kept in comparisons.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)


def signed_events(n=600, seed=0, largest=0.35):
    """Events of two Gaussian classes; signs of the background depend on a column.

    Returns the events, labels, signed weights and those that they have on average.
    """
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.4, "s", "b")
    X = rng.normal(size=(n, 3)) + 1.0 * (y == "s")[:, np.newaxis]
    share = np.where(y == "b", largest / (1.0 + np.exp(-3.0 * X[:, 0])), 0.0)
    truth = rng.uniform(0.5, 1.5, size=n) * np.where(y == "b", 2.0, 0.1)
    sign = np.where(rng.random(n) < share, -1.0, 1.0)
    return X.astype(np.float32), y, sign * truth / (1.0 - 2.0 * share), truth


X, Y, W, TRUTH = signed_events()
N = len(Y)
BACKGROUND = np.flatnonzero(Y == "b")
SETTINGS = sign_settings(TrainingSettings(n_numeric=3))


def weights_of(model, X, y, w, **others):
    """Return rows and training weights of each member, without any training."""
    return [
        (member.rows, member.weights)
        for member in model._prepare(X, y, w, **others).members
    ]


def same(one, other):
    """Return whether the members have the same rows and weights, to the bit."""
    return all(
        np.array_equal(a, b)
        for pair in zip(one, other, strict=True)
        for a, b in zip(*pair, strict=True)
    )


# ---- the weights


def test_sums_of_classes_are_the_signed_ones_and_no_weight_is_negative():
    weights = refined_weights(X, Y, W, random_state=0)
    assert (weights >= 0.0).all()
    assert weights[BACKGROUND].sum() == pytest.approx(W[BACKGROUND].sum(), rel=1e-12)
    np.testing.assert_array_equal(weights[Y == "s"], W[Y == "s"])  # none is negative


def test_weights_without_a_negative_one_are_unchanged_and_copied():
    weights = refined_weights(X, Y, TRUTH)
    np.testing.assert_array_equal(weights, TRUTH)
    assert weights is not TRUTH


def test_an_event_has_the_magnitude_of_its_weight_times_a_smooth_function():
    # Two copies of an event, of opposite sign and double magnitude in one half, differ
    # by the factor two alone.
    copies = np.concatenate([X[BACKGROUND], X[BACKGROUND]])
    w = np.concatenate([W[BACKGROUND], -2.0 * W[BACKGROUND]])
    w += 4.0 * np.abs(w) * (w > 0.0)  # the sum is positive
    groups = np.tile(np.arange(len(BACKGROUND)), 2)
    y = np.repeat("b", len(w))
    weights = refined_weights(copies, y, w, groups=groups, random_state=0)
    one, other = np.split(weights / np.abs(w), 2)
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_events_of_weight_zero_are_absent():
    zeros = np.arange(N) % 7 == 0
    w = np.where(zeros, 0.0, W)
    weights = refined_weights(X, Y, w, random_state=3)
    assert not weights[zeros].any()
    np.testing.assert_array_equal(
        weights[~zeros],
        refined_weights(X[~zeros], Y[~zeros], W[~zeros], random_state=3),
    )
    only = np.where(Y == "s", 0.0, W)  # of one class all
    assert not refined_weights(X, Y, only, random_state=3)[Y == "s"].any()


@pytest.mark.parametrize("scale", [2.0**-40, 3.0, 1e9])
def test_the_unit_of_the_weights_does_not_matter(scale):
    expected = refined_weights(X, Y, W, random_state=0)
    got = refined_weights(X, Y, scale * W, random_state=0) / scale
    np.testing.assert_allclose(got, expected, rtol=1e-3)


def test_the_same_seed_gives_the_same_bits_for_any_number_of_processes():
    expected = refined_weights(X, Y, W, random_state=0)
    for n_jobs in (None, 2):  # the second one starts processes
        got = refined_weights(X, Y, W, random_state=0, n_jobs=n_jobs)
        np.testing.assert_array_equal(got, expected)
    assert (refined_weights(X, Y, W, random_state=1) != expected).any()


def test_nothing_that_is_passed_is_changed():
    copies = X.copy(), Y.copy(), W.copy()
    refined_weights(X, Y, W, random_state=0)
    for array, copy in zip((X, Y, W), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_tables_categories_and_undefined_values():
    frame = pd.DataFrame(X, columns=[*"abc"]).astype(float)
    frame["channel"] = np.array(["mu", "e", "tau"])[np.arange(N) % 3]
    frame.loc[::5, "b"] = -999.0
    options = {"missing_values": -999.0, "random_state": 0}
    weights = refined_weights(frame, Y, W, categorical_features=["channel"], **options)
    undefined = frame.replace(-999.0, np.nan)
    undefined["channel"] = undefined["channel"].astype("category")
    again = refined_weights(
        undefined, Y, W, categorical_features="from_dtype", random_state=0
    )
    np.testing.assert_array_equal(weights, again)
    with pytest.raises(ValueError, match=r"`X` must hold numbers.*'channel'"):
        refined_weights(frame, Y, W, **options)


def test_weights_that_cannot_be_refined_are_an_error():
    with pytest.raises(WeightsError, match="must be signed event weights, got None"):
        refined_weights(X, Y, None)
    with pytest.raises(WeightsError, match="more than zero in every class, got -"):
        refined_weights(X, Y, np.where(Y == "b", -W, W))
    zero = np.where(Y == "b", np.where(np.arange(N) % 2, 1.0, -1.0), W)
    zero[BACKGROUND] -= zero[BACKGROUND].mean()
    with pytest.raises(WeightsError, match="more than zero in every class"):
        refined_weights(X, Y, zero)


# ---- few events


def mean_sign(w):
    return np.abs(w) * (w.sum() / np.abs(w).sum())


@pytest.mark.parametrize("n_negative", [1, 3, 2 * LEAST_EVENTS - 1])
def test_with_few_negative_events_all_get_the_mean_sign(n_negative):
    w = np.abs(W)
    w[BACKGROUND[:n_negative]] *= -1.0
    weights = refined_weights(X, Y, w, random_state=0)
    np.testing.assert_allclose(weights[BACKGROUND], mean_sign(w[BACKGROUND]))


def test_a_class_of_one_group_gets_the_mean_sign():
    weights = refined_weights(X, Y, W, groups=np.zeros(N, dtype=int), random_state=0)
    np.testing.assert_allclose(weights[BACKGROUND], mean_sign(W[BACKGROUND]))


def test_a_class_without_a_positive_mean_sign_anywhere_gets_that_of_all(monkeypatch):
    monkeypatch.setattr(refinement, "calibrated", lambda logits, _: -abs(logits))
    weights = refined_weights(X, Y, W, random_state=0)[BACKGROUND]
    np.testing.assert_allclose(weights, mean_sign(W[BACKGROUND]))


# ---- honesty


@pytest.mark.parametrize("n", [50, 51])
def test_halves_have_the_same_share_of_signs(n):
    negative = np.random.default_rng(0).random(n) < 0.3
    half = halves(negative, None, np.random.RandomState(0))
    for sign in (True, False):
        counts = np.bincount(half[negative == sign], minlength=2)
        assert abs(counts[0] - counts[1]) <= 2
    assert (half != halves(negative, None, np.random.RandomState(1))).any()


def test_groups_are_whole_in_the_halves():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, size=300)
    half = halves(rng.random(300) < 0.3, groups, np.random.RandomState(0))
    for group in np.unique(groups):
        assert len(np.unique(half[groups == group])) == 1
    assert 100 < half.sum() < 200


def test_signs_have_no_effect_in_their_own_half():
    w = W[BACKGROUND]
    splits = [halves(w < 0.0, None, np.random.RandomState(i)) for i in range(2)]
    half = splits[0]
    swapped = w.copy()  # of two events in half 0, so that the mean sign stays
    is_own = half == 0
    first = np.flatnonzero(is_own & (w > 0.0))[0]
    second = np.flatnonzero(is_own & (w < 0.0))[0]
    swapped[first], swapped[second] = -abs(w[first]), abs(w[second])
    magnitude = np.full(len(w), 0.5)
    before, after = (
        sign_logits(
            X,
            BACKGROUND,
            np.copysign(magnitude, signed),
            splits,
            SETTINGS,
            seeds=[range(4), range(4, 8)],
        )[0]
        for signed in (w, swapped)
    )
    np.testing.assert_array_equal(before[half == 0], after[half == 0])
    assert (before[half == 1] != after[half == 1]).all()


def test_weights_do_not_know_the_signs_of_their_events():
    # Of flat signs in many columns a network that had seen them would learn some.
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(600, 30))
    slopes = []
    for seed in range(4):
        w = np.where(np.random.default_rng(seed).random(600) < 0.3, -1.0, 1.0)
        weights = refined_weights(columns, np.repeat("b", 600), w, random_state=seed)
        slopes.append(weights[w > 0.0].mean() - weights[w < 0.0].mean())
    assert abs(np.mean(slopes)) < 0.03


# ---- truth


def test_sums_of_refined_weights_agree_with_the_truth_in_bins():
    events, y, w, truth = signed_events(8000, seed=5)
    own = y == "b"
    weights = refined_weights(events, y, w, random_state=0)[own]
    w, truth = w[own], truth[own]

    def distance(values, variances, bins):
        """Chi-square of the sums in ten bins, scaled to the same total."""
        got, expected = (np.bincount(bins, v) for v in (values, truth))
        got *= expected.sum() / got.sum()
        return ((got - expected) ** 2 / np.bincount(bins, variances)).sum()

    for column in range(3):
        edges = np.quantile(events[own, column], np.linspace(0.1, 0.9, 9))
        bins = np.digitize(events[own, column], edges)
        # With the errors of the sums of the signed sample.
        assert chi2.sf(distance(weights, w**2, bins), 9) > 0.01
        # With the errors of the signs alone: much nearer than `|w|`.
        of_signs = w**2 - truth**2
        before = distance(np.abs(w), of_signs, bins)
        after = distance(weights, of_signs, bins)
        assert after < (0.1 * before if column == 0 else 21.7)


def test_flat_signs_leave_the_shape_as_it_is():
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(2000, 20))
    w = np.where(rng.random(2000) < 0.2, -1.0, 1.0)
    weights = refined_weights(columns, np.repeat("b", 2000), w, random_state=0)
    assert weights.std() < 0.1 * weights.mean()


def test_the_line_through_logits_is_the_known_one():
    rng = np.random.default_rng(0)
    z = rng.normal(size=40_000)
    positive = rng.random(40_000) < 1.0 / (1.0 + np.exp(-(1.0 + 0.5 * z)))
    w = np.where(positive, 1.0, -1.0) * 3.0
    for factor in (0.2, 4.0, -1.0):
        line = calibrated(factor * z + 2.0, w)
        slope, at_zero = np.polyfit(z, line, 1)
        if factor > 0.0:
            np.testing.assert_allclose([slope, at_zero], [0.5, 1.0], atol=0.06)
        else:  # the wrong way round: nothing can be learnt
            np.testing.assert_allclose(slope, 0.0, atol=1e-9)
    perfect = calibrated(np.where(positive, 1.0, -1.0), w)
    assert np.isfinite(perfect).all()


def test_the_mean_sign_is_the_known_one():
    events, y, w, truth = signed_events(8000, seed=6)
    own = y == "b"
    weights = refined_weights(events, y, w, random_state=0)[own]
    sign, known = weights / np.abs(w[own]), truth[own] / np.abs(w[own])
    flat = np.full(len(known), w[own].sum() / np.abs(w[own]).sum())
    error, before = (np.sqrt(np.mean((r - known) ** 2)) for r in (sign, flat))
    assert error < 0.08
    assert error < 0.4 * before


def test_a_classifier_comes_nearer_to_the_truth_than_with_kept_weights():
    train, test = signed_events(1500, seed=7), signed_events(6000, seed=8)
    auc = {}
    for name, policy, w in (
        ("truth", "keep", train[3]),
        ("keep", "keep", train[2]),
        ("refine", "refine", train[2]),
    ):
        model = WeightedDNNClassifier(
            n_members=2,
            n_layers=2,
            width=32,
            negative_weights=policy,
            random_state=0,
        ).fit(train[0], train[1], w)
        score = model.decision_function(test[0])
        auc[name] = weighted_roc_auc(test[1], score, test[3])
    assert auc["refine"] > auc["keep"]
    assert auc["refine"] > auc["truth"] - 0.01


# ---- members


OPTIONS = {
    "plain": {},
    "folds": {"n_members": 3, "cv": 3},
    "validation in folds": {"n_members": 3, "cv": 3, "validate_on_fold": True},
    "held out": {"n_members": 2, "validation_fraction": 0.3},
    "folds and held out": {"n_members": 2, "cv": 2, "validation_fraction": 0.3},
    "cap and signal": {"max_weight": 1.5, "signal_weight": 3.0, "class_weight": None},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_without_negative_weights_the_bits_are_those_of_keep(make_model, name):
    for w in (TRUTH, None):
        kept, refined = (
            make_model(**OPTIONS[name], negative_weights=policy).fit(X, Y, w)
            for policy in ("keep", "refine")
        )
        np.testing.assert_array_equal(
            kept.decision_function(X), refined.decision_function(X)
        )
        pd.testing.assert_frame_equal(kept.history_, refined.history_)
        pd.testing.assert_frame_equal(kept.weight_report_, refined.weight_report_)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_no_sign_outside_of_the_training_events_has_an_effect(make_model, name):
    model = make_model(**OPTIONS[name], negative_weights="refine")
    members = weights_of(model, X, Y, W)
    for k, (rows, weights) in enumerate(members):
        outside = np.ones(N, dtype=bool)
        outside[rows] = False
        w = W.copy()
        # Other signs and magnitudes; the sums stay positive.
        flipped = np.flatnonzero(outside)[::5]
        w[flipped] *= -0.5
        w[outside] *= 1.25
        got_rows, got = weights_of(clone(model), X, Y, w)[k]
        np.testing.assert_array_equal(got_rows, rows)
        np.testing.assert_array_equal(got, weights)
    assert (np.concatenate([weights for _, weights in members]) >= 0.0).all()


def test_a_fit_knows_no_sign_of_its_fold(make_model):
    fold = np.arange(N) % 3
    options = {"cv": PredefinedSplit(fold), "n_members": 3}
    model = make_model(**options, negative_weights="refine").fit(X, Y, W)
    w = np.where(fold == 1, -0.1 * W, W)
    w[np.flatnonzero(fold == 1)[::2]] *= -10.0
    other = make_model(**options, negative_weights="refine").fit(X, Y, w)
    for value, got in zip(
        model.net_.module_.state_dict().values(),
        other.net_.module_.state_dict().values(),
        strict=True,
    ):
        np.testing.assert_array_equal(value[1], got[1])


def test_an_explicit_validation_sample_does_not_enter_and_stays_signed(make_model):
    others = signed_events(200, seed=9)
    model = make_model(negative_weights="refine")
    prepared = [
        model._prepare(X, Y, W, others[0], others[1], w) for w in (others[2], others[3])
    ]
    signed, positive = (one.members[0] for one in prepared)
    np.testing.assert_array_equal(signed.weights, positive.weights)
    assert (signed.validation_weights < 0.0).sum() == (others[2] < 0.0).sum()


def test_members_with_the_same_events_share_one_refinement(make_model, monkeypatch):
    calls = []

    def counted(*args, **options):
        calls.append(args[1])
        return sign_logits(*args, **options)

    monkeypatch.setattr(refinement, "sign_logits", counted)
    model = make_model(negative_weights="refine", n_members=4)
    members = weights_of(model, X, Y, W)
    assert len(calls) == 1
    assert all(weights is members[0][1] for _, weights in members)
    model.set_params(cv=2)  # members 0 and 2 leave out the same fold, as do 1 and 3
    members = weights_of(model, X, Y, W)
    assert len(calls) == 1 + 2
    assert members[2][1] is members[0][1] is not members[1][1]


@pytest.mark.parametrize(
    "options", [{}, {"cv": 3}, {"validation_fraction": 0.3}, {"cv": 2, "n_jobs": 2}]
)
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_a_larger_ensemble_contains_the_smaller_one(make_model, options):
    one, many = (
        weights_of(
            make_model(negative_weights="refine", n_members=n, **options), X, Y, W
        )
        for n in (1, 4)
    )
    assert same(one, many[:1])


def test_other_policies_draw_the_same_random_numbers_as_refine(make_model):
    models = [
        make_model(negative_weights=policy, cv=3, n_members=3, validation_fraction=0.2)
        for policy in ("keep", "refine")
    ]
    kept, refined = (model._prepare(X, Y, W) for model in models)
    for one, other in zip(kept.members, refined.members, strict=True):
        assert one.network_seed == other.network_seed
        assert one.order_seed == other.order_seed
        np.testing.assert_array_equal(one.rows, other.rows)


def test_a_clipped_event_keeps_its_place_and_is_reported(make_model):
    # Where the first column is large, most weights are negative.
    events, y, w, _ = signed_events(2000, seed=3, largest=0.0)
    own = y == "b"
    far = own & (events[:, 0] > 1.0)
    w = np.where(far & (np.arange(2000) % 5 > 0), -w, w)
    model = make_model(negative_weights="refine", max_epochs=1).fit(events, y, w)
    rows, weights = weights_of(model, events, y, w)[0]
    np.testing.assert_array_equal(rows, np.arange(2000))
    is_clipped = weights == 0.0
    assert far[is_clipped].mean() > 0.9
    assert is_clipped[far].mean() > 0.5
    report = model.weight_report_.set_index("class")
    share = is_clipped.sum() / own.sum()
    assert report.loc["b", "clipped_fraction"] == pytest.approx(share)
    assert report.loc["s", "clipped_fraction"] == 0.0
    assert report.loc["b", "n_events"] == own.sum() - is_clipped.sum()
    assert report.loc["b", "negative_fraction"] == 0.0


def test_the_report_tells_both_effective_numbers(make_model):
    model = make_model(negative_weights="refine", cv=2, n_members=2, max_epochs=1)
    report = model.fit(X, Y, W).weight_report_
    members = weights_of(model, X, Y, W)
    for k, (rows, weights) in enumerate(members):
        row = report[(report["member"] == k) & (report["class"] == "b")].iloc[0]
        own = Y[rows] == "b"
        assert row["n_eff"] == pytest.approx(effective_sample_size(weights[own]))
        signed = effective_sample_size(W[rows][own])
        assert row["signed_n_eff"] == pytest.approx(signed)
        assert row["n_eff"] > 1.5 * signed
        assert row["yield"] == pytest.approx(W[rows][own].sum())


def test_cap_balance_and_signal_come_after_the_policy(make_model):
    model = make_model(
        negative_weights="refine", max_weight=1.2, signal_weight=3.0, pos_label="s"
    )
    _, weights = weights_of(model, X, Y, W)[0]
    plain = make_model(negative_weights="refine", class_weight=None)
    _, refined = weights_of(plain, X, Y, W)[0]
    expected = training_weights(
        Y, refined, max_weight=1.2, signal_weight=3.0, pos_label="s"
    ).weights
    np.testing.assert_allclose(weights, expected, rtol=1e-9)
    _, balanced = weights_of(make_model(negative_weights="refine"), X, Y, W)[0]
    sums = [balanced[label == Y].sum() for label in ("b", "s")]
    assert sums[0] == pytest.approx(sums[1])


MIXED = {
    "three classes": {},
    "categories": {"categorical_features": [3]},
    "undefined": {"missing_values": -999.0},
    "split": {"feature_groups": FeatureSplit(wide=[0], kind="full")},
    "augmenter": {
        "augmenter": SymmetryAugmenter(
            cylindrical=None, cartesian=[(0, 1)], reflections="xy"
        )
    },
    "focal, snapshots": {
        "loss": FocalLoss(gamma=1.0),
        "snapshots": Snapshots(2),
        "label_smoothing": 0.1,
        "batch_norm": True,
        "averaging": "ema",
        "evaluations_per_epoch": 2,
        "early_stopping": True,
        "validation_fraction": 0.3,
    },
    "no weights": {},
}


@pytest.mark.parametrize("name", MIXED)
def test_it_works_with_whatever_else_there_is(make_model, name):
    events = np.column_stack([X, np.arange(N) % 3]).astype(np.float32)
    y, w = Y.copy(), W
    if name == "three classes":
        y = np.where((Y == "s") & (np.arange(N) % 2 == 0), "t", Y)
        w = np.where(np.arange(N) % 4 == 1, -1.0, 1.0) * np.abs(W)
    if name == "undefined":
        events[::4, 1] = -999.0
        events[1::4, 1] = np.nan
    if name == "no weights":
        w = None
    model = make_model(
        **MIXED[name], negative_weights="refine", n_members=2, max_epochs=2
    ).fit(events, y, w)
    assert np.isfinite(model.decision_function(events)).all()
    assert (model.weight_report_.query("sample == 'training'")["n_eff"] > 15).all()
    assert model.history_["train_loss"].min() > 0.0


def test_warm_start_goes_on(make_model):
    model = make_model(negative_weights="refine", warm_start=True).fit(X, Y, W)
    before = model.decision_function(X)
    model.fit(X, Y, W)
    assert (model.decision_function(X) != before).any()
    assert model.history_["train_loss"].min() > 0.0


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_classifiers_fitted_together_are_as_alone(make_model):
    models = [
        make_model(negative_weights="refine", random_state=seed, cv=2)
        for seed in (1, 2)
    ]
    samples = [
        {"X": X[rows], "y": Y[rows], "sample_weight": W[rows]}
        for rows in (slice(0, 400), slice(200, 600))
    ]
    alone = [clone(m).fit(**s) for m, s in zip(models, samples, strict=True)]
    for one, other in zip(alone, fit_together(models, samples), strict=True):
        np.testing.assert_array_equal(
            one.decision_function(X), other.decision_function(X)
        )


def test_a_known_logit_changes_no_weight(make_model):
    model = make_model(negative_weights="refine")
    fit_with_offset(model, X, Y, W, offset=X[:, 0])
    plain = make_model(negative_weights="refine").fit(X, Y, W)
    pd.testing.assert_frame_equal(model.weight_report_, plain.weight_report_)


def test_networks_of_signs_have_the_inputs_of_the_others(make_model):
    settings = TrainingSettings(
        n_numeric=2,
        embeddings=[(3, 2)],
        missing_values=-999.0,
        loss="focal",
        batch_norm=True,
        averaging="ema",
        n_outputs=4,
    )
    got = sign_settings(settings)
    for name in ("n_numeric", "embeddings", "missing_values", "kernel", "device"):
        assert getattr(got, name) == getattr(settings, name)
    # Whatever is not about inputs is the same for all.
    inputs = {"n_numeric", "embeddings", "missing_values", "kernel", "device"}
    plain = sign_settings(replace(TrainingSettings(n_numeric=1)))
    for field in fields(TrainingSettings):
        if field.name not in inputs:
            assert getattr(got, field.name) == getattr(plain, field.name), field.name


# ---- streams and other places


CANNOT = r'negative_weights="refine" must come with .*refined_weights\(X, y, sample_w'


def test_a_stream_takes_positive_weights_and_refuses_negative_ones(make_model):
    kept, refined = (
        make_model(negative_weights=policy).partial_fit(X, Y, sample_weight=TRUTH)
        for policy in ("keep", "refine")
    )
    np.testing.assert_array_equal(
        kept.decision_function(X), refined.decision_function(X)
    )
    with pytest.raises(WeightsError, match=CANNOT):
        refined.partial_fit(X, Y, sample_weight=W)
    with pytest.raises(WeightsError, match=CANNOT):
        make_model(negative_weights="refine").partial_fit(X, Y, sample_weight=W)
    refined.partial_fit(X, Y, sample_weight=TRUTH)
    fitted = make_model(negative_weights="refine").fit(X, Y, W)
    fitted.partial_fit(X, Y, sample_weight=TRUTH)
    with pytest.raises(WeightsError, match="got 1 of them without"):
        fitted.partial_fit(X, Y, sample_weight=np.append(-0.1, TRUTH[1:]))


def test_refined_weights_may_be_streamed(make_model):
    w = refined_weights(X, Y, W, random_state=0)
    model = make_model(negative_weights="refine")
    model.partial_fit(X, Y, sample_weight=w)
    assert np.isfinite(model.decision_function(X)).all()


def test_training_weights_refuse_it():
    for w in (W, TRUTH, None):
        with pytest.raises(WeightsError, match=CANNOT):
            training_weights(Y, w, negative_weights="refine")
    weights = training_weights(Y, refined_weights(X, Y, W, random_state=0)).weights
    assert weights[BACKGROUND].sum() == pytest.approx(weights[Y == "s"].sum())


@pytest.mark.parametrize("class_weight", ["balanced", None, {"b": 1.0, "s": 2.0}])
def test_a_class_that_does_not_sum_to_more_than_zero_is_an_error(
    make_model, class_weight
):
    model = make_model(negative_weights="refine", class_weight=class_weight)
    with pytest.raises(WeightsError, match="more than zero in every class"):
        model.fit(X, Y, np.where(Y == "b", -W, W))


def test_a_training_sample_that_does_not_sum_to_more_than_zero_is_named(make_model):
    fold = (np.arange(N) % 2).astype(int)
    w = np.where((Y == "b") & (fold == 0), -0.1, np.abs(W))
    model = make_model(negative_weights="refine", cv=PredefinedSplit(fold), n_members=2)
    message = r"In the training sample of member 1.* got -.* for class 'b'"
    with pytest.raises(WeightsError, match=message):
        model.fit(X, Y, w)


@pytest.mark.parametrize("base", ["network", "other"])
def test_boosting_trains_on_refined_weights_and_validates_on_signed_ones(base):
    seen = []

    class Seeing(Recorder):
        def fit(self, X, y, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, sample_weight)

    network = WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=2, negative_weights="refine"
    )
    model = BoostedDNN(
        network if base == "network" else Seeing(),
        n_estimators=2,
        negative_weights=None if base == "network" else "refine",
        random_state=0,
    )
    model.fit(X, Y, W)
    if base == "other":
        assert all((w >= 0.0).all() for w in seen)
    else:
        for one in model.estimators_:
            assert (one.weight_report_["negative_fraction"] == 0.0).all()
    signed = model.validation_scores_
    model.set_params(validation_fraction=None, n_iter_no_change=None)
    model.fit(X, Y, np.abs(W))  # nothing to refine
    assert len(signed) == 3


# ---- warnings


@pytest.fixture
def warned():
    """Return the warnings of cancelling weights in what is called."""

    def caught(call):
        with pytest.warns() as records:
            call()
        return [
            str(record.message)
            for record in records
            if record.category is CancellingWeightsWarning
        ]

    return caught


def test_kept_weights_that_cancel_are_warned_of_once(make_model, warned):
    w = np.where(Y == "b", np.where(np.arange(N) % 5 == 0, -1.0, 1.0), 1.0)
    model = make_model(max_epochs=1)

    def fits():
        model.fit(X, Y, w)
        clone(model).fit(X[: N // 2], Y[: N // 2], w[: N // 2])

    (message,) = warned(fits)
    share = w[BACKGROUND].sum() / len(BACKGROUND)
    assert f"got {share:.3g} of it in class 'b': gradients cancel" in message
    assert 'Set negative_weights="refine"' in message
    assert "refined_weights(X, y, sample_weight)" in message


@pytest.mark.parametrize("policy", ["zero", "abs", "refine"])
@pytest.mark.filterwarnings("error::skhep_dnn.exceptions.CancellingWeightsWarning")
def test_other_policies_and_few_negative_weights_are_not_warned_of(make_model, policy):
    make_model(max_epochs=1, negative_weights=policy).fit(X, Y, W)
    training_weights(Y, W, negative_weights="abs")
    few = np.where(np.arange(N) % 12 == 0, -1.0, 1.0)
    make_model(max_epochs=1).fit(X, Y, few)
    training_weights(Y, few)


def test_training_weights_and_boosting_warn_of_them(warned):
    (message,) = warned(lambda: training_weights(Y, W))
    assert "in class 'b'" in message
    network = WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=1, negative_weights="keep"
    )
    model = BoostedDNN(network, n_estimators=2, method="reweight", random_state=0)
    assert len(warned(lambda: model.fit(X, Y, W))) == 1
