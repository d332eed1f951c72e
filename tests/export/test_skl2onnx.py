"""Pipelines and blends that skl2onnx converts with the help of this package."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export import register_skl2onnx_converters
from skhep_dnn.export._lowering.rules import SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.model_selection import (
    EventNumberKFold,
    OptunaSearchCV,
    SignificanceThresholdClassifier,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from tests.export.test_blends import NETWORK, TREES
from tests.export.test_trees import events

OPSETS = {"": 17, "ai.onnx.ml": 3}


@pytest.fixture(autouse=True, scope="module")
def converters():
    register_skl2onnx_converters()
    register_skl2onnx_converters()  # twice is no error


def converted(model, X, **arguments):
    """Return label and probability of onnxruntime for events."""
    arguments = {"target_opset": OPSETS, "options": {"zipmap": False}} | arguments
    onx = skl2onnx.to_onnx(model, X[:1], **arguments)
    session = onnxruntime.InferenceSession(onx.SerializeToString())
    feed = {"X": X}
    if isinstance(X, pd.DataFrame):
        feed = {name: X[[name]].to_numpy() for name in X.columns}
    return session.run(None, feed)


def check(model, X, atol=1e-5, **arguments):
    label, probability = converted(model, X, **arguments)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(probability, expected, rtol=0, atol=atol)
    sides = np.sort(expected, axis=1)
    clear = sides[:, -1] - sides[:, -2] > 1e-4
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(label[clear], model.predict(X)[clear])
    return label, probability


def bins():
    return KBinsDiscretizer(
        5, encode="ordinal", quantile_method="averaged_inverted_cdf"
    )


def test_alone_skl2onnx_fails_on_histogram_boosting():
    code = """
import numpy as np, skl2onnx
from sklearn.ensemble import HistGradientBoostingClassifier
X = np.random.default_rng(0).normal(size=(200, 2))
model = HistGradientBoostingClassifier(max_iter=3).fit(X, X[:, 0] > 0.0)
skl2onnx.to_onnx(model, X[:1], target_opset={"": 17, "ai.onnx.ml": 3})
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    # When it does, it need no longer be replaced.
    assert done.returncode != 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_histogram_boosting(n_classes, dtype):
    X, y, _ = events(n_classes, dtype)
    model = HistGradientBoostingClassifier(max_iter=20).fit(X, y)
    _, probability = check(model, X)
    assert probability.dtype == dtype
    codes = np.unique(y, return_inverse=True)[1] * 3 - 2
    label, _ = check(model.fit(X, codes), X)
    assert label.dtype == np.int64


@pytest.mark.parametrize("n_classes", [2, 3])
def test_lightgbm(n_classes):
    lightgbm = pytest.importorskip("lightgbm")
    register_skl2onnx_converters()
    X, y, _ = events(n_classes)
    model = lightgbm.LGBMClassifier(n_estimators=10, verbosity=-1, n_jobs=1)
    check(model.fit(X, y), X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_unknown_step_before_trees_and_networks(n_classes):
    X, y, _ = events(n_classes, missing=False)
    check(make_pipeline(bins(), TREES).fit(X, y), X)
    network = make_weighted_pipeline(StandardScaler(), bins(), NETWORK)
    check(network.fit(X, y, sample_weight=np.ones(len(X))), X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weights", [None, [3.0, 1.0, 2.0]])
def test_a_blend_with_an_unknown_step(weights, n_classes):
    X, y, _ = events(n_classes, missing=False)
    parts = [
        ("network", make_weighted_pipeline(StandardScaler(), NETWORK)),
        ("trees", make_pipeline(bins(), TREES)),
        ("linear", LogisticRegression()),
    ]
    model = VotingClassifier(parts, voting="soft", weights=weights).fit(X, y)
    check(model, X)
    check(make_pipeline(StandardScaler(), model).fit(X, y), X)


def test_stacking_calibration_and_a_search_around_them():
    X, y, _ = events(missing=False)
    parts = [("network", NETWORK), ("trees", TREES)]
    check(StackingClassifier(parts, LogisticRegression(), cv=2).fit(X, y), X)
    for part in (TREES, NETWORK):
        check(CalibratedClassifierCV(part, cv=2).fit(X, y), X)
    grid = {"histgradientboostingclassifier__max_iter": [3, 5]}
    search = GridSearchCV(make_pipeline(bins(), TREES), grid, cv=2).fit(X, y)
    check(search.best_estimator_, X)
    search = OptunaSearchCV(
        make_pipeline(bins(), TREES),
        {"histgradientboostingclassifier__max_iter": [3, 5]},
        n_trials=2,
        cv=2,
        scoring="neg_log_loss",
        random_state=0,
    )
    check(search.fit(X, y), X)


@pytest.mark.parametrize("columns", ["names", "matrix"])
def test_the_kinds_of_inputs(columns):
    # skl2onnx has bins of float32 alone, beside which no float64 can stand.
    X, y, _ = events(2, "float32", missing=False)
    step = make_column_transformer((bins(), [0, 1]), remainder="passthrough")
    if columns == "names":
        X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
        step = make_column_transformer((bins(), ["pt", "mass"]), remainder="drop")
    check(make_pipeline(step, TREES).fit(X, y), X)


def test_a_network_on_several_named_columns():
    X, y, _ = events()
    X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    check(WeightedDNNClassifier(max_epochs=1, random_state=0).fit(X, y), X)


def test_texts_are_categories():
    X, y, _ = events()
    X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    X["kind"] = np.resize(np.array(["e", "mu", "tau"], dtype=object), len(X))
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=["kind"])
    trees.fit(X, y)
    kinds = skl2onnx.common.data_types
    types = [(name, kinds.DoubleTensorType([None, 1])) for name in X.columns[:-1]]
    types.append(("kind", kinds.StringTensorType([None, 1])))
    check(trees, X, initial_types=types)


@pytest.mark.parametrize("zipmap", [True, "columns"])
def test_zipmap(zipmap):
    X, y, _ = events(3, "float32", missing=False)
    model = make_pipeline(bins(), TREES).fit(X, y)
    found = converted(model, X, options={"zipmap": zipmap})
    expected = model.predict_proba(X)
    if zipmap == "columns":
        np.testing.assert_allclose(np.column_stack(found[1:]), expected, atol=1e-5)
    else:
        assert found[1][0].keys() == set(model.classes_)
        first = [row["b"] for row in found[1]]
        np.testing.assert_allclose(first, expected[:, 0], atol=1e-5)


def test_folds_by_event_number():
    X, y, w = events()
    X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    X["event"] = np.random.default_rng(0).integers(0, 2**60, len(X))
    model = CrossFitClassifier(TREES, cv=EventNumberKFold(2), event_number="event")
    check(model.fit(X, y, sample_weight=np.abs(w)), X)
    values = X.to_numpy(dtype=float)
    with pytest.raises(ExportError, match=r"Event numbers must come in as a column"):
        converted(model, values)


def test_a_cut_decides_on_the_label():
    X, y, _ = events()
    w = np.ones(len(X))
    model = SignificanceThresholdClassifier(TREES.fit(X, y), cv="prefit")
    for signal in ("s", "b"):
        model.set_params(pos_label=signal).fit(X, y, sample_weight=w)
        label, _ = converted(model, X)
        np.testing.assert_array_equal(label, model.predict(X))
        assert (label != model.estimator_.predict(X)).any()


@pytest.mark.parametrize("response", ["auto", "predict_proba"])
def test_a_cut_among_several_classes(response):
    X, y, _ = events(3)
    model = SignificanceThresholdClassifier(
        TREES.fit(X, y), cv="prefit", pos_label=["s", "t"], response_method=response
    )
    model.fit(X, y, sample_weight=np.ones(len(X)))
    label, _ = converted(model, X)
    # The cut is at the score of an event, which may differ in its last digit.
    assert (label != model.predict(X)).sum() <= 1


def test_boosted_networks():
    X, y, _ = events()
    model = BoostedDNN(NETWORK, n_estimators=2, random_state=0).fit(X, y)
    if "BoostedDNN" not in {name.rpartition(".")[2] for name in SCORE_RULES}:
        pytest.skip("there is no rule for BoostedDNN")
    check(model, X)


def test_every_class_of_the_package_with_a_rule_has_a_converter():
    known = {
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in skl2onnx._supported_operators.sklearn_operator_name_map
    }
    own = {name for name in SCORE_RULES | TRANSFORM_RULES if name.startswith("skhep")}
    assert own <= known


def test_what_is_refused():
    X, y, _ = events(missing=False)
    trees = HistGradientBoostingClassifier(max_iter=2).fit(X, y)
    with pytest.raises(ExportError, match=r"`target_opset` must be .*got 18 and 3"):
        converted(trees, X, target_opset={"": 18, "ai.onnx.ml": 3})
    voting = VotingClassifier([("t", trees)], voting="hard").fit(X, y)
    with pytest.raises(ExportError, match=r"`voting` .* must be 'soft', got 'hard'"):
        converted(voting, X)
    forest = RandomForestClassifier(2).fit(X, y)
    table = pd.DataFrame(X, columns=list("abcd")).assign(event=np.arange(len(X)))
    inner = CrossFitClassifier(
        make_pipeline(bins(), forest), cv=EventNumberKFold(2), event_number="event"
    )
    with pytest.raises(ExportError, match=r"got .*KBinsDiscretizer"):
        converted(inner.fit(table, y), table)


def test_without_skl2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r'skl2onnx must .*"skhep-dnn\[onnx\]"'):
        register_skl2onnx_converters()


def test_encoders_of_skl2onnx_before_ours():
    X, y, _ = events(missing=False)
    X = pd.DataFrame(X, columns=["pt", "eta", "phi", "mass"])
    X["n"] = np.resize([1, 2, 3], len(X))
    encoder = OneHotEncoder(sparse_output=False)
    step = make_column_transformer((encoder, ["n"]), remainder="passthrough")
    check(make_pipeline(step, TREES).fit(X, y), X)
