"""The last step, and what a step does with event weights, read from it alone."""

import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skhep_dnn._weighted_steps import (
    declines,
    final_step,
    gets_weights,
    is_predictor,
    requesting_weights,
    weighted_parts,
)


def test_the_final_step_of_nested_pipelines_is_no_pipeline():
    final = LogisticRegression()
    assert final_step(final) is final
    assert final_step(make_pipeline(PCA(), final)) is final
    assert final_step(make_pipeline(make_pipeline(PCA(), final))) is final


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (StandardScaler(), True),
        (MinMaxScaler(), False),
        (PCA(), False),
        (KNeighborsClassifier(), False),
        (CalibratedClassifierCV(KNeighborsClassifier()), True),
    ],
)
def test_a_step_gets_weights_by_its_signature_or_to_pass_them_on(step, expected):
    assert gets_weights(step) is expected
    assert not declines(step)


def test_a_step_declines_by_a_request():
    with config_context(enable_metadata_routing=True):
        step = StandardScaler().set_fit_request(sample_weight=False)
    assert declines(step)
    assert not gets_weights(step)


def test_weighted_parts():
    for part, names in [
        (StandardScaler(), ["a"]),
        (MinMaxScaler(), []),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a__standardscaler"]),
        (FeatureUnion([("one", "drop"), ("two", StandardScaler())]), ["a__two"]),
        (make_pipeline("passthrough", MinMaxScaler()), []),
    ]:
        columns = ColumnTransformer([("a", part, [0]), ("b", "drop", [1])])
        assert weighted_parts(columns) == names
        assert weighted_parts(FeatureUnion([("a", part)])) == names
    assert weighted_parts(StandardScaler()) == []


def test_predictors():
    assert is_predictor(LogisticRegression())
    assert is_predictor(KMeans())
    assert not is_predictor(PCA())


def test_only_undecided_requests_are_set():
    with config_context(enable_metadata_routing=True):
        undecided = get_routing_for_object(LogisticRegression())
        decided = get_routing_for_object(
            LogisticRegression().set_fit_request(sample_weight="w")
        )
    assert requesting_weights(undecided).fit.requests["sample_weight"] is True
    assert undecided.score.requests["sample_weight"] is True
    assert requesting_weights(decided).fit.requests["sample_weight"] == "w"
