"""The filter by separation power and correlation."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.metrics import separation_power
from skhep_dnn.pipeline import make_weighted_pipeline

RNG = np.random.default_rng(0)
N = 2000
Y = np.where(np.arange(N) % 2, "s", "b")
X = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["noise", "strong", "weak"])
X[["strong", "weak"]] += np.outer(Y == "s", [1.5, 0.5])
X["copy"] = 3.0 * X["strong"] + 0.3 * RNG.normal(size=N)
W = RNG.exponential(size=N)


def fitted(**options):
    return SeparationSelector(**options).fit(X, Y, sample_weight=W)


def test_columns_are_ranked_by_their_separation():
    table = fitted(min_separation=3.0).table_
    assert table["feature"].tolist() == ["strong", "copy", "weak", "noise"]
    for _, row in table.iterrows():
        expected = separation_power(Y, X[row["feature"]], W, n_replicas=50)
        assert row["separation"] == expected.value
        assert row["error"] == expected.error
    assert table["reason"].tolist() == ["", "correlated", "", "separation"]
    assert table["correlated_with"].tolist() == ["", "strong", "", ""]
    assert table["selected"].tolist() == [True, False, True, False]


def test_the_weaker_of_a_pair_goes():
    found = fitted(min_separation=3.0)
    assert found.get_feature_names_out().tolist() == ["strong", "weak"]
    stronger = X.assign(copy=X["strong"] + 0.3 * (Y == "s"))
    other = clone(found).fit(stronger, Y, sample_weight=W)
    assert other.get_feature_names_out().tolist() == ["weak", "copy"]
    everything = fitted(min_separation=3.0, max_correlation=1.0)
    assert everything.get_support().tolist() == [False, True, True, True]


def test_a_correlation_in_one_class_alone_says_something():
    table = X[["strong", "noise"]].copy()
    table["twin"] = np.where(Y == "s", table["noise"], RNG.normal(size=N))
    found = SeparationSelector(min_separation=-99.0).fit(table, Y)
    assert found.get_support().all()
    for label in ("s", "b"):
        rho = abs(spearmanr(table[label == Y])[0])
        assert (found.correlation_.to_numpy() <= rho + 1e-12).all()
    assert found.correlation_.loc["strong", "strong"] == 1.0


def test_limits_of_separation_and_number():
    value = fitted().table_["separation"][2]
    unit = {"min_separation_unit": "separation", "max_correlation": 1.0}
    assert fitted(min_separation=value - 1e-9, **unit).get_support().sum() == 3
    assert fitted(min_separation=value + 1e-9, **unit).get_support().sum() == 2
    one = fitted(n_features_to_select=1)
    assert one.get_feature_names_out().tolist() == ["strong"]
    assert "number" in one.table_["reason"].tolist()
    assert (
        fitted(n_features_to_select=0.5, max_correlation=1.0).get_support().sum() == 2
    )


def test_weights_decide():
    # 'weak' has its separation from the heavy events alone
    heavy = np.where(np.arange(N) < N // 2, 1.0, 1e-6)
    table = X.assign(weak=np.where(heavy == 1.0, X["weak"], RNG.normal(size=N)))
    one = SeparationSelector().fit(table, Y, sample_weight=heavy)
    part = SeparationSelector().fit(table[: N // 2], Y[: N // 2])
    np.testing.assert_allclose(
        one.table_.set_index("feature").loc["weak", "separation"],
        part.table_.set_index("feature").loc["weak", "separation"],
        atol=1e-4,
    )
    scaled = SeparationSelector().fit(table, Y, sample_weight=1e3 * heavy)
    np.testing.assert_allclose(scaled.table_["separation"], one.table_["separation"])


def test_a_negative_event_removes_an_equal_one():
    rows = np.concatenate([np.arange(N), np.arange(100), np.arange(100)])
    w = np.concatenate([W, W[:100], -W[:100]])
    options = {"n_bins": 10, "max_correlation": 1.0}
    one = SeparationSelector(**options).fit(X, Y, sample_weight=W)
    two = SeparationSelector(**options).fit(X.iloc[rows], Y[rows], sample_weight=w)
    np.testing.assert_allclose(one.correlation_, two.correlation_, atol=1e-12)
    np.testing.assert_allclose(
        one.table_["separation"], two.table_["separation"], atol=0.02
    )


def test_undefined_values():
    table = X.assign(mass=np.where(Y == "s", -999.0, 1.0))
    found = SeparationSelector(missing_values=-999.0).fit(table, Y)
    assert found.table_["feature"][0] == "mass"
    assert found.table_["separation"][0] == pytest.approx(1.0, abs=0.01)
    assert found.transform(table).shape == (N, found.get_support().sum())


def test_in_a_pipeline_and_as_a_table():
    pipeline = make_weighted_pipeline(SeparationSelector(), LogisticRegression())
    pipeline.fit(X, Y, sample_weight=W)
    expected = fitted().table_
    pd.testing.assert_frame_equal(pipeline[0].table_, expected)
    found = SeparationSelector(min_separation=3.0).set_output(transform="pandas")
    pd.testing.assert_frame_equal(
        found.fit_transform(X, Y, sample_weight=W), X[["strong", "weak"]]
    )
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.get_support(), found.get_support())


def test_messages():
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        SeparationSelector().fit(X, np.arange(N) % 3)
    with pytest.raises(ValueError, match="must have columns of numbers"):
        SeparationSelector().fit(X.assign(jets="many"), Y)
    with pytest.raises(WeightsError):
        SeparationSelector().fit(X, Y, sample_weight=-W)
    with pytest.raises(ValueError, match="'max_correlation' parameter"):
        fitted(max_correlation=1.5)
