"""What scikit-learn does with weights, as the guide says: each row of it is measured.

The guide's tables are read and compared with what a tracing model, scaler and metric
saw, so that a version of scikit-learn with other rules is noticed here.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import (
    RFECV,
    SelectFromModel,
    SequentialFeatureSelector,
)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import weighted_roc_auc, weighted_scorer
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.model_selection import cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning",
    "ignore::skhep_dnn.exceptions.CancellingWeightsWarning",
)

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "weights_in_searches.md"

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = np.where(X[:, 0] + RNG.normal(size=120) > 0, 1, 0)
W = RNG.uniform(0.5, 2.0, size=120)
TWO_LABELS = np.column_stack([Y, 1 - Y])
UNLABELLED = np.where(RNG.random(120) < 0.2, -1, Y)

SEEN = {}


def note(name, sample_weight):
    SEEN.setdefault(name, set()).add(kind_of(sample_weight))


def kind_of(sample_weight):
    """Return "yes" for the weights of events, "drawn" for how often each was drawn."""
    if sample_weight is None:
        return "no"
    return "drawn" if np.all(np.mod(sample_weight, 1) == 0) else "yes"


class Scaler(StandardScaler):
    def fit(self, X, y=None, sample_weight=None):
        note("scaler", sample_weight)
        return super().fit(X, y, sample_weight)


class Model(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        note("fit", sample_weight)
        return super().fit(X, y, sample_weight)


def auc(y_true, y_score, sample_weight=None):
    note("score", sample_weight)
    return roc_auc_score(y_true, y_score, sample_weight=sample_weight)


def asked(made, request):
    """Return an object that requests weights, where requests are possible."""
    if sklearn.get_config()["enable_metadata_routing"]:
        getattr(made, request)(sample_weight=True)
    return made


def model():
    return asked(Model(), "set_fit_request")


def scorer():
    made = make_scorer(auc, response_method="predict_proba")
    return asked(made, "set_score_request")


def pipeline():
    return make_pipeline(asked(Scaler(), "set_fit_request"), model())


def weighted_pipeline():
    return make_weighted_pipeline(Scaler(), Model())


def search(cls, estimator, grid, **options):
    cls(estimator, grid, scoring=scorer(), cv=3, **options).fit(X, Y, sample_weight=W)


def cross(function, estimator, **options):
    # permutation_test_score does not take `error_score`.
    if function is not permutation_test_score:
        options["error_score"] = "raise"
    options["params"] = {"sample_weight": W}
    return function(estimator, X, Y, scoring=scorer(), cv=3, **options)


def fitted(estimator, y=Y):
    estimator.fit(X, y, sample_weight=W)


def wrappers(inside):
    """Return the calls of those that fit an estimator inside, by name."""
    return {
        "StackingClassifier": lambda: fitted(
            StackingClassifier([("a", inside())], model(), cv=3)
        ),
        "VotingClassifier": lambda: fitted(VotingClassifier([("a", inside())])),
        "CalibratedClassifierCV": lambda: fitted(
            CalibratedClassifierCV(inside(), cv=3)
        ),
        "BaggingClassifier": lambda: fitted(BaggingClassifier(inside(), 2)),
    }


def legacy_free_logistic():
    return LogisticRegressionCV(
        scoring=scorer(), cv=3, Cs=2, l1_ratios=(0,), use_legacy_attributes=False
    )


GRID = {"C": [0.5, 1.0]}
TOOLS = {
    "GridSearchCV": lambda: search(GridSearchCV, model(), GRID),
    "RandomizedSearchCV": lambda: search(RandomizedSearchCV, model(), GRID, n_iter=1),
    "HalvingGridSearchCV": lambda: search(HalvingGridSearchCV, model(), GRID),
    "cross_val_score": lambda: cross(cross_val_score, model()),
    "cross_validate": lambda: cross(cross_validate, model()),
    "learning_curve": lambda: cross(learning_curve, model()),
    "validation_curve": lambda: cross(
        validation_curve, model(), param_name="C", param_range=[0.5, 1.0]
    ),
    "permutation_test_score": lambda: cross(
        permutation_test_score, model(), n_permutations=2
    ),
    "cross_val_predict": lambda: cross_val_predict(
        model(), X, Y, cv=3, params={"sample_weight": W}
    ),
    "permutation_importance": lambda: permutation_importance(
        LogisticRegression().fit(X, Y),
        X,
        Y,
        scoring=scorer(),
        n_repeats=1,
        sample_weight=W,
    ),
    "LogisticRegressionCV": lambda: fitted(legacy_free_logistic()),
    "RFECV": lambda: fitted(RFECV(model(), scoring=scorer(), cv=3)),
    "SequentialFeatureSelector": lambda: fitted(
        SequentialFeatureSelector(
            model(), n_features_to_select=1, scoring=scorer(), cv=3
        )
    ),
    "TunedThresholdClassifierCV": lambda: fitted(
        TunedThresholdClassifierCV(model(), scoring=scorer(), cv=3)
    ),
    "FixedThresholdClassifier": lambda: fitted(FixedThresholdClassifier(model())),
    "SelectFromModel": lambda: fitted(SelectFromModel(model())),
    **wrappers(model),
    "AdaBoostClassifier": lambda: fitted(AdaBoostClassifier(model(), n_estimators=2)),
    "OneVsRestClassifier": lambda: fitted(OneVsRestClassifier(model())),
    "OneVsOneClassifier": lambda: fitted(OneVsOneClassifier(model())),
    "MultiOutputClassifier": lambda: fitted(MultiOutputClassifier(model()), TWO_LABELS),
    "ClassifierChain": lambda: fitted(ClassifierChain(model()), TWO_LABELS),
    "SelfTrainingClassifier": lambda: fitted(
        SelfTrainingClassifier(model()), UNLABELLED
    ),
}
WRAPPED = {
    f"{name}({inside})": call
    for inside, make in (
        ("Pipeline", pipeline),
        ("WeightedPipeline", weighted_pipeline),
    )
    for name, call in wrappers(make).items()
}


def rows(heading):
    """Return the rows of the table under a heading: cells without emphasis and code."""
    section = GUIDE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in table[2:]
    ]


def named_rows(heading):
    """Return the cells of each row by each name in its first cell."""
    return {
        name: cells
        for first, *cells in rows(heading)
        for name in re.findall(r"`([\w()]+)`", first)
    }


def seen_by(call, names, *, routing):
    """Return one cell a name: what it got, "error" for all, "" if it was not called."""
    SEEN.clear()
    with (
        warnings.catch_warnings(),
        sklearn.config_context(enable_metadata_routing=routing),
    ):
        warnings.simplefilter("ignore")  # AdaBoost, and those that leave weights out
        try:
            call()
        except (ValueError, TypeError, NotImplementedError):
            return ["error"] * len(names)
    return [" and ".join(sorted(SEEN.get(name, {""}))) for name in names]


def without_repeated_errors(cells):
    """An error stands once in a row of the guide, in the column of the fit."""
    return ["error", *[""] * (len(cells) - 1)] if "error" in cells else cells


@pytest.mark.parametrize("name", TOOLS)
def test_what_the_guide_says_of_a_tool_is_what_it_does(name):
    measured = []
    for routing in (False, True):
        cells = seen_by(TOOLS[name], ["fit", "score"], routing=routing)
        measured += without_repeated_errors(cells)
    assert named_rows("The other tools")[name] == measured


@pytest.mark.parametrize("name", WRAPPED)
def test_what_the_guide_says_of_a_wrapped_pipeline_is_what_happens(name):
    measured = []
    for routing in (False, True):
        cells = seen_by(WRAPPED[name], ["scaler", "fit"], routing=routing)
        measured += without_repeated_errors(cells)
    assert named_rows("Pipelines inside other tools")[name] == measured


def test_the_guide_has_a_row_for_each_tool_and_no_other():
    assert set(named_rows("The other tools")) == set(TOOLS)
    assert set(named_rows("Pipelines inside other tools")) == set(WRAPPED)


def test_a_plain_pipeline_in_calibration_warns_that_it_gets_no_weights():
    with pytest.warns(UserWarning, match="sample weights will only be used for"):
        fitted(CalibratedClassifierCV(pipeline(), cv=3))


def test_a_search_passes_weights_to_a_function_without_routing_alone():
    """With routing a function has no request, and nobody says that it gets none."""

    def function(estimator, X, y, sample_weight=None):
        note("score", sample_weight)
        return estimator.score(X, y, sample_weight)

    def call():
        options = {"scoring": function, "cv": 3}
        GridSearchCV(model(), GRID, **options).fit(X, Y, sample_weight=W)

    assert seen_by(call, ["score"], routing=False) == ["yes"]
    assert seen_by(call, ["score"], routing=True) == ["no"]


@pytest.mark.parametrize("routing", [False, True])
def test_here_a_function_gets_weights_by_its_parameter(routing):
    def function(estimator, X, y, sample_weight=None):
        note("score", sample_weight)
        return estimator.score(X, y, sample_weight)

    def call():
        cross_validate_pooled(model(), X, Y, W, scoring=function, cv=3)

    assert seen_by(call, ["score"], routing=routing) == ["yes"]


def test_a_metric_without_weights_warns_in_a_search_without_routing_alone():
    metric = make_scorer(lambda y_true, y_pred: np.mean(y_true == y_pred))
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        GridSearchCV(model(), GRID, scoring=metric, cv=3).fit(X, Y, sample_weight=W)
    with sklearn.config_context(enable_metadata_routing=True):
        GridSearchCV(model(), GRID, scoring=metric, cv=3).fit(X, Y, sample_weight=W)


@pytest.mark.parametrize("routing", [False, True])
def test_bagging_draws_events_by_their_weights(routing):
    """An event of weight 0 is never drawn, and negative weights are impossible."""
    weights = np.where(np.arange(120) < 60, 0.0, W)
    with sklearn.config_context(enable_metadata_routing=routing):
        bag = BaggingClassifier(model(), 3, random_state=0)
        bag.fit(X, Y, sample_weight=weights)
        for drawn in bag.estimators_samples_:
            assert min(drawn) >= 60
        with pytest.raises(ValueError, match=r"(?i)negative"):
            bag.fit(X, Y, sample_weight=np.where(np.arange(120) < 5, -W, W))


def test_bagging_of_physics_weights_hardly_draws_the_signal():
    """Which is 30 of 120 events but 1 % of the expected ones."""
    y = np.where(np.arange(120) < 30, 1, 0)
    weights = np.where(y == 1, 0.01 * 120 / 30, 0.99 * 120 / 90)
    bag = BaggingClassifier(LogisticRegression(), 20, random_state=0)
    bag.fit(X, y, sample_weight=weights)
    n_signal = [y[drawn].sum() for drawn in bag.estimators_samples_]
    assert np.mean(n_signal) < 3


# Negative weights.

SIGNED = np.where(RNG.random(120) < 0.25, -W, W)


@pytest.mark.filterwarnings("ignore:Scoring failed")
@pytest.mark.parametrize("routing", [False, True])
def test_the_name_roc_auc_gives_nan_for_negative_weights(routing):
    with sklearn.config_context(enable_metadata_routing=routing):
        name = asked(get_scorer("roc_auc"), "set_score_request")
        search = GridSearchCV(small_network(), {"width": [2, 3]}, scoring=name, cv=3)
        with pytest.warns(UserWarning, match="scores are non-finite: \\[nan nan\\]"):
            search.fit(X, Y, sample_weight=SIGNED)
        assert np.isnan(search.cv_results_["mean_test_score"]).all()
        assert search.best_index_ == 0  # the first candidate, whatever it is
        search.set_params(error_score="raise")
        with pytest.raises(ValueError, match="neither increasing"):
            search.fit(X, Y, sample_weight=SIGNED)


@pytest.mark.parametrize("routing", [False, True])
def test_weighted_scorer_is_what_to_write_instead(routing):
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            small_network(), {}, scoring=weighted_scorer("roc_auc"), cv=[halves()]
        )
        search.fit(X, Y, sample_weight=SIGNED)
        train, test = halves()
        one = small_network().fit(X[train], Y[train], SIGNED[train])
    expected = weighted_roc_auc(Y[test], one.decision_function(X[test]), SIGNED[test])
    assert search.best_score_ == pytest.approx(expected, rel=1e-12)


def small_network():
    return WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=2,
        validation_fraction=None,
        early_stopping=False,
        random_state=0,
    )


def halves():
    return np.arange(0, 120, 2), np.arange(1, 120, 2)


def test_cross_validate_counts_negative_events_as_any_other():
    found = cross_validate(
        small_network(),
        X,
        Y,
        scoring="roc_auc",
        cv=[halves()],
        params={"sample_weight": SIGNED},
    )
    train, test = halves()
    one = small_network().fit(X[train], Y[train], SIGNED[train])
    expected = roc_auc_score(Y[test], one.decision_function(X[test]))
    assert found["test_score"] == pytest.approx([expected])


UNDEFINED = {"average_precision", "matthews_corrcoef"}
SIGNED_AS_THEY_ARE = set(METRIC_NAMES) & set(get_scorer_names()) - UNDEFINED


AREAS = {name for name in SIGNED_AS_THEY_ARE if name.startswith("roc_auc")}


@pytest.mark.parametrize("name", sorted(AREAS))
def test_areas_of_negative_weights_are_refused_by_scikit_learn(name):
    y = Y if name == "roc_auc" else np.where(X[:, 0] > 1.0, "z", Y)
    fit = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"neither increasing|not supported for multi"):
        get_scorer(name)(fit, X, y, sample_weight=SIGNED)
    assert np.isfinite(weighted_scorer(name)(fit, X, y, sample_weight=SIGNED))


@pytest.mark.parametrize("name", sorted(SIGNED_AS_THEY_ARE - AREAS))
def test_other_names_sum_the_signed_weights(name):
    fit = LogisticRegression().fit(X, Y)
    theirs = get_scorer(name)(fit, X, Y, sample_weight=SIGNED)
    assert theirs == pytest.approx(
        weighted_scorer(name)(fit, X, Y, sample_weight=SIGNED)
    )


@pytest.mark.parametrize("name", sorted(UNDEFINED))
def test_two_names_give_a_number_where_none_is_defined(name):
    fit = LogisticRegression().fit(X, Y)
    assert np.isfinite(get_scorer(name)(fit, X, Y, sample_weight=SIGNED))
    with pytest.raises(WeightsError, match="undefined with negative weights"):
        weighted_scorer(name)(fit, X, Y, sample_weight=SIGNED)
