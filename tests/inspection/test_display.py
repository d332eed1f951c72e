import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skhep_dnn.inspection import (
    DiscriminantDisplay,
    SignificanceScanDisplay,
    StackedDiscriminantDisplay,
    WeightedRocCurveDisplay,
)
from skhep_dnn.inspection._display import ScoreDisplay

DISPLAYS = [
    DiscriminantDisplay,
    SignificanceScanDisplay,
    StackedDiscriminantDisplay,
    WeightedRocCurveDisplay,
]

draw = WeightedRocCurveDisplay.from_estimator


@pytest.mark.parametrize("display", DISPLAYS)
def test_the_estimator_gives_scores_and_name_and_all_else_is_passed_on(
    display, classifier, toy_events, monkeypatch
):
    X, y, weight = toy_events
    seen = {}

    def from_predictions(_cls, y_true, y_score, **options):
        seen.update(options, y_true=y_true, y_score=y_score)

    monkeypatch.setattr(display, "from_predictions", classmethod(from_predictions))
    display.from_estimator(classifier, X, y, sample_weight=weight, color="red")
    assert seen["y_true"] is y
    assert seen["y_score"].tolist() == classifier.decision_function(X).tolist()
    assert seen["sample_weight"] is weight
    assert (seen["pos_label"], seen["color"]) == ("s", "red")
    assert (seen["name"], seen["ax"]) == ("LogisticRegression", None)
    display.from_estimator(classifier, X, y, pos_label="b", name="own")
    assert seen["y_score"].tolist() == (-classifier.decision_function(X)).tolist()
    assert (seen["pos_label"], seen["name"]) == ("b", "own")


def test_the_base_draws_nothing():
    with pytest.raises(TypeError, match="abstract"):
        ScoreDisplay()


def test_probabilities_serve_where_there_is_no_decision_function(toy_events):
    X, y, weight = toy_events
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    display = draw(forest, X, y, sample_weight=weight, n_replicas=0)
    reference = WeightedRocCurveDisplay.from_predictions(
        y, forest.predict_proba(X)[:, 1], sample_weight=weight, n_replicas=0
    )
    np.testing.assert_array_equal(display.thresholds, reference.thresholds)
    swapped = draw(forest, X, y, pos_label="b", n_replicas=0)
    assert swapped.roc_auc == pytest.approx(draw(forest, X, y, n_replicas=0).roc_auc)


def test_a_pipeline_is_a_classifier(toy_events):
    X, y, _ = toy_events
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    assert draw(pipeline, X, y, n_replicas=0).roc_auc > 0.8
    named = draw(pipeline, X, y, n_replicas=0, name="mine")
    assert named.name == "mine"


def test_errors(toy_events):
    X, y, _ = toy_events
    fitted = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="must be a binary classifier, got LinearReg"):
        draw(LinearRegression().fit(X, y == "s"), X, y)
    with pytest.raises(NotFittedError):
        draw(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match=r"must have two classes, got 3: \[0, 1, 2\]"):
        draw(LogisticRegression().fit(X, np.arange(400) % 3), X, y)
    with pytest.raises(ValueError, match=r"one of the classes \['b', 's'\], got 'x'"):
        draw(fitted, X, y, pos_label="x")
    with pytest.raises(ValueError, match=r"must be 'auto' or one of .* got 'predict'"):
        draw(fitted, X, y, response_method="predict")
    with pytest.raises(AttributeError, match="predict_proba"):
        draw(LinearSVC().fit(X, y), X, y, response_method="predict_proba")
