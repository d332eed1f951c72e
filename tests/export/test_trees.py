"""Trees against their own libraries: missing values, thresholds, categories."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._scoring_program import scoring_program
from tests.export.agreement import check_agreement, onnx_outputs

N_EVENTS = 10_000


def events(n_classes=2, dtype="float64", seed=0, missing=True):
    """Return events, labels and weights, a tenth of them negative."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, N_EVENTS)
    X = rng.normal(size=(N_EVENTS, 4)) + 0.8 * y[:, None] * np.array([1, 0.5, 0, -1])
    X[:, 2] = np.round(X[:, 2], 1)  # many events at the same values
    X = X.astype(dtype)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    w = rng.exponential(size=N_EVENTS) * np.where(rng.random(N_EVENTS) < 0.1, -1, 1)
    return X, np.array(["b", "s", "t", "u"])[y], w


def at_thresholds(X, thresholds):
    """Return events with values at thresholds, and next to them, in every column."""
    found = np.concatenate([np.ravel(t) for t in thresholds])
    values = np.resize(found[np.isfinite(found)], len(X))
    X = X.copy()
    for i in range(X.shape[1]):
        rows = slice(i * 1000, (i + 1) * 1000)
        at = values[rows].astype(X.dtype)
        at[::3] = np.nextafter(at[::3], X.dtype.type(np.inf))
        at[1::3] = np.nextafter(at[1::3], X.dtype.type(-np.inf))
        X[rows, i] = at
    return X


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_histogram_boosting(n_classes, dtype):
    X, y, w = events(n_classes, dtype)
    model = HistGradientBoostingClassifier(max_iter=40, max_bins=63)
    model.fit(X, y, sample_weight=np.abs(w))
    thresholds = [t.nodes["num_threshold"] for k in model._predictors for t in k]
    X = at_thresholds(X, thresholds)
    X[:5, 0], X[5:9, 1] = np.inf, -np.inf
    scoring = check_agreement(model, X, decision=1e-5)
    assert {spec.dtype for spec in scoring.inputs} == {dtype}


def test_histogram_boosting_with_negative_weights_and_early_stopping():
    X, y, w = events()
    model = HistGradientBoostingClassifier(
        max_iter=200, early_stopping=True, n_iter_no_change=3, learning_rate=0.5
    )
    model.fit(X, y, sample_weight=w)
    assert model.n_iter_ < 200
    check_agreement(model, X, decision=1e-4)


def test_the_sum_of_a_thousand_trees_is_in_double_precision():
    # The operator of ONNX has sums in float32 alone.
    X, y, _ = events()
    model = HistGradientBoostingClassifier(
        max_iter=1000, max_leaf_nodes=8, max_bins=31, early_stopping=False
    ).fit(X, y)
    scoring = check_agreement(model, X, decision=1e-5)
    found = onnx_outputs(scoring, scoring.arrays(X))["decision"][:, 0]
    assert np.abs(found - model.decision_function(X)).max() < 1e-9


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["numbers", "strings", "pandas"])
def test_categories_of_histogram_boosting(kind, n_classes):
    X, y, _ = events(n_classes)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 40, N_EVENTS)
    X[:, 0] += np.array([-1.0, 1.0])[np.isin(codes, [1, 5, 17, 33, 39]).astype(int)]
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    numbers = codes * 3.0 - 5.0
    numbers[rng.random(N_EVENTS) < 0.1] = np.nan
    if kind == "numbers":
        table.insert(1, "kind", numbers)
    else:
        names = np.array([f"k{c}" for c in codes], dtype=object)
        names[rng.random(N_EVENTS) < 0.1] = None
        values = pd.Series(names)
        table.insert(
            1, "kind", values.astype("category") if kind == "pandas" else values
        )
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=["kind"])
    model.fit(table, y)
    assert any(
        tree.nodes["is_categorical"].any() for k in model._predictors for tree in k
    )
    check_agreement(model, table, decision=1e-5)
    if kind == "numbers":  # unknown ones count as missing
        table["kind"] = rng.integers(-20, 200, N_EVENTS).astype(float)
        check_agreement(model, table, decision=1e-5)
    elif kind == "strings":
        table["kind"] = np.where(rng.random(N_EVENTS) < 0.5, "new", "k5")
        check_agreement(model, table, decision=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forests(kind, n_classes, dtype):
    X, y, w = events(n_classes, dtype)
    model = kind(12, min_samples_leaf=3, random_state=0)
    model.fit(X, y, sample_weight=np.abs(w))
    X = at_thresholds(X, [tree.tree_.threshold for tree in model.estimators_])
    check_agreement(model, X)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_single_trees(n_classes):
    X, y, _ = events(n_classes)
    check_agreement(DecisionTreeClassifier(max_depth=7).fit(X, y), X)
    check_agreement(DecisionTreeClassifier(max_depth=1).fit(X, y), X)
    stump = DecisionTreeClassifier(min_samples_leaf=N_EVENTS).fit(X, y)
    check_agreement(stump, X)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("n_classes", "parameters"),
    [
        (2, {}),
        (3, {}),
        (2, {"loss": "exponential"}),
        (2, {"init": "zero"}),
        (3, {"init": "zero"}),
        (2, {"init": LogisticRegression()}),
        (3, {"init": LogisticRegression()}),
        (2, {"init": LogisticRegression(), "loss": "exponential"}),
    ],
)
def test_gradient_boosting(n_classes, parameters, dtype):
    X, y, w = events(n_classes, dtype, missing=False)
    model = GradientBoostingClassifier(n_estimators=15, **parameters)
    model.fit(X, y, sample_weight=np.abs(w))
    X = at_thresholds(X, [t.tree_.threshold for t in model.estimators_.ravel()])
    check_agreement(model, X, decision=1e-5)


LIGHTGBM = {"n_estimators": 25, "verbosity": -1, "n_jobs": 1, "min_child_samples": 5}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1},
        {"boosting_type": "dart"},
        {"extra_trees": True, "max_depth": 3},
    ],
    ids=str,
)
def test_lightgbm(parameters, n_classes, dtype):
    lightgbm = pytest.importorskip("lightgbm")
    X, y, w = events(n_classes, dtype)
    X[np.random.default_rng(2).random(X.shape) < 0.1] = 0.0
    model = lightgbm.LGBMClassifier(**LIGHTGBM | parameters)
    model.fit(X, y, sample_weight=np.abs(w))
    dump = model.booster_.trees_to_dataframe()["threshold"].dropna()
    X = at_thresholds(X, [dump.astype(float).to_numpy()])
    X[:5, 0], X[5:9, 1] = np.inf, -np.inf
    X[9:12, 2] = [1e-35, -1e-35, 1e-36]
    check_agreement(model, X)


@pytest.mark.parametrize("parameters", [{"sigmoid": 2.0}, {"scale_pos_weight": 3.0}])
def test_lightgbm_with_another_sigmoid(parameters):
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = events()
    model = lightgbm.LGBMClassifier(**LIGHTGBM | parameters).fit(X, y)
    has_decision = hasattr(model, "decision_function")  # from version 4.7 on
    check_agreement(model, X, decision=1e-6 if has_decision else None)
    check_agreement(CalibratedClassifierCV(model, cv=2).fit(X, y), X)


def test_lightgbm_of_each_class_against_the_rest():
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = events(3)
    model = lightgbm.LGBMClassifier(objective="multiclassova", **LIGHTGBM)
    check_agreement(model.fit(X, y), X)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
def test_lightgbm_stopped_early_and_missing_values_of_the_fit_alone():
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = events(missing=False)
    model = lightgbm.LGBMClassifier(**LIGHTGBM | {"n_estimators": 300})
    model.set_params(learning_rate=0.5)
    stop = lightgbm.early_stopping(3, verbose=False)
    half = slice(0, 5000)
    model.fit(X[half], y[half], eval_set=[(X[5000:], y[5000:])], callbacks=[stop])
    assert model.best_iteration_ < 300
    X[::7] = np.nan  # counts as 0
    check_agreement(model, X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["numbers", "strings", "numbers of pandas"])
def test_categories_of_lightgbm(kind, n_classes):
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = events(n_classes)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 40, N_EVENTS)
    X[:, 0] += np.array([-2.0, 2.0])[np.isin(codes, [1, 5, 17, 33, 39]).astype(int)]
    X[:, 0] -= 2.0 * (y == "s")
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    if kind == "numbers":
        values = codes.astype(float)
        values[rng.random(N_EVENTS) < 0.1] = np.nan
        table.insert(2, "kind", values)
    elif kind == "strings":
        names = np.array([f"k{c}" for c in codes], dtype=object)
        names[rng.random(N_EVENTS) < 0.1] = None
        table.insert(2, "kind", pd.Series(names, dtype="category"))
    else:
        table.insert(2, "kind", pd.Series(codes * 10 - 3, dtype="category"))
    model = lightgbm.LGBMClassifier(**LIGHTGBM)
    told = {"categorical_feature": ["kind"]} if kind == "numbers" else {}
    model.fit(table, y, **told)
    decisions = model.booster_.trees_to_dataframe()["decision_type"]
    assert (decisions == "==").any()
    check_agreement(model, table)
    if kind == "numbers":  # unknown ones, and such as are cut to whole numbers
        table["kind"] = rng.uniform(-20, 200, N_EVENTS)
        check_agreement(model, table)
    elif kind == "strings":
        new = pd.Series(rng.choice(["new", "k5", "k7"], N_EVENTS), dtype="category")
        table["kind"] = new
        check_agreement(model, table)


def test_what_lightgbm_has_and_the_export_has_not():
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = events(missing=False)
    model = lightgbm.LGBMClassifier(objective="cross_entropy", **LIGHTGBM)
    model.fit(X, (y == "s").astype(int))
    with pytest.raises(ExportError, match=r"must be 'binary'.*got 'cross_entropy'"):
        scoring_program(model, X)
    model = lightgbm.LGBMClassifier(linear_tree=True, **LIGHTGBM).fit(X, y)
    with pytest.raises(ExportError, match=r"got linear models. Fit it with linear"):
        scoring_program(model, X)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"missing": 0.0}, {"booster": "gbtree", "num_parallel_tree": 2}],
    ids=str,
)
def test_xgboost(parameters, n_classes, dtype):
    xgboost = pytest.importorskip("xgboost")
    X, y, w = events(n_classes, dtype)
    labels = np.unique(y, return_inverse=True)[1]
    X[np.random.default_rng(2).random(X.shape) < 0.1] = 0.0
    model = xgboost.XGBClassifier(n_estimators=20, n_jobs=1, **parameters)
    model.fit(X, labels, sample_weight=np.abs(w))
    dump = model.get_booster().trees_to_dataframe()["Split"].dropna()
    X = at_thresholds(X, [dump.astype(np.float32).to_numpy()])
    check_agreement(model, X, in_numpy=2e-6)  # it sums in float32


def test_xgboost_stopped_early():
    xgboost = pytest.importorskip("xgboost")
    X, y, _ = events()
    labels = (y == "s").astype(int)
    model = xgboost.XGBClassifier(
        n_estimators=300, n_jobs=1, early_stopping_rounds=3, learning_rate=0.5
    )
    half = slice(0, 5000)
    later = [(X[5000:], labels[5000:])]
    model.fit(X[half], labels[half], eval_set=later, verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    check_agreement(model, X, in_numpy=2e-6)


def test_what_xgboost_has_and_the_export_has_not():
    xgboost = pytest.importorskip("xgboost")
    X, y, _ = events()
    labels = (y == "s").astype(int)
    model = xgboost.XGBClassifier(n_estimators=2, booster="dart").fit(X, labels)
    with pytest.raises(ExportError, match=r"`booster` .* must be 'gbtree', got 'dart'"):
        scoring_program(model, X)
    model = xgboost.XGBClassifier(n_estimators=2, objective="binary:hinge")
    with pytest.raises(ExportError, match=r"must be 'binary:logistic' or .* got"):
        scoring_program(model.fit(X, labels), X)
    codes = pd.Series(np.resize([1, 2, 3], N_EVENTS), dtype="category")
    table = pd.DataFrame({"a": codes})
    model = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True)
    model.fit(table, labels)
    with pytest.raises(ExportError, match=r"must split numbers .* Code categories"):
        scoring_program(model, table)


def test_small_probabilities_are_precise_on_both_sides():
    X, y, _ = events()
    X[:, 3] = np.where(y == "s", 5.0, -5.0)
    model = HistGradientBoostingClassifier(max_iter=300, early_stopping=False)
    model.fit(X, y)
    scoring = scoring_program(model, X)
    found = evaluate(scoring.program, scoring.arrays(X))
    z = model.decision_function(X)
    assert np.abs(z).max() > 15.0
    np.testing.assert_allclose(found["probability"][:, 0], 1 / (1 + np.exp(z)), 1e-9)
    np.testing.assert_allclose(found["probability"][:, 1], 1 / (1 + np.exp(-z)), 1e-9)


def test_labels_of_several_columns_are_refused():
    X, y, _ = events()
    forest = RandomForestClassifier(2, max_depth=2).fit(X, np.column_stack([y, y]))
    forest.classes_ = np.array(["b", "s"])
    with pytest.raises(ExportError, match=r"labels .* must be one column, got 2. Fit"):
        scoring_program(forest, X)
