"""What scikit-learn checks of transformers, on columns that are momenta.

Its own checks use standardised columns and others that no momenta can be; those that
fail for this reason are held here.
"""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)

PAIR = {"cylindrical": [(0, 1), (2, 3)], "reflections": "xy"}
MODELS = [
    SymmetryAugmenter(**PAIR, leading=0),
    SymmetryAligner(**PAIR, leading=0),
    CartesianMomenta(momenta=[(0, 1), (2, 3)]),
    InvariantFeatures(cylindrical=[(0, 1), (2, 3)]),
]
EVERY_MODEL = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


@pytest.fixture(name="X")
def momenta():
    rng = np.random.default_rng(0)
    pt, phi = rng.exponential(30.0, (40, 2)), rng.uniform(-np.pi, np.pi, (40, 2))
    return np.stack([pt[:, 0], phi[:, 0], pt[:, 1], phi[:, 1]], axis=1)


@EVERY_MODEL
def test_fit(model, X):
    model = clone(model)
    before = dict(model.get_params())
    assert model.fit(X) is model
    assert model.get_params() == before
    assert model.n_features_in_ == 4
    one = model.transform(X)
    np.testing.assert_array_equal(model.fit(X).transform(X), one)
    np.testing.assert_array_equal(clone(model).fit_transform(X, np.zeros(40)), one)
    np.testing.assert_array_equal(
        clone(model).fit(X.tolist()).transform(X.tolist()), one
    )
    pipeline = make_pipeline(clone(model)).fit(X)
    np.testing.assert_array_equal(pipeline.transform(X), one)


@EVERY_MODEL
def test_not_fitted(model, X):
    for method in (
        "transform",
        "get_feature_names_out",
        "inverse_transform",
        "augment",
    ):
        if hasattr(model, method):
            with pytest.raises(NotFittedError):
                getattr(clone(model), method)(X)


@EVERY_MODEL
def test_number_of_columns(model, X):
    model = clone(model).fit(X)
    with pytest.raises(ValueError, match="X has 3 features, but"):
        model.transform(X[:, :3])


@EVERY_MODEL
def test_pickle(model, X):
    model = clone(model).fit(X)
    expected = model.transform(X)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.transform(X), expected)
    assert repr(copy) == repr(model)


@EVERY_MODEL
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_dtypes(model, X, dtype):
    X = X.astype(dtype)
    expected = "float32" if dtype == "float32" else "float64"
    assert clone(model).fit(X).transform(X).dtype == expected


@EVERY_MODEL
def test_read_only_memory(model, X, tmp_path):
    joblib.dump(X, tmp_path / "X")
    mapped = joblib.load(tmp_path / "X", mmap_mode="r")
    expected = clone(model).fit(X).transform(X)
    np.testing.assert_array_equal(clone(model).fit(mapped).transform(mapped), expected)
    assert not mapped.flags.writeable


@EVERY_MODEL
def test_order_and_subsets(model, X):
    model = clone(model).fit(X)
    expected = model.transform(X)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_array_equal(model.transform(X[order]), expected[order])
    single = [model.transform(X[i : i + 1]) for i in range(40)]
    np.testing.assert_allclose(np.concatenate(single), expected, rtol=1e-14, atol=1e-14)
