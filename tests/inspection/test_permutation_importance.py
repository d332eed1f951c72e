import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.stats import norm
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_validate

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.inspection import weighted_permutation_importance
from skhep_dnn.metrics import weighted_scorer

MEANS = np.array([1.5, 0.8, 0.3, 0.0])


def linear_model(coefficients, intercept=0.0):
    """A classifier of 'b' and 's' whose logit is known."""
    model = LogisticRegression()
    model.classes_ = np.array(["b", "s"])
    model.coef_ = np.atleast_2d(coefficients)
    model.intercept_ = np.array([intercept])
    model.n_features_in_ = len(coefficients)
    return model


def gaussian_events(n_events, seed=0):
    """Unit Gaussians at -MEANS / 2 and MEANS / 2: the logit is the sum of MEANS * x."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n_events) % 2 == 0, "s", "b")
    shift = np.where(y == "s", 0.5, -0.5)[:, np.newaxis] * MEANS
    return rng.normal(size=(n_events, len(MEANS))) + shift, y, rng


def expected_loss(means, stds, shares):
    """Mean of ln(1 + exp(-z)) for the logit z of the own class."""
    loss = 0.0
    for mean, std, share in zip(means, stds, shares, strict=True):
        z = np.linspace(mean - 9 * std, mean + 9 * std, 4001)
        density = norm.pdf(z, mean, std)
        loss += share * np.trapezoid(np.logaddexp(0.0, -z) * density, z)
    return loss


@pytest.mark.parametrize("negative", [False, True])
def test_closed_form_of_the_log_loss(negative):
    X, y, rng = gaussian_events(40_000)
    weight = np.where(y == "s", 0.01, 10.0) * rng.exponential(size=len(y))
    if negative:
        weight[rng.random(len(y)) < 0.1] *= -1.0
    result = weighted_permutation_importance(
        linear_model(MEANS), X, y, weight, n_repeats=3, random_state=0
    )
    total = (MEANS**2).sum()
    base = expected_loss([total / 2], [np.sqrt(total)], [1.0])
    assert -result.baseline_scores[0] == pytest.approx(base, abs=0.01)
    for value, mean in zip(result.importances_mean, MEANS, strict=True):
        # A permuted feature comes from either class with the same probability.
        without = (total - mean**2) / 2
        mixed = expected_loss(
            [without + mean**2 / 2, without - mean**2 / 2],
            [np.sqrt(total)] * 2,
            [0.5, 0.5],
        )
        assert value == pytest.approx(mixed - base, abs=0.012)
    assert result.importances_mean[3] == 0.0
    assert result.errors[3] == 0.0


def test_closed_form_of_the_auc():
    X, y, rng = gaussian_events(100_000)
    result = weighted_permutation_importance(
        linear_model(MEANS),
        X,
        y,
        rng.exponential(size=len(y)),
        scoring="roc_auc",
        indices=[np.arange(100_000)],  # no jackknife
        n_repeats=2,
        random_state=0,
    )
    total = (MEANS**2).sum()
    auc = norm.cdf(np.sqrt(total / 2))
    for value, mean in zip(result.importances_mean, MEANS, strict=True):
        shifts = np.array([0.0, 0.0, mean**2, -(mean**2)])
        permuted = norm.cdf((total - mean**2 + shifts) / np.sqrt(2 * total)).mean()
        assert value == pytest.approx(auc - permuted, abs=0.008)


def test_an_event_of_weight_k_equals_k_events():
    # Background of two processes, of which one has few events of large weight.
    rng = np.random.default_rng(0)
    y = np.repeat(["s", "b"], [1000, 1000])
    weight = np.repeat([1.0, 9.0, 1.0], [1000, 200, 800])
    x = rng.normal(size=2000) + np.repeat([2.0, 0.0, -5.0], [1000, 200, 800])
    model = linear_model([1.0], -1.0)
    options = {"n_repeats": 100, "random_state": 0}
    weighted = weighted_permutation_importance(
        model, x[:, None], y, weight, indices=[np.arange(2000)], **options
    )
    copied = weight.astype(int)
    copies = weighted_permutation_importance(
        model,
        np.repeat(x, copied)[:, None],
        np.repeat(y, copied),
        indices=[np.arange(copied.sum())],  # the error of the permutations alone
        **options,
    )
    np.testing.assert_allclose(weighted.baseline_scores, copies.baseline_scores)
    difference = weighted.importances_mean[0] - copies.importances_mean[0]
    error = np.hypot(weighted.errors[0], copies.errors[0])
    assert abs(difference) < 3 * error
    # A plain permutation takes the wrong distribution.
    plain = permutation_importance(
        model,
        x[:, None],
        y,
        scoring=weighted_scorer("balanced_log_loss"),
        sample_weight=weight,
        n_repeats=100,
        random_state=0,
    )
    assert abs(plain.importances_mean[0] - copies.importances_mean[0]) > 20 * error


def test_unit_weights_and_equal_classes_agree_with_scikit_learn():
    X, y, _ = gaussian_events(1000)
    model = LogisticRegression().fit(X, y)
    ours = weighted_permutation_importance(
        model, X, y, scoring=accuracy, n_repeats=100, random_state=0
    )
    theirs = permutation_importance(
        model, X, y, scoring="accuracy", n_repeats=100, random_state=0
    )
    error = np.hypot(ours.errors, theirs.importances_std / 10)
    assert (np.abs(ours.importances_mean - theirs.importances_mean) < 4 * error).all()
    np.testing.assert_allclose(ours.importances_std, theirs.importances_std, rtol=0.3)


def test_planted_importance_ranks_and_noise_is_compatible_with_zero():
    X, y, rng = gaussian_events(3000)
    weight = rng.exponential(size=len(y))
    fits = cross_validate(
        LogisticRegression(),
        X,
        y,
        cv=6,
        params={"sample_weight": weight},
        return_estimator=True,
        return_indices=True,
    )
    result = weighted_permutation_importance(
        fits["estimator"],
        X,
        y,
        weight,
        indices=fits["indices"]["test"],
        n_repeats=2,
        random_state=0,
    )
    assert list(np.argsort(-result.importances_mean[:3])) == [0, 1, 2]
    assert (result.importances_mean[:2] > 5 * result.errors[:2]).all()
    assert abs(result.importances_mean[3]) < 4 * result.errors[3]
    assert result.importances.shape == (4, 12)
    assert result.baseline_scores.shape == (6,)


def test_a_group_keeps_what_its_columns_have_to_do_with_each_other():
    # The class is the sign of a product: each factor alone says nothing.
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(2000, 3)), columns=["a", "b", "c"])
    y = np.where(X["a"] * X["b"] > 0, "s", "b")
    model = RandomForestClassifier(20, min_samples_leaf=5, random_state=0).fit(X, y)
    options = {"scoring": "accuracy", "random_state": 0}
    single = weighted_permutation_importance(model, X, y, **options)
    grouped = weighted_permutation_importance(
        model, X, y, groups={"pair": ["b", "a"]}, **options
    )
    assert grouped.names == ["pair", "c"]
    assert grouped.columns == [["a", "b"], ["c"]]
    assert grouped.positions == [[0, 1], [2]]
    # Half of the events change sides in all cases: permuted alone, the product is of
    # either sign, and together it is that of another event.
    np.testing.assert_allclose(single.importances_mean[:2], 0.5, atol=0.05)
    np.testing.assert_allclose(grouped.importances_mean[0], 0.5, atol=0.05)


def test_a_group_shows_what_copies_hide():
    x = np.random.default_rng(0).normal(size=(4000, 1))
    X, y = np.hstack([x, x]), np.where(x[:, 0] > 0, "s", "b")
    model = linear_model([1.0, 1.0])
    options = {"scoring": "accuracy", "n_repeats": 2, "random_state": 0}
    single = weighted_permutation_importance(model, X, y, **options)
    both = weighted_permutation_importance(
        model, X, y, groups={"both": [0, 1]}, **options
    )
    # The sum of two independent values has the sign of the first in three of four.
    np.testing.assert_allclose(single.importances_mean, 0.25, atol=0.02)
    np.testing.assert_allclose(both.importances_mean, 0.5, atol=0.02)


def test_an_integer_in_groups_is_a_position_where_columns_have_integer_names():
    X, y, _ = gaussian_events(200)
    X = X[:, :3]
    frame = pd.DataFrame(X, columns=[2, 1, 0])
    options = {"groups": {"g": [2, 1]}, "n_repeats": 2, "random_state": 0}
    model = linear_model(MEANS[:3])
    of_array, of_frame = (
        weighted_permutation_importance(model, table, y, **options)
        for table in (X, frame)
    )
    assert of_array.positions == of_frame.positions == [[0], [1, 2]]
    assert of_frame.columns == [["2"], ["1", "0"]]
    np.testing.assert_array_equal(of_array.importances, of_frame.importances)


def test_statistics_of_several_estimators():
    X, y, _ = gaussian_events(400)
    models = [linear_model(scale * MEANS) for scale in (0.5, 1.0, 2.0)]
    folds = np.array_split(np.arange(400), 3)
    result = weighted_permutation_importance(
        models, X, y, indices=folds, n_repeats=4, random_state=0
    )
    by_model = result.importances.reshape(4, 3, 4).mean(axis=2)
    np.testing.assert_allclose(result.importances_mean, by_model.mean(axis=1))
    np.testing.assert_allclose(result.errors, by_model.std(axis=1, ddof=1) / np.sqrt(3))
    np.testing.assert_allclose(
        result.fractional, (by_model / -result.baseline_scores).mean(axis=1)
    )
    # On the same events their statistics are added.
    same = weighted_permutation_importance(models, X, y, n_repeats=4, random_state=0)
    spread = same.importances.reshape(4, 3, 4).mean(axis=2).std(axis=1, ddof=1)
    assert (same.errors[:3] > spread[:3] / np.sqrt(3)).all()


@pytest.mark.parametrize("scoring", ["balanced_log_loss", "roc_auc"])
def test_error_is_the_spread_of_independent_samples(scoring):
    # One noise feature that the model uses by mistake, as a trained one does.
    model = linear_model([1.5, 0.8, 0.3, 0.2])
    results = []
    for seed in range(40):
        X, y, rng = gaussian_events(600, seed)
        weight = rng.exponential(size=600)
        weight[rng.random(600) < 0.1] *= -1.0
        results.append(
            weighted_permutation_importance(
                model, X, y, weight, scoring=scoring, n_repeats=1, random_state=seed
            )
        )
    means = np.array([result.importances_mean for result in results])
    errors = np.array([result.errors for result in results])
    # 40 samples know a spread to 11 per cent.
    np.testing.assert_allclose(errors.mean(axis=0), means.std(axis=0), rtol=0.35)
    if scoring == "roc_auc":
        pulls = means[:, 3] / errors[:, 3]
        assert np.abs(pulls).max() < 5


def test_error_without_the_statistics_of_the_events():
    X, y, _ = gaussian_events(400)
    options = {"scoring": accuracy, "random_state": 0}
    alone = weighted_permutation_importance(linear_model(MEANS), X, y, **options)
    np.testing.assert_allclose(
        alone.errors, alone.importances.std(axis=1, ddof=1) / np.sqrt(5)
    )
    once = weighted_permutation_importance(
        linear_model(MEANS), X, y, n_repeats=1, **options
    )
    assert np.isnan(once.errors).all()
    few = [0, *range(1, 400, 2)]  # one event of signal
    with pytest.warns(LowStatisticsWarning, match=r"among 201 events\. .* use more"):
        weighted_permutation_importance(linear_model(MEANS), X[few], y[few])


def accuracy(estimator, X, y):
    return np.mean(estimator.predict(X) == y)


def test_frame_equals_array_and_nothing_is_changed(toy_events):
    X, y, weight = toy_events
    before = X.copy()
    model = WeightedDNNClassifier(
        n_layers=1, width=8, max_epochs=5, validation_fraction=None, random_state=0
    )
    of_frame = weighted_permutation_importance(
        model.fit(X, y, weight), X, y, weight, groups={"g": ["a", "c"]}, random_state=0
    )
    of_array = weighted_permutation_importance(
        model.fit(X.to_numpy(), y, weight),
        X.to_numpy(),
        y,
        weight,
        groups={"g": [0, 2]},
        random_state=0,
    )
    np.testing.assert_array_equal(of_frame.importances, of_array.importances)
    assert of_frame.feature_names == ["a", "b", "c"]
    assert of_array.feature_names == ["x0", "x1", "x2"]
    pd.testing.assert_frame_equal(X, before)


def test_same_seed_same_result_for_any_number_of_jobs():
    X, y, _ = gaussian_events(200)
    models = [linear_model(MEANS), linear_model(MEANS[::-1])]
    options = {"max_events": 100, "random_state": 3}
    one = weighted_permutation_importance(models, X, y, **options)
    with parallel_config("threading"):
        two = weighted_permutation_importance(models, X, y, n_jobs=2, **options)
    # but for the order in which a matrix product sums up
    np.testing.assert_allclose(one.importances, two.importances, rtol=0, atol=1e-14)


def test_scale_of_the_weights_does_not_matter():
    X, y, rng = gaussian_events(300)
    weight = rng.exponential(size=300)
    results = [
        weighted_permutation_importance(
            linear_model(MEANS), X, y, scale * weight, random_state=0
        )
        for scale in (1.0, 1024.0)
    ]
    np.testing.assert_allclose(results[0].importances, results[1].importances)


def test_a_callable_gets_the_weights_and_a_regressor_works():
    X, _, rng = gaussian_events(500)
    y = X @ [1.0, 0.0, 2.0, 0.0]
    weight = rng.exponential(size=500)
    seen = []

    def r2(estimator, X, y, sample_weight=None):
        seen.append(sample_weight)
        return r2_score(y, estimator.predict(X), sample_weight=sample_weight)

    model = LinearRegression().fit(X, y)
    result = weighted_permutation_importance(
        model, X, y, weight, scoring=r2, random_state=0
    )
    assert result.scoring == "r2"
    assert all(given is not None for given in seen)
    np.testing.assert_array_equal(seen[0], weight)
    assert list(np.argsort(-result.importances_mean)[:2]) == [2, 0]
    assert (result.errors[[0, 2]] > 0.0).all()
    seen.clear()
    weighted_permutation_importance(model, X, y, scoring=r2, n_repeats=1)
    assert all(given is None for given in seen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_repeats": 0}, r"`n_repeats` must be .*, got 0\. Take 5"),
        ({"max_events": 1.5}, r"`max_events` must be None or .*, got 1\.5\. Take"),
        ({"scoring": "ams"}, r"`name` must be one of .*, got 'ams'"),
        ({"estimator": []}, r"got an empty sequence\. Pass"),
    ],
)
def test_wrong_arguments(options, message):
    X, y, _ = gaussian_events(20)
    estimator = options.pop("estimator", linear_model(MEANS))
    with pytest.raises(ValueError, match=message):
        weighted_permutation_importance(estimator, X, y, **options)


def test_wrong_estimators_and_weights():
    X, y, _ = gaussian_events(20)
    with pytest.raises(NotFittedError):
        weighted_permutation_importance(LogisticRegression(), X, y)
    with pytest.raises(WeightsError, match="each of the 20 events"):
        weighted_permutation_importance(linear_model(MEANS), X, y, [1.0])


def numbered_events(n_events=600):
    """Events with weights of either sign, and a column of their numbers."""
    X, y, rng = gaussian_events(n_events)
    table = pd.DataFrame(X, columns=list("abcd")).assign(event=np.arange(n_events))
    weight = rng.exponential(size=n_events)
    weight[rng.random(n_events) < 0.1] *= -1.0
    return table, y, weight


def test_each_event_is_scored_by_the_fold_model_that_has_not_seen_it():
    X, y, weight = numbered_events()
    model = CrossFitClassifier(LogisticRegression(), cv=3, event_number="event")
    model.fit(X, y, sample_weight=abs(weight))
    options = {"n_repeats": 2, "random_state": 0, "groups": {"pair": ["a", "b"]}}
    result = weighted_permutation_importance(model, X, y, weight, **options)
    assert result.names == ["pair", "c", "d"]  # the numbers are no feature
    rows = [np.flatnonzero(model.fold_ == k) for k in range(3)]
    reference = weighted_permutation_importance(
        model.estimators_,
        X[list("abcd")],
        y,
        weight,
        indices=rows,
        **options,
    )
    np.testing.assert_array_equal(result.importances, reference.importances)
    np.testing.assert_array_equal(result.errors, reference.errors)
    out_of_fold = weighted_permutation_importance(
        model, X, y, weight, indices="out_of_fold", **options
    )
    np.testing.assert_array_equal(out_of_fold.importances, reference.importances)
    # New events, of other numbers, go to the model of their number, too.
    new = weighted_permutation_importance(
        model, X[:300].assign(event=np.arange(300) + 7), y[:300], **options
    )
    assert new.importances.shape == (3, 6)


def test_numbers_of_events_may_stand_beside_the_events():
    X, y, weight = numbered_events()
    inputs, number = X[list("abcd")], X["event"]
    model = CrossFitClassifier(LogisticRegression(), cv=3)
    model.fit(inputs, y, event_number=number)
    options = {"n_repeats": 1, "random_state": 0}
    result = weighted_permutation_importance(
        model, inputs, y, weight, event_number=number, **options
    )
    reference = weighted_permutation_importance(
        model, inputs, y, weight, indices="out_of_fold", **options
    )
    np.testing.assert_array_equal(result.importances, reference.importances)
    with pytest.raises(ValueError, match="must be passed to predictions as to `fit`"):
        weighted_permutation_importance(model, inputs, y, weight)
    with pytest.raises(ValueError, match="`event_number` must be given without"):
        weighted_permutation_importance(
            model, inputs, y, indices="out_of_fold", event_number=number
        )


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning")
def test_without_numbers_the_mean_counts_as_one_and_folds_are_told():
    X, y, weight = numbered_events()
    X = X[list("abcd")]
    model = CrossFitClassifier(LogisticRegression(), cv=3).fit(X, y)
    options = {"n_repeats": 2, "random_state": 0}
    as_one = weighted_permutation_importance(model, X, y, weight, **options)
    assert as_one.importances.shape == (4, 2)
    own = weighted_permutation_importance(
        model, X, y, weight, indices="out_of_fold", **options
    )
    assert own.importances.shape == (4, 6)
    with pytest.raises(ValueError, match="with the 600 events of the fit as `X`, got"):
        weighted_permutation_importance(model, X[:9], y[:9], indices="out_of_fold")
    with pytest.raises(ValueError, match="`indices` must be left to a CrossFitClass"):
        weighted_permutation_importance(model.estimators_, X, y, indices="out_of_fold")
    with pytest.raises(ValueError, match="`event_number` must be left to a CrossFit"):
        weighted_permutation_importance(model.estimators_, X, y, event_number=y)
