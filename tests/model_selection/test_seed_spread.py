"""The spread of a score over the seeds of the training."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.exceptions import MissingWeightsError
from skhep_dnn.metrics import (
    make_significance_scorer,
    weighted_roc_auc,
)
from skhep_dnn.model_selection import (
    SeedSpread,
    cross_validate_pooled,
    seed_spread,
)
from skhep_dnn.pipeline import make_weighted_pipeline

TREE = DecisionTreeClassifier(max_depth=3, max_features=1)


@pytest.fixture(scope="module")
def samples():
    events = make_gaussian_events(1200, random_state=0)
    X, y, w = events.data, events.target, np.abs(events.sample_weight)
    half = slice(0, 600), slice(600, 1200)
    return [(X.iloc[rows], y[rows], w[rows]) for rows in half]


def test_numbers_by_hand():
    values = np.array([0.90, 0.92, 0.91, 0.95])
    spread = SeedSpread(values, [{}] * 4)
    assert spread.mean == pytest.approx(0.92)
    assert spread.std == pytest.approx(np.sqrt(0.0014 / 3))
    assert spread.mean_error == pytest.approx(spread.std / 2)
    assert spread.std_error == pytest.approx(spread.std / np.sqrt(6))
    assert str(spread) == "0.920 ± 0.011, spread 0.0216 ± 0.0088 over 4 seeds"


def test_it_is_what_trainings_with_these_seeds_score(samples):
    train, test = samples
    names = ("X_test", "y_test", "sample_weight_test")
    spread = seed_spread(TREE, *train, **dict(zip(names, test, strict=True)), n_seeds=3)
    for value, seeds in zip(spread.values, spread.seeds, strict=True):
        model = sklearn.clone(TREE).set_params(**seeds)
        X, y, w = train
        model.fit(X, y, sample_weight=w)
        score = model.predict_proba(test[0])[:, 1]
        expected = weighted_roc_auc(
            test[1], score, test[2], pos_label=model.classes_[1]
        )
        assert value == pytest.approx(expected)
    assert len(set(spread.values)) > 1
    again = seed_spread(TREE, *train, **dict(zip(names, test, strict=True)), n_seeds=3)
    assert np.array_equal(again.values, spread.values)
    other = seed_spread(
        TREE,
        *train,
        **dict(zip(names, test, strict=True)),
        n_seeds=3,
        random_state=1,
        n_jobs=2,
    )
    assert not np.array_equal(other.values, spread.values)


def test_out_of_fold_scores_are_pooled_on_the_same_folds(samples):
    train, _ = samples
    cv = StratifiedKFold(3, shuffle=True)  # no seed: other folds in each call
    spread = seed_spread(TREE, *train, cv=cv, metric="balanced_log_loss", n_seeds=3)
    assert spread.std > 0
    fixed = list(StratifiedKFold(3).split(train[0], train[1]))
    spread = seed_spread(TREE, *train, cv=fixed, n_seeds=2)
    for value, seeds in zip(spread.values, spread.seeds, strict=True):
        model = sklearn.clone(TREE).set_params(**seeds)
        X, y, w = train
        expected = cross_validate_pooled(model, X, y, w, cv=fixed, scoring="roc_auc")
        assert value == expected.score.value


def test_an_estimator_that_ignores_its_seed_has_no_spread(samples):
    train, _ = samples
    cv = StratifiedKFold(3, shuffle=True)
    spread = seed_spread(LogisticRegression(), *train, cv=cv, n_seeds=3)
    assert spread.std == 0.0


def test_all_nested_seeds_are_set(samples):
    train, test = samples
    model = make_weighted_pipeline(StandardScaler(), TREE)
    spread = seed_spread(
        model,
        *train,
        X_test=test[0],
        y_test=test[1],
        sample_weight_test=test[2],
        n_seeds=2,
    )
    assert [set(seeds) for seeds in spread.seeds] == [
        {"decisiontreeclassifier__random_state"}
    ] * 2
    assert model.get_params()["decisiontreeclassifier__random_state"] is None


def test_weights_reach_fit_and_score(samples):
    train, test = samples
    parts = {"X_test": test[0], "y_test": test[1]}
    options = {"n_seeds": 2, **parts}
    weighted = seed_spread(TREE, *train, sample_weight_test=test[2], **options)
    unweighted = seed_spread(TREE, *train[:2], **options)
    of_score = seed_spread(TREE, *train[:2], sample_weight_test=test[2], **options)
    assert not np.allclose(weighted.values, of_score.values)
    assert not np.allclose(unweighted.values, of_score.values)
    scaled = seed_spread(
        TREE, *train[:2], 1e3 * train[2], sample_weight_test=1e-3 * test[2], **options
    )
    assert np.allclose(scaled.values, weighted.values)
    with pytest.raises(MissingWeightsError, match="`sample_weight_test` must come"):
        seed_spread(TREE, *train, **options)


def test_a_significance_is_that_of_the_test_events(samples):
    train, test = samples
    scorer = make_significance_scorer("asimov_llr")
    spread = seed_spread(
        TREE,
        *train,
        X_test=test[0],
        y_test=test[1],
        sample_weight_test=test[2],
        metric=scorer,
        n_seeds=2,
    )
    for value, seeds in zip(spread.values, spread.seeds, strict=True):
        X, y, w = train
        model = sklearn.clone(TREE).set_params(**seeds).fit(X, y, sample_weight=w)
        expected = scorer.for_sample(test[1], test[2])(
            model, test[0], test[1], sample_weight=test[2]
        )
        assert value == pytest.approx(expected)


def test_with_metadata_routing(samples):
    train, test = samples
    arguments = {"X_test": test[0], "y_test": test[1], "sample_weight_test": test[2]}
    expected = seed_spread(TREE, *train, **arguments, n_seeds=2)
    with sklearn.config_context(enable_metadata_routing=True):
        model = sklearn.clone(TREE).set_fit_request(sample_weight=True)
        routed = seed_spread(model, *train, **arguments, n_seeds=2)
    assert np.array_equal(routed.values, expected.values)


def test_what_is_refused(samples):
    train, test = samples
    with pytest.raises(ValueError, match="must have a parameter `random_state`"):
        seed_spread(GaussianNB(), *train)
    with pytest.raises(ValueError, match="`n_seeds` must be a whole number of at l"):
        seed_spread(TREE, *train, n_seeds=1)
    with pytest.raises(ValueError, match="`X_test` must not be None when the other"):
        seed_spread(TREE, *train, y_test=test[1])
    with pytest.raises(ValueError, match="`cv` must be None where there is a test"):
        seed_spread(
            TREE,
            *train,
            X_test=test[0],
            y_test=test[1],
            sample_weight_test=test[2],
            cv=3,
        )


def test_progress_is_shown_on_request(samples, capsys):
    train, test = samples
    arguments = {"X_test": test[0], "y_test": test[1], "sample_weight_test": test[2]}
    seed_spread(TREE, *train, **arguments, n_seeds=2)
    assert capsys.readouterr().err == ""
    seed_spread(TREE, *train, **arguments, n_seeds=2, verbose=1)
    assert "Seeds" in capsys.readouterr().err
