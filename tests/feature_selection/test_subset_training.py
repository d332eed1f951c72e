"""Networks that see masked columns: together, alone, with categories and symmetries."""

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from skhep_dnn import (
    BackwardEliminationSelector,
    SymmetryAugmenter,
    WeightedDNNClassifier,
)
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.model_selection import cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

RNG = np.random.default_rng(3)
N = 400
Y = np.where(np.arange(N) % 2, "s", "b")
X = pd.DataFrame(RNG.normal(size=(N, 4)), columns=["mass", "pt", "eta", "z"])
X[["mass", "pt"]] += np.outer(Y == "s", [1.5, 1.0])
W = RNG.exponential(size=N)


def network(**options):
    small = {
        "n_members": 1,
        "n_layers": 1,
        "width": 8,
        "max_epochs": 6,
        "batch_size": 64,
        "learning_rate": 0.02,
        "numeric_scaling": "standard",
        "scale_learning_rate": None,
        "numeric_embedding": None,
        "random_state": 2,
    }
    return WeightedDNNClassifier(**{**small, **options})


def fitted(model, X=X, **options):
    options = {"cv": 2, "random_state": 0, "n_features_to_select": 2, **options}
    return BackwardEliminationSelector(model, **options).fit(X, Y, sample_weight=W)


def path_of(found):
    return found.elimination_path_.drop(columns=["time", "p_value"])


def check_same(one, other, **tolerance):
    first, second = path_of(one), path_of(other)
    numbers = ["score", "difference", "error"]
    pd.testing.assert_frame_equal(
        first.drop(columns=numbers), second.drop(columns=numbers)
    )
    np.testing.assert_allclose(first[numbers], second[numbers], **tolerance)
    np.testing.assert_array_equal(one.ranking_, other.ranking_)


def test_all_columns_have_the_score_of_the_classifier():
    found = fitted(network())
    expected = cross_validate_pooled(
        network(), X, Y, W, cv=2, n_replicas=0, as_members=False
    )
    seeds = [
        cross_validate_pooled(
            network(random_state=2 + k), X, Y, W, cv=2, n_replicas=0
        ).score.value
        for k in range(3)
    ]
    assert seeds[0] == pytest.approx(expected.score.value, abs=1e-6)
    first = found.elimination_path_.iloc[0]
    assert first["n_seeds"] == 3
    assert first["score"] == pytest.approx(np.mean(seeds), abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_members": 2, "connection": "dense", "n_layers": 2, "dropout": 0.2},
        {
            "schedule": "constant",
            "early_stopping": True,
            "n_iter_no_change": 1,
            "validation_fraction": 0.3,
        },
    ],
    ids=str,
)
def test_members_and_processes_rank_alike(options):
    together = fitted(network(**options), as_members=True)
    with_threads = fitted(network(**options), as_members=False)
    check_same(together, with_threads, atol=2e-5)


@pytest.mark.slow
def test_the_number_of_processes_does_not_matter():
    for as_members in (True, False):
        one = fitted(network(), as_members=as_members)
        two = fitted(network(), as_members=as_members, n_jobs=2)
        check_same(one, two, atol=0.0)


def test_what_is_hidden_does_not_matter():
    other = X.copy()
    other["z"] = np.where(np.arange(N) % 7, 3.0 * other["z"] - 1.0, np.nan)
    first, second = (
        fitted(network(), table, n_features_to_select=3, always_keep=[0, 1, 2])
        for table in (X, other)
    )
    rows = [path_of(found).iloc[1] for found in (first, second)]
    assert rows[0]["candidate"] == "z"
    assert rows[0]["score"] == rows[1]["score"]


def test_categories_are_hidden_with_their_columns():
    table = X.assign(jets=np.where(np.arange(N) % 3, "few", "many"))
    table = table[["jets", *X.columns]]
    for features in (["jets"], [0], "from_dtype"):
        frame = table
        if features == "from_dtype":
            frame = table.astype({"jets": "category"})
        model = network(categorical_features=features)
        found = fitted(model, frame, as_members=True, n_features_to_select=2)
        assert found.get_feature_names_out().tolist() == ["mass", "pt"]
        alone = fitted(model, frame, as_members=False, n_features_to_select=2)
        check_same(found, alone, atol=2e-5)


def momenta():
    rng = np.random.default_rng(5)
    table = X.copy()
    table[["lep_px", "lep_py"]] = 30.0 * rng.normal(size=(N, 2))
    table[["tau_px", "tau_py"]] = 30.0 * rng.normal(size=(N, 2))
    pairs = {"cartesian": [("lep_px", "lep_py"), ("tau_px", "tau_py")]}
    return table, SymmetryAugmenter(cylindrical=None, reflections="xy", **pairs)


def test_momenta_go_as_a_whole_where_they_are_rotated():
    table, augmenter = momenta()
    model = network(augmenter=augmenter)
    groups = {"lep": ["lep_px", "lep_py"], "tau": ["tau_px", "tau_py"]}
    found = fitted(model, table, groups=groups, as_members=True)
    alone = fitted(model, table, groups=groups, as_members=False)
    check_same(found, alone, atol=2e-5)
    assert {"lep", "tau"} <= set(found.iterations_["dropped"])


def test_components_that_are_rotated_go_together_unasked():
    table, augmenter = momenta()
    model = network(augmenter=augmenter, max_epochs=1)
    found = fitted(model, table, as_members=True, n_features_to_select=3)
    assert found.groups_["lep_px+lep_py"] == [
        table.columns.get_loc(name) for name in ("lep_px", "lep_py")
    ]
    kept = set(found.get_feature_names_out())
    assert len(kept.intersection(["tau_px", "tau_py"])) in {0, 2}


def test_a_momentum_that_groups_tear_is_refused():
    table, augmenter = momenta()
    model = network(augmenter=augmenter, max_epochs=1)
    groups = {"x": ["lep_px", "tau_px"], "y": ["lep_py", "tau_py"]}
    with pytest.raises(FitTogetherError, match="must keep both components"):
        fitted(model, table, groups=groups, as_members=True)
    with pytest.raises(ValueError, match=r"kept or dropped as a whole.*\['lep_py'\]"):
        fitted(model, table, groups=groups)


def test_what_cannot_train_together_trains_alone(caplog):
    class Own(WeightedDNNClassifier):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y, sample_weight)

    model = Own(**network().get_params())
    with caplog.at_level(logging.INFO):
        found = fitted(model, n_features_to_select=3)
    assert "trained one by one: Classifiers that train together must" in caplog.text
    assert found.get_support().sum() == 3
    with pytest.raises(FitTogetherError):
        fitted(model, as_members=True)


def test_networks_behind_other_steps_see_tables_of_some_columns():
    pipeline = make_weighted_pipeline(StandardScaler(), network())
    found = fitted(pipeline)
    assert found.get_feature_names_out().tolist() == ["mass", "pt"]


@pytest.mark.parametrize("strategy", ["hybrid", "shuffle"])
def test_importances_of_masked_networks_propose(strategy, tmp_path):
    options = {"strategy": strategy, "n_candidates": 2, "directory": tmp_path}
    found = fitted(network(), **options)
    assert found.get_feature_names_out().tolist() == ["mass", "pt"]
    path = found.elimination_path_
    shuffled = path[path["method"] == "shuffle"].set_index("candidate")
    assert (shuffled.loc["mass", "difference"] < -0.1).all()
    done = len(list(tmp_path.iterdir()))
    again = fitted(network(), **options)
    assert len(list(tmp_path.iterdir())) == done
    check_same(found, again, atol=0.0)


def test_arrays_hide_the_same_columns():
    frame, array = fitted(network()), fitted(network(), X.to_numpy())
    np.testing.assert_array_equal(frame.ranking_, array.ranking_)
    np.testing.assert_array_equal(path_of(frame)["score"], path_of(array)["score"])
