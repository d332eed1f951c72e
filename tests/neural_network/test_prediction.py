"""Predictions: independent of neighbours and never saturated."""

import numpy as np
import pytest
from scipy.special import expit

from skhep_dnn._logits import combine_logits
from skhep_dnn.neural_network._engine.prediction import ROWS


@pytest.fixture(scope="module")
def model(make_model):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=200)
    X = rng.normal(size=(200, 5)) + y[:, None]
    model = make_model(n_members=3, n_layers=2, width=33, connection="dense")
    return model.fit(X.astype(np.float32), y)


@pytest.fixture(scope="module")
def X():  # noqa: N802
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2 * ROWS + 300, 5)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


@pytest.mark.parametrize("n_rows", [1, 2, 7, 300, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS])
def test_a_prediction_does_not_depend_on_the_number_of_its_neighbours(model, X, n_rows):
    expected = model.decision_function(X)
    np.testing.assert_array_equal(
        model.decision_function(X[:n_rows]), expected[:n_rows]
    )
    np.testing.assert_array_equal(
        model.decision_function(X[-n_rows:]), expected[-n_rows:]
    )


@pytest.mark.parametrize("size", [3.0, 600.0])
@pytest.mark.parametrize("shape", [(10, 400), (80, 400), (10, 400, 3)])
def test_the_mean_of_many_networks_has_the_same_bits_for_a_single_event(shape, size):
    rng = np.random.default_rng(5)
    z, weights = rng.normal(scale=size, size=shape), rng.dirichlet(np.ones(shape[0]))
    alone = [combine_logits(z[:, i : i + 1], weights) for i in range(400)]
    np.testing.assert_array_equal(np.concatenate(alone), combine_logits(z, weights))


def test_a_prediction_does_not_depend_on_its_place(model, X):
    expected = model.decision_function(X)
    order = np.random.default_rng(2).permutation(len(X))
    np.testing.assert_array_equal(model.decision_function(X[order]), expected[order])
    same = model.decision_function(np.repeat(X[:1], ROWS, axis=0))
    assert set(same) == {expected[0]}


def test_a_prediction_does_not_depend_on_the_values_of_its_neighbours(model, X):
    extreme = np.full_like(X, 1e30)
    extreme[17] = X[17]
    got = model.decision_function(extreme)[17]
    assert got == model.decision_function(X)[17]


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 8, -1])
def test_a_prediction_does_not_depend_on_the_number_of_threads(model, X, n_jobs):
    expected = model.decision_function(X)
    try:
        model.set_params(n_jobs=n_jobs)
        np.testing.assert_array_equal(model.decision_function(X), expected)
    finally:
        model.set_params(n_jobs=None)


def test_memory_layout_and_precision_of_the_input_do_not_matter(model, X, tmp_path):
    expected = model.decision_function(X)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for same in (mapped, np.asfortranarray(X), X.astype(np.float64), X.tolist()):
        np.testing.assert_array_equal(model.decision_function(same), expected)


def test_the_input_is_not_changed(model, X):
    before = X.copy()
    model.predict_proba(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("size", [1e3, 1e9, 1e30, 3.4e38])
def test_the_logit_of_extreme_inputs_is_finite(model, size):
    signs = np.array([[1, 1, 1, 1, 1], [1, -1, 1, -1, 1], [-1, -1, -1, -1, -1]])
    X = (size * signs).astype(np.float32)
    assert np.isfinite(model.decision_function(X)).all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_the_logit_still_ranks_where_probabilities_are_all_one(model):
    X = np.outer([1e3, 2e3, 4e3], np.ones(5)).astype(np.float32)
    X[:, 1:] = 0.0
    values = np.abs(model.decision_function(X))
    assert values.min() > 40.0
    assert (np.diff(values) > 0.0).all()


def test_probabilities_are_the_sigmoid_of_the_logit_in_double_precision(model, X):
    z = model.decision_function(X)
    probability = model.predict_proba(X)
    assert probability.dtype == z.dtype == np.float64
    np.testing.assert_array_equal(probability[:, 1], expit(z))
    np.testing.assert_array_equal(probability[:, 0], expit(-z))
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_array_equal(model.predict(X), (z > 0.0).astype(int))
