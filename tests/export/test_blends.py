"""Classifiers made of classifiers, and those of scikit-learn that are no trees."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import EventNumberKFold, OptunaSearchCV
from skhep_dnn.pipeline import make_weighted_pipeline
from tests.export.agreement import check_agreement
from tests.export.test_trees import events

TREES = HistGradientBoostingClassifier(max_iter=10, max_bins=31)
NETWORK = WeightedDNNClassifier(
    n_members=2,
    hidden_layer_sizes=(8,),
    max_epochs=2,
    batch_size=512,
    random_state=0,
)


def forest():
    return RandomForestClassifier(5, max_depth=4, random_state=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(C=0.1),
        LogisticRegressionCV(
            Cs=2,
            cv=2,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
            scoring="accuracy",
        ),
        LinearDiscriminantAnalysis(),
        GaussianNB(),
        MLPClassifier((5, 4), max_iter=1),
        MLPClassifier((5,), max_iter=1, activation="tanh"),
        MLPClassifier((5,), max_iter=1, activation="logistic"),
        MLPClassifier((5,), max_iter=1, activation="identity"),
        DummyClassifier(),
    ],
    ids=lambda model: repr(model).replace(" ", "")[:40],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_single_classifiers(model, n_classes, dtype):
    X, y, _ = events(n_classes, dtype, missing=False)
    model.fit(X, y)
    has_decision = hasattr(model, "decision_function")
    # Python computes in float32 where all is float32.
    check_agreement(
        model,
        X,
        in_numpy=1e-6 if dtype == "float64" else 3e-6,
        decision=1e-4 if has_decision else None,
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weights", [None, [1.0, 2.5, 0.5]])
def test_voting(weights, n_classes):
    X, y, w = events(n_classes)
    parts = [("trees", TREES), ("gone", "drop"), ("network", NETWORK), ("f", forest())]
    if weights is not None:
        weights = [weights[0], 7.0, *weights[1:]]
    model = VotingClassifier(parts, voting="soft", weights=weights)
    check_agreement(model.fit(X, y, sample_weight=np.abs(w)), X)


def test_votes_that_are_no_probabilities_are_refused():
    X, y, _ = events()
    model = VotingClassifier([("trees", TREES)], voting="hard").fit(X, y)
    with pytest.raises(ExportError, match=r"must be 'soft', got 'hard'. Votes"):
        scoring_program(model, X)


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("method", ["auto", "predict_proba", "decision_function"])
def test_stacking(method, n_classes, passthrough):
    X, y, _ = events(n_classes, missing=False)
    parts = [("l", LogisticRegression()), ("trees", TREES), ("gone", "drop")]
    if method != "decision_function":
        parts.append(("f", forest()))
    model = StackingClassifier(
        parts,
        LogisticRegression(),
        cv=2,
        stack_method=method,
        passthrough=passthrough,
    )
    check_agreement(model.fit(X, y), X, decision=1e-4)


def test_stacking_of_labels_is_refused():
    X, y, _ = events()
    parts = [("trees", TREES)]
    model = StackingClassifier(parts, LogisticRegression(), stack_method="predict")
    with pytest.raises(ExportError, match=r"got 'predict'. Fit it with one of these"):
        scoring_program(model.fit(X, y), X)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator", [TREES, forest()], ids=["decision", "probability"]
)
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration(method, ensemble, estimator, n_classes, dtype):
    X, y, w = events(n_classes, dtype)
    model = CalibratedClassifierCV(estimator, method=method, cv=2, ensemble=ensemble)
    model.fit(X, y, sample_weight=np.abs(w))
    check_agreement(model, X)


def test_calibration_of_what_is_frozen():
    X, y, _ = events()
    frozen = FrozenEstimator(TREES.fit(X, y))
    model = CalibratedClassifierCV(frozen, method="isotonic").fit(X, y)
    assert len(model.calibrated_classifiers_[0].calibrators[0].X_thresholds_) > 10
    check_agreement(model, X)
    check_agreement(frozen, X, decision=1e-5)


def test_bagging():
    X, y, _ = events(3)
    model = BaggingClassifier(TREES, 3, max_features=0.5, random_state=0)
    check_agreement(model.fit(X, y), X)


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
        RandomizedSearchCV(LogisticRegression(), {"C": uniform(1, 2)}, n_iter=2, cv=2),
        OptunaSearchCV(
            LogisticRegression(),
            {"C": uniform(1, 2)},
            n_trials=2,
            cv=2,
            scoring="roc_auc",
            random_state=0,
        ),
    ],
    ids=lambda search: type(search).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_searches(search):
    X, y, _ = events(missing=False)
    check_agreement(search.fit(X, y), X, decision=1e-5)


def test_a_search_without_refit_is_refused():
    X, y, _ = events(missing=False)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, refit=False)
    search.fit(X, y)
    with pytest.raises(ExportError, match=r"must have a best estimator, got refit="):
        scoring_program(search, X)


def test_labels_of_python_in_their_order():
    X, y, _ = events(3)
    labels = np.array([10, -3, 7])[np.unique(y, return_inverse=True)[1]]
    model = VotingClassifier([("trees", TREES), ("f", forest())], voting="soft")
    scoring = check_agreement(model.fit(X, labels), X)
    assert scoring.classes == [-3, 7, 10]


def blend_of_the_issue():
    """Return networks, boosted trees of two libraries, and a blend in folds."""
    lightgbm = pytest.importorskip("lightgbm")
    trees = lightgbm.LGBMClassifier(n_estimators=20, verbosity=-1, n_jobs=1)
    scaled = make_weighted_pipeline(StandardScaler(), NETWORK)
    parts = [("networks", scaled), ("histograms", TREES), ("lightgbm", trees)]
    return VotingClassifier(parts, voting="soft", weights=[2.0, 1.0, 1.0])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_blend_of_an_analysis_whole(n_classes):
    X, y, w = events(n_classes)
    table = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    numbers = np.random.default_rng(0).integers(0, 2**40, len(table))
    table.insert(1, "event", numbers)
    folds = EventNumberKFold(2)
    model = CrossFitClassifier(blend_of_the_issue(), cv=folds, event_number="event")
    model.fit(table, y, sample_weight=np.abs(w))
    scoring = check_agreement(model, table)
    found = evaluate(scoring.program, scoring.arrays(table))
    np.testing.assert_array_equal(found["fold"][:, 0], model.fold_numbers(table))


def test_subclasses_and_other_classifiers_are_refused_with_a_remedy():
    class Mine(LogisticRegression):
        pass

    X, y, _ = events(missing=False)
    remedy = r"got .*{}\..*nobody knows what it does differently.*skl2onnx"
    with pytest.raises(ExportError, match=remedy.format("Mine")):
        scoring_program(Mine().fit(X, y), X)
    with pytest.raises(ExportError, match=remedy.format("KNeighborsClassifier")):
        scoring_program(KNeighborsClassifier().fit(X, y), X)
    with pytest.raises(ExportError, match=remedy.format("Mine")):
        scoring_program(make_pipeline(StandardScaler(), Mine()).fit(X, y), X)
