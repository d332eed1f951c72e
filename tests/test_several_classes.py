"""Three classes with string labels and signed weights, through every estimator."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.utils import get_tags

from skhep_dnn import BackwardEliminationSelector, BoostedDNN, WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.inspection import weighted_permutation_importance
from skhep_dnn.metrics import (
    make_significance_scorer,
    separation_power,
    significance_scan,
    threshold_at_maximum,
    weighted_accuracy,
    weighted_roc_auc,
    weighted_scorer,
)
from skhep_dnn.model_selection import (
    KeptPredictions,
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.weights import training_weights

# Signed weights are kept: the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning"
)

CLASSES = np.array(["VBF", "Z", "ggH"])
SIGNAL = ["ggH", "VBF"]
MEAN = pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning")


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, size=450, p=[0.3, 0.4, 0.3])
    X = pd.DataFrame(rng.normal(size=(450, 3)), columns=["mass", "pt", "noise"])
    X["mass"] += 1.5 * (y == "ggH")
    X["pt"] += 1.5 * (y == "VBF")
    weights = rng.exponential(size=450) * np.where(y == "Z", 10.0, 0.1)
    weights[rng.random(450) < 0.1] *= -1.0
    return X, y, weights


def network(**options):
    small = {"n_members": 1, "n_layers": 1, "width": 6, "max_epochs": 2}
    return WeightedDNNClassifier(**small | {"random_state": 0} | options)


SCORERS = {
    "roc_auc_ovr": "roc_auc_ovr",
    "roc_auc_ovo_weighted": "roc_auc_ovo_weighted",
    "balanced_log_loss": "balanced_log_loss",
    "f1 of some": weighted_scorer("f1", pos_label=SIGNAL),
    "roc_auc of one": weighted_scorer("roc_auc", pos_label="Z"),
    "significance": make_significance_scorer("asimov", pos_label=SIGNAL, min_n_eff=5.0),
}


def as_callable(scoring, **options):
    return weighted_scorer(scoring, **options) if isinstance(scoring, str) else scoring


@pytest.mark.parametrize("scoring", SCORERS.values(), ids=SCORERS)
def test_pooled_scores_are_those_of_kept_and_of_new_answers(events, scoring):
    X, y, weights = events
    for model in (network(), LogisticRegression()):
        w = weights if isinstance(model, WeightedDNNClassifier) else abs(weights)
        folds = StratifiedKFold(3)
        result = cross_validate_pooled(
            model, X, y, sample_weight=w, scoring=scoring, cv=folds, n_replicas=3
        )
        answers = np.empty((len(y), 3))
        for train, test in folds.split(X, y):
            fold = sklearn.base.clone(model)
            fold.fit(X.iloc[train], y[train], sample_weight=w[train])
            answers[test] = fold.predict_proba(X.iloc[test])

        known = KeptPredictions(
            {"predict_proba": answers, "predict": CLASSES[answers.argmax(axis=1)]},
            CLASSES,
            get_tags(model),
        )
        scorer = as_callable(scoring).for_sample(y, w)
        value = scorer(known, X, y, sample_weight=w)
        assert result.scores["score"].value == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("scoring", SCORERS.values(), ids=SCORERS)
def test_searches_importances_and_eliminations_take_them(events, scoring):
    X, y, weights = events
    model = network().fit(X, y, sample_weight=weights)
    scorer = as_callable(scoring).for_sample(y, weights)
    importance = weighted_permutation_importance(
        model, X, y, weights, scoring=scorer, n_repeats=2, random_state=0
    )
    expected = scorer(model, X, y, sample_weight=weights)
    assert importance.baseline_scores[0] == pytest.approx(expected)
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, scoring=scorer, cv=StratifiedKFold(3)
    )
    search.fit(X, y, sample_weight=abs(weights))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    search = OptunaSearchCV(
        network(),
        {"width": [4, 8]},
        n_trials=2,
        scoring=scoring,
        cv=3,
        n_replicas=10,
        random_state=0,
    )
    search.fit(X, y, sample_weight=weights)
    assert np.isfinite(search.best_score_)
    selector = BackwardEliminationSelector(
        network(), scoring=scoring, cv=3, n_replicas=10, random_state=0
    )
    assert selector.fit(X, y, sample_weight=weights).n_features_ >= 1


@pytest.mark.parametrize("scoring", SCORERS.values(), ids=SCORERS)
def test_the_best_epoch_is_that_of_the_score(events, scoring):
    X, y, weights = events
    model = network(scoring=scoring, validation_fraction=0.4, max_epochs=3)
    model.fit(X, y, sample_weight=weights)
    (found,) = model.validation_scores_
    assert np.isfinite(found).all()
    boosted = BoostedDNN(
        network(),
        n_estimators=2,
        scoring=scoring,
        validation_fraction=0.4,
        random_state=0,
    )
    boosted.fit(X, y, sample_weight=weights)
    assert np.isfinite(boosted.validation_scores_[1:]).all()


def test_a_name_for_two_classes_takes_the_signal_of_the_network(events):
    X, y, weights = events
    options = {"validation_fraction": 0.4, "pos_label": "Z", "max_epochs": 3}
    by_name = network(scoring="roc_auc", **options)
    by_name.fit(X, y, sample_weight=weights)
    scorer = weighted_scorer("roc_auc", pos_label="Z")
    given = network(scoring=scorer, **options).fit(X, y, sample_weight=weights)
    assert np.array_equal(by_name.validation_scores_, given.validation_scores_)
    with pytest.raises(ValueError, match=r"Name the signal, .* by `pos_label`"):
        network(scoring="roc_auc", validation_fraction=0.4).fit(X, y)


def test_a_factor_of_the_signal_is_that_of_each_of_its_classes(events):
    _, y, weights = events
    some = training_weights(y, abs(weights), signal_weight=3.0, pos_label=SIGNAL)
    sums = {c: some.weights[y == c].sum() for c in CLASSES}
    assert sums["ggH"] == pytest.approx(3.0 * sums["Z"])
    assert sums["VBF"] == pytest.approx(3.0 * sums["Z"])


def test_scores_of_folds_with_and_without_routing(events):
    X, y, weights = events
    scorer = weighted_scorer("roc_auc_ovo")
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_val_score(
            network(), X, y, scoring=scorer, cv=3, params={"sample_weight": weights}
        )
    folds = StratifiedKFold(3).split(X, y)
    for value, (train, test) in zip(found, folds, strict=True):
        model = network().fit(X.iloc[train], y[train], sample_weight=weights[train])
        proba = model.predict_proba(X.iloc[test])
        expected = weighted_roc_auc(y[test], proba, weights[test], multi_class="ovo")
        assert value == pytest.approx(expected, rel=1e-12)


def logit_of_some(proba, labels):
    is_signal = np.isin(CLASSES, labels)
    log_p = np.log(proba)
    return logsumexp(log_p[:, is_signal], axis=1) - logsumexp(
        log_p[:, ~is_signal], axis=1
    )


@pytest.mark.parametrize("labels", ["Z", SIGNAL])
@pytest.mark.parametrize("model", [network(), LogisticRegression()], ids=["net", "lr"])
def test_a_cut_is_chosen_on_the_signal_against_the_others(events, labels, model):
    X, y, weights = events
    w = weights if isinstance(model, WeightedDNNClassifier) else abs(weights)
    numbered = X.assign(EventId=np.arange(len(y)))
    cut = SignificanceThresholdClassifier(
        CrossFitClassifier(model, event_number="EventId"),
        pos_label=labels,
        min_n_eff=5.0,
        n_replicas=4,
        random_state=0,
    ).fit(numbered, y, sample_weight=w)
    # Each event is scored by the model of its number, which did not see it.
    proba = cut.predict_proba(numbered)
    score = logit_of_some(proba, np.atleast_1d(labels))
    assert cut.signal_score(numbered) == pytest.approx(score, rel=1e-6, abs=1e-9)
    scan = significance_scan(y, score, w, pos_label=labels)
    point = threshold_at_maximum(scan, min_n_eff=5.0)
    assert cut.best_threshold_ == pytest.approx(point.threshold, rel=1e-6)
    assert cut.best_score_ == pytest.approx(point.z, rel=1e-6)
    predicted = cut.predict(numbered)
    selected = np.isin(predicted, labels)
    assert np.array_equal(selected, cut.signal_score(numbered) >= cut.best_threshold_)
    is_signal = np.isin(CLASSES, labels)
    among = np.where(is_signal, proba, -1.0).argmax(axis=1)
    rest = np.where(is_signal, -1.0, proba).argmax(axis=1)
    expected = CLASSES[np.where(selected, among, rest)]
    assert np.array_equal(predicted, expected)
    assert cut.score(numbered, y, w) == weighted_accuracy(y, predicted, w)
    assert np.isfinite(cut.cross_fitted_.value)
    assert len(cut.stability_.threshold.replicas) == 4


@MEAN
@pytest.mark.parametrize("response_method", ["auto", "predict_proba"])
def test_a_cut_without_event_numbers_and_of_a_fitted_model(events, response_method):
    X, y, weights = events
    options = {"pos_label": SIGNAL, "min_n_eff": 5.0, "n_replicas": 0}
    options["response_method"] = response_method
    model = SignificanceThresholdClassifier(LogisticRegression(), cv=3, **options)
    model.fit(X, y, sample_weight=abs(weights))
    fitted = LogisticRegression().fit(X, y, sample_weight=abs(weights))
    prefit = SignificanceThresholdClassifier(fitted, cv="prefit", **options)
    prefit.fit(X, y, sample_weight=weights)
    proba = fitted.predict_proba(X)
    score = logit_of_some(proba, SIGNAL)
    if response_method == "predict_proba":
        score = proba[:, np.isin(CLASSES, SIGNAL)].sum(axis=1)
    assert prefit.signal_score(X) == pytest.approx(score)
    scan = significance_scan(y, score, weights, pos_label=SIGNAL)
    point = threshold_at_maximum(scan, min_n_eff=5.0)
    assert prefit.best_score_ == pytest.approx(point.z)
    ridge = SignificanceThresholdClassifier(RidgeClassifier(), cv=3, **options)
    ridge.set_params(pos_label="Z", response_method="auto")
    ridge.fit(X, y, sample_weight=abs(weights))
    with pytest.raises(ValueError, match="must be one label for an estimator whose"):
        ridge.set_params(pos_label=SIGNAL).fit(X, y, sample_weight=abs(weights))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "Name the class of the signal, or several, by `pos_label`"),
        ("W", "`pos_label` must be one of the classes"),
        (list(CLASSES), "`pos_label` must leave a class to the background"),
    ],
)
def test_wrong_signals_of_a_cut_are_refused(events, labels, message):
    X, y, weights = events
    model = SignificanceThresholdClassifier(LogisticRegression(), pos_label=labels)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sample_weight=abs(weights))
    model.set_params(pos_label="Z")
    with pytest.raises(WeightsError, match="class 'ggH'"):
        model.fit(X, y, sample_weight=np.where(y == "ggH", -1.0, 1.0))


def test_columns_are_ranked_by_the_separation_of_some_classes(events):
    X, y, weights = events
    selector = SeparationSelector(pos_label="ggH", n_replicas=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        selector.fit(X, y, sample_weight=abs(weights))
    table = selector.table_.set_index("feature")
    assert table["separation"].idxmax() == "mass"
    two = separation_power(y == "ggH", X["mass"], abs(weights), n_replicas=5)
    assert table.loc["mass", "separation"] == pytest.approx(two.value)
    with pytest.raises(ValueError, match="to separate from the others by `pos_label`"):
        SeparationSelector().fit(X, y)


def test_cross_fitted_predictions_are_those_of_one_model_each(events):
    X, y, weights = events
    numbered = X.assign(EventId=np.arange(len(y)))
    model = CrossFitClassifier(network(), event_number="EventId")
    model.fit(numbered, y, sample_weight=weights)
    assert model.predict_proba(numbered).shape == (len(y), 3)
    value = model.score(numbered, y, weights)
    assert value == weighted_accuracy(y, model.predict(numbered), weights)
