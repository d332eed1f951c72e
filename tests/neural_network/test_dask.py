"""Members are trained on the workers of a dask cluster, to the same bits."""

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster, get_task_stream

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.fixture(
    scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)]
)
def client(request, tmp_path_factory):
    """Client of two workers: threads of this process, or processes, which are slow."""
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=request.param,
        dashboard_address=None,
        local_directory=tmp_path_factory.mktemp("dask"),
    )
    with cluster, Client(cluster) as client:
        yield client


@pytest.mark.parametrize("folds", [{}, {"cv": 3, "validate_on_fold": True}])
def test_a_cluster_of_dask_gives_the_bits_of_a_sequential_fit(
    make_model, mixed_events, client, folds
):
    X, y, w = mixed_events
    options = {"n_members": 4, "categorical_features": ["channel"], **folds}
    expected = make_model(**options, n_jobs=1).fit(X, y, w)
    with get_task_stream(client) as tasks, joblib.parallel_config(backend="dask"):
        model = make_model(**options, n_jobs=2).fit(X, y, w)
        predicted = model.decision_function(X)
    assert len(tasks.data) >= 2  # the groups of members went to the workers
    np.testing.assert_array_equal(predicted, expected.decision_function(X))
    np.testing.assert_array_equal(model.decision_function(X), predicted)
    np.testing.assert_array_equal(model.best_loss_, expected.best_loss_)


def test_predictions_within_dask_are_those_outside(make_model, client):
    """More events than one chunk of predictions, so that threads have work."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 2)).astype(np.float32)
    model = make_model(n_members=2).fit(X, X[:, 0] > 0.0)
    expected = model.decision_function(X)
    with joblib.parallel_config(backend="dask"):
        predicted = model.set_params(n_jobs=2).decision_function(X)
    np.testing.assert_array_equal(predicted, expected)
