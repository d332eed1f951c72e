import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.metrics import RocCurveDisplay

from skhep_dnn.inspection import WeightedRocCurveDisplay
from skhep_dnn.metrics import bootstrap, weighted_roc_auc


def test_efficiencies_equal_brute_force(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, random_state=0
    )
    for k in (0, 1, 700, 2999):
        selected = score >= display.thresholds[k]
        for label, efficiency in (
            ("s", display.signal_efficiency),
            ("b", display.background_efficiency),
        ):
            share = weight[selected & (y == label)].sum() / weight[y == label].sum()
            assert efficiency[k] == pytest.approx(share, abs=1e-12)
        w_b = weight[selected & (y == "b")]
        n_eff = w_b.sum() ** 2 / (w_b**2).sum() if len(w_b) else 0.0
        assert display.background_n_eff[k] == pytest.approx(n_eff, abs=1e-9)
    np.testing.assert_array_equal(
        display.line_.get_ydata(), 1 - display.background_efficiency
    )


def test_curve_equals_scikit_learn_for_positive_weights(scored):
    y, score, weight = scored
    weight = np.abs(weight)
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, n_replicas=0
    )
    reference = RocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, pos_label="s", drop_intermediate=False
    )
    np.testing.assert_allclose(display.background_efficiency, reference.fpr, atol=1e-12)
    np.testing.assert_allclose(display.signal_efficiency, reference.tpr, atol=1e-12)
    assert display.roc_auc == pytest.approx(reference.roc_auc)


def test_area_and_error_are_in_the_legend(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, name="mine", random_state=0, n_replicas=50
    )
    result = bootstrap("roc_auc", y, score, weight, n_replicas=50, random_state=0)
    assert display.roc_auc == weighted_roc_auc(y, score, weight) == result.value
    assert display.roc_auc_error == result.error
    assert display.line_.get_label() == f"mine (AUC = {result})"


def test_label_without_error_or_area(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, n_replicas=0
    )
    assert display.roc_auc_error is None
    assert display.line_.get_label() == f"AUC = {display.roc_auc:.3f}"
    bare = WeightedRocCurveDisplay(
        background_efficiency=np.array([0.0, 1.0]),
        signal_efficiency=np.array([0.0, 1.0]),
    )
    assert bare.plot().ax_.get_legend() is None
    assert bare.plot(name="given").line_.get_label() == "given"
    assert bare.plot(rejection="inverse").line_.get_ydata()[1] == 1.0


def test_inverse_rejection_is_not_drawn_where_it_is_noise(scored):
    y, score, weight = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, rejection="inverse", plot_chance_level=True
    )
    drawn = display.line_.get_ydata()
    known = display.background_n_eff >= 4
    positive = display.background_efficiency > 0
    np.testing.assert_array_equal(np.isfinite(drawn), known & positive)
    np.testing.assert_allclose(
        drawn[known], 1 / display.background_efficiency[known], rtol=1e-12
    )
    assert display.ax_.get_yscale() == "log"
    assert "1 / " in display.ax_.get_ylabel()
    display.figure_.canvas.draw()


def test_negative_weights_may_lead_outside_the_unit_square():
    display = WeightedRocCurveDisplay.from_predictions(
        ["b", "b", "s", "b", "s"],
        [0.1, 0.3, 0.3, 0.6, 0.8],
        sample_weight=[2, 1, 3, -1, 1],
        n_replicas=0,
    )
    assert display.background_efficiency.min() == -0.5
    assert display.ax_.get_ylim()[1] > 1.5


def test_curves_on_the_same_axes_differ_in_colour_and_dashes(scored):
    y, score, weight = scored
    options = {"sample_weight": weight, "n_replicas": 0}
    first = WeightedRocCurveDisplay.from_predictions(
        y, score, plot_chance_level=True, **options
    )
    second = WeightedRocCurveDisplay.from_predictions(
        y, score**3, ax=first.ax_, **options
    )
    assert second.ax_ is first.ax_
    assert first.chance_level_ is not None
    assert second.chance_level_ is None
    assert first.line_.get_color() != second.line_.get_color()
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    assert len(plt.get_fignums()) == 1


def test_style(scored):
    y, score, _ = scored
    display = WeightedRocCurveDisplay.from_predictions(
        y, score, n_replicas=0, c="black", ls=":", label="own"
    )
    assert display.line_.get_color() == "black"
    assert display.line_.get_linestyle() == ":"
    assert display.line_.get_label() == "own"


@pytest.mark.parametrize("pos_label", [None, "b"])
@pytest.mark.parametrize("response_method", ["auto", "predict_proba"])
def test_from_estimator_equals_from_predictions(
    classifier, toy_events, pos_label, response_method
):
    X, y, weight = toy_events
    of_estimator = WeightedRocCurveDisplay.from_estimator(
        classifier,
        X,
        y,
        sample_weight=weight,
        pos_label=pos_label,
        response_method=response_method,
        random_state=0,
    )
    score = (-1 if pos_label == "b" else 1) * classifier.decision_function(X)
    of_scores = WeightedRocCurveDisplay.from_predictions(
        y, score, sample_weight=weight, pos_label=pos_label, random_state=0
    )
    assert of_estimator.roc_auc == pytest.approx(of_scores.roc_auc)
    assert of_estimator.roc_auc_error == pytest.approx(of_scores.roc_auc_error)
    np.testing.assert_allclose(
        of_estimator.signal_efficiency, of_scores.signal_efficiency
    )


def test_unknown_rejection(scored):
    y, score, _ = scored
    with pytest.raises(ValueError, match=r"`rejection` must be one of .* got 'odds'"):
        WeightedRocCurveDisplay.from_predictions(
            y, score, rejection="odds", n_replicas=0
        )
    assert plt.get_fignums() == []
