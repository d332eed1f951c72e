"""Tools outside scikit-learn around our estimators, with weights where they pass any.

Each test runs where its tool is installed: `make test-third-party` installs them all.
`docs/guides/other_tools.md` says in words what is measured here.
"""

import contextlib
import importlib
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import weighted_roc_auc, weighted_scorer
from skhep_dnn.metrics._metric_scorer import WeightedMetric
from skhep_dnn.model_selection import cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.weights import training_weights

pytestmark = [
    pytest.mark.slow,
    # These tools use parts of pandas, matplotlib and scikit-learn that are deprecated.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    # Samples are small here, of which the classifier rightly warns.
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
]

SETTINGS = {
    "n_layers": 1,
    "width": 16,
    "max_epochs": 6,
    "batch_size": 64,
    "learning_rate": 1e-2,
    "schedule": "constant",
    "early_stopping": False,
    "validation_fraction": None,
    "random_state": 0,
}
CV = StratifiedKFold(3)


def network(**changes):
    return WeightedDNNClassifier(**{**SETTINGS, **changes})


class Traced(WeightedDNNClassifier):
    """A classifier that notes the events and weights of each fit.

    It has the parameters of its base; `fits` is shared by all its clones.
    """

    fits = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, **others):
        Traced.fits.append((np.asarray(X, dtype=float), sample_weight))
        return super().fit(X, y, sample_weight, **others)


def traced(**changes):
    Traced.fits.clear()
    return Traced(**network(**changes).get_params())


@pytest.fixture
def events():
    """1200 events, two useful columns, unique weights, of which one is negative."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(1200) < 0.4, "s", "b")
    noise = rng.normal(size=(1200, 4))
    X = pd.DataFrame(
        {
            "useful": noise[:, 0] + 1.5 * (y == "s"),
            "noise": noise[:, 1],
            "helpful": noise[:, 2] + 0.8 * (y == "s"),
            "more_noise": noise[:, 3],
        }
    )
    w = np.where(y == "s", 0.02, 1.0) * rng.exponential(size=1200)
    w[np.flatnonzero(y == "b")[3]] *= -1
    return X, y, w


@pytest.fixture
def with_category(events):
    """The same with a column of text that knows the class of most events."""
    X, y, w = events
    rng = np.random.default_rng(1)
    lepton = np.where(rng.random(1200) < 0.8, np.where(y == "s", "e", "mu"), "tau")
    return X.assign(lepton=lepton), (y == "s").astype(int), w


@pytest.fixture
def scored(monkeypatch):
    """Weights that reach one of our scorers, in order of the calls."""
    found = []
    original = WeightedMetric.of_response

    def noting(self, y_true, response, sample_weight, pos_label):
        found.append(sample_weight)
        return original(self, y_true, response, sample_weight, pos_label)

    monkeypatch.setattr(WeightedMetric, "of_response", noting)
    return found


def assert_weights_stay_with_their_events(X, w):
    """Each fit had the weights of its own events: the first column names the event."""
    event_of = dict(zip(np.asarray(X, dtype=float)[:, 0], w, strict=True))
    assert Traced.fits
    for rows, weights in Traced.fits:
        expected = [event_of[value] for value in rows[:, 0]]
        np.testing.assert_array_equal(weights, expected)


def auc_scorer(X, y, w):
    """A scorer that carries the weights, and the labels to compare with."""
    return weighted_scorer(
        "roc_auc",
        sample_weight=pd.Series(w, X.index),
        target=pd.Series(y, X.index),
    )


@contextlib.contextmanager
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


# imbalanced-learn


def half_and_half(model):
    """Return a pipeline whose samplers leave the number of events at 1000."""
    over = pytest.importorskip("imblearn.over_sampling")
    under = pytest.importorskip("imblearn.under_sampling")
    return pytest.importorskip("imblearn.pipeline").Pipeline(
        [
            ("over", over.RandomOverSampler(sampling_strategy={"s": 500})),
            ("under", under.RandomUnderSampler(sampling_strategy={"b": 500})),
            ("model", model),
        ]
    )


def imbalanced_events():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(1000) % 5 == 0, "s", "b")
    X = rng.normal(size=(1000, 2)) + (y == "s")[:, None]
    w = np.where(y == "s", 0.01, 1.0) * rng.uniform(0.5, 1.5, size=1000)
    return X, y, w


@pytest.mark.parametrize("with_routing", [False, True])
def test_imblearn_gives_weights_of_equal_length_to_the_wrong_events(with_routing):
    """The trap: 1000 resampled events, the 1000 weights of others, and no error."""
    X, y, w = imbalanced_events()
    pipeline = half_and_half(traced())
    with sklearn.config_context(enable_metadata_routing=with_routing):
        name = "sample_weight" if with_routing else "model__sample_weight"
        pipeline.fit(X, y, **{name: w})
    ((rows, weights),) = Traced.fits
    assert len(rows) == 1000
    np.testing.assert_array_equal(weights, w)
    event_of = dict(zip(X[:, 0], w, strict=True))
    right = [event_of[value] for value in rows[:, 0]]
    assert np.mean(np.isclose(weights, right)) < 0.01


def test_imblearn_leaves_the_classes_with_wrong_yields():
    """200 signal events of weight 0.01 are 2 expected events, not hundreds."""
    X, y, w = imbalanced_events()
    pipeline = half_and_half(network()).fit(X, y, model__sample_weight=w)
    report = pipeline[-1].weight_report_.set_index("class")
    assert w[y == "s"].sum() == pytest.approx(2.0, rel=0.1)
    assert report.loc["s", "yield"] > 200.0


def test_imblearn_with_another_number_of_events_is_an_error():
    X, y, w = imbalanced_events()
    under = pytest.importorskip("imblearn.under_sampling")
    pipeline = pytest.importorskip("imblearn.pipeline").Pipeline(
        [("under", under.RandomUnderSampler()), ("model", network())]
    )
    with pytest.raises(WeightsError, match="one weight for each of the 400 events"):
        pipeline.fit(X, y, model__sample_weight=w)


def test_imblearn_indices_take_the_weights_along():
    X, y, w = imbalanced_events()
    under = pytest.importorskip("imblearn.under_sampling")
    sampler = under.RandomUnderSampler(random_state=0)
    X_drawn, y_drawn = sampler.fit_resample(X, y)
    traced().fit(X_drawn, y_drawn, w[sampler.sample_indices_])
    assert_weights_stay_with_their_events(X, w)


def test_imblearn_is_not_needed_to_balance_the_classes():
    """By default the classes have equal sums of training weights, without a sampler."""
    _, y, w = imbalanced_events()
    assert network().class_weight == "balanced"
    weights = training_weights(y, w).weights
    assert weights[y == "s"].sum() == pytest.approx(weights[y == "b"].sum())


def test_imblearn_ensembles_take_no_weights():
    bagging = pytest.importorskip("imblearn.ensemble").BalancedBaggingClassifier
    X, y, w = imbalanced_events()
    ensemble = bagging(network(), n_estimators=2, random_state=0)
    assert weighted_roc_auc(y, ensemble.fit(X, y).predict_proba(X)[:, 1], w) > 0.7
    with pytest.raises(TypeError, match="sample_weight"):
        ensemble.fit(X, y, sample_weight=w)
    with routing():
        # Each part gets the counts of all events for those that it draws.
        with pytest.raises(WeightsError, match="one weight for each"):
            ensemble.fit(X, y)
        model = network().set_fit_request(sample_weight=False)
        ensemble.set_params(estimator=model).fit(X, y)


# shap


def shap_values(explanation):
    """Return the values and, for each event, what they explain."""
    values = explanation.values  # noqa: PD011
    return values, values.sum(axis=1) + explanation.base_values


def test_shap_values_of_an_additive_logit_are_its_terms():
    """The logit is 2 a - b: the values must follow 2 a, -b, and 0 for c."""
    shap = pytest.importorskip("shap")
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(4000, 3)), columns=["a", "b", "c"])
    y = (rng.random(4000) < 1 / (1 + np.exp(X["b"] - 2 * X["a"]))).astype(int)
    model = network(max_epochs=10, batch_size=128).fit(X, y, rng.exponential(size=4000))
    explained = X[1000:1100]
    explanation = shap.Explainer(model.decision_function, X[:100])(explained)
    values, sums = shap_values(explanation)
    np.testing.assert_allclose(sums, model.decision_function(explained), atol=1e-9)
    for k, slope in enumerate([2.0, -1.0]):
        found, _ = np.polyfit(explained.iloc[:, k], values[:, k], 1)
        assert found == pytest.approx(slope, rel=0.2)
        assert abs(np.corrcoef(explained.iloc[:, k], values[:, k])[0, 1]) > 0.99
    assert np.abs(values[:, 2]).mean() < 0.15


def test_shap_explains_the_probabilities_of_several_classes():
    shap = pytest.importorskip("shap")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=300)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    X["a"] += y
    model = network(max_epochs=2).fit(X, y)
    explanation = shap.Explainer(model.predict_proba, X[:30])(X[:4])
    values, sums = shap_values(explanation)
    assert values.shape == (4, 3, 3)
    np.testing.assert_allclose(sums, model.predict_proba(X[:4]), atol=1e-6)
    np.testing.assert_allclose(values.sum(axis=2), 0.0, atol=1e-6)


def test_shap_needs_numbers_for_categories_or_the_kernel_explainer(with_category):
    """Its maskers subtract values, so that text fails in them."""
    shap = pytest.importorskip("shap")
    X, y, w = with_category
    model = network(categorical_features=["lepton"]).fit(X, y, w)
    with pytest.raises(TypeError, match="'str' and 'str'"):
        shap.Explainer(model.decision_function, X[:20])(X[:2])
    kernel = shap.KernelExplainer(model.decision_function, X[:20])
    values = kernel.shap_values(X[:3], silent=True)
    sums = values.sum(axis=1) + kernel.expected_value
    np.testing.assert_allclose(sums, model.decision_function(X[:3]), atol=1e-9)
    X["lepton"] = X["lepton"].astype("category").cat.codes
    model.fit(X, y, w)
    explanation = shap.Explainer(model.decision_function, X[:20])(X[:3])
    _, sums = shap_values(explanation)
    np.testing.assert_allclose(sums, model.decision_function(X[:3]), atol=1e-9)


# mlxtend


def test_mlxtend_selects_the_useful_columns(events):
    """The weights reach the fits; the scores are unweighted."""
    selection = pytest.importorskip("mlxtend.feature_selection")
    X, y, w = events
    options = {"scoring": "roc_auc", "cv": CV}
    chosen = selection.SequentialFeatureSelector(network(), k_features=2, **options)
    chosen.fit(X, y, sample_weight=w)
    assert chosen.k_feature_names_ == ("useful", "helpful")
    score = cross_val_score(
        network(),
        X[["useful", "helpful"]].to_numpy(),
        y,
        params={"sample_weight": w},
        **options,
    ).mean()
    assert chosen.k_score_ == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["SequentialFeatureSelector", "ExhaustiveFeatureSelector"]
)
def test_mlxtend_gives_each_fit_the_weights_of_its_events(events, name):
    selector = getattr(pytest.importorskip("mlxtend.feature_selection"), name)
    X, y, w = events
    same = pd.DataFrame(
        {"a": X["useful"], "b": X["useful"]}
    )  # the event, in any column
    if name == "ExhaustiveFeatureSelector":
        options = {"min_features": 1, "max_features": 2, "print_progress": False}
    else:
        options = {"k_features": 2}
    selector(traced(max_epochs=1), scoring="roc_auc", cv=CV, **options).fit(
        same, y, sample_weight=w
    )
    assert_weights_stay_with_their_events(same, w)


def test_mlxtend_scores_with_weights_under_routing(events, scored):
    selection = pytest.importorskip("mlxtend.feature_selection")
    X, y, w = events
    chosen = selection.SequentialFeatureSelector(
        network(), k_features=2, scoring=weighted_scorer("roc_auc"), cv=CV
    )
    with routing():
        chosen.fit(X, y, sample_weight=w)
    assert chosen.k_feature_names_ == ("useful", "helpful")
    tested = [w[test] for _, test in CV.split(X, y)]
    for k, weights in enumerate(scored):
        np.testing.assert_array_equal(weights, tested[k % 3])


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:Mean of empty slice")
def test_mlxtend_without_routing_gives_our_scorers_nothing_to_find(events):
    """No weights are passed, and arrays have no index to look carried ones up by."""
    selection = pytest.importorskip("mlxtend.feature_selection")
    X, y, w = events
    for scorer in (weighted_scorer("roc_auc"), auc_scorer(X, y, w)):
        chosen = selection.SequentialFeatureSelector(
            network(max_epochs=1), k_features=1, scoring=scorer, cv=CV
        ).fit(X, y, sample_weight=w)
        assert np.isnan(chosen.k_score_)


def test_mlxtend_ensembles_pass_weights_on(events):
    classifiers = pytest.importorskip("mlxtend.classifier")
    X, y, w = events
    vote = classifiers.EnsembleVoteClassifier([traced()], voting="soft")
    vote.fit(X, y, sample_weight=w)
    assert_weights_stay_with_their_events(X, w)
    expected = network().fit(X, y, w).predict_proba(X)
    np.testing.assert_allclose(vote.predict_proba(X), expected, rtol=1e-6)
    for cls in (classifiers.StackingClassifier, classifiers.StackingCVClassifier):
        w_positive = np.abs(w)  # the last model is not ours
        stack = cls([traced()], meta_classifier=LogisticRegression(), use_probas=True)
        stack.fit(X, y, sample_weight=w_positive)
        assert_weights_stay_with_their_events(X, w_positive)
        assert weighted_roc_auc(y, stack.predict_proba(X)[:, 1], w) > 0.8


# mapie


def coverage(sets, y, classes):
    return sets[np.arange(len(y)), np.searchsorted(classes, y), 0].mean()


def test_mapie_covers_what_it_promises():
    """90 % of the events that are new, with an error of 1.2 %."""
    conformal = pytest.importorskip("mapie.classification")
    rng = np.random.default_rng(0)
    y = np.where(rng.random(3500) < 0.4, "s", "b")
    X = rng.normal(size=(3500, 3)) + (y == "s")[:, None]
    w = np.where(y == "s", 0.02, 1.0) * rng.exponential(size=3500)
    train, calibrate, new = slice(0, 500), slice(500, 1500), slice(1500, None)
    model = network().fit(X[train], y[train], w[train])
    split = conformal.SplitConformalClassifier(model, confidence_level=0.9, prefit=True)
    split.conformalize(X[calibrate], y[calibrate])
    labels, sets = split.predict_set(X[new])
    np.testing.assert_array_equal(labels, model.predict(X[new]))
    assert coverage(sets, y[new], model.classes_) == pytest.approx(0.9, abs=0.045)
    assert sets.sum(axis=1).mean() < 1.6


# It predicts on arrays after a fit on a DataFrame.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("cross", [False, True])
def test_mapie_passes_weights_to_the_fit(events, cross):
    conformal = pytest.importorskip("mapie.classification")
    X, y, w = events
    if cross:
        made = conformal.CrossConformalClassifier(traced(), confidence_level=0.9, cv=3)
        made.fit_conformalize(X, y, fit_params={"sample_weight": w})
    else:
        made = conformal.SplitConformalClassifier(
            traced(), confidence_level=0.9, prefit=False
        )
        made.fit(X[:800], y[:800], fit_params={"sample_weight": w[:800]})
        made.conformalize(X[800:], y[800:])
    assert_weights_stay_with_their_events(X, w)
    _, sets = made.predict_set(X)
    assert coverage(sets, y, np.array(["b", "s"])) == pytest.approx(0.9, abs=0.06)


# eli5


def test_eli5_permutation_importance(events, scored):
    """Unweighted, unless the scorer carries the weights."""
    eli5 = pytest.importorskip("eli5.sklearn")
    X, y, w = events
    model = network().fit(X, y, w)
    carrying = auc_scorer(X, y, w)
    found = eli5.PermutationImportance(
        model, scoring=carrying, n_iter=2, random_state=0
    ).fit(X, y)
    assert np.argsort(found.feature_importances_)[::-1][:2].tolist() == [0, 2]
    assert found.scores_[0] == pytest.approx(carrying(model, X, y))
    assert scored
    for weights in scored:
        np.testing.assert_array_equal(weights, w)
    plain = eli5.PermutationImportance(model, n_iter=2, random_state=0).fit(X, y)
    assert plain.scores_[0] == pytest.approx(model.score(X, y))


# It predicts on tables after a fit on an array.
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_eli5_with_folds_passes_weights_to_the_fits(events):
    eli5 = pytest.importorskip("eli5.sklearn")
    X, y, w = events
    found = eli5.PermutationImportance(traced(), cv=3, n_iter=1, random_state=0)
    found.fit(X, y, sample_weight=w)
    assert len(Traced.fits) == 4
    assert_weights_stay_with_their_events(X, w)
    assert np.argmax(found.feature_importances_) == 0
    # Folds lose the index. With `target` that is an error, not a wrong score.
    found.set_params(scoring=auc_scorer(X, y, w))
    with pytest.raises(WeightsError, match="must equal the carried `target`"):
        found.fit(X, y, sample_weight=w)


# category_encoders and feature-engine: steps of a pipeline

ENCODERS = [
    "CatBoostEncoder",
    "JamesSteinEncoder",
    "LeaveOneOutEncoder",
    "OneHotEncoder",
    "OrdinalEncoder",
    "TargetEncoder",
    "WOEEncoder",
]


@pytest.mark.parametrize("name", ENCODERS)
def test_category_encoders_in_a_weighted_pipeline(with_category, name):
    encoder = getattr(pytest.importorskip("category_encoders"), name)
    X, y, w = with_category
    made = make_weighted_pipeline(encoder(cols=["lepton"]), network())
    made.fit(X, y, sample_weight=w)
    probability = made.predict_proba(X)[:, 1]
    assert weighted_roc_auc(y, probability, w) > 0.97
    by_hand = encoder(cols=["lepton"])
    encoded = by_hand.fit_transform(X, y)
    model = network().fit(encoded, y, w)
    assert list(made[-1].feature_names_in_) == list(encoded.columns)
    np.testing.assert_array_equal(
        probability, model.predict_proba(by_hand.transform(X))[:, 1]
    )


def test_category_encoders_are_tuned_with_weights_in_fit_and_score(
    with_category, scored
):
    encoders = pytest.importorskip("category_encoders")
    X, y, w = with_category
    made = make_weighted_pipeline(encoders.TargetEncoder(cols=["lepton"]), network())
    search = GridSearchCV(
        made,
        {"targetencoder__smoothing": [1.0, 100.0]},
        scoring=weighted_scorer("roc_auc"),
        cv=CV,
    )
    search.fit(X, y, sample_weight=w)
    assert search.best_score_ > 0.97
    assert all(np.isin(weights, w).all() for weights in scored)


def test_feature_engine_transformers_in_a_weighted_pipeline(with_category):
    encoding = pytest.importorskip("feature_engine.encoding")
    outliers = pytest.importorskip("feature_engine.outliers")
    imputation = pytest.importorskip("feature_engine.imputation")
    selection = pytest.importorskip("feature_engine.selection")
    X, y, w = with_category
    X = X.assign(copy_of_useful=1.01 * X["useful"])
    X.loc[::10, "noise"] = np.nan
    made = make_weighted_pipeline(
        imputation.MeanMedianImputer(),
        encoding.MeanEncoder(variables=["lepton"]),
        outliers.Winsorizer(capping_method="quantiles", fold=0.01),
        selection.DropCorrelatedFeatures(threshold=0.95),
        network(),
    ).fit(X, y, sample_weight=w)
    kept = set(made[-1].feature_names_in_)
    assert len(kept) == 5
    assert len(kept & {"useful", "copy_of_useful"}) == 1
    assert weighted_roc_auc(y, made.predict_proba(X)[:, 1], w) > 0.97


SELECTORS = {
    "SelectByShuffling": {"threshold": 0.02, "random_state": 0},
    "RecursiveFeatureElimination": {"threshold": 0.01},
    "RecursiveFeatureAddition": {"threshold": 0.01},
    "SelectBySingleFeaturePerformance": {"threshold": 0.6},
    "ProbeFeatureSelection": {"collective": False, "random_state": 0},
}


@pytest.mark.parametrize("name", SELECTORS)
def test_feature_engine_selects_by_scores_of_carried_weights(events, scored, name):
    selector = getattr(pytest.importorskip("feature_engine.selection"), name)
    X, y, w = events
    y = pd.Series((y == "s").astype(int))
    made = selector(network(), scoring=auc_scorer(X, y, w), cv=CV, **SELECTORS[name])
    made.fit(X, y)
    assert {"useful", "helpful"} <= set(made.get_feature_names_out())
    assert scored
    assert all(np.isin(weights, w).all() for weights in scored)


@pytest.mark.filterwarnings("ignore:Scoring failed")
def test_feature_engine_shuffling_is_the_selector_that_takes_weights(events):
    selection = pytest.importorskip("feature_engine.selection")
    X, y, w = events
    y = pd.Series((y == "s").astype(int))
    made = selection.SelectByShuffling(traced(), cv=CV, threshold=0.02, random_state=0)
    made.fit(X, y, sample_weight=w)
    assert_weights_stay_with_their_events(X, w)
    # It forgets the index of the events, which the scorer says.
    X, y = X.set_axis(X.index + 1), y.set_axis(y.index + 1)
    made.set_params(scoring=auc_scorer(X, y, w))
    with pytest.raises(WeightsError, match="index of `X`"):
        made.fit(X, y, sample_weight=w)


def test_feature_engine_probes_need_importances_unless_one_by_one(events):
    selection = pytest.importorskip("feature_engine.selection")
    X, y, _ = events
    probes = selection.ProbeFeatureSelection(network(max_epochs=1), cv=2)
    with pytest.raises(ValueError, match="Length mismatch"):
        probes.fit(X, (y == "s").astype(int))


# hyperopt


def test_hyperopt_finds_a_better_learning_rate(events):
    hyperopt = pytest.importorskip("hyperopt")
    X, y, w = events

    def loss(parameters):
        model = network(max_epochs=3, **parameters)
        scored = cross_validate_pooled(
            model, X, y, w, scoring="balanced_log_loss", cv=CV
        )
        return -scored.score.value

    start = loss({"learning_rate": 1e-5})
    trials = hyperopt.Trials()
    space = {"learning_rate": hyperopt.hp.loguniform("learning_rate", -14.0, -2.0)}
    best = hyperopt.fmin(
        loss,
        space,
        algo=hyperopt.tpe.suggest,
        max_evals=10,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
    )
    assert min(trials.losses()) < start - 0.1
    assert best["learning_rate"] > 1e-4
    assert loss(best) == pytest.approx(min(trials.losses()), rel=1e-12)


# Boosted trees beside a network


def boosted_trees():
    """Return classifiers of both libraries; they request weights under routing."""
    lightgbm = pytest.importorskip("lightgbm")
    xgboost = pytest.importorskip("xgboost")
    return [
        ("lightgbm", lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1)),
        ("xgboost", xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1)),
    ]


@pytest.mark.parametrize("with_routing", [False, True])
@pytest.mark.parametrize("name", ["stack", "vote"])
def test_trees_and_network_in_one_ensemble(events, name, with_routing):
    """They are asked for labels "s" and "b", which xgboost alone refuses."""
    X, y, w = events
    w = np.abs(w)  # xgboost refuses negative weights
    models = [*boosted_trees(), ("network", traced())]
    last = LogisticRegression()
    with sklearn.config_context(enable_metadata_routing=with_routing):
        if with_routing:
            for model in (*(model for _, model in models[:2]), last):
                model.set_fit_request(sample_weight=True)
        if name == "stack":
            ensemble = StackingClassifier(models, final_estimator=last, cv=CV)
        else:
            ensemble = VotingClassifier(models, voting="soft")
        ensemble.fit(X, y, sample_weight=w)
    assert len(Traced.fits) == (4 if name == "stack" else 1)
    assert_weights_stay_with_their_events(X, w)
    assert weighted_roc_auc(y, ensemble.predict_proba(X)[:, 1], w) > 0.85


def test_xgboost_refuses_negative_weights_and_a_network_does_not(events):
    xgboost = pytest.importorskip("xgboost")
    X, y, w = events
    with pytest.raises(xgboost.core.XGBoostError, match=r"(?i)weight"):
        xgboost.XGBClassifier(n_estimators=1).fit(X, (y == "s") * 1, sample_weight=w)
    assert weighted_roc_auc(y, network().fit(X, y, w).decision_function(X), w) > 0.8


# mlflow


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own type hints
        importlib.import_module("mlflow.pyfunc")
    previous = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = mlflow.create_experiment(
        "events", artifact_location=(tmp_path / "artifacts").as_uri()
    )
    mlflow.set_experiment(experiment_id=experiment)
    yield mlflow
    mlflow.sklearn.autolog(disable=True)
    mlflow.set_tracking_uri(previous)


@pytest.mark.parametrize("serialization_format", ["skops", "cloudpickle"])
def test_mlflow_keeps_a_pipeline_with_its_parameters_and_losses(
    mlflow, events, serialization_format
):
    """skops is the default; tests/test_skops.py stores every estimator by it."""
    skops = pytest.importorskip("skops.io")
    X, y, w = events
    made = make_weighted_pipeline(
        StandardScaler(), network(validation_fraction=0.3), preprocessing_weights="abs"
    ).fit(X, y, sample_weight=w)
    with mlflow.start_run() as run:
        mlflow.log_params(made[-1].get_params())
        for row in made[-1].history_.itertuples():
            mlflow.log_metric("valid_loss", row.valid_loss, step=row.Index)
        logged = mlflow.sklearn.log_model(
            made,
            name="model",
            serialization_format=serialization_format,
            skops_trusted_types=skops.get_untrusted_types(data=skops.dumps(made)),
            pip_requirements=[],
        )
    back = mlflow.sklearn.load_model(logged.model_uri)
    np.testing.assert_array_equal(back.decision_function(X), made.decision_function(X))
    kept = mlflow.get_run(run.info.run_id).data
    assert kept.params["width"] == "16"
    assert kept.metrics["valid_loss"] == made[-1].history_["valid_loss"].iloc[-1]


def test_mlflow_logs_a_search_by_itself(mlflow, events):
    """Its automatic log knows searches; of single fits only scikit-learn's own."""
    X, y, w = events
    mlflow.sklearn.autolog(log_models=False)
    grid = {"width": [4, 8]}
    with mlflow.start_run() as run:
        search = GridSearchCV(
            traced(), grid, scoring=weighted_scorer("roc_auc"), cv=CV
        ).fit(X, y, sample_weight=w)
    kept = mlflow.get_run(run.info.run_id).data
    assert kept.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert kept.params["best_width"] == str(search.best_params_["width"])
    assert len(Traced.fits) == 7
    assert_weights_stay_with_their_events(X, w)
    with mlflow.start_run() as run:
        network(max_epochs=1).fit(X, y, w)
    assert not mlflow.get_run(run.info.run_id).data.params


def test_clones_of_all_tools_train_alike(events):
    """The tracing classifier is the classifier: what is said of one holds for both."""
    X, y, w = events
    np.testing.assert_array_equal(
        clone(traced()).fit(X, y, w).decision_function(X),
        network().fit(X, y, w).decision_function(X),
    )
    assert make_pipeline(traced()).fit(X, y)[-1].get_params() == network().get_params()
