"""The adapter with the real libraries, where they are installed.

They are not in the environment of the tests, since they pin some twenty libraries: run
this file in one with ``pip install "skhep-dnn[automl]" pytest``, or with
autogluon.tabular.
"""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.model_selection import AutoMLClassifier, compare_classifiers

MODULES = {"mljar": "supervised", "autogluon": "autogluon.tabular"}
SMALL = {
    "mljar": {"algorithms": ["Linear", "Decision Tree"], "train_ensemble": False},
    "autogluon": {"hyperparameters": {"LR": {}}},
}
pytestmark = [
    pytest.mark.slow,
    # They use parts of pandas, matplotlib and scikit-learn that are deprecated.
    pytest.mark.filterwarnings("ignore"),
]


def need(backend):
    return pytest.importorskip(
        MODULES[backend],
        reason=f"the library of {backend!r} is optional and not installed",
        exc_type=ImportError,
    )


def small(backend="mljar", **changes):
    options = {"options": SMALL[backend], "time_limit": 20, "random_state": 0}
    return AutoMLClassifier(backend=backend, **{**options, **changes})


@pytest.mark.parametrize("backend", MODULES)
def test_a_fit_to_signed_weights(backend):
    need(backend)
    events = make_gaussian_events(1200, negative_fraction=0.1, random_state=0)
    model = small(backend).fit(events.data, events.target, events.sample_weight)
    proba = model.predict_proba(events.data)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-6)
    assert model.weights_used_ == "refined"
    assert ((proba[:, 1] > 0.5) == (events.target == "s")).mean() > 0.7
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy.predict_proba(events.data), proba)


@pytest.mark.parametrize("backend", MODULES)
def test_three_classes(backend):
    need(backend)
    events = make_gaussian_events(900, random_state=0)
    y = np.where(events.data.iloc[:, 0] < -1.0, "t", events.target)
    model = small(backend).fit(events.data, y)
    assert model.predict_proba(events.data).shape == (900, 3)
    assert (model.predict(events.data) == y).mean() > 0.6


def test_the_modes_of_mljar_in_a_comparison():
    need("mljar")
    events = make_gaussian_events(600, random_state=0)
    result = compare_classifiers(
        {
            "linear": LogisticRegression(),
            "quick": small(),
            "thorough": small(
                mode="thorough", options={**SMALL["mljar"], "stack_models": False}
            ),
        },
        events.data,
        events.target,
        events.sample_weight,
        cv=2,
        n_replicas=20,
        random_state=0,
    )
    assert result.metrics["roc_auc"]["quick"].value > 0.7
    assert result.metrics["roc_auc"]["thorough"].value > 0.7


FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "The library holds out a random part of its training events for validation, "
        "which is another one where an event of weight 2 is two events."
    )
}


@parametrize_with_checks(
    [small(options={"algorithms": ["Linear"], "train_ensemble": False})],
    expected_failed_checks=lambda _: FAILURES,
)
def test_scikit_learn_check_with_mljar(estimator, check):
    need("mljar")
    check(estimator)
