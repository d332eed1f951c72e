"""Out-of-fold scores: of members that the event decided nothing for."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.model_selection import PredefinedSplit

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

FOLD = np.arange(150) % 3


@pytest.fixture(params=[None, 0.3], ids=["last_epoch", "best_epoch"])
def options(request):
    """Members without a validation sample, and with one of their training folds."""
    return {"n_members": 6, "max_epochs": 2, "validation_fraction": request.param}


@pytest.fixture
def model(make_model, events, options):
    return make_model(cv=PredefinedSplit(FOLD), **options).fit(*events)


def member_logits(model, X):
    """Logits of each member, one after the other."""
    weights, logits = model.member_weights_.copy(), []
    for k in range(model.n_members):
        model.member_weights_ = np.eye(model.n_members)[k]
        logits.append(model.decision_function(X))
    model.member_weights_ = weights
    return np.array(logits)


def test_each_event_is_scored_by_the_members_of_its_own_fold(model, events):
    X, _, _ = events
    members = np.arange(6) % 3
    logits = member_logits(model, X)
    for k in range(3):
        expected = logit(expit(logits[members == k][:, k == FOLD]).mean(axis=0))
        np.testing.assert_allclose(
            model.oof_decision_function_[k == FOLD], expected, rtol=1e-6, atol=1e-9
        )


def test_an_event_does_not_change_its_own_score(make_model, model, events, options):
    X, y, w = events
    heavier = w.copy()
    heavier[7] *= 30.0
    changed = make_model(cv=PredefinedSplit(FOLD), **options).fit(X, y, heavier)
    same = changed.oof_decision_function_ == model.oof_decision_function_
    assert same[FOLD[7] == FOLD].all()
    assert not same[FOLD[7] != FOLD].any()


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_events_of_folds_without_members_have_no_score(make_model, events, options):
    options |= {"n_members": 2}
    model = make_model(cv=PredefinedSplit(FOLD), **options).fit(*events)
    assert np.array_equal(np.isnan(model.oof_decision_function_), FOLD == 2)


def test_events_of_weight_zero_have_no_score_and_keep_their_places(
    make_model, events, options
):
    X, y, w = events
    w = w.copy()
    w[[0, 50]] = 0.0
    model = make_model(cv=PredefinedSplit(FOLD), **options).fit(X, y, w)
    scores = model.oof_decision_function_
    assert np.flatnonzero(np.isnan(scores)).tolist() == [0, 50]
    rest = np.delete(np.arange(150), [0, 50])
    absent = make_model(cv=PredefinedSplit(FOLD[rest]), **options)
    absent.fit(X[rest], y[rest], w[rest])
    np.testing.assert_array_equal(scores[rest], absent.oof_decision_function_)


def test_scores_do_not_depend_on_the_number_of_threads(
    make_model, model, events, options
):
    again = make_model(cv=PredefinedSplit(FOLD), n_jobs=2, **options).fit(*events)
    np.testing.assert_array_equal(
        again.oof_decision_function_, model.oof_decision_function_
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cv": 3, "n_members": 3, "validate_on_fold": True},
        {"validation_fraction": 0.3},
        {},
    ],
)
def test_without_an_untouched_fold_there_is_no_score(make_model, events, changes):
    model = make_model(**changes).fit(*events)
    assert not hasattr(model, "oof_decision_function_")


@pytest.mark.parametrize(
    "changes",
    [{"cv": None}, {"validate_on_fold": True, "validation_fraction": None}],
    ids=["no_folds", "validate_on_fold"],
)
def test_a_second_fit_without_untouched_folds_leaves_no_old_scores(
    model, events, changes
):
    assert hasattr(model, "oof_decision_function_")
    model.set_params(**changes).fit(*events)
    assert not hasattr(model, "oof_decision_function_")
