import pytest

from skhep_dnn.inspection import (
    DiscriminantDisplay,
    SignificanceScanDisplay,
    WeightedRocCurveDisplay,
)
from skhep_dnn.inspection._display import ScoreDisplay

DISPLAYS = [DiscriminantDisplay, SignificanceScanDisplay, WeightedRocCurveDisplay]


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
