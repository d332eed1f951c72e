"""The adapter to AutoML libraries, with modules that have their interfaces."""

import copy
import gc
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skhep_dnn.exceptions import ChangedWeightsWarning, WeightsError
from skhep_dnn.model_selection import AutoMLClassifier
from tests.model_selection import fake_automl

BACKENDS = ["mljar", "autogluon"]
# Its network ignores weights, which is said once and looked at below.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.ChangedWeightsWarning"
)


@pytest.fixture(autouse=True)
def libraries(monkeypatch):
    fake_automl.install(monkeypatch)
    return fake_automl.CALLS


def events(n=400, negative=0.0, n_classes=2):
    rng = np.random.default_rng(0)
    code = rng.integers(0, n_classes, n)
    y = np.array(["b", "s", "t"])[code]
    X = pd.DataFrame(rng.normal(size=(n, 3)) + code[:, np.newaxis], columns=[*"abc"])
    w = rng.exponential(size=n) * np.where(y == "s", 0.01, 5.0)
    return X, y, w * np.where(rng.random(n) < negative, -1.0, 1.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_library_gets_plain_columns_codes_and_balanced_weights(backend, libraries):
    X, y, w = events()
    w[:7] = 0.0
    X.loc[9, "a"], X.loc[10, "b"] = np.nan, np.inf
    X["d"] = pd.Categorical(np.where(X["a"] > 0, "long", "x"))
    model = AutoMLClassifier(backend=backend, random_state=3).fit(X, y, w)
    (call,) = libraries
    assert call["X"].columns.tolist() == ["x0", "x1", "x2", "x3"]
    assert len(call["X"]) == 393
    assert call["X"].isna().to_numpy().sum() == 2
    assert set(call["X"]["x3"]) == {"long", "x"}
    kept, weights = y[7:], np.asarray(call["weights"])
    assert weights[kept == "s"].sum() == pytest.approx(weights[kept == "b"].sum())
    ratio = weights[kept == "s"] / w[7:][kept == "s"]
    np.testing.assert_allclose(ratio, ratio[0])
    assert model.classes_.tolist() == ["b", "s"]
    assert model.weights_used_ == "given"
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert ((model.predict(X) == "s") == (proba[:, 1] > 0.5)).all()
    assert model.score(X, y, np.abs(w)) > 0.5


@pytest.mark.parametrize(
    ("policy", "word"), [("refine", "refined"), ("abs", "absolute")]
)
def test_negative_weights_are_replaced_and_said_so(policy, word, libraries):
    X, y, w = events(negative=0.2)
    model = AutoMLClassifier(negative_weights=policy, random_state=0)
    with pytest.warns(ChangedWeightsWarning, match=f"gets {word} ones instead"):
        model.fit(X, y, w)
    weights = libraries[0]["weights"]
    assert (weights >= 0.0).all()
    assert model.weights_used_ == word
    if policy == "abs":
        for label in "bs":
            ratio = weights[y == label] / np.abs(w[y == label])
            np.testing.assert_allclose(ratio, ratio[0])


def test_models_that_ignore_weights_are_told_of_once(recwarn):
    X, y, w = events()
    model = AutoMLClassifier(random_state=0).fit(X, y, w)
    clone(model).fit(X, y, w)
    told = [str(w.message) for w in recwarn if w.category is ChangedWeightsWarning]
    assert len(told) == 1
    assert "its 'Neural Network' and 'Nearest Neighbors' take no weights" in told[0]
    assert __file__ == recwarn[0].filename
    AutoMLClassifier(backend="autogluon").fit(X, y, w)
    AutoMLClassifier().fit(X, y)
    assert len([w for w in recwarn if w.category is ChangedWeightsWarning]) == 1


@pytest.mark.parametrize(
    ("mode", "limit", "mljar", "autogluon"),
    [
        ("quick", 300.0, "Explain", "medium_quality"),
        ("thorough", 3600.0, "Compete", "best_quality"),
    ],
)
def test_modes_limits_and_options(mode, limit, mljar, autogluon, libraries):
    X, y, _ = events()
    for backend in BACKENDS:
        AutoMLClassifier(mode=mode, backend=backend).fit(X, y)
        AutoMLClassifier(
            backend=backend, time_limit=7, n_jobs=2, options={"seen": 1}
        ).fit(X, y)
    first, second, third, fourth = libraries
    assert (first["mode"], first["total_time_limit"]) == (mljar, limit)
    assert (second["total_time_limit"], second["n_jobs"], second["seen"]) == (7, 2, 1)
    assert (third["presets"], third["time_limit"]) == (autogluon, limit)
    assert (fourth["time_limit"], fourth["num_cpus"], fourth["seen"]) == (7, 2, 1)
    assert first["ml_task"] == "binary_classification"
    assert third["problem_type"] == "binary"


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_classes(backend, libraries):
    X, y, w = events(n_classes=3)
    model = AutoMLClassifier(backend=backend).fit(X, y, w)
    assert model.predict_proba(X).shape == (400, 3)
    assert set(model.predict(X)) == {"b", "s", "t"}
    name = "ml_task" if backend == "mljar" else "problem_type"
    assert "multiclass" in libraries[0][name]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_files_go_with_the_model(backend):
    X, y, w = events()
    model = AutoMLClassifier(backend=backend).fit(X, y, w)
    path = model.results_folder_.path
    assert path.is_dir()
    other = pickle.loads(pickle.dumps(model))
    twin = copy.deepcopy(model)
    expected = model.predict_proba(X)
    del model
    gc.collect()
    assert not path.exists()
    for one in (other, twin):
        np.testing.assert_array_equal(one.predict_proba(X), expected)
        assert one.results_folder_.path.is_dir()


def test_same_seed_and_order():
    X, y, w = events(negative=0.1)
    first, second = (
        AutoMLClassifier(random_state=1).fit(X, y, w).predict_proba(X) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    scaled = AutoMLClassifier(random_state=1).fit(X, y, 100.0 * w).predict_proba(X)
    np.testing.assert_allclose(first, scaled, atol=1e-5)


def test_errors(monkeypatch):
    X, y, w = events()
    with pytest.raises(ValueError, match="'mode' parameter of AutoMLClassifier"):
        AutoMLClassifier(mode="slow").fit(X, y)
    with pytest.raises(WeightsError, match="two classes or more, got one class"):
        AutoMLClassifier().fit(X, y, np.where(y == "s", w, 0.0))
    monkeypatch.setitem(sys.modules, "supervised", None)
    with pytest.raises(ImportError, match=r'pip install "skhep-dnn\[automl\]"'):
        AutoMLClassifier().fit(X, y)
    monkeypatch.setitem(sys.modules, "autogluon.tabular", None)
    with pytest.raises(ImportError, match=r"pip install autogluon\.tabular"):
        AutoMLClassifier(backend="autogluon").fit(X, y)
