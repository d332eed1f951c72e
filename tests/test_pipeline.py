"""A pipeline whose weights reach every step, with metadata routing or without."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import estimator_html_repr

from skhep_dnn.exceptions import (
    MissingWeightsError,
    UnweightedStepWarning,
    WeightsError,
)
from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.pipeline import WeightedPipeline, make_weighted_pipeline

ROUTING = pytest.mark.parametrize("routing", [False, True])


class Classifier(LogisticRegression):
    """A logistic regression that keeps the weights it got."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)

    def score(self, X, y, sample_weight=None):
        self.score_weights_ = sample_weight
        return super().score(X, y, sample_weight)


class Scaler(StandardScaler):
    """A scaler that keeps the weights it got."""

    def fit(self, X, y=None, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)


class SignedScaler(Scaler):
    """A scaler that says that it can do with negative weights."""

    accepts_negative_weights = True

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, np.abs(sample_weight))
        self.weights_ = sample_weight
        return self


class Nothing(TransformerMixin, BaseEstimator):
    """A transformer without `fit_transform` of its own, which takes weights."""

    def fit(self, X, y=None, sample_weight=None):  # noqa: ARG002
        self.weights_ = sample_weight
        return self

    def transform(self, X):
        return X


@pytest.fixture
def events():
    rng = np.random.default_rng(2)
    y = np.where(rng.random(120) < 0.5, "s", "b")
    X = pd.DataFrame(
        rng.normal(size=(120, 2)) + (y == "s")[:, None], columns=["a", "b"]
    )
    return X, y, rng.uniform(0.5, 2.0, size=120)


@pytest.fixture
def negative(events):
    _, _, weights = events
    return np.where(np.arange(120) % 10 == 0, -weights, weights)


@ROUTING
def test_the_weights_reach_every_step_that_accepts_them(events, routing):
    X, y, weights = events
    pipeline = make_weighted_pipeline(
        Scaler(), PCA(), "passthrough", MinMaxScaler(), Nothing(), Classifier()
    )
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, sample_weight=weights)
    for name in ("scaler", "nothing", "classifier"):
        assert np.array_equal(pipeline.named_steps[name].weights_, weights), name
    expected = np.average(X, axis=0, weights=weights)
    assert pipeline.named_steps["scaler"].mean_ == pytest.approx(expected)
    changed = weights.copy()
    changed[5] *= 10
    with config_context(enable_metadata_routing=routing):
        other = clone(pipeline).fit(X, y, sample_weight=changed)
    assert not np.allclose(other[-1].coef_, pipeline[-1].coef_)
    assert not np.allclose(other[0].mean_, pipeline[0].mean_)


@ROUTING
def test_no_weights_pass_none(events, routing):
    X, y, _ = events
    with config_context(enable_metadata_routing=routing):
        pipeline = make_weighted_pipeline(Scaler(), Classifier()).fit(X, y)
    assert pipeline[0].weights_ is None
    assert pipeline[1].weights_ is None
    reference = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    assert np.array_equal(pipeline.predict(X), reference.predict(X))


@ROUTING
def test_the_score_of_the_final_step_gets_weights(events, routing):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), Classifier())
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, sample_weight=weights)
        value = pipeline.score(X, y, sample_weight=weights)
        assert np.array_equal(pipeline[-1].score_weights_, weights)
        expected = np.average(pipeline.predict(X) == y, weights=weights)
        assert value == pytest.approx(expected)
        pipeline.score(X, y)
        assert pipeline[-1].score_weights_ is None


@ROUTING
def test_negative_weights_are_refused_by_preprocessing(events, negative, routing):
    X, y, _ = events
    pipeline = make_weighted_pipeline(Scaler(), Classifier())
    with (
        config_context(enable_metadata_routing=routing),
        pytest.raises(WeightsError, match=r"'scaler' must not be negative, got 12"),
    ):
        pipeline.fit(X, y, sample_weight=negative)


@ROUTING
@pytest.mark.parametrize("kind", [np.array, list, pd.Series])
def test_or_become_absolute_there(events, negative, routing, kind):
    X, y, _ = events
    pipeline = make_weighted_pipeline(
        Scaler(), SignedScaler(), Classifier(), preprocessing_weights="abs"
    )
    given = kind(negative)
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, sample_weight=given)
    assert np.array_equal(pipeline[0].weights_, np.abs(negative))
    assert np.array_equal(pipeline[1].weights_, negative)
    assert pipeline[2].weights_ is given
    assert np.array_equal(given, negative)


@ROUTING
def test_negative_weights_pass_where_no_preprocessing_takes_any(
    events, negative, routing
):
    X, y, _ = events
    pipeline = make_weighted_pipeline(MinMaxScaler(), Classifier())
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, sample_weight=negative)
    assert np.array_equal(pipeline[-1].weights_, negative)


@ROUTING
def test_a_request_set_on_a_step_is_respected(events, negative, routing):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        scaler = Scaler().set_fit_request(sample_weight=False)
    pipeline = make_weighted_pipeline(scaler, Classifier())
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, sample_weight=negative)
        assert pipeline[0].weights_ is None
        assert np.array_equal(pipeline[1].weights_, negative)
        declining = clone(pipeline).set_params(classifier=clone(scaler))
        declining.fit(X, y)
    with config_context(enable_metadata_routing=True):
        final = Classifier().set_fit_request(sample_weight=False)
    with config_context(enable_metadata_routing=routing):
        pipeline = make_weighted_pipeline(Scaler(), final)
        pipeline.fit(X, y, sample_weight=weights)
    assert pipeline[1].weights_ is None


def test_an_alias_is_respected(events):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        scaler = Scaler().set_fit_request(sample_weight="scaler_weight")
        pipeline = make_weighted_pipeline(
            scaler, Classifier(), preprocessing_weights="abs"
        )
        pipeline.fit(X, y, sample_weight=weights, scaler_weight=-weights)
    assert np.array_equal(pipeline[0].weights_, weights)
    assert np.array_equal(pipeline[1].weights_, weights)


def test_the_requests_of_the_steps_stay_as_they_are():
    with config_context(enable_metadata_routing=True):
        pipeline = make_weighted_pipeline(StandardScaler(), LogisticRegression())
        routing = pipeline.get_metadata_routing()
        assert routing.consumes("fit", ["sample_weight"]) == {"sample_weight"}
        assert routing.consumes("score", ["sample_weight"]) == {"sample_weight"}
        for step in pipeline:
            request = step.get_metadata_routing().fit.requests
            assert request["sample_weight"] is None
    assert not hasattr(WeightedPipeline, "set_fit_request")


def test_weights_by_name_still_work_alone(events, negative):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), Classifier())
    pipeline.fit(X, y, classifier__sample_weight=negative)
    assert pipeline[0].weights_ is None
    assert np.array_equal(pipeline[1].weights_, negative)
    with pytest.raises(WeightsError, match="'scaler' must not be negative"):
        pipeline.fit(X, y, scaler__sample_weight=negative)
    with pytest.raises(ValueError, match="got both `sample_weight` and `scaler__samp"):
        pipeline.fit(X, y, sample_weight=weights, scaler__sample_weight=weights)


@ROUTING
def test_a_final_step_without_weights_is_refused(events, routing):
    X, y, weights = events
    for final in (KNeighborsClassifier(), LinearDiscriminantAnalysis()):
        pipeline = make_weighted_pipeline(Scaler(), final)
        with (
            config_context(enable_metadata_routing=routing),
            pytest.raises(TypeError, match=f"got {type(final).__name__}, which"),
        ):
            pipeline.fit(X, y, sample_weight=weights)
        pipeline.fit(X, y)


@ROUTING
@pytest.mark.parametrize("final", [PCA(), Scaler(), "passthrough", None])
def test_a_pipeline_of_transformers(events, routing, final):
    X, y, weights = events
    pipeline = WeightedPipeline([("first", Scaler()), ("last", final)])
    with config_context(enable_metadata_routing=routing):
        Xt = pipeline.fit_transform(X, y, sample_weight=weights)
        assert np.allclose(pipeline.fit(X, y, weights).transform(X), Xt)
    assert np.array_equal(pipeline[0].weights_, weights)
    if isinstance(final, Scaler):
        assert np.array_equal(pipeline[1].weights_, weights)


@ROUTING
def test_nested_weighted_pipelines(events, negative, routing):
    X, y, _ = events
    inner = make_weighted_pipeline(Scaler(), Nothing())
    outer = make_weighted_pipeline(
        inner,
        make_weighted_pipeline(Scaler(), Classifier(), preprocessing_weights="abs"),
        preprocessing_weights="abs",
    )
    with config_context(enable_metadata_routing=routing):
        outer.fit(X, y, sample_weight=negative)
    preprocessing, model = outer[0], outer[1]
    assert np.array_equal(preprocessing[0].weights_, np.abs(negative))
    assert np.array_equal(preprocessing[1].weights_, np.abs(negative))
    assert np.array_equal(model[0].weights_, np.abs(negative))
    assert np.array_equal(model[1].weights_, negative)


def test_nested_plain_pipelines_need_routing(events):
    X, y, weights = events
    for steps in (
        [make_pipeline(Scaler()), Classifier()],
        [Scaler(), make_pipeline(Scaler(), Classifier())],
    ):
        pipeline = make_weighted_pipeline(*steps)
        with pytest.raises(
            TypeError, match="must be a WeightedPipeline to get weights"
        ):
            pipeline.fit(X, y, sample_weight=weights)
        with (
            config_context(enable_metadata_routing=True),
            pytest.raises(UnsetMetadataPassedError),
        ):
            pipeline.fit(X, y, sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        scaler = Scaler().set_fit_request(sample_weight=True)
        pipeline = make_weighted_pipeline(make_pipeline(scaler), Classifier())
        pipeline.fit(X, y, sample_weight=weights)
    assert np.array_equal(pipeline[0][0].weights_, weights)


def test_column_transformers_get_weights_with_routing_only(events, negative):
    X, y, weights = events
    columns = ColumnTransformer([("scale", Scaler(), ["a"])], remainder="passthrough")
    with pytest.warns(
        UnweightedStepWarning,
        match=r"\['scale'\] of the step 'columntransformer' accept",
    ) as seen:
        pipeline = make_weighted_pipeline(columns, Classifier())
    assert seen[0].filename == __file__
    pipeline.fit(X, y, sample_weight=negative)  # does not repeat it
    assert columns.named_transformers_["scale"].weights_ is None
    assert np.array_equal(pipeline[1].weights_, negative)
    with config_context(enable_metadata_routing=True):
        columns.transformers[0][1].set_fit_request(sample_weight=True)
        pipeline.fit(X, y, sample_weight=weights)
        assert np.array_equal(columns.named_transformers_["scale"].weights_, weights)
        with pytest.raises(WeightsError, match="'columntransformer'"):
            pipeline.fit(X, y, sample_weight=negative)


@ROUTING
def test_meta_estimators_as_steps(events, routing):
    X, y, weights = events
    finals = [
        GridSearchCV(
            Classifier(), {"C": [0.1, 1.0]}, scoring=weighted_scorer("roc_auc")
        ),
        StackingClassifier([("a", Classifier())], Classifier()),
        CalibratedClassifierCV(Classifier(), cv=2),
    ]
    for final in finals:
        with config_context(enable_metadata_routing=routing):
            if routing:
                _request_weights(final)
            pipeline = make_weighted_pipeline(Scaler(), final)
            pipeline.fit(X, y, sample_weight=weights)
            pipeline.predict(X)
    assert np.array_equal(finals[0].best_estimator_.weights_, weights)
    assert np.array_equal(finals[1].estimators_[0].weights_, weights)
    model = Classifier()
    with config_context(enable_metadata_routing=routing):
        if routing:
            model.set_fit_request(sample_weight=True)
        selecting = make_weighted_pipeline(SelectFromModel(model), Classifier())
        selecting.fit(X, y, sample_weight=weights)
    assert np.array_equal(selecting[0].estimator_.weights_, weights)


def _request_weights(final):
    inner = final.estimators[0][1] if hasattr(final, "estimators") else final.estimator
    inner.set_fit_request(sample_weight=True)
    if hasattr(final, "final_estimator"):
        final.final_estimator.set_fit_request(sample_weight=True)


def test_estimators_without_routing_support(events):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), AdaBoostClassifier(n_estimators=2))
    pipeline.fit(X, y, sample_weight=weights)
    assert np.array_equal(pipeline[0].weights_, weights)


def test_a_tuned_threshold_as_final_step_needs_routing(events):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        model = Classifier().set_fit_request(sample_weight=True)
        tuned = TunedThresholdClassifierCV(
            model, scoring=weighted_scorer("balanced_accuracy"), thresholds=5
        )
        pipeline = make_weighted_pipeline(Scaler(), tuned)
        pipeline.fit(X, y, sample_weight=weights)
    assert np.array_equal(pipeline[1].estimator_.weights_, weights)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        pipeline.fit(X, y, sample_weight=weights)


@ROUTING
def test_inside_a_grid_search(events, routing):
    X, y, weights = events
    scoring = {
        "auc": weighted_scorer("roc_auc"),
        "z": make_significance_scorer(
            min_n_eff=10.0, signal_yield=10, background_yield=100
        ),
    }
    search = GridSearchCV(
        make_weighted_pipeline(Scaler(), Classifier()),
        {"classifier__C": [0.1, 1.0]},
        scoring=scoring,
        refit="auc",
        cv=3,
    )
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, sample_weight=weights)
    for step in search.best_estimator_:
        assert np.array_equal(step.weights_, weights)
    changed = weights.copy()
    changed[3] *= 20
    with config_context(enable_metadata_routing=routing):
        other = clone(search).fit(X, y, sample_weight=changed)
    assert other.best_score_ != search.best_score_


@ROUTING
def test_inside_cross_validation_and_calibration(events, routing):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), Classifier())
    carried = weighted_scorer("roc_auc", sample_weight=pd.Series(weights))
    with config_context(enable_metadata_routing=routing):
        result = cross_validate(
            pipeline,
            X,
            y,
            scoring=carried,
            params={"sample_weight": weights},
            return_estimator=True,
            cv=3,
        )
        cross_val_predict(pipeline, X, y, params={"sample_weight": weights}, cv=3)
        calibrated = CalibratedClassifierCV(pipeline, cv=2)
        calibrated.fit(X, y, sample_weight=weights)
    for fitted in result["estimator"]:
        assert len(fitted[0].weights_) == 80
        assert np.isin(fitted[1].weights_, weights).all()
    fitted = calibrated.calibrated_classifiers_[0].estimator
    assert len(fitted[1].weights_) == 60


class WithValidation(Classifier):
    """A classifier that keeps the validation sample it got."""

    __metadata_request__fit = {"X_val": True}  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, X_val=None):
        self.X_val_ = X_val
        return super().fit(X, y, sample_weight)


@ROUTING
def test_a_validation_sample_that_skips_the_preprocessing_is_refused(events, routing):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), WithValidation())
    name = "X_val" if routing else "withvalidation__X_val"
    with config_context(enable_metadata_routing=routing):
        with pytest.raises(ValueError, match=f"`{name}` must be transformed like"):
            pipeline.fit(X, y, sample_weight=weights, **{name: X})
        pipeline.fit(X, y, sample_weight=weights, **{name: None})
        alone = make_weighted_pipeline("passthrough", WithValidation())
        alone.fit(X, y, sample_weight=weights, **{name: X})
    assert alone[1].X_val_ is X


def test_transform_input(events):
    X, y, weights = events
    with config_context(enable_metadata_routing=True):
        pipeline = make_weighted_pipeline(
            Scaler(), WithValidation(), transform_input=["X_val"]
        )
        pipeline.fit(X, y, sample_weight=weights, X_val=X)
    assert np.allclose(pipeline[1].X_val_, pipeline[0].transform(X))
    assert np.array_equal(pipeline[1].weights_, weights)


@ROUTING
def test_a_validation_sample_without_weights_is_refused(events, routing):
    X, y, weights = events
    trees = HistGradientBoostingClassifier(max_iter=2, early_stopping=True, max_bins=31)
    if routing:
        with config_context(enable_metadata_routing=True):
            trees.set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
    pipeline = make_weighted_pipeline("passthrough", trees)
    prefix = "" if routing else "histgradientboostingclassifier__"
    held_out = {f"{prefix}X_val": X, f"{prefix}y_val": y}
    weighted = held_out | {f"{prefix}sample_weight_val": weights}
    with config_context(enable_metadata_routing=routing):
        with pytest.raises(MissingWeightsError, match="`sample_weight_val` must come"):
            pipeline.fit(X, y, sample_weight=weights, **held_out)
        pipeline.fit(X, y, **held_out)
        pipeline.fit(X, y, sample_weight=weights, **weighted)


def test_it_stays_a_pipeline(events, negative, tmp_path):
    X, y, _ = events
    pipeline = make_weighted_pipeline(
        StandardScaler(),
        LogisticRegression(),
        preprocessing_weights="abs",
        memory=str(tmp_path),
    )
    assert isinstance(pipeline, Pipeline)
    assert [name for name, _ in pipeline.steps] == [
        "standardscaler",
        "logisticregression",
    ]
    assert pipeline.get_params()["preprocessing_weights"] == "abs"
    assert "preprocessing_weights='abs'" in repr(pipeline)
    assert "WeightedPipeline" in estimator_html_repr(pipeline)
    copied = clone(pipeline).set_params(logisticregression__C=0.1)
    assert copied.preprocessing_weights == "abs"
    pipeline.set_output(transform="pandas").fit(X, y, sample_weight=negative)
    assert list(pipeline[:-1].transform(X).columns) == ["a", "b"]
    assert isinstance(pipeline[:-1], WeightedPipeline)
    assert pipeline[:1].preprocessing_weights == "abs"
    assert pipeline["standardscaler"] is pipeline[0]
    assert list(pipeline.classes_) == ["b", "s"]
    assert list(pipeline.feature_names_in_) == ["a", "b"]
    restored = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(restored.predict(X), pipeline.predict(X))


def test_wrong_options_are_refused(events):
    X, y, weights = events
    pipeline = make_weighted_pipeline(Scaler(), Classifier())
    pipeline.set_params(preprocessing_weights="square")
    with pytest.raises(ValueError, match="'preprocessing_weights' parameter"):
        pipeline.fit(X, y, sample_weight=weights)
    pipeline.set_params(preprocessing_weights="abs")
    with pytest.raises(ValueError, match="does not accept the groups parameter"):
        pipeline.fit(X, y, groups=weights)
